/*
 * The whole service: what one answer costs through front and core, with real TLS, a real home on a real
 * disk and 64 callers that each have one request under way, an address and a token of their own.
 *
 *   page    a static file: front alone
 *   read    GET of a cheap route: authorised and audited, durable before its answer
 *   write   PUT of a register figure: authorised, audited, durable before its answer
 *   direct  the transaction of that write, called in this process on a home of its own: register entry and
 *           event committed, event flushed into the ledger; one at a time, and 64 to a flush
 *
 * Rounds take turns, so that what else the machine does falls on all of them alike; ratios are medians of
 * the rounds. Bars: write at least half of direct; all roles together under 40 MB (PSS) when idle.
 *
 * usage: bench-service [ROUNDS] [DIRECTORY]     the directory is on a disk: a memory file system is refused
 */
#include "core/fs.h"
#include "home/home.h"
#include "identity/identity.h"
#include "store/store.h"

#include "client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#define CALLERS 64
#define PER_CALLER 20 /* of each kind in a round; rates allow 120 writes at once */
#define ROUNDS_MAX 5
#define DIRECT_ONE 64
#define DIRECT_MANY 512
#define RATIO_BAR 0.5
#define IDLE_MB_BAR 40.0
#define TMPFS 0x01021994
#define FIGURE "cost.effort"

enum kind { PAGE, READ, WRITE, KIND_COUNT };
static const char *const kind_names[] = {"page", "read", "write"};

struct caller {
    struct client client;
    char text[KIND_COUNT][512]; /* requests */
    double sent_s;
};

struct role {
    pid_t pid;
    const char *name;
    double pss_mb;
};
#define ROLES_MAX 16

static struct {
    char dir[256];
    char program[512];
    pid_t pid;
    uint16_t port;
    struct role roles[ROLES_MAX];
    size_t role_count;
    struct caller callers[CALLERS];
    SSL_CTX *tls;
    struct po_home *direct;
    double latency_s[CALLERS * PER_CALLER];
} bench;

_Noreturn static void fail(struct po_ctx *cx, const char *what)
{
    fprintf(stderr, "bench-service: %s%s%s\n", what, cx != NULL ? ": " : "",
            cx != NULL ? po_err_msg(cx) : "");
    if (bench.pid > 0) (void)kill(bench.pid, SIGTERM);
    exit(1);
}

static void must(struct po_ctx *cx, po_rc rc, const char *what)
{
    if (!po_is_ok(rc)) fail(cx, what);
}

static double clock_s(clockid_t clock)
{
    struct timespec now = {0};
    if (clock_gettime(clock, &now) != 0) return 0;
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double now_s(void) { return clock_s(CLOCK_MONOTONIC); }

static const char *path_of(const char *name)
{
    static char paths[4][512];
    static unsigned next = 0;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", bench.dir, name);
    return path;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

/* ---- the service ----------------------------------------------------------------------------------- */

/* Ours to ask for: the kernel gives it to nobody else for a while. */
static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        fail(NULL, "no free port");
    (void)close(fd);
    return ntohs(at.sin_port);
}

static void run_service(void)
{
    char listen[32];
    char management[32];
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", bench.port);
    (void)snprintf(management, sizeof management, "127.0.0.1:%u", free_port());
    int log = open(path_of("log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) _exit(71);
    (void)execl(bench.program, bench.program, "--home", path_of("served"), "serve", "--listen",
                listen, "--management", management, (char *)NULL);
    _exit(127);
}

static bool log_says(const char *text)
{
    char line[4096];
    bool is_there = false;
    FILE *log = fopen(path_of("log"), "re");
    while (log != NULL && !is_there && fgets(line, sizeof line, log) != NULL)
        is_there = strstr(line, text) != NULL;
    if (log != NULL) (void)fclose(log);
    return is_there;
}

static void add_role(pid_t pid)
{
    static const char *const names[] = {"core", "front", "keeper"};
    char path[64];
    char text[1024] = {0};
    struct role role = {.pid = pid, .name = "supervisor"};
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    FILE *file = fopen(path, "re");
    size_t len = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL) (void)fclose(file);
    for (size_t i = 0; i < 3 && pid != bench.pid; i++) {
        char option[32];
        (void)snprintf(option, sizeof option, "--role=%s", names[i]);
        if (memmem(text, len, option, strlen(option)) != NULL) role.name = names[i];
    }
    if (bench.role_count < ROLES_MAX) bench.roles[bench.role_count++] = role;
}

/* This process and all below it. */
static void add_roles(pid_t pid)
{
    char path[64];
    int child = 0;
    size_t first = bench.role_count;
    add_role(pid);
    if (bench.role_count == first) return;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fscanf(file, "%d", &child) == 1)
        add_roles(child);
    if (file != NULL) (void)fclose(file);
}

static void start_service(void)
{
    bench.port = free_port();
    bench.pid = fork();
    if (bench.pid == 0) run_service();
    for (int i = 0; i < 300 && !log_says("\"service.serving\""); i++) {
        if (waitpid(bench.pid, NULL, WNOHANG) != 0) break;
        (void)usleep(100000);
    }
    if (!log_says("\"service.serving\"")) fail(NULL, "the service did not start");
    add_roles(bench.pid);
}

static double role_cpu_s(const char *name)
{
    clockid_t clock = 0;
    for (size_t i = 0; i < bench.role_count; i++)
        if (strcmp(bench.roles[i].name, name) == 0 &&
            clock_getcpuclockid(bench.roles[i].pid, &clock) == 0)
            return clock_s(clock);
    return 0;
}

/* Proportional set size: pages that are shared count once. 0: we may not know. */
static double pss_mb(pid_t pid)
{
    char path[64];
    char line[256];
    long kb = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Pss: %ld kB", &kb) == 1) break;
    if (file != NULL) (void)fclose(file);
    return (double)kb * 1024 / 1e6;
}

static bool measure_idle(void)
{
    double sum = 0;
    bool is_known = true;
    (void)usleep(2000000);
    for (size_t i = 0; i < bench.role_count; i++) {
        double mb = pss_mb(bench.roles[i].pid);
        is_known = is_known && mb > 0;
        sum += mb;
        printf("%s%s %.1f", i == 0 ? "service: idle, PSS in MB: " : ", ", bench.roles[i].name, mb);
    }
    if (!is_known) {
        printf("; not known of all: needs root\n");
        return true;
    }
    bool is_met = sum < IDLE_MB_BAR;
    printf("; together %.1f (bar %.0f%s)\n", sum, IDLE_MB_BAR, is_met ? "" : ": MISSED");
    return is_met;
}

/* ---- two homes, and callers of one ----------------------------------------------------------------- */

static void make_caller(struct po_ctx *cx, struct po_home *home, po_str owner, size_t i)
{
    static const po_str scopes[] = {PO_LIT("register.set"), PO_LIT("version")};
    static const char body[] = "{\"value\":\"1200 hours\"}";
    struct caller *caller = &bench.callers[i];
    char service[PO_ID_BYTES];
    struct po_token_made made = {0};
    char name[32];
    (void)snprintf(name, sizeof name, "caller %zu", i);
    const struct po_service_new account = {
        .name = po_str_of(name), .role = PO_LIT("operator"), .owner = owner};
    must(cx, po_service_create(cx, home, &account, service), "a service account");
    const struct po_token_new token = {
        .user = po_str_of(service), .name = PO_LIT("bench"), .scopes = scopes, .scope_count = 2};
    must(cx, po_token_create(cx, home, &token, &made), "a token");
    po_str secret = po_secret_bytes(made.secret);
    (void)snprintf(caller->text[PAGE], sizeof caller->text[PAGE],
                   "GET /web/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)snprintf(caller->text[READ], sizeof caller->text[READ],
                   "GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\n"
                   "Authorization: Bearer %.*s\r\n\r\n",
                   PO_STR_ARG(secret));
    (void)snprintf(caller->text[WRITE], sizeof caller->text[WRITE],
                   "PUT /api/v1/register/" FIGURE " HTTP/1.1\r\nHost: localhost\r\n"
                   "Authorization: Bearer %.*s\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   PO_STR_ARG(secret), sizeof body - 1, body);
    po_secret_free(made.secret);
}

static void make_homes(struct po_ctx *cx)
{
    PO_HOME_AUTO *served = NULL;
    struct po_user_invited invited = {0};
    const struct po_user_invite owner = {
        .email = PO_LIT("owner@example.org"), .name = PO_LIT("Owner"), .is_first_owner = true};
    if (setenv("XDG_STATE_HOME", path_of("state"), 1) != 0) fail(NULL, "the environment");
    must(cx, po_home_init(cx, path_of("served"), &served), "making a home");
    must(cx, po_user_invite(cx, served, &owner, &invited), "its owner");
    po_secret_free(invited.link);
    for (size_t i = 0; i < CALLERS; i++)
        make_caller(cx, served, po_str_of(invited.id), i);
    must(cx, po_home_close(cx, &served), "closing a home");
    must(cx, po_home_init(cx, path_of("direct"), &bench.direct), "making a home");
}

/* ---- measuring ------------------------------------------------------------------------------------- */

struct sample {
    double rate;
    double p50_s;
    double p99_s;
    double front_us; /* of processor for each request */
    double core_us;
};

static void send_one(struct caller *caller, enum kind kind)
{
    caller->sent_s = now_s();
    client_put(&caller->client, caller->text[kind], strlen(caller->text[kind]));
}

/* Each caller's next request follows its last answer. */
static void drive(enum kind kind, size_t total)
{
    struct pollfd polls[CALLERS];
    size_t sent = CALLERS;
    size_t done = 0;
    for (size_t i = 0; i < CALLERS; i++) {
        polls[i] = (struct pollfd){.fd = bench.callers[i].client.fd, .events = POLLIN};
        send_one(&bench.callers[i], kind);
    }
    while (done < total) {
        if (poll(polls, CALLERS, 30000) <= 0) fail(NULL, "no answer in 30 s");
        for (size_t i = 0; i < CALLERS; i++) {
            struct caller *caller = &bench.callers[i];
            if (polls[i].revents == 0) continue;
            client_get(&caller->client);
            bench.latency_s[done++ % (CALLERS * PER_CALLER)] = now_s() - caller->sent_s;
            if (sent < total)
                send_one(caller, kind);
            else
                polls[i].fd = -1;
            sent++;
        }
    }
}

static struct sample measure(enum kind kind)
{
    const size_t total = CALLERS * PER_CALLER;
    double front_s = role_cpu_s("front");
    double core_s = role_cpu_s("core");
    double begin_s = now_s();
    drive(kind, total);
    double wall_s = now_s() - begin_s;
    struct sample sample = {.rate = (double)total / wall_s,
                            .front_us = (role_cpu_s("front") - front_s) * 1e6 / (double)total,
                            .core_us = (role_cpu_s("core") - core_s) * 1e6 / (double)total};
    sample.p50_s = median(bench.latency_s, total);
    sample.p99_s = bench.latency_s[total * 99 / 100];
    return sample;
}

static void set_figure(struct po_ctx *cx)
{
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    const struct po_event event = {
        .type = PO_EVENT_TYPE_REGISTER_CHANGED,
        .resource = PO_LIT(FIGURE),
        .action = PO_LIT("set"),
        .result = PO_EVENT_SUCCESS,
        .detail =
            PO_LIT("{\"name\":\"" FIGURE "\",\"old\":\"1200 hours\",\"new\":\"1200 hours\"}")};
    must(cx, po_tx_begin(cx, po_home_store(bench.direct), &tx), "a transaction");
    must(cx, po_store_register_set(cx, tx, PO_LIT(FIGURE), PO_LIT("1200 hours"), &id), "a figure");
    must(cx, po_home_commit(cx, bench.direct, tx, &event), "a commit");
}

/* Transactions a second. */
static double measure_direct(size_t total, size_t to_a_flush)
{
    double begin_s = now_s();
    for (size_t done = 0; done < total; done += to_a_flush) {
        PO_CTX_AUTO cx = {0};
        must(&cx, po_ctx_init(&cx), "a context");
        (void)snprintf(cx.actor, sizeof cx.actor, "os:bench");
        cx.channel = PO_CHANNEL_CLI;
        for (size_t i = 0; i < to_a_flush; i++)
            set_figure(&cx);
        must(&cx, po_home_flush(&cx, bench.direct), "a flush");
    }
    return (double)total / (now_s() - begin_s);
}

struct rounds {
    double rate[KIND_COUNT][ROUNDS_MAX];
    double one[ROUNDS_MAX];
    double many[ROUNDS_MAX];
    double ratio_one[ROUNDS_MAX];
    double ratio_many[ROUNDS_MAX];
    double ratio_read[ROUNDS_MAX];
};

static void run_rounds(size_t count, struct rounds *rounds)
{
    for (int kind = 0; kind < KIND_COUNT; kind++)
        drive((enum kind)kind, CALLERS); /* first uses of tokens are recorded, caches are warm */
    for (size_t i = 0; i < count; i++) {
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            struct sample sample = measure((enum kind)kind);
            rounds->rate[kind][i] = sample.rate;
            printf("  round %zu  %-5s %7.0f/s  median %6.2f ms, 99%% %6.2f ms, processor: front "
                   "%4.0f us, core %4.0f us\n",
                   i + 1, kind_names[kind], sample.rate, sample.p50_s * 1e3, sample.p99_s * 1e3,
                   sample.front_us, sample.core_us);
        }
        rounds->one[i] = measure_direct(DIRECT_ONE, 1);
        rounds->many[i] = measure_direct(DIRECT_MANY, CALLERS);
        printf("  round %zu  direct %6.0f/s one to a flush, %.0f/s %d to a flush\n", i + 1,
               rounds->one[i], rounds->many[i], CALLERS);
        rounds->ratio_one[i] = rounds->rate[WRITE][i] / rounds->one[i];
        rounds->ratio_many[i] = rounds->rate[WRITE][i] / rounds->many[i];
        rounds->ratio_read[i] = rounds->rate[READ][i] / rounds->rate[PAGE][i];
        (void)fflush(stdout);
    }
}

static bool report(size_t count, struct rounds *rounds)
{
    double one = median(rounds->ratio_one, count);
    double many = median(rounds->ratio_many, count);
    bool is_met = one >= RATIO_BAR;
    for (int kind = 0; kind < KIND_COUNT; kind++)
        printf("service: %-5s %7.0f/s at %d connections over TLS\n", kind_names[kind],
               median(rounds->rate[kind], count), CALLERS);
    printf("service: read to page %.2f\n", median(rounds->ratio_read, count));
    printf("service: write to direct %.2f (bar %.2f%s); to direct with %d to a flush %.2f\n", one,
           RATIO_BAR, is_met ? "" : ": MISSED", CALLERS, many);
    return is_met;
}

/* What a sync costs here: the figures above mean little without it. */
static void say_disk(const struct statfs *fs)
{
    double took_s[101];
    char block[4096] = {0};
    int fd = open(path_of("sync"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) fail(NULL, "the directory cannot be written");
    for (size_t i = 0; i < 101; i++) {
        double begin_s = now_s();
        if (pwrite(fd, block, sizeof block, (off_t)(i * sizeof block)) != sizeof block ||
            fdatasync(fd) != 0)
            fail(NULL, "the directory cannot be written");
        took_s[i] = now_s() - begin_s;
    }
    (void)close(fd);
    (void)unlink(path_of("sync"));
    printf("service: homes in %s (file system type 0x%lx), a sync of 4 KiB takes %.2f ms\n",
           bench.dir, (unsigned long)fs->f_type, median(took_s, 101) * 1e3);
}

static void prepare(struct po_ctx *cx, const char *self, const char *base)
{
    struct statfs fs = {0};
    const char *slash = strrchr(self, '/');
    int folder = slash != NULL ? (int)(slash - self) : 1;
    (void)snprintf(bench.program, sizeof bench.program, "%.*s/paulyops", folder,
                   slash != NULL ? self : ".");
    (void)snprintf(bench.dir, sizeof bench.dir, "%s/bench-service-XXXXXX", base);
    if (access(bench.program, X_OK) != 0) fail(NULL, "there is no paulyops beside this program");
    if (statfs(base, &fs) != 0 || fs.f_type == TMPFS)
        fail(NULL, "give a directory on a disk: in memory nothing is durable");
    if (mkdtemp(bench.dir) == NULL) fail(NULL, "no directory for the homes");
    if (mkdir(path_of("state"), 0700) != 0) fail(NULL, "no directory for the keys");
    say_disk(&fs);
    (void)snprintf(cx->actor, sizeof cx->actor, "os:bench");
    cx->channel = PO_CHANNEL_CLI;
    make_homes(cx);
    bench.tls = SSL_CTX_new(TLS_client_method());
    if (bench.tls == NULL) fail(NULL, "no TLS");
}

static void stop_service(void)
{
    (void)kill(bench.pid, SIGTERM);
    (void)waitpid(bench.pid, NULL, 0);
    bench.pid = 0;
}

int main(int argc, char **argv)
{
    PO_CTX_AUTO cx = {0};
    struct rounds rounds = {0};
    long asked = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS_MAX;
    size_t count = asked < 1 || asked > ROUNDS_MAX ? ROUNDS_MAX : (size_t)asked;
    if (!po_is_ok(po_ctx_init(&cx))) return 71;
    (void)signal(SIGPIPE, SIG_IGN);
    prepare(&cx, argv[0], argc > 2 ? argv[2] : "/var/tmp");
    start_service();
    bool is_idle_met = measure_idle();
    for (uint32_t i = 0; i < CALLERS; i++)
        client_open(&bench.callers[i].client, client_dial(bench.port, i + 1), bench.tls);
    run_rounds(count, &rounds);
    bool is_met = report(count, &rounds);
    for (size_t i = 0; i < CALLERS; i++)
        client_close(&bench.callers[i].client);
    stop_service();
    SSL_CTX_free(bench.tls);
    must(&cx, po_home_close(&cx, &bench.direct), "closing a home");
    must(&cx, po_fs_remove_tree(&cx, bench.dir, 16), "tidying up");
    return is_met && is_idle_met ? 0 : 1;
}

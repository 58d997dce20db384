/*
 * The world of a core: see core_bench.h.
 */
#include "power/core_bench.h"
#include "power/core_keeper.h"

#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef PO_FAULTS

#define TURN_MS 1000
#define FIRST_FD 40 /* above what core gives a meaning to, and what tests have open */

/* ---- clocks ---------------------------------------------------------------------------------- */

static int64_t *leaped_us;
static bool is_following;

void core_clock_share(void)
{
    if (leaped_us == NULL)
        leaped_us = mmap(NULL, sizeof *leaped_us, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *leaped_us = 0;
}

void core_clock_leap(po_time_us by_us) { *leaped_us += by_us; }
void core_clock_follow(void) { is_following = true; }

/* For core/clock.c: the dynamic linker prefers the program's own. */
int clock_gettime(clockid_t id, struct timespec *now)
{
    int ret = (int)syscall(SYS_clock_gettime, id, now);
    bool is_ours = id == CLOCK_REALTIME || id == CLOCK_MONOTONIC;
    if (ret != 0 || !is_following || leaped_us == NULL || !is_ours) return ret;
    int64_t ns = now->tv_nsec + *leaped_us % PO_US_PER_S * 1000;
    now->tv_sec += *leaped_us / PO_US_PER_S + ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
    return 0;
}

/* The machine's own, which does not leap. */
static int64_t real_ms(void)
{
    struct timespec now = {0};
    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- channels -------------------------------------------------------------------------------- */

static bool move_up(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FD);
    (void)close(*fd);
    *fd = moved;
    return moved >= 0 && po_sys_set_nonblocking(moved) == 0;
}

static bool make_pair(struct po_wire_end *end, int *ret_core)
{
    int fds[2] = {-1, -1};
    if (po_sys_socketpair(fds) != 0) return false;
    bool is_good = move_up(&fds[0]);
    is_good = move_up(&fds[1]) && is_good;
    po_wire_end_init(end, fds[0]);
    *ret_core = fds[1];
    return is_good;
}

bool core_bench_open(struct core_bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->core_control = bench->core_front = bench->core_keeper = -1;
    po_wire_end_init(&bench->local, -1);
    /* core's channel has that place: nobody else takes it meanwhile */
    if (fcntl(PO_DAEMON_CONTROL_FD, F_GETFD) < 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null != PO_DAEMON_CONTROL_FD) (void)dup2(null, PO_DAEMON_CONTROL_FD);
        if (null != PO_DAEMON_CONTROL_FD) (void)close(null);
    }
    return po_is_ok(po_ctx_init(&bench->cx)) && make_pair(&bench->control, &bench->core_control) &&
           make_pair(&bench->front, &bench->core_front) &&
           make_pair(&bench->keeper, &bench->core_keeper);
}

void core_bench_close(struct core_bench *bench)
{
    po_wire_end_done(&bench->control);
    po_wire_end_done(&bench->front);
    po_wire_end_done(&bench->keeper);
    po_wire_end_done(&bench->local);
    po_fd_closep(&bench->core_control);
    po_fd_closep(&bench->core_front);
    po_fd_closep(&bench->core_keeper);
    po_ctx_done(&bench->cx);
}

void core_bench_enter(struct core_bench *bench, const char *home, const char *log)
{
    core_clock_follow();
    int to = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    (void)dup2(to, STDERR_FILENO);
    (void)close(to);
    (void)dup2(bench->core_control, PO_DAEMON_CONTROL_FD);
    core_bench_close(bench);
    core_keeper_begin(home);
}

int core_bench_run_role(const char *home)
{
    char argument[600];
    char *argv[] = {argument, NULL};
    (void)snprintf(argument, sizeof argument, "--home=%s", home);
    int exit_code = po_core_role_run(1, argv);
    core_keeper_end();
    (void)close(PO_DAEMON_CONTROL_FD); /* as the end of its process does */
    return exit_code;
}

int core_bench_be_core(struct core_bench *bench, const char *home, const char *log)
{
    core_bench_enter(bench, home, log);
    return core_bench_run_role(home);
}

static bool say(struct core_bench *bench, struct po_wire_end *end, const struct po_wire_msg *msg)
{
    if (end->fd < 0) return false;
    po_rc rc = po_wire_end_send(&bench->cx, end, msg);
    if (po_is_ok(rc)) rc = po_wire_end_flush(&bench->cx, end);
    po_err_clear(&bench->cx);
    return po_is_ok(rc);
}

/* Passes core's end of a link on, and is rid of it. */
static bool give_link(struct core_bench *bench, const char *role, int *fd)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_LINK, 0);
    po_wire_set_text(&msg, PO_WIRE_ROLE, po_str_of(role));
    po_rc rc = po_wire_send_fd(&bench->cx, bench->control.fd, &msg, *fd);
    po_err_clear(&bench->cx);
    po_fd_closep(fd);
    return po_is_ok(rc);
}

/* A core that has ended already is met where it is waited for: it may have said why. */
void core_bench_be_world(struct core_bench *bench)
{
    po_fd_closep(&bench->core_control);
    (void)give_link(bench, PO_DAEMON_ROLE_KEEPER, &bench->core_keeper);
    (void)give_link(bench, PO_DAEMON_ROLE_FRONT, &bench->core_front);
}

/* ---- what core says -------------------------------------------------------------------------- */

#define HASH_PREFIX "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$"

void core_bench_hash(po_str password, char *out, size_t size)
{
    char text[44]; /* 43 of base64, as long as a real one */
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = "ABCDEFGHIJKLMNOP"[(uint8_t)password.ptr[i % password.len] % 16];
    text[sizeof text - 1] = '\0';
    (void)snprintf(out, size, HASH_PREFIX "%s", text);
}

static void take_keeper(struct core_bench *bench, const struct po_wire_msg *msg)
{
    struct po_wire_msg answer;
    char hash[128];
    if (bench->is_keeper_dead) return;
    core_bench_hash(msg->text[PO_WIRE_SECRET], hash, sizeof hash);
    po_wire_begin(&answer, PO_WIRE_KIND_PASSWORD_ANSWER, msg->id);
    po_wire_set_number(&answer, PO_WIRE_CODE, PO_OK);
    if (msg->kind == PO_WIRE_KIND_PASSWORD_HASH)
        po_wire_set_text(&answer, PO_WIRE_HASH, po_str_of(hash));
    else
        po_wire_set_number(&answer, PO_WIRE_IS_MATCH,
                           po_str_eq_cstr(msg->text[PO_WIRE_HASH], hash) ? 1 : 0);
    (void)say(bench, &bench->keeper, &answer);
}

static void take_control(struct core_bench *bench, const struct po_wire_msg *msg)
{
    if (msg->kind == PO_WIRE_KIND_READY) bench->is_ready = true;
    if (msg->kind == PO_WIRE_KIND_PONG) bench->is_pinged = false;
    if (msg->kind == PO_WIRE_KIND_BROKEN) {
        bool is_front = po_str_eq_cstr(msg->text[PO_WIRE_ROLE], PO_DAEMON_ROLE_FRONT);
        *(is_front ? &bench->is_front_broken : &bench->is_keeper_broken) = true;
    }
    if (msg->kind != PO_WIRE_KIND_FAILED) return;
    bench->failed_code = (enum po_code)msg->number[PO_WIRE_CODE];
    (void)snprintf(bench->failed, sizeof bench->failed, "%.*s",
                   PO_STR_ARG(msg->text[PO_WIRE_MESSAGE]));
}

static struct core_answer *find_asked(struct core_bench *bench, uint64_t id)
{
    for (size_t i = 0; i < CORE_ASKED_MAX; i++)
        if (bench->asked[i].id == id && id != 0) return &bench->asked[i];
    return NULL;
}

static bool is_field(po_str name, const char *want)
{
    return name.len == strlen(want) && strncasecmp(name.ptr, want, name.len) == 0;
}

static void take_fields(struct core_answer *answer, const struct po_wire_msg *msg)
{
    for (size_t i = 0; i + 1 < msg->list_count; i += 2) {
        po_str value = msg->list[i + 1];
        if (is_field(msg->list[i], "x-request-id"))
            (void)snprintf(answer->request_id, sizeof answer->request_id, "%.*s",
                           PO_STR_ARG(value));
        if (!is_field(msg->list[i], "set-cookie")) continue;
        size_t end = po_str_find_char(value, ';', 0);
        (void)snprintf(answer->cookie, sizeof answer->cookie, "%.*s",
                       (int)(end != SIZE_MAX ? end : value.len), value.ptr);
    }
}

static void take_event(struct core_bench *bench, struct core_answer *answer, uint64_t id)
{
    struct po_wire_msg taken;
    answer->events++;
    po_wire_begin(&taken, PO_WIRE_KIND_STREAM_TAKEN, id);
    po_wire_set_number(&taken, PO_WIRE_COUNT, 1);
    (void)say(bench, &bench->front, &taken);
}

static void take_front(struct core_bench *bench, const struct po_wire_msg *msg)
{
    struct core_answer *answer = find_asked(bench, msg->id);
    if (answer == NULL) return;
    if (msg->kind == PO_WIRE_KIND_STREAM_EVENT) take_event(bench, answer, msg->id);
    if (msg->kind == PO_WIRE_KIND_STREAM_CLOSE) answer->is_stream = false;
    if (msg->kind != PO_WIRE_KIND_RESPONSE && msg->kind != PO_WIRE_KIND_STREAM_OPEN) return;
    answer->is_over = true;
    answer->is_stream = msg->kind == PO_WIRE_KIND_STREAM_OPEN;
    answer->status = (unsigned)msg->number[PO_WIRE_STATUS];
    take_fields(answer, msg);
    (void)snprintf(answer->body, sizeof answer->body, "%.*s", PO_STR_ARG(msg->text[PO_WIRE_BODY]));
}

static void take_local(struct core_bench *bench, const struct po_wire_msg *msg)
{
    if (msg->kind == PO_WIRE_KIND_OUT || msg->kind == PO_WIRE_KIND_NOTE)
        (void)snprintf(bench->out, sizeof bench->out, "%.*s", PO_STR_ARG(msg->text[PO_WIRE_BODY]));
    if (msg->kind != PO_WIRE_KIND_RESULT) return;
    bench->has_result = true;
    bench->exit_code = (int)msg->number[PO_WIRE_EXIT_CODE];
}

typedef void (*take_frame)(struct core_bench *bench, const struct po_wire_msg *msg);

/* False: the other side has gone. What it had sent before is taken. */
static bool read_end(struct core_bench *bench, struct po_wire_end *end, take_frame take)
{
    struct po_wire_msg msg;
    bool has = true;
    if (end->fd < 0) return true;
    po_rc rc = po_wire_end_fill(&bench->cx, end);
    while (has && po_is_ok(po_wire_end_next(&bench->cx, end, &msg, &has)))
        if (has) take(bench, &msg);
    po_err_clear(&bench->cx);
    if (!po_is_ok(rc)) po_wire_end_done(end);
    return po_is_ok(rc);
}

/* Nobody answers what was asked there. */
static void front_lost(struct core_bench *bench)
{
    bench->is_front_cut = true;
    for (size_t i = 0; i < CORE_ASKED_MAX; i++) {
        bench->asked[i].is_over = true;
        bench->asked[i].is_stream = false;
    }
}

static void turn(struct core_bench *bench)
{
    struct pollfd fds[] = {{bench->control.fd, POLLIN, 0},
                           {bench->front.fd, POLLIN, 0},
                           {bench->keeper.fd, POLLIN, 0},
                           {bench->local.fd, POLLIN, 0}};
    int count = poll(fds, sizeof fds / sizeof *fds, TURN_MS);
    /* one answer may be lost; the supervisor, too, asks again before it says that core hangs */
    if (count == 0 && bench->is_pinged) (void)core_bench_tell(bench, PO_WIRE_KIND_PING);
    if (!read_end(bench, &bench->keeper, take_keeper)) bench->is_keeper_cut = true;
    if (!read_end(bench, &bench->front, take_front)) front_lost(bench);
    if (!read_end(bench, &bench->local, take_local)) bench->has_result = true;
    if (read_end(bench, &bench->control, take_control)) return;
    /* core has ended: everything that it sent is here already */
    (void)read_end(bench, &bench->front, take_front);
    (void)read_end(bench, &bench->local, take_local);
    bench->is_gone = true;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool is_answered(const struct core_bench *bench)
{
    for (size_t i = 0; i < CORE_ASKED_MAX; i++)
        if (bench->asked[i].id != 0 && !bench->asked[i].is_over) return false;
    return !bench->is_pinged;
}
static bool is_ready(const struct core_bench *bench) { return bench->is_ready; }
static bool has_result(const struct core_bench *bench) { return bench->has_result; }
static bool is_gone(const struct core_bench *bench) { return bench->is_gone; }

static bool wait_for(struct core_bench *bench, bool (*is_done)(const struct core_bench *bench))
{
    int64_t end_ms = real_ms() + CORE_HANGS_MS;
    while (!is_done(bench) && !bench->is_gone && !bench->has_hung) {
        turn(bench);
        bench->has_hung = real_ms() > end_ms;
    }
    return is_done(bench) && !bench->has_hung;
}

bool core_bench_wait_ready(struct core_bench *bench) { return wait_for(bench, is_ready); }
bool core_bench_wait(struct core_bench *bench) { return wait_for(bench, is_answered); }
bool core_bench_wait_end(struct core_bench *bench) { return wait_for(bench, is_gone); }

static bool is_told(const struct core_bench *bench)
{
    return (!bench->is_keeper_cut || bench->is_keeper_broken) &&
           (!bench->is_front_cut || bench->is_front_broken);
}

bool core_bench_relink(struct core_bench *bench)
{
    bool is_good = wait_for(bench, is_told) && !bench->is_gone;
    if (is_good && bench->is_keeper_cut)
        is_good = make_pair(&bench->keeper, &bench->core_keeper) &&
                  give_link(bench, PO_DAEMON_ROLE_KEEPER, &bench->core_keeper);
    if (is_good && bench->is_front_cut)
        is_good = make_pair(&bench->front, &bench->core_front) &&
                  give_link(bench, PO_DAEMON_ROLE_FRONT, &bench->core_front);
    if (is_good)
        bench->is_keeper_cut = bench->is_front_cut = bench->is_keeper_broken =
            bench->is_front_broken = false;
    return is_good;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void set(struct po_wire_msg *msg, enum po_wire_field field, const char *text)
{
    if (text != NULL) po_wire_set_text(msg, field, po_str_of(text));
}

struct core_answer *core_bench_ask(struct core_bench *bench, const struct core_request *request)
{
    struct po_wire_msg msg;
    struct core_answer *answer = NULL;
    for (size_t i = 0; i < CORE_ASKED_MAX && answer == NULL; i++)
        if (bench->asked[i].id == 0) answer = &bench->asked[i];
    if (answer == NULL) return NULL;
    *answer = (struct core_answer){.id = ++bench->last_id};
    po_wire_begin(&msg, PO_WIRE_KIND_REQUEST, answer->id);
    set(&msg, PO_WIRE_METHOD, request->method);
    set(&msg, PO_WIRE_PATH, request->path);
    set(&msg, PO_WIRE_PEER, "192.0.2.7");
    set(&msg, PO_WIRE_HOST, "pauly.example.test");
    set(&msg, PO_WIRE_ORIGIN, "https://pauly.example.test");
    set(&msg, PO_WIRE_SEC_FETCH_SITE, "same-origin");
    set(&msg, PO_WIRE_USER_AGENT, "test/1");
    set(&msg, PO_WIRE_COOKIE, request->cookie);
    set(&msg, PO_WIRE_IDEMPOTENCY_KEY, request->key);
    set(&msg, PO_WIRE_BODY, request->body);
    if (strcmp(request->method, "GET") != 0) set(&msg, PO_WIRE_CONTENT_TYPE, "application/json");
    po_wire_set_number(&msg, PO_WIRE_IS_TLS, 1);
    if (!say(bench, &bench->front, &msg)) answer->is_over = bench->is_front_cut = true;
    return answer;
}

void core_bench_forget(struct core_bench *bench)
{
    for (size_t i = 0; i < CORE_ASKED_MAX; i++)
        if (bench->asked[i].is_over && !bench->asked[i].is_stream) bench->asked[i].id = 0;
}

void core_bench_cancel(struct core_bench *bench, struct core_answer *answer)
{
    struct po_wire_msg msg;
    answer->is_stream = false;
    po_wire_begin(&msg, PO_WIRE_KIND_CANCEL, answer->id);
    (void)say(bench, &bench->front, &msg);
}

bool core_bench_tell(struct core_bench *bench, enum po_wire_kind kind)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, kind, ++bench->last_id);
    return say(bench, &bench->control, &msg);
}

bool core_bench_tell_died(struct core_bench *bench, const char *role)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_DIED, 0);
    po_wire_set_text(&msg, PO_WIRE_ROLE, po_str_of(role));
    po_wire_set_number(&msg, PO_WIRE_PID, 4711);
    po_wire_set_number(&msg, PO_WIRE_SIGNAL, 9);
    po_wire_set_number(&msg, PO_WIRE_RESTARTS, 1);
    return say(bench, &bench->control, &msg);
}

bool core_bench_tell_probed(struct core_bench *bench, unsigned status)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_PROBED, 0);
    po_wire_set_number(&msg, PO_WIRE_STATUS, status);
    po_wire_set_number(&msg, PO_WIRE_TOOK_MS, 3);
    return say(bench, &bench->control, &msg);
}

bool core_bench_ping(struct core_bench *bench)
{
    bench->is_pinged = core_bench_tell(bench, PO_WIRE_KIND_PING);
    return core_bench_wait(bench);
}

bool core_bench_run(struct core_bench *bench, const char *root, const char *const *argv)
{
    struct po_wire_msg msg;
    int fd = -1;
    po_wire_end_done(&bench->local);
    bench->has_result = false;
    bench->exit_code = -1;
    bench->out[0] = '\0';
    po_rc rc = po_local_connect(&bench->cx, root, &fd);
    po_err_clear(&bench->cx);
    if (!po_is_ok(rc) || fd < 0) return false;
    po_wire_end_init(&bench->local, fd);
    po_wire_begin(&msg, PO_WIRE_KIND_RUN, ++bench->last_id);
    for (size_t i = 0; argv[i] != NULL; i++)
        po_ignore(po_wire_add(&msg, po_str_of(argv[i])), "few words");
    if (!say(bench, &bench->local, &msg)) return false;
    (void)wait_for(bench, has_result);
    po_wire_end_done(&bench->local);
    return bench->exit_code >= 0;
}

#endif

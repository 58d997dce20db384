/*
 * HTTP: the server alone against libmicrohttpd, requests per second of server CPU: static GET and echo
 * POST, plain and TLS, 64 connections that each have one request under way. Then what 10,000 idle
 * connections cost in memory. Each server is a child with one thread.
 *
 * usage: bench-http [REQUESTS] [IDLE]      0 leaves a part out
 */
#include "core/fs.h"
#include "http/http.h"

#include "client.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 64
#define BODY "hello, this is a body of fifty bytes for measuring"
#define POST_BYTES 360
#define ROUNDS 3

static char work_dir[] = "/tmp/bench-http-XXXXXX";
static struct po_http_tls cert;
static char post_body[POST_BYTES + 1];

/* ---- ours ------------------------------------------------------------------------------------------ */

static void ours_handle(struct po_ctx *cx, void *user, const struct po_http_request *req,
                        struct po_http_response *res)
{
    (void)cx, (void)user;
    po_http_set(res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/plain"));
    if (req->method == PO_HTTP_POST)
        po_http_body(res, req->body);
    else
        po_http_body_static(res, PO_LIT(BODY));
}

static int run_ours(bool is_tls, int port_fd)
{
    PO_CTX_AUTO cx = {0};
    struct po_http_server *server = NULL;
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    uint16_t port = 0;
    struct po_http_config config = {.handler.handle = ours_handle};
    config.limits = (struct po_http_limits){.connections_max = 12000,
                                            .address_connections_max = 12000,
                                            .requests_max = UINT32_MAX,
                                            .head_ms = 600000,
                                            .tls_ms = 600000,
                                            .idle_ms = 600000};
    struct po_http_listen listen = {.address = "127.0.0.1", .is_tls = is_tls};
    if (!po_is_ok(po_ctx_init(&cx)) || !po_is_ok(po_http_server_new(&cx, &config, &server)))
        return 1;
    if (is_tls && !po_is_ok(po_http_tls_load(&cx, server, &cert, fingerprint))) return 2;
    if (!po_is_ok(po_http_server_listen(&cx, server, &listen, &port))) return 3;
    if (write(port_fd, &port, sizeof port) != sizeof port) return 4;
    while (po_is_ok(po_http_server_step(&cx, server, -1)))
        ;
    return 5;
}

/* ---- theirs ----------------------------------------------------------------------------------------- */

struct upload {
    size_t len;
    char bytes[1024];
};

static enum MHD_Result theirs_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                     const char *method, const char *version, const char *data,
                                     size_t *data_len, void **state)
{
    struct upload *upload = *state;
    (void)cls, (void)url, (void)version;
    if (upload == NULL) {
        *state = calloc(1, sizeof *upload);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*data_len > 0) {
        size_t more = *data_len < sizeof upload->bytes - upload->len ? *data_len : 0;
        memcpy(upload->bytes + upload->len, data, more);
        upload->len += more;
        *data_len = 0;
        return MHD_YES;
    }
    static char fixed[] = BODY;
    bool is_post = method[0] == 'P';
    struct MHD_Response *response =
        is_post ? MHD_create_response_from_buffer(upload->len, upload->bytes, MHD_RESPMEM_MUST_COPY)
                : MHD_create_response_from_buffer(sizeof fixed - 1, fixed, MHD_RESPMEM_PERSISTENT);
    (void)MHD_add_response_header(response, "Content-Type", "text/plain");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static void theirs_done(void *cls, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode why)
{
    (void)cls, (void)connection, (void)why;
    free(*state);
    *state = NULL;
}

static char *slurp(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *file = fopen(path, "re");
    if (text == NULL || file == NULL || fread(text, 1, 65535, file) == 0) exit(74);
    (void)fclose(file);
    return text;
}

static int run_theirs(bool is_tls, int port_fd)
{
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, is_tls ? slurp(cert.cert_path) : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, is_tls ? slurp(cert.key_path) : NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3"},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | (is_tls ? MHD_USE_TLS : 0);
    struct MHD_Daemon *server =
        MHD_start_daemon(flags, 0, NULL, NULL, theirs_handle, NULL, MHD_OPTION_SOCK_ADDR, &at,
                         MHD_OPTION_CONNECTION_LIMIT, 12000u, MHD_OPTION_CONNECTION_TIMEOUT, 600u,
                         MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, theirs_done,
                         NULL, MHD_OPTION_ARRAY, is_tls ? tls : none, MHD_OPTION_END);
    if (server == NULL) return 1;
    uint16_t port = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
    if (write(port_fd, &port, sizeof port) != sizeof port) return 4;
    for (;;)
        (void)pause();
}

/* ---- a client ---------------------------------------------------------------------------------------- */

static SSL_CTX *client_ctx;

static void open_client(struct client *client, uint16_t port, bool is_tls)
{
    client_open(client, client_dial(port, 0), is_tls ? client_ctx : NULL);
}

/* ---- measuring --------------------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    uint16_t port;
};

static struct child start(int (*run)(bool is_tls, int port_fd), bool is_tls)
{
    int fds[2];
    struct child child = {0};
    (void)fflush(stdout);
    if (pipe(fds) != 0) exit(71);
    child.pid = fork();
    if (child.pid == 0) _exit(run(is_tls, fds[1]));
    if (read(fds[0], &child.port, sizeof child.port) != sizeof child.port) exit(1);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return child;
}

static void stop(struct child child)
{
    (void)kill(child.pid, SIGKILL);
    (void)waitpid(child.pid, NULL, 0);
}

static double cpu_s(pid_t pid)
{
    clockid_t clock = 0;
    struct timespec now = {0};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &now) != 0) exit(1);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double requests_per_cpu_s(struct child child, bool is_tls, bool is_post, long requests)
{
    static struct client clients[CONNECTIONS];
    char text[1024];
    int len = snprintf(text, sizeof text,
                       is_post ? "POST /echo HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"
                                 "Accept: */*\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %d\r\n\r\n%s"
                               : "GET /static HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"
                                 "Accept: */*\r\n\r\n",
                       POST_BYTES, post_body);
    for (int i = 0; i < CONNECTIONS; i++)
        open_client(&clients[i], child.port, is_tls);
    double before = 0;
    for (long done = -CONNECTIONS; done < requests; done += CONNECTIONS) {
        if (done == 0) before = cpu_s(child.pid); /* after one warm round */
        for (int i = 0; i < CONNECTIONS; i++)
            client_put(&clients[i], text, (size_t)len);
        for (int i = 0; i < CONNECTIONS; i++)
            client_get(&clients[i]);
    }
    double spent = cpu_s(child.pid) - before;
    for (int i = 0; i < CONNECTIONS; i++)
        client_close(&clients[i]);
    return (double)requests / spent;
}

static double rate_of(int (*run)(bool is_tls, int port_fd), bool is_tls, bool is_post,
                      long requests)
{
    struct child child = start(run, is_tls);
    double rate = requests_per_cpu_s(child, is_tls, is_post, requests);
    stop(child);
    return rate;
}

static void compare(long requests)
{
    printf("http: requests per second of server CPU, %d connections, best of %d\n", CONNECTIONS,
           ROUNDS);
    for (int kind = 0; kind < 4; kind++) {
        bool is_tls = kind >= 2;
        bool is_post = kind % 2 == 1;
        double best[2] = {0, 0};
        for (int round = 0; round < 2 * ROUNDS; round++) {
            bool is_ours = round % 2 == 0;
            double rate = rate_of(is_ours ? run_ours : run_theirs, is_tls, is_post, requests);
            if (rate > best[round % 2]) best[round % 2] = rate;
        }
        printf("  %-5s %-4s ours %8.0f  libmicrohttpd %8.0f  ratio %.2f\n",
               is_tls ? "TLS" : "plain", is_post ? "POST" : "GET", best[0], best[1],
               best[0] / best[1]);
        (void)fflush(stdout);
    }
}

static double rss_mb(pid_t pid)
{
    char path[64];
    long pages[2] = {0, 0};
    (void)snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2) exit(1);
    (void)fclose(file);
    return (double)pages[1] * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* Connections that have had one request and wait for the next. */
static void measure_idle(long idle, bool is_tls)
{
    struct client *clients = calloc((size_t)idle, sizeof *clients);
    if (clients == NULL) exit(71);
    struct child child = start(run_ours, is_tls);
    double before = rss_mb(child.pid);
    for (long i = 0; i < idle; i++) {
        static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        open_client(&clients[i], child.port, is_tls);
        client_put(&clients[i], text, sizeof text - 1);
        client_get(&clients[i]);
        /* The client's half of a TLS connection is not needed any more. */
        SSL_free(clients[i].ssl);
        clients[i].ssl = NULL;
    }
    double after = rss_mb(child.pid);
    printf("http: %ld idle connections, %s: %.1f MB resident in all, %.2f KB each\n", idle,
           is_tls ? "TLS" : "plain", after, (after - before) * 1000 / (double)idle);
    for (long i = 0; i < idle; i++)
        client_close(&clients[i]);
    free(clients);
    stop(child);
}

static int prepare(void)
{
    static const po_str name = PO_LIT("localhost");
    static char cert_path[64];
    static char key_path[64];
    PO_CTX_AUTO cx = {0};
    struct po_http_cert_names names = {&name, 1};
    char fingerprint[PO_HTTP_FINGERPRINT_BYTES];
    struct rlimit files = {0};
    if (mkdtemp(work_dir) == NULL || !po_is_ok(po_ctx_init(&cx))) return 1;
    (void)snprintf(cert_path, sizeof cert_path, "%s/crt", work_dir);
    (void)snprintf(key_path, sizeof key_path, "%s/key", work_dir);
    cert = (struct po_http_tls){.cert_path = cert_path, .key_path = key_path};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    memset(post_body, 'x', POST_BYTES);
    client_ctx = SSL_CTX_new(TLS_client_method());
    if (client_ctx == NULL || !po_is_ok(po_http_cert_create(&cx, &cert, &names, fingerprint)))
        return 1;
    return 0;
}

int main(int argc, char **argv)
{
    long requests = argc > 1 ? strtol(argv[1], NULL, 10) : 64000;
    long idle = argc > 2 ? strtol(argv[2], NULL, 10) : 10000;
    (void)signal(SIGPIPE, SIG_IGN);
    if (prepare() != 0) return 1;
    if (requests > 0) compare(requests);
    if (idle > 0) measure_idle(idle, false);
    if (idle > 0) measure_idle(idle, true);
    (void)unlink(cert.cert_path);
    (void)unlink(cert.key_path);
    (void)rmdir(work_dir);
    SSL_CTX_free(client_ctx);
    return 0;
}

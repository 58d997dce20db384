/*
 * The keeper's process: its start and its loop (keeper.h).
 *
 *   find the keys' place -> start both workers -> lock in -> both are ready -> READY
 *     -> { LINK, jobs, questions, answers } -> STOP or a worker's end
 *
 * It opens the keys when core asks it to, already fenced in.
 */
#include "daemon/keeper_priv.h"

#include "core/fs.h"
#include "core/log.h"
#include "core/sandbox.h"
#include "core/sys.h"
#include "daemon/daemon_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define DATA_BYTES_MAX ((uint64_t)64 << 20)
#define FILE_BYTES_MAX ((uint64_t)1 << 30) /* the log, which is open already */
#define FILES_MAX 64
#define LOCKED_BYTES_MAX ((uint64_t)4 << 20) /* keys are not swapped out */
#define FIRST_CLOSED 64

/* ---- the start ------------------------------------------------------------------------------------ */

static PO_RC start_worker(struct po_ctx *cx, struct po_keeper_worker *worker)
{
    static const char *const argv[] = {"paulyops", "--role=keeper", PO_KEEPER_WORKER_ARGUMENT,
                                       NULL};
    static const char *const env[] = {NULL};
    int pair[2] = {-1, -1};
    pid_t pid = 0;
    PO_FD_AUTO null = po_sys_open("/dev/null", O_RDWR, 0);
    if (null < 0 || po_sys_socketpair(pair) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "making a channel to a worker");
    PO_FD_AUTO ours = pair[0];
    PO_FD_AUTO theirs = pair[1];
    struct po_sys_spawn how = {.path = "/proc/self/exe",
                               .argv = argv,
                               .env = env,
                               .directory = "/",
                               .fds = {null, null, STDERR_FILENO},
                               .channel = theirs,
                               .stays_in_group = true};
    if (po_sys_set_nonblocking(ours) != 0 || po_sys_spawn(&how, &pid) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "starting a worker");
    po_wire_end_done(&worker->end);
    po_wire_end_init(&worker->end, PO_TAKE_FD(ours));
    return po_rc_ok();
}

/* The key directory is all it may open; statx of the ledger's directory is nobody's to refuse. */
static PO_RC lock_in(struct po_ctx *cx, const struct po_keeper_keys *keys)
{
    const struct po_keyring_place *place = &keys->desk.place;
    const struct po_sandbox_rule rules[] = {
        {place->dir, PO_SANDBOX_READ | PO_SANDBOX_WRITE | PO_SANDBOX_NO_LINKS},
        {place->credential, PO_SANDBOX_READ},
    };
    struct po_sandbox_options options = {.rules = rules,
                                         .rule_count = place->dir == NULL          ? 0
                                                       : place->credential == NULL ? 1
                                                                                   : 2,
                                         .can_serve = true,
                                         .can_write = true,
                                         .fd_first_closed = FIRST_CLOSED,
                                         .cpu_s = UINT64_MAX,
                                         .data_bytes = DATA_BYTES_MAX,
                                         .file_bytes = FILE_BYTES_MAX,
                                         .files = FILES_MAX,
                                         .locked_bytes = LOCKED_BYTES_MAX};
    struct po_sandbox_support support;
    return po_sandbox_enter(cx, &options, &support);
}

/* ---- the supervisor ------------------------------------------------------------------------------- */

static PO_RC take_link(struct po_ctx *cx, struct po_keeper *keeper, const struct po_wire_msg *msg,
                       int *link)
{
    bool is_keys = po_str_eq_cstr(msg->text[PO_WIRE_ROLE], PO_DAEMON_LINK_KEYS);
    bool is_core = po_str_eq_cstr(msg->text[PO_WIRE_ROLE], PO_DAEMON_ROLE_CORE);
    if ((!is_keys && !is_core) || *link < 0)
        return PO_FAIL(cx, PO_INVALID, "a link that the keeper has no use for");
    if (po_sys_set_nonblocking(*link) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "setting up the link to core");
    if (is_keys)
        po_keeper_keys_link(&keeper->keys, PO_TAKE_FD(*link));
    else
        po_keeper_link(keeper, PO_TAKE_FD(*link));
    return po_rc_ok();
}

static PO_RC take_control(struct po_ctx *cx, struct po_keeper *keeper,
                          const struct po_wire_msg *msg, int *link)
{
    struct po_wire_msg answer;
    switch ((unsigned)msg->kind) {
    case PO_WIRE_KIND_PING:
        po_wire_begin(&answer, PO_WIRE_KIND_PONG, msg->id);
        return po_wire_end_send(cx, &keeper->control, &answer);
    case PO_WIRE_KIND_LINK: return take_link(cx, keeper, msg, link);
    case PO_WIRE_KIND_RELOAD: return po_rc_ok();
    case PO_WIRE_KIND_STOP: keeper->is_over = true; return po_rc_ok();
    default: break;
    }
    return PO_FAIL(cx, PO_INVALID, "the supervisor sent a frame '%s'",
                   po_wire_kind_name(msg->kind));
}

static PO_RC read_control(struct po_ctx *cx, struct po_keeper *keeper)
{
    struct po_wire_msg msg;
    bool has = true;
    PO_FD_AUTO link = -1;
    po_rc rc = po_wire_end_fill_fd(cx, &keeper->control, &link);
    if (rc.code == PO_CANCELED) {
        po_err_clear(cx);
        keeper->is_over = true;
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    for (;;) {
        PO_TRY(cx, po_wire_end_next(cx, &keeper->control, &msg, &has));
        if (!has) return po_rc_ok();
        PO_TRY(cx, take_control(cx, keeper, &msg, &link));
    }
}

/* ---- the loop ------------------------------------------------------------------------------------- */

static struct pollfd watch(const struct po_wire_end *end)
{
    short events = POLLIN;
    if (po_wire_end_is_waiting(end)) events |= POLLOUT;
    return (struct pollfd){.fd = end->fd, .events = events};
}

static void read_core(struct po_ctx *cx, struct po_keeper *keeper)
{
    if (po_is_ok(po_keeper_take_core(cx, keeper))) return;
    po_log(cx, PO_LOG_WARN, "keeper.core_lost", PO_F_CSTR("why", po_err_msg(cx)));
    po_err_clear(cx);
    po_keeper_link(keeper, -1);
}

static void read_keys(struct po_ctx *cx, struct po_keeper *keeper)
{
    po_rc rc = po_keeper_take_keys(cx, &keeper->keys);
    if (po_is_ok(rc)) return;
    po_log(cx, PO_LOG_WARN, "keeper.keys_link_lost", PO_F_CSTR("why", po_err_msg(cx)));
    po_err_clear(cx);
    po_keeper_keys_link(&keeper->keys, -1);
}

static PO_RC turn(struct po_ctx *cx, struct po_keeper *keeper)
{
    struct pollfd polled[3 + PO_KEEPER_WORKERS];
    polled[0] = watch(&keeper->control);
    polled[1] = watch(&keeper->core);
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        polled[2 + i] = watch(&keeper->workers[i].end);
    polled[2 + PO_KEEPER_WORKERS] = watch(&keeper->keys.link);
    if (po_sys_poll(polled, 3 + PO_KEEPER_WORKERS, -1) < 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for work");
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        if ((polled[2 + i].revents & (POLLIN | POLLERR | POLLHUP)) != 0)
            PO_TRY_MSG(cx, po_keeper_take_worker(cx, keeper, &keeper->workers[i]), "a worker");
    if ((polled[1].revents & (POLLIN | POLLERR | POLLHUP)) != 0) read_core(cx, keeper);
    if ((polled[2 + PO_KEEPER_WORKERS].revents & (POLLIN | POLLERR | POLLHUP)) != 0)
        read_keys(cx, keeper);
    if ((polled[0].revents & (POLLIN | POLLERR | POLLHUP)) != 0)
        PO_TRY(cx, read_control(cx, keeper));
    if (po_wire_end_is_waiting(&keeper->control))
        PO_TRY(cx, po_wire_end_flush(cx, &keeper->control));
    if (!po_is_ok(po_keeper_keys_flush(cx, &keeper->keys)))
        po_keeper_keys_link(&keeper->keys, -1); /* another core will come */
    po_err_clear(cx);
    return po_keeper_flush(cx, keeper);
}

/* With the instance's name: who is started after this one has that instance's keys, or none. */
static PO_RC say_ready(struct po_ctx *cx, struct po_keeper *keeper)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_READY, 0);
    if (keeper->keys.instance != NULL)
        po_wire_set_text(&msg, PO_WIRE_MESSAGE, po_str_of(keeper->keys.instance));
    PO_TRY(cx, po_wire_end_send(cx, &keeper->control, &msg));
    return po_wire_end_flush(cx, &keeper->control);
}

static PO_RC run(struct po_ctx *cx, struct po_keeper *keeper, int argc, char **argv)
{
    struct po_role_options options = {0};
    PO_TRY(cx, po_role_options_read(cx, argc, argv, &options));
    PO_TRY(cx, po_role_begin(cx, &keeper->control));
    PO_TRY_LEAF(cx, po_crypto_init(), "starting the cryptographic library");
    PO_TRY(cx, po_keeper_keys_find(cx, &keeper->keys, options.home, options.keys));
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        PO_TRY(cx, start_worker(cx, &keeper->workers[i]));
    PO_TRY(cx, lock_in(cx, &keeper->keys));
    while (!keeper->is_over && !po_keeper_is_ready(keeper))
        PO_TRY(cx, turn(cx, keeper));
    if (!keeper->is_over) PO_TRY(cx, say_ready(cx, keeper));
    while (!keeper->is_over)
        PO_TRY(cx, turn(cx, keeper));
    return po_rc_ok();
}

int po_keeper_role_run(int argc, char **argv)
{
    PO_CTX_AUTO cx = {0};
    PO_CLEANUP(po_log_freep) struct po_log *log = po_log_new(STDERR_FILENO, PO_LOG_INFO);
    PO_CLEANUP(po_keeper_done) struct po_keeper keeper;
    po_keeper_init(&keeper);
    po_rc rc = po_ctx_init(&cx);
    bool is_worker = argc == 1 && strcmp(argv[0], PO_KEEPER_WORKER_ARGUMENT) == 0;
    cx.log = log;
    if (po_is_ok(rc))
        rc = is_worker ? po_keeper_worker_run(&cx, PO_KEEPER_WORKER_FD)
                       : run(&cx, &keeper, argc, argv);
    if (po_is_ok(rc)) return 0;
    po_log(&cx, PO_LOG_ERROR, "keeper.failed", PO_F_CSTR("why", po_err_msg(&cx)));
    return is_worker ? po_code_exit(rc.code) : po_role_fail(&cx, &keeper.control);
}

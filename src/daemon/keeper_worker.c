/*
 * A worker of the keeper: one job at a time, from its channel, in its own process.
 */
#include "daemon/daemon_priv.h"
#include "daemon/keeper_priv.h"

#include "core/sandbox.h"
#include "core/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

/* What one hash takes at most, and the process itself. */
#define DATA_BYTES_MAX (((uint64_t)PO_PASSWORD_MEMORY_KIB_MAX << 10) + ((uint64_t)96 << 20))
#define FILE_BYTES_MAX ((uint64_t)1 << 30) /* the log, which is open already */
#define FILES_MAX 16

/* The cost is the policy's; core, which knows it, says it with each job. */
static PO_RC hash_password(const struct po_wire_msg *job,
                           char ret_hash[static PO_PASSWORD_HASH_BYTES_MAX])
{
    uint64_t memory_kib = job->number[PO_WIRE_MEMORY_KIB];
    uint64_t passes = job->number[PO_WIRE_PASSES];
    if (memory_kib > PO_PASSWORD_MEMORY_KIB_MAX || passes > PO_PASSWORD_PASSES_MAX)
        return po_rc_of(PO_INVALID);
    const struct po_password_cost cost = {.memory_kib = (uint32_t)memory_kib,
                                          .passes = (uint32_t)passes};
    return po_password_hash(job->text[PO_WIRE_SECRET], cost, ret_hash);
}

PO_RC po_keeper_work(struct po_ctx *cx, const struct po_wire_msg *job, struct po_wire_end *out)
{
    struct po_wire_msg answer;
    char hash[PO_PASSWORD_HASH_BYTES_MAX] = "";
    bool is_match = false;
    po_rc rc = po_rc_of(PO_INVALID);
    po_str secret = job->text[PO_WIRE_SECRET];
    po_wire_begin(&answer, PO_WIRE_KIND_PASSWORD_ANSWER, job->id);
    if (job->kind == PO_WIRE_KIND_PASSWORD_HASH) rc = hash_password(job, hash);
    if (job->kind == PO_WIRE_KIND_PASSWORD_VERIFY)
        rc = po_password_verify(secret, job->text[PO_WIRE_HASH], &is_match);
    po_wire_set_number(&answer, PO_WIRE_CODE, rc.code);
    if (po_is_ok(rc) && job->kind == PO_WIRE_KIND_PASSWORD_HASH)
        po_wire_set_text(&answer, PO_WIRE_HASH, po_str_of(hash));
    if (po_is_ok(rc) && job->kind == PO_WIRE_KIND_PASSWORD_VERIFY)
        po_wire_set_number(&answer, PO_WIRE_IS_MATCH, is_match);
    return po_wire_end_send(cx, out, &answer);
}

static PO_RC wait_for(struct po_ctx *cx, int fd, short events)
{
    struct pollfd polled = {.fd = fd, .events = events};
    if (po_sys_poll(&polled, 1, -1) < 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "waiting for the keeper");
    return po_rc_ok();
}

static PO_RC work_through(struct po_ctx *cx, struct po_wire_end *end)
{
    struct po_wire_msg job;
    bool has = true;
    for (;;) {
        PO_TRY(cx, po_wire_end_next(cx, end, &job, &has));
        if (!has) break;
        PO_TRY(cx, po_keeper_work(cx, &job, end));
    }
    if (end->in.ptr != NULL && end->in_used == end->in.len) po_wipe(end->in.ptr, end->in.cap);
    while (po_wire_end_is_waiting(end)) {
        PO_TRY(cx, po_wire_end_flush(cx, end));
        if (po_wire_end_is_waiting(end)) PO_TRY(cx, wait_for(cx, end->fd, POLLOUT));
    }
    return po_rc_ok();
}

static PO_RC lock_in(struct po_ctx *cx)
{
    struct po_sandbox_options options = {.can_serve = true,
                                         .fd_first_closed = PO_KEEPER_WORKER_FD + 1,
                                         .cpu_s = UINT64_MAX,
                                         .data_bytes = DATA_BYTES_MAX,
                                         .file_bytes = FILE_BYTES_MAX,
                                         .files = FILES_MAX};
    struct po_sandbox_support support;
    return po_sandbox_enter(cx, &options, &support);
}

static void end_done(struct po_wire_end *end) { po_wire_end_done(end); }

PO_RC po_keeper_worker_run(struct po_ctx *cx, int fd)
{
    PO_CLEANUP(end_done) struct po_wire_end end = {.fd = -1};
    po_wire_end_init(&end, fd);
    if (po_sys_prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "asking to end with the keeper");
    if (po_sys_set_nonblocking(fd) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "setting up the keeper's channel");
    PO_TRY_LEAF(cx, po_crypto_init(), "starting the cryptographic library");
    PO_TRY(cx, lock_in(cx));
    PO_TRY(cx, po_role_ready(cx, &end));
    for (;;) {
        PO_TRY(cx, wait_for(cx, end.fd, POLLIN));
        po_rc rc = po_wire_end_fill(cx, &end);
        if (rc.code == PO_CANCELED) break;
        PO_TRY(cx, rc);
        PO_TRY(cx, work_through(cx, &end));
    }
    po_err_clear(cx);
    return po_rc_ok();
}

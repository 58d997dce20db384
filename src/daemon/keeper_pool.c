/*
 * The keeper's queue: jobs from core, two workers, answers back.
 *
 * Invariants
 *  1. every job is answered once, or its core has gone.
 *  2. a password is in one place: core's channel, the queue, or a worker's channel; each is wiped when
 *     it has been handed on.
 */
#include "daemon/keeper_priv.h"

void po_keeper_init(struct po_keeper *keeper)
{
    *keeper = (struct po_keeper){0};
    po_wire_end_init(&keeper->control, -1);
    po_wire_end_init(&keeper->core, -1);
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        po_wire_end_init(&keeper->workers[i].end, -1);
    po_wire_end_init(&keeper->keys.link, -1);
}

void po_keeper_done(struct po_keeper *keeper)
{
    po_wire_end_done(&keeper->control);
    po_wire_end_done(&keeper->core);
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        po_wire_end_done(&keeper->workers[i].end);
    po_wipe(keeper->queue, sizeof keeper->queue);
    keeper->count = 0;
    po_keeper_keys_done(&keeper->keys);
}

void po_keeper_link(struct po_keeper *keeper, int fd)
{
    po_wire_end_done(&keeper->core);
    po_wire_end_init(&keeper->core, fd);
    po_wipe(keeper->queue, sizeof keeper->queue);
    keeper->count = 0;
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        keeper->workers[i].is_orphan = keeper->workers[i].is_busy;
}

static void wipe_in(struct po_wire_end *end)
{
    if (end->in.ptr != NULL && end->in_used == end->in.len) po_wipe(end->in.ptr, end->in.cap);
}

static void wipe_out(struct po_wire_end *end)
{
    if (end->out.ptr != NULL && !po_wire_end_is_waiting(end)) po_wipe(end->out.ptr, end->out.cap);
}

/* ---- jobs ----------------------------------------------------------------------------------------- */

static struct po_keeper_worker *idle_worker(struct po_keeper *keeper)
{
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        if (keeper->workers[i].is_ready && !keeper->workers[i].is_busy) return &keeper->workers[i];
    return NULL;
}

static PO_RC hand_over(struct po_ctx *cx, struct po_keeper_worker *worker,
                       const struct po_wire_msg *job)
{
    PO_TRY(cx, po_wire_end_send(cx, &worker->end, job));
    worker->is_busy = true;
    worker->is_orphan = false;
    worker->id = job->id;
    return po_rc_ok();
}

static PO_RC refuse(struct po_ctx *cx, struct po_keeper *keeper, uint64_t id, enum po_code code)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_PASSWORD_ANSWER, id);
    po_wire_set_number(&msg, PO_WIRE_CODE, code);
    return po_wire_end_send(cx, &keeper->core, &msg);
}

static void enqueue(struct po_keeper *keeper, const struct po_wire_msg *msg)
{
    struct po_keeper_job *job =
        &keeper->queue[(keeper->first + keeper->count) % PO_KEEPER_QUEUE_MAX];
    po_str secret = msg->text[PO_WIRE_SECRET];
    po_str hash = msg->text[PO_WIRE_HASH];
    job->kind = msg->kind;
    job->id = msg->id;
    job->memory_kib = msg->number[PO_WIRE_MEMORY_KIB];
    job->passes = msg->number[PO_WIRE_PASSES];
    job->secret_len = (uint16_t)secret.len;
    job->hash_len = (uint16_t)hash.len;
    if (secret.len > 0) memcpy(job->secret, secret.ptr, secret.len);
    if (hash.len > 0) memcpy(job->hash, hash.ptr, hash.len);
    keeper->count++;
}

static PO_RC dequeue(struct po_ctx *cx, struct po_keeper *keeper, struct po_keeper_worker *worker)
{
    struct po_keeper_job *job = &keeper->queue[keeper->first];
    struct po_wire_msg msg;
    po_wire_begin(&msg, job->kind, job->id);
    po_wire_set_text(&msg, PO_WIRE_SECRET, po_str_n(job->secret, job->secret_len));
    if (job->kind == PO_WIRE_KIND_PASSWORD_VERIFY) {
        po_wire_set_text(&msg, PO_WIRE_HASH, po_str_n(job->hash, job->hash_len));
    } else {
        po_wire_set_number(&msg, PO_WIRE_MEMORY_KIB, job->memory_kib);
        po_wire_set_number(&msg, PO_WIRE_PASSES, job->passes);
    }
    po_rc rc = hand_over(cx, worker, &msg);
    po_wipe(job, sizeof *job);
    keeper->first = (keeper->first + 1) % PO_KEEPER_QUEUE_MAX;
    keeper->count--;
    return rc;
}

static PO_RC take_job(struct po_ctx *cx, struct po_keeper *keeper, const struct po_wire_msg *msg)
{
    bool is_job =
        msg->kind == PO_WIRE_KIND_PASSWORD_HASH || msg->kind == PO_WIRE_KIND_PASSWORD_VERIFY;
    if (!is_job)
        return PO_FAIL(cx, PO_INVALID, "core sent a frame '%s'", po_wire_kind_name(msg->kind));
    if (msg->text[PO_WIRE_SECRET].len > PO_PASSWORD_BYTES_MAX ||
        msg->text[PO_WIRE_HASH].len >= PO_PASSWORD_HASH_BYTES_MAX)
        return refuse(cx, keeper, msg->id, PO_LIMIT);
    struct po_keeper_worker *worker = idle_worker(keeper);
    if (worker != NULL) return hand_over(cx, worker, msg);
    if (keeper->count == PO_KEEPER_QUEUE_MAX) return refuse(cx, keeper, msg->id, PO_BUSY);
    enqueue(keeper, msg);
    return po_rc_ok();
}

PO_RC po_keeper_take_core(struct po_ctx *cx, struct po_keeper *keeper)
{
    struct po_wire_msg msg;
    bool has = true;
    PO_TRY(cx, po_wire_end_fill(cx, &keeper->core));
    while (has) {
        PO_TRY(cx, po_wire_end_next(cx, &keeper->core, &msg, &has));
        if (has) PO_TRY(cx, take_job(cx, keeper, &msg));
    }
    wipe_in(&keeper->core);
    return po_rc_ok();
}

bool po_keeper_is_ready(const struct po_keeper *keeper)
{
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++)
        if (!keeper->workers[i].is_ready) return false;
    return true;
}

static PO_RC take_answer(struct po_ctx *cx, struct po_keeper *keeper,
                         struct po_keeper_worker *worker, const struct po_wire_msg *msg)
{
    bool is_start = msg->kind == PO_WIRE_KIND_READY && !worker->is_ready;
    bool is_answer =
        msg->kind == PO_WIRE_KIND_PASSWORD_ANSWER && worker->is_busy && msg->id == worker->id;
    if (!is_start && !is_answer) return PO_FAIL(cx, PO_INVALID, "a worker spoke out of turn");
    worker->is_ready = true;
    worker->is_busy = false;
    if (is_answer && !worker->is_orphan && keeper->core.fd >= 0)
        PO_TRY(cx, po_wire_end_send(cx, &keeper->core, msg));
    return keeper->count > 0 ? dequeue(cx, keeper, worker) : po_rc_ok();
}

PO_RC po_keeper_take_worker(struct po_ctx *cx, struct po_keeper *keeper,
                            struct po_keeper_worker *worker)
{
    struct po_wire_msg msg;
    bool has = true;
    PO_TRY(cx, po_wire_end_fill(cx, &worker->end));
    for (;;) {
        PO_TRY(cx, po_wire_end_next(cx, &worker->end, &msg, &has));
        if (!has) break;
        PO_TRY(cx, take_answer(cx, keeper, worker, &msg));
    }
    wipe_in(&worker->end);
    return po_rc_ok();
}

PO_RC po_keeper_flush(struct po_ctx *cx, struct po_keeper *keeper)
{
    for (size_t i = 0; i < PO_KEEPER_WORKERS; i++) {
        struct po_wire_end *end = &keeper->workers[i].end;
        if (end->fd >= 0 && po_wire_end_is_waiting(end)) PO_TRY(cx, po_wire_end_flush(cx, end));
        wipe_out(end);
    }
    bool has_core = keeper->core.fd >= 0 && po_wire_end_is_waiting(&keeper->core);
    /* Another one will come. */
    if (has_core && !po_is_ok(po_wire_end_flush(cx, &keeper->core))) po_keeper_link(keeper, -1);
    po_err_clear(cx);
    return po_rc_ok();
}

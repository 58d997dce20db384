/*
 * Walking back from a ledger position to the newest run of each clause.
 *
 * Invariant: what is returned was opened from its leaf in this call; an index or cache that could be
 * doctored does not exist.
 */
#include "evidence/evidence.h"

PO_RC po_evidence_locate(struct po_ctx *cx, struct po_home *home, uint64_t size,
                         struct po_evidence_at *ret_at)
{
    struct po_ledger *ledger = po_home_ledger(home);
    uint64_t newest = po_ledger_size(ledger);
    if (size > newest)
        return PO_FAIL(cx, PO_NOTFOUND, "the ledger has %lu leaves, not %lu", (unsigned long)newest,
                       (unsigned long)size);
    struct po_evidence_at at = {.size = size == 0 ? newest : size};
    PO_TRY(cx, po_ledger_root_at(cx, ledger, at.size, at.root));
    if (at.size > 0) {
        struct po_record record;
        PO_TRY(cx, po_ledger_record_at(cx, ledger, at.size - 1, &record));
        at.time_us = record.recv_time_us;
    }
    *ret_at = at;
    return po_rc_ok();
}

struct run_walk {
    struct po_ctx *cx; /* whose arena keeps the runs */
    struct po_evidence_source in;
    struct po_clause_run *runs;
    size_t missing; /* wanted clauses without a run so far */
};

/* The run's strings live in the step's arena; those kept are copied. */
static PO_RC keep_str(struct po_ctx *cx, po_str *text)
{
    po_str copy = {"", 0};
    if (text->len > 0)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, *text, &copy), "out of request memory");
    *text = copy;
    return po_rc_ok();
}

static PO_RC keep_lists(struct po_ctx *cx, struct po_run *run)
{
    struct po_run_deviation *deviations = NULL;
    struct po_run_fact *facts = NULL;
    PO_ARENA_NEW(cx, deviations, run->deviation_count + 1);
    PO_ARENA_NEW(cx, facts, run->fact_count + 1);
    for (size_t i = 0; i < run->deviation_count; i++) {
        deviations[i] = run->deviations[i];
        PO_TRY(cx, keep_str(cx, &deviations[i].subject));
        PO_TRY(cx, keep_str(cx, &deviations[i].fact));
    }
    for (size_t i = 0; i < run->fact_count; i++) {
        facts[i] = run->facts[i];
        PO_TRY(cx, keep_str(cx, &facts[i].name));
    }
    run->deviations = deviations;
    run->facts = facts;
    return po_rc_ok();
}

static PO_RC keep_run(struct po_ctx *cx, const struct po_run *run, struct po_clause_run *ret_kept)
{
    struct po_run kept = *run;
    po_str *texts[] = {&kept.control, &kept.clause, &kept.check,
                       &kept.engine,  &kept.run_id, &kept.reason};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        PO_TRY(cx, keep_str(cx, texts[i]));
    PO_TRY(cx, keep_lists(cx, &kept));
    ret_kept->run = kept;
    return po_rc_ok();
}

static po_rc take_run(struct po_ctx *step, void *user, const struct po_home_event *event,
                      bool *ret_stop)
{
    struct run_walk *walk = user;
    struct po_run run;
    PO_TRY(step, po_run_from_json(step, po_json_get(event->view.json, "detail"), &run));
    const struct po_clause *clause = po_catalog_clause(walk->in.catalog, run.clause);
    if (clause == NULL) return po_rc_ok(); /* a clause of an earlier catalog */
    size_t position = po_clause_position(walk->in.catalog, clause);
    struct po_clause_run *slot = &walk->runs[position];
    if (slot->leaf != PO_LEAF_NONE) return po_rc_ok();
    PO_TRY_LEAF(step, keep_run(walk->cx, &run, slot), "out of request memory");
    slot->leaf = event->leaf;
    slot->received_us = event->record.recv_time_us;
    if (walk->in.is_wanted == NULL || walk->in.is_wanted[position]) walk->missing--;
    *ret_stop = walk->missing == 0;
    return po_rc_ok();
}

PO_RC po_evidence_runs(struct po_ctx *cx, const struct po_evidence_source *source,
                       const struct po_evidence_at *at, const struct po_clause_run **ret_runs)
{
    struct run_walk walk = {.cx = cx, .in = *source};
    size_t count = source->catalog->clause_count;
    PO_ARENA_NEW(cx, walk.runs, count);
    for (size_t i = 0; i < count; i++) {
        walk.runs[i].leaf = PO_LEAF_NONE;
        if (source->is_wanted == NULL || source->is_wanted[i]) walk.missing++;
    }
    struct po_home_walk back = {.type = PO_EVENT_TYPE_CONTROL_TESTED,
                                .size = walk.missing > 0 ? at->size : 0,
                                .visit = take_run,
                                .user = &walk};
    PO_TRY(cx, po_home_walk_back(cx, source->home, &back));
    *ret_runs = walk.runs;
    return po_rc_ok();
}

PO_RC po_evidence_newest(struct po_ctx *cx, struct po_home *home, const struct po_evidence_at *at,
                         enum po_event_type type, struct po_evidence_event *ret_event)
{
    const struct po_ledger_filter filter = {.type = type, .is_own_tenant = true};
    struct po_evidence_event found = {0};
    struct po_record record;
    if (at->size > 0)
        PO_TRY(cx, po_ledger_prev(cx, po_home_ledger(home), at->size - 1, &filter, &found.is_found,
                                  &found.leaf, &record));
    if (found.is_found) {
        PO_BUF_AUTO bytes;
        po_str kept = {NULL, 0};
        po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
        PO_TRY(cx, po_ledger_event_at(cx, po_home_ledger(home), found.leaf, &bytes, NULL));
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), &kept), "out of memory");
        PO_TRY(cx, po_event_parse(cx, kept, &found.event));
    }
    *ret_event = found;
    return po_rc_ok();
}

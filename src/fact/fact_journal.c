/*
 * Facts of the journal: intents with their outcomes, and control test runs with their proofs.
 */
#include "fact_pass_priv.h"

#include "core/random.h"
#include "store/store.h"

#define ROWS_MAX 100
#define RETRY_WITHIN_US (24 * PO_US_PER_HOUR)

/* ---- ledger.intents --------------------------------------------------------------------------- */

struct intent_counts {
    uint64_t opened;
    uint64_t succeeded;
    uint64_t failed;
    uint64_t abandoned;
    uint64_t open;
    uint64_t lost;          /* opened, not ended, and the store does not know it as open */
    uint64_t without_begin; /* ended in the window, opened before it */
    uint64_t failed_resolved;
    uint64_t failed_waiting; /* younger than a day, not yet retried */
};

static const struct po_fact_intent *intent_at(const struct po_fact_events *events, size_t i)
{
    po_str id = {0};
    return po_map_at(events->intents, i, &id);
}

static bool is_open_in_store(const struct po_store_intent *open, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        char text[PO_UUID_TEXT_BYTES];
        po_uuid_format(open[i].id, text);
        if (strcmp(text, id) == 0) return true;
    }
    return false;
}

/* A later success of the same action on the same thing, begun within a day of the failure. */
static bool is_resolved(const struct po_fact_events *events, size_t from,
                        const struct po_fact_intent *failed)
{
    for (size_t i = from + 1; i < po_map_count(events->intents); i++) {
        const struct po_fact_intent *later = intent_at(events, i);
        if (!later->is_opening_seen || later->result == NULL) continue;
        if (strcmp(later->result, "success") != 0) continue;
        if (later->opened_us - failed->ended_us > RETRY_WITHIN_US) continue;
        if (strcmp(later->action, failed->action) == 0 &&
            strcmp(later->resource, failed->resource) == 0)
            return true;
    }
    return false;
}

static void count_failed(const struct po_fact_set *set, const struct po_fact_events *events,
                         size_t i, struct intent_counts *counts)
{
    const struct po_fact_intent *intent = intent_at(events, i);
    if (strcmp(intent->result, "abandoned") == 0)
        counts->abandoned++;
    else
        counts->failed++;
    if (is_resolved(events, i, intent))
        counts->failed_resolved++;
    else if (set->now_us - intent->ended_us <= RETRY_WITHIN_US)
        counts->failed_waiting++;
}

static void count_intents(const struct po_fact_set *set, const struct po_fact_events *events,
                          const struct po_store_intent *open, size_t open_count,
                          struct intent_counts *counts)
{
    for (size_t i = 0; i < po_map_count(events->intents); i++) {
        const struct po_fact_intent *intent = intent_at(events, i);
        if (!intent->is_opening_seen) {
            counts->without_begin++;
            continue;
        }
        counts->opened++;
        if (intent->result != NULL && strcmp(intent->result, "success") == 0)
            counts->succeeded++;
        else if (intent->result != NULL)
            count_failed(set, events, i, counts);
        else if (is_open_in_store(open, open_count, intent->id))
            counts->open++;
        else
            counts->lost++;
    }
}

PO_FACT_READER(ledger_intents)
{
    const struct po_fact_events *events = NULL;
    struct po_store *store = NULL;
    struct po_store_intent *open = NULL;
    size_t open_count = 0;
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    PO_TRY(cx, po_fact_store(cx, set, &store));
    PO_TRY(cx, po_store_intent_list(cx, store, &open, &open_count));
    struct intent_counts counts = {0};
    count_intents(set, events, open, open_count, &counts);
    po_json_out_object(out);
    po_fact_put_int(out, "from", (int64_t)events->from);
    po_fact_put_bool(out, "all_counted", !events->is_cut);
    po_fact_put_int(out, "started", (int64_t)counts.opened);
    po_fact_put_int(out, "finished", (int64_t)counts.succeeded);
    po_fact_put_int(out, "failed", (int64_t)counts.failed);
    po_fact_put_int(out, "abandoned", (int64_t)counts.abandoned);
    po_fact_put_int(out, "open", (int64_t)counts.open);
    po_fact_put_int(out, "lost", (int64_t)counts.lost);
    po_fact_put_int(out, "began_before_window", (int64_t)counts.without_begin);
    po_fact_put_int(out, "failed_resolved", (int64_t)counts.failed_resolved);
    po_fact_put_int(out, "failed_waiting", (int64_t)counts.failed_waiting);
    po_fact_put_array(out, "open_now");
    for (size_t i = 0; i < open_count && i < ROWS_MAX; i++) {
        po_json_out_object(out);
        po_json_out_field(out, "kind", open[i].kind);
        po_fact_put_int(out, "age_s", (set->now_us - open[i].time_us) / PO_US_PER_S);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- ledger.runs -------------------------------------------------------------------------------- */

/* Does the leaf's inclusion proof lead to the root of the tree as it is? */
static PO_RC prove_leaf(struct po_ctx *cx, struct po_ledger *ledger, uint64_t leaf,
                        const uint8_t root[static PO_SHA256_BYTES], bool *ret_is_proved)
{
    uint8_t record[PO_RECORD_BYTES];
    uint8_t hash[PO_SHA256_BYTES];
    struct po_proof_hashes proof = {0};
    uint64_t size = po_ledger_size(ledger);
    PO_TRY(cx, po_ledger_record_bytes_at(cx, ledger, leaf, record));
    PO_TRY_LEAF(cx, po_leaf_hash(po_str_n(record, sizeof record), hash), "hash of leaf %zu",
                (size_t)leaf);
    PO_TRY(cx, po_ledger_inclusion(cx, ledger, leaf, size, &proof));
    struct po_inclusion_claim claim = {
        .index = leaf, .size = size, .leaf_hash = hash, .root = root};
    *ret_is_proved = po_is_ok(po_inclusion_verify(&claim, &proof));
    return po_rc_ok();
}

struct run_row {
    po_str clause;
    const struct po_fact_run *run;
    bool is_proved;
};

/* The newest run of each clause, sorted by clause. */
static PO_RC list_runs(struct po_ctx *cx, const struct po_fact_events *events,
                       struct run_row **ret_rows, size_t *ret_count)
{
    size_t count = po_map_count(events->runs);
    struct run_row *rows = NULL;
    PO_ARENA_NEW(cx, rows, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct run_row row = {0};
        row.run = po_map_at(events->runs, i, &row.clause);
        size_t k = i;
        for (; k > 0 && po_str_cmp(rows[k - 1].clause, row.clause) > 0; k--)
            rows[k] = rows[k - 1];
        rows[k] = row;
    }
    *ret_rows = rows;
    *ret_count = count;
    return po_rc_ok();
}

static void put_run(struct po_json_out *out, const struct run_row *row)
{
    po_json_out_object(out);
    po_json_out_field(out, "clause", row->clause);
    po_fact_put_int(out, "leaf", (int64_t)row->run->leaf);
    po_fact_put_int(out, "received_us", row->run->received_us);
    po_fact_put_cstr(out, "state", row->run->state);
    po_fact_put_bool(out, "proved", row->is_proved);
    po_json_out_object_end(out);
}

static void put_sessions(struct po_json_out *out, const struct po_fact_events *events)
{
    size_t count = po_map_count(events->sessions);
    size_t first = count > ROWS_MAX * 10 ? count - ROWS_MAX * 10 : 0;
    po_str id = {0};
    po_fact_put_array(out, "sessions");
    for (size_t i = first; i < count; i++) {
        const struct po_fact_session *session = po_map_at(events->sessions, i, &id);
        if (session->is_own) continue;
        po_json_out_object(out);
        po_fact_put_int(out, "first_us", session->first_us);
        po_fact_put_int(out, "last_us", session->last_us);
        po_fact_put_int(out, "runs", (int64_t)session->runs);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

PO_FACT_READER(ledger_runs)
{
    struct po_ledger *ledger = NULL;
    const struct po_fact_events *events = NULL;
    PO_TRY(cx, po_fact_ledger(cx, set, &ledger));
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    uint8_t root[PO_SHA256_BYTES] = {0};
    if (events->to > 0) PO_TRY(cx, po_ledger_root_at(cx, ledger, po_ledger_size(ledger), root));
    uint64_t proved = 0;
    struct run_row *rows = NULL;
    size_t count = 0;
    PO_TRY(cx, list_runs(cx, events, &rows, &count));
    po_json_out_object(out);
    po_fact_put_int(out, "from", (int64_t)events->from);
    po_fact_put_bool(out, "all_counted", !events->is_cut);
    po_fact_put_array(out, "newest");
    for (size_t i = 0; i < count; i++) {
        PO_TRY(cx, prove_leaf(cx, ledger, rows[i].run->leaf, root, &rows[i].is_proved));
        proved += rows[i].is_proved ? 1 : 0;
        put_run(out, &rows[i]);
    }
    po_json_out_array_end(out);
    po_fact_put_int(out, "clauses", (int64_t)count);
    po_fact_put_int(out, "proved", (int64_t)proved);
    put_sessions(out, events);
    po_json_out_object_end(out);
    return po_rc_ok();
}

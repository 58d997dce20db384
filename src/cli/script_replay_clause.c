/*
 * Replaying the run of a clause: the program over the facts that were observed for it, or, where it
 * did more than read facts, with the answers of its own record.
 */
#include "assess/assess.h"
#include "core/codec.h"
#include "script_replay_priv.h"

/* The event of one type that belongs to the same command, and to one program when it is named. */
struct beside {
    po_str session;
    po_str digest; /* empty: any */
    uint64_t leaf;
    bool is_found;
};

static po_rc match_beside(struct po_ctx *step, void *user, const struct po_home_event *event,
                          bool *ret_stop)
{
    (void)step;
    struct beside *beside = user;
    const struct po_json *detail = po_json_get(event->view.json, "detail");
    const struct po_json *digest = po_json_get(detail, "program_sha256");
    if (!po_str_eq(event->view.session_id, beside->session)) return po_rc_ok();
    if (beside->digest.len > 0 && (digest == NULL || !po_str_eq(digest->str, beside->digest)))
        return po_rc_ok();
    beside->leaf = event->leaf;
    beside->is_found = true;
    *ret_stop = true;
    return po_rc_ok();
}

static PO_RC find_beside(struct po_ctx *cx, struct po_cli *cli, enum po_event_type type,
                         struct beside *beside, const struct po_json **ret_detail)
{
    struct po_event_view event;
    const struct po_home_walk walk = {.type = type,
                                      .size = po_ledger_size(po_home_ledger(cli->home)),
                                      .visit = match_beside,
                                      .user = beside};
    *ret_detail = NULL;
    PO_TRY(cx, po_home_walk_back(cx, cli->home, &walk));
    if (!beside->is_found) return po_rc_ok();
    PO_TRY(cx, po_replay_event(cx, cli->home, beside->leaf, &event));
    *ret_detail = po_json_get(event.json, "detail");
    return po_rc_ok();
}

/* ---- facts ---------------------------------------------------------------------------------------- */

static const struct po_json *find_fact(const struct po_json *facts, po_str name, const char *digest)
{
    for (const struct po_json *at = facts->first; at != NULL; at = at->next) {
        const struct po_json *is_name = po_json_get(at, "name");
        const struct po_json *sha256 = po_json_get(at, "sha256");
        if (is_name != NULL && sha256 != NULL && po_str_eq(is_name->str, name) &&
            po_str_eq_cstr(sha256->str, digest))
            return at;
    }
    return NULL;
}

static PO_RC give_fact(struct po_ctx *cx, const struct po_json *observed, po_str name,
                       struct po_program_fact *ret_fact)
{
    PO_BUF_AUTO json;
    po_buf_init(&json, PO_EVENT_BYTES_MAX);
    if (observed == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "the ledger does not hold fact '%.*s' as this run saw it",
                       PO_STR_ARG(name));
    if (po_json_get(observed, "left_out") != NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "fact '%.*s' was too large to be kept: no replay",
                       PO_STR_ARG(name));
    PO_TRY(cx, po_json_canonical(cx, po_json_get(observed, "value"), &json));
    ret_fact->name = name;
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&json), &ret_fact->json),
                "out of request memory");
    return po_rc_ok();
}

static PO_RC give_facts(struct po_ctx *cx, struct po_cli *cli, const struct po_run *run,
                        struct po_program_job *job)
{
    struct beside beside = {.session = run->run_id};
    const struct po_json *detail = NULL;
    const struct po_json *list = NULL;
    struct po_program_fact *given = NULL;
    PO_ARENA_NEW(cx, given, run->fact_count + 1);
    if (run->fact_count > 0) {
        PO_TRY(cx, find_beside(cx, cli, PO_EVENT_TYPE_FACTS_OBSERVED, &beside, &detail));
        if (detail == NULL)
            return PO_FAIL(cx, PO_NOTFOUND, "the ledger does not hold the facts of %.*s",
                           PO_STR_ARG(run->run_id));
        PO_TRY(cx, po_json_get_array(cx, detail, "facts", &list));
    }
    for (size_t i = 0; i < run->fact_count; i++) {
        char digest[2 * PO_SHA256_BYTES + 1];
        po_hex_encode(run->facts[i].digest, PO_SHA256_BYTES, digest);
        PO_TRY(cx, give_fact(cx, find_fact(list, run->facts[i].name, digest), run->facts[i].name,
                             &given[i]));
    }
    job->given = given;
    job->given_count = run->fact_count;
    return po_rc_ok();
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static PO_RC deviations_text(struct po_ctx *cx, const struct po_run_deviation *list, size_t count,
                             po_str *ret_text)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, PO_RUN_BYTES_MAX * 2);
    for (size_t i = 0; i < count; i++) {
        po_buf_append(&text, list[i].subject);
        po_buf_append_cstr(&text, ": ");
        po_buf_append(&text, list[i].fact);
        po_buf_append_char(&text, '\n');
    }
    PO_TRY_LEAF(cx, po_buf_check(&text), "the deviations are too many");
    *ret_text = PO_LIT("");
    if (text.len > 0)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&text), ret_text),
                    "out of request memory");
    return po_rc_ok();
}

static PO_RC compare(struct po_ctx *cx, struct po_replayed *all, const struct po_run *run,
                     const struct po_judgement *now)
{
    po_str before = {NULL, 0};
    po_str after = {NULL, 0};
    po_str reason = now->reason != NULL ? po_str_of(now->reason) : PO_LIT("");
    PO_TRY(cx, deviations_text(cx, run->deviations, run->deviation_count, &before));
    PO_TRY(cx, deviations_text(cx, now->deviations, now->deviation_count, &after));
    PO_TRY(cx, po_replay_compare(cx, all, "state", po_str_of(po_run_state_name(run->state)),
                                 po_str_of(po_run_state_name(now->state))));
    PO_TRY(cx, po_replay_compare_int(cx, all, "passing", run->passing, now->passing));
    PO_TRY(cx, po_replay_compare_int(cx, all, "total", run->total, now->total));
    PO_TRY(cx, po_replay_compare(cx, all, "reason", run->reason,
                                 po_str_slice(reason, 0, PO_RUN_REASON_BYTES_MAX)));
    PO_TRY(cx, po_replay_compare(cx, all, "deviations", before, after));
    return po_replay_compare_int(cx, all, "deviations_total", run->deviations_total,
                                 now->deviations_total);
}

/* What the program asks beyond facts and time is in its own record. */
static PO_RC find_answers(struct po_ctx *cx, struct po_cli *cli, const struct po_run *run,
                          const char *digest, struct po_program_job *job)
{
    struct beside beside = {.session = run->run_id, .digest = po_str_of(digest)};
    const struct po_json *detail = NULL;
    PO_TRY(cx, find_beside(cx, cli, PO_EVENT_TYPE_PROGRAM_RAN, &beside, &detail));
    if (detail == NULL) return give_facts(cx, cli, run, job);
    return po_json_get_str(cx, detail, "calls", &job->replay_calls);
}

PO_RC po_replay_clause(struct po_ctx *cx, struct po_cli *cli, const struct po_event_view *event,
                       struct po_replayed *all)
{
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    struct po_program_result *result = NULL;
    struct po_judgement *judgement = NULL;
    struct po_run run;
    char digest[2 * PO_SHA256_BYTES + 1];
    struct po_program_job job = {.home = po_home_root(cli->home)};
    PO_ARENA_NEW(cx, result, 1);
    PO_ARENA_NEW(cx, judgement, 1);
    PO_TRY(cx, po_run_from_json(cx, po_json_get(event->json, "detail"), &run));
    if (run.state == PO_RUN_SKIPPED || run.state == PO_RUN_ERROR)
        return PO_FAIL(cx, PO_UNSUPPORTED, "this run is %s: its program gave no judgement",
                       po_run_state_name(run.state));
    po_hex_encode(run.program_digest, PO_SHA256_BYTES, digest);
    PO_TRY(cx, po_replay_load(cx, cli, po_str_of(digest), &program));
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    job.now_us = run.started_us;
    PO_TRY(cx, find_answers(cx, cli, &run, digest, &job));
    po_rc rc = po_program_run(cx, &program, &job, result);
    if (rc.code == PO_CONFLICT) return po_replay_left(cx, all);
    PO_TRY(cx, rc);
    PO_TRY(cx, po_judgement_read(cx, &result->outcome, judgement));
    po_judgement_settle(judgement);
    return compare(cx, all, &run, judgement);
}

/*
 * A pack's runs, and the texts that must follow from them.
 */
#include "crypto/crypto.h"
#include "pack_verify_priv.h"

#define RUN_SUFFIX ".event.json"

static PO_RC read_part(struct po_ctx *cx, struct po_pack_check *check, const char *stem,
                       const char *suffix, po_str *ret_bytes)
{
    const char *path = po_arena_printf(cx->arena, "%s.%s", stem, suffix);
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_pack_source_read(cx, check->source, po_str_of(path), &bytes));
    *ret_bytes = (po_str){"", 0};
    if (bytes.len > 0)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), ret_bytes), "out of memory");
    return po_rc_ok();
}

/* The proof's checkpoint is signed, and the record's hash is in its tree. */
static PO_RC read_record(struct po_ctx *cx, struct po_pack_check *check, const char *stem,
                         struct po_pack_leaf *ret_leaf)
{
    po_str record = {NULL, 0};
    po_str proof = {NULL, 0};
    uint8_t leaf_hash[PO_SHA256_BYTES];
    struct po_checkpoint checkpoint;
    check->suspects = PO_PACK_PART_PROOF;
    PO_TRY(cx, read_part(cx, check, stem, "tlog-proof", &proof));
    PO_TRY_LEAF(cx, po_proof_parse(proof, &ret_leaf->proof), "it is no proof");
    PO_TRY_LEAF(cx, po_checkpoint_verify(ret_leaf->proof.note, &check->vkey, &checkpoint),
                "its checkpoint is not signed by the pack's verifier key");
    check->suspects = PO_PACK_PART_RECORD;
    PO_TRY(cx, read_part(cx, check, stem, "record", &record));
    PO_TRY_LEAF(cx, po_record_decode(record, &ret_leaf->record), "it is no record");
    PO_TRY_LEAF(cx, po_leaf_hash(record, leaf_hash), "hashing");
    check->suspects = PO_PACK_PART_RECORD | PO_PACK_PART_PROOF;
    PO_TRY_LEAF(cx, po_proof_verify(proof, leaf_hash, &check->vkey, NULL),
                "the proof does not prove the record");
    return po_rc_ok();
}

PO_RC po_pack_read_leaf(struct po_ctx *cx, struct po_pack_check *check, const char *stem,
                        struct po_pack_leaf *ret_leaf)
{
    po_str event = {NULL, 0};
    po_str opening = {NULL, 0};
    struct po_opening open;
    uint8_t commit[PO_SHA256_BYTES];
    PO_TRY(cx, read_record(cx, check, stem, ret_leaf));
    check->suspects = PO_PACK_PART_OPENING;
    PO_TRY(cx, read_part(cx, check, stem, "opening", &opening));
    if (opening.len != sizeof open.bytes) return PO_FAIL(cx, PO_INVALID, "the opening is cut");
    memcpy(open.bytes, opening.ptr, sizeof open.bytes);
    check->suspects = PO_PACK_PART_EVENT;
    PO_TRY(cx, read_part(cx, check, stem, "event.json", &event));
    PO_TRY(cx, po_event_parse(cx, event, &ret_leaf->event));
    check->suspects = PO_PACK_PART_EVENT | PO_PACK_PART_OPENING;
    PO_TRY_LEAF(cx, po_opening_commit(&open, event, commit), "hashing");
    if (!po_str_eq(po_str_n(commit, sizeof commit),
                   po_str_n(ret_leaf->record.content_commit, sizeof commit)))
        return PO_FAIL(cx, PO_TAMPER, "event and opening are not what the record commits to");
    check->suspects = PO_PACK_PART_EVENT;
    return po_rc_ok();
}

/* "criteria/CC7.2/runs/AUD-03.1.event.json" -> stem and clause. */
static bool parse_run_path(po_str path, po_str *ret_stem, po_str *ret_clause)
{
    size_t runs = po_str_find(path, PO_LIT("/runs/"), 0);
    if (!po_str_starts(path, PO_LIT("criteria/")) || runs == SIZE_MAX ||
        !po_str_ends(path, PO_LIT(RUN_SUFFIX)))
        return false;
    *ret_stem = po_str_slice(path, 0, path.len - (sizeof RUN_SUFFIX - 1));
    *ret_clause = po_str_slice(*ret_stem, runs + 6, ret_stem->len);
    return true;
}

static PO_RC check_run(struct po_ctx *cx, struct po_pack_check *check, po_str stem,
                       po_str clause_id)
{
    struct po_pack_leaf leaf;
    struct po_run run;
    PO_TRY(cx, po_pack_read_leaf(cx, check, po_pack_text_of(cx, stem), &leaf));
    if (leaf.proof.checkpoint.size != check->manifest.as_of.size)
        return PO_FAIL(cx, PO_TAMPER, "its proof is for another position than the pack's");
    if (leaf.record.event_type != PO_EVENT_TYPE_CONTROL_TESTED)
        return PO_FAIL(cx, PO_TAMPER, "it is not a test of a control");
    PO_TRY(cx, po_run_from_json(cx, po_json_get(leaf.event.json, "detail"), &run));
    if (!po_str_eq(run.clause, clause_id))
        return PO_FAIL(cx, PO_TAMPER, "it is a run of '%.*s'", PO_STR_ARG(run.clause));
    const struct po_clause *clause = po_catalog_clause(check->catalog, run.clause);
    check->result->run_count++;
    if (clause == NULL) return po_rc_ok(); /* of a catalog we do not have */
    struct po_clause_run *slot = &check->runs[po_clause_position(check->catalog, clause)];
    if (slot->leaf != PO_LEAF_NONE && slot->leaf != leaf.proof.index)
        return PO_FAIL(cx, PO_TAMPER, "another folder holds another run of this clause");
    *slot = (struct po_clause_run){run, leaf.proof.index, leaf.record.recv_time_us};
    return po_rc_ok();
}

PO_RC po_pack_check_runs(struct po_ctx *cx, struct po_pack_check *check)
{
    PO_ARENA_NEW(cx, check->runs, check->catalog->clause_count);
    for (size_t i = 0; i < check->catalog->clause_count; i++)
        check->runs[i].leaf = PO_LEAF_NONE;
    if (!check->has_vkey) {
        po_pack_find(check, PO_PACK_RUNS, "vkey", "without it no proof can be checked");
        return po_rc_ok();
    }
    for (size_t i = 0; i < po_pack_source_count(check->source); i++) {
        po_str name = po_pack_source_name(check->source, i);
        po_str stem = {NULL, 0};
        po_str clause = {NULL, 0};
        if (!parse_run_path(name, &stem, &clause)) continue;
        po_rc rc = check_run(cx, check, stem, clause);
        PO_TRY(cx, po_pack_find_parts(cx, check, PO_PACK_RUNS, stem, rc));
    }
    return po_rc_ok();
}

/* -- what follows from them ------------------------------------------------------------------------ */

static PO_RC compare(struct po_ctx *cx, struct po_pack_check *check, const char *path, po_str want)
{
    PO_BUF_AUTO have;
    po_buf_init(&have, PO_PACK_FILE_BYTES_MAX);
    PO_TRY(cx, po_pack_source_read(cx, check->source, po_str_of(path), &have));
    if (!po_str_eq(po_buf_str(&have), want))
        return PO_FAIL(cx, PO_TAMPER, "it does not follow from the runs");
    return po_rc_ok();
}

static PO_RC check_text(struct po_ctx *cx, struct po_pack_check *check, const char *path,
                        po_str want)
{
    po_rc rc = compare(cx, check, path, want);
    return po_pack_find_rc(cx, check, PO_PACK_DERIVED, po_str_of(path), rc);
}

static PO_RC check_criterion(struct po_ctx *cx, struct po_pack_check *check,
                             const struct po_evidence *evidence, po_str id)
{
    const struct po_criterion *criterion = po_catalog_criterion(check->catalog, id);
    size_t count = 0;
    const struct po_pack_text *texts = po_pack_text_table(&count);
    if (criterion == NULL) {
        po_pack_find(check, PO_PACK_DERIVED, "manifest.json", "it names an unknown criterion");
        return po_rc_ok();
    }
    for (size_t i = 0; i < count; i++) {
        PO_BUF_AUTO want;
        po_buf_init(&want, PO_PACK_FILE_BYTES_MAX);
        const char *path =
            po_arena_printf(cx->arena, "criteria/%.*s/%s", PO_STR_ARG(id), texts[i].name);
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, texts[i].render(cx, evidence, criterion, &want));
        PO_TRY(cx, check_text(cx, check, path, po_buf_str(&want)));
    }
    return po_rc_ok();
}

static PO_RC make_evidence(struct po_ctx *cx, struct po_pack_check *check,
                           struct po_evidence *evidence)
{
    const struct po_as_of *as_of = &check->manifest.as_of;
    *evidence = (struct po_evidence){.catalog = check->catalog, .runs = check->runs};
    evidence->at.size = as_of->size;
    evidence->at.time_us = as_of->time_us;
    memcpy(evidence->at.root, as_of->root, sizeof evidence->at.root);
    struct po_state_input input = {.as_of_us = as_of->time_us, .runs = check->runs};
    PO_TRY(cx,
           po_states_compute(cx, check->catalog, &input, &evidence->controls, &evidence->clauses));
    return po_scores_compute(cx, check->catalog, evidence->controls, &evidence->scores);
}

PO_RC po_pack_check_derived(struct po_ctx *cx, struct po_pack_check *check)
{
    struct po_evidence evidence;
    bool is_same_catalog = po_str_eq(po_str_n(check->catalog->digest, PO_SHA256_BYTES),
                                     po_str_n(check->manifest.catalog_digest, PO_SHA256_BYTES));
    if (!is_same_catalog) {
        check->result->states[PO_PACK_DERIVED] = PO_VERDICT_NOT_CHECKED;
        check->result->whys[PO_PACK_DERIVED] =
            "made with another version of the catalog than this program has";
        return po_rc_ok();
    }
    PO_TRY(cx, make_evidence(cx, check, &evidence));
    for (size_t i = 0; i < check->manifest.criterion_count; i++)
        PO_TRY(cx, check_criterion(cx, check, &evidence, check->manifest.criteria[i]));
    if (check->manifest.criterion_count < check->catalog->criterion_count) return po_rc_ok();
    PO_BUF_AUTO readme;
    PO_BUF_AUTO scores;
    po_buf_init(&readme, PO_PACK_FILE_BYTES_MAX);
    po_buf_init(&scores, PO_PACK_FILE_BYTES_MAX);
    PO_TRY(cx, po_pack_readme(cx, &evidence, check->manifest.origin, &readme));
    PO_TRY(cx, check_text(cx, check, "README.md", po_buf_str(&readme)));
    PO_TRY(cx, po_pack_scores(cx, &evidence, &scores));
    return check_text(cx, check, "scores.json", po_buf_str(&scores));
}

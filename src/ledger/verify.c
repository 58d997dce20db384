/*
 * `ledger verify`: everything read again and compared, one verdict for each claim.
 *
 * Invariants
 *  1. A verdict that could not be reached says so: unknown never counts as ok (law 1).
 *  2. Nothing is written (law 6), and nothing in memory is believed: files are read again.
 *
 * Source   docs/spec/ledger.md 8
 */
#include "core/alloc.h"
#include "ledger/verify_priv.h"

#include <stdarg.h>
#include <stdio.h>

#define WHY_BYTES 256

const char *po_verdict_kind_name(enum po_verdict_kind kind)
{
    static const char *const names[] = {"leaves",   "tiles",      "root",        "signatures",
                                        "payloads", "tail",       "commitments", "completeness",
                                        "time",     "consistency"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "";
}

const char *po_verdict_state_name(enum po_verdict_state state)
{
    static const char *const names[] = {"ok", "failed", "not checked"};
    return (size_t)state < sizeof names / sizeof names[0] ? names[state] : "";
}

/* ---- findings -------------------------------------------------------------------------------- */

const char *po_verify_file(struct po_verify *run, const char *fmt, ...)
{
    char text[WHY_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *kept = po_arena_strdup(run->arena, po_str_of(text));
    return kept == NULL ? "(out of memory)" : kept;
}

bool po_verify_has_failed(const struct po_verify *run, enum po_verdict_kind kind)
{
    return run->result->verdicts[kind].state == PO_VERDICT_FAILED;
}

void po_verify_find(struct po_verify *run, enum po_verdict_kind kind, const char *file,
                    const char *fmt, ...)
{
    char text[WHY_BYTES];
    struct po_ledger_verification *result = run->result;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *why = po_arena_strdup(run->arena, po_str_of(text));
    if (why == NULL) why = "(out of memory)";
    if (!po_verify_has_failed(run, kind)) {
        result->verdicts[kind].state = PO_VERDICT_FAILED;
        result->verdicts[kind].why = po_verify_file(run, "'%s': %s", file, why);
    }
    result->is_ok = false;
    if (result->finding_count >= PO_VERDICT_FINDINGS_MAX) {
        result->findings_dropped++;
        return;
    }
    result->findings[result->finding_count++] =
        (struct po_verdict_finding){.kind = kind, .file = file, .why = why};
}

void po_verify_say(struct po_verify *run, enum po_verdict_kind kind, enum po_verdict_state state,
                   const char *fmt, ...)
{
    char text[WHY_BYTES];
    va_list args;
    struct po_verdict *verdict = &run->result->verdicts[kind];
    if (verdict->why != NULL) return; /* said already */
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    verdict->state = state;
    verdict->why = po_arena_strdup(run->arena, po_str_of(text));
    if (verdict->why == NULL) verdict->why = "(out of memory)";
}

/* ---- setting up ------------------------------------------------------------------------------ */

static po_rc find_vkey(struct po_verify *run)
{
    const struct po_ledger *ledger = run->ledger;
    if (run->options->vkey != NULL) {
        run->vkey = *run->options->vkey;
        run->has_vkey = true;
        return po_rc_ok();
    }
    const char *origin = ledger->has_signed ? ledger->signed_state.origin : ledger->origin;
    if (ledger->sign_key != NULL && origin[0] != '\0') {
        PO_TRY_LEAF(run->cx,
                    po_note_vkey_make(po_str_of(origin), PO_NOTE_ED25519,
                                      po_sign_key_public(ledger->sign_key), &run->vkey),
                    "making the verifier key");
        run->has_vkey = true;
        return po_rc_ok();
    }
    run->vkey = ledger->vkey;
    run->has_vkey = ledger->has_vkey;
    run->is_vkey_own = true;
    return po_rc_ok();
}

static void want_root(struct po_verify *run, uint64_t size)
{
    if (size > run->ledger->size) return;
    size_t at = 0;
    while (at < run->root_count && run->roots[at].size < size)
        at++;
    if (at < run->root_count && run->roots[at].size == size) return;
    for (size_t i = run->root_count; i > at; i--)
        run->roots[i] = run->roots[i - 1];
    run->roots[at] = (struct po_verify_root){.size = size};
    run->root_count++;
}

static po_rc plan_roots(struct po_verify *run)
{
    const struct po_ledger *ledger = run->ledger;
    PO_ARENA_NEW(run->cx, run->roots, run->options->against_count + 3);
    want_root(run, ledger->size);
    if (ledger->has_signed) want_root(run, ledger->signed_state.size);
    if (ledger->has_checkpoint) want_root(run, ledger->checkpoint.size);
    for (size_t i = 0; i < run->options->against_count; i++) {
        const struct po_ledger_against *against = &run->options->against[i];
        struct po_checkpoint earlier = {.size = against->size};
        if (against->note.len > 0 && !po_is_ok(po_checkpoint_parse(against->note, &earlier)))
            continue;
        want_root(run, earlier.size);
    }
    return po_rc_ok();
}

static po_rc plan_tenants(struct po_verify *run)
{
    const struct po_ledger_verify_options *options = run->options;
    run->tenant_ids = options->tenant_count > 0 ? options->tenants : &run->cx->tenant;
    size_t count = options->tenant_count > 0 ? options->tenant_count : 1;
    if (run->ledger->keys == NULL || options->skip_commitments) return po_rc_ok();
    PO_ARENA_NEW(run->cx, run->pseudonyms, count);
    for (size_t i = 0; i < count; i++) {
        po_rc rc = po_tenant_pseudonym(run->cx, run->ledger->keys, run->tenant_ids[i],
                                       &run->pseudonyms[i]);
        if (rc.code == PO_UNAVAILABLE || rc.code == PO_NOTFOUND) {
            po_err_clear(run->cx);
            run->pseudonyms[i] = 0; /* no record has it */
            continue;
        }
        PO_TRY(run->cx, rc);
        run->has_keys = true;
    }
    run->tenant_count = count;
    return po_rc_ok();
}

/* ---- the remaining verdicts ------------------------------------------------------------------ */

static void say_content(struct po_verify *run)
{
    struct po_verdict *verdict = &run->result->verdicts[PO_VERDICT_COMMITMENTS];
    verdict->checked = run->opened;
    if (run->options->skip_commitments)
        po_verify_say(run, PO_VERDICT_COMMITMENTS, PO_VERDICT_NOT_CHECKED, "not asked for");
    else if (!run->has_keys)
        po_verify_say(run, PO_VERDICT_COMMITMENTS, PO_VERDICT_NOT_CHECKED, "no keys");
    else if (run->unopened > 0)
        po_verify_say(run, PO_VERDICT_COMMITMENTS, PO_VERDICT_NOT_CHECKED,
                      "%lu events match, %lu could not be opened (another tenant's, or no key)",
                      run->opened, run->unopened);
    else
        po_verify_say(run, PO_VERDICT_COMMITMENTS, PO_VERDICT_OK,
                      "%lu events open and match record and commitment", run->opened);
}

static void say_sequence(struct po_verify *run)
{
    struct po_ledger_verification *result = run->result;
    result->verdicts[PO_VERDICT_COMPLETENESS].checked =
        run->tenants.checked + run->producers.checked;
    if (run->is_cut) {
        po_verify_say(run, PO_VERDICT_COMPLETENESS, PO_VERDICT_NOT_CHECKED,
                      "the records end at leaf %lu", run->scanned);
        po_verify_say(run, PO_VERDICT_TIME, PO_VERDICT_NOT_CHECKED, "the records end at leaf %lu",
                      run->scanned);
    }
    po_verify_say(run, PO_VERDICT_COMPLETENESS, PO_VERDICT_OK,
                  "numbers of tenants and producers have no gap");
    po_verify_say(run, PO_VERDICT_TIME, PO_VERDICT_OK, "receive times never decrease");
}

/* 0 of 0 is no pass (law 1). */
static void demote_empty(struct po_ledger_verification *result)
{
    for (size_t i = 0; i < PO_VERDICT_KIND_COUNT; i++) {
        struct po_verdict *verdict = &result->verdicts[i];
        if (verdict->state != PO_VERDICT_OK || verdict->checked > 0) continue;
        verdict->state = PO_VERDICT_NOT_CHECKED;
        verdict->why = i == PO_VERDICT_TILES ? "no tile is full yet" : "nothing to check";
    }
}

static po_rc run_all(struct po_verify *run)
{
    const uint8_t *root = NULL;
    PO_TRY(run->cx, find_vkey(run));
    PO_TRY(run->cx, plan_roots(run));
    PO_TRY(run->cx, plan_tenants(run));
    PO_TRY(run->cx, po_map_new(run->cx, PO_VERIFY_NUMBERED_MAX, &run->tenants.map));
    PO_TRY(run->cx, po_map_new(run->cx, PO_VERIFY_NUMBERED_MAX, &run->producers.map));
    PO_TRY(run->cx, po_verify_scan(run));
    PO_TRY(run->cx, po_verify_tree(run));
    PO_TRY(run->cx, po_verify_signatures(run));
    po_verify_payloads(run);
    PO_TRY(run->cx, po_verify_tail(run));
    say_content(run);
    say_sequence(run);
    PO_TRY(run->cx, po_verify_consistency(run));
    demote_empty(run->result);
    run->result->size = run->scanned;
    root = po_verify_root_of(run, run->scanned);
    if (root != NULL) memcpy(run->result->root, root, PO_SHA256_BYTES);
    return po_rc_ok();
}

static void verify_free(struct po_verify **run)
{
    if (*run == NULL) return;
    po_segment_close(&(*run)->segment);
    po_buf_wipe(&(*run)->event);
    po_free(*run);
    *run = NULL;
}

/* @control CC7.2 */
po_rc po_ledger_verify(struct po_ctx *cx, struct po_ledger *ledger,
                       const struct po_ledger_verify_options *options,
                       struct po_ledger_verification *ret_verification)
{
    static const struct po_ledger_verify_options none = {0};
    struct po_ledger_verification result = {.is_ok = true};
    PO_CLEANUP(verify_free) struct po_verify *run = po_calloc(1, sizeof *run);
    if (run == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory to verify");
    po_segment_init(&run->segment);
    po_buf_init(&run->event, PO_EVENT_BYTES_MAX + 1);
    PO_ARENA_NEW(cx, result.findings, PO_VERDICT_FINDINGS_MAX);
    run->cx = cx;
    run->arena = cx->arena;
    run->ledger = ledger;
    run->options = options == NULL ? &none : options;
    run->result = &result;
    run->first_unsound = UINT64_MAX;
    PO_TRY_MSG(cx, run_all(run), "verifying the ledger");
    *ret_verification = result;
    return po_rc_ok();
}

/*
 * Would a pack made now pass? Everything a pack is made of is made in memory and held against the
 * same rules; nothing is written and no event is left (law 6).
 */
#include "crypto/crypto.h"
#include "pack_priv.h"

static void count(struct po_pack_selfcheck *result, bool is_fine)
{
    result->parts++;
    if (is_fine) result->fine++;
}

/* A table must begin with the header and hold the same number of fields in every row. */
static size_t fields_of(po_str line)
{
    size_t fields = 1;
    bool is_quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '"') is_quoted = !is_quoted;
        if (line.ptr[i] == ',' && !is_quoted) fields++;
    }
    return is_quoted ? 0 : fields;
}

static bool is_table(po_str text)
{
    po_str line = {NULL, 0};
    size_t wanted = 0;
    if (!po_str_starts(text, PO_LIT("control,clause,"))) return false;
    while (po_str_next_line(&text, &line)) {
        size_t fields = fields_of(line);
        if (wanted == 0) wanted = fields;
        if (fields == 0 || fields != wanted) return false;
    }
    return true;
}

static PO_RC check_texts(struct po_ctx *cx, const struct po_evidence *evidence,
                         const struct po_criterion *criterion, struct po_pack_selfcheck *result)
{
    size_t texts = 0;
    const struct po_pack_text *table = po_pack_text_table(&texts);
    for (size_t i = 0; i < texts; i++) {
        PO_BUF_AUTO text;
        po_buf_init(&text, PO_PACK_FILE_BYTES_MAX);
        PO_TRY(cx, table[i].render(cx, evidence, criterion, &text));
        bool is_csv = po_str_ends(po_str_of(table[i].name), PO_LIT(".csv"));
        count(result, is_csv ? is_table(po_buf_str(&text)) : text.len > 0);
    }
    return po_rc_ok();
}

/* One run as a pack would hold it: event, opening, record and proof agree. */
static PO_RC check_leaf(struct po_ctx *cx, struct po_ledger *ledger, uint64_t leaf,
                        const struct po_note_vkey *vkey, bool *ret_is_fine)
{
    PO_BUF_AUTO event;
    PO_BUF_AUTO proof;
    po_buf_init(&event, PO_EVENT_BYTES_MAX);
    po_buf_init(&proof, PO_PROOF_BYTES_MAX);
    uint8_t bytes[PO_RECORD_BYTES];
    uint8_t commit[PO_SHA256_BYTES];
    uint8_t hash[PO_SHA256_BYTES];
    struct po_opening opening;
    struct po_record record;
    PO_TRY(cx, po_ledger_event_at(cx, ledger, leaf, &event, &opening));
    PO_TRY(cx, po_ledger_record_bytes_at(cx, ledger, leaf, bytes));
    PO_TRY(cx, po_ledger_prove(cx, ledger, leaf, &proof));
    po_str record_bytes = po_str_n(bytes, sizeof bytes);
    PO_TRY_LEAF(cx, po_record_decode(record_bytes, &record), "decoding a record");
    PO_TRY_LEAF(cx, po_opening_commit(&opening, po_buf_str(&event), commit), "hashing");
    PO_TRY_LEAF(cx, po_leaf_hash(record_bytes, hash), "hashing");
    *ret_is_fine = po_str_eq(po_str_n(commit, sizeof commit),
                             po_str_n(record.content_commit, sizeof commit)) &&
                   po_is_ok(po_proof_verify(po_buf_str(&proof), hash, vkey, NULL));
    return po_rc_ok();
}

static PO_RC check_runs(struct po_ctx *cx, const struct po_evidence_source *source,
                        const struct po_evidence *evidence, struct po_pack_selfcheck *result)
{
    struct po_ledger *ledger = po_home_ledger(source->home);
    struct po_note_vkey vkey;
    PO_BUF_AUTO text;
    po_buf_init(&text, 1024);
    PO_TRY(cx, po_ledger_vkey(cx, ledger, &text));
    PO_TRY_LEAF(cx, po_note_vkey_parse(po_buf_str(&text), &vkey), "the ledger's verifier key");
    for (size_t i = 0; i < source->catalog->clause_count; i++) {
        bool is_fine = false;
        if (evidence->runs[i].leaf == PO_LEAF_NONE) continue;
        PO_TRY(cx, check_leaf(cx, ledger, evidence->runs[i].leaf, &vkey, &is_fine));
        count(result, is_fine);
    }
    return po_rc_ok();
}

/* The position of the published checkpoint: what a pack's proofs are made under. */
static PO_RC published_size(struct po_ctx *cx, struct po_ledger *ledger, uint64_t *ret_size)
{
    PO_BUF_AUTO note;
    struct po_checkpoint checkpoint;
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    PO_TRY(cx, po_ledger_note(cx, ledger, &note));
    PO_TRY_LEAF(cx, po_checkpoint_parse(po_buf_str(&note), &checkpoint), "the checkpoint");
    *ret_size = checkpoint.size;
    return po_rc_ok();
}

PO_RC po_pack_check(struct po_ctx *cx, const struct po_evidence_source *source,
                    struct po_pack_selfcheck *ret_result)
{
    struct po_evidence evidence;
    struct po_pack_selfcheck result = {0};
    struct po_json *root = NULL;
    uint64_t size = 0;
    PO_BUF_AUTO scores;
    po_buf_init(&scores, PO_PACK_FILE_BYTES_MAX);
    PO_TRY(cx, published_size(cx, po_home_ledger(source->home), &size));
    PO_TRY(cx, po_evidence_load(cx, source, size, &evidence));
    PO_TRY(cx, po_pack_scores(cx, &evidence, &scores));
    PO_TRY(cx, po_json_parse(cx, po_buf_str(&scores), PO_JSON_STRICT, &root));
    count(&result, po_json_get(root, "as_of") != NULL && po_json_get(root, "categories") != NULL);
    for (size_t i = 0; i < source->catalog->criterion_count; i++)
        PO_TRY(cx, check_texts(cx, &evidence, &source->catalog->criteria[i], &result));
    PO_TRY(cx, check_runs(cx, source, &evidence, &result));
    *ret_result = result;
    return po_rc_ok();
}

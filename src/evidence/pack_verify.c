/*
 * Verifying a pack: each verdict on its own, every failure with the file that shows it.
 *
 * Nothing here opens a home, a key or a socket. The pack's bytes are hostile until they have been
 * held against the manifest, the manifest until the ledger's event was held against it.
 */
#include "core/alloc.h"
#include "core/codec.h"
#include "core/fs.h"
#include "crypto/crypto.h"
#include "pack_verify_priv.h"

const char *po_pack_verdict_name(enum po_pack_verdict verdict)
{
    static const char *const names[PO_PACK_VERDICT_COUNT] = {[PO_PACK_FILES] = "files",
                                                             [PO_PACK_MANIFEST] = "manifest",
                                                             [PO_PACK_SIGNATURES] = "signatures",
                                                             [PO_PACK_LOG] = "log",
                                                             [PO_PACK_RUNS] = "runs",
                                                             [PO_PACK_DERIVED] = "derived",
                                                             [PO_PACK_ORIGIN] = "origin"};
    return names[verdict];
}

void po_pack_find(struct po_pack_check *check, enum po_pack_verdict verdict, const char *file,
                  const char *why)
{
    struct po_pack_verification *result = check->result;
    result->states[verdict] = PO_VERDICT_FAILED;
    result->is_ok = false;
    if (result->finding_count == PO_PACK_FINDINGS_MAX) {
        result->findings_dropped++;
        return;
    }
    result->findings[result->finding_count++] = (struct po_pack_finding){verdict, file, why};
}

const char *po_pack_text_of(struct po_ctx *cx, po_str text)
{
    const char *copy = po_arena_strdup(cx->arena, text);
    return copy != NULL ? copy : "";
}

PO_RC po_pack_find_rc(struct po_ctx *cx, struct po_pack_check *check, enum po_pack_verdict verdict,
                      po_str file, po_rc rc)
{
    if (po_is_ok(rc) || rc.code == PO_NOMEM || rc.code == PO_IO) return rc;
    po_pack_find(check, verdict, po_pack_text_of(cx, file),
                 po_pack_text_of(cx, po_str_of(po_err_msg(cx))));
    po_err_clear(cx);
    return po_rc_ok();
}

PO_RC po_pack_find_parts(struct po_ctx *cx, struct po_pack_check *check,
                         enum po_pack_verdict verdict, po_str stem, po_rc rc)
{
    static const struct {
        unsigned part;
        const char *suffix;
    } parts[] = {{PO_PACK_PART_EVENT, ".event.json"},        {PO_PACK_PART_OPENING, ".opening"},
                 {PO_PACK_PART_RECORD, ".record"},           {PO_PACK_PART_PROOF, ".tlog-proof"},
                 {PO_PACK_PART_CONSISTENCY, ".consistency"}, {PO_PACK_PART_MANIFEST, NULL}};
    if (po_is_ok(rc) || rc.code == PO_NOMEM || rc.code == PO_IO) return rc;
    const char *why = po_pack_text_of(cx, po_str_of(po_err_msg(cx)));
    po_err_clear(cx);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if ((check->suspects & parts[i].part) == 0) continue;
        const char *file = "manifest.json";
        if (parts[i].suffix != NULL)
            file = po_arena_printf(cx->arena, "%.*s%s", PO_STR_ARG(stem), parts[i].suffix);
        po_pack_find(check, verdict, file != NULL ? file : "", why);
    }
    return po_rc_ok();
}

/* -- files ---------------------------------------------------------------------------------------- */

static PO_RC check_file(struct po_ctx *cx, struct po_pack_check *check,
                        const struct po_pack_file *file)
{
    uint8_t digest[PO_SHA256_BYTES];
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_PACK_FILE_BYTES_MAX);
    PO_TRY(cx, po_pack_source_read(cx, check->source, file->path, &bytes));
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&bytes), digest), "hashing");
    bool is_same = bytes.len == file->bytes && po_str_eq(po_str_n(digest, sizeof digest),
                                                         po_str_n(file->sha256, sizeof digest));
    if (!is_same) return PO_FAIL(cx, PO_TAMPER, "its bytes are not those of the manifest");
    return po_rc_ok();
}

static bool is_listed(const struct po_pack_manifest *manifest, po_str path)
{
    size_t low = 0;
    size_t high = manifest->file_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = po_str_cmp(manifest->files[middle].path, path);
        if (order == 0) return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool is_unlisted_by_design(po_str path)
{
    static const char *const names[] = {"manifest.json", "export.event.json", "export.opening",
                                        "export.record", "export.tlog-proof", "export.consistency"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (po_str_eq_cstr(path, names[i])) return true;
    return false;
}

static PO_RC check_files(struct po_ctx *cx, struct po_pack_check *check)
{
    for (size_t i = 0; i < check->manifest.file_count; i++) {
        struct po_ctx step;
        PO_TRY(cx, po_ctx_child_begin(cx, PO_CX_ARENA_BYTES_MAX, &step));
        po_rc rc = check_file(&step, check, &check->manifest.files[i]);
        rc = po_ctx_child_end(cx, &step, rc);
        PO_TRY(cx, po_pack_find_rc(cx, check, PO_PACK_FILES, check->manifest.files[i].path, rc));
    }
    for (size_t i = 0; i < po_pack_source_count(check->source); i++) {
        po_str name = po_pack_source_name(check->source, i);
        if (!is_listed(&check->manifest, name) && !is_unlisted_by_design(name))
            po_pack_find(check, PO_PACK_FILES, po_pack_text_of(cx, name),
                         "the manifest does not name it");
    }
    check->result->file_count = check->manifest.file_count;
    return po_rc_ok();
}

/* -- manifest and signatures ---------------------------------------------------------------------- */

static PO_RC read_manifest(struct po_ctx *cx, struct po_pack_check *check)
{
    PO_BUF_AUTO bytes;
    po_str kept = {NULL, 0};
    po_buf_init(&bytes, PO_PACK_FILE_BYTES_MAX);
    PO_TRY(cx, po_pack_source_read(cx, check->source, PO_LIT("manifest.json"), &bytes));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), &kept), "out of memory");
    PO_TRY_LEAF(cx, po_sha256(kept, check->manifest_digest), "hashing");
    return po_pack_manifest_parse(cx, kept, &check->manifest);
}

static PO_RC read_vkey(struct po_ctx *cx, struct po_pack_check *check)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, 4096);
    PO_TRY(cx, po_pack_source_read(cx, check->source, PO_LIT("vkey"), &bytes));
    PO_TRY_LEAF(cx, po_note_vkey_parse(po_str_trim(po_buf_str(&bytes)), &check->vkey),
                "it is no verifier key");
    check->has_vkey = true;
    return po_rc_ok();
}

static PO_RC check_checkpoint(struct po_ctx *cx, struct po_pack_check *check)
{
    PO_BUF_AUTO note;
    struct po_checkpoint checkpoint;
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    PO_TRY(cx, po_pack_source_read(cx, check->source, PO_LIT("log/checkpoint"), &note));
    PO_TRY_LEAF(cx, po_checkpoint_verify(po_buf_str(&note), &check->vkey, &checkpoint),
                "it is not signed by the pack's verifier key");
    const struct po_as_of *as_of = &check->manifest.as_of;
    bool is_same =
        checkpoint.size == as_of->size && po_str_eq(po_str_n(checkpoint.root, PO_SHA256_BYTES),
                                                    po_str_n(as_of->root, PO_SHA256_BYTES));
    if (!is_same) return PO_FAIL(cx, PO_TAMPER, "it is not the position that the manifest states");
    check->result->checkpoint = checkpoint;
    return po_rc_ok();
}

/* Base64 lines into hashes. */
static PO_RC read_consistency(struct po_ctx *cx, struct po_pack_check *check,
                              struct po_proof_hashes *ret_proof)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, 16384);
    PO_TRY(cx, po_pack_source_read(cx, check->source, PO_LIT("export.consistency"), &bytes));
    po_str rest = po_buf_str(&bytes);
    po_str line = {NULL, 0};
    ret_proof->count = 0;
    if (rest.len > 0 && rest.ptr[rest.len - 1] != '\n')
        return PO_FAIL(cx, PO_INVALID, "its last line has no end");
    while (po_str_next_line(&rest, &line)) {
        if (ret_proof->count == PO_PROOF_HASHES_MAX) return PO_FAIL(cx, PO_LIMIT, "too many lines");
        PO_TRY_LEAF(
            cx, po_base64_decode_exact(line, ret_proof->hashes[ret_proof->count], PO_SHA256_BYTES),
            "line %zu is no hash", ret_proof->count + 1);
        ret_proof->count++;
    }
    return po_rc_ok();
}

static PO_RC check_export_event(struct po_ctx *cx, struct po_pack_check *check)
{
    struct po_pack_leaf leaf;
    po_str recorded = {NULL, 0};
    char hex[2 * PO_SHA256_BYTES + 1];
    PO_TRY(cx, po_pack_read_leaf(cx, check, "export", &leaf));
    if (leaf.record.event_type != PO_EVENT_TYPE_PACK_EXPORTED)
        return PO_FAIL(cx, PO_TAMPER, "it is not the event of an export");
    const struct po_json *detail = po_json_get(leaf.event.json, "detail");
    PO_TRY(cx, po_json_get_str(cx, detail, "manifest_sha256", &recorded));
    po_hex_encode(check->manifest_digest, PO_SHA256_BYTES, hex);
    check->suspects = PO_PACK_PART_MANIFEST;
    if (!po_str_eq_cstr(recorded, hex))
        return PO_FAIL(cx, PO_TAMPER, "the ledger recorded another manifest");
    struct po_proof_hashes proof;
    check->suspects = PO_PACK_PART_CONSISTENCY;
    PO_TRY(cx, read_consistency(cx, check, &proof));
    struct po_consistency_claim claim = {.old_size = check->manifest.as_of.size,
                                         .size = leaf.proof.checkpoint.size,
                                         .old_root = check->manifest.as_of.root,
                                         .root = leaf.proof.checkpoint.root};
    PO_TRY_LEAF(cx, po_consistency_verify(&claim, &proof),
                "it does not prove log/checkpoint a prefix of the export's checkpoint");
    check->export_checkpoint = leaf.proof.checkpoint;
    return po_rc_ok();
}

/* -- origin --------------------------------------------------------------------------------------- */

static bool same_hash(const uint8_t *a, const uint8_t *b)
{
    return po_str_eq(po_str_n(a, PO_SHA256_BYTES), po_str_n(b, PO_SHA256_BYTES));
}

/* The pack's own root at an earlier size: from its log, or the position of its export. */
static PO_RC root_at(struct po_ctx *cx, struct po_pack_check *check, uint64_t size,
                     uint8_t ret_root[static PO_SHA256_BYTES])
{
    if (size == check->export_checkpoint.size) {
        memcpy(ret_root, check->export_checkpoint.root, PO_SHA256_BYTES);
        return po_rc_ok();
    }
    if (size > check->manifest.as_of.size)
        return PO_FAIL(
            cx, PO_UNAVAILABLE,
            "it is newer than the pack (%lu leaves, the pack has %lu): hold the ledger or "
            "a newer pack against it",
            (unsigned long)size, (unsigned long)check->manifest.as_of.size);
    if (check->leaf_hashes == NULL) return PO_FAIL(cx, PO_TAMPER, "the log could not be read");
    return po_pack_root(cx, check->leaf_hashes, size, ret_root);
}

/* PO_UNAVAILABLE: nothing can be said. */
static PO_RC check_against(struct po_ctx *cx, struct po_pack_check *check,
                           const struct po_ledger_against *against)
{
    struct po_checkpoint earlier = {.size = against->size};
    uint8_t root[PO_SHA256_BYTES];
    memcpy(earlier.root, against->root, sizeof earlier.root);
    if (against->note.len > 0)
        PO_TRY_LEAF(cx, po_checkpoint_verify(against->note, &check->vkey, &earlier),
                    "it is no checkpoint signed by this ledger's key");
    PO_TRY(cx, root_at(cx, check, earlier.size, root));
    if (!same_hash(root, earlier.root))
        return PO_FAIL(cx, PO_TAMPER, "the pack's log contradicts it at size %lu",
                       (unsigned long)earlier.size);
    return po_rc_ok();
}

static PO_RC check_origin(struct po_ctx *cx, struct po_pack_check *check)
{
    const struct po_pack_verify_options *options = check->options;
    struct po_pack_verification *result = check->result;
    const char *too_new = NULL;
    size_t agreed = options->vkey != NULL ? 1 : 0;
    if (options->vkey != NULL) {
        bool is_same = check->has_vkey && options->vkey->id == check->vkey.id &&
                       po_str_eq(po_str_n(options->vkey->key, PO_ED25519_PUBLIC_BYTES),
                                 po_str_n(check->vkey.key, PO_ED25519_PUBLIC_BYTES));
        if (!is_same)
            po_pack_find(check, PO_PACK_ORIGIN, "vkey", "it is not the key given by --vkey");
    }
    for (size_t i = 0; i < options->against_count; i++) {
        po_rc rc = check_against(cx, check, &options->against[i]);
        if (rc.code == PO_UNAVAILABLE) {
            too_new = po_pack_text_of(cx, po_str_of(po_err_msg(cx)));
            po_err_clear(cx);
            continue;
        }
        if (po_is_ok(rc)) agreed++;
        PO_TRY(cx,
               po_pack_find_rc(cx, check, PO_PACK_ORIGIN, po_str_of(options->against[i].name), rc));
    }
    if (agreed == 0 && result->states[PO_PACK_ORIGIN] != PO_VERDICT_FAILED) {
        result->states[PO_PACK_ORIGIN] = PO_VERDICT_NOT_CHECKED;
        result->whys[PO_PACK_ORIGIN] =
            too_new != NULL ? too_new
                            : "self-consistent, origin not established: give --vkey or --against";
    } else {
        result->whys[PO_PACK_ORIGIN] = "the key or the earlier checkpoints given agree";
    }
    result->is_origin_established = agreed > 0 && result->is_ok;
    return po_rc_ok();
}

/* -- the whole ------------------------------------------------------------------------------------ */

static PO_RC check_signatures(struct po_ctx *cx, struct po_pack_check *check)
{
    po_rc rc = read_vkey(cx, check);
    PO_TRY(cx, po_pack_find_rc(cx, check, PO_PACK_SIGNATURES, PO_LIT("vkey"), rc));
    if (!check->has_vkey) return po_rc_ok();
    rc = check_checkpoint(cx, check);
    PO_TRY(cx, po_pack_find_rc(cx, check, PO_PACK_SIGNATURES, PO_LIT("log/checkpoint"), rc));
    rc = check_export_event(cx, check);
    return po_pack_find_parts(cx, check, PO_PACK_MANIFEST, PO_LIT("export"), rc);
}

static PO_RC run_checks(struct po_ctx *cx, struct po_pack_check *check)
{
    static const char *const whys[PO_PACK_VERDICT_COUNT] = {
        [PO_PACK_FILES] = "every file is as the manifest says",
        [PO_PACK_MANIFEST] = "the ledger recorded this manifest",
        [PO_PACK_SIGNATURES] = "checkpoints are signed by the pack's key",
        [PO_PACK_LOG] = "records, tiles and root agree",
        [PO_PACK_RUNS] = "every run is in the log as it stands here",
        [PO_PACK_DERIVED] = "tables, texts and scores follow from the runs",
    };
    memcpy(check->result->whys, whys, sizeof whys);
    po_rc rc = read_manifest(cx, check);
    PO_TRY(cx, po_pack_find_rc(cx, check, PO_PACK_FILES, PO_LIT("manifest.json"), rc));
    if (!po_is_ok(rc)) return po_rc_ok();
    PO_TRY(cx, check_files(cx, check));
    PO_TRY(cx, check_signatures(cx, check));
    PO_TRY(cx, po_pack_check_log(cx, check));
    PO_TRY(cx, po_pack_check_runs(cx, check));
    PO_TRY(cx, po_pack_check_derived(cx, check));
    return check_origin(cx, check);
}

PO_RC po_pack_verify(struct po_ctx *cx, const struct po_pack_verify_options *options,
                     struct po_pack_verification *ret_verification)
{
    struct po_pack_verification *result = NULL;
    PO_ARENA_NEW(cx, result, 1);
    result->is_ok = true;
    PO_CLEANUP(po_pack_source_freep) struct po_pack_source *source = NULL;
    PO_TRY(cx, po_pack_source_open(cx, options->path, &source));
    if (!po_pack_source_has(source, PO_LIT("manifest.json")))
        return PO_FAIL(cx, PO_INVALID, "'%s' is no evidence pack: it has no manifest.json",
                       options->path);
    struct po_pack_check check = {.options = options, .source = source, .result = result};
    PO_TRY(cx, po_catalog_load_embedded(cx, &check.catalog));
    po_rc rc = run_checks(cx, &check);
    po_free(check.leaf_hashes);
    PO_TRY(cx, rc);
    for (size_t i = 0; i < PO_PACK_VERDICT_COUNT; i++)
        if (result->states[i] == PO_VERDICT_FAILED) result->whys[i] = "see the findings";
    *ret_verification = *result;
    return po_rc_ok();
}

PO_RC po_pack_checkpoint(struct po_ctx *cx, const char *path, struct po_checkpoint *ret_checkpoint)
{
    PO_CLEANUP(po_pack_source_freep) struct po_pack_source *source = NULL;
    PO_BUF_AUTO note;
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    PO_TRY(cx, po_pack_source_open(cx, path, &source));
    PO_TRY(cx, po_pack_source_read(cx, source, PO_LIT("log/checkpoint"), &note));
    PO_TRY_LEAF(cx, po_checkpoint_parse(po_buf_str(&note), ret_checkpoint),
                "the pack's log/checkpoint is no checkpoint");
    return po_rc_ok();
}

/*
 * Making a pack: files first, then the export event that holds the manifest's digest, then its proof.
 *
 * The pack grows in DIR.partial and takes its name only when it is whole, so a failure or crash never
 * leaves something that looks like a pack.
 */
#include "core/build.h"
#include "core/codec.h"
#include "core/fs.h"
#include "crypto/crypto.h"
#include "pack_priv.h"

struct exporter {
    struct po_home *home;
    struct po_ledger *ledger;
    const struct po_pack_options *options;
    struct po_evidence evidence;
    struct po_pack_writer writer;
    struct po_pack_manifest manifest;
};

/* One leaf as four files: event, record, opening, proof. */
static PO_RC put_leaf(struct po_ctx *cx, struct exporter *ex, const char *stem, uint64_t leaf)
{
    PO_BUF_AUTO event;
    PO_BUF_AUTO proof;
    po_buf_init(&event, PO_EVENT_BYTES_MAX);
    po_buf_init(&proof, PO_PROOF_BYTES_MAX);
    uint8_t record[PO_RECORD_BYTES];
    struct po_opening opening;
    PO_TRY(cx, po_ledger_event_at(cx, ex->ledger, leaf, &event, &opening));
    PO_TRY(cx, po_ledger_record_bytes_at(cx, ex->ledger, leaf, record));
    PO_TRY(cx, po_ledger_prove(cx, ex->ledger, leaf, &proof));
    const struct {
        const char *suffix;
        po_str bytes;
    } parts[] = {{"event.json", po_buf_str(&event)},
                 {"opening", po_str_n(opening.bytes, sizeof opening.bytes)},
                 {"record", po_str_n(record, sizeof record)},
                 {"tlog-proof", po_buf_str(&proof)}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *path = po_arena_printf(cx->arena, "%s.%s", stem, parts[i].suffix);
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_pack_put(cx, &ex->writer, path, parts[i].bytes));
    }
    return po_rc_ok();
}

static PO_RC put_runs(struct po_ctx *cx, struct exporter *ex, const struct po_criterion *criterion,
                      po_id_list controls)
{
    for (size_t i = 0; i < controls.count; i++) {
        const struct po_control *control = &ex->evidence.catalog->controls[controls.at[i]];
        for (size_t k = 0; k < control->clause_count; k++) {
            size_t position = (size_t)control->clause_first + k;
            const struct po_clause *clause = &ex->evidence.catalog->clauses[position];
            uint64_t leaf = ex->evidence.runs[position].leaf;
            if (leaf == PO_LEAF_NONE) continue;
            const char *stem = po_arena_printf(cx->arena, "criteria/%.*s/runs/%.*s",
                                               PO_STR_ARG(criterion->id), PO_STR_ARG(clause->id));
            if (stem == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
            PO_TRY(cx, put_leaf(cx, ex, stem, leaf));
        }
    }
    return po_rc_ok();
}

static PO_RC put_criterion(struct po_ctx *cx, struct exporter *ex,
                           const struct po_criterion *criterion)
{
    size_t count = 0;
    const struct po_pack_text *texts = po_pack_text_table(&count);
    for (size_t i = 0; i < count; i++) {
        PO_BUF_AUTO text;
        po_buf_init(&text, PO_PACK_FILE_BYTES_MAX);
        const char *path = po_arena_printf(cx->arena, "criteria/%.*s/%s", PO_STR_ARG(criterion->id),
                                           texts[i].name);
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, texts[i].render(cx, &ex->evidence, criterion, &text));
        PO_TRY(cx, po_pack_put(cx, &ex->writer, path, po_buf_str(&text)));
    }
    PO_TRY(cx, put_runs(cx, ex, criterion, criterion->primary));
    return put_runs(cx, ex, criterion, criterion->supporting);
}

/* Criteria asked for, or all. */
static PO_RC put_criteria(struct po_ctx *cx, struct exporter *ex)
{
    const struct po_catalog *catalog = ex->evidence.catalog;
    const struct po_pack_options *options = ex->options;
    po_str *ids = NULL;
    PO_ARENA_NEW(cx, ids, PO_CRITERIA_MAX);
    for (size_t i = 0; i < catalog->criterion_count; i++) {
        bool is_chosen = options->criterion_count == 0;
        for (size_t k = 0; k < options->criterion_count; k++)
            if (po_str_eq(options->criteria[k], catalog->criteria[i].id)) is_chosen = true;
        if (!is_chosen) continue;
        PO_TRY(cx, put_criterion(cx, ex, &catalog->criteria[i]));
        ids[ex->manifest.criterion_count++] = catalog->criteria[i].id;
    }
    ex->manifest.criteria = ids;
    return po_rc_ok();
}

static PO_RC put_log(struct po_ctx *cx, struct exporter *ex)
{
    const char *log = NULL;
    uint64_t files = 0;
    PO_BUF_AUTO vkey;
    po_buf_init(&vkey, 1024);
    PO_TRY(cx, po_path_join(cx, ex->writer.dir, "log", &log));
    PO_TRY(cx, po_ledger_export(cx, ex->ledger, log, &files));
    PO_TRY(cx, po_pack_adopt(cx, &ex->writer, "log"));
    PO_TRY(cx, po_ledger_vkey(cx, ex->ledger, &vkey));
    po_buf_append_char(&vkey, '\n');
    PO_TRY_LEAF(cx, po_buf_check(&vkey), "writing the ledger's key");
    return po_pack_put(cx, &ex->writer, "vkey", po_buf_str(&vkey));
}

static PO_RC put_texts(struct po_ctx *cx, struct exporter *ex)
{
    PO_BUF_AUTO readme;
    PO_BUF_AUTO scores;
    po_buf_init(&readme, PO_PACK_FILE_BYTES_MAX);
    po_buf_init(&scores, PO_PACK_FILE_BYTES_MAX);
    ex->manifest.origin = po_str_of(po_ledger_origin_of(ex->ledger));
    PO_TRY(cx, po_pack_readme(cx, &ex->evidence, ex->manifest.origin, &readme));
    PO_TRY(cx, po_pack_put(cx, &ex->writer, "README.md", po_buf_str(&readme)));
    if (ex->options->criterion_count > 0)
        return po_rc_ok(); /* scores need every criterion's runs */
    PO_TRY(cx, po_pack_scores(cx, &ex->evidence, &scores));
    return po_pack_put(cx, &ex->writer, "scores.json", po_buf_str(&scores));
}

static PO_RC put_manifest(struct po_ctx *cx, struct exporter *ex,
                          uint8_t ret_digest[static PO_SHA256_BYTES])
{
    const char *generator = po_arena_printf(cx->arena, "paulyops %s", po_build.version);
    if (generator == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_PACK_FILE_BYTES_MAX);
    po_pack_sort(ex->writer.files, ex->writer.count);
    ex->manifest.as_of = po_evidence_as_of(&ex->evidence.at);
    ex->manifest.generator = po_str_of(generator);
    ex->manifest.files = ex->writer.files;
    ex->manifest.file_count = ex->writer.count;
    memcpy(ex->manifest.catalog_digest, ex->evidence.catalog->digest, PO_SHA256_BYTES);
    PO_TRY(cx, po_pack_manifest_write(cx, &ex->manifest, &bytes));
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&bytes), ret_digest), "hashing the manifest");
    return po_pack_put(cx, &ex->writer, "manifest.json", po_buf_str(&bytes));
}

/* The event of the export, and a checkpoint over it. */
static PO_RC record_export(struct po_ctx *cx, struct exporter *ex, const uint8_t *manifest_digest,
                           uint64_t *ret_leaf)
{
    char hex[2 * PO_SHA256_BYTES + 1];
    po_hex_encode(manifest_digest, PO_SHA256_BYTES, hex);
    const char *detail = po_arena_printf(
        cx->arena,
        "{\"as_of_size\":%lu,\"files\":%lu,\"format\":\"" PO_PACK_FORMAT
        "\",\"manifest_sha256\":\"%s\"}",
        (unsigned long)ex->evidence.at.size, (unsigned long)ex->manifest.file_count, hex);
    if (detail == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_event event = {.type = PO_EVENT_TYPE_PACK_EXPORTED,
                             .resource = PO_LIT("pack:evidence"),
                             .action = PO_LIT("export"),
                             .result = PO_EVENT_SUCCESS,
                             .detail = po_str_of(detail)};
    PO_TRY(cx, po_home_record(cx, ex->home, &event));
    PO_TRY(cx, po_home_checkpoint(cx, ex->home));
    *ret_leaf = po_ledger_size(ex->ledger) - 1;
    return po_rc_ok();
}

static PO_RC put_consistency(struct po_ctx *cx, struct exporter *ex)
{
    struct po_proof_hashes proof;
    PO_BUF_AUTO text;
    po_buf_init(&text, 16384);
    PO_TRY(cx, po_ledger_consistency(cx, ex->ledger, ex->evidence.at.size,
                                     po_ledger_size(ex->ledger), &proof));
    for (size_t i = 0; i < proof.count; i++) {
        po_base64_append(&text, proof.hashes[i], PO_SHA256_BYTES);
        po_buf_append_char(&text, '\n');
    }
    PO_TRY_LEAF(cx, po_buf_check(&text),
                "writing the proof that the export's checkpoint continues");
    return po_pack_put(cx, &ex->writer, "export.consistency", po_buf_str(&text));
}

static PO_RC fill(struct po_ctx *cx, struct exporter *ex)
{
    uint8_t digest[PO_SHA256_BYTES];
    uint64_t leaf = 0;
    PO_TRY(cx, put_log(cx, ex));
    PO_TRY(cx, put_texts(cx, ex));
    PO_TRY(cx, put_criteria(cx, ex));
    PO_TRY(cx, put_manifest(cx, ex, digest));
    PO_TRY(cx, record_export(cx, ex, digest, &leaf));
    PO_TRY(cx, put_leaf(cx, ex, "export", leaf));
    return put_consistency(cx, ex);
}

PO_RC po_pack_validate(struct po_ctx *cx, const struct po_pack_options *options)
{
    for (size_t i = 0; i < options->criterion_count; i++)
        if (po_catalog_criterion(options->source.catalog, options->criteria[i]) == NULL)
            return PO_FAIL(cx, PO_NOTFOUND, "there is no criterion '%.*s'",
                           PO_STR_ARG(options->criteria[i]));
    return po_rc_ok();
}

/* A directory of ours that is not whole is scratch: it goes, and the error that made it so stays. */
static PO_RC fill_or_remove(struct po_ctx *cx, struct exporter *ex, const char *dir)
{
    po_rc rc = fill(cx, ex);
    if (po_is_ok(rc))
        rc = po_fs_sync_all(cx, ex->writer.dir); /* before its name says it is whole */
    if (po_is_ok(rc)) rc = po_fs_rename(cx, ex->writer.dir, dir);
    if (po_is_ok(rc)) return rc;
    struct po_err first = cx->err;
    po_ignore(po_fs_remove_tree(cx, ex->writer.dir, PO_PACK_DEPTH_MAX),
              "what failed before is the error to report");
    cx->err = first;
    return rc;
}

PO_RC po_pack_export(struct po_ctx *cx, const struct po_pack_options *options,
                     struct po_pack_exported *ret_exported)
{
    struct po_home *home = options->source.home;
    struct exporter ex = {.home = home, .ledger = po_home_ledger(home), .options = options};
    struct po_fs_info info = {0};
    PO_TRY(cx, po_pack_validate(cx, options));
    PO_TRY(cx, po_fs_info(cx, options->dir, &info));
    if (info.exists) return PO_FAIL(cx, PO_EXISTS, "'%s' exists already", options->dir);
    PO_TRY(cx, po_home_checkpoint(cx, home));
    PO_TRY(cx, po_evidence_load(cx, &options->source, 0, &ex.evidence));
    const char *partial = po_arena_printf(cx->arena, "%s.partial", options->dir);
    if (partial == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_fs_info(cx, partial, &info));
    if (info.exists)
        return PO_FAIL(cx, PO_EXISTS, "'%s' is left from an export that did not end; move it away",
                       partial);
    PO_TRY(cx, po_fs_mkdir_all(cx, partial, 0700));
    ex.writer.dir = partial;
    PO_TRY(cx, fill_or_remove(cx, &ex, options->dir));
    po_pack_sort(ex.writer.files, ex.writer.count);
    ret_exported->file_count = ex.writer.count;
    ret_exported->size = ex.evidence.at.size;
    ret_exported->time_us = ex.evidence.at.time_us;
    ret_exported->files = ex.writer.files;
    return po_rc_ok();
}

PO_RC po_pack_tar(struct po_ctx *cx, const char *dir, const struct po_pack_exported *exported,
                  const char *tar_path)
{
    return po_tar_write(cx, dir, exported, tar_path);
}

/*
 * Export as a C2SP tlog-tiles directory, for readers that know nothing of us.
 *
 * Repeating an export changes nothing; exporting a grown ledger adds to it. A directory that holds
 * another log, or another history of this one, is refused and left as it is.
 *
 * Source   C2SP tlog-tiles 0.1.0
 */
#include "core/sys.h"
#include "ledger/ledger_priv.h"

#include <stdio.h>

#define BUNDLE_BYTES (PO_TILE_WIDTH * (2 + PO_RECORD_BYTES))

struct export
{
    struct po_ledger *ledger;
    const char *dir;
    uint64_t size;
    uint64_t written;
};

static po_rc target_path(struct po_ctx *cx, const struct export *job, const char *name,
                         char out[static PO_LEDGER_PATH_BYTES])
{
    int len = snprintf(out, PO_LEDGER_PATH_BYTES, "%s/%s", job->dir, name);
    if (len < 0 || len >= PO_LEDGER_PATH_BYTES)
        return PO_FAIL(cx, PO_LIMIT, "path of the export is too long");
    return po_rc_ok();
}

/* Content of a file of the export; empty and *ret_is_there = false when it is not there. */
static po_rc read_target(struct po_ctx *cx, const struct export *job, const char *name,
                         struct po_buf *out, bool *ret_is_there)
{
    char path[PO_LEDGER_PATH_BYTES];
    PO_TRY(cx, target_path(cx, job, name, path));
    po_rc rc = po_fs_read(cx, path, out);
    *ret_is_there = rc.code != PO_NOTFOUND;
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        return po_rc_ok();
    }
    if (rc.code == PO_LIMIT) return PO_FAIL(cx, PO_CONFLICT, "'%s' is not of this export", path);
    PO_TRY(cx, rc);
    return po_rc_ok();
}

static po_rc write_target(struct po_ctx *cx, struct export *job, const char *name, po_str content)
{
    char path[PO_LEDGER_PATH_BYTES];
    const char *parent = NULL;
    struct po_fs_info info = {0};
    PO_SCRATCH_AUTO scratch = {0};
    PO_TRY(cx, po_scratch_begin(cx, (size_t)1 << 20, &scratch));
    PO_TRY(cx, target_path(cx, job, name, path));
    PO_TRY(cx, po_path_dir(cx, path, &parent));
    PO_TRY(cx, po_fs_info(cx, parent, &info));
    if (!info.exists) PO_TRY(cx, po_fs_mkdir_all(cx, parent, 0750));
    PO_TRY(cx, po_fs_write_atomic(cx, path, content, 0640));
    job->written++;
    return po_rc_ok();
}

/* A file whose name fixes its content for ever. */
static po_rc put_fixed(struct po_ctx *cx, struct export *job, const char *name, po_str content)
{
    bool is_there = false;
    PO_BUF_AUTO there;
    po_buf_init(&there, content.len + 1);
    PO_TRY(cx, read_target(cx, job, name, &there, &is_there));
    if (!is_there) {
        PO_TRY(cx, write_target(cx, job, name, content));
        return po_rc_ok();
    }
    if (!po_str_eq(po_buf_str(&there), content))
        return PO_FAIL(cx, PO_CONFLICT, "'%s/%s' is there with another content", job->dir, name);
    return po_rc_ok();
}

/* ---- tiles and entries ----------------------------------------------------------------------- */

/* Hashes number first.. of tile level `level`, at most one tile's. */
static po_rc put_tile(struct po_ctx *cx, struct export *job, unsigned level, uint64_t number)
{
    uint8_t tile[PO_TILE_BYTES];
    char kind[8];
    char name[96];
    struct po_merkle_source source = po_ledger_source(job->ledger);
    uint64_t left = (job->size >> (8 * level)) - number * PO_TILE_WIDTH;
    unsigned width = left < PO_TILE_WIDTH ? (unsigned)left : PO_TILE_WIDTH;
    for (unsigned i = 0; i < width; i++)
        PO_TRY(cx, source.node(cx, source.user, 8 * level, number * PO_TILE_WIDTH + i,
                               tile + (size_t)i * PO_SHA256_BYTES));
    (void)snprintf(kind, sizeof kind, "%u", level);
    po_tile_path(name, sizeof name, kind, number, width);
    PO_TRY(cx, put_fixed(cx, job, name, po_str_n(tile, (size_t)width * PO_SHA256_BYTES)));
    return po_rc_ok();
}

static po_rc put_bundle(struct po_ctx *cx, struct export *job, uint64_t number)
{
    uint8_t bundle[BUNDLE_BYTES];
    char name[96];
    uint64_t first = number * PO_TILE_WIDTH;
    unsigned width =
        job->size - first < PO_TILE_WIDTH ? (unsigned)(job->size - first) : PO_TILE_WIDTH;
    for (unsigned i = 0; i < width; i++) {
        uint8_t *at = bundle + (size_t)i * (2 + PO_RECORD_BYTES);
        at[0] = 0;
        at[1] = PO_RECORD_BYTES;
        PO_TRY(cx, po_ledger_record_bytes_at(cx, job->ledger, first + i, at + 2));
    }
    po_tile_path(name, sizeof name, "entries", number, width);
    PO_TRY(cx, put_fixed(cx, job, name, po_str_n(bundle, (size_t)width * (2 + PO_RECORD_BYTES))));
    return po_rc_ok();
}

static po_rc put_tree(struct po_ctx *cx, struct export *job)
{
    for (unsigned level = 0; (job->size >> (8 * level)) > 0; level++) {
        uint64_t hashes = job->size >> (8 * level);
        for (uint64_t number = 0; number * PO_TILE_WIDTH < hashes; number++)
            PO_TRY(cx, put_tile(cx, job, level, number));
    }
    for (uint64_t number = 0; number * PO_TILE_WIDTH < job->size; number++)
        PO_TRY(cx, put_bundle(cx, job, number));
    return po_rc_ok();
}

/* ---- checkpoint ------------------------------------------------------------------------------ */

/* What stands there must be an earlier state of this very log. */
static po_rc check_earlier(struct po_ctx *cx, const struct export *job, po_str note)
{
    struct po_checkpoint earlier = {0};
    uint8_t root[PO_SHA256_BYTES];
    bool is_ours = po_is_ok(po_checkpoint_parse(note, &earlier)) &&
                   po_str_eq_cstr(po_str_of(earlier.origin), job->ledger->origin) &&
                   earlier.size <= job->size;
    if (!is_ours)
        return PO_FAIL(cx, PO_CONFLICT, "'%s' holds another log or a later export", job->dir);
    PO_TRY(cx, po_ledger_root_at(cx, job->ledger, earlier.size, root));
    if (!po_digest_eq(root, earlier.root))
        return PO_FAIL(cx, PO_CONFLICT, "'%s' holds another history of this log", job->dir);
    return po_rc_ok();
}

static po_rc check_target(struct po_ctx *cx, const struct export *job, po_str note,
                          bool *ret_is_same)
{
    bool is_there = false;
    PO_BUF_AUTO there;
    po_buf_init(&there, PO_NOTE_BYTES_MAX);
    PO_TRY(cx, read_target(cx, job, "checkpoint", &there, &is_there));
    *ret_is_same = is_there && po_str_eq(po_buf_str(&there), note);
    if (is_there && !*ret_is_same) PO_TRY(cx, check_earlier(cx, job, po_buf_str(&there)));
    return po_rc_ok();
}

po_rc po_ledger_export(struct po_ctx *cx, struct po_ledger *ledger, const char *dir,
                       uint64_t *ret_files_written)
{
    struct export job = {.ledger = ledger, .dir = dir};
    struct po_checkpoint checkpoint = {0};
    uint8_t root[PO_SHA256_BYTES];
    bool is_same = false;
    PO_BUF_AUTO note;
    PO_BUF_AUTO vkey;
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    po_buf_init(&vkey, 1024);
    po_rc rc = po_ledger_note(cx, ledger, &note);
    if (rc.code == PO_NOTFOUND) return PO_FAIL(cx, PO_NOTFOUND, "nothing was signed yet");
    PO_TRY(cx, rc);
    PO_TRY_LEAF(cx, po_checkpoint_parse(po_buf_str(&note), &checkpoint),
                "ledger file 'checkpoint' is damaged");
    job.size = checkpoint.size;
    PO_TRY(cx, po_ledger_root_at(cx, ledger, job.size, root));
    if (!po_digest_eq(root, checkpoint.root))
        return PO_FAIL(cx, PO_TAMPER, "the ledger does not have the root of its checkpoint");
    PO_TRY(cx, po_ledger_vkey(cx, ledger, &vkey));
    po_buf_append_char(&vkey, '\n');
    PO_TRY_LEAF(cx, po_buf_check(&vkey), "no room for the verifier key");
    PO_TRY(cx, check_target(cx, &job, po_buf_str(&note), &is_same));
    PO_TRY(cx, put_fixed(cx, &job, "vkey", po_buf_str(&vkey)));
    PO_TRY(cx, put_tree(cx, &job));
    if (!is_same) PO_TRY(cx, write_target(cx, &job, "checkpoint", po_buf_str(&note)));
    if (ret_files_written != NULL) *ret_files_written = job.written;
    return po_rc_ok();
}

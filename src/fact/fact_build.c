/*
 * Fact build.program: the running program and the manifest that measured it.
 */
#include "fact_priv.h"

#include "core/build.h"
#include "core/codec.h"
#include "core/sys.h"

#define PROGRAM_BYTES_MAX ((uint64_t)512 << 20)
#define MANIFEST_BYTES_MAX ((size_t)64 << 10)

/* Beside the program (a build tree) or where `make install` puts it. */
static const char *const manifest_places[] = {"build-manifest.json",
                                              "../share/paulyops/build-manifest.json"};

static PO_RC program_dir(struct po_ctx *cx, const char *program, const char **ret_dir)
{
    char target[4096];
    ssize_t len = po_sys_readlink(program, target, sizeof target);
    po_str path = len > 0 ? po_str_n(target, (size_t)len) : po_str_of(program);
    size_t slash = SIZE_MAX;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '/') slash = i;
    po_str dir = slash == SIZE_MAX ? PO_LIT(".") : po_str_slice(path, 0, slash);
    *ret_dir = po_arena_strdup(cx->arena, dir);
    if (*ret_dir == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

static PO_RC find_manifest(struct po_ctx *cx, const char *dir, struct po_json **ret_manifest)
{
    for (size_t i = 0; i < sizeof manifest_places / sizeof *manifest_places; i++) {
        const char *path = NULL;
        po_str text = {0};
        enum po_fact_file state = PO_FACT_FILE_ABSENT;
        PO_TRY(cx, po_fact_path(cx, dir, manifest_places[i], &path));
        PO_TRY(cx, po_fact_file_read(cx, path, MANIFEST_BYTES_MAX, &text, &state));
        if (state != PO_FACT_FILE_OK) continue;
        po_rc rc = po_json_parse(cx, text, PO_JSON_STRICT, ret_manifest);
        if (po_is_ok(rc)) return rc;
        if (rc.code == PO_NOMEM) return rc;
        po_err_clear(cx); /* a manifest that is no JSON measured nothing */
    }
    return po_rc_ok();
}

static int64_t member_int(const struct po_json *object, const char *key)
{
    const struct po_json *member = po_json_get(object, key);
    return member != NULL && member->type == PO_JSON_INT ? member->integer : -1;
}

PO_FACT_READER(build_program)
{
    uint8_t digest[32] = {0};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    const char *dir = NULL;
    struct po_json *manifest = NULL;
    PO_TRY(cx, po_fact_file_digest(cx, set->places.program, PROGRAM_BYTES_MAX, digest, &state));
    PO_TRY(cx, program_dir(cx, set->places.program, &dir));
    PO_TRY(cx, find_manifest(cx, dir, &manifest));
    const struct po_json *named = po_json_get(manifest, "binary_sha256");
    char hex[65] = {0};
    po_hex_encode(digest, sizeof digest, hex);
    bool is_equal = state == PO_FACT_FILE_OK && named != NULL && named->type == PO_JSON_STR &&
                    po_str_eq_cstr(named->str, hex);
    po_json_out_object(out);
    po_fact_put_cstr(out, "version", po_build.version);
    po_fact_put_cstr(out, "commit", po_build.commit);
    po_fact_put_cstr(out, "variant", po_build.variant);
    po_fact_put_cstr(out, "sources_digest", po_build.sources_sha256);
    po_fact_put_cstr(out, "digest", state == PO_FACT_FILE_OK ? hex : "");
    po_fact_put_bool(out, "manifest_found", manifest != NULL);
    po_fact_put_bool(out, "manifest_matches", is_equal);
    po_fact_put_opt(out, "abort_sites", is_equal ? member_int(manifest, "abort_sites") : -1);
    po_fact_put_opt(out, "problems", is_equal ? member_int(manifest, "problems") : -1);
    po_fact_put_opt(out, "objects_scanned",
                    is_equal ? member_int(manifest, "objects_scanned") : -1);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/*
 * Writing a pack's files and its manifest.
 */
#include "core/codec.h"
#include "core/fs.h"
#include "crypto/crypto.h"
#include "pack_priv.h"

#include <stdlib.h>

#define MANIFEST_BYTES_MAX ((size_t)32 << 20)

bool po_pack_path_is_fine(po_str path)
{
    po_str rest = path;
    po_str part = {NULL, 0};
    if (path.len == 0 || path.len > PO_PACK_PATH_BYTES_MAX) return false;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-' || c == '/';
        if (!is_fine) return false;
    }
    if (path.ptr[0] == '/' || path.ptr[path.len - 1] == '/') return false;
    while (po_str_next_field(&rest, '/', &part))
        if (part.len == 0 || po_str_eq_cstr(part, ".") || po_str_eq_cstr(part, "..")) return false;
    return true;
}

static PO_RC note_file(struct po_ctx *cx, struct po_pack_writer *writer, po_str path, po_str bytes)
{
    if (!po_pack_path_is_fine(path))
        return PO_FAIL(cx, PO_BUG, "'%.*s' is no path for a pack", PO_STR_ARG(path));
    if (writer->count == PO_PACK_FILES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d files in a pack", PO_PACK_FILES_MAX);
    if (writer->count == writer->cap) {
        size_t cap = writer->cap == 0 ? 512 : writer->cap * 2;
        struct po_pack_file *grown = NULL;
        PO_ARENA_NEW(cx, grown, cap);
        if (writer->count > 0) memcpy(grown, writer->files, writer->count * sizeof *grown);
        writer->files = grown;
        writer->cap = cap;
    }
    struct po_pack_file *file = &writer->files[writer->count];
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, path, &file->path), "out of memory");
    PO_TRY_LEAF(cx, po_sha256(bytes, file->sha256), "hashing '%.*s'", PO_STR_ARG(path));
    file->bytes = bytes.len;
    writer->count++;
    return po_rc_ok();
}

/* The directories on the way to a file, not yet durable: the whole pack is synced when it is filled. */
static PO_RC make_dirs(struct po_ctx *cx, const struct po_pack_writer *writer, po_str path)
{
    for (size_t at = po_str_find_char(path, '/', 0); at != SIZE_MAX;
         at = po_str_find_char(path, '/', at + 1)) {
        const char *dir = NULL;
        const char *part = po_arena_strdup(cx->arena, po_str_slice(path, 0, at));
        if (part == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_path_join(cx, writer->dir, part, &dir));
        PO_TRY(cx, po_fs_mkdir(cx, dir, 0700));
    }
    return po_rc_ok();
}

PO_RC po_pack_put(struct po_ctx *cx, struct po_pack_writer *writer, const char *path, po_str bytes)
{
    const char *full = NULL;
    PO_TRY(cx, po_path_join(cx, writer->dir, path, &full));
    PO_TRY(cx, make_dirs(cx, writer, po_str_of(path)));
    PO_TRY(cx, po_fs_append(cx, full, bytes, 0600));
    return note_file(cx, writer, po_str_of(path), bytes);
}

static PO_RC adopt(struct po_ctx *cx, struct po_pack_writer *writer, const char *path, int depth)
{
    const char *full = NULL;
    struct po_fs_info info = {0};
    if (depth > PO_PACK_DEPTH_MAX) return PO_FAIL(cx, PO_LIMIT, "'%s' is too deep", path);
    PO_TRY(cx, po_path_join(cx, writer->dir, path, &full));
    PO_TRY(cx, po_fs_info(cx, full, &info));
    if (!info.is_dir) {
        PO_BUF_AUTO bytes;
        po_buf_init(&bytes, PO_PACK_FILE_BYTES_MAX);
        PO_TRY(cx, po_fs_read(cx, full, &bytes));
        return note_file(cx, writer, po_str_of(path), po_buf_str(&bytes));
    }
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fs_list(cx, full, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *child = po_arena_printf(cx->arena, "%s/%.*s", path, PO_STR_ARG(names[i]));
        if (child == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, adopt(cx, writer, child, depth + 1));
    }
    return po_rc_ok();
}

PO_RC po_pack_adopt(struct po_ctx *cx, struct po_pack_writer *writer, const char *path)
{
    return adopt(cx, writer, path, 0);
}

static int compare_files(const void *a, const void *b)
{
    const struct po_pack_file *left = a;
    const struct po_pack_file *right = b;
    return po_str_cmp(left->path, right->path);
}

void po_pack_sort(struct po_pack_file *files, size_t count)
{
    if (count > 1) qsort(files, count, sizeof *files, compare_files);
}

/* -- manifest ------------------------------------------------------------------------------------- */

static void hex_field(struct po_json_out *json, const char *key, const uint8_t *bytes)
{
    char hex[2 * PO_SHA256_BYTES + 1];
    po_hex_encode(bytes, PO_SHA256_BYTES, hex);
    po_json_out_field(json, key, po_str_of(hex));
}

static void write_as_of(struct po_json_out *json, const struct po_as_of *as_of)
{
    char time[PO_TIME_RFC3339_BYTES];
    po_time_format(as_of->time_us, time);
    po_json_out_key(json, "as_of");
    po_json_out_object(json);
    hex_field(json, "root", as_of->root);
    po_json_out_field_int(json, "size", (int64_t)as_of->size);
    po_json_out_field(json, "time", po_str_of(time));
    po_json_out_object_end(json);
}

static void write_files(struct po_json_out *json, const struct po_pack_file *files, size_t count)
{
    po_json_out_key(json, "files");
    po_json_out_array(json);
    for (size_t i = 0; i < count; i++) {
        po_json_out_object(json);
        po_json_out_field_int(json, "bytes", (int64_t)files[i].bytes);
        po_json_out_field(json, "path", files[i].path);
        hex_field(json, "sha256", files[i].sha256);
        po_json_out_object_end(json);
    }
    po_json_out_array_end(json);
}

/* Members in RFC 8785 order. */
PO_RC po_pack_manifest_write(struct po_ctx *cx, const struct po_pack_manifest *manifest,
                             struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    write_as_of(&json, &manifest->as_of);
    hex_field(&json, "catalog_sha256", manifest->catalog_digest);
    po_json_out_key(&json, "criteria");
    po_json_out_array(&json);
    for (size_t i = 0; i < manifest->criterion_count; i++)
        po_json_out_str(&json, manifest->criteria[i]);
    po_json_out_array_end(&json);
    write_files(&json, manifest->files, manifest->file_count);
    po_json_out_field(&json, "format", PO_LIT(PO_PACK_FORMAT));
    po_json_out_field(&json, "generator", manifest->generator);
    po_json_out_field(&json, "origin", manifest->origin);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "the manifest is too large");
    return po_rc_ok();
}

static PO_RC get_hex(struct po_ctx *cx, const struct po_json *object, const char *key,
                     uint8_t out[static PO_SHA256_BYTES])
{
    po_str text = {NULL, 0};
    PO_TRY(cx, po_json_get_str(cx, object, key, &text));
    PO_TRY_LEAF(cx, po_hex_decode(text, out, PO_SHA256_BYTES), "'%s' is no SHA-256 in hex", key);
    return po_rc_ok();
}

static PO_RC parse_as_of(struct po_ctx *cx, const struct po_json *root, struct po_as_of *as_of)
{
    const struct po_json *object = po_json_get(root, "as_of");
    int64_t size = 0;
    po_str time = {NULL, 0};
    PO_TRY(cx, get_hex(cx, object, "root", as_of->root));
    PO_TRY(cx, po_json_get_int(cx, object, "size", &size));
    PO_TRY(cx, po_json_get_str(cx, object, "time", &time));
    PO_TRY_LEAF(cx, po_time_parse(time, &as_of->time_us), "'as_of.time' is no time");
    if (size <= 0) return PO_FAIL(cx, PO_INVALID, "'as_of.size' is not positive");
    as_of->size = (uint64_t)size;
    return po_rc_ok();
}

static PO_RC parse_files(struct po_ctx *cx, const struct po_json *root,
                         struct po_pack_manifest *manifest)
{
    const struct po_json *list = NULL;
    PO_TRY(cx, po_json_get_array(cx, root, "files", &list));
    if (list->count > PO_PACK_FILES_MAX) return PO_FAIL(cx, PO_LIMIT, "too many files");
    PO_ARENA_NEW(cx, manifest->files, list->count + 1);
    for (const struct po_json *item = list->first; item != NULL; item = item->next) {
        struct po_pack_file *file = &manifest->files[manifest->file_count];
        int64_t bytes = 0;
        PO_TRY(cx, po_json_get_int(cx, item, "bytes", &bytes));
        PO_TRY(cx, po_json_get_str(cx, item, "path", &file->path));
        PO_TRY(cx, get_hex(cx, item, "sha256", file->sha256));
        bool is_sorted = manifest->file_count == 0 || po_str_cmp(file[-1].path, file->path) < 0;
        if (bytes < 0 || !po_pack_path_is_fine(file->path) || !is_sorted)
            return PO_FAIL(cx, PO_INVALID, "the manifest's file %zu is not in order",
                           manifest->file_count + 1);
        file->bytes = (uint64_t)bytes;
        manifest->file_count++;
    }
    return po_rc_ok();
}

static PO_RC parse_criteria(struct po_ctx *cx, const struct po_json *root,
                            struct po_pack_manifest *manifest)
{
    const struct po_json *list = NULL;
    po_str *criteria = NULL;
    PO_TRY(cx, po_json_get_array(cx, root, "criteria", &list));
    if (list->count > PO_CRITERIA_MAX) return PO_FAIL(cx, PO_LIMIT, "too many criteria");
    PO_ARENA_NEW(cx, criteria, list->count + 1);
    for (const struct po_json *item = list->first; item != NULL; item = item->next) {
        if (item->type != PO_JSON_STR) return PO_FAIL(cx, PO_INVALID, "a criterion is no text");
        criteria[manifest->criterion_count++] = item->str;
    }
    manifest->criteria = criteria;
    return po_rc_ok();
}

static PO_RC parse_members(struct po_ctx *cx, const struct po_json *root,
                           struct po_pack_manifest *manifest)
{
    po_str format = {NULL, 0};
    PO_TRY(cx, po_json_get_str(cx, root, "format", &format));
    if (!po_str_eq_cstr(format, PO_PACK_FORMAT))
        return PO_FAIL(cx, PO_UNSUPPORTED, "pack format '%.*s' is not known here",
                       PO_STR_ARG(format));
    PO_TRY(cx, parse_as_of(cx, root, &manifest->as_of));
    PO_TRY(cx, get_hex(cx, root, "catalog_sha256", manifest->catalog_digest));
    PO_TRY(cx, po_json_get_str(cx, root, "generator", &manifest->generator));
    PO_TRY(cx, po_json_get_str(cx, root, "origin", &manifest->origin));
    PO_TRY(cx, parse_criteria(cx, root, manifest));
    return parse_files(cx, root, manifest);
}

PO_RC po_pack_manifest_parse(struct po_ctx *cx, po_str bytes, struct po_pack_manifest *ret_manifest)
{
    struct po_json *root = NULL;
    struct po_pack_manifest manifest = {0};
    PO_BUF_AUTO again;
    po_buf_init(&again, MANIFEST_BYTES_MAX);
    PO_TRY(cx, po_json_parse(cx, bytes, PO_JSON_STRICT, &root));
    PO_TRY(cx, parse_members(cx, root, &manifest));
    PO_TRY(cx, po_pack_manifest_write(cx, &manifest, &again));
    if (!po_str_eq(po_buf_str(&again), bytes))
        return PO_FAIL(cx, PO_INVALID, "it is not in canonical form");
    *ret_manifest = manifest;
    return po_rc_ok();
}

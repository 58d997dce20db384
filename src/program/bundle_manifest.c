/*
 * Bundle manifests and the notes over them: reading, writing, signing.
 *
 * Invariants
 *  1. What a manifest says is checked before anything of it is used: paths, names, kinds, needs.
 *  2. A manifest written here reads back to the same files and programs.
 */
#include "program/bundle_priv.h"
#include "program/caps_priv.h"

#include "core/codec.h"

#include <stdlib.h>

static const char note_header[] = "paulyops-bundle/v1\n";

/* ---- names -------------------------------------------------------------------------------------- */

static bool is_path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-';
}

bool po_bundle_is_path(po_str path)
{
    po_str rest = path;
    po_str part = {0};
    if (path.len == 0 || path.len > PO_BUNDLE_PATH_BYTES_MAX) return false;
    for (size_t i = 0; i < path.len; i++)
        if (!is_path_char(path.ptr[i])) return false;
    while (po_str_next_field(&rest, '/', &part))
        if (part.len == 0 || part.ptr[0] == '.') return false;
    return true;
}

bool po_bundle_is_test(po_str path)
{
    return po_str_ends(path, PO_LIT("_test.script")) || po_str_ends(path, PO_LIT("_test.json"));
}

bool po_bundle_is_member(po_str path)
{
    return po_str_ends(path, PO_LIT(".script")) || po_str_ends(path, PO_LIT("_test.json"));
}

/* One line of text for names and ids. */
static bool is_line(po_str s, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F) return false;
    return s.len <= max;
}

/* ---- reading ------------------------------------------------------------------------------------ */

/* Exactly these members; `names` is NULL-terminated. */
static PO_RC check_members(struct po_ctx *cx, const struct po_json *object,
                           const char *const *names, const char *what)
{
    size_t count = 0;
    if (object->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "%s of the bundle is no object", what);
    for (; names[count] != NULL; count++) {
        if (po_json_get(object, names[count]) == NULL)
            return PO_FAIL(cx, PO_INVALID, "%s of the bundle has no '%s'", what, names[count]);
    }
    if (object->count != count)
        return PO_FAIL(cx, PO_INVALID, "%s of the bundle has an unknown member", what);
    return po_rc_ok();
}

static int compare_files(const void *a, const void *b)
{
    return po_str_cmp(((const struct po_bundle_file *)a)->path,
                      ((const struct po_bundle_file *)b)->path);
}

void po_bundle_sort(struct po_bundle *bundle)
{
    qsort(bundle->files, bundle->file_count, sizeof *bundle->files, compare_files);
}

static PO_RC read_files(struct po_ctx *cx, const struct po_json *files, struct po_bundle *bundle)
{
    if (files->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "'files' of the bundle is no object");
    if (files->count > PO_BUNDLE_FILES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a bundle of more than %d files", PO_BUNDLE_FILES_MAX);
    PO_ARENA_NEW(cx, bundle->files, files->count + 1);
    for (const struct po_json *file = files->first; file != NULL; file = file->next) {
        struct po_bundle_file *to = &bundle->files[bundle->file_count];
        if (!po_bundle_is_path(file->key) || !po_bundle_is_member(file->key))
            return PO_FAIL(cx, PO_INVALID, "'%.*s' is no path of a bundle", PO_STR_ARG(file->key));
        bool is_hash = file->type == PO_JSON_STR &&
                       po_is_ok(po_hex_decode(file->str, to->digest, sizeof to->digest));
        if (!is_hash)
            return PO_FAIL(cx, PO_INVALID, "file '%.*s' of the bundle has no SHA-256",
                           PO_STR_ARG(file->key));
        to->path = file->key;
        bundle->file_count++;
    }
    po_bundle_sort(bundle);
    return po_rc_ok();
}

struct po_bundle_file *po_bundle_file_find(const struct po_bundle *bundle, po_str path)
{
    struct po_bundle_file key = {.path = path};
    if (bundle->file_count == 0) return NULL;
    return bsearch(&key, bundle->files, bundle->file_count, sizeof *bundle->files, compare_files);
}

static PO_RC read_program(struct po_ctx *cx, const struct po_json *json, struct po_bundle *bundle,
                          struct po_bundle_program *ret_row)
{
    static const char *const members[] = {"entry", "file", "id", "kind", "name", "needs", NULL};
    struct po_bundle_program row = {0};
    PO_TRY(cx, check_members(cx, json, members, "a program"));
    PO_TRY(cx, po_json_get_str(cx, json, "entry", &row.entry));
    PO_TRY(cx, po_json_get_str(cx, json, "file", &row.file));
    PO_TRY(cx, po_json_get_str(cx, json, "id", &row.id));
    PO_TRY(cx, po_json_get_str(cx, json, "kind", &row.kind));
    PO_TRY(cx, po_json_get_str(cx, json, "name", &row.name));
    bool is_good = is_line(row.entry, PO_BUNDLE_NAME_BYTES_MAX) &&
                   is_line(row.id, PO_BUNDLE_NAME_BYTES_MAX) &&
                   is_line(row.name, PO_BUNDLE_PATH_BYTES_MAX + PO_BUNDLE_NAME_BYTES_MAX) &&
                   row.entry.len > 0 && row.name.len > 0 &&
                   po_script_kind_of(row.kind) != PO_SCRIPT_KIND_PLAIN;
    if (!is_good || po_bundle_is_test(row.file) || po_bundle_file_find(bundle, row.file) == NULL)
        return PO_FAIL(cx, PO_INVALID, "program '%.*s' of '%.*s' is not one of the bundle",
                       PO_STR_ARG(row.entry), PO_STR_ARG(row.file));
    PO_TRY_MSG(cx, po_caps_of_json(cx, po_json_get(json, "needs"), &row.needs), "program '%.*s'",
               PO_STR_ARG(row.name));
    *ret_row = row;
    return po_rc_ok();
}

PO_RC po_bundle_manifest_read(struct po_ctx *cx, po_str manifest, struct po_bundle *ret_bundle)
{
    static const char *const members[] = {"edition", "files", "name", "programs", "v", NULL};
    struct po_bundle bundle = *ret_bundle;
    struct po_json *root = NULL;
    const struct po_json *programs = NULL;
    int64_t version = 0;
    int64_t edition = 0;
    if (manifest.len > PO_BUNDLE_MANIFEST_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a manifest of more than %zu bytes",
                       PO_BUNDLE_MANIFEST_BYTES_MAX);
    PO_TRY_MSG(cx, po_json_parse(cx, manifest, PO_JSON_STRICT, &root), "manifest of a bundle");
    PO_TRY(cx, check_members(cx, root, members, "the manifest"));
    PO_TRY(cx, po_json_get_int(cx, root, "v", &version));
    PO_TRY(cx, po_json_get_int(cx, root, "edition", &edition));
    if (version != 1 || edition != PO_BUNDLE_EDITION)
        return PO_FAIL(cx, PO_UNSUPPORTED, "a bundle of version %ld for edition %ld", (long)version,
                       (long)edition);
    PO_TRY(cx, po_json_get_str(cx, root, "name", &bundle.name));
    if (bundle.name.len == 0 || !is_line(bundle.name, PO_BUNDLE_NAME_BYTES_MAX))
        return PO_FAIL(cx, PO_INVALID, "the bundle's name is not valid");
    PO_TRY(cx, read_files(cx, po_json_get(root, "files"), &bundle));
    PO_TRY(cx, po_json_get_array(cx, root, "programs", &programs));
    if (programs->count > PO_BUNDLE_PROGRAMS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a bundle of more than %d programs", PO_BUNDLE_PROGRAMS_MAX);
    PO_ARENA_NEW(cx, bundle.programs, programs->count + 1);
    for (const struct po_json *item = programs->first; item != NULL; item = item->next) {
        PO_TRY(cx, read_program(cx, item, &bundle, &bundle.programs[bundle.program_count]));
        bundle.program_count++;
    }
    *ret_bundle = bundle;
    return po_rc_ok();
}

/* ---- programs of a compiled file ---------------------------------------------------------------- */

static PO_RC attribute(struct po_ctx *cx, const struct po_json *args, const char *key,
                       po_str *ret_value)
{
    const struct po_json *member = po_json_get(args, key);
    *ret_value = member != NULL && member->type == PO_JSON_STR ? member->str : PO_LIT("");
    if (is_line(*ret_value, PO_BUNDLE_NAME_BYTES_MAX)) return po_rc_ok();
    return PO_FAIL(cx, PO_INVALID, "attribute '%s' is too long or has control characters", key);
}

PO_RC po_bundle_row_of(struct po_ctx *cx, po_str file, const struct po_script_entry *entry,
                       struct po_bundle_program *ret_row)
{
    struct po_json *args = NULL;
    po_str text = {0};
    struct po_bundle_program row = {.file = file};
    /* the script is freed before the rows are used */
    PO_TRY(cx, po_arena_copy(cx->arena, entry->args_json, &text));
    PO_TRY(cx, po_arena_copy(cx->arena, entry->name, &row.entry));
    PO_TRY(cx, po_arena_copy(cx->arena, entry->kind, &row.kind));
    PO_TRY_MSG(cx, po_json_parse(cx, text, PO_JSON_ALLOW_REAL, &args), "attribute of '%.*s'",
               PO_STR_ARG(row.entry));
    PO_TRY(cx, attribute(cx, args, "id", &row.id));
    PO_TRY(cx, attribute(cx, args, "name", &row.name));
    if (row.name.len == 0) {
        po_str stem = po_str_slice(file, 0, file.len - (sizeof ".script" - 1));
        const char *name =
            po_arena_printf(cx->arena, "%.*s/%.*s", PO_STR_ARG(stem), PO_STR_ARG(row.entry));
        if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a bundle");
        row.name = po_str_of(name);
    }
    PO_TRY_MSG(cx, po_caps_parse(cx, entry->needs_json, &row.needs), "@needs of '%.*s' in '%.*s'",
               PO_STR_ARG(row.entry), PO_STR_ARG(file));
    *ret_row = row;
    return po_rc_ok();
}

PO_RC po_bundle_rows_of(struct po_ctx *cx, po_str file, const struct po_script *script,
                        struct po_bundle *bundle)
{
    for (size_t i = 0; i < po_script_entry_count(script); i++) {
        const struct po_script_entry *entry = po_script_entry_at(script, i);
        struct po_bundle_program row = {0};
        if (po_str_eq_cstr(entry->kind, "test")) continue;
        if (bundle->program_count == PO_BUNDLE_PROGRAMS_MAX)
            return PO_FAIL(cx, PO_LIMIT, "a bundle of more than %d programs",
                           PO_BUNDLE_PROGRAMS_MAX);
        PO_TRY(cx, po_bundle_row_of(cx, file, entry, &row));
        for (size_t k = 0; k < bundle->program_count; k++) {
            const struct po_bundle_program *other = &bundle->programs[k];
            bool is_same =
                row.id.len > 0 && po_str_eq(other->id, row.id) && po_str_eq(other->kind, row.kind);
            if (is_same)
                return PO_FAIL(cx, PO_INVALID,
                               "@%.*s(id = \"%.*s\") stands in '%.*s' and in '%.*s'",
                               PO_STR_ARG(row.kind), PO_STR_ARG(row.id), PO_STR_ARG(other->file),
                               PO_STR_ARG(file));
        }
        bundle->programs[bundle->program_count++] = row;
    }
    return po_rc_ok();
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void put_program(const struct po_bundle_program *row, struct po_json_out *out)
{
    po_json_out_object(out);
    po_json_out_field(out, "entry", row->entry);
    po_json_out_field(out, "file", row->file);
    po_json_out_field(out, "id", row->id);
    po_json_out_field(out, "kind", row->kind);
    po_json_out_field(out, "name", row->name);
    po_json_out_key(out, "needs");
    po_caps_put(&row->needs, out);
    po_json_out_object_end(out);
}

void po_bundle_manifest_put(const struct po_bundle *bundle, struct po_buf *buf)
{
    struct po_json_out out = {0};
    po_json_out_init(&out, buf, 0);
    po_json_out_object(&out);
    po_json_out_field_int(&out, "edition", PO_BUNDLE_EDITION);
    po_json_out_key(&out, "files");
    po_json_out_object(&out);
    for (size_t i = 0; i < bundle->file_count; i++) {
        char path[PO_BUNDLE_PATH_BYTES_MAX + 1] = {0};
        char hex[2 * PO_SHA256_BYTES + 1];
        po_str from = bundle->files[i].path;
        memcpy(path, from.ptr, from.len < sizeof path ? from.len : sizeof path - 1);
        po_hex_encode(bundle->files[i].digest, PO_SHA256_BYTES, hex);
        po_json_out_key(&out, path);
        po_json_out_cstr(&out, hex);
    }
    po_json_out_object_end(&out);
    po_json_out_field(&out, "name", bundle->name);
    po_json_out_key(&out, "programs");
    po_json_out_array(&out);
    for (size_t i = 0; i < bundle->program_count; i++) {
        put_program(&bundle->programs[i], &out);
    }
    po_json_out_array_end(&out);
    po_json_out_field_int(&out, "v", 1);
    po_json_out_object_end(&out);
}

/* Tests may import what they like: their host is a fixture. Modules are checked where they are used. */
static PO_RC compile_member(struct po_ctx *cx, struct po_bundle *bundle, po_str path,
                            struct po_script_diags *ret_diags)
{
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    struct po_script_config how = {.strict = true, .keep_going_without_needs = true};
    PO_TRY(cx, po_bundle_compile(cx, bundle, path, &how, ret_diags, &script));
    if (po_bundle_is_test(path)) return po_rc_ok();
    size_t before = bundle->program_count;
    PO_TRY(cx, po_bundle_rows_of(cx, path, script, bundle));
    if (bundle->program_count == before) return po_rc_ok();
    PO_CLEANUP(po_script_freep) struct po_script *again = NULL;
    how.keep_going_without_needs = false;
    PO_TRY(cx, po_bundle_compile(cx, bundle, path, &how, ret_diags, &again));
    return po_rc_ok();
}

PO_RC po_bundle_manifest(struct po_ctx *cx, const char *dir, po_str name, struct po_buf *out,
                         struct po_script_diags *ret_diags)
{
    struct po_bundle bundle = {.name = name, .trust = PO_TRUST_NONE};
    *ret_diags = (struct po_script_diags){0};
    if (name.len == 0 || !is_line(name, PO_BUNDLE_NAME_BYTES_MAX))
        return PO_FAIL(cx, PO_INVALID, "the bundle's name is not valid");
    PO_TRY(cx, po_bundle_dir_read(cx, dir, &bundle));
    PO_TRY(cx, po_program_host_table(cx, &bundle.fns, &bundle.fn_count));
    PO_ARENA_NEW(cx, bundle.programs, PO_BUNDLE_PROGRAMS_MAX);
    for (size_t i = 0; i < bundle.file_count; i++) {
        if (!po_str_ends(bundle.files[i].path, PO_LIT(".script"))) continue;
        PO_TRY(cx, compile_member(cx, &bundle, bundle.files[i].path, ret_diags));
    }
    po_bundle_manifest_put(&bundle, out);
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for the manifest of '%s'", dir);
    return po_rc_ok();
}

/* ---- notes -------------------------------------------------------------------------------------- */

PO_RC po_bundle_note_text(struct po_ctx *cx, po_str manifest, po_str name, struct po_buf *out)
{
    uint8_t digest[PO_SHA256_BYTES];
    PO_TRY_LEAF(cx, po_sha256(manifest, digest), "digest of a manifest");
    po_buf_append_cstr(out, note_header);
    po_buf_append(out, name);
    po_buf_append_char(out, '\n');
    po_hex_append(out, digest, sizeof digest);
    po_buf_append_char(out, '\n');
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for the note of a bundle");
    return po_rc_ok();
}

PO_RC po_bundle_sign(struct po_ctx *cx, po_str manifest, po_str signer,
                     const struct po_sign_key *key, struct po_buf *ret_note)
{
    PO_BUF_AUTO text = {0};
    struct po_bundle bundle = {0};
    po_buf_init(&text, PO_NOTE_BYTES_MAX);
    PO_TRY(cx, po_bundle_manifest_read(cx, manifest, &bundle));
    PO_TRY(cx, po_bundle_note_text(cx, manifest, bundle.name, &text));
    PO_TRY_LEAF(cx, po_note_sign(po_buf_str(&text), signer, key, ret_note),
                "bundle '%.*s' cannot be signed as '%.*s'", PO_STR_ARG(bundle.name),
                PO_STR_ARG(signer));
    return po_rc_ok();
}

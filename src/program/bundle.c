/*
 * Bundles: where programs come from and how far they are trusted.
 *
 * Invariants
 *  1. Text reaches the compiler only after its SHA-256 was found equal to the manifest's (an
 *     unsigned directory has none: it is trusted with nothing).
 *  2. A directory is never part of this build, whatever key signed it: programs that share this
 *     process with keys come from the binary alone.
 *
 * States   manifest signed by a key of the store -> that key's trust; otherwise PO_TRUST_NONE
 */
#include "program/bundle_priv.h"

#include "core/embed.h"
#include "core/fs.h"
#include "core/sys.h"

#define EMBED_ROOT "content/"

static const char *const trust_names[PO_TRUST_COUNT] = {"none", "vendor", "organisation", "system"};

const char *po_trust_name(enum po_trust trust)
{
    return (unsigned)trust < PO_TRUST_COUNT ? trust_names[trust] : "unknown";
}

/* ---- what each trust may have at most ------------------------------------------------------------ */

#define ALL                                                                                        \
    {                                                                                              \
        "*", 1                                                                                     \
    }
#define ANYWHERE                                                                                   \
    {                                                                                              \
        "/**", 3                                                                                   \
    }

const struct po_caps *po_trust_ceiling(enum po_trust trust)
{
    static struct po_cap none[] = {{PO_CAP_FACT, ALL}, {PO_CAP_TIME, ALL}};
    static struct po_cap vendor[] = {
        {PO_CAP_FACT, ALL},         {PO_CAP_TIME, ALL},  {PO_CAP_FS_STAT, ANYWHERE},
        {PO_CAP_FS_READ, ANYWHERE}, {PO_CAP_STORE, ALL}, {PO_CAP_AUDIT, {"query", 5}},
        {PO_CAP_EVIDENCE, ALL},
    };
    /* everything but outbound connections */
    static struct po_cap own[] = {
        {PO_CAP_FACT, ALL},         {PO_CAP_TIME, ALL},          {PO_CAP_FS_STAT, ANYWHERE},
        {PO_CAP_FS_READ, ANYWHERE}, {PO_CAP_FS_WRITE, ANYWHERE}, {PO_CAP_EXEC, ANYWHERE},
        {PO_CAP_ENV, ALL},          {PO_CAP_STORE, ALL},         {PO_CAP_AUDIT, ALL},
        {PO_CAP_EVIDENCE, ALL},     {PO_CAP_FLAGS, ALL},         {PO_CAP_SECRET, ALL},
        {PO_CAP_NOTIFY, ALL},       {PO_CAP_INCIDENT, ALL},      {PO_CAP_SESSION, ALL},
        {PO_CAP_IPBLOCK, ALL},
    };
    static const struct po_caps ceilings[PO_TRUST_COUNT] = {
        [PO_TRUST_NONE] = {sizeof none / sizeof none[0], none},
        [PO_TRUST_VENDOR] = {sizeof vendor / sizeof vendor[0], vendor},
        [PO_TRUST_ORGANISATION] = {sizeof own / sizeof own[0], own},
        [PO_TRUST_SYSTEM] = {sizeof own / sizeof own[0], own},
    };
    return &ceilings[(unsigned)trust < PO_TRUST_COUNT ? trust : PO_TRUST_NONE];
}

/* Unsigned programs may read where they stand. A directory named like a glob would be more than it. */
static PO_RC add_own_directory(struct po_ctx *cx, const char *dir, struct po_bundle *bundle)
{
    static const enum po_cap_kind kinds[] = {PO_CAP_FS_STAT, PO_CAP_FS_READ};
    char real[PO_FS_PATH_BYTES_MAX + 1];
    const struct po_caps *base = po_trust_ceiling(PO_TRUST_NONE);
    if (po_sys_realpath(dir, real) == NULL || strchr(real, '*') != NULL || real[1] == '\0')
        return po_rc_ok();
    const char *glob = po_arena_printf(cx->arena, "%s/**", real);
    struct po_caps wide = {0};
    PO_ARENA_NEW(cx, wide.at, base->count + 2);
    if (glob == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a bundle");
    for (; wide.count < base->count; wide.count++) {
        wide.at[wide.count] = base->at[wide.count];
    }
    for (size_t i = 0; i < 2; i++) {
        wide.at[wide.count++] = (struct po_cap){kinds[i], po_str_of(glob)};
    }
    bundle->ceiling = wide;
    return po_rc_ok();
}

/* ---- opening ------------------------------------------------------------------------------------ */

PO_RC po_bundle_open_embedded(struct po_ctx *cx, struct po_bundle **ret_bundle)
{
    struct po_bundle *bundle = NULL;
    po_str manifest = {0};
    if (!po_embed_find(PO_LIT(EMBED_ROOT "bundle.json"), &manifest))
        return PO_FAIL(cx, PO_NOTFOUND, "this build has no bundle of programs");
    PO_ARENA_NEW(cx, bundle, 1);
    PO_TRY_MSG(cx, po_bundle_manifest_read(cx, manifest, bundle), "the bundle of this build");
    PO_TRY(cx, po_program_host_table(cx, &bundle->fns, &bundle->fn_count));
    bundle->is_embedded = true;
    bundle->trust = PO_TRUST_SYSTEM;
    bundle->ceiling = *po_trust_ceiling(PO_TRUST_SYSTEM);
    *ret_bundle = bundle;
    return po_rc_ok();
}

/* A file of the directory that may be absent, at most PO_BUNDLE_MANIFEST_BYTES_MAX. */
static PO_RC read_optional(struct po_ctx *cx, const char *dir, const char *name, po_str *ret_text)
{
    PO_BUF_AUTO buf = {0};
    struct po_fs_info info = {0};
    const char *path = NULL;
    po_buf_init(&buf, PO_BUNDLE_MANIFEST_BYTES_MAX);
    *ret_text = (po_str){0};
    PO_TRY(cx, po_path_join(cx, dir, name, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return po_rc_ok();
    if (!info.is_file) return PO_FAIL(cx, PO_INVALID, "'%s' is no file", path);
    PO_TRY(cx, po_fs_read(cx, path, &buf));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&buf), ret_text), "out of memory for '%s'",
                path);
    return po_rc_ok();
}

/* Who signed, of the keys given: the highest trust among them. */
static PO_RC find_signer(struct po_ctx *cx, const struct po_note *note,
                         const struct po_trust_key *keys, size_t key_count,
                         struct po_bundle *bundle)
{
    for (size_t i = 0; i < key_count; i++) {
        bool is_signer = false;
        po_rc rc = po_note_verify(note, &keys[i].vkey, 1, &is_signer);
        if (rc.code == PO_NOTFOUND || (po_is_ok(rc) && !is_signer)) continue;
        PO_TRY_LEAF(cx, rc, "the signature of '%s' under the bundle is wrong", keys[i].vkey.name);
        /* a directory is never part of this build */
        enum po_trust trust =
            keys[i].trust < PO_TRUST_SYSTEM ? keys[i].trust : PO_TRUST_ORGANISATION;
        if (trust <= bundle->trust && bundle->signer.len > 0) continue;
        bundle->trust = trust;
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_str_of(keys[i].vkey.name), &bundle->signer),
                    "out of memory for a bundle");
    }
    return po_rc_ok();
}

/* six parameters: manifest and note are two texts of one directory, the keys an array */
PO_RC po_bundle_note_verify(struct po_ctx *cx, po_str manifest, po_str note_bytes,
                            const struct po_trust_key *keys, size_t key_count,
                            struct po_bundle *bundle)
{
    PO_BUF_AUTO text = {0};
    struct po_note note = {0};
    po_buf_init(&text, PO_NOTE_BYTES_MAX);
    PO_TRY_LEAF(cx, po_note_parse(note_bytes, &note), "'bundle.note' is no signed note");
    PO_TRY(cx, po_bundle_note_text(cx, manifest, bundle->name, &text));
    if (!po_str_eq(note.text, po_buf_str(&text)))
        return PO_FAIL(cx, PO_CORRUPT, "'bundle.note' signs another 'bundle.json'");
    return find_signer(cx, &note, keys, key_count, bundle);
}

/* The directory holds what the manifest lists, and nothing else that could be imported. */
static PO_RC compare_with_manifest(struct po_ctx *cx, const struct po_bundle *found,
                                   struct po_bundle *bundle)
{
    for (size_t i = 0; i < found->file_count; i++) {
        const struct po_bundle_file *file = &found->files[i];
        struct po_bundle_file *listed = po_bundle_file_find(bundle, file->path);
        if (listed == NULL)
            return PO_FAIL(cx, PO_CORRUPT, "'%.*s' is not in the manifest", PO_STR_ARG(file->path));
        if (!po_str_eq(po_str_n(file->digest, PO_SHA256_BYTES),
                       po_str_n(listed->digest, PO_SHA256_BYTES)))
            return PO_FAIL(cx, PO_CORRUPT, "'%.*s' is not what the manifest says",
                           PO_STR_ARG(file->path));
        listed->text = file->text;
    }
    for (size_t i = 0; i < bundle->file_count; i++)
        if (po_bundle_file_find(found, bundle->files[i].path) == NULL)
            return PO_FAIL(cx, PO_CORRUPT, "'%.*s' of the manifest is missing",
                           PO_STR_ARG(bundle->files[i].path));
    return po_rc_ok();
}

/* Programs of an unsigned directory; what does not compile has none. */
static PO_RC find_programs(struct po_ctx *cx, struct po_bundle *bundle)
{
    PO_ARENA_NEW(cx, bundle->programs, PO_BUNDLE_PROGRAMS_MAX);
    for (size_t i = 0; i < bundle->file_count; i++) {
        PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
        struct po_bundle_file *file = &bundle->files[i];
        struct po_script_config how = {.keep_going_without_needs = true};
        struct po_script_diags diags;
        if (!po_str_ends(file->path, PO_LIT(".script")) || po_bundle_is_test(file->path)) continue;
        po_rc rc = po_bundle_compile(cx, bundle, file->path, &how, &diags, &script);
        if (po_is_ok(rc)) rc = po_bundle_rows_of(cx, file->path, script, bundle);
        file->is_broken = rc.code == PO_INVALID || rc.code == PO_LIMIT;
        if (!file->is_broken) PO_TRY(cx, rc);
        po_err_clear(cx);
    }
    return po_rc_ok();
}

PO_RC po_bundle_open_dir(struct po_ctx *cx, const char *dir, const struct po_trust_key *keys,
                         size_t key_count, struct po_bundle **ret_bundle)
{
    struct po_bundle found = {0};
    struct po_bundle *bundle = NULL;
    po_str manifest = {0};
    po_str note = {0};
    PO_ARENA_NEW(cx, bundle, 1);
    PO_TRY(cx, po_bundle_dir_read(cx, dir, &found));
    PO_TRY(cx, read_optional(cx, dir, "bundle.json", &manifest));
    PO_TRY(cx, read_optional(cx, dir, "bundle.note", &note));
    PO_TRY(cx, po_program_host_table(cx, &bundle->fns, &bundle->fn_count));
    bundle->trust = PO_TRUST_NONE;
    bundle->signer = PO_LIT("");
    if (note.ptr != NULL) {
        PO_TRY_MSG(cx, po_bundle_manifest_read(cx, manifest, bundle), "'%s'", dir);
        PO_TRY_MSG(cx, po_bundle_note_verify(cx, manifest, note, keys, key_count, bundle), "'%s'",
                   dir);
        PO_TRY_MSG(cx, compare_with_manifest(cx, &found, bundle), "'%s'", dir);
    }
    bundle->ceiling = *po_trust_ceiling(bundle->trust);
    if (bundle->trust == PO_TRUST_NONE) PO_TRY(cx, add_own_directory(cx, dir, bundle));
    if (note.ptr == NULL) {
        bundle->name = po_str_of(po_arena_strdup(cx->arena, po_str_of(dir)));
        if (bundle->name.ptr == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a bundle");
        bundle->files = found.files;
        bundle->file_count = found.file_count;
        PO_TRY(cx, find_programs(cx, bundle));
    }
    *ret_bundle = bundle;
    return po_rc_ok();
}

PO_RC po_bundle_open_texts(struct po_ctx *cx, po_str name, const struct po_bundle_text *texts,
                           size_t count, struct po_bundle **ret_bundle)
{
    struct po_bundle *bundle = NULL;
    if (count > PO_BUNDLE_FILES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a bundle of more than %d files", PO_BUNDLE_FILES_MAX);
    PO_ARENA_NEW(cx, bundle, 1);
    PO_ARENA_NEW(cx, bundle->files, count + 1);
    PO_TRY(cx, po_program_host_table(cx, &bundle->fns, &bundle->fn_count));
    *bundle = (struct po_bundle){.name = name,
                                 .signer = PO_LIT(""),
                                 .trust = PO_TRUST_NONE,
                                 .ceiling = *po_trust_ceiling(PO_TRUST_NONE),
                                 .files = bundle->files,
                                 .file_count = count,
                                 .fns = bundle->fns,
                                 .fn_count = bundle->fn_count};
    for (size_t i = 0; i < count; i++) {
        struct po_bundle_file *file = &bundle->files[i];
        *file = (struct po_bundle_file){.path = texts[i].path, .text = texts[i].text};
        if (!po_bundle_is_path(file->path))
            return PO_FAIL(cx, PO_INVALID, "'%.*s' is no path of a bundle", PO_STR_ARG(file->path));
        PO_TRY_LEAF(cx, po_sha256(file->text, file->digest), "digest of a program");
    }
    po_bundle_sort(bundle);
    for (size_t i = 1; i < count; i++)
        if (po_str_eq(bundle->files[i - 1].path, bundle->files[i].path))
            return PO_FAIL(cx, PO_INVALID, "'%.*s' is there twice",
                           PO_STR_ARG(bundle->files[i].path));
    PO_TRY(cx, find_programs(cx, bundle));
    *ret_bundle = bundle;
    return po_rc_ok();
}

/* ---- questions ---------------------------------------------------------------------------------- */

enum po_trust po_bundle_trust(const struct po_bundle *bundle) { return bundle->trust; }

po_str po_bundle_name(const struct po_bundle *bundle) { return bundle->name; }

po_str po_bundle_signer(const struct po_bundle *bundle) { return bundle->signer; }

size_t po_bundle_program_count(const struct po_bundle *bundle) { return bundle->program_count; }

const struct po_bundle_program *po_bundle_program_at(const struct po_bundle *bundle, size_t i)
{
    return i < bundle->program_count ? &bundle->programs[i] : NULL;
}

size_t po_bundle_file_count(const struct po_bundle *bundle) { return bundle->file_count; }

po_str po_bundle_file_path(const struct po_bundle *bundle, size_t i)
{
    return i < bundle->file_count ? bundle->files[i].path : PO_LIT("");
}

bool po_bundle_file_is_broken(const struct po_bundle *bundle, size_t i)
{
    return i < bundle->file_count && bundle->files[i].is_broken;
}

PO_RC po_bundle_file_text(struct po_ctx *cx, const struct po_bundle *bundle, size_t i,
                          po_str *ret_text)
{
    char name[sizeof EMBED_ROOT + PO_BUNDLE_PATH_BYTES_MAX] = EMBED_ROOT;
    uint8_t digest[PO_SHA256_BYTES];
    po_str text = {0};
    if (i >= bundle->file_count) return PO_FAIL(cx, PO_NOTFOUND, "the bundle has no file %zu", i);
    struct po_bundle_file *file = &bundle->files[i];
    if (file->text.ptr == NULL) {
        memcpy(name + sizeof EMBED_ROOT - 1, file->path.ptr, file->path.len);
        if (!bundle->is_embedded ||
            !po_embed_find(po_str_n(name, sizeof EMBED_ROOT - 1 + file->path.len), &text))
            return PO_FAIL(cx, PO_CORRUPT, "'%.*s' of the manifest is missing",
                           PO_STR_ARG(file->path));
        PO_TRY_LEAF(cx, po_sha256(text, digest), "digest of a program");
        if (!po_str_eq(po_str_n(digest, sizeof digest), po_str_n(file->digest, sizeof digest)))
            return PO_FAIL(cx, PO_CORRUPT, "'%.*s' is not what the manifest says",
                           PO_STR_ARG(file->path));
        file->text = text;
    }
    *ret_text = file->text;
    return po_rc_ok();
}

/* ---- compiling ---------------------------------------------------------------------------------- */

static po_rc load_import(void *user, struct po_ctx *cx, po_str path, po_str *ret_text)
{
    const struct po_bundle *bundle = user;
    const struct po_bundle_file *file = po_bundle_file_find(bundle, path);
    if (file == NULL) return PO_FAIL(cx, PO_NOTFOUND, "the bundle has no '%.*s'", PO_STR_ARG(path));
    return po_bundle_file_text(cx, bundle, (size_t)(file - bundle->files), ret_text);
}

const struct po_script_host_fn *po_bundle_host(const struct po_bundle *bundle, size_t *ret_count)
{
    *ret_count = bundle->fn_count;
    return bundle->fns;
}

/* six parameters: the published interface, as po_script_compile */
PO_RC po_bundle_compile(struct po_ctx *cx, struct po_bundle *bundle, po_str path,
                        const struct po_script_config *how, struct po_script_diags *ret_diags,
                        struct po_script **ret_script)
{
    struct po_script_host host = {.fns = bundle->fns, .fn_count = bundle->fn_count};
    struct po_script_loader loader = {.load = load_import, .user = bundle};
    struct po_script_config config = *how;
    po_str text = {0};
    *ret_diags = (struct po_script_diags){0};
    *ret_script = NULL;
    config.host = &host;
    config.loader = &loader;
    PO_TRY(cx, load_import(bundle, cx, path, &text));
    return po_script_compile(cx, &config, path, text, ret_diags, ret_script);
}

/*
 * Programs: one entry of one file of a bundle, compiled, with the digest that grants bind to.
 *
 * Invariants
 *  1. The digest covers every byte that can run, the entry, the edition, the needs and the limits:
 *     whoever approves it approves exactly that.
 *  2. A program of a manifest is what the manifest says: same kind, id, name and needs.
 */
#include "program/bundle_priv.h"
#include "program/caps_priv.h"
#include "program/runner_priv.h"

#include "core/codec.h"

#include <stdlib.h>

void po_program_done(struct po_program *program) { po_script_freep(&program->script); }

void po_program_trust_raise(struct po_program *program, enum po_trust trust)
{
    if (trust >= PO_TRUST_SYSTEM || trust <= program->trust) return;
    program->trust = trust;
    program->ceiling = *po_trust_ceiling(trust);
}

/* ---- the digest --------------------------------------------------------------------------------- */

struct closure_file {
    po_str path;
    po_str text;
};

static int compare_closure(const void *a, const void *b)
{
    return po_str_cmp(((const struct closure_file *)a)->path,
                      ((const struct closure_file *)b)->path);
}

static PO_RC put_closure(struct po_ctx *cx, const struct po_script *script, struct po_json_out *out)
{
    struct closure_file *files = NULL;
    size_t count = po_script_module_count(script);
    PO_ARENA_NEW(cx, files, count + 1);
    for (size_t i = 0; i < count; i++) {
        files[i].path = po_script_module_path(script, i);
        files[i].text = po_script_module_text(script, i);
    }
    qsort(files, count, sizeof *files, compare_closure);
    po_json_out_object(out);
    for (size_t i = 0; i < count; i++) {
        uint8_t digest[PO_SHA256_BYTES];
        char hex[2 * PO_SHA256_BYTES + 1];
        const char *path = po_arena_strdup(cx->arena, files[i].path);
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a digest");
        PO_TRY_LEAF(cx, po_sha256(files[i].text, digest), "digest of a program");
        po_hex_encode(digest, sizeof digest, hex);
        po_json_out_key(out, path);
        po_json_out_cstr(out, hex);
    }
    po_json_out_object_end(out);
    return po_rc_ok();
}

static void put_limits(const struct po_script_limits *limits, struct po_json_out *out)
{
    po_json_out_object(out);
    po_json_out_field_int(out, "depth", (int64_t)limits->depth);
    po_json_out_field_int(out, "host_calls", (int64_t)limits->host_calls);
    po_json_out_field_int(out, "memory_bytes", (int64_t)limits->memory_bytes);
    po_json_out_field_int(out, "output_bytes", (int64_t)limits->output_bytes);
    po_json_out_field_int(out, "steps", (int64_t)limits->steps);
    po_json_out_field_int(out, "time_us", limits->time_us);
    po_json_out_object_end(out);
}

PO_RC po_program_digest(struct po_ctx *cx, const struct po_program *program,
                        uint8_t ret_digest[static PO_SHA256_BYTES])
{
    PO_BUF_AUTO text = {0};
    struct po_json_out out = {0};
    po_buf_init(&text, PO_BUNDLE_MANIFEST_BYTES_MAX);
    po_json_out_init(&out, &text, 0);
    po_json_out_object(&out);
    po_json_out_field_int(&out, "edition", PO_BUNDLE_EDITION);
    po_json_out_field(&out, "entry", program->row.entry);
    po_json_out_field(&out, "file", program->row.file);
    po_json_out_key(&out, "files");
    PO_TRY(cx, put_closure(cx, program->script, &out));
    po_json_out_key(&out, "limits");
    put_limits(&program->limits, &out);
    po_json_out_key(&out, "needs");
    po_caps_put(&program->row.needs, &out);
    po_json_out_field_int(&out, "v", 1);
    po_json_out_object_end(&out);
    PO_TRY_LEAF(cx, po_buf_check(&text), "digest of a program");
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&text), ret_digest), "digest of a program");
    return po_rc_ok();
}

/* ---- loading ------------------------------------------------------------------------------------ */

static const struct po_bundle_program *find_row(const struct po_bundle *bundle, po_str file,
                                                po_str entry)
{
    for (size_t i = 0; i < bundle->program_count; i++) {
        const struct po_bundle_program *row = &bundle->programs[i];
        if (po_str_eq(row->file, file) && po_str_eq(row->entry, entry)) return row;
    }
    return NULL;
}

static bool is_same_row(const struct po_bundle_program *a, const struct po_bundle_program *b)
{
    return po_str_eq(a->kind, b->kind) && po_str_eq(a->id, b->id) && po_str_eq(a->name, b->name) &&
           po_caps_eq(&a->needs, &b->needs);
}

/* A file without entry points, of an unsigned bundle: main or its top level, with no capability. */
static PO_RC plain_row(struct po_ctx *cx, po_str file, struct po_bundle_program *ret_row)
{
    struct po_bundle_program row = {.entry = PO_LIT(""), .kind = PO_LIT(""), .id = PO_LIT("")};
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, file, &row.file), "out of memory for a program");
    row.name = po_str_slice(row.file, 0, row.file.len - (sizeof ".script" - 1));
    *ret_row = row;
    return po_rc_ok();
}

static PO_RC compare_row(struct po_ctx *cx, const struct po_script *script,
                         const struct po_bundle_program *row)
{
    const struct po_script_entry *entry = po_script_entry_find(script, row->entry);
    struct po_bundle_program own = {0};
    if (entry == NULL)
        return PO_FAIL(cx, PO_INVALID, "'%.*s' has no entry '%.*s'", PO_STR_ARG(row->file),
                       PO_STR_ARG(row->entry));
    PO_TRY(cx, po_bundle_row_of(cx, row->file, entry, &own));
    if (!is_same_row(&own, row))
        return PO_FAIL(cx, PO_INVALID, "the manifest's row of '%.*s' in '%.*s' is not the source's",
                       PO_STR_ARG(row->entry), PO_STR_ARG(row->file));
    return po_rc_ok();
}

static PO_RC check_loadable(struct po_ctx *cx, const struct po_bundle *bundle, po_str file,
                            po_str entry, struct po_bundle_program *ret_row)
{
    const struct po_bundle_program *row = find_row(bundle, file, entry);
    bool is_listed = po_bundle_file_find(bundle, file) != NULL;
    bool is_plain = entry.len == 0 && bundle->trust == PO_TRUST_NONE && is_listed &&
                    po_str_ends(file, PO_LIT(".script"));
    if (row == NULL && is_plain) return plain_row(cx, file, ret_row);
    if (row == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "the bundle '%.*s' has no program '%.*s' in '%.*s'",
                       PO_STR_ARG(bundle->name), PO_STR_ARG(entry), PO_STR_ARG(file));
    *ret_row = *row;
    return po_rc_ok();
}

/* six parameters: the published interface: which program, and two results */
PO_RC po_program_load(struct po_ctx *cx, struct po_bundle *bundle, po_str file, po_str entry,
                      struct po_script_diags *ret_diags, struct po_program *ret_program)
{
    PO_CLEANUP(po_program_done)
    struct po_program program = {
        .bundle = bundle,
        .trust = bundle->trust,
        .ceiling = bundle->ceiling,
        .fns = bundle->fns,
        .fn_count = bundle->fn_count,
    };
    struct po_script_config how = {.strict = bundle->trust != PO_TRUST_NONE};
    *ret_diags = (struct po_script_diags){0};
    *ret_program = (struct po_program){0};
    PO_TRY(cx, check_loadable(cx, bundle, file, entry, &program.row));
    PO_TRY(cx, po_bundle_compile(cx, bundle, file, &how, ret_diags, &program.script));
    if (program.row.entry.len > 0) PO_TRY(cx, compare_row(cx, program.script, &program.row));
    program.limits = po_script_limits_of(po_script_kind_of(program.row.kind));
    PO_TRY(cx, po_program_digest(cx, &program, program.digest));
    *ret_program = program;
    program.script = NULL;
    return po_rc_ok();
}

/* ---- may it run, and where ---------------------------------------------------------------------- */

PO_RC po_program_allowed(struct po_ctx *cx, const struct po_program *program,
                         const struct po_caps *grant, struct po_program_denial *ret_denial)
{
    *ret_denial = (struct po_program_denial){0};
    for (size_t i = 0; i < program->row.needs.count; i++) {
        const struct po_cap *need = &program->row.needs.at[i];
        const char *fence = NULL;
        if (!po_caps_cover_at(&program->ceiling, need, NULL)) fence = "ceiling";
        if (grant != NULL && !po_caps_cover_at(grant, need, NULL)) fence = "grant";
        if (fence == NULL) continue;
        *ret_denial = (struct po_program_denial){need->kind, need->value, fence};
        return PO_FAIL(cx, PO_DENIED, "program '%.*s' needs %s '%.*s', which its %s does not have",
                       PO_STR_ARG(program->row.name), po_cap_name(need->kind),
                       PO_STR_ARG(need->value), fence);
    }
    return po_rc_ok();
}

/* Part of this build, and pure: reads facts that were taken before, and the time it is given. */
static bool runs_in_process(const struct po_program *program)
{
    for (size_t i = 0; i < program->row.needs.count; i++) {
        enum po_cap_kind kind = program->row.needs.at[i].kind;
        if (kind != PO_CAP_FACT && kind != PO_CAP_TIME) return false;
    }
    return program->bundle->is_embedded && program->trust == PO_TRUST_SYSTEM;
}

PO_RC po_program_run(struct po_ctx *cx, const struct po_program *program,
                     const struct po_program_job *job, struct po_program_result *ret_result)
{
    struct po_program_denial denial = {0};
    struct po_gate gate = {.needs = &program->row.needs,
                           .grant = job->grant,
                           .ceiling = &program->ceiling,
                           .home = job->home};
    PO_TRY(cx, po_program_allowed(cx, program, job->grant, &denial));
    if (!runs_in_process(program)) return po_runner_run(cx, program, job, &gate, ret_result);
    return po_run_in_process(cx, program, job, &gate, ret_result);
}

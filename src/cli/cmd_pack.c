/*
 * pack export and pack verify.
 */
#include "commands_priv.h"

#include "against_priv.h"
#include "assess/assess.h"
#include "core/codec.h"
#include "core/fs.h"
#include "core/process.h"
#include "core/sys.h"
#include "evidence/evidence.h"

#include <errno.h>
#include <fcntl.h>

#define AGE_TIMEOUT_MS (10 * 60 * 1000)
#define AGE_PATH "/usr/bin/age"
#define RECIPIENTS_MAX 16
#define PACK_DEPTH_MAX 10

/* -- export -------------------------------------------------------------------------------------- */

static PO_RC collect(struct po_ctx *cx, const struct po_cli *cli, const char *option,
                     const po_str **ret_values, size_t *ret_count)
{
    po_str *values = NULL;
    PO_ARENA_NEW(cx, values, cli->value_count + 1);
    *ret_count = 0;
    for (size_t i = 0; i < cli->value_count; i++)
        if (po_str_eq(po_str_of(cli->values[i].option->name), po_str_of(option)))
            values[(*ret_count)++] = cli->values[i].value;
    *ret_values = values;
    return po_rc_ok();
}

/* A tar is made from a directory of ours and takes its name only when it is whole. */
struct wrapping {
    const char *final;
    const char *dir;   /* the pack as a directory, a step on the way */
    const char *plain; /* the tar */
    const char *out;   /* the tar encrypted; NULL without recipients */
    const po_str *recipients;
    size_t recipient_count;
};

static PO_RC check_recipients(struct po_ctx *cx, const struct wrapping *wrapping)
{
    if (wrapping->recipient_count > RECIPIENTS_MAX)
        return PO_FAIL(cx, PO_USAGE, "at most %d recipients", RECIPIENTS_MAX);
    for (size_t i = 0; i < wrapping->recipient_count; i++)
        if (!po_str_starts(wrapping->recipients[i], PO_LIT("age1")))
            return PO_FAIL(cx, PO_USAGE, "'%.*s' is no age1… recipient",
                           PO_STR_ARG(wrapping->recipients[i]));
    return po_rc_ok();
}

static PO_RC check_free(struct po_ctx *cx, const char *path)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (info.exists) return PO_FAIL(cx, PO_EXISTS, "'%s' exists already", path);
    return po_rc_ok();
}

static PO_RC plan_wrapping(struct po_ctx *cx, const struct po_cli *cli, const char *final,
                           struct wrapping *wrapping)
{
    *wrapping = (struct wrapping){.final = final};
    PO_TRY(cx, collect(cx, cli, "--recipient", &wrapping->recipients, &wrapping->recipient_count));
    PO_TRY(cx, check_recipients(cx, wrapping));
    wrapping->dir = po_arena_printf(cx->arena, "%s.dir", final);
    wrapping->plain = po_arena_printf(cx->arena, "%s.plain", final);
    const char *out = po_arena_printf(cx->arena, "%s.partial", final);
    if (wrapping->dir == NULL || wrapping->plain == NULL || out == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    if (wrapping->recipient_count > 0) wrapping->out = out;
    const char *const steps[] = {wrapping->dir, wrapping->plain, out};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        PO_TRY(cx, check_free(cx, steps[i]));
    return po_rc_ok();
}

/* age(1): recipients only, so that the pack's reader needs no secret of ours. */
static PO_RC encrypt(struct po_ctx *cx, const struct wrapping *wrapping)
{
    const char *argv[2 * RECIPIENTS_MAX + 6] = {"age", "-o", wrapping->out};
    size_t used = 3;
    for (size_t i = 0; i < wrapping->recipient_count; i++) {
        argv[used++] = "-r";
        argv[used] = po_arena_strdup(cx->arena, wrapping->recipients[i]);
        if (argv[used++] == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    }
    argv[used++] = "--";
    argv[used] = wrapping->plain;
    struct po_process_options options = {
        .path = AGE_PATH, .argv = argv, .timeout_ms = AGE_TIMEOUT_MS};
    struct po_process_result result = {0};
    PO_BUF_AUTO err;
    po_buf_init(&err, 4096);
    po_rc rc = po_process_run(cx, &options, NULL, &err, &result);
    if (rc.code == PO_NOTFOUND)
        return PO_FAIL(cx, PO_UNAVAILABLE,
                       "encrypting needs 'age'; install the package of that name");
    PO_TRY(cx, rc);
    if (!result.has_exited || result.exit_status != 0)
        return PO_FAIL(cx, PO_CRYPTO, "age: %.*s", PO_STR_ARG(po_str_trim(po_buf_str(&err))));
    PO_FD_AUTO fd = po_sys_open(wrapping->out, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0 || po_sys_fdatasync(fd) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "writing '%s'", wrapping->out);
    return po_rc_ok();
}

static PO_RC wrap(struct po_ctx *cx, const struct wrapping *wrapping,
                  const struct po_pack_exported *exported)
{
    PO_TRY(cx, po_pack_tar(cx, wrapping->dir, exported, wrapping->plain));
    if (wrapping->out == NULL) return po_fs_rename(cx, wrapping->plain, wrapping->final);
    PO_TRY(cx, encrypt(cx, wrapping));
    return po_fs_rename(cx, wrapping->out, wrapping->final);
}

/* The steps go, whatever came of them: a plain copy must not stay beside an encrypted one. */
static PO_RC remove_steps(struct po_ctx *cx, const struct wrapping *wrapping)
{
    const char *const files[] = {wrapping->plain, wrapping->out};
    for (size_t i = 0; i < 2; i++)
        if (files[i] != NULL && po_sys_unlink(files[i]) != 0 && errno != ENOENT)
            return PO_FAIL_SYS(cx, PO_IO, errno, "removing '%s'", files[i]);
    return po_fs_remove_tree(cx, wrapping->dir, PACK_DEPTH_MAX);
}

static PO_RC export_wrapped(struct po_ctx *cx, struct po_pack_options *options,
                            const struct wrapping *wrapping, struct po_pack_exported *ret_exported)
{
    options->dir = wrapping->dir;
    PO_TRY(cx, po_pack_export(cx, options, ret_exported));
    po_rc rc = wrap(cx, wrapping, ret_exported);
    struct po_err first = cx->err;
    po_rc removed = remove_steps(cx, wrapping);
    if (po_is_ok(rc)) return removed;
    po_ignore(removed, "what failed before is the error to report");
    cx->err = first;
    return rc;
}

PO_RC po_cmd_pack_export(struct po_ctx *cx, struct po_cli *cli)
{
    const char *final = NULL;
    struct po_pack_options options = {0};
    struct po_pack_exported exported;
    struct wrapping wrapping;
    PO_TRY(cx, po_cli_operand(cx, cli, 0, &final));
    PO_TRY(cx, check_free(cx, final));
    PO_TRY(cx, plan_wrapping(cx, cli, final, &wrapping));
    options.source.home = cli->home;
    PO_TRY(cx, po_catalog_load_embedded(cx, &options.source.catalog));
    PO_TRY(cx, po_check_wanted(cx, cli->home, options.source.catalog, &options.source.is_wanted));
    PO_TRY(cx, collect(cx, cli, "--criterion", &options.criteria, &options.criterion_count));
    PO_TRY(cx, po_pack_validate(cx, &options));
    bool is_tar = po_cli_has(cli, "--tar") || wrapping.recipient_count > 0;
    if (cli->is_dry_run) {
        po_buf_printf(&cli->out, "would write the evidence of ledger size %lu to '%s'%s\n",
                      (unsigned long)po_ledger_size(po_home_ledger(cli->home)), final,
                      is_tar ? " as one tar" : "");
        return po_rc_ok();
    }
    po_cli_progress(cli, "collecting evidence and proofs");
    options.dir = final;
    if (is_tar)
        PO_TRY(cx, export_wrapped(cx, &options, &wrapping, &exported));
    else
        PO_TRY(cx, po_pack_export(cx, &options, &exported));
    po_buf_printf(&cli->out,
                  "%s: %zu files, evidence as of ledger size %lu\ncheck: paulyops pack "
                  "verify %s\n",
                  final, exported.file_count, (unsigned long)exported.size, final);
    return po_rc_ok();
}

/* -- verify -------------------------------------------------------------------------------------- */

static const struct po_column columns[] = {
    {"verdict", "VERDICT", PO_CELL_STR},
    {"state", "STATE", PO_CELL_STR},
    {"why", "WHY", PO_CELL_STR},
};

/* The key itself, or a file that holds it. */
static PO_RC read_vkey(struct po_ctx *cx, const struct po_cli *cli, struct po_note_vkey *vkey,
                       const struct po_note_vkey **ret_vkey)
{
    po_str text = po_cli_option(cli, "--vkey");
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, 4096);
    if (text.ptr == NULL) return po_rc_ok();
    if (po_str_find_char(text, '+', 0) == SIZE_MAX) {
        const char *path = NULL;
        PO_TRY(cx, po_cli_option_path(cx, cli, "--vkey", &path));
        PO_TRY_MSG(cx, po_fs_read(cx, path, &bytes), "reading the verifier key");
        text = po_str_trim(po_buf_str(&bytes));
    }
    PO_TRY_LEAF(cx, po_note_vkey_parse(text, vkey), "'--vkey' is no verifier key (name+hash+key)");
    *ret_vkey = vkey;
    return po_rc_ok();
}

static void say_established(struct po_cli *cli, const struct po_pack_verification *found)
{
    char root[2 * PO_SHA256_BYTES + 1];
    po_hex_encode(found->checkpoint.root, sizeof found->checkpoint.root, root);
    for (size_t i = 0; i < found->finding_count; i++)
        po_cli_line(cli, "%s: %s: %s", po_pack_verdict_name(found->findings[i].verdict),
                    found->findings[i].file, found->findings[i].why);
    if (found->findings_dropped > 0)
        po_buf_printf(&cli->out, "and %zu further findings\n", found->findings_dropped);
    const char *word = "DOES NOT VERIFY";
    if (found->is_ok)
        word = found->is_origin_established ? "verified, origin established"
                                            : "self-consistent, origin not established";
    po_cli_line(cli, "%zu files, %zu runs, log %s size %lu root %s: %s", found->file_count,
                found->run_count, found->checkpoint.origin, (unsigned long)found->checkpoint.size,
                root, word);
}

static PO_RC verdict_rows(struct po_ctx *cx, struct po_cli *cli,
                          const struct po_pack_verification *found)
{
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < PO_PACK_VERDICT_COUNT; i++) {
        PO_TRY(cx, po_rows_cstr(cx, rows, po_pack_verdict_name((enum po_pack_verdict)i)));
        PO_TRY(cx, po_rows_cstr(cx, rows, po_verdict_state_name(found->states[i])));
        PO_TRY(cx, po_rows_cstr(cx, rows, found->whys[i]));
    }
    return po_rows_render(cx, rows, cli);
}

static void verify_json(struct po_cli *cli, const struct po_pack_verification *found)
{
    struct po_json_out json;
    po_json_out_init(&json, &cli->out, 0);
    po_json_out_object(&json);
    po_json_out_key(&json, "ok");
    po_json_out_bool(&json, found->is_ok);
    po_json_out_key(&json, "origin_established");
    po_json_out_bool(&json, found->is_origin_established);
    po_json_out_field_int(&json, "size", (int64_t)found->checkpoint.size);
    po_json_out_field_int(&json, "files", (int64_t)found->file_count);
    po_json_out_field_int(&json, "runs", (int64_t)found->run_count);
    po_json_out_key(&json, "verdicts");
    po_json_out_array(&json);
    for (size_t i = 0; i < PO_PACK_VERDICT_COUNT; i++) {
        po_json_out_object(&json);
        po_json_out_field(&json, "verdict",
                          po_str_of(po_pack_verdict_name((enum po_pack_verdict)i)));
        po_json_out_field(&json, "state", po_str_of(po_verdict_state_name(found->states[i])));
        po_json_out_field(&json, "why", po_str_of(found->whys[i]));
        po_json_out_object_end(&json);
    }
    po_json_out_array_end(&json);
    po_json_out_key(&json, "findings");
    po_json_out_array(&json);
    for (size_t i = 0; i < found->finding_count; i++) {
        po_json_out_object(&json);
        po_json_out_field(&json, "verdict",
                          po_str_of(po_pack_verdict_name(found->findings[i].verdict)));
        po_json_out_field(&json, "file", po_str_of(found->findings[i].file));
        po_json_out_field(&json, "why", po_str_of(found->findings[i].why));
        po_json_out_object_end(&json);
    }
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    po_buf_append_char(&cli->out, '\n');
}

PO_RC po_cmd_pack_verify(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_pack_verify_options options = {0};
    struct po_note_vkey vkey;
    PO_TRY(cx, po_cli_operand(cx, cli, 0, &options.path));
    PO_TRY(cx, read_vkey(cx, cli, &vkey, &options.vkey));
    PO_TRY(cx, po_against_read(cx, cli, &options.against, &options.against_count));
    struct po_pack_verification *found = NULL;
    PO_ARENA_NEW(cx, found, 1);
    PO_TRY(cx, po_pack_verify(cx, &options, found));
    if (!found->is_ok) cli->exit_code = PO_EXIT_NOT_PASSED;
    if (cli->format != PO_CLI_TABLE) {
        verify_json(cli, found);
        return po_rc_ok();
    }
    PO_TRY(cx, verdict_rows(cx, cli, found));
    say_established(cli, found);
    return po_rc_ok();
}

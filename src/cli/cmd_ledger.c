/*
 * ledger: verify, prove, tail, export.
 */
#include "commands_priv.h"

#include "against_priv.h"
#include "core/codec.h"
#include "store/store.h"

#define TAIL_MAX 10000

/* Whoever signed in is shown their tenant's leaves; others are not there. */
static PO_RC check_own(struct po_ctx *cx, struct po_cli *cli, uint64_t leaf)
{
    struct po_ledger *ledger = po_home_ledger(cli->home);
    struct po_record record = {0};
    uint64_t own = 0;
    if (po_cli_sees_all(cx, cli)) return po_rc_ok();
    PO_TRY(cx, po_ledger_record_at(cx, ledger, leaf, &record));
    PO_TRY(cx, po_ledger_pseudonym(cx, ledger, &own));
    if (record.kind == PO_RECORD_EVENT && record.tenant == own) return po_rc_ok();
    return PO_FAIL(cx, PO_NOTFOUND, "there is no leaf %lu", (unsigned long)leaf);
}

PO_RC po_cmd_ledger_prove(struct po_ctx *cx, struct po_cli *cli)
{
    uint64_t leaf = 0;
    if (!po_is_ok(po_str_to_u64(cli->operands[0], PO_LEDGER_LEAVES_MAX, &leaf)))
        return PO_FAIL(cx, PO_USAGE, "'%.*s' is not a leaf number", PO_STR_ARG(cli->operands[0]));
    PO_TRY(cx, check_own(cx, cli, leaf));
    PO_TRY(cx, po_ledger_prove(cx, po_home_ledger(cli->home), leaf, &cli->out));
    return po_rc_ok();
}

PO_RC po_cmd_ledger_export(struct po_ctx *cx, struct po_cli *cli)
{
    const char *dir = NULL;
    PO_TRY(cx, po_cli_option_path(cx, cli, "--c2sp", &dir));
    if (dir == NULL) return PO_FAIL(cx, PO_USAGE, "say where: 'paulyops ledger export --c2sp DIR'");
    if (cli->is_dry_run) {
        po_buf_printf(&cli->out, "would write %lu leaves as tlog-tiles to '%s'\n",
                      (unsigned long)po_ledger_size(po_home_ledger(cli->home)), dir);
        return po_rc_ok();
    }
    uint64_t files = 0;
    PO_TRY(cx, po_ledger_export(cx, po_home_ledger(cli->home), dir, &files));
    po_buf_printf(&cli->out, "%s: checkpoint, vkey and tiles; %lu files written\n", dir,
                  (unsigned long)files);
    return po_rc_ok();
}

/* -- tail ---------------------------------------------------------------------------------------- */

static const struct po_column tail_columns[] = {
    {"leaf", "LEAF", PO_CELL_INT},           {"time", "RECEIVED", PO_CELL_STR},
    {"event_type", "TYPE", PO_CELL_STR},     {"result", "RESULT", PO_CELL_STR},
    {"tenant_seq", "SEQ", PO_CELL_INT},      {"payload_bytes", "BYTES", PO_CELL_INT},
    {"leaf_hash", "LEAF HASH", PO_CELL_STR},
};

static PO_RC add_leaf(struct po_ctx *cx, struct po_cli *cli, struct po_rows *rows, uint64_t leaf)
{
    struct po_ledger *ledger = po_home_ledger(cli->home);
    uint8_t bytes[PO_RECORD_BYTES];
    uint8_t hash[PO_SHA256_BYTES];
    char hex[2 * PO_SHA256_BYTES + 1];
    char time[PO_TIME_RFC3339_BYTES];
    struct po_record record;
    PO_TRY(cx, po_ledger_record_bytes_at(cx, ledger, leaf, bytes));
    po_str record_bytes = po_str_n((const char *)bytes, sizeof bytes);
    PO_TRY_LEAF(cx, po_record_decode(record_bytes, &record), "leaf %lu is not a record",
                (unsigned long)leaf);
    PO_TRY_LEAF(cx, po_leaf_hash(record_bytes, hash), "hashing a leaf");
    po_hex_encode(hash, sizeof hash, hex);
    po_time_format(record.recv_time_us, time);
    const struct po_event_type_row *type = po_event_type_get(record.event_type);
    PO_TRY(cx, po_rows_int(cx, rows, (int64_t)leaf));
    PO_TRY(cx, po_rows_cstr(cx, rows, time));
    PO_TRY(cx, po_rows_cstr(cx, rows, type ? type->name : "unknown"));
    PO_TRY(cx, po_rows_cstr(cx, rows, po_event_result_name((enum po_event_result)record.result)));
    PO_TRY(cx, po_rows_int(cx, rows, (int64_t)record.tenant_seq));
    PO_TRY(cx, po_rows_int(cx, rows, (int64_t)record.payload_len));
    return po_rows_cstr(cx, rows, hex);
}

/* The leaf from which on `count` fit the filter. */
static PO_RC find_first(struct po_ctx *cx, struct po_cli *cli,
                        const struct po_ledger_filter *filter, uint64_t count, uint64_t *ret_first)
{
    struct po_ledger *ledger = po_home_ledger(cli->home);
    uint64_t at = po_ledger_size(ledger);
    for (bool is_found = true; count > 0 && at > 0; count--) {
        PO_TRY(cx, po_ledger_prev(cx, ledger, at - 1, filter, &is_found, &at, NULL));
        if (!is_found) break;
    }
    *ret_first = at;
    return po_rc_ok();
}

static PO_RC add_leaves(struct po_ctx *cx, struct po_cli *cli,
                        const struct po_ledger_filter *filter, uint64_t first, struct po_rows *rows)
{
    struct po_ledger *ledger = po_home_ledger(cli->home);
    for (uint64_t leaf = first;; leaf++) {
        bool is_found = false;
        PO_TRY(cx, po_ledger_next(cx, ledger, leaf, filter, &is_found, &leaf, NULL));
        if (!is_found) return po_rc_ok();
        PO_TRY(cx, add_leaf(cx, cli, rows, leaf));
    }
}

PO_RC po_cmd_ledger_tail(struct po_ctx *cx, struct po_cli *cli)
{
    uint64_t count = 10;
    po_str wanted = po_cli_option(cli, "-n");
    if (wanted.ptr != NULL && !po_is_ok(po_str_to_u64(wanted, TAIL_MAX, &count)))
        return PO_FAIL(cx, PO_USAGE, "'-n %.*s' is not 0..%d", PO_STR_ARG(wanted), TAIL_MAX);
    struct po_rows *rows = NULL;
    uint64_t first = 0;
    const struct po_ledger_filter filter = {.is_own_tenant = !po_cli_sees_all(cx, cli)};
    PO_TRY(cx, po_rows_new(cx, tail_columns, sizeof tail_columns / sizeof *tail_columns, &rows));
    PO_TRY(cx, find_first(cx, cli, &filter, count, &first));
    PO_TRY(cx, add_leaves(cx, cli, &filter, first, rows));
    return po_rows_render(cx, rows, cli);
}

/* -- verify -------------------------------------------------------------------------------------- */

static const struct po_column verdict_columns[] = {
    {"verdict", "VERDICT", PO_CELL_STR},
    {"state", "STATE", PO_CELL_STR},
    {"checked", "CHECKED", PO_CELL_INT},
    {"why", "WHY", PO_CELL_STR},
};

static PO_RC verdict_table(struct po_ctx *cx, struct po_cli *cli,
                           const struct po_ledger_verification *found)
{
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, verdict_columns, sizeof verdict_columns / sizeof *verdict_columns,
                           &rows));
    for (size_t i = 0; i < PO_VERDICT_KIND_COUNT; i++) {
        const struct po_verdict *verdict = &found->verdicts[i];
        PO_TRY(cx, po_rows_cstr(cx, rows, po_verdict_kind_name((enum po_verdict_kind)i)));
        PO_TRY(cx, po_rows_cstr(cx, rows, po_verdict_state_name(verdict->state)));
        PO_TRY(cx, po_rows_int(cx, rows, (int64_t)verdict->checked));
        PO_TRY(cx, po_rows_cstr(cx, rows, verdict->why));
    }
    PO_TRY(cx, po_rows_render(cx, rows, cli));
    for (size_t i = 0; i < found->finding_count; i++)
        po_cli_line(cli, "%s: %s: %s", po_verdict_kind_name(found->findings[i].kind),
                    found->findings[i].file, found->findings[i].why);
    if (found->findings_dropped > 0)
        po_buf_printf(&cli->out, "and %lu further findings\n",
                      (unsigned long)found->findings_dropped);
    char root[2 * PO_SHA256_BYTES + 1];
    po_hex_encode(found->root, sizeof found->root, root);
    po_buf_printf(&cli->out, "size %lu, root %s: %s\n", (unsigned long)found->size, root,
                  found->is_ok ? "verified" : "DOES NOT VERIFY");
    return po_rc_ok();
}

static void verdict_json(struct po_cli *cli, const struct po_ledger_verification *found)
{
    struct po_json_out json;
    char root[2 * PO_SHA256_BYTES + 1];
    po_hex_encode(found->root, sizeof found->root, root);
    po_json_out_init(&json, &cli->out, 0);
    po_json_out_object(&json);
    po_json_out_key(&json, "ok");
    po_json_out_bool(&json, found->is_ok);
    po_json_out_field_int(&json, "size", (int64_t)found->size);
    po_json_out_field(&json, "root", po_str_of(root));
    po_json_out_key(&json, "verdicts");
    po_json_out_array(&json);
    for (size_t i = 0; i < PO_VERDICT_KIND_COUNT; i++) {
        const struct po_verdict *verdict = &found->verdicts[i];
        po_json_out_object(&json);
        po_json_out_field(&json, "verdict",
                          po_str_of(po_verdict_kind_name((enum po_verdict_kind)i)));
        po_json_out_field(&json, "state", po_str_of(po_verdict_state_name(verdict->state)));
        po_json_out_field_int(&json, "checked", (int64_t)verdict->checked);
        po_json_out_field(&json, "why", po_str_of(verdict->why));
        po_json_out_object_end(&json);
    }
    po_json_out_array_end(&json);
    po_json_out_key(&json, "findings");
    po_json_out_array(&json);
    for (size_t i = 0; i < found->finding_count; i++) {
        po_json_out_object(&json);
        po_json_out_field(&json, "verdict",
                          po_str_of(po_verdict_kind_name(found->findings[i].kind)));
        po_json_out_field(&json, "file", po_str_of(found->findings[i].file));
        po_json_out_field(&json, "why", po_str_of(found->findings[i].why));
        po_json_out_object_end(&json);
    }
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    po_buf_append_char(&cli->out, '\n');
}

/* Files and records are everybody's; events are opened for the tenant, by the operator for all. */
static PO_RC choose_tenants(struct po_ctx *cx, struct po_cli *cli,
                            struct po_ledger_verify_options *options)
{
    po_tenant_id *ids = NULL;
    options->passes_over_others = !po_cli_sees_all(cx, cli);
    if (options->passes_over_others) return po_rc_ok();
    PO_TRY(cx, po_store_tenant_ids(cx, po_home_store(cli->home), &ids, &options->tenant_count));
    options->tenants = ids;
    return po_rc_ok();
}

PO_RC po_cmd_ledger_verify(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_ledger_verify_options options = {0};
    PO_TRY(cx, choose_tenants(cx, cli, &options));
    PO_TRY(cx, po_against_read(cx, cli, &options.against, &options.against_count));
    po_cli_progress(cli, "reading every byte of the ledger");
    struct po_ledger_verification found;
    PO_TRY(cx, po_ledger_verify(cx, po_home_ledger(cli->home), &options, &found));
    if (!found.is_ok) cli->exit_code = PO_EXIT_NOT_PASSED;
    if (cli->format == PO_CLI_TABLE) return verdict_table(cx, cli, &found);
    verdict_json(cli, &found);
    return po_rc_ok();
}

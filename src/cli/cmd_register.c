/*
 * register: the operator's figures, printed in reports as operator estimates.
 */
#include "commands_priv.h"

#include "core/names.h"
#include "ledger/ledger.h"
#include "report/report.h"
#include "store/store.h"

static const struct po_column columns[] = {
    {"name", "NAME", PO_CELL_STR},        {"value", "VALUE", PO_CELL_STR},
    {"author", "AUTHOR", PO_CELL_STR},    {"time", "SET", PO_CELL_STR},
    {"current", "CURRENT", PO_CELL_BOOL},
};

PO_RC po_cmd_register_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_store_register_entry *entries = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_register_list(cx, po_home_store(cli->home), po_cli_has(cli, "--history"),
                                      &entries, &count));
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++) {
        char time[PO_TIME_RFC3339_BYTES];
        po_time_format_s(entries[i].time_us, time);
        PO_TRY(cx, po_rows_str(cx, rows, entries[i].name));
        PO_TRY(cx, po_rows_str(cx, rows, entries[i].value));
        PO_TRY(cx, po_rows_str(cx, rows, entries[i].author));
        PO_TRY(cx, po_rows_cstr(cx, rows, time));
        PO_TRY(cx, po_rows_bool(cx, rows, entries[i].is_current));
    }
    return po_rows_render(cx, rows, cli);
}

/* {"name":…,"old":…,"new":…} */
static PO_RC change_detail(struct po_ctx *cx, po_str name,
                           const struct po_store_register_entry *old, po_str value,
                           struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "name", name);
    po_json_out_key(&json, "old");
    if (old != NULL)
        po_json_out_str(&json, old->value);
    else
        po_json_out_null(&json);
    po_json_out_field(&json, "new", value);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "register event");
    return po_rc_ok();
}

/* Only figures that a report prints: a slip of the pen would otherwise be kept and never seen. */
static PO_RC check_name(struct po_ctx *cx, po_str name)
{
    size_t count = 0;
    for (; po_report_register_names[count] != NULL; count++)
        if (po_str_eq_cstr(name, po_report_register_names[count])) return po_rc_ok();
    const char *nearest = po_name_nearest(name, po_report_register_names, count);
    if (nearest != NULL)
        return PO_FAIL(cx, PO_INVALID, "there is no figure '%.*s', nearest is '%s'",
                       PO_STR_ARG(name), nearest);
    PO_BUF_AUTO known;
    po_buf_init(&known, 256);
    for (size_t i = 0; i < count; i++)
        po_buf_printf(&known, "%s%s", i == 0 ? "" : ", ", po_report_register_names[i]);
    return PO_FAIL(cx, PO_INVALID, "there is no figure '%.*s': %.*s", PO_STR_ARG(name),
                   PO_STR_ARG(po_buf_str(&known)));
}

PO_RC po_cmd_register_set(struct po_ctx *cx, struct po_cli *cli)
{
    po_str name = cli->operands[0];
    po_str value = cli->operands[1];
    struct po_store_register_entry *old = NULL;
    PO_TRY(cx, check_name(cx, name));
    PO_TRY(cx, po_store_register_find(cx, po_home_store(cli->home), name, &old));
    if (cli->is_dry_run) {
        po_buf_printf(&cli->out, "would set %.*s to '%.*s' (now: %.*s)\n", PO_STR_ARG(name),
                      PO_STR_ARG(value), PO_STR_ARG(old ? old->value : PO_LIT("not set")));
        return po_rc_ok();
    }
    PO_BUF_AUTO detail;
    po_buf_init(&detail, 32768);
    PO_TRY(cx, change_detail(cx, name, old, value, &detail));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(cli->home), &tx));
    uint64_t id = 0;
    PO_TRY(cx, po_store_register_set(cx, tx, name, value, &id));
    struct po_event event = {.type = PO_EVENT_TYPE_REGISTER_CHANGED,
                             .resource = name,
                             .action = PO_LIT("set"),
                             .result = PO_EVENT_SUCCESS,
                             .detail = po_buf_str(&detail)};
    PO_TRY(cx, po_home_commit(cx, cli->home, tx, &event));
    po_buf_printf(&cli->out, "%.*s = %.*s (operator estimate)\n", PO_STR_ARG(name),
                  PO_STR_ARG(value));
    return po_rc_ok();
}

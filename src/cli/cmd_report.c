/*
 * report: issue the four reports, verify one.
 */
#include "commands_priv.h"

#include "assess/assess.h"
#include "core/fs.h"
#include "crypto/crypto.h"
#include "evidence_priv.h"
#include "report/report.h"
#include "store/store.h"

static PO_RC make_request(struct po_ctx *cx, const struct po_cli *cli,
                          struct po_report_request *request)
{
    PO_TRY(cx, po_cli_as_of(cx, cli, &request->size));
    request->source.home = cli->home;
    PO_TRY(cx, po_catalog_load_embedded(cx, &request->source.catalog));
    return po_check_wanted(cx, request->source.home, request->source.catalog,
                           &request->source.is_wanted);
}

static void say_issued(struct po_cli *cli, const struct po_issued *issued)
{
    const struct po_report_record *record = &issued->record;
    if (cli->format == PO_CLI_TABLE && po_cli_has(cli, "--stdout")) {
        po_buf_append(&cli->out, issued->body);
    } else if (cli->format == PO_CLI_TABLE) {
        po_buf_printf(&cli->out, "%s\nreproduce: paulyops report verify %.*s\n", issued->path,
                      PO_STR_ARG(record->id));
    } else {
        struct po_json_out json;
        po_json_out_init(&json, &cli->out, 0);
        po_json_out_object(&json);
        po_json_out_field(&json, "id", record->id);
        po_json_out_field(&json, "path", po_str_of(issued->path));
        po_json_out_field_int(&json, "ledger_size", (int64_t)record->size);
        po_json_out_object_end(&json);
        po_buf_append_char(&cli->out, '\n');
    }
}

static PO_RC issue(struct po_ctx *cx, struct po_cli *cli, enum po_report_kind kind)
{
    struct po_report_request request = {.kind = kind};
    PO_TRY(cx, make_request(cx, cli, &request));
    if (cli->is_dry_run) {
        struct po_view view;
        return po_evidence_render(cx, &request, &view, &cli->out);
    }
    struct po_issued issued;
    PO_TRY(cx, po_evidence_issue(cx, &request, &issued));
    say_issued(cli, &issued);
    return po_rc_ok();
}

PO_RC po_cmd_report_readiness(struct po_ctx *cx, struct po_cli *cli)
{
    return issue(cx, cli, PO_REPORT_READINESS);
}

PO_RC po_cmd_report_status(struct po_ctx *cx, struct po_cli *cli)
{
    return issue(cx, cli, PO_REPORT_STATUS);
}

PO_RC po_cmd_report_health(struct po_ctx *cx, struct po_cli *cli)
{
    return issue(cx, cli, PO_REPORT_HEALTH);
}

static PO_RC issue_as(struct po_ctx *cx, struct po_cli *cli, po_tenant_id tenant)
{
    struct po_ctx own;
    PO_TRY(cx, po_ctx_child_begin(cx, PO_CX_ARENA_BYTES_MAX, &own));
    own.tenant = tenant;
    return po_ctx_child_end(cx, &own, issue(&own, cli, PO_REPORT_NIGHTLY));
}

/* Every tenant's, though one cannot be written; the first error is told. */
static PO_RC issue_all(struct po_ctx *cx, struct po_cli *cli)
{
    po_tenant_id *tenants = NULL;
    size_t count = 0;
    struct po_err first = {.code = PO_OK};
    PO_TRY(cx, po_store_tenant_ids(cx, po_home_store(cli->home), &tenants, &count));
    for (size_t i = 0; i < count; i++) {
        po_rc rc = issue_as(cx, cli, tenants[i]);
        if (po_is_ok(rc)) continue;
        if (first.code == PO_OK) first = cx->err;
        po_err_clear(cx);
    }
    if (first.code == PO_OK) return po_rc_ok();
    cx->err = first;
    return po_rc_of(first.code);
}

PO_RC po_cmd_report_nightly(struct po_ctx *cx, struct po_cli *cli)
{
    if (po_cli_has(cli, "--timer") && po_cli_sees_all(cx, cli)) return issue_all(cx, cli);
    return issue(cx, cli, PO_REPORT_NIGHTLY);
}

/* -- verify -------------------------------------------------------------------------------------- */

static const struct po_column columns[] = {
    {"check", "CHECK", PO_CELL_STR},
    {"holds", "HOLDS", PO_CELL_BOOL},
};

/* The id a report's own text names: "report verify R-…". {NULL, 0} when it names none. */
static po_str id_in_text(po_str text)
{
    const po_str mark = PO_LIT("paulyops report verify ");
    size_t at = po_str_find(text, mark, 0);
    if (at == SIZE_MAX) return (po_str){NULL, 0};
    size_t end = at + mark.len;
    while (end < text.len &&
           (text.ptr[end] == '-' || (text.ptr[end] >= '0' && text.ptr[end] <= '9') ||
            (text.ptr[end] >= 'a' && text.ptr[end] <= 'z') ||
            (text.ptr[end] >= 'A' && text.ptr[end] <= 'Z')))
        end++;
    return po_str_slice(text, at + mark.len, end);
}

/*
 * A file: its record is the one with the same bytes, else the one of the id it names (then the bytes
 * differ and verifying says so).
 */
static PO_RC find_by_file(struct po_ctx *cx, struct po_cli *cli, po_str text, bool *ret_found,
                          struct po_report_record *record)
{
    uint8_t digest[PO_SHA256_BYTES];
    PO_TRY_LEAF(cx, po_sha256(text, digest), "hashing the report");
    struct po_report_query by_bytes = {.body_digest = digest};
    PO_TRY(cx, po_evidence_report_find(cx, cli->home, &by_bytes, ret_found, record));
    po_str id = id_in_text(text);
    if (*ret_found || id.ptr == NULL) return po_rc_ok();
    struct po_report_query by_id = {.id = id};
    return po_evidence_report_find(cx, cli->home, &by_id, ret_found, record);
}

static PO_RC read_report(struct po_ctx *cx, struct po_cli *cli, struct po_report_request *request,
                         bool *ret_found, struct po_report_record *record)
{
    const char *path = NULL;
    PO_TRY(cx, po_cli_operand(cx, cli, 0, &path));
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_REPORT_BYTES_MAX);
    po_rc rc = po_fs_read(cx, path, &bytes);
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        struct po_report_query by_id = {.id = cli->operands[0]};
        return po_evidence_report_find(cx, cli->home, &by_id, ret_found, record);
    }
    PO_TRY(cx, rc);
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), &request->file), "out of memory");
    return find_by_file(cx, cli, request->file, ret_found, record);
}

PO_RC po_cmd_report_verify(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_report_request request = {0};
    struct po_report_record record;
    struct po_report_check result;
    bool is_found = false;
    PO_TRY(cx, make_request(cx, cli, &request));
    PO_TRY(cx, read_report(cx, cli, &request, &is_found, &record));
    if (!is_found)
        return PO_FAIL(cx, PO_NOTFOUND, "'%.*s' is no report this ledger knows",
                       PO_STR_ARG(cli->operands[0]));
    PO_TRY(cx, po_evidence_report_verify(cx, &record, &request, &result));
    if (!result.is_ok) cli->exit_code = PO_EXIT_NOT_PASSED;
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < result.count; i++) {
        PO_TRY(cx, po_rows_cstr(cx, rows, result.items[i].what));
        PO_TRY(cx, po_rows_bool(cx, rows, result.items[i].holds));
    }
    PO_TRY(cx, po_rows_render(cx, rows, cli));
    if (cli->format == PO_CLI_TABLE)
        po_buf_printf(&cli->out, "%.*s, ledger size %lu: %s\n", PO_STR_ARG(record.id),
                      (unsigned long)record.size,
                      result.is_ok ? "every figure is reproduced" : "NOT REPRODUCED");
    return po_rc_ok();
}

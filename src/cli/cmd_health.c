/*
 * health: run, list, show.
 */
#include "commands_priv.h"

#include "assess/assess.h"
#include "evidence_priv.h"
#include "health/health.h"

static po_str text_of(const struct po_json *object, const char *key)
{
    const struct po_json *value = po_json_get(object, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

/* -- run ----------------------------------------------------------------------------------------- */

static const struct po_column run_columns[] = {
    {"id", "CHECK", PO_CELL_STR},
    {"name", "NAME", PO_CELL_STR},
    {"state", "STATE", PO_CELL_STR},
    {"reason", "REASON", PO_CELL_STR},
};

static void print_json(struct po_cli *cli, const struct po_json *checks, int64_t age_s)
{
    struct po_json_out json;
    po_json_out_init(&json, &cli->out, 0);
    po_json_out_object(&json);
    po_json_out_key(&json, "checks");
    po_json_out_array(&json);
    for (const struct po_json *check = checks->first; check != NULL; check = check->next) {
        po_json_out_object(&json);
        po_json_out_field(&json, "id", text_of(check, "id"));
        po_json_out_field(&json, "name", text_of(check, "name"));
        po_json_out_field(&json, "state", text_of(check, "state"));
        po_json_out_field(&json, "reason", text_of(check, "reason"));
        po_json_out_field_int(&json, "age_s", age_s);
        po_json_out_object_end(&json);
    }
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    po_buf_append_char(&cli->out, '\n');
}

static PO_RC print_table(struct po_ctx *cx, struct po_cli *cli, const struct po_json *checks)
{
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, run_columns, sizeof run_columns / sizeof *run_columns, &rows));
    for (const struct po_json *check = checks->first; check != NULL; check = check->next) {
        PO_TRY(cx, po_rows_str(cx, rows, text_of(check, "id")));
        PO_TRY(cx, po_rows_str(cx, rows, text_of(check, "name")));
        PO_TRY(cx, po_rows_str(cx, rows, text_of(check, "state")));
        PO_TRY(cx, po_rows_str(cx, rows, text_of(check, "reason")));
    }
    return po_rows_render(cx, rows, cli);
}

PO_RC po_cmd_health_run(struct po_ctx *cx, struct po_cli *cli)
{
    po_str detail = {NULL, 0};
    struct po_json *root = NULL;
    const struct po_json *checks = NULL;
    size_t passed = 0;
    PO_TRY(cx, po_assess_health_run(cx, cli->home, &detail));
    PO_TRY(cx, po_json_parse(cx, detail, PO_JSON_STRICT, &root));
    PO_TRY(cx, po_json_get_array(cx, root, "checks", &checks));
    for (const struct po_json *check = checks->first; check != NULL; check = check->next)
        if (po_str_eq_cstr(text_of(check, "state"), "pass")) passed++;
    if (passed < checks->count) cli->exit_code = PO_EXIT_NOT_PASSED;
    if (cli->format != PO_CLI_TABLE) {
        print_json(cli, checks, 0);
        return po_rc_ok();
    }
    PO_TRY(cx, print_table(cx, cli, checks));
    po_buf_printf(&cli->out, "%zu of %zu pass\n", passed, checks->count);
    return po_rc_ok();
}

/* -- list ---------------------------------------------------------------------------------------- */

static const struct po_column list_columns[] = {
    {"id", "CHECK", PO_CELL_STR},         {"name", "NAME", PO_CELL_STR},
    {"repair", "REPAIR", PO_CELL_STR},    {"measures", "MEASURES", PO_CELL_STR},
    {"pass", "PASSES WHEN", PO_CELL_STR},
};

PO_RC po_cmd_health_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_rows *rows = NULL;
    const struct po_health_check *table = po_health_table();
    PO_TRY(cx, po_rows_new(cx, list_columns, sizeof list_columns / sizeof *list_columns, &rows));
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        PO_TRY(cx, po_rows_cstr(cx, rows, table[i].id));
        PO_TRY(cx, po_rows_cstr(cx, rows, table[i].name));
        PO_TRY(cx, po_rows_cstr(cx, rows, table[i].repair));
        PO_TRY(cx, po_rows_cstr(cx, rows, table[i].measures));
        PO_TRY(cx, po_rows_cstr(cx, rows, table[i].pass));
    }
    return po_rows_render(cx, rows, cli);
}

/* -- show ---------------------------------------------------------------------------------------- */

static const struct po_json *find_result(const struct po_event_view *event, const char *id)
{
    const struct po_json *checks = po_json_get(po_json_get(event->json, "detail"), "checks");
    if (checks == NULL || checks->type != PO_JSON_ARRAY) return NULL;
    for (const struct po_json *check = checks->first; check != NULL; check = check->next)
        if (po_str_eq_cstr(text_of(check, "id"), id)) return check;
    return NULL;
}

static void show_text(struct po_cli *cli, const struct po_health_check *check,
                      const struct po_json *result, const struct po_evidence_event *newest)
{
    po_buf_printf(&cli->out, "%s  %s (originally: %s)\nmeasures: %s\npasses when: %s\n", check->id,
                  check->name, check->original_name, check->measures, check->pass);
    if (check->repair != NULL) po_buf_printf(&cli->out, "repair: doctor run %s\n", check->repair);
    if (result == NULL)
        po_buf_append_cstr(&cli->out, "no result yet: run 'paulyops health run'\n");
    else
        po_buf_printf(&cli->out, "newest result: %.*s at %.*s (leaf %lu) %.*s\n",
                      PO_STR_ARG(text_of(result, "state")), PO_STR_ARG(newest->event.timestamp),
                      (unsigned long)newest->leaf, PO_STR_ARG(text_of(result, "reason")));
}

PO_RC po_cmd_health_show(struct po_ctx *cx, struct po_cli *cli)
{
    const struct po_health_check *check = po_health_find(cli->operands[0]);
    struct po_evidence_at at;
    struct po_evidence_event newest;
    if (check == NULL)
        return PO_FAIL(cx, PO_NOTFOUND,
                       "there is no health check '%.*s'; see 'paulyops health list'",
                       PO_STR_ARG(cli->operands[0]));
    PO_TRY(cx, po_evidence_locate(cx, cli->home, 0, &at));
    PO_TRY(cx, po_evidence_newest(cx, cli->home, &at, PO_EVENT_TYPE_HEALTH_CHECKED, &newest));
    const struct po_json *result = newest.is_found ? find_result(&newest.event, check->id) : NULL;
    if (cli->format == PO_CLI_TABLE) {
        show_text(cli, check, result, &newest);
        return po_rc_ok();
    }
    struct po_json one = {.type = PO_JSON_ARRAY};
    struct po_json copy = {0};
    int64_t age_s = 0;
    if (result != NULL) {
        copy = *result;
        copy.next = NULL;
        one.first = &copy;
        age_s = (po_ctx_now_us(cx) - newest.event.time_us) / PO_US_PER_S;
    }
    print_json(cli, &one, age_s);
    return po_rc_ok();
}

/*
 * Routes that run a command's row: the command line is made from checked values only.
 *
 * A value never becomes an option: options are written as one argument "--name=value" under a name of
 * the table, operands stand behind "--".
 */
#include "api/api_priv.h"
#include "cli/cli.h"
#include "core/fs.h"

#define ARGS_MAX 64

struct args {
    const char *at[ARGS_MAX];
    int count;
};

static PO_RC put(struct po_ctx *cx, struct args *args, const char *text)
{
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    if (args->count == ARGS_MAX) return PO_FAIL(cx, PO_LIMIT, "too many arguments");
    args->at[args->count++] = text;
    return po_rc_ok();
}

static PO_RC put_words(struct po_ctx *cx, struct args *args, const char *command)
{
    po_str rest = po_str_of(command);
    po_str word;
    while (po_str_next_field(&rest, ' ', &word))
        PO_TRY(cx, put(cx, args, po_arena_strdup(cx->arena, word)));
    return po_rc_ok();
}

static PO_RC put_option(struct po_ctx *cx, struct args *args, const struct po_api_value *value,
                        po_str text)
{
    po_str parts[3] = {po_str_of(value->param->to), PO_LIT("="), text};
    size_t len = parts[0].len + parts[1].len + parts[2].len;
    char *joined = po_arena_alloc(cx->arena, len + 1, 1);
    if (joined == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].len > 0) memcpy(joined + at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    if (parts[0].ptr[1] == '-') return put(cx, args, joined);
    /* "-n": its value is the next argument, which takes any text */
    PO_TRY(cx, put(cx, args, value->param->to));
    return put(cx, args, po_arena_strdup(cx->arena, text));
}

/* The text of a value that is no list. */
static PO_RC value_text(struct po_ctx *cx, const struct po_api_value *value, po_str *ret_text)
{
    if (value->param->type != PO_API_INT) {
        *ret_text = value->text;
        return po_rc_ok();
    }
    const char *text = po_arena_printf(cx->arena, "%ld", (long)value->integer);
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_text = po_str_of(text);
    return po_rc_ok();
}

static PO_RC put_options(struct po_ctx *cx, struct args *args, const struct po_api_value *value)
{
    po_str text = {"", 0};
    if (value->param->type == PO_API_BOOL)
        return value->boolean ? put(cx, args, value->param->to) : po_rc_ok();
    for (size_t i = 0; i < value->list_count; i++)
        PO_TRY(cx, put_option(cx, args, value, value->list[i]));
    if (value->param->type == PO_API_LIST) return po_rc_ok();
    PO_TRY(cx, value_text(cx, value, &text));
    return put_option(cx, args, value, text);
}

/* Rows read names of files from where their caller stands; here that is the home's scripts/. A file that
   is gone keeps its name: its grants can still be ended. */
static PO_RC put_program(struct po_ctx *cx, struct args *args, const struct po_api_call *call,
                         po_str text)
{
    const char *name = po_arena_strdup(cx->arena, text);
    const char *path = NULL;
    struct po_fs_info info = {0};
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    path = po_arena_printf(cx->arena, "%s/%s/%s", po_home_root(call->api->home),
                           po_home_place_row(PO_PLACE_SCRIPTS)->path, name);
    if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_fs_info(cx, path, &info));
    return put(cx, args, info.exists ? path : name);
}

static PO_RC put_operands(struct po_ctx *cx, struct args *args, const struct po_api_call *call,
                          const struct po_api_value *value)
{
    po_str text = {"", 0};
    for (size_t i = 0; i < value->list_count; i++)
        PO_TRY(cx, put(cx, args, po_arena_strdup(cx->arena, value->list[i])));
    if (value->param->type == PO_API_LIST) return po_rc_ok();
    PO_TRY(cx, value_text(cx, value, &text));
    if (value->param->shape == PO_API_SHAPE_PROGRAM && value->param->type == PO_API_STR)
        return put_program(cx, args, call, text);
    return put(cx, args, po_arena_strdup(cx->arena, text));
}

/* In the table's order: that of a command's operands. */
static PO_RC put_values(struct po_ctx *cx, struct args *args, const struct po_api_call *call,
                        bool are_operands)
{
    const struct po_api_param *params = call->route->params;
    for (size_t i = 0; i < PO_API_PARAMS_MAX && params[i].name != NULL; i++) {
        const struct po_api_value *value = po_api_value(call, params[i].name);
        if (value == NULL || params[i].to == PO_API_TO_HANDLER) continue;
        if ((params[i].to[0] == '\0') != are_operands) continue;
        PO_TRY(cx,
               are_operands ? put_operands(cx, args, call, value) : put_options(cx, args, value));
    }
    return po_rc_ok();
}

/* Pages by leaf ask for one event more than they show: is there a next page? */
static PO_RC put_page(struct po_ctx *cx, struct args *args, const struct po_api_call *call)
{
    if (call->route->result != PO_API_RESULT_EVENTS) return po_rc_ok();
    const struct po_api_value *limit = po_api_value(call, "limit");
    po_str cursor = po_api_text(call, "cursor");
    long count = limit != NULL ? (long)limit->integer : PO_API_PAGE_DEFAULT;
    PO_TRY(cx, put(cx, args, po_arena_printf(cx->arena, "--limit=%ld", count + 1)));
    if (cursor.len == 0) return po_rc_ok();
    return put(cx, args, po_arena_printf(cx->arena, "--before=%.*s", PO_STR_ARG(cursor)));
}

po_rc po_api_argv(struct po_ctx *cx, const struct po_api_call *call, const char *const **ret_argv,
                  int *ret_argc)
{
    struct args *args = NULL;
    PO_ARENA_NEW(cx, args, 1);
    PO_TRY(cx, put(cx, args, "paulyops"));
    PO_TRY(cx, put_words(cx, args, call->route->command));
    PO_TRY(cx, put(cx, args, "-o"));
    PO_TRY(cx, put(cx, args, "json"));
    if (call->route->fixed != NULL) PO_TRY(cx, put(cx, args, call->route->fixed));
    PO_TRY(cx, put_page(cx, args, call));
    PO_TRY(cx, put_values(cx, args, call, false));
    PO_TRY(cx, put(cx, args, "--"));
    PO_TRY(cx, put_values(cx, args, call, true));
    *ret_argv = args->at;
    *ret_argc = args->count;
    return po_rc_ok();
}

/* -- what comes back ----------------------------------------------------------------------------- */

/* {"message":…}: the text that a person would have read. */
static PO_RC respond_done(struct po_ctx *cx, struct po_api_call *call, po_str text)
{
    struct po_json_out json;
    if (call->route->schema[0] == '\0') {
        call->res->status = 204;
        return po_rc_ok();
    }
    po_json_out_init(&json, &call->res->body, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "message", po_str_trim(text));
    po_json_out_object_end(&json);
    po_buf_append_char(&call->res->body, '\n');
    return po_api_json(cx, call, 200);
}

static PO_RC respond_run(struct po_ctx *cx, struct po_api_call *call, po_str output, bool is_passed)
{
    struct po_buf *body = &call->res->body;
    po_buf_append_cstr(body, is_passed ? "{\"passed\":true,\"result\":"
                                       : "{\"passed\":false,\"result\":");
    po_buf_append(body, po_str_trim(output));
    po_buf_append_cstr(body, "}\n");
    return po_api_json(cx, call, 200);
}

static PO_RC respond_text(struct po_ctx *cx, struct po_api_call *call, po_str output)
{
    po_buf_append(&call->res->body, output);
    po_api_set(call->res, PO_HTTP_CONTENT_TYPE, PO_LIT("text/plain; charset=utf-8"));
    po_api_set(call->res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    PO_TRY_LEAF(cx, po_buf_check(&call->res->body), "the response is too large");
    return po_rc_ok();
}

static PO_RC respond_object(struct po_ctx *cx, struct po_api_call *call, po_str output)
{
    po_buf_append(&call->res->body, output);
    return po_api_json(cx, call, 200);
}

static PO_RC respond(struct po_ctx *cx, struct po_api_call *call,
                     const struct po_cli_answer *answer)
{
    po_str output = po_buf_str(&answer->out);
    switch (call->route->result) {
    case PO_API_RESULT_OBJECT: return respond_object(cx, call, output);
    case PO_API_RESULT_ONE:
    case PO_API_RESULT_SECRET: return po_api_one(cx, call, output);
    case PO_API_RESULT_LIST: return po_api_page(cx, call, output);
    case PO_API_RESULT_EVENTS: return po_api_page_events(cx, call, output);
    case PO_API_RESULT_ITEM: return po_api_pick(cx, call, output);
    case PO_API_RESULT_RUN: return respond_run(cx, call, output, answer->exit_code == 0);
    case PO_API_RESULT_DONE: return respond_done(cx, call, output);
    case PO_API_RESULT_TEXT: return respond_text(cx, call, output);
    }
    return PO_FAIL(cx, PO_BUG, "a route with an unknown result");
}

po_rc po_api_command(struct po_ctx *cx, struct po_api_call *call)
{
    const char *const *argv = NULL;
    int argc = 0;
    PO_CLI_ANSWER_AUTO answer = {0};
    po_cli_answer_init(&answer);
    PO_TRY(cx, po_api_argv(cx, call, &argv, &argc));
    PO_TRY(cx, call->api->run(cx, call->api->home, argc, argv, &answer));
    if (answer.code == PO_OK) {
        po_rc rc = respond(cx, call, &answer);
        call->is_refused_late = !po_is_ok(rc); /* the row's event tells of success */
        return rc;
    }
    /* a row that began has recorded its failure; its message is in cx->err */
    if (answer.code == PO_USAGE) call->detail = "a value is not one this command takes";
    if (cx->err.code != answer.code) return PO_FAIL(cx, answer.code, "the command failed");
    return po_rc_of(answer.code);
}

/*
 * host/exec, inside the runner child.
 *
 * The program inherits every fence of this process, has no shell, no input, a fixed environment and
 * the child's process group (a sandbox allows no other): the parent ends all of it together.
 */
#include "program/runner_wire_priv.h"

#include "core/process.h"

static const char *const fixed_env[] = {
    "PATH=/usr/bin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", NULL};
#ifdef PO_FAULTS
#include <unistd.h>
#define ENV (po_runner_test.passes_environment ? (const char *const *)environ : fixed_env)
#else
#define ENV fixed_env
#endif

/* A C string of an argument; a NUL inside would hide what follows from the program. */
static PO_RC to_arg(struct po_ctx *cx, const struct po_json *value, const char **ret_arg)
{
    if (value == NULL || value->type != PO_JSON_STR)
        return PO_FAIL(cx, PO_INVALID, "an argument is no text");
    if (po_str_find_char(value->str, '\0', 0) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "an argument holds a NUL");
    *ret_arg = po_arena_strdup(cx->arena, value->str);
    if (*ret_arg == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for arguments");
    return po_rc_ok();
}

/* The program is the path that the gate saw. */
static PO_RC make_argv(struct po_ctx *cx, const struct po_host_ask *ask, const char ***ret_argv)
{
    const struct po_json *list = ask->args->count > 1 ? ask->args->first->next : NULL;
    const char **argv = NULL;
    if (list == NULL || list->type != PO_JSON_ARRAY)
        return PO_FAIL(cx, PO_INVALID, "the arguments are no list");
    if (list->count > PO_HOST_EXEC_ARGS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d arguments", PO_HOST_EXEC_ARGS_MAX);
    PO_ARENA_NEW(cx, argv, list->count + 2);
    size_t count = 0;
    argv[count++] = ask->paths[0].ptr;
    for (const struct po_json *arg = list->first; arg != NULL; arg = arg->next)
        PO_TRY(cx, to_arg(cx, arg, &argv[count++]));
    *ret_argv = argv;
    return po_rc_ok();
}

po_rc po_host_exec_answer(struct po_ctx *cx, const struct po_host_ask *ask, po_time_us left_us,
                          struct po_buf *ret_json)
{
    const char **argv = NULL;
    struct po_process_result result = {0};
    struct po_json_out json = {0};
    PO_BUF_AUTO out = {0};
    PO_BUF_AUTO err = {0};
    po_buf_init(&out, PO_HOST_EXEC_OUT_BYTES_MAX);
    po_buf_init(&err, PO_HOST_EXEC_OUT_BYTES_MAX);
    PO_TRY(cx, make_argv(cx, ask, &argv));
    struct po_process_options options = {.path = argv[0],
                                         .argv = argv,
                                         .env = ENV,
                                         .directory = "/",
                                         .timeout_ms = left_us / PO_US_PER_MS + 1,
                                         .stays_in_group = true};
    PO_TRY(cx, po_process_run(cx, &options, &out, &err, &result));
    if (result.is_out_truncated || result.is_err_truncated)
        return PO_FAIL(cx, PO_LIMIT, "'%s' wrote more than %zu bytes", argv[0],
                       (size_t)PO_HOST_EXEC_OUT_BYTES_MAX);
    if (!result.has_exited)
        return PO_FAIL(cx, PO_CANCELED, "'%s' was ended by signal %d", argv[0],
                       result.signal_number);
    po_json_out_init(&json, ret_json, 0);
    po_json_out_object(&json);
    po_json_out_field_int(&json, "code", result.exit_status);
    po_json_out_field(&json, "stderr", po_buf_str(&err));
    po_json_out_field(&json, "stdout", po_buf_str(&out));
    po_json_out_object_end(&json);
    return po_rc_ok();
}

/*
 * The gate: may this program make this call?
 *
 * Invariants
 *  1. Asked at every call with its concrete argument, in the child and again in the parent.
 *  2. A capability is had only when needs, grant and ceiling all have it, for one and the same kind.
 */
#include "program/caps_priv.h"
#include "program/runner_priv.h"

#include "core/fs.h"

static const char *const fences[] = {"needs", "grant", "ceiling", NULL};
#define FENCE_NONE 3

/* ---- paths -------------------------------------------------------------------------------------- */

static PO_RC add_part(struct po_ctx *cx, po_str part, po_str path, struct po_buf *out)
{
    if (part.len == 0 || po_str_eq_cstr(part, ".")) return po_rc_ok();
    if (po_str_eq_cstr(part, ".."))
        return PO_FAIL(cx, PO_INVALID, "'..' in the path '%.*s'", PO_STR_ARG(path));
    po_buf_append_char(out, '/');
    po_buf_append(out, part);
    return po_rc_ok();
}

PO_RC po_program_path(struct po_ctx *cx, const char *home, po_str path, po_str *ret_path)
{
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, PO_FS_PATH_BYTES_MAX);
    po_str rest = path;
    po_str part = {0};
    if (po_str_find_char(path, '\0', 0) != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "a path with a NUL");
    if (po_str_starts(path, PO_LIT("~/"))) {
        if (home == NULL) return PO_FAIL(cx, PO_INVALID, "there is no home for '~/'");
        po_str base = po_str_of(home);
        while (po_str_next_field(&base, '/', &part)) {
            PO_TRY(cx, add_part(cx, part, path, &out));
        }
        rest = po_str_slice(path, 2, path.len);
    } else if (!po_str_starts(path, PO_LIT("/"))) {
        return PO_FAIL(cx, PO_INVALID, "'%.*s' is no absolute path", PO_STR_ARG(path));
    }
    while (po_str_next_field(&rest, '/', &part)) {
        PO_TRY(cx, add_part(cx, part, path, &out));
    }
    if (out.len == 0) po_buf_append_char(&out, '/');
    PO_TRY_LEAF(cx, po_buf_check(&out), "a path of more than %d bytes", PO_FS_PATH_BYTES_MAX);
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&out), ret_path),
                "out of memory for a path");
    return po_rc_ok();
}

/* ---- what is asked ------------------------------------------------------------------------------ */

static const struct po_json *arg_at(const struct po_json *args, size_t i)
{
    const struct po_json *arg = args->first;
    for (; i > 0 && arg != NULL; i--) {
        arg = arg->next;
    }
    return arg;
}

static PO_RC text_arg(struct po_ctx *cx, const struct po_host_ask *ask, size_t i, po_str *ret_text)
{
    const struct po_json *arg = arg_at(ask->args, i);
    if (arg == NULL || arg->type != PO_JSON_STR)
        return PO_FAIL(cx, PO_INVALID, "%s.%s takes a text as argument %zu", ask->fn->module,
                       ask->fn->name, i + 1);
    *ret_text = arg->str;
    return po_rc_ok();
}

/* Program and arguments with a NUL between; a NUL within one would forge a border. */
static PO_RC command_of(struct po_ctx *cx, const struct po_gate *gate, struct po_host_ask *ask,
                        po_str *ret_value)
{
    PO_BUF_AUTO words = {0};
    po_str program = {0};
    const struct po_json *list = arg_at(ask->args, 1);
    po_buf_init(&words, PO_SCRIPT_STRING_BYTES_MAX);
    PO_TRY(cx, text_arg(cx, ask, 0, &program));
    if (!po_str_starts(program, PO_LIT("/")))
        return PO_FAIL(cx, PO_INVALID, "'%.*s' is no absolute program", PO_STR_ARG(program));
    PO_TRY(cx, po_program_path(cx, gate->home, program, &ask->paths[0]));
    if (list == NULL || list->type != PO_JSON_ARRAY)
        return PO_FAIL(cx, PO_INVALID, "host/exec.run takes a list of arguments");
    po_buf_append(&words, ask->paths[0]);
    for (const struct po_json *word = list->first; word != NULL; word = word->next) {
        if (word->type != PO_JSON_STR || po_str_find_char(word->str, '\0', 0) != SIZE_MAX)
            return PO_FAIL(cx, PO_INVALID, "host/exec.run takes texts without NUL as arguments");
        po_buf_append_char(&words, '\0');
        po_buf_append(&words, word->str);
    }
    PO_TRY_LEAF(cx, po_buf_check(&words), "a command of more than %zu bytes",
                PO_SCRIPT_STRING_BYTES_MAX);
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&words), ret_value),
                "out of memory for a command");
    return po_rc_ok();
}

/* The values to ask for: one, or two paths. */
static PO_RC values_of(struct po_ctx *cx, const struct po_gate *gate, struct po_host_ask *ask,
                       po_str ret_values[static 2], size_t *ret_count)
{
    const struct po_script_host_fn *fn = ask->fn;
    po_str text = {0};
    *ret_count = 1;
    switch (ask->row->arg) {
    case PO_HOST_ARG_NONE:
        ret_values[0] = po_str_of(fn->needs_value != NULL ? fn->needs_value : fn->name);
        return po_rc_ok();
    case PO_HOST_ARG_NAME:
        PO_TRY(cx, text_arg(cx, ask, 0, &ret_values[0]));
        /* "samples.disk" is one of the queries of "samples" */
        if (ask->row->caps[0] == PO_CAP_STORE)
            ret_values[0] = po_str_slice(ret_values[0], 0, po_str_find_char(ret_values[0], '.', 0));
        return po_rc_ok();
    case PO_HOST_ARG_EXEC: return command_of(cx, gate, ask, &ret_values[0]);
    case PO_HOST_ARG_PATHS:
        PO_TRY(cx, text_arg(cx, ask, 1, &text));
        PO_TRY(cx, po_program_path(cx, gate->home, text, &ask->paths[1]));
        ret_values[1] = ask->paths[1];
        *ret_count = 2;
        break;
    case PO_HOST_ARG_PATH:
    case PO_HOST_ARG_GLOB: break;
    }
    PO_TRY(cx, text_arg(cx, ask, 0, &text));
    PO_TRY(cx, po_program_path(cx, gate->home, text, &ask->paths[0]));
    ret_values[0] = ask->paths[0];
    return po_rc_ok();
}

/* ---- asking ------------------------------------------------------------------------------------- */

static bool has_kind(const struct po_caps *caps, enum po_cap_kind kind)
{
    for (size_t i = 0; i < caps->count; i++)
        if (caps->at[i].kind == kind) return true;
    return false;
}

static bool set_has(const struct po_caps *caps, const struct po_host_row *row,
                    const struct po_cap *asked, const char *home)
{
    if (row->side == PO_HOST_NOWHERE) return has_kind(caps, asked->kind);
    if (row->arg == PO_HOST_ARG_GLOB) return po_caps_cover_at(caps, asked, home);
    return po_caps_allow_at(caps, asked, home);
}

/* The first set that lacks it; FENCE_NONE when all have it. */
static size_t fence_of(const struct po_gate *gate, const struct po_host_row *row,
                       const struct po_cap *asked)
{
    const struct po_caps *const sets[] = {gate->needs, gate->grant, gate->ceiling};
    for (size_t i = 0; i < FENCE_NONE; i++)
        if (sets[i] != NULL && !set_has(sets[i], row, asked, gate->home)) return i;
    return FENCE_NONE;
}

static PO_RC ask_value(struct po_ctx *cx, const struct po_gate *gate, const struct po_host_row *row,
                       po_str value, struct po_program_denial *ret_denial)
{
    size_t best = 0;
    struct po_cap closest = {row->caps[0], value};
    for (size_t i = 0; i < 3 && row->caps[i] != PO_CAP_COUNT; i++) {
        struct po_cap asked = {row->caps[i], value};
        size_t fence = fence_of(gate, row, &asked);
        if (fence == FENCE_NONE) return po_rc_ok();
        if (fence <= best) continue;
        best = fence;
        closest = asked;
    }
    *ret_denial = (struct po_program_denial){closest.kind, value, fences[best]};
    return PO_FAIL(cx, PO_DENIED, "capability '%s' does not cover '%.*s' (%s)",
                   po_cap_name(closest.kind), PO_STR_ARG(value), fences[best]);
}

/* six parameters: the parent has no run whose state they could be */
PO_RC po_gate_ask(struct po_ctx *cx, const struct po_gate *gate, const struct po_script_host_fn *fn,
                  const struct po_script_host_call *call, struct po_host_ask *ret_ask,
                  struct po_program_denial *ret_denial)
{
    struct po_host_ask ask = {.row = po_host_row_at(call->fn_index), .fn = fn, .call = call};
    struct po_json *args = NULL;
    po_str values[2] = {{0}};
    size_t count = 0;
    *ret_denial = (struct po_program_denial){0};
    PO_TRY_MSG(cx, po_json_parse(cx, call->args_json, PO_JSON_ALLOW_REAL, &args), "arguments");
    if (args->type != PO_JSON_ARRAY)
        return PO_FAIL(cx, PO_INVALID, "arguments of %s.%s are no list", fn->module, fn->name);
    ask.args = args;
    PO_TRY(cx, values_of(cx, gate, &ask, values, &count));
    for (size_t i = 0; i < count; i++) {
        PO_TRY(cx, ask_value(cx, gate, ask.row, values[i], ret_denial));
    }
    *ret_ask = ask;
    return po_rc_ok();
}

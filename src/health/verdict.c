/*
 * From what a program gives to a verdict: lib/health.script's Verdict as JSON.
 *
 * Invariant  Nothing passes by accident: a fault, an Err or a value of another form is an error.
 */
#include "health_priv.h"

#include <stdarg.h>
#include <stdio.h>

/* A reason is one line of whole characters. */
static void make_line(char *reason)
{
    size_t len = strlen(reason);
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)reason[i] < 0x20 || reason[i] == 0x7F) reason[i] = ' ';
    if (len + 1 < PO_HEALTH_REASON_BYTES_MAX) return;
    while (len > 0 && ((uint8_t)reason[len - 1] & 0xC0U) == 0x80U)
        len--;
    if (len > 0 && ((uint8_t)reason[len - 1] & 0x80U) != 0) reason[len - 1] = '\0';
}

void po_health_say(struct po_health_verdict *out, enum po_health_state state, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    out->state = state;
    (void)vsnprintf(out->reason, sizeof out->reason, fmt, args);
    va_end(args);
    make_line(out->reason);
}

/* "Pass" of lib/health.script. */
static bool read_state(po_str name, enum po_health_state *ret_state)
{
    static const struct {
        const char *name;
        enum po_health_state state;
    } names[] = {{"Pass", PO_HEALTH_PASS},
                 {"Fail", PO_HEALTH_FAIL},
                 {"Error", PO_HEALTH_ERROR},
                 {"Untested", PO_HEALTH_UNTESTED}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!po_str_eq_cstr(name, names[i].name)) continue;
        *ret_state = names[i].state;
        return true;
    }
    return false;
}

static PO_RC read_observed(struct po_ctx *cx, const struct po_json *list,
                           struct po_health_verdict *out)
{
    for (const struct po_json *at = list->first; at != NULL; at = at->next) {
        po_str name = {NULL, 0};
        int64_t value = 0;
        if (out->observed_count == PO_HEALTH_OBSERVED_MAX) break;
        PO_TRY(cx, po_json_get_str(cx, at, "name", &name));
        PO_TRY(cx, po_json_get_int(cx, at, "value", &value));
        const char *key = po_arena_strdup(cx->arena, name);
        if (key == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        out->observed[out->observed_count++] = (struct po_health_observed){key, value};
    }
    return po_rc_ok();
}

static PO_RC read_verdict(struct po_ctx *cx, po_str value_json, struct po_health_verdict *out)
{
    struct po_json *json = NULL;
    const struct po_json *observed = NULL;
    po_str state = {NULL, 0};
    po_str reason = {NULL, 0};
    enum po_health_state said = PO_HEALTH_ERROR;
    PO_TRY(cx, po_json_parse(cx, value_json, PO_JSON_ALLOW_REAL, &json));
    PO_TRY(cx, po_json_get_str(cx, json, "state", &state));
    PO_TRY(cx, po_json_get_str(cx, json, "reason", &reason));
    PO_TRY(cx, po_json_get_array(cx, json, "observed", &observed));
    if (!read_state(state, &said)) return PO_FAIL(cx, PO_INVALID, "unknown state");
    PO_TRY(cx, read_observed(cx, observed, out));
    po_health_say(out, said, "%.*s", PO_STR_ARG(reason));
    return po_rc_ok();
}

PO_RC po_health_read(struct po_ctx *cx, const struct po_script_outcome *outcome,
                     struct po_health_verdict *ret_verdict)
{
    *ret_verdict = (struct po_health_verdict){.state = PO_HEALTH_ERROR};
    if (outcome->status != PO_SCRIPT_OK) {
        const char *fault = po_program_fault(cx, outcome);
        if (fault == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        po_health_say(ret_verdict, PO_HEALTH_ERROR, "%s", fault);
        return po_rc_ok();
    }
    po_rc rc = read_verdict(cx, outcome->value_json, ret_verdict);
    if (rc.code != PO_INVALID) return rc;
    po_err_clear(cx);
    *ret_verdict = (struct po_health_verdict){.state = PO_HEALTH_ERROR};
    po_health_say(ret_verdict, PO_HEALTH_ERROR, "the program's result is no verdict");
    return po_rc_ok();
}

struct reading {
    struct po_ctx *cx; /* the caller's: names of what was observed live there */
    struct po_health_verdict *out;
};

static po_rc read_outcome(void *user, struct po_ctx *step, const struct po_script_outcome *outcome)
{
    struct reading *reading = user;
    po_rc rc = po_health_read(reading->cx, outcome, reading->out);
    if (!po_is_ok(rc)) step->err = reading->cx->err;
    return rc;
}

PO_RC po_health_ask(struct po_ctx *cx, const struct po_program *program,
                    const struct po_program_job *job, struct po_health_verdict *ret_verdict)
{
    struct reading reading = {.cx = cx, .out = ret_verdict};
    po_rc rc = po_program_ask(cx, program, job, read_outcome, &reading);
    if (po_is_ok(rc) || rc.code == PO_NOMEM) return rc;
    *ret_verdict = (struct po_health_verdict){.state = PO_HEALTH_ERROR};
    po_health_say(ret_verdict, PO_HEALTH_ERROR, "%.180s", po_err_msg(cx));
    po_err_clear(cx);
    return po_rc_ok();
}

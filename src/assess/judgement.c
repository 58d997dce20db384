/*
 * From what a program gives to what a run record says.
 *
 * Invariants
 *  1. Nothing passes by accident: a fault, an Err or a value of another form is an error of the check.
 *  2. The counts are settled here, whatever a program says (law 1).
 */
#include "assess_priv.h"

static const char no_judgement[] = "the program's result is no judgement";

/* Law 1: an empty population passes nothing. */
void po_judgement_settle(struct po_judgement *out)
{
    if (out->state == PO_RUN_PASS && out->total == 0) {
        out->state = PO_RUN_UNTESTED;
        out->reason = "nothing to test";
    }
    if (out->state == PO_RUN_PASS && out->passing < out->total) out->state = PO_RUN_FAIL;
    if (out->state == PO_RUN_FAIL && out->passing >= out->total) {
        if (out->total == 0) out->total = 1;
        out->passing = out->total - 1;
    }
    if (out->state != PO_RUN_PASS && out->reason == NULL) out->reason = "did not hold";
    if (out->state == PO_RUN_PASS) out->reason = NULL;
}

static PO_RC say_error(struct po_ctx *cx, const char *reason, struct po_judgement *out)
{
    if (reason == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *out = (struct po_judgement){.state = PO_RUN_ERROR, .reason = reason};
    return po_rc_ok();
}

/* "Pass" of lib/judge.script. */
static bool read_state(po_str name, enum po_run_state *ret_state)
{
    static const struct {
        const char *name;
        enum po_run_state state;
    } names[] = {{"Pass", PO_RUN_PASS}, {"Fail", PO_RUN_FAIL}, {"Untested", PO_RUN_UNTESTED}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!po_str_eq_cstr(name, names[i].name)) continue;
        *ret_state = names[i].state;
        return true;
    }
    return false;
}

/* One line in the arena of the assessment, not longer than a record takes. */
static PO_RC keep_line(struct po_ctx *cx, po_str text, size_t bytes_max, const char **ret_line)
{
    size_t len = text.len < bytes_max ? text.len : bytes_max;
    while (len > 0 && len < text.len && ((uint8_t)text.ptr[len] & 0xC0U) == 0x80U)
        len--; /* never within a character */
    char *line = po_arena_strdup(cx->arena, po_str_slice(text, 0, len));
    if (line == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    for (char *c = line; *c != '\0'; c++)
        if ((uint8_t)*c < 0x20 || *c == 0x7F) *c = ' ';
    *ret_line = line;
    return po_rc_ok();
}

static PO_RC read_deviations(struct po_ctx *cx, const struct po_json *list,
                             struct po_judgement *out)
{
    for (const struct po_json *at = list->first; at != NULL; at = at->next) {
        po_str subject = {NULL, 0};
        po_str fact = {NULL, 0};
        const char *kept_subject = NULL;
        const char *kept_fact = NULL;
        if (out->deviation_count == PO_RUN_DEVIATIONS_MAX) break;
        PO_TRY(cx, po_json_get_str(cx, at, "subject", &subject));
        PO_TRY(cx, po_json_get_str(cx, at, "fact", &fact));
        PO_TRY(cx, keep_line(cx, subject, PO_RUN_TEXT_BYTES_MAX, &kept_subject));
        PO_TRY(cx, keep_line(cx, fact, PO_RUN_TEXT_BYTES_MAX, &kept_fact));
        out->deviations[out->deviation_count++] =
            (struct po_run_deviation){po_str_of(kept_subject), po_str_of(kept_fact)};
    }
    return po_rc_ok();
}

/* PO_INVALID: it is none. */
static PO_RC read_judgement(struct po_ctx *cx, const struct po_json *json, struct po_judgement *out)
{
    const struct po_json *deviations = NULL;
    po_str state = {NULL, 0};
    po_str reason = {NULL, 0};
    PO_TRY(cx, po_json_get_str(cx, json, "state", &state));
    PO_TRY(cx, po_json_get_str(cx, json, "reason", &reason));
    PO_TRY(cx, po_json_get_int(cx, json, "passing", &out->passing));
    PO_TRY(cx, po_json_get_int(cx, json, "total", &out->total));
    PO_TRY(cx, po_json_get_int(cx, json, "deviations_total", &out->deviations_total));
    PO_TRY(cx, po_json_get_array(cx, json, "deviations", &deviations));
    if (!read_state(state, &out->state)) return PO_FAIL(cx, PO_INVALID, "%s", no_judgement);
    PO_TRY(cx, read_deviations(cx, deviations, out));
    if (reason.len == 0) return po_rc_ok();
    return keep_line(cx, reason, PO_RUN_REASON_BYTES_MAX, &out->reason);
}

PO_RC po_judgement_read(struct po_ctx *cx, const struct po_script_outcome *outcome,
                        struct po_judgement *ret_judgement)
{
    struct po_json *json = NULL;
    if (outcome->status != PO_SCRIPT_OK)
        return say_error(cx, po_program_fault(cx, outcome), ret_judgement);
    *ret_judgement = (struct po_judgement){0};
    po_rc rc = po_json_parse(cx, outcome->value_json, PO_JSON_ALLOW_REAL, &json);
    const struct po_json *inner = po_is_ok(rc) ? po_json_get(json, "Ok") : NULL;
    if (po_is_ok(rc)) rc = read_judgement(cx, inner != NULL ? inner : json, ret_judgement);
    if (rc.code != PO_INVALID) return rc;
    po_err_clear(cx);
    return say_error(cx, no_judgement, ret_judgement);
}

struct reading {
    struct po_ctx *cx; /* the assessment's: what is kept lives there */
    struct po_judgement *out;
};

static po_rc read_outcome(void *user, struct po_ctx *step, const struct po_script_outcome *outcome)
{
    struct reading *reading = user;
    po_rc rc = po_judgement_read(reading->cx, outcome, reading->out);
    if (!po_is_ok(rc)) step->err = reading->cx->err;
    return rc;
}

PO_RC po_check_run(struct po_ctx *cx, const struct po_program *program,
                   const struct po_program_job *job, struct po_judgement *ret_judgement)
{
    struct reading reading = {.cx = cx, .out = ret_judgement};
    po_rc rc = po_program_ask(cx, program, job, read_outcome, &reading);
    if (po_is_ok(rc) || rc.code == PO_NOMEM) return rc;
    const char *why = po_arena_strdup(cx->arena, po_str_of(po_err_msg(cx)));
    po_err_clear(cx);
    return say_error(cx, why, ret_judgement);
}

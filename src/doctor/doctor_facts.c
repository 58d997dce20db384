/*
 * What the doctor has done, as a fact: from this home's events, or from those of a drill's home.
 */
#include "doctor_priv.h"

#define WINDOW (30 * PO_US_PER_DAY)

static po_str member(const struct po_json *detail, const char *key)
{
    const struct po_json *value = po_json_get(detail, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

static bool is_allowed(po_str repair)
{
    size_t count = 0;
    const struct po_repair *table = po_repair_table(&count);
    for (size_t i = 0; i < count; i++)
        if (po_str_eq_cstr(repair, table[i].name)) return true;
    return false;
}

void po_doctor_tally_add(struct po_doctor_tally *tally, const struct po_json *detail)
{
    const struct po_json *destructive = po_json_get(detail, "destructive");
    bool is_harmless =
        destructive != NULL && destructive->type == PO_JSON_BOOL && !destructive->boolean;
    tally->repairs++;
    if (is_allowed(member(detail, "repair"))) tally->allowed++;
    if (member(detail, "before").len > 0 && member(detail, "after").len > 0) tally->with_evidence++;
    if (is_harmless || member(detail, "confirmed_by").len > 0) tally->harmless_or_confirmed++;
    /* Newest first: failures in a row of one subject. */
    uint64_t name = 14695981039346656037U;
    po_str parts[] = {member(detail, "repair"), member(detail, "subject")};
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < parts[p].len; i++)
            name = (name ^ (uint8_t)parts[p].ptr[i]) * 1099511628211U;
    size_t slot = name % PO_DOCTOR_TALLY_SUBJECTS;
    bool is_failure = po_str_eq_cstr(member(detail, "state"), "failed");
    tally->failures[slot] = is_failure ? (uint8_t)(tally->failures[slot] + 1) : 0;
    if (tally->failures[slot] <= PO_DOCTOR_TRIES_MAX) tally->within_tries++;
}

void po_doctor_tally_write(const struct po_doctor_tally *tally, struct po_json_out *out)
{
    po_json_out_field_int(out, "repairs", tally->repairs);
    po_json_out_field_int(out, "allowed", tally->allowed);
    po_json_out_field_int(out, "with_evidence", tally->with_evidence);
    po_json_out_field_int(out, "within_tries", tally->within_tries);
    po_json_out_field_int(out, "harmless_or_confirmed", tally->harmless_or_confirmed);
}

static po_rc add_event(struct po_ctx *step, void *user, const struct po_home_event *event,
                       bool *ret_stop)
{
    (void)step;
    (void)ret_stop;
    po_doctor_tally_add(user, po_json_get(event->view.json, "detail"));
    return po_rc_ok();
}

PO_RC po_doctor_repairs(struct po_ctx *cx, struct po_home *home, struct po_json_out *out)
{
    struct po_doctor_tally *tally = NULL;
    PO_ARENA_NEW(cx, tally, 1);
    struct po_home_walk walk = {.type = PO_EVENT_TYPE_REPAIR_APPLIED,
                                .size = po_ledger_size(po_home_ledger(home)),
                                .since_us = po_ctx_now_us(cx) - WINDOW,
                                .visit = add_event,
                                .user = tally};
    PO_TRY(cx, po_home_walk_back(cx, home, &walk));
    po_json_out_object(out);
    po_doctor_tally_write(tally, out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

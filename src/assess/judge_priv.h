/*
 * Reading fact values in judges: a member that is absent reads as 0, false or empty, so a judge that
 * needs it to be there must ask (po_judge_has).
 */
#ifndef PO_ASSESS_JUDGE_PRIV_H
#define PO_ASSESS_JUDGE_PRIV_H

#include "assess_priv.h"

static inline int64_t po_judge_int(const struct po_json *fact, const char *key)
{
    const struct po_json *value = po_json_get(fact, key);
    return value != NULL && value->type == PO_JSON_INT ? value->integer : 0;
}

static inline bool po_judge_has(const struct po_json *fact, const char *key)
{
    const struct po_json *value = po_json_get(fact, key);
    return value != NULL && value->type != PO_JSON_NULL;
}

static inline bool po_judge_bool(const struct po_json *fact, const char *key)
{
    const struct po_json *value = po_json_get(fact, key);
    return value != NULL && value->type == PO_JSON_BOOL && value->boolean;
}

static inline po_str po_judge_str(const struct po_json *fact, const char *key)
{
    const struct po_json *value = po_json_get(fact, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

static inline const struct po_json *po_judge_first(const struct po_json *fact, const char *key)
{
    const struct po_json *list = po_json_get(fact, key);
    return list != NULL && list->type == PO_JSON_ARRAY ? list->first : NULL;
}

/* `passing` of `total` members hold; all of them make a pass. */
static inline po_rc po_judge_ratio(struct po_judgement *out, int64_t passing, int64_t total,
                                   const char *reason)
{
    out->total = total;
    out->passing = passing < 0 ? 0 : passing;
    if (out->passing < total) po_judgement_fail(out, reason);
    return po_rc_ok();
}

/* One thing that holds or does not. */
static inline po_rc po_judge_one(struct po_judgement *out, bool holds, const char *reason)
{
    return po_judge_ratio(out, holds ? 1 : 0, 1, reason);
}

/* Nothing to judge by: a part is missing or there was no occasion. */
static inline po_rc po_judge_untested(struct po_judgement *out, const char *reason)
{
    out->state = PO_RUN_UNTESTED;
    out->reason = reason;
    return po_rc_ok();
}

typedef po_rc po_judge(struct po_ctx *cx, const struct po_json *const *facts,
                       struct po_judgement *out);

#endif

/*
 * Judges of the ledger's controls. Each is a predicate over facts, nothing else.
 */
#include "judges_priv.h"

/* AUD-01.1 */
po_rc po_judge_event_shape(struct po_ctx *cx, const struct po_json *const *facts,
                           struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "valid"), po_judge_int(facts[0], "opened"),
                          "an event has not the exact shape");
}

/* AUD-01.2, AUD-08.3 */
po_rc po_judge_sequence(struct po_ctx *cx, const struct po_json *const *facts,
                        struct po_judgement *out)
{
    (void)cx;
    int64_t events = po_judge_int(facts[0], "events");
    int64_t wrong = po_judge_int(facts[0], "missing") + po_judge_int(facts[0], "repeated");
    return po_judge_ratio(out, events, events + wrong, "a sequence number is missing or repeated");
}

static po_rc verdict(const struct po_json *fact, const char *kind, struct po_judgement *out)
{
    for (const struct po_json *row = po_judge_first(fact, "verdicts"); row != NULL;
         row = row->next) {
        if (!po_str_eq_cstr(po_judge_str(row, "kind"), kind)) continue;
        if (po_str_eq_cstr(po_judge_str(row, "state"), "not checked"))
            return po_judge_untested(out, "not checked: there is nothing earlier to compare with");
        bool is_ok = po_str_eq_cstr(po_judge_str(row, "state"), "ok");
        int64_t checked = po_judge_int(row, "checked");
        return po_judge_ratio(out, is_ok ? checked : checked - 1, checked,
                              "the ledger does not verify");
    }
    return po_judge_untested(out, "the verification has no such verdict");
}

/* AUD-03.1 */
po_rc po_judge_root(struct po_ctx *cx, const struct po_json *const *facts, struct po_judgement *out)
{
    (void)cx;
    return verdict(facts[0], "root", out);
}

/* AUD-03.2 */
po_rc po_judge_consistency(struct po_ctx *cx, const struct po_json *const *facts,
                           struct po_judgement *out)
{
    (void)cx;
    return verdict(facts[0], "consistency", out);
}

/* AUD-03.4 */
po_rc po_judge_flip(struct po_ctx *cx, const struct po_json *const *facts, struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "detected"), po_judge_int(facts[0], "flips"),
                          "a flipped bit in a copy of a ledger was not detected");
}

/* AUD-04.1 */
po_rc po_judge_payloads_sealed(struct po_ctx *cx, const struct po_json *const *facts,
                               struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "leaves_with_live_key"),
                          po_judge_int(facts[0], "leaves"),
                          "a payload is not sealed under a key at hand");
}

/* AUD-05.1 */
po_rc po_judge_oldest_kept(struct po_ctx *cx, const struct po_json *const *facts,
                           struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "leaves"),
                          po_judge_int(facts[0], "leaves") + po_judge_int(facts[0], "missing"),
                          "an event younger than its period is gone");
}

/* AUD-05.2 */
po_rc po_judge_none_too_old(struct po_ctx *cx, const struct po_json *const *facts,
                            struct po_judgement *out)
{
    (void)cx;
    int64_t classes = 0;
    int64_t fine = 0;
    for (const struct po_json *row = po_judge_first(facts[0], "classes"); row; row = row->next) {
        classes++;
        if (!po_judge_bool(row, "beyond_period_and_grace"))
            fine++;
        else
            po_judgement_deviation(out, po_judge_str(row, "class"),
                                   PO_LIT("holds events beyond period and grace"));
    }
    return po_judge_ratio(out, fine, classes, "a class keeps events beyond its period");
}

/* AUD-05.3 */
po_rc po_judge_tombstones(struct po_ctx *cx, const struct po_json *const *facts,
                          struct po_judgement *out)
{
    (void)cx;
    int64_t missing = po_judge_int(facts[0], "missing");
    int64_t leaves = po_judge_int(facts[0], "leaves");
    return po_judge_ratio(out, leaves, leaves + missing, "an event is gone without a tombstone");
}

/* AUD-08.1 */
po_rc po_judge_clock(struct po_ctx *cx, const struct po_json *const *facts,
                     struct po_judgement *out)
{
    (void)cx;
    if (!po_judge_bool(facts[0], "readable"))
        return po_judge_untested(out, "the kernel's clock state cannot be read here");
    if (!po_judge_bool(facts[0], "synchronized"))
        return po_judge_one(out, false, "the clock is not synchronized");
    int64_t offset_us = po_judge_int(facts[0], "offset_us");
    bool is_close = offset_us > -PO_US_PER_S && offset_us < PO_US_PER_S;
    return po_judge_one(out, is_close, "the clock is off by a second or more");
}

/* AUD-08.2, DR-02.2 */
po_rc po_judge_kill_lost(struct po_ctx *cx, const struct po_json *const *facts,
                         struct po_judgement *out)
{
    (void)cx;
    int64_t acknowledged = po_judge_int(facts[0], "acknowledged");
    return po_judge_ratio(out, acknowledged - po_judge_int(facts[0], "lost"), acknowledged,
                          "an acknowledged event was lost in a kill");
}

/* DR-02.1 */
po_rc po_judge_recovery_time(struct po_ctx *cx, const struct po_json *const *facts,
                             struct po_judgement *out)
{
    (void)cx;
    int64_t kills = po_judge_int(facts[0], "kills");
    bool is_fast = po_judge_int(facts[0], "worst_ms") < 60000;
    return po_judge_ratio(out, is_fast ? kills : kills - 1, kills,
                          "a recovery took 60 seconds or more");
}

/* CRY-01.1 */
po_rc po_judge_store_sealed(struct po_ctx *cx, const struct po_json *const *facts,
                            struct po_judgement *out)
{
    (void)cx;
    int64_t opened =
        po_judge_int(facts[0], "leaves_with_live_key") + po_judge_int(facts[1], "cells_opened");
    int64_t all = po_judge_int(facts[0], "leaves") + po_judge_int(facts[1], "cells_opened") +
                  po_judge_int(facts[1], "cells_without_key");
    return po_judge_ratio(out, opened, all, "something stored has no live key");
}

/* CRY-01.2 */
po_rc po_judge_raw_scan(struct po_ctx *cx, const struct po_json *const *facts,
                        struct po_judgement *out)
{
    (void)cx;
    if (po_judge_int(facts[0], "not_read") > 0)
        return po_judge_one(out, false, "a file below data/ could not be read");
    int64_t planted = po_judge_int(facts[0], "planted_values");
    return po_judge_ratio(out, planted - po_judge_int(facts[0], "found"), planted,
                          "plaintext that must be sealed was found on disk");
}

/* CRY-01.3 */
po_rc po_judge_tags(struct po_ctx *cx, const struct po_json *const *facts, struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "tags_verified"),
                          po_judge_int(facts[0], "tags_checked"),
                          "an authentication tag does not verify");
}

/* CRY-03.3: retired keys of this instance sealed nothing later, and a drill's were refused */
po_rc po_judge_retired_keys(struct po_ctx *cx, const struct po_json *const *facts,
                            struct po_judgement *out)
{
    (void)cx;
    const struct po_json *epochs = po_json_get(facts[0], "epochs");
    int64_t retired = epochs != NULL && epochs->count > 1 ? (int64_t)epochs->count - 1 : 0;
    bool is_used = po_judge_int(facts[0], "sealed_by_retired") > 0;
    int64_t refused = po_judge_int(facts[1], "seals_by_retired") == 0 ? 1 : 0;
    refused += po_judge_int(facts[1], "wraps_by_retired") == 0 ? 1 : 0;
    return po_judge_ratio(out, refused + (is_used ? 0 : retired), retired + 2,
                          "something was sealed under a retired key");
}

/* GOV-06.3 */
po_rc po_judge_runs_proved(struct po_ctx *cx, const struct po_json *const *facts,
                           struct po_judgement *out)
{
    (void)cx;
    return po_judge_ratio(out, po_judge_int(facts[0], "proved"), po_judge_int(facts[0], "clauses"),
                          "a run's inclusion proof does not hold");
}

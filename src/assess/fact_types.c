/*
 * The facts of this layer: what their values look like and where they come from.
 */
#include "assess_priv.h"

#define REPAIR_COUNTS                                                                              \
    "repairs: int, allowed: int, with_evidence: int, within_tries: int, harmless_or_confirmed: int"

static const struct po_fact_type types[] = {
    {"controls.freshness", "{controls: int, fresh: int}"},
    {"controls.schedule", "{period_s: int}"},
    {"doctor.drill", "{" REPAIR_COUNTS
                     ", faults: int, planned: int, left_after_repair: int, dry_run_changed: bool, "
                     "repeat_changed: bool}"},
    {"doctor.repairs", "{" REPAIR_COUNTS "}"},
    {"health.results", "{checks: [{id: string, name: string, state: string, reason: string, "
                       "observed: HashMap<string, int>}]}"},
    {"journal.registers", "{values: int, equal: int}"},
    {"pack.check", "{parts: int, fine: int}"},
    {"report.recomputed", "{reports: int, equal: int, own_template: int}"},
};

const struct po_fact_type *po_assess_fact_types(size_t *ret_count)
{
    *ret_count = sizeof types / sizeof *types;
    return types;
}

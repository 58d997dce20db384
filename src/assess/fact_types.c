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
#define COUNT (sizeof types / sizeof *types)

/* Beside the types, one sentence each. */
static const char *const docs[COUNT] = {
    "Controls of the catalog, and those whose clauses all have a run younger than the control's ttl.",
    "How often assessments are due (ASSESS_PERIOD).",
    "The doctor on a home of a drill's own with faults put in: what a dry run planned, what was left "
    "after a repair, whether the dry run or a second repair changed a byte, and its repairs counted.",
    "Repairs of the last 30 days, counted from the ledger: of a known kind, with before and after, "
    "tried at most 3 times a day in vain, harmless or confirmed by a person.",
    "What the 15 health checks said in this assessment.",
    "Operator figures in the store, and how many of them the ledger's events give again.",
    "Parts of an evidence pack made now, and how many would verify.",
    "The newest report of each kind: how many there are, are equal when computed again, and were "
    "made from this build's templates.",
};

const struct po_fact_type *po_assess_fact_types(size_t *ret_count)
{
    *ret_count = COUNT;
    return types;
}

void po_assess_facts_render(struct po_buf *out)
{
    po_buf_append_cstr(
        out, "# Facts of assessments\n\n"
             "Made from the table in `src/assess/fact_types.c`; a unit test compares the two.\n"
             "These facts need the catalog, the health checks, the doctor or the reports, and are "
             "there in an assessment only; facts.md has the others, and the form.\n");
    for (size_t i = 0; i < COUNT; i++) {
        po_buf_printf(out, "\n## %s\n\n", types[i].name);
        po_buf_append_cstr(out, docs[i]);
        po_buf_append_cstr(out, "\n\n- type `");
        po_buf_append_cstr(out, types[i].type);
        po_buf_append_cstr(out, "`\n");
    }
}

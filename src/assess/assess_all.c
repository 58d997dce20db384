/*
 * An assessment of every tenant, as the schedule makes it.
 *
 *   what is due in each ──> all of it, tested in each: the default tenant first
 *
 * Drills and scans are most of an assessment's cost and say the same to every tenant. They are read once, in
 * a context of their own, and because what is due in one tenant is tested in all, they fall due together.
 */
#include "assess_priv.h"

#include "store/store.h"

struct all {
    struct po_home *home;
    struct po_assess_options options; /* for each tenant */
    po_tenant_id *tenants;
    size_t count;
    const struct po_catalog *catalog;
    bool *also;
    struct po_assess_result result;
    struct po_err first; /* what went wrong first */
};

typedef po_rc each(struct po_ctx *cx, struct all *all);

static po_rc note_due(struct po_ctx *cx, struct all *all)
{
    const struct po_check **checks = NULL;
    size_t count = 0;
    PO_TRY(cx, po_assess_plan(cx, all->home, &all->options, &checks, &count));
    for (size_t i = 0; i < count; i++) {
        const struct po_clause *clause =
            po_catalog_clause(all->catalog, po_str_of(checks[i]->clause));
        if (clause != NULL) all->also[po_clause_position(all->catalog, clause)] = true;
    }
    return po_rc_ok();
}

static po_rc run_one(struct po_ctx *cx, struct all *all)
{
    struct po_assess_result one = {0};
    struct po_assess_result *sum = &all->result;
    PO_TRY(cx, po_assess_run(cx, all->home, &all->options, &one));
    sum->tested += one.tested;
    sum->passed += one.passed;
    sum->failed += one.failed;
    sum->errors += one.errors;
    sum->untested += one.untested;
    sum->skipped += one.skipped;
    sum->not_due += one.not_due;
    sum->without_check += one.without_check;
    sum->elapsed_us += one.elapsed_us;
    return po_rc_ok();
}

/* In memory of its own, so that what one needs does not depend on how many there are. */
static po_rc in_tenant(struct po_ctx *cx, struct all *all, po_tenant_id tenant, each *step)
{
    struct po_ctx own;
    PO_TRY(cx, po_ctx_child_begin(cx, PO_CX_ARENA_BYTES_MAX, &own));
    own.tenant = tenant;
    return po_ctx_child_end(cx, &own, step(&own, all));
}

static PO_RC for_each(struct po_ctx *cx, struct all *all, each *step)
{
    for (size_t i = 0; i < all->count; i++) {
        po_rc rc = in_tenant(cx, all, all->tenants[i], step);
        if (po_is_ok(rc)) continue;
        if (rc.code == PO_NOMEM || po_home_read_only_reason(all->home) != NULL) return rc;
        if (all->first.code == PO_OK) all->first = cx->err;
        po_err_clear(cx);
    }
    return po_rc_ok();
}

static PO_RC run_all(struct po_ctx *cx, struct po_ctx *own, struct all *all)
{
    PO_TRY(cx, for_each(cx, all, note_due));
    po_rc rc = po_fact_set_new_shared(own, all->home, &all->options.shared);
    if (!po_is_ok(rc)) return PO_FAIL(cx, rc.code, "%s", po_err_msg(own));
    all->options.also = all->also;
    return for_each(cx, all, run_one);
}

PO_RC po_assess_run_all(struct po_ctx *cx, struct po_home *home,
                        const struct po_assess_options *options,
                        struct po_assess_result *ret_result)
{
    struct all all = {.home = home, .options = *options};
    struct po_ctx own;
    PO_TRY(cx, po_store_tenant_ids(cx, po_home_store(home), &all.tenants, &all.count));
    if (all.count <= 1) return po_assess_run(cx, home, options, ret_result);
    PO_TRY(cx, po_catalog_load_embedded(cx, &all.catalog));
    PO_ARENA_NEW(cx, all.also, all.catalog->clause_count + 1);
    PO_TRY(cx, po_ctx_child_begin(cx, PO_CX_ARENA_BYTES_MAX, &own));
    own.tenant = PO_TENANT_DEFAULT;
    po_rc rc = run_all(cx, &own, &all);
    po_ctx_done(&own);
    PO_TRY(cx, rc);
    if (all.first.code != PO_OK) {
        cx->err = all.first;
        return po_rc_of(all.first.code);
    }
    *ret_result = all.result;
    return po_rc_ok();
}

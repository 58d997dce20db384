/*
 * Programs of the site that test a clause.
 *
 * Invariants
 *  1. Only a grant in force makes a program of the site a check; its text is the one that was granted.
 *  2. A clause that a program of this build tests is never judged by the site.
 *  3. What a program says is settled like every judgement (law 1), and no fault is a pass.
 */
#include "site_priv.h"

#include <stdlib.h>

/* ---- finding -------------------------------------------------------------------------------------- */

struct finder {
    struct po_home *home;
    const struct po_catalog *catalog;
    struct po_check *checks;
    size_t count;
};

static bool is_tested(const struct finder *in, po_str clause)
{
    for (size_t i = 0; i < in->count; i++)
        if (po_str_eq_cstr(clause, in->checks[i].clause)) return true;
    return false;
}

/* What does not compile as its row says has no grant: a grant is one of a text that did. */
static PO_RC find_grant(struct po_ctx *cx, struct po_home *home, struct po_bundle *bundle,
                        const struct po_bundle_program *row, struct po_grant *ret_grant)
{
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    struct po_script_diags *diags = NULL;
    PO_ARENA_NEW(cx, diags, 1);
    *ret_grant = (struct po_grant){.state = PO_GRANT_NONE};
    po_rc rc = po_program_load(cx, bundle, row->file, row->entry, diags, &program);
    if (rc.code == PO_NOMEM) return rc;
    po_err_clear(cx);
    if (!po_is_ok(rc)) return po_rc_ok();
    return po_grant_find(cx, home, program.digest, ret_grant);
}

static PO_RC add_check(struct po_ctx *cx, struct finder *in, struct po_bundle *bundle,
                       const struct po_bundle_program *row)
{
    struct po_grant *grant = NULL;
    if (!po_str_eq_cstr(row->kind, "control")) return po_rc_ok();
    if (po_catalog_clause(in->catalog, row->id) == NULL || is_tested(in, row->id))
        return po_rc_ok();
    PO_ARENA_NEW(cx, grant, 1);
    PO_TRY(cx, find_grant(cx, in->home, bundle, row, grant));
    if (grant->state != PO_GRANT_IN_FORCE) return po_rc_ok();
    struct po_check check = {.row = row, .bundle = bundle, .grant = &grant->caps};
    check.clause = po_arena_strdup(cx->arena, row->id);
    check.name = po_arena_strdup(cx->arena, row->name);
    if (check.clause == NULL || check.name == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    in->checks[in->count++] = check;
    return po_rc_ok();
}

static PO_RC add_all(struct po_ctx *cx, struct finder *in, const struct po_site *site)
{
    for (size_t i = 0; i < site->count; i++) {
        struct po_bundle *bundle = site->at[i].bundle;
        for (size_t k = 0; bundle != NULL && k < po_bundle_program_count(bundle); k++) {
            const struct po_bundle_program *row = po_bundle_program_at(bundle, k);
            if (po_site_has(site, i, row)) PO_TRY(cx, add_check(cx, in, bundle, row));
        }
    }
    return po_rc_ok();
}

static int by_clause(const void *a, const void *b)
{
    return strcmp(((const struct po_check *)a)->clause, ((const struct po_check *)b)->clause);
}

PO_RC po_site_checks_add(struct po_ctx *cx, struct po_home *home, const struct po_catalog *catalog,
                         struct po_check_list *list)
{
    struct finder in = {.home = home, .catalog = catalog, .count = list->count};
    const po_str *granted = NULL;
    size_t granted_count = 0;
    struct po_site *site = NULL;
    PO_TRY(cx, po_grant_clauses(cx, home, &granted, &granted_count));
    if (granted_count == 0) return po_rc_ok(); /* nothing is compiled for nothing */
    PO_ARENA_NEW(cx, in.checks, catalog->clause_count + list->count + 1);
    PO_ARENA_NEW(cx, site, 1);
    PO_TRY(cx, po_site_open(cx, home, site));
    if (list->count > 0) memcpy(in.checks, list->at, list->count * sizeof *in.checks);
    PO_TRY(cx, add_all(cx, &in, site));
    qsort(in.checks, in.count, sizeof *in.checks, by_clause);
    *list = (struct po_check_list){in.checks, in.count, site};
    return po_rc_ok();
}

PO_RC po_site_refusals_record(struct po_ctx *cx, struct po_home *home, const struct po_site *site)
{
    for (size_t i = 0; site != NULL && i < site->count; i++) {
        if (site->at[i].problem == NULL) continue;
        const char *name = po_arena_printf(cx->arena, "bundle:%s", site->at[i].shown);
        if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        const struct po_refusal refusal = {.program = po_str_of(name),
                                           .argument = po_str_of(site->at[i].problem),
                                           .fence = "signature"};
        PO_TRY(cx, po_program_deny(cx, home, &refusal));
    }
    return po_rc_ok();
}

/* ---- running -------------------------------------------------------------------------------------- */

static PO_RC refused(struct po_ctx *cx, const struct po_program *program,
                     const struct po_program_denial *denial, struct po_judgement *ret_judgement,
                     struct po_event *ret_event)
{
    bool has_kind = denial->kind < PO_CAP_COUNT;
    struct po_refusal refusal = {.digest = program->digest,
                                 .capability = has_kind ? po_cap_name(denial->kind) : NULL,
                                 .argument = denial->value,
                                 .fence = denial->fence};
    *ret_judgement = (struct po_judgement){.state = PO_RUN_ERROR};
    ret_judgement->reason = po_arena_printf(cx->arena, "%.400s", po_err_msg(cx));
    if (ret_judgement->reason == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    po_err_clear(cx);
    PO_TRY(cx, po_program_resource(cx, program, &refusal.program));
    return po_program_denied_event(cx, &refusal, ret_event);
}

/* six parameters: where, what runs and how; what it says, and what is told beside it */
PO_RC po_site_check_run(struct po_ctx *cx, struct po_home *home, struct po_program *program,
                        const struct po_program_job *job, struct po_judgement *ret_judgement,
                        struct po_site_told *ret_told)
{
    struct po_program_result *result = NULL;
    struct po_services *services = NULL;
    struct po_program_job whole = *job;
    struct po_program_denial denial = {0};
    PO_ARENA_NEW(cx, result, 1);
    PO_ARENA_NEW(cx, services, 1);
    PO_TRY(cx, po_services_init(cx, home, program, services));
    whole.services = &services->door;
    ret_told->count = 1;
    if (program->trust == PO_TRUST_NONE) po_program_trust_raise(program, PO_TRUST_ORGANISATION);
    po_rc rc = po_grant_allowed(cx, home, program, whole.grant, &denial);
    if (po_is_ok(rc)) {
        denial = (struct po_program_denial){PO_CAP_COUNT, program->row.name, "sandbox"};
        rc = po_program_run(cx, program, &whole, result);
    }
    if (rc.code == PO_DENIED) return refused(cx, program, &denial, ret_judgement, ret_told->events);
    PO_TRY(cx, rc);
    const struct po_program_ran ran = {program, &whole, result, services};
    PO_TRY(cx, po_program_run_events(cx, &ran, ret_told->events, &ret_told->count));
    return po_judgement_read(cx, &result->outcome, ret_judgement);
}

/*
 * The checks: rows of the bundle's manifest. Adding one is a program in content/controls/ with its
 * test, and the manifest made anew.
 */
#include "assess_priv.h"

#include "grant/grant.h"

#include <stdlib.h>

static int by_clause(const void *a, const void *b)
{
    return strcmp(((const struct po_check *)a)->clause, ((const struct po_check *)b)->clause);
}

void po_assess_facts_declare(void)
{
    size_t count = 0;
    const struct po_fact_type *types = po_assess_fact_types(&count);
    po_program_facts_add(types, count);
}

PO_RC po_check_table(struct po_ctx *cx, struct po_bundle **ret_bundle,
                     const struct po_check **ret_checks, size_t *ret_count)
{
    struct po_bundle *bundle = NULL;
    struct po_check *checks = NULL;
    size_t count = 0;
    po_assess_facts_declare();
    PO_TRY(cx, po_bundle_open_embedded(cx, &bundle));
    PO_ARENA_NEW(cx, checks, po_bundle_program_count(bundle) + 1);
    for (size_t i = 0; i < po_bundle_program_count(bundle); i++) {
        const struct po_bundle_program *row = po_bundle_program_at(bundle, i);
        if (!po_str_eq_cstr(row->kind, "control")) continue;
        checks[count].clause = po_arena_strdup(cx->arena, row->id);
        checks[count].name = po_arena_strdup(cx->arena, row->name);
        if (checks[count].clause == NULL || checks[count].name == NULL)
            return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        checks[count].bundle = bundle;
        checks[count++].row = row;
    }
    qsort(checks, count, sizeof *checks, by_clause);
    if (ret_bundle != NULL) *ret_bundle = bundle;
    *ret_checks = checks;
    *ret_count = count;
    return po_rc_ok();
}

static PO_RC add_site(struct po_ctx *cx, struct po_home *home, const struct po_catalog *catalog,
                      bool *wanted)
{
    const po_str *clauses = NULL;
    size_t count = 0;
    PO_TRY(cx, po_grant_clauses(cx, home, &clauses, &count));
    for (size_t i = 0; i < count; i++) {
        const struct po_clause *clause = po_catalog_clause(catalog, clauses[i]);
        if (clause != NULL) wanted[po_clause_position(catalog, clause)] = true;
    }
    return po_rc_ok();
}

PO_RC po_check_wanted(struct po_ctx *cx, struct po_home *home, const struct po_catalog *catalog,
                      const bool **ret_wanted)
{
    const struct po_check *checks = NULL;
    size_t count = 0;
    bool *wanted = NULL;
    PO_TRY(cx, po_check_table(cx, NULL, &checks, &count));
    PO_ARENA_NEW(cx, wanted, catalog->clause_count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct po_clause *clause = po_catalog_clause(catalog, po_str_of(checks[i].clause));
        if (clause == NULL)
            return PO_FAIL(cx, PO_BUG, "check '%s' tests unknown clause '%s'", checks[i].name,
                           checks[i].clause);
        wanted[po_clause_position(catalog, clause)] = true;
    }
    if (home != NULL) PO_TRY(cx, add_site(cx, home, catalog, wanted));
    *ret_wanted = wanted;
    return po_rc_ok();
}

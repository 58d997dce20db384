/*
 * What to do next: controls that do not pass, in working order, and the longest chain of them.
 */
#include "control/catalog_priv.h"

static bool is_open(enum po_control_state state)
{
    return state != PO_CONTROL_PASS && state != PO_CONTROL_NA && state != PO_CONTROL_WAIVED;
}

static int64_t effect_of(const struct po_control *control)
{
    return control->weight * (int64_t)control->criteria.count;
}

/* Every open control that must come before it has been placed. */
static bool is_ready(const struct po_control *control, const struct po_control_result *results,
                     const bool *placed)
{
    for (size_t i = 0; i < control->after.count; i++) {
        size_t before = control->after.at[i];
        if (is_open(results[before].state) && !placed[before]) return false;
    }
    return true;
}

/* The next one to place: ready, largest effect, longest known, first in the catalog. */
static size_t pick_next(const struct po_catalog *catalog, const struct po_control_result *results,
                        const bool *placed)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < catalog->control_count; i++) {
        if (placed[i] || !is_open(results[i].state) ||
            !is_ready(&catalog->controls[i], results, placed))
            continue;
        if (best == SIZE_MAX) {
            best = i;
            continue;
        }
        int64_t gain = effect_of(&catalog->controls[i]) - effect_of(&catalog->controls[best]);
        if (gain > 0 || (gain == 0 && results[i].leaf < results[best].leaf)) best = i;
    }
    return best;
}

PO_RC po_plan_compute(struct po_ctx *cx, const struct po_catalog *catalog,
                      const struct po_control_result *controls,
                      const struct po_plan_item **ret_items, size_t *ret_count)
{
    struct po_plan_item *items = NULL;
    bool *placed = NULL;
    PO_ARENA_NEW(cx, items, catalog->control_count);
    PO_ARENA_NEW(cx, placed, catalog->control_count);
    size_t count = 0;
    size_t next = pick_next(catalog, controls, placed);
    while (next != SIZE_MAX) {
        placed[next] = true;
        items[count++] = (struct po_plan_item){.control = next,
                                               .effect = effect_of(&catalog->controls[next]),
                                               .state = controls[next].state};
        next = pick_next(catalog, controls, placed);
    }
    *ret_items = items;
    *ret_count = count;
    return po_rc_ok();
}

/* Length of the longest open chain that ends at control `i`, given those of smaller depth. */
static void extend_chain(const struct po_catalog *catalog, const struct po_control_result *results,
                         size_t i, uint16_t *length, uint16_t *before)
{
    const struct po_control *control = &catalog->controls[i];
    length[i] = 0;
    if (!is_open(results[i].state)) return;
    length[i] = 1;
    for (size_t k = 0; k < control->after.count; k++) {
        uint16_t p = control->after.at[k];
        if (length[p] >= length[i]) {
            length[i] = (uint16_t)(length[p] + 1);
            before[i] = p;
        }
    }
}

PO_RC po_plan_critical_path(struct po_ctx *cx, const struct po_catalog *catalog,
                            const struct po_control_result *controls, po_id_list *ret_path)
{
    uint16_t *length = NULL;
    uint16_t *before = NULL;
    uint16_t *path = NULL;
    PO_ARENA_NEW(cx, length, catalog->control_count);
    PO_ARENA_NEW(cx, before, catalog->control_count);
    PO_ARENA_NEW(cx, path, catalog->control_count);
    /* By depth, so that what comes before is known; depths are below the number of controls. */
    for (size_t depth = 0; depth < catalog->control_count; depth++) {
        for (size_t i = 0; i < catalog->control_count; i++) {
            if (catalog->controls[i].depth == depth)
                extend_chain(catalog, controls, i, length, before);
        }
    }
    size_t last = 0;
    for (size_t i = 1; i < catalog->control_count; i++) {
        if (length[i] > length[last]) last = i;
    }
    size_t count = length[last];
    for (size_t k = count; k > 0; k--) {
        path[k - 1] = (uint16_t)last;
        last = before[last];
    }
    *ret_path = (po_id_list){path, count};
    return po_rc_ok();
}

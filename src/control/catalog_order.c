/*
 * order.json: which control must pass before work on another one makes sense. Acyclic.
 */
#include "control/catalog_priv.h"

static PO_RC read_rows(struct po_ctx *cx, const struct po_json *array, struct po_catalog *catalog,
                       struct po_control *controls)
{
    static const char *const names[] = {"control", "after", NULL};
    for (const struct po_json *v = array->first; v != NULL; v = v->next) {
        struct po_ctl_object o = {v, "order of control", PO_LIT("?")};
        PO_TRY(cx, po_ctl_text(cx, &o, "control", &o.id));
        PO_TRY(cx, po_ctl_members(cx, &o, names));
        size_t position = po_ctl_index_find(catalog->index->controls, o.id);
        if (position == SIZE_MAX)
            return PO_FAIL(cx, PO_INVALID, "order names unknown control '%.*s'", PO_STR_ARG(o.id));
        if (controls[position].after.count > 0)
            return PO_FAIL(cx, PO_INVALID, "order of control '%.*s' occurs twice",
                           PO_STR_ARG(o.id));
        PO_TRY(cx,
               po_ctl_refs(cx, &o, "after", catalog->index->controls, &controls[position].after));
        if (controls[position].after.count == 0)
            return PO_FAIL(cx, PO_INVALID, "order of control '%.*s' names none", PO_STR_ARG(o.id));
    }
    return po_rc_ok();
}

/* One more than the deepest control before it; 0 without one. */
static uint16_t depth_of(const struct po_control *controls, const struct po_control *control)
{
    uint16_t depth = 0;
    for (size_t i = 0; i < control->after.count; i++) {
        uint16_t before = controls[control->after.at[i]].depth;
        if (before + 1 > depth) depth = (uint16_t)(before + 1);
    }
    return depth;
}

/* Depths grow by at least one chain link a round; more rounds than controls means a circle. */
static PO_RC compute_depths(struct po_ctx *cx, struct po_control *controls, size_t count)
{
    for (size_t round = 0; round <= count; round++) {
        const struct po_control *changed = NULL;
        for (size_t i = 0; i < count; i++) {
            uint16_t depth = depth_of(controls, &controls[i]);
            if (depth == controls[i].depth) continue;
            controls[i].depth = depth;
            changed = &controls[i];
        }
        if (changed == NULL) return po_rc_ok();
        if (round == count)
            return PO_FAIL(cx, PO_INVALID, "the order has a circle at control '%.*s'",
                           PO_STR_ARG(changed->id));
    }
    return po_rc_ok();
}

PO_RC po_catalog_load_order(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog)
{
    static const char *const file_names[] = {"count", "order", NULL};
    const struct po_json *root = NULL;
    const struct po_json *array = NULL;
    PO_TRY(cx,
           po_ctl_file(cx, bytes,
                       &(struct po_ctl_file){"order.json", file_names, "order", PO_CONTROLS_MAX},
                       &root, &array));
    struct po_control *controls = NULL;
    PO_ARENA_NEW(cx, controls, catalog->control_count);
    memcpy(controls, catalog->controls, catalog->control_count * sizeof *controls);
    PO_TRY(cx, read_rows(cx, array, catalog, controls));
    PO_TRY(cx, compute_depths(cx, controls, catalog->control_count));
    catalog->controls = controls;
    return po_rc_ok();
}

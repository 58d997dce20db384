/*
 * `score --states FILE`: a vector of control states somebody wrote down, for a what-if.
 */
#include "control/catalog_priv.h"

#include <inttypes.h>

static PO_RC read_counts(struct po_ctx *cx, const struct po_json *value, po_str id,
                         struct po_control_result *result)
{
    const struct po_json *passing = po_json_get(value, "passing");
    const struct po_json *total = po_json_get(value, "total");
    if (passing == NULL && total == NULL) return po_rc_ok();
    if (passing == NULL || total == NULL || passing->type != PO_JSON_INT ||
        total->type != PO_JSON_INT)
        return PO_FAIL(cx, PO_INVALID, "control '%.*s': 'passing' and 'total' are not both counts",
                       PO_STR_ARG(id));
    if (passing->integer < 0 || passing->integer > total->integer)
        return PO_FAIL(cx, PO_INVALID, "control '%.*s': 'passing' is not in 0..'total'",
                       PO_STR_ARG(id));
    if (total->integer > PO_RUN_COUNT_MAX)
        return PO_FAIL(cx, PO_LIMIT, "control '%.*s': 'total' is more than %" PRId64,
                       PO_STR_ARG(id), PO_RUN_COUNT_MAX);
    result->passing = passing->integer;
    result->total = total->integer;
    return po_rc_ok();
}

static PO_RC read_state(struct po_ctx *cx, const struct po_json *value, po_str id,
                        struct po_control_result *result)
{
    if (value->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "control '%.*s' is not an object", PO_STR_ARG(id));
    for (const struct po_json *m = value->first; m != NULL; m = m->next) {
        if (!po_str_eq_cstr(m->key, "state") && !po_str_eq_cstr(m->key, "passing") &&
            !po_str_eq_cstr(m->key, "total"))
            return PO_FAIL(cx, PO_INVALID, "control '%.*s' has an unknown member '%.*s'",
                           PO_STR_ARG(id), PO_STR_ARG(m->key));
    }
    size_t state = 0;
    PO_TRY(cx, po_ctl_choice(cx, &(struct po_ctl_object){value, "control", id}, "state",
                             po_ctl_control_state_names, &state));
    result->state = (enum po_control_state)state;
    PO_TRY(cx, read_counts(cx, value, id, result));
    return po_rc_ok();
}

PO_RC po_states_parse(struct po_ctx *cx, const struct po_catalog *catalog, po_str json,
                      const struct po_control_result **ret_controls)
{
    struct po_json *root = NULL;
    PO_TRY(cx, po_json_parse(cx, json, PO_JSON_STRICT, &root));
    if (root->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "the states are not an object of control ids");
    struct po_control_result *results = NULL;
    PO_ARENA_NEW(cx, results, catalog->control_count);
    for (size_t i = 0; i < catalog->control_count; i++)
        results[i] = (struct po_control_result){.state = PO_CONTROL_UNTESTED, .leaf = PO_LEAF_NONE};
    for (const struct po_json *m = root->first; m != NULL; m = m->next) {
        size_t at = po_ctl_index_find(catalog->index->controls, m->key);
        if (at == SIZE_MAX)
            return PO_FAIL(cx, PO_INVALID, "unknown control '%.*s'", PO_STR_ARG(m->key));
        PO_TRY(cx, read_state(cx, m, m->key, &results[at]));
    }
    *ret_controls = results;
    return po_rc_ok();
}

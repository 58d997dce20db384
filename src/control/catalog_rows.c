/*
 * requirements.json (the numbered rows of the two source systems) and health.json.
 */
#include "control/catalog_priv.h"

/* "list" names the category in whose {{list}} the row appears, or is "". */
static PO_RC read_list(struct po_ctx *cx, const struct po_catalog *catalog, const struct po_json *v,
                       struct po_requirement *row)
{
    const struct po_json *list = po_json_get(v, "list");
    row->list = SIZE_MAX;
    if (list->type != PO_JSON_STR)
        return PO_FAIL(cx, PO_INVALID, "requirement '%.*s': 'list' is not a text",
                       PO_STR_ARG(row->id));
    if (list->str.len == 0) return po_rc_ok();
    const struct po_category *category = po_catalog_category(catalog, list->str);
    if (category == NULL)
        return PO_FAIL(cx, PO_INVALID, "requirement '%.*s': unknown category '%.*s'",
                       PO_STR_ARG(row->id), PO_STR_ARG(list->str));
    row->list = (size_t)(category - catalog->categories);
    return po_rc_ok();
}

static PO_RC read_row(struct po_ctx *cx, const struct po_catalog *catalog, const struct po_json *v,
                      struct po_requirement *row)
{
    static const char *const names[] = {"id",       "section",  "says", "demand",
                                        "criteria", "controls", "kind", "text_met",
                                        "text_gap", "list",     NULL};
    static const char *const kinds[] = {"automatic", "attested", "document", "report", NULL};
    struct po_ctl_object o = {v, "requirement", PO_LIT("?")};
    PO_TRY(cx, po_ctl_text(cx, &o, "id", &row->id));
    o.id = row->id;
    PO_TRY(cx, po_ctl_members(cx, &o, names));
    PO_TRY(cx, po_ctl_text(cx, &o, "section", &row->section));
    PO_TRY(cx, po_ctl_text(cx, &o, "says", &row->says));
    PO_TRY(cx, po_ctl_text(cx, &o, "demand", &row->demand));
    PO_TRY(cx, po_ctl_text(cx, &o, "text_met", &row->text_met));
    PO_TRY(cx, po_ctl_text(cx, &o, "text_gap", &row->text_gap));
    size_t kind = 0;
    PO_TRY(cx, po_ctl_choice(cx, &o, "kind", kinds, &kind));
    row->kind = po_str_of(kinds[kind]);
    PO_TRY(cx, po_ctl_refs(cx, &o, "criteria", catalog->index->criteria, &row->criteria));
    PO_TRY(cx, po_ctl_refs(cx, &o, "controls", catalog->index->controls, &row->controls));
    if (row->controls.count == 0)
        return PO_FAIL(cx, PO_INVALID, "requirement '%.*s' has no control", PO_STR_ARG(row->id));
    PO_TRY(cx, read_list(cx, catalog, v, row));
    return po_rc_ok();
}

PO_RC po_catalog_load_requirements(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog)
{
    static const char *const file_names[] = {"count", "requirements", NULL};
    const struct po_json *root = NULL;
    const struct po_json *array = NULL;
    PO_TRY(cx, po_ctl_file(cx, bytes,
                           &(struct po_ctl_file){"requirements.json", file_names, "requirements",
                                                 PO_REQUIREMENTS_MAX},
                           &root, &array));
    struct po_requirement *rows = NULL;
    PO_ARENA_NEW(cx, rows, array->count);
    size_t n = 0;
    for (const struct po_json *v = array->first; v != NULL; v = v->next, n++) {
        PO_TRY(cx, read_row(cx, catalog, v, &rows[n]));
        PO_TRY(cx, po_ctl_index_add(cx, catalog->index->requirements,
                                    &(struct po_ctl_object){v, "requirement", rows[n].id}, n));
    }
    catalog->requirements = rows;
    catalog->requirement_count = n;
    return po_rc_ok();
}

PO_RC po_catalog_load_health(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog)
{
    static const char *const file_names[] = {"count", "checks", NULL};
    static const char *const names[] = {"id",   "name",   "component", "measures",
                                        "pass", "repair", NULL};
    const struct po_json *root = NULL;
    const struct po_json *array = NULL;
    PO_TRY(cx, po_ctl_file(
                   cx, bytes,
                   &(struct po_ctl_file){"health.json", file_names, "checks", PO_HEALTH_CHECKS_MAX},
                   &root, &array));
    struct po_health_def *checks = NULL;
    PO_ARENA_NEW(cx, checks, array->count);
    size_t n = 0;
    for (const struct po_json *v = array->first; v != NULL; v = v->next, n++) {
        struct po_health_def *h = &checks[n];
        struct po_ctl_object o = {v, "health check", PO_LIT("?")};
        PO_TRY(cx, po_ctl_text(cx, &o, "id", &h->id));
        o.id = h->id;
        PO_TRY(cx, po_ctl_members(cx, &o, names));
        PO_TRY(cx, po_ctl_text(cx, &o, "name", &h->name));
        PO_TRY(cx, po_ctl_text(cx, &o, "component", &h->component));
        PO_TRY(cx, po_ctl_text(cx, &o, "measures", &h->measures));
        PO_TRY(cx, po_ctl_text(cx, &o, "pass", &h->pass));
        PO_TRY(cx, po_ctl_text(cx, &o, "repair", &h->repair));
        PO_TRY(cx, po_ctl_index_add(cx, catalog->index->health, &o, n));
    }
    catalog->health = checks;
    catalog->health_count = n;
    return po_rc_ok();
}

/*
 * criteria.json and catalog.json.
 */
#include "control/catalog_priv.h"

#define WEIGHT_MAX 1000

/* Frequencies the catalog may use, and the period between two expected runs. 0: on events only. */
static const struct {
    const char *text;
    po_time_us period_us;
} frequencies[] = {
    {"60 s", PO_US_PER_MIN},
    {"5 min", 5 * PO_US_PER_MIN},
    {"15 min", 15 * PO_US_PER_MIN},
    {"hourly", PO_US_PER_HOUR},
    {"hourly + on commit", PO_US_PER_HOUR},
    {"hourly; kill test weekly", PO_US_PER_HOUR},
    {"daily", PO_US_PER_DAY},
    {"daily + on change", PO_US_PER_DAY},
    {"daily canary", PO_US_PER_DAY},
    {"daily drill", PO_US_PER_DAY},
    {"daily lag, monthly drill", PO_US_PER_DAY},
    {"on change + daily", PO_US_PER_DAY},
    {"on load + daily", PO_US_PER_DAY},
    {"on report + daily", PO_US_PER_DAY},
    {"per build + daily", PO_US_PER_DAY},
    {"weekly", 7 * PO_US_PER_DAY},
    {"on change + weekly", 7 * PO_US_PER_DAY},
    {"on event + weekly", 7 * PO_US_PER_DAY},
    {"on change", 0},
};

/* "Processing Integrity" -> "processing_integrity". */
static PO_RC make_slug(struct po_ctx *cx, po_str name, po_str *ret_slug)
{
    char *slug = po_arena_strdup(cx->arena, name);
    if (slug == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    for (size_t i = 0; i < name.len; i++) {
        if (slug[i] == ' ') slug[i] = '_';
        if (slug[i] >= 'A' && slug[i] <= 'Z') slug[i] = (char)(slug[i] - 'A' + 'a');
    }
    *ret_slug = (po_str){slug, name.len};
    return po_rc_ok();
}

static PO_RC find_or_add_category(struct po_ctx *cx, struct po_category *categories, size_t *count,
                                  po_str name, uint16_t *ret_position)
{
    for (size_t i = 0; i < *count; i++) {
        if (po_str_eq(categories[i].name, name)) {
            *ret_position = (uint16_t)i;
            return po_rc_ok();
        }
    }
    if (*count == PO_CATEGORIES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d categories", PO_CATEGORIES_MAX);
    categories[*count].name = name;
    PO_TRY(cx, make_slug(cx, name, &categories[*count].slug));
    *ret_position = (uint16_t)*count;
    (*count)++;
    return po_rc_ok();
}

PO_RC po_catalog_load_criteria(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog)
{
    static const char *const file_names[] = {"source", "count", "criteria", NULL};
    static const char *const names[] = {"id", "category", "area", "summary", NULL};
    const struct po_json *root = NULL;
    const struct po_json *array = NULL;
    PO_TRY(cx, po_ctl_file(
                   cx, bytes,
                   &(struct po_ctl_file){"criteria.json", file_names, "criteria", PO_CRITERIA_MAX},
                   &root, &array));
    struct po_criterion *criteria = NULL;
    struct po_category *categories = NULL;
    PO_ARENA_NEW(cx, criteria, array->count);
    PO_ARENA_NEW(cx, categories, PO_CATEGORIES_MAX);
    size_t n = 0;
    size_t category_count = 0;
    for (const struct po_json *v = array->first; v != NULL; v = v->next, n++) {
        struct po_criterion *c = &criteria[n];
        struct po_ctl_object o = {v, "criterion", PO_LIT("?")};
        PO_TRY(cx, po_ctl_text(cx, &o, "id", &c->id));
        o.id = c->id;
        PO_TRY(cx, po_ctl_members(cx, &o, names));
        PO_TRY(cx, po_ctl_text(cx, &o, "area", &c->area));
        PO_TRY(cx, po_ctl_text(cx, &o, "summary", &c->summary));
        po_str category;
        PO_TRY(cx, po_ctl_text(cx, &o, "category", &category));
        PO_TRY(cx, find_or_add_category(cx, categories, &category_count, category, &c->category));
        PO_TRY(cx, po_ctl_index_add(cx, catalog->index->criteria, &o, n));
    }
    catalog->criteria = criteria;
    catalog->criterion_count = n;
    catalog->categories = categories;
    catalog->category_count = category_count;
    return po_rc_ok();
}

static PO_RC read_weights(struct po_ctx *cx, const struct po_json *root, int64_t weights[static 4])
{
    static const char *const names[] = {"critical", "high", "medium", "low", NULL};
    const struct po_json *object = po_json_get(root, "weights");
    const struct po_ctl_object o = {object, "file", PO_LIT("catalog.json weights")};
    PO_TRY(cx, po_ctl_members(cx, &o, names));
    for (size_t i = 0; po_ctl_severity_names[i] != NULL; i++) {
        PO_TRY(cx, po_json_get_int(cx, object, po_ctl_severity_names[i], &weights[i]));
        if (weights[i] < 1 || weights[i] > WEIGHT_MAX)
            return PO_FAIL(cx, PO_INVALID, "weight of '%s' is not in 1..%d",
                           po_ctl_severity_names[i], WEIGHT_MAX);
    }
    return po_rc_ok();
}

static PO_RC read_times(struct po_ctx *cx, const struct po_ctl_object *o, struct po_control *c)
{
    PO_TRY(cx, po_ctl_text(cx, o, "frequency", &c->frequency));
    PO_TRY(cx, po_ctl_text(cx, o, "ttl", &c->ttl));
    size_t i = 0;
    while (i < sizeof frequencies / sizeof frequencies[0] &&
           !po_str_eq_cstr(c->frequency, frequencies[i].text))
        i++;
    if (i == sizeof frequencies / sizeof frequencies[0])
        return PO_FAIL(cx, PO_INVALID, "control '%.*s': unknown frequency '%.*s'",
                       PO_STR_ARG(c->id), PO_STR_ARG(c->frequency));
    c->period_us = frequencies[i].period_us;
    if (!po_is_ok(po_duration_parse(c->ttl, &c->ttl_us)) || c->ttl_us <= 0)
        return PO_FAIL(cx, PO_INVALID, "control '%.*s': ttl '%.*s' is no duration",
                       PO_STR_ARG(c->id), PO_STR_ARG(c->ttl));
    if (c->ttl_us < c->period_us)
        return PO_FAIL(cx, PO_INVALID, "control '%.*s': ttl '%.*s' is shorter than its period",
                       PO_STR_ARG(c->id), PO_STR_ARG(c->ttl));
    return po_rc_ok();
}

static PO_RC read_mapping(struct po_ctx *cx, const struct po_catalog *catalog,
                          const struct po_ctl_object *o, struct po_control *c)
{
    const struct po_map *criteria = catalog->index->criteria;
    PO_TRY(cx, po_ctl_refs(cx, o, "criteria", criteria, &c->criteria));
    PO_TRY(cx, po_ctl_refs(cx, o, "supports", criteria, &c->supports));
    if (c->criteria.count == 0)
        return PO_FAIL(cx, PO_INVALID, "control '%.*s' has no criterion", PO_STR_ARG(c->id));
    for (size_t i = 0; i < c->criteria.count; i++) {
        for (size_t j = 0; j < c->supports.count; j++) {
            if (c->criteria.at[i] == c->supports.at[j])
                return PO_FAIL(cx, PO_INVALID, "control '%.*s' proves and supports '%.*s'",
                               PO_STR_ARG(c->id),
                               PO_STR_ARG(catalog->criteria[c->criteria.at[i]].id));
        }
    }
    return po_rc_ok();
}

static PO_RC read_control(struct po_ctx *cx, const struct po_catalog *catalog,
                          const int64_t weights[static 4], const struct po_json *v,
                          struct po_control *c)
{
    static const char *const names[] = {"id",     "title",    "kind",       "criteria", "supports",
                                        "inputs", "pass",     "frequency",  "ttl",      "severity",
                                        "owner",  "evidence", "population", "tags",     NULL};
    struct po_ctl_object o = {v, "control", PO_LIT("?")};
    PO_TRY(cx, po_ctl_text(cx, &o, "id", &c->id));
    o.id = c->id;
    PO_TRY(cx, po_ctl_members(cx, &o, names));
    PO_TRY(cx, po_ctl_text(cx, &o, "title", &c->title));
    PO_TRY(cx, po_ctl_text(cx, &o, "inputs", &c->inputs));
    PO_TRY(cx, po_ctl_text(cx, &o, "pass", &c->pass));
    PO_TRY(cx, po_ctl_text(cx, &o, "owner", &c->owner));
    PO_TRY(cx, po_ctl_text(cx, &o, "evidence", &c->evidence));
    PO_TRY(cx, po_ctl_text(cx, &o, "population", &c->population));
    PO_TRY(cx, po_ctl_texts(cx, &o, "tags", &c->tags, &c->tags_count));
    size_t choice = 0;
    PO_TRY(cx, po_ctl_choice(cx, &o, "kind", po_ctl_kind_names, &choice));
    c->kind = (enum po_control_kind)choice;
    PO_TRY(cx, po_ctl_choice(cx, &o, "severity", po_ctl_severity_names, &choice));
    c->severity = (enum po_severity)choice;
    c->weight = weights[choice];
    PO_TRY(cx, read_times(cx, &o, c));
    PO_TRY(cx, read_mapping(cx, catalog, &o, c));
    return po_rc_ok();
}

/* The controls, in catalog order, that name criterion `criterion` in one of their two lists. */
static PO_RC collect_controls(struct po_ctx *cx, const struct po_catalog *catalog, size_t criterion,
                              bool primary, po_id_list *ret_list)
{
    uint16_t *at = NULL;
    PO_ARENA_NEW(cx, at, catalog->control_count);
    size_t n = 0;
    for (size_t i = 0; i < catalog->control_count; i++) {
        const struct po_control *c = &catalog->controls[i];
        const po_id_list *list = primary ? &c->criteria : &c->supports;
        for (size_t j = 0; j < list->count; j++) {
            if (list->at[j] == criterion) at[n++] = (uint16_t)i;
        }
    }
    *ret_list = (po_id_list){at, n};
    return po_rc_ok();
}

PO_RC po_catalog_load_controls(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog)
{
    static const char *const file_names[] = {"version", "weights", "count", "controls", NULL};
    const struct po_json *root = NULL;
    const struct po_json *array = NULL;
    int64_t weights[4] = {0};
    PO_TRY(cx, po_ctl_file(
                   cx, bytes,
                   &(struct po_ctl_file){"catalog.json", file_names, "controls", PO_CONTROLS_MAX},
                   &root, &array));
    PO_TRY(cx, po_ctl_text(cx, &(struct po_ctl_object){root, "file", PO_LIT("catalog.json")},
                           "version", &catalog->version));
    PO_TRY(cx, read_weights(cx, root, weights));
    struct po_control *controls = NULL;
    PO_ARENA_NEW(cx, controls, array->count);
    size_t n = 0;
    for (const struct po_json *v = array->first; v != NULL; v = v->next, n++) {
        PO_TRY(cx, read_control(cx, catalog, weights, v, &controls[n]));
        PO_TRY(cx, po_ctl_index_add(cx, catalog->index->controls,
                                    &(struct po_ctl_object){v, "control", controls[n].id}, n));
    }
    catalog->controls = controls;
    catalog->control_count = n;
    /* The criteria array is ours until the set is handed out. */
    struct po_criterion *criteria = NULL;
    PO_ARENA_NEW(cx, criteria, catalog->criterion_count);
    memcpy(criteria, catalog->criteria, catalog->criterion_count * sizeof *criteria);
    for (size_t i = 0; i < catalog->criterion_count; i++) {
        PO_TRY(cx, collect_controls(cx, catalog, i, true, &criteria[i].primary));
        PO_TRY(cx, collect_controls(cx, catalog, i, false, &criteria[i].supporting));
        if (criteria[i].primary.count == 0)
            return PO_FAIL(cx, PO_INVALID, "criterion '%.*s' has no primary control",
                           PO_STR_ARG(criteria[i].id));
    }
    catalog->criteria = criteria;
    return po_rc_ok();
}

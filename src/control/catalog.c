/*
 * The catalog: criteria, controls, clauses, seed rows and health checks as one checked set.
 *
 * Invariants
 * 1. Every id that one file names exists in the file that declares it, once.
 * 2. Every criterion has a primary control; every control has clauses, and their quotes make up its
 *    pass sentence, so that a clause nobody lists cannot be forgotten silently.
 * 3. Positions in the arrays are the order of the files; scores and texts follow that order.
 * 4. Nothing is changed after loading: readers on any thread.
 */
#include "control/catalog_priv.h"
#include "core/embed.h"

#define DIGEST_LABEL "paulyops/v1/catalog"

const char *const po_ctl_severity_names[] = {"low", "medium", "high", "critical", NULL};
const char *const po_ctl_kind_names[] = {"automatic", "attested", "document", NULL};
const char *const po_ctl_proof_names[] = {"fact",     "canary",   "drill",    "probe",
                                          "register", "document", "attested", NULL};

const char *po_severity_name(enum po_severity severity) { return po_ctl_severity_names[severity]; }

const char *po_control_kind_name(enum po_control_kind kind) { return po_ctl_kind_names[kind]; }

const char *po_proof_name(enum po_proof_kind proof) { return po_ctl_proof_names[proof]; }

/* SHA-256 over label and, for each file, its name, NUL, length (LE64) and bytes. */
static PO_RC digest_source(struct po_ctx *cx, const struct po_catalog_source *source,
                           uint8_t out[static PO_SHA256_BYTES])
{
    const struct {
        const char *name;
        po_str bytes;
    } files[] = {{"catalog.json", source->catalog}, {"criteria.json", source->criteria},
                 {"clauses.json", source->clauses}, {"requirements.json", source->requirements},
                 {"health.json", source->health},   {"order.json", source->order}};
    PO_CLEANUP(po_hash_freep) struct po_hash *hash = NULL;
    PO_TRY(cx, po_hash_new(cx, &hash));
    PO_TRY_LEAF(cx, po_hash_begin(hash), "hashing the catalog");
    PO_TRY_LEAF(cx, po_hash_update(hash, PO_LIT(DIGEST_LABEL)), "hashing the catalog");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        po_str name = {files[i].name, strlen(files[i].name) + 1};
        uint8_t len[8];
        for (size_t b = 0; b < 8; b++)
            len[b] = (uint8_t)((uint64_t)files[i].bytes.len >> (8 * b));
        PO_TRY_LEAF(cx, po_hash_update(hash, name), "hashing the catalog");
        PO_TRY_LEAF(cx, po_hash_update(hash, po_str_n(len, sizeof len)), "hashing the catalog");
        PO_TRY_LEAF(cx, po_hash_update(hash, files[i].bytes), "hashing the catalog");
    }
    PO_TRY_LEAF(cx, po_hash_end(hash, out), "hashing the catalog");
    return po_rc_ok();
}

static PO_RC new_index(struct po_ctx *cx, struct po_catalog_index *index)
{
    PO_TRY(cx, po_map_new(cx, PO_CONTROLS_MAX, &index->controls));
    PO_TRY(cx, po_map_new(cx, PO_CLAUSES_MAX, &index->clauses));
    PO_TRY(cx, po_map_new(cx, PO_CRITERIA_MAX, &index->criteria));
    PO_TRY(cx, po_map_new(cx, PO_REQUIREMENTS_MAX, &index->requirements));
    PO_TRY(cx, po_map_new(cx, PO_HEALTH_CHECKS_MAX, &index->health));
    PO_TRY(cx, po_map_new(cx, PO_PARTS_MAX, &index->parts));
    return po_rc_ok();
}

/* Criteria, controls and clauses: what the other files name. */
static PO_RC load_core(struct po_ctx *cx, const struct po_catalog_source *source,
                       struct po_catalog **ret_catalog)
{
    struct po_catalog *catalog = NULL;
    PO_ARENA_NEW(cx, catalog, 1);
    PO_ARENA_NEW(cx, catalog->index, 1);
    PO_TRY(cx, new_index(cx, catalog->index));
    PO_TRY(cx, po_catalog_load_criteria(cx, source->criteria, catalog));
    PO_TRY(cx, po_catalog_load_controls(cx, source->catalog, catalog));
    PO_TRY(cx, po_catalog_load_clauses(cx, source->clauses, catalog));
    *ret_catalog = catalog;
    return po_rc_ok();
}

PO_RC po_catalog_load(struct po_ctx *cx, const struct po_catalog_source *source,
                      const struct po_catalog **ret_catalog)
{
    struct po_catalog *catalog = NULL;
    PO_TRY(cx, load_core(cx, source, &catalog));
    PO_TRY(cx, po_catalog_load_requirements(cx, source->requirements, catalog));
    PO_TRY(cx, po_catalog_load_health(cx, source->health, catalog));
    PO_TRY(cx, po_catalog_load_order(cx, source->order, catalog));
    PO_TRY(cx, digest_source(cx, source, catalog->digest));
    *ret_catalog = catalog;
    return po_rc_ok();
}

PO_RC po_catalog_load_list(struct po_ctx *cx, const struct po_catalog **ret_catalog)
{
    struct po_catalog_source source;
    struct po_catalog *catalog = NULL;
    PO_TRY(cx, po_catalog_source_embedded(cx, &source));
    PO_TRY(cx, load_core(cx, &source, &catalog));
    *ret_catalog = catalog;
    return po_rc_ok();
}

PO_RC po_catalog_source_embedded(struct po_ctx *cx, struct po_catalog_source *ret_source)
{
    struct po_catalog_source source = {0};
    const struct {
        const char *name;
        po_str *bytes;
    } files[] = {{"content/controls/catalog.json", &source.catalog},
                 {"content/controls/criteria.json", &source.criteria},
                 {"content/controls/clauses.json", &source.clauses},
                 {"content/controls/requirements.json", &source.requirements},
                 {"content/controls/health.json", &source.health},
                 {"content/controls/order.json", &source.order}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (!po_embed_find(po_str_of(files[i].name), files[i].bytes))
            return PO_FAIL(cx, PO_BUG, "'%s' is not in this program", files[i].name);
    }
    *ret_source = source;
    return po_rc_ok();
}

PO_RC po_catalog_load_embedded(struct po_ctx *cx, const struct po_catalog **ret_catalog)
{
    struct po_catalog_source source;
    PO_TRY(cx, po_catalog_source_embedded(cx, &source));
    PO_TRY(cx, po_catalog_load(cx, &source, ret_catalog));
    return po_rc_ok();
}

const struct po_control *po_catalog_control(const struct po_catalog *catalog, po_str id)
{
    size_t i = po_ctl_index_find(catalog->index->controls, id);
    return i == SIZE_MAX ? NULL : &catalog->controls[i];
}

const struct po_clause *po_catalog_clause(const struct po_catalog *catalog, po_str id)
{
    size_t i = po_ctl_index_find(catalog->index->clauses, id);
    return i == SIZE_MAX ? NULL : &catalog->clauses[i];
}

const struct po_criterion *po_catalog_criterion(const struct po_catalog *catalog, po_str id)
{
    size_t i = po_ctl_index_find(catalog->index->criteria, id);
    return i == SIZE_MAX ? NULL : &catalog->criteria[i];
}

const struct po_requirement *po_catalog_requirement(const struct po_catalog *catalog, po_str id)
{
    size_t i = po_ctl_index_find(catalog->index->requirements, id);
    return i == SIZE_MAX ? NULL : &catalog->requirements[i];
}

const struct po_health_def *po_catalog_health(const struct po_catalog *catalog, po_str id)
{
    size_t i = po_ctl_index_find(catalog->index->health, id);
    return i == SIZE_MAX ? NULL : &catalog->health[i];
}

const struct po_category *po_catalog_category(const struct po_catalog *catalog, po_str slug)
{
    for (size_t i = 0; i < catalog->category_count; i++) {
        if (po_str_eq(catalog->categories[i].slug, slug)) return &catalog->categories[i];
    }
    return NULL;
}

size_t po_control_position(const struct po_catalog *catalog, const struct po_control *control)
{
    return (size_t)(control - catalog->controls);
}

size_t po_clause_position(const struct po_catalog *catalog, const struct po_clause *clause)
{
    return (size_t)(clause - catalog->clauses);
}

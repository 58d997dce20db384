/*
 * Private to control/: what the loader's files share.
 */
#ifndef PO_CONTROL_CATALOG_PRIV_H
#define PO_CONTROL_CATALOG_PRIV_H

#include "control/control.h"
#include "core/map.h"

/* Ids to positions in the catalog's arrays. */
struct po_catalog_index {
    struct po_map *controls;
    struct po_map *clauses;
    struct po_map *criteria;
    struct po_map *requirements;
    struct po_map *health;
    struct po_map *parts;
};

/* The object being read, and its name for messages: "control 'AUD-03'". */
struct po_ctl_object {
    const struct po_json *json;
    const char *what;
    po_str id;
};

/* Add the object at `position`; a second one of the same id is PO_INVALID and named. */
PO_RC po_ctl_index_add(struct po_ctx *cx, struct po_map *map, const struct po_ctl_object *o,
                       size_t position);
/* Position of `id`, or SIZE_MAX. */
size_t po_ctl_index_find(const struct po_map *map, po_str id);

/* It is an object with exactly the members `names` (NULL-terminated). */
PO_RC po_ctl_members(struct po_ctx *cx, const struct po_ctl_object *o, const char *const *names);
/* A member that is one line of text, 1..PO_CONTROL_TEXT_BYTES_MAX bytes. */
PO_RC po_ctl_text(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                  po_str *ret_text);
/* A member that is an array of such texts, at most PO_CONTROL_REFS_MAX, none twice. */
PO_RC po_ctl_texts(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                   const po_str **ret_texts, size_t *ret_count);
/* A member that is an array of ids of `map`; an unknown id is PO_INVALID and named. */
PO_RC po_ctl_refs(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                  const struct po_map *map, po_id_list *ret_list);
/* A member that is one of `names` (NULL-terminated); its position. */
PO_RC po_ctl_choice(struct po_ctx *cx, const struct po_ctl_object *o, const char *key,
                    const char *const *names, size_t *ret_choice);

/* A file of the set: its exact members, and its list with as many entries as its `count`. */
struct po_ctl_file {
    const char *name;
    const char *const *members;
    const char *list;
    size_t max;
};
PO_RC po_ctl_file(struct po_ctx *cx, po_str bytes, const struct po_ctl_file *file,
                  const struct po_json **ret_root, const struct po_json **ret_array);

/* One per file, in this order; each fills its part of `catalog` and its index. */
PO_RC po_catalog_load_criteria(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog);
PO_RC po_catalog_load_controls(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog);
PO_RC po_catalog_load_clauses(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog);
PO_RC po_catalog_load_requirements(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog);
PO_RC po_catalog_load_health(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog);
PO_RC po_catalog_load_order(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog);

/* Names by enum value, NULL-terminated. */
extern const char *const po_ctl_severity_names[];
extern const char *const po_ctl_kind_names[];
extern const char *const po_ctl_proof_names[];
extern const char *const po_ctl_run_state_names[];
extern const char *const po_ctl_control_state_names[];

#endif

/*
 * Hash map from byte strings to pointers, in insertion order, with a maximum size. Arena-backed:
 * keys are copied into the arena given at construction and live as long as it.
 * SipHash-free on purpose: seeded FNV over bounded, already-limited inputs; maximum probe is the
 * maximum size.
 */
#ifndef PO_CORE_MAP_H
#define PO_CORE_MAP_H

#include "core/ctx.h"

struct po_map;

/* PO_LIMIT (more than 2^28), PO_NOMEM, PO_IO no randomness. The map lives in cx's arena. */
PO_RC po_map_new(struct po_ctx *cx, size_t max_entries, struct po_map **ret_map);
/* PO_EXISTS when the key is there; PO_LIMIT; PO_NOMEM. */
PO_RC po_map_add(struct po_ctx *cx, struct po_map *map, po_str key, void *value);
void *po_map_find(const struct po_map *map, po_str key); /* NULL when absent */
size_t po_map_count(const struct po_map *map);
/* i-th in insertion order; i < count. */
void *po_map_at(const struct po_map *map, size_t i, po_str *ret_key);

#endif

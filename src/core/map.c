/*
 * Hash map: entries in insertion order, and an open-addressed table of their numbers beside them.
 *
 * Invariants
 *   1. count <= cap <= max; slot_count is a power of two and at least twice cap, so a probe ends.
 *   2. A slot holds 0 (free) or an entry's number plus one.
 * Growth leaves the old arrays in the arena; doubling keeps that below the size of the last ones.
 */
#include "core/map.h"

#include "core/random.h"

#define CAP_ENTRIES_MIN 16
#define ENTRIES_MAX ((size_t)1 << 28) /* numbers and slots fit 32 bits */

struct entry {
    po_str key;
    void *value;
    uint64_t hash;
};

struct po_map {
    struct po_arena *arena;
    struct entry *entries;
    uint32_t *slots;
    size_t slot_count;
    size_t count;
    size_t cap;
    size_t max;
    uint64_t seed;
};

/* FNV-1a from a random start, with a final mix so that low bits depend on all. */
static uint64_t hash_key(const struct po_map *map, po_str key)
{
    uint64_t hash = 0xcbf29ce484222325 ^ map->seed;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001b3;
    hash = (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15;
    return hash ^ (hash >> 29);
}

/* The key's slot, or the free one where it would go. */
static size_t find_slot(const struct po_map *map, po_str key, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    size_t slot = (size_t)hash & mask;
    while (map->slots[slot] != 0) {
        const struct entry *entry = &map->entries[map->slots[slot] - 1];
        if (entry->hash == hash && po_str_eq(entry->key, key)) break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

/* Bigger arrays, entries put in again; the map is untouched on failure. */
static PO_RC grow(struct po_map *map)
{
    size_t cap = map->cap == 0 ? CAP_ENTRIES_MIN : 2 * map->cap;
    if (cap > map->max) cap = map->max;
    size_t slot_count = 2 * CAP_ENTRIES_MIN;
    while (slot_count < 2 * cap)
        slot_count *= 2;
    struct entry *entries = po_arena_alloc(map->arena, cap, sizeof *entries);
    uint32_t *slots = po_arena_alloc(map->arena, slot_count, sizeof *slots);
    if (entries == NULL || slots == NULL) return po_rc_of(PO_NOMEM);
    if (map->count != 0) memcpy(entries, map->entries, map->count * sizeof *entries);
    map->entries = entries;
    map->slots = slots;
    map->slot_count = slot_count;
    map->cap = cap;
    for (size_t i = 0; i < map->count; i++)
        slots[find_slot(map, entries[i].key, entries[i].hash)] = (uint32_t)i + 1;
    return po_rc_ok();
}

po_rc po_map_new(struct po_ctx *cx, size_t max_entries, struct po_map **ret_map)
{
    if (max_entries > ENTRIES_MAX) return PO_FAIL(cx, PO_LIMIT, "a map of %zu", max_entries);
    struct po_map *map = NULL;
    PO_ARENA_NEW(cx, map, 1);
    map->arena = cx->arena;
    map->max = max_entries;
    PO_TRY_LEAF(cx, po_random_fill(&map->seed, sizeof map->seed), "no randomness for a map");
    *ret_map = map;
    return po_rc_ok();
}

po_rc po_map_add(struct po_ctx *cx, struct po_map *map, po_str key, void *value)
{
    uint64_t hash = hash_key(map, key);
    if (map->cap != 0 && map->slots[find_slot(map, key, hash)] != 0)
        return PO_FAIL(cx, PO_EXISTS, "the map has this key already");
    if (map->count == map->max)
        return PO_FAIL(cx, PO_LIMIT, "more than %zu entries in a map", map->max);
    if (map->count == map->cap) PO_TRY_LEAF(cx, grow(map), "out of request memory");
    po_str copy = {0};
    PO_TRY_LEAF(cx, po_arena_copy(map->arena, key, &copy), "out of request memory");
    size_t slot = find_slot(map, copy, hash);
    map->entries[map->count] = (struct entry){copy, value, hash};
    map->slots[slot] = (uint32_t)++map->count;
    return po_rc_ok();
}

void *po_map_find(const struct po_map *map, po_str key)
{
    if (map->count == 0) return NULL;
    uint32_t number = map->slots[find_slot(map, key, hash_key(map, key))];
    return number == 0 ? NULL : map->entries[number - 1].value;
}

size_t po_map_count(const struct po_map *map) { return map->count; }

void *po_map_at(const struct po_map *map, size_t i, po_str *ret_key)
{
    *ret_key = map->entries[i].key;
    return map->entries[i].value;
}

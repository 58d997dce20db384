/*
 * Maps and sets: insertion-ordered entries with an open-addressing index.
 *
 * The hash has no secret seed, because runs must replay bit for bit. Long probes are therefore
 * charged as steps: a flood of colliding keys ends in StepLimit, not in a hang.
 */
#include "script/vm_priv.h"

#define SLOT_REMOVED UINT32_MAX

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product =
        (unsigned __int128)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD1B54A32D192ED03u);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(const char *s, size_t len)
{
    uint64_t hash = len;
    uint64_t word = 0;
    while (len >= 8) {
        memcpy(&word, s, 8);
        hash = mix(hash, word);
        s += 8;
        len -= 8;
    }
    word = 0;
    if (len > 0) memcpy(&word, s, len);
    return mix(hash, word);
}

static bool hash_value(struct po_vm *vm, struct po_val v, uint32_t depth, uint64_t *ret)
{
    uint32_t n = 0;
    if (depth > PO_VALUE_DEPTH_MAX) return po_raise(vm, "DepthLimit", "key nested too deeply");
    switch (v.tag) {
    case V_STR:
        *ret = hash_bytes(v.u.s, po_len(v));
        return po_len(v) <= 64 || po_charge_bytes(vm, po_len(v));
    case V_BOOL:
    case V_INT: *ret = mix((uint64_t)v.u.i, v.tag); return true;
    case V_FLOAT: {
        uint64_t bits = 0;
        double f = v.u.f == 0.0 ? 0.0 : v.u.f;
        memcpy(&bits, &f, 8);
        *ret = mix(bits, v.tag);
        return true;
    }
    case V_TUPLE: n = v.aux; break;
    case V_ENUM: n = v.u.vals != NULL ? vm->s->ctors[v.aux].count : 0; break;
    default: return po_raise(vm, "TypeMismatch", "value cannot be a key");
    }
    uint64_t hash = mix(v.tag, v.aux);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t part = 0;
        if (!po_charge(vm, 1) || !hash_value(vm, v.u.vals[i], depth + 1, &part)) return false;
        hash = mix(hash, part);
    }
    *ret = hash;
    return true;
}

static bool same_key(struct po_vm *vm, struct po_val a, struct po_val b, bool *ret)
{
    *ret = false;
    if (a.tag != b.tag) return true;
    if (a.tag == V_INT || a.tag == V_BOOL) {
        *ret = a.u.i == b.u.i;
        return true;
    }
    if (a.tag != V_STR) return po_val_equal(vm, a, b, ret);
    *ret = po_len(a) == po_len(b) && (po_len(a) == 0 || memcmp(a.u.s, b.u.s, po_len(a)) == 0);
    return true;
}

/* The slot of `key`, or NULL; *ret_hash is its hash. */
static bool find_slot(struct po_vm *vm, const struct po_map_obj *m, struct po_val key,
                      uint32_t *ret_hash, struct po_slot **ret)
{
    uint64_t full = 0;
    *ret = NULL;
    if (!hash_value(vm, key, 0, &full)) return false;
    uint32_t hash = (uint32_t)(full ^ (full >> 32));
    *ret_hash = hash;
    if (m->slots == NULL) return true;
    uint32_t probes = 0;
    for (uint32_t i = hash & m->mask;; i = (i + 1) & m->mask) {
        struct po_slot *slot = &m->slots[i];
        if (slot->entry == 0) break;
        bool is_same = false;
        bool is_candidate = slot->hash == hash && slot->entry != SLOT_REMOVED;
        if (is_candidate && !same_key(vm, m->entries[slot->entry - 1].key, key, &is_same))
            return false;
        if (is_same) {
            *ret = slot;
            break;
        }
        if ((++probes & 15) == 0 && !po_charge(vm, 1)) return false;
    }
    return true;
}

bool po_map_make(struct po_vm *vm, uint32_t tag, struct po_val *ret)
{
    struct po_map_obj *m = po_heap_alloc(vm, sizeof *m);
    if (m == NULL) return false;
    *m = (struct po_map_obj){0};
    *ret = (struct po_val){.tag = tag, .u.map = m};
    return true;
}

static bool grow_entries(struct po_vm *vm, struct po_map_obj *m, uint32_t cap)
{
    size_t size = sizeof *m->entries;
    if (cap > UINT32_MAX / 8) return po_raise_limit(vm, "MemoryLimit", "map too large");
    struct po_entry *entries = po_heap_grow(vm, m->entries, m->cap * size, cap * size);
    if (entries == NULL) return false;
    m->entries = entries;
    m->cap = cap;
    return true;
}

static bool grow_index(struct po_vm *vm, struct po_map_obj *m)
{
    size_t size = sizeof *m->slots;
    uint32_t count = m->slots != NULL ? m->mask + 1 : 0;
    uint32_t more = count > 0 ? count * 2 : 2 * m->cap;
    struct po_slot *slots = po_heap_grow(vm, m->slots, count * size, more * size);
    if (slots == NULL) return false;
    m->slots = slots;
    m->mask = more - 1;
    return true;
}

/* Drop removed entries and index anew. */
static bool reindex(struct po_vm *vm, struct po_map_obj *m)
{
    struct po_slot *slots = m->slots;
    memset(slots, 0, ((size_t)m->mask + 1) * sizeof *slots);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->used; i++) {
        if (m->entries[i].key.tag == V_UNINIT) continue;
        m->entries[kept++] = m->entries[i];
    }
    m->used = kept;
    for (uint32_t i = 0; i < kept; i++) {
        uint64_t full = 0;
        if (!hash_value(vm, m->entries[i].key, 0, &full)) return false;
        uint32_t hash = (uint32_t)(full ^ (full >> 32));
        uint32_t at = hash & m->mask;
        while (slots[at].entry != 0) {
            at = (at + 1) & m->mask;
        }
        slots[at] = (struct po_slot){hash, i + 1};
    }
    return po_charge(vm, 1 + kept / 4);
}

/*
 * Room for another entry: drop the removed ones when they are many, else double entries and index.
 * Where the budget does not hold that, entries grow alone until the index is full to 7/8.
 */
static bool make_room(struct po_vm *vm, struct po_map_obj *m)
{
    if (m->cap == 0) return grow_entries(vm, m, 8) && grow_index(vm, m) && reindex(vm, m);
    if (m->count < m->cap - m->cap / 4) return reindex(vm, m);
    size_t doubling = m->cap * sizeof *m->entries + ((size_t)m->mask + 1) * sizeof *m->slots;
    uint32_t most = m->mask - m->mask / 8;
    if (doubling > po_heap_left(vm) && m->cap < most) {
        uint32_t cap = po_heap_next_cap(vm, m->cap, sizeof *m->entries);
        return grow_entries(vm, m, cap < most ? cap : most);
    }
    return grow_entries(vm, m, m->cap * 2) && grow_index(vm, m) && reindex(vm, m);
}

bool po_vmap_find(struct po_vm *vm, const struct po_map_obj *m, struct po_val key,
                  struct po_entry **ret)
{
    struct po_slot *slot = NULL;
    uint32_t hash = 0;
    if (!find_slot(vm, m, key, &hash, &slot)) return false;
    *ret = slot != NULL ? &m->entries[slot->entry - 1] : NULL;
    return true;
}

bool po_vmap_put(struct po_vm *vm, struct po_map_obj *m, struct po_val key, struct po_val val,
                 struct po_val *ret_old)
{
    struct po_slot *slot = NULL;
    uint32_t hash = 0;
    *ret_old = (struct po_val){0};
    if (!find_slot(vm, m, key, &hash, &slot)) return false;
    if (slot != NULL) {
        *ret_old = m->entries[slot->entry - 1].val;
        m->entries[slot->entry - 1].val = val;
        return true;
    }
    if (m->used == m->cap && !make_room(vm, m)) return false;
    uint32_t at = hash & m->mask;
    while (m->slots[at].entry != 0 && m->slots[at].entry != SLOT_REMOVED) {
        at = (at + 1) & m->mask;
    }
    m->entries[m->used] = (struct po_entry){key, val};
    m->slots[at] = (struct po_slot){hash, ++m->used};
    m->count++;
    return true;
}

bool po_vmap_remove(struct po_vm *vm, struct po_map_obj *m, struct po_val key,
                    struct po_val *ret_old)
{
    struct po_slot *slot = NULL;
    uint32_t hash = 0;
    *ret_old = (struct po_val){0};
    if (!find_slot(vm, m, key, &hash, &slot)) return false;
    if (slot == NULL) return true;
    struct po_entry *entry = &m->entries[slot->entry - 1];
    *ret_old = entry->val;
    entry->key = (struct po_val){0};
    entry->val = (struct po_val){0};
    slot->entry = SLOT_REMOVED;
    m->count--;
    return true;
}

void po_vmap_clear(struct po_map_obj *m)
{
    m->count = 0;
    m->used = 0;
    if (m->slots != NULL) memset(m->slots, 0, ((size_t)m->mask + 1) * sizeof *m->slots);
}

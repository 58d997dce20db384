/* Values, part two: display, arrays, records, fields, indices, iteration. */
#include "script/vm_priv.h"

#include "core/codec.h"

#define SHOW_DEPTH_MAX 64

/* ---- display ---------------------------------------------------------------------------------- */

struct shower {
    struct po_vm *vm;
    struct po_buf *out;
};

static bool show(struct shower *sh, struct po_val v, bool is_top, uint32_t depth);

static bool show_list(struct shower *sh, const struct po_val *vals, uint32_t n, const po_str *names,
                      uint32_t depth)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) po_buf_append_cstr(sh->out, ", ");
        if (names != NULL) {
            po_buf_append(sh->out, names[i]);
            po_buf_append_cstr(sh->out, ": ");
        }
        if (!show(sh, vals[i], false, depth + 1)) return false;
    }
    return true;
}

static bool show_map(struct shower *sh, struct po_val v, uint32_t depth)
{
    const struct po_map_obj *m = v.u.map;
    bool is_first = true;
    po_buf_append_char(sh->out, '{');
    for (uint32_t i = 0; i < m->used; i++) {
        if (m->entries[i].key.tag == V_UNINIT) continue;
        if (!is_first) po_buf_append_cstr(sh->out, ", ");
        is_first = false;
        if (!show(sh, m->entries[i].key, false, depth + 1)) return false;
        if (v.tag == V_SET) continue;
        po_buf_append_cstr(sh->out, ": ");
        if (!show(sh, m->entries[i].val, false, depth + 1)) return false;
    }
    po_buf_append_char(sh->out, '}');
    return true;
}

static bool show_enum(struct shower *sh, struct po_val v, uint32_t depth)
{
    const struct po_ctor *ctor = &sh->vm->s->ctors[v.aux];
    if (!ctor->is_builtin) {
        po_buf_append(sh->out, ctor->type_name);
        po_buf_append_cstr(sh->out, "::");
    }
    po_buf_append(sh->out, ctor->name);
    if (v.u.vals == NULL) return true;
    po_buf_append_cstr(sh->out, ctor->fields != NULL ? " { " : "(");
    if (!show_list(sh, v.u.vals, ctor->count, ctor->fields, depth)) return false;
    po_buf_append_cstr(sh->out, ctor->fields != NULL ? " }" : ")");
    return true;
}

static bool show_struct(struct shower *sh, struct po_val v, uint32_t depth)
{
    const struct po_type_info *info = &sh->vm->s->types[v.aux];
    if (v.aux == PO_TYPE_ERROR) return show(sh, v.u.vals[1], true, depth + 1);
    po_buf_append(sh->out, info->name);
    po_buf_append_cstr(sh->out, " { ");
    if (!show_list(sh, v.u.vals, info->count, info->fields, depth)) return false;
    po_buf_append_cstr(sh->out, " }");
    return true;
}

/* As JSON quotes it, without escaping what is not ASCII. */
static void show_quoted(struct po_buf *out, po_str s)
{
    po_buf_append_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        const char *escape = ch == '"'    ? "\\\""
                             : ch == '\\' ? "\\\\"
                             : ch == '\n' ? "\\n"
                             : ch == '\r' ? "\\r"
                             : ch == '\t' ? "\\t"
                             : ch == '\b' ? "\\b"
                             : ch == '\f' ? "\\f"
                                          : NULL;
        if (escape != NULL) {
            po_buf_append_cstr(out, escape);
        } else if ((uint8_t)ch < 0x20) {
            po_buf_printf(out, "\\u%04x", (unsigned)(uint8_t)ch);
        } else {
            po_buf_append_char(out, ch);
        }
    }
    po_buf_append_char(out, '"');
}

static bool show_number(struct shower *sh, struct po_val v)
{
    char text[40];
    size_t len = v.tag == V_INT ? po_format_int(v.u.i, text) : po_format_float(v.u.f, text);
    po_buf_append(sh->out, po_str_n(text, len));
    return true;
}

static bool show_group(struct shower *sh, struct po_val v, uint32_t depth)
{
    static const char open[] = {'[', '(', '{'};
    static const char close[] = {']', ')', '}'};
    size_t kind = v.tag == V_ARRAY ? 0 : v.tag == V_TUPLE ? 1 : 2;
    const struct po_val *vals = kind == 0 ? v.u.arr->items : kind == 1 ? v.u.vals : v.u.rec->vals;
    uint32_t n = kind == 0 ? v.u.arr->count : kind == 1 ? v.aux : v.u.rec->shape->count;
    po_buf_append_char(sh->out, open[kind]);
    if (!show_list(sh, vals, n, kind == 2 ? v.u.rec->shape->names : NULL, depth)) return false;
    po_buf_append_char(sh->out, close[kind]);
    return true;
}

static bool show(struct shower *sh, struct po_val v, bool is_top, uint32_t depth)
{
    if (!po_charge(sh->vm, 1)) return false;
    if (sh->out->len > sh->vm->heap.limit) {
        return po_raise_limit(sh->vm, "MemoryLimit", "memory limit exceeded");
    }
    if (depth > SHOW_DEPTH_MAX) {
        po_buf_append_cstr(sh->out, "...");
        return true;
    }
    switch (v.tag) {
    case V_UNIT: po_buf_append_cstr(sh->out, "()"); return true;
    case V_BOOL: po_buf_append_cstr(sh->out, v.u.i ? "true" : "false"); return true;
    case V_INT:
    case V_FLOAT: return show_number(sh, v);
    case V_STR:
        if (is_top) {
            po_buf_append(sh->out, po_text(v));
        } else {
            show_quoted(sh->out, po_text(v));
        }
        return po_charge_bytes(sh->vm, po_len(v));
    case V_ARRAY:
    case V_TUPLE:
    case V_RECORD: return show_group(sh, v, depth);
    case V_MAP:
    case V_SET: return show_map(sh, v, depth);
    case V_STRUCT: return show_struct(sh, v, depth);
    case V_ENUM: return show_enum(sh, v, depth);
    case V_RANGE:
        (void)show_number(sh, po_val_int(v.u.range->lo));
        po_buf_append_cstr(sh->out, "..");
        return show_number(sh, po_val_int(v.u.range->hi));
    case V_FUTURE: po_buf_append_cstr(sh->out, "<future>"); return true;
    case V_SECRET: po_buf_append_cstr(sh->out, "[secret]"); return true;
    default: po_buf_append_cstr(sh->out, "<function>"); return true;
    }
}

bool po_val_show(struct po_vm *vm, struct po_val v, bool is_top, struct po_buf *out)
{
    struct shower sh = {vm, out};
    if (!show(&sh, v, is_top, 0)) return false;
    if (out->status == PO_OK) return true;
    return po_raise_limit(vm, "MemoryLimit", "text too long");
}

#define TEXT_FLOOR ((size_t)64 << 10) /* for messages where nothing is left */
#define TEXT_KEPT ((size_t)256 << 10) /* between texts; more is given back */

/* The text is copied to the heap in the end: it may be half of what the budget holds. */
void po_text_begin(struct po_vm *vm)
{
    po_buf_clear(&vm->scratch);
    vm->scratch.max = TEXT_FLOOR + po_heap_left(vm) / 2;
}

bool po_text_check(struct po_vm *vm)
{
    return vm->scratch.status == PO_OK || po_raise_limit(vm, "MemoryLimit", "text too long");
}

bool po_text_print(struct po_vm *vm)
{
    return po_text_check(vm) && po_vm_output(vm, po_buf_str(&vm->scratch));
}

bool po_text_end(struct po_vm *vm, struct po_val *ret)
{
    if (!po_text_check(vm)) return false;
    bool is_good = po_val_str(vm, po_buf_str(&vm->scratch), ret);
    if (vm->scratch.cap > TEXT_KEPT) po_buf_done(&vm->scratch);
    return is_good;
}

bool po_val_display(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    if (v.tag == V_STR) return po_give(ret, v);
    po_text_begin(vm);
    if (!po_val_show(vm, v, true, &vm->scratch)) return false;
    return po_text_end(vm, ret);
}

/* ---- building --------------------------------------------------------------------------------- */

bool po_val_array(struct po_vm *vm, uint32_t cap, struct po_val *ret)
{
    struct po_array *arr = po_heap_alloc(vm, sizeof *arr);
    struct po_val *items = cap > 0 ? po_heap_alloc(vm, (size_t)cap * sizeof *items) : NULL;
    if (arr == NULL || (cap > 0 && items == NULL)) return false;
    *arr = (struct po_array){items, 0, cap};
    *ret = (struct po_val){.tag = V_ARRAY, .u.arr = arr};
    return true;
}

bool po_array_push(struct po_vm *vm, struct po_array *arr, struct po_val v)
{
    if (arr->count == arr->cap) {
        if (arr->cap > UINT32_MAX / 4) return po_raise_limit(vm, "MemoryLimit", "array too long");
        uint32_t cap = arr->cap < 4 ? 4 : po_heap_next_cap(vm, arr->cap, sizeof v);
        struct po_val *items =
            po_heap_grow(vm, arr->items, (size_t)arr->cap * sizeof v, (size_t)cap * sizeof v);
        if (items == NULL) return false;
        arr->items = items;
        arr->cap = cap;
    }
    arr->items[arr->count++] = v;
    return true;
}

bool po_val_tuple(struct po_vm *vm, const struct po_val *vals, uint32_t n, struct po_val *ret)
{
    struct po_val *copy = po_heap_alloc(vm, (n > 0 ? n : 1) * sizeof *copy);
    if (copy == NULL) return false;
    po_copy(copy, vals, n * sizeof *copy);
    *ret = (struct po_val){.tag = V_TUPLE, .aux = n, .u.vals = copy};
    return true;
}

bool po_val_enum(struct po_vm *vm, uint32_t ctor, struct po_val payload, struct po_val *ret)
{
    struct po_val *vals = po_heap_alloc(vm, sizeof *vals);
    if (vals == NULL) return false;
    vals[0] = payload;
    *ret = (struct po_val){.tag = V_ENUM, .aux = ctor, .u.vals = vals};
    return true;
}

bool po_val_error(struct po_vm *vm, po_str kind, po_str message, struct po_val *ret)
{
    struct po_val *vals = po_heap_alloc(vm, 3 * sizeof *vals);
    if (vals == NULL || !po_val_str(vm, kind, &vals[0]) || !po_val_str(vm, message, &vals[1])) {
        return false;
    }
    vals[2] = po_val_int(0);
    *ret = (struct po_val){.tag = V_STRUCT, .aux = PO_TYPE_ERROR, .u.vals = vals};
    return true;
}

/* ---- record shapes made at run time ----------------------------------------------------------- */

static uint32_t hash_names(const po_str *names, uint32_t n)
{
    uint32_t hash = 2166136261u + n;
    for (uint32_t i = 0; i < n; i++) {
        for (size_t j = 0; j < names[i].len; j++) {
            hash = (hash ^ (uint8_t)names[i].ptr[j]) * 16777619u;
        }
        hash = hash * 31 + 7;
    }
    return hash;
}

static bool grow_shapes(struct po_vm *vm)
{
    uint32_t slots = vm->shape_slots ? vm->shape_slots * 4 : 16;
    struct po_shape **table = po_heap_alloc(vm, slots * sizeof(struct po_shape *));
    if (table == NULL) return false;
    memset(table, 0, slots * sizeof(struct po_shape *));
    for (uint32_t i = 0; i < vm->shape_slots; i++) {
        struct po_shape *next = NULL;
        for (struct po_shape *s = vm->shapes[i]; s != NULL; s = next) {
            next = s->next;
            s->next = table[s->hash & (slots - 1)];
            table[s->hash & (slots - 1)] = s;
        }
    }
    vm->shapes = table;
    vm->shape_slots = slots;
    return true;
}

const struct po_shape *po_vm_shape(struct po_vm *vm, const po_str *names, uint32_t n)
{
    uint32_t hash = hash_names(names, n);
    if (vm->shape_count >= vm->shape_slots && !grow_shapes(vm)) return NULL;
    struct po_shape *s = vm->shapes[hash & (vm->shape_slots - 1)];
    for (; s != NULL; s = s->next) {
        if (!po_charge(vm, 1)) return NULL;
        if (s->hash != hash || s->count != n) continue;
        uint32_t i = 0;
        while (i < n && po_str_eq(s->names[i], names[i])) {
            i++;
        }
        if (i == n) return s;
    }
    s = po_heap_alloc(vm, sizeof *s);
    po_str *copy = po_heap_alloc(vm, (n > 0 ? n : 1) * sizeof *copy);
    if (s == NULL || copy == NULL) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        struct po_val text;
        if (!po_val_str(vm, names[i], &text)) return NULL;
        copy[i] = po_text(text);
    }
    *s = (struct po_shape){n, hash, copy, vm->shapes[hash & (vm->shape_slots - 1)]};
    vm->shapes[hash & (vm->shape_slots - 1)] = s;
    vm->shape_count++;
    return s;
}

/* ---- fields ----------------------------------------------------------------------------------- */

static struct po_val *find_field(struct po_vm *vm, struct po_val o, po_str name)
{
    const po_str *names = NULL;
    struct po_val *vals = NULL;
    uint32_t n = 0;
    if (o.tag == V_RECORD) {
        names = o.u.rec->shape->names;
        n = o.u.rec->shape->count;
        vals = o.u.rec->vals;
    } else if (o.tag == V_STRUCT) {
        names = vm->s->types[o.aux].fields;
        n = vm->s->types[o.aux].count;
        vals = o.u.vals;
    }
    for (uint32_t i = 0; i < n; i++) {
        bool is_same = names[i].len == name.len &&
                       (names[i].ptr == name.ptr || memcmp(names[i].ptr, name.ptr, name.len) == 0);
        if (is_same) return &vals[i];
    }
    return NULL;
}

bool po_val_has_field(struct po_vm *vm, struct po_val o, po_str name, struct po_val *ret)
{
    struct po_val *slot = find_field(vm, o, name);
    if (slot != NULL) *ret = *slot;
    return slot != NULL;
}

bool po_val_field(struct po_vm *vm, struct po_val o, po_str name, struct po_val *ret)
{
    if (!po_charge(vm, 1)) return false;
    if (po_val_has_field(vm, o, name, ret)) return true;
    if (po_str_eq_cstr(name, "length")) {
        uint32_t n = o.tag == V_ARRAY ? o.u.arr->count : 0;
        if (o.tag == V_STR) n = po_is_wide(o) ? (uint32_t)po_count_points(po_text(o)) : po_len(o);
        if (o.tag == V_MAP || o.tag == V_SET) n = o.u.map->count;
        bool is_sized = o.tag == V_ARRAY || o.tag == V_STR || o.tag == V_MAP || o.tag == V_SET;
        *ret = po_val_int(n);
        if (is_sized) return true;
    }
    if (o.tag == V_RECORD || o.tag == V_STRUCT) {
        return po_raise(vm, "KeyNotFound", "no field '%.*s'", PO_STR_ARG(name));
    }
    return po_raise(vm, "TypeMismatch", "value has no fields");
}

bool po_val_set_field(struct po_vm *vm, struct po_val o, po_str name, struct po_val v)
{
    struct po_val *slot = find_field(vm, o, name);
    if (slot != NULL) {
        *slot = v;
        return true;
    }
    if (o.tag == V_RECORD || o.tag == V_STRUCT) {
        return po_raise(vm, "KeyNotFound", "no field '%.*s'", PO_STR_ARG(name));
    }
    return po_raise(vm, "TypeMismatch", "value has no fields");
}

/* ---- indices ---------------------------------------------------------------------------------- */

static bool slice(struct po_vm *vm, struct po_val o, const struct po_range *r, struct po_val *ret)
{
    if (o.tag != V_ARRAY && o.tag != V_STR) {
        return po_raise(vm, "TypeMismatch", "value cannot be sliced");
    }
    bool is_wide = o.tag == V_STR && po_is_wide(o);
    int64_t n = o.tag == V_ARRAY ? o.u.arr->count
                : is_wide        ? (int64_t)po_count_points(po_text(o))
                                 : (int64_t)po_len(o);
    if (r->lo < 0 || r->lo > r->hi || r->hi > n) {
        return po_raise(vm, "IndexOutOfBounds", "range %lld..%lld out of bounds for length %lld",
                        (long long)r->lo, (long long)r->hi, (long long)n);
    }
    uint32_t count = (uint32_t)(r->hi - r->lo);
    if (o.tag == V_STR) {
        size_t from = is_wide ? po_point_offset(po_text(o), (size_t)r->lo) : (size_t)r->lo;
        size_t to = is_wide ? po_point_offset(po_text(o), (size_t)r->hi) : (size_t)r->hi;
        *ret = po_val_slice(o, from, to);
        return po_charge_bytes(vm, is_wide ? po_len(o) : 1);
    }
    if (!po_charge(vm, 1 + count / 4) || !po_val_array(vm, count, ret)) return false;
    if (count > 0) po_copy(ret->u.arr->items, o.u.arr->items + r->lo, count * sizeof *ret);
    ret->u.arr->count = count;
    return true;
}

static bool char_index(struct po_vm *vm, struct po_val o, int64_t i, struct po_val *ret)
{
    po_str s = po_text(o);
    int64_t n = po_is_wide(o) ? (int64_t)po_count_points(s) : (int64_t)s.len;
    if (!po_charge_bytes(vm, po_is_wide(o) ? s.len : 1)) return false;
    if (i < 0 || i >= n) {
        return po_raise(vm, "IndexOutOfBounds", "index %lld out of bounds for length %lld",
                        (long long)i, (long long)n);
    }
    size_t from = po_is_wide(o) ? po_point_offset(s, (size_t)i) : (size_t)i;
    size_t to = po_point_end(s, from);
    return po_give(ret, po_val_slice(o, from, to));
}

static bool key_missing(struct po_vm *vm, struct po_val key)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 4096);
    struct shower sh = {vm, &text};
    if (!show(&sh, key, false, 0)) return false;
    return po_raise(vm, "KeyNotFound", "key %.*s not found", PO_STR_ARG(po_buf_str(&text)));
}

bool po_val_index(struct po_vm *vm, struct po_val o, struct po_val i, struct po_val *ret)
{
    if (i.tag == V_RANGE) return slice(vm, o, i.u.range, ret);
    if (o.tag == V_MAP) {
        struct po_entry *entry = NULL;
        if (!po_vmap_find(vm, o.u.map, i, &entry)) return false;
        if (entry == NULL) return key_missing(vm, i);
        return po_give(ret, entry->val);
    }
    bool is_good = (o.tag == V_ARRAY || o.tag == V_STR) && i.tag == V_INT;
    if (!is_good) return po_raise(vm, "TypeMismatch", "value cannot be indexed");
    if (o.tag == V_STR) return char_index(vm, o, i.u.i, ret);
    if (i.u.i < 0 || i.u.i >= o.u.arr->count) {
        return po_raise(vm, "IndexOutOfBounds", "index %lld out of bounds for length %u",
                        (long long)i.u.i, o.u.arr->count);
    }
    return po_give(ret, o.u.arr->items[i.u.i]);
}

bool po_val_set_index(struct po_vm *vm, struct po_val o, struct po_val i, struct po_val v)
{
    if (o.tag == V_MAP) {
        struct po_val old;
        return po_vmap_put(vm, o.u.map, i, v, &old);
    }
    if (o.tag != V_ARRAY || i.tag != V_INT) {
        return po_raise(vm, "TypeMismatch", "value cannot be indexed");
    }
    if (i.u.i < 0 || i.u.i >= o.u.arr->count) {
        return po_raise(vm, "IndexOutOfBounds", "index %lld out of bounds for length %u",
                        (long long)i.u.i, o.u.arr->count);
    }
    o.u.arr->items[i.u.i] = v;
    return true;
}

/* ---- iteration -------------------------------------------------------------------------------- */

static bool iter_map(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    const struct po_map_obj *m = v.u.map;
    if (!po_charge(vm, 1 + m->used) || !po_val_array(vm, m->count, ret)) return false;
    for (uint32_t i = 0; i < m->used; i++) {
        struct po_val item = m->entries[i].key;
        if (item.tag == V_UNINIT) continue;
        if (v.tag == V_MAP) {
            struct po_val pair[2] = {item, m->entries[i].val};
            if (!po_val_tuple(vm, pair, 2, &item)) return false;
        }
        if (!po_array_push(vm, ret->u.arr, item)) return false;
    }
    return true;
}

static bool iter_string(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    po_str s = po_text(v);
    if (!po_charge(vm, 1 + s.len / 8) || !po_val_array(vm, 0, ret)) return false;
    for (size_t i = 0; i < s.len;) {
        size_t to = po_point_end(s, i);
        if (!po_array_push(vm, ret->u.arr, po_val_slice(v, i, to))) return false;
        i = to;
    }
    return true;
}

bool po_val_iter(struct po_vm *vm, struct po_val v, struct po_val *ret)
{
    switch (v.tag) {
    case V_ARRAY:
    case V_RANGE: *ret = v; return true;
    case V_MAP:
    case V_SET: return iter_map(vm, v, ret);
    case V_STR: return iter_string(vm, v, ret);
    default: return po_raise(vm, "TypeMismatch", "value is not iterable");
    }
}

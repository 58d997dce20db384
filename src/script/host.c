/*
 * The edge to the host: values to JSON (sorted keys), JSON to values, host calls.
 *
 * JSON: () and None are null, Some(x) is x, structs and records are objects, a unit variant is its
 * name, a variant with payload {"Name": payload} (an array when there are several), sets are arrays,
 * a secret is {"secret": id}. The model's json module does the same.
 */
#include "script/vm_priv.h"

#include "core/json.h"

#include <math.h>
#include <stdlib.h>

#define JSON_DEPTH_MAX 60

/* ---- writing ---------------------------------------------------------------------------------- */

static bool write_value(struct po_vm *vm, struct po_val v, struct po_buf *out, uint32_t depth);

static bool write_list(struct po_vm *vm, const struct po_val *vals, uint32_t n, struct po_buf *out,
                       uint32_t depth)
{
    po_buf_append_char(out, '[');
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) po_buf_append_char(out, ',');
        if (!write_value(vm, vals[i], out, depth + 1)) return false;
    }
    po_buf_append_char(out, ']');
    return true;
}

struct member {
    po_str key;
    struct po_val val;
};

static int compare_members(const void *a, const void *b)
{
    return po_str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static bool write_members(struct po_vm *vm, struct member *members, uint32_t n, struct po_buf *out,
                          uint32_t depth)
{
    qsort(members, n, sizeof *members, compare_members);
    po_buf_append_char(out, '{');
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) po_buf_append_char(out, ',');
        po_json_quote(out, members[i].key);
        po_buf_append_char(out, ':');
        if (!write_value(vm, members[i].val, out, depth + 1)) return false;
    }
    po_buf_append_char(out, '}');
    return true;
}

/* six parameters: names and values are one table in two arrays */
static bool write_named(struct po_vm *vm, const po_str *names, const struct po_val *vals,
                        uint32_t n, struct po_buf *out, uint32_t depth)
{
    struct member *members = po_heap_alloc(vm, (n > 0 ? n : 1) * sizeof *members);
    if (members == NULL) return false;
    for (uint32_t i = 0; i < n; i++) {
        members[i] = (struct member){names[i], vals[i]};
    }
    return write_members(vm, members, n, out, depth);
}

static bool write_map(struct po_vm *vm, const struct po_map_obj *m, struct po_buf *out,
                      uint32_t depth)
{
    struct member *members = po_heap_alloc(vm, (m->count > 0 ? m->count : 1) * sizeof *members);
    uint32_t n = 0;
    if (members == NULL) return false;
    for (uint32_t i = 0; i < m->used; i++) {
        if (m->entries[i].key.tag == V_UNINIT) continue;
        PO_BUF_AUTO key;
        struct po_val text;
        po_buf_init(&key, vm->heap.limit);
        if (!po_val_show(vm, m->entries[i].key, true, &key)) return false;
        if (!po_val_str(vm, po_buf_str(&key), &text)) return false;
        members[n++] = (struct member){po_text(text), m->entries[i].val};
    }
    return write_members(vm, members, n, out, depth);
}

static bool write_set(struct po_vm *vm, const struct po_map_obj *m, struct po_buf *out,
                      uint32_t depth)
{
    bool is_first = true;
    po_buf_append_char(out, '[');
    for (uint32_t i = 0; i < m->used; i++) {
        if (m->entries[i].key.tag == V_UNINIT) continue;
        if (!is_first) po_buf_append_char(out, ',');
        is_first = false;
        if (!write_value(vm, m->entries[i].key, out, depth + 1)) return false;
    }
    po_buf_append_char(out, ']');
    return true;
}

static bool write_enum(struct po_vm *vm, struct po_val v, struct po_buf *out, uint32_t depth)
{
    const struct po_ctor *ctor = &vm->s->ctors[v.aux];
    if (v.aux == PO_CTOR_NONE) {
        po_buf_append_cstr(out, "null");
        return true;
    }
    if (v.aux == PO_CTOR_SOME) return write_value(vm, v.u.vals[0], out, depth + 1);
    if (v.u.vals == NULL) {
        po_json_quote(out, ctor->name);
        return true;
    }
    po_buf_append_char(out, '{');
    po_json_quote(out, ctor->name);
    po_buf_append_char(out, ':');
    bool is_good = ctor->fields != NULL
                       ? write_named(vm, ctor->fields, v.u.vals, ctor->count, out, depth + 1)
                   : ctor->count == 1 ? write_value(vm, v.u.vals[0], out, depth + 1)
                                      : write_list(vm, v.u.vals, ctor->count, out, depth + 1);
    po_buf_append_char(out, '}');
    return is_good;
}

static bool write_scalar(struct po_vm *vm, struct po_val v, struct po_buf *out)
{
    char text[40];
    switch (v.tag) {
    case V_UNIT: po_buf_append_cstr(out, "null"); return true;
    case V_BOOL: po_buf_append_cstr(out, v.u.i ? "true" : "false"); return true;
    case V_INT: po_buf_append(out, po_str_n(text, po_format_int(v.u.i, text))); return true;
    case V_FLOAT: po_buf_append(out, po_str_n(text, po_format_float(v.u.f, text))); return true;
    case V_STR: po_json_quote(out, po_text(v)); return po_charge_bytes(vm, po_len(v));
    case V_SECRET: po_buf_printf(out, "{\"secret\":%lld}", (long long)v.u.i); return true;
    case V_RANGE:
        po_buf_printf(out, "[%lld,%lld]", (long long)v.u.range->lo, (long long)v.u.range->hi);
        return true;
    default: return po_raise(vm, "TypeMismatch", "a %s cannot become JSON", po_val_kind(v));
    }
}

static bool write_value(struct po_vm *vm, struct po_val v, struct po_buf *out, uint32_t depth)
{
    if (depth > JSON_DEPTH_MAX)
        return po_raise(vm, "DepthLimit", "value nested too deeply for JSON");
    if (!po_charge(vm, 1)) return false;
    if (out->status != PO_OK) return po_raise_limit(vm, "MemoryLimit", "text too long");
    switch (v.tag) {
    case V_ARRAY: return write_list(vm, v.u.arr->items, v.u.arr->count, out, depth);
    case V_TUPLE: return write_list(vm, v.u.vals, v.aux, out, depth);
    case V_RECORD:
        return write_named(vm, v.u.rec->shape->names, v.u.rec->vals, v.u.rec->shape->count, out,
                           depth);
    case V_STRUCT:
        return write_named(vm, vm->s->types[v.aux].fields, v.u.vals, vm->s->types[v.aux].count, out,
                           depth);
    case V_MAP: return write_map(vm, v.u.map, out, depth);
    case V_SET: return write_set(vm, v.u.map, out, depth);
    case V_ENUM: return write_enum(vm, v, out, depth);
    default: return write_scalar(vm, v, out);
    }
}

bool po_json_write(struct po_vm *vm, struct po_val v, struct po_buf *out)
{
    if (!write_value(vm, v, out, 0)) return false;
    return out->status == PO_OK || po_raise_limit(vm, "MemoryLimit", "text too long");
}

/* ---- reading ---------------------------------------------------------------------------------- */

static bool read_any(struct po_vm *vm, const struct po_json *node, uint32_t depth,
                     struct po_val *ret);

static bool read_object(struct po_vm *vm, const struct po_json *node, uint32_t depth,
                        struct po_val *ret)
{
    uint32_t n = (uint32_t)node->count;
    po_str *names = po_heap_alloc(vm, (n > 0 ? n : 1) * sizeof *names);
    struct po_record *rec = po_heap_alloc(vm, sizeof *rec + n * sizeof rec->vals[0]);
    if (names == NULL || rec == NULL) return false;
    uint32_t i = 0;
    for (const struct po_json *m = node->first; m != NULL; m = m->next) {
        names[i] = m->key;
        if (!read_any(vm, m, depth + 1, &rec->vals[i++])) return false;
    }
    rec->shape = po_vm_shape(vm, names, n);
    if (rec->shape == NULL) return false;
    *ret = (struct po_val){.tag = V_RECORD, .u.rec = rec};
    return true;
}

static bool read_real(struct po_vm *vm, const struct po_json *node, struct po_val *ret)
{
    char text[400];
    size_t len = node->str.len < sizeof text - 1 ? node->str.len : sizeof text - 1;
    po_copy(text, node->str.ptr, len);
    text[len] = '\0';
    return po_val_finite(vm, strtod(text, NULL), ret);
}

static bool read_any(struct po_vm *vm, const struct po_json *node, uint32_t depth,
                     struct po_val *ret)
{
    if (!po_charge(vm, 1)) return false;
    switch (node->type) {
    case PO_JSON_NULL: *ret = po_val_unit(); return true;
    case PO_JSON_BOOL: *ret = po_val_bool(node->boolean); return true;
    case PO_JSON_INT: *ret = po_val_int(node->integer); return true;
    case PO_JSON_REAL: return read_real(vm, node, ret);
    case PO_JSON_STR: return po_val_str(vm, node->str, ret);
    case PO_JSON_OBJECT: return read_object(vm, node, depth, ret);
    case PO_JSON_ARRAY: break;
    }
    if (!po_val_array(vm, (uint32_t)node->count, ret)) return false;
    for (const struct po_json *m = node->first; m != NULL; m = m->next) {
        struct po_val v;
        if (!read_any(vm, m, depth + 1, &v) || !po_array_push(vm, ret->u.arr, v)) return false;
    }
    return true;
}

/* What a parsed text may take where little is left of the budget. */
#define JSON_FLOOR ((size_t)1 << 20)

/* A context of its own, so that texts parsed in a loop do not pile up in the caller's arena. */
static PO_RC parse(struct po_vm *vm, struct po_ctx *scratch, po_str text, struct po_json **ret)
{
    *scratch = (struct po_ctx){.clock = vm->cx->clock};
    scratch->arena = po_arena_new(po_heap_left(vm) + JSON_FLOOR);
    if (scratch->arena == NULL) return PO_FAIL(scratch, PO_NOMEM, "out of memory for JSON");
    return po_json_parse(scratch, text, PO_JSON_ALLOW_REAL, ret);
}

bool po_json_read(struct po_vm *vm, po_str text, struct po_val *ret, bool *ret_valid)
{
    PO_CTX_AUTO scratch = {0};
    struct po_json *root = NULL;
    *ret_valid = false;
    if (!po_charge(vm, 1 + text.len / 8)) return false;
    po_rc rc = parse(vm, &scratch, text, &root);
    if (rc.code == PO_NOMEM) return po_raise_limit(vm, "MemoryLimit", "JSON too large");
    if (!po_is_ok(rc)) return true;
    *ret_valid = read_any(vm, root, 0, ret);
    bool is_number =
        !*ret_valid && !vm->fault.is_limit; /* a number beyond float: not valid for us */
    if (is_number) vm->fault.kind = NULL;
    return *ret_valid || is_number;
}

/* ---- decoding by type ------------------------------------------------------------------------- */

struct decoder {
    struct po_vm *vm;
    bool fits;
};

/* Named parts to fill: names and descriptions side by side. */
struct fields {
    const po_str *names;
    const struct po_desc *const *parts;
    uint32_t count;
};

static bool decode(struct decoder *d, const struct po_json *node, const struct po_desc *desc,
                   uint32_t depth, struct po_val *ret);

static const struct po_json *member(const struct po_json *node, po_str key)
{
    for (const struct po_json *m = node->first; m != NULL; m = m->next) {
        if (po_str_eq(m->key, key)) return m;
    }
    return NULL;
}

static bool decode_named(struct decoder *d, const struct po_json *node, const struct fields *f,
                         uint32_t depth, struct po_val *vals)
{
    static const struct po_json null_node = {.type = PO_JSON_NULL};
    for (uint32_t i = 0; i < f->count; i++) {
        const struct po_json *m = member(node, f->names[i]);
        if (m == NULL && f->parts[i]->kind == DESC_OPTION) m = &null_node;
        if (m == NULL) {
            d->fits = false;
            return true;
        }
        if (!decode(d, m, f->parts[i], depth + 1, &vals[i])) return false;
        if (!d->fits) return true;
    }
    return true;
}

static bool decode_items(struct decoder *d, const struct po_json *node, const struct po_desc *desc,
                         uint32_t depth, struct po_val *ret)
{
    struct po_vm *vm = d->vm;
    bool is_set = desc->kind == DESC_SET;
    if (node->type != PO_JSON_ARRAY) {
        d->fits = false;
        return true;
    }
    bool is_made =
        is_set ? po_map_make(vm, V_SET, ret) : po_val_array(vm, (uint32_t)node->count, ret);
    if (!is_made) return false;
    for (const struct po_json *m = node->first; m != NULL && d->fits; m = m->next) {
        struct po_val v = po_val_unit();
        struct po_val old;
        if (!decode(d, m, desc->parts[0], depth + 1, &v)) return false;
        bool is_in = is_set ? po_vmap_put(vm, ret->u.map, v, po_val_unit(), &old)
                            : po_array_push(vm, ret->u.arr, v);
        if (!is_in) return false;
    }
    return true;
}

static bool decode_map(struct decoder *d, const struct po_json *node, const struct po_desc *desc,
                       uint32_t depth, struct po_val *ret)
{
    if (node->type != PO_JSON_OBJECT || desc->parts[0]->kind != DESC_STR) {
        d->fits = false;
        return true;
    }
    if (!po_map_make(d->vm, V_MAP, ret)) return false;
    for (const struct po_json *m = node->first; m != NULL && d->fits; m = m->next) {
        struct po_val key;
        struct po_val v = po_val_unit();
        struct po_val old;
        if (!po_val_str(d->vm, m->key, &key)) return false;
        if (!decode(d, m, desc->parts[1], depth + 1, &v)) return false;
        if (!po_vmap_put(d->vm, ret->u.map, key, v, &old)) return false;
    }
    return true;
}

static bool decode_tuple(struct decoder *d, const struct po_json *node, const struct po_desc *desc,
                         uint32_t depth, struct po_val *ret)
{
    struct po_val *vals = po_heap_alloc(d->vm, (desc->count + 1) * sizeof *vals);
    if (vals == NULL) return false;
    d->fits = node->type == PO_JSON_ARRAY && node->count == desc->count;
    uint32_t i = 0;
    for (const struct po_json *m = node->first; m != NULL && d->fits; m = m->next, i++) {
        if (!decode(d, m, desc->parts[i], depth + 1, &vals[i])) return false;
    }
    *ret = (struct po_val){.tag = V_TUPLE, .aux = desc->count, .u.vals = vals};
    return true;
}

static bool decode_object(struct decoder *d, const struct po_json *node, const struct po_desc *desc,
                          uint32_t depth, struct po_val *ret)
{
    struct po_vm *vm = d->vm;
    if (node->type != PO_JSON_OBJECT) {
        d->fits = false;
        return true;
    }
    if (desc->kind == DESC_STRUCT) {
        const struct po_type_info *info = &vm->s->types[desc->id];
        struct fields f = {info->fields, desc->parts, info->count};
        struct po_val *vals = po_heap_alloc(vm, (info->count + 1) * sizeof *vals);
        *ret = (struct po_val){.tag = V_STRUCT, .aux = desc->id, .u.vals = vals};
        return vals != NULL && decode_named(d, node, &f, depth, vals);
    }
    struct po_record *rec = po_heap_alloc(vm, sizeof *rec + desc->count * sizeof rec->vals[0]);
    const struct po_shape *shape = po_vm_shape(vm, desc->names, desc->count);
    struct fields f = {desc->names, desc->parts, desc->count};
    if (rec == NULL || shape == NULL) return false;
    rec->shape = shape;
    *ret = (struct po_val){.tag = V_RECORD, .u.rec = rec};
    return decode_named(d, node, &f, depth, rec->vals);
}

static bool decode_payload(struct decoder *d, const struct po_json *node,
                           const struct po_desc *desc, uint32_t variant, struct po_val *ret)
{
    struct po_vm *vm = d->vm;
    const struct po_type_info *info = &vm->s->types[desc->id];
    const struct po_ctor *ctor = &vm->s->ctors[info->ctor_base + variant];
    uint32_t first = 0;
    for (uint32_t i = 0; i < variant; i++) {
        first += vm->s->ctors[info->ctor_base + i].count;
    }
    struct po_val *vals = po_heap_alloc(vm, (ctor->count + 1) * sizeof *vals);
    *ret = (struct po_val){.tag = V_ENUM, .aux = info->ctor_base + variant, .u.vals = vals};
    if (vals == NULL) return false;
    const struct po_desc *const *parts = desc->parts + first;
    struct fields f = {ctor->fields, parts, ctor->count};
    if (ctor->fields != NULL) {
        d->fits = node->type == PO_JSON_OBJECT;
        return !d->fits || decode_named(d, node, &f, 1, vals);
    }
    if (ctor->count == 1) return decode(d, node, parts[0], 1, &vals[0]);
    struct po_desc tuple = {.kind = DESC_TUPLE, .count = ctor->count, .parts = desc->parts + first};
    struct po_val v;
    if (!decode_tuple(d, node, &tuple, 1, &v)) return false;
    if (d->fits) po_copy(vals, v.u.vals, ctor->count * sizeof *vals);
    return true;
}

static bool decode_enum(struct decoder *d, const struct po_json *node, const struct po_desc *desc,
                        struct po_val *ret)
{
    const struct po_type_info *info = &d->vm->s->types[desc->id];
    bool is_object = node->type == PO_JSON_OBJECT && node->count == 1;
    po_str name = is_object ? node->first->key : node->type == PO_JSON_STR ? node->str : PO_LIT("");
    for (uint32_t i = 0; i < info->count; i++) {
        const struct po_ctor *ctor = &d->vm->s->ctors[info->ctor_base + i];
        if (!po_str_eq(ctor->name, name) || is_object != (ctor->count > 0)) continue;
        if (is_object) return decode_payload(d, node->first, desc, i, ret);
        *ret = (struct po_val){.tag = V_ENUM, .aux = info->ctor_base + i};
        return true;
    }
    d->fits = false;
    return true;
}

static bool decode_scalar(struct decoder *d, const struct po_json *node, const struct po_desc *desc,
                          struct po_val *ret)
{
    bool is_number = node->type == PO_JSON_INT || node->type == PO_JSON_REAL;
    switch (desc->kind) {
    case DESC_INT: d->fits = node->type == PO_JSON_INT; break;
    case DESC_BOOL: d->fits = node->type == PO_JSON_BOOL; break;
    case DESC_STR: d->fits = node->type == PO_JSON_STR; break;
    case DESC_UNIT: d->fits = node->type == PO_JSON_NULL; break;
    case DESC_FLOAT: d->fits = is_number; break;
    case DESC_SECRET: {
        const struct po_json *id = po_json_get(node, "secret");
        d->fits = id != NULL && id->type == PO_JSON_INT;
        if (d->fits) *ret = (struct po_val){.tag = V_SECRET, .u.i = id->integer};
        return true;
    }
    default: break;
    }
    if (!d->fits) return true;
    if (!read_any(d->vm, node, 0, ret)) return false;
    if (desc->kind == DESC_FLOAT && ret->tag == V_INT) *ret = po_val_float((double)ret->u.i);
    return true;
}

static bool decode(struct decoder *d, const struct po_json *node, const struct po_desc *desc,
                   uint32_t depth, struct po_val *ret)
{
    *ret = po_val_unit();
    if (depth > JSON_DEPTH_MAX || !po_charge(d->vm, 1)) {
        d->fits = false;
        return depth > JSON_DEPTH_MAX;
    }
    switch (desc->kind) {
    case DESC_ARRAY:
    case DESC_SET: return decode_items(d, node, desc, depth, ret);
    case DESC_MAP: return decode_map(d, node, desc, depth, ret);
    case DESC_TUPLE: return decode_tuple(d, node, desc, depth, ret);
    case DESC_RECORD:
    case DESC_STRUCT: return decode_object(d, node, desc, depth, ret);
    case DESC_OPTION: {
        struct po_val v;
        *ret = po_val_none();
        if (node->type == PO_JSON_NULL) return true;
        return decode(d, node, desc->parts[0], depth + 1, &v) && po_val_some(d->vm, v, ret);
    }
    case DESC_RESULT:
    case DESC_ENUM: return decode_enum(d, node, desc, ret);
    default: return decode_scalar(d, node, desc, ret);
    }
}

bool po_json_decode(struct po_vm *vm, po_str text, const struct po_desc *desc, struct po_val *ret,
                    bool *ret_fits)
{
    PO_CTX_AUTO scratch = {0};
    struct po_json *root = NULL;
    struct decoder d = {vm, true};
    *ret_fits = false;
    po_rc rc = parse(vm, &scratch, text, &root);
    if (rc.code == PO_NOMEM) return po_raise_limit(vm, "MemoryLimit", "JSON too large");
    if (!po_is_ok(rc)) return true;
    if (!decode(&d, root, desc, 0, ret)) return false;
    *ret_fits = d.fits;
    return true;
}

/* ---- host calls ------------------------------------------------------------------------------- */

static bool host_failed(struct po_vm *vm, uint32_t index,
                        const struct po_script_host_answer *answer, struct po_val *ret)
{
    static const char *const kinds[] = {"CapabilityDenied", "HostError"};
    if (vm->s->host_is_result[index]) {
        struct po_val error;
        return po_val_error(vm, answer->error_kind, answer->error_message, &error) &&
               po_val_enum(vm, PO_CTOR_ERR, error, ret);
    }
    struct po_val text;
    if (!po_val_str(vm, answer->error_message, &text)) return false;
    return po_raise_str(vm, kinds[po_str_eq_cstr(answer->error_kind, kinds[0]) ? 0 : 1],
                        po_text(text));
}

bool po_vm_host(struct po_vm *vm, uint32_t index, struct po_val *args, uint32_t n,
                struct po_val *ret)
{
    const struct po_script_host *host = vm->run->host;
    if (vm->host_calls >= vm->run->limits.host_calls) {
        return po_raise_limit(vm, "HostCallLimit", "host call limit exceeded");
    }
    if (host == NULL || host->call == NULL || index >= host->fn_count ||
        vm->s->host_results[index] == NULL) {
        return po_raise(vm, "CapabilityDenied", "host functions are not available");
    }
    PO_BUF_AUTO in;
    PO_BUF_AUTO out;
    po_buf_init(&in, po_heap_left(vm) + JSON_FLOOR);
    po_buf_init(&out, po_heap_left(vm) + JSON_FLOOR);
    if (!write_list(vm, args, n, &in, 0)) return false;
    if (in.status != PO_OK) return po_raise_limit(vm, "MemoryLimit", "arguments too large");
    const struct po_script_host_fn *fn = &host->fns[index];
    struct po_script_host_call call = {.seq = ++vm->host_calls,
                                       .fn_index = index,
                                       .module = po_str_of(fn->module),
                                       .name = po_str_of(fn->name),
                                       .args_json = po_buf_str(&in)};
    struct po_script_host_answer answer = {0};
    const char *kind = NULL;
    po_err_clear(vm->cx);
    po_rc rc = host->call(host->user, vm->cx, &call, &out, &kind);
    if (po_is_ok(rc)) rc = po_buf_check(&out);
    answer.is_ok = po_is_ok(rc);
    answer.value_json = answer.is_ok ? po_buf_str(&out) : PO_LIT("");
    bool fits = true;
    bool is_good = true;
    if (answer.is_ok) {
        is_good = po_json_decode(vm, answer.value_json, vm->s->host_results[index], ret, &fits);
    } else {
        if (kind == NULL) kind = rc.code == PO_DENIED ? "CapabilityDenied" : "HostError";
        answer.error_kind = po_str_of(kind);
        answer.error_message = po_str_of(po_err_msg(vm->cx));
    }
    if (host->record != NULL) host->record(host->user, &call, &answer);
    if (!is_good) return false;
    if (!fits) {
        return po_raise(vm, "HostError", "%s.%s answered with another type than declared",
                        fn->module, fn->name);
    }
    if (!answer.is_ok) is_good = host_failed(vm, index, &answer, ret);
    po_err_clear(vm->cx);
    if (!is_good || !answer.is_ok) return is_good;
    return !vm->s->host_is_result[index] || po_val_enum(vm, PO_CTOR_OK, *ret, ret);
}

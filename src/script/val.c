/* Values, part one: strings, numbers as text, equality, order, arithmetic on unknown operands. */
#include "script/vm_priv.h"

#include "core/codec.h"
#include "script/comp_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *po_val_kind(struct po_val v)
{
    static const char *const names[V_COUNT] = {
        "nothing",  "()",       "bool",     "int",      "float",  "string", "array",
        "HashMap",  "HashSet",  "tuple",    "struct",   "record", "enum",   "Range",
        "function", "function", "function", "function", "Future", "Secret", "cell"};
    return v.tag < V_COUNT ? names[v.tag] : "?";
}

/* ---- strings ---------------------------------------------------------------------------------- */

struct po_val po_val_slice(struct po_val s, size_t from, size_t to)
{
    return (struct po_val){
        .tag = V_STR, .aux = (uint32_t)(to - from) | (s.aux & PO_STR_WIDE), .u.s = s.u.s + from};
}

static uint32_t wide_flag(po_str s)
{
    uint64_t seen = 0;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word = 0;
        po_copy(&word, s.ptr + i, 8);
        seen |= word;
    }
    for (; i < s.len; i++) {
        seen |= (uint64_t)(uint8_t)s.ptr[i];
    }
    return (seen & 0x8080808080808080u) != 0 ? PO_STR_WIDE : 0;
}

bool po_val_str(struct po_vm *vm, po_str s, struct po_val *ret)
{
    char *copy = po_heap_str(vm, s.len);
    if (copy == NULL || !po_charge_bytes(vm, s.len)) return false;
    if (s.len > 0) po_copy(copy, s.ptr, s.len);
    *ret = (struct po_val){.tag = V_STR, .aux = (uint32_t)s.len | wide_flag(s), .u.s = copy};
    return true;
}

size_t po_count_points(po_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += ((uint8_t)s.ptr[i] & 0xC0) != 0x80;
    }
    return n;
}

size_t po_point_offset(po_str s, size_t index)
{
    size_t i = 0;
    for (; i < s.len; i++) {
        bool is_start = ((uint8_t)s.ptr[i] & 0xC0) != 0x80;
        if (is_start && index == 0) return i;
        if (is_start) index--;
    }
    return index == 0 ? s.len : SIZE_MAX;
}

/* ---- numbers as text -------------------------------------------------------------------------- */

size_t po_format_int(int64_t value, char out[static 24])
{
    static const char digits[] =
        "0001020304050607080910111213141516171819202122232425262728293031323334"
        "3536373839404142434445464748495051525354555657585960616263646566676869"
        "707172737475767778798081828384858687888990919293949596979899";
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char buf[24];
    size_t at = sizeof buf;
    while (rest >= 100) {
        at -= 2;
        po_copy(buf + at, digits + rest % 100 * 2, 2);
        rest /= 100;
    }
    if (rest >= 10) {
        at -= 2;
        po_copy(buf + at, digits + rest * 2, 2);
    } else {
        buf[--at] = (char)('0' + rest);
    }
    if (value < 0) buf[--at] = '-';
    po_copy(out, buf + at, sizeof buf - at);
    return sizeof buf - at;
}

/*
 * Shortest text that reads back as the same number: 15, 16 or 17 digits, zeros cut. printf of a
 * double at these precisions works in the stack (glibc allocates only beyond 1,000 digits), which is
 * why the rule about formats is broken here.
 */
size_t po_format_float(double value, char out[static 40])
{
    char text[40];
    bool is_subnormal = fabs(value) < 2.3e-308; /* fewer digits may tell it apart */
    for (int digits = is_subnormal ? 0 : 14; digits <= 16; digits++) {
        (void)snprintf(text, sizeof text, "%.*e", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    char *e = strchr(text, 'e');
    if (e == NULL) return 0;
    int exponent = 0; /* "e-05": a sign and two or three digits */
    for (const char *d = e + 2; *d >= '0' && *d <= '9'; d++) {
        exponent = exponent * 10 + (*d - '0');
    }
    if (e[1] == '-') exponent = -exponent;
    char mantissa[32];
    size_t n = 0;
    size_t len = 0;
    for (const char *s = text; s < e; s++) {
        if (*s >= '0' && *s <= '9') mantissa[n++] = *s;
    }
    while (n > 1 && mantissa[n - 1] == '0') {
        n--;
    }
    if (text[0] == '-') out[len++] = '-';
    if (exponent < -4 || exponent >= 16) {
        out[len++] = mantissa[0];
        if (n > 1) out[len++] = '.';
        po_copy(out + len, mantissa + 1, n - 1);
        len += n - 1;
        out[len++] = 'e';
        out[len++] = exponent < 0 ? '-' : '+';
        int size = exponent < 0 ? -exponent : exponent;
        if (size < 10) out[len++] = '0';
        return len + po_format_int(size, out + len);
    }
    if (exponent < 0) {
        po_copy(out + len, "0.0000", 6);
        len += 2 + (size_t)(-exponent - 1);
        po_copy(out + len, mantissa, n);
        return len + n;
    }
    for (size_t i = 0; i < n || i <= (size_t)exponent; i++) {
        out[len++] = i < n ? mantissa[i] : '0';
        if (i == (size_t)exponent && i + 1 < n) out[len++] = '.';
    }
    if (n <= (size_t)exponent + 1) {
        out[len++] = '.';
        out[len++] = '0';
    }
    return len;
}

bool po_val_finite(struct po_vm *vm, double value, struct po_val *ret)
{
    if (!isfinite(value)) return po_raise(vm, "InvalidFloat", "result is not a finite number");
    return po_give(ret, po_val_float(value));
}

/* ---- concatenation ---------------------------------------------------------------------------- */

#define CONCAT_BUFS 6 /* few and small: release builds clear them on every call */

static bool as_text(struct po_vm *vm, struct po_val *v, char *buf)
{
    if (v->tag == V_STR) return true;
    if (v->tag == V_INT && buf != NULL) {
        *v = (struct po_val){.tag = V_STR, .aux = (uint32_t)po_format_int(v->u.i, buf), .u.s = buf};
        return true;
    }
    return po_val_display(vm, *v, v);
}

/* Room of a long string that grows at its end: twice its size, as far as the budget goes. */
static size_t room_for(const struct po_vm *vm, size_t total)
{
    size_t left = po_heap_left(vm);
    size_t spare = left > total ? (left - total) / 2 : 0;
    size_t room = total + (spare < total ? spare : total);
    return room < PO_STR_LEN_MAX ? room : total;
}

bool po_val_concat(struct po_vm *vm, struct po_val *parts, uint32_t n, struct po_val *ret)
{
    char bufs[CONCAT_BUFS][24];
    uint64_t total = 0;
    uint32_t wide = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!as_text(vm, &parts[i], i < CONCAT_BUFS ? bufs[i] : NULL)) return false;
        total += po_len(parts[i]);
        wide |= parts[i].aux & PO_STR_WIDE;
    }
    if (total > PO_STR_LEN_MAX) return po_raise_limit(vm, "MemoryLimit", "string too long");
    struct po_val first = parts[0];
    size_t head = po_len(first);
    if (!po_charge_bytes(vm, (size_t)total - head)) return false;
    char *tail = po_heap_extend(vm, first.u.s, head, (size_t)total - head);
    const char *start = first.u.s;
    if (tail == NULL) {
        bool grows = total > PO_BIG_BYTES / 2 && head > total / 2;
        size_t room = grows ? room_for(vm, (size_t)total) : (size_t)total;
        char *s = po_heap_str(vm, room);
        if (s == NULL || !po_charge_bytes(vm, head)) return false;
        if (head > 0) po_copy(s, first.u.s, head);
        start = s;
        tail = s + head;
        if (grows) {
            uint32_t slot = vm->heap.open_next++ & 3;
            vm->heap.open[slot].at = s + total;
            vm->heap.open[slot].end = s + room;
        }
    }
    for (uint32_t i = 1; i < n; i++) {
        uint32_t len = po_len(parts[i]);
        if (len > 0) po_copy(tail, parts[i].u.s, len);
        tail += len;
    }
    *ret = (struct po_val){.tag = V_STR, .aux = (uint32_t)total | wide, .u.s = start};
    return true;
}

/* ---- equality --------------------------------------------------------------------------------- */

static bool equal(struct po_vm *vm, struct po_val a, struct po_val b, uint32_t depth, bool *ret);

/* six parameters: two lists of one length, how deep, and the answer */
static bool equal_list(struct po_vm *vm, const struct po_val *a, const struct po_val *b, uint32_t n,
                       uint32_t depth, bool *ret)
{
    *ret = true;
    for (uint32_t i = 0; i < n && *ret; i++) {
        if (!equal(vm, a[i], b[i], depth + 1, ret)) return false;
    }
    return true;
}

static bool equal_maps(struct po_vm *vm, const struct po_map_obj *a, const struct po_map_obj *b,
                       uint32_t depth, bool *ret)
{
    *ret = a->count == b->count;
    for (uint32_t i = 0; i < a->used && *ret; i++) {
        struct po_entry *other = NULL;
        if (a->entries[i].key.tag == V_UNINIT) continue;
        if (!po_vmap_find(vm, b, a->entries[i].key, &other)) return false;
        *ret = other != NULL;
        if (*ret && !equal(vm, a->entries[i].val, other->val, depth + 1, ret)) return false;
    }
    return true;
}

static bool equal_records(struct po_vm *vm, const struct po_record *a, const struct po_record *b,
                          uint32_t depth, bool *ret)
{
    *ret = a->shape->count == b->shape->count;
    for (uint32_t i = 0; i < a->shape->count && *ret; i++) {
        uint32_t j = 0;
        while (j < b->shape->count && !po_str_eq(a->shape->names[i], b->shape->names[j])) {
            j++;
        }
        *ret = j < b->shape->count;
        if (*ret && !equal(vm, a->vals[i], b->vals[j], depth + 1, ret)) return false;
    }
    return true;
}

static bool equal(struct po_vm *vm, struct po_val a, struct po_val b, uint32_t depth, bool *ret)
{
    *ret = false;
    if (depth > PO_VALUE_DEPTH_MAX) {
        return po_raise(vm, "DepthLimit", "value nested too deeply to compare");
    }
    if (!po_charge(vm, 1)) return false;
    if (a.tag != b.tag) {
        bool is_mixed =
            (a.tag == V_INT && b.tag == V_FLOAT) || (a.tag == V_FLOAT && b.tag == V_INT);
        if (is_mixed) *ret = a.tag == V_INT ? (double)a.u.i == b.u.f : a.u.f == (double)b.u.i;
        return true;
    }
    switch (a.tag) {
    case V_UNIT: *ret = true; return true;
    case V_BOOL:
    case V_INT:
    case V_SECRET: *ret = a.u.i == b.u.i; return true;
    case V_FLOAT: *ret = a.u.f == b.u.f; return true;
    case V_STR:
        *ret = po_len(a) == po_len(b) && (po_len(a) == 0 || memcmp(a.u.s, b.u.s, po_len(a)) == 0);
        return po_charge_bytes(vm, po_len(a));
    case V_ARRAY:
        if (a.u.arr->count != b.u.arr->count) return true;
        return equal_list(vm, a.u.arr->items, b.u.arr->items, a.u.arr->count, depth, ret);
    case V_TUPLE:
    case V_STRUCT: {
        if (a.aux != b.aux) return true;
        uint32_t n = a.tag == V_TUPLE ? a.aux : vm->s->types[a.aux].count;
        return equal_list(vm, a.u.vals, b.u.vals, n, depth, ret);
    }
    case V_ENUM:
        if (a.aux != b.aux) return true;
        return equal_list(vm, a.u.vals, b.u.vals, a.u.vals ? vm->s->ctors[a.aux].count : 0, depth,
                          ret);
    case V_RECORD: return equal_records(vm, a.u.rec, b.u.rec, depth, ret);
    case V_MAP:
    case V_SET: return equal_maps(vm, a.u.map, b.u.map, depth, ret);
    case V_RANGE:
        *ret = a.u.range->lo == b.u.range->lo && a.u.range->hi == b.u.range->hi;
        return true;
    default: *ret = a.u.p == b.u.p && a.aux == b.aux; return true;
    }
}

bool po_val_equal(struct po_vm *vm, struct po_val a, struct po_val b, bool *ret)
{
    return equal(vm, a, b, 0, ret);
}

/* ---- order ------------------------------------------------------------------------------------ */

static int compare_bytes(struct po_val a, struct po_val b)
{
    /* UTF-8 sorts bytewise as its code points do */
    return po_str_cmp(po_text(a), po_text(b));
}

static bool order(struct po_vm *vm, struct po_val a, struct po_val b, uint32_t depth, int *ret)
{
    *ret = 0;
    if (depth > PO_VALUE_DEPTH_MAX) return po_raise(vm, "DepthLimit", "value nested too deeply");
    bool is_good = a.tag == b.tag && (a.tag == V_INT || a.tag == V_FLOAT || a.tag == V_STR ||
                                      (a.tag == V_TUPLE && depth < PO_VALUE_DEPTH_MAX));
    if (!is_good) return po_raise(vm, "TypeMismatch", "values cannot be ordered");
    if (a.tag == V_INT) {
        *ret = (a.u.i > b.u.i) - (a.u.i < b.u.i);
    } else if (a.tag == V_FLOAT) {
        *ret = (a.u.f > b.u.f) - (a.u.f < b.u.f);
    } else if (a.tag == V_STR) {
        int c = compare_bytes(a, b);
        *ret = (c > 0) - (c < 0);
        return po_charge_bytes(vm, po_len(a) < po_len(b) ? po_len(a) : po_len(b));
    }
    uint32_t n = a.tag == V_TUPLE ? (a.aux < b.aux ? a.aux : b.aux) : 0;
    for (uint32_t i = 0; i < n && *ret == 0; i++) {
        if (!order(vm, a.u.vals[i], b.u.vals[i], depth + 1, ret)) return false;
    }
    if (a.tag == V_TUPLE && *ret == 0) *ret = (a.aux > b.aux) - (a.aux < b.aux);
    return true;
}

bool po_val_order(struct po_vm *vm, struct po_val a, struct po_val b, int *ret)
{
    return order(vm, a, b, 0, ret);
}

/* ---- arithmetic on operands of any type ------------------------------------------------------- */

static bool int_arith(struct po_vm *vm, int op, int64_t a, int64_t b, struct po_val *ret)
{
    int64_t out = 0;
    bool overflows = false;
    switch (op) {
    case TK_PLUS: overflows = __builtin_add_overflow(a, b, &out); break;
    case TK_MINUS: overflows = __builtin_sub_overflow(a, b, &out); break;
    case TK_STAR: overflows = __builtin_mul_overflow(a, b, &out); break;
    default:
        if (b == 0) return po_raise(vm, "DivisionByZero", "division by zero");
        overflows = a == INT64_MIN && b == -1 && op == TK_SLASH;
        if (!overflows) out = b == -1 ? (op == TK_SLASH ? -a : 0) : op == TK_SLASH ? a / b : a % b;
        break;
    }
    if (overflows) return po_raise(vm, "IntegerOverflow", "integer overflow");
    return po_give(ret, po_val_int(out));
}

static bool float_arith(struct po_vm *vm, int op, double a, double b, struct po_val *ret)
{
    double out = 0;
    switch (op) {
    case TK_PLUS: out = a + b; break;
    case TK_MINUS: out = a - b; break;
    case TK_STAR: out = a * b; break;
    default:
        if (b == 0.0) return po_raise(vm, "DivisionByZero", "division by zero");
        out = op == TK_SLASH ? a / b : fmod(a, b);
        break;
    }
    return po_val_finite(vm, out, ret);
}

static bool join_arrays(struct po_vm *vm, const struct po_array *a, const struct po_array *b,
                        struct po_val *ret)
{
    if ((uint64_t)a->count + b->count > UINT32_MAX / 2) {
        return po_raise_limit(vm, "MemoryLimit", "array too long");
    }
    uint32_t n = a->count + b->count;
    if (!po_charge(vm, 1 + n / 4) || !po_val_array(vm, n, ret)) return false;
    if (a->count > 0) po_copy(ret->u.arr->items, a->items, a->count * sizeof *a->items);
    if (b->count > 0) po_copy(ret->u.arr->items + a->count, b->items, b->count * sizeof *b->items);
    ret->u.arr->count = n;
    return true;
}

bool po_val_arith(struct po_vm *vm, int op, struct po_val a, struct po_val b, struct po_val *ret)
{
    if (op == TK_PLUS && (a.tag == V_STR || b.tag == V_STR)) {
        struct po_val parts[2] = {a, b};
        return po_val_concat(vm, parts, 2, ret);
    }
    if (op == TK_PLUS && a.tag == V_ARRAY && b.tag == V_ARRAY) {
        return join_arrays(vm, a.u.arr, b.u.arr, ret);
    }
    if (a.tag == V_INT && b.tag == V_INT) return int_arith(vm, op, a.u.i, b.u.i, ret);
    if (a.tag == V_FLOAT && b.tag == V_FLOAT) return float_arith(vm, op, a.u.f, b.u.f, ret);
    return po_raise(vm, "TypeMismatch", "operator '%s' cannot be applied to these values",
                    po_tok_text(op));
}

/* Library: strings. Cutting shares bytes; indices count code points. */
#include "script/lib_fns_priv.h"

#include "core/codec.h"

/* ---- white space ------------------------------------------------------------------------------ */

static bool is_white(uint32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

uint32_t po_lib_point_at(po_str s, size_t *at)
{
    uint32_t c = 0;
    if (!po_is_ok(po_utf8_next(s, at, &c))) {
        (*at)++;
        c = 0xFFFD;
    }
    return c;
}

static size_t white_end(po_str s)
{
    size_t at = 0;
    while (at < s.len) {
        size_t next = at;
        if (!is_white(po_lib_point_at(s, &next))) break;
        at = next;
    }
    return at;
}

static size_t white_start(po_str s)
{
    size_t end = s.len;
    while (end > 0) {
        size_t at = end - 1;
        while (at > 0 && ((uint8_t)s.ptr[at] & 0xC0) == 0x80) {
            at--;
        }
        size_t next = at;
        if (!is_white(po_lib_point_at(s, &next))) break;
        end = at;
    }
    return end;
}

bool po_lib_trim(struct po_vm *vm, struct po_val s, bool start, bool end, struct po_val *ret)
{
    po_str text = po_text(s);
    if (!po_charge_bytes(vm, text.len)) return false;
    size_t to = end ? white_start(text) : text.len;
    size_t from = start ? white_end(text) : 0;
    return po_give(ret, po_val_slice(s, from < to ? from : to, to));
}

LIB(str_trim) { return po_lib_trim(vm, a[0], true, true, ret); }
LIB(str_trim_start) { return po_lib_trim(vm, a[0], true, false, ret); }
LIB(str_trim_end) { return po_lib_trim(vm, a[0], false, true, ret); }

/* ---- letters ---------------------------------------------------------------------------------- */

/* One-to-one mappings of ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic (docs/spec/script.md). */
static uint32_t to_upper(uint32_t c)
{
    if (c >= 'a' && c <= 'z') return c - 32;
    if (c < 0x80) return c;
    if (c == 0xB5) return 0x39C;
    if ((c >= 0xE0 && c <= 0xFE && c != 0xF7)) return c - 32;
    if (c == 0xFF) return 0x178;
    bool is_even_pair = (c >= 0x100 && c <= 0x137 && c != 0x131) || (c >= 0x14A && c <= 0x177);
    bool is_odd_pair = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
    if (is_even_pair && (c & 1) == 1) return c - 1;
    if (is_odd_pair && (c & 1) == 0) return c - 1;
    if (c == 0x3C2) return 0x3A3;
    if (c >= 0x3B1 && c <= 0x3CB) return c - 32;
    if (c == 0x3AC) return 0x386;
    if (c >= 0x3AD && c <= 0x3AF) return c - 37;
    if (c == 0x3CC) return 0x38C;
    if (c == 0x3CD || c == 0x3CE) return c - 63;
    if (c >= 0x430 && c <= 0x44F) return c - 32;
    if (c >= 0x450 && c <= 0x45F) return c - 80;
    return c;
}

static uint32_t to_lower(uint32_t c)
{
    if (c >= 'A' && c <= 'Z') return c + 32;
    if (c < 0x80) return c;
    if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
    if (c == 0x178) return 0xFF;
    bool is_even_pair = (c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177);
    bool is_odd_pair = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
    if (is_even_pair && (c & 1) == 0) return c + 1;
    if (is_odd_pair && (c & 1) == 1) return c + 1;
    if (c >= 0x391 && c <= 0x3AB && c != 0x3A2) return c + 32;
    if (c == 0x386) return 0x3AC;
    if (c >= 0x388 && c <= 0x38A) return c + 37;
    if (c == 0x38C) return 0x3CC;
    if (c == 0x38E || c == 0x38F) return c + 63;
    if (c >= 0x410 && c <= 0x42F) return c + 32;
    if (c >= 0x400 && c <= 0x40F) return c + 80;
    return c;
}

enum casing { CASE_UPPER, CASE_LOWER, CASE_CAPITAL, CASE_TITLE };

static bool recase(struct po_vm *vm, struct po_val s, enum casing casing, struct po_val *ret)
{
    po_str text = po_text(s);
    bool is_first = true;
    if (!po_charge_bytes(vm, text.len)) return false;
    po_text_begin(vm);
    for (size_t at = 0; at < text.len;) {
        uint32_t c = po_lib_point_at(text, &at);
        bool is_upper = casing == CASE_UPPER || (is_first && casing != CASE_LOWER);
        bool is_lower = casing == CASE_LOWER || (casing == CASE_TITLE && !is_first);
        po_utf8_append(&vm->scratch, is_upper ? to_upper(c) : is_lower ? to_lower(c) : c);
        is_first = casing == CASE_TITLE && c == ' ';
    }
    return po_text_end(vm, ret);
}

LIB(str_upper) { return recase(vm, a[0], CASE_UPPER, ret); }
LIB(str_lower) { return recase(vm, a[0], CASE_LOWER, ret); }
LIB(str_capitalize) { return recase(vm, a[0], CASE_CAPITAL, ret); }
LIB(str_title) { return recase(vm, a[0], CASE_TITLE, ret); }

static bool all_points(struct po_vm *vm, struct po_val s, bool letters, bool digits,
                       struct po_val *ret)
{
    po_str text = po_text(s);
    bool holds = text.len > 0;
    if (!po_charge_bytes(vm, text.len)) return false;
    for (size_t at = 0; at < text.len && holds;) {
        uint32_t c = po_lib_point_at(text, &at);
        bool is_letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c >= 0xC0 && c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x2BFF) && !is_white(c));
        bool is_number = c >= '0' && c <= '9';
        holds = (letters && is_letter) || (digits && is_number);
    }
    return po_give(ret, po_val_bool(holds));
}

LIB(str_is_alpha) { return all_points(vm, a[0], true, false, ret); }
LIB(str_is_digit) { return all_points(vm, a[0], false, true, ret); }
LIB(str_is_alnum) { return all_points(vm, a[0], true, true, ret); }

/* ---- searching -------------------------------------------------------------------------------- */

/* memmem is linear; po_str_find need not be. */
static size_t find(po_str s, po_str needle, size_t from)
{
    if (needle.len == 0) return from <= s.len ? from : SIZE_MAX;
    if (from > s.len || needle.len > s.len - from) return SIZE_MAX;
    const char *hit = needle.len == 1 ? memchr(s.ptr + from, needle.ptr[0], s.len - from)
                                      : memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return hit != NULL ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

LIB(str_contains)
{
    *ret = po_val_bool(find(po_text(a[0]), po_text(a[1]), 0) != SIZE_MAX);
    return po_charge_bytes(vm, po_len(a[0]));
}

LIB(str_starts) { return po_give(ret, po_val_bool(po_str_starts(po_text(a[0]), po_text(a[1])))); }
LIB(str_ends) { return po_give(ret, po_val_bool(po_str_ends(po_text(a[0]), po_text(a[1])))); }

LIB(str_find)
{
    po_str s = po_text(a[0]);
    size_t at = find(s, po_text(a[1]), 0);
    *ret = po_val_none();
    if (!po_charge_bytes(vm, s.len)) return false;
    if (at == SIZE_MAX) return true;
    size_t index = po_is_wide(a[0]) ? po_count_points(po_str_slice(s, 0, at)) : at;
    return po_val_some(vm, po_val_int((int64_t)index), ret);
}

LIB(str_count)
{
    po_str s = po_text(a[0]);
    po_str needle = po_text(a[1]);
    int64_t count = 0;
    if (needle.len == 0) count = (int64_t)po_count_points(s) + 1;
    for (size_t at = 0; needle.len > 0 && (at = find(s, needle, at)) != SIZE_MAX;
         at += needle.len) {
        count++;
    }
    *ret = po_val_int(count);
    return po_charge_bytes(vm, s.len);
}

LIB(str_replace)
{
    po_str s = po_text(a[0]);
    po_str from = po_text(a[1]);
    po_str to = po_text(a[2]);
    size_t run = 0;
    po_text_begin(vm);
    if (!po_charge_bytes(vm, s.len)) return false;
    for (size_t at = 0; from.len > 0 && (at = find(s, from, run)) != SIZE_MAX;
         run = at + from.len) {
        po_buf_append(&vm->scratch, po_str_slice(s, run, at));
        po_buf_append(&vm->scratch, to);
        if (vm->scratch.status != PO_OK) break;
    }
    for (size_t at = 0; from.len == 0 && at <= s.len && vm->scratch.status == PO_OK;) {
        po_buf_append(&vm->scratch, to); /* an empty pattern stands between all code points */
        size_t start = at;
        if (at == s.len) break;
        (void)po_lib_point_at(s, &at);
        po_buf_append(&vm->scratch, po_str_slice(s, start, at));
        run = s.len;
    }
    if (run == 0 && vm->scratch.len == 0) return po_give(ret, a[0]);
    if (from.len > 0) po_buf_append(&vm->scratch, po_str_slice(s, run, s.len));
    return po_text_end(vm, ret);
}

/* ---- cutting ---------------------------------------------------------------------------------- */

LIB(str_split)
{
    struct po_val s = a[0];
    po_str text = po_text(s);
    po_str sep = po_text(a[1]);
    size_t run = 0;
    if (sep.len == 0) return po_val_iter(vm, s, ret);
    if (!po_charge_bytes(vm, text.len) || !po_val_array(vm, 4, ret)) return false;
    for (size_t at = 0; (at = find(text, sep, run)) != SIZE_MAX; run = at + sep.len) {
        if (!po_array_push(vm, ret->u.arr, po_val_slice(s, run, at))) return false;
    }
    return po_array_push(vm, ret->u.arr, po_val_slice(s, run, text.len)) &&
           po_charge(vm, ret->u.arr->count / 8);
}

LIB(str_split_once)
{
    struct po_val s = a[0];
    size_t at = find(po_text(s), po_text(a[1]), 0);
    if (po_len(a[1]) == 0) return po_raise(vm, "InvalidArgument", "empty separator");
    *ret = po_val_none();
    if (!po_charge_bytes(vm, po_len(s))) return false;
    if (at == SIZE_MAX) return true;
    struct po_val pair[2] = {po_val_slice(s, 0, at), po_val_slice(s, at + po_len(a[1]), po_len(s))};
    struct po_val tuple;
    return po_val_tuple(vm, pair, 2, &tuple) && po_val_some(vm, tuple, ret);
}

LIB(str_split_white)
{
    struct po_val s = a[0];
    po_str text = po_text(s);
    size_t start = SIZE_MAX;
    if (!po_charge_bytes(vm, text.len * 4) || !po_val_array(vm, 0, ret)) return false;
    for (size_t at = 0; at < text.len;) {
        size_t before = at;
        bool white = is_white(po_lib_point_at(text, &at));
        if (!white && start == SIZE_MAX) start = before;
        bool ends = start != SIZE_MAX && (white || at >= text.len);
        if (!ends) continue;
        size_t to = white ? before : text.len;
        if (!po_array_push(vm, ret->u.arr, po_val_slice(s, start, to))) return false;
        start = SIZE_MAX;
    }
    return true;
}

LIB(str_lines)
{
    struct po_val s = a[0];
    po_str text = po_text(s);
    size_t run = 0;
    if (!po_charge_bytes(vm, text.len) || !po_val_array(vm, 0, ret)) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\n' && text.ptr[i] != '\r') continue;
        if (!po_array_push(vm, ret->u.arr, po_val_slice(s, run, i))) return false;
        bool is_pair = text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        if (is_pair) i++;
        run = i + 1;
    }
    return run >= text.len || po_array_push(vm, ret->u.arr, po_val_slice(s, run, text.len));
}

LIB(str_chars) { return po_val_iter(vm, a[0], ret); }

static int64_t points(struct po_val s)
{
    return po_is_wide(s) ? (int64_t)po_count_points(po_text(s)) : (int64_t)po_len(s);
}

static size_t offset_of(struct po_val s, int64_t index)
{
    return po_is_wide(s) ? po_point_offset(po_text(s), (size_t)index) : (size_t)index;
}

LIB(str_substring)
{
    int64_t from = a[1].u.i;
    int64_t to = a[2].u.i;
    int64_t len = points(a[0]);
    if (!po_charge_bytes(vm, po_is_wide(a[0]) ? po_len(a[0]) : 1)) return false;
    if (from < 0 || from > to || to > len) {
        return po_raise(vm, "IndexOutOfBounds",
                        "substring %lld..%lld out of bounds for length %lld", (long long)from,
                        (long long)to, (long long)len);
    }
    return po_give(ret, po_val_slice(a[0], offset_of(a[0], from), offset_of(a[0], to)));
}

LIB(str_char_at)
{
    struct po_val v;
    *ret = po_val_none();
    if (!po_charge_bytes(vm, po_is_wide(a[0]) ? po_len(a[0]) : 1)) return false;
    if (a[1].u.i < 0 || a[1].u.i >= points(a[0])) return true;
    return po_val_index(vm, a[0], a[1], &v) && po_val_some(vm, v, ret);
}

static bool strip(struct po_val s, struct po_val part, bool is_prefix, struct po_val *ret)
{
    uint32_t len = po_len(s);
    bool has = is_prefix ? po_str_starts(po_text(s), po_text(part))
                         : po_str_ends(po_text(s), po_text(part));
    *ret = !has        ? s
           : is_prefix ? po_val_slice(s, po_len(part), len)
                       : po_val_slice(s, 0, len - po_len(part));
    return has;
}

LIB(str_strip_prefix_free)
{
    (void)strip(a[0], a[1], true, ret);
    return true;
}
LIB(str_strip_suffix_free)
{
    (void)strip(a[0], a[1], false, ret);
    return true;
}

static bool strip_option(struct po_vm *vm, struct po_val *a, bool is_prefix, struct po_val *ret)
{
    struct po_val v;
    *ret = po_val_none();
    return !strip(a[0], a[1], is_prefix, &v) || po_val_some(vm, v, ret);
}

LIB(str_strip_prefix) { return strip_option(vm, a, true, ret); }
LIB(str_strip_suffix) { return strip_option(vm, a, false, ret); }

/* ---- building --------------------------------------------------------------------------------- */

static bool join(struct po_vm *vm, struct po_val sep, const struct po_array *arr,
                 struct po_val *ret)
{
    uint64_t total = arr->count > 0 ? (uint64_t)(arr->count - 1) * po_len(sep) : 0;
    uint32_t wide = sep.aux & PO_STR_WIDE;
    for (uint32_t i = 0; i < arr->count; i++) {
        if (arr->items[i].tag != V_STR) return po_raise(vm, "TypeMismatch", "join needs strings");
        total += po_len(arr->items[i]);
        wide |= arr->items[i].aux & PO_STR_WIDE;
    }
    if (total > PO_STR_LEN_MAX) return po_raise_limit(vm, "MemoryLimit", "string too long");
    if (!po_charge(vm, arr->count / 4) || !po_charge_bytes(vm, (size_t)total)) return false;
    char *out = po_heap_str(vm, (size_t)total);
    if (out == NULL) return false;
    *ret = (struct po_val){.tag = V_STR, .aux = (uint32_t)total | wide, .u.s = out};
    for (uint32_t i = 0; i < arr->count; i++) {
        if (i > 0 && po_len(sep) > 0) memcpy(out, sep.u.s, po_len(sep));
        if (i > 0) out += po_len(sep);
        uint32_t len = po_len(arr->items[i]);
        if (len > 0) memcpy(out, arr->items[i].u.s, len);
        out += len;
    }
    return true;
}

LIB(str_join) { return join(vm, a[1], a[0].u.arr, ret); }
LIB(str_join_free) { return join(vm, a[0], a[1].u.arr, ret); }

/* `count` code points of the filler repeated. */
static void append_fill(struct po_buf *out, struct po_val filler, int64_t count)
{
    po_str s = po_text(filler);
    int64_t per = points(filler);
    for (; count >= per && out->status == PO_OK; count -= per) {
        po_buf_append(out, s);
    }
    if (count > 0) po_buf_append(out, po_str_slice(s, 0, offset_of(filler, count)));
}

LIB(str_repeat)
{
    int64_t count = a[1].u.i < 0 ? 0 : a[1].u.i;
    uint64_t total = 0;
    bool too_long =
        __builtin_mul_overflow((uint64_t)count, po_len(a[0]), &total) || total > PO_STR_LEN_MAX;
    if (too_long || total > vm->heap.limit)
        return po_raise_limit(vm, "MemoryLimit", "string too long");
    if (!po_charge_bytes(vm, (size_t)total)) return false;
    po_text_begin(vm);
    if (total > 0) append_fill(&vm->scratch, a[0], count * points(a[0]));
    return po_text_end(vm, ret);
}

static bool pad(struct po_vm *vm, struct po_val *a, int side, struct po_val *ret)
{
    int64_t have = points(a[0]);
    *ret = a[0];
    if (a[1].u.i <= have || po_len(a[2]) == 0) return true;
    int64_t missing = a[1].u.i - have;
    if ((uint64_t)missing > vm->heap.limit)
        return po_raise_limit(vm, "MemoryLimit", "string too long");
    if (!po_charge_bytes(vm, (size_t)missing)) return false;
    int64_t left = side == 0 ? missing : side == 1 ? 0 : missing / 2;
    po_text_begin(vm);
    append_fill(&vm->scratch, a[2], left);
    po_buf_append(&vm->scratch, po_text(a[0]));
    append_fill(&vm->scratch, a[2], missing - left);
    return po_text_end(vm, ret);
}

LIB(str_pad_left) { return pad(vm, a, 0, ret); }
LIB(str_pad_right) { return pad(vm, a, 1, ret); }
LIB(str_center) { return pad(vm, a, 2, ret); }

LIB(str_truncate)
{
    int64_t max = a[1].u.i;
    *ret = a[0];
    if (points(a[0]) <= max) return true;
    int64_t tail = points(a[2]);
    int64_t keep = max > tail ? max - tail : 0;
    struct po_val parts[2] = {po_val_slice(a[0], 0, offset_of(a[0], keep)), a[2]};
    return po_val_concat(vm, parts, 2, ret);
}

LIB(str_reverse)
{
    po_str s = po_text(a[0]);
    char *out = po_heap_str(vm, s.len);
    if (out == NULL || !po_charge_bytes(vm, s.len)) return false;
    size_t end = s.len;
    for (size_t i = 0; i < s.len;) {
        size_t to = po_point_end(s, i);
        end -= to - i;
        memcpy(out + end, s.ptr + i, to - i);
        i = to;
    }
    *ret = (struct po_val){.tag = V_STR, .aux = a[0].aux, .u.s = out};
    return true;
}

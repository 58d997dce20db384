/*
 * Borrowed bytes.
 */
#include "core/str.h"

#include <sodium.h>

bool po_str_eq(po_str a, po_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool po_str_eq_cstr(po_str a, const char *b) { return po_str_eq(a, po_str_of(b)); }

int po_str_cmp(po_str a, po_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0) return order < 0 ? -1 : 1;
    if (a.len == b.len) return 0;
    return a.len < b.len ? -1 : 1;
}

bool po_str_starts(po_str s, po_str prefix)
{
    return s.len >= prefix.len && po_str_eq(po_str_slice(s, 0, prefix.len), prefix);
}

bool po_str_ends(po_str s, po_str suffix)
{
    return s.len >= suffix.len && po_str_eq(po_str_slice(s, s.len - suffix.len, s.len), suffix);
}

size_t po_str_find(po_str s, po_str needle, size_t from)
{
    if (from > s.len || needle.len > s.len - from) return SIZE_MAX;
    if (needle.len == 0) return from;
    const char *hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return hit == NULL ? SIZE_MAX : (size_t)(hit - s.ptr);
}

size_t po_str_find_char(po_str s, char c, size_t from)
{
    if (from >= s.len) return SIZE_MAX;
    const char *hit = memchr(s.ptr + from, c, s.len - from);
    return hit == NULL ? SIZE_MAX : (size_t)(hit - s.ptr);
}

po_str po_str_slice(po_str s, size_t from, size_t to)
{
    if (to > s.len) to = s.len;
    if (from > to) from = to;
    if (s.ptr == NULL) return s;
    return (po_str){s.ptr + from, to - from};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

po_str po_str_trim(po_str s)
{
    size_t from = 0;
    size_t to = s.len;
    while (from < to && is_space(s.ptr[from]))
        from++;
    while (to > from && is_space(s.ptr[to - 1]))
        to--;
    return po_str_slice(s, from, to);
}

bool po_str_next_field(po_str *rest, char sep, po_str *ret_field)
{
    if (rest->ptr == NULL) return false;
    size_t at = po_str_find_char(*rest, sep, 0);
    if (at == SIZE_MAX) {
        *ret_field = *rest;
        *rest = (po_str){NULL, 0};
        return true;
    }
    *ret_field = po_str_slice(*rest, 0, at);
    *rest = po_str_slice(*rest, at + 1, rest->len);
    return true;
}

bool po_str_next_line(po_str *rest, po_str *ret_line)
{
    if (rest->len == 0) return false;
    return po_str_next_field(rest, '\n', ret_line);
}

po_rc po_str_to_u64(po_str s, uint64_t max, uint64_t *ret_value)
{
    if (s.len == 0 || (s.len > 1 && s.ptr[0] == '0')) return po_rc_of(PO_INVALID);
    uint64_t value = 0;
    bool is_over = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return po_rc_of(PO_INVALID);
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (__builtin_mul_overflow(value, (uint64_t)10, &value)) is_over = true;
        if (__builtin_add_overflow(value, digit, &value)) is_over = true;
    }
    if (is_over || value > max) return po_rc_of(PO_LIMIT);
    *ret_value = value;
    return po_rc_ok();
}

po_rc po_str_to_i64(po_str s, int64_t *ret_value)
{
    bool is_negative = s.len != 0 && s.ptr[0] == '-';
    if (is_negative) s = po_str_slice(s, 1, s.len);
    uint64_t value = 0;
    PO_PASS(po_str_to_u64(s, (uint64_t)INT64_MAX + (is_negative ? 1 : 0), &value));
    if (is_negative && value == 0) return po_rc_of(PO_INVALID);
    *ret_value = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return po_rc_ok();
}

bool po_str_eq_secret(po_str a, po_str b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Library: numbers from text, glob. */
#include "script/lib_fns_priv.h"

#include "core/codec.h"

#include <math.h>
#include <stdlib.h>

static bool is_ascii_digit(char ch) { return ch >= '0' && ch <= '9'; }

/* ---- numbers from text ------------------------------------------------------------------------ */

static bool parse_failed(struct po_vm *vm, struct po_val s, const char *type, struct po_val *ret)
{
    struct po_val text;
    po_text_begin(vm);
    po_buf_append_cstr(&vm->scratch, "cannot parse '");
    po_buf_append(&vm->scratch, po_text(s));
    po_buf_append_cstr(&vm->scratch, "' as ");
    po_buf_append_cstr(&vm->scratch, type);
    return po_text_end(vm, &text) && po_val_enum(vm, PO_CTOR_ERR, text, ret);
}

LIB(str_parse_int)
{
    struct po_val t;
    if (!po_lib_trim(vm, a[0], true, true, &t)) return false;
    po_str s = po_text(t);
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    bool is_good = at < s.len;
    int64_t value = 0;
    for (; at < s.len && is_good; at++) {
        int digit = is_ascii_digit(s.ptr[at]) ? s.ptr[at] - '0' : -1;
        is_good = digit >= 0 && !__builtin_mul_overflow(value, 10, &value) &&
                  !(is_negative ? __builtin_sub_overflow(value, digit, &value)
                                : __builtin_add_overflow(value, digit, &value));
    }
    if (!is_good) return parse_failed(vm, a[0], "int", ret);
    return po_val_enum(vm, PO_CTOR_OK, po_val_int(value), ret);
}

static size_t digits_end(po_str s, size_t at)
{
    while (at < s.len && is_ascii_digit(s.ptr[at])) {
        at++;
    }
    return at;
}

/* [+-] digits [. digits] | . digits, with an exponent. */
static bool is_float_text(po_str s)
{
    size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    size_t whole = digits_end(s, at) - at;
    at += whole;
    size_t part = 0;
    if (at < s.len && s.ptr[at] == '.') {
        part = digits_end(s, at + 1) - (at + 1);
        at += 1 + part;
    }
    if (whole == 0 && part == 0) return false;
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+')) at++;
        size_t end = digits_end(s, at);
        if (end == at) return false;
        at = end;
    }
    return at == s.len;
}

LIB(str_parse_float)
{
    struct po_val t;
    char text[400];
    if (!po_lib_trim(vm, a[0], true, true, &t)) return false;
    po_str s = po_text(t);
    if (s.len >= sizeof text || !is_float_text(s)) return parse_failed(vm, a[0], "float", ret);
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    double value = strtod(text, NULL);
    if (!isfinite(value)) return parse_failed(vm, a[0], "float", ret);
    return po_val_enum(vm, PO_CTOR_OK, po_val_float(value), ret);
}

/* ---- glob ------------------------------------------------------------------------------------- */

/* '*' and '?': one backtracking point, so at most pattern * text steps, which are charged. */
bool po_glob_matches(struct po_vm *vm, po_str pattern, po_str text, bool *ret)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = SIZE_MAX;
    size_t resume = 0;
    *ret = false;
    for (uint32_t work = 0;; work++) {
        if ((work & 63) == 63 && !po_charge(vm, 1)) return false;
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = ++p;
            resume = t;
        } else if (t >= text.len) {
            break;
        } else if (p < pattern.len && pattern.ptr[p] == '?') {
            p++;
            (void)po_lib_point_at(text, &t);
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star;
            t = ++resume;
        } else {
            return true;
        }
    }
    *ret = p == pattern.len;
    return true;
}

LIB(str_matches)
{
    bool matches = false;
    bool is_good = po_glob_matches(vm, po_text(a[1]), po_text(a[0]), &matches);
    *ret = po_val_bool(matches);
    return is_good;
}

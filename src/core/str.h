/*
 * Borrowed bytes: pointer and length, passed by value, not NUL-terminated.
 */
#ifndef PO_CORE_STR_H
#define PO_CORE_STR_H

#include "core/err.h"

#include <string.h>

typedef struct po_str {
    const char *ptr;
    size_t len;
} po_str;

#define PO_LIT(s) ((po_str){("" s), sizeof(s) - 1})
/* For printf's "%.*s". */
#define PO_STR_ARG(s) ((int)((s).len > 1024 ? 1024 : (s).len)), ((s).ptr ? (s).ptr : "")

static inline po_str po_str_of(const char *cstr) { return (po_str){cstr, cstr ? strlen(cstr) : 0}; }
static inline po_str po_str_n(const void *ptr, size_t len) { return (po_str){ptr, len}; }
static inline bool po_str_is_empty(po_str s) { return s.len == 0; }

bool po_str_eq(po_str a, po_str b);
bool po_str_eq_cstr(po_str a, const char *b);
int po_str_cmp(po_str a, po_str b); /* bytewise, shorter first */
bool po_str_starts(po_str s, po_str prefix);
bool po_str_ends(po_str s, po_str suffix);
/* Index of the first `needle` at or after `from`, or SIZE_MAX. */
size_t po_str_find(po_str s, po_str needle, size_t from);
size_t po_str_find_char(po_str s, char c, size_t from);
/* Clamped to the string's ends. */
po_str po_str_slice(po_str s, size_t from, size_t to);
/* Without ASCII white space at both ends. */
po_str po_str_trim(po_str s);
/* Cut the next line (without "\n") off the front; false when nothing is left. */
bool po_str_next_line(po_str *rest, po_str *ret_line);
/*
 * Cut up to the next `sep` off the front; false when nothing is left. "a,,b," has the fields "a",
 * "", "b", "", and an empty text that is not NULL has one empty field.
 */
bool po_str_next_field(po_str *rest, char sep, po_str *ret_field);

/* Decimal without sign, plus, blanks or leading zeros (0 itself is fine); PO_INVALID or PO_LIMIT. */
PO_RC po_str_to_u64(po_str s, uint64_t max, uint64_t *ret_value);
/* As above with an optional leading '-'. */
PO_RC po_str_to_i64(po_str s, int64_t *ret_value);
/* Constant time in the content (not in the lengths). */
bool po_str_eq_secret(po_str a, po_str b);

#endif

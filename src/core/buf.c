/*
 * Growable bytes.
 *
 * Invariants
 *   1. ptr != NULL  =>  len < cap and ptr[len] == 0.
 *   2. len <= max always; cap <= max + 1.
 *   3. Once status is not PO_OK nothing is appended until po_buf_clear or po_buf_init.
 */
#include "core/buf.h"

#include "core/alloc.h"
#include "core/secret.h"

#include <stdarg.h>
#include <stdio.h>

#define CAP_BYTES_MIN ((size_t)64)

void po_buf_init(struct po_buf *buf, size_t max_bytes)
{
    if (max_bytes == SIZE_MAX) max_bytes--; /* room for the NUL */
    *buf = (struct po_buf){.max = max_bytes};
}

void po_buf_done(struct po_buf *buf)
{
    po_free(buf->ptr);
    *buf = (struct po_buf){.max = buf->max};
}

void po_buf_wipe(struct po_buf *buf)
{
    if (buf->ptr != NULL) po_wipe(buf->ptr, buf->cap);
    po_buf_done(buf);
}

/* Make room for `count` more bytes and the NUL; false and a status when that cannot be. */
static bool reserve(struct po_buf *buf, size_t count)
{
    if (buf->status != PO_OK) return false;
    if (buf->len > buf->max || count > buf->max - buf->len) {
        buf->status = PO_LIMIT;
        return false;
    }
    size_t need = buf->len + count + 1;
    if (need <= buf->cap) return true;
    size_t cap = buf->cap < CAP_BYTES_MIN ? CAP_BYTES_MIN : buf->cap;
    while (cap < need && cap <= buf->max / 2)
        cap *= 2;
    if (cap < need || cap > buf->max) cap = buf->max + 1;
    char *ptr = po_realloc(buf->ptr, cap);
    if (ptr == NULL) {
        buf->status = PO_NOMEM;
        return false;
    }
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

char *po_buf_extend(struct po_buf *buf, size_t count)
{
    if (!reserve(buf, count)) return NULL;
    char *at = buf->ptr + buf->len;
    buf->len += count;
    buf->ptr[buf->len] = '\0';
    return at;
}

void po_buf_append(struct po_buf *buf, po_str s)
{
    char *at = po_buf_extend(buf, s.len);
    if (at != NULL && s.len != 0) memcpy(at, s.ptr, s.len);
}

void po_buf_append_cstr(struct po_buf *buf, const char *s) { po_buf_append(buf, po_str_of(s)); }

void po_buf_append_char(struct po_buf *buf, char c)
{
    char *at = po_buf_extend(buf, 1);
    if (at != NULL) *at = c;
}

void po_buf_append_zeros(struct po_buf *buf, size_t count)
{
    char *at = po_buf_extend(buf, count);
    if (at != NULL) memset(at, 0, count);
}

void po_buf_printf(struct po_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || !reserve(buf, (size_t)len)) {
        if (buf->status == PO_OK) buf->status = PO_LIMIT;
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
}

void po_buf_append_u64(struct po_buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value != 0);
    po_buf_append(buf, po_str_n(digits + at, sizeof digits - at));
}

void po_buf_append_i64(struct po_buf *buf, int64_t value)
{
    if (value < 0) po_buf_append_char(buf, '-');
    po_buf_append_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void append_le(struct po_buf *buf, uint64_t value, size_t bytes)
{
    char *at = po_buf_extend(buf, bytes);
    for (size_t i = 0; at != NULL && i < bytes; i++)
        at[i] = (char)(value >> (8 * i) & 0xff);
}

void po_buf_append_u8(struct po_buf *buf, uint8_t value) { append_le(buf, value, 1); }
void po_buf_append_le16(struct po_buf *buf, uint16_t value) { append_le(buf, value, 2); }
void po_buf_append_le32(struct po_buf *buf, uint32_t value) { append_le(buf, value, 4); }
void po_buf_append_le64(struct po_buf *buf, uint64_t value) { append_le(buf, value, 8); }

void po_buf_append_be16(struct po_buf *buf, uint16_t value)
{
    append_le(buf, (uint16_t)(value << 8 | value >> 8), 2);
}

void po_buf_truncate(struct po_buf *buf, size_t len)
{
    if (len >= buf->len) return;
    buf->len = len;
    buf->ptr[len] = '\0';
}

void po_buf_clear(struct po_buf *buf)
{
    po_buf_truncate(buf, 0);
    buf->status = PO_OK;
}

po_rc po_buf_check(const struct po_buf *buf) { return po_rc_of(buf->status); }

po_str po_buf_str(const struct po_buf *buf) { return po_str_n(buf->ptr, buf->len); }

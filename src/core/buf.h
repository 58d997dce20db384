/*
 * Owned, growable bytes with a maximum given at construction.
 *
 * Errors stick: append many times, ask once with po_buf_check. `ptr` is NUL-terminated whenever it
 * is not NULL (the NUL is not counted in `len`).
 */
#ifndef PO_CORE_BUF_H
#define PO_CORE_BUF_H

#include "core/err.h"
#include "core/str.h"

/* No append may take bytes of the same buffer: growing moves them. */
struct po_buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    enum po_code status; /* PO_OK, PO_LIMIT or PO_NOMEM (PO_BUG by the JSON writer); sticky */
};

void po_buf_init(struct po_buf *buf, size_t max_bytes);
void po_buf_done(struct po_buf *buf);
void po_buf_wipe(struct po_buf *buf); /* zero the bytes, then done */
#define PO_BUF_AUTO PO_CLEANUP(po_buf_done) struct po_buf

void po_buf_append(struct po_buf *buf, po_str s);
void po_buf_append_cstr(struct po_buf *buf, const char *s);
void po_buf_append_char(struct po_buf *buf, char c);
void po_buf_append_zeros(struct po_buf *buf, size_t count);
void po_buf_printf(struct po_buf *buf, const char *fmt, ...) PO_PRINTF(2, 3);
void po_buf_append_u64(struct po_buf *buf, uint64_t value); /* decimal */
void po_buf_append_i64(struct po_buf *buf, int64_t value);
/* Fixed-width integers for wire and disk formats. */
void po_buf_append_u8(struct po_buf *buf, uint8_t value);
void po_buf_append_le16(struct po_buf *buf, uint16_t value);
void po_buf_append_le32(struct po_buf *buf, uint32_t value);
void po_buf_append_le64(struct po_buf *buf, uint64_t value);
void po_buf_append_be16(struct po_buf *buf, uint16_t value);
/* Make room and return where to write `count` bytes (len grows by count); NULL on failure. */
char *po_buf_extend(struct po_buf *buf, size_t count);
void po_buf_truncate(struct po_buf *buf, size_t len); /* no-op when already shorter */
void po_buf_clear(struct po_buf *buf);                /* len 0, status PO_OK, memory kept */

/* The sticky status as a result. */
PO_RC po_buf_check(const struct po_buf *buf);
po_str po_buf_str(const struct po_buf *buf); /* borrowed until the next change */

#endif

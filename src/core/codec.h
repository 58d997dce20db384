/*
 * Hex, base64 (RFC 4648, strict: canonical padding and zero trailing bits) and UTF-8 checks.
 */
#ifndef PO_CORE_CODEC_H
#define PO_CORE_CODEC_H

#include "core/buf.h"
#include "core/err.h"
#include "core/str.h"

void po_hex_encode(const uint8_t *in, size_t len, char *out); /* 2*len + NUL bytes, lower case */
void po_hex_append(struct po_buf *buf, const uint8_t *in, size_t len);
/* Lower or upper case; exactly out_len bytes. PO_INVALID. */
PO_RC po_hex_decode(po_str in, uint8_t *out, size_t out_len);

void po_base64_append(struct po_buf *buf, const uint8_t *in, size_t len);
/* Appends decoded bytes; PO_INVALID for non-canonical input. */
PO_RC po_base64_decode(po_str in, struct po_buf *out);
/* Exactly out_len bytes. PO_INVALID. */
PO_RC po_base64_decode_exact(po_str in, uint8_t *out, size_t out_len);

/* Offset of the first invalid byte, or SIZE_MAX: well-formed per Unicode table 3-7. */
size_t po_utf8_find_invalid(po_str s);
/* Decode one code point at *pos and advance; PO_INVALID. */
PO_RC po_utf8_next(po_str s, size_t *pos, uint32_t *ret_code_point);
/* Encode into 1 to 4 bytes and give their count; what is no scalar value becomes U+FFFD. */
size_t po_utf8_encode(uint32_t code_point, char out[static 4]);
void po_utf8_append(struct po_buf *buf, uint32_t code_point);

#endif

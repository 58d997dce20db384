/*
 * Hex, base64 and UTF-8. Source: RFC 4648; Unicode 15 table 3-7.
 */
#include "core/codec.h"

static const char HEX_DIGITS[] = "0123456789abcdef";
static const char BASE64_DIGITS[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void po_hex_encode(const uint8_t *in, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = HEX_DIGITS[in[i] >> 4];
        out[2 * i + 1] = HEX_DIGITS[in[i] & 15];
    }
    out[2 * len] = '\0';
}

void po_hex_append(struct po_buf *buf, const uint8_t *in, size_t len)
{
    char *at = po_buf_extend(buf, len > SIZE_MAX / 2 ? SIZE_MAX : 2 * len);
    if (at != NULL) po_hex_encode(in, len, at); /* its NUL falls on the buffer's own */
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

po_rc po_hex_decode(po_str in, uint8_t *out, size_t out_len)
{
    if (in.len % 2 != 0 || in.len / 2 != out_len) return po_rc_of(PO_INVALID);
    for (size_t i = 0; i < in.len; i++)
        if (hex_value(in.ptr[i]) < 0) return po_rc_of(PO_INVALID);
    for (size_t i = 0; i < out_len; i++)
        out[i] = (uint8_t)(hex_value(in.ptr[2 * i]) * 16 + hex_value(in.ptr[2 * i + 1]));
    return po_rc_ok();
}

void po_base64_append(struct po_buf *buf, const uint8_t *in, size_t len)
{
    size_t groups = len / 3 + (len % 3 != 0 ? 1 : 0);
    char *at = po_buf_extend(buf, groups > SIZE_MAX / 4 ? SIZE_MAX : 4 * groups);
    if (at == NULL) return;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)in[i] << 16;
        if (left > 1) bits |= (uint32_t)in[i + 1] << 8;
        if (left > 2) bits |= (uint32_t)in[i + 2];
        *at++ = BASE64_DIGITS[bits >> 18];
        *at++ = BASE64_DIGITS[bits >> 12 & 63];
        *at++ = left > 1 ? BASE64_DIGITS[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? BASE64_DIGITS[bits & 63] : '=';
    }
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

/* Decoded length of canonical base64; PO_INVALID for anything else. */
static PO_RC base64_check(po_str in, size_t *ret_len)
{
    if (in.len % 4 != 0) return po_rc_of(PO_INVALID);
    size_t digits = in.len;
    while (digits > 0 && in.len - digits < 2 && in.ptr[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < digits; i++)
        if (base64_value(in.ptr[i]) < 0) return po_rc_of(PO_INVALID);
    size_t padding = in.len - digits;
    unsigned int spare_bits = padding == 2 ? 15 : 3; /* must be zero in the last digit */
    if (padding != 0 && ((unsigned int)base64_value(in.ptr[digits - 1]) & spare_bits) != 0)
        return po_rc_of(PO_INVALID);
    *ret_len = in.len / 4 * 3 - padding;
    return po_rc_ok();
}

/* `in` has passed base64_check. */
static void base64_fill(po_str in, uint8_t *out, size_t len)
{
    uint32_t bits = 0;
    for (size_t i = 0, done = 0; done < len; i++) {
        bits = bits << 6 | (uint32_t)base64_value(in.ptr[i]);
        if (i % 4 != 0) out[done++] = (uint8_t)(bits >> (6 - 2 * (i % 4)) & 0xff);
    }
}

po_rc po_base64_decode(po_str in, struct po_buf *out)
{
    size_t len = 0;
    PO_PASS(base64_check(in, &len));
    char *at = po_buf_extend(out, len);
    if (at == NULL) return po_buf_check(out);
    base64_fill(in, (uint8_t *)at, len);
    return po_rc_ok();
}

po_rc po_base64_decode_exact(po_str in, uint8_t *out, size_t out_len)
{
    size_t len = 0;
    PO_PASS(base64_check(in, &len));
    if (len != out_len) return po_rc_of(PO_INVALID);
    base64_fill(in, out, len);
    return po_rc_ok();
}

/* Bytes of the well-formed sequence at `pos`, 0 when there is none. */
static size_t utf8_len(po_str s, size_t pos)
{
    const unsigned char *p = (const unsigned char *)s.ptr + pos;
    size_t left = s.len - pos;
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4) return 0;
    size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (left < len) return 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (p[0] == 0xe0) low = 0xa0;  /* overlong */
    if (p[0] == 0xed) high = 0x9f; /* surrogates */
    if (p[0] == 0xf0) low = 0x90;  /* overlong */
    if (p[0] == 0xf4) high = 0x8f; /* beyond U+10FFFF */
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return len;
}

/* Whether the eight bytes at `p` are ASCII. */
static bool is_ascii8(const char *p)
{
    uint64_t word = 0;
    memcpy(&word, p, sizeof word);
    return (word & 0x8080808080808080) == 0;
}

size_t po_utf8_find_invalid(po_str s)
{
    size_t pos = 0;
    while (pos < s.len) {
        if (s.len - pos >= 8 && is_ascii8(s.ptr + pos)) {
            pos += 8;
            continue;
        }
        size_t len = utf8_len(s, pos);
        if (len == 0) return pos;
        pos += len;
    }
    return SIZE_MAX;
}

po_rc po_utf8_next(po_str s, size_t *pos, uint32_t *ret_code_point)
{
    size_t len = *pos < s.len ? utf8_len(s, *pos) : 0;
    if (len == 0) return po_rc_of(PO_INVALID);
    const unsigned char *p = (const unsigned char *)s.ptr + *pos;
    static const unsigned char LEAD_MASK[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code_point = p[0] & LEAD_MASK[len];
    for (size_t i = 1; i < len; i++)
        code_point = code_point << 6 | (p[i] & 0x3f);
    *pos += len;
    *ret_code_point = code_point;
    return po_rc_ok();
}

size_t po_utf8_encode(uint32_t code_point, char out[static 4])
{
    static const unsigned char LEAD[] = {0, 0, 0xc0, 0xe0, 0xf0};
    uint32_t c = code_point;
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) c = 0xfffd;
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(LEAD[len] | c);
    return len;
}

void po_utf8_append(struct po_buf *buf, uint32_t code_point)
{
    char bytes[4];
    size_t len = po_utf8_encode(code_point, bytes);
    po_buf_append(buf, po_str_n(bytes, len));
}

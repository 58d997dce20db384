/*
 * Chunked content: sizes without extensions, data, no trailer fields.
 *
 * Source: RFC 9112 7.1, docs/spec/http.md 3
 */
#include "http/parse_priv.h"

enum state {
    STATE_SIZE,
    STATE_SIZE_LF,
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_END_CR,
    STATE_END_LF
};

void po_http_chunks_init(struct po_http_chunks *chunks, uint64_t max)
{
    *chunks = (struct po_http_chunks){.max = max};
}

static enum po_http_parse bad(struct po_http_chunks *chunks, unsigned status)
{
    chunks->status = (uint16_t)status;
    return PO_HTTP_PARSE_BAD;
}

static enum po_http_parse in_size(struct po_http_chunks *chunks, char c)
{
    if (c == '\r' && chunks->digits > 0) {
        chunks->state = STATE_SIZE_LF;
        return PO_HTTP_PARSE_MORE;
    }
    if (!po_http_is(c, PO_HTTP_C_HEX) || chunks->digits == PO_HTTP_CHUNK_DIGITS_MAX)
        return bad(chunks, 400);
    chunks->digits++;
    chunks->left = chunks->left << 4 | po_http_hex_value(c);
    return PO_HTTP_PARSE_MORE;
}

static enum po_http_parse size_is_known(struct po_http_chunks *chunks)
{
    chunks->digits = 0;
    if (chunks->left > chunks->max - chunks->total) return bad(chunks, 413);
    chunks->total += chunks->left;
    chunks->state = chunks->left == 0 ? STATE_END_CR : STATE_DATA;
    return PO_HTTP_PARSE_MORE;
}

/* One byte that is not data. */
static enum po_http_parse step(struct po_http_chunks *chunks, char c)
{
    char want = chunks->state == STATE_DATA_CR || chunks->state == STATE_END_CR ? '\r' : '\n';
    if (chunks->state == STATE_SIZE) return in_size(chunks, c);
    if (c != want) return bad(chunks, 400);
    if (chunks->state == STATE_SIZE_LF) return size_is_known(chunks);
    if (chunks->state == STATE_END_LF) return PO_HTTP_PARSE_DONE;
    chunks->state = chunks->state == STATE_DATA_LF ? STATE_SIZE : (uint8_t)(chunks->state + 1);
    return PO_HTTP_PARSE_MORE;
}

enum po_http_parse po_http_chunks_feed(struct po_http_chunks *chunks, po_str in, size_t *ret_used,
                                       po_str *ret_data)
{
    enum po_http_parse result = PO_HTTP_PARSE_MORE;
    size_t at = 0;
    *ret_data = po_str_n(in.ptr, 0);
    while (at < in.len && chunks->state != STATE_DATA && result == PO_HTTP_PARSE_MORE)
        result = step(chunks, in.ptr[at++]);
    if (result == PO_HTTP_PARSE_MORE && chunks->state == STATE_DATA && at < in.len) {
        size_t len = in.len - at < chunks->left ? in.len - at : (size_t)chunks->left;
        *ret_data = po_str_n(in.ptr + at, len);
        chunks->left -= len;
        at += len;
        if (chunks->left == 0) chunks->state = STATE_DATA_CR;
    }
    *ret_used = at;
    return result;
}

/*
 * WebSocket frames from a client: strict, incremental, unmasked in place.
 *
 * Invariants
 *  1. what has been accepted does not depend on how calls cut the bytes.
 *  2. no frame's payload is waited for when its header already breaks a rule or a limit.
 *  3. a text message is refused with the first byte that no UTF-8 text can have there.
 *
 * Source: RFC 6455 5 and 7, docs/spec/http.md 8
 */
#include "http/parse_priv.h"

#include "core/codec.h"

#include <openssl/evp.h>

enum state { STATE_HEAD, STATE_PAYLOAD, STATE_FAILED };

#define CODE_PROTOCOL 1002
#define CODE_NO_STATUS 1005
#define CODE_NOT_UTF8 1007
#define CODE_TOO_BIG 1009
#define CODE_INTERNAL 1011

void po_http_ws_init(struct po_http_ws *ws, uint64_t message_bytes_max)
{
    memset(ws, 0, sizeof *ws);
    ws->max = message_bytes_max;
    po_buf_init(&ws->message, (size_t)message_bytes_max + 1);
}

void po_http_ws_done(struct po_http_ws *ws) { po_buf_done(&ws->message); }

static enum po_http_ws_event fail(struct po_http_ws *ws, uint16_t code)
{
    ws->state = STATE_FAILED;
    ws->close_code = code;
    return PO_HTTP_WS_FAILED;
}

bool po_http_ws_is_code(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/* ---- UTF-8, byte by byte ------------------------------------------------------------------------ */

static bool utf8_begin(struct po_http_utf8 *utf8, uint8_t byte)
{
    utf8->low = 0x80;
    utf8->high = 0xbf;
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    utf8->need = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte == 0xe0) utf8->low = 0xa0;
    if (byte == 0xed) utf8->high = 0x9f;
    if (byte == 0xf0) utf8->low = 0x90;
    if (byte == 0xf4) utf8->high = 0x8f;
    return true;
}

static bool utf8_feed(struct po_http_utf8 *utf8, po_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.ptr[i];
        if (utf8->need == 0) {
            if (!utf8_begin(utf8, byte)) return false;
            continue;
        }
        if (byte < utf8->low || byte > utf8->high) return false;
        utf8->low = 0x80;
        utf8->high = 0xbf;
        utf8->need--;
    }
    return true;
}

/* ---- frame header ------------------------------------------------------------------------------- */

static bool is_control(uint8_t opcode) { return (opcode & 8) != 0; }

/* What the first two bytes say; 0, or a close code. */
static uint16_t check_start(const struct po_http_ws *ws)
{
    uint8_t opcode = ws->head[0] & 0x0f;
    uint8_t short_len = ws->head[1] & 0x7f;
    bool is_final = (ws->head[0] & 0x80) != 0;
    if ((ws->head[0] & 0x70) != 0) return CODE_PROTOCOL;
    if ((opcode > PO_HTTP_WS_BINARY && opcode < PO_HTTP_WS_CLOSE) || opcode > PO_HTTP_WS_PONG)
        return CODE_PROTOCOL;
    if ((ws->head[1] & 0x80) == 0) return CODE_PROTOCOL;
    if (is_control(opcode))
        return is_final && short_len <= PO_HTTP_WS_CONTROL_BYTES_MAX ? 0 : CODE_PROTOCOL;
    bool is_open = ws->message_opcode != 0;
    return (opcode == PO_HTTP_WS_CONTINUATION) == is_open ? 0 : CODE_PROTOCOL;
}

static uint8_t head_bytes(const struct po_http_ws *ws)
{
    uint8_t short_len = ws->head[1] & 0x7f;
    return (uint8_t)(2 + (short_len == 127 ? 8 : short_len == 126 ? 2 : 0) + 4);
}

static uint64_t payload_len(const struct po_http_ws *ws)
{
    uint8_t short_len = ws->head[1] & 0x7f;
    uint64_t len = 0;
    if (short_len < 126) return short_len;
    for (int i = 0; i < (short_len == 127 ? 8 : 2); i++)
        len = len << 8 | ws->head[2 + i];
    return len;
}

/* The header is whole; 0, or a close code. */
static uint16_t begin_frame(struct po_http_ws *ws)
{
    uint64_t len = payload_len(ws);
    uint8_t short_len = ws->head[1] & 0x7f;
    if ((short_len == 126 && len < 126) || (short_len == 127 && (len <= 0xffff || len >> 63 != 0)))
        return CODE_PROTOCOL;
    ws->opcode = ws->head[0] & 0x0f;
    ws->is_final = (ws->head[0] & 0x80) != 0;
    ws->left = len;
    ws->at = 0;
    ws->state = STATE_PAYLOAD;
    ws->control_len = 0;
    if (is_control(ws->opcode)) return 0;
    if (ws->opcode != PO_HTTP_WS_CONTINUATION) {
        ws->message_opcode = ws->opcode;
        ws->fragments = 0;
        ws->utf8 = (struct po_http_utf8){0};
        po_buf_clear(&ws->message);
    }
    if (++ws->fragments > PO_HTTP_WS_FRAGMENTS_MAX) return CODE_TOO_BIG;
    return len > ws->max - ws->message.len ? CODE_TOO_BIG : 0;
}

static size_t feed_head(struct po_http_ws *ws, const char *in, size_t len, uint16_t *ret_code)
{
    size_t used = 0;
    while (used < len && ws->state == STATE_HEAD && *ret_code == 0) {
        ws->head[ws->head_len++] = (uint8_t)in[used++];
        if (ws->head_len == 2) *ret_code = check_start(ws);
        if (*ret_code == 0 && ws->head_len > 2 && ws->head_len == head_bytes(ws))
            *ret_code = begin_frame(ws);
    }
    return used;
}

/* ---- payload ------------------------------------------------------------------------------------ */

static void unmask(struct po_http_ws *ws, char *in, size_t len)
{
    const uint8_t *mask = ws->head + ws->head_len - 4;
    for (size_t i = 0; i < len; i++)
        in[i] = (char)((uint8_t)in[i] ^ mask[(ws->at + i) & 3]);
    ws->at += len;
    ws->left -= len;
}

/* 0, or a close code. */
static uint16_t keep_payload(struct po_http_ws *ws, po_str bytes)
{
    if (is_control(ws->opcode)) {
        if (bytes.len > 0) memcpy(ws->control + ws->control_len, bytes.ptr, bytes.len);
        ws->control_len = (uint8_t)(ws->control_len + bytes.len);
        return 0;
    }
    if (ws->message_opcode == PO_HTTP_WS_TEXT && !utf8_feed(&ws->utf8, bytes)) return CODE_NOT_UTF8;
    po_buf_append(&ws->message, bytes);
    return po_is_ok(po_buf_check(&ws->message)) ? 0 : CODE_INTERNAL;
}

static enum po_http_ws_event end_close(struct po_http_ws *ws)
{
    ws->close_code = CODE_NO_STATUS;
    if (ws->control_len == 0) return PO_HTTP_WS_GOT_CLOSE;
    if (ws->control_len == 1) return fail(ws, CODE_PROTOCOL);
    uint16_t code = (uint16_t)((uint8_t)ws->control[0] << 8 | (uint8_t)ws->control[1]);
    if (!po_http_ws_is_code(code)) return fail(ws, CODE_PROTOCOL);
    po_str reason = po_str_n(ws->control + 2, ws->control_len - 2u);
    if (po_utf8_find_invalid(reason) != SIZE_MAX) return fail(ws, CODE_NOT_UTF8);
    ws->close_code = code;
    return PO_HTTP_WS_GOT_CLOSE;
}

static enum po_http_ws_event end_frame(struct po_http_ws *ws)
{
    ws->state = STATE_HEAD;
    ws->head_len = 0;
    if (ws->opcode == PO_HTTP_WS_CLOSE) return end_close(ws);
    if (ws->opcode == PO_HTTP_WS_PING) return PO_HTTP_WS_GOT_PING;
    if (ws->opcode == PO_HTTP_WS_PONG) return PO_HTTP_WS_GOT_PONG;
    if (!ws->is_final) return PO_HTTP_WS_MORE;
    if (ws->message_opcode == PO_HTTP_WS_TEXT && ws->utf8.need > 0) return fail(ws, CODE_NOT_UTF8);
    ws->is_message_ready = true;
    return PO_HTTP_WS_MESSAGE;
}

enum po_http_ws_event po_http_ws_feed(struct po_http_ws *ws, char *in, size_t len, size_t *ret_used)
{
    enum po_http_ws_event event = PO_HTTP_WS_MORE;
    size_t at = 0;
    *ret_used = len;
    if (ws->state == STATE_FAILED) return PO_HTTP_WS_FAILED;
    if (ws->is_message_ready) {
        ws->is_message_ready = false;
        ws->message_opcode = 0;
        po_buf_clear(&ws->message);
    }
    while (event == PO_HTTP_WS_MORE && at < len) {
        uint16_t code = 0;
        if (ws->state == STATE_HEAD) at += feed_head(ws, in + at, len - at, &code);
        if (code != 0) return fail(ws, code);
        if (ws->state != STATE_PAYLOAD) continue;
        size_t piece = len - at < ws->left ? len - at : (size_t)ws->left;
        unmask(ws, in + at, piece);
        code = keep_payload(ws, po_str_n(in + at, piece));
        at += piece;
        if (code != 0) return fail(ws, code);
        if (ws->left == 0) event = end_frame(ws);
    }
    *ret_used = at;
    return event;
}

/* ---- what we send, and the handshake ------------------------------------------------------------ */

size_t po_http_ws_frame(enum po_http_ws_opcode opcode, uint64_t len, uint8_t out[static 10])
{
    size_t extra = len < 126 ? 0 : len <= 0xffff ? 2 : 8;
    out[0] = (uint8_t)(0x80 | (unsigned)opcode);
    out[1] = extra == 0 ? (uint8_t)len : extra == 2 ? 126 : 127;
    for (size_t i = 0; i < extra; i++)
        out[2 + i] = (uint8_t)(len >> (8 * (extra - 1 - i)));
    return 2 + extra;
}

PO_RC po_http_ws_accept(po_str key, char ret_accept[static 29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[24 + sizeof guid];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (key.len != 24) return po_rc_of(PO_INVALID);
    memcpy(text, key.ptr, 24);
    memcpy(text + 24, guid, sizeof guid);
    if (EVP_Digest(text, sizeof text - 1, digest, &digest_len, EVP_sha1(), NULL) != 1 ||
        digest_len != 20)
        return po_rc_of(PO_CRYPTO);
    (void)EVP_EncodeBlock((unsigned char *)ret_accept, digest, 20);
    return po_rc_ok();
}

unsigned po_http_ws_check(const struct po_http_request *req)
{
    po_str key = {0};
    po_str version = {0};
    uint8_t raw[16];
    if (req->method != PO_HTTP_GET || req->minor != 1) return 400;
    if (!po_is_ok(po_http_field_get(req, PO_LIT("sec-websocket-version"), &version))) return 400;
    if (!po_str_eq_cstr(version, "13")) return 426;
    if (!po_is_ok(po_http_field_get(req, PO_LIT("sec-websocket-key"), &key))) return 400;
    return po_is_ok(po_base64_decode_exact(key, raw, sizeof raw)) ? 0 : 400;
}

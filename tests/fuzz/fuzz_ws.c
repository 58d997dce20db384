/*
 * WebSocket frames from hostile bytes: whole and cut they must give the same events, and text that is
 * handed over is UTF-8.
 */
#include "fuzz/fuzz.h"
#include "http/parse_priv.h"

#include "core/codec.h"

#include <stdlib.h>

#define LIMIT 4096

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static uint64_t mix(uint64_t hash, po_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (uint8_t)bytes.ptr[i]) * 0x100000001b3u;
    return (hash ^ bytes.len) * 0x100000001b3u;
}

static uint64_t check_event(const struct po_http_ws *ws, enum po_http_ws_event event, uint64_t hash)
{
    po_str control = po_str_n(ws->control, ws->control_len);
    po_str message = po_buf_str(&ws->message);
    hash = (hash ^ (uint64_t)event) * 0x100000001b3u;
    if (event == PO_HTTP_WS_MESSAGE) {
        require(message.len <= LIMIT);
        require(ws->message_opcode != PO_HTTP_WS_TEXT || po_utf8_find_invalid(message) == SIZE_MAX);
        return mix(hash ^ ws->message_opcode, message);
    }
    if (event == PO_HTTP_WS_GOT_PING || event == PO_HTTP_WS_GOT_PONG) return mix(hash, control);
    if (event == PO_HTTP_WS_GOT_CLOSE)
        require(ws->close_code == 1005 || po_http_ws_is_code(ws->close_code));
    if (event == PO_HTTP_WS_FAILED)
        require(ws->close_code == 1002 || ws->close_code == 1007 || ws->close_code == 1009);
    return (hash ^ ws->close_code) * 0x100000001b3u;
}

static uint64_t run(const uint8_t *data, size_t len, size_t piece)
{
    struct po_http_ws ws;
    uint64_t hash = 0xcbf29ce484222325u;
    bool is_over = false;
    po_http_ws_init(&ws, LIMIT);
    for (size_t at = 0; at < len && !is_over;) {
        size_t more = len - at < piece ? len - at : piece;
        char *copy = malloc(more); /* its exact size, and unmasking writes into it */
        size_t used = 0;
        if (copy == NULL) break;
        memcpy(copy, data + at, more);
        enum po_http_ws_event event = po_http_ws_feed(&ws, copy, more, &used);
        free(copy);
        require(used <= more && (event != PO_HTTP_WS_MORE || used == more));
        require(used > 0 || event == PO_HTTP_WS_FAILED);
        if (event != PO_HTTP_WS_MORE) hash = check_event(&ws, event, hash);
        is_over = event == PO_HTTP_WS_GOT_CLOSE || event == PO_HTTP_WS_FAILED;
        at += used;
    }
    po_http_ws_done(&ws);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 20000) return 0;
    require(run(data + 1, size - 1, SIZE_MAX) == run(data + 1, size - 1, 1 + data[0] % 32u));
    return 0;
}

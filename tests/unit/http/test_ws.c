/*
 * WebSocket frames: every case whole, byte by byte and at random cuts.
 */
#include "http/parse_priv.h"
#include "lib/test.h"
#include "unit/http/ws_cases.h"
#include "unit/http/ws_run.h"

#include <stdio.h>

#define LIMIT 65536

static void note_event(struct po_buf *out, const struct po_http_ws *ws, enum po_http_ws_event event)
{
    char text[256];
    po_str control = po_str_n(ws->control, ws->control_len);
    int len = 0;
    switch (event) {
    case PO_HTTP_WS_MORE: return;
    case PO_HTTP_WS_MESSAGE:
        ws_note(out, ws->message_opcode == PO_HTTP_WS_TEXT ? 't' : 'b', po_buf_str(&ws->message));
        return;
    case PO_HTTP_WS_GOT_PING: ws_note(out, 'i', control); return;
    case PO_HTTP_WS_GOT_PONG: ws_note(out, 'o', control); return;
    case PO_HTTP_WS_GOT_CLOSE:
        len = snprintf(text, sizeof text, "%u%s%.*s", ws->close_code, control.len > 2 ? ":" : "",
                       control.len > 2 ? (int)control.len - 2 : 0, ws->control + 2);
        ws_note(out, 'c', po_str_n(text, (size_t)len));
        return;
    case PO_HTTP_WS_FAILED:
        len = snprintf(text, sizeof text, "%u", ws->close_code);
        ws_note(out, 'f', po_str_n(text, (size_t)len));
        return;
    }
}

/* Feed in pieces of `piece` bytes (0: random ones) until a close or failure. */
static void run_case(const struct ws_case *row, size_t piece)
{
    PO_BUF_AUTO bytes = {0};
    PO_BUF_AUTO events = {0};
    PO_CLEANUP(po_http_ws_done) struct po_http_ws ws;
    bool is_over = false;
    po_buf_init(&bytes, 1 << 20);
    po_buf_init(&events, 1 << 16);
    po_http_ws_init(&ws, LIMIT);
    ws_build(row->script, &bytes);
    for (size_t at = 0; at < bytes.len && !is_over;) {
        size_t len = piece != 0 ? piece : 1 + (size_t)test_random_below(9);
        if (len > bytes.len - at) len = bytes.len - at;
        size_t used = 0;
        enum po_http_ws_event event = po_http_ws_feed(&ws, bytes.ptr + at, len, &used);
        check_that(used <= len);
        check_that(event != PO_HTTP_WS_MORE || used == len, "nothing may be left without an event");
        note_event(&events, &ws, event);
        is_over = event == PO_HTTP_WS_GOT_CLOSE || event == PO_HTTP_WS_FAILED;
        at += used;
    }
    check_eq_str(po_buf_str(&events), row->want);
}

TEST_TIMEOUT(ws__each_case_comes_out_as_it_must_however_it_is_cut, 60)
{
    size_t count = 0;
    TEST_EACH(row, WS_CASES)
    {
        run_case(row, SIZE_MAX);
        run_case(row, 1);
        run_case(row, 0);
        run_case(row, 3);
        count++;
    }
    test_row(NULL);
    check_that(count >= 150);
}

TEST(ws__more_than_1024_fragments_are_too_many)
{
    PO_CLEANUP(po_http_ws_done) struct po_http_ws ws;
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, 1 << 20);
    po_http_ws_init(&ws, LIMIT);
    ws_build("01:|", &bytes);
    for (int i = 0; i < PO_HTTP_WS_FRAGMENTS_MAX; i++)
        ws_build("00:|", &bytes);
    size_t used = 0;
    check_eq_int(po_http_ws_feed(&ws, bytes.ptr, bytes.len - 1, &used), PO_HTTP_WS_MORE);
    check_eq_int(po_http_ws_feed(&ws, bytes.ptr + used, 1, &used), PO_HTTP_WS_FAILED);
    check_eq_int(ws.close_code, 1009);
    check_eq_int(po_http_ws_feed(&ws, bytes.ptr, 1, &used), PO_HTTP_WS_FAILED);
}

TEST(ws_frame__has_the_shortest_length)
{
    static const struct {
        const char *name;
        uint64_t len;
        size_t want_len;
        uint8_t want[10];
    } ROWS[] = {
        {"0", 0, 2, {0x81, 0}},
        {"125", 125, 2, {0x81, 125}},
        {"126", 126, 4, {0x81, 126, 0, 126}},
        {"65535", 65535, 4, {0x81, 126, 0xff, 0xff}},
        {"65536", 65536, 10, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
    };
    TEST_EACH(row, ROWS)
    {
        uint8_t out[10] = {0};
        check_eq_u64(po_http_ws_frame(PO_HTTP_WS_TEXT, row->len, out), row->want_len);
        check_eq_mem(out, row->want, row->want_len);
    }
}

TEST(ws_accept__is_that_of_the_rfc)
{
    char accept[29];
    check_ok_leaf(po_http_ws_accept(PO_LIT("dGhlIHNhbXBsZSBub25jZQ=="), accept));
    check_eq_cstr(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    check_fails_leaf(po_http_ws_accept(PO_LIT("short"), accept), PO_INVALID);
}

TEST_FAULTS(ws__a_message_without_memory_ends_with_1011)
{
    PO_CLEANUP(po_http_ws_done) struct po_http_ws ws;
    char bytes[] = "\x81\x85\0\0\0\0hello";
    size_t used = 0;
    po_http_ws_init(&ws, LIMIT);
    enum po_http_ws_event event = po_http_ws_feed(&ws, bytes, sizeof bytes - 1, &used);
    if (event == PO_HTTP_WS_FAILED) check_eq_int(ws.close_code, 1011);
    if (!test_survived(po_rc_of(event == PO_HTTP_WS_MESSAGE ? PO_OK : PO_NOMEM))) return;
    check_eq_postr(po_buf_str(&ws.message), PO_LIT("hello"));
}

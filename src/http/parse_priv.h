/*
 * The parsers of http/: request head, chunked content, WebSocket frames. No allocation, no context;
 * each keeps its place between calls, and how the bytes are cut makes no difference.
 */
#ifndef PO_HTTP_PARSE_PRIV_H
#define PO_HTTP_PARSE_PRIV_H

#include "http/http.h"

/* Classes of bytes (chars.c). */
#define PO_HTTP_C_TOKEN 1u   /* RFC 9110 tchar */
#define PO_HTTP_C_TARGET 2u  /* RFC 3986, with '[' and ']' */
#define PO_HTTP_C_VALUE 4u   /* field value: HTAB, 0x20-0x7e, 0x80-0xff */
#define PO_HTTP_C_HEX 8u     /* */
#define PO_HTTP_C_HOST 16u   /* name or IPv4 address */
#define PO_HTTP_C_OUT 32u    /* what a response value may hold: HTAB, 0x20-0x7e */
#define PO_HTTP_C_COOKIE 64u /* RFC 6265 cookie-octet */
extern const uint8_t po_http_chars[256];
static inline bool po_http_is(char c, unsigned class_bits)
{
    return (po_http_chars[(uint8_t)c] & class_bits) != 0;
}
unsigned po_http_hex_value(char c); /* of a hex digit */
bool po_http_eq_nocase(po_str a, const char *lower);
/* Cut the next element of a comma list: trimmed, may be empty; false at the end. */
bool po_http_list_next(po_str *rest, po_str *ret_element);
/* A list of tokens, one of them `lower`. */
bool po_http_list_has(po_str list, const char *lower);

enum po_http_parse { PO_HTTP_PARSE_MORE, PO_HTTP_PARSE_DONE, PO_HTTP_PARSE_BAD };

/* ---- request head ---------------------------------------------------------------------------- */

struct po_http_span {
    uint16_t at;
    uint16_t len;
};

struct po_http_head {
    char *base;      /* the bytes; names are lower-cased and the path decoded in place */
    uint16_t pos;    /* all before it has been looked at */
    uint16_t mark;   /* where the present element began */
    uint16_t status; /* why it is bad */
    uint8_t state;
    uint8_t method;
    uint8_t minor;
    uint8_t field_count;
    bool is_asterisk : 1;
    bool has_authority : 1;
    bool has_host : 1;
    bool has_length : 1;
    bool has_coding : 1;
    bool wants_close : 1;
    bool wants_keep : 1;
    bool wants_upgrade : 1;
    bool is_websocket : 1; /* the Upgrade field names it */
    bool expects_continue : 1;
    uint16_t port;
    uint64_t length;
    struct po_http_span target;
    struct po_http_span authority;
    struct po_http_span path;
    struct po_http_span query;
    struct po_http_span host;      /* the whole field value */
    struct po_http_span host_name; /* without port */
    struct {
        struct po_http_span name;
        struct po_http_span value;
    } fields[PO_HTTP_FIELDS_MAX];
};

void po_http_head_init(struct po_http_head *head, char *base);
/* Look at base[0..len): DONE leaves pos behind the empty line, BAD a status. */
enum po_http_parse po_http_head_parse(struct po_http_head *head, size_t len);
static inline po_str po_http_span_str(const struct po_http_head *head, struct po_http_span span)
{
    return po_str_n(head->base + span.at, span.len);
}
/* Parts of the above: 0, or the status of a refusal. */
unsigned po_http_target_parse(struct po_http_head *head);
unsigned po_http_field_act(struct po_http_head *head, size_t i);
unsigned po_http_head_finish(struct po_http_head *head);
/* "name[:port]", "[v6][:port]": whether it is one. Port 0: none given. */
bool po_http_authority_split(po_str text, po_str *ret_name, uint16_t *ret_port);
/* Fill a request from a head that is DONE (body, peer and listener are the connection's). */
void po_http_request_fill(const struct po_http_head *head, struct po_http_request *req);

/* ---- chunked content -------------------------------------------------------------------------- */

struct po_http_chunks {
    uint8_t state;
    uint8_t digits;
    uint16_t status; /* why it is bad: 400 or 413 */
    uint64_t left;   /* of the present chunk */
    uint64_t total;
    uint64_t max;
};
void po_http_chunks_init(struct po_http_chunks *chunks, uint64_t max);
/*
 * Take some of `in`: *ret_used bytes, of which *ret_data (possibly empty) is content. To be called
 * again while MORE and bytes are left.
 */
enum po_http_parse po_http_chunks_feed(struct po_http_chunks *chunks, po_str in, size_t *ret_used,
                                       po_str *ret_data);

/* ---- WebSocket frames ------------------------------------------------------------------------- */

enum po_http_ws_opcode {
    PO_HTTP_WS_CONTINUATION = 0,
    PO_HTTP_WS_TEXT = 1,
    PO_HTTP_WS_BINARY = 2,
    PO_HTTP_WS_CLOSE = 8,
    PO_HTTP_WS_PING = 9,
    PO_HTTP_WS_PONG = 10
};
enum po_http_ws_event {
    PO_HTTP_WS_MORE,     /* all bytes taken, nothing complete */
    PO_HTTP_WS_MESSAGE,  /* ws->message, ws->message_opcode; until the next feed */
    PO_HTTP_WS_GOT_PING, /* ws->control */
    PO_HTTP_WS_GOT_PONG, /* ws->control */
    PO_HTTP_WS_GOT_CLOSE, /* ws->close_code (1005: none given), ws->control holds the reason behind it */
    PO_HTTP_WS_FAILED /* ws->close_code says why; nothing more may be fed */
};
/* Well-formed so far? (RFC 3629, byte by byte) */
struct po_http_utf8 {
    uint8_t need;
    uint8_t low;
    uint8_t high;
};
struct po_http_ws {
    uint8_t state;
    uint8_t head[14];
    uint8_t head_len;
    uint8_t opcode;         /* of the present frame */
    uint8_t message_opcode; /* 0: no message is open */
    uint8_t control_len;
    bool is_final;
    bool is_message_ready;
    uint16_t fragments;
    uint16_t close_code;
    uint64_t left; /* of the present frame's payload */
    uint64_t at;   /* of the present frame's payload */
    uint64_t max;
    struct po_http_utf8 utf8;
    struct po_buf message;
    char control[PO_HTTP_WS_CONTROL_BYTES_MAX];
};
void po_http_ws_init(struct po_http_ws *ws, uint64_t message_bytes_max);
void po_http_ws_done(struct po_http_ws *ws);
/* Take some of `in`, which is unmasked in place. To be called again while bytes are left. */
enum po_http_ws_event po_http_ws_feed(struct po_http_ws *ws, char *in, size_t len,
                                      size_t *ret_used);
/* Header of an unmasked final frame; gives its length. */
size_t po_http_ws_frame(enum po_http_ws_opcode opcode, uint64_t len, uint8_t out[static 10]);
bool po_http_ws_is_code(uint16_t code); /* that a peer may send */
/* Sec-WebSocket-Accept of a key (28 characters and NUL). PO_CRYPTO. */
PO_RC po_http_ws_accept(po_str key, char ret_accept[static 29]);
/* 0 when this is a well-formed upgrade, else 400 or 426. */
unsigned po_http_ws_check(const struct po_http_request *req);

#endif

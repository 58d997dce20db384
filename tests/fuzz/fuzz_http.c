/*
 * HTTP requests from hostile bytes: head, content, fields, query, cookies.
 *
 * The first byte says how the rest is cut; the whole and the cut form must come out alike, what is
 * accepted must keep the parser's promises.
 */
#include "fuzz/fuzz.h"
#include "http/parse_priv.h"

#include "core/codec.h"

#include <stdlib.h>

#define BODY_MAX 65536

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

struct outcome {
    enum po_http_parse state;
    unsigned status;
    size_t used;
    uint64_t content;
};

static void run_chunks(struct outcome *out, const char *bytes, size_t len, size_t piece)
{
    struct po_http_chunks chunks;
    po_http_chunks_init(&chunks, BODY_MAX);
    out->state = PO_HTTP_PARSE_MORE;
    while (out->used < len && out->state == PO_HTTP_PARSE_MORE) {
        size_t more = len - out->used < piece ? len - out->used : piece;
        size_t used = 0;
        po_str data = {0};
        out->state = po_http_chunks_feed(&chunks, po_str_n(bytes + out->used, more), &used, &data);
        require(used <= more && data.len <= used && (used > 0 || out->state != PO_HTTP_PARSE_MORE));
        out->used += used;
        out->content += data.len;
    }
    require(out->content <= BODY_MAX);
    out->status = out->state == PO_HTTP_PARSE_BAD ? chunks.status : 0;
}

static void check_path(po_str path)
{
    require(path.len > 0);
    if (po_str_eq_cstr(path, "*")) return;
    require(path.ptr[0] == '/' && po_utf8_find_invalid(path) == SIZE_MAX);
    require(po_str_find(path, PO_LIT("/../"), 0) == SIZE_MAX && !po_str_ends(path, PO_LIT("/..")));
    require(po_str_find(path, PO_LIT("//"), 0) == SIZE_MAX);
    for (size_t i = 0; i < path.len; i++)
        require((uint8_t)path.ptr[i] >= 0x20 && path.ptr[i] != '\\' && path.ptr[i] != 0x7f);
}

static void check_request(struct po_ctx *cx, const struct po_http_head *head)
{
    struct po_http_request req = {0};
    struct po_http_field pair = {0};
    po_str value = {0};
    po_rc rc = po_rc_ok();
    po_http_request_fill(head, &req);
    check_path(req.path);
    require(head->minor == 0 || req.host.len > 0);
    for (size_t i = 0; i < po_http_field_count(&req); i++) {
        struct po_http_field field = po_http_field_at(&req, i);
        require(field.name.len > 0 && field.name.len <= PO_HTTP_NAME_BYTES_MAX);
        for (size_t k = 0; k < field.value.len; k++)
            require(po_http_is(field.value.ptr[k], PO_HTTP_C_VALUE));
    }
    po_str rest = req.query;
    while (po_http_query_next(cx, &rest, &pair, &rc) && po_is_ok(rc))
        require(po_utf8_find_invalid(pair.name) == SIZE_MAX);
    po_ignore(po_http_cookie_get(&req, PO_LIT("s"), &value), "only that nothing happens");
    require(!(head->has_length && head->has_coding));
}

static struct outcome run(struct po_ctx *cx, const uint8_t *data, size_t len, size_t piece)
{
    struct outcome out = {.state = PO_HTTP_PARSE_MORE};
    struct po_http_head head;
    char *base = malloc(len == 0 ? 1 : len);
    if (base == NULL) return out;
    po_http_head_init(&head, base);
    size_t have = 0;
    while (have < len && out.state == PO_HTTP_PARSE_MORE) {
        size_t more = len - have < piece ? len - have : piece;
        memcpy(base + have, data + have, more);
        have += more;
        out.state = po_http_head_parse(&head, have);
        require(head.pos <= have);
    }
    memcpy(base + have, data + have, len - have);
    out.status = out.state == PO_HTTP_PARSE_BAD ? head.status : 0;
    require((out.state == PO_HTTP_PARSE_BAD) == (out.status >= 400));
    out.used = head.pos;
    if (out.state == PO_HTTP_PARSE_DONE) {
        check_request(cx, &head);
        if (head.has_coding) run_chunks(&out, base, len, piece);
    }
    free(base);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    if (size == 0 || size > 40000 || !po_is_ok(po_ctx_init(&cx))) return 0;
    size_t piece = 1 + data[0] % 64u;
    struct outcome whole = run(&cx, data + 1, size - 1, SIZE_MAX);
    struct outcome cut = run(&cx, data + 1, size - 1, piece);
    require(whole.state == cut.state && whole.status == cut.status && whole.content == cut.content);
    if (whole.state == PO_HTTP_PARSE_DONE) require(whole.used == cut.used);
    return 0;
}

/*
 * Requests from bytes: every case whole, byte by byte and at random cuts; limits; fields; queries.
 */
#include "core/buf.h"
#include "http/parse_priv.h"
#include "lib/test.h"
#include "unit/http/head_cases.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX 100000

struct result {
    unsigned status; /* 0: more is wanted */
    size_t used;
    char text[9000];
};

static enum po_http_parse take_chunks(struct po_http_chunks *chunks, po_str in, struct po_buf *body,
                                      size_t *used)
{
    enum po_http_parse state = PO_HTTP_PARSE_MORE;
    while (state == PO_HTTP_PARSE_MORE && *used < in.len) {
        po_str data = {0};
        size_t some = 0;
        state = po_http_chunks_feed(chunks, po_str_slice(in, *used, in.len), &some, &data);
        check_that(some > 0 || state != PO_HTTP_PARSE_MORE);
        po_buf_append(body, data);
        *used += some;
    }
    return state;
}

static void show(struct result *result, const struct po_http_head *head, po_str body)
{
    struct po_http_request req = {0};
    po_http_request_fill(head, &req);
    int len = snprintf(result->text, sizeof result->text, "%s %.*s ?%.*s %.*s",
                       po_http_method_name(req.method), PO_STR_ARG(req.path), PO_STR_ARG(req.query),
                       PO_STR_ARG(body));
    check_that(len > 0 && (size_t)len < sizeof result->text);
}

/* As a connection does: the head, then its content; `piece` bytes at a time (0: at random). */
static struct result run(po_str bytes, size_t piece)
{
    struct result result = {0};
    struct po_http_head head;
    struct po_http_chunks chunks;
    enum po_http_parse state = PO_HTTP_PARSE_MORE;
    char *base = malloc(bytes.len + 1);
    PO_BUF_AUTO body = {0};
    size_t len = 0;
    check_that(base != NULL);
    po_buf_init(&body, BODY_MAX);
    po_http_head_init(&head, base);
    po_http_chunks_init(&chunks, BODY_MAX);
    while (len < bytes.len && result.status == 0) {
        size_t more = piece != 0 ? piece : 1 + (size_t)test_random_below(17);
        if (more > bytes.len - len) more = bytes.len - len;
        memcpy(base + len, bytes.ptr + len, more);
        len += more;
        if (state == PO_HTTP_PARSE_MORE) {
            state = po_http_head_parse(&head, len);
            result.used = head.pos;
        }
        if (state == PO_HTTP_PARSE_BAD) result.status = head.status;
        if (state != PO_HTTP_PARSE_DONE) continue;
        if (head.has_coding) {
            enum po_http_parse got = take_chunks(&chunks, po_str_n(base, len), &body, &result.used);
            if (got == PO_HTTP_PARSE_BAD) result.status = chunks.status;
            if (got == PO_HTTP_PARSE_DONE) result.status = 200;
        } else if (head.length > BODY_MAX) {
            result.status = 413;
        } else if (len - head.pos >= head.length) {
            po_buf_append(&body, po_str_n(base + head.pos, (size_t)head.length));
            result.used = head.pos + (size_t)head.length;
            result.status = 200;
        }
        if (result.status == 200) show(&result, &head, po_buf_str(&body));
    }
    free(base);
    return result;
}

TEST_TIMEOUT(http_parse__each_request_gets_its_answer_however_it_is_cut, 60)
{
    static const size_t PIECES[] = {SIZE_MAX, 1, 0, 0, 0, 2, 3, 5};
    TEST_EACH(row, HEAD_CASES)
    {
        for (size_t i = 0; i < sizeof PIECES / sizeof PIECES[0]; i++) {
            struct result result = run(row->bytes, PIECES[i]);
            check_eq_int(result.status, row->status);
            check_eq_cstr(result.text, row->want);
            if (row->status == 200) check_eq_u64(result.used, row->bytes.len);
        }
    }
    test_row(NULL);
    check_that(HEAD_CASE_COUNT >= 150);
}

TEST(http_parse__asks_for_more_until_the_last_byte)
{
    TEST_EACH(row, HEAD_CASES)
    {
        if (row->status != 200) continue;
        for (size_t len = 0; len < row->bytes.len; len++)
            check_eq_int(run(po_str_slice(row->bytes, 0, len), SIZE_MAX).status, 0);
    }
}

TEST(http_parse__leaves_what_follows_a_request)
{
    TEST_EACH(row, HEAD_CASES)
    {
        if (row->status != 200) continue;
        PO_BUF_AUTO two = {0};
        po_buf_init(&two, 65536);
        po_buf_append(&two, row->bytes);
        po_buf_append_cstr(&two, "GET /next HTTP/1.1\r\nHost: b\r\n\r\n");
        struct result result = run(po_buf_str(&two), SIZE_MAX);
        check_eq_int(result.status, 200);
        check_eq_cstr(result.text, row->want);
        check_eq_u64(result.used, row->bytes.len);
    }
}

/* ---- limits ------------------------------------------------------------------------------------- */

static unsigned run_buf(struct po_buf *buf)
{
    check_ok_leaf(po_buf_check(buf));
    unsigned whole = run(po_buf_str(buf), SIZE_MAX).status;
    check_eq_int(run(po_buf_str(buf), 1).status, whole);
    check_eq_int(run(po_buf_str(buf), 0).status, whole);
    return whole;
}

static unsigned run_target(size_t len)
{
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 65536);
    po_buf_append_cstr(&buf, "GET /");
    for (size_t i = 1; i < len; i++)
        po_buf_append_char(&buf, 'a');
    po_buf_append_cstr(&buf, " HTTP/1.1\r\nHost: a\r\n\r\n");
    return run_buf(&buf);
}

TEST(http_parse__targets_end_at_8192_bytes)
{
    check_eq_int(run_target(PO_HTTP_TARGET_BYTES_MAX), 200);
    check_eq_int(run_target(PO_HTTP_TARGET_BYTES_MAX + 1), 414);
    check_eq_int(run_target(40000), 414);
}

static unsigned run_fields(size_t count)
{
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 65536);
    po_buf_append_cstr(&buf, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (size_t i = 1; i < count; i++)
        po_buf_printf(&buf, "X%zu: y\r\n", i);
    po_buf_append_cstr(&buf, "\r\n");
    return run_buf(&buf);
}

TEST(http_parse__fields_end_at_100)
{
    check_eq_int(run_fields(PO_HTTP_FIELDS_MAX), 200);
    check_eq_int(run_fields(PO_HTTP_FIELDS_MAX + 1), 431);
}

/* A head of exactly `len` bytes. */
static unsigned run_head(size_t len)
{
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, 65536);
    po_buf_append_cstr(&buf, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    while (buf.len < len - 4)
        po_buf_append_char(&buf, 'a');
    po_buf_append_cstr(&buf, "\r\n\r\n");
    check_eq_u64(buf.len, len);
    return run_buf(&buf);
}

TEST(http_parse__heads_end_at_16384_bytes)
{
    check_eq_int(run_head(PO_HTTP_HEAD_BYTES_MAX), 200);
    check_eq_int(run_head(PO_HTTP_HEAD_BYTES_MAX + 1), 431);
    check_eq_int(run_head(PO_HTTP_HEAD_BYTES_MAX + 4), 431);
    check_eq_int(run_head(60000), 431);
}

/* Every byte at every place of a request: refused, or taken alike however it is cut. */
TEST_TIMEOUT(http_parse__any_byte_anywhere_gives_one_answer, 60)
{
    static const char text[] = "POST /a%20b?c HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    char copy[sizeof text];
    size_t head_len = (size_t)(strstr(text, "\r\n\r\n") - text) + 4;
    for (size_t at = 0; at < sizeof text - 1; at++) {
        for (unsigned byte = 0; byte < 256; byte += at % 2 == 0 ? 1 : 3) {
            memcpy(copy, text, sizeof text);
            copy[at] = (char)byte;
            po_str bytes = po_str_n(copy, sizeof text - 1);
            struct result whole = run(bytes, SIZE_MAX);
            struct result single = run(bytes, 1);
            check_eq_int(single.status, whole.status);
            check_eq_cstr(single.text, whole.text);
            if (byte < 0x20 && byte != '\t' && byte != (unsigned char)text[at] && at < head_len)
                check_that(whole.status == 400 || whole.status == 501);
        }
    }
}

/* ---- the request -------------------------------------------------------------------------------- */

static char request_bytes[4096];
static struct po_http_head request_head;
static struct po_http_request request;

static const struct po_http_request *parse(const char *text)
{
    check_that(strlen(text) < sizeof request_bytes);
    memcpy(request_bytes, text, strlen(text));
    po_http_head_init(&request_head, request_bytes);
    check_eq_int(po_http_head_parse(&request_head, strlen(text)), PO_HTTP_PARSE_DONE);
    request = (struct po_http_request){0};
    po_http_request_fill(&request_head, &request);
    return &request;
}

TEST(http_request__shows_host_port_and_fields)
{
    const struct po_http_request *req =
        parse("GET / HTTP/1.1\r\nHost: [::1]:8443\r\nX-One:  a b \r\n"
              "Twice: 1\r\ntwice: 2\r\n\r\n");
    po_str value = {0};
    check_eq_str(req->host, "[::1]");
    check_eq_int(req->port, 8443);
    check_eq_u64(po_http_field_count(req), 4);
    check_eq_str(po_http_field_at(req, 1).name, "x-one");
    check_ok_leaf(po_http_field_get(req, PO_LIT("x-one"), &value));
    check_eq_str(value, "a b");
    check_fails_leaf(po_http_field_get(req, PO_LIT("twice"), &value), PO_INVALID);
    check_fails_leaf(po_http_field_get(req, PO_LIT("none"), &value), PO_NOTFOUND);
    check_eq_str(value, "a b");
}

TEST(http_cookie__is_found_once_or_refused)
{
    static const struct {
        const char *name;
        const char *cookie;
        enum po_code code;
        const char *want;
    } ROWS[] = {
        {"alone", "s=abc", PO_OK, "abc"},
        {"among others", "a=1; s=abc; b=2", PO_OK, "abc"},
        {"quoted", "s=\"abc\"", PO_OK, "\"abc\""},
        {"empty", "s=", PO_OK, ""},
        {"absent", "a=1; ss=2", PO_NOTFOUND, ""},
        {"twice", "s=1; s=2", PO_INVALID, ""},
        {"no equals", "s", PO_NOTFOUND, ""},
        {"others malformed", "x={\"a\": 1, 2}; s=abc; junk; (=", PO_OK, "abc"},
        {"two fields", "s=1\r\nCookie: s=2", PO_INVALID, ""},
        {"case", "S=1", PO_NOTFOUND, ""},
        {"comma", "s=1,2", PO_INVALID, ""},
        {"quote inside", "s=a\"b", PO_INVALID, ""},
        {"empty pair", "s=1;;a=2", PO_OK, "1"},
        {"blank in value", "s=a b", PO_INVALID, ""},
    };
    TEST_EACH(row, ROWS)
    {
        char text[256];
        (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n",
                       row->cookie);
        po_str value = {0};
        po_rc rc = po_http_cookie_get(parse(text), PO_LIT("s"), &value);
        check_eq_int(rc.code, row->code);
        check_eq_str(value, row->want);
    }
}

TEST(http_query__pairs_are_decoded_and_checked)
{
    static const struct {
        const char *name;
        const char *query;
        const char *want;
    } ROWS[] = {
        {"one", "a=b", "a=b;"},
        {"several", "a=b&c=d&&e", "a=b;c=d;e=;"},
        {"plus and escapes", "a+b=%41%2b", "a b=A+;"},
        {"equals in value", "a==b", "a==b;"},
        {"none", "", ""},
        {"utf-8", "a=%c3%a9", "a=\xc3\xa9;"},
        {"nul", "a=%00", "!"},
        {"lf", "a=1&b=%0a", "a=1;!"},
        {"not utf-8", "a=%ff", "!"},
        {"bad triplet", "a=%2", "!"},
    };
    TEST_CX(cx);
    TEST_EACH(row, ROWS)
    {
        PO_BUF_AUTO out = {0};
        po_buf_init(&out, 256);
        po_str rest = po_str_of(row->query);
        struct po_http_field pair = {0};
        po_rc rc = po_rc_ok();
        while (po_is_ok(rc) && po_http_query_next(cx, &rest, &pair, &rc)) {
            if (!po_is_ok(rc))
                po_buf_append_char(&out, '!');
            else
                po_buf_printf(&out, "%.*s=%.*s;", PO_STR_ARG(pair.name), PO_STR_ARG(pair.value));
        }
        check_eq_str(po_buf_str(&out), row->want);
        po_err_clear(cx);
    }
}

TEST(http_upgrade__is_offered_only_when_well_formed)
{
#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
    static const struct {
        const char *name;
        const char *request;
        bool want;
    } ROWS[] = {
        {"good", "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n", true},
        {"1.0", "GET / HTTP/1.0\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n", false},
        {"post", "POST / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n", false},
        {"no key", "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION "\r\n", false},
        {"two keys", "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY KEY VERSION "\r\n", false},
        {"no version", "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY "\r\n", false},
        {"version 8",
         "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", false},
        {"no connection", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" KEY VERSION "\r\n",
         false},
        {"key of 15 bytes",
         "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE
         "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n" VERSION "\r\n",
         false},
        {"key with loose bits",
         "GET / HTTP/1.1\r\nHost: a\r\n" UPGRADE
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n" VERSION "\r\n",
         false},
    };
    TEST_EACH(row, ROWS) { check_eq_int(parse(row->request)->wants_websocket, row->want); }
}

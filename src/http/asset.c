/*
 * Embedded files: strong ETag, conditional requests, precompressed forms.
 *
 * Source: RFC 9110 8.8.3, 12.5.3, 13.1.2; docs/spec/http.md 6
 */
#include "http/parse_priv.h"

#include "core/codec.h"
#include "crypto/crypto.h"

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_BROTLI, CODING_COUNT };

static const char *const CODING_NAMES[CODING_COUNT] = {"identity", "gzip", "br"};
static const char *const ETAG_ENDS[CODING_COUNT] = {"", "-gzip", "-br"};

PO_RC po_http_asset_init(struct po_http_asset *asset)
{
    uint8_t digest[PO_SHA256_BYTES];
    PO_PASS(po_sha256(asset->identity, digest));
    po_hex_encode(digest, 16, asset->etag);
    return po_rc_ok();
}

/* "q=0", "q=0.", "q=0.0", "q=0.000": everything else counts as wanted. */
static bool is_zero_weight(po_str parameter)
{
    parameter = po_str_trim(parameter);
    if (parameter.len < 3 || (parameter.ptr[0] | 0x20) != 'q' || parameter.ptr[1] != '=')
        return false;
    for (size_t i = 2; i < parameter.len; i++)
        if (parameter.ptr[i] != '0' && parameter.ptr[i] != '.') return false;
    return true;
}

/* Is this coding named with a weight above 0? Every field of that name counts. */
static bool is_accepted(const struct po_http_request *req, const char *coding)
{
    for (size_t i = 0; i < po_http_field_count(req); i++) {
        struct po_http_field field = po_http_field_at(req, i);
        po_str element = {0};
        if (!po_str_eq_cstr(field.name, "accept-encoding")) continue;
        while (po_http_list_next(&field.value, &element)) {
            size_t semicolon = po_str_find_char(element, ';', 0);
            po_str name = po_str_trim(po_str_slice(element, 0, semicolon));
            if (!po_http_eq_nocase(name, coding)) continue;
            return semicolon == SIZE_MAX ||
                   !is_zero_weight(po_str_slice(element, semicolon + 1, element.len));
        }
    }
    return false;
}

static enum coding choose(const struct po_http_request *req, const struct po_http_asset *asset)
{
    if (asset->brotli.len > 0 && is_accepted(req, CODING_NAMES[CODING_BROTLI]))
        return CODING_BROTLI;
    if (asset->gzip.len > 0 && is_accepted(req, CODING_NAMES[CODING_GZIP])) return CODING_GZIP;
    return CODING_IDENTITY;
}

static bool is_unchanged(const struct po_http_request *req, po_str etag)
{
    for (size_t i = 0; i < po_http_field_count(req); i++) {
        struct po_http_field field = po_http_field_at(req, i);
        po_str element = {0};
        if (!po_str_eq_cstr(field.name, "if-none-match")) continue;
        while (po_http_list_next(&field.value, &element)) {
            if (po_str_starts(element, PO_LIT("W/")))
                element = po_str_slice(element, 2, element.len);
            if (po_str_eq_cstr(element, "*") || po_str_eq(element, etag)) return true;
        }
    }
    return false;
}

void po_http_asset_respond(const struct po_http_request *req, const struct po_http_asset *asset,
                           struct po_http_response *res)
{
    enum coding coding = choose(req, asset);
    const po_str bodies[CODING_COUNT] = {asset->identity, asset->gzip, asset->brotli};
    struct po_buf etag;
    po_buf_init(&etag, 64);
    po_buf_printf(&etag, "\"%s%s\"", asset->etag, ETAG_ENDS[coding]);
    if (asset->gzip.len > 0 || asset->brotli.len > 0)
        po_http_set(res, PO_HTTP_VARY, PO_LIT("Accept-Encoding"));
    /* Without memory for it there is no ETag; the answer is right all the same. */
    bool has_etag = po_is_ok(po_buf_check(&etag));
    if (has_etag) po_http_set(res, PO_HTTP_ETAG, po_buf_str(&etag));
    bool is_read = req->method == PO_HTTP_GET || req->method == PO_HTTP_HEAD;
    if (!is_read) {
        po_http_problem(res, 405, NULL);
        po_http_set(res, PO_HTTP_ALLOW, PO_LIT("GET, HEAD"));
    } else if (has_etag && is_unchanged(req, po_buf_str(&etag))) {
        po_http_status(res, 304);
    } else {
        po_http_set(res, PO_HTTP_CONTENT_TYPE, asset->type);
        if (coding != CODING_IDENTITY)
            po_http_set(res, PO_HTTP_CONTENT_ENCODING, po_str_of(CODING_NAMES[coding]));
        po_http_body_static(res, bodies[coding]);
    }
    po_buf_done(&etag);
}

/*
 * Claims from hostile bytes: the text up to the first NUL, the facts behind it.
 *
 * What is compared adds up, and both outputs are well formed: one table row for each claim, one JSON
 * text.
 */
#include "fuzz/fuzz.h"
#include "report/report.h"

#define OUT_BYTES_MAX ((size_t)64 << 20)

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static size_t count_lines(po_str text)
{
    size_t n = 0;
    po_str line;
    while (po_str_next_line(&text, &line))
        n++;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    require(po_is_ok(po_ctx_init(&cx)));
    po_str in = po_str_n(data, size);
    size_t cut = po_str_find_char(in, '\0', 0);
    po_str facts = cut == SIZE_MAX ? PO_LIT("{\"v\":1,\"subject\":\"s\",\"facts\":[]}")
                                   : po_str_slice(in, cut + 1, in.len);
    struct po_claims claims;
    if (!po_is_ok(po_claims_compare(&cx, po_str_slice(in, 0, cut), facts, &claims))) return 0;
    require(claims.confirmed + claims.contradicted + claims.unproven == claims.count);
    require(claims.is_ready == (claims.why.len == 0));
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, OUT_BYTES_MAX);
    if (po_is_ok(po_claims_markdown(&cx, &claims, &out)))
        require(count_lines(po_buf_str(&out)) == 7 + claims.count);
    po_buf_clear(&out);
    struct po_json *root = NULL;
    if (po_is_ok(po_claims_json(&cx, &claims, &out)) && out.len < PO_JSON_BYTES_MAX)
        require(po_is_ok(po_json_parse(&cx, po_buf_str(&out), PO_JSON_STRICT, &root)));
    return 0;
}

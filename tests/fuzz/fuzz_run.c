/*
 * Run records from hostile bytes: what decodes encodes to the canonical form of the same text.
 */
#include "control/control.h"
#include "fuzz/fuzz.h"

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    require(po_is_ok(po_ctx_init(&cx)));
    po_str text = po_str_n(data, size);
    struct po_run run;
    if (!po_is_ok(po_run_decode(&cx, text, &run))) return 0;
    PO_BUF_AUTO encoded = {0};
    PO_BUF_AUTO canonical = {0};
    po_buf_init(&encoded, PO_RUN_BYTES_MAX);
    po_buf_init(&canonical, PO_RUN_BYTES_MAX);
    struct po_json *root = NULL;
    require(po_is_ok(po_run_encode(&cx, &run, &encoded)));
    require(po_is_ok(po_json_parse(&cx, text, PO_JSON_STRICT, &root)));
    struct po_run again;
    require(po_is_ok(po_run_decode(&cx, po_buf_str(&encoded), &again)));
    /* Times may have been written with fewer decimals: then the text differs, the run does not. */
    require(again.started_us == run.started_us && again.finished_us == run.finished_us);
    if (!po_is_ok(po_json_canonical(&cx, root, &canonical))) return 0;
    require(encoded.len >= canonical.len);
    return 0;
}

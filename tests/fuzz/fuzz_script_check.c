/*
 * Script's checker, generator and verifier: whatever compiles is valid code with a listing, whatever
 * does not has a diagnostic that can be shown. Nothing runs.
 */
#include "fuzz/script_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    PO_BUF_AUTO out;
    po_buf_init(&out, 64u << 20);
    if (!po_is_ok(po_ctx_init(&cx))) return 0;
    PO_CLEANUP(po_script_freep) struct po_script *script = compile_source(&cx, data, size);
    if (script != NULL) require(po_is_ok(po_script_disassemble(script, &out)));
    return 0;
}

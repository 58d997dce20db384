/*
 * Script's parser, through the formatter: a text is refused with a diagnostic, or its format has the
 * same tokens and formats to itself.
 */
#include "fuzz/fuzz.h"
#include "script/script.h"

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void check_fmt(po_str text)
{
    static struct po_script_diags diags;
    PO_CTX_AUTO cx = {0};
    PO_BUF_AUTO once;
    PO_BUF_AUTO twice;
    po_buf_init(&once, 4u << 20);
    po_buf_init(&twice, 4u << 20);
    if (!po_is_ok(po_ctx_init(&cx))) return;
    po_rc rc = po_script_fmt(&cx, PO_LIT("fuzz.script"), text, &once, &diags);
    require(rc.code != PO_BUG && (po_is_ok(rc) || rc.code != PO_INVALID || diags.error_count > 0));
    if (!po_is_ok(rc)) return;
    rc = po_script_fmt(&cx, PO_LIT("fuzz.script"), po_buf_str(&once), &twice, &diags);
    require(po_is_ok(rc) && po_str_eq(po_buf_str(&once), po_buf_str(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_fmt(po_str_n(data, size));
    return 0;
}

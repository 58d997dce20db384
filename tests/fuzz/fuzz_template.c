/*
 * Templates from hostile bytes, over an empty evidence view: a body without macros, or an error.
 */
#include "fuzz/fuzz.h"
#include "report/report.h"

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static struct po_ctx shared_cx;

/* Loaded once: it is what the input is read against, not what is tested. */
static const struct po_catalog *shared_view(struct po_view *ret_view)
{
    static const struct po_catalog *catalog;
    static struct po_clause_run *runs;
    if (catalog == NULL) {
        require(po_is_ok(po_ctx_init(&shared_cx)));
        require(po_is_ok(po_catalog_load_embedded(&shared_cx, &catalog)));
        runs = po_arena_alloc(shared_cx.arena, catalog->clause_count, sizeof *runs);
        require(runs != NULL);
        for (size_t i = 0; i < catalog->clause_count; i++)
            runs[i].leaf = PO_LEAF_NONE;
    }
    ret_view->states.runs = runs;
    return catalog;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct po_view view = {0};
    const struct po_catalog *catalog = shared_view(&view);
    PO_CTX_AUTO cx = {0};
    require(po_is_ok(po_ctx_init(&cx)));
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, PO_REPORT_BYTES_MAX);
    po_str text = po_str_n(data, size);
    po_rc rc = po_report_render_template(&cx, catalog, &view, PO_LIT("t"), text, &out);
    if (!po_is_ok(rc)) require(rc.code == PO_INVALID || rc.code == PO_LIMIT);
    /* Nothing recorded: whatever the template is, no macro may print good news. */
    bool says_good = po_str_find(text, PO_LIT("✅"), 0) != SIZE_MAX ||
                     po_str_find(text, PO_LIT("[x]"), 0) != SIZE_MAX;
    if (po_is_ok(rc) && !says_good)
        require(po_str_find(po_buf_str(&out), PO_LIT("✅"), 0) == SIZE_MAX);
    return 0;
}

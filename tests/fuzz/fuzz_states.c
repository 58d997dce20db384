/*
 * States for a what-if from hostile bytes: what is accepted scores within bounds and prints JSON.
 */
#include "control/control.h"
#include "fuzz/fuzz.h"

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

/* Loaded once: it is what the input is read against, not what is tested. */
static const struct po_catalog *shared_catalog(void)
{
    static struct po_ctx cx;
    static const struct po_catalog *catalog;
    if (catalog == NULL) {
        require(po_is_ok(po_ctx_init(&cx)));
        require(po_is_ok(po_catalog_load_embedded(&cx, &catalog)));
    }
    return catalog;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct po_catalog *catalog = shared_catalog();
    PO_CTX_AUTO cx = {0};
    require(po_is_ok(po_ctx_init(&cx)));
    const struct po_control_result *controls = NULL;
    if (!po_is_ok(po_states_parse(&cx, catalog, po_str_n(data, size), &controls))) return 0;
    struct po_scores scores;
    require(po_is_ok(po_scores_compute(&cx, catalog, controls, &scores)));
    for (size_t i = 0; i < scores.category_count; i++)
        require(scores.categories[i].score >= 0 && scores.categories[i].score <= 100);
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, (size_t)1 << 20);
    const struct po_as_of as_of = {.is_hypothetical = true};
    struct po_json *root = NULL;
    require(po_is_ok(po_scores_json(&cx, catalog, &scores, &as_of, &out)));
    require(po_is_ok(po_json_parse(&cx, po_buf_str(&out), PO_JSON_STRICT, &root)));
    return 0;
}

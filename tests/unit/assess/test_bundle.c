/*
 * The manifest of content/ against its sources, and what a check of this build needs.
 *
 * After a change of a program: PO_GOLDEN_UPDATE=1 make test T='content*' rewrites content/bundle.json.
 */
#include "assess/assess_priv.h"
#include "health/health.h"
#include "lib/test.h"

#include <stdlib.h>

#define MANIFEST_BYTES_MAX ((size_t)4 << 20)

TEST_TIMEOUT(content__manifest_is_what_the_sources_give, 60)
{
    TEST_CX(cx);
    struct po_script_diags *diags = po_arena_alloc(cx->arena, 1, sizeof *diags);
    const char *path = test_source_path("content/bundle.json");
    size_t len = 0;
    PO_BUF_AUTO made;
    check_that(diags != NULL);
    po_assess_facts_declare();
    po_buf_init(&made, MANIFEST_BYTES_MAX);
    check_ok(cx,
             po_bundle_manifest(cx, test_source_path("content"), PO_LIT("content"), &made, diags));
    if (getenv("PO_GOLDEN_UPDATE") != NULL) test_write_file(path, made.ptr, made.len);
    char *kept = test_read_file(path, &len);
    bool is_equal = po_str_eq(po_buf_str(&made), po_str_n(kept, len));
    free(kept);
    check_that(is_equal, "content/bundle.json is not what the sources give; "
                         "PO_GOLDEN_UPDATE=1 renews it");
}

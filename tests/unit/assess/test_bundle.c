/*
 * The manifest of content/ against its sources, and the facts of this layer against their specification.
 *
 * After a change of a program: PO_GOLDEN_UPDATE=1 make test T='content*' rewrites content/bundle.json,
 * after one of a type PO_UPDATE_DOCS=1 make test T='assess_facts*' rewrites docs/spec/facts-assessment.md.
 */
#include "assess/assess_priv.h"
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

TEST(assess_facts__are_what_the_specification_says)
{
    const char *path = test_source_path("docs/spec/facts-assessment.md");
    size_t len = 0;
    PO_BUF_AUTO text;
    po_buf_init(&text, 1 << 16);
    po_assess_facts_render(&text);
    check_ok_leaf(po_buf_check(&text));
    if (getenv("PO_UPDATE_DOCS") != NULL) test_write_file(path, text.ptr, text.len);
    char *kept = test_read_file(path, &len);
    bool is_equal = po_str_eq(po_buf_str(&text), po_str_n(kept, len));
    free(kept);
    check_that(is_equal, "docs/spec/facts-assessment.md differs; PO_UPDATE_DOCS=1 renews it");
}

/* A name belongs to the registry or to this layer, and every type is one that programs compile with. */
TEST(assess_facts__have_names_of_their_own_and_types_that_compile)
{
    TEST_CX(cx);
    size_t count = 0;
    const struct po_fact_type *types = po_assess_fact_types(&count);
    PO_BUF_AUTO text;
    po_buf_init(&text, 1 << 16);
    po_buf_append_cstr(&text, "import * as fact from \"host/fact\"\n");
    for (size_t i = 0; i < count; i++) {
        check_that(po_fact_find(po_str_of(types[i].name)) == NULL, "%s", types[i].name);
        char name[64] = {0};
        for (size_t k = 0; types[i].name[k] != '\0'; k++)
            name[k] = types[i].name[k] == '.' ? '_' : types[i].name[k];
        po_buf_printf(&text, "export fn f%zu() -> %s { fact.%s() }\n", i, types[i].type, name);
    }
    const struct po_bundle_text file = {PO_LIT("t.script"), po_buf_str(&text)};
    struct po_bundle *bundle = NULL;
    struct po_script_diags *diags = po_arena_alloc(cx->arena, 1, sizeof *diags);
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    const struct po_script_config how = {.strict = true, .keep_going_without_needs = true};
    po_assess_facts_declare();
    check_ok(cx, po_bundle_open_texts(cx, PO_LIT("t"), &file, 1, &bundle));
    check_ok(cx, po_bundle_compile(cx, bundle, PO_LIT("t.script"), &how, diags, &script));
}

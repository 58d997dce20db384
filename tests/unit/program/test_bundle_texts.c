/*
 * Bundles of texts: what the ledger kept of a program is compiled and has the digest it had.
 */
#include "lib/test.h"
#include "program/program.h"

static const char judge[] =
    "export fn sign(n: int) -> string { if n < 0 { \"-\" } else { \"+\" } }\n";
static const char check[] =
    "import { sign } from \"lib/judge\"\nimport * as time from \"host/time\"\n"
    "@check(id = \"a\")\n@needs(time = true)\nfn now() -> string { sign(time.now()) }\n";

TEST(bundle_texts__hold_programs_without_a_directory)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    const struct po_bundle_text texts[] = {
        {PO_LIT("x.script"), po_str_of(check)},
        {PO_LIT("lib/judge.script"), po_str_of(judge)},
    };
    struct po_bundle *bundle = NULL;
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    check_ok(cx, po_bundle_open_texts(cx, PO_LIT("kept"), texts, 2, &bundle));
    check_eq_int(po_bundle_trust(bundle), PO_TRUST_NONE);
    check_eq_str(po_bundle_name(bundle), "kept");
    check_eq_str(po_bundle_file_path(bundle, 0), "lib/judge.script");
    check_eq_u64(po_bundle_program_count(bundle), 1);
    check_eq_str(po_bundle_program_at(bundle, 0)->entry, "now");
    check_ok(cx, po_program_load(cx, bundle, PO_LIT("x.script"), PO_LIT("now"), &diags, &program));
    check_eq_u64(po_script_module_count(program.script), 2);
}

TEST(bundle_texts__refuse_paths_that_lead_elsewhere)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    const struct po_bundle_text twice[] = {{PO_LIT("x.script"), PO_LIT("")},
                                           {PO_LIT("x.script"), PO_LIT("")}};
    static const char *const bad[] = {"", "/x.script", "../x.script", "a/../x.script",
                                      "a b.script"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct po_bundle_text text = {po_str_of(bad[i]), PO_LIT("")};
        test_row(bad[i]);
        check_fails(cx, po_bundle_open_texts(cx, PO_LIT("b"), &text, 1, &bundle), PO_INVALID);
    }
    test_row(NULL);
    check_fails(cx, po_bundle_open_texts(cx, PO_LIT("b"), twice, 2, &bundle), PO_INVALID);
    check_fails(cx, po_bundle_open_texts(cx, PO_LIT("b"), twice, PO_BUNDLE_FILES_MAX + 1, &bundle),
                PO_LIMIT);
}

TEST_FAULTS(bundle_texts__fail_cleanly)
{
    TEST_CX(cx);
    const struct po_bundle_text text = {PO_LIT("x.script"), PO_LIT("fn main() { print(1) }\n")};
    struct po_bundle *bundle = NULL;
    if (!test_survived(po_bundle_open_texts(cx, PO_LIT("b"), &text, 1, &bundle))) return;
    test_faults_off();
    check_eq_u64(po_bundle_file_count(bundle), 1);
    /* running out of memory while compiling is no error of the text */
    check_that(!po_bundle_file_is_broken(bundle, 0));
}

/*
 * What the layers above ask of programs in batches.
 */
#include "unit/program/program_fixture.h"

TEST(program_facts__are_those_of_the_needs_in_written_order)
{
    static const struct {
        const char *name;
        const char *needs;
        const char *facts; /* each followed by a blank */
    } table[] = {
        {"text", "fact = \"store.check, home.logs,home.tree\"", "store.check home.logs home.tree "},
        {"list", "fact = [\"store.check\", \"home.logs\"]", "store.check home.logs "},
        {"twice", "fact = \"a.b,c.d,a.b\"", "a.b c.d "},
        {"with others", "time = true, fact = \"a.b\", env = \"X\"", "a.b "},
        {"none", "time = true", ""},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        PO_BUF_AUTO text = {0};
        PO_BUF_AUTO got = {0};
        const char *const *names = NULL;
        po_buf_init(&text, 4096);
        po_buf_init(&got, 4096);
        po_buf_printf(&text, "@check\n@needs(%s)\nfn c() {}\n", row->needs);
        PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text.ptr, "c");
        check_ok(cx, po_program_facts(cx, &program, &names));
        for (; *names != NULL; names++) {
            po_buf_append_cstr(&got, *names);
            po_buf_append_char(&got, ' ');
        }
        check_eq_str(po_buf_str(&got), row->facts);
    }
}

TEST(program_find__goes_by_kind_and_id)
{
    TEST_CX(cx);
    program_file("b", "x.script",
                 "@check(id = \"a\")\nfn c() {}\n@repair(id = \"a\")\nfn r() {}\n");
    struct po_bundle *bundle = program_open(cx, "b");
    check_eq_str(po_bundle_program_find(bundle, PO_LIT("check"), PO_LIT("a"))->entry, "c");
    check_eq_str(po_bundle_program_find(bundle, PO_LIT("repair"), PO_LIT("a"))->entry, "r");
    check_that(po_bundle_program_find(bundle, PO_LIT("control"), PO_LIT("a")) == NULL);
    check_that(po_bundle_program_find(bundle, PO_LIT("check"), PO_LIT("b")) == NULL);
}

TEST(program_load_row__says_the_first_error_in_one_line)
{
    TEST_CX(cx);
    struct po_program program;
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = program_key(cx, 'a');
    struct po_trust_key known = program_trust(key, "a.example", PO_TRUST_VENDOR);
    struct po_bundle *bundle = NULL;
    static const char text[] = "@check(id = \"a\")\nfn c() -> int { 1 }\n";
    program_file("b", "x.script", text);
    program_sign(cx, "b", "a.example", key);
    check_ok(cx, po_bundle_open_dir(cx, test_tmp("b"), &known, 1, &bundle));
    check_ok(cx, po_program_load_row(cx, bundle, po_bundle_program_at(bundle, 0), &program));
    po_program_done(&program);
    /* the same row over a text that is none */
    struct po_bundle *broken = program_open(cx, "b");
    broken->files[0].text = PO_LIT("fn c( {");
    check_fails(cx, po_program_load_row(cx, broken, po_bundle_program_at(broken, 0), &program),
                PO_INVALID);
    check_contains(po_err_msg(cx), "x.script:1:8: E0200");
}

static po_rc keep_value(void *user, struct po_ctx *cx, const struct po_script_outcome *outcome)
{
    po_str *value = user;
    if (outcome->status == PO_SCRIPT_FAULT)
        *value = po_str_of(po_program_fault(cx, outcome));
    else
        *value = outcome->value_json;
    return po_str_eq_cstr(*value, "1") ? po_rc_ok()
                                       : PO_FAIL(cx, PO_CONFLICT, "%.*s", PO_STR_ARG(*value));
}

TEST(program_ask__gives_the_outcome_while_its_memory_lives)
{
    TEST_CX(cx);
    po_str value = {0};
    struct po_program_job job = {0};
    PO_CLEANUP(po_program_done)
    struct po_program program =
        program_of(cx, "@check\nfn c() -> int { panic(\"two\\nlines\") }\n", "c");
    /* as a program of this build: in this process */
    struct po_bundle system = {.is_embedded = true, .trust = PO_TRUST_SYSTEM};
    program.bundle = &system;
    program.trust = PO_TRUST_SYSTEM;
    check_fails(cx, po_program_ask(cx, &program, &job, keep_value, &value), PO_CONFLICT);
    check_contains(po_err_msg(cx), "Panic: two lines");
}

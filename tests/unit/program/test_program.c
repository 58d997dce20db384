/*
 * Loading: which program it is, what its digest covers, whether its needs are allowed.
 */
#include "unit/program/program_fixture.h"

#include "core/codec.h"

#include <stdlib.h>

static const char lib_text[] = "export fn twice(n: int) -> int { n * 2 }\n";
static const char text[] = "import { twice } from \"./n\"\n"
                           "import * as fact from \"host/fact\"\n"
                           "@check(id = \"x\")\n"
                           "@needs(fact = \"machine.self\")\n"
                           "fn one() -> int { twice(4) }\n"
                           "@check(id = \"y\")\n"
                           "@needs(fact = \"machine.self\")\n"
                           "fn two() -> int { 2 }\n"
                           "@repair(id = \"x\")\n"
                           "@needs(fact = \"machine.self\")\n"
                           "fn three() -> int { 3 }\n";

static void digest_of(const char *file, const char *entry, uint8_t ret_digest[32])
{
    TEST_CX(cx);
    struct po_script_diags diags;
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    struct po_bundle *bundle = program_open(cx, "p");
    check_ok(cx, po_program_load(cx, bundle, po_str_of(file), po_str_of(entry), &diags, &program));
    memcpy(ret_digest, program.digest, 32);
}

static void check_other(const uint8_t base[32], const char *file, const char *entry)
{
    uint8_t other[32];
    digest_of(file, entry, other);
    check_that(memcmp(base, other, 32) != 0);
}

static void change(const char *from, const char *to)
{
    PO_BUF_AUTO out = {0};
    const char *at = strstr(text, from);
    check_that(at != NULL);
    po_buf_init(&out, 1u << 16);
    po_buf_append(&out, po_str_n(text, (size_t)(at - text)));
    po_buf_append_cstr(&out, to);
    po_buf_append_cstr(&out, at + strlen(from));
    program_file("p", "x.script", out.ptr);
}

TEST(program_digest__changes_with_everything_that_can_run)
{
    uint8_t base[32];
    uint8_t again[32];
    program_file("p", "n.script", lib_text);
    program_file("p", "x.script", text);
    digest_of("x.script", "one", base);
    digest_of("x.script", "one", again);
    check_eq_mem(base, again, 32);
    check_other(base, "x.script", "two");
    check_other(base, "x.script", "three"); /* other limits, too */

    program_file("p", "n.script", "export fn twice(n: int) -> int { n * 3 }\n");
    check_other(base, "x.script", "one");
    program_file("p", "n.script", "export fn twice(n: int) -> int { n * 2 }\n// c\n");
    check_other(base, "x.script", "one");
    program_file("p", "n.script", lib_text);
    change("twice(4)", "twice(5)");
    check_other(base, "x.script", "one");
    change("\"machine.self\"", "\"machine.self,machine.disk\"");
    check_other(base, "x.script", "one");
    change("@check(id = \"x\")", "@repair(id = \"z\")");
    check_other(base, "x.script", "one");
    program_file("p", "y.script", text);
    check_other(base, "y.script", "one");
    program_file("p", "x.script", text);
    program_file("p", "m.script", lib_text);
    change("./n", "./m");
    check_other(base, "x.script", "one");
    /* what is no part of the closure does not count */
    program_file("p", "x.script", text);
    program_file("p", "m.script", "export fn other() -> int { 1 }\n");
    digest_of("x.script", "one", again);
    check_eq_mem(base, again, 32);
}

/* docs/spec/program.md: the text that is hashed. */
TEST(program_digest__is_that_of_the_documented_text)
{
    TEST_CX(cx);
    static const char script[] =
        "@check\n@needs(time = true, fact = \"a.b\")\nfn c() -> int { 1 }\n";
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, script, "c");
    PO_BUF_AUTO want = {0};
    uint8_t digest[32];
    po_buf_init(&want, 1u << 16);
    check_ok_leaf(po_sha256(po_str_of(script), digest));
    po_buf_append_cstr(
        &want, "{\"edition\":1,\"entry\":\"c\",\"file\":\"x.script\",\"files\":{\"x.script\":\"");
    po_hex_append(&want, digest, 32);
    po_buf_append_cstr(&want, "\"},\"limits\":{\"depth\":256,\"host_calls\":500,\"memory_bytes\":"
                              "16777216,\"output_bytes\":262144,\"steps\":2000000,\"time_us\":"
                              "10000000},\"needs\":{\"fact\":[\"a.b\"],\"time\":[\"*\"]},\"v\":1}");
    check_ok_leaf(po_sha256(po_buf_str(&want), digest));
    check_eq_mem(program.digest, digest, 32);
}

TEST(program_load__says_what_is_missing)
{
    TEST_CX(cx);
    struct po_script_diags diags;
    struct po_program program;
    program_file("p", "n.script", lib_text);
    program_file("p", "x.script", text);
    program_file("p", "b.script", "fn (");
    program_file("p", "x_test.script", "@check\nfn c() {}\n");
    struct po_bundle *bundle = program_open(cx, "p");
    check_fails(cx, po_program_load(cx, bundle, PO_LIT("no.script"), PO_LIT("c"), &diags, &program),
                PO_NOTFOUND);
    check_that(program.script == NULL);
    check_fails(cx, po_program_load(cx, bundle, PO_LIT("x.script"), PO_LIT("c"), &diags, &program),
                PO_NOTFOUND);
    check_fails(cx,
                po_program_load(cx, bundle, PO_LIT("x_test.script"), PO_LIT("c"), &diags, &program),
                PO_NOTFOUND);
    check_fails(cx, po_program_load(cx, bundle, PO_LIT("no.script"), PO_LIT(""), &diags, &program),
                PO_NOTFOUND);
    check_eq_u64(diags.count, 0);
    check_fails(cx, po_program_load(cx, bundle, PO_LIT("b.script"), PO_LIT(""), &diags, &program),
                PO_INVALID);
    check_that(diags.error_count > 0);
}

/* Signed by a key of ours, and yet its rows are not what the source says. */
TEST(program_load__compares_the_manifest_with_the_source)
{
    static const struct {
        const char *name;
        const char *from;
        const char *to;
    } table[] = {
        {"fewer needs", "{\"fact\":[\"machine.self\"]}", "{}"},
        {"other needs", "[\"machine.self\"]", "[\"machine.disk\"]"},
        {"more needs", "{\"fact\":[\"machine.self\"]}",
         "{\"fact\":[\"machine.self\"],\"fs_write\":[\"/**\"]}"},
        {"another kind", "\"kind\":\"check\"", "\"kind\":\"repair\""},
        {"another id", "\"id\":\"x\"", "\"id\":\"z\""},
        {"another name", "\"name\":\"x/one\"", "\"name\":\"x/eins\""},
        {"another entry", "\"entry\":\"one\"", "\"entry\":\"twice\""},
    };
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = program_key(cx, 'k');
    struct po_trust_key known = program_trust(key, "k.example", PO_TRUST_VENDOR);
    size_t len = 0;
    program_file("p", "n.script", lib_text);
    program_file("p", "x.script", text);
    program_sign(cx, "p", NULL, NULL);
    char *good = test_read_file(test_tmp("p/bundle.json"), &len);
    TEST_EACH(row, table)
    {
        PO_BUF_AUTO bad = {0};
        PO_BUF_AUTO note = {0};
        struct po_script_diags diags;
        struct po_program program;
        struct po_bundle *bundle = NULL;
        const char *at = strstr(good, row->from);
        check_that(at != NULL);
        po_buf_init(&bad, 1u << 16);
        po_buf_init(&note, 1u << 16);
        po_buf_append(&bad, po_str_n(good, (size_t)(at - good)));
        po_buf_append_cstr(&bad, row->to);
        po_buf_append_cstr(&bad, at + strlen(row->from));
        check_ok(cx, po_bundle_sign(cx, po_buf_str(&bad), PO_LIT("k.example"), key, &note));
        program_file("p", "bundle.json", bad.ptr);
        program_file("p", "bundle.note", note.ptr);
        check_ok(cx, po_bundle_open_dir(cx, test_tmp("p"), &known, 1, &bundle));
        const struct po_bundle_program *first = po_bundle_program_at(bundle, 0);
        check_fails(cx, po_program_load(cx, bundle, first->file, first->entry, &diags, &program),
                    PO_INVALID);
    }
    free(good);
}

TEST(program_load__is_strict_for_signed_bundles_alone)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done)
    struct po_program program =
        program_of(cx, "fn f(x) -> int { 1 }\n@check\nfn c() -> int { f(1) }\n", "c");
    check_that(program.script != NULL);
    check_eq_int(program.trust, PO_TRUST_NONE);
}

TEST(program_load__takes_a_file_without_entries_as_plain)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done)
    struct po_program program = program_of(cx, "fn main() { print(\"hello\") }\n", "");
    struct po_program_job job = {0};
    struct po_program_result result = {0};
    check_eq_str(program.row.name, "x");
    check_eq_str(program.row.kind, "");
    check_eq_u64(program.row.needs.count, 0);
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_str(result.output, "hello\n");
    check_eq_str(result.calls_json, "[]");
}

TEST(program_allowed__names_the_need_and_the_fence)
{
    static const struct {
        const char *name;
        const char *needs;
        const char *grant; /* NULL: none */
        enum po_trust trust;
        enum po_code code;
        const char *fence;
        const char *value;
    } table[] = {
        {"facts", "fact = \"a.b\"", NULL, PO_TRUST_NONE, PO_OK, NULL, NULL},
        {"nothing granted", "fact = \"a.b\"", "{}", PO_TRUST_NONE, PO_DENIED, "grant", "a.b"},
        {"granted", "fact = \"a.b\"", "{\"fact\":\"a.b\"}", PO_TRUST_NONE, PO_OK, NULL, NULL},
        {"another granted", "fact = \"a.b,c.d\"", "{\"fact\":\"a.b\"}", PO_TRUST_NONE, PO_DENIED,
         "grant", "c.d"},
        {"beyond the ceiling", "fs_read = \"/etc/*\"", NULL, PO_TRUST_NONE, PO_DENIED, "ceiling",
         "/etc/*"},
        {"granted, but beyond the ceiling", "fs_write = \"/etc/*\"", "{\"fs_write\":\"/etc/*\"}",
         PO_TRUST_VENDOR, PO_DENIED, "ceiling", "/etc/*"},
        {"within", "fs_write = \"/etc/*\"", "{\"fs_write\":\"/etc/*\"}", PO_TRUST_ORGANISATION,
         PO_OK, NULL, NULL},
        {"narrower grant", "fs_read = \"/etc/**\"", "{\"fs_read\":\"/etc/*\"}",
         PO_TRUST_ORGANISATION, PO_DENIED, "grant", "/etc/**"},
        {"wider grant", "fs_read = \"/etc/*\"", "{\"fs_read\":\"/**\"}", PO_TRUST_ORGANISATION,
         PO_OK, NULL, NULL},
        {"another kind granted", "fs_read = \"/etc/*\"", "{\"fs_stat\":\"/**\"}",
         PO_TRUST_ORGANISATION, PO_DENIED, "grant", "/etc/*"},
        {"net, whoever grants it", "net = \"a.example:443\"", "{\"net\":\"a.example:443\"}",
         PO_TRUST_ORGANISATION, PO_DENIED, "ceiling", "a.example:443"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        PO_BUF_AUTO script = {0};
        struct po_caps grant = {0};
        struct po_program_denial denial;
        po_buf_init(&script, 4096);
        po_buf_printf(&script, "@check\n@needs(%s)\nfn c() {}\n", row->needs);
        PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, script.ptr, "c");
        po_program_trust_raise(&program, row->trust);
        check_eq_int(program.trust, row->trust);
        if (row->grant != NULL) check_ok(cx, po_caps_parse(cx, po_str_of(row->grant), &grant));
        const struct po_caps *given = row->grant != NULL ? &grant : NULL;
        po_rc rc = po_program_allowed(cx, &program, given, &denial);
        check_eq_int(rc.code, row->code);
        check_that((denial.fence == NULL) == (row->fence == NULL));
        if (row->fence == NULL) continue;
        check_eq_cstr(denial.fence, row->fence);
        check_eq_str(denial.value, row->value);
        struct po_program_job job = {.grant = given};
        struct po_program_result result = {0};
        check_fails(cx, po_program_run(cx, &program, &job, &result), PO_DENIED);
        check_that(result.calls_json.ptr == NULL);
    }
}

TEST(program_trust_raise__goes_up_and_never_to_system)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done)
    struct po_program program = program_of(cx, "@check\nfn c() {}\n", "c");
    po_program_trust_raise(&program, PO_TRUST_SYSTEM);
    check_eq_int(program.trust, PO_TRUST_NONE);
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    check_eq_int(program.trust, PO_TRUST_ORGANISATION);
    po_program_trust_raise(&program, PO_TRUST_VENDOR);
    check_eq_int(program.trust, PO_TRUST_ORGANISATION);
    check_eq_u64(program.ceiling.count, po_trust_ceiling(PO_TRUST_ORGANISATION)->count);
}

TEST(program_ceiling__of_an_unsigned_directory_has_the_directory_itself)
{
    TEST_CX(cx);
    PO_BUF_AUTO script = {0};
    struct po_program_denial denial;
    po_buf_init(&script, 8192);
    program_file("one", "x.script", "");
    po_buf_printf(&script, "@check\n@needs(fs_read = [\"%s/*\", \"%s/data/**\"])\nfn c() {}\n",
                  test_tmp("one"), test_tmp("one"));
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, script.ptr, "c");
    check_ok(cx, po_program_allowed(cx, &program, NULL, &denial));
    po_buf_clear(&script);
    po_buf_printf(&script, "@check\n@needs(fs_read = \"%s2/*\")\nfn c() {}\n", test_tmp("one"));
    PO_CLEANUP(po_program_done) struct po_program other = program_of(cx, script.ptr, "c");
    check_fails(cx, po_program_allowed(cx, &other, NULL, &denial), PO_DENIED);
    po_buf_clear(&script);
    po_buf_printf(&script, "@check\n@needs(fs_write = \"%s/*\")\nfn c() {}\n", test_tmp("one"));
    PO_CLEANUP(po_program_done) struct po_program writer = program_of(cx, script.ptr, "c");
    check_fails(cx, po_program_allowed(cx, &writer, NULL, &denial), PO_DENIED);
}

TEST_FAULTS_SITES(program_load__fails_cleanly)
{
    TEST_CX(cx);
    struct po_script_diags diags;
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    program_file("p", "n.script", lib_text);
    program_file("p", "x.script", text);
    struct po_bundle *bundle = program_open(cx, "p");
    test_faults_arm();
    if (!test_survived(
            po_program_load(cx, bundle, PO_LIT("x.script"), PO_LIT("one"), &diags, &program))) {
        check_that(program.script == NULL);
        return;
    }
    test_faults_off();
    check_eq_u64(program.row.needs.count, 1);
}

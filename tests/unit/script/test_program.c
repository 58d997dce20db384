/* Modules, capabilities, hosts, entry points, tests of programs, formatting, the verifier. */
#include "unit/script/script_help.h"

#include "script/code_priv.h"

#include <stdio.h>

/* ---- modules ---------------------------------------------------------------------------------- */

struct files {
    const char *name;
    const char *path[8];
    const char *text[8];
    const char *want; /* output, or the code of the first error */
};

static po_rc load_file(void *user, struct po_ctx *cx, po_str path, po_str *ret_text)
{
    const struct files *files = user;
    for (size_t i = 0; i < 8 && files->path[i] != NULL; i++) {
        if (!po_str_eq_cstr(path, files->path[i])) continue;
        *ret_text = po_str_of(files->text[i]);
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_NOTFOUND, "no such file");
}

static const struct files module_table[] = {
    {"names",
     {"a.script", "lib/b.script"},
     {"import { f, K, P } from \"./lib/b\"\nprint(f(2), K, P { x: 1 })",
      "export const K = 5\nexport fn f(n: int) -> int { n * K }\nexport struct P { x: int }"},
     "10 5 P { x: 1 }\n"},
    {"namespace",
     {"a.script", "b.script"},
     {"import * as b from \"b.script\"\nprint(b.f(1), b.E::X)\nlet e: b.E = b.E::X\nprint(match e { b.E::X => 1, b.E::Y(n) => n })",
      "export fn f(n: int) -> int { n + 1 }\nexport enum E { X, Y(int) }"},
     "2 E::X\n1\n"},
    {"default and alias",
     {"a.script", "b.script"},
     {"import d from \"./b\"\nimport { x as y } from \"./b\"\nprint(d, y)",
      "let x = 3\nexport { x }\nexport default x + 1"},
     "4 3\n"},
    {"once",
     {"a.script", "b.script", "c.script"},
     {"import { x } from \"./b\"\nimport { y } from \"./c\"\nprint(x, y)",
      "import { y } from \"./c\"\nexport let x = y + 1", "print(\"c loads\")\nexport let y = 1"},
     "c loads\n2 1\n"},
    {"frozen",
     {"a.script", "b.script"},
     {"import { bump } from \"./b\"\ntry { bump() } catch (e) { print(e.kind, e.message) }",
      "let n = 0\nexport fn bump() { n = n + 1 }\nbump()"},
     "TypeMismatch the bindings of a loaded module are frozen\n"},
    {"cycle",
     {"a.script", "b.script"},
     {"import { x } from \"./b\"", "import { y } from \"./a\"\nexport let x = 1"},
     "E0503"},
    {"missing", {"a.script"}, {"import { x } from \"./nope\""}, "E0501"},
    {"outside", {"a.script"}, {"import { x } from \"../b\""}, "E0504"},
    {"up and down",
     {"a.script", "b.script"},
     {"import { x } from \"./lib/../b\"\nprint(x)", "export let x = 1"},
     "1\n"},
    {"absolute", {"a.script"}, {"import { x } from \"/etc/passwd\""}, "E0504"},
    {"odd characters", {"a.script"}, {"import { x } from \"./b c\""}, "E0504"},
    {"no export",
     {"a.script", "b.script"},
     {"import { z } from \"./b\"", "export let x = 1"},
     "E0502"},
    {"bad module",
     {"a.script", "b.script"},
     {"import { x } from \"./b\"", "export let x = nope"},
     "E0300"},
    {"imported is immutable",
     {"a.script", "b.script"},
     {"import { x } from \"./b\"\nx = 2", "export let x = 1"},
     "E0309"},
    {"unknown std", {"a.script"}, {"import { x } from \"std/none\""}, "E0501"},
};

TEST(script_modules__load_once_in_order_and_only_inside_the_root)
{
    TEST_EACH(row, module_table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        struct files files = *row;
        struct po_script_loader loader = {load_file, &files};
        struct po_script_config config = {.loader = &loader};
        PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
        po_rc rc = po_script_compile(cx, &config, PO_LIT("a.script"), po_str_of(row->text[0]),
                                     &diags, &script);
        if (row->want[0] == 'E' && row->want[1] == '0') {
            check_eq_int(rc.code, PO_INVALID);
            check_eq_cstr(diags.at[0].code, row->want);
            continue;
        }
        check_ok(cx, rc);
        PO_BUF_AUTO out;
        po_buf_init(&out, 4096);
        struct po_script_outcome outcome;
        struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK),
                                    .output = &out};
        check_ok(cx, po_script_run(cx, script, &run, &outcome));
        check_eq_str(po_buf_str(&out), row->want);
    }
}

/* ---- capabilities ----------------------------------------------------------------------------- */

TEST(script_needs__are_checked_before_a_program_runs)
{
    static const struct {
        const char *name;
        const char *text;
        const char *code; /* NULL: accepted */
    } table[] = {
        {"none", "import * as fs from \"host/fs\"", "E0506"},
        {"matching",
         "import * as fs from \"host/fs\"\n@check(id = \"x\")\n@needs(fs_read = \"/a\")\nfn c() -> bool { fs.exists(\"/a\").unwrap_or(false) }",
         NULL},
        {"other module",
         "import * as fs from \"host/fs\"\n@check\n@needs(store = \"users\")\nfn c() { }", "E0506"},
        {"reading is not writing",
         "import * as fs from \"host/fs\"\n@check\n@needs(fs_read = \"/a\")\nfn c() { fs.write(\"/a\", \"\").unwrap_or(()) }",
         "E0506"},
        {"listed value",
         "import * as store from \"host/store\"\n@check\n@needs(store = \"users, checks\")\nfn c() { store.users().is_ok() }",
         NULL},
        {"unlisted value",
         "import * as store from \"host/store\"\n@check\n@needs(store = \"users\")\nfn c() { store.backups().is_ok() }",
         "E0506"},
        {"upstream spelling",
         "@check\n@needs(fs_read = \"/a\")\nfn c() { read_file(\"/a\").is_ok() }", NULL},
        {"upstream spelling unneeded", "fn c() { read_file(\"/a\").is_ok() }", "E0506"},
        {"unknown host module", "import * as x from \"host/nope\"", "E0501"},
        {"statements beside entries", "print(1)\n@check\nfn c() { }", "E0507"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        struct script_fixtures fx;
        struct po_script_host host = script_host_of(cx, &fx, NULL);
        struct po_script_config config = {.host = &host};
        PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
        po_rc rc = po_script_compile(cx, &config, PO_LIT("a.script"), po_str_of(row->text), &diags,
                                     &script);
        if (row->code == NULL) {
            check_ok(cx, rc);
        } else {
            check_eq_int(rc.code, PO_INVALID);
            check_eq_cstr(diags.at[0].code, row->code);
        }
        po_buf_done(&fx.log);
        po_buf_done(&fx.text);
    }
}

TEST(script_host__answers_are_checked_against_their_declaration)
{
    static const struct {
        const char *name;
        const char *fixtures;
        const char *expr;
        const char *want;
    } table[] = {
        {"value", "{\"time.now\": 5}", "time.now()", "5"},
        {"result", "{\"fs.read\": \"text\"}", "fs.read(\"/a\")", "Ok(\"text\")"},
        {"denied result", "{}", "fs.read(\"/a\")", "Err(fs.read is not granted)"},
        {"denied value", "{}", "time.now()", "CapabilityDenied"},
        {"wrong type", "{\"time.now\": \"x\"}", "time.now()", "HostError"},
        {"missing field", "{\"fs.free_bytes\": {\"free\": 1}}", "fs.free_bytes(\"/\")",
         "HostError"},
        {"record", "{\"fs.free_bytes\": {\"total\": 2, \"free\": 1}}",
         "fs.free_bytes(\"/\").unwrap().total", "2"},
        {"option", "{\"flags.get\": null}", "flags.get(\"x\")", "None"},
        {"unknown", "{\"flags.get\": [1, {\"a\": 2.5}]}", "flags.get(\"x\")",
         "Some([1, {a: 2.5}])"},
        {"rows",
         "{\"store.incidents\": [{\"id\": \"i\", \"severity\": \"low\", \"opened\": 1, \"closed\": null}]}",
         "store.incidents().unwrap()[0].closed", "None"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        struct script_fixtures fx;
        struct po_script_host host = script_host_of(cx, &fx, row->fixtures);
        struct po_script_config config = {.host = &host, .keep_going_without_needs = true};
        char text[512];
        (void)snprintf(
            text, sizeof text,
            "import * as fs from \"host/fs\"\nimport * as time from \"host/time\"\n"
            "import * as flags from \"host/flags\"\nimport * as store from \"host/store\"\n"
            "fn f() { %s }",
            row->expr);
        PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
        check_ok(cx, po_script_compile(cx, &config, PO_LIT("a.script"), po_str_of(text), &diags,
                                       &script));
        struct po_script_outcome outcome;
        struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK),
                                    .host = &host};
        check_ok(cx, po_script_call(cx, script, &run, PO_LIT("f"), PO_LIT("[]"), &outcome));
        check_eq_postr(outcome.status == PO_SCRIPT_FAULT ? outcome.fault_kind : outcome.display,
                       po_str_of(row->want));
        po_buf_done(&fx.log);
        po_buf_done(&fx.text);
    }
}

TEST(script_host__calls_are_counted_and_limited)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    struct script_fixtures fx;
    struct po_script_host host = script_host_of(cx, &fx, "{\"time.now\": 5}");
    struct po_script_config config = {.host = &host, .keep_going_without_needs = true};
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    check_ok(cx, po_script_compile(cx, &config, PO_LIT("a.script"),
                                   PO_LIT("import * as time from \"host/time\"\nlet n = 0\n"
                                          "while true { n += time.now() }"),
                                   &diags, &script));
    struct po_script_outcome outcome;
    struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK), .host = &host};
    check_ok(cx, po_script_run(cx, script, &run, &outcome));
    check_eq_str(outcome.fault_kind, "HostCallLimit");
    check_eq_u64(outcome.host_calls, run.limits.host_calls);
    check_eq_u64(po_script_host_use_count(script), 1);
    po_buf_done(&fx.log);
    po_buf_done(&fx.text);
}

/* ---- entry points ----------------------------------------------------------------------------- */

static const char entries[] =
    "struct P { x: int, y: Option<string> }\nenum E { A, B(int), C { n: int } }\n"
    "@check(id = \"a.b\", every = \"1h\", tags = [\"x\", 2])\n@needs(time = true)\n"
    "fn c(p: P, e: E, m: HashMap<string, [int]>, t: (int, bool)) -> (P, E, int) { (p, e, m.get_or(\"k\", [])[0] + t.0) }\n"
    "fn plain(a: int) -> int { a }\n"
    "@test fn good() { assert(true) }\n@test(should_panic) fn panics() { panic(\"x\") }\n"
    "@test(skip) fn skipped() { assert(false) }\n@test fn bad() { assert_eq(1, 2) }\n"
    "@test(should_panic) fn calm() { }\n"
    "async fn later() -> int { 7 }\nfn fails() -> Result<int, string> { Err(\"no\") }\n";

TEST(script_entries__are_listed_and_called_with_typed_arguments)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    PO_CLEANUP(po_script_freep)
    struct po_script *script = script_compile(cx, po_str_of(entries), &diags);
    check_that(script != NULL);
    check_eq_u64(po_script_entry_count(script), 6);
    const struct po_script_entry *c = po_script_entry_find(script, PO_LIT("c"));
    check_that(c != NULL);
    check_eq_str(c->kind, "check");
    check_eq_str(c->args_json, "{\"id\":\"a.b\",\"every\":\"1h\",\"tags\":[\"x\",2]}");
    check_eq_str(c->needs_json, "{\"time\":true}");
    check_eq_u64(c->line, 5);
    struct po_script_outcome o;
    struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK)};
    check_ok(cx, po_script_call(
                     cx, script, &run, PO_LIT("c"),
                     PO_LIT("[{\"x\":1,\"y\":null},{\"C\":{\"n\":3}},{\"k\":[5]},[2,true]]"), &o));
    check_eq_str(o.display, "(P { x: 1, y: None }, E::C { n: 3 }, 7)");
    check_eq_str(o.value_json, "[{\"x\":1,\"y\":null},{\"C\":{\"n\":3}},7]");
    check_ok(cx, po_script_call(cx, script, &run, PO_LIT("later"), PO_LIT("[]"), &o));
    check_eq_str(o.display, "7");
    check_ok(cx, po_script_call(cx, script, &run, PO_LIT("fails"), PO_LIT("[]"), &o));
    check_eq_int(o.status, PO_SCRIPT_PROGRAM_ERROR);
    check_eq_str(o.fault_message, "no");
    static const char *const wrong[] = {"[]", "[1, 2]", "[\"s\"]", "{}", "[1.5]", "nonsense"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        check_fails(cx, po_script_call(cx, script, &run, PO_LIT("plain"), po_str_of(wrong[i]), &o),
                    PO_INVALID);
    }
    check_fails(cx, po_script_call(cx, script, &run, PO_LIT("nope"), PO_LIT("[]"), &o),
                PO_NOTFOUND);
}

TEST(script_tests__pass_fail_and_skip)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    PO_CLEANUP(po_script_freep)
    struct po_script *script = script_compile(cx, po_str_of(entries), &diags);
    static const struct {
        const char *name;
        enum po_script_test_result want;
    } table[] = {{"good", PO_SCRIPT_TEST_PASS},
                 {"panics", PO_SCRIPT_TEST_PASS},
                 {"skipped", PO_SCRIPT_TEST_SKIP},
                 {"bad", PO_SCRIPT_TEST_FAIL},
                 {"calm", PO_SCRIPT_TEST_FAIL}};
    TEST_EACH(row, table)
    {
        enum po_script_test_result result = PO_SCRIPT_TEST_PASS;
        struct po_script_outcome outcome;
        struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK)};
        const struct po_script_entry *entry = po_script_entry_find(script, po_str_of(row->name));
        check_that(entry != NULL);
        check_ok(cx, po_script_test_run(cx, script, &run, entry, &result, &outcome));
        check_eq_int(result, row->want);
    }
}

/* ---- formatting ------------------------------------------------------------------------------- */

TEST(script_fmt__has_one_style_and_is_idempotent)
{
    static const struct {
        const char *name;
        const char *from;
        const char *to;
    } table[] = {
        {"blanks", "let   x=1+ -2*( 3 )", "let x = 1 + -2 * (3)\n"},
        {"spellings",
         "println!(\"a\")\nlet v: Vec<i64> = vec![1]\nv.append(2); print(v.length(), null)",
         "print(\"a\")\nlet v: Vec<int> = [1]\nv.push(2); print(v.len(), None)\n"},
        {"own names stay",
         "struct S { n: int }\nimpl S { fn length(self) -> int { 1 } }\nS { n: 1 }.length()",
         "struct S { n: int }\nimpl S { fn length(self) -> int { 1 } }\nS { n: 1 }.length()\n"},
        {"indent", "fn f() {\nif true {\nfoo(|x| {\nx\n})\n}\n}",
         "fn f() {\n    if true {\n        foo(|x| {\n            x\n        })\n    }\n}\n"},
        {"comments", "// a\n\n\n\nlet x = 1 // b\n/* c */ let y = 2",
         "// a\n\nlet x = 1 // b\n/* c */\nlet y = 2\n"},
        {"chains", "let s = a\n.b()\n.c()", "let s = a\n    .b()\n    .c()\n"},
        {"no new numbers", "(1. 5, 1. 2.3)\nt.0.1", "(1 .5, 1 .2.3)\nt.0.1\n"},
        {"references", "f(& &x, &y)", "f(& &x, &y)\n"},
        {"a called null", "f(null ()(1))", "f(None()(1))\n"},
        {"lines in brackets", "let x = (1\n+ 2)\nf([a,\n-b])",
         "let x = (1\n    + 2)\nf([a,\n    -b])\n"},
        {"a negation is no macro", "print!(1)\n@print!(a)\n@vec![b]\nlet x = vec![1]",
         "print(1)\n@print !(a)\n@vec ![b]\nlet x = [1]\n"},
        {"a vector on its own line", "let x = a +\nvec![1] // b\nlet y = vec![\n1]",
         "let x = a +\n    [1] // b\nlet y = [\n    1]\n"},
        {"empty", "", ""},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        PO_BUF_AUTO once;
        PO_BUF_AUTO twice;
        po_buf_init(&once, 1u << 20);
        po_buf_init(&twice, 1u << 20);
        check_ok(cx, po_script_fmt(cx, PO_LIT("a.script"), po_str_of(row->from), &once, &diags));
        check_eq_str(po_buf_str(&once), row->to);
        check_ok(cx, po_script_fmt(cx, PO_LIT("a.script"), po_buf_str(&once), &twice, &diags));
        check_eq_postr(po_buf_str(&twice), po_buf_str(&once));
    }
    TEST_CX(cx);
    static struct po_script_diags diags;
    PO_BUF_AUTO out;
    po_buf_init(&out, 1024);
    check_fails(cx, po_script_fmt(cx, PO_LIT("a.script"), PO_LIT("let = 1"), &out, &diags),
                PO_INVALID);
    check_eq_u64(out.len, 0);
}

/* ---- the verifier ----------------------------------------------------------------------------- */

TEST(script_verifier__refuses_code_that_breaks_the_machines_assumptions)
{
    static const struct {
        const char *name;
        struct po_ins ins; /* replaces the first instruction of f */
    } table[] = {
        {"no such instruction", {OP_COUNT, 0, 0, 0, 0}},
        {"register out of range", {OP_MOVE, 200, 0, 0, 0}},
        {"jump out of range", {OP_JMP, 0, 0, 0, 100000}},
        {"jump backwards out of range", {OP_JMP, 0, 0, 0, -1}},
        {"constant out of range", {OP_LOADK, 1, 0, 0, 100000}},
        {"integers from a string", {OP_ADD_I, 1, 1, 1, 0}},
        {"register never written", {OP_MOVE, 0, 5, 0, 0}},
        {"function out of range", {OP_CALL, 0, 1, 0, 100000}},
        {"wrong argument count", {OP_CALL, 0, 3, 0, 0}},
        {"type out of range", {OP_GETF, 0, 1, 0, 100000}},
        {"bad tag", {OP_GETG, 0, 77, 0, 0}},
        {"string where a number is returned", {OP_RET, 1, 0, 0, 0}},
        {"division by a literal zero", {OP_MOD_IK, 0, 0, 0, 0}},
        {"constructor out of range", {OP_LOADENUM, 0, 0, 0, 5000}},
        {"built-in out of range", {OP_CALLB, 0, 0, 1, 100000}},
        {"window out of range", {OP_NEWTUP, 0, 0, 250, 0}},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        PO_CLEANUP(po_script_freep)
        struct po_script *script = script_compile(
            cx, PO_LIT("fn f(n: int, s: string) -> int { n + 1 }\nprint(f(1, \"a\"))"), &diags);
        check_that(script != NULL);
        const char *why = NULL;
        check_that(po_verify(script, cx->arena, &why));
        for (uint32_t i = 0; i < script->proto_count; i++) {
            if (po_str_eq_cstr(script->protos[i]->name, "f")) script->protos[i]->code[0] = row->ins;
        }
        check_that(!po_verify(script, cx->arena, &why));
        check_that(why != NULL);
    }
}

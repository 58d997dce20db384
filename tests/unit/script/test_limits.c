/* Totality: every budget ends a run in its fault, every bad input in a diagnostic. */
#include "unit/script/script_help.h"

#include <stdio.h>

static const struct po_script_limits tight = {.steps = 200000,
                                              .memory_bytes = 1u << 20,
                                              .output_bytes = 10000,
                                              .depth = 100,
                                              .host_calls = 3};

TEST_TIMEOUT(script_budgets__end_runaway_programs_in_the_right_fault, 120)
{
    TEST_CX(cx);
    static const struct {
        const char *text;
        const char *kind;
    } table[] = {
        {"while true { }", "StepLimit"},
        {"for i in 0..9223372036854775807 { }", "StepLimit"},
        {"fn f() -> int { f() }\nf()", "StackOverflow"},
        {"fn f(n: int) -> int { 1 + f(n + 1) }\nf(0)", "StackOverflow"},
        {"let f = |g: int| -> int { g }\nlet xs = [1]\nwhile true { xs = xs + xs }", "MemoryLimit"},
        {"let s = \"x\"\nwhile true { s = s + s }", "MemoryLimit"},
        {"let s = \"x\"\nwhile true { s = \"a\" + s }", "MemoryLimit"},
        {"let xs: [int] = []\nwhile true { xs.push(1) }", "MemoryLimit"},
        {"let m: HashMap<int, int> = HashMap::new()\nlet i = 0\nwhile true { m.insert(i, i); i += 1 }",
         "MemoryLimit"},
        {"\"x\".repeat(9223372036854775807)", "MemoryLimit"},
        {"\"x\".pad_left(9223372036854775807, \"ab\")", "MemoryLimit"},
        {"[i for i in 0..1000000]", "MemoryLimit"},
        {"range(0, 9223372036854775807)", "MemoryLimit"},
        {"(0..9223372036854775807).to_array()", "MemoryLimit"},
        {"while true { print(\"0123456789\") }", "OutputLimit"},
        {"let a = [[1]]\na[0] = [1]\nfn deep(n: int) -> unknown { if n == 0 { [] } else { [deep(n - 1)] } }\n"
         "let x = deep(90)\nlet y = deep(90)\nprint(x == y)\nlet z = [x]\nlet i = 0\n"
         "while i < 300 { z = [z]\n i += 1 }\nprint(z == z.clone())",
         "DepthLimit"},
        {"try { while true { } } catch (e) { print(\"caught\") } finally { print(\"no\") }",
         "StepLimit"},
        {"let xs = [0]\nxs.map(|x| { xs.push(x); x })\nxs.for_each(|x| { while true { } })",
         "StepLimit"},
        {"fn f(xs: [int]) -> int { xs.fold(0, |a, x| { f(xs) }) }\nf([1])", "StackOverflow"},
        {"async fn f() -> int { await f() }\nasync fn main() -> int { await f() }",
         "StackOverflow"},
        {"panic(\"end\")", "Panic"},
        {"let a = [1]\na[1]", "IndexOutOfBounds"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        check_fault(cx, table[i].text, &tight, table[i].kind);
    }
}

/*
 * Memory: nothing goes beyond the limit, and containers that grow step by step fill it. A value that
 * is doubled as a whole ends where the next one does not fit: what is used and what it needs are more
 * than the limit.
 */
TEST_TIMEOUT(script_memory__ends_at_its_limit_and_not_long_before, 240)
{
    TEST_CX(cx);
    enum { MIB = 1 << 20 };
    static const struct {
        const char *name;
        unsigned percent; /* of the limit used at the least when the fault comes */
        const char *text;
    } table[] = {
        {"push", 99, "let xs: [int] = []\nwhile true { xs.push(1) }"},
        {"insert", 95, "let xs: [unknown] = []\nlet i = 0\nwhile true { xs.push([i]); i += 1 }"},
        {"append", 75, "let s = \"x\"\nwhile true { s = s + \"abc\" }"},
        {"prepend", 99, "let s = \"x\"\nwhile true { s = \"a\" + s }"},
        {"double a text", 50, "let s = \"x\"\nwhile true { s = s + s }"},
        {"double an array", 50, "let xs = [1]\nwhile true { xs = xs + xs }"},
        {"map", 95, "let m = HashMap::new()\nlet i = 0\nwhile true { m.insert(i, i); i += 1 }"},
        {"set", 90,
         "let m = HashSet::new()\nlet i = 0\nwhile true { m.insert(\"k\" + i); i += 1 }"},
        {"nested", 95, "let x: unknown = 0\nwhile true { x = [x, x] }"},
        {"structs", 90, "struct P { a: int }\nlet xs = []\nwhile true { xs.push(P { a: 1 }) }"},
        {"closures", 90, "let xs = []\nlet i = 0\nwhile true { let k = i; xs.push(|| k); i += 1 }"},
        {"records", 90, "let x: unknown = 0\nwhile true { x = { a: x } }"},
        {"comprehension", 99, "[i for i in 0..100000000]"},
        {"texts of arrays", 80,
         "let xs = [i for i in 0..10000]\nlet t = []\nwhile true { t.push(xs.to_string()) }"},
        {"copies", 90, "let xs = [i for i in 0..1000]\nwhile true { xs.map(|x| x) }"},
        {"splits", 90, "let s = \"a,\".repeat(10000)\nwhile true { s.split(\",\") }"},
        {"replaced", 15, "let s = \"ab\"\nwhile true { s = s.replace(\"a\", \"aaaa\") }"},
        {"padded", 0, "\"x\".pad_left(1000000000, \"ab\")"},
        {"keys", 90,
         "let m = HashMap::new()\nfor i in 0..1000 { m.insert(i, i) }\nwhile true { m.keys() }"},
        {"json", 50,
         "import { parse } from \"std/json\"\nlet s = \"[\" + \"1,\".repeat(1000) + \"1]\"\nwhile true { parse(s) }"},
    };
    TEST_EACH(row, table)
    {
        struct po_script_limits limits = {.steps = 100u << 20,
                                          .memory_bytes = 8 * MIB,
                                          .output_bytes = MIB,
                                          .depth = 100,
                                          .host_calls = 3};
        struct script_result *r = script_run_text(cx, po_str_of(row->text), &limits);
        check_that(r->is_compiled);
        check_eq_str(r->outcome.fault_kind, "MemoryLimit");
        check_that(r->outcome.memory_bytes <= limits.memory_bytes);
        check_that(r->outcome.memory_bytes >= limits.memory_bytes / 100 * row->percent,
                   "%lu bytes used", (unsigned long)r->outcome.memory_bytes);
    }
}

/* A text that does not fit is a fault, never a shorter text. */
TEST(script_memory__no_text_is_cut_short)
{
    TEST_CX(cx);
    static const char *const table[] = {
        "let xs = [i for i in 0..30000]\nprint(xs)",
        "let xs = [i for i in 0..30000]\nlet s = xs.to_string()\nprint(s.ends_with(\"]\"))",
        "import { stringify } from \"std/json\"\nlet xs = [i for i in 0..30000]\n"
        "print(stringify(xs).ends_with(\"]\"))",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct po_script_limits limits = po_script_limits_of(PO_SCRIPT_KIND_PLAIN);
        limits.memory_bytes = 620000;
        check_fault(cx, table[i], &limits, "MemoryLimit");
    }
}

TEST(script_arrays__of_a_million_elements_are_sorted_and_summed_in_a_report)
{
    TEST_CX(cx);
    struct po_script_limits limits = po_script_limits_of(PO_SCRIPT_KIND_REPORT);
    struct script_result *r =
        script_run_text(cx,
                        PO_LIT("let xs = [(i * 7919) % 1000003 for i in 0..1000000]\n"
                               "let ys = xs.sort()\nprint(ys[0], ys[999999], xs.sum(), ys.len())"),
                        &limits);
    check_eq_int(r->outcome.status, PO_SCRIPT_OK);
    check_eq_str(r->output, "0 1000002 499999547508 1000000\n");
    check_that(r->outcome.steps <= limits.steps && r->outcome.memory_bytes <= limits.memory_bytes);
}

TEST(script_budgets__limits_cannot_be_caught_and_output_before_them_is_kept)
{
    TEST_CX(cx);
    struct script_result *r = script_run_text(
        cx,
        PO_LIT(
            "print(\"a\")\ntry { while true { } } catch { print(\"b\") } finally { print(\"c\") }"),
        &tight);
    check_eq_str(r->outcome.fault_kind, "StepLimit");
    check_eq_str(r->output, "a\n");
    check_that(r->outcome.steps <= tight.steps && r->outcome.steps > tight.steps - 10);
}

TEST(script_budgets__the_same_run_takes_the_same_steps_and_bytes)
{
    TEST_CX(cx);
    po_str text = PO_LIT("let m: HashMap<string, [int]> = HashMap::new()\n"
                         "for i in 0..500 { m.entry(\"k\" + i % 7, []).push(i) }\n"
                         "print([v.sum() for v in m.values()].sort_by(|a, b| a > b))");
    struct script_result *a = script_run_text(cx, text, NULL);
    struct script_result *b = script_run_text(cx, text, NULL);
    check_eq_u64(a->outcome.steps, b->outcome.steps);
    check_eq_u64(a->outcome.memory_bytes, b->outcome.memory_bytes);
    check_eq_postr(a->output, b->output);
    check_that(a->outcome.steps > 500);
}

static bool cancelled(void *user) { return ++*(int *)user > 3; }

TEST(script_budgets__time_and_cancellation_end_a_run)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    struct po_script *script = script_compile(cx, PO_LIT("while true { }"), &diags);
    struct po_script_outcome outcome;
    int count = 0;
    struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_REPORT),
                                .is_cancelled = cancelled,
                                .cancel_user = &count};
    check_ok(cx, po_script_run(cx, script, &run, &outcome));
    check_eq_str(outcome.fault_kind, "Cancelled");
    run.is_cancelled = NULL;
    run.limits.time_us = 20 * PO_US_PER_MS;
    struct po_ctx real = *cx;
    real.clock = &po_clock_system;
    check_ok(cx, po_script_run(&real, script, &run, &outcome));
    check_eq_str(outcome.fault_kind, "TimeLimit");
    run.limits.depth = PO_SCRIPT_DEPTH_MAX + 1;
    check_fails(cx, po_script_run(cx, script, &run, &outcome), PO_INVALID);
    po_script_free(script);
}

static void append_many(struct po_buf *buf, const char *part, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        po_buf_append_cstr(buf, part);
    }
}

TEST_TIMEOUT(script_source_limits__are_diagnostics, 120)
{
    static const struct {
        const char *name;
        const char *head;
        const char *part;
        unsigned count;
        const char *tail;
        const char *code;
    } table[] = {
        {"parentheses", "let x = ", "(", 250, "1", "E0202"},
        {"blocks", "", "{", 300, "", "E0202"},
        {"arrays", "let x = ", "[", 50000, "", "E0202"},
        {"closures", "let x = ", "|a| ", 500, "1", "E0202"},
        {"minus", "let x = ", "-", 50000, "1", "E0202"},
        {"types", "let x: ", "[", 5000, "int", "E0202"},
        {"patterns", "match 1 { ", "(", 5000, "", "E0202"},
        {"sum", "let x = 1", " + 1", 30000, "", "E0203"},
        {"calls", "let x = f", "()", 30000, "", "E0203"},
        {"members", "let x = f", ".a", 30000, "", "E0203"},
        {"else if", "if true { }", " else if true { }", 5000, "", "E0203"},
        {"comments", "", "/*", 40, "", "E0105"},
        {"tokens", "", "1\n", 100001, "", "E0109"},
        {"bytes", "", "// 3456789\n", 100000, "", "E0101"},
        {"string", "let x = \"", "0123456789", 7000, "\"", "E0110"},
        {"name", "let ", "abcdefghij", 30, " = 1", "E0111"},
        {"attribute", "@check(a = ", "[", 5000, "", "E0202"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        PO_BUF_AUTO text;
        po_buf_init(&text, 4u << 20);
        po_buf_append_cstr(&text, row->head);
        append_many(&text, row->part, row->count);
        po_buf_append_cstr(&text, row->tail);
        check_that(script_compile(cx, po_buf_str(&text), &diags) == NULL);
        check_that(diags.error_count > 0 && diags.count > 0);
        check_eq_cstr(diags.at[0].code, row->code);
    }
}

/* Sources whose naive checking is exponential end in a diagnostic or in time. */
TEST_TIMEOUT(script_checker__survives_exponential_types_and_matrices, 120)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    PO_BUF_AUTO text;
    po_buf_init(&text, 1u << 20);
    po_buf_append_cstr(&text, "let x0 = 1\n");
    for (int i = 1; i < 60; i++) {
        po_buf_printf(&text, "let x%d = (x%d, x%d)\n", i, i - 1, i - 1);
    }
    po_buf_append_cstr(&text, "let y: string = x59\nlet f = |a| a\nlet z = x59 == x59\n");
    struct po_script *script = script_compile(cx, po_buf_str(&text), &diags);
    check_that(script == NULL && diags.error_count > 0);
    po_buf_clear(&text);
    po_buf_append_cstr(
        &text,
        "enum E { A, B, C, D }\nfn f(a: (E, E, E, E, E, E, E, E, E, E)) -> int { match a {\n");
    for (int i = 0; i < 40; i++) {
        po_buf_append_cstr(&text, "(");
        for (int j = 0; j < 10; j++) {
            po_buf_append_cstr(&text, (i * 7 + j * 3) % 5 == 0 ? "_, "
                                      : (i + j) % 2            ? "E::A | E::C, "
                                                               : "E::B, ");
        }
        po_buf_append_cstr(&text, ") => 1,\n");
    }
    po_buf_append_cstr(&text, "} }\n");
    script = script_compile(cx, po_buf_str(&text), &diags);
    check_that(script == NULL && diags.error_count > 0);
}

TEST(script_source__refuses_bad_encoding_and_bidirectional_controls)
{
    static const struct {
        const char *name;
        const char *text;
        const char *code;
    } table[] = {
        {"utf8", "let x = \"\xff\"", "E0112"},           {"cut", "let x = \"\xe2\x82", "E0112"},
        {"bidi", "// \xe2\x80\xae\nlet x = 1", "E0107"}, {"mark", "let x = \"\xd8\x9c\"", "E0107"},
        {"letter", "let \xc3\xa9 = 1", "E0100"},         {"escape", "let x = \"\\q\"", "E0103"},
        {"surrogate", "let x = \"\\u{d800}\"", "E0103"}, {"comment", "/* a", "E0104"}};
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        check_that(script_compile(cx, po_str_of(row->text), &diags) == NULL);
        check_eq_cstr(diags.at[0].code, row->code);
    }
}

TEST(script_diagnostic__shows_line_and_carets)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    PO_BUF_AUTO out;
    po_buf_init(&out, 4096);
    check_that(script_compile(cx, PO_LIT("let count = 1\nprint(coumt)\n"), &diags) == NULL);
    po_script_diag_render(&diags.at[0], &out);
    check_eq_str(po_buf_str(&out),
                 "error[E0300]: undefined name 'coumt'\n  --> t.script:2:7\n"
                 "2 | print(coumt)\n  |       ^^^^^\nhelp: did you mean 'count'?\n");
    po_buf_clear(&out);
    po_script_diag_render_line(&diags.at[0], &out);
    check_eq_str(po_buf_str(&out), "t.script:2:7: error E0300: undefined name 'coumt'\n");
}

TEST(script_fault__tells_where_and_who_called)
{
    TEST_CX(cx);
    struct script_result *r = script_run_text(
        cx, PO_LIT("fn a(n: int) -> int {\n    10 / n\n}\nfn b() -> int { a(0) }\nprint(b())\n"),
        NULL);
    PO_BUF_AUTO out;
    po_buf_init(&out, 4096);
    po_script_outcome_render(&r->outcome, &out);
    check_eq_str(
        po_buf_str(&out),
        "error[fault]: DivisionByZero: division by zero\n  --> t.script:2:8\n2 |     10 / n\n"
        "  |        ^\n  called from b at t.script:4\n  called from top level at t.script:5\n");
}

TEST_FAULTS(script_compile_and_run__survive_any_allocation_failing)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    static const struct po_script_config config = {0};
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    po_str text = PO_LIT("struct P { x: int }\nfn f(n: int) -> [int] { [i * i for i in 0..n] }\n"
                         "let m: HashMap<string, int> = HashMap::new()\nm.insert(\"a\", f(3)[2])\n"
                         "print(m, P { x: 1 }, format(\"{}\", f(4).map(|x| x + 1)))\nf(2)\n");
    po_rc rc = po_script_compile(cx, &config, PO_LIT("t.script"), text, &diags, &script);
    if (!test_survived(rc)) {
        check_that(rc.code == PO_NOMEM && script == NULL);
        return;
    }
    PO_BUF_AUTO out;
    po_buf_init(&out, 4096);
    struct po_script_outcome outcome;
    struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK),
                                .output = &out};
    rc = po_script_run(cx, script, &run, &outcome);
    if (test_fault_fired()) {
        check_that(rc.code == PO_NOMEM || rc.code == PO_OK);
        return;
    }
    test_faults_off();
    check_eq_int(rc.code, PO_OK);
    check_eq_str(po_buf_str(&out), "{\"a\": 4} P { x: 1 } [1, 2, 5, 10]\n");
}

TEST(script_memory_limit__names_a_line_also_when_a_fault_was_being_caught)
{
    TEST_CX(cx);
    struct po_script_limits limits = po_script_limits_of(PO_SCRIPT_KIND_PLAIN);
    limits.memory_bytes = 4u << 20;
    struct script_result *r =
        script_run_text(cx, PO_LIT("fn f() {\n    try { f() } finally { f() }\n}\nf()\n"), &limits);
    check_that(r->is_compiled);
    check_eq_str(r->outcome.fault_kind, "MemoryLimit");
    check_that(r->outcome.trace_count > 0);
    check_eq_int(r->outcome.trace[0].line, 2);
}

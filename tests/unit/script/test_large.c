/* Large sources: each is compiled, or refused with a code, within a bound of processor time. */
#include "unit/script/script_help.h"

#include <stdio.h>
#include <time.h>

/* Processor seconds a compilation may take; sanitizers are some ten times slower. */
#define COMPILE_S_MAX 20

struct large {
    const char *name;
    const char *head;
    const char *part; /* every %u is replaced by the number of the part */
    unsigned count;
    const char *tail;
    const char *code; /* of the first error; NULL = it compiles */
};

static const struct large table[] = {
    {"comments", "", "// aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
     13900, "print(1)", NULL},
    {"bindings", "", "let x%u = %u\n", 19000, "", NULL},
    {"one array", "let x = [", "%u,", 49000, "]", NULL},
    {"functions", "", "fn f%u(a: int) -> int { a + %u }\n", 5500, "", NULL},
    {"texts", "", "let s%u = \"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"\n",
     11900, "", NULL},
    {"alternatives", "match 5 { 0", " | %u", 40000, " => 1, _ => 2 }", NULL},
    {"arms", "match 5 {\n", "%u => %u,\n", 16000, "_ => 0 }", "E0440"},
    {"arms of texts", "match \"a\" {\n", "\"k%u\" => %u,\n", 16000, "_ => 0 }", "E0440"},
    {"variants", "enum E { A", ", A%u", 30000, " }\nprint(E::A1)", NULL},
    {"fields", "struct S { a: int", ", a%u: int", 12000, " }", NULL},
    {"type parameters", "fn f<A", ", T%u", 3000, ">() {}", "E0441"},
    {"errors", "", "x%u\n", 49000, "", "E0300"},
    {"recursive structs", "", "struct S%u { a: Option<S%u>, b: [S%u] }\n", 2000,
     "fn f(s: S0) -> int { match s { S0 { a: None, .. } => 1, S0 { a: Some(_), b: [] } => 2, "
     "_ => 3 } }",
     NULL},
    {"imports", "", "import { sqrt as s%u } from \"std/math\"\n", 9000, "", NULL},
    {"tuples of tuples", "", "let y%u = |x| (x, (x, (x, (x, (x, (x, (x, x)))))))\n", 400, "", NULL},
    {"open operators", "fn f() {\n", "let g%u = |x, y| x + y\n", 240, "}", NULL},
    {"closures in closures", "let x = ", "|x| ", 190, "1", NULL},
    {"many arms", "match 5 {\n", "%u => %u,\n", 5000, "_ => 0 }", NULL},
    {"a table of booleans",
     "let a = true\nmatch (a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a) {\n"
     "(true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _, _) => 0,\n"
     "(_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, true, _, _, _, _, _, _) => 0,\n",
     "", 1, "_ => 1 }", "E0440"},
};

static void append_part(struct po_buf *out, const char *part, unsigned i)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u", i);
    for (const char *c = part; *c != '\0'; c++) {
        if (c[0] == '%' && c[1] == 'u') {
            po_buf_append_cstr(out, number);
            c++;
        } else {
            po_buf_append_char(out, *c);
        }
    }
}

TEST_TIMEOUT(script_large_sources__are_compiled_or_refused_in_time, 600)
{
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        PO_BUF_AUTO text;
        po_buf_init(&text, PO_SCRIPT_SOURCE_BYTES_MAX);
        po_buf_append_cstr(&text, row->head);
        for (unsigned i = 0; i < row->count; i++) {
            append_part(&text, row->part, i);
        }
        po_buf_append_cstr(&text, row->tail);
        check_eq_int(text.status, PO_OK);
        clock_t start = clock();
        struct po_script *script = script_compile(cx, po_buf_str(&text), &diags);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        check_that(seconds < COMPILE_S_MAX, "%.1f s", seconds);
        check_that((script == NULL) == (row->code != NULL), "%s",
                   diags.count > 0 ? diags.at[0].code : "no error");
        if (row->code != NULL) check_eq_cstr(diags.at[0].code, row->code);
        po_script_free(script);
    }
}

/*
 * Script sources from bytes, for the targets that compile: a first byte of 'G' takes the rest as choices
 * of a small grammar, anything else is source text as it stands.
 */
#ifndef PO_TESTS_FUZZ_SCRIPT_SOURCE_H
#define PO_TESTS_FUZZ_SCRIPT_SOURCE_H

#include "fuzz/fuzz.h"
#include "script/script.h"

#include <stdio.h>
#include <stdlib.h>

struct source {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    struct po_buf text;
    unsigned depth;
};

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

/* ---- the generator ---------------------------------------------------------------------------- */

static unsigned choose(struct source *s, unsigned n)
{
    if (s->at >= s->count) return 0;
    return s->bytes[s->at++] % n;
}

static void word(struct source *s, const char *text) { po_buf_append_cstr(&s->text, text); }

static void name(struct source *s)
{
    static const char *const names[] = {"a", "b", "c", "f", "g", "xs", "m", "S", "E", "T", "self"};
    word(s, names[choose(s, 11)]);
}

static void expr(struct source *s);

static void type(struct source *s)
{
    static const char *const types[] = {"int",
                                        "float",
                                        "string",
                                        "bool",
                                        "[int]",
                                        "unknown",
                                        "i32",
                                        "(int, string)",
                                        "HashMap<string, int>",
                                        "Option<int>",
                                        "S",
                                        "E",
                                        "(int) -> int",
                                        "Result<int, string>",
                                        "{a: int}",
                                        "T"};
    word(s, types[choose(s, 16)]);
}

static void pattern(struct source *s)
{
    static const char *const patterns[] = {
        "_",      "1",     "x",           "\"s\"",   "E::A", "E::B(x)", "[]",   "[x, ..r]",
        "(x, y)", "{ a }", "S { a, .. }", "Some(x)", "None", "1..5",    "true", "1 | 2"};
    word(s, patterns[choose(s, 16)]);
}

static void list(struct source *s, unsigned max)
{
    unsigned n = choose(s, max);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0) word(s, ", ");
        expr(s);
    }
}

static void method(struct source *s)
{
    static const char *const methods[] = {"len()",
                                          "push(1)",
                                          "map(|x| x)",
                                          "filter(|x| x > 1)",
                                          "sum()",
                                          "unwrap()",
                                          "get(0)",
                                          "to_string()",
                                          "clone()",
                                          "first()",
                                          "sort()",
                                          "join(\",\")",
                                          "split(\"a\")",
                                          "insert(\"k\", 1)",
                                          "fold(0, |p, q| p + q)",
                                          "sort_by(|p, q| p < q)",
                                          "keys()",
                                          "chars()",
                                          "repeat(3)",
                                          "group_by(|x| x)",
                                          "retain(|x| true)"};
    word(s, ".");
    word(s, methods[choose(s, 21)]);
}

static void block(struct source *s);

static void atom(struct source *s)
{
    static const char *const atoms[] = {"1",
                                        "2.5",
                                        "\"text\"",
                                        "true",
                                        "a",
                                        "b",
                                        "xs",
                                        "m",
                                        "[1, 2, 3]",
                                        "None",
                                        "E::A",
                                        "9223372036854775807",
                                        "\"h\xc3\xa9\"",
                                        "0",
                                        "HashMap::new()",
                                        "()",
                                        "S { a: 1 }",
                                        "-1"};
    word(s, atoms[choose(s, 18)]);
}

/* A template: %e expression, %b block, %t type, %p pattern, %n name, %l list of expressions. */
static void fill(struct source *s, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text != '%') {
            po_buf_append_char(&s->text, *text);
            continue;
        }
        switch (*++text) {
        case 'e': expr(s); break;
        case 'b': block(s); break;
        case 't': type(s); break;
        case 'p': pattern(s); break;
        case 'n': name(s); break;
        default: list(s, 4); break;
        }
    }
}

static void compound(struct source *s)
{
    static const char *const forms[] = {"(%e)",
                                        "[%l]",
                                        "if %e %b else %b",
                                        "match %e { %p => %e, %p => %e, _ => %e }",
                                        "try %b catch (e) %b",
                                        "try %b catch (e) %b finally %b",
                                        "(|x| %e)(%e)",
                                        "[%e for %p in %e]",
                                        "%n(%l)",
                                        "%e[%e]",
                                        "{ a: %e, b: %e }",
                                        "Some(%e)?",
                                        "%e.a"};
    fill(s, forms[choose(s, 13)]);
}

static void expr(struct source *s)
{
    static const char *const ops[] = {
        " + ", " - ", " * ", " / ", " % ", " == ", " < ", " && ", " || ", "..", " != ", " >= "};
    if (s->depth > 6 || s->at >= s->count || s->text.len > 20000) {
        atom(s);
        return;
    }
    s->depth++;
    switch (choose(s, 5)) {
    case 0: atom(s); break;
    case 1: compound(s); break;
    case 2:
        expr(s);
        word(s, ops[choose(s, 12)]);
        expr(s);
        break;
    case 3:
        atom(s);
        method(s);
        break;
    default:
        expr(s);
        word(s, " as ");
        type(s);
        break;
    }
    s->depth--;
}

static void statement(struct source *s)
{
    static const char *const forms[] = {"let %n = %e",
                                        "let %n: %t = %e",
                                        "%n = %e",
                                        "%n += %e",
                                        "for %p in %e %b",
                                        "while %e %b",
                                        "return %e",
                                        "break",
                                        "continue",
                                        "print(%l)",
                                        "fn %n(%n: %t) -> %t %b",
                                        "%e"};
    fill(s, forms[choose(s, 12)]);
    word(s, "\n");
}

static void block(struct source *s)
{
    word(s, "{ ");
    s->depth++;
    unsigned n = s->depth > 6 ? 0 : choose(s, 3);
    for (unsigned i = 0; i < n; i++) {
        statement(s);
    }
    expr(s);
    s->depth--;
    word(s, " }");
}

static void generate(struct source *s)
{
    word(s,
         "struct S { a: int, b: string = \"d\" }\nenum E { A, B(int), C { x: int } }\n"
         "impl S { fn f(self, x: int) -> int { self.a + x } }\n"
         "fn f<T>(x: T) -> T { x }\nfn g(x) { x }\nlet a = 1\nlet b = \"s\"\nlet xs = [1, 2, 3]\n"
         "let m: HashMap<string, int> = HashMap::new()\n");
    while (s->at < s->count && s->text.len < 20000) {
        statement(s);
    }
}

/* ---- what the targets share ------------------------------------------------------------------- */

/* The source that `data` stands for, compiled; NULL when it has errors. The caller frees it. */
static struct po_script *compile_source(struct po_ctx *cx, const uint8_t *data, size_t size)
{
    static struct po_script_diags diags;
    struct source s = {.bytes = data, .count = size};
    struct po_script_config config = {.coverage = size % 2 == 1, .strict = size % 5 == 4};
    struct po_script *script = NULL;
    po_buf_init(&s.text, 1u << 20);
    if (size > 0 && data[0] == 'G') {
        s.at = 1;
        generate(&s);
    } else {
        po_buf_append(&s.text, po_str_n(data, size));
    }
    po_str text = po_buf_str(&s.text);
    if (getenv("SHOW")) fprintf(stderr, "%.*s\n", (int)text.len, text.ptr);
    po_rc rc = po_script_compile(cx, &config, PO_LIT("fuzz.script"), text, &diags, &script);
    require(po_is_ok(rc) == (script != NULL));
    require(po_is_ok(rc) || rc.code == PO_NOMEM || diags.error_count > 0);
    for (size_t i = 0; i < diags.count; i++) {
        const struct po_script_diag *d = &diags.at[i];
        require(!po_str_eq_cstr(po_str_of(d->code), "E0699"));
        require(d->message.len > 0 && d->line <= text.len + 1);
    }
    po_buf_done(&s.text);
    return script;
}

#endif

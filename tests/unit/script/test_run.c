/* Programs of the language and what they print; the examples; the slow model. */
#include "unit/script/script_help.h"

#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>

TEST_TIMEOUT(script_programs__print_what_is_written_beside_them, 120)
{
    static const struct {
        const char *name;
    } table[] = {{"closures"}, {"types"}, {"errors"},  {"unknown"},
                 {"library"},  {"async"}, {"control"}, {"std"}};
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        char path[128];
        PO_BUF_AUTO out;
        po_buf_init(&out, 1u << 20);
        (void)snprintf(path, sizeof path, "tests/script/programs/%s.script", row->name);
        script_report(cx, script_read(cx, path), &out);
        (void)snprintf(path, sizeof path, "tests/script/programs/%s.out", row->name);
        check_eq_postr(po_buf_str(&out), script_read(cx, path));
    }
}

/* ---- tables of programs ----------------------------------------------------------------------- */

/*
 * programs/NAME.txt: "=== program NAME", source, any number of "=== file PATH" with the text of an
 * imported file, "=== result" and what script_report must say. A line of the result that begins with
 * '~' stands for every line that begins with the rest of it.
 */
struct section {
    po_str head; /* the rest of the === line */
    po_str body;
};

struct program {
    po_str name;
    po_str source;
    po_str want;
    struct section files[8];
    size_t file_count;
};

static po_rc load_section(void *user, struct po_ctx *cx, po_str path, po_str *ret_text)
{
    const struct program *program = user;
    for (size_t i = 0; i < program->file_count; i++) {
        if (!po_str_eq(program->files[i].head, path)) continue;
        *ret_text = program->files[i].body;
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_NOTFOUND, "no such file");
}

static bool next_section(po_str *rest, struct section *ret)
{
    static const po_str mark = {"\n=== ", 5};
    po_str line = {NULL, 0};
    if (!po_str_next_line(rest, &line)) return false;
    check_that(po_str_starts(line, po_str_of("=== ")));
    ret->head = po_str_slice(line, 4, line.len);
    bool is_empty = po_str_starts(*rest, po_str_of("=== "));
    size_t end = is_empty ? 0 : po_str_find(*rest, mark, 0);
    if (end == SIZE_MAX)
        end = rest->len;
    else if (!is_empty)
        end++;
    ret->body = po_str_slice(*rest, 0, end);
    *rest = po_str_slice(*rest, end, rest->len);
    return true;
}

static bool next_program(po_str *rest, struct program *ret)
{
    struct section s;
    *ret = (struct program){0};
    while (next_section(rest, &s)) {
        if (po_str_starts(s.head, po_str_of("program"))) {
            ret->name = po_str_trim(po_str_slice(s.head, 7, s.head.len));
            ret->source = s.body;
        } else if (po_str_starts(s.head, po_str_of("file "))) {
            check_that(ret->file_count < 8);
            s.head = po_str_slice(s.head, 5, s.head.len);
            ret->files[ret->file_count++] = s;
        } else {
            check_eq_str(s.head, "result");
            ret->want = s.body;
            return true;
        }
    }
    return false;
}

static bool is_as_wanted(po_str got, po_str want)
{
    po_str w = {NULL, 0};
    po_str g = {NULL, 0};
    while (po_str_next_line(&want, &w)) {
        if (!po_str_next_line(&got, &g)) return false;
        bool is_prefix = w.len > 0 && w.ptr[0] == '~';
        bool is_same = is_prefix ? po_str_starts(g, po_str_slice(w, 1, w.len)) : po_str_eq(g, w);
        if (!is_same) return false;
    }
    return !po_str_next_line(&got, &g);
}

TEST_TIMEOUT(script_programs__are_accepted_refused_and_printed_as_their_tables_say, 240)
{
    static const struct {
        const char *name;
        unsigned count; /* at least */
    } table[] = {{"small", 100},   {"lexical", 28}, {"types", 30},      {"functions", 30},
                 {"matching", 35}, {"errors", 25},  {"structures", 30}, {"library", 25},
                 {"modules", 14},  {"more", 60},    {"dynamic", 14},    {"edges", 45}};
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        char path[128];
        (void)snprintf(path, sizeof path, "tests/script/programs/%s.txt", row->name);
        po_str rest = script_read(cx, path);
        struct program p;
        unsigned count = 0;
        for (; next_program(&rest, &p); count++) {
            TEST_CX(own);
            PO_BUF_AUTO out;
            po_buf_init(&out, 1u << 20);
            struct po_script_loader loader = {load_section, &p};
            script_report_with(own, p.source, &loader, &out);
            check_that(is_as_wanted(po_buf_str(&out), p.want),
                       "%.*s:\n%.*s\nwant:\n%.*s\ngot:\n%.*s", PO_STR_ARG(p.name),
                       PO_STR_ARG(p.source), PO_STR_ARG(p.want), PO_STR_ARG(po_buf_str(&out)));
        }
        check_that(count >= row->count);
    }
}

/* ---- the 14 examples -------------------------------------------------------------------------- */

static po_rc load_example(void *user, struct po_ctx *cx, po_str path, po_str *ret_text)
{
    char full[256];
    (void)user;
    (void)snprintf(full, sizeof full, "tests/script/examples/%.*s", (int)path.len, path.ptr);
    *ret_text = script_read(cx, full);
    return po_rc_ok();
}

static void check_case(const struct po_json *c)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    po_str file = {NULL, 0};
    po_str fn = {NULL, 0};
    po_str want = {NULL, 0};
    check_ok(cx, po_json_get_str(cx, c, "file", &file));
    check_ok(cx, po_json_get_str(cx, c, "fn", &fn));
    check_ok(cx, po_json_get_str(cx, c, "expect", &want));
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s.script", (int)file.len, file.ptr);
    test_row(name);
    PO_BUF_AUTO args;
    PO_BUF_AUTO fixture;
    po_buf_init(&args, 1u << 20);
    po_buf_init(&fixture, 1u << 20);
    po_str all = script_read(cx, "tests/script/examples/cases.json");
    const struct po_json *a = po_json_get(c, "args");
    const struct po_json *h = po_json_get(c, "host");
    po_buf_append(&args, po_str_slice(all, a->offset, a->end));
    po_buf_append(&fixture, po_str_slice(all, h->offset, h->end));
    struct script_fixtures fx;
    struct po_script_host host = script_host_of(cx, &fx, fixture.ptr);
    struct po_script_loader loader = {load_example, NULL};
    struct po_script_config config = {.host = &host, .loader = &loader};
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    po_str text = {NULL, 0};
    check_ok_leaf(load_example(NULL, cx, po_str_of(name), &text));
    check_ok(cx, po_script_compile(cx, &config, po_str_of(name), text, &diags, &script));
    struct po_script_outcome outcome;
    struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK),
                                .host = &host,
                                .crypto = &script_test_crypto};
    check_ok(cx, po_script_call(cx, script, &run, fn, po_buf_str(&args), &outcome));
    check_eq_postr(outcome.display, want);
    /* the calls, in order */
    po_str log = po_buf_str(&fx.log);
    po_str line = {NULL, 0};
    const struct po_json *calls = po_json_get(c, "calls");
    for (const struct po_json *call = calls->first; call != NULL; call = call->next) {
        check_that(po_str_next_line(&log, &line));
        check_that(po_str_starts(po_str_trim(line), call->str));
    }
    check_that(!po_str_next_line(&log, &line));
    check_eq_u64(outcome.host_calls, calls->count);
    po_buf_done(&fx.log);
    po_buf_done(&fx.text);
    test_row(NULL);
}

TEST(script_examples__give_their_expected_results_and_calls)
{
    TEST_CX(cx);
    struct po_json *cases = NULL;
    check_ok(cx, po_json_parse(cx, script_read(cx, "tests/script/examples/cases.json"),
                               PO_JSON_ALLOW_REAL, &cases));
    check_eq_u64(cases->count, 20);
    for (const struct po_json *c = cases->first; c != NULL; c = c->next) {
        check_case(c);
    }
}

TEST(script_examples__pass_their_own_tests)
{
    static const struct {
        const char *name;
        unsigned tests;
    } table[] = {{"02_disk_capacity.script", 1},
                 {"06_detect_bruteforce.script", 2},
                 {"07_detect_privilege_grant.script", 1},
                 {"13_retention.script", 2},
                 {"14_secret_scan.script", 1},
                 {"lib/ops.script", 2}};
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        static struct po_script_diags diags;
        struct script_fixtures fx;
        struct po_script_host host = script_host_of(cx, &fx, NULL);
        struct po_script_loader loader = {load_example, NULL};
        struct po_script_config config = {.host = &host, .loader = &loader, .coverage = true};
        PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
        po_str text = {NULL, 0};
        check_ok_leaf(load_example(NULL, cx, po_str_of(row->name), &text));
        check_ok(cx, po_script_compile(cx, &config, po_str_of(row->name), text, &diags, &script));
        uint32_t counts[512] = {0};
        check_that(po_script_line_slots(script) > 0 && po_script_line_slots(script) < 512);
        struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK),
                                    .host = &host,
                                    .line_counts = counts};
        unsigned passed = 0;
        for (size_t i = 0; i < po_script_entry_count(script); i++) {
            const struct po_script_entry *entry = po_script_entry_at(script, i);
            enum po_script_test_result result = PO_SCRIPT_TEST_FAIL;
            struct po_script_outcome outcome;
            if (!po_str_eq_cstr(entry->kind, "test")) continue;
            check_ok(cx, po_script_test_run(cx, script, &run, entry, &result, &outcome));
            check_eq_int(result, PO_SCRIPT_TEST_PASS);
            passed++;
        }
        check_eq_u64(passed, row->tests);
        unsigned covered = 0;
        for (size_t i = 0; i < po_script_line_slots(script); i++) {
            covered += counts[i] > 0;
        }
        check_that(covered > 0);
        po_buf_done(&fx.log);
        po_buf_done(&fx.text);
    }
}

static po_rc load_covered(void *user, struct po_ctx *cx, po_str path, po_str *ret_text)
{
    (void)user;
    (void)cx;
    if (!po_str_eq_cstr(path, "lib/two.script")) return po_rc_of(PO_NOTFOUND);
    *ret_text = PO_LIT("export fn sign(n: int) -> string {\n    if n < 0 {\n"
                       "        return \"minus\"\n    }\n    \"plus\"\n}\n");
    return po_rc_ok();
}

TEST(script_coverage__counts_the_file_that_is_asked_for)
{
    TEST_CX(cx);
    static struct po_script_diags diags;
    struct po_script_loader loader = {load_covered, NULL};
    struct po_script_config config = {.loader = &loader, .coverage = true};
    const po_str text = PO_LIT("import { sign } from \"./lib/two\"\n\n\n\n\n\n\n\n\n"
                               "@test fn positive() {\n    assert_eq(sign(1), \"plus\")\n}\n");
    static const struct {
        const char *name; /* the file asked for */
        size_t slots;
    } table[] = {{"lib/two.script", 3}, {"", 1}, {"other.script", 0}};
    TEST_EACH(row, table)
    {
        PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
        struct po_script_outcome outcome;
        enum po_script_test_result result = PO_SCRIPT_TEST_FAIL;
        uint32_t counts[8] = {0};
        config.coverage_path = po_str_of(row->name);
        check_ok(cx, po_script_compile(cx, &config, PO_LIT("x.script"), text, &diags, &script));
        check_eq_u64(po_script_line_slots(script), row->slots);
        struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_CHECK),
                                    .line_counts = counts};
        check_ok(cx, po_script_test_run(cx, script, &run, po_script_entry_at(script, 0), &result,
                                        &outcome));
        check_eq_int(result, PO_SCRIPT_TEST_PASS);
        if (row->slots != 3) continue;
        check_eq_u64(po_script_line_at(script, 1), 3);
        check_that(counts[0] == 1 && counts[1] == 0 && counts[2] == 1);
    }
}

/* ---- the slow model --------------------------------------------------------------------------- */

static void check_model(uint64_t count, uint64_t seed)
{
    char command[512];
    (void)snprintf(command, sizeof command, "/usr/bin/python3 '%s' %lu %lu",
                   test_source_path("tests/script/model.py"), (unsigned long)count,
                   (unsigned long)seed);
    FILE *model = popen(command, "re");
    check_that(model != NULL);
    size_t src_len = 0;
    size_t out_len = 0;
    uint64_t seen = 0;
    for (; fscanf(model, "%zu %zu", &src_len, &out_len) == 2; seen++) {
        TEST_CX(cx);
        check_that(fgetc(model) == '\n' && src_len < 1000000 && out_len < 1000000);
        char *src = po_arena_alloc(cx->arena, src_len + 1, 1);
        char *want = po_arena_alloc(cx->arena, out_len + 1, 1);
        check_that(src != NULL && want != NULL);
        check_eq_u64(fread(src, 1, src_len, model), src_len);
        check_eq_u64(fread(want, 1, out_len, model), out_len);
        struct script_result *r = script_run_text(cx, po_str_n(src, src_len), NULL);
        PO_BUF_AUTO got;
        po_buf_init(&got, 2u << 20);
        po_buf_append(&got, r->output);
        if (r->outcome.status == PO_SCRIPT_FAULT) {
            po_buf_append(&got, r->outcome.fault_kind);
            po_buf_append_cstr(&got, ": ");
            po_buf_append(&got, r->outcome.fault_message);
        }
        check_that(r->is_compiled, "%s", r->diags.count ? r->diags.at[0].message.ptr : "");
        check_that(po_str_eq(po_buf_str(&got), po_str_n(want, out_len)), "program %lu of seed %lu",
                   (unsigned long)seen, (unsigned long)seed);
    }
    check_eq_int(pclose(model), 0);
    check_eq_u64(seen, count);
}

/* The seeds are fixed; -r N runs N programs instead of 500 in each of the four cases. */
TEST_TIMEOUT(script_model__agrees_on_generated_programs_1, 600)
{
    check_model(test_rounds(500), 1);
}
TEST_TIMEOUT(script_model__agrees_on_generated_programs_2, 600)
{
    check_model(test_rounds(500), 100001);
}
TEST_TIMEOUT(script_model__agrees_on_generated_programs_3, 600)
{
    check_model(test_rounds(500), 200001);
}
TEST_TIMEOUT(script_model__agrees_on_generated_programs_4, 600)
{
    check_model(test_rounds(500), 300001);
}

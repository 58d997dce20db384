/*
 * Does each judge still say what it said? tests/golden/judges/<id>.json has one case a line: the facts
 * (members that are 0, false, "", null or [] left out) and the judgement.
 *
 * After a wanted change: PO_GOLDEN_UPDATE=1 make test T='golden*' rewrites the files; read the diff.
 */
#include "unit/assess/golden.h"

#include "doctor/doctor.h"
#include "lib/test.h"
#include "unit/assess/fact_value.h"
#include "unit/assess/judge_rows.h"
#include "unit/health/health_rows.h"

#include <stdio.h>
#include <stdlib.h>

#define CASES 160
#define CHANGED_PERCENT 12
#define LINE_BYTES_MAX ((size_t)256 << 10)
#define FILE_BYTES_MAX ((size_t)8 << 20)
#define ROWS_BEYOND_THE_LIST 120

static const char *golden_path(po_str id)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "tests/golden/judges/%.*s.json", PO_STR_ARG(id));
    return test_source_path(path);
}

static void say(struct po_ctx *cx, const struct golden_program *asked, const struct po_json *given,
                struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    golden_ask(cx, asked, given, &json);
    check_ok_leaf(po_buf_check(out));
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static void compare_line(const struct golden_program *asked, po_str line, size_t number)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    PO_BUF_AUTO got;
    char label[64];
    (void)snprintf(label, sizeof label, "%.*s:%zu", PO_STR_ARG(asked->program.row.id), number);
    test_row(label);
    po_buf_init(&got, LINE_BYTES_MAX);
    check_ok(cx, po_json_parse(cx, line, PO_JSON_STRICT, &root));
    const struct po_json *want = po_json_get(root, "says");
    check_that(want != NULL);
    say(cx, asked, po_json_get(root, "facts")->first, &got);
    check_eq_postr(po_buf_str(&got), po_str_slice(line, want->offset, want->end));
    test_row(NULL);
}

static void compare(const struct golden_program *asked)
{
    size_t len = 0;
    size_t number = 0;
    char *text = test_read_file(golden_path(asked->program.row.id), &len);
    po_str rest = po_str_n(text, len);
    po_str line;
    while (po_str_next_line(&rest, &line)) {
        if (line.len < 3) continue; /* "[" and "]" */
        if (line.ptr[line.len - 1] == ',') line.len--;
        compare_line(asked, line, ++number);
    }
    free(text);
    check_that(number > 0, "%.*s: no case", PO_STR_ARG(asked->program.row.id));
}

/* ---- writing --------------------------------------------------------------------------------------- */

struct base {
    const char *const *facts;
    unsigned repeat;
};

static void write_case(const struct golden_program *asked, const struct base *base,
                       struct fact_change *change, struct po_buf *file)
{
    TEST_CX(cx);
    PO_BUF_AUTO facts;
    PO_BUF_AUTO says;
    struct po_json *given = NULL;
    po_buf_init(&facts, LINE_BYTES_MAX);
    po_buf_init(&says, LINE_BYTES_MAX);
    po_buf_append_char(&facts, '[');
    change->repeat = base->repeat;
    for (size_t i = 0; asked->facts[i] != NULL; i++) {
        struct po_json *fact = NULL;
        check_ok(cx, po_json_parse(cx, po_str_of(base->facts[i]), PO_JSON_STRICT, &fact));
        if (i > 0) po_buf_append_char(&facts, ',');
        fact_value_put(change, fact_type_of(asked->facts[i]), fact, &facts);
    }
    po_buf_append_char(&facts, ']');
    check_ok(cx, po_json_parse(cx, po_buf_str(&facts), PO_JSON_STRICT, &given));
    say(cx, asked, given->first, &says);
    po_buf_append_cstr(file, file->len > 0 ? ",\n" : "[\n");
    po_buf_append_cstr(file, "{\"facts\":");
    po_buf_append(file, po_buf_str(&facts));
    po_buf_append_cstr(file, ",\"says\":");
    po_buf_append(file, po_buf_str(&says));
    po_buf_append_char(file, '}');
}

/* The rows by hand, then changed ones, then lists longer than a record's. */
static void write_golden(const struct golden_program *asked, const struct base *bases, size_t count,
                         bool with_long_lists)
{
    PO_BUF_AUTO file;
    struct fact_change change = {.is_short = true, .now_us = JUDGE_NOW_US};
    po_buf_init(&file, FILE_BYTES_MAX);
    for (size_t i = 0; i < asked->program.row.id.len; i++)
        change.random = change.random * 31 + (uint8_t)asked->program.row.id.ptr[i];
    for (size_t i = 0; i < count; i++)
        write_case(asked, &bases[i], &change, &file);
    bool has_facts = asked->facts[0] != NULL;
    for (size_t i = 0; has_facts && i < CASES; i++) {
        change.percent = i % 4 == 3 ? 3 * CHANGED_PERCENT : CHANGED_PERCENT;
        write_case(asked, &bases[fact_random(&change, count)], &change, &file);
    }
    change.percent = 0;
    for (size_t i = 0; with_long_lists && i < count; i++) {
        struct base base = {bases[i].facts, ROWS_BEYOND_THE_LIST};
        write_case(asked, &base, &change, &file);
    }
    po_buf_append_cstr(&file, "\n]\n");
    check_ok_leaf(po_buf_check(&file));
    test_write_file(golden_path(asked->program.row.id), file.ptr, file.len);
}

/* ---- clause checks ------------------------------------------------------------------------------------ */

static bool lists_deviations(const char *clause)
{
    static const char *const clauses[] = {"AUD-05.2", "AUD-07.2", "CFG-01.2", "MON-01.2",
                                          "MON-03.1"};
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        if (strcmp(clauses[i], clause) == 0) return true;
    return false;
}

static void hold_against(const char *kind, const char *id, const struct base *bases, size_t count)
{
    const struct golden_program *asked = golden_find(kind, id);
    if (getenv("PO_GOLDEN_UPDATE") != NULL && count > 0)
        write_golden(asked, bases, count, lists_deviations(id));
    else
        compare(asked);
}

TEST_TIMEOUT(golden_judges__clause_checks_say_what_is_on_file, 120)
{
    TEST_CX(cx);
    size_t count = 0;
    const struct po_check *checks = NULL;
    check_ok(cx, po_check_table(cx, NULL, &checks, &count));
    check_eq_u64(count, 83);
    for (size_t i = 0; i < count; i++) {
        struct base bases[64];
        size_t base_count = 0;
        for (size_t k = 0; judge_row_at(k) != NULL; k++)
            if (strcmp(judge_row_at(k)->clause, checks[i].clause) == 0)
                bases[base_count++] = (struct base){judge_row_at(k)->facts, 0};
        hold_against("control", checks[i].clause, bases, base_count);
    }
}

TEST_TIMEOUT(golden_judges__health_checks_say_what_is_on_file, 120)
{
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        const char *id = po_health_table()[i].id;
        struct base bases[64];
        size_t base_count = 0;
        for (size_t k = 0; k < health_row_count; k++)
            if (strcmp(health_rows[k].id, id) == 0)
                bases[base_count++] = (struct base){health_rows[k].facts, 0};
        hold_against("check", id, bases, base_count);
    }
}

/* Their facts were read from homes that were damaged at random. */
TEST_TIMEOUT(golden_judges__repairs_plan_what_is_on_file, 120)
{
    for (size_t i = 0; i < po_repair_count(); i++)
        hold_against("repair", po_repair_name(i), NULL, 0);
}

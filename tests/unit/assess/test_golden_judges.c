/*
 * Does each judge still say what it said? tests/golden/judges/<id>.json has one case a line: the facts
 * (members that are 0, false, "", null or [] left out) and the judgement.
 *
 * After a wanted change: PO_GOLDEN_UPDATE=1 make test T='golden*' rewrites the files; read the diff.
 */
#include "unit/assess/golden.h"

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

struct golden {
    const char *id;
    const char *const *facts; /* names, NULL-terminated unless full */
    size_t facts_max;
    void (*judge)(struct po_ctx *cx, const char *id, const struct po_json *const *facts,
                  struct po_json_out *out);
};

static const char *golden_path(const char *id)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "tests/golden/judges/%s.json", id);
    return test_source_path(path);
}

/* What the judge says of the facts that a line names, as JSON. */
static void judge_line(struct po_ctx *cx, const struct golden *golden, const struct po_json *given,
                       struct po_buf *out)
{
    const struct po_json *facts[GOLDEN_FACTS_MAX] = {NULL};
    struct po_json_out json;
    for (size_t i = 0; i < golden->facts_max && golden->facts[i] != NULL; i++) {
        check_that(given != NULL, "%s: a line has too few facts", golden->id);
        facts[i] = fact_value(cx, golden->facts[i], given);
        given = given->next;
    }
    po_json_out_init(&json, out, 0);
    golden->judge(cx, golden->id, facts, &json);
    check_ok_leaf(po_buf_check(out));
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static void compare_line(const struct golden *golden, po_str line, size_t number)
{
    TEST_CX(cx);
    struct po_json *root = NULL;
    PO_BUF_AUTO got;
    char label[64];
    (void)snprintf(label, sizeof label, "%s:%zu", golden->id, number);
    test_row(label);
    po_buf_init(&got, LINE_BYTES_MAX);
    po_clock_fake_init(test_clock(), JUDGE_NOW_US);
    check_ok(cx, po_json_parse(cx, line, PO_JSON_STRICT, &root));
    const struct po_json *want = po_json_get(root, "says");
    check_that(want != NULL);
    judge_line(cx, golden, po_json_get(root, "facts")->first, &got);
    check_eq_postr(po_buf_str(&got), po_str_slice(line, want->offset, want->end));
    test_row(NULL);
}

static void compare(const struct golden *golden)
{
    size_t len = 0;
    size_t number = 0;
    char *text = test_read_file(golden_path(golden->id), &len);
    po_str rest = po_str_n(text, len);
    po_str line;
    while (po_str_next_line(&rest, &line)) {
        if (line.len < 3) continue; /* "[" and "]" */
        if (line.ptr[line.len - 1] == ',') line.len--;
        compare_line(golden, line, ++number);
    }
    free(text);
    check_that(number > 0, "%s: no case", golden->id);
}

/* ---- writing --------------------------------------------------------------------------------------- */

struct base {
    const char *const *facts;
    unsigned repeat;
};

static void write_case(const struct golden *golden, const struct base *base,
                       struct fact_change *change, struct po_buf *file)
{
    TEST_CX(cx);
    PO_BUF_AUTO facts;
    PO_BUF_AUTO says;
    struct po_json *given = NULL;
    po_clock_fake_init(test_clock(), JUDGE_NOW_US);
    po_buf_init(&facts, LINE_BYTES_MAX);
    po_buf_init(&says, LINE_BYTES_MAX);
    po_buf_append_char(&facts, '[');
    change->repeat = base->repeat;
    for (size_t i = 0; i < golden->facts_max && golden->facts[i] != NULL; i++) {
        struct po_json *fact = NULL;
        check_ok(cx, po_json_parse(cx, po_str_of(base->facts[i]), PO_JSON_STRICT, &fact));
        if (i > 0) po_buf_append_char(&facts, ',');
        fact_value_put(change, fact_type_of(golden->facts[i]), fact, &facts);
    }
    po_buf_append_char(&facts, ']');
    check_ok(cx, po_json_parse(cx, po_buf_str(&facts), PO_JSON_STRICT, &given));
    judge_line(cx, golden, given->first, &says);
    po_buf_append_cstr(file, file->len > 0 ? ",\n" : "[\n");
    po_buf_append_cstr(file, "{\"facts\":");
    po_buf_append(file, po_buf_str(&facts));
    po_buf_append_cstr(file, ",\"says\":");
    po_buf_append(file, po_buf_str(&says));
    po_buf_append_char(file, '}');
}

/* The rows by hand, then changed ones, then lists longer than a record's. */
static void write_golden(const struct golden *golden, const struct base *bases, size_t count,
                         bool with_long_lists)
{
    PO_BUF_AUTO file;
    struct fact_change change = {.is_short = true, .now_us = JUDGE_NOW_US};
    po_buf_init(&file, FILE_BYTES_MAX);
    for (const char *c = golden->id; *c != '\0'; c++)
        change.random = change.random * 31 + (uint8_t)*c;
    for (size_t i = 0; i < count; i++)
        write_case(golden, &bases[i], &change, &file);
    bool has_facts = golden->facts_max > 0 && golden->facts[0] != NULL;
    for (size_t i = 0; has_facts && i < CASES; i++) {
        change.percent = i % 4 == 3 ? 3 * CHANGED_PERCENT : CHANGED_PERCENT;
        write_case(golden, &bases[fact_random(&change, count)], &change, &file);
    }
    change.percent = 0;
    for (size_t i = 0; with_long_lists && i < count; i++) {
        struct base base = {bases[i].facts, ROWS_BEYOND_THE_LIST};
        write_case(golden, &base, &change, &file);
    }
    po_buf_append_cstr(&file, "\n]\n");
    check_ok_leaf(po_buf_check(&file));
    test_write_file(golden_path(golden->id), file.ptr, file.len);
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

TEST_TIMEOUT(golden_judges__clause_checks_say_what_is_on_file, 120)
{
    size_t count = 0;
    const struct po_check *checks = po_check_table(&count);
    for (size_t i = 0; i < count; i++) {
        struct golden golden = {checks[i].clause, checks[i].facts, PO_CHECK_FACTS_MAX,
                                golden_judge_clause};
        struct base bases[64];
        size_t base_count = 0;
        for (size_t k = 0; k < judge_row_count; k++)
            if (strcmp(judge_rows[k].clause, checks[i].clause) == 0)
                bases[base_count++] = (struct base){judge_rows[k].facts, 0};
        if (getenv("PO_GOLDEN_UPDATE") != NULL)
            write_golden(&golden, bases, base_count, lists_deviations(checks[i].clause));
        else
            compare(&golden);
    }
}

TEST_TIMEOUT(golden_judges__health_checks_say_what_is_on_file, 120)
{
    const struct po_health_check *checks = po_health_table();
    for (size_t i = 0; i < PO_HEALTH_COUNT; i++) {
        struct golden golden = {checks[i].id, checks[i].facts, PO_HEALTH_FACTS_MAX,
                                golden_judge_health};
        struct base bases[64];
        size_t base_count = 0;
        for (size_t k = 0; k < health_row_count; k++)
            if (strcmp(health_rows[k].id, checks[i].id) == 0)
                bases[base_count++] = (struct base){health_rows[k].facts, 0};
        if (getenv("PO_GOLDEN_UPDATE") != NULL)
            write_golden(&golden, bases, base_count, false);
        else
            compare(&golden);
    }
}

/*
 * The registry as a whole: table, types, snapshot, and that looking changes nothing.
 */
#include "fact_fixture.h"

#include "core/fault.h"
#include "fact/fact_pass_priv.h"
#include "home/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the table -------------------------------------------------------------------------------- */

TEST(fact_table__is_sorted_and_complete)
{
    size_t count = 0;
    const struct po_fact *table = po_fact_table(&count);
    check_that(count > 30 && count <= PO_FACT_COUNT_MAX);
    for (size_t i = 0; i < count; i++) {
        test_row(table[i].name);
        if (i > 0) check_that(strcmp(table[i - 1].name, table[i].name) < 0);
        check_that(table[i].read != NULL && table[i].type[0] == '{');
        check_that(strchr(table[i].name, '.') != NULL);
        check_that(strlen(table[i].doc) > 20 && table[i].doc[strlen(table[i].doc) - 1] == '.');
        check_that(po_fact_find(po_str_of(table[i].name)) == &table[i]);
    }
    check_that(po_fact_find(PO_LIT("no.such")) == NULL);
}

TEST(fact_table__is_what_the_specification_says)
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, (size_t)1 << 20);
    po_fact_table_render(&text);
    check_ok_leaf(po_buf_check(&text));
    const char *path = test_source_path("docs/spec/facts.md");
    if (getenv("PO_UPDATE_DOCS") != NULL) test_write_file(path, text.ptr, text.len);
    size_t len = 0;
    char *written = test_read_file(path, &len);
    bool is_equal = po_str_eq(po_str_n(written, len), po_buf_str(&text));
    free(written);
    check_that(is_equal, "docs/spec/facts.md differs from the table; PO_UPDATE_DOCS=1 renews it");
}

/* ---- a value against its declared type ------------------------------------------------------------ */

struct type_text {
    const char *at;
    const char *fact;
};

static void skip_blanks(struct type_text *type)
{
    while (*type->at == ' ')
        type->at++;
}

static bool take(struct type_text *type, const char *word)
{
    skip_blanks(type);
    if (strncmp(type->at, word, strlen(word)) != 0) return false;
    type->at += strlen(word);
    return true;
}

static bool check_value(struct type_text *type, const struct po_json *value, int depth);

static bool check_record(struct type_text *type, const struct po_json *value, int depth)
{
    bool is_right = value == NULL || value->type == PO_JSON_OBJECT;
    size_t members = 0;
    while (!take(type, "}")) {
        char name[64] = {0};
        skip_blanks(type);
        size_t len = strcspn(type->at, ":");
        check_that(len > 0 && len < sizeof name, "type of '%s'", type->fact);
        memcpy(name, type->at, len);
        type->at += len + 1;
        const struct po_json *member = value == NULL ? NULL : po_json_get(value, name);
        if (value != NULL && value->type == PO_JSON_OBJECT && member == NULL)
            test_fail(__FILE__, __LINE__, "'%s' lacks member '%s'", type->fact, name);
        if (!check_value(type, member, depth + 1))
            test_fail(__FILE__, __LINE__, "'%s': member '%s' is of another type", type->fact, name);
        members++;
        (void)take(type, ",");
    }
    if (value != NULL && value->type == PO_JSON_OBJECT && value->count != members)
        test_fail(__FILE__, __LINE__, "'%s' has %zu members, its type %zu", type->fact,
                  value->count, members);
    return is_right;
}

static bool check_list(struct type_text *type, const struct po_json *value, int depth)
{
    bool is_right = value == NULL || value->type == PO_JSON_ARRAY;
    const struct po_json *item = is_right && value != NULL ? value->first : NULL;
    struct type_text element = *type;
    do {
        *type = element;
        is_right = check_value(type, item, depth + 1) && is_right;
        item = item == NULL ? NULL : item->next;
    } while (item != NULL);
    check_that(take(type, "]"), "type of '%s'", type->fact);
    return is_right;
}

/* `value` NULL only reads over the type. */
static bool check_value(struct type_text *type, const struct po_json *value, int depth)
{
    check_that(depth < 10);
    bool is_null = value != NULL && value->type == PO_JSON_NULL;
    const struct po_json *given = is_null ? NULL : value;
    bool is_right = true;
    if (take(type, "{"))
        is_right = check_record(type, given, depth);
    else if (take(type, "["))
        is_right = check_list(type, given, depth);
    else if (take(type, "int"))
        is_right = given == NULL || given->type == PO_JSON_INT;
    else if (take(type, "bool"))
        is_right = given == NULL || given->type == PO_JSON_BOOL;
    else if (take(type, "string"))
        is_right = given == NULL || given->type == PO_JSON_STR;
    else
        test_fail(__FILE__, __LINE__, "type of '%s' at '%.20s'", type->fact, type->at);
    bool is_optional = take(type, "?");
    return is_right && (!is_null || is_optional);
}

static void check_type(const struct po_fact *fact, const struct po_json *value)
{
    struct type_text type = {.at = fact->type, .fact = fact->name};
    check_that(check_value(&type, value, 0), "'%s' is not of its type", fact->name);
    check_that(*type.at == '\0', "type of '%s' goes on: '%s'", fact->name, type.at);
}

/* ---- a real home ------------------------------------------------------------------------------------- */

/* drill.fault needs the whole program as its children; tests/unit/fact/test_drill.c has stand-ins. */
static void read_all(struct po_ctx *cx, struct po_fact_set *set, enum po_fact_cost drills_or_not)
{
    size_t count = 0;
    const struct po_fact *table = po_fact_table(&count);
    for (size_t i = 0; i < count; i++) {
        bool is_drill = table[i].cost == PO_FACT_DRILL;
        if (is_drill != (drills_or_not == PO_FACT_DRILL)) continue;
        if (strcmp(table[i].name, "drill.fault") == 0) continue;
        test_row(table[i].name);
        check_type(&table[i], fixture_read(cx, set, table[i].name));
    }
}

TEST_TIMEOUT(facts__have_their_types_on_a_new_home_and_change_nothing, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    const char *before = fixture_tree_digest(cx, test_tmp("home"));
    const char *state = fixture_tree_digest(cx, test_tmp("xdg"));
    read_all(cx, set, PO_FACT_CHEAP);
    check_eq_cstr(fixture_tree_digest(cx, test_tmp("home")), before);
    check_eq_cstr(fixture_tree_digest(cx, test_tmp("xdg")), state);
}

TEST_TIMEOUT(drills__have_their_types_and_do_not_touch_the_home, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    const char *before = fixture_tree_digest(cx, test_tmp("home"));
    read_all(cx, set, PO_FACT_DRILL);
    check_eq_cstr(fixture_tree_digest(cx, test_tmp("home")), before);
}

/* The same snapshot again gives the same digests; another snapshot of the same state as well. */
TEST_TIMEOUT(facts__digest_the_same_for_the_same_state, 60)
{
    TEST_CX(cx);
    static const char *const names[] = {"home.places",   "home.config",     "ledger.head",
                                        "ledger.events", "ledger.sequence", "keys.register",
                                        "ledger.types"};
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_fact_set *again = NULL;
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &again));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct po_fact_value *a = NULL;
        const struct po_fact_value *b = NULL;
        test_row(names[i]);
        check_ok(cx, po_fact_get(cx, set, names[i], &a));
        check_ok(cx, po_fact_get(cx, again, names[i], &b));
        check_eq_mem(a->digest, b->digest, 32);
    }
}

/* ---- the snapshot ------------------------------------------------------------------------------------- */

TEST(fact_get__reads_once)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("proc/uptime", "10.00 1.00\n");
    check_eq_int(fixture_int(fixture_read(cx, set, "machine.system"), "uptime_s"), 10);
    fixture_file("proc/uptime", "99.00 1.00\n");
    check_eq_int(fixture_int(fixture_read(cx, set, "machine.system"), "uptime_s"), 10);
}

TEST(fact_get__refuses_unknown_names)
{
    TEST_CX(cx);
    const struct po_fact_value *value = NULL;
    check_fails(cx, po_fact_get(cx, fixture_set(cx), "no.such", &value), PO_NOTFOUND);
}

TEST(fact_get__fails_the_same_again_without_its_source)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_fact_value *value = NULL;
    for (int i = 0; i < 2; i++) {
        check_fails(cx, po_fact_get(cx, set, "ledger.head", &value), PO_UNAVAILABLE);
        check_contains(po_err_msg(cx), "ledger.head");
        po_err_clear(cx);
    }
}

TEST(fact_provide__adds_a_value_read_as_any_other)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_fact_value *value = NULL;
    check_ok(cx, po_fact_provide(cx, set, "health.results", PO_LIT("{\"passed\":3}")));
    check_ok(cx, po_fact_get(cx, set, "health.results", &value));
    check_eq_int(fixture_int(value->json, "passed"), 3);
    check_fails(cx, po_fact_provide(cx, set, "health.results", PO_LIT("{}")), PO_EXISTS);
    check_fails(cx, po_fact_provide(cx, set, "machine.clock", PO_LIT("{}")), PO_EXISTS);
    check_fails(cx, po_fact_provide(cx, set, "other", PO_LIT("{")), PO_INVALID);
}

TEST(fact_provide__takes_no_more_than_its_limit)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    char names[PO_FACT_PROVIDED_MAX + 1][16];
    for (size_t i = 0; i < PO_FACT_PROVIDED_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "x.%zu", i);
        check_ok(cx, po_fact_provide(cx, set, names[i], PO_LIT("1")));
    }
    check_fails(cx, po_fact_provide(cx, set, "x.more", PO_LIT("1")), PO_LIMIT);
}

#ifdef PO_FAULTS
/* One home, read again and again with the n-th call failing: making a home each time would take
 * minutes. */
static void fail_each_call(const char *name)
{
    TEST_CX(cx);
    struct po_fact_set *made = fixture_home_set(cx);
    for (uint64_t number = 1;; number++) {
        TEST_CX(inner);
        struct po_fact_set *set = NULL;
        const struct po_fact_value *value = NULL;
        check_ok(inner, po_fact_set_new_at(inner, made->home, &made->places, &set));
        po_fault_fail(number, number % 2 == 0 ? EIO : ENOSPC);
        po_rc rc = po_fact_get(inner, set, name, &value);
        bool has_fired = po_fault_fired();
        po_fault_off();
        if (!po_is_ok(rc)) {
            check_that(has_fired, "'%s' failed by itself: %s", name, po_err_msg(inner));
            check_that(po_err_msg(inner)[0] != '\0');
        }
        if (!has_fired) break;
        check_that(number < 20000);
    }
}

TEST_TIMEOUT(fact_get__fails_cleanly_at_every_call_in_files, 120) { fail_each_call("home.places"); }

TEST_TIMEOUT(fact_get__fails_cleanly_at_every_call_in_the_ledger, 120)
{
    fail_each_call("ledger.events");
}

TEST_TIMEOUT(fact_get__fails_cleanly_at_every_call_in_configuration, 120)
{
    fail_each_call("home.config");
}

TEST_TIMEOUT(fact_get__fails_cleanly_at_every_call_in_credentials, 120)
{
    fail_each_call("home.credentials");
}
#endif

TEST(fact_set__without_a_home_reads_the_program_only)
{
    TEST_CX(cx);
    struct po_fact_set *set = NULL;
    const struct po_fact_value *value = NULL;
    check_ok(cx, po_fact_set_new(cx, NULL, &set));
    check_ok(cx, po_fact_get(cx, set, "build.program", &value));
    check_that(po_json_get(value->json, "digest") != NULL);
}

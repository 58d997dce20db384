#include "core/embed.h"
#include "lib/test.h"
#include "unit/control/control_fixture.h"

/* Replace the first `from` in `text` by `to`, in the arena. */
static po_str replaced(struct po_ctx *cx, po_str text, const char *from, const char *to)
{
    size_t at = po_str_find(text, po_str_of(from), 0);
    check_that(at != SIZE_MAX, "'%s' is not in the file", from);
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 1 << 20);
    po_buf_append(&buf, po_str_slice(text, 0, at));
    po_buf_append_cstr(&buf, to);
    po_buf_append(&buf, po_str_slice(text, at + strlen(from), text.len));
    po_str copy;
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&buf), &copy));
    return copy;
}

TEST(catalog_load__counts_what_the_embedded_set_holds)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = real_catalog(cx);
    check_eq_u64(catalog->control_count, 91);
    check_eq_u64(catalog->criterion_count, 61);
    check_eq_u64(catalog->category_count, 5);
    check_eq_u64(catalog->requirement_count, 257);
    check_eq_u64(catalog->health_count, 15);
    size_t clauses = 0;
    for (size_t i = 0; i < catalog->control_count; i++)
        clauses += catalog->controls[i].clause_count;
    check_eq_u64(clauses, catalog->clause_count);
}

TEST(catalog_load_list__holds_what_lists_show)
{
    TEST_CX(cx);
    const struct po_catalog *whole = real_catalog(cx);
    const struct po_catalog *list = NULL;
    const uint8_t zero[32] = {0};
    check_ok(cx, po_catalog_load_list(cx, &list));
    check_eq_u64(list->control_count, whole->control_count);
    check_eq_u64(list->clause_count, whole->clause_count);
    check_eq_u64(list->criterion_count, whole->criterion_count);
    check_eq_u64(list->part_count, whole->part_count);
    check_eq_u64(list->requirement_count + list->health_count, 0);
    check_eq_mem(list->digest, zero, 32);
    check_that(po_catalog_control(list, PO_LIT("AUD-03")) != NULL);
    check_that(po_catalog_requirement(list, PO_LIT("S1-001")) == NULL);
}

TEST(catalog_load__keeps_kinds_severities_and_tags_of_the_source)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = real_catalog(cx);
    size_t kinds[3] = {0};
    size_t severities[4] = {0};
    size_t data = 0;
    for (size_t i = 0; i < catalog->control_count; i++) {
        const struct po_control *c = &catalog->controls[i];
        kinds[c->kind]++;
        severities[c->severity]++;
        for (size_t t = 0; t < c->tags_count; t++)
            if (po_str_eq_cstr(c->tags[t], "data")) data++;
    }
    check_eq_u64(kinds[PO_CONTROL_AUTOMATIC], 66);
    check_eq_u64(kinds[PO_CONTROL_ATTESTED], 21);
    check_eq_u64(kinds[PO_CONTROL_DOCUMENT], 4);
    check_eq_u64(severities[PO_SEVERITY_CRITICAL], 17);
    check_eq_u64(severities[PO_SEVERITY_HIGH], 41);
    check_eq_u64(severities[PO_SEVERITY_MEDIUM], 30);
    check_eq_u64(severities[PO_SEVERITY_LOW], 3);
    check_eq_u64(data, 20);
}

TEST(catalog_load__gives_28_criteria_to_automatic_controls_alone)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = real_catalog(cx);
    size_t automatic = 0;
    for (size_t i = 0; i < catalog->criterion_count; i++) {
        po_id_list primary = catalog->criteria[i].primary;
        size_t n = 0;
        while (n < primary.count && catalog->controls[primary.at[n]].kind == PO_CONTROL_AUTOMATIC)
            n++;
        if (n == primary.count) automatic++;
    }
    check_eq_u64(automatic, 28);
}

TEST(catalog_load__reads_periods_and_ttls)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = real_catalog(cx);
    const struct po_control *c = po_catalog_control(catalog, PO_LIT("CFG-02"));
    check_eq_int(c->period_us, 5 * PO_US_PER_MIN);
    check_eq_int(c->ttl_us, 15 * PO_US_PER_MIN);
    c = po_catalog_control(catalog, PO_LIT("CHG-02"));
    check_eq_int(c->period_us, 0);
    check_eq_int(c->ttl_us, 30 * PO_US_PER_DAY);
}

TEST(catalog_find__answers_by_id)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    check_eq_str(po_catalog_control(catalog, PO_LIT("BBB-01"))->title, "title of BBB-01");
    check_eq_str(po_catalog_clause(catalog, PO_LIT("AAA-01.3"))->quote, "c holds");
    check_eq_str(po_catalog_criterion(catalog, PO_LIT("X1.2"))->summary, "two");
    check_eq_str(po_catalog_requirement(catalog, PO_LIT("S1-002"))->kind, "automatic");
    check_eq_str(po_catalog_health(catalog, PO_LIT("HC-01"))->repair, "r");
    check_eq_str(po_catalog_category(catalog, PO_LIT("first_part"))->name, "First Part");
    check_that(po_catalog_control(catalog, PO_LIT("BBB-03")) == NULL);
    check_that(po_catalog_clause(catalog, PO_LIT("AAA-01.4")) == NULL);
    check_that(po_catalog_criterion(catalog, PO_LIT("")) == NULL);
    check_that(po_catalog_category(catalog, PO_LIT("first part")) == NULL);
}

TEST(catalog_load__collects_primary_and_supporting_controls_in_order)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    const struct po_criterion *c = po_catalog_criterion(catalog, PO_LIT("X1.1"));
    check_eq_u64(c->primary.count, 2);
    check_eq_u64(c->primary.at[0], 0);
    check_eq_u64(c->primary.at[1], 1);
    check_eq_u64(c->supporting.count, 1);
    check_eq_u64(c->supporting.at[0], 2);
}

TEST(catalog_load__computes_the_depth_of_the_order)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = small_catalog(cx);
    check_eq_u64(po_catalog_control(catalog, PO_LIT("AAA-01"))->depth, 0);
    check_eq_u64(po_catalog_control(catalog, PO_LIT("BBB-01"))->depth, 1);
    check_eq_u64(po_catalog_control(catalog, PO_LIT("AAA-02"))->depth, 2);
}

TEST(catalog_load__digests_every_byte_of_every_file)
{
    TEST_CX(cx);
    struct po_catalog_source source = small_source();
    const struct po_catalog *catalog = small_catalog(cx);
    po_str *const files[] = {&source.catalog,      &source.criteria, &source.clauses,
                             &source.requirements, &source.health,   &source.order};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        po_str kept = *files[i];
        *files[i] = replaced(cx, kept, "}]", "} ]");
        const struct po_catalog *other = NULL;
        check_ok(cx, po_catalog_load(cx, &source, &other));
        check_that(!po_str_eq(po_str_n(catalog->digest, 32), po_str_n(other->digest, 32)));
        *files[i] = kept;
    }
    const struct po_catalog *same = NULL;
    check_ok(cx, po_catalog_load(cx, &source, &same));
    check_eq_mem(same->digest, catalog->digest, 32);
}

enum file { CATALOG, CRITERIA, CLAUSES, REQUIREMENTS, HEALTH, ORDER };
static const struct {
    const char *name;
    enum file file;
    const char *from;
    const char *to;
    const char *message;
    enum po_code code; /* 0: PO_INVALID */
} refusals[] = {
    {"unknown criterion", CATALOG, "[\"X1.2\",\"X1.1\"]", "[\"X1.2\",\"CC9.9\"]",
     "control 'AAA-02': 'criteria' names unknown 'CC9.9'", 0},
    {"unknown supported criterion", CATALOG, "[\"Y1.1\"],\"inputs", "[\"P1.0\"],\"inputs",
     "control 'AAA-01': 'supports' names unknown 'P1.0'", 0},
    {"duplicate control", CATALOG, "\"id\":\"BBB-02\"", "\"id\":\"BBB-01\"",
     "control 'BBB-01' occurs twice", 0},
    {"missing weight", CATALOG, ",\"low\":1", "", "has no member 'low'", 0},
    {"weight zero", CATALOG, "\"low\":1", "\"low\":0", "weight of 'low'", 0},
    {"unknown weight", CATALOG, "\"low\":1", "\"low\":1,\"none\":1", "unknown member 'none'", 0},
    {"unknown severity", CATALOG, "\"severity\":\"low\"", "\"severity\":\"tiny\"",
     "control 'BBB-02': unknown severity 'tiny'", 0},
    {"unknown kind", CATALOG, "\"kind\":\"automatic\"", "\"kind\":\"manual\"",
     "control 'AAA-01': unknown kind 'manual'", 0},
    {"bad ttl", CATALOG, "\"ttl\":\"2h\"", "\"ttl\":\"2 hours\"",
     "control 'AAA-01': ttl '2 hours' is no duration", 0},
    {"ttl of nothing", CATALOG, "\"ttl\":\"2h\"", "\"ttl\":\"0h\"", "'0h' is no duration", 0},
    {"ttl below the period", CATALOG, "\"ttl\":\"2h\"", "\"ttl\":\"59m\"",
     "shorter than its period", 0},
    {"unknown frequency", CATALOG, "\"frequency\":\"hourly\"", "\"frequency\":\"often\"",
     "control 'AAA-01': unknown frequency 'often'", 0},
    {"no criterion", CATALOG, "\"criteria\":[\"X1.1\"]", "\"criteria\":[]",
     "control 'AAA-01' has no criterion", 0},
    {"criterion twice", CATALOG, "[\"X1.2\",\"X1.1\"]", "[\"X1.2\",\"X1.2\"]",
     "'criteria' lists 'X1.2' twice", 0},
    {"proves and supports", CATALOG, "[\"Y1.1\"],\"inputs", "[\"X1.1\"],\"inputs",
     "proves and supports 'X1.1'", 0},
    {"unknown member", CATALOG, "\"owner\":\"o\"", "\"owner\":\"o\",\"score\":1",
     "control 'AAA-01' has an unknown member 'score'", 0},
    {"missing member", CATALOG, ",\"owner\":\"o\"", "", "control 'AAA-01' has no member 'owner'",
     0},
    {"empty text", CATALOG, "\"owner\":\"o\"", "\"owner\":\"\"", "'owner' is not a text", 0},
    {"text of two lines", CATALOG, "\"owner\":\"o\"", "\"owner\":\"o\\nx\"", "is not one line", 0},
    {"tags no list", CATALOG, "\"tags\":[\"data\"]", "\"tags\":\"data\"", "'tags' is not a list",
     0},
    {"count of controls", CATALOG, "\"count\":4", "\"count\":5", "'count' is not the number", 0},
    {"no JSON", CATALOG, "{\"version\"", "{version", "reading 'catalog.json'", 0},
    {"criterion without primary", CRITERIA, "\"count\":3,\"criteria\":[",
     "\"count\":4,\"criteria\":[{\"id\":\"Z1.1\",\"category\":\"Second\",\"area\":\"Z\","
     "\"summary\":\"s\"},",
     "criterion 'Z1.1' has no primary control", 0},
    {"duplicate criterion", CRITERIA, "\"id\":\"X1.2\"", "\"id\":\"X1.1\"",
     "criterion 'X1.1' occurs twice", 0},
    {"clause of unknown control", CLAUSES, "\"id\":\"BBB-02.1\"", "\"id\":\"BBB-09.1\"",
     "clause 'BBB-09.1' belongs to no known control", 0},
    {"duplicate clause", CLAUSES, "\"id\":\"AAA-01.2\"", "\"id\":\"AAA-01.1\"",
     "clause 'AAA-01.1' occurs twice", 0},
    {"clause without number", CLAUSES, "\"id\":\"AAA-01.2\"", "\"id\":\"AAA-01.x\"",
     "clause 'AAA-01.x' has no number", 0},
    {"clause zero", CLAUSES, "\"id\":\"AAA-02.1\"", "\"id\":\"AAA-02.0\"", "has no number", 0},
    {"gap in numbers", CLAUSES, "\"id\":\"AAA-01.3\"", "\"id\":\"AAA-01.4\"",
     "clause 'AAA-01.4' is out of order", 0},
    {"clauses of a control apart", CLAUSES, "\"id\":\"BBB-02.1\"", "\"id\":\"AAA-01.4\"",
     "clause 'AAA-01.4' is out of order", 0},
    {"quote that is not in the sentence", CLAUSES, "\"quote\":\"b holds\"",
     "\"quote\":\"b is fine\"", "clause 'AAA-01.2' does not quote", 0},
    {"word before a quote uncovered", CLAUSES, "\"quote\":\"b holds\"", "\"quote\":\"holds and\"",
     "before clause 'AAA-01.2' is in no clause", 0},
    {"end uncovered", CLAUSES, "\"quote\":\"g holds\"", "\"quote\":\"g\"",
     "the end of control 'BBB-02'", 0},
    {"control without clauses", CATALOG, "\"count\":4,\"controls\":[",
     "\"count\":5,\"controls\":[{\"id\":\"CCC-01\",\"title\":\"t\",\"kind\":\"automatic\","
     "\"criteria\":[\"X1.1\"],\"supports\":[],\"inputs\":\"i\",\"pass\":\"p\","
     "\"frequency\":\"hourly\",\"ttl\":\"2h\",\"severity\":\"low\",\"evidence\":\"run\","
     "\"owner\":\"o\",\"population\":\"p\",\"tags\":[]},",
     "control 'CCC-01' has no clauses", 0},
    {"unknown part", CLAUSES, "\"needs\":[\"thing\"]", "\"needs\":[\"nothing\"]",
     "clause 'AAA-01.1' needs unknown part 'nothing'", 0},
    {"needs nothing", CLAUSES, "\"needs\":[\"thing\"]", "\"needs\":[]",
     "clause 'AAA-01.1' needs nothing", 0},
    {"unknown proof", CLAUSES, "\"proof\":\"fact\"", "\"proof\":\"hope\"",
     "clause 'AAA-01.1': unknown proof 'hope'", 0},
    {"row with unknown control", REQUIREMENTS, "[\"AAA-01\"]", "[\"AAA-09\"]",
     "requirement 'S1-001': 'controls' names unknown 'AAA-09'", 0},
    {"row without control", REQUIREMENTS, "\"controls\":[\"AAA-01\"]", "\"controls\":[]",
     "requirement 'S1-001' has no control", 0},
    {"row in unknown list", REQUIREMENTS, "\"list\":\"first_part\"", "\"list\":\"third\"",
     "requirement 'S1-001': unknown category 'third'", 0},
    {"row without gap text", REQUIREMENTS, "\"text_gap\":\"gap\"", "\"text_gap\":\"\"",
     "'text_gap' is not a text", 0},
    {"duplicate row", REQUIREMENTS, "\"id\":\"S1-002\"", "\"id\":\"S1-001\"",
     "requirement 'S1-001' occurs twice", 0},
    {"control no object", CATALOG, "\"count\":4,\"controls\":[", "\"count\":5,\"controls\":[7,",
     "control '?': 'id' is not a text", 0},
    {"weights no object", CATALOG, "\"weights\":{\"critical\":8,\"high\":4,\"medium\":2,\"low\":1}",
     "\"weights\":1", "is not an object", 0},
    {"no controls", ORDER,
     "\"order\":[{\"control\":\"AAA-02\",\"after\":[\"BBB-01\"]},{\"control\":\"BBB-01\",\"after\":[\"AAA-01\"]}]",
     "\"order\":[]", "'order' is not a list with entries", 0},
    {"no parts", CLAUSES, "\"parts\":[{\"id\":\"thing\",\"text\":\"a thing\"}]", "\"parts\":[]",
     "'parts' is not a list with entries", 0},
    {"list no text", REQUIREMENTS, "\"list\":\"first_part\"", "\"list\":1", "'list' is not a text",
     0},
    {"health check without repair", HEALTH, ",\"repair\":\"r\"", "",
     "health check 'HC-01' has no member 'repair'", 0},
    {"order of unknown control", ORDER, "\"control\":\"AAA-02\"", "\"control\":\"AAA-07\"",
     "order names unknown control 'AAA-07'", 0},
    {"order after unknown control", ORDER, "[\"AAA-01\"]", "[\"AAA-07\"]",
     "'after' names unknown 'AAA-07'", 0},
    {"circle in the order", ORDER, "[\"AAA-01\"]", "[\"AAA-02\"]", "the order has a circle", 0},
    {"order twice", ORDER, "\"control\":\"AAA-02\"", "\"control\":\"BBB-01\"", "occurs twice", 0},
    {"order without controls", ORDER, "[\"AAA-01\"]", "[]", "names none", 0},
};

TEST(catalog_load__refuses_a_wrong_set_and_names_what_is_wrong)
{
    TEST_EACH(row, refusals)
    {
        TEST_CX(cx);
        struct po_catalog_source source = small_source();
        po_str *const files[] = {[CATALOG] = &source.catalog, [CRITERIA] = &source.criteria,
                                 [CLAUSES] = &source.clauses, [REQUIREMENTS] = &source.requirements,
                                 [HEALTH] = &source.health,   [ORDER] = &source.order};
        *files[row->file] = replaced(cx, *files[row->file], row->from, row->to);
        const struct po_catalog *catalog = NULL;
        check_fails(cx, po_catalog_load(cx, &source, &catalog),
                    row->code == PO_OK ? PO_INVALID : row->code);
        check_contains(po_err_msg(cx), row->message);
        check_that(catalog == NULL);
    }
}

TEST(catalog_load__refuses_a_text_beyond_its_limit)
{
    TEST_CX(cx);
    struct po_catalog_source source = small_source();
    char long_text[PO_CONTROL_TEXT_BYTES_MAX + 32];
    memset(long_text, 'x', sizeof long_text);
    memcpy(long_text, "\"owner\":\"", 9);
    memcpy(long_text + sizeof long_text - 2, "\"", 2);
    source.catalog = replaced(cx, source.catalog, "\"owner\":\"o\"", long_text);
    const struct po_catalog *catalog = NULL;
    check_fails(cx, po_catalog_load(cx, &source, &catalog), PO_LIMIT);
    check_contains(po_err_msg(cx), "'owner' is longer than");
}

/* `count` copies of `entry` with %zu in it, joined by commas, between `head` and `tail`. */
static po_str repeated(struct po_ctx *cx, const char *head, const char *entry, size_t count)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 1 << 22);
    po_buf_append_cstr(&buf, head);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) po_buf_append_char(&buf, ',');
        po_str rest = po_str_of(entry);
        size_t at = po_str_find_char(rest, '#', 0);
        while (at != SIZE_MAX) {
            po_buf_append(&buf, po_str_slice(rest, 0, at));
            po_buf_append_u64(&buf, i);
            rest = po_str_slice(rest, at + 1, rest.len);
            at = po_str_find_char(rest, '#', 0);
        }
        po_buf_append(&buf, rest);
    }
    po_buf_append(&buf, PO_LIT("]}"));
    po_str copy;
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&buf), &copy));
    return copy;
}

TEST(catalog_load__refuses_too_many_of_anything)
{
    TEST_CX(cx);
    const struct po_catalog *catalog = NULL;
    struct po_catalog_source source = small_source();
    source.criteria =
        repeated(cx, "{\"source\":\"t\",\"count\":129,\"criteria\":[",
                 "{\"id\":\"X#\",\"category\":\"C\",\"area\":\"a\",\"summary\":\"s\"}", 129);
    check_fails(cx, po_catalog_load(cx, &source, &catalog), PO_LIMIT);
    check_contains(po_err_msg(cx), "more than 128 criteria");
    source.criteria =
        repeated(cx, "{\"source\":\"t\",\"count\":9,\"criteria\":[",
                 "{\"id\":\"X#\",\"category\":\"C#\",\"area\":\"a\",\"summary\":\"s\"}", 9);
    check_fails(cx, po_catalog_load(cx, &source, &catalog), PO_LIMIT);
    check_contains(po_err_msg(cx), "more than 8 categories");
    source = small_source();
    source.clauses = repeated(cx, "{\"count\":1,\"clauses\":[1],\"parts\":[",
                              "{\"id\":\"p#\",\"text\":\"t\"}", PO_PARTS_MAX + 1);
    check_fails(cx, po_catalog_load(cx, &source, &catalog), PO_LIMIT);
    check_contains(po_err_msg(cx), "more than 256 parts");
    source = small_source();
    PO_BUF_AUTO tags;
    po_buf_init(&tags, 4096);
    po_buf_append(&tags, PO_LIT("\"tags\":["));
    for (size_t i = 0; i <= PO_CONTROL_REFS_MAX; i++)
        po_buf_printf(&tags, "%s\"t%zu\"", i > 0 ? "," : "", i);
    po_buf_append(&tags, PO_LIT("]"));
    source.catalog = replaced(cx, source.catalog, "\"tags\":[\"data\"]", tags.ptr);
    check_fails(cx, po_catalog_load(cx, &source, &catalog), PO_LIMIT);
    check_contains(po_err_msg(cx), "'tags' has more than 64 entries");
}

TEST(catalog__names_kinds_of_controls_and_proofs)
{
    check_eq_cstr(po_control_kind_name(PO_CONTROL_ATTESTED), "attested");
    check_eq_cstr(po_proof_name(PO_PROOF_DRILL), "drill");
    check_eq_cstr(po_severity_name(PO_SEVERITY_CRITICAL), "critical");
}

TEST_FAULTS(catalog_load__fails_cleanly_without_memory)
{
    TEST_CX(cx);
    struct po_catalog_source source = small_source();
    const struct po_catalog *catalog = NULL;
    if (!test_survived(po_catalog_load(cx, &source, &catalog))) return;
    test_faults_off();
    check_eq_u64(catalog->control_count, 4);
}

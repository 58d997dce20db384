#include "unit/control/control_fixture.h"

#include "lib/test.h"

static const char criteria[] =
    "{\"source\":\"test\",\"count\":3,\"criteria\":["
    "{\"id\":\"X1.1\",\"category\":\"First Part\",\"area\":\"X1\",\"summary\":\"one\"},"
    "{\"id\":\"X1.2\",\"category\":\"First Part\",\"area\":\"X1\",\"summary\":\"two\"},"
    "{\"id\":\"Y1.1\",\"category\":\"Second\",\"area\":\"Y1\",\"summary\":\"three\"}]}";

#define CONTROL(id, criteria, supports, pass, severity, tags)                                      \
    "{\"id\":\"" id "\",\"title\":\"title of " id                                                  \
    "\",\"kind\":\"automatic\",\"criteria\":" criteria ",\"supports\":" supports                   \
    ",\"inputs\":\"i\",\"pass\":\"" pass                                                           \
    "\",\"frequency\":\"hourly\",\"ttl\":\"2h\",\"severity\":\"" severity                          \
    "\",\"evidence\":\"run\",\"owner\":\"o\",\"population\":\"p\",\"tags\":" tags "}"

static const char catalog_json[] =
    "{\"version\":\"t1\",\"weights\":{\"critical\":8,\"high\":4,\"medium\":2,\"low\":1},\"count\":4,"
    "\"controls\":[" CONTROL(
        "AAA-01", "[\"X1.1\"]", "[\"Y1.1\"]", "a holds; b holds and c holds", "critical",
        "[\"data\"]") "," CONTROL("AAA-02", "[\"X1.2\",\"X1.1\"]", "[]", "d holds", "high",
                                  "[]") "," CONTROL("BBB-01", "[\"Y1.1\"]", "[\"X1.1\"]",
                                                    "e holds, f holds", "medium",
                                                    "[\"data\"]") "," CONTROL("BBB-02",
                                                                              "[\"Y1.1\"]", "[]",
                                                                              "g holds", "low",
                                                                              "[]") "]}";

#define CLAUSE(id, quote)                                                                          \
    "{\"id\":\"" id "\",\"text\":\"" quote "\",\"quote\":\"" quote                                 \
    "\",\"proof\":\"fact\",\"needs\":[\"thing\"]}"

static const char clauses[] =
    "{\"count\":7,\"parts\":[{\"id\":\"thing\",\"text\":\"a thing\"}],\"clauses\":[" CLAUSE("AAA-01.1", "a holds") "," CLAUSE(
        "AAA-01.2",
        "b holds") "," CLAUSE("AAA-01.3",
                              "c holds") "," CLAUSE("AAA-02.1",
                                                    "d holds") "," CLAUSE("BBB-01.1",
                                                                          "e holds") "," CLAUSE("BBB-01.2",
                                                                                                "f holds") "," CLAUSE("BBB-02.1",
                                                                                                                      "g holds") "]}";

static const char requirements[] =
    "{\"count\":2,\"requirements\":["
    "{\"id\":\"S1-001\",\"section\":\"s\",\"says\":\"x\",\"demand\":\"y\",\"criteria\":[\"X1.1\"],"
    "\"controls\":[\"AAA-01\"],\"kind\":\"report\",\"text_met\":\"met\",\"text_gap\":\"gap\","
    "\"list\":\"first_part\"},"
    "{\"id\":\"S1-002\",\"section\":\"s\",\"says\":\"x\",\"demand\":\"y\",\"criteria\":[],"
    "\"controls\":[\"AAA-02\",\"BBB-01\"],\"kind\":\"automatic\",\"text_met\":\"met\","
    "\"text_gap\":\"gap\",\"list\":\"\"}]}";

static const char health[] =
    "{\"count\":1,\"checks\":[{\"id\":\"HC-01\",\"name\":\"n\",\"component\":\"c\","
    "\"measures\":\"m\",\"pass\":\"p\",\"repair\":\"r\"}]}";

static const char order[] =
    "{\"count\":2,\"order\":[{\"control\":\"AAA-02\",\"after\":[\"BBB-01\"]},"
    "{\"control\":\"BBB-01\",\"after\":[\"AAA-01\"]}]}";

struct po_catalog_source small_source(void)
{
    return (struct po_catalog_source){.catalog = po_str_of(catalog_json),
                                      .criteria = po_str_of(criteria),
                                      .clauses = po_str_of(clauses),
                                      .requirements = po_str_of(requirements),
                                      .health = po_str_of(health),
                                      .order = po_str_of(order)};
}

const struct po_catalog *small_catalog(struct po_ctx *cx)
{
    struct po_catalog_source source = small_source();
    const struct po_catalog *catalog = NULL;
    check_ok(cx, po_catalog_load(cx, &source, &catalog));
    return catalog;
}

const struct po_catalog *real_catalog(struct po_ctx *cx)
{
    const struct po_catalog *catalog = NULL;
    check_ok(cx, po_catalog_load_embedded(cx, &catalog));
    return catalog;
}

struct po_clause_run *no_runs(struct po_ctx *cx, const struct po_catalog *catalog)
{
    struct po_clause_run *runs =
        po_arena_alloc(cx->arena, catalog->clause_count, sizeof(struct po_clause_run));
    check_that(runs != NULL);
    for (size_t i = 0; i < catalog->clause_count; i++)
        runs[i].leaf = PO_LEAF_NONE;
    return runs;
}

static struct po_clause_run *place_of(const struct po_catalog *catalog, struct po_clause_run *runs,
                                      const char *clause)
{
    const struct po_clause *found = po_catalog_clause(catalog, po_str_of(clause));
    check_that(found != NULL);
    return &runs[po_clause_position(catalog, found)];
}

/* rule: a sixth parameter keeps a run in one line of a test */
void set_run(const struct po_catalog *catalog, struct po_clause_run *runs, const char *clause,
             enum po_run_state state, int64_t passing, int64_t total)
{
    struct po_clause_run *place = place_of(catalog, runs, clause);
    const struct po_clause *found = po_catalog_clause(catalog, po_str_of(clause));
    place->leaf = po_clause_position(catalog, found) + 1;
    place->received_us = RUN_TIME_US;
    place->run = full_run();
    place->run.control = catalog->controls[found->control].id;
    place->run.clause = found->id;
    place->run.state = state;
    place->run.passing = passing;
    place->run.total = total;
    place->run.reason = state == PO_RUN_PASS ? PO_LIT("") : PO_LIT("why");
}

void set_age(const struct po_catalog *catalog, struct po_clause_run *runs, const char *clause,
             po_time_us age_us)
{
    struct po_clause_run *place = place_of(catalog, runs, clause);
    place->run.finished_us = RUN_TIME_US - age_us;
    place->run.started_us = place->run.finished_us;
    place->received_us = place->run.finished_us;
}

struct po_run full_run(void)
{
    static const struct po_run_deviation deviations[] = {
        {PO_LIT("file:config/.env"), PO_LIT("mode=0644 \"quoted\"")},
        {PO_LIT("file:data/x"), PO_LIT("größer")}};
    static const struct po_run_fact facts[] = {{PO_LIT("home.tree"), {1, 2, 3}, RUN_TIME_US - 5},
                                               {PO_LIT("machine.clock"), {4}, RUN_TIME_US - 4}};
    return (struct po_run){.control = PO_LIT("AAA-01"),
                           .clause = PO_LIT("AAA-01.2"),
                           .check = PO_LIT("home/modes"),
                           .program_digest = {0xAB, 1},
                           .catalog_digest = {0xCD, 2},
                           .engine = PO_LIT("0.1.0"),
                           .run_id = PO_LIT("run_1"),
                           .started_us = RUN_TIME_US - 10,
                           .finished_us = RUN_TIME_US - 3,
                           .state = PO_RUN_FAIL,
                           .passing = 3,
                           .total = 5,
                           .reason = PO_LIT("2 of 5 files are too open"),
                           .population_digest = {7},
                           .deviations = deviations,
                           .deviation_count = 2,
                           .deviations_total = 2,
                           .facts = facts,
                           .fact_count = 2,
                           .cost_us = 7};
}

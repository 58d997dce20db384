/*
 * What is kept beside the runs: each program's texts once, and the facts that the runs used.
 */
#include "assess/assess_priv.h"

#include "core/codec.h"
#include "lib/test.h"
#include "store/store.h"
#include "unit/assess/golden.h"
#include "unit/fact/fact_fixture.h"

static struct po_json *parsed(struct po_ctx *cx, po_str json)
{
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, json, PO_JSON_STRICT, &root));
    return root;
}

TEST_TIMEOUT(assess_keep_program__gives_texts_that_the_ledger_has_not, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    const struct po_program *program = &golden_find("control", "AUD-01.1")->program;
    struct po_home *home = po_fact_set_home(set);
    struct po_event event = {0};
    bool is_new = false;
    check_ok(cx, po_assess_keep_program(cx, home, program, &is_new, &event));
    check_that(is_new && event.type == PO_EVENT_TYPE_PROGRAM_STORED);
    check_eq_str(event.resource, "program:controls/aud_01.script#event_shape");
    const struct po_json *files = fixture_at(parsed(cx, event.detail), "files");
    check_eq_u64(files->count, 2);
    check_that(po_json_get(files, "controls/aud_01.script") != NULL);
    check_that(po_json_get(files, "lib/judge.script") != NULL);

    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
    check_ok(cx, po_store_program_add(cx, tx, program->digest));
    check_ok(cx, po_home_commit(cx, home, tx, &event));
    check_ok(cx, po_assess_keep_program(cx, home, program, &is_new, &event));
    check_that(!is_new);
}

TEST_TIMEOUT(assess_keep_facts__gives_each_value_with_its_digest, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    const char *const names[] = {"home.places", "home.locks"};
    const struct po_fact_value *value = NULL;
    struct po_event event = {0};
    char hex[65];
    check_ok(cx, po_assess_keep_facts(cx, set, names, 2, &event));
    check_eq_int(event.type, PO_EVENT_TYPE_FACTS_OBSERVED);
    const struct po_json *detail = parsed(cx, event.detail);
    check_eq_u64(fixture_at(detail, "facts")->count, 2);
    check_eq_str(fixture_str(detail, "facts.1.name"), "home.locks");
    check_that(fixture_bool(detail, "facts.1.value.all_listed"));
    check_ok(cx, po_fact_get(cx, set, "home.locks", &value));
    po_hex_encode(value->digest, 32, hex);
    check_eq_str(fixture_str(detail, "facts.1.sha256"), hex);
}

TEST_TIMEOUT(assess_keep_facts__says_what_is_too_large, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    const char *const names[] = {"test.large", "test.small"};
    struct po_event event = {0};
    PO_BUF_AUTO large;
    po_buf_init(&large, 1 << 20);
    po_buf_append_char(&large, '"');
    for (int i = 0; i < 70000; i++)
        po_buf_append_char(&large, 'x');
    po_buf_append_char(&large, '"');
    check_ok(cx, po_fact_provide(cx, set, "test.large", po_buf_str(&large)));
    check_ok(cx, po_fact_provide(cx, set, "test.small", PO_LIT("{\"a\":1}")));
    check_ok(cx, po_assess_keep_facts(cx, set, names, 2, &event));
    const struct po_json *detail = parsed(cx, event.detail);
    check_that(fixture_is_null(detail, "facts.0.value"));
    check_eq_str(fixture_str(detail, "facts.0.left_out"), "too large");
    check_eq_int(fixture_int(detail, "facts.1.value.a"), 1);
}

/* ---- programs in batches ------------------------------------------------------------------------- */

TEST(program_facts__are_in_the_order_they_are_written)
{
    const struct golden_program *asked = golden_find("control", "CRY-03.3");
    check_eq_cstr(asked->facts[0], "ledger.sealing");
    check_eq_cstr(asked->facts[1], "drill.keys");
    check_that(asked->facts[2] == NULL);
    check_that(golden_find("check", "HC-14")->facts[0] == NULL);
}

TEST(bundle_program_find__knows_kind_and_id)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    po_assess_facts_declare();
    check_ok(cx, po_bundle_open_embedded(cx, &bundle));
    check_that(po_bundle_program_find(bundle, PO_LIT("repair"), PO_LIT("wrong_mode")) != NULL);
    check_that(po_bundle_program_find(bundle, PO_LIT("check"), PO_LIT("wrong_mode")) == NULL);
    check_that(po_bundle_program_find(bundle, PO_LIT("control"), PO_LIT("none")) == NULL);
}

/* A fact that its program asks for and that is not there is a fault, never a pass. */
TEST(check_run__is_an_error_without_its_facts)
{
    TEST_CX(cx);
    struct po_judgement *judgement = po_arena_alloc(cx->arena, 1, sizeof *judgement);
    const struct po_program_job job = {.now_us = 1};
    check_that(judgement != NULL);
    check_ok(cx, po_check_run(cx, &golden_find("control", "AUD-01.1")->program, &job, judgement));
    check_eq_int(judgement->state, PO_RUN_ERROR);
    check_contains(judgement->reason, "ledger.events");
}

/* A value that does not fit the fact's type is a fault, too. */
TEST(check_run__is_an_error_with_a_value_of_another_type)
{
    TEST_CX(cx);
    struct po_judgement *judgement = po_arena_alloc(cx->arena, 1, sizeof *judgement);
    const struct po_program_fact given = {PO_LIT("ledger.events"),
                                          PO_LIT("{\"opened\":1,\"valid\":\"1\"}")};
    const struct po_program_job job = {.given = &given, .given_count = 1, .now_us = 1};
    check_that(judgement != NULL);
    check_ok(cx, po_check_run(cx, &golden_find("control", "AUD-01.1")->program, &job, judgement));
    check_eq_int(judgement->state, PO_RUN_ERROR);
    check_contains(judgement->reason, "HostError");
}

/*
 * Facts of ledger, store and keys, over a real home.
 */
#include "fact_fixture.h"

#include "core/codec.h"
#include "crypto/crypto.h"
#include "fact/fact_pass_priv.h"
#include "home/home.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What was recorded until now, in a new snapshot. */
static struct po_fact_set *again(struct po_ctx *cx, struct po_fact_set *set)
{
    struct po_fact_set *later = NULL;
    check_ok(cx, po_home_flush(cx, set->home));
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &later));
    return later;
}

static void record(struct po_ctx *cx, struct po_fact_set *set, enum po_event_type type,
                   const char *detail)
{
    struct po_event event = {.type = type,
                             .resource = PO_LIT("test:x"),
                             .action = PO_LIT("test"),
                             .result = PO_EVENT_SUCCESS,
                             .detail = po_str_of(detail)};
    check_ok(cx, po_home_record(cx, set->home, &event));
}

static void act_as(struct po_ctx *cx, const char *session)
{
    memset(cx->session, 0, sizeof cx->session);
    memcpy(cx->session, session, strlen(session));
}

static const struct po_json *row_with(const struct po_json *list, const char *key,
                                      const char *value)
{
    for (const struct po_json *row = list->first; row != NULL; row = row->next)
        if (po_str_eq_cstr(po_json_get(row, key)->str, value)) return row;
    test_fail(__FILE__, __LINE__, "no row with %s '%s'", key, value);
}

static void flip_byte(const char *path, off_t at)
{
    char byte = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    check_that(fd >= 0, "%s", path);
    check_that(pread(fd, &byte, 1, at) == 1);
    byte = (char)(byte ^ 1);
    check_that(pwrite(fd, &byte, 1, at) == 1);
    check_that(close(fd) == 0);
}

/* ---- shape, sequence, head --------------------------------------------------------------------------------- */

TEST_TIMEOUT(ledger_events__are_all_valid_on_a_new_home, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    const struct po_json *events = fixture_read(cx, set, "ledger.events");
    int64_t checked = fixture_int(events, "checked");
    check_that(checked > 0);
    check_eq_int(fixture_int(events, "valid"), checked);
    check_eq_int(fixture_int(events, "opened"), checked);
    check_that(fixture_is_null(events, "first_bad"));
    const struct po_json *sequence = fixture_read(cx, set, "ledger.sequence");
    check_eq_int(fixture_int(sequence, "events"), checked);
    check_eq_int(fixture_int(sequence, "missing"), 0);
    check_eq_int(fixture_int(sequence, "repeated"), 0);
    check_eq_int(fixture_int(sequence, "tenants"), 1);
    const struct po_json *head = fixture_read(cx, set, "ledger.head");
    check_that(fixture_bool(head, "can_extend"));
    check_that(fixture_bool(head, "checkpoint.root_equals_tree"));
    const struct po_json *sealing = fixture_read(cx, set, "ledger.sealing");
    check_eq_int(fixture_int(sealing, "leaves_with_live_key"), fixture_int(sealing, "leaves"));
    check_eq_int(fixture_int(sealing, "tags_verified"), fixture_int(sealing, "tags_checked"));
}

TEST_TIMEOUT(ledger_events__name_the_leaf_of_an_altered_payload, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    flip_byte(test_tmp("home/data/ledger/000000.pay"), 100);
    const struct po_json *events = fixture_read(cx, set, "ledger.events");
    check_eq_int(fixture_int(events, "refused"), 1);
    check_eq_int(fixture_int(events, "first_bad.leaf"), 0);
    check_that(fixture_int(events, "valid") < fixture_int(events, "checked"));
    const struct po_json *verification = fixture_read(cx, set, "ledger.verification");
    check_that(!fixture_bool(verification, "ok"));
    check_eq_str(fixture_str(verification, "findings.0.file"), "000000.pay");
    check_that(fixture_int(fixture_read(cx, set, "ledger.sealing"), "tags_verified") <
               fixture_int(fixture_read(cx, set, "ledger.sealing"), "tags_checked"));
}

TEST_TIMEOUT(ledger_types__count_what_was_recorded_with_its_result, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    record(cx, set, PO_EVENT_TYPE_HEALTH_CHECKED, "{}");
    struct po_event failed = {.type = PO_EVENT_TYPE_HEALTH_CHECKED,
                              .resource = PO_LIT("x:y"),
                              .action = PO_LIT("check"),
                              .result = PO_EVENT_FAILURE};
    check_ok(cx, po_home_record(cx, set->home, &failed));
    const struct po_json *types =
        fixture_at(fixture_read(cx, again(cx, set), "ledger.types"), "types");
    const struct po_json *row = row_with(types, "type", "health.checked");
    check_eq_int(fixture_int(row, "count"), 2);
    check_eq_int(fixture_int(row, "not_success"), 1);
}

TEST_TIMEOUT(ledger_retention__tells_a_class_kept_beyond_its_period, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    record(cx, set, PO_EVENT_TYPE_HEALTH_CHECKED, "{}"); /* standard: one year */
    const struct po_json *value = fixture_read(cx, again(cx, set), "ledger.retention");
    check_that(fixture_bool(value, "whole"));
    const struct po_json *row = row_with(fixture_at(value, "classes"), "class", "standard");
    check_that(!fixture_bool(row, "beyond_period_and_grace"));
    po_clock_fake_advance(test_clock(), 396 * PO_US_PER_DAY);
    value = fixture_read(cx, again(cx, set), "ledger.retention");
    row = row_with(fixture_at(value, "classes"), "class", "standard");
    check_that(fixture_bool(row, "beyond_period_and_grace"));
    row = row_with(fixture_at(value, "classes"), "class", "permanent");
    check_that(!fixture_bool(row, "beyond_period_and_grace"));
}

/* ---- intents --------------------------------------------------------------------------------------------------- */

static void begin_change(struct po_ctx *cx, struct po_fact_set *set, const char *action,
                         struct po_intent *intent)
{
    *intent = (struct po_intent){.action = action, .resource = PO_LIT("file:x")};
    check_ok(cx, po_intent_begin(cx, set->home, intent));
}

static void try_change(struct po_ctx *cx, struct po_fact_set *set, const char *action,
                       enum po_event_result result)
{
    struct po_intent intent = {0};
    begin_change(cx, set, action, &intent);
    check_ok(cx, po_intent_end(cx, set->home, &intent, result, PO_LIT("{}")));
}

TEST_TIMEOUT(ledger_intents__account_for_every_change_begun, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_intent open = {0};
    const struct po_json *before = fixture_read(cx, set, "ledger.intents");
    int64_t started = fixture_int(before, "started");
    int64_t finished = fixture_int(before, "finished");
    try_change(cx, set, "well.done", PO_EVENT_SUCCESS);
    try_change(cx, set, "retried.later", PO_EVENT_FAILURE);
    try_change(cx, set, "retried.later", PO_EVENT_SUCCESS);
    try_change(cx, set, "never.retried", PO_EVENT_FAILURE);
    begin_change(cx, set, "still.open", &open);
    const struct po_json *value = fixture_read(cx, again(cx, set), "ledger.intents");
    check_eq_int(fixture_int(value, "started") - started, 5);
    check_eq_int(fixture_int(value, "finished") - finished, 2);
    check_eq_int(fixture_int(value, "failed"), 2);
    check_eq_int(fixture_int(value, "failed_resolved"), 1);
    check_eq_int(fixture_int(value, "failed_waiting"), 1);
    check_eq_int(fixture_int(value, "open"), 1);
    check_eq_int(fixture_int(value, "lost"), 0);
    check_eq_str(fixture_str(value, "open_now.0.kind"), "still.open");
    po_clock_fake_advance(test_clock(), 25 * PO_US_PER_HOUR);
    value = fixture_read(cx, again(cx, set), "ledger.intents");
    check_eq_int(fixture_int(value, "failed_waiting"), 0);
    check_that(fixture_int(value, "open_now.0.age_s") >= 25 * 3600);
}

/* An intent that neither the store knows as open nor an event ends. */
TEST_TIMEOUT(ledger_intents__find_one_that_was_lost, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    struct po_intent intent = {0};
    begin_change(cx, set, "lost.one", &intent);
    PO_TX_AUTO *tx = NULL;
    struct po_event other = {.type = PO_EVENT_TYPE_HEALTH_CHECKED,
                             .resource = PO_LIT("x:y"),
                             .action = PO_LIT("check"),
                             .result = PO_EVENT_SUCCESS};
    check_ok(cx, po_tx_begin(cx, po_home_store(set->home), &tx));
    check_ok(cx, po_store_intent_close(cx, tx, intent.event_id));
    check_ok(cx, po_home_commit(cx, set->home, tx, &other));
    const struct po_json *value = fixture_read(cx, again(cx, set), "ledger.intents");
    check_eq_int(fixture_int(value, "lost"), 1);
    check_eq_int(fixture_int(value, "open"), 0);
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

TEST_TIMEOUT(ledger_runs__keep_the_newest_of_each_clause_with_its_proof, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    act_as(cx, "run_first");
    record(cx, set, PO_EVENT_TYPE_CONTROL_TESTED, "{\"clause\":\"B-01.1\",\"state\":\"fail\"}");
    record(cx, set, PO_EVENT_TYPE_CONTROL_TESTED, "{\"clause\":\"A-01.1\",\"state\":\"pass\"}");
    check_ok(cx, po_home_flush(cx, set->home));
    po_clock_fake_advance(test_clock(), PO_US_PER_MIN);
    act_as(cx, "run_second");
    record(cx, set, PO_EVENT_TYPE_CONTROL_TESTED, "{\"clause\":\"B-01.1\",\"state\":\"pass\"}");
    record(cx, set, PO_EVENT_TYPE_CONTROL_TESTED, "{\"other\":1}");
    const struct po_json *value = fixture_read(cx, again(cx, set), "ledger.runs");
    check_eq_int(fixture_int(value, "clauses"), 2);
    check_eq_int(fixture_int(value, "proved"), 2);
    check_eq_str(fixture_str(value, "newest.0.clause"), "A-01.1");
    check_eq_str(fixture_str(value, "newest.1.clause"), "B-01.1");
    check_eq_str(fixture_str(value, "newest.1.state"), "pass");
    check_that(fixture_bool(value, "newest.1.proved"));
    /* this command's own runs are no earlier slot */
    check_eq_int(fixture_at(value, "sessions")->count, 1);
    check_eq_int(fixture_int(value, "sessions.0.runs"), 2);
}

/* ---- changes, jobs ----------------------------------------------------------------------------------------------------- */

TEST_TIMEOUT(ledger_changes__count_who_what_and_why, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    int64_t before = fixture_int(fixture_read(cx, set, "ledger.changes"), "changes");
    record(cx, set, PO_EVENT_TYPE_FLAG_CHANGED,
           "{\"flag\":\"a\",\"old\":\"1\",\"new\":\"2\",\"reason\":\"because\"}");
    record(cx, set, PO_EVENT_TYPE_FLAG_CHANGED,
           "{\"flag\":\"a\",\"old\":\"1\",\"new\":\"2\",\"reason\":\"\"}");
    record(cx, set, PO_EVENT_TYPE_CONFIG_CHANGED, "{\"new\":\"2\"}");
    const struct po_json *value = fixture_read(cx, again(cx, set), "ledger.changes");
    check_eq_int(fixture_int(value, "changes") - before, 3);
    check_eq_int(fixture_int(value, "with_actor") - before, 3);
    check_eq_int(fixture_int(value, "with_values"), 2);
    check_eq_int(fixture_int(value, "with_reason"), 1);
}

TEST_TIMEOUT(ledger_jobs__count_only_runs_by_a_timer_that_ended_well, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    act_as(cx, "run_by_hand");
    record(cx, set, PO_EVENT_TYPE_ASSESSMENT_COMPLETED, "{}");
    check_that(fixture_is_null(fixture_read(cx, again(cx, set), "ledger.jobs"), "jobs.0.last_us"));
    cx->channel = PO_CHANNEL_TIMER;
    act_as(cx, "run_by_timer");
    record(cx, set, PO_EVENT_TYPE_ASSESSMENT_COMPLETED, "{}");
    check_that(fixture_is_null(fixture_read(cx, again(cx, set), "ledger.jobs"), "jobs.0.last_us"));
    act_as(cx, "run_later");
    po_clock_fake_advance(test_clock(), 42 * PO_US_PER_S);
    const struct po_json *value = fixture_read(cx, again(cx, set), "ledger.jobs");
    check_eq_str(fixture_str(value, "jobs.0.name"), "paulyops-assess");
    check_eq_int(fixture_int(value, "jobs.0.age_s"), 42);
    check_that(fixture_is_null(value, "jobs.1.last_us"));
}

/* ---- reports ------------------------------------------------------------------------------------------------------------- */

TEST_TIMEOUT(home_reports__tell_recorded_files_from_others, 60)
{
    TEST_CX(cx);
    static const char body[] = "# report\n";
    struct po_fact_set *set = fixture_home_set(cx);
    uint8_t digest[32];
    char hex[65];
    char detail[200];
    check_ok_leaf(po_sha256(po_str_of(body), digest));
    po_hex_encode(digest, sizeof digest, hex);
    (void)snprintf(detail, sizeof detail, "{\"body_sha256\":\"%s\"}", hex);
    record(cx, set, PO_EVENT_TYPE_REPORT_CREATED, detail);
    fixture_file("home/Reports/good.md", body);
    fixture_file("home/Reports/typed.md", "# by hand\n");
    fixture_file("home/System_Health_Report.md", "# altered\n");
    const struct po_json *value = fixture_read(cx, again(cx, set), "home.reports");
    check_eq_int(fixture_int(value, "count"), 3);
    check_eq_int(fixture_int(value, "recorded"), 1);
    check_eq_int(fixture_int(value, "records"), 1);
    check_that(
        fixture_bool(row_with(fixture_at(value, "files"), "path", "Reports/good.md"), "recorded"));
}

TEST_TIMEOUT(ledger_verification__holds_the_tree_against_positions_of_reports, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    uint8_t root[32];
    char hex[65];
    char detail[200];
    uint64_t size = po_ledger_size(po_home_ledger(set->home));
    check_ok(cx, po_ledger_root_at(cx, po_home_ledger(set->home), size, root));
    po_hex_encode(root, sizeof root, hex);
    (void)snprintf(detail, sizeof detail, "{\"as_of\":{\"size\":%d,\"root\":\"%s\"}}", (int)size,
                   hex);
    record(cx, set, PO_EVENT_TYPE_REPORT_CREATED, detail);
    const struct po_json *value = fixture_read(cx, again(cx, set), "ledger.verification");
    check_that(fixture_bool(value, "ok"));
    check_eq_int(fixture_int(value, "earlier_positions"), 1);
    hex[0] = hex[0] == '0' ? '1' : '0';
    (void)snprintf(detail, sizeof detail, "{\"as_of\":{\"size\":%d,\"root\":\"%s\"}}", (int)size,
                   hex);
    record(cx, set, PO_EVENT_TYPE_REPORT_CREATED, detail);
    value = fixture_read(cx, again(cx, set), "ledger.verification");
    check_that(!fixture_bool(value, "ok"));
    check_eq_str(
        fixture_str(row_with(fixture_at(value, "verdicts"), "kind", "consistency"), "state"),
        "failed");
}

/* ---- plaintext on disk ------------------------------------------------------------------------------------------------------ */

TEST_TIMEOUT(data_raw_scan__finds_nothing_sealed_and_everything_planted, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    act_as(cx, "run_0123456789abcdef");
    record(cx, set, PO_EVENT_TYPE_HEALTH_CHECKED, "{}");
    check_ok(cx, po_home_flush(cx, set->home));
    act_as(cx, "run_later");
    const struct po_json *value = fixture_read(cx, again(cx, set), "data.raw_scan");
    check_that(fixture_bool(value, "planted_session"));
    check_that(fixture_int(value, "files") >= 4);
    check_eq_int(fixture_int(value, "found"), 0);
    check_eq_int(fixture_int(value, "not_read"), 0);
    fixture_file("home/data/dump.txt", "session run_0123456789abcdef did it");
    check_eq_int(fixture_int(fixture_read(cx, again(cx, set), "data.raw_scan"), "found"), 1);
}

/* ---- keys and store ------------------------------------------------------------------------------------------------------------ */

TEST_TIMEOUT(keys_register__tells_ages_and_states_over_a_rotation, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    po_clock_fake_advance(test_clock(), 400 * PO_US_PER_DAY);
    const struct po_json *value = fixture_read(cx, again(cx, set), "keys.register");
    check_eq_int(fixture_int(value, "data_key_count"), 1);
    check_eq_int(fixture_int(value, "data_keys.0.age_days"), 400);
    check_that(fixture_bool(value, "data_keys.0.current") &&
               fixture_bool(value, "data_keys.0.opens"));
    check_that(!fixture_bool(value, "rotation_interrupted"));
    PO_TX_AUTO *tx = NULL;
    uint32_t epoch = 0;
    struct po_event event = {.type = PO_EVENT_TYPE_KEY_ROTATED,
                             .resource = PO_LIT("key:data"),
                             .action = PO_LIT("rotate"),
                             .result = PO_EVENT_SUCCESS};
    check_ok(cx, po_tx_begin(cx, po_home_store(set->home), &tx));
    check_ok(cx, po_store_data_key_rotate(cx, tx, cx->tenant, &epoch));
    check_ok(cx, po_home_commit(cx, set->home, tx, &event));
    record(cx, set, PO_EVENT_TYPE_HEALTH_CHECKED, "{}");
    struct po_fact_set *later = again(cx, set);
    value = fixture_read(cx, later, "keys.register");
    check_eq_int(fixture_int(value, "data_key_count"), 2);
    value = fixture_read(cx, later, "ledger.sealing");
    check_eq_int(fixture_at(value, "epochs")->count, 2);
    check_eq_int(fixture_int(value, "sealed_by_retired"), 0);
    check_eq_int(fixture_int(value, "leaves_with_live_key"), fixture_int(value, "leaves"));
}

TEST_TIMEOUT(store_check__finds_nothing_on_a_new_home, 60)
{
    TEST_CX(cx);
    const struct po_json *value = fixture_read(cx, fixture_home_set(cx), "store.check");
    check_eq_int(fixture_int(value, "findings"), 0);
    check_that(fixture_int(value, "rows") > 0);
    check_eq_int(fixture_int(value, "cells_without_key"), 0);
}

/* ---- a home without its keys ------------------------------------------------------------------------------------------------------ */

TEST_TIMEOUT(ledger_facts__say_that_keys_are_absent_and_count_nothing_as_good, 60)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_home_set(cx);
    PO_CLEANUP(po_ledger_closep) struct po_ledger *ledger = NULL;
    struct po_ledger_options options = {.dir = test_tmp("home/data/ledger"), .is_read_only = true};
    struct po_fact_set *bare = NULL;
    check_ok(cx, po_ledger_open(cx, &options, &ledger));
    check_ok(cx, po_fact_set_new_at(cx, NULL, &set->places, &bare));
    bare->ledger = ledger;
    const struct po_json *events = fixture_read(cx, bare, "ledger.events");
    check_eq_int(fixture_int(events, "valid"), 0);
    check_eq_int(fixture_int(events, "without_key"), fixture_int(events, "checked"));
    check_that(!fixture_bool(fixture_read(cx, bare, "ledger.head"), "can_extend"));
    check_eq_int(fixture_int(fixture_read(cx, bare, "ledger.sequence"), "missing"), 0);
    const struct po_fact_value *value = NULL;
    check_fails(cx, po_fact_get(cx, bare, "keys.register", &value), PO_UNAVAILABLE);
}

/* ---- tenants ------------------------------------------------------------------------------------- */

#define OTHER ((po_tenant_id){300})

static struct po_fact_set *as_other(struct po_ctx *cx, struct po_fact_set *set, unsigned count)
{
    struct po_fact_set *theirs = NULL;
    const struct po_event event = {.type = PO_EVENT_TYPE_USER_INVITED,
                                   .resource = PO_LIT("user:x"),
                                   .action = PO_LIT("invite"),
                                   .result = PO_EVENT_SUCCESS};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(set->home), &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, OTHER, PO_LIT("other")));
    cx->tenant = OTHER;
    check_ok(cx, po_home_commit(cx, set->home, tx, &event));
    for (unsigned i = 1; i < count; i++)
        check_ok(cx, po_home_record(cx, set->home, &event));
    check_ok(cx, po_home_flush(cx, set->home));
    check_ok(cx, po_fact_set_new_at(cx, set->home, &set->places, &theirs));
    return theirs;
}

/* @proves CC6.1 */
TEST_TIMEOUT(ledger_facts__count_the_tenants_own_events_alone, 60)
{
    static const struct {
        const char *name;
        const char *member;
        int64_t theirs;
    } rows[] = {
        {"ledger.events", "checked", 3},       {"ledger.events", "other_tenants", 0},
        {"ledger.sequence", "events", 3},      {"ledger.sequence", "tenants", 1},
        {"ledger.sequence", "missing", 0},     {"ledger.retention", "leaves", 3},
        {"ledger.sealing", "leaves", 3},       {"ledger.sealing", "leaves_with_live_key", 3},
        {"ledger.sealing", "tags_checked", 3}, {"keys.register", "data_key_count", 1},
        {"home.reports", "count", 0},          {"store.check", "findings", 0},
    };
    TEST_CX(cx);
    struct po_fact_set *ours = fixture_home_set(cx);
    int64_t checked = fixture_int(fixture_read(cx, ours, "ledger.events"), "checked");
    int64_t cells = fixture_int(fixture_read(cx, ours, "store.check"), "cells_opened");
    struct po_fact_set *theirs = as_other(cx, ours, 3);
    TEST_EACH(row, rows)
    {
        check_eq_int(fixture_int(fixture_read(cx, theirs, row->name), row->member), row->theirs);
    }
    test_row(NULL);
    check_eq_int(fixture_int(fixture_read(cx, theirs, "keys.register"), "data_keys.0.tenant"), 300);
    cx->tenant = PO_TENANT_DEFAULT;
    ours = again(cx, ours);
    check_eq_int(fixture_int(fixture_read(cx, ours, "ledger.events"), "checked"), checked);
    check_eq_int(fixture_int(fixture_read(cx, ours, "store.check"), "cells_opened"), cells);
    check_eq_int(fixture_int(fixture_read(cx, ours, "keys.register"), "data_key_count"), 1);
    check_eq_int(fixture_int(fixture_read(cx, ours, "ledger.sequence"), "tenants"), 1);
}

/* Facts of the instance are the default tenant's reading, once for all that share. */
TEST_TIMEOUT(facts_of_the_instance__are_read_once_for_every_tenant, 60)
{
    TEST_CX(cx);
    TEST_CX(own);
    struct po_fact_set *ours = fixture_home_set(cx);
    struct po_fact_set *shared = NULL;
    const struct po_fact_value *first = NULL;
    const struct po_fact_value *second = NULL;
    struct po_fact_set *theirs = as_other(cx, ours, 2);
    /* alone: a set of its own is made when one is needed */
    const struct po_json *verified = fixture_read(cx, theirs, "ledger.verification");
    check_that(fixture_bool(verified, "ok"));
    check_eq_u64(cx->tenant.value, 300);
    check_that(theirs->instance != NULL && theirs->instance->tenant.value == 1);
    /* shared */
    check_ok(own, po_fact_set_new_shared(own, ours->home, &shared));
    check_ok(cx, po_fact_set_new_at(cx, ours->home, &ours->places, &theirs));
    po_fact_set_share(theirs, shared);
    check_ok(cx, po_fact_get(cx, theirs, "ledger.head", &first));
    check_eq_u64(cx->tenant.value, 300);
    cx->tenant = PO_TENANT_DEFAULT;
    check_ok(cx, po_fact_set_new_at(cx, ours->home, &ours->places, &ours));
    po_fact_set_share(ours, shared);
    check_ok(cx, po_fact_get(cx, ours, "ledger.head", &second));
    check_that(first == second, "read once");
    check_fails(cx, po_fact_get(cx, ours, "no.such", &second), PO_NOTFOUND);
    check_contains(po_err_msg(cx), "no.such");
    check_eq_cstr(po_err_msg(own), "");
}

/* Of each name in the list there is a fact, and what the list does not name is the instance's. */
TEST(fact_is_of_instance__knows_the_facts_of_the_ledger)
{
    size_t count = 0;
    size_t own = 0;
    const struct po_fact *table = po_fact_table(&count);
    for (size_t i = 0; i < count; i++) {
        test_row(table[i].name);
        bool is_of_instance = po_fact_is_of_instance(po_str_of(table[i].name));
        own += is_of_instance ? 0 : 1;
        bool is_drill = table[i].cost == PO_FACT_DRILL;
        check_that(is_of_instance || !is_drill, "a drill is made once");
    }
    test_row(NULL);
    check_eq_u64(own, 14);
    check_that(po_fact_is_of_instance(PO_LIT("drill.kill")));
    check_that(!po_fact_is_of_instance(PO_LIT("ledger.runs")));
}

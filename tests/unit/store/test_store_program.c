/*
 * Grants keep their history, keys of trust are replaced by name, texts are kept once.
 */
#include "core/fs.h"
#include "unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>

static struct po_store_grant make_grant(uint8_t fill, po_time_us effective_us)
{
    struct po_store_grant grant = {.file = PO_LIT("backup_age.script"),
                                   .entry = PO_LIT("age"),
                                   .clause = PO_LIT("GOV-01.2"),
                                   .caps = PO_LIT("{\"fact\":[\"store.check\"]}"),
                                   .granted_us = TEST_CLOCK_START_US,
                                   .effective_us = effective_us};
    memset(grant.digest, fill, sizeof grant.digest);
    return grant;
}

static uint64_t add(struct po_ctx *cx, struct po_store *store, const struct po_store_grant *grant)
{
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, store, &tx));
    check_ok(cx, po_store_grant_add(cx, tx, grant, &id));
    fixture_commit(cx, tx);
    return id;
}

static po_rc revoke(struct po_ctx *cx, struct po_store *store, uint64_t id)
{
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, store, &tx));
    PO_TRY(cx, po_store_grant_revoke(cx, tx, id));
    fixture_commit(cx, tx);
    return po_rc_ok();
}

TEST(grant__is_kept_with_its_history)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    (void)snprintf(cx->actor, sizeof cx->actor, "os:1000");
    const struct po_store_grant now = make_grant(1, TEST_CLOCK_START_US);
    const struct po_store_grant later = make_grant(2, TEST_CLOCK_START_US + PO_US_PER_DAY);
    check_eq_u64(add(cx, fixture.store, &now), 1);
    check_eq_u64(add(cx, fixture.store, &later), 2);
    po_clock_fake_advance(test_clock(), PO_US_PER_S);
    check_ok(cx, revoke(cx, fixture.store, 1));
    check_fails(cx, revoke(cx, fixture.store, 1), PO_NOTFOUND);
    check_fails(cx, revoke(cx, fixture.store, 9), PO_NOTFOUND);
    fixture_reopen(cx, &fixture);
    struct po_store_grant *grants = NULL;
    size_t count = 0;
    check_ok(cx, po_store_grant_list(cx, fixture.store, &grants, &count));
    check_eq_u64(count, 2);
    check_eq_str(grants[0].file, "backup_age.script");
    check_eq_str(grants[0].entry, "age");
    check_eq_str(grants[0].clause, "GOV-01.2");
    check_eq_str(grants[0].caps, "{\"fact\":[\"store.check\"]}");
    check_eq_str(grants[0].author, "os:1000");
    check_eq_int(grants[0].revoked_us, TEST_CLOCK_START_US + PO_US_PER_S);
    check_eq_int(grants[1].effective_us, later.effective_us);
    check_eq_int(grants[1].granted_us, TEST_CLOCK_START_US);
    check_eq_int(grants[1].revoked_us, 0);
    check_eq_mem(grants[1].digest, later.digest, sizeof later.digest);
}

TEST(grant__refuses_what_cannot_be)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    static char text[PO_STORE_GRANT_FILE_BYTES_MAX + 1];
    static char caps[PO_STORE_VALUE_BYTES_MAX + 1];
    memset(text, 'a', sizeof text);
    memset(caps, ' ', sizeof caps);
    struct po_store_grant rows[5];
    for (size_t i = 0; i < 5; i++)
        rows[i] = make_grant(1, TEST_CLOCK_START_US);
    rows[0].file = PO_LIT("");
    rows[1].file = po_str_n(text, sizeof text);
    rows[2].entry = po_str_n(text, 256);
    rows[3].clause = po_str_n(text, 129);
    rows[4].effective_us--;
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    for (size_t i = 0; i < 5; i++)
        check_fails(cx, po_store_grant_add(cx, tx, &rows[i], &id), PO_INVALID);
    struct po_store_grant large = make_grant(1, TEST_CLOCK_START_US);
    large.caps = po_str_n(caps, sizeof caps);
    check_fails(cx, po_store_grant_add(cx, tx, &large, &id), PO_LIMIT);
}

/* @proves CC6.1 */
TEST(grant__of_one_tenant_is_unseen_by_another_and_sealed)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    struct po_store_grant grant = make_grant(1, TEST_CLOCK_START_US);
    grant.caps = PO_LIT("{\"fs_read\":[\"/SENTINEL\"]}");
    check_eq_u64(add(cx, fixture.store, &grant), 1);
    cx->tenant = (po_tenant_id){2};
    struct po_store_grant *grants = NULL;
    size_t count = 9;
    bool has = true;
    check_ok(cx, po_store_grant_list(cx, fixture.store, &grants, &count));
    check_eq_u64(count, 0);
    check_ok(cx, po_store_program_has(cx, fixture.store, grant.digest, &has));
    check_that(!has);
    po_store_closep(&fixture.store);
    size_t len = 0;
    char *bytes = test_read_file(test_tmp("paulyops.db"), &len);
    check_that(po_str_find(po_str_n(bytes, len), PO_LIT("SENTINEL"), 0) == SIZE_MAX);
    free(bytes);
}

TEST(grant__swapped_between_rows_is_refused_and_found)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    const struct po_store_grant first = make_grant(1, TEST_CLOCK_START_US);
    struct po_store_grant second = make_grant(2, TEST_CLOCK_START_US);
    second.caps = PO_LIT("{\"exec\":[\"/bin/sh *\"]}");
    (void)add(cx, fixture.store, &first);
    (void)add(cx, fixture.store, &second);
    po_store_closep(&fixture.store);
    fixture_tamper("UPDATE program_grant SET caps = (SELECT caps FROM program_grant WHERE id = 2)"
                   " WHERE id = 1");
    fixture_reopen(cx, &fixture);
    struct po_store_grant *grants = NULL;
    size_t count = 0;
    struct po_store_check check = {0};
    check_fails(cx, po_store_grant_list(cx, fixture.store, &grants, &count), PO_TAMPER);
    po_err_clear(cx);
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_eq_u64(check.finding_count, 1);
    check_eq_cstr(check.findings[0].table, "program_grant");
    check_eq_cstr(check.findings[0].row, "1");
}

TEST(grant__of_another_program_or_an_earlier_day_does_not_open)
{
    static const char *const edits[] = {
        "UPDATE program_grant SET digest = zeroblob(32)",
        "UPDATE program_grant SET effective_us = granted_us",
        "UPDATE program_grant SET granted_us = granted_us - 1",
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        TEST_CX(cx);
        FIXTURE_AUTO fixture = {0};
        const struct po_store_grant grant = make_grant(1, TEST_CLOCK_START_US + PO_US_PER_DAY);
        struct po_store_grant *grants = NULL;
        size_t count = 0;
        test_row(edits[i]);
        check_ok(cx, po_fs_remove_tree(cx, test_tmpdir(), 20));
        check_ok(cx, po_fs_mkdir(cx, test_tmpdir(), 0700));
        fixture_create(cx, &fixture);
        (void)add(cx, fixture.store, &grant);
        po_store_closep(&fixture.store);
        fixture_tamper(edits[i]);
        fixture_reopen(cx, &fixture);
        check_fails(cx, po_store_grant_list(cx, fixture.store, &grants, &count), PO_TAMPER);
        check_contains(po_err_msg(cx), "grant 1 is not the one that was given");
        po_err_clear(cx);
    }
    test_row(NULL);
}

TEST(trust__is_set_replaced_and_removed_by_name)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    const struct po_store_trust_key vendor = {PO_LIT("acme"), PO_LIT("acme+1+x"), PO_LIT("vendor"),
                                              0};
    struct po_store_trust_key own = {PO_LIT("us"), PO_LIT("us+1+x"), PO_LIT("organisation"), 0};
    const struct po_store_trust_key bad[] = {
        {PO_LIT("us"), PO_LIT("us+1+x"), PO_LIT("system"), 0},
        {PO_LIT(""), PO_LIT("us+1+x"), PO_LIT("vendor"), 0},
        {PO_LIT("us"), PO_LIT(""), PO_LIT("vendor"), 0},
    };
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_fails(cx, po_store_trust_set(cx, tx, &bad[i]), PO_INVALID);
    check_ok(cx, po_store_trust_set(cx, tx, &own));
    check_ok(cx, po_store_trust_set(cx, tx, &vendor));
    own.vkey = PO_LIT("us+2+y");
    check_ok(cx, po_store_trust_set(cx, tx, &own));
    fixture_commit(cx, tx);
    fixture_reopen(cx, &fixture);
    struct po_store_trust_key *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_store_trust_list(cx, fixture.store, &keys, &count));
    check_eq_u64(count, 2);
    check_eq_str(keys[0].name, "acme");
    check_eq_str(keys[1].vkey, "us+2+y");
    check_eq_str(keys[1].level, "organisation");
    check_eq_int(keys[1].time_us, TEST_CLOCK_START_US);
    po_tx_freep(&tx);
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_trust_remove(cx, tx, PO_LIT("acme")));
    check_fails(cx, po_store_trust_remove(cx, tx, PO_LIT("acme")), PO_NOTFOUND);
    fixture_commit(cx, tx);
    check_ok(cx, po_store_trust_list(cx, fixture.store, &keys, &count));
    check_eq_u64(count, 1);
}

TEST(program__texts_are_remembered_once)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    const uint8_t digest[PO_SHA256_BYTES] = {7};
    bool has = true;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_store_program_has(cx, fixture.store, digest, &has));
    check_that(!has);
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_program_add(cx, tx, digest));
    check_ok(cx, po_store_program_add(cx, tx, digest));
    fixture_commit(cx, tx);
    fixture_reopen(cx, &fixture);
    check_ok(cx, po_store_program_has(cx, fixture.store, digest, &has));
    check_that(has);
}

/* A grant, a key and a text in one transaction: all of it or nothing. */
static po_rc give_all(struct po_ctx *cx, struct po_store *store, size_t *ret_grants,
                      size_t *ret_keys)
{
    PO_TX_AUTO *tx = NULL;
    uint64_t id = 0;
    struct po_store_grant *grants = NULL;
    struct po_store_trust_key *keys = NULL;
    const struct po_store_grant grant = make_grant(3, po_ctx_now_us(cx));
    const struct po_store_trust_key key = {PO_LIT("k"), PO_LIT("k+1+x"), PO_LIT("vendor"), 0};
    PO_TRY(cx, po_tx_begin(cx, store, &tx));
    PO_TRY(cx, po_store_grant_add(cx, tx, &grant, &id));
    PO_TRY(cx, po_store_trust_set(cx, tx, &key));
    PO_TRY(cx, po_store_program_add(cx, tx, grant.digest));
    const struct po_store_pending event = fixture_next_event();
    PO_TRY(cx, po_tx_commit(cx, tx, &event));
    PO_TRY(cx, po_store_grant_list(cx, store, &grants, ret_grants));
    return po_store_trust_list(cx, store, &keys, ret_keys);
}

static void give_failing(struct po_ctx *cx, void *user)
{
    struct fixture *fixture = user;
    struct po_store_grant *grants = NULL;
    size_t before = 0;
    size_t count = 0;
    size_t keys = 0;
    fixture_reopen(cx, fixture);
    check_ok(cx, po_store_grant_list(cx, fixture->store, &grants, &before));
    fixture_arm();
    bool is_done = fixture_survived(cx, give_all(cx, fixture->store, &count, &keys));
    po_err_clear(cx);
    if (is_done) check_that(count == before + 1 && keys == 1);
    fixture_reopen(cx, fixture);
    check_ok(cx, po_store_grant_list(cx, fixture->store, &grants, &count));
    check_that(count == before + 1 || (!is_done && count == before));
}

TEST_TIMEOUT(program__grants_fail_cleanly, 240)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    fixture_each_fault(give_failing, &fixture);
}

/*
 * Tenants: how they are made and named, and that signing in tells nobody which there are.
 */
#include "unit/identity/credential_fixture.h"

#include "identity/identity_priv.h"
#include "unit/identity/identity_fixture.h"

#include <stdio.h>

static po_tenant_id make(struct po_ctx *cx, struct po_home *home, const char *name)
{
    po_tenant_id id = {0};
    char actor[PO_ACTOR_BYTES_MAX];
    memcpy(actor, cx->actor, sizeof actor);
    (void)snprintf(cx->actor, sizeof cx->actor, "os:1000");
    check_ok(cx, po_tenant_create(cx, home, po_str_of(name), &id));
    memcpy(cx->actor, actor, sizeof actor);
    return id;
}

/* ---- names ------------------------------------------------------------------------------------- */

TEST(tenant__names_have_one_spelling)
{
    static const struct {
        const char *name;
        bool is_good;
    } rows[] = {
        {"a", true},
        {"acme", true},
        {"acme-2", true},
        {"a1", true},
        {"", false},
        {"Acme", false},
        {"1acme", false},
        {"-acme", false},
        {"acme-", false},
        {"ac me", false},
        {"acme\n", false},
        {"ac\033[mme", false},
        {"\320\260cme", false},
        {"acme\342\200\256", false},
        {"acme.de", false},
        {"a/b", false},
        {"a_b", false},
    };
    TEST_EACH(row, rows) { check_that(po_tenant_is_name(po_str_of(row->name)) == row->is_good); }
    char longest[PO_TENANT_NAME_BYTES_MAX + 1];
    memset(longest, 'a', sizeof longest);
    check_that(po_tenant_is_name(po_str_n(longest, PO_TENANT_NAME_BYTES_MAX)));
    check_that(!po_tenant_is_name(po_str_n(longest, sizeof longest)));
    check_that(!po_tenant_is_name(po_str_n("a\0b", 3)));
}

/* ---- making ------------------------------------------------------------------------------------ */

/* @proves CC6.1 */
TEST(tenant__is_made_with_a_key_and_an_event_of_its_own)
{
    TEST_CX(cx);
    struct po_tenant *tenants = NULL;
    struct po_tenant tenant = {0};
    const struct po_secret *ours = NULL;
    const struct po_secret *theirs = NULL;
    size_t count = 0;
    uint32_t epoch = 0;
    char number[32];
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    act_local(cx);
    po_tenant_id id = make(cx, home, "acme");
    check_that(id.value >= (uint64_t)1 << 40 && id.value < (uint64_t)1 << 48);
    check_eq_u64(cx->tenant.value, 1); /* as before */
    check_ok(cx, po_tenant_list(cx, home, &tenants, &count));
    check_eq_u64(count, 2);
    check_eq_str(tenants[0].name, "default");
    check_eq_str(tenants[1].name, "acme");
    (void)snprintf(number, sizeof number, "%lu", (unsigned long)id.value);
    check_ok(cx, po_tenant_get(cx, home, po_str_of(number), &tenant));
    check_eq_str(tenant.name, "acme");
    check_ok(cx, po_tenant_get(cx, home, PO_LIT("acme"), &tenant));
    check_eq_u64(tenant.id.value, id.value);
    check_fails(cx, po_tenant_get(cx, home, PO_LIT("nobody"), &tenant), PO_NOTFOUND);
    check_fails(cx, po_tenant_get(cx, home, PO_LIT("2"), &tenant), PO_NOTFOUND);
    check_ok(cx, po_store_data_key_get(cx, po_home_store(home), PO_TENANT_DEFAULT, &epoch, &ours));
    check_ok(cx, po_store_data_key_get(cx, po_home_store(home), id, &epoch, &theirs));
    check_that(!po_str_eq_secret(po_secret_bytes(ours), po_secret_bytes(theirs)));
    /* its event is in its own ledger, and the default tenant has the one of `init` alone */
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_TENANT_CREATED).count, 1);
    cx->tenant = id;
    struct seen seen = events(cx, home, PO_EVENT_TYPE_TENANT_CREATED);
    check_eq_u64(seen.count, 1);
    check_contains(seen.resource, number);
    check_eq_cstr(seen.user, "os:1000");
}

TEST(tenant__a_name_is_taken_once)
{
    TEST_CX(cx);
    po_tenant_id id = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    act_local(cx);
    (void)make(cx, home, "acme");
    static const struct {
        const char *name;
        enum po_code code;
    } rows[] = {
        {"acme", PO_EXISTS}, {"default", PO_EXISTS}, {"ACME", PO_INVALID}, {"", PO_INVALID}};
    TEST_EACH(row, rows)
    {
        check_fails(cx, po_tenant_check_new(cx, home, po_str_of(row->name)), row->code);
        check_fails(cx, po_tenant_create(cx, home, po_str_of(row->name), &id), row->code);
        check_eq_u64(cx->tenant.value, 1);
    }
    check_eq_u64(id.value, 0);
    for (int i = 2; i < PO_STORE_TENANTS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i);
        (void)make(cx, home, name);
    }
    check_fails(cx, po_tenant_create(cx, home, PO_LIT("more"), &id), PO_LIMIT);
}

TEST(tenant__is_made_on_the_machine_only)
{
    TEST_CX(cx);
    po_tenant_id id = {0};
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct person owner = person_make(cx, home, "owner", "owner");
    act_as(cx, &owner);
    check_fails(cx, po_tenant_create(cx, home, PO_LIT("acme"), &id), PO_DENIED);
    struct seen seen = events(cx, home, PO_EVENT_TYPE_ACCESS_DENIED);
    check_contains(seen.detail, "tenant.local");
    cx->actor[0] = '\0';
    check_fails(cx, po_tenant_create(cx, home, PO_LIT("acme"), &id), PO_UNAUTH);
    PO_HOME_AUTO *none = NULL;
    check_ok(cx, po_home_close(cx, &home));
    none = home_open(cx, PO_HOME_READ_ONLY);
    act_local(cx);
    check_fails(cx, po_tenant_create(cx, none, PO_LIT("acme"), &id), PO_UNAVAILABLE);
}

/* All of it or nothing; whoever asked is where they were. */
TEST_FAULTS_SITES(tenant__is_made_whole_or_not_at_all)
{
    TEST_CX(cx);
    po_tenant_id id = {0};
    struct po_tenant *tenants = NULL;
    size_t count = 0;
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    act_local(cx);
    test_faults_arm();
    po_rc rc = po_tenant_create(cx, home, PO_LIT("acme"), &id);
    test_faults_off();
    check_eq_u64(cx->tenant.value, 1);
    if (!test_survived(rc)) check_eq_u64(id.value, 0);
    po_err_clear(cx);
    po_home_abandonp(&home);
    home = home_open(cx, PO_HOME_READ_WRITE);
    check_ok(cx, po_tenant_list(cx, home, &tenants, &count));
    check_that(count == 2 || (!po_is_ok(rc) && count == 1));
    if (count == 1) return;
    cx->tenant = tenants[1].id;
    check_eq_str(tenants[1].name, "acme");
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_TENANT_CREATED).count, 1);
}

/* ---- signing in -------------------------------------------------------------------------------- */

/* acme with the same address and another password. */
static po_tenant_id add_acme(struct po_ctx *cx, struct site *site, const char *password)
{
    po_tenant_id id = make(cx, site->home, "acme");
    cx->tenant = id;
    site_add_user(cx, site, SITE_EMAIL, "active", password);
    cx->tenant = PO_TENANT_DEFAULT;
    return id;
}

static const struct {
    const char *name;
    const char *email;
    const char *password;
} refused[] = {
    {"acme", SITE_EMAIL, SITE_PASSWORD},           /* the default tenant's password */
    {"acme", "nobody@kontor.example", "whatever"}, /* nobody there */
    {"nobody", SITE_EMAIL, SITE_PASSWORD},         /* no such tenant */
    {"nobody", SITE_EMAIL, "another password"},
    {"1", SITE_EMAIL, SITE_PASSWORD}, /* an id is no name */
    {"", SITE_EMAIL, "another password"},
    {"default", SITE_EMAIL, "another password"},
};

/* One text, one hash, one event, one failure counted: whatever is wrong. */
TEST(signin__nobody_can_tell_a_tenant_that_is_not_there)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    po_tenant_id acme = add_acme(cx, &site, "brass kettle hums a tune");
    TEST_EACH(row, refused)
    {
        PO_CREDENTIAL_JOB_AUTO job = {0};
        PO_SIGNIN_OUTCOME_AUTO outcome = {0};
        struct po_credential_answer answer;
        uint64_t before = 0;
        uint64_t after = 0;
        const struct po_signin_request request = {.tenant = po_str_of(row->name),
                                                  .email = po_str_of(row->email),
                                                  .password = po_str_of(row->password)};
        check_ok(cx, po_store_pending_count(cx, po_home_store(site.home), &before));
        check_ok(cx, po_signin_begin(cx, site.home, &request, &job));
        uint64_t work = po_password_work_count();
        check_ok_leaf(po_credential_work(&job, &answer));
        check_eq_u64(po_password_work_count() - work, 1);
        check_fails(cx, po_signin_finish(cx, site.home, &job, &answer, &outcome), PO_UNAUTH);
        check_eq_cstr(po_err_msg(cx), "the e-mail address or the password is not right");
        check_ok(cx, po_store_pending_count(cx, po_home_store(site.home), &after));
        check_eq_u64(after - before, 1);
        bool is_acme = strcmp(row->name, "acme") == 0;
        check_eq_u64(cx->tenant.value, is_acme ? acme.value : 1);
        /* no answer of a keeper lets anybody into what is not there */
        answer.is_right = strcmp(row->name, "nobody") == 0;
        if (answer.is_right)
            check_fails(cx, po_signin_finish(cx, site.home, &job, &answer, &outcome), PO_UNAUTH);
        site_wait(PO_US_PER_DAY);
    }
}

TEST(signin__the_same_address_is_another_account_in_each_tenant)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    static const char *const names[] = {"acme", "ACME", "default", ""};
    struct po_identity identity = {0};
    site_open(cx, &site, false);
    po_tenant_id acme = add_acme(cx, &site, SITE_PASSWORD);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PO_CREDENTIAL_JOB_AUTO job = {0};
        const struct po_credential_answer right = {.is_right = true};
        const struct po_signin_request request = {.tenant = po_str_of(names[i]),
                                                  .email = PO_LIT(SITE_EMAIL),
                                                  .password = PO_LIT(SITE_PASSWORD)};
        po_signin_outcome_done(&outcome);
        check_ok(cx, po_signin_begin(cx, site.home, &request, &job));
        check_ok(cx, po_signin_finish(cx, site.home, &job, &right, &outcome));
        check_that((strcmp(outcome.user, site.user) == 0) == (i >= 2));
        cx->tenant = i < 2 ? PO_TENANT_DEFAULT : acme; /* the cookie says whose it is */
        check_ok(cx, po_identity_from_session(cx, site.home, po_secret_bytes(outcome.secret),
                                              &identity));
        check_eq_u64(identity.tenant.value, i < 2 ? acme.value : 1);
    }
}

/* Attempts at one tenant leave the same address of another alone, also when it is not there. */
TEST(signin__an_account_is_locked_in_its_own_tenant)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    (void)add_acme(cx, &site, SITE_PASSWORD);
    static const char *const names[] = {"acme", "nobody", "nothing", ""};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        for (int i = 1; i <= 6; i++) {
            PO_CREDENTIAL_JOB_AUTO job = {0};
            PO_SIGNIN_OUTCOME_AUTO outcome = {0};
            const struct po_credential_answer wrong = {0};
            char ip[32];
            const struct po_signin_request request = {.tenant = po_str_of(names[n]),
                                                      .email = PO_LIT(SITE_EMAIL),
                                                      .password = PO_LIT("x")};
            (void)snprintf(ip, sizeof ip, "198.51.%d.%d", (int)n, i);
            site_ip(cx, ip);
            po_rc rc = po_signin_begin(cx, site.home, &request, &job);
            check_eq_int(rc.code, i <= 5 ? PO_OK : PO_RATE); /* for each the sixth */
            po_err_clear(cx);
            if (!po_is_ok(rc)) continue;
            check_fails(cx, po_signin_finish(cx, site.home, &job, &wrong, &outcome), PO_UNAUTH);
        }
    }
}

/* Naming other tenants gives the guesser no further tries, and counting them tells nothing. */
TEST(signin__a_source_is_counted_for_all_tenants_together)
{
    static const char *const names[][2] = {{"acme", ""}, {"nobody", ""}, {"nobody", "acme"}};
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    (void)add_acme(cx, &site, SITE_PASSWORD);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        char ip[32];
        (void)snprintf(ip, sizeof ip, "203.0.113.%d", (int)n);
        site_ip(cx, ip);
        for (int i = 1; i <= 21; i++) {
            PO_CREDENTIAL_JOB_AUTO job = {0};
            PO_SIGNIN_OUTCOME_AUTO outcome = {0};
            const struct po_credential_answer wrong = {0};
            char email[64];
            (void)snprintf(email, sizeof email, "p%d-%d@kontor.example", (int)n, i);
            const struct po_signin_request request = {.tenant = po_str_of(names[n][i % 2]),
                                                      .email = po_str_of(email),
                                                      .password = PO_LIT("x")};
            po_rc rc = po_signin_begin(cx, site.home, &request, &job);
            check_eq_int(rc.code, i <= 20 ? PO_OK : PO_RATE);
            po_err_clear(cx);
            if (!po_is_ok(rc)) continue;
            check_fails(cx, po_signin_finish(cx, site.home, &job, &wrong, &outcome), PO_UNAUTH);
        }
    }
}

/* A link or ticket says of which tenant it is; nothing else does. */
TEST(link__leads_into_its_own_tenant)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    PO_CLEANUP(po_secret_freep) struct po_secret *link = NULL;
    enum po_link_kind kind = PO_LINK_INVITE;
    char user[PO_CREDENTIAL_USER_BYTES_MAX];
    struct po_user found = {0};
    site_open(cx, &site, false);
    po_tenant_id acme = add_acme(cx, &site, SITE_PASSWORD);
    cx->tenant = acme;
    check_ok(cx, po_user_get(cx, site.home, PO_LIT(SITE_EMAIL), &found));
    const struct po_link_request request = {.kind = PO_LINK_RESET, .user = po_str_of(found.id)};
    act_local(cx);
    check_ok(cx, po_link_create(cx, site.home, &request, &link));
    cx->tenant = PO_TENANT_DEFAULT;
    (void)snprintf(cx->request, sizeof cx->request, "req_1");
    (void)snprintf(cx->actor, sizeof cx->actor, "user:%s", site.user); /* signed in elsewhere */
    (void)snprintf(cx->session, sizeof cx->session, "ses_1");
    check_ok(cx, po_link_find(cx, site.home, po_secret_bytes(link), &kind, user));
    check_eq_cstr(user, found.id);
    check_eq_u64(cx->tenant.value, acme.value);
    check_eq_cstr(cx->actor, "anonymous"); /* nobody of another tenant is named in its events */
    check_eq_cstr(cx->session, "req_1");
    cx->tenant = PO_TENANT_DEFAULT;
    check_fails(cx, po_link_find(cx, site.home, PO_LIT("no such link"), &kind, user), PO_EXPIRED);
    check_eq_u64(cx->tenant.value, 1);
}

/* Whoever cannot be led into a tenant stays where they are. */
TEST_FAULTS_SITES(tenant_enter__goes_there_or_stays)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    bool is_known = false;
    site_open(cx, &site, false);
    po_tenant_id acme = make(cx, site.home, "acme");
    test_faults_arm();
    po_rc rc = po_tenant_enter_named(cx, site.home, PO_LIT("acme"), &is_known);
    test_faults_off();
    bool is_there = test_survived(rc);
    check_that(is_known == is_there);
    check_eq_u64(cx->tenant.value, is_there ? acme.value : 1);
}

TEST(enrolment__names_the_organisation_to_its_own_people_only)
{
    TEST_CX(cx);
    SITE_AUTO site = {0};
    site_open(cx, &site, false);
    check_eq_str(po_credential_policy_get(cx, site.home).issuer, "Kontor");
    cx->tenant = make(cx, site.home, "acme");
    check_eq_str(po_credential_policy_get(cx, site.home).issuer, "PaulyOps");
    check_eq_str(po_credential_policy_get(cx, site.home).organisation, "");
}

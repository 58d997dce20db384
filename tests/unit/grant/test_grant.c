/*
 * Grants bind to a text, wait when they change things, and leave an event each time.
 */
#include "grant/grant.h"
#include "store/store.h"
#include "unit/home/home_fixture.h"
#include "unit/program/runner_fixture.h"

#include <stdio.h>

static const char reads[] = "import * as fact from \"host/fact\"\n"
                            "@check(id = \"a\")\n@needs(fact = \"home.config\")\n"
                            "fn reads() -> bool { fact.home_config().options.valid }\n";
static const char writes[] = "import * as fs from \"host/fs\"\n"
                             "@repair(id = \"w\")\n@needs(fs_write = \"~/logs/**\")\n"
                             "fn writes() -> Result<(), Error> { fs.write(\"~/logs/a\", \"\") }\n";
static const char connects[] =
    "import * as net from \"host/net\"\n"
    "@check(id = \"n\")\n@needs(net = \"*:443\")\n"
    "fn connects() -> int { net.tcp_check(\"a\", 443, 1).unwrap_or(0) }\n";

static struct po_program load(struct po_ctx *cx, const char *text)
{
    static struct po_script_diags diags;
    const struct po_bundle_text file = {PO_LIT("x.script"), po_str_of(text)};
    struct po_bundle *bundle = NULL;
    struct po_program program = {0};
    check_ok(cx, po_bundle_open_texts(cx, PO_LIT("test"), &file, 1, &bundle));
    check_eq_u64(po_bundle_program_count(bundle), 1);
    check_ok(cx, po_program_load(cx, bundle, PO_LIT("x.script"),
                                 po_bundle_program_at(bundle, 0)->entry, &diags, &program));
    return program;
}

static po_rc give(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                  const char *reason, struct po_grant *ret_grant)
{
    const struct po_grant_options options = {PO_LIT("x.script"), po_str_of(reason)};
    return po_grant_give(cx, home, program, &options, ret_grant);
}

static struct po_grant find(struct po_ctx *cx, struct po_home *home,
                            const struct po_program *program)
{
    struct po_grant grant = {0};
    check_ok(cx, po_grant_find(cx, home, program->digest, &grant));
    return grant;
}

struct seen {
    char detail[8192];
    char user[64];
    size_t count;
};

static po_rc take(struct po_ctx *step, void *user, const struct po_home_event *event,
                  bool *ret_stop)
{
    (void)step;
    (void)ret_stop;
    struct seen *seen = user;
    if (seen->count++ > 0) return po_rc_ok();
    (void)snprintf(seen->detail, sizeof seen->detail, "%.*s", (int)event->view.detail.len,
                   event->view.detail.ptr);
    return po_rc_ok();
}

/* The newest event of a type, and how many there are. */
static struct seen events(struct po_ctx *cx, struct po_home *home, enum po_event_type type)
{
    static struct seen seen;
    seen = (struct seen){0};
    check_ok(cx, po_home_flush(cx, home));
    const struct po_home_walk walk = {
        .type = type, .size = po_ledger_size(po_home_ledger(home)), .visit = take, .user = &seen};
    check_ok(cx, po_home_walk_back(cx, home, &walk));
    return seen;
}

TEST(grant__of_reading_holds_at_once_and_is_told)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_CLEANUP(po_program_done) struct po_program program = load(cx, reads);
    struct po_grant grant = {0};
    check_eq_int(find(cx, home, &program).state, PO_GRANT_NONE);
    check_that(!po_grant_waits(&program.row.needs));
    check_ok(cx, give(cx, home, &program, NULL, &grant));
    check_eq_int(grant.state, PO_GRANT_IN_FORCE);
    check_eq_int(find(cx, home, &program).state, PO_GRANT_IN_FORCE);
    grant = find(cx, home, &program);
    check_that(po_caps_allow(&grant.caps, PO_CAP_FACT, PO_LIT("home.config")));
    check_fails(cx, give(cx, home, &program, NULL, &grant), PO_EXISTS);
    po_err_clear(cx);
    struct seen seen = events(cx, home, PO_EVENT_TYPE_PROGRAM_GRANTED);
    check_eq_u64(seen.count, 1);
    check_contains(seen.detail, "\"capabilities\":{\"fact\":[\"home.config\"]}");
    check_contains(seen.detail, "\"program_sha256\":\"");
}

TEST(grant__does_not_fit_another_text)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_CLEANUP(po_program_done) struct po_program program = load(cx, reads);
    struct po_grant grant = {0};
    char other[sizeof reads + 4];
    (void)snprintf(other, sizeof other, "%s//\n", reads);
    check_ok(cx, give(cx, home, &program, NULL, &grant));
    PO_CLEANUP(po_program_done) struct po_program changed = load(cx, other);
    check_eq_int(find(cx, home, &changed).state, PO_GRANT_NONE);
    check_ok(cx, give(cx, home, &changed, NULL, &grant));
    check_eq_int(find(cx, home, &program).state, PO_GRANT_IN_FORCE);
}

/* @proves CC8.1 */
TEST(grant__of_writing_waits_and_can_be_cancelled)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_CLEANUP(po_program_done) struct po_program program = load(cx, writes);
    struct po_grant grant = {0};
    size_t revoked = 0;
    check_fails(cx, give(cx, home, &program, NULL, &grant), PO_USAGE);
    check_fails(cx, give(cx, home, &program, "  ", &grant), PO_USAGE);
    po_err_clear(cx);
    check_ok(cx, give(cx, home, &program, "tidies", &grant));
    check_eq_int(grant.state, PO_GRANT_WAITING);
    check_eq_int(grant.effective_us, po_ctx_now_us(cx) + 24 * PO_US_PER_HOUR);
    struct seen seen = events(cx, home, PO_EVENT_TYPE_PROGRAM_GRANTED);
    check_contains(seen.detail, "\"approved_by\":\"sole operator\"");
    check_contains(seen.detail, "\"reason\":\"tidies\"");
    check_ok(cx, po_grant_revoke(cx, home, PO_LIT("x.script"), PO_LIT(""), &revoked));
    check_eq_u64(revoked, 1);
    po_clock_fake_advance(test_clock(), 25 * PO_US_PER_HOUR);
    check_eq_int(find(cx, home, &program).state, PO_GRANT_NONE);
    check_contains(events(cx, home, PO_EVENT_TYPE_PROGRAM_REVOKED).detail, "\"was\":\"waiting\"");
    check_ok(cx, give(cx, home, &program, "tidies", &grant));
    po_clock_fake_advance(test_clock(), 24 * PO_US_PER_HOUR - 1);
    check_eq_int(find(cx, home, &program).state, PO_GRANT_WAITING);
    po_clock_fake_advance(test_clock(), 1);
    check_eq_int(find(cx, home, &program).state, PO_GRANT_IN_FORCE);
    check_ok(cx, po_grant_revoke(cx, home, PO_LIT("x.script"), PO_LIT("writes"), &revoked));
    check_contains(events(cx, home, PO_EVENT_TYPE_PROGRAM_REVOKED).detail, "\"was\":\"in force\"");
    check_fails(cx, po_grant_revoke(cx, home, PO_LIT("x.script"), PO_LIT(""), &revoked),
                PO_NOTFOUND);
}

TEST(grant__beyond_the_ceiling_is_denied_and_told)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_CLEANUP(po_program_done) struct po_program program = load(cx, connects);
    struct po_grant grant = {0};
    check_fails(cx, give(cx, home, &program, "why", &grant), PO_DENIED);
    check_contains(po_err_msg(cx), "net");
    po_err_clear(cx);
    struct seen seen = events(cx, home, PO_EVENT_TYPE_PROGRAM_DENIED);
    check_eq_u64(seen.count, 1);
    check_contains(seen.detail, "\"capability\":\"net\"");
    check_contains(seen.detail, "\"fence\":\"ceiling\"");
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_PROGRAM_GRANTED).count, 0);
}

TEST(grant__in_force_lets_a_program_write_where_it_may)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_CLEANUP(po_program_done) struct po_program program = load(cx, writes);
    struct po_program_result result = {0};
    struct po_grant grant = {0};
    struct po_fs_info made = {0};
    runner_use_forks();
    check_ok(cx, give(cx, home, &program, "tidies", &grant));
    po_clock_fake_advance(test_clock(), 24 * PO_US_PER_HOUR);
    grant = find(cx, home, &program);
    check_eq_int(grant.state, PO_GRANT_IN_FORCE);
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    const struct po_program_job job = {.grant = &grant.caps, .home = po_home_root(home)};
    check_ok(cx, po_program_run(cx, &program, &job, &result));
    check_eq_int(result.outcome.status, PO_SCRIPT_OK);
    check_ok(cx, po_fs_info(cx, test_tmp("home/logs/a"), &made));
    check_that(made.is_file);
}

TEST(grant__of_what_changes_things_is_not_for_checks)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    static const char *const kinds[] = {"check", "control", "detect", "report"};
    for (size_t i = 0; i < 4; i++) {
        char text[512];
        struct po_grant grant = {0};
        (void)snprintf(text, sizeof text,
                       "import * as fs from \"host/fs\"\n@%s(id = \"w\")\n@needs(fs_write = "
                       "\"~/logs/**\")\nfn w() -> Result<(), Error> { fs.write(\"~/logs/a\", \"\") "
                       "}\n",
                       kinds[i]);
        PO_CLEANUP(po_program_done) struct po_program program = load(cx, text);
        check_fails(cx, give(cx, home, &program, "why", &grant), PO_DENIED);
        check_contains(po_err_msg(cx), "only reads");
        po_err_clear(cx);
    }
    check_contains(events(cx, home, PO_EVENT_TYPE_PROGRAM_DENIED).detail, "\"fence\":\"kind\"");
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_PROGRAM_DENIED).count, 4);
}

static void check_journal(struct po_ctx *cx, struct po_home *home, int64_t values, int64_t equal)
{
    int64_t got_values = 0;
    int64_t got_equal = 0;
    check_ok(cx, po_home_flush(cx, home));
    check_ok(cx, po_grant_journal(cx, home, po_ledger_size(po_home_ledger(home)), &got_values,
                                  &got_equal));
    check_eq_int(got_values, values);
    check_eq_int(got_equal, equal);
}

/* The grants and keys that the ledger tells of are those that the store holds. */
TEST(grant__is_found_again_in_the_events)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    static const char *const texts[] = {reads, writes};
    struct po_grant grant = {0};
    size_t revoked = 0;
    for (size_t i = 0; i < 2; i++) {
        PO_CLEANUP(po_program_done) struct po_program program = load(cx, texts[i]);
        check_ok(cx, give(cx, home, &program, "why", &grant));
    }
    check_ok(cx, po_grant_revoke(cx, home, PO_LIT("x.script"), PO_LIT("reads"), &revoked));
    PO_BUF_AUTO vkey;
    struct po_note_vkey key;
    const uint8_t public_key[PO_ED25519_PUBLIC_BYTES] = {1};
    po_str name = {NULL, 0};
    po_buf_init(&vkey, 1024);
    check_ok_leaf(po_note_vkey_make(PO_LIT("acme"), PO_NOTE_ED25519, public_key, &key));
    po_note_vkey_format(&key, &vkey);
    check_ok(cx, po_trust_set(cx, home, PO_LIT("vendor"), po_buf_str(&vkey), &name));
    check_journal(cx, home, 3, 3);
    /* behind the program's back: a key gone, a grant taken back, one come back */
    static const struct {
        const char *name;
        int64_t equal;
    } edits[] = {{"trust", 2}, {"revoke", 1}, {"add", 0}};
    TEST_EACH(row, edits)
    {
        PO_TX_AUTO *tx = NULL;
        struct po_store_grant again = {
            .file = PO_LIT("x.script"), .entry = PO_LIT("reads"), .caps = PO_LIT("{}")};
        uint64_t id = 0;
        PO_CLEANUP(po_program_done) struct po_program program = load(cx, reads);
        memcpy(again.digest, program.digest, sizeof again.digest);
        check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
        if (strcmp(row->name, "trust") == 0)
            check_ok(cx, po_store_trust_remove(cx, tx, PO_LIT("acme")));
        if (strcmp(row->name, "revoke") == 0) check_ok(cx, po_store_grant_revoke(cx, tx, 2));
        if (strcmp(row->name, "add") == 0) check_ok(cx, po_store_grant_add(cx, tx, &again, &id));
        const struct po_event event = home_event();
        check_ok(cx, po_home_commit(cx, home, tx, &event));
        check_journal(cx, home, 3, row->equal);
    }
    test_row(NULL);
}

TEST(grant__lists_the_clauses_it_was_given_for)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_CLEANUP(po_program_done)
    struct po_program program = load(cx, "@control(id = \"GOV-01.1\")\nfn c() -> int { 1 }\n");
    const po_str *clauses = NULL;
    struct po_grant grant = {0};
    size_t count = 9;
    check_ok(cx, po_grant_clauses(cx, home, &clauses, &count));
    check_eq_u64(count, 0);
    check_ok(cx, give(cx, home, &program, NULL, &grant));
    check_ok(cx, po_grant_revoke(cx, home, PO_LIT("x.script"), PO_LIT(""), &count));
    check_ok(cx, po_grant_clauses(cx, home, &clauses, &count));
    check_eq_u64(count, 1);
    check_eq_str(clauses[0], "GOV-01.1");
}

TEST(trust__is_set_listed_and_removed)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_BUF_AUTO text;
    struct po_note_vkey vkey;
    const uint8_t key[PO_ED25519_PUBLIC_BYTES] = {1};
    const struct po_trust_key *keys = NULL;
    size_t count = 0;
    po_str name = {NULL, 0};
    po_buf_init(&text, 1024);
    check_ok_leaf(po_note_vkey_make(PO_LIT("acme"), PO_NOTE_ED25519, key, &vkey));
    po_note_vkey_format(&vkey, &text);
    check_fails(cx, po_trust_set(cx, home, PO_LIT("system"), po_buf_str(&text), &name), PO_INVALID);
    check_fails(cx, po_trust_set(cx, home, PO_LIT("vendor"), PO_LIT("acme"), &name), PO_INVALID);
    po_err_clear(cx);
    check_ok(cx, po_trust_set(cx, home, PO_LIT("vendor"), po_buf_str(&text), &name));
    check_eq_str(name, "acme");
    check_ok(cx, po_trust_keys(cx, home, &keys, &count));
    check_eq_u64(count, 1);
    check_eq_int(keys[0].trust, PO_TRUST_VENDOR);
    check_eq_mem(keys[0].vkey.key, key, sizeof key);
    check_ok(cx, po_trust_remove(cx, home, PO_LIT("acme")));
    check_fails(cx, po_trust_remove(cx, home, PO_LIT("acme")), PO_NOTFOUND);
    check_fails(cx, po_trust_remove(cx, home, PO_LIT("")), PO_USAGE);
    po_err_clear(cx);
    check_ok(cx, po_trust_keys(cx, home, &keys, &count));
    check_eq_u64(count, 0);
    struct seen seen = events(cx, home, PO_EVENT_TYPE_TRUST_CHANGED);
    check_eq_u64(seen.count, 2);
    check_eq_cstr(seen.detail, "{\"name\":\"acme\"}");
}

static void site_file(const char *path, const char *text)
{
    char name[256];
    (void)snprintf(name, sizeof name, "home/scripts/%s", path);
    test_write_file(test_tmp(name), text, strlen(text));
}

TEST(site__has_loose_programs_and_bundles_of_their_own)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    static struct po_site site;
    check_ok(cx, po_fs_mkdir_all(cx, test_tmp("home/scripts/acme"), 0700));
    check_ok(cx, po_fs_mkdir_all(cx, test_tmp("home/scripts/bad"), 0700));
    site_file("loose.script", reads);
    site_file("acme/x.script", writes);
    site_file("acme/bundle.json", "{}");
    site_file("bad/bundle.json", "{}");
    site_file("bad/bundle.note", "no note");
    check_ok(cx, po_site_open(cx, home, &site));
    check_eq_u64(site.count, 3);
    check_eq_cstr(site.at[0].shown, "scripts/acme");
    check_that(site.at[0].bundle != NULL && site.at[1].bundle == NULL);
    check_that(site.at[1].problem != NULL);
    check_eq_cstr(site.at[2].shown, "scripts");
    size_t own = 0;
    for (size_t i = 0; i < po_bundle_program_count(site.at[2].bundle); i++)
        own += po_site_has(&site, 2, po_bundle_program_at(site.at[2].bundle, i));
    check_eq_u64(own, 1);
    check_that(po_site_has(&site, 0, po_bundle_program_at(site.at[0].bundle, 0)));
}

TEST(record__keeps_texts_once_and_tells_each_refusal)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_CLEANUP(po_program_done) struct po_program program = load(cx, writes);
    const struct po_program_denial denials[2] = {{PO_CAP_FS_WRITE, PO_LIT("/etc/x"), "needs"},
                                                 {PO_CAP_EXEC, PO_LIT("/bin/sh"), "grant"}};
    const struct po_program_job job = {.args_json = PO_LIT("")};
    struct po_program_result result = {.output = PO_LIT("hi\n"),
                                       .calls_json = PO_LIT("[]"),
                                       .sandbox = PO_LIT("none"),
                                       .denials = denials,
                                       .denial_count = 2};
    result.outcome.status = PO_SCRIPT_FAULT;
    result.outcome.fault_kind = PO_LIT("Panic");
    const struct po_program_ran made = {&program, &job, &result, NULL};
    check_ok(cx, po_program_record(cx, home, &made));
    check_ok(cx, po_program_record(cx, home, &made));
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_PROGRAM_STORED).count, 1);
    check_contains(events(cx, home, PO_EVENT_TYPE_PROGRAM_STORED).detail, "\"x.script\":\"import");
    check_eq_u64(events(cx, home, PO_EVENT_TYPE_PROGRAM_DENIED).count, 4);
    struct seen ran = events(cx, home, PO_EVENT_TYPE_PROGRAM_RAN);
    check_eq_u64(ran.count, 2);
    check_contains(ran.detail, "\"kind\":\"Panic\"");
    check_contains(ran.detail, "\"args\":\"[]\"");
}

TEST_FAULTS_SITES(grant__fails_cleanly)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_CLEANUP(po_program_done) struct po_program program = load(cx, reads);
    struct po_grant grant = {0};
    test_faults_arm();
    po_rc rc = give(cx, home, &program, NULL, &grant);
    if (!test_survived(rc)) return;
    test_faults_off();
    check_eq_int(find(cx, home, &program).state, PO_GRANT_IN_FORCE);
}

/* A taken-over child has what its landlock rules open: they must hold nothing that is reserved. */
TEST(grant__no_program_reaches_keys_ledger_or_configuration)
{
    static const char *const needs[] = {
        "fs_read = \"/**\"",           "fs_read = \"~/**\"",           "fs_read = \"~/data/**\"",
        "fs_read = \"~/config/.env\"", "fs_read = \"~/*/x\"",          "fs_write = \"~/note.txt\"",
        "fs_write = \"~/data/x/**\"",  "fs_read = \"/**/master.key\"", "fs_write = \"/**/.po*\""};
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        char text[400];
        struct po_program_denial denial = {0};
        (void)snprintf(text, sizeof text,
                       "import * as fs from \"host/fs\"\n@repair(id = \"r\")\n@needs(%s)\n"
                       "fn r() -> Result<bool, Error> { fs.exists(\"/x\") }\n",
                       needs[i]);
        PO_CLEANUP(po_program_done) struct po_program program = load(cx, text);
        po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
        check_fails(cx, po_grant_allowed(cx, home, &program, NULL, &denial), PO_DENIED);
        check_eq_cstr(denial.fence, "reserved");
    }
    PO_CLEANUP(po_program_done) struct po_program fine = load(cx, writes);
    struct po_program_denial denial = {0};
    po_program_trust_raise(&fine, PO_TRUST_ORGANISATION);
    check_ok(cx, po_grant_allowed(cx, home, &fine, NULL, &denial));
}

/*
 * Facts of identities: everybody but canaries, by pseudonymous ids; and what TLS our listeners speak.
 */
#include "assess/access_drill_priv.h"
#include "assess/assess_priv.h"
#include "crypto/crypto.h"
#include "lib/test.h"
#include "store/store.h"

#include <sodium.h>
#include <stdlib.h>

typedef PO_RC provide(struct po_ctx *cx, const struct po_assess_inputs *in,
                      struct po_json_out *out);

static const struct po_event some_event = {.type = PO_EVENT_TYPE_USER_INVITED,
                                           .resource = {"user:x", 6},
                                           .action = {"invite", 6},
                                           .result = PO_EVENT_SUCCESS};

static struct po_home *new_home(struct po_ctx *cx)
{
    struct po_home *home = NULL;
    check_eq_int(setenv("XDG_STATE_HOME", test_tmp("keys"), 1), 0);
    check_ok(cx, po_home_init(cx, test_tmp("home"), &home));
    check_ok(cx, po_home_close(cx, &home));
    check_ok(cx, po_home_open(cx, test_tmp("home"), PO_HOME_READ_WRITE, &home));
    return home;
}

static void add_user(struct po_ctx *cx, struct po_home *home, const char *email, bool is_canary,
                     char id[static PO_ID_BYTES])
{
    char hash[PO_PASSWORD_HASH_BYTES_MAX];
    uint64_t grant_id = 0;
    check_ok(cx, po_id_new(cx, "usr", id));
    check_ok_leaf(po_password_hash(PO_LIT("a"), (struct po_password_cost){8, 1}, hash));
    const struct po_store_user user = {.id = po_str_of(id),
                                       .kind = PO_LIT("human"),
                                       .state = PO_LIT("active"),
                                       .email = po_str_of(email),
                                       .name = PO_LIT("Anna Beispiel"),
                                       .is_canary = is_canary};
    const struct po_store_role_grant grant = {.user = user.id,
                                              .role = PO_LIT("admin"),
                                              .reason = PO_LIT("test"),
                                              .asked_by = PO_LIT("os:1"),
                                              .approved_by = PO_LIT("sole operator"),
                                              .asked_us = po_ctx_now_us(cx),
                                              .effective_us = po_ctx_now_us(cx)};
    const struct po_store_credential password = {
        .user = user.id, .kind = PO_LIT("password"), .secret = po_str_of(hash)};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
    check_ok(cx, po_store_user_add(cx, tx, &user));
    check_ok(cx, po_store_role_grant_add(cx, tx, &grant, &grant_id));
    check_ok(cx, po_store_credential_put(cx, tx, &password));
    check_ok(cx, po_home_commit(cx, home, tx, &some_event));
}

static void add_session_and_token(struct po_ctx *cx, struct po_home *home, const char *user)
{
    const struct po_session_new session = {.user = po_str_of(user), .method = PO_LIT("password")};
    const struct po_token_new token = {.user = po_str_of(user), .name = PO_LIT("ci")};
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    struct po_token_made made = {0};
    char id[PO_ID_BYTES];
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
    check_ok(cx, po_session_create(cx, tx, &session, id, &secret));
    check_ok(cx, po_home_commit(cx, home, tx, &some_event));
    check_ok(cx, po_token_create(cx, home, &token, &made));
    po_secret_freep(&made.secret);
}

static const struct po_json *ask(struct po_ctx *cx, struct po_home *home, provide *write)
{
    const struct po_assess_inputs in = {.source.home = home};
    struct po_buf bytes;
    struct po_json_out json;
    struct po_json *root = NULL;
    po_str text = {0};
    po_buf_init(&bytes, (size_t)1 << 20);
    po_json_out_init(&json, &bytes, 0);
    check_ok(cx, write(cx, &in, &json));
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&bytes), &text));
    po_buf_done(&bytes);
    check_ok(cx, po_json_parse(cx, text, PO_JSON_STRICT, &root));
    return root;
}

/* The one row of a list. */
static const struct po_json *only(const struct po_json *root, const char *list)
{
    const struct po_json *rows = po_json_get(root, list);
    check_that(rows != NULL && rows->count == 1, "%s has %zu rows", list, rows->count);
    return rows->first;
}

/* @proves CC6.1 */
TEST_TIMEOUT(identity_facts__leave_canaries_out_and_name_nobody, 60)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = new_home(cx);
    char anna[PO_ID_BYTES];
    char canary[PO_ID_BYTES];
    add_user(cx, home, "anna@kontor.example", false, anna);
    add_user(cx, home, "canary@kontor.example", true, canary);
    add_session_and_token(cx, home, anna);
    add_session_and_token(cx, home, canary);
    check_ok(cx, po_home_flush(cx, home));
    uint64_t size = po_ledger_size(po_home_ledger(home));
    po_clock_fake_advance(test_clock(), 91 * PO_US_PER_DAY);
    const struct po_json *row = only(ask(cx, home, po_assess_identity_accounts), "accounts");
    check_eq_str(po_json_get(row, "id")->str, anna);
    check_eq_str(po_json_get(row, "password")->str, "weak");
    check_eq_str(po_json_get(row, "role")->str, "admin");
    check_that(!po_json_get(row, "second_factor")->boolean);
    check_that(po_json_get(row, "email") == NULL && po_json_get(row, "name") == NULL);
    row = only(ask(cx, home, po_assess_identity_sessions), "sessions");
    check_that(!po_json_get(row, "two_factors")->boolean && !po_json_get(row, "open")->boolean);
    check_eq_int(po_json_get(row, "life_s")->integer, 43200);
    row = only(ask(cx, home, po_assess_identity_tokens), "tokens");
    check_eq_int(po_json_get(row, "unused_days")->integer, 91);
    check_eq_int(po_json_get(row, "life_days")->integer, 90);
    check_that(po_json_get(row, "owned")->boolean && !po_json_get(row, "open")->boolean);
    row = only(ask(cx, home, po_assess_identity_roles), "privileged");
    check_eq_str(po_json_get(row, "approved_by")->str, "sole operator");
    const struct po_json *keys = ask(cx, home, po_assess_tenants_keys);
    check_that(po_json_get(keys, "has_key")->boolean && !po_json_get(keys, "is_shared")->boolean);
    check_ok(cx, po_home_flush(cx, home));
    check_eq_u64(po_ledger_size(po_home_ledger(home)), size); /* looking leaves no trace */
}

/* @proves CC6.7 */
TEST_TIMEOUT(tls_facts__our_settings_speak_no_version_below_1_2, 60)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = new_home(cx);
    const struct po_json *tried = ask(cx, home, po_assess_tls_versions);
    check_eq_int(po_json_get(tried, "old")->integer, 4);
    check_eq_int(po_json_get(tried, "old_refused")->integer, 4);
    check_eq_int(po_json_get(tried, "present")->integer, 3);
    check_eq_int(po_json_get(tried, "present_accepted")->integer, 3);
    const struct po_json *list = ask(cx, home, po_assess_tls_certificates);
    check_eq_u64(po_json_get(list, "certificates")->count, 0);
}

/* A listener whose sockets fail has refused nothing. */
TEST_FAULTS_SITES(tls_facts__what_fails_is_an_error_and_no_refusal)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = new_home(cx);
    const struct po_assess_inputs in = {.source.home = home};
    PO_BUF_AUTO bytes;
    struct po_json_out json;
    po_buf_init(&bytes, 4096);
    po_json_out_init(&json, &bytes, 0);
    test_faults_arm();
    if (!test_survived(po_assess_tls_versions(cx, &in, &json))) return;
    if (!test_survived(po_buf_check(&bytes))) return;
    test_faults_off();
    check_eq_str(po_buf_str(&bytes),
                 "{\"old\":4,\"old_refused\":4,\"present\":3,\"present_accepted\":3}");
}

/* ---- the HTTP interface -------------------------------------------------------------------------- */

#define OPERATION(id, action, security, parameters, body)                                          \
    "{\"operationId\":\"" id "\",\"x-paulyops-action\":\"" action "\",\"security\":" security      \
    ",\"parameters\":" parameters body "}"
#define BODY(schema) ",\"requestBody\":{\"content\":{\"application/json\":{\"schema\":" schema "}}}"
#define SIGNED_IN "[{\"token\":[]}]"

static const struct {
    const char *name;
    const char *operation;
    bool known_action;
    bool is_public;
    bool schemas;
} operations[] = {
    {"as it should be",
     OPERATION("a", "control.list", SIGNED_IN, "[{\"schema\":{\"type\":\"string\"}}]",
               BODY("{\"type\":\"object\",\"additionalProperties\":false}")),
     true, false, true},
    {"no such action", OPERATION("b", "control.lost", SIGNED_IN, "[]", ""), false, false, true},
    {"open to all", OPERATION("c", "auth.sign_in", "[]", "[]", ""), false, true, true},
    {"a parameter takes anything",
     OPERATION("d", "control.list", SIGNED_IN, "[{\"schema\":{}}]", ""), true, false, false},
    {"a parameter without schema", OPERATION("e", "control.list", SIGNED_IN, "[{}]", ""), true,
     false, false},
    {"a body takes more members",
     OPERATION("f", "control.list", SIGNED_IN, "[]", BODY("{\"type\":\"object\"}")), true, false,
     false},
};

static const char *document;

static po_rc write_document(struct po_ctx *cx, struct po_buf *out)
{
    (void)cx;
    po_buf_append_cstr(out, document);
    return po_rc_ok();
}

/* @proves CC6.1 */
TEST(api_operations__tell_what_an_operation_does_not_declare)
{
    TEST_CX(cx);
    TEST_EACH(row, operations)
    {
        document = po_arena_printf(cx->arena, "{\"paths\":{\"/x\":{\"get\":%s}}}", row->operation);
        po_assess_openapi_set(write_document);
        const struct po_json *at = only(ask(cx, NULL, po_assess_api_operations), "operations");
        check_eq_int(po_json_get(at, "known_action")->boolean, row->known_action);
        check_eq_int(po_json_get(at, "public")->boolean, row->is_public);
        check_eq_int(po_json_get(at, "schemas")->boolean, row->schemas);
    }
    test_row(NULL);
    po_assess_openapi_set(NULL);
    const struct po_json *none = ask(cx, NULL, po_assess_api_operations);
    check_eq_u64(po_json_get(none, "operations")->count, 0);
}

static po_rc write_cookies(struct po_ctx *cx, struct po_buf *out)
{
    (void)cx;
    po_buf_append_cstr(out, "a=1; Secure\nb=2\n");
    return po_rc_ok();
}

/* @proves CC6.1 */
TEST(api_cookies__are_those_that_the_interface_sets)
{
    TEST_CX(cx);
    po_assess_cookies_set(write_cookies);
    const struct po_json *list = po_json_get(ask(cx, NULL, po_assess_api_cookies), "cookies");
    check_eq_u64(list->count, 2);
    check_eq_postr(list->first->str, PO_LIT("a=1; Secure"));
    check_eq_postr(list->first->next->str, PO_LIT("b=2"));
    po_assess_cookies_set(NULL);
    list = po_json_get(ask(cx, NULL, po_assess_api_cookies), "cookies");
    check_eq_u64(list->count, 0);
}

/* In the memory of this process alone: no way of the store leads there. */
static void share_key(struct po_ctx *cx, struct po_store *store, po_tenant_id from, po_tenant_id to)
{
    const struct po_secret *key = NULL;
    const struct po_secret *copy = NULL;
    uint32_t epoch = 0;
    check_ok(cx, po_store_data_key_get(cx, store, from, &epoch, &key));
    check_ok(cx, po_store_data_key_get(cx, store, to, &epoch, &copy));
    po_str bytes = po_secret_bytes(key);
    char *at = (char *)(uintptr_t)po_secret_bytes(copy).ptr;
    check_eq_int(sodium_mprotect_readwrite(at), 0);
    memcpy(at, bytes.ptr, bytes.len);
}

/* What is there of others leaves no trace: not their accounts, not how many keys. */
/* @proves CC6.1 */
TEST_TIMEOUT(identity_facts__are_the_tenants_own, 60)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = new_home(cx);
    char anna[PO_ID_BYTES];
    char berta[PO_ID_BYTES];
    const po_tenant_id other = {300};
    add_user(cx, home, "anna@kontor.example", false, anna);
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
        check_ok(cx, po_store_tenant_create(cx, tx, other, PO_LIT("other")));
        check_ok(cx, po_home_commit(cx, home, tx, &some_event));
    }
    cx->tenant = other;
    add_user(cx, home, "anna@kontor.example", false, berta);
    add_session_and_token(cx, home, berta);
    const struct po_json *row = only(ask(cx, home, po_assess_identity_accounts), "accounts");
    check_eq_str(po_json_get(row, "id")->str, berta);
    check_eq_int(po_json_get(row, "tenant")->integer, 300);
    (void)only(ask(cx, home, po_assess_identity_sessions), "sessions");
    (void)only(ask(cx, home, po_assess_identity_tokens), "tokens");
    (void)only(ask(cx, home, po_assess_identity_roles), "privileged");
    const struct po_json *keys = ask(cx, home, po_assess_tenants_keys);
    check_that(po_json_get(keys, "has_key")->boolean && !po_json_get(keys, "is_shared")->boolean);
    share_key(cx, po_home_store(home), PO_TENANT_DEFAULT, other);
    check_that(po_json_get(ask(cx, home, po_assess_tenants_keys), "is_shared")->boolean);
    cx->tenant = PO_TENANT_DEFAULT;
    row = only(ask(cx, home, po_assess_identity_accounts), "accounts");
    check_eq_str(po_json_get(row, "id")->str, anna);
    check_eq_u64(po_json_get(ask(cx, home, po_assess_identity_sessions), "sessions")->count, 0);
}

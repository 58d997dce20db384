#include "unit/identity/credential_fixture.h"

#include "core/fs.h"

#include <stdlib.h>

#define CONFIG "PASSWORD_MEMORY_MIB=19\nPASSWORD_PASSES=2\nORG_NAME=Kontor\n"

static const char *root(void) { return test_tmp("home"); }

static void write_config(struct po_ctx *cx, bool is_mfa_required)
{
    const char *flags = is_mfa_required ? "{\"mfa_required\":true}" : "{\"mfa_required\":false}";
    test_write_file(test_tmp("home/config/.env"), CONFIG, strlen(CONFIG));
    test_write_file(test_tmp("home/config/status_flags.json"), flags, strlen(flags));
    check_ok(cx, po_fs_chmod(cx, test_tmp("home/config/.env"), 0600));
    check_ok(cx, po_fs_chmod(cx, test_tmp("home/config/status_flags.json"), 0640));
}

void site_done(struct site *site) { po_home_abandonp(&site->home); }

void site_ip(struct po_ctx *cx, const char *ip)
{
    po_text_cut(po_str_of(ip), cx->ip, sizeof cx->ip);
}

void site_wait(po_time_us by_us) { po_clock_fake_advance(test_clock(), by_us); }

static void act_as_client(struct po_ctx *cx)
{
    po_text_cut(PO_LIT("anonymous"), cx->actor, sizeof cx->actor);
    cx->channel = PO_CHANNEL_API;
    site_ip(cx, SITE_IP);
}

void site_open(struct po_ctx *cx, struct site *site, bool is_mfa_required)
{
    PO_HOME_AUTO *home = NULL;
    check_eq_int(setenv("XDG_STATE_HOME", test_tmp("state"), 1), 0);
    check_ok(cx, po_home_init(cx, root(), &home));
    check_ok(cx, po_home_close(cx, &home));
    write_config(cx, is_mfa_required);
    check_ok(cx, po_home_open(cx, root(), PO_HOME_READ_WRITE, &site->home));
    site_add_user(cx, site, SITE_EMAIL, "active", SITE_PASSWORD);
    act_as_client(cx);
}

void site_reopen(struct po_ctx *cx, struct site *site)
{
    check_ok(cx, po_home_close(cx, &site->home));
    check_ok(cx, po_home_open(cx, root(), PO_HOME_READ_WRITE, &site->home));
}

const char *site_hash(const char *password)
{
    static char hash[PO_PASSWORD_HASH_BYTES_MAX];
    check_ok_leaf(po_password_hash(po_str_of(password), (struct po_password_cost){8, 1}, hash));
    return hash;
}

void site_add_user(struct po_ctx *cx, struct site *site, const char *email, const char *state,
                   const char *password)
{
    char id[PO_ID_BYTES];
    check_ok(cx, po_id_new(cx, "usr", id));
    const struct po_store_user user = {.id = po_str_of(id),
                                       .kind = PO_LIT("human"),
                                       .state = po_str_of(state),
                                       .email = po_str_of(email),
                                       .name = PO_LIT("Anna Beispiel"),
                                       .owner = PO_LIT("")};
    const struct po_event event = {.type = PO_EVENT_TYPE_USER_INVITED,
                                   .resource = PO_LIT("user:test"),
                                   .action = PO_LIT("invite"),
                                   .result = PO_EVENT_SUCCESS};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(site->home), &tx));
    check_ok(cx, po_store_user_add(cx, tx, &user));
    if (password != NULL) check_ok(cx, po_password_store(cx, tx, user.id, site_hash(password)));
    check_ok(cx, po_home_commit(cx, site->home, tx, &event));
    if (site->user[0] == '\0') memcpy(site->user, id, sizeof id);
}

po_rc site_signin(struct po_ctx *cx, struct site *site, const struct site_try *attempt,
                  struct po_signin_outcome *ret_outcome)
{
    PO_CREDENTIAL_JOB_AUTO job = {0};
    const struct po_signin_request request = {
        .email = po_str_of(attempt->email != NULL ? attempt->email : SITE_EMAIL),
        .password = PO_LIT(SITE_PASSWORD),
        .user_agent = PO_LIT("test/1")};
    const struct po_credential_answer answer = {.is_right = !attempt->is_wrong};
    PO_TRY(cx, po_signin_begin(cx, site->home, &request, &job));
    return po_signin_finish(cx, site->home, &job, &answer, ret_outcome);
}

po_rc site_fail(struct po_ctx *cx, struct site *site, const char *email)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct site_try wrong = {.email = email, .is_wrong = true};
    return site_signin(cx, site, &wrong, &outcome);
}

void site_add_totp(struct po_ctx *cx, struct site *site, char letter)
{
    char key[PO_TOTP_KEY_BYTES];
    struct po_recovery_codes codes = {0};
    memset(key, letter, sizeof key);
    const struct po_store_credential totp = {
        .user = po_str_of(site->user), .kind = PO_LIT("totp"), .secret = po_str_n(key, sizeof key)};
    const struct po_auth_note note = {.type = PO_EVENT_TYPE_MFA_ENROLLED,
                                      .action = "enrol",
                                      .result = PO_EVENT_SUCCESS,
                                      .user = site->user};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(site->home), &tx));
    check_ok(cx, po_store_credential_put(cx, tx, &totp));
    check_ok(cx, po_recovery_put(cx, tx, totp.user, &codes));
    check_ok(cx, po_auth_commit(cx, site->home, tx, &note));
}

const char *site_code(char letter, int steps)
{
    static char code[PO_TOTP_DIGITS + 1];
    char key[PO_TOTP_KEY_BYTES];
    memset(key, letter, sizeof key);
    check_ok_leaf(po_totp_code(po_str_n(key, sizeof key),
                               test_clock()->wall_us + steps * PO_TOTP_STEP_US, code));
    return code;
}

void site_ticket(struct po_ctx *cx, struct site *site, struct po_signin_outcome *outcome)
{
    const struct site_try right = {0};
    po_signin_outcome_done(outcome);
    check_ok(cx, site_signin(cx, site, &right, outcome));
    check_eq_int(outcome->state, PO_SIGNIN_MFA);
    check_eq_u64(po_secret_bytes(outcome->secret).len, PO_TICKET_CHARS);
    check_eq_cstr(outcome->session, "");
}

po_rc site_totp(struct po_ctx *cx, struct site *site, const struct po_signin_outcome *ticket,
                const char *code)
{
    PO_SIGNIN_OUTCOME_AUTO outcome = {0};
    const struct po_mfa_request request = {.ticket = po_secret_bytes(ticket->secret),
                                           .code = po_str_of(code)};
    PO_TRY(cx, po_signin_totp(cx, site->home, &request, &outcome));
    check_eq_int(outcome.state, PO_SIGNIN_SESSION);
    check_that(site_session_holds(cx, site, &outcome));
    return po_rc_ok();
}

bool site_session_holds(struct po_ctx *cx, struct site *site,
                        const struct po_signin_outcome *outcome)
{
    struct po_identity identity;
    po_rc rc =
        po_identity_from_session(cx, site->home, po_secret_bytes(outcome->secret), &identity);
    if (po_is_ok(rc)) {
        check_eq_cstr(identity.session, outcome->session);
        return true;
    }
    check_eq_int(rc.code, PO_UNAUTH);
    po_err_clear(cx);
    return false;
}

/* ---- events ----------------------------------------------------------------------------------- */

struct hunt {
    struct po_ctx *cx;
    const char *text;
    size_t count;
    po_str detail;
};

static po_rc note_event(struct po_ctx *step, void *user, const struct po_home_event *event,
                        bool *ret_stop)
{
    struct hunt *hunt = user;
    (void)step;
    (void)ret_stop;
    if (hunt->text != NULL && po_str_find(event->bytes, po_str_of(hunt->text), 0) == SIZE_MAX)
        return po_rc_ok();
    if (hunt->count++ == 0)
        check_ok_leaf(po_arena_copy(hunt->cx->arena, event->view.detail, &hunt->detail));
    return po_rc_ok();
}

static size_t hunt_events(struct po_ctx *cx, struct site *site, enum po_event_type type,
                          struct hunt *hunt)
{
    const struct po_home_walk walk = {
        .type = type, .size = UINT64_MAX, .visit = note_event, .user = hunt};
    check_ok(cx, po_home_flush(cx, site->home));
    check_ok(cx, po_home_walk_back(cx, site->home, &walk));
    return hunt->count;
}

size_t site_events(struct po_ctx *cx, struct site *site, enum po_event_type type,
                   po_str *ret_detail)
{
    struct hunt hunt = {.cx = cx};
    size_t count = hunt_events(cx, site, type, &hunt);
    if (ret_detail != NULL) *ret_detail = hunt.detail;
    return count;
}

bool site_events_hold(struct po_ctx *cx, struct site *site, const char *text)
{
    struct hunt hunt = {.cx = cx, .text = text};
    return hunt_events(cx, site, PO_EVENT_TYPE_NONE, &hunt) > 0;
}

/*
 * Drill of access: sessions and tokens: random, only hashed, ending in time, refused once revoked.
 */
#include "assess/access_drill_priv.h"

#include "core/codec.h"
#include "core/fs.h"
#include "core/secret.h"
#include "store/store.h"

#define SESSIONS 24
#define SECRET_BYTES 32
#define FILE_BYTES_MAX ((size_t)32 << 20)
#define USE_EVERY_US (24 * PO_US_PER_MIN) /* 30 of them are 12 hours */

static const struct po_event drawn_event = {.type = PO_EVENT_TYPE_USER_INVITED,
                                            .resource = {"user:canary", 11},
                                            .action = {"invite", 6},
                                            .result = PO_EVENT_SUCCESS};

/* The random bytes of a session's secret: base64url of 32. */
static bool decode(po_str secret, uint8_t out[static SECRET_BYTES])
{
    char text[45];
    if (secret.len != 43) return false;
    for (size_t i = 0; i < secret.len; i++) {
        char c = secret.ptr[i];
        text[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    text[43] = '=';
    return po_is_ok(po_base64_decode_exact(po_str_n(text, 44), out, SECRET_BYTES));
}

/* ---- random, and only hashed ------------------------------------------------------------------- */

struct drawn {
    uint8_t bytes[SESSIONS][SECRET_BYTES];
    char id[PO_ID_BYTES];       /* of the last */
    struct po_secret *secret;   /* its secret */
    struct po_token_made token; /* a token beside it */
};

static void drawn_done(struct drawn *drawn)
{
    po_secret_freep(&drawn->secret);
    po_secret_freep(&drawn->token.secret);
    po_wipe(drawn->bytes, sizeof drawn->bytes);
}

static PO_RC draw(struct po_ctx *cx, struct po_access_drill *drill, const char *user,
                  struct drawn *drawn, int64_t *ret_shaped)
{
    const struct po_session_new session = {.user = po_str_of(user),
                                           .method = PO_LIT("totp"),
                                           .agent = PO_LIT("drill"),
                                           .is_mfa = true};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(drill->home), &tx));
    for (size_t i = 0; i < SESSIONS; i++) {
        po_secret_freep(&drawn->secret);
        PO_TRY(cx, po_session_create(cx, tx, &session, drawn->id, &drawn->secret));
        *ret_shaped += decode(po_secret_bytes(drawn->secret), drawn->bytes[i]) ? 1 : 0;
    }
    return po_home_commit(cx, drill->home, tx, &drawn_event);
}

static int64_t count_distinct(const struct drawn *drawn)
{
    int64_t distinct = 0;
    for (size_t i = 0; i < SESSIONS; i++) {
        bool is_new = true;
        for (size_t k = 0; k < i; k++)
            if (po_str_eq(po_str_n(drawn->bytes[i], SECRET_BYTES),
                          po_str_n(drawn->bytes[k], SECRET_BYTES)))
                is_new = false;
        distinct += is_new ? 1 : 0;
    }
    return distinct;
}

/* Bits of a secret's place that are not the same in all of them: what is constant is not random. */
static int64_t count_varying(const struct drawn *drawn)
{
    int64_t varying = 0;
    for (size_t at = 0; at < SECRET_BYTES; at++) {
        uint8_t all_set = 0xff;
        uint8_t any_set = 0;
        for (size_t i = 0; i < SESSIONS; i++) {
            all_set &= drawn->bytes[i][at];
            any_set |= drawn->bytes[i][at];
        }
        varying += __builtin_popcount((unsigned)(any_set & (uint8_t)~all_set));
    }
    return varying;
}

/* ---- the files --------------------------------------------------------------------------------- */

struct search {
    po_str needles[3]; /* must not be there */
    po_str planted;    /* must be: else the search sees nothing */
    int64_t files;
    int64_t found;
    bool has_planted;
};

static PO_RC search_dir(struct po_ctx *cx, const char *dir, struct search *search)
{
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        struct po_fs_info info = {0};
        const char *path = NULL;
        const char *name = po_arena_strdup(cx->arena, names[i]);
        if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_path_join(cx, dir, name, &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (!info.is_file) continue;
        PO_CLEANUP(po_buf_wipe) struct po_buf bytes = {0};
        po_buf_init(&bytes, FILE_BYTES_MAX);
        PO_TRY(cx, po_fs_read(cx, path, &bytes));
        search->files++;
        for (size_t k = 0; k < 3; k++)
            if (po_str_find(po_buf_str(&bytes), search->needles[k], 0) != SIZE_MAX) search->found++;
        if (po_str_find(po_buf_str(&bytes), search->planted, 0) != SIZE_MAX)
            search->has_planted = true;
    }
    return po_rc_ok();
}

static PO_RC search_home(struct po_ctx *cx, struct po_access_drill *drill,
                         const struct drawn *drawn, struct search *ret_search)
{
    struct search search = {
        .needles = {po_secret_bytes(drawn->secret),
                    po_str_n(drawn->bytes[SESSIONS - 1], SECRET_BYTES),
                    po_secret_bytes(drawn->token.secret)},
        .planted = po_str_of(drawn->id),
    };
    PO_TRY(cx, po_home_flush(cx, drill->home));
    PO_TRY(cx, search_dir(cx, po_home_path(drill->home, PO_PLACE_DATA), &search));
    PO_TRY(cx, search_dir(cx, po_home_path(drill->home, PO_PLACE_LEDGER), &search));
    *ret_search = search;
    return po_rc_ok();
}

static PO_RC make_token(struct po_ctx *cx, struct po_access_drill *drill, const char *user,
                        struct po_token_made *ret_made)
{
    const struct po_token_new token = {.user = po_str_of(user), .name = PO_LIT("drill")};
    return po_token_create(cx, drill->home, &token, ret_made);
}

PO_RC po_access_drill_secrets(struct po_ctx *cx, struct po_access_drill *drill)
{
    PO_CLEANUP(drawn_done) struct drawn drawn = {0};
    const struct po_drill_canary canary = {.email = "drawn@drill.example", .role = "member"};
    struct search search = {0};
    char user[PO_ID_BYTES];
    int64_t shaped = 0;
    PO_TRY(cx, po_drill_canary_add(cx, drill->home, &canary, user));
    PO_TRY(cx, draw(cx, drill, user, &drawn, &shaped));
    PO_TRY(cx, make_token(cx, drill, user, &drawn.token));
    PO_TRY(cx, search_home(cx, drill, &drawn, &search));
    po_json_out_key(drill->out, "secrets");
    po_json_out_object(drill->out);
    po_json_out_field_int(drill->out, "sessions", SESSIONS);
    po_json_out_field_int(drill->out, "shaped", shaped);
    po_json_out_field_int(drill->out, "distinct", count_distinct(&drawn));
    po_json_out_field_int(drill->out, "random_bits", count_varying(&drawn));
    po_json_out_field_int(drill->out, "files", search.files);
    po_json_out_field_int(drill->out, "found_in_files", search.found);
    po_json_out_key(drill->out, "search_sees");
    po_json_out_bool(drill->out, search.has_planted);
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}

/* ---- revoked ----------------------------------------------------------------------------------- */

struct revoked {
    int64_t tried;
    int64_t refused;
    int64_t good_before;
    po_time_us worst_us;
};

static PO_RC present(struct po_ctx *cx, struct po_access_drill *drill, po_str secret,
                     bool *ret_is_refused)
{
    struct po_identity identity = {0};
    bool is_token = po_token_is_shaped(secret);
    po_rc rc = is_token ? po_identity_from_token(cx, drill->home, secret, &identity)
                        : po_identity_from_session(cx, drill->home, secret, &identity);
    *ret_is_refused = false;
    return po_is_ok(rc) ? rc : po_access_refused(cx, rc, PO_UNAUTH, ret_is_refused);
}

/* An account with a session and a token, and what takes them away. */
static PO_RC revoke(struct po_ctx *cx, struct po_access_drill *drill, const char *email, int how,
                    struct revoked *revoked)
{
    PO_CLEANUP(drawn_done) struct drawn held = {0};
    const struct po_drill_canary canary = {.email = email, .role = "member"};
    char user[PO_ID_BYTES];
    bool is_refused[2] = {false, false};
    PO_TRY(cx, po_drill_canary_add(cx, drill->home, &canary, user));
    PO_TRY(cx, po_drill_session_add(cx, drill->home, user, held.id, &held.secret));
    PO_TRY(cx, make_token(cx, drill, user, &held.token));
    const po_str secrets[] = {po_secret_bytes(held.secret), po_secret_bytes(held.token.secret)};
    for (size_t i = 0; i < 2; i++) {
        PO_TRY(cx, present(cx, drill, secrets[i], &is_refused[i]));
        revoked->good_before += is_refused[i] ? 0 : 1;
    }
    po_time_us start_us = drill->real->monotonic_us(drill->real->user);
    if (how == 0) {
        PO_TRY(cx, po_session_revoke(cx, drill->home, po_str_of(held.id), "drill"));
        PO_TRY(cx, po_token_revoke(cx, drill->home, po_str_of(held.token.id), "drill"));
    } else {
        enum po_user_move move = how == 1 ? PO_USER_SUSPEND : PO_USER_DEPROVISION;
        PO_TRY(cx, po_user_change(cx, drill->home, po_str_of(user), move, PO_LIT("drill")));
    }
    for (size_t i = 0; i < 2; i++) {
        PO_TRY(cx, present(cx, drill, secrets[i], &is_refused[i]));
        revoked->tried++;
        revoked->refused += is_refused[i] ? 1 : 0;
    }
    po_time_us took_us = drill->real->monotonic_us(drill->real->user) - start_us;
    if (took_us > revoked->worst_us) revoked->worst_us = took_us;
    return po_rc_ok();
}

PO_RC po_access_drill_revoked(struct po_ctx *cx, struct po_access_drill *drill)
{
    static const char *const emails[] = {"revoked@drill.example", "suspended@drill.example",
                                         "gone@drill.example"};
    struct revoked revoked = {0};
    for (int how = 0; how < 3; how++)
        PO_TRY(cx, revoke(cx, drill, emails[how], how, &revoked));
    po_json_out_key(drill->out, "revoked");
    po_json_out_object(drill->out);
    po_json_out_field_int(drill->out, "good_before", revoked.good_before);
    po_json_out_field_int(drill->out, "tried", revoked.tried);
    po_json_out_field_int(drill->out, "refused", revoked.refused);
    po_json_out_field_int(drill->out, "worst_ms", revoked.worst_us / PO_US_PER_MS);
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}

/* ---- ends -------------------------------------------------------------------------------------- */

/* Waits `step_us` before each use, until it is refused: how long it lived from its beginning. */
static PO_RC live(struct po_ctx *cx, struct po_access_drill *drill, const char *user,
                  po_time_us step_us, po_time_us *ret_lived_us)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    char id[PO_ID_BYTES];
    bool is_refused = false;
    PO_TRY(cx, po_drill_session_add(cx, drill->home, user, id, &secret));
    po_time_us start_us = po_ctx_now_us(cx);
    while (!is_refused && po_ctx_now_us(cx) - start_us < 2 * PO_US_PER_DAY) {
        po_clock_fake_advance(&drill->clock, step_us);
        PO_TRY(cx, present(cx, drill, po_secret_bytes(secret), &is_refused));
    }
    *ret_lived_us = po_ctx_now_us(cx) - start_us;
    return po_rc_ok();
}

PO_RC po_access_drill_sessions(struct po_ctx *cx, struct po_access_drill *drill)
{
    const struct po_drill_canary canary = {.email = "idle@drill.example", .role = "viewer"};
    char user[PO_ID_BYTES];
    po_time_us idle_us = 0;
    po_time_us life_us = 0;
    PO_TRY(cx, po_drill_canary_add(cx, drill->home, &canary, user));
    PO_TRY(cx, live(cx, drill, user, 30 * PO_US_PER_MIN + PO_US_PER_S, &idle_us));
    PO_TRY(cx, live(cx, drill, user, USE_EVERY_US, &life_us));
    po_json_out_key(drill->out, "ends");
    po_json_out_object(drill->out);
    po_json_out_field_int(drill->out, "idle_ended_s", idle_us / PO_US_PER_S);
    po_json_out_field_int(drill->out, "used_ended_s", life_us / PO_US_PER_S);
    po_json_out_object_end(drill->out);
    return po_rc_ok();
}

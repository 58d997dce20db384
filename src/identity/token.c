/*
 * API tokens: "pot_", 32 random bytes in base62, a checksum; only their hash is kept.
 *
 * The checksum is no secret: it lets a scanner tell a token from a word without asking anybody, and
 * lets us refuse a mistyped one without looking it up. What makes a token good is its hash.
 *
 * Control  CC6.1
 */
#include "identity/identity_priv.h"

#define SECRET_BYTES 32
#define PREFIX_CHARS 4
#define BODY_CHARS 43
#define SUM_CHARS 6
#define TOKEN_LABEL "paulyops/v1/api-token"
_Static_assert(PREFIX_CHARS + BODY_CHARS + SUM_CHARS == PO_TOKEN_CHARS, "parts of a token");

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* ---- text ------------------------------------------------------------------------------------------------ */

/* 256 bits as a number in base 62, most significant digit first. Wipes what it was given. */
static void write_body(uint8_t bytes[static SECRET_BYTES], char *out)
{
    for (size_t i = BODY_CHARS; i-- > 0;) {
        uint32_t rest = 0;
        for (size_t b = 0; b < SECRET_BYTES; b++) {
            uint32_t value = rest << 8 | bytes[b];
            bytes[b] = (uint8_t)(value / 62U);
            rest = value % 62U;
        }
        out[i] = alphabet[rest];
    }
}

/* CRC-32 (ISO-HDLC), as gzip has it. */
static uint32_t checksum(po_str text)
{
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < text.len; i++) {
        crc ^= (uint8_t)text.ptr[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

static void write_sum(po_str text, char out[static SUM_CHARS])
{
    uint32_t sum = checksum(text);
    for (size_t i = SUM_CHARS; i-- > 0; sum /= 62U)
        out[i] = alphabet[sum % 62U];
}

bool po_token_is_shaped(po_str secret)
{
    char sum[SUM_CHARS];
    bool is_good = secret.len == PO_TOKEN_CHARS && po_str_starts(secret, PO_LIT(PO_TOKEN_PREFIX));
    for (size_t i = PREFIX_CHARS; i < secret.len && is_good; i++)
        is_good = po_str_find_char(po_str_of(alphabet), secret.ptr[i], 0) != SIZE_MAX;
    if (!is_good) return false;
    write_sum(po_str_slice(secret, 0, PREFIX_CHARS + BODY_CHARS), sum);
    return po_str_eq(po_str_slice(secret, PREFIX_CHARS + BODY_CHARS, secret.len),
                     po_str_n(sum, sizeof sum));
}

static PO_RC draw_secret(struct po_ctx *cx, struct po_secret **ret_secret)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *random = NULL;
    uint8_t bytes[32] PO_WIPED(po_wipe32) = {0};
    char text[64] = PO_TOKEN_PREFIX;
    PO_TRY(cx, po_secret_random(cx, SECRET_BYTES, &random));
    memcpy(bytes, po_secret_bytes(random).ptr, sizeof bytes);
    write_body(bytes, text + PREFIX_CHARS);
    write_sum(po_str_n(text, PREFIX_CHARS + BODY_CHARS), text + PREFIX_CHARS + BODY_CHARS);
    po_rc rc = po_secret_new(cx, po_str_n(text, PO_TOKEN_CHARS), ret_secret);
    po_wipe(text, sizeof text);
    return rc;
}

/* ---- scopes ------------------------------------------------------------------------------------------------ */

/* "control.show", or "control.*" for the whole family. */
static PO_RC add_scope(struct po_ctx *cx, po_str scope, struct po_action_set *set)
{
    size_t count = 0;
    bool is_any = false;
    const struct po_action *table = po_action_table(&count);
    bool is_family = po_str_ends(scope, PO_LIT(".*"));
    po_str family = po_str_slice(scope, 0, is_family ? scope.len - 1 : 0);
    for (size_t i = 0; i < count; i++) {
        po_str name = po_str_of(table[i].name);
        bool fits = is_family ? po_str_starts(name, family) : po_str_eq(name, scope);
        if (!fits) continue;
        po_action_set_add(set, &table[i]);
        is_any = true;
    }
    if (!is_any) return PO_FAIL(cx, PO_INVALID, "there is no action '%.*s'", PO_STR_ARG(scope));
    return po_rc_ok();
}

/* Without a scope: what the account may read. */
static PO_RC gather_scopes(struct po_ctx *cx, const struct po_token_new *token,
                           const struct po_identity *account, struct po_action_set *ret_set)
{
    struct po_action_set set = {0};
    size_t count = 0;
    const struct po_action *table = po_action_table(&count);
    for (size_t i = 0; token->scope_count == 0 && i < count; i++)
        if (table[i].kind == PO_ACTION_READ && po_action_set_has(&account->allowed, &table[i]))
            po_action_set_add(&set, &table[i]);
    for (size_t i = 0; i < token->scope_count; i++)
        PO_TRY(cx, add_scope(cx, token->scopes[i], &set));
    *ret_set = set;
    return po_rc_ok();
}

/* A family asks for what of it the account may do; a name asks for exactly that. */
static PO_RC check_scopes(struct po_ctx *cx, struct po_home *home, const struct po_token_new *token,
                          const struct po_identity *account, const struct po_action_set *set)
{
    struct po_identity caller = {0};
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    bool is_held = po_action_set_is_subset(set, &account->allowed) &&
                   po_action_set_is_subset(set, &caller.allowed) &&
                   po_action_set_is_subset(set, &caller.scopes);
    if (is_held) return po_rc_ok();
    const struct po_access_refusal refusal = {"token.create", "sod.more_than_own",
                                              "a scope that the account or the caller lacks",
                                              token->user};
    return po_access_refuse(cx, home, &refusal);
}

/* ---- making -------------------------------------------------------------------------------------------------- */

/* For oneself; for a service account with token.manage; a local process for anybody. */
static PO_RC check_account(struct po_ctx *cx, struct po_home *home,
                           const struct po_token_new *token, struct po_identity *ret_account)
{
    struct po_identity caller = {0};
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    PO_TRY(cx, po_identity_of(cx, home, token->user, ret_account));
    bool is_own = po_str_eq_cstr(token->user, caller.id);
    if (!is_own && caller.kind != PO_IDENTITY_LOCAL) {
        const struct po_access_refusal refusal = {"token.create", "sod.another",
                                                  "a token for another person", token->user};
        if (ret_account->kind != PO_IDENTITY_SERVICE) return po_access_refuse(cx, home, &refusal);
        PO_TRY(cx, po_access_check(cx, home, &caller, PO_LIT("token.manage"), token->user));
    }
    if (!ret_account->is_active) return PO_FAIL(cx, PO_CONFLICT, "the account is not active");
    return po_rc_ok();
}

static PO_RC check_token(struct po_ctx *cx, struct po_home *home, const struct po_token_new *token)
{
    struct po_store_api_token *rows = NULL;
    size_t count = 0;
    size_t open = 0;
    po_time_us now = po_ctx_now_us(cx);
    PO_TRY(cx, po_identity_name(cx, token->name, "a token's name"));
    if (token->life_us < 0 || token->life_us > PO_TOKEN_LIFE_US_MAX)
        return PO_FAIL(cx, PO_INVALID, "a token lives at most 365 days");
    PO_TRY(cx, po_store_api_token_list(cx, po_home_store(home), token->user, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (rows[i].revoked_us == 0 && rows[i].expires_us > now) open++;
    if (open >= PO_TOKENS_OF_USER_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d open tokens", PO_TOKENS_OF_USER_MAX);
    return po_rc_ok();
}

static PO_RC write_detail(struct po_ctx *cx, const struct po_store_api_token *row,
                          po_str *ret_detail)
{
    char expires[PO_TIME_RFC3339_BYTES];
    po_str scopes = row->scopes;
    po_str scope = {NULL, 0};
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    po_time_format_s(row->expires_us, expires);
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "expires", po_str_of(expires));
    po_json_out_key(&json, "scopes");
    po_json_out_array(&json);
    while (po_str_next_line(&scopes, &scope))
        po_json_out_str(&json, scope);
    po_json_out_array_end(&json);
    po_json_out_field(&json, "user", row->user);
    po_json_out_object_end(&json);
    return po_identity_detail(cx, &detail, ret_detail);
}

static PO_RC commit_token(struct po_ctx *cx, struct po_home *home,
                          const struct po_store_api_token *wanted, struct po_token_made *ret_made)
{
    struct po_store_api_token row = *wanted;
    struct po_token_made made = {.expires_us = row.expires_us};
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    PO_TRY(cx, po_id_new(cx, "tok", made.id));
    PO_TRY(cx, draw_secret(cx, &secret));
    PO_TRY(cx, po_secret_hash(cx, TOKEN_LABEL, po_secret_bytes(secret), row.hash));
    row.id = po_str_of(made.id);
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_TOKEN_CREATED, .kind = "token", .id = row.id, .action = "create"};
    PO_TRY(cx, write_detail(cx, &row, &note.detail));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_api_token_add(cx, tx, &row));
    PO_TRY(cx, po_identity_commit(cx, home, tx, &note));
    made.secret = PO_TAKE(secret);
    *ret_made = made;
    return po_rc_ok();
}

PO_RC po_token_create(struct po_ctx *cx, struct po_home *home, const struct po_token_new *token,
                      struct po_token_made *ret_made)
{
    struct po_identity account = {0};
    struct po_action_set scopes = {0};
    po_time_us life_us = token->life_us == 0 ? PO_TOKEN_LIFE_US : token->life_us;
    struct po_store_api_token row = {.user = token->user,
                                     .name = token->name,
                                     .author = po_identity_actor(cx),
                                     .expires_us = po_ctx_now_us(cx) + life_us};
    PO_TRY(cx, check_account(cx, home, token, &account));
    PO_TRY(cx, check_token(cx, home, token));
    PO_TRY(cx, gather_scopes(cx, token, &account, &scopes));
    PO_TRY(cx, check_scopes(cx, home, token, &account, &scopes));
    PO_TRY(cx, po_action_set_write(cx, &scopes, &row.scopes));
    return commit_token(cx, home, &row, ret_made);
}

/* ---- who -------------------------------------------------------------------------------------------------------- */

static const char *ended_why(const struct po_store_api_token *row, po_time_us now)
{
    if (row->revoked_us != 0) return "revoked";
    return now >= row->expires_us ? "expired" : NULL;
}

static PO_RC identify(struct po_ctx *cx, struct po_home *home, const struct po_store_api_token *row,
                      struct po_identity *ret_identity)
{
    struct po_identity identity = {0};
    bool is_found = false;
    *ret_identity = (struct po_identity){0};
    if (row == NULL || ended_why(row, po_ctx_now_us(cx)) != NULL) return po_rc_ok();
    PO_TRY(cx, po_identity_load(cx, home, row->user, &is_found, &identity));
    if (!is_found || !identity.is_active) return po_rc_ok();
    PO_TRY(cx, po_identity_copy(cx, row->id, identity.token, sizeof identity.token));
    PO_TRY(cx, po_action_set_read(cx, row->scopes, &identity.scopes));
    identity.expires_us = row->expires_us;
    *ret_identity = identity;
    return po_rc_ok();
}

PO_RC po_identity_of_token(struct po_ctx *cx, struct po_home *home, po_str id,
                           struct po_identity *ret_identity)
{
    struct po_store_api_token *row = NULL;
    PO_TRY(cx, po_store_api_token_get(cx, po_home_store(home), id, &row));
    return identify(cx, home, row, ret_identity);
}

static PO_RC note_used(struct po_ctx *cx, struct po_home *home,
                       const struct po_store_api_token *row, const struct po_identity *identity)
{
    struct po_event event = {0};
    const struct po_identity_note note = {
        .type = PO_EVENT_TYPE_TOKEN_USED, .kind = "token", .id = row->id, .action = "use"};
    bool is_service = identity->kind == PO_IDENTITY_SERVICE;
    const char *user =
        po_arena_printf(cx->arena, "%s:%s", is_service ? "service" : "user", identity->id);
    bool is_due = row->used_us == 0 || po_ctx_now_us(cx) - row->used_us >= PO_TOKEN_USED_US;
    if (!is_due || po_home_read_only_reason(home) != NULL) return po_rc_ok();
    if (user == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_identity_event(cx, &note, &event));
    event.user_id = po_str_of(user);
    event.session_id = row->id;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_api_token_used(cx, tx, row->id));
    return po_home_commit(cx, home, tx, &event);
}

static PO_RC identify_and_note(struct po_ctx *cx, struct po_home *home,
                               const struct po_store_api_token *row,
                               struct po_identity *ret_identity)
{
    PO_TRY(cx, identify(cx, home, row, ret_identity));
    if (ret_identity->kind == PO_IDENTITY_NONE) return po_rc_ok();
    return note_used(cx, home, row, ret_identity);
}

/* @control CC6.1 */
PO_RC po_identity_from_token(struct po_ctx *cx, struct po_home *home, po_str secret,
                             struct po_identity *ret_identity)
{
    uint8_t hash[PO_SHA256_BYTES] = {0};
    struct po_store_api_token *row = NULL;
    struct po_identity identity = {0};
    if (po_token_is_shaped(secret)) {
        PO_TRY(cx, po_secret_hash(cx, TOKEN_LABEL, secret, hash));
        PO_TRY(cx, po_store_api_token_find(cx, po_home_store(home), hash, &row));
    }
    if (row != NULL) {
        po_tenant_id before = cx->tenant;
        cx->tenant = row->tenant;
        po_rc rc = identify_and_note(cx, home, row, &identity);
        cx->tenant = before;
        PO_TRY(cx, rc);
    }
    if (identity.kind == PO_IDENTITY_NONE)
        return PO_FAIL(cx, PO_UNAUTH, "the token is not good, or not any more");
    *ret_identity = identity;
    return po_rc_ok();
}

/* ---- reading and revoking -------------------------------------------------------------------------------------- */

static struct po_token read_token(const struct po_ctx *cx, const struct po_store_api_token *row)
{
    const char *why = ended_why(row, po_ctx_now_us(cx));
    po_str ended = why == NULL ? PO_LIT("") : po_str_of(why);
    if (row->revoked_us != 0 && row->revoked_why.len > 0) ended = row->revoked_why;
    return (struct po_token){.id = row->id,
                             .user = row->user,
                             .name = row->name,
                             .scopes = row->scopes,
                             .author = row->author,
                             .is_open = why == NULL,
                             .created_us = row->created_us,
                             .expires_us = row->expires_us,
                             .used_us = row->used_us,
                             .ended_why = ended};
}

PO_RC po_token_list(struct po_ctx *cx, struct po_home *home, po_str user,
                    struct po_token **ret_tokens, size_t *ret_count)
{
    struct po_store_api_token *rows = NULL;
    struct po_token *tokens = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_api_token_list(cx, po_home_store(home), user, &rows, &count));
    PO_ARENA_NEW(cx, tokens, count + 1);
    for (size_t i = 0; i < count; i++)
        tokens[i] = read_token(cx, &rows[i]);
    *ret_tokens = tokens;
    *ret_count = count;
    return po_rc_ok();
}

PO_RC po_token_get(struct po_ctx *cx, struct po_home *home, po_str id, struct po_token *ret_token)
{
    struct po_store_api_token *row = NULL;
    PO_TRY(cx, po_store_api_token_get(cx, po_home_store(home), id, &row));
    if (row == NULL) return PO_FAIL(cx, PO_NOTFOUND, "there is no such token");
    *ret_token = read_token(cx, row);
    return po_rc_ok();
}

PO_RC po_token_revoke(struct po_ctx *cx, struct po_home *home, po_str id, const char *why)
{
    struct po_token token = {0};
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_TOKEN_REVOKED, .kind = "token", .id = id, .action = "revoke"};
    PO_TRY(cx, po_token_get(cx, home, id, &token));
    if (!token.is_open) return PO_FAIL(cx, PO_CONFLICT, "the token ended already");
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "user", token.user);
    po_json_out_field(&json, "why", po_str_of(why));
    po_json_out_object_end(&json);
    PO_TRY(cx, po_identity_detail(cx, &detail, &note.detail));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_api_token_revoke(cx, tx, id, why));
    return po_identity_commit(cx, home, tx, &note);
}

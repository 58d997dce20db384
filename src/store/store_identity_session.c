/*
 * Sessions and API tokens: only hashes of their secrets, and what a person would see of them sealed.
 *
 * A secret of 256 bits names its own tenant: looking it up is the one read that crosses tenants here,
 * and it gives nothing but the tenant. Everything else is read within that tenant.
 */
#include "store/store_identity_priv.h"

#define AGENT_BYTES_MAX 512
#define SCOPES_BYTES_MAX 16384

/* Read within another tenant, then as before. */
static po_tenant_id enter(struct po_ctx *cx, po_tenant_id tenant)
{
    po_tenant_id before = cx->tenant;
    cx->tenant = tenant;
    return before;
}

/* ---- sessions ---------------------------------------------------------------------------------- */

po_rc po_store_session_add(struct po_ctx *cx, struct po_tx *tx,
                           const struct po_store_session *session)
{
    const struct po_cell_at agent_at = {"session", "agent", session->id};
    const struct po_cell_at ip_at = {"session", "ip", session->id};
    po_str agent = {NULL, 0};
    po_str ip = {NULL, 0};
    po_time_us now = po_ctx_now_us(cx);
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, po_cell_put(cx, tx->store, &agent_at,
                           po_str_slice(session->agent, 0, AGENT_BYTES_MAX), &agent));
    PO_TRY(cx, po_cell_put(cx, tx->store, &ip_at, session->ip, &ip));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_SESSION_ADD, cx->tenant, &query));
    po_bind_text(&query, 2, session->id);
    po_bind_blob(&query, 3, po_str_n(session->hash, sizeof session->hash));
    po_bind_text(&query, 4, session->user);
    po_bind_text(&query, 5, session->method);
    po_bind_i64(&query, 6, session->is_mfa ? 1 : 0);
    po_bind_blob(&query, 7, agent);
    po_bind_blob(&query, 8, ip);
    po_bind_i64(&query, 9, now);
    po_bind_i64(&query, 10, now);
    po_bind_i64(&query, 11, session->step_up_us);
    po_bind_i64(&query, 12, session->expires_us);
    return po_query_run(cx, &query);
}

static po_rc read_session(struct po_ctx *cx, struct po_store *store, const struct po_query *query,
                          struct po_store_session *ret_session)
{
    struct po_store_session session = {.tenant = cx->tenant,
                                       .is_mfa = po_column_i64(query, 4) != 0,
                                       .created_us = po_column_i64(query, 7),
                                       .seen_us = po_column_i64(query, 8),
                                       .step_up_us = po_column_i64(query, 9),
                                       .expires_us = po_column_i64(query, 10),
                                       .revoked_us = po_column_i64(query, 11)};
    po_str *const id[] = {&session.id};
    po_str *const texts[] = {&session.user, &session.method};
    po_str *const cells[] = {&session.agent, &session.ip};
    po_str *const why[] = {&session.revoked_why};
    PO_TRY(cx, po_columns_copy(cx, query, 0, id, 1));
    PO_TRY(cx, po_column_exact(cx, query, 1, session.hash, sizeof session.hash));
    PO_TRY(cx, po_columns_copy(cx, query, 2, texts, 2));
    PO_TRY(cx, po_columns_copy(cx, query, 5, cells, 2));
    PO_TRY(cx, po_columns_copy(cx, query, 12, why, 1));
    const struct po_cell_at agent_at = {"session", "agent", session.id};
    const struct po_cell_at ip_at = {"session", "ip", session.id};
    PO_TRY(cx, po_cell_take(cx, store, &agent_at, &session.agent));
    PO_TRY(cx, po_cell_take(cx, store, &ip_at, &session.ip));
    *ret_session = session;
    return po_rc_ok();
}

/* By hash or id: the statement's second parameter. */
static po_rc one_session(struct po_ctx *cx, struct po_store *store, struct po_query *query,
                         struct po_store_session **ret_session)
{
    bool has_row = false;
    struct po_store_session *session = NULL;
    PO_TRY(cx, po_query_step(cx, query, &has_row));
    if (has_row) {
        PO_ARENA_NEW(cx, session, 1);
        PO_TRY(cx, read_session(cx, store, query, session));
    }
    *ret_session = session;
    return po_rc_ok();
}

static po_rc find_session(struct po_ctx *cx, struct po_store *store, po_str hash,
                          struct po_store_session **ret_session)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_SESSION_FIND, cx->tenant, &query));
    po_bind_blob(&query, 2, hash);
    return one_session(cx, store, &query, ret_session);
}

po_rc po_store_session_find(struct po_ctx *cx, struct po_store *store,
                            const uint8_t hash[static PO_SHA256_BYTES],
                            struct po_store_session **ret_session)
{
    po_tenant_id tenant = {0};
    PO_TRY(cx, po_hash_tenant(cx, store, PO_STATEMENT_SESSION_TENANT, hash, &tenant));
    *ret_session = NULL;
    if (tenant.value == 0) return po_rc_ok();
    po_tenant_id before = enter(cx, tenant);
    po_rc rc = find_session(cx, store, po_str_n(hash, PO_SHA256_BYTES), ret_session);
    cx->tenant = before;
    return rc;
}

po_rc po_store_session_get(struct po_ctx *cx, struct po_store *store, po_str id,
                           struct po_store_session **ret_session)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_SESSION_GET, cx->tenant, &query));
    po_bind_text(&query, 2, id);
    return one_session(cx, store, &query, ret_session);
}

po_rc po_store_session_list(struct po_ctx *cx, struct po_store *store, po_str user,
                            struct po_store_session **ret_sessions, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_session)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store,
                                    user.len > 0 ? PO_STATEMENT_SESSION_OF_USER
                                                 : PO_STATEMENT_SESSION_LIST,
                                    cx->tenant, &query));
    if (user.len > 0) po_bind_text(&query, 2, user);
    for (;;) {
        bool has_row = false;
        struct po_store_session *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, read_session(cx, store, &query, slot));
    }
    *ret_sessions = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

/* A change of one row by id at a time. */
static po_rc mark(struct po_ctx *cx, struct po_tx *tx, enum po_statement statement, po_str id,
                  const char *what)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, statement, cx->tenant, &query));
    po_bind_text(&query, 2, id);
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    return po_query_change(cx, &query, what);
}

struct revocation {
    enum po_statement statement;
    po_str of; /* id of the row, or of the user */
    const char *why;
};

static po_rc bind_revocation(struct po_ctx *cx, struct po_tx *tx, const struct revocation *how,
                             struct po_query *query)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, how->statement, cx->tenant, query));
    po_bind_text(query, 2, how->of);
    po_bind_i64(query, 3, po_ctx_now_us(cx));
    po_bind_text(query, 4, po_str_of(how->why));
    return po_rc_ok();
}

static po_rc revoke_one(struct po_ctx *cx, struct po_tx *tx, const struct revocation *how,
                        const char *what)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, bind_revocation(cx, tx, how, &query));
    return po_query_change(cx, &query, what);
}

#define NO_SESSION "there is no such session, or it was revoked"
#define NO_TOKEN "there is no such token, or it was revoked"

po_rc po_store_session_seen(struct po_ctx *cx, struct po_tx *tx, po_str id)
{
    return mark(cx, tx, PO_STATEMENT_SESSION_SEEN, id, NO_SESSION);
}

po_rc po_store_session_step_up(struct po_ctx *cx, struct po_tx *tx, po_str id)
{
    return mark(cx, tx, PO_STATEMENT_SESSION_STEP_UP, id, NO_SESSION);
}

po_rc po_store_session_revoke(struct po_ctx *cx, struct po_tx *tx, po_str id, const char *why)
{
    const struct revocation how = {PO_STATEMENT_SESSION_REVOKE, id, why};
    return revoke_one(cx, tx, &how, NO_SESSION);
}

/* rule: six parameters: all of whom, but which, why, and how many it was */
po_rc po_store_session_revoke_user(struct po_ctx *cx, struct po_tx *tx, po_str user,
                                   po_str except_id, const char *why, size_t *ret_count)
{
    const struct revocation how = {PO_STATEMENT_SESSION_REVOKE_USER, user, why};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, bind_revocation(cx, tx, &how, &query));
    po_bind_text(&query, 5, except_id);
    PO_TRY(cx, po_query_run(cx, &query));
    *ret_count = (size_t)sqlite3_changes(tx->store->db);
    return po_rc_ok();
}

po_rc po_store_session_trim(struct po_ctx *cx, struct po_tx *tx, po_str user, size_t keep)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_SESSION_TRIM, cx->tenant, &query));
    po_bind_text(&query, 2, user);
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    po_bind_i64(&query, 4, (int64_t)keep);
    return po_query_run(cx, &query);
}

/* ---- API tokens ---------------------------------------------------------------------------------- */

/* "user expiry\n" before the scopes in their cell. */
static void put_binding(const struct po_store_api_token *token, struct po_buf *out)
{
    po_buf_append(out, token->user);
    po_buf_append_char(out, ' ');
    po_buf_append_i64(out, token->expires_us);
    po_buf_append_char(out, '\n');
}

po_rc po_store_api_token_add(struct po_ctx *cx, struct po_tx *tx,
                             const struct po_store_api_token *token)
{
    const struct po_cell_at name_at = {"api_token", "name", token->id};
    const struct po_cell_at scopes_at = {"api_token", "scopes", token->id};
    po_str name = {NULL, 0};
    po_str scopes = {NULL, 0};
    PO_BUF_AUTO plain = {0};
    po_buf_init(&plain, SCOPES_BYTES_MAX);
    PO_TRY(cx, po_tx_check(cx, tx));
    put_binding(token, &plain);
    po_buf_append(&plain, token->scopes);
    PO_TRY_LEAF(cx, po_buf_check(&plain), "a token's scopes are too many");
    PO_TRY(cx, po_cell_put(cx, tx->store, &name_at, token->name, &name));
    PO_TRY(cx, po_cell_put(cx, tx->store, &scopes_at, po_buf_str(&plain), &scopes));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_API_TOKEN_ADD, cx->tenant, &query));
    po_bind_text(&query, 2, token->id);
    po_bind_blob(&query, 3, po_str_n(token->hash, sizeof token->hash));
    po_bind_text(&query, 4, token->user);
    po_bind_blob(&query, 5, name);
    po_bind_blob(&query, 6, scopes);
    po_bind_text(&query, 7, token->author);
    po_bind_i64(&query, 8, po_ctx_now_us(cx));
    po_bind_i64(&query, 9, token->expires_us);
    return po_query_run(cx, &query);
}

static po_rc open_scopes(struct po_ctx *cx, struct po_store *store,
                         struct po_store_api_token *token)
{
    const struct po_cell_at at = {"api_token", "scopes", token->id};
    PO_BUF_AUTO binding = {0};
    po_buf_init(&binding, 256);
    put_binding(token, &binding);
    PO_TRY_LEAF(cx, po_buf_check(&binding), "out of memory for a token");
    PO_TRY(cx, po_cell_take(cx, store, &at, &token->scopes));
    if (!po_str_starts(token->scopes, po_buf_str(&binding)))
        return PO_FAIL(cx, PO_TAMPER, "token '%.*s' is not the one that was made",
                       PO_STR_ARG(token->id));
    token->scopes = po_str_slice(token->scopes, binding.len, token->scopes.len);
    return po_rc_ok();
}

static po_rc read_token(struct po_ctx *cx, struct po_store *store, const struct po_query *query,
                        struct po_store_api_token *ret_token)
{
    struct po_store_api_token token = {.tenant = cx->tenant,
                                       .created_us = po_column_i64(query, 6),
                                       .expires_us = po_column_i64(query, 7),
                                       .used_us = po_column_i64(query, 8),
                                       .revoked_us = po_column_i64(query, 9)};
    po_str *const id[] = {&token.id};
    po_str *const texts[] = {&token.user, &token.name, &token.scopes, &token.author};
    po_str *const why[] = {&token.revoked_why};
    PO_TRY(cx, po_columns_copy(cx, query, 0, id, 1));
    PO_TRY(cx, po_column_exact(cx, query, 1, token.hash, sizeof token.hash));
    PO_TRY(cx, po_columns_copy(cx, query, 2, texts, 4));
    PO_TRY(cx, po_columns_copy(cx, query, 10, why, 1));
    const struct po_cell_at name_at = {"api_token", "name", token.id};
    PO_TRY(cx, po_cell_take(cx, store, &name_at, &token.name));
    PO_TRY(cx, open_scopes(cx, store, &token));
    *ret_token = token;
    return po_rc_ok();
}

static po_rc one_token(struct po_ctx *cx, struct po_store *store, struct po_query *query,
                       struct po_store_api_token **ret_token)
{
    bool has_row = false;
    struct po_store_api_token *token = NULL;
    PO_TRY(cx, po_query_step(cx, query, &has_row));
    if (has_row) {
        PO_ARENA_NEW(cx, token, 1);
        PO_TRY(cx, read_token(cx, store, query, token));
    }
    *ret_token = token;
    return po_rc_ok();
}

static po_rc find_token(struct po_ctx *cx, struct po_store *store, po_str hash,
                        struct po_store_api_token **ret_token)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_API_TOKEN_FIND, cx->tenant, &query));
    po_bind_blob(&query, 2, hash);
    return one_token(cx, store, &query, ret_token);
}

po_rc po_store_api_token_find(struct po_ctx *cx, struct po_store *store,
                              const uint8_t hash[static PO_SHA256_BYTES],
                              struct po_store_api_token **ret_token)
{
    po_tenant_id tenant = {0};
    PO_TRY(cx, po_hash_tenant(cx, store, PO_STATEMENT_API_TOKEN_TENANT, hash, &tenant));
    *ret_token = NULL;
    if (tenant.value == 0) return po_rc_ok();
    po_tenant_id before = enter(cx, tenant);
    po_rc rc = find_token(cx, store, po_str_n(hash, PO_SHA256_BYTES), ret_token);
    cx->tenant = before;
    return rc;
}

po_rc po_store_api_token_get(struct po_ctx *cx, struct po_store *store, po_str id,
                             struct po_store_api_token **ret_token)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_API_TOKEN_GET, cx->tenant, &query));
    po_bind_text(&query, 2, id);
    return one_token(cx, store, &query, ret_token);
}

po_rc po_store_api_token_list(struct po_ctx *cx, struct po_store *store, po_str user,
                              struct po_store_api_token **ret_tokens, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_api_token)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store,
                                    user.len > 0 ? PO_STATEMENT_API_TOKEN_OF_USER
                                                 : PO_STATEMENT_API_TOKEN_LIST,
                                    cx->tenant, &query));
    if (user.len > 0) po_bind_text(&query, 2, user);
    for (;;) {
        bool has_row = false;
        struct po_store_api_token *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, read_token(cx, store, &query, slot));
    }
    *ret_tokens = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

po_rc po_store_api_token_used(struct po_ctx *cx, struct po_tx *tx, po_str id)
{
    return mark(cx, tx, PO_STATEMENT_API_TOKEN_USED, id, NO_TOKEN);
}

po_rc po_store_api_token_revoke(struct po_ctx *cx, struct po_tx *tx, po_str id, const char *why)
{
    const struct revocation how = {PO_STATEMENT_API_TOKEN_REVOKE, id, why};
    return revoke_one(cx, tx, &how, NO_TOKEN);
}

po_rc po_store_api_token_revoke_user(struct po_ctx *cx, struct po_tx *tx, po_str user,
                                     const char *why, size_t *ret_count)
{
    const struct revocation how = {PO_STATEMENT_API_TOKEN_REVOKE_USER, user, why};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, bind_revocation(cx, tx, &how, &query));
    PO_TRY(cx, po_query_run(cx, &query));
    *ret_count = (size_t)sqlite3_changes(tx->store->db);
    return po_rc_ok();
}

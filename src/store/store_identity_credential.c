/*
 * What proves who somebody is: credentials, counts of failed attempts, links that work once.
 *
 * Of two who use the same code or link at the same time one is told PO_OK: using is an update that
 * names the state it expects, and the number of rows it changed is the answer.
 */
#include "store/store_identity_priv.h"


/* ---- credentials --------------------------------------------------------------------------------- */

/* "user/kind/slot": where its cell belongs. In the arena. */
static po_rc credential_row(struct po_ctx *cx, const struct po_store_credential *credential,
                            po_str *ret_row)
{
    const char *row = po_arena_printf(cx->arena, "%.*s/%s/%u", PO_STR_ARG(credential->user),
                                      credential->kind, (unsigned)credential->slot);
    if (row == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_row = po_str_of(row);
    return po_rc_ok();
}

po_rc po_store_credential_set(struct po_ctx *cx, struct po_tx *tx,
                              const struct po_store_credential *credential)
{
    po_str row = {NULL, 0};
    po_str secret = {NULL, 0};
    PO_TRY(cx, po_tx_check(cx, tx));
    if (credential->slot >= PO_STORE_CREDENTIAL_SLOTS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d credentials of one kind",
                       PO_STORE_CREDENTIAL_SLOTS_MAX);
    PO_TRY(cx, credential_row(cx, credential, &row));
    const struct po_cell_at at = {"credential", "secret", row};
    PO_TRY(cx, po_cell_put(cx, tx->store, &at, credential->secret, &secret));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_CREDENTIAL_SET, cx->tenant, &query));
    po_bind_text(&query, 2, credential->user);
    po_bind_text(&query, 3, po_str_of(credential->kind));
    po_bind_i64(&query, 4, credential->slot);
    po_bind_blob(&query, 5, secret);
    po_bind_i64(&query, 6, credential->is_verified ? 1 : 0);
    po_bind_i64(&query, 7, credential->counter);
    po_bind_i64(&query, 8, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

static po_rc read_credential(struct po_ctx *cx, struct po_store *store,
                             const struct po_query *query, struct po_store_credential *credential)
{
    po_str row = {NULL, 0};
    po_str *const cells[] = {&credential->secret};
    credential->slot = (uint8_t)po_column_i64(query, 0);
    credential->is_verified = po_column_i64(query, 2) != 0;
    credential->counter = po_column_i64(query, 3);
    credential->created_us = po_column_i64(query, 4);
    credential->used_us = po_column_i64(query, 5);
    PO_TRY(cx, po_columns_copy(cx, query, 1, cells, 1));
    PO_TRY(cx, credential_row(cx, credential, &row));
    const struct po_cell_at at = {"credential", "secret", row};
    return po_cell_take(cx, store, &at, &credential->secret);
}

po_rc po_store_credential_list(struct po_ctx *cx, struct po_store *store, po_str user,
                               const char *kind, struct po_store_credential **ret_credentials,
                               size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_credential)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_CREDENTIAL_LIST, cx->tenant, &query));
    po_bind_text(&query, 2, user);
    po_bind_text(&query, 3, po_str_of(kind));
    for (;;) {
        bool has_row = false;
        struct po_store_credential *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        slot->user = user;
        slot->kind = kind;
        PO_TRY(cx, read_credential(cx, store, &query, slot));
    }
    *ret_credentials = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

po_rc po_store_credential_use(struct po_ctx *cx, struct po_tx *tx,
                              const struct po_store_credential *used)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_CREDENTIAL_USE, cx->tenant, &query));
    po_bind_text(&query, 2, used->user);
    po_bind_text(&query, 3, po_str_of(used->kind));
    po_bind_i64(&query, 4, used->slot);
    po_bind_i64(&query, 5, used->counter);
    po_bind_i64(&query, 6, po_ctx_now_us(cx));
    return po_query_change(cx, &query, "this code was used before");
}

po_rc po_store_credential_delete(struct po_ctx *cx, struct po_tx *tx, po_str user,
                                 const char *kind)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_CREDENTIAL_DELETE, cx->tenant, &query));
    po_bind_text(&query, 2, user);
    po_bind_text(&query, 3, po_str_of(kind));
    return po_query_run(cx, &query);
}

/* ---- lockout ------------------------------------------------------------------------------------- */

static void bind_lockout(struct po_query *query, const struct po_store_lockout *state)
{
    po_bind_text(query, 2, po_str_of(state->kind));
    po_bind_blob(query, 3, po_str_n(state->token, sizeof state->token));
}

po_rc po_store_lockout_find(struct po_ctx *cx, struct po_store *store,
                            struct po_store_lockout *state)
{
    bool has_row = false;
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_LOCKOUT_FIND, cx->tenant, &query));
    bind_lockout(&query, state);
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    state->failures = has_row ? (uint32_t)po_column_i64(&query, 0) : 0;
    state->first_us = has_row ? po_column_i64(&query, 1) : 0;
    state->last_us = has_row ? po_column_i64(&query, 2) : 0;
    state->until_us = has_row ? po_column_i64(&query, 3) : 0;
    return po_rc_ok();
}

po_rc po_store_lockout_set(struct po_ctx *cx, struct po_tx *tx,
                           const struct po_store_lockout *state)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_LOCKOUT_SET, cx->tenant, &query));
    bind_lockout(&query, state);
    po_bind_i64(&query, 4, state->failures);
    po_bind_i64(&query, 5, state->first_us);
    po_bind_i64(&query, 6, state->last_us);
    po_bind_i64(&query, 7, state->until_us);
    return po_query_run(cx, &query);
}

po_rc po_store_lockout_clear(struct po_ctx *cx, struct po_tx *tx,
                             const struct po_store_lockout *state)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_LOCKOUT_CLEAR, cx->tenant, &query));
    bind_lockout(&query, state);
    return po_query_run(cx, &query);
}

po_rc po_store_lockout_expire(struct po_ctx *cx, struct po_tx *tx, po_time_us before_us)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_LOCKOUT_EXPIRE, cx->tenant, &query));
    po_bind_i64(&query, 2, before_us);
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

/* ---- links that work once -------------------------------------------------------------------------- */

po_rc po_store_link_add(struct po_ctx *cx, struct po_tx *tx, const struct po_store_link *link)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_LINK_ADD, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(link->hash, sizeof link->hash));
    po_bind_text(&query, 3, link->user);
    po_bind_text(&query, 4, link->purpose);
    po_bind_i64(&query, 5, po_ctx_now_us(cx));
    po_bind_i64(&query, 6, link->expires_us);
    return po_query_run(cx, &query);
}

po_rc po_store_link_find(struct po_ctx *cx, struct po_store *store,
                         const uint8_t hash[static PO_SHA256_BYTES],
                         struct po_store_link **ret_link)
{
    bool has_row = false;
    struct po_store_link *link = NULL;
    po_tenant_id tenant = {0};
    PO_TRY(cx, po_hash_tenant(cx, store, PO_STATEMENT_LINK_TENANT, hash, &tenant));
    *ret_link = NULL;
    if (tenant.value == 0) return po_rc_ok();
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_LINK_FIND, tenant, &query));
    po_bind_blob(&query, 2, po_str_n(hash, PO_SHA256_BYTES));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    PO_INVARIANT(cx, has_row); /* the row that told its tenant */
    PO_ARENA_NEW(cx, link, 1);
    *link = (struct po_store_link){.tenant = tenant,
                                   .created_us = po_column_i64(&query, 2),
                                   .expires_us = po_column_i64(&query, 3),
                                   .used_us = po_column_i64(&query, 4),
                                   .revoked_us = po_column_i64(&query, 5)};
    memcpy(link->hash, hash, PO_SHA256_BYTES);
    po_str *const texts[] = {&link->user, &link->purpose};
    PO_TRY(cx, po_columns_copy(cx, &query, 0, texts, 2));
    *ret_link = link;
    return po_rc_ok();
}

po_rc po_store_link_use(struct po_ctx *cx, struct po_tx *tx,
                        const uint8_t hash[static PO_SHA256_BYTES])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_LINK_USE, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(hash, PO_SHA256_BYTES));
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    return po_query_change(cx, &query, "the link was used before, or has expired");
}

po_rc po_store_link_revoke(struct po_ctx *cx, struct po_tx *tx, po_str user, const char *purpose)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_LINK_REVOKE, cx->tenant, &query));
    po_bind_text(&query, 2, user);
    po_bind_text(&query, 3, po_str_of(purpose));
    po_bind_i64(&query, 4, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

/*
 * What proves who somebody is: credentials, counts of failed attempts, tickets and links that work
 * once.
 *
 * Of two who use the same code or link at the same time one is told PO_OK: using is an update that
 * names the state it expects, and the number of rows it changed is the answer.
 */
#include "store/store_identity_priv.h"

#include <inttypes.h>

/* ---- credentials --------------------------------------------------------------------------------- */

/* "user/kind/number": where its cell belongs. In the arena. */
static po_rc credential_row(struct po_ctx *cx, const struct po_store_credential *credential,
                            po_str *ret_row)
{
    const char *row = po_arena_printf(cx->arena, "%.*s/%.*s/%" PRIu32, PO_STR_ARG(credential->user),
                                      PO_STR_ARG(credential->kind), credential->number);
    if (row == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_row = po_str_of(row);
    return po_rc_ok();
}

static void bind_credential(struct po_query *query, const struct po_store_credential *credential)
{
    po_bind_text(query, 2, credential->user);
    po_bind_text(query, 3, credential->kind);
    po_bind_i64(query, 4, credential->number);
}

po_rc po_store_credential_put(struct po_ctx *cx, struct po_tx *tx,
                              const struct po_store_credential *credential)
{
    po_str row = {NULL, 0};
    po_str secret = {NULL, 0};
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, credential_row(cx, credential, &row));
    const struct po_cell_at at = {"credential", "secret", row};
    PO_TRY(cx, po_cell_put(cx, tx->store, &at, credential->secret, &secret));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_CREDENTIAL_PUT, cx->tenant, &query));
    bind_credential(&query, credential);
    po_bind_blob(&query, 5, secret);
    po_bind_i64(&query, 6, credential->counter);
    po_bind_i64(&query, 7, po_ctx_now_us(cx));
    po_bind_i64(&query, 8, credential->used_us);
    return po_query_run(cx, &query);
}

static po_rc read_credential(struct po_ctx *cx, struct po_store *store,
                             const struct po_query *query,
                             struct po_store_credential *ret_credential)
{
    struct po_store_credential credential = {.number = (uint32_t)po_column_i64(query, 3),
                                             .counter = po_column_i64(query, 4),
                                             .created_us = po_column_i64(query, 5),
                                             .used_us = po_column_i64(query, 6)};
    po_str row = {NULL, 0};
    po_str *const texts[] = {&credential.user, &credential.kind, &credential.secret};
    PO_TRY(cx, po_columns_copy(cx, query, 0, texts, 3));
    PO_TRY(cx, credential_row(cx, &credential, &row));
    const struct po_cell_at at = {"credential", "secret", row};
    PO_TRY(cx, po_cell_take(cx, store, &at, &credential.secret));
    *ret_credential = credential;
    return po_rc_ok();
}

/* rule: six parameters: one user's, of one kind, and two results */
po_rc po_store_credential_list(struct po_ctx *cx, struct po_store *store, po_str user, po_str kind,
                               struct po_store_credential **ret_credentials, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_credential)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_CREDENTIAL_LIST, cx->tenant, &query));
    po_bind_text(&query, 2, user);
    po_bind_text(&query, 3, kind);
    for (;;) {
        bool has_row = false;
        struct po_store_credential *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
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
    bind_credential(&query, used);
    po_bind_i64(&query, 5, used->counter);
    po_bind_i64(&query, 6, po_ctx_now_us(cx));
    return po_query_change(cx, &query, "this code was used before");
}

po_rc po_store_credential_delete(struct po_ctx *cx, struct po_tx *tx, po_str user, po_str kind)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_CREDENTIAL_DELETE, cx->tenant, &query));
    po_bind_text(&query, 2, user);
    po_bind_text(&query, 3, kind);
    return po_query_run(cx, &query);
}

/* ---- throttling ----------------------------------------------------------------------------------- */

po_rc po_store_throttle_find(struct po_ctx *cx, struct po_store *store,
                             struct po_store_throttle *throttle)
{
    bool has_row = false;
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_THROTTLE_FIND, cx->tenant, &query));
    po_bind_text(&query, 2, throttle->kind);
    po_bind_blob(&query, 3, po_str_n(throttle->key, sizeof throttle->key));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    throttle->failures = has_row ? po_column_i64(&query, 0) : 0;
    throttle->last_us = has_row ? po_column_i64(&query, 1) : 0;
    throttle->until_us = has_row ? po_column_i64(&query, 2) : 0;
    return po_rc_ok();
}

po_rc po_store_throttle_set(struct po_ctx *cx, struct po_tx *tx,
                            const struct po_store_throttle *throttle)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_THROTTLE_SET, cx->tenant, &query));
    po_bind_text(&query, 2, throttle->kind);
    po_bind_blob(&query, 3, po_str_n(throttle->key, sizeof throttle->key));
    po_bind_i64(&query, 4, throttle->failures);
    po_bind_i64(&query, 5, throttle->last_us);
    po_bind_i64(&query, 6, throttle->until_us);
    return po_query_run(cx, &query);
}

po_rc po_store_throttle_delete(struct po_ctx *cx, struct po_tx *tx, po_str kind,
                               const uint8_t key[static PO_STORE_TOKEN_BYTES])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_THROTTLE_DELETE, cx->tenant, &query));
    po_bind_text(&query, 2, kind);
    po_bind_blob(&query, 3, po_str_n(key, PO_STORE_TOKEN_BYTES));
    return po_query_run(cx, &query);
}

po_rc po_store_throttle_purge(struct po_ctx *cx, struct po_tx *tx, po_time_us before_us)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_THROTTLE_PURGE, cx->tenant, &query));
    po_bind_i64(&query, 2, before_us);
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

/* ---- tickets --------------------------------------------------------------------------------------- */

po_rc po_store_ticket_add(struct po_ctx *cx, struct po_tx *tx, const struct po_store_ticket *ticket)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TICKET_ADD, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(ticket->digest, sizeof ticket->digest));
    po_bind_text(&query, 3, ticket->kind);
    po_bind_text(&query, 4, ticket->user);
    po_bind_blob(&query, 5, po_str_n(ticket->source, sizeof ticket->source));
    po_bind_i64(&query, 6, po_ctx_now_us(cx));
    po_bind_i64(&query, 7, ticket->expires_us);
    return po_query_run(cx, &query);
}

static po_rc read_ticket(struct po_ctx *cx, const struct po_query *query,
                         struct po_store_ticket *ret_ticket)
{
    struct po_store_ticket ticket = {.tries = po_column_i64(query, 3),
                                     .created_us = po_column_i64(query, 4),
                                     .expires_us = po_column_i64(query, 5),
                                     .used_us = po_column_i64(query, 6)};
    po_str *const texts[] = {&ticket.kind, &ticket.user};
    PO_TRY(cx, po_columns_copy(cx, query, 0, texts, 2));
    PO_TRY(cx, po_column_exact(cx, query, 2, ticket.source, sizeof ticket.source));
    *ret_ticket = ticket;
    return po_rc_ok();
}

po_rc po_store_ticket_find(struct po_ctx *cx, struct po_store *store,
                           const uint8_t digest[static PO_SHA256_BYTES],
                           struct po_store_ticket **ret_ticket)
{
    bool has_row = false;
    struct po_store_ticket *ticket = NULL;
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_TICKET_FIND, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(digest, PO_SHA256_BYTES));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    if (has_row) {
        PO_ARENA_NEW(cx, ticket, 1);
        PO_TRY(cx, read_ticket(cx, &query, ticket));
        memcpy(ticket->digest, digest, PO_SHA256_BYTES);
    }
    *ret_ticket = ticket;
    return po_rc_ok();
}

po_rc po_store_ticket_tenant(struct po_ctx *cx, struct po_store *store,
                             const uint8_t digest[static PO_SHA256_BYTES], bool *ret_is_found,
                             po_tenant_id *ret_tenant)
{
    bool has_row = false;
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open(cx, store, PO_STATEMENT_TICKET_TENANT, &query));
    po_bind_blob(&query, 1, po_str_n(digest, PO_SHA256_BYTES));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    if (has_row) ret_tenant->value = (uint64_t)po_column_i64(&query, 0);
    *ret_is_found = has_row;
    return po_rc_ok();
}

po_rc po_store_ticket_try(struct po_ctx *cx, struct po_tx *tx,
                          const uint8_t digest[static PO_SHA256_BYTES])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TICKET_TRY, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(digest, PO_SHA256_BYTES));
    return po_query_change(cx, &query, "it was used before");
}

po_rc po_store_ticket_spend(struct po_ctx *cx, struct po_tx *tx,
                            const uint8_t digest[static PO_SHA256_BYTES])
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TICKET_SPEND, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(digest, PO_SHA256_BYTES));
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    return po_query_change(cx, &query, "it was used before");
}

po_rc po_store_ticket_void(struct po_ctx *cx, struct po_tx *tx, po_str user, po_str kind)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TICKET_VOID, cx->tenant, &query));
    po_bind_text(&query, 2, user);
    po_bind_text(&query, 3, kind);
    po_bind_i64(&query, 4, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

po_rc po_store_ticket_purge(struct po_ctx *cx, struct po_tx *tx, po_time_us before_us)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_TICKET_PURGE, cx->tenant, &query));
    po_bind_i64(&query, 2, before_us);
    return po_query_run(cx, &query);
}

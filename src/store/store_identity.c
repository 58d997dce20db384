/*
 * People, service accounts, the roles they have and the roles that people made.
 *
 * Names and e-mail addresses are sealed; an e-mail has a token beside it. What a role allows and who
 * was given which role is sealed too, together with the plain columns beside it: a row that was
 * altered behind the store's back does not open (docs/spec/store.md 4).
 */
#include "store/store_identity_priv.h"

#include <stdio.h>

/* ---- shared ----------------------------------------------------------------------------------- */

po_rc po_columns_copy(struct po_ctx *cx, const struct po_query *query, int first,
                      po_str *const *outs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_column_bytes(query, first + (int)i), outs[i]),
                    "out of request memory");
    return po_rc_ok();
}

po_rc po_cell_put(struct po_ctx *cx, struct po_store *store, const struct po_cell_at *at,
                  po_str plain, po_str *ret_cell)
{
    const struct po_cell_place place = {cx->tenant, at->table, at->column, at->row};
    PO_BUF_AUTO cell = {0};
    po_buf_init(&cell, PO_STORE_VALUE_BYTES_MAX + 256);
    PO_TRY(cx, po_cell_seal(cx, store, &place, plain, &cell));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&cell), ret_cell), "out of request memory");
    return po_rc_ok();
}

po_rc po_cell_take(struct po_ctx *cx, struct po_store *store, const struct po_cell_at *at,
                   po_str *cell)
{
    const struct po_cell_place place = {cx->tenant, at->table, at->column, at->row};
    return po_cell_open(cx, store, &place, *cell, cell);
}

po_rc po_query_change(struct po_ctx *cx, struct po_query *query, const char *what)
{
    PO_TRY(cx, po_query_run(cx, query));
    if (sqlite3_changes(query->store->db) == 0) return PO_FAIL(cx, PO_CONFLICT, "%s", what);
    return po_rc_ok();
}

po_rc po_hash_tenant(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                     const uint8_t hash[static PO_SHA256_BYTES], po_tenant_id *ret_tenant)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open(cx, store, statement, &query));
    po_bind_blob(&query, 1, po_str_n(hash, PO_SHA256_BYTES));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    *ret_tenant = (po_tenant_id){has_row ? (uint64_t)po_column_i64(&query, 0) : 0};
    return po_rc_ok();
}

static po_rc next_id(struct po_ctx *cx, struct po_store *store, enum po_statement statement,
                     uint64_t *ret_id)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    PO_TRY(cx, po_query_open_tenant(cx, store, statement, cx->tenant, &query));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    PO_INVARIANT(cx, has_row);
    *ret_id = (uint64_t)po_column_i64(&query, 0);
    return po_rc_ok();
}

/* ---- users ------------------------------------------------------------------------------------- */

static po_rc check_user(struct po_ctx *cx, struct po_store *store, const struct po_store_user *user)
{
    uint64_t count = 0;
    if (user->id.len != PO_STORE_ID_CHARS || user->owner.len > PO_STORE_ACTOR_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "an account's id has %d characters", PO_STORE_ID_CHARS);
    if (user->email.len > PO_STORE_EMAIL_BYTES_MAX || user->name.len > PO_STORE_LABEL_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a name or an e-mail address is too long");
    PO_TRY(cx, next_id(cx, store, PO_STATEMENT_USER_COUNT, &count));
    if (count >= PO_STORE_USERS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d accounts", PO_STORE_USERS_MAX);
    return po_rc_ok();
}

static struct po_store_column email_column(po_tenant_id tenant)
{
    return (struct po_store_column){tenant, "user", "email"};
}

po_rc po_store_user_add(struct po_ctx *cx, struct po_tx *tx, const struct po_store_user *user)
{
    const struct po_store_column column = email_column(cx->tenant);
    uint8_t token[PO_STORE_TOKEN_BYTES] = {0};
    po_str email = {NULL, 0};
    po_str name = {NULL, 0};
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, check_user(cx, tx->store, user));
    const struct po_cell_at email_at = {"user", "email", user->id};
    const struct po_cell_at name_at = {"user", "name", user->id};
    PO_TRY(cx, po_cell_put(cx, tx->store, &email_at, user->email, &email));
    PO_TRY(cx, po_cell_put(cx, tx->store, &name_at, user->name, &name));
    PO_TRY(cx, po_store_token(cx, tx->store, &column, user->email, token));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_USER_ADD, cx->tenant, &query));
    po_bind_text(&query, 2, user->id);
    po_bind_text(&query, 3, user->kind);
    po_bind_text(&query, 4, user->state);
    po_bind_blob(&query, 5, email);
    if (user->email.len > 0) po_bind_blob(&query, 6, po_str_n(token, sizeof token));
    po_bind_blob(&query, 7, name);
    po_bind_text(&query, 8, user->owner);
    po_bind_i64(&query, 9, user->is_canary ? 1 : 0);
    po_bind_i64(&query, 10, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

po_rc po_store_user_move(struct po_ctx *cx, struct po_tx *tx, po_str id, const char *from,
                         const char *to)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_USER_MOVE, cx->tenant, &query));
    po_bind_text(&query, 2, id);
    po_bind_text(&query, 3, po_str_of(from));
    po_bind_text(&query, 4, po_str_of(to));
    po_bind_i64(&query, 5, po_ctx_now_us(cx));
    return po_query_change(cx, &query, "the account changed meanwhile");
}

static po_rc read_user(struct po_ctx *cx, struct po_store *store, const struct po_query *query,
                       struct po_store_user *ret_user)
{
    struct po_store_user user = {.is_canary = po_column_i64(query, 6) != 0,
                                 .created_us = po_column_i64(query, 7),
                                 .changed_us = po_column_i64(query, 8),
                                 .version = (uint64_t)po_column_i64(query, 9)};
    po_str *const texts[] = {&user.id,    &user.kind, &user.state,
                             &user.email, &user.name, &user.owner};
    PO_TRY(cx, po_columns_copy(cx, query, 0, texts, 6));
    const struct po_cell_at email_at = {"user", "email", user.id};
    const struct po_cell_at name_at = {"user", "name", user.id};
    PO_TRY(cx, po_cell_take(cx, store, &email_at, &user.email));
    PO_TRY(cx, po_cell_take(cx, store, &name_at, &user.name));
    *ret_user = user;
    return po_rc_ok();
}

static po_rc find_user(struct po_ctx *cx, struct po_store *store, struct po_query *query,
                       struct po_store_user **ret_user)
{
    bool has_row = false;
    struct po_store_user *user = NULL;
    PO_TRY(cx, po_query_step(cx, query, &has_row));
    if (has_row) {
        PO_ARENA_NEW(cx, user, 1);
        PO_TRY(cx, read_user(cx, store, query, user));
    }
    *ret_user = user;
    return po_rc_ok();
}

po_rc po_store_user_find(struct po_ctx *cx, struct po_store *store, po_str id,
                         struct po_store_user **ret_user)
{
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_USER_FIND, cx->tenant, &query));
    po_bind_text(&query, 2, id);
    return find_user(cx, store, &query, ret_user);
}

po_rc po_store_user_find_email(struct po_ctx *cx, struct po_store *store, po_str email,
                               struct po_store_user **ret_user)
{
    const struct po_store_column column = email_column(cx->tenant);
    uint8_t token[PO_STORE_TOKEN_BYTES] = {0};
    PO_TRY(cx, po_store_token(cx, store, &column, email, token));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_USER_FIND_EMAIL, cx->tenant, &query));
    po_bind_blob(&query, 2, po_str_n(token, sizeof token));
    return find_user(cx, store, &query, ret_user);
}

po_rc po_store_user_list(struct po_ctx *cx, struct po_store *store,
                         struct po_store_user **ret_users, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_user)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_USER_LIST, cx->tenant, &query));
    for (;;) {
        bool has_row = false;
        struct po_store_user *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, read_user(cx, store, &query, slot));
    }
    *ret_users = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

/* ---- roles given to users ------------------------------------------------------------------------ */

#define BINDING_BYTES_MAX 512

/* "user role asked_by approved_by asked effective " before the reason in its cell. */
static po_rc put_binding(struct po_ctx *cx, const struct po_store_role_grant *grant,
                         struct po_buf *out)
{
    const po_str parts[] = {grant->user, grant->role, grant->asked_by, grant->approved_by};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        po_buf_append(out, parts[i]);
        po_buf_append_char(out, '\n');
    }
    po_buf_append_i64(out, grant->asked_us);
    po_buf_append_char(out, ' ');
    po_buf_append_i64(out, grant->effective_us);
    po_buf_append_char(out, '\n');
    PO_TRY_LEAF(cx, po_buf_check(out), "out of memory for a role");
    return po_rc_ok();
}

static po_rc seal_reason(struct po_ctx *cx, struct po_store *store,
                         const struct po_store_role_grant *grant, po_str *ret_cell)
{
    uint8_t room[PO_ROW_ID_BYTES];
    const struct po_cell_at at = {"role_grant", "reason", po_row_id(grant->id, room)};
    PO_BUF_AUTO plain = {0};
    po_buf_init(&plain, PO_STORE_VALUE_BYTES_MAX);
    PO_TRY(cx, put_binding(cx, grant, &plain));
    po_buf_append(&plain, grant->reason);
    PO_TRY_LEAF(cx, po_buf_check(&plain), "the reason is too long");
    return po_cell_put(cx, store, &at, po_buf_str(&plain), ret_cell);
}

static po_rc open_reason(struct po_ctx *cx, struct po_store *store,
                         struct po_store_role_grant *grant)
{
    uint8_t room[PO_ROW_ID_BYTES];
    const struct po_cell_at at = {"role_grant", "reason", po_row_id(grant->id, room)};
    PO_BUF_AUTO binding = {0};
    po_buf_init(&binding, BINDING_BYTES_MAX);
    PO_TRY(cx, put_binding(cx, grant, &binding));
    PO_TRY(cx, po_cell_take(cx, store, &at, &grant->reason));
    if (!po_str_starts(grant->reason, po_buf_str(&binding)))
        return PO_FAIL(cx, PO_TAMPER, "role %lu is not the one that was given",
                       (unsigned long)grant->id);
    grant->reason = po_str_slice(grant->reason, binding.len, grant->reason.len);
    return po_rc_ok();
}

po_rc po_store_role_grant_add(struct po_ctx *cx, struct po_tx *tx,
                              const struct po_store_role_grant *grant, uint64_t *ret_id)
{
    struct po_store_role_grant row = *grant;
    po_str reason = {NULL, 0};
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, next_id(cx, tx->store, PO_STATEMENT_ROLE_GRANT_NEXT_ID, &row.id));
    PO_TRY(cx, seal_reason(cx, tx->store, &row, &reason));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_ROLE_GRANT_ADD, cx->tenant, &query));
    po_bind_i64(&query, 2, (int64_t)row.id);
    po_bind_text(&query, 3, row.user);
    po_bind_text(&query, 4, row.role);
    po_bind_blob(&query, 5, reason);
    po_bind_text(&query, 6, row.asked_by);
    po_bind_text(&query, 7, row.approved_by);
    po_bind_i64(&query, 8, row.asked_us);
    po_bind_i64(&query, 9, row.effective_us);
    PO_TRY(cx, po_query_run(cx, &query));
    *ret_id = row.id;
    return po_rc_ok();
}

po_rc po_store_role_grant_approve(struct po_ctx *cx, struct po_tx *tx,
                                  const struct po_store_role_grant *grant)
{
    po_str reason = {NULL, 0};
    PO_TRY(cx, po_tx_check(cx, tx));
    if (grant->effective_us <= 0) return PO_FAIL(cx, PO_INVALID, "an approval has a time");
    PO_TRY(cx, seal_reason(cx, tx->store, grant, &reason));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_ROLE_GRANT_APPROVE, cx->tenant,
                                    &query));
    po_bind_i64(&query, 2, (int64_t)grant->id);
    po_bind_blob(&query, 3, reason);
    po_bind_text(&query, 4, grant->approved_by);
    po_bind_i64(&query, 5, grant->effective_us);
    return po_query_change(cx, &query, "this role does not wait for approval");
}

po_rc po_store_role_grant_end(struct po_ctx *cx, struct po_tx *tx, uint64_t id)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx,
           po_query_open_tenant(cx, tx->store, PO_STATEMENT_ROLE_GRANT_END, cx->tenant, &query));
    po_bind_i64(&query, 2, (int64_t)id);
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    return po_query_change(cx, &query, "this role ended meanwhile");
}

static po_rc read_grant(struct po_ctx *cx, struct po_store *store, const struct po_query *query,
                        struct po_store_role_grant *ret_grant)
{
    struct po_store_role_grant grant = {.id = (uint64_t)po_column_i64(query, 0),
                                        .asked_us = po_column_i64(query, 6),
                                        .effective_us = po_column_i64(query, 7),
                                        .ended_us = po_column_i64(query, 8)};
    po_str *const texts[] = {&grant.user, &grant.role, &grant.reason, &grant.asked_by,
                             &grant.approved_by};
    PO_TRY(cx, po_columns_copy(cx, query, 1, texts, 5));
    PO_TRY(cx, open_reason(cx, store, &grant));
    *ret_grant = grant;
    return po_rc_ok();
}

po_rc po_store_role_grant_current(struct po_ctx *cx, struct po_store *store, po_str user,
                                  struct po_store_role_grant **ret_grant)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    struct po_store_role_grant *grant = NULL;
    PO_TRY(cx,
           po_query_open_tenant(cx, store, PO_STATEMENT_ROLE_GRANT_CURRENT, cx->tenant, &query));
    po_bind_text(&query, 2, user);
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    if (has_row) {
        PO_ARENA_NEW(cx, grant, 1);
        PO_TRY(cx, read_grant(cx, store, &query, grant));
    }
    *ret_grant = grant;
    return po_rc_ok();
}

po_rc po_store_role_grant_list(struct po_ctx *cx, struct po_store *store, po_str user,
                               struct po_store_role_grant **ret_grants, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_role_grant)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store,
                                    user.len > 0 ? PO_STATEMENT_ROLE_GRANT_OF_USER
                                                 : PO_STATEMENT_ROLE_GRANT_LIST,
                                    cx->tenant, &query));
    if (user.len > 0) po_bind_text(&query, 2, user);
    for (;;) {
        bool has_row = false;
        struct po_store_role_grant *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, read_grant(cx, store, &query, slot));
    }
    *ret_grants = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

/* ---- roles that people made ----------------------------------------------------------------------- */

po_rc po_store_role_add(struct po_ctx *cx, struct po_tx *tx, const struct po_store_role *role)
{
    uint64_t id = 0;
    uint8_t room[PO_ROW_ID_BYTES];
    po_str cell = {NULL, 0};
    PO_BUF_AUTO plain = {0};
    po_buf_init(&plain, PO_STORE_VALUE_BYTES_MAX);
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_TRY(cx, next_id(cx, tx->store, PO_STATEMENT_ROLE_NEXT_ID, &id));
    const struct po_cell_at at = {"role", "actions", po_row_id(id, room)};
    po_buf_append(&plain, role->name);
    po_buf_append_char(&plain, '\n');
    po_buf_append(&plain, role->actions);
    PO_TRY_LEAF(cx, po_buf_check(&plain), "a role's actions are too many");
    PO_TRY(cx, po_cell_put(cx, tx->store, &at, po_buf_str(&plain), &cell));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_ROLE_ADD, cx->tenant, &query));
    po_bind_i64(&query, 2, (int64_t)id);
    po_bind_text(&query, 3, role->name);
    po_bind_blob(&query, 4, cell);
    po_bind_text(&query, 5, role->author);
    po_bind_i64(&query, 6, po_ctx_now_us(cx));
    return po_query_run(cx, &query);
}

po_rc po_store_role_end(struct po_ctx *cx, struct po_tx *tx, po_str name)
{
    PO_TRY(cx, po_tx_check(cx, tx));
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, tx->store, PO_STATEMENT_ROLE_END, cx->tenant, &query));
    po_bind_text(&query, 2, name);
    po_bind_i64(&query, 3, po_ctx_now_us(cx));
    return po_query_change(cx, &query, "there is no such role");
}

static po_rc read_role(struct po_ctx *cx, struct po_store *store, const struct po_query *query,
                       struct po_store_role *ret_role)
{
    uint8_t room[PO_ROW_ID_BYTES];
    po_str name = {NULL, 0};
    struct po_store_role role = {.id = (uint64_t)po_column_i64(query, 0),
                                 .created_us = po_column_i64(query, 4)};
    po_str *const texts[] = {&role.name, &role.actions, &role.author};
    PO_TRY(cx, po_columns_copy(cx, query, 1, texts, 3));
    const struct po_cell_at at = {"role", "actions", po_row_id(role.id, room)};
    PO_TRY(cx, po_cell_take(cx, store, &at, &role.actions));
    if (!po_str_next_field(&role.actions, '\n', &name) || !po_str_eq(name, role.name))
        return PO_FAIL(cx, PO_TAMPER, "role '%.*s' is not the one that was made",
                       PO_STR_ARG(role.name));
    *ret_role = role;
    return po_rc_ok();
}

po_rc po_store_role_find(struct po_ctx *cx, struct po_store *store, po_str name,
                         struct po_store_role **ret_role)
{
    PO_QUERY_AUTO query = {0};
    bool has_row = false;
    struct po_store_role *role = NULL;
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_ROLE_FIND, cx->tenant, &query));
    po_bind_text(&query, 2, name);
    PO_TRY(cx, po_query_step(cx, &query, &has_row));
    if (has_row) {
        PO_ARENA_NEW(cx, role, 1);
        PO_TRY(cx, read_role(cx, store, &query, role));
    }
    *ret_role = role;
    return po_rc_ok();
}

po_rc po_store_role_list(struct po_ctx *cx, struct po_store *store,
                         struct po_store_role **ret_roles, size_t *ret_count)
{
    struct po_rows rows = {.item_bytes = sizeof(struct po_store_role)};
    PO_QUERY_AUTO query = {0};
    PO_TRY(cx, po_query_open_tenant(cx, store, PO_STATEMENT_ROLE_LIST, cx->tenant, &query));
    for (;;) {
        bool has_row = false;
        struct po_store_role *slot = NULL;
        PO_TRY(cx, po_query_step(cx, &query, &has_row));
        if (!has_row) break;
        PO_TRY(cx, po_rows_add(cx, &rows, &slot));
        PO_TRY(cx, read_role(cx, store, &query, slot));
    }
    *ret_roles = rows.items;
    *ret_count = rows.count;
    return po_rc_ok();
}

/*
 * Roles that people made: a list of actions that their author held, sealed and never changed.
 *
 * There is no editing. A role that should hold something else is another role, made by somebody who
 * holds it; so a role cannot grow after people trusted it.
 *
 * Control  CC6.3
 */
#include "identity/identity_priv.h"

/* ---- sets as text ------------------------------------------------------------------------------------- */

PO_RC po_action_set_write(struct po_ctx *cx, const struct po_action_set *set, po_str *ret_text)
{
    size_t count = 0;
    const struct po_action *table = po_action_table(&count);
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_IDENTITY_DETAIL_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!po_action_set_has(set, &table[i])) continue;
        if (text.len > 0) po_buf_append_char(&text, '\n');
        po_buf_append_cstr(&text, table[i].name);
    }
    return po_identity_detail(cx, &text, ret_text);
}

/* An action that this version does not know is left out: it allows nothing. */
PO_RC po_action_set_read(struct po_ctx *cx, po_str text, struct po_action_set *ret_set)
{
    struct po_action_set set = {0};
    po_str name = {NULL, 0};
    if (text.len > PO_IDENTITY_DETAIL_BYTES_MAX)
        return PO_FAIL(cx, PO_CORRUPT, "a role's actions are too many");
    while (po_str_next_line(&text, &name)) {
        const struct po_action *action = po_action_find(name);
        if (action != NULL) po_action_set_add(&set, action);
    }
    *ret_set = set;
    return po_rc_ok();
}

/* ---- reading -------------------------------------------------------------------------------------------- */

struct holders {
    const struct po_user *users;
    size_t count;
};

static size_t count_users(const struct holders *of, po_str role)
{
    size_t count = 0;
    for (size_t i = 0; i < of->count; i++) {
        bool is_open = !po_str_eq_cstr(of->users[i].state, "deprovisioned");
        bool has = po_str_eq_cstr(role, of->users[i].role) ||
                   po_str_eq_cstr(role, of->users[i].role_waiting);
        if (is_open && has) count++;
    }
    return count;
}

static struct po_role shipped_role(const struct po_role_row *row, const struct holders *holders)
{
    struct po_role role = {.name = po_str_of(row->name), .is_shipped = true};
    role.actions = po_role_shipped(role.name);
    role.is_privileged = po_action_set_is_privileged(&role.actions);
    role.users = count_users(holders, role.name);
    return role;
}

static PO_RC custom_role(struct po_ctx *cx, const struct po_store_role *row,
                         const struct holders *holders, struct po_role *ret_role)
{
    struct po_role role = {.name = row->name, .author = row->author, .created_us = row->created_us};
    PO_TRY(cx, po_action_set_read(cx, row->actions, &role.actions));
    role.is_privileged = po_action_set_is_privileged(&role.actions);
    role.users = count_users(holders, role.name);
    *ret_role = role;
    return po_rc_ok();
}

PO_RC po_role_list(struct po_ctx *cx, struct po_home *home, struct po_role **ret_roles,
                   size_t *ret_count)
{
    struct po_user *users = NULL;
    struct po_store_role *rows = NULL;
    struct po_role *roles = NULL;
    struct holders holders = {0};
    size_t custom_count = 0;
    size_t shipped_count = 0;
    const struct po_role_row *shipped = po_role_table(&shipped_count);
    PO_TRY(cx, po_user_list(cx, home, &users, &holders.count));
    holders.users = users;
    PO_TRY(cx, po_store_role_list(cx, po_home_store(home), &rows, &custom_count));
    PO_ARENA_NEW(cx, roles, shipped_count + custom_count);
    for (size_t i = 0; i < shipped_count; i++)
        roles[i] = shipped_role(&shipped[i], &holders);
    for (size_t i = 0; i < custom_count; i++)
        PO_TRY(cx, custom_role(cx, &rows[i], &holders, &roles[shipped_count + i]));
    *ret_roles = roles;
    *ret_count = shipped_count + custom_count;
    return po_rc_ok();
}

PO_RC po_role_get(struct po_ctx *cx, struct po_home *home, po_str name, struct po_role *ret_role)
{
    struct po_role *roles = NULL;
    size_t count = 0;
    PO_TRY(cx, po_role_list(cx, home, &roles, &count));
    for (size_t i = 0; i < count; i++) {
        if (!po_str_eq(roles[i].name, name)) continue;
        *ret_role = roles[i];
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_NOTFOUND, "there is no role '%.*s'", PO_STR_ARG(name));
}

/* ---- making and deleting ---------------------------------------------------------------------------------- */

static bool is_shipped_name(po_str name)
{
    size_t count = 0;
    const struct po_role_row *rows = po_role_table(&count);
    for (size_t i = 0; i < count; i++)
        if (po_str_eq_cstr(name, rows[i].name)) return true;
    return false;
}

static PO_RC check_name(struct po_ctx *cx, po_str name)
{
    bool is_good = name.len >= 1 && name.len < PO_ROLE_BYTES;
    for (size_t i = 0; i < name.len && is_good; i++) {
        char c = name.ptr[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }
    if (!is_good)
        return PO_FAIL(cx, PO_INVALID, "a role's name has 1 to %d of a-z 0-9 - _",
                       PO_ROLE_BYTES - 1);
    if (is_shipped_name(name))
        return PO_FAIL(cx, PO_EXISTS, "role '%.*s' is of this program", PO_STR_ARG(name));
    return po_rc_ok();
}

static PO_RC gather(struct po_ctx *cx, const po_str *names, size_t count,
                    struct po_action_set *ret_set)
{
    struct po_action_set set = {0};
    if (count == 0) return PO_FAIL(cx, PO_INVALID, "a role holds at least one action");
    for (size_t i = 0; i < count; i++) {
        const struct po_action *action = po_action_find(names[i]);
        if (action == NULL)
            return PO_FAIL(cx, PO_INVALID, "there is no action '%.*s'", PO_STR_ARG(names[i]));
        if (action->roles[0] == '\0')
            return PO_FAIL(cx, PO_INVALID, "'%s' is for a local process only", action->name);
        po_action_set_add(&set, action);
    }
    *ret_set = set;
    return po_rc_ok();
}

/* What is about oneself every role holds. */
static void add_own(struct po_action_set *set)
{
    size_t count = 0;
    const struct po_action *table = po_action_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].kind == PO_ACTION_OWN) po_action_set_add(set, &table[i]);
}

static PO_RC write_detail(struct po_ctx *cx, po_str actions, po_str *ret_detail)
{
    po_str name = {NULL, 0};
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_key(&json, "actions");
    po_json_out_array(&json);
    while (po_str_next_line(&actions, &name))
        po_json_out_str(&json, name);
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    return po_identity_detail(cx, &detail, ret_detail);
}

static PO_RC check_author(struct po_ctx *cx, struct po_home *home, const struct po_action_set *set,
                          po_str name)
{
    struct po_identity caller = {0};
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    bool is_held = po_action_set_is_subset(set, &caller.allowed) &&
                   po_action_set_is_subset(set, &caller.scopes);
    if (is_held) return po_rc_ok();
    const struct po_access_refusal refusal = {"role.create", "sod.more_than_own",
                                              "the role would hold what its author lacks", name};
    return po_access_refuse(cx, home, &refusal);
}

PO_RC po_role_create(struct po_ctx *cx, struct po_home *home, po_str name, const po_str *actions,
                     size_t count)
{
    struct po_action_set set = {0};
    struct po_store_role *rows = NULL;
    size_t row_count = 0;
    struct po_store_role role = {.name = name, .author = po_identity_actor(cx)};
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_ROLE_CREATED, .kind = "role", .id = name, .action = "create"};
    PO_TRY(cx, check_name(cx, name));
    PO_TRY(cx, gather(cx, actions, count, &set));
    add_own(&set);
    PO_TRY(cx, check_author(cx, home, &set, name));
    PO_TRY(cx, po_store_role_list(cx, po_home_store(home), &rows, &row_count));
    if (row_count >= PO_ROLES_MAX) return PO_FAIL(cx, PO_LIMIT, "more than %d roles", PO_ROLES_MAX);
    PO_TRY(cx, po_action_set_write(cx, &set, &role.actions));
    PO_TRY(cx, write_detail(cx, role.actions, &note.detail));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY_MSG(cx, po_store_role_add(cx, tx, &role), "role '%.*s'", PO_STR_ARG(name));
    return po_identity_commit(cx, home, tx, &note);
}

PO_RC po_role_delete(struct po_ctx *cx, struct po_home *home, po_str name)
{
    struct po_role role = {0};
    const struct po_identity_note note = {
        .type = PO_EVENT_TYPE_ROLE_DELETED, .kind = "role", .id = name, .action = "delete"};
    PO_TRY(cx, po_role_get(cx, home, name, &role));
    if (role.is_shipped)
        return PO_FAIL(cx, PO_DENIED, "role '%.*s' is of this program", PO_STR_ARG(name));
    if (role.users > 0)
        return PO_FAIL(cx, PO_CONFLICT, "role '%.*s' is had by %zu accounts", PO_STR_ARG(name),
                       role.users);
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_role_end(cx, tx, name));
    return po_identity_commit(cx, home, tx, &note);
}

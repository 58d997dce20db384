/*
 * Tenants: organisations that share an instance and see nothing of each other.
 *
 *   named ── create ──> there for good        no tenant is renamed or deleted
 *
 * Invariants
 *  1. Only a process of the machine makes, lists or names a tenant: to everybody else there is one, theirs.
 *  2. A tenant's id is drawn by chance and its first event is its own: neither says how many others there are.
 *  3. A name is one ASCII word of one spelling: nothing that looks like it is another.
 *
 * Source   docs/spec/identity.md 8
 * Control  CC6.1
 */
#include "core/codec.h"
#include "core/random.h"
#include "identity/identity_priv.h"

#include <stdio.h>

#define ID_BYTES 6 /* JSON readers keep 53 bits of a number */
#define ID_MIN ((uint64_t)1 << 40)
#define ID_TRIES_MAX 8

bool po_tenant_is_name(po_str name)
{
    bool is_good = name.len > 0 && name.len <= PO_TENANT_NAME_BYTES_MAX && name.ptr[0] >= 'a' &&
                   name.ptr[0] <= 'z' && name.ptr[name.len - 1] != '-';
    for (size_t i = 0; i < name.len && is_good; i++) {
        char c = name.ptr[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return is_good;
}

static bool is_default_name(po_str name) { return po_str_eq_cstr(name, PO_TENANT_DEFAULT_NAME); }

/* ---- making ------------------------------------------------------------------------------------------- */

PO_RC po_tenant_check_new(struct po_ctx *cx, struct po_home *home, po_str name)
{
    bool is_found = is_default_name(name);
    po_tenant_id id = {0};
    if (!po_tenant_is_name(name))
        return PO_FAIL(
            cx, PO_INVALID,
            "a tenant's name has 1 to %d of a to z, 0 to 9 and '-', begins with a letter "
            "and does not end with '-'",
            PO_TENANT_NAME_BYTES_MAX);
    if (!is_found) PO_TRY(cx, po_store_tenant_find(cx, po_home_store(home), name, &is_found, &id));
    if (is_found)
        return PO_FAIL(cx, PO_EXISTS, "there is a tenant '%.*s' already", PO_STR_ARG(name));
    return po_rc_ok();
}

/* Between 2^40 and 2^48: not the default tenant's, and a number of any reader of JSON. */
static PO_RC draw_id(struct po_ctx *cx, struct po_home *home, po_tenant_id *ret_id)
{
    for (int i = 0; i < ID_TRIES_MAX; i++) {
        uint8_t bytes[ID_BYTES];
        bool has = true;
        po_tenant_id id = {0};
        PO_TRY_LEAF(cx, po_random_fill(bytes, sizeof bytes), "there is no randomness");
        for (size_t k = 0; k < sizeof bytes; k++)
            id.value = id.value << 8 | bytes[k];
        if (id.value < ID_MIN) continue;
        PO_TRY(cx, po_store_tenant_has(cx, po_home_store(home), id, &has));
        if (has) continue;
        *ret_id = id;
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_BUG, "no id for a tenant in %d tries", ID_TRIES_MAX);
}

static PO_RC check_local(struct po_ctx *cx, struct po_home *home)
{
    struct po_identity caller = {0};
    const struct po_access_refusal refusal = {"tenant.create", "tenant.local",
                                              "tenants are made on the machine itself",
                                              PO_LIT("instance")};
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    if (caller.kind == PO_IDENTITY_LOCAL) return po_rc_ok();
    return po_access_refuse(cx, home, &refusal);
}

/* Row, key and name; the event is the new tenant's own, so no other tenant learns of it. */
static PO_RC commit_new(struct po_ctx *cx, struct po_home *home, po_tenant_id id, po_str name)
{
    char number[32];
    (void)snprintf(number, sizeof number, "%lu", (unsigned long)id.value);
    const struct po_identity_note note = {.type = PO_EVENT_TYPE_TENANT_CREATED,
                                          .kind = "tenant",
                                          .id = po_str_of(number),
                                          .action = "create"};
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_tenant_create(cx, tx, id, name));
    return po_identity_commit(cx, home, tx, &note);
}

/* @control CC6.1 */
PO_RC po_tenant_create(struct po_ctx *cx, struct po_home *home, po_str name, po_tenant_id *ret_id)
{
    po_tenant_id id = {0};
    const po_tenant_id before = cx->tenant;
    PO_TRY(cx, check_local(cx, home));
    PO_TRY(cx, po_tenant_check_new(cx, home, name));
    PO_TRY(cx, draw_id(cx, home, &id));
    cx->tenant = id;
    po_rc rc = commit_new(cx, home, id, name);
    cx->tenant = before;
    PO_TRY(cx, rc);
    *ret_id = id;
    return po_rc_ok();
}

/* ---- finding ------------------------------------------------------------------------------------------ */

PO_RC po_tenant_list(struct po_ctx *cx, struct po_home *home, struct po_tenant **ret_tenants,
                     size_t *ret_count)
{
    struct po_store_tenant *rows = NULL;
    struct po_tenant *tenants = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_tenant_list(cx, po_home_store(home), &rows, &count));
    PO_ARENA_NEW(cx, tenants, count + 1);
    for (size_t i = 0; i < count; i++)
        tenants[i] = (struct po_tenant){rows[i].id, rows[i].name, rows[i].created_us};
    *ret_tenants = tenants;
    *ret_count = count;
    return po_rc_ok();
}

PO_RC po_tenant_get(struct po_ctx *cx, struct po_home *home, po_str who,
                    struct po_tenant *ret_tenant)
{
    struct po_store *store = po_home_store(home);
    struct po_store_tenant row = {0};
    po_tenant_id id = PO_TENANT_DEFAULT;
    bool is_found = is_default_name(who);
    if (po_is_ok(po_str_to_u64(who, INT64_MAX, &id.value)))
        PO_TRY(cx, po_store_tenant_has(cx, store, id, &is_found));
    else if (!is_found)
        PO_TRY(cx, po_store_tenant_find(cx, store, who, &is_found, &id));
    if (!is_found)
        return PO_FAIL(cx, PO_NOTFOUND, "there is no tenant '%.*s'",
                       PO_STR_ARG(po_str_slice(who, 0, PO_TENANT_NAME_BYTES_MAX)));
    PO_TRY(cx, po_store_tenant_get(cx, store, id, &row));
    *ret_tenant = (struct po_tenant){row.id, row.name, row.created_us};
    return po_rc_ok();
}

/* ---- signing in ---------------------------------------------------------------------------------------- */

/* Whoever is signed in with another tenant is nobody in this one: no event names them there. */
void po_tenant_enter(struct po_ctx *cx, po_tenant_id tenant)
{
    po_str actor = po_str_of(cx->actor);
    bool is_account =
        po_str_starts(actor, PO_LIT("user:")) || po_str_starts(actor, PO_LIT("service:"));
    if (cx->tenant.value == tenant.value) return;
    cx->tenant = tenant;
    if (!is_account) return;
    (void)snprintf(cx->actor, sizeof cx->actor, "anonymous");
    (void)snprintf(cx->session, sizeof cx->session, "%s", cx->request);
}

PO_RC po_tenant_enter_named(struct po_ctx *cx, struct po_home *home, po_str name,
                            bool *ret_is_known)
{
    char room[PO_TENANT_NAME_BYTES_MAX];
    po_tenant_id id = PO_TENANT_DEFAULT;
    size_t len = name.len < sizeof room ? name.len : sizeof room;
    bool is_known = true;
    for (size_t i = 0; i < len; i++)
        room[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32 : name.ptr[i]);
    po_str folded = po_str_n(room, len);
    if (name.len > 0 && !is_default_name(folded))
        PO_TRY(cx, po_store_tenant_find(cx, po_home_store(home), folded, &is_known, &id));
    if (name.len > sizeof room) is_known = false;
    po_tenant_enter(cx, is_known ? id : PO_TENANT_DEFAULT);
    *ret_is_known = is_known;
    return po_rc_ok();
}

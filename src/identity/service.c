/*
 * Service accounts: programs that act as themselves, with an owner who answers for them.
 *
 * They have no password and no session, only tokens; and no privileged role: programs do not
 * administrate.
 *
 * Control  CC6.1 CC6.2
 */
#include "identity/identity_priv.h"

/* The owner: a person of this tenant who is not gone. */
static PO_RC find_owner(struct po_ctx *cx, struct po_home *home, po_str owner,
                        struct po_user *ret_user)
{
    po_str who = owner.len > 0 ? owner : po_identity_actor_id(cx);
    if (who.len == 0) return PO_FAIL(cx, PO_USAGE, "a service account has an owner: give --owner");
    PO_TRY(cx, po_user_get(cx, home, who, ret_user));
    if (ret_user->is_service || po_str_eq_cstr(ret_user->state, "deprovisioned"))
        return PO_FAIL(cx, PO_INVALID, "the owner of a service account is a person");
    return po_rc_ok();
}

static PO_RC note_created(struct po_ctx *cx, const struct po_user *owner,
                          const struct po_role_plan *plan, struct po_identity_note *note)
{
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "owner", po_str_of(owner->id));
    po_json_out_field(&json, "role", plan->grant.role);
    po_json_out_object_end(&json);
    return po_identity_detail(cx, &detail, &note->detail);
}

PO_RC po_service_create(struct po_ctx *cx, struct po_home *home,
                        const struct po_service_new *service, char ret_id[static PO_ID_BYTES])
{
    const struct po_role_change change = {.role = service->role, .reason = service->reason};
    struct po_action_set set = {0};
    struct po_user owner = {0};
    struct po_role_plan plan = {0};
    struct po_event role_event = {0};
    char id[PO_ID_BYTES] = "";
    PO_TRY(cx, po_identity_name(cx, service->name, "a name"));
    PO_TRY(cx, po_role_actions(cx, home, service->role, &set));
    if (po_action_set_is_privileged(&set))
        return PO_FAIL(cx, PO_DENIED, "a service account does not administrate");
    PO_TRY(cx, find_owner(cx, home, service->owner, &owner));
    PO_TRY(cx, po_role_plan_make(cx, home, &change, &plan));
    PO_TRY(cx, po_id_new(cx, "svc", id));
    const struct po_store_user row = {.id = po_str_of(id),
                                      .kind = PO_LIT("service"),
                                      .state = PO_LIT("active"),
                                      .email = PO_LIT(""),
                                      .name = service->name,
                                      .owner = po_str_of(owner.id)};
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_SERVICE_CREATED, .kind = "user", .id = row.id, .action = "create"};
    plan.grant.user = row.id;
    PO_TRY(cx, note_created(cx, &owner, &plan, &note));
    PO_TRY(cx, po_role_plan_event(cx, &plan, &role_event));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_user_add(cx, tx, &row));
    PO_TRY(cx, po_role_plan_put(cx, tx, &plan));
    PO_TRY(cx, po_home_queue(cx, home, tx, &role_event));
    PO_TRY(cx, po_identity_commit(cx, home, tx, &note));
    memcpy(ret_id, id, sizeof id);
    return po_rc_ok();
}

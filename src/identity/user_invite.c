/*
 * Invitations: an account that waits for its person, with a link that works once.
 *
 * The first owner is invited by a local process while there is no owner; that is the only role of
 * consequence that neither a second person nor time stands before.
 *
 * Control  CC6.2
 */
#include "identity/credential.h"
#include "identity/identity_priv.h"

/* ---- what may be invited ----------------------------------------------------------------------------- */

/* One '@' with something on both sides, a dot-less domain is fine, no blanks or control characters. */
static bool is_email(po_str email)
{
    size_t at = po_str_find_char(email, '@', 0);
    bool is_good = email.len <= PO_STORE_EMAIL_BYTES_MAX && at != SIZE_MAX && at > 0 &&
                   at + 1 < email.len && po_str_find_char(email, '@', at + 1) == SIZE_MAX;
    for (size_t i = 0; i < email.len && is_good; i++) {
        uint8_t c = (uint8_t)email.ptr[i];
        is_good = c > 0x20U && c < 0x7FU && c != '<' && c != '>' && c != '"' && c != ',';
    }
    return is_good;
}

/* No owner at all but, maybe, this same address that was invited before. */
static PO_RC check_no_owner(struct po_ctx *cx, struct po_home *home, po_str email)
{
    struct po_user *users = NULL;
    size_t count = 0;
    PO_TRY(cx, po_user_list(cx, home, &users, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_owner = po_str_eq_cstr(PO_LIT("owner"), users[i].role) &&
                        !po_str_eq_cstr(users[i].state, "deprovisioned");
        bool is_again =
            po_str_eq_cstr(users[i].state, "invited") && po_str_eq(users[i].email, email);
        if (is_owner && !is_again)
            return PO_FAIL(cx, PO_EXISTS, "there is an owner already (%s)", users[i].id);
    }
    return po_rc_ok();
}

static PO_RC plan_first_owner(struct po_ctx *cx, struct po_home *home,
                              const struct po_user_invite *invite, struct po_role_plan *ret_plan)
{
    struct po_identity caller = {0};
    const struct po_access_refusal refusal = {"user.invite", "first_owner.local",
                                              "the first owner is invited on the machine itself",
                                              PO_LIT("role:owner")};
    PO_TRY(cx, po_identity_current(cx, home, &caller));
    if (caller.kind != PO_IDENTITY_LOCAL) return po_access_refuse(cx, home, &refusal);
    PO_TRY(cx, check_no_owner(cx, home, invite->email));
    *ret_plan = (struct po_role_plan){.grant = {.role = PO_LIT("owner"),
                                                .reason = PO_LIT("first owner"),
                                                .asked_by = po_identity_actor(cx),
                                                .approved_by = PO_LIT("first owner"),
                                                .asked_us = po_ctx_now_us(cx),
                                                .effective_us = po_ctx_now_us(cx)}};
    return po_rc_ok();
}

static PO_RC plan_role(struct po_ctx *cx, struct po_home *home, const struct po_user_invite *invite,
                       struct po_role_plan *ret_plan)
{
    const struct po_role_change change = {.role = invite->role, .reason = invite->reason};
    if (invite->is_first_owner) return plan_first_owner(cx, home, invite, ret_plan);
    if (invite->role.len == 0) return PO_FAIL(cx, PO_USAGE, "an invitation names a role");
    return po_role_plan_make(cx, home, &change, ret_plan);
}

/* ---- events --------------------------------------------------------------------------------------------- */

static PO_RC note_invited(struct po_ctx *cx, const struct po_role_plan *plan, bool is_again,
                          struct po_identity_note *note)
{
    PO_BUF_AUTO detail = {0};
    struct po_json_out json;
    po_buf_init(&detail, PO_IDENTITY_DETAIL_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_key(&json, "again");
    po_json_out_bool(&json, is_again);
    if (plan != NULL) po_json_out_field(&json, "role", plan->grant.role);
    po_json_out_object_end(&json);
    return po_identity_detail(cx, &detail, &note->detail);
}

static PO_RC add_link(struct po_ctx *cx, struct po_home *home, struct po_tx *tx, po_str user,
                      struct po_secret **ret_link)
{
    const struct po_link_request request = {.kind = PO_LINK_INVITE, .user = user};
    return po_link_add(cx, home, tx, &request, ret_link);
}

/* ---- inviting --------------------------------------------------------------------------------------------- */

/* The address was invited and nobody came: a new link for the same account. */
static PO_RC invite_again(struct po_ctx *cx, struct po_home *home, const struct po_user *user,
                          struct po_user_invited *ret_invited)
{
    struct po_user_invited invited = {.role_waits = user->role_waiting[0] != '\0',
                                      .role_effective_us = user->role_effective_us};
    struct po_identity_note note = {.type = PO_EVENT_TYPE_USER_INVITED,
                                    .kind = "user",
                                    .id = po_str_of(user->id),
                                    .action = "invite"};
    PO_CLEANUP(po_secret_freep) struct po_secret *link = NULL;
    PO_TRY(cx, po_user_may_manage(cx, home, note.id, "user.invite"));
    PO_TRY(cx, note_invited(cx, NULL, true, &note));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, add_link(cx, home, tx, note.id, &link));
    PO_TRY(cx, po_identity_commit(cx, home, tx, &note));
    memcpy(invited.id, user->id, sizeof invited.id);
    invited.link = PO_TAKE(link);
    *ret_invited = invited;
    return po_rc_ok();
}

static PO_RC invite_new(struct po_ctx *cx, struct po_home *home,
                        const struct po_user_invite *invite, const struct po_role_plan *wanted,
                        struct po_user_invited *ret_invited)
{
    struct po_role_plan plan = *wanted;
    struct po_user_invited invited = {.role_waits = plan.waits,
                                      .role_effective_us = plan.grant.effective_us};
    struct po_event role_event = {0};
    PO_CLEANUP(po_secret_freep) struct po_secret *link = NULL;
    PO_TRY(cx, po_id_new(cx, "usr", invited.id));
    const struct po_store_user row = {.id = po_str_of(invited.id),
                                      .kind = PO_LIT("human"),
                                      .state = PO_LIT("invited"),
                                      .email = invite->email,
                                      .name = invite->name,
                                      .owner = PO_LIT(""),
                                      .is_canary = invite->is_canary};
    struct po_identity_note note = {
        .type = PO_EVENT_TYPE_USER_INVITED, .kind = "user", .id = row.id, .action = "invite"};
    plan.grant.user = row.id;
    PO_TRY(cx, note_invited(cx, &plan, false, &note));
    PO_TRY(cx, po_role_plan_event(cx, &plan, &role_event));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_user_add(cx, tx, &row));
    PO_TRY(cx, po_role_plan_put(cx, tx, &plan));
    PO_TRY(cx, add_link(cx, home, tx, row.id, &link));
    PO_TRY(cx, po_home_queue(cx, home, tx, &role_event));
    PO_TRY(cx, po_identity_commit(cx, home, tx, &note));
    invited.link = PO_TAKE(link);
    *ret_invited = invited;
    return po_rc_ok();
}

PO_RC po_user_invite(struct po_ctx *cx, struct po_home *home, const struct po_user_invite *invite,
                     struct po_user_invited *ret_invited)
{
    struct po_user_invite checked = *invite;
    struct po_role_plan plan = {0};
    struct po_user present = {0};
    bool is_present = false;
    if (!is_email(invite->email)) return PO_FAIL(cx, PO_INVALID, "this is no e-mail address");
    PO_TRY(cx, po_identity_fold(cx, invite->email, &checked.email));
    PO_TRY(cx, po_identity_name(cx, invite->name, "a name"));
    PO_TRY(cx, plan_role(cx, home, &checked, &plan));
    PO_TRY(cx, po_user_find_email(cx, home, checked.email, &is_present, &present));
    if (is_present && po_str_eq_cstr(present.state, "invited"))
        return invite_again(cx, home, &present, ret_invited);
    if (is_present) return PO_FAIL(cx, PO_EXISTS, "that address has an account (%s)", present.id);
    return invite_new(cx, home, &checked, &plan, ret_invited);
}

/*
 * A home with accounts, acted upon as one of them.
 */
#ifndef PO_TESTS_UNIT_IDENTITY_FIXTURE_H
#define PO_TESTS_UNIT_IDENTITY_FIXTURE_H

#include "identity/identity.h"
#include "store/store.h"
#include "unit/home/home_fixture.h"

#include <stdio.h>

struct person {
    char id[PO_ID_BYTES];
    char session[PO_ID_BYTES];
    char secret[64];
};

/* cx acts as a process of this machine again. */
static inline void act_local(struct po_ctx *cx)
{
    (void)snprintf(cx->actor, sizeof cx->actor, "os:1000");
    (void)snprintf(cx->session, sizeof cx->session, "run_test");
}

static inline void act_as(struct po_ctx *cx, const struct person *person)
{
    (void)snprintf(cx->actor, sizeof cx->actor, "user:%s", person->id);
    (void)snprintf(cx->session, sizeof cx->session, "%s", person->session);
}

/* A commit with an event that says nothing. */
static inline void commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx)
{
    const struct po_event event = home_event();
    check_ok(cx, po_home_commit(cx, home, tx, &event));
}

static inline struct person sign_in(struct po_ctx *cx, struct po_home *home, const char *id)
{
    struct person person = {0};
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    const struct po_session_new session = {.user = po_str_of(id),
                                           .method = PO_LIT("totp"),
                                           .agent = PO_LIT("test"),
                                           .is_mfa = true,
                                           .is_stepped_up = true};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
    check_ok(cx, po_session_create(cx, tx, &session, person.session, &secret));
    commit(cx, home, tx);
    (void)snprintf(person.id, sizeof person.id, "%s", id);
    (void)snprintf(person.secret, sizeof person.secret, "%.*s",
                   PO_STR_ARG(po_secret_bytes(secret)));
    return person;
}

static inline void give_now(struct po_ctx *cx, struct po_home *home, const char *id,
                            const char *role)
{
    uint64_t row = 0;
    const struct po_store_role_grant grant = {.user = po_str_of(id),
                                              .role = po_str_of(role),
                                              .reason = PO_LIT("test"),
                                              .asked_by = PO_LIT("test"),
                                              .approved_by = PO_LIT("test"),
                                              .asked_us = po_ctx_now_us(cx),
                                              .effective_us = po_ctx_now_us(cx)};
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
    check_ok(cx, po_store_role_grant_add(cx, tx, &grant, &row));
    commit(cx, home, tx);
}

/* An active person with this role in force, signed in with both factors; behind the rules' back. */
static inline struct person person_make(struct po_ctx *cx, struct po_home *home, const char *name,
                                        const char *role)
{
    char id[PO_ID_BYTES];
    char email[64];
    (void)snprintf(email, sizeof email, "%s@example.org", name);
    check_ok(cx, po_id_new(cx, "usr", id));
    const struct po_store_user user = {.id = po_str_of(id),
                                       .kind = PO_LIT("human"),
                                       .state = PO_LIT("active"),
                                       .email = po_str_of(email),
                                       .name = po_str_of(name),
                                       .owner = PO_LIT("")};
    {
        PO_TX_AUTO *tx = NULL;
        check_ok(cx, po_tx_begin(cx, po_home_store(home), &tx));
        check_ok(cx, po_store_user_add(cx, tx, &user));
        commit(cx, home, tx);
    }
    if (role[0] != '\0') give_now(cx, home, id, role);
    return sign_in(cx, home, id);
}

/* ---- what the ledger says --------------------------------------------------------------------------- */

struct seen {
    char detail[4096];
    char resource[300];
    char user[PO_ACTOR_BYTES_MAX];
    size_t count;
};

static inline po_rc seen_take(struct po_ctx *step, void *user, const struct po_home_event *event,
                              bool *ret_stop)
{
    (void)step;
    (void)ret_stop;
    struct seen *seen = user;
    if (seen->count++ > 0) return po_rc_ok();
    (void)snprintf(seen->detail, sizeof seen->detail, "%.*s", (int)event->view.detail.len,
                   event->view.detail.ptr);
    (void)snprintf(seen->resource, sizeof seen->resource, "%.*s", (int)event->view.resource.len,
                   event->view.resource.ptr);
    (void)snprintf(seen->user, sizeof seen->user, "%.*s", (int)event->view.user_id.len,
                   event->view.user_id.ptr);
    return po_rc_ok();
}

/* The newest event of a type, and how many there are. */
static inline struct seen events(struct po_ctx *cx, struct po_home *home, enum po_event_type type)
{
    static struct seen seen;
    seen = (struct seen){0};
    check_ok(cx, po_home_flush(cx, home));
    const struct po_home_walk walk = {.type = type,
                                      .size = po_ledger_size(po_home_ledger(home)),
                                      .visit = seen_take,
                                      .user = &seen};
    check_ok(cx, po_home_walk_back(cx, home, &walk));
    return seen;
}

#endif

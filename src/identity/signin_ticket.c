/*
 * Tickets and links: 32 random bytes shown once, of which only the SHA-256 is stored.
 */
#include "core/random.h"
#include "home/home.h"
#include "identity/credential_priv.h"
#include "identity/identity_priv.h"

#define SECRET_BYTES 32
#define TICKETS_KEPT_US (7 * PO_US_PER_DAY)

/* base64url without padding (RFC 4648 5): 43 characters of 32 bytes. */
static void write_secret(const uint8_t bytes[static SECRET_BYTES], char out[static PO_TICKET_CHARS])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < PO_TICKET_CHARS; i++) {
        size_t bit = i * 6;
        unsigned pair = (unsigned)bytes[bit / 8] << 8;
        if (bit / 8 + 1 < SECRET_BYTES) pair |= bytes[bit / 8 + 1];
        out[i] = alphabet[pair >> (10 - bit % 8) & 63];
    }
}

po_rc po_ticket_add(struct po_ctx *cx, struct po_tx *tx, const struct po_ticket_new *ticket,
                    struct po_secret **ret_secret, po_time_us *ret_expires_us)
{
    uint8_t bytes[SECRET_BYTES] PO_WIPED(po_wipe32) = {0};
    char text[PO_TICKET_CHARS];
    const po_time_us now_us = po_ctx_now_us(cx);
    struct po_store_ticket row = {.kind = po_str_of(ticket->kind),
                                  .user = ticket->user,
                                  .created_us = now_us,
                                  .expires_us = now_us + ticket->life_us};
    if (ticket->source_class != NULL) memcpy(row.source, ticket->source_class, sizeof row.source);
    PO_TRY_LEAF(cx, po_random_fill(bytes, sizeof bytes), "there is no randomness");
    write_secret(bytes, text);
    PO_TRY_LEAF(cx, po_sha256(po_str_n(text, sizeof text), row.digest), "a digest failed");
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    po_rc rc = po_secret_new(cx, po_str_n(text, sizeof text), &secret);
    po_wipe(text, sizeof text);
    PO_TRY(cx, rc);
    PO_TRY(cx, po_store_ticket_purge(cx, tx, now_us - TICKETS_KEPT_US));
    PO_TRY(cx, po_store_ticket_void(cx, tx, row.user, row.kind));
    PO_TRY(cx, po_store_ticket_add(cx, tx, &row));
    *ret_expires_us = row.expires_us;
    *ret_secret = PO_TAKE(secret);
    return po_rc_ok();
}

static bool is_of_kind(const struct po_store_ticket *row, const char *kind)
{
    return kind != NULL && po_str_eq_cstr(row->kind, kind);
}

po_rc po_ticket_find(struct po_ctx *cx, struct po_home *home, po_str secret,
                     const struct po_ticket_wanted *wanted, struct po_ticket *ret_ticket)
{
    struct po_ticket ticket = {0};
    struct po_store_ticket *row = NULL;
    PO_TRY_LEAF(cx, po_sha256(secret, ticket.digest), "a digest failed");
    PO_TRY(cx, po_store_ticket_find(cx, po_home_store(home), ticket.digest, &row));
    bool is_good = row != NULL && row->used_us == 0 && row->expires_us > po_ctx_now_us(cx) &&
                   row->user.len < sizeof ticket.user &&
                   (is_of_kind(row, wanted->kind) || is_of_kind(row, wanted->other_kind));
    if (is_good && wanted->source_class != NULL)
        is_good = po_str_eq_secret(po_str_n(row->source, sizeof row->source),
                                   po_str_n(wanted->source_class, sizeof row->source));
    if (!is_good || row == NULL)
        return PO_FAIL(cx, PO_EXPIRED, "it is unknown, was used, or is too old: begin again");
    memcpy(ticket.user, row->user.ptr, row->user.len);
    ticket.kind = is_of_kind(row, wanted->kind) ? wanted->kind : wanted->other_kind;
    ticket.tries = row->tries;
    *ret_ticket = ticket;
    return po_rc_ok();
}

po_rc po_ticket_enter(struct po_ctx *cx, struct po_home *home, po_str secret)
{
    uint8_t digest[PO_SHA256_BYTES];
    bool is_found = false;
    po_tenant_id tenant = cx->tenant;
    PO_TRY_LEAF(cx, po_sha256(secret, digest), "a digest failed");
    PO_TRY(cx, po_store_ticket_tenant(cx, po_home_store(home), digest, &is_found, &tenant));
    if (is_found) po_tenant_enter(cx, tenant);
    return po_rc_ok();
}

po_rc po_ticket_spend(struct po_ctx *cx, struct po_tx *tx,
                      const uint8_t digest[static PO_SHA256_BYTES])
{
    po_rc rc = po_store_ticket_spend(cx, tx, digest);
    if (rc.code != PO_CONFLICT) return rc;
    po_err_clear(cx);
    return PO_FAIL(cx, PO_EXPIRED, "it is unknown, was used, or is too old: begin again");
}

/*
 * Shared inside the credential files: digests, policy, throttling, tickets.
 */
#ifndef PO_IDENTITY_CREDENTIAL_PRIV_H
#define PO_IDENTITY_CREDENTIAL_PRIV_H

#include "identity/credential.h"

/* ---- pure pieces ------------------------------------------------------------------------------ */

#define PO_BASE32_KEY_CHARS 32 /* of PO_TOTP_KEY_BYTES */
/* RFC 4648 base32, upper case, without NUL. */
void po_totp_key_text(const uint8_t key[static PO_TOTP_KEY_BYTES],
                      char out[static PO_BASE32_KEY_CHARS]);
struct po_totp_label {
    po_str issuer;  /* the organisation, or the product */
    po_str account; /* the e-mail address */
};
/* Fill in everything a person needs. PO_NOMEM, PO_LIMIT. */
PO_RC po_enrolment_make(const uint8_t key[static PO_TOTP_KEY_BYTES],
                        const struct po_totp_label *label, struct po_enrolment *ret_enrolment);
/* Draw as SVG and as block characters; appends. */
PO_RC po_qr_draw(po_str text, struct po_buf *svg, struct po_buf *blocks);

PO_RC po_recovery_codes_draw(struct po_recovery_codes *ret_codes);
/*
 * What is stored of a code; read leniently (case, blanks, '-', o for 0, i and l for 1).
 *
 * Errors  PO_UNAUTH  not 16 characters of the alphabet
 */
PO_RC po_recovery_digest(po_str user, po_str code, uint8_t out[static PO_SHA256_BYTES]);

#endif

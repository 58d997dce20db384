/*
 * One-time codes by time, RFC 6238: which step a code belongs to.
 *
 * The whole window is computed and compared whatever matches first, so that time says nothing.
 */
#include "identity/credential_priv.h"

#define CODE_BYTES_MAX 16

/* Six digits; people also type "123 456". */
static bool read_code(po_str text, char out[static PO_TOTP_DIGITS])
{
    size_t count = 0;
    if (text.len > CODE_BYTES_MAX) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ' ') continue;
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || count == PO_TOTP_DIGITS) return false;
        out[count++] = text.ptr[i];
    }
    return count == PO_TOTP_DIGITS;
}

po_rc po_totp_verify(const struct po_totp_try *attempt, int64_t *ret_step)
{
    char wanted[PO_TOTP_DIGITS];
    int64_t found = -1;
    if (attempt->now_us < 0 || !read_code(attempt->code, wanted)) return po_rc_of(PO_UNAUTH);
    const int64_t now_step = attempt->now_us / PO_TOTP_STEP_US;
    for (int64_t step = now_step - PO_TOTP_WINDOW; step <= now_step + PO_TOTP_WINDOW; step++) {
        char code[PO_HOTP_DIGITS_MAX + 1] = "";
        PO_PASS(po_hotp(attempt->key, (uint64_t)step, PO_TOTP_DIGITS, code));
        bool is_same =
            po_str_eq_secret(po_str_n(code, PO_TOTP_DIGITS), po_str_n(wanted, PO_TOTP_DIGITS));
        /* the last of two equal codes, so that neither can be used again */
        if (is_same && step > attempt->last_step) found = step;
    }
    if (found < 0) return po_rc_of(PO_UNAUTH);
    *ret_step = found;
    return po_rc_ok();
}

po_rc po_totp_code(po_str key, po_time_us at_us, char out[static PO_TOTP_DIGITS + 1])
{
    char code[PO_HOTP_DIGITS_MAX + 1] = "";
    if (at_us < 0) return po_rc_of(PO_INVALID);
    PO_PASS(po_hotp(key, (uint64_t)(at_us / PO_TOTP_STEP_US), PO_TOTP_DIGITS, code));
    memcpy(out, code, PO_TOTP_DIGITS + 1);
    return po_rc_ok();
}

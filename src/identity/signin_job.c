/*
 * Jobs, their work and outcomes: what lives in the caller's storage and is wiped there.
 */
#include "identity/credential_priv.h"

void po_credential_job_done(struct po_credential_job *job)
{
    if (job == NULL) return;
    po_secret_freep(&job->password);
    po_secret_freep(&job->new_password);
    po_wipe(job, sizeof *job);
}

void po_signin_outcome_done(struct po_signin_outcome *outcome)
{
    if (outcome == NULL) return;
    po_secret_freep(&outcome->secret);
    po_recovery_codes_done(&outcome->codes);
    *outcome = (struct po_signin_outcome){0};
}

po_rc po_credential_work(const struct po_credential_job *job, struct po_credential_answer *answer)
{
    struct po_credential_answer result = {0};
    if (job->password != NULL)
        PO_PASS(po_password_verify(po_secret_bytes(job->password), po_str_of(job->hash),
                                   &result.is_right));
    if (job->new_password != NULL && (job->password == NULL || result.is_right))
        PO_PASS(po_password_hash(po_secret_bytes(job->new_password), job->cost, result.new_hash));
    *answer = result;
    return po_rc_ok();
}

void po_text_cut(po_str text, char *out, size_t size)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    if (len > 0) memcpy(out, text.ptr, len);
    out[len] = '\0';
}

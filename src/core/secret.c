/*
 * Secrets: libsodium's guarded pages (locked, not dumped, guard pages around, canary before), made
 * read-only after they are filled.
 */
#include "core/secret.h"

#include "core/alloc.h"
#include "core/fault.h"
#include "core/random.h"

#include <sodium.h>

struct po_secret {
    unsigned char *bytes;
    size_t len;
};

/* Guarded memory for `len` bytes, not yet filled. */
static PO_RC secret_alloc(struct po_ctx *cx, size_t len, struct po_secret **ret_secret)
{
    if (len == 0) return PO_FAIL(cx, PO_INVALID, "a secret must not be empty");
    if (len > PO_SECRET_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a secret has at most %d bytes", PO_SECRET_BYTES_MAX);
    if (sodium_init() < 0) return PO_FAIL(cx, PO_CRYPTO, "libsodium does not start");
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = po_calloc(1, sizeof *secret);
    if (secret == NULL) return PO_FAIL(cx, PO_NOMEM, "no memory for a secret");
    if (!po_fault_check(PO_FAULT_ALLOC, "sodium_malloc")) secret->bytes = sodium_malloc(len);
    if (secret->bytes == NULL) return PO_FAIL(cx, PO_NOMEM, "no guarded memory for a secret");
    secret->len = len;
    *ret_secret = PO_TAKE(secret);
    return po_rc_ok();
}

/* No more changes. The secret is as good where the kernel cannot protect pages. */
static void seal(struct po_secret *secret) { (void)sodium_mprotect_readonly(secret->bytes); }

po_rc po_secret_new(struct po_ctx *cx, po_str bytes, struct po_secret **ret_secret)
{
    struct po_secret *secret = NULL;
    PO_TRY(cx, secret_alloc(cx, bytes.len, &secret));
    memcpy(secret->bytes, bytes.ptr, bytes.len);
    seal(secret);
    *ret_secret = secret;
    return po_rc_ok();
}

po_rc po_secret_random(struct po_ctx *cx, size_t len, struct po_secret **ret_secret)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    PO_TRY(cx, secret_alloc(cx, len, &secret));
    PO_TRY_LEAF(cx, po_random_fill(secret->bytes, len), "no randomness for a secret");
    seal(secret);
    *ret_secret = PO_TAKE(secret);
    return po_rc_ok();
}

void po_secret_free(struct po_secret *secret)
{
    if (secret == NULL) return;
    sodium_free(secret->bytes); /* wipes; NULL is fine */
    po_free(secret);
}

void po_secret_freep(struct po_secret **secret)
{
    po_secret_free(*secret);
    *secret = NULL;
}

po_str po_secret_bytes(const struct po_secret *secret)
{
    return po_str_n(secret->bytes, secret->len);
}

bool po_secret_eq(const struct po_secret *a, const struct po_secret *b)
{
    return po_str_eq_secret(po_secret_bytes(a), po_secret_bytes(b));
}

void po_wipe(void *ptr, size_t len)
{
    if (len != 0) sodium_memzero(ptr, len);
}

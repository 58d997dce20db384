/*
 * Secret bytes in guarded memory: not swappable, not dumpable, wiped on free. The log and JSON APIs
 * have no way to take one (law 5).
 */
#ifndef PO_CORE_SECRET_H
#define PO_CORE_SECRET_H

#include "core/ctx.h"

#define PO_SECRET_BYTES_MAX 4096

struct po_secret;

/*
 * Copies `bytes` (the caller wipes its own). Returns owned. PO_INVALID when empty, PO_LIMIT,
 * PO_NOMEM, PO_CRYPTO when libsodium does not start.
 */
PO_RC po_secret_new(struct po_ctx *cx, po_str bytes, struct po_secret **ret_secret);
/* `len` random bytes; errors as above and PO_IO. */
PO_RC po_secret_random(struct po_ctx *cx, size_t len, struct po_secret **ret_secret);
void po_secret_free(struct po_secret *secret);
void po_secret_freep(struct po_secret **secret);
/* The bytes, borrowed; only crypto/ and credential code may look. */
po_str po_secret_bytes(const struct po_secret *secret);
bool po_secret_eq(const struct po_secret *a, const struct po_secret *b); /* constant time */
/* Wipe memory in a way the compiler keeps. */
void po_wipe(void *ptr, size_t len);

#endif

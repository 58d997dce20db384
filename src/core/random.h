/*
 * The only source of randomness: getrandom(2), or a seeded stream in tests.
 */
#ifndef PO_CORE_RANDOM_H
#define PO_CORE_RANDOM_H

#include "core/clock.h"
#include "core/err.h"

/* Fill with cryptographic randomness. PO_IO when the kernel gives none. */
PO_RC po_random_fill(void *out, size_t len);
/* Tests only: a deterministic stream (seed 0 returns to the kernel's). Compiled with PO_FAULTS. */
void po_random_seed_for_test(uint64_t seed);

#define PO_UUID_TEXT_BYTES 37
/* UUIDv7 (RFC 9562 5.7): 48-bit milliseconds, then random bits. */
PO_RC po_uuid7(po_time_us now_us, uint8_t out[static 16]);
void po_uuid_format(const uint8_t uuid[static 16], char out[static PO_UUID_TEXT_BYTES]);
PO_RC po_uuid_parse(po_str s, uint8_t out[static 16]);

#endif

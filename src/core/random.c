/*
 * Randomness and UUIDs. Source: getrandom(2), RFC 9562.
 */
#include "core/random.h"

#include "core/codec.h"
#include "core/fault.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define GETRANDOM_BYTES_MAX ((size_t)256) /* up to here a ready kernel never gives less */

#ifdef PO_FAULTS
static uint64_t test_state; /* 0 = the kernel's randomness; tests are single-threaded */

void po_random_seed_for_test(uint64_t seed) { test_state = seed; }

/* splitmix64 */
static void fill_from_stream(unsigned char *out, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0) {
            test_state += 0x9e3779b97f4a7c15;
            if (test_state == 0) test_state = 1;
            word = test_state;
            word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
            word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
            word ^= word >> 31;
        }
        out[i] = (unsigned char)(word >> (8 * (i % 8)));
    }
}
#endif

/* As getrandom(2), EINTR retried. */
static ssize_t read_random(unsigned char *out, size_t len)
{
    if (po_fault_check(PO_FAULT_SYS, "getrandom")) return -1;
    ssize_t got = 0;
    do {
        got = getrandom(out, len, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

po_rc po_random_fill(void *out, size_t len)
{
    unsigned char *at = out;
#ifdef PO_FAULTS
    if (test_state != 0) {
        if (po_fault_check(PO_FAULT_SYS, "getrandom")) return po_rc_of(PO_IO);
        fill_from_stream(at, len);
        return po_rc_ok();
    }
#endif
    while (len > 0) {
        ssize_t got = read_random(at, len < GETRANDOM_BYTES_MAX ? len : GETRANDOM_BYTES_MAX);
        if (got <= 0) return po_rc_of(PO_IO);
        at += got;
        len -= (size_t)got;
    }
    return po_rc_ok();
}

po_rc po_uuid7(po_time_us now_us, uint8_t out[static 16])
{
    uint8_t uuid[16] = {0};
    PO_PASS(po_random_fill(uuid, sizeof uuid));
    uint64_t ms = now_us < 0 ? 0 : (uint64_t)(now_us / PO_US_PER_MS);
    for (size_t i = 0; i < 6; i++)
        uuid[i] = (uint8_t)(ms >> (40 - 8 * i) & 0xff);
    uuid[6] = (uint8_t)(0x70 | (uuid[6] & 0x0f));
    uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
    memcpy(out, uuid, sizeof uuid);
    return po_rc_ok();
}

void po_uuid_format(const uint8_t uuid[static 16], char out[static PO_UUID_TEXT_BYTES])
{
    char digits[33];
    po_hex_encode(uuid, 16, digits);
    size_t from = 0;
    for (size_t at = 0; at < PO_UUID_TEXT_BYTES - 1; at++) {
        bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
        out[at] = is_dash ? '-' : digits[from++];
    }
    out[PO_UUID_TEXT_BYTES - 1] = '\0';
}

po_rc po_uuid_parse(po_str s, uint8_t out[static 16])
{
    if (s.len != PO_UUID_TEXT_BYTES - 1) return po_rc_of(PO_INVALID);
    char digits[32];
    size_t count = 0;
    for (size_t at = 0; at < s.len; at++) {
        bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
        if (is_dash != (s.ptr[at] == '-')) return po_rc_of(PO_INVALID);
        if (!is_dash) digits[count++] = s.ptr[at];
    }
    return po_hex_decode(po_str_n(digits, sizeof digits), out, 16);
}

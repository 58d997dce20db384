/*
 * SHA-1 (FIPS 180-4): git's object names. Not used for anything that must be hard to forge.
 */
#include "git_priv.h"

void po_sha1_begin(struct po_sha1 *sha)
{
    *sha = (struct po_sha1){
        .state = {0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U}};
}

static uint32_t rotate(uint32_t value, unsigned by) { return value << by | value >> (32 - by); }

static void add_block(struct po_sha1 *sha)
{
    static const uint32_t k[4] = {0x5a827999U, 0x6ed9eba1U, 0x8f1bbcdcU, 0xca62c1d6U};
    uint32_t w[80];
    for (size_t i = 0; i < 16; i++)
        w[i] = (uint32_t)sha->block[i * 4] << 24 | (uint32_t)sha->block[i * 4 + 1] << 16 |
               (uint32_t)sha->block[i * 4 + 2] << 8 | sha->block[i * 4 + 3];
    for (size_t i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = sha->state[0];
    uint32_t b = sha->state[1];
    uint32_t c = sha->state[2];
    uint32_t d = sha->state[3];
    uint32_t e = sha->state[4];
    for (size_t i = 0; i < 80; i++) {
        uint32_t f = i < 20 ? ((b & c) | (~b & d)) : b ^ c ^ d;
        if (i >= 40 && i < 60) f = (b & c) | (b & d) | (c & d);
        uint32_t next = rotate(a, 5) + f + e + k[i / 20] + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    sha->state[0] += a;
    sha->state[1] += b;
    sha->state[2] += c;
    sha->state[3] += d;
    sha->state[4] += e;
}

void po_sha1_update(struct po_sha1 *sha, po_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        sha->block[sha->total++ % 64] = (uint8_t)bytes.ptr[i];
        if (sha->total % 64 == 0) add_block(sha);
    }
}

void po_sha1_end(struct po_sha1 *sha, uint8_t out[static PO_SHA1_BYTES])
{
    uint64_t bits = sha->total * 8;
    po_sha1_update(sha, po_str_n("\x80", 1));
    while (sha->total % 64 != 56)
        po_sha1_update(sha, po_str_n("", 1));
    for (unsigned i = 0; i < 8; i++) {
        char byte = (char)(uint8_t)(bits >> (56 - 8 * i));
        po_sha1_update(sha, po_str_n(&byte, 1));
    }
    for (size_t i = 0; i < PO_SHA1_BYTES; i++)
        out[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

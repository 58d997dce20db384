/*
 * Argon2id hashes as PHC strings. libsodium computes, we write and read the string, because salts
 * come from po_random and a stored string must not choose how much memory we spend.
 *
 * Source  RFC 9106; OWASP's floor of 19 MiB and two passes;  Control  CC6.1
 */
#include "core/codec.h"
#include "core/random.h"
#include "crypto/crypto_priv.h"

#include <sodium.h>

#define SALT_BYTES crypto_pwhash_argon2id_SALTBYTES
#define HASH_BYTES 32
#define MEMORY_KIB_MIN 8
#define PART_CHARS_MAX 44

struct phc {
    struct po_password_cost cost;
    uint8_t salt[SALT_BYTES];
    uint8_t hash[HASH_BYTES];
};

/* Of the process; tests compare how often each path hashes. */
static uint64_t work_count;

uint64_t po_password_work_count(void) { return __atomic_load_n(&work_count, __ATOMIC_RELAXED); }

static bool is_cost_possible(struct po_password_cost cost)
{
    return cost.memory_kib >= MEMORY_KIB_MIN && cost.memory_kib <= PO_PASSWORD_MEMORY_KIB_MAX &&
           cost.passes >= 1 && cost.passes <= PO_PASSWORD_PASSES_MAX;
}

static po_rc check_password(po_str password)
{
    if (password.len == 0) return po_rc_of(PO_INVALID);
    if (password.len > PO_PASSWORD_BYTES_MAX) return po_rc_of(PO_LIMIT);
    return po_rc_ok();
}

static po_rc compute(po_str password, const struct phc *phc, uint8_t out[static HASH_BYTES])
{
    PO_PASS(po_crypto_init());
    (void)__atomic_add_fetch(&work_count, 1, __ATOMIC_RELAXED);
    int failed = crypto_pwhash_argon2id(out, HASH_BYTES, password.ptr, password.len, phc->salt,
                                        phc->cost.passes, (size_t)phc->cost.memory_kib << 10,
                                        crypto_pwhash_argon2id_ALG_ARGON2ID13);
    return po_rc_of(failed == 0 ? PO_OK : PO_NOMEM);
}

/* ---- the string ------------------------------------------------------------------------------- */

/* PHC strings carry base64 without padding. */
static void append_part(struct po_buf *buf, const uint8_t *bytes, size_t len)
{
    size_t before = buf->len;
    po_base64_append(buf, bytes, len);
    while (buf->len > before && buf->ptr[buf->len - 1] == '=')
        po_buf_truncate(buf, buf->len - 1);
}

static po_rc write_phc(const struct phc *phc, char ret_hash[static PO_PASSWORD_HASH_BYTES_MAX])
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_PASSWORD_HASH_BYTES_MAX);
    po_buf_printf(&text, "$argon2id$v=19$m=%u,t=%u,p=1$", phc->cost.memory_kib, phc->cost.passes);
    append_part(&text, phc->salt, sizeof phc->salt);
    po_buf_append_char(&text, '$');
    append_part(&text, phc->hash, sizeof phc->hash);
    PO_PASS(po_buf_check(&text));
    if (text.len >= PO_PASSWORD_HASH_BYTES_MAX) return po_rc_of(PO_BUG);
    memcpy(ret_hash, text.ptr, text.len + 1);
    return po_rc_ok();
}

static bool take(po_str *rest, po_str prefix)
{
    if (!po_str_starts(*rest, prefix)) return false;
    *rest = po_str_slice(*rest, prefix.len, rest->len);
    return true;
}

static bool take_number(po_str *rest, char end, uint32_t max, uint32_t *ret_number)
{
    size_t at = po_str_find_char(*rest, end, 0);
    uint64_t number = 0;
    if (at == SIZE_MAX || !po_is_ok(po_str_to_u64(po_str_slice(*rest, 0, at), max, &number)))
        return false;
    *ret_number = (uint32_t)number;
    *rest = po_str_slice(*rest, at + 1, rest->len);
    return true;
}

/* Unpadded base64 of exactly `len` bytes, where len is no multiple of three. */
static bool read_part(po_str part, uint8_t *out, size_t len)
{
    char padded[PART_CHARS_MAX + 1];
    size_t wanted = (len + 2) / 3 * 4;
    if (wanted > PART_CHARS_MAX || part.len != (len * 4 + 2) / 3) return false;
    memset(padded, '=', sizeof padded);
    memcpy(padded, part.ptr, part.len);
    return po_is_ok(po_base64_decode_exact(po_str_n(padded, wanted), out, len));
}

static po_rc read_phc(po_str text, struct phc *ret_phc)
{
    struct phc phc = {0};
    po_str rest = text;
    if (text.len >= PO_PASSWORD_HASH_BYTES_MAX || !take(&rest, PO_LIT("$argon2id$v=19$m=")) ||
        !take_number(&rest, ',', PO_PASSWORD_MEMORY_KIB_MAX, &phc.cost.memory_kib) ||
        !take(&rest, PO_LIT("t=")) ||
        !take_number(&rest, ',', PO_PASSWORD_PASSES_MAX, &phc.cost.passes) ||
        !take(&rest, PO_LIT("p=1$")) || !is_cost_possible(phc.cost))
        return po_rc_of(PO_CORRUPT);
    size_t at = po_str_find_char(rest, '$', 0);
    if (at == SIZE_MAX || !read_part(po_str_slice(rest, 0, at), phc.salt, sizeof phc.salt) ||
        !read_part(po_str_slice(rest, at + 1, rest.len), phc.hash, sizeof phc.hash))
        return po_rc_of(PO_CORRUPT);
    *ret_phc = phc;
    return po_rc_ok();
}

/* ---- hashing ---------------------------------------------------------------------------------- */

po_rc po_password_hash(po_str password, struct po_password_cost cost,
                       char ret_hash[static PO_PASSWORD_HASH_BYTES_MAX])
{
    struct phc phc = {.cost = cost};
    PO_PASS(check_password(password));
    if (!is_cost_possible(cost)) return po_rc_of(PO_INVALID);
    PO_PASS(po_random_fill(phc.salt, sizeof phc.salt));
    PO_PASS(compute(password, &phc, phc.hash));
    return write_phc(&phc, ret_hash);
}

po_rc po_password_verify(po_str password, po_str hash, bool *ret_is_right)
{
    struct phc phc;
    uint8_t got[HASH_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_PASS(check_password(password));
    PO_PASS(read_phc(hash, &phc));
    PO_PASS(compute(password, &phc, got));
    *ret_is_right =
        po_str_eq_secret(po_str_n(got, sizeof got), po_str_n(phc.hash, sizeof phc.hash));
    return po_rc_ok();
}

po_rc po_password_hash_cost(po_str hash, struct po_password_cost *ret_cost)
{
    struct phc phc;
    PO_PASS(read_phc(hash, &phc));
    *ret_cost = phc.cost;
    return po_rc_ok();
}

bool po_password_hash_is_weak(po_str hash, struct po_password_cost cost)
{
    struct phc phc;
    return !po_is_ok(read_phc(hash, &phc)) || phc.cost.memory_kib < cost.memory_kib ||
           phc.cost.passes < cost.passes;
}

/* 256 random bits in the place of a hash: a password that matches would be a preimage. */
po_rc po_password_hash_dummy(struct po_password_cost cost,
                             char ret_hash[static PO_PASSWORD_HASH_BYTES_MAX])
{
    struct phc phc = {.cost = cost};
    if (!is_cost_possible(cost)) return po_rc_of(PO_INVALID);
    PO_PASS(po_random_fill(phc.salt, sizeof phc.salt));
    PO_PASS(po_random_fill(phc.hash, sizeof phc.hash));
    return write_phc(&phc, ret_hash);
}

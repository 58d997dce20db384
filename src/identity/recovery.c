/*
 * Recovery codes: 80 random bits each, so a fast digest is enough to store them. Single use.
 */
#include "core/random.h"
#include "identity/credential_priv.h"

#define CODE_BYTES 10
#define CODE_CHARS 16
#define GROUP_CHARS 4
#define CODE_INPUT_BYTES_MAX 64
#define DIGEST_INPUT_BYTES_MAX 128
#define LABEL PO_LIT("paulyops/v1/recovery")

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's base32 */

void po_recovery_codes_done(struct po_recovery_codes *codes)
{
    if (codes != NULL) po_wipe(codes, sizeof *codes);
}

static void write_code(const uint8_t bytes[static CODE_BYTES],
                       char out[static PO_RECOVERY_CODE_TEXT_CHARS + 1])
{
    size_t at = 0;
    for (size_t i = 0; i < CODE_CHARS; i++) {
        size_t bit = i * 5;
        unsigned pair = (unsigned)bytes[bit / 8] << 8;
        if (bit / 8 + 1 < CODE_BYTES) pair |= bytes[bit / 8 + 1];
        if (i > 0 && i % GROUP_CHARS == 0) out[at++] = '-';
        out[at++] = alphabet[pair >> (11 - bit % 8) & 31];
    }
    out[at] = '\0';
}

po_rc po_recovery_codes_draw(struct po_recovery_codes *ret_codes)
{
    uint8_t bytes[PO_RECOVERY_CODES][CODE_BYTES];
    PO_PASS(po_random_fill(bytes, sizeof bytes));
    for (size_t i = 0; i < PO_RECOVERY_CODES; i++)
        write_code(bytes[i], ret_codes->codes[i]);
    po_wipe(bytes, sizeof bytes);
    return po_rc_ok();
}

/* The letter of the alphabet that was meant, or NUL. */
static char read_letter(char c)
{
    if (c >= 'A' && c <= 'Z') c = (char)(c + 32);
    if (c == 'o') c = '0';
    if (c == 'i' || c == 'l') c = '1';
    for (const char *at = alphabet; *at != '\0'; at++)
        if (*at == c) return c;
    return '\0';
}

static bool read_code(po_str text, char out[static CODE_CHARS])
{
    size_t count = 0;
    if (text.len > CODE_INPUT_BYTES_MAX) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '-' || text.ptr[i] == ' ') continue;
        char letter = read_letter(text.ptr[i]);
        if (letter == '\0' || count == CODE_CHARS) return false;
        out[count++] = letter;
    }
    return count == CODE_CHARS;
}

/* SHA-256(label || 0 || user || 0 || sixteen characters) */
po_rc po_recovery_digest(po_str user, po_str code, uint8_t out[static PO_SHA256_BYTES])
{
    char letters[CODE_CHARS];
    char room[DIGEST_INPUT_BYTES_MAX];
    if (user.len >= PO_CREDENTIAL_USER_BYTES_MAX || !read_code(code, letters))
        return po_rc_of(PO_UNAUTH);
    const po_str parts[] = {LABEL, po_str_n("", 1), user, po_str_n("", 1),
                            po_str_n(letters, sizeof letters)};
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(room + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    po_rc rc = po_sha256(po_str_n(room, len), out);
    po_wipe(room, sizeof room);
    po_wipe(letters, sizeof letters);
    return rc;
}

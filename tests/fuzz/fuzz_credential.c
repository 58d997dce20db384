/*
 * What people type to get in, and what the store gives back: passwords, codes, hashes, addresses.
 *
 * The first line of the input is the context of the password check, the second the text that is tried
 * as everything.
 */
#include "core/codec.h"
#include "fuzz/fuzz.h"
#include "identity/credential_priv.h"

#include <stdlib.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void try_password(struct po_ctx *cx, po_str context, po_str text)
{
    const po_str words[] = {context, context};
    const struct po_password_rules rules = {.words = words, .word_count = 2};
    po_rc rc = po_password_check(cx, text, &rules);
    require(po_is_ok(rc) || rc.code == PO_INVALID || rc.code == PO_LIMIT);
    require(!po_is_ok(rc) ||
            (text.len >= PO_PASSWORD_CHARS_MIN && po_utf8_find_invalid(text) == SIZE_MAX));
    require(po_is_ok(rc) || po_err_msg(cx)[0] != '\0');
}

static void try_hash(po_str text)
{
    struct po_password_cost cost = {0};
    po_rc rc = po_password_hash_cost(text, &cost);
    require(po_is_ok(rc) || rc.code == PO_CORRUPT);
    if (!po_is_ok(rc)) return;
    require(cost.memory_kib <= PO_PASSWORD_MEMORY_KIB_MAX && cost.passes <= PO_PASSWORD_PASSES_MAX);
    require(!po_password_hash_is_weak(text, cost));
}

static void try_codes(po_str text)
{
    static const char key[PO_TOTP_KEY_BYTES];
    uint8_t digest[PO_SHA256_BYTES];
    int64_t step = -7;
    const struct po_totp_try attempt = {
        .key = po_str_n(key, sizeof key), .code = text, .now_us = 0, .last_step = -1};
    po_rc rc = po_totp_verify(&attempt, &step);
    require(po_is_ok(rc) ? step >= 0 && step <= 1 : rc.code == PO_UNAUTH && step == -7);
    rc = po_recovery_digest(PO_LIT("usr_1"), text, digest);
    require(po_is_ok(rc) || rc.code == PO_UNAUTH);
}

static void try_places(po_str text)
{
    char source[PO_SOURCE_TEXT_BYTES];
    char class[PO_SOURCE_TEXT_BYTES];
    char room[PO_EMAIL_BYTES_MAX];
    po_source_texts(text, source, class);
    require(source[0] != '\0' || (text.len > 0 && text.ptr[0] == '\0'));
    require(po_email_fold(text, room).len <= PO_EMAIL_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    if (size == 0 || !po_is_ok(po_ctx_init(&cx))) return 0;
    char *copy = malloc(size);
    if (copy == NULL) return 0;
    memcpy(copy, data, size);
    po_str rest = po_str_n(copy, size);
    po_str context = {0};
    if (po_str_next_line(&rest, &context)) {
        try_password(&cx, context, rest);
        try_hash(rest);
        try_codes(rest);
        try_places(rest);
    }
    free(copy);
    return 0;
}

/*
 * The ring that asks: it holds no key but the public one, and passes each question on.
 *
 * Invariant: what the ring says without asking (is it current, does a rotation go on, the ledger's public
 * key) is what the last OPEN or ROTATE answered; only this ring's own requests change that.
 */
#include "core/alloc.h"
#include "crypto/keyring_ask_priv.h"

/* One question. The answer's code becomes ours, its body is what follows. */
static po_rc ask(struct po_ctx *cx, const struct po_keyring *keyring, enum po_keyring_ask_kind kind,
                 po_str content, struct po_buf *answer)
{
    const struct po_keyring_ask_row *row = po_keyring_ask_row((unsigned)kind);
    PO_INVARIANT(cx, row != NULL);
    if (content.len < row->request_min || content.len > row->request_max)
        return PO_FAIL(cx, PO_LIMIT, "a request of keys has %zu bytes", content.len);
    PO_KEYRING_ASK_BUF request = {0};
    PO_TRY(cx, po_keyring_ask_buf(cx, &request, PO_KEYRING_REQUEST_BYTES_MAX));
    PO_TRY(cx, po_keyring_ask_buf(cx, answer, PO_KEYRING_ANSWER_BYTES_MAX));
    po_buf_append_u8(&request, (uint8_t)kind);
    po_buf_append(&request, content);
    PO_TRY_LEAF(cx, po_buf_check(&request), "a request of keys is too long");
    PO_TRY(cx, keyring->asker.ask(cx, keyring->asker.user, po_buf_str(&request), answer));
    po_str bytes = po_buf_str(answer);
    unsigned code = bytes.len > 0 ? (uint8_t)bytes.ptr[0] : UINT8_MAX;
    if (code > PO_UNAVAILABLE || (code == PO_OK && bytes.len - 1 > row->answer_max))
        return PO_FAIL(cx, PO_CORRUPT, "the keeper's answer has an unknown shape");
    if (code == PO_OK) return po_rc_ok();
    po_str why = po_str_slice(bytes, 1, bytes.len);
    return PO_FAIL(cx, (enum po_code)code, "%.*s", PO_STR_ARG(why));
}

static po_str body_of(const struct po_buf *answer)
{
    return po_str_slice(po_buf_str(answer), 1, answer->len);
}

static po_rc check_len(struct po_ctx *cx, po_str body, size_t len)
{
    if (body.len == len) return po_rc_ok();
    return PO_FAIL(cx, PO_CORRUPT, "the keeper's answer has %zu bytes, not %zu", body.len, len);
}

/* ---- the ring -------------------------------------------------------------------------------- */

static po_rc take_ring(struct po_ctx *cx, struct po_keyring *keyring, po_str body)
{
    struct po_keyring_ask_in in = {.rest = body};
    PO_TRY(cx, check_len(cx, body, PO_KEYRING_ASK_RING_BYTES));
    unsigned flags = (unsigned)po_keyring_ask_number(&in, 1);
    po_str current = po_keyring_ask_cut(&in, PO_KEYRING_ID_BYTES);
    po_str next = po_keyring_ask_cut(&in, PO_KEYRING_ID_BYTES);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *ledger = NULL;
    if ((flags & PO_KEYRING_ASK_HAS_LEDGER) != 0)
        PO_TRY(cx, po_sign_key_new_public(cx, (const uint8_t *)in.rest.ptr, &ledger));
    memcpy(keyring->current.id, current.ptr, current.len);
    memcpy(keyring->next.id, next.ptr, next.len);
    keyring->is_credential = (flags & PO_KEYRING_ASK_IS_CREDENTIAL) != 0;
    keyring->is_rotating_there = (flags & PO_KEYRING_ASK_IS_ROTATING) != 0;
    /* Borrowed by the ledger while the ring lives: the same key stays where it is. */
    bool is_same =
        ledger != NULL && keyring->ledger != NULL &&
        po_str_eq(po_str_n(po_sign_key_public(ledger), PO_ED25519_PUBLIC_BYTES),
                  po_str_n(po_sign_key_public(keyring->ledger), PO_ED25519_PUBLIC_BYTES));
    if (is_same) return po_rc_ok();
    if (keyring->ledger != NULL)
        return PO_FAIL(cx, PO_CORRUPT, "the keeper has another ledger key than before");
    keyring->ledger = PO_TAKE(ledger);
    return po_rc_ok();
}

static po_rc ask_for_ring(struct po_ctx *cx, struct po_keyring *keyring,
                          enum po_keyring_ask_kind kind, po_str content)
{
    PO_KEYRING_ASK_BUF answer = {0};
    PO_TRY(cx, ask(cx, keyring, kind, content, &answer));
    return take_ring(cx, keyring, body_of(&answer));
}

po_rc po_keyring_open_asking(struct po_ctx *cx, const struct po_keyring_asker *asker,
                             struct po_keyring **ret_keyring)
{
    PO_TRY_LEAF(cx, po_crypto_init(), "the cryptographic library does not start");
    PO_CLEANUP(po_keyring_freep) struct po_keyring *keyring = po_calloc(1, sizeof *keyring);
    if (keyring == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for a keyring");
    keyring->asker = *asker;
    PO_TRY(cx, ask_for_ring(cx, keyring, PO_KEYRING_ASK_OPEN, (po_str){NULL, 0}));
    *ret_keyring = PO_TAKE(keyring);
    return po_rc_ok();
}

bool po_keyring_is_asking(const struct po_keyring *keyring) { return keyring->asker.ask != NULL; }

/* ---- status ---------------------------------------------------------------------------------- */

static po_rc take_key(struct po_ctx *cx, struct po_keyring_ask_in *in, struct po_key_info *ret_key)
{
    struct po_key_info key = {0};
    key.purpose = po_keyring_ask_purpose((unsigned)po_keyring_ask_number(in, 1));
    unsigned state = (unsigned)po_keyring_ask_number(in, 1);
    key.created_us = (po_time_us)po_keyring_ask_number(in, 8);
    key.rotated_us = (po_time_us)po_keyring_ask_number(in, 8);
    po_str id = po_keyring_ask_cut(in, PO_KEY_ID_CHARS);
    if (in->is_short || key.purpose == NULL || state > PO_KEY_ABSENT)
        return PO_FAIL(cx, PO_CORRUPT, "the keeper's answer has an unknown shape");
    key.state = (enum po_key_state)state;
    memcpy(key.id, id.ptr, id.len); /* NUL-filled when there is none */
    *ret_key = key;
    return po_rc_ok();
}

po_rc po_keyring_ask_status(struct po_ctx *cx, const struct po_keyring *keyring,
                            struct po_key_info **ret_keys, size_t *ret_count)
{
    PO_KEYRING_ASK_BUF answer = {0};
    struct po_key_info *keys = NULL;
    PO_TRY(cx, ask(cx, keyring, PO_KEYRING_ASK_STATUS, (po_str){NULL, 0}, &answer));
    struct po_keyring_ask_in in = {.rest = body_of(&answer)};
    size_t count = (size_t)po_keyring_ask_number(&in, 1);
    PO_ARENA_NEW(cx, keys, count + 1);
    for (size_t i = 0; i < count; i++)
        PO_TRY(cx, take_key(cx, &in, &keys[i]));
    *ret_keys = keys;
    *ret_count = count;
    return po_rc_ok();
}

/* ---- data keys ------------------------------------------------------------------------------- */

static po_rc begin_key(struct po_ctx *cx, po_tenant_id tenant, uint32_t epoch, struct po_buf *out)
{
    PO_TRY(cx, po_keyring_ask_buf(cx, out, PO_KEYRING_REQUEST_BYTES_MAX));
    po_buf_append_le64(out, tenant.value);
    po_buf_append_le32(out, epoch);
    return po_rc_ok();
}

/* rule: six parameters, as po_keyring_wrap */
po_rc po_keyring_ask_wrap(struct po_ctx *cx, const struct po_keyring *keyring, po_tenant_id tenant,
                          uint32_t epoch, po_str key, struct po_buf *out)
{
    PO_KEYRING_ASK_BUF content = {0};
    PO_KEYRING_ASK_BUF answer = {0};
    PO_TRY(cx, begin_key(cx, tenant, epoch, &content));
    po_buf_append(&content, key);
    PO_TRY(cx, ask(cx, keyring, PO_KEYRING_ASK_WRAP, po_buf_str(&content), &answer));
    PO_TRY(cx, check_len(cx, body_of(&answer), PO_WRAPPED_KEY_BYTES));
    po_buf_append(out, body_of(&answer));
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for a wrapped key");
    return po_rc_ok();
}

/* rule: six parameters, as po_keyring_unwrap */
po_rc po_keyring_ask_unwrap(struct po_ctx *cx, const struct po_keyring *keyring,
                            po_tenant_id tenant, uint32_t epoch, po_str wrapped,
                            struct po_secret **ret_key)
{
    PO_KEYRING_ASK_BUF content = {0};
    PO_KEYRING_ASK_BUF answer = {0};
    PO_TRY(cx, begin_key(cx, tenant, epoch, &content));
    po_buf_append(&content, wrapped);
    PO_TRY(cx, ask(cx, keyring, PO_KEYRING_ASK_UNWRAP, po_buf_str(&content), &answer));
    PO_TRY(cx, check_len(cx, body_of(&answer), PO_KEY_BYTES));
    return po_secret_new(cx, body_of(&answer), ret_key);
}

bool po_keyring_ask_is_current(const struct po_keyring *keyring, po_str wrapped)
{
    const uint8_t *id = keyring->is_rotating_there ? keyring->next.id : keyring->current.id;
    if (wrapped.len < PO_WRAPPED_OVERHEAD_BYTES) return false;
    return po_str_eq(po_str_slice(wrapped, 1, PO_WRAPPED_HEAD_BYTES),
                     po_str_n(id, PO_KEYRING_ID_BYTES));
}

/* ---- signing --------------------------------------------------------------------------------- */

po_rc po_keyring_signed(struct po_ctx *cx, const struct po_keyring *keyring, struct po_buf *out)
{
    PO_KEYRING_ASK_BUF answer = {0};
    PO_TRY(cx, ask(cx, keyring, PO_KEYRING_ASK_SIGNED, (po_str){NULL, 0}, &answer));
    po_buf_append(out, body_of(&answer));
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for the signing state");
    return po_rc_ok();
}

po_rc po_keyring_sign(struct po_ctx *cx, const struct po_keyring *keyring,
                      const struct po_keyring_claim *claim,
                      uint8_t ret_signature[static PO_ED25519_SIG_BYTES])
{
    PO_KEYRING_ASK_BUF content = {0};
    PO_KEYRING_ASK_BUF answer = {0};
    if (claim->text.len > PO_KEYRING_ASK_TEXT_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a checkpoint of %zu bytes", claim->text.len);
    PO_TRY(cx, po_keyring_ask_buf(cx, &content, PO_KEYRING_REQUEST_BYTES_MAX));
    po_buf_append_le16(&content, (uint16_t)claim->text.len);
    po_buf_append(&content, claim->text);
    po_buf_append(&content, claim->proof);
    PO_TRY(cx, ask(cx, keyring, PO_KEYRING_ASK_SIGN, po_buf_str(&content), &answer));
    PO_TRY(cx, check_len(cx, body_of(&answer), PO_ED25519_SIG_BYTES));
    memcpy(ret_signature, body_of(&answer).ptr, PO_ED25519_SIG_BYTES);
    return po_rc_ok();
}

/* ---- rotation and recovery ------------------------------------------------------------------- */

po_rc po_keyring_ask_rotate(struct po_ctx *cx, struct po_keyring *keyring,
                            po_keyring_rewrap *rewrap, void *user)
{
    PO_TRY(cx, ask_for_ring(cx, keyring, PO_KEYRING_ASK_ROTATE_BEGIN, (po_str){NULL, 0}));
    PO_TRY(cx, rewrap(cx, keyring, user));
    uint8_t id[PO_KEYRING_ID_BYTES];
    memcpy(id, keyring->next.id, sizeof id);
    return ask_for_ring(cx, keyring, PO_KEYRING_ASK_ROTATE_END, po_str_n(id, sizeof id));
}

po_rc po_keyring_ask_recovery_verify(struct po_ctx *cx, const struct po_keyring *keyring,
                                     const struct po_secret *code, po_str sealed)
{
    PO_KEYRING_ASK_BUF content = {0};
    PO_KEYRING_ASK_BUF answer = {0};
    po_str typed = po_secret_bytes(code);
    if (typed.len > PO_KEYRING_ASK_CODE_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a recovery code is shorter");
    if (sealed.len > PO_RECOVERY_SEALED_BYTES_MAX)
        return PO_FAIL(cx, PO_CORRUPT, "it is not a recovery text");
    PO_TRY(cx, po_keyring_ask_buf(cx, &content, PO_KEYRING_REQUEST_BYTES_MAX));
    po_buf_append_le16(&content, (uint16_t)typed.len);
    po_buf_append(&content, typed);
    po_buf_append(&content, sealed);
    return ask(cx, keyring, PO_KEYRING_ASK_RECOVERY_VERIFY, po_buf_str(&content), &answer);
}

/*
 * The other side of a ring that asks: one request in, one answer out (docs/spec/keys.md 8).
 *
 * Invariants
 *  1. requests are those of keyring_asks.def, within its lengths; anything else has no answer.
 *  2. no answer holds a master key or a signing seed.
 *  3. what is signed is decided by the desk's log (ledger/), not by who asks.
 */
#include "core/alloc.h"
#include "crypto/keyring_ask_priv.h"

/* ---- describing the ring --------------------------------------------------------------------- */

static void put_ring(const struct po_keyring *keyring, struct po_buf *out)
{
    static const uint8_t none[PO_ED25519_PUBLIC_BYTES];
    unsigned flags = 0;
    if (keyring->is_credential) flags |= PO_KEYRING_ASK_IS_CREDENTIAL;
    if (keyring->ledger != NULL) flags |= PO_KEYRING_ASK_HAS_LEDGER;
    if (keyring->next.key != NULL) flags |= PO_KEYRING_ASK_IS_ROTATING;
    const uint8_t *public_key =
        keyring->ledger != NULL ? po_sign_key_public(keyring->ledger) : none;
    po_buf_append_u8(out, (uint8_t)flags);
    po_buf_append(out, po_str_n(keyring->current.id, PO_KEYRING_ID_BYTES));
    po_buf_append(
        out, po_str_n(keyring->next.key != NULL ? keyring->next.id : none, PO_KEYRING_ID_BYTES));
    po_buf_append(out, po_str_n(public_key, PO_ED25519_PUBLIC_BYTES));
}

static po_rc open_ring(struct po_ctx *cx, struct po_keyring_desk *desk)
{
    if (desk->place.dir == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "%s",
                       desk->why != NULL ? desk->why : "the key directory is not known");
    return po_keyring_open(cx, &desk->place, &desk->keyring);
}

/* What was known is forgotten first: a directory that is refused now is not used any more. */
static po_rc answer_open(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                         struct po_buf *out)
{
    (void)body;
    po_keyring_freep(&desk->keyring);
    PO_TRY(cx, open_ring(cx, desk));
    put_ring(desk->keyring, out);
    return po_rc_ok();
}

static unsigned purpose_index(const char *purpose)
{
    unsigned index = 0;
    while (po_keyring_ask_purpose(index) != NULL &&
           strcmp(po_keyring_ask_purpose(index), purpose) != 0)
        index++;
    return index;
}

static po_rc answer_status(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                           struct po_buf *out)
{
    (void)body;
    struct po_key_info *keys = NULL;
    size_t count = 0;
    PO_TRY(cx, po_keyring_status(cx, desk->keyring, &keys, &count));
    po_buf_append_u8(out, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        po_buf_append_u8(out, (uint8_t)purpose_index(keys[i].purpose));
        po_buf_append_u8(out, (uint8_t)keys[i].state);
        po_buf_append_le64(out, (uint64_t)keys[i].created_us);
        po_buf_append_le64(out, (uint64_t)keys[i].rotated_us);
        po_buf_append(out, po_str_n(keys[i].id, PO_KEY_ID_CHARS));
    }
    return po_rc_ok();
}

/* ---- data keys ------------------------------------------------------------------------------- */

static po_rc answer_wrap(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                         struct po_buf *out)
{
    struct po_keyring_ask_in in = {.rest = body};
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    po_tenant_id tenant = {po_keyring_ask_number(&in, 8)};
    uint32_t epoch = (uint32_t)po_keyring_ask_number(&in, 4);
    PO_TRY(cx, po_secret_new(cx, in.rest, &key));
    return po_keyring_wrap(cx, desk->keyring, tenant, epoch, key, out);
}

static po_rc answer_unwrap(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                           struct po_buf *out)
{
    struct po_keyring_ask_in in = {.rest = body};
    PO_CLEANUP(po_secret_freep) struct po_secret *key = NULL;
    po_tenant_id tenant = {po_keyring_ask_number(&in, 8)};
    uint32_t epoch = (uint32_t)po_keyring_ask_number(&in, 4);
    PO_TRY(cx, po_keyring_unwrap(cx, desk->keyring, tenant, epoch, in.rest, &key));
    po_buf_append(out, po_secret_bytes(key));
    return po_rc_ok();
}

/* ---- signing --------------------------------------------------------------------------------- */

static po_rc answer_signed(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                           struct po_buf *out)
{
    (void)body;
    if (desk->log.state == NULL) return PO_FAIL(cx, PO_UNAVAILABLE, "nothing is signed here");
    return desk->log.state(cx, desk->log.user, out);
}

/* @control CC7.2 */
static po_rc answer_sign(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                         struct po_buf *out)
{
    struct po_keyring_ask_in in = {.rest = body};
    uint8_t signature[PO_ED25519_SIG_BYTES];
    size_t len = (size_t)po_keyring_ask_number(&in, 2);
    struct po_keyring_claim claim = {.text = po_keyring_ask_cut(&in, len)};
    if (in.is_short || len == 0 || len > PO_KEYRING_ASK_TEXT_BYTES_MAX ||
        in.rest.len % PO_SHA256_BYTES != 0 || in.rest.len > PO_KEYRING_ASK_PROOF_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a checkpoint to sign has an unknown shape");
    claim.proof = in.rest;
    if (desk->keyring->ledger == NULL || desk->log.sign == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "there is no ledger key");
    PO_TRY(cx, desk->log.sign(cx, desk->log.user, desk->keyring->ledger, &claim, signature));
    po_buf_append(out, po_str_n(signature, sizeof signature));
    return po_rc_ok();
}

/* ---- rotation and recovery ------------------------------------------------------------------- */

/* What a step that failed left on disk is read anew by the next question. */
static po_rc forget_after(struct po_keyring_desk *desk, po_rc rc)
{
    if (!po_is_ok(rc)) po_keyring_freep(&desk->keyring);
    return rc;
}

static po_rc answer_rotate_begin(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                                 struct po_buf *out)
{
    (void)body;
    PO_TRY(cx, forget_after(desk, po_keyring_rotate_begin(cx, desk->keyring)));
    put_ring(desk->keyring, out);
    return po_rc_ok();
}

/* Asked again, because the answer was lost, it has been done already. */
static po_rc answer_rotate_end(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                               struct po_buf *out)
{
    struct po_keyring *keyring = desk->keyring;
    bool is_next = keyring->next.key != NULL &&
                   po_str_eq(body, po_str_n(keyring->next.id, PO_KEYRING_ID_BYTES));
    bool is_done = keyring->next.key == NULL &&
                   po_str_eq(body, po_str_n(keyring->current.id, PO_KEYRING_ID_BYTES));
    if (!is_next && !is_done)
        return PO_FAIL(cx, PO_CONFLICT, "no rotation to that master key is under way");
    if (is_next) PO_TRY(cx, forget_after(desk, po_keyring_rotate_end(cx, keyring)));
    put_ring(keyring, out);
    return po_rc_ok();
}

static po_rc answer_recovery_verify(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                                    struct po_buf *out)
{
    (void)out;
    struct po_keyring_ask_in in = {.rest = body};
    PO_CLEANUP(po_secret_freep) struct po_secret *code = NULL;
    size_t len = (size_t)po_keyring_ask_number(&in, 2);
    po_str typed = po_keyring_ask_cut(&in, len);
    if (in.is_short || len == 0 || len > PO_KEYRING_ASK_CODE_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "a recovery code has letters and digits");
    PO_TRY(cx, po_secret_new(cx, typed, &code));
    return po_keyring_recovery_verify(cx, desk->keyring, code, in.rest);
}

/* ---- one request ----------------------------------------------------------------------------- */

typedef po_rc answer_one(struct po_ctx *cx, struct po_keyring_desk *desk, po_str body,
                         struct po_buf *out);

static answer_one *find_answer(enum po_keyring_ask_kind kind)
{
    switch (kind) {
    case PO_KEYRING_ASK_OPEN: return answer_open;
    case PO_KEYRING_ASK_STATUS: return answer_status;
    case PO_KEYRING_ASK_WRAP: return answer_wrap;
    case PO_KEYRING_ASK_UNWRAP: return answer_unwrap;
    case PO_KEYRING_ASK_SIGNED: return answer_signed;
    case PO_KEYRING_ASK_SIGN: return answer_sign;
    case PO_KEYRING_ASK_ROTATE_BEGIN: return answer_rotate_begin;
    case PO_KEYRING_ASK_ROTATE_END: return answer_rotate_end;
    case PO_KEYRING_ASK_RECOVERY_VERIFY: return answer_recovery_verify;
    default: return NULL;
    }
}

static po_rc answer_row(struct po_ctx *cx, struct po_keyring_desk *desk,
                        const struct po_keyring_ask_row *row, po_str body, struct po_buf *out)
{
    /* A desk that was started again opens with the first question. */
    if (desk->keyring == NULL && row->kind != PO_KEYRING_ASK_OPEN) PO_TRY(cx, open_ring(cx, desk));
    po_buf_append_u8(out, PO_OK);
    PO_TRY(cx, find_answer(row->kind)(cx, desk, body, out));
    PO_TRY_LEAF(cx, po_buf_check(out), "no room for an answer");
    PO_INVARIANT(cx, out->len - 1 <= row->answer_max);
    return po_rc_ok();
}

po_rc po_keyring_answer(struct po_ctx *cx, struct po_keyring_desk *desk, po_str request,
                        struct po_buf *answer)
{
    const struct po_keyring_ask_row *row =
        request.len > 0 ? po_keyring_ask_row((uint8_t)request.ptr[0]) : NULL;
    po_str body = po_str_slice(request, 1, request.len);
    if (row == NULL) return PO_FAIL(cx, PO_INVALID, "there is no such request of keys");
    if (body.len < row->request_min || body.len > row->request_max)
        return PO_FAIL(cx, PO_INVALID, "request %d of keys has %zu bytes", (int)row->kind,
                       body.len);
    PO_TRY(cx, po_keyring_ask_buf(cx, answer, PO_KEYRING_ANSWER_BYTES_MAX));
    po_rc rc = answer_row(cx, desk, row, body, answer);
    if (po_is_ok(rc)) return rc;
    po_wipe(answer->ptr, answer->cap);
    po_buf_clear(answer);
    po_buf_append_u8(answer, (uint8_t)rc.code);
    po_buf_append_cstr(answer, po_err_msg(cx));
    po_err_clear(cx);
    return po_buf_check(answer);
}

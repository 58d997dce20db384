/*
 * Ids, and the small checks and event forms that the parts of identity share.
 */
#include "core/codec.h"
#include "core/random.h"
#include "identity/identity_priv.h"

#include <stdio.h>

#define ID_CHARS 26
#define ID_PREFIX_CHARS 4

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford, lower case */

/* ---- ids ------------------------------------------------------------------------------------------ */

/* 128 bits in 26 characters of 5: the first has only three of them. */
static void write_base32(const uint8_t bytes[static 16], char *out)
{
    uint32_t held = 0;
    unsigned held_bits = 2; /* leading zeros */
    size_t next = 0;
    for (size_t i = 0; i < ID_CHARS; i++) {
        if (held_bits < 5) {
            held = (held << 8 | bytes[next++]) & 0xFFFFU;
            held_bits += 8;
        }
        held_bits -= 5;
        out[i] = alphabet[held >> held_bits & 31U];
    }
}

PO_RC po_id_new(struct po_ctx *cx, const char *prefix, char ret_id[static PO_ID_BYTES])
{
    uint8_t uuid[16] = {0};
    PO_INVARIANT(cx, strlen(prefix) == ID_PREFIX_CHARS - 1);
    PO_TRY_LEAF(cx, po_uuid7(po_ctx_now_us(cx), uuid), "no randomness for an id");
    (void)snprintf(ret_id, PO_ID_BYTES, "%s_", prefix);
    write_base32(uuid, ret_id + ID_PREFIX_CHARS);
    ret_id[ID_PREFIX_CHARS + ID_CHARS] = '\0';
    return po_rc_ok();
}

bool po_id_is(po_str id, const char *prefix)
{
    bool is_good = id.len == ID_PREFIX_CHARS + ID_CHARS && id.ptr[ID_PREFIX_CHARS - 1] == '_' &&
                   po_str_eq_cstr(po_str_slice(id, 0, ID_PREFIX_CHARS - 1), prefix);
    for (size_t i = ID_PREFIX_CHARS; is_good && i < id.len; i++)
        is_good = po_str_find_char(po_str_of(alphabet), id.ptr[i], 0) != SIZE_MAX;
    return is_good;
}

/* ---- events --------------------------------------------------------------------------------------- */

PO_RC po_identity_event(struct po_ctx *cx, const struct po_identity_note *note,
                        struct po_event *ret_event)
{
    const char *resource = po_arena_printf(cx->arena, "%s:%.*s", note->kind, PO_STR_ARG(note->id));
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_event = (struct po_event){.type = note->type,
                                   .resource = po_str_of(resource),
                                   .action = po_str_of(note->action),
                                   .result = PO_EVENT_SUCCESS,
                                   .detail = note->detail};
    return po_rc_ok();
}

PO_RC po_identity_commit(struct po_ctx *cx, struct po_home *home, struct po_tx *tx,
                         const struct po_identity_note *note)
{
    struct po_event event = {0};
    PO_TRY(cx, po_identity_event(cx, note, &event));
    return po_home_commit(cx, home, tx, &event);
}

PO_RC po_identity_detail(struct po_ctx *cx, struct po_buf *buf, po_str *ret_detail)
{
    PO_TRY_LEAF(cx, po_buf_check(buf), "an event's detail");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(buf), ret_detail), "out of request memory");
    return po_rc_ok();
}

PO_RC po_identity_fold(struct po_ctx *cx, po_str email, po_str *ret_email)
{
    char *text = NULL;
    PO_ARENA_NEW(cx, text, email.len + 1);
    for (size_t i = 0; i < email.len; i++) {
        char c = email.ptr[i];
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    *ret_email = po_str_n(text, email.len);
    return po_rc_ok();
}

/* ---- checks --------------------------------------------------------------------------------------- */

PO_RC po_identity_copy(struct po_ctx *cx, po_str text, char *out, size_t size)
{
    if (text.len >= size) return PO_FAIL(cx, PO_CORRUPT, "an id in the store is too long");
    if (text.len > 0) memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return po_rc_ok();
}

po_str po_identity_actor_id(const struct po_ctx *cx)
{
    po_str actor = po_str_of(cx->actor);
    size_t colon = po_str_find_char(actor, ':', 0);
    po_str id = colon == SIZE_MAX ? PO_LIT("") : po_str_slice(actor, colon + 1, actor.len);
    return po_id_is(id, "usr") || po_id_is(id, "svc") ? id : PO_LIT("");
}

static bool is_line(po_str text)
{
    if (po_utf8_find_invalid(text) != SIZE_MAX) return false;
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < 0x20U || text.ptr[i] == 0x7F) return false;
    return true;
}

PO_RC po_identity_reason(struct po_ctx *cx, po_str reason, bool is_required)
{
    if (is_required && po_str_trim(reason).len == 0)
        return PO_FAIL(cx, PO_USAGE, "this is privileged: give a reason");
    if (reason.len > PO_REASON_BYTES_MAX)
        return PO_FAIL(cx, PO_USAGE, "a reason has at most %d bytes", PO_REASON_BYTES_MAX);
    if (!is_line(reason)) return PO_FAIL(cx, PO_INVALID, "a reason is one line of text");
    return po_rc_ok();
}

PO_RC po_identity_name(struct po_ctx *cx, po_str name, const char *what)
{
    if (po_str_trim(name).len == 0 || name.len > PO_USER_NAME_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "%s has 1 to %d bytes", what, PO_USER_NAME_BYTES_MAX);
    if (!is_line(name)) return PO_FAIL(cx, PO_INVALID, "%s is one line of text", what);
    return po_rc_ok();
}

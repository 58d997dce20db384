/*
 * The list of host calls: what a run asked and what it was told, in order.
 *
 * Invariants
 *  1. Every call is in the list: in full while there is room, else by the SHA-256 of what its full
 *     entry would be. The list of two runs with the same calls is the same bytes.
 *  2. A replay answers a call only from the entry at its place, and only when module, name and
 *     arguments are the same.
 */
#include "program/calls_priv.h"

#include "core/codec.h"

/* {"seq":18446744073709551615,"sha256":"..."}, */
#define SHORT_BYTES_MAX 108

void po_calls_init(struct po_calls *calls, uint64_t calls_max)
{
    *calls = (struct po_calls){.calls_max = calls_max};
    po_buf_init(&calls->list, PO_PROGRAM_CALLS_BYTES_MAX);
    po_buf_append_char(&calls->list, '[');
}

void po_calls_done(struct po_calls *calls) { po_buf_done(&calls->list); }

static void put_entry(const struct po_script_host_call *call,
                      const struct po_script_host_answer *answer, struct po_buf *buf)
{
    struct po_json_out out = {0};
    po_json_out_init(&out, buf, 0);
    po_json_out_object(&out);
    po_json_out_key(&out, "args");
    po_json_out_raw(&out, call->args_json);
    if (!answer->is_ok) {
        po_json_out_field(&out, "kind", answer->error_kind);
        po_json_out_field(&out, "message", answer->error_message);
    }
    po_json_out_field(&out, "module", call->module);
    po_json_out_field(&out, "name", call->name);
    po_json_out_field_int(&out, "seq", (int64_t)call->seq);
    if (answer->is_ok) {
        po_json_out_key(&out, "value");
        po_json_out_raw(&out, answer->value_json);
    }
    po_json_out_object_end(&out);
}

/* Room for `len` more bytes, with the digests of all calls that may still come. */
static bool has_room(const struct po_calls *calls, uint64_t seq, size_t len)
{
    uint64_t left = calls->calls_max > seq ? calls->calls_max - seq : 0;
    uint64_t kept = left * SHORT_BYTES_MAX + 2;
    return len <= PO_CALL_BYTES_MAX && calls->list.len + len + kept <= PO_PROGRAM_CALLS_BYTES_MAX;
}

static po_rc add(struct po_calls *calls, const struct po_script_host_call *call,
                 const struct po_script_host_answer *answer)
{
    PO_BUF_AUTO entry = {0};
    uint8_t digest[PO_SHA256_BYTES];
    char hex[2 * PO_SHA256_BYTES + 1];
    po_buf_init(&entry, (size_t)512 << 20);
    put_entry(call, answer, &entry);
    PO_PASS(po_buf_check(&entry));
    if (calls->list.len > 1) po_buf_append_char(&calls->list, ',');
    size_t at = calls->list.len;
    if (has_room(calls, call->seq, entry.len)) {
        po_buf_append(&calls->list, po_buf_str(&entry));
    } else {
        PO_PASS(po_sha256(po_buf_str(&entry), digest));
        po_hex_encode(digest, sizeof digest, hex);
        po_buf_printf(&calls->list, "{\"seq\":%lu,\"sha256\":\"%s\"}", (unsigned long)call->seq,
                      hex);
    }
    PO_PASS(po_buf_check(&calls->list));
    calls->latest = po_str_slice(po_buf_str(&calls->list), at, calls->list.len);
    return po_rc_ok();
}

void po_calls_add(struct po_calls *calls, const struct po_script_host_call *call,
                  const struct po_script_host_answer *answer)
{
    calls->latest = (po_str){0};
    if (calls->status == PO_OK) calls->status = add(calls, call, answer).code;
}

PO_RC po_calls_end(struct po_ctx *cx, struct po_calls *calls, po_str *ret_json,
                   uint8_t ret_digest[static PO_SHA256_BYTES])
{
    po_buf_append_char(&calls->list, ']');
    if (calls->status != PO_OK)
        return PO_FAIL(cx, calls->status, "the calls of a run could not be recorded");
    PO_TRY_LEAF(cx, po_buf_check(&calls->list), "the calls of a run could not be recorded");
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&calls->list), ret_digest), "digest of the calls");
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&calls->list), ret_json),
                "out of memory for the calls of a run");
    return po_rc_ok();
}

/* ---- replay ------------------------------------------------------------------------------------- */

PO_RC po_replay_open(struct po_ctx *cx, po_str calls_json, struct po_replay *ret_replay)
{
    struct po_json *root = NULL;
    PO_TRY_MSG(cx, po_json_parse(cx, calls_json, PO_JSON_ALLOW_REAL, &root), "recorded calls");
    if (root->type != PO_JSON_ARRAY) return PO_FAIL(cx, PO_INVALID, "recorded calls are no list");
    *ret_replay = (struct po_replay){.text = calls_json, .next = root->first, .count = root->count};
    return po_rc_ok();
}

static po_str text_of(const struct po_replay *replay, const struct po_json *value)
{
    return value == NULL ? PO_LIT("") : po_str_slice(replay->text, value->offset, value->end);
}

static po_str string_of(const struct po_json *entry, const char *key)
{
    const struct po_json *value = po_json_get(entry, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

static PO_RC left_the_list(struct po_ctx *cx, struct po_replay *replay, const char *why)
{
    if (why == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory in a replay");
    if (replay->why == NULL) replay->why = why;
    return PO_FAIL(cx, PO_CONFLICT, "%s", why);
}

/* Arguments short enough for a message. */
#define SHOWN_BYTES_MAX 80
static po_str shown(po_str args) { return po_str_slice(args, 0, SHOWN_BYTES_MAX); }

/* Something else at this place: say what was recorded and what is asked. */
static PO_RC check_same(struct po_ctx *cx, struct po_replay *replay,
                        const struct po_script_host_call *call)
{
    const struct po_json *entry = replay->next;
    unsigned long seq = (unsigned long)call->seq;
    if (replay->why != NULL) return PO_FAIL(cx, PO_CONFLICT, "%s", replay->why);
    if (entry == NULL)
        return left_the_list(
            cx, replay,
            po_arena_printf(cx->arena, "call %lu: the run asks %.*s.%.*s%.*s, the record ends", seq,
                            PO_STR_ARG(call->module), PO_STR_ARG(call->name),
                            PO_STR_ARG(shown(call->args_json))));
    if (po_json_get(entry, "module") == NULL)
        return left_the_list(
            cx, replay,
            po_arena_printf(cx->arena, "call %lu: the record has its digest alone", seq));
    po_str args = text_of(replay, po_json_get(entry, "args"));
    bool is_same = po_str_eq(string_of(entry, "module"), call->module) &&
                   po_str_eq(string_of(entry, "name"), call->name) &&
                   po_str_eq(args, call->args_json);
    if (is_same) return po_rc_ok();
    return left_the_list(
        cx, replay,
        po_arena_printf(
            cx->arena, "call %lu: the record has %.*s.%.*s%.*s, the run asks %.*s.%.*s%.*s", seq,
            PO_STR_ARG(string_of(entry, "module")), PO_STR_ARG(string_of(entry, "name")),
            PO_STR_ARG(shown(args)), PO_STR_ARG(call->module), PO_STR_ARG(call->name),
            PO_STR_ARG(shown(call->args_json))));
}

PO_RC po_replay_answer(struct po_ctx *cx, struct po_replay *replay,
                       const struct po_script_host_call *call, struct po_buf *ret_json,
                       const char **ret_kind)
{
    PO_TRY(cx, check_same(cx, replay, call));
    const struct po_json *entry = replay->next;
    const struct po_json *value = po_json_get(entry, "value");
    replay->next = entry->next;
    if (value != NULL) {
        po_buf_append(ret_json, text_of(replay, value));
        return po_rc_ok();
    }
    const char *kind = po_arena_strdup(cx->arena, string_of(entry, "kind"));
    if (kind == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory in a replay");
    *ret_kind = kind;
    return PO_FAIL(cx, strcmp(kind, "CapabilityDenied") == 0 ? PO_DENIED : PO_IO, "%.*s",
                   PO_STR_ARG(string_of(entry, "message")));
}

PO_RC po_replay_end(struct po_ctx *cx, const struct po_replay *replay)
{
    size_t left = 0;
    if (replay->why != NULL) return PO_FAIL(cx, PO_CONFLICT, "%s", replay->why);
    for (const struct po_json *entry = replay->next; entry != NULL; entry = entry->next) {
        left++;
    }
    if (left == 0) return po_rc_ok();
    return PO_FAIL(cx, PO_CONFLICT, "the record has %zu calls, the run asked only %zu",
                   replay->count, replay->count - left);
}

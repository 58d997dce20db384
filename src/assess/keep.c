/*
 * What is kept beside the runs, so that each can be made again from the ledger alone: the texts of
 * the programs, once each, and the facts they saw.
 *
 * Source   docs/spec/run-record.md 5
 */
#include "assess_priv.h"

#include "core/codec.h"
#include "grant/grant.h"
#include "store/store.h"

#define VALUE_BYTES_MAX ((size_t)64 << 10)
#define EVENT_ROOM_BYTES ((size_t)16 << 10) /* for what surrounds the detail */
#define DETAIL_BYTES_MAX (PO_EVENT_BYTES_MAX - EVENT_ROOM_BYTES)

static PO_RC keep_text(struct po_ctx *cx, struct po_buf *text, po_str *ret_kept)
{
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(text), ret_kept), "out of request memory");
    return po_rc_ok();
}

PO_RC po_assess_keep_program(struct po_ctx *cx, struct po_home *home,
                             const struct po_program *program, bool *ret_is_new,
                             struct po_event *ret_event)
{
    bool has = false;
    PO_BUF_AUTO texts;
    struct po_event event = {.type = PO_EVENT_TYPE_PROGRAM_STORED,
                             .action = PO_LIT("record"),
                             .result = PO_EVENT_SUCCESS};
    po_buf_init(&texts, DETAIL_BYTES_MAX);
    *ret_is_new = false;
    PO_TRY(cx, po_store_program_has(cx, po_home_store(home), program->digest, &has));
    if (has) return po_rc_ok();
    PO_TRY(cx, po_program_texts(cx, program, &texts));
    PO_TRY(cx, keep_text(cx, &texts, &event.detail));
    PO_TRY(cx, po_program_resource(cx, program, &event.resource));
    *ret_event = event;
    *ret_is_new = true;
    return po_rc_ok();
}

/* One fact; a value that is too large is named with the reason why it is not there. */
static PO_RC put_fact(struct po_ctx *cx, const char *name, const struct po_fact_value *fact,
                      struct po_buf *out)
{
    char read_at[PO_TIME_RFC3339_BYTES];
    char digest[2 * PO_SHA256_BYTES + 1];
    PO_BUF_AUTO value;
    struct po_json_out json;
    po_buf_init(&value, PO_FACT_BYTES_MAX * 2);
    PO_TRY(cx, po_json_canonical(cx, fact->json, &value));
    PO_TRY_LEAF(cx, po_buf_check(&value), "fact '%s'", name);
    po_time_format(fact->read_at_us, read_at);
    po_hex_encode(fact->digest, PO_SHA256_BYTES, digest);
    bool is_left_out = value.len > VALUE_BYTES_MAX || out->len + value.len > DETAIL_BYTES_MAX / 2;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    if (is_left_out) po_json_out_field(&json, "left_out", PO_LIT("too large"));
    po_json_out_field(&json, "name", po_str_of(name));
    po_json_out_field(&json, "read_at", po_str_of(read_at));
    po_json_out_field(&json, "sha256", po_str_of(digest));
    po_json_out_key(&json, "value");
    po_json_out_raw(&json, is_left_out ? PO_LIT("null") : po_buf_str(&value));
    po_json_out_object_end(&json);
    return po_rc_ok();
}

PO_RC po_assess_keep_facts(struct po_ctx *cx, struct po_fact_set *facts, const char *const *names,
                           size_t count, struct po_event *ret_event)
{
    PO_BUF_AUTO detail;
    struct po_event event = {.type = PO_EVENT_TYPE_FACTS_OBSERVED,
                             .resource = PO_LIT("assessment:facts"),
                             .action = PO_LIT("read"),
                             .result = PO_EVENT_SUCCESS};
    po_buf_init(&detail, DETAIL_BYTES_MAX);
    po_buf_append_cstr(&detail, "{\"facts\":[");
    for (size_t i = 0; i < count; i++) {
        const struct po_fact_value *value = NULL;
        PO_TRY(cx, po_fact_get(cx, facts, names[i], &value));
        if (i > 0) po_buf_append_char(&detail, ',');
        PO_TRY(cx, put_fact(cx, names[i], value, &detail));
    }
    po_buf_append_cstr(&detail, "]}");
    PO_TRY_LEAF(cx, po_buf_check(&detail), "the event of the facts is too long");
    PO_TRY(cx, keep_text(cx, &detail, &event.detail));
    *ret_event = event;
    return po_rc_ok();
}

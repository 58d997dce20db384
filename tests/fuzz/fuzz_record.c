/*
 * Records, events, sealed payloads and signing states from hostile bytes.
 *
 * What decodes must encode to the same bytes: one content never has two forms.
 */
#include "fuzz/fuzz.h"
#include "ledger/ledger_priv.h"

#include <stdlib.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void check_record(po_str in)
{
    struct po_record record;
    uint8_t again[PO_RECORD_BYTES];
    uint8_t leaf[PO_SHA256_BYTES];
    if (!po_is_ok(po_record_decode(in, &record))) return;
    require(po_is_ok(po_record_encode(&record, again)));
    require(po_str_eq(po_str_n(again, sizeof again), in));
    require(po_is_ok(po_leaf_hash(in, leaf)));
}

static void check_signed(po_str in)
{
    struct po_signed_state state;
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 1024);
    if (!po_is_ok(po_signed_parse(in, &state))) return;
    po_signed_format(&state, &out);
    require(po_str_eq(po_buf_str(&out), in));
}

static void check_event(struct po_ctx *cx, po_str in)
{
    struct po_event_view view;
    if (!po_is_ok(po_event_parse(cx, in, &view))) return;
    require(view.detail.ptr >= in.ptr && view.detail.ptr + view.detail.len <= in.ptr + in.len);
    require(view.tenant >= 1 && po_event_type_find(view.event_type) != NULL);
    require(po_is_ok(po_event_validate(cx, in)));
}

static struct po_secret *data_key;

static po_rc key_at(struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t epoch,
                    const struct po_secret **ret_key)
{
    (void)user;
    (void)tenant;
    if (epoch != 1) return PO_FAIL(cx, PO_NOTFOUND, "no such epoch");
    *ret_key = data_key;
    return po_rc_ok();
}

static void check_sealed(struct po_ctx *cx, po_str in)
{
    static const struct po_ledger_keys keys = {.at = key_at};
    const po_tenant_id tenant = {1};
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, PO_EVENT_BYTES_MAX);
    if (data_key == NULL) {
        uint8_t bytes[32];
        memset(bytes, 16, sizeof bytes);
        require(po_is_ok(po_secret_new(cx, po_str_n(bytes, sizeof bytes), &data_key)));
    }
    po_rc rc = po_sealed_open(cx, &keys, tenant, in, &out, NULL);
    require(po_is_ok(rc) ? out.len == in.len - PO_SEALED_OVERHEAD_BYTES : out.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of its exact size, so that reading beyond the end is seen. */
    char *exact = malloc(size > 0 ? size : 1);
    PO_CTX_AUTO cx = {0};
    if (exact == NULL) return 0;
    if (size > 0) memcpy(exact, data, size);
    if (po_is_ok(po_ctx_init(&cx))) {
        po_str in = po_str_n(exact, size);
        check_record(in);
        check_signed(in);
        check_event(&cx, in);
        check_sealed(&cx, in);
    }
    free(exact);
    return 0;
}

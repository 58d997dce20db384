/*
 * Frames from hostile bytes: what is accepted is written back the same in meaning, and whatever comes in
 * two pieces reads as in one.
 */
#include "daemon/wire.h"
#include "fuzz/fuzz.h"

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void require_same(const struct po_wire_msg *a, const struct po_wire_msg *b)
{
    require(a->kind == b->kind && a->id == b->id && a->has == b->has);
    require(a->list_count == b->list_count);
    for (size_t i = 0; i < PO_WIRE_FIELD_COUNT; i++)
        require(po_str_eq(a->text[i], b->text[i]) && a->number[i] == b->number[i]);
    for (size_t i = 0; i < a->list_count; i++)
        require(po_str_eq(a->list[i], b->list[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct po_wire_msg msg;
    static struct po_wire_msg again;
    po_str rest = po_str_n(data, size);
    for (;;) {
        PO_BUF_AUTO out = {0};
        size_t used = 0;
        size_t used_again = 0;
        po_buf_init(&out, PO_WIRE_FRAME_BYTES_MAX + 4);
        if (!po_is_ok(po_wire_get(rest, &msg, &used)) || used == 0) return 0;
        require(used >= PO_WIRE_HEAD_BYTES && used <= rest.len);
        require(po_is_ok(po_wire_get(po_str_slice(rest, 0, used - 1), &again, &used_again)));
        require(used_again == 0);
        require(po_is_ok(po_wire_put(&msg, &out)));
        require(out.len == used);
        require(po_is_ok(po_wire_get(po_buf_str(&out), &again, &used_again)));
        require(used_again == used);
        require_same(&msg, &again);
        rest = po_str_slice(rest, used, rest.len);
    }
}

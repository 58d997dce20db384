/*
 * The closed table of requests (keyring_asks.def), and how their bytes are read.
 */
#include "crypto/keyring_ask_priv.h"

static const struct po_keyring_ask_row rows[] = {
#define X(name, number, request_min, request_max, answer_max)                                      \
    {PO_KEYRING_ASK_##name, (request_min), (request_max), (answer_max)},
#include "crypto/keyring_asks.def"
#undef X
};

#define X(name, number, request_min, request_max, answer_max)                                      \
    _Static_assert(1 + (request_max) <= PO_KEYRING_REQUEST_BYTES_MAX, "a request fits");           \
    _Static_assert(1 + (answer_max) <= PO_KEYRING_ANSWER_BYTES_MAX, "an answer fits");
#include "crypto/keyring_asks.def"
#undef X

static const char *const purposes[] = {"master", "ledger", "recovery"};

const struct po_keyring_ask_row *po_keyring_ask_row(unsigned kind)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((unsigned)rows[i].kind == kind) return &rows[i];
    return NULL;
}

const char *po_keyring_ask_purpose(unsigned index)
{
    return index < sizeof purposes / sizeof *purposes ? purposes[index] : NULL;
}

po_str po_keyring_ask_cut(struct po_keyring_ask_in *in, size_t len)
{
    if (len > in->rest.len) {
        in->is_short = true;
        return (po_str){NULL, 0};
    }
    po_str part = po_str_n(in->rest.ptr, len);
    in->rest = po_str_n(in->rest.ptr + len, in->rest.len - len);
    return part;
}

uint64_t po_keyring_ask_number(struct po_keyring_ask_in *in, size_t bytes)
{
    po_str part = po_keyring_ask_cut(in, bytes);
    uint64_t value = 0;
    for (size_t i = part.len; i > 0; i--)
        value = value << 8 | (uint8_t)part.ptr[i - 1];
    return value;
}

po_rc po_keyring_ask_buf(struct po_ctx *cx, struct po_buf *buf, size_t bytes_max)
{
    po_buf_init(buf, bytes_max);
    (void)po_buf_extend(buf, bytes_max); /* growing later would leave copies behind */
    PO_TRY_LEAF(cx, po_buf_check(buf), "out of memory for a request of keys");
    po_buf_clear(buf);
    return po_rc_ok();
}

#include "unit/http/ws_run.h"

#include "core/codec.h"

#include <stdlib.h>

static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

struct frame {
    uint8_t first;
    bool is_masked;
    int length_form; /* 0: the shortest */
    size_t times;
    struct po_buf payload;
};

static void put_frame(const struct frame *frame, struct po_buf *out)
{
    uint64_t len = frame->payload.len * frame->times;
    int form = frame->length_form != 0 ? frame->length_form : len < 126 ? 0 : len <= 0xffff ? 2 : 8;
    uint8_t mask_bit = frame->is_masked ? 0x80 : 0;
    po_buf_append_u8(out, frame->first);
    po_buf_append_u8(out, (uint8_t)(mask_bit | (form == 0 ? (uint8_t)len : form == 2 ? 126 : 127)));
    for (int i = form - 1; i >= 0; i--)
        po_buf_append_u8(out, (uint8_t)(len >> (8 * i)));
    if (frame->is_masked) po_buf_append(out, po_str_n(MASK, 4));
    for (uint64_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)frame->payload.ptr[i % frame->payload.len];
        po_buf_append_u8(out, frame->is_masked ? byte ^ MASK[i & 3] : byte);
    }
}

static void put_hex(po_str hex, struct po_buf *out)
{
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        uint8_t byte = 0;
        po_ignore(po_hex_decode(po_str_slice(hex, i, i + 2), &byte, 1), "the cases are ours");
        po_buf_append_u8(out, byte);
    }
}

static void build_one(po_str text, struct po_buf *out)
{
    if (text.len > 0 && text.ptr[0] == '~') {
        put_hex(po_str_slice(text, 1, text.len), out);
        return;
    }
    struct frame frame = {.is_masked = true, .times = 1};
    po_buf_init(&frame.payload, 1 << 20);
    size_t colon = po_str_find_char(text, ':', 0);
    po_str options = po_str_slice(text, 2, colon);
    po_ignore(po_hex_decode(po_str_slice(text, 0, 2), &frame.first, 1), "the cases are ours");
    po_buf_append(&frame.payload, po_str_slice(text, colon + 1, text.len));
    while (options.len > 0) {
        char option = options.ptr[0];
        options = po_str_slice(options, 1, options.len);
        if (option == 'u') frame.is_masked = false;
        if (option == '2' || option == '8') frame.length_form = option - '0';
        if (option == '*') frame.times = strtoul(options.ptr, NULL, 10);
        if (option == 'x') put_hex(options, &frame.payload);
        if (option == '*' || option == 'x') break;
    }
    put_frame(&frame, out);
    po_buf_done(&frame.payload);
}

void ws_build(const char *script, struct po_buf *out)
{
    po_str rest = po_str_of(script);
    po_str one = {0};
    while (rest.len > 0 && po_str_next_field(&rest, '|', &one))
        build_one(one, out);
}

void ws_note(struct po_buf *out, char kind, po_str payload)
{
    po_buf_append_char(out, kind);
    bool has_nul = po_str_find_char(payload, '\0', 0) != SIZE_MAX;
    if (payload.len > 40) {
        po_buf_printf(out, "#%zu", payload.len);
    } else if (has_nul) {
        po_buf_append_cstr(out, "#hex");
        po_hex_append(out, (const uint8_t *)payload.ptr, payload.len);
    } else if (payload.len > 0) {
        po_buf_append_char(out, ':');
        po_buf_append(out, payload);
    }
    po_buf_append_char(out, '|');
}

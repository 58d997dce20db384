/*
 * Frames: reading and writing them.
 *
 * Invariants
 *  1. no byte beyond a frame's stated length is looked at, and no length is trusted before it is
 *     compared with what is there.
 *  2. a frame that is accepted has each field at most once, all its kind must have, none it must not.
 */
#include "daemon/wire.h"

enum field_type { TEXT, NUMBER, LIST };

struct field_row {
    uint8_t number;
    enum field_type type;
    size_t bytes_max;
};

static const struct field_row fields[PO_WIRE_FIELD_COUNT] = {
#define X(name, number, type, bytes_max) [PO_WIRE_##name] = {(number), type, (bytes_max)},
#include "daemon/wire_fields.def"
#undef X
};
_Static_assert(PO_WIRE_FIELD_COUNT <= 64, "a bit for each field");

struct kind_row {
    const char *name;
    enum po_wire_kind kind;
    uint64_t required;
    uint64_t allowed;
};

#define F(name) ((uint64_t)1 << PO_WIRE_##name)
static const struct kind_row kinds[] = {
#define X(name, number, required, allowed) {#name, PO_WIRE_KIND_##name, (required), (allowed)},
#include "daemon/wire_kinds.def"
#undef X
};

static const struct kind_row *find_kind(unsigned number)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((unsigned)kinds[i].kind == number) return &kinds[i];
    return NULL;
}

const char *po_wire_kind_name(enum po_wire_kind kind)
{
    const struct kind_row *row = find_kind((unsigned)kind);
    return row == NULL ? "unknown" : row->name;
}

static uint64_t bit_of(size_t field) { return (uint64_t)1 << field; }

bool po_wire_has(const struct po_wire_msg *msg, enum po_wire_field field)
{
    return (msg->has & bit_of(field)) != 0;
}

void po_wire_begin(struct po_wire_msg *msg, enum po_wire_kind kind, uint64_t id)
{
    *msg = (struct po_wire_msg){.kind = kind, .id = id};
}

void po_wire_set_text(struct po_wire_msg *msg, enum po_wire_field field, po_str text)
{
    msg->text[field] = text;
    msg->has |= bit_of(field);
}

void po_wire_set_number(struct po_wire_msg *msg, enum po_wire_field field, uint64_t value)
{
    msg->number[field] = value;
    msg->has |= bit_of(field);
}

po_rc po_wire_add(struct po_wire_msg *msg, po_str item)
{
    if (msg->list_count == PO_WIRE_LIST_MAX) return po_rc_of(PO_LIMIT);
    msg->list[msg->list_count++] = item;
    msg->has |= bit_of(PO_WIRE_LIST);
    return po_rc_ok();
}

/* ---- writing ------------------------------------------------------------------------------------ */

static size_t list_bytes(const struct po_wire_msg *msg)
{
    size_t bytes = 4;
    for (size_t i = 0; i < msg->list_count; i++)
        bytes += 4 + msg->list[i].len;
    return bytes;
}

static size_t content_bytes(const struct po_wire_msg *msg, size_t field)
{
    switch (fields[field].type) {
    case TEXT: return msg->text[field].len;
    case NUMBER: return 8;
    case LIST: return list_bytes(msg);
    }
    return 0;
}

static PO_RC check(const struct po_wire_msg *msg, size_t *ret_bytes)
{
    const struct kind_row *row = find_kind((unsigned)msg->kind);
    size_t bytes = PO_WIRE_HEAD_BYTES - 4;
    if (row == NULL || (msg->has & row->required) != row->required ||
        (msg->has & ~(row->required | row->allowed)) != 0)
        return po_rc_of(PO_INVALID);
    for (size_t i = 0; i < PO_WIRE_FIELD_COUNT; i++) {
        if ((msg->has & bit_of(i)) == 0) continue;
        size_t len = content_bytes(msg, i);
        if (len > fields[i].bytes_max) return po_rc_of(PO_LIMIT);
        bytes += 5 + len;
    }
    if (bytes > PO_WIRE_FRAME_BYTES_MAX) return po_rc_of(PO_LIMIT);
    *ret_bytes = bytes;
    return po_rc_ok();
}

static void put_list(const struct po_wire_msg *msg, struct po_buf *out)
{
    po_buf_append_le32(out, (uint32_t)msg->list_count);
    for (size_t i = 0; i < msg->list_count; i++) {
        po_buf_append_le32(out, (uint32_t)msg->list[i].len);
        po_buf_append(out, msg->list[i]);
    }
}

static void put_field(const struct po_wire_msg *msg, size_t field, struct po_buf *out)
{
    po_buf_append_u8(out, fields[field].number);
    po_buf_append_le32(out, (uint32_t)content_bytes(msg, field));
    switch (fields[field].type) {
    case TEXT: po_buf_append(out, msg->text[field]); break;
    case NUMBER: po_buf_append_le64(out, msg->number[field]); break;
    case LIST: put_list(msg, out); break;
    }
}

po_rc po_wire_put(const struct po_wire_msg *msg, struct po_buf *out)
{
    size_t before = out->len;
    size_t bytes = 0;
    PO_PASS(check(msg, &bytes));
    PO_PASS(po_buf_check(out));
    po_buf_append_le32(out, (uint32_t)bytes);
    po_buf_append_u8(out, (uint8_t)msg->kind);
    po_buf_append_le64(out, msg->id);
    for (size_t i = 0; i < PO_WIRE_FIELD_COUNT; i++)
        if ((msg->has & bit_of(i)) != 0) put_field(msg, i, out);
    po_rc rc = po_buf_check(out);
    if (po_is_ok(rc)) return rc;
    po_buf_truncate(out, before);
    out->status = PO_OK; /* what stood there before is whole */
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static uint64_t read_le(const char *from, size_t count)
{
    uint64_t value = 0;
    for (size_t i = count; i > 0; i--)
        value = value << 8 | (uint8_t)from[i - 1];
    return value;
}

/* Cut `len` bytes off the front. */
static bool cut(po_str *rest, uint64_t len, po_str *ret_part)
{
    if (len > rest->len) return false;
    *ret_part = po_str_n(rest->ptr, (size_t)len);
    rest->ptr += len;
    rest->len -= (size_t)len;
    return true;
}

static bool cut_number(po_str *rest, size_t count, uint64_t *ret_value)
{
    po_str part = {NULL, 0};
    if (!cut(rest, count, &part)) return false;
    *ret_value = read_le(part.ptr, count);
    return true;
}

static bool get_list(po_str rest, struct po_wire_msg *msg)
{
    uint64_t count = 0;
    uint64_t len = 0;
    if (!cut_number(&rest, 4, &count) || count > PO_WIRE_LIST_MAX) return false;
    for (size_t i = 0; i < count; i++)
        if (!cut_number(&rest, 4, &len) || !cut(&rest, len, &msg->list[i])) return false;
    msg->list_count = (size_t)count;
    return rest.len == 0;
}

static bool get_content(size_t field, po_str content, struct po_wire_msg *msg)
{
    if (content.len > fields[field].bytes_max) return false;
    switch (fields[field].type) {
    case TEXT: msg->text[field] = content; return true;
    case NUMBER:
        if (content.len != 8) return false;
        msg->number[field] = read_le(content.ptr, 8);
        return true;
    case LIST: return get_list(content, msg);
    }
    return false;
}

static bool find_field(uint64_t number, size_t *ret_field)
{
    for (size_t i = 0; i < PO_WIRE_FIELD_COUNT; i++) {
        if (fields[i].number != number) continue;
        *ret_field = i;
        return true;
    }
    return false;
}

static bool get_field(po_str *rest, struct po_wire_msg *msg)
{
    uint64_t number = 0;
    uint64_t len = 0;
    size_t field = 0;
    po_str content = {NULL, 0};
    if (!cut_number(rest, 1, &number) || !find_field(number, &field)) return false;
    if ((msg->has & bit_of(field)) != 0) return false;
    if (!cut_number(rest, 4, &len) || !cut(rest, len, &content)) return false;
    msg->has |= bit_of(field);
    return get_content(field, content, msg);
}

static PO_RC get_frame(po_str rest, struct po_wire_msg *msg)
{
    uint64_t kind = 0;
    uint64_t id = 0;
    if (!cut_number(&rest, 1, &kind) || !cut_number(&rest, 8, &id)) return po_rc_of(PO_INVALID);
    const struct kind_row *row = find_kind((unsigned)kind);
    if (row == NULL) return po_rc_of(PO_INVALID);
    po_wire_begin(msg, row->kind, id);
    while (rest.len > 0)
        if (!get_field(&rest, msg)) return po_rc_of(PO_INVALID);
    if ((msg->has & row->required) != row->required) return po_rc_of(PO_INVALID);
    if ((msg->has & ~(row->required | row->allowed)) != 0) return po_rc_of(PO_INVALID);
    return po_rc_ok();
}

po_rc po_wire_get(po_str in, struct po_wire_msg *ret_msg, size_t *ret_used)
{
    *ret_used = 0;
    if (in.len < 4) return po_rc_ok();
    uint64_t len = read_le(in.ptr, 4);
    if (len < PO_WIRE_HEAD_BYTES - 4) return po_rc_of(PO_INVALID);
    if (len > PO_WIRE_FRAME_BYTES_MAX) return po_rc_of(PO_LIMIT);
    if (in.len - 4 < len) return po_rc_ok();
    PO_PASS(get_frame(po_str_slice(in, 4, 4 + (size_t)len), ret_msg));
    *ret_used = 4 + (size_t)len;
    return po_rc_ok();
}

/*
 * Fact machine.sockets: what listens, from /proc/net.
 */
#include "fact_priv.h"

#include "core/codec.h"

#define SOCKETS_MAX 500

struct socket_row {
    const char *proto;
    char address[48];
    uint16_t port;
    int64_t uid;
    bool is_loopback;
};

struct socket_list {
    struct socket_row *rows;
    size_t count;
    uint64_t total;
    uint64_t malformed;
};

static const struct {
    const char *proto;
    const char *file;
    const char *listening; /* state column of a socket that waits for peers */
    bool is_v6;
} sources[] = {
    {"tcp", "net/tcp", "0A", false},
    {"tcp6", "net/tcp6", "0A", true},
    {"udp", "net/udp", "07", false},
    {"udp6", "net/udp6", "07", true},
};

/* The kernel prints each 32-bit word of an address in host order; ours is little-endian. */
static bool parse_words(po_str hex, uint8_t *out, size_t words)
{
    if (hex.len != words * 8 || !po_is_ok(po_hex_decode(hex, out, words * 4))) return false;
    for (size_t w = 0; w < words; w++) {
        for (size_t i = 0; i < 2; i++) {
            uint8_t swap = out[w * 4 + i];
            out[w * 4 + i] = out[w * 4 + 3 - i];
            out[w * 4 + 3 - i] = swap;
        }
    }
    return true;
}

static bool is_all_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0) return false;
    return true;
}

static bool is_loopback(const uint8_t *bytes, bool is_v6)
{
    if (!is_v6) return bytes[0] == 127;
    if (is_all_zero(bytes, 15)) return bytes[15] == 1;
    bool is_mapped = is_all_zero(bytes, 10) && bytes[10] == 0xff && bytes[11] == 0xff;
    return is_mapped && bytes[12] == 127;
}

/* IPv6 in full groups: no compression, so that equal addresses have equal text. */
static void format_address(const uint8_t *bytes, bool is_v6, char out[static 48])
{
    struct po_buf buf = {0};
    po_buf_init(&buf, 47);
    if (!is_v6) po_buf_printf(&buf, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
    for (size_t i = 0; is_v6 && i < 16; i += 2)
        po_buf_printf(&buf, "%s%x", i == 0 ? "" : ":",
                      (unsigned)(bytes[i] << 8) | (unsigned)bytes[i + 1]);
    po_str text = po_buf_str(&buf);
    memcpy(out, text.len == 0 ? "?" : text.ptr, text.len == 0 ? 1 : text.len);
    po_buf_done(&buf);
}

static bool next_word(po_str *rest, po_str *ret_word)
{
    *rest = po_str_trim(*rest);
    return po_str_next_field(rest, ' ', ret_word);
}

/* "0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 <uid> ..." */
static bool parse_row(po_str line, size_t source, struct socket_row *ret_row, bool *ret_listens)
{
    po_str words[8] = {0};
    for (size_t i = 0; i < 8; i++)
        if (!next_word(&line, &words[i])) return false;
    bool is_v6 = sources[source].is_v6;
    size_t address_chars = is_v6 ? 32 : 8;
    uint8_t address[16] = {0};
    uint8_t port[2] = {0};
    uint64_t uid = 0;
    if (words[1].len != address_chars + 5 || words[1].ptr[address_chars] != ':') return false;
    if (!parse_words(po_str_slice(words[1], 0, address_chars), address, is_v6 ? 4 : 1))
        return false;
    if (!po_is_ok(po_hex_decode(po_str_slice(words[1], address_chars + 1, words[1].len), port, 2)))
        return false;
    if (!po_is_ok(po_str_to_u64(words[7], UINT32_MAX, &uid))) return false;
    *ret_listens = po_str_eq_cstr(words[3], sources[source].listening);
    *ret_row = (struct socket_row){.proto = sources[source].proto,
                                   .port = (uint16_t)(port[0] << 8 | port[1]),
                                   .uid = (int64_t)uid,
                                   .is_loopback = is_loopback(address, is_v6)};
    format_address(address, is_v6, ret_row->address);
    return true;
}

static PO_RC read_source(struct po_ctx *cx, const char *proc, size_t source,
                         struct socket_list *list)
{
    const char *path = NULL;
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, po_fact_path(cx, proc, sources[source].file, &path));
    PO_FACT_LINES_AUTO lines = {.fd = -1};
    PO_TRY(cx, po_fact_lines_open(cx, path, &lines, &state));
    bool has = true;
    for (bool is_header = true; has; is_header = false) {
        po_str line = {0};
        PO_TRY(cx, po_fact_lines_next(cx, &lines, &line, &has));
        if (!has || is_header) continue;
        struct socket_row row = {0};
        bool listens = false;
        if (!parse_row(line, source, &row, &listens)) list->malformed++;
        if (!listens) continue;
        list->total++;
        if (list->count < SOCKETS_MAX) list->rows[list->count++] = row;
    }
    return po_rc_ok();
}

static int compare_rows(const struct socket_row *a, const struct socket_row *b)
{
    int order = strcmp(a->proto, b->proto);
    if (order == 0) order = (int)a->port - (int)b->port;
    if (order == 0) order = strcmp(a->address, b->address);
    return order != 0 ? order : (a->uid > b->uid) - (a->uid < b->uid);
}

/* Insertion sort: at most SOCKETS_MAX rows, and no allocation inside. */
static void sort_rows(struct socket_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        struct socket_row row = list->rows[i];
        size_t k = i;
        for (; k > 0 && compare_rows(&list->rows[k - 1], &row) > 0; k--)
            list->rows[k] = list->rows[k - 1];
        list->rows[k] = row;
    }
}

PO_FACT_READER(machine_sockets)
{
    struct socket_list list = {0};
    PO_ARENA_NEW(cx, list.rows, SOCKETS_MAX);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        PO_TRY(cx, read_source(cx, set->places.proc, i, &list));
    sort_rows(&list);
    int64_t outside = 0;
    po_json_out_object(out);
    po_fact_put_array(out, "listening");
    for (size_t i = 0; i < list.count; i++) {
        const struct socket_row *row = &list.rows[i];
        outside += row->is_loopback ? 0 : 1;
        po_json_out_object(out);
        po_fact_put_cstr(out, "protocol", row->proto);
        po_fact_put_cstr(out, "address", row->address);
        po_fact_put_int(out, "port", row->port);
        po_fact_put_int(out, "uid", row->uid);
        po_fact_put_bool(out, "loopback", row->is_loopback);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_fact_put_int(out, "count", (int64_t)list.total);
    po_fact_put_int(out, "beyond_loopback", outside);
    po_fact_put_int(out, "malformed", (int64_t)list.malformed);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/*
 * Tar headers: one way to write them, and only that one is read.
 */
#include "core/fs.h"
#include "evidence/pack_priv.h"
#include "lib/test.h"

#define BLOCK 512
#define MTIME_S 1767323045

static void make(struct po_buf *out, po_str path, uint64_t bytes)
{
    po_buf_init(out, BLOCK);
    check_ok_leaf(po_tar_header(out, path, bytes, MTIME_S));
    check_eq_u64(out->len, BLOCK);
}

static po_rc parse(po_str header, struct po_tar_entry *entry, bool *is_end, uint64_t *offset)
{
    static char path[257];
    return po_tar_parse(header, offset, entry, is_end, path);
}

TEST(tar__gives_back_what_was_written)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = {{"a", 0},
                {"manifest.json", 1},
                {"criteria/CC7.2/README.md", 512},
                {"log/tile/entries/x001/x234/067.p/255", 513},
                {"b", PO_PACK_FILE_BYTES_MAX}};
    TEST_EACH(row, rows)
    {
        PO_BUF_AUTO header;
        struct po_tar_entry entry = {.path = PO_LIT("")};
        bool is_end = true;
        uint64_t offset = 1024;
        make(&header, po_str_of(row->name), row->bytes);
        check_ok_leaf(parse(po_buf_str(&header), &entry, &is_end, &offset));
        check_that(!is_end);
        check_eq_str(entry.path, row->name);
        check_eq_u64(entry.bytes, row->bytes);
        check_eq_u64(entry.offset, 1024 + BLOCK);
        check_eq_u64(offset, 1024 + BLOCK + (row->bytes + BLOCK - 1) / BLOCK * BLOCK);
    }
}

TEST(tar__splits_a_long_path_and_joins_it_again)
{
    for (size_t len = 90; len <= 247; len++) {
        char path[256];
        memset(path, 'd', len);
        for (size_t i = 20; i < len - 1; i += 21)
            path[i] = '/';
        PO_BUF_AUTO header;
        struct po_tar_entry entry = {.path = PO_LIT("")};
        bool is_end = false;
        uint64_t offset = 0;
        make(&header, po_str_n(path, len), 3);
        check_ok_leaf(parse(po_buf_str(&header), &entry, &is_end, &offset));
        check_eq_postr(entry.path, po_str_n(path, len));
    }
}

TEST(tar__refuses_a_path_that_fits_nowhere)
{
    char path[256];
    PO_BUF_AUTO out;
    po_buf_init(&out, BLOCK);
    memset(path, 'd', sizeof path);
    check_fails_leaf(po_tar_header(&out, po_str_n(path, 101), 1, 0), PO_LIMIT);
    path[200] = '/';
    check_fails_leaf(po_tar_header(&out, po_str_n(path, 256), 1, 0), PO_LIMIT);
    check_eq_u64(out.len, 0);
}

TEST(tar__refuses_every_flipped_bit_of_a_header)
{
    PO_BUF_AUTO header;
    make(&header, PO_LIT("criteria/CC7.2/README.md"), 700);
    size_t accepted = 0;
    for (size_t at = 0; at < BLOCK; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct po_tar_entry entry = {.path = PO_LIT("")};
            bool is_end = false;
            uint64_t offset = 0;
            header.ptr[at] = (char)((uint8_t)header.ptr[at] ^ 1U << bit);
            accepted += po_is_ok(parse(po_buf_str(&header), &entry, &is_end, &offset));
            header.ptr[at] = (char)((uint8_t)header.ptr[at] ^ 1U << bit);
        }
    }
    check_eq_u64(accepted, 0);
}

/* A field changed and the checksum made right again, as another tool would write it. */
static void set_and_sum(struct po_buf *header, size_t at, const char *bytes, size_t len)
{
    unsigned sum = 0;
    memcpy(header->ptr + at, bytes, len);
    memset(header->ptr + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (uint8_t)header->ptr[i];
    for (int i = 5; i >= 0; i--) {
        header->ptr[148 + i] = (char)('0' + (sum & 7U));
        sum >>= 3;
    }
    header->ptr[154] = '\0';
    header->ptr[155] = ' ';
}

TEST(tar__refuses_fields_that_no_reader_looks_at)
{
    static const struct {
        const char *name;
        size_t at;
        const char *bytes;
        size_t len;
    } rows[] = {
        {"mode", 100, "0000777", 7},
        {"owner", 108, "0001750", 7},
        {"group", 116, "0001750", 7},
        {"link target", 157, "/etc", 4},
        {"type: directory", 156, "5", 1},
        {"type: link", 156, "2", 1},
        {"type: old file", 156, "\0", 1},
        {"owner's name", 265, "root", 4},
        {"device", 329, "0000001", 7},
        {"after the prefix", 500, "x", 1},
        {"version", 263, "  ", 2},
        {"size in base 256", 124, "\200", 1},
        {"size too large", 124, "77777777777", 11},
        {"bytes after the name's end", 60, "x", 1},
    };
    TEST_EACH(row, rows)
    {
        PO_BUF_AUTO header;
        struct po_tar_entry entry = {.path = PO_LIT("")};
        bool is_end = false;
        uint64_t offset = 0;
        make(&header, PO_LIT("README.md"), 5);
        set_and_sum(&header, row->at, row->bytes, row->len);
        check_fails_leaf(parse(po_buf_str(&header), &entry, &is_end, &offset), PO_INVALID);
        check_eq_u64(offset, 0);
    }
}

TEST(tar__knows_the_end_and_refuses_a_cut_header)
{
    static const char zeros[BLOCK] = {0};
    struct po_tar_entry entry = {.path = PO_LIT("")};
    bool is_end = false;
    uint64_t offset = 7 * BLOCK;
    check_ok_leaf(parse(po_str_n(zeros, sizeof zeros), &entry, &is_end, &offset));
    check_that(is_end);
    check_eq_u64(offset, 7 * BLOCK);
    check_fails_leaf(parse(po_str_n(zeros, sizeof zeros - 1), &entry, &is_end, &offset),
                     PO_INVALID);
}

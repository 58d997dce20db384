/*
 * The manifest: canonical, strict, and paths that stay inside a pack.
 */
#include "evidence/pack_priv.h"
#include "lib/test.h"

static struct po_pack_file files[] = {{.path = {"README.md", 9}, .bytes = 12},
                                      {.path = {"scores.json", 11}, .bytes = 0},
                                      {.path = {"vkey", 4}, .bytes = 98}};
static const po_str criteria[] = {{"CC1.1", 5}, {"CC7.2", 5}};

static void write(struct po_ctx *cx, struct po_buf *out)
{
    struct po_pack_manifest manifest = {.as_of = {.size = 42, .time_us = TEST_CLOCK_START_US},
                                        .criteria = criteria,
                                        .criterion_count = 2,
                                        .files = files,
                                        .file_count = 3,
                                        .generator = PO_LIT("paulyops 0.1.0"),
                                        .origin = PO_LIT("inst_0/audit")};
    memset(manifest.catalog_digest, 7, sizeof manifest.catalog_digest);
    po_buf_init(out, 65536);
    check_ok(cx, po_pack_manifest_write(cx, &manifest, out));
}

TEST(pack_manifest__gives_back_what_was_written)
{
    TEST_CX(cx);
    PO_BUF_AUTO text;
    struct po_pack_manifest manifest;
    write(cx, &text);
    check_ok(cx, po_pack_manifest_parse(cx, po_buf_str(&text), &manifest));
    check_eq_u64(manifest.as_of.size, 42);
    check_eq_int(manifest.as_of.time_us, TEST_CLOCK_START_US);
    check_eq_u64(manifest.file_count, 3);
    check_eq_postr(manifest.files[2].path, files[2].path);
    check_eq_u64(manifest.files[2].bytes, 98);
    check_eq_u64(manifest.criterion_count, 2);
    check_eq_str(manifest.criteria[1], "CC7.2");
    check_eq_str(manifest.origin, "inst_0/audit");
}

/* `from` replaced by `to` in a good manifest. */
TEST(pack_manifest__refuses_what_it_would_not_write)
{
    static const struct {
        const char *name;
        const char *from;
        const char *to;
    } rows[] = {
        {"blank", ",\"criteria\"", ", \"criteria\""},
        {"another format", "evidence-pack/1", "evidence-pack/2"},
        {"negative bytes", "\"bytes\":12", "\"bytes\":-1"},
        {"bytes as text", "\"bytes\":12", "\"bytes\":\"12\""},
        {"fraction", "\"bytes\":12", "\"bytes\":1.5"},
        {"parent path", "\"README.md\"", "\"../README.md\""},
        {"absolute path", "\"README.md\"", "\"/README.md\""},
        {"escaped path", "\"README.md\"", "\"\\u0052EADME.md\""},
        {"not sorted", "\"README.md\"", "\"zREADME.md\""},
        {"twice", "\"scores.json\"", "\"README.md\""},
        {"empty log", "\"size\":42", "\"size\":0"},
        {"size beyond", "\"size\":42", "\"size\":99999999999999999999"},
        {"capital hex", "0707", "0A07"},
        {"time", "2026-01-02T", "2026-13-02T"},
        {"member more", "\"generator\"", "\"extra\":1,\"generator\""},
        {"member missing", "\"origin\"", "\"orihin\""},
        {"number as criterion", "\"CC1.1\"", "1"},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        PO_BUF_AUTO text;
        PO_BUF_AUTO altered;
        struct po_pack_manifest manifest;
        write(cx, &text);
        po_str whole = po_buf_str(&text);
        size_t at = po_str_find(whole, po_str_of(row->from), 0);
        check_that(at != SIZE_MAX);
        po_buf_init(&altered, 65536);
        po_buf_append(&altered, po_str_slice(whole, 0, at));
        po_buf_append_cstr(&altered, row->to);
        po_buf_append(&altered, po_str_slice(whole, at + strlen(row->from), whole.len));
        check_that(!po_is_ok(po_pack_manifest_parse(cx, po_buf_str(&altered), &manifest)));
        po_err_clear(cx);
    }
}

TEST(pack_manifest__refuses_every_cut)
{
    TEST_CX(cx);
    PO_BUF_AUTO text;
    struct po_pack_manifest manifest;
    write(cx, &text);
    for (size_t len = 0; len < text.len; len += 3) {
        check_that(!po_is_ok(
            po_pack_manifest_parse(cx, po_str_slice(po_buf_str(&text), 0, len), &manifest)));
        po_err_clear(cx);
    }
}

TEST(pack_path__stays_inside_and_is_plain)
{
    static const struct {
        const char *name;
        bool is_fine;
    } rows[] = {
        {"a", true},     {"a/b.c-d_E", true}, {"..a", true},       {"a..", true},   {"...", true},
        {"", false},     {"/a", false},       {"a/", false},       {"a//b", false}, {".", false},
        {"..", false},   {"a/../b", false},   {"./a", false},      {"a/.", false},  {"a b", false},
        {"a\nb", false}, {"a\\b", false},     {"\xc3\xa4", false}, {"a:b", false},
    };
    TEST_EACH(row, rows) check_eq_int(po_pack_path_is_fine(po_str_of(row->name)), row->is_fine);
    test_row(NULL);
    char path[PO_PACK_PATH_BYTES_MAX + 1];
    memset(path, 'a', sizeof path);
    check_that(po_pack_path_is_fine(po_str_n(path, sizeof path - 1)));
    check_that(!po_pack_path_is_fine(po_str_n(path, sizeof path)));
    check_that(!po_pack_path_is_fine(po_str_n("a\0b", 3)));
}

TEST_FAULTS(pack_manifest__fails_cleanly)
{
    TEST_CX(cx);
    struct po_pack_manifest manifest = {.as_of = {.size = 1},
                                        .criteria = criteria,
                                        .criterion_count = 2,
                                        .files = files,
                                        .file_count = 3,
                                        .generator = PO_LIT("g"),
                                        .origin = PO_LIT("o")};
    PO_BUF_AUTO text;
    po_buf_init(&text, 65536);
    if (!test_survived(po_pack_manifest_write(cx, &manifest, &text))) return;
    struct po_pack_manifest again;
    if (!test_survived(po_pack_manifest_parse(cx, po_buf_str(&text), &again))) return;
    check_eq_u64(again.file_count, 3);
}

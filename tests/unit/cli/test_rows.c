/*
 * Lists as tables, JSON and lines of JSON.
 */
#include "cli/cli_priv.h"
#include "lib/test.h"

static const struct po_column columns[] = {{"name", "NAME", PO_CELL_STR},
                                           {"size", "SIZE", PO_CELL_INT},
                                           {"is_set", "SET", PO_CELL_BOOL},
                                           {"more", "MORE", PO_CELL_JSON}};

static void fill(struct po_ctx *cx, struct po_rows *rows)
{
    check_ok(cx, po_rows_cstr(cx, rows, "one"));
    check_ok(cx, po_rows_int(cx, rows, -5));
    check_ok(cx, po_rows_bool(cx, rows, true));
    check_ok(cx, po_rows_cstr(cx, rows, "[1,2]"));
    check_ok(cx, po_rows_str(cx, rows, PO_LIT("\"a\n\x1b[31m")));
    check_ok(cx, po_rows_null(cx, rows));
    check_ok(cx, po_rows_bool(cx, rows, false));
    check_ok(cx, po_rows_cstr(cx, rows, NULL));
}

static void check_render(enum po_cli_format format, bool is_filled, const char *want)
{
    TEST_CX(cx);
    struct po_rows *rows = NULL;
    struct po_cli cli = {.format = format};
    po_buf_init(&cli.out, 65536);
    check_ok(cx, po_rows_new(cx, columns, 4, &rows));
    if (is_filled) fill(cx, rows);
    check_ok(cx, po_rows_render(cx, rows, &cli));
    bool is_equal = po_str_eq_cstr(po_buf_str(&cli.out), want);
    check_that(is_equal, "got: %.*s", (int)cli.out.len, cli.out.len > 0 ? cli.out.ptr : "");
    po_buf_done(&cli.out);
}

TEST(rows__as_json)
{
    check_render(PO_CLI_JSON, true,
                 "{\"data\":[{\"name\":\"one\",\"size\":-5,\"is_set\":true,\"more\":[1,2]},"
                 "{\"name\":\"\\\"a\\n\\u001b[31m\",\"size\":null,\"is_set\":false,\"more\":null}],"
                 "\"next_cursor\":null}\n");
    check_render(PO_CLI_JSON, false, "{\"data\":[],\"next_cursor\":null}\n");
}

TEST(rows__as_lines_of_json)
{
    check_render(
        PO_CLI_NDJSON, true,
        "{\"name\":\"one\",\"size\":-5,\"is_set\":true,\"more\":[1,2]}\n"
        "{\"name\":\"\\\"a\\n\\u001b[31m\",\"size\":null,\"is_set\":false,\"more\":null}\n");
    check_render(PO_CLI_NDJSON, false, "");
}

TEST(rows__as_a_table_without_control_characters)
{
    check_render(PO_CLI_TABLE, true,
                 "NAME      SIZE  SET  MORE\n"
                 "one         -5  yes  [1,2]\n"
                 "\"a??[31m     -  no   -\n");
    check_render(PO_CLI_TABLE, false, "NAME  SIZE  SET  MORE\n");
}

TEST(append_clean__keeps_text_and_drops_controls)
{
    static const struct {
        const char *name;
        const char *want;
    } rows[] = {{"plain", "plain"},
                {"\xc3\xa4 \xe6\x97\xa5", "\xc3\xa4 \xe6\x97\xa5"},
                {"a\tb\r\nc", "a?b??c"},
                {"\x7f\x1b[0m", "??[0m"},
                {"\xc2\x9b"
                 "31m",
                 "?31m"},
                {"\xc2\xa0\xc2\x85x", "\xc2\xa0?x"},
                {"end\xc2", "end?"},
                {"\x9b"
                 "31m\xff",
                 "?31m?"},
                {"\xe2\x80\xae"
                 "gpj\xe2\x80\xa8\xe2\x81\xa6\xd8\x9c",
                 "?gpj???"}};
    TEST_EACH(row, rows)
    {
        PO_BUF_AUTO out;
        po_buf_init(&out, 256);
        po_cli_append_clean(&out, po_str_of(row->name));
        check_eq_str(po_buf_str(&out), row->want);
    }
}

TEST_FAULTS(rows__fail_cleanly)
{
    TEST_CX(cx);
    struct po_rows *rows = NULL;
    struct po_cli cli = {.format = PO_CLI_JSON};
    PO_BUF_AUTO out;
    po_buf_init(&out, 65536);
    cli.out = out;
    if (!test_survived(po_rows_new(cx, columns, 4, &rows))) return;
    for (int i = 0; i < 400; i++)
        if (!test_survived(po_rows_int(cx, rows, i))) return;
    po_rc rc = po_rows_render(cx, rows, &cli);
    out = cli.out;
    (void)test_survived(rc);
}

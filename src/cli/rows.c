/*
 * A list result: filled cell by cell, rendered once in the format the caller asked for.
 */
#include "cli_priv.h"

#include "core/alloc.h"
#include "core/codec.h"

#include <unistd.h>

#define ROWS_MAX 1000000
#define COLUMN_WIDTH_MAX 60

struct cell {
    po_str text; /* NULL pointer = null */
    int64_t integer;
};

struct po_rows {
    const struct po_column *columns;
    size_t column_count;
    struct cell *cells; /* in the arena; grows by doubling */
    size_t count;
    size_t cap;
};

PO_RC po_rows_new(struct po_ctx *cx, const struct po_column *columns, size_t count,
                  struct po_rows **ret_rows)
{
    PO_INVARIANT(cx, count > 0 && count <= PO_CLI_COLUMNS_MAX);
    struct po_rows *rows = NULL;
    PO_ARENA_NEW(cx, rows, 1);
    *rows = (struct po_rows){.columns = columns, .column_count = count};
    *ret_rows = rows;
    return po_rc_ok();
}

static PO_RC add_cell(struct po_ctx *cx, struct po_rows *rows, struct cell cell)
{
    if (rows->count == rows->cap) {
        size_t cap = rows->cap == 0 ? 128 : rows->cap * 2;
        if (cap > (size_t)ROWS_MAX * PO_CLI_COLUMNS_MAX)
            return PO_FAIL(cx, PO_LIMIT, "more than %d rows; narrow the query", ROWS_MAX);
        struct cell *grown = NULL;
        PO_ARENA_NEW(cx, grown, cap);
        if (rows->count > 0) memcpy(grown, rows->cells, rows->count * sizeof *grown);
        rows->cells = grown;
        rows->cap = cap;
    }
    rows->cells[rows->count++] = cell;
    return po_rc_ok();
}

PO_RC po_rows_str(struct po_ctx *cx, struct po_rows *rows, po_str text)
{
    po_str copy = {"", 0};
    if (text.len > 0)
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, text, &copy), "out of request memory");
    return add_cell(cx, rows, (struct cell){copy, 0});
}

PO_RC po_rows_cstr(struct po_ctx *cx, struct po_rows *rows, const char *text)
{
    if (text == NULL) return po_rows_null(cx, rows);
    return po_rows_str(cx, rows, po_str_of(text));
}

PO_RC po_rows_int(struct po_ctx *cx, struct po_rows *rows, int64_t value)
{
    return add_cell(cx, rows, (struct cell){PO_LIT(""), value});
}

PO_RC po_rows_bool(struct po_ctx *cx, struct po_rows *rows, bool value)
{
    return po_rows_int(cx, rows, value ? 1 : 0);
}

PO_RC po_rows_null(struct po_ctx *cx, struct po_rows *rows)
{
    return add_cell(cx, rows, (struct cell){{NULL, 0}, 0});
}

static void json_cell(struct po_json_out *json, const struct po_column *column, struct cell cell)
{
    po_json_out_key(json, column->key);
    if (cell.text.ptr == NULL)
        po_json_out_null(json);
    else if (column->type == PO_CELL_INT)
        po_json_out_int(json, cell.integer);
    else if (column->type == PO_CELL_BOOL)
        po_json_out_bool(json, cell.integer != 0);
    else if (column->type == PO_CELL_JSON)
        po_json_out_raw(json, cell.text);
    else
        po_json_out_str(json, cell.text);
}

static void json_row(struct po_json_out *json, const struct po_rows *rows, size_t row)
{
    po_json_out_object(json);
    for (size_t c = 0; c < rows->column_count; c++)
        json_cell(json, &rows->columns[c], rows->cells[row * rows->column_count + c]);
    po_json_out_object_end(json);
}

static void render_json(const struct po_rows *rows, struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_key(&json, "data");
    po_json_out_array(&json);
    for (size_t row = 0; row < rows->count / rows->column_count; row++)
        json_row(&json, rows, row);
    po_json_out_array_end(&json);
    po_json_out_key(&json, "next_cursor");
    po_json_out_null(&json);
    po_json_out_object_end(&json);
    po_buf_append_char(out, '\n');
}

static void render_ndjson(const struct po_rows *rows, struct po_buf *out)
{
    for (size_t row = 0; row < rows->count / rows->column_count; row++) {
        struct po_json_out json;
        po_json_out_init(&json, out, 0);
        json_row(&json, rows, row);
        po_buf_append_char(out, '\n');
    }
}

/* Text of a cell for people; numbers go to `scratch`. */
static po_str cell_text(const struct po_column *column, struct cell cell, struct po_buf *scratch)
{
    if (cell.text.ptr == NULL) return PO_LIT("-");
    if (column->type == PO_CELL_BOOL) return cell.integer != 0 ? PO_LIT("yes") : PO_LIT("no");
    if (column->type != PO_CELL_INT) return cell.text;
    po_buf_clear(scratch);
    po_buf_append_i64(scratch, cell.integer);
    return po_buf_str(scratch);
}

/* Width in code points, which is close enough to columns for what we print. */
static size_t text_width(po_str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        if (((uint8_t)text.ptr[i] & 0xC0U) != 0x80U) width++;
    return width;
}

static void pad(struct po_buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        po_buf_append_char(out, ' ');
}

static void table_line(const struct po_rows *rows, const struct cell *cells, const size_t *widths,
                       struct po_buf *out)
{
    struct po_buf scratch;
    po_buf_init(&scratch, 64);
    for (size_t c = 0; c < rows->column_count; c++) {
        const struct po_column *column = &rows->columns[c];
        bool is_last = c + 1 == rows->column_count;
        po_str text = cells ? cell_text(column, cells[c], &scratch) : po_str_of(column->title);
        size_t width = text_width(text);
        size_t fill = widths[c] > width ? widths[c] - width : 0;
        if (cells && column->type == PO_CELL_INT) pad(out, fill);
        po_cli_append_clean(out, text);
        if ((!cells || column->type != PO_CELL_INT) && !is_last) pad(out, fill);
        if (!is_last) pad(out, 2);
    }
    po_buf_append_char(out, '\n');
    po_buf_done(&scratch);
}

static void render_table(const struct po_rows *rows, struct po_buf *out)
{
    size_t widths[PO_CLI_COLUMNS_MAX] = {0};
    struct po_buf scratch;
    po_buf_init(&scratch, 64);
    for (size_t c = 0; c < rows->column_count; c++)
        widths[c] = text_width(po_str_of(rows->columns[c].title));
    for (size_t i = 0; i < rows->count; i++) {
        size_t c = i % rows->column_count;
        size_t width = text_width(cell_text(&rows->columns[c], rows->cells[i], &scratch));
        if (width > widths[c] && width <= COLUMN_WIDTH_MAX) widths[c] = width;
    }
    po_buf_done(&scratch);
    table_line(rows, NULL, widths, out);
    for (size_t i = 0; i + rows->column_count <= rows->count; i += rows->column_count)
        table_line(rows, rows->cells + i, widths, out);
}

PO_RC po_rows_render(struct po_ctx *cx, const struct po_rows *rows, struct po_cli *cli)
{
    PO_INVARIANT(cx, rows->count % rows->column_count == 0);
    if (cli->format == PO_CLI_JSON)
        render_json(rows, &cli->out);
    else if (cli->format == PO_CLI_NDJSON)
        render_ndjson(rows, &cli->out);
    else
        render_table(rows, &cli->out);
    PO_TRY_LEAF(cx, po_buf_check(&cli->out), "the output is too large");
    return po_rc_ok();
}

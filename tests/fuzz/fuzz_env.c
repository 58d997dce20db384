/*
 * config/.env from hostile bytes.
 *
 * What parses has sound names, values without control characters but the newline, and lines in
 * order; written again in double quotes it parses to the same. Each value is then offered to the
 * option of its name, or to any other: taken or refused with a reason.
 */
#include "core/cfg_priv.h"
#include "core/codec.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void check_line(const struct po_env_line *line, unsigned after)
{
    require(line->line > after && line->line <= PO_CFG_LINES_MAX);
    require(line->key.len > 0 && line->key.len <= PO_CFG_NAME_BYTES_MAX);
    for (size_t i = 0; i < line->key.len; i++)
        require(line->key.ptr[i] >= '0' && line->key.ptr[i] <= '_');
    require(po_utf8_find_invalid(line->value) == SIZE_MAX);
    for (size_t i = 0; i < line->value.len; i++) {
        unsigned char c = (unsigned char)line->value.ptr[i];
        require((c >= 0x20 || c == '\n' || c == '\t') && c != 0x7f);
    }
}

static void write_line(struct po_buf *out, const struct po_env_line *line)
{
    po_buf_append(out, line->key);
    po_buf_append_cstr(out, "=\"");
    for (size_t i = 0; i < line->value.len; i++) {
        char c = line->value.ptr[i];
        if (c == '\\' || c == '"' || c == '\n') po_buf_append_char(out, '\\');
        po_buf_append_char(out, c == '\n' ? 'n' : c);
    }
    po_buf_append_cstr(out, "\"\n");
}

/* Escapes can make a line too long: then the text says nothing. */
static void check_round_trip(struct po_ctx *cx, const struct po_env_line *lines, size_t count)
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_CFG_FILE_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        write_line(&text, &lines[i]);
    if (!po_is_ok(po_buf_check(&text))) return;
    struct po_env_line *again = NULL;
    size_t again_count = 0;
    po_rc rc = po_env_parse(cx, po_buf_str(&text), &again, &again_count);
    if (!po_is_ok(rc)) {
        require(strstr(po_err_msg(cx), "bytes, at most") != NULL);
        return;
    }
    require(again_count == count);
    for (size_t i = 0; i < count; i++)
        require(po_str_eq(again[i].key, lines[i].key) && po_str_eq(again[i].value, lines[i].value));
}

static void check_value(struct po_ctx *cx, const struct po_env_line *line)
{
    enum po_cfg_id id = PO_CFG_COUNT;
    if (line->value.len == 0) return;
    if (!po_is_ok(po_cfg_find(line->key, &id)))
        id = (enum po_cfg_id)(line->key.len % (size_t)PO_CFG_COUNT);
    const struct po_cfg_option *option = po_cfg_option_at(id);
    struct po_cfg_value value;
    po_rc rc = po_cfg_value_parse(cx, option, line->value, "/home", &value);
    if (rc.code == PO_INVALID) require(value.why != NULL && value.why[0] != '\0');
    if (po_is_ok(rc)) require(value.text != NULL && option->type != PO_CFG_TYPE_SECRET);
    (void)po_cfg_nearest(line->key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    if (!po_is_ok(po_ctx_init(&cx))) return 0;
    char *copy = size == 0 ? NULL : malloc(size);
    if (size != 0 && copy == NULL) return 0;
    if (size != 0) memcpy(copy, data, size);
    struct po_env_line *lines = NULL;
    size_t count = 0;
    po_rc rc = po_env_parse(&cx, po_str_n(copy, size), &lines, &count);
    require(po_is_ok(rc) || po_err_msg(&cx)[0] != '\0');
    if (!po_is_ok(rc)) count = 0;
    for (size_t i = 0; i < count; i++) {
        check_line(&lines[i], i == 0 ? 0 : lines[i - 1].line);
        check_value(&cx, &lines[i]);
    }
    if (count > 0) check_round_trip(&cx, lines, count);
    free(copy);
    return 0;
}

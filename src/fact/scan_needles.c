/*
 * Known secret values, read from config/.env to be looked for in places where they must not be.
 */
#include "scan_priv.h"

#define ENV_BYTES_MAX ((size_t)256 << 10)

/* Parts of names whose values are secrets. */
static const char *const secret_parts[] = {"PASSWORD",   "PASSPHRASE", "SECRET", "TOKEN",
                                           "CREDENTIAL", "API_KEY",    "_KEY",   "WEBHOOK"};

static bool is_secret_name(po_str name)
{
    for (size_t i = 0; i < sizeof secret_parts / sizeof *secret_parts; i++)
        if (po_str_find(name, po_str_of(secret_parts[i]), 0) != SIZE_MAX) return true;
    return false;
}

/* "KEY=value" or "KEY='value'"; false for comments and other lines. */
static bool split_line(po_str line, po_str *ret_name, po_str *ret_value)
{
    line = po_str_trim(line);
    size_t equals = po_str_find_char(line, '=', 0);
    if (line.len == 0 || line.ptr[0] == '#' || equals == SIZE_MAX) return false;
    *ret_name = po_str_trim(po_str_slice(line, 0, equals));
    po_str value = po_str_trim(po_str_slice(line, equals + 1, line.len));
    if (value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
        value.ptr[value.len - 1] == value.ptr[0])
        value = po_str_slice(value, 1, value.len - 1);
    *ret_value = value;
    return true;
}

static void wipe_bufp(struct po_buf *buf) { po_buf_wipe(buf); }

PO_RC po_scan_needles_read(struct po_ctx *cx, const struct po_fact_places *places,
                           struct po_scan_needles *ret_needles)
{
    const char *path = NULL;
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    if (places->root == NULL) return po_rc_ok();
    PO_TRY(cx, po_fact_path(cx, places->root, "config/.env", &path));
    PO_CLEANUP(wipe_bufp) struct po_buf text = {0};
    po_buf_init(&text, ENV_BYTES_MAX);
    PO_TRY(cx, po_fact_file_read_into(cx, path, &text, &state));
    po_str rest = po_buf_str(&text);
    po_str line = {0};
    while (po_str_next_line(&rest, &line) && ret_needles->count < PO_SCAN_NEEDLES_MAX) {
        po_str name = {0};
        po_str value = {0};
        if (!split_line(line, &name, &value) || !is_secret_name(name)) continue;
        if (value.len < PO_SCAN_NEEDLE_BYTES_MIN || value.len > PO_SCAN_TOKEN_BYTES_MAX) continue;
        struct po_secret **slot = &ret_needles->secrets[ret_needles->count];
        PO_TRY(cx, po_secret_new(cx, value, slot));
        ret_needles->values[ret_needles->count++] = po_secret_bytes(*slot);
    }
    return po_rc_ok();
}

void po_scan_needles_done(struct po_scan_needles *needles)
{
    for (size_t i = 0; i < PO_SCAN_NEEDLES_MAX; i++)
        po_secret_freep(&needles->secrets[i]);
    needles->count = 0;
}

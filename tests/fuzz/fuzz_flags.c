/*
 * config/status_flags.json from hostile bytes: what is taken, written again, means the same.
 */
#include "core/flags.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void check_same(const struct po_flags *a, const struct po_flags *b)
{
    for (size_t i = 0; i < PO_FLAG_COUNT; i++) {
        struct po_flag_row row_a;
        struct po_flag_row row_b;
        require(po_flags_row_at(a, i, &row_a) && po_flags_row_at(b, i, &row_b));
        require(po_str_eq(row_a.value_text, row_b.value_text));
        if (row_a.type != PO_FLAG_TYPE_STR) continue;
        require((int64_t)row_a.value_text.len >= row_a.min);
        require((int64_t)row_a.value_text.len <= row_a.max);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    PO_CLEANUP(po_flags_freep) struct po_flags *flags = NULL;
    PO_CLEANUP(po_flags_freep) struct po_flags *again = NULL;
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_FLAGS_FILE_BYTES_MAX);
    if (!po_is_ok(po_ctx_init(&cx))) return 0;
    char *copy = size == 0 ? NULL : malloc(size);
    if (size != 0 && copy == NULL) return 0;
    if (size != 0) memcpy(copy, data, size);
    po_rc rc = po_flags_parse(&cx, po_str_n(copy, size), "f", &flags);
    free(copy);
    if (!po_is_ok(rc)) {
        require(rc.code == PO_CONFIG || rc.code == PO_NOMEM);
        require(flags == NULL && po_err_msg(&cx)[0] != '\0');
        return 0;
    }
    po_flags_write_text(flags, &text);
    require(po_is_ok(po_buf_check(&text)));
    require(po_is_ok(po_flags_parse(&cx, po_buf_str(&text), "f", &again)));
    check_same(flags, again);
    return 0;
}

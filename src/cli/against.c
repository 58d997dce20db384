/*
 * What `--against FILE` may be: a checkpoint (signed note), a report, or a pack.
 */
#include "against_priv.h"

#include "core/codec.h"
#include "core/fs.h"
#include "evidence/evidence.h"

#define REPORT_SIZE_MARK "ledger size "
#define REPORT_ROOT_MARK "root `"
#define TAR_MAGIC_OFFSET 257

/* "… ledger size 123, root `<64 hex>`": every report states both once, near its head. */
static bool parse_report(po_str text, struct po_ledger_against *item)
{
    size_t at = po_str_find(text, PO_LIT(REPORT_SIZE_MARK), 0);
    if (at == SIZE_MAX) return false;
    at += sizeof REPORT_SIZE_MARK - 1;
    size_t end = at;
    while (end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9')
        end++;
    uint64_t size = 0;
    if (!po_is_ok(po_str_to_u64(po_str_slice(text, at, end), PO_LEDGER_LEAVES_MAX, &size)))
        return false;
    size_t root = po_str_find(text, PO_LIT(REPORT_ROOT_MARK), end);
    if (root == SIZE_MAX) return false;
    root += sizeof REPORT_ROOT_MARK - 1;
    po_str hex = po_str_slice(text, root, root + 2 * PO_SHA256_BYTES);
    if (!po_is_ok(po_hex_decode(hex, item->root, PO_SHA256_BYTES))) return false;
    item->size = size;
    return true;
}

static bool is_tar(po_str bytes)
{
    return bytes.len > TAR_MAGIC_OFFSET + 5 &&
           po_str_eq(po_str_slice(bytes, TAR_MAGIC_OFFSET, TAR_MAGIC_OFFSET + 5), PO_LIT("ustar"));
}

static PO_RC from_pack(struct po_ctx *cx, const char *path, struct po_ledger_against *item)
{
    struct po_checkpoint checkpoint;
    PO_TRY(cx, po_pack_checkpoint(cx, path, &checkpoint));
    item->size = checkpoint.size;
    memcpy(item->root, checkpoint.root, sizeof item->root);
    return po_rc_ok();
}

/* Fills size and root too when it is a note: the caller looks at its size. */
static PO_RC read_file(struct po_ctx *cx, const char *path, struct po_ledger_against *item)
{
    struct po_fs_info info = {0};
    struct po_checkpoint checkpoint;
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_REPORT_BYTES_MAX);
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "there is no file '%s'", path);
    if (info.is_dir) return from_pack(cx, path, item);
    po_rc rc = po_fs_read(cx, path, &bytes);
    if (rc.code == PO_LIMIT) {
        po_err_clear(cx);
        return from_pack(cx, path, item);
    }
    PO_TRY(cx, rc);
    if (is_tar(po_buf_str(&bytes))) return from_pack(cx, path, item);
    if (po_is_ok(po_checkpoint_parse(po_buf_str(&bytes), &checkpoint))) {
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), &item->note), "out of memory");
        item->size = checkpoint.size;
        return po_rc_ok();
    }
    if (parse_report(po_buf_str(&bytes), item)) return po_rc_ok();
    return PO_FAIL(cx, PO_INVALID, "'%s' is neither a checkpoint nor a report nor a pack", path);
}

/* Every log begins with the empty one: agreeing with that would establish nothing. */
static PO_RC read_item(struct po_ctx *cx, const char *path, struct po_ledger_against *item)
{
    item->name = path;
    PO_TRY(cx, read_file(cx, path, item));
    if (item->size == 0)
        return PO_FAIL(cx, PO_INVALID, "'%s' is of an empty ledger: any other agrees with it",
                       path);
    return po_rc_ok();
}

PO_RC po_against_read(struct po_ctx *cx, const struct po_cli *cli,
                      const struct po_ledger_against **ret_items, size_t *ret_count)
{
    struct po_ledger_against *items = NULL;
    size_t count = 0;
    PO_ARENA_NEW(cx, items, cli->value_count + 1);
    for (size_t i = 0; i < cli->value_count; i++) {
        if (!po_str_eq(po_str_of(cli->values[i].option->name), PO_LIT("--against"))) continue;
        const char *path = po_arena_strdup(cx->arena, cli->values[i].value);
        if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, read_item(cx, path, &items[count]));
        count++;
    }
    *ret_items = items;
    *ret_count = count;
    return po_rc_ok();
}

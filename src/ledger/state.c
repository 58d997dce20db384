/*
 * Signing state outside the home, the `writer` marker inside it, and what binds one to the other.
 *
 * Source   docs/spec/ledger.md 3, 4;  law 8
 */
#include "core/sys.h"
#include "ledger/ledger_priv.h"

#include <errno.h>
#include <fcntl.h>

#define SIGNED_BYTES_MAX 1024
#define CHECK_LINE_BYTES (6 + 64 + 1)

/* ---- signed ---------------------------------------------------------------------------------- */

void po_signed_format(const struct po_signed_state *state, struct po_buf *out)
{
    uint8_t check[PO_SHA256_BYTES] = {0};
    size_t start = out->len;
    po_buf_append_cstr(out, "paulyops/signed v1\norigin ");
    po_buf_append_cstr(out, state->origin);
    po_buf_append_cstr(out, "\nsize ");
    po_buf_append_u64(out, state->size);
    po_buf_append_cstr(out, "\nroot ");
    po_base64_append(out, state->root, PO_SHA256_BYTES);
    po_buf_append_cstr(out, "\ninode ");
    po_buf_append_u64(out, state->inode);
    po_buf_append_cstr(out, "\nbirth ");
    po_buf_append_i64(out, state->birth_us);
    po_buf_append_char(out, '\n');
    po_str body = po_str_slice(po_buf_str(out), start, out->len);
    if (!po_is_ok(po_sha256(body, check))) {
        po_buf_truncate(out, start);
        if (out->status == PO_OK) out->status = PO_CRYPTO;
        return;
    }
    po_buf_append_cstr(out, "check ");
    po_hex_append(out, check, sizeof check);
    po_buf_append_char(out, '\n');
}

/* The value of the next line, which must begin with `name` and a blank. */
static bool next_value(po_str *rest, const char *name, po_str *ret_value)
{
    po_str line = {0};
    po_str label = po_str_of(name);
    if (!po_str_next_line(rest, &line) || !po_str_starts(line, label)) return false;
    if (line.len <= label.len || line.ptr[label.len] != ' ') return false;
    *ret_value = po_str_slice(line, label.len + 1, line.len);
    return true;
}

/* Compared as text: upper-case digits would be a second form of the same state. */
static bool is_check_right(po_str text)
{
    uint8_t digest[PO_SHA256_BYTES];
    char hex[2 * PO_SHA256_BYTES + 1];
    if (text.len <= CHECK_LINE_BYTES) return false;
    po_str body = po_str_slice(text, 0, text.len - CHECK_LINE_BYTES);
    po_str line = po_str_slice(text, text.len - CHECK_LINE_BYTES, text.len);
    if (!po_str_starts(line, PO_LIT("check ")) || !po_str_ends(line, PO_LIT("\n"))) return false;
    if (!po_is_ok(po_sha256(body, digest))) return false;
    po_hex_encode(digest, sizeof digest, hex);
    return po_str_eq_cstr(po_str_slice(line, 6, 6 + 2 * PO_SHA256_BYTES), hex);
}

po_rc po_signed_parse(po_str text, struct po_signed_state *ret_state)
{
    struct po_signed_state state = {0};
    po_str rest = text;
    po_str head = {0};
    po_str value[5] = {0};
    static const char *const names[5] = {"origin", "size", "root", "inode", "birth"};
    if (!is_check_right(text)) return po_rc_of(PO_CORRUPT);
    if (!po_str_next_line(&rest, &head) || !po_str_eq(head, PO_LIT("paulyops/signed v1")))
        return po_rc_of(PO_CORRUPT);
    for (size_t i = 0; i < 5; i++)
        if (!next_value(&rest, names[i], &value[i])) return po_rc_of(PO_CORRUPT);
    if (rest.len != CHECK_LINE_BYTES || !po_origin_is_valid(value[0])) return po_rc_of(PO_CORRUPT);
    memcpy(state.origin, value[0].ptr, value[0].len);
    bool is_ok = po_is_ok(po_str_to_u64(value[1], PO_LEDGER_LEAVES_MAX, &state.size)) &&
                 po_is_ok(po_base64_decode_exact(value[2], state.root, sizeof state.root)) &&
                 po_is_ok(po_str_to_u64(value[3], UINT64_MAX, &state.inode)) &&
                 po_is_ok(po_str_to_i64(value[4], &state.birth_us));
    if (!is_ok) return po_rc_of(PO_CORRUPT);
    *ret_state = state;
    return po_rc_ok();
}

po_rc po_signed_read(struct po_ctx *cx, const char *path, struct po_signed_state *ret_state)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, SIGNED_BYTES_MAX);
    PO_TRY(cx, po_fs_read(cx, path, &text));
    PO_TRY_LEAF(cx, po_signed_parse(po_buf_str(&text), ret_state),
                "the signing state 'signed' is damaged");
    return po_rc_ok();
}

po_rc po_signed_write(struct po_ctx *cx, const char *path, const struct po_signed_state *state)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, SIGNED_BYTES_MAX);
    po_signed_format(state, &text);
    PO_TRY_LEAF(cx, po_buf_check(&text), "writing the signing state");
    PO_TRY_MSG(cx, po_fs_write_atomic(cx, path, po_buf_str(&text), 0600),
               "writing the signing state");
    return po_rc_ok();
}

po_rc po_ledger_binding(struct po_ctx *cx, const char *dir, uint64_t *ret_inode,
                        int64_t *ret_birth_us)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.exists || !info.is_dir)
        return PO_FAIL(cx, PO_NOTFOUND, "no ledger directory '%s'", dir);
    *ret_inode = info.inode;
    *ret_birth_us = info.birth_us;
    return po_rc_ok();
}

/* ---- writer marker --------------------------------------------------------------------------- */

po_rc po_ledger_marker_read(struct po_ctx *cx, struct po_ledger *ledger, bool *ret_is_open)
{
    char path[PO_LEDGER_PATH_BYTES];
    PO_BUF_AUTO text;
    po_buf_init(&text, 64);
    PO_TRY(cx, po_ledger_path(cx, ledger, "writer", path));
    po_rc rc = po_fs_read(cx, path, &text);
    if (rc.code == PO_NOTFOUND) return PO_FAIL(cx, PO_CORRUPT, "ledger file 'writer' is missing");
    if (rc.code == PO_LIMIT) return PO_FAIL(cx, PO_CORRUPT, "ledger file 'writer' is damaged");
    PO_TRY(cx, rc);
    bool is_open = po_str_eq(po_buf_str(&text), PO_LIT(PO_WRITER_OPENED));
    if (!is_open && !po_str_eq(po_buf_str(&text), PO_LIT(PO_WRITER_CLOSED)))
        return PO_FAIL(cx, PO_CORRUPT, "ledger file 'writer' is damaged");
    *ret_is_open = is_open;
    return po_rc_ok();
}

/*
 * Written in place (both texts have one length, in one sector). Opening is synced: after a power cut
 * it alone explains bytes after the written end. Who wrote it may have been killed before its sync: what
 * was only read is written again. Closing is not synced: all it vouches for is durable.
 */
po_rc po_ledger_marker_set(struct po_ctx *cx, struct po_ledger *ledger, bool is_open)
{
    char path[PO_LEDGER_PATH_BYTES];
    po_str text = is_open ? PO_LIT(PO_WRITER_OPENED) : PO_LIT(PO_WRITER_CLOSED);
    if (ledger->is_marker_open == is_open && ledger->is_marker_synced == is_open) return po_rc_ok();
    PO_TRY(cx, po_ledger_path(cx, ledger, "writer", path));
    PO_FD_AUTO fd = po_sys_open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "opening ledger file 'writer'");
    PO_TRY_MSG(cx, po_fs_pwrite_all(cx, fd, text, 0), "writing ledger file 'writer'");
    if (is_open && po_sys_fdatasync(fd) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "syncing ledger file 'writer'");
    ledger->is_marker_open = is_open;
    ledger->is_marker_synced = is_open;
    return po_rc_ok();
}

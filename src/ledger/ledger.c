/*
 * The ledger: making one, opening it, deciding whether it may be extended.
 *
 * Role      the only writer of data/ledger/; everything shown or proved to others comes from here
 * Invariants stand in ledger.h; order of work in docs/spec/ledger.md 4
 *
 *   closed --append: writer "opened"--> open --checkpoint: signed, note, writer "closed"--> closed
 *   open --crash--> recovered at the next opening --> open
 *   any --keys absent, copy, contradiction--> read-only (serves and verifies)
 *   open --a write or sync failed--> broken (until opened again)
 *
 * Threads   one
 */
#include "ledger/ledger.h"

#include "core/alloc.h"
#include "core/sys.h"
#include "ledger/ledger_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* ---- scratch --------------------------------------------------------------------------------- */

po_rc po_scratch_begin(struct po_ctx *cx, size_t limit_bytes, struct po_scratch *scratch)
{
    struct po_arena *arena = po_arena_new(limit_bytes);
    if (arena == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory");
    scratch->cx = cx;
    scratch->saved = cx->arena;
    cx->arena = arena;
    return po_rc_ok();
}

void po_scratch_done(struct po_scratch *scratch)
{
    if (scratch->cx == NULL) return;
    po_arena_free(scratch->cx->arena);
    scratch->cx->arena = scratch->saved;
    scratch->cx = NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

po_rc po_ledger_new(struct po_ctx *cx, const struct po_ledger_options *options,
                    struct po_ledger **ret_ledger)
{
    PO_CLEANUP(po_ledger_closep) struct po_ledger *ledger = po_calloc(1, sizeof *ledger);
    if (ledger == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the ledger");
    po_segment_init(&ledger->seg);
    po_segment_init(&ledger->old);
    const char *state = options->signed_path == NULL ? "" : options->signed_path;
    int dir_len = snprintf(ledger->dir, sizeof ledger->dir, "%s", options->dir);
    int state_len = snprintf(ledger->signed_path, sizeof ledger->signed_path, "%s", state);
    if (dir_len >= PO_LEDGER_PATH_BYTES - 64 || state_len >= PO_LEDGER_PATH_BYTES)
        return PO_FAIL(cx, PO_LIMIT, "path of the ledger is too long");
    PO_TRY(cx, po_hash_new(cx, &ledger->hash));
    ledger->sign_key = options->sign_key;
    ledger->asking = options->asking;
    ledger->keys = options->keys;
    ledger->is_asked_read_only = options->is_read_only;
    ledger->block_index = UINT64_MAX;
    for (unsigned i = 0; i < PO_TILE_LEVELS; i++)
        ledger->tile_cache_number[i] = UINT64_MAX;
    *ret_ledger = PO_TAKE(ledger);
    return po_rc_ok();
}

void po_ledger_close(struct po_ledger *ledger)
{
    if (ledger == NULL) return;
    po_segment_close(&ledger->seg);
    po_segment_close(&ledger->old);
    po_hash_free(ledger->hash);
    po_free(ledger);
}

void po_ledger_closep(struct po_ledger **ledger)
{
    po_ledger_close(*ledger);
    *ledger = NULL;
}

const char *po_ledger_read_only_reason(const struct po_ledger *ledger)
{
    return ledger->reason[0] == '\0' ? NULL : ledger->reason;
}

bool po_ledger_has_failed(const struct po_ledger *ledger) { return ledger->is_broken; }

const char *po_ledger_origin_of(const struct po_ledger *ledger) { return ledger->origin; }
uint64_t po_ledger_size(const struct po_ledger *ledger) { return ledger->size; }

struct po_ledger_recovery po_ledger_recovered(const struct po_ledger *ledger)
{
    return ledger->recovery;
}

/* ---- create ---------------------------------------------------------------------------------- */

/* Not atomic: until `signed` exists the whole making may be repeated. */
static po_rc write_plain(struct po_ctx *cx, const struct po_ledger *ledger, const char *name,
                         po_str content)
{
    char path[PO_LEDGER_PATH_BYTES];
    PO_TRY(cx, po_ledger_path(cx, ledger, name, path));
    PO_FD_AUTO fd = po_sys_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640);
    if (fd < 0) return PO_FAIL_SYS(cx, PO_CREATE, errno, "creating ledger file '%s'", name);
    PO_TRY_MSG(cx, po_fs_pwrite_all(cx, fd, content, 0), "writing ledger file '%s'", name);
    if (po_sys_fdatasync(fd) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "syncing ledger file '%s'", name);
    return po_rc_ok();
}

static po_rc write_fixed_files(struct po_ctx *cx, const struct po_ledger *ledger,
                               const struct po_note_vkey *vkey)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 1024);
    po_note_vkey_format(vkey, &text);
    po_buf_append_char(&text, '\n');
    PO_TRY_LEAF(cx, po_buf_check(&text), "writing the verifier key");
    PO_TRY(cx, write_plain(cx, ledger, "vkey", po_buf_str(&text)));
    PO_TRY(cx, write_plain(cx, ledger, "writer", PO_LIT(PO_WRITER_CLOSED)));
    PO_TRY(cx, po_fs_sync_dir(cx, ledger->dir));
    return po_rc_ok();
}

/*
 * Nothing is there, or an empty ledger of ours: a crash may have come between its last step and the answer.
 *
 * ret_state  out  what was signed for that one; its origin is "" when nothing is there
 */
static po_rc check_absent(struct po_ctx *cx, const struct po_ledger *ledger,
                          const struct po_ledger_options *options,
                          struct po_signed_state *ret_state)
{
    char path[PO_LEDGER_PATH_BYTES];
    struct po_fs_info info = {0};
    struct po_signed_state state = {0};
    uint64_t inode = 0;
    int64_t birth_us = 0;
    PO_TRY(cx, po_fs_info(cx, options->signed_path, &info));
    if (info.exists) {
        PO_TRY(cx, po_signed_read(cx, options->signed_path, &state));
        PO_TRY(cx, po_fs_info(cx, options->dir, &info));
        if (info.exists) PO_TRY(cx, po_ledger_binding(cx, options->dir, &inode, &birth_us));
        bool is_ours = state.size == 0 && state.inode == inode && state.birth_us == birth_us &&
                       po_str_eq_cstr(po_str_of(state.origin), options->origin);
        if (!is_ours)
            return PO_FAIL(cx, PO_EXISTS, "a signing state of another ledger is there: '%s'",
                           options->signed_path);
    }
    *ret_state = state;
    PO_TRY(cx, po_ledger_path(cx, ledger, "000000.rec", path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (info.exists) return PO_FAIL(cx, PO_EXISTS, "a ledger is there: '%s'", options->dir);
    return po_rc_ok();
}

static po_rc create_dir(struct po_ctx *cx, const char *dir)
{
    const char *parent = NULL;
    PO_TRY(cx, po_fs_mkdir(cx, dir, 0700));
    PO_TRY(cx, po_path_dir(cx, dir, &parent));
    PO_TRY(cx, po_fs_sync_dir(cx, parent));
    return po_rc_ok();
}

po_rc po_ledger_create(struct po_ctx *cx, const struct po_ledger_options *options)
{
    PO_CLEANUP(po_ledger_closep) struct po_ledger *ledger = NULL;
    struct po_note_vkey vkey = {0};
    struct po_signed_state state = {0};
    if (options->origin == NULL || !po_origin_is_valid(po_str_of(options->origin)))
        return PO_FAIL(cx, PO_INVALID, "a ledger needs an origin");
    if (options->sign_key == NULL || options->signed_path == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "a ledger is made with its key and signing state");
    PO_TRY(cx, po_ledger_new(cx, options, &ledger));
    PO_TRY(cx, check_absent(cx, ledger, options, &state));
    /* Made by an interrupted call: its signing state may not be durable. */
    if (state.origin[0] != '\0') return po_signed_write(cx, options->signed_path, &state);
    PO_TRY(cx, create_dir(cx, options->dir));
    PO_TRY_LEAF(cx,
                po_note_vkey_make(po_str_of(options->origin), PO_NOTE_ED25519,
                                  po_sign_key_public(options->sign_key), &vkey),
                "making the ledger's verifier key");
    PO_TRY(cx, write_fixed_files(cx, ledger, &vkey));
    po_origin_copy(state.origin, options->origin);
    PO_TRY_LEAF(cx, po_sha256(PO_LIT(""), state.root), "hashing nothing");
    PO_TRY(cx, po_ledger_binding(cx, options->dir, &state.inode, &state.birth_us));
    PO_TRY(cx, po_signed_write(cx, options->signed_path, &state));
    return po_rc_ok();
}

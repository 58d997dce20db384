/*
 * script bundle: the manifest of a directory of programs, signed or not.
 */
#include "commands_priv.h"

#include "core/codec.h"
#include "core/fs.h"
#include "core/sys.h"
#include "script_priv.h"

#define KEY_FILE_BYTES_MAX 128
#define MANIFEST_BYTES_MAX ((size_t)4 << 20)

/* 32 raw bytes, or 64 hex digits; nobody else may read the file. */
static PO_RC read_key(struct po_ctx *cx, const char *path, struct po_sign_key **ret_key)
{
    uint8_t seed[PO_ED25519_SEED_BYTES] PO_WIPED(po_wipe32) = {0};
    struct po_fs_info info = {0};
    struct po_buf bytes;
    PO_CLEANUP(po_secret_freep) struct po_secret *secret = NULL;
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return PO_FAIL(cx, PO_NOTFOUND, "there is no key file '%s'", path);
    if (!info.is_file || (info.mode & 077) != 0 || info.uid != po_sys_geteuid())
        return PO_FAIL(cx, PO_DENIED, "key file '%s' must be a file of yours with mode 0600", path);
    po_buf_init(&bytes, KEY_FILE_BYTES_MAX);
    po_rc rc = po_fs_read(cx, path, &bytes);
    po_str text = po_buf_str(&bytes);
    bool is_good = po_is_ok(rc) && text.len == sizeof seed;
    if (is_good) memcpy(seed, text.ptr, sizeof seed);
    if (po_is_ok(rc) && !is_good)
        is_good = po_is_ok(po_hex_decode(po_str_trim(text), seed, sizeof seed));
    po_buf_wipe(&bytes);
    PO_TRY(cx, rc);
    if (!is_good)
        return PO_FAIL(cx, PO_INVALID, "key file '%s' holds neither 32 bytes nor 64 hex digits",
                       path);
    PO_TRY(cx, po_secret_new(cx, po_str_n(seed, sizeof seed), &secret));
    return po_sign_key_new(cx, secret, ret_key);
}

static PO_RC make_manifest(struct po_ctx *cx, const char *dir, po_str name, struct po_buf *out)
{
    struct po_script_diags *diags = NULL;
    PO_ARENA_NEW(cx, diags, 1);
    po_rc rc = po_bundle_manifest(cx, dir, name, out, diags);
    if (rc.code != PO_INVALID || diags->error_count == 0) return rc;
    return po_script_first_error(cx, NULL, diags);
}

/* The directory's own name, unless --name gives another. */
static PO_RC bundle_name(struct po_ctx *cx, const struct po_cli *cli, const char *dir,
                         po_str *ret_name)
{
    char resolved[PO_FS_PATH_BYTES_MAX + 1];
    *ret_name = po_cli_option(cli, "--name");
    if (ret_name->ptr != NULL) return po_rc_ok();
    if (po_sys_realpath(dir, resolved) == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "there is no directory '%s'", dir);
    const char *slash = strrchr(resolved, '/');
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_str_of(slash + 1), ret_name),
                "out of request memory");
    return po_rc_ok();
}

static PO_RC sign(struct po_ctx *cx, struct po_cli *cli, po_str manifest, po_str signer,
                  struct po_buf *ret_note)
{
    const char *path = NULL;
    struct po_note_vkey vkey;
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = NULL;
    PO_TRY(cx, po_cli_option_path(cx, cli, "--sign", &path));
    PO_TRY(cx, read_key(cx, path, &key));
    PO_TRY(cx, po_bundle_sign(cx, manifest, signer, key, ret_note));
    PO_TRY_LEAF(cx, po_note_vkey_make(signer, PO_NOTE_ED25519, po_sign_key_public(key), &vkey),
                "the signer's name is not valid");
    po_buf_append_cstr(&cli->out, "verifier key  ");
    po_note_vkey_format(&vkey, &cli->out);
    po_buf_append_cstr(&cli->out, "\nwho trusts it: paulyops script trust organisation ");
    po_note_vkey_format(&vkey, &cli->out);
    po_buf_append_char(&cli->out, '\n');
    return po_rc_ok();
}

static PO_RC write_beside(struct po_ctx *cx, const char *dir, const char *name, po_str text)
{
    const char *path = NULL;
    PO_TRY(cx, po_path_join(cx, dir, name, &path));
    return po_fs_write_atomic(cx, path, text, 0644);
}

/* A note over an earlier manifest would make the bundle look tampered with. */
static PO_RC remove_note(struct po_ctx *cx, const char *dir)
{
    const char *path = NULL;
    struct po_fs_info info = {0};
    PO_TRY(cx, po_path_join(cx, dir, "bundle.note", &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    return info.exists ? po_fs_unlink(cx, path) : po_rc_ok();
}

PO_RC po_cmd_script_bundle(struct po_ctx *cx, struct po_cli *cli)
{
    const char *dir = NULL;
    po_str name = {NULL, 0};
    uint8_t digest[PO_SHA256_BYTES];
    char hex[2 * PO_SHA256_BYTES + 1];
    PO_BUF_AUTO manifest;
    PO_BUF_AUTO note;
    po_buf_init(&manifest, MANIFEST_BYTES_MAX);
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    PO_TRY(cx, po_cli_operand(cx, cli, 0, &dir));
    PO_TRY(cx, bundle_name(cx, cli, dir, &name));
    PO_TRY(cx, make_manifest(cx, dir, name, &manifest));
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&manifest), digest), "digest of the manifest");
    po_hex_encode(digest, sizeof digest, hex);
    po_str signer = po_cli_option(cli, "--signer");
    bool is_signed = po_cli_has(cli, "--sign");
    if (signer.ptr == NULL) signer = name;
    po_cli_line(cli, "bundle        %.*s", PO_STR_ARG(name));
    po_cli_line(cli, "manifest      sha256:%s", hex);
    if (is_signed) PO_TRY(cx, sign(cx, cli, po_buf_str(&manifest), signer, &note));
    if (cli->is_dry_run) return po_rc_ok();
    PO_TRY(cx, write_beside(cx, dir, "bundle.json", po_buf_str(&manifest)));
    if (!is_signed) return remove_note(cx, dir);
    return write_beside(cx, dir, "bundle.note", po_buf_str(&note));
}

/*
 * The key directory's files: private, ours, replaced atomically.
 */
#include "core/alloc.h"
#include "core/fs.h"
#include "core/sys.h"
#include "crypto/keyring_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define SEALED_FILE_BYTES_MAX 8192
#define MODE_OTHERS 077 /* group and world */
#define MODE_WORLD 007

/* geteuid cannot fail, so it has no wrapper in core/sys to be failed by tests. */
static bool is_ours(uid_t uid) { return uid == geteuid(); }

po_rc po_keyring_path(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                      const char **ret_path)
{
    return po_path_join(cx, keyring->dir, name, ret_path);
}

po_rc po_keyring_dir_check(struct po_ctx *cx, const char *dir)
{
    struct po_fs_info info;
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.exists) return PO_FAIL(cx, PO_UNAVAILABLE, "there is no key directory '%s'", dir);
    if (!info.is_dir) return PO_FAIL(cx, PO_DENIED, "'%s' is not a directory", dir);
    if (!is_ours(info.uid)) return PO_FAIL(cx, PO_DENIED, "key directory '%s' is not ours", dir);
    if ((info.mode & MODE_OTHERS) != 0)
        return PO_FAIL(cx, PO_DENIED, "key directory '%s' is open to others: chmod 700", dir);
    return po_rc_ok();
}

po_rc po_keyring_exists(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                        bool *ret_exists)
{
    const char *path = NULL;
    PO_TRY(cx, po_keyring_path(cx, keyring, name, &path));
    struct po_fs_info info;
    PO_TRY(cx, po_fs_info(cx, path, &info));
    *ret_exists = info.exists;
    return po_rc_ok();
}

/*
 * The file behind `fd` is a regular file that nobody else reads. systemd gives credentials to root
 * or to us; where it uses ACLs their mask shows as group bits, so only the world is looked at.
 */
static po_rc check_private(struct po_ctx *cx, int fd, const char *path, bool is_credential,
                           size_t *ret_size)
{
    struct stat st;
    if (po_sys_fstat(fd, &st) != 0) return PO_FAIL_SYS(cx, PO_IO, errno, "reading '%s'", path);
    if (!S_ISREG(st.st_mode)) return PO_FAIL(cx, PO_DENIED, "'%s' is not a file", path);
    if (!is_ours(st.st_uid) && !(is_credential && st.st_uid == 0))
        return PO_FAIL(cx, PO_DENIED, "key file '%s' is not ours", path);
    if ((st.st_mode & (is_credential ? MODE_WORLD : MODE_OTHERS)) != 0)
        return PO_FAIL(cx, PO_DENIED, "key file '%s' is readable by others: chmod 600", path);
    *ret_size = (size_t)st.st_size;
    return po_rc_ok();
}

static po_rc open_private(struct po_ctx *cx, const char *path, bool is_credential, int *ret_fd,
                          size_t *ret_size)
{
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0 && errno == ENOENT) return PO_FAIL(cx, PO_NOTFOUND, "there is no '%s'", path);
    if (fd < 0) {
        enum po_code code = errno == EACCES || errno == ELOOP ? PO_DENIED : PO_IO;
        return PO_FAIL_SYS(cx, code, errno, "opening '%s'", path);
    }
    PO_TRY(cx, check_private(cx, fd, path, is_credential, ret_size));
    *ret_fd = fd;
    fd = -1;
    return po_rc_ok();
}

po_rc po_keyring_master_read(struct po_ctx *cx, const char *path, bool is_credential,
                             struct po_keyring_master *ret_master)
{
    PO_FD_AUTO fd = -1;
    size_t size = 0;
    PO_TRY(cx, open_private(cx, path, is_credential, &fd, &size));
    if (size != PO_KEY_BYTES)
        return PO_FAIL(cx, PO_CORRUPT, "master key '%s' has %zu bytes, not %d", path, size,
                       PO_KEY_BYTES);
    uint8_t key[PO_KEY_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY(cx, po_fs_pread_all(cx, fd, key, sizeof key, 0));
    struct po_keyring_master master = {0};
    PO_TRY_LEAF(cx, po_keyring_master_id(po_str_n(key, sizeof key), master.id),
                "the id of master key '%s' cannot be derived", path);
    PO_TRY(cx, po_secret_new(cx, po_str_n(key, sizeof key), &master.key));
    *ret_master = master;
    return po_rc_ok();
}

po_rc po_keyring_master_make(struct po_ctx *cx, const char *path,
                             struct po_keyring_master *ret_master)
{
    PO_CLEANUP(po_keyring_master_done) struct po_keyring_master master = {0};
    PO_TRY(cx, po_secret_random(cx, PO_KEY_BYTES, &master.key));
    po_str bytes = po_secret_bytes(master.key);
    PO_TRY_LEAF(cx, po_keyring_master_id(bytes, master.id), "a key id cannot be derived");
    PO_TRY(cx, po_fs_write_new(cx, path, bytes, 0600));
    *ret_master = master;
    master.key = NULL;
    return po_rc_ok();
}

void po_keyring_master_done(struct po_keyring_master *master)
{
    po_secret_free(master->key);
    master->key = NULL;
}

po_rc po_keyring_file_read(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                           struct po_buf *out)
{
    const char *path = NULL;
    PO_TRY(cx, po_keyring_path(cx, keyring, name, &path));
    PO_FD_AUTO fd = -1;
    size_t size = 0;
    PO_TRY(cx, open_private(cx, path, false, &fd, &size));
    if (size < 1 || size > SEALED_FILE_BYTES_MAX)
        return PO_FAIL(cx, PO_CORRUPT, "key file '%s' has %zu bytes", path, size);
    char *room = po_buf_extend(out, size);
    PO_TRY_LEAF(cx, po_buf_check(out), "no memory for '%s'", path);
    return po_fs_pread_all(cx, fd, room, size, 0);
}

po_rc po_keyring_file_write(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                            po_str content)
{
    const char *path = NULL;
    PO_TRY(cx, po_keyring_path(cx, keyring, name, &path));
    if (keyring->is_synced_later) return po_fs_place(cx, path, content, 0600);
    return po_fs_write_atomic(cx, path, content, 0600);
}

po_rc po_keyring_sweep(struct po_ctx *cx, const struct po_keyring *keyring)
{
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fs_list(cx, keyring->dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (!po_str_starts(names[i], PO_LIT(PO_FS_TEMP_PREFIX))) continue;
        const char *name = po_arena_strdup(cx->arena, names[i]);
        const char *path = NULL;
        if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_keyring_path(cx, keyring, name, &path));
        if (po_sys_unlink(path) != 0 && errno != ENOENT)
            return PO_FAIL_SYS(cx, PO_IO, errno, "removing '%s'", path);
    }
    return po_rc_ok();
}

po_rc po_keyring_sealed_write(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                              po_str aad, po_str plain)
{
    PO_BUF_AUTO sealed = {0};
    po_buf_init(&sealed, SEALED_FILE_BYTES_MAX);
    PO_TRY(cx, po_wrapped_seal(cx, po_keyring_newest(keyring), aad, plain, &sealed));
    return po_keyring_file_write(cx, keyring, name, po_buf_str(&sealed));
}

po_rc po_keyring_sealed_read(struct po_ctx *cx, const struct po_keyring *keyring, const char *name,
                             po_str aad, struct po_secret **ret_plain)
{
    PO_BUF_AUTO sealed = {0};
    po_buf_init(&sealed, SEALED_FILE_BYTES_MAX);
    PO_TRY(cx, po_keyring_file_read(cx, keyring, name, &sealed));
    PO_TRY_MSG(cx, po_wrapped_open(cx, keyring, aad, po_buf_str(&sealed), ret_plain),
               "key file '%s'", name);
    return po_rc_ok();
}

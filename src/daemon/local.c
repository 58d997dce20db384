/*
 * The socket of local commands: data/paulyops.sock, mode 0600 in a directory of mode 0700.
 */
#include "daemon/daemon_priv.h"

#include "core/fs.h"
#include "core/sys.h"
#include "core/sys_net.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/un.h>

#define BACKLOG 64

/*
 * The address of `path`. One that does not fit is reached through a descriptor of its directory, which
 * the caller keeps open while the address is in use.
 */
static PO_RC address_of(struct po_ctx *cx, const char *path, struct sockaddr_un *ret_address,
                        int *ret_dir)
{
    const char *text = path;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof ret_address->sun_path) {
        const char *dir = NULL;
        PO_TRY(cx, po_path_dir(cx, path, &dir));
        *ret_dir = po_sys_open(dir, O_PATH | O_DIRECTORY, 0);
        if (*ret_dir < 0)
            return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "opening '%s'", dir);
        text = po_arena_printf(cx->arena, "/proc/self/fd/%d/%s", *ret_dir, PO_DAEMON_SOCKET_NAME);
        if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    }
    memcpy(ret_address->sun_path, text, strlen(text) + 1);
    return po_rc_ok();
}

po_rc po_local_connect(struct po_ctx *cx, const char *root, int *ret_fd)
{
    const char *path = NULL;
    struct sockaddr_un address;
    struct po_fs_info info = {0};
    PO_FD_AUTO dir = -1;
    *ret_fd = -1;
    PO_TRY(cx, po_path_join(cx, root, PO_DAEMON_SOCKET_PATH, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return po_rc_ok();
    PO_TRY(cx, address_of(cx, path, &address, &dir));
    PO_FD_AUTO fd = po_sys_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "making a socket");
    if (po_sys_connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        *ret_fd = PO_TAKE_FD(fd);
        return po_rc_ok();
    }
    /* Left behind by a service that was killed, or not a socket at all: none serves. */
    if (errno == ECONNREFUSED || errno == ENOENT || errno == ENOTSOCK || errno == ENOTDIR)
        return po_rc_ok();
    if (errno == EAGAIN) return PO_FAIL(cx, PO_BUSY, "the service has too many callers");
    return PO_FAIL_SYS(cx, po_fs_code_of_errno(errno), errno, "reaching the service at '%s'", path);
}

po_rc po_local_listen(struct po_ctx *cx, const char *root, int *ret_fd)
{
    const char *path = NULL;
    struct sockaddr_un address;
    struct po_fs_info info = {0};
    PO_FD_AUTO dir = -1;
    PO_TRY(cx, po_path_join(cx, root, PO_DAEMON_SOCKET_PATH, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    /* We hold the home's lock: a socket that is there belongs to nobody. */
    if (info.exists && (info.is_file || info.is_dir || info.is_symlink))
        return PO_FAIL(cx, PO_EXISTS, "'%s' is in the way of the service's socket", path);
    if (info.exists) PO_TRY(cx, po_fs_unlink(cx, path));
    PO_TRY(cx, address_of(cx, path, &address, &dir));
    PO_FD_AUTO fd = po_sys_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || po_sys_bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return PO_FAIL_SYS(cx, PO_CREATE, errno, "making the socket '%s'", path);
    PO_TRY(cx, po_fs_chmod(cx, path, 0600));
    if (po_sys_listen(fd, BACKLOG) != 0)
        return PO_FAIL_SYS(cx, PO_CREATE, errno, "listening at '%s'", path);
    *ret_fd = PO_TAKE_FD(fd);
    return po_rc_ok();
}

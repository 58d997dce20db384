/*
 * sd_notify by hand: one datagram to the socket that NOTIFY_SOCKET names.
 */
#include "daemon/notify_priv.h"

#include "core/cfg.h"
#include "core/fs.h"
#include "core/sys_net.h"

#include <errno.h>
#include <stddef.h>
#include <sys/un.h>

/* An absolute path, or '@' and a name in the abstract name space. */
static bool address_of(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
    size_t len = strlen(name);
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof ret_address->sun_path)
        return false;
    memcpy(ret_address->sun_path, name, len);
    if (name[0] == '@') ret_address->sun_path[0] = '\0';
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/' ? 1 : 0));
    return true;
}

po_rc po_notify(struct po_ctx *cx, const char *state)
{
    const char *name = po_env("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len = 0;
    if (name == NULL) return po_rc_ok();
    if (!address_of(name, &address, &len))
        return PO_FAIL(cx, PO_INVALID, "NOTIFY_SOCKET is no address of a socket");
    PO_FD_AUTO fd = po_sys_socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0 || po_sys_connect(fd, (const struct sockaddr *)&address, len) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "reaching the service manager");
    size_t bytes = strlen(state);
    if (po_sys_send(fd, state, bytes) != (ssize_t)bytes)
        return PO_FAIL_SYS(cx, PO_IO, errno, "telling the service manager");
    return po_rc_ok();
}

po_time_us po_notify_watchdog_us(void)
{
    const char *text = po_env("WATCHDOG_USEC");
    uint64_t us = 0;
    po_rc rc = text == NULL ? po_rc_of(PO_NOTFOUND)
                            : po_str_to_u64(po_str_of(text), (uint64_t)PO_US_PER_DAY, &us);
    return po_is_ok(rc) ? (po_time_us)(us / 2) : 0;
}

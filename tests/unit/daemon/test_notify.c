/*
 * What the service manager is told, and when the next night is.
 */
#include "core/fs.h"
#include "core/sys_net.h"
#include "daemon/core_priv.h"
#include "daemon/notify_priv.h"
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

TEST(notify__says_nothing_without_a_manager)
{
    TEST_CX(cx);
    check_eq_int(unsetenv("NOTIFY_SOCKET"), 0);
    check_ok(cx, po_notify(cx, "READY=1"));
}

TEST(notify__sends_one_datagram)
{
    TEST_CX(cx);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[64] = "";
    const char *path = test_tmp("notify");
    PO_FD_AUTO fd = po_sys_socket(AF_UNIX, SOCK_DGRAM, 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    check_eq_int(po_sys_bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    check_eq_int(setenv("NOTIFY_SOCKET", path, 1), 0);
    check_ok(cx, po_notify(cx, "READY=1\nSTATUS=serving"));
    check_that(po_sys_recv(fd, text, sizeof text - 1) == 22);
    check_eq_cstr(text, "READY=1\nSTATUS=serving");
}

TEST(notify__an_address_that_is_none_is_an_error)
{
    TEST_CX(cx);
    static const char *const names[] = {"relative", "/", "@"};
    for (size_t i = 0; i < 3; i++) {
        check_eq_int(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        check_fails(cx, po_notify(cx, "READY=1"), PO_INVALID);
        po_err_clear(cx);
    }
    check_eq_int(setenv("NOTIFY_SOCKET", test_tmp("nobody"), 1), 0);
    check_fails(cx, po_notify(cx, "READY=1"), PO_IO);
}

TEST(notify__the_watchdog_is_fed_in_half_its_time)
{
    check_eq_int(unsetenv("WATCHDOG_USEC"), 0);
    check_eq_int(po_notify_watchdog_us(), 0);
    check_eq_int(setenv("WATCHDOG_USEC", "90000000", 1), 0);
    check_eq_int(po_notify_watchdog_us(), 45 * PO_US_PER_S);
    check_eq_int(setenv("WATCHDOG_USEC", "soon", 1), 0);
    check_eq_int(po_notify_watchdog_us(), 0);
}

TEST(core_timer__the_next_time_of_day_is_ahead_and_local)
{
    check_eq_int(setenv("TZ", "TST-2", 1), 0);
    tzset();
    /* 2026-01-02T03:04:05Z is 05:04:05 there */
    check_eq_int(po_core_until_clock_s(TEST_CLOCK_START_US, 5 * 60 + 5), 55);
    check_eq_int(po_core_until_clock_s(TEST_CLOCK_START_US, 5 * 60 + 4), 24 * 3600 - 5);
    check_eq_int(po_core_until_clock_s(TEST_CLOCK_START_US, 0), 24 * 3600 - (5 * 3600 + 245));
}

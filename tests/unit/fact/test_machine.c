/*
 * Facts of the machine, from files of a machine made up for the test.
 */
#include "fact_fixture.h"

#include "core/fs.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

TEST(machine_system__reads_release_kernel_and_uptime)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n"
                                   "VERSION_ID=\"12\"\n");
    fixture_file("proc/sys/kernel/osrelease", "6.1.0-50-amd64\n");
    fixture_file("proc/sys/kernel/random/boot_id", "0a1b\n");
    fixture_file("proc/uptime", "12345.67 888.00\n");
    fixture_file("run/systemd/container", "lxc\n");
    const struct po_json *value = fixture_read(cx, set, "machine.system");
    check_eq_str(fixture_str(value, "os"), "debian");
    check_eq_str(fixture_str(value, "os_version"), "12");
    check_eq_str(fixture_str(value, "os_name"), "Debian GNU/Linux 12 (bookworm)");
    check_eq_str(fixture_str(value, "kernel"), "6.1.0-50-amd64");
    check_eq_str(fixture_str(value, "boot_id"), "0a1b");
    check_eq_int(fixture_int(value, "uptime_s"), 12345);
    check_eq_str(fixture_str(value, "container"), "lxc");
}

TEST(machine_system__answers_null_for_what_is_absent)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("proc/uptime", "many\n");
    const struct po_json *value = fixture_read(cx, set, "machine.system");
    static const char *const keys[] = {"os",      "os_version", "os_name",  "kernel",
                                       "boot_id", "uptime_s",   "container"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        check_that(fixture_is_null(value, keys[i]));
}

static struct timex clock_answer;
static int clock_rc;
static int fake_clock_state(struct timex *ret_state)
{
    *ret_state = clock_answer;
    if (clock_rc < 0) errno = EPERM;
    return clock_rc;
}

TEST(machine_clock__knows_the_offset_only_while_synchronized)
{
    static const struct {
        const char *name;
        int rc;
        int status;
        long offset;
        bool is_synchronized;
        int64_t want_us;
    } rows[] = {
        {"synchronized", TIME_OK, 0, -1500, true, -1500},
        {"nanoseconds", TIME_OK, STA_NANO, 2500000, true, 2500},
        {"unsynchronized", TIME_OK, STA_UNSYNC, 10, false, 0},
        {"error", TIME_ERROR, 0, 10, false, 0},
    };
    TEST_EACH(row, rows)
    {
        TEST_CX(cx);
        struct po_fact_set *set = fixture_set(cx);
        clock_answer = (struct timex){.status = row->status, .offset = row->offset};
        clock_rc = row->rc;
        set->places.clock_state = fake_clock_state;
        const struct po_json *value = fixture_read(cx, set, "machine.clock");
        check_that(fixture_bool(value, "readable"));
        check_eq_int(fixture_bool(value, "synchronized"), row->is_synchronized);
        if (row->is_synchronized)
            check_eq_int(fixture_int(value, "offset_us"), row->want_us);
        else
            check_that(fixture_is_null(value, "offset_us"));
    }
}

TEST(machine_clock__says_when_the_kernel_does_not_answer)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    clock_rc = -1;
    set->places.clock_state = fake_clock_state;
    const struct po_json *value = fixture_read(cx, set, "machine.clock");
    check_that(!fixture_bool(value, "readable"));
    check_that(!fixture_bool(value, "synchronized"));
    check_that(fixture_is_null(value, "max_error_us"));
}

TEST(machine_disk__tells_space_and_where_keys_stand)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_json *value = fixture_read(cx, set, "machine.disk");
    check_that(fixture_int(value, "home.total_bytes") > 0);
    int64_t percent = fixture_int(value, "home.free_percent");
    check_that(percent >= 0 && percent <= 100);
    check_that(fixture_bool(value, "same_file_system"));
    check_that(!fixture_bool(value, "state_inside_home"));
}

TEST(machine_disk__sees_keys_inside_the_home)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_dir("home/keys");
    set->places.state_dir = test_tmp("home/keys");
    check_that(fixture_bool(fixture_read(cx, set, "machine.disk"), "state_inside_home"));
}

TEST(machine_disk__takes_a_longer_name_for_another_directory)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_dir("home-keys");
    set->places.state_dir = test_tmp("home-keys");
    check_that(!fixture_bool(fixture_read(cx, set, "machine.disk"), "state_inside_home"));
}

TEST(machine_disk__answers_null_for_a_home_that_is_not_there)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    set->places.root = test_tmp("nowhere");
    const struct po_json *value = fixture_read(cx, set, "machine.disk");
    check_that(fixture_is_null(value, "home"));
    check_that(!fixture_bool(value, "same_file_system"));
}

TEST(machine_load__reads_memory_and_processors)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("proc/meminfo", "MemTotal:        8000 kB\nMemFree: 10 kB\nMemAvailable: 5000 kB\n"
                                 "SwapTotal: 0 kB\nSwapFree: broken\n");
    fixture_file("proc/loadavg", "1.07 0.50 0.20 1/100 4242\n");
    fixture_file("proc/stat", "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n");
    const struct po_json *value = fixture_read(cx, set, "machine.load");
    check_eq_int(fixture_int(value, "cpus"), 2);
    check_eq_int(fixture_int(value, "load1_centi"), 107);
    check_eq_int(fixture_int(value, "memory_total_kb"), 8000);
    check_eq_int(fixture_int(value, "memory_available_kb"), 5000);
    check_eq_int(fixture_int(value, "swap_total_kb"), 0);
    check_that(fixture_is_null(value, "swap_free_kb"));
}

TEST(machine_kernel_settings__do_not_meet_the_baseline_when_unknown)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("proc/sys/kernel/randomize_va_space", "2\n");
    fixture_file("proc/sys/kernel/kptr_restrict", "0\n");
    const struct po_json *value = fixture_read(cx, set, "machine.kernel_settings");
    check_eq_int(fixture_int(value, "known"), 2);
    check_eq_int(fixture_int(value, "met"), 1);
    check_that(fixture_int(value, "of") >= 10);
    check_that(fixture_is_null(value, "settings.0.value"));
    check_that(!fixture_bool(value, "settings.0.met"));
}

TEST(machine_sandbox__is_full_with_both_fences_only)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_json *value = fixture_read(cx, set, "machine.sandbox");
    bool has_both = fixture_int(value, "landlock_abi") > 0 && fixture_bool(value, "seccomp");
    check_eq_int(fixture_bool(value, "full"), has_both);
}

TEST(machine_self__reads_privileges_of_this_process)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("proc/self/status",
                 "Name:\tpaulyops\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n"
                 "NoNewPrivs:\t1\nSeccomp:\t2\n");
    set->places.uid = 1000;
    const struct po_json *value = fixture_read(cx, set, "machine.self");
    check_eq_int(fixture_int(value, "uid"), 1000);
    check_that(!fixture_bool(value, "privileged"));
    check_that(fixture_bool(value, "no_new_privileges"));
    check_that(fixture_bool(value, "syscall_filter"));
    check_eq_str(fixture_str(value, "effective_capabilities"), "0000000000000000");
}

TEST(machine_sockets__lists_listeners_sorted_with_their_reach)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file(
        "proc/net/tcp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 1\n"
        "   1: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0  0 2\n"
        "   2: 0100007F:0016 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0  0 3\n"
        "garbage\n");
    fixture_file(
        "proc/net/tcp6",
        "  sl\n"
        "   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000 33 0 9\n");
    fixture_file("proc/net/udp", "  sl\n   0: 0500A8C0:0035 00000000:0000 07 00000000:00000000 "
                                 "00:00000000 00000000 101 0 4\n");
    const struct po_json *value = fixture_read(cx, set, "machine.sockets");
    check_eq_int(fixture_int(value, "count"), 4);
    check_eq_int(fixture_int(value, "beyond_loopback"), 2);
    check_eq_int(fixture_int(value, "malformed"), 1);
    check_eq_str(fixture_str(value, "listening.0.address"), "127.0.0.1");
    check_eq_int(fixture_int(value, "listening.0.port"), 22);
    check_that(fixture_bool(value, "listening.0.loopback"));
    check_eq_str(fixture_str(value, "listening.1.address"), "0.0.0.0");
    check_eq_int(fixture_int(value, "listening.1.uid"), 1000);
    check_that(!fixture_bool(value, "listening.1.loopback"));
    check_eq_str(fixture_str(value, "listening.2.protocol"), "tcp6");
    check_eq_str(fixture_str(value, "listening.2.address"), "0:0:0:0:0:0:0:1");
    check_that(fixture_bool(value, "listening.2.loopback"));
    check_eq_str(fixture_str(value, "listening.3.address"), "192.168.0.5");
}

TEST(machine_sockets__are_none_without_proc_net)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    check_eq_int(fixture_int(fixture_read(cx, set, "machine.sockets"), "count"), 0);
}

TEST(machine_processes__find_secrets_in_arguments_without_repeating_them)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    static const char with_pattern[] = "mysql\0--password=hunter2222\0";
    static const char with_value[] = "tool\0s3cr3t-value\0";
    static const char clean[] = "sleep\0"
                                "10\0";
    fixture_file("home/config/.env", "MAIL_PASSWORD=s3cr3t-value\n");
    fixture_bytes("proc/10/cmdline", with_pattern, sizeof with_pattern - 1);
    fixture_bytes("proc/11/cmdline", with_value, sizeof with_value - 1);
    fixture_bytes("proc/12/cmdline", clean, sizeof clean - 1);
    fixture_bytes("proc/13/cmdline", "", 0);
    fixture_file("proc/self/status", "Uid:\t0\n");
    const struct po_json *value = fixture_read(cx, set, "machine.processes");
    check_eq_int(fixture_int(value, "processes"), 4);
    check_eq_int(fixture_int(value, "readable"), 3);
    check_eq_int(fixture_int(value, "secret_hits"), 2);
    check_eq_int(fixture_int(value, "secrets.0.pid"), 10);
    check_eq_str(fixture_str(value, "secrets.0.rule"), "password");
    check_eq_str(fixture_str(value, "secrets.1.rule"), "known_value");
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, 65536);
    check_ok(cx, po_json_canonical(cx, value, &text));
    check_that(strstr(text.ptr, "hunter") == NULL && strstr(text.ptr, "s3cr3t") == NULL);
}

TEST(machine_processes__tell_programs_from_unusual_places)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    static const struct {
        const char *name;
        const char *target;
    } rows[] = {{"proc/20", "/usr/bin/bash"},
                {"proc/21", "/tmp/x/miner"},
                {"proc/22", "/usr/bin/old (deleted)"},
                {"proc/23", "/srv/app/run"}};
    TEST_EACH(row, rows)
    {
        fixture_dir(row->name);
        char link[4200];
        (void)snprintf(link, sizeof link, "%s/exe", test_tmp(row->name));
        check_that(symlink(row->target, link) == 0);
    }
    const struct po_json *value = fixture_read(cx, set, "machine.processes");
    check_eq_int(fixture_int(value, "stray_programs"), 3);
    check_eq_str(fixture_str(value, "strays.0.place"), "temporary");
    check_eq_str(fixture_str(value, "strays.1.place"), "deleted");
    check_eq_str(fixture_str(value, "strays.2.place"), "other");
}

TEST(machine_packages__count_and_digest_what_is_installed)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("dpkg/status",
                 "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"
                 "Package: b\nStatus: deinstall ok config-files\nVersion: 2\n\n"
                 "Package: c\nStatus: install ok half-configured\nVersion: 3\n\n"
                 "Package: d\nStatus: install ok installed\nArchitecture: amd64\nVersion: 4\n");
    const struct po_json *value = fixture_read(cx, set, "machine.packages");
    check_eq_str(fixture_str(value, "source"), "ok");
    check_eq_int(fixture_int(value, "installed"), 2);
    check_eq_int(fixture_int(value, "half_installed"), 1);
    /* printf 'a 1 all\nd 4 amd64\n' | sha256sum */
    check_eq_str(fixture_str(value, "digest"),
                 "c685a07f095697212c4a815e3d7a8bbbad8946c72cccc61ad014f36bf433b3d1");
}

TEST(machine_packages__say_when_there_is_no_dpkg)
{
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    const struct po_json *value = fixture_read(cx, set, "machine.packages");
    check_eq_str(fixture_str(value, "source"), "absent");
    check_eq_int(fixture_int(value, "installed"), 0);
    check_that(fixture_is_null(value, "changed_us"));
}

TEST_FAULTS_MANUAL(machine_facts__fail_cleanly_at_every_call)
{
    static const char *const names[] = {"machine.system", "machine.load", "machine.sockets",
                                        "machine.packages", "machine.disk"};
    TEST_CX(cx);
    struct po_fact_set *set = fixture_set(cx);
    fixture_file("proc/uptime", "1.0 1.0\n");
    fixture_file("dpkg/status", "Package: a\nStatus: install ok installed\n");
    test_faults_arm();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct po_fact_value *value = NULL;
        if (test_survived(po_fact_get(cx, set, names[i], &value))) continue;
        enum po_code code = cx->err.code;
        test_faults_off();
        check_fails(cx, po_fact_get(cx, set, names[i], &value), code); /* remembered */
        return;
    }
}

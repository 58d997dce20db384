/* Fault injection: what it counts, what it fails, how it names call sites. */
#include "core/alloc.h"
#include "core/fault.h"
#include "core/fs.h"
#include "core/sys.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef PO_FAULTS

/* Two functions with one call each: two sites. */
static __attribute__((noinline)) int stat_from_here(const char *path)
{
    struct stat st = {0};
    return po_sys_stat(path, &st);
}

static __attribute__((noinline)) int stat_from_there(const char *path)
{
    struct stat st = {0};
    return po_sys_stat(path, &st) + 0 * (int)strlen(path);
}

static void some_calls(void)
{
    for (int i = 0; i < 3; i++)
        (void)stat_from_here("/");
    (void)stat_from_there("/");
    void *block = po_calloc(1, 1);
    po_free(block);
}

TEST(fault__records_every_hit_in_order)
{
    po_fault_record();
    some_calls();
    po_fault_off();
    check_eq_u64(po_fault_hit_count(), 5);
    check_eq_u64(po_fault_hit_total(), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct po_fault_hit *hit = po_fault_hit_at(i);
        check_eq_u64(hit->number, i + 1);
        check_eq_int(hit->kind, i < 4 ? PO_FAULT_SYS : PO_FAULT_ALLOC);
        check_eq_cstr(hit->call, i < 4 ? "stat" : "calloc");
    }
    check_that(po_fault_hit_at(5) == NULL);
}

TEST(fault__gathers_hits_by_site)
{
    po_fault_record();
    some_calls();
    po_fault_off();
    check_eq_u64(po_fault_site_count(), 3);
    const struct po_fault_site *here = po_fault_site_at(0);
    const struct po_fault_site *there = po_fault_site_at(1);
    check_eq_u64(here->first, 1);
    check_eq_u64(here->last, 3);
    check_eq_u64(here->count, 3);
    check_eq_u64(there->first, 4);
    check_that(here->site != there->site);
    check_that(here->frames[0] != 0);
    check_that(po_fault_site_at(3) == NULL);
}

TEST(fault__sites_are_the_same_in_the_next_recording)
{
    uint64_t sites[2][3];
    for (int run = 0; run < 2; run++) {
        po_fault_record();
        some_calls();
        po_fault_off();
        for (size_t i = 0; i < 3; i++)
            sites[run][i] = po_fault_site_at(i)->site;
    }
    check_eq_mem(sites[0], sites[1], sizeof sites[0]);
}

/* The binary started anew, at other addresses, must name the same site. */
TEST(fault__sites_do_not_depend_on_load_addresses)
{
    char self[512];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    check_that(len > 0);
    self[len] = '\0';
    po_fault_record();
    (void)stat_from_here("/");
    po_fault_off();
    const struct po_fault_site *site = po_fault_site_at(0);
    /* Small numbers: offsets in a program, not addresses in a process. */
    for (size_t i = 0; i < 3; i++)
        check_that(site->frames[i] != 0 && site->frames[i] < ((uint64_t)1 << 36));
}

TEST(fault__fails_the_numbered_hit_once)
{
    po_fault_fail(2, EIO);
    check_eq_int(stat_from_here("/"), 0);
    check_that(!po_fault_fired());
    errno = 0;
    check_eq_int(stat_from_here("/"), -1);
    check_eq_int(errno, EIO);
    check_that(po_fault_fired());
    check_eq_int(stat_from_here("/"), 0);
    po_fault_off();
    check_that(po_fault_fired());
}

TEST(fault__fails_an_allocation)
{
    po_fault_fail(1, EIO);
    check_that(po_calloc(1, 8) == NULL);
    void *block = po_calloc(1, 8);
    check_that(block != NULL);
    po_free(block);
    po_fault_off();
}

TEST(fault__fails_the_nth_hit_of_a_site)
{
    po_fault_record();
    (void)stat_from_here("/");
    (void)stat_from_there("/");
    po_fault_off();
    uint64_t there = 0;
    for (size_t run = 0; run < 2; run++) {
        /* Armed at the same stack depth and place as the recording calls below. */
        if (run == 0)
            po_fault_record();
        else
            po_fault_fail_site(there, 2, ENOSPC);
        int results[4];
        for (int i = 0; i < 2; i++) {
            results[2 * i] = stat_from_here("/");
            results[2 * i + 1] = stat_from_there("/");
        }
        po_fault_off();
        if (run == 0) {
            there = po_fault_hit_at(1)->site;
            continue;
        }
        check_eq_int(results[0] + results[1] + results[2], 0);
        check_eq_int(results[3], -1);
    }
}

TEST(fault__short_write_moves_half_then_fails)
{
    int fd = po_sys_open(test_tmp("f"), O_RDWR | O_CREAT, 0600);
    check_that(fd >= 0);
    po_fault_fail_short(1, ENOSPC);
    check_eq_int(po_sys_pwrite(fd, "12345678", 8, 0), 4);
    check_that(po_fault_fired());
    errno = 0;
    check_eq_int(po_sys_pwrite(fd, "5678", 4, 4), -1);
    check_eq_int(errno, ENOSPC);
    check_eq_int(po_sys_pwrite(fd, "5678", 4, 4), 4);
    po_fault_fail_short(1, 0);
    char got[8];
    check_eq_int(po_sys_pread(fd, got, 8, 0), 4);
    check_eq_int(po_sys_pread(fd, got + 4, 4, 4), 4);
    check_eq_mem(got, "12345678", 8);
    po_fault_fail_short(1, EIO);
    check_eq_int(po_sys_pwrite(fd, "x", 1, 0), 1);
    check_eq_int(po_sys_pwrite(fd, "y", 1, 0), -1);
    po_fault_fail_short(1, EIO);
    check_eq_int(po_sys_fsync(fd), -1);
    po_fault_fail_short(1, 0);
    check_eq_int(po_sys_fsync(fd), 0);
    po_fault_off();
    check_eq_int(po_sys_close(fd), 0);
}

TEST(fault__benign_sections_are_told_apart)
{
    po_fault_fail(1, EIO);
    po_fault_benign_begin();
    po_fault_benign_begin();
    po_fault_benign_end();
    check_eq_int(stat_from_here("/"), -1);
    po_fault_benign_end();
    check_that(po_fault_fired_benign());
    po_fault_fail(1, EIO);
    check_eq_int(stat_from_here("/"), -1);
    check_that(po_fault_fired() && !po_fault_fired_benign());
    po_fault_off();
    po_fault_benign_end();
}

TEST(fault__a_child_has_its_own_copy)
{
    po_fault_fail(1, EIO);
    pid_t pid = fork();
    if (pid == 0) _exit(stat_from_here("/") == -1 && stat_from_here("/") == 0 ? 7 : 1);
    int status = 0;
    check_eq_int(waitpid(pid, &status, 0), pid);
    check_eq_int(WEXITSTATUS(status), 7);
    check_that(!po_fault_fired());
    check_eq_int(stat_from_here("/"), -1);
    po_fault_off();
}

TEST(fault__counts_beyond_its_table)
{
    po_fault_record();
    for (unsigned i = 0; i < PO_FAULT_HITS_MAX + 10u; i++)
        (void)po_fault_check(PO_FAULT_ALLOC, "calloc");
    po_fault_off();
    check_eq_u64(po_fault_hit_total(), PO_FAULT_HITS_MAX + 10u);
    check_eq_u64(po_fault_hit_count(), PO_FAULT_HITS_MAX);
    check_eq_u64(po_fault_site_count(), 1);
    check_eq_u64(po_fault_site_at(0)->count, PO_FAULT_HITS_MAX + 10u);
}

TEST(fault__a_recording_stays_while_others_fail)
{
    po_fault_record();
    some_calls();
    po_fault_fail(1, EIO);
    for (int i = 0; i < 3; i++)
        some_calls();
    po_fault_off();
    check_eq_u64(po_fault_hit_total(), 15);
    check_eq_u64(po_fault_hit_count(), 5);
    check_eq_cstr(po_fault_hit_at(4)->call, "calloc");
    check_eq_u64(po_fault_site_at(0)->count, 3);
}

TEST(fault__off_counts_nothing)
{
    po_fault_record();
    po_fault_off();
    some_calls();
    check_eq_u64(po_fault_hit_count(), 0);
}

#endif

/*
 * core/fs under power cuts: a replaced file is old or new after a cut at any operation, new once the
 * call has returned, and each of its syncs is needed for that.
 */
#include "core/fault.h"
#include "core/fs.h"
#include "core/power.h"
#include "power/power_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PO_FAULTS

#define SEEDS 24
#define BYTES 3000

static struct test_power power;
static uint64_t *has_returned;
static char path[512];
static char old_bytes[BYTES];
static char new_bytes[2 * BYTES];

static void prepare(void)
{
    test_power_init(&power);
    has_returned = test_power_shared(sizeof *has_returned);
    (void)snprintf(path, sizeof path, "%s/file", power.root);
    memset(old_bytes, 'o', sizeof old_bytes);
    memset(new_bytes, 'n', sizeof new_bytes);
}

static void write_atomic(void *user)
{
    (void)user;
    TEST_CX(cx);
    check_ok(cx, po_fs_write_atomic(cx, path, po_str_n(new_bytes, sizeof new_bytes), 0640));
    *has_returned = 1;
}

static void write_new(void *user)
{
    (void)user;
    TEST_CX(cx);
    check_ok(cx, po_fs_write_new(cx, path, po_str_n(new_bytes, sizeof new_bytes), 0640));
    *has_returned = 1;
}

static bool is_new(void)
{
    struct stat st = {0};
    if (stat(path, &st) != 0 || st.st_size != sizeof new_bytes) return false;
    size_t len = 0;
    char *bytes = test_read_file(path, &len);
    bool is_equal = memcmp(bytes, new_bytes, sizeof new_bytes) == 0 && (st.st_mode & 07777) == 0640;
    free(bytes);
    return is_equal;
}

static bool is_old(bool had_file)
{
    struct stat st = {0};
    if (stat(path, &st) != 0) return !had_file;
    if (!had_file || st.st_size != sizeof old_bytes) return false;
    size_t len = 0;
    char *bytes = test_read_file(path, &len);
    bool is_equal = memcmp(bytes, old_bytes, sizeof old_bytes) == 0;
    free(bytes);
    return is_equal;
}

struct writer {
    test_power_body body;
    bool had_file;
};

static bool survives(const struct writer *writer, uint64_t cut_at, uint64_t seed)
{
    test_power_clear(&power);
    if (writer->had_file) test_write_file(path, old_bytes, sizeof old_bytes);
    *has_returned = 0;
    (void)test_power_run(&power, cut_at, writer->body, NULL);
    test_power_restore(&power, seed);
    return is_new() || (*has_returned == 0 && is_old(writer->had_file));
}

/* The first (cut, seed) that breaks the promise; false when there is none. */
static bool find_loss(const struct writer *writer, uint64_t op_count)
{
    for (uint64_t cut_at = 0; cut_at <= op_count; cut_at++)
        for (uint64_t seed = 0; seed < SEEDS; seed++)
            if (!survives(writer, cut_at, seed)) return true;
    return false;
}

static void check_writer(const struct writer *writer)
{
    prepare();
    check_that(survives(writer, 0, 0));
    uint64_t op_count = power.shared->op_count;
    check_that(op_count >= 5);
    check_that(!find_loss(writer, op_count));
    uint64_t sites[8];
    test_power_clear(&power);
    size_t count = test_power_sync_sites(&power, writer->body, NULL, sites, 8);
    check_eq_u64(count, 2);
    for (size_t i = 0; i < count; i++) {
        power.skip_site = sites[i];
        (void)survives(writer, 0, PO_POWER_SEED_KEEP_ALL);
        check_eq_u64(power.shared->skipped_count, 1);
        check_that(find_loss(writer, op_count), "sync %d is not needed", (int)i);
    }
}

TEST_TIMEOUT(power_fs__write_atomic_keeps_old_or_new_and_needs_each_sync, 120)
{
    static const struct writer writer = {write_atomic, true};
    check_writer(&writer);
}

TEST_TIMEOUT(power_fs__write_new_is_whole_or_absent_and_needs_each_sync, 120)
{
    static const struct writer writer = {write_new, false};
    check_writer(&writer);
}

#endif

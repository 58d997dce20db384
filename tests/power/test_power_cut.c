/*
 * The cut itself, and bringing the tree back: counts, seeds, inodes, what is left alone or refused.
 */
#include "core/fault.h"
#include "core/fs.h"
#include "core/power.h"
#include "core/sys.h"
#include "power/power_states.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PO_FAULTS

#define SECTORS 3

static void old_f(void) { put_file("f", "old"); }

static void write_unsynced(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY);
    must_write(fd, "new", 0);
    must_close(fd);
}

static void replace_without_any_sync(void *user)
{
    (void)user;
    int fd = must_open("temp", O_WRONLY | O_CREAT | O_EXCL);
    must_write(fd, "new", 0);
    must_close(fd);
    check_eq_int(po_sys_rename(in_root("temp"), in_root("f")), 0);
}

static const char *look_size_and_text(void)
{
    static char state[32];
    (void)snprintf(state, sizeof state, "%d:%.24s", (int)size_of("f"), content("f"));
    return state;
}

static void fill_sectors(char bytes[static SECTORS * PO_POWER_SECTOR_BYTES + 1], char c)
{
    memset(bytes, c, SECTORS * PO_POWER_SECTOR_BYTES);
    bytes[SECTORS * PO_POWER_SECTOR_BYTES] = '\0';
}

static void write_sectors(void *user)
{
    (void)user;
    char bytes[SECTORS * PO_POWER_SECTOR_BYTES + 1];
    fill_sectors(bytes, 'n');
    int fd = must_open("f", O_WRONLY);
    must_write(fd, bytes, 0);
    must_close(fd);
}

/* ---- the cut itself ---- */

static void four_operations(void *user)
{
    uint64_t *done = user;
    int fd = must_open("f", O_WRONLY | O_CREAT);
    *done = 1;
    must_write(fd, "x", 0);
    *done = 2;
    check_eq_int(po_sys_fdatasync(fd), 0);
    *done = 3;
    must_sync_root();
    *done = 4;
    must_close(fd);
}

TEST(power__the_child_ends_at_each_operation)
{
    test_power_init(&power);
    uint64_t *done = test_power_shared(sizeof *done);
    check_that(!test_power_run(&power, 0, four_operations, done));
    check_eq_u64(power.shared->op_count, 4);
    for (uint64_t cut_at = 1; cut_at <= 4; cut_at++) {
        test_power_clear(&power);
        *done = 0;
        check_that(test_power_run(&power, cut_at, four_operations, done));
        check_eq_u64(*done, cut_at - 1);
        test_power_restore(&power, PO_POWER_SEED_KEEP_ALL);
        check_eq_cstr(content("f"), cut_at == 1 ? "" : "x");
    }
    check_that(!test_power_run(&power, 5, four_operations, done));
}

TEST(power__a_sync_at_the_cut_has_not_happened)
{
    test_power_init(&power);
    uint64_t *done = test_power_shared(sizeof *done);
    check_that(test_power_run(&power, 4, four_operations, done));
    test_power_restore(&power, PO_POWER_SEED_LOSE_ALL);
    check_eq_cstr(content("f"), "-");
}

TEST(power__fixed_seeds_do_what_they_are_called)
{
    static const struct {
        const char *name;
        uint64_t seed;
        const char *want;
    } rows[] = {
        {"lose all", PO_POWER_SEED_LOSE_ALL, "3:old"},
        {"keep all", PO_POWER_SEED_KEEP_ALL, "3:new"},
        {"names only", PO_POWER_SEED_NAMES_ONLY, "0:"},
        {"data only", PO_POWER_SEED_DATA_ONLY, "3:old"},
        {"sizes only", PO_POWER_SEED_SIZES_ONLY, "3:"},
    };
    test_power_init(&power);
    TEST_EACH(row, rows)
    {
        test_power_clear(&power);
        old_f();
        check_that(!test_power_run(&power, 0, replace_without_any_sync, NULL));
        test_power_restore(&power, row->seed);
        check_eq_cstr(look_size_and_text(), row->want);
    }
}

TEST(power__one_seed_always_gives_one_state)
{
    char old[SECTORS * PO_POWER_SECTOR_BYTES + 1];
    char first[sizeof old];
    fill_sectors(old, 'o');
    test_power_init(&power);
    for (uint64_t seed = 5; seed < 25; seed++) {
        for (int run = 0; run < 3; run++) {
            test_power_clear(&power);
            put_file("f", old);
            check_that(!test_power_run(&power, 0, write_sectors, NULL));
            test_power_restore(&power, seed);
            check_eq_int(size_of("f"), sizeof old - 1);
            if (run == 0) memcpy(first, content("f"), sizeof first);
            check_eq_cstr(content("f"), first);
        }
    }
}

/* ---- the rest of the tree ---- */

static uint64_t inode_of(const char *name)
{
    struct stat st = {0};
    check_eq_int(lstat(in_root(name), &st), 0);
    return st.st_ino;
}

static void busy_tree(void *user)
{
    (void)user;
    int fd = must_open("d/e/deep", O_WRONLY);
    must_write(fd, "changed", 0);
    must_close(fd);
    check_eq_int(po_sys_rename(in_root("d"), in_root("moved")), 0);
    must_sync_root();
}

TEST(power__survivors_keep_their_inodes_modes_and_bytes)
{
    test_power_init(&power);
    check_eq_int(mkdir(in_root("d"), 0750), 0);
    check_eq_int(mkdir(in_root("d/e"), 0500), 0);
    check_eq_int(chmod(in_root("d/e"), 0700), 0);
    test_write_file(in_root("d/e/deep"), "deep", 4);
    test_write_file(in_root("still"), "still", 5);
    check_eq_int(link(in_root("still"), in_root("d/second")), 0);
    check_eq_int(symlink("nowhere", in_root("link")), 0);
    check_eq_int(chmod(in_root("still"), 0440), 0);
    uint64_t inodes[] = {inode_of("d"), inode_of("d/e"), inode_of("d/e/deep"), inode_of("still"),
                         inode_of("link")};
    check_that(!test_power_run(&power, 0, busy_tree, NULL));
    test_power_restore(&power, PO_POWER_SEED_LOSE_ALL);
    check_eq_cstr(content("moved/e/deep"), "deep");
    check_eq_cstr(content("still"), "still");
    check_eq_cstr(content("d"), "-");
    uint64_t now[] = {inode_of("moved"), inode_of("moved/e"), inode_of("moved/e/deep"),
                      inode_of("still"), inode_of("link")};
    check_eq_mem(now, inodes, sizeof now);
    check_eq_u64(inode_of("moved/second"), inode_of("still"));
    struct stat st = {0};
    check_eq_int(lstat(in_root("moved"), &st), 0);
    check_eq_int(st.st_mode & 07777, 0750);
    check_eq_int(lstat(in_root("still"), &st), 0);
    check_eq_int(st.st_mode & 07777, 0440);
    check_that(access(test_tmp("shadow/hold"), F_OK) != 0);
}

static void cross_the_border(void *user)
{
    (void)user;
    check_eq_int(po_sys_rename(in_root("f"), test_tmp("outside")), -1);
    check_eq_int(errno, EXDEV);
    check_eq_int(po_sys_link(in_root("f"), test_tmp("outside")), -1);
    check_eq_int(errno, EXDEV);
    check_eq_int(po_sys_rename_new(test_tmp("other"), in_root("g")), -1);
    check_eq_int(errno, EXDEV);
    int fd = po_sys_open(test_tmp("elsewhere"), O_WRONLY | O_CREAT, 0600);
    check_eq_int(po_sys_write(fd, "x", 1), 1);
    check_eq_int(po_sys_fdatasync(fd), 0);
    must_close(fd);
}

TEST(power__what_is_outside_is_left_alone)
{
    test_power_init(&power);
    old_f();
    test_write_file(test_tmp("other"), "o", 1);
    check_that(!test_power_run(&power, 0, cross_the_border, NULL));
    check_eq_u64(power.shared->op_count, 0);
    test_power_restore(&power, PO_POWER_SEED_LOSE_ALL);
    check_eq_cstr(content("f"), "old");
    check_that(access(test_tmp("elsewhere"), F_OK) == 0);
}

static void sync_f(void *user)
{
    (void)user;
    int fd = po_sys_open(in_root("f"), O_RDWR, 0);
    check_eq_int(po_sys_fdatasync(fd), 0);
    must_close(fd);
}

static void read_f(void *user)
{
    (void)user;
    check_eq_cstr(content("f"), "new");
}

/* What a killed process wrote is there for the next one, and gone with the power unless that one syncs. */
TEST(power__a_kill_keeps_what_is_written_and_syncs_nothing)
{
    static const struct {
        test_power_body next;
        const char *left;
    } rows[] = {{read_f, "old"}, {sync_f, "new"}};
    test_power_init(&power);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_power_clear(&power);
        old_f();
        check_that(!test_power_run(&power, 0, write_unsynced, NULL));
        test_power_kill(&power);
        check_that(!test_power_run(&power, 0, rows[i].next, NULL));
        test_power_restore(&power, PO_POWER_SEED_LOSE_ALL);
        check_eq_cstr(content("f"), rows[i].left);
    }
}

TEST(power__operations_after_a_kill_are_counted_anew)
{
    test_power_init(&power);
    old_f();
    check_that(!test_power_run(&power, 0, write_unsynced, NULL));
    uint64_t ops = power.shared->op_count;
    test_power_kill(&power);
    check_that(!test_power_run(&power, 0, write_unsynced, NULL));
    check_eq_u64(power.shared->op_count, ops);
    test_power_kill(&power);
    check_that(test_power_run(&power, ops, write_unsynced, NULL));
}

TEST(power__start_refuses_bad_places)
{
    test_power_init(&power);
    check_eq_int(symlink("root", test_tmp("link")), 0);
    check_eq_int(mkdir(in_root("inside"), 0700), 0);
    check_fails_leaf(po_power_start(test_tmp("link"), power.shadow, 0), PO_INVALID);
    check_fails_leaf(po_power_start(test_tmp("absent"), power.shadow, 0), PO_INVALID);
    check_fails_leaf(po_power_start(power.root, test_tmp("absent"), 0), PO_INVALID);
    check_fails_leaf(po_power_start(power.root, in_root("inside"), 0), PO_INVALID);
    check_fails_leaf(po_power_start("relative", power.shadow, 0), PO_INVALID);
    check_fails_leaf(po_power_go_on(power.root, power.shadow, 0), PO_INVALID);
}

TEST(power__restore_refuses_a_damaged_journal)
{
    test_power_init(&power);
    old_f();
    check_fails_leaf(po_power_restore(power.root, power.shadow, 1), PO_IO);
    check_that(!test_power_run(&power, 0, write_unsynced, NULL));
    size_t len = 0;
    char *journal = test_read_file(test_tmp("shadow/journal"), &len);
    size_t cuts[] = {1, 10, len / 2 + 1, len - 1};
    for (size_t i = 0; i < 4; i++) {
        test_write_file(test_tmp("shadow/journal"), journal, cuts[i]);
        check_fails_leaf(po_power_restore(power.root, power.shadow, 1), PO_CORRUPT);
    }
    test_write_file(test_tmp("shadow/journal"), "", 0);
    check_fails_leaf(po_power_restore(power.root, power.shadow, 1), PO_CORRUPT);
    free(journal);
    check_eq_cstr(content("f"), "new");
}

#endif

/*
 * The power-cut layer against its own promises: what is synced is never lost, what is not can be lost
 * in every way a disk could lose it, and nothing impossible ever appears.
 */
#include "core/fault.h"
#include "core/fs.h"
#include "core/power.h"
#include "core/sys.h"
#include "core/sys_net.h"
#include "power/power_states.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef PO_FAULTS

static const char *look_f(void) { return content("f"); }

static void old_f(void) { put_file("f", "old"); }

/* ---- contents ---- */

static void write_unsynced(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY);
    must_write(fd, "new", 0);
    must_close(fd);
}

TEST_TIMEOUT(power__an_unsynced_write_is_kept_or_lost, 60)
{
    static const char *const states[] = {"old", "new", NULL};
    check_exactly(write_unsynced, old_f, look_f, states);
}

static void write_synced(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY);
    must_write(fd, "new longer text", 0);
    check_eq_int(po_sys_fdatasync(fd), 0);
    must_close(fd);
}

TEST_TIMEOUT(power__a_synced_write_is_never_lost, 60)
{
    static const char *const states[] = {"new longer text", NULL};
    check_exactly(write_synced, old_f, look_f, states);
}

static void write_twice_in_one_sector(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY);
    must_write(fd, "1", 0);
    must_write(fd, "2", 1);
    must_close(fd);
}

TEST_TIMEOUT(power__one_sector_holds_what_it_once_held, 60)
{
    static const char *const states[] = {"old", "1ld", "12d", NULL};
    check_exactly(write_twice_in_one_sector, old_f, look_f, states);
}

static char three_sectors[3 * PO_POWER_SECTOR_BYTES + 1];

static void old_sectors(void)
{
    memset(three_sectors, 'o', sizeof three_sectors - 1);
    put_file("f", three_sectors);
}

static void write_three_sectors(void *user)
{
    (void)user;
    char bytes[sizeof three_sectors];
    memset(bytes, 'n', sizeof bytes - 1);
    bytes[sizeof bytes - 1] = '\0';
    int fd = must_open("f", O_WRONLY);
    must_write(fd, bytes, 0);
    must_close(fd);
}

static const char *look_sectors(void)
{
    static char state[4];
    const char *bytes = content("f");
    check_eq_u64(strlen(bytes), sizeof three_sectors - 1);
    for (size_t i = 0; i < 3; i++) {
        const char *sector = bytes + i * PO_POWER_SECTOR_BYTES;
        state[i] = sector[0];
        for (size_t j = 0; j < PO_POWER_SECTOR_BYTES; j++)
            check_that(sector[j] == sector[0], "a sector is torn");
    }
    return state;
}

TEST_TIMEOUT(power__a_write_is_torn_between_sectors_in_any_way, 60)
{
    static const char *const states[] = {"ooo", "noo", "ono", "oon", "nno",
                                         "non", "onn", "nnn", NULL};
    check_exactly(write_three_sectors, old_sectors, look_sectors, states);
}

/* ---- sizes ---- */

static void append_unsynced(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY | O_APPEND);
    check_eq_int(po_sys_write(fd, "+++", 3), 3);
    must_close(fd);
}

static const char *look_size_and_zeros(void)
{
    static char state[32];
    const char *bytes = content("f");
    int64_t size = size_of("f");
    (void)snprintf(state, sizeof state, "%d:%.24s", (int)size, bytes);
    return state;
}

TEST_TIMEOUT(power__a_size_may_be_lost_or_kept_without_its_bytes, 60)
{
    /* "6:old" is six bytes, the last three of them zeros. */
    static const char *const states[] = {"3:old", "6:old", "6:old+++", NULL};
    check_exactly(append_unsynced, old_f, look_size_and_zeros, states);
}

static void truncate_and_write(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY | O_TRUNC);
    must_write(fd, "n", 0);
    must_close(fd);
}

TEST_TIMEOUT(power__a_kept_truncation_shows_no_old_bytes, 60)
{
    /* "1:" is one zero byte; never "1:o", the old first byte, nor "3:nld". */
    static const char *const states[] = {"3:old", "0:", "1:", "1:n", NULL};
    check_exactly(truncate_and_write, old_f, look_size_and_zeros, states);
}

static void grow_then_write(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY);
    check_eq_int(po_sys_fallocate(fd, 0, 8), 0);
    check_eq_int(po_sys_fdatasync(fd), 0);
    must_write(fd, "X", 3);
    must_close(fd);
}

TEST_TIMEOUT(power__a_synced_growth_keeps_its_size, 60)
{
    static const char *const states[] = {"8:old", "8:oldX", NULL};
    check_exactly(grow_then_write, old_f, look_size_and_zeros, states);
}

/* ---- names ---- */

static void create_with_synced_bytes(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY | O_CREAT | O_EXCL);
    must_write(fd, "new", 0);
    check_eq_int(po_sys_fsync(fd), 0);
    must_close(fd);
}

TEST_TIMEOUT(power__a_new_name_is_lost_without_a_sync_of_its_directory, 60)
{
    static const char *const states[] = {"-", "new", NULL};
    check_exactly(create_with_synced_bytes, NULL, look_f, states);
}

static void create_and_sync_directory(void *user)
{
    create_with_synced_bytes(user);
    must_sync_root();
}

TEST_TIMEOUT(power__a_synced_name_stays, 60)
{
    static const char *const states[] = {"new", NULL};
    check_exactly(create_and_sync_directory, NULL, look_f, states);
}

static void create_and_sync_all(void *user)
{
    (void)user;
    int fd = po_sys_open(in_root("f"), O_WRONLY | O_CREAT, 0600);
    check_eq_int(po_sys_write(fd, "new", 3), 3);
    check_eq_int(po_sys_close(fd), 0);
    int root = po_sys_open(in_root("."), O_RDONLY | O_DIRECTORY, 0);
    check_eq_int(po_sys_syncfs(root), 0);
    check_eq_int(po_sys_close(root), 0);
}

TEST_TIMEOUT(power__a_synced_file_system_keeps_contents_and_names, 60)
{
    static const char *const states[] = {"new", NULL};
    check_exactly(create_and_sync_all, NULL, look_f, states);
}

static void unlink_f(void *user)
{
    (void)user;
    check_eq_int(po_sys_unlink(in_root("f")), 0);
}

TEST_TIMEOUT(power__a_removed_name_may_come_back, 60)
{
    static const char *const states[] = {"-", "old", NULL};
    check_exactly(unlink_f, old_f, look_f, states);
}

static void unlink_and_sync(void *user)
{
    unlink_f(user);
    must_sync_root();
}

TEST_TIMEOUT(power__a_synced_removal_stays, 60)
{
    static const char *const states[] = {"-", NULL};
    check_exactly(unlink_and_sync, old_f, look_f, states);
}

static void replace_without_any_sync(void *user)
{
    (void)user;
    int fd = must_open("temp", O_WRONLY | O_CREAT | O_EXCL);
    must_write(fd, "new", 0);
    must_close(fd);
    check_eq_int(po_sys_rename(in_root("temp"), in_root("f")), 0);
}

TEST_TIMEOUT(power__a_rename_may_come_before_its_bytes, 60)
{
    /* Old or new name, never neither; the new one without size or without bytes as well. */
    static const char *const states[] = {"3:old", "0:", "3:", "3:new", NULL};
    check_exactly(replace_without_any_sync, old_f, look_size_and_zeros, states);
}

static void replace_with_synced_bytes(void *user)
{
    (void)user;
    int fd = must_open("temp", O_WRONLY | O_CREAT | O_EXCL);
    must_write(fd, "new", 0);
    check_eq_int(po_sys_fdatasync(fd), 0);
    must_close(fd);
    check_eq_int(po_sys_rename(in_root("temp"), in_root("f")), 0);
}

static const char *look_f_and_temp(void)
{
    static char state[64];
    (void)snprintf(state, sizeof state, "%.16s", content("f"));
    size_t len = strlen(state);
    (void)snprintf(state + len, sizeof state - len, "|%.16s", content("temp"));
    return state;
}

TEST_TIMEOUT(power__a_rename_is_undone_whole, 60)
{
    static const char *const states[] = {"old|-", "old|new", "new|-", NULL};
    check_exactly(replace_with_synced_bytes, old_f, look_f_and_temp, states);
}

static void make_dir_with_file(void *user)
{
    (void)user;
    check_eq_int(po_sys_mkdir(in_root("d"), 0700), 0);
    int fd = must_open("d/f", O_WRONLY | O_CREAT);
    must_write(fd, "new", 0);
    check_eq_int(po_sys_fsync(fd), 0);
    must_close(fd);
    int dir = po_sys_open(in_root("d"), O_RDONLY | O_DIRECTORY, 0);
    check_eq_int(po_sys_fsync(dir), 0);
    must_close(dir);
}

static const char *look_dir(void) { return size_of("d") < 0 ? "no d" : content("d/f"); }

TEST_TIMEOUT(power__a_directory_is_lost_with_all_in_it, 60)
{
    static const char *const states[] = {"no d", "new", NULL};
    check_exactly(make_dir_with_file, NULL, look_dir, states);
}

static void move_into_new_dir(void *user)
{
    (void)user;
    check_eq_int(po_sys_mkdir(in_root("d"), 0700), 0);
    check_eq_int(po_sys_rename(in_root("f"), in_root("d/f")), 0);
}

static const char *look_moved(void)
{
    bool is_old = strcmp(content("f"), "old") == 0;
    bool is_new = strcmp(content("d/f"), "old") == 0;
    return is_old && is_new ? "both" : is_old ? "old place" : is_new ? "new place" : "neither";
}

TEST_TIMEOUT(power__a_file_moved_into_a_new_directory_is_never_nowhere, 60)
{
    static const char *const states[] = {"old place", "new place", NULL};
    check_exactly(move_into_new_dir, old_f, look_moved, states);
}

static void add_second_name(void *user)
{
    (void)user;
    check_eq_int(po_sys_link(in_root("f"), in_root("temp")), 0);
    must_sync_root();
    check_eq_int(po_sys_unlink(in_root("f")), 0);
}

TEST_TIMEOUT(power__a_synced_second_name_stays, 60)
{
    static const char *const states[] = {"old|old", "-|old", NULL};
    check_exactly(add_second_name, old_f, look_f_and_temp, states);
}

static void add_symlink(void *user)
{
    (void)user;
    check_eq_int(po_sys_symlink("f", in_root("temp")), 0);
}

TEST_TIMEOUT(power__a_new_link_is_lost_or_kept, 60)
{
    static const char *const states[] = {"old|-", "old|old", NULL};
    check_exactly(add_symlink, old_f, look_f_and_temp, states);
}

/* ---- sockets ---- */

static void bind_socket(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    check_that(strlen(in_root("s")) < sizeof at.sun_path);
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", in_root("s"));
    int fd = po_sys_socket(AF_UNIX, SOCK_STREAM, 0);
    check_eq_int(po_sys_bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    must_close(fd);
}

static void bind_and_make_private(void *user)
{
    (void)user;
    (void)umask(0022);
    bind_socket();
    check_eq_int(po_sys_chmod(in_root("s"), 0600), 0);
}

static void remove_socket(void *user)
{
    (void)user;
    check_eq_int(po_sys_unlink(in_root("s")), 0);
}

static const char *look_socket(void)
{
    static char state[16];
    struct stat st = {0};
    if (lstat(in_root("s"), &st) != 0) return "-";
    check_that(S_ISSOCK(st.st_mode));
    (void)snprintf(state, sizeof state, "%o", st.st_mode & 07777);
    return state;
}

TEST_TIMEOUT(power__a_bound_name_is_lost_or_kept, 60)
{
    static const char *const states[] = {"-", "755", "600", NULL};
    check_exactly(bind_and_make_private, NULL, look_socket, states);
}

TEST_TIMEOUT(power__a_removed_socket_may_come_back, 60)
{
    static const char *const states[] = {"-", "755", NULL};
    (void)umask(0022);
    check_exactly(remove_socket, bind_socket, look_socket, states);
}

/* ---- modes ---- */

static int mode_sync; /* 0 none, 1 fdatasync, 2 fsync */

static void change_mode(void *user)
{
    (void)user;
    int fd = must_open("f", O_RDWR);
    check_eq_int(po_sys_fchmod(fd, 0400), 0);
    if (mode_sync == 1) check_eq_int(po_sys_fdatasync(fd), 0);
    if (mode_sync == 2) check_eq_int(po_sys_fsync(fd), 0);
    must_close(fd);
}

static const char *look_mode(void)
{
    static char state[8];
    struct stat st = {0};
    check_eq_int(lstat(in_root("f"), &st), 0);
    (void)snprintf(state, sizeof state, "%o", st.st_mode & 07777);
    return state;
}

static void old_f_0600(void)
{
    old_f();
    check_eq_int(chmod(in_root("f"), 0600), 0);
}

TEST_TIMEOUT(power__a_mode_needs_fsync, 120)
{
    static const char *const either[] = {"600", "400", NULL};
    static const char *const new_only[] = {"400", NULL};
    for (mode_sync = 0; mode_sync < 3; mode_sync++) {
        check_exactly(change_mode, old_f_0600, look_mode, mode_sync == 2 ? new_only : either);
        test_power_clear(&power);
        check_eq_int(rmdir(power.root), 0);
        check_eq_int(unlink(test_tmp("shadow/journal")), 0);
        check_eq_int(rmdir(power.shadow), 0);
    }
}

/* ---- syncs that fail ---- */

static void sync_fails_then_works(void *user)
{
    (void)user;
    int fd = must_open("f", O_WRONLY);
    must_write(fd, "new", 0);
    po_fault_fail(1, EIO);
    check_eq_int(po_sys_fdatasync(fd), -1);
    po_fault_off();
    check_eq_int(po_sys_fdatasync(fd), 0);
    must_close(fd);
}

TEST_TIMEOUT(power__after_a_failed_sync_a_good_one_promises_nothing, 60)
{
    static const char *const states[] = {"old", "new", NULL};
    check_exactly(sync_fails_then_works, old_f, look_f, states);
}

#endif

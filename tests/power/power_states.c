/*
 * The search over all states a disk may be in after a cut.
 */
#include "power/power_states.h"

#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PO_FAULTS

struct test_power power;

const char *in_root(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", power.root, name);
    return path;
}

const char *content(const char *name)
{
    static char bytes[STATES_FILE_BYTES_MAX + 1];
    int fd = open(in_root(name), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return "-";
    ssize_t len = read(fd, bytes, STATES_FILE_BYTES_MAX);
    check_that(len >= 0);
    bytes[len] = '\0';
    (void)close(fd);
    return bytes;
}

int64_t size_of(const char *name)
{
    struct stat st = {0};
    return lstat(in_root(name), &st) == 0 ? st.st_size : -1;
}

void put_file(const char *name, const char *text)
{
    test_write_file(in_root(name), text, strlen(text));
}

int must_open(const char *name, int flags)
{
    int fd = po_sys_open(in_root(name), flags, 0600);
    check_that(fd >= 0, "opening %s: %d", name, errno);
    return fd;
}

void must_write(int fd, const char *text, off_t offset)
{
    check_eq_int(po_sys_pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
}

void must_sync_root(void)
{
    int fd = po_sys_open(power.root, O_RDONLY | O_DIRECTORY, 0);
    check_eq_int(po_sys_fsync(fd), 0);
    check_eq_int(po_sys_close(fd), 0);
}

void must_close(int fd) { check_eq_int(po_sys_close(fd), 0); }

/* A run without a cut, then the power goes: which of `states` does `look` find over the seeds? */
struct outcomes {
    const char *const *states; /* NULL-terminated */
    states_look look;
    bool seen[16];
};

static void explore(test_power_body body, void (*before)(void), struct outcomes *outcomes)
{
    for (uint64_t seed = 0; seed < STATES_SEEDS; seed++) {
        test_power_clear(&power);
        if (before != NULL) before();
        check_that(!test_power_run(&power, 0, body, NULL));
        test_power_restore(&power, seed);
        const char *state = outcomes->look();
        size_t i = 0;
        while (outcomes->states[i] != NULL && strcmp(outcomes->states[i], state) != 0)
            i++;
        check_that(outcomes->states[i] != NULL, "seed %d: '%.80s' is not possible", (int)seed,
                   state);
        outcomes->seen[i] = true;
    }
}

void check_exactly(test_power_body body, void (*before)(void), states_look look,
                   const char *const *states)
{
    struct outcomes outcomes = {.states = states, .look = look};
    test_power_init(&power);
    explore(body, before, &outcomes);
    for (size_t i = 0; states[i] != NULL; i++)
        check_that(outcomes.seen[i], "'%.80s' never came in %d seeds", states[i], STATES_SEEDS);
}

#endif

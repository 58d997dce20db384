#include "core/secret.h"

#include "core/random.h"
#include "lib/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET PO_CLEANUP(po_secret_freep) struct po_secret

TEST(secret__holds_a_copy)
{
    TEST_CX(cx);
    char bytes[] = "s3cr3t";
    SECRET *secret = NULL;
    check_ok(cx, po_secret_new(cx, po_str_of(bytes), &secret));
    po_wipe(bytes, sizeof bytes);
    check_eq_str(po_secret_bytes(secret), "s3cr3t");
    check_eq_mem(bytes, "\0\0\0\0\0\0\0", sizeof bytes);
}

TEST(secret__has_a_size_from_1_to_4096)
{
    TEST_CX(cx);
    static char bytes[PO_SECRET_BYTES_MAX + 1];
    SECRET *none = NULL;
    check_fails(cx, po_secret_new(cx, po_str_n(bytes, sizeof bytes), &none), PO_LIMIT);
    check_fails(cx, po_secret_new(cx, PO_LIT(""), &none), PO_INVALID);
    check_fails(cx, po_secret_random(cx, sizeof bytes, &none), PO_LIMIT);
    check_fails(cx, po_secret_random(cx, 0, &none), PO_INVALID);
    check_that(none == NULL);
    SECRET *one = NULL;
    SECRET *most = NULL;
    check_ok(cx, po_secret_new(cx, po_str_n("x", 1), &one));
    check_ok(cx, po_secret_new(cx, po_str_n(bytes, PO_SECRET_BYTES_MAX), &most));
    check_eq_u64(po_secret_bytes(most).len, PO_SECRET_BYTES_MAX);
}

TEST(secret__compares_content)
{
    TEST_CX(cx);
    SECRET *a = NULL;
    SECRET *same = NULL;
    SECRET *other = NULL;
    SECRET *longer = NULL;
    check_ok(cx, po_secret_new(cx, PO_LIT("abc"), &a));
    check_ok(cx, po_secret_new(cx, PO_LIT("abc"), &same));
    check_ok(cx, po_secret_new(cx, PO_LIT("abd"), &other));
    check_ok(cx, po_secret_new(cx, PO_LIT("abcd"), &longer));
    check_that(po_secret_eq(a, same));
    check_that(!po_secret_eq(a, other));
    check_that(!po_secret_eq(a, longer));
}

TEST(secret__random_ones_differ)
{
    TEST_CX(cx);
    SECRET *a = NULL;
    SECRET *b = NULL;
    check_ok(cx, po_secret_random(cx, 32, &a));
    check_ok(cx, po_secret_random(cx, 32, &b));
    check_eq_u64(po_secret_bytes(a).len, 32);
    check_that(!po_secret_eq(a, b));
    po_random_seed_for_test(9);
    SECRET *c = NULL;
    check_ok(cx, po_secret_random(cx, 32, &c));
    po_random_seed_for_test(9);
    SECRET *d = NULL;
    check_ok(cx, po_secret_random(cx, 32, &d));
    check_that(po_secret_eq(c, d));
}

/* Touch the byte at `offset` in a child; whether the child lived. */
static bool survives_touch(const struct po_secret *secret, ptrdiff_t offset, bool is_write)
{
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        uintptr_t address = (uintptr_t)po_secret_bytes(secret).ptr + (uintptr_t)offset;
        volatile char *at = (volatile char *)address;
        if (is_write) *at = 'x';
        volatile char got = *at;
        (void)got;
        _exit(0);
    }
    int status = 0;
    check_that(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(secret__cannot_be_changed_or_read_past_its_end)
{
    TEST_CX(cx);
    SECRET *secret = NULL;
    check_ok(cx, po_secret_random(cx, 32, &secret));
    check_that(survives_touch(secret, 0, false));
    check_that(survives_touch(secret, 31, false));
    check_that(!survives_touch(secret, 32, false));
    check_that(!survives_touch(secret, 0, true));
    check_that(!survives_touch(secret, 31, true));
}

/* The flags the kernel shows for the mapping that holds `address`. */
static void find_vm_flags(uintptr_t address, char flags[static 256])
{
    FILE *file = fopen("/proc/self/smaps", "re");
    check_that(file != NULL);
    char line[512];
    bool is_inside = false;
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned long from = 0;
        unsigned long to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) is_inside = address >= from && address < to;
        if (is_inside && strncmp(line, "VmFlags:", 8) == 0)
            (void)snprintf(flags, 256, "%.250s", line);
    }
    (void)fclose(file);
}

TEST(secret__is_left_out_of_core_dumps)
{
    TEST_CX(cx);
    SECRET *secret = NULL;
    char flags[256] = {0};
    check_ok(cx, po_secret_random(cx, 32, &secret));
    find_vm_flags((uintptr_t)po_secret_bytes(secret).ptr, flags);
    check_contains(flags, " dd");
}

TEST(secret__free_takes_null)
{
    struct po_secret *secret = NULL;
    po_secret_freep(&secret);
    po_secret_free(NULL);
    check_that(secret == NULL);
    po_wipe(NULL, 0);
}

TEST_FAULTS(secret__fails_cleanly)
{
    TEST_CX(cx);
    SECRET *a = NULL;
    SECRET *b = NULL;
    po_rc rc = po_secret_new(cx, PO_LIT("abc"), &a);
    check_that(po_is_ok(rc) == (a != NULL));
    check_that(po_is_ok(rc) || rc.code == PO_NOMEM);
    if (!test_survived(rc)) return;
    rc = po_secret_random(cx, 32, &b);
    check_that(po_is_ok(rc) == (b != NULL));
    check_that(po_is_ok(rc) || rc.code == PO_NOMEM || rc.code == PO_IO);
    if (!test_survived(rc)) return;
    check_eq_str(po_secret_bytes(a), "abc");
}

#include "core/arena.h"

#include "lib/test.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHES_FREED_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHES_FREED_MEMORY
#endif
#endif

#define ARENA PO_CLEANUP(po_arena_freep) struct po_arena

TEST(arena__memory_is_zeroed_aligned_and_apart)
{
    ARENA *arena = po_arena_new((size_t)1 << 20);
    check_that(arena != NULL);
    unsigned char *all[300];
    for (size_t i = 0; i < 300; i++) {
        all[i] = po_arena_alloc(arena, i + 1, 1);
        check_that(all[i] != NULL);
        check_eq_u64((uintptr_t)all[i] % 16, 0);
        for (size_t k = 0; k <= i; k++)
            check_that(all[i][k] == 0);
        memset(all[i], (int)(i & 0xff), i + 1);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k <= i; k++)
            check_eq_u64(all[i][k], i & 0xff);
}

TEST(arena__hands_out_up_to_its_limit)
{
    ARENA *arena = po_arena_new(64);
    check_that(po_arena_alloc(arena, 1, 65) == NULL);
    check_that(po_arena_alloc(arena, 1, 48) != NULL);
    check_eq_u64(po_arena_used_bytes(arena), 48);
    check_that(po_arena_alloc(arena, 1, 17) == NULL);
    check_that(po_arena_alloc(arena, 1, 16) != NULL);
    check_that(po_arena_alloc(arena, 1, 1) == NULL);
    check_eq_u64(po_arena_used_bytes(arena), 64);
}

TEST(arena__counts_small_requests_in_steps_of_16)
{
    ARENA *arena = po_arena_new(1024);
    check_that(po_arena_alloc(arena, 1, 1) != NULL);
    check_that(po_arena_alloc(arena, 17, 1) != NULL);
    check_eq_u64(po_arena_used_bytes(arena), 48);
    check_eq_u64(po_arena_used_bytes(NULL), 0);
}

TEST(arena__refuses_overflow)
{
    ARENA *arena = po_arena_new(SIZE_MAX);
    check_that(po_arena_alloc(arena, SIZE_MAX / 2, 3) == NULL);
    check_that(po_arena_alloc(arena, SIZE_MAX, 1) == NULL);
    check_that(po_arena_alloc(arena, SIZE_MAX - 20, 1) == NULL);
    check_that(po_arena_strdup(arena, po_str_n("x", SIZE_MAX)) == NULL);
    check_that(po_arena_alloc(NULL, 1, 1) == NULL);
    check_eq_u64(po_arena_used_bytes(arena), 0);
}

TEST(arena__nothing_is_still_a_place)
{
    ARENA *arena = po_arena_new(64);
    check_that(po_arena_alloc(arena, 0, 8) != NULL);
    check_that(po_arena_alloc(arena, 8, 0) != NULL);
}

TEST(arena__big_and_small_requests_mix)
{
    ARENA *arena = po_arena_new((size_t)8 << 20);
    for (size_t i = 0; i < 40; i++) {
        char *small = po_arena_alloc(arena, 3, 8);
        char *big = po_arena_alloc(arena, 1, (size_t)100 << 10);
        check_that(small != NULL && big != NULL);
        memset(small, 1, 24);
        memset(big, 2, (size_t)100 << 10);
    }
}

TEST(arena__copies_are_terminated)
{
    ARENA *arena = po_arena_new(1024);
    char *text = po_arena_strdup(arena, po_str_n("hello there", 5));
    check_eq_cstr(text, "hello");
    check_eq_cstr(po_arena_strdup(arena, (po_str){NULL, 0}), "");
    po_str copy = {0};
    check_ok_leaf(po_arena_copy(arena, po_str_n("a\0b", 3), &copy));
    check_eq_postr(copy, po_str_n("a\0b", 3));
    check_that(copy.ptr[3] == '\0');
}

TEST(arena__copy_beyond_the_limit_is_nomem)
{
    ARENA *arena = po_arena_new(16);
    po_str copy = PO_LIT("untouched");
    check_fails_leaf(po_arena_copy(arena, PO_LIT("0123456789abcdef"), &copy), PO_NOMEM);
    check_eq_str(copy, "untouched");
}

TEST(arena__printf_formats_up_to_64_kib)
{
    ARENA *arena = po_arena_new((size_t)1 << 20);
    check_eq_cstr(po_arena_printf(arena, "%s-%d", "a", 7), "a-7");
    check_that(po_arena_printf(arena, "%65536d", 1) != NULL);
    check_that(po_arena_printf(arena, "%65537d", 1) == NULL);
    ARENA *tiny = po_arena_new(16);
    check_eq_cstr(po_arena_printf(tiny, "%s", "0123456789abcde"), "0123456789abcde");
    check_that(po_arena_printf(tiny, "%s", "x") == NULL);
}

TEST(arena__free_takes_null)
{
    struct po_arena *none = NULL;
    po_arena_freep(&none);
    check_that(none == NULL);
}

#ifndef WATCHES_FREED_MEMORY
/* Looks at freed memory on purpose: the allocator overwrites at most the block's first 32 bytes. */
TEST(arena__free_wipes_what_was_handed_out)
{
    struct po_arena *arena = po_arena_new(4096);
    char *bytes = po_arena_alloc(arena, 256, 1);
    memset(bytes, 'S', 256);
    volatile uintptr_t address = (uintptr_t)bytes;
    po_arena_free(arena);
    const volatile char *gone = (const volatile char *)address;
    size_t left = 0;
    for (size_t i = 0; i < 256; i++)
        left += gone[i] == 'S' ? 1 : 0;
    check_eq_u64(left, 0);
}
#endif

TEST_FAULTS(arena__survives_failing_allocations)
{
    ARENA *arena = po_arena_new((size_t)1 << 20);
    if (!test_survived_ptr(arena)) return;
    for (size_t i = 0; i < 4; i++) {
        char *bytes = po_arena_alloc(arena, 1000, 10);
        if (!test_survived_ptr(bytes)) return;
        memset(bytes, 'x', 10000);
    }
    po_str copy = {0};
    if (!test_survived(po_arena_copy(arena, PO_LIT("abc"), &copy))) return;
    if (!test_survived_ptr(po_arena_printf(arena, "%d", 5))) return;
    test_faults_off();
    check_eq_str(copy, "abc");
}

TEST_FAULTS(arena__a_failed_allocation_does_not_count)
{
    ARENA *arena = po_arena_new((size_t)1 << 20);
    if (!test_survived_ptr(arena)) return;
    char *first = po_arena_alloc(arena, 1, 32);
    size_t used = po_arena_used_bytes(arena);
    check_eq_u64(used, first == NULL ? 0 : 32);
    char *second = po_arena_alloc(arena, 1, (size_t)64 << 10);
    check_eq_u64(po_arena_used_bytes(arena), used + (second == NULL ? 0 : (size_t)64 << 10));
    check_that((first != NULL && second != NULL) || test_fault_fired());
}

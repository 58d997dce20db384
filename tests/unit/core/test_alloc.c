#include "core/alloc.h"

#include "lib/test.h"

#include <string.h>

TEST(alloc__gives_zeroed_memory)
{
    PO_CLEANUP(po_freep) unsigned char *bytes = po_calloc(16, 256);
    check_that(bytes != NULL);
    for (size_t i = 0; i < (size_t)16 * 256; i++)
        check_that(bytes[i] == 0);
}

TEST(alloc__refuses_overflow_and_nothing)
{
    volatile size_t huge = SIZE_MAX / 2 + 1;
    volatile size_t zero = 0;
    check_that(po_calloc(huge, 2) == NULL);
    check_that(po_calloc(huge, huge) == NULL);
    check_that(po_calloc(zero, 8) == NULL);
    check_that(po_calloc(8, zero) == NULL);
    check_that(po_realloc(NULL, zero) == NULL);
    check_that(po_calloc(1, PO_ALLOC_BYTES_MAX + 1) == NULL);
    check_that(po_realloc(NULL, PO_ALLOC_BYTES_MAX + 1) == NULL);
}

TEST(alloc__realloc_keeps_content)
{
    char *bytes = po_realloc(NULL, 4);
    check_that(bytes != NULL);
    memcpy(bytes, "abc", 4);
    char *more = po_realloc(bytes, 4096);
    check_that(more != NULL);
    check_eq_cstr(more, "abc");
    po_free(more);
}

TEST(alloc__freep_sets_the_pointer_to_null)
{
    char *bytes = po_calloc(1, 8);
    po_freep(&bytes);
    check_that(bytes == NULL);
    po_freep(&bytes);
    po_free(NULL);
}

TEST_FAULTS(alloc__failure_leaves_the_old_block)
{
    PO_CLEANUP(po_freep) char *bytes = po_calloc(1, 4);
    if (!test_survived_ptr(bytes)) return;
    memcpy(bytes, "abc", 4);
    char *more = po_realloc(bytes, 64);
    if (more != NULL) bytes = more;
    check_that(more != NULL || test_fault_fired());
    check_eq_cstr(bytes, "abc");
}

/*
 * The only callers of malloc, calloc, realloc and free.
 */
#include "core/alloc.h"

#include "core/fault.h"

#include <stdlib.h>
#include <string.h>

void *po_calloc(size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total)) return NULL;
    if (total == 0 || total > PO_ALLOC_BYTES_MAX) return NULL;
    if (po_fault_check(PO_FAULT_ALLOC, "calloc")) return NULL;
    return calloc(count, size);
}

void *po_realloc(void *ptr, size_t size)
{
    if (size == 0 || size > PO_ALLOC_BYTES_MAX) return NULL;
    if (po_fault_check(PO_FAULT_ALLOC, "realloc")) return NULL;
    return realloc(ptr, size);
}

void po_free(void *ptr) { free(ptr); }

void po_freep(void *ptr_to_ptr)
{
    void *ptr = NULL;
    memcpy(&ptr, ptr_to_ptr, sizeof ptr);
    free(ptr);
    ptr = NULL;
    memcpy(ptr_to_ptr, &ptr, sizeof ptr);
}

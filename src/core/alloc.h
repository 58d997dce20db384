/*
 * The only callers of malloc. Every allocation can be made to fail by po_fault (fault.h).
 */
#ifndef PO_CORE_ALLOC_H
#define PO_CORE_ALLOC_H

#include "core/err.h"

/* No single block is larger than this: such a size is a mistake, never a need. */
#define PO_ALLOC_BYTES_MAX ((size_t)1 << 36)

/* Zeroed; NULL on overflow, above PO_ALLOC_BYTES_MAX or out of memory. Never give 0. */
void *po_calloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
/* Grows or shrinks; new bytes are not zeroed; the old block stays on failure (NULL). */
void *po_realloc(void *ptr, size_t size) __attribute__((alloc_size(2)));
void po_free(void *ptr);
/* For PO_CLEANUP on a `void *`-like variable holding po_calloc memory. */
void po_freep(void *ptr_to_ptr);

#endif

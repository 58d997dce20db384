/*
 * Arena: memory of one request, released (and wiped) all at once.
 *
 * Allocations are zeroed and 16-byte aligned. Builds with PO_TRAP give each allocation its own
 * malloc so that sanitizers see overruns.
 *
 * Limits   total bytes handed out, given at construction
 * Cost     about 10 ns an allocation; freeing wipes what was used
 */
#ifndef PO_CORE_ARENA_H
#define PO_CORE_ARENA_H

#include "core/err.h"
#include "core/str.h"

struct po_arena;

/* NULL when memory is out. */
struct po_arena *po_arena_new(size_t limit_bytes);
void po_arena_free(struct po_arena *arena);
void po_arena_freep(struct po_arena **arena);

/* Zeroed memory for count * size bytes; NULL beyond the limit, on overflow or out of memory. */
void *po_arena_alloc(struct po_arena *arena, size_t count, size_t size);
/* NUL-terminated copy of `s`; NULL as above. */
char *po_arena_strdup(struct po_arena *arena, po_str s);
/* Copy as po_str; PO_NOMEM beyond the limit. */
PO_RC po_arena_copy(struct po_arena *arena, po_str s, po_str *ret_copy);
/* printf into the arena, at most 64 KiB; NULL on failure. */
const char *po_arena_printf(struct po_arena *arena, const char *fmt, ...) PO_PRINTF(2, 3);
size_t po_arena_used_bytes(const struct po_arena *arena);

#endif

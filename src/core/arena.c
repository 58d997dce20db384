/*
 * Arena: a chain of blocks, newest first, each with the bytes it has handed out.
 *
 * Invariants
 *   1. `used` is the sum of what was handed out, rounded up to ALIGN_BYTES each; it never exceeds
 *      `limit`.
 *   2. Bytes of a block beyond its `used` were never handed out and are zero.
 *   3. With PO_TRAP a block holds exactly one allocation, so its end is the end of the heap block.
 */
#include "core/arena.h"

#include "core/alloc.h"
#include "core/secret.h"

#include <stdarg.h>
#include <stdio.h>

#define ALIGN_BYTES 16
#define PRINTF_BYTES_MAX ((size_t)64 << 10)
#ifndef PO_TRAP
#define CHUNK_BYTES_MIN ((size_t)4 << 10)
#define CHUNK_BYTES_MAX ((size_t)256 << 10)
#endif

struct block {
    struct block *next;
    size_t used;
    size_t cap;
    size_t padding_; /* keeps `bytes` aligned */
    unsigned char bytes[] __attribute__((aligned(ALIGN_BYTES)));
};

struct po_arena {
    struct block *newest;
    size_t limit;
    size_t used;
};

struct po_arena *po_arena_new(size_t limit_bytes)
{
    struct po_arena *arena = po_calloc(1, sizeof *arena);
    if (arena != NULL) arena->limit = limit_bytes;
    return arena;
}

void po_arena_free(struct po_arena *arena)
{
    if (arena == NULL) return;
    struct block *block = arena->newest;
    while (block != NULL) {
        struct block *next = block->next;
        po_wipe(block->bytes, block->used);
        po_free(block);
        block = next;
    }
    po_free(arena);
}

void po_arena_freep(struct po_arena **arena)
{
    po_arena_free(*arena);
    *arena = NULL;
}

/* Put a fresh block with room for `bytes` at the front. */
static struct block *add_block(struct po_arena *arena, size_t bytes)
{
    size_t cap = bytes;
#ifndef PO_TRAP
    size_t chunk = arena->newest == NULL ? CHUNK_BYTES_MIN : 2 * arena->newest->cap;
    if (chunk > CHUNK_BYTES_MAX) chunk = CHUNK_BYTES_MAX;
    if (cap < chunk) cap = chunk;
#endif
    size_t total = 0;
    if (__builtin_add_overflow(cap, sizeof(struct block), &total)) return NULL;
    struct block *block = po_calloc(1, total);
    if (block == NULL) return NULL;
    block->cap = cap;
    block->next = arena->newest;
    arena->newest = block;
    return block;
}

void *po_arena_alloc(struct po_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (arena == NULL || __builtin_mul_overflow(count, size, &bytes)) return NULL;
    if (bytes == 0) bytes = 1;
    if (bytes > arena->limit) return NULL; /* also keeps the rounding below from overflowing */
    size_t rounded = (bytes + (ALIGN_BYTES - 1)) & ~(size_t)(ALIGN_BYTES - 1);
    if (rounded < bytes || rounded > arena->limit - arena->used) return NULL;
#ifdef PO_TRAP
    struct block *block = add_block(arena, bytes);
    size_t step = bytes;
#else
    struct block *block = arena->newest;
    if (block == NULL || block->cap - block->used < rounded) block = add_block(arena, rounded);
    size_t step = rounded;
#endif
    if (block == NULL) return NULL;
    void *ptr = block->bytes + block->used;
    block->used += step;
    arena->used += rounded;
    return ptr;
}

char *po_arena_strdup(struct po_arena *arena, po_str s)
{
    if (s.len == SIZE_MAX) return NULL;
    char *copy = po_arena_alloc(arena, s.len + 1, 1);
    if (copy != NULL && s.len != 0) memcpy(copy, s.ptr, s.len);
    return copy;
}

po_rc po_arena_copy(struct po_arena *arena, po_str s, po_str *ret_copy)
{
    char *copy = po_arena_strdup(arena, s);
    if (copy == NULL) return po_rc_of(PO_NOMEM);
    *ret_copy = po_str_n(copy, s.len);
    return po_rc_ok();
}

const char *po_arena_printf(struct po_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len > PRINTF_BYTES_MAX) return NULL;
    char *text = po_arena_alloc(arena, (size_t)len + 1, 1);
    if (text == NULL) return NULL;
    va_start(args, fmt);
    int again = vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return again == len ? text : NULL;
}

size_t po_arena_used_bytes(const struct po_arena *arena) { return arena == NULL ? 0 : arena->used; }

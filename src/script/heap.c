/*
 * Heap of one run: bump allocation in chunks, big blocks apart, everything released at the end.
 *
 * Invariant  used <= limit, where used counts every chunk and block ever taken.
 */
#include "script/vm_priv.h"

#include "core/alloc.h"

/* Charge `more` bytes; false when the budget has not so many left. */
static bool take(struct po_vm *vm, size_t more)
{
    struct po_heap *heap = &vm->heap;
    if (more <= po_heap_left(vm)) {
        heap->used += more;
        return true;
    }
    /* The message lives in the fault itself: a limit that was met before keeps its own. */
    if (vm->fault.kind != NULL && vm->fault.is_limit) return false;
    (void)po_raise(vm, "MemoryLimit", "memory limit exceeded: %zu bytes wanted, %zu left", more,
                   po_heap_left(vm));
    vm->fault.is_limit = true;
    return false;
}

static void *no_memory(struct po_vm *vm)
{
    vm->heap.is_out_of_memory = true;
    (void)po_raise_limit(vm, "MemoryLimit", "out of memory");
    return NULL;
}

size_t po_heap_left(const struct po_vm *vm) { return (size_t)(vm->heap.limit - vm->heap.used); }

uint32_t po_heap_next_cap(const struct po_vm *vm, uint32_t cap, size_t item_size)
{
    size_t left = po_heap_left(vm);
    size_t now = cap * item_size;
    if (now <= PO_BIG_BYTES / 2 || now <= left) return cap * 2;
    size_t more = left / 2 / item_size;
    return cap + (more > 0 ? (uint32_t)more : 1);
}

static struct po_block *add_block(struct po_vm *vm, size_t size)
{
    struct po_heap *heap = &vm->heap;
    if (!take(vm, size)) return NULL;
    struct po_block *block = po_calloc(1, sizeof *block + size);
    if (block == NULL) return no_memory(vm);
    block->size = size;
    block->next = heap->blocks;
    if (heap->blocks != NULL) heap->blocks->prev = block;
    heap->blocks = block;
    return block;
}

static size_t next_chunk(struct po_heap *heap)
{
    if (heap->chunk == 0) heap->chunk = PO_BIG_BYTES;
    size_t size = heap->chunk;
    size_t max =
        heap->limit / 32 < ((size_t)1 << 18) ? (size_t)(heap->limit / 32) : (size_t)1 << 18;
    if (heap->chunk * 2 <= max) heap->chunk *= 2;
    return size;
}

void *po_heap_alloc(struct po_vm *vm, size_t size)
{
    struct po_heap *heap = &vm->heap;
    size = size == 0 ? 16 : (size + 15) & ~(size_t)15;
    if ((size_t)(heap->end - heap->at) >= size) {
        void *mem = heap->at;
        heap->at += size;
        return mem;
    }
    if (size > PO_BIG_BYTES / 2) {
        struct po_block *block = add_block(vm, size);
        return block != NULL ? block + 1 : NULL;
    }
    struct po_block *block = add_block(vm, next_chunk(heap));
    if (block == NULL) return NULL;
    heap->at = (char *)(block + 1) + size;
    heap->end = (char *)(block + 1) + block->size;
    return block + 1;
}

/* Blocks of their own are those over half of PO_BIG_BYTES; they grow by realloc. */
static void *grow_block(struct po_vm *vm, void *old, size_t size)
{
    struct po_heap *heap = &vm->heap;
    struct po_block *block = (struct po_block *)old - 1;
    if (!take(vm, size - block->size)) return NULL;
    struct po_block *moved = po_realloc(block, sizeof *block + size);
    if (moved == NULL) return no_memory(vm);
    moved->size = size;
    if (moved->prev != NULL) moved->prev->next = moved;
    if (moved->next != NULL) moved->next->prev = moved;
    if (heap->blocks == block) heap->blocks = moved;
    return moved + 1;
}

void *po_heap_grow(struct po_vm *vm, void *old, size_t old_size, size_t size)
{
    struct po_heap *heap = &vm->heap;
    size_t old_full = (old_size + 15) & ~(size_t)15;
    bool is_last = old != NULL && (char *)old + old_full == heap->at;
    size_t more = size > old_full ? ((size - old_full) + 15) & ~(size_t)15 : 0;
    bool is_big = old_full > PO_BIG_BYTES / 2;
    if (is_last && !is_big && (size_t)(heap->end - heap->at) >= more && size <= PO_BIG_BYTES / 2) {
        heap->at += more;
        return old;
    }
    if (is_big) return grow_block(vm, old, size);
    bool goes_apart = size > PO_BIG_BYTES / 2;
    void *mem = NULL;
    if (goes_apart) {
        struct po_block *block = add_block(vm, (size + 15) & ~(size_t)15);
        mem = block != NULL ? block + 1 : NULL;
    } else {
        mem = po_heap_alloc(vm, size);
    }
    if (mem != NULL && old_size > 0) po_copy(mem, old, old_size);
    return mem;
}

char *po_heap_str(struct po_vm *vm, size_t len)
{
    static char nothing[1]; /* never written */
    struct po_heap *heap = &vm->heap;
    if (len == 0) return nothing;
    if ((size_t)(heap->str_end - heap->str_at) >= len) {
        char *s = heap->str_at;
        heap->str_at += len;
        return s;
    }
    if (len > PO_STR_LEN_MAX) {
        (void)po_raise_limit(vm, "MemoryLimit", "string too long");
        return NULL;
    }
    if (len > PO_BIG_BYTES / 2) {
        struct po_block *block = add_block(vm, len);
        return block != NULL ? (char *)(block + 1) : NULL;
    }
    struct po_block *block = add_block(vm, next_chunk(heap));
    if (block == NULL) return NULL;
    heap->str_at = (char *)(block + 1) + len;
    heap->str_end = (char *)(block + 1) + block->size;
    return (char *)(block + 1);
}

char *po_heap_extend(struct po_vm *vm, const char *a, size_t a_len, size_t len)
{
    struct po_heap *heap = &vm->heap;
    if (a + a_len == heap->str_at && (size_t)(heap->str_end - heap->str_at) >= len) {
        char *s = heap->str_at;
        heap->str_at += len;
        return s;
    }
    for (size_t i = 0; i < 4; i++) {
        bool fits =
            a + a_len == heap->open[i].at && (size_t)(heap->open[i].end - heap->open[i].at) >= len;
        if (!fits) continue;
        char *s = heap->open[i].at;
        heap->open[i].at += len;
        return s;
    }
    return NULL;
}

void po_heap_done(struct po_heap *heap)
{
    struct po_block *block = heap->blocks;
    while (block != NULL) {
        struct po_block *next = block->next;
        po_free(block);
        block = next;
    }
    heap->blocks = NULL;
}

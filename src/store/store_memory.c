/*
 * SQLite's memory through core/alloc in builds with fault injection, so that each of its
 * allocations can be made to fail; its own allocator elsewhere.
 */
#include "core/alloc.h"
#include "store/store_priv.h"

#ifdef PO_FAULTS

/* Before each block stands its size: SQLite asks for it. */
#define HEAD_BYTES 16

static void *memory_alloc(int size)
{
    char *block = po_realloc(NULL, (size_t)size + HEAD_BYTES);
    if (block == NULL) return NULL;
    memcpy(block, &size, sizeof size);
    return block + HEAD_BYTES;
}

static void memory_free(void *ptr)
{
    if (ptr != NULL) po_free((char *)ptr - HEAD_BYTES);
}

static int memory_size(void *ptr)
{
    int size = 0;
    if (ptr != NULL) memcpy(&size, (char *)ptr - HEAD_BYTES, sizeof size);
    return size;
}

static void *memory_realloc(void *ptr, int size)
{
    if (ptr == NULL) return memory_alloc(size);
    char *block = po_realloc((char *)ptr - HEAD_BYTES, (size_t)size + HEAD_BYTES);
    if (block == NULL) return NULL;
    memcpy(block, &size, sizeof size);
    return block + HEAD_BYTES;
}

static int memory_roundup(int size) { return (size + 7) & ~7; }

static int memory_start(void *unused)
{
    (void)unused;
    return SQLITE_OK;
}

static void memory_stop(void *unused) { (void)unused; }

int po_store_memory_configure(void)
{
    static const sqlite3_mem_methods methods = {
        .xMalloc = memory_alloc,
        .xFree = memory_free,
        .xRealloc = memory_realloc,
        .xSize = memory_size,
        .xRoundup = memory_roundup,
        .xInit = memory_start,
        .xShutdown = memory_stop,
    };
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

#else

int po_store_memory_configure(void) { return SQLITE_OK; }

#endif

/*
 * SQLite's memory, watched: what it could not have is counted. In builds with fault injection it comes
 * through core/alloc, so that each of its allocations can be made to fail; elsewhere from SQLite's own
 * allocator.
 */
#include "core/alloc.h"
#include "store/store_priv.h"

#include <stdatomic.h>

/* Blocks that SQLite asked for and did not get: it may say so only in what it finds. */
static atomic_uint_fast64_t failed;

uint64_t po_store_memory_failures(void) { return failed; }

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

static int find_methods(sqlite3_mem_methods *methods)
{
    *methods = (sqlite3_mem_methods){
        .xMalloc = memory_alloc,
        .xFree = memory_free,
        .xRealloc = memory_realloc,
        .xSize = memory_size,
        .xRoundup = memory_roundup,
        .xInit = memory_start,
        .xShutdown = memory_stop,
    };
    return SQLITE_OK;
}

#else

static int find_methods(sqlite3_mem_methods *methods)
{
    return sqlite3_config(SQLITE_CONFIG_GETMALLOC, methods);
}

#endif

static sqlite3_mem_methods beneath;

static void *watched_alloc(int size)
{
    void *ptr = beneath.xMalloc(size);
    if (ptr == NULL) failed++;
    return ptr;
}

static void *watched_realloc(void *old, int size)
{
    void *ptr = beneath.xRealloc(old, size);
    if (ptr == NULL) failed++;
    return ptr;
}

int po_store_memory_configure(void)
{
    int rc = find_methods(&beneath);
    if (rc != SQLITE_OK) return rc;
    sqlite3_mem_methods watched = beneath;
    watched.xMalloc = watched_alloc;
    watched.xRealloc = watched_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &watched);
}

/*
 * What a pack brings from outside: its manifest, the headers of its tar, the paths in both.
 *
 * The first byte chooses: even, the rest is a manifest; odd, the rest is a tar. A manifest that parses
 * must be written again as the very bytes; a header that parses must be the one we would have written.
 */
#include "core/ctx.h"
#include "evidence/pack_priv.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>

#define BLOCK 512

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void check_paths(const struct po_pack_manifest *manifest)
{
    for (size_t i = 0; i < manifest->file_count; i++) {
        po_str path = manifest->files[i].path;
        require(po_pack_path_is_fine(path) && path.len <= PO_PACK_PATH_BYTES_MAX);
        require(path.ptr[0] != '/');
        if (i > 0) require(po_str_cmp(manifest->files[i - 1].path, path) < 0);
    }
}

static void check_manifest(po_str in)
{
    PO_CTX_AUTO cx = {0};
    struct po_pack_manifest manifest;
    PO_BUF_AUTO out;
    po_buf_init(&out, (size_t)8 << 20);
    if (!po_is_ok(po_ctx_init(&cx))) return;
    if (!po_is_ok(po_pack_manifest_parse(&cx, in, &manifest))) return;
    check_paths(&manifest);
    require(po_is_ok(po_pack_manifest_write(&cx, &manifest, &out)));
    require(po_str_eq(po_buf_str(&out), in));
}

static bool is_same_header(po_str header, const struct po_tar_entry *entry)
{
    /* The time is the only field that the entry does not give back. */
    int64_t mtime_s = 0;
    for (size_t i = 136; i < 147; i++)
        mtime_s = mtime_s << 3 | (int64_t)(header.ptr[i] - '0');
    PO_BUF_AUTO again;
    po_buf_init(&again, BLOCK);
    if (!po_is_ok(po_tar_header(&again, entry->path, entry->bytes, mtime_s))) return false;
    return po_str_eq(po_buf_str(&again), header);
}

static void check_tar(po_str in)
{
    uint64_t offset = 0;
    while (in.len >= BLOCK && offset <= in.len - BLOCK) {
        char path[257];
        bool is_end = false;
        struct po_tar_entry entry = {.path = PO_LIT("")};
        uint64_t before = offset;
        po_str header = po_str_n(in.ptr + offset, BLOCK);
        if (!po_is_ok(po_tar_parse(header, &offset, &entry, &is_end, path)) || is_end) return;
        require(entry.path.len <= PO_PACK_PATH_BYTES_MAX && entry.bytes <= PO_PACK_FILE_BYTES_MAX);
        require(entry.offset == before + BLOCK && offset >= entry.offset + entry.bytes);
        require(offset % BLOCK == 0 && is_same_header(header, &entry));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    /* A copy of its exact size, so that reading beyond the end is seen. */
    char *exact = malloc(size - 1);
    if (exact == NULL) return 0;
    memcpy(exact, data + 1, size - 1);
    if (data[0] % 2 == 0)
        check_manifest(po_str_n(exact, size - 1));
    else
        check_tar(po_str_n(exact, size - 1));
    free(exact);
    return 0;
}

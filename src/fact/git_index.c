/*
 * The index: versions 2, 3 and 4, and what its cached tree says of staged changes.
 */
#include "git_priv.h"

#define HEADER_BYTES 12
#define FIXED_BYTES 40 /* of an entry, before the object id */
#define MODE_TREE 0040000U

struct index_reader {
    po_str bytes;
    size_t at;
    size_t end; /* without the checksum */
    size_t oid_bytes;
    uint32_t version;
};

static uint32_t be32(po_str bytes, size_t at)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr + at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static unsigned be16(po_str bytes, size_t at)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr + at;
    return (unsigned)p[0] << 8 | p[1];
}

bool po_git_path_is_safe(po_str path)
{
    if (path.len == 0 || path.len > PO_GIT_PATH_BYTES_MAX || path.ptr[0] == '/') return false;
    if (memchr(path.ptr, '\0', path.len) != NULL) return false;
    po_str rest = path;
    po_str part = {0};
    while (po_str_next_field(&rest, '/', &part)) {
        if (part.len == 0 || po_str_eq_cstr(part, ".") || po_str_eq_cstr(part, "..")) return false;
        if (part.len == 4 && strncasecmp(part.ptr, ".git", 4) == 0) return false;
    }
    return path.ptr[path.len - 1] != '/';
}

/* git's offset varint: each continuation adds one. */
static bool read_varint(struct index_reader *reader, size_t *ret_value)
{
    size_t value = 0;
    for (int i = 0; i < 5; i++) {
        if (reader->at >= reader->end) return false;
        unsigned char byte = (unsigned char)reader->bytes.ptr[reader->at++];
        value = (value << 7) | (byte & 0x7fU);
        if ((byte & 0x80U) == 0) {
            *ret_value = value;
            return true;
        }
        value++;
    }
    return false;
}

/* Version 4: drop `strip` bytes of the previous path, add what follows up to a NUL. */
static PO_RC read_path_v4(struct po_ctx *cx, struct index_reader *reader, po_str previous,
                          po_str *ret_path)
{
    size_t strip = 0;
    if (!read_varint(reader, &strip) || strip > previous.len) return po_rc_of(PO_INVALID);
    po_str rest = po_str_n(reader->bytes.ptr + reader->at, reader->end - reader->at);
    size_t end = po_str_find_char(rest, '\0', 0);
    if (end == SIZE_MAX || previous.len - strip + end > PO_GIT_PATH_BYTES_MAX)
        return po_rc_of(PO_INVALID);
    size_t kept = previous.len - strip;
    char *path = po_arena_alloc(cx->arena, kept + end + 1, 1);
    if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    if (kept > 0 && previous.ptr != NULL) memcpy(path, previous.ptr, kept);
    memcpy(path + kept, rest.ptr, end);
    reader->at += end + 1;
    *ret_path = po_str_n(path, kept + end);
    return po_rc_ok();
}

/* Versions 2 and 3: NUL-padded so that the entry's length is a multiple of eight. */
static po_rc read_path_v2(struct index_reader *reader, size_t start, po_str *ret_path)
{
    po_str rest = po_str_n(reader->bytes.ptr + reader->at, reader->end - reader->at);
    size_t end = po_str_find_char(rest, '\0', 0);
    if (end == SIZE_MAX) return po_rc_of(PO_INVALID);
    *ret_path = po_str_slice(rest, 0, end);
    size_t length = reader->at + end - start;
    size_t padded = (length + 8) & ~(size_t)7;
    if (padded > reader->end - start) return po_rc_of(PO_INVALID);
    reader->at = start + padded;
    return po_rc_ok();
}

static void read_fixed(const struct index_reader *reader, struct po_git_entry *entry)
{
    po_str bytes = reader->bytes;
    size_t at = reader->at;
    entry->ctime_s = be32(bytes, at);
    entry->mtime_s = be32(bytes, at + 8);
    entry->mtime_ns = be32(bytes, at + 12);
    entry->ino = be32(bytes, at + 20);
    entry->mode = be32(bytes, at + 24);
    entry->size = be32(bytes, at + 36);
    entry->oid = (const uint8_t *)bytes.ptr + at + FIXED_BYTES;
}

static PO_RC read_entry(struct po_ctx *cx, struct index_reader *reader, po_str previous,
                        struct po_git_entry *entry)
{
    size_t start = reader->at;
    size_t flags_at = start + FIXED_BYTES + reader->oid_bytes;
    if (flags_at + 4 > reader->end) return po_rc_of(PO_INVALID);
    read_fixed(reader, entry);
    unsigned flags = be16(reader->bytes, flags_at);
    entry->stage = flags >> 12 & 3U;
    entry->is_assume_valid = flags >> 15 & 1U;
    reader->at = flags_at + 2;
    if (reader->version >= 3 && (flags & 0x4000U)) {
        unsigned more = be16(reader->bytes, reader->at);
        entry->is_skip_worktree = more >> 14 & 1U;
        entry->is_intent_to_add = more >> 13 & 1U;
        reader->at += 2;
    }
    if (reader->version == 4)
        PO_PASS(read_path_v4(cx, reader, previous, &entry->path));
    else
        PO_PASS(read_path_v2(reader, start, &entry->path));
    if ((entry->mode & 0170000U) == MODE_TREE) return po_rc_of(PO_UNSUPPORTED);
    return po_git_path_is_safe(entry->path) ? po_rc_ok() : po_rc_of(PO_INVALID);
}

/* The root of the cached tree: "\0<entries> <subtrees>\n"; -1 entries: something changed since. */
static enum po_git_tree_state tree_state(po_str data)
{
    if (data.len < 3 || data.ptr[0] != '\0') return PO_GIT_TREE_ABSENT;
    return data.ptr[1] == '-' ? PO_GIT_TREE_CHANGED : PO_GIT_TREE_VALID;
}

static po_rc read_extensions(struct index_reader *reader, struct po_git_index *index)
{
    while (reader->at + 8 <= reader->end) {
        po_str name = po_str_n(reader->bytes.ptr + reader->at, 4);
        size_t size = be32(reader->bytes, reader->at + 4);
        reader->at += 8;
        if (size > reader->end - reader->at) return po_rc_of(PO_INVALID);
        po_str data = po_str_n(reader->bytes.ptr + reader->at, size);
        if (po_str_eq_cstr(name, "link") || po_str_eq_cstr(name, "sdir"))
            return po_rc_of(PO_UNSUPPORTED);
        if (po_str_eq_cstr(name, "TREE")) index->tree = tree_state(data);
        reader->at += size;
    }
    return reader->at == reader->end ? po_rc_ok() : po_rc_of(PO_INVALID);
}

static PO_RC read_all(struct po_ctx *cx, struct index_reader *reader, struct po_git_index *index)
{
    po_str previous = {NULL, 0};
    for (size_t i = 0; i < index->count; i++) {
        PO_PASS(read_entry(cx, reader, previous, &index->entries[i]));
        previous = index->entries[i].path;
    }
    return read_extensions(reader, index);
}

PO_RC po_git_index_parse(struct po_ctx *cx, po_str bytes, size_t oid_bytes,
                         struct po_git_index *ret_index)
{
    struct index_reader reader = {.bytes = bytes, .oid_bytes = oid_bytes, .at = HEADER_BYTES};
    struct po_git_index index = {0};
    if (bytes.len < HEADER_BYTES + oid_bytes || memcmp(bytes.ptr, "DIRC", 4) != 0)
        return PO_FAIL(cx, PO_INVALID, "not a git index");
    reader.end = bytes.len - oid_bytes;
    reader.version = be32(bytes, 4);
    index.version = reader.version;
    if (index.version < 2 || index.version > 4)
        return PO_FAIL(cx, PO_UNSUPPORTED, "git index of version %u", index.version);
    index.count = be32(bytes, 8);
    if (index.count > PO_GIT_ENTRIES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "git index with %zu entries", index.count);
    /* an entry has at least 62 bytes: a count that cannot fit is refused before allocating for it */
    if (index.count > bytes.len / 62) return PO_FAIL(cx, PO_INVALID, "git index cut short");
    PO_ARENA_NEW(cx, index.entries, index.count + 1);
    po_rc rc = read_all(cx, &reader, &index);
    if (rc.code == PO_INVALID) return PO_FAIL(cx, PO_INVALID, "git index is malformed");
    if (rc.code == PO_UNSUPPORTED) return PO_FAIL(cx, PO_UNSUPPORTED, "split or sparse git index");
    PO_TRY(cx, rc);
    *ret_index = index;
    return po_rc_ok();
}

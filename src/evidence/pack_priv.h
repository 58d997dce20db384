/*
 * Inside the evidence pack: writing files with their digests, reading them back from a directory or
 * a tar, and the texts that are functions of runs.
 *
 * Source   docs/spec/evidence-pack.md
 */
#ifndef PO_EVIDENCE_PACK_PRIV_H
#define PO_EVIDENCE_PACK_PRIV_H

#include "core/buf.h"
#include "core/map.h"
#include "evidence/evidence.h"

#define PO_PACK_FORMAT "paulyops-evidence-pack/1"
#define PO_PACK_FILES_MAX 100000
#define PO_PACK_FILE_BYTES_MAX ((size_t)64 << 20)
#define PO_PACK_BYTES_MAX ((uint64_t)4 << 30)
#define PO_PACK_PATH_BYTES_MAX 256
#define PO_PACK_DEPTH_MAX 8
#define PO_PACK_EXPORT_PREFIX "export."

struct po_pack_file {
    po_str path;
    uint64_t bytes;
    uint8_t sha256[PO_SHA256_BYTES];
};

/* -- writing -------------------------------------------------------------------------------------- */

struct po_pack_writer {
    const char *dir;
    struct po_pack_file *files; /* in the arena */
    size_t count;
    size_t cap;
};
/* Write one file below the directory (parents made) and note its digest. */
PO_RC po_pack_put(struct po_ctx *cx, struct po_pack_writer *writer, const char *path, po_str bytes);
/* Note files that another function wrote below `path` (relative). */
PO_RC po_pack_adopt(struct po_ctx *cx, struct po_pack_writer *writer, const char *path);
void po_pack_sort(struct po_pack_file *files, size_t count);

/* Everything the manifest says. */
struct po_pack_manifest {
    struct po_as_of as_of;
    uint8_t catalog_digest[PO_SHA256_BYTES];
    const po_str *criteria;
    size_t criterion_count;
    struct po_pack_file *files;
    size_t file_count;
    po_str generator;
    po_str origin;
};
PO_RC po_pack_manifest_write(struct po_ctx *cx, const struct po_pack_manifest *manifest,
                             struct po_buf *out);
/* Strict; PO_INVALID also when the bytes are not the canonical form. */
PO_RC po_pack_manifest_parse(struct po_ctx *cx, po_str bytes,
                             struct po_pack_manifest *ret_manifest);
bool po_pack_path_is_fine(po_str path);

/* -- texts ---------------------------------------------------------------------------------------- */

/* The files of one criterion that are functions of the evidence. */
struct po_pack_text {
    const char *name; /* "population.csv" */
    PO_RC(*render)
    (struct po_ctx *cx, const struct po_evidence *evidence, const struct po_criterion *criterion,
     struct po_buf *out);
};
const struct po_pack_text *po_pack_text_table(size_t *ret_count);
PO_RC po_pack_readme(struct po_ctx *cx, const struct po_evidence *evidence, po_str origin,
                     struct po_buf *out);
PO_RC po_pack_scores(struct po_ctx *cx, const struct po_evidence *evidence, struct po_buf *out);

/* -- reading -------------------------------------------------------------------------------------- */

/* A pack as a set of named byte strings, from a directory or a tar. */
struct po_pack_source;
/* PO_NOTFOUND, PO_INVALID (no pack), PO_LIMIT, PO_IO. */
PO_RC po_pack_source_open(struct po_ctx *cx, const char *path, struct po_pack_source **ret_source);
void po_pack_source_freep(struct po_pack_source **source);
size_t po_pack_source_count(const struct po_pack_source *source);
po_str po_pack_source_name(const struct po_pack_source *source, size_t i); /* sorted */
bool po_pack_source_has(const struct po_pack_source *source, po_str path);
/* Replaces `out`'s content. PO_NOTFOUND. */
PO_RC po_pack_source_read(struct po_ctx *cx, struct po_pack_source *source, po_str path,
                          struct po_buf *out);

/* One entry of a tar in memory. */
struct po_tar_entry {
    po_str path;
    uint64_t offset; /* of the bytes */
    uint64_t bytes;
};
/*
 * The next entry at *offset of a tar's first `size` bytes; only headers that po_tar_header writes
 * are accepted.
 *
 * header     in   the 512 bytes at *offset
 * ret_end    out  true at the end mark
 * Errors     PO_INVALID
 */
PO_RC po_tar_parse(po_str header, uint64_t *offset, struct po_tar_entry *ret_entry, bool *ret_end,
                   char path_storage[static 257]);
PO_RC po_tar_header(struct po_buf *out, po_str path, uint64_t bytes, int64_t mtime_s);
/* Write the directory's files (sorted, relative to it) as one tar. */
PO_RC po_tar_write(struct po_ctx *cx, const char *dir, const struct po_pack_exported *exported,
                   const char *tar_path);

#endif

/* Bundles from inside: files, manifest, directory. */
#ifndef PO_PROGRAM_BUNDLE_PRIV_H
#define PO_PROGRAM_BUNDLE_PRIV_H

#include "program/program.h"

#define PO_BUNDLE_EDITION 1
#define PO_BUNDLE_PATH_BYTES_MAX 255
#define PO_BUNDLE_NAME_BYTES_MAX 128
#define PO_BUNDLE_MANIFEST_BYTES_MAX ((size_t)4 << 20)
#define PO_BUNDLE_DIR_DEPTH_MAX 8

struct po_bundle_file {
    po_str path;
    po_str text; /* ptr NULL until it was read and found to be what the manifest says */
    uint8_t digest[PO_SHA256_BYTES];
    bool is_broken; /* of an unsigned directory: it does not compile */
};
struct po_bundle {
    po_str name;
    po_str signer;
    enum po_trust trust;
    bool is_embedded;
    struct po_caps ceiling;
    struct po_bundle_file *files; /* sorted by path */
    size_t file_count;
    struct po_bundle_program *programs;
    size_t program_count;
    const struct po_script_host_fn *fns;
    size_t fn_count;
};

/* A path that a bundle may hold: relative, [A-Za-z0-9_./-], no part that begins with '.'. */
bool po_bundle_is_path(po_str path);
bool po_bundle_is_test(po_str path); /* *_test.script, *_test.json */
/* A file that belongs to a bundle: *.script and *_test.json; others beside them are nobody's. */
bool po_bundle_is_member(po_str path);
void po_bundle_sort(struct po_bundle *bundle); /* files by path */
/* NULL when there is none. */
struct po_bundle_file *po_bundle_file_find(const struct po_bundle *bundle, po_str path);

/*
 * Files, programs and name out of a manifest; texts are left NULL.
 *
 * Errors   PO_INVALID;  PO_LIMIT;  PO_NOMEM
 */
PO_RC po_bundle_manifest_read(struct po_ctx *cx, po_str manifest, struct po_bundle *ret_bundle);
/* The manifest of a bundle; canonical JSON. */
void po_bundle_manifest_put(const struct po_bundle *bundle, struct po_buf *buf);
/*
 * Trust and signer of a bundle whose manifest was read, from the note over it.
 *
 * Errors   PO_INVALID no note;  PO_CORRUPT of another manifest;  PO_TAMPER a wrong signature
 */
PO_RC po_bundle_note_verify(struct po_ctx *cx, po_str manifest, po_str note_bytes,
                            const struct po_trust_key *keys, size_t key_count,
                            struct po_bundle *bundle);
/* The text that a note over this manifest has. */
PO_RC po_bundle_note_text(struct po_ctx *cx, po_str manifest, po_str name, struct po_buf *out);

/*
 * All members of a directory with their texts and digests, sorted. Symlinks are refused, names
 * beginning with '.' left out.
 */
PO_RC po_bundle_dir_read(struct po_ctx *cx, const char *dir, struct po_bundle *ret_bundle);
/* The row of one entry, as its source says; in the arena. PO_INVALID for @needs that are none. */
PO_RC po_bundle_row_of(struct po_ctx *cx, po_str file, const struct po_script_entry *entry,
                       struct po_bundle_program *ret_row);
/* Rows of a file that was compiled are added to bundle->programs (PO_BUNDLE_PROGRAMS_MAX). */
PO_RC po_bundle_rows_of(struct po_ctx *cx, po_str file, const struct po_script *script,
                        struct po_bundle *bundle);

#endif

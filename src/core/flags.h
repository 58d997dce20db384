/*
 * Status flags: config/status_flags.json, a JSON object of the typed flags in flags_table.def.
 *
 * A flag that the file does not name has its default; an unknown name or a wrong type is an error
 * with the nearest match. The file is replaced atomically, so a reader sees the old or the new one.
 *
 * Limits   PO_FLAGS_FILE_BYTES_MAX; each flag's own range
 * Errors   PO_CONFIG with file, flag and what is wrong
 */
#ifndef PO_CORE_FLAGS_H
#define PO_CORE_FLAGS_H

#include "core/buf.h"
#include "core/ctx.h"

#define PO_FLAGS_FILE_BYTES_MAX ((size_t)64 << 10)

enum po_flag_id {
#define X(id, name, type, min, max, def, doc) PO_FLAG_##id,
#include "core/flags_table.def"
#undef X
    PO_FLAG_COUNT
};

enum po_flag_type { PO_FLAG_TYPE_BOOL, PO_FLAG_TYPE_STR, PO_FLAG_TYPE_INT };

struct po_flags;

/* Absent file: all defaults. Returned owned. PO_CONFIG, PO_DENIED, PO_IO, PO_NOMEM. */
PO_RC po_flags_load(struct po_ctx *cx, const char *path, struct po_flags **ret_flags);
/* From the text of the file; `name` is for messages. */
PO_RC po_flags_parse(struct po_ctx *cx, po_str text, const char *name, struct po_flags **ret_flags);
void po_flags_free(struct po_flags *flags);
void po_flags_freep(struct po_flags **flags);

bool po_flags_bool(const struct po_flags *flags, enum po_flag_id id);
int64_t po_flags_int(const struct po_flags *flags, enum po_flag_id id);
po_str po_flags_str(const struct po_flags *flags, enum po_flag_id id); /* borrowed from flags */

/* "HC-06": false only when its flag switches it off; an id without a flag is on. */
bool po_flags_check_is_on(const struct po_flags *flags, po_str check_id);
/* "wrong_mode": doctor_enabled and the repair's own flag; a repair without a flag is on. */
bool po_flags_repair_is_on(const struct po_flags *flags, po_str repair);

/* One flag for `flag list`. Text is static or borrowed from flags. */
struct po_flag_row {
    const char *name;
    enum po_flag_type type;
    const char *type_name; /* "bool", "text", "number" */
    int64_t min;
    int64_t max;
    const char *doc;
    bool is_default;
    po_str value_text; /* "true", "12", the text */
    char value_buf[24];
};
/* False when i >= PO_FLAG_COUNT. Do not copy the row: value_text may point into it. */
bool po_flags_row_at(const struct po_flags *flags, size_t i, struct po_flag_row *ret_row);
/* PO_NOTFOUND with the nearest match in the message. */
PO_RC po_flags_find(struct po_ctx *cx, po_str name, enum po_flag_id *ret_id);

/* Set from text ("true", "12", any text) in memory. PO_INVALID wrong type or out of range. */
PO_RC po_flags_set(struct po_ctx *cx, struct po_flags *flags, enum po_flag_id id, po_str text);
/* The same values, returned owned: for a change that is tried on it first. PO_NOMEM. */
PO_RC po_flags_copy(struct po_ctx *cx, const struct po_flags *flags, struct po_flags **ret_flags);
/* Exchange the values of one flag. */
void po_flags_swap(struct po_flags *a, struct po_flags *b, enum po_flag_id id);
/* The file's text, every flag named. */
void po_flags_write_text(const struct po_flags *flags, struct po_buf *out);
/* The text of a file with all defaults. */
void po_flags_defaults(struct po_buf *out);
/* Replace the file (mode 0640), durably. */
PO_RC po_flags_save(struct po_ctx *cx, const struct po_flags *flags, const char *path);

/* SHA-256 of the caller (core knows no cryptography). */
typedef po_rc (*po_flags_hash)(po_str bytes, uint8_t ret_digest[static 32]);
/* Digest of the values in RFC 8785 form: the same for files that mean the same. */
PO_RC po_flags_digest(struct po_ctx *cx, const struct po_flags *flags, po_flags_hash hash,
                      uint8_t ret_digest[static 32]);

#endif

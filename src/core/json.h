/*
 * Strict JSON (RFC 8259) in, streaming JSON and RFC 8785 canonical JSON out.
 *
 * Refused: duplicate keys, trailing bytes, invalid UTF-8, lone surrogates, control characters,
 * numbers that are not integers in int64 (unless PO_JSON_ALLOW_REAL keeps their text), depth or size
 * beyond the limits. Parsed strings borrow from the input where they hold no escape, else the arena.
 *
 * Limits   PO_JSON_BYTES_MAX input, PO_JSON_DEPTH_MAX nesting, PO_JSON_NODES_MAX values; a value
 *          takes 88 bytes or more of request memory, so a context's arena usually ends first
 *          (PO_NOMEM at about 350,000 values)
 * Source   docs/adr/0002-json-by-hand.md
 */
#ifndef PO_CORE_JSON_H
#define PO_CORE_JSON_H

#include "core/buf.h"
#include "core/ctx.h"
#include "core/str.h"

#define PO_JSON_BYTES_MAX ((size_t)16 << 20)
#define PO_JSON_DEPTH_MAX 64
#define PO_JSON_NODES_MAX ((size_t)1 << 20)

enum po_json_type {
    PO_JSON_NULL,
    PO_JSON_BOOL,
    PO_JSON_INT,
    PO_JSON_REAL, /* only with PO_JSON_ALLOW_REAL: the literal's text in `str` */
    PO_JSON_STR,
    PO_JSON_ARRAY,
    PO_JSON_OBJECT
};

struct po_json {
    enum po_json_type type;
    bool boolean;
    int64_t integer;
    po_str str;            /* PO_JSON_STR, PO_JSON_REAL: decoded text */
    po_str key;            /* name when it is a member */
    size_t count;          /* children */
    struct po_json *first; /* children in input order */
    struct po_json *next;
    size_t offset; /* where the value starts in the input */
    size_t end;    /* where it ends, exclusive */
};

enum po_json_flags { PO_JSON_STRICT = 0, PO_JSON_ALLOW_REAL = 1 };

/*
 * Parse one JSON text into cx's arena.
 *
 * in        in   borrowed; must outlive the tree
 * ret_root  out  borrowed from the arena
 * Errors    PO_INVALID (message: line, column, what), PO_LIMIT, PO_NOMEM
 */
PO_RC po_json_parse(struct po_ctx *cx, po_str in, enum po_json_flags flags,
                    struct po_json **ret_root);

/* Member of an object, NULL when absent or when `object` is NULL or no object. */
const struct po_json *po_json_get(const struct po_json *object, const char *key);
/* Typed members with a message that names the key: PO_INVALID when absent or of another type. */
PO_RC po_json_get_str(struct po_ctx *cx, const struct po_json *object, const char *key,
                      po_str *ret_str);
PO_RC po_json_get_int(struct po_ctx *cx, const struct po_json *object, const char *key,
                      int64_t *ret_int);
PO_RC po_json_get_array(struct po_ctx *cx, const struct po_json *object, const char *key,
                        const struct po_json **ret_array);

/*
 * Streaming writer: commas and escapes are its business, correct nesting the caller's. Wrong nesting
 * shows in po_buf_check of the buffer: PO_LIMIT beyond PO_JSON_DEPTH_MAX, PO_BUG for an end too many
 * or a key without a value.
 */
struct po_json_out {
    struct po_buf *buf;
    uint64_t has_item; /* bit d-1: the container at depth d has an item */
    uint8_t depth;
    bool after_key;
    uint8_t indent; /* 0 = compact */
};
void po_json_out_init(struct po_json_out *out, struct po_buf *buf, uint8_t indent);
void po_json_out_object(struct po_json_out *out);
void po_json_out_object_end(struct po_json_out *out);
void po_json_out_array(struct po_json_out *out);
void po_json_out_array_end(struct po_json_out *out);
void po_json_out_key(struct po_json_out *out, const char *key);
void po_json_out_str(struct po_json_out *out, po_str s); /* invalid UTF-8 becomes U+FFFD */
void po_json_out_cstr(struct po_json_out *out, const char *s);
void po_json_out_int(struct po_json_out *out, int64_t value);
void po_json_out_bool(struct po_json_out *out, bool value);
void po_json_out_null(struct po_json_out *out);
/* A finished JSON text, inserted as it is. */
void po_json_out_raw(struct po_json_out *out, po_str json);
/* key + string in one call */
void po_json_out_field(struct po_json_out *out, const char *key, po_str value);
void po_json_out_field_int(struct po_json_out *out, const char *key, int64_t value);

/*
 * RFC 8785: sorted keys (UTF-16 order), shortest forms.
 *
 * Errors   PO_INVALID  a real, an integer beyond +-(2^53-1) (other programs would round it: write
 *                      such values as strings), bad UTF-8 or a name twice in a tree made by hand;
 *          PO_LIMIT    out is full, or deeper than PO_JSON_DEPTH_MAX;  PO_NOMEM
 */
PO_RC po_json_canonical(struct po_ctx *cx, const struct po_json *root, struct po_buf *out);
/* Append `s` quoted and escaped. */
void po_json_quote(struct po_buf *buf, po_str s);

#endif

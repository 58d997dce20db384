/*
 * JSON from hostile bytes.
 *
 * What parses strictly parses with reals allowed, too; its places lie inside the input; its canonical
 * form parses to the same canonical form, and so does what the streaming writer makes of it.
 */
#include "core/json.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

/* Every node of the tree in input order: first child, next one, or the next of an ancestor. */
static void check_places(const struct po_json *node, po_str in)
{
    require(node->offset < node->end && node->end <= in.len);
    size_t count = 0;
    size_t from = node->offset;
    for (const struct po_json *child = node->first; child != NULL; child = child->next) {
        require(child->offset > from && child->end < node->end);
        from = child->end - 1;
        count++;
        check_places(child, in); /* no deeper than PO_JSON_DEPTH_MAX: the parser saw to it */
    }
    require(count == node->count);
}

static void write_node(struct po_json_out *out, const struct po_json *node)
{
    switch (node->type) {
    case PO_JSON_NULL: po_json_out_null(out); return;
    case PO_JSON_BOOL: po_json_out_bool(out, node->boolean); return;
    case PO_JSON_INT: po_json_out_int(out, node->integer); return;
    case PO_JSON_REAL: po_json_out_raw(out, node->str); return;
    case PO_JSON_STR: po_json_out_str(out, node->str); return;
    case PO_JSON_ARRAY: po_json_out_array(out); break;
    case PO_JSON_OBJECT: po_json_out_object(out); break;
    }
    for (const struct po_json *child = node->first; child != NULL; child = child->next) {
        if (node->type == PO_JSON_OBJECT) {
            /* keys of the writer end at a NUL: such a name stands for itself in front */
            const char *name =
                strndup(child->key.ptr == NULL ? "" : child->key.ptr, child->key.len);
            require(name != NULL);
            po_json_out_key(out, name);
            free((void *)(uintptr_t)name);
        }
        write_node(out, child);
    }
    if (node->type == PO_JSON_OBJECT) po_json_out_object_end(out);
    if (node->type == PO_JSON_ARRAY) po_json_out_array_end(out);
}

static bool has_nul_name(const struct po_json *node)
{
    if (po_str_find_char(node->key, '\0', 0) != SIZE_MAX) return true;
    for (const struct po_json *child = node->first; child != NULL; child = child->next)
        if (has_nul_name(child)) return true;
    return false;
}

/* `text` parses to the canonical form `want`. */
static void check_same(struct po_ctx *cx, po_str text, po_str want)
{
    PO_BUF_AUTO again = {0};
    struct po_json *root = NULL;
    po_buf_init(&again, PO_JSON_BYTES_MAX);
    require(po_is_ok(po_json_parse(cx, text, PO_JSON_STRICT, &root)));
    require(po_is_ok(po_json_canonical(cx, root, &again)));
    require(po_str_eq(po_buf_str(&again), want));
}

static void check_tree(struct po_ctx *cx, const struct po_json *root, po_str in)
{
    PO_BUF_AUTO canonical = {0};
    PO_BUF_AUTO written = {0};
    struct po_json_out out;
    po_buf_init(&canonical, PO_JSON_BYTES_MAX);
    po_buf_init(&written, PO_JSON_BYTES_MAX);
    check_places(root, in);
    po_json_out_init(&out, &written, 1);
    write_node(&out, root);
    require(po_is_ok(po_buf_check(&written)) && out.depth == 0);
    if (!po_is_ok(po_json_canonical(cx, root, &canonical))) return; /* large integers */
    check_same(cx, po_buf_str(&canonical), po_buf_str(&canonical));
    if (!has_nul_name(root)) check_same(cx, po_buf_str(&written), po_buf_str(&canonical));
}

static void check_text(struct po_ctx *cx, po_str in)
{
    struct po_json *strict = NULL;
    struct po_json *loose = NULL;
    po_rc rc = po_json_parse(cx, in, PO_JSON_STRICT, &strict);
    require(po_is_ok(rc) || (rc.code != PO_BUG && po_err_msg(cx)[0] != '\0'));
    po_rc loose_rc = po_json_parse(cx, in, PO_JSON_ALLOW_REAL, &loose);
    require(po_is_ok(loose_rc) || !po_is_ok(rc));
    if (po_is_ok(loose_rc)) check_places(loose, in);
    if (po_is_ok(rc)) check_tree(cx, strict, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    if (!po_is_ok(po_ctx_init(&cx))) return 0;
    /* A copy of its exact size, so that reading beyond the end is seen. */
    char *copy = size == 0 ? NULL : malloc(size);
    if (size != 0 && copy == NULL) return 0;
    if (size != 0) memcpy(copy, data, size);
    check_text(&cx, po_str_n(copy, size));
    free(copy);
    return 0;
}

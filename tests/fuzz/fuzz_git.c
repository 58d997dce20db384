/*
 * A repository's files from hostile bytes. The first byte chooses: an index with SHA-1 or SHA-256
 * names, a configuration, ignore rules.
 *
 * An index that parses has only paths that stay in the work tree; remotes listed have names; matching
 * ends whatever the pattern is.
 */
#include "fact/git_priv.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void try_index(struct po_ctx *cx, po_str bytes, size_t oid_bytes)
{
    struct po_git_index index = {0};
    po_rc rc = po_git_index_parse(cx, bytes, oid_bytes, &index);
    require(po_is_ok(rc) || po_err_msg(cx)[0] != '\0');
    for (size_t i = 0; po_is_ok(rc) && i < index.count; i++) {
        require(po_git_path_is_safe(index.entries[i].path));
        require(index.entries[i].stage <= 3);
        require((const char *)index.entries[i].oid + oid_bytes <= bytes.ptr + bytes.len);
    }
}

static void try_config(po_str text)
{
    po_str name = {0};
    for (size_t i = 0; i < 100 && po_git_remote_at(text, i, &name); i++) {
        char copy[64] = {0};
        require(name.len > 0 && name.len <= text.len);
        memcpy(copy, name.ptr, name.len < 63 ? name.len : 63);
        po_str url = po_git_config(text, "remote", copy, "url");
        require(url.len <= text.len);
    }
    (void)po_git_config(text, "extensions", NULL, "objectformat");
}

/* The first line is the path, the rest are rules. */
static void try_rules(struct po_ctx *cx, po_str text)
{
    const struct po_git_rules *rules = NULL;
    po_str path = {0};
    if (!po_str_next_line(&text, &path)) return;
    if (!po_is_ok(po_git_rules_parse(cx, text, 0, NULL, &rules))) return;
    for (size_t i = 0; i < rules->count; i++) {
        require(rules->rules[i].pattern.len > 0);
        (void)po_git_match(rules->rules[i].pattern, path);
    }
    (void)po_git_is_ignored(rules, path, false);
    (void)po_git_is_ignored(rules, path, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    if (size == 0 || size > 65536 || !po_is_ok(po_ctx_init(&cx))) return 0;
    char *copy = malloc(size);
    if (copy == NULL) return 0;
    memcpy(copy, data, size);
    po_str rest = po_str_n(copy + 1, size - 1);
    switch (data[0]) {
    case '1': try_index(&cx, rest, 20); break;
    case '2': try_index(&cx, rest, 32); break;
    case 'c': try_config(rest); break;
    default: try_rules(&cx, rest); break;
    }
    free(copy);
    return 0;
}

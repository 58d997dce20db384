/*
 * Trust: whose signature counts, and the bundles that the site has.
 */
#include "grant/grant.h"

#include "core/fs.h"
#include "store/store.h"

/* ---- keys ----------------------------------------------------------------------------------------- */

static enum po_trust level_of(po_str name)
{
    if (po_str_eq_cstr(name, po_trust_name(PO_TRUST_VENDOR))) return PO_TRUST_VENDOR;
    if (po_str_eq_cstr(name, po_trust_name(PO_TRUST_ORGANISATION))) return PO_TRUST_ORGANISATION;
    return PO_TRUST_NONE;
}

PO_RC po_trust_keys(struct po_ctx *cx, struct po_home *home, const struct po_trust_key **ret_keys,
                    size_t *ret_count)
{
    struct po_store_trust_key *rows = NULL;
    struct po_trust_key *keys = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_trust_list(cx, po_home_store(home), &rows, &count));
    PO_ARENA_NEW(cx, keys, count + 1);
    for (size_t i = 0; i < count; i++) {
        PO_TRY_LEAF(cx, po_note_vkey_parse(rows[i].vkey, &keys[i].vkey),
                    "the trusted key '%.*s' in the store is no verifier key",
                    PO_STR_ARG(rows[i].name));
        keys[i].trust = level_of(rows[i].level);
    }
    *ret_keys = keys;
    *ret_count = count;
    return po_rc_ok();
}

static PO_RC put_key_event(struct po_ctx *cx, struct po_buf *detail,
                           const struct po_store_trust_key *key)
{
    struct po_json_out json;
    po_json_out_init(&json, detail, 0);
    po_json_out_object(&json);
    if (key->level.len > 0) po_json_out_field(&json, "level", key->level);
    po_json_out_field(&json, "name", key->name);
    if (key->vkey.len > 0) po_json_out_field(&json, "vkey", key->vkey);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(detail), "trust event");
    return po_rc_ok();
}

/* Set when it has a vkey, else remove. */
static PO_RC change_key(struct po_ctx *cx, struct po_home *home,
                        const struct po_store_trust_key *key)
{
    PO_BUF_AUTO detail;
    po_buf_init(&detail, 16384);
    bool is_set = key->vkey.len > 0;
    const char *resource = po_arena_printf(cx->arena, "key:%.*s", PO_STR_ARG(key->name));
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, put_key_event(cx, &detail, key));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    if (is_set)
        PO_TRY(cx, po_store_trust_set(cx, tx, key));
    else
        PO_TRY(cx, po_store_trust_remove(cx, tx, key->name));
    const struct po_event event = {.type = PO_EVENT_TYPE_TRUST_CHANGED,
                                   .resource = po_str_of(resource),
                                   .action = is_set ? PO_LIT("set") : PO_LIT("remove"),
                                   .result = PO_EVENT_SUCCESS,
                                   .detail = po_buf_str(&detail)};
    return po_home_commit(cx, home, tx, &event);
}

PO_RC po_trust_set(struct po_ctx *cx, struct po_home *home, po_str level, po_str vkey,
                   po_str *ret_name)
{
    struct po_note_vkey key;
    if (level_of(level) == PO_TRUST_NONE)
        return PO_FAIL(cx, PO_INVALID, "'%.*s' is no level of trust: vendor or organisation",
                       PO_STR_ARG(level));
    PO_TRY_LEAF(cx, po_note_vkey_parse(vkey, &key),
                "this is no verifier key (name+hash+key, as 'script bundle --sign' prints it)");
    const struct po_store_trust_key row = {po_str_of(key.name), vkey, level, 0};
    PO_TRY(cx, change_key(cx, home, &row));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, row.name, ret_name), "out of request memory");
    return po_rc_ok();
}

PO_RC po_trust_remove(struct po_ctx *cx, struct po_home *home, po_str name)
{
    const struct po_store_trust_key row = {.name = name};
    if (name.len == 0) return PO_FAIL(cx, PO_USAGE, "a key has a name");
    return change_key(cx, home, &row);
}

/* ---- bundles -------------------------------------------------------------------------------------- */

struct site_reader {
    const struct po_trust_key *keys;
    size_t key_count;
    struct po_site *site;
};

/* What cannot be opened must not hide the rest; being out of memory is no such thing. */
static PO_RC add_bundle(struct po_ctx *cx, const struct site_reader *in, const char *dir,
                        const char *shown)
{
    if (in->site->count == PO_SITE_BUNDLES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d bundles in scripts/", PO_SITE_BUNDLES_MAX);
    struct po_site_bundle *slot = &in->site->at[in->site->count];
    *slot = (struct po_site_bundle){.dir = dir, .shown = shown};
    po_rc rc = po_bundle_open_dir(cx, dir, in->keys, in->key_count, &slot->bundle);
    if (rc.code == PO_NOMEM) return rc;
    if (!po_is_ok(rc)) {
        slot->bundle = NULL;
        slot->problem = po_arena_printf(cx->arena, "%s", po_err_msg(cx));
        if (slot->problem == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        po_err_clear(cx);
    }
    in->site->count++;
    return po_rc_ok();
}

static PO_RC is_bundle_dir(struct po_ctx *cx, const char *dir, bool *ret_is)
{
    struct po_fs_info info = {0};
    const char *manifest = NULL;
    *ret_is = false;
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.is_dir) return po_rc_ok();
    PO_TRY(cx, po_path_join(cx, dir, "bundle.json", &manifest));
    PO_TRY(cx, po_fs_info(cx, manifest, &info));
    *ret_is = info.exists;
    return po_rc_ok();
}

PO_RC po_site_open(struct po_ctx *cx, struct po_home *home, struct po_site *ret_site)
{
    struct site_reader in = {.site = ret_site};
    const char *top = po_home_path(home, PO_PLACE_SCRIPTS);
    struct po_fs_info info = {0};
    po_str *names = NULL;
    size_t count = 0;
    ret_site->count = 0;
    PO_TRY(cx, po_trust_keys(cx, home, &in.keys, &in.key_count));
    PO_TRY(cx, po_fs_info(cx, top, &info));
    if (!info.is_dir) return po_rc_ok();
    PO_TRY(cx, po_fs_list(cx, top, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *dir = NULL;
        bool is_bundle = false;
        if (names[i].ptr[0] == '.') continue;
        PO_TRY(cx, po_path_join(cx, top, names[i].ptr, &dir));
        PO_TRY(cx, is_bundle_dir(cx, dir, &is_bundle));
        const char *shown = po_arena_printf(cx->arena, "scripts/%s", names[i].ptr);
        if (shown == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        if (is_bundle) PO_TRY(cx, add_bundle(cx, &in, dir, shown));
    }
    return add_bundle(cx, &in, top, "scripts");
}

bool po_site_has(const struct po_site *site, size_t bundle, const struct po_bundle_program *row)
{
    if (strcmp(site->at[bundle].shown, "scripts") != 0) return true;
    for (size_t i = 0; i < site->count; i++) {
        size_t slash = po_str_find_char(po_str_of(site->at[i].shown), '/', 0);
        if (slash == SIZE_MAX) continue;
        po_str name = po_str_of(site->at[i].shown + slash + 1);
        bool is_inside = po_str_starts(row->file, name) && row->file.len > name.len &&
                         row->file.ptr[name.len] == '/';
        if (is_inside) return false;
    }
    return true;
}

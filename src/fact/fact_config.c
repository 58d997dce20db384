/*
 * Facts of configuration: does it validate, is it what was recorded, are changes recorded whole.
 */
#include "fact_pass_priv.h"

#include "core/cfg.h"
#include "core/flags.h"
#include "crypto/crypto.h"
#include "store/store.h"

#define FLAG_STATE PO_LIT("status_flags")
#define FLAGS_FILE_BYTES_MAX ((size_t)64 << 10)

/* Digest of options that are no secrets, as "NAME=value\n" in the table's order. */
static PO_RC digest_options(struct po_ctx *cx, const struct po_cfg *cfg,
                            uint8_t ret_digest[static 32])
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_FACT_FILE_BYTES_MAX);
    struct po_cfg_row row = {0};
    for (size_t i = 0; po_cfg_row_at(cfg, i, &row); i++) {
        if (row.is_secret) continue;
        po_buf_append_cstr(&text, row.name);
        po_buf_append_char(&text, '=');
        po_buf_append(&text, row.value);
        po_buf_append_char(&text, '\n');
    }
    PO_TRY_LEAF(cx, po_buf_check(&text), "options as text");
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&text), ret_digest), "digest of options");
    return po_rc_ok();
}

/* A refusal's reason, without taking it for a failure to look. */
static PO_RC why_refused(struct po_ctx *cx, po_rc rc, const char **ret_why)
{
    bool is_answer = rc.code == PO_CONFIG || rc.code == PO_INVALID || rc.code == PO_LIMIT ||
                     rc.code == PO_DENIED;
    if (!is_answer) return rc;
    *ret_why = po_code_public_text(rc.code);
    po_err_clear(cx);
    return po_rc_ok();
}

static void put_validity(struct po_json_out *out, const char *why)
{
    po_fact_put_bool(out, "valid", why == NULL);
    po_json_out_key(out, "why");
    if (why == NULL)
        po_json_out_null(out);
    else
        po_json_out_cstr(out, why);
}

static PO_RC put_options(struct po_ctx *cx, struct po_fact_set *set, struct po_json_out *out)
{
    PO_CLEANUP(po_cfg_freep) struct po_cfg *cfg = NULL;
    struct po_cfg_sources sources = {.home = set->places.root, .has_no_secrets = true};
    const char *why = NULL;
    uint8_t digest[32] = {0};
    po_rc rc = po_cfg_load_from(cx, &sources, &cfg);
    if (!po_is_ok(rc))
        PO_TRY(cx, why_refused(cx, rc, &why));
    else
        PO_TRY(cx, digest_options(cx, cfg, digest));
    po_json_out_key(out, "options");
    po_json_out_object(out);
    put_validity(out, why);
    po_fact_put_digest(out, "digest", digest);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* What the last recorded change left, against what the file says now. */
static PO_RC put_recorded(struct po_ctx *cx, struct po_fact_set *set,
                          const uint8_t digest[static 32], struct po_json_out *out)
{
    struct po_store *store = NULL;
    struct po_store_flag_state state = {0};
    PO_TRY(cx, po_fact_store(cx, set, &store));
    PO_TRY(cx, po_store_flag_state_find(cx, store, FLAG_STATE, &state));
    uint8_t defaults[32] = {0};
    PO_CLEANUP(po_flags_freep) struct po_flags *flags = NULL;
    PO_TRY(cx, po_flags_parse(cx, PO_LIT("{}"), "defaults", &flags));
    PO_TRY(cx, po_flags_digest(cx, flags, po_sha256, defaults));
    const uint8_t *wanted = state.exists ? state.digest : defaults;
    po_fact_put_bool(out, "recorded", state.exists);
    po_fact_put_opt(out, "recorded_us", state.exists ? state.time_us : -1);
    po_fact_put_bool(out, "equals_recorded", po_str_eq(po_str_n(wanted, 32), po_str_n(digest, 32)));
    return po_rc_ok();
}

static PO_RC put_flags(struct po_ctx *cx, struct po_fact_set *set, struct po_json_out *out)
{
    const char *path = NULL;
    const char *why = NULL;
    uint8_t digest[32] = {0};
    PO_CLEANUP(po_flags_freep) struct po_flags *flags = NULL;
    PO_TRY(cx, po_fact_path(cx, set->places.root, "config/status_flags.json", &path));
    po_rc rc = po_flags_load(cx, path, &flags);
    if (!po_is_ok(rc))
        PO_TRY(cx, why_refused(cx, rc, &why));
    else
        PO_TRY(cx, po_flags_digest(cx, flags, po_sha256, digest));
    po_json_out_key(out, "flags");
    po_json_out_object(out);
    put_validity(out, why);
    po_fact_put_digest(out, "digest", digest);
    PO_TRY(cx, put_recorded(cx, set, digest, out));
    po_fact_put_array(out, "checks_off");
    for (size_t i = 1; flags != NULL && i <= 15; i++) {
        const char *id = po_arena_printf(cx->arena, "HC-%02zu", i);
        if (id == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        if (!po_flags_check_is_on(flags, po_str_of(id))) po_json_out_cstr(out, id);
    }
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(home_config)
{
    po_json_out_object(out);
    PO_TRY(cx, put_options(cx, set, out));
    PO_TRY(cx, put_flags(cx, set, out));
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(ledger_changes)
{
    const struct po_fact_events *events = NULL;
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    po_json_out_object(out);
    po_fact_put_int(out, "from", (int64_t)events->from);
    po_fact_put_int(out, "changes", (int64_t)events->changes);
    po_fact_put_int(out, "with_actor", (int64_t)events->changes_with_actor);
    po_fact_put_int(out, "with_values", (int64_t)events->changes_with_values);
    po_fact_put_int(out, "with_reason", (int64_t)events->changes_with_reason);
    po_json_out_object_end(out);
    return po_rc_ok();
}

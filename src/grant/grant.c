/*
 * Grants: given, waiting, in force, revoked. Rows are never deleted.
 *
 * States   (none) --give--> waiting --GRANT_WAIT--> in force     a program that changes things
 *          (none) --give--> in force                             a program that reads
 *          waiting, in force --revoke--> revoked                 final; granting again is a new row
 */
#include "grant/grant.h"

#include "core/cfg.h"
#include "core/codec.h"
#include "store/store.h"

const char *po_grant_state_name(enum po_grant_state state)
{
    static const char *const names[] = {"no", "waiting", "yes"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : "no";
}

bool po_grant_waits(const struct po_caps *needs)
{
    for (size_t i = 0; i < needs->count; i++)
        if (po_cap_changes_things(needs->at[i].kind)) return true;
    return false;
}

static bool is_digest(const struct po_store_grant *row,
                      const uint8_t digest[static PO_SHA256_BYTES])
{
    return po_str_eq(po_str_n(row->digest, sizeof row->digest), po_str_n(digest, PO_SHA256_BYTES));
}

PO_RC po_grant_find(struct po_ctx *cx, struct po_home *home,
                    const uint8_t digest[static PO_SHA256_BYTES], struct po_grant *ret_grant)
{
    struct po_store_grant *rows = NULL;
    const struct po_store_grant *newest = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_grant_list(cx, po_home_store(home), &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (is_digest(&rows[i], digest) && rows[i].revoked_us == 0) newest = &rows[i];
    *ret_grant = (struct po_grant){.state = PO_GRANT_NONE};
    if (newest == NULL) return po_rc_ok();
    struct po_grant grant = {.id = newest->id, .effective_us = newest->effective_us};
    grant.state = newest->effective_us <= po_ctx_now_us(cx) ? PO_GRANT_IN_FORCE : PO_GRANT_WAITING;
    PO_TRY(cx, po_caps_parse(cx, newest->caps, &grant.caps));
    *ret_grant = grant;
    return po_rc_ok();
}

PO_RC po_grant_clauses(struct po_ctx *cx, struct po_home *home, const po_str **ret_clauses,
                       size_t *ret_count)
{
    po_str *clauses = NULL;
    PO_TRY(cx, po_store_grant_clauses(cx, po_home_store(home), &clauses, ret_count));
    *ret_clauses = clauses;
    return po_rc_ok();
}

/* ---- giving --------------------------------------------------------------------------------------- */

static PO_RC refuse(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                    const struct po_program_denial *denial)
{
    struct po_refusal refusal = {
        .digest = program->digest,
        .capability = denial->kind < PO_CAP_COUNT ? po_cap_name(denial->kind) : "control",
        .argument = denial->value,
        .fence = denial->fence};
    PO_TRY(cx, po_program_resource(cx, program, &refusal.program));
    return po_program_deny(cx, home, &refusal);
}

/* A program of this build is never replaced by one of the site. */
static PO_RC check_clause(struct po_ctx *cx, struct po_home *home, const struct po_program *program)
{
    struct po_bundle *shipped = NULL;
    if (!po_str_eq_cstr(program->row.kind, "control")) return po_rc_ok();
    PO_TRY(cx, po_bundle_open_embedded(cx, &shipped));
    for (size_t i = 0; i < po_bundle_program_count(shipped); i++) {
        const struct po_bundle_program *row = po_bundle_program_at(shipped, i);
        bool is_taken = po_str_eq_cstr(row->kind, "control") && po_str_eq(row->id, program->row.id);
        if (!is_taken) continue;
        const struct po_program_denial denial = {PO_CAP_COUNT, program->row.id, "system"};
        PO_TRY(cx, refuse(cx, home, program, &denial));
        return PO_FAIL(cx, PO_DENIED, "clause '%.*s' is tested by a program of this build",
                       PO_STR_ARG(program->row.id));
    }
    return po_rc_ok();
}

static PO_RC check_ceiling(struct po_ctx *cx, struct po_home *home,
                           const struct po_program *program)
{
    struct po_program raised = *program; /* borrows the script: not done twice */
    struct po_program_denial denial = {0};
    if (raised.trust == PO_TRUST_NONE) po_program_trust_raise(&raised, PO_TRUST_ORGANISATION);
    po_rc rc = po_grant_allowed(cx, home, &raised, NULL, &denial);
    if (rc.code != PO_DENIED) return rc;
    struct po_err first = cx->err;
    PO_TRY(cx, refuse(cx, home, program, &denial));
    cx->err = first;
    return rc;
}

/* What says how things are must not change them (law 6). */
static PO_RC check_kind(struct po_ctx *cx, struct po_home *home, const struct po_program *program)
{
    static const char *const readers[] = {"check", "control", "detect", "report"};
    const struct po_caps *needs = &program->row.needs;
    bool is_reader = false;
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (po_str_eq_cstr(program->row.kind, readers[i])) is_reader = true;
    for (size_t i = 0; is_reader && i < needs->count; i++) {
        if (!po_cap_changes_things(needs->at[i].kind)) continue;
        const struct po_program_denial denial = {needs->at[i].kind, needs->at[i].value, "kind"};
        PO_TRY(cx, refuse(cx, home, program, &denial));
        return PO_FAIL(cx, PO_DENIED, "a %.*s only reads: '%.*s' needs %s",
                       PO_STR_ARG(program->row.kind), PO_STR_ARG(program->row.entry),
                       po_cap_name(needs->at[i].kind));
    }
    return po_rc_ok();
}

static void put_event(struct po_json_out *json, const struct po_program *program,
                      const struct po_store_grant *row, const struct po_grant_options *options,
                      po_str approved_by)
{
    char digest[2 * PO_SHA256_BYTES + 1];
    char effective[PO_TIME_RFC3339_BYTES];
    po_hex_encode(program->digest, PO_SHA256_BYTES, digest);
    po_time_format_s(row->effective_us, effective);
    po_json_out_object(json);
    po_json_out_field(json, "approved_by", approved_by);
    po_json_out_key(json, "capabilities");
    po_json_out_raw(json, row->caps);
    po_json_out_field(json, "clause", row->clause);
    po_json_out_field(json, "effective", po_str_of(effective));
    po_json_out_field(json, "entry", row->entry);
    po_json_out_field(json, "file", row->file);
    po_json_out_field(json, "program_sha256", po_str_of(digest));
    po_json_out_field(json, "reason", options->reason);
    po_json_out_object_end(json);
}

static PO_RC commit_grant(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                          struct po_store_grant *row, const struct po_grant_options *options)
{
    PO_BUF_AUTO detail;
    struct po_json_out json;
    po_str resource = {NULL, 0};
    bool waits = row->effective_us > row->granted_us;
    po_buf_init(&detail, PO_EVENT_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    put_event(&json, program, row, options, waits ? PO_LIT("sole operator") : po_str_of(cx->actor));
    PO_TRY_LEAF(cx, po_buf_check(&detail), "grant event");
    PO_TRY(cx, po_program_resource(cx, program, &resource));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_grant_add(cx, tx, row, &row->id));
    const struct po_event event = {.type = PO_EVENT_TYPE_PROGRAM_GRANTED,
                                   .resource = resource,
                                   .action = PO_LIT("approve"),
                                   .result = PO_EVENT_SUCCESS,
                                   .detail = po_buf_str(&detail)};
    return po_home_commit(cx, home, tx, &event);
}

PO_RC po_grant_may(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                   const struct po_grant_options *options)
{
    struct po_grant present = {0};
    PO_TRY(cx, po_grant_find(cx, home, program->digest, &present));
    if (present.state != PO_GRANT_NONE)
        return PO_FAIL(cx, PO_EXISTS, "this text of '%.*s' is granted already",
                       PO_STR_ARG(program->row.entry));
    if (options->reason.len > PO_GRANT_REASON_BYTES_MAX)
        return PO_FAIL(cx, PO_USAGE, "a reason has at most %d bytes", PO_GRANT_REASON_BYTES_MAX);
    PO_TRY(cx, check_clause(cx, home, program));
    PO_TRY(cx, check_ceiling(cx, home, program));
    PO_TRY(cx, check_kind(cx, home, program));
    if (po_grant_waits(&program->row.needs) && po_str_trim(options->reason).len == 0)
        return PO_FAIL(cx, PO_USAGE, "'%.*s' changes things: give --reason",
                       PO_STR_ARG(program->row.entry));
    return po_rc_ok();
}

PO_RC po_grant_give(struct po_ctx *cx, struct po_home *home, const struct po_program *program,
                    const struct po_grant_options *options, struct po_grant *ret_grant)
{
    bool waits = po_grant_waits(&program->row.needs);
    PO_TRY(cx, po_grant_may(cx, home, program, options));
    PO_BUF_AUTO caps;
    struct po_json_out json;
    po_buf_init(&caps, PO_STORE_VALUE_BYTES_MAX);
    po_json_out_init(&json, &caps, 0);
    po_caps_put(&program->row.needs, &json);
    PO_TRY_LEAF(cx, po_buf_check(&caps), "the capabilities are too many");
    struct po_store_grant row = {.file = options->file,
                                 .entry = program->row.entry,
                                 .caps = po_buf_str(&caps),
                                 .granted_us = po_ctx_now_us(cx)};
    row.effective_us = row.granted_us;
    if (po_str_eq_cstr(program->row.kind, "control")) row.clause = program->row.id;
    if (waits) row.effective_us += po_cfg_int(po_home_cfg(home), PO_CFG_GRANT_WAIT);
    memcpy(row.digest, program->digest, sizeof row.digest);
    PO_TRY(cx, commit_grant(cx, home, program, &row, options));
    *ret_grant = (struct po_grant){.state = waits ? PO_GRANT_WAITING : PO_GRANT_IN_FORCE,
                                   .id = row.id,
                                   .caps = program->row.needs,
                                   .effective_us = row.effective_us};
    return po_rc_ok();
}

/* ---- revoking ------------------------------------------------------------------------------------- */

static PO_RC revoke_row(struct po_ctx *cx, struct po_home *home, const struct po_store_grant *row)
{
    PO_BUF_AUTO detail;
    struct po_json_out json;
    char digest[2 * PO_SHA256_BYTES + 1];
    bool is_waiting = row->effective_us > po_ctx_now_us(cx);
    po_buf_init(&detail, PO_EVENT_BYTES_MAX);
    po_json_out_init(&json, &detail, 0);
    po_hex_encode(row->digest, sizeof row->digest, digest);
    po_json_out_object(&json);
    po_json_out_field(&json, "entry", row->entry);
    po_json_out_field(&json, "file", row->file);
    po_json_out_field(&json, "program_sha256", po_str_of(digest));
    po_json_out_field(&json, "was", is_waiting ? PO_LIT("waiting") : PO_LIT("in force"));
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "revocation event");
    const char *resource = po_arena_printf(cx->arena, "program:%.*s#%.*s", PO_STR_ARG(row->file),
                                           PO_STR_ARG(row->entry));
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_grant_revoke(cx, tx, row->id));
    const struct po_event event = {.type = PO_EVENT_TYPE_PROGRAM_REVOKED,
                                   .resource = po_str_of(resource),
                                   .action = PO_LIT("remove"),
                                   .result = PO_EVENT_SUCCESS,
                                   .detail = po_buf_str(&detail)};
    return po_home_commit(cx, home, tx, &event);
}

PO_RC po_grant_revoke(struct po_ctx *cx, struct po_home *home, po_str file, po_str entry,
                      size_t *ret_count)
{
    struct po_store_grant *rows = NULL;
    size_t count = 0;
    size_t revoked = 0;
    PO_TRY(cx, po_store_grant_list(cx, po_home_store(home), &rows, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_it = rows[i].revoked_us == 0 && po_str_eq(rows[i].file, file) &&
                     (entry.len == 0 || po_str_eq(rows[i].entry, entry));
        if (!is_it) continue;
        PO_TRY(cx, revoke_row(cx, home, &rows[i]));
        revoked++;
    }
    if (revoked == 0)
        return PO_FAIL(cx, PO_NOTFOUND, "nothing of '%.*s' is granted", PO_STR_ARG(file));
    *ret_count = revoked;
    return po_rc_ok();
}

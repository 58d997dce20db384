/*
 * Issuing a report and verifying one: the same function renders both times.
 *
 * A report's ledger record holds digests and a position, no figures (law 1). Verifying takes the
 * position from the record, fills the view anew and compares bytes.
 */
#include "evidence/evidence.h"

#include "core/build.h"
#include "core/codec.h"
#include "core/fs.h"
#include "crypto/crypto.h"

PO_RC po_evidence_render(struct po_ctx *cx, const struct po_report_request *request,
                         struct po_view *ret_view, struct po_buf *out)
{
    struct po_evidence evidence;
    PO_TRY(cx, po_evidence_load(cx, &request->source, request->size, &evidence));
    if (evidence.at.size == 0)
        return PO_FAIL(cx, PO_UNAVAILABLE, "there is no evidence yet; run 'paulyops assess'");
    PO_TRY(cx, po_evidence_view(cx, &request->source, &evidence, ret_view));
    return po_report_render(cx, request->source.catalog, ret_view, request->kind, out);
}

/* System_Health_Report.md keeps its place at the root, as the source system had it. */
static PO_RC report_path(struct po_ctx *cx, struct po_home *home, const struct po_view *view,
                         enum po_report_kind kind, const char **ret_path)
{
    po_str name = {"", 0};
    PO_TRY(cx, po_report_file_name(cx, view, kind, &name));
    const char *file = po_arena_strdup(cx->arena, name);
    if (file == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    const char *dir = NULL;
    PO_TRY(cx, po_home_tenant_root(cx, po_home_root(home), &dir));
    if (kind != PO_REPORT_HEALTH)
        PO_TRY(cx, po_path_join(cx, dir, po_home_place_row(PO_PLACE_REPORTS)->path, &dir));
    return po_path_join(cx, dir, file, ret_path);
}

/* The default tenant's directories are there since `init`; another's are made with its first report. */
static PO_RC make_place(struct po_ctx *cx, struct po_home *home)
{
    const char *root = NULL;
    const char *dir = NULL;
    if (cx->tenant.value == PO_TENANT_DEFAULT.value) return po_rc_ok();
    PO_TRY(cx, po_home_tenant_root(cx, po_home_root(home), &root));
    PO_TRY(cx, po_path_join(cx, root, po_home_place_row(PO_PLACE_REPORTS)->path, &dir));
    return po_fs_mkdir_all(cx, dir, 0700);
}

static PO_RC record_report(struct po_ctx *cx, struct po_home *home,
                           const struct po_report_record *record)
{
    PO_BUF_AUTO detail;
    po_buf_init(&detail, PO_REPORT_RECORD_BYTES_MAX);
    PO_TRY(cx, po_report_record_encode(cx, record, &detail));
    const char *resource = po_arena_printf(cx->arena, "report:%.*s", PO_STR_ARG(record->id));
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_event event = {.type = PO_EVENT_TYPE_REPORT_CREATED,
                             .resource = po_str_of(resource),
                             .action = po_str_of(po_report_kind_name(record->kind)),
                             .result = PO_EVENT_SUCCESS,
                             .detail = po_buf_str(&detail)};
    return po_home_record(cx, home, &event);
}

PO_RC po_evidence_issue(struct po_ctx *cx, const struct po_report_request *request,
                        struct po_issued *ret_issued)
{
    struct po_home *home = request->source.home;
    struct po_view view;
    struct po_issued issued = {0};
    PO_BUF_AUTO body;
    po_buf_init(&body, PO_REPORT_BYTES_MAX);
    PO_TRY(cx, po_home_flush(cx, home));
    PO_TRY(cx, po_evidence_render(cx, request, &view, &body));
    PO_TRY(cx, po_report_record_make(cx, request->source.catalog, &view, request->kind,
                                     po_buf_str(&body), &issued.record));
    const char *generator = po_arena_printf(cx->arena, "paulyops %s", po_build.version);
    if (generator == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    issued.record.generator = po_str_of(generator);
    if (view.build.digest.len == 2 * sizeof issued.record.generator_digest)
        PO_TRY_LEAF(cx,
                    po_hex_decode(view.build.digest, issued.record.generator_digest,
                                  sizeof issued.record.generator_digest),
                    "the recorded program digest is not hex");
    PO_TRY(cx, report_path(cx, home, &view, request->kind, &issued.path));
    struct po_intent intent = {.action = "report.write", .resource = issued.record.id};
    PO_TRY(cx, po_intent_begin(cx, home, &intent));
    PO_TRY(cx, make_place(cx, home));
    PO_TRY(cx, po_fs_write_atomic(cx, issued.path, po_buf_str(&body), 0640));
    PO_TRY(cx, record_report(cx, home, &issued.record));
    PO_TRY(cx, po_intent_end(cx, home, &intent, PO_EVENT_SUCCESS, PO_LIT("{}")));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&body), &issued.body), "out of memory");
    *ret_issued = issued;
    return po_rc_ok();
}

/* -- verify -------------------------------------------------------------------------------------- */

static bool same_digest(const uint8_t *a, const uint8_t *b)
{
    return po_str_eq(po_str_n(a, PO_SHA256_BYTES), po_str_n(b, PO_SHA256_BYTES));
}

static bool is_answer(const struct po_report_query *query, const struct po_report_record *record)
{
    if (query->kind != NULL)
        return po_str_eq_cstr(po_str_of(po_report_kind_name(record->kind)), query->kind);
    if (query->body_digest != NULL) return same_digest(record->body_digest, query->body_digest);
    return po_str_eq(record->id, query->id);
}

static PO_RC read_record(struct po_ctx *cx, struct po_home *home, uint64_t leaf,
                         struct po_report_record *ret_record)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    PO_TRY(cx, po_ledger_event_at(cx, po_home_ledger(home), leaf, &bytes, NULL));
    po_str kept = {NULL, 0};
    struct po_event_view event;
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), &kept), "out of memory");
    PO_TRY(cx, po_event_parse(cx, kept, &event));
    return po_report_record_from_json(cx, po_json_get(event.json, "detail"), ret_record);
}

PO_RC po_evidence_report_find(struct po_ctx *cx, struct po_home *home,
                              const struct po_report_query *query, bool *ret_found,
                              struct po_report_record *ret_record)
{
    const struct po_ledger_filter filter = {.type = PO_EVENT_TYPE_REPORT_CREATED,
                                            .is_own_tenant = true};
    uint64_t from = po_ledger_size(po_home_ledger(home));
    *ret_found = false;
    while (from > 0 && !*ret_found) {
        bool is_found = false;
        struct po_record record;
        PO_TRY(cx, po_ledger_prev(cx, po_home_ledger(home), from - 1, &filter, &is_found, &from,
                                  &record));
        if (!is_found) return po_rc_ok();
        PO_TRY(cx, read_record(cx, home, from, ret_record));
        *ret_found = is_answer(query, ret_record);
    }
    return po_rc_ok();
}

static void check(struct po_report_check *result, const char *what, bool holds)
{
    result->items[result->count++] = (struct po_report_check_item){what, holds};
    if (!holds) result->is_ok = false;
}

PO_RC po_evidence_report_verify(struct po_ctx *cx, const struct po_report_record *record,
                                const struct po_report_request *how,
                                struct po_report_check *ret_check)
{
    struct po_report_check result = {.is_ok = true};
    struct po_report_request request = *how;
    struct po_report_record again;
    struct po_view view;
    PO_BUF_AUTO body;
    po_buf_init(&body, PO_REPORT_BYTES_MAX);
    request.kind = record->kind;
    request.size = record->size;
    PO_TRY(cx, po_evidence_render(cx, &request, &view, &body));
    PO_TRY(cx, po_report_record_make(cx, request.source.catalog, &view, record->kind,
                                     po_buf_str(&body), &again));
    check(&result, "the ledger still has the root the report names",
          same_digest(again.root, record->root));
    check(&result, "the template is the one it was made from",
          same_digest(again.template_digest, record->template_digest));
    check(&result, "the catalog is the one it was made from",
          same_digest(again.catalog_digest, record->catalog_digest));
    check(&result, "every figure, computed again, gives the same bytes",
          same_digest(again.body_digest, record->body_digest));
    if (how->file.ptr != NULL)
        check(&result, "the file holds those bytes", po_str_eq(how->file, po_buf_str(&body)));
    *ret_check = result;
    return po_rc_ok();
}

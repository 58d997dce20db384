/*
 * Reports: kinds, names, records; rendering by template or fixed layout.
 *
 * Invariants
 * 1. A body depends on template, catalog and view alone; two renderings are byte-equal.
 * 2. A record holds digests and a position, never a figure.
 */
#include "report_priv.h"

#include "core/codec.h"
#include "core/embed.h"

#define RECORD_VERSION 1
#define LAYOUT_VERSION "1"

static const struct {
    const char *name;
    const char *source; /* embedded template, or the name of a fixed layout */
    bool is_template;
    const char *file; /* %s: date; NULL in it when the name is fixed */
} kinds[] = {
    [PO_REPORT_READINESS] = {"readiness", "content/reports/readiness.md.tmpl", true,
                             "Readiness_Report_"},
    [PO_REPORT_STATUS] = {"status", "content/reports/compliance_status.md.tmpl", true,
                          "Compliance_Status_"},
    [PO_REPORT_HEALTH] = {"health", "layout/health/" LAYOUT_VERSION, false, NULL},
    [PO_REPORT_NIGHTLY] = {"nightly", "layout/nightly/" LAYOUT_VERSION, false,
                           "Nightly_Update_Report_"},
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

const char *po_report_kind_name(enum po_report_kind kind) { return kinds[kind].name; }

PO_RC po_report_kind_parse(po_str name, enum po_report_kind *ret_kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (!po_str_eq_cstr(name, kinds[i].name)) continue;
        *ret_kind = (enum po_report_kind)i;
        return po_rc_ok();
    }
    return po_rc_of(PO_NOTFOUND);
}

static PO_RC find_template(struct po_ctx *cx, enum po_report_kind kind, po_str *ret_text)
{
    if (!po_embed_find(po_str_of(kinds[kind].source), ret_text))
        return PO_FAIL(cx, PO_BUG, "'%s' is not in this program", kinds[kind].source);
    return po_rc_ok();
}

PO_RC po_report_template_digest(struct po_ctx *cx, enum po_report_kind kind,
                                uint8_t out[static PO_SHA256_BYTES])
{
    po_str text = po_str_of(kinds[kind].source);
    if (kinds[kind].is_template) PO_TRY(cx, find_template(cx, kind, &text));
    PO_TRY_LEAF(cx, po_sha256(text, out), "hashing '%s'", kinds[kind].source);
    return po_rc_ok();
}

PO_RC po_report_id(struct po_ctx *cx, const struct po_view *view, enum po_report_kind kind,
                   po_str *ret_id)
{
    char date[PO_TIME_DATE_BYTES];
    po_time_format_date(view->as_of.time_us, date);
    const char *id = po_arena_printf(cx->arena, "R-%s-%s-%lu", date, kinds[kind].name,
                                     (unsigned long)view->as_of.size);
    if (id == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_id = po_str_of(id);
    return po_rc_ok();
}

PO_RC po_report_file_name(struct po_ctx *cx, const struct po_view *view, enum po_report_kind kind,
                          po_str *ret_name)
{
    if (kinds[kind].file == NULL) {
        *ret_name = PO_LIT("System_Health_Report.md");
        return po_rc_ok();
    }
    char date[PO_TIME_DATE_BYTES];
    po_time_format_date(view->as_of.time_us, date);
    const char *name = po_arena_printf(cx->arena, "%s%s.md", kinds[kind].file, date);
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_name = po_str_of(name);
    return po_rc_ok();
}

/* rule: a sixth parameter, because the three inputs of a body are named apart */
PO_RC po_report_render_template(struct po_ctx *cx, const struct po_catalog *catalog,
                                const struct po_view *view, po_str name, po_str text,
                                struct po_buf *out)
{
    struct po_model model;
    PO_TRY(cx, po_model_make(cx, catalog, view, PO_REPORT_READINESS, &model));
    PO_TRY(cx, po_template_render(cx, &model, name, text, out));
    return po_rc_ok();
}

PO_RC po_report_render(struct po_ctx *cx, const struct po_catalog *catalog,
                       const struct po_view *view, enum po_report_kind kind, struct po_buf *out)
{
    struct po_model model;
    PO_TRY(cx, po_model_make(cx, catalog, view, kind, &model));
    if (kind == PO_REPORT_HEALTH) return po_layout_health(cx, &model, out);
    if (kind == PO_REPORT_NIGHTLY) return po_layout_nightly(cx, &model, out);
    po_str text;
    PO_TRY(cx, find_template(cx, kind, &text));
    PO_TRY(cx, po_template_render(cx, &model, po_str_of(kinds[kind].source), text, out));
    return po_rc_ok();
}

/* -- records ------------------------------------------------------------------------------------- */

/* rule: a sixth parameter, because the inputs of a body and the body are named apart */
PO_RC po_report_record_make(struct po_ctx *cx, const struct po_catalog *catalog,
                            const struct po_view *view, enum po_report_kind kind, po_str body,
                            struct po_report_record *ret_record)
{
    struct po_report_record record = {
        .kind = kind, .size = view->as_of.size, .time_us = view->as_of.time_us};
    PO_TRY(cx, po_report_id(cx, view, kind, &record.id));
    memcpy(record.root, view->as_of.root, sizeof record.root);
    memcpy(record.catalog_digest, catalog->digest, sizeof record.catalog_digest);
    PO_TRY(cx, po_report_template_digest(cx, kind, record.template_digest));
    PO_TRY_LEAF(cx, po_sha256(body, record.body_digest), "hashing the report");
    *ret_record = record;
    return po_rc_ok();
}

static void write_digest(struct po_json_out *json, const char *key,
                         const uint8_t digest[static PO_SHA256_BYTES])
{
    char hex[2 * PO_SHA256_BYTES + 1];
    po_hex_encode(digest, PO_SHA256_BYTES, hex);
    po_json_out_field(json, key, po_str_of(hex));
}

PO_RC po_report_record_encode(struct po_ctx *cx, const struct po_report_record *record,
                              struct po_buf *out)
{
    if (record->id.len == 0 || record->id.len > PO_REPORT_ID_BYTES_MAX)
        return PO_FAIL(cx, PO_INVALID, "report id '%.*s' is not 1..%d bytes",
                       PO_STR_ARG(record->id), PO_REPORT_ID_BYTES_MAX);
    char time[PO_TIME_RFC3339_BYTES];
    po_time_format(record->time_us, time);
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json); /* members in sorted order: canonical */
    write_digest(&json, "body_sha256", record->body_digest);
    write_digest(&json, "catalog_sha256", record->catalog_digest);
    po_json_out_field(&json, "generator", record->generator);
    write_digest(&json, "generator_sha256", record->generator_digest);
    po_json_out_field(&json, "id", record->id);
    po_json_out_field(&json, "kind", PO_LIT("report"));
    po_json_out_field(&json, "report", po_str_of(po_report_kind_name(record->kind)));
    write_digest(&json, "root", record->root);
    po_json_out_field_int(&json, "size", (int64_t)record->size);
    write_digest(&json, "template_sha256", record->template_digest);
    po_json_out_field(&json, "time", po_str_of(time));
    po_json_out_field_int(&json, "v", RECORD_VERSION);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "writing the report record");
    return po_rc_ok();
}

static PO_RC read_digest(struct po_ctx *cx, const struct po_json *root, const char *key,
                         uint8_t out[static PO_SHA256_BYTES])
{
    po_str hex;
    PO_TRY(cx, po_json_get_str(cx, root, key, &hex));
    PO_TRY_LEAF(cx, po_hex_decode(hex, out, PO_SHA256_BYTES), "'%s' is no SHA-256 digest", key);
    return po_rc_ok();
}

static PO_RC check_members(struct po_ctx *cx, const struct po_json *root)
{
    static const char *const names[] = {
        "body_sha256", "catalog_sha256", "generator", "generator_sha256", "id",   "kind",
        "report",      "root",           "size",      "template_sha256",  "time", "v"};
    size_t known = 0;
    for (const struct po_json *m = root->first; m != NULL; m = m->next) {
        size_t i = 0;
        while (i < sizeof names / sizeof names[0] && !po_str_eq_cstr(m->key, names[i]))
            i++;
        if (i == sizeof names / sizeof names[0])
            return PO_FAIL(cx, PO_INVALID, "the report record has an unknown member '%.*s'",
                           PO_STR_ARG(m->key));
        known++;
    }
    if (root->type != PO_JSON_OBJECT || known != sizeof names / sizeof names[0])
        return PO_FAIL(cx, PO_INVALID, "the report record lacks a member");
    return po_rc_ok();
}

static PO_RC read_digests(struct po_ctx *cx, const struct po_json *root,
                          struct po_report_record *record)
{
    PO_TRY(cx, read_digest(cx, root, "body_sha256", record->body_digest));
    PO_TRY(cx, read_digest(cx, root, "catalog_sha256", record->catalog_digest));
    PO_TRY(cx, read_digest(cx, root, "generator_sha256", record->generator_digest));
    PO_TRY(cx, read_digest(cx, root, "root", record->root));
    PO_TRY(cx, read_digest(cx, root, "template_sha256", record->template_digest));
    return po_rc_ok();
}

PO_RC po_report_record_from_json(struct po_ctx *cx, const struct po_json *root,
                                 struct po_report_record *ret_record)
{
    struct po_report_record record = {0};
    po_str kind;
    po_str report;
    po_str time;
    int64_t version = 0;
    int64_t size = 0;
    PO_TRY(cx, check_members(cx, root));
    PO_TRY(cx, po_json_get_str(cx, root, "kind", &kind));
    PO_TRY(cx, po_json_get_int(cx, root, "v", &version));
    if (!po_str_eq_cstr(kind, "report") || version != RECORD_VERSION)
        return PO_FAIL(cx, PO_INVALID, "this is no report record of version %d", RECORD_VERSION);
    PO_TRY(cx, po_json_get_str(cx, root, "report", &report));
    if (!po_is_ok(po_report_kind_parse(report, &record.kind)))
        return PO_FAIL(cx, PO_INVALID, "unknown report '%.*s'", PO_STR_ARG(report));
    PO_TRY(cx, po_json_get_str(cx, root, "time", &time));
    PO_TRY_LEAF(cx, po_time_parse(time, &record.time_us), "'time' is no UTC time");
    PO_TRY(cx, po_json_get_int(cx, root, "size", &size));
    if (size < 0) return PO_FAIL(cx, PO_INVALID, "'size' is negative");
    record.size = (uint64_t)size;
    PO_TRY(cx, po_json_get_str(cx, root, "id", &record.id));
    PO_TRY(cx, po_json_get_str(cx, root, "generator", &record.generator));
    PO_TRY(cx, read_digests(cx, root, &record));
    *ret_record = record;
    return po_rc_ok();
}

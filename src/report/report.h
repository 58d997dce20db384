/*
 * Reports: text computed from an evidence view, nothing else.
 *
 * A body is a pure function of (template bytes, catalog, evidence view): no clock, no file, no
 * state. Whoever fills the view fills it from the ledger alone (run records and other events at or
 * before the as-of leaf), so `report verify` can fill it again and get the same bytes (law 1). What
 * the view does not know prints as `untested`, `n/a` or `not set`, never as good.
 *
 * Limits   PO_REPORT_BYTES_MAX a body, PO_TEMPLATE_BYTES_MAX a template, PO_VIEW_* lists of the view
 * Source   docs/spec/report.md
 * Control  RPT-01 CC4.2 PI1.4
 */
#ifndef PO_REPORT_REPORT_H
#define PO_REPORT_REPORT_H

#include "control/control.h"

#define PO_REPORT_BYTES_MAX ((size_t)1 << 20)
#define PO_TEMPLATE_BYTES_MAX ((size_t)256 << 10)
#define PO_REPORT_ID_BYTES_MAX 64
#define PO_VIEW_HEALTH_MAX PO_HEALTH_CHECKS_MAX
#define PO_VIEW_REGISTER_MAX 256
#define PO_VIEW_TEXT_BYTES_MAX 512 /* longer texts of the view are cut where printed */

/* -- evidence view -------------------------------------------------------------------------------- */

enum po_view_health_state {
    PO_VIEW_HEALTH_PASS,
    PO_VIEW_HEALTH_FAIL,
    PO_VIEW_HEALTH_SKIPPED,
    PO_VIEW_HEALTH_ERROR,
    PO_VIEW_HEALTH_UNTESTED
};

/* Newest result of one health check. A missing one, or one older than PO_VIEW_HEALTH_TTL_US at the
 * as-of time, counts as untested. */
#define PO_VIEW_HEALTH_TTL_US (10 * PO_US_PER_MIN) /* 2 x the assessment timer */
struct po_view_health {
    po_str id; /* "HC-01" */
    enum po_view_health_state state;
    po_str reason;
    po_time_us checked_us;
    uint64_t leaf;
};

/* An operator's figure; always printed as an estimate with its date. */
struct po_view_register {
    po_str name; /* "cost.audit" */
    po_str value;
    po_time_us set_us;
    uint64_t leaf;
};

/* The program that judged, as recorded in the ledger, not the one that prints. */
struct po_view_build {
    bool is_known;
    po_str version;
    po_str digest;         /* hex SHA-256 of the program's file; "" unknown */
    bool manifest_matches; /* a build manifest was found and names this very digest */
    int64_t abort_sites;   /* from that manifest; counts only when it matches */
};

struct po_view_count {
    bool is_known;
    int64_t value;
};

struct po_view_uptime {
    bool is_known;
    int64_t good_minutes;
    int64_t all_minutes; /* without announced maintenance; unknown minutes are not good */
};

struct po_view_recovery {
    bool is_known;
    int64_t worst_ms;
    int64_t p50_ms;
    int64_t p95_ms;
    int64_t samples;
};

/* The same at an earlier leaf, for what changed since. */
struct po_view_previous {
    bool is_known;
    struct po_as_of as_of;
    struct po_state_input states;
};

struct po_view {
    struct po_as_of as_of;        /* size, root and receive time of the as-of leaf */
    struct po_state_input states; /* newest runs, waivers, scope decisions; same time */
    const struct po_view_health *health;
    size_t health_count;
    const struct po_view_register *registers;
    size_t register_count;
    struct po_view_build build;
    struct po_view_count crashes; /* in the last window_days */
    int64_t window_days;          /* 0: PO_VIEW_WINDOW_DAYS */
    struct po_view_uptime uptime;
    struct po_view_recovery recovery;
    struct po_view_count findings_overdue; /* critical and high, past due */
    struct po_view_count assertion;        /* management assertions in force; > 0: signed */
    struct po_view_count closed_recently;  /* controls that turned to pass in the last 56 days */
    struct po_view_previous previous;
    po_str instance; /* "inst_..."; stands where the original printed a host name */
    po_str company;  /* "" prints n/a */
    po_str environment;
    po_str storage_provider;
};
#define PO_VIEW_WINDOW_DAYS 30

/* -- reports -------------------------------------------------------------------------------------- */

enum po_report_kind { PO_REPORT_READINESS, PO_REPORT_STATUS, PO_REPORT_HEALTH, PO_REPORT_NIGHTLY };
const char *po_report_kind_name(enum po_report_kind kind); /* "readiness", "status", ... */
/* PO_NOTFOUND for another name. */
PO_RC po_report_kind_parse(po_str name, enum po_report_kind *ret_kind);

/*
 * Append the body of one report. Readiness and status use the embedded templates; health and
 * nightly have fixed layouts (docs/spec/report.md 5).
 *
 * Errors   PO_INVALID  the template names something unknown (line named);  PO_LIMIT;  PO_NOMEM
 */
PO_RC po_report_render(struct po_ctx *cx, const struct po_catalog *catalog,
                       const struct po_view *view, enum po_report_kind kind, struct po_buf *out);
/* The same with a template of one's own; `name` is for messages: "readiness.md.tmpl:12: ...". */
PO_RC po_report_render_template(struct po_ctx *cx, const struct po_catalog *catalog,
                                const struct po_view *view, po_str name, po_str text,
                                struct po_buf *out);
/* SHA-256 of the template; of the name of the fixed layout and its version for the others. */
PO_RC po_report_template_digest(struct po_ctx *cx, enum po_report_kind kind,
                                uint8_t out[static PO_SHA256_BYTES]);

/* Which readiness word, and why not. */
struct po_readiness {
    bool is_ready;
    const char *word; /* "READY" or "NOT READY" */
    po_str why;       /* "" when ready: the first reason otherwise */
};
PO_RC po_report_readiness(struct po_ctx *cx, const struct po_catalog *catalog,
                          const struct po_view *view, struct po_readiness *ret_readiness);

/* "R-2026-11-21-readiness-1042": date of the as-of leaf, kind, ledger size. */
PO_RC po_report_id(struct po_ctx *cx, const struct po_view *view, enum po_report_kind kind,
                   po_str *ret_id);
/* "Nightly_Update_Report_2026-11-21.md", "System_Health_Report.md", "Readiness_Report_...". */
PO_RC po_report_file_name(struct po_ctx *cx, const struct po_view *view, enum po_report_kind kind,
                          po_str *ret_name);

/* What the ledger keeps of a report: digests and a position, no figures. */
#define PO_REPORT_RECORD_BYTES_MAX 4096
struct po_report_record {
    po_str id;
    enum po_report_kind kind;
    uint64_t size;
    uint8_t root[PO_SHA256_BYTES];
    po_time_us time_us;
    uint8_t template_digest[PO_SHA256_BYTES];
    uint8_t catalog_digest[PO_SHA256_BYTES];
    uint8_t body_digest[PO_SHA256_BYTES];
    po_str generator;                          /* "paulyops 0.1.0" */
    uint8_t generator_digest[PO_SHA256_BYTES]; /* all zero: unknown */
};
/* Fill all but the generator from what was rendered. */
PO_RC po_report_record_make(struct po_ctx *cx, const struct po_catalog *catalog,
                            const struct po_view *view, enum po_report_kind kind, po_str body,
                            struct po_report_record *ret_record);
/* Canonical JSON, the `detail` of a report.created event, and its strict inverse. PO_INVALID. */
PO_RC po_report_record_encode(struct po_ctx *cx, const struct po_report_record *record,
                              struct po_buf *out);
PO_RC po_report_record_from_json(struct po_ctx *cx, const struct po_json *root,
                                 struct po_report_record *ret_record);

/* -- figures ------------------------------------------------------------------------------------- */

/* One named figure of the reports. */
struct po_figure {
    const char *name;  /* "health.passed" */
    const char *query; /* what it is computed from, in words */
};
size_t po_figure_count(void);
const struct po_figure *po_figure_at(size_t i); /* i < po_figure_count() */
/* Its text over this view. PO_NOTFOUND for an unknown name. */
PO_RC po_figure_text(struct po_ctx *cx, const struct po_catalog *catalog,
                     const struct po_view *view, po_str name, struct po_buf *out);
/* Names that {{register NAME}} may use; NULL-terminated. */
extern const char *const po_report_register_names[];

/* -- claims ---------------------------------------------------------------------------------------- */

#define PO_CLAIMS_BYTES_MAX ((size_t)1 << 20)
#define PO_CLAIMS_MAX 2048

enum po_claim_verdict { PO_CLAIM_CONFIRMED, PO_CLAIM_CONTRADICTED, PO_CLAIM_UNPROVEN };
const char *po_claim_verdict_name(enum po_claim_verdict verdict);

struct po_claim {
    size_t line;    /* 1-based, in the text */
    po_str section; /* nearest heading above */
    po_str text;
    enum po_claim_verdict verdict;
    po_str evidence; /* the facts that decide it; "" when nothing was recorded */
};
struct po_claims {
    const struct po_claim *claims;
    size_t count;
    size_t confirmed;
    size_t contradicted;
    size_t unproven;
    bool is_ready;  /* computed from the facts alone, whatever the text says */
    po_str why;     /* first reason when not ready */
    po_str subject; /* from the facts file */
};
/*
 * Compare what a readiness text claims with recorded facts (docs/spec/report.md 6). Writes nothing.
 *
 * text     in   markdown: status lines, list items, tables, scores
 * facts    in   JSON, docs/spec/report.md 6.2
 * Errors   PO_INVALID  the facts break their format (member named);  PO_LIMIT;  PO_NOMEM
 */
PO_RC po_claims_compare(struct po_ctx *cx, po_str text, po_str facts, struct po_claims *ret_claims);
/* Markdown: overall word, counts, table of claims and evidence. */
PO_RC po_claims_markdown(struct po_ctx *cx, const struct po_claims *claims, struct po_buf *out);
PO_RC po_claims_json(struct po_ctx *cx, const struct po_claims *claims, struct po_buf *out);

#endif

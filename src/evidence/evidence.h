/*
 * Evidence: the newest run of every clause at a ledger position, and packs that hold it with proofs.
 *
 * Everything here is read from the ledger and checked against it (law 1); nothing is cached.
 *
 * Source   docs/spec/evidence-pack.md, docs/spec/run-record.md
 * Control  CC4.1 RPT-01
 */
#ifndef PO_EVIDENCE_EVIDENCE_H
#define PO_EVIDENCE_EVIDENCE_H

#include "control/control.h"
#include "core/ctx.h"
#include "home/home.h"
#include "report/report.h"

/* A position in the ledger and what it is called. */
struct po_evidence_at {
    uint64_t size;                 /* leaves considered: 0 .. size - 1 */
    uint8_t root[PO_SHA256_BYTES]; /* of the tree of that size */
    po_time_us time_us;            /* receive time of leaf size - 1; 0 when empty */
};
/*
 * size = 0 asks for the newest. Reads the ledger as it is: call po_home_flush before, when events
 * recorded by this command are to count.
 *
 * Errors   PO_NOTFOUND beyond the ledger's end;  PO_IO, PO_CORRUPT
 */
PO_RC po_evidence_locate(struct po_ctx *cx, struct po_home *home, uint64_t size,
                         struct po_evidence_at *ret_at);

/* What evidence is read from, and for which clauses. */
struct po_evidence_source {
    struct po_home *home;
    const struct po_catalog *catalog;
    const bool *is_wanted; /* one per clause: it can have runs; NULL: all */
};

/*
 * The newest run of each clause among the first `at->size` leaves: one entry per clause of the
 * catalog, PO_LEAF_NONE where there is none. Each is opened and held against its leaf.
 *
 * The walk back ends when every wanted clause has its run, so that clauses nobody tests do not make
 * it read the whole ledger.
 *
 * Errors   PO_UNAVAILABLE no keys to open runs;  PO_TAMPER, PO_CORRUPT;  PO_NOMEM
 * Cost     about 20 us a run met
 */
PO_RC po_evidence_runs(struct po_ctx *cx, const struct po_evidence_source *source,
                       const struct po_evidence_at *at, const struct po_clause_run **ret_runs);

/* The newest event of one type among the first at->size leaves, parsed. */
struct po_evidence_event {
    bool is_found;
    uint64_t leaf;
    struct po_event_view event;
};
PO_RC po_evidence_newest(struct po_ctx *cx, struct po_home *home, const struct po_evidence_at *at,
                         enum po_event_type type, struct po_evidence_event *ret_event);

/* Everything scores and reports start from, at one position. */
struct po_evidence {
    const struct po_catalog *catalog;
    struct po_evidence_at at;
    const struct po_clause_run *runs;         /* per clause */
    const struct po_control_result *controls; /* per control */
    const struct po_clause_result *clauses;   /* per clause */
    struct po_scores scores;
};
/* Load the runs and compute states and scores. `size` as for po_evidence_locate. */
PO_RC po_evidence_load(struct po_ctx *cx, const struct po_evidence_source *source, uint64_t size,
                       struct po_evidence *ret_evidence);

/* -- reports ------------------------------------------------------------------------------------- */

/* The position as control/ states it. */
struct po_as_of po_evidence_as_of(const struct po_evidence_at *at);
/* What a report is a function of, filled from the ledger alone. In the arena. */
PO_RC po_evidence_view(struct po_ctx *cx, const struct po_evidence_source *source,
                       const struct po_evidence *evidence, struct po_view *ret_view);

/* The operator's figures as register.changed events give them, newest of each name. In the arena. */
PO_RC po_evidence_registers(struct po_ctx *cx, struct po_home *home,
                            const struct po_evidence_at *at,
                            const struct po_view_register **ret_registers, size_t *ret_count);

struct po_report_request {
    struct po_evidence_source source;
    enum po_report_kind kind;
    uint64_t size; /* as for po_evidence_locate */
    po_str file;   /* when verifying: bytes to compare as well; NULL pointer: only the record */
};
/* Render, writing nothing. PO_UNAVAILABLE when the ledger is empty. */
PO_RC po_evidence_render(struct po_ctx *cx, const struct po_report_request *request,
                         struct po_view *ret_view, struct po_buf *out);

struct po_issued {
    struct po_report_record record;
    const char *path;
    po_str body;
};
/* Render, write the file, record digests and position. Arena. PO_IO, PO_DENIED. */
PO_RC po_evidence_issue(struct po_ctx *cx, const struct po_report_request *request,
                        struct po_issued *ret_issued);

/* Which report record: the newest that fits. One of the members is set. */
struct po_report_query {
    po_str id;
    const uint8_t *body_digest; /* SHA-256 of the report's bytes */
    const char *kind;           /* "readiness", ... */
};
PO_RC po_evidence_report_find(struct po_ctx *cx, struct po_home *home,
                              const struct po_report_query *query, bool *ret_found,
                              struct po_report_record *ret_record);

struct po_report_check_item {
    const char *what;
    bool holds;
};
struct po_report_check {
    bool is_ok;
    struct po_report_check_item items[8];
    size_t count;
};
/* Rebuild a report from run records and compare. A difference is a result, not an error. */
PO_RC po_evidence_report_verify(struct po_ctx *cx, const struct po_report_record *record,
                                const struct po_report_request *how,
                                struct po_report_check *ret_check);

/* -- packs (docs/spec/evidence-pack.md) ------------------------------------------------------------- */

struct po_pack_file;

struct po_pack_options {
    struct po_evidence_source source;
    const char *dir;        /* must not exist */
    const po_str *criteria; /* only these; none: all */
    size_t criterion_count;
};
struct po_pack_exported {
    uint64_t size; /* ledger position of the evidence */
    po_time_us time_us;
    size_t file_count;
    const struct po_pack_file *files; /* arena; for po_pack_tar */
};
/*
 * Write a pack of the newest evidence. Signs a checkpoint before (to prove runs under) and after (to
 * prove the manifest).
 *
 * Errors   PO_EXISTS;  PO_NOTFOUND unknown criterion;  PO_DENIED read-only home;  PO_IO, PO_CREATE
 */
PO_RC po_pack_export(struct po_ctx *cx, const struct po_pack_options *options,
                     struct po_pack_exported *ret_exported);
/* Before anything is written: PO_NOTFOUND unknown criterion. */
PO_RC po_pack_validate(struct po_ctx *cx, const struct po_pack_options *options);
/* The exported directory as one tar, sorted, fixed times. PO_CREATE when the file exists. */
PO_RC po_pack_tar(struct po_ctx *cx, const char *dir, const struct po_pack_exported *exported,
                  const char *tar_path);

/*
 * Would a pack made now pass? Made in memory under the published checkpoint: nothing is written.
 *
 * Errors   PO_NOTFOUND nothing was signed yet;  PO_UNAVAILABLE no keys;  PO_IO, PO_CORRUPT
 */
struct po_pack_selfcheck {
    int64_t parts; /* texts, tables and runs looked at */
    int64_t fine;
};
PO_RC po_pack_check(struct po_ctx *cx, const struct po_evidence_source *source,
                    struct po_pack_selfcheck *ret_result);

enum po_pack_verdict {
    PO_PACK_FILES,
    PO_PACK_MANIFEST,
    PO_PACK_SIGNATURES,
    PO_PACK_LOG,
    PO_PACK_RUNS,
    PO_PACK_DERIVED,
    PO_PACK_ORIGIN,
    PO_PACK_VERDICT_COUNT
};
const char *po_pack_verdict_name(enum po_pack_verdict verdict);

#define PO_PACK_FINDINGS_MAX 64
struct po_pack_finding {
    enum po_pack_verdict verdict;
    const char *file;
    const char *why;
};
struct po_pack_verification {
    bool is_ok;
    bool is_origin_established;
    struct po_checkpoint checkpoint;
    size_t run_count;
    size_t file_count;
    enum po_verdict_state states[PO_PACK_VERDICT_COUNT];
    const char *whys[PO_PACK_VERDICT_COUNT];
    struct po_pack_finding findings[PO_PACK_FINDINGS_MAX];
    size_t finding_count;
    size_t findings_dropped;
};
struct po_pack_verify_options {
    const char *path;                /* directory or tar */
    const struct po_note_vkey *vkey; /* NULL: the pack's own */
    const struct po_ledger_against *against;
    size_t against_count;
};
/*
 * Verify a pack without home, keys or network. What does not hold is a finding, not an error.
 *
 * Errors   PO_NOTFOUND, PO_INVALID  no pack at all;  PO_LIMIT;  PO_IO, PO_NOMEM
 */
PO_RC po_pack_verify(struct po_ctx *cx, const struct po_pack_verify_options *options,
                     struct po_pack_verification *ret_verification);
/* Position and root a pack states, for `--against` of another ledger or pack. */
PO_RC po_pack_checkpoint(struct po_ctx *cx, const char *path, struct po_checkpoint *ret_checkpoint);

#endif

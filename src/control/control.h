/*
 * Controls: the catalog and its clauses, run records, clause and control states, scores.
 *
 * Flow     facts -> check of one clause -> run record (a ledger leaf) -> clause state -> control
 *          state -> criterion -> category. Nothing here is stored: every state and score is computed
 *          from the newest run per clause at or before an as-of leaf (law 1).
 * Limits   named below; a set beyond them is refused with PO_LIMIT
 * Source   docs/spec/scoring.md, docs/spec/run-record.md
 */
#ifndef PO_CONTROL_CONTROL_H
#define PO_CONTROL_CONTROL_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/ctx.h"
#include "core/json.h"
#include "core/str.h"
#include "crypto/crypto.h"

#define PO_CONTROLS_MAX 512
#define PO_CLAUSES_MAX 4096
#define PO_CRITERIA_MAX 128
#define PO_CATEGORIES_MAX 8
#define PO_REQUIREMENTS_MAX 1024
#define PO_CONTROL_REFS_MAX 64 /* ids in one list: criteria of a control, controls of a row, ... */
#define PO_CONTROL_TEXT_BYTES_MAX 2048
#define PO_HEALTH_CHECKS_MAX 64
#define PO_PARTS_MAX 256

/* -- catalog ------------------------------------------------------------------------------------ */

enum po_severity { PO_SEVERITY_LOW, PO_SEVERITY_MEDIUM, PO_SEVERITY_HIGH, PO_SEVERITY_CRITICAL };

/* Where a control's fact comes from; every one of them is tested by machine. */
enum po_control_kind { PO_CONTROL_AUTOMATIC, PO_CONTROL_ATTESTED, PO_CONTROL_DOCUMENT };

/* What proves a clause. */
enum po_proof_kind {
    PO_PROOF_FACT,     /* predicate over facts read from this machine and instance */
    PO_PROOF_CANARY,   /* something planted or tried, and what the system did with it */
    PO_PROOF_DRILL,    /* an exercise carried out: restore, failover, injected fault */
    PO_PROOF_PROBE,    /* a look from outside at what others can see */
    PO_PROOF_REGISTER, /* records that people keep in a register */
    PO_PROOF_DOCUMENT, /* an approved version of a document */
    PO_PROOF_ATTESTED  /* a signed statement of a person */
};

/* Positions in the catalog's arrays; they never appear outside the process. */
typedef struct po_id_list {
    const uint16_t *at;
    size_t count;
} po_id_list;

/* One clause of a control's pass sentence: "AUD-03.2". */
struct po_clause {
    po_str id;
    po_str text;  /* what must hold, as a sentence of its own */
    po_str quote; /* its part of the control's pass sentence, word for word */
    enum po_proof_kind proof;
    const po_str *needs; /* parts of the product or registers that must exist ("ledger", ...) */
    size_t needs_count;
    uint16_t control; /* position of its control */
    uint16_t number;  /* 1-based within the control */
};

struct po_control {
    po_str id;
    po_str title;
    enum po_control_kind kind;
    enum po_severity severity;
    int64_t weight;      /* from the catalog's weights by severity */
    po_id_list criteria; /* primary */
    po_id_list supports;
    po_str inputs;
    po_str pass;
    po_str frequency;
    po_time_us period_us; /* 0: on events only */
    po_time_us ttl_us;
    po_str ttl;
    po_str evidence;
    po_str owner;
    po_str population;
    const po_str *tags;
    size_t tags_count;
    po_id_list after;      /* controls that must pass first (order.json); acyclic */
    uint16_t depth;        /* longest chain before it */
    uint16_t clause_first; /* its clauses are neighbours: clauses[clause_first ...] */
    uint16_t clause_count;
};

struct po_criterion {
    po_str id;
    uint16_t category;
    po_str area;
    po_str summary;
    po_id_list primary; /* controls */
    po_id_list supporting;
};

struct po_category {
    po_str name; /* "Security" */
    po_str slug; /* "security", "processing_integrity" */
};

/* One numbered row of the two source systems' texts: "S1-044". */
struct po_requirement {
    po_str id;
    po_str section;
    po_str says;
    po_str demand;
    po_str kind; /* automatic, attested, document, report */
    po_id_list criteria;
    po_id_list controls;
    po_str text_met; /* printed only when it holds */
    po_str text_gap; /* printed only when it does not */
    size_t list;     /* category in whose lists of the status report it stands, or SIZE_MAX */
};

struct po_health_def {
    po_str id; /* "HC-01" */
    po_str name;
    po_str component; /* short name for tables: "Intake" */
    po_str measures;
    po_str pass;
    po_str repair;
};

/* A part of the product or a register that clauses need. */
struct po_part {
    po_str id;
    po_str text;
};

/* The loaded set: immutable, borrowed from the arena it was loaded into. */
struct po_catalog {
    po_str version;
    const struct po_control *controls;
    size_t control_count;
    const struct po_clause *clauses;
    size_t clause_count;
    const struct po_criterion *criteria;
    size_t criterion_count;
    const struct po_category *categories;
    size_t category_count;
    const struct po_requirement *requirements;
    size_t requirement_count;
    const struct po_health_def *health;
    size_t health_count;
    const struct po_part *parts;
    size_t part_count;
    uint8_t digest[PO_SHA256_BYTES]; /* of all six files; goes into run and report records */
    struct po_catalog_index *index;  /* ids to positions */
};

/* The six files' bytes. */
struct po_catalog_source {
    po_str catalog;
    po_str criteria;
    po_str clauses;
    po_str requirements;
    po_str health;
    po_str order;
};

/* The set built into this program. PO_BUG when a file is not embedded. */
PO_RC po_catalog_source_embedded(struct po_ctx *cx, struct po_catalog_source *ret_source);

/*
 * Load and check a whole set. The source bytes must outlive the catalog.
 *
 * Errors   PO_INVALID  shape; unknown or duplicate control, criterion, clause or part id (named);
 *                      a severity without weight; a control without or with missing clauses; a ttl
 *                      that is no duration; a criterion without primary control
 *                      clauses whose quotes do not make up the control's pass sentence
 *          PO_LIMIT    too many of something
 */
PO_RC po_catalog_load(struct po_ctx *cx, const struct po_catalog_source *source,
                      const struct po_catalog **ret_catalog);
/* po_catalog_source_embedded and po_catalog_load. */
PO_RC po_catalog_load_embedded(struct po_ctx *cx, const struct po_catalog **ret_catalog);
/*
 * Only criteria, controls and clauses of the embedded set, for commands that list them: no rows, no
 * health checks, no order, digest all zero. Half the time of the whole set and no crypto library.
 */
PO_RC po_catalog_load_list(struct po_ctx *cx, const struct po_catalog **ret_catalog);

/* NULL when there is none of that id. */
const struct po_control *po_catalog_control(const struct po_catalog *catalog, po_str id);
const struct po_clause *po_catalog_clause(const struct po_catalog *catalog, po_str id);
const struct po_criterion *po_catalog_criterion(const struct po_catalog *catalog, po_str id);
const struct po_requirement *po_catalog_requirement(const struct po_catalog *catalog, po_str id);
const struct po_health_def *po_catalog_health(const struct po_catalog *catalog, po_str id);
const struct po_category *po_catalog_category(const struct po_catalog *catalog, po_str slug);
size_t po_control_position(const struct po_catalog *catalog, const struct po_control *control);
size_t po_clause_position(const struct po_catalog *catalog, const struct po_clause *clause);

const char *po_severity_name(enum po_severity severity);
const char *po_control_kind_name(enum po_control_kind kind);
const char *po_proof_name(enum po_proof_kind proof);

/* -- run records (docs/spec/run-record.md) -------------------------------------------------------- */

#define PO_RUN_BYTES_MAX ((size_t)48 << 10)
#define PO_RUN_DEVIATIONS_MAX 100 /* listed; the record counts all of them */
#define PO_RUN_FACTS_MAX 32
#define PO_RUN_REASON_BYTES_MAX 512
#define PO_RUN_COUNT_MAX ((int64_t)1000000000) /* passing, total, deviations */
#define PO_RUN_TEXT_BYTES_MAX 256              /* subject, fact, query, check, engine */
#define PO_RUN_EVENT_TYPE "control.tested"

enum po_run_state { PO_RUN_PASS, PO_RUN_FAIL, PO_RUN_ERROR, PO_RUN_SKIPPED, PO_RUN_UNTESTED };

struct po_run_deviation {
    po_str subject; /* what deviates: "file:config/.env"; people only by pseudonymous id */
    po_str fact;    /* what was found: "mode=0644" */
};

/* One fact the check read (fact/fact.h). */
struct po_run_fact {
    po_str name;                     /* "home.tree" */
    uint8_t digest[PO_SHA256_BYTES]; /* of its canonical JSON */
    po_time_us read_at_us;
};

/* One test of one clause. Strings are borrowed. */
struct po_run {
    po_str control; /* "AUD-03" */
    po_str clause;  /* "AUD-03.2" */
    po_str check;   /* program name: "ledger/root_equals_signed" */
    uint8_t program_digest[PO_SHA256_BYTES];
    uint8_t catalog_digest[PO_SHA256_BYTES];
    po_str engine; /* version of the program that ran it */
    po_str run_id; /* the command's session id: runs of one assess share it */
    po_time_us started_us;
    po_time_us finished_us;
    enum po_run_state state;
    int64_t passing; /* pass: passing = total > 0; fail: passing < total */
    int64_t total;
    po_str reason;                              /* required unless pass */
    uint8_t population_digest[PO_SHA256_BYTES]; /* all zero: no list */
    const struct po_run_deviation *deviations;
    size_t deviation_count;
    int64_t deviations_total; /* >= deviation_count */
    const struct po_run_fact *facts;
    size_t fact_count;
    int64_t cost_us;
};

/*
 * Append the run's canonical JSON (RFC 8785), the `detail` of a control.tested event.
 *
 * Errors   PO_INVALID  it breaks a rule of docs/spec/run-record.md 3 (message names it); PO_LIMIT
 */
PO_RC po_run_encode(struct po_ctx *cx, const struct po_run *run, struct po_buf *out);
/* Strict inverse: unknown or missing member, wrong type or broken rule = PO_INVALID. Strings borrow
 * from `json` or the arena. */
PO_RC po_run_decode(struct po_ctx *cx, po_str json, struct po_run *ret_run);
/* As po_run_decode, from a parsed tree (an event's `detail`). */
PO_RC po_run_from_json(struct po_ctx *cx, const struct po_json *root, struct po_run *ret_run);
/* And that control and clause exist in this catalog and belong together. */
PO_RC po_run_validate(struct po_ctx *cx, const struct po_catalog *catalog,
                      const struct po_run *run);
const char *po_run_state_name(enum po_run_state state);

/* -- states ------------------------------------------------------------------------------------- */

#define PO_LEAF_NONE UINT64_MAX
#define PO_WAIVERS_MAX 256
#define PO_WAIVER_DAYS_MAX 180

/* Newest run of one clause at or before the as-of leaf. */
struct po_clause_run {
    struct po_run run;
    uint64_t leaf;          /* PO_LEAF_NONE: the clause was never run */
    po_time_us received_us; /* receive time of that leaf */
};

enum po_clause_state {
    PO_CLAUSE_PASS,
    PO_CLAUSE_FAIL,
    PO_CLAUSE_ERROR,
    PO_CLAUSE_STALE,
    PO_CLAUSE_UNTESTED
};

/* The model's words; the order has no meaning. */
enum po_control_state {
    PO_CONTROL_PASS,
    PO_CONTROL_FAIL,
    PO_CONTROL_WAIVED,
    PO_CONTROL_STALE,
    PO_CONTROL_ERROR,
    PO_CONTROL_UNTESTED,
    PO_CONTROL_NA
};

/* An accepted exception, as recorded in the ledger. It counts only while all its conditions hold:
 * docs/spec/scoring.md 2.3. */
struct po_waiver {
    po_str id;
    po_str control;
    po_str reason;
    const po_str *compensating; /* control ids that must pass */
    size_t compensating_count;
    po_str requested_by;
    po_str approved_by;
    po_time_us from_us;
    po_time_us expires_us;
    uint64_t leaf;
};

/* A control put out of scope with a signed reason. */
struct po_scope_out {
    po_str control;
    po_str reason;
    uint64_t leaf;
};

/* What states are computed from. */
struct po_state_input {
    po_time_us as_of_us;              /* receive time of the as-of leaf */
    const struct po_clause_run *runs; /* catalog->clause_count entries, in the catalog's order */
    const struct po_waiver *waivers;
    size_t waiver_count;
    const struct po_scope_out *scope_outs;
    size_t scope_out_count;
};

struct po_clause_result {
    enum po_clause_state state;
    uint64_t leaf; /* PO_LEAF_NONE: no run */
    po_time_us age_us;
    po_str reason;
};

struct po_control_result {
    enum po_control_state state;
    int64_t passing; /* of the smallest ratio among failing clauses; 0 of 0 otherwise */
    int64_t total;
    uint64_t leaf; /* of the clause run that decided it; PO_LEAF_NONE: none */
    po_str reason; /* "AUD-03.2: ..." of the deciding clause; "" when it passes */
    size_t clauses_passing;
};

/* A clause's state from its newest run (docs/spec/scoring.md 2.1). */
struct po_clause_result po_clause_evaluate(const struct po_control *control,
                                           const struct po_clause_run *run, po_time_us as_of_us);
/*
 * States of all controls and clauses.
 *
 * ret_controls  out  catalog->control_count entries, in the arena
 * ret_clauses   out  catalog->clause_count entries, in the arena; NULL is fine
 * A waiver or scope decision that names a control this catalog does not have has no effect.
 *
 * Errors        PO_INVALID  a run stands at another clause's place; PO_NOMEM
 */
PO_RC po_states_compute(struct po_ctx *cx, const struct po_catalog *catalog,
                        const struct po_state_input *input,
                        const struct po_control_result **ret_controls,
                        const struct po_clause_result **ret_clauses);
/* `score --states FILE`: object control id -> {"state","passing","total"}; controls not named are
 * untested. PO_INVALID names the control; PO_LIMIT. */
PO_RC po_states_parse(struct po_ctx *cx, const struct po_catalog *catalog, po_str json,
                      const struct po_control_result **ret_controls);
const char *po_control_state_name(enum po_control_state state);
const char *po_clause_state_name(enum po_clause_state state);

/* -- scores (docs/spec/scoring.md 3) --------------------------------------------------------------- */

enum po_met { PO_MET, PO_MET_WITH_EXCEPTION, PO_MET_PARTIAL, PO_MET_NOT, PO_MET_OUT_OF_SCOPE };

struct po_criterion_score {
    size_t criterion; /* position */
    int64_t score;    /* 0..100, floor */
    enum po_met status;
    const po_str *why; /* "IAM-02:fail" */
    size_t why_count;
};

struct po_category_score {
    size_t category;
    int64_t score;
    enum po_met status;
    int64_t met;
    int64_t of; /* criteria in scope */
    struct po_criterion_score *criteria;
    size_t criterion_count; /* all, also those out of scope */
};

struct po_scores {
    struct po_category_score categories[PO_CATEGORIES_MAX];
    size_t category_count;
    int64_t categories_met;
    int64_t categories_in_scope;
    int64_t criteria_met;
    int64_t criteria_in_scope;
};

/* Scores of one vector of control states (catalog->control_count entries). */
PO_RC po_scores_compute(struct po_ctx *cx, const struct po_catalog *catalog,
                        const struct po_control_result *controls, struct po_scores *ret_scores);

struct po_tag_score {
    int64_t score;    /* with the criteria's caps */
    int64_t in_scope; /* controls with the tag that are not `na`; 0: no score */
    int64_t passing;
};
/* Score over the controls carrying a tag ("data": the Data Protection figure). */
struct po_tag_score po_scores_tag(const struct po_catalog *catalog,
                                  const struct po_control_result *controls, po_str tag);
const char *po_met_name(enum po_met met); /* "MET WITH EXCEPTION" */

/* Where scores were computed; `root` NULL and size 0 for a hypothetical one. */
struct po_as_of {
    uint64_t size; /* leaves */
    uint8_t root[PO_SHA256_BYTES];
    po_time_us time_us;
    bool is_hypothetical; /* prints null for root and time */
};
/* {"as_of":{...},"categories":[...]}: the shape of DESIGN 4 and of the reference model. */
PO_RC po_scores_json(struct po_ctx *cx, const struct po_catalog *catalog,
                     const struct po_scores *scores, const struct po_as_of *as_of,
                     struct po_buf *out);

/* -- plan ---------------------------------------------------------------------------------------- */

struct po_plan_item {
    size_t control; /* position */
    int64_t effect; /* severity weight x criteria it is primary for */
    enum po_control_state state;
};
/*
 * Controls that do not pass, in the order to work on them: what must come first (order.json) comes
 * first, then by effect, then the longest known, then by the catalog's order. `na` and `waived` are
 * left out. In the arena.
 */
PO_RC po_plan_compute(struct po_ctx *cx, const struct po_catalog *catalog,
                      const struct po_control_result *controls,
                      const struct po_plan_item **ret_items, size_t *ret_count);
/* The longest chain of controls that do not pass, first to last; positions, in the arena. */
PO_RC po_plan_critical_path(struct po_ctx *cx, const struct po_catalog *catalog,
                            const struct po_control_result *controls, po_id_list *ret_path);

#endif

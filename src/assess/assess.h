/*
 * Assessing: read facts, run health checks, test clauses, record each result as a leaf.
 *
 * Flow     facts (one snapshot) -> program of the bundle -> run record -> event -> ledger.
 * Law 1    a clause without a check has no run and stays `untested`; the totals come from the catalog
 * Law 6    programs see only facts read before this command's own events
 * Replay   the facts that runs used and the texts of the programs are events beside the runs
 * Source   docs/spec/run-record.md
 * Control  CC4.1 GOV-06
 */
#ifndef PO_ASSESS_ASSESS_H
#define PO_ASSESS_ASSESS_H

#include "control/control.h"
#include "core/ctx.h"
#include "core/json.h"
#include "evidence/evidence.h"
#include "home/home.h"
#include "identity/identity.h"
#include "program/program.h"

#define PO_CHECK_FACTS_MAX 16

struct po_fact_set;

/* What a check says. Start from zero: state PASS, nothing counted. */
struct po_judgement {
    enum po_run_state state;
    int64_t passing;
    int64_t total;
    const char *reason; /* one line; NULL only when it passes */
    struct po_run_deviation deviations[PO_RUN_DEVIATIONS_MAX];
    size_t deviation_count;
    int64_t deviations_total;
};

/*
 * What a program gave, as a judgement from zero: lib/judge.script's Judgement as JSON, or Ok of one. A
 * fault, an Err or a value of another form is state `error` with the reason. Texts in the arena.
 *
 * Errors   PO_NOMEM
 */
PO_RC po_judgement_read(struct po_ctx *cx, const struct po_script_outcome *outcome,
                        struct po_judgement *ret_judgement);
/* Make the counts say what the state says: an empty population passes nothing (law 1). */
void po_judgement_settle(struct po_judgement *out);

/* One check: the clause it tests and the program that does. */
struct po_check {
    const char *clause; /* "AUD-03.1" */
    const char *name;   /* "ledger/root_equals_signed" */
    const struct po_bundle_program *row;
    struct po_bundle *bundle;
    const struct po_caps *grant; /* what a person granted the site's program; NULL: of this build */
};
/*
 * The checks of this build's bundle, sorted by clause; nothing is compiled. In the arena.
 *
 * ret_bundle  out  may be NULL
 */
PO_RC po_check_table(struct po_ctx *cx, struct po_bundle **ret_bundle,
                     const struct po_check **ret_checks, size_t *ret_count);
/*
 * One bool per clause of the catalog: it has a check, so it can have runs. With a home, also what its
 * own programs test or once tested. In the arena.
 *
 * home    in  NULL: the checks of this build alone
 */
PO_RC po_check_wanted(struct po_ctx *cx, struct po_home *home, const struct po_catalog *catalog,
                      const bool **ret_wanted);
/* Makes the types of this layer's facts known to programs: once at start, before any compiles. */
void po_assess_facts_declare(void);

/* The HTTP interface's document (po_api_openapi), from main.c: it lies above. Without it, no operations. */
typedef po_rc po_assess_openapi(struct po_ctx *cx, struct po_buf *out);
void po_assess_openapi_set(po_assess_openapi *write);
/* Likewise the cookies that it sets (po_api_cookies), one a line. */
void po_assess_cookies_set(po_assess_openapi *write);
/*
 * What the HTTP interface of this process has served, one object (fact api.served); NULL: none runs here.
 * The ledger is flushed when it is asked.
 */
typedef po_rc po_assess_served(struct po_ctx *cx, void *user, struct po_json_out *out);
void po_assess_served_set(po_assess_served *write, void *user);

/* A drill: all of it in `dir`, what it found out as JSON. */
typedef po_rc po_assess_drill(struct po_ctx *cx, const char *dir, struct po_json_out *out);
/* What the child of a drill does with its one argument, the directory; the process's exit code. */
int po_assess_drill_role_run(int argc, char **argv, po_assess_drill *drill);

/* What drills of the service share: a home below `dir`, and canaries in it. */
#define PO_DRILL_OTHER_TENANT ((po_tenant_id){2})
/*
 * A home of its own, open, with the default tenant and PO_DRILL_OTHER_TENANT.
 *
 * config  in  content of its config/.env; empty: as it is made
 */
PO_RC po_drill_home_make(struct po_ctx *cx, const char *dir, po_str config,
                         struct po_home **ret_home);
/* An active account of a role, in cx's tenant. */
struct po_drill_canary {
    const char *email;
    const char *role;
    const char *password; /* NULL: none */
    struct po_password_cost cost;
};
PO_RC po_drill_canary_add(struct po_ctx *cx, struct po_home *home,
                          const struct po_drill_canary *canary, char ret_id[static PO_ID_BYTES]);
/* A session of two factors that has just been proven. */
PO_RC po_drill_session_add(struct po_ctx *cx, struct po_home *home, const char *user,
                           char ret_id[static PO_ID_BYTES], struct po_secret **ret_secret);

/* The drill of the HTTP interface lies above: main.c names its role's function. */
#define PO_API_DRILL_ROLE "drill-api"
/* What the child of the drill of access does; main.c comes here with its one argument. */
#define PO_ACCESS_DRILL_ROLE "drill-access"
int po_access_drill_role_run(int argc, char **argv);

struct po_assess_options {
    bool is_all;            /* also what is not due yet by the catalog's period */
    const po_str *controls; /* only these; NULL: all */
    size_t control_count;
    const bool *also;           /* one per clause: these, due or not; NULL: none */
    struct po_fact_set *shared; /* facts of the instance, read once for several tenants; NULL */
    void (*progress)(void *user, const char *what); /* may be NULL */
    void *user;
};
struct po_assess_result {
    size_t tested; /* clauses judged now */
    size_t passed;
    size_t failed;
    size_t errors;
    size_t untested; /* judged: nothing to test, or a part is missing */
    size_t skipped;
    size_t not_due; /* left alone: tested recently enough */
    size_t without_check;
    int64_t elapsed_us;
};
/*
 * What an assessment would test now, without doing it; works in a home opened for reading.
 *
 * ret_checks  out  in the arena
 */
PO_RC po_assess_plan(struct po_ctx *cx, struct po_home *home,
                     const struct po_assess_options *options, const struct po_check ***ret_checks,
                     size_t *ret_count);
/*
 * Test what is due and record it: one event per clause, one for the health checks, one that closes
 * the assessment. Events are in the ledger when it returns.
 *
 * Errors   PO_NOTFOUND  unknown control (named);  PO_DENIED  read-only home;  PO_IO, PO_NOMEM
 */
PO_RC po_assess_run(struct po_ctx *cx, struct po_home *home,
                    const struct po_assess_options *options, struct po_assess_result *ret_result);
/*
 * Test what is due in any tenant, in each of them, the default tenant first: what one needs to know of the
 * instance (drills, scans) is read once for all, and their periods fall together. A tenant that cannot be
 * assessed does not keep the others from it.
 *
 * ret_result  out  added up
 * Errors      as po_assess_run, the first one met, after all were tried
 */
PO_RC po_assess_run_all(struct po_ctx *cx, struct po_home *home,
                        const struct po_assess_options *options,
                        struct po_assess_result *ret_result);
/*
 * Run the 15 health checks alone and record them (a home opened for reading: only run). ret_detail is the event's detail: an object with
 * member "checks" [{id, name, state, reason, observed}]; in the arena.
 */
PO_RC po_assess_health_run(struct po_ctx *cx, struct po_home *home, po_str *ret_detail);

#endif

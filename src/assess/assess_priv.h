/*
 * Inside assessing: one check's run, what is kept for replay, and the facts that only this layer has.
 */
#ifndef PO_ASSESS_ASSESS_PRIV_H
#define PO_ASSESS_ASSESS_PRIV_H

#include "assess/assess.h"
#include "fact/fact.h"
#include "program/program.h"

/*
 * Run a check's program over facts that were read before, and take what it says. A program that
 * faults, or says no judgement, is an error of the check with the reason.
 *
 * ret_judgement  out  from zero; texts in the arena
 * Errors         PO_NOMEM
 */
PO_RC po_check_run(struct po_ctx *cx, const struct po_program *program,
                   const struct po_program_job *job, struct po_judgement *ret_judgement);
/* The events beside the runs, for replay: texts of programs not yet in the ledger, facts used. */
PO_RC po_assess_keep_program(struct po_ctx *cx, struct po_home *home,
                             const struct po_program *program, bool *ret_is_new,
                             struct po_event *ret_event);
PO_RC po_assess_keep_facts(struct po_ctx *cx, struct po_fact_set *facts, const char *const *names,
                           size_t count, struct po_event *ret_event);

/* What an assessment starts from. */
struct po_assess_inputs {
    struct po_evidence_source source;
    const struct po_evidence_at *at;
    const struct po_clause_run *newest; /* per clause */
    struct po_fact_set *facts;
};
/* Facts that only this layer can make, by name. */
const struct po_fact_type *po_assess_fact_types(size_t *ret_count);
/* The same as docs/spec/facts-assessment.md. */
void po_assess_facts_render(struct po_buf *out);
/* Make one of this layer's facts and add it to the snapshot; nothing for a name it does not make. */
PO_RC po_assess_provide(struct po_ctx *cx, const struct po_assess_inputs *in, const char *name);

/* Of the HTTP interface (provide_api.c). */
PO_RC po_assess_api_operations(struct po_ctx *cx, const struct po_assess_inputs *in,
                               struct po_json_out *out);
PO_RC po_assess_api_cookies(struct po_ctx *cx, const struct po_assess_inputs *in,
                            struct po_json_out *out);
/* Of this home's identities (provide_identity.c) and of TLS (provide_tls.c). */
PO_RC po_assess_identity_accounts(struct po_ctx *cx, const struct po_assess_inputs *in,
                                  struct po_json_out *out);
PO_RC po_assess_identity_roles(struct po_ctx *cx, const struct po_assess_inputs *in,
                               struct po_json_out *out);
PO_RC po_assess_identity_sessions(struct po_ctx *cx, const struct po_assess_inputs *in,
                                  struct po_json_out *out);
PO_RC po_assess_identity_tokens(struct po_ctx *cx, const struct po_assess_inputs *in,
                                struct po_json_out *out);
PO_RC po_assess_tenants_keys(struct po_ctx *cx, const struct po_assess_inputs *in,
                             struct po_json_out *out);
PO_RC po_assess_tls_versions(struct po_ctx *cx, const struct po_assess_inputs *in,
                             struct po_json_out *out);
PO_RC po_assess_tls_certificates(struct po_ctx *cx, const struct po_assess_inputs *in,
                                 struct po_json_out *out);

PO_RC po_assess_api_served(struct po_ctx *cx, const struct po_assess_inputs *in,
                           struct po_json_out *out);
PO_RC po_assess_api_drill(struct po_ctx *cx, const struct po_assess_inputs *in,
                          struct po_json_out *out);

/* A drill as a child, in a directory that is removed again: its JSON. PO_UNAVAILABLE: it failed. */
struct po_assess_drill_child {
    const char *role;
    int64_t timeout_ms;
};
PO_RC po_assess_drill_child_run(struct po_ctx *cx, const struct po_assess_inputs *in,
                                const struct po_assess_drill_child *child, struct po_json_out *out);

/* The drill of access, in a process of its own: its JSON (access_drill_priv.h). */
PO_RC po_access_drill(struct po_ctx *cx, const struct po_assess_inputs *in,
                      struct po_json_out *out);

/* A directory for a drill, and its removal whatever came of it: gives `rc` back when that failed. */
PO_RC po_assess_scratch(struct po_ctx *cx, const struct po_assess_inputs *in, const char **ret_dir);
PO_RC po_assess_scratch_end(struct po_ctx *cx, const char *dir, po_rc rc);

/*
 * Run the health checks over the snapshot and provide their results to it as fact "health.results".
 * ret_event, when not NULL, becomes the event that records them.
 */
PO_RC po_assess_health(struct po_ctx *cx, struct po_fact_set *facts, struct po_event *ret_event);

#endif

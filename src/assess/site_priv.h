/*
 * Programs of the site that test a clause: found by their grants, run behind their capabilities.
 */
#ifndef PO_ASSESS_SITE_PRIV_H
#define PO_ASSESS_SITE_PRIV_H

#include "assess_priv.h"
#include "grant/grant.h"

/*
 * Add the checks of the site: control programs whose grant is in force and whose clause is in the
 * catalog and tested by none of `checks`; of two for one clause the first. Sorted by clause again.
 *
 * checks  in/out  the build's; replaced by an array in the arena when something is added
 */
PO_RC po_site_checks_add(struct po_ctx *cx, struct po_home *home, const struct po_catalog *catalog,
                         const struct po_check **checks, size_t *count);
/* What is told beside the run record. */
struct po_site_told {
    struct po_event *events; /* room for PO_RUN_EVENTS_MAX, the caller's */
    size_t count;
};
/*
 * Run a check of the site and take what it says. A refusal and a fault are state `error` with the
 * reason.
 *
 * home        in      answers what it asks of the instance
 * program     in/out  its trust becomes the organisation's: a person granted it
 * ret_told    out     texts in the arena
 * Errors      PO_NOMEM;  PO_IO the runner could not be had
 */
PO_RC po_site_check_run(struct po_ctx *cx, struct po_home *home, struct po_program *program,
                        const struct po_program_job *job, struct po_judgement *ret_judgement,
                        struct po_site_told *ret_told);

#endif

/*
 * Programs of the site that test a clause: found by their grants, run behind their capabilities.
 */
#ifndef PO_ASSESS_SITE_PRIV_H
#define PO_ASSESS_SITE_PRIV_H

#include "assess_priv.h"
#include "grant/grant.h"

/* The checks of an assessment, sorted by clause. */
struct po_check_list {
    const struct po_check *at;
    size_t count;
    const struct po_site
        *site; /* where the site's were looked for; NULL: nothing is granted there */
};
/*
 * Add the checks of the site: control programs whose grant is in force and whose clause is in the
 * catalog and tested by none of the list; of two for one clause the first.
 *
 * list  in/out  the build's; its array is replaced by one in the arena
 */
PO_RC po_site_checks_add(struct po_ctx *cx, struct po_home *home, const struct po_catalog *catalog,
                         struct po_check_list *list);
/* After the assessment's own events: program.denied for each bundle of the site that was refused. */
PO_RC po_site_refusals_record(struct po_ctx *cx, struct po_home *home, const struct po_site *site);

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

/*
 * The schedule: systemd timers that run this program's jobs.
 *
 * Unit files are rendered from one table of jobs. Installing writes them and the links that enable
 * them; removing moves them away (law 6). Neither needs systemd to be running.
 *
 * Limits   unit directory path 1 KiB
 * Control  CC7.2 MON-03
 */
#ifndef PO_SCHEDULE_SCHEDULE_H
#define PO_SCHEDULE_SCHEDULE_H

#include "core/buf.h"
#include "core/ctx.h"
#include "home/home.h"

struct po_job {
    const char *name;      /* unit name without suffix: "paulyops-assess" */
    const char *arguments; /* of the program: "assess --timer" */
    void (*timer)(const struct po_cfg *cfg, struct po_buf *out); /* lines of [Timer] */
    const char *doc;
};
const struct po_job *po_job_table(size_t *ret_count);

/* Where units of this user go: ~/.config/systemd/user, as root /etc/systemd/system. Arena. */
PO_RC po_schedule_unit_dir(struct po_ctx *cx, const char **ret_dir);

/* The text of one unit file; `suffix` is "service" or "timer". */
PO_RC po_job_render(struct po_ctx *cx, struct po_home *home, const struct po_job *job,
                    const char *suffix, struct po_buf *out);

enum po_job_state {
    PO_JOB_ABSENT,    /* no unit file */
    PO_JOB_DIFFERENT, /* a unit file that this build would write otherwise */
    PO_JOB_DISABLED,  /* written, not linked into timers.target */
    PO_JOB_ENABLED
};
const char *po_job_state_name(enum po_job_state state);
PO_RC po_job_state(struct po_ctx *cx, struct po_home *home, const char *unit_dir,
                   const struct po_job *job, enum po_job_state *ret_state);

/*
 * Write (or move away) the units of all jobs. Lines of what was or would be done go to `plan`.
 * Bracketed by intent and outcome events unless it is a dry run.
 *
 * Errors   PO_DENIED, PO_CREATE, PO_IO
 */
PO_RC po_schedule_install(struct po_ctx *cx, struct po_home *home, const char *unit_dir,
                          bool is_dry_run, struct po_buf *plan);
PO_RC po_schedule_remove(struct po_ctx *cx, struct po_home *home, const char *unit_dir,
                         bool is_dry_run, struct po_buf *plan);

#endif

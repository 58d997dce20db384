/*
 * Drills: what can only be known by trying it. Each works in a private scratch directory of its own
 * (in memory where there is such a file system, else below the state directory), never in the home,
 * and removes it again. What a kill loses does not depend on the medium: the kernel keeps the pages of
 * a killed process. How long a recovery takes does: on a slow disk it takes longer than measured here.
 *
 * Children are this very program in a drill role (`--role=drill-...`), or the program itself with a
 * home of the drill's own; nothing they do reaches the instance.
 *
 * Limits   below; a child that does not end is killed
 */
#ifndef PO_FACT_DRILL_PRIV_H
#define PO_FACT_DRILL_PRIV_H

#include "fact_priv.h"

#include "core/process.h"

#define PO_DRILL_CHILD_MS_MAX 10000
#define PO_DRILL_OUT_BYTES_MAX ((size_t)1 << 20)
#define PO_DRILL_TREE_DEPTH_MAX 12
#define PO_DRILL_TREE_ENTRIES_MAX 20000
#define PO_DRILL_LEFT_OVER_US PO_US_PER_HOUR

struct po_drill {
    const char *program; /* what children run */
    bool is_in_memory;   /* not on the disk of keys and home */
    const char *dir;     /* the scratch directory */
    const char *home;    /* "<dir>/home" */
    const char *env[5];  /* HOME, XDG_STATE_HOME, PAULYOPS_HOME, PATH */
};
/* Make "<scratch>/drill-<random>" (0700). Also removes what an interrupted drill left an hour ago. */
PO_RC po_drill_begin(struct po_ctx *cx, struct po_fact_set *set, struct po_drill *ret_drill);
/* Remove the scratch directory; a leftover is not worth failing the drill's result for. */
void po_drill_end(struct po_ctx *cx, struct po_drill *drill);
/* Remove a directory and all below it; follows no link. */
PO_RC po_drill_remove(struct po_ctx *cx, const char *dir);

/* Run a child of the drill to its end or to `timeout_ms`; being killed then is no error. */
struct po_drill_child {
    const char *const *argv;
    po_str input;
    int64_t timeout_ms;
};
struct po_drill_ended {
    bool was_killed; /* at the deadline */
    int exit_status; /* -1: ended by a signal of its own */
    int signal_number;
    int64_t took_us; /* 0 when killed */
};
/* six parameters: what it runs, and the three things it gives back */
PO_RC po_drill_run(struct po_ctx *cx, const struct po_drill *drill,
                   const struct po_drill_child *child, struct po_buf *out, struct po_buf *err,
                   struct po_drill_ended *ret_ended);

#endif

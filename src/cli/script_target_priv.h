/*
 * A program that a command means: a file of the site or elsewhere, or the id of one that is known.
 */
#ifndef PO_CLI_SCRIPT_TARGET_PRIV_H
#define PO_CLI_SCRIPT_TARGET_PRIV_H

#include "grant/grant.h"
#include "script_priv.h"

struct po_script_target {
    struct po_bundle *bundle;
    po_str file;  /* within the bundle */
    po_str entry; /* "" when only the file was named */
    po_str named; /* how grants name the file: below scripts/, or absolute */
};

/*
 * Resolve "x.script" (a path) or "AUD-01.1", "ledger/event_shape" (id or name of a shipped program
 * or one of the site).
 *
 * Errors   PO_NOTFOUND;  PO_DENIED a symbolic link;  what opening the bundle met
 */
PO_RC po_script_target_find(struct po_ctx *cx, struct po_cli *cli, po_str operand,
                            struct po_script_target *ret_target);
/* Only the name that grants have for a path; the file need not exist. */
PO_RC po_script_target_named(struct po_ctx *cx, struct po_cli *cli, po_str operand,
                             po_str *ret_named);
/*
 * Load the entry that --entry names, or the only one there is; a file without entries is loaded as a
 * whole. Errors of its text become one line.
 *
 * Errors   PO_USAGE several entries and no --entry;  PO_NOTFOUND;  PO_INVALID
 */
PO_RC po_script_target_load(struct po_ctx *cx, const struct po_cli *cli,
                            const struct po_script_target *target, struct po_program *ret_program);
/* As above for one entry of the target. An import that cannot be resolved is recorded as refused. */
PO_RC po_script_entry_load(struct po_ctx *cx, const struct po_cli *cli,
                           const struct po_script_target *target, po_str entry,
                           struct po_program *ret_program);
/* Words of a set for people: "fact=a,b time". In the arena. */
PO_RC po_script_caps_text(struct po_ctx *cx, const struct po_caps *caps, po_str *ret_text);

#endif

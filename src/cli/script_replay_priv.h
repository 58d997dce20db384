/*
 * Replays: what a recorded run and its repetition have in common.
 */
#ifndef PO_CLI_SCRIPT_REPLAY_PRIV_H
#define PO_CLI_SCRIPT_REPLAY_PRIV_H

#include "cli_priv.h"
#include "program/program.h"

/* Rows: what, same, recorded, replayed. */
struct po_replayed {
    struct po_rows *rows;
    size_t differing;
    bool is_table;
};
PO_RC po_replay_compare(struct po_ctx *cx, struct po_replayed *all, const char *what,
                        po_str recorded, po_str replayed);
PO_RC po_replay_compare_int(struct po_ctx *cx, struct po_replayed *all, const char *what,
                            int64_t recorded, int64_t replayed);
/* A program that asks something else than it did has left the record (the error in cx): the row. */
PO_RC po_replay_left(struct po_ctx *cx, struct po_replayed *all);
/*
 * The run of a clause (event control.tested).
 *
 * Errors   PO_NOTFOUND texts or facts are not in the ledger;  PO_UNAVAILABLE a fact was too large to be
 *          kept;  PO_UNSUPPORTED the run was an error or skipped
 */
PO_RC po_replay_clause(struct po_ctx *cx, struct po_cli *cli, const struct po_event_view *event,
                       struct po_replayed *all);
/* The event of a leaf; in the arena. */
PO_RC po_replay_event(struct po_ctx *cx, struct po_home *home, uint64_t leaf,
                      struct po_event_view *ret_event);
/*
 * A program from the texts that the ledger kept under its closure digest (hex). po_program_done.
 *
 * Errors   PO_NOTFOUND the ledger does not hold them;  PO_TAMPER they have another digest
 */
PO_RC po_replay_load(struct po_ctx *cx, const struct po_cli *cli, po_str digest,
                     struct po_program *ret_program);

#endif

/*
 * `--against FILE`: an earlier checkpoint, report or pack as something the ledger must agree with.
 */
#ifndef PO_CLI_AGAINST_PRIV_H
#define PO_CLI_AGAINST_PRIV_H

#include "cli_priv.h"

/*
 * Read every --against of the command line; arena.
 *
 * Errors   PO_NOTFOUND no such file;  PO_INVALID neither checkpoint, report nor pack (named)
 */
PO_RC po_against_read(struct po_ctx *cx, const struct po_cli *cli,
                      const struct po_ledger_against **ret_items, size_t *ret_count);

#endif

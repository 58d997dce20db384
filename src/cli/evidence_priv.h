/*
 * `--as-of LEAF` and the evidence at that position, shared by commands that show states.
 */
#ifndef PO_CLI_EVIDENCE_PRIV_H
#define PO_CLI_EVIDENCE_PRIV_H

#include "cli_priv.h"
#include "evidence/evidence.h"

/* 0 when not given: the newest. PO_USAGE. */
PO_RC po_cli_as_of(struct po_ctx *cx, const struct po_cli *cli, uint64_t *ret_size);
/* Catalog, runs, states and scores at --as-of, from the open home. */
PO_RC po_cli_evidence(struct po_ctx *cx, struct po_cli *cli, struct po_evidence *ret_evidence);

#endif

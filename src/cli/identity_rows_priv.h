/*
 * What the commands about identity share.
 */
#ifndef PO_CLI_IDENTITY_ROWS_PRIV_H
#define PO_CLI_IDENTITY_ROWS_PRIV_H

#include "commands_priv.h"

#include "identity/identity.h"

/* RFC 3339 in seconds; null for 0. */
PO_RC po_rows_time(struct po_ctx *cx, struct po_rows *rows, po_time_us time_us);
/* The account that is meant: by id or e-mail address. */
PO_RC po_cli_account(struct po_ctx *cx, struct po_cli *cli, po_str who, struct po_user *ret_user);
/*
 * Whose sessions or tokens: --user, everybody's with --all, else the caller's own (a local process: all).
 * Others' take `action`.
 *
 * ret_user  out  empty: everybody's
 */
PO_RC po_cli_whose(struct po_ctx *cx, struct po_cli *cli, const char *action, po_str *ret_user);
/* May the caller touch what belongs to `owner`? If not, it does not exist for them: PO_NOTFOUND. */
PO_RC po_cli_may_touch(struct po_ctx *cx, struct po_cli *cli, const char *action, po_str owner);
/* With --dry-run: say what would be done; true when that was all. */
bool po_cli_is_dry(struct po_cli *cli, const char *what, po_str whom);

#endif

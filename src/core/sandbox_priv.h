/*
 * The two large fences of sandbox.h.
 */
#ifndef PO_CORE_SANDBOX_PRIV_H
#define PO_CORE_SANDBOX_PRIV_H

#include "core/sandbox.h"

/* The ruleset for this ABI with its rules, as a descriptor; not yet in force. */
PO_RC po_sandbox_landlock_build(struct po_ctx *cx, const struct po_sandbox_options *options,
                                int abi, int *ret_fd);
PO_RC po_sandbox_seccomp_load(struct po_ctx *cx, const struct po_sandbox_options *options);

#endif

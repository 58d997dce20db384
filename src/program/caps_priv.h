/* Sets of capabilities as the gate asks them: paths against a home, needs against what covers them. */
#ifndef PO_PROGRAM_CAPS_PRIV_H
#define PO_PROGRAM_CAPS_PRIV_H

#include "program/program.h"

/* As po_caps_allow, with "~/" of the set's paths standing for `home` (NULL: such match nothing). */
bool po_caps_allow_at(const struct po_caps *caps, const struct po_cap *asked, const char *home);
/* Does one value of the set cover all that the pattern `need` can match? */
bool po_caps_cover_at(const struct po_caps *caps, const struct po_cap *need, const char *home);
/* Same kinds and values, in the same order. */
bool po_caps_eq(const struct po_caps *a, const struct po_caps *b);
/* As po_caps_parse, from an object that was parsed already. */
PO_RC po_caps_of_json(struct po_ctx *cx, const struct po_json *object, struct po_caps *ret_caps);

#endif

/* Sets of capabilities as the gate asks them: paths against a home, needs against what covers them. */
#ifndef PO_PROGRAM_CAPS_PRIV_H
#define PO_PROGRAM_CAPS_PRIV_H

#include "program/program.h"

/* As po_caps_allow, with "~/" of the set's paths standing for `home` (NULL: such match nothing). */
bool po_caps_allow_at(const struct po_caps *caps, enum po_cap_kind kind, const char *home,
                      po_str value);
/* Does one value of the set cover all that `need` can match? */
bool po_caps_cover(const struct po_caps *caps, const struct po_cap *need);
/* Same kinds and values, in the same order. */
bool po_caps_eq(const struct po_caps *a, const struct po_caps *b);
/* As po_caps_parse, from an object that was parsed already. */
PO_RC po_caps_of_json(struct po_ctx *cx, const struct po_json *object, struct po_caps *ret_caps);
bool po_cap_is_path(enum po_cap_kind kind);

#endif

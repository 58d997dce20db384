/* Turning a script of ws_cases.h into bytes, and events into text. */
#ifndef PO_TESTS_UNIT_HTTP_WS_RUN_H
#define PO_TESTS_UNIT_HTTP_WS_RUN_H

#include "core/buf.h"

void ws_build(const char *script, struct po_buf *out);
/* One event: kind, payload. */
void ws_note(struct po_buf *out, char kind, po_str payload);

#endif

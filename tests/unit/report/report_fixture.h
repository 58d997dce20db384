/*
 * Evidence views for the tests of report/, from files under tests/golden/report/.
 *
 * A fixture file gives control states; here they become the runs that would lead to them, so that
 * the whole way from runs to text is what the golden files hold still.
 */
#ifndef PO_TESTS_REPORT_FIXTURE_H
#define PO_TESTS_REPORT_FIXTURE_H

#include "report/report.h"

/* tests/golden/report/<name>/fixture.json */
struct po_view fixture_view(struct po_ctx *cx, const struct po_catalog *catalog, const char *name);
const struct po_catalog *fixture_catalog(struct po_ctx *cx);

#endif

/*
 * The table of all statements.
 */
#include "store/store_priv.h"

static const struct po_statement_row rows[PO_STATEMENT_COUNT] = {
#define X(symbol, scope, reason, sql) {#symbol, PO_STATEMENT_##scope, reason, sql},
#include "store/store_statements.def"
#undef X
};

const struct po_statement_row *po_statement_row(enum po_statement statement)
{
    return &rows[statement];
}

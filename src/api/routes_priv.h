/*
 * Short forms of members for the route tables.
 */
#ifndef PO_API_ROUTES_PRIV_H
#define PO_API_ROUTES_PRIV_H

#include "api/api_priv.h"

#define GET PO_HTTP_GET
#define POST PO_HTTP_POST
#define PUT PO_HTTP_PUT

/* name, in, type, shape, required, to, choices, min, max, doc */
#define PATH(name, shape, to, doc)                                                                 \
    {                                                                                              \
        name, PO_API_IN_PATH, PO_API_STR, PO_API_SHAPE_##shape, true, to, NULL, 0, 0, doc          \
    }
#define QUERY(name, shape, to, choices, doc)                                                       \
    {                                                                                              \
        name, PO_API_IN_QUERY, PO_API_STR, PO_API_SHAPE_##shape, false, to, choices, 0, 0, doc     \
    }
#define QUERY_INT(name, to, min, max, doc)                                                         \
    {                                                                                              \
        name, PO_API_IN_QUERY, PO_API_INT, PO_API_SHAPE_TEXT, false, to, NULL, min, max, doc       \
    }
#define QUERY_BOOL(name, to, doc)                                                                  \
    {                                                                                              \
        name, PO_API_IN_QUERY, PO_API_BOOL, PO_API_SHAPE_TEXT, false, to, NULL, 0, 0, doc          \
    }
#define BODY(name, shape, required, to, choices, doc)                                              \
    {                                                                                              \
        name, PO_API_IN_BODY, PO_API_STR, PO_API_SHAPE_##shape, required, to, choices, 0, 0, doc   \
    }
#define BODY_BOOL(name, to, doc)                                                                   \
    {                                                                                              \
        name, PO_API_IN_BODY, PO_API_BOOL, PO_API_SHAPE_TEXT, false, to, NULL, 0, 0, doc           \
    }
#define BODY_LIST(name, shape, required, to, choices, doc)                                         \
    {                                                                                              \
        name, PO_API_IN_BODY, PO_API_LIST, PO_API_SHAPE_##shape, required, to, choices, 0, 0, doc  \
    }
#define PAGES                                                                                      \
    QUERY_INT("limit", PO_API_TO_HANDLER, 1, PO_API_PAGE_MAX, "rows of a page"),                   \
        QUERY("cursor", CURSOR, PO_API_TO_HANDLER, NULL, "next_cursor of the page before")
#define AS_OF                                                                                      \
    QUERY_INT("as_of", "--as-of", 1, INT64_MAX, "as the evidence stood at that ledger size")

#endif

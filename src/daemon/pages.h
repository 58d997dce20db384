/*
 * Pages and static files that the front serves by itself: content/web, embedded.
 *
 * Source   docs/spec/front.md 5
 */
#ifndef PO_DAEMON_PAGES_H
#define PO_DAEMON_PAGES_H

#include "http/http.h"

#define PO_PAGES_MAX 32

struct po_page {
    po_str path; /* "/signin", "/web/style.css" */
    struct po_http_asset asset;
    bool is_document;
};
struct po_pages {
    struct po_page all[PO_PAGES_MAX];
    size_t count;
};

/* PO_NOTFOUND a file of the table is not in this build; PO_CRYPTO. */
PO_RC po_pages_init(struct po_ctx *cx, struct po_pages *pages);
/* NULL: no page of ours. */
const struct po_page *po_pages_find(const struct po_pages *pages, po_str path);
/* Status, caching and content; the security fields are the caller's. */
void po_pages_respond(const struct po_page *page, const struct po_http_request *req,
                      struct po_http_response *res);

#endif

/*
 * The pages' table: path, file, type.
 */
#include "daemon/pages.h"

#include "core/embed.h"

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define JS "text/javascript; charset=utf-8"
#define SVG "image/svg+xml"

static const struct {
    const char *path;
    const char *file;
    const char *type;
} TABLE[] = {
    {"/", "content/web/index.html", HTML},
    {"/signin", "content/web/signin.html", HTML},
    {"/invite", "content/web/invite.html", HTML},
    {"/sessions", "content/web/sessions.html", HTML},
    {"/web/style.css", "content/web/style.css", CSS},
    {"/web/api.js", "content/web/api.js", JS},
    {"/web/signin.js", "content/web/signin.js", JS},
    {"/web/sessions.js", "content/web/sessions.js", JS},
    {"/web/icon.svg", "content/web/icon.svg", SVG},
};
#define TABLE_COUNT (sizeof TABLE / sizeof *TABLE)
_Static_assert(TABLE_COUNT <= PO_PAGES_MAX, "pages");

PO_RC po_pages_init(struct po_ctx *cx, struct po_pages *pages)
{
    pages->count = 0;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        struct po_page *page = &pages->all[pages->count];
        *page = (struct po_page){.path = po_str_of(TABLE[i].path),
                                 .is_document = strcmp(TABLE[i].type, HTML) == 0};
        page->asset.type = po_str_of(TABLE[i].type);
        if (!po_embed_find(po_str_of(TABLE[i].file), &page->asset.identity))
            return PO_FAIL(cx, PO_NOTFOUND, "'%s' is not in this build", TABLE[i].file);
        PO_TRY_LEAF(cx, po_http_asset_init(&page->asset), "hashing '%s'", TABLE[i].file);
        pages->count++;
    }
    return po_rc_ok();
}

const struct po_page *po_pages_find(const struct po_pages *pages, po_str path)
{
    for (size_t i = 0; i < pages->count; i++)
        if (po_str_eq(pages->all[i].path, path)) return &pages->all[i];
    return NULL;
}

void po_pages_respond(const struct po_page *page, const struct po_http_request *req,
                      struct po_http_response *res)
{
    /* A new build must show at once, and asking again costs a 304. */
    po_http_set(res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-cache"));
    po_http_asset_respond(req, &page->asset, res);
}

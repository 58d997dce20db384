/*
 * The evidence pack as a download: exported where only this process looks, sent, and gone.
 */
#include "api/handlers_priv.h"
#include "assess/assess.h"
#include "control/control.h"
#include "core/fs.h"
#include "core/sys.h"
#include "evidence/evidence.h"

#include <errno.h>

#define PACK_DEPTH_MAX 10

struct places {
    const char *dir;
    const char *tar;
};

static PO_RC find_places(struct po_ctx *cx, struct po_home *home, struct places *places)
{
    const char *scratch = NULL;
    PO_TRY(cx, po_home_scratch_dir(cx, home, &scratch));
    places->dir = po_arena_printf(cx->arena, "%s/pack-%s", scratch, cx->request);
    places->tar = po_arena_printf(cx->arena, "%s/pack-%s.tar", scratch, cx->request);
    if (places->dir == NULL || places->tar == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

static PO_RC export_to(struct po_ctx *cx, struct po_api_call *call, const struct places *places)
{
    const struct po_api_value *criteria = po_api_value(call, "criteria");
    struct po_pack_options options = {.dir = places->dir};
    struct po_pack_exported exported;
    options.source.home = call->api->home;
    PO_TRY(cx, po_catalog_load_embedded(cx, &options.source.catalog));
    PO_TRY(cx,
           po_check_wanted(cx, call->api->home, options.source.catalog, &options.source.is_wanted));
    if (criteria != NULL) {
        options.criteria = criteria->list;
        options.criterion_count = criteria->list_count;
    }
    PO_TRY(cx, po_pack_validate(cx, &options));
    PO_TRY(cx, po_pack_export(cx, &options, &exported));
    PO_TRY(cx, po_pack_tar(cx, places->dir, &exported, places->tar));
    return po_fs_read(cx, places->tar, &call->res->body);
}

/* Whatever came of it, nothing of the pack stays. */
static PO_RC clean_up(struct po_ctx *cx, const struct places *places)
{
    struct po_fs_info info = {0};
    if (po_sys_unlink(places->tar) != 0 && errno != ENOENT)
        return PO_FAIL_SYS(cx, PO_IO, errno, "removing '%s'", places->tar);
    PO_TRY(cx, po_fs_info(cx, places->dir, &info));
    if (!info.exists) return po_rc_ok();
    return po_fs_remove_tree(cx, places->dir, PACK_DEPTH_MAX);
}

po_rc po_api_pack_export(struct po_ctx *cx, struct po_api_call *call)
{
    struct places places = {NULL, NULL};
    PO_TRY(cx, find_places(cx, call->api->home, &places));
    po_rc rc = export_to(cx, call, &places);
    struct po_err first = cx->err;
    po_rc cleaned = clean_up(cx, &places);
    if (!po_is_ok(rc)) {
        po_ignore(cleaned, "what failed before is the error to report");
        cx->err = first;
        return rc;
    }
    PO_TRY(cx, cleaned);
    po_api_set(call->res, PO_HTTP_CONTENT_TYPE, PO_LIT("application/x-tar"));
    po_api_set(call->res, PO_HTTP_CONTENT_DISPOSITION,
               PO_LIT("attachment; filename=\"evidence-pack.tar\""));
    po_api_set(call->res, PO_HTTP_CACHE_CONTROL, PO_LIT("no-store"));
    return po_rc_ok();
}

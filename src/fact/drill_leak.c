/*
 * Searching what a drill wrote for what was planted in it.
 */
#include "drill_fault_priv.h"

#include "scan_priv.h"

void po_fault_drill_look(struct po_fault_drill *drill, po_str text)
{
    bool is_leak = false;
    for (size_t i = 0; i < sizeof drill->planted / sizeof *drill->planted; i++)
        if (po_str_find(text, drill->planted[i], 0) != SIZE_MAX) is_leak = true;
    drill->texts++;
    drill->leaks += is_leak ? 1 : 0;
}

static bool is_place_of_planting(po_str relative)
{
    return po_str_eq_cstr(relative, "config/.env") || po_str_starts(relative, PO_LIT("intake/"));
}

static PO_RC search_dir(struct po_ctx *cx, struct po_fault_drill *drill, const char *dir,
                        size_t root_len, int depth)
{
    po_str *names = NULL;
    size_t count = 0;
    if (depth > PO_DRILL_TREE_DEPTH_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the drill's home is nested too deep");
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        uint64_t hits = 0;
        enum po_fact_file state = PO_FACT_FILE_ABSENT;
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.is_dir) PO_TRY(cx, search_dir(cx, drill, path, root_len, depth + 1));
        if (!info.is_file || is_place_of_planting(po_str_of(path + root_len + 1))) continue;
        PO_TRY(cx, po_scan_raw(cx, path, drill->planted,
                               sizeof drill->planted / sizeof *drill->planted, &hits, &state));
        drill->texts++;
        drill->leaks += hits > 0 ? 1 : 0;
    }
    return po_rc_ok();
}

PO_RC po_fault_drill_search(struct po_ctx *cx, struct po_fault_drill *drill)
{
    const char *home = drill->scratch->home;
    return search_dir(cx, drill, home, strlen(home), 0);
}

/* Words only: no path, address, digit or placeholder that something could be put into. */
static bool is_public(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '/' || *c == '@' || *c == '%' || *c == '\n' || (*c >= '0' && *c <= '9'))
            return false;
    return text[0] != '\0';
}

void po_fault_drill_public_texts(struct po_fault_drill *drill)
{
    static const enum po_code codes[] = {
#define X(name, number, http, exit_code, retryable, text) PO_##name,
        PO_CODE_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        drill->texts++;
        drill->public_texts++;
        drill->leaks += is_public(po_code_public_text(codes[i])) ? 0 : 1;
    }
}

PO_RC po_fault_drill_count_events(struct po_ctx *cx, struct po_fault_drill *drill)
{
    const char *argv[] = {"paulyops",       "audit", "list", "--type",
                          "command.failed", "-o",    "json", NULL};
    struct po_drill_child child = {.argv = argv, .timeout_ms = PO_DRILL_CHILD_MS_MAX};
    struct po_drill_ended ended = {0};
    struct po_json *root = NULL;
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, PO_DRILL_OUT_BYTES_MAX);
    PO_TRY(cx, po_drill_run(cx, drill->scratch, &child, &out, NULL, &ended));
    po_fault_drill_look(drill, po_buf_str(&out));
    if (ended.exit_status != 0) return po_rc_ok(); /* then no event was found */
    po_rc rc = po_json_parse(cx, po_buf_str(&out), PO_JSON_STRICT, &root);
    if (rc.code == PO_NOMEM) return rc;
    po_err_clear(cx);
    const struct po_json *data = po_json_get(root, "data");
    if (po_is_ok(rc) && data != NULL && data->type == PO_JSON_ARRAY)
        drill->events_found = (int64_t)data->count;
    return po_rc_ok();
}

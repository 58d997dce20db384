/*
 * audit list: events by filter, newest last, each with its leaf.
 */
#include "commands_priv.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 10000
#define STEP_ARENA_BYTES_MAX ((size_t)6 << 20)

static const struct po_column columns[] = {
    {"seq", "LEAF", PO_CELL_INT},           {"timestamp", "TIME", PO_CELL_STR},
    {"event_type", "TYPE", PO_CELL_STR},    {"user_id", "USER", PO_CELL_STR},
    {"resource", "RESOURCE", PO_CELL_STR},  {"action", "ACTION", PO_CELL_STR},
    {"result", "RESULT", PO_CELL_STR},      {"ip_address", "ADDRESS", PO_CELL_STR},
    {"session_id", "SESSION", PO_CELL_STR}, {"event", "EVENT", PO_CELL_JSON},
};
#define COLUMNS_FOR_PEOPLE 7

struct audit_query {
    po_str type; /* exact, or a prefix ending in '.' */
    po_str actor;
    po_str resource;
    po_str result;
    po_time_us since_us;
    po_time_us until_us; /* 0 = none */
    uint64_t before;     /* leaves below this one */
    uint64_t limit;
};

static PO_RC parse_time(struct po_ctx *cx, const struct po_cli *cli, const char *option,
                        po_time_us *ret_time)
{
    po_str text = po_cli_option(cli, option);
    if (text.ptr == NULL) return po_rc_ok();
    po_time_us age_us = 0;
    if (po_is_ok(po_time_parse(text, ret_time))) return po_rc_ok();
    if (!po_is_ok(po_duration_parse(text, &age_us)))
        return PO_FAIL(cx, PO_USAGE, "'%s %.*s' is neither an RFC 3339 time nor an age such as 24h",
                       option, PO_STR_ARG(text));
    *ret_time = po_ctx_now_us(cx) - age_us;
    return po_rc_ok();
}

static PO_RC parse_query(struct po_ctx *cx, const struct po_cli *cli, struct audit_query *query)
{
    *query = (struct audit_query){.type = po_cli_option(cli, "--type"),
                                  .actor = po_cli_option(cli, "--actor"),
                                  .resource = po_cli_option(cli, "--resource"),
                                  .result = po_cli_option(cli, "--result"),
                                  .before = PO_LEDGER_LEAVES_MAX,
                                  .limit = LIMIT_DEFAULT};
    enum po_event_result result = PO_EVENT_SUCCESS;
    if (query->result.ptr != NULL && !po_is_ok(po_event_result_parse(query->result, &result)))
        return PO_FAIL(cx, PO_USAGE, "'--result %.*s': success, failure, denied or error",
                       PO_STR_ARG(query->result));
    bool is_prefix = po_str_ends(query->type, PO_LIT("."));
    if (query->type.len > 0 && !is_prefix && po_event_type_find(query->type) == NULL)
        return PO_FAIL(cx, PO_USAGE, "there is no event type '%.*s'", PO_STR_ARG(query->type));
    po_str limit = po_cli_option(cli, "--limit");
    if (limit.ptr != NULL && !po_is_ok(po_str_to_u64(limit, LIMIT_MAX, &query->limit)))
        return PO_FAIL(cx, PO_USAGE, "'--limit %.*s' is not 0..%d", PO_STR_ARG(limit), LIMIT_MAX);
    po_str before = po_cli_option(cli, "--before");
    if (before.ptr != NULL &&
        !po_is_ok(po_str_to_u64(before, PO_LEDGER_LEAVES_MAX, &query->before)))
        return PO_FAIL(cx, PO_USAGE, "'--before %.*s' is not a leaf number", PO_STR_ARG(before));
    PO_TRY(cx, parse_time(cx, cli, "--since", &query->since_us));
    return parse_time(cx, cli, "--until", &query->until_us);
}

static bool type_matches(const struct audit_query *query, po_str type)
{
    if (query->type.len == 0) return true;
    if (po_str_ends(query->type, PO_LIT("."))) return po_str_starts(type, query->type);
    return po_str_eq(query->type, type);
}

static bool matches(const struct audit_query *query, const struct po_event_view *event)
{
    const struct {
        po_str wanted;
        po_str have;
    } pairs[] = {{query->actor, event->user_id},
                 {query->resource, event->resource},
                 {query->result, event->result}};
    if (!type_matches(query, event->event_type)) return false;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].wanted.ptr != NULL && !po_str_eq(pairs[i].wanted, pairs[i].have)) return false;
    return true;
}

/* Cells are copied into the rows; the parsed event goes with `step`. */
static PO_RC add_cells(struct po_ctx *cx, struct po_ctx *step, const struct po_cli *cli,
                       struct po_rows *rows, uint64_t leaf)
{
    PO_BUF_AUTO bytes;
    struct po_event_view event;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    PO_TRY(step, po_ledger_event_at(step, po_home_ledger(cli->home), leaf, &bytes, NULL));
    PO_TRY(step, po_event_parse(step, po_buf_str(&bytes), &event));
    const po_str cells[] = {event.timestamp,  event.event_type, event.user_id,
                            event.resource,   event.action,     event.result,
                            event.ip_address, event.session_id, po_buf_str(&bytes)};
    size_t count =
        cli->format == PO_CLI_TABLE ? COLUMNS_FOR_PEOPLE : sizeof columns / sizeof *columns;
    PO_TRY_LEAF(step, po_rows_int(cx, rows, (int64_t)leaf), "the list is too large");
    for (size_t i = 0; i + 1 < count; i++)
        PO_TRY_LEAF(step, po_rows_str(cx, rows, cells[i]), "the list is too large");
    return po_rc_ok();
}

static PO_RC add_event(struct po_ctx *cx, struct po_cli *cli, struct po_rows *rows, uint64_t leaf)
{
    struct po_ctx step;
    PO_TRY(cx, po_ctx_child_begin(cx, STEP_ARENA_BYTES_MAX, &step));
    po_rc rc = add_cells(cx, &step, cli, rows, leaf);
    return po_ctx_child_end(cx, &step, rc);
}

struct audit_walk {
    const struct audit_query *query;
    uint64_t *leaves; /* newest first */
    size_t count;
};

static po_rc take_leaf(struct po_ctx *step, void *user, const struct po_home_event *event,
                       bool *ret_stop)
{
    (void)step;
    struct audit_walk *walk = user;
    if (matches(walk->query, &event->view)) walk->leaves[walk->count++] = event->leaf;
    *ret_stop = walk->count == walk->query->limit;
    return po_rc_ok();
}

PO_RC po_cmd_audit_list(struct po_ctx *cx, struct po_cli *cli)
{
    struct audit_query query;
    PO_TRY(cx, parse_query(cx, cli, &query));
    struct audit_walk found = {.query = &query};
    PO_ARENA_NEW(cx, found.leaves, query.limit + 1);
    uint64_t size = po_ledger_size(po_home_ledger(cli->home));
    if (size > query.before) size = query.before;
    struct po_home_walk walk = {.size = query.limit > 0 ? size : 0,
                                .since_us = query.since_us,
                                .until_us = query.until_us,
                                .visit = take_leaf,
                                .user = &found};
    PO_TRY(cx, po_home_walk_back(cx, cli->home, &walk));
    struct po_rows *rows = NULL;
    size_t shown =
        cli->format == PO_CLI_TABLE ? COLUMNS_FOR_PEOPLE : sizeof columns / sizeof *columns;
    PO_TRY(cx, po_rows_new(cx, columns, shown, &rows));
    while (found.count > 0)
        PO_TRY(cx, add_event(cx, cli, rows, found.leaves[--found.count]));
    return po_rows_render(cx, rows, cli);
}

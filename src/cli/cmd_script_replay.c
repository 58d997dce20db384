/*
 * script replay: run a recorded run again from the ledger alone and say what differs.
 *
 * The texts come from program.stored, what the host answered from the record's list of calls; nothing
 * else is asked, so a replay changes nothing.
 */
#include "commands_priv.h"

#include "core/codec.h"
#include "script_replay_priv.h"
#include "script_target_priv.h"

#define TEXT_SHOWN_MAX 200
#define TEXT_SAME_MAX 40 /* for people: what does not differ */

/* ---- finding the record --------------------------------------------------------------------------- */

struct run_search {
    po_str session;
    uint64_t leaf;
    bool is_found;
};

static po_rc match_session(struct po_ctx *step, void *user, const struct po_home_event *event,
                           bool *ret_stop)
{
    (void)step;
    struct run_search *search = user;
    if (!po_str_eq(event->view.session_id, search->session)) return po_rc_ok();
    search->leaf = event->leaf;
    search->is_found = true;
    *ret_stop = true;
    return po_rc_ok();
}

static PO_RC find_leaf(struct po_ctx *cx, struct po_cli *cli, po_str run, uint64_t *ret_leaf)
{
    uint64_t size = po_ledger_size(po_home_ledger(cli->home));
    struct run_search search = {.session = run};
    const struct po_home_walk walk = {
        .type = PO_EVENT_TYPE_PROGRAM_RAN, .size = size, .visit = match_session, .user = &search};
    if (po_is_ok(po_str_to_u64(run, PO_LEDGER_LEAVES_MAX, ret_leaf))) return po_rc_ok();
    PO_TRY(cx, po_home_walk_back(cx, cli->home, &walk));
    if (!search.is_found)
        return PO_FAIL(cx, PO_NOTFOUND,
                       "there is no run '%.*s' of a program; 'paulyops audit list --type "
                       "program.ran' lists them",
                       PO_STR_ARG(run));
    *ret_leaf = search.leaf;
    return po_rc_ok();
}

PO_RC po_replay_event(struct po_ctx *cx, struct po_home *home, uint64_t leaf,
                      struct po_event_view *ret_event)
{
    PO_BUF_AUTO bytes;
    po_str kept = {NULL, 0};
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    PO_TRY(cx, po_ledger_event_at(cx, po_home_ledger(home), leaf, &bytes, NULL));
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&bytes), &kept), "out of request memory");
    return po_event_parse(cx, kept, ret_event);
}

/* ---- the texts ------------------------------------------------------------------------------------ */

struct text_search {
    po_str digest;
    uint64_t leaf;
    bool is_found;
};

static po_rc match_digest(struct po_ctx *step, void *user, const struct po_home_event *event,
                          bool *ret_stop)
{
    (void)step;
    struct text_search *search = user;
    const struct po_json *detail = po_json_get(event->view.json, "detail");
    const struct po_json *digest = po_json_get(detail, "program_sha256");
    if (digest == NULL || !po_str_eq(digest->str, search->digest)) return po_rc_ok();
    search->leaf = event->leaf;
    search->is_found = true;
    *ret_stop = true;
    return po_rc_ok();
}

static PO_RC bundle_of(struct po_ctx *cx, const struct po_json *files,
                       struct po_bundle **ret_bundle)
{
    struct po_bundle_text *texts = NULL;
    size_t count = 0;
    if (files == NULL || files->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_CORRUPT, "the record of the program's texts is not whole");
    PO_ARENA_NEW(cx, texts, files->count + 1);
    for (const struct po_json *file = files->first; file != NULL; file = file->next)
        texts[count++] = (struct po_bundle_text){file->key, file->str};
    return po_bundle_open_texts(cx, PO_LIT("ledger"), texts, count, ret_bundle);
}

PO_RC po_replay_load(struct po_ctx *cx, const struct po_cli *cli, po_str digest,
                     struct po_program *ret_program)
{
    struct po_home *home = cli->home;
    struct text_search search = {.digest = digest};
    struct po_event_view event;
    struct po_script_target target = {0};
    char hex[2 * PO_SHA256_BYTES + 1];
    const struct po_home_walk walk = {.type = PO_EVENT_TYPE_PROGRAM_STORED,
                                      .size = po_ledger_size(po_home_ledger(home)),
                                      .visit = match_digest,
                                      .user = &search};
    PO_TRY(cx, po_home_walk_back(cx, home, &walk));
    if (!search.is_found)
        return PO_FAIL(cx, PO_NOTFOUND, "the ledger does not hold the texts of program %.*s",
                       PO_STR_ARG(digest));
    PO_TRY(cx, po_replay_event(cx, home, search.leaf, &event));
    const struct po_json *detail = po_json_get(event.json, "detail");
    PO_TRY(cx, bundle_of(cx, po_json_get(detail, "files"), &target.bundle));
    PO_TRY(cx, po_json_get_str(cx, detail, "file", &target.file));
    PO_TRY(cx, po_json_get_str(cx, detail, "entry", &target.entry));
    PO_TRY(cx, po_script_entry_load(cx, cli, &target, target.entry, ret_program));
    po_hex_encode(ret_program->digest, PO_SHA256_BYTES, hex);
    if (!po_str_eq_cstr(digest, hex))
        return PO_FAIL(cx, PO_TAMPER, "the texts kept of program %.*s have the digest %s",
                       PO_STR_ARG(digest), hex);
    return po_rc_ok();
}

/* ---- one run by hand ------------------------------------------------------------------------------ */

static PO_RC read_job(struct po_ctx *cx, const struct po_json *detail, struct po_program *program,
                      struct po_program_job *job)
{
    const struct po_json *grant = po_json_get(detail, "grant");
    const struct po_json *dry_run = po_json_get(detail, "dry_run");
    po_str trust = {NULL, 0};
    PO_TRY(cx, po_json_get_str(cx, detail, "args", &job->args_json));
    PO_TRY(cx, po_json_get_str(cx, detail, "calls", &job->replay_calls));
    PO_TRY(cx, po_json_get_int(cx, detail, "now_us", &job->now_us));
    PO_TRY(cx, po_json_get_str(cx, detail, "trust", &trust));
    job->is_dry_run = dry_run != NULL && dry_run->boolean;
    if (!po_str_eq_cstr(trust, po_trust_name(PO_TRUST_NONE)))
        po_program_trust_raise(program, PO_TRUST_ORGANISATION);
    if (grant == NULL || grant->type != PO_JSON_OBJECT) return po_rc_ok();
    PO_BUF_AUTO text;
    struct po_caps *caps = NULL;
    po_buf_init(&text, PO_EVENT_BYTES_MAX);
    PO_ARENA_NEW(cx, caps, 1);
    PO_TRY(cx, po_json_canonical(cx, grant, &text));
    PO_TRY(cx, po_caps_parse(cx, po_buf_str(&text), caps));
    job->grant = caps;
    return po_rc_ok();
}

static po_str str_of(const struct po_json *object, const char *key)
{
    const struct po_json *value = po_json_get(object, key);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

static int64_t int_of(const struct po_json *object, const char *key)
{
    const struct po_json *value = po_json_get(object, key);
    return value != NULL && value->type == PO_JSON_INT ? value->integer : -1;
}

/* A long text was recorded by its head and the digest of all: then the digests are compared. */
static PO_RC recorded_text(struct po_ctx *cx, const struct po_json *object,
                           const char *const keys[2], po_str *ret_recorded, po_str *text)
{
    uint8_t digest[PO_SHA256_BYTES];
    char hex[2 * PO_SHA256_BYTES + 1];
    *ret_recorded = str_of(object, keys[0]);
    if (po_json_get(object, keys[1]) == NULL) return po_rc_ok();
    *ret_recorded = str_of(object, keys[1]);
    PO_TRY_LEAF(cx, po_sha256(*text, digest), "digest of a replayed text");
    po_hex_encode(digest, PO_SHA256_BYTES, hex);
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_str_of(hex), text), "out of request memory");
    return po_rc_ok();
}

PO_RC po_replay_compare(struct po_ctx *cx, struct po_replayed *all, const char *what,
                        po_str recorded, po_str replayed)
{
    bool is_same = po_str_eq(recorded, replayed);
    size_t shown = all->is_table && is_same ? TEXT_SAME_MAX : TEXT_SHOWN_MAX;
    if (!is_same) all->differing++;
    PO_TRY(cx, po_rows_cstr(cx, all->rows, what));
    PO_TRY(cx, po_rows_bool(cx, all->rows, is_same));
    PO_TRY(cx, po_rows_str(cx, all->rows, po_str_slice(recorded, 0, shown)));
    return po_rows_str(cx, all->rows, po_str_slice(replayed, 0, shown));
}

PO_RC po_replay_compare_int(struct po_ctx *cx, struct po_replayed *all, const char *what,
                            int64_t recorded, int64_t replayed)
{
    const char *one = po_arena_printf(cx->arena, "%ld", (long)recorded);
    const char *two = po_arena_printf(cx->arena, "%ld", (long)replayed);
    if (one == NULL || two == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_replay_compare(cx, all, what, po_str_of(one), po_str_of(two));
}

static PO_RC compare_run(struct po_ctx *cx, struct po_replayed *all, const struct po_json *detail,
                         const struct po_program_result *result)
{
    static const char *const names[] = {
        [PO_SCRIPT_OK] = "ok", [PO_SCRIPT_PROGRAM_ERROR] = "error", [PO_SCRIPT_FAULT] = "fault"};
    const struct po_json *outcome = po_json_get(detail, "outcome");
    const struct po_script_outcome *now = &result->outcome;
    static const char *const value_keys[] = {"value", "value_sha256"};
    static const char *const output_keys[] = {"output", "output_sha256"};
    bool is_ok = now->status == PO_SCRIPT_OK;
    po_str value[2] = {{NULL, 0}, now->value_json}; /* recorded, replayed */
    po_str output[2] = {{NULL, 0}, result->output};
    PO_TRY(cx, recorded_text(cx, outcome, value_keys, &value[0], &value[1]));
    PO_TRY(cx, recorded_text(cx, detail, output_keys, &output[0], &output[1]));
    const struct {
        const char *what;
        po_str recorded;
        po_str replayed;
    } texts[] = {
        {"status", str_of(outcome, "status"), po_str_of(names[now->status])},
        {"value", value[0], value[1]},
        {"fault", str_of(outcome, "kind"), is_ok ? PO_LIT("") : now->fault_kind},
        {"message", str_of(outcome, "message"), is_ok ? PO_LIT("") : now->fault_message},
        {"output", output[0], output[1]},
        {"calls", str_of(detail, "calls"), result->calls_json},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        PO_TRY(cx, po_replay_compare(cx, all, texts[i].what, texts[i].recorded, texts[i].replayed));
    PO_TRY(cx,
           po_replay_compare_int(cx, all, "steps", int_of(outcome, "steps"), (int64_t)now->steps));
    return po_replay_compare_int(cx, all, "memory", int_of(outcome, "memory_bytes"),
                                 (int64_t)now->memory_bytes);
}

PO_RC po_replay_left(struct po_ctx *cx, struct po_replayed *all)
{
    const char *why = po_arena_printf(cx->arena, "%s", po_err_msg(cx));
    if (why == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    po_err_clear(cx);
    return po_replay_compare(cx, all, "calls", PO_LIT("as recorded"), po_str_of(why));
}

static PO_RC replay_run(struct po_ctx *cx, struct po_cli *cli, const struct po_json *detail,
                        struct po_replayed *all)
{
    PO_CLEANUP(po_program_done) struct po_program program = {0};
    struct po_program_result *result = NULL;
    struct po_program_job job = {.home = po_home_root(cli->home)};
    po_str digest = {NULL, 0};
    PO_ARENA_NEW(cx, result, 1);
    PO_TRY(cx, po_json_get_str(cx, detail, "program_sha256", &digest));
    PO_TRY(cx, po_replay_load(cx, cli, digest, &program));
    PO_TRY(cx, read_job(cx, detail, &program, &job));
    po_rc rc = po_program_run(cx, &program, &job, result);
    if (rc.code != PO_CONFLICT) {
        PO_TRY(cx, rc);
        return compare_run(cx, all, detail, result);
    }
    return po_replay_left(cx, all);
}

/* ---- the command ---------------------------------------------------------------------------------- */

static const struct po_column columns[] = {
    {"what", "WHAT", PO_CELL_STR},
    {"same", "SAME", PO_CELL_BOOL},
    {"recorded", "RECORDED", PO_CELL_STR},
    {"replayed", "REPLAYED", PO_CELL_STR},
};

PO_RC po_cmd_script_replay(struct po_ctx *cx, struct po_cli *cli)
{
    uint64_t leaf = 0;
    struct po_event_view event;
    struct po_replayed all = {.is_table = cli->format == PO_CLI_TABLE};
    PO_TRY(cx, find_leaf(cx, cli, cli->operands[0], &leaf));
    PO_TRY(cx, po_replay_event(cx, cli->home, leaf, &event));
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &all.rows));
    const struct po_json *detail = po_json_get(event.json, "detail");
    if (po_str_eq_cstr(event.event_type, "program.ran"))
        PO_TRY(cx, replay_run(cx, cli, detail, &all));
    else if (po_str_eq_cstr(event.event_type, "control.tested"))
        PO_TRY(cx, po_replay_clause(cx, cli, &event, &all));
    else
        return PO_FAIL(cx, PO_INVALID, "leaf %lu is '%.*s', no run of a program",
                       (unsigned long)leaf, PO_STR_ARG(event.event_type));
    PO_TRY(cx, po_rows_render(cx, all.rows, cli));
    if (all.differing > 0) cli->exit_code = PO_EXIT_NOT_PASSED;
    if (cli->format == PO_CLI_TABLE)
        po_buf_printf(&cli->out, "leaf %lu: %s\n", (unsigned long)leaf,
                      all.differing == 0 ? "reproduced" : "NOT reproduced");
    return po_rc_ok();
}

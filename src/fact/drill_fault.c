/*
 * Fact drill.fault: the program itself against a home of the drill's own, with malformed input, damaged
 * files and lowered limits. Each must end with a documented exit code, by itself, with a line that says
 * why; and nothing planted in config/.env or the intake may turn up in what it writes.
 */
#include "drill_fault_priv.h"

#include "core/codec.h"
#include "core/random.h"

#define LONG_ARGUMENT_BYTES 100000

/* Exit codes of DESIGN 4. */
static const int documented[] = {0, 1, 2, 64, 65, 66, 69, 73, 74, 75, 77, 78};
#define ANY (-1)

struct fault {
    const char *name;
    const char *file; /* relative to the home: replaced by `content` during the fault */
    const char *content;
    const char *limit; /* "fsize", ... and its value */
    const char *value;
    const char *args[6];
    int want;          /* ANY: any documented failure or success */
    bool leaves_event; /* command.failed in the drill's ledger */
};

static const struct fault faults[] = {
    {.name = "unknown command", .args = {"frobnicate"}, .want = 64},
    {.name = "unknown option", .args = {"version", "--frobnicate"}, .want = 64},
    {.name = "unknown control", .args = {"control", "show", "NO-99"}, .want = ANY},
    {.name = "long argument", .args = {"health", "show", "@long"}, .want = ANY},
    {.name = "bad register name",
     .args = {"register", "set", "no such name", "1"},
     .want = 65,
     .leaves_event = true},
    {.name = "bad flag value",
     .args = {"flag", "set", "doctor_repairs_max", "many"},
     .want = 65,
     .leaves_event = true},
    {.name = "malformed options",
     .file = "config/.env",
     .content = "NOT AN OPTION\n",
     .args = {"audit", "list"},
     .want = 78},
    {.name = "malformed flags",
     .file = "config/status_flags.json",
     .content = "{\"doctor_enabled\": ",
     .args = {"audit", "list"},
     .want = 78},
    {.name = "strange instance",
     .file = "data/instance",
     .content = "../../etc/passwd\n",
     .args = {"audit", "list"},
     .want = 65},
    {.name = "no home", .args = {"audit", "list", "--home", "@nowhere"}, .want = 66},
    {.name = "file size limit",
     .limit = "fsize",
     .value = "2048",
     .args = {"register", "set", "cost.audit", "1"},
     .want = ANY},
    {.name = "descriptor limit",
     .limit = "nofile",
     .value = "9",
     .args = {"audit", "list"},
     .want = ANY},
    {.name = "memory limit",
     .limit = "as",
     .value = "33554432",
     .args = {"audit", "list"},
     .want = ANY},
    {.name = "damaged database",
     .file = "data/paulyops.db",
     .content =
         "this is no database, and long enough to be taken for the start of one .............",
     .args = {"audit", "list"},
     .want = 65},
};

/* ---- planting ---------------------------------------------------------------------------------------- */

static PO_RC write_home_file(struct po_ctx *cx, const struct po_fault_drill *drill,
                             const char *relative, po_str content)
{
    const char *path = NULL;
    PO_TRY(cx, po_fact_path(cx, drill->scratch->home, relative, &path));
    return po_fs_write_atomic(cx, path, content, 0600);
}

static PO_RC plant(struct po_ctx *cx, struct po_fault_drill *drill)
{
    uint8_t bytes[16];
    char hex[33];
    PO_TRY_LEAF(cx, po_random_fill(bytes, sizeof bytes), "planting values");
    po_hex_encode(bytes, sizeof bytes, hex);
    const char *secret = po_arena_printf(cx->arena, "planted-%s", hex);
    const char *person = po_arena_printf(cx->arena, "p%.16s@planted.example", hex);
    const char *env = po_arena_printf(cx->arena, "SMTP_PASSWORD=planted-%s\n", hex);
    if (secret == NULL || person == NULL || env == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    drill->planted[0] = po_str_of(secret);
    drill->planted[1] = po_str_of(person);
    drill->env_text = po_str_of(env);
    PO_TRY(cx, write_home_file(cx, drill, "config/.env", drill->env_text));
    const char *intake = po_arena_printf(cx->arena, "from %s: password %s\n", person, secret);
    if (intake == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return write_home_file(cx, drill, "intake/planted.txt", po_str_of(intake));
}

/* ---- one fault --------------------------------------------------------------------------------------- */

static bool is_documented(int status)
{
    for (size_t i = 0; i < sizeof documented / sizeof *documented; i++)
        if (documented[i] == status) return true;
    return false;
}

static PO_RC argument_of(struct po_ctx *cx, const struct po_fault_drill *drill, const char *word,
                         const char **ret_word)
{
    *ret_word = word;
    if (strcmp(word, "@nowhere") == 0)
        return po_fact_path(cx, drill->scratch->dir, "nowhere", ret_word);
    if (strcmp(word, "@long") != 0) return po_rc_ok();
    char *text = po_arena_alloc(cx->arena, LONG_ARGUMENT_BYTES + 1, 1);
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    memset(text, 'x', LONG_ARGUMENT_BYTES);
    *ret_word = text;
    return po_rc_ok();
}

/* The command line; under a limit it is run by a child that lowers it first. */
static PO_RC command_of(struct po_ctx *cx, const struct po_fault_drill *drill,
                        const struct fault *fault, const char **argv)
{
    size_t count = 0;
    argv[count++] = "paulyops";
    if (fault->limit != NULL) {
        argv[count++] = "--role=drill-limited";
        argv[count++] = fault->limit;
        argv[count++] = fault->value;
        argv[count++] = drill->scratch->program;
    }
    for (size_t i = 0; i < 6 && fault->args[i] != NULL; i++)
        PO_TRY(cx, argument_of(cx, drill, fault->args[i], &argv[count++]));
    argv[count] = NULL;
    return po_rc_ok();
}

/* Under a limit the last line of stderr says how the program itself ended. */
static void read_limited_end(struct po_buf *err, struct po_drill_ended *ended)
{
    po_str text = po_str_trim(po_buf_str(err));
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\n') start = i + 1;
    po_str line = po_str_slice(text, start, text.len);
    int64_t value = 0;
    if (ended->exit_status != 0) return; /* the limit stopped the child that was to set it */
    ended->exit_status = -1;
    if (po_str_starts(line, PO_LIT("exit ")) &&
        po_is_ok(po_str_to_i64(po_str_slice(line, 5, line.len), &value)))
        ended->exit_status = (int)value;
    po_buf_truncate(err, start);
}

static bool is_typed(const struct fault *fault, const struct po_drill_ended *ended, po_str err)
{
    if (ended->was_killed || ended->exit_status < 0) return false;
    if (!is_documented(ended->exit_status)) return false;
    if (fault->want != ANY && ended->exit_status != fault->want) return false;
    return ended->exit_status == 0 || ended->exit_status == 2 || po_str_trim(err).len > 0;
}

static PO_RC run_fault(struct po_ctx *cx, struct po_fault_drill *drill, const struct fault *fault)
{
    const char *argv[14] = {NULL};
    PO_BUF_AUTO out = {0};
    PO_BUF_AUTO err = {0};
    po_buf_init(&out, PO_DRILL_OUT_BYTES_MAX);
    po_buf_init(&err, PO_DRILL_OUT_BYTES_MAX);
    struct po_drill_child child = {.argv = argv, .timeout_ms = PO_DRILL_CHILD_MS_MAX};
    struct po_drill_ended ended = {0};
    PO_TRY(cx, command_of(cx, drill, fault, argv));
    PO_TRY(cx, po_drill_run(cx, drill->scratch, &child, &out, &err, &ended));
    if (fault->limit != NULL) read_limited_end(&err, &ended);
    drill->injected++;
    if (is_typed(fault, &ended, po_buf_str(&err)))
        drill->typed++;
    else if (drill->missed_count < PO_FAULT_DRILL_MISSED_MAX)
        drill->missed[drill->missed_count++] = fault->name;
    drill->events_wanted += fault->leaves_event ? 1 : 0;
    po_fault_drill_look(drill, po_buf_str(&out));
    po_fault_drill_look(drill, po_buf_str(&err));
    return po_rc_ok();
}

/* Put the fault's file in place, run, put the former content back. */
static PO_RC run_with_file(struct po_ctx *cx, struct po_fault_drill *drill,
                           const struct fault *fault)
{
    const char *path = NULL;
    PO_BUF_AUTO kept = {0};
    po_buf_init(&kept, (size_t)8 << 20);
    PO_TRY(cx, po_fact_path(cx, drill->scratch->home, fault->file, &path));
    PO_TRY(cx, po_fs_read(cx, path, &kept));
    PO_TRY(cx, write_home_file(cx, drill, fault->file, po_str_of(fault->content)));
    PO_TRY(cx, run_fault(cx, drill, fault));
    return write_home_file(cx, drill, fault->file, po_buf_str(&kept));
}

/* Commands that make logs, reports and events of their own, to be searched afterwards. */
static const struct fault ordinary[] = {
    {.name = "show options", .args = {"config", "show"}, .want = 0},
    {.name = "list flags", .args = {"flag", "list"}, .want = 0},
    {.name = "repair", .args = {"doctor", "run"}, .want = ANY},
    {.name = "report", .args = {"report", "health"}, .want = 0},
};

static PO_RC run_all(struct po_ctx *cx, struct po_fault_drill *drill)
{
    for (size_t i = 0; i < sizeof ordinary / sizeof *ordinary; i++)
        PO_TRY_MSG(cx, run_fault(cx, drill, &ordinary[i]), "fault '%s'", ordinary[i].name);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        bool has_file = faults[i].file != NULL;
        po_rc rc =
            has_file ? run_with_file(cx, drill, &faults[i]) : run_fault(cx, drill, &faults[i]);
        PO_TRY_MSG(cx, rc, "fault '%s'", faults[i].name);
    }
    return po_rc_ok();
}

/* ---- the exercise -------------------------------------------------------------------------------------- */

static PO_RC make_home(struct po_ctx *cx, const struct po_drill *scratch)
{
    const char *argv[] = {"paulyops", "init", NULL};
    struct po_drill_child child = {.argv = argv, .timeout_ms = PO_DRILL_CHILD_MS_MAX};
    struct po_drill_ended ended = {0};
    PO_BUF_AUTO err = {0};
    po_buf_init(&err, 4096);
    PO_TRY(cx, po_drill_run(cx, scratch, &child, NULL, &err, &ended));
    if (ended.exit_status == 0) return po_rc_ok();
    return PO_FAIL(cx, PO_UNAVAILABLE, "'init' of the drill ended with %d: %.*s", ended.exit_status,
                   PO_STR_ARG(po_str_trim(po_buf_str(&err))));
}

static PO_RC run_drill(struct po_ctx *cx, const struct po_drill *scratch, struct po_json_out *out)
{
    struct po_fault_drill drill = {.scratch = scratch};
    PO_TRY(cx, make_home(cx, scratch));
    PO_TRY(cx, plant(cx, &drill));
    PO_TRY(cx, run_all(cx, &drill));
    PO_TRY(cx, po_fault_drill_count_events(cx, &drill));
    PO_TRY(cx, po_fault_drill_search(cx, &drill));
    po_fault_drill_public_texts(&drill);
    bool has_events = drill.events_found >= drill.events_wanted;
    po_json_out_object(out);
    po_fact_put_int(out, "injected", drill.injected);
    po_fact_put_int(out, "typed", has_events ? drill.typed : drill.typed - 1);
    po_fact_put_array(out, "not_typed");
    for (size_t i = 0; i < drill.missed_count; i++)
        po_json_out_cstr(out, drill.missed[i]);
    po_json_out_array_end(out);
    po_fact_put_int(out, "events_wanted", drill.events_wanted);
    po_fact_put_int(out, "events_found", drill.events_found);
    po_fact_put_int(out, "planted", (int64_t)(sizeof drill.planted / sizeof *drill.planted));
    po_fact_put_int(out, "texts", drill.texts);
    po_fact_put_int(out, "leaks", drill.leaks);
    po_fact_put_int(out, "public_texts", drill.public_texts);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(drill_fault)
{
    struct po_drill drill = {0};
    PO_TRY(cx, po_drill_begin(cx, set, &drill));
    po_rc rc = run_drill(cx, &drill, out);
    po_drill_end(cx, &drill);
    return rc;
}

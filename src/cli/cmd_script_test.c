/*
 * script test: @test functions with fixtures, and the lines they ran.
 */
#include "commands_priv.h"

#include "core/alloc.h"
#include "script_priv.h"

#define COVERED_MAX 1024
#define TEST_OUTPUT_BYTES_MAX ((size_t)256 << 10)

/* Lines of one program and how often tests ran them. */
struct covered {
    const char *shown;
    uint32_t *lines;  /* numbers */
    uint32_t *counts; /* beside them */
    size_t count;
};

struct testing {
    struct po_ctx *cx; /* whose arena keeps rows and coverage */
    struct po_cli *cli;
    struct po_rows *rows;
    struct po_buf failures; /* text for people */
    struct covered *covered;
    size_t covered_count;
    size_t passed;
    size_t failed;
    size_t skipped;
};

/* One file being tested. */
struct subject {
    const struct po_script_file *file;
    const struct po_script *script;
    struct po_script_host host;
    struct po_script_fixtures *fixtures;
    const char *fixture_error; /* why there are none; NULL: they are fine */
    uint32_t *counts;          /* NULL: no coverage */
};

static const struct po_column columns[] = {
    {"file", "FILE", PO_CELL_STR},
    {"test", "TEST", PO_CELL_STR},
    {"result", "RESULT", PO_CELL_STR},
    {"message", "MESSAGE", PO_CELL_STR},
};

static void testing_done(struct testing *all) { po_buf_done(&all->failures); }

static PO_RC add_row(struct testing *all, const char *file, po_str test, const char *result,
                     po_str message)
{
    struct po_ctx *cx = all->cx;
    PO_TRY(cx, po_rows_cstr(cx, all->rows, file));
    PO_TRY(cx, po_rows_str(cx, all->rows, test));
    PO_TRY(cx, po_rows_cstr(cx, all->rows, result));
    return po_rows_str(cx, all->rows, message);
}

static PO_RC add_failure(struct po_ctx *cx, struct testing *all, const struct subject *subject,
                         const struct po_script_outcome *outcome, po_str output)
{
    PO_BUF_AUTO text;
    struct po_script_outcome shown = *outcome;
    po_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < shown.trace_count; i++) {
        const char *path = po_script_shown(cx, subject->file, shown.trace[i].path);
        if (path != NULL) shown.trace[i].path = po_str_of(path);
    }
    po_buf_printf(&text, "\n%s\n", subject->file->shown);
    po_script_outcome_render(&shown, &text);
    if (output.len > 0) {
        po_buf_append_cstr(&text, "it printed:\n");
        po_buf_append(&text, output);
    }
    PO_TRY_LEAF(cx, po_buf_check(&text), "a failure's text is too long");
    po_script_append_lines(&all->failures, po_buf_str(&text));
    return po_rc_ok();
}

/* "x.script:12: AssertionFailed: ..." */
static po_str failure_line(struct po_ctx *cx, const struct subject *subject,
                           const struct po_script_outcome *outcome)
{
    const char *line = NULL;
    if (outcome->trace_count > 0)
        line = po_arena_printf(cx->arena, "%s:%u: %.*s: %.*s",
                               po_script_shown(cx, subject->file, outcome->trace[0].path),
                               outcome->trace[0].line, PO_STR_ARG(outcome->fault_kind),
                               PO_STR_ARG(outcome->fault_message));
    else
        line = po_arena_printf(cx->arena, "%.*s", PO_STR_ARG(outcome->fault_message));
    return line != NULL ? po_str_of(line) : PO_LIT("");
}

/* A test without the fixture it names cannot pass. */
static PO_RC choose_fixture(struct po_ctx *cx, const struct subject *subject,
                            const struct po_script_entry *test, const char **ret_problem)
{
    po_str name = {NULL, 0};
    PO_TRY(cx, po_script_entry_arg(cx, test, "fixture", &name));
    *ret_problem = name.len > 0 ? subject->fixture_error : NULL;
    if (*ret_problem != NULL) return po_rc_ok();
    po_rc rc = po_script_fixtures_use(cx, subject->fixtures, name);
    if (rc.code != PO_NOTFOUND) return rc;
    *ret_problem = po_arena_printf(cx->arena, "%s", po_err_msg(cx));
    po_err_clear(cx);
    return po_rc_ok();
}

static PO_RC run_test(struct po_ctx *cx, struct testing *all, const struct subject *subject,
                      const struct po_script_entry *test)
{
    static const char *const names[] = {[PO_SCRIPT_TEST_PASS] = "pass",
                                        [PO_SCRIPT_TEST_FAIL] = "fail",
                                        [PO_SCRIPT_TEST_SKIP] = "skip"};
    enum po_script_test_result result = PO_SCRIPT_TEST_FAIL;
    struct po_script_outcome *outcome = NULL;
    const char *problem = NULL;
    PO_BUF_AUTO output;
    PO_ARENA_NEW(cx, outcome, 1);
    po_buf_init(&output, TEST_OUTPUT_BYTES_MAX);
    const struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_PLAIN),
                                      .host = &subject->host,
                                      .crypto = &po_script_crypto_host,
                                      .output = &output,
                                      .line_counts = subject->counts};
    PO_TRY(cx, choose_fixture(cx, subject, test, &problem));
    if (problem != NULL) {
        all->failed++;
        return add_row(all, subject->file->shown, test->name, "fail", po_str_of(problem));
    }
    PO_TRY(cx, po_script_test_run(cx, subject->script, &run, test, &result, outcome));
    size_t *const counters[] = {[PO_SCRIPT_TEST_PASS] = &all->passed,
                                [PO_SCRIPT_TEST_FAIL] = &all->failed,
                                [PO_SCRIPT_TEST_SKIP] = &all->skipped};
    (*counters[result])++;
    if (result != PO_SCRIPT_TEST_FAIL)
        return add_row(all, subject->file->shown, test->name, names[result], PO_LIT(""));
    PO_TRY(cx, add_failure(cx, all, subject, outcome, po_buf_str(&output)));
    return add_row(all, subject->file->shown, test->name, names[result],
                   failure_line(cx, subject, outcome));
}

static PO_RC is_chosen(struct po_ctx *cx, const struct po_cli *cli,
                       const struct po_script_entry *entry, bool *ret_is)
{
    po_str wanted = po_cli_option(cli, "--tag");
    po_str name = po_cli_option(cli, "--name");
    po_str tag = {NULL, 0};
    *ret_is = false;
    if (!po_str_eq_cstr(entry->kind, "test")) return po_rc_ok();
    PO_TRY(cx, po_script_entry_arg(cx, entry, "tag", &tag));
    *ret_is = (wanted.ptr == NULL || po_str_eq(tag, wanted)) &&
              (name.ptr == NULL || po_str_eq(entry->name, name));
    return po_rc_ok();
}

/* ---- coverage ----------------------------------------------------------------------------------- */

/* The program beside a test file, or the file itself. */
static PO_RC covered_path(struct po_ctx *cx, const struct po_script_file *file,
                          const char **ret_path)
{
    po_str path = po_str_of(file->path);
    *ret_path = file->path;
    if (!po_script_is_test_file(file->path)) return po_rc_ok();
    po_str stem = po_str_slice(path, 0, path.len - (sizeof "_test.script" - 1));
    const char *program = po_arena_printf(cx->arena, "%.*s.script", PO_STR_ARG(stem));
    if (program == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    po_str text = {NULL, 0};
    po_rc rc = po_script_file_read(cx, file, program, &text);
    if (po_is_ok(rc)) *ret_path = program;
    po_err_clear(cx);
    return po_rc_ok();
}

/* Add the counts of one file's tests to those that other files' tests gave. */
static PO_RC keep_coverage(struct testing *all, const char *shown, const struct po_script *script,
                           const uint32_t *counts)
{
    struct po_ctx *cx = all->cx;
    size_t slots = po_script_line_slots(script);
    struct covered *slot = NULL;
    for (size_t i = 0; i < all->covered_count; i++)
        if (strcmp(all->covered[i].shown, shown) == 0) slot = &all->covered[i];
    if (slot == NULL) {
        if (all->covered_count == COVERED_MAX)
            return PO_FAIL(cx, PO_LIMIT, "coverage of more than %d files", COVERED_MAX);
        slot = &all->covered[all->covered_count];
        slot->shown = po_arena_strdup(cx->arena, po_str_of(shown));
        if (slot->shown == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_ARENA_NEW(cx, slot->lines, slots + 1);
        PO_ARENA_NEW(cx, slot->counts, slots + 1);
        slot->count = slots;
        for (size_t i = 0; i < slots; i++)
            slot->lines[i] = po_script_line_at(script, i);
        all->covered_count++;
    }
    for (size_t i = 0; i < slots && i < slot->count; i++)
        slot->counts[i] += counts[i];
    return po_rc_ok();
}

static size_t lines_run(const struct covered *covered)
{
    size_t run = 0;
    for (size_t i = 0; i < covered->count; i++)
        run += covered->counts[i] > 0;
    return run;
}

/* "12-14 20": runs of neighbouring lines of code that no test ran. */
static void put_missed(const struct covered *covered, struct po_buf *out)
{
    size_t start = out->len;
    for (size_t i = 0; i < covered->count; i++) {
        if (covered->counts[i] > 0) continue;
        size_t last = i;
        while (last + 1 < covered->count && covered->counts[last + 1] == 0)
            last++;
        if (out->len > start) po_buf_append_char(out, ' ');
        po_buf_append_u64(out, covered->lines[i]);
        if (last > i) {
            po_buf_append_char(out, '-');
            po_buf_append_u64(out, covered->lines[last]);
        }
        i = last;
    }
}

static const struct po_column coverage_columns[] = {
    {"file", "FILE", PO_CELL_STR},      {"lines", "LINES", PO_CELL_INT},
    {"run", "RUN", PO_CELL_INT},        {"percent", "PERCENT", PO_CELL_INT},
    {"missed", "NOT RUN", PO_CELL_STR},
};

static PO_RC coverage_rows(struct testing *all, struct po_rows **ret_rows)
{
    struct po_ctx *cx = all->cx;
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, coverage_columns, sizeof coverage_columns / sizeof *coverage_columns,
                           &rows));
    for (size_t i = 0; i < all->covered_count; i++) {
        const struct covered *covered = &all->covered[i];
        PO_BUF_AUTO missed;
        size_t run = lines_run(covered);
        po_buf_init(&missed, 1 << 20);
        put_missed(covered, &missed);
        PO_TRY(cx, po_rows_cstr(cx, rows, covered->shown));
        PO_TRY(cx, po_rows_int(cx, rows, (int64_t)covered->count));
        PO_TRY(cx, po_rows_int(cx, rows, (int64_t)run));
        PO_TRY(cx, po_rows_int(cx, rows,
                               covered->count == 0 ? 100 : (int64_t)(run * 100 / covered->count)));
        PO_TRY(cx, po_rows_str(cx, rows, po_buf_str(&missed)));
    }
    *ret_rows = rows;
    return po_rc_ok();
}

/* ---- files -------------------------------------------------------------------------------------- */

/* x_test.json beside x_test.script and beside x.script. */
static PO_RC read_fixtures(struct po_ctx *cx, struct subject *subject)
{
    po_str path = po_str_of(subject->file->path);
    size_t suffix = po_script_is_test_file(subject->file->path) ? sizeof "_test.script" - 1
                                                                : sizeof ".script" - 1;
    const char *name =
        po_arena_printf(cx->arena, "%.*s_test.json", (int)(path.len - suffix), path.ptr);
    po_str json = {NULL, 0};
    if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    po_rc rc = po_script_file_read(cx, subject->file, name, &json);
    bool is_absent = rc.code == PO_NOTFOUND;
    if (!po_is_ok(rc) && !is_absent) return rc;
    po_err_clear(cx);
    if (is_absent) json = PO_LIT("");
    rc = po_script_fixtures_read(cx, json, &subject->fixtures);
    if (rc.code != PO_INVALID && rc.code != PO_LIMIT && !is_absent) return rc;
    const char *why = is_absent ? "no such file" : po_err_msg(cx);
    subject->fixture_error = po_arena_printf(cx->arena, "%s: %s", name, why);
    po_err_clear(cx);
    return po_script_fixtures_read(cx, PO_LIT(""), &subject->fixtures);
}

static PO_RC run_tests(struct po_ctx *cx, struct testing *all, struct subject *subject,
                       const char *covered)
{
    size_t slots = po_script_line_slots(subject->script);
    bool has_any = false;
    PO_TRY(cx, read_fixtures(cx, subject));
    PO_TRY(cx, po_program_host_table(cx, &subject->host.fns, &subject->host.fn_count));
    subject->host.call = po_script_fixtures_call;
    subject->host.user = subject->fixtures;
    if (covered != NULL) PO_ARENA_NEW(cx, subject->counts, slots + 1);
    for (size_t i = 0; i < po_script_entry_count(subject->script); i++) {
        const struct po_script_entry *entry = po_script_entry_at(subject->script, i);
        bool is_wanted = false;
        PO_TRY(cx, is_chosen(cx, all->cli, entry, &is_wanted));
        if (!is_wanted) continue;
        has_any = true;
        PO_TRY(cx, run_test(cx, all, subject, entry));
    }
    if (covered == NULL || !has_any) return po_rc_ok();
    const char *shown = po_script_shown(cx, subject->file, po_str_of(covered));
    if (shown == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return keep_coverage(all, shown, subject->script, subject->counts);
}

static PO_RC test_in(struct po_ctx *cx, struct testing *all, const struct po_script_file *file)
{
    struct po_script_diags *diags = NULL;
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    struct po_script_compiling how = {0};
    po_str text = {NULL, 0};
    PO_TRY(cx, po_script_file_read(cx, file, file->path, &text));
    bool has_tests = po_str_find(text, PO_LIT("@test"), 0) != SIZE_MAX;
    if (!has_tests && !po_script_is_test_file(file->path)) return po_rc_ok();
    PO_ARENA_NEW(cx, diags, 1);
    if (po_cli_has(all->cli, "--coverage")) PO_TRY(cx, covered_path(cx, file, &how.covered));
    po_rc rc = po_script_file_compile(cx, file, &how, diags, &script);
    if (!po_is_ok(rc) && (rc.code != PO_INVALID || diags->error_count == 0)) return rc;
    if (!po_is_ok(rc)) {
        po_err_clear(cx);
        all->failed++;
        for (size_t i = 0; i < diags->count; i++)
            if (diags->at[i].severity == PO_SCRIPT_ERROR)
                PO_TRY(cx, po_script_diag_print(cx, file, &diags->at[i], true, &all->failures));
        return add_row(all, file->shown, PO_LIT(""), "fail", PO_LIT("it does not compile"));
    }
    struct subject subject = {.file = file, .script = script};
    return run_tests(cx, all, &subject, how.covered);
}

static PO_RC print_json(struct testing *all, const struct po_rows *coverage)
{
    struct po_json_out json;
    struct po_ctx *cx = all->cx;
    po_json_out_init(&json, &all->cli->out, 0);
    po_json_out_object(&json);
    po_json_out_field_int(&json, "passed", (int64_t)all->passed);
    po_json_out_field_int(&json, "failed", (int64_t)all->failed);
    po_json_out_field_int(&json, "skipped", (int64_t)all->skipped);
    PO_TRY(cx, po_script_put_rows(cx, &json, "tests", all->rows));
    if (coverage != NULL) PO_TRY(cx, po_script_put_rows(cx, &json, "coverage", coverage));
    po_json_out_object_end(&json);
    po_buf_append_char(&all->cli->out, '\n');
    return po_rc_ok();
}

static PO_RC print_testing(struct testing *all)
{
    struct po_ctx *cx = all->cx;
    struct po_cli *cli = all->cli;
    struct po_rows *coverage = NULL;
    bool has_coverage = po_cli_has(cli, "--coverage");
    if (has_coverage) PO_TRY(cx, coverage_rows(all, &coverage));
    if (cli->format == PO_CLI_JSON) return print_json(all, coverage);
    PO_TRY(cx, po_rows_render(cx, all->rows, cli));
    if (has_coverage) {
        if (cli->format == PO_CLI_TABLE) po_buf_append_char(&cli->out, '\n');
        PO_TRY(cx, po_rows_render(cx, coverage, cli));
    }
    if (cli->format != PO_CLI_TABLE) return po_rc_ok();
    po_buf_append(&cli->out, po_buf_str(&all->failures));
    po_buf_printf(&cli->out, "%s%zu passed, %zu failed", all->failures.len > 0 ? "\n" : "",
                  all->passed, all->failed);
    if (all->skipped > 0) po_buf_printf(&cli->out, ", %zu skipped", all->skipped);
    po_buf_append_char(&cli->out, '\n');
    return po_rc_ok();
}

PO_RC po_cmd_script_test(struct po_ctx *cx, struct po_cli *cli)
{
    PO_CLEANUP(testing_done) struct testing all = {.cx = cx, .cli = cli};
    struct po_script_files files = {0};
    po_buf_init(&all.failures, PO_CLI_OUT_BYTES_MAX);
    PO_ARENA_NEW(cx, all.covered, COVERED_MAX);
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &all.rows));
    if (po_cli_has(cli, "--shipped"))
        PO_TRY(cx, po_script_files_shipped(cx, &files));
    else
        PO_TRY(cx, po_script_files_named(cx, cli, &files));
    for (size_t i = 0; i < files.count; i++) {
        struct po_ctx step;
        PO_TRY(cx, po_ctx_child_begin(cx, PO_SCRIPT_STEP_BYTES_MAX, &step));
        po_rc rc = test_in(&step, &all, &files.at[i]);
        PO_TRY(cx, po_ctx_child_end(cx, &step, rc));
    }
    if (all.passed + all.failed + all.skipped == 0)
        return PO_FAIL(cx, PO_NOTFOUND, "no test was found");
    if (all.failed > 0) cli->exit_code = PO_EXIT_NOT_PASSED;
    PO_TRY(cx, print_testing(&all));
    PO_TRY_LEAF(cx, po_buf_check(&cli->out), "the output is too large");
    return po_rc_ok();
}

/*
 * Runs Script files for the differential test, the examples and the benchmarks.
 *
 * script_tool [--host FIXTURES.json] [--call FN ARGS] [--limits steps,mem,depth] MODE FILE
 * MODE: run check test fmt dis. Imports resolve below the file's directory. Host functions answer
 * from the fixtures: "store.users": value, or {"$by": {first argument: value, "*": value}}.
 */
#include "script/script.h"

#include "core/fs.h"
#include "core/json.h"
#include "unit/script/host_fixture.h"

#include <stdio.h>
#include <stdlib.h>

struct tool {
    const char *dir;
    struct po_ctx *cx;
};

static po_rc load(void *user, struct po_ctx *cx, po_str path, po_str *ret_text)
{
    struct tool *tool = user;
    char full[1024];
    (void)snprintf(full, sizeof full, "%s/%.*s", tool->dir, (int)path.len, path.ptr);
    struct po_buf *buf = po_arena_alloc(cx->arena, 1, sizeof *buf);
    if (buf == NULL) return po_rc_of(PO_NOMEM);
    po_buf_init(buf, 4u << 20);
    po_rc rc = po_fs_read(cx, full, buf);
    if (!po_is_ok(rc)) {
        po_buf_done(buf);
        return rc;
    }
    po_rc copied = po_arena_copy(cx->arena, po_buf_str(buf), ret_text);
    po_buf_done(buf);
    return copied;
}

static void print_diags(const struct po_script_diags *diags, bool all)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct po_script_diag *d = &diags->at[i];
        if (!all && d->severity == PO_SCRIPT_WARNING) continue;
        printf("%s %u:%u %.*s\n", d->code, d->line, d->column, (int)d->message.len, d->message.ptr);
    }
}

static int run_tests(struct po_ctx *cx, const struct po_script *script,
                     const struct po_script_run *run)
{
    int failed = 0;
    for (size_t i = 0; i < po_script_entry_count(script); i++) {
        const struct po_script_entry *entry = po_script_entry_at(script, i);
        enum po_script_test_result result = PO_SCRIPT_TEST_FAIL;
        struct po_script_outcome outcome;
        if (!po_str_eq_cstr(entry->kind, "test")) continue;
        po_rc rc = po_script_test_run(cx, script, run, entry, &result, &outcome);
        static const char *const names[] = {"pass", "fail", "skip"};
        printf("%s %.*s\n", po_is_ok(rc) ? names[result] : "error", (int)entry->name.len,
               entry->name.ptr);
        failed += result == PO_SCRIPT_TEST_FAIL;
        if (result == PO_SCRIPT_TEST_FAIL) {
            printf("  %.*s\n", (int)outcome.fault_message.len, outcome.fault_message.ptr);
        }
    }
    return failed != 0;
}

static int run_file(struct po_ctx *cx, const struct po_script *script, struct po_script_run *run,
                    const char *fn, const char *args)
{
    struct po_script_outcome outcome;
    po_rc rc = fn != NULL
                   ? po_script_call(cx, script, run, po_str_of(fn), po_str_of(args), &outcome)
                   : po_script_run(cx, script, run, &outcome);
    if (run->output->len > 0) fwrite(run->output->ptr, 1, run->output->len, stdout);
    if (!po_is_ok(rc)) {
        printf("failed: %s\n", po_err_msg(cx));
        return 3;
    }
    if (getenv("SCRIPT_STATS")) {
        fprintf(stderr, "steps %lu memory %lu\n", (unsigned long)outcome.steps,
                (unsigned long)outcome.memory_bytes);
    }
    if (fn != NULL && outcome.status != PO_SCRIPT_FAULT) {
        printf("-> %.*s\n", (int)outcome.display.len, outcome.display.ptr);
        return 0;
    }
    if (outcome.status == PO_SCRIPT_PROGRAM_ERROR) {
        printf("ProgramError %.*s\n", (int)outcome.fault_message.len, outcome.fault_message.ptr);
    }
    if (outcome.status == PO_SCRIPT_FAULT) {
        printf("%.*s %u %.*s\n", (int)outcome.fault_kind.len, outcome.fault_kind.ptr,
               outcome.trace_count > 0 ? outcome.trace[0].line : 0, (int)outcome.fault_message.len,
               outcome.fault_message.ptr);
    }
    return outcome.status == PO_SCRIPT_OK ? 0 : 2;
}

/* The stream of model.py on standard input: how many programs disagree with the model. */
static int batch(void)
{
    static struct po_script_diags diags;
    size_t n = 0, bad = 0, src_len = 0, out_len = 0;
    while (scanf("%zu %zu", &src_len, &out_len) == 2) {
        char *src = malloc(src_len + 1), *want = malloc(out_len + 1);
        (void)getchar();
        if (fread(src, 1, src_len, stdin) != src_len || fread(want, 1, out_len, stdin) != out_len)
            return 65;
        PO_CTX_AUTO cx = {0};
        PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
        struct po_script_config config = {0};
        PO_BUF_AUTO out;
        po_buf_init(&out, 16u << 20);
        if (!po_is_ok(po_ctx_init(&cx))) return 70;
        po_rc rc = po_script_compile(&cx, &config, PO_LIT("p.script"), po_str_n(src, src_len),
                                     &diags, &script);
        if (!po_is_ok(rc)) {
            for (size_t i = 0; i < diags.count; i++)
                po_script_diag_render_line(&diags.at[i], &out);
        } else {
            struct po_script_outcome o;
            struct po_script_run run = {.limits = po_script_limits_of(PO_SCRIPT_KIND_PLAIN),
                                        .output = &out};
            rc = po_script_run(&cx, script, &run, &o);
            if (po_is_ok(rc) && o.status == PO_SCRIPT_FAULT) {
                po_buf_append(&out, o.fault_kind);
                po_buf_append_cstr(&out, ": ");
                po_buf_append(&out, o.fault_message);
            }
        }
        n++;
        if (!po_str_eq(po_buf_str(&out), po_str_n(want, out_len))) {
            if (bad++ < 3) {
                printf("-- program %zu\n%.*s-- want\n%.*s\n-- got\n%.*s\n", n, (int)src_len, src,
                       (int)out_len, want, (int)out.len, out.ptr ? out.ptr : "");
            }
        }
        free(src);
        free(want);
    }
    printf("%zu programs, %zu differ\n", n, bad);
    return bad != 0;
}

struct options {
    const char *fixtures;
    const char *fn;
    const char *args;
    const char *mode;
    const char *file;
    struct po_script_limits limits;
    struct po_script_config config;
};

static void parse_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--host"))
            o->fixtures = argv[++i];
        else if (!strcmp(argv[i], "--call")) {
            o->fn = argv[++i];
            o->args = argv[++i];
        } else if (!strcmp(argv[i], "--steps"))
            o->limits.steps = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--memory"))
            o->limits.memory_bytes = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--depth"))
            o->limits.depth = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--no-needs"))
            o->config.keep_going_without_needs = true;
        else if (!strcmp(argv[i], "--strict"))
            o->config.strict = true;
        else if (o->mode == NULL)
            o->mode = argv[i];
        else
            o->file = argv[i];
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "batch")) return batch();
    struct options o = {.args = "[]", .limits = po_script_limits_of(PO_SCRIPT_KIND_PLAIN)};
    parse_options(argc, argv, &o);
    if (o.file == NULL) return 64;
    PO_CTX_AUTO cx = {0};
    if (!po_is_ok(po_ctx_init(&cx))) return 70;
    char dir[1024];
    (void)snprintf(dir, sizeof dir, "%s", o.file);
    char *slash = strrchr(dir, '/');
    const char *name = slash ? o.file + (slash - dir) + 1 : o.file;
    if (slash) *slash = '\0';
    struct tool tool = {slash ? dir : ".", &cx};
    struct po_script_loader loader = {load, &tool};
    struct script_fixtures fx = {0};
    struct po_script_host host = script_host_make(&cx, &fx, o.fixtures);
    o.config.host = &host;
    o.config.loader = &loader;
    po_str text = {NULL, 0};
    if (!po_is_ok(load(&tool, &cx, po_str_of(name), &text))) {
        printf("cannot read %s\n", o.file);
        return 66;
    }
    PO_BUF_AUTO out;
    po_buf_init(&out, 64u << 20);
    static struct po_script_diags diags;
    if (!strcmp(o.mode, "fmt")) {
        po_rc rc = po_script_fmt(&cx, po_str_of(name), text, &out, &diags);
        print_diags(&diags, false);
        if (po_is_ok(rc)) fwrite(out.ptr ? out.ptr : "", 1, out.len, stdout);
        return !po_is_ok(rc);
    }
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    po_rc rc = po_script_compile(&cx, &o.config, po_str_of(name), text, &diags, &script);
    print_diags(&diags, !strcmp(o.mode, "check"));
    if (!po_is_ok(rc)) {
        if (rc.code != PO_INVALID) printf("failed: %s\n", po_err_msg(&cx));
        return 1;
    }
    if (!strcmp(o.mode, "check")) return 0;
    if (!strcmp(o.mode, "dis")) {
        (void)po_script_disassemble(script, &out).code;
        fwrite(out.ptr, 1, out.len, stdout);
        return 0;
    }
    struct po_script_run run = {
        .limits = o.limits, .host = &host, .crypto = &script_test_crypto, .output = &out};
    if (!strcmp(o.mode, "test")) return run_tests(&cx, script, &run);
    int status = run_file(&cx, script, &run, o.fn, o.args);
    fwrite(fx.log.ptr ? fx.log.ptr : "", 1, fx.log.len, stdout);
    po_buf_done(&fx.log);
    po_buf_done(&fx.text);
    return status;
}

/*
 * The runner: a 50-line program that reads one file, from its spawn to its result, in a child behind all
 * fences, wall milliseconds, median of the runs.
 */
#include "program/program.h"

#include "core/fs.h"
#include "core/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 101
#define LINES 40

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double now_ms(void) { return (double)po_clock_system.monotonic_us(NULL) / 1000; }

static PO_RC write_program(struct po_ctx *cx, const char *dir, const char *needs)
{
    PO_BUF_AUTO text = {0};
    const char *path = NULL;
    po_buf_init(&text, 1 << 16);
    po_buf_printf(&text,
                  "import * as fs from \"host/fs\"\n@check(id = \"x\")\n@needs(%s)\n"
                  "fn e() -> int {\n    let mut sum = fs.read(\"%s/data\").unwrap_or(\"\").len()\n",
                  needs, dir);
    for (int i = 0; i < LINES; i++)
        po_buf_printf(&text, "    sum = if sum %% %d == 0 { sum + %d } else { sum - 1 }\n", i + 2,
                      i);
    po_buf_append_cstr(&text, "    sum\n}\n");
    PO_TRY(cx, po_path_join(cx, dir, "p.script", &path));
    PO_TRY(cx, po_fs_write_atomic(cx, path, po_buf_str(&text), 0600));
    PO_TRY(cx, po_path_join(cx, dir, "data", &path));
    return po_fs_write_atomic(cx, path, PO_LIT("12345"), 0600);
}

static PO_RC measure(struct po_ctx *cx, const char *dir, double *ret_load_ms, double *ret_run_ms)
{
    static struct po_script_diags diags;
    static double load[RUNS];
    static double run[RUNS];
    for (int i = 0; i < RUNS; i++) {
        struct po_ctx inner = {0};
        struct po_bundle *bundle = NULL;
        PO_CLEANUP(po_program_done) struct po_program program = {0};
        struct po_program_result result = {0};
        PO_TRY(cx, po_ctx_child_begin(cx, (size_t)64 << 20, &inner));
        double started = now_ms();
        PO_TRY(&inner, po_bundle_open_dir(&inner, dir, NULL, 0, &bundle));
        PO_TRY(&inner,
               po_program_load(&inner, bundle, PO_LIT("p.script"), PO_LIT("e"), &diags, &program));
        struct po_program_job job = {.grant = &program.row.needs};
        double loaded = now_ms();
        po_rc rc = po_program_run(&inner, &program, &job, &result);
        if (po_is_ok(rc) && result.outcome.status != PO_SCRIPT_OK)
            rc = PO_FAIL(&inner, PO_BUG, "%.*s: %.*s", PO_STR_ARG(result.outcome.fault_kind),
                         PO_STR_ARG(result.outcome.fault_message));
        run[i] = now_ms() - loaded;
        load[i] = loaded - started;
        PO_TRY(cx, po_ctx_child_end(cx, &inner, rc));
    }
    qsort(load, RUNS, sizeof *load, compare);
    qsort(run, RUNS, sizeof *run, compare);
    *ret_load_ms = load[RUNS / 2];
    *ret_run_ms = run[RUNS / 2];
    return po_rc_ok();
}

static PO_RC bench(struct po_ctx *cx)
{
    char dir[] = "/tmp/po-bench-XXXXXX";
    char needs[128];
    struct po_sandbox_support support = {0};
    double load_ms = 0;
    double run_ms = 0;
    if (mkdtemp(dir) == NULL) return PO_FAIL(cx, PO_IO, "no temporary directory");
    (void)snprintf(needs, sizeof needs, "fs_read = \"%s/**\"", dir);
    PO_TRY(cx, write_program(cx, dir, needs));
    PO_TRY(cx, measure(cx, dir, &load_ms, &run_ms));
    po_sandbox_support(&support);
    printf("runner: %.2f ms in a child (%s), median of %d; opening and compiling %.2f ms\n", run_ms,
           support.text, RUNS, load_ms);
    return po_fs_remove_tree(cx, dir, 2);
}

int main(int argc, char **argv)
{
    PO_CTX_AUTO cx = {0};
    /* The child is this program, too. */
    if (argc > 1 && strcmp(argv[1], "--role=program") == 0)
        return po_program_role_run(argc - 2, argv + 2);
    if (!po_is_ok(po_ctx_init(&cx))) return 1;
    if (po_is_ok(bench(&cx))) return 0;
    fprintf(stderr, "bench_runner: %s\n", po_err_msg(&cx));
    return 1;
}

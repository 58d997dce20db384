/*
 * Script: the nine micro programs of bench/script against lua5.4 (CPU seconds, best of five), cold
 * start of a 50-line check, checking of a 1,000-line file. Run from the source tree's root.
 *
 * A run of ours is one child process from fork to exit, compilation included, as Lua's is.
 */
#include "script/script.h"

#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5

static struct po_script_diags diags;

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) return NULL;
    char *text = malloc(1u << 20);
    *len = text != NULL ? fread(text, 1, 1u << 20, f) : 0;
    (void)fclose(f);
    return text;
}

static int run_into(po_str text, struct po_buf *out)
{
    PO_CTX_AUTO cx = {0};
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    struct po_script_config config = {0};
    if (!po_is_ok(po_ctx_init(&cx))) return 1;
    po_rc rc = po_script_compile(&cx, &config, PO_LIT("b.script"), text, &diags, &script);
    if (!po_is_ok(rc)) return 2;
    struct po_script_limits limits = po_script_limits_of(PO_SCRIPT_KIND_REPORT);
    limits.memory_bytes = (uint64_t)2 << 30;
    limits.steps = (uint64_t)1 << 40;
    limits.time_us = 0;
    struct po_script_run run = {.limits = limits, .output = out};
    struct po_script_outcome outcome;
    rc = po_script_run(&cx, script, &run, &outcome);
    return po_is_ok(rc) && outcome.status == PO_SCRIPT_OK ? 0 : 3;
}

static int run_text(po_str text)
{
    PO_BUF_AUTO out;
    po_buf_init(&out, 1u << 20);
    return run_into(text, &out);
}

static double cpu_of(pid_t pid)
{
    struct rusage usage;
    int status = 0;
    if (wait4(pid, &status, 0, &usage) != pid || status != 0) return -1;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double ours(const char *path)
{
    size_t len = 0;
    pid_t pid = fork();
    if (pid == 0) {
        char *text = read_file(path, &len);
        _exit(text != NULL ? run_text(po_str_n(text, len)) : 4);
    }
    return pid > 0 ? cpu_of(pid) : -1;
}

static double lua(char *path)
{
    char name[] = "lua5.4";
    char *argv[] = {name, path, NULL};
    pid_t pid = 0;
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    int rc = posix_spawnp(&pid, name, &actions, NULL, argv, NULL);
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc == 0 ? cpu_of(pid) : -1;
}

static double best(double (*once)(const char *), const char *path)
{
    double least = -1;
    for (int i = 0; i < ROUNDS; i++) {
        double s = once(path);
        if (s >= 0 && (least < 0 || s < least)) least = s;
    }
    return least;
}

static double lua_once(const char *path)
{
    char copy[256];
    (void)snprintf(copy, sizeof copy, "%s", path);
    return lua(copy);
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Milliseconds of compiling and, when `runs`, running a text of `count` functions; best of 20. */
static double compile_ms(unsigned count, bool runs)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 1u << 20);
    for (unsigned i = 0; i < count; i++) {
        po_buf_printf(
            &text,
            "fn f%u(xs: [int], n: int) -> Result<int, string> {\n"
            "    let sum = 0\n    for x in xs {\n        if x > n { sum += x * 2 }\n    }\n"
            "    match sum { 0 => Err(\"none\"), s if s > 100 => Ok(s - n), s => Ok(s) }\n}\n"
            "print(f%u([1, 2, %u], 1).unwrap_or(0))\n\n\n",
            i, i, i);
    }
    double least = 1e9;
    for (int i = 0; i < 20; i++) {
        double start = now();
        PO_CTX_AUTO cx = {0};
        PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
        struct po_script_config config = {0};
        if (!po_is_ok(po_ctx_init(&cx))) return -1;
        if (runs && run_text(po_buf_str(&text)) != 0) return -1;
        po_rc rc = po_rc_ok();
        if (!runs) {
            rc = po_script_compile(&cx, &config, PO_LIT("b.script"), po_buf_str(&text), &diags,
                                   &script);
        }
        if (!po_is_ok(rc)) return -1;
        double took = now() - start;
        if (took < least) least = took;
    }
    return least;
}

/* What the program says it did: evaluations and hits. */
static void print_events(void)
{
    size_t len = 0;
    char *text = read_file("bench/script/events.script", &len);
    PO_BUF_AUTO out;
    po_buf_init(&out, 1u << 20);
    if (text != NULL && run_into(po_str_n(text, len), &out) == 0) {
        po_str line = po_str_trim(po_buf_str(&out));
        printf("script events: 10000 rules loaded, evaluations and hits %.*s\n", (int)line.len,
               line.ptr);
    }
    free(text);
}

static int bar(const char *what, double value, double most, const char *unit)
{
    printf("script %s %.2f%s (at most %.2f)%s\n", what, value, unit, most,
           value <= most ? "" : ": MISSED");
    return value <= most ? 0 : 1;
}

int main(void)
{
    static const char *const names[] = {"fib",    "loop",    "strbuild", "mapins", "match",
                                        "events", "objects", "pipeline", "scan"};
    double product = 1;
    double worst = 0;
    int measured = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "bench/script/%s.script", names[i]);
        double mine = best(ours, path);
        (void)snprintf(path, sizeof path, "bench/script/lua/%s.lua", names[i]);
        double theirs = best(lua_once, path);
        if (mine < 0) {
            printf("script %-9s failed\n", names[i]);
            return 1;
        }
        if (theirs <= 0) {
            printf("script %-9s %.3f s; no lua5.4 here to compare with\n", names[i], mine);
            continue;
        }
        printf("script %-9s %.3f s, lua5.4 %.3f s, ratio %.2f\n", names[i], mine, theirs,
               mine / theirs);
        product *= mine / theirs;
        worst = mine / theirs > worst ? mine / theirs : worst;
        measured++;
    }
    int missed = 0;
    if (measured > 0) {
        missed += bar("geometric mean", pow(product, 1.0 / measured), 0.8, "");
        missed += bar("worst ratio", worst, 1.2, "");
    } else {
        printf("script: lua5.4 is missing, so there are no ratios (Debian package lua5.4)\n");
    }
    print_events();
    missed += bar("cold start of 50 lines", compile_ms(5, true), 2, " ms");
    missed += bar("check of 1,000 lines", compile_ms(100, false), 20, " ms");
    return missed > 0;
}

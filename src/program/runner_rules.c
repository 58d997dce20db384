/*
 * From capabilities to what the sandbox of a runner child lets through.
 *
 * A rule of landlock is a directory with all below it, so a pattern becomes the longest directory
 * without a wildcard; the gate, which is asked before, knows the pattern itself.
 */
#include "program/runner_wire_priv.h"

/* What a program that is started needs beside itself: its loader, libraries, /dev/null, time zone. */
static const struct po_sandbox_rule exec_rules[] = {
    {"/lib64/ld-linux-x86-64.so.2", PO_SANDBOX_EXECUTE},
    {"/lib/ld-linux-aarch64.so.1", PO_SANDBOX_EXECUTE},
    {"/lib", PO_SANDBOX_READ},
    {"/lib64", PO_SANDBOX_READ},
    {"/usr/lib", PO_SANDBOX_READ},
    {"/usr/lib64", PO_SANDBOX_READ},
    {"/usr/local/lib", PO_SANDBOX_READ},
    {"/etc/ld.so.cache", PO_SANDBOX_READ},
    {"/etc/localtime", PO_SANDBOX_READ},
    {"/usr/share/zoneinfo", PO_SANDBOX_READ},
    {"/dev/null", PO_SANDBOX_DEVICE},
};
#define EXEC_RULE_COUNT (sizeof exec_rules / sizeof *exec_rules)

/* "/etc" of "/etc/x*y/z"; a path without wildcard is itself. */
static po_str without_wildcard(po_str pattern)
{
    size_t star = po_str_find_char(pattern, '*', 0);
    if (star == SIZE_MAX) return pattern;
    while (star > 1 && pattern.ptr[star - 1] != '/')
        star--;
    return po_str_slice(pattern, 0, star > 1 ? star - 1 : 1);
}

/* Names are made and replaced in the directory that holds them. */
static po_str parent_of(po_str path)
{
    size_t slash = path.len;
    while (slash > 0 && path.ptr[slash - 1] != '/')
        slash--;
    return po_str_slice(path, 0, slash > 1 ? slash - 1 : 1);
}

po_rc po_cap_reach(struct po_ctx *cx, const struct po_cap *cap, const char *home, po_str *ret_path)
{
    po_str text = cap->value;
    bool is_pattern = po_str_find_char(text, '*', 0) != SIZE_MAX;
    /* Of a command, the program. */
    if (cap->kind == PO_CAP_EXEC) text = po_str_slice(text, 0, po_str_find_char(text, ' ', 0));
    text = without_wildcard(text);
    if (po_str_eq_cstr(text, "~")) text = PO_LIT("~/");
    PO_TRY(cx, po_program_path(cx, home, text, ret_path));
    if (cap->kind == PO_CAP_FS_WRITE && !is_pattern) *ret_path = parent_of(*ret_path);
    return po_rc_ok();
}

static unsigned access_of(enum po_cap_kind kind)
{
    /* A program may be a link (/bin/sh); the kernel follows it, too. */
    if (kind == PO_CAP_EXEC) return PO_SANDBOX_EXECUTE;
    unsigned access = kind == PO_CAP_FS_WRITE ? PO_SANDBOX_WRITE : PO_SANDBOX_READ;
    return access | PO_SANDBOX_NO_LINKS;
}

static PO_RC add_rule(struct po_ctx *cx, const struct po_runner_job *job, const struct po_cap *cap,
                      struct po_sandbox_rule *rule)
{
    po_str path = {0};
    PO_TRY(cx, po_cap_reach(cx, cap, job->home, &path));
    const char *place = po_arena_strdup(cx->arena, path);
    if (place == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the sandbox");
    *rule = (struct po_sandbox_rule){.path = place, .access = access_of(cap->kind)};
    return po_rc_ok();
}

static void set_limits(const struct po_runner_job *job, struct po_sandbox_options *options)
{
    po_time_us time_us = po_runner_time_us(&job->limits);
    bool can_change = options->can_write || options->can_exec;
    options->cpu_s = (uint64_t)(time_us / PO_US_PER_S) + 2;
    options->data_bytes = 2 * job->limits.memory_bytes + PO_RUNNER_DATA_BYTES_MAX;
    options->file_bytes = can_change ? PO_RUNNER_FILE_BYTES_MAX : 0;
    options->processes = options->can_exec ? PO_RUNNER_PROCESSES_MAX : 0;
    options->files = options->can_exec ? PO_RUNNER_EXEC_FILES_MAX : PO_RUNNER_FILES_MAX;
}

po_rc po_runner_rules(struct po_ctx *cx, const struct po_runner_job *job,
                      struct po_sandbox_options *ret_options)
{
    struct po_sandbox_rule *rules = NULL;
    struct po_sandbox_options options = {0};
    /* A dry run and a replay change nothing, and start nothing. */
    bool can_change = !job->is_dry_run && job->replay_calls.len == 0;
    PO_ARENA_NEW(cx, rules, job->needs.count + EXEC_RULE_COUNT);
    for (size_t i = 0; i < job->needs.count; i++) {
        const struct po_cap *cap = &job->needs.at[i];
        bool is_reading = cap->kind == PO_CAP_FS_READ && job->replay_calls.len == 0;
        bool is_writing = cap->kind == PO_CAP_FS_WRITE && can_change;
        bool is_exec = cap->kind == PO_CAP_EXEC && can_change;
        if (!is_reading && !is_writing && !is_exec) continue;
        /* Without a home, what is below it is nowhere. */
        if (job->home == NULL && cap->value.ptr[0] == '~') continue;
        PO_TRY(cx, add_rule(cx, job, cap, &rules[options.rule_count++]));
        if (is_writing) options.can_write = true;
        if (is_exec) options.can_exec = true;
    }
    for (size_t i = 0; i < EXEC_RULE_COUNT && options.can_exec; i++)
        rules[options.rule_count++] = exec_rules[i];
    options.rules = rules;
    set_limits(job, &options);
    *ret_options = options;
    return po_rc_ok();
}

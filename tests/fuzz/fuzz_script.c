/*
 * Script, whole programs: hostile sources and programs made by a small grammar.
 *
 * What compiles runs twice under small budgets with the same outcome, inside each of them.
 */
#include "fuzz/script_source.h"

static const struct po_script_limits small = {
    .steps = 20000, .memory_bytes = 1u << 20, .output_bytes = 4096, .depth = 60, .host_calls = 4};

static void run_once(struct po_ctx *cx, const struct po_script *script,
                     struct po_script_outcome *outcome)
{
    PO_BUF_AUTO out;
    po_buf_init(&out, 8192);
    struct po_script_run run = {.limits = small, .output = &out};
    po_rc rc = po_script_run(cx, script, &run, outcome);
    require(po_is_ok(rc) || rc.code == PO_NOMEM);
    if (!po_is_ok(rc)) return;
    require(outcome->steps <= small.steps);
    require(outcome->memory_bytes <= small.memory_bytes);
    require(outcome->status != PO_SCRIPT_FAULT || outcome->fault_kind.len > 0);
    require(
        !po_str_eq_cstr(outcome->fault_message, "internal error: unreachable code was reached"));
}

static void check_run(const struct po_script *script)
{
    PO_CTX_AUTO cx = {0};
    struct po_script_outcome first = {0};
    struct po_script_outcome second = {0};
    if (!po_is_ok(po_ctx_init(&cx))) return;
    run_once(&cx, script, &first);
    run_once(&cx, script, &second);
    require(first.status == second.status && first.steps == second.steps);
    require(po_str_eq(first.fault_message, second.fault_message));
    require(po_str_eq(first.value_json, second.value_json));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    if (!po_is_ok(po_ctx_init(&cx))) return 0;
    PO_CLEANUP(po_script_freep) struct po_script *script = compile_source(&cx, data, size);
    if (script != NULL) check_run(script);
    return 0;
}

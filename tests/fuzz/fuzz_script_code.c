/*
 * Script's bytecode: programs whose instructions were changed by the last 24 bytes of the input.
 *
 * The verifier refuses them, or they run within their budgets.
 */
#include "fuzz/script_source.h"
#include "script/code_priv.h"

static const struct po_script_limits small = {
    .steps = 20000, .memory_bytes = 1u << 20, .output_bytes = 4096, .depth = 60, .host_calls = 4};

/* Change instructions; what the verifier still accepts must keep its budgets. */
static void check_bytecode(struct po_script *script, const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    struct po_script_outcome outcome = {0};
    const char *why = NULL;
    if (size < 24 || script->proto_count == 0 || !po_is_ok(po_ctx_init(&cx))) return;
    for (size_t i = 0; i + 8 <= 24; i += 8) {
        const uint8_t *d = data + size - 24 + i;
        struct po_proto *p = script->protos[d[0] % script->proto_count];
        struct po_ins *in = &p->code[(size_t)(d[1] | d[2] << 8) % p->code_count];
        switch (d[3] % 6) {
        case 0: in->op = (uint8_t)(d[4] % (OP_COUNT + 2)); break;
        case 1: in->a = d[4]; break;
        case 2: in->b = d[4]; break;
        case 3: in->c = d[4]; break;
        case 4:
            in->k = (int32_t)((uint32_t)d[4] | (uint32_t)d[5] << 8 | (uint32_t)d[6] << 24);
            break;
        default: p->param_count = d[4] % (p->param_count + 1); break; /* its tags are no more */
        }
    }
    struct po_arena *scratch = po_arena_new(64u << 20);
    bool is_good = scratch != NULL && po_verify(script, scratch, &why);
    po_arena_free(scratch);
    if (!is_good) return;
    PO_BUF_AUTO out;
    po_buf_init(&out, 8192);
    struct po_script_run run = {.limits = small, .output = &out};
    if (po_is_ok(po_script_run(&cx, script, &run, &outcome))) require(outcome.steps <= small.steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    if (!po_is_ok(po_ctx_init(&cx))) return 0;
    PO_CLEANUP(po_script_freep) struct po_script *script = compile_source(&cx, data, size);
    if (script != NULL) check_bytecode(script, data, size);
    return 0;
}

/*
 * Script's lexer: tokens lie in order inside the text and end with the end of the file; what is no
 * token is a diagnostic.
 */
#include "fuzz/fuzz.h"
#include "script/comp_priv.h"

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct po_script_diags diags;
    static const struct po_script_config config = {0};
    PO_CTX_AUTO cx = {0};
    PO_CLEANUP(po_arena_freep) struct po_arena *arena = po_arena_new(PO_SCRIPT_COMPILE_BYTES_MAX);
    struct po_comp *c = arena != NULL ? po_arena_alloc(arena, 1, sizeof *c) : NULL;
    if (c == NULL || !po_is_ok(po_ctx_init(&cx))) return 0;
    diags = (struct po_script_diags){0};
    c->cx = &cx;
    c->config = &config;
    c->arena = arena;
    c->diags = &diags;
    c->fuel = PO_COMP_FUEL;
    struct po_module m = {.path = PO_LIT("fuzz.script"), .text = po_str_n(data, size)};
    bool is_good = po_lex(c, &m);
    require(is_good || c->is_dead || diags.error_count > 0);
    if (!is_good) return 0;
    require(m.tok_count > 0 && m.toks[m.tok_count - 1].kind == TK_EOF);
    for (uint32_t i = 0; i < m.tok_count; i++) {
        const struct po_tok *tok = &m.toks[i];
        require(tok->pos <= tok->end && tok->end <= size);
        require(i == 0 || m.toks[i - 1].end <= tok->pos);
        require(tok->kind != TK_EOF || i + 1 == m.tok_count);
    }
    return 0;
}

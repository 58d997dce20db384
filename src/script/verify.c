/*
 * Bytecode verifier: operand ranges, jump targets and register types, for every function, before any
 * of it runs. The machine relies on nothing else.
 *
 * Abstract interpretation over {unset, any, bool, int, float} per register: a work list of
 * instructions whose entry state changed. The lattice has height 2, so an instruction is visited at
 * most 2 * registers + 1 times. Handlers are entered with the state of every instruction they cover.
 */
#include "script/code_priv.h"

#include "core/arena.h"

/* Abstract values: 0 = nothing known yet (bottom), tags as themselves, ANY on top. */
#define T_NONE 0xFF
#define T_ANY 0

static const struct {
    const char *name;
    const char *format;
} ops[OP_COUNT] = {
#define OP(name, format, text) {#name, format},
#include "script/vm_ops.def"
#undef OP
};

const char *po_op_name(int op) { return op >= 0 && op < OP_COUNT ? ops[op].name : "?"; }

struct verifier {
    const struct po_script *s;
    const struct po_proto *p;
    struct po_arena *scratch;
    uint8_t *states; /* code_count * reg_count */
    uint32_t *work;
    bool *is_queued;
    uint32_t work_count;
    const char *why;
};

static bool refuse(struct verifier *v, const char *why)
{
    if (v->why == NULL) v->why = why;
    return false;
}

/* ---- operands --------------------------------------------------------------------------------- */

static bool check_tag(struct verifier *v, uint32_t tag)
{
    bool is_good = tag == 0 || tag == V_INT || tag == V_FLOAT || tag == V_BOOL;
    return is_good || refuse(v, "bad tag");
}

static bool check_id(struct verifier *v, uint32_t k, uint32_t limit)
{
    if ((k & PO_ID_MASK) >= limit) return refuse(v, "operand out of range");
    return check_tag(v, k >> PO_ID_BITS);
}

static bool check_k(struct verifier *v, const struct po_ins *in)
{
    const struct po_script *s = v->s;
    uint32_t k = (uint32_t)in->k;
    uint32_t limit = UINT32_MAX;
    switch (ops[in->op].format[3]) {
    case 'K': limit = s->const_count; break;
    case 'J': limit = v->p->code_count; break;
    case 'P': limit = s->proto_count; break;
    case 'G': limit = s->global_count; break;
    case 'C': limit = s->ctor_count; break;
    case 'S': limit = s->shape_count; break;
    case 'M':
    case 'V': limit = (uint32_t)po_builtin_count; break;
    case 'H': limit = s->host_count; break;
    case 'T': return check_id(v, k, s->type_count);
    case 'N':
        return check_id(v, k, s->const_count) &&
               (s->consts[k & PO_ID_MASK].tag == V_STR || refuse(v, "name is no string"));
    case 'L':
        return (k < s->const_count && s->consts[k].tag == V_STR) || refuse(v, "name is no string");
    case 'X': return check_tag(v, k);
    default: return true;
    }
    return k < limit || refuse(v, "operand out of range");
}

static bool is_reg(const struct verifier *v, uint32_t r) { return r < v->p->reg_count; }
static uint32_t u16_of(const struct po_ins *in) { return (uint32_t)(in->b | in->c << 8); }

/* What the format cannot say: windows of registers, counts, constant indices in 16 bits. */
static bool check_window(struct verifier *v, const struct po_ins *in)
{
    const struct po_script *s = v->s;
    uint32_t k = (uint32_t)in->k;
    bool fits_b = in->c == 0 || (uint32_t)in->b + in->c <= v->p->reg_count;
    switch ((int)in->op) {
    case OP_NEWTUP:
    case OP_CONCAT:
    case OP_CALLB: return fits_b && (in->op != OP_CONCAT || in->c > 0);
    case OP_NEWSTRUCT:
        return fits_b && in->c == s->types[k & PO_ID_MASK].count &&
               !s->types[k & PO_ID_MASK].is_enum;
    case OP_NEWREC: return fits_b && in->c == s->shapes[k].count;
    case OP_NEWENUM: return fits_b && in->c == s->ctors[k].count && in->c > 0;
    case OP_LOADENUM: return s->ctors[k].count == 0;
    case OP_LOADCTOR: return s->ctors[k].count > 0;
    case OP_GETF:
    case OP_SETF:
        return in->c < s->types[k & PO_ID_MASK].count && !s->types[k & PO_ID_MASK].is_enum;
    case OP_JEQK:
    case OP_JNEK: return u16_of(in) < s->const_count;
    case OP_JNFIELD: return u16_of(in) < s->const_count && s->consts[u16_of(in)].tag == V_STR;
    case OP_JCTOR:
    case OP_JNCTOR: return u16_of(in) < s->ctor_count;
    case OP_JNTYPE: return u16_of(in) < s->type_count;
    case OP_FORPREP:
    case OP_FORLOOP: return in->a + 1u < v->p->reg_count;
    case OP_ITER:
    case OP_NEXT: return in->a + 3u < v->p->reg_count;
    case OP_CALL:
    case OP_MKFUT:
        return in->b == s->protos[k]->param_count && in->a + (uint32_t)in->b <= v->p->reg_count &&
               s->protos[k]->upval_count == 0 && (in->op == OP_MKFUT) == s->protos[k]->is_async;
    case OP_CALLV:
    case OP_CALLM: return in->a + (uint32_t)in->b + 1 <= v->p->reg_count;
    case OP_CALLH: return in->a + (uint32_t)in->b <= v->p->reg_count;
    case OP_DIV_IK:
    case OP_MOD_IK: return in->k > 0;
    case OP_GETUP:
    case OP_GETUPC:
    case OP_SETUPC:
        return in->b < v->p->upval_count &&
               (in->op == OP_GETUP || v->p->upvals[in->b].tag == V_CELL);
    case OP_NEWARR: return in->k >= 0 && in->k <= 100000;
    case OP_COVER: return k <= 200000;
    default: return true;
    }
}

static bool check_ins(struct verifier *v, const struct po_ins *in)
{
    if (in->op >= OP_COUNT) return refuse(v, "unknown instruction");
    const char *format = ops[in->op].format;
    const uint8_t regs[3] = {in->a, in->b, in->c};
    for (size_t i = 0; i < 3; i++) {
        bool is_operand = strchr("wWrifoIFBXyzcvmhRq", format[i]) != NULL && format[i] != 'x';
        if (is_operand && !is_reg(v, regs[i])) return refuse(v, "register out of range");
        if (format[i] == 't' && !check_tag(v, regs[i])) return false;
    }
    if (!check_k(v, in)) return false;
    return check_window(v, in) || refuse(v, "operands do not fit the instruction");
}

/* ---- register types --------------------------------------------------------------------------- */

static uint8_t join(uint8_t a, uint8_t b)
{
    if (a == T_NONE || b == T_NONE) return T_NONE; /* unset on one path: not to be read */
    return a == b ? a : T_ANY;
}

/* The state flows into instruction `to`; queue it when something changed. */
static bool flow(struct verifier *v, const uint8_t *state, uint32_t to)
{
    if (to >= v->p->code_count) return refuse(v, "code runs past its end");
    uint32_t n = v->p->reg_count;
    uint8_t *old = v->states + (size_t)to * (n + 1);
    bool changed = !old[n];
    for (uint32_t i = 0; i < n; i++) {
        uint8_t merged = old[n] ? join(old[i], state[i]) : state[i];
        if (merged != old[i]) changed = true;
        old[i] = merged;
    }
    old[n] = 1;
    if (changed && !v->is_queued[to]) {
        v->is_queued[to] = true;
        v->work[v->work_count++] = to;
    }
    return true;
}

/* The same with `reg` holding `tag` on this way only. */
static bool flow_with(struct verifier *v, uint8_t *state, uint32_t reg, uint8_t tag, uint32_t to)
{
    uint8_t saved = state[reg];
    state[reg] = tag;
    bool is_good = flow(v, state, to);
    state[reg] = saved;
    return is_good;
}

static bool need(struct verifier *v, const uint8_t *state, uint32_t reg, uint8_t tag)
{
    if (state[reg] == T_NONE) return refuse(v, "register read before it is written");
    if (tag != T_ANY && state[reg] != tag) return refuse(v, "register of another type");
    return true;
}

static bool need_window(struct verifier *v, const uint8_t *state, uint32_t from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!need(v, state, from + i, T_ANY)) return false;
    }
    return true;
}

static uint8_t tag_for(char letter)
{
    switch (letter) {
    case 'i':
    case 'I': return V_INT;
    case 'f':
    case 'F': return V_FLOAT;
    case 'o':
    case 'B': return V_BOOL;
    default: return T_ANY;
    }
}

/* Reads: by format, then the windows. */
static bool check_reads(struct verifier *v, const struct po_ins *in, const uint8_t *state)
{
    const char *format = ops[in->op].format;
    const uint8_t regs[3] = {in->a, in->b, in->c};
    for (size_t i = 0; i < 3; i++) {
        bool reads = strchr("rifo", format[i]) != NULL;
        if (reads && !need(v, state, regs[i], tag_for(format[i]))) return false;
    }
    const struct po_proto *callee = NULL;
    switch ((int)in->op) {
    case OP_NEWTUP:
    case OP_NEWSTRUCT:
    case OP_NEWREC:
    case OP_NEWENUM:
    case OP_CONCAT:
    case OP_CALLB: return need_window(v, state, in->b, in->c);
    case OP_CALL:
    case OP_MKFUT:
        callee = v->s->protos[in->k];
        for (uint32_t i = 0; i < in->b; i++) {
            if (!need(v, state, in->a + i, callee->param_tags[i])) return false;
        }
        return true;
    case OP_CALLV:
    case OP_CALLM: return need_window(v, state, in->a, in->b + 1u);
    case OP_CALLH: return need_window(v, state, in->a, in->b);
    case OP_FORPREP:
    case OP_FORLOOP: return need(v, state, in->a, V_INT) && need(v, state, in->a + 1u, V_INT);
    case OP_NEXT:
        return need(v, state, in->a, T_ANY) && need(v, state, in->a + 1u, V_INT) &&
               need(v, state, in->a + 2u, V_INT);
    case OP_RET: return need(v, state, in->a, v->p->ret_tag);
    case OP_RETU: return v->p->ret_tag == 0 || refuse(v, "function of a number returns ()");
    case OP_CHK: return need(v, state, in->a, T_ANY);
    case OP_MKCLOS:
        callee = v->s->protos[in->k];
        for (uint32_t i = 0; i < callee->upval_count; i++) {
            const struct po_upval *up = &callee->upvals[i];
            if (up->is_reg ? !is_reg(v, up->index) : up->index >= v->p->upval_count)
                return refuse(v, "captured variable out of range");
            if (up->is_reg && !need(v, state, up->index, T_ANY)) return false;
        }
        return true;
    default: return true;
    }
}

static uint8_t builtin_result(const struct po_builtin *b)
{
    const char *gt = strchr(b->tags, '>');
    return gt == NULL ? T_ANY : tag_for(gt[1] == 'b' ? 'o' : gt[1]);
}

/* Writes: what is known of `a` afterwards. */
static void apply(struct verifier *v, const struct po_ins *in, uint8_t *state)
{
    char letter = ops[in->op].format[0];
    uint8_t tag = tag_for(letter);
    switch ((int)in->op) {
    case OP_MOVE: tag = state[in->b]; break;
    case OP_LOADK:
        tag = (uint8_t)v->s->consts[in->k].tag;
        if (tag != V_INT && tag != V_FLOAT && tag != V_BOOL) tag = T_ANY;
        break;
    case OP_GETG: tag = in->b; break;
    case OP_GETUP:
    case OP_GETUPC:
    case OP_GETCELL: tag = in->c; break;
    case OP_GETF:
    case OP_GETREC: tag = (uint8_t)((uint32_t)in->k >> PO_ID_BITS); break;
    case OP_GETT:
    case OP_GETE:
    case OP_INDEX:
    case OP_GETEND: tag = (uint8_t)in->k; break;
    case OP_CALLB: tag = builtin_result(&po_builtins[in->k]); break;
    case OP_CALL: tag = v->s->protos[in->k]->ret_tag; break;
    case OP_CHK:
        tag = in->b == V_INT || in->b == V_FLOAT || in->b == V_BOOL ? in->b : state[in->a];
        break;
    case OP_ITER:
        state[in->a + 1] = V_INT;
        state[in->a + 2] = V_INT;
        break;
    default: break;
    }
    if (strchr("wWIFByzcvmhq", letter) != NULL && letter != 'z') state[in->a] = tag;
    /* a call's frame lies over the caller's registers from a on: they hold nothing afterwards */
    bool clobbers = in->op == OP_CALL || in->op == OP_CALLV;
    for (uint32_t i = in->a + 1u; clobbers && i < v->p->reg_count; i++) {
        state[i] = T_NONE;
    }
}

static bool step(struct verifier *v, uint32_t at, uint8_t *state)
{
    const struct po_ins *in = &v->p->code[at];
    for (uint32_t i = 0; i < v->p->handler_count; i++) {
        const struct po_handler *h = &v->p->handlers[i];
        if (at < h->from || at >= h->to) continue;
        if (!flow_with(v, state, h->reg, T_ANY, h->target)) return false;
    }
    if (!check_reads(v, in, state)) return false;
    if (in->op == OP_RET || in->op == OP_RETU || in->op == OP_UNREACH || in->op == OP_MATCHFAIL ||
        in->op == OP_RETHROW) {
        return true;
    }
    if (in->op == OP_TRY) /* a is written only on the jump */
        return flow_with(v, state, in->a, T_ANY, (uint32_t)in->k) && flow(v, state, at + 1);
    if (in->op == OP_NEXT)
        return flow_with(v, state, in->a + 3u, in->b, (uint32_t)in->k) && flow(v, state, at + 1);
    apply(v, in, state);
    bool jumps = ops[in->op].format[3] == 'J';
    if (jumps && !flow(v, state, (uint32_t)in->k)) return false;
    return in->op == OP_JMP || in->op == OP_LOOP || flow(v, state, at + 1);
}

static bool check_shape_of(struct verifier *v)
{
    const struct po_proto *p = v->p;
    if (p->code_count == 0 || p->reg_count > PO_REGS_MAX + 8u || p->param_count > p->reg_count) {
        return refuse(v, "bad function");
    }
    for (uint32_t i = 0; i < p->handler_count; i++) {
        const struct po_handler *h = &p->handlers[i];
        bool is_good = h->from <= h->to && h->to <= p->code_count && h->target < p->code_count &&
                       is_reg(v, h->reg);
        if (!is_good) return refuse(v, "bad handler");
    }
    for (uint32_t i = 0; i < p->code_count; i++) {
        if (!check_ins(v, &p->code[i])) return false;
    }
    return true;
}

static bool verify_proto(struct verifier *v)
{
    const struct po_proto *p = v->p;
    if (!check_shape_of(v)) return false;
    size_t width = (size_t)p->reg_count + 1;
    v->states = po_arena_alloc(v->scratch, p->code_count, width);
    v->work = po_arena_alloc(v->scratch, p->code_count + 1, sizeof *v->work);
    v->is_queued = po_arena_alloc(v->scratch, p->code_count + 1, sizeof *v->is_queued);
    uint8_t *state = po_arena_alloc(v->scratch, 1, width);
    if (!v->states || !v->work || !v->is_queued || !state) return false; /* without a reason */
    memset(state, T_NONE, width);
    for (uint32_t i = 0; i < p->param_count; i++) {
        state[i] = p->param_tags[i];
    }
    v->work_count = 0;
    if (!flow(v, state, 0)) return false;
    while (v->work_count > 0) {
        uint32_t at = v->work[--v->work_count];
        v->is_queued[at] = false;
        memcpy(state, v->states + (size_t)at * width, width);
        if (!step(v, at, state)) return false;
    }
    return true;
}

bool po_verify(const struct po_script *script, struct po_arena *scratch, const char **ret_why)
{
    struct verifier v = {.s = script, .scratch = scratch};
    bool is_good = true;
    for (uint32_t i = 0; i < script->proto_count && is_good; i++) {
        v.p = script->protos[i];
        is_good = verify_proto(&v);
    }
    if (ret_why != NULL) *ret_why = v.why;
    return is_good;
}

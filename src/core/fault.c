/*
 * Fault injection: one state per process, fixed tables, no allocation.
 *
 * Invariants
 *  1. off costs two comparisons a hit; nothing is unwound unless its site is wanted.
 *  2. an armed fault fires at most once (a short transfer and its following failure are one fault).
 *  3. a site id depends on the binary and the call path only, never on load addresses.
 */
#include "core/fault.h"

#ifdef PO_FAULTS

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unwind.h>

/* Frames of this file on top of every stack: collect_frames and po_fault_check. */
#define OWN_FRAMES 2

enum fault_mode { MODE_OFF, MODE_RECORD, MODE_FAIL_NUMBER, MODE_FAIL_SITE };

struct fault_state {
    enum fault_mode mode;
    bool sync_sites_wanted;
    bool is_short; /* MODE_FAIL_NUMBER: move half, then fail the next call of that name */
    bool fired;
    bool fired_benign;
    bool halve_now;        /* the call being made moves half of its bytes */
    const char *fail_next; /* name of the call that fails next, NULL for none */
    int sys_errno;
    uint64_t target_number; /* hit number, or the n-th hit of target_site */
    uint64_t target_site;
    uint64_t site_hits;
    uint64_t hits;
    uint64_t last_site;
    unsigned benign_depth;
};

static struct fault_state state;
static uintptr_t stack_base; /* 0: none; survives arming */
static struct po_fault_hit hit_table[PO_FAULT_HITS_MAX];
static struct po_fault_site site_table[PO_FAULT_SITES_MAX];
static size_t hit_count; /* rows of hit_table: of the latest recording, like site_count */
static size_t site_count;
/* Open addressing: index + 1 into site_table, 0 for free; twice the sites keeps probes short. */
static uint32_t site_index[2 * PO_FAULT_SITES_MAX];

struct frame_walk {
    uint64_t frames[PO_FAULT_FRAMES_MAX];
    size_t count;
    size_t skip;
};

extern const char __executable_start[];
extern const char etext[];

/* Offset within the object the address belongs to: address layout randomisation drops out. */
static uint64_t code_offset(uintptr_t pc)
{
    uintptr_t start = (uintptr_t)__executable_start;
    if (pc >= start && pc < (uintptr_t)etext) return pc - start;
    struct dl_find_object object = {0}; /* dladdr would search the object's symbols each time */
    if (_dl_find_object((void *)pc, &object) != 0) return 0;
    return pc - (uintptr_t)object.dlfo_map_start;
}

static _Unwind_Reason_Code visit_frame(struct _Unwind_Context *unwind, void *user)
{
    struct frame_walk *walk = user;
    if (walk->skip > 0) {
        walk->skip--;
        return _URC_NO_REASON;
    }
    uintptr_t pc = (uintptr_t)_Unwind_GetIP(unwind);
    if (stack_base != 0 && (uintptr_t)_Unwind_GetCFA(unwind) > stack_base) return _URC_END_OF_STACK;
    if (pc == 0 || walk->count == PO_FAULT_FRAMES_MAX) return _URC_END_OF_STACK;
    walk->frames[walk->count++] = code_offset(pc);
    return _URC_NO_REASON;
}

static __attribute__((noinline)) void collect_frames(struct frame_walk *walk)
{
    walk->skip = OWN_FRAMES;
    _Unwind_Reason_Code why = _Unwind_Backtrace(visit_frame, walk);
    /* Read it, or the call would become a jump and this frame would be missing from the walk. */
    if (why != _URC_END_OF_STACK) walk->skip = 0;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t site_hash(const char *call, const struct frame_walk *walk)
{
    uint64_t hash = UINT64_C(0x706f6661756c7431);
    for (const char *p = call; *p != '\0'; p++)
        hash = mix(hash, (uint64_t)(unsigned char)*p);
    for (size_t i = 0; i < walk->count; i++)
        hash = mix(hash, walk->frames[i]);
    return hash == 0 ? 1 : hash;
}

/* The site's row, made when it is new; NULL when the table is full. */
static struct po_fault_site *site_row(uint64_t site, bool *ret_is_new)
{
    size_t slots = sizeof site_index / sizeof site_index[0];
    *ret_is_new = false;
    for (size_t i = (size_t)(site % slots);; i = (i + 1) % slots) {
        if (site_index[i] == 0) {
            if (site_count == PO_FAULT_SITES_MAX) return NULL;
            site_index[i] = (uint32_t)++site_count;
            *ret_is_new = true;
            return &site_table[site_count - 1];
        }
        if (site_table[site_index[i] - 1].site == site) return &site_table[site_index[i] - 1];
    }
}

static void record_hit(enum po_fault_kind kind, const char *call, const struct frame_walk *walk)
{
    if (hit_count < PO_FAULT_HITS_MAX)
        hit_table[hit_count++] = (struct po_fault_hit){
            .site = state.last_site, .kind = kind, .call = call, .number = state.hits};
    bool is_new = false;
    struct po_fault_site *row = site_row(state.last_site, &is_new);
    if (row == NULL) return;
    if (is_new) {
        *row = (struct po_fault_site){
            .site = state.last_site, .kind = kind, .call = call, .first = state.hits};
        memcpy(row->frames, walk->frames, sizeof row->frames);
    }
    row->last = state.hits;
    row->count++;
}

static bool is_one_of(const char *call, const char *const *names)
{
    while (*names != NULL && strcmp(*names, call) != 0)
        names++;
    return *names != NULL;
}

static bool moves_bytes(const char *call)
{
    static const char *const names[] = {"read", "write", "pread", "pwrite", NULL};
    return is_one_of(call, names);
}

static bool is_sync(const char *call)
{
    static const char *const names[] = {"fsync", "fdatasync", "syncfs", NULL};
    return is_one_of(call, names);
}

/* Who calls is asked for where it matters: unwinding is what a run mostly spends its time on. */
static bool is_site_wanted(const char *call)
{
    if (state.mode == MODE_RECORD) return true;
    if (state.mode == MODE_FAIL_SITE && !state.fired) return true;
    return state.sync_sites_wanted && is_sync(call);
}

static bool fail_now(void)
{
    state.fired = true;
    if (state.benign_depth > 0) state.fired_benign = true;
    errno = state.sys_errno;
    return true;
}

static bool is_target(void)
{
    if (state.fired) return false;
    if (state.mode == MODE_FAIL_NUMBER) return state.hits == state.target_number;
    if (state.mode != MODE_FAIL_SITE || state.last_site != state.target_site) return false;
    return ++state.site_hits == state.target_number;
}

bool po_fault_check(enum po_fault_kind kind, const char *call)
{
    state.last_site = 0;
    bool is_wanted = is_site_wanted(call);
    if (state.mode == MODE_OFF && !is_wanted) return false;
    int saved_errno = errno;
    struct frame_walk walk = {.count = 0};
    if (is_wanted) {
        collect_frames(&walk);
        state.last_site = site_hash(call, &walk);
    }
    errno = saved_errno;
    if (state.mode == MODE_OFF) return false;
    state.hits++;
    if (state.mode == MODE_RECORD) {
        record_hit(kind, call, &walk);
        return false;
    }
    if (state.fail_next != NULL && strcmp(state.fail_next, call) == 0) {
        state.fail_next = NULL;
        return fail_now();
    }
    if (!is_target()) return false;
    if (!state.is_short) return fail_now();
    if (!moves_bytes(call)) return state.sys_errno != 0 && fail_now();
    state.fired = true;
    state.halve_now = true;
    state.fail_next = state.sys_errno != 0 ? call : NULL;
    return false;
}

size_t po_fault_len(size_t len)
{
    if (!state.halve_now) return len;
    state.halve_now = false;
    return len > 1 ? len / 2 : len;
}

static void arm(enum fault_mode mode)
{
    struct fault_state fresh = {.mode = mode,
                                .sync_sites_wanted = state.sync_sites_wanted,
                                .benign_depth = state.benign_depth};
    state = fresh;
}

void po_fault_record(void)
{
    /* The unwinder sets itself up on first use: do it outside the run that is measured. */
    struct frame_walk walk = {.count = 0};
    collect_frames(&walk);
    hit_count = 0;
    site_count = 0;
    memset(site_index, 0, sizeof site_index);
    arm(MODE_RECORD);
}

void po_fault_fail(uint64_t number, int sys_errno)
{
    arm(MODE_FAIL_NUMBER);
    state.target_number = number;
    state.sys_errno = sys_errno;
}

void po_fault_fail_short(uint64_t number, int next_errno)
{
    po_fault_fail(number, next_errno);
    state.is_short = true;
}

void po_fault_fail_site(uint64_t site, uint64_t nth, int sys_errno)
{
    arm(MODE_FAIL_SITE);
    state.target_site = site;
    state.target_number = nth;
    state.sys_errno = sys_errno;
}

void po_fault_off(void)
{
    /* What was recorded and whether it fired stay readable. */
    state.mode = MODE_OFF;
    state.halve_now = false;
    state.fail_next = NULL;
}

bool po_fault_fired(void) { return state.fired; }
bool po_fault_fired_benign(void) { return state.fired_benign; }

size_t po_fault_hit_count(void) { return hit_count; }

const struct po_fault_hit *po_fault_hit_at(size_t i)
{
    return i < hit_count ? &hit_table[i] : NULL;
}

uint64_t po_fault_hit_total(void) { return state.hits; }
size_t po_fault_site_count(void) { return site_count; }

const struct po_fault_site *po_fault_site_at(size_t i)
{
    return i < site_count ? &site_table[i] : NULL;
}

void po_fault_benign_begin(void) { state.benign_depth++; }

void po_fault_benign_end(void)
{
    if (state.benign_depth > 0) state.benign_depth--;
}

void po_fault_stack_base(const void *frame) { stack_base = (uintptr_t)frame; }
void po_fault_want_sync_sites(bool wanted) { state.sync_sites_wanted = wanted; }
uint64_t po_fault_last_site(void) { return state.last_site; }

#else
/* ISO C forbids an empty translation unit. */
typedef int po_fault_unused;
#endif

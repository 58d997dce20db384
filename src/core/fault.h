/*
 * Fault injection for tests: make the n-th hit of an allocation or system call fail, and learn which
 * call sites there are. Compiled in only with PO_FAULTS (variants dev, asan, cover, fault); release
 * objects hold none of it.
 *
 * A site is the hash of the call's name and its innermost return addresses, so one wrapper used from
 * two functions is two sites. Ids are stable between runs of one binary. A test records the sites of
 * one good run, then reruns failing the first and the last hit of each. How to: docs/dev/FAULTS.md.
 *
 * Limits   PO_FAULT_HITS_MAX hits and PO_FAULT_SITES_MAX sites are remembered; all are counted
 * Threads  one: the state is the process's, and a forked child has its own copy
 */
#ifndef PO_CORE_FAULT_H
#define PO_CORE_FAULT_H

#include "core/err.h"

#define PO_FAULT_HITS_MAX 65536
#define PO_FAULT_SITES_MAX 8192
#define PO_FAULT_FRAMES_MAX 10

enum po_fault_kind { PO_FAULT_NONE, PO_FAULT_ALLOC, PO_FAULT_SYS };

struct po_fault_hit {
    uint64_t site;
    enum po_fault_kind kind;
    const char *call; /* "calloc", "pwrite", ... */
    uint64_t number;  /* 1 for the first hit of the run */
};

/* All hits of one site. `frames` are code offsets in the test binary, for addr2line. */
struct po_fault_site {
    uint64_t site;
    enum po_fault_kind kind;
    const char *call;
    uint64_t first; /* hit numbers, as for po_fault_fail */
    uint64_t last;
    uint64_t count;
    uint64_t frames[PO_FAULT_FRAMES_MAX];
};

#ifdef PO_FAULTS
/* Count and record hits (up to a fixed table); nothing fails. Forgets what was recorded before. */
void po_fault_record(void);
/* Fail hit `number` (1-based, counting both kinds) once, with `sys_errno` for system calls. */
void po_fault_fail(uint64_t number, int sys_errno);
/*
 * Hit `number`, when it reads or writes, moves only half of its bytes; the next call of that name
 * fails with `next_errno` (0: it works). Any other call fails at once (with 0: works).
 */
void po_fault_fail_short(uint64_t number, int next_errno);
/* Fail the `nth` hit (1-based) of one site: robust where hit numbers vary between runs. */
void po_fault_fail_site(uint64_t site, uint64_t nth, int sys_errno);
void po_fault_off(void);
/* Something was failed or shortened since the last arming. */
bool po_fault_fired(void);
/* It was inside a benign section: the caller may have carried on as if nothing had happened. */
bool po_fault_fired_benign(void);

/* Hits of the latest recording, in order (at most PO_FAULT_HITS_MAX); they stay while others fail. */
size_t po_fault_hit_count(void);
const struct po_fault_hit *po_fault_hit_at(size_t i);
/* All hits since the latest arming, also those the table had no room for. */
uint64_t po_fault_hit_total(void);
/* Sites of the latest recording, in order of their first hit. */
size_t po_fault_site_count(void);
const struct po_fault_site *po_fault_site_at(size_t i);

/* A failure inside is allowed to be ignored (optional work). Sections nest. */
void po_fault_benign_begin(void);
void po_fault_benign_end(void);

/*
 * Leave frames outside of `frame` (a __builtin_frame_address(0)) out of site ids, so that one call
 * path has one id whatever harness runs it; NULL: all frames count.
 */
void po_fault_stack_base(const void *frame);

/* Called by alloc.c and sys.c: true when this hit must fail (errno set for system calls). */
bool po_fault_check(enum po_fault_kind kind, const char *call);
/* Called by sys.c after a po_fault_check that did not fail: how many of `len` bytes to move. */
size_t po_fault_len(size_t len);
/* For the power-cut layer: compute the site of each sync call even when nothing is recorded. */
void po_fault_want_sync_sites(bool wanted);
/* Site of the latest po_fault_check; 0 when it was not computed. */
uint64_t po_fault_last_site(void);
#else
#define po_fault_check(kind, call) (false)
#define po_fault_len(len) (len)
#define po_fault_benign_begin() ((void)0)
#define po_fault_benign_end() ((void)0)
#endif

#endif

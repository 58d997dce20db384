/*
 * Fault injection for tests: make the n-th hit of an allocation or system call fail, and learn which
 * call sites there are. Compiled in only with PO_FAULTS (variants dev, asan, cover, fault); release
 * objects hold none of it.
 *
 * A site is the hash of the innermost return addresses, so one wrapper used from two functions is
 * two sites. A test records the sites of one good run, then reruns failing the first and the last
 * hit of each.
 */
#ifndef PO_CORE_FAULT_H
#define PO_CORE_FAULT_H

#include "core/err.h"

enum po_fault_kind { PO_FAULT_NONE, PO_FAULT_ALLOC, PO_FAULT_SYS };

struct po_fault_hit {
    uint64_t site;
    enum po_fault_kind kind;
    const char *call; /* "calloc", "pwrite", ... */
    uint64_t number;  /* 1 for the first hit of the run */
};

#ifdef PO_FAULTS
/* Count and record hits (up to a fixed table); nothing fails. */
void po_fault_record(void);
/* Fail hit `number` (1-based, counting both kinds) once, with `sys_errno` for system calls. */
void po_fault_fail(uint64_t number, int sys_errno);
void po_fault_off(void);
bool po_fault_fired(void);
size_t po_fault_hit_count(void);
const struct po_fault_hit *po_fault_hit_at(size_t i);
/* Called by alloc.c and sys.c: true when this hit must fail (errno set for system calls). */
bool po_fault_check(enum po_fault_kind kind, const char *call);
/* A failure inside is allowed to be ignored (optional work). */
#else
#define po_fault_check(kind, call) (false)
#endif

#endif

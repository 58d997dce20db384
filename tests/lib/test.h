/*
 * Unit tests: a thin self-registering layer over Check (one process per case, with a time limit).
 *
 *   TEST(merkle_proof__rejects_swapped_siblings) { check_ok(cx, po_x(cx)); }
 *
 * A case fails when a check fails, when its process dies, exceeds its time, leaks (ASan builds) or
 * ends before its last line (an exit(0) in the middle). A case prints nothing when it passes.
 * docs/dev/TESTING.md says which kind of test belongs where.
 */
#ifndef PO_TESTS_LIB_TEST_H
#define PO_TESTS_LIB_TEST_H

#include "core/clock.h"
#include "core/ctx.h"
#include "core/err.h"
#include "core/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_TIMEOUT_DEFAULT_S 20

enum test_kind { TEST_PLAIN, TEST_FAULT_LOOP, TEST_FAULT_MANUAL, TEST_FAULT_SITES };

struct test_case {
    const char *name;
    void (*body)(void);
    const char *file;
    int line;
    int timeout_s;
    enum test_kind kind;
    struct test_case *next;
};

void test_register(struct test_case *c);

#define TEST_CASE_(id, timeout, case_kind)                                                         \
    static void id(void);                                                                          \
    static struct test_case id##_case = {.name = #id,                                              \
                                         .body = id,                                               \
                                         .file = __FILE__,                                         \
                                         .line = __LINE__,                                         \
                                         .timeout_s = (timeout),                                   \
                                         .kind = (case_kind),                                      \
                                         .next = NULL};                                            \
    __attribute__((constructor)) static void id##_register(void) { test_register(&id##_case); }    \
    static void id(void)

/* One case. Name: unit, two underscores, behaviour as a sentence. */
#define TEST(name) TEST_CASE_(name, TEST_TIMEOUT_DEFAULT_S, TEST_PLAIN)
#define TEST_TIMEOUT(name, seconds) TEST_CASE_(name, seconds, TEST_PLAIN)

/*
 * The body runs again and again: first without a fault, then with allocation or system call 1, 2,
 * 3, ... failing once (reads and writes are also cut short), until a run in which no fault fires. Each
 * run has an empty temp dir. The body must give the right answer or a documented error:
 *
 *   TEST_FAULTS(catalog_load__fails_cleanly)
 *   {
 *       TEST_CX(cx);                          counting starts after TEST_CX
 *       if (!test_survived(po_catalog_load(cx, &catalog))) return;
 *       test_faults_off();                    from here nothing fails
 *       check_eq_u64(catalog.count, 90);
 *   }
 *
 * Needs a build with PO_FAULTS (dev, asan, cover).
 */
#define TEST_FAULTS(name) TEST_CASE_(name, 6 * TEST_TIMEOUT_DEFAULT_S, TEST_FAULT_LOOP)
/* As TEST_FAULTS, but nothing fails before the body calls test_faults_arm() (after its set-up). */
#define TEST_FAULTS_MANUAL(name) TEST_CASE_(name, 6 * TEST_TIMEOUT_DEFAULT_S, TEST_FAULT_MANUAL)
/*
 * As TEST_FAULTS_MANUAL, for long bodies: fails only the first and the last call of each call site
 * (place in the code with its callers) that the run without a fault met. Of
 * TEST_SITES_FEW and more, one in TEST_SITES_STEP, begun by the seed, unless ROUNDS is 2 or more.
 */
#define TEST_SITES_FEW 100
#define TEST_SITES_STEP 4
#define TEST_FAULTS_SITES(name) TEST_CASE_(name, 15 * TEST_TIMEOUT_DEFAULT_S, TEST_FAULT_SITES)

void test_faults_arm(void);
void test_faults_off(void);
/* Whether this run's fault has fired (stays true after test_faults_off). */
bool test_fault_fired(void);
/* 0 in the run without a fault. */
uint64_t test_fault_number(void);

/* A context on the fake clock (test_clock), session "run_test", freed at the end of the block. */
#define TEST_CX(cx)                                                                                \
    PO_CTX_AUTO cx##_storage = {0};                                                                \
    struct po_ctx *const cx = &cx##_storage;                                                       \
    test_cx_init(cx, __FILE__, __LINE__)
void test_cx_init(struct po_ctx *cx, const char *file, int line);

/* The case's clock: starts at 2026-01-02T03:04:05Z, moves only by po_clock_fake_advance. */
#define TEST_CLOCK_START_US ((po_time_us)1767323045 * PO_US_PER_S)
struct po_clock_fake *test_clock(void);

/* Absolute path (no symlinks) of an empty directory of this case; removed afterwards. */
const char *test_tmpdir(void);
/* "<test_tmpdir>/<name>"; valid until the case ends. */
const char *test_tmp(const char *name);
/* Whole-file helpers that fail the case on error; the bytes are freed by the caller (free). */
void test_write_file(const char *path, const void *bytes, size_t len);
char *test_read_file(const char *path, size_t *ret_len);
/* Directory of the source tree's file: "tests/vectors/x" from the repository's root. */
const char *test_source_path(const char *relative);

/* Deterministic per case; another stream with the runner's -s SEED. */
uint64_t test_random_u64(void);
uint64_t test_random_below(uint64_t limit);
/* Repetitions for long loops: `normal`, or the runner's -r N. */
uint64_t test_rounds(uint64_t normal);

/* Ends the case as skipped; the reason is printed and it does not count as passed. */
void test_skip(const char *fmt, ...) PO_PRINTF(1, 2) __attribute__((noreturn));
void test_fail(const char *file, int line, const char *fmt, ...) PO_PRINTF(3, 4)
    __attribute__((noreturn));
/* Label of the current table row; prefixes failure messages. NULL ends it. */
void test_row(const char *label);

/* for each row of a static array whose rows have a `name`; failures name the row. */
#define TEST_EACH(row, table)                                                                      \
    for (const __typeof__((table)[0]) *row = (table);                                              \
         row < (table) + sizeof(table) / sizeof((table)[0]) && (test_row(row->name), true); row++)

/* check_that(cond) or check_that(cond, "format", ...) */
#define check_that(cond, ...)                                                                      \
    do {                                                                                           \
        if (!(cond)) test_fail_that(__FILE__, __LINE__, #cond, " " __VA_ARGS__);                   \
    } while (0)
#define check_eq_int(got, want)                                                                    \
    test_eq_int((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define check_eq_u64(got, want)                                                                    \
    test_eq_u64((uint64_t)(got), (uint64_t)(want), #got, __FILE__, __LINE__)
/* po_str against a C string; NUL-terminated strings with check_eq_cstr. */
#define check_eq_str(got, want) test_eq_str((got), po_str_of(want), #got, __FILE__, __LINE__)
#define check_eq_postr(got, want) test_eq_str((got), (want), #got, __FILE__, __LINE__)
#define check_eq_cstr(got, want)                                                                   \
    test_eq_str(po_str_of(got), po_str_of(want), #got, __FILE__, __LINE__)
#define check_eq_mem(got, want, len) test_eq_mem((got), (want), (len), #got, __FILE__, __LINE__)
/* The C string `text` contains `part`. */
#define check_contains(text, part) test_contains((text), (part), #text, __FILE__, __LINE__)
/* A call with a context; a failure shows its message. */
#define check_ok(cx, call) test_ok((cx), (call), #call, __FILE__, __LINE__)
/* It must fail with this code; the recorded error stays readable with po_err_msg. */
#define check_fails(cx, call, code) test_fails((cx), (call), (code), #call, __FILE__, __LINE__)
/* Leaf calls without a context. */
#define check_ok_leaf(call) test_ok(NULL, (call), #call, __FILE__, __LINE__)
#define check_fails_leaf(call, code) test_fails(NULL, (call), (code), #call, __FILE__, __LINE__)
/*
 * In fault loops: true when the call succeeded; false when it failed and this run's fault had fired
 * (the body then returns, or checks that nothing is half done); otherwise the case fails.
 */
#define test_survived(call) test_survived_at((call), #call, __FILE__, __LINE__)
#define test_survived_ptr(ptr)                                                                     \
    test_survived_at(po_rc_of((ptr) != NULL ? PO_OK : PO_NOMEM), #ptr, __FILE__, __LINE__)

void test_fail_that(const char *file, int line, const char *cond, const char *fmt, ...)
    PO_PRINTF(4, 5) __attribute__((noreturn));
void test_eq_int(int64_t got, int64_t want, const char *what, const char *file, int line);
void test_eq_u64(uint64_t got, uint64_t want, const char *what, const char *file, int line);
void test_eq_str(po_str got, po_str want, const char *what, const char *file, int line);
/* rule: six parameters, because the macros above always fill the last three */
void test_eq_mem(const void *got, const void *want, size_t len, const char *what, const char *file,
                 int line);
void test_contains(const char *text, const char *part, const char *what, const char *file,
                   int line);
void test_ok(struct po_ctx *cx, po_rc rc, const char *what, const char *file, int line);
void test_fails(struct po_ctx *cx, po_rc rc, enum po_code code, const char *what, const char *file,
                int line);
bool test_survived_at(po_rc rc, const char *what, const char *file, int line);

#endif

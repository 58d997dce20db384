/*
 * Error codes, the result type and the error record every fallible function shares.
 *
 * A function that can fail returns PO_RC. A function with a `struct po_ctx *cx` also leaves the
 * reason in cx->err (PO_FAIL records, PO_TRY passes up and adds a frame); a leaf function without a
 * context returns the bare code. Nothing here allocates, so running out of memory can be reported.
 *
 * Limits   message PO_ERR_MSG_BYTES_MAX bytes, PO_ERR_FRAMES_MAX frames; longer is cut and marked
 * Threads  an error record belongs to its context's owner
 */
#ifndef PO_CORE_ERR_H
#define PO_CORE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct po_ctx;

#define PO_ERR_MSG_BYTES_MAX 384
#define PO_ERR_FRAMES_MAX 6

/*
 * The registry: name, stable number, HTTP status, process exit code (sysexits), retryable, public
 * text. Numbers are append-only: they appear in the ledger and in the API.
 */
#define PO_CODE_TABLE(X)                                                                           \
    X(OK, 0, 200, 0, false, "ok")                                                                  \
    X(NOMEM, 1, 503, 1, true, "out of memory")                                                     \
    X(INVALID, 2, 400, 65, false, "the input is not valid")                                        \
    X(NOTFOUND, 3, 404, 66, false, "no such thing")                                                \
    X(EXISTS, 4, 409, 73, false, "it exists already")                                              \
    X(DENIED, 5, 403, 77, false, "not allowed")                                                    \
    X(UNAUTH, 6, 401, 77, false, "authentication is required")                                     \
    X(EXPIRED, 7, 410, 65, false, "it has expired")                                                \
    X(CONFLICT, 8, 409, 75, true, "it changed meanwhile")                                          \
    X(LIMIT, 9, 413, 65, false, "a limit was exceeded")                                            \
    X(RATE, 10, 429, 75, true, "too many requests")                                                \
    X(BUSY, 11, 503, 75, true, "busy")                                                             \
    X(TIMEOUT, 12, 504, 75, true, "time limit reached")                                            \
    X(IO, 13, 500, 74, true, "input or output failed")                                             \
    X(CORRUPT, 14, 500, 65, false, "stored data is damaged")                                       \
    X(TAMPER, 15, 500, 65, false, "stored data was altered")                                       \
    X(CRYPTO, 16, 500, 1, false, "a cryptographic operation failed")                               \
    X(CONFIG, 17, 500, 78, false, "the configuration is not valid")                                \
    X(UNSUPPORTED, 18, 501, 69, false, "not supported here")                                       \
    X(CANCELED, 19, 499, 1, false, "canceled")                                                     \
    X(BUG, 20, 500, 1, false, "internal error")                                                    \
    X(USAGE, 21, 400, 64, false, "the command line is not valid")                                  \
    X(CREATE, 22, 500, 73, false, "it cannot be created")                                          \
    X(UNAVAILABLE, 23, 503, 69, true, "a needed part is not available")

enum po_code {
#define X(name, number, http, exit_code, retryable, text) PO_##name = (number),
    PO_CODE_TABLE(X)
#undef X
};

/* A result. A struct, so that it cannot be taken for a number or a truth value. */
typedef struct po_rc {
    enum po_code code;
} po_rc;

#define PO_RC __attribute__((warn_unused_result)) po_rc
#define PO_PRINTF(fmt_index, args_index) __attribute__((format(printf, fmt_index, args_index)))

struct po_err_frame {
    const char *file;
    const char *func;
    int line;
};

/* What went wrong: operator detail in `msg` (never for clients), errno at the call site in `sys`. */
struct po_err {
    enum po_code code;
    int sys;
    uint32_t retry_after_s; /* of PO_RATE: how long, when whoever refused knows; else 0 */
    uint16_t msg_len;
    bool msg_truncated;
    uint8_t frame_count;
    char msg[PO_ERR_MSG_BYTES_MAX];
    struct po_err_frame frames[PO_ERR_FRAMES_MAX];
};

static inline po_rc po_rc_ok(void) { return (po_rc){PO_OK}; }
static inline po_rc po_rc_of(enum po_code code) { return (po_rc){code}; }
static inline bool po_is_ok(po_rc rc) { return rc.code == PO_OK; }

/* Stable lower-case name of a code, e.g. "notfound". Never NULL; unknown codes read "unknown". */
const char *po_code_name(enum po_code code);
/* One line of public text for a code: safe to show to any client. */
const char *po_code_public_text(enum po_code code);
int po_code_exit(enum po_code code);
int po_code_http(enum po_code code);
bool po_code_is_retryable(enum po_code code);

/* Where an error record is filled; use the macros below. `sys` is an errno or 0. */
po_rc po_err_set(struct po_ctx *cx, enum po_code code, int sys, const char *file, int line,
                 const char *func, const char *fmt, ...) PO_PRINTF(7, 8);
po_rc po_err_pass(struct po_ctx *cx, po_rc rc, const char *file, int line, const char *func);
/* Prefix the message: "opening 'x': <what was there>", and add a frame. */
po_rc po_err_prefix(struct po_ctx *cx, po_rc rc, const char *file, int line, const char *func,
                    const char *fmt, ...) PO_PRINTF(6, 7);
/* Forget the recorded error; for callers that have handled it. */
void po_err_clear(struct po_ctx *cx);
/* The operator message, NUL-terminated; "" when there is none. Borrowed from cx. */
const char *po_err_msg(const struct po_ctx *cx);

/* The only way not to act on a result: say why. */
static inline void po_ignore(po_rc rc, const char *reason)
{
    (void)rc;
    (void)reason;
}

/*
 * Record an error and give its result: `return PO_FAIL(cx, PO_INVALID, "bad size %zu", n);`
 * The result is the code itself, not what the recorder returned, so that a compiler and an analyser
 * can see that it is not PO_OK.
 */
#define PO_FAIL(cx, code, ...)                                                                     \
    ((void)po_err_set((cx), (code), 0, __FILE__, __LINE__, __func__, __VA_ARGS__), po_rc_of(code))
/* As PO_FAIL, with an errno; its text is appended after ": ". */
#define PO_FAIL_SYS(cx, code, sys, ...)                                                            \
    ((void)po_err_set((cx), (code), (sys), __FILE__, __LINE__, __func__, __VA_ARGS__),             \
     po_rc_of(code))

/* Return upward on failure, adding a frame. */
#define PO_TRY(cx, call)                                                                           \
    do {                                                                                           \
        po_rc po_try_rc_ = (call);                                                                 \
        if (po_try_rc_.code != PO_OK) {                                                            \
            (void)po_err_pass((cx), po_try_rc_, __FILE__, __LINE__, __func__);                     \
            return po_try_rc_;                                                                     \
        }                                                                                          \
    } while (0)

/* Return upward on failure, prefixing the message. */
#define PO_TRY_MSG(cx, call, ...)                                                                  \
    do {                                                                                           \
        po_rc po_try_rc_ = (call);                                                                 \
        if (po_try_rc_.code != PO_OK) {                                                            \
            (void)po_err_prefix((cx), po_try_rc_, __FILE__, __LINE__, __func__, __VA_ARGS__);      \
            return po_try_rc_;                                                                     \
        }                                                                                          \
    } while (0)

/* Call a leaf function (no context) from one that has a context: its code, our message. */
#define PO_TRY_LEAF(cx, call, ...)                                                                 \
    do {                                                                                           \
        po_rc po_try_rc_ = (call);                                                                 \
        if (po_try_rc_.code != PO_OK) return PO_FAIL((cx), po_try_rc_.code, __VA_ARGS__);          \
    } while (0)

/* Leaf calling leaf. */
#define PO_PASS(call)                                                                              \
    do {                                                                                           \
        po_rc po_try_rc_ = (call);                                                                 \
        if (po_try_rc_.code != PO_OK) return po_try_rc_;                                           \
    } while (0)

/*
 * A broken invariant of ours: traps in builds with PO_TRAP (dev, asan, fuzz), is PO_BUG in release.
 */
#ifdef PO_TRAP
#define PO_INVARIANT(cx, cond)                                                                     \
    do {                                                                                           \
        if (!(cond)) __builtin_trap();                                                             \
    } while (0)
#else
#define PO_INVARIANT(cx, cond)                                                                     \
    do {                                                                                           \
        if (!(cond)) return PO_FAIL((cx), PO_BUG, "invariant '%s' does not hold", #cond);          \
    } while (0)
#endif

/* Give up ownership of a pointer with a cleanup attribute: yields it and sets it to NULL. */
#define PO_TAKE(p)                                                                                 \
    __extension__({                                                                                \
        __typeof__(p) po_take_ = (p);                                                              \
        (p) = NULL;                                                                                \
        po_take_;                                                                                  \
    })
#define PO_CLEANUP(fn) __attribute__((cleanup(fn)))

#endif

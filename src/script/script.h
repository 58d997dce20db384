/*
 * Script: the typed, total, sandboxed language of checks, repairs, detections and reports.
 *
 * A program is compiled once (lexer, parser, checker, register bytecode, verifier) and is immutable
 * after that; each run has its own heap, budgets and captured output, and ends with a value or a
 * typed fault. The language reads no clock and no randomness and does no I/O: every effect is a host
 * function of the table given here, behind a capability named by the program's @needs.
 *
 * Limits   PO_SCRIPT_*_MAX below; budgets of a run in struct po_script_limits
 * Threads  a compiled program may be shared between threads; a run belongs to one
 * Source   docs/spec/script.md
 */
#ifndef PO_SCRIPT_SCRIPT_H
#define PO_SCRIPT_SCRIPT_H

#include "core/buf.h"
#include "core/ctx.h"
#include "core/str.h"

#define PO_SCRIPT_SOURCE_BYTES_MAX ((size_t)1 << 20)
#define PO_SCRIPT_TOKENS_MAX 100000
#define PO_SCRIPT_STRING_BYTES_MAX ((size_t)64 << 10)
#define PO_SCRIPT_NESTING_MAX 200
#define PO_SCRIPT_MODULES_MAX 256
#define PO_SCRIPT_MODULE_DEPTH_MAX 32
#define PO_SCRIPT_DIAGS_MAX 100
#define PO_SCRIPT_DEPTH_MAX 4096
#define PO_SCRIPT_TRACE_MAX 16
#define PO_SCRIPT_COMPILE_BYTES_MAX ((size_t)96 << 20)

/* ---- diagnostics ------------------------------------------------------------------------------ */

enum po_script_severity { PO_SCRIPT_ERROR, PO_SCRIPT_WARNING };

struct po_script_diag {
    enum po_script_severity severity;
    const char *code; /* stable: "E0401", "W0103" */
    po_str path;
    uint32_t line; /* 1-based; 0 = the whole file */
    uint32_t column;
    uint32_t width;     /* characters under the caret */
    po_str source_line; /* for the caret line; may be empty */
    po_str message;
    po_str hint; /* may be empty */
};

/* What a compilation found; the strings live in the arena of the context it was given. */
struct po_script_diags {
    size_t count;
    size_t error_count;
    struct po_script_diag at[PO_SCRIPT_DIAGS_MAX];
};

/* "error[E0430]: ...", " --> path:line:col", source line, carets, help. */
void po_script_diag_render(const struct po_script_diag *diag, struct po_buf *out);
/* One line: "path:line:column: error E0430: message". */
void po_script_diag_render_line(const struct po_script_diag *diag, struct po_buf *out);

/* ---- what the embedder provides --------------------------------------------------------------- */

/*
 * One host function: importable as `import * as fs from "host/fs"`.
 *
 * needs        names of @needs of which the program must have one, separated by '|'; NULL = none
 * needs_value  a value that @needs must list ("users" for store.users); NULL = checked at the call
 */
struct po_script_host_fn {
    const char *module;    /* "host/fs" */
    const char *name;      /* "read" */
    const char *signature; /* "(string) -> Result<string, Error>" */
    const char *needs;
    const char *needs_value;
};

/* One call on its way to the host; everything is borrowed during the callback. */
struct po_script_host_call {
    uint64_t seq;     /* 1 for the first call of the run */
    size_t fn_index;  /* into po_script_host.fns */
    po_str module;    /* "host/fs" */
    po_str name;      /* "read" */
    po_str args_json; /* JSON array, object keys sorted */
};

/* What came back; written for the record hook and for replay. */
struct po_script_host_answer {
    bool is_ok;
    po_str value_json; /* when is_ok: the value, or the payload of Ok */
    po_str error_kind; /* otherwise: "CapabilityDenied", "HostError", ... */
    po_str error_message;
};

/*
 * The door to effects. `call` answers one call: PO_OK with the value as JSON in `ret_json`; any other
 * code becomes Err(Error) when the signature returns Result, else a fault. The kind is *ret_kind when
 * set (static text), else CapabilityDenied for PO_DENIED and HostError; the message is cx->err's.
 * `record` (may be NULL) sees every call with its answer, in order: record, audit and replay hang here.
 */
struct po_script_host {
    const struct po_script_host_fn *fns;
    size_t fn_count;
    po_rc (*call)(void *user, struct po_ctx *cx, const struct po_script_host_call *call,
                  struct po_buf *ret_json, const char **ret_kind);
    void (*record)(void *user, const struct po_script_host_call *call,
                   const struct po_script_host_answer *answer);
    void *user;
};

/* Digests, by callback: the language depends on core only. NULL members make the call a fault. */
struct po_script_crypto {
    po_rc (*sha256)(po_str in, uint8_t out[static 32]);
    po_rc (*hmac_sha256)(po_str key, po_str in, uint8_t out[static 32]);
};

/* Where imported files come from. `path` is normalised, relative to the bundle root, never leaving
 * it, ending in ".script". PO_NOTFOUND when there is none. The text must outlive the compilation. */
struct po_script_loader {
    po_rc (*load)(void *user, struct po_ctx *cx, po_str path, po_str *ret_text);
    void *user;
};

struct po_script_config {
    const struct po_script_host *host;     /* declarations only are used here; NULL = no host/ */
    const struct po_script_loader *loader; /* NULL = no imports of files */
    bool strict;                   /* a parameter without a type is an error (system bundles) */
    bool coverage;                 /* count executed lines */
    po_str coverage_path;          /* of this file of the closure; empty: of the entry file */
    bool keep_going_without_needs; /* playground and tests of the language: no @needs check */
};

/* ---- compiled programs ------------------------------------------------------------------------ */

struct po_script;

/*
 * Compile an entry file and what it imports.
 *
 * cx          in   arena of the diagnostics
 * config      in   borrowed during the call
 * path        in   name of the entry file, relative to the bundle root, for messages and imports
 * text        in   source; copied
 * ret_diags   out  always written; errors and warnings in source order
 * ret_script  out  owned by the caller; NULL when there are errors
 *
 * Errors   PO_INVALID the program has errors (see ret_diags);  PO_NOMEM;  PO_LIMIT too large
 */
PO_RC po_script_compile(struct po_ctx *cx, const struct po_script_config *config, po_str path,
                        po_str text, struct po_script_diags *ret_diags,
                        struct po_script **ret_script);
void po_script_free(struct po_script *script);
void po_script_freep(struct po_script **script);

/* A function with an entry attribute (@check, @repair, @detect, @control, @playbook, @report), or a
 * test. `args_json` is an object of the attribute's arguments; `needs_json` of its @needs. */
struct po_script_entry {
    po_str name;
    po_str kind; /* "check", ..., "test" */
    po_str args_json;
    po_str needs_json;
    po_str signature; /* "(dry_run: bool) -> Result<[Action], Error>" */
    uint32_t line;
};
size_t po_script_entry_count(const struct po_script *script);
const struct po_script_entry *po_script_entry_at(const struct po_script *script, size_t i);
const struct po_script_entry *po_script_entry_find(const struct po_script *script, po_str name);

/* Files of the closure: entry file last, dependencies first. */
size_t po_script_module_count(const struct po_script *script);
po_str po_script_module_path(const struct po_script *script, size_t i);
po_str po_script_module_text(const struct po_script *script, size_t i);
/* Host functions the closure refers to, as indices into the declared table. */
size_t po_script_host_use_count(const struct po_script *script);
size_t po_script_host_use_at(const struct po_script *script, size_t i);

/* The bytecode as text, for tests and for people. */
PO_RC po_script_disassemble(const struct po_script *script, struct po_buf *out);

/* ---- runs ------------------------------------------------------------------------------------- */

/* Budgets of a run. MemoryLimit counts all bytes the run ever takes, never live bytes. */
struct po_script_limits {
    uint64_t steps;
    uint64_t memory_bytes;
    uint64_t output_bytes;
    int64_t time_us; /* 0 = none; the only limit that is not deterministic */
    uint32_t depth;
    uint32_t host_calls;
};

enum po_script_kind {
    PO_SCRIPT_KIND_CHECK, /* and control */
    PO_SCRIPT_KIND_DETECT,
    PO_SCRIPT_KIND_REPAIR,
    PO_SCRIPT_KIND_PLAYBOOK,
    PO_SCRIPT_KIND_REPORT,
    PO_SCRIPT_KIND_PLAIN /* `script run` of a file without entry points */
};
struct po_script_limits po_script_limits_of(enum po_script_kind kind);
/* "check" -> PO_SCRIPT_KIND_CHECK; unknown words give PO_SCRIPT_KIND_PLAIN. */
enum po_script_kind po_script_kind_of(po_str attribute);

struct po_script_run {
    struct po_script_limits limits;
    const struct po_script_host *host; /* same declarations as at compilation */
    const struct po_script_crypto *crypto;
    struct po_buf *output; /* print goes here; borrowed */
    bool (*is_cancelled)(void *user);
    void *cancel_user;
    uint32_t *line_counts; /* coverage: po_script_line_slots() counters, or NULL */
};

enum po_script_status {
    PO_SCRIPT_OK,
    PO_SCRIPT_PROGRAM_ERROR, /* main or the entry returned Err */
    PO_SCRIPT_FAULT
};

struct po_script_frame {
    po_str function;
    po_str path;
    uint32_t line;
    uint32_t column;
};

/* How a run ended. Strings live in the arena of the run's context. */
struct po_script_outcome {
    enum po_script_status status;
    po_str value_json; /* result of the entry, sorted keys; "null" without one */
    po_str display;    /* the same as the language shows it inside other values */
    po_str fault_kind; /* "StepLimit", "IndexOutOfBounds", ... */
    po_str fault_message;
    size_t trace_count; /* innermost first */
    struct po_script_frame trace[PO_SCRIPT_TRACE_MAX];
    po_str source_line; /* of trace[0] */
    uint64_t steps;
    uint64_t memory_bytes;
    uint64_t host_calls;
    uint64_t output_bytes;
};

/*
 * Run a program: its modules, the top level, then `main` unless the top level calls it.
 *
 * Errors   PO_NOMEM;  PO_INVALID limits out of range. A fault of the program is PO_OK with
 *          ret_outcome->status PO_SCRIPT_FAULT.
 */
PO_RC po_script_run(struct po_ctx *cx, const struct po_script *script,
                    const struct po_script_run *run, struct po_script_outcome *ret_outcome);
/*
 * Load the modules and call one function of the entry file. `args_json` is a JSON array decoded by
 * the parameters' types (objects become structs, null an empty Option).
 *
 * Errors   as po_script_run;  PO_NOTFOUND no such function;  PO_INVALID arguments do not fit
 */
PO_RC po_script_call(struct po_ctx *cx, const struct po_script *script,
                     const struct po_script_run *run, po_str function, po_str args_json,
                     struct po_script_outcome *ret_outcome);
/* Fault as caret diagnostic with call stack. */
void po_script_outcome_render(const struct po_script_outcome *outcome, struct po_buf *out);

enum po_script_test_result { PO_SCRIPT_TEST_PASS, PO_SCRIPT_TEST_FAIL, PO_SCRIPT_TEST_SKIP };
/* Run one test (an entry of kind "test") with @setup and @teardown in a fresh run. */
PO_RC po_script_test_run(struct po_ctx *cx, const struct po_script *script,
                         const struct po_script_run *run, const struct po_script_entry *test,
                         enum po_script_test_result *ret_result,
                         struct po_script_outcome *ret_outcome);

/* Coverage: lines that hold code. Slot i is line po_script_line_at(i) of the covered file; no slots
 * when the closure does not hold that file. */
size_t po_script_line_slots(const struct po_script *script);
uint32_t po_script_line_at(const struct po_script *script, size_t slot);

/* ---- formatting ------------------------------------------------------------------------------- */

/*
 * One style: four blanks, one canonical name per operation. Idempotent; the meaning is kept.
 *
 * Errors   PO_INVALID (ret_diags says where);  PO_NOMEM;  PO_LIMIT
 */
PO_RC po_script_fmt(struct po_ctx *cx, po_str path, po_str text, struct po_buf *out,
                    struct po_script_diags *ret_diags);

#endif

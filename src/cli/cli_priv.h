/*
 * Inside the command line: one command's parsed arguments, its output, and the table row.
 *
 * Limits   PO_CLI_ARG_BYTES_MAX an argument, PO_CLI_ARGS_MAX arguments, PO_CLI_OUT_BYTES_MAX output,
 *          PO_CLI_LINE_BYTES_MAX of a line that po_cli_line prints (the rest is left out)
 */
#ifndef PO_CLI_CLI_PRIV_H
#define PO_CLI_CLI_PRIV_H

#include "cli/cli.h"
#include "core/buf.h"
#include "core/ctx.h"
#include "core/json.h"
#include "home/home.h"
#include "ledger/ledger.h"

#define PO_CLI_ARGS_MAX 64
#define PO_CLI_ARG_BYTES_MAX 4096
#define PO_CLI_OUT_BYTES_MAX ((size_t)256 << 20)
#define PO_CLI_ERR_BYTES_MAX ((size_t)1 << 20) /* notes kept for a caller */
#define PO_CLI_LINE_BYTES_MAX 8192
#define PO_CLI_OPTIONS_MAX 12
#define PO_CLI_COLUMNS_MAX 16
#define PO_EXIT_NOT_PASSED 2

enum po_cli_format { PO_CLI_TABLE, PO_CLI_JSON, PO_CLI_NDJSON };

/* What dispatch prepares before the handler runs. */
enum po_cli_needs {
    PO_NEEDS_NOTHING, /* no home: help, version, offline verification, what-if */
    PO_NEEDS_READ,    /* the home; a read-only one serves too */
    PO_NEEDS_WRITE    /* the home; a read-only one is refused with its reason */
};

struct po_cli_option {
    const char *name;  /* "--against" */
    const char *value; /* "FILE", or NULL for a switch */
    bool is_repeatable;
    const char *help;
};

struct po_cli;

struct po_command {
    const char *path;     /* "ledger verify" */
    const char *operands; /* "CONTROL…" for help; see min and max */
    uint8_t operands_min;
    uint8_t operands_max;
    enum po_cli_needs needs;
    const char *action;            /* what is decided upon: "ledger.verify"; required */
    enum po_event_type read_event; /* of a successful read; NONE: the command's own commits tell */
    PO_RC (*run)(struct po_ctx *cx, struct po_cli *cli);
    const char *help;                                 /* one line */
    const char *details;                              /* paragraphs with examples, or NULL */
    struct po_cli_option options[PO_CLI_OPTIONS_MAX]; /* ended by name NULL */
};

struct po_cli_value {
    const struct po_cli_option *option;
    po_str value;
};

/* One command's run. */
struct po_cli {
    const struct po_command *command;
    struct po_home *home; /* NULL with PO_NEEDS_NOTHING */
    po_str operands[PO_CLI_ARGS_MAX];
    size_t operand_count;
    struct po_cli_value values[PO_CLI_ARGS_MAX];
    size_t value_count;
    enum po_cli_format format;
    bool is_dry_run;
    bool is_yes;
    bool is_quiet;
    bool is_help;
    const char *home_option;
    po_str tenant_option;         /* of a local command: name or id; ptr NULL: the default tenant */
    struct po_buf out;            /* stdout, written once at the end */
    int exit_code;                /* set by a handler: 0 or PO_EXIT_NOT_PASSED */
    bool out_is_streamed;         /* the handler wrote to stdout itself */
    bool is_borrowed;             /* the home is open for others, too: it is not closed here */
    struct po_cli_answer *answer; /* takes what would go to stderr; NULL: stderr */
    const struct po_cli_services *services; /* NULL: none */
    int argc;
    const char *const *argv;
};

const struct po_command *po_command_table(size_t *ret_count);
/* Longest path that matches the first operands; NULL when none does. */
const struct po_command *po_command_find(const po_str *words, size_t count, size_t *ret_used);
/* "ledger": the first word of commands of two. */
bool po_command_is_noun(po_str word);

/* Parse argv[1..] into `cli`. PO_USAGE with one clear line. */
PO_RC po_cli_parse(struct po_ctx *cx, struct po_cli *cli, int argc, const char *const *argv);
/* Value of an option, or NULL-pointer string when not given. */
po_str po_cli_option(const struct po_cli *cli, const char *name);
bool po_cli_has(const struct po_cli *cli, const char *name);
/* The operand as a C string in the arena. */
PO_RC po_cli_operand(struct po_ctx *cx, const struct po_cli *cli, size_t i, const char **ret_text);
PO_RC po_cli_option_path(struct po_ctx *cx, const struct po_cli *cli, const char *name,
                         const char **ret_path);

/*
 * Open the home for a command that decides by itself whether it needs one (PO_NEEDS_NOTHING);
 * dispatch opens it for the others.
 */
PO_RC po_cli_open_home(struct po_ctx *cx, struct po_cli *cli);

/* Without a service or home: may this command be given a tenant? PO_USAGE with the reason. */
PO_RC po_cli_tenant_check(struct po_ctx *cx, const struct po_cli *cli);
/* Go into the tenant that was named; the home is open. PO_NOTFOUND; PO_DENIED not a local process. */
PO_RC po_cli_tenant_enter(struct po_ctx *cx, const struct po_cli *cli);
/* A process of the machine that named no tenant: it sees what is of the whole instance. */
bool po_cli_sees_all(const struct po_ctx *cx, const struct po_cli *cli);

/*
 * Have a command run by the service of its home, when one is there and the command needs the home.
 *
 * ret_lease  out  PO_CLI_LENT: to be kept open while the command runs here
 */
/* Does it read the home? `score` without states opens it by itself. */
bool po_cli_needs_home(const struct po_cli *cli);
PO_RC po_cli_forward_command(struct po_ctx *cx, struct po_cli *cli, enum po_cli_forwarded *ret_how,
                             int *ret_lease);
/* The error for a home whose lock is taken: PO_BUSY, naming the service when it has it. */
PO_RC po_cli_explain_busy(struct po_ctx *cx, const char *root);

/* Help for all commands, one noun or one command. */
PO_RC po_cli_help(struct po_ctx *cx, struct po_cli *cli, const po_str *words, size_t count);

/* The manual page (mdoc). */
PO_RC po_cli_man(struct po_ctx *cx, struct po_cli *cli);

/* Print what stands in cli->out now: the command goes on for long. */
void po_cli_print_now(struct po_cli *cli);

/* A list result, rendered as aligned table, {"data":[…],"next_cursor":null} or one object a line. */
struct po_rows;
enum po_cell_type { PO_CELL_STR, PO_CELL_INT, PO_CELL_BOOL, PO_CELL_JSON };
struct po_column {
    const char *key;   /* JSON name, snake_case */
    const char *title; /* table head */
    enum po_cell_type type;
};
PO_RC po_rows_new(struct po_ctx *cx, const struct po_column *columns, size_t count,
                  struct po_rows **ret_rows);
/* Cells go left to right; a full row begins the next. Text is copied. */
PO_RC po_rows_str(struct po_ctx *cx, struct po_rows *rows, po_str text);
PO_RC po_rows_cstr(struct po_ctx *cx, struct po_rows *rows, const char *text);
PO_RC po_rows_int(struct po_ctx *cx, struct po_rows *rows, int64_t value);
PO_RC po_rows_bool(struct po_ctx *cx, struct po_rows *rows, bool value);
PO_RC po_rows_null(struct po_ctx *cx, struct po_rows *rows);
PO_RC po_rows_render(struct po_ctx *cx, const struct po_rows *rows, struct po_cli *cli);

/* Append text from data for a person's eyes: control characters must not reach a terminal. */
void po_cli_append_clean(struct po_buf *out, po_str text);
/* One line on stdout for a person, cleaned like that; `fmt` without the line's end. */
void po_cli_line(struct po_cli *cli, const char *fmt, ...) PO_PRINTF(2, 3);

/* One line of progress on stderr when it is a terminal and not --quiet. */
void po_cli_progress(const struct po_cli *cli, const char *what);
/* A note for a person on stderr (not with --quiet). */
void po_cli_note(const struct po_cli *cli, const char *fmt, ...) PO_PRINTF(2, 3);
bool po_cli_out_is_tty(void);
bool po_cli_in_is_tty(void);

#endif

/*
 * Dispatch: parse, decide, open the home, run, record what the command's own commits do not, print.
 *
 * Invariants
 * 1. Nothing of a failed command reaches stdout, unless it streams.
 * 2. One line of error on stderr at most; operator detail, never a secret (law 5).
 * 3. Reads, denials and failures of a writable home leave an event (law 2); changes bring their own.
 */
#include "cli.h"

#include "cli_priv.h"
#include "core/codec.h"
#include "core/fs.h"
#include "core/sys.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

bool po_cli_out_is_tty(void) { return isatty(STDOUT_FILENO) == 1; }
bool po_cli_in_is_tty(void) { return isatty(STDIN_FILENO) == 1; }

static void write_all(int fd, po_str text)
{
    while (text.len > 0) {
        ssize_t n = po_sys_write(fd, text.ptr, text.len);
        if (n <= 0) return;
        text = po_str_slice(text, (size_t)n, text.len);
    }
}

/* A line for stderr: there, or to whoever runs the command for another process. */
static void say(const struct po_cli *cli, po_str line)
{
    struct po_cli_answer *answer = cli->answer;
    if (answer == NULL) {
        write_all(STDERR_FILENO, line);
    } else if (answer->note != NULL) {
        answer->note(answer->user, line);
    } else {
        po_buf_append(&answer->err, line);
    }
}

void po_cli_note(const struct po_cli *cli, const char *fmt, ...)
{
    if (cli->is_quiet) return;
    char line[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    if (n <= 0) return;
    size_t len = (size_t)n < sizeof line - 1 ? (size_t)n : sizeof line - 2;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)line[i] < 0x20U || line[i] == 0x7F) line[i] = '?';
    line[len] = '\n';
    say(cli, po_str_n(line, len + 1));
}

void po_cli_progress(const struct po_cli *cli, const char *what)
{
    /* Not in a dry run: the home is frozen for everyone then. */
    if (cli->answer != NULL && cli->answer->pause != NULL && !cli->is_dry_run)
        cli->answer->pause(cli->answer->user);
    bool is_seen = cli->answer != NULL ? cli->answer->is_tty : isatty(STDERR_FILENO) == 1;
    if (!cli->is_quiet && is_seen) po_cli_note(cli, "… %s", what);
}

/* C0, DEL, C1; line ends and marks of direction, which make text read as what it is not. */
static bool is_unclean(uint32_t c)
{
    bool is_control = c < 0x20U || (c >= 0x7FU && c < 0xA0U);
    bool is_line_end = c == 0x2028U || c == 0x2029U;
    bool is_direction = c == 0x61CU || c == 0x200EU || c == 0x200FU ||
                        (c >= 0x202AU && c <= 0x202EU) || (c >= 0x2066U && c <= 0x2069U);
    return is_control || is_line_end || is_direction;
}

/* Each of those, and each byte that is not UTF-8 (0x9b alone is a terminal's CSI), is shown as '?'. */
void po_cli_append_clean(struct po_buf *out, po_str text)
{
    for (size_t at = 0, next = 0; at < text.len; at = next) {
        uint32_t c = 0;
        bool is_text = po_is_ok(po_utf8_next(text, &next, &c));
        if (!is_text) next = at + 1;
        if (is_text && !is_unclean(c))
            po_buf_append(out, po_str_slice(text, at, next));
        else
            po_buf_append_char(out, '?');
    }
}

void po_cli_line(struct po_cli *cli, const char *fmt, ...)
{
    char line[PO_CLI_LINE_BYTES_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n < 0) return;
    size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    po_cli_append_clean(&cli->out, po_str_n(line, len));
    po_buf_append_char(&cli->out, '\n');
}

static void print_error(struct po_ctx *cx, const struct po_cli *cli)
{
    struct po_buf line;
    po_buf_init(&line, 1024);
    po_buf_append_cstr(&line, "paulyops: ");
    const char *msg = po_err_msg(cx);
    if (msg[0] == '\0') msg = po_code_public_text(cx->err.code);
    po_cli_append_clean(&line, po_str_of(msg));
    po_buf_append_char(&line, '\n');
    if (po_is_ok(po_buf_check(&line)))
        say(cli, po_buf_str(&line));
    else
        say(cli, PO_LIT("paulyops: out of memory\n"));
    po_buf_done(&line);
}

/* An event about the command itself. */
static PO_RC record_command(struct po_ctx *cx, struct po_cli *cli, enum po_event_type type,
                            enum po_event_result result, const struct po_err *why)
{
    PO_BUF_AUTO detail;
    po_buf_init(&detail, 4096);
    struct po_json_out json;
    po_json_out_init(&json, &detail, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "command", po_str_of(cli->command->path));
    if (why != NULL) po_json_out_field(&json, "code", po_str_of(po_code_name(why->code)));
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(&detail), "command event");
    const char *resource = po_arena_printf(cx->arena, "command:%s", cli->command->path);
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_event event = {.type = type,
                             .resource = po_str_of(resource),
                             .action = po_str_of(cli->command->action),
                             .result = result,
                             .detail = po_buf_str(&detail)};
    return po_home_record(cx, cli->home, &event);
}

/* Keep the first error: what follows a failure must not hide it. */
static void record_failure(struct po_ctx *cx, struct po_cli *cli)
{
    if (cli->home == NULL || po_home_read_only_reason(cli->home) != NULL) return;
    struct po_err first = cx->err;
    bool is_denial = first.code == PO_DENIED || first.code == PO_UNAUTH;
    po_rc rc = record_command(
        cx, cli, is_denial ? PO_EVENT_TYPE_COMMAND_DENIED : PO_EVENT_TYPE_COMMAND_FAILED,
        is_denial ? PO_EVENT_DENIED : PO_EVENT_ERROR, &first);
    if (po_is_ok(rc) && !cli->is_borrowed) rc = po_home_close(cx, &cli->home);
    po_ignore(rc, "the first error is the one to report");
    cx->err = first;
}

/* Who holds the lock is often the service, and then there is something better to do than to wait. */
static PO_RC open_home(struct po_ctx *cx, struct po_cli *cli)
{
    const char *root = NULL;
    PO_TRY(cx, po_home_find(cx, cli->home_option, &root));
    /* A dry run opens for reading: it cannot change what it does not have open (law 6). */
    enum po_home_mode mode = cli->is_dry_run ? PO_HOME_READ_ONLY : PO_HOME_READ_WRITE;
    po_rc rc = po_home_open(cx, root, mode, &cli->home);
    return rc.code == PO_BUSY ? po_cli_explain_busy(cx, root) : rc;
}

PO_RC po_cli_open_home(struct po_ctx *cx, struct po_cli *cli)
{
    if (!cli->is_borrowed) PO_TRY(cx, open_home(cx, cli));
    PO_TRY(cx, po_cli_tenant_enter(cx, cli));
    if (cli->is_dry_run) return po_rc_ok();
    const char *reason = po_home_read_only_reason(cli->home);
    if (reason != NULL && cli->command->needs == PO_NEEDS_WRITE)
        return PO_FAIL(cx, PO_DENIED, "read-only: %s", reason);
    return po_rc_ok();
}

static PO_RC run_command(struct po_ctx *cx, struct po_cli *cli)
{
    if (cli->command->needs != PO_NEEDS_NOTHING) PO_TRY(cx, po_cli_open_home(cx, cli));
    PO_TRY(cx, cli->command->run(cx, cli));
    if (cli->home == NULL) return po_rc_ok();
    const char *reason = po_home_read_only_reason(cli->home);
    if (reason != NULL && !cli->is_dry_run)
        po_cli_note(cli, "note: this home is read-only (%s); this read is not recorded", reason);
    if (reason == NULL && cli->command->read_event != PO_EVENT_TYPE_NONE)
        PO_TRY(cx, record_command(cx, cli, cli->command->read_event,
                                  cli->exit_code == 0 ? PO_EVENT_SUCCESS : PO_EVENT_FAILURE, NULL));
    if (cli->is_borrowed) return po_rc_ok();
    return po_home_close(cx, &cli->home);
}

/* `help` in any of its forms. */
static PO_RC run_help(struct po_ctx *cx, struct po_cli *cli)
{
    if (cli->command == NULL && !cli->is_help)
        return PO_FAIL(cx, PO_USAGE, "no command given; see 'paulyops help'");
    if (cli->command == NULL) return po_cli_help(cx, cli, cli->operands, cli->operand_count);
    po_str path[2] = {po_str_of(cli->command->path), {NULL, 0}};
    size_t space = po_str_find_char(path[0], ' ', 0);
    size_t words = space == SIZE_MAX ? 1 : 2;
    if (words == 2) path[1] = po_str_slice(path[0], space + 1, path[0].len);
    path[0] = po_str_slice(path[0], 0, space);
    return po_cli_help(cx, cli, path, words);
}

/* Here, with a home that is opened for it or was lent. */
static PO_RC run_here(struct po_ctx *cx, struct po_cli *cli)
{
    if (po_cli_has(cli, "--timer")) cx->channel = PO_CHANNEL_TIMER;
    po_rc rc = run_command(cx, cli);
    if (!po_is_ok(rc)) record_failure(cx, cli);
    return rc;
}

static PO_RC dispatch(struct po_ctx *cx, struct po_cli *cli)
{
    PO_TRY(cx, po_cli_parse(cx, cli, cli->argc, cli->argv));
    if (cli->command == NULL || cli->is_help) return run_help(cx, cli);
    PO_TRY(cx, po_cli_tenant_check(cx, cli));
    PO_FD_AUTO lease = -1;
    enum po_cli_forwarded how = PO_CLI_NOT_SERVED;
    PO_TRY(cx, po_cli_forward_command(cx, cli, &how, &lease));
    if (how == PO_CLI_RAN) return po_rc_ok();
    po_rc rc = run_here(cx, cli);
    if (rc.code != PO_BUSY || cli->home != NULL || how != PO_CLI_NOT_SERVED) return rc;
    /* Nothing was done: a service that took the lock meanwhile keeps it, so it is asked after all. */
    struct po_err busy = cx->err;
    po_err_clear(cx);
    PO_TRY(cx, po_cli_forward_command(cx, cli, &how, &lease));
    if (how == PO_CLI_RAN) return po_rc_ok();
    if (how == PO_CLI_LENT) return run_here(cx, cli);
    cx->err = busy;
    return rc;
}

static void name_actor(struct po_ctx *cx)
{
    /* Local commands act as the operating system's user; names stay out of the ledger. */
    (void)snprintf(cx->actor, sizeof cx->actor, "os:%u", (unsigned)geteuid());
    cx->channel = PO_CHANNEL_CLI;
}

static int flush_output(struct po_ctx *cx, const struct po_cli *cli)
{
    po_str text = po_buf_str(&cli->out);
    while (text.len > 0) {
        ssize_t n = po_sys_write(STDOUT_FILENO, text.ptr, text.len);
        if (n < 0 && errno == EPIPE) return cli->exit_code; /* the reader has seen enough */
        if (n <= 0) {
            po_ignore(PO_FAIL_SYS(cx, PO_IO, errno, "writing the result"), "printed below");
            print_error(cx, cli);
            return po_code_exit(PO_IO);
        }
        text = po_str_slice(text, (size_t)n, text.len);
    }
    return cli->exit_code;
}

void po_cli_print_now(struct po_cli *cli)
{
    write_all(STDOUT_FILENO, po_buf_str(&cli->out));
    po_buf_clear(&cli->out);
}

int po_cli_main(int argc, char **argv, const struct po_cli_services *services)
{
    PO_CTX_AUTO cx = {0};
    struct po_cli cli = {.services = services, .argc = argc, .argv = (const char *const *)argv};
    po_rc rc = po_ctx_init(&cx);
    if (!po_is_ok(rc)) {
        print_error(&cx, &cli);
        return po_code_exit(rc.code);
    }
    name_actor(&cx);
    po_buf_init(&cli.out, PO_CLI_OUT_BYTES_MAX);
    rc = dispatch(&cx, &cli);
    int exit_code = 0;
    if (po_is_ok(rc)) {
        exit_code = flush_output(&cx, &cli);
    } else {
        print_error(&cx, &cli);
        exit_code = po_code_exit(rc.code);
    }
    po_home_abandonp(&cli.home);
    po_buf_done(&cli.out);
    return exit_code;
}

/* ---- on a home that is open -------------------------------------------------------------------- */

void po_cli_answer_init(struct po_cli_answer *answer)
{
    *answer = (struct po_cli_answer){0};
    po_buf_init(&answer->out, PO_CLI_OUT_BYTES_MAX);
    po_buf_init(&answer->err, PO_CLI_ERR_BYTES_MAX);
}

void po_cli_answer_done(struct po_cli_answer *answer)
{
    po_buf_done(&answer->out);
    po_buf_done(&answer->err);
}

static PO_RC run_borrowed(struct po_ctx *cx, struct po_cli *cli)
{
    PO_TRY(cx, po_cli_parse(cx, cli, cli->argc, cli->argv));
    cli->home_option = po_home_root(cli->home);
    if (cli->command == NULL || cli->is_help) return run_help(cx, cli);
    PO_TRY(cx, po_cli_tenant_check(cx, cli));
    if (po_cli_runs_alone(po_str_of(cli->command->path)))
        return PO_FAIL(cx, PO_UNSUPPORTED,
                       "'%s' is not for a service: run it on the machine itself",
                       cli->command->path);
    if (cli->is_dry_run) po_home_freeze(cli->home, true);
    po_rc rc = run_here(cx, cli);
    if (cli->is_dry_run) po_home_freeze(cli->home, false);
    return rc;
}

PO_RC po_cli_run_on(struct po_ctx *cx, struct po_home *home, int argc, const char *const *argv,
                    struct po_cli_answer *answer)
{
    struct po_cli cli = {
        .home = home, .is_borrowed = true, .answer = answer, .argc = argc, .argv = argv};
    po_buf_init(&cli.out, PO_CLI_OUT_BYTES_MAX);
    po_rc rc = run_borrowed(cx, &cli);
    if (po_is_ok(rc)) rc = po_buf_check(&cli.out);
    answer->code = rc.code;
    answer->exit_code = cli.exit_code;
    if (po_is_ok(rc)) {
        po_buf_done(&answer->out);
        answer->out = cli.out;
    } else {
        print_error(cx, &cli);
        answer->exit_code = po_code_exit(rc.code);
        po_buf_done(&cli.out);
    }
    PO_TRY_LEAF(cx, po_buf_check(&answer->err), "out of memory for a command's messages");
    return po_rc_ok();
}

/*
 * Which commands go to the service of a home, and how.
 *
 * A service holds the home's lock as long as it lives, so a command that needs the home runs there:
 * same output, same exit code. Commands that ask at the terminal, write files where only their
 * caller may, or read a file that its caller names outside the home, borrow the home instead and run here.
 */
#include "cli_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <limits.h>
#include <unistd.h>

/*
 * Paths of commands that run here. `key recovery` shows and reads a code at the terminal; the others
 * write below a directory of the caller's choice, or start programs that may.
 */
static const char *const alone[] = {"key recovery",     "ledger export",   "pack export",
                                    "schedule install", "schedule remove", "script run"};

bool po_cli_runs_alone(po_str path)
{
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        if (po_str_eq_cstr(path, alone[i])) return true;
    return false;
}

/* ---- files of the caller ------------------------------------------------------------------------- */

/* It exists, and lies in no directory of the home: the service may not be allowed to read it. */
static bool is_elsewhere(struct po_ctx *cx, const char *root, po_str path)
{
    char real[PATH_MAX];
    char home[PATH_MAX];
    const char *name = po_arena_strdup(cx->arena, path);
    if (name == NULL || po_sys_realpath(name, real) == NULL) return false;
    if (po_sys_realpath(root, home) == NULL) return false;
    size_t len = strlen(home);
    return strncmp(real, home, len) != 0 || (real[len] != '/' && real[len] != '\0');
}

static bool is_file_word(const char *word)
{
    static const char *const words[] = {"FILE", "DIR", "REPORT"};
    for (size_t i = 0; word != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0) return true;
    return false;
}

static bool names_file_elsewhere(struct po_ctx *cx, const struct po_cli *cli, const char *root)
{
    bool is_elsewhere_named = false;
    for (size_t i = 0; i < cli->value_count; i++)
        if (is_file_word(cli->values[i].option->value))
            is_elsewhere_named |= is_elsewhere(cx, root, cli->values[i].value);
    for (size_t i = 0; i < cli->operand_count && is_file_word(cli->command->operands); i++)
        is_elsewhere_named |= is_elsewhere(cx, root, cli->operands[i]);
    return is_elsewhere_named;
}

/* Without its states `score` reads the home, which it opens by itself. */
bool po_cli_needs_home(const struct po_cli *cli)
{
    if (cli->command->needs != PO_NEEDS_NOTHING) return true;
    return strcmp(cli->command->path, "score") == 0 && !po_cli_has(cli, "--states");
}

PO_RC po_cli_forward_command(struct po_ctx *cx, struct po_cli *cli, enum po_cli_forwarded *ret_how,
                             int *ret_lease)
{
    *ret_how = PO_CLI_NOT_SERVED;
    if (cli->services == NULL || cli->services->forward == NULL || !po_cli_needs_home(cli))
        return po_rc_ok();
    struct po_cli_forward what = {.argc = cli->argc,
                                  .argv = cli->argv,
                                  .wants_home = po_cli_runs_alone(po_str_of(cli->command->path)),
                                  .is_tty = isatty(STDERR_FILENO) == 1,
                                  .is_quiet = cli->is_quiet};
    PO_TRY(cx, po_home_find(cx, cli->home_option, &what.root));
    what.wants_home |= names_file_elsewhere(cx, cli, what.root);
    return cli->services->forward(cx, &what, ret_how, &cli->exit_code, ret_lease);
}

PO_RC po_cli_explain_busy(struct po_ctx *cx, const char *root)
{
    struct po_err why = cx->err;
    const char *path = NULL;
    struct po_fs_info info = {0};
    po_err_clear(cx);
    PO_TRY(cx, po_path_join(cx, root, "data/paulyops.sock", &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (info.exists)
        return PO_FAIL(cx, PO_BUSY, "%s; the service ('paulyops serve') may be starting or ending",
                       why.msg);
    cx->err = why;
    return (po_rc){why.code};
}

/*
 * key: status, rotation and the printed recovery code. Secrets stay in po_secret; only the recovery
 * code reaches a terminal, once, because that is its purpose.
 */
#include "commands_priv.h"

#include "core/fs.h"
#include "core/secret.h"
#include "core/sys.h"
#include "crypto/crypto.h"
#include "ledger/ledger.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#define RECOVERY_FILE "recovery.sealed"

static const struct po_column columns[] = {
    {"id", "ID", PO_CELL_STR},           {"purpose", "PURPOSE", PO_CELL_STR},
    {"state", "STATE", PO_CELL_STR},     {"created", "CREATED", PO_CELL_STR},
    {"rotated", "ROTATED", PO_CELL_STR}, {"age_days", "AGE (days)", PO_CELL_INT},
};

static PO_RC add_time(struct po_ctx *cx, struct po_rows *rows, po_time_us time_us)
{
    char text[PO_TIME_RFC3339_BYTES];
    if (time_us == 0) return po_rows_null(cx, rows);
    po_time_format_s(time_us, text);
    return po_rows_cstr(cx, rows, text);
}

static PO_RC add_age(struct po_ctx *cx, struct po_rows *rows, po_time_us since_us)
{
    if (since_us == 0) return po_rows_null(cx, rows);
    return po_rows_int(cx, rows, (po_ctx_now_us(cx) - since_us) / PO_US_PER_DAY);
}

static PO_RC list_keyring(struct po_ctx *cx, struct po_cli *cli, struct po_rows *rows)
{
    struct po_keyring *keyring = po_home_keyring(cli->home);
    if (keyring == NULL) return po_rc_ok();
    struct po_key_info *keys = NULL;
    size_t count = 0;
    PO_TRY(cx, po_keyring_status(cx, keyring, &keys, &count));
    for (size_t i = 0; i < count; i++) {
        PO_TRY(cx, po_rows_cstr(cx, rows, keys[i].id));
        PO_TRY(cx, po_rows_cstr(cx, rows, keys[i].purpose));
        PO_TRY(cx, po_rows_cstr(cx, rows, po_key_state_name(keys[i].state)));
        PO_TRY(cx, add_time(cx, rows, keys[i].created_us));
        PO_TRY(cx, add_time(cx, rows, keys[i].rotated_us));
        PO_TRY(cx, add_age(cx, rows, keys[i].rotated_us ? keys[i].rotated_us : keys[i].created_us));
    }
    return po_rc_ok();
}

PO_RC po_cmd_key_status(struct po_ctx *cx, struct po_cli *cli)
{
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    PO_TRY(cx, list_keyring(cx, cli, rows));
    struct po_store_data_key_info *keys = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_data_key_list(cx, po_home_store(cli->home), &keys, &count));
    for (size_t i = 0; i < count; i++) {
        if (keys[i].tenant.value != cx->tenant.value && !po_cli_sees_all(cx, cli)) continue;
        const char *id = po_arena_printf(cx->arena, "tenant %lu epoch %u",
                                         (unsigned long)keys[i].tenant.value, keys[i].epoch);
        PO_TRY(cx, po_rows_cstr(cx, rows, id));
        PO_TRY(cx, po_rows_cstr(cx, rows, "data"));
        const char *state = keys[i].is_current ? "active" : "retired";
        PO_TRY(cx, po_rows_cstr(cx, rows, keys[i].opens ? state : "unavailable"));
        PO_TRY(cx, add_time(cx, rows, keys[i].created_us));
        PO_TRY(cx, add_time(cx, rows, keys[i].rewrapped_us));
        PO_TRY(cx, add_age(cx, rows, keys[i].created_us));
    }
    return po_rows_render(cx, rows, cli);
}

struct rewrap_job {
    struct po_home *home;
    uint64_t count;
};

/* One transaction; its event is the rotation's record. */
static po_rc rewrap_data_keys(struct po_ctx *cx, struct po_keyring *keyring, void *user)
{
    (void)keyring;
    struct rewrap_job *job = user;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(job->home), &tx));
    PO_TRY(cx, po_store_data_key_rewrap(cx, tx, &job->count));
    struct po_event event = {.type = PO_EVENT_TYPE_KEY_ROTATED,
                             .resource = PO_LIT("key:master"),
                             .action = PO_LIT("rotate"),
                             .result = PO_EVENT_SUCCESS,
                             .detail = PO_LIT("{\"purpose\":\"master\"}")};
    return po_home_commit(cx, job->home, tx, &event);
}

static PO_RC rotate_master(struct po_ctx *cx, struct po_cli *cli)
{
    struct rewrap_job job = {cli->home, 0};
    struct po_intent intent = {.action = "key.rotate", .resource = PO_LIT("key:master")};
    PO_TRY(cx, po_intent_begin(cx, cli->home, &intent));
    PO_TRY(cx, po_keyring_rotate_master(cx, po_home_keyring(cli->home), rewrap_data_keys, &job));
    PO_TRY(cx, po_intent_end(cx, cli->home, &intent, PO_EVENT_SUCCESS, PO_LIT("{}")));
    po_buf_printf(&cli->out,
                  "master key replaced; %lu data keys wrapped anew\n"
                  "an earlier recovery code opens only the earlier key: run 'paulyops key recovery "
                  "create'\n",
                  (unsigned long)job.count);
    return po_rc_ok();
}

static PO_RC rotate_data(struct po_ctx *cx, struct po_cli *cli)
{
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(cli->home), &tx));
    uint32_t epoch = 0;
    PO_TRY(cx, po_store_data_key_rotate(cx, tx, cx->tenant, &epoch));
    const char *detail =
        po_arena_printf(cx->arena, "{\"purpose\":\"data\",\"epoch\":%u}", (unsigned)epoch);
    if (detail == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_event event = {.type = PO_EVENT_TYPE_KEY_ROTATED,
                             .resource = PO_LIT("key:data"),
                             .action = PO_LIT("rotate"),
                             .result = PO_EVENT_SUCCESS,
                             .detail = po_str_of(detail)};
    PO_TRY(cx, po_home_commit(cx, cli->home, tx, &event));
    po_buf_printf(&cli->out, "data key epoch %u is in use; earlier epochs only open\n", epoch);
    return po_rc_ok();
}

PO_RC po_cmd_key_rotate(struct po_ctx *cx, struct po_cli *cli)
{
    static const struct {
        const char *what;
        PO_RC (*rotate)(struct po_ctx *cx, struct po_cli *cli);
        const char *plan;
    } kinds[] = {
        {"master", rotate_master, "would replace the master key and wrap every data key anew\n"},
        {"data", rotate_data, "would begin a new data key epoch; earlier epochs would only open\n"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!po_str_eq_cstr(cli->operands[0], kinds[i].what)) continue;
        if (kinds[i].rotate == rotate_master && cli->tenant_option.ptr != NULL)
            return PO_FAIL(cx, PO_USAGE,
                           "the master key is the instance's: it takes no '--tenant'");
        if (!cli->is_dry_run) return kinds[i].rotate(cx, cli);
        po_buf_append_cstr(&cli->out, kinds[i].plan);
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_USAGE, "'%.*s' is no kind of key here: master or data",
                   PO_STR_ARG(cli->operands[0]));
}

static PO_RC recovery_path(struct po_ctx *cx, struct po_cli *cli, const char **ret_path)
{
    return po_path_join(cx, po_home_state_dir(cli->home), RECOVERY_FILE, ret_path);
}

/* The code is for eyes: it goes to the terminal, not to stdout's buffer or a log. */
static PO_RC show_code(struct po_ctx *cx, const struct po_secret *code)
{
    PO_FD_AUTO tty = po_sys_open("/dev/tty", O_WRONLY, 0);
    if (tty < 0) return PO_FAIL_SYS(cx, PO_UNAVAILABLE, errno, "a terminal is needed");
    po_str parts[] = {PO_LIT("Write this code down and keep it away from this machine:\n\n  "),
                      po_secret_bytes(code),
                      PO_LIT("\n\nIt is shown once. Test it: 'paulyops key recovery verify'.\n")};
    for (size_t i = 0; i < 3; i++)
        if (po_sys_write(tty, parts[i].ptr, parts[i].len) != (ssize_t)parts[i].len)
            return PO_FAIL_SYS(cx, PO_IO, errno, "writing to the terminal");
    return po_rc_ok();
}

static PO_RC record_recovery(struct po_ctx *cx, struct po_cli *cli, enum po_event_type type,
                             const char *action)
{
    struct po_event event = {.type = type,
                             .resource = PO_LIT("key:recovery"),
                             .action = po_str_of(action),
                             .result = PO_EVENT_SUCCESS,
                             .detail = PO_LIT("{}")};
    return po_home_record(cx, cli->home, &event);
}

static PO_RC recovery_create(struct po_ctx *cx, struct po_cli *cli)
{
    const char *path = NULL;
    PO_TRY(cx, recovery_path(cx, cli, &path));
    if (cli->is_dry_run) {
        po_buf_printf(&cli->out, "would make a recovery code and write '%s'\n", path);
        return po_rc_ok();
    }
    PO_CLEANUP(po_secret_freep) struct po_secret *code = NULL;
    PO_BUF_AUTO sealed;
    po_buf_init(&sealed, PO_RECOVERY_SEALED_BYTES_MAX);
    struct po_intent intent = {.action = "key.recovery", .resource = PO_LIT("key:recovery")};
    PO_TRY(cx, po_intent_begin(cx, cli->home, &intent));
    PO_TRY(cx, po_keyring_recovery_create(cx, po_home_keyring(cli->home), &code, &sealed));
    PO_TRY(cx, po_fs_write_atomic(cx, path, po_buf_str(&sealed), 0600));
    PO_TRY(cx, show_code(cx, code));
    PO_TRY(cx, po_intent_end(cx, cli->home, &intent, PO_EVENT_SUCCESS, PO_LIT("{}")));
    PO_TRY(cx, record_recovery(cx, cli, PO_EVENT_TYPE_KEY_RECOVERY_CREATED, "create"));
    po_buf_printf(&cli->out, "sealed recovery file: %s (copy it with your backups)\n", path);
    return po_rc_ok();
}

/* One line without echo. */
static PO_RC read_code(struct po_ctx *cx, struct po_secret **ret_code)
{
    PO_FD_AUTO tty = po_sys_open("/dev/tty", O_RDWR, 0);
    if (tty < 0) return PO_FAIL_SYS(cx, PO_UNAVAILABLE, errno, "a terminal is needed");
    struct termios before;
    if (tcgetattr(tty, &before) != 0)
        return PO_FAIL_SYS(cx, PO_UNAVAILABLE, errno, "a terminal is needed");
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)po_sys_write(tty, "Recovery code: ", 15);
    (void)tcsetattr(tty, TCSAFLUSH, &quiet);
    char line[256];
    ssize_t n = po_sys_read(tty, line, sizeof line);
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    (void)po_sys_write(tty, "\n", 1);
    if (n <= 0) return PO_FAIL(cx, PO_CANCELED, "no code was typed");
    po_rc rc = po_secret_new(cx, po_str_trim(po_str_n(line, (size_t)n)), ret_code);
    po_wipe(line, sizeof line);
    return rc;
}

static PO_RC recovery_verify(struct po_ctx *cx, struct po_cli *cli)
{
    const char *path = NULL;
    PO_TRY(cx, recovery_path(cx, cli, &path));
    PO_BUF_AUTO sealed;
    po_buf_init(&sealed, PO_RECOVERY_SEALED_BYTES_MAX);
    PO_TRY_MSG(cx, po_fs_read(cx, path, &sealed), "no recovery code has been made");
    PO_CLEANUP(po_secret_freep) struct po_secret *code = NULL;
    PO_TRY(cx, read_code(cx, &code));
    PO_TRY(cx,
           po_keyring_recovery_verify(cx, po_home_keyring(cli->home), code, po_buf_str(&sealed)));
    PO_TRY(cx, record_recovery(cx, cli, PO_EVENT_TYPE_KEY_RECOVERY_TESTED, "verify"));
    po_buf_append_cstr(&cli->out, "the code opens the present master key\n");
    return po_rc_ok();
}

PO_RC po_cmd_key_recovery(struct po_ctx *cx, struct po_cli *cli)
{
    if (!po_cli_in_is_tty())
        return PO_FAIL(cx, PO_UNAVAILABLE,
                       "'key recovery' needs a terminal: the code is shown once");
    if (po_str_eq_cstr(cli->operands[0], "create")) return recovery_create(cx, cli);
    if (po_str_eq_cstr(cli->operands[0], "verify")) return recovery_verify(cx, cli);
    return PO_FAIL(cx, PO_USAGE, "'%.*s' is no step of recovery: create or verify",
                   PO_STR_ARG(cli->operands[0]));
}

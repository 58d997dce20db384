/*
 * schedule: install, remove, status of the systemd timers.
 */
#include "commands_priv.h"

#include "core/fs.h"
#include "schedule/schedule.h"

static PO_RC unit_dir(struct po_ctx *cx, const struct po_cli *cli, const char **ret_dir)
{
    PO_TRY(cx, po_cli_option_path(cx, cli, "--unit-dir", ret_dir));
    if (*ret_dir == NULL) return po_schedule_unit_dir(cx, ret_dir);
    if ((*ret_dir)[0] != '/') return PO_FAIL(cx, PO_USAGE, "'--unit-dir' needs an absolute path");
    return po_rc_ok();
}

/* systemd reads new units only when told; where it does not run there is nobody to tell. */
static PO_RC say_reload(struct po_ctx *cx, struct po_cli *cli, const char *dir)
{
    struct po_fs_info manager = {0};
    PO_TRY(cx, po_fs_info(cx, "/run/systemd/system", &manager));
    bool is_system = po_str_eq(po_str_of(dir), PO_LIT("/etc/systemd/system"));
    if (!manager.exists)
        po_buf_append_cstr(&cli->out,
                           "systemd does not run here; it will read them when it starts\n");
    else
        po_buf_printf(&cli->out,
                      "now: systemctl%s daemon-reload && systemctl%s start paulyops-assess.timer "
                      "paulyops-nightly.timer\n",
                      is_system ? "" : " --user", is_system ? "" : " --user");
    return po_rc_ok();
}

PO_RC po_cmd_schedule_install(struct po_ctx *cx, struct po_cli *cli)
{
    const char *dir = NULL;
    PO_TRY(cx, unit_dir(cx, cli, &dir));
    PO_TRY(cx, po_schedule_install(cx, cli->home, dir, cli->is_dry_run, &cli->out));
    return cli->is_dry_run ? po_rc_ok() : say_reload(cx, cli, dir);
}

PO_RC po_cmd_schedule_remove(struct po_ctx *cx, struct po_cli *cli)
{
    const char *dir = NULL;
    PO_TRY(cx, unit_dir(cx, cli, &dir));
    PO_TRY(cx, po_schedule_remove(cx, cli->home, dir, cli->is_dry_run, &cli->out));
    return cli->is_dry_run ? po_rc_ok() : say_reload(cx, cli, dir);
}

static const struct po_column columns[] = {
    {"job", "JOB", PO_CELL_STR},
    {"state", "STATE", PO_CELL_STR},
    {"does", "DOES", PO_CELL_STR},
};

PO_RC po_cmd_schedule_status(struct po_ctx *cx, struct po_cli *cli)
{
    const char *dir = NULL;
    PO_TRY(cx, unit_dir(cx, cli, &dir));
    size_t count = 0;
    const struct po_job *jobs = po_job_table(&count);
    struct po_rows *rows = NULL;
    PO_TRY(cx, po_rows_new(cx, columns, sizeof columns / sizeof *columns, &rows));
    for (size_t i = 0; i < count; i++) {
        enum po_job_state state = PO_JOB_ABSENT;
        PO_TRY(cx, po_job_state(cx, cli->home, dir, &jobs[i], &state));
        PO_TRY(cx, po_rows_cstr(cx, rows, jobs[i].name));
        PO_TRY(cx, po_rows_cstr(cx, rows, po_job_state_name(state)));
        PO_TRY(cx, po_rows_cstr(cx, rows, jobs[i].doc));
    }
    return po_rows_render(cx, rows, cli);
}

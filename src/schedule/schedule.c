/*
 * Unit files from the table of jobs, and the links that enable them.
 *
 * A link under timers.target.wants is what `systemctl enable` makes; writing it ourselves keeps the
 * command working in a chroot or container where no manager runs.
 */
#include "schedule/schedule.h"

#include "core/cfg.h"
#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#define UNIT_BYTES_MAX 8192
#define WANTS_DIR "timers.target.wants"
#define REMOVED_MAX 1000U

static void assess_timer(const struct po_cfg *cfg, struct po_buf *out)
{
    po_buf_printf(out, "OnBootSec=1min\nOnUnitActiveSec=%lds\nAccuracySec=10s\n",
                  (long)(po_cfg_int(cfg, PO_CFG_ASSESS_PERIOD) / PO_US_PER_S));
}

static void nightly_timer(const struct po_cfg *cfg, struct po_buf *out)
{
    int minutes = (int)po_cfg_int(cfg, PO_CFG_NIGHTLY_AT);
    po_buf_printf(out, "OnCalendar=*-*-* %02d:%02d:00\nPersistent=true\n", minutes / 60,
                  minutes % 60);
}

static const struct po_job jobs[] = {
    {"paulyops-assess", "assess --timer --quiet", assess_timer, "test the controls that are due"},
    {"paulyops-nightly", "report nightly --timer --quiet", nightly_timer,
     "write the nightly report"},
};
static const char *const suffixes[] = {"service", "timer"};

const struct po_job *po_job_table(size_t *ret_count)
{
    *ret_count = sizeof jobs / sizeof *jobs;
    return jobs;
}

const char *po_job_state_name(enum po_job_state state)
{
    static const char *const names[] = {[PO_JOB_ABSENT] = "absent",
                                        [PO_JOB_DIFFERENT] = "different",
                                        [PO_JOB_DISABLED] = "disabled",
                                        [PO_JOB_ENABLED] = "enabled"};
    return names[state];
}

PO_RC po_schedule_unit_dir(struct po_ctx *cx, const char **ret_dir)
{
    const char *config = po_env("XDG_CONFIG_HOME");
    const char *user_home = po_env("HOME");
    const char *dir = NULL;
    if (geteuid() == 0)
        dir = "/etc/systemd/system";
    else if (config != NULL && config[0] == '/')
        dir = po_arena_printf(cx->arena, "%s/systemd/user", config);
    else if (user_home != NULL && user_home[0] == '/')
        dir = po_arena_printf(cx->arena, "%s/.config/systemd/user", user_home);
    else
        return PO_FAIL(cx, PO_CONFIG, "no place for units: give --unit-dir DIR");
    if (dir == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_dir = dir;
    return po_rc_ok();
}

/* systemd.syntax(7): quoted, with backslash escapes; '%' and '$' would be expanded. */
static void append_quoted(struct po_buf *out, const char *text)
{
    po_buf_append_char(out, '"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') po_buf_append_char(out, '\\');
        if (*p == '%' || *p == '$') po_buf_append_char(out, *p);
        po_buf_append_char(out, *p);
    }
    po_buf_append_char(out, '"');
}

static bool has_control(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20U) return true;
    return false;
}

static PO_RC render_service(struct po_ctx *cx, struct po_home *home, const struct po_job *job,
                            struct po_buf *out)
{
    char program[PATH_MAX];
    if (po_sys_realpath("/proc/self/exe", program) == NULL)
        return PO_FAIL_SYS(cx, PO_IO, errno, "finding this program");
    const char *root = po_home_root(home);
    if (has_control(program) || has_control(root))
        return PO_FAIL(cx, PO_UNSUPPORTED,
                       "a unit file cannot name a path with control characters");
    po_buf_printf(out,
                  "[Unit]\nDescription=PaulyOps: %s\n\n[Service]\nType=oneshot\n"
                  "SuccessExitStatus=2\nTimeoutStartSec=5min\nUMask=0077\nNoNewPrivileges=yes\n"
                  "LockPersonality=yes\nMemoryDenyWriteExecute=yes\nRestrictRealtime=yes\n"
                  "SystemCallArchitectures=native\n",
                  job->doc);
    const char *state = po_env("XDG_STATE_HOME");
    if (state != NULL && state[0] == '/' && !has_control(state)) {
        po_buf_append_cstr(out, "Environment=XDG_STATE_HOME=");
        append_quoted(out, state);
        po_buf_append_char(out, '\n');
    }
    po_buf_append_cstr(out, "ExecStart=");
    append_quoted(out, program);
    po_buf_printf(out, " %s --home ", job->arguments);
    append_quoted(out, root);
    po_buf_append_char(out, '\n');
    return po_rc_ok();
}

static void render_timer(const struct po_cfg *cfg, const struct po_job *job, struct po_buf *out)
{
    po_buf_printf(out, "[Unit]\nDescription=PaulyOps: %s, by schedule\n\n[Timer]\n", job->doc);
    job->timer(cfg, out);
    po_buf_append_cstr(out, "\n[Install]\nWantedBy=timers.target\n");
}

PO_RC po_job_render(struct po_ctx *cx, struct po_home *home, const struct po_job *job,
                    const char *suffix, struct po_buf *out)
{
    if (po_str_eq_cstr(PO_LIT("service"), suffix))
        PO_TRY(cx, render_service(cx, home, job, out));
    else
        render_timer(po_home_cfg(home), job, out);
    PO_TRY_LEAF(cx, po_buf_check(out), "rendering a unit file");
    return po_rc_ok();
}

static PO_RC unit_path(struct po_ctx *cx, const char *dir, const struct po_job *job,
                       const char *suffix, const char **ret_path)
{
    *ret_path = po_arena_printf(cx->arena, "%s/%s.%s", dir, job->name, suffix);
    if (*ret_path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

static PO_RC link_path(struct po_ctx *cx, const char *dir, const struct po_job *job,
                       const char **ret_path)
{
    *ret_path = po_arena_printf(cx->arena, "%s/" WANTS_DIR "/%s.timer", dir, job->name);
    if (*ret_path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

struct unit_place {
    const char *dir;
    const char *suffix;
};

/* What a unit file is, against what this build would write. */
struct unit_state {
    bool exists;
    bool is_equal;
};

static PO_RC compare_unit(struct po_ctx *cx, struct po_home *home, const struct po_job *job,
                          const struct unit_place *place, struct unit_state *ret_state)
{
    const char *dir = place->dir;
    const char *suffix = place->suffix;
    const char *path = NULL;
    PO_TRY(cx, unit_path(cx, dir, job, suffix, &path));
    PO_BUF_AUTO want;
    PO_BUF_AUTO have;
    po_buf_init(&want, UNIT_BYTES_MAX);
    po_buf_init(&have, UNIT_BYTES_MAX);
    PO_TRY(cx, po_job_render(cx, home, job, suffix, &want));
    po_rc rc = po_fs_read(cx, path, &have);
    if (rc.code == PO_NOTFOUND || rc.code == PO_LIMIT) {
        po_err_clear(cx);
        *ret_state = (struct unit_state){rc.code == PO_LIMIT, false};
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    *ret_state = (struct unit_state){true, po_str_eq(po_buf_str(&want), po_buf_str(&have))};
    return po_rc_ok();
}

PO_RC po_job_state(struct po_ctx *cx, struct po_home *home, const char *unit_dir,
                   const struct po_job *job, enum po_job_state *ret_state)
{
    struct unit_state states[2] = {{false, false}, {false, false}};
    for (size_t i = 0; i < 2; i++) {
        struct unit_place place = {unit_dir, suffixes[i]};
        PO_TRY(cx, compare_unit(cx, home, job, &place, &states[i]));
    }
    const char *link = NULL;
    struct po_fs_info info = {0};
    PO_TRY(cx, link_path(cx, unit_dir, job, &link));
    PO_TRY(cx, po_fs_info(cx, link, &info));
    if (!states[0].exists && !states[1].exists)
        *ret_state = PO_JOB_ABSENT;
    else if (!states[0].is_equal || !states[1].is_equal)
        *ret_state = PO_JOB_DIFFERENT;
    else
        *ret_state = info.exists ? PO_JOB_ENABLED : PO_JOB_DISABLED;
    return po_rc_ok();
}

/* -- install ------------------------------------------------------------------------------------- */

static PO_RC install_unit(struct po_ctx *cx, struct po_home *home, const char *dir,
                          const struct po_job *job, const char *suffix)
{
    const char *path = NULL;
    PO_TRY(cx, unit_path(cx, dir, job, suffix, &path));
    PO_BUF_AUTO text;
    po_buf_init(&text, UNIT_BYTES_MAX);
    PO_TRY(cx, po_job_render(cx, home, job, suffix, &text));
    return po_fs_write_atomic(cx, path, po_buf_str(&text), 0644);
}

static PO_RC enable_job(struct po_ctx *cx, const char *dir, const struct po_job *job)
{
    const char *link = NULL;
    const char *target = po_arena_printf(cx->arena, "../%s.timer", job->name);
    if (target == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, link_path(cx, dir, job, &link));
    if (po_sys_symlink(target, link) == 0 || errno == EEXIST) return po_rc_ok();
    return PO_FAIL_SYS(cx, PO_CREATE, errno, "enabling '%s'", job->name);
}

static PO_RC install_all(struct po_ctx *cx, struct po_home *home, const char *dir)
{
    const char *wants = NULL;
    PO_TRY(cx, po_path_join(cx, dir, WANTS_DIR, &wants));
    PO_TRY(cx, po_fs_mkdir_all(cx, wants, 0755));
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        for (size_t k = 0; k < 2; k++)
            PO_TRY(cx, install_unit(cx, home, dir, &jobs[i], suffixes[k]));
        PO_TRY(cx, enable_job(cx, dir, &jobs[i]));
    }
    return po_rc_ok();
}

/* The whole change as an intent, its outcome, and what failed if it did (law 2). */
static PO_RC bracket(struct po_ctx *cx, struct po_home *home, const char *action, const char *dir,
                     PO_RC (*change)(struct po_ctx *cx, struct po_home *home, const char *dir))
{
    struct po_intent intent = {.action = action, .resource = PO_LIT("schedule:timers")};
    PO_TRY(cx, po_intent_begin(cx, home, &intent));
    po_rc rc = change(cx, home, dir);
    struct po_err first = cx->err;
    bool is_done = po_is_ok(rc);
    po_rc ended = po_intent_end(cx, home, &intent, is_done ? PO_EVENT_SUCCESS : PO_EVENT_FAILURE,
                                PO_LIT("{}"));
    if (!is_done) {
        po_ignore(ended, "the change's own error is the one to report");
        cx->err = first;
        return rc;
    }
    PO_TRY(cx, ended);
    struct po_event event = {.type = PO_EVENT_TYPE_SCHEDULE_CHANGED,
                             .resource = PO_LIT("schedule:timers"),
                             .action = po_str_of(action),
                             .result = PO_EVENT_SUCCESS};
    return po_home_record(cx, home, &event);
}

PO_RC po_schedule_install(struct po_ctx *cx, struct po_home *home, const char *unit_dir,
                          bool is_dry_run, struct po_buf *plan)
{
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        po_buf_printf(plan, "%s %s/%s.service and .timer: %s\n",
                      is_dry_run ? "would write" : "wrote", unit_dir, jobs[i].name, jobs[i].doc);
    if (is_dry_run) return po_rc_ok();
    return bracket(cx, home, "schedule.install", unit_dir, install_all);
}

/* -- remove -------------------------------------------------------------------------------------- */

/* To "<path>.removed", or ".removed.1" and so on: what was moved away before stays (law 6). */
static PO_RC move_if_there(struct po_ctx *cx, const char *path)
{
    struct po_fs_info info = {0};
    const char *aside = po_arena_printf(cx->arena, "%s.removed", path);
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.exists) return po_rc_ok();
    for (unsigned i = 1; i <= REMOVED_MAX; i++) {
        if (aside == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_fs_info(cx, aside, &info));
        if (!info.exists) return po_fs_rename(cx, path, aside);
        aside = po_arena_printf(cx->arena, "%s.removed.%u", path, i);
    }
    return PO_FAIL(cx, PO_LIMIT, "'%s.removed' and %u more are there already", path,
                   REMOVED_MAX - 1);
}

static PO_RC remove_all(struct po_ctx *cx, struct po_home *home, const char *dir)
{
    (void)home;
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        const char *link = NULL;
        PO_TRY(cx, link_path(cx, dir, &jobs[i], &link));
        if (po_sys_unlink(link) != 0 && errno != ENOENT)
            return PO_FAIL_SYS(cx, PO_IO, errno, "disabling '%s'", jobs[i].name);
        for (size_t k = 0; k < 2; k++) {
            const char *path = NULL;
            PO_TRY(cx, unit_path(cx, dir, &jobs[i], suffixes[k], &path));
            PO_TRY(cx, move_if_there(cx, path));
        }
    }
    return po_rc_ok();
}

PO_RC po_schedule_remove(struct po_ctx *cx, struct po_home *home, const char *unit_dir,
                         bool is_dry_run, struct po_buf *plan)
{
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        po_buf_printf(plan, "%s %s/%s.service and .timer to *.removed\n",
                      is_dry_run ? "would move" : "moved", unit_dir, jobs[i].name);
    if (is_dry_run) return po_rc_ok();
    return bracket(cx, home, "schedule.remove", unit_dir, remove_all);
}

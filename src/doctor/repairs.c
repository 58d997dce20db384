/*
 * The repairs: each finds what needs it and knows how to set it right without deleting anything.
 */
#include "doctor_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#define LOCK_AGE_MIN (15 * PO_US_PER_MIN)
#define LOCK_FILE_BYTES_MAX 256
#define QUARANTINE "data/quarantine"

static PO_RC absolute(struct po_ctx *cx, struct po_home *home, const char *subject,
                      const char **ret_path)
{
    if (po_str_eq_cstr(PO_LIT("."), subject)) {
        *ret_path = po_home_root(home);
        return po_rc_ok();
    }
    return po_path_join(cx, po_home_root(home), subject, ret_path);
}

static const char *subject_of(const struct po_home_place_row *row)
{
    return row->path[0] == '\0' ? "." : row->path;
}

static PO_RC text(struct po_ctx *cx, const char *formatted, const char **ret_text)
{
    if (formatted == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_text = formatted;
    return po_rc_ok();
}

/* -- missing_directory ---------------------------------------------------------------------------- */

static PO_RC plan_missing_directory(struct po_ctx *cx, struct po_home *home,
                                    struct po_doctor_plan *plan)
{
    for (size_t i = 0; i < PO_PLACE_COUNT; i++) {
        const struct po_home_place_row *row = po_home_place_row((enum po_home_place)i);
        struct po_fs_info info = {0};
        if (!row->is_dir || !row->is_required) continue;
        PO_TRY(cx, po_fs_info(cx, po_home_path(home, (enum po_home_place)i), &info));
        if (info.exists) continue;
        struct po_repair_step step = {.subject = subject_of(row), .before = "absent"};
        step.arg = row->mode;
        PO_TRY(cx,
               text(cx, po_arena_printf(cx->arena, "directory mode %04o", row->mode), &step.after));
        PO_TRY(cx, po_doctor_add(cx, plan, &step));
    }
    return po_rc_ok();
}

static PO_RC apply_missing_directory(struct po_ctx *cx, struct po_home *home,
                                     const struct po_repair_step *step)
{
    const char *path = NULL;
    PO_TRY(cx, absolute(cx, home, step->subject, &path));
    return po_fs_mkdir(cx, path, (mode_t)step->arg);
}

/* -- wrong_mode ---------------------------------------------------------------------------------- */

static PO_RC plan_wrong_mode(struct po_ctx *cx, struct po_home *home, struct po_doctor_plan *plan)
{
    for (size_t i = 0; i < PO_PLACE_COUNT; i++) {
        const struct po_home_place_row *row = po_home_place_row((enum po_home_place)i);
        struct po_fs_info info = {0};
        PO_TRY(cx, po_fs_info(cx, po_home_path(home, (enum po_home_place)i), &info));
        bool is_right_kind = row->is_dir ? info.is_dir : info.is_file;
        if (!info.exists || !is_right_kind || info.mode == row->mode) continue;
        struct po_repair_step step = {.subject = subject_of(row), .arg = row->mode};
        PO_TRY(cx, text(cx, po_arena_printf(cx->arena, "mode %04o", (unsigned)info.mode),
                        &step.before));
        PO_TRY(cx, text(cx, po_arena_printf(cx->arena, "mode %04o", row->mode), &step.after));
        PO_TRY(cx, po_doctor_add(cx, plan, &step));
    }
    return po_rc_ok();
}

/* Through a descriptor that follows no link: what was planned is what is changed. */
static PO_RC apply_wrong_mode(struct po_ctx *cx, struct po_home *home,
                              const struct po_repair_step *step)
{
    const char *path = NULL;
    PO_TRY(cx, absolute(cx, home, step->subject, &path));
    /* A file without read permission still opens by its owner only after chmod: O_PATH would not
     * take fchmod, so such a file is changed by name once lstat said it is no link. */
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd >= 0) {
        if (po_sys_fchmod(fd, (mode_t)step->arg) == 0) return po_rc_ok();
        return PO_FAIL_SYS(cx, PO_IO, errno, "setting the mode of '%s'", step->subject);
    }
    if (errno != EACCES) return PO_FAIL_SYS(cx, PO_IO, errno, "opening '%s'", step->subject);
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (info.is_symlink || po_sys_chmod(path, (mode_t)step->arg) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "setting the mode of '%s'", step->subject);
    return po_rc_ok();
}

/* -- stale_lock ---------------------------------------------------------------------------------- */

/* Directories where jobs of the site leave lock files; data/lock is ours and held by us now. */
static const enum po_home_place lock_places[] = {PO_PLACE_BACKUPS, PO_PLACE_INTAKE, PO_PLACE_LOGS,
                                                 PO_PLACE_SCRIPTS, PO_PLACE_CONFIG};

/* Held by somebody: the lock is taken, or its process lives. */
static PO_RC lock_is_held(struct po_ctx *cx, const char *path, bool *ret_is_held)
{
    *ret_is_held = true;
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0) return po_rc_ok(); /* cannot tell: leave it */
    if (po_sys_flock(fd, LOCK_EX | LOCK_NB) != 0) return po_rc_ok();
    char bytes[LOCK_FILE_BYTES_MAX];
    ssize_t n = po_sys_read(fd, bytes, sizeof bytes);
    if (n < 0) return po_rc_ok();
    po_str rest = po_str_n(bytes, (size_t)n);
    po_str line = {"", 0};
    uint64_t pid = 0;
    *ret_is_held = false;
    if (!po_str_next_line(&rest, &line)) return po_rc_ok();
    if (!po_is_ok(po_str_to_u64(po_str_trim(line), 1U << 22, &pid)) || pid == 0) return po_rc_ok();
    struct po_fs_info process = {0};
    const char *proc = po_arena_printf(cx->arena, "/proc/%lu", (unsigned long)pid);
    if (proc == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_fs_info(cx, proc, &process));
    *ret_is_held = process.exists;
    return po_rc_ok();
}

static PO_RC plan_lock(struct po_ctx *cx, struct po_home *home, enum po_home_place place,
                       po_str name, struct po_doctor_plan *plan)
{
    const char *file = NULL;
    const char *path = NULL;
    struct po_fs_info info = {0};
    bool is_held = true;
    PO_TRY(cx, text(cx, po_arena_strdup(cx->arena, name), &file));
    PO_TRY(cx, po_path_join(cx, po_home_path(home, place), file, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.is_file || po_ctx_now_us(cx) - info.mtime_us < LOCK_AGE_MIN) return po_rc_ok();
    PO_TRY(cx, lock_is_held(cx, path, &is_held));
    if (is_held) return po_rc_ok();
    struct po_repair_step step = {.after = "moved to " QUARANTINE};
    int64_t age_min = (po_ctx_now_us(cx) - info.mtime_us) / PO_US_PER_MIN;
    const char *dir = po_home_place_row(place)->path;
    PO_TRY(cx, text(cx, po_arena_printf(cx->arena, "%s/%s", dir, file), &step.subject));
    PO_TRY(cx,
           text(cx, po_arena_printf(cx->arena, "lock of no process, %ld min old", (long)age_min),
                &step.before));
    return po_doctor_add(cx, plan, &step);
}

static PO_RC plan_stale_lock(struct po_ctx *cx, struct po_home *home, struct po_doctor_plan *plan)
{
    for (size_t i = 0; i < sizeof lock_places / sizeof *lock_places; i++) {
        po_str *names = NULL;
        size_t count = 0;
        po_rc rc = po_fs_list(cx, po_home_path(home, lock_places[i]), &names, &count);
        if (rc.code == PO_NOTFOUND) {
            po_err_clear(cx);
            continue;
        }
        PO_TRY(cx, rc);
        for (size_t k = 0; k < count; k++)
            if (po_str_ends(names[k], PO_LIT(".lock")))
                PO_TRY(cx, plan_lock(cx, home, lock_places[i], names[k], plan));
    }
    return po_rc_ok();
}

static PO_RC apply_stale_lock(struct po_ctx *cx, struct po_home *home,
                              const struct po_repair_step *step)
{
    const char *from = NULL;
    const char *quarantine = NULL;
    PO_TRY(cx, absolute(cx, home, step->subject, &from));
    PO_TRY(cx, absolute(cx, home, QUARANTINE, &quarantine));
    PO_TRY(cx, po_fs_mkdir(cx, quarantine, 0700));
    size_t slash = 0;
    po_str subject = po_str_of(step->subject);
    while (po_str_find_char(subject, '/', slash) != SIZE_MAX)
        slash = po_str_find_char(subject, '/', slash) + 1;
    const char *to = po_arena_printf(cx->arena, "%s/%ld-%.*s", quarantine, (long)po_ctx_now_us(cx),
                                     PO_STR_ARG(po_str_slice(subject, slash, subject.len)));
    if (to == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_fs_rename(cx, from, to);
}

static const struct po_repair repairs[] = {
    {"missing_directory", "make a missing directory of the home anew", plan_missing_directory,
     apply_missing_directory},
    {"wrong_mode", "set the declared mode of files and directories of the home", plan_wrong_mode,
     apply_wrong_mode},
    {"stale_lock", "move away a lock file that nobody holds", plan_stale_lock, apply_stale_lock},
};

const struct po_repair *po_repair_table(size_t *ret_count)
{
    *ret_count = sizeof repairs / sizeof *repairs;
    return repairs;
}

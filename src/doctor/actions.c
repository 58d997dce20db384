/*
 * The actions of repairs: what a plan may ask for, each within narrow bounds, none deleting anything.
 *
 * Invariants
 *  1. Directories are made and modes set only of the home's declared places, to the declared mode.
 *  2. Only a lock file of a directory where jobs leave theirs is moved away.
 *  So a plan that is wrong, or forged, can do no more than put the home into its declared form.
 */
#include "doctor_priv.h"

#include "core/fs.h"
#include "core/sys.h"

#include <errno.h>
#include <fcntl.h>

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

/* The declared place of a subject; NULL when there is none. */
static const struct po_home_place_row *find_place(const char *subject)
{
    const char *path = strcmp(subject, ".") == 0 ? "" : subject;
    for (size_t i = 0; i < PO_PLACE_COUNT; i++) {
        const struct po_home_place_row *row = po_home_place_row((enum po_home_place)i);
        if (strcmp(row->path, path) == 0) return row;
    }
    return NULL;
}

static PO_RC check_place(struct po_ctx *cx, const struct po_repair_step *step, bool is_directory)
{
    const struct po_home_place_row *row = find_place(step->subject);
    if (row == NULL || (is_directory && !row->is_dir))
        return PO_FAIL(cx, PO_DENIED, "'%s' is no declared place of the home", step->subject);
    if (step->arg == row->mode) return po_rc_ok();
    return PO_FAIL(cx, PO_DENIED, "the declared mode of '%s' is %04o", step->subject, row->mode);
}

static PO_RC make_directory(struct po_ctx *cx, struct po_home *home,
                            const struct po_repair_step *step)
{
    const char *path = NULL;
    PO_TRY(cx, check_place(cx, step, true));
    PO_TRY(cx, absolute(cx, home, step->subject, &path));
    return po_fs_mkdir(cx, path, (mode_t)step->arg);
}

/* Through a descriptor that follows no link: what was planned is what is changed. */
static PO_RC set_mode(struct po_ctx *cx, struct po_home *home, const struct po_repair_step *step)
{
    const char *path = NULL;
    PO_TRY(cx, check_place(cx, step, false));
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

/* Directories where jobs of the site leave lock files; data/lock is ours and held by us now. */
static const enum po_home_place lock_places[] = {PO_PLACE_BACKUPS, PO_PLACE_INTAKE, PO_PLACE_LOGS,
                                                 PO_PLACE_SCRIPTS, PO_PLACE_CONFIG};

/* "scripts/x.lock": directly in one of them. The name may hold anything but a '/'. */
static bool is_lock(po_str subject)
{
    for (size_t i = 0; i < sizeof lock_places / sizeof *lock_places; i++) {
        po_str dir = po_str_of(po_home_place_row(lock_places[i])->path);
        if (!po_str_starts(subject, dir) || subject.len <= dir.len + 1) continue;
        po_str name = po_str_slice(subject, dir.len + 1, subject.len);
        if (subject.ptr[dir.len] == '/' && po_str_find_char(name, '/', 0) == SIZE_MAX)
            return po_str_ends(name, PO_LIT(".lock"));
    }
    return false;
}

static PO_RC quarantine(struct po_ctx *cx, struct po_home *home, const struct po_repair_step *step)
{
    const char *from = NULL;
    const char *directory = NULL;
    struct po_fs_info info = {0};
    if (!is_lock(po_str_of(step->subject)))
        return PO_FAIL(cx, PO_DENIED, "'%s' is no lock file of a job", step->subject);
    PO_TRY(cx, absolute(cx, home, step->subject, &from));
    PO_TRY(cx, po_fs_info(cx, from, &info));
    if (!info.is_file) return PO_FAIL(cx, PO_DENIED, "'%s' is no file", step->subject);
    PO_TRY(cx, absolute(cx, home, QUARANTINE, &directory));
    PO_TRY(cx, po_fs_mkdir(cx, directory, 0700));
    size_t slash = 0;
    po_str subject = po_str_of(step->subject);
    while (po_str_find_char(subject, '/', slash) != SIZE_MAX)
        slash = po_str_find_char(subject, '/', slash) + 1;
    const char *to = po_arena_printf(cx->arena, "%s/%ld-%.*s", directory, (long)po_ctx_now_us(cx),
                                     PO_STR_ARG(po_str_slice(subject, slash, subject.len)));
    if (to == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_fs_rename(cx, from, to);
}

static const struct {
    const char *name;
    PO_RC(*apply)
    (struct po_ctx *cx, struct po_home *home, const struct po_repair_step *step);
} actions[] = {
    {"make_directory", make_directory},
    {"set_mode", set_mode},
    {"quarantine", quarantine},
};

PO_RC po_repair_apply(struct po_ctx *cx, struct po_home *home, const struct po_repair_step *step)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, step->action) == 0) return actions[i].apply(cx, home, step);
    return PO_FAIL(cx, PO_UNAVAILABLE, "there is no action '%s'", step->action);
}

/*
 * Lock files lying in the home: how old each is and whether somebody holds it.
 */
#include "fact_priv.h"

#include "core/sys.h"

#include <fcntl.h>
#include <sys/file.h>

#define LOCK_FILE_BYTES_MAX 256
#define LOCK_TOUCH_AGE_MIN PO_US_PER_MIN
#define LOCKS_MAX 2000
#define PID_MAX (1U << 22)

/* Directories where jobs of the site leave lock files; data/lock is ours and held by us now. */
static const enum po_home_place lock_places[] = {PO_PLACE_BACKUPS, PO_PLACE_INTAKE, PO_PLACE_LOGS,
                                                 PO_PLACE_SCRIPTS, PO_PLACE_CONFIG};

/* Does the process that the file names live? No number: nobody. */
static PO_RC process_lives(struct po_ctx *cx, const struct po_fact_set *set, po_str text,
                           bool *ret_lives)
{
    po_str line = {"", 0};
    uint64_t pid = 0;
    *ret_lives = false;
    if (!po_str_next_line(&text, &line)) return po_rc_ok();
    if (!po_is_ok(po_str_to_u64(po_str_trim(line), PID_MAX, &pid)) || pid == 0) return po_rc_ok();
    struct po_fs_info process = {0};
    const char *path = po_arena_printf(cx->arena, "%s/%lu", set->places.proc, (unsigned long)pid);
    if (path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY(cx, po_fs_info(cx, path, &process));
    *ret_lives = process.exists;
    return po_rc_ok();
}

/* Held by somebody: the lock is taken, its process lives, or it cannot be told. */
static PO_RC lock_is_held(struct po_ctx *cx, const struct po_fact_set *set, const char *path,
                          bool *ret_is_held)
{
    *ret_is_held = true;
    PO_FD_AUTO fd = po_sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0) return po_rc_ok();
    if (po_sys_flock(fd, LOCK_EX | LOCK_NB) != 0) return po_rc_ok();
    char bytes[LOCK_FILE_BYTES_MAX];
    ssize_t n = po_sys_read(fd, bytes, sizeof bytes);
    if (n < 0) return po_rc_ok();
    return process_lives(cx, set, po_str_n(bytes, (size_t)n), ret_is_held);
}

static PO_RC put_lock(struct po_ctx *cx, const struct po_fact_set *set, const char *relative,
                      struct po_json_out *out)
{
    const char *path = NULL;
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fact_path(cx, set->places.root, relative, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.is_file) return po_rc_ok();
    int64_t age_us = set->now_us - info.mtime_us;
    bool is_held = true;
    if (age_us >= LOCK_TOUCH_AGE_MIN) PO_TRY(cx, lock_is_held(cx, set, path, &is_held));
    po_json_out_object(out);
    po_fact_put_cstr(out, "path", relative);
    po_fact_put_int(out, "age_s", age_us < 0 ? 0 : age_us / PO_US_PER_S);
    po_json_out_key(out, "held");
    if (age_us >= LOCK_TOUCH_AGE_MIN)
        po_json_out_bool(out, is_held);
    else
        po_json_out_null(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* Lock files of one directory; `left` is how many more the fact takes. */
static PO_RC put_locks(struct po_ctx *cx, const struct po_fact_set *set, const char *dir,
                       size_t *left, struct po_json_out *out)
{
    const char *path = NULL;
    struct po_fs_info info = {0};
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fact_path(cx, set->places.root, dir, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (!info.is_dir) return po_rc_ok();
    PO_TRY(cx, po_fs_list(cx, path, &names, &count));
    for (size_t i = 0; i<count && * left> 0; i++) {
        const char *relative = NULL;
        if (!po_str_ends(names[i], PO_LIT(".lock"))) continue;
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &relative));
        PO_TRY(cx, put_lock(cx, set, relative, out));
        (*left)--;
    }
    return po_rc_ok();
}

PO_FACT_READER(home_locks)
{
    size_t left = LOCKS_MAX;
    po_json_out_object(out);
    po_fact_put_array(out, "locks");
    for (size_t i = 0; i < sizeof lock_places / sizeof *lock_places; i++)
        PO_TRY(cx, put_locks(cx, set, po_home_place_row(lock_places[i])->path, &left, out));
    po_json_out_array_end(out);
    po_fact_put_bool(out, "all_listed", left > 0);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/*
 * The tree of a home and where things stand in it.
 */
#include "home_priv.h"

#include "core/cfg.h"
#include "core/sys.h"

#include <limits.h>
#include <unistd.h>

static const struct po_home_place_row rows[PO_PLACE_COUNT] = {
    [PO_PLACE_ROOT] = {"", true, true, 0700},
    [PO_PLACE_CONFIG] = {"config", true, true, 0700},
    [PO_PLACE_DATA] = {"data", true, true, 0700},
    [PO_PLACE_LEDGER] = {"data/ledger", true, true, 0700},
    [PO_PLACE_BACKUPS] = {"Backups", true, true, 0700},
    [PO_PLACE_ARCHIVE] = {"Backups/archive", true, true, 0700},
    [PO_PLACE_REPORTS] = {"Reports", true, true, 0700},
    [PO_PLACE_LOGS] = {"logs", true, true, 0700},
    [PO_PLACE_SCRIPTS] = {"scripts", true, true, 0700},
    [PO_PLACE_INTAKE] = {"intake", true, true, 0700},
    [PO_PLACE_ENV] = {"config/.env", false, true, 0600},
    [PO_PLACE_FLAGS] = {"config/status_flags.json", false, true, 0640},
    [PO_PLACE_DB] = {"data/paulyops.db", false, true, 0600},
    [PO_PLACE_INSTANCE] = {"data/instance", false, true, 0640},
    [PO_PLACE_LOCK] = {"data/lock", false, false, 0600},
};

const struct po_home_place_row *po_home_place_row(enum po_home_place place) { return &rows[place]; }

static PO_RC copy_path(struct po_ctx *cx, const char *dir, const char *name, const char **ret_root)
{
    size_t len = strlen(dir) + strlen(name);
    if (len >= PO_HOME_PATH_BYTES_MAX)
        return PO_FAIL(cx, PO_CONFIG, "the home's path has %zu bytes; the limit is %d", len,
                       PO_HOME_PATH_BYTES_MAX);
    *ret_root = po_arena_printf(cx->arena, "%s%s", dir, name);
    if (*ret_root == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

PO_RC po_home_find(struct po_ctx *cx, const char *option_or_null, const char **ret_root)
{
    const char *named = option_or_null != NULL ? option_or_null : po_env("PAULYOPS_HOME");
    if (named != NULL && named[0] != '\0') return copy_path(cx, named, "", ret_root);
    const char *user_home = po_env("HOME");
    if (user_home == NULL || user_home[0] != '/')
        return PO_FAIL(cx, PO_CONFIG, "no home: give --home DIR or set PAULYOPS_HOME");
    return copy_path(cx, user_home, "/PaulyOps", ret_root);
}

PO_RC po_home_keep(struct po_ctx *cx, struct po_home *home, po_str text, const char **ret_text)
{
    *ret_text = po_arena_strdup(home->arena, text);
    if (*ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the home");
    return po_rc_ok();
}

/* Absolute, so that children and the key binding see the same path. */
static PO_RC absolute_root(struct po_ctx *cx, const char *root, const char **ret_root)
{
    char resolved[PATH_MAX];
    if (root[0] == '/') {
        *ret_root = root;
        return po_rc_ok();
    }
    if (po_sys_realpath(".", resolved) == NULL)
        return PO_FAIL(cx, PO_IO, "the working directory cannot be resolved");
    return po_path_join(cx, resolved, root, ret_root);
}

PO_RC po_home_new(struct po_ctx *cx, const char *root, struct po_home **ret_home)
{
    PO_HOME_AUTO *home = po_calloc(1, sizeof *home);
    if (home == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the home");
    home->arena = po_arena_new(PO_HOME_ARENA_BYTES_MAX);
    if (home->arena == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the home");
    const char *absolute = NULL;
    PO_TRY(cx, absolute_root(cx, root, &absolute));
    for (size_t i = 0; i < PO_PLACE_COUNT; i++) {
        const char *path = absolute;
        if (rows[i].path[0] != '\0') PO_TRY(cx, po_path_join(cx, absolute, rows[i].path, &path));
        PO_TRY(cx, po_home_keep(cx, home, po_str_of(path), &home->paths[i]));
    }
    *ret_home = PO_TAKE(home);
    return po_rc_ok();
}

/* The real path of what exists of a path's beginning. */
static bool resolve_start(const char *path, char resolved[static PATH_MAX])
{
    char start[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof start) return false;
    memcpy(start, path, len + 1);
    while (po_sys_realpath(start, resolved) == NULL) {
        while (len > 0 && start[len - 1] != '/')
            len--;
        if (len <= 1) return false;
        start[--len] = '\0';
    }
    return true;
}

/* Also by way of links: what can be reached from the home goes into its backups (law 8). */
static bool is_inside_home(const struct po_home *home, const char *dir)
{
    char root[PATH_MAX];
    char start[PATH_MAX];
    if (po_sys_realpath(home->paths[PO_PLACE_ROOT], root) == NULL || !resolve_start(dir, start))
        return false;
    po_str state = po_str_of(start);
    size_t len = strlen(root);
    return po_str_starts(state, po_str_of(root)) && (state.len == len || state.ptr[len] == '/');
}

static bool has_parent_part(const char *dir)
{
    po_str rest = po_str_of(dir);
    po_str part = {NULL, 0};
    while (po_str_next_field(&rest, '/', &part))
        if (po_str_eq_cstr(part, "..")) return true;
    return false;
}

/* ${XDG_STATE_HOME:-~/.local/state}/paulyops/<instance>: never inside the home (law 8). */
static PO_RC find_state_dir(struct po_ctx *cx, struct po_home *home)
{
    const char *base = po_env("XDG_STATE_HOME");
    const char *user_home = po_env("HOME");
    const char *dir = NULL;
    if (base != NULL && base[0] == '/')
        dir = po_arena_printf(home->arena, "%s/paulyops/%s", base, home->instance);
    else if (user_home != NULL && user_home[0] == '/')
        dir =
            po_arena_printf(home->arena, "%s/.local/state/paulyops/%s", user_home, home->instance);
    else
        return PO_FAIL(cx, PO_CONFIG, "no place for keys: set HOME or XDG_STATE_HOME");
    if (dir == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the home");
    if (has_parent_part(dir))
        return PO_FAIL(cx, PO_CONFIG, "the place for keys, '%s', must not hold '..'", dir);
    if (is_inside_home(home, dir))
        return PO_FAIL(cx, PO_CONFIG,
                       "keys would stand inside the home at '%s'; set XDG_STATE_HOME elsewhere",
                       dir);
    home->state_dir = dir;
    return po_rc_ok();
}

static bool is_instance_name(po_str name)
{
    if (name.len != 5 + 32 || !po_str_starts(name, PO_LIT("inst_"))) return false;
    for (size_t i = 5; i < name.len; i++) {
        bool is_digit = name.ptr[i] >= '0' && name.ptr[i] <= '9';
        bool is_letter = name.ptr[i] >= 'a' && name.ptr[i] <= 'f';
        if (!is_digit && !is_letter) return false;
    }
    return true;
}

PO_RC po_home_set_instance(struct po_ctx *cx, struct po_home *home, po_str instance)
{
    if (!is_instance_name(instance))
        return PO_FAIL(cx, PO_CORRUPT, "'%s' does not name an instance",
                       home->paths[PO_PLACE_INSTANCE]);
    PO_TRY(cx, po_home_keep(cx, home, instance, &home->instance));
    return find_state_dir(cx, home);
}

PO_RC po_home_read_instance(struct po_ctx *cx, struct po_home *home)
{
    PO_BUF_AUTO text;
    po_buf_init(&text, 256);
    po_rc rc = po_fs_read(cx, home->paths[PO_PLACE_INSTANCE], &text);
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        return PO_FAIL(cx, PO_NOTFOUND, "no home at '%s'; run 'paulyops init'",
                       home->paths[PO_PLACE_ROOT]);
    }
    PO_TRY_MSG(cx, rc, "opening the home");
    return po_home_set_instance(cx, home, po_str_trim(po_buf_str(&text)));
}

struct po_keyring_place po_home_keyring_place(const struct po_home *home)
{
    const char *credentials = po_env("CREDENTIALS_DIRECTORY");
    const char *path = NULL;
    if (credentials != NULL && credentials[0] == '/')
        path = po_arena_printf(home->arena, "%s/paulyops-master", credentials);
    return (struct po_keyring_place){.dir = home->state_dir, .credential = path};
}

static PO_RC keep_in_arena(struct po_ctx *cx, const char *text, const char **ret_text)
{
    *ret_text = text == NULL ? NULL : po_arena_strdup(cx->arena, po_str_of(text));
    if (text != NULL && *ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

PO_RC po_home_keys_find(struct po_ctx *cx, const char *root, struct po_home_keys *ret_keys)
{
    struct po_home_keys keys = {0};
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_home_new(cx, root, &home));
    PO_TRY(cx, po_home_read_instance(cx, home));
    const struct po_keyring_place place = po_home_keyring_place(home);
    PO_TRY(cx, keep_in_arena(cx, home->instance, &keys.instance));
    PO_TRY(cx, keep_in_arena(cx, place.dir, &keys.dir));
    PO_TRY(cx, keep_in_arena(cx, place.credential, &keys.credential));
    PO_TRY(cx, keep_in_arena(cx, home->paths[PO_PLACE_LEDGER], &keys.ledger_dir));
    PO_TRY(cx, po_path_join(cx, keys.dir, PO_HOME_SIGNED_NAME, &keys.signed_path));
    PO_TRY(cx, po_ledger_origin(cx, home->instance, &keys.origin));
    *ret_keys = keys;
    return po_rc_ok();
}

const char *po_home_credential(const struct po_home *home)
{
    return po_home_keyring_place(home).credential;
}

PO_RC po_home_state_path(struct po_ctx *cx, struct po_home *home, const char *name,
                         const char **ret_path)
{
    *ret_path = po_arena_printf(home->arena, "%s/%s", home->state_dir, name);
    if (*ret_path == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the home");
    return po_rc_ok();
}

const char *po_home_root(const struct po_home *home) { return home->paths[PO_PLACE_ROOT]; }
const char *po_home_path(const struct po_home *home, enum po_home_place place)
{
    return home->paths[place];
}
const char *po_home_state_dir(const struct po_home *home) { return home->state_dir; }
const char *po_home_instance(const struct po_home *home) { return home->instance; }
const char *po_home_read_only_reason(const struct po_home *home)
{
    if (home->is_frozen && home->reason[0] == '\0') return PO_HOME_OPENED_FOR_READING;
    return home->reason[0] == '\0' ? NULL : home->reason;
}

void po_home_freeze(struct po_home *home, bool is_frozen) { home->is_frozen = is_frozen; }
struct po_cfg *po_home_cfg(struct po_home *home) { return home->cfg; }
struct po_flags *po_home_flags(struct po_home *home) { return home->flags; }
struct po_store *po_home_store(struct po_home *home) { return home->store; }
struct po_keyring *po_home_keyring(struct po_home *home) { return home->keyring; }
struct po_ledger *po_home_ledger(struct po_home *home) { return home->ledger; }

#define SHARED_MEMORY "/dev/shm"

/* A directory there that is ours alone; anything else at that name is not used. */
static PO_RC private_shared_memory(struct po_ctx *cx, const char **ret_dir)
{
    struct po_fs_info info = {0};
    const char *dir = po_arena_printf(cx->arena, SHARED_MEMORY "/paulyops-%u", (unsigned)geteuid());
    if (dir == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_dir = NULL;
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.exists) {
        PO_TRY(cx, po_fs_mkdir(cx, dir, 0700));
        PO_TRY(cx, po_fs_info(cx, dir, &info));
    }
    bool is_ours = info.is_dir && !info.is_symlink && info.uid == geteuid() && info.mode == 0700;
    if (is_ours) *ret_dir = dir;
    return po_rc_ok();
}

PO_RC po_home_scratch_dir(struct po_ctx *cx, const struct po_home *home, const char **ret_dir)
{
    struct po_fs_info info = {0};
    *ret_dir = NULL;
    PO_TRY(cx, po_fs_info(cx, SHARED_MEMORY, &info));
    if (info.is_dir) {
        po_rc rc = private_shared_memory(cx, ret_dir);
        if (rc.code == PO_NOMEM) return rc;
        po_err_clear(cx); /* not writable here: the state directory serves */
    }
    if (*ret_dir != NULL) return po_rc_ok();
    PO_TRY(cx, po_path_join(cx, home->state_dir, "scratch", ret_dir));
    po_rc rc = po_fs_mkdir(cx, *ret_dir, 0700);
    if (rc.code == PO_NOMEM) return rc;
    po_err_clear(cx); /* who works there says that it is missing */
    return po_rc_ok();
}

PO_RC po_home_tenant_root(struct po_ctx *cx, const char *root, const char **ret_root)
{
    *ret_root = root;
    if (cx->tenant.value == PO_TENANT_DEFAULT.value) return po_rc_ok();
    const char *text =
        po_arena_printf(cx->arena, "%s/tenants/%lu", root, (unsigned long)cx->tenant.value);
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    *ret_root = text;
    return po_rc_ok();
}

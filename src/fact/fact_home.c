/*
 * Facts of the home's files: declared places, intake, logs, archive, markers, credential files.
 */
#include "fact_priv.h"

#include "core/sys.h"

#define WALK_ENTRIES_MAX 20000
#define WALK_DEPTH_MAX 8

static int64_t age_s(const struct po_fact_set *set, int64_t time_us)
{
    int64_t age_us = set->now_us - time_us;
    return age_us < 0 ? 0 : age_us / PO_US_PER_S;
}

static const char *kind_name(const struct po_fs_info *info)
{
    if (!info->exists) return "absent";
    if (info->is_symlink) return "symlink";
    if (info->is_dir) return "directory";
    return info->is_file ? "file" : "other";
}

/* ---- home.places -------------------------------------------------------------------------------- */

struct place_counts {
    int64_t required;
    int64_t missing;
    int64_t wrong_type;
    int64_t wrong_mode;
    int64_t wrong_owner;
};

static void put_place(struct po_json_out *out, const struct po_fact_set *set,
                      const struct po_home_place_row *row, const struct po_fs_info *info,
                      struct place_counts *counts)
{
    bool is_type_right = info->exists && (row->is_dir ? info->is_dir : info->is_file);
    bool is_mode_right = is_type_right && info->mode == row->mode;
    bool is_owner_right = is_type_right && info->uid == set->places.uid;
    counts->required += row->is_required ? 1 : 0;
    counts->missing += row->is_required && !info->exists ? 1 : 0;
    counts->wrong_type += info->exists && !is_type_right ? 1 : 0;
    counts->wrong_mode += is_type_right && !is_mode_right ? 1 : 0;
    counts->wrong_owner += is_type_right && !is_owner_right ? 1 : 0;
    po_json_out_object(out);
    po_fact_put_cstr(out, "path", row->path);
    po_fact_put_cstr(out, "wanted", row->is_dir ? "directory" : "file");
    po_fact_put_bool(out, "required", row->is_required);
    po_fact_put_cstr(out, "is", kind_name(info));
    po_fact_put_mode(out, "mode_wanted", row->mode);
    po_json_out_key(out, "mode");
    if (!is_type_right) {
        po_json_out_null(out);
    } else {
        char text[5] = {(char)('0' + (info->mode >> 9 & 7)), (char)('0' + (info->mode >> 6 & 7)),
                        (char)('0' + (info->mode >> 3 & 7)), (char)('0' + (info->mode & 7)), '\0'};
        po_json_out_cstr(out, text);
    }
    po_fact_put_bool(out, "mode_ok", is_mode_right);
    po_fact_put_bool(out, "owner_ok", is_owner_right);
    po_json_out_object_end(out);
}

PO_FACT_READER(home_places)
{
    struct place_counts counts = {0};
    po_json_out_object(out);
    po_fact_put_array(out, "places");
    for (size_t i = 0; i < PO_PLACE_COUNT; i++) {
        const struct po_home_place_row *row = po_home_place_row((enum po_home_place)i);
        const char *path = set->places.root;
        struct po_fs_info info = {0};
        if (row->path[0] != '\0') PO_TRY(cx, po_fact_path(cx, set->places.root, row->path, &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        put_place(out, set, row, &info, &counts);
    }
    po_json_out_array_end(out);
    po_fact_put_int(out, "required", counts.required);
    po_fact_put_int(out, "missing", counts.missing);
    po_fact_put_int(out, "wrong_type", counts.wrong_type);
    po_fact_put_int(out, "wrong_mode", counts.wrong_mode);
    po_fact_put_int(out, "wrong_owner", counts.wrong_owner);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- walking a directory for counts -------------------------------------------------------------- */

struct walk {
    uint64_t entries;
    uint64_t files;
    uint64_t bytes;
    uint64_t others; /* symlinks, FIFOs, ... */
    uint64_t wider;  /* readable or writable by others */
    int64_t oldest_us;
    int64_t newest_us;
    uint64_t largest_bytes;
    bool is_cut;
};

static void add_file(struct walk *walk, const struct po_fs_info *info)
{
    if (walk->files == 0 || info->mtime_us < walk->oldest_us) walk->oldest_us = info->mtime_us;
    if (walk->files == 0 || info->mtime_us > walk->newest_us) walk->newest_us = info->mtime_us;
    if (info->size_bytes > walk->largest_bytes) walk->largest_bytes = info->size_bytes;
    if (info->mode & 0007) walk->wider++;
    walk->files++;
    walk->bytes += info->size_bytes;
}

/* Names that begin with '.' are markers and drafts, no work: they are not counted at the top. */
static PO_RC walk_dir(struct po_ctx *cx, const char *dir, bool with_hidden, int depth,
                      struct walk *walk)
{
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (++walk->entries > WALK_ENTRIES_MAX || depth > WALK_DEPTH_MAX) {
            walk->is_cut = true;
            return po_rc_ok();
        }
        if (!with_hidden && names[i].ptr[0] == '.') continue;
        const char *path = NULL;
        struct po_fs_info info = {0};
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.is_dir)
            PO_TRY(cx, walk_dir(cx, path, with_hidden, depth + 1, walk));
        else if (info.is_file)
            add_file(walk, &info);
        else if (info.exists)
            walk->others++;
    }
    return po_rc_ok();
}

/* Not there or no directory: nothing walked. */
static PO_RC walk_if_dir(struct po_ctx *cx, const char *dir, bool with_hidden,
                         struct po_fs_info *ret_info, struct walk *walk)
{
    *ret_info = (struct po_fs_info){0};
    if (dir == NULL) return po_rc_ok();
    PO_TRY(cx, po_fs_info(cx, dir, ret_info));
    if (!ret_info->is_dir) return po_rc_ok();
    return walk_dir(cx, dir, with_hidden, 0, walk);
}

static void put_dir(struct po_json_out *out, const struct po_fact_set *set,
                    const struct po_fs_info *info)
{
    po_fact_put_bool(out, "present", info->is_dir);
    po_fact_put_cstr(out, "is", kind_name(info));
    po_fact_put_int(out, "mode_bits", info->mode);
    po_fact_put_bool(out, "owner_ok", info->exists && info->uid == set->places.uid);
    po_fact_put_bool(out, "writable",
                     info->is_dir && (info->uid == set->places.uid ? (info->mode & 0300) == 0300
                                                                   : set->places.uid == 0));
}

static void put_walk(struct po_json_out *out, const struct po_fact_set *set,
                     const struct walk *walk)
{
    po_fact_put_int(out, "files", (int64_t)walk->files);
    po_fact_put_int(out, "bytes", (int64_t)walk->bytes);
    po_fact_put_int(out, "largest_bytes", (int64_t)walk->largest_bytes);
    po_fact_put_int(out, "others", (int64_t)walk->others);
    po_fact_put_int(out, "open_to_others", (int64_t)walk->wider);
    po_fact_put_opt(out, "oldest_age_s", walk->files > 0 ? age_s(set, walk->oldest_us) : -1);
    po_fact_put_opt(out, "newest_age_s", walk->files > 0 ? age_s(set, walk->newest_us) : -1);
    po_fact_put_bool(out, "all_counted", !walk->is_cut);
}

static PO_RC read_dir_fact(struct po_ctx *cx, struct po_fact_set *set, const char *dir,
                           struct po_json_out *out)
{
    struct po_fs_info info = {0};
    struct walk walk = {0};
    PO_TRY(cx, walk_if_dir(cx, dir, false, &info, &walk));
    po_json_out_object(out);
    put_dir(out, set, &info);
    put_walk(out, set, &walk);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(home_intake) { return read_dir_fact(cx, set, set->places.intake, out); }

PO_FACT_READER(home_logs)
{
    const char *dir = NULL;
    struct po_fs_info info = {0};
    struct walk walk = {0};
    PO_TRY(cx, po_fact_path(cx, set->places.root, "logs", &dir));
    PO_TRY(cx, walk_if_dir(cx, dir, true, &info, &walk));
    po_json_out_object(out);
    put_dir(out, set, &info);
    put_walk(out, set, &walk);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- home.archive -------------------------------------------------------------------------------- */

/* Entries of Backups/ itself: sets, and active ones are all that are not the archive or hidden. */
static PO_RC count_active(struct po_ctx *cx, const char *dir, int64_t *ret_active)
{
    struct po_fs_info info = {0};
    po_str *names = NULL;
    size_t count = 0;
    *ret_active = 0;
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.is_dir) return po_rc_ok();
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++)
        if (names[i].ptr[0] != '.' && !po_str_eq_cstr(names[i], "archive")) (*ret_active)++;
    return po_rc_ok();
}

static PO_RC count_sets(struct po_ctx *cx, const char *dir, struct walk *sets)
{
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        if (names[i].ptr[0] == '.') continue;
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.is_dir || info.is_file)
            add_file(sets, &info);
        else
            sets->others++;
    }
    return po_rc_ok();
}

PO_FACT_READER(home_archive)
{
    const char *backups = NULL;
    const char *archive = NULL;
    struct po_fs_info info = {0};
    struct walk sets = {0};
    int64_t active = 0;
    PO_TRY(cx, po_fact_path(cx, set->places.root, "Backups", &backups));
    PO_TRY(cx, po_fact_path(cx, backups, "archive", &archive));
    PO_TRY(cx, count_active(cx, backups, &active));
    PO_TRY(cx, po_fs_info(cx, archive, &info));
    if (info.is_dir) PO_TRY(cx, count_sets(cx, archive, &sets));
    po_json_out_object(out);
    put_dir(out, set, &info);
    po_fact_put_int(out, "sets", (int64_t)sets.files);
    po_fact_put_int(out, "others", (int64_t)sets.others);
    po_fact_put_opt(out, "oldest_age_s", sets.files > 0 ? age_s(set, sets.oldest_us) : -1);
    po_fact_put_int(out, "active_sets", active);
    po_fact_put_int(out, "plan_sets_max", set->places.archive_max);
    po_fact_put_int(out, "plan_days_max", set->places.archive_days_max);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- home.markers --------------------------------------------------------------------------------- */

static bool is_marker(po_str name)
{
    if (name.len < 2 || name.ptr[0] != '.') return false;
    return po_str_ends(name, PO_LIT("_last_success")) || po_str_ends(name, PO_LIT("_success"));
}

static bool is_lock_name(po_str name)
{
    return po_str_ends(name, PO_LIT(".lock")) || po_str_ends(name, PO_LIT(".pid"));
}

static PO_RC put_named(struct po_ctx *cx, struct po_fact_set *set, const char *relative,
                       bool (*is_wanted)(po_str name), struct po_json_out *out)
{
    const char *dir = set->places.root;
    struct po_fs_info info = {0};
    po_str *names = NULL;
    size_t count = 0;
    if (relative[0] != '\0') PO_TRY(cx, po_fact_path(cx, set->places.root, relative, &dir));
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.is_dir) return po_rc_ok();
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    size_t listed = 0;
    for (size_t i = 0; i < count && listed < PO_FACT_LIST_MAX; i++) {
        const char *path = NULL;
        if (!is_wanted(names[i])) continue;
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        po_json_out_object(out);
        po_fact_put_cstr(out, "directory", relative);
        po_json_out_field(out, "name", names[i]);
        po_fact_put_int(out, "age_s", age_s(set, info.mtime_us));
        po_fact_put_bool(out, "is_file", info.is_file);
        po_json_out_object_end(out);
        listed++;
    }
    return po_rc_ok();
}

PO_FACT_READER(home_markers)
{
    static const char *const dirs[] = {"", "Backups", "data", "logs"};
    po_json_out_object(out);
    po_fact_put_array(out, "markers");
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        PO_TRY(cx, put_named(cx, set, dirs[i], is_marker, out));
    po_json_out_array_end(out);
    po_fact_put_array(out, "locks");
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        PO_TRY(cx, put_named(cx, set, dirs[i], is_lock_name, out));
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- home.credentials ------------------------------------------------------------------------------ */

static const char *const credential_files[] = {"config/.env", "config/providers/credentials.json",
                                               "config/rclone.conf"};

PO_FACT_READER(home_credentials)
{
    int64_t present = 0;
    int64_t safe = 0;
    po_json_out_object(out);
    po_fact_put_array(out, "files");
    for (size_t i = 0; i < sizeof credential_files / sizeof *credential_files; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        PO_TRY(cx, po_fact_path(cx, set->places.root, credential_files[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (!info.exists) continue;
        bool is_owned = info.uid == set->places.uid;
        bool is_strict = info.is_file && (info.mode & 07177) == 0;
        present++;
        safe += is_owned && is_strict ? 1 : 0;
        po_json_out_object(out);
        po_fact_put_cstr(out, "path", credential_files[i]);
        po_fact_put_cstr(out, "is", kind_name(&info));
        po_fact_put_mode(out, "mode", info.mode);
        po_fact_put_bool(out, "owner_ok", is_owned);
        po_fact_put_bool(out, "strict", is_strict);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_fact_put_int(out, "present", present);
    po_fact_put_int(out, "safe", safe);
    po_json_out_object_end(out);
    return po_rc_ok();
}

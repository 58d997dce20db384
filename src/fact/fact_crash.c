/*
 * Fact machine.crash_traces: core files that our program may have left.
 *
 * The program forbids itself core files; one that is there all the same says that something went wrong
 * before or around that, and the operator must look.
 */
#include "fact_priv.h"

static const char *const dump_dirs[] = {"/var/lib/systemd/coredump", "/var/crash"};

static bool is_core_of_ours(po_str name)
{
    bool is_plain = po_str_eq_cstr(name, "core") || po_str_starts(name, PO_LIT("core."));
    return is_plain && (name.len <= 12 || po_str_find(name, PO_LIT("paulyops"), 0) != SIZE_MAX);
}

static bool names_us(po_str name) { return po_str_find(name, PO_LIT("paulyops"), 0) != SIZE_MAX; }

struct traces {
    int64_t count;
    int64_t newest_us;
    int64_t directories;
};

static PO_RC look_in(struct po_ctx *cx, const char *dir, bool (*is_wanted)(po_str name),
                     struct traces *traces)
{
    struct po_fs_info info = {0};
    po_str *names = NULL;
    size_t count = 0;
    if (dir == NULL) return po_rc_ok();
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.is_dir) return po_rc_ok();
    po_rc rc = po_fs_list(cx, dir, &names, &count);
    if (rc.code == PO_DENIED) {
        po_err_clear(cx); /* not counted among the directories looked at */
        return po_rc_ok();
    }
    PO_TRY(cx, rc);
    traces->directories++;
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        if (!is_wanted(names[i])) continue;
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (!info.is_file) continue;
        traces->count++;
        if (info.mtime_us > traces->newest_us) traces->newest_us = info.mtime_us;
    }
    return po_rc_ok();
}

PO_FACT_READER(machine_crash_traces)
{
    struct traces traces = {0};
    PO_TRY(cx, look_in(cx, set->places.root, is_core_of_ours, &traces));
    PO_TRY(cx, look_in(cx, set->places.state_dir, is_core_of_ours, &traces));
    for (size_t i = 0; i < sizeof dump_dirs / sizeof *dump_dirs; i++)
        PO_TRY(cx, look_in(cx, dump_dirs[i], names_us, &traces));
    po_json_out_object(out);
    po_fact_put_int(out, "core_files", traces.count);
    po_fact_put_opt(out, "newest_age_s",
                    traces.count > 0 ? (set->now_us - traces.newest_us) / PO_US_PER_S : -1);
    po_fact_put_int(out, "directories", traces.directories);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/*
 * Facts from reading the home's own text and bytes: secrets in logs and reports, plaintext on disk,
 * report files against their records.
 */
#include "fact_pass_priv.h"

#include "core/codec.h"
#include "scan_priv.h"

#define FILES_MAX 5000
#define DEPTH_MAX 6
#define RAW_FILE_BYTES_MAX ((uint64_t)64 << 20)
#define REPORT_BYTES_MAX ((uint64_t)16 << 20)

/* What is done with each regular file below a directory. */
struct file_walk {
    PO_RC (*each)(struct po_ctx *cx, struct file_walk *walk, const char *path, const char *subject);
    uint64_t files;
    uint64_t not_read; /* denied, other kinds, cut */
    bool is_cut;
    struct po_scan scan;
    const po_str *needles;
    size_t needle_count;
    uint64_t hits;
    uint64_t bytes;
    struct po_json_out *out;
    const struct po_fact_events *events;
    uint64_t recorded;
};

static PO_RC walk_files(struct po_ctx *cx, struct file_walk *walk, const char *dir,
                        const char *subject, int depth)
{
    struct po_fs_info info = {0};
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.is_dir) return po_rc_ok();
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        const char *inner = NULL;
        if (walk->files >= FILES_MAX || depth > DEPTH_MAX) {
            walk->is_cut = true;
            return po_rc_ok();
        }
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &path));
        PO_TRY(cx, po_fact_path_str(cx, subject, names[i], &inner));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.is_dir) PO_TRY(cx, walk_files(cx, walk, path, inner, depth + 1));
        if (!info.is_file) continue;
        walk->files++;
        walk->bytes += info.size_bytes;
        PO_TRY(cx, walk->each(cx, walk, path, inner));
    }
    return po_rc_ok();
}

/* ---- text.scan ------------------------------------------------------------------------------------ */

static PO_RC scan_one(struct po_ctx *cx, struct file_walk *walk, const char *path,
                      const char *subject)
{
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, po_scan_file(cx, &walk->scan, path, subject, &state));
    if (state != PO_FACT_FILE_OK) walk->not_read++;
    return po_rc_ok();
}

PO_FACT_READER(text_scan)
{
    static const char *const dirs[] = {"logs", "Reports"};
    PO_SCAN_NEEDLES_AUTO needles = {0};
    PO_TRY(cx, po_scan_needles_read(cx, &set->places, &needles));
    struct file_walk *walk = NULL;
    PO_ARENA_NEW(cx, walk, 1);
    walk->each = scan_one;
    walk->scan.needles = needles.values;
    walk->scan.needle_count = needles.count;
    const char *root = NULL; /* logs are the instance's, reports the tenant's */
    PO_TRY(cx, po_home_tenant_root(cx, set->places.root, &root));
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        const char *dir = NULL;
        PO_TRY(cx, po_fact_path(cx, i == 0 ? set->places.root : root, dirs[i], &dir));
        PO_TRY(cx, walk_files(cx, walk, dir, dirs[i], 0));
    }
    const char *health = NULL;
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fact_path(cx, root, "System_Health_Report.md", &health));
    PO_TRY(cx, po_fs_info(cx, health, &info));
    if (info.is_file) PO_TRY(cx, scan_one(cx, walk, health, "System_Health_Report.md"));
    po_json_out_object(out);
    po_scan_put(out, &walk->scan);
    po_fact_put_int(out, "not_read", (int64_t)walk->not_read);
    po_fact_put_bool(out, "all_counted", !walk->is_cut);
    po_fact_put_int(out, "known_values", (int64_t)needles.count);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- data.raw_scan --------------------------------------------------------------------------------- */

static PO_RC raw_one(struct po_ctx *cx, struct file_walk *walk, const char *path,
                     const char *subject)
{
    (void)subject;
    struct po_fs_info info = {0};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (info.size_bytes > RAW_FILE_BYTES_MAX) {
        walk->not_read++;
        return po_rc_ok();
    }
    PO_TRY(cx, po_scan_raw(cx, path, walk->needles, walk->needle_count, &walk->hits, &state));
    if (state != PO_FACT_FILE_OK) walk->not_read++;
    return po_rc_ok();
}

/*
 * What is planted: the session id of an earlier command. It is random, stands in plaintext in every
 * event that command recorded, and must therefore be nowhere on disk in clear. With it the words that
 * start every event's bytes.
 */
PO_FACT_READER(data_raw_scan)
{
    const struct po_fact_events *events = NULL;
    const char *dir = NULL;
    po_str planted[PO_SCAN_NEEDLES_MAX + 2] = {PO_LIT("\"event_type\":\""),
                                               PO_LIT("\"session_id\":\"")};
    size_t count = 2;
    PO_SCAN_NEEDLES_AUTO needles = {0};
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    PO_TRY(cx, po_scan_needles_read(cx, &set->places, &needles));
    for (size_t i = 0; i < needles.count; i++)
        planted[count++] = needles.values[i];
    bool has_session = events->last_other_session != NULL &&
                       strlen(events->last_other_session) >= PO_SCAN_NEEDLE_BYTES_MIN;
    po_str all[PO_SCAN_NEEDLES_MAX + 3];
    memcpy(all, planted, sizeof planted);
    if (has_session) all[count++] = po_str_of(events->last_other_session);
    struct file_walk *walk = NULL;
    PO_ARENA_NEW(cx, walk, 1);
    walk->each = raw_one;
    walk->needles = all;
    walk->needle_count = count;
    PO_TRY(cx, po_fact_path(cx, set->places.root, "data", &dir));
    PO_TRY(cx, walk_files(cx, walk, dir, "data", 0));
    po_json_out_object(out);
    po_fact_put_int(out, "files", (int64_t)walk->files);
    po_fact_put_int(out, "bytes", (int64_t)walk->bytes);
    po_fact_put_int(out, "not_read", (int64_t)walk->not_read);
    po_fact_put_int(out, "planted_values", (int64_t)count);
    po_fact_put_bool(out, "planted_session", has_session);
    po_fact_put_int(out, "found", (int64_t)walk->hits);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- home.reports ---------------------------------------------------------------------------------- */

static const struct po_fact_report *find_report(const struct po_fact_events *events,
                                                const uint8_t digest[static 32])
{
    for (size_t i = po_map_count(events->reports); i > 0; i--) {
        po_str id = {0};
        const struct po_fact_report *report = po_map_at(events->reports, i - 1, &id);
        if (report->has_body && po_str_eq(po_str_n(report->body, 32), po_str_n(digest, 32)))
            return report;
    }
    return NULL;
}

static PO_RC report_one(struct po_ctx *cx, struct file_walk *walk, const char *path,
                        const char *subject)
{
    uint8_t digest[32] = {0};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, po_fact_file_digest(cx, path, REPORT_BYTES_MAX, digest, &state));
    if (state != PO_FACT_FILE_OK) walk->not_read++;
    const struct po_fact_report *report =
        state == PO_FACT_FILE_OK ? find_report(walk->events, digest) : NULL;
    walk->recorded += report != NULL ? 1 : 0;
    if (walk->files > PO_FACT_LIST_MAX) return po_rc_ok();
    po_json_out_object(walk->out);
    po_fact_put_cstr(walk->out, "path", subject);
    po_fact_put_digest(walk->out, "digest", digest);
    po_fact_put_bool(walk->out, "recorded", report != NULL);
    po_fact_put_opt(walk->out, "leaf", report != NULL ? (int64_t)report->leaf : -1);
    po_json_out_object_end(walk->out);
    return po_rc_ok();
}

PO_FACT_READER(home_reports)
{
    const struct po_fact_events *events = NULL;
    const char *root = NULL;
    const char *dir = NULL;
    const char *health = NULL;
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fact_events_get(cx, set, &events));
    struct file_walk *walk = NULL;
    PO_ARENA_NEW(cx, walk, 1);
    walk->each = report_one;
    walk->events = events;
    walk->out = out;
    po_json_out_object(out);
    po_fact_put_array(out, "files");
    PO_TRY(cx, po_home_tenant_root(cx, set->places.root, &root));
    PO_TRY(cx, po_fact_path(cx, root, "Reports", &dir));
    PO_TRY(cx, walk_files(cx, walk, dir, "Reports", 0));
    PO_TRY(cx, po_fact_path(cx, root, "System_Health_Report.md", &health));
    PO_TRY(cx, po_fs_info(cx, health, &info));
    if (info.is_file) {
        walk->files++;
        PO_TRY(cx, report_one(cx, walk, health, "System_Health_Report.md"));
    }
    po_json_out_array_end(out);
    po_fact_put_int(out, "count", (int64_t)walk->files);
    po_fact_put_int(out, "recorded", (int64_t)walk->recorded);
    po_fact_put_int(out, "not_read", (int64_t)walk->not_read);
    po_fact_put_int(out, "records", (int64_t)po_map_count(events->reports));
    po_json_out_object_end(out);
    return po_rc_ok();
}

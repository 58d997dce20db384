/*
 * Fact machine.processes: secrets in arguments, programs run from unusual places.
 *
 * Only processes that we may read are judged; how many those are is part of the fact.
 */
#include "fact_priv.h"

#include "core/sys.h"
#include "scan_priv.h"

#include <inttypes.h>

#define PROCESSES_MAX 20000
#define CMDLINE_BYTES_MAX ((size_t)64 << 10)
#define ROWS_MAX 100

struct process_row {
    int64_t pid;
    int64_t uid;
    const char *what;
};
struct process_list {
    struct process_row rows[ROWS_MAX];
    size_t count;
    uint64_t total;
};
struct process_facts {
    uint64_t processes;
    uint64_t readable;
    struct process_list secrets;
    struct process_list strays;
};

static void add_row(struct process_list *list, int64_t pid, int64_t uid, const char *what)
{
    list->total++;
    if (list->count < ROWS_MAX) list->rows[list->count++] = (struct process_row){pid, uid, what};
}

/* Programs come from these; anything else is named by the kind of place only. */
static const char *const program_dirs[] = {"/usr/",   "/bin/", "/sbin/", "/lib/",
                                           "/lib64/", "/opt/", "/snap/"};

static const char *stray_place(po_str exe)
{
    if (po_str_ends(exe, PO_LIT(" (deleted)"))) return "deleted";
    for (size_t i = 0; i < sizeof program_dirs / sizeof *program_dirs; i++)
        if (po_str_starts(exe, po_str_of(program_dirs[i]))) return NULL;
    if (po_str_starts(exe, PO_LIT("/tmp/")) || po_str_starts(exe, PO_LIT("/var/tmp/")) ||
        po_str_starts(exe, PO_LIT("/dev/shm/")))
        return "temporary";
    if (po_str_starts(exe, PO_LIT("/home/")) || po_str_starts(exe, PO_LIT("/root/"))) return "home";
    return "other";
}

static PO_RC look_at_exe(struct po_ctx *cx, const char *dir, struct process_row who,
                         struct process_facts *facts)
{
    const char *path = NULL;
    PO_TRY(cx, po_fact_path(cx, dir, "exe", &path));
    char target[1024];
    ssize_t len = po_sys_readlink(path, target, sizeof target);
    if (len <= 0) return po_rc_ok(); /* a kernel thread, gone, or not ours to see */
    const char *place = stray_place(po_str_n(target, (size_t)len));
    if (place != NULL) add_row(&facts->strays, who.pid, who.uid, place);
    return po_rc_ok();
}

static PO_RC look_at_arguments(struct po_ctx *cx, const char *dir, struct process_row who,
                               const struct po_scan_needles *needles, struct process_facts *facts)
{
    const char *path = NULL;
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, po_fact_path(cx, dir, "cmdline", &path));
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, CMDLINE_BYTES_MAX);
    PO_TRY(cx, po_fact_file_read_into(cx, path, &buf, &state));
    if (buf.len == 0) return po_rc_ok();
    facts->readable++;
    for (size_t i = 0; i < buf.len; i++) /* arguments end with NUL; keep "--token x" on one line */
        if (buf.ptr[i] == '\0' || buf.ptr[i] == '\n') buf.ptr[i] = ' ';
    struct po_scan scan = {.needles = needles->values, .needle_count = needles->count};
    po_scan_text(&scan, "", po_buf_str(&buf));
    scan.counts[PO_SCAN_EMAIL] = 0; /* an address in arguments is no secret of ours */
    scan.counts[PO_SCAN_CARD] = 0;
    for (size_t rule = 0; rule < PO_SCAN_RULE_COUNT; rule++)
        if (scan.counts[rule] > 0)
            add_row(&facts->secrets, who.pid, who.uid, po_scan_rule_name((enum po_scan_rule)rule));
    return po_rc_ok();
}

static PO_RC look_at_process(struct po_ctx *cx, const char *proc, po_str name,
                             const struct po_scan_needles *needles, struct process_facts *facts)
{
    uint64_t pid = 0;
    if (!po_is_ok(po_str_to_u64(name, INT32_MAX, &pid))) return po_rc_ok();
    const char *dir = po_arena_printf(cx->arena, "%s/%" PRIu64, proc, pid);
    if (dir == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, dir, &info));
    if (!info.is_dir) return po_rc_ok();
    facts->processes++;
    struct process_row who = {.pid = (int64_t)pid, .uid = (int64_t)info.uid, .what = NULL};
    PO_TRY(cx, look_at_arguments(cx, dir, who, needles, facts));
    return look_at_exe(cx, dir, who, facts);
}

static void put_rows(struct po_json_out *out, const char *key, const char *what,
                     const struct process_list *list)
{
    po_fact_put_array(out, key);
    for (size_t i = 0; i < list->count; i++) {
        po_json_out_object(out);
        po_fact_put_int(out, "pid", list->rows[i].pid);
        po_fact_put_int(out, "uid", list->rows[i].uid);
        po_fact_put_cstr(out, what, list->rows[i].what);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

PO_FACT_READER(machine_processes)
{
    struct process_facts facts = {0};
    PO_SCAN_NEEDLES_AUTO needles = {0};
    PO_TRY(cx, po_scan_needles_read(cx, &set->places, &needles));
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY_MSG(cx, po_fs_list(cx, set->places.proc, &names, &count), "listing processes");
    for (size_t i = 0; i < count && facts.processes < PROCESSES_MAX; i++)
        PO_TRY(cx, look_at_process(cx, set->places.proc, names[i], &needles, &facts));
    po_json_out_object(out);
    po_fact_put_int(out, "processes", (int64_t)facts.processes);
    po_fact_put_int(out, "readable", (int64_t)facts.readable);
    po_fact_put_int(out, "secret_hits", (int64_t)facts.secrets.total);
    put_rows(out, "secrets", "rule", &facts.secrets);
    po_fact_put_int(out, "stray_programs", (int64_t)facts.strays.total);
    put_rows(out, "strays", "place", &facts.strays);
    po_json_out_object_end(out);
    return po_rc_ok();
}

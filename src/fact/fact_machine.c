/*
 * Facts of the machine: system, clock, capacity, kernel settings. Sources are files below /proc,
 * /etc and /run, because a bare system has none of the usual tools.
 */
#include "fact_priv.h"

#include "core/sandbox.h"
#include "core/sys.h"

#define SMALL_BYTES ((size_t)4096)

static PO_RC read_trimmed(struct po_ctx *cx, const char *dir, const char *name, po_str *ret_text)
{
    const char *path = NULL;
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, po_fact_path(cx, dir, name, &path));
    PO_TRY(cx, po_fact_file_read(cx, path, SMALL_BYTES, ret_text, &state));
    *ret_text = po_str_trim(*ret_text);
    return po_rc_ok();
}

static void put_text_or_null(struct po_json_out *out, const char *key, po_str text)
{
    if (text.len == 0)
        po_fact_put_null(out, key);
    else
        po_json_out_field(out, key, text);
}

/* "12.34" as hundredths; -1 when it is no such number. */
static int64_t parse_centi(po_str text)
{
    size_t dot = po_str_find_char(text, '.', 0);
    po_str whole = dot == SIZE_MAX ? text : po_str_slice(text, 0, dot);
    uint64_t units = 0;
    if (!po_is_ok(po_str_to_u64(whole, INT64_MAX / 200, &units))) return -1;
    uint64_t hundredths = 0;
    for (size_t i = 1; i <= 2; i++) {
        char digit = dot != SIZE_MAX && dot + i < text.len ? text.ptr[dot + i] : '0';
        if (digit < '0' || digit > '9') return -1;
        hundredths = hundredths * 10 + (uint64_t)(digit - '0');
    }
    return (int64_t)(units * 100 + hundredths);
}

static po_str first_word(po_str text)
{
    po_str word = {0};
    return po_str_next_field(&text, ' ', &word) ? word : (po_str){NULL, 0};
}

/* ---- machine.system ------------------------------------------------------------------------- */

static PO_RC put_container(struct po_ctx *cx, const struct po_fact_places *places,
                           struct po_json_out *out)
{
    po_str manager = {0};
    PO_TRY(cx, read_trimmed(cx, places->run, "systemd/container", &manager));
    const char *marker = NULL;
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fact_path(cx, places->run, ".containerenv", &marker));
    PO_TRY(cx, po_fs_info(cx, marker, &info));
    if (manager.len == 0 && info.exists) manager = PO_LIT("podman");
    put_text_or_null(out, "container", manager);
    return po_rc_ok();
}

PO_FACT_READER(machine_system)
{
    const struct po_fact_places *places = &set->places;
    po_str release = {0};
    po_str kernel = {0};
    po_str boot = {0};
    po_str uptime = {0};
    PO_TRY(cx, read_trimmed(cx, places->etc, "os-release", &release));
    PO_TRY(cx, read_trimmed(cx, places->proc, "sys/kernel/osrelease", &kernel));
    PO_TRY(cx, read_trimmed(cx, places->proc, "sys/kernel/random/boot_id", &boot));
    PO_TRY(cx, read_trimmed(cx, places->proc, "uptime", &uptime));
    po_json_out_object(out);
    put_text_or_null(out, "os", po_fact_line_value(release, "ID", '='));
    put_text_or_null(out, "os_version", po_fact_line_value(release, "VERSION_ID", '='));
    put_text_or_null(out, "os_name", po_fact_line_value(release, "PRETTY_NAME", '='));
    put_text_or_null(out, "kernel", kernel);
    put_text_or_null(out, "boot_id", boot);
    int64_t up_centi = parse_centi(first_word(uptime));
    po_fact_put_opt(out, "uptime_s", up_centi < 0 ? -1 : up_centi / 100);
    PO_TRY(cx, put_container(cx, places, out));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- machine.clock -------------------------------------------------------------------------- */

PO_FACT_READER(machine_clock)
{
    struct timex state = {.modes = 0};
    int rc = set->places.clock_state == NULL ? -1 : set->places.clock_state(&state);
    bool is_readable = rc >= 0;
    bool is_synchronized = is_readable && rc != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
    int64_t offset_us = (state.status & STA_NANO) ? state.offset / 1000 : state.offset;
    const char *marker = NULL;
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fact_path(cx, set->places.run, "systemd/timesync/synchronized", &marker));
    PO_TRY(cx, po_fs_info(cx, marker, &info));
    po_json_out_object(out);
    po_fact_put_bool(out, "readable", is_readable);
    po_fact_put_bool(out, "synchronized", is_synchronized);
    po_json_out_key(out, "offset_us");
    if (is_synchronized)
        po_json_out_int(out, offset_us);
    else
        po_json_out_null(out);
    po_fact_put_opt(out, "max_error_us", is_readable ? state.maxerror : -1);
    po_fact_put_opt(out, "estimated_error_us", is_readable ? state.esterror : -1);
    po_fact_put_opt(out, "timesyncd_last_us", info.exists ? info.mtime_us : -1);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- machine.disk --------------------------------------------------------------------------- */

static PO_RC put_space(struct po_ctx *cx, struct po_json_out *out, const char *key,
                       const char *path)
{
    struct stat info = {0};
    if (path == NULL || po_sys_stat(path, &info) != 0) {
        po_fact_put_null(out, key);
        return po_rc_ok();
    }
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    PO_TRY(cx, po_fs_space(cx, path, &free_bytes, &total_bytes));
    uint64_t percent = total_bytes == 0 ? 0 : free_bytes / (total_bytes / 100 + 1);
    po_json_out_key(out, key);
    po_json_out_object(out);
    po_fact_put_int(out, "free_bytes", (int64_t)free_bytes);
    po_fact_put_int(out, "total_bytes", (int64_t)total_bytes);
    po_fact_put_int(out, "free_percent", (int64_t)(percent > 100 ? 100 : percent));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* Mounted file systems differ when their device numbers do; one disk may still hold both. */
static bool is_same_device(const char *a, const char *b)
{
    struct stat first = {0};
    struct stat second = {0};
    if (a == NULL || b == NULL) return false;
    if (po_sys_stat(a, &first) != 0 || po_sys_stat(b, &second) != 0) return false;
    return first.st_dev == second.st_dev;
}

/* Is `path` `dir` or below it, by its text? */
static bool is_below(const char *path, const char *dir)
{
    if (path == NULL || dir == NULL) return false;
    po_str inner = po_str_of(path);
    po_str outer = po_str_of(dir);
    if (!po_str_starts(inner, outer)) return false;
    return inner.len == outer.len || inner.ptr[outer.len] == '/';
}

PO_FACT_READER(machine_disk)
{
    const struct po_fact_places *places = &set->places;
    po_json_out_object(out);
    PO_TRY(cx, put_space(cx, out, "home", places->root));
    PO_TRY(cx, put_space(cx, out, "state", places->state_dir));
    po_fact_put_int(out, "free_percent_min", places->disk_free_min_percent);
    po_fact_put_bool(out, "same_file_system", is_same_device(places->root, places->state_dir));
    po_fact_put_bool(out, "state_inside_home", is_below(places->state_dir, places->root));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- machine.load --------------------------------------------------------------------------- */

/* "MemTotal:    123 kB" */
static int64_t meminfo_kb(po_str text, const char *key)
{
    uint64_t value = 0;
    po_str word = first_word(po_fact_line_value(text, key, ':'));
    if (!po_is_ok(po_str_to_u64(word, INT64_MAX, &value))) return -1;
    return (int64_t)value;
}

static int64_t count_cpus(po_str stat_text)
{
    int64_t count = 0;
    po_str line = {0};
    while (po_str_next_line(&stat_text, &line))
        if (po_str_starts(line, PO_LIT("cpu")) && line.len > 3 && line.ptr[3] >= '0' &&
            line.ptr[3] <= '9')
            count++;
    return count;
}

PO_FACT_READER(machine_load)
{
    const char *proc = set->places.proc;
    po_str meminfo = {0};
    po_str load = {0};
    po_str stat_text = {0};
    const char *path = NULL;
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    PO_TRY(cx, read_trimmed(cx, proc, "meminfo", &meminfo));
    PO_TRY(cx, read_trimmed(cx, proc, "loadavg", &load));
    PO_TRY(cx, po_fact_path(cx, proc, "stat", &path));
    PO_TRY(cx, po_fact_file_read(cx, path, PO_FACT_FILE_BYTES_MAX, &stat_text, &state));
    po_json_out_object(out);
    po_fact_put_int(out, "cpus", count_cpus(stat_text));
    po_fact_put_opt(out, "load1_centi", parse_centi(first_word(load)));
    po_fact_put_opt(out, "memory_total_kb", meminfo_kb(meminfo, "MemTotal"));
    po_fact_put_opt(out, "memory_available_kb", meminfo_kb(meminfo, "MemAvailable"));
    po_fact_put_opt(out, "swap_total_kb", meminfo_kb(meminfo, "SwapTotal"));
    po_fact_put_opt(out, "swap_free_kb", meminfo_kb(meminfo, "SwapFree"));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- machine.kernel_settings ----------------------------------------------------------------- */

/* Our baseline: a setting meets it when its value is at least `wanted`. */
static const struct {
    const char *name;
    const char *path;
    int64_t wanted;
} settings[] = {
    {"fs.protected_fifos", "sys/fs/protected_fifos", 1},
    {"fs.protected_hardlinks", "sys/fs/protected_hardlinks", 1},
    {"fs.protected_regular", "sys/fs/protected_regular", 1},
    {"fs.protected_symlinks", "sys/fs/protected_symlinks", 1},
    {"kernel.dmesg_restrict", "sys/kernel/dmesg_restrict", 1},
    {"kernel.kptr_restrict", "sys/kernel/kptr_restrict", 1},
    {"kernel.randomize_va_space", "sys/kernel/randomize_va_space", 2},
    {"kernel.unprivileged_bpf_disabled", "sys/kernel/unprivileged_bpf_disabled", 1},
    {"kernel.yama.ptrace_scope", "sys/kernel/yama/ptrace_scope", 1},
    {"net.ipv4.tcp_syncookies", "sys/net/ipv4/tcp_syncookies", 1},
};

PO_FACT_READER(machine_kernel_settings)
{
    int64_t met = 0;
    int64_t known = 0;
    po_json_out_object(out);
    po_fact_put_array(out, "settings");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        po_str text = {0};
        int64_t value = 0;
        PO_TRY(cx, read_trimmed(cx, set->places.proc, settings[i].path, &text));
        bool is_known = po_is_ok(po_str_to_i64(text, &value));
        bool is_met = is_known && value >= settings[i].wanted;
        known += is_known ? 1 : 0;
        met += is_met ? 1 : 0;
        po_json_out_object(out);
        po_fact_put_cstr(out, "name", settings[i].name);
        po_json_out_key(out, "value");
        if (is_known)
            po_json_out_int(out, value);
        else
            po_json_out_null(out);
        po_fact_put_int(out, "wanted", settings[i].wanted);
        po_fact_put_bool(out, "met", is_met);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_fact_put_int(out, "met", met);
    po_fact_put_int(out, "known", known);
    po_fact_put_int(out, "of", (int64_t)(sizeof settings / sizeof *settings));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- machine.self ---------------------------------------------------------------------------- */

/* Second word of "Uid:\t1000\t1000..." style values as a number; -1 when absent. */
static int64_t status_number(po_str text, const char *key)
{
    po_str value = po_fact_line_value(text, key, ':');
    po_str word = {0};
    uint64_t number = 0;
    if (!po_str_next_field(&value, '\t', &word)) return -1;
    if (!po_is_ok(po_str_to_u64(word, INT64_MAX, &number))) return -1;
    return (int64_t)number;
}

PO_FACT_READER(machine_sandbox)
{
    struct po_sandbox_support support = {0};
    (void)cx;
    (void)set;
    po_sandbox_support(&support);
    po_json_out_object(out);
    po_json_out_field_int(out, "landlock_abi", support.landlock_abi);
    po_fact_put_bool(out, "seccomp", support.has_seccomp);
    po_fact_put_bool(out, "full", po_sandbox_is_full(&support));
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(machine_self)
{
    po_str text = {0};
    PO_TRY(cx, read_trimmed(cx, set->places.proc, "self/status", &text));
    po_json_out_object(out);
    po_fact_put_opt(out, "uid", status_number(text, "Uid"));
    po_fact_put_bool(out, "privileged", set->places.uid == 0);
    po_fact_put_bool(out, "no_new_privileges", status_number(text, "NoNewPrivs") == 1);
    po_fact_put_bool(out, "syscall_filter", status_number(text, "Seccomp") == 2);
    put_text_or_null(out, "effective_capabilities", po_fact_line_value(text, "CapEff", ':'));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/*
 * Fact machine.packages: what dpkg's status file says is installed.
 */
#include "fact_priv.h"

#include "core/alloc.h"
#include "core/codec.h"
#include "crypto/crypto.h"

#define FIELD_BYTES_MAX 128

struct package {
    char name[FIELD_BYTES_MAX];
    char version[FIELD_BYTES_MAX];
    char architecture[FIELD_BYTES_MAX];
    bool is_installed;
    bool is_half;
};
struct package_count {
    uint64_t installed;
    uint64_t half; /* wanted or configured only in part */
    struct po_hash *hash;
};

static void keep(char out[static FIELD_BYTES_MAX], po_str value)
{
    size_t len = value.len < FIELD_BYTES_MAX - 1 ? value.len : FIELD_BYTES_MAX - 1;
    memcpy(out, value.ptr, len);
    out[len] = '\0';
}

static bool has_key(po_str line, const char *key, po_str *ret_value)
{
    po_str wanted = po_str_of(key);
    if (!po_str_starts(line, wanted)) return false;
    *ret_value = po_str_trim(po_str_slice(line, wanted.len, line.len));
    return ret_value->len > 0;
}

static void read_field(struct package *package, po_str line)
{
    po_str value = {0};
    if (has_key(line, "Package:", &value))
        keep(package->name, value);
    else if (has_key(line, "Version:", &value))
        keep(package->version, value);
    else if (has_key(line, "Architecture:", &value))
        keep(package->architecture, value);
    else if (has_key(line, "Status:", &value)) {
        package->is_installed = po_str_ends(value, PO_LIT(" installed"));
        package->is_half = po_str_find(value, PO_LIT("half-"), 0) != SIZE_MAX ||
                           po_str_ends(value, PO_LIT(" unpacked"));
    }
}

/* The digest runs over "name version architecture\n" in the file's order (dpkg sorts it). */
static PO_RC end_package(struct po_ctx *cx, struct package *package, struct package_count *count)
{
    if (package->is_half) count->half++;
    if (package->is_installed) {
        count->installed++;
        const char *parts[] = {package->name,         " ", package->version, " ",
                               package->architecture, "\n"};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            PO_TRY_LEAF(cx, po_hash_update(count->hash, po_str_of(parts[i])),
                        "digest of the package list");
    }
    *package = (struct package){0};
    return po_rc_ok();
}

static PO_RC count_packages(struct po_ctx *cx, struct po_fact_lines *lines,
                            struct package_count *count)
{
    struct package package = {0};
    bool has = true;
    while (has) {
        po_str line = {0};
        PO_TRY(cx, po_fact_lines_next(cx, lines, &line, &has));
        if (!has || line.len == 0)
            PO_TRY(cx, end_package(cx, &package, count));
        else
            read_field(&package, line);
    }
    return po_rc_ok();
}

PO_FACT_READER(machine_packages)
{
    PO_FACT_LINES_AUTO lines = {.fd = -1};
    enum po_fact_file state = PO_FACT_FILE_ABSENT;
    struct po_fs_info info = {0};
    PO_CLEANUP(po_hash_freep) struct po_hash *hash = NULL;
    PO_TRY(cx, po_hash_new(cx, &hash));
    PO_TRY_LEAF(cx, po_hash_begin(hash), "digest of the package list");
    PO_TRY(cx, po_fact_lines_open(cx, set->places.dpkg, &lines, &state));
    PO_TRY(cx, po_fs_info(cx, set->places.dpkg, &info));
    struct package_count count = {.hash = hash};
    PO_TRY(cx, count_packages(cx, &lines, &count));
    uint8_t digest[32] = {0};
    PO_TRY_LEAF(cx, po_hash_end(hash, digest), "digest of the package list");
    po_json_out_object(out);
    po_fact_put_cstr(out, "source", po_fact_file_name(state));
    po_fact_put_int(out, "installed", (int64_t)count.installed);
    po_fact_put_int(out, "half_installed", (int64_t)count.half);
    po_fact_put_digest(out, "digest", digest);
    po_fact_put_opt(out, "changed_us", info.exists ? info.mtime_us : -1);
    po_json_out_object_end(out);
    return po_rc_ok();
}

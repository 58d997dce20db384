/*
 * The scanner: lines and raw bytes of files against the rules and against known values.
 */
#include "scan_priv.h"

#include "core/alloc.h"
#include "core/sys.h"

#include <errno.h>

#define RAW_CHUNK_BYTES ((size_t)128 << 10)

static const char *const rule_names[PO_SCAN_RULE_COUNT] = {
    [PO_SCAN_PRIVATE_KEY] = "private_key",
    [PO_SCAN_CLOUD_KEY] = "cloud_key",
    [PO_SCAN_BEARER] = "bearer",
    [PO_SCAN_PASSWORD] = "password",
    [PO_SCAN_URL_PASSWORD] = "url_password",
    [PO_SCAN_EMAIL] = "email",
    [PO_SCAN_CARD] = "card",
    [PO_SCAN_KNOWN_VALUE] = "known_value",
};

const char *po_scan_rule_name(enum po_scan_rule rule)
{
    return (size_t)rule < PO_SCAN_RULE_COUNT ? rule_names[rule] : "unknown";
}

uint64_t po_scan_total(const struct po_scan *scan)
{
    uint64_t total = 0;
    for (size_t i = 0; i < PO_SCAN_RULE_COUNT; i++)
        total += scan->counts[i];
    return total;
}

static void add_hit(struct po_scan *scan, enum po_scan_rule rule, const char *subject,
                    uint64_t line)
{
    scan->counts[rule]++;
    if (scan->hit_count == PO_SCAN_HITS_MAX) return;
    scan->hits[scan->hit_count++] = (struct po_scan_hit){rule, subject, line};
}

/* At most one hit of a rule in a line: what counts is where to look, not how often. */
static void scan_line(struct po_scan *scan, const char *subject, po_str line, uint64_t number)
{
    bool is_found[PO_SCAN_RULE_COUNT] = {false};
    for (size_t i = 0; i < line.len; i++) {
        if (!po_scan_can_start(line.ptr[i])) continue;
        for (size_t rule = 0; rule < PO_SCAN_RULE_COUNT; rule++) {
            if (is_found[rule]) continue;
            if (!po_scan_rule_matches((enum po_scan_rule)rule, line, i)) continue;
            is_found[rule] = true;
            add_hit(scan, (enum po_scan_rule)rule, subject, number);
        }
    }
    for (size_t k = 0; k < scan->needle_count; k++) {
        if (po_str_find(line, scan->needles[k], 0) == SIZE_MAX) continue;
        add_hit(scan, PO_SCAN_KNOWN_VALUE, subject, number);
        break;
    }
}

void po_scan_text(struct po_scan *scan, const char *subject, po_str text)
{
    scan->texts++;
    scan->bytes += text.len;
    uint64_t number = 0;
    po_str line = {0};
    while (po_str_next_line(&text, &line))
        scan_line(scan, subject, line, ++number);
}

PO_RC po_scan_file(struct po_ctx *cx, struct po_scan *scan, const char *path, const char *subject,
                   enum po_fact_file *ret_state)
{
    PO_FACT_LINES_AUTO lines = {.fd = -1};
    PO_TRY(cx, po_fact_lines_open(cx, path, &lines, ret_state));
    if (*ret_state != PO_FACT_FILE_OK) return po_rc_ok();
    lines.splits_long_lines = true;
    uint64_t number = 0;
    uint64_t bytes = 0;
    scan->texts++;
    for (;;) {
        po_str line = {0};
        bool has = false;
        PO_TRY(cx, po_fact_lines_next(cx, &lines, &line, &has));
        if (!has) break;
        scan_line(scan, subject, line, ++number);
        bytes += line.len + 1;
        if (bytes > PO_SCAN_FILE_BYTES_MAX) {
            *ret_state = PO_FACT_FILE_CUT;
            break;
        }
    }
    scan->bytes += bytes;
    return po_rc_ok();
}

static size_t longest(const po_str *needles, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        if (needles[i].len > most) most = needles[i].len;
    return most;
}

static uint64_t count_needles(po_str bytes, size_t from, const po_str *needles, size_t count)
{
    uint64_t hits = 0;
    for (size_t i = 0; i < count; i++) {
        /* a match that ends inside the part carried over was counted before */
        size_t start = from > needles[i].len - 1 ? from - (needles[i].len - 1) : 0;
        for (size_t at = po_str_find(bytes, needles[i], start); at != SIZE_MAX;
             at = po_str_find(bytes, needles[i], at + 1))
            hits++;
    }
    return hits;
}

/* six parameters: a file, a list with its length, two results */
PO_RC po_scan_raw(struct po_ctx *cx, const char *path, const po_str *needles, size_t needle_count,
                  uint64_t *ret_hits, enum po_fact_file *ret_state)
{
    PO_FD_AUTO fd = -1;
    PO_TRY(cx, po_fact_file_open(cx, path, &fd, ret_state));
    if (*ret_state != PO_FACT_FILE_OK) return po_rc_ok();
    size_t carry_max = longest(needles, needle_count);
    if (carry_max == 0 || carry_max > PO_SCAN_TOKEN_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "values to look for have 1 to %d bytes",
                       PO_SCAN_TOKEN_BYTES_MAX);
    PO_CLEANUP(po_freep) char *chunk = po_calloc(1, RAW_CHUNK_BYTES + PO_SCAN_TOKEN_BYTES_MAX);
    if (chunk == NULL) return PO_FAIL(cx, PO_NOMEM, "scanning '%s'", path);
    size_t carried = 0;
    for (;;) {
        ssize_t got = po_sys_read(fd, chunk + carried, RAW_CHUNK_BYTES);
        if (got < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "reading '%s'", path);
        if (got == 0) return po_rc_ok();
        size_t have = carried + (size_t)got;
        *ret_hits += count_needles(po_str_n(chunk, have), carried, needles, needle_count);
        size_t keep = have < carry_max - 1 ? have : carry_max - 1;
        memmove(chunk, chunk + have - keep, keep);
        carried = keep;
    }
}

void po_scan_put(struct po_json_out *out, const struct po_scan *scan)
{
    po_fact_put_int(out, "texts", (int64_t)scan->texts);
    po_fact_put_int(out, "bytes", (int64_t)scan->bytes);
    po_fact_put_int(out, "hits", (int64_t)po_scan_total(scan));
    po_json_out_key(out, "by_rule");
    po_json_out_object(out);
    for (size_t i = 0; i < PO_SCAN_RULE_COUNT; i++)
        po_fact_put_int(out, rule_names[i], (int64_t)scan->counts[i]);
    po_json_out_object_end(out);
    po_fact_put_array(out, "found");
    for (size_t i = 0; i < scan->hit_count; i++) {
        po_json_out_object(out);
        po_fact_put_cstr(out, "rule", rule_names[scan->hits[i].rule]);
        po_fact_put_cstr(out, "subject", scan->hits[i].subject);
        po_fact_put_int(out, "line", (int64_t)scan->hits[i].line);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

/*
 * The workload: see ledger_load.h. A broken promise is noted, not failed: mutation runs want it.
 */
#include "power/ledger_load.h"

#include "core/fault.h"
#include "core/sys.h"

#include <stdarg.h>

#ifdef PO_FAULTS

#define BATCH 70
#define EVENTS_MAX 70

static void lost(struct ledger_load *load, const char *fmt, ...) PO_PRINTF(2, 3);
static void lost(struct ledger_load *load, const char *fmt, ...)
{
    va_list args;
    if (load->lost[0] != '\0') return;
    va_start(args, fmt);
    (void)vsnprintf(load->lost, sizeof load->lost, fmt, args);
    va_end(args);
}

static bool fine(struct ledger_load *load, struct po_ctx *cx, po_rc rc, const char *doing)
{
    if (!po_is_ok(rc)) lost(load, "%s: %s", doing, po_err_msg(cx));
    return load->lost[0] == '\0';
}

void ledger_load_prepare(const char *root)
{
    check_that(mkdir(fix_path(root, "home"), 0700) == 0);
    check_that(mkdir(fix_path(root, "state"), 0700) == 0);
}

static void fix_setup(struct po_ctx *cx, struct fix *fix, const char *root)
{
    fix_init_at(cx, fix, root);
    (void)snprintf(fix->dir, sizeof fix->dir, "%s/home/ledger", root);
    (void)snprintf(fix->state, sizeof fix->state, "%s/state/signed", root);
}

/* ---- what was promised ------------------------------------------------------------------------ */

static void see(struct ledger_load *load, const struct po_checkpoint *checkpoint)
{
    for (size_t i = 0; i < load->seen_count; i++) {
        if (load->seen[i].size != checkpoint->size) continue;
        if (!po_digest_eq(load->seen[i].root, checkpoint->root))
            lost(load, "two checkpoints of size %lu differ", checkpoint->size);
        return;
    }
    if (load->seen_count < LOAD_CHECKPOINTS_MAX) load->seen[load->seen_count++] = *checkpoint;
}

/* Read past core/sys: a look from outside. */
static bool read_checkpoint(const char *root, struct po_checkpoint *checkpoint)
{
    char note[4096];
    int fd = open(fix_path(root, "home/ledger/checkpoint"), O_RDONLY);
    if (fd < 0) return false;
    ssize_t len = read(fd, note, sizeof note);
    (void)close(fd);
    return len > 0 && po_is_ok(po_checkpoint_parse(po_str_n(note, (size_t)len), checkpoint));
}

void ledger_load_see(struct ledger_load *load, const char *root)
{
    struct po_checkpoint checkpoint;
    if (read_checkpoint(root, &checkpoint)) see(load, &checkpoint);
}

static bool leaf_at(struct po_ctx *cx, struct fix *fix, uint64_t index, uint8_t *hash)
{
    uint8_t record[PO_RECORD_BYTES];
    return po_is_ok(po_ledger_record_bytes_at(cx, fix->ledger, index, record)) &&
           po_is_ok(po_leaf_hash(po_str_n(record, sizeof record), hash));
}

static void check_leaves(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    uint8_t hash[32];
    if (po_ledger_size(fix->ledger) < load->leaves)
        lost(load, "%lu leaves were acknowledged, %lu are there", load->leaves,
             po_ledger_size(fix->ledger));
    for (uint64_t i = 0; i < load->leaves && load->lost[0] == '\0'; i++)
        if (!leaf_at(cx, fix, i, hash) || !po_digest_eq(hash, load->leaf[i]))
            lost(load, "leaf %lu is another one", i);
}

/* Everything in the ledger now counts as acknowledged. */
static void acknowledge(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    uint64_t size = po_ledger_size(fix->ledger);
    for (uint64_t i = load->leaves; i < size && i < LOAD_LEAVES_MAX; i++)
        if (!leaf_at(cx, fix, i, load->leaf[i])) lost(load, "leaf %lu cannot be read", i);
    if (size <= LOAD_LEAVES_MAX) load->leaves = size;
}

/* ---- one life --------------------------------------------------------------------------------- */

/*
 * From here on callers do not count for a sync's site: recovery after a kill within a life and at the
 * start of one are the same code, and only within a life does the disk lag behind the files.
 */
static bool start(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    po_fault_stack_base(__builtin_frame_address(0));
    fix_close(fix);
    if (!fine(load, cx, po_ledger_open(cx, &fix->options, &fix->ledger), "opening")) return false;
    const char *reason = po_ledger_read_only_reason(fix->ledger);
    if (reason != NULL) lost(load, "read-only: %s", reason);
    check_leaves(load, cx, fix);
    if (load->lost[0] != '\0') return false;
    acknowledge(load, cx, fix);
    /* Opening publishes what was signed. */
    if (fix->ledger->has_checkpoint) load->published = fix->ledger->checkpoint.size;
    return true;
}

static size_t make_events(struct po_ctx *cx, struct fix *fix, struct po_sealed *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_ok(cx, fix_try_event(cx, fix, i, &items[i]));
    return count;
}

static bool append(struct ledger_load *load, struct po_ctx *cx, struct fix *fix, size_t count)
{
    struct po_sealed items[EVENTS_MAX];
    (void)make_events(cx, fix, items, count);
    po_fault_stack_base(__builtin_frame_address(0));
    po_rc rc = po_ledger_append(cx, fix->ledger, items, count, NULL);
    if (!fine(load, cx, rc, "appending")) return false;
    acknowledge(load, cx, fix);
    return true;
}

static bool checkpoint(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    struct po_checkpoint made;
    po_fault_stack_base(__builtin_frame_address(0));
    po_rc rc = po_ledger_checkpoint(cx, fix->ledger, &made);
    if (!fine(load, cx, rc, "signing")) return false;
    see(load, &made);
    load->published = made.size;
    return true;
}

/* Killed between writing and syncing. */
static bool killed_while_appending(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    struct po_sealed items[3];
    struct po_ledger_batch batch = {.items = items, .count = make_events(cx, fix, items, 3)};
    po_buf_init(&batch.records, sizeof items * PO_RECORD_BYTES);
    check_ok(cx, po_ledger_batch_prepare(cx, fix->ledger, &batch));
    po_fault_stack_base(__builtin_frame_address(0));
    po_rc rc = po_ledger_batch_write(cx, fix->ledger, &batch);
    po_ledger_batch_done(&batch);
    return fine(load, cx, rc, "writing") && start(load, cx, fix);
}

/* Killed with a torn batch: bytes behind the end that are no record. */
static bool killed_torn(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    char torn[1500];
    struct po_segment *segment = &fix->ledger->seg;
    memset(torn, 0xaa, sizeof torn);
    po_fault_stack_base(__builtin_frame_address(0));
    check_ok(cx, po_ledger_marker_set(cx, fix->ledger, true));
    check_ok(cx, po_fs_pwrite_all(cx, segment->pay_fd, po_str_n(torn, sizeof torn),
                                  (off_t)segment->pay_end));
    check_ok(cx, po_fs_pwrite_all(cx, segment->rec_fd, po_str_n(torn, sizeof torn),
                                  (off_t)(segment->leaves * PO_RECORD_BYTES)));
    return start(load, cx, fix);
}

static bool live(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    /* Killed at the very first append: the files' names are not on disk yet. */
    if (po_ledger_size(fix->ledger) == 0 && !killed_while_appending(load, cx, fix)) return false;
    for (int i = 0; i < 4; i++) {
        if (!append(load, cx, fix, BATCH)) return false;
        if (i % 2 == 1 && !checkpoint(load, cx, fix)) return false;
    }
    return killed_while_appending(load, cx, fix) && checkpoint(load, cx, fix) &&
           killed_torn(load, cx, fix) && checkpoint(load, cx, fix) && append(load, cx, fix, 2) &&
           checkpoint(load, cx, fix);
}

void ledger_load_run(struct ledger_load *load, const char *root)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_setup(cx, &fix, root);
    if (!load->is_created) {
        if (!fine(load, cx, po_ledger_create(cx, &fix.options), "creating")) return;
        load->is_created = true;
    }
    if (start(load, cx, &fix)) (void)live(load, cx, &fix);
}

/* ---- the look afterwards ---------------------------------------------------------------------- */

static void check_seen(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    for (size_t i = 0; i < load->seen_count && load->lost[0] == '\0'; i++) {
        uint8_t root[32];
        po_rc rc = po_ledger_root_at(cx, fix->ledger, load->seen[i].size, root);
        if (!fine(load, cx, rc, "root of a seen checkpoint")) return;
        if (!po_digest_eq(root, load->seen[i].root))
            lost(load, "the checkpoint of size %lu is no prefix", load->seen[i].size);
    }
}

static void check_verify(struct ledger_load *load, struct po_ctx *cx, struct fix *fix)
{
    struct po_ledger_verification found = {0};
    po_rc rc = po_ledger_verify(cx, fix->ledger, NULL, &found);
    if (!fine(load, cx, rc, "verifying")) return;
    if (!found.is_ok) lost(load, "verify: '%s': %s", found.findings[0].file, found.findings[0].why);
}

bool ledger_load_is_whole(struct ledger_load *load, const char *root)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    struct po_checkpoint on_disk = {0};
    if (load->lost[0] != '\0') return false;
    fix_setup(cx, &fix, root);
    (void)read_checkpoint(root, &on_disk);
    if (on_disk.size < load->published)
        lost(load, "checkpoint %lu was published, %lu is there", load->published, on_disk.size);
    ledger_load_see(load, root);
    if (!load->is_created && !fine(load, cx, po_ledger_create(cx, &fix.options), "creating"))
        return false;
    load->is_created = true;
    if (!start(load, cx, &fix)) return false;
    check_seen(load, cx, &fix);
    check_verify(load, cx, &fix);
    bool goes_on = load->lost[0] == '\0' && append(load, cx, &fix, 1) && checkpoint(load, cx, &fix);
    if (goes_on) check_verify(load, cx, &fix);
    return load->lost[0] == '\0';
}

#endif

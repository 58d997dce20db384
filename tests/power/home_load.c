/*
 * The workload on a home: see home_load.h. A broken promise is noted, not failed: mutation runs want
 * it.
 */
#include "power/home_load.h"

#include "core/codec.h"
#include "core/fs.h"
#include "core/random.h"
#include "crypto/crypto.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PO_FAULTS

#define BATCH_MAX 6
#define RANDOM_STEPS 5
#define ID_AT 2 /* of a sealed payload: docs/spec/ledger.md 2 */

struct life {
    struct home_load *load;
    struct po_ctx *cx;
    struct po_home *home;
    const char *root;
    uint64_t random;
};

static void lost(struct home_load *load, const char *fmt, ...) PO_PRINTF(2, 3);
static void lost(struct home_load *load, const char *fmt, ...)
{
    va_list args;
    if (load->lost[0] != '\0') return;
    va_start(args, fmt);
    (void)vsnprintf(load->lost, sizeof load->lost, fmt, args);
    va_end(args);
}

static bool fine(struct life *life, po_rc rc, const char *doing)
{
    if (!po_is_ok(rc)) lost(life->load, "%s: %s", doing, po_err_msg(life->cx));
    return life->load->lost[0] == '\0';
}

static uint64_t draw(struct life *life, uint64_t below)
{
    uint64_t z = (life->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    return (z ^ (z >> 31)) % below;
}

static const char *path_of(const char *root, const char *name)
{
    static char paths[4][600];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

/* ---- promises --------------------------------------------------------------------------------- */

/* Noted before the attempt: what was not acknowledged may be there or not. */
static struct home_promise *promise(struct life *life)
{
    struct home_load *load = life->load;
    static struct home_promise beyond;
    if (load->promise_count == HOME_PROMISES_MAX) {
        lost(load, "too many promises");
        return &beyond;
    }
    struct home_promise *next = &load->promises[load->promise_count++];
    memset(next, 0, sizeof *next);
    next->group = load->group;
    (void)fine(life, po_uuid7(po_ctx_now_us(life->cx), next->id), "drawing an id");
    return next;
}

static void acknowledge(struct home_load *load)
{
    for (size_t i = 0; i < load->promise_count; i++)
        if (load->promises[i].group == load->group) load->promises[i].is_acknowledged = true;
    load->group++;
}

static struct po_event event_of(const struct home_promise *made, enum po_event_type type)
{
    struct po_event event = {.type = type,
                             .resource = PO_LIT("figure:one"),
                             .action = PO_LIT("set"),
                             .result = PO_EVENT_SUCCESS};
    memcpy(event.event_id, made->id, sizeof event.event_id);
    return event;
}

/* ---- checking them ---------------------------------------------------------------------------- */

/* How often the ledger holds each promise. */
static bool count_in_ledger(struct life *life, unsigned *counts)
{
    struct po_ledger *ledger = po_home_ledger(life->home);
    struct home_load *load = life->load;
    PO_BUF_AUTO payload;
    po_buf_init(&payload, PO_PAYLOAD_BYTES_MAX);
    for (uint64_t leaf = 0; leaf < po_ledger_size(ledger); leaf++) {
        po_rc rc = po_ledger_payload_at(life->cx, ledger, leaf, &payload);
        if (!fine(life, rc, "reading a leaf")) return false;
        for (size_t i = 0; i < load->promise_count; i++)
            counts[i] += payload.len > ID_AT + 16 &&
                         memcmp(payload.ptr + ID_AT, load->promises[i].id, 16) == 0;
    }
    return true;
}

static bool count_in_register(struct life *life, unsigned *counts)
{
    struct po_store_register_entry *rows = NULL;
    size_t row_count = 0;
    struct home_load *load = life->load;
    po_rc rc = po_store_register_list(life->cx, po_home_store(life->home), true, &rows, &row_count);
    if (!fine(life, rc, "listing the register")) return false;
    for (size_t row = 0; row < row_count; row++)
        for (size_t i = 0; i < load->promise_count; i++) {
            char hex[33];
            po_hex_encode(load->promises[i].id, 16, hex);
            counts[i] += po_str_eq_cstr(rows[row].value, hex);
        }
    return true;
}

static void check_promise(struct home_load *load, size_t i, const unsigned *leaves,
                          const unsigned *rows)
{
    const struct home_promise *made = &load->promises[i];
    if (leaves[i] > 1) lost(load, "event %zu is in the ledger %u times", i, leaves[i]);
    if (made->is_acknowledged && leaves[i] == 0) lost(load, "event %zu is gone", i);
    if (made->is_register && rows[i] != leaves[i])
        lost(load, "figure %zu: %u rows, %u events", i, rows[i], leaves[i]);
    if (i > 0 && load->promises[i - 1].group == made->group && leaves[i] != leaves[i - 1])
        lost(load, "half of transaction %u is there", made->group);
}

/* What was pending is in the ledger when a home is open. */
static bool check_promises(struct life *life)
{
    static unsigned leaves[HOME_PROMISES_MAX];
    static unsigned rows[HOME_PROMISES_MAX];
    memset(leaves, 0, sizeof leaves);
    memset(rows, 0, sizeof rows);
    if (!count_in_ledger(life, leaves) || !count_in_register(life, rows)) return false;
    for (size_t i = 0; i < life->load->promise_count; i++)
        check_promise(life->load, i, leaves, rows);
    return life->load->lost[0] == '\0';
}

static void see(struct home_load *load, const struct po_checkpoint *checkpoint)
{
    for (size_t i = 0; i < load->seen_count; i++) {
        if (load->seen[i].size != checkpoint->size) continue;
        if (strcmp(load->seen[i].origin, checkpoint->origin) == 0 &&
            memcmp(load->seen[i].root, checkpoint->root, sizeof checkpoint->root) != 0)
            lost(load, "two checkpoints of size %lu differ", checkpoint->size);
        return;
    }
    if (load->seen_count < HOME_CHECKPOINTS_MAX) load->seen[load->seen_count++] = *checkpoint;
}

/* Past core/sys: a look from outside. Length, or 0. */
static size_t read_raw(const char *path, char *out, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t len = read(fd, out, max);
    (void)close(fd);
    return len > 0 ? (size_t)len : 0;
}

static bool read_checkpoint(const char *root, struct po_checkpoint *checkpoint)
{
    char note[4096];
    size_t len =
        read_raw(path_of(root, "here/site/home/data/ledger/checkpoint"), note, sizeof note);
    return len > 0 && po_is_ok(po_checkpoint_parse(po_str_n(note, len), checkpoint));
}

void home_load_see(struct home_load *load, const char *root)
{
    struct po_checkpoint checkpoint;
    if (read_checkpoint(root, &checkpoint)) see(load, &checkpoint);
}

/* ---- steps of a life --------------------------------------------------------------------------- */

/* What flush has put into the ledger stays there, whoever recorded it. */
static bool flush(struct life *life)
{
    if (!fine(life, po_home_flush(life->cx, life->home), "flushing")) return false;
    uint64_t size = po_ledger_size(po_home_ledger(life->home));
    if (size < life->load->flushed)
        lost(life->load, "%lu leaves were flushed, %lu are there", life->load->flushed, size);
    life->load->flushed = size;
    return life->load->lost[0] == '\0';
}

/* What recovery has published anybody may have read. */
static void note_published(struct life *life, uint64_t before)
{
    struct po_checkpoint now;
    if (read_checkpoint(life->root, &now) && now.size > before) life->load->published = now.size;
}

static bool start(struct life *life)
{
    struct home_load *load = life->load;
    char home[600];
    struct po_checkpoint before = {0};
    (void)snprintf(home, sizeof home, "%s/here/site/home", life->root);
    (void)read_checkpoint(life->root, &before);
    po_rc rc = po_rc_of(PO_EXISTS);
    if (!load->is_initialized) rc = po_home_init(life->cx, home, &life->home);
    if (rc.code == PO_EXISTS) {
        po_err_clear(life->cx);
        rc = po_home_open(life->cx, home, PO_HOME_READ_WRITE, &life->home);
    }
    if (!fine(life, rc, load->is_initialized ? "opening" : "init")) return false;
    load->is_initialized = true;
    const char *reason = po_home_read_only_reason(life->home);
    if (reason != NULL) {
        lost(load, "read-only: %s", reason);
        return false;
    }
    note_published(life, before.size);
    return flush(life) && check_promises(life);
}

static bool step_close(struct life *life)
{
    if (!fine(life, po_home_close(life->cx, &life->home), "closing")) return false;
    struct po_checkpoint made;
    if (!read_checkpoint(life->root, &made)) {
        lost(life->load, "closed without a checkpoint");
        return false;
    }
    see(life->load, &made);
    life->load->published = made.size;
    return start(life);
}

static bool step_kill(struct life *life)
{
    po_home_abandonp(&life->home);
    return start(life);
}

static bool step_events(struct life *life)
{
    struct po_event events[BATCH_MAX];
    size_t count = 1 + (size_t)draw(life, BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        events[i] = event_of(promise(life), PO_EVENT_TYPE_CONFIG_CHANGED);
    po_rc rc = po_home_record_all(life->cx, life->home, events, count);
    if (!fine(life, rc, "recording events")) return false;
    acknowledge(life->load);
    return true;
}

static po_rc set_figure(struct life *life, struct home_promise *made)
{
    struct po_ctx *cx = life->cx;
    char hex[33];
    uint64_t id = 0;
    po_hex_encode(made->id, 16, hex);
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(life->home), &tx));
    PO_TRY(cx, po_store_register_set(cx, tx, PO_LIT("figure.one"), po_str_of(hex), &id));
    struct po_event event = event_of(made, PO_EVENT_TYPE_REGISTER_CHANGED);
    return po_home_commit(cx, life->home, tx, &event);
}

static bool step_figure(struct life *life)
{
    struct home_promise *made = promise(life);
    made->is_register = true;
    if (!fine(life, set_figure(life, made), "setting a figure")) return false;
    acknowledge(life->load);
    return true;
}

static bool step_flush(struct life *life) { return flush(life); }

static bool step_checkpoint(struct life *life)
{
    struct po_checkpoint made;
    if (!fine(life, po_home_checkpoint(life->cx, life->home), "signing")) return false;
    if (!read_checkpoint(life->root, &made)) lost(life->load, "signed without a checkpoint");
    see(life->load, &made);
    life->load->published = made.size;
    return life->load->lost[0] == '\0';
}

static po_rc rotate_data(struct life *life, struct home_promise *made)
{
    struct po_ctx *cx = life->cx;
    uint32_t epoch = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(life->home), &tx));
    PO_TRY(cx, po_store_data_key_rotate(cx, tx, cx->tenant, &epoch));
    struct po_event event = event_of(made, PO_EVENT_TYPE_KEY_ROTATED);
    return po_home_commit(cx, life->home, tx, &event);
}

static bool step_data_key(struct life *life)
{
    if (!fine(life, rotate_data(life, promise(life)), "rotating the data key")) return false;
    acknowledge(life->load);
    return true;
}

static po_rc rewrap(struct po_ctx *cx, struct po_keyring *keyring, void *user)
{
    (void)keyring;
    struct life *life = user;
    uint64_t count = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(life->home), &tx));
    PO_TRY(cx, po_store_data_key_rewrap(cx, tx, &count));
    struct po_event event = event_of(promise(life), PO_EVENT_TYPE_KEY_ROTATED);
    return po_home_commit(cx, life->home, tx, &event);
}

/* At most a few: the keyring keeps no more retired keys than its limit. */
static bool step_master_key(struct life *life)
{
    struct po_keyring *keyring = po_home_keyring(life->home);
    if (life->load->master_epochs >= 2) return true;
    life->load->master_tried++;
    po_rc rc = po_keyring_rotate_master(life->cx, keyring, rewrap, life);
    if (!fine(life, rc, "rotating the master key")) return false;
    acknowledge(life->load);
    life->load->master_epochs = life->load->master_tried;
    return true;
}

/* A file of the home, bracketed as issuing a report does it. */
static bool step_report(struct life *life)
{
    struct po_ctx *cx = life->cx;
    char path[600];
    char text[32];
    struct po_intent intent = {.action = "report.write", .resource = PO_LIT("report:figures")};
    (void)snprintf(path, sizeof path, "%s/figures", po_home_path(life->home, PO_PLACE_REPORTS));
    int len = snprintf(text, sizeof text, "%06lu", ++life->load->report_tried);
    if (!fine(life, po_intent_begin(cx, life->home, &intent), "opening an intent")) return false;
    po_rc rc = po_fs_write_atomic(cx, path, po_str_n(text, (size_t)len), 0640);
    if (!fine(life, rc, "writing a report")) return false;
    life->load->report = life->load->report_tried;
    rc = po_intent_end(cx, life->home, &intent, PO_EVENT_SUCCESS, PO_LIT("{}"));
    return fine(life, rc, "closing an intent");
}

typedef bool (*life_step)(struct life *life);
static const life_step all_steps[] = {step_figure,     step_events,    step_flush,  step_events,
                                      step_checkpoint, step_data_key,  step_figure, step_kill,
                                      step_master_key, step_report,    step_close,  step_events,
                                      step_kill,       step_checkpoint};
#define ALL_STEPS (sizeof all_steps / sizeof all_steps[0])

static void live(struct life *life)
{
    uint64_t seed = life->load->seed;
    uint64_t count = seed == 0 ? ALL_STEPS : RANDOM_STEPS + draw(life, RANDOM_STEPS);
    for (uint64_t i = 0; i < count; i++)
        if (!all_steps[seed == 0 ? i : draw(life, ALL_STEPS)](life)) return;
    (void)step_close(life);
}

void home_load_prepare(const char *root)
{
    check_eq_int(mkdir(path_of(root, "here"), 0700), 0);
    check_eq_int(mkdir(path_of(root, "there"), 0700), 0);
}

void home_load_run(struct home_load *load, const char *root)
{
    TEST_CX(cx);
    (void)setenv("XDG_STATE_HOME", path_of(root, "there/state"), 1);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    struct life life = {.load = load, .cx = cx, .root = root, .random = load->seed + load->lives};
    load->lives++;
    load->group++;
    if (start(&life)) live(&life);
    po_home_abandonp(&life.home);
}

void home_load_init(struct home_load *load, const char *root)
{
    TEST_CX(cx);
    (void)setenv("XDG_STATE_HOME", path_of(root, "there/state"), 1);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    struct life life = {.load = load, .cx = cx, .root = root};
    (void)start(&life);
    po_home_abandonp(&life.home);
}

/* ---- the look afterwards ----------------------------------------------------------------------- */

/* Before anything is opened, for opening repairs. */
static void look_at_files(struct life *life)
{
    struct home_load *load = life->load;
    struct po_checkpoint on_disk = {0};
    char text[32] = {0};
    (void)read_checkpoint(life->root, &on_disk);
    if (on_disk.size < load->published)
        lost(load, "checkpoint %lu was published, %lu is there", load->published, on_disk.size);
    size_t len =
        read_raw(path_of(life->root, "here/site/home/Reports/figures"), text, sizeof text - 1);
    uint64_t number = strtoul(text, NULL, 10);
    if (len != 0 && len != 6) lost(load, "half a report is there");
    if (number < load->report || number > load->report_tried)
        lost(load, "report %lu was written, %lu is there", load->report, number);
}

/* Every directory and file of the home with its mode, also those that nothing opens. */
static void look_at_places(struct life *life)
{
    for (size_t i = 0; i < PO_PLACE_COUNT; i++) {
        const struct po_home_place_row *row = po_home_place_row((enum po_home_place)i);
        struct po_fs_info info = {0};
        const char *path = po_home_path(life->home, (enum po_home_place)i);
        if (!fine(life, po_fs_info(life->cx, path, &info), "looking")) return;
        if (!row->is_required) continue;
        if (!info.exists || info.is_dir != row->is_dir) lost(life->load, "'%s' is gone", row->path);
        if (info.mode != row->mode) lost(life->load, "'%s' has mode %o", row->path, info.mode);
    }
}

static bool is_known_name(const char *dir, po_str name)
{
    static const struct {
        const char *dir;
        const char *name;
    } known[] = {
        {"data", "instance"},
        {"data", "paulyops.db"},
        {"data", "paulyops.db-wal"},
        {"data", "ledger"},
        {"data", "lock"},
        {"config", ".env"},
        {"Reports", "figures"},
        {"config", "status_flags.json"},
        {"Backups", "archive"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(dir, known[i].dir) == 0 && po_str_eq_cstr(name, known[i].name)) return true;
    return po_str_starts(name, PO_LIT(PO_FS_TEMP_PREFIX)); /* a cut may leave one behind */
}

static void look_at_names(struct life *life)
{
    static const char *const dirs[] = {"data", "config", "Reports", "Backups", "logs", "intake"};
    for (size_t d = 0; d < sizeof dirs / sizeof dirs[0]; d++) {
        char path[600];
        po_str *names = NULL;
        size_t count = 0;
        (void)snprintf(path, sizeof path, "%s/here/site/home/%s", life->root, dirs[d]);
        if (!fine(life, po_fs_list(life->cx, path, &names, &count), "listing")) return;
        for (size_t i = 0; i < count; i++)
            if (!is_known_name(dirs[d], names[i]))
                lost(life->load, "'%s/%.*s' is left over", dirs[d], PO_STR_ARG(names[i]));
    }
}

/* An instance has its name before it has keys: an interrupted init leaves no second key directory. */
static void look_at_keys(struct life *life)
{
    po_str *names = NULL;
    size_t count = 0;
    po_rc rc = po_fs_list(life->cx, path_of(life->root, "there/state/paulyops"), &names, &count);
    if (!fine(life, rc, "listing")) return;
    if (count != 1) lost(life->load, "there are %zu key directories", count);
}

static void look_at_seen(struct life *life)
{
    struct home_load *load = life->load;
    const char *origin = po_ledger_origin_of(po_home_ledger(life->home));
    for (size_t i = 0; i < load->seen_count && load->lost[0] == '\0'; i++) {
        uint8_t root[PO_SHA256_BYTES];
        if (strcmp(load->seen[i].origin, origin) != 0) {
            lost(load, "the log has another name now");
            return;
        }
        po_rc rc =
            po_ledger_root_at(life->cx, po_home_ledger(life->home), load->seen[i].size, root);
        if (!fine(life, rc, "root of a seen checkpoint")) return;
        if (memcmp(root, load->seen[i].root, sizeof root) != 0)
            lost(load, "the checkpoint of size %lu is no prefix", load->seen[i].size);
    }
}

static bool look_deep(struct life *life)
{
    struct po_ledger_verification found = {0};
    struct po_store_check check = {0};
    po_rc rc = po_ledger_verify(life->cx, po_home_ledger(life->home), NULL, &found);
    if (!fine(life, rc, "verifying")) return false;
    if (!found.is_ok)
        lost(life->load, "verify: '%s': %s", found.findings[0].file, found.findings[0].why);
    rc = po_store_check(life->cx, po_home_store(life->home), &check);
    if (!fine(life, rc, "checking the database")) return false;
    if (check.finding_count > 0) lost(life->load, "database: %s", check.findings[0].text);
    if (check.cells_unchecked > 0) lost(life->load, "cells cannot be opened");
    bool is_under_way = life->load->master_epochs < life->load->master_tried;
    if (po_keyring_is_rotating(po_home_keyring(life->home)) && !is_under_way)
        lost(life->load, "a rotation came undone");
    return life->load->lost[0] == '\0';
}

void home_load_look(struct home_load *load, const char *root)
{
    TEST_CX(cx);
    (void)setenv("XDG_STATE_HOME", path_of(root, "there/state"), 1);
    struct life life = {.load = load, .cx = cx, .root = root};
    if (load->lost[0] != '\0') return;
    load->group++;
    look_at_files(&life);
    home_load_see(load, root);
    if (load->lost[0] == '\0' && start(&life)) {
        look_at_places(&life);
        look_at_names(&life);
        look_at_keys(&life);
        look_at_seen(&life);
        bool goes_on = look_deep(&life) && step_events(&life) && step_close(&life);
        if (goes_on) (void)look_deep(&life);
    }
    po_home_abandonp(&life.home);
}

#endif

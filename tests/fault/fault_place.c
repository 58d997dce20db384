/*
 * See fault_place.h.
 */
#include "fault/fault_place.h"

#include "core/fs.h"
#include "fault/fault_run.h"

#include <stdlib.h>
#include <string.h>

#ifdef PO_FAULTS

#define ID_AT 2 /* of a sealed payload: docs/spec/ledger.md 2 */

const char *fault_place(void)
{
    (void)setenv("XDG_STATE_HOME", fault_path("state"), 1);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    return fault_path("home");
}

void fault_make_home(void)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    if (fault_fine(cx, po_home_init(cx, fault_place(), &home), "init"))
        (void)fault_fine(cx, po_home_close(cx, &home), "closing");
}

bool fault_open(struct po_ctx *cx, struct po_home **ret_home)
{
    po_rc rc = po_home_open(cx, fault_place(), PO_HOME_READ_WRITE, ret_home);
    if (!fault_fine(cx, rc, "opening")) return false;
    const char *reason = po_home_read_only_reason(*ret_home);
    if (reason != NULL) fault_wrong("read-only: %s", reason);
    return reason == NULL;
}

void fault_count_events(struct po_ctx *cx, struct po_home *home, uint8_t (*ids)[16], size_t count,
                        unsigned *ret_counts)
{
    struct po_ledger *ledger = po_home_ledger(home);
    PO_BUF_AUTO payload;
    po_buf_init(&payload, PO_PAYLOAD_BYTES_MAX);
    if (!fault_fine(cx, po_home_flush(cx, home), "flushing")) return;
    for (uint64_t leaf = 0; leaf < po_ledger_size(ledger); leaf++) {
        po_rc rc = po_ledger_payload_at(cx, ledger, leaf, &payload);
        if (!fault_fine(cx, rc, "reading a leaf")) return;
        for (size_t i = 0; i < count; i++)
            ret_counts[i] += memcmp(payload.ptr + ID_AT, ids[i], 16) == 0;
    }
}

/* ---- assessments --------------------------------------------------------------------------------- */

struct tally {
    uint64_t runs;
    uint64_t told;
};

void fault_check_assessments(struct po_ctx *cx, struct po_home *home)
{
    struct po_ledger *ledger = po_home_ledger(home);
    uint64_t runs = 0;
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    for (uint64_t leaf = 0; leaf < po_ledger_size(ledger); leaf++) {
        struct po_record record;
        po_rc rc = po_ledger_record_at(cx, ledger, leaf, &record);
        if (!fault_fine(cx, rc, "reading a record")) return;
        runs += record.event_type == PO_EVENT_TYPE_CONTROL_TESTED;
        if (record.event_type != PO_EVENT_TYPE_ASSESSMENT_COMPLETED) continue;
        struct po_event_view event;
        rc = po_ledger_event_at(cx, ledger, leaf, &bytes, NULL);
        if (po_is_ok(rc)) rc = po_event_parse(cx, po_buf_str(&bytes), &event);
        if (!fault_fine(cx, rc, "reading an event")) return;
        const struct po_json *tested = po_json_get(po_json_get(event.json, "detail"), "tested");
        if (tested == NULL || tested->integer != (int64_t)runs)
            fault_wrong("an assessment has %lu runs, its event does not say so",
                        (unsigned long)runs);
        runs = 0;
    }
    if (runs != 0) fault_wrong("%lu runs have no assessment", (unsigned long)runs);
}

/* ---- what always holds --------------------------------------------------------------------------- */

static void check_ledger(struct po_ctx *cx, struct po_home *home)
{
    struct po_ledger_verification found = {0};
    if (!fault_fine(cx, po_home_flush(cx, home), "flushing")) return;
    po_rc rc = po_ledger_verify(cx, po_home_ledger(home), NULL, &found);
    if (!fault_fine(cx, rc, "verifying")) return;
    if (!found.is_ok)
        fault_wrong("verify: '%s': %s", found.findings[0].file, found.findings[0].why);
}

static void check_store(struct po_ctx *cx, struct po_home *home)
{
    struct po_store_check found = {0};
    uint64_t pending = 0;
    po_rc rc = po_store_check(cx, po_home_store(home), &found);
    if (!fault_fine(cx, rc, "checking the database")) return;
    if (found.finding_count > 0) fault_wrong("database: %s", found.findings[0].text);
    rc = po_store_pending_count(cx, po_home_store(home), &pending);
    if (fault_fine(cx, rc, "counting pending events") && pending > 0)
        fault_wrong("%lu events are pending", (unsigned long)pending);
}

static bool is_expected(po_str name)
{
    static const char *const names[] = {"config",
                                        "data",
                                        "Backups",
                                        "Reports",
                                        "logs",
                                        "scripts",
                                        "intake",
                                        "instance",
                                        "lock",
                                        "ledger",
                                        "archive",
                                        "paulyops.db",
                                        ".env",
                                        "paulyops.db-wal",
                                        "master.key",
                                        "signed",
                                        "tls",
                                        "ledger.key",
                                        "keyring.sealed",
                                        "status_flags.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (po_str_eq_cstr(name, names[i])) return true;
    if (po_str_starts(name, PO_LIT("Readiness_Report_"))) return true;
    if (po_str_starts(name, PO_LIT("Nightly_Update_Report_")))
        return true; /* a core's, at its time */
    /* a temp that could not be removed is known by its name */
    return strcmp(fault_call(), "unlink") == 0 && po_str_starts(name, PO_LIT(PO_FS_TEMP_PREFIX));
}

/* Where drills work when there is no memory to work in: it stays, with nothing in it. */
static void check_scratch(struct po_ctx *cx, const char *dir)
{
    po_str *names = NULL;
    size_t count = 0;
    const char *path = NULL;
    if (!fault_fine(cx, po_path_join(cx, dir, "scratch", &path), "naming the scratch place"))
        return;
    if (!fault_fine(cx, po_fs_list(cx, path, &names, &count), "listing")) return;
    if (count > 0) fault_wrong("'%s/%.*s' is left over", path, PO_STR_ARG(names[0]));
}

static void check_names(struct po_ctx *cx, const char *dir)
{
    po_str *names = NULL;
    size_t count = 0;
    if (!fault_fine(cx, po_fs_list(cx, dir, &names, &count), "listing")) return;
    for (size_t i = 0; i < count; i++)
        if (po_str_eq_cstr(names[i], "scratch"))
            check_scratch(cx, dir);
        else if (!is_expected(names[i]))
            fault_wrong("'%s/%.*s' is left over", dir, PO_STR_ARG(names[i]));
}

void fault_check_home(struct po_ctx *cx, struct po_home **home)
{
    static const enum po_home_place places[] = {
        PO_PLACE_ROOT,    PO_PLACE_CONFIG,  PO_PLACE_DATA,  PO_PLACE_BACKUPS,
        PO_PLACE_REPORTS, PO_PLACE_SCRIPTS, PO_PLACE_INTAKE};
    const char *reason = po_home_read_only_reason(*home);
    if (reason != NULL) fault_wrong("read-only: %s", reason);
    check_ledger(cx, *home);
    check_store(cx, *home);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        check_names(cx, po_home_path(*home, places[i]));
    check_names(cx, po_home_state_dir(*home));
    const struct po_event event = {.type = PO_EVENT_TYPE_CONFIG_CHANGED,
                                   .resource = PO_LIT("figure:look"),
                                   .action = PO_LIT("set"),
                                   .result = PO_EVENT_SUCCESS};
    if (!fault_fine(cx, po_home_record(cx, *home, &event), "going on")) return;
    (void)fault_fine(cx, po_home_close(cx, home), "closing");
}

#endif

/*
 * An exported pack under power cuts: once export has returned it is whole, and what bears its name is
 * whole at any moment.
 */
#include "assess/assess.h"
#include "core/fs.h"
#include "evidence/evidence.h"
#include "power/power_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef PO_FAULTS

#define ROUNDS 5

struct exported {
    bool has_returned;
    bool is_there; /* what the look found */
    char lost[300];
};

static struct test_power power;
static struct exported *exported;

static const char *below(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", power.root, name);
    return path;
}

static po_rc export_pack(struct po_ctx *cx)
{
    struct po_pack_options options = {.dir = below("pack")};
    struct po_pack_exported result;
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_home_init(cx, below("home"), &home));
    options.source.home = home;
    PO_TRY(cx, po_catalog_load_embedded(cx, &options.source.catalog));
    PO_TRY(cx, po_check_wanted(cx, NULL, options.source.catalog, &options.source.is_wanted));
    PO_TRY(cx, po_pack_export(cx, &options, &result));
    exported->has_returned = true;
    return po_home_close(cx, &home);
}

static void body(void *user)
{
    (void)user;
    TEST_CX(cx);
    (void)setenv("XDG_STATE_HOME", below("state"), 1);
    check_ok(cx, export_pack(cx));
}

static void look(void *user)
{
    (void)user;
    TEST_CX(cx);
    struct po_fs_info info = {0};
    struct po_pack_verification found = {0};
    struct po_pack_verify_options options = {.path = below("pack")};
    check_ok(cx, po_fs_info(cx, options.path, &info));
    exported->is_there = info.exists;
    if (!info.exists) return;
    po_rc rc = po_pack_verify(cx, &options, &found);
    if (!po_is_ok(rc)) {
        (void)snprintf(exported->lost, sizeof exported->lost, "%.250s", po_err_msg(cx));
    } else if (!found.is_ok) {
        (void)snprintf(exported->lost, sizeof exported->lost, "'%.100s' %.150s",
                       found.findings[0].file, found.findings[0].why);
    }
}

static bool is_whole(uint64_t cut_at, uint64_t seed)
{
    test_power_clear(&power);
    memset(exported, 0, sizeof *exported);
    (void)test_power_run(&power, cut_at, body, NULL);
    test_power_restore(&power, seed);
    uint64_t skip_site = power.skip_site;
    power.skip_site = 0;
    check_that(!test_power_run(&power, 0, look, NULL));
    power.skip_site = skip_site;
    if (exported->has_returned && !exported->is_there)
        (void)snprintf(exported->lost, sizeof exported->lost, "the pack is gone");
    return exported->lost[0] == '\0';
}

static uint64_t prepare(void)
{
    test_power_init(&power);
    exported = test_power_shared(sizeof *exported);
    check_that(is_whole(0, PO_POWER_SEED_KEEP_ALL), "%s", exported->lost);
    return power.shared->op_count;
}

TEST_TIMEOUT(home_pack__an_exported_pack_survives_cuts, 3600)
{
    uint64_t ops = prepare();
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t round = 0; round < rounds; round++) {
        /* the end, where its name changes, is what matters */
        uint64_t cut_at = round % 2 == 0 ? ops - test_random_below(60) : 1 + test_random_below(ops);
        uint64_t seed = round % 3 == 0 ? PO_POWER_SEED_LOSE_ALL : test_random_below(64);
        check_that(is_whole(cut_at, seed), "cut %lu of %lu, seed %lu: %s", cut_at, ops, seed,
                   exported->lost);
    }
}

/* The one sync of all its files. */
TEST_TIMEOUT(home_pack__without_its_sync_a_pack_is_not_whole, 600)
{
    struct test_power_site calls[256];
    bool is_met = false;
    (void)prepare();
    test_power_clear(&power);
    size_t count = test_power_sync_calls(&power, body, NULL, calls, 256);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(calls[i].call, "syncfs") != 0) continue;
        is_met = true;
        power.skip_site = calls[i].site;
        check_that(!is_whole(0, PO_POWER_SEED_LOSE_ALL), "nothing was lost without it");
        power.skip_site = 0;
    }
    check_that(is_met);
}

#endif

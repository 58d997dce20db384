/*
 * The ledger under power cuts: nothing acknowledged is lost, it verifies, no two checkpoints of one
 * size differ; and each sync is needed, for without it one of these fails.
 */
#include "power/ledger_load.h"

#ifdef PO_FAULTS

#define LIVES 3
#define ROUNDS 20
#define SITES_MAX 200
#define WINDOW 40 /* operations after a sync that is left out */
#define ROUNDS_OF_ONE 12

static struct test_power power;
static struct ledger_load *load;

static void body(void *user)
{
    (void)user;
    ledger_load_run(load, power.root);
}

static void fresh(void)
{
    test_power_clear(&power);
    ledger_load_prepare(power.root);
    memset(load, 0, sizeof *load);
}

static void prepare(void)
{
    test_power_init(&power);
    load = test_power_shared(sizeof *load);
    fresh();
}

static uint64_t count_ops(void)
{
    fresh();
    check_that(!test_power_run(&power, 0, body, NULL));
    check_that(load->lost[0] == '\0', "%s", load->lost);
    return power.shared->op_count;
}

/* One life, cut; what stood there at that moment may have been seen by anybody. */
static void one_life(uint64_t cut_at, uint64_t seed)
{
    bool was_cut = test_power_run(&power, cut_at, body, NULL);
    ledger_load_see(load, power.root);
    if (was_cut) test_power_restore(&power, seed);
}

/* @proves CC7.2 PI1.5 */
TEST_TIMEOUT(ledger_power__nothing_acknowledged_is_lost, 600)
{
    prepare();
    uint64_t ops = count_ops();
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t cut_at = 0;
        uint64_t seed = 0;
        fresh();
        for (uint64_t life = 0; life < 1 + round % LIVES; life++) {
            cut_at = 1 + test_random_below(ops);
            seed = test_random_below(64);
            one_life(cut_at, seed);
        }
        check_that(ledger_load_is_whole(load, power.root), "round %lu, cut %lu, seed %lu: %s",
                   round, cut_at, seed, load->lost);
    }
}

/* A kill keeps what was written: every moment of one life. */
TEST_TIMEOUT(ledger_power__nothing_acknowledged_is_lost_by_kills, 600)
{
    prepare();
    uint64_t ops = count_ops();
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t cut_at = 1 + test_random_below(ops);
        fresh();
        one_life(cut_at, PO_POWER_SEED_KEEP_ALL);
        check_that(ledger_load_is_whole(load, power.root), "cut %lu: %s", cut_at, load->lost);
    }
}

/* What the life that is looked at begins with: of one that was killed (0: none) nothing more is synced. */
static void begin_at(uint64_t killed_at)
{
    fresh();
    if (killed_at == 0) return;
    (void)test_power_run(&power, killed_at, body, NULL);
    ledger_load_see(load, power.root);
    test_power_kill(&power);
}

static size_t syncs_after(uint64_t killed_at, struct po_power_sync *ret_syncs)
{
    begin_at(killed_at);
    check_that(!test_power_run(&power, 0, body, NULL));
    check_that(load->lost[0] == '\0', "%s", load->lost);
    memcpy(ret_syncs, power.shared->syncs, power.shared->sync_count * sizeof *ret_syncs);
    return power.shared->sync_count;
}

/* Killed at a sync, for that is when most is missing; the next life relies on what it finds and is cut at its own. */
TEST_TIMEOUT(ledger_power__what_a_killed_life_left_is_durable_before_it_is_relied_on, 1800)
{
    static struct po_power_sync first[PO_POWER_SYNCS_MAX];
    static struct po_power_sync second[PO_POWER_SYNCS_MAX];
    prepare();
    size_t step = test_rounds(ROUNDS) >= 100 ? 1 : 9;
    size_t kills = syncs_after(0, first);
    for (size_t i = 0; i < kills; i++) {
        size_t cuts = syncs_after(first[i].op, second);
        for (size_t k = step == 1 ? 0 : test_random_below(step); k < cuts; k += step) {
            begin_at(first[i].op);
            one_life(second[k].op, PO_POWER_SEED_LOSE_ALL);
            check_that(ledger_load_is_whole(load, power.root), "killed at %lu, cut at %lu: %s",
                       first[i].op, second[k].op, load->lost);
        }
    }
}

/* ---- each sync is needed ----------------------------------------------------------------------- */

/* A sync call, and the moment a first life is killed at so that a second one comes by it (0: none). */
struct needed {
    struct test_power_site site;
    uint64_t killed_at;
};

static void add_sites(uint64_t killed_at, struct needed *sites, size_t *count)
{
    static struct test_power_site more[SITES_MAX];
    begin_at(killed_at);
    size_t found = test_power_sync_calls(&power, body, NULL, more, SITES_MAX);
    check_that(load->lost[0] == '\0', "%s", load->lost);
    for (size_t i = 0; i < found; i++) {
        size_t at = 0;
        while (at < *count && sites[at].site.site != more[i].site)
            at++;
        if (at < *count || *count >= SITES_MAX) continue;
        sites[*count].site = more[i];
        sites[(*count)++].killed_at = killed_at;
    }
}

/* Sync sites of a first life, and of second lives after kills: recovery has its own. */
static size_t collect_sites(uint64_t ops, struct needed *sites)
{
    size_t count = 0;
    add_sites(0, sites, &count);
    for (uint64_t killed_at = 1; killed_at <= ops; killed_at += 3)
        add_sites(killed_at, sites, &count);
    return count;
}

/* One life, cut at `cut_at`, on a disk chosen by `seed`; the sync at `skip_site` is left out. */
static bool is_whole_after(const struct needed *sync, uint64_t skip_site, uint64_t cut_at,
                           uint64_t seed)
{
    begin_at(sync->killed_at);
    power.skip_site = skip_site;
    (void)test_power_run(&power, cut_at, body, NULL);
    power.skip_site = 0;
    ledger_load_see(load, power.root);
    test_power_restore(&power, seed);
    return ledger_load_is_whole(load, power.root);
}

/* Lost without the sync, and not with it. */
static bool is_lost(const struct needed *sync, uint64_t cut_at, uint64_t seed)
{
    if (is_whole_after(sync, sync->site.site, cut_at, seed)) return false;
    check_that(is_whole_after(sync, 0, cut_at, seed), "killed at %lu, cut at %lu, seed %lu: %s",
               sync->killed_at, cut_at, seed, load->lost);
    return true;
}

/* Cuts soon after the sync that is left out, each with disks of every kind. */
static bool breaks_after(const struct needed *sync, uint64_t rounds)
{
    static const uint64_t seeds[] = {PO_POWER_SEED_LOSE_ALL, PO_POWER_SEED_NAMES_ONLY,
                                     PO_POWER_SEED_DATA_ONLY, PO_POWER_SEED_SIZES_ONLY};
    begin_at(sync->killed_at);
    power.skip_site = sync->site.site;
    check_that(!test_power_run(&power, 0, body, NULL));
    power.skip_site = 0;
    uint64_t ops = power.shared->op_count;
    uint64_t ends[] = {power.shared->skipped_first, power.shared->skipped_last};
    for (uint64_t round = 0; round < rounds; round++) {
        for (uint64_t i = 0; i < 2 * WINDOW; i++) {
            uint64_t cut_at = ends[i % 2] + i / 2;
            uint64_t seed = round < 4 ? seeds[round] : 5 + test_random_below(1000);
            if (is_lost(sync, cut_at > ops ? 0 : cut_at, seed)) return true;
        }
    }
    return false;
}

/* Recovery has its syncs for what some kill left: then, or at a sync of a first life. */
static bool breaks(const struct needed *sync)
{
    static struct po_power_sync first[PO_POWER_SYNCS_MAX];
    struct needed tried = *sync;
    if (breaks_after(sync, ROUNDS_OF_ONE)) return true;
    size_t count = syncs_after(0, first);
    for (size_t i = 0; i < count; i++) {
        tried.killed_at = first[i].op;
        if (breaks_after(&tried, 1)) return true;
    }
    return breaks_after(sync, 10 * ROUNDS_OF_ONE); /* a rare order of losses */
}

TEST_TIMEOUT(ledger_power__every_sync_is_needed, 3600)
{
    static struct needed sites[SITES_MAX];
    prepare();
    size_t count = collect_sites(count_ops(), sites);
    check_that(count >= 15, "%zu sites", count);
    size_t checked = test_rounds(0) > 0 ? count : 4; /* all of them with -r */
    for (size_t i = 0; i < checked; i++) {
        size_t at = checked == count ? i : test_random_below(count);
        const uint64_t *f = sites[at].site.frames;
        check_that(
            breaks(&sites[at]),
            "killed at %lu, nothing was lost without the sync at %lx %lx %lx %lx %lx %lx %lx "
            "(%zu of %zu)",
            sites[at].killed_at, f[1], f[2], f[3], f[4], f[5], f[6], f[7], at, count);
    }
}

#endif

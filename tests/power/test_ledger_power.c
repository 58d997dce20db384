/*
 * The ledger under power cuts: nothing acknowledged is lost, it verifies, no two checkpoints of one
 * size differ; and each sync is needed, for without it one of these fails.
 */
#include "power/ledger_load.h"

#ifdef PO_FAULTS

#define LIVES 3
#define ROUNDS 20
#define SITES_MAX 200
#define ATTEMPTS 400

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

/* ---- each sync is needed ----------------------------------------------------------------------- */

/* Sync sites of a first life, and of second lives after cuts: recovery has its own. */
static size_t collect_sites(uint64_t ops, uint64_t *sites)
{
    uint64_t more[SITES_MAX];
    size_t count = 0;
    for (uint64_t cut_at = 0; cut_at <= ops; cut_at += cut_at == 0 ? ops / 2 : 3) {
        fresh();
        if (cut_at > 0) one_life(cut_at, PO_POWER_SEED_KEEP_ALL);
        size_t found = test_power_sync_sites(&power, body, NULL, more, SITES_MAX);
        check_that(load->lost[0] == '\0', "%s", load->lost);
        for (size_t i = 0; i < found; i++) {
            size_t at = 0;
            while (at < count && sites[at] != more[i])
                at++;
            if (at == count && count < SITES_MAX) sites[count++] = more[i];
        }
    }
    return count;
}

static bool breaks(uint64_t site, uint64_t ops)
{
    static const uint64_t seeds[] = {PO_POWER_SEED_LOSE_ALL, PO_POWER_SEED_NAMES_ONLY,
                                     PO_POWER_SEED_DATA_ONLY, PO_POWER_SEED_SIZES_ONLY};
    bool is_broken = false;
    for (uint64_t i = 0; i < ATTEMPTS && !is_broken; i++) {
        uint64_t lives = 1 + i % 2;
        fresh();
        power.skip_site = site;
        for (uint64_t life = 0; life < lives && load->lost[0] == '\0'; life++) {
            uint64_t seed = i % 8 < 4 ? seeds[i % 4] : 5 + test_random_below(1000);
            one_life(1 + test_random_below(ops), life + 1 < lives ? PO_POWER_SEED_KEEP_ALL : seed);
        }
        power.skip_site = 0;
        is_broken = !ledger_load_is_whole(load, power.root);
    }
    return is_broken;
}

TEST_TIMEOUT(ledger_power__every_sync_is_needed, 3600)
{
    prepare();
    uint64_t sites[SITES_MAX];
    uint64_t ops = count_ops();
    size_t count = collect_sites(ops, sites);
    check_that(count >= 15, "%zu sites", count);
    size_t checked = test_rounds(0) > 0 ? count : 6; /* all of them with -r */
    for (size_t i = 0; i < checked && i < count; i++) {
        size_t at = checked == count ? i : test_random_below(count);
        check_that(breaks(sites[at], ops), "site %016lx (%zu of %zu): nothing was lost without it",
                   sites[at], at, count);
    }
}

#endif

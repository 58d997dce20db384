/*
 * A whole home under power cuts: nothing acknowledged is lost, the ledger verifies, no two checkpoints
 * of one size differ; and each sync of ours is needed, for without it one of these fails.
 */
#include "core/fault.h"
#include "power/home_load.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef PO_FAULTS

#define LIVES 3
#define ROUNDS 20
#define SITES_MAX 400
#define SITES_IN_SHORT 5
#define ATTEMPTS 4000 /* only a sync that saves from a rare order of losses needs many */
#define NEAR_OPS 16
#define KILLS_MAX 12 /* moments of a kill right after a sync */

static struct test_power power;
static struct home_load *load;

static void body(void *user)
{
    (void)user;
    home_load_run(load, power.root);
}

static void look(void *user)
{
    (void)user;
    home_load_look(load, power.root);
}

static void fresh(uint64_t seed)
{
    test_power_clear(&power);
    home_load_prepare(power.root);
    memset(load, 0, sizeof *load);
    load->seed = seed;
}

static void prepare(void)
{
    test_power_init(&power);
    load = test_power_shared(sizeof *load);
}

static uint64_t count_ops(uint64_t seed)
{
    fresh(seed);
    check_that(!test_power_run(&power, 0, body, NULL));
    check_that(load->lost[0] == '\0', "%s", load->lost);
    return power.shared->op_count;
}

/* What stands there when a life ends may have been seen by anybody. */
static void killed_life(uint64_t kill_at)
{
    (void)test_power_run(&power, kill_at, body, NULL);
    home_load_see(load, power.root);
    test_power_kill(&power);
}

static void one_life(uint64_t cut_at, uint64_t seed)
{
    killed_life(cut_at);
    test_power_restore(&power, seed); /* uncut: the power goes right after the process */
}

/* In a child too: recording makes the look's own syncs cheap. */
static bool is_whole(void)
{
    uint64_t skip_site = power.skip_site;
    power.skip_site = 0;
    if (load->lost[0] == '\0') check_that(!test_power_run(&power, 0, look, NULL));
    power.skip_site = skip_site;
    return load->lost[0] == '\0';
}

/* @proves CC7.2 PI1.5 */
TEST_TIMEOUT(home_power__nothing_acknowledged_is_lost, 3600)
{
    prepare();
    uint64_t ops = count_ops(0);
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t cut_at = 0;
        uint64_t seed = 0;
        fresh(round % 4 == 0 ? 0 : 1 + test_random_below(UINT32_MAX));
        for (uint64_t life = 0; life < 1 + round % LIVES; life++) {
            cut_at = 1 + test_random_below(ops);
            seed = test_random_below(64);
            if (round % 2 == 1) killed_life(1 + test_random_below(ops));
            one_life(cut_at, seed);
        }
        check_that(is_whole(), "round %lu, cut %lu of %lu, seed %lu: %s", round, cut_at, ops, seed,
                   load->lost);
    }
}

/* A kill keeps what was written. */
TEST_TIMEOUT(home_power__nothing_acknowledged_is_lost_by_kills, 3600)
{
    prepare();
    uint64_t ops = count_ops(0);
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t cut_at = 1 + test_random_below(ops);
        fresh(round % 4);
        one_life(cut_at, PO_POWER_SEED_KEEP_ALL);
        one_life(1 + test_random_below(ops), PO_POWER_SEED_KEEP_ALL);
        check_that(is_whole(), "cut %lu: %s", cut_at, load->lost);
    }
}

static void init_only(void *user)
{
    (void)user;
    home_load_init(load, power.root);
}

/* Cut in init, cut again in the init that finishes it. */
TEST_TIMEOUT(home_power__an_interrupted_init_is_finished_by_the_next, 3600)
{
    prepare();
    fresh(0);
    check_that(!test_power_run(&power, 0, init_only, NULL));
    check_that(load->lost[0] == '\0', "%s", load->lost);
    uint64_t ops = power.shared->op_count;
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t round = 0; round < rounds; round++) {
        /* with many rounds every moment, else some */
        uint64_t cut_at = 1 + (rounds < ops ? test_random_below(ops) : round % ops);
        uint64_t seed = test_random_below(64);
        fresh(0);
        for (uint64_t i = 0; i <= round % 3 && !load->is_initialized; i++) {
            (void)test_power_run(&power, cut_at, init_only, NULL);
            test_power_kill(&power);
            if (round % 2 == 0) test_power_restore(&power, seed);
            cut_at = 1 + test_random_below(ops);
        }
        if (round % 2 == 1) (void)test_power_run(&power, 0, init_only, NULL);
        if (round % 2 == 1) test_power_restore(&power, seed);
        check_that(is_whole(), "cut %lu of %lu, seed %lu: %s", cut_at, ops, seed, load->lost);
    }
}

/* Killed at a sync, for that is when most is missing; the next life relies on what it finds and is cut at its own. */
TEST_TIMEOUT(home_power__what_a_killed_life_left_is_durable_before_it_is_relied_on, 1800)
{
    static struct po_power_sync first[PO_POWER_SYNCS_MAX];
    prepare();
    (void)count_ops(0);
    size_t count = power.shared->sync_count;
    memcpy(first, power.shared->syncs, count * sizeof *first);
    for (uint64_t round = 0; round < 5 * test_rounds(ROUNDS); round++) {
        uint64_t kill_at = first[test_random_below(count)].op;
        fresh(0);
        killed_life(kill_at);
        check_that(!test_power_run(&power, 0, body, NULL));
        check_that(load->lost[0] == '\0', "killed at %lu: %s", kill_at, load->lost);
        uint64_t cut_at = power.shared->syncs[test_random_below(power.shared->sync_count)].op;
        fresh(0);
        killed_life(kill_at);
        one_life(cut_at, PO_POWER_SEED_LOSE_ALL);
        check_that(is_whole(), "killed at %lu, cut at %lu: %s", kill_at, cut_at, load->lost);
    }
}

/* ---- each sync is needed ----------------------------------------------------------------------- */

/*
 * A sync of ours, and the life in which it is met: the second one after a first that was cut, or a
 * first one. With PO_POWER_SITES=FILE the table is written there.
 */
struct site {
    struct test_power_site call;
    uint64_t first_cut; /* 0: met in a first life */
    uint64_t first_seed;
    uint64_t met[2];   /* the operations where that life comes to it first and last */
    uint64_t end;      /* the next sync of the same file or directory after the first; 0: none */
    bool is_of_sqlite; /* SQLite decides when: which of these are needed is not ours to say */
    bool is_tried;
    bool is_noticed;
    uint64_t attempts;
    char why[200];
};

static struct site sites[SITES_MAX];
static size_t site_count;

static void enter_life(const struct site *site)
{
    fresh(0);
    if (site->first_cut > 0) one_life(site->first_cut, site->first_seed);
}

static void add_site(const struct test_power_site *call, const struct site *met_in)
{
    for (size_t i = 0; i < site_count; i++)
        if (sites[i].call.site == call->site) return;
    check_that(site_count < SITES_MAX);
    sites[site_count] = *met_in;
    sites[site_count++].call = *call;
}

static void collect_from(const struct site *met_in)
{
    static struct test_power_site calls[SITES_MAX];
    enter_life(met_in);
    size_t count = test_power_sync_calls(&power, body, NULL, calls, SITES_MAX);
    check_that(load->lost[0] == '\0', "cut %lu, seed %lu: %s", met_in->first_cut,
               met_in->first_seed, load->lost);
    for (size_t i = 0; i < count; i++)
        add_site(&calls[i], met_in);
}

static void open_a_store(void *user)
{
    (void)user;
    TEST_CX(cx);
    struct po_store_options options = {.path = test_tmp("root/paulyops.db")};
    PO_CLEANUP(po_store_closep) struct po_store *store = NULL;
    check_ok(cx, po_store_create(cx, &options, &store));
}

/* The same innermost callers whoever commits; the store's own sync of a directory has one more. */
static bool is_same_call(const struct test_power_site *a, const struct test_power_site *b)
{
    bool is_file = strcmp(a->call, "fdatasync") == 0;
    return a->frames[1] == b->frames[1] && (is_file || a->frames[2] == b->frames[2]);
}

static void mark_sqlite(void)
{
    struct test_power_site calls[64];
    fresh(0);
    size_t count = test_power_sync_calls(&power, open_a_store, NULL, calls, 64);
    for (size_t i = 0; i < site_count; i++)
        for (size_t k = 0; k < count; k++)
            if (is_same_call(&sites[i].call, &calls[k])) sites[i].is_of_sqlite = true;
}

static uint64_t end_of_first_miss(void)
{
    const struct test_power_shared *shared = power.shared;
    size_t at = 0;
    while (at < shared->sync_count && !shared->syncs[at].is_skipped)
        at++;
    for (size_t i = at + 1; i < shared->sync_count; i++)
        if (!shared->syncs[i].is_skipped &&
            strcmp(shared->syncs[i].name, shared->syncs[at].name) == 0)
            return shared->syncs[i].op;
    return 0;
}

/* The operations where the sync is met first and last, and the number of all; false: it is not met. */
static bool meet(struct site *site, uint64_t *ret_ops)
{
    enter_life(site);
    power.skip_site = site->call.site;
    check_that(!test_power_run(&power, 0, body, NULL));
    power.skip_site = 0;
    *ret_ops = power.shared->op_count;
    site->met[0] = power.shared->skipped_first;
    site->met[1] = power.shared->skipped_last;
    site->end = end_of_first_miss();
    return power.shared->skipped_count > 0;
}

/* Of first lives, and of second lives after cuts here and there: recovery has its own. */
static void collect_sites(uint64_t ops, uint64_t step)
{
    static const uint64_t seeds[] = {PO_POWER_SEED_KEEP_ALL, PO_POWER_SEED_LOSE_ALL,
                                     PO_POWER_SEED_SIZES_ONLY};
    struct site met_in = {.first_cut = 0};
    site_count = 0;
    collect_from(&met_in);
    for (uint64_t cut_at = 1 + test_random_below(step); cut_at < ops; cut_at += step) {
        met_in.first_cut = cut_at;
        met_in.first_seed = seeds[cut_at / step % 3];
        collect_from(&met_in);
    }
    mark_sqlite();
}

/* One way of missing the sync. */
struct miss {
    uint64_t kill_at;      /* the life before is killed here; 0: it is as the site says */
    bool is_missing_there; /* the sync is left out in that life already */
    uint64_t cut_at;       /* 0: uncut, the power goes right after */
    uint64_t seed;
};

static bool is_whole_after(const struct site *site, const struct miss *miss, uint64_t skip_site)
{
    if (miss->kill_at > 0) {
        fresh(0);
        power.skip_site = miss->is_missing_there ? skip_site : 0;
        killed_life(miss->kill_at);
    } else {
        enter_life(site);
    }
    power.skip_site = skip_site;
    one_life(miss->cut_at, miss->seed);
    power.skip_site = 0;
    return is_whole();
}

/* Lost without the sync, and not with it. */
static bool is_lost_at(struct site *site, const struct miss *miss)
{
    site->attempts++;
    if (is_whole_after(site, miss, site->call.site)) return false;
    (void)snprintf(site->why, sizeof site->why, "%.190s", load->lost);
    check_that(is_whole_after(site, miss, 0), "killed at %lu, cut at %lu, seed %lu: %s",
               miss->kill_at, miss->cut_at, miss->seed, load->lost);
    return true;
}

/*
 * The next attempt without a kill: after an uncut life; at each operation soon after the first or last
 * where the sync is missing; at the last one before another sync makes up for it; and at each later
 * operation in turn, because a rename may survive that what it needs does not.
 */
static struct miss choose_miss(const struct site *site, uint64_t turn, uint64_t ops)
{
    static const uint64_t seeds[] = {PO_POWER_SEED_LOSE_ALL, PO_POWER_SEED_NAMES_ONLY,
                                     PO_POWER_SEED_SIZES_ONLY, PO_POWER_SEED_DATA_ONLY};
    uint64_t half = turn / 2;
    bool is_near = turn % 2 == 0 && half < 16 * NEAR_OPS;
    bool is_end = turn % 4 == 1 && site->end > 0;
    struct miss miss = {.seed = test_random_below(1000)};
    if (!is_end && (half % 4 == 0 || half < NEAR_OPS)) miss.seed = seeds[half / 16 % 4];
    if (turn < 4)
        miss.seed = seeds[turn];
    else if (is_near)
        miss.cut_at = site->met[half / NEAR_OPS % 2] + 1 + half % NEAR_OPS;
    else if (is_end)
        miss.cut_at = site->end;
    else
        miss.cut_at = site->met[0] + 1 + half % (ops + 1 - site->met[0]);
    return miss;
}

static bool is_lost_by_cuts(struct site *site, uint64_t ops, uint64_t attempts)
{
    for (uint64_t turn = 0; turn < attempts; turn++) {
        struct miss miss = choose_miss(site, turn, ops);
        if (is_lost_at(site, &miss)) return true;
    }
    return false;
}

/* ---- with a kill before ---- */

static bool is_met_after_kill(const struct site *site, uint64_t kill_at)
{
    fresh(0);
    killed_life(kill_at);
    power.skip_site = site->call.site;
    check_that(!test_power_run(&power, 0, body, NULL));
    power.skip_site = 0;
    return power.shared->skipped_count > 0;
}

/*
 * Killed here, the life before leaves what it wrote: now the power goes, after an uncut life, at the end of
 * the miss and at each of some moments behind it.
 */
static bool is_lost_after_kill(struct site *site, uint64_t kill_at)
{
    static const uint64_t seeds[] = {PO_POWER_SEED_LOSE_ALL, PO_POWER_SEED_SIZES_ONLY,
                                     PO_POWER_SEED_NAMES_ONLY};
    static const uint64_t later[] = {0, 0, 1, 2, 3, 5, 8, 12, 16, 20, 26, 32, 40, 50};
    struct miss miss = {.kill_at = kill_at, .is_missing_there = site->first_cut == 0};
    bool is_met = is_met_after_kill(site, kill_at);
    uint64_t last = is_met ? power.shared->skipped_last : 0;
    uint64_t end = end_of_first_miss();
    if (!is_met && !miss.is_missing_there) return false;
    for (size_t i = 0; i < 3 * sizeof later / sizeof later[0]; i++) {
        miss.cut_at = i < 3 ? 0 : i < 6 && end > 0 ? end : last + later[i / 3];
        miss.seed = seeds[i % 3];
        if (is_lost_at(site, &miss)) return true;
    }
    return false;
}

/* A first life has the sync: killed soon after it. */
static bool is_lost_by_early_kills(struct site *site, uint64_t attempts)
{
    for (uint64_t i = 0; i < KILLS_MAX && site->attempts < attempts; i++)
        if (is_lost_after_kill(site, site->met[i % 2] + 1 + i / 2)) return true;
    return false;
}

/* How far two names are the same: parts of many are drawn anew in each life. */
static size_t likeness(const char *a, const char *b)
{
    size_t same = 0;
    while (a[same] != '\0' && a[same] == b[same])
        same++;
    return a[same] == b[same] ? PO_POWER_SYNC_NAME_BYTES : same;
}

/* The file or directory that the latest run should have synced. */
static void name_of_skipped(char ret_name[static PO_POWER_SYNC_NAME_BYTES])
{
    ret_name[0] = '\0';
    for (size_t i = power.shared->sync_count; i-- > 0;)
        if (power.shared->syncs[i].is_skipped)
            memcpy(ret_name, power.shared->syncs[i].name, PO_POWER_SYNC_NAME_BYTES);
}

/*
 * Only a second life has it, to make durable what a killed one had not: the first is killed at each of its
 * own syncs, those of this file or the likest name first.
 */
static bool is_lost_by_late_kills(struct site *site, uint64_t attempts)
{
    static struct po_power_sync first[PO_POWER_SYNCS_MAX];
    char name[PO_POWER_SYNC_NAME_BYTES];
    (void)count_ops(0);
    size_t count = power.shared->sync_count;
    memcpy(first, power.shared->syncs, count * sizeof *first);
    for (size_t i = 0; i < count; i++)
        if (is_met_after_kill(site, first[i].op)) break;
    name_of_skipped(name);
    for (size_t wanted = PO_POWER_SYNC_NAME_BYTES + 1; wanted-- > 0;)
        for (size_t i = 0; i < count && site->attempts < attempts; i++) {
            if (likeness(first[i].name, name) != wanted) continue;
            if (is_lost_after_kill(site, first[i].op)) return true;
        }
    return false;
}

static bool is_lost_without(struct site *site, uint64_t attempts)
{
    uint64_t ops = 0;
    bool is_late = site->first_cut > 0 && !site->is_of_sqlite;
    site->is_tried = true;
    if (is_late && is_lost_by_late_kills(site, attempts)) return true;
    if (!meet(site, &ops)) return false;
    if (is_lost_by_cuts(site, ops, attempts / 32)) return true;
    if (!is_late && !site->is_of_sqlite && is_lost_by_early_kills(site, attempts)) return true;
    return is_lost_by_cuts(site, ops, attempts);
}

static void write_table(void)
{
    const char *path = getenv("PO_POWER_SITES");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL) return;
    for (size_t i = 0; i < site_count; i++) {
        const struct site *site = &sites[i];
        (void)fprintf(file, "%016lx\t%s\t%s\t%lu\t%s\t", site->call.site,
                      site->is_of_sqlite ? "sqlite" : "ours",
                      !site->is_tried    ? "not tried"
                      : site->is_noticed ? "needed"
                                         : "UNNOTICED",
                      site->attempts, site->why);
        for (size_t k = 0; k < PO_FAULT_FRAMES_MAX && site->call.frames[k] != 0; k++)
            (void)fprintf(file, " 0x%lx", site->call.frames[k]);
        (void)fputc('\n', file);
    }
    (void)fclose(file);
}

/* SQLite syncs more often than it must; of each call of ours that it makes one must be needed. */
static size_t count_unnoticed(void)
{
    size_t unnoticed = 0;
    for (size_t i = 0; i < site_count; i++) {
        bool is_noticed = sites[i].is_noticed || !sites[i].is_tried;
        for (size_t k = 0; k < site_count && sites[i].is_of_sqlite; k++)
            if (sites[k].is_of_sqlite && is_same_call(&sites[k].call, &sites[i].call))
                is_noticed = is_noticed || sites[k].is_noticed;
        if (!is_noticed) unnoticed++;
    }
    return unnoticed;
}

/* PO_POWER_ONLY=SITE, as in the table: that one. */
static bool is_wanted(const struct site *site)
{
    const char *only = getenv("PO_POWER_ONLY");
    return only == NULL || strtoull(only, NULL, 16) == site->call.site;
}

static void try_all(void)
{
    for (size_t i = 0; i < site_count; i++) {
        if (!is_wanted(&sites[i])) continue;
        sites[i].is_noticed =
            is_lost_without(&sites[i], sites[i].is_of_sqlite ? ATTEMPTS / 32 : ATTEMPTS);
        write_table();
    }
}

/* Some of those that a first life has. */
static void try_some(void)
{
    for (size_t tried = 0; tried < SITES_IN_SHORT; tried++) {
        struct site *site = &sites[test_random_below(site_count)];
        if (site->is_tried || site->is_of_sqlite || site->first_cut > 0) continue;
        site->is_noticed = is_lost_without(site, ATTEMPTS);
    }
}

/* With many rounds all of them. */
TEST_TIMEOUT(home_power__every_sync_is_needed, 3600)
{
    bool is_long = test_rounds(ROUNDS) >= 100;
    prepare();
    collect_sites(count_ops(0), is_long ? 9 : 97);
    check_that(site_count >= 20, "%zu sites", site_count);
    if (is_long)
        try_all();
    else
        try_some();
    check_that(count_unnoticed() == 0,
               "%zu of %zu syncs are not needed; which: PO_POWER_SITES=FILE", count_unnoticed(),
               site_count);
}

#endif

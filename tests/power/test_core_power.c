/*
 * A service's core under kills and power cuts: what it has answered is there afterwards, once and whole.
 *
 * The real role runs in the recorded child: its loop, its shared commits, the API and the commands behind
 * it. This process is everybody else.
 */
#include "power/core_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef PO_FAULTS

#define ROUNDS 20
#define LIVES 3

static struct test_power power;
static struct core_load *load;
static struct core_bench bench;

static const char *log_path(void) { return test_tmp("core.log"); }

static void make(void *user)
{
    (void)user;
    core_load_make(power.root);
}

static void core(void *user)
{
    (void)user;
    (void)core_bench_be_core(&bench, core_load_home(power.root), log_path());
}

static void look(void *user)
{
    (void)user;
    core_load_look(load, power.root);
}

static void prepare(void)
{
    static char state[600];
    test_power_init(&power);
    load = test_power_shared(sizeof *load);
    core_clock_share();
    (void)snprintf(state, sizeof state, "%s/there/state", power.root);
    (void)setenv("XDG_STATE_HOME", state, 1);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void fresh(uint64_t seed)
{
    test_power_clear(&power);
    memset(load, 0, sizeof *load);
    load->seed = seed;
    check_that(!test_power_run(&power, 0, make, NULL));
    test_power_kill(&power); /* closed, so all of it was promised */
}

typedef void (*core_life)(struct core_load *load, struct core_bench *bench, const char *root);

/* True when it was cut. The power stays on until somebody restores. */
static bool live(uint64_t cut_at, core_life life)
{
    check_that(core_bench_open(&bench));
    pid_t pid = test_power_begin(&power, cut_at, core, NULL);
    life(load, &bench, power.root);
    core_bench_close(&bench);
    bool was_cut = test_power_end(pid);
    test_power_kill(&power);
    if (!was_cut && !load->is_stopped) core_load_lost(load, "core ended and was not asked to");
    return was_cut;
}

/* The last line of core's log. */
static const char *last_said(void)
{
    static char line[600];
    char next[600];
    FILE *log = fopen(log_path(), "r");
    while (log != NULL && fgets(next, sizeof next, log) != NULL)
        memcpy(line, next, sizeof line);
    if (log != NULL) (void)fclose(log);
    return line;
}

static bool is_whole(void)
{
    if (load->lost[0] == '\0') (void)live(0, core_load_live_on);
    if (load->lost[0] == '\0') check_that(!test_power_run(&power, 0, look, NULL));
    return load->lost[0] == '\0';
}

static uint64_t count_ops(void)
{
    fresh(0);
    check_that(!live(0, core_load_live));
    uint64_t ops = power.shared->op_count;
    check_that(is_whole(), "%s", load->lost);
    return ops;
}

/* @proves CC7.2 PI1.5 */
TEST_TIMEOUT(core_power__what_was_answered_is_there, 3600)
{
    prepare();
    uint64_t ops = count_ops();
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t cut_at = 0;
        uint64_t seed = 0;
        fresh(round % 4 == 0 ? 0 : 1 + test_random_below(UINT32_MAX));
        for (uint64_t i = 0; i < 1 + round % LIVES && load->lost[0] == '\0'; i++) {
            /* killed, and the next core loses its power */
            if (round % 2 == 1) (void)live(1 + test_random_below(ops), core_load_live);
            cut_at = 1 + test_random_below(ops);
            seed = round % 3 == 0 ? PO_POWER_SEED_LOSE_ALL : test_random_below(64);
            if (load->lost[0] == '\0') (void)live(cut_at, core_load_live);
            if (round % 5 != 4) test_power_restore(&power, seed);
        }
        check_that(is_whole(), "round %lu, cut %lu of %lu, seed %lu: %s; core said: %s", round,
                   cut_at, ops, seed, load->lost, last_said());
    }
}

#endif

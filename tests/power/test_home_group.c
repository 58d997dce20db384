/*
 * Turns of a service under power cuts: the changes of one turn share a commit. A turn that was answered is
 * there whole, each turn is there whole or not at all, and no change is there without its event.
 */
#include "core/fs.h"
#include "home/home.h"
#include "power/power_run.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef PO_FAULTS

#define ROUNDS 20
#define TURNS 4
#define REQUESTS 3

struct service {
    uint64_t first_op; /* of the first turn */
    uint64_t last_op;
    unsigned answered; /* turns */
    char lost[300];
};

static struct test_power power;
static struct service *service;

static const char *below(const char *name)
{
    static char paths[2][512];
    static unsigned at;
    char *path = paths[at++ % 2];
    (void)snprintf(path, sizeof paths[0], "%s/%s", power.root, name);
    return path;
}

static po_str figure_of(unsigned turn, unsigned request)
{
    static char name[32];
    (void)snprintf(name, sizeof name, "figure.%u.%u", turn, request);
    return po_str_of(name);
}

static po_rc change(struct po_ctx *cx, struct po_home *home, po_str figure)
{
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    const struct po_event event = {.type = PO_EVENT_TYPE_REGISTER_CHANGED,
                                   .resource = figure,
                                   .action = PO_LIT("set"),
                                   .result = PO_EVENT_SUCCESS};
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_register_set(cx, tx, figure, PO_LIT("1"), &id));
    return po_home_commit(cx, home, tx, &event);
}

/* One that fails in the middle of its work: the others' changes stay. */
static po_rc change_badly(struct po_ctx *cx, struct po_home *home)
{
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    return po_store_register_set(cx, tx, PO_LIT("figure.bad"), PO_LIT("1"), &id);
}

static po_rc serve(struct po_ctx *cx)
{
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_home_init(cx, below("home"), &home));
    PO_TRY(cx, po_home_checkpoint(cx, home));
    service->first_op = po_power_op_count();
    for (unsigned turn = 0; turn < TURNS; turn++) {
        po_store_group_begin(po_home_store(home));
        for (unsigned i = 0; i < REQUESTS; i++) {
            PO_TRY(cx, change_badly(cx, home));
            PO_TRY(cx, change(cx, home, figure_of(turn, i)));
        }
        PO_TRY(cx, po_home_flush(cx, home));
        service->answered = turn + 1;
    }
    service->last_op = po_power_op_count();
    return po_home_close(cx, &home);
}

static void body(void *user)
{
    (void)user;
    TEST_CX(cx);
    (void)setenv("XDG_STATE_HOME", below("state"), 1);
    check_ok(cx, serve(cx));
}

static po_rc count_event(struct po_ctx *cx, void *user, const struct po_home_event *event,
                         bool *ret_stop)
{
    (void)cx, (void)event, (void)ret_stop;
    (*(unsigned *)user)++;
    return po_rc_ok();
}

static void look(void *user)
{
    (void)user;
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    unsigned changes = 0;
    unsigned events = 0;
    (void)setenv("XDG_STATE_HOME", below("state"), 1);
    check_ok(cx, po_home_open(cx, below("home"), PO_HOME_READ_WRITE, &home));
    check_that(po_home_read_only_reason(home) == NULL, "%s", po_home_read_only_reason(home));
    for (unsigned turn = 0; turn < TURNS; turn++) {
        unsigned there = 0;
        for (unsigned i = 0; i < REQUESTS; i++) {
            struct po_store_register_entry *entry = NULL;
            check_ok(cx,
                     po_store_register_find(cx, po_home_store(home), figure_of(turn, i), &entry));
            there += entry != NULL ? 1 : 0;
        }
        changes += there;
        bool is_whole = there == REQUESTS || (there == 0 && turn >= service->answered);
        if (!is_whole)
            (void)snprintf(service->lost, sizeof service->lost, "turn %u has %u of %u changes",
                           turn, there, REQUESTS);
    }
    const struct po_home_walk walk = {.type = PO_EVENT_TYPE_REGISTER_CHANGED,
                                      .size = po_ledger_size(po_home_ledger(home)),
                                      .visit = count_event,
                                      .user = &events};
    check_ok(cx, po_home_walk_back(cx, home, &walk));
    if (events != changes)
        (void)snprintf(service->lost, sizeof service->lost, "%u changes, %u events", changes,
                       events);
}

static void run_cut(uint64_t cut_at, uint64_t seed)
{
    test_power_clear(&power);
    memset(service, 0, sizeof *service);
    (void)test_power_run(&power, cut_at, body, NULL);
    test_power_restore(&power, seed);
    check_that(!test_power_run(&power, 0, look, NULL));
    check_that(service->lost[0] == '\0', "cut %lu, seed %lu, answered %u: %s",
               (unsigned long)cut_at, (unsigned long)seed, service->answered, service->lost);
}

/* @proves CC7.2 PI1.5 */
TEST_TIMEOUT(home_group__turns_survive_cuts_whole, 3600)
{
    test_power_init(&power);
    service = test_power_shared(sizeof *service);
    run_cut(0, PO_POWER_SEED_KEEP_ALL);
    uint64_t first = service->first_op;
    uint64_t count = service->last_op - first;
    uint64_t rounds = test_rounds(ROUNDS);
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t cut_at = first + 1 + test_random_below(count);
        run_cut(cut_at, round % 2 == 0 ? PO_POWER_SEED_LOSE_ALL : test_random_below(64));
    }
}

#endif

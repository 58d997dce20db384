/*
 * Helpers for power-cut tests.
 */
#include "power/power_run.h"

#include "lib/test_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef PO_FAULTS

#define ORPHANS_MS 5000

void *test_power_shared(size_t len)
{
    void *shared = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check_that(shared != MAP_FAILED);
    return shared;
}

void test_power_init(struct test_power *power)
{
    *power = (struct test_power){.root = test_tmp("root"), .shadow = test_tmp("shadow")};
    power->shared = test_power_shared(sizeof *power->shared);
    check_eq_int(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    check_eq_int(mkdir(power->root, 0700), 0);
    check_eq_int(mkdir(power->shadow, 0700), 0);
}

void test_power_clear(struct test_power *power)
{
    test_remove_tree(power->root);
    power->goes_on = false;
    check_eq_int(mkdir(power->root, 0700), 0);
}

/* One place that calls bodies: sites of one body are the same however it is run. */
static __attribute__((noinline)) void call_body(test_power_body body, void *user)
{
    po_fault_stack_base(__builtin_frame_address(0));
    body(user);
    po_fault_stack_base(NULL);
}

static void share_syncs(struct test_power_shared *shared)
{
    const struct po_power_sync *syncs = po_power_syncs(&shared->sync_count);
    memcpy(shared->syncs, syncs, shared->sync_count * sizeof *syncs);
    shared->skipped_count = 0;
    for (size_t i = 0; i < shared->sync_count; i++) {
        if (!syncs[i].is_skipped) continue;
        if (shared->skipped_count++ == 0) shared->skipped_first = syncs[i].op;
        shared->skipped_last = syncs[i].op;
    }
}

/* What the child does; it does not return. */
static void child(struct test_power *power, uint64_t cut_at, test_power_body body, void *user)
{
    check_ok_leaf(power->goes_on ? po_power_go_on(power->root, power->shadow, cut_at)
                                 : po_power_start(power->root, power->shadow, cut_at));
    po_power_skip_sync_site(power->skip_site);
    call_body(body, user);
    power->shared->op_count = po_power_op_count();
    share_syncs(power->shared);
    po_power_stop();
    _exit(0);
}

pid_t test_power_begin(struct test_power *power, uint64_t cut_at, test_power_body body, void *user)
{
    pid_t pid = fork();
    check_that(pid >= 0);
    if (pid == 0) child(power, cut_at, body, user);
    return pid;
}

/* What it had started ends with it, but a little later, and may write meanwhile: they are our children then. */
static void wait_for_orphans(void)
{
    for (int left_ms = ORPHANS_MS; left_ms > 0; left_ms--) {
        pid_t ended = waitpid(-1, NULL, WNOHANG);
        if (ended < 0) return; /* none is left */
        if (ended == 0) (void)usleep(1000);
    }
}

bool test_power_end(pid_t pid)
{
    int status = 0;
    check_eq_int(waitpid(pid, &status, 0), pid);
    wait_for_orphans();
    check_that(WIFEXITED(status), "the child was killed by signal %d", WTERMSIG(status));
    check_that(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == PO_POWER_EXIT,
               "the child ended with %d", WEXITSTATUS(status));
    return WEXITSTATUS(status) == PO_POWER_EXIT;
}

bool test_power_run(struct test_power *power, uint64_t cut_at, test_power_body body, void *user)
{
    return test_power_end(test_power_begin(power, cut_at, body, user));
}

void test_power_restore(struct test_power *power, uint64_t seed)
{
    check_ok_leaf(po_power_restore(power->root, power->shadow, seed));
    power->goes_on = false;
}

void test_power_kill(struct test_power *power) { power->goes_on = true; }

#define SITES_MAX 512

struct site_list {
    size_t count;
    struct test_power_site sites[SITES_MAX];
};

struct site_run {
    test_power_body body;
    void *user;
    struct site_list *list;
};

static bool is_sync(const struct po_fault_site *site)
{
    return strcmp(site->call, "fdatasync") == 0 || strcmp(site->call, "fsync") == 0 ||
           strcmp(site->call, "syncfs") == 0;
}

static void run_recorded(void *user)
{
    struct site_run *run = user;
    po_fault_record();
    call_body(run->body, run->user);
    po_fault_off();
    for (size_t i = 0; i < po_fault_site_count() && run->list->count < SITES_MAX; i++) {
        const struct po_fault_site *site = po_fault_site_at(i);
        if (!is_sync(site)) continue;
        struct test_power_site *row = &run->list->sites[run->list->count++];
        row->site = site->site;
        row->call = site->call;
        row->hit = site->first;
        memcpy(row->frames, site->frames, sizeof row->frames);
    }
}

/* Valid until the next call. */
static const struct site_list *record_syncs(struct test_power *power, test_power_body body,
                                            void *user)
{
    static struct site_list *list;
    if (list == NULL) list = test_power_shared(sizeof *list);
    list->count = 0;
    struct site_run run = {.body = body, .user = user, .list = list};
    check_that(!test_power_run(power, 0, run_recorded, &run));
    return list;
}

size_t test_power_sync_calls(struct test_power *power, test_power_body body, void *user,
                             struct test_power_site *ret_sites, size_t max)
{
    const struct site_list *list = record_syncs(power, body, user);
    check_that(list->count <= max);
    memcpy(ret_sites, list->sites, list->count * sizeof *ret_sites);
    return list->count;
}

size_t test_power_sync_sites(struct test_power *power, test_power_body body, void *user,
                             uint64_t *ret_sites, size_t max)
{
    const struct site_list *list = record_syncs(power, body, user);
    check_that(list->count <= max);
    for (size_t i = 0; i < list->count; i++)
        ret_sites[i] = list->sites[i].site;
    return list->count;
}

#endif

/*
 * Loss of power: what was acknowledged is there afterwards, whole; what was not is there or not,
 * whole. The database's own files go through core/sys, so the power-cut layer sees them.
 */
#include "core/power.h"
#include "unit/store/fixture.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef PO_FAULTS

#define COMMITS 6

struct shared {
    uint64_t op_count;
    unsigned acknowledged; /* commits that returned */
    bool is_rotated;       /* the master key's rotation returned */
    size_t seen;           /* entries that somebody has read */
};

static struct shared *shared;
static char root[256];
static char shadow[256];

static void make_dirs(void)
{
    (void)snprintf(root, sizeof root, "%s", test_tmp("root"));
    (void)snprintf(shadow, sizeof shadow, "%s", test_tmp("shadow"));
    (void)mkdir(root, 0700);
    (void)mkdir(shadow, 0700);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check_that(shared != MAP_FAILED);
}

static const char *below_root(const char *name)
{
    static char path[4][300];
    static unsigned turn;
    char *at = path[turn++ % 4];
    (void)snprintf(at, sizeof path[0], "%s/%s", root, name);
    return at;
}

static po_rc commit_one(struct po_ctx *cx, struct po_store *store, unsigned i)
{
    char key[32];
    (void)snprintf(key, sizeof key, "fact-%u", i);
    uint64_t id = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, store, &tx));
    PO_TRY(cx, po_store_register_set(cx, tx, po_str_of(key), po_str_of(key), &id));
    const struct po_store_pending event = fixture_event((uint8_t)(i + 1));
    return po_tx_commit(cx, tx, &event);
}

static po_rc rewrap(struct po_ctx *cx, struct po_keyring *keyring, void *user)
{
    (void)keyring;
    uint64_t count = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, user, &tx));
    PO_TRY(cx, po_store_data_key_rewrap(cx, tx, &count));
    const struct po_store_pending event = fixture_event(0x77);
    return po_tx_commit(cx, tx, &event);
}

static po_rc open_both(struct po_ctx *cx, struct fixture *fixture)
{
    const struct po_keyring_place place = {.dir = below_root("keys")};
    PO_TRY(cx, po_keyring_open(cx, &place, &fixture->keyring));
    const struct po_store_options options = {.path = below_root("paulyops.db"),
                                             .keyring = fixture->keyring};
    return po_store_open(cx, &options, &fixture->store);
}

static po_rc create_both(struct po_ctx *cx, struct fixture *fixture)
{
    const struct po_keyring_place place = {.dir = below_root("keys")};
    PO_TRY(cx, po_keyring_create(cx, &place, &fixture->keyring));
    const struct po_store_options options = {.path = below_root("paulyops.db"),
                                             .keyring = fixture->keyring};
    PO_TRY(cx, po_store_create(cx, &options, &fixture->store));
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_tx_begin(cx, fixture->store, &tx));
    PO_TRY(cx, po_store_tenant_create(cx, tx, PO_TENANT_DEFAULT, PO_LIT("Example")));
    const struct po_store_pending event = fixture_event(0xff);
    return po_tx_commit(cx, tx, &event);
}

/* What the child does until the power goes: commits, a close between, a rotation, more commits. */
static po_rc work(struct po_ctx *cx)
{
    FIXTURE_AUTO fixture = {0};
    PO_TRY(cx, open_both(cx, &fixture));
    for (unsigned i = 0; i < COMMITS; i++) {
        if (i == COMMITS / 2) {
            fixture_done(&fixture);
            PO_TRY(cx, open_both(cx, &fixture));
            PO_TRY(cx, po_keyring_rotate_master(cx, fixture.keyring, rewrap, fixture.store));
            shared->is_rotated = true;
        }
        PO_TRY(cx, commit_one(cx, fixture.store, i));
        shared->acknowledged = i + 1;
    }
    return po_rc_ok();
}

static void set_up(struct po_ctx *cx)
{
    FIXTURE_AUTO fixture = {0};
    (void)unlink(below_root("paulyops.db"));
    (void)unlink(below_root("paulyops.db-wal"));
    (void)unlink(below_root("keys/master.key"));
    (void)unlink(below_root("keys/master.next"));
    (void)unlink(below_root("keys/ledger.key"));
    (void)unlink(below_root("keys/keyring.sealed"));
    check_ok(cx, create_both(cx, &fixture));
}

static po_rc work_from_nothing(struct po_ctx *cx)
{
    FIXTURE_AUTO fixture = {0};
    PO_TRY(cx, create_both(cx, &fixture));
    shared->acknowledged = 1;
    return po_rc_ok();
}

typedef po_rc begin_recording(const char *from, const char *to, uint64_t cut_at);

static bool run_recorded(begin_recording *begin, uint64_t cut_at, po_rc (*body)(struct po_ctx *cx))
{
    memset(shared, 0, sizeof *shared);
    pid_t pid = fork();
    check_that(pid >= 0);
    if (pid == 0) {
        TEST_CX(cx);
        bool is_good = po_is_ok(begin(root, shadow, cut_at)) && po_is_ok(body(cx));
        shared->op_count = po_power_op_count();
        _exit(is_good ? 0 : 1);
    }
    int status = 0;
    check_eq_int(waitpid(pid, &status, 0), pid);
    check_that(WIFEXITED(status));
    check_that(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == PO_POWER_EXIT, "status %d",
               WEXITSTATUS(status));
    return WEXITSTATUS(status) == PO_POWER_EXIT;
}

/* Run `body` in a child; true when the power went at operation `cut_at`. */
static bool run_child(uint64_t cut_at, po_rc (*body)(struct po_ctx *cx))
{
    return run_recorded(po_power_start, cut_at, body);
}

static void check_after_cut(struct po_ctx *cx, uint64_t cut_at, uint64_t seed)
{
    FIXTURE_AUTO fixture = {0};
    po_rc rc = open_both(cx, &fixture);
    check_that(po_is_ok(rc), "cut at %lu, seed %lu: %s", (unsigned long)cut_at, (unsigned long)seed,
               po_err_msg(cx));
    struct po_store_check check = {0};
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_that(check.finding_count == 0, "cut at %lu, seed %lu: %s", (unsigned long)cut_at,
               (unsigned long)seed, check.findings[0].text);
    check_eq_u64(check.cells_unchecked, 0);
    struct po_store_register_entry *entries = NULL;
    struct po_store_pending *rows = NULL;
    size_t count = 0;
    size_t event_count = 0;
    check_ok(cx, po_store_register_list(cx, fixture.store, true, &entries, &count));
    check_ok(cx, po_store_pending_list(cx, fixture.store, 100, &rows, &event_count));
    check_that(count >= shared->acknowledged && count <= shared->acknowledged + 1,
               "cut at %lu, seed %lu: %zu of %u", (unsigned long)cut_at, (unsigned long)seed, count,
               shared->acknowledged);
    size_t changes = 0; /* events other than the first and the rotation's */
    for (size_t i = 0; i < event_count; i++)
        changes += rows[i].event_id[0] <= COMMITS;
    check_eq_u64(changes, count); /* state and event together */
    check_that(!shared->is_rotated || !po_keyring_is_rotating(fixture.keyring));
    check_that(po_keyring_ledger_key(fixture.keyring) != NULL);
}

TEST_TIMEOUT(store_power__keeps_what_was_acknowledged, 240)
{
    make_dirs();
    {
        TEST_CX(cx);
        set_up(cx);
    }
    check_that(!run_child(0, work));
    uint64_t ops = shared->op_count;
    check_that(ops > 50);
    uint64_t rounds = test_rounds(40);
    for (uint64_t i = 0; i < rounds; i++) {
        TEST_CX(cx);
        set_up(cx);
        uint64_t cut_at = 1 + test_random_below(ops);
        uint64_t seed = i % 4 == 0 ? test_random_below(5) : test_random_u64();
        if (!run_child(cut_at, work)) continue;
        check_ok(cx, po_power_restore(root, shadow, seed));
        check_after_cut(cx, cut_at, seed);
    }
}

static po_rc commit_some(struct po_ctx *cx)
{
    FIXTURE_AUTO fixture = {0};
    PO_TRY(cx, open_both(cx, &fixture));
    PO_TRY(cx, commit_one(cx, fixture.store, 0));
    return commit_one(cx, fixture.store, 1);
}

static size_t count_entries(struct po_ctx *cx, struct fixture *fixture)
{
    struct po_store_register_entry *entries = NULL;
    size_t count = 0;
    check_ok(cx, po_store_register_list(cx, fixture->store, true, &entries, &count));
    return count;
}

/* Whoever reads it may act on it, outside of the database; then the power goes. */
static po_rc read_and_die(struct po_ctx *cx)
{
    FIXTURE_AUTO fixture = {0};
    PO_TRY(cx, open_both(cx, &fixture));
    shared->seen = count_entries(cx, &fixture);
    _exit(PO_POWER_EXIT);
}

/* A commit that its writer did not live to sync is in the log for the next one to read. */
TEST_TIMEOUT(store_power__what_is_read_after_a_kill_is_durable, 240)
{
    make_dirs();
    {
        TEST_CX(cx);
        set_up(cx);
    }
    check_that(!run_child(0, commit_some));
    uint64_t ops = shared->op_count;
    size_t most = 0;
    for (uint64_t killed_at = 1; killed_at <= ops; killed_at++) {
        TEST_CX(cx);
        FIXTURE_AUTO fixture = {0};
        set_up(cx);
        check_that(run_child(killed_at, commit_some));
        check_that(run_recorded(po_power_go_on, 0, read_and_die));
        check_ok(cx, po_power_restore(root, shadow, PO_POWER_SEED_LOSE_ALL));
        check_ok(cx, open_both(cx, &fixture));
        size_t kept = count_entries(cx, &fixture);
        check_that(kept >= shared->seen, "killed at %lu: %zu of %zu", (unsigned long)killed_at,
                   kept, shared->seen);
        if (shared->seen > most) most = shared->seen;
    }
    check_eq_u64(most, 2);
}

static void clear_root(void)
{
    static const char *const names[] = {"paulyops.db",         "paulyops.db-wal",
                                        "paulyops.db-journal", "keys/master.key",
                                        "keys/ledger.key",     "keys/keyring.sealed"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(below_root(names[i]));
    (void)rmdir(below_root("keys"));
}

/* A second start makes a whole of what the first one left. */
static void check_second_start(struct po_ctx *cx)
{
    FIXTURE_AUTO fixture = {0};
    const struct po_keyring_place place = {.dir = below_root("keys")};
    po_rc rc = po_keyring_create(cx, &place, &fixture.keyring);
    if (rc.code == PO_EXISTS) rc = po_keyring_open(cx, &place, &fixture.keyring);
    check_ok(cx, rc);
    const struct po_store_options options = {.path = below_root("paulyops.db"),
                                             .keyring = fixture.keyring};
    rc = po_store_create(cx, &options, &fixture.store);
    if (rc.code == PO_EXISTS) rc = po_store_open(cx, &options, &fixture.store);
    check_ok(cx, rc);
    struct po_store_check check = {0};
    struct po_store_tenant *tenants = NULL;
    size_t count = 0;
    check_ok(cx, po_store_check(cx, fixture.store, &check));
    check_eq_u64(check.finding_count, 0);
    check_ok(cx, po_store_tenant_list(cx, fixture.store, &tenants, &count));
    check_that(count == 1 || shared->acknowledged == 0);
    uint64_t pending = 9;
    check_ok(cx, po_store_pending_count(cx, fixture.store, &pending));
    check_eq_u64(pending, count); /* the tenant and its event, or neither */
}

TEST_TIMEOUT(store_power__lets_an_interrupted_start_be_finished, 240)
{
    make_dirs();
    check_that(!run_child(0, work_from_nothing));
    uint64_t ops = shared->op_count;
    for (uint64_t cut_at = 1; cut_at <= ops; cut_at++) {
        TEST_CX(cx);
        clear_root();
        check_that(run_child(cut_at, work_from_nothing));
        check_ok(cx, po_power_restore(root, shadow, cut_at % 3 == 0 ? cut_at % 5 : cut_at + 5));
        check_second_start(cx);
    }
}

#endif

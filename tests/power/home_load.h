/*
 * A workload on a whole home for power-cut tests, and the look afterwards.
 *
 * Run it in a child under recording, as often as one likes on the same disk: it makes the home or opens
 * what is there, changes things, closes and is killed in between, and notes in shared memory what it
 * was told is durable. Keys and signing state stand outside the home and below the same root.
 * The store's files go through core/sys by the product's own SQLite layer: nothing is replaced here.
 */
#ifndef PO_TESTS_HOME_LOAD_H
#define PO_TESTS_HOME_LOAD_H

#include "home/home.h"
#include "power/power_run.h"

#define HOME_PROMISES_MAX 4096
#define HOME_CHECKPOINTS_MAX 512

/* An event that was to be committed; `group` is its transaction: all of it or nothing. */
struct home_promise {
    uint8_t id[16];
    uint32_t group;
    bool is_register; /* a figure of the register has the id as its value */
    bool is_acknowledged;
};

/* In memory from test_power_shared. */
struct home_load {
    uint64_t seed; /* which steps a life takes; 0: each of them once */
    uint64_t lives;
    bool is_initialized; /* init returned */
    uint64_t flushed;    /* leaves that a flush has put into the ledger */
    size_t promise_count;
    struct home_promise promises[HOME_PROMISES_MAX];
    uint32_t group;
    uint64_t report;        /* number in the newest acknowledged report file */
    uint64_t report_tried;  /* and in the newest that was begun */
    uint64_t master_epochs; /* rotations of the master key that returned */
    uint64_t master_tried;  /* and those begun */
    uint64_t published;     /* size of the newest acknowledged checkpoint */
    size_t seen_count;      /* checkpoints anybody has seen */
    struct po_checkpoint seen[HOME_CHECKPOINTS_MAX];
    char lost[512]; /* "" or what was found broken */
};

/* Before the first life. Home and keys have parents of their own: a sync of one brings not the other. */
void home_load_prepare(const char *root);
/* One process's life below `root`: here/site/home/, there/state/. */
void home_load_run(struct home_load *load, const char *root);
/* Init alone, or the init that finishes it. */
void home_load_init(struct home_load *load, const char *root);
/* Remember the checkpoint file as it stands there, if it is whole. */
void home_load_see(struct home_load *load, const char *root);
/* After a cut: is everything there, does it verify, does it go on? Else `lost` says what not. */
void home_load_look(struct home_load *load, const char *root);

#endif

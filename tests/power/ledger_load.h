/*
 * A workload on a ledger for power-cut tests, and the look afterwards.
 *
 * Run it in a child under recording, as often as one likes on the same disk: it makes the ledger or
 * opens what is there, appends, checkpoints, is killed and restarted in between, and notes in shared
 * memory what it was told is durable.
 */
#ifndef PO_TESTS_LEDGER_LOAD_H
#define PO_TESTS_LEDGER_LOAD_H

#include "power/power_run.h"
#include "unit/ledger/fixture.h"

#define LOAD_LEAVES_MAX 8192
#define LOAD_CHECKPOINTS_MAX 512

/* In memory from test_power_shared. */
struct ledger_load {
    bool is_created;
    uint64_t leaves; /* acknowledged */
    uint8_t leaf[LOAD_LEAVES_MAX][32];
    uint64_t published; /* size of the newest acknowledged checkpoint */
    size_t seen_count;  /* checkpoints anybody has seen */
    struct po_checkpoint seen[LOAD_CHECKPOINTS_MAX];
    char lost[512]; /* "" or what was found broken */
};

/* Below `root`: home/ledger, state/signed. */
void ledger_load_prepare(const char *root);
/* One process's life. */
void ledger_load_run(struct ledger_load *load, const char *root);
/* Remember the checkpoint file as it stands there, if it is whole. */
void ledger_load_see(struct ledger_load *load, const char *root);
/* After a cut: is everything there, does it verify, does it go on? Else `lost` says what not. */
bool ledger_load_is_whole(struct ledger_load *load, const char *root);

#endif

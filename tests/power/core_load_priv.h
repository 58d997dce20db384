/*
 * Between the files of the workload on a core.
 */
#ifndef PO_TESTS_POWER_CORE_LOAD_PRIV_H
#define PO_TESTS_POWER_CORE_LOAD_PRIV_H

#include "power/core_load.h"

struct core_life {
    struct core_load *load;
    struct core_bench *bench;
    const char *root;
    uint64_t random;
};

/* A promise, and where its answer comes. */
struct core_asked {
    struct core_promise *promise;
    struct core_answer *answer;
};

/* The newest session's cookie; NULL: none. */
const char *core_life_cookie(const struct core_life *life);
struct core_asked core_life_ask(struct core_life *life, enum core_kind kind, bool has_key);
/* Wait, and note what was answered; false: core has gone, or something is wrong. */
bool core_life_settle(struct core_life *life, const struct core_asked *asked, size_t count);
/* A problem that a failed call excuses. */
bool core_life_is_problem(struct core_load *load, const struct core_answer *answer);
bool core_life_sign_in(struct core_life *life);
bool core_life_local(struct core_life *life);
bool core_life_wait(struct core_life *life);
bool core_life_reload(struct core_life *life);
bool core_life_repeat(struct core_life *life, struct core_promise *made);
bool core_life_stop(struct core_life *life);
void core_life_end(struct core_life *life);

#endif

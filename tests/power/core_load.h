/*
 * A workload on a core for power-cut tests, and the look afterwards.
 *
 * The core runs in a recorded child, the world in the test's process (core_bench.h): what an answer has
 * acknowledged is noted here when it has come, so a promise is what a client holds in its hands. Home and
 * keys stand below the root as home_load.h says.
 */
#ifndef PO_TESTS_POWER_CORE_LOAD_H
#define PO_TESTS_POWER_CORE_LOAD_H

#include "home/home.h"
#include "power/core_bench.h"
#include "power/power_run.h"

#define CORE_PROMISES_MAX 1024
#define CORE_SEEN_MAX 256
#define CORE_SESSIONS_MAX 16

enum core_kind {
    CORE_REGISTER, /* the marker is the value */
    CORE_FLAG,
    CORE_USER,  /* the marker is the e-mail address */
    CORE_TOKEN, /* the marker is its name */
    CORE_READ,  /* nothing but its event */
    CORE_DENIED,
    CORE_CONTROL, /* a control is tested, by a control that starts no children */
    CORE_KIND_COUNT
};

/* Something asked for. */
struct core_promise {
    enum core_kind kind;
    char marker[48];
    char key[24];     /* Idempotency-Key, or "" */
    char request[48]; /* id of the request; "" when no answer came, or it was a local command */
    unsigned status;
    bool is_acknowledged;
};

/* In memory from test_power_shared. */
struct core_load {
    uint64_t seed;  /* which steps a life takes; 0: each of them once */
    bool is_faulty; /* a call may fail in core: problems and its end are no wrong answers */
    uint64_t lives;
    uint64_t number; /* of the newest marker */
    size_t promise_count;
    struct core_promise promises[CORE_PROMISES_MAX];
    uint64_t problems;    /* answers that were clean problems */
    size_t session_count; /* cookies that an answer gave */
    char sessions[CORE_SESSIONS_MAX][128];
    bool is_stopped;    /* the newest life ended by STOP and core said so */
    uint64_t published; /* size of the newest checkpoint that stood there when an answer had come */
    size_t seen_count;
    struct po_checkpoint seen[CORE_SEEN_MAX];
    enum po_code failed_code; /* what core said of its end, for a test that is core itself */
    char failed[PO_ERR_MSG_BYTES_MAX];
    char lost[512]; /* "" or what was found broken */
};

/* In a recorded child: the home with its first account, closed. */
void core_load_make(const char *root);
/* One life of a core that a child lives: what it is asked, until it stops or has gone. */
void core_load_live(struct core_load *load, struct core_bench *bench, const char *root);
/* One life that asks for a little of everything, in order; what is answered with a problem is asked again. */
void core_load_serve(struct core_load *load, struct core_bench *bench, const char *root);
/* A further life of a core, on what was left: old sessions hold, repetitions get their answer, it goes on. */
void core_load_live_on(struct core_load *load, struct core_bench *bench, const char *root);
/* Remember the checkpoint file as it stands there, if it is whole. */
void core_load_see(struct core_load *load, const char *root);
/* In a recorded child: is everything there, does it verify, does it go on? Else `lost` says what not. */
void core_load_look(struct core_load *load, const char *root);

const char *core_load_home(const char *root);
void core_load_lost(struct core_load *load, const char *fmt, ...) PO_PRINTF(2, 3);

#endif

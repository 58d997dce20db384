/*
 * The escape table: attempts to get out of a runner child, and which fence holds each.
 *
 * A row is tried with all fences, without any (else it measures nothing), with each one alone and with
 * each one left out. docs/escape-table.md holds the result.
 */
#ifndef TESTS_UNIT_PROGRAM_ESCAPE_H
#define TESTS_UNIT_PROGRAM_ESCAPE_H

#include "lib/test.h"

#include <sys/types.h>

/* What can be left out. */
enum escape_fence {
    FENCE_LANDLOCK = 1,
    FENCE_SECCOMP = 2,
    FENCE_PRIVILEGES = 4,
    FENCE_LIMITS = 8,
    FENCE_DESCRIPTORS = 16,
    FENCE_GATE = 32,   /* the child's check of capabilities */
    FENCE_PARENT = 64, /* the parent's */
    FENCE_LINKS = 128, /* paths are walked without following links */
    FENCE_ENVIRONMENT = 256,
    FENCE_COUNT = 9,
    FENCES_OF_NATIVE = 31,
    FENCES_OF_SCRIPT = FENCE_LANDLOCK | FENCE_SECCOMP | FENCE_PRIVILEGES | FENCE_GATE |
                       FENCE_LINKS | FENCE_ENVIRONMENT
};

/* What the attacking process was given. */
enum escape_given { GIVEN_READ, GIVEN_WRITE, GIVEN_EXEC, GIVEN_WRITE_EXEC };

/* Directories and processes around an attempt; made anew for each. */
struct escape_place {
    char in[400];  /* granted: "x" (a file), "plain" in "d" */
    char out[400]; /* not granted: "secret" */
    pid_t victim;  /* stands for the parent; its memory holds escape_secret */
};
#define ESCAPE_SECRET "kept apart"
extern char escape_secret[16];

struct escape_row {
    const char *group;
    const char *name;
    enum escape_given given;
    void (*prepare)(const struct escape_place *place); /* before the fences; may be NULL */
    /* In the fenced process: true when it got out. NULL: `run` does all by itself. */
    bool (*attempt)(const struct escape_place *place);
    /* In the test's process, with these fences left out: true when it got out. */
    bool (*run)(const struct escape_row *row, const struct escape_place *place, unsigned left_out);
    const char *needs; /* of a Script program */
    const char *body;
    unsigned fences;   /* that can be left out; 0: the fence is `fixed` and always there */
    const char *fixed; /* a fence without a switch */
    bool varies;       /* the kernel's settings decide about fences beyond the first */
    bool is_limit;     /* builds with a sanitizer do without this limit */
};

struct escape_rows {
    const struct escape_row *at;
    size_t count;
};
struct escape_rows escape_file_rows(void);
struct escape_rows escape_call_rows(void);
struct escape_rows escape_script_rows(void);
struct escape_rows escape_liar_rows(void);

/* Path in the granted or the other directory; valid until eight further calls. */
const char *escape_in(const struct escape_place *place, const char *name);
const char *escape_out(const struct escape_place *place, const char *name);
/* Does this file begin with the secret? Also for descriptors. */
bool escape_reads_secret(const char *path);
bool escape_fd_reads_secret(int fd);

#endif

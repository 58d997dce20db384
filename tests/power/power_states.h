/*
 * For tests that look at all states a disk may be in after a cut: one root, short names for the calls
 * a body makes, and the search over seeds.
 */
#ifndef PO_TESTS_POWER_STATES_H
#define PO_TESTS_POWER_STATES_H

#include "power/power_run.h"

#include <sys/types.h>

#define STATES_SEEDS 120
#define STATES_FILE_BYTES_MAX 16384

extern struct test_power power;

/* "<root>/<name>"; the four latest results stay valid. */
const char *in_root(const char *name);
/* Whole file as text; "-" when it is absent. Valid until the next call. */
const char *content(const char *name);
int64_t size_of(const char *name); /* -1 when it is absent */
void put_file(const char *name, const char *text);

/* Calls that must work inside a body. */
int must_open(const char *name, int flags);
void must_write(int fd, const char *text, off_t offset);
void must_close(int fd);
void must_sync_root(void);

/* What a test looks at after each cut, as text. */
typedef const char *(*states_look)(void);

/*
 * `before` (may be NULL) sets the root up, `body` runs to its end, the power goes. Over all seeds
 * `look` must give every one of `states` (ends with NULL) and nothing else.
 */
void check_exactly(test_power_body body, void (*before)(void), states_look look,
                   const char *const *states);

#endif

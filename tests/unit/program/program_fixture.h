/* Directories of programs, keys, and runs in the test's own process. */
#ifndef TESTS_UNIT_PROGRAM_FIXTURE_H
#define TESTS_UNIT_PROGRAM_FIXTURE_H

#include "lib/test.h"
#include "program/bundle_priv.h"
#include "program/caps_priv.h"
#include "program/runner_priv.h"

/* Write <tmp>/<dir>/<path>, with its directories. */
void program_file(const char *dir, const char *path, const char *text);
/* Ed25519 key of one repeated byte; freed by the caller. */
struct po_sign_key *program_key(struct po_ctx *cx, char fill);
struct po_trust_key program_trust(const struct po_sign_key *key, const char *name,
                                  enum po_trust trust);
/* Write the manifest of <tmp>/<dir> as `name`, and the note of `signer` (NULL: no note). */
void program_sign(struct po_ctx *cx, const char *dir, const char *signer,
                  const struct po_sign_key *key);
struct po_bundle *program_open(struct po_ctx *cx, const char *dir);
/* One file "x.script" in a directory of its own, loaded for `entry`. */
struct po_program program_of(struct po_ctx *cx, const char *text, const char *entry);
/* In this process, whatever the bundle's trust; grant NULL: the needs themselves. */
po_rc program_run(struct po_ctx *cx, const struct po_program *program,
                  const struct po_program_job *job, struct po_program_result *ret_result);

/* A check that reads one fact and the time, with the fact's value. */
#define PROGRAM_DISK                                                                               \
    "{\"free_percent_min\":10,\"home\":{\"free_bytes\":5,\"free_percent\":50,\"total_bytes\":10}," \
    "\"same_file_system\":true,\"state\":null,\"state_inside_home\":false}"
extern const struct po_program_fact program_disk;
extern const char program_reader[]; /* entry "c" */
struct po_program_job program_job(void);

#endif

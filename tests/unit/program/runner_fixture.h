/* Runs in a runner child that is a fork of the test: its seams, and texts in and results out. */
#ifndef TESTS_UNIT_PROGRAM_RUNNER_FIXTURE_H
#define TESTS_UNIT_PROGRAM_RUNNER_FIXTURE_H

#include "program/runner_wire_priv.h"
#include "unit/program/program_fixture.h"

/* Runner children are forks of this process, held to landlock ABI 2. */
void runner_use_forks(void);
/* The child is `body(channel)`; its result is its exit status. */
void runner_use_child(int (*body)(int channel));
/* For such a body: read the job, as an honest child does first; and say something. */
void runner_take_job(int channel);
void runner_say(int channel, const char *frame);

/*
 * Load `text` (entry "e"), trusted as the organisation's, and run it in a child.
 *
 * job  in  grant NULL: what the program needs
 */
po_rc runner_try(struct po_ctx *cx, const char *text, const struct po_program_job *job,
                 struct po_program_result *ret_result);
/* As runner_try; the run must be made. */
struct po_program_result runner_go(struct po_ctx *cx, const char *text);

/* "import * as fs from "host/fs"" with an entry that needs `needs` and has `body`. */
const char *runner_text(struct po_ctx *cx, const char *needs, const char *body);
/* What the entry returned as JSON, or "fault <kind>: <message>". */
const char *runner_said(struct po_ctx *cx, const struct po_program_result *result);

#endif

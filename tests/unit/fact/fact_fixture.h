/*
 * A machine and a home made of files, for readers of facts.
 */
#ifndef PO_TESTS_UNIT_FACT_FIXTURE_H
#define PO_TESTS_UNIT_FACT_FIXTURE_H

#include "fact/fact_priv.h"
#include "lib/test.h"

/* A set whose places all stand in the case's temp dir: proc, etc, run, home, state, ... */
struct po_fact_set *fixture_set(struct po_ctx *cx);
/* A new home "<tmp>/home" with keys below "<tmp>/xdg", open until the case ends, and its set. */
struct po_fact_set *fixture_home_set(struct po_ctx *cx);
/* Write `text` at "<tmp>/<path>", making its directories. */
void fixture_file(const char *path, const char *text);
void fixture_bytes(const char *path, const void *bytes, size_t len);
void fixture_dir(const char *path);
/* Run one reader and return its JSON; fails the case when the reader fails. */
const struct po_json *fixture_read(struct po_ctx *cx, struct po_fact_set *set, const char *name);
/* "a.b.0.c" in a value. Fails the case when there is no such member. */
const struct po_json *fixture_at(const struct po_json *root, const char *path);
int64_t fixture_int(const struct po_json *root, const char *path);
bool fixture_bool(const struct po_json *root, const char *path);
bool fixture_is_null(const struct po_json *root, const char *path);
po_str fixture_str(const struct po_json *root, const char *path);
/* Names, types, modes, sizes and content of everything below a directory, as one digest in hex. */
const char *fixture_tree_digest(struct po_ctx *cx, const char *dir);

#endif

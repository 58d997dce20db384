/*
 * What the commands of Script share: files named on the command line with the root their imports
 * resolve below, compiling them, diagnostics, tests with fixtures.
 *
 * Limits   PO_SCRIPT_FILES_MAX files of one command, PO_SCRIPT_DIR_DEPTH_MAX directories deep
 */
#ifndef PO_CLI_SCRIPT_PRIV_H
#define PO_CLI_SCRIPT_PRIV_H

#include "cli_priv.h"

#include "program/program.h"
#include "script/script.h"

#define PO_SCRIPT_FILES_MAX 4096
#define PO_SCRIPT_DIR_DEPTH_MAX 32
#define PO_SCRIPT_STEP_BYTES_MAX ((size_t)24 << 20) /* request memory of one file's work */
#define PO_SCRIPT_FIXTURE_BYTES_MAX ((size_t)4 << 20)

/* One file to work on. */
struct po_script_file {
    const char *root;  /* absolute directory; NULL: content/ of this program */
    const char *path;  /* relative to the root */
    const char *shown; /* as a person would write it here */
};
struct po_script_files {
    const struct po_script_file *at;
    size_t count;
};

/*
 * Files named by operands and, for directories, all *.script below them, sorted. The root is --root,
 * else the nearest directory above with a bundle.json, else the home's scripts/ when the file is in
 * it, else the directory that was named (or holds the file).
 *
 * Errors   PO_NOTFOUND  no such file, or a directory without any;  PO_LIMIT;  PO_USAGE
 */
PO_RC po_script_files_named(struct po_ctx *cx, const struct po_cli *cli,
                            struct po_script_files *ret_files);
/* All *.script of content/. */
PO_RC po_script_files_shipped(struct po_ctx *cx, struct po_script_files *ret_files);
/* Without symlinks; in the arena. PO_NOTFOUND. */
PO_RC po_script_absolute(struct po_ctx *cx, const char *path, const char **ret_path);
/* "b/c" of "/a/b/c" below "/a"; NULL when it is not below. */
const char *po_script_below(const char *dir, const char *path);
/* The root of an absolute directory, as above but for --root. `site` may be NULL. */
PO_RC po_script_root_of(struct po_ctx *cx, const char *site, const char *dir,
                        const char **ret_root);
/* The home's scripts/, without opening the home. */
PO_RC po_script_site_dir(struct po_ctx *cx, const struct po_cli *cli, const char **ret_dir);
/* Any file below the root of `of`; arena. PO_NOTFOUND, also for a symlink. */
PO_RC po_script_file_read(struct po_ctx *cx, const struct po_script_file *of, const char *path,
                          po_str *ret_text);
/* "x_test.script" */
bool po_script_is_test_file(const char *path);
/* A file's name as people write it here, for paths that diagnostics name. */
const char *po_script_shown(struct po_ctx *cx, const struct po_script_file *of, po_str path);

struct po_script_compiling {
    bool strict;
    const char *covered; /* count lines of this file; NULL: none */
};
/*
 * Compile one file with the host table of programs. A test file, and any file when its tests are
 * run, needs no @needs: fixtures answer.
 *
 * Errors   PO_INVALID see ret_diags;  PO_NOTFOUND;  PO_NOMEM
 */
PO_RC po_script_file_compile(struct po_ctx *cx, const struct po_script_file *file,
                             const struct po_script_compiling *how,
                             struct po_script_diags *ret_diags, struct po_script **ret_script);
/* A diagnostic as carets or as one line, with paths as people write them here. */
PO_RC po_script_diag_print(struct po_ctx *cx, const struct po_script_file *of,
                           const struct po_script_diag *diag, bool has_carets, struct po_buf *out);
/* The first error as the one line to report (PO_INVALID); `of` names paths, NULL: as they are. */
PO_RC po_script_first_error(struct po_ctx *cx, const struct po_script_file *of,
                            const struct po_script_diags *diags);
/* Append text of several lines, each cleaned as po_cli_append_clean does. */
void po_script_append_lines(struct po_buf *out, po_str text);
/* JSON values, one a line, as one array member. */
void po_script_put_array(struct po_json_out *json, const char *key, po_str lines);
/* A list as one array member of an object that holds more than it. */
PO_RC po_script_put_rows(struct po_ctx *cx, struct po_json_out *json, const char *key,
                         const struct po_rows *rows);
/* Member of an entry's attribute, "" when absent or no text. */
PO_RC po_script_entry_arg(struct po_ctx *cx, const struct po_script_entry *entry, const char *name,
                          po_str *ret_text);
/* "fact=ledger.events time" of a @needs object. */
PO_RC po_script_needs_text(struct po_ctx *cx, po_str needs_json, po_str *ret_text);

/* ---- fixtures (script_fixture.c) ---------------------------------------------------------------- */

/* {"pass": {"now": s, "facts": {...}, "answers": [...]}} of one x_test.json. */
struct po_script_fixtures;
/* `json` empty: no fixtures at all. PO_INVALID names what is wrong. */
PO_RC po_script_fixtures_read(struct po_ctx *cx, po_str json, struct po_script_fixtures **ret_set);
/* Answer from this one from now on, from its beginning. PO_NOTFOUND; an empty name is an empty one. */
PO_RC po_script_fixtures_use(struct po_ctx *cx, struct po_script_fixtures *set, po_str name);
/* The door to effects of a test. */
po_rc po_script_fixtures_call(void *user, struct po_ctx *cx, const struct po_script_host_call *call,
                              struct po_buf *ret_json, const char **ret_kind);

/* Digests for the library's std/crypto. */
extern const struct po_script_crypto po_script_crypto_host;

#endif

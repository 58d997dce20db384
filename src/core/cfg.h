/*
 * Configuration: the options of cfg_options.def, each with a value and where it came from.
 *
 * Sources, later ones win: default, config/.env, environment (PAULYOPS_<NAME>), command line
 * (NAME=VALUE). A secret comes from config/.env, from the file its N_FILE option names, or from the
 * systemd credential paulyops-<name> (lower case, '-' for '_'), straight into po_secret; one found in
 * the environment or on the command line is an error, and so is one given twice. Files holding
 * secrets must be ours (or root's) and open to nobody else (0600).
 *
 * Syntax of config/.env: one KEY=VALUE a line, blank lines and # comments; a value in double quotes
 * may hold \\ \" \n. An empty value means: as if the line were not there.
 *
 * Limits   PO_CFG_FILE_BYTES_MAX, PO_CFG_LINE_BYTES_MAX, PO_CFG_LINES_MAX; each option's own range
 * Errors   PO_CONFIG with file, line and what is wrong (never a secret's value)
 * Threads  read-only after load
 * Control  CFG-01 CFG-02
 */
#ifndef PO_CORE_CFG_H
#define PO_CORE_CFG_H

#include "core/buf.h"
#include "core/ctx.h"
#include "core/secret.h"

#define PO_CFG_FILE_BYTES_MAX ((size_t)64 << 10)
#define PO_CFG_LINE_BYTES_MAX 4096
#define PO_CFG_LINES_MAX 2000
#define PO_CFG_NAME_BYTES_MAX 64
#define PO_CFG_OVERRIDES_MAX 64
#define PO_CFG_ORIGIN_BYTES_MAX 96

enum po_cfg_id {
#define X(name, type, unit, min, max, def, flags, module, controls, doc) PO_CFG_##name,
#include "core/cfg_options.def"
#undef X
    PO_CFG_COUNT
};

enum po_cfg_type {
    PO_CFG_TYPE_STR,  /* one line of UTF-8 */
    PO_CFG_TYPE_PATH, /* absolute, without "..", or <home>/... */
    PO_CFG_TYPE_INT,
    PO_CFG_TYPE_BOOL,     /* true, false */
    PO_CFG_TYPE_DURATION, /* "5m": number is microseconds */
    PO_CFG_TYPE_CLOCK,    /* "HH:MM": number is minutes after midnight */
    PO_CFG_TYPE_CHOICE,   /* one of the unit's words: number is its index */
    PO_CFG_TYPE_LIST,     /* names a-z 0-9 - _ separated by commas */
    PO_CFG_TYPE_URL,      /* scheme of the unit, host, optional port; no user, no password */
    PO_CFG_TYPE_MAIL,     /* one address */
    PO_CFG_TYPE_SECRET
};

/* Flags of a row. None is needed yet: every option is read at the start of a command. */
enum po_cfg_flag { PO_CFG_FLAG_RESTART = 1, PO_CFG_FLAG_RELOADABLE = 2, PO_CFG_FLAG_TENANT = 4 };

enum po_cfg_origin {
    PO_CFG_ORIGIN_DEFAULT,
    PO_CFG_ORIGIN_FILE,
    PO_CFG_ORIGIN_ENVIRONMENT,
    PO_CFG_ORIGIN_COMMAND_LINE,
    PO_CFG_ORIGIN_SECRET_FILE,
    PO_CFG_ORIGIN_CREDENTIAL
};

struct po_cfg;

struct po_cfg_sources {
    const char *home;        /* absolute path; <home> in values */
    const char *file;        /* NULL: <home>/config/.env. Absent is fine */
    const po_str *overrides; /* from the command line, each NAME=VALUE */
    size_t override_count;
    bool has_no_secrets; /* check but do not load secrets, do not demand 0600: for repairs */
};

/*
 * Read and merge all sources.
 *
 * sources  in   borrowed during the call
 * ret_cfg  out  returned owned
 * Errors   PO_CONFIG;  PO_DENIED file not readable;  PO_IO;  PO_NOMEM
 */
PO_RC po_cfg_load_from(struct po_ctx *cx, const struct po_cfg_sources *sources,
                       struct po_cfg **ret_cfg);
/* The usual case: <home>/config/.env with secrets. */
PO_RC po_cfg_load(struct po_ctx *cx, const char *home, const po_str *overrides,
                  size_t override_count, struct po_cfg **ret_cfg);
void po_cfg_free(struct po_cfg *cfg);
void po_cfg_freep(struct po_cfg **cfg);

/* Value as text, "" when not set; for every type but SECRET ("" there). Borrowed from cfg. */
po_str po_cfg_str(const struct po_cfg *cfg, enum po_cfg_id id);
/* NUL-terminated; NULL when not set. */
const char *po_cfg_cstr(const struct po_cfg *cfg, enum po_cfg_id id);
/* INT, BOOL (0, 1), DURATION (microseconds), CLOCK (minutes), CHOICE (index). */
int64_t po_cfg_int(const struct po_cfg *cfg, enum po_cfg_id id);
bool po_cfg_bool(const struct po_cfg *cfg, enum po_cfg_id id);
bool po_cfg_is_set(const struct po_cfg *cfg, enum po_cfg_id id);
/* NULL when not set. Borrowed. */
const struct po_secret *po_cfg_secret(const struct po_cfg *cfg, enum po_cfg_id id);

/* One option for `config show`, the man page and the sample. All text is static or borrowed. */
struct po_cfg_row {
    const char *name;
    const char *type; /* "path", "duration", ... */
    const char *unit;
    int64_t min;
    int64_t max;
    const char *default_text;
    unsigned flags;
    const char *module;
    const char *controls;
    const char *doc;
    bool is_secret;
    po_str value; /* of a secret "(set)" or "(not set)" */
    enum po_cfg_origin origin;
    char origin_text[PO_CFG_ORIGIN_BYTES_MAX]; /* "default", "config/.env line 3", ... */
};
/* `cfg` NULL gives the defaults. False when i >= PO_CFG_COUNT. */
bool po_cfg_row_at(const struct po_cfg *cfg, size_t i, struct po_cfg_row *ret_row);
/* PO_NOTFOUND for an unknown name. */
PO_RC po_cfg_find(po_str name, enum po_cfg_id *ret_id);
/* The nearest option name within a third of its length, else NULL. */
const char *po_cfg_nearest(po_str name);
const char *po_cfg_origin_name(enum po_cfg_origin origin);

/* A config/.env with every option explained and commented out. */
void po_cfg_sample(struct po_buf *out);

/*
 * A variable of the environment that is no option: HOME PATH PAULYOPS_HOME XDG_STATE_HOME
 * XDG_CONFIG_HOME XDG_RUNTIME_DIR CREDENTIALS_DIRECTORY NO_COLOR NOTIFY_SOCKET WATCHDOG_USEC TERM. NULL when unset, empty, longer
 * than 4,095 bytes, not in this list, or when the process runs with raised privileges.
 */
const char *po_env(const char *name);
/* The whole environment, for a child of ours that reads its configuration by itself. Borrowed. */
const char *const *po_env_all(void);

/* ---- the file's syntax alone: for tests and fuzzing ---- */

struct po_env_line {
    po_str key;
    po_str value;  /* unescaped */
    unsigned line; /* from 1 */
};
/*
 * Parse the text of a .env file into cx's arena.
 *
 * text       in   borrowed; keys and unquoted values point into it
 * Errors     PO_CONFIG (message: line and what);  PO_LIMIT;  PO_NOMEM
 */
PO_RC po_env_parse(struct po_ctx *cx, po_str text, struct po_env_line **ret_lines,
                   size_t *ret_count);

#endif

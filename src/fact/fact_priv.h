/*
 * Inside of the fact registry: where facts look, and helpers their readers share.
 *
 * Readers take every path from `struct po_fact_places`, so that tests point them at a directory of
 * their own. A reader opens read-only, follows no symlink it does not name, and bounds what it reads.
 */
#ifndef PO_FACT_FACT_PRIV_H
#define PO_FACT_FACT_PRIV_H

#include "fact/fact.h"

#include "core/fs.h"
#include "home/home.h"

#include <sys/timex.h>

/* Most facts of a table that a set has room for. */
#define PO_FACT_COUNT_MAX 96
/* Longest line of a text file that a reader looks at; the rest of a longer one is skipped. */
#define PO_FACT_LINE_BYTES_MAX ((size_t)64 << 10)
/* Small system files read whole. */
#define PO_FACT_FILE_BYTES_MAX ((size_t)1 << 20)
/* Rows a list keeps when the fact has no smaller bound of its own. */
#define PO_FACT_LIST_MAX 200

/* Where to look. Strings are borrowed and outlive the set; NULL means "there is none". */
struct po_fact_places {
    const char *root;       /* the home */
    const char *state_dir;  /* keys and signing state */
    const char *scratch;    /* where drills work; NULL: state_dir */
    const char *proc;       /* /proc */
    const char *etc;        /* /etc */
    const char *run;        /* /run */
    const char *dpkg;       /* /var/lib/dpkg/status */
    const char *user_units; /* ~/.config/systemd/user */
    const char *stamps;     /* /var/lib/systemd/timers */
    const char *repo;       /* REPO_DIR, NULL when not configured */
    const char *program;    /* the running program, for drills: /proc/self/exe */
    const char *intake;     /* where files to be processed arrive */
    int64_t archive_max;    /* plan of the archive: sets, days */
    int64_t archive_days_max;
    int64_t disk_free_min_percent;
    po_time_us assess_period_us;
    uid_t uid;                                   /* who we are */
    int (*clock_state)(struct timex *ret_state); /* adjtimex(2) with modes 0: reads only */
};

struct po_fact_slot {
    bool is_read;
    enum po_code code;
    const char *why; /* message of a failed read */
    struct po_fact_value value;
};

struct po_fact_set {
    struct po_home *home;     /* NULL in tests of readers that need no home */
    struct po_ledger *ledger; /* instead of the home's, in tests */
    struct po_store *store;
    struct po_keyring *keyring;
    struct po_fact_records *records; /* the shared walks, once made (fact_pass_priv.h) */
    struct po_fact_events *events;
    struct po_store_check *check; /* of the whole database, once made */
    struct po_fact_places places;
    po_time_us now_us;
    uint64_t pseudonym; /* of the tenant the set was made for, once known; 0: without keys */
    bool has_pseudonym;
    po_tenant_id tenant;
    struct po_fact_set *instance; /* facts of the instance are read there; NULL: here, or not yet */
    struct po_ctx *own;           /* what a shared set is read with; NULL: the reader's */
    struct po_fact_slot slots[PO_FACT_COUNT_MAX];
    struct {
        const char *name;
        struct po_fact_value value;
    } provided[PO_FACT_PROVIDED_MAX];
    size_t provided_count;
};

/* A set over places given; `home` may be NULL: facts that need it then answer PO_UNAVAILABLE. */
PO_RC po_fact_set_new_at(struct po_ctx *cx, struct po_home *home,
                         const struct po_fact_places *places, struct po_fact_set **ret_set);
/* The machine's places for a home. */
PO_RC po_fact_places_find(struct po_ctx *cx, struct po_home *home,
                          struct po_fact_places *ret_places);

/* The table as docs/spec/facts.md. */
void po_fact_table_render(struct po_buf *out);

/* ---- JSON in one call ---------------------------------------------------------------------- */

static inline void po_fact_put_bool(struct po_json_out *out, const char *key, bool value)
{
    po_json_out_key(out, key);
    po_json_out_bool(out, value);
}
static inline void po_fact_put_int(struct po_json_out *out, const char *key, int64_t value)
{
    po_json_out_field_int(out, key, value);
}
static inline void po_fact_put_cstr(struct po_json_out *out, const char *key, const char *value)
{
    po_json_out_field(out, key, po_str_of(value));
}
static inline void po_fact_put_null(struct po_json_out *out, const char *key)
{
    po_json_out_key(out, key);
    po_json_out_null(out);
}
/* null when value < 0 */
static inline void po_fact_put_opt(struct po_json_out *out, const char *key, int64_t value)
{
    if (value < 0)
        po_fact_put_null(out, key);
    else
        po_fact_put_int(out, key, value);
}
static inline void po_fact_put_array(struct po_json_out *out, const char *key)
{
    po_json_out_key(out, key);
    po_json_out_array(out);
}
/* Permission bits as four octal digits: "0750". */
void po_fact_put_mode(struct po_json_out *out, const char *key, uint32_t mode);
/* SHA-256 as hex. */
void po_fact_put_digest(struct po_json_out *out, const char *key, const uint8_t digest[static 32]);

/* ---- reading ------------------------------------------------------------------------------- */

/* "a/b" and "a/b/c" in the arena. */
PO_RC po_fact_path(struct po_ctx *cx, const char *dir, const char *name, const char **ret_path);

PO_RC po_fact_path_str(struct po_ctx *cx, const char *dir, po_str name, const char **ret_path);

/*
 * Whole small file. Absent or not readable is an answer, not a failure: *ret_bytes = {NULL, 0} and
 * *ret_state says which. A file over `max` bytes is cut there (state PO_FACT_FILE_CUT).
 */
enum po_fact_file {
    PO_FACT_FILE_OK,
    PO_FACT_FILE_ABSENT,
    PO_FACT_FILE_DENIED,
    PO_FACT_FILE_OTHER, /* a FIFO, device, directory or loop of links: not read */
    PO_FACT_FILE_CUT
};
PO_RC po_fact_file_read(struct po_ctx *cx, const char *path, size_t max, po_str *ret_bytes,
                        enum po_fact_file *ret_state);

/* As above into `buf` (up to its maximum); for bytes that must not stay in the arena. */
PO_RC po_fact_file_read_into(struct po_ctx *cx, const char *path, struct po_buf *buf,
                             enum po_fact_file *ret_state);
const char *po_fact_file_name(enum po_fact_file state); /* "ok", "absent", ... */
/* Open for reading; never blocks on a FIFO. *ret_fd is -1 unless the state is PO_FACT_FILE_OK. */
PO_RC po_fact_file_open(struct po_ctx *cx, const char *path, int *ret_fd,
                        enum po_fact_file *ret_state);

/* One line at a time through a fixed buffer; lines over PO_FACT_LINE_BYTES_MAX are cut. */
struct po_fact_lines {
    int fd;
    char *buf;
    size_t start;
    size_t end;
    bool is_end;
    bool splits_long_lines; /* the rest of a long line comes as lines of its own */
    bool is_cut; /* the last line was longer than the buffer: its rest is to be skipped */
};
/* The file's state as above; lines of a file that is not PO_FACT_FILE_OK are at their end. */
PO_RC po_fact_lines_open(struct po_ctx *cx, const char *path, struct po_fact_lines *ret_lines,
                         enum po_fact_file *ret_state);
/* *ret_has = false at the end. The line is borrowed until the next call. */
PO_RC po_fact_lines_next(struct po_ctx *cx, struct po_fact_lines *lines, po_str *ret_line,
                         bool *ret_has);
void po_fact_lines_done(struct po_fact_lines *lines);
#define PO_FACT_LINES_AUTO PO_CLEANUP(po_fact_lines_done) struct po_fact_lines

/* SHA-256 of a file of at most `max` bytes: PO_FACT_FILE_CUT beyond, then there is no digest. */
PO_RC po_fact_file_digest(struct po_ctx *cx, const char *path, uint64_t max,
                          uint8_t ret_digest[static 32], enum po_fact_file *ret_state);

/* Value after "KEY=" or "KEY:" in a text of lines, without quotes; {NULL, 0} when absent. */
po_str po_fact_line_value(po_str text, const char *key, char sep);

/* ---- the readers, one per fact -------------------------------------------------------------- */

#define PO_FACT_READER(name)                                                                       \
    po_rc po_fact_read_##name(struct po_ctx *cx, struct po_fact_set *set, struct po_json_out *out)

#define X(name, reader, capability, cost, scope, type, doc) PO_FACT_READER(reader);
#include "fact_table.def"
#undef X

#endif

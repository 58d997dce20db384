/*
 * Programs: Script files with their origin, their capabilities and their record.
 *
 * Flow     bundle (files, manifest, trust) -> program (compiled closure, digest) -> run under a policy
 *          (needs, grant, ceiling) -> outcome, output, list of host calls -> record -> replay
 * Law 4    a capability is had only when the program's @needs, the operator's grant and the ceiling of
 *          its trust all have it; asked at compilation and again at every call with its argument
 * Law 6    a check reads facts that were taken before it ran; a dry run refuses nothing and writes nothing
 * Limits   PO_PROGRAM_* and PO_BUNDLE_* below; budgets of a run by its kind (script.h)
 * Source   docs/spec/program.md
 */
#ifndef PO_PROGRAM_PROGRAM_H
#define PO_PROGRAM_PROGRAM_H

#include "core/buf.h"
#include "core/ctx.h"
#include "core/json.h"
#include "crypto/crypto.h"
#include "fact/fact.h"
#include "script/script.h"

#define PO_BUNDLE_FILES_MAX 1024
#define PO_BUNDLE_BYTES_MAX ((size_t)16 << 20)
#define PO_BUNDLE_PROGRAMS_MAX 1024
#define PO_CAPS_MAX 256 /* values of one set */
#define PO_CAP_VALUE_BYTES_MAX 4096
#define PO_PROGRAM_DENIALS_MAX 64
#define PO_PROGRAM_CALLS_BYTES_MAX ((size_t)1 << 19) /* the list of calls of one run, as JSON */

/* ---- capabilities ------------------------------------------------------------------------------- */

/* The words of @needs. A value is a glob (fs, env, flags), a list (fact, store) or just true. */
enum po_cap_kind {
    PO_CAP_FACT,    /* fact = "ledger.events,store.check" */
    PO_CAP_TIME,    /* time = true */
    PO_CAP_FS_STAT, /* fs_stat = "/etc/ssl" ; paths: absolute globs, "~/" is the home */
    PO_CAP_FS_READ,
    PO_CAP_FS_WRITE,
    PO_CAP_EXEC, /* exec = "/usr/bin/dpkg-query -W *": program and argument patterns */
    PO_CAP_NET,  /* refused until outbound connections have a role of their own */
    PO_CAP_ENV,
    PO_CAP_STORE,
    PO_CAP_AUDIT,
    PO_CAP_EVIDENCE,
    PO_CAP_FLAGS,
    PO_CAP_SECRET,
    PO_CAP_NOTIFY,
    PO_CAP_INCIDENT,
    PO_CAP_SESSION,
    PO_CAP_IPBLOCK,
    PO_CAP_COUNT
};
struct po_cap {
    enum po_cap_kind kind;
    po_str value; /* one glob or name; "*" for true */
};
struct po_caps {
    size_t count;
    struct po_cap *at; /* in the arena, sorted by kind; within one in written order, none twice */
};
const char *po_cap_name(enum po_cap_kind kind);    /* "fs_read" */
bool po_cap_changes_things(enum po_cap_kind kind); /* writing and exec: two approvers (law 4) */
/*
 * Capabilities of a @needs object as po_script_entry.needs_json writes it.
 *
 * Errors   PO_INVALID unknown word (named), value of a wrong type;  PO_LIMIT;  PO_NOMEM
 */
PO_RC po_caps_parse(struct po_ctx *cx, po_str needs_json, struct po_caps *ret_caps);
/*
 * Does the set have it? `value` is concrete: a path, a name, a command with its words apart by NUL.
 * Paths: '*' within a part, "**" across, "/x/" and "**" also "/x" itself. Names: '*' is anything.
 * Commands: the program is exact, then one pattern an argument; one that begins with '*' lets no
 * option ("-x") through; "**" at the end is any further arguments.
 */
bool po_caps_allow(const struct po_caps *caps, enum po_cap_kind kind, po_str value);
/*
 * The file, or the directory with all below it, that a capability of fs or exec opens to a taken-over
 * child: what stands before the first wildcard; of a single file to write, the directory that holds it.
 *
 * Errors   as a path: PO_INVALID, PO_LIMIT, PO_NOMEM
 */
PO_RC po_cap_reach(struct po_ctx *cx, const struct po_cap *cap, const char *home, po_str *ret_path);
/* Canonical JSON: {"fact":["ledger.events"],"time":["*"]}. */
void po_caps_put(const struct po_caps *caps, struct po_json_out *out);

/* ---- bundles and trust -------------------------------------------------------------------------- */

/* Where a bundle comes from; each level has a ceiling of capabilities. */
enum po_trust {
    PO_TRUST_NONE, /* unsigned: facts, time and reading inside its own directory, never scored */
    PO_TRUST_VENDOR,
    PO_TRUST_ORGANISATION,
    PO_TRUST_SYSTEM, /* part of this build; approved by the build's manifest */
    PO_TRUST_COUNT
};
const char *po_trust_name(enum po_trust trust);
const struct po_caps *po_trust_ceiling(enum po_trust trust);

/* A key that may sign bundles. */
struct po_trust_key {
    struct po_note_vkey vkey;
    enum po_trust trust;
};

/* One entry point that the manifest lists. */
struct po_bundle_program {
    po_str file;  /* "controls/aud_01.script" */
    po_str entry; /* function */
    po_str kind;  /* "control", "check", "repair", ... */
    po_str id;    /* "AUD-01.1"; the attribute's id */
    po_str
        name; /* "ledger/event_shape"; the attribute's name, else file without suffix + "/" + entry */
    struct po_caps needs;
};
struct po_bundle;

/* The bundle of this build (content/): its manifest is content/bundle.json; files are checked when read. */
PO_RC po_bundle_open_embedded(struct po_ctx *cx, struct po_bundle **ret_bundle);
/*
 * A directory with bundle.json and bundle.note, or without both: then unsigned, its *.script files are
 * found and its programs by compiling. Everything lives in cx's arena.
 *
 * keys     in  the trust store; a manifest signed by none of them is PO_TRUST_NONE
 * Errors   PO_NOTFOUND;  PO_CORRUPT a file is not what the manifest says (named);  PO_INVALID manifest;
 *          PO_LIMIT;  PO_IO;  PO_NOMEM
 */
PO_RC po_bundle_open_dir(struct po_ctx *cx, const char *dir, const struct po_trust_key *keys,
                         size_t key_count, struct po_bundle **ret_bundle);
/* One file given as text. */
struct po_bundle_text {
    po_str path;
    po_str text;
};
/*
 * An unsigned bundle of texts alone, with no directory: what the ledger kept of a program. Texts are
 * borrowed.
 *
 * Errors   PO_INVALID a path, or one twice;  PO_LIMIT;  PO_NOMEM
 */
PO_RC po_bundle_open_texts(struct po_ctx *cx, po_str name, const struct po_bundle_text *texts,
                           size_t count, struct po_bundle **ret_bundle);
po_str po_bundle_name(const struct po_bundle *bundle); /* of an unsigned one: the directory */
enum po_trust po_bundle_trust(const struct po_bundle *bundle);
po_str po_bundle_signer(const struct po_bundle *bundle); /* key name; "" when unsigned */
size_t po_bundle_program_count(const struct po_bundle *bundle);
const struct po_bundle_program *po_bundle_program_at(const struct po_bundle *bundle, size_t i);
/* Files, sorted by path; text NULL-safe. */
size_t po_bundle_file_count(const struct po_bundle *bundle);
po_str po_bundle_file_path(const struct po_bundle *bundle, size_t i);
PO_RC po_bundle_file_text(struct po_ctx *cx, const struct po_bundle *bundle, size_t i,
                          po_str *ret_text);
/* A file of an unsigned directory that does not compile: it has no programs. */
bool po_bundle_file_is_broken(const struct po_bundle *bundle, size_t i);
/*
 * Compile one file with what it imports from the bundle: for checks, tests and coverage. `how` gives
 * strictness, coverage and whether needs count; host and loader are the bundle's.
 *
 * Errors   as po_script_compile;  PO_NOTFOUND no such file;  PO_CORRUPT
 */
PO_RC po_bundle_compile(struct po_ctx *cx, struct po_bundle *bundle, po_str path,
                        const struct po_script_config *how, struct po_script_diags *ret_diags,
                        struct po_script **ret_script);
/* The host functions that its files are compiled against. */
const struct po_script_host_fn *po_bundle_host(const struct po_bundle *bundle, size_t *ret_count);
/*
 * Compile all files of a directory and write its manifest, canonical JSON: {"edition":1,"files":{path:
 * sha256},"name","programs":[{"entry","file","id","kind","name","needs"}],"v":1}. Test files
 * (*_test.script, *_test.json) are among the files, not among the programs.
 *
 * ret_diags  out  why a file does not compile
 */
PO_RC po_bundle_manifest(struct po_ctx *cx, const char *dir, po_str name, struct po_buf *out,
                         struct po_script_diags *ret_diags);
/* The signed note over a manifest: text "paulyops-bundle/v1\n<name>\n<sha256 hex of bundle.json>\n". */
PO_RC po_bundle_sign(struct po_ctx *cx, po_str manifest, po_str signer,
                     const struct po_sign_key *key, struct po_buf *ret_note);

/* ---- programs ----------------------------------------------------------------------------------- */

/* Facts that layers above fact/ supply have their types here, beside the registry's. */
struct po_fact_type {
    const char *name;
    const char *type;
};
/* Called once at start by the layer that provides them; borrowed for ever. */
void po_program_facts_add(const struct po_fact_type *types, size_t count);
/* What a program can import: host/fact (one function per fact, '.' is '_'), host/time, host/fs, ... */
PO_RC po_program_host_table(struct po_ctx *cx, const struct po_script_host_fn **ret_fns,
                            size_t *ret_count);

struct po_program {
    const struct po_bundle *bundle;
    enum po_trust trust; /* the bundle's; the layer above raises it for what a person granted */
    struct po_caps ceiling;
    struct po_bundle_program row;
    struct po_script *script;
    const struct po_script_host_fn *fns; /* what it was compiled with */
    size_t fn_count;
    uint8_t digest[32]; /* closure: files of the closure, entry, edition, needs, limits */
    struct po_script_limits limits;
};
/*
 * Compile a file of a bundle for one of its entries. Free with po_program_free.
 *
 * Errors   PO_INVALID it does not compile (ret_diags says where), or its needs are not the manifest's;
 *          PO_NOTFOUND;  PO_CORRUPT;  PO_NOMEM
 */
PO_RC po_program_load(struct po_ctx *cx, struct po_bundle *bundle, po_str file, po_str entry,
                      struct po_script_diags *ret_diags, struct po_program *ret_program);
void po_program_done(struct po_program *program);

/* A capability that was asked for and not had. */
struct po_program_denial {
    enum po_cap_kind kind;
    po_str value;      /* the concrete path, name or command; or the need itself before a run */
    const char *fence; /* "needs", "grant", "ceiling", "reserved"; NULL: nothing was denied */
};
/*
 * The needs of a program against grant (NULL: no limit) and ceiling, as a run asks them.
 *
 * ret_denial  out  what lacks, when PO_DENIED
 */
PO_RC po_program_allowed(struct po_ctx *cx, const struct po_program *program,
                         const struct po_caps *grant, struct po_program_denial *ret_denial);
/* What a person granted is trusted as theirs: sets trust and ceiling; never PO_TRUST_SYSTEM. */
void po_program_trust_raise(struct po_program *program, enum po_trust trust);

/* One call for the layers above; everything is borrowed. It passed the gate already. */
struct po_program_request {
    po_str module; /* "host/store" */
    po_str name;   /* "users" */
    const struct po_json *args;
};
/*
 * What the layers above answer for a program: flags, audit, evidence, store, env, secrets. NULL
 * refuses. In a dry run only what changes nothing comes here.
 */
struct po_program_services {
    po_rc (*call)(void *user, struct po_ctx *cx, const struct po_program_request *request,
                  struct po_buf *ret_json);
    void *user;
};

/* A fact given by its value: replays, fixtures. */
struct po_program_fact {
    po_str name; /* "ledger.events" */
    po_str json;
};

struct po_program_job {
    po_str args_json;                    /* array; "" = [] */
    struct po_fact_set *facts;           /* NULL: only the given ones can be read */
    const struct po_program_fact *given; /* these come before `facts` */
    size_t given_count;
    const struct po_caps *grant; /* NULL: the ceiling alone limits (system content) */
    const struct po_program_services *services; /* may be NULL */
    const char *home;                           /* what "~/" means in capabilities; NULL: none */
    po_time_us now_us;                          /* what host/time answers */
    bool is_dry_run;                            /* writes answer as if done and are listed */
    po_str replay_calls; /* not empty: answers come from this list, nothing else is asked */
};
struct po_program_result {
    struct po_script_outcome outcome; /* strings in the arena */
    po_str output;
    po_str calls_json; /* array of {"args","module","name","seq", "value" or "kind"+"message"} */
    uint8_t calls_digest[32];
    size_t denial_count; /* calls that the gate refused (at most PO_PROGRAM_DENIALS_MAX are kept) */
    const struct po_program_denial *denials;
    bool is_sandboxed; /* ran in a runner child */
    po_str sandbox;    /* "landlock 7, seccomp", "in process: reads facts only", ... */
};
/*
 * Run one entry. A program of this build that needs facts and time alone runs in this process; every
 * other runs in a runner child (runner_priv.h) that holds no key, no database and no socket.
 *
 * Errors   PO_DENIED a need is beyond grant or ceiling (named: checked before the run);  PO_NOTFOUND no
 *          such entry;  PO_NOMEM;  PO_IO the child could not be had. Faults of the program are no errors.
 */
PO_RC po_program_run(struct po_ctx *cx, const struct po_program *program,
                     const struct po_program_job *job, struct po_program_result *ret_result);

/* ---- programs in batches ------------------------------------------------------------------------ */

/* The row of this kind and id ("control", "AUD-01.1"); NULL when there is none. */
const struct po_bundle_program *po_bundle_program_find(const struct po_bundle *bundle, po_str kind,
                                                       po_str id);
/* po_program_load of a row; when it does not compile, the error says where and why. */
PO_RC po_program_load_row(struct po_ctx *cx, struct po_bundle *bundle,
                          const struct po_bundle_program *row, struct po_program *ret_program);
/* The facts of a program's @needs in the order they are written, NULL-terminated; in the arena. */
PO_RC po_program_facts(struct po_ctx *cx, const struct po_program *program,
                       const char *const **ret_names);
/*
 * Run a program with memory of its own. `read` sees how it ended while that memory is there: what it
 * keeps it copies. Facts that the job reads for the first time do not stay in its snapshot, so a
 * caller reads them before.
 */
typedef po_rc po_program_reader(void *user, struct po_ctx *step,
                                const struct po_script_outcome *outcome);
PO_RC po_program_ask(struct po_ctx *cx, const struct po_program *program,
                     const struct po_program_job *job, po_program_reader *read, void *user);
/* "HostError: no such fact", in one line, in the arena; NULL without memory. */
const char *po_program_fault(struct po_ctx *cx, const struct po_script_outcome *outcome);

/* What the runner child does; main.c comes here with --role=program. */
int po_program_role_run(int argc, char **argv);

#endif

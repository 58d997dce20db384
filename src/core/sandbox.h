/*
 * Locking this process in, for good: what it may open, which system calls it has, how much it may use.
 *
 * Fences, each of which stands by itself: landlock (paths), seccomp (system calls: what is not listed
 * in sandbox_calls.def is refused), privileges (no_new_privs, no capability left), resource limits, not
 * dumpable, descriptors closed. Children inherit all of them. Nothing here can be undone.
 *
 * Landlock is built for ABI 2 (Debian 12's kernel), which sees neither truncation nor chmod, so the
 * seccomp filter refuses those; later ABIs add truncation (3), TCP (4), device ioctl (5), signals and
 * abstract sockets (6).
 *
 * Limits   PO_SANDBOX_RULES_MAX paths
 * Threads  the calling process must have one
 * Source   docs/spec/program.md, docs/escape-table.md
 */
#ifndef PO_CORE_SANDBOX_H
#define PO_CORE_SANDBOX_H

#include "core/ctx.h"

#define PO_SANDBOX_RULES_MAX 1024
#define PO_SANDBOX_TEXT_BYTES 64

/* What this host can do. */
struct po_sandbox_support {
    int landlock_abi; /* 0: none */
    bool has_seccomp;
    char text[PO_SANDBOX_TEXT_BYTES]; /* "landlock 2, seccomp"; "landlock missing, seccomp" */
};
void po_sandbox_support(struct po_sandbox_support *ret_support);
/* Both fences are there: programs may be given writing and exec capabilities. */
bool po_sandbox_is_full(const struct po_sandbox_support *support);

enum po_sandbox_access {
    PO_SANDBOX_READ = 1, /* read files, list directories */
    PO_SANDBOX_WRITE =
        2, /* write, create, rename, remove files and directories; no links, no nodes */
    PO_SANDBOX_EXECUTE = 4,   /* read and execute */
    PO_SANDBOX_DEVICE = 8,    /* read and write what is there, create nothing: /dev/null */
    PO_SANDBOX_NO_LINKS = 16, /* a path that leads over a symbolic link grants nothing */
    PO_SANDBOX_LIST = 32      /* list directories, read no file */
};
/* A path and all that is below it. One that does not exist grants nothing. */
struct po_sandbox_rule {
    const char *path;
    unsigned access; /* of po_sandbox_access */
};

struct po_sandbox_options {
    const struct po_sandbox_rule *rules;
    size_t rule_count;
    int landlock_abi_max; /* 0: the kernel's */
    bool can_write;      /* system calls that change files; off, every file is opened for reading */
    bool can_exec;       /* start programs: they inherit the fences */
    bool can_serve;      /* use and accept connections on sockets that are open already */
    int fd_first_closed; /* this descriptor and all above are closed */
    uint64_t cpu_s;      /* RLIMIT_CPU */
    uint64_t data_bytes; /* RLIMIT_DATA; not in builds with a sanitizer, which map much more */
    uint64_t file_bytes; /* RLIMIT_FSIZE */
    uint64_t files;      /* RLIMIT_NOFILE */
    uint64_t locked_bytes; /* RLIMIT_MEMLOCK; 0: memory is not locked any more */
    uint64_t processes;    /* RLIMIT_NPROC, of all the user's; 0: as it is */
};

/*
 * Put all fences up.
 *
 * A fence that the host lacks is left out (po_sandbox_support said so before, and ret_support says it
 * again); one that the host has and that cannot be put up is an error, and the process must end.
 *
 * Errors   PO_LIMIT too many rules;  PO_DENIED, PO_IO a fence could not be put up (named);  PO_NOMEM
 * Cost     about 1 ms
 */
PO_RC po_sandbox_enter(struct po_ctx *cx, const struct po_sandbox_options *options,
                       struct po_sandbox_support *ret_support);

/*
 * A wider fence, for a process that starts programs: they inherit it and fence themselves in further.
 *
 * Refused are looking into other processes (ptrace), changing the machine (mounts, modules, clock, name
 * spaces) and sockets of the network; paths are as `rules` say. Resource limits stay as they are.
 *
 * Errors   as po_sandbox_enter
 */
PO_RC po_sandbox_enter_broad(struct po_ctx *cx, const struct po_sandbox_rule *rules, size_t count,
                             struct po_sandbox_support *ret_support);

/* Rules as they are collected; in the context's arena. */
struct po_sandbox_rules {
    struct po_sandbox_rule *at; /* PO_SANDBOX_AROUND_MAX of them */
    size_t count;
    size_t left_out; /* names that found no room: they grant nothing */
};
#define PO_SANDBOX_AROUND_MAX 8192
#define PO_SANDBOX_HIDDEN_MAX 4
PO_RC po_sandbox_rules_init(struct po_ctx *cx, struct po_sandbox_rules *rules);
/* One more rule; PO_LIMIT. */
PO_RC po_sandbox_rules_add(struct po_ctx *cx, struct po_sandbox_rules *rules, const char *path,
                           unsigned access);
/*
 * `access` to all below `path` but what is hidden: landlock grants and cannot deny, so where a hidden path
 * leads through, the entries beside the way get a rule each. One that is made there later has none. Links
 * beside the way get none: what they lead to has its own, or is hidden.
 *
 * hidden   in   absolute, need not exist; resolved here, so that no link leads around it
 * Errors   PO_LIMIT over PO_SANDBOX_HIDDEN_MAX hidden paths;  PO_NOMEM, PO_IO
 */
PO_RC po_sandbox_rules_around(struct po_ctx *cx, struct po_sandbox_rules *rules,
                              const struct po_sandbox_rule *rule, const char *const *hidden,
                              size_t hidden_count);

#ifdef PO_FAULTS
/* For tests that measure what each fence holds: leave these out of every later po_sandbox_enter. */
enum po_sandbox_fence {
    PO_SANDBOX_LANDLOCK = 1,
    PO_SANDBOX_SECCOMP = 2,
    PO_SANDBOX_PRIVILEGES = 4,
    PO_SANDBOX_LIMITS = 8,
    PO_SANDBOX_DUMPABLE = 16,
    PO_SANDBOX_DESCRIPTORS = 32
};
void po_sandbox_test_leave_out(unsigned fences);
#endif

#endif

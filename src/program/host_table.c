/*
 * What programs can import: the fixed host functions and one function for each fact.
 *
 * Invariants
 *  1. The fixed rows stand first and in this order, the facts of the registry after them sorted by
 *     name, then what upper layers added: an index means the same on both sides of a runner.
 *  2. Every function has a capability; what changes something outside says what a dry run answers.
 *
 * Threads  po_program_facts_add before the first thread; the rest is read only
 */
#include "program/runner_priv.h"

#define ADDED_MAX 8

struct fixed_row {
    struct po_script_host_fn fn;
    struct po_host_row row;
};

#define ONE(kind)                                                                                  \
    {                                                                                              \
        PO_CAP_##kind, PO_CAP_COUNT, PO_CAP_COUNT                                                  \
    }
#define TWO(a, b)                                                                                  \
    {                                                                                              \
        PO_CAP_##a, PO_CAP_##b, PO_CAP_COUNT                                                       \
    }
#define THREE(a, b, c)                                                                             \
    {                                                                                              \
        PO_CAP_##a, PO_CAP_##b, PO_CAP_##c                                                         \
    }
#define ROW(caps, arg, side, dry)                                                                  \
    {                                                                                              \
        caps, PO_HOST_ARG_##arg, PO_HOST_##side, dry                                               \
    }

static const struct fixed_row fixed[] = {
    {{"host/time", "now", "() -> int", "time", NULL}, ROW(ONE(TIME), NONE, LOCAL, NULL)},

    {{"host/fs", "read", "(string) -> Result<string, Error>", "fs_read", NULL},
     ROW(ONE(FS_READ), PATH, CHILD, NULL)},
    {{"host/fs", "exists", "(string) -> Result<bool, Error>", "fs_read|fs_stat|fs_write", NULL},
     ROW(THREE(FS_STAT, FS_READ, FS_WRITE), PATH, CHILD, NULL)},
    {{"host/fs", "list", "(string) -> Result<[string], Error>", "fs_read", NULL},
     ROW(ONE(FS_READ), PATH, CHILD, NULL)},
    {{"host/fs", "glob", "(string) -> Result<[string], Error>", "fs_read", NULL},
     ROW(ONE(FS_READ), GLOB, CHILD, NULL)},
    {{"host/fs", "stat",
      "(string) -> Result<{path: string, size: int, mtime: int, mode: int, kind: string}, Error>",
      "fs_stat|fs_read", NULL},
     ROW(TWO(FS_STAT, FS_READ), PATH, CHILD, NULL)},
    {{"host/fs", "free_bytes", "(string) -> Result<{free: int, total: int}, Error>",
      "fs_stat|fs_read", NULL},
     ROW(TWO(FS_STAT, FS_READ), PATH, CHILD, NULL)},
    {{"host/fs", "sha256", "(string) -> Result<string, Error>", "fs_read", NULL},
     ROW(ONE(FS_READ), PATH, CHILD, NULL)},
    {{"host/fs", "write", "(string, string) -> Result<(), Error>", "fs_write", NULL},
     ROW(ONE(FS_WRITE), PATH, CHILD, "null")},
    {{"host/fs", "append", "(string, string) -> Result<(), Error>", "fs_write", NULL},
     ROW(ONE(FS_WRITE), PATH, CHILD, "null")},
    {{"host/fs", "mkdir", "(string) -> Result<(), Error>", "fs_write", NULL},
     ROW(ONE(FS_WRITE), PATH, CHILD, "null")},
    {{"host/fs", "rename", "(string, string) -> Result<(), Error>", "fs_write", NULL},
     ROW(ONE(FS_WRITE), PATHS, CHILD, "null")},
    {{"host/fs", "remove", "(string) -> Result<(), Error>", "fs_write", NULL},
     ROW(ONE(FS_WRITE), PATH, CHILD, "null")},
    {{"host/fs", "chmod", "(string, int) -> Result<(), Error>", "fs_write", NULL},
     ROW(ONE(FS_WRITE), PATH, CHILD, "null")},

    {{"host/exec", "run",
      "(string, [string]) -> Result<{code: int, stdout: string, stderr: string}, Error>", "exec",
      NULL},
     ROW(ONE(EXEC), EXEC, CHILD, "{\"code\":0,\"stderr\":\"\",\"stdout\":\"\"}")},

    {{"host/env", "get", "(string) -> Option<string>", "env", NULL},
     ROW(ONE(ENV), NAME, PARENT, NULL)},
    {{"host/flags", "get", "(string) -> Option<unknown>", "flags", NULL},
     ROW(ONE(FLAGS), NAME, PARENT, NULL)},
    {{"host/flags", "set", "(string, unknown) -> Result<(), Error>", "flags", NULL},
     ROW(ONE(FLAGS), NAME, PARENT, "null")},

    {{"host/store", "query", "(string, {limit: int}) -> Result<[unknown], Error>", "store", NULL},
     ROW(ONE(STORE), NAME, PARENT, NULL)},
    {{"host/store", "count", "(string, string) -> Result<int, Error>", "store", NULL},
     ROW(ONE(STORE), NAME, PARENT, NULL)},
    {{"host/store", "users",
      "() -> Result<[{id: string, email: string, role: string, mfa: bool, active: bool, "
      "last_login: int}], Error>",
      "store", "users"},
     ROW(ONE(STORE), NONE, PARENT, NULL)},
    {{"host/store", "backups",
      "() -> Result<[{id: string, at: int, size: int, verified: bool, encrypted: bool, "
      "location: string}], Error>",
      "store", "backups"},
     ROW(ONE(STORE), NONE, PARENT, NULL)},
    {{"host/store", "checks", "(int) -> Result<[{id: string, at: int, status: string}], Error>",
      "store", "checks"},
     ROW(ONE(STORE), NONE, PARENT, NULL)},
    {{"host/store", "incidents",
      "() -> Result<[{id: string, severity: string, opened: int, closed: Option<int>}], Error>",
      "store", "incidents"},
     ROW(ONE(STORE), NONE, PARENT, NULL)},

    {{"host/audit", "emit", "(string, string, string, string) -> Result<string, Error>", "audit",
      "emit"},
     ROW(ONE(AUDIT), NONE, PARENT, "\"dry-run\"")},
    {{"host/audit", "query",
      "({since: int, until: int, event_type: string}) -> Result<[{timestamp: int, event_type: "
      "string, user_id: string, resource: string, action: string, result: string, ip_address: "
      "string, session_id: string}], Error>",
      "audit", "query"},
     ROW(ONE(AUDIT), NONE, PARENT, NULL)},
    {{"host/evidence", "add", "<T>(string, T) -> Result<string, Error>", "evidence", "add"},
     ROW(ONE(EVIDENCE), NONE, PARENT, "\"dry-run\"")},
    {{"host/evidence", "attach_file", "(string, string) -> Result<string, Error>", "evidence",
      "attach_file"},
     ROW(ONE(EVIDENCE), NONE, NOWHERE, NULL)},
    {{"host/secret", "get", "(string) -> Result<Secret, Error>", "secret", NULL},
     ROW(ONE(SECRET), NAME, PARENT, NULL)},

    {{"host/net", "tcp_check", "(string, int, int) -> Result<int, Error>", "net", NULL},
     ROW(ONE(NET), NAME, NOWHERE, NULL)},
    {{"host/net", "tls_info",
      "(string, int) -> Result<{subject: string, not_after: int, version: string}, Error>", "net",
      NULL},
     ROW(ONE(NET), NAME, NOWHERE, NULL)},
    {{"host/net", "http_get", "(string) -> Result<{status: int, body: string}, Error>", "net",
      NULL},
     ROW(ONE(NET), NAME, NOWHERE, NULL)},
    {{"host/notify", "send", "(string, string, string) -> Result<(), Error>", "notify", NULL},
     ROW(ONE(NOTIFY), NAME, NOWHERE, NULL)},
    {{"host/incident", "open", "(string, string, string) -> Result<string, Error>", "incident",
      "open"},
     ROW(ONE(INCIDENT), NONE, NOWHERE, NULL)},
    {{"host/incident", "note", "(string, string) -> Result<(), Error>", "incident", "note"},
     ROW(ONE(INCIDENT), NONE, NOWHERE, NULL)},
    {{"host/incident", "close", "(string, string) -> Result<(), Error>", "incident", "close"},
     ROW(ONE(INCIDENT), NONE, NOWHERE, NULL)},
    {{"host/session", "revoke_user", "(string) -> Result<int, Error>", "session", "revoke_user"},
     ROW(ONE(SESSION), NONE, NOWHERE, NULL)},
    {{"host/ipblock", "add", "(string, int) -> Result<(), Error>", "ipblock", NULL},
     ROW(ONE(IPBLOCK), NONE, NOWHERE, NULL)},
};
#define FIXED_COUNT (sizeof fixed / sizeof fixed[0])

static const struct po_host_row fact_row = ROW(ONE(FACT), NONE, PARENT, NULL);

/* What upper layers added at start. */
static struct {
    const struct po_fact_type *types;
    size_t count;
} added[ADDED_MAX];

void po_program_facts_add(const struct po_fact_type *types, size_t count)
{
    for (size_t i = 0; i < ADDED_MAX; i++) {
        if (added[i].types == types) return;
        if (added[i].types != NULL) continue;
        added[i].types = types;
        added[i].count = count;
        return;
    }
}

const struct po_host_row *po_host_row_at(size_t i)
{
    return i < FIXED_COUNT ? &fixed[i].row : &fact_row;
}

size_t po_host_find(const struct po_script_host_fn *fns, size_t count, po_str module, po_str name)
{
    for (size_t i = 0; i < count; i++) {
        bool is_it = po_str_eq_cstr(module, fns[i].module) && po_str_eq_cstr(name, fns[i].name);
        if (is_it) return i;
    }
    return SIZE_MAX;
}

static PO_RC add_fact(struct po_ctx *cx, struct po_script_host_fn *fn, const char *name,
                      const char *type)
{
    char *spelled = po_arena_strdup(cx->arena, po_str_of(name));
    const char *signature = po_arena_printf(cx->arena, "() -> %s", type);
    if (spelled == NULL || signature == NULL)
        return PO_FAIL(cx, PO_NOMEM, "out of memory for the host table");
    for (char *c = spelled; *c != '\0'; c++) {
        if (*c == '.') *c = '_';
    }
    *fn = (struct po_script_host_fn){.module = "host/fact",
                                     .name = spelled,
                                     .signature = signature,
                                     .needs = "fact",
                                     .needs_value = name};
    return po_rc_ok();
}

PO_RC po_program_host_table(struct po_ctx *cx, const struct po_script_host_fn **ret_fns,
                            size_t *ret_count)
{
    size_t fact_count = 0;
    const struct po_fact *facts = po_fact_table(&fact_count);
    size_t count = FIXED_COUNT + fact_count;
    for (size_t i = 0; i < ADDED_MAX; i++) {
        count += added[i].count;
    }
    struct po_script_host_fn *fns = NULL;
    PO_ARENA_NEW(cx, fns, count);
    for (size_t i = 0; i < FIXED_COUNT; i++) {
        fns[i] = fixed[i].fn;
    }
    size_t at = FIXED_COUNT;
    for (size_t i = 0; i < fact_count; i++) {
        PO_TRY(cx, add_fact(cx, &fns[at++], facts[i].name, facts[i].type));
    }
    for (size_t i = 0; i < ADDED_MAX; i++)
        for (size_t k = 0; k < added[i].count; k++) {
            const struct po_fact_type *type = &added[i].types[k];
            PO_TRY(cx, add_fact(cx, &fns[at++], type->name, type->type));
        }
    *ret_fns = fns;
    *ret_count = count;
    return po_rc_ok();
}

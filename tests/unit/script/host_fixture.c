/* Declarations of the host functions and answers from fixtures. */
#include "unit/script/host_fixture.h"

#include "core/fs.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>

/* clang-format off */
static const struct po_script_host_fn fns[] = {
    {"host/time", "now", "() -> int", "time", NULL},
    {"host/time", "sleep", "(int) -> ()", "time", NULL},
    {"host/fs", "read", "(string) -> Result<string, Error>", "fs_read", NULL},
    {"host/fs", "exists", "(string) -> Result<bool, Error>", "fs_read|fs_stat|fs_write", NULL},
    {"host/fs", "list", "(string) -> Result<[string], Error>", "fs_read", NULL},
    {"host/fs", "glob", "(string) -> Result<[string], Error>", "fs_read", NULL},
    {"host/fs", "stat",
     "(string) -> Result<{path: string, size: int, mtime: int, mode: int, kind: string}, Error>",
     "fs_stat|fs_read", NULL},
    {"host/fs", "write", "(string, string) -> Result<(), Error>", "fs_write", NULL},
    {"host/fs", "rename", "(string, string) -> Result<(), Error>", "fs_write", NULL},
    {"host/fs", "remove", "(string) -> Result<(), Error>", "fs_write", NULL},
    {"host/fs", "chmod", "(string, int) -> Result<(), Error>", "fs_write", NULL},
    {"host/fs", "free_bytes",
     "(string) -> Result<{free: int, total: int}, Error>",
     "fs_stat|fs_read", NULL},
    {"host/fs", "sha256", "(string) -> Result<string, Error>", "fs_read", NULL},
    {"host/net", "tcp_check", "(string, int, int) -> Result<int, Error>", "net", NULL},
    {"host/net", "tls_info",
     "(string, int) -> Result<{subject: string, not_after: int, version: string}, Error>",
     "net", NULL},
    {"host/net", "http_get",
     "(string) -> Result<{status: int, body: string}, Error>",
     "net", NULL},
    {"host/exec", "run",
     "(string, [string]) -> Result<{code: int, stdout: string, stderr: string}, Error>",
     "exec", NULL},
    {"host/env", "get", "(string) -> Option<string>", "env", NULL},
    {"host/flags", "get", "(string) -> Option<unknown>", "flags", NULL},
    {"host/flags", "set", "(string, unknown) -> Result<(), Error>", "flags", NULL},
    {"host/store", "query", "(string, {limit: int}) -> Result<[unknown], Error>", "store", NULL},
    {"host/store", "count", "(string, string) -> Result<int, Error>", "store", NULL},
    {"host/store", "users",
     "() -> Result<[{id: string, email: string, role: string, mfa: bool, active: bool, last_login: int}], Error>",
     "store", "users"},
    {"host/store", "backups",
     "() -> Result<[{id: string, at: int, size: int, verified: bool, encrypted: bool, location: string}], Error>",
     "store", "backups"},
    {"host/store", "checks",
     "(int) -> Result<[{id: string, at: int, status: string}], Error>",
     "store", "checks"},
    {"host/store", "incidents",
     "() -> Result<[{id: string, severity: string, opened: int, closed: Option<int>}], Error>",
     "store", "incidents"},
    {"host/audit", "emit",
     "(string, string, string, string) -> Result<string, Error>",
     "audit", NULL},
    {"host/audit", "query",
     "({since: int, until: int, event_type: string}) -> Result<[{timestamp: int, event_type: string, user_id: string, resource: string, action: string, result: string, ip_address: string, session_id: string}], Error>",
     "audit", NULL},
    {"host/notify", "send", "(string, string, string) -> Result<(), Error>", "notify", NULL},
    {"host/evidence", "add", "<T>(string, T) -> Result<string, Error>", "evidence", NULL},
    {"host/evidence", "attach_file",
     "(string, string) -> Result<string, Error>",
     "evidence", NULL},
    {"host/incident", "open",
     "(string, string, string) -> Result<string, Error>",
     "incident", NULL},
    {"host/incident", "note", "(string, string) -> Result<(), Error>", "incident", NULL},
    {"host/incident", "close", "(string, string) -> Result<(), Error>", "incident", NULL},
    {"host/session", "revoke_user", "(string) -> Result<int, Error>", "session", NULL},
    {"host/ipblock", "add", "(string, int) -> Result<(), Error>", "ipblock", NULL},
};
/* clang-format on */

static po_rc sha256(po_str in, uint8_t out[static 32])
{
    SHA256((const unsigned char *)in.ptr, in.len, out);
    return po_rc_ok();
}

static po_rc hmac(po_str key, po_str in, uint8_t out[static 32])
{
    unsigned len = 32;
    HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)in.ptr, in.len, out, &len);
    return po_rc_ok();
}

const struct po_script_crypto script_test_crypto = {sha256, hmac};

/* {"$by": {"/path": value, "*": value}} chooses by the first argument. */
static const struct po_json *choose(struct po_ctx *cx, const struct po_json *fixture,
                                    po_str args_json)
{
    const struct po_json *by = po_json_get(fixture, "$by");
    if (by == NULL) return fixture;
    struct po_json *args = NULL;
    if (!po_is_ok(po_json_parse(cx, args_json, PO_JSON_ALLOW_REAL, &args))) return NULL;
    const struct po_json *other = NULL;
    for (const struct po_json *m = by->first; m != NULL; m = m->next) {
        bool is_it = args->first != NULL && args->first->type == PO_JSON_STR &&
                     po_str_eq(m->key, args->first->str);
        if (is_it) return m;
        if (po_str_eq_cstr(m->key, "*")) other = m;
    }
    return other;
}

static po_rc answer(void *user, struct po_ctx *cx, const struct po_script_host_call *call,
                    struct po_buf *ret_json, const char **ret_kind)
{
    struct script_fixtures *fx = user;
    char name[128];
    (void)ret_kind;
    po_str module = po_str_slice(call->module, 5, call->module.len);
    size_t len = 0;
    memcpy(name, module.ptr, module.len);
    len = module.len;
    name[len++] = '.';
    memcpy(name + len, call->name.ptr, call->name.len);
    len += call->name.len;
    name[len] = '\0';
    po_buf_append_cstr(&fx->log, "    ");
    po_buf_append_cstr(&fx->log, name);
    po_buf_append_char(&fx->log, '(');
    po_buf_append(&fx->log, po_str_slice(call->args_json, 1, call->args_json.len - 1));
    po_buf_append_cstr(&fx->log, ")\n");
    const struct po_json *fixture = fx->root != NULL ? po_json_get(fx->root, name) : NULL;
    if (fixture != NULL) fixture = choose(cx, fixture, call->args_json);
    if (fixture == NULL) return PO_FAIL(cx, PO_DENIED, "%s is not granted", name);
    po_buf_append(ret_json, po_str_slice(po_buf_str(&fx->text), fixture->offset, fixture->end));
    return po_rc_ok();
}

static struct po_script_host host_of(struct script_fixtures *fx)
{
    return (struct po_script_host){
        .fns = fns, .fn_count = sizeof fns / sizeof fns[0], .call = answer, .user = fx};
}

struct po_script_host script_host_of(struct po_ctx *cx, struct script_fixtures *fx,
                                     const char *json)
{
    *fx = (struct script_fixtures){0};
    po_buf_init(&fx->text, 1u << 20);
    po_buf_init(&fx->log, 1u << 20);
    if (json != NULL) po_buf_append_cstr(&fx->text, json);
    if (json != NULL &&
        !po_is_ok(po_json_parse(cx, po_buf_str(&fx->text), PO_JSON_ALLOW_REAL, &fx->root))) {
        fx->root = NULL;
    }
    return host_of(fx);
}

struct po_script_host script_host_make(struct po_ctx *cx, struct script_fixtures *fx,
                                       const char *path)
{
    struct po_script_host host = script_host_of(cx, fx, NULL);
    if (path == NULL) return host;
    bool is_read =
        po_is_ok(po_fs_read(cx, path, &fx->text)) &&
        po_is_ok(po_json_parse(cx, po_buf_str(&fx->text), PO_JSON_ALLOW_REAL, &fx->root));
    if (!is_read) fx->root = NULL;
    return host;
}

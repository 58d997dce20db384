/*
 * Fixtures: what a test's host functions answer. Nothing outside is read, nothing is changed.
 *
 * {"pass": {"now": 1767323045, "facts": {"ledger.events": {...}},
 *           "answers": [{"module": "fs", "name": "read", "args": ["/a"], "value": "x"},
 *                       {"module": "fs", "name": "read", "error": "no such file"}]}}
 *
 * `answers` are asked first: of those that fit (module, name, and args when given) the first that was
 * not used yet, and when all were used the last. Then facts by name, then now for time.now().
 */
#include "script_priv.h"

struct po_script_fixtures {
    po_str text;
    const struct po_json *root;   /* NULL: there is no file */
    const struct po_json *chosen; /* NULL: an empty one */
    bool *used;                   /* of the chosen one's answers */
};

static PO_RC check_members(struct po_ctx *cx, const struct po_json *object,
                           const char *const *known, po_str where)
{
    if (object->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "fixture '%.*s' is no object", PO_STR_ARG(where));
    for (const struct po_json *member = object->first; member != NULL; member = member->next) {
        bool is_known = false;
        for (size_t i = 0; known[i] != NULL; i++)
            if (po_str_eq_cstr(member->key, known[i])) is_known = true;
        if (!is_known)
            return PO_FAIL(cx, PO_INVALID, "fixture '%.*s' has the unknown member '%.*s'",
                           PO_STR_ARG(where), PO_STR_ARG(member->key));
    }
    return po_rc_ok();
}

static PO_RC check_answer(struct po_ctx *cx, const struct po_json *answer, po_str where)
{
    static const char *const known[] = {"module", "name", "args", "value", "error", NULL};
    po_str text = {NULL, 0};
    PO_TRY(cx, check_members(cx, answer, known, where));
    PO_TRY(cx, po_json_get_str(cx, answer, "module", &text));
    PO_TRY(cx, po_json_get_str(cx, answer, "name", &text));
    const struct po_json *args = po_json_get(answer, "args");
    bool has_value = po_json_get(answer, "value") != NULL;
    bool has_error = po_json_get(answer, "error") != NULL;
    if (args != NULL && args->type != PO_JSON_ARRAY)
        return PO_FAIL(cx, PO_INVALID, "fixture '%.*s': 'args' is no array", PO_STR_ARG(where));
    if (has_value == has_error)
        return PO_FAIL(cx, PO_INVALID, "fixture '%.*s': an answer has either 'value' or 'error'",
                       PO_STR_ARG(where));
    return po_rc_ok();
}

static PO_RC check_fixture(struct po_ctx *cx, const struct po_json *fixture)
{
    static const char *const known[] = {"now", "facts", "answers", NULL};
    PO_TRY(cx, check_members(cx, fixture, known, fixture->key));
    const struct po_json *now = po_json_get(fixture, "now");
    const struct po_json *facts = po_json_get(fixture, "facts");
    const struct po_json *answers = po_json_get(fixture, "answers");
    if (now != NULL && now->type != PO_JSON_INT)
        return PO_FAIL(cx, PO_INVALID, "fixture '%.*s': 'now' is no integer",
                       PO_STR_ARG(fixture->key));
    if (facts != NULL && facts->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "fixture '%.*s': 'facts' is no object",
                       PO_STR_ARG(fixture->key));
    if (answers != NULL && answers->type != PO_JSON_ARRAY)
        return PO_FAIL(cx, PO_INVALID, "fixture '%.*s': 'answers' is no array",
                       PO_STR_ARG(fixture->key));
    for (const struct po_json *at = answers ? answers->first : NULL; at != NULL; at = at->next)
        PO_TRY(cx, check_answer(cx, at, fixture->key));
    return po_rc_ok();
}

PO_RC po_script_fixtures_read(struct po_ctx *cx, po_str json, struct po_script_fixtures **ret_set)
{
    struct po_script_fixtures *set = NULL;
    PO_ARENA_NEW(cx, set, 1);
    set->text = json;
    if (json.len > 0) {
        struct po_json *root = NULL;
        PO_TRY(cx, po_json_parse(cx, json, PO_JSON_ALLOW_REAL, &root));
        if (root->type != PO_JSON_OBJECT)
            return PO_FAIL(cx, PO_INVALID, "the fixtures are no object of names");
        for (const struct po_json *at = root->first; at != NULL; at = at->next)
            PO_TRY(cx, check_fixture(cx, at));
        set->root = root;
    }
    *ret_set = set;
    return po_rc_ok();
}

PO_RC po_script_fixtures_use(struct po_ctx *cx, struct po_script_fixtures *set, po_str name)
{
    set->chosen = NULL;
    set->used = NULL;
    if (name.len == 0) return po_rc_ok();
    for (const struct po_json *at = set->root ? set->root->first : NULL; at != NULL; at = at->next)
        if (po_str_eq(at->key, name)) set->chosen = at;
    if (set->chosen == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "there is no fixture '%.*s'", PO_STR_ARG(name));
    const struct po_json *answers = po_json_get(set->chosen, "answers");
    PO_ARENA_NEW(cx, set->used, (answers ? answers->count : 0) + 1);
    return po_rc_ok();
}

/* ---- answering ---------------------------------------------------------------------------------- */

/* "fs" and "host/fs" are the same module. */
static bool is_module(po_str written, po_str module)
{
    return po_str_eq(written, module) || (po_str_starts(module, PO_LIT("host/")) &&
                                          po_str_eq(written, po_str_slice(module, 5, module.len)));
}

/* Equal values, whatever the order of members and the blanks. */
static bool is_equal(const struct po_json *a, const struct po_json *b, int depth)
{
    if (a == NULL || b == NULL || depth > PO_JSON_DEPTH_MAX || a->type != b->type ||
        a->count != b->count)
        return false;
    const struct po_json *other = b->first;
    for (const struct po_json *at = a->first; at != NULL && other != NULL; at = at->next) {
        const struct po_json *twin = other;
        if (a->type == PO_JSON_OBJECT)
            for (twin = b->first; twin != NULL && !po_str_eq(twin->key, at->key);)
                twin = twin->next;
        if (!is_equal(at, twin, depth + 1)) return false;
        other = other->next;
    }
    return a->integer == b->integer && a->boolean == b->boolean && po_str_eq(a->str, b->str);
}

static const struct po_json *find_answer(struct po_script_fixtures *set,
                                         const struct po_script_host_call *call,
                                         const struct po_json *args)
{
    const struct po_json *answers = po_json_get(set->chosen, "answers");
    const struct po_json *found = NULL;
    size_t i = 0;
    for (const struct po_json *at = answers ? answers->first : NULL; at != NULL; at = at->next) {
        size_t number = i++;
        const struct po_json *wanted = po_json_get(at, "args");
        bool fits = is_module(po_json_get(at, "module")->str, call->module) &&
                    po_str_eq(po_json_get(at, "name")->str, call->name) &&
                    (wanted == NULL || is_equal(wanted, args, 0));
        if (!fits) continue;
        found = at;
        if (set->used[number]) continue;
        set->used[number] = true;
        return at;
    }
    return found;
}

/* "ledger_events" is the fact "ledger.events". */
static bool is_fact(po_str fact, po_str function)
{
    if (fact.len != function.len) return false;
    for (size_t i = 0; i < fact.len; i++)
        if ((fact.ptr[i] == '.' ? '_' : fact.ptr[i]) != function.ptr[i]) return false;
    return true;
}

static const struct po_json *find_value(const struct po_script_fixtures *set,
                                        const struct po_script_host_call *call)
{
    if (is_module(PO_LIT("time"), call->module) && po_str_eq_cstr(call->name, "now"))
        return po_json_get(set->chosen, "now");
    const struct po_json *facts = po_json_get(set->chosen, "facts");
    if (!is_module(PO_LIT("fact"), call->module) || facts == NULL) return NULL;
    for (const struct po_json *at = facts->first; at != NULL; at = at->next)
        if (is_fact(at->key, call->name)) return at;
    return NULL;
}

/* An error's kind must outlive the call: only the language's own names are taken. */
static const char *known_kind(po_str kind)
{
    static const char *const kinds[] = {"CapabilityDenied", "HostError", "InvalidArgument",
                                        "TypeMismatch", NULL};
    for (size_t i = 0; kinds[i] != NULL; i++)
        if (po_str_eq_cstr(kind, kinds[i])) return kinds[i];
    return "HostError";
}

static PO_RC answer_error(struct po_ctx *cx, const struct po_json *error, const char **ret_kind)
{
    const struct po_json *kind = po_json_get(error, "kind");
    const struct po_json *message = po_json_get(error, "message");
    po_str text = error->type == PO_JSON_STR ? error->str : PO_LIT("the fixture says so");
    if (message != NULL && message->type == PO_JSON_STR) text = message->str;
    *ret_kind = known_kind(kind != NULL ? kind->str : PO_LIT("HostError"));
    return PO_FAIL(cx, PO_IO, "%.*s", PO_STR_ARG(text));
}

po_rc po_script_fixtures_call(void *user, struct po_ctx *cx, const struct po_script_host_call *call,
                              struct po_buf *ret_json, const char **ret_kind)
{
    struct po_script_fixtures *set = user;
    struct po_json *args = NULL;
    PO_TRY(cx, po_json_parse(cx, call->args_json, PO_JSON_ALLOW_REAL, &args));
    const struct po_json *answer = set->chosen != NULL ? find_answer(set, call, args) : NULL;
    const struct po_json *error = po_json_get(answer, "error");
    if (error != NULL) return answer_error(cx, error, ret_kind);
    const struct po_json *value =
        answer != NULL ? po_json_get(answer, "value") : find_value(set, call);
    if (value == NULL)
        return PO_FAIL(cx, PO_NOTFOUND, "the fixture has no answer for %.*s.%.*s%.*s",
                       PO_STR_ARG(call->module), PO_STR_ARG(call->name),
                       PO_STR_ARG(call->args_json));
    po_buf_append(ret_json, po_str_slice(set->text, value->offset, value->end));
    return po_rc_ok();
}

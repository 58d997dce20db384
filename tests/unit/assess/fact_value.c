#include "unit/assess/fact_value.h"

#include "assess/assess_priv.h"
#include "lib/test.h"

#define VALUE_BYTES_MAX ((size_t)256 << 10)

const char *fact_type_of(const char *name)
{
    size_t count = 0;
    const struct po_fact *fact = po_fact_find(po_str_of(name));
    const struct po_fact_type *types = po_assess_fact_types(&count);
    if (fact != NULL) return fact->type;
    for (size_t i = 0; i < count; i++)
        if (strcmp(types[i].name, name) == 0) return types[i].type;
    test_fail(__FILE__, __LINE__, "no fact '%s'", name);
}

/* splitmix64 */
uint64_t fact_random(struct fact_change *change, uint64_t below)
{
    change->random += 0x9E3779B97F4A7C15U;
    uint64_t z = change->random;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return (z ^ (z >> 31)) % below;
}

static bool hits(struct fact_change *change)
{
    return change->percent > 0 && fact_random(change, 100) < change->percent;
}

/* ---- types ------------------------------------------------------------------------------------- */

/* Up to the next comma outside brackets; `rest` goes on behind it. */
static po_str next_part(po_str *rest)
{
    int depth = 0;
    size_t i = 0;
    for (; i < rest->len && (depth > 0 || rest->ptr[i] != ','); i++) {
        if (strchr("{[<", rest->ptr[i]) != NULL) depth++;
        if (strchr("}]>", rest->ptr[i]) != NULL) depth--;
    }
    po_str part = po_str_trim(po_str_slice(*rest, 0, i));
    *rest = po_str_slice(*rest, i < rest->len ? i + 1 : i, rest->len);
    return part;
}

static void put(struct fact_change *change, po_str type, po_str name, const struct po_json *given,
                struct po_buf *out);

/* ---- scalars ------------------------------------------------------------------------------------- */

static int64_t changed_int(struct fact_change *change, po_str name, int64_t value)
{
    static const int64_t steps[] = {-1000, -2, -1, 1, 2, 7, 1000};
    static const int64_t points[] = {-1,  0,   1,   2,     19,    20,    59,     60,      61,
                                     300, 365, 366, 450,   451,   900,   901,    59999,   60000,
                                     100, 15,  600, 86399, 86400, 86401, 999999, 1000000, -1000000};
    static const int64_t ages_s[] = {
        -5,      0,       1,    300,    599,      600,      601,      900,  86400, 172800,  2591999,
        2592000, 2592001, 3600, 604800, 31535999, 31536000, 31536001, 1200, 2400,  31622400};
    static const int64_t modes[] = {0,     0700,  0750, 0755, 0710, 0770,
                                    07777, 01750, 0640, 0777, 02750};
    if (po_str_eq_cstr(name, "mode_bits"))
        return modes[fact_random(change, sizeof modes / sizeof *modes)];
    if (po_str_ends(name, PO_LIT("_us")) && !po_str_eq_cstr(name, "offset_us"))
        return change->now_us -
               ages_s[fact_random(change, sizeof ages_s / sizeof *ages_s)] * PO_US_PER_S;
    if (fact_random(change, 2) == 0)
        return value + steps[fact_random(change, sizeof steps / sizeof *steps)];
    return points[fact_random(change, sizeof points / sizeof *points)];
}

static po_str changed_text(struct fact_change *change)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "b",
                                        "pass",
                                        "fail",
                                        "skipped",
                                        "untested",
                                        "error",
                                        "ok",
                                        "failed",
                                        "not checked",
                                        "root",
                                        "consistency",
                                        "none",
                                        "possible",
                                        "unknown",
                                        "health.checked",
                                        "process.crashed",
                                        "backup.created",
                                        "key.recovery_tested",
                                        "größer \"x\"",
                                        "path/with blank"};
    return po_str_of(texts[fact_random(change, sizeof texts / sizeof *texts)]);
}

static void put_scalar(struct fact_change *change, po_str type, po_str name,
                       const struct po_json *given, struct po_buf *out)
{
    if (po_str_eq_cstr(type, "int")) {
        int64_t value = given != NULL ? given->integer : 0;
        if (hits(change)) value = changed_int(change, name, value);
        po_buf_printf(out, "%ld", (long)value);
    } else if (po_str_eq_cstr(type, "bool")) {
        bool value = given != NULL && given->boolean;
        if (hits(change)) value = !value;
        po_buf_append_cstr(out, value ? "true" : "false");
    } else if (po_str_eq_cstr(type, "string")) {
        po_str value = given != NULL && given->type == PO_JSON_STR ? given->str : PO_LIT("");
        if (hits(change)) value = changed_text(change);
        po_json_quote(out, value);
    } else {
        check_that(po_str_starts(type, PO_LIT("HashMap<")), "type %.*s", PO_STR_ARG(type));
        po_buf_append_cstr(out, "{}");
    }
}

/* ---- containers ------------------------------------------------------------------------------------ */

static bool is_nothing(po_str type, po_str text)
{
    static const char *const nothings[] = {"0", "false", "\"\"", "[]", "{}"};
    if (po_str_ends(type, PO_LIT("?"))) return po_str_eq_cstr(text, "null");
    for (size_t i = 0; i < sizeof nothings / sizeof *nothings; i++)
        if (po_str_eq_cstr(text, nothings[i])) return true;
    return false;
}

static void put_record(struct fact_change *change, po_str type, const struct po_json *given,
                       struct po_buf *out)
{
    po_str rest = po_str_slice(type, 1, type.len - 1);
    bool is_first = true;
    po_buf_append_char(out, '{');
    while (rest.len > 0) {
        po_str member = next_part(&rest);
        size_t colon = po_str_find_char(member, ':', 0);
        check_that(colon < 60, "member '%.*s'", PO_STR_ARG(member));
        char name[64];
        PO_BUF_AUTO text;
        memcpy(name, member.ptr, colon);
        name[colon] = '\0';
        po_str inner = po_str_trim(po_str_slice(member, colon + 1, member.len));
        po_buf_init(&text, VALUE_BYTES_MAX);
        put(change, inner, po_str_of(name), po_json_get(given, name), &text);
        if (change->is_short && is_nothing(inner, po_buf_str(&text))) continue;
        if (!is_first) po_buf_append_char(out, ',');
        is_first = false;
        po_json_quote(out, po_str_of(name));
        po_buf_append_char(out, ':');
        po_buf_append(out, po_buf_str(&text));
    }
    po_buf_append_char(out, '}');
}

static void put_list(struct fact_change *change, po_str type, const struct po_json *given,
                     struct po_buf *out)
{
    po_str inner = po_str_trim(po_str_slice(type, 1, type.len - 1));
    size_t count = 0;
    po_buf_append_char(out, '[');
    for (const struct po_json *row = given != NULL ? given->first : NULL; row; row = row->next) {
        unsigned times = change->repeat > 1 ? change->repeat : 1;
        if (hits(change)) times = (unsigned)fact_random(change, 3);
        for (unsigned i = 0; i < times; i++) {
            if (count++ > 0) po_buf_append_char(out, ',');
            put(change, inner, PO_LIT(""), row, out);
        }
    }
    if (hits(change)) {
        if (count > 0) po_buf_append_char(out, ',');
        put(change, inner, PO_LIT(""), NULL, out);
    }
    po_buf_append_char(out, ']');
}

static void put(struct fact_change *change, po_str type, po_str name, const struct po_json *given,
                struct po_buf *out)
{
    bool is_null = given == NULL || given->type == PO_JSON_NULL;
    if (po_str_ends(type, PO_LIT("?"))) {
        bool is_changed = hits(change);
        if (is_null != is_changed) {
            po_buf_append_cstr(out, "null");
            return;
        }
        type = po_str_slice(type, 0, type.len - 1);
    }
    if (is_null) given = NULL;
    if (type.ptr[0] == '{')
        put_record(change, type, given, out);
    else if (type.ptr[0] == '[')
        put_list(change, type, given, out);
    else
        put_scalar(change, type, name, given, out);
}

void fact_value_put(struct fact_change *change, const char *type, const struct po_json *given,
                    struct po_buf *out)
{
    put(change, po_str_of(type), PO_LIT(""), given, out);
    check_ok_leaf(po_buf_check(out));
}

po_str fact_value(struct po_ctx *cx, const char *name, const struct po_json *given)
{
    struct fact_change none = {0};
    po_str text = {0};
    PO_BUF_AUTO buf;
    po_buf_init(&buf, VALUE_BYTES_MAX);
    fact_value_put(&none, fact_type_of(name), given, &buf);
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&buf), &text));
    return text;
}

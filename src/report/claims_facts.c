/*
 * The recorded facts that stand beside a readiness text (docs/spec/report.md 6.2).
 */
#include "claims_priv.h"

#define PERMILLE_MAX 1000

static const char *const kind_names[] = {"state", "percent", "ratio", "count"};

static PO_RC check_members(struct po_ctx *cx, const struct po_json *value, po_str id,
                           const char *const *allowed)
{
    for (const struct po_json *m = value->first; m != NULL; m = m->next) {
        size_t i = 0;
        while (allowed[i] != NULL && !po_str_eq_cstr(m->key, allowed[i]))
            i++;
        if (allowed[i] == NULL)
            return PO_FAIL(cx, PO_INVALID, "fact '%.*s' has an unknown member '%.*s'",
                           PO_STR_ARG(id), PO_STR_ARG(m->key));
    }
    return po_rc_ok();
}

static PO_RC read_about(struct po_ctx *cx, const struct po_json *value, struct po_claim_fact *fact)
{
    const struct po_json *array = NULL;
    PO_TRY(cx, po_json_get_array(cx, value, "about", &array));
    if (array->count == 0 || array->count > PO_CLAIM_ABOUT_MAX)
        return PO_FAIL(cx, PO_INVALID, "fact '%.*s': 'about' has not 1 to %d entries",
                       PO_STR_ARG(fact->id), PO_CLAIM_ABOUT_MAX);
    po_str *about = NULL;
    PO_ARENA_NEW(cx, about, array->count);
    for (const struct po_json *a = array->first; a != NULL; a = a->next) {
        if (a->type != PO_JSON_STR || po_str_trim(a->str).len == 0)
            return PO_FAIL(cx, PO_INVALID, "fact '%.*s': 'about' holds no words",
                           PO_STR_ARG(fact->id));
        about[fact->about_count++] = po_str_trim(a->str);
    }
    fact->about = about;
    return po_rc_ok();
}

static PO_RC read_ratios(struct po_ctx *cx, const struct po_json *value, struct po_claim_fact *fact)
{
    const struct po_json *array = NULL;
    PO_TRY(cx, po_json_get_array(cx, value, "ratios", &array));
    if (array->count == 0 || array->count > PO_CLAIM_RATIOS_MAX)
        return PO_FAIL(cx, PO_INVALID, "fact '%.*s': 'ratios' has not 1 to %d entries",
                       PO_STR_ARG(fact->id), PO_CLAIM_RATIOS_MAX);
    for (const struct po_json *a = array->first; a != NULL; a = a->next) {
        bool is_pair = a->type == PO_JSON_ARRAY && a->count == 2 && a->first->type == PO_JSON_INT &&
                       a->first->next->type == PO_JSON_INT;
        if (!is_pair || a->first->integer < 0 || a->first->next->integer < 1 ||
            a->first->integer > a->first->next->integer)
            return PO_FAIL(cx, PO_INVALID, "fact '%.*s': a ratio is not [passing, total]",
                           PO_STR_ARG(fact->id));
        fact->ratios[fact->ratio_count][0] = a->first->integer;
        fact->ratios[fact->ratio_count][1] = a->first->next->integer;
        fact->ratio_count++;
    }
    return po_rc_ok();
}

/* The members of its kind. */
static PO_RC read_value(struct po_ctx *cx, const struct po_json *value, struct po_claim_fact *fact)
{
    const struct po_json *holds = po_json_get(value, "holds");
    switch (fact->kind) {
    case PO_CLAIM_FACT_STATE:
        if (holds == NULL || holds->type != PO_JSON_BOOL)
            return PO_FAIL(cx, PO_INVALID, "fact '%.*s': 'holds' is not true or false",
                           PO_STR_ARG(fact->id));
        fact->holds = holds->boolean;
        return po_rc_ok();
    case PO_CLAIM_FACT_PERCENT:
        PO_TRY(cx, po_json_get_int(cx, value, "permille", &fact->permille));
        PO_TRY(cx, po_json_get_int(cx, value, "ready_permille", &fact->ready_permille));
        if (fact->permille < 0 || fact->permille > PERMILLE_MAX || fact->ready_permille < 0 ||
            fact->ready_permille > PERMILLE_MAX)
            return PO_FAIL(cx, PO_INVALID, "fact '%.*s': a value is not in 0..%d",
                           PO_STR_ARG(fact->id), PERMILLE_MAX);
        return po_rc_ok();
    case PO_CLAIM_FACT_RATIO: return read_ratios(cx, value, fact);
    case PO_CLAIM_FACT_COUNT: break;
    }
    PO_TRY(cx, po_json_get_int(cx, value, "count", &fact->count));
    PO_TRY(cx, po_json_get_int(cx, value, "expect", &fact->expect));
    return po_rc_ok();
}

static PO_RC read_fact(struct po_ctx *cx, const struct po_json *value, struct po_claim_fact *fact)
{
    static const char *const allowed[] = {"id",     "source", "says",     "about",
                                          "kind",   "holds",  "permille", "ready_permille",
                                          "ratios", "count",  "expect",   NULL};
    po_str kind;
    PO_TRY(cx, po_json_get_str(cx, value, "id", &fact->id));
    PO_TRY(cx, check_members(cx, value, fact->id, allowed));
    PO_TRY(cx, po_json_get_str(cx, value, "source", &fact->source));
    PO_TRY(cx, po_json_get_str(cx, value, "says", &fact->says));
    PO_TRY(cx, po_json_get_str(cx, value, "kind", &kind));
    size_t i = 0;
    while (i < sizeof kind_names / sizeof kind_names[0] && !po_str_eq_cstr(kind, kind_names[i]))
        i++;
    if (i == sizeof kind_names / sizeof kind_names[0])
        return PO_FAIL(cx, PO_INVALID, "fact '%.*s': unknown kind '%.*s'", PO_STR_ARG(fact->id),
                       PO_STR_ARG(kind));
    fact->kind = (enum po_claim_fact_kind)i;
    PO_TRY_MSG(cx, read_about(cx, value, fact), "facts");
    PO_TRY_MSG(cx, read_value(cx, value, fact), "fact '%.*s'", PO_STR_ARG(fact->id));
    return po_rc_ok();
}

PO_RC po_claim_facts_parse(struct po_ctx *cx, po_str json, struct po_claim_facts *ret_facts)
{
    static const char *const allowed[] = {"v", "subject", "facts", NULL};
    if (json.len > PO_CLAIMS_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the facts are larger than %zu bytes", PO_CLAIMS_BYTES_MAX);
    struct po_json *root = NULL;
    struct po_claim_facts result = {0};
    const struct po_json *array = NULL;
    int64_t version = 0;
    PO_TRY_MSG(cx, po_json_parse(cx, json, PO_JSON_STRICT, &root), "reading the facts");
    if (root->type != PO_JSON_OBJECT) return PO_FAIL(cx, PO_INVALID, "the facts are not an object");
    PO_TRY(cx, check_members(cx, root, PO_LIT("file"), allowed));
    PO_TRY(cx, po_json_get_int(cx, root, "v", &version));
    if (version != 1) return PO_FAIL(cx, PO_INVALID, "the facts are not of version 1");
    PO_TRY(cx, po_json_get_str(cx, root, "subject", &result.subject));
    PO_TRY(cx, po_json_get_array(cx, root, "facts", &array));
    if (array->count > PO_CLAIM_FACTS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "there are more than %d facts", PO_CLAIM_FACTS_MAX);
    struct po_claim_fact *facts = NULL;
    PO_ARENA_NEW(cx, facts, array->count + 1);
    for (const struct po_json *v = array->first; v != NULL; v = v->next) {
        struct po_claim_fact *fact = &facts[result.count];
        PO_TRY(cx, read_fact(cx, v, fact));
        for (size_t i = 0; i < result.count; i++) {
            if (po_str_eq(facts[i].id, fact->id))
                return PO_FAIL(cx, PO_INVALID, "fact '%.*s' occurs twice", PO_STR_ARG(fact->id));
        }
        result.count++;
    }
    result.facts = facts;
    *ret_facts = result;
    return po_rc_ok();
}

bool po_claim_fact_is_good(const struct po_claim_fact *fact)
{
    switch (fact->kind) {
    case PO_CLAIM_FACT_STATE: return fact->holds;
    case PO_CLAIM_FACT_PERCENT: return fact->permille >= fact->ready_permille;
    case PO_CLAIM_FACT_RATIO:
        for (size_t i = 0; i < fact->ratio_count; i++)
            if (fact->ratios[i][0] < fact->ratios[i][1]) return false;
        return true;
    case PO_CLAIM_FACT_COUNT: break;
    }
    return fact->count == fact->expect;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

bool po_claim_has_word(po_str text, po_str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (i > 0 && is_word_byte(text.ptr[i - 1]) && is_word_byte(word.ptr[0])) continue;
        size_t k = 0;
        while (k < word.len && lower(text.ptr[i + k]) == lower(word.ptr[k]))
            k++;
        if (k == word.len) return true;
    }
    return false;
}

bool po_claim_fact_is_about(const struct po_claim_fact *fact, po_str text)
{
    for (size_t i = 0; i < fact->about_count; i++) {
        po_str rest = fact->about[i];
        po_str word;
        bool has_all = true;
        while (has_all && po_str_next_field(&rest, ' ', &word))
            has_all = word.len == 0 || po_claim_has_word(text, word);
        if (has_all) return true;
    }
    return false;
}

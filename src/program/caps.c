/*
 * Capabilities: parsing @needs, sets, globs, ceilings of trust.
 *
 * Invariants
 *  1. A value that is not understood is refused when it is parsed; nothing is guessed later.
 *  2. Matching is linear in practice and never worse than pattern times value: no recursion.
 *  3. po_caps_cover_at errs to "no": what it calls covered is covered for every value.
 */
#include "program/caps_priv.h"

/* Which values a kind takes. */
enum cap_form {
    FORM_LIST, /* names, separated by commas; true is all */
    FORM_NAME, /* one glob of a name a text; true is all */
    FORM_PATH, /* absolute or "~/" */
    FORM_EXEC  /* absolute program, then one pattern an argument */
};

static const struct cap_row {
    const char *name;
    enum cap_form form;
    bool changes_things;
} rows[PO_CAP_COUNT] = {
    [PO_CAP_FACT] = {"fact", FORM_LIST, false},
    [PO_CAP_TIME] = {"time", FORM_LIST, false},
    [PO_CAP_FS_STAT] = {"fs_stat", FORM_PATH, false},
    [PO_CAP_FS_READ] = {"fs_read", FORM_PATH, false},
    [PO_CAP_FS_WRITE] = {"fs_write", FORM_PATH, true},
    [PO_CAP_EXEC] = {"exec", FORM_EXEC, true},
    [PO_CAP_NET] = {"net", FORM_NAME, true},
    [PO_CAP_ENV] = {"env", FORM_NAME, false},
    [PO_CAP_STORE] = {"store", FORM_LIST, false},
    [PO_CAP_AUDIT] = {"audit", FORM_LIST, false},
    [PO_CAP_EVIDENCE] = {"evidence", FORM_LIST, false},
    [PO_CAP_FLAGS] = {"flags", FORM_NAME, true},
    [PO_CAP_SECRET] = {"secret", FORM_LIST, false},
    [PO_CAP_NOTIFY] = {"notify", FORM_LIST, true},
    [PO_CAP_INCIDENT] = {"incident", FORM_LIST, true},
    [PO_CAP_SESSION] = {"session", FORM_LIST, true},
    [PO_CAP_IPBLOCK] = {"ipblock", FORM_LIST, true},
};

const char *po_cap_name(enum po_cap_kind kind)
{
    return (unsigned)kind < PO_CAP_COUNT ? rows[kind].name : "unknown";
}

bool po_cap_changes_things(enum po_cap_kind kind)
{
    return (unsigned)kind >= PO_CAP_COUNT || rows[kind].changes_things;
}

/* ---- globs -------------------------------------------------------------------------------------- */

struct glob {
    bool has_parts;   /* '*' stops at '/' */
    bool is_of_globs; /* the value is itself a glob: its "**" is more than a '*' takes */
};

/* May '*' take the value's character at `at`? */
static bool star_takes(const struct glob *glob, po_str value, size_t at)
{
    char c = value.ptr[at];
    if (glob->has_parts && c == '/') return false;
    if (!glob->is_of_globs || !glob->has_parts || c != '*') return true;
    bool is_after = at > 0 && value.ptr[at - 1] == '*';
    bool is_before = at + 1 < value.len && value.ptr[at + 1] == '*';
    return !is_after && !is_before;
}

/* Where to go on when the pattern does not match: after a wildcard, one character later. */
struct glob_retry {
    size_t pattern_at; /* SIZE_MAX: no such wildcard yet */
    size_t value_at;
};

/*
 * Iterative: only the last '*' and the last "**" are ever tried again. What an earlier wildcard could
 * take beyond that, the later one takes as well.
 */
static bool glob_match(const struct glob *glob, po_str pattern, po_str value)
{
    struct glob_retry star = {SIZE_MAX, 0};
    struct glob_retry stars = {SIZE_MAX, 0};
    size_t p = 0;
    size_t v = 0;
    while (v < value.len || p < pattern.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            bool is_wide = !glob->has_parts || (p + 1 < pattern.len && pattern.ptr[p + 1] == '*');
            while (p < pattern.len && pattern.ptr[p] == '*') {
                p++;
            }
            if (is_wide) star.pattern_at = SIZE_MAX;
            *(is_wide ? &stars : &star) = (struct glob_retry){p, v};
            continue;
        }
        if (p < pattern.len && v < value.len && pattern.ptr[p] == value.ptr[v]) {
            p++;
            v++;
            continue;
        }
        bool is_star = star.pattern_at != SIZE_MAX && star.value_at < value.len &&
                       star_takes(glob, value, star.value_at);
        struct glob_retry *retry = is_star ? &star : &stars;
        if (!is_star) star.pattern_at = SIZE_MAX;
        if (retry->pattern_at == SIZE_MAX || retry->value_at >= value.len) return false;
        v = ++retry->value_at;
        p = retry->pattern_at;
    }
    return true;
}

/* "/a/" with two stars covers "/a" too: a directory with all that is in it. */
static bool path_match(const struct glob *glob, po_str pattern, po_str value)
{
    if (glob_match(glob, pattern, value)) return true;
    if (!po_str_ends(pattern, PO_LIT("/**")) || pattern.len == 3) return false;
    return glob_match(glob, po_str_slice(pattern, 0, pattern.len - 3), value);
}

/* Pattern words, separated by blanks, against words separated by `sep`. */
static bool exec_match(const struct glob *glob, po_str pattern, po_str value, char sep)
{
    po_str word = {0};
    po_str arg = {0};
    if (!po_str_next_field(&pattern, ' ', &word) || !po_str_next_field(&value, sep, &arg))
        return false;
    if (!po_str_eq(word, arg)) return false;
    while (po_str_next_field(&pattern, ' ', &word)) {
        if (po_str_eq_cstr(word, "**") && pattern.ptr == NULL) return true;
        if (!po_str_next_field(&value, sep, &arg)) return false;
        if (glob->is_of_globs && po_str_eq_cstr(arg, "**") && value.ptr == NULL) return false;
        /* a pattern that begins with a wildcard lets no option through */
        bool is_option = po_str_starts(arg, PO_LIT("-")) && po_str_starts(word, PO_LIT("*"));
        if (is_option || !glob_match(glob, word, arg)) return false;
    }
    return !po_str_next_field(&value, sep, &arg);
}

/* The rest of a path below the home: "/x" of "<home>/x". */
static bool below_home(const char *home, po_str path, po_str *ret_rest)
{
    po_str root = po_str_of(home);
    while (root.len > 1 && root.ptr[root.len - 1] == '/') {
        root.len--;
    }
    if (home == NULL || root.len == 0 || !po_str_starts(path, root)) return false;
    *ret_rest = po_str_slice(path, root.len, path.len);
    return ret_rest->len == 0 || ret_rest->ptr[0] == '/';
}

/* A pattern "/x/" with two stars matches "/x" too: then that has to be covered as well. */
static bool each_path_match(const struct glob *glob, po_str pattern, po_str value)
{
    if (!path_match(glob, pattern, value)) return false;
    while (glob->is_of_globs && value.len > 3 && po_str_ends(value, PO_LIT("/**"))) {
        value.len -= 3;
        if (!path_match(glob, pattern, value)) return false;
    }
    return true;
}

/* `value` is concrete, or with `is_glob` a pattern all of whose matches must be covered. */
static bool path_covers(po_str pattern, const char *home, po_str value, bool is_glob)
{
    struct glob glob = {.has_parts = true, .is_of_globs = is_glob};
    if (po_str_eq_cstr(pattern, "/**")) return true;
    bool is_below = po_str_starts(pattern, PO_LIT("~/"));
    bool is_need_below = is_glob && po_str_starts(value, PO_LIT("~/"));
    if (!is_below || is_need_below) return each_path_match(&glob, pattern, value);
    po_str rest = {0};
    if (!below_home(home, value, &rest)) return false;
    if (rest.len == 0) return po_str_eq_cstr(pattern, "~/**");
    return each_path_match(&glob, po_str_slice(pattern, 1, pattern.len), rest);
}

/* Words of a command are apart by NUL when concrete, by a blank in a pattern. */
static bool value_covers(const struct po_cap *cap, const char *home, po_str value, bool is_glob)
{
    struct glob glob = {.has_parts = false, .is_of_globs = is_glob};
    switch (rows[cap->kind].form) {
    case FORM_PATH: return path_covers(cap->value, home, value, is_glob);
    case FORM_EXEC:
        if (po_str_eq_cstr(cap->value, "/**")) return true;
        return exec_match(&glob, cap->value, value, is_glob ? ' ' : '\0');
    case FORM_LIST:
    case FORM_NAME: break;
    }
    return glob_match(&glob, cap->value, value);
}

static bool set_covers(const struct po_caps *caps, const struct po_cap *asked, const char *home,
                       bool is_glob)
{
    if (asked->value.len == 0 || asked->value.len > PO_CAP_VALUE_BYTES_MAX) return false;
    for (size_t i = 0; i < caps->count; i++) {
        bool is_it = caps->at[i].kind == asked->kind &&
                     value_covers(&caps->at[i], home, asked->value, is_glob);
        if (is_it) return true;
    }
    return false;
}

bool po_caps_allow_at(const struct po_caps *caps, const struct po_cap *asked, const char *home)
{
    return set_covers(caps, asked, home, false);
}

bool po_caps_allow(const struct po_caps *caps, enum po_cap_kind kind, po_str value)
{
    struct po_cap asked = {kind, value};
    return set_covers(caps, &asked, NULL, false);
}

bool po_caps_cover_at(const struct po_caps *caps, const struct po_cap *need, const char *home)
{
    return set_covers(caps, need, home, true);
}

/* ---- sets --------------------------------------------------------------------------------------- */

bool po_caps_eq(const struct po_caps *a, const struct po_caps *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        bool is_same = a->at[i].kind == b->at[i].kind && po_str_eq(a->at[i].value, b->at[i].value);
        if (!is_same) return false;
    }
    return true;
}

static PO_RC find_kind(struct po_ctx *cx, po_str name, enum po_cap_kind *ret_kind)
{
    for (size_t i = 0; i < PO_CAP_COUNT; i++) {
        if (!po_str_eq_cstr(name, rows[i].name)) continue;
        *ret_kind = (enum po_cap_kind)i;
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_INVALID, "there is no capability '%.*s'", PO_STR_ARG(name));
}

/* Absolute or below the home, no "." and "..", no empty part, no three stars in a row. */
static bool is_path_glob(po_str value)
{
    po_str rest = value;
    po_str part = {0};
    if (po_str_starts(rest, PO_LIT("~/"))) rest = po_str_slice(rest, 1, rest.len);
    if (!po_str_starts(rest, PO_LIT("/"))) return false;
    if (rest.len == 1) return true;
    if (po_str_find(value, PO_LIT("***"), 0) != SIZE_MAX) return false;
    rest = po_str_slice(rest, 1, rest.len);
    while (po_str_next_field(&rest, '/', &part)) {
        bool is_odd = part.len == 0 || po_str_eq_cstr(part, ".") || po_str_eq_cstr(part, "..");
        if (is_odd) return false;
    }
    return true;
}

static PO_RC check_value(struct po_ctx *cx, enum po_cap_kind kind, po_str value)
{
    const char *name = rows[kind].name;
    if (value.len == 0) return PO_FAIL(cx, PO_INVALID, "capability '%s' has an empty value", name);
    if (value.len > PO_CAP_VALUE_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a value of capability '%s' is longer than %d bytes", name,
                       PO_CAP_VALUE_BYTES_MAX);
    for (size_t i = 0; i < value.len; i++)
        if ((uint8_t)value.ptr[i] < 0x20 || value.ptr[i] == 0x7F)
            return PO_FAIL(cx, PO_INVALID, "capability '%s' has a control character", name);
    if (rows[kind].form == FORM_PATH && !is_path_glob(value))
        return PO_FAIL(cx, PO_INVALID,
                       "capability '%s' takes absolute paths without '..', or '~/...', not '%.*s'",
                       name, PO_STR_ARG(value));
    if (rows[kind].form != FORM_EXEC) return po_rc_ok();
    po_str words = value;
    po_str program = {0};
    bool is_good = po_str_next_field(&words, ' ', &program) && is_path_glob(program) &&
                   program.ptr[0] == '/' && program.len > 1 &&
                   po_str_find_char(program, '*', 0) == SIZE_MAX;
    if (!is_good)
        return PO_FAIL(cx, PO_INVALID,
                       "capability 'exec' takes an absolute program and argument patterns, not "
                       "'%.*s'",
                       PO_STR_ARG(value));
    return po_rc_ok();
}

static PO_RC add_value(struct po_ctx *cx, struct po_caps *caps, enum po_cap_kind kind, po_str value)
{
    PO_TRY(cx, check_value(cx, kind, value));
    for (size_t i = 0; i < caps->count; i++)
        if (caps->at[i].kind == kind && po_str_eq(caps->at[i].value, value)) return po_rc_ok();
    if (caps->count == PO_CAPS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d capabilities", PO_CAPS_MAX);
    size_t at = caps->count++;
    for (; at > 0 && caps->at[at - 1].kind > kind; at--) {
        caps->at[at] = caps->at[at - 1];
    }
    caps->at[at] = (struct po_cap){.kind = kind};
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, value, &caps->at[at].value),
                "out of memory for capabilities");
    return po_rc_ok();
}

static PO_RC add_text(struct po_ctx *cx, struct po_caps *caps, enum po_cap_kind kind, po_str text)
{
    po_str name = {0};
    if (rows[kind].form != FORM_LIST) return add_value(cx, caps, kind, text);
    while (po_str_next_field(&text, ',', &name)) {
        PO_TRY(cx, add_value(cx, caps, kind, po_str_trim(name)));
    }
    return po_rc_ok();
}

static PO_RC add_member(struct po_ctx *cx, struct po_caps *caps, const struct po_json *member)
{
    enum po_cap_kind kind = PO_CAP_COUNT;
    PO_TRY(cx, find_kind(cx, member->key, &kind));
    bool is_named = rows[kind].form == FORM_LIST || rows[kind].form == FORM_NAME;
    if (member->type == PO_JSON_BOOL && member->boolean && is_named)
        return add_value(cx, caps, kind, PO_LIT("*"));
    if (member->type == PO_JSON_STR) return add_text(cx, caps, kind, member->str);
    bool is_list = member->type == PO_JSON_ARRAY && member->count > 0;
    for (const struct po_json *item = member->first; is_list && item != NULL; item = item->next) {
        if (item->type != PO_JSON_STR) is_list = false;
    }
    if (!is_list)
        return PO_FAIL(cx, PO_INVALID, "capability '%s' takes %s a text, or a list of texts",
                       rows[kind].name, is_named ? "true," : "not true but");
    for (const struct po_json *item = member->first; item != NULL; item = item->next) {
        PO_TRY(cx, add_text(cx, caps, kind, item->str));
    }
    return po_rc_ok();
}

PO_RC po_caps_of_json(struct po_ctx *cx, const struct po_json *object, struct po_caps *ret_caps)
{
    struct po_cap room[PO_CAPS_MAX];
    struct po_caps caps = {.at = room};
    if (object == NULL || object->type != PO_JSON_OBJECT)
        return PO_FAIL(cx, PO_INVALID, "capabilities are no JSON object");
    for (const struct po_json *member = object->first; member != NULL; member = member->next) {
        PO_TRY(cx, add_member(cx, &caps, member));
    }
    PO_ARENA_NEW(cx, caps.at, caps.count + 1);
    memcpy(caps.at, room, caps.count * sizeof *room);
    *ret_caps = caps;
    return po_rc_ok();
}

PO_RC po_caps_parse(struct po_ctx *cx, po_str needs_json, struct po_caps *ret_caps)
{
    struct po_json *root = NULL;
    if (needs_json.len == 0) {
        *ret_caps = (struct po_caps){0};
        return po_rc_ok();
    }
    PO_TRY_MSG(cx, po_json_parse(cx, needs_json, PO_JSON_STRICT, &root), "capabilities");
    return po_caps_of_json(cx, root, ret_caps);
}

void po_caps_put(const struct po_caps *caps, struct po_json_out *out)
{
    /* RFC 8785 wants the names sorted; kinds are not in that order */
    bool is_done[PO_CAP_COUNT] = {false};
    po_json_out_object(out);
    for (;;) {
        enum po_cap_kind next = PO_CAP_COUNT;
        for (size_t i = 0; i < caps->count; i++) {
            enum po_cap_kind kind = caps->at[i].kind;
            bool is_first = !is_done[kind] &&
                            (next == PO_CAP_COUNT || strcmp(rows[kind].name, rows[next].name) < 0);
            if (is_first) next = kind;
        }
        if (next == PO_CAP_COUNT) break;
        is_done[next] = true;
        po_json_out_key(out, rows[next].name);
        po_json_out_array(out);
        for (size_t i = 0; i < caps->count; i++)
            if (caps->at[i].kind == next) po_json_out_str(out, caps->at[i].value);
        po_json_out_array_end(out);
    }
    po_json_out_object_end(out);
}

/*
 * Ignore rules: gitignore(5) with bounded matching.
 */
#include "git_priv.h"

/* One rule of a line; false for comments, blanks and empty patterns. */
static bool parse_rule(po_str line, struct po_git_rule *rule)
{
    *rule = (struct po_git_rule){0};
    while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\r')) {
        if (line.len > 1 && line.ptr[line.len - 2] == '\\') break;
        line.len--;
    }
    if (line.len == 0 || line.ptr[0] == '#') return false;
    if (line.ptr[0] == '!') {
        rule->is_negated = true;
        line = po_str_slice(line, 1, line.len);
    }
    if (line.len > 0 && line.ptr[line.len - 1] == '/') {
        rule->is_dir_only = true;
        line.len--;
    }
    rule->has_slash = line.len > 0 && po_str_find_char(line, '/', 0) != SIZE_MAX;
    if (line.len > 0 && line.ptr[0] == '/') line = po_str_slice(line, 1, line.len);
    rule->pattern = line;
    return line.len > 0 && line.len <= PO_GIT_PATH_BYTES_MAX;
}

PO_RC po_git_rules_parse(struct po_ctx *cx, po_str text, size_t base_len,
                         const struct po_git_rules *parent, const struct po_git_rules **ret_rules)
{
    struct po_git_rules *rules = NULL;
    po_str rest = text;
    po_str line = {0};
    size_t lines = 0;
    while (po_str_next_line(&rest, &line) && lines < PO_GIT_RULES_MAX)
        lines++;
    PO_ARENA_NEW(cx, rules, 1);
    PO_ARENA_NEW(cx, rules->rules, lines + 1);
    rules->base_len = base_len;
    rules->parent = parent;
    while (po_str_next_line(&text, &line) && rules->count < lines)
        if (parse_rule(line, &rules->rules[rules->count])) rules->count++;
    *ret_rules = rules;
    return po_rc_ok();
}

/* "[a-z]", "[!a]": *at is after '[' and moves behind ']'. */
static bool match_class(po_str pattern, size_t *at, char c)
{
    size_t i = *at;
    bool is_negated = i < pattern.len && (pattern.ptr[i] == '!' || pattern.ptr[i] == '^');
    bool is_found = false;
    if (is_negated) i++;
    for (bool is_first = true; i < pattern.len && (is_first || pattern.ptr[i] != ']');
         is_first = false) {
        if (pattern.ptr[i] == '\\' && i + 1 < pattern.len) i++;
        char low = pattern.ptr[i];
        char high = low;
        if (i + 2 < pattern.len && pattern.ptr[i + 1] == '-' && pattern.ptr[i + 2] != ']') {
            high = pattern.ptr[i + 2];
            i += 2;
        }
        if ((unsigned char)c >= (unsigned char)low && (unsigned char)c <= (unsigned char)high)
            is_found = true;
        i++;
    }
    *at = i < pattern.len ? i + 1 : pattern.len;
    return is_found != is_negated && c != '/';
}

struct matcher {
    po_str pattern;
    po_str text;
    size_t steps;
};

/* Does one pattern element at *p (no star) match the character at *t? Both move on. */
static bool match_one(const struct matcher *m, size_t *p, size_t *t)
{
    if (*t >= m->text.len) return false;
    char want = m->pattern.ptr[*p];
    char c = m->text.ptr[*t];
    (*p)++;
    (*t)++;
    if (want == '?') return c != '/';
    if (want == '[') return match_class(m->pattern, p, c);
    if (want == '\\' && *p < m->pattern.len) want = m->pattern.ptr[(*p)++];
    return want == c;
}

/* How a star at *p may be used: '*' stays in a name, a whole "**" component crosses '/'. */
static bool read_star(po_str pattern, size_t *p, bool *ret_crosses)
{
    size_t stars = 0;
    while (*p + stars < pattern.len && pattern.ptr[*p + stars] == '*')
        stars++;
    bool is_start = *p == 0 || pattern.ptr[*p - 1] == '/';
    bool is_end = *p + stars == pattern.len || pattern.ptr[*p + stars] == '/';
    *ret_crosses = stars >= 2 && is_start && is_end;
    *p += stars;
    bool has_slash = *ret_crosses && *p < pattern.len;
    if (has_slash)
        (*p)++; /* the two stars of a leading or middle component match nothing as well */
    return has_slash;
}

static bool match_from(struct matcher *m, size_t p, size_t t, int depth)
{
    while (p < m->pattern.len) {
        if (++m->steps > PO_GIT_MATCH_STEPS_MAX || depth > 32) return false;
        if (m->pattern.ptr[p] != '*') {
            if (!match_one(m, &p, &t)) return false;
            continue;
        }
        bool crosses = false;
        bool is_component = read_star(m->pattern, &p, &crosses);
        if (crosses && p == m->pattern.len && !is_component) return t < m->text.len;
        for (;; t++) {
            bool is_place = !is_component || t == 0 || m->text.ptr[t - 1] == '/';
            if (is_place && match_from(m, p, t, depth + 1)) return true;
            if (t >= m->text.len || m->steps > PO_GIT_MATCH_STEPS_MAX) return false;
            if (!crosses && m->text.ptr[t] == '/') return false;
        }
    }
    return t == m->text.len;
}

bool po_git_match(po_str pattern, po_str text)
{
    struct matcher m = {.pattern = pattern, .text = text};
    return match_from(&m, 0, 0, 0);
}

static po_str last_name(po_str path)
{
    for (size_t i = path.len; i > 0; i--)
        if (path.ptr[i - 1] == '/') return po_str_slice(path, i, path.len);
    return path;
}

/* The last rule that matches decides; a deeper directory's rules come before those above. */
bool po_git_is_ignored(const struct po_git_rules *rules, po_str path, bool is_dir)
{
    for (; rules != NULL; rules = rules->parent) {
        po_str below = po_str_slice(path, rules->base_len, path.len);
        for (size_t i = rules->count; i > 0; i--) {
            const struct po_git_rule *rule = &rules->rules[i - 1];
            if (rule->is_dir_only && !is_dir) continue;
            po_str text = rule->has_slash ? below : last_name(below);
            if (po_git_match(rule->pattern, text)) return !rule->is_negated;
        }
    }
    return false;
}

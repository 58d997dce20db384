/*
 * Reading a readiness text: which lines claim something, and what.
 *
 * A claim is a list item, a check box, a table row with values, a "Key: value" line with a figure or
 * a status word, or a sentence that says ready, compliant or certified.
 */
#include "claims_priv.h"

#include "core/codec.h"

static const char *const negative_marks[] = {"❌", "✗", "✘", "🔴", "[ ]", NULL};
static const char *const positive_marks[] = {"✅", "✓", "✔", "🟢", "[x]", "[X]", NULL};
static const char *const plan_marks[] = {"🔄", NULL};
static const char *const plan_words[] = {"recommendation", "roadmap", "next step",
                                         "future",         "phase",   NULL};
static const char *const status_words[] = {"ready",   "compliant", "certified", "not met", "met",
                                           "passing", "passed",    "score",     NULL};

struct reading {
    struct po_claim_line *lines;
    size_t count;
    size_t number; /* of the line being read */
    po_str section;
    bool is_plan;
    bool is_code;
    bool is_table; /* the header row of a table was seen */
};

static bool has_mark(po_str text, const char *const *marks)
{
    for (size_t i = 0; marks[i] != NULL; i++) {
        if (po_str_find(text, po_str_of(marks[i]), 0) != SIZE_MAX) return true;
    }
    return false;
}

static bool has_any_word(po_str text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (po_claim_has_word(text, po_str_of(words[i]))) return true;
    }
    return false;
}

static bool is_plan_text(po_str text)
{
    return has_mark(text, plan_marks) || has_any_word(text, plan_words);
}

/* Without '*', '`' and the marks; in the arena. */
static PO_RC plain_text(struct po_ctx *cx, po_str text, po_str *ret_plain)
{
    char *out = po_arena_alloc(cx->arena, text.len + 1, 1);
    if (out == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    size_t n = 0;
    size_t i = 0;
    while (i < text.len) {
        po_str rest = po_str_slice(text, i, text.len);
        size_t skip = text.ptr[i] == '*' || text.ptr[i] == '`' ? 1 : 0;
        for (size_t m = 0; skip == 0 && negative_marks[m] != NULL; m++)
            if (po_str_starts(rest, po_str_of(negative_marks[m]))) skip = strlen(negative_marks[m]);
        for (size_t m = 0; skip == 0 && positive_marks[m] != NULL; m++)
            if (po_str_starts(rest, po_str_of(positive_marks[m]))) skip = strlen(positive_marks[m]);
        if (skip == 0) out[n++] = text.ptr[i];
        i += skip > 0 ? skip : 1;
    }
    *ret_plain = po_str_trim((po_str){out, n});
    return po_rc_ok();
}

/* -- figures in a line ----------------------------------------------------------------------------- */

static bool is_digit(po_str text, size_t i)
{
    return i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9';
}

/* Digits at *i as a number, at most nine of them; `*i` behind them. */
static int64_t read_digits(po_str text, size_t *i)
{
    int64_t value = 0;
    for (size_t n = 0; is_digit(text, *i); n++, (*i)++) {
        if (n < 9) value = 10 * value + (text.ptr[*i] - '0');
    }
    return value;
}

static void take_percent(struct po_claim_line *line, int64_t permille)
{
    if (line->has_permille) return;
    line->has_permille = true;
    line->permille = permille;
}

/* n/m: of 100 it is a percentage, else a ratio. */
static void take_ratio(struct po_claim_line *line, int64_t n, int64_t m)
{
    if (m == 100) {
        take_percent(line, 10 * n);
    } else if (!line->has_ratio) {
        line->has_ratio = true;
        line->passing = n;
        line->total = m;
    }
}

/* One number at *i, with what follows it. */
static void take_number(struct po_claim_line *line, po_str text, size_t *i)
{
    int64_t whole = read_digits(text, i);
    int64_t tenth = 0;
    bool has_point = *i < text.len && text.ptr[*i] == '.' && is_digit(text, *i + 1);
    if (has_point) {
        (*i)++;
        tenth = text.ptr[*i] - '0';
        (void)read_digits(text, i);
    }
    size_t after = *i;
    while (after < text.len && text.ptr[after] == ' ')
        after++;
    if (after < text.len && text.ptr[after] == '%') {
        take_percent(line, 10 * whole + tenth);
    } else if (!has_point && *i < text.len && text.ptr[*i] == '/' && is_digit(text, *i + 1)) {
        (*i)++;
        int64_t m = read_digits(text, i);
        take_ratio(line, whole, m);
    } else if (!has_point && !line->has_count) {
        line->has_count = true;
        line->count = whole;
    }
}

static void take_figures(struct po_claim_line *line)
{
    size_t i = 0;
    while (i < line->text.len) {
        bool starts = is_digit(line->text, i) &&
                      (i == 0 || line->text.ptr[i - 1] == ' ' || line->text.ptr[i - 1] == '(' ||
                       line->text.ptr[i - 1] == '<');
        if (starts)
            take_number(line, line->text, &i);
        else
            i++;
    }
}

/* -- lines ------------------------------------------------------------------------------------------- */

static PO_RC add_claim(struct po_ctx *cx, struct reading *r, po_str text)
{
    struct po_claim_line line = {
        .line = r->number, .section = r->section, .is_negative = has_mark(text, negative_marks)};
    PO_TRY(cx, plain_text(cx, text, &line.text));
    if (line.text.len == 0) return po_rc_ok();
    if (r->count == PO_CLAIMS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the text has more than %d claims", PO_CLAIMS_MAX);
    take_figures(&line);
    r->lines[r->count++] = line;
    return po_rc_ok();
}

static PO_RC read_heading(struct po_ctx *cx, struct reading *r, po_str line)
{
    size_t level = 0;
    while (level < line.len && line.ptr[level] == '#')
        level++;
    po_str title = po_str_slice(line, level, line.len);
    r->is_plan = is_plan_text(title);
    return plain_text(cx, title, &r->section);
}

/* "- x", "* x", "12. x": the text behind the marker, or no text. */
static po_str item_text(po_str line)
{
    if (po_str_starts(line, PO_LIT("- ")) || po_str_starts(line, PO_LIT("* ")))
        return po_str_trim(po_str_slice(line, 2, line.len));
    size_t i = 0;
    while (is_digit(line, i))
        i++;
    if (i > 0 && i <= 3 && po_str_starts(po_str_slice(line, i, line.len), PO_LIT(". ")))
        return po_str_trim(po_str_slice(line, i + 2, line.len));
    return (po_str){NULL, 0};
}

static bool is_rule_row(po_str line)
{
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (c != '|' && c != '-' && c != ':' && c != ' ') return false;
    }
    return true;
}

/* "| Name | value | ... |" -> "Name: value"; later cells are targets and gaps, not claims. */
static PO_RC read_row(struct po_ctx *cx, struct reading *r, po_str line)
{
    if (is_rule_row(line)) {
        r->is_table = true;
        return po_rc_ok();
    }
    if (!r->is_table || r->is_plan) return po_rc_ok();
    po_str rest = po_str_slice(line, 1, line.len);
    po_str name;
    po_str value;
    if (!po_str_next_field(&rest, '|', &name) || !po_str_next_field(&rest, '|', &value))
        return po_rc_ok();
    name = po_str_trim(name);
    value = po_str_trim(value);
    if (name.len == 0 || value.len == 0) return po_rc_ok();
    bool is_bad = has_mark(line, negative_marks);
    const char *text = po_arena_printf(cx->arena, "%s%.*s: %.*s", is_bad ? "❌ " : "",
                                       PO_STR_ARG(name), PO_STR_ARG(value));
    if (text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return add_claim(cx, r, po_str_of(text));
}

/* A line that is no item, row or heading: "**Score**: 85/100", "... is ready for ...". */
static PO_RC read_sentence(struct po_ctx *cx, struct reading *r, po_str line)
{
    if (r->is_plan || is_plan_text(line)) return po_rc_ok();
    bool is_pair = po_str_starts(line, PO_LIT("**")) && po_str_find_char(line, ':', 0) != SIZE_MAX;
    bool says_status = is_pair ? has_any_word(line, status_words)
                               : po_claim_has_word(line, PO_LIT("ready for")) ||
                                     po_claim_has_word(line, PO_LIT("compliant")) ||
                                     po_claim_has_word(line, PO_LIT("certified"));
    bool has_percent = is_pair && po_str_find_char(line, '%', 0) != SIZE_MAX;
    if (!says_status && !has_percent) return po_rc_ok();
    return add_claim(cx, r, line);
}

static PO_RC read_line(struct po_ctx *cx, struct reading *r, po_str line)
{
    line = po_str_trim(line);
    if (po_str_starts(line, PO_LIT("```"))) r->is_code = !r->is_code;
    if (r->is_code || line.len == 0 || po_str_starts(line, PO_LIT("```"))) {
        r->is_table = false;
        return po_rc_ok();
    }
    if (line.len > PO_CLAIM_LINE_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "line %zu of the text is longer than %d bytes", r->number,
                       PO_CLAIM_LINE_BYTES_MAX);
    if (line.ptr[0] == '|') return read_row(cx, r, line);
    r->is_table = false;
    if (line.ptr[0] == '#') return read_heading(cx, r, line);
    po_str item = item_text(line);
    if (item.ptr == NULL) return read_sentence(cx, r, line);
    /* What stands under a plan is not claimed, unless it is marked as done or not. */
    if (r->is_plan && !has_mark(item, positive_marks) && !has_mark(item, negative_marks))
        return po_rc_ok();
    return add_claim(cx, r, item);
}

PO_RC po_claims_read(struct po_ctx *cx, po_str text, struct po_claim_line **ret_lines,
                     size_t *ret_count)
{
    if (text.len > PO_CLAIMS_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the text is larger than %zu bytes", PO_CLAIMS_BYTES_MAX);
    size_t invalid = po_utf8_find_invalid(text);
    if (invalid != SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "the text is not UTF-8 at byte %zu", invalid);
    struct reading r = {.section = PO_LIT("")};
    PO_ARENA_NEW(cx, r.lines, PO_CLAIMS_MAX);
    po_str line;
    while (po_str_next_line(&text, &line)) {
        r.number++;
        PO_TRY(cx, read_line(cx, &r, line));
    }
    *ret_lines = r.lines;
    *ret_count = r.count;
    return po_rc_ok();
}

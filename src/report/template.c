/*
 * The template engine: text with typed macros and no logic beyond them (docs/spec/report.md 2).
 *
 * A line is copied; each {{macro}} is replaced. Names are looked up in the catalog and in the
 * registry of figures: an unknown name, a missing argument or an open brace is an error that names
 * the line, on dropped lines too.
 *
 * Limits   PO_TEMPLATE_BYTES_MAX, TOKENS_MAX arguments a macro
 */
#include "report_priv.h"

#define TOKENS_MAX 6
#define OPEN PO_LIT("{{")
#define CLOSE PO_LIT("}}")

struct token {
    po_str text;
    bool is_quoted;
};

struct macro {
    struct token tokens[TOKENS_MAX];
    size_t count;
};

/* A line being searched for macros. */
struct scan {
    po_str line;
    size_t at;
};

/* Where rendering stands. */
struct render {
    const struct po_model *model;
    po_str name;
    po_str line; /* the line without its newline */
    po_str rest; /* the lines after it */
    size_t number;
    struct po_buf *out;
    bool is_dropped;
};

#define LINE_FAIL(cx, r, format, ...)                                                              \
    PO_FAIL((cx), PO_INVALID, "%.*s:%zu: " format, PO_STR_ARG((r)->name), (r)->number, __VA_ARGS__)

/* -- reading macros -------------------------------------------------------------------------------- */

/* Cut one word or "quoted text" off the front of `rest`; false at the end. */
static bool next_token(po_str *rest, struct token *ret_token)
{
    *rest = po_str_trim(*rest);
    if (rest->len == 0) return false;
    if (rest->ptr[0] == '"') {
        size_t end = po_str_find_char(*rest, '"', 1);
        size_t stop = end == SIZE_MAX ? rest->len : end;
        *ret_token = (struct token){po_str_slice(*rest, 1, stop), true};
        *rest = po_str_slice(*rest, stop + 1, rest->len);
        return true;
    }
    size_t end = po_str_find_char(*rest, ' ', 0);
    *ret_token = (struct token){po_str_slice(*rest, 0, end), false};
    *rest = po_str_slice(*rest, end == SIZE_MAX ? rest->len : end, rest->len);
    return true;
}

/*
 * Find the next macro of the scanned line and go behind it.
 *
 * ret_before  out  text before it, or all that is left when there is none (ret_macro->count = 0)
 */
static PO_RC next_macro(struct po_ctx *cx, const struct render *r, struct scan *scan,
                        po_str *ret_before, struct macro *ret_macro)
{
    size_t open = po_str_find(scan->line, OPEN, scan->at);
    *ret_before = po_str_slice(scan->line, scan->at, open);
    ret_macro->count = 0;
    if (open == SIZE_MAX) {
        scan->at = scan->line.len;
        return po_rc_ok();
    }
    size_t close = po_str_find(scan->line, CLOSE, open);
    if (close == SIZE_MAX) return LINE_FAIL(cx, r, "'%s' without '}}'", "{{");
    po_str inside = po_str_slice(scan->line, open + OPEN.len, close);
    while (ret_macro->count < TOKENS_MAX &&
           next_token(&inside, &ret_macro->tokens[ret_macro->count]))
        ret_macro->count++;
    if (po_str_trim(inside).len > 0)
        return LINE_FAIL(cx, r, "a macro has more than %d words", TOKENS_MAX);
    if (ret_macro->count == 0) return LINE_FAIL(cx, r, "'%s' is empty", "{{}}");
    scan->at = close + CLOSE.len;
    return po_rc_ok();
}

static PO_RC get_row(struct po_ctx *cx, const struct render *r, const struct macro *m,
                     const struct po_requirement **ret_row)
{
    *ret_row = po_catalog_requirement(r->model->catalog, m->tokens[1].text);
    if (*ret_row == NULL)
        return LINE_FAIL(cx, r, "unknown row '%.*s'", PO_STR_ARG(m->tokens[1].text));
    return po_rc_ok();
}

static PO_RC get_category(struct po_ctx *cx, const struct render *r, const struct token *token,
                          size_t *ret_category)
{
    const struct po_catalog *catalog = r->model->catalog;
    const struct po_category *category = po_catalog_category(catalog, token->text);
    if (category == NULL)
        return LINE_FAIL(cx, r, "unknown category '%.*s'", PO_STR_ARG(token->text));
    *ret_category = (size_t)(category - catalog->categories);
    return po_rc_ok();
}

/* -- macros ---------------------------------------------------------------------------------------- */

static PO_RC run_fig(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    po_rc rc = po_figure_render(cx, r->model, m->tokens[1].text, r->out);
    if (rc.code == PO_NOTFOUND)
        return LINE_FAIL(cx, r, "unknown figure '%.*s'", PO_STR_ARG(m->tokens[1].text));
    return rc;
}

/* A figure's text put for %s, unless it is 0. */
static PO_RC run_opt(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    PO_BUF_AUTO value;
    po_buf_init(&value, PO_REPORT_BYTES_MAX);
    struct po_buf *out = r->out;
    r->out = &value;
    po_rc rc = run_fig(cx, r, m);
    r->out = out;
    PO_TRY(cx, rc);
    PO_TRY_LEAF(cx, po_buf_check(&value), "writing a figure");
    po_str format = m->tokens[2].text;
    size_t at = po_str_find(format, PO_LIT("%s"), 0);
    if (at == SIZE_MAX || !m->tokens[2].is_quoted)
        return LINE_FAIL(cx, r, "the format of '%.*s' has no %%s", PO_STR_ARG(m->tokens[1].text));
    if (po_str_eq_cstr(po_buf_str(&value), "0")) return po_rc_ok();
    po_buf_append(r->out, po_str_slice(format, 0, at));
    po_buf_append(r->out, po_buf_str(&value));
    po_buf_append(r->out, po_str_slice(format, at + 2, format.len));
    return po_rc_ok();
}

/* Worst grade of the rows that the lines up to the next heading name. */
static PO_RC section_grade(struct po_ctx *cx, const struct render *r, enum po_row_grade *ret_grade)
{
    struct render inside = *r;
    po_str rest = r->rest;
    po_str line;
    enum po_row_grade worst = PO_ROW_NA;
    size_t rows = 0;
    while (po_str_next_line(&rest, &line) && !po_str_starts(line, PO_LIT("#"))) {
        inside.number++;
        struct scan scan = {line, 0};
        while (scan.at < line.len) {
            po_str before;
            struct macro m;
            PO_TRY(cx, next_macro(cx, &inside, &scan, &before, &m));
            const struct po_requirement *row =
                m.count == 2 ? po_catalog_requirement(r->model->catalog, m.tokens[1].text) : NULL;
            if (row == NULL) continue;
            worst = po_row_worse(worst, po_row_of_controls(r->model, row->controls).grade);
            rows++;
        }
    }
    if (rows == 0) return LINE_FAIL(cx, r, "the %s names no row", "section");
    *ret_grade = worst;
    return po_rc_ok();
}

static PO_RC run_mark(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    if (po_str_eq_cstr(m->tokens[1].text, "section")) {
        enum po_row_grade grade = PO_ROW_UNTESTED;
        PO_TRY(cx, section_grade(cx, r, &grade));
        po_buf_append_cstr(r->out, po_row_mark(grade));
        return po_rc_ok();
    }
    if (po_str_eq_cstr(m->tokens[1].text, "overall")) {
        po_buf_append_cstr(r->out, r->model->readiness.is_ready ? "✅" : "❌");
        return po_rc_ok();
    }
    const struct po_requirement *row = NULL;
    PO_TRY(cx, get_row(cx, r, m, &row));
    po_buf_append_cstr(r->out, po_row_mark(po_row_of_controls(r->model, row->controls).grade));
    return po_rc_ok();
}

static PO_RC run_box(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    const struct po_requirement *row = NULL;
    PO_TRY(cx, get_row(cx, r, m, &row));
    bool is_done = po_row_of_controls(r->model, row->controls).grade == PO_ROW_PASS;
    po_buf_append_cstr(r->out, is_done ? "[x]" : "[ ]");
    return po_rc_ok();
}

static PO_RC run_refs(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    const struct po_requirement *row = NULL;
    PO_TRY(cx, get_row(cx, r, m, &row));
    po_row_refs(r->model, row->controls, r->out);
    return po_rc_ok();
}

/* The category whose name the line holds: "### {{light category}} Security (CC6)". */
static PO_RC run_light_category(struct po_ctx *cx, struct render *r)
{
    const struct po_catalog *catalog = r->model->catalog;
    for (size_t i = 0; i < catalog->category_count; i++) {
        if (po_str_find(r->line, catalog->categories[i].name, 0) == SIZE_MAX) continue;
        po_buf_append_cstr(r->out, po_met_light(po_model_category(r->model, i)->status));
        return po_rc_ok();
    }
    return LINE_FAIL(cx, r, "the line of '%s' names no category", "light category");
}

static PO_RC run_light(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    if (po_str_eq_cstr(m->tokens[1].text, "category")) return run_light_category(cx, r);
    const struct po_requirement *row = NULL;
    PO_TRY(cx, get_row(cx, r, m, &row));
    struct po_row state = po_row_of_controls(r->model, row->controls);
    po_buf_append_cstr(r->out, po_row_light(&state));
    return po_rc_ok();
}

static PO_RC run_word(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    const struct po_requirement *row = NULL;
    PO_TRY(cx, get_row(cx, r, m, &row));
    struct po_row state = po_row_of_controls(r->model, row->controls);
    po_buf_append_cstr(r->out, po_row_word(&state));
    return po_rc_ok();
}

static PO_RC run_impl(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    const struct po_requirement *row = NULL;
    PO_TRY(cx, get_row(cx, r, m, &row));
    struct po_row state = po_row_of_controls(r->model, row->controls);
    po_buf_append_cstr(r->out, po_row_impl(&state));
    return po_rc_ok();
}

static PO_RC run_pct(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    const struct po_requirement *row = NULL;
    PO_TRY(cx, get_row(cx, r, m, &row));
    po_row_pct(r->model, row, r->out);
    return po_rc_ok();
}

static PO_RC run_list(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    static const char *const kinds[] = {
        [PO_LIST_MET] = "met", [PO_LIST_GAPS] = "gaps", [PO_LIST_ALL] = "all"};
    size_t kind = 0;
    while (kind < 3 && !po_str_eq_cstr(m->tokens[1].text, kinds[kind]))
        kind++;
    if (kind == 3) return LINE_FAIL(cx, r, "unknown list '%.*s'", PO_STR_ARG(m->tokens[1].text));
    size_t category = 0;
    PO_TRY(cx, get_category(cx, r, &m->tokens[2], &category));
    PO_TRY(cx, po_row_list(cx, r->model, (enum po_list_kind)kind, category, r->out));
    return po_rc_ok();
}

static PO_RC run_if_pass(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    const struct po_requirement *row = NULL;
    PO_TRY(cx, get_row(cx, r, m, &row));
    if (po_row_of_controls(r->model, row->controls).grade != PO_ROW_PASS) r->is_dropped = true;
    return po_rc_ok();
}

/* {{if-none-met CATEGORY "A" else "B"}} */
static PO_RC run_if_none_met(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    size_t category = 0;
    PO_TRY(cx, get_category(cx, r, &m->tokens[1], &category));
    if (!m->tokens[2].is_quoted || !po_str_eq_cstr(m->tokens[3].text, "else") ||
        !m->tokens[4].is_quoted)
        return LINE_FAIL(cx, r, "'%s' is CATEGORY \"text\" else \"text\"", "if-none-met");
    bool has_met = po_row_list_has_met(r->model, category);
    po_buf_append(r->out, m->tokens[has_met ? 4 : 2].text);
    return po_rc_ok();
}

static PO_RC run_register(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    po_str name = m->tokens[1].text;
    bool is_date = po_str_ends(name, PO_LIT(".date"));
    if (is_date) name = po_str_slice(name, 0, name.len - (sizeof ".date" - 1));
    size_t i = 0;
    while (po_report_register_names[i] != NULL &&
           !po_str_eq_cstr(name, po_report_register_names[i]))
        i++;
    if (po_report_register_names[i] == NULL)
        return LINE_FAIL(cx, r, "unknown register '%.*s'", PO_STR_ARG(m->tokens[1].text));
    const struct po_view_register *entry = po_model_register(r->model, name);
    if (entry == NULL) {
        po_buf_append(r->out, is_date ? PO_LIT("n/a") : PO_LIT("not set"));
        return po_rc_ok();
    }
    char date[PO_TIME_DATE_BYTES];
    po_time_format_date(entry->set_us, date);
    if (is_date)
        po_buf_append_cstr(r->out, date);
    else
        po_report_append_text(r->out, entry->value);
    return po_rc_ok();
}

const char *const po_report_register_names[] = {"programme.target", "cost.effort", "cost.audit",
                                                "cost.annual",      "cost.tools",  NULL};

static const struct {
    const char *name;
    size_t tokens; /* with the name */
    PO_RC (*run)(struct po_ctx *cx, struct render *r, const struct macro *m);
} macros[] = {
    {"fig", 2, run_fig},           {"opt", 3, run_opt},         {"mark", 2, run_mark},
    {"box", 2, run_box},           {"refs", 2, run_refs},       {"light", 2, run_light},
    {"word", 2, run_word},         {"impl", 2, run_impl},       {"pct", 2, run_pct},
    {"list", 3, run_list},         {"if-pass", 2, run_if_pass}, {"if-none-met", 5, run_if_none_met},
    {"register", 2, run_register},
};

/* -- rendering --------------------------------------------------------------------------------- */

static PO_RC run_macro(struct po_ctx *cx, struct render *r, const struct macro *m)
{
    for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++) {
        if (!po_str_eq_cstr(m->tokens[0].text, macros[i].name)) continue;
        if (m->count != macros[i].tokens)
            return LINE_FAIL(cx, r, "'%s' takes %zu words", macros[i].name, macros[i].tokens - 1);
        return macros[i].run(cx, r, m);
    }
    return LINE_FAIL(cx, r, "unknown macro '%.*s'", PO_STR_ARG(m->tokens[0].text));
}

static PO_RC render_line(struct po_ctx *cx, struct render *r)
{
    size_t start = r->out->len;
    struct scan scan = {r->line, 0};
    r->is_dropped = false;
    while (scan.at < r->line.len) {
        po_str before;
        struct macro m;
        PO_TRY(cx, next_macro(cx, r, &scan, &before, &m));
        po_buf_append(r->out, before);
        if (m.count > 0) PO_TRY(cx, run_macro(cx, r, &m));
    }
    po_buf_append_char(r->out, '\n');
    if (r->is_dropped) po_buf_truncate(r->out, start);
    return po_rc_ok();
}

PO_RC po_template_render(struct po_ctx *cx, const struct po_model *model, po_str name, po_str text,
                         struct po_buf *out)
{
    if (text.len > PO_TEMPLATE_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "template '%.*s' is larger than %zu bytes", PO_STR_ARG(name),
                       PO_TEMPLATE_BYTES_MAX);
    struct render r = {.model = model, .name = name, .rest = text, .out = out};
    while (po_str_next_line(&r.rest, &r.line)) {
        r.number++;
        PO_TRY(cx, render_line(cx, &r));
        PO_TRY_LEAF(cx, po_buf_check(out), "writing '%.*s'", PO_STR_ARG(name));
    }
    return po_rc_ok();
}

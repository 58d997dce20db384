/* Memory, names and diagnostics of a compilation. */
#include "script/comp_priv.h"

#include "script/code_priv.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const tok_texts[TK_COUNT] = {"end of file",
                                                "identifier",
                                                "integer",
                                                "float",
                                                "string",
#define X(name, text) text,
                                                PO_KEYWORD_TABLE(X) PO_OPERATOR_TABLE(X)
#undef X
};

const char *po_tok_text(int kind) { return kind >= 0 && kind < TK_COUNT ? tok_texts[kind] : "?"; }

void *po_comp_alloc(struct po_comp *c, size_t count, size_t size)
{
    void *mem = po_arena_alloc(c->arena, count ? count : 1, size);
    if (mem == NULL) {
        c->is_dead = true;
        c->is_out_of_memory = true;
    }
    return mem;
}

bool po_comp_burn(struct po_comp *c, uint32_t fuel)
{
    c->fuel -= fuel;
    if (c->fuel < 0) c->is_dead = true;
    return !c->is_dead;
}

static uint32_t hash_bytes(po_str s)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (uint8_t)s.ptr[i]) * 16777619u;
    }
    return hash ^ (hash >> 15);
}

static bool grow_names(struct po_comp *c)
{
    uint32_t slots = c->name_slots ? c->name_slots * 2 : 512;
    struct po_name **table = po_comp_alloc(c, slots, sizeof *table);
    if (table == NULL) return false;
    for (uint32_t i = 0; i < c->name_slots; i++) {
        struct po_name *next = NULL;
        for (struct po_name *name = c->names[i]; name != NULL; name = next) {
            next = name->chain;
            name->chain = table[name->hash & (slots - 1)];
            table[name->hash & (slots - 1)] = name;
        }
    }
    c->names = table;
    c->name_slots = slots;
    return true;
}

struct po_name *po_comp_intern(struct po_comp *c, po_str s)
{
    uint32_t hash = hash_bytes(s);
    if (c->name_slots > 0) {
        struct po_name *name = c->names[hash & (c->name_slots - 1)];
        for (; name != NULL; name = name->chain) {
            if (name->hash == hash && po_str_eq(name->s, s)) return name;
        }
    }
    if (c->name_count >= c->name_slots && !grow_names(c)) return &c->dummy_name;
    struct po_name *name = po_comp_alloc(c, 1, sizeof *name);
    if (name == NULL) return &c->dummy_name;
    if (!po_is_ok(po_arena_copy(c->arena, s, &name->s))) {
        c->is_dead = c->is_out_of_memory = true;
        return &c->dummy_name;
    }
    name->hash = hash;
    name->const_index = -1;
    name->chain = c->names[hash & (c->name_slots - 1)];
    c->names[hash & (c->name_slots - 1)] = name;
    c->name_count++;
    return name;
}

struct po_name *po_comp_intern_cstr(struct po_comp *c, const char *s)
{
    return po_comp_intern(c, po_str_of(s));
}

bool po_module_index_lines(struct po_comp *c, struct po_module *m)
{
    uint32_t lines = 1;
    for (size_t i = 0; i < m->text.len; i++) {
        if (m->text.ptr[i] == '\n') lines++;
    }
    m->line_starts = po_comp_alloc(c, lines, sizeof *m->line_starts);
    if (m->line_starts == NULL) return false;
    m->line_count = 1;
    for (size_t i = 0; i < m->text.len; i++) {
        if (m->text.ptr[i] == '\n') m->line_starts[m->line_count++] = (uint32_t)i + 1;
    }
    return true;
}

/* Column counts code points, as editors do. */
bool po_comp_is_covered(const struct po_comp *c, const struct po_module *m)
{
    po_str path = c->config->coverage_path;
    if (!c->config->coverage) return false;
    return path.len == 0 ? m->is_entry : po_str_eq(m->path, path);
}

uint32_t po_line_at(const struct po_lines *lines, uint32_t pos)
{
    uint32_t low = 0;
    uint32_t high = lines->count;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (lines->starts[mid] <= pos) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return low + 1;
}

po_str po_line_text(const struct po_lines *lines, uint32_t line)
{
    if (line == 0 || line > lines->count) return PO_LIT("");
    size_t from = lines->starts[line - 1];
    size_t to = line < lines->count ? lines->starts[line] - 1 : lines->text.len;
    return po_str_slice(lines->text, from, to > from + 200 ? from + 200 : to);
}

void po_module_locate(const struct po_module *m, uint32_t pos, uint32_t *ret_line,
                      uint32_t *ret_column)
{
    struct po_lines lines = {m->text, m->line_starts, m->line_count};
    uint32_t line = po_line_at(&lines, pos);
    uint32_t column = 1;
    uint32_t start = m->line_count > 0 ? m->line_starts[line - 1] : 0;
    for (uint32_t i = start; i < pos && i < m->text.len; i++) {
        if (((uint8_t)m->text.ptr[i] & 0xC0) != 0x80) column++;
    }
    *ret_line = line;
    *ret_column = column;
}

/* Characters of the word or operator at `pos`, for the carets. */
static uint32_t word_width(const struct po_module *m, uint32_t pos)
{
    uint32_t width = 0;
    while (pos + width < m->text.len && width < 60) {
        char ch = m->text.ptr[pos + width];
        bool is_word = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                       (ch >= '0' && ch <= '9') || ch == '_';
        if (!is_word) break;
        width++;
    }
    return width ? width : 1;
}

static bool is_repeated(const struct po_script_diags *diags, const struct po_script_diag *diag)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct po_script_diag *other = &diags->at[i];
        if (other->line == diag->line && other->column == diag->column &&
            po_str_eq_cstr(po_str_of(other->code), diag->code) &&
            po_str_eq(other->path, diag->path)) {
            return true;
        }
    }
    return false;
}

/* six parameters: where (two), code, and what printf needs */
void po_comp_report(struct po_comp *c, struct po_module *m, uint32_t pos, const char *code,
                    const char *fmt, ...)
{
    struct po_script_diags *diags = c->diags;
    bool is_warning = code[0] == 'W';
    if (!is_warning && m != NULL) m->has_errors = true;
    if (c->is_dead && m != NULL) return; /* what follows from giving up says nothing of the text */
    if (diags->count >= PO_SCRIPT_DIAGS_MAX) {
        if (!is_warning) diags->error_count++;
        return;
    }
    struct po_script_diag diag = {.severity = is_warning ? PO_SCRIPT_WARNING : PO_SCRIPT_ERROR,
                                  .code = code};
    if (m != NULL) {
        diag.path = m->path;
        po_module_locate(m, pos, &diag.line, &diag.column);
        diag.width = word_width(m, pos);
        struct po_lines lines = {m->text, m->line_starts, m->line_count};
        diag.source_line = po_line_text(&lines, diag.line);
    }
    if (is_repeated(diags, &diag)) return;
    char text[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t used = po_printed(len, sizeof text);
    bool is_kept = po_is_ok(po_arena_copy(c->cx->arena, po_str_n(text, used), &diag.message)) &&
                   po_is_ok(po_arena_copy(c->cx->arena, diag.path, &diag.path)) &&
                   po_is_ok(po_arena_copy(c->cx->arena, diag.source_line, &diag.source_line));
    if (!is_kept) c->is_dead = c->is_out_of_memory = true;
    if (!is_warning) diags->error_count++;
    if (is_kept) diags->at[diags->count++] = diag;
}

void po_comp_hint(struct po_comp *c, const char *fmt, ...)
{
    if (c->diags->count == 0) return;
    char text[256];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t used = po_printed(len, sizeof text);
    po_str hint = {NULL, 0};
    if (!po_is_ok(po_arena_copy(c->cx->arena, po_str_n(text, used), &hint))) {
        c->is_dead = c->is_out_of_memory = true;
        return;
    }
    struct po_script_diag *last = &c->diags->at[c->diags->count - 1];
    if (last->hint.len == 0) last->hint = hint;
}

void po_script_diag_render_line(const struct po_script_diag *diag, struct po_buf *out)
{
    po_buf_append(out, diag->path);
    po_buf_append_char(out, ':');
    po_buf_append_u64(out, diag->line);
    po_buf_append_char(out, ':');
    po_buf_append_u64(out, diag->column);
    po_buf_append_cstr(out, diag->severity == PO_SCRIPT_ERROR ? ": error " : ": warning ");
    po_buf_append_cstr(out, diag->code);
    po_buf_append_cstr(out, ": ");
    po_buf_append(out, diag->message);
    po_buf_append_char(out, '\n');
}

static void append_repeated(struct po_buf *out, char ch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        po_buf_append_char(out, ch);
    }
}

void po_script_diag_render(const struct po_script_diag *diag, struct po_buf *out)
{
    po_buf_append_cstr(out, diag->severity == PO_SCRIPT_ERROR ? "error[" : "warning[");
    po_buf_append_cstr(out, diag->code);
    po_buf_append_cstr(out, "]: ");
    po_buf_append(out, diag->message);
    po_buf_append_cstr(out, "\n  --> ");
    po_buf_append(out, diag->path);
    if (diag->line == 0) {
        po_buf_append_char(out, '\n');
        return;
    }
    char number[16];
    int digits = snprintf(number, sizeof number, "%u", diag->line);
    size_t margin = digits > 0 ? (size_t)digits : 1;
    po_buf_append_char(out, ':');
    po_buf_append_cstr(out, number);
    po_buf_append_char(out, ':');
    po_buf_append_u64(out, diag->column);
    po_buf_append_char(out, '\n');
    po_buf_append_cstr(out, number);
    po_buf_append_cstr(out, " | ");
    po_buf_append(out, diag->source_line);
    po_buf_append_char(out, '\n');
    append_repeated(out, ' ', margin);
    po_buf_append_cstr(out, " | ");
    append_repeated(out, ' ', diag->column > 0 ? diag->column - 1 : 0);
    append_repeated(out, '^', diag->width);
    po_buf_append_char(out, '\n');
    if (diag->hint.len > 0) {
        po_buf_append_cstr(out, "help: ");
        po_buf_append(out, diag->hint);
        po_buf_append_char(out, '\n');
    }
}

/*
 * Lexer: UTF-8 text to tokens. One pass, no lookahead beyond three bytes, no recursion.
 *
 * Invariants
 *  1. Every token lies inside the text; positions are byte offsets.
 *  2. The token array ends with TK_EOF and never holds more than PO_SCRIPT_TOKENS_MAX others.
 */
#include "script/comp_priv.h"

#include "core/codec.h"

#include <math.h>
#include <stdlib.h>

#define NUMBER_BYTES_MAX 80

struct lexer {
    struct po_comp *c;
    struct po_module *m;
    po_str text;
    size_t at;
    uint32_t cap;
    bool nl;
    bool sp;
    bool is_bad;
};

static void lex_fail(struct lexer *lx, size_t pos, const char *code, const char *msg)
{
    if (!lx->is_bad) po_comp_report(lx->c, lx->m, (uint32_t)pos, code, "%s", msg);
    lx->is_bad = true;
}

static int byte_at(const struct lexer *lx, size_t at)
{
    return at < lx->text.len ? (uint8_t)lx->text.ptr[at] : -1;
}

static bool is_letter(int ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}
static bool is_digit(int ch) { return ch >= '0' && ch <= '9'; }
static int hex_value(int ch)
{
    if (is_digit(ch)) return ch - '0';
    if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
    if (ch >= 'A' && ch <= 'F') return ch - 'A' + 10;
    return -1;
}

static struct po_tok *add_tok(struct lexer *lx, int kind, size_t pos)
{
    struct po_module *m = lx->m;
    if (m->tok_count >= PO_SCRIPT_TOKENS_MAX && kind != TK_EOF) {
        lex_fail(lx, pos, "E0109", "more than 100000 tokens");
        return NULL;
    }
    if (m->tok_count == lx->cap) {
        uint32_t cap = lx->cap ? lx->cap * 2 : 256;
        struct po_tok *toks = po_comp_alloc(lx->c, cap, sizeof *toks);
        if (toks == NULL) {
            lx->is_bad = true;
            return NULL;
        }
        if (m->tok_count > 0) memcpy(toks, m->toks, m->tok_count * sizeof *toks);
        m->toks = toks;
        lx->cap = cap;
    }
    struct po_tok *tok = &m->toks[m->tok_count++];
    *tok = (struct po_tok){.kind = (uint8_t)kind,
                           .nl = lx->nl,
                           .sp = lx->sp,
                           .pos = (uint32_t)pos,
                           .end = (uint32_t)lx->at};
    lx->nl = false;
    lx->sp = false;
    return tok;
}

static void skip_line_comment(struct lexer *lx)
{
    while (lx->at < lx->text.len && lx->text.ptr[lx->at] != '\n') {
        lx->at++;
    }
    lx->sp = true;
}

static void skip_block_comment(struct lexer *lx)
{
    size_t start = lx->at;
    unsigned depth = 0;
    do {
        int ch = byte_at(lx, lx->at);
        int next = byte_at(lx, lx->at + 1);
        if (ch < 0) {
            lex_fail(lx, start, "E0104", "unterminated comment");
            return;
        }
        if (ch == '\n') lx->nl = true;
        bool opens = ch == '/' && next == '*';
        bool closes = ch == '*' && next == '/';
        if (opens && ++depth > PO_COMMENT_NESTING_MAX) {
            lex_fail(lx, lx->at, "E0105", "comment nesting deeper than 32");
            return;
        }
        if (closes) depth--;
        lx->at += opens || closes ? 2 : 1;
    } while (depth > 0);
    lx->sp = true;
}

static void lex_raw_string(struct lexer *lx)
{
    size_t start = lx->at;
    size_t close = po_str_find(lx->text, PO_LIT("\"\"\""), start + 3);
    if (close == SIZE_MAX) {
        lex_fail(lx, start, "E0102", "unterminated string");
        return;
    }
    size_t from = start + 3;
    if (from < close && lx->text.ptr[from] == '\n') from++;
    lx->at = close + 3;
    if (close - from > PO_SCRIPT_STRING_BYTES_MAX) {
        lex_fail(lx, start, "E0110", "string literal larger than 64 KiB");
        return;
    }
    struct po_tok *tok = add_tok(lx, TK_STR, start);
    if (tok) tok->name = po_comp_intern(lx->c, po_str_slice(lx->text, from, close));
}

/* \u{...}: lx->at is on the 'u'. */
static bool lex_unicode_escape(struct lexer *lx, struct po_buf *out)
{
    size_t at = lx->at + 1;
    uint32_t value = 0;
    unsigned digits = 0;
    if (byte_at(lx, at) != '{') return false;
    for (at++; digits < 7 && hex_value(byte_at(lx, at)) >= 0; at++, digits++) {
        value = value * 16 + (uint32_t)hex_value(byte_at(lx, at));
    }
    bool is_scalar = value <= 0x10FFFF && !(value >= 0xD800 && value <= 0xDFFF);
    if (digits == 0 || digits > 6 || byte_at(lx, at) != '}' || !is_scalar) return false;
    po_utf8_append(out, value);
    lx->at = at + 1;
    return true;
}

static bool lex_escape(struct lexer *lx, struct po_buf *out)
{
    static const char from[] = "nrt\\\"0'";
    static const char to[] = "\n\r\t\\\"\0'";
    int ch = byte_at(lx, lx->at);
    const char *found = ch > 0 ? strchr(from, ch) : NULL;
    if (found != NULL) {
        po_buf_append_char(out, to[found - from]);
        lx->at++;
        return true;
    }
    int high = hex_value(byte_at(lx, lx->at + 1));
    int low = high < 0 ? -1 : hex_value(byte_at(lx, lx->at + 2));
    if (ch == 'x' && high >= 0 && high < 8 && low >= 0) {
        po_buf_append_char(out, (char)(high * 16 + low));
        lx->at += 3;
        return true;
    }
    return ch == 'u' && lex_unicode_escape(lx, out);
}

static void lex_string(struct lexer *lx)
{
    size_t start = lx->at++;
    size_t run = lx->at;
    PO_BUF_AUTO text;
    po_buf_init(&text, PO_SCRIPT_STRING_BYTES_MAX);
    for (;;) {
        int ch = byte_at(lx, lx->at);
        if (ch < 0 || ch == '\n') {
            lex_fail(lx, start, "E0102", "unterminated string");
            return;
        }
        if (ch != '"' && ch != '\\') {
            lx->at++;
            continue;
        }
        po_buf_append(&text, po_str_slice(lx->text, run, lx->at));
        lx->at++;
        if (ch == '"') break;
        if (!lex_escape(lx, &text)) {
            lex_fail(lx, lx->at - 1, "E0103", "invalid escape sequence");
            return;
        }
        run = lx->at;
    }
    if (text.status == PO_LIMIT) lex_fail(lx, start, "E0110", "string literal larger than 64 KiB");
    if (text.status == PO_NOMEM) lx->c->is_dead = lx->c->is_out_of_memory = lx->is_bad = true;
    if (lx->is_bad) return;
    struct po_tok *tok = add_tok(lx, TK_STR, start);
    if (tok) tok->name = po_comp_intern(lx->c, po_buf_str(&text));
}

/* Digits of `base` with '_' between; false when the value passes 2^63. */
static bool read_integer(const char *digits, size_t len, unsigned base, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        uint64_t digit = (uint64_t)hex_value((uint8_t)digits[i]);
        if (__builtin_mul_overflow(value, base, &value)) return false;
        if (__builtin_add_overflow(value, digit, &value)) return false;
    }
    *ret_value = value;
    return value <= (uint64_t)INT64_MAX + 1;
}

/* Copies digits (without '_') from lx->at into text; returns the new length. */
static size_t take_digits(struct lexer *lx, unsigned base, char *text, size_t len)
{
    for (;; lx->at++) {
        int ch = byte_at(lx, lx->at);
        int value = hex_value(ch);
        if (ch != '_' && (value < 0 || value >= (int)base)) return len;
        if (ch != '_' && len < NUMBER_BYTES_MAX) text[len++] = (char)ch;
    }
}

static unsigned number_base(const struct lexer *lx)
{
    if (byte_at(lx, lx->at) != '0') return 10;
    switch (byte_at(lx, lx->at + 1)) {
    case 'x':
    case 'X': return 16;
    case 'b':
    case 'B': return 2;
    case 'o':
    case 'O': return 8;
    default: return 10;
    }
}

/* The part after the integer digits: ".5", "e-3"; true when there is one. */
static bool take_fraction(struct lexer *lx, char *text, size_t *len)
{
    bool is_float = false;
    if (byte_at(lx, lx->at) == '.' && is_digit(byte_at(lx, lx->at + 1))) {
        is_float = true;
        text[(*len)++] = '.';
        lx->at++;
        *len = take_digits(lx, 10, text, *len);
    }
    size_t at = lx->at;
    int ch = byte_at(lx, at);
    if (ch != 'e' && ch != 'E') return is_float;
    at++;
    bool has_sign = byte_at(lx, at) == '+' || byte_at(lx, at) == '-';
    if (!is_digit(byte_at(lx, at + (has_sign ? 1 : 0)))) return is_float;
    text[(*len)++] = 'e';
    if (has_sign) text[(*len)++] = (char)byte_at(lx, at++);
    lx->at = at;
    while (is_digit(byte_at(lx, lx->at))) {
        if (*len < NUMBER_BYTES_MAX + 8) text[(*len)++] = (char)byte_at(lx, lx->at);
        lx->at++;
    }
    return true;
}

static void lex_number(struct lexer *lx)
{
    size_t start = lx->at;
    char text[NUMBER_BYTES_MAX + 16] = {0};
    unsigned base = number_base(lx);
    if (base != 10) lx->at += 2;
    size_t len = take_digits(lx, base, text, 0);
    bool is_float = base == 10 && take_fraction(lx, text, &len);
    if (len == 0 || len >= NUMBER_BYTES_MAX || is_letter(byte_at(lx, lx->at)) ||
        is_digit(byte_at(lx, lx->at))) {
        lex_fail(lx, start, "E0106", "malformed number");
        return;
    }
    if (is_float) {
        double value = strtod(text, NULL);
        if (!isfinite(value)) {
            lex_fail(lx, start, "E0108", "float literal out of range");
            return;
        }
        struct po_tok *tok = add_tok(lx, TK_FLOAT, start);
        if (tok) tok->v.f = value;
        return;
    }
    uint64_t value = 0;
    if (!read_integer(text, len, base, &value)) {
        lex_fail(lx, start, "E0108", "integer literal out of range");
        return;
    }
    struct po_tok *tok = add_tok(lx, TK_INT, start);
    if (tok == NULL) return;
    tok->is_big = value > (uint64_t)INT64_MAX;
    tok->v.i = tok->is_big ? INT64_MIN : (int64_t)value;
}

static void lex_word(struct lexer *lx)
{
    size_t start = lx->at;
    while (is_letter(byte_at(lx, lx->at)) || is_digit(byte_at(lx, lx->at))) {
        lx->at++;
    }
    po_str word = po_str_slice(lx->text, start, lx->at);
    int kind = TK_ID;
    if (po_str_eq_cstr(word, "_")) kind = TK_UNDERSCORE;
    for (int k = TK_FN; k <= TK_NULL && word.len <= 8; k++) {
        if (po_str_eq_cstr(word, po_tok_text(k))) kind = k;
    }
    if (word.len > 255) lex_fail(lx, start, "E0111", "identifier longer than 255 characters");
    struct po_tok *tok = add_tok(lx, kind, start);
    if (tok) tok->name = po_comp_intern(lx->c, word);
}

static void lex_operator(struct lexer *lx)
{
    size_t start = lx->at;
    po_str rest = po_str_slice(lx->text, start, lx->text.len);
    for (int kind = TK_DOTDOTEQ; kind < TK_COUNT; kind++) {
        po_str op = po_str_of(po_tok_text(kind));
        if (po_str_starts(rest, op)) {
            lx->at += op.len;
            (void)add_tok(lx, kind, start);
            return;
        }
    }
    bool is_quote = byte_at(lx, start) == '\'';
    lex_fail(lx, start, "E0100",
             is_quote ? "unexpected character ' (strings use double quotes)"
                      : "unexpected character");
}

/* Well-formed UTF-8 without bidirectional controls. */
static bool check_text(struct lexer *lx)
{
    if (lx->text.len > PO_SCRIPT_SOURCE_BYTES_MAX) {
        lex_fail(lx, 0, "E0101", "source larger than 1 MiB");
        return false;
    }
    size_t bad = po_utf8_find_invalid(lx->text);
    if (bad != SIZE_MAX) {
        lex_fail(lx, bad, "E0112", "source is not valid UTF-8");
        return false;
    }
    for (size_t i = 0; i + 1 < lx->text.len; i++) {
        const uint8_t *b = (const uint8_t *)lx->text.ptr + i;
        bool is_bidi = b[0] == 0xD8 && b[1] == 0x9C;
        if (b[0] == 0xE2 && i + 2 < lx->text.len) {
            is_bidi = (b[1] == 0x80 &&
                       (b[2] == 0x8E || b[2] == 0x8F || (b[2] >= 0xAA && b[2] <= 0xAE))) ||
                      (b[1] == 0x81 && b[2] >= 0xA6 && b[2] <= 0xA9);
        }
        if (is_bidi) {
            lex_fail(lx, i, "E0107", "bidirectional control character in source");
            return false;
        }
    }
    return true;
}

bool po_lex(struct po_comp *c, struct po_module *m)
{
    struct lexer lx = {.c = c, .m = m, .text = m->text, .nl = true, .sp = true};
    if (!po_module_index_lines(c, m) || !check_text(&lx)) return false;
    while (!lx.is_bad && lx.at < lx.text.len) {
        int ch = byte_at(&lx, lx.at);
        int next = byte_at(&lx, lx.at + 1);
        if (ch == '\n' || ch == ' ' || ch == '\t' || ch == '\r') {
            if (ch == '\n') lx.nl = true;
            lx.sp = true;
            lx.at++;
        } else if (ch == '/' && next == '/') {
            skip_line_comment(&lx);
        } else if (ch == '/' && next == '*') {
            skip_block_comment(&lx);
        } else if (ch == '"' && next == '"' && byte_at(&lx, lx.at + 2) == '"') {
            lex_raw_string(&lx);
        } else if (ch == '"') {
            lex_string(&lx);
        } else if (is_digit(ch)) {
            lex_number(&lx);
        } else if (is_letter(ch)) {
            lex_word(&lx);
        } else {
            lex_operator(&lx);
        }
    }
    if (lx.is_bad) return false;
    lx.nl = lx.sp = true;
    return add_tok(&lx, TK_EOF, lx.text.len) != NULL;
}

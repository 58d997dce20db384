/*
 * Which passwords are refused: NIST SP 800-63B 5.1.1.2.
 *
 * Length and encoding, then guessing: every place of the password that a guesser gets for free is
 * covered (common words and words of the context, also in capitals and with digits for letters; runs
 * as "aaa", "abc", "321"; keyboard rows; repeated blocks). At least UNCOVERED_MIN characters must
 * be left. No rule asks for kinds of characters.
 *
 * Lock/thread rule: pure. The password is decoded into one array that is wiped.
 */
#include "identity/credential.h"

#include "core/codec.h"
#include "core/embed.h"

#define UNCOVERED_MIN 8
#define COMMON_WORD_CHARS_MIN 4
#define CONTEXT_WORD_CHARS_MIN 3
#define RUN_CHARS_MIN 3
#define ROW_CHARS_MIN 4
#define BLOCK_CHARS_MAX 32
#define BLOCKLIST PO_LIT("content/web/common-passwords")

struct text {
    size_t count;
    uint32_t units[PO_PASSWORD_BYTES_MAX]; /* code points, ASCII letters in lower case */
    bool is_covered[PO_PASSWORD_BYTES_MAX];
};

static void wipe_text(struct text *text) { po_wipe(text, sizeof *text); }

static uint32_t fold(uint32_t unit) { return unit >= 'A' && unit <= 'Z' ? unit + 32 : unit; }

/* Does a guesser who writes digits and signs for letters write `unit` for `letter`? */
static bool is_written_for(uint32_t unit, uint32_t letter)
{
    static const struct {
        char sign;
        const char *letters;
    } leet[] = {{'0', "o"}, {'1', "li"}, {'!', "il"}, {'3', "e"}, {'4', "a"}, {'@', "a"},
                {'5', "s"}, {'$', "s"},  {'7', "t"},  {'8', "b"}, {'9', "g"}};
    if (unit == letter) return true;
    if (unit >= 'a' || unit < '!') return false; /* no sign of the table: most are letters */
    for (size_t i = 0; i < sizeof leet / sizeof leet[0]; i++) {
        if (unit != (uint32_t)leet[i].sign) continue;
        for (const char *at = leet[i].letters; *at != '\0'; at++)
            if (letter == (uint32_t)*at) return true;
    }
    return false;
}

static void cover(struct text *text, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++)
        text->is_covered[i] = true;
}

/* ---- words ------------------------------------------------------------------------------------ */

static bool word_stands_at(const struct text *text, size_t at, const struct text *word)
{
    if (word->count > text->count - at) return false;
    for (size_t i = 0; i < word->count; i++)
        if (!is_written_for(text->units[at + i], word->units[i])) return false;
    return true;
}

static void cover_word(struct text *text, const struct text *word)
{
    for (size_t at = 0; at < text->count; at++)
        if (word_stands_at(text, at, word)) cover(text, at, word->count);
}

static void cover_common_words(struct text *text)
{
    po_str rest = {0};
    po_str line;
    struct text word;
    if (!po_embed_find(BLOCKLIST, &rest)) return;
    while (po_str_next_line(&rest, &line)) {
        if (line.len < COMMON_WORD_CHARS_MIN || line.ptr[0] == '#') continue;
        word.count = 0;
        while (word.count < line.len) {
            word.units[word.count] = (unsigned char)line.ptr[word.count];
            word.count++;
        }
        cover_word(text, &word);
    }
}

static bool is_word_unit(uint32_t unit)
{
    return unit >= 0x80 || (unit >= '0' && unit <= '9') || (unit >= 'a' && unit <= 'z');
}

/* Each part of "Anna-Maria Example" or "anna.example@example.org". */
static void cover_context(struct text *text, po_str words)
{
    struct text word = {0};
    size_t pos = 0;
    while (pos < words.len) {
        uint32_t unit = ' ';
        if (!po_is_ok(po_utf8_next(words, &pos, &unit))) return;
        unit = fold(unit);
        bool is_part = is_word_unit(unit) && word.count < PO_PASSWORD_BYTES_MAX;
        if (is_part) word.units[word.count++] = unit;
        if (is_part && pos < words.len) continue;
        if (word.count >= CONTEXT_WORD_CHARS_MIN) cover_word(text, &word);
        word.count = 0;
    }
}

/* ---- shapes ----------------------------------------------------------------------------------- */

/* "aaaa", "abcd", "4321": equal steps of -1, 0 or 1. */
static void cover_runs(struct text *text)
{
    for (int64_t step = -1; step <= 1; step++) {
        size_t start = 0;
        for (size_t i = 1; i <= text->count; i++) {
            bool goes_on =
                i < text->count && (int64_t)text->units[i] - (int64_t)text->units[i - 1] == step;
            if (goes_on) continue;
            if (i - start >= RUN_CHARS_MIN) cover(text, start, i - start);
            start = i;
        }
    }
}

/* Where the unit stands in a keyboard row, or -2. */
static int place_in_row(const char *row, uint32_t unit)
{
    for (int i = 0; row[i] != '\0'; i++)
        if ((uint32_t)row[i] == unit) return i;
    return -2;
}

static void cover_row(struct text *text, const char *row, int step)
{
    size_t start = 0;
    for (size_t i = 1; i <= text->count; i++) {
        int before = place_in_row(row, text->units[i - 1]);
        bool goes_on =
            i < text->count && before >= 0 && place_in_row(row, text->units[i]) == before + step;
        if (goes_on) continue;
        if (i - start >= ROW_CHARS_MIN) cover(text, start, i - start);
        start = i;
    }
}

static void cover_rows(struct text *text)
{
    static const char *const rows[] = {"1234567890", "qwertyuiop", "asdfghjkl",  "zxcvbnm",
                                       "qwertzuiop", "yxcvbnm",    "azertyuiop", "qsdfghjklm"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cover_row(text, rows[i], 1);
        cover_row(text, rows[i], -1);
    }
}

static bool is_repeated_at(const struct text *text, size_t at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text->units[at + i] != text->units[at + i - count]) return false;
    return true;
}

/* The second and later of equal blocks that follow each other. */
static void cover_repetitions(struct text *text)
{
    for (size_t count = 2; count <= BLOCK_CHARS_MAX; count++)
        for (size_t at = count; at + count <= text->count; at++)
            if (is_repeated_at(text, at, count)) cover(text, at, count);
}

/* ---- the check -------------------------------------------------------------------------------- */

static po_rc decode(struct po_ctx *cx, po_str password, struct text *text)
{
    size_t pos = 0;
    while (pos < password.len) {
        uint32_t unit = 0;
        if (!po_is_ok(po_utf8_next(password, &pos, &unit)))
            return PO_FAIL(cx, PO_INVALID, "the password is not valid UTF-8");
        if (unit < 0x20 || unit == 0x7f)
            return PO_FAIL(cx, PO_INVALID, "the password holds a control character");
        text->units[text->count++] = fold(unit);
    }
    return po_rc_ok();
}

static size_t count_uncovered(const struct text *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->count; i++)
        if (!text->is_covered[i]) count++;
    return count;
}

/* @control CC6.1 */
po_rc po_password_check(struct po_ctx *cx, po_str password, const struct po_password_rules *rules)
{
    PO_CLEANUP(wipe_text) struct text text = {0};
    size_t chars_min = rules->chars_min > 0 ? rules->chars_min : PO_PASSWORD_CHARS_MIN;
    if (password.len > PO_PASSWORD_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "the password has more than %d bytes", PO_PASSWORD_BYTES_MAX);
    PO_TRY(cx, decode(cx, password, &text));
    if (text.count < chars_min)
        return PO_FAIL(cx, PO_INVALID, "the password needs at least %zu characters", chars_min);
    cover_common_words(&text);
    cover_context(&text, PO_LIT("paulyops"));
    for (size_t i = 0; i < rules->word_count && i < PO_PASSWORD_WORDS_MAX; i++)
        cover_context(&text, rules->words[i]);
    cover_runs(&text);
    cover_rows(&text);
    cover_repetitions(&text);
    if (count_uncovered(&text) < UNCOVERED_MIN)
        return PO_FAIL(cx, PO_INVALID,
                       "the password is easy to guess: too much of it is common words, names, "
                       "sequences or repetitions");
    return po_rc_ok();
}

/*
 * The rules: each looks at one position of a line and says whether a secret starts there.
 */
#include "scan_priv.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_alpha(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }
static bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
static char lower(char c) { return is_upper(c) ? (char)(c - 'A' + 'a') : c; }

static char at(po_str line, size_t i) { return i < line.len ? line.ptr[i] : '\0'; }

static bool starts_at(po_str line, size_t i, const char *word)
{
    return po_str_starts(po_str_slice(line, i, line.len), po_str_of(word));
}

static bool starts_at_nocase(po_str line, size_t i, const char *word)
{
    size_t k = 0;
    while (word[k] != '\0') {
        if (lower(at(line, i + k)) != word[k]) return false;
        k++;
    }
    return true;
}

/* Bytes from `i` on that belong to a token of base64url-like characters. */
static size_t token_length(po_str line, size_t i)
{
    size_t n = 0;
    while (n < PO_SCAN_TOKEN_BYTES_MAX) {
        char c = at(line, i + n);
        if (!is_alnum(c) && c != '_' && c != '-' && c != '.' && c != '+' && c != '/' && c != '=')
            break;
        n++;
    }
    return n;
}

static bool is_word_start(po_str line, size_t i)
{
    return i == 0 || (!is_alnum(line.ptr[i - 1]) && line.ptr[i - 1] != '_');
}

/* ---- keys and tokens -------------------------------------------------------------------------- */

static bool is_private_key(po_str line, size_t i)
{
    if (starts_at(line, i, "AGE-SECRET-KEY-1")) return token_length(line, i) >= 60;
    if (!starts_at(line, i, "-----BEGIN ")) return false;
    size_t end = po_str_find(line, PO_LIT("PRIVATE KEY-----"), i);
    return end != SIZE_MAX && end - i <= 40;
}

static const struct {
    const char *prefix;
    size_t length_min; /* of the whole token */
} cloud_keys[] = {
    {"AKIA", 20},  {"ASIA", 20},     {"AIza", 39},        {"ghp_", 40},   {"gho_", 40},
    {"ghs_", 40},  {"ghu_", 40},     {"github_pat_", 60}, {"glpat-", 26}, {"xoxb-", 30},
    {"xoxp-", 30}, {"sk_live_", 24}, {"rk_live_", 24},    {"npm_", 40},   {"SG.", 60},
};

static bool is_cloud_key(po_str line, size_t i)
{
    if (!is_word_start(line, i)) return false;
    for (size_t k = 0; k < sizeof cloud_keys / sizeof *cloud_keys; k++) {
        if (!starts_at(line, i, cloud_keys[k].prefix)) continue;
        size_t length = token_length(line, i);
        bool is_aws = cloud_keys[k].length_min == 20;
        if (!is_aws) return length >= cloud_keys[k].length_min;
        for (size_t n = 4; n < 20; n++)
            if (!is_upper(at(line, i + n)) && !is_digit(at(line, i + n))) return false;
        return !is_alnum(at(line, i + 20));
    }
    return false;
}

static bool is_bearer(po_str line, size_t i)
{
    if (!is_word_start(line, i)) return false;
    if (starts_at_nocase(line, i, "bearer ")) return token_length(line, i + 7) >= 20;
    if (!starts_at(line, i, "eyJ")) return false;
    size_t length = token_length(line, i);
    po_str token = po_str_slice(line, i, i + length);
    size_t second = po_str_find(token, PO_LIT(".eyJ"), 0);
    return second != SIZE_MAX && po_str_find_char(token, '.', second + 1) != SIZE_MAX;
}

/* ---- assignments ------------------------------------------------------------------------------ */

static const char *const secret_words[] = {"password", "passwd",      "passphrase", "secret",
                                           "api_key",  "apikey",      "api-key",    "access_key",
                                           "token",    "private_key", "pwd"};

static const char *const placeholders[] = {"redacted", "secret", "hidden", "changeme_example",
                                           "none",     "null",   "true",   "false"};

/* A value that could be a secret: long enough, no placeholder, mixed unless `is_plain_enough`. */
static bool is_secret_value(po_str value, bool is_plain_enough)
{
    if (value.len < 6) return false;
    for (size_t k = 0; k < sizeof placeholders / sizeof *placeholders; k++)
        if (starts_at_nocase(value, 0, placeholders[k]) && value.len == strlen(placeholders[k]))
            return false;
    if (value.ptr[0] == '<' || value.ptr[0] == '$' || value.ptr[0] == '*' || value.ptr[0] == '[' ||
        value.ptr[0] == '{' || value.ptr[0] == '%')
        return false;
    if (is_plain_enough) return true;
    bool has_letter = false;
    bool has_other = false;
    for (size_t k = 0; k < value.len; k++) {
        if (is_alpha(value.ptr[k]))
            has_letter = true;
        else
            has_other = true;
    }
    return has_letter && has_other && value.len >= 8;
}

static size_t skip_blanks_and_quote(po_str line, size_t i)
{
    size_t end = i + 4;
    while (i < end && (at(line, i) == ' ' || at(line, i) == '"' || at(line, i) == '\''))
        i++;
    return i;
}

static po_str value_at(po_str line, size_t i)
{
    size_t n = 0;
    while (n < PO_SCAN_TOKEN_BYTES_MAX && i + n < line.len) {
        char c = line.ptr[i + n];
        if (c <= ' ' || c == '"' || c == '\'' || c == ',' || c == ';' || c == '|' || c == ')')
            break;
        n++;
    }
    return po_str_slice(line, i, i + n);
}

static bool is_password(po_str line, size_t i)
{
    for (size_t k = 0; k < sizeof secret_words / sizeof *secret_words; k++) {
        if (!starts_at_nocase(line, i, secret_words[k])) continue;
        size_t next = skip_blanks_and_quote(line, i + strlen(secret_words[k]));
        char sep = at(line, next);
        if (sep != '=' && sep != ':') continue;
        bool is_glued = sep == '=' && at(line, next + 1) != ' ';
        po_str value = value_at(line, skip_blanks_and_quote(line, next + 1));
        if (is_secret_value(value, is_glued)) return true;
    }
    return false;
}

static bool is_url_password(po_str line, size_t i)
{
    if (!starts_at(line, i, "://")) return false;
    bool has_colon = false;
    for (size_t n = 3; n < PO_SCAN_TOKEN_BYTES_MAX; n++) {
        char c = at(line, i + n);
        if (c <= ' ' || c == '/' || c == '"' || c == '\'') return false;
        if (c == ':') has_colon = true;
        if (c == '@') return has_colon && at(line, i + n - 1) != ':';
    }
    return false;
}

/* ---- personal data ----------------------------------------------------------------------------- */

/* systemd's instance names look like addresses */
static const char *const unit_suffixes[] = {"service", "timer", "socket", "target",
                                            "mount",   "path",  "slice",  "scope"};

static bool is_unit_suffix(po_str label)
{
    for (size_t k = 0; k < sizeof unit_suffixes / sizeof *unit_suffixes; k++)
        if (po_str_eq_cstr(label, unit_suffixes[k])) return true;
    return false;
}

static bool is_local_part(char c)
{
    return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '%';
}

/* `i` is the '@'. */
static bool is_email(po_str line, size_t i)
{
    if (at(line, i) != '@' || i == 0 || !is_local_part(line.ptr[i - 1])) return false;
    if (line.ptr[i - 1] == '.' || line.ptr[i - 1] == '-') return false;
    size_t n = 1;
    size_t label = 1; /* where the last label starts */
    while (n < PO_SCAN_TOKEN_BYTES_MAX) {
        char c = at(line, i + n);
        if (c == '.')
            label = n + 1;
        else if (!is_alnum(c) && c != '-')
            break;
        n++;
    }
    if (label == n && n > 2) { /* a full stop after the address */
        n--;
        label = n;
        while (label > 1 && line.ptr[i + label - 1] != '.')
            label--;
    }
    if (label == 1 || n - label < 2) return false;
    po_str top = po_str_slice(line, i + label, i + n);
    for (size_t k = 0; k < top.len; k++)
        if (!is_alpha(top.ptr[k])) return false;
    return !is_unit_suffix(top);
}

/* Issuer prefixes in use; keeps time stamps and counters out. */
static bool is_card_prefix(const char digits[static 20])
{
    if (digits[0] == '4') return true;
    if (digits[0] == '5') return digits[1] >= '1' && digits[1] <= '5';
    if (digits[0] == '3') return digits[1] == '4' || digits[1] == '7';
    return strncmp(digits, "6011", 4) == 0 || strncmp(digits, "65", 2) == 0;
}

static bool is_luhn(const char digits[static 20], size_t count)
{
    unsigned sum = 0;
    for (size_t k = 0; k < count; k++) {
        unsigned digit = (unsigned)(digits[count - 1 - k] - '0');
        if (k % 2 == 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
    }
    return sum % 10 == 0;
}

static bool is_card(po_str line, size_t i)
{
    if (!is_digit(at(line, i))) return false;
    if (i > 0 && (is_alnum(line.ptr[i - 1]) || line.ptr[i - 1] == '-' || line.ptr[i - 1] == '.'))
        return false;
    char digits[20] = {0};
    size_t count = 0;
    size_t n = i;
    for (; n < line.len && count < sizeof digits - 1; n++) {
        char c = line.ptr[n];
        if (is_digit(c))
            digits[count++] = c;
        else if ((c != ' ' && c != '-') || !is_digit(at(line, n + 1)))
            break;
    }
    if (count < 15 || count > 16 || is_alnum(at(line, n))) return false;
    if (at(line, n) == '.' && is_digit(at(line, n + 1))) return false;
    return is_card_prefix(digits) && is_luhn(digits, count);
}

typedef bool scan_rule_fn(po_str line, size_t i);
static scan_rule_fn *const rules[PO_SCAN_RULE_COUNT] = {
    [PO_SCAN_PRIVATE_KEY] = is_private_key,
    [PO_SCAN_CLOUD_KEY] = is_cloud_key,
    [PO_SCAN_BEARER] = is_bearer,
    [PO_SCAN_PASSWORD] = is_password,
    [PO_SCAN_URL_PASSWORD] = is_url_password,
    [PO_SCAN_EMAIL] = is_email,
    [PO_SCAN_CARD] = is_card,
};

/* First characters that can start a match: most bytes need no further look. */
static const bool starts[256] = {
    ['-'] = true, ['A'] = true, ['a'] = true, ['G'] = true, ['g'] = true,         ['X'] = true,
    ['x'] = true, ['S'] = true, ['s'] = true, ['R'] = true, ['r'] = true,         ['N'] = true,
    ['n'] = true, ['B'] = true, ['b'] = true, ['e'] = true, ['P'] = true,         ['p'] = true,
    ['T'] = true, ['t'] = true, [':'] = true, ['@'] = true, ['0' ... '9'] = true,
};

bool po_scan_can_start(char c) { return starts[(unsigned char)c]; }

bool po_scan_rule_matches(enum po_scan_rule rule, po_str line, size_t i)
{
    return rules[rule] != NULL && rules[rule](line, i);
}

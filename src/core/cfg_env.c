/*
 * The syntax of config/.env, and the only reader of the process environment.
 */
#include "core/cfg_priv.h"

#include "core/codec.h"
#include "core/sys.h"

#include <stdlib.h>
#include <unistd.h>

#define ENV_VALUE_BYTES_MAX 4095
#define ENV_PREFIX "PAULYOPS_"
#define ENV_NAME_BYTES (sizeof ENV_PREFIX + PO_CFG_NAME_BYTES_MAX)

/* ---- environment ---- */

const char *po_env(const char *name)
{
    static const char *const known[] = {"HOME",
                                        "PATH",
                                        "PAULYOPS_HOME",
                                        "XDG_STATE_HOME",
                                        "XDG_CONFIG_HOME",
                                        "XDG_RUNTIME_DIR",
                                        "CREDENTIALS_DIRECTORY",
                                        "NO_COLOR",
                                        "NOTIFY_SOCKET",
                                        "WATCHDOG_USEC",
                                        "TERM"};
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        is_known = is_known || strcmp(known[i], name) == 0;
    const char *value = is_known ? secure_getenv(name) : NULL;
    if (value == NULL || value[0] == '\0' || strlen(value) > ENV_VALUE_BYTES_MAX) return NULL;
    return value;
}

const char *const *po_env_all(void) { return (const char *const *)environ; }

const char *po_env_option(const char *name)
{
    char variable[ENV_NAME_BYTES] = ENV_PREFIX;
    size_t len = strlen(name);
    if (len > PO_CFG_NAME_BYTES_MAX) return NULL;
    memcpy(variable + strlen(ENV_PREFIX), name, len + 1);
    const char *value = secure_getenv(variable);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

const char *po_env_find_unknown(void)
{
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        po_str text = po_str_of(*entry);
        if (!po_str_starts(text, PO_LIT(ENV_PREFIX))) continue;
        size_t end = po_str_find_char(text, '=', 0);
        po_str name = po_str_slice(text, strlen(ENV_PREFIX), end == SIZE_MAX ? text.len : end);
        enum po_cfg_id id = PO_CFG_COUNT;
        if (po_str_eq_cstr(name, "HOME") || po_is_ok(po_cfg_find(name, &id))) continue;
        return *entry + strlen(ENV_PREFIX);
    }
    return NULL;
}

/* ---- config/.env ---- */

static bool is_key_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The key's letters, digits and underscores; PO_CONFIG for anything else. */
static po_rc check_key(struct po_ctx *cx, po_str key, unsigned line)
{
    if (key.len > PO_CFG_NAME_BYTES_MAX)
        return PO_FAIL(cx, PO_CONFIG, "line %u: name of %zu bytes, at most %d", line, key.len,
                       PO_CFG_NAME_BYTES_MAX);
    bool is_good = key.len > 0 && key.ptr[0] >= 'A' && key.ptr[0] <= 'Z';
    for (size_t i = 0; i < key.len; i++)
        is_good = is_good && is_key_char(key.ptr[i]);
    if (!is_good)
        return PO_FAIL(cx, PO_CONFIG,
                       "line %u: a name starts with a letter A-Z and has only A-Z, 0-9 and '_'",
                       line);
    return po_rc_ok();
}

static po_rc unescape(struct po_ctx *cx, po_str quoted, unsigned line, po_str *ret_value,
                      size_t *ret_end)
{
    char *value = NULL;
    PO_ARENA_NEW(cx, value, quoted.len + 1);
    size_t len = 0;
    for (size_t i = 1; i < quoted.len; i++) {
        char c = quoted.ptr[i];
        if (c == '"') {
            *ret_value = po_str_n(value, len);
            *ret_end = i + 1;
            return po_rc_ok();
        }
        if (c == '\\') {
            c = ++i < quoted.len ? quoted.ptr[i] : '\0';
            if (c != '\\' && c != '"' && c != 'n')
                return PO_FAIL(cx, PO_CONFIG,
                               "line %u: after a backslash only \\, \" and n are known", line);
            if (c == 'n') c = '\n';
        }
        value[len++] = c;
    }
    return PO_FAIL(cx, PO_CONFIG, "line %u: the closing double quote is missing", line);
}

static po_rc parse_value(struct po_ctx *cx, po_str text, unsigned line, po_str *ret_value)
{
    if (text.len > 0 && text.ptr[0] == '"') {
        size_t end = 0;
        PO_TRY(cx, unescape(cx, text, line, ret_value, &end));
        if (!po_str_is_empty(po_str_trim(po_str_slice(text, end, text.len))))
            return PO_FAIL(cx, PO_CONFIG, "line %u: something follows the closing double quote",
                           line);
        return po_rc_ok();
    }
    if (text.len > 0 && text.ptr[0] == '\'')
        return PO_FAIL(cx, PO_CONFIG, "line %u: single quotes quote nothing, use double quotes",
                       line);
    if (po_str_find(text, PO_LIT(" #"), 0) != SIZE_MAX)
        return PO_FAIL(cx, PO_CONFIG,
                       "line %u: ' #' in a value: put comments on their own line, or the value in "
                       "double quotes",
                       line);
    *ret_value = text;
    return po_rc_ok();
}

/* Bytes no line may hold. Tabs are blanks. */
static po_rc check_bytes(struct po_ctx *cx, po_str text, unsigned line)
{
    if (text.len > PO_CFG_LINE_BYTES_MAX)
        return PO_FAIL(cx, PO_CONFIG, "line %u: %zu bytes, at most %d", line, text.len,
                       PO_CFG_LINE_BYTES_MAX);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\r')
            return PO_FAIL(cx, PO_CONFIG, "line %u: carriage return: lines end with \\n alone",
                           line);
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return PO_FAIL(cx, PO_CONFIG, "line %u: control character %d at byte %zu", line, c,
                           i + 1);
    }
    size_t bad = po_utf8_find_invalid(text);
    if (bad != SIZE_MAX)
        return PO_FAIL(cx, PO_CONFIG, "line %u: not UTF-8 at byte %zu", line, bad + 1);
    return po_rc_ok();
}

static po_rc parse_line(struct po_ctx *cx, po_str text, unsigned line, struct po_env_line *ret_line)
{
    size_t equals = po_str_find_char(text, '=', 0);
    if (equals == SIZE_MAX)
        return PO_FAIL(cx, PO_CONFIG, "line %u: neither NAME=VALUE nor a comment", line);
    po_str key = po_str_trim(po_str_slice(text, 0, equals));
    PO_TRY(cx, check_key(cx, key, line));
    po_str value = {NULL, 0};
    PO_TRY(cx,
           parse_value(cx, po_str_trim(po_str_slice(text, equals + 1, text.len)), line, &value));
    *ret_line = (struct po_env_line){.key = key, .value = value, .line = line};
    return po_rc_ok();
}

static po_rc check_duplicate(struct po_ctx *cx, const struct po_env_line *lines, size_t count)
{
    const struct po_env_line *latest = &lines[count - 1];
    for (size_t i = 0; i + 1 < count; i++)
        if (po_str_eq(lines[i].key, latest->key))
            return PO_FAIL(cx, PO_CONFIG, "line %u: '%.*s' stands in line %u already", latest->line,
                           PO_STR_ARG(latest->key), lines[i].line);
    return po_rc_ok();
}

po_rc po_env_parse(struct po_ctx *cx, po_str text, struct po_env_line **ret_lines,
                   size_t *ret_count)
{
    if (text.len > PO_CFG_FILE_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "%zu bytes, at most %zu", text.len, PO_CFG_FILE_BYTES_MAX);
    if (po_str_starts(text, PO_LIT("\xef\xbb\xbf")))
        return PO_FAIL(cx, PO_CONFIG, "line 1: byte order mark: save the file as plain UTF-8");
    struct po_env_line *lines = NULL;
    PO_ARENA_NEW(cx, lines, PO_CFG_LINES_MAX);
    size_t count = 0;
    unsigned number = 0;
    po_str line = {NULL, 0};
    while (po_str_next_line(&text, &line)) {
        if (++number > PO_CFG_LINES_MAX)
            return PO_FAIL(cx, PO_LIMIT, "more than %d lines", PO_CFG_LINES_MAX);
        PO_TRY(cx, check_bytes(cx, line, number));
        line = po_str_trim(line);
        if (po_str_is_empty(line) || line.ptr[0] == '#') continue;
        PO_TRY(cx, parse_line(cx, line, number, &lines[count]));
        count++;
        PO_TRY(cx, check_duplicate(cx, lines, count));
    }
    *ret_lines = lines;
    *ret_count = count;
    return po_rc_ok();
}

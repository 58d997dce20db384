/*
 * One value of an option: is it of its type and in its range.
 */
#include "core/cfg_priv.h"

#include "core/codec.h"

#define LIST_NAME_BYTES_MAX 32
#define PORT_MAX 65535

static po_rc refuse(struct po_cfg_value *value, const char *why)
{
    value->why = why;
    return po_rc_of(PO_INVALID);
}

static bool is_lower_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_host_char(char c)
{
    return is_lower_name_char(c) || (c >= 'A' && c <= 'Z') || c == '.';
}

static po_rc parse_text(struct po_ctx *cx, const struct po_cfg_option *option, po_str text,
                        struct po_cfg_value *value)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return refuse(value, "must not hold control characters");
    if (po_utf8_find_invalid(text) != SIZE_MAX) return refuse(value, "must be UTF-8");
    /* A LIST's range counts names, not bytes. */
    bool is_bounded = option->type == PO_CFG_TYPE_STR || option->type == PO_CFG_TYPE_PATH ||
                      option->type == PO_CFG_TYPE_URL || option->type == PO_CFG_TYPE_MAIL;
    if (!is_bounded || ((int64_t)text.len >= option->min && (int64_t)text.len <= option->max))
        return po_rc_ok();
    const char *why = po_arena_printf(cx->arena, "must have %ld to %ld bytes", (long)option->min,
                                      (long)option->max);
    return refuse(value, why != NULL ? why : "is too long");
}

static po_rc parse_int(struct po_ctx *cx, const struct po_cfg_option *option, po_str text,
                       struct po_cfg_value *value)
{
    if (po_is_ok(po_str_to_i64(text, &value->number)) && value->number >= option->min &&
        value->number <= option->max)
        return po_rc_ok();
    const char *why = po_arena_printf(cx->arena, "must be a whole number of %s from %ld to %ld",
                                      option->unit, (long)option->min, (long)option->max);
    return refuse(value, why != NULL ? why : "must be a whole number in its range");
}

static po_rc parse_duration(struct po_ctx *cx, const struct po_cfg_option *option, po_str text,
                            struct po_cfg_value *value)
{
    if (po_is_ok(po_duration_parse(text, &value->number)) &&
        value->number >= option->min * PO_US_PER_S && value->number <= option->max * PO_US_PER_S)
        return po_rc_ok();
    const char *why =
        po_arena_printf(cx->arena, "must be a time such as 30s, 5m, 26h or 8d, from %lds to %lds",
                        (long)option->min, (long)option->max);
    return refuse(value, why != NULL ? why : "must be a time in its range");
}

static po_rc parse_bool(po_str text, struct po_cfg_value *value)
{
    if (!po_str_eq_cstr(text, "true") && !po_str_eq_cstr(text, "false"))
        return refuse(value, "must be true or false");
    value->number = text.ptr[0] == 't';
    return po_rc_ok();
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static po_rc parse_clock(po_str text, struct po_cfg_value *value)
{
    bool is_shaped = text.len == 5 && is_digit(text.ptr[0]) && is_digit(text.ptr[1]) &&
                     text.ptr[2] == ':' && is_digit(text.ptr[3]) && is_digit(text.ptr[4]);
    if (!is_shaped) return refuse(value, "must be a time of day as HH:MM");
    int hours = (text.ptr[0] - '0') * 10 + (text.ptr[1] - '0');
    int minutes = (text.ptr[3] - '0') * 10 + (text.ptr[4] - '0');
    if (hours > 23 || minutes > 59) return refuse(value, "must be a time of day as HH:MM");
    value->number = hours * 60 + minutes;
    return po_rc_ok();
}

static po_rc parse_choice(struct po_ctx *cx, const struct po_cfg_option *option, po_str text,
                          struct po_cfg_value *value)
{
    po_str rest = po_str_of(option->unit);
    po_str word = {NULL, 0};
    for (int64_t i = 0; po_str_next_field(&rest, '|', &word); i++) {
        value->number = i;
        if (po_str_eq(word, text)) return po_rc_ok();
    }
    const char *why = po_arena_printf(cx->arena, "must be one of %s", option->unit);
    return refuse(value, why != NULL ? why : "must be one of its words");
}

static po_rc parse_list(const struct po_cfg_option *option, po_str text, struct po_cfg_value *value)
{
    int64_t count = 0;
    po_str rest = text;
    po_str name = {NULL, 0};
    bool is_good = text.ptr[text.len - 1] != ',';
    while (is_good && po_str_next_field(&rest, ',', &name)) {
        count++;
        is_good = name.len > 0 && name.len <= LIST_NAME_BYTES_MAX;
        for (size_t i = 0; i < name.len; i++)
            is_good = is_good && is_lower_name_char(name.ptr[i]);
    }
    if (!is_good) return refuse(value, "must be names of a-z, 0-9, '-' and '_' between commas");
    if (count > option->max) return refuse(value, "has too many names");
    return po_rc_ok();
}

/* Where the scheme that is one of `unit`'s words ends, with its "://"; 0 when there is none. */
static size_t scheme_end(const char *unit, po_str text)
{
    po_str rest = po_str_of(unit);
    po_str scheme = {NULL, 0};
    size_t colon = po_str_find(text, PO_LIT("://"), 0);
    while (colon != SIZE_MAX && po_str_next_field(&rest, '|', &scheme))
        if (po_str_eq(scheme, po_str_slice(text, 0, colon))) return colon + 3;
    return 0;
}

static po_rc parse_url(const struct po_cfg_option *option, po_str text, struct po_cfg_value *value)
{
    if (po_str_find_char(text, '@', 0) != SIZE_MAX)
        return refuse(value, "must not hold a user or password; they are options of their own");
    size_t at = scheme_end(option->unit, text);
    size_t start = at;
    bool is_v6 = at > 0 && at < text.len && text.ptr[at] == '[';
    if (is_v6) at++;
    while (at < text.len && (is_host_char(text.ptr[at]) || (is_v6 && text.ptr[at] == ':')))
        at++;
    bool is_good = start > 0 && at > start + (is_v6 ? 1 : 0);
    if (is_v6) is_good = is_good && at < text.len && text.ptr[at++] == ']';
    uint64_t port = 1;
    if (is_good && at < text.len && text.ptr[at] == ':') {
        is_good = po_is_ok(po_str_to_u64(po_str_slice(text, at + 1, text.len), PORT_MAX, &port));
        at = text.len;
    }
    if (!is_good || at != text.len || port == 0)
        return refuse(value, "must be scheme://host or scheme://host:port with a known scheme");
    return po_rc_ok();
}

static po_rc parse_mail(po_str text, struct po_cfg_value *value)
{
    size_t at = po_str_find_char(text, '@', 0);
    bool is_good = at != SIZE_MAX && at > 0 && at + 1 < text.len &&
                   po_str_find_char(text, '@', at + 1) == SIZE_MAX;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        /* Nothing that means something in a mail's header. */
        if (c <= ' ' || c >= 0x7f || strchr("<>()[]\\,;:\"", c) != NULL) is_good = false;
    }
    for (size_t i = at; is_good && i + 1 < text.len; i++)
        is_good = is_host_char(text.ptr[i + 1]);
    return is_good ? po_rc_ok() : refuse(value, "must be one mail address, name@host");
}

static po_rc parse_path(struct po_ctx *cx, po_str text, const char *home,
                        struct po_cfg_value *value)
{
    po_str mark = PO_LIT("<home>");
    bool is_in_home =
        po_str_starts(text, mark) && (text.len == mark.len || text.ptr[mark.len] == '/');
    if (!is_in_home && text.ptr[0] != '/') return refuse(value, "must be an absolute path");
    po_str rest = text;
    po_str part = {NULL, 0};
    while (po_str_next_field(&rest, '/', &part))
        if (po_str_eq_cstr(part, "..")) return refuse(value, "must not hold '..'");
    if (!is_in_home) return po_rc_ok();
    po_str tail = po_str_slice(text, mark.len, text.len);
    value->text = po_arena_printf(cx->arena, "%s%.*s", home, PO_STR_ARG(tail));
    return value->text != NULL ? po_rc_ok() : po_rc_of(PO_NOMEM);
}

po_rc po_cfg_value_parse(struct po_ctx *cx, const struct po_cfg_option *option, po_str text,
                         const char *home, struct po_cfg_value *value)
{
    *value = (struct po_cfg_value){.text = NULL};
    PO_PASS(parse_text(cx, option, text, value));
    switch (option->type) {
    case PO_CFG_TYPE_STR: break;
    case PO_CFG_TYPE_PATH: PO_PASS(parse_path(cx, text, home, value)); break;
    case PO_CFG_TYPE_INT: PO_PASS(parse_int(cx, option, text, value)); break;
    case PO_CFG_TYPE_BOOL: PO_PASS(parse_bool(text, value)); break;
    case PO_CFG_TYPE_DURATION: PO_PASS(parse_duration(cx, option, text, value)); break;
    case PO_CFG_TYPE_CLOCK: PO_PASS(parse_clock(text, value)); break;
    case PO_CFG_TYPE_CHOICE: PO_PASS(parse_choice(cx, option, text, value)); break;
    case PO_CFG_TYPE_LIST: PO_PASS(parse_list(option, text, value)); break;
    case PO_CFG_TYPE_URL: PO_PASS(parse_url(option, text, value)); break;
    case PO_CFG_TYPE_MAIL: PO_PASS(parse_mail(text, value)); break;
    case PO_CFG_TYPE_SECRET:
    default: return refuse(value, "is a secret");
    }
    if (value->text == NULL) value->text = po_arena_strdup(cx->arena, text);
    return value->text != NULL ? po_rc_ok() : po_rc_of(PO_NOMEM);
}

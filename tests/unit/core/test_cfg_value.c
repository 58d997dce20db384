/* One value of each type of option: what is taken and what is refused. */
#include "core/cfg_priv.h"
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static po_rc parse(struct po_ctx *cx, const struct po_cfg_option *option, po_str text,
                   struct po_cfg_value *value)
{
    return po_cfg_value_parse(cx, option, text, "/the/home", value);
}

static const struct po_cfg_option text_option = {.type = PO_CFG_TYPE_STR, .min = 2, .max = 5};
static const struct po_cfg_option path_option = {.type = PO_CFG_TYPE_PATH, .min = 1, .max = 30};
static const struct po_cfg_option int_option = {
    .type = PO_CFG_TYPE_INT, .unit = "days", .min = -2, .max = 30};
static const struct po_cfg_option bool_option = {.type = PO_CFG_TYPE_BOOL};
static const struct po_cfg_option duration_option = {
    .type = PO_CFG_TYPE_DURATION, .min = 60, .max = 3600};
static const struct po_cfg_option clock_option = {.type = PO_CFG_TYPE_CLOCK};
static const struct po_cfg_option choice_option = {.type = PO_CFG_TYPE_CHOICE,
                                                   .unit = "red|green|blue"};
static const struct po_cfg_option list_option = {.type = PO_CFG_TYPE_LIST, .max = 3};
static const struct po_cfg_option url_option = {
    .type = PO_CFG_TYPE_URL, .unit = "smtp|smtps", .min = 1, .max = 60};
static const struct po_cfg_option mail_option = {.type = PO_CFG_TYPE_MAIL, .min = 1, .max = 60};
static const struct po_cfg_option secret_option = {.type = PO_CFG_TYPE_SECRET, .max = 60};

TEST(cfg_value__takes_what_is_right)
{
    TEST_CX(cx);
    static const struct {
        const char *name;
        const struct po_cfg_option *option;
        const char *text;
        const char *want; /* NULL: as written */
        int64_t number;
    } rows[] = {
        {"text", &text_option, "ab", NULL, 0},
        {"text of words", &text_option, "a b c", NULL, 0},
        {"path", &path_option, "/a/b..c/...", NULL, 0},
        {"home", &path_option, "<home>", "/the/home", 0},
        {"below home", &path_option, "<home>/x", "/the/home/x", 0},
        {"smallest", &int_option, "-2", NULL, -2},
        {"largest", &int_option, "30", NULL, 30},
        {"true", &bool_option, "true", NULL, 1},
        {"false", &bool_option, "false", NULL, 0},
        {"minute", &duration_option, "1m", NULL, PO_US_PER_MIN},
        {"seconds", &duration_option, "3600s", NULL, PO_US_PER_HOUR},
        {"midnight", &clock_option, "00:00", NULL, 0},
        {"last minute", &clock_option, "23:59", NULL, 1439},
        {"first choice", &choice_option, "red", NULL, 0},
        {"last choice", &choice_option, "blue", NULL, 2},
        {"one name", &list_option, "a", NULL, 0},
        {"names", &list_option, "s3-main,b_2,c", NULL, 0},
        {"url", &url_option, "smtp://mail.example.org", NULL, 0},
        {"url with port", &url_option, "smtps://Mail-1.example.org:65535", NULL, 0},
        {"url with v6", &url_option, "smtp://[2001:db8::1]:25", NULL, 0},
        {"url with v6 alone", &url_option, "smtp://[::1]", NULL, 0},
        {"mail", &mail_option, "a.b+c@example.org", NULL, 0},
    };
    TEST_EACH(row, rows)
    {
        struct po_cfg_value value;
        check_ok_leaf(parse(cx, row->option, po_str_of(row->text), &value));
        check_eq_cstr(value.text, row->want != NULL ? row->want : row->text);
        check_eq_int(value.number, row->number);
    }
}

static const struct {
    const char *name;
    const struct po_cfg_option *option;
    const char *text;
    const char *why;
} refused[] = {
    {"short", &text_option, "a", "must have 2 to 5 bytes"},
    {"long", &text_option, "abcdef", "must have 2 to 5 bytes"},
    {"newline", &text_option, "a\nb", "control"},
    {"bad utf8", &text_option, "a\xff", "UTF-8"},
    {"relative", &path_option, "a/b", "absolute"},
    {"up", &path_option, "/a/../b", "'..'"},
    {"up at end", &path_option, "/a/..", "'..'"},
    {"up from home", &path_option, "<home>/../x", "'..'"},
    {"no home", &path_option, "<homer>/x", "absolute"},
    {"long path", &path_option, "/0123456789012345678901234567890", "1 to 30"},
    {"below", &int_option, "-3", "whole number of days from -2 to 30"},
    {"above", &int_option, "31", "from -2 to 30"},
    {"real", &int_option, "1.5", "whole number"},
    {"hex", &int_option, "0x1", "whole number"},
    {"plus", &int_option, "+1", "whole number"},
    {"huge", &int_option, "99999999999999999999", "whole number"},
    {"yes", &bool_option, "yes", "true or false"},
    {"capital", &bool_option, "True", "true or false"},
    {"too soon", &duration_option, "59s", "from 60s to 3600s"},
    {"too late", &duration_option, "61m", "from 60s to 3600s"},
    {"no unit", &duration_option, "60", "such as 30s"},
    {"24 hours", &clock_option, "24:00", "HH:MM"},
    {"60 minutes", &clock_option, "00:60", "HH:MM"},
    {"short clock", &clock_option, "2:30", "HH:MM"},
    {"seconds", &clock_option, "02:30:00", "HH:MM"},
    {"signs", &clock_option, "+1:-1", "HH:MM"},
    {"other word", &choice_option, "yellow", "one of red|green|blue"},
    {"two words", &choice_option, "red|green", "one of"},
    {"part of a word", &choice_option, "re", "one of"},
    {"four names", &list_option, "a,b,c,d", "too many"},
    {"empty name", &list_option, "a,,b", "names of"},
    {"comma at end", &list_option, "a,", "names of"},
    {"comma only", &list_option, ",", "names of"},
    {"capitals", &list_option, "A", "names of"},
    {"long name", &list_option, "a23456789012345678901234567890123", "names of"},
    {"password", &url_option, "smtp://u:p@host", "must not hold a user"},
    {"scheme", &url_option, "http://host", "known scheme"},
    {"no host", &url_option, "smtp://", "known scheme"},
    {"no host but port", &url_option, "smtp://:25", "known scheme"},
    {"empty v6", &url_option, "smtp://[]", "known scheme"},
    {"open v6", &url_option, "smtp://[::1", "known scheme"},
    {"path", &url_option, "smtp://host/path", "known scheme"},
    {"port 0", &url_option, "smtp://host:0", "known scheme"},
    {"port 65536", &url_option, "smtp://host:65536", "known scheme"},
    {"no port", &url_option, "smtp://host:", "known scheme"},
    {"no scheme", &url_option, "host", "known scheme"},
    {"no at", &mail_option, "example.org", "one mail address"},
    {"two ats", &mail_option, "a@b@c", "one mail address"},
    {"two addresses", &mail_option, "a@b,c@d", "one mail address"},
    {"name", &mail_option, "A <a@b>", "one mail address"},
    {"no user", &mail_option, "@b", "one mail address"},
    {"no host", &mail_option, "a@", "one mail address"},
    {"odd host", &mail_option, "a@b/c", "one mail address"},
    {"secret", &secret_option, "x", "is a secret"},
};

TEST(cfg_value__refuses_what_is_wrong_and_says_why)
{
    TEST_CX(cx);
    TEST_EACH(row, refused)
    {
        struct po_cfg_value value;
        check_fails_leaf(parse(cx, row->option, po_str_of(row->text), &value), PO_INVALID);
        check_contains(value.why, row->why);
    }
}

TEST(cfg_table__is_sound)
{
    TEST_CX(cx);
    for (unsigned i = 0; i < PO_CFG_COUNT; i++) {
        const struct po_cfg_option *option = po_cfg_option_at((enum po_cfg_id)i);
        test_row(option->name);
        check_that(strlen(option->name) <= PO_CFG_NAME_BYTES_MAX);
        check_that(option->min <= option->max);
        check_that(option->doc[0] >= 'A' && option->doc[0] <= 'Z');
        check_that(option->doc[strlen(option->doc) - 1] == '.');
        check_that(option->module[0] != '\0');
        if (option->type == PO_CFG_TYPE_SECRET) {
            check_that(option->default_text[0] == '\0');
            check_that(option->max <= PO_SECRET_BYTES_MAX);
            char name[PO_CFG_NAME_BYTES_MAX + 8] = "";
            (void)strncat(name, option->name, PO_CFG_NAME_BYTES_MAX);
            (void)strncat(name, "_FILE", 6);
            enum po_cfg_id file = PO_CFG_COUNT;
            check_ok_leaf(po_cfg_find(po_str_of(name), &file));
            check_eq_int(po_cfg_option_at(file)->type, PO_CFG_TYPE_PATH);
        } else if (option->default_text[0] != '\0') {
            struct po_cfg_value value;
            check_ok_leaf(parse(cx, option, po_str_of(option->default_text), &value));
        }
    }
}

/* Ids that no catalog knows would promise a control that is not there. */
TEST(cfg_table__names_controls_of_the_catalog)
{
    size_t len = 0;
    char *catalog = test_read_file(test_source_path("content/controls/catalog.json"), &len);
    for (unsigned i = 0; i < PO_CFG_COUNT; i++) {
        const struct po_cfg_option *option = po_cfg_option_at((enum po_cfg_id)i);
        po_str rest = po_str_of(option->controls);
        po_str id = {NULL, 0};
        while (rest.len > 0 && po_str_next_field(&rest, ' ', &id)) {
            char needle[32];
            int n = snprintf(needle, sizeof needle, "\"%.*s\"", PO_STR_ARG(id));
            check_that(n > 4 &&
                           po_str_find(po_str_n(catalog, len), po_str_of(needle), 0) != SIZE_MAX,
                       "%s of %s", needle, option->name);
        }
    }
    free(catalog);
}

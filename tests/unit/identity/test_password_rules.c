/*
 * Which passwords are refused, and that nothing else is.
 */
#include "identity/credential.h"
#include "lib/test.h"

static const po_str context[] = {
    {"Anna-Maria Beispiel", 19}, {"a.beispiel@kontor.example", 25}, {"Kontor GmbH", 11}};

static po_rc check_password(struct po_ctx *cx, const char *password)
{
    const struct po_password_rules rules = {.words = context,
                                            .word_count = sizeof context / sizeof context[0]};
    return po_password_check(cx, po_str_of(password), &rules);
}

static const struct {
    const char *name;
    const char *password;
} accepted[] = {
    {"twelve letters", "tqzmvhwkrbxd"},
    {"words that nobody lists", "teal otter mends a gate"},
    {"a generator's", "x7!Kq9#mWz2@"},
    {"only blanks between", "quill  fjord  vex"},
    {"Greek", "\xce\xb1\xce\xbd\xce\xb5\xce\xbc\xcf\x8e\xce\xbd\xce\xb7\xcf\x82 \xce\xb8\xce\xb1"
              "\xce\xbb\xce\xac\xcf\x83"},
    {"emoji count one each", "\xf0\x9f\x94\x91\xf0\x9f\x90\xa2\xf0\x9f\x8e\xb2\xf0\x9f\x8c\xb5"
                             "\xf0\x9f\x9a\xb2\xf0\x9f\x8d\x89\xf0\x9f\x8e\xbb\xf0\x9f\xa7\xb2"
                             "\xf0\x9f\x93\xa1\xf0\x9f\xa6\x94\xf0\x9f\x8f\xba\xf0\x9f\x9b\xb6"},
    {"a common word in much else", "dragon eats 14 fjord quilts"},
    {"a name in much else", "beispiel hums vexing tunes"},
};

TEST(password_check__accepts_what_is_long_and_not_easily_guessed)
{
    TEST_CX(cx);
    TEST_EACH(row, accepted) { check_ok(cx, check_password(cx, row->password)); }
}

static const struct {
    const char *name;
    const char *password;
} refused[] = {
    {"a common word with a year", "Password2026"},
    {"signs for letters", "P@ssw0rd!2026"},
    {"two common words", "welcomewelcome"},
    {"common words with blanks", "dragon monkey sunshine"},
    {"one letter", "aaaaaaaaaaaaaaaa"},
    {"digits upwards", "123456789012"},
    {"letters downwards", "zyxwvutsrqponm"},
    {"a keyboard row", "qwertyuiop[]"},
    {"a keyboard row backwards", "poiuytrewq99"},
    {"a German row", "qwertzuiop12"},
    {"a block again and again", "xq7xq7xq7xq7xq7"},
    {"a short block", "x9x9x9x9x9x9x9"},
    {"the product", "PaulyOps-2026!"},
    {"the product, disguised", "P4uly0ps!!2026"},
    {"the user's name", "annamaria1974"},
    {"the user's first name", "Anna!Maria!12"},
    {"the e-mail's local part", "Beispiel.2026"},
    {"the organisation", "kontor#kontor"},
    {"a season", "Summer2026!!!"},
    {"the famous phrase", "correct horse battery staple"},
};

/* @proves CC6.1 */
TEST(password_check__refuses_what_guessers_try_first)
{
    TEST_CX(cx);
    TEST_EACH(row, refused)
    {
        check_fails(cx, check_password(cx, row->password), PO_INVALID);
        check_contains(po_err_msg(cx), "easy to guess");
        check_that(strstr(po_err_msg(cx), row->password) == NULL);
    }
}

TEST(password_check__counts_characters_not_bytes)
{
    TEST_CX(cx);
    /* eleven code points in 22 bytes */
    check_fails(cx,
                check_password(cx,
                               "\xc3\xa4\xc3\xb6\xc3\xa6\xc3\xb8\xc3\xa5\xc3\xaf\xc3\xa7\xc3\xb1"
                               "\xc3\xbe\xc3\xb0\xc3\xbc"),
                PO_INVALID);
    check_contains(po_err_msg(cx), "at least 12 characters");
    check_fails(cx, check_password(cx, "tqzmvhwkrbx"), PO_INVALID);
    check_fails(cx, check_password(cx, ""), PO_INVALID);
    const struct po_password_rules rules = {.chars_min = 15};
    check_fails(cx, po_password_check(cx, PO_LIT("tqzmvhwkrbxdnp"), &rules), PO_INVALID);
    check_contains(po_err_msg(cx), "at least 15 characters");
    check_ok(cx, po_password_check(cx, PO_LIT("tqzmvhwkrbxdnpj"), &rules));
}

TEST(password_check__refuses_what_is_not_text)
{
    TEST_CX(cx);
    check_fails(cx,
                check_password(cx, "tqzmvhwk\xff"
                                   "rbxdnp"),
                PO_INVALID);
    check_contains(po_err_msg(cx), "UTF-8");
    check_fails(cx, check_password(cx, "tqzmvhwk\xed\xa0\x80rbxdnp"), PO_INVALID);
    check_fails(cx, check_password(cx, "tqzmvhwk\nrbxdnp"), PO_INVALID);
    check_contains(po_err_msg(cx), "control character");
    const struct po_password_rules rules = {0};
    check_fails(cx, po_password_check(cx, po_str_n("tqzmvhwk\0rbxdnp", 15), &rules), PO_INVALID);
}

TEST(password_check__holds_its_limit)
{
    TEST_CX(cx);
    static char text[PO_PASSWORD_BYTES_MAX + 1];
    const struct po_password_rules rules = {0};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('!' + test_random_below(94));
    check_ok(cx, po_password_check(cx, po_str_n(text, PO_PASSWORD_BYTES_MAX), &rules));
    check_fails(cx, po_password_check(cx, po_str_n(text, sizeof text), &rules), PO_LIMIT);
    /* the slowest text for the search of repetitions */
    memset(text, 'a', sizeof text);
    check_fails(cx, po_password_check(cx, po_str_n(text, PO_PASSWORD_BYTES_MAX), &rules),
                PO_INVALID);
}

TEST(password_check__a_context_of_any_bytes_does_no_harm)
{
    TEST_CX(cx);
    static char bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)test_random_below(256);
    const po_str words[] = {po_str_n(bytes, sizeof bytes), po_str_n(NULL, 0),
                            po_str_n("\xf0\x9f", 2), PO_LIT("x")};
    const struct po_password_rules rules = {.words = words, .word_count = 4};
    check_ok(cx, po_password_check(cx, PO_LIT("tqzmvhwkrbxd"), &rules));
}

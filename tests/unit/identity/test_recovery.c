/*
 * Recovery codes: their shape, how people type them, what is stored.
 */
#include "core/random.h"
#include "identity/credential_priv.h"
#include "lib/test.h"

TEST(recovery_codes__are_ten_different_ones_of_eighty_bits)
{
    struct po_recovery_codes codes = {0};
    check_ok_leaf(po_recovery_codes_draw(&codes));
    for (size_t i = 0; i < PO_RECOVERY_CODES; i++) {
        check_eq_u64(strlen(codes.codes[i]), PO_RECOVERY_CODE_TEXT_CHARS);
        for (size_t at = 0; at < PO_RECOVERY_CODE_TEXT_CHARS; at++)
            check_that(at % 5 == 4 ? codes.codes[i][at] == '-'
                                   : strchr("0123456789abcdefghjkmnpqrstvwxyz",
                                            codes.codes[i][at]) != NULL);
        for (size_t other = 0; other < i; other++)
            check_that(strcmp(codes.codes[i], codes.codes[other]) != 0);
    }
    po_recovery_codes_done(&codes);
    check_eq_int(codes.codes[0][0], 0);
}

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void note_letters(const char *code, uint32_t seen[static PO_RECOVERY_CODE_TEXT_CHARS])
{
    for (size_t at = 0; at < PO_RECOVERY_CODE_TEXT_CHARS; at++) {
        const char *letter = strchr(letters, code[at]);
        if (letter != NULL) seen[at] |= UINT32_C(1) << (letter - letters);
    }
}

/* Every one of the 16 places takes each of the 32 letters: no bit is lost. */
TEST(recovery_codes__use_every_letter_in_every_place)
{
    uint32_t seen[PO_RECOVERY_CODE_TEXT_CHARS] = {0};
    for (int round = 0; round < 100; round++) {
        struct po_recovery_codes codes = {0};
        check_ok_leaf(po_recovery_codes_draw(&codes));
        for (size_t i = 0; i < PO_RECOVERY_CODES; i++)
            note_letters(codes.codes[i], seen);
    }
    for (size_t at = 0; at < PO_RECOVERY_CODE_TEXT_CHARS; at++)
        check_eq_u64(seen[at], at % 5 == 4 ? 0 : UINT32_MAX);
}

static const struct {
    const char *name;
    const char *code;
    bool is_same;
} typed[] = {
    {"as printed", "0a1b-2c3d-4e5f-6g7h", true},
    {"capitals", "0A1B-2C3D-4E5F-6G7H", true},
    {"without dashes", "0a1b2c3d4e5f6g7h", true},
    {"with blanks", " 0a1b 2c3d 4e5f 6g7h ", true},
    {"letters for digits", "oaLb-2c3d-4e5f-6g7h", true},
    {"i for one", "Oaib-2c3d-4e5f-6g7h", true},
    {"another", "0a1b-2c3d-4e5f-6g7j", false},
};

TEST(recovery_digest__reads_codes_as_people_type_them)
{
    uint8_t want[PO_SHA256_BYTES];
    uint8_t got[PO_SHA256_BYTES];
    check_ok_leaf(po_recovery_digest(PO_LIT("usr_1"), PO_LIT("0a1b-2c3d-4e5f-6g7h"), want));
    TEST_EACH(row, typed)
    {
        check_ok_leaf(po_recovery_digest(PO_LIT("usr_1"), po_str_of(row->code), got));
        check_that((memcmp(got, want, sizeof got) == 0) == row->is_same);
    }
    test_row(NULL);
    check_ok_leaf(po_recovery_digest(PO_LIT("usr_2"), PO_LIT("0a1b-2c3d-4e5f-6g7h"), got));
    check_that(memcmp(got, want, sizeof got) != 0, "bound to the user");
}

TEST(recovery_digest__refuses_what_is_no_code)
{
    uint8_t digest[PO_SHA256_BYTES];
    static char text[200];
    memset(text, '-', sizeof text);
    const po_str bad[] = {PO_LIT(""),
                          PO_LIT("0a1b-2c3d-4e5f-6g7"),
                          PO_LIT("0a1b-2c3d-4e5f-6g7hh"),
                          PO_LIT("0a1b-2c3d-4e5f-6g7u"),
                          PO_LIT("0a1b-2c3d-4e5f-6g7\xc3"),
                          po_str_n(text, sizeof text)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_fails_leaf(po_recovery_digest(PO_LIT("usr_1"), bad[i], digest), PO_UNAUTH);
    check_fails_leaf(po_recovery_digest(po_str_n(text, 40), PO_LIT("0a1b2c3d4e5f6g7h"), digest),
                     PO_UNAUTH);
}

/*
 * RFC 6238 vectors, the window, replay; and what authenticators are set up with.
 */
#include "identity/credential_priv.h"
#include "lib/test.h"

#include <qrencode.h>
#include <stdlib.h>

#define RFC_KEY PO_LIT("12345678901234567890")

/* RFC 6238 appendix B, SHA-1: the last six of eight digits; and what another program says */
static const struct {
    const char *name;
    int64_t time_s;
    const char *code;
} vectors[] = {{"59", 59, "287082"},
               {"1111111109", 1111111109, "081804"},
               {"1111111111", 1111111111, "050471"},
               {"1234567890", 1234567890, "005924"},
               {"2000000000", 2000000000, "279037"},
               {"20000000000", 20000000000, "353130"},
               {"oathtool 2.6.7", 1767323045, "652348"}};

TEST(totp__gives_the_published_codes)
{
    TEST_EACH(row, vectors)
    {
        char code[PO_TOTP_DIGITS + 1];
        int64_t step = 0;
        check_ok_leaf(po_totp_code(RFC_KEY, row->time_s * PO_US_PER_S, code));
        check_eq_cstr(code, row->code);
        const struct po_totp_try attempt = {.key = RFC_KEY,
                                            .code = po_str_of(code),
                                            .now_us = row->time_s * PO_US_PER_S,
                                            .last_step = -1};
        check_ok_leaf(po_totp_verify(&attempt, &step));
        check_eq_int(step, row->time_s / 30);
    }
}

static po_rc try_at(int64_t code_s, int64_t now_s, int64_t last_step, int64_t *ret_step)
{
    char code[PO_TOTP_DIGITS + 1];
    check_ok_leaf(po_totp_code(RFC_KEY, code_s * PO_US_PER_S, code));
    const struct po_totp_try attempt = {.key = RFC_KEY,
                                        .code = po_str_of(code),
                                        .now_us = now_s * PO_US_PER_S,
                                        .last_step = last_step};
    return po_totp_verify(&attempt, ret_step);
}

TEST(totp__accepts_one_step_before_and_after)
{
    const int64_t now_s = 1767323040; /* a multiple of 30 */
    int64_t step = 0;
    check_ok_leaf(try_at(now_s - 30, now_s, 0, &step));
    check_eq_int(step, now_s / 30 - 1);
    check_ok_leaf(try_at(now_s + 30, now_s, 0, &step));
    check_eq_int(step, now_s / 30 + 1);
    check_ok_leaf(try_at(now_s + 29, now_s, 0, &step));
    check_fails_leaf(try_at(now_s - 31, now_s, 0, &step), PO_UNAUTH);
    check_fails_leaf(try_at(now_s + 60, now_s, 0, &step), PO_UNAUTH);
}

TEST(totp__refuses_a_code_again_and_every_earlier_one)
{
    const int64_t now_s = 1767323040;
    int64_t step = 0;
    check_ok_leaf(try_at(now_s, now_s, now_s / 30 - 1, &step));
    check_fails_leaf(try_at(now_s, now_s, step, &step), PO_UNAUTH);
    check_fails_leaf(try_at(now_s - 30, now_s, step, &step), PO_UNAUTH);
    check_ok_leaf(try_at(now_s + 30, now_s, step, &step));
}

static const struct {
    const char *name;
    const char *code;
} malformed[] = {{"empty", ""},
                 {"five digits", "28708"},
                 {"seven digits", "2870820"},
                 {"a letter", "28708a"},
                 {"a sign", "-28708"},
                 {"a tab", "287\t082"},
                 {"another", "287083"},
                 {"long", "287082                        "}};

TEST(totp__refuses_other_texts)
{
    int64_t step = 7;
    struct po_totp_try attempt = {.key = RFC_KEY, .now_us = 59 * PO_US_PER_S, .last_step = -1};
    TEST_EACH(row, malformed)
    {
        attempt.code = po_str_of(row->code);
        check_fails_leaf(po_totp_verify(&attempt, &step), PO_UNAUTH);
        check_eq_int(step, 7);
    }
    test_row(NULL);
    attempt.code = PO_LIT("287 082");
    check_ok_leaf(po_totp_verify(&attempt, &step));
    attempt.now_us = -1;
    check_fails_leaf(po_totp_verify(&attempt, &step), PO_UNAUTH);
    char code[PO_TOTP_DIGITS + 1];
    check_fails_leaf(po_totp_code(RFC_KEY, -1, code), PO_INVALID);
}

/* The steps before 1970 do not exist; the window is cut there without harm. */
TEST(totp__works_at_the_beginning_of_time)
{
    int64_t step = -5;
    check_ok_leaf(try_at(0, 0, -1, &step));
    check_eq_int(step, 0);
}

static const struct po_totp_label label = {.issuer = {"Kontor & Co", 11},
                                           .account = {"a+b@kontor.example", 18}};

TEST(enrolment__says_what_authenticators_read)
{
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    check_ok_leaf(po_enrolment_make((const uint8_t *)"12345678901234567890", &label, &enrolment));
    check_eq_str(po_buf_str(&enrolment.secret), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    check_eq_str(po_buf_str(&enrolment.uri),
                 "otpauth://totp/Kontor%20%26%20Co:a%2Bb%40kontor.example"
                 "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Kontor%20%26%20Co"
                 "&algorithm=SHA1&digits=6&period=30");
    check_that(po_str_starts(po_buf_str(&enrolment.svg), PO_LIT("<svg xmlns=")));
    check_that(po_str_ends(po_buf_str(&enrolment.svg), PO_LIT("\"/></svg>")));
}

TEST(enrolment__holds_its_limits)
{
    struct po_enrolment enrolment = {0};
    static char text[PO_EMAIL_BYTES_MAX + 1];
    memset(text, '%', sizeof text); /* three characters each in the URI */
    struct po_totp_label longest = {.issuer = po_str_n(text, 64),
                                    .account = po_str_n(text, PO_EMAIL_BYTES_MAX)};
    check_ok_leaf(po_enrolment_make((const uint8_t *)"12345678901234567890", &longest, &enrolment));
    po_enrolment_done(&enrolment);
    check_that(enrolment.uri.ptr == NULL);
    longest.account.len++;
    check_fails_leaf(
        po_enrolment_make((const uint8_t *)"12345678901234567890", &longest, &enrolment), PO_LIMIT);
    longest.account.len--;
    longest.issuer.len++;
    check_fails_leaf(
        po_enrolment_make((const uint8_t *)"12345678901234567890", &longest, &enrolment), PO_LIMIT);
}

TEST_FAULTS(enrolment__fails_cleanly)
{
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    if (!test_survived(
            po_enrolment_make((const uint8_t *)"12345678901234567890", &label, &enrolment))) {
        check_that(enrolment.uri.ptr == NULL);
        return;
    }
    test_faults_off();
    check_that(enrolment.blocks.len > 0);
}

/* ---- drawings, read back ---------------------------------------------------------------------- */

#define SIDE_MAX 185
struct picture {
    int side;
    bool is_dark[SIDE_MAX][SIDE_MAX];
};

static int take_int(const char **at, char before)
{
    check_eq_int(**at, before);
    char *end = NULL;
    long value = strtol(*at + 1, &end, 10);
    check_that(end != *at + 1 && value >= 0 && value < SIDE_MAX);
    *at = end;
    return (int)value;
}

static void read_svg(const char *svg, struct picture *picture)
{
    const char *at = strstr(svg, "viewBox=\"0 0 ");
    check_that(at != NULL);
    picture->side = (int)strtol(at + 13, NULL, 10);
    at = strstr(svg, "#000\" d=\"");
    check_that(at != NULL);
    for (at += 9; *at == 'M';) {
        int x = take_int(&at, 'M');
        int y = take_int(&at, ' ');
        int count = take_int(&at, 'h');
        check_eq_int(strncmp(at, "v1h-", 4), 0);
        at += 3;
        check_eq_int(take_int(&at, '-'), count);
        check_eq_int(*at++, 'z');
        for (int i = 0; i < count; i++)
            picture->is_dark[y][x + i] = true;
    }
    check_eq_cstr(at, "\"/></svg>");
}

static void read_blocks(const char *text, struct picture *picture)
{
    int x = 0;
    int y = 0;
    for (const char *at = text; *at != '\0'; x++) {
        if (*at == '\n') {
            picture->side = x;
            x = -1;
            y += 2;
            at++;
            continue;
        }
        bool is_blank = *at == ' ';
        bool is_upper_half = !is_blank && (unsigned char)at[2] == 0x80;
        bool is_lower_half = !is_blank && (unsigned char)at[2] == 0x84;
        picture->is_dark[y][x] = is_blank || is_lower_half;
        picture->is_dark[y + 1][x] = is_blank || is_upper_half;
        at += is_blank ? 1 : 3;
    }
}

static void check_picture(const struct picture *picture, const QRcode *qr)
{
    check_eq_int(picture->side, qr->width + 8);
    for (int y = 0; y < picture->side; y++)
        for (int x = 0; x < picture->side; x++) {
            bool is_inside = x >= 4 && y >= 4 && x < qr->width + 4 && y < qr->width + 4;
            bool want = is_inside && (qr->data[(y - 4) * qr->width + x - 4] & 1) != 0;
            check_that(picture->is_dark[y][x] == want, "at %d,%d", x, y);
        }
}

TEST(qr__both_drawings_show_every_module_and_a_quiet_zone)
{
    static struct picture of_svg;
    static struct picture of_blocks;
    PO_BUF_AUTO svg = {0};
    PO_BUF_AUTO blocks = {0};
    po_buf_init(&svg, 1 << 20);
    po_buf_init(&blocks, 1 << 20);
    const po_str text = PO_LIT("otpauth://totp/x:y?secret=GEZDGNBVGY3TQOJQ");
    check_ok_leaf(po_qr_draw(text, &svg, &blocks));
    QRcode *qr = QRcode_encodeData((int)text.len, (const unsigned char *)text.ptr, 0, QR_ECLEVEL_M);
    check_that(qr != NULL);
    read_svg(svg.ptr, &of_svg);
    check_picture(&of_svg, qr);
    read_blocks(blocks.ptr, &of_blocks);
    check_picture(&of_blocks, qr);
    QRcode_free(qr);
}

TEST(qr__refuses_nothing_and_too_much)
{
    static char text[2049];
    PO_BUF_AUTO svg = {0};
    PO_BUF_AUTO blocks = {0};
    po_buf_init(&svg, 1 << 20);
    po_buf_init(&blocks, 1 << 20);
    check_fails_leaf(po_qr_draw(PO_LIT(""), &svg, &blocks), PO_LIMIT);
    check_fails_leaf(po_qr_draw(po_str_n(text, sizeof text), &svg, &blocks), PO_LIMIT);
}

/*
 * Recovery of the master key from its printed code.
 */
#include "crypto/keyring_priv.h"
#include "lib/test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RING_AUTO PO_CLEANUP(po_keyring_freep) struct po_keyring
#define SECRET_AUTO PO_CLEANUP(po_secret_freep) struct po_secret

struct made {
    struct po_keyring *ring;
    struct po_secret *code;
    struct po_buf text;
    char typed[PO_RECOVERY_CODE_CHARS + 1];
};

static void made_done(struct made *made)
{
    po_keyring_freep(&made->ring);
    po_secret_freep(&made->code);
    po_buf_done(&made->text);
}
#define MADE_AUTO PO_CLEANUP(made_done) struct made

static void make(struct po_ctx *cx, struct made *made)
{
    const struct po_keyring_place place = {.dir = test_tmp("keys")};
    po_buf_init(&made->text, PO_RECOVERY_SEALED_BYTES_MAX);
    check_ok(cx, po_keyring_create(cx, &place, &made->ring));
    check_ok(cx, po_keyring_recovery_create(cx, made->ring, &made->code, &made->text));
    po_str code = po_secret_bytes(made->code);
    check_eq_u64(code.len, PO_RECOVERY_CODE_CHARS);
    memcpy(made->typed, code.ptr, code.len);
}

static struct po_secret *typed(struct po_ctx *cx, const char *text)
{
    struct po_secret *secret = NULL;
    check_ok(cx, po_secret_new(cx, po_str_of(text), &secret));
    return secret;
}

static po_rc verify(struct po_ctx *cx, const struct made *made, const char *text)
{
    SECRET_AUTO *code = typed(cx, text);
    return po_keyring_recovery_verify(cx, made->ring, code, po_buf_str(&made->text));
}

static po_rc do_nothing(struct po_ctx *cx, struct po_keyring *ring, void *user)
{
    (void)cx;
    (void)ring;
    (void)user;
    return po_rc_ok();
}

TEST(recovery__code_opens_its_text)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    check_ok(cx, po_keyring_recovery_verify(cx, made.ring, made.code, po_buf_str(&made.text)));
    for (size_t i = 0; i < PO_RECOVERY_CODE_CHARS; i++)
        check_that(i % 6 == 5 ? made.typed[i] == '-' : isalnum((unsigned char)made.typed[i]) != 0);
}

TEST(recovery__code_is_read_as_people_type_it)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    char text[4 * PO_RECOVERY_CODE_CHARS] = {0};
    size_t at = 0;
    for (size_t i = 0; i < PO_RECOVERY_CODE_CHARS; i++) {
        char c = made.typed[i];
        if (c == '-') {
            text[at++] = i % 4 == 1 ? ' ' : '-';
        } else if (c == '0') {
            text[at++] = 'o';
        } else if (c == '1') {
            text[at++] = i % 2 == 0 ? 'l' : 'I';
        } else {
            text[at++] = (char)tolower((unsigned char)c);
        }
    }
    text[at] = '\n';
    check_ok(cx, verify(cx, &made, text));
}

TEST(recovery__code_with_any_wrong_character_is_called_mistyped)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    for (size_t i = 0; i < PO_RECOVERY_CODE_CHARS; i++) {
        if (made.typed[i] == '-') continue;
        char right = made.typed[i];
        made.typed[i] = right == '7' ? '8' : '7';
        check_fails(cx, verify(cx, &made, made.typed), PO_INVALID);
        made.typed[i] = right;
    }
    char swapped = made.typed[0];
    made.typed[0] = made.typed[7];
    made.typed[7] = swapped;
    if (made.typed[0] != made.typed[7]) check_fails(cx, verify(cx, &made, made.typed), PO_INVALID);
    check_fails(cx, verify(cx, &made, "TOO-SH0RT"), PO_INVALID);
    check_fails(cx, verify(cx, &made, "UUUUU"), PO_INVALID);
    SECRET_AUTO *longer = NULL;
    char text[PO_RECOVERY_CODE_CHARS + 2] = {0};
    (void)snprintf(text, sizeof text, "%s0", made.typed);
    longer = typed(cx, text);
    check_fails(cx, po_keyring_recovery_verify(cx, made.ring, longer, po_buf_str(&made.text)),
                PO_INVALID);
}

TEST(recovery__text_altered_or_of_another_code_is_refused)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    SECRET_AUTO *other_code = NULL;
    PO_BUF_AUTO other = {0};
    po_buf_init(&other, PO_RECOVERY_SEALED_BYTES_MAX);
    check_ok(cx, po_keyring_recovery_create(cx, made.ring, &other_code, &other));
    check_fails(cx, po_keyring_recovery_verify(cx, made.ring, made.code, po_buf_str(&other)),
                PO_TAMPER);
    check_ok(cx, po_keyring_recovery_verify(cx, made.ring, other_code, po_buf_str(&other)));
    static const size_t places[] = {30, 100, 150};
    for (size_t i = 0; i < 3; i++) {
        char right = made.text.ptr[places[i]];
        made.text.ptr[places[i]] = right == 'A' ? 'B' : 'A';
        check_fails(cx, verify(cx, &made, made.typed), PO_TAMPER);
        made.text.ptr[places[i]] = '*';
        check_fails(cx, verify(cx, &made, made.typed), PO_CORRUPT);
        made.text.ptr[places[i]] = right;
    }
    check_fails(cx, po_keyring_recovery_verify(cx, made.ring, made.code, PO_LIT("hello")),
                PO_CORRUPT);
    check_fails(
        cx,
        po_keyring_recovery_verify(cx, made.ring, made.code, PO_LIT("paulyops-recovery-v1 AAAA\n")),
        PO_CORRUPT);
}

TEST(recovery__restores_the_master_key_and_no_signing_key)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    SECRET_AUTO *key = NULL;
    SECRET_AUTO *got = NULL;
    PO_BUF_AUTO wrapped = {0};
    po_buf_init(&wrapped, 256);
    check_ok(cx, po_secret_random(cx, PO_KEY_BYTES, &key));
    check_ok(cx, po_keyring_wrap(cx, made.ring, PO_TENANT_DEFAULT, 1, key, &wrapped));
    const struct po_keyring_place place = {.dir = test_tmp("restored")};
    check_ok(cx, po_keyring_recovery_restore(cx, &place, made.code, po_buf_str(&made.text)));
    RING_AUTO *ring = NULL;
    check_ok(cx, po_keyring_open(cx, &place, &ring));
    check_ok(cx, po_keyring_unwrap(cx, ring, PO_TENANT_DEFAULT, 1, po_buf_str(&wrapped), &got));
    check_that(po_secret_eq(key, got));
    check_that(po_keyring_ledger_key(ring) == NULL); /* restores never sign */
    struct po_key_info *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_keyring_status(cx, ring, &keys, &count));
    check_eq_int(keys[1].state, PO_KEY_ABSENT);
    check_eq_int(keys[2].state, PO_KEY_ACTIVE);
    check_fails(cx, po_keyring_recovery_restore(cx, &place, made.code, po_buf_str(&made.text)),
                PO_EXISTS);
}

TEST(recovery__restores_retired_master_keys_too)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    SECRET_AUTO *key = NULL;
    SECRET_AUTO *got = NULL;
    SECRET_AUTO *code = NULL;
    PO_BUF_AUTO wrapped = {0};
    PO_BUF_AUTO text = {0};
    po_buf_init(&wrapped, 256);
    po_buf_init(&text, PO_RECOVERY_SEALED_BYTES_MAX);
    check_ok(cx, po_secret_random(cx, PO_KEY_BYTES, &key));
    check_ok(cx, po_keyring_wrap(cx, made.ring, PO_TENANT_DEFAULT, 1, key, &wrapped));
    check_ok(cx, po_keyring_rotate_master(cx, made.ring, do_nothing, NULL));
    check_fails(cx, verify(cx, &made, made.typed), PO_EXPIRED);
    check_ok(cx, po_keyring_recovery_create(cx, made.ring, &code, &text));
    const struct po_keyring_place place = {.dir = test_tmp("restored")};
    check_ok(cx, po_keyring_recovery_restore(cx, &place, code, po_buf_str(&text)));
    RING_AUTO *ring = NULL;
    check_ok(cx, po_keyring_open(cx, &place, &ring));
    check_ok(cx, po_keyring_unwrap(cx, ring, PO_TENANT_DEFAULT, 1, po_buf_str(&wrapped), &got));
    check_that(po_secret_eq(key, got));
}

TEST(recovery__is_listed_as_retired_after_a_rotation)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    struct po_key_info *keys = NULL;
    size_t count = 0;
    check_ok(cx, po_keyring_status(cx, made.ring, &keys, &count));
    check_eq_int(keys[2].state, PO_KEY_ACTIVE);
    check_eq_int(keys[2].created_us, TEST_CLOCK_START_US);
    check_ok(cx, po_keyring_rotate_master(cx, made.ring, do_nothing, NULL));
    check_ok(cx, po_keyring_status(cx, made.ring, &keys, &count));
    check_eq_int(keys[3].state, PO_KEY_RETIRED);
}

static po_rc refuse(struct po_ctx *cx, struct po_keyring *ring, void *user)
{
    (void)ring;
    (void)user;
    return PO_FAIL(cx, PO_BUSY, "not now");
}

TEST(recovery__waits_for_an_unfinished_rotation)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    SECRET_AUTO *code = NULL;
    check_fails(cx, po_keyring_rotate_master(cx, made.ring, refuse, NULL), PO_BUSY);
    check_fails(cx, po_keyring_recovery_create(cx, made.ring, &code, &made.text), PO_CONFLICT);
}

TEST(recovery__restore_respects_what_is_there)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    const struct po_keyring_place place = {.dir = test_tmp("restored")};
    check_eq_int(mkdir(place.dir, 0700), 0);
    /* Another master key is not overwritten; the very key of an interrupted restore is fine. */
    test_write_file(test_tmp("restored/master.key"), "0123456789abcdef0123456789abcdef", 32);
    check_eq_int(chmod(test_tmp("restored/master.key"), 0600), 0);
    check_fails(cx, po_keyring_recovery_restore(cx, &place, made.code, po_buf_str(&made.text)),
                PO_EXISTS);
    size_t len = 0;
    char *master = test_read_file(test_tmp("keys/master.key"), &len);
    test_write_file(test_tmp("restored/master.key"), master, len);
    free(master);
    check_ok(cx, po_keyring_recovery_restore(cx, &place, made.code, po_buf_str(&made.text)));
    /* A credential must be the key that the text holds. */
    struct po_keyring_place other = {.dir = test_tmp("third"), .credential = test_tmp("cred")};
    test_write_file(other.credential, "0123456789abcdef0123456789abcdef", 32);
    check_eq_int(chmod(other.credential, 0600), 0);
    check_fails(cx, po_keyring_recovery_restore(cx, &other, made.code, po_buf_str(&made.text)),
                PO_EXISTS);
}

TEST_FAULTS_MANUAL(recovery__fails_cleanly)
{
    TEST_CX(cx);
    MADE_AUTO made = {0};
    make(cx, &made);
    SECRET_AUTO *code = NULL;
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_RECOVERY_SEALED_BYTES_MAX);
    test_faults_arm();
    bool is_made = test_survived(po_keyring_recovery_create(cx, made.ring, &code, &text));
    if (!is_made) check_eq_u64(text.len, 0);
    if (!is_made) return;
    const struct po_keyring_place place = {.dir = test_tmp("restored")};
    bool is_restored =
        test_survived(po_keyring_recovery_restore(cx, &place, code, po_buf_str(&text)));
    test_faults_off();
    po_err_clear(cx);
    if (!is_restored) {
        po_rc rc = po_keyring_recovery_restore(cx, &place, code, po_buf_str(&text));
        check_that(po_is_ok(rc) || rc.code == PO_EXISTS); /* it may have been complete */
        po_err_clear(cx);
    }
    RING_AUTO *ring = NULL;
    check_ok(cx, po_keyring_open(cx, &place, &ring));
}

/*
 * Signed notes: the published example, the shapes refused, and which signatures count.
 */
#include "core/codec.h"
#include "crypto/crypto.h"
#include "unit/crypto/vectors.h"

#define DASH "\xe2\x80\x94 "

static struct vectors vectors;

/* The example of c2sp.org/signed-note: a text with an empty line in it. */
static const char quasimodo[] =
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n"
    "ed \xc3\xa8 subito sera.\n\n" DASH
    "quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0"
    "xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

/* A key pair made of one repeated byte. */
static struct po_sign_key *new_key(struct po_ctx *cx, char fill)
{
    char bytes[PO_ED25519_SEED_BYTES];
    memset(bytes, fill, sizeof bytes);
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    struct po_sign_key *key = NULL;
    check_ok(cx, po_secret_new(cx, po_str_n(bytes, sizeof bytes), &seed));
    check_ok(cx, po_sign_key_new(cx, seed, &key));
    return key;
}

static struct po_note_vkey vkey_of(const struct po_sign_key *key, const char *name, uint8_t type)
{
    struct po_note_vkey vkey;
    check_ok_leaf(po_note_vkey_make(po_str_of(name), type, po_sign_key_public(key), &vkey));
    return vkey;
}

/* Text and the signature lines of both keys. */
static void two_signed(struct po_buf *out, po_str text, const struct po_sign_key *one,
                       const struct po_sign_key *two)
{
    PO_BUF_AUTO second = {0};
    po_buf_init(&second, 4096);
    check_ok_leaf(po_note_sign(text, PO_LIT("one"), one, out));
    check_ok_leaf(po_note_sign(text, PO_LIT("two"), two, &second));
    po_buf_append(out, po_str_slice(po_buf_str(&second), text.len + 1, second.len));
}

TEST(note__matches_the_published_key_and_signature)
{
    TEST_CX(cx);
    vectors_open(&vectors, "note.txt");
    while (vectors_next(&vectors)) {
        struct po_note_vkey vkey;
        struct po_note note;
        bool is_signed = false;
        PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
        PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = NULL;
        PO_BUF_AUTO out = {0};
        po_buf_init(&out, 4096);
        check_ok_leaf(po_note_vkey_parse(vectors_get(&vectors, "vkey"), &vkey));
        check_ok_leaf(po_note_parse(vectors_get(&vectors, "note"), &note));
        check_ok_leaf(po_note_verify(&note, &vkey, 1, &is_signed));
        check_that(is_signed);
        check_eq_postr(note.text, vectors_get(&vectors, "text"));
        check_ok(cx, po_secret_new(cx, vectors_get(&vectors, "seed"), &seed));
        check_ok(cx, po_sign_key_new(cx, seed, &key));
        check_ok_leaf(po_note_sign(note.text, vectors_get(&vectors, "keyname"), key, &out));
        check_eq_postr(po_buf_str(&out), vectors_get(&vectors, "note"));
        po_buf_clear(&out);
        po_note_vkey_format(&vkey, &out);
        check_eq_postr(po_buf_str(&out), vectors_get(&vectors, "vkey"));
    }
    check_eq_u64(vectors.record_count, 1);
    vectors_close(&vectors);
}

TEST(note_parse__splits_at_the_last_empty_line)
{
    struct po_note note;
    check_ok_leaf(po_note_parse(po_str_of(quasimodo), &note));
    check_eq_u64(note.sig_count, 1);
    check_eq_str(note.sigs[0].name, "quasimodo.example/salvatore");
    check_eq_u64(note.sigs[0].id, 0x367ba04b);
    check_that(po_str_ends(note.text, PO_LIT("ed \xc3\xa8 subito sera.\n")));
    check_fails_leaf(po_note_verify(&note, NULL, 0, NULL), PO_NOTFOUND);
}

TEST(note_parse__refuses_other_shapes)
{
    static const struct {
        const char *name;
        const char *in;
    } rows[] = {
        {"empty", ""},
        {"no signature block", "text\n"},
        {"empty signature block", "text\n\n"},
        {"two empty lines at the end", "text\n\n" DASH "k AAAAAAA=\n\n"},
        {"no final newline", "text\n\n" DASH "k AAAAAAA="},
        {"text without newline", "text\n" DASH "k AAAAAAA=\n"},
        {"hyphen for em dash", "text\n\n- k AAAAAAA=\n"},
        {"no blank after the dash", "text\n\n\xe2\x80\x94k AAAAAAA=\n"},
        {"no name", "text\n\n" DASH " AAAAAAA=\n"},
        {"no base64", "text\n\n" DASH "k\n"},
        {"plus in the name", "text\n\n" DASH "k+1 AAAAAAA=\n"},
        {"no-break space in the name", "text\n\n" DASH "k\xc2\xa0 AAAAAAA=\n"},
        {"two blanks", "text\n\n" DASH "k  AAAAAAA=\n"},
        {"trailing blank", "text\n\n" DASH "k AAAAAAA= \n"},
        {"only a key id", "text\n\n" DASH "k AAAAAA==\n"},
        {"less than a key id", "text\n\n" DASH "k AAAA\n"},
        {"base64 with bits left over", "text\n\n" DASH "k AAAAAAB=\n"},
        {"base64 without padding", "text\n\n" DASH "k AAAAAAA\n"},
        {"base64 with padding inside", "text\n\n" DASH "k AAA=AAAA\n"},
        {"base64 with a wrong letter", "text\n\n" DASH "k AAAA-AAA\n"},
        {"carriage return", "text\r\n\n" DASH "k AAAAAAA=\n"},
        {"tab", "te\txt\n\n" DASH "k AAAAAAA=\n"},
        {"not UTF-8", "te\xffxt\n\n" DASH "k AAAAAAA=\n"},
    };
    TEST_EACH(row, rows)
    {
        struct po_note note;
        check_fails_leaf(po_note_parse(po_str_of(row->in), &note), PO_INVALID);
    }
    struct po_note note;
    check_ok_leaf(po_note_parse(PO_LIT("text\n\n" DASH "k AAAAAAA=\n"), &note));
    check_fails_leaf(po_note_parse(PO_LIT("te\0xt\n\n" DASH "k AAAAAAA=\n"), &note), PO_INVALID);
}

TEST(note_parse__takes_up_to_its_limits)
{
    PO_BUF_AUTO in = {0};
    po_buf_init(&in, PO_NOTE_BYTES_MAX + 1);
    struct po_note note;
    po_buf_append_cstr(&in, "text\n\n");
    for (size_t i = 0; i < PO_NOTE_SIGS_MAX; i++)
        po_buf_append_cstr(&in, DASH "k AAAAAAA=\n");
    check_ok_leaf(po_note_parse(po_buf_str(&in), &note));
    check_eq_u64(note.sig_count, PO_NOTE_SIGS_MAX);
    po_buf_append_cstr(&in, DASH "k AAAAAAA=\n");
    check_fails_leaf(po_note_parse(po_buf_str(&in), &note), PO_LIMIT);
    po_buf_clear(&in);
    while (in.len < PO_NOTE_BYTES_MAX + 1)
        po_buf_append_char(&in, '\n');
    check_fails_leaf(po_note_parse(po_buf_str(&in), &note), PO_LIMIT);
}

TEST(note_verify__ignores_unknown_keys_and_refuses_known_bad_ones)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *one = new_key(cx, 'a');
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *two = new_key(cx, 'b');
    struct po_note_vkey known[2] = {vkey_of(one, "one", PO_NOTE_ED25519),
                                    vkey_of(two, "two", PO_NOTE_ED25519)};
    struct po_note_vkey other_name = vkey_of(one, "other", PO_NOTE_ED25519);
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, 4096);
    two_signed(&bytes, PO_LIT("text\n"), one, two);
    struct po_note note;
    bool is_signed[2] = {false, false};
    check_ok_leaf(po_note_parse(po_buf_str(&bytes), &note));
    check_ok_leaf(po_note_verify(&note, known, 2, is_signed));
    check_that(is_signed[0] && is_signed[1]);
    check_ok_leaf(po_note_verify(&note, &known[1], 1, is_signed));
    check_fails_leaf(po_note_verify(&note, &other_name, 1, is_signed), PO_NOTFOUND);
    check_that(!is_signed[0]);
    /* The second key's line does not fit the text: a note both know is refused, whoever else signed. */
    note.text = PO_LIT("Text\n");
    check_fails_leaf(po_note_verify(&note, known, 2, NULL), PO_TAMPER);
    check_fails_leaf(po_note_verify(&note, &other_name, 1, NULL), PO_NOTFOUND);
}

TEST(note_verify__refuses_a_second_bad_line_of_a_known_key)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = new_key(cx, 'a');
    struct po_note_vkey vkey = vkey_of(key, "k", PO_NOTE_ED25519);
    PO_BUF_AUTO bytes = {0};
    PO_BUF_AUTO other = {0};
    po_buf_init(&bytes, 4096);
    po_buf_init(&other, 4096);
    check_ok_leaf(po_note_sign(PO_LIT("text\n"), PO_LIT("k"), key, &bytes));
    check_ok_leaf(po_note_sign(PO_LIT("evil\n"), PO_LIT("k"), key, &other));
    po_buf_append(&bytes, po_str_slice(po_buf_str(&other), 6, other.len));
    struct po_note note;
    check_ok_leaf(po_note_parse(po_buf_str(&bytes), &note));
    check_eq_u64(note.sig_count, 2);
    check_fails_leaf(po_note_verify(&note, &vkey, 1, NULL), PO_TAMPER);
}

TEST(note_verify__refuses_a_known_key_with_a_short_signature)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = new_key(cx, 'a');
    struct po_note_vkey vkey = vkey_of(key, "k", PO_NOTE_ED25519);
    uint8_t line[5] = {(uint8_t)(vkey.id >> 24), (uint8_t)(vkey.id >> 16), (uint8_t)(vkey.id >> 8),
                       (uint8_t)vkey.id, 0};
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, 4096);
    po_buf_append_cstr(&bytes, "text\n\n" DASH "k ");
    po_base64_append(&bytes, line, sizeof line);
    po_buf_append_char(&bytes, '\n');
    struct po_note note;
    check_ok_leaf(po_note_parse(po_buf_str(&bytes), &note));
    check_fails_leaf(po_note_verify(&note, &vkey, 1, NULL), PO_TAMPER);
}

/* A tlog-cosignature line of `key`: time, then Ed25519 over time and text. */
static void append_cosignature(struct po_buf *bytes, const struct po_sign_key *key,
                               const struct po_note_vkey *vkey, uint64_t time_s, po_str text)
{
    PO_BUF_AUTO message = {0};
    po_buf_init(&message, 4096);
    po_buf_printf(&message, "cosignature/v1\ntime %lu\n", (unsigned long)time_s);
    po_buf_append(&message, text);
    uint8_t line[4 + 8 + PO_ED25519_SIG_BYTES] = {(uint8_t)(vkey->id >> 24),
                                                  (uint8_t)(vkey->id >> 16),
                                                  (uint8_t)(vkey->id >> 8), (uint8_t)vkey->id};
    for (size_t i = 0; i < 8; i++)
        line[4 + i] = (uint8_t)(time_s >> (56 - 8 * i));
    check_ok_leaf(po_sign(key, po_buf_str(&message), line + 12));
    po_buf_append_cstr(bytes, DASH "witness ");
    po_base64_append(bytes, line, sizeof line);
    po_buf_append_char(bytes, '\n');
}

TEST(note_verify__checks_timestamped_cosignatures)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *log = new_key(cx, 'a');
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *witness = new_key(cx, 'w');
    struct po_note_vkey known[2] = {vkey_of(log, "log", PO_NOTE_ED25519),
                                    vkey_of(witness, "witness", PO_NOTE_COSIGNATURE_V1)};
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, 4096);
    check_ok_leaf(po_note_sign(PO_LIT("text\n"), PO_LIT("log"), log, &bytes));
    append_cosignature(&bytes, witness, &known[1], 1700000000, PO_LIT("text\n"));
    struct po_note note;
    bool is_signed[2] = {false, false};
    check_ok_leaf(po_note_parse(po_buf_str(&bytes), &note));
    check_ok_leaf(po_note_verify(&note, known, 2, is_signed));
    check_that(is_signed[0] && is_signed[1]);
    /* A plain signature of the same key is not a cosignature. */
    po_buf_clear(&bytes);
    check_ok_leaf(po_note_sign(PO_LIT("text\n"), PO_LIT("witness"), witness, &bytes));
    check_ok_leaf(po_note_parse(po_buf_str(&bytes), &note));
    check_fails_leaf(po_note_verify(&note, &known[1], 1, NULL), PO_NOTFOUND);
    /* Another text; a time beyond 2^63-1. */
    po_buf_clear(&bytes);
    po_buf_append_cstr(&bytes, "text\n\n");
    append_cosignature(&bytes, witness, &known[1], 1700000000, PO_LIT("other\n"));
    check_ok_leaf(po_note_parse(po_buf_str(&bytes), &note));
    check_fails_leaf(po_note_verify(&note, &known[1], 1, NULL), PO_TAMPER);
    po_buf_clear(&bytes);
    po_buf_append_cstr(&bytes, "text\n\n");
    append_cosignature(&bytes, witness, &known[1], UINT64_MAX, PO_LIT("text\n"));
    check_ok_leaf(po_note_parse(po_buf_str(&bytes), &note));
    check_fails_leaf(po_note_verify(&note, &known[1], 1, NULL), PO_TAMPER);
}

TEST(note_sign__refuses_what_cannot_be_a_note)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = new_key(cx, 'a');
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 4096);
    static char long_name[PO_NOTE_NAME_BYTES_MAX + 1];
    memset(long_name, 'n', sizeof long_name);
    po_str name = PO_LIT("k");
    check_fails_leaf(po_note_sign(PO_LIT("no newline"), name, key, &out), PO_INVALID);
    check_fails_leaf(po_note_sign(PO_LIT(""), name, key, &out), PO_INVALID);
    check_fails_leaf(po_note_sign(PO_LIT("\x01\n"), name, key, &out), PO_INVALID);
    check_fails_leaf(po_note_sign(PO_LIT("\xff\n"), name, key, &out), PO_INVALID);
    check_fails_leaf(po_note_sign(PO_LIT("t\n"), PO_LIT(""), key, &out), PO_INVALID);
    check_fails_leaf(po_note_sign(PO_LIT("t\n"), PO_LIT("a b"), key, &out), PO_INVALID);
    check_fails_leaf(po_note_sign(PO_LIT("t\n"), PO_LIT("a+b"), key, &out), PO_INVALID);
    check_fails_leaf(po_note_sign(PO_LIT("t\n"), PO_LIT("a\xe3\x80\x80"), key, &out), PO_INVALID);
    check_fails_leaf(po_note_sign(PO_LIT("t\n"), po_str_n(long_name, sizeof long_name), key, &out),
                     PO_INVALID);
    check_eq_u64(out.len, 0);
    check_ok_leaf(
        po_note_sign(PO_LIT("t\n"), po_str_n(long_name, sizeof long_name - 1), key, &out));
}

TEST(note_vkey__refuses_other_shapes)
{
    static const struct {
        const char *name;
        const char *in;
        enum po_code want;
    } rows[] = {
        {"empty", "", PO_INVALID},
        {"one part", "PeterNeumann", PO_INVALID},
        {"two parts", "PeterNeumann+c74f20a3", PO_INVALID},
        {"no name", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", PO_INVALID},
        {"wrong id", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
         PO_INVALID},
        {"upper case id", "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
         PO_INVALID},
        {"short id", "PeterNeumann+c74f20+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
         PO_INVALID},
        {"other key", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
         PO_INVALID},
        {"short key", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy", PO_INVALID},
        {"not base64", "PeterNeumann+c74f20a3+A", PO_INVALID},
        {"other type", "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
         PO_UNSUPPORTED},
    };
    TEST_EACH(row, rows)
    {
        struct po_note_vkey vkey;
        check_fails_leaf(po_note_vkey_parse(po_str_of(row->in), &vkey), row->want);
    }
    const uint8_t key[PO_ED25519_PUBLIC_BYTES] = {0};
    struct po_note_vkey vkey;
    check_fails_leaf(po_note_vkey_make(PO_LIT("k"), 0x06, key, &vkey), PO_UNSUPPORTED);
}

TEST(note_vkey__survives_a_plus_inside_its_base64)
{
    TEST_CX(cx);
    /* A key whose base64 holds '+': found by trying seeds. */
    for (char fill = 1; fill < 127; fill++) {
        PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = new_key(cx, fill);
        struct po_note_vkey vkey = vkey_of(key, "k", PO_NOTE_ED25519);
        PO_BUF_AUTO text = {0};
        po_buf_init(&text, 256);
        po_note_vkey_format(&vkey, &text);
        struct po_note_vkey again;
        check_ok_leaf(po_note_vkey_parse(po_buf_str(&text), &again));
        check_eq_u64(again.id, vkey.id);
        check_eq_mem(again.key, vkey.key, sizeof vkey.key);
        if (po_str_find_char(po_buf_str(&text), '+', 11) != SIZE_MAX) return;
    }
    check_that(false, "no key with '+' among the seeds");
}

TEST_FAULTS_MANUAL(note_sign__fails_cleanly)
{
    TEST_CX(cx);
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 4096);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = new_key(cx, 'a');
    struct po_note_vkey vkey = vkey_of(key, "k", PO_NOTE_ED25519);
    test_faults_arm();
    if (!test_survived(po_note_sign(PO_LIT("text\n"), PO_LIT("k"), key, &out))) return;
    test_faults_off();
    struct po_note note;
    check_ok_leaf(po_note_parse(po_buf_str(&out), &note));
    check_ok_leaf(po_note_verify(&note, &vkey, 1, NULL));
}

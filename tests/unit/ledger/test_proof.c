#include "fixture.h"

struct proved {
    struct fix fix;
    struct po_note_vkey vkey;
    uint8_t leaf[32];
    struct po_buf text;
};

static void proved_done(struct proved *p)
{
    po_buf_done(&p->text);
    fix_done(&p->fix);
}
#define PROVED_AUTO PO_CLEANUP(proved_done) struct proved

static void prove(struct po_ctx *cx, struct proved *p, uint64_t size, uint64_t index)
{
    uint8_t record[PO_RECORD_BYTES];
    fix_new(cx, &p->fix);
    fix_append(cx, &p->fix, size, 100);
    fix_checkpoint(cx, &p->fix);
    po_buf_init(&p->text, PO_PROOF_BYTES_MAX);
    check_ok(cx, po_ledger_prove(cx, p->fix.ledger, index, &p->text));
    check_ok(cx, po_ledger_record_bytes_at(cx, p->fix.ledger, index, record));
    check_ok_leaf(po_leaf_hash(po_str_n(record, sizeof record), p->leaf));
    check_ok_leaf(po_note_vkey_make(PO_LIT(FIX_ORIGIN), PO_NOTE_ED25519,
                                    po_sign_key_public(p->fix.sign_key), &p->vkey));
}

/* @proves CC7.2 */
TEST(proof__proves_a_leaf_to_somebody_with_nothing_but_the_key)
{
    TEST_CX(cx);
    PROVED_AUTO p;
    struct po_proof proof;
    prove(cx, &p, 300, 123);
    po_str text = po_buf_str(&p.text);
    check_that(po_str_starts(text, PO_LIT("c2sp.org/tlog-proof@v1\nindex 123\n")));
    check_ok_leaf(po_proof_verify(text, p.leaf, &p.vkey, &proof));
    check_eq_u64(proof.index, 123);
    check_eq_u64(proof.checkpoint.size, 300);
    check_ok_leaf(po_proof_verify(text, p.leaf, NULL, NULL));
    p.leaf[0] ^= 1;
    check_fails_leaf(po_proof_verify(text, p.leaf, &p.vkey, NULL), PO_TAMPER);
    p.leaf[0] ^= 1;
    uint8_t other[32];
    memcpy(other, p.vkey.key, 32);
    other[9] ^= 1;
    check_ok_leaf(po_note_vkey_make(PO_LIT(FIX_ORIGIN), PO_NOTE_ED25519, other, &p.vkey));
    check_fails_leaf(po_proof_verify(text, p.leaf, &p.vkey, NULL), PO_NOTFOUND);
}

TEST(proof__needs_no_hashes_in_a_tree_of_one)
{
    TEST_CX(cx);
    PROVED_AUTO p;
    prove(cx, &p, 1, 0);
    check_that(po_str_starts(po_buf_str(&p.text), PO_LIT("c2sp.org/tlog-proof@v1\nindex 0\n\n")));
    check_ok_leaf(po_proof_verify(po_buf_str(&p.text), p.leaf, &p.vkey, NULL));
}

TEST(proof__cannot_be_had_for_leaves_that_are_not_signed_yet)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    PO_BUF_AUTO out;
    po_buf_init(&out, PO_PROOF_BYTES_MAX);
    fix_new(cx, &fix);
    fix_append(cx, &fix, 3, 3);
    check_fails(cx, po_ledger_prove(cx, fix.ledger, 0, &out), PO_NOTFOUND);
    fix_checkpoint(cx, &fix);
    fix_append(cx, &fix, 1, 1);
    check_ok(cx, po_ledger_prove(cx, fix.ledger, 2, &out));
    check_fails(cx, po_ledger_prove(cx, fix.ledger, 3, &out), PO_NOTFOUND);
}

TEST(proof_verify__refuses_every_altered_byte)
{
    TEST_CX(cx);
    PROVED_AUTO p;
    prove(cx, &p, 300, 123);
    for (size_t i = 0; i < p.text.len; i++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            p.text.ptr[i] = (char)(p.text.ptr[i] ^ (1 << bit));
            po_rc rc = po_proof_verify(po_buf_str(&p.text), p.leaf, &p.vkey, NULL);
            check_that(!po_is_ok(rc), "byte %zu bit %u", i, bit);
            p.text.ptr[i] = (char)(p.text.ptr[i] ^ (1 << bit));
        }
    }
    for (size_t len = 0; len < p.text.len; len++)
        check_that(!po_is_ok(po_proof_verify(po_str_n(p.text.ptr, len), p.leaf, &p.vkey, NULL)));
    po_buf_append_char(&p.text, '\n');
    check_that(!po_is_ok(po_proof_verify(po_buf_str(&p.text), p.leaf, &p.vkey, NULL)));
}

/* Replace `from` by `to`, first occurrence. */
static const struct {
    const char *name;
    const char *from;
    const char *to;
    bool is_fine;
} edits[] = {
    {"extra", "index", "extra AAAA\nindex", true},
    {"extra not base64", "index", "extra AAA\nindex", false},
    {"extra twice", "index", "extra AAAA\nextra AAAA\nindex", false},
    {"leading zero", "index 1", "index 01", false},
    {"plus", "index 1", "index +1", false},
    {"blank", "index 1", "index  1", false},
    {"carriage return", "@v1\n", "@v1\r\n", false},
    {"carriage return in a hash", "=\n", "=\r\n", false},
    {"version", "@v1", "@v2", false},
    {"no index", "index 123\n", "", false},
    {"index outside", "index 123", "index 300", false},
    {"other index", "index 123", "index 122", false},
    {"huge index", "index 123", "index 99999999999999999999", false},
    {"size with leading zero", "\n300\n", "\n0300\n", false},
    {"extension line", "\n\n\xe2\x80\x94", "\nmore\n\n\xe2\x80\x94", false},
    {"non-canonical padding", "=\n", "\n", false},
};

TEST(proof_verify__is_strict_about_the_text)
{
    TEST_CX(cx);
    PROVED_AUTO p;
    prove(cx, &p, 300, 123);
    TEST_EACH(row, edits)
    {
        PO_BUF_AUTO text;
        po_buf_init(&text, PO_PROOF_BYTES_MAX);
        const char *at = strstr(p.text.ptr, row->from);
        check_that(at != NULL);
        po_buf_append(&text, po_str_n(p.text.ptr, (size_t)(at - p.text.ptr)));
        po_buf_append_cstr(&text, row->to);
        po_buf_append_cstr(&text, at + strlen(row->from));
        po_rc rc = po_proof_verify(po_buf_str(&text), p.leaf, &p.vkey, NULL);
        check_that(po_is_ok(rc) == row->is_fine, "%s", po_code_name(rc.code));
    }
    test_row(NULL);
}

TEST(proof_verify__refuses_more_hashes_than_a_tree_can_have)
{
    TEST_CX(cx);
    PROVED_AUTO p;
    struct po_proof proof;
    PO_BUF_AUTO text;
    po_buf_init(&text, PO_PROOF_BYTES_MAX);
    prove(cx, &p, 3, 1);
    po_buf_append_cstr(&text, "c2sp.org/tlog-proof@v1\nindex 1\n");
    for (int i = 0; i < PO_PROOF_HASHES_MAX + 1; i++)
        po_buf_append_cstr(&text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    const char *note = strstr(p.text.ptr, "\n\n");
    po_buf_append_cstr(&text, note + 1);
    check_fails_leaf(po_proof_parse(po_buf_str(&text), &proof), PO_LIMIT);
    PO_BUF_AUTO large;
    po_buf_init(&large, PO_PROOF_BYTES_MAX + 1);
    po_buf_append_zeros(&large, PO_PROOF_BYTES_MAX + 1);
    check_fails_leaf(po_proof_parse(po_buf_str(&large), &proof), PO_LIMIT);
}

TEST(checkpoint_parse__refuses_other_shapes)
{
    static const struct {
        const char *name;
        const char *text;
    } rows[] = {
        {"empty", ""},
        {"no signature", "a/audit\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"},
        {"short root", "a/audit\n1\nAAAA\n\n\xe2\x80\x94 a/audit AAAAAAAA\n"},
        {"no size", "a/audit\n\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n"
                    "\xe2\x80\x94 a/audit AAAAAAAA\n"},
    };
    struct po_checkpoint checkpoint;
    TEST_EACH(row, rows)
    {
        check_that(!po_is_ok(po_checkpoint_parse(po_str_of(row->text), &checkpoint)));
    }
    test_row(NULL);
}

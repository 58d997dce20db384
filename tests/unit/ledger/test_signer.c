/*
 * Signing for another process: what the signer refuses, and a ledger that asks one.
 */
#include "fixture.h"

#define SIGNER_AUTO PO_CLEANUP(po_ledger_signer_freep) struct po_ledger_signer
#define RING_AUTO PO_CLEANUP(po_keyring_freep) struct po_keyring

static struct po_ledger_signer *make_signer(struct po_ctx *cx, const struct fix *fix)
{
    struct po_ledger_signer *signer = NULL;
    const struct po_ledger_signer_options options = {
        .path = fix->state, .origin = FIX_ORIGIN, .dir = fix->dir};
    check_ok(cx, po_ledger_signer_new(cx, &options, &signer));
    return signer;
}

/* A claim of the ledger's own tree. */
struct claim {
    struct po_buf text;
    struct po_proof_hashes proof;
    struct po_keyring_claim claim;
};
static void claim_done(struct claim *claim) { po_buf_done(&claim->text); }
#define CLAIM_AUTO PO_CLEANUP(claim_done) struct claim

static void make_claim(struct po_ctx *cx, struct fix *fix, uint64_t from, uint64_t size,
                       struct claim *claim)
{
    struct po_checkpoint checkpoint = {.origin = FIX_ORIGIN, .size = size};
    *claim = (struct claim){0};
    po_buf_init(&claim->text, 1024);
    check_ok(cx, po_ledger_root_at(cx, fix->ledger, size, checkpoint.root));
    if (from > 0) check_ok(cx, po_ledger_consistency(cx, fix->ledger, from, size, &claim->proof));
    po_checkpoint_text(&checkpoint, &claim->text);
    claim->claim.text = po_buf_str(&claim->text);
    claim->claim.proof = po_str_n(claim->proof.hashes, claim->proof.count * PO_SHA256_BYTES);
}

static po_rc sign(struct po_ctx *cx, struct fix *fix, struct po_ledger_signer *signer,
                  const struct po_keyring_claim *claim)
{
    uint8_t signature[PO_ED25519_SIG_BYTES];
    po_err_clear(cx);
    PO_TRY(cx, po_ledger_signer_sign(cx, signer, fix->sign_key, claim, signature));
    return po_sign_verify(po_sign_key_public(fix->sign_key), claim->text, signature);
}

static uint64_t signed_size(struct po_ctx *cx, const struct fix *fix)
{
    struct po_signed_state state = {0};
    check_ok(cx, po_signed_read(cx, fix->state, &state));
    return state.size;
}

static void sign_own(struct po_ctx *cx, struct fix *fix, struct po_ledger_signer *signer,
                     uint64_t from, uint64_t size)
{
    CLAIM_AUTO claim;
    make_claim(cx, fix, from, size, &claim);
    check_ok(cx, sign(cx, fix, signer, &claim.claim));
    check_eq_u64(signed_size(cx, fix), size);
}

static void refuse_own(struct po_ctx *cx, struct fix *fix, struct po_ledger_signer *signer,
                       uint64_t from, uint64_t size)
{
    CLAIM_AUTO claim;
    uint64_t before = signed_size(cx, fix);
    make_claim(cx, fix, from, size, &claim);
    check_fails(cx, sign(cx, fix, signer, &claim.claim), PO_TAMPER);
    check_eq_u64(signed_size(cx, fix), before);
}

/* @proves CC7.2 */
TEST(signer__signs_what_goes_on_and_nothing_smaller)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 40, 8);
    SIGNER_AUTO *signer = make_signer(cx, &fix);
    sign_own(cx, &fix, signer, 0, 5);
    sign_own(cx, &fix, signer, 5, 5); /* again: the answer was lost */
    sign_own(cx, &fix, signer, 5, 8);
    sign_own(cx, &fix, signer, 8, 33);
    refuse_own(cx, &fix, signer, 0, 8);
    refuse_own(cx, &fix, signer, 0, 32);
    refuse_own(cx, &fix, signer, 0, 40);  /* without a proof */
    refuse_own(cx, &fix, signer, 32, 40); /* of another beginning */
    sign_own(cx, &fix, signer, 33, 40);
    SIGNER_AUTO *next = make_signer(cx, &fix); /* started again: `signed` remembers */
    refuse_own(cx, &fix, next, 0, 39);
    sign_own(cx, &fix, next, 40, 40);
}

/* @proves CC7.2 */
TEST(signer__signs_no_fork)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    CLAIM_AUTO claim;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 20, 8);
    SIGNER_AUTO *signer = make_signer(cx, &fix);
    sign_own(cx, &fix, signer, 0, 10);
    struct po_checkpoint other = {.origin = FIX_ORIGIN, .size = 10};
    PO_BUF_AUTO text;
    po_buf_init(&text, 1024);
    memset(other.root, 0x5a, sizeof other.root);
    po_checkpoint_text(&other, &text);
    const struct po_keyring_claim same_size = {.text = po_buf_str(&text)};
    check_fails(cx, sign(cx, &fix, signer, &same_size), PO_TAMPER);
    /* a larger tree with another past: the proof is of the right one */
    make_claim(cx, &fix, 10, 20, &claim);
    po_buf_clear(&text);
    other.size = 20;
    po_checkpoint_text(&other, &text);
    const struct po_keyring_claim larger = {.text = po_buf_str(&text), .proof = claim.claim.proof};
    check_fails(cx, sign(cx, &fix, signer, &larger), PO_TAMPER);
    check_eq_u64(signed_size(cx, &fix), 10);
    check_ok(cx, sign(cx, &fix, signer, &claim.claim));
}

TEST(signer__signs_nothing_but_a_checkpoint_of_its_own_log)
{
    static const struct {
        const char *name;
        const char *text;
        enum po_code code;
    } rows[] = {
        {"anything", "please sign this\n", PO_INVALID},
        {"another log", "inst_ffffffffffffffff/audit\n5\n%s\n", PO_DENIED},
        {"no final newline", FIX_ORIGIN "\n5\n%s", PO_INVALID},
        {"an extension line", FIX_ORIGIN "\n5\n%s\nand more\n", PO_INVALID},
        {"an empty log", FIX_ORIGIN "\n0\n%s\n", PO_INVALID},
        {"a zero before the size", FIX_ORIGIN "\n05\n%s\n", PO_INVALID},
        {"a sign", FIX_ORIGIN "\n+5\n%s\n", PO_INVALID},
        {"a whole note", FIX_ORIGIN "\n5\n%s\n\nand\n", PO_INVALID},
        {"nothing", "", PO_INVALID},
    };
    TEST_CX(cx);
    FIX_AUTO fix;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 5, 5);
    SIGNER_AUTO *signer = make_signer(cx, &fix);
    TEST_EACH(row, rows)
    {
        char text[256];
        const char *const root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        const char *at = strstr(row->text, "%s");
        (void)snprintf(text, sizeof text, "%.*s%s%s",
                       (int)(at != NULL ? at - row->text : (long)strlen(row->text)), row->text,
                       at != NULL ? root : "", at != NULL ? at + 2 : "");
        const struct po_keyring_claim claim = {.text = po_str_of(text)};
        check_fails(cx, sign(cx, &fix, signer, &claim), row->code);
        check_eq_u64(signed_size(cx, &fix), 0);
    }
    CLAIM_AUTO claim;
    make_claim(cx, &fix, 0, 5, &claim);
    claim.claim.proof = po_str_n("x", 1);
    check_fails(cx, sign(cx, &fix, signer, &claim.claim), PO_INVALID);
}

/* Law 8: where another directory, or another past, was put in its place. */
TEST(signer__does_not_sign_for_a_copy)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    CLAIM_AUTO claim;
    fix_new(cx, &fix);
    fix_append(cx, &fix, 12, 4);
    SIGNER_AUTO *signer = make_signer(cx, &fix);
    sign_own(cx, &fix, signer, 0, 4);
    size_t len = 0;
    char *old = test_read_file(fix.state, &len);
    sign_own(cx, &fix, signer, 4, 8);
    test_write_file(fix.state, old, len); /* put back while it runs */
    free(old);
    make_claim(cx, &fix, 4, 12, &claim);
    check_fails(cx, sign(cx, &fix, signer, &claim.claim), PO_TAMPER);
    check_contains(po_err_msg(cx), "put back");
    SIGNER_AUTO *next = make_signer(cx, &fix);
    check_eq_int(rename(fix.dir, test_tmp("moved")), 0);
    check_eq_int(mkdir(fix.dir, 0700), 0);
    check_fails(cx, sign(cx, &fix, next, &claim.claim), PO_DENIED);
    check_eq_int(rmdir(fix.dir), 0);
    check_fails(cx, sign(cx, &fix, next, &claim.claim), PO_NOTFOUND);
    check_eq_int(rename(test_tmp("moved"), fix.dir), 0);
    check_ok(cx, sign(cx, &fix, next, &claim.claim));
    fix_flip(fix.state, 30);
    check_fails(cx, sign(cx, &fix, next, &claim.claim), PO_CORRUPT);
    check_eq_int(unlink(fix.state), 0);
    check_fails(cx, sign(cx, &fix, next, &claim.claim), PO_NOTFOUND);
}

TEST(signer__options_have_limits)
{
    TEST_CX(cx);
    static char path[PO_LEDGER_PATH_BYTES + 1];
    struct po_ledger_signer *signer = NULL;
    memset(path, 'x', sizeof path - 1);
    const struct po_ledger_signer_options rows[] = {
        {.path = path, .origin = FIX_ORIGIN, .dir = "/d"},
        {.path = "/p", .origin = FIX_ORIGIN, .dir = path},
        {.path = "/p", .origin = "a b", .dir = "/d"}};
    check_fails(cx, po_ledger_signer_new(cx, &rows[0], &signer), PO_LIMIT);
    check_fails(cx, po_ledger_signer_new(cx, &rows[1], &signer), PO_LIMIT);
    check_fails(cx, po_ledger_signer_new(cx, &rows[2], &signer), PO_INVALID);
}

/* ---- a ledger that asks ------------------------------------------------------------------------- */

struct desk {
    struct po_keyring_desk desk;
    struct po_keyring_asker asker;
    struct po_ledger_signer *signer;
    bool is_away;
    bool loses; /* what it answered */
};

static po_rc ask(struct po_ctx *cx, void *user, po_str request, struct po_buf *answer)
{
    struct desk *desk = user;
    PO_CLEANUP(po_buf_wipe) struct po_buf made = {0};
    if (desk->is_away) return PO_FAIL(cx, PO_BUSY, "the desk is away");
    PO_TRY(cx, po_keyring_answer(cx, &desk->desk, request, &made));
    if (desk->loses) return PO_FAIL(cx, PO_BUSY, "the desk died");
    po_buf_append(answer, po_buf_str(&made));
    return po_buf_check(answer);
}

static void desk_done(struct desk *desk)
{
    po_keyring_freep(&desk->desk.keyring);
    po_ledger_signer_freep(&desk->signer);
}
#define DESK_AUTO PO_CLEANUP(desk_done) struct desk

/* A ledger made with the ring's own key, as `init` does, then one that asks. */
static void open_asking(struct po_ctx *cx, struct fix *fix, struct desk *desk,
                        struct po_keyring **ret_ring)
{
    const struct po_keyring_place place = {.dir = test_tmp("keys")};
    RING_AUTO *local = NULL;
    *desk = (struct desk){.desk = {.place = place}};
    check_ok(cx, po_keyring_create(cx, &place, &local));
    fix_init(cx, fix);
    fix->options.sign_key = po_keyring_ledger_key(local);
    check_ok(cx, po_ledger_create(cx, &fix->options));
    desk->signer = make_signer(cx, fix);
    desk->desk.log = (struct po_keyring_log){
        .user = desk->signer, .state = po_ledger_signer_state, .sign = po_ledger_signer_sign};
    desk->asker = (struct po_keyring_asker){.ask = ask, .user = desk};
    check_ok(cx, po_keyring_open_asking(cx, &desk->asker, ret_ring));
    fix->options.sign_key = po_keyring_ledger_key(*ret_ring);
    fix->options.asking = *ret_ring;
    fix->options.signed_path = NULL;
    fix_open(cx, fix);
    check_that(po_ledger_read_only_reason(fix->ledger) == NULL, "%s",
               po_ledger_read_only_reason(fix->ledger));
}

TEST(signing__by_asking_verifies_as_by_oneself)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    DESK_AUTO desk;
    RING_AUTO *ring = NULL;
    open_asking(cx, &fix, &desk, &ring);
    for (uint64_t i = 0; i < 6; i++) {
        fix_append(cx, &fix, 1 + 57 * i, 64);
        fix_checkpoint(cx, &fix);
        check_eq_u64(signed_size(cx, &fix), po_ledger_size(fix.ledger));
        fix_checkpoint(cx, &fix); /* nothing to do */
        fix_check_ok(cx, &fix);
        fix_open(cx, &fix);
        check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    }
    fix_close(&fix);
}

TEST(signing__goes_on_when_the_desk_comes_back)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    DESK_AUTO desk;
    RING_AUTO *ring = NULL;
    open_asking(cx, &fix, &desk, &ring);
    fix_append(cx, &fix, 10, 5);
    desk.is_away = true;
    check_fails(cx, po_ledger_checkpoint(cx, fix.ledger, NULL), PO_BUSY);
    po_err_clear(cx);
    fix_append(cx, &fix, 10, 5); /* nothing is broken */
    desk.is_away = false;
    fix_checkpoint(cx, &fix);
    check_eq_u64(signed_size(cx, &fix), 20);
    fix_check_ok(cx, &fix);
    fix_close(&fix);
}

/* It signed, and nobody heard: the next question is of a larger tree than it knows of. */
TEST(signing__goes_on_after_an_answer_was_lost)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    DESK_AUTO desk;
    RING_AUTO *ring = NULL;
    open_asking(cx, &fix, &desk, &ring);
    fix_append(cx, &fix, 10, 5);
    fix_checkpoint(cx, &fix);
    for (uint64_t more = 0; more < 2; more++) {
        fix_append(cx, &fix, 3, 3);
        desk.loses = true;
        check_fails(cx, po_ledger_checkpoint(cx, fix.ledger, NULL), PO_BUSY);
        po_err_clear(cx);
        desk.loses = false;
        if (more > 0) fix_append(cx, &fix, 9, 3);
        fix_checkpoint(cx, &fix);
        check_eq_u64(signed_size(cx, &fix), po_ledger_size(fix.ledger));
        fix_check_ok(cx, &fix);
    }
    /* and when whoever asked died of it: the next one publishes what was signed */
    fix_append(cx, &fix, 3, 3);
    desk.loses = true;
    check_fails(cx, po_ledger_checkpoint(cx, fix.ledger, NULL), PO_BUSY);
    po_err_clear(cx);
    desk.loses = false;
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL);
    fix_check_ok(cx, &fix);
    fix_close(&fix);
}

TEST(signing__by_asking_is_read_only_when_the_state_does_not_fit)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    DESK_AUTO desk;
    RING_AUTO *ring = NULL;
    open_asking(cx, &fix, &desk, &ring);
    fix_append(cx, &fix, 10, 5);
    fix_checkpoint(cx, &fix);
    fix_close(&fix);
    check_eq_int(rename(fix.state, test_tmp("kept")), 0);
    fix_open(cx, &fix);
    check_contains(po_ledger_read_only_reason(fix.ledger), "signing state is not here");
    fix_close(&fix);
    check_eq_int(rename(test_tmp("kept"), fix.state), 0);
    fix_flip(fix.state, 40);
    fix_open(cx, &fix);
    check_contains(po_ledger_read_only_reason(fix.ledger), "damaged");
    fix_close(&fix);
    desk.is_away = true;
    check_fails(cx, po_ledger_open(cx, &fix.options, &fix.ledger), PO_BUSY);
}

TEST_FAULTS_MANUAL(signing__by_asking_fails_cleanly)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    DESK_AUTO desk;
    RING_AUTO *ring = NULL;
    open_asking(cx, &fix, &desk, &ring);
    fix_append(cx, &fix, 10, 5);
    fix_checkpoint(cx, &fix);
    fix_append(cx, &fix, 7, 7);
    test_faults_arm();
    po_rc rc = po_ledger_checkpoint(cx, fix.ledger, NULL);
    test_faults_off();
    check_that(po_is_ok(rc) || test_fault_fired(), "%s", po_err_msg(cx));
    po_err_clear(cx);
    fix_open(cx, &fix);
    check_that(po_ledger_read_only_reason(fix.ledger) == NULL, "%s",
               po_ledger_read_only_reason(fix.ledger));
    fix_checkpoint(cx, &fix);
    check_eq_u64(signed_size(cx, &fix), 17);
    fix_check_ok(cx, &fix);
    fix_close(&fix);
}

/*
 * The ring that asks and the desk that answers: both forms give equal results, and the table is closed.
 */
#include "core/fs.h"
#include "crypto/keyring_ask_priv.h"
#include "lib/test.h"

#include <sys/stat.h>
#include <unistd.h>

#define RING_AUTO PO_CLEANUP(po_keyring_freep) struct po_keyring
#define SECRET_AUTO PO_CLEANUP(po_secret_freep) struct po_secret
#define TENANT ((po_tenant_id){7})

/* A desk in this process, and what was asked of it. */
struct bench {
    struct po_keyring_desk desk;
    struct po_keyring_asker asker;
    uint64_t asked;
    uint64_t lose;   /* the answer of this question is lost, and it is asked again of a new desk */
    uint64_t refuse; /* from this question on the desk is away: PO_BUSY */
    const char *say; /* instead of the answer */
    size_t say_len;
    struct po_buf seen; /* all answers */
};

static po_rc ask_desk(struct po_ctx *cx, struct bench *bench, po_str request, struct po_buf *answer)
{
    PO_CLEANUP(po_buf_wipe) struct po_buf made = {0};
    PO_TRY(cx, po_keyring_answer(cx, &bench->desk, request, &made));
    po_buf_append(answer, po_buf_str(&made));
    po_buf_append(&bench->seen, po_buf_str(&made));
    return po_buf_check(answer);
}

static po_rc ask(struct po_ctx *cx, void *user, po_str request, struct po_buf *answer)
{
    struct bench *bench = user;
    bench->asked++;
    if (bench->refuse != 0 && bench->asked >= bench->refuse)
        return PO_FAIL(cx, PO_BUSY, "the desk is away");
    if (bench->say != NULL) {
        po_buf_append(answer, po_str_n(bench->say, bench->say_len));
        return po_rc_ok();
    }
    if (bench->asked == bench->lose) {
        PO_TRY(cx, ask_desk(cx, bench, request, answer));
        po_buf_clear(answer);
        po_keyring_freep(&bench->desk.keyring);
    }
    return ask_desk(cx, bench, request, answer);
}

static struct po_keyring_place place(void)
{
    return (struct po_keyring_place){.dir = test_tmp("keys")};
}

static void open_bench(struct bench *bench)
{
    *bench = (struct bench){.desk = {.place = place()}};
    bench->asker = (struct po_keyring_asker){.ask = ask, .user = bench};
    po_buf_init(&bench->seen, (size_t)1 << 20);
}

static void close_bench(struct bench *bench)
{
    po_keyring_freep(&bench->desk.keyring);
    po_buf_done(&bench->seen);
}
#define BENCH_AUTO PO_CLEANUP(close_bench) struct bench

static void make_keys(struct po_ctx *cx)
{
    RING_AUTO *ring = NULL;
    const struct po_keyring_place where = place();
    check_ok(cx, po_keyring_create(cx, &where, &ring));
}

static struct po_keyring *open_local(struct po_ctx *cx)
{
    struct po_keyring *ring = NULL;
    const struct po_keyring_place where = place();
    check_ok(cx, po_keyring_open(cx, &where, &ring));
    return ring;
}

static struct po_keyring *open_asking(struct po_ctx *cx, struct bench *bench)
{
    struct po_keyring *ring = NULL;
    check_ok(cx, po_keyring_open_asking(cx, &bench->asker, &ring));
    check_that(po_keyring_is_asking(ring));
    return ring;
}

static void check_same_status(struct po_ctx *cx, const struct po_keyring *a,
                              const struct po_keyring *b)
{
    struct po_key_info *of_a = NULL;
    struct po_key_info *of_b = NULL;
    size_t count_a = 0;
    size_t count_b = 0;
    check_ok(cx, po_keyring_status(cx, a, &of_a, &count_a));
    check_ok(cx, po_keyring_status(cx, b, &of_b, &count_b));
    check_eq_u64(count_a, count_b);
    for (size_t i = 0; i < count_a; i++) {
        check_eq_cstr(of_a[i].id, of_b[i].id);
        check_eq_cstr(of_a[i].purpose, of_b[i].purpose);
        check_eq_int(of_a[i].state, of_b[i].state);
        check_eq_int(of_a[i].created_us, of_b[i].created_us);
        check_eq_int(of_a[i].rotated_us, of_b[i].rotated_us);
    }
}

/* ---- equal results ------------------------------------------------------------------------------ */

TEST(keyring_ask__tells_what_the_ring_itself_tells)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *local = open_local(cx);
    RING_AUTO *asking = open_asking(cx, &bench);
    check_that(!po_keyring_is_asking(local));
    check_same_status(cx, local, asking);
    check_eq_int(po_keyring_is_rotating(asking), po_keyring_is_rotating(local));
    check_eq_mem(po_sign_key_public(po_keyring_ledger_key(asking)),
                 po_sign_key_public(po_keyring_ledger_key(local)), PO_ED25519_PUBLIC_BYTES);
}

/* @proves CC6.1 */
TEST(keyring_ask__wraps_and_unwraps_what_the_other_form_does)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *local = open_local(cx);
    RING_AUTO *asking = open_asking(cx, &bench);
    const struct po_keyring *rings[] = {local, asking};
    SECRET_AUTO *key = NULL;
    check_ok(cx, po_secret_random(cx, PO_KEY_BYTES, &key));
    for (size_t i = 0; i < 4; i++) {
        PO_BUF_AUTO wrapped;
        SECRET_AUTO *back = NULL;
        po_buf_init(&wrapped, PO_WRAPPED_KEY_BYTES);
        check_ok(cx, po_keyring_wrap(cx, rings[i / 2], TENANT, 3, key, &wrapped));
        check_that(po_keyring_is_wrapped_current(rings[0], po_buf_str(&wrapped)));
        check_that(po_keyring_is_wrapped_current(rings[1], po_buf_str(&wrapped)));
        const struct po_keyring *ring = rings[i % 2];
        check_ok(cx, po_keyring_unwrap(cx, ring, TENANT, 3, po_buf_str(&wrapped), &back));
        check_that(po_secret_eq(key, back));
        SECRET_AUTO *none = NULL;
        po_tenant_id other = {8};
        check_fails(cx, po_keyring_unwrap(cx, ring, TENANT, 4, po_buf_str(&wrapped), &none),
                    PO_TAMPER);
        check_fails(cx, po_keyring_unwrap(cx, ring, other, 3, po_buf_str(&wrapped), &none),
                    PO_TAMPER);
        check_fails(cx, po_keyring_unwrap(cx, ring, TENANT, 3, PO_LIT("short"), &none), PO_CORRUPT);
        wrapped.ptr[2] ^= 1;
        check_that(!po_keyring_is_wrapped_current(ring, po_buf_str(&wrapped)));
        check_fails(cx, po_keyring_unwrap(cx, ring, TENANT, 3, po_buf_str(&wrapped), &none),
                    PO_UNAVAILABLE);
        check_that(!po_keyring_is_wrapped_current(ring, PO_LIT("x")));
    }
}

static po_rc rewrap(struct po_ctx *cx, struct po_keyring *ring, void *user)
{
    struct po_buf *wrapped = user;
    SECRET_AUTO *key = NULL;
    if (po_keyring_is_wrapped_current(ring, po_buf_str(wrapped))) return po_rc_ok();
    PO_TRY(cx, po_keyring_unwrap(cx, ring, TENANT, 1, po_buf_str(wrapped), &key));
    PO_BUF_AUTO anew;
    po_buf_init(&anew, PO_WRAPPED_KEY_BYTES);
    PO_TRY(cx, po_keyring_wrap(cx, ring, TENANT, 1, key, &anew));
    memcpy(wrapped->ptr, anew.ptr, anew.len);
    return po_rc_ok();
}

static void wrap_one(struct po_ctx *cx, const struct po_keyring *ring, struct po_buf *wrapped)
{
    SECRET_AUTO *key = NULL;
    po_buf_init(wrapped, PO_WRAPPED_KEY_BYTES);
    check_ok(cx, po_secret_random(cx, PO_KEY_BYTES, &key));
    check_ok(cx, po_keyring_wrap(cx, ring, TENANT, 1, key, wrapped));
}

TEST(keyring_ask__rotates_the_master_key)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO wrapped;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *asking = open_asking(cx, &bench);
    wrap_one(cx, asking, &wrapped);
    po_clock_fake_advance(test_clock(), PO_US_PER_DAY);
    check_ok(cx, po_keyring_rotate_master(cx, asking, rewrap, &wrapped));
    check_that(!po_keyring_is_rotating(asking));
    check_that(po_keyring_is_wrapped_current(asking, po_buf_str(&wrapped)));
    RING_AUTO *local = open_local(cx);
    check_that(!po_keyring_is_rotating(local));
    check_that(po_keyring_is_wrapped_current(local, po_buf_str(&wrapped)));
    check_same_status(cx, local, asking);
}

static po_rc rewrap_never(struct po_ctx *cx, struct po_keyring *ring, void *user)
{
    (void)ring;
    (void)user;
    return PO_FAIL(cx, PO_IO, "the disk is full");
}

TEST(keyring_ask__an_interrupted_rotation_goes_on_with_the_same_key)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO wrapped;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *asking = open_asking(cx, &bench);
    wrap_one(cx, asking, &wrapped);
    check_fails(cx, po_keyring_rotate_master(cx, asking, rewrap_never, NULL), PO_IO);
    po_err_clear(cx);
    check_that(po_keyring_is_rotating(asking));
    check_that(!po_keyring_is_wrapped_current(asking, po_buf_str(&wrapped)));
    uint8_t next[PO_KEYRING_ID_BYTES];
    memcpy(next, asking->next.id, sizeof next);
    check_ok(cx, po_keyring_rotate_master(cx, asking, rewrap, &wrapped));
    check_eq_mem(asking->current.id, next, sizeof next);
}

/* Wherever the desk dies after it did what was asked, asking again comes to the same. */
TEST(keyring_ask__a_rotation_survives_a_desk_that_dies_at_any_question)
{
    for (uint64_t lose = 1; lose <= 12; lose++) {
        TEST_CX(cx);
        BENCH_AUTO bench;
        PO_BUF_AUTO wrapped;
        if (access(test_tmp("keys"), F_OK) != 0) make_keys(cx);
        open_bench(&bench);
        RING_AUTO *asking = open_asking(cx, &bench);
        wrap_one(cx, asking, &wrapped);
        bench.lose = bench.asked + lose;
        check_ok(cx, po_keyring_rotate_master(cx, asking, rewrap, &wrapped));
        RING_AUTO *local = open_local(cx);
        check_that(!po_keyring_is_rotating(local), "lost answer %lu", lose);
        check_that(po_keyring_is_wrapped_current(local, po_buf_str(&wrapped)));
        check_same_status(cx, local, asking);
    }
}

TEST(keyring_ask__verifies_a_recovery_code)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    SECRET_AUTO *code = NULL;
    SECRET_AUTO *other = NULL;
    PO_BUF_AUTO sealed;
    make_keys(cx);
    po_buf_init(&sealed, PO_RECOVERY_SEALED_BYTES_MAX);
    RING_AUTO *local = open_local(cx);
    check_ok(cx, po_keyring_recovery_create(cx, local, &code, &sealed));
    open_bench(&bench);
    RING_AUTO *asking = open_asking(cx, &bench);
    check_ok(cx, po_keyring_recovery_verify(cx, asking, code, po_buf_str(&sealed)));
    check_ok(cx, po_secret_new(cx, PO_LIT("no code"), &other));
    check_fails(cx, po_keyring_recovery_verify(cx, asking, other, po_buf_str(&sealed)), PO_INVALID);
    check_fails(cx, po_keyring_recovery_verify(cx, asking, code, PO_LIT("no text")), PO_CORRUPT);
    static char long_text[PO_RECOVERY_SEALED_BYTES_MAX + 1];
    po_str too_long = po_str_n(long_text, sizeof long_text);
    check_fails(cx, po_keyring_recovery_verify(cx, asking, code, too_long), PO_CORRUPT);
    SECRET_AUTO *long_code = NULL;
    check_ok(cx,
             po_secret_new(cx, po_str_n(long_text, PO_KEYRING_ASK_CODE_BYTES_MAX + 1), &long_code));
    check_fails(cx, po_keyring_recovery_verify(cx, asking, long_code, po_buf_str(&sealed)),
                PO_INVALID);
}

/* ---- what is not to be had ------------------------------------------------------------------------ */

TEST(keyring_ask__does_not_sign_make_or_recover_by_itself)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *asking = open_asking(cx, &bench);
    uint8_t signature[PO_ED25519_SIG_BYTES];
    SECRET_AUTO *code = NULL;
    PO_BUF_AUTO sealed;
    po_buf_init(&sealed, PO_RECOVERY_SEALED_BYTES_MAX);
    check_fails_leaf(po_sign(po_keyring_ledger_key(asking), PO_LIT("anything"), signature),
                     PO_UNAVAILABLE);
    check_fails(cx, po_keyring_recovery_create(cx, asking, &code, &sealed), PO_UNSUPPORTED);
    check_fails(cx, po_keyring_ledger_key_create(cx, asking), PO_UNSUPPORTED);
    /* a desk without a log signs nothing */
    const struct po_keyring_claim claim = {.text = PO_LIT("origin\n1\nroot\n")};
    check_fails(cx, po_keyring_sign(cx, asking, &claim, signature), PO_UNAVAILABLE);
    check_fails(cx, po_keyring_signed(cx, asking, &sealed), PO_UNAVAILABLE);
}

/* @proves CC6.1 */
TEST(keyring_ask__no_answer_holds_a_master_key_or_a_seed)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO wrapped;
    struct po_key_info *keys = NULL;
    size_t count = 0;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *asking = open_asking(cx, &bench);
    wrap_one(cx, asking, &wrapped);
    check_ok(cx, po_keyring_rotate_master(cx, asking, rewrap, &wrapped));
    check_ok(cx, po_keyring_status(cx, asking, &keys, &count));
    SECRET_AUTO *seed = NULL;
    check_ok(cx, po_keyring_sealed_read(cx, bench.desk.keyring, PO_KEYRING_LEDGER,
                                        PO_KEYRING_AAD_LEDGER, &seed));
    po_str seen = po_buf_str(&bench.seen);
    po_str master = po_secret_bytes(bench.desk.keyring->current.key);
    check_that(seen.len > 0 && po_str_find(seen, master, 0) == SIZE_MAX);
    po_str plain = po_str_slice(po_secret_bytes(seed), 0, PO_ED25519_SEED_BYTES);
    check_that(po_str_find(seen, plain, 0) == SIZE_MAX);
    PO_KEYRING_STATE_AUTO state = {0};
    check_ok(cx, po_keyring_state_decode(cx, bench.desk.keyring->state, &state));
    check_eq_u64(state.retired_count, 1);
    po_str retired = po_str_n(state.retired[0].key, PO_KEY_BYTES);
    check_that(po_str_find(seen, retired, 0) == SIZE_MAX);
}

TEST(keyring_ask__says_what_the_desk_says)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    RING_AUTO *ring = NULL;
    open_bench(&bench);
    check_fails(cx, po_keyring_open_asking(cx, &bench.asker, &ring), PO_UNAVAILABLE);
    check_contains(po_err_msg(cx), "there is no key directory");
    bench.desk.place.dir = NULL;
    bench.desk.why = "no home there";
    check_fails(cx, po_keyring_open_asking(cx, &bench.asker, &ring), PO_UNAVAILABLE);
    check_contains(po_err_msg(cx), "no home there");
    bench.desk.place = place();
    po_err_clear(cx);
    make_keys(cx);
    ring = open_asking(cx, &bench);
    bench.refuse = 1;
    struct po_key_info *keys = NULL;
    size_t count = 0;
    check_fails(cx, po_keyring_status(cx, ring, &keys, &count), PO_BUSY);
    check_fails(cx, po_keyring_rotate_master(cx, ring, rewrap_never, NULL), PO_BUSY);
}

TEST(keyring_ask__opens_what_is_there_now)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    PO_BUF_AUTO wrapped;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *first = open_asking(cx, &bench);
    wrap_one(cx, first, &wrapped);
    RING_AUTO *local = open_local(cx);
    check_ok(cx, po_keyring_rotate_master(cx, local, rewrap, &wrapped)); /* by who borrowed */
    check_that(!po_keyring_is_wrapped_current(first, po_buf_str(&wrapped)));
    RING_AUTO *second = open_asking(cx, &bench);
    check_that(po_keyring_is_wrapped_current(second, po_buf_str(&wrapped)));
    check_same_status(cx, local, second);
    check_eq_int(chmod(test_tmp("keys"), 0755), 0);
    RING_AUTO *third = NULL;
    check_fails(cx, po_keyring_open_asking(cx, &bench.asker, &third), PO_DENIED);
    check_that(bench.desk.keyring == NULL);
}

/* ---- hostile bytes -------------------------------------------------------------------------------- */

TEST(keyring_ask__refuses_answers_that_cannot_be)
{
    static const struct {
        const char *name;
        const char *say;
        size_t len;
    } rows[] = {
        {"nothing", "", 0},
        {"an unknown code", "\x7f", 1},
        {"ok and nothing", "\0", 1},
        {"ok and too much",
         "\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         90},
    };
    TEST_CX(cx);
    BENCH_AUTO bench;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *ring = open_asking(cx, &bench);
    SECRET_AUTO *key = NULL;
    check_ok(cx, po_secret_random(cx, PO_KEY_BYTES, &key));
    TEST_EACH(row, rows)
    {
        PO_BUF_AUTO wrapped;
        RING_AUTO *other = NULL;
        struct po_key_info *keys = NULL;
        size_t count = 0;
        po_buf_init(&wrapped, PO_WRAPPED_KEY_BYTES);
        bench.say = row->say;
        bench.say_len = row->len;
        check_fails(cx, po_keyring_open_asking(cx, &bench.asker, &other), PO_CORRUPT);
        check_fails(cx, po_keyring_wrap(cx, ring, TENANT, 1, key, &wrapped), PO_CORRUPT);
        if (row->len != 1 || row->say[0] != 0)
            check_that(!po_is_ok(po_keyring_status(cx, ring, &keys, &count)));
        po_err_clear(cx);
    }
    bench.say = "\0\2\0\1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0\0"; /* two keys, and not even one */
    bench.say_len = 38;
    struct po_key_info *keys = NULL;
    size_t count = 0;
    check_fails(cx, po_keyring_status(cx, ring, &keys, &count), PO_CORRUPT);
}

TEST(keyring_answer__knows_no_other_request)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    make_keys(cx);
    open_bench(&bench);
    for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
        const struct po_keyring_ask_row *row = po_keyring_ask_row(kind);
        char request[2 + PO_KEYRING_REQUEST_BYTES_MAX] = {(char)kind};
        if (row == NULL || row->request_min > 0) {
            PO_CLEANUP(po_buf_wipe) struct po_buf answer = {0};
            check_fails(cx, po_keyring_answer(cx, &bench.desk, po_str_n(request, 1), &answer),
                        PO_INVALID);
        }
        if (row == NULL) continue;
        PO_CLEANUP(po_buf_wipe) struct po_buf answer = {0};
        po_str long_one = po_str_n(request, 2 + row->request_max);
        check_fails(cx, po_keyring_answer(cx, &bench.desk, long_one, &answer), PO_INVALID);
    }
    PO_CLEANUP(po_buf_wipe) struct po_buf answer = {0};
    check_fails(cx, po_keyring_answer(cx, &bench.desk, PO_LIT(""), &answer), PO_INVALID);
}

TEST(keyring_answer__ends_only_the_rotation_that_is_under_way)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    make_keys(cx);
    open_bench(&bench);
    RING_AUTO *ring = open_asking(cx, &bench);
    PO_CLEANUP(po_buf_wipe) struct po_buf answer = {0};
    const char request[] = "\x08"
                           "12345678";
    check_ok(cx, po_keyring_answer(cx, &bench.desk, po_str_n(request, 9), &answer));
    check_eq_int((uint8_t)answer.ptr[0], PO_CONFLICT);
}

TEST_FAULTS_MANUAL(keyring_ask__fails_cleanly)
{
    TEST_CX(cx);
    BENCH_AUTO bench;
    make_keys(cx);
    open_bench(&bench);
    test_faults_arm();
    RING_AUTO *ring = NULL;
    PO_BUF_AUTO wrapped;
    struct po_key_info *keys = NULL;
    size_t count = 0;
    SECRET_AUTO *key = NULL;
    po_buf_init(&wrapped, PO_WRAPPED_KEY_BYTES);
    if (!test_survived(po_keyring_open_asking(cx, &bench.asker, &ring))) return;
    if (!test_survived(po_secret_random(cx, PO_KEY_BYTES, &key))) return;
    if (!test_survived(po_keyring_status(cx, ring, &keys, &count))) return;
    if (!test_survived(po_keyring_wrap(cx, ring, TENANT, 1, key, &wrapped))) return;
    po_rc rc = po_keyring_rotate_master(cx, ring, rewrap, &wrapped);
    if (!po_is_ok(rc)) {
        check_that(test_fault_fired(), "%s", po_err_msg(cx));
        test_faults_off();
        po_err_clear(cx);
        check_ok(cx, po_keyring_rotate_master(cx, ring, rewrap, &wrapped)); /* it goes on */
    }
    test_faults_off();
    SECRET_AUTO *back = NULL;
    check_ok(cx, po_keyring_unwrap(cx, ring, TENANT, 1, po_buf_str(&wrapped), &back));
    check_that(po_secret_eq(key, back));
}

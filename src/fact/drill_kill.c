/*
 * Fact drill.kill: a child appends acknowledged events to a home of the drill's own and is killed with
 * SIGKILL at random moments; afterwards every acknowledged event must be there.
 */
#include "drill_priv.h"

#include "core/random.h"

#define KILLS 3
#define RUN_MS_MAX 150  /* the drill belongs to an assessment that takes seconds */
#define WARM_EVENTS "4" /* appended undisturbed first: how long that takes says when to kill */
#define MANY_EVENTS "5000"
#define ACK_LINE_BYTES 41 /* "ack ", 36 characters, newline */

struct kill_drill {
    const struct po_drill *scratch;
    struct po_buf acks; /* ids, one a line */
    int64_t kills;
    int64_t acknowledged;
    int64_t worst_us;
    int64_t opened; /* recoveries measured */
    int64_t lost;
    int64_t leaves;
    bool is_verified;
};

/* Of a line "word number"; -1 when it is another. */
static int64_t number_after(po_str line, const char *word)
{
    po_str wanted = po_str_of(word);
    int64_t value = 0;
    if (!po_str_starts(line, wanted) || line.len <= wanted.len + 1) return -1;
    if (!po_is_ok(po_str_to_i64(po_str_slice(line, wanted.len + 1, line.len), &value))) return -1;
    return value;
}

static void read_line(struct kill_drill *drill, po_str line)
{
    int64_t open_us = number_after(line, "open_us");
    if (open_us >= 0) {
        drill->opened++;
        if (open_us > drill->worst_us) drill->worst_us = open_us;
    }
    if (po_str_starts(line, PO_LIT("ack ")) && line.len + 1 == ACK_LINE_BYTES) {
        po_buf_append(&drill->acks, po_str_slice(line, 4, line.len));
        po_buf_append_char(&drill->acks, '\n');
        drill->acknowledged++;
    }
    if (number_after(line, "lost") >= 0) drill->lost = number_after(line, "lost");
    if (number_after(line, "leaves") >= 0) drill->leaves = number_after(line, "leaves");
    if (number_after(line, "verified") == 1) drill->is_verified = true;
}

/* Only lines that came whole were acknowledged. */
static void read_lines(struct kill_drill *drill, po_str text)
{
    size_t start = 0;
    for (size_t end = po_str_find_char(text, '\n', 0); end != SIZE_MAX;
         end = po_str_find_char(text, '\n', start)) {
        read_line(drill, po_str_slice(text, start, end));
        start = end + 1;
    }
}

static PO_RC run_role(struct po_ctx *cx, struct kill_drill *drill, const char *const *words,
                      struct po_drill_child *child, struct po_drill_ended *ret_ended)
{
    const char *argv[] = {"paulyops", words[0], drill->scratch->home, words[1], NULL};
    PO_BUF_AUTO out = {0};
    PO_BUF_AUTO err = {0};
    po_buf_init(&out, PO_DRILL_OUT_BYTES_MAX);
    po_buf_init(&err, 4096);
    child->argv = argv;
    po_rc rc = po_drill_run(cx, drill->scratch, child, &out, &err, ret_ended);
    child->argv = NULL;
    PO_TRY(cx, rc);
    read_lines(drill, po_buf_str(&out));
    if (ret_ended->was_killed || ret_ended->exit_status == 0) return po_rc_ok();
    return PO_FAIL(cx, PO_UNAVAILABLE, "the drill's child '%s' ended with %d: %.*s", words[0] + 7,
                   ret_ended->exit_status, PO_STR_ARG(po_str_trim(po_buf_str(&err))));
}

/* Between once and three times `whole_ms`: opening after a kill recovers and takes longer. */
static PO_RC random_ms(struct po_ctx *cx, int64_t whole_ms, int64_t *ret_ms)
{
    uint16_t random = 0;
    PO_TRY_LEAF(cx, po_random_fill(&random, sizeof random), "no randomness");
    int64_t ms = whole_ms + random % (2 * whole_ms + 1);
    *ret_ms = ms < RUN_MS_MAX ? ms : RUN_MS_MAX - random % (RUN_MS_MAX / 3);
    return po_rc_ok();
}

static const char *const words_init[] = {"--role=drill-init", NULL};
static const char *const words_warm[] = {"--role=drill-append", WARM_EVENTS};
static const char *const words_append[] = {"--role=drill-append", MANY_EVENTS};
static const char *const words_verify[] = {"--role=drill-verify", NULL};

static PO_RC kill_children(struct po_ctx *cx, struct kill_drill *drill, int64_t whole_ms)
{
    for (int i = 0; i < KILLS; i++) {
        struct po_drill_child child = {0};
        struct po_drill_ended ended = {0};
        PO_TRY(cx, random_ms(cx, whole_ms, &child.timeout_ms));
        if (child.timeout_ms < 1) child.timeout_ms = 1;
        PO_TRY(cx, run_role(cx, drill, words_append, &child, &ended));
        drill->kills += ended.was_killed ? 1 : 0;
    }
    return po_rc_ok();
}

static PO_RC exercise(struct po_ctx *cx, struct kill_drill *drill)
{
    struct po_drill_child child = {.timeout_ms = PO_DRILL_CHILD_MS_MAX};
    struct po_drill_ended ended = {0};
    PO_TRY(cx, run_role(cx, drill, words_init, &child, &ended));
    PO_TRY(cx, run_role(cx, drill, words_warm, &child, &ended));
    PO_TRY(cx, kill_children(cx, drill, ended.took_us / PO_US_PER_MS));
    PO_TRY_LEAF(cx, po_buf_check(&drill->acks), "acknowledged ids");
    child.input = po_buf_str(&drill->acks);
    PO_TRY(cx, run_role(cx, drill, words_verify, &child, &ended));
    if (ended.was_killed)
        return PO_FAIL(cx, PO_TIMEOUT, "verifying the drill's ledger took too long");
    /* a ledger that does not verify vouches for none of them */
    if (!drill->is_verified) drill->lost = drill->acknowledged;
    return po_rc_ok();
}

static void acks_done(struct kill_drill *drill) { po_buf_done(&drill->acks); }

static PO_RC run_kill(struct po_ctx *cx, const struct po_drill *scratch, struct po_json_out *out)
{
    PO_CLEANUP(acks_done) struct kill_drill drill = {.scratch = scratch};
    po_buf_init(&drill.acks, PO_DRILL_OUT_BYTES_MAX);
    PO_TRY(cx, exercise(cx, &drill));
    po_json_out_object(out);
    po_fact_put_int(out, "kills", drill.kills);
    po_fact_put_int(out, "acknowledged", drill.acknowledged);
    po_fact_put_int(out, "lost", drill.lost);
    po_fact_put_bool(out, "verified", drill.is_verified);
    po_fact_put_int(out, "recoveries", drill.opened);
    po_fact_put_int(out, "worst_ms", (drill.worst_us + PO_US_PER_MS - 1) / PO_US_PER_MS);
    po_fact_put_int(out, "leaves", drill.leaves);
    po_fact_put_bool(out, "in_memory", scratch->is_in_memory);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(drill_kill)
{
    struct po_drill drill = {0};
    PO_TRY(cx, po_drill_begin(cx, set, &drill));
    po_rc rc = run_kill(cx, &drill, out);
    po_drill_end(cx, &drill);
    return rc;
}

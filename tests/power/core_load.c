/*
 * What a core is asked in its life: see core_load.h.
 */
#include "power/core_load_priv.h"

#include "core/fs.h"
#include "identity/identity.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef PO_FAULTS

#define EMAIL "owner@example.test"
#define PASSWORD "teal otter mends a gate"
#define BATCH_MAX 6
#define STEPS 6
#define PROBLEM "{\"type\":\"urn:paulyops:problem:"
#define FLAGS "{\"mfa_required\":false}"

void core_load_lost(struct core_load *load, const char *fmt, ...)
{
    va_list args;
    if (load->lost[0] != '\0') return;
    va_start(args, fmt);
    (void)vsnprintf(load->lost, sizeof load->lost, fmt, args);
    va_end(args);
}

const char *core_load_home(const char *root)
{
    static char home[600];
    (void)snprintf(home, sizeof home, "%s/here/home", root);
    return home;
}

static uint64_t draw(struct core_life *life, uint64_t below)
{
    uint64_t z = (life->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    return (z ^ (z >> 31)) % below;
}

/* ---- the home -------------------------------------------------------------------------------- */

static po_rc add_owner(struct po_ctx *cx, struct po_home *home)
{
    char id[PO_ID_BYTES];
    char hash[128];
    uint64_t grant_id = 0;
    PO_TX_AUTO *tx = NULL;
    PO_TRY(cx, po_id_new(cx, "usr", id));
    core_bench_hash(PO_LIT(PASSWORD), hash, sizeof hash);
    const struct po_store_user user = {.id = po_str_of(id),
                                       .kind = PO_LIT("human"),
                                       .state = PO_LIT("active"),
                                       .email = PO_LIT(EMAIL),
                                       .name = PO_LIT("Anna Beispiel"),
                                       .owner = PO_LIT("")};
    const struct po_store_credential password = {
        .user = user.id, .kind = PO_LIT("password"), .secret = po_str_of(hash)};
    const struct po_store_role_grant grant = {.user = user.id,
                                              .role = PO_LIT("owner"),
                                              .reason = PO_LIT("test"),
                                              .asked_by = PO_LIT("system"),
                                              .approved_by = PO_LIT("system"),
                                              .asked_us = po_ctx_now_us(cx),
                                              .effective_us = po_ctx_now_us(cx)};
    const struct po_event event = {.type = PO_EVENT_TYPE_DATA_READ,
                                   .resource = PO_LIT("test:owner"),
                                   .action = PO_LIT("make"),
                                   .result = PO_EVENT_SUCCESS};
    PO_TRY(cx, po_tx_begin(cx, po_home_store(home), &tx));
    PO_TRY(cx, po_store_user_add(cx, tx, &user));
    PO_TRY(cx, po_store_role_grant_add(cx, tx, &grant, &grant_id));
    PO_TRY(cx, po_store_credential_put(cx, tx, &password));
    return po_home_commit(cx, home, tx, &event);
}

void core_load_make(const char *root)
{
    PO_CTX_AUTO cx = {0};
    PO_HOME_AUTO *home = NULL;
    char path[600];
    check_ok_leaf(po_ctx_init(&cx));
    (void)snprintf(path, sizeof path, "%s/here", root);
    check_ok(&cx, po_fs_mkdir(&cx, path, 0700));
    (void)snprintf(path, sizeof path, "%s/there", root);
    check_ok(&cx, po_fs_mkdir(&cx, path, 0700));
    check_ok(&cx, po_home_init(&cx, core_load_home(root), &home));
    check_ok(&cx, po_fs_write_atomic(&cx, po_home_path(home, PO_PLACE_FLAGS), PO_LIT(FLAGS), 0640));
    check_ok(&cx, add_owner(&cx, home));
    check_ok(&cx, po_home_close(&cx, &home));
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

static void see(struct core_load *load, const struct po_checkpoint *checkpoint)
{
    for (size_t i = 0; i < load->seen_count; i++) {
        if (load->seen[i].size != checkpoint->size) continue;
        if (memcmp(load->seen[i].root, checkpoint->root, sizeof checkpoint->root) != 0)
            core_load_lost(load, "two checkpoints of size %lu differ", checkpoint->size);
        return;
    }
    if (load->seen_count < CORE_SEEN_MAX) load->seen[load->seen_count++] = *checkpoint;
}

/* Past core/sys: a look from outside. */
static bool read_checkpoint(const char *root, struct po_checkpoint *checkpoint)
{
    char note[4096];
    char path[700];
    (void)snprintf(path, sizeof path, "%s/data/ledger/checkpoint", core_load_home(root));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t len = read(fd, note, sizeof note);
    (void)close(fd);
    return len > 0 && po_is_ok(po_checkpoint_parse(po_str_n(note, (size_t)len), checkpoint));
}

void core_load_see(struct core_load *load, const char *root)
{
    struct po_checkpoint checkpoint;
    if (read_checkpoint(root, &checkpoint)) see(load, &checkpoint);
}

/* Core has answered since it signed: what stands there now is published. */
static void note_published(struct core_life *life)
{
    struct po_checkpoint now;
    if (life->bench->is_gone || !read_checkpoint(life->root, &now)) return;
    see(life->load, &now);
    life->load->published = now.size;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static const char *const figures[] = {"programme.target", "cost.effort", "cost.audit"};

/* Noted before the attempt: what was not acknowledged may be there or not. */
static struct core_promise *promise(struct core_life *life, enum core_kind kind)
{
    static struct core_promise beyond;
    struct core_load *load = life->load;
    if (load->promise_count == CORE_PROMISES_MAX) {
        core_load_lost(load, "too many promises");
        return &beyond;
    }
    struct core_promise *next = &load->promises[load->promise_count++];
    *next = (struct core_promise){.kind = kind};
    (void)snprintf(next->marker, sizeof next->marker,
                   kind == CORE_USER ? "m%lu@example.test" : "m%lu", ++load->number);
    return next;
}

const char *core_life_cookie(const struct core_life *life)
{
    size_t count = life->load->session_count;
    return count > 0 ? life->load->sessions[(count - 1) % CORE_SESSIONS_MAX] : NULL;
}

static struct core_request request_of(const struct core_life *life, const struct core_promise *made)
{
    static char path[64];
    static char body[160];
    struct core_request request = {.method = "POST", .path = path, .body = body};
    request.cookie = made->kind == CORE_DENIED ? NULL : core_life_cookie(life);
    request.key = made->key[0] != '\0' ? made->key : NULL;
    if (made->kind == CORE_REGISTER || made->kind == CORE_FLAG) {
        request.method = "PUT";
        (void)snprintf(path, sizeof path,
                       made->kind == CORE_FLAG ? "/api/v1/flags/company_name"
                                               : "/api/v1/register/cost.audit");
        (void)snprintf(body, sizeof body, "{\"value\":\"%s\"}", made->marker);
    } else if (made->kind == CORE_USER) {
        (void)snprintf(path, sizeof path, "/api/v1/users");
        (void)snprintf(body, sizeof body,
                       "{\"email\":\"%s\",\"name\":\"Somebody\",\"role\":\"viewer\"}",
                       made->marker);
    } else if (made->kind == CORE_TOKEN) {
        (void)snprintf(path, sizeof path, "/api/v1/tokens");
        (void)snprintf(body, sizeof body, "{\"name\":\"%s\"}", made->marker);
    } else if (made->kind == CORE_CONTROL) {
        (void)snprintf(path, sizeof path, "/api/v1/controls/runs");
        (void)snprintf(body, sizeof body, "{\"controls\":[\"IAM-10\"]}");
    } else {
        request.method = "GET";
        request.body = NULL;
        (void)snprintf(path, sizeof path, "/api/v1/users");
    }
    return request;
}

struct core_asked core_life_ask(struct core_life *life, enum core_kind kind, bool has_key)
{
    struct core_asked asked = {.promise = promise(life, kind)};
    if (has_key)
        (void)snprintf(asked.promise->key, sizeof asked.promise->key, "key-%lu",
                       life->load->number);
    struct core_request request = request_of(life, asked.promise);
    asked.answer = core_bench_ask(life->bench, &request);
    return asked;
}

/* Of a call that failed a client learns that it failed, not why: 503 and the like, a problem document. */
bool core_life_is_problem(struct core_load *load, const struct core_answer *answer)
{
    bool is_problem =
        answer->body[0] == '\0' || strncmp(answer->body, PROBLEM, sizeof PROBLEM - 1) == 0;
    bool is_clean =
        load->is_faulty && is_problem && (answer->status >= 500 || answer->status == 429);
    load->problems += is_clean;
    return is_clean;
}

/* What came is held against what should come: core may have gone, but it may not answer wrongly. */
static void take(struct core_life *life, const struct core_asked *asked)
{
    const struct core_answer *answer = asked->answer;
    struct core_promise *made = asked->promise;
    if (answer == NULL || answer->status == 0) return;
    unsigned want_status = made->kind == CORE_DENIED ? 401 : 200;
    made->status = answer->status;
    memcpy(made->request, answer->request_id, sizeof made->request);
    made->is_acknowledged = answer->status == want_status;
    if (!made->is_acknowledged && !core_life_is_problem(life->load, answer))
        core_load_lost(life->load, "request %s of kind %d was answered %u: %.200s", made->marker,
                       (int)made->kind, answer->status, answer->body);
}

bool core_life_settle(struct core_life *life, const struct core_asked *asked, size_t count)
{
    bool is_there = core_bench_wait(life->bench);
    for (size_t i = 0; i < count; i++)
        take(life, &asked[i]);
    core_bench_forget(life->bench);
    if (life->bench->has_hung) core_load_lost(life->load, "core hangs");
    return is_there && life->load->lost[0] == '\0';
}

/* ---- steps of a life ------------------------------------------------------------------------- */

/* Several at once: they share a turn, and its commit. */
static bool step_batch(struct core_life *life)
{
    struct core_asked asked[BATCH_MAX];
    size_t count = 1 + (size_t)draw(life, BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        asked[i] =
            core_life_ask(life, (enum core_kind)draw(life, CORE_CONTROL), draw(life, 3) == 0);
    return core_life_settle(life, asked, count);
}

static bool step_one(struct core_life *life)
{
    static const enum core_kind kinds[] = {CORE_USER, CORE_REGISTER, CORE_TOKEN};
    struct core_asked asked =
        core_life_ask(life, kinds[draw(life, sizeof kinds / sizeof *kinds)], false);
    return core_life_settle(life, &asked, 1);
}

static bool step_control(struct core_life *life)
{
    struct core_asked asked = core_life_ask(life, CORE_CONTROL, false);
    return core_life_settle(life, &asked, 1);
}

bool core_life_local(struct core_life *life)
{
    bool is_flag = draw(life, 2) == 0;
    struct core_promise *made = promise(life, is_flag ? CORE_FLAG : CORE_REGISTER);
    const char *flag[] = {"paulyops", "flag", "set", "company_name", made->marker, NULL};
    const char *figure[] = {"paulyops",   "register", "set", figures[draw(life, 3)],
                            made->marker, NULL};
    bool is_answered =
        core_bench_run(life->bench, core_load_home(life->root), is_flag ? flag : figure);
    if (life->bench->has_hung) core_load_lost(life->load, "core hangs");
    bool is_done = is_answered && life->bench->exit_code == 0;
    if (is_answered && !is_done && (!life->load->is_faulty || life->bench->out[0] == '\0'))
        core_load_lost(life->load, "a command ended with %d: %.200s", life->bench->exit_code,
                       life->bench->out);
    made->is_acknowledged = is_done;
    return is_answered && life->load->lost[0] == '\0';
}

/* Time passes: a checkpoint is due, after a minute a heartbeat and an assessment too. */
bool core_life_wait(struct core_life *life)
{
    bool is_long = life->load->seed != 0 && draw(life, 12) == 0;
    core_clock_leap((is_long ? 61 : 2) * PO_US_PER_S);
    if (!core_bench_ping(life->bench) || !core_bench_ping(life->bench)) return false;
    note_published(life);
    return life->load->lost[0] == '\0';
}

bool core_life_reload(struct core_life *life)
{
    return core_bench_tell(life->bench, PO_WIRE_KIND_RELOAD) && core_bench_ping(life->bench);
}

bool core_life_sign_in(struct core_life *life)
{
    struct core_load *load = life->load;
    const struct core_request request = {.method = "POST",
                                         .path = "/api/v1/auth/sign-in",
                                         .body = "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD
                                                 "\"}"};
    struct core_answer *answer = core_bench_ask(life->bench, &request);
    bool is_there = core_bench_wait(life->bench);
    if (answer != NULL && answer->status == 200 && answer->cookie[0] != '\0')
        memcpy(load->sessions[load->session_count++ % CORE_SESSIONS_MAX], answer->cookie,
               sizeof answer->cookie);
    else if (answer != NULL && answer->status != 0 && !core_life_is_problem(load, answer))
        core_load_lost(load, "sign-in was answered %u: %.200s", answer->status, answer->body);
    core_bench_forget(life->bench);
    return is_there && load->lost[0] == '\0';
}

bool core_life_stop(struct core_life *life)
{
    bool is_told = core_bench_tell(life->bench, PO_WIRE_KIND_STOP);
    bool has_ended = core_bench_wait_end(life->bench); /* one that went before may have said why */
    life->load->is_stopped = is_told && has_ended && !life->bench->has_hung;
    if (life->bench->has_hung) core_load_lost(life->load, "core hangs when it is to stop");
    return life->load->is_stopped;
}

typedef bool (*life_step)(struct core_life *life);
static const life_step all_steps[] = {step_batch,   core_life_wait,  core_life_local,
                                      step_one,     step_batch,      core_life_wait,
                                      step_control, core_life_local, step_batch};
#define ALL_STEPS (sizeof all_steps / sizeof all_steps[0])

static bool begin(struct core_life *life)
{
    life->load->lives++;
    life->load->is_stopped = false;
    core_bench_be_world(life->bench);
    bool is_ready = core_bench_wait_ready(life->bench);
    if (life->bench->has_hung) core_load_lost(life->load, "core hangs when it starts");
    return is_ready && core_life_sign_in(life);
}

void core_life_end(struct core_life *life)
{
    if (life->bench->failed_code != PO_OK && !life->load->is_faulty)
        core_load_lost(life->load, "core ended with %s: %s", po_code_name(life->bench->failed_code),
                       life->bench->failed);
    core_load_see(life->load, life->root);
}

void core_load_live(struct core_load *load, struct core_bench *bench, const char *root)
{
    struct core_life life = {
        .load = load, .bench = bench, .root = root, .random = load->seed + load->lives};
    bool goes_on = begin(&life);
    uint64_t count = load->seed == 0 ? ALL_STEPS : STEPS + draw(&life, STEPS);
    for (uint64_t i = 0; goes_on && i < count; i++)
        goes_on = all_steps[load->seed == 0 ? i : draw(&life, ALL_STEPS)](&life);
    if (goes_on && draw(&life, 2) == 0) goes_on = core_life_reload(&life);
    if (goes_on) (void)core_life_stop(&life);
    core_life_end(&life);
}

/* ---- the life after -------------------------------------------------------------------------- */

/* Who was told that they are signed in is. */
static bool use_sessions(struct core_life *life)
{
    struct core_load *load = life->load;
    size_t held = load->session_count < CORE_SESSIONS_MAX ? load->session_count : CORE_SESSIONS_MAX;
    for (size_t i = 0; i < held; i++) {
        const struct core_request request = {
            .method = "GET", .path = "/api/v1/me", .cookie = load->sessions[i]};
        struct core_answer *answer = core_bench_ask(life->bench, &request);
        if (!core_bench_wait(life->bench) || answer == NULL) return false;
        if (answer->status != 200)
            core_load_lost(load, "session %zu of %zu was answered %u", i, held, answer->status);
        core_bench_forget(life->bench);
    }
    return load->lost[0] == '\0';
}

/* The same request under its key: it had its answer, or its outcome is not known, or it is new. */
bool core_life_repeat(struct core_life *life, struct core_promise *made)
{
    struct core_request request = request_of(life, made);
    struct core_answer *answer = core_bench_ask(life->bench, &request);
    if (!core_bench_wait(life->bench) || answer == NULL) return false;
    /* answers with a secret are not kept: 409, done before */
    bool is_secret = made->kind == CORE_USER || made->kind == CORE_TOKEN;
    bool is_right = answer->status == 200 || answer->status == 409;
    if (made->is_acknowledged) is_right = answer->status == (is_secret ? 409 : 200);
    if (answer->status == 0 || core_life_is_problem(life->load, answer)) is_right = true;
    if (!is_right)
        core_load_lost(life->load, "%s, acknowledged %d, was answered %u when repeated: %.200s",
                       made->marker, made->is_acknowledged, answer->status, answer->body);
    if (answer->status == 200 && !made->is_acknowledged) {
        made->is_acknowledged = true; /* by this request, or an earlier one did it */
        made->request[0] = '\0';
    }
    core_bench_forget(life->bench);
    return life->load->lost[0] == '\0';
}

static bool repeat_all(struct core_life *life)
{
    struct core_load *load = life->load;
    for (size_t i = 0; i < load->promise_count; i++) {
        struct core_promise *made = &load->promises[i];
        bool is_change = made->kind <= CORE_TOKEN;
        if (made->key[0] == '\0' || !is_change || made->kind == CORE_FLAG) continue;
        if (!core_life_repeat(life, made)) return false;
    }
    return true;
}

void core_load_live_on(struct core_load *load, struct core_bench *bench, const char *root)
{
    struct core_life life = {
        .load = load, .bench = bench, .root = root, .random = load->seed + load->lives};
    bool is_good = begin(&life) && use_sessions(&life) && repeat_all(&life) && step_batch(&life) &&
                   core_life_wait(&life) && core_life_local(&life) && core_life_stop(&life);
    core_life_end(&life);
    if (!is_good) core_load_lost(load, "core does not go on");
}

#endif

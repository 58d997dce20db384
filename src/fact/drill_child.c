/*
 * What children of drills do: main.c gives them to po_drill_role_run.
 *
 * drill-init HOME       make a home
 * drill-append HOME N   append N events one by one, print "ack <event id>" for each once it is durable
 * drill-verify HOME     on stdin the acknowledged ids; recover, look for each, verify the ledger
 * drill-limited NAME N PROGRAM ARG...   lower one resource limit, then run a program under it
 *
 * Lines go to stdout one write each, so that a line that arrived was acknowledged.
 */
#include "drill_priv.h"

#include "core/map.h"
#include "core/random.h"
#include "core/sys.h"
#include "home/home.h"
#include "ledger/ledger.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#define ACKS_MAX 20000
#define FLUSH_EVERY 4
#define CHECKPOINT_EVERY 32
#define EXIT_USAGE 64
#define INPUT_BYTES_MAX ((size_t)1 << 20)

struct role_args {
    int argc;
    char **argv;
};

static void write_all(int fd, po_str text)
{
    while (text.len > 0) {
        ssize_t done = po_sys_write(fd, text.ptr, text.len);
        if (done <= 0) return;
        text = po_str_slice(text, (size_t)done, text.len);
    }
}

static void say(const char *word, const char *text)
{
    struct po_buf line = {0};
    po_buf_init(&line, 4096);
    po_buf_printf(&line, "%s %s\n", word, text);
    write_all(STDOUT_FILENO, po_buf_str(&line));
    po_buf_done(&line);
}

static void say_number(const char *word, int64_t value)
{
    char text[24];
    struct po_buf buf = {0};
    po_buf_init(&buf, sizeof text - 1);
    po_buf_append_i64(&buf, value);
    po_str digits = po_buf_str(&buf);
    memcpy(text, digits.ptr == NULL ? "0" : digits.ptr, digits.len + 1);
    po_buf_done(&buf);
    say(word, text);
}

/* Opening recovers what a kill left; its time is the recovery time. */
static PO_RC open_timed(struct po_ctx *cx, const char *root, struct po_home **ret_home)
{
    po_time_us start_us = cx->clock->monotonic_us(cx->clock->user);
    PO_TRY(cx, po_home_open(cx, root, PO_HOME_READ_WRITE, ret_home));
    say_number("open_us", cx->clock->monotonic_us(cx->clock->user) - start_us);
    return po_rc_ok();
}

static po_rc role_init(struct po_ctx *cx, const struct role_args *args)
{
    PO_HOME_AUTO *home = NULL;
    PO_TRY(cx, po_home_init(cx, args->argv[0], &home));
    return po_home_close(cx, &home);
}

/* ---- drill-append ------------------------------------------------------------------------------------ */

static PO_RC append_one(struct po_ctx *cx, struct po_home *home, uint64_t number)
{
    struct po_event event = {.type = PO_EVENT_TYPE_STORE_CHECKED,
                             .resource = PO_LIT("drill:kill"),
                             .action = PO_LIT("append"),
                             .result = PO_EVENT_SUCCESS};
    char id[PO_UUID_TEXT_BYTES];
    PO_TRY_LEAF(cx, po_uuid7(po_ctx_now_us(cx), event.event_id), "no randomness");
    PO_TRY(cx, po_home_record(cx, home, &event));
    po_uuid_format(event.event_id, id);
    say("ack", id);
    if (number % FLUSH_EVERY == 0) PO_TRY(cx, po_home_flush(cx, home));
    if (number % CHECKPOINT_EVERY == 0) PO_TRY(cx, po_home_checkpoint(cx, home));
    return po_rc_ok();
}

static po_rc role_append(struct po_ctx *cx, const struct role_args *args)
{
    PO_HOME_AUTO *home = NULL;
    uint64_t count = 0;
    PO_TRY_LEAF(cx, po_str_to_u64(po_str_of(args->argv[1]), ACKS_MAX, &count), "bad count");
    PO_TRY(cx, open_timed(cx, args->argv[0], &home));
    for (uint64_t number = 1; number <= count; number++) {
        PO_CTX_AUTO inner = {0};
        PO_TRY_LEAF(cx, po_ctx_init(&inner), "preparing an append");
        memcpy(inner.session, cx->session, sizeof inner.session);
        po_rc rc = append_one(&inner, home, number);
        if (!po_is_ok(rc)) return PO_FAIL(cx, rc.code, "%s", po_err_msg(&inner));
    }
    return po_home_close(cx, &home);
}

/* ---- drill-verify ------------------------------------------------------------------------------------- */

static PO_RC read_input(struct po_ctx *cx, po_str *ret_text)
{
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, INPUT_BYTES_MAX);
    for (;;) {
        char chunk[4096];
        ssize_t got = po_sys_read(STDIN_FILENO, chunk, sizeof chunk);
        if (got <= 0) break;
        po_buf_append(&buf, po_str_n(chunk, (size_t)got));
    }
    PO_TRY_LEAF(cx, po_buf_check(&buf), "acknowledged ids");
    return po_arena_copy(cx->arena, po_buf_str(&buf), ret_text);
}

/* The acknowledged ids as keys of a map; the values say whether each was found. */
static PO_RC list_ids(struct po_ctx *cx, po_str ids, struct po_map *map)
{
    po_str line = {0};
    while (po_str_next_line(&ids, &line)) {
        uint8_t id[16];
        bool *is_found = NULL;
        if (!po_is_ok(po_uuid_parse(line, id)) || po_map_find(map, line) != NULL) continue;
        PO_ARENA_NEW(cx, is_found, 1);
        PO_TRY(cx, po_map_add(cx, map, line, is_found));
    }
    return po_rc_ok();
}

/* Each event is opened, so that one is found only when its payload is whole as well. */
static PO_RC mark_found(struct po_ctx *cx, struct po_ledger *ledger, const struct po_map *map)
{
    static const po_str member = PO_LIT("\"event_id\":\"");
    PO_BUF_AUTO bytes = {0};
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    for (uint64_t leaf = 0; leaf < po_ledger_size(ledger); leaf++) {
        po_rc rc = po_ledger_event_at(cx, ledger, leaf, &bytes, NULL);
        if (rc.code == PO_TAMPER || rc.code == PO_CORRUPT) {
            po_err_clear(cx); /* verifying the ledger tells of it */
            continue;
        }
        PO_TRY(cx, rc);
        po_str event = po_buf_str(&bytes);
        size_t at = po_str_find(event, member, 0);
        if (at == SIZE_MAX) continue;
        at += member.len;
        bool *is_found = po_map_find(map, po_str_slice(event, at, at + PO_UUID_TEXT_BYTES - 1));
        if (is_found != NULL) *is_found = true;
    }
    return po_rc_ok();
}

static PO_RC count_lost(struct po_ctx *cx, struct po_ledger *ledger, po_str ids, int64_t *ret_lost)
{
    struct po_map *map = NULL;
    PO_TRY(cx, po_map_new(cx, ACKS_MAX, &map));
    PO_TRY(cx, list_ids(cx, ids, map));
    PO_TRY(cx, mark_found(cx, ledger, map));
    *ret_lost = 0;
    for (size_t i = 0; i < po_map_count(map); i++) {
        po_str id = {0};
        const bool *is_found = po_map_at(map, i, &id);
        *ret_lost += *is_found ? 0 : 1;
    }
    return po_rc_ok();
}

static po_rc role_verify(struct po_ctx *cx, const struct role_args *args)
{
    PO_HOME_AUTO *home = NULL;
    po_str ids = {0};
    int64_t lost = 0;
    struct po_ledger_verify_options options = {0};
    struct po_ledger_verification *result = NULL;
    PO_TRY(cx, read_input(cx, &ids));
    PO_TRY(cx, open_timed(cx, args->argv[0], &home));
    PO_TRY(cx, po_home_checkpoint(cx, home));
    struct po_ledger *ledger = po_home_ledger(home);
    PO_TRY(cx, count_lost(cx, ledger, ids, &lost));
    PO_ARENA_NEW(cx, result, 1);
    PO_TRY(cx, po_ledger_verify(cx, ledger, &options, result));
    say_number("lost", lost);
    say_number("verified", result->is_ok ? 1 : 0);
    say_number("leaves", (int64_t)result->size);
    return po_home_close(cx, &home);
}

/* ---- drill-limited ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int resource;
} limits[] = {
    {"fsize", RLIMIT_FSIZE},
    {"nofile", RLIMIT_NOFILE},
    {"as", RLIMIT_AS},
};

/* Of this child alone, and inherited by what it runs. */
static PO_RC lower_limit(struct po_ctx *cx, const char *name, const char *value)
{
    uint64_t number = 0;
    PO_TRY_LEAF(cx, po_str_to_u64(po_str_of(value), INT64_MAX, &number), "bad limit");
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (strcmp(limits[i].name, name) != 0) continue;
        struct rlimit limit = {number, number};
        if (setrlimit((__rlimit_resource_t)limits[i].resource, &limit) == 0) return po_rc_ok();
        return PO_FAIL(cx, PO_DENIED, "the limit cannot be set");
    }
    return PO_FAIL(cx, PO_INVALID, "unknown limit");
}

/* Tells "exit N" or "signal N" as last line of stderr: this child's own end says nothing of it. */
static po_rc role_limited(struct po_ctx *cx, const struct role_args *args)
{
    struct po_process_options options = {.path = args->argv[2],
                                         .argv = (const char *const *)(args->argv + 2),
                                         .env = (const char *const *)environ,
                                         .timeout_ms = PO_DRILL_CHILD_MS_MAX};
    struct po_process_result result = {0};
    PO_BUF_AUTO out = {0};
    PO_BUF_AUTO err = {0};
    po_buf_init(&out, PO_DRILL_OUT_BYTES_MAX);
    po_buf_init(&err, PO_DRILL_OUT_BYTES_MAX);
    PO_TRY(cx, lower_limit(cx, args->argv[0], args->argv[1]));
    PO_TRY(cx, po_process_run(cx, &options, &out, &err, &result));
    write_all(STDOUT_FILENO, po_buf_str(&out));
    write_all(STDERR_FILENO, po_buf_str(&err));
    po_buf_clear(&err);
    if (result.has_exited)
        po_buf_printf(&err, "exit %d\n", result.exit_status);
    else
        po_buf_printf(&err, "signal %d\n", result.signal_number);
    write_all(STDERR_FILENO, po_buf_str(&err));
    return po_rc_ok();
}

/* ---- dispatch ------------------------------------------------------------------------------------------ */

static const struct {
    const char *role;
    int args_min;
    po_rc (*run)(struct po_ctx *cx, const struct role_args *args);
} roles[] = {
    {"drill-init", 1, role_init},
    {"drill-append", 2, role_append},
    {"drill-verify", 1, role_verify},
    {"drill-limited", 3, role_limited},
};

int po_drill_role_run(const char *role, int argc, char **argv)
{
    PO_CTX_AUTO storage = {0};
    struct po_ctx *cx = &storage;
    struct role_args args = {argc, argv};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(roles[i].role, role) != 0) continue;
        if (argc < roles[i].args_min) return EXIT_USAGE;
        po_rc rc = po_ctx_init(cx);
        if (po_is_ok(rc)) rc = roles[i].run(cx, &args);
        if (!po_is_ok(rc)) {
            write_all(STDERR_FILENO, po_str_of(po_err_msg(cx)));
            write_all(STDERR_FILENO, PO_LIT("\n"));
        }
        return po_code_exit(rc.code);
    }
    return EXIT_USAGE;
}

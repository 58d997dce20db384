/*
 * A life of a core in which a call may fail: see core_load.h.
 */
#include "power/core_load_priv.h"

#include "daemon/core_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#ifdef PO_FAULTS

/* Links that core dropped are made again, as the supervisor does. */
static bool is_there(struct core_life *life)
{
    return !life->bench->is_gone && !life->bench->has_hung && life->load->lost[0] == '\0' &&
           core_bench_relink(life->bench);
}

/* One failure has one victim: who asks again is served. */
static bool served(struct core_life *life, enum core_kind kind, bool has_key)
{
    for (unsigned i = 0; i < 2; i++) {
        struct core_asked asked = core_life_ask(life, kind, has_key);
        (void)core_life_settle(life, &asked, 1);
        if (asked.promise->is_acknowledged || !is_there(life)) return is_there(life);
    }
    core_load_lost(life->load, "a request of kind %d is refused again and again", (int)kind);
    return false;
}

static bool served_sign_in(struct core_life *life)
{
    for (unsigned i = 0; i < 2; i++) {
        (void)core_life_sign_in(life);
        if (life->load->session_count > 0 || !is_there(life)) return is_there(life);
    }
    core_load_lost(life->load, "nobody can sign in any more");
    return false;
}

static bool served_local(struct core_life *life)
{
    for (unsigned i = 0; i < 2; i++)
        if (core_life_local(life) || !is_there(life)) return is_there(life);
    core_load_lost(life->load, "no command is run any more");
    return false;
}

static bool serve_turn(struct core_life *life)
{
    static const enum core_kind kinds[] = {CORE_USER, CORE_DENIED, CORE_REGISTER, CORE_TOKEN};
    struct core_asked asked[sizeof kinds / sizeof *kinds];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        asked[i] = core_life_ask(life, kinds[i], false);
    (void)core_life_settle(life, asked, sizeof kinds / sizeof *kinds);
    return is_there(life);
}

static bool serve_repeated(struct core_life *life)
{
    struct core_load *load = life->load;
    if (!served(life, CORE_REGISTER, true)) return false;
    (void)core_life_repeat(life, &load->promises[load->promise_count - 1]);
    return is_there(life);
}

/* A stream is told what happens while it is open. */
static bool serve_stream(struct core_life *life)
{
    const struct core_request request = {
        .method = "GET", .path = "/api/v1/stream", .cookie = core_life_cookie(life)};
    struct core_answer *stream = core_bench_ask(life->bench, &request);
    (void)core_bench_wait(life->bench);
    bool is_open = stream != NULL && stream->status == 200;
    if (stream != NULL && stream->status != 0 && !is_open &&
        !core_life_is_problem(life->load, stream))
        core_load_lost(life->load, "a stream was answered %u", stream->status);
    uint64_t problems = life->load->problems;
    if (!served(life, CORE_TOKEN, false)) return false;
    for (unsigned i = 0; i < 2 && is_there(life); i++) {
        core_clock_leap(PO_CORE_STREAM_STEP_US);
        (void)core_bench_ping(life->bench);
    }
    if (is_open && stream->id != 0 && stream->events == 0 && problems == life->load->problems &&
        is_there(life))
        core_load_lost(life->load, "a stream is open and is told nothing");
    if (stream != NULL) core_bench_cancel(life->bench, stream);
    core_bench_forget(life->bench);
    return is_there(life);
}

static bool serve_clock(struct core_life *life)
{
    (void)core_life_wait(life);
    return is_there(life);
}

/* Past core/sys: the flag as its file has it, in quotes. */
static bool read_flag(const struct core_life *life, char *out, size_t size)
{
    char text[8192];
    char path[700];
    (void)snprintf(path, sizeof path, "%s/config/status_flags.json", core_load_home(life->root));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    (void)close(fd);
    if (len < 0) return false;
    text[len] = '\0';
    const char *at = strstr(text, "\"company_name\": ");
    if (at == NULL) return false;
    at += sizeof "\"company_name\": " - 1;
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, ",\n}"), at);
    return true;
}

/* What is served of it is what the file says, also after a change that failed. */
static bool serve_flag(struct core_life *life)
{
    const struct core_request request = {
        .method = "GET", .path = "/api/v1/flags/company_name", .cookie = core_life_cookie(life)};
    char value[80];
    if (!served(life, CORE_FLAG, false)) return false;
    struct core_answer *answer = core_bench_ask(life->bench, &request);
    (void)core_bench_wait(life->bench);
    if (answer != NULL && answer->status == 200 && read_flag(life, value, sizeof value) &&
        strstr(answer->body, value) == NULL)
        core_load_lost(life->load, "the file has the flag %s, served is %.200s", value,
                       answer->body);
    core_bench_forget(life->bench);
    return is_there(life);
}

static bool serve_reload(struct core_life *life)
{
    (void)core_life_reload(life);
    return is_there(life);
}

static bool serve_news(struct core_life *life)
{
    (void)core_bench_tell_died(life->bench, PO_DAEMON_ROLE_FRONT);
    (void)core_bench_tell_probed(life->bench, 200);
    (void)core_bench_ping(life->bench);
    return is_there(life);
}

void core_load_serve(struct core_load *load, struct core_bench *bench, const char *root)
{
    struct core_life life = {.load = load, .bench = bench, .root = root};
    load->lives++;
    load->is_stopped = false;
    core_bench_be_world(bench);
    if (core_bench_wait_ready(bench) && served_sign_in(&life) && served(&life, CORE_READ, false) &&
        serve_turn(&life) && serve_repeated(&life) && serve_stream(&life) && serve_clock(&life) &&
        serve_reload(&life) && serve_flag(&life) && served_local(&life) && serve_news(&life))
        (void)core_life_stop(&life);
    if (bench->has_hung) core_load_lost(load, "core hangs");
    core_life_end(&life);
}

#endif

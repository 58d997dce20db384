/*
 * What core does by the clock: heartbeat, checkpoints, the jobs of the schedule.
 *
 * The heartbeat is the service's own sign of life, once a minute by its own clock: it does not look at
 * what HC-06 looks at, so it cannot be made to please the check (law 6).
 */
#include "daemon/core_priv.h"

#include "core/cfg.h"
#include "core/log.h"

#define JOB_WORDS_MAX 8
#define DAY_S (24 * 3600)

int64_t po_core_until_clock_s(po_time_us wall_us, int64_t minutes)
{
    int64_t into_s = po_time_into_local_day_s(wall_us);
    if (into_s < 0) return DAY_S;
    int64_t left_s = minutes * 60 - into_s;
    return left_s > 0 ? left_s : left_s + DAY_S;
}

static po_time_us until_nightly_us(const struct po_ctx *cx, const struct po_core *core)
{
    int64_t minutes = po_cfg_int(po_home_cfg(core->home), PO_CFG_NIGHTLY_AT);
    return po_core_until_clock_s(po_ctx_now_us(cx), minutes) * PO_US_PER_S;
}

void po_core_plan(struct po_ctx *cx, struct po_core *core)
{
    po_time_us now_us = po_core_now_us(cx);
    po_time_us period_us = po_cfg_int(po_home_cfg(core->home), PO_CFG_ASSESS_PERIOD);
    po_time_us first_us = period_us < PO_CORE_FIRST_JOB_US ? period_us : PO_CORE_FIRST_JOB_US;
    core->assess.next_us = now_us + first_us;
    core->nightly.next_us = now_us + until_nightly_us(cx, core);
    core->heartbeat_us = now_us;
}

static PO_RC note_failure(struct po_ctx *cx, struct po_core *core, const char *name,
                          const struct po_cli_answer *answer)
{
    po_log(cx, PO_LOG_ERROR, "job.failed", PO_F_CSTR("job", name),
           PO_F_STR("error", po_str_trim(po_buf_str(&answer->err))));
    return po_core_record(cx, core, PO_EVENT_TYPE_JOB_FAILED, "run",
                          po_arena_printf(cx->arena, "{\"job\":\"%s\",\"code\":\"%s\"}", name,
                                          po_code_name(answer->code)));
}

static void breathe(void *user) { po_core_breathe(user); }

/* A command row, run as the schedule's timers run it. */
static PO_RC run_job(struct po_ctx *parent, struct po_core *core, const char *name,
                     const char *const *argv)
{
    PO_CTX_AUTO cx = {0};
    PO_CLI_ANSWER_AUTO answer;
    int argc = 0;
    po_cli_answer_init(&answer);
    while (argv[argc] != NULL)
        argc++;
    po_rc rc = po_core_cx_init(core, &cx);
    cx.channel = PO_CHANNEL_TIMER;
    answer.pause = breathe;
    answer.user = core;
    core->is_busy = true;
    if (po_is_ok(rc)) rc = po_cli_run_on(&cx, core->home, argc, argv, &answer);
    core->is_busy = false;
    core->has_events = true;
    core->figures.jobs++;
    if (!po_is_ok(rc)) answer.code = rc.code;
    po_err_clear(&cx);
    if (answer.code == PO_OK) return po_rc_ok();
    return note_failure(parent, core, name, &answer);
}

static void run_due(struct po_ctx *cx, struct po_core *core, po_time_us now_us)
{
    static const char *const assess[] = {"paulyops", "assess", "--timer", "--quiet", NULL};
    static const char *const nightly[] = {"paulyops", "report",  "nightly",
                                          "--timer",  "--quiet", NULL};
    po_rc rc = po_rc_ok();
    if (now_us >= core->assess.next_us) {
        rc = run_job(cx, core, "assess", assess);
        core->assess.next_us =
            po_core_now_us(cx) + po_cfg_int(po_home_cfg(core->home), PO_CFG_ASSESS_PERIOD);
    } else if (now_us >= core->nightly.next_us) {
        rc = run_job(cx, core, "nightly", nightly);
        core->nightly.next_us = po_core_now_us(cx) + until_nightly_us(cx, core);
    }
    if (po_is_ok(rc)) return;
    po_log(cx, PO_LOG_ERROR, "job.not_recorded", PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx);
}

const char *po_core_beat_detail(struct po_ctx *cx, const struct po_core *core, po_time_us now_us)
{
    long uptime_s = (long)((now_us - core->started_us) / PO_US_PER_S);
    if (core->probed_us == 0) return po_arena_printf(cx->arena, "{\"uptime_s\":%ld}", uptime_s);
    return po_arena_printf(
        cx->arena, "{\"uptime_s\":%ld,\"endpoint\":{\"status\":%lu,\"took_ms\":%lu,\"age_s\":%ld}}",
        uptime_s, (unsigned long)core->probe_status, (unsigned long)core->probe_ms,
        (long)((now_us - core->probed_us) / PO_US_PER_S));
}

static void beat(struct po_ctx *cx, struct po_core *core, po_time_us now_us)
{
    if (now_us - core->heartbeat_us < PO_CORE_HEARTBEAT_US) return;
    core->heartbeat_us = now_us;
    const char *detail = po_core_beat_detail(cx, core, now_us);
    if (po_is_ok(po_core_record(cx, core, PO_EVENT_TYPE_SERVICE_HEARTBEAT, "beat", detail))) return;
    po_log(cx, PO_LOG_ERROR, "service.not_recorded", PO_F_CSTR("error", po_err_msg(cx)));
    po_err_clear(cx);
}

static void sign(struct po_ctx *cx, struct po_core *core, po_time_us now_us)
{
    if (!core->has_unsigned || now_us - core->checkpoint_us < PO_CORE_CHECKPOINT_US) return;
    core->checkpoint_us = now_us;
    if (!po_core_has_keys(cx, core)) return; /* nobody waits for this one: in a second, then */
    if (!po_is_ok(po_home_checkpoint(cx, core->home))) {
        po_log(cx, PO_LOG_ERROR, "service.not_signed", PO_F_CSTR("error", po_err_msg(cx)));
        po_err_clear(cx);
        return; /* a keeper that was busy is asked again in a second; anything else ends core */
    }
    core->has_unsigned = false;
    core->figures.checkpoints++;
}

void po_core_pass_time(struct po_ctx *cx, struct po_core *core)
{
    po_time_us now_us = po_core_now_us(cx);
    if (!po_core_can_write(core) || core->is_over) return;
    po_core_cover(cx, core);
    if (core->is_busy) return;
    sign(cx, core, now_us);
    if (core->is_stopping) return;
    beat(cx, core, now_us);
    run_due(cx, core, now_us);
}

static po_time_us earlier(po_time_us a, po_time_us b) { return a < b ? a : b; }

po_time_us po_core_next_us(const struct po_ctx *cx, const struct po_core *core)
{
    po_time_us next_us = po_core_now_us(cx) + PO_US_PER_MIN;
    if (core->stream_count > 0)
        next_us = earlier(next_us, core->stepped_us + PO_CORE_STREAM_STEP_US);
    if (!po_core_can_write(core)) return next_us;
    next_us = earlier(next_us, core->heartbeat_us + PO_CORE_HEARTBEAT_US);
    next_us = earlier(next_us, core->assess.next_us);
    next_us = earlier(next_us, core->nightly.next_us);
    if (core->has_unsigned) next_us = earlier(next_us, core->checkpoint_us + PO_CORE_CHECKPOINT_US);
    return next_us;
}

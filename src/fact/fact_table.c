/*
 * The table of facts, its text form for docs/spec/facts.md, and the machine's places.
 */
#include "fact_priv.h"

#include "core/cfg.h"
#include "core/flags.h"
#include "home/home.h"

#include <unistd.h>

static const struct po_fact table[] = {
#define X(name, reader, capability, cost, scope, type, doc)                                        \
    {(name), (type), (capability), PO_FACT_##cost, PO_FACT_##scope, po_fact_read_##reader, (doc)},
#include "fact_table.def"
#undef X
};

const struct po_fact *po_fact_table(size_t *ret_count)
{
    *ret_count = sizeof table / sizeof *table;
    return table;
}

static const char *cost_name(enum po_fact_cost cost)
{
    static const char *const names[] = {"cheap", "scan", "drill"};
    return names[cost];
}

void po_fact_table_render(struct po_buf *out)
{
    po_buf_append_cstr(
        out,
        "# Facts\n\n"
        "Made from the table in `src/fact/fact_table.def`; a unit test compares the two.\n"
        "A fact is read once in an assessment, changes nothing, and writes one JSON value of "
        "the type named.\n"
        "Times are microseconds since 1970 UTC (`_us`), `?` marks a value that may be null.\n"
        "A fact of the instance is the same for every tenant, read as the default one; one of the "
        "tenant is its own.\n");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        po_buf_printf(out, "\n## %s\n\n", table[i].name);
        po_buf_append_cstr(out, table[i].doc);
        po_buf_printf(out, "\n\n- capability `%s`, cost %s, of the %s\n- type `",
                      table[i].capability, cost_name(table[i].cost),
                      table[i].scope == PO_FACT_INSTANCE ? "instance" : "tenant");
        po_buf_append_cstr(out, table[i].type);
        po_buf_append_cstr(out, "`\n");
    }
}

/* Reads only: modes is 0. The kernel's answer is no clock reading of ours. */
static int read_clock_state(struct timex *ret_state) { return adjtimex(ret_state); }

/* Units of this user: as root the system's. */
static PO_RC find_unit_places(struct po_ctx *cx, struct po_fact_places *places)
{
    places->user_units = "/etc/systemd/system";
    places->stamps = "/var/lib/systemd/timers";
    if (places->uid == 0) return po_rc_ok();
    const char *user_home = po_env("HOME");
    const char *config = po_env("XDG_CONFIG_HOME");
    if (config == NULL && user_home != NULL)
        PO_TRY(cx, po_fact_path(cx, user_home, ".config", &config));
    places->user_units = NULL;
    places->stamps = NULL;
    if (config != NULL) PO_TRY(cx, po_fact_path(cx, config, "systemd/user", &places->user_units));
    if (user_home != NULL)
        PO_TRY(cx, po_fact_path(cx, user_home, ".local/share/systemd/timers", &places->stamps));
    return po_rc_ok();
}

/* The intake: the flag, else the option. */
static PO_RC find_intake(struct po_ctx *cx, struct po_home *home, const char **ret_intake)
{
    po_str flag = po_flags_str(po_home_flags(home), PO_FLAG_INTAKE_PATH);
    *ret_intake = po_cfg_cstr(po_home_cfg(home), PO_CFG_INTAKE_DIR);
    if (flag.len == 0) return po_rc_ok();
    *ret_intake = po_arena_strdup(cx->arena, flag);
    if (*ret_intake == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

/* What a home says about where to look. */
static PO_RC find_home_places(struct po_ctx *cx, struct po_home *home,
                              struct po_fact_places *places)
{
    const struct po_cfg *cfg = po_home_cfg(home);
    places->root = po_home_root(home);
    places->state_dir = po_home_state_dir(home);
    PO_TRY(cx, po_home_scratch_dir(cx, home, &places->scratch));
    places->repo = po_cfg_cstr(cfg, PO_CFG_REPO_DIR);
    places->archive_max = po_cfg_int(cfg, PO_CFG_ARCHIVE_MAX);
    places->archive_days_max = po_cfg_int(cfg, PO_CFG_ARCHIVE_DAYS_MAX);
    places->disk_free_min_percent = po_cfg_int(cfg, PO_CFG_DISK_FREE_MIN_PERCENT);
    places->assess_period_us = po_cfg_int(cfg, PO_CFG_ASSESS_PERIOD);
    return find_intake(cx, home, &places->intake);
}

PO_RC po_fact_places_find(struct po_ctx *cx, struct po_home *home,
                          struct po_fact_places *ret_places)
{
    struct po_fact_places places = {
        .proc = "/proc",
        .etc = "/etc",
        .run = "/run",
        .dpkg = "/var/lib/dpkg/status",
        .program = "/proc/self/exe",
        .uid = geteuid(),
        .clock_state = read_clock_state,
    };
    PO_TRY(cx, find_unit_places(cx, &places));
    if (home != NULL) PO_TRY(cx, find_home_places(cx, home, &places));
    *ret_places = places;
    return po_rc_ok();
}

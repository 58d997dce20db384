/*
 * The table of facts, its text form for docs/spec/facts.md, and the machine's places.
 */
#include "fact_priv.h"

#include "home/home.h"

#include <unistd.h>

static const struct po_fact table[] = {
#define X(name, reader, capability, cost, type, doc)                                               \
    {(name), (type), (capability), PO_FACT_##cost, po_fact_read_##reader, (doc)},
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
        "Times are microseconds since 1970 UTC (`_us`), `?` marks a value that may be null.\n");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        po_buf_printf(out, "\n## %s\n\n", table[i].name);
        po_buf_append_cstr(out, table[i].doc);
        po_buf_printf(out, "\n\n- capability `%s`, cost %s\n- type `", table[i].capability,
                      cost_name(table[i].cost));
        po_buf_append_cstr(out, table[i].type);
        po_buf_append_cstr(out, "`\n");
    }
}

/* Reads only: modes is 0. The kernel's answer is no clock reading of ours. */
static int read_clock_state(struct timex *ret_state) { return adjtimex(ret_state); }

PO_RC po_fact_places_find(struct po_ctx *cx, struct po_home *home,
                          struct po_fact_places *ret_places)
{
    (void)cx;
    *ret_places = (struct po_fact_places){
        .root = po_home_root(home),
        .state_dir = po_home_state_dir(home),
        .proc = "/proc",
        .etc = "/etc",
        .run = "/run",
        .dpkg = "/var/lib/dpkg/status",
        .stamps = "/var/lib/systemd/timers",
        .program = "/proc/self/exe",
        .uid = geteuid(),
        .clock_state = read_clock_state,
    };
    return po_rc_ok();
}

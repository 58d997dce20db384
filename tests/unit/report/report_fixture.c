#include "unit/report/report_fixture.h"

#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>

const struct po_catalog *fixture_catalog(struct po_ctx *cx)
{
    const struct po_catalog *catalog = NULL;
    check_ok(cx, po_catalog_load_embedded(cx, &catalog));
    return catalog;
}

static void *arena(struct po_ctx *cx, size_t count, size_t size)
{
    void *p = po_arena_alloc(cx->arena, count, size);
    check_that(p != NULL);
    return p;
}

static po_time_us time_of(struct po_ctx *cx, const struct po_json *object, const char *key)
{
    po_str text;
    po_time_us t = 0;
    check_ok(cx, po_json_get_str(cx, object, key, &text));
    check_ok_leaf(po_time_parse(text, &t));
    return t;
}

static void put_run(struct po_view *view, const struct po_clause *clause,
                    struct po_clause_run *place, enum po_run_state state, po_time_us age_us)
{
    place->leaf = (uint64_t)clause->control * 10 + clause->number;
    place->run.clause = clause->id;
    place->run.state = state;
    place->run.passing = 1;
    place->run.total = 1;
    place->run.finished_us = view->as_of.time_us - age_us;
    place->run.started_us = place->run.finished_us;
    place->received_us = place->run.finished_us;
    if (state != PO_RUN_PASS) place->run.reason = PO_LIT("as the fixture says");
}

/* The runs of one control that lead to `state`. */
static void put_control(struct po_view *view, const struct po_catalog *catalog, size_t at,
                        const struct po_control_result *state, po_time_us age_us)
{
    const struct po_control *control = &catalog->controls[at];
    struct po_clause_run *runs = (struct po_clause_run *)(uintptr_t)view->states.runs;
    bool is_whole = state->state == PO_CONTROL_PASS || state->state == PO_CONTROL_STALE;
    for (size_t i = 0; i < control->clause_count; i++) {
        size_t position = (size_t)control->clause_first + i;
        struct po_clause_run *place = &runs[position];
        place->leaf = PO_LEAF_NONE;
        const struct po_clause *clause = &catalog->clauses[position];
        if (is_whole)
            put_run(view, clause, place, PO_RUN_PASS,
                    state->state == PO_CONTROL_STALE ? control->ttl_us + PO_US_PER_S : age_us);
        if (i > 0) continue;
        if (state->state == PO_CONTROL_ERROR) put_run(view, clause, place, PO_RUN_ERROR, age_us);
        if (state->state != PO_CONTROL_FAIL && state->state != PO_CONTROL_WAIVED) continue;
        put_run(view, clause, place, PO_RUN_FAIL, age_us);
        place->run.passing = state->passing;
        place->run.total = state->total;
    }
}

static void read_states(struct po_ctx *cx, const struct po_catalog *catalog, po_str text,
                        const struct po_json *root, struct po_view *view)
{
    const struct po_json *states = po_json_get(root, "states");
    const struct po_control_result *named = NULL;
    check_ok(cx,
             po_states_parse(cx, catalog, po_str_slice(text, states->offset, states->end), &named));
    po_str rest;
    int64_t age_s = 0;
    check_ok(cx, po_json_get_str(cx, root, "default", &rest));
    check_ok(cx, po_json_get_int(cx, root, "age_s", &age_s));
    view->states.as_of_us = view->as_of.time_us;
    view->states.runs = arena(cx, catalog->clause_count, sizeof(struct po_clause_run));
    struct po_scope_out *outs = arena(cx, catalog->control_count, sizeof *outs);
    for (size_t i = 0; i < catalog->control_count; i++) {
        struct po_control_result state = named[i];
        char id[16];
        (void)snprintf(id, sizeof id, "%.*s", PO_STR_ARG(catalog->controls[i].id));
        if (po_json_get(states, id) == NULL && po_str_eq_cstr(rest, "pass"))
            state.state = PO_CONTROL_PASS;
        put_control(view, catalog, i, &state, age_s * PO_US_PER_S);
        if (state.state != PO_CONTROL_NA) continue;
        outs[view->states.scope_out_count++] = (struct po_scope_out){
            .control = catalog->controls[i].id, .reason = PO_LIT("not used"), .leaf = 5};
    }
    view->states.scope_outs = outs;
}

static void read_health(struct po_ctx *cx, const struct po_catalog *catalog,
                        const struct po_json *root, struct po_view *view)
{
    static const char *const names[] = {"pass", "fail", "skipped", "error", "untested"};
    const struct po_json *health = po_json_get(root, "health");
    struct po_view_health *rows = arena(cx, catalog->health_count, sizeof *rows);
    size_t n = 0;
    for (const struct po_json *h = health->first; h != NULL; h = h->next) {
        po_str state;
        int64_t age_s = 0;
        struct po_view_health *row = &rows[n++];
        row->id = h->key;
        row->leaf = n;
        check_ok(cx, po_json_get_str(cx, h, "reason", &row->reason));
        check_ok(cx, po_json_get_str(cx, h, "state", &state));
        check_ok(cx, po_json_get_int(cx, h, "age_s", &age_s));
        row->checked_us = view->as_of.time_us - age_s * PO_US_PER_S;
        while (!po_str_eq_cstr(state, names[row->state]))
            row->state++;
    }
    view->health = rows;
    view->health_count = n;
}

static struct po_view_count count_of(const struct po_json *root, const char *key)
{
    const struct po_json *v = po_json_get(root, key);
    if (v == NULL || v->type != PO_JSON_INT) return (struct po_view_count){0};
    return (struct po_view_count){.is_known = true, .value = v->integer};
}

static int64_t int_of(struct po_ctx *cx, const struct po_json *object, const char *key)
{
    int64_t value = 0;
    check_ok(cx, po_json_get_int(cx, object, key, &value));
    return value;
}

static void read_measured(struct po_ctx *cx, const struct po_json *root, struct po_view *view)
{
    const struct po_json *build = po_json_get(root, "build");
    if (build != NULL) {
        view->build.is_known = true;
        check_ok(cx, po_json_get_str(cx, build, "version", &view->build.version));
        check_ok(cx, po_json_get_str(cx, build, "digest", &view->build.digest));
        view->build.manifest_matches = po_json_get(build, "manifest_matches")->boolean;
        view->build.abort_sites = int_of(cx, build, "abort_sites");
    }
    const struct po_json *uptime = po_json_get(root, "uptime");
    if (uptime != NULL)
        view->uptime = (struct po_view_uptime){.is_known = true,
                                               .good_minutes = int_of(cx, uptime, "good"),
                                               .all_minutes = int_of(cx, uptime, "all")};
    const struct po_json *recovery = po_json_get(root, "recovery");
    if (recovery != NULL)
        view->recovery = (struct po_view_recovery){.is_known = true,
                                                   .worst_ms = int_of(cx, recovery, "worst_ms"),
                                                   .p50_ms = int_of(cx, recovery, "p50_ms"),
                                                   .p95_ms = int_of(cx, recovery, "p95_ms"),
                                                   .samples = int_of(cx, recovery, "samples")};
    view->crashes = count_of(root, "crashes");
    view->findings_overdue = count_of(root, "findings_overdue");
    view->assertion = count_of(root, "assertion");
    view->closed_recently = count_of(root, "closed_recently");
}

static void read_registers(struct po_ctx *cx, const struct po_json *root, struct po_view *view)
{
    const struct po_json *registers = po_json_get(root, "registers");
    if (registers == NULL || registers->count == 0) return;
    struct po_view_register *rows = arena(cx, registers->count, sizeof *rows);
    size_t n = 0;
    for (const struct po_json *r = registers->first; r != NULL; r = r->next, n++) {
        rows[n].name = r->key;
        check_ok(cx, po_json_get_str(cx, r, "value", &rows[n].value));
        rows[n].set_us = time_of(cx, r, "set");
    }
    view->registers = rows;
    view->register_count = n;
}

struct po_view fixture_view(struct po_ctx *cx, const struct po_catalog *catalog, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "tests/golden/report/%s/fixture.json", name);
    size_t len = 0;
    char *bytes = test_read_file(test_source_path(path), &len);
    po_str text;
    check_ok_leaf(po_arena_copy(cx->arena, po_str_n(bytes, len), &text));
    free(bytes);
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, text, PO_JSON_STRICT, &root));
    struct po_view view = {0};
    view.as_of.size = (uint64_t)int_of(cx, root, "size");
    if (view.as_of.size > 0) view.as_of.time_us = time_of(cx, root, "time");
    for (size_t i = 0; i < sizeof view.as_of.root; i++)
        view.as_of.root[i] = (uint8_t)(view.as_of.size == 0 ? 0 : 16 * i + 1);
    read_states(cx, catalog, text, root, &view);
    read_health(cx, catalog, root, &view);
    read_measured(cx, root, &view);
    read_registers(cx, root, &view);
    if (view.as_of.size > 0) view.instance = PO_LIT("inst_00112233");
    return view;
}

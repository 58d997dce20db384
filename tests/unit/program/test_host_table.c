/*
 * What programs can import: fixed functions, and one for each fact with the fact's own type.
 */
#include "unit/program/program_fixture.h"

static const struct po_fact_type provided[] = {
    {"controls.freshness", "{controls: int, fresh: int}"},
    {"health.results", "{checks: [{id: string, status: string}]}"},
};

static void table_of(struct po_ctx *cx, const struct po_script_host_fn **fns, size_t *count)
{
    po_program_facts_add(provided, 2);
    po_program_facts_add(provided, 2); /* the second time changes nothing */
    check_ok(cx, po_program_host_table(cx, fns, count));
}

TEST(program_host_table__has_each_fact_once_with_its_type)
{
    TEST_CX(cx);
    const struct po_script_host_fn *fns = NULL;
    size_t count = 0;
    size_t fact_count = 0;
    const struct po_fact *facts = po_fact_table(&fact_count);
    size_t found = 0;
    table_of(cx, &fns, &count);
    for (size_t i = 0; i < count; i++) {
        check_that(po_host_find(fns, count, po_str_of(fns[i].module), po_str_of(fns[i].name)) == i,
                   "%s.%s is there twice", fns[i].module, fns[i].name);
        found += strcmp(fns[i].module, "host/fact") == 0 ? 1 : 0;
    }
    check_eq_u64(found, fact_count + 2);
    size_t at = po_host_find(fns, count, PO_LIT("host/fact"), PO_LIT("machine_self"));
    check_that(at != SIZE_MAX);
    check_eq_cstr(fns[at].needs, "fact");
    check_eq_cstr(fns[at].needs_value, "machine.self");
    check_contains(fns[at].signature, "() -> {uid: int?");
    at = po_host_find(fns, count, PO_LIT("host/fact"), PO_LIT("controls_freshness"));
    check_eq_cstr(fns[at].signature, "() -> {controls: int, fresh: int}");
    check_that(po_host_find(fns, count, PO_LIT("host/fact"), PO_LIT("nothing")) == SIZE_MAX);
    check_that(po_host_find(fns, count, PO_LIT("host/none"), PO_LIT("now")) == SIZE_MAX);
    (void)facts;
}

TEST(program_host_table__gives_every_function_a_capability)
{
    TEST_CX(cx);
    const struct po_script_host_fn *fns = NULL;
    size_t count = 0;
    table_of(cx, &fns, &count);
    for (size_t i = 0; i < count; i++) {
        const struct po_host_row *row = po_host_row_at(i);
        po_str names = po_str_of(fns[i].needs);
        po_str name = {0};
        check_that((unsigned)row->caps[0] < PO_CAP_COUNT);
        /* what the compiler asks for is what the gate asks for */
        while (po_str_next_field(&names, '|', &name)) {
            bool is_there = false;
            for (int k = 0; k < 3; k++)
                is_there |= po_str_eq_cstr(name, po_cap_name(row->caps[k]));
            check_that(is_there, "%s.%s: %.*s", fns[i].module, fns[i].name, PO_STR_ARG(name));
        }
        bool is_change = po_cap_changes_things(row->caps[0]) && row->caps[1] == PO_CAP_COUNT;
        bool is_masked = row->dry != NULL || row->side == PO_HOST_NOWHERE;
        bool is_flag_read = row->caps[0] == PO_CAP_FLAGS && strcmp(fns[i].name, "get") == 0;
        check_that(!is_change || is_masked || is_flag_read, "%s.%s changes something in a dry run",
                   fns[i].module, fns[i].name);
    }
}

/* Every signature compiles: each function is named once by a program that has all needs. */
TEST(program_host_table__has_signatures_that_compile)
{
    TEST_CX(cx);
    const struct po_script_host_fn *fns = NULL;
    size_t count = 0;
    PO_BUF_AUTO text = {0};
    struct po_script_diags diags;
    PO_CLEANUP(po_script_freep) struct po_script *script = NULL;
    po_buf_init(&text, 1u << 18);
    table_of(cx, &fns, &count);
    const char *module = "";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(module, fns[i].module) != 0)
            po_buf_printf(&text, "import * as %s from \"%s\"\n", fns[i].module + 5, fns[i].module);
        module = fns[i].module;
    }
    for (size_t i = 0; i < count; i++)
        po_buf_printf(&text, "fn f%zu() { let f = %s.%s }\n", i, fns[i].module + 5, fns[i].name);
    struct po_script_host host = {.fns = fns, .fn_count = count};
    struct po_script_config config = {.host = &host, .keep_going_without_needs = true};
    po_rc rc =
        po_script_compile(cx, &config, PO_LIT("x.script"), po_buf_str(&text), &diags, &script);
    if (!po_is_ok(rc))
        test_fail(__FILE__, __LINE__, "%.*s %.*s", PO_STR_ARG(diags.at[0].source_line),
                  PO_STR_ARG(diags.at[0].message));
}

TEST_FAULTS(program_host_table__fails_cleanly)
{
    TEST_CX(cx);
    const struct po_script_host_fn *fns = NULL;
    size_t count = 0;
    if (!test_survived(po_program_host_table(cx, &fns, &count))) return;
    test_faults_off();
    check_that(count > 60);
}

/*
 * The route table: each row is whole, and agrees with the commands, the actions and the schemas.
 */
#include "cli/cli_priv.h"
#include "unit/api/api_fixture.h"

static const struct po_command *command_of(const struct po_api_route *route)
{
    po_str words[2] = {po_str_of(route->command), {NULL, 0}};
    size_t space = po_str_find_char(words[0], ' ', 0);
    size_t count = space == SIZE_MAX ? 1 : 2;
    size_t used = 0;
    if (count == 2) words[1] = po_str_slice(words[0], space + 1, words[0].len);
    words[0] = po_str_slice(words[0], 0, space);
    return po_command_find(words, count, &used);
}

#define FOR_EACH_ROUTE(route)                                                                      \
    for (size_t i_ = 0; i_ < po_api_route_count(); i_++)                                           \
        for (const struct po_api_route *route = po_api_route_at(i_);                               \
             route != NULL && (test_row(route->id), true); route = NULL)

TEST(api_table__ids_and_paths_are_unique)
{
    for (size_t i = 0; i < po_api_route_count(); i++)
        for (size_t k = 0; k < i; k++) {
            const struct po_api_route *a = po_api_route_at(i);
            const struct po_api_route *b = po_api_route_at(k);
            check_that(strcmp(a->id, b->id) != 0, "%s", a->id);
            check_that(a->method != b->method || strcmp(a->path, b->path) != 0, "%s", a->path);
        }
}

TEST(api_table__each_route_has_what_it_needs)
{
    FOR_EACH_ROUTE(route)
    {
        check_that(route->action != NULL && route->action[0] != '\0');
        check_that(route->summary != NULL && route->resource != NULL && route->schema != NULL);
        check_that((route->command == NULL) != (route->handler == NULL));
        check_that(route->method != PO_HTTP_GET || route->body_bytes_max == 0);
        check_that(route->body_bytes_max <= PO_API_BODY_BYTES_MAX);
        if (route->result != PO_API_RESULT_TEXT && route->schema[0] != '\0')
            check_that(po_api_schema_text(route->schema) != NULL, "no schema %s", route->schema);
        if (route->etag_of != NULL) check_that(po_api_route_find(route->etag_of) != NULL);
    }
}

/* @proves CC6.1 */
TEST(api_table__each_action_is_decided_upon)
{
    FOR_EACH_ROUTE(route)
    {
        bool is_known = po_action_find(po_str_of(route->action)) != NULL;
        check_that(is_known == (route->access != PO_API_PUBLIC), "%s", route->action);
    }
}

TEST(api_table__names_in_paths_are_members)
{
    FOR_EACH_ROUTE(route)
    {
        size_t names = 0;
        size_t members = 0;
        for (const char *c = route->path; *c != '\0'; c++)
            names += *c == '{';
        for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++) {
            members += route->params[i].in == PO_API_IN_PATH;
            check_that(route->params[i].doc != NULL);
        }
        check_eq_u64(names, members);
    }
}

static bool has_option(const struct po_command *command, const char *name)
{
    for (size_t i = 0; i < PO_CLI_OPTIONS_MAX && command->options[i].name != NULL; i++)
        if (strcmp(command->options[i].name, name) == 0) return true;
    return false;
}

TEST(api_table__commands_have_the_options_and_operands_that_routes_give)
{
    FOR_EACH_ROUTE(route)
    {
        if (route->command == NULL) continue;
        const struct po_command *command = command_of(route);
        check_that(command != NULL, "no command %s", route->command);
        check_eq_cstr(route->action, command->action);
        check_that(!po_cli_runs_alone(po_str_of(route->command)));
        size_t operands = 0;
        for (size_t i = 0; i < PO_API_PARAMS_MAX && route->params[i].name != NULL; i++) {
            const char *to = route->params[i].to;
            if (to == NULL) continue;
            if (to[0] == '\0') operands++;
            if (to[0] != '\0') check_that(has_option(command, to), "no option %s", to);
        }
        check_that(operands <= command->operands_max);
    }
}

/* Rows that no route runs, each with its reason. */
static const char *const not_served[] = {
    "help",          /* for people at a terminal */
    "init",          /* makes the home that serves */
    "serve",         /* is what serves */
    "status",        /* of the service: /livez, /readyz */
    "claims",        /* compares a file of the caller's; needs no home */
    "pack verify",   /* offline, where the pack is */
    "pack export",   /* POST /packs does it without a directory */
    "key recovery",  /* shows a code at a terminal */
    "key rotate",    /* local: keys are changed by who holds the machine */
    "ledger export", /* writes below a directory of the caller's */
    "schedule install",
    "schedule remove", /* write the machine's units */
    "script bundle",
    "script fmt",
    "script new", /* files of the caller's */
    "script run", /* starts programs; assessments and replays do it here */
    "tenant create",
    "tenant list",
    "tenant show", /* who signed in is told of no tenant but their own */
};

static bool is_not_served(const char *path)
{
    for (size_t i = 0; i < sizeof not_served / sizeof *not_served; i++)
        if (strcmp(not_served[i], path) == 0) return true;
    return false;
}

TEST(api_table__every_command_has_a_route_or_a_reason)
{
    size_t count = 0;
    const struct po_command *commands = po_command_table(&count);
    for (size_t i = 0; i < count; i++) {
        bool has_route = false;
        FOR_EACH_ROUTE(route)
        if (route->command != NULL && strcmp(route->command, commands[i].path) == 0)
            has_route = true;
        test_row(commands[i].path);
        check_that(has_route != is_not_served(commands[i].path));
    }
}

TEST(api_match__finds_literals_before_names_and_tells_the_methods)
{
    struct po_api_match match;
    po_api_match(PO_LIT("/api/v1/controls/AUD-03"), PO_HTTP_GET, &match);
    check_eq_cstr(match.route->id, "getControl");
    check_eq_str(match.values[0], "AUD-03");
    po_api_match(PO_LIT("/api/v1/controls/runs"), PO_HTTP_POST, &match);
    check_eq_cstr(match.route->id, "runControls");
    po_api_match(PO_LIT("/api/v1/register/x"), PO_HTTP_DELETE, &match);
    check_that(match.route == NULL);
    check_eq_u64(match.methods, 1U << PO_HTTP_GET | 1U << PO_HTTP_PUT);
    po_api_match(PO_LIT("/api/v1/controls/AUD-03"), PO_HTTP_HEAD, &match);
    check_eq_cstr(match.route->id, "getControl");
}

TEST(api_match__knows_no_other_paths)
{
    static const char *const paths[] = {"/api/v1",
                                        "/api/v1/",
                                        "/api/v2/controls",
                                        "/api/v1/control",
                                        "/api/v1/controls/",
                                        "/api/v1//controls",
                                        "/",
                                        "/api/v1/controls/a/b",
                                        "/API/v1/controls",
                                        "/api/v1/Controls",
                                        "/api/v1/{}",
                                        "/api/v1x/controls",
                                        "/api/v1/a/b/c/d/e/f/g/h/i"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct po_api_match match;
        test_row(paths[i]);
        po_api_match(po_str_of(paths[i]), PO_HTTP_GET, &match);
        check_eq_u64(match.methods, 0);
    }
}

/*
 * The drill of the API on a home of its own: every route x role x tenant x outcome with the real rows leaves
 * its event, and what is no input is refused. It is the figure of AUD-02.1.
 */
#include "api/drill_priv.h"
#include "lib/test.h"

#include <stdlib.h>

static const struct po_json *run_drill(struct po_ctx *cx)
{
    struct po_json *root = NULL;
    struct po_buf out;
    struct po_json_out json;
    po_str text = {0};
    po_buf_init(&out, (size_t)256 << 10);
    po_json_out_init(&json, &out, 0);
    check_eq_int(setenv("XDG_STATE_HOME", test_tmp("keys"), 1), 0);
    check_ok(cx, po_api_drill_in(cx, test_tmpdir(), &json));
    check_ok_leaf(po_arena_copy(cx->arena, po_buf_str(&out), &text));
    po_buf_done(&out);
    check_ok(cx, po_json_parse(cx, text, PO_JSON_STRICT, &root));
    return root;
}

static int64_t figure(const struct po_json *root, const char *part, const char *name)
{
    const struct po_json *value = po_json_get(po_json_get(root, part), name);
    check_that(value != NULL, "%s.%s", part, name);
    if (value->type == PO_JSON_BOOL) return value->boolean ? 1 : 0;
    check_eq_int(value->type, PO_JSON_INT);
    return value->integer;
}

static void check_none_wrong(const struct po_json *root, const char *part)
{
    const struct po_json *wrong = po_json_get(po_json_get(root, part), "wrong");
    for (const struct po_json *at = wrong->first; at != NULL; at = at->next)
        check_that(false, "%.*s: %.*s", PO_STR_ARG(po_json_get(at, "operation")->str),
                   PO_STR_ARG(po_json_get(at, "why")->str));
}

/* @proves CC7.2 AUD-02.1 PIN-02.2 PIN-02.3 PIN-02.4 */
TEST_TIMEOUT(api_drill__finds_an_event_for_each_request_and_no_input_that_is_none, 120)
{
    TEST_CX(cx);
    const struct po_json *root = run_drill(cx);
    check_none_wrong(root, "coverage");
    check_eq_int(figure(root, "coverage", "correct"), figure(root, "coverage", "obligations"));
    check_eq_int(figure(root, "coverage", "routes"), (int64_t)po_api_route_count());
    check_that(figure(root, "coverage", "allowed") >= 250, "%ld",
               (long)figure(root, "coverage", "allowed"));
    check_that(figure(root, "coverage", "denied") >= 120);
    check_that(figure(root, "coverage", "unauthenticated") >= 150);
    check_that(figure(root, "coverage", "not_found") >= 20);
    check_none_wrong(root, "inputs");
    check_that(figure(root, "inputs", "tried") >= 450);
    check_eq_int(figure(root, "inputs", "refused"), figure(root, "inputs", "tried"));
    check_eq_int(figure(root, "inputs", "recorded"), figure(root, "inputs", "tried"));
    check_eq_int(figure(root, "inputs", "accepted"), 0);
    check_eq_int(figure(root, "paths", "tried"), 2 * PO_API_DRILL_PATHS);
    check_eq_int(figure(root, "paths", "refused"), figure(root, "paths", "tried"));
    check_eq_int(figure(root, "paths", "reads_inside"), 1);
    check_that(figure(root, "strangers", "tried") >= 150);
    check_eq_int(figure(root, "strangers", "served"), 0);
}

static bool is_possible(struct po_ctx *cx, const char *route, enum po_api_drill_input input,
                        struct po_api_drill_written *ret_written)
{
    static const struct po_api_drill_subject subject = {.user = "usr_1",
                                                        .email = "a@drill.invalid"};
    bool is = false;
    const struct po_api_drill_wish wish = {po_api_route_find(route), &subject, input, 0};
    check_ok(cx, po_api_drill_write(cx, &wish, ret_written, &is));
    return is;
}

TEST(api_drill_request__is_wrong_in_the_way_that_is_asked_for)
{
    TEST_CX(cx);
    struct po_api_drill_written written = {0};
    check_that(is_possible(cx, "suspendUser", PO_API_INPUT_GOOD, &written));
    check_eq_cstr(written.path, "/api/v1/users/usr_1/suspension");
    check_eq_cstr(written.body, "{}");
    check_that(is_possible(cx, "inviteUser", PO_API_INPUT_GOOD, &written));
    check_eq_cstr(written.body,
                  "{\"email\":\"a@drill.invalid\",\"name\":\"drilled\",\"role\":\"member\"}");
    check_that(is_possible(cx, "inviteUser", PO_API_INPUT_MISSING, &written));
    check_eq_cstr(written.body, "{}");
    check_that(is_possible(cx, "setFlag", PO_API_INPUT_TWICE, &written));
    check_eq_cstr(written.body, "{\"value\":\"drilled\",\"value\":\"drilled\"}");
    check_that(is_possible(cx, "grantProgram", PO_API_INPUT_OUTSIDE, &written));
    check_eq_cstr(written.body, "{\"file\":\"../drilled.script\"}");
    check_that(!is_possible(cx, "listFlags", PO_API_INPUT_NOT_JSON, &written));
    check_that(!is_possible(cx, "listFlags", PO_API_INPUT_BAD_PATH, &written));
    check_that(!is_possible(cx, "setFlag", PO_API_INPUT_OUTSIDE, &written));
}

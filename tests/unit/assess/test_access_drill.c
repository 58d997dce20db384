/*
 * The drill of access does what it says, on a home of its own.
 */
#include "assess/access_drill_priv.h"
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
    check_ok(cx, po_access_drill_in(cx, test_tmpdir(), &json));
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

/* @proves CC6.1 CC6.2 CC6.3 */
TEST_TIMEOUT(access_drill__finds_what_the_product_promises, 60)
{
    TEST_CX(cx);
    const struct po_json *root = run_drill(cx);
    check_eq_int(figure(root, "guessing", "failures"), 5);
    check_eq_int(figure(root, "guessing", "locked"), 1);
    check_that(figure(root, "guessing", "lock_events") > 0);
    check_eq_int(figure(root, "guessing", "opens_again"), 1);
    check_eq_int(figure(root, "defaults", "refused"), figure(root, "defaults", "tried"));
    check_eq_int(figure(root, "secrets", "distinct"), figure(root, "secrets", "sessions"));
    check_eq_int(figure(root, "secrets", "shaped"), figure(root, "secrets", "sessions"));
    check_eq_int(figure(root, "secrets", "random_bits"), 256);
    check_eq_int(figure(root, "secrets", "found_in_files"), 0);
    check_eq_int(figure(root, "secrets", "search_sees"), 1);
    check_eq_int(figure(root, "revoked", "good_before"), 6);
    check_eq_int(figure(root, "revoked", "refused"), 6);
    check_eq_int(figure(root, "roles", "unknown_allowed"), 0);
    check_eq_int(figure(root, "roles", "weak_allowed"), 0);
    check_eq_int(figure(root, "decisions", "found"), figure(root, "decisions", "owed"));
    check_that(figure(root, "decisions", "owed") >= 12);
    check_eq_str(po_json_get(po_json_get(root, "tenants"), "seen")->str, "");
    check_eq_int(figure(root, "tenants", "visible"), 0);
    check_eq_int(figure(root, "tenants", "sees_its_own"), 1);
    check_eq_int(figure(root, "tenants", "keys_differ"), 1);
    check_eq_int(figure(root, "ends", "idle_ended_s"), 1801);
    check_eq_int(figure(root, "ends", "used_ended_s"), 43200);
}

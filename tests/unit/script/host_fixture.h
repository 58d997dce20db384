/* The host of the tests: every function of the model's declarations, answered from fixtures. */
#ifndef TESTS_UNIT_SCRIPT_HOST_FIXTURE_H
#define TESTS_UNIT_SCRIPT_HOST_FIXTURE_H

#include "core/ctx.h"
#include "core/json.h"
#include "script/script.h"

struct script_fixtures {
    struct po_json *root;
    struct po_buf text;
    struct po_buf log; /* "    store.users()" lines */
};

extern const struct po_script_crypto script_test_crypto;
/* `path` may be NULL: everything is denied. */
struct po_script_host script_host_make(struct po_ctx *cx, struct script_fixtures *fx,
                                       const char *path);
/* From a JSON text in memory. */
struct po_script_host script_host_of(struct po_ctx *cx, struct script_fixtures *fx,
                                     const char *json);

#endif

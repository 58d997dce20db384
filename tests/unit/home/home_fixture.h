/*
 * A home of the case's own: "<tmp>/home" with its keys in "<tmp>/state".
 */
#ifndef PO_TESTS_UNIT_HOME_HOME_FIXTURE_H
#define PO_TESTS_UNIT_HOME_HOME_FIXTURE_H

#include "core/fs.h"
#include "home/home.h"
#include "lib/test.h"

#include <stdlib.h>

static inline const char *home_root(void) { return test_tmp("home"); }

static inline void home_environment(void)
{
    check_eq_int(setenv("XDG_STATE_HOME", test_tmp("state"), 1), 0);
}

/* Made, closed: its first checkpoint is signed. */
static inline void home_make(struct po_ctx *cx)
{
    PO_HOME_AUTO *home = NULL;
    home_environment();
    check_ok(cx, po_home_init(cx, home_root(), &home));
    check_ok(cx, po_home_close(cx, &home));
}

static inline struct po_home *home_open(struct po_ctx *cx, enum po_home_mode mode)
{
    struct po_home *home = NULL;
    check_ok(cx, po_home_open(cx, home_root(), mode, &home));
    return home;
}

static inline struct po_event home_event(void)
{
    return (struct po_event){.type = PO_EVENT_TYPE_DATA_READ,
                             .resource = PO_LIT("test:thing"),
                             .action = PO_LIT("read"),
                             .result = PO_EVENT_SUCCESS};
}

#endif

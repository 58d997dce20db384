/*
 * Inside the drill of the API: who asks, what is asked about, the requests that are written, and what
 * became of them.
 */
#ifndef PO_API_DRILL_PRIV_H
#define PO_API_DRILL_PRIV_H

#include "api/api_priv.h"
#include "assess/assess.h"
#include "core/clock.h"

enum po_api_drill_who {
    PO_API_DRILL_OWNER,
    PO_API_DRILL_ADMIN,
    PO_API_DRILL_OPERATOR,
    PO_API_DRILL_AUDITOR,
    PO_API_DRILL_MEMBER,
    PO_API_DRILL_VIEWER,
    PO_API_DRILL_PEOPLE,
    PO_API_DRILL_NOBODY,
    PO_API_DRILL_UNKNOWN /* a cookie that holds nothing */
};

struct po_api_drill_person {
    char id[PO_ID_BYTES];
    char session[PO_ID_BYTES];
    char cookie[128];
};

/* What a request is about; made anew for each. */
struct po_api_drill_subject {
    char user[PO_ID_BYTES];
    char session[PO_ID_BYTES];
    char token[PO_ID_BYTES];
    char email[64]; /* nobody's yet */
    char run[32];
    char report[80];
    char vkey[256];
    char key[128]; /* its name */
};

/* Ways in which an input is none; GOOD is one that is. */
enum po_api_drill_input {
    PO_API_INPUT_GOOD,
    PO_API_INPUT_UNKNOWN_QUERY,
    PO_API_INPUT_SECRET_QUERY,
    PO_API_INPUT_BAD_QUERY,
    PO_API_INPUT_BAD_PATH,
    PO_API_INPUT_NOT_JSON,
    PO_API_INPUT_UNKNOWN_MEMBER,
    PO_API_INPUT_MISSING,
    PO_API_INPUT_TWICE,
    PO_API_INPUT_WRONG_TYPE,
    PO_API_INPUT_CONTROL,
    PO_API_INPUT_TOO_LONG,
    PO_API_INPUT_TOO_LARGE,
    PO_API_INPUT_NO_TYPE,
    PO_API_INPUT_OUTSIDE, /* a path that leads out of its directory */
    PO_API_INPUT_COUNT
};
#define PO_API_DRILL_PATHS 8 /* variants of OUTSIDE */

struct po_api_drill_written {
    const char *path;
    const char *query;
    const char *body;
};
struct po_api_drill_wish {
    const struct po_api_route *route;
    const struct po_api_drill_subject *subject;
    enum po_api_drill_input input;
    size_t variant;
};
/* A request of the route. *ret_is_possible: whether this route can be asked in that way at all. */
PO_RC po_api_drill_write(struct po_ctx *cx, const struct po_api_drill_wish *wish,
                         struct po_api_drill_written *ret_written, bool *ret_is_possible);

#define PO_API_DRILL_OWED_MAX PO_API_KEPT_MAX
struct po_api_drill_asked {
    struct po_api_obligation *owed;
    size_t count;
    size_t missing; /* asked, and no obligation was kept */
};
struct po_api_drill {
    struct po_home *home;
    struct po_api *api;
    struct po_clock_fake clock;
    const char *dir;
    struct po_api_drill_person people[PO_API_DRILL_PEOPLE];
    struct po_api_drill_subject subject;
    struct po_api_drill_subject foreign;
    po_time_us sessions_us; /* when sessions were made */
    unsigned serial;
    bool is_spent;     /* a request may have changed the subject */
    unsigned prepared; /* bits: which lasting preparations were made */
    struct po_api_drill_asked matrix;
    struct po_api_drill_asked canaries;
    unsigned tried[PO_API_INPUT_COUNT];
    unsigned refused[PO_API_INPUT_COUNT]; /* with a typed error */
    unsigned accepted[PO_API_INPUT_COUNT];
    unsigned strangers;        /* asked without a credential that holds */
    unsigned strangers_served; /* of those not turned away */
    bool reads_inside;         /* a program that stands where it may was checked */
};

/* Do all of it in `dir`: keys go where XDG_STATE_HOME says, which must be below `dir`. */
PO_RC po_api_drill_in(struct po_ctx *cx, const char *dir, struct po_json_out *out);

/* drill_people.c: tenants, people, subjects. */
PO_RC po_api_drill_people(struct po_ctx *cx, struct po_api_drill *drill);
PO_RC po_api_drill_sessions(struct po_ctx *cx, struct po_api_drill *drill);
PO_RC po_api_drill_subject_make(struct po_ctx *cx, struct po_api_drill *drill);
#define PO_API_DRILL_PASSWORD "a canary sings in nine keys"
#define PO_API_DRILL_EMAIL "signs.in@drill.invalid"

#endif

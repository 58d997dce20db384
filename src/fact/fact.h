/*
 * The registry of facts: what the product can read about this machine and this instance.
 *
 * A fact is a function without side effects that writes one JSON value. It never creates what it
 * looks at (law 6), answers "absent" as data, and fails only when it could not look. Checks are pure
 * predicates over facts; a run record names each fact it used with the SHA-256 of its canonical JSON.
 * Within one assessment each fact is read once, so all checks see one snapshot.
 *
 * Limits   PO_FACT_BYTES_MAX of JSON a fact, PO_FACT_ROWS_MAX rows in a list
 */
#ifndef PO_FACT_FACT_H
#define PO_FACT_FACT_H

#include "core/ctx.h"
#include "core/json.h"

#define PO_FACT_BYTES_MAX ((size_t)1 << 20)
#define PO_FACT_ROWS_MAX 10000

struct po_home;
struct po_fact_set;

/* How long it may take: decides what runs in which schedule. */
enum po_fact_cost { PO_FACT_CHEAP, PO_FACT_SCAN, PO_FACT_DRILL };

/* Whose it is: the same for every tenant, or from the events, keys and reports of one. */
enum po_fact_scope { PO_FACT_INSTANCE, PO_FACT_TENANT };

/*
 * This process is itself a drill: facts that cost one are PO_UNAVAILABLE from now on. An assessment that a
 * drill asks of its own instance would otherwise start every drill again.
 */
void po_fact_drills_refuse(void);
bool po_fact_drills_are_refused(void);

struct po_fact {
    const char *name;       /* "home.tree", dotted, append-only */
    const char *type;       /* Script type of the value, e.g. "{exists: bool, mode: int}" */
    const char *capability; /* what a program must be granted to read it, e.g. "home.read" */
    enum po_fact_cost cost;
    enum po_fact_scope scope;
    PO_RC (*read)(struct po_ctx *cx, struct po_fact_set *set, struct po_json_out *out);
    const char *doc; /* one sentence: source and meaning, units */
};

/* All facts, sorted by name. */
const struct po_fact *po_fact_table(size_t *ret_count);
const struct po_fact *po_fact_find(po_str name); /* NULL when unknown */

/*
 * A snapshot: facts are read at first use and kept in cx's arena. Borrows home; without one (NULL)
 * only facts of the program and the machine can be read.
 */
PO_RC po_fact_set_new(struct po_ctx *cx, struct po_home *home, struct po_fact_set **ret_set);
/*
 * Facts of the instance (the machine, the service, files, drills) are the same for every tenant. A set made
 * while cx->tenant is another than the default tenant reads them as the default tenant, in a set of their
 * own; with po_fact_set_share in one that others read from, too, so that each is read once.
 */
bool po_fact_is_of_instance(po_str name);
/*
 * A set of facts of the instance that outlives the requests it is read for: `own` is a context of its own,
 * of the default tenant; borrowed, as long as the set lives.
 */
PO_RC po_fact_set_new_shared(struct po_ctx *own, struct po_home *home,
                             struct po_fact_set **ret_set);
void po_fact_set_share(struct po_fact_set *set, struct po_fact_set *instance);
/*
 * Where facts of the instance are read for this set, and with what: the set itself and cx in the default
 * tenant. What it read is given back as it was with po_fact_instance_leave.
 */
struct po_fact_instance {
    struct po_ctx *cx;
    struct po_fact_set *set;
    po_tenant_id before;
};
PO_RC po_fact_instance_enter(struct po_ctx *cx, struct po_fact_set *set,
                             struct po_fact_instance *ret_instance);
po_rc po_fact_instance_leave(struct po_ctx *cx, struct po_fact_instance *instance, po_rc rc);

struct po_home *po_fact_set_home(struct po_fact_set *set);
po_time_us po_fact_set_now_us(const struct po_fact_set *set);

struct po_fact_value {
    const struct po_json *json; /* the value */
    uint8_t digest[32];         /* SHA-256 of its canonical JSON */
    po_time_us read_at_us;
};
/*
 * The fact's value in this snapshot.
 *
 * Errors   PO_NOTFOUND unknown name;  otherwise what the read met: the check's state is then `error`
 */
PO_RC po_fact_get(struct po_ctx *cx, struct po_fact_set *set, const char *name,
                  const struct po_fact_value **ret_value);

/*
 * What a child of a drill does; main.c comes here with `--role=NAME` and the arguments after it.
 * Returns the process's exit code; 64 for a role that is none of ours.
 */
int po_drill_role_run(const char *role, int argc, char **argv);

/*
 * Give the snapshot a value that only an upper layer can make ("health.results"); it is then read as
 * any other. At most PO_FACT_PROVIDED_MAX.
 *
 * Errors   PO_EXISTS  a fact of that name is there already;  PO_INVALID  no JSON;  PO_LIMIT
 */
#define PO_FACT_PROVIDED_MAX 32
PO_RC po_fact_provide(struct po_ctx *cx, struct po_fact_set *set, const char *name, po_str json);

#endif

/*
 * Values of facts by their types: complete ones from what a test names, and changed ones at random.
 */
#ifndef PO_TESTS_UNIT_ASSESS_FACT_VALUE_H
#define PO_TESTS_UNIT_ASSESS_FACT_VALUE_H

#include "core/buf.h"
#include "core/json.h"

struct fact_change {
    uint64_t random;  /* state of the generator */
    unsigned percent; /* how many of the scalars change; 0: none */
    unsigned repeat;  /* each element of a list so many times; 0 and 1: once */
    bool is_short;    /* leave out what is 0, false, "", null or [] */
    po_time_us now_us;
};
/* The type of a fact, of the registry or of an upper layer; fails the case when there is none. */
const char *fact_type_of(const char *name);
/* A value of `type`: `given` where it says something (may be NULL), else nothing of each type. */
void fact_value_put(struct fact_change *change, const char *type, const struct po_json *given,
                    struct po_buf *out);
/* "{...}" as a complete value of the fact; in the arena. */
po_str fact_value(struct po_ctx *cx, const char *name, const struct po_json *given);
uint64_t fact_random(struct fact_change *change, uint64_t below);

#endif

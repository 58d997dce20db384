/*
 * The snapshot of facts: each is read once, kept as parsed JSON with the digest of its canonical
 * form.
 *
 * Invariants
 *  1. A fact is read at most once per set; a failed read is remembered and answered again the same.
 *  2. A value larger than PO_FACT_BYTES_MAX, or not JSON, is a failed read, never a cut value.
 *  3. Reading changes nothing in the home (law 6); tests compare the tree before and after.
 *
 * Threads  the owner of the context
 */
#include "fact_priv.h"

#include "crypto/crypto.h"

static const char out_of_memory[] = "out of memory";

/* Of this process; set once, at the start of a drill's child. */
static bool is_drill;

void po_fact_drills_refuse(void) { is_drill = true; }

bool po_fact_drills_are_refused(void) { return is_drill; }

/* Index in the table, or SIZE_MAX. */
static size_t find_index(po_str name)
{
    size_t count = 0;
    const struct po_fact *table = po_fact_table(&count);
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = po_str_cmp(po_str_of(table[middle].name), name);
        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

const struct po_fact *po_fact_find(po_str name)
{
    size_t count = 0;
    const struct po_fact *table = po_fact_table(&count);
    size_t i = find_index(name);
    return i == SIZE_MAX ? NULL : &table[i];
}

PO_RC po_fact_set_new_at(struct po_ctx *cx, struct po_home *home,
                         const struct po_fact_places *places, struct po_fact_set **ret_set)
{
    size_t count = 0;
    (void)po_fact_table(&count);
    PO_INVARIANT(cx, count <= PO_FACT_COUNT_MAX);
    struct po_fact_set *set = NULL;
    PO_ARENA_NEW(cx, set, 1);
    set->home = home;
    set->places = *places;
    set->now_us = po_ctx_now_us(cx);
    set->tenant = cx->tenant;
    *ret_set = set;
    return po_rc_ok();
}

PO_RC po_fact_set_new(struct po_ctx *cx, struct po_home *home, struct po_fact_set **ret_set)
{
    struct po_fact_places places = {0};
    PO_TRY(cx, po_fact_places_find(cx, home, &places));
    return po_fact_set_new_at(cx, home, &places, ret_set);
}

/* ---- facts of the instance --------------------------------------------------------------------- */

bool po_fact_is_of_instance(po_str name)
{
    const struct po_fact *fact = po_fact_find(name);
    return fact == NULL || fact->scope == PO_FACT_INSTANCE;
}

PO_RC po_fact_set_new_shared(struct po_ctx *own, struct po_home *home, struct po_fact_set **ret_set)
{
    struct po_fact_set *set = NULL;
    PO_INVARIANT(own, own->tenant.value == PO_TENANT_DEFAULT.value);
    PO_TRY(own, po_fact_set_new(own, home, &set));
    set->own = own;
    *ret_set = set;
    return po_rc_ok();
}

void po_fact_set_share(struct po_fact_set *set, struct po_fact_set *instance)
{
    set->instance = instance;
}

PO_RC po_fact_instance_enter(struct po_ctx *cx, struct po_fact_set *set,
                             struct po_fact_instance *ret_instance)
{
    struct po_fact_instance instance = {.cx = cx, .set = set, .before = cx->tenant};
    bool is_elsewhere = set->tenant.value != PO_TENANT_DEFAULT.value;
    if (is_elsewhere && set->instance == NULL) {
        cx->tenant = PO_TENANT_DEFAULT;
        po_rc rc = po_fact_set_new_at(cx, set->home, &set->places, &set->instance);
        cx->tenant = instance.before;
        PO_TRY(cx, rc);
        set->instance->ledger = set->ledger;
        set->instance->store = set->store;
        set->instance->keyring = set->keyring;
        set->instance->now_us = set->now_us;
    }
    if (set->instance != NULL) instance.set = set->instance;
    if (instance.set->own != NULL) instance.cx = instance.set->own;
    if (instance.cx == cx && is_elsewhere) cx->tenant = PO_TENANT_DEFAULT;
    *ret_instance = instance;
    return po_rc_ok();
}

po_rc po_fact_instance_leave(struct po_ctx *cx, struct po_fact_instance *instance, po_rc rc)
{
    if (instance->cx == cx) {
        cx->tenant = instance->before;
        return rc;
    }
    if (!po_is_ok(rc)) cx->err = instance->cx->err;
    po_err_clear(instance->cx);
    return rc;
}

struct po_home *po_fact_set_home(struct po_fact_set *set) { return set->home; }

po_time_us po_fact_set_now_us(const struct po_fact_set *set) { return set->now_us; }

/* The reader's JSON as an arena copy. */
static PO_RC run_reader(struct po_ctx *cx, struct po_fact_set *set, const struct po_fact *fact,
                        po_str *ret_text)
{
    PO_BUF_AUTO buf = {0};
    po_buf_init(&buf, PO_FACT_BYTES_MAX);
    struct po_json_out out = {0};
    po_json_out_init(&out, &buf, 0);
    PO_TRY_MSG(cx, fact->read(cx, set, &out), "fact '%s'", fact->name);
    PO_TRY_LEAF(cx, po_buf_check(&buf), "fact '%s' is larger than %zu bytes", fact->name,
                PO_FACT_BYTES_MAX);
    return po_arena_copy(cx->arena, po_buf_str(&buf), ret_text);
}

static PO_RC digest_canonical(struct po_ctx *cx, const struct po_json *json,
                              uint8_t ret_digest[static 32])
{
    PO_BUF_AUTO canonical = {0};
    po_buf_init(&canonical, 2 * PO_FACT_BYTES_MAX);
    PO_TRY(cx, po_json_canonical(cx, json, &canonical));
    PO_TRY_LEAF(cx, po_sha256(po_buf_str(&canonical), ret_digest), "digest of a fact");
    return po_rc_ok();
}

/* Facts of the machine and of the program can be read without an instance. */
static bool needs_no_home(const struct po_fact *fact)
{
    return strcmp(fact->capability, "machine.read") == 0 ||
           strcmp(fact->capability, "build.read") == 0;
}

static PO_RC read_value(struct po_ctx *cx, struct po_fact_set *set, const struct po_fact *fact,
                        struct po_fact_value *ret_value)
{
    po_str text = {0};
    if (set->places.root == NULL && !needs_no_home(fact))
        return PO_FAIL(cx, PO_UNAVAILABLE, "fact '%s' needs a home", fact->name);
    if (fact->cost == PO_FACT_DRILL && is_drill)
        return PO_FAIL(cx, PO_UNAVAILABLE, "fact '%s': a drill starts no other", fact->name);
    PO_TRY(cx, run_reader(cx, set, fact, &text));
    struct po_json *json = NULL;
    PO_TRY_MSG(cx, po_json_parse(cx, text, PO_JSON_STRICT, &json), "fact '%s'", fact->name);
    struct po_fact_value value = {.json = json, .read_at_us = po_ctx_now_us(cx)};
    PO_TRY(cx, digest_canonical(cx, json, value.digest));
    *ret_value = value;
    return po_rc_ok();
}

static const struct po_fact_value *find_provided(const struct po_fact_set *set, const char *name)
{
    for (size_t i = 0; i < set->provided_count; i++)
        if (strcmp(set->provided[i].name, name) == 0) return &set->provided[i].value;
    return NULL;
}

PO_RC po_fact_provide(struct po_ctx *cx, struct po_fact_set *set, const char *name, po_str json)
{
    if (find_index(po_str_of(name)) != SIZE_MAX || find_provided(set, name) != NULL)
        return PO_FAIL(cx, PO_EXISTS, "there is a fact '%s' already", name);
    if (set->provided_count == PO_FACT_PROVIDED_MAX || json.len > PO_FACT_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "fact '%s' is one too many or too large", name);
    po_str text = {0};
    struct po_json *root = NULL;
    PO_TRY(cx, po_arena_copy(cx->arena, json, &text));
    PO_TRY_MSG(cx, po_json_parse(cx, text, PO_JSON_STRICT, &root), "fact '%s'", name);
    struct po_fact_value value = {.json = root, .read_at_us = po_ctx_now_us(cx)};
    PO_TRY(cx, digest_canonical(cx, root, value.digest));
    set->provided[set->provided_count].name = name;
    set->provided[set->provided_count++].value = value;
    return po_rc_ok();
}

static PO_RC get_here(struct po_ctx *cx, struct po_fact_set *set, const char *name,
                      const struct po_fact_value **ret_value)
{
    size_t i = find_index(po_str_of(name));
    const struct po_fact_value *provided = find_provided(set, name);
    if (provided != NULL) {
        *ret_value = provided;
        return po_rc_ok();
    }
    if (i == SIZE_MAX) return PO_FAIL(cx, PO_NOTFOUND, "there is no fact '%s'", name);
    size_t count = 0;
    const struct po_fact *fact = &po_fact_table(&count)[i];
    struct po_fact_slot *slot = &set->slots[i];
    if (!slot->is_read) {
        po_rc rc = read_value(cx, set, fact, &slot->value);
        slot->is_read = true;
        slot->code = rc.code;
        if (!po_is_ok(rc)) {
            slot->why = po_arena_strdup(cx->arena, po_str_of(po_err_msg(cx)));
            if (slot->why == NULL) slot->why = out_of_memory;
            return rc;
        }
    }
    if (slot->code != PO_OK) return PO_FAIL(cx, slot->code, "%s", slot->why);
    *ret_value = &slot->value;
    return po_rc_ok();
}

/* A value that an upper layer gave to this set is this set's. */
PO_RC po_fact_get(struct po_ctx *cx, struct po_fact_set *set, const char *name,
                  const struct po_fact_value **ret_value)
{
    struct po_fact_instance instance;
    bool is_here = set->instance == NULL && set->tenant.value == PO_TENANT_DEFAULT.value;
    if (is_here || !po_fact_is_of_instance(po_str_of(name)) || find_provided(set, name) != NULL)
        return get_here(cx, set, name, ret_value);
    PO_TRY(cx, po_fact_instance_enter(cx, set, &instance));
    return po_fact_instance_leave(cx, &instance,
                                  get_here(instance.cx, instance.set, name, ret_value));
}

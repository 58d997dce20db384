/*
 * Grants and trusted keys as the ledger's events give them, against those in the store: a row that was
 * put in, taken out or taken back behind the program's back shows.
 */
#include "grant/grant.h"

#include "core/codec.h"
#include "store/store.h"

#define ENTRIES_MAX 20000

/* What is known of one program or key. */
struct entry {
    po_str key;        /* digest in hex, or "key:<name>" */
    int64_t in_ledger; /* grants less revocations; 1 for a key that was set last */
    int64_t in_store;
    po_str ledger_vkey;
    po_str store_vkey;
    bool is_settled; /* of a key: its newest event was seen */
};
struct journal {
    struct po_ctx *cx; /* whose arena keeps what is found */
    struct entry *at;
    size_t count;
};

static PO_RC entry_of(struct journal *journal, po_str key, struct entry **ret_entry)
{
    struct po_ctx *cx = journal->cx;
    for (size_t i = 0; i < journal->count; i++) {
        if (!po_str_eq(journal->at[i].key, key)) continue;
        *ret_entry = &journal->at[i];
        return po_rc_ok();
    }
    if (journal->count == ENTRIES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "more than %d programs and keys", ENTRIES_MAX);
    struct entry *slot = &journal->at[journal->count];
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, key, &slot->key), "out of request memory");
    journal->count++;
    *ret_entry = slot;
    return po_rc_ok();
}

static po_str detail_str(const struct po_home_event *event, const char *name)
{
    const struct po_json *value = po_json_get(po_json_get(event->view.json, "detail"), name);
    return value != NULL && value->type == PO_JSON_STR ? value->str : PO_LIT("");
}

/* The walk's own context only carries the error. */
static PO_RC find(struct po_ctx *step, struct journal *journal, po_str key,
                  struct entry **ret_entry)
{
    *ret_entry = NULL;
    PO_TRY_LEAF(step, entry_of(journal, key, ret_entry), "reading the events of programs");
    return po_rc_ok();
}

static po_rc take_grant(struct po_ctx *step, void *user, const struct po_home_event *event,
                        bool *ret_stop)
{
    struct entry *entry = NULL;
    (void)ret_stop;
    PO_TRY(step, find(step, user, detail_str(event, "program_sha256"), &entry));
    entry->in_ledger += event->record.event_type == PO_EVENT_TYPE_PROGRAM_GRANTED ? 1 : -1;
    return po_rc_ok();
}

static po_rc take_key(struct po_ctx *step, void *user, const struct po_home_event *event,
                      bool *ret_stop)
{
    struct journal *journal = user;
    struct entry *entry = NULL;
    (void)ret_stop;
    PO_TRY(step, find(step, journal, event->view.resource, &entry));
    if (entry->is_settled) return po_rc_ok(); /* newest first */
    po_str vkey = detail_str(event, "vkey");
    entry->is_settled = true;
    entry->in_ledger = vkey.len > 0 ? 1 : 0;
    PO_TRY_LEAF(step, po_arena_copy(journal->cx->arena, vkey, &entry->ledger_vkey),
                "out of request memory");
    return po_rc_ok();
}

static PO_RC read_ledger(struct po_ctx *cx, struct po_home *home, uint64_t size,
                         struct journal *journal)
{
    static const struct {
        enum po_event_type type;
        po_home_visit *visit;
    } walks[] = {{PO_EVENT_TYPE_PROGRAM_GRANTED, take_grant},
                 {PO_EVENT_TYPE_PROGRAM_REVOKED, take_grant},
                 {PO_EVENT_TYPE_TRUST_CHANGED, take_key}};
    for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
        const struct po_home_walk walk = {
            .type = walks[i].type, .size = size, .visit = walks[i].visit, .user = journal};
        if (size > 0) PO_TRY(cx, po_home_walk_back(cx, home, &walk));
    }
    return po_rc_ok();
}

static PO_RC read_store(struct po_ctx *cx, struct po_home *home, struct journal *journal)
{
    struct po_store_grant *grants = NULL;
    struct po_store_trust_key *keys = NULL;
    size_t count = 0;
    PO_TRY(cx, po_store_grant_list(cx, po_home_store(home), &grants, &count));
    for (size_t i = 0; i < count; i++) {
        char hex[2 * PO_SHA256_BYTES + 1];
        struct entry *entry = NULL;
        po_hex_encode(grants[i].digest, PO_SHA256_BYTES, hex);
        PO_TRY(cx, entry_of(journal, po_str_of(hex), &entry));
        entry->in_store += grants[i].revoked_us == 0 ? 1 : 0;
    }
    PO_TRY(cx, po_store_trust_list(cx, po_home_store(home), &keys, &count));
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = NULL;
        const char *name = po_arena_printf(cx->arena, "key:%.*s", PO_STR_ARG(keys[i].name));
        if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, entry_of(journal, po_str_of(name), &entry));
        entry->in_store = 1;
        entry->store_vkey = keys[i].vkey;
    }
    return po_rc_ok();
}

PO_RC po_grant_journal(struct po_ctx *cx, struct po_home *home, uint64_t size, int64_t *ret_values,
                       int64_t *ret_equal)
{
    struct journal journal = {.cx = cx};
    int64_t equal = 0;
    PO_ARENA_NEW(cx, journal.at, ENTRIES_MAX);
    PO_TRY(cx, read_ledger(cx, home, size, &journal));
    PO_TRY(cx, read_store(cx, home, &journal));
    for (size_t i = 0; i < journal.count; i++) {
        const struct entry *entry = &journal.at[i];
        equal +=
            entry->in_ledger == entry->in_store && po_str_eq(entry->ledger_vkey, entry->store_vkey);
    }
    *ret_values = (int64_t)journal.count;
    *ret_equal = equal;
    return po_rc_ok();
}

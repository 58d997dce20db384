/*
 * Two walks over the ledger that several facts share, each made once per set.
 *
 *  records  the 116-byte records of the newest PO_FACT_RECORDS_MAX leaves: counts, times, sequence
 *  events   the newest PO_FACT_EVENTS_MAX leaves opened and parsed: shape, runs, intents
 *
 * Leaves of this very command are told apart by its session where a fact must not count its own
 * traces (law 6).
 */
#ifndef PO_FACT_FACT_PASS_PRIV_H
#define PO_FACT_FACT_PASS_PRIV_H

#include "fact_priv.h"

#include "core/map.h"
#include "ledger/ledger.h"

#define PO_FACT_RECORDS_MAX ((uint64_t)8000000)
#define PO_FACT_EVENTS_MAX ((uint64_t)10000)
#define PO_FACT_TENANTS_MAX 64
#define PO_FACT_TYPES_MAX 1024
#define PO_FACT_EPOCHS_MAX 256
#define PO_FACT_RETENTIONS 5 /* by enum po_retention; 0 is unused */
#define PO_FACT_CLAUSES_MAX 4096
#define PO_FACT_INTENTS_MAX 4096
#define PO_FACT_SESSIONS_MAX 4096

/* Minutes of the last 366 days in which the service gave a sign of life (fact_service.c). */
#define PO_FACT_MINUTES_MAX ((int64_t)366 * 24 * 60)
#define PO_FACT_SIGN_GAP_US (90 * PO_US_PER_S)
struct po_fact_minutes {
    po_time_us now_us;
    int64_t base; /* the minute of the first bit, since 1970 */
    uint64_t *up; /* one bit a minute */
    uint64_t signs;
    po_time_us last_us;
};
PO_RC po_fact_minutes_init(struct po_ctx *cx, po_time_us now_us,
                           struct po_fact_minutes *ret_minutes);
void po_fact_minutes_sign(struct po_fact_minutes *minutes, po_time_us at_us);

/* Processes of the service that ended by themselves, and whether the service was back soon. */
struct po_fact_crashes {
    uint64_t count;
    uint64_t back;
    uint64_t open; /* without a sign of life since */
    po_time_us open_us;
};
void po_fact_crash_add(struct po_fact_crashes *crashes, po_time_us at_us);
void po_fact_crash_sign(struct po_fact_crashes *crashes, po_time_us at_us);

#define PO_FACT_ENDPOINT_AGE_S_MAX ((int64_t)366 * 24 * 3600)
/* What the newest heartbeat says of the service's own endpoint. */
struct po_fact_endpoint {
    bool is_asked;
    int64_t status; /* 0: no answer */
    int64_t took_ms;
    po_time_us asked_us;
};

/* The jobs an instance declares (schedule/ renders their units; a running service starts them). */
#define PO_FACT_JOB_ASSESS "paulyops-assess"
#define PO_FACT_JOB_NIGHTLY "paulyops-nightly"

struct po_fact_tenant {
    uint64_t pseudonym;
    uint64_t first_seq;
    uint64_t last_seq;
    uint64_t count;
    uint8_t epoch; /* newest it sealed with */
};
struct po_fact_type_count {
    uint64_t count;
    uint64_t failed; /* result not success */
    po_time_us newest_us;
    uint64_t newest_leaf;
};
struct po_fact_retention {
    uint64_t count;
    po_time_us oldest_us;
    po_time_us newest_us;
};
struct po_fact_records {
    uint64_t size;
    uint64_t from;
    po_time_us first_us; /* of leaf 0 */
    po_time_us newest_us;
    uint64_t events;
    uint64_t foreign; /* other tenants' */
    uint64_t gap_records;
    uint64_t tombstones; /* payload purged, key destroyed */
    uint64_t clock_back;
    uint64_t time_back;
    uint64_t missing;  /* sequence numbers skipped */
    uint64_t repeated; /* sequence numbers seen again or out of order */
    struct po_fact_tenant tenants[PO_FACT_TENANTS_MAX];
    size_t tenant_count;
    bool is_tenants_full;
    struct po_fact_type_count types[PO_FACT_TYPES_MAX];
    uint64_t unknown_types;
    uint64_t sealed_by_retired;          /* by an older key epoch than one used before */
    uint64_t epochs[PO_FACT_EPOCHS_MAX]; /* leaves sealed under each key epoch */
    struct po_fact_retention retentions[PO_FACT_RETENTIONS];
    struct po_fact_minutes minutes;
};

/*
 * How the set's tenant is named in records: the walks count its leaves alone. 0 without keys: then nobody's
 * can be told apart, and nothing of them be opened.
 */
PO_RC po_fact_pseudonym(struct po_ctx *cx, struct po_fact_set *set, struct po_ledger *ledger,
                        uint64_t *ret_pseudonym);
static inline bool po_fact_is_foreign(uint64_t pseudonym, const struct po_record *record)
{
    return pseudonym != 0 && record->kind == PO_RECORD_EVENT && record->tenant != pseudonym;
}

struct po_fact_run {
    uint64_t leaf;
    po_time_us received_us;
    const char *state;
    const char *event_id;
};
struct po_fact_intent {
    const char *id;
    const char *action;
    const char *resource;
    const char *result; /* NULL while open; "abandoned" after a crash */
    po_time_us opened_us;
    po_time_us ended_us;
    bool is_opening_seen;
};
/* What a report.created event says of its file. */
struct po_fact_report {
    uint64_t leaf;
    po_time_us received_us;
    uint64_t as_of_size;
    uint8_t as_of_root[PO_SHA256_BYTES];
    uint8_t body[PO_SHA256_BYTES];
    bool has_body;
    bool has_as_of;
};
struct po_fact_session {
    po_time_us first_us;
    po_time_us last_us;
    uint64_t runs;
    bool is_own;
};
struct po_fact_events {
    uint64_t pseudonym; /* whose: others' leaves are passed over; 0: not known without keys */
    uint64_t from;
    uint64_t to; /* exclusive */
    uint64_t checked;
    uint64_t valid;
    uint64_t opened;
    uint64_t refused; /* would not open or contradicted its leaf */
    uint64_t no_key;
    uint64_t foreign; /* another tenant's */
    uint64_t first_bad_leaf;
    const char *first_bad_why;  /* NULL: none */
    struct po_map *runs;        /* clause id -> newest struct po_fact_run */
    struct po_map *intents;     /* intent id -> struct po_fact_intent */
    struct po_map *sessions;    /* session -> struct po_fact_session, those with runs */
    po_time_us timer_assess_us; /* newest assessment, report made by a timer; not this session's */
    po_time_us timer_report_us;
    uint64_t changes; /* of configuration and flags */
    uint64_t changes_with_actor;
    uint64_t changes_with_values; /* old and new */
    uint64_t changes_with_reason;
    struct po_map *reports;   /* event id -> struct po_fact_report */
    bool is_cut;              /* one of the maps was full */
    po_time_us last_other_us; /* newest event of another session; 0: none in the window */
    uint64_t own;             /* events of this session */
    const char *last_other_session;
    struct po_fact_crashes crashes;
    struct po_fact_endpoint endpoint;
};

/* What one opened event is looked at with. */
struct po_fact_event_walk {
    struct po_ctx *cx; /* what is kept goes into its arena */
    struct po_fact_events *events;
    const struct po_event_view *view;
    po_time_us received_us;
    uint64_t leaf;
};
/* Keep what later facts need of this event. */
PO_RC po_fact_event_add(struct po_fact_event_walk *walk, uint16_t type);
/* Copy text into cx's arena. */
PO_RC po_fact_keep(struct po_ctx *cx, po_str text, const char **ret_text);

/* PO_UNAVAILABLE without a home. */
PO_RC po_fact_ledger(struct po_ctx *cx, struct po_fact_set *set, struct po_ledger **ret_ledger);
struct po_store;
struct po_keyring;
PO_RC po_fact_store(struct po_ctx *cx, struct po_fact_set *set, struct po_store **ret_store);
PO_RC po_fact_keyring(struct po_ctx *cx, struct po_fact_set *set, struct po_keyring **ret_keyring);
PO_RC po_fact_records_get(struct po_ctx *cx, struct po_fact_set *set,
                          const struct po_fact_records **ret_records);
PO_RC po_fact_events_get(struct po_ctx *cx, struct po_fact_set *set,
                         const struct po_fact_events **ret_events);

/*
 * A context of its own for one batch of work whose memory is not to stay: same clock, tenant and
 * session. Its error is handed on with po_fact_scratch_fail.
 */
PO_RC po_fact_scratch_init(const struct po_ctx *cx, struct po_ctx *scratch);
PO_RC po_fact_scratch_end(struct po_ctx *cx, const struct po_ctx *scratch, po_rc rc);

#endif

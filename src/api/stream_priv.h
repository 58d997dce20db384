/*
 * One open stream: who listens, from where, to what.
 */
#ifndef PO_API_STREAM_PRIV_H
#define PO_API_STREAM_PRIV_H

#include "api/api_priv.h"

enum po_api_topic {
    PO_API_TOPIC_EVENT,
    PO_API_TOPIC_CONTROL,
    PO_API_TOPIC_HEALTH,
    PO_API_TOPIC_JOB,
    PO_API_TOPIC_COUNT,
    PO_API_TOPIC_ALL
};

struct po_api_stream {
    uint64_t id; /* 0: free */
    enum po_api_topic topic;
    char type[64];      /* "" for all; a prefix ends in '.' */
    uint64_t next_leaf; /* the first it has not seen */
    po_tenant_id tenant;
    char actor[PO_ACTOR_BYTES_MAX];
    char session[PO_SESSION_BYTES_MAX];
    char ip[PO_IP_BYTES_MAX];
};
const char *po_api_topic_name(enum po_api_topic topic);

#endif

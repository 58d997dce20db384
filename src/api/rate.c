/*
 * How much one caller may ask: a bucket for each class of routes and caller (an actor, or an address
 * before anybody is known). The table has a fixed size: when the eight places
 * of a new caller are taken, it gets that of the one not seen for longest.
 */
#include "api/api_priv.h"
#include "core/alloc.h"
#include "core/random.h"

#define BUCKETS 4096
#define PROBES 8
#define PARTS 1000 /* of one request */

struct bucket {
    uint64_t key; /* 0: free */
    po_time_us at_us;
    int64_t level; /* in parts */
};

struct po_api_rates {
    uint64_t seed;
    struct bucket buckets[BUCKETS];
};

static const struct {
    const char *name;
    int64_t burst;
    int64_t per_minute;
} classes[] = {
#define X(id, name, burst, per_minute) {name, burst, per_minute},
    PO_API_RATE_TABLE(X)
#undef X
};

const char *po_api_rate_name(enum po_api_rate rate) { return classes[rate].name; }

struct po_api_rates *po_api_rates_new(void)
{
    struct po_api_rates *rates = po_calloc(1, sizeof *rates);
    if (rates == NULL) return NULL;
    if (po_is_ok(po_random_fill(&rates->seed, sizeof rates->seed))) return rates;
    po_free(rates);
    return NULL;
}

void po_api_rates_free(struct po_api_rates *rates) { po_free(rates); }

static uint64_t key_of(const struct po_api_rates *rates, enum po_api_rate rate, po_str who)
{
    uint64_t hash = rates->seed ^ 0xcbf29ce484222325U ^ (uint64_t)rate;
    for (size_t i = 0; i < who.len; i++)
        hash = (hash ^ (uint8_t)who.ptr[i]) * 0x100000001b3U;
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9U;
    hash ^= hash >> 32;
    return hash == 0 ? 1 : hash;
}

static int64_t level_now(const struct bucket *bucket, enum po_api_rate rate, po_time_us now_us)
{
    int64_t full = classes[rate].burst * PARTS;
    int64_t passed_ms = (now_us - bucket->at_us) / PO_US_PER_MS;
    if (passed_ms < 0) return bucket->level;
    if (passed_ms > 86400000) return full;
    int64_t level = bucket->level + passed_ms * classes[rate].per_minute * PARTS / 60000;
    return level < full ? level : full;
}

static struct bucket *find(struct po_api_rates *rates, uint64_t key, bool *ret_is_new)
{
    struct bucket *oldest = NULL;
    *ret_is_new = false;
    for (size_t i = 0; i < PROBES; i++) {
        struct bucket *bucket = &rates->buckets[(key + i) % BUCKETS];
        if (bucket->key == key) return bucket;
        if (oldest == NULL || bucket->key == 0 ||
            (oldest->key != 0 && bucket->at_us < oldest->at_us))
            oldest = bucket;
    }
    *ret_is_new = true;
    return oldest;
}

uint32_t po_api_rate_take(struct po_api_rates *rates, enum po_api_rate rate, po_str who,
                          po_time_us now_us)
{
    bool is_new = false;
    uint64_t key = key_of(rates, rate, who);
    struct bucket *bucket = find(rates, key, &is_new);
    int64_t level = is_new ? classes[rate].burst * PARTS : level_now(bucket, rate, now_us);
    *bucket = (struct bucket){key, now_us, level};
    if (level >= PARTS) {
        bucket->level -= PARTS;
        return 0;
    }
    int64_t per_second = classes[rate].per_minute * PARTS;
    return (uint32_t)(((PARTS - level) * 60 + per_second - 1) / per_second);
}

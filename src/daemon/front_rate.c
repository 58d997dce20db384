/*
 * Rates by address and class of route: a token bucket each, kept as one time (GCRA).
 *
 * `next_us` is when the bucket would be full again. A request takes one token's time; it is let through
 * when the bucket is then not more than its whole size behind.
 *
 * The table is bounded. An attacker with very many addresses can push others out of it, which forgets
 * their debts; what such an attacker gains is what the addresses give him anyway.
 */
#include "daemon/front_priv.h"

#include "core/alloc.h"
#include "core/random.h"

#include <arpa/inet.h>

static const struct {
    uint32_t burst;
    uint32_t per_minute;
} RATES[PO_FRONT_CLASS_COUNT] = {
#define X(id, name, most, rate) [PO_FRONT_CLASS_##id] = {(most), (rate)},
    PO_FRONT_CLASS_TABLE(X)
#undef X
};

PO_RC po_front_rates_init(struct po_ctx *cx, struct po_front_rates *rates, uint64_t percent)
{
    rates->percent = percent;
    PO_TRY_LEAF(cx, po_random_fill(&rates->seed, sizeof rates->seed), "no randomness");
    rates->slots = po_calloc(PO_FRONT_RATE_SLOTS, sizeof *rates->slots);
    if (rates->slots == NULL) return PO_FAIL(cx, PO_NOMEM, "no memory for rates");
    return po_rc_ok();
}

void po_front_rates_done(struct po_front_rates *rates)
{
    po_free(rates->slots);
    rates->slots = NULL;
}

static void key_of(po_str peer, uint8_t ret_key[static 16])
{
    char text[64] = {0};
    memset(ret_key, 0, 16);
    if (peer.len == 0 || peer.len >= sizeof text) return;
    memcpy(text, peer.ptr, peer.len);
    if (inet_pton(AF_INET, text, ret_key + 12) == 1) {
        memset(ret_key + 10, 0xff, 2);
        return;
    }
    if (inet_pton(AF_INET6, text, ret_key) == 1)
        memset(ret_key + 8, 0, 8);
    else
        memset(ret_key, 0, 16);
}

static size_t home_of(const struct po_front_rates *rates, const uint8_t key[static 16])
{
    uint64_t hash = rates->seed ^ 0xcbf29ce484222325u;
    for (int i = 0; i < 16; i++)
        hash = (hash ^ key[i]) * 0x100000001b3u;
    hash ^= hash >> 29;
    hash *= rates->seed | 1;
    hash ^= hash >> 32;
    return (size_t)(hash % PO_FRONT_RATE_SLOTS);
}

static struct po_front_rate_slot *find_slot(struct po_front_rates *rates,
                                            const uint8_t key[static 16])
{
    struct po_front_rate_slot *oldest = NULL;
    size_t home = home_of(rates, key);
    for (size_t i = 0; i < PO_FRONT_RATE_PROBES; i++) {
        struct po_front_rate_slot *slot = &rates->slots[(home + i) % PO_FRONT_RATE_SLOTS];
        if (slot->is_used && po_str_eq(po_str_n(slot->key, 16), po_str_n(key, 16))) return slot;
        bool is_better = oldest == NULL || (oldest->is_used && !slot->is_used) ||
                         (oldest->is_used && slot->last_us < oldest->last_us);
        if (is_better) oldest = slot;
    }
    *oldest = (struct po_front_rate_slot){.is_used = true};
    memcpy(oldest->key, key, 16);
    return oldest;
}

uint32_t po_front_rate_take(struct po_front_rates *rates, po_str peer, enum po_front_class class,
                            po_time_us now_us)
{
    uint8_t key[16];
    key_of(peer, key);
    struct po_front_rate_slot *slot = find_slot(rates, key);
    po_time_us *next_us = &slot->next_us[class];
    po_time_us each_us = (po_time_us)((uint64_t)PO_US_PER_MIN * 100 /
                                      ((uint64_t)RATES[class].per_minute * rates->percent));
    if (each_us < 1) each_us = 1;
    uint64_t burst = RATES[class].burst * rates->percent / 100;
    po_time_us whole_us = each_us * (po_time_us)(burst > 0 ? burst : 1);
    po_time_us from_us = *next_us > now_us ? *next_us : now_us;
    slot->last_us = now_us;
    if (from_us + each_us - now_us > whole_us) {
        po_time_us wait_us = from_us + each_us - whole_us - now_us;
        return (uint32_t)((wait_us + PO_US_PER_S - 1) / PO_US_PER_S);
    }
    *next_us = from_us + each_us;
    return 0;
}

/*
 * How many connections each address has.
 */
#include "http/server_priv.h"

#include "core/alloc.h"
#include "core/random.h"

#include <arpa/inet.h>
#include <stdio.h>

#define NONE UINT32_MAX

PO_RC po_http_peers_init(struct po_ctx *cx, struct po_http_peers *peers, uint32_t max)
{
    peers->bucket_count = 64;
    while (peers->bucket_count < max)
        peers->bucket_count *= 2;
    peers->all = po_calloc(max, sizeof *peers->all);
    peers->buckets = po_calloc(peers->bucket_count, sizeof *peers->buckets);
    if (peers->all == NULL || peers->buckets == NULL)
        return PO_FAIL(cx, PO_NOMEM, "no memory to count addresses");
    for (uint32_t i = 0; i < peers->bucket_count; i++)
        peers->buckets[i] = NONE;
    for (uint32_t i = 0; i < max; i++)
        peers->all[i].next = i + 1 < max ? i + 1 : NONE;
    peers->free = 0;
    PO_TRY_LEAF(cx, po_random_fill(&peers->seed, sizeof peers->seed), "no randomness");
    return po_rc_ok();
}

void po_http_peers_done(struct po_http_peers *peers)
{
    po_free(peers->all);
    po_free(peers->buckets);
    *peers = (struct po_http_peers){0};
}

static uint32_t *bucket_of(struct po_http_peers *peers, const uint8_t key[static 16])
{
    uint64_t hash = peers->seed ^ 0xcbf29ce484222325u;
    for (int i = 0; i < 16; i++)
        hash = (hash ^ key[i]) * 0x100000001b3u;
    hash ^= hash >> 32;
    return &peers->buckets[hash & (peers->bucket_count - 1)];
}

bool po_http_peers_take(struct po_http_peers *peers, const uint8_t key[static 16], uint32_t max,
                        uint32_t *ret_peer)
{
    uint32_t *bucket = bucket_of(peers, key);
    uint32_t at = *bucket;
    while (at != NONE && memcmp(peers->all[at].key, key, 16) != 0)
        at = peers->all[at].next;
    if (at == NONE) {
        at = peers->free;
        if (at == NONE) return false;
        peers->free = peers->all[at].next;
        memcpy(peers->all[at].key, key, 16);
        peers->all[at].count = 0;
        peers->all[at].next = *bucket;
        *bucket = at;
    }
    if (peers->all[at].count >= max) return false;
    peers->all[at].count++;
    *ret_peer = at;
    return true;
}

void po_http_peers_give(struct po_http_peers *peers, uint32_t peer)
{
    if (peer == NONE || --peers->all[peer].count > 0) return;
    uint32_t *link = bucket_of(peers, peers->all[peer].key);
    while (*link != peer)
        link = &peers->all[*link].next;
    *link = peers->all[peer].next;
    peers->all[peer].next = peers->free;
    peers->free = peer;
}

bool po_http_peer_of(const struct sockaddr_storage *address, uint8_t ret_key[static 16],
                     char ret_text[static PO_HTTP_PEER_TEXT_BYTES])
{
    memset(ret_key, 0, 16);
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        memcpy(ret_key, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
        memcpy(ret_key + 12, &v4->sin_addr, 4);
        return inet_ntop(AF_INET, &v4->sin_addr, ret_text, PO_HTTP_PEER_TEXT_BYTES) != NULL;
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(ret_key, &v6->sin6_addr, is_mapped ? 16 : 8);
        return inet_ntop(is_mapped ? AF_INET : AF_INET6,
                         v6->sin6_addr.s6_addr + (is_mapped ? 12 : 0), ret_text,
                         PO_HTTP_PEER_TEXT_BYTES) != NULL;
    }
    memcpy(ret_text, "unix", 5);
    return false;
}

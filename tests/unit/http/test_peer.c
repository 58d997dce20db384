/*
 * Counting connections by address.
 */
#include "http/server_priv.h"
#include "lib/test.h"

#include <arpa/inet.h>

static bool peer_of(const char *text, uint8_t key[static 16],
                    char shown[static PO_HTTP_PEER_TEXT_BYTES])
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        v6->sin6_family = AF_INET6;
    else
        storage.ss_family = AF_UNIX;
    return po_http_peer_of(&storage, key, shown);
}

TEST(http_peer__is_an_ipv4_address_or_the_net_of_an_ipv6_address)
{
    static const struct {
        const char *name;
        const char *a;
        const char *b;
        bool is_same;
        const char *shown;
    } ROWS[] = {
        {"same v4", "192.0.2.1", "192.0.2.1", true, "192.0.2.1"},
        {"other v4", "192.0.2.1", "192.0.2.2", false, "192.0.2.1"},
        {"same net", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true, "2001:db8:1:2::1"},
        {"other net", "2001:db8:1:2::1", "2001:db8:1:3::1", false, "2001:db8:1:2::1"},
        {"mapped v4", "::ffff:192.0.2.1", "192.0.2.1", true, "192.0.2.1"},
        {"mapped others", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false, "192.0.2.1"},
        {"loopbacks", "127.0.0.1", "::1", false, "127.0.0.1"},
    };
    uint8_t a[16];
    uint8_t b[16];
    char shown[PO_HTTP_PEER_TEXT_BYTES];
    char other[PO_HTTP_PEER_TEXT_BYTES];
    TEST_EACH(row, ROWS)
    {
        check_that(peer_of(row->a, a, shown) && peer_of(row->b, b, other));
        check_eq_int(memcmp(a, b, 16) == 0, row->is_same);
        check_eq_cstr(shown, row->shown);
    }
    check_that(!peer_of("a unix socket", a, shown));
    check_eq_cstr(shown, "unix");
}

/* Against a plain table: takes and gives at random, more addresses than buckets' worth of luck. */
TEST(http_peers__count_as_a_plain_table_does)
{
    enum { ADDRESSES = 300, LIMIT = 3, TOTAL = 200 };
    static uint32_t counts[ADDRESSES];
    static uint32_t peers_of[TOTAL];
    static size_t address_of[TOTAL];
    TEST_CX(cx);
    struct po_http_peers peers = {0};
    size_t open = 0;
    check_ok(cx, po_http_peers_init(cx, &peers, TOTAL));
    for (int round = 0; round < 20000; round++) {
        bool takes = open == 0 || (open < TOTAL && test_random_below(100) < 55);
        if (takes) {
            uint8_t key[16] = {0};
            size_t address = (size_t)test_random_below(ADDRESSES);
            key[15] = (uint8_t)address;
            key[14] = (uint8_t)(address >> 8);
            uint32_t peer = 0;
            bool is_taken = po_http_peers_take(&peers, key, LIMIT, &peer);
            check_eq_int(is_taken, counts[address] < LIMIT);
            if (!is_taken) continue;
            counts[address]++;
            peers_of[open] = peer;
            address_of[open++] = address;
        } else {
            size_t which = (size_t)test_random_below(open);
            po_http_peers_give(&peers, peers_of[which]);
            counts[address_of[which]]--;
            peers_of[which] = peers_of[--open];
            address_of[which] = address_of[open];
        }
    }
    po_http_peers_done(&peers);
}

/* Rates by address and class. */
#include "daemon/front_priv.h"

#include "lib/test.h"

#include <stdio.h>

static void rates_donep(struct po_front_rates *rates) { po_front_rates_done(rates); }
#define RATES_AUTO PO_CLEANUP(rates_donep) struct po_front_rates

TEST(front_rate__lets_a_burst_through_and_then_the_rate)
{
    TEST_CX(cx);
    RATES_AUTO rates = {0};
    po_time_us now_us = PO_US_PER_HOUR;
    check_ok(cx, po_front_rates_init(cx, &rates, 100));
    for (int i = 0; i < 60; i++)
        check_eq_int(po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, now_us),
                     0);
    check_eq_int(po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, now_us), 1);
    /* refusals cost nothing: after a second there is one again, and only one */
    now_us += PO_US_PER_S;
    check_eq_int(po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, now_us), 0);
    check_eq_int(po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, now_us), 1);
    /* an hour does not save up more than the burst */
    now_us += PO_US_PER_HOUR;
    for (int i = 0; i < 60; i++)
        check_eq_int(po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, now_us),
                     0);
    check_that(po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, now_us) > 0);
}

TEST(front_rate__says_how_long_to_wait)
{
    TEST_CX(cx);
    RATES_AUTO rates = {0};
    po_time_us now_us = 0;
    check_ok(cx, po_front_rates_init(cx, &rates, 10));
    /* a tenth: 6 at once, one in 10 s */
    for (int i = 0; i < 6; i++)
        check_eq_int(po_front_rate_take(&rates, PO_LIT("::1"), PO_FRONT_CLASS_AUTH, now_us), 0);
    check_eq_int(po_front_rate_take(&rates, PO_LIT("::1"), PO_FRONT_CLASS_AUTH, now_us), 10);
    now_us += 9 * PO_US_PER_S + 500 * PO_US_PER_MS;
    check_eq_int(po_front_rate_take(&rates, PO_LIT("::1"), PO_FRONT_CLASS_AUTH, now_us), 1);
    now_us += 500 * PO_US_PER_MS;
    check_eq_int(po_front_rate_take(&rates, PO_LIT("::1"), PO_FRONT_CLASS_AUTH, now_us), 0);
}

static bool is_shared(const char *one, const char *other)
{
    TEST_CX(cx);
    RATES_AUTO rates = {0};
    check_ok(cx, po_front_rates_init(cx, &rates, 100));
    for (int i = 0; i < 60; i++)
        check_eq_int(po_front_rate_take(&rates, po_str_of(one), PO_FRONT_CLASS_AUTH, 1), 0);
    return po_front_rate_take(&rates, po_str_of(other), PO_FRONT_CLASS_AUTH, 1) > 0;
}

TEST(front_rate__is_that_of_an_address)
{
    check_that(is_shared("192.0.2.1", "192.0.2.1"));
    check_that(!is_shared("192.0.2.1", "192.0.2.2"));
    check_that(is_shared("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"), "one customer's network");
    check_that(!is_shared("2001:db8:0:1::1", "2001:db8:0:2::1"));
    check_that(is_shared("unix", "unix"));
    check_that(!is_shared("unix", "192.0.2.1"));
    check_that(!is_shared("192.0.2.1", "::192.0.2.1"));
}

TEST(front_rate__classes_do_not_share)
{
    TEST_CX(cx);
    RATES_AUTO rates = {0};
    check_ok(cx, po_front_rates_init(cx, &rates, 100));
    for (int i = 0; i < 61; i++)
        (void)po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, 1);
    check_that(po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, 1) > 0);
    check_eq_int(po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_READ, 1), 0);
}

TEST(front_rate__many_addresses_do_not_lift_the_limit_of_one_that_stays)
{
    TEST_CX(cx);
    RATES_AUTO rates = {0};
    po_time_us now_us = 1;
    unsigned passed = 0;
    check_ok(cx, po_front_rates_init(cx, &rates, 100));
    for (unsigned i = 0; i < 30000; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        (void)po_front_rate_take(&rates, po_str_of(text), PO_FRONT_CLASS_AUTH, now_us++);
        if (i % 30 == 0 &&
            po_front_rate_take(&rates, PO_LIT("192.0.2.1"), PO_FRONT_CLASS_AUTH, now_us++) == 0)
            passed++;
    }
    check_that(passed <= 62, "%u passed", passed);
}

/* ---- flows --------------------------------------------------------------------------------------------- */

static void flows_donep(struct po_front_flows *flows) { po_front_flows_done(flows); }

TEST(front_flows__are_found_by_both_ids_until_they_end)
{
    TEST_CX(cx);
    PO_CLEANUP(flows_donep) struct po_front_flows flows = {0};
    uint64_t ids[PO_FRONT_FLOWS_MAX];
    check_ok(cx, po_front_flows_init(cx, &flows));
    for (uint64_t i = 0; i < PO_FRONT_FLOWS_MAX; i++) {
        struct po_front_flow *flow = po_front_flow_add(&flows, (po_http_id){i << 16 | 1});
        check_that(flow != NULL);
        ids[i] = flow->id;
    }
    check_that(po_front_flow_add(&flows, (po_http_id){1}) == NULL, "no more than the most");
    check_eq_u64(flows.waiting, PO_FRONT_FLOWS_MAX);
    for (uint64_t i = 0; i < PO_FRONT_FLOWS_MAX; i += 2)
        po_front_flow_open(&flows, po_front_flow_find(&flows, ids[i]), (po_http_id){i << 16 | 2},
                           PO_FLOW_EVENTS);
    check_eq_u64(flows.streams, PO_FRONT_FLOWS_MAX / 2);
    for (uint64_t i = 0; i < PO_FRONT_FLOWS_MAX; i++) {
        po_http_id want = {i << 16 | (i % 2 == 0 ? 2 : 1)};
        struct po_front_flow *flow = po_front_flow_of_http(&flows, want);
        check_that(flow != NULL && flow == po_front_flow_find(&flows, ids[i]));
        check_that(po_front_flow_of_http(&flows, (po_http_id){i << 16 | (i % 2 == 0 ? 1 : 2)}) ==
                   NULL);
        po_front_flow_remove(&flows, flow);
        check_that(po_front_flow_find(&flows, ids[i]) == NULL);
        check_that(po_front_flow_of_http(&flows, want) == NULL);
    }
    check_eq_u64(flows.waiting + flows.streams, 0);
    check_that(po_front_flow_add(&flows, (po_http_id){1}) != NULL);
}

TEST_FAULTS(front_tables__fail_cleanly_without_memory)
{
    TEST_CX(cx);
    PO_CLEANUP(flows_donep) struct po_front_flows flows = {0};
    RATES_AUTO rates = {0};
    if (!test_survived(po_front_flows_init(cx, &flows))) return;
    if (!test_survived(po_front_rates_init(cx, &rates, 100))) return;
    test_faults_off();
    check_that(po_front_flow_add(&flows, (po_http_id){1}) != NULL);
}

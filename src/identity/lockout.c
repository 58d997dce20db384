/*
 * Throttling: after a few failures each further one locks for longer, per account and per source.
 *
 * Invariants
 *  1. Rows are in the database: a restart forgets nothing.
 *  2. An account that does not exist is counted as one that does: rows are kept by a keyed token of
 *     the address as it was typed.
 *  3. Failures of a source are counted together for all tenants.
 *  4. A lock never lasts longer than what its failures earn, whatever the clock did meanwhile.
 *
 * Source  NIST SP 800-63B 5.2.2;  docs/spec/credentials.md 5
 */
#include "home/home.h"
#include "identity/credential_priv.h"

#define FORGET_ALL_US (30 * PO_US_PER_DAY)
#define PURGE_ONE_IN 64 /* deleting old rows reads them all */

/* The fifth failure locks, as control IAM-03 asks. */
const struct po_lockout_policy po_lockout_account = {.kind = "account",
                                                     .failures_free = 4,
                                                     .first_us = 30 * PO_US_PER_S,
                                                     .longest_us = PO_US_PER_HOUR,
                                                     .failures_many = 100,
                                                     .many_us = PO_US_PER_DAY,
                                                     .forget_us = FORGET_ALL_US};
/* Many people may share one address. */
const struct po_lockout_policy po_lockout_source = {.kind = "source",
                                                    .failures_free = 19,
                                                    .first_us = PO_US_PER_MIN,
                                                    .longest_us = PO_US_PER_HOUR,
                                                    .failures_many = INT64_MAX,
                                                    .many_us = PO_US_PER_HOUR,
                                                    .forget_us = PO_US_PER_DAY};

po_time_us po_lockout_delay_us(const struct po_lockout_policy *policy, int64_t failures)
{
    if (failures <= policy->failures_free) return 0;
    if (failures >= policy->failures_many) return policy->many_us;
    po_time_us delay_us = policy->first_us;
    for (int64_t i = policy->failures_free + 1; i < failures && delay_us < policy->longest_us; i++)
        delay_us *= 2;
    return delay_us < policy->longest_us ? delay_us : policy->longest_us;
}

/* Sources are no tenant's: their rows stand in the default one. */
static po_tenant_id enter(struct po_ctx *cx, const struct po_lockout_policy *policy)
{
    po_tenant_id before = cx->tenant;
    if (policy == &po_lockout_source) cx->tenant = PO_TENANT_DEFAULT;
    return before;
}

static po_rc find(struct po_ctx *cx, struct po_store *store, const struct po_lockout_policy *policy,
                  const uint8_t key[static PO_KEY_TOKEN_BYTES], struct po_store_throttle *ret_row)
{
    struct po_store_throttle row = {.kind = po_str_of(policy->kind)};
    memcpy(row.key, key, PO_KEY_TOKEN_BYTES);
    po_tenant_id before = enter(cx, policy);
    po_rc rc = po_store_throttle_find(cx, store, &row);
    cx->tenant = before;
    PO_TRY(cx, rc);
    row.kind = po_str_of(policy->kind);
    *ret_row = row;
    return po_rc_ok();
}

static po_rc wait_of(struct po_ctx *cx, struct po_store *store,
                     const struct po_lockout_policy *policy,
                     const uint8_t key[static PO_KEY_TOKEN_BYTES], po_time_us *ret_wait_us)
{
    struct po_store_throttle row;
    PO_TRY(cx, find(cx, store, policy, key, &row));
    po_time_us wait_us = row.until_us - po_ctx_now_us(cx);
    po_time_us earned_us = po_lockout_delay_us(policy, row.failures);
    *ret_wait_us = wait_us < earned_us ? wait_us : earned_us;
    return po_rc_ok();
}

/* @control CC6.1 */
po_rc po_lockout_check(struct po_ctx *cx, struct po_home *home, const struct po_attempt *attempt)
{
    struct po_store *store = po_home_store(home);
    po_time_us account_us = 0;
    po_time_us source_us = 0;
    if (attempt->has_account)
        PO_TRY(cx, wait_of(cx, store, &po_lockout_account, attempt->account, &account_us));
    PO_TRY(cx, wait_of(cx, store, &po_lockout_source, attempt->source, &source_us));
    po_time_us wait_us = account_us > source_us ? account_us : source_us;
    if (wait_us <= 0) return po_rc_ok();
    uint32_t wait_s = (uint32_t)((wait_us + PO_US_PER_S - 1) / PO_US_PER_S);
    po_rc rc = PO_FAIL(cx, PO_RATE, "too many failed attempts: try again in %u s", wait_s);
    cx->err.retry_after_s = wait_s;
    return rc;
}

static po_rc fail_one(struct po_ctx *cx, struct po_tx *tx, const struct po_lockout_policy *policy,
                      const uint8_t key[static PO_KEY_TOKEN_BYTES], int64_t *ret_failures)
{
    struct po_store_throttle row;
    const po_time_us now_us = po_ctx_now_us(cx);
    PO_TRY(cx, find(cx, po_tx_store(tx), policy, key, &row));
    if (now_us - row.last_us > policy->forget_us) row.failures = 0;
    row.failures++;
    row.last_us = now_us;
    row.until_us = now_us + po_lockout_delay_us(policy, row.failures);
    po_tenant_id before = enter(cx, policy);
    po_rc rc = po_store_throttle_set(cx, tx, &row);
    cx->tenant = before;
    PO_TRY(cx, rc);
    *ret_failures = row.failures;
    return po_rc_ok();
}

/* The tenant's accounts, and the sources, which stand in the default one. */
static po_rc forget_old(struct po_ctx *cx, struct po_tx *tx)
{
    const po_time_us before_us = po_ctx_now_us(cx) - FORGET_ALL_US;
    PO_TRY(cx, po_store_throttle_purge(cx, tx, before_us));
    if (cx->tenant.value == PO_TENANT_DEFAULT.value) return po_rc_ok();
    po_tenant_id own = enter(cx, &po_lockout_source);
    po_rc rc = po_store_throttle_purge(cx, tx, before_us);
    cx->tenant = own;
    return rc;
}

po_rc po_lockout_fail(struct po_ctx *cx, struct po_tx *tx, const struct po_attempt *attempt,
                      struct po_lockout_result *ret_result)
{
    struct po_lockout_result result = {0};
    if (attempt->has_account)
        PO_TRY(cx,
               fail_one(cx, tx, &po_lockout_account, attempt->account, &result.account_failures));
    PO_TRY(cx, fail_one(cx, tx, &po_lockout_source, attempt->source, &result.source_failures));
    if (attempt->source[0] % PURGE_ONE_IN == 0 || attempt->account[0] % PURGE_ONE_IN == 0)
        PO_TRY(cx, forget_old(cx, tx));
    result.is_account_locked =
        po_lockout_delay_us(&po_lockout_account, result.account_failures) > 0;
    result.is_source_locked = po_lockout_delay_us(&po_lockout_source, result.source_failures) > 0;
    *ret_result = result;
    return po_rc_ok();
}

po_rc po_lockout_succeed(struct po_ctx *cx, struct po_tx *tx, const struct po_attempt *attempt)
{
    return po_store_throttle_delete(cx, tx, po_str_of(po_lockout_account.kind), attempt->account);
}

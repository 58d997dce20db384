/*
 * A ledger to test with: two tenants, keys from fixed bytes, files in the case's directory.
 */
#ifndef PO_TESTS_LEDGER_FIXTURE_H
#define PO_TESTS_LEDGER_FIXTURE_H

#include "core/fs.h"
#include "core/random.h"
#include "ledger/ledger_priv.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIX_TENANTS 3
#define FIX_EPOCHS 3
#define FIX_ORIGIN "inst_0123456789abcdef/audit"

struct fix {
    struct po_sign_key *sign_key;
    struct po_secret *data_keys[FIX_TENANTS][FIX_EPOCHS];
    uint32_t epoch; /* the current one */
    struct po_ledger_keys keys;
    struct po_ledger_options options;
    struct po_ledger *ledger;
    char dir[512];
    char state[512];
};

static inline po_rc fix_at(struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t epoch,
                           const struct po_secret **ret_key)
{
    struct fix *fix = user;
    if (tenant.value < 1 || tenant.value > FIX_TENANTS)
        return PO_FAIL(cx, PO_NOTFOUND, "no tenant %lu", tenant.value);
    if (epoch < 1 || epoch > FIX_EPOCHS || fix->data_keys[tenant.value - 1][epoch - 1] == NULL)
        return PO_FAIL(cx, PO_UNAVAILABLE, "no data key of epoch %u", epoch);
    *ret_key = fix->data_keys[tenant.value - 1][epoch - 1];
    return po_rc_ok();
}

static inline po_rc fix_current(struct po_ctx *cx, void *user, po_tenant_id tenant,
                                uint32_t *ret_epoch, const struct po_secret **ret_key)
{
    struct fix *fix = user;
    *ret_epoch = fix->epoch;
    return fix_at(cx, user, tenant, fix->epoch, ret_key);
}

static inline void fix_keys(struct po_ctx *cx, struct fix *fix)
{
    uint8_t bytes[32];
    struct po_secret *seed = NULL;
    memset(bytes, 7, sizeof bytes);
    check_ok(cx, po_secret_new(cx, po_str_n(bytes, sizeof bytes), &seed));
    check_ok(cx, po_sign_key_new(cx, seed, &fix->sign_key));
    po_secret_free(seed);
    for (uint8_t t = 0; t < FIX_TENANTS; t++) {
        for (uint8_t e = 0; e < FIX_EPOCHS; e++) {
            memset(bytes, 16 * (t + 1) + e, sizeof bytes);
            check_ok(cx, po_secret_new(cx, po_str_n(bytes, sizeof bytes), &fix->data_keys[t][e]));
        }
    }
    fix->epoch = 1;
    fix->keys = (struct po_ledger_keys){.user = fix, .current = fix_current, .at = fix_at};
}

static inline void fix_init_at(struct po_ctx *cx, struct fix *fix, const char *root)
{
    *fix = (struct fix){0};
    fix_keys(cx, fix);
    (void)snprintf(fix->dir, sizeof fix->dir, "%s/ledger", root);
    (void)snprintf(fix->state, sizeof fix->state, "%s/signed", root);
    fix->options = (struct po_ledger_options){.dir = fix->dir,
                                              .signed_path = fix->state,
                                              .origin = FIX_ORIGIN,
                                              .sign_key = fix->sign_key,
                                              .keys = &fix->keys};
}

/* Keys and paths; no ledger yet. */
static inline void fix_init(struct po_ctx *cx, struct fix *fix)
{
    fix_init_at(cx, fix, test_tmpdir());
}

static inline void fix_close(struct fix *fix) { po_ledger_closep(&fix->ledger); }

static inline void fix_done(struct fix *fix)
{
    fix_close(fix);
    po_sign_key_freep(&fix->sign_key);
    for (size_t t = 0; t < FIX_TENANTS; t++)
        for (size_t e = 0; e < FIX_EPOCHS; e++)
            po_secret_freep(&fix->data_keys[t][e]);
}
#define FIX_AUTO PO_CLEANUP(fix_done) struct fix

static inline void fix_open(struct po_ctx *cx, struct fix *fix)
{
    fix_close(fix);
    check_ok(cx, po_ledger_open(cx, &fix->options, &fix->ledger));
}

/* An empty, open ledger. */
static inline void fix_new(struct po_ctx *cx, struct fix *fix)
{
    fix_init(cx, fix);
    check_ok(cx, po_ledger_create(cx, &fix->options));
    fix_open(cx, fix);
    check_that(po_ledger_read_only_reason(fix->ledger) == NULL, "%s",
               po_ledger_read_only_reason(fix->ledger));
}

/* A sealed event that says `number`; types and tenants vary with it. */
static inline po_rc fix_try_event(struct po_ctx *cx, struct fix *fix, uint64_t number,
                                  struct po_sealed *ret_sealed)
{
    static const enum po_event_type types[] = {
        PO_EVENT_TYPE_CONTROL_TESTED, PO_EVENT_TYPE_CONFIG_CHANGED, PO_EVENT_TYPE_LEDGER_READ};
    const char *detail = po_arena_printf(cx->arena, "{\"number\":%lu}", number);
    if (detail == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory");
    struct po_event event = {
        .type = types[number % 3],
        .resource = PO_LIT("control:AUD-03"),
        .action = PO_LIT("test"),
        .result = PO_EVENT_SUCCESS,
        .detail = po_str_of(detail),
    };
    return po_event_prepare(cx, &fix->keys, &event, ret_sealed);
}

/* Append `count` events in batches of `batch`; event i of the ledger says i. */
static inline void fix_append(struct po_ctx *cx, struct fix *fix, uint64_t count, uint64_t batch)
{
    struct po_sealed items[256];
    for (uint64_t done = 0; done < count;) {
        struct po_scratch scratch = {0};
        size_t n = 0;
        check_ok(cx, po_scratch_begin(cx, (size_t)64 << 20, &scratch));
        for (; n < batch && done + n < count; n++)
            check_ok(cx, fix_try_event(cx, fix, po_ledger_size(fix->ledger) + n, &items[n]));
        check_ok(cx, po_ledger_append(cx, fix->ledger, items, n, NULL));
        done += n;
        po_scratch_done(&scratch);
    }
}

static inline void fix_checkpoint(struct po_ctx *cx, struct fix *fix)
{
    check_ok(cx, po_ledger_checkpoint(cx, fix->ledger, NULL));
}

/* The event of a leaf says the leaf's index. */
static inline void fix_check_event(struct po_ctx *cx, struct fix *fix, uint64_t index)
{
    char want[64];
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    check_ok(cx, po_ledger_event_at(cx, fix->ledger, index, &bytes, NULL));
    (void)snprintf(want, sizeof want, "\"detail\":{\"number\":%lu}}", index);
    check_that(po_str_ends(po_buf_str(&bytes), po_str_of(want)), "leaf %lu: %s", index, bytes.ptr);
}

static inline const char *fix_path(const char *dir, const char *name)
{
    static char path[2][1024];
    static unsigned at;
    at ^= 1;
    (void)snprintf(path[at], sizeof path[at], "%s/%s", dir, name);
    return path[at];
}

/* XOR one byte of a file. */
static inline void fix_flip(const char *path, long offset)
{
    int fd = open(path, O_RDWR);
    uint8_t byte = 0;
    check_that(fd >= 0, "%s", path);
    check_that(pread(fd, &byte, 1, offset) == 1, "%s at %ld", path, offset);
    byte ^= 0x20;
    check_that(pwrite(fd, &byte, 1, offset) == 1);
    check_that(close(fd) == 0);
}

static inline long fix_len(const char *path)
{
    struct stat st;
    check_that(stat(path, &st) == 0, "%s", path);
    return (long)st.st_size;
}

/* Verify and check that all is well as far as it could be. */
static inline void fix_check_ok(struct po_ctx *cx, struct fix *fix)
{
    struct po_ledger_verification found = {0};
    check_ok(cx, po_ledger_verify(cx, fix->ledger, NULL, &found));
    check_that(found.is_ok && found.finding_count == 0, "%s: %s",
               found.finding_count ? found.findings[0].file : "",
               found.finding_count ? found.findings[0].why : "");
}

#endif

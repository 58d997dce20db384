/*
 * Requests of keys from hostile bytes: u16 length and request, again and again, on a ring of this process.
 * What is answered is within the table's lengths, no answer holds the master key, and nothing but the
 * checkpoints of this log is signed.
 */
#include "core/sys.h"
#include "crypto/keyring_ask_priv.h"
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REQUESTS_MAX 16

static struct po_keyring_desk desk;
static char dir[] = "/dev/shm/po-fuzz-keys-XXXXXX";

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void remove_keys(void)
{
    char path[128];
    static const char *const names[] = {"master.key", "master.next", "ledger.key",
                                        "keyring.sealed"};
    po_keyring_freep(&desk.keyring);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

static void make_keys(void)
{
    PO_CTX_AUTO cx = {0};
    struct po_keyring *ring = NULL;
    if (desk.place.dir != NULL) return;
    require(po_is_ok(po_ctx_init(&cx)) && mkdtemp(dir) != NULL);
    desk.place.dir = dir;
    require(po_is_ok(po_keyring_create(&cx, &desk.place, &ring)));
    po_keyring_free(ring);
    (void)atexit(remove_keys);
}

static void ask(po_str request)
{
    PO_CTX_AUTO cx = {0};
    PO_CLEANUP(po_buf_wipe) struct po_buf answer = {0};
    require(po_is_ok(po_ctx_init(&cx)));
    /* a rotation writes files; it is tried elsewhere */
    if (request.len > 0 && request.ptr[0] == PO_KEYRING_ASK_ROTATE_BEGIN) return;
    po_rc rc = po_keyring_answer(&cx, &desk, request, &answer);
    if (!po_is_ok(rc)) {
        require(rc.code == PO_INVALID);
        return;
    }
    const struct po_keyring_ask_row *row = po_keyring_ask_row((uint8_t)request.ptr[0]);
    require(row != NULL && answer.len > 0);
    require((uint8_t)answer.ptr[0] <= PO_UNAVAILABLE);
    if (answer.ptr[0] == PO_OK) require(answer.len - 1 <= row->answer_max);
    require(row->kind != PO_KEYRING_ASK_SIGN || answer.ptr[0] != PO_OK);
    po_str master = po_secret_bytes(desk.keyring->current.key);
    require(po_str_find(po_buf_str(&answer), master, 0) == SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct po_keyring_ask_in in = {.rest = po_str_n(data, size)};
    make_keys();
    for (unsigned i = 0; i < REQUESTS_MAX && in.rest.len > 2; i++) {
        size_t len = (size_t)po_keyring_ask_number(&in, 2);
        ask(po_keyring_ask_cut(&in, len < in.rest.len ? len : in.rest.len));
    }
    return 0;
}

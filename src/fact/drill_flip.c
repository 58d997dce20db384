/*
 * Fact drill.flip: a ledger of its own, one byte of a file flipped at a time, verified each time.
 */
#include "drill_priv.h"

#include "core/alloc.h"
#include "core/secret.h"
#include "core/sys.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>

/* One full tile and some leaves beyond. */
#define LEAVES 300
#define FLIPS_PER_FILE 3
#define FILES_MAX 64
#define MISSED_MAX 16

struct flip_drill {
    const char *dir;
    const char *signed_path;
    const char *origin;
    struct po_secret *data_key;
    struct po_sign_key *sign_key;
    struct po_ledger_keys keys;
    const char *files[FILES_MAX];
    size_t file_count;
    int64_t flips;
    int64_t detected;
    const char *missed[MISSED_MAX];
    size_t missed_count;
};

static void flip_done(struct flip_drill *drill)
{
    po_secret_freep(&drill->data_key);
    po_sign_key_freep(&drill->sign_key);
}

static po_rc key_current(struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t *ret_epoch,
                         const struct po_secret **ret_key)
{
    (void)cx;
    (void)tenant;
    const struct flip_drill *drill = user;
    *ret_epoch = 1;
    *ret_key = drill->data_key;
    return po_rc_ok();
}

static po_rc key_at(struct po_ctx *cx, void *user, po_tenant_id tenant, uint32_t epoch,
                    const struct po_secret **ret_key)
{
    uint32_t current = 0;
    (void)epoch;
    return key_current(cx, user, tenant, &current, ret_key);
}

static struct po_ledger_options options_of(const struct flip_drill *drill, bool is_read_only)
{
    return (struct po_ledger_options){.dir = drill->dir,
                                      .signed_path = drill->signed_path,
                                      .origin = drill->origin,
                                      .sign_key = drill->sign_key,
                                      .keys = &drill->keys,
                                      .is_read_only = is_read_only};
}

static PO_RC make_keys(struct po_ctx *cx, struct flip_drill *drill)
{
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    PO_TRY(cx, po_secret_random(cx, PO_KEY_BYTES, &drill->data_key));
    PO_TRY(cx, po_secret_random(cx, PO_ED25519_SEED_BYTES, &seed));
    PO_TRY(cx, po_sign_key_new(cx, seed, &drill->sign_key));
    drill->keys = (struct po_ledger_keys){.user = drill, .current = key_current, .at = key_at};
    return po_rc_ok();
}

static PO_RC append_leaves(struct po_ctx *cx, struct flip_drill *drill, struct po_ledger *ledger)
{
    struct po_sealed *items = NULL;
    PO_ARENA_NEW(cx, items, LEAVES);
    for (size_t i = 0; i < LEAVES; i++) {
        struct po_event event = {.type = PO_EVENT_TYPE_STORE_CHECKED,
                                 .resource = PO_LIT("drill:flip"),
                                 .action = PO_LIT("append"),
                                 .result = PO_EVENT_SUCCESS};
        PO_TRY(cx, po_event_prepare(cx, &drill->keys, &event, &items[i]));
    }
    return po_ledger_append(cx, ledger, items, LEAVES, NULL);
}

static PO_RC make_ledger(struct po_ctx *cx, struct flip_drill *drill)
{
    struct po_ledger_options options = options_of(drill, false);
    PO_CLEANUP(po_ledger_closep) struct po_ledger *ledger = NULL;
    struct po_checkpoint checkpoint = {0};
    PO_TRY(cx, po_ledger_create(cx, &options));
    PO_TRY(cx, po_ledger_open(cx, &options, &ledger));
    PO_TRY(cx, append_leaves(cx, drill, ledger));
    return po_ledger_checkpoint(cx, ledger, &checkpoint);
}

static PO_RC list_files(struct po_ctx *cx, struct flip_drill *drill, const char *dir, int depth)
{
    po_str *names = NULL;
    size_t count = 0;
    if (depth > PO_DRILL_TREE_DEPTH_MAX) return po_rc_ok();
    PO_TRY(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        PO_TRY(cx, po_fact_path_str(cx, dir, names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.is_dir) PO_TRY(cx, list_files(cx, drill, path, depth + 1));
        if (info.is_file && info.size_bytes > 0 && drill->file_count < FILES_MAX)
            drill->files[drill->file_count++] = path;
    }
    return po_rc_ok();
}

/* Flip the lowest bit of one byte; doing it twice restores the file. */
static PO_RC flip_byte(struct po_ctx *cx, const char *path, uint64_t at)
{
    char byte = 0;
    PO_FD_AUTO fd = po_sys_open(path, O_RDWR, 0);
    if (fd < 0) return PO_FAIL_SYS(cx, PO_IO, errno, "opening '%s'", path);
    PO_TRY(cx, po_fs_pread_all(cx, fd, &byte, 1, (off_t)at));
    byte = (char)(byte ^ 1);
    return po_fs_pwrite_all(cx, fd, po_str_n(&byte, 1), (off_t)at);
}

/* A ledger that does not open because of what it found has noticed as well. */
static PO_RC is_noticed(struct po_ctx *cx, const struct flip_drill *drill, bool *ret_is_noticed)
{
    struct po_ledger_options options = options_of(drill, true);
    struct po_ledger_verify_options verify = {0};
    PO_CLEANUP(po_ledger_closep) struct po_ledger *ledger = NULL;
    struct po_ledger_verification *result = NULL;
    PO_ARENA_NEW(cx, result, 1);
    po_rc rc = po_ledger_open(cx, &options, &ledger);
    if (po_is_ok(rc)) rc = po_ledger_verify(cx, ledger, &verify, result);
    if (rc.code == PO_NOMEM || rc.code == PO_IO) return rc;
    *ret_is_noticed = !po_is_ok(rc) || !result->is_ok;
    po_err_clear(cx);
    return po_rc_ok();
}

/* Memory of one verification does not stay. */
static PO_RC try_flip(struct po_ctx *cx, struct flip_drill *drill, const char *file, uint64_t at)
{
    bool noticed = false;
    PO_CTX_AUTO scratch = {0};
    PO_TRY_LEAF(cx, po_ctx_init(&scratch), "preparing a verification");
    scratch.clock = cx->clock;
    PO_TRY(cx, flip_byte(cx, file, at));
    po_rc rc = is_noticed(&scratch, drill, &noticed);
    PO_TRY(cx, flip_byte(cx, file, at));
    if (!po_is_ok(rc)) return PO_FAIL(cx, rc.code, "%s", po_err_msg(&scratch));
    drill->flips++;
    drill->detected += noticed ? 1 : 0;
    if (!noticed && drill->missed_count < MISSED_MAX)
        drill->missed[drill->missed_count++] = file + strlen(drill->dir) + 1;
    return po_rc_ok();
}

static PO_RC flip_file(struct po_ctx *cx, struct flip_drill *drill, const char *file)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, file, &info));
    for (uint64_t i = 0; i < FLIPS_PER_FILE && i < info.size_bytes; i++)
        PO_TRY(cx, try_flip(cx, drill, file, i * (info.size_bytes - 1) / (FLIPS_PER_FILE - 1)));
    return po_rc_ok();
}

static PO_RC exercise(struct po_ctx *cx, struct flip_drill *drill)
{
    bool noticed = true;
    PO_TRY_MSG(cx, make_keys(cx, drill), "keys of the drill");
    PO_TRY_MSG(cx, make_ledger(cx, drill), "ledger of the drill");
    PO_TRY(cx, is_noticed(cx, drill, &noticed));
    if (noticed) return PO_FAIL(cx, PO_BUG, "the drill's own ledger does not verify");
    PO_TRY(cx, list_files(cx, drill, drill->dir, 0));
    for (size_t i = 0; i < drill->file_count; i++)
        PO_TRY(cx, flip_file(cx, drill, drill->files[i]));
    return po_rc_ok();
}

static PO_RC run_flip(struct po_ctx *cx, const struct po_drill *scratch, struct po_json_out *out)
{
    PO_CLEANUP(flip_done) struct flip_drill drill = {.origin = "drill/audit"};
    PO_TRY(cx, po_fact_path(cx, scratch->dir, "ledger", &drill.dir));
    PO_TRY(cx, po_fact_path(cx, scratch->dir, "signed", &drill.signed_path));
    PO_TRY(cx, exercise(cx, &drill));
    po_json_out_object(out);
    po_fact_put_int(out, "leaves", LEAVES);
    po_fact_put_int(out, "files", (int64_t)drill.file_count);
    po_fact_put_int(out, "flips", drill.flips);
    po_fact_put_int(out, "detected", drill.detected);
    po_fact_put_array(out, "missed_in");
    for (size_t i = 0; i < drill.missed_count; i++)
        po_json_out_cstr(out, drill.missed[i]);
    po_json_out_array_end(out);
    po_json_out_object_end(out);
    return po_rc_ok();
}

PO_FACT_READER(drill_flip)
{
    struct po_drill drill = {0};
    PO_TRY(cx, po_drill_begin(cx, set, &drill));
    po_rc rc = run_flip(cx, &drill, out);
    po_drill_end(cx, &drill);
    return rc;
}

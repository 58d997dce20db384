/*
 * The doctor exercised on a scratch home: faults in, dry run, repair, repeat.
 *
 * The children are this very program with a home and a key directory of their own, so what is tested
 * is what the operator runs.
 */
#include "core/fs.h"
#include "core/process.h"
#include "core/sys.h"
#include "crypto/crypto.h"
#include "doctor_priv.h"

#include <errno.h>

#define CHILD_TIMEOUT_MS 5000
#define CHILD_OUT_BYTES_MAX ((size_t)256 << 10)
#define TREE_DEPTH_MAX 8
#define TREE_FILE_BYTES_MAX ((size_t)32 << 20)

struct drill {
    const char *home;
    const char *env[5];
};

static PO_RC join_env(struct po_ctx *cx, const char *name, const char *value, const char **ret_text)
{
    *ret_text = po_arena_printf(cx->arena, "%s=%s", name, value);
    if (*ret_text == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    return po_rc_ok();
}

static PO_RC run_child(struct po_ctx *cx, const struct drill *drill, const char *const *words,
                       struct po_buf *out)
{
    const char *argv[8] = {"paulyops"};
    size_t count = 1;
    for (; *words != NULL && count < 7; words++)
        argv[count++] = *words;
    struct po_process_options options = {
        .path = "/proc/self/exe", .argv = argv, .env = drill->env, .timeout_ms = CHILD_TIMEOUT_MS};
    struct po_process_result result = {0};
    PO_BUF_AUTO err;
    po_buf_init(&err, 4096);
    PO_TRY(cx, po_process_run(cx, &options, out, &err, &result));
    if (!result.has_exited || (result.exit_status != 0 && result.exit_status != 2))
        return PO_FAIL(cx, PO_UNAVAILABLE, "the drill's '%s %s' ended with status %d: %.*s",
                       argv[1], argv[2] ? argv[2] : "", result.exit_status,
                       PO_STR_ARG(po_str_trim(po_buf_str(&err))));
    return po_rc_ok();
}

/* Rows of a child's `-o json` list. */
static PO_RC count_rows(struct po_ctx *cx, const struct drill *drill, const char *const *words,
                        size_t *ret_count)
{
    PO_BUF_AUTO out;
    po_buf_init(&out, CHILD_OUT_BYTES_MAX);
    PO_TRY(cx, run_child(cx, drill, words, &out));
    struct po_json *root = NULL;
    const struct po_json *data = NULL;
    PO_TRY(cx, po_json_parse(cx, po_buf_str(&out), PO_JSON_STRICT, &root));
    PO_TRY(cx, po_json_get_array(cx, root, "data", &data));
    *ret_count = data->count;
    return po_rc_ok();
}

/* -- what a tree looks like ----------------------------------------------------------------------- */

static PO_RC hash_tree(struct po_ctx *cx, const char *path, int depth, struct po_hash *hash);

static PO_RC hash_entry(struct po_ctx *cx, const char *path, int depth, struct po_hash *hash)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, path, &info));
    const char *line =
        po_arena_printf(cx->arena, "%s\n%o %d\n", path, (unsigned)info.mode, info.is_dir ? 1 : 0);
    if (line == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    PO_TRY_LEAF(cx, po_hash_update(hash, po_str_of(line)), "hashing the tree");
    if (info.is_dir) return hash_tree(cx, path, depth + 1, hash);
    if (!info.is_file) return po_rc_ok();
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, TREE_FILE_BYTES_MAX);
    PO_TRY(cx, po_fs_read(cx, path, &bytes));
    PO_TRY_LEAF(cx, po_hash_update(hash, po_buf_str(&bytes)), "hashing the tree");
    return po_rc_ok();
}

static PO_RC hash_tree(struct po_ctx *cx, const char *path, int depth, struct po_hash *hash)
{
    po_str *names = NULL;
    size_t count = 0;
    if (depth > TREE_DEPTH_MAX) return PO_FAIL(cx, PO_LIMIT, "the scratch home is too deep");
    PO_TRY(cx, po_fs_list(cx, path, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *name = po_arena_strdup(cx->arena, names[i]);
        const char *child = NULL;
        if (name == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        PO_TRY(cx, po_path_join(cx, path, name, &child));
        PO_TRY(cx, hash_entry(cx, child, depth, hash));
    }
    return po_rc_ok();
}

static PO_RC digest_tree(struct po_ctx *cx, const char *path, uint8_t out[static PO_SHA256_BYTES])
{
    PO_CLEANUP(po_hash_freep) struct po_hash *hash = NULL;
    PO_TRY(cx, po_hash_new(cx, &hash));
    PO_TRY_LEAF(cx, po_hash_begin(hash), "hashing the tree");
    PO_TRY(cx, hash_tree(cx, path, 0, hash));
    PO_TRY_LEAF(cx, po_hash_end(hash, out), "hashing the tree");
    return po_rc_ok();
}

/* -- the exercise -------------------------------------------------------------------------------- */

static PO_RC prepare(struct po_ctx *cx, const char *scratch_dir, struct drill *drill)
{
    const char *state = NULL;
    PO_TRY(cx, po_path_join(cx, scratch_dir, "home", &drill->home));
    PO_TRY(cx, po_path_join(cx, scratch_dir, "state", &state));
    PO_TRY(cx, po_fs_mkdir(cx, state, 0700));
    PO_TRY(cx, join_env(cx, "HOME", scratch_dir, &drill->env[0]));
    PO_TRY(cx, join_env(cx, "XDG_STATE_HOME", state, &drill->env[1]));
    PO_TRY(cx, join_env(cx, "PAULYOPS_HOME", drill->home, &drill->env[2]));
    drill->env[3] = "PATH=/usr/bin:/bin";
    return run_child(cx, drill, (const char *const[]){"init", NULL}, NULL);
}

/* One missing directory, one wrong mode. */
static PO_RC put_faults_in(struct po_ctx *cx, const struct drill *drill)
{
    const char *intake = NULL;
    const char *logs = NULL;
    PO_TRY(cx, po_path_join(cx, drill->home, "intake", &intake));
    PO_TRY(cx, po_path_join(cx, drill->home, "logs", &logs));
    if (po_sys_rmdir(intake) != 0 || po_sys_chmod(logs, 0755) != 0)
        return PO_FAIL_SYS(cx, PO_IO, errno, "putting faults into the scratch home");
    return po_rc_ok();
}

/* The directories a repair may touch; data/ grows with each command's events, logs/ with the marker. */
static PO_RC site_digest(struct po_ctx *cx, const struct drill *drill,
                         uint8_t out[static PO_SHA256_BYTES])
{
    static const char *const dirs[] = {"config", "intake", "Backups", "scripts"};
    uint8_t digests[sizeof dirs / sizeof *dirs][PO_SHA256_BYTES];
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        const char *path = NULL;
        PO_TRY(cx, po_path_join(cx, drill->home, dirs[i], &path));
        PO_TRY(cx, digest_tree(cx, path, digests[i]));
    }
    PO_TRY_LEAF(cx, po_sha256(po_str_n(digests, sizeof digests), out), "hashing the tree");
    return po_rc_ok();
}

/* The scratch home's repair events, from its own audit list. */
static PO_RC tally_repairs(struct po_ctx *cx, const struct drill *drill,
                           struct po_doctor_tally *tally)
{
    static const char *const words[] = {"audit", "list", "--type", "repair.applied",
                                        "-o",    "json", NULL};
    PO_BUF_AUTO out;
    po_buf_init(&out, CHILD_OUT_BYTES_MAX);
    PO_TRY(cx, run_child(cx, drill, words, &out));
    struct po_json *root = NULL;
    const struct po_json *data = NULL;
    PO_TRY(cx, po_json_parse(cx, po_buf_str(&out), PO_JSON_STRICT, &root));
    PO_TRY(cx, po_json_get_array(cx, root, "data", &data));
    for (const struct po_json *row = data->first; row != NULL; row = row->next)
        po_doctor_tally_add(tally, po_json_get(po_json_get(row, "event"), "detail"));
    return po_rc_ok();
}

static const char *const dry_run[] = {"doctor", "run", "--dry-run", "-o", "json", NULL};
static const char *const repair[] = {"doctor", "run", "--quiet", NULL};

PO_RC po_doctor_drill(struct po_ctx *cx, const char *scratch_dir, struct po_json_out *out)
{
    struct drill drill = {0};
    uint8_t before[PO_SHA256_BYTES];
    uint8_t after[PO_SHA256_BYTES];
    size_t planned = 0;
    size_t left = 0;
    PO_TRY_MSG(cx, prepare(cx, scratch_dir, &drill), "preparing the doctor's drill");
    PO_TRY(cx, put_faults_in(cx, &drill));
    PO_TRY(cx, digest_tree(cx, drill.home, before));
    PO_TRY(cx, count_rows(cx, &drill, dry_run, &planned));
    PO_TRY(cx, digest_tree(cx, drill.home, after));
    bool dry_run_changed =
        !po_str_eq(po_str_n(before, sizeof before), po_str_n(after, sizeof after));
    PO_TRY(cx, run_child(cx, &drill, repair, NULL));
    PO_TRY(cx, count_rows(cx, &drill, dry_run, &left));
    PO_TRY(cx, site_digest(cx, &drill, before));
    PO_TRY(cx, run_child(cx, &drill, repair, NULL));
    PO_TRY(cx, site_digest(cx, &drill, after));
    bool repeat_changed =
        !po_str_eq(po_str_n(before, sizeof before), po_str_n(after, sizeof after));
    struct po_doctor_tally *tally = NULL;
    PO_ARENA_NEW(cx, tally, 1);
    PO_TRY(cx, tally_repairs(cx, &drill, tally));
    po_json_out_object(out);
    po_doctor_tally_write(tally, out);
    po_json_out_field_int(out, "faults", 2);
    po_json_out_field_int(out, "planned", (int64_t)planned);
    po_json_out_field_int(out, "left_after_repair", (int64_t)left);
    po_json_out_key(out, "dry_run_changed");
    po_json_out_bool(out, dry_run_changed);
    po_json_out_key(out, "repeat_changed");
    po_json_out_bool(out, repeat_changed);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/*
 * What stands beside the tree: signatures, bytes after the end, strange files, earlier checkpoints,
 * payloads.
 */
#include "core/sys.h"
#include "ledger/verify_priv.h"

#include <stdio.h>

#define TILE_DEPTH_MAX 6

/* ---- signatures ------------------------------------------------------------------------------ */

static po_rc read_file(struct po_verify *run, const char *name, struct po_buf *out,
                       bool *ret_is_there)
{
    char path[PO_LEDGER_PATH_BYTES];
    PO_TRY(run->cx, po_ledger_path(run->cx, run->ledger, name, path));
    po_rc rc = po_fs_read(run->cx, path, out);
    *ret_is_there = po_is_ok(rc);
    bool is_content = rc.code == PO_NOTFOUND || rc.code == PO_LIMIT || rc.code == PO_INVALID;
    if (is_content) po_err_clear(run->cx);
    if (!is_content) PO_TRY(run->cx, rc);
    return po_rc_ok();
}

static po_rc check_vkey_file(struct po_verify *run)
{
    PO_BUF_AUTO want;
    PO_BUF_AUTO got;
    bool is_there = false;
    po_buf_init(&want, 1024);
    po_buf_init(&got, 1024);
    po_note_vkey_format(&run->vkey, &want);
    po_buf_append_char(&want, '\n');
    PO_TRY_LEAF(run->cx, po_buf_check(&want), "writing the verifier key");
    PO_TRY(run->cx, read_file(run, "vkey", &got, &is_there));
    if (!is_there || !po_str_eq(po_buf_str(&want), po_buf_str(&got)))
        po_verify_find(run, PO_VERDICT_SIGNATURES, "vkey",
                       "is missing or is not the key asked for");
    return po_rc_ok();
}

static const char *signature_fault(enum po_code code)
{
    if (code == PO_NOTFOUND) return "is not signed by the key";
    return code == PO_TAMPER ? "the signature is wrong" : "is no signed checkpoint";
}

static po_rc check_note(struct po_verify *run)
{
    struct po_checkpoint checkpoint = {0};
    bool is_there = false;
    PO_BUF_AUTO note;
    po_buf_init(&note, PO_NOTE_BYTES_MAX);
    PO_TRY(run->cx, read_file(run, "checkpoint", &note, &is_there));
    bool is_due = run->ledger->has_signed && run->ledger->signed_state.size > 0;
    if (!is_there) {
        if (is_due || run->ledger->has_checkpoint)
            po_verify_find(run, PO_VERDICT_SIGNATURES, "checkpoint", "is missing or unreadable");
        po_verify_say(run, PO_VERDICT_SIGNATURES, PO_VERDICT_NOT_CHECKED, "nothing was signed yet");
        return po_rc_ok();
    }
    po_rc rc = po_checkpoint_verify(po_buf_str(&note), &run->vkey, &checkpoint);
    run->result->verdicts[PO_VERDICT_SIGNATURES].checked = 1;
    if (!po_is_ok(rc))
        po_verify_find(run, PO_VERDICT_SIGNATURES, "checkpoint", "%s", signature_fault(rc.code));
    return po_rc_ok();
}

po_rc po_verify_signatures(struct po_verify *run)
{
    if (!run->has_vkey) {
        po_verify_find(run, PO_VERDICT_SIGNATURES, "vkey", "is missing or damaged");
        return po_rc_ok();
    }
    PO_TRY(run->cx, check_vkey_file(run));
    PO_TRY(run->cx, check_note(run));
    po_verify_say(run, PO_VERDICT_SIGNATURES, PO_VERDICT_OK,
                  run->is_vkey_own ? "the checkpoint is signed by the key beside it "
                                     "(self-consistent, origin not established)"
                                   : "the checkpoint is signed by the ledger's key");
    return po_rc_ok();
}

/* ---- bytes after the end --------------------------------------------------------------------- */

static bool is_tail_open(const struct po_verify *run)
{
    return run->ledger->recovery.was_open && run->ledger->reason[0] != '\0';
}

static po_rc segment_leaves_file(struct po_verify *run, uint64_t number, uint64_t rec_end)
{
    uint64_t offset = 0;
    uint64_t len = 0;
    PO_TRY(run->cx, po_file_len(run->cx, run->segment.rec_fd, &len));
    PO_TRY(run->cx, po_segment_find_nonzero(run->cx, run->segment.rec_fd, rec_end, &offset));
    if (offset < len)
        po_verify_find(run, PO_VERDICT_TAIL, po_verify_file(run, "%06lu.rec", number),
                       "byte %lu after the written end is not zero", offset);
    if (len > PO_SEGMENT_REC_BYTES)
        po_verify_find(run, PO_VERDICT_TAIL, po_verify_file(run, "%06lu.rec", number),
                       "the file is longer than a segment");
    return po_rc_ok();
}

po_rc po_verify_segment_tail(struct po_verify *run, uint64_t number)
{
    uint64_t leaves = run->ledger->size - number * PO_SEGMENT_LEAVES;
    bool is_last = leaves < PO_SEGMENT_LEAVES;
    uint64_t offset = 0;
    uint64_t len = 0;
    if (run->is_cut || !run->segment.is_open || (is_last && is_tail_open(run))) return po_rc_ok();
    if (!is_last) leaves = PO_SEGMENT_LEAVES;
    PO_TRY(run->cx, segment_leaves_file(run, number, leaves * PO_RECORD_BYTES));
    PO_TRY(run->cx, po_file_len(run->cx, run->segment.pay_fd, &len));
    PO_TRY(run->cx,
           po_segment_find_nonzero(run->cx, run->segment.pay_fd, run->segment.pay_end, &offset));
    if (offset < len && run->bad_tail_count < PO_VERIFY_SUSPECTS_MAX)
        run->bad_tails[run->bad_tail_count++] = number;
    run->result->verdicts[PO_VERDICT_TAIL].checked++;
    return po_rc_ok();
}

/* ---- strange files --------------------------------------------------------------------------- */

/* "000012.rec" of a segment that should exist; an empty next segment may. */
static bool is_segment_file(const struct po_verify *run, po_str name)
{
    uint64_t number = 0;
    char want[16];
    if (name.len != 10) return false;
    uint64_t last = run->ledger->size / PO_SEGMENT_LEAVES;
    for (size_t i = 0; i < 6; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9') return false;
        number = number * 10 + (uint64_t)(name.ptr[i] - '0');
    }
    po_segment_name(want, number, "rec");
    bool is_named = po_str_eq_cstr(name, want);
    po_segment_name(want, number, "pay");
    return (is_named || po_str_eq_cstr(name, want)) && number <= last;
}

static bool is_known_file(const struct po_verify *run, po_str name)
{
    static const char *const fixed[] = {"vkey", "writer", "checkpoint", "tile"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (po_str_eq_cstr(name, fixed[i])) return true;
    return po_str_starts(name, PO_LIT(PO_FS_TEMP_PREFIX)) || is_segment_file(run, name);
}

static po_rc check_names(struct po_verify *run)
{
    po_str *names = NULL;
    size_t count = 0;
    PO_SCRATCH_AUTO scratch = {0};
    PO_TRY(run->cx, po_scratch_begin(run->cx, (size_t)32 << 20, &scratch));
    PO_TRY(run->cx, po_fs_list(run->cx, run->ledger->dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (is_known_file(run, names[i])) continue;
        po_verify_find(run, PO_VERDICT_TAIL, po_verify_file(run, "%.*s", PO_STR_ARG(names[i])),
                       "does not belong to the ledger");
    }
    return po_rc_ok();
}

/* "tile/0/x001/234" of a tile that the size fills: its digits give the number, the number its name. */
static bool is_due_tile(const struct po_verify *run, po_str name)
{
    po_str rest = po_str_slice(name, sizeof "tile/" - 1, name.len);
    po_str kind = {NULL, 0};
    uint64_t level = 0;
    uint64_t number = 0;
    char text[8];
    char want[256];
    if (!po_str_next_field(&rest, '/', &kind)) return false;
    if (!po_is_ok(po_str_to_u64(kind, PO_TILE_LEVELS - 1, &level))) return false;
    for (size_t i = 0; i < rest.len && number < PO_LEDGER_LEAVES_MAX; i++)
        if (rest.ptr[i] >= '0' && rest.ptr[i] <= '9')
            number = number * 10 + (uint64_t)(rest.ptr[i] - '0');
    (void)snprintf(text, sizeof text, "%u", (unsigned)level);
    po_tile_path(want, sizeof want, text, number, PO_TILE_WIDTH);
    return number < run->ledger->size >> (8 * (level + 1)) && po_str_eq_cstr(name, want);
}

static po_rc check_tile_names(struct po_verify *run, const char *dir, unsigned depth);

static po_rc check_tile_name(struct po_verify *run, const char *name, unsigned depth)
{
    char path[PO_LEDGER_PATH_BYTES];
    struct po_fs_info info = {0};
    PO_TRY(run->cx, po_ledger_path(run->cx, run->ledger, name, path));
    PO_TRY(run->cx, po_fs_info(run->cx, path, &info));
    if (info.is_dir && depth < TILE_DEPTH_MAX) return check_tile_names(run, name, depth + 1);
    if (info.is_dir || !is_due_tile(run, po_str_of(name)))
        po_verify_find(run, PO_VERDICT_TAIL, po_verify_file(run, "%s", name),
                       "does not belong to the ledger");
    return po_rc_ok();
}

/* Each due tile was looked for; what else lies below tile/ is strange. */
static po_rc check_tile_names(struct po_verify *run, const char *dir, unsigned depth)
{
    char path[PO_LEDGER_PATH_BYTES];
    po_str *names = NULL;
    size_t count = 0;
    PO_TRY(run->cx, po_ledger_path(run->cx, run->ledger, dir, path));
    PO_TRY(run->cx, po_fs_list(run->cx, path, &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (po_str_starts(names[i], PO_LIT(PO_FS_TEMP_PREFIX))) continue;
        const char *name = po_arena_printf(run->cx->arena, "%s/%.*s", dir, PO_STR_ARG(names[i]));
        if (name == NULL) return PO_FAIL(run->cx, PO_NOMEM, "out of memory");
        PO_TRY(run->cx, check_tile_name(run, name, depth));
    }
    return po_rc_ok();
}

static po_rc check_tile_files(struct po_verify *run)
{
    char path[PO_LEDGER_PATH_BYTES];
    struct po_fs_info info = {0};
    PO_SCRATCH_AUTO scratch = {0};
    PO_TRY(run->cx, po_scratch_begin(run->cx, (size_t)256 << 20, &scratch));
    PO_TRY(run->cx, po_ledger_path(run->cx, run->ledger, "tile", path));
    PO_TRY(run->cx, po_fs_info(run->cx, path, &info));
    if (!info.is_dir) return po_rc_ok();
    return check_tile_names(run, "tile", 0);
}

/* One of two files alone: recovery completes or never leaves such. */
static po_rc check_half_segment(struct po_verify *run, uint64_t number)
{
    static const char *const exts[] = {"rec", "pay"};
    for (size_t i = 0; i < 2; i++) {
        char path[PO_LEDGER_PATH_BYTES];
        char name[16];
        struct po_fs_info info = {0};
        po_segment_name(name, number, exts[i]);
        PO_TRY(run->cx, po_ledger_path(run->cx, run->ledger, name, path));
        PO_TRY(run->cx, po_fs_info(run->cx, path, &info));
        if (info.exists)
            po_verify_find(run, PO_VERDICT_TAIL, po_verify_file(run, "%s", name),
                           "its other half is missing");
    }
    return po_rc_ok();
}

/* A segment made for a leaf that never came must be empty. */
static po_rc check_next_segment(struct po_verify *run)
{
    uint64_t number = run->ledger->size / PO_SEGMENT_LEAVES;
    if (run->ledger->size % PO_SEGMENT_LEAVES != 0 || is_tail_open(run)) return po_rc_ok();
    po_rc rc = po_segment_open(run->cx, run->ledger, number, false, &run->segment);
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(run->cx);
        return check_half_segment(run, number);
    }
    PO_TRY(run->cx, rc);
    rc = po_verify_segment_tail(run, number);
    po_segment_close(&run->segment);
    return rc;
}

po_rc po_verify_tail(struct po_verify *run)
{
    bool is_open = false;
    PO_TRY(run->cx, check_next_segment(run));
    PO_TRY(run->cx, check_names(run));
    PO_TRY(run->cx, check_tile_files(run));
    po_rc rc = po_ledger_marker_read(run->cx, run->ledger, &is_open);
    run->result->verdicts[PO_VERDICT_TAIL].checked++;
    if (rc.code == PO_CORRUPT || rc.code == PO_INVALID) {
        po_err_clear(run->cx);
        po_verify_find(run, PO_VERDICT_TAIL, "writer", "is missing or damaged");
        rc = po_rc_ok();
    }
    PO_TRY(run->cx, rc);
    for (size_t i = 0; i < run->bad_tail_count; i++) {
        bool is_explained = false;
        for (size_t j = 0; j < run->record_fault_count; j++)
            is_explained |= run->record_faults[j] / PO_SEGMENT_LEAVES == run->bad_tails[i];
        if (!is_explained)
            po_verify_find(run, PO_VERDICT_TAIL,
                           po_verify_file(run, "%06lu.pay", run->bad_tails[i]),
                           "bytes after the last payload are not zero");
    }
    if (is_tail_open(run))
        po_verify_say(run, PO_VERDICT_TAIL, PO_VERDICT_NOT_CHECKED,
                      "the last writer did not end cleanly; recovery needs the keys");
    po_verify_say(run, PO_VERDICT_TAIL, PO_VERDICT_OK,
                  "zero after the written end, no strange file");
    return po_rc_ok();
}

/* ---- payloads -------------------------------------------------------------------------------- */

void po_verify_payloads(struct po_verify *run)
{
    uint64_t unlocated = 0;
    for (size_t i = 0; i < run->bad_payload_count; i++) {
        uint64_t leaf = run->bad_payloads[i];
        bool is_record_fault = false;
        for (size_t j = 0; j < run->record_fault_count; j++)
            is_record_fault |=
                run->record_faults[j] <= leaf &&
                run->record_faults[j] / PO_SEGMENT_LEAVES == leaf / PO_SEGMENT_LEAVES;
        unlocated += is_record_fault;
        if (!is_record_fault)
            po_verify_find(run, PO_VERDICT_PAYLOADS,
                           po_verify_file(run, "%06lu.pay", leaf / PO_SEGMENT_LEAVES),
                           "the payload of leaf %lu is not the one its record commits to", leaf);
    }
    run->result->findings_dropped += run->bad_payload_total - run->bad_payload_count;
    if (unlocated > 0)
        po_verify_say(run, PO_VERDICT_PAYLOADS, PO_VERDICT_NOT_CHECKED,
                      "%lu payloads cannot be judged: their records are damaged",
                      run->bad_payload_total);
    po_verify_say(run, PO_VERDICT_PAYLOADS, PO_VERDICT_OK,
                  "%lu payloads are those the records commit to",
                  run->result->verdicts[PO_VERDICT_PAYLOADS].checked);
}

/* ---- earlier checkpoints --------------------------------------------------------------------- */

static void hold_against(struct po_verify *run, const struct po_ledger_against *against)
{
    struct po_checkpoint earlier = {.size = against->size};
    memcpy(earlier.root, against->root, PO_SHA256_BYTES);
    if (against->note.len > 0) {
        po_rc rc = run->has_vkey ? po_checkpoint_verify(against->note, &run->vkey, &earlier)
                                 : po_checkpoint_parse(against->note, &earlier);
        if (!po_is_ok(rc)) {
            po_verify_find(run, PO_VERDICT_CONSISTENCY, against->name, "%s",
                           rc.code == PO_NOTFOUND ? "is of another log or another key"
                                                  : signature_fault(rc.code));
            return;
        }
    }
    const uint8_t *root = po_verify_root_of(run, earlier.size);
    run->result->verdicts[PO_VERDICT_CONSISTENCY].checked++;
    if (earlier.size > run->ledger->size)
        po_verify_find(run, PO_VERDICT_CONSISTENCY, against->name,
                       "speaks of %lu leaves, the ledger has %lu: leaves were cut off or this is "
                       "another history",
                       earlier.size, run->ledger->size);
    else if (root == NULL || !po_digest_eq(root, earlier.root))
        po_verify_find(run, PO_VERDICT_CONSISTENCY, against->name,
                       "contradicts the ledger: another root at size %lu", earlier.size);
}

po_rc po_verify_consistency(struct po_verify *run)
{
    for (size_t i = 0; i < run->options->against_count; i++)
        hold_against(run, &run->options->against[i]);
    if (run->options->against_count == 0)
        po_verify_say(run, PO_VERDICT_CONSISTENCY, PO_VERDICT_NOT_CHECKED,
                      "no earlier checkpoint was given");
    po_verify_say(run, PO_VERDICT_CONSISTENCY, PO_VERDICT_OK,
                  "%lu earlier checkpoints are prefixes of this ledger",
                  run->result->verdicts[PO_VERDICT_CONSISTENCY].checked);
    return po_rc_ok();
}

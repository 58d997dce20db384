/*
 * Go's x/mod/sumdb/{note,tlog} (Debian packages golang-go, golang-golang-x-mod-dev) against us, in
 * both directions. The program is tests/oracle/ledger_oracle.go; it is built once for each case.
 */
#include "fixture.h"
#include "merkle_model.h"

#define SIZES 300

/* Run a shell command; its standard output goes to `out` (cut), its success is returned. */
static bool run(const char *command, char *out, size_t out_len)
{
    FILE *pipe = popen(command, "r");
    check_that(pipe != NULL);
    size_t len = fread(out, 1, out_len - 1, pipe);
    out[len] = '\0';
    return pclose(pipe) == 0;
}

static void build_oracle(char *binary, size_t binary_len)
{
    char command[4096];
    char out[1024];
    if (system("command -v go >/dev/null 2>&1") != 0 ||
        access("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go", R_OK) != 0)
        test_skip("needs the packages golang-go and golang-golang-x-mod-dev");
    (void)snprintf(binary, binary_len, "%s", test_tmp("oracle"));
    (void)snprintf(command, sizeof command,
                   "GO111MODULE=off GOPROXY=off GOFLAGS= GOPATH='%s':/usr/share/gocode "
                   "HOME=\"${HOME:-'%s'}\" go build -o '%s' '%s' 2>&1",
                   test_tmp("gopath"), test_tmp("home"), binary,
                   test_source_path("tests/oracle/ledger_oracle.go"));
    check_that(run(command, out, sizeof out), "%s", out);
}

/* ---- an export --------------------------------------------------------------------------------- */

static void write_proof(struct po_ctx *cx, struct fix *fix, const char *dir, uint64_t index)
{
    char path[1200];
    PO_BUF_AUTO text;
    po_buf_init(&text, PO_PROOF_BYTES_MAX);
    check_ok(cx, po_ledger_prove(cx, fix->ledger, index, &text));
    (void)snprintf(path, sizeof path, "%s/proofs/%lu", dir, index);
    test_write_file(path, text.ptr, text.len);
}

/* @proves CC7.2 */
TEST_TIMEOUT(ledger_oracle__go_accepts_checkpoint_tiles_entries_and_proofs_of_an_export, 120)
{
    TEST_CX(cx);
    FIX_AUTO fix;
    char binary[1024];
    char command[4096];
    char out[1024];
    char dir[600];
    build_oracle(binary, sizeof binary);
    (void)snprintf(dir, sizeof dir, "%s", test_tmp("export"));
    (void)snprintf(command, sizeof command, "'%s' export '%s' 2>&1", binary, dir);
    fix_new(cx, &fix);
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 700};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char want[64];
        fix_append(cx, &fix, sizes[i] - po_ledger_size(fix.ledger), 100);
        fix_checkpoint(cx, &fix);
        check_ok(cx, po_ledger_export(cx, fix.ledger, dir, NULL));
        if (i == 0) check_that(mkdir(fix_path(dir, "proofs"), 0700) == 0);
        for (uint64_t at = 0; at < sizes[i]; at += 1 + sizes[i] / 20)
            write_proof(cx, &fix, dir, at);
        check_that(run(command, out, sizeof out), "size %lu: %s", sizes[i], out);
        (void)snprintf(want, sizeof want, "ok %lu entries", sizes[i]);
        check_contains(out, want);
    }
    /* And it would have noticed. */
    static const char *const files[] = {"tile/0/000",       "tile/0/002.p/188", "tile/1/000.p/2",
                                        "tile/entries/001", "checkpoint",       "vkey",
                                        "proofs/0"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        fix_flip(fix_path(dir, files[i]), 40);
        check_that(!run(command, out, sizeof out), "%s altered: %s", files[i], out);
        fix_flip(fix_path(dir, files[i]), 40);
    }
    check_that(run(command, out, sizeof out), "%s", out);
}

/* ---- proofs of every size ---------------------------------------------------------------------- */

static void put_line(FILE *file, const char *kind, uint64_t old, uint64_t size,
                     const struct po_proof_hashes *proof)
{
    char hex[2 * 32 + 1];
    fprintf(file, "%s %lu %lu ", kind, old, size);
    for (size_t i = 0; i < proof->count; i++) {
        po_hex_encode(proof->hashes[i], 32, hex);
        fputs(hex, file);
    }
    fputc('\n', file);
}

static void write_ours(struct po_ctx *cx, struct model *model, const char *path)
{
    FILE *file = fopen(path, "w");
    struct po_proof_hashes proof;
    struct po_merkle_source source = model_source(model);
    check_that(file != NULL);
    for (uint64_t size = 1; size <= SIZES; size++) {
        for (uint64_t i = 0; i < size; i++) {
            check_ok(cx, po_merkle_inclusion(cx, &source, i, size, &proof));
            put_line(file, "inclusion", i, size, &proof);
            check_ok(cx, po_merkle_consistency(cx, &source, i + 1, size, &proof));
            put_line(file, "consistency", i + 1, size, &proof);
        }
    }
    check_that(fclose(file) == 0);
}

struct their_proof {
    bool is_inclusion;
    uint64_t old;
    uint64_t size;
    struct po_proof_hashes hashes;
};

static void parse_line(po_str line, struct their_proof *proof)
{
    po_str kind;
    po_str old;
    po_str size;
    po_str hex;
    check_that(po_str_next_field(&line, ' ', &kind) && po_str_next_field(&line, ' ', &old) &&
               po_str_next_field(&line, ' ', &size));
    if (!po_str_next_field(&line, ' ', &hex)) hex = PO_LIT("");
    proof->is_inclusion = po_str_eq(kind, PO_LIT("inclusion"));
    check_ok_leaf(po_str_to_u64(old, SIZES, &proof->old));
    check_ok_leaf(po_str_to_u64(size, SIZES, &proof->size));
    proof->hashes.count = hex.len / 64;
    check_that(proof->hashes.count <= PO_PROOF_HASHES_MAX && hex.len % 64 == 0);
    for (size_t i = 0; i < proof->hashes.count; i++)
        check_ok_leaf(
            po_hex_decode(po_str_slice(hex, i * 64, i * 64 + 64), proof->hashes.hashes[i], 32));
}

static bool passes(struct model *model, const struct their_proof *proof)
{
    uint8_t old_root[32];
    uint8_t root[32];
    model_root(model, 0, proof->size, root);
    if (proof->is_inclusion) {
        const struct po_inclusion_claim claim = {proof->old, proof->size, model->leaves[proof->old],
                                                 root};
        return po_is_ok(po_inclusion_verify(&claim, &proof->hashes));
    }
    model_root(model, 0, proof->old, old_root);
    const struct po_consistency_claim claim = {proof->old, proof->size, old_root, root};
    return po_is_ok(po_consistency_verify(&claim, &proof->hashes));
}

/* Theirs as it is, and with the mutations that they try on ours. */
static void check_theirs(struct model *model, struct their_proof *proof)
{
    struct po_proof_hashes *hashes = &proof->hashes;
    check_that(passes(model, proof), "%lu of %lu", proof->old, proof->size);
    for (size_t i = 0; i < hashes->count; i++) {
        hashes->hashes[i][i % 32] ^= 0x10;
        check_that(!passes(model, proof), "%lu of %lu, hash %zu", proof->old, proof->size, i);
        hashes->hashes[i][i % 32] ^= 0x10;
    }
    if (hashes->count > 0) {
        hashes->count--;
        check_that(!passes(model, proof), "%lu of %lu, one less", proof->old, proof->size);
        hashes->count++;
    }
    memset(hashes->hashes[hashes->count], 0, 32);
    hashes->hashes[hashes->count++][0] = 0x5a;
    check_that(!passes(model, proof), "%lu of %lu, one more", proof->old, proof->size);
}

/* @proves CC7.2 */
TEST_TIMEOUT(ledger_oracle__go_and_we_agree_on_every_proof_to_size_300, 120)
{
    TEST_CX(cx);
    struct model model;
    struct their_proof proof;
    char binary[1024];
    char command[4096];
    char out[1024];
    char ours[600];
    size_t len = 0;
    uint64_t count = 0;
    build_oracle(binary, sizeof binary);
    model_init(cx, &model, SIZES);
    model_memo(&model);
    (void)snprintf(ours, sizeof ours, "%s", test_tmp("ours"));
    write_ours(cx, &model, ours);
    const char *theirs = test_tmp("theirs");
    (void)snprintf(command, sizeof command, "'%s' proofs %d '%s' '%s' 2>&1", binary, SIZES, ours,
                   theirs);
    check_that(run(command, out, sizeof out), "%s", out);
    char *text = test_read_file(theirs, &len);
    po_str rest = po_str_n(text, len);
    for (po_str line; po_str_next_line(&rest, &line); count++) {
        parse_line(line, &proof);
        check_theirs(&model, &proof);
    }
    check_eq_u64(count, (uint64_t)SIZES * (SIZES + 1));
    free(text);
    model_done(&model);
}

/*
 * Bundle manifests and the notes over them from hostile bytes: the input is a manifest, a NUL, a note.
 *
 * A manifest that reads must be written back to one that reads the same. A note can give trust only
 * when the one key known here signed exactly this manifest.
 */
#include "fuzz/fuzz.h"
#include "program/bundle_priv.h"
#include "program/caps_priv.h"

#include <stdlib.h>

#define MANIFEST_BYTES_MAX ((size_t)1 << 20)

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static void check_paths(const struct po_bundle *bundle)
{
    for (size_t i = 0; i < bundle->file_count; i++) {
        po_str path = bundle->files[i].path;
        require(path.len > 0 && path.ptr[0] != '/' && path.ptr[0] != '.');
        require(po_str_find(path, PO_LIT("/."), 0) == SIZE_MAX);
        require(po_str_find_char(path, '\0', 0) == SIZE_MAX);
        require(i == 0 || po_str_cmp(bundle->files[i - 1].path, path) < 0);
    }
    for (size_t i = 0; i < bundle->program_count; i++) {
        const struct po_bundle_program *row = &bundle->programs[i];
        require(po_bundle_file_find(bundle, row->file) != NULL);
        for (size_t k = 0; k < row->needs.count; k++) {
            struct po_caps one = {1, &row->needs.at[k]};
            require(po_caps_cover_at(&one, &row->needs.at[k], NULL));
        }
    }
}

static void check_same(const struct po_bundle *a, const struct po_bundle *b)
{
    require(po_str_eq(a->name, b->name));
    require(a->file_count == b->file_count && a->program_count == b->program_count);
    for (size_t i = 0; i < a->file_count; i++) {
        require(po_str_eq(a->files[i].path, b->files[i].path));
        require(memcmp(a->files[i].digest, b->files[i].digest, PO_SHA256_BYTES) == 0);
    }
    for (size_t i = 0; i < a->program_count; i++) {
        require(po_str_eq(a->programs[i].entry, b->programs[i].entry));
        require(po_str_eq(a->programs[i].name, b->programs[i].name));
        require(po_caps_eq(&a->programs[i].needs, &b->programs[i].needs));
    }
}

/* The key of thirty-two bytes 'a', as the corpus is signed with. */
static void make_key(struct po_ctx *cx, struct po_trust_key *ret_key)
{
    char bytes[PO_ED25519_SEED_BYTES];
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = NULL;
    memset(bytes, 'a', sizeof bytes);
    require(po_is_ok(po_secret_new(cx, po_str_n(bytes, sizeof bytes), &seed)));
    require(po_is_ok(po_sign_key_new(cx, seed, &key)));
    require(po_is_ok(po_note_vkey_make(PO_LIT("one.example"), PO_NOTE_ED25519,
                                       po_sign_key_public(key), &ret_key->vkey)));
    ret_key->trust = PO_TRUST_VENDOR;
}

static void check_note(struct po_ctx *cx, po_str manifest, po_str note_bytes,
                       struct po_bundle *bundle)
{
    static struct po_trust_key key;
    static bool is_ready;
    PO_BUF_AUTO text = {0};
    struct po_note note;
    bool is_signed = false;
    if (!is_ready) make_key(cx, &key);
    is_ready = true;
    if (!po_is_ok(po_bundle_note_verify(cx, manifest, note_bytes, &key, 1, bundle))) return;
    po_buf_init(&text, PO_NOTE_BYTES_MAX);
    require(po_is_ok(po_note_parse(note_bytes, &note)));
    require(po_is_ok(po_bundle_note_text(cx, manifest, bundle->name, &text)));
    require(po_str_eq(note.text, po_buf_str(&text)));
    po_ignore(po_note_verify(&note, &key.vkey, 1, &is_signed), "an unknown signer is fine here");
    require((bundle->trust == PO_TRUST_VENDOR) == is_signed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PO_CTX_AUTO cx = {0};
    PO_BUF_AUTO out = {0};
    struct po_bundle bundle = {.trust = PO_TRUST_NONE};
    struct po_bundle again = {.trust = PO_TRUST_NONE};
    if (!po_is_ok(po_ctx_init(&cx))) return 0;
    /* a copy of its exact size, so that reading beyond the end is seen */
    char *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) return 0;
    if (size > 0) memcpy(exact, data, size);
    po_str rest = po_str_n(exact, size);
    po_str manifest = {0};
    (void)po_str_next_field(&rest, '\0', &manifest);
    if (po_is_ok(po_bundle_manifest_read(&cx, manifest, &bundle))) {
        check_paths(&bundle);
        po_buf_init(&out, MANIFEST_BYTES_MAX);
        po_bundle_manifest_put(&bundle, &out);
        if (po_is_ok(po_buf_check(&out))) {
            require(po_is_ok(po_bundle_manifest_read(&cx, po_buf_str(&out), &again)));
            check_same(&bundle, &again);
        }
        check_note(&cx, manifest, rest, &bundle);
    }
    free(exact);
    return 0;
}

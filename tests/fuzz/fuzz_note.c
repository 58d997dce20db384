/*
 * Signed notes and verifier keys from hostile bytes.
 *
 * What parses must be made of the input's own bytes, and a key that parses must format to itself.
 */
#include "crypto/crypto.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

static bool is_inside(po_str part, po_str whole)
{
    return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

static void check_note(po_str in)
{
    static struct po_note_vkey known;
    static bool is_ready;
    if (!is_ready) {
        po_str text = PO_LIT("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        require(po_is_ok(po_note_vkey_parse(text, &known)));
        is_ready = true;
    }
    static struct po_note note;
    if (!po_is_ok(po_note_parse(in, &note))) return;
    require(note.sig_count >= 1 && note.sig_count <= PO_NOTE_SIGS_MAX);
    require(is_inside(note.text, in) && po_str_ends(note.text, PO_LIT("\n")));
    for (size_t i = 0; i < note.sig_count; i++) {
        require(is_inside(note.sigs[i].name, in) && note.sigs[i].name.len > 0);
        require(is_inside(note.sigs[i].base64, in) && note.sigs[i].base64.len >= 8);
    }
    bool is_signed = false;
    po_rc rc = po_note_verify(&note, &known, 1, &is_signed);
    require(po_is_ok(rc) == is_signed);
}

static void check_vkey(po_str in)
{
    struct po_note_vkey vkey;
    if (!po_is_ok(po_note_vkey_parse(in, &vkey))) return;
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 1024);
    po_note_vkey_format(&vkey, &out);
    require(po_str_eq(po_buf_str(&out), in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of its exact size, so that reading beyond the end is seen. */
    char *copy = malloc(size + 1);
    if (copy == NULL) return 0;
    char *exact = size > 0 ? realloc(copy, size) : copy;
    if (exact == NULL) exact = copy;
    if (size > 0) memcpy(exact, data, size);
    check_note(po_str_n(exact, size));
    check_vkey(po_str_n(exact, size));
    free(exact);
    return 0;
}

/*
 * What an authenticator is set up with: the secret as text, the otpauth URI, its QR code.
 *
 * Source  github.com/google/google-authenticator wiki, "Key Uri Format" (read, not copied)
 *
 * Buffers get their full size before the secret goes in: a buffer that grows leaves a copy behind.
 */
#include "core/alloc.h"
#include "identity/credential_priv.h"

#include <qrencode.h>

#define GROUP_CHARS 4
#define ISSUER_BYTES_MAX 64
#define URI_BYTES_MAX ((size_t)2048)
#define DRAWING_BYTES_MAX ((size_t)512 << 10)
#define QUIET_MODULES 4
#define RUN_BYTES_MAX 24 /* "M123 123h123v1h-123z" */
#define FRAME_BYTES_MAX 400

void po_enrolment_done(struct po_enrolment *enrolment)
{
    if (enrolment == NULL) return;
    po_buf_wipe(&enrolment->secret);
    po_buf_wipe(&enrolment->uri);
    po_buf_wipe(&enrolment->svg);
    po_buf_wipe(&enrolment->blocks);
}

void po_totp_key_text(const uint8_t key[static PO_TOTP_KEY_BYTES],
                      char out[static PO_BASE32_KEY_CHARS])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    for (size_t i = 0; i < PO_BASE32_KEY_CHARS; i++) {
        size_t bit = i * 5;
        unsigned pair = (unsigned)key[bit / 8] << 8;
        if (bit / 8 + 1 < PO_TOTP_KEY_BYTES) pair |= key[bit / 8 + 1];
        out[i] = alphabet[pair >> (11 - bit % 8) & 31];
    }
}

/* All the room at once; the buffer is empty afterwards. */
static po_rc reserve(struct po_buf *buf, size_t bytes)
{
    if (po_buf_extend(buf, bytes) == NULL) return po_buf_check(buf);
    po_buf_truncate(buf, buf->len - bytes);
    return po_rc_ok();
}

/* RFC 3986 unreserved characters stay. */
static void append_escaped(struct po_buf *buf, po_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool stays = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                     (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '.' || byte == '_' ||
                     byte == '~';
        if (stays) {
            po_buf_append_char(buf, (char)byte);
            continue;
        }
        po_buf_append_char(buf, '%');
        po_buf_append_char(buf, "0123456789ABCDEF"[byte >> 4]);
        po_buf_append_char(buf, "0123456789ABCDEF"[byte & 15]);
    }
}

static void append_uri(struct po_buf *uri, po_str secret, const struct po_totp_label *label)
{
    po_buf_append_cstr(uri, "otpauth://totp/");
    append_escaped(uri, label->issuer);
    po_buf_append_char(uri, ':');
    append_escaped(uri, label->account);
    po_buf_append_cstr(uri, "?secret=");
    po_buf_append(uri, secret);
    po_buf_append_cstr(uri, "&issuer=");
    append_escaped(uri, label->issuer);
    po_buf_append_cstr(uri, "&algorithm=SHA1&digits=6&period=30");
}

static po_rc fill_enrolment(const uint8_t key[static PO_TOTP_KEY_BYTES],
                            const struct po_totp_label *label, struct po_enrolment *enrolment)
{
    char text[PO_BASE32_KEY_CHARS];
    PO_PASS(reserve(&enrolment->secret, PO_BASE32_KEY_CHARS * 2));
    PO_PASS(reserve(&enrolment->uri, URI_BYTES_MAX));
    po_totp_key_text(key, text);
    for (size_t i = 0; i < PO_BASE32_KEY_CHARS; i++) {
        if (i > 0 && i % GROUP_CHARS == 0) po_buf_append_char(&enrolment->secret, ' ');
        po_buf_append_char(&enrolment->secret, text[i]);
    }
    append_uri(&enrolment->uri, po_str_n(text, sizeof text), label);
    po_wipe(text, sizeof text);
    PO_PASS(po_buf_check(&enrolment->secret));
    PO_PASS(po_buf_check(&enrolment->uri));
    return po_qr_draw(po_buf_str(&enrolment->uri), &enrolment->svg, &enrolment->blocks);
}

po_rc po_enrolment_make(const uint8_t key[static PO_TOTP_KEY_BYTES],
                        const struct po_totp_label *label, struct po_enrolment *ret_enrolment)
{
    PO_CLEANUP(po_enrolment_done) struct po_enrolment enrolment = {0};
    po_buf_init(&enrolment.secret, PO_BASE32_KEY_CHARS * 2);
    po_buf_init(&enrolment.uri, URI_BYTES_MAX);
    po_buf_init(&enrolment.svg, DRAWING_BYTES_MAX);
    po_buf_init(&enrolment.blocks, DRAWING_BYTES_MAX);
    if (label->issuer.len > ISSUER_BYTES_MAX || label->account.len > PO_EMAIL_BYTES_MAX)
        return po_rc_of(PO_LIMIT);
    PO_PASS(fill_enrolment(key, label, &enrolment));
    *ret_enrolment = enrolment;
    enrolment = (struct po_enrolment){0};
    return po_rc_ok();
}

/* ---- QR codes --------------------------------------------------------------------------------- */

static void free_qr(QRcode **qr)
{
    if (*qr == NULL) return;
    po_wipe((*qr)->data, (size_t)(*qr)->width * (size_t)(*qr)->width);
    QRcode_free(*qr);
}

static bool is_dark(const QRcode *qr, int x, int y)
{
    bool is_inside = x >= 0 && y >= 0 && x < qr->width && y < qr->width;
    return is_inside && (qr->data[y * qr->width + x] & 1) != 0;
}

static size_t count_runs(const QRcode *qr)
{
    size_t count = 0;
    for (int y = 0; y < qr->width; y++)
        for (int x = 0; x < qr->width; x++)
            if (is_dark(qr, x, y) && !is_dark(qr, x - 1, y)) count++;
    return count;
}

static void append_svg_row(struct po_buf *svg, const QRcode *qr, int y)
{
    for (int x = 0; x < qr->width; x++) {
        int count = 0;
        while (is_dark(qr, x + count, y))
            count++;
        if (count == 0) continue;
        po_buf_printf(svg, "M%d %dh%dv1h-%dz", x + QUIET_MODULES, y + QUIET_MODULES, count, count);
        x += count;
    }
}

static po_rc draw_svg(const QRcode *qr, struct po_buf *svg)
{
    const int side = qr->width + 2 * QUIET_MODULES;
    PO_PASS(reserve(svg, count_runs(qr) * RUN_BYTES_MAX + FRAME_BYTES_MAX));
    po_buf_printf(svg,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
                  "aria-label=\"QR code\" shape-rendering=\"crispEdges\">"
                  "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path fill=\"#000\" d=\"",
                  side, side, side, side);
    for (int y = 0; y < qr->width; y++)
        append_svg_row(svg, qr, y);
    po_buf_append_cstr(svg, "\"/></svg>");
    return po_buf_check(svg);
}

/* Two rows a line. Light is drawn, dark is left out: terminals are mostly dark. */
static po_rc draw_blocks(const QRcode *qr, struct po_buf *blocks)
{
    static const char *const glyphs[] = {"\xe2\x96\x88", "\xe2\x96\x80", "\xe2\x96\x84", " "};
    const int from = -QUIET_MODULES;
    const int to = qr->width + QUIET_MODULES;
    const size_t side = (size_t)(to - from);
    PO_PASS(reserve(blocks, (side * 3 + 1) * (side / 2 + 1)));
    for (int y = from; y < to; y += 2) {
        for (int x = from; x < to; x++) {
            bool is_upper = is_dark(qr, x, y);
            bool is_lower = is_dark(qr, x, y + 1);
            po_buf_append_cstr(blocks, glyphs[(is_upper ? 2 : 0) + (is_lower ? 1 : 0)]);
        }
        po_buf_append_char(blocks, '\n');
    }
    return po_buf_check(blocks);
}

po_rc po_qr_draw(po_str text, struct po_buf *svg, struct po_buf *blocks)
{
    if (text.len == 0 || text.len > URI_BYTES_MAX) return po_rc_of(PO_LIMIT);
    PO_CLEANUP(free_qr)
    QRcode *qr = QRcode_encodeData((int)text.len, (const unsigned char *)text.ptr, 0, QR_ECLEVEL_M);
    if (qr == NULL) return po_rc_of(PO_NOMEM);
    PO_PASS(draw_svg(qr, svg));
    return draw_blocks(qr, blocks);
}

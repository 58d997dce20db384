/*
 * Sealed cells and lookup tokens.
 *
 * A cell is version, key epoch, nonce, ciphertext, tag. Its AAD names tenant, table, column, row and
 * epoch, so that a cell moved to another place does not open there (docs/spec/store.md 4).
 */
#include "store/store_priv.h"

#define CELL_VERSION 1
#define CELL_HEAD_BYTES 2
#define CELL_BYTES_MAX (PO_STORE_VALUE_BYTES_MAX + CELL_HEAD_BYTES + PO_XCHACHA_OVERHEAD_BYTES)
#define PLACE_BYTES_MAX 512

/* "label" 0 tenant u64 epoch u32, then table, column and row, each after its length u16. */
static po_rc write_place(const char *label, const struct po_cell_place *place, uint32_t epoch,
                         struct po_buf *out)
{
    const po_str parts[3] = {po_str_of(place->table), po_str_of(place->column), place->row};
    uint8_t room[PO_ROW_ID_BYTES];
    po_buf_append_cstr(out, label);
    po_buf_append_u8(out, 0);
    po_buf_append(out, po_row_id(place->tenant.value, room));
    po_buf_append_be16(out, (uint16_t)(epoch >> 16));
    po_buf_append_be16(out, (uint16_t)epoch);
    for (size_t i = 0; i < 3; i++) {
        po_buf_append_be16(out, (uint16_t)parts[i].len);
        po_buf_append(out, parts[i]);
    }
    return po_buf_check(out);
}

po_str po_row_id(uint64_t id, uint8_t room[static PO_ROW_ID_BYTES])
{
    for (size_t i = 0; i < PO_ROW_ID_BYTES; i++)
        room[i] = (uint8_t)(id >> (56 - 8 * i));
    return po_str_n(room, PO_ROW_ID_BYTES);
}

static po_rc derive_key(struct po_ctx *cx, const struct po_secret *data_key, const char *label,
                        uint8_t out[static PO_KEY_BYTES])
{
    PO_TRY_LEAF(cx,
                po_hkdf_sha256(po_secret_bytes(data_key), (po_str){NULL, 0}, po_str_of(label), out,
                               PO_KEY_BYTES),
                "a cell key cannot be derived");
    return po_rc_ok();
}

po_rc po_cell_seal(struct po_ctx *cx, struct po_store *store, const struct po_cell_place *place,
                   po_str plain, struct po_buf *out)
{
    if (plain.len > PO_STORE_VALUE_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a value of %zu bytes is over %zu", plain.len,
                       PO_STORE_VALUE_BYTES_MAX);
    uint32_t epoch = 0;
    const struct po_secret *data_key = NULL;
    PO_TRY(cx, po_store_data_key_get(cx, store, place->tenant, &epoch, &data_key));
    uint8_t key[PO_KEY_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY(cx, derive_key(cx, data_key, "paulyops/v1/cell-key", key));
    PO_BUF_AUTO aad = {0};
    po_buf_init(&aad, PLACE_BYTES_MAX);
    PO_TRY_LEAF(cx, write_place("paulyops/v1/cell", place, epoch, &aad), "no memory for a cell");
    po_buf_append_u8(out, CELL_VERSION);
    po_buf_append_u8(out, (uint8_t)epoch);
    PO_TRY_LEAF(cx, po_buf_check(out), "no memory for a cell");
    PO_TRY_LEAF(cx, po_xchacha_seal(po_str_n(key, sizeof key), po_buf_str(&aad), plain, out),
                "a cell cannot be sealed");
    return po_rc_ok();
}

static po_rc open_with(struct po_ctx *cx, const struct po_secret *data_key, po_str aad, po_str cell,
                       po_str *ret_plain)
{
    uint8_t key[PO_KEY_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY(cx, derive_key(cx, data_key, "paulyops/v1/cell-key", key));
    PO_CLEANUP(po_buf_wipe) struct po_buf plain = {0};
    po_buf_init(&plain, CELL_BYTES_MAX);
    po_str sealed = po_str_slice(cell, CELL_HEAD_BYTES, cell.len);
    PO_TRY_LEAF(cx, po_xchacha_open(po_str_n(key, sizeof key), aad, sealed, &plain),
                "it was altered, or belongs to another place");
    if (ret_plain == NULL) return po_rc_ok();
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&plain), ret_plain),
                "out of request memory");
    return po_rc_ok();
}

po_rc po_cell_open(struct po_ctx *cx, struct po_store *store, const struct po_cell_place *place,
                   po_str cell, po_str *ret_plain)
{
    if (cell.len < CELL_HEAD_BYTES + PO_XCHACHA_OVERHEAD_BYTES || cell.len > CELL_BYTES_MAX ||
        cell.ptr[0] != CELL_VERSION)
        return PO_FAIL(cx, PO_CORRUPT, "sealed cell %s.%s has an unknown shape", place->table,
                       place->column);
    uint32_t epoch = (uint8_t)cell.ptr[1];
    const struct po_secret *data_key = NULL;
    PO_TRY_MSG(cx, po_store_data_key_get_at(cx, store, place->tenant, epoch, &data_key),
               "sealed cell %s.%s", place->table, place->column);
    PO_BUF_AUTO aad = {0};
    po_buf_init(&aad, PLACE_BYTES_MAX);
    PO_TRY_LEAF(cx, write_place("paulyops/v1/cell", place, epoch, &aad), "no memory for a cell");
    PO_TRY_MSG(cx, open_with(cx, data_key, po_buf_str(&aad), cell, ret_plain), "sealed cell %s.%s",
               place->table, place->column);
    return po_rc_ok();
}

po_rc po_store_token(struct po_ctx *cx, struct po_store *store,
                     const struct po_store_column *column, po_str value,
                     uint8_t out[static PO_STORE_TOKEN_BYTES])
{
    const uint32_t first_epoch = 1;
    const struct po_secret *data_key = NULL;
    PO_TRY(cx, po_store_data_key_get_at(cx, store, column->tenant, first_epoch, &data_key));
    uint8_t key[PO_KEY_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY(cx, derive_key(cx, data_key, "paulyops/v1/token-key", key));
    const struct po_cell_place place = {column->tenant, column->table, column->column, value};
    PO_CLEANUP(po_buf_wipe) struct po_buf input = {0};
    po_buf_init(&input, PLACE_BYTES_MAX + PO_STORE_VALUE_BYTES_MAX);
    if (value.len >= PO_STORE_VALUE_BYTES_MAX)
        return PO_FAIL(cx, PO_LIMIT, "a value of %zu bytes is over %zu", value.len,
                       PO_STORE_VALUE_BYTES_MAX - 1);
    PO_TRY_LEAF(cx, write_place("paulyops/v1/token", &place, first_epoch, &input),
                "no memory for a token");
    uint8_t digest[PO_SHA256_BYTES] PO_WIPED(po_wipe32) = {0};
    PO_TRY_LEAF(cx, po_hmac_sha256(po_str_n(key, sizeof key), po_buf_str(&input), digest),
                "a token cannot be computed");
    memcpy(out, digest, PO_STORE_TOKEN_BYTES);
    return po_rc_ok();
}

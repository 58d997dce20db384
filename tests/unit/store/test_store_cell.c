/*
 * Sealed cells: they open at their place only; tokens.
 */
#include "core/codec.h"
#include "unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const struct po_cell_place home_place = {{1}, "register", "value", {"row00001", 8}};

static void seal(struct po_ctx *cx, struct po_store *store, const struct po_cell_place *place,
                 struct po_buf *out)
{
    po_buf_init(out, 4096);
    check_ok(cx, po_cell_seal(cx, store, place, PO_LIT("the value"), out));
}

TEST(cell__opens_at_its_place_only)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, (po_tenant_id){2}, PO_LIT("Other")));
    fixture_commit(cx, tx);
    PO_BUF_AUTO cell = {0};
    seal(cx, fixture.store, &home_place, &cell);
    po_str plain = {NULL, 0};
    check_ok(cx, po_cell_open(cx, fixture.store, &home_place, po_buf_str(&cell), &plain));
    check_eq_str(plain, "the value");
    static const struct {
        const char *name;
        struct po_cell_place place;
    } rows[] = {
        {"other tenant", {{2}, "register", "value", {"row00001", 8}}},
        {"other table", {{1}, "intents", "value", {"row00001", 8}}},
        {"other column", {{1}, "register", "author", {"row00001", 8}}},
        {"other row", {{1}, "register", "value", {"row00002", 8}}},
        {"bytes moved from column to row", {{1}, "register", "valu", {"erow00001", 9}}},
        {"bytes moved from table to column", {{1}, "registe", "rvalue", {"row00001", 8}}},
    };
    TEST_EACH(row, rows)
    check_fails(cx, po_cell_open(cx, fixture.store, &row->place, po_buf_str(&cell), &plain),
                PO_TAMPER);
}

TEST(cell__refuses_every_altered_bit)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_BUF_AUTO cell = {0};
    seal(cx, fixture.store, &home_place, &cell);
    po_str plain = {NULL, 0};
    for (size_t bit = 0; bit < 8 * cell.len; bit++) {
        cell.ptr[bit / 8] = (char)(cell.ptr[bit / 8] ^ (char)(1U << bit % 8));
        po_rc rc = po_cell_open(cx, fixture.store, &home_place, po_buf_str(&cell), &plain);
        enum po_code want = bit < 8 ? PO_CORRUPT : bit < 16 ? PO_NOTFOUND : PO_TAMPER;
        check_eq_int(rc.code, want);
        po_err_clear(cx);
        cell.ptr[bit / 8] = (char)(cell.ptr[bit / 8] ^ (char)(1U << bit % 8));
    }
    check_fails(cx, po_cell_open(cx, fixture.store, &home_place, PO_LIT("\1\1short"), &plain),
                PO_CORRUPT);
}

TEST(cell__of_an_old_epoch_opens_after_a_rotation)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_BUF_AUTO old_cell = {0};
    seal(cx, fixture.store, &home_place, &old_cell);
    uint32_t epoch = 0;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_data_key_rotate(cx, tx, PO_TENANT_DEFAULT, &epoch));
    fixture_commit(cx, tx);
    fixture_reopen(cx, &fixture);
    PO_BUF_AUTO new_cell = {0};
    seal(cx, fixture.store, &home_place, &new_cell);
    check_eq_int(old_cell.ptr[1], 1);
    check_eq_int(new_cell.ptr[1], 2);
    po_str plain = {NULL, 0};
    check_ok(cx, po_cell_open(cx, fixture.store, &home_place, po_buf_str(&old_cell), &plain));
    check_eq_str(plain, "the value");
    /* The epoch is bound too: an old cell does not pass as a new one. */
    old_cell.ptr[1] = 2;
    check_fails(cx, po_cell_open(cx, fixture.store, &home_place, po_buf_str(&old_cell), &plain),
                PO_TAMPER);
}

TEST(cell__has_a_largest_value)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    static char big[PO_STORE_VALUE_BYTES_MAX + 1];
    PO_BUF_AUTO cell = {0};
    po_buf_init(&cell, (size_t)1 << 20);
    po_str value = po_str_n(big, sizeof big);
    check_fails(cx, po_cell_seal(cx, fixture.store, &home_place, value, &cell), PO_LIMIT);
    value.len--;
    check_ok(cx, po_cell_seal(cx, fixture.store, &home_place, value, &cell));
    po_str plain = {NULL, 0};
    check_ok(cx, po_cell_open(cx, fixture.store, &home_place, po_buf_str(&cell), &plain));
    check_eq_u64(plain.len, PO_STORE_VALUE_BYTES_MAX);
}

TEST(token__depends_on_tenant_table_column_and_value_and_outlives_rotation)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    uint32_t epoch = 0;
    PO_TX_AUTO *tx = NULL;
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_tenant_create(cx, tx, (po_tenant_id){2}, PO_LIT("Other")));
    fixture_commit(cx, tx);
    const struct po_store_column column = {{1}, "user", "email"};
    uint8_t first[PO_STORE_TOKEN_BYTES];
    uint8_t got[PO_STORE_TOKEN_BYTES];
    check_ok(cx, po_store_token(cx, fixture.store, &column, PO_LIT("a@example.org"), first));
    static const struct {
        const char *name;
        struct po_store_column column;
        const char *value;
    } rows[] = {
        {"other tenant", {{2}, "user", "email"}, "a@example.org"},
        {"other table", {{1}, "users", "email"}, "a@example.org"},
        {"other column", {{1}, "user", "mail"}, "a@example.org"},
        {"other value", {{1}, "user", "email"}, "b@example.org"},
        {"no value", {{1}, "user", "email"}, ""},
    };
    TEST_EACH(row, rows)
    {
        check_ok(cx, po_store_token(cx, fixture.store, &row->column, po_str_of(row->value), got));
        check_that(!po_str_eq(po_str_n(got, sizeof got), po_str_n(first, sizeof first)));
    }
    test_row(NULL);
    po_tx_freep(&tx);
    check_ok(cx, po_tx_begin(cx, fixture.store, &tx));
    check_ok(cx, po_store_data_key_rotate(cx, tx, PO_TENANT_DEFAULT, &epoch));
    fixture_commit(cx, tx);
    fixture_reopen(cx, &fixture);
    check_ok(cx, po_store_token(cx, fixture.store, &column, PO_LIT("a@example.org"), got));
    check_eq_mem(got, first, sizeof first);
}

/* Hex of a field of tests/vectors/crypto/formats.txt; the caller frees the text it points into. */
static po_str hex_field(po_str text, const char *name)
{
    po_str line;
    while (po_str_next_line(&text, &line)) {
        po_str key;
        if (po_str_next_field(&line, ' ', &key) && po_str_eq_cstr(key, name)) return line;
    }
    check_that(false, "no field '%s'", name);
    return line;
}

static void write_hex(const char *file, po_str hex)
{
    static uint8_t bytes[4096];
    check_ok_leaf(po_hex_decode(hex, bytes, hex.len / 2));
    test_write_file(test_tmp(file), bytes, hex.len / 2);
    check_eq_int(chmod(test_tmp(file), 0600), 0);
}

TEST(cell__made_by_another_implementation_opens)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    size_t len = 0;
    char *bytes = test_read_file(test_source_path("tests/vectors/crypto/formats.txt"), &len);
    po_str text = po_str_n(bytes, len);
    check_eq_int(mkdir(test_tmp("keys"), 0700), 0);
    write_hex("keys/master.key", hex_field(text, "master"));
    write_hex("keys/ledger.key", hex_field(text, "ledger_file"));
    write_hex("keys/keyring.sealed", hex_field(text, "keyring_file"));
    const struct po_store_options options = fixture_options(&fixture);
    check_ok(cx, po_store_create(cx, &options, &fixture.store));
    po_store_closep(&fixture.store);
    static char sql[4096];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO tenant VALUES (1, x'%.*s', 0, NULL);"
                   "INSERT INTO data_key VALUES (1, 1, x'%.*s', 0, 0);"
                   "INSERT INTO register VALUES (1, 7, 'target_date', x'%.*s', x'%.*s', 0)",
                   PO_STR_ARG(hex_field(text, "tenant_name")),
                   PO_STR_ARG(hex_field(text, "wrapped")), PO_STR_ARG(hex_field(text, "value")),
                   PO_STR_ARG(hex_field(text, "author")));
    fixture_tamper(sql);
    fixture_reopen(cx, &fixture);
    struct po_store_register_entry *entry = NULL;
    struct po_store_tenant *tenants = NULL;
    size_t count = 0;
    check_ok(cx, po_store_register_find(cx, fixture.store, PO_LIT("target_date"), &entry));
    check_eq_str(entry->value, "2026-12-31");
    check_eq_str(entry->author, "os:1000");
    check_ok(cx, po_store_tenant_list(cx, fixture.store, &tenants, &count));
    check_eq_str(tenants[0].name, "Example");
    const struct po_store_column column = {{1}, "user", "email"};
    uint8_t token[PO_STORE_TOKEN_BYTES];
    uint8_t want[PO_STORE_TOKEN_BYTES];
    check_ok_leaf(po_hex_decode(hex_field(text, "token"), want, sizeof want));
    check_ok(cx, po_store_token(cx, fixture.store, &column, PO_LIT("a@example.org"), token));
    check_eq_mem(token, want, sizeof want);
    free(bytes);
}

TEST_FAULTS_MANUAL(cell__fails_cleanly)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    PO_BUF_AUTO cell = {0};
    po_buf_init(&cell, 4096);
    po_str plain = {NULL, 0};
    uint8_t token[PO_STORE_TOKEN_BYTES];
    const struct po_store_column column = {{1}, "user", "email"};
    test_faults_arm();
    if (!test_survived(po_cell_seal(cx, fixture.store, &home_place, PO_LIT("v"), &cell))) return;
    if (!test_survived(po_cell_open(cx, fixture.store, &home_place, po_buf_str(&cell), &plain)))
        return;
    if (!test_survived(po_store_token(cx, fixture.store, &column, PO_LIT("v"), token))) return;
    test_faults_off();
    check_eq_str(plain, "v");
}

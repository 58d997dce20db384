#include "fixture.h"
#include "ledger/record_priv.h"

static struct po_record sample(void)
{
    struct po_record record = {
        .version = 1,
        .kind = PO_RECORD_EVENT,
        .event_type = 0x1234,
        .action = 5,
        .result = PO_EVENT_DENIED,
        .retention = PO_RETENTION_LONG,
        .flags = PO_RECORD_FLAG_CLOCK_BACK,
        .recv_time_us = 0x0102030405060708,
        .producer_delta_ms = -2,
        .payload_len = 0xabcdef,
        .key_epoch = 0x42,
        .tenant = 0x1122334455667788,
        .tenant_seq = 0xa1a2a3a4a5a6,
        .producer = 0x99aabbccddeeff00,
        .producer_seq = 0xb1b2b3b4b5b6,
    };
    memset(record.payload_hash, 0xcc, 32);
    memset(record.content_commit, 0xdd, 32);
    return record;
}

TEST(record_encode__has_the_layout_of_the_specification)
{
    const struct po_record record = sample();
    static const char want[] = "0101341205030301"
                               "0807060504030201"
                               "feffffff"
                               "efcdab42"
                               "8877665544332211"
                               "a6a5a4a3a2a1"
                               "00ffeeddccbbaa99"
                               "b6b5b4b3b2b1";
    uint8_t bytes[PO_RECORD_BYTES];
    char hex[2 * 52 + 1];
    check_ok_leaf(po_record_encode(&record, bytes));
    po_hex_encode(bytes, 52, hex);
    check_eq_cstr(hex, want);
    for (size_t i = 52; i < 84; i++)
        check_eq_int(bytes[i], 0xcc);
    for (size_t i = 84; i < 116; i++)
        check_eq_int(bytes[i], 0xdd);
}

TEST(record_decode__gives_back_what_was_encoded)
{
    const struct po_record record = sample();
    struct po_record again = {0};
    uint8_t bytes[PO_RECORD_BYTES];
    uint8_t twice[PO_RECORD_BYTES];
    check_ok_leaf(po_record_encode(&record, bytes));
    check_ok_leaf(po_record_decode(po_str_n(bytes, sizeof bytes), &again));
    check_ok_leaf(po_record_encode(&again, twice));
    check_eq_mem(twice, bytes, sizeof bytes);
    check_eq_int(again.producer_delta_ms, -2);
    check_eq_u64(again.tenant_seq, 0xa1a2a3a4a5a6);
}

static void version(struct po_record *r) { r->version = 2; }
static void kind_low(struct po_record *r) { r->kind = 0; }
static void kind_high(struct po_record *r) { r->kind = 10; }
static void result_low(struct po_record *r) { r->result = 0; }
static void result_high(struct po_record *r) { r->result = 5; }
static void retention_low(struct po_record *r) { r->retention = 0; }
static void retention_high(struct po_record *r) { r->retention = 5; }
static void flags(struct po_record *r) { r->flags = 2; }
static void time_negative(struct po_record *r) { r->recv_time_us = -1; }
static void no_payload(struct po_record *r) { r->payload_len = 0; }
static void no_epoch(struct po_record *r) { r->key_epoch = 0; }
static void no_tenant(struct po_record *r) { r->tenant = 0; }
static void seq_without_producer(struct po_record *r) { r->producer = 0; }
static void producer_without_seq(struct po_record *r) { r->producer_seq = 0; }
static void payload_long(struct po_record *r) { r->payload_len = 1 << 24; }
static void seq_long(struct po_record *r) { r->tenant_seq = UINT64_C(1) << 48; }
static void producer_seq_long(struct po_record *r) { r->producer_seq = UINT64_C(1) << 48; }

static const struct {
    const char *name;
    void (*spoil)(struct po_record *record);
    int at; /* offset of a byte with which decoding fails too; -1: none */
    int byte;
} unsound[] = {
    {"version", version, 0, 2},
    {"kind 0", kind_low, 1, 0},
    {"kind 10", kind_high, 1, 10},
    {"result 0", result_low, 5, 0},
    {"result 5", result_high, 5, 5},
    {"retention 0", retention_low, 6, 0},
    {"retention 5", retention_high, 6, 5},
    {"flags", flags, 7, 2},
    {"time", time_negative, 15, 0x80},
    {"payload", no_payload, -1, 0},
    {"epoch", no_epoch, 23, 0},
    {"tenant", no_tenant, -1, 0},
    {"seq without producer", seq_without_producer, -1, 0},
    {"producer without seq", producer_without_seq, -1, 0},
    {"payload length", payload_long, -1, 0},
    {"tenant seq", seq_long, -1, 0},
    {"producer seq", producer_seq_long, -1, 0},
};

TEST(record__refuses_fields_that_do_not_fit_both_ways)
{
    TEST_EACH(row, unsound)
    {
        struct po_record record = sample();
        struct po_record out = {0};
        uint8_t bytes[PO_RECORD_BYTES];
        check_ok_leaf(po_record_encode(&record, bytes));
        row->spoil(&record);
        uint8_t ignored[PO_RECORD_BYTES];
        check_fails_leaf(po_record_encode(&record, ignored), PO_INVALID);
        if (row->at < 0) continue;
        bytes[row->at] = (uint8_t)row->byte;
        check_fails_leaf(po_record_decode(po_str_n(bytes, sizeof bytes), &out), PO_INVALID);
    }
    test_row(NULL);
}

TEST(record_decode__refuses_another_length)
{
    uint8_t bytes[PO_RECORD_BYTES + 1] = {0};
    struct po_record record = sample();
    check_ok_leaf(po_record_encode(&record, bytes));
    check_fails_leaf(po_record_decode(po_str_n(bytes, PO_RECORD_BYTES - 1), &record), PO_INVALID);
    check_fails_leaf(po_record_decode(po_str_n(bytes, PO_RECORD_BYTES + 1), &record), PO_INVALID);
    uint8_t hash[32];
    check_fails_leaf(po_leaf_hash(po_str_n(bytes, 115), hash), PO_INVALID);
}

TEST(record_action__codes_and_names_agree)
{
    check_eq_int(po_record_action_code(PO_LIT("create")), 1);
    check_eq_int(po_record_action_code(PO_LIT("no such verb")), 0);
    check_eq_int(po_record_action_code(PO_LIT("")), 0);
    check_eq_cstr(po_record_action_name(1), "create");
    check_eq_cstr(po_record_action_name(0), "");
    check_eq_cstr(po_record_action_name(255), "");
    for (unsigned i = 1; po_record_action_name((uint8_t)i)[0] != '\0'; i++)
        check_eq_int(po_record_action_code(po_str_of(po_record_action_name((uint8_t)i))), i);
}

/*
 * Opening, closing and extending a home; what makes it read-only.
 */
#include "unit/home/home_fixture.h"

#include "ledger/ledger.h"
#include "store/store.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t size_of(struct po_ctx *cx)
{
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    return po_ledger_size(po_home_ledger(home));
}

TEST(home_init__makes_every_required_place_with_its_mode)
{
    TEST_CX(cx);
    home_make(cx);
    for (size_t i = 0; i < PO_PLACE_COUNT; i++) {
        const struct po_home_place_row *row = po_home_place_row((enum po_home_place)i);
        struct po_fs_info info = {0};
        const char *path = home_root();
        test_row(row->path);
        if (row->path[0] != '\0') check_ok(cx, po_path_join(cx, home_root(), row->path, &path));
        check_ok(cx, po_fs_info(cx, path, &info));
        if (!row->is_required && !info.exists) continue;
        check_that(row->is_dir ? info.is_dir : info.is_file);
        check_eq_int(info.mode, row->mode);
    }
}

TEST(home_init__refuses_a_second_time)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    home_make(cx);
    uint64_t before = size_of(cx);
    check_fails(cx, po_home_init(cx, home_root(), &home), PO_EXISTS);
    po_err_clear(cx);
    check_eq_u64(size_of(cx), before);
}

TEST(home_init__says_that_it_cannot_create)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    home_environment();
    test_write_file(test_tmp("file"), "x", 1);
    check_fails(cx, po_home_init(cx, test_tmp("file"), &home), PO_CREATE);
}

TEST(home_open__finds_no_home_where_none_is)
{
    TEST_CX(cx);
    PO_HOME_AUTO *home = NULL;
    home_environment();
    check_fails(cx, po_home_open(cx, home_root(), PO_HOME_READ_WRITE, &home), PO_NOTFOUND);
    check_contains(po_err_msg(cx), "init");
}

TEST(home_close__signs_once_and_only_when_something_was_added)
{
    TEST_CX(cx);
    home_make(cx);
    uint64_t before = size_of(cx);
    PO_HOME_AUTO *idle = home_open(cx, PO_HOME_READ_WRITE);
    check_ok(cx, po_home_close(cx, &idle));
    check_that(idle == NULL);
    check_eq_u64(size_of(cx), before);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_event event = home_event();
    check_ok(cx, po_home_record(cx, home, &event));
    check_ok(cx, po_home_close(cx, &home));
    check_eq_u64(size_of(cx), before + 1);
}

TEST(home_abandon__keeps_what_was_committed_for_the_next_start)
{
    TEST_CX(cx);
    home_make(cx);
    uint64_t before = size_of(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_event event = home_event();
    check_ok(cx, po_home_record(cx, home, &event));
    po_home_abandonp(&home);
    check_that(home == NULL);
    check_eq_u64(size_of(cx), before);
    PO_HOME_AUTO *again = home_open(cx, PO_HOME_READ_WRITE);
    check_that(po_ledger_size(po_home_ledger(again)) >= before + 1);
    check_ok(cx, po_home_close(cx, &again));
}

/* @proves CC7.2 PI1.5 */
TEST(home_flush__commits_a_group_before_the_ledger_has_it)
{
    TEST_CX(cx);
    home_make(cx);
    uint64_t before = size_of(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_event event = home_event();
    po_store_group_begin(po_home_store(home));
    check_ok(cx, po_home_record(cx, home, &event));
    check_ok(cx, po_home_record(cx, home, &event));
    check_ok(cx, po_home_flush(cx, home));
    check_eq_u64(po_ledger_size(po_home_ledger(home)), before + 2);
    check_ok(cx, po_home_record(cx, home, &event)); /* no group any more */
    po_home_abandonp(&home);
    home = home_open(cx, PO_HOME_READ_WRITE);
    check_that(po_home_read_only_reason(home) == NULL);
    check_eq_u64(po_ledger_size(po_home_ledger(home)), before + 3);
}

TEST(home_record_all__keeps_the_order)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_event events[3] = {home_event(), home_event(), home_event()};
    events[0].type = PO_EVENT_TYPE_CONFIG_READ;
    events[1].type = PO_EVENT_TYPE_LEDGER_READ;
    check_ok(cx, po_home_record_all(cx, home, NULL, 0));
    check_ok(cx, po_home_record_all(cx, home, events, 3));
    check_ok(cx, po_home_flush(cx, home));
    uint64_t size = po_ledger_size(po_home_ledger(home));
    for (uint64_t i = 0; i < 3; i++) {
        uint8_t bytes[PO_RECORD_BYTES];
        struct po_record record;
        check_ok(cx, po_ledger_record_bytes_at(cx, po_home_ledger(home), size - 3 + i, bytes));
        check_ok_leaf(po_record_decode(po_str_n((const char *)bytes, sizeof bytes), &record));
        check_eq_int(record.event_type, events[i].type);
    }
}

TEST(home_open__for_reading_writes_nothing_and_refuses_events)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    struct po_event event = home_event();
    check_that(po_home_read_only_reason(home) != NULL);
    check_fails(cx, po_home_record(cx, home, &event), PO_DENIED);
    po_err_clear(cx);
    check_fails(cx, po_home_flush(cx, home), PO_DENIED);
}

static void check_read_only(struct po_ctx *cx, const char *why)
{
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_event event = home_event();
    check_that(po_home_read_only_reason(home) != NULL);
    check_contains(po_home_read_only_reason(home), why);
    check_fails(cx, po_home_record(cx, home, &event), PO_DENIED);
    po_err_clear(cx);
    check_ok(cx, po_home_close(cx, &home));
}

static const char *key_file(struct po_ctx *cx, const char *name)
{
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_ONLY);
    const char *path = NULL;
    check_ok(cx, po_path_join(cx, po_home_state_dir(home), name, &path));
    return path;
}

TEST(home_open__without_its_keys_is_read_only)
{
    TEST_CX(cx);
    home_make(cx);
    check_eq_int(unlink(key_file(cx, "master.key")), 0);
    check_read_only(cx, "master.key");
}

TEST(home_open__without_its_signing_state_is_read_only)
{
    TEST_CX(cx);
    home_make(cx);
    check_eq_int(unlink(key_file(cx, "signed")), 0);
    check_read_only(cx, "signing state");
}

TEST(home_open__in_another_directory_is_read_only)
{
    TEST_CX(cx);
    home_make(cx);
    /* The ledger's directory made anew with the same files, as a restore makes it. */
    check_eq_int(rename(test_tmp("home/data/ledger"), test_tmp("old")), 0);
    check_eq_int(mkdir(test_tmp("home/data/ledger"), 0700), 0);
    po_str *names = NULL;
    size_t count = 0;
    check_ok(cx, po_fs_list(cx, test_tmp("old"), &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *name = po_arena_strdup(cx->arena, names[i]);
        const char *from = NULL;
        const char *to = NULL;
        check_ok(cx, po_path_join(cx, test_tmp("old"), name, &from));
        check_ok(cx, po_path_join(cx, test_tmp("home/data/ledger"), name, &to));
        check_eq_int(rename(from, to), 0);
    }
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    check_that(po_home_read_only_reason(home) != NULL);
}

static void append_events(struct po_ctx *cx, size_t count)
{
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    struct po_event event = home_event();
    for (size_t i = 0; i < count; i++)
        check_ok(cx, po_home_record(cx, home, &event));
    check_ok(cx, po_home_close(cx, &home));
}

static void copy_file(struct po_ctx *cx, const char *from, const char *to)
{
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, 16u << 20);
    check_ok(cx, po_fs_read(cx, from, &bytes));
    test_write_file(to, bytes.ptr, bytes.len);
}

TEST(home_open__with_a_database_older_than_its_ledger_is_read_only)
{
    TEST_CX(cx);
    home_make(cx);
    append_events(cx, 1);
    copy_file(cx, test_tmp("home/data/paulyops.db"), test_tmp("old.db"));
    append_events(cx, 2);
    copy_file(cx, test_tmp("home/data/paulyops.db"), test_tmp("new.db"));
    copy_file(cx, test_tmp("old.db"), test_tmp("home/data/paulyops.db"));
    check_read_only(cx, "its database is of ledger size");
    copy_file(cx, test_tmp("new.db"), test_tmp("home/data/paulyops.db"));
    append_events(cx, 1);
}

TEST(home_open__with_a_database_younger_than_its_ledger_is_read_only)
{
    static const char *const names[] = {"000000.rec", "000000.pay", "checkpoint", "writer"};
    TEST_CX(cx);
    home_make(cx);
    const char *mark = key_file(cx, "signed");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        copy_file(cx, po_arena_printf(cx->arena, "%s/%s", test_tmp("home/data/ledger"), names[i]),
                  test_tmp(names[i]));
    copy_file(cx, mark, test_tmp("signed"));
    append_events(cx, 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        copy_file(cx, test_tmp(names[i]),
                  po_arena_printf(cx->arena, "%s/%s", test_tmp("home/data/ledger"), names[i]));
    copy_file(cx, test_tmp("signed"), mark);
    check_read_only(cx, "its database knows of");
}

TEST(home_lock__is_exclusive_and_names_the_home)
{
    TEST_CX(cx);
    home_make(cx);
    PO_HOME_AUTO *home = home_open(cx, PO_HOME_READ_WRITE);
    PO_HOME_AUTO *second = NULL;
    check_fails(cx, po_home_open(cx, home_root(), PO_HOME_READ_WRITE, &second), PO_BUSY);
    check_contains(po_err_msg(cx), "data/lock");
}

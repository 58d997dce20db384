#include "core/buf.h"

#include "lib/test.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHES_FREED_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHES_FREED_MEMORY
#endif
#endif

TEST(buf__appends_and_stays_terminated)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 1000);
    check_that(po_buf_str(&buf).ptr == NULL);
    po_buf_append(&buf, PO_LIT("ab"));
    po_buf_append_cstr(&buf, "cd");
    po_buf_append_cstr(&buf, NULL);
    po_buf_append_char(&buf, 'e');
    po_buf_append(&buf, (po_str){NULL, 0});
    check_eq_str(po_buf_str(&buf), "abcde");
    check_that(buf.ptr[buf.len] == '\0');
    check_ok_leaf(po_buf_check(&buf));
}

TEST(buf__numbers_are_decimal)
{
    static const struct {
        const char *name;
        int64_t value;
        const char *want;
    } rows[] = {
        {"zero", 0, "0"},
        {"one digit", 7, "7"},
        {"negative", -42, "-42"},
        {"largest", INT64_MAX, "9223372036854775807"},
        {"smallest", INT64_MIN, "-9223372036854775808"},
    };
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 100);
    TEST_EACH(row, rows)
    {
        po_buf_clear(&buf);
        po_buf_append_i64(&buf, row->value);
        check_eq_str(po_buf_str(&buf), row->want);
    }
    test_row(NULL);
    po_buf_clear(&buf);
    po_buf_append_u64(&buf, UINT64_MAX);
    check_eq_str(po_buf_str(&buf), "18446744073709551615");
}

TEST(buf__fixed_width_integers_have_their_byte_order)
{
    static const unsigned char want[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0xf8, 0xf7,
                                         0xf6, 0xf5, 0xf4, 0xf3, 0xf2, 0xf1, 0xab, 0xcd};
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 100);
    po_buf_append_u8(&buf, 1);
    po_buf_append_le16(&buf, 0x0203);
    po_buf_append_le32(&buf, 0x04050607);
    po_buf_append_le64(&buf, 0xf1f2f3f4f5f6f7f8);
    po_buf_append_be16(&buf, 0xabcd);
    check_eq_u64(buf.len, sizeof want);
    check_eq_mem(buf.ptr, want, sizeof want);
}

TEST(buf__zeros_and_extend)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 300);
    po_buf_append_cstr(&buf, "x");
    po_buf_append_zeros(&buf, 200);
    check_eq_u64(buf.len, 201);
    for (size_t i = 1; i <= 201; i++)
        check_that(buf.ptr[i] == '\0');
    char *at = po_buf_extend(&buf, 3);
    memcpy(at, "end", 3);
    check_eq_u64(buf.len, 204);
    check_that(po_str_ends(po_buf_str(&buf), PO_LIT("end")));
}

TEST(buf__limit_is_exact_and_sticks)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 5);
    po_buf_append_cstr(&buf, "12345");
    check_ok_leaf(po_buf_check(&buf));
    po_buf_append_char(&buf, '6');
    check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
    check_eq_str(po_buf_str(&buf), "12345");
    po_buf_truncate(&buf, 1);
    po_buf_append_char(&buf, 'x'); /* the status sticks although there is room */
    check_eq_str(po_buf_str(&buf), "1");
    check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
    po_buf_clear(&buf);
    check_ok_leaf(po_buf_check(&buf));
    po_buf_append_cstr(&buf, "54321");
    check_eq_str(po_buf_str(&buf), "54321");
}

TEST(buf__too_long_is_refused_whole)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 5);
    po_buf_append_cstr(&buf, "123");
    po_buf_append_cstr(&buf, "456");
    check_eq_str(po_buf_str(&buf), "123");
    po_buf_clear(&buf);
    check_that(po_buf_extend(&buf, SIZE_MAX) == NULL);
    check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
    po_buf_clear(&buf);
    po_buf_append_zeros(&buf, SIZE_MAX - 1);
    check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
}

TEST(buf__every_maximum_can_be_filled)
{
    for (size_t max = 0; max <= 300; max++) {
        PO_BUF_AUTO buf;
        po_buf_init(&buf, max);
        for (size_t i = 0; i < max; i++)
            po_buf_append_char(&buf, (char)('a' + (int)(i % 26)));
        check_ok_leaf(po_buf_check(&buf));
        check_eq_u64(buf.len, max);
        po_buf_append_char(&buf, '!');
        check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
        for (size_t i = 0; i < max; i++)
            check_eq_int(buf.ptr[i], 'a' + (int)(i % 26));
    }
}

TEST(buf__a_maximum_of_everything_is_fine)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, SIZE_MAX);
    po_buf_append_cstr(&buf, "abc");
    check_eq_str(po_buf_str(&buf), "abc");
    check_that(po_buf_extend(&buf, SIZE_MAX - 10) == NULL);
}

TEST(buf__printf_formats_whole_or_not_at_all)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 200);
    po_buf_printf(&buf, "%s=%d;", "a", 12);
    po_buf_printf(&buf, "%100d", 1);
    check_eq_u64(buf.len, 105);
    check_that(po_str_starts(po_buf_str(&buf), PO_LIT("a=12; ")));
    po_buf_printf(&buf, "%96d", 1);
    check_fails_leaf(po_buf_check(&buf), PO_LIMIT);
    check_eq_u64(buf.len, 105);
    check_that(buf.ptr[105] == '\0');
}

TEST(buf__truncate_only_shortens)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 10);
    po_buf_truncate(&buf, 0);
    po_buf_append_cstr(&buf, "abc");
    po_buf_truncate(&buf, 3);
    po_buf_truncate(&buf, 9);
    check_eq_str(po_buf_str(&buf), "abc");
    po_buf_truncate(&buf, 1);
    check_eq_str(po_buf_str(&buf), "a");
    check_that(buf.ptr[1] == '\0');
}

TEST(buf__done_and_wipe_leave_it_usable)
{
    struct po_buf buf;
    po_buf_init(&buf, 10);
    po_buf_wipe(&buf);
    po_buf_append_cstr(&buf, "secret");
    po_buf_wipe(&buf);
    check_that(buf.ptr == NULL && buf.len == 0 && buf.cap == 0);
    po_buf_append_cstr(&buf, "again");
    check_eq_str(po_buf_str(&buf), "again");
    po_buf_done(&buf);
    po_buf_done(&buf);
    check_that(buf.ptr == NULL);
}

#ifndef WATCHES_FREED_MEMORY
/* Looks at freed memory on purpose: the allocator overwrites at most the block's first 32 bytes. */
TEST(buf__wipe_overwrites_the_bytes)
{
    struct po_buf buf;
    po_buf_init(&buf, 1000);
    memset(po_buf_extend(&buf, 500), 'S', 500);
    volatile uintptr_t address = (uintptr_t)buf.ptr;
    po_buf_wipe(&buf);
    const volatile char *gone = (const volatile char *)address;
    size_t left = 0;
    for (size_t i = 32; i < 500; i++)
        left += gone[i] == 'S' ? 1 : 0;
    check_eq_u64(left, 0);
}
#endif

TEST_FAULTS(buf__out_of_memory_sticks_and_keeps_content)
{
    PO_BUF_AUTO buf;
    po_buf_init(&buf, 100000);
    static char chunk[1000];
    memset(chunk, 'x', sizeof chunk);
    for (size_t i = 0; i < 50; i++) {
        po_buf_append(&buf, po_str_n(chunk, sizeof chunk));
        po_buf_printf(&buf, "%1000d", 1);
    }
    check_eq_u64(buf.len, buf.status == PO_OK ? 100000 : buf.len);
    if (!test_survived(po_buf_check(&buf))) {
        check_fails_leaf(po_buf_check(&buf), PO_NOMEM);
        size_t len = buf.len;
        po_buf_append_char(&buf, 'y');
        check_eq_u64(buf.len, len);
    }
}

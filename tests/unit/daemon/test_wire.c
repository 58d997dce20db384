/*
 * Frames: what is written reads back, and everything else is refused.
 */
#include "core/fs.h"
#include "core/sys.h"
#include "daemon/wire.h"
#include "lib/test.h"

#define LIT(text)                                                                                  \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static void put(const struct po_wire_msg *msg, struct po_buf *out)
{
    po_buf_init(out, PO_WIRE_FRAME_BYTES_MAX + 4);
    check_ok_leaf(po_wire_put(msg, out));
}

TEST(wire__a_frame_reads_back_as_written)
{
    PO_BUF_AUTO out;
    struct po_wire_msg msg;
    struct po_wire_msg back;
    size_t used = 0;
    po_wire_begin(&msg, PO_WIRE_KIND_REQUEST, 0x1122334455667788U);
    po_wire_set_text(&msg, PO_WIRE_METHOD, PO_LIT("GET"));
    po_wire_set_text(&msg, PO_WIRE_PATH, PO_LIT("/api/v1/me"));
    po_wire_set_text(&msg, PO_WIRE_PEER, PO_LIT("192.0.2.1"));
    po_wire_set_number(&msg, PO_WIRE_IS_TLS, 1);
    put(&msg, &out);
    check_ok_leaf(po_wire_get(po_buf_str(&out), &back, &used));
    check_eq_u64(used, out.len);
    check_eq_u64(back.id, msg.id);
    check_eq_u64(back.has, msg.has);
    check_that(po_str_eq_cstr(back.text[PO_WIRE_PATH], "/api/v1/me"));
    check_eq_u64(back.number[PO_WIRE_IS_TLS], 1);
}

TEST(wire__a_list_keeps_its_order_and_empty_items)
{
    PO_BUF_AUTO out;
    struct po_wire_msg msg;
    struct po_wire_msg back;
    size_t used = 0;
    po_wire_begin(&msg, PO_WIRE_KIND_RUN, 1);
    check_ok_leaf(po_wire_add(&msg, PO_LIT("paulyops")));
    check_ok_leaf(po_wire_add(&msg, PO_LIT("")));
    check_ok_leaf(po_wire_add(&msg, PO_LIT("list")));
    put(&msg, &out);
    check_ok_leaf(po_wire_get(po_buf_str(&out), &back, &used));
    check_eq_u64(back.list_count, 3);
    check_eq_u64(back.list[1].len, 0);
    check_that(po_str_eq_cstr(back.list[2], "list"));
}

TEST(wire__a_frame_in_pieces_is_whole_only_at_its_last_byte)
{
    PO_BUF_AUTO out;
    struct po_wire_msg msg;
    size_t used = 1;
    po_wire_begin(&msg, PO_WIRE_KIND_OUT, 1);
    po_wire_set_text(&msg, PO_WIRE_BODY, PO_LIT("text"));
    put(&msg, &out);
    for (size_t len = 0; len < out.len; len++) {
        check_ok_leaf(po_wire_get(po_str_slice(po_buf_str(&out), 0, len), &msg, &used));
        check_eq_u64(used, 0);
    }
}

TEST(wire__refuses_what_is_no_frame)
{
    static const struct {
        const char *name;
        po_str bytes;
        enum po_code code;
    } rows[] = {
        {"shorter than a head", LIT("\x03\0\0\0abc"), PO_INVALID},
        {"longer than any may be", LIT("\xff\xff\xff\xff"), PO_LIMIT},
        {"a kind that is none", LIT("\x09\0\0\0\x63\1\0\0\0\0\0\0\0"), PO_INVALID},
        {"a field that is none", LIT("\x0e\0\0\0\x0a\1\0\0\0\0\0\0\0\xfa\0\0\0\0"), PO_INVALID},
        {"a field it must not have", LIT("\x0f\0\0\0\x0a\1\0\0\0\0\0\0\0\x02\1\0\0\0/"),
         PO_INVALID},
        {"a field that is missing", LIT("\x09\0\0\0\x01\1\0\0\0\0\0\0\0"), PO_INVALID},
        {"a field longer than the frame", LIT("\x0f\0\0\0\x15\1\0\0\0\0\0\0\0\x21\2\0\0\0x"),
         PO_INVALID},
        {"a number of one byte", LIT("\x0f\0\0\0\x02\1\0\0\0\0\0\0\0\x20\1\0\0\0\7"), PO_INVALID},
        {"a field twice", LIT("\x15\0\0\0\x15\1\0\0\0\0\0\0\0\x21\1\0\0\0x\x21\1\0\0\0x"),
         PO_INVALID},
        {"a list longer than its bytes",
         LIT("\x16\0\0\0\x14\1\0\0\0\0\0\0\0\x22\x08\0\0\0\1\0\0\0\xff\0\0\0"), PO_INVALID},
        {"a list of more items than may be",
         LIT("\x12\0\0\0\x14\1\0\0\0\0\0\0\0\x22\x04\0\0\0\xff\0\0\0"), PO_INVALID},
        {"bytes behind a list", LIT("\x13\0\0\0\x14\1\0\0\0\0\0\0\0\x22\x05\0\0\0\0\0\0\0x"),
         PO_INVALID},
    };
    TEST_EACH(row, rows)
    {
        struct po_wire_msg msg;
        size_t used = 7;
        check_eq_int(po_wire_get(row->bytes, &msg, &used).code, row->code);
        check_eq_u64(used, 0);
    }
}

TEST(wire__does_not_write_what_it_would_not_read)
{
    PO_BUF_AUTO out;
    PO_BUF_AUTO large;
    struct po_wire_msg msg;
    po_buf_init(&out, 1024);
    po_buf_init(&large, 8192 + 1);
    po_buf_append_zeros(&large, 8192 + 1);
    po_wire_begin(&msg, PO_WIRE_KIND_REQUEST, 1);
    check_eq_int(po_wire_put(&msg, &out).code, PO_INVALID);
    po_wire_begin(&msg, PO_WIRE_KIND_PING, 1);
    po_wire_set_number(&msg, PO_WIRE_CODE, 1);
    check_eq_int(po_wire_put(&msg, &out).code, PO_INVALID);
    po_wire_begin(&msg, PO_WIRE_KIND_REQUEST, 1);
    po_wire_set_text(&msg, PO_WIRE_METHOD, PO_LIT("GET"));
    po_wire_set_text(&msg, PO_WIRE_PEER, PO_LIT("unix"));
    po_wire_set_text(&msg, PO_WIRE_PATH, po_buf_str(&large));
    check_eq_int(po_wire_put(&msg, &out).code, PO_LIMIT);
    check_eq_u64(out.len, 0);
}

TEST(wire__a_full_buffer_keeps_the_frames_that_are_in_it)
{
    PO_BUF_AUTO out;
    struct po_wire_msg msg;
    size_t used = 0;
    po_buf_init(&out, 20);
    po_wire_begin(&msg, PO_WIRE_KIND_PING, 1);
    check_ok_leaf(po_wire_put(&msg, &out));
    check_eq_int(po_wire_put(&msg, &out).code, PO_LIMIT);
    check_eq_u64(out.len, PO_WIRE_HEAD_BYTES);
    check_ok_leaf(po_wire_get(po_buf_str(&out), &msg, &used));
    check_eq_u64(used, PO_WIRE_HEAD_BYTES);
}

TEST(wire__a_list_has_a_limit)
{
    struct po_wire_msg msg;
    po_wire_begin(&msg, PO_WIRE_KIND_RUN, 1);
    for (size_t i = 0; i < PO_WIRE_LIST_MAX; i++)
        check_ok_leaf(po_wire_add(&msg, PO_LIT("x")));
    check_eq_int(po_wire_add(&msg, PO_LIT("x")).code, PO_LIMIT);
}

/* ---- ends --------------------------------------------------------------------------------------- */

static void pair_up(struct po_wire_end *a, struct po_wire_end *b)
{
    int fds[2];
    check_eq_int(po_sys_socketpair(fds), 0);
    check_eq_int(po_sys_set_nonblocking(fds[0]), 0);
    check_eq_int(po_sys_set_nonblocking(fds[1]), 0);
    po_wire_end_init(a, fds[0]);
    po_wire_end_init(b, fds[1]);
}

TEST(wire_end__a_large_frame_crosses_a_small_socket)
{
    TEST_CX(cx);
    struct po_wire_end a;
    struct po_wire_end b;
    struct po_wire_msg msg;
    bool has = false;
    PO_BUF_AUTO large;
    po_buf_init(&large, (size_t)4 << 20);
    po_buf_append_zeros(&large, (size_t)4 << 20);
    pair_up(&a, &b);
    po_wire_begin(&msg, PO_WIRE_KIND_OUT, 3);
    po_wire_set_text(&msg, PO_WIRE_BODY, po_buf_str(&large));
    check_ok(cx, po_wire_end_send(cx, &a, &msg));
    while (!has) {
        check_ok(cx, po_wire_end_flush(cx, &a));
        check_ok(cx, po_wire_end_fill(cx, &b));
        check_ok(cx, po_wire_end_next(cx, &b, &msg, &has));
    }
    check_eq_u64(msg.text[PO_WIRE_BODY].len, large.len);
    check_that(!po_wire_end_is_waiting(&a));
    po_wire_end_done(&a);
    check_fails(cx, po_wire_end_fill(cx, &b), PO_CANCELED);
    po_wire_end_done(&b);
}

TEST(wire_end__a_peer_that_reads_nothing_has_a_limit)
{
    TEST_CX(cx);
    struct po_wire_end a;
    struct po_wire_end b;
    struct po_wire_msg msg;
    PO_BUF_AUTO large;
    size_t sent = 0;
    po_buf_init(&large, (size_t)8 << 20);
    po_buf_append_zeros(&large, (size_t)8 << 20);
    pair_up(&a, &b);
    po_wire_begin(&msg, PO_WIRE_KIND_OUT, 3);
    po_wire_set_text(&msg, PO_WIRE_BODY, po_buf_str(&large));
    po_rc rc = po_rc_ok();
    for (; po_is_ok(rc); sent++)
        rc = po_wire_end_send(cx, &a, &msg);
    check_eq_int(rc.code, PO_LIMIT);
    check_that(sent * large.len <= PO_WIRE_OUT_BYTES_MAX + large.len);
    po_wire_end_done(&a);
    po_wire_end_done(&b);
}

TEST(wire_end__a_descriptor_comes_with_its_frame)
{
    TEST_CX(cx);
    struct po_wire_end a;
    struct po_wire_end b;
    struct po_wire_msg msg;
    int pipe_fds[2];
    int passed = -1;
    bool has = false;
    char byte = 0;
    pair_up(&a, &b);
    check_eq_int(po_sys_pipe(pipe_fds, false), 0);
    po_wire_begin(&msg, PO_WIRE_KIND_LINK, 0);
    po_wire_set_text(&msg, PO_WIRE_ROLE, PO_LIT("core"));
    check_ok(cx, po_wire_send_fd(cx, a.fd, &msg, pipe_fds[1]));
    check_ok(cx, po_wire_end_fill_fd(cx, &b, &passed));
    check_ok(cx, po_wire_end_next(cx, &b, &msg, &has));
    check_that(has && passed >= 0);
    check_eq_int((int)po_sys_write(passed, "x", 1), 1);
    check_eq_int((int)po_sys_read(pipe_fds[0], &byte, 1), 1);
    check_eq_int(byte, 'x');
    po_fd_closep(&passed);
    po_fd_closep(&pipe_fds[0]);
    po_fd_closep(&pipe_fds[1]);
    po_wire_end_done(&a);
    po_wire_end_done(&b);
}

TEST_FAULTS_MANUAL(wire_end__fails_cleanly)
{
    TEST_CX(cx);
    struct po_wire_end a;
    struct po_wire_end b;
    struct po_wire_msg msg;
    bool has = false;
    int fds[2];
    check_eq_int(po_sys_socketpair(fds), 0);
    check_eq_int(po_sys_set_nonblocking(fds[1]), 0);
    po_wire_end_init(&a, fds[0]);
    po_wire_end_init(&b, fds[1]);
    test_faults_arm();
    po_wire_begin(&msg, PO_WIRE_KIND_PING, 9);
    po_rc rc = po_wire_end_send(cx, &a, &msg);
    while (po_is_ok(rc) && po_wire_end_is_waiting(&a))
        rc = po_wire_end_flush(cx, &a);
    while (po_is_ok(rc) && !has) {
        rc = po_wire_end_fill(cx, &b);
        if (po_is_ok(rc)) rc = po_wire_end_next(cx, &b, &msg, &has);
    }
    bool did = test_survived(rc);
    test_faults_off();
    if (did) check_eq_u64(msg.id, 9);
    po_wire_end_done(&a);
    po_wire_end_done(&b);
}

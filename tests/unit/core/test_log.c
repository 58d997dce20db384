#include "core/log.h"

#include "core/json.h"
#include "lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG PO_CLEANUP(po_log_freep) struct po_log

static int open_log_file(void)
{
    int fd = open(test_tmp("log"), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    check_that(fd >= 0);
    return fd;
}

/* What was written so far; the caller frees. */
static char *read_log(po_str *ret_text)
{
    size_t len = 0;
    char *text = test_read_file(test_tmp("log"), &len);
    *ret_text = po_str_n(text, len);
    return text;
}

/* The n-th line (from 0), parsed by our own strict parser. */
static const struct po_json *parse_line(struct po_ctx *cx, po_str text, size_t n)
{
    po_str line = {0};
    for (size_t i = 0; i <= n; i++)
        check_that(po_str_next_line(&text, &line));
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, line, PO_JSON_STRICT, &root));
    return root;
}

static size_t count_lines(po_str text)
{
    size_t count = 0;
    po_str line = {0};
    while (po_str_next_line(&text, &line))
        count++;
    return count;
}

static void check_member(const struct po_json *line, const char *key, const char *want)
{
    const struct po_json *member = po_json_get(line, key);
    check_that(member != NULL && member->type == PO_JSON_STR, "no '%s'", key);
    check_eq_str(member->str, want);
}

static int64_t int_member(const struct po_json *line, const char *key)
{
    const struct po_json *member = po_json_get(line, key);
    check_that(member != NULL && member->type == PO_JSON_INT, "no '%s'", key);
    return member->integer;
}

TEST(log__writes_one_json_line_with_typed_fields)
{
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_INFO);
    cx->log = log;
    po_log(cx, PO_LOG_WARN, "backup.failed", PO_F_CSTR("set", "nightly"), PO_F_I64("age_s", -5),
           PO_F_STR("name", PO_LIT("a\"\n\xff")));
    po_str text = {0};
    char *bytes = read_log(&text);
    check_eq_str(text, "{\"ts\":\"2026-01-02T03:04:05.000000Z\",\"level\":\"warn\","
                       "\"event\":\"backup.failed\",\"session\":\"run_test\",\"set\":\"nightly\","
                       "\"age_s\":-5,\"name\":\"a\\\"\\n\xef\xbf\xbd\"}\n");
    free(bytes);
    close(fd);
}

TEST(log__leaves_out_lines_below_its_level)
{
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_WARN);
    cx->log = log;
    po_log(cx, PO_LOG_DEBUG, "a");
    po_log(cx, PO_LOG_INFO, "a");
    po_log(cx, PO_LOG_WARN, "b");
    po_log(cx, PO_LOG_ERROR, "c");
    po_str text = {0};
    char *bytes = read_log(&text);
    check_eq_u64(count_lines(text), 2);
    check_member(parse_line(cx, text, 0), "event", "b");
    check_member(parse_line(cx, text, 1), "level", "error");
    free(bytes);
    close(fd);
}

TEST(log__names_every_level)
{
    static const char *const want[] = {"debug", "info", "warn", "error", "unknown"};
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_DEBUG);
    cx->log = log;
    for (int level = 0; level < 5; level++)
        po_log(cx, (enum po_log_level)level, "a");
    po_str text = {0};
    char *bytes = read_log(&text);
    for (size_t i = 0; i < 5; i++)
        check_member(parse_line(cx, text, i), "level", want[i]);
    free(bytes);
    close(fd);
}

TEST(log__without_a_log_nothing_happens)
{
    TEST_CX(cx);
    cx->log = NULL;
    po_log(cx, PO_LOG_ERROR, "a", PO_F_I64("n", 1));
    po_log_free(NULL);
}

TEST(log__drops_above_the_rate_and_says_how_many)
{
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_INFO);
    cx->log = log;
    for (int i = 0; i < PO_LOG_LINES_PER_WINDOW + 7; i++)
        po_log(cx, PO_LOG_INFO, "noisy", PO_F_I64("i", i));
    po_log(cx, PO_LOG_INFO, "quiet"); /* other names are not touched */
    po_str text = {0};
    char *bytes = read_log(&text);
    check_eq_u64(count_lines(text), PO_LOG_LINES_PER_WINDOW + 1);
    check_member(parse_line(cx, text, PO_LOG_LINES_PER_WINDOW), "event", "quiet");
    free(bytes);
    po_clock_fake_advance(test_clock(), PO_LOG_WINDOW_US);
    po_log(cx, PO_LOG_INFO, "quiet");
    bytes = read_log(&text);
    const struct po_json *line = parse_line(cx, text, PO_LOG_LINES_PER_WINDOW + 1);
    check_member(line, "event", "log.dropped");
    check_member(line, "of", "noisy");
    check_member(line, "level", "warn");
    check_eq_int(int_member(line, "count"), 7);
    check_eq_u64(count_lines(text), PO_LOG_LINES_PER_WINDOW + 3);
    free(bytes);
    close(fd);
}

TEST(log__a_new_window_takes_lines_again)
{
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_INFO);
    cx->log = log;
    for (int i = 0; i < PO_LOG_LINES_PER_WINDOW; i++)
        po_log(cx, PO_LOG_INFO, "noisy");
    po_clock_fake_advance(test_clock(), PO_LOG_WINDOW_US - 1);
    po_log(cx, PO_LOG_INFO, "noisy");
    po_clock_fake_advance(test_clock(), 1);
    for (int i = 0; i < PO_LOG_LINES_PER_WINDOW; i++)
        po_log(cx, PO_LOG_INFO, "noisy");
    po_str text = {0};
    char *bytes = read_log(&text);
    check_eq_u64(count_lines(text), 2 * PO_LOG_LINES_PER_WINDOW + 1);
    check_eq_int(int_member(parse_line(cx, text, PO_LOG_LINES_PER_WINDOW), "count"), 1);
    free(bytes);
    close(fd);
}

TEST(log__free_reports_what_is_still_counted)
{
    TEST_CX(cx);
    int fd = open_log_file();
    struct po_log *log = po_log_new(fd, PO_LOG_INFO);
    cx->log = log;
    for (int i = 0; i < PO_LOG_LINES_PER_WINDOW + 3; i++)
        po_log(cx, PO_LOG_INFO, "noisy");
    cx->log = NULL;
    po_log_free(log);
    po_str text = {0};
    char *bytes = read_log(&text);
    const struct po_json *line = parse_line(cx, text, PO_LOG_LINES_PER_WINDOW);
    check_member(line, "event", "log.dropped");
    check_eq_int(int_member(line, "count"), 3);
    free(bytes);
    close(fd);
}

TEST(log__more_names_than_windows_share_the_last)
{
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_INFO);
    cx->log = log;
    for (int i = 0; i < 2 * PO_LOG_EVENTS_MAX; i++)
        po_log_write(cx, PO_LOG_INFO, po_arena_printf(cx->arena, "event.%d", i), NULL, 0);
    po_str text = {0};
    char *bytes = read_log(&text);
    size_t shared = PO_LOG_EVENTS_MAX + 1 - PO_LOG_LINES_PER_WINDOW;
    check_eq_u64(count_lines(text), 2 * PO_LOG_EVENTS_MAX - shared);
    free(bytes);
    po_clock_fake_advance(test_clock(), PO_LOG_WINDOW_US);
    po_log(cx, PO_LOG_INFO, "event.1");
    bytes = read_log(&text);
    const struct po_json *line = parse_line(cx, text, 2 * PO_LOG_EVENTS_MAX - shared);
    check_member(line, "of", "other");
    check_eq_u64(int_member(line, "count"), shared);
    free(bytes);
    close(fd);
}

TEST(log__renames_fields_that_look_like_the_head)
{
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_INFO);
    cx->log = log;
    po_log(cx, PO_LOG_INFO, "a", PO_F_CSTR("ts", "1"), PO_F_CSTR("level", "2"),
           PO_F_CSTR("event", "3"), PO_F_I64("session", 4));
    po_str text = {0};
    char *bytes = read_log(&text);
    const struct po_json *line = parse_line(cx, text, 0);
    check_member(line, "event", "a");
    check_member(line, "ts_", "1");
    check_member(line, "level_", "2");
    check_member(line, "event_", "3");
    check_eq_int(int_member(line, "session_"), 4);
    free(bytes);
    close(fd);
}

TEST(log__cuts_values_and_lines)
{
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_INFO);
    cx->log = log;
    static char big[3000];
    memset(big, 'x', sizeof big);
    po_str value = po_str_n(big, sizeof big);
    po_log(cx, PO_LOG_INFO, "long", PO_F_STR("v", value));
    po_log(cx, PO_LOG_INFO, "longer", PO_F_STR("a", value), PO_F_STR("b", value),
           PO_F_STR("c", value), PO_F_STR("d", value), PO_F_STR("e", value), PO_F_STR("f", value),
           PO_F_STR("g", value), PO_F_STR("h", value), PO_F_STR("i", value));
    po_log(cx, PO_LOG_INFO, "after");
    po_str text = {0};
    char *bytes = read_log(&text);
    check_eq_u64(po_json_get(parse_line(cx, text, 0), "v")->str.len, PO_LOG_VALUE_BYTES_MAX);
    const struct po_json *line = parse_line(cx, text, 1);
    check_member(line, "event", "longer");
    check_that(po_json_get(line, "cut")->boolean);
    check_that(po_json_get(line, "a") == NULL);
    check_member(parse_line(cx, text, 2), "event", "after");
    free(bytes);
    close(fd);
}

TEST(log__a_dead_descriptor_is_survived_and_errno_kept)
{
    TEST_CX(cx);
    LOG *log = po_log_new(-1, PO_LOG_INFO);
    cx->log = log;
    errno = EXDEV;
    po_log(cx, PO_LOG_INFO, "a");
    check_eq_int(errno, EXDEV);
    check_eq_int(cx->err.code, PO_OK);
}

TEST_FAULTS(log__fails_cleanly_and_allocates_only_at_the_start)
{
    TEST_CX(cx);
    int fd = open_log_file();
    LOG *log = po_log_new(fd, PO_LOG_INFO);
    if (log == NULL) close(fd);
    if (!test_survived_ptr(log)) return;
    cx->log = log;
    bool had_fault = test_fault_fired();
    po_log(cx, PO_LOG_INFO, "a", PO_F_I64("n", 1));
    bool may_be_lost = test_fault_fired() && !had_fault;
    test_faults_off();
    po_log(cx, PO_LOG_INFO, "b");
    po_str text = {0};
    char *bytes = read_log(&text);
    static const char first[] = "{\"ts\":\"2026-01-02T03:04:05.000000Z\",\"level\":\"info\","
                                "\"event\":\"a\",\"session\":\"run_test\",\"n\":1}";
    po_str line = {0};
    size_t count = count_lines(text);
    po_str_next_line(&text, &line);
    if (!may_be_lost) check_eq_str(line, first);
    if (count == 2) check_that(po_str_starts(po_str_of(first), line));
    /* whatever became of the first line, the next one stands whole on its own */
    if (count == 2) check_that(po_str_next_line(&text, &line));
    struct po_json *root = NULL;
    check_ok(cx, po_json_parse(cx, line, PO_JSON_STRICT, &root));
    check_member(root, "event", "b");
    free(bytes);
    close(fd);
}

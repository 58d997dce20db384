/*
 * Where are we laxer than libmicrohttpd? Raw requests, and mutations of them, are given to its parser
 * (as strict as it goes) and to ours: what it refuses we may not take, and of what both take the content
 * must be of one length.
 *
 * usage: http_diff MUTATIONS [SEED]      last line: N compared, N taken by us, N laxer; exit 1 when one is
 *        http_diff --cases              the requests: name, status, bytes
 */
#include "http/parse_priv.h"
#include "unit/http/head_cases.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX 100000
#define BYTES_MAX 4096
#define TURNS_MAX 1000

static struct MHD_Daemon *daemon_of_theirs;
static size_t taken;         /* by us */
static size_t their_content; /* bytes of the first request's, as it saw them */
static int their_requests;

static enum MHD_Result theirs_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                     const char *method, const char *version, const char *upload,
                                     size_t *upload_len, void **state)
{
    static int seen;
    (void)cls, (void)url, (void)method, (void)version, (void)upload;
    if (*state == NULL) {
        *state = &seen;
        their_requests++;
        return MHD_YES;
    }
    if (*upload_len > 0) {
        if (their_requests == 1) their_content += *upload_len;
        *upload_len = 0;
        return MHD_YES;
    }
    char body[] = "ok";
    struct MHD_Response *response = MHD_create_response_from_buffer(2, body, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

/* Its status for the first request; 0 when it closes without an answer. */
static unsigned ask_theirs(const char *bytes, size_t len)
{
    int fds[2];
    char answer[64] = "";
    size_t got = 0;
    struct sockaddr_in address = {.sin_family = AF_INET};
    their_content = 0;
    their_requests = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) exit(71);
    if (MHD_add_connection(daemon_of_theirs, fds[1], (struct sockaddr *)&address, sizeof address) !=
        MHD_YES)
        exit(71);
    (void)send(fds[0], bytes, len, MSG_NOSIGNAL);
    (void)shutdown(fds[0], SHUT_WR);
    for (int turn = 0; turn < TURNS_MAX && got < sizeof answer - 1; turn++) {
        if (MHD_run(daemon_of_theirs) != MHD_YES) exit(71);
        ssize_t some = recv(fds[0], answer + got, sizeof answer - 1 - got, MSG_DONTWAIT);
        if (some == 0 || (some < 0 && errno != EAGAIN)) break;
        if (some > 0) got += (size_t)some;
    }
    (void)close(fds[0]);
    return strncmp(answer, "HTTP/1.", 7) == 0 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}

/* Ours: 200 when a whole request stands at the beginning, else the status; 0: more is wanted. */
static unsigned ask_ours(const char *bytes, size_t len, size_t *ret_content)
{
    static char copy[BYTES_MAX + 1];
    struct po_http_head head;
    struct po_http_chunks chunks;
    memcpy(copy, bytes, len);
    po_http_head_init(&head, copy);
    enum po_http_parse state = po_http_head_parse(&head, len);
    if (state != PO_HTTP_PARSE_DONE) return state == PO_HTTP_PARSE_BAD ? head.status : 0;
    if (head.length > BODY_MAX) return 413;
    *ret_content = (size_t)head.length;
    if (!head.has_coding) return len - head.pos >= head.length ? 200 : 0;
    po_http_chunks_init(&chunks, BODY_MAX);
    size_t at = head.pos;
    state = PO_HTTP_PARSE_MORE;
    while (at < len && state == PO_HTTP_PARSE_MORE) {
        size_t used = 0;
        po_str data = {0};
        state = po_http_chunks_feed(&chunks, po_str_n(copy + at, len - at), &used, &data);
        at += used;
        *ret_content += data.len;
    }
    return state == PO_HTTP_PARSE_DONE ? 200 : state == PO_HTTP_PARSE_BAD ? chunks.status : 0;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t mutate(char *bytes, size_t len, uint64_t *state)
{
    static const char *const PIECES[] = {"\r\n",
                                         "\n",
                                         "\r",
                                         " ",
                                         "\t",
                                         ":",
                                         ",",
                                         ";",
                                         "0",
                                         "%00",
                                         "%2f",
                                         "..",
                                         "Content-Length: 3\r\n",
                                         "Transfer-Encoding: chunked\r\n",
                                         "Host: b\r\n",
                                         "chunked",
                                         "HTTP/1.0",
                                         "HTTP/1.1",
                                         "\0",
                                         "\x80"};
    size_t at = (size_t)(next_random(state) % (len + 1));
    const struct head_case *other = &HEAD_CASES[next_random(state) % HEAD_CASE_COUNT];
    const char *piece = PIECES[next_random(state) % (sizeof PIECES / sizeof PIECES[0])];
    size_t more = piece[0] == '\0' ? 1 : strlen(piece);
    switch (next_random(state) % 6) {
    case 0:
        if (at < len) bytes[at] = (char)next_random(state);
        return len;
    case 1: /* take a byte out */
        if (at == len) return len;
        memmove(bytes + at, bytes + at + 1, len - at - 1);
        return len - 1;
    case 2: /* the rest of another request */
        if (at > other->bytes.len) return len;
        memcpy(bytes + at, other->bytes.ptr + at, other->bytes.len - at);
        return other->bytes.len;
    case 3: /* twice */
        more = len - at < 40 ? len - at : 40;
        if (len + more > BYTES_MAX) return len;
        memmove(bytes + at + more, bytes + at, len - at);
        return len + more;
    default:
        if (len + more > BYTES_MAX) return len;
        memmove(bytes + at + more, bytes + at, len - at);
        memcpy(bytes + at, piece, more);
        return len + more;
    }
}

static void print(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\r')
            printf("\\r");
        else if (bytes[i] == '\n')
            printf("\\n");
        else if (bytes[i] >= ' ' && bytes[i] < 0x7f)
            putchar(bytes[i]);
        else
            printf("\\x%02x", (uint8_t)bytes[i]);
    }
    putchar('\n');
}

/* True when ours is laxer, or both take the request and see content of different lengths. */
static bool compare(const char *bytes, size_t len)
{
    size_t our_content = 0;
    unsigned ours = ask_ours(bytes, len, &our_content);
    if (ours != 200) return false;
    taken++;
    unsigned theirs = ask_theirs(bytes, len);
    bool is_taken = theirs >= 200 && theirs < 400;
    if (is_taken && their_content == our_content) return false;
    printf("LAXER theirs %u, content %zu and %zu: ", theirs, their_content, our_content);
    print(bytes, len);
    return true;
}

/* name TAB status TAB bytes in hex: for tests of a whole service */
static int print_cases(void)
{
    for (size_t i = 0; i < HEAD_CASE_COUNT; i++) {
        const struct head_case *row = &HEAD_CASES[i];
        printf("%s\t%u\t", row->name, row->status);
        for (size_t at = 0; at < row->bytes.len; at++)
            printf("%02x", (unsigned)(uint8_t)row->bytes.ptr[at]);
        printf("\n");
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--cases") == 0) return print_cases();
    unsigned long mutations = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    uint64_t state = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    unsigned long laxer = 0;
    daemon_of_theirs = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
                                        theirs_handle, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                        MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_END);
    if (daemon_of_theirs == NULL) {
        printf("libmicrohttpd does not start\n");
        return 71;
    }
    for (size_t i = 0; i < HEAD_CASE_COUNT; i++)
        laxer += compare(HEAD_CASES[i].bytes.ptr, HEAD_CASES[i].bytes.len);
    for (unsigned long i = 0; i < mutations; i++) {
        static char bytes[BYTES_MAX];
        const struct head_case *row = &HEAD_CASES[next_random(&state) % HEAD_CASE_COUNT];
        size_t len = row->bytes.len;
        memcpy(bytes, row->bytes.ptr, len);
        for (uint64_t times = 1 + next_random(&state) % 3; times > 0; times--)
            len = mutate(bytes, len, &state);
        laxer += compare(bytes, len);
    }
    MHD_stop_daemon(daemon_of_theirs);
    printf("%zu compared, %zu taken by us, %lu laxer\n", HEAD_CASE_COUNT + (size_t)mutations, taken,
           laxer);
    return laxer != 0;
}

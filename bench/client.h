/*
 * A client of the benchmarks: one connection, one request under way. Whatever goes wrong ends the benchmark.
 */
#ifndef PO_BENCH_CLIENT_H
#define PO_BENCH_CLIENT_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    SSL *ssl; /* NULL: plain */
};

/* From 127.0.0.1 + `from`: rates are counted for each address. */
static inline int client_dial(uint16_t port, uint32_t from)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK + from);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound = from == 0 || bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd < 0 || !is_bound || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("bench: connecting");
        exit(1);
    }
    int one =
        1; /* as real clients do: else a request behind a handshake waits for an acknowledgement */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static inline void client_open(struct client *client, int fd, SSL_CTX *tls_or_null)
{
    *client = (struct client){.fd = fd};
    if (tls_or_null == NULL) return;
    client->ssl = SSL_new(tls_or_null);
    if (client->ssl == NULL || SSL_set_fd(client->ssl, fd) != 1 || SSL_connect(client->ssl) != 1) {
        fprintf(stderr, "bench: a handshake failed\n");
        exit(1);
    }
}

static inline void client_close(struct client *client)
{
    SSL_free(client->ssl);
    (void)close(client->fd);
}

static inline void client_put(struct client *client, const char *bytes, size_t len)
{
    bool is_sent = client->ssl != NULL ? SSL_write(client->ssl, bytes, (int)len) == (int)len
                                       : write(client->fd, bytes, len) == (ssize_t)len;
    if (is_sent) return;
    fprintf(stderr, "bench: a request could not be sent\n");
    exit(1);
}

/* Bytes that a head announces for its body; 0 without Content-Length. */
static inline size_t client_body_len(const char *head)
{
    const char *field = strcasestr(head, "\r\ncontent-length:");
    return field == NULL ? 0 : (size_t)strtoul(field + 17, NULL, 10);
}

/* One whole answer, which is 200 or the benchmark ends. */
static inline void client_get(struct client *client)
{
    char buf[16384];
    size_t len = 0;
    size_t want = SIZE_MAX;
    while (len < want && len < sizeof buf - 1) {
        ssize_t got = client->ssl != NULL
                          ? SSL_read(client->ssl, buf + len, (int)(sizeof buf - 1 - len))
                          : read(client->fd, buf + len, sizeof buf - 1 - len);
        if (got <= 0) break;
        len += (size_t)got;
        buf[len] = '\0';
        const char *end = want == SIZE_MAX ? strstr(buf, "\r\n\r\n") : NULL;
        if (end != NULL) want = (size_t)(end - buf) + 4 + client_body_len(buf);
    }
    if (len == want && strncmp(buf, "HTTP/1.1 200", 12) == 0) return;
    fprintf(stderr, "bench: not the answer that was expected: %.*s\n", (int)(len < 600 ? len : 600),
            len > 0 ? buf : "nothing");
    exit(1);
}

#endif

/*
 * Deadlines: a wheel of slots that looks at a connection no later than its deadline, and late by at
 * most one tick. A deadline that moves away leaves the connection in its slot; it is put where it
 * belongs when the wheel comes by.
 */
#include "http/server_priv.h"

void po_http_list_init(struct po_http_list *list)
{
    list->prev = list;
    list->next = list;
}

void po_http_list_add(struct po_http_list *list, struct po_http_list *item)
{
    item->prev = list->prev;
    item->next = list;
    list->prev->next = item;
    list->prev = item;
}

void po_http_list_remove(struct po_http_list *item)
{
    if (item->next == NULL) return;
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->prev = NULL;
    item->next = NULL;
}

bool po_http_list_is_empty(const struct po_http_list *list) { return list->next == list; }

static struct po_http_conn *conn_of_timer(struct po_http_list *item)
{
    return (struct po_http_conn *)(void *)((char *)item - offsetof(struct po_http_conn, timer));
}

static int64_t tick_of(po_time_us time_us) { return time_us / PO_HTTP_TICK_US; }

void po_http_timer_init(struct po_http_server *server)
{
    for (size_t i = 0; i < PO_HTTP_WHEEL_SLOTS; i++)
        po_http_list_init(&server->wheel[i]);
    server->tick = tick_of(server->now_us);
}

/* Into the slot of its deadline, or the farthest one; never into a slot that has been passed. */
static void put(struct po_http_server *server, struct po_http_conn *conn)
{
    int64_t tick = tick_of(conn->deadline_us) + 1;
    int64_t far = server->tick + PO_HTTP_WHEEL_SLOTS - 1;
    if (tick <= server->tick) tick = server->tick + 1;
    if (tick > far) tick = far;
    conn->due_us = tick * PO_HTTP_TICK_US;
    po_http_list_add(&server->wheel[tick % PO_HTTP_WHEEL_SLOTS], &conn->timer);
    server->timer_count++;
}

void po_http_timer_remove(struct po_http_server *server, struct po_http_conn *conn)
{
    if (conn->timer.next == NULL) return;
    po_http_list_remove(&conn->timer);
    server->timer_count--;
}

/* A handler at work and an answer that leaves have their time; everything else waits for a client. */
static bool waits_for_client(const struct po_http_conn *conn)
{
    return conn->phase != PO_HTTP_PHASE_HANDLE && conn->phase != PO_HTTP_PHASE_WRITE;
}

static int64_t cut_by_drain(const struct po_http_server *server, const struct po_http_conn *conn,
                            int64_t ms)
{
    if (!server->is_draining || !waits_for_client(conn)) return ms;
    int64_t left_ms = (server->rest_us - server->now_us) / PO_US_PER_MS;
    if (left_ms < 1) left_ms = 1;
    return ms == 0 || ms > left_ms ? left_ms : ms;
}

void po_http_timer_drain(struct po_http_server *server, struct po_http_conn *conn)
{
    if (waits_for_client(conn)) po_http_timer_set(server, conn, PO_HTTP_DRAIN_REST_MS);
}

void po_http_timer_set(struct po_http_server *server, struct po_http_conn *conn, int64_t ms)
{
    ms = cut_by_drain(server, conn, ms);
    conn->deadline_us = ms == 0 ? 0 : server->now_us + ms * PO_US_PER_MS;
    if (ms == 0 ||
        (conn->timer.next != NULL && conn->deadline_us + PO_HTTP_TICK_US >= conn->due_us))
        return;
    po_http_timer_remove(server, conn);
    put(server, conn);
}

struct po_http_conn *po_http_timer_next(struct po_http_server *server)
{
    int64_t now = tick_of(server->now_us);
    if (now - server->tick > PO_HTTP_WHEEL_SLOTS) server->tick = now - PO_HTTP_WHEEL_SLOTS;
    for (;;) {
        struct po_http_list *slot = &server->wheel[server->tick % PO_HTTP_WHEEL_SLOTS];
        if (po_http_list_is_empty(slot)) {
            if (server->tick >= now) return NULL;
            server->tick++;
            continue;
        }
        struct po_http_conn *conn = conn_of_timer(slot->next);
        po_http_timer_remove(server, conn);
        if (conn->deadline_us == 0) continue;
        if (conn->deadline_us <= server->now_us) return conn;
        put(server, conn);
    }
}

int po_http_timer_wait_ms(const struct po_http_server *server, int max_ms)
{
    if (server->timer_count == 0) return max_ms;
    for (int64_t ahead = 0; ahead < PO_HTTP_WHEEL_SLOTS; ahead++) {
        if (po_http_list_is_empty(&server->wheel[(server->tick + ahead) % PO_HTTP_WHEEL_SLOTS]))
            continue;
        int64_t wait_us = (server->tick + ahead) * PO_HTTP_TICK_US - server->now_us;
        int wait_ms = wait_us <= 0 ? 0 : (int)(wait_us / PO_US_PER_MS) + 1;
        return max_ms >= 0 && max_ms < wait_ms ? max_ms : wait_ms;
    }
    return max_ms;
}

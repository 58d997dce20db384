/*
 * The route table and its search: one row for each method and path.
 */
#include "api/api_priv.h"

static const struct po_api_routes *const tables[] = {
    &po_api_routes_auth, &po_api_routes_content, &po_api_routes_programs, &po_api_routes_people};
#define TABLES (sizeof tables / sizeof *tables)

size_t po_api_route_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < TABLES; i++)
        count += tables[i]->count;
    return count;
}

const struct po_api_route *po_api_route_at(size_t i)
{
    for (size_t t = 0; t < TABLES; t++) {
        if (i < tables[t]->count) return &tables[t]->rows[i];
        i -= tables[t]->count;
    }
    return NULL;
}

size_t po_api_route_index(const struct po_api_route *route)
{
    for (size_t i = 0; i < po_api_route_count(); i++)
        if (po_api_route_at(i) == route) return i;
    return SIZE_MAX;
}

const struct po_api_route *po_api_route_find(const char *id)
{
    for (size_t i = 0; i < po_api_route_count(); i++)
        if (strcmp(po_api_route_at(i)->id, id) == 0) return po_api_route_at(i);
    return NULL;
}

/* Segments of "/a/b/c"; SIZE_MAX when there are more than fit or one is empty. */
static size_t split(po_str path, po_str segments[static PO_API_SEGMENTS_MAX])
{
    size_t count = 0;
    po_str rest = po_str_slice(path, 1, path.len);
    po_str segment;
    while (po_str_next_field(&rest, '/', &segment)) {
        if (segment.len == 0 || count == PO_API_SEGMENTS_MAX) return SIZE_MAX;
        segments[count++] = segment;
    }
    return count;
}

/* How many names the template matched, or -1. A segment that stands for itself counts as more. */
static int match_template(const char *template, const po_str *segments, size_t count,
                          struct po_api_match *match)
{
    po_str wanted[PO_API_SEGMENTS_MAX];
    size_t wanted_count = split(po_str_of(template), wanted);
    int literal = 0;
    match->value_count = 0;
    if (wanted_count != count) return -1;
    for (size_t i = 0; i < count; i++) {
        bool is_name = wanted[i].ptr[0] == '{';
        if (!is_name && !po_str_eq(wanted[i], segments[i])) return -1;
        if (is_name)
            match->values[match->value_count++] = segments[i];
        else
            literal++;
    }
    return literal;
}

void po_api_match(po_str path, enum po_http_method method, struct po_api_match *ret_match)
{
    po_str segments[PO_API_SEGMENTS_MAX];
    *ret_match = (struct po_api_match){0};
    if (!po_str_starts(path, PO_LIT(PO_API_PREFIX "/"))) return;
    size_t count = split(po_str_slice(path, sizeof PO_API_PREFIX - 1, path.len), segments);
    enum po_http_method wanted = method == PO_HTTP_HEAD ? PO_HTTP_GET : method;
    int best = -1;
    unsigned methods = 0;
    for (size_t i = 0; i < po_api_route_count() && count != SIZE_MAX; i++) {
        const struct po_api_route *route = po_api_route_at(i);
        struct po_api_match match = {0};
        int literal = match_template(route->path, segments, count, &match);
        if (literal < best || literal < 0) continue;
        if (literal > best) {
            methods = 0;
            *ret_match = (struct po_api_match){0};
        }
        best = literal;
        methods |= 1U << route->method;
        if (route->method != wanted) continue;
        match.route = route;
        *ret_match = match;
    }
    ret_match->methods = methods;
}

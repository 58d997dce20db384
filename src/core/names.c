/*
 * Edit distance (optimal string alignment) over short names.
 */
#include "core/names.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* Both at most PO_NAME_BYTES_MAX bytes. Three rows: a swap looks back two. */
static unsigned distance(po_str a, po_str b)
{
    unsigned rows[3][PO_NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *before = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            char ca = lower(a.ptr[i - 1]);
            char cb = lower(b.ptr[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (ca == cb ? 0 : 1));
            if (i > 1 && j > 1 && ca == lower(b.ptr[j - 2]) && lower(a.ptr[i - 2]) == cb)
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

const char *po_name_nearest(po_str name, const char *const *known, size_t count)
{
    if (name.len == 0 || name.len > PO_NAME_BYTES_MAX) return NULL;
    const char *nearest = NULL;
    unsigned best = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        po_str candidate = po_str_of(known[i]);
        if (candidate.len > PO_NAME_BYTES_MAX) continue;
        unsigned away = distance(name, candidate);
        unsigned allowed = (unsigned)candidate.len < 6 ? 2 : (unsigned)candidate.len / 3;
        if (away >= best || away > allowed || away >= candidate.len) continue;
        best = away;
        nearest = known[i];
    }
    return nearest;
}

#include "core/embed.h"

/* Written by scripts/embed.c as assembler; sorted by name, ended by a row of NULLs. */
struct po_embed_row {
    const char *name;
    const char *bytes;
    uint64_t len;
};
extern const struct po_embed_row po_embed_table[];
extern const uint64_t po_embed_rows;

size_t po_embed_count(void) { return (size_t)po_embed_rows; }

void po_embed_at(size_t i, po_str *ret_name, po_str *ret_bytes)
{
    *ret_name = po_str_of(po_embed_table[i].name);
    *ret_bytes = po_str_n(po_embed_table[i].bytes, (size_t)po_embed_table[i].len);
}

bool po_embed_find(po_str name, po_str *ret_bytes)
{
    size_t low = 0;
    size_t high = po_embed_count();
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = po_str_cmp(name, po_str_of(po_embed_table[middle].name));
        if (order == 0) {
            const struct po_embed_row *row = &po_embed_table[middle];
            *ret_bytes = po_str_n(row->bytes, (size_t)row->len);
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/*
 * Files that ship inside the program: content/, SQL migrations, the licence. Names are paths from
 * the repository's root, e.g. "content/controls/catalog.json".
 *
 * Threads  read-only data, any thread
 */
#ifndef PO_CORE_EMBED_H
#define PO_CORE_EMBED_H

#include "core/str.h"

/* False when there is no such file. The bytes live as long as the program; a NUL follows them. */
bool po_embed_find(po_str name, po_str *ret_bytes);
size_t po_embed_count(void);
/* The i-th file in bytewise order of names; i < po_embed_count(). */
void po_embed_at(size_t i, po_str *ret_name, po_str *ret_bytes);

#endif

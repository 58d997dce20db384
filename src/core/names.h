/*
 * The nearest of some known names, for messages about unknown ones.
 */
#ifndef PO_CORE_NAMES_H
#define PO_CORE_NAMES_H

#include "core/str.h"

#define PO_NAME_BYTES_MAX 64

/*
 * The name with the smallest edit distance (insert, delete, replace, swap neighbours count 1), when
 * that is at most a third of its length (2 for short ones); else NULL. Capitals count as
 * their small letters. Longer inputs than PO_NAME_BYTES_MAX have no nearest.
 */
const char *po_name_nearest(po_str name, const char *const *known, size_t count);

#endif

/*
 * Shared by the note files.
 */
#ifndef PO_CRYPTO_NOTE_PRIV_H
#define PO_CRYPTO_NOTE_PRIV_H

#include "core/str.h"

/* Key name: 1..PO_NOTE_NAME_BYTES_MAX bytes of UTF-8 without Unicode space, '+' or controls. */
bool po_note_name_is_valid(po_str name);

#endif

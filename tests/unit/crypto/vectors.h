/*
 * Reader of tests/vectors/crypto/: records of "key hex" lines.
 */
#ifndef PO_TESTS_UNIT_CRYPTO_VECTORS_H
#define PO_TESTS_UNIT_CRYPTO_VECTORS_H

#include "core/str.h"
#include "lib/test.h"

#define VECTOR_FIELDS_MAX 8
#define VECTOR_BYTES_MAX 1024

struct vector_field {
    po_str key;
    uint8_t bytes[VECTOR_BYTES_MAX];
    size_t len;
};
struct vectors {
    char *text; /* owned */
    po_str rest;
    char name[64];
    struct vector_field fields[VECTOR_FIELDS_MAX];
    size_t field_count;
    size_t record_count; /* records read */
};

/* `file` such as "hkdf.txt". */
void vectors_open(struct vectors *vectors, const char *file);
/* The next record; false at the end. Names it in failures. */
bool vectors_next(struct vectors *vectors);
/* Field of the present record; the case fails when it has none. */
po_str vectors_get(const struct vectors *vectors, const char *key);
bool vectors_has(const struct vectors *vectors, const char *key);
void vectors_close(struct vectors *vectors);

#endif

/*
 * Reader of tests/vectors/crypto/.
 */
#include "unit/crypto/vectors.h"

#include "core/codec.h"

#include <stdio.h>
#include <stdlib.h>

void vectors_open(struct vectors *vectors, const char *file)
{
    memset(vectors, 0, sizeof *vectors);
    char path[128];
    (void)snprintf(path, sizeof path, "tests/vectors/crypto/%s", file);
    size_t len = 0;
    vectors->text = test_read_file(test_source_path(path), &len);
    vectors->rest = po_str_n(vectors->text, len);
}

static void add_field(struct vectors *vectors, po_str key, po_str hex)
{
    check_that(vectors->field_count < VECTOR_FIELDS_MAX);
    struct vector_field *field = &vectors->fields[vectors->field_count++];
    field->key = key;
    field->len = hex.len / 2;
    check_that(field->len <= sizeof field->bytes);
    check_ok_leaf(po_hex_decode(hex, field->bytes, field->len));
}

bool vectors_next(struct vectors *vectors)
{
    vectors->field_count = 0;
    po_str line;
    bool is_in_record = false;
    while (po_str_next_line(&vectors->rest, &line)) {
        if (line.len > 0 && line.ptr[0] == '#') continue;
        if (line.len == 0 && is_in_record) break;
        if (line.len == 0) continue;
        po_str rest = line;
        po_str key;
        check_that(po_str_next_field(&rest, ' ', &key));
        if (po_str_eq_cstr(key, "name")) {
            (void)snprintf(vectors->name, sizeof vectors->name, "%.*s", PO_STR_ARG(rest));
        } else {
            add_field(vectors, key, rest);
        }
        is_in_record = true;
    }
    vectors->record_count += is_in_record;
    test_row(is_in_record ? vectors->name : NULL);
    return is_in_record;
}

bool vectors_has(const struct vectors *vectors, const char *key)
{
    for (size_t i = 0; i < vectors->field_count; i++) {
        if (po_str_eq_cstr(vectors->fields[i].key, key)) return true;
    }
    return false;
}

po_str vectors_get(const struct vectors *vectors, const char *key)
{
    for (size_t i = 0; i < vectors->field_count; i++) {
        const struct vector_field *field = &vectors->fields[i];
        if (po_str_eq_cstr(field->key, key)) return po_str_n(field->bytes, field->len);
    }
    check_that(false, "no field '%s'", key);
    return (po_str){NULL, 0};
}

void vectors_close(struct vectors *vectors) { free(vectors->text); }

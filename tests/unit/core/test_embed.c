/* Files inside the program are found by name, byte for byte. */
#include "core/build.h"
#include "core/embed.h"
#include "lib/test.h"

#include <stdlib.h>

TEST(embed__every_file_equals_its_source)
{
    check_that(po_embed_count() > 0);
    for (size_t i = 0; i < po_embed_count(); i++) {
        po_str name;
        po_str bytes;
        po_str found;
        size_t len = 0;
        po_embed_at(i, &name, &bytes);
        test_row(name.ptr);
        char *source = test_read_file(test_source_path(name.ptr), &len);
        check_eq_postr(bytes, po_str_n(source, len));
        check_that(po_embed_find(name, &found));
        check_that(found.ptr == bytes.ptr && found.len == bytes.len);
        check_eq_int(bytes.ptr[bytes.len], 0);
        free(source);
    }
}

TEST(embed__names_are_sorted_and_unique)
{
    for (size_t i = 1; i < po_embed_count(); i++) {
        po_str before;
        po_str name;
        po_str bytes;
        po_embed_at(i - 1, &before, &bytes);
        po_embed_at(i, &name, &bytes);
        check_that(po_str_cmp(before, name) < 0, "at %s", name.ptr);
    }
}

TEST(embed__unknown_names_are_not_found)
{
    static const char *const names[] = {"", "a", "LICENS", "LICENSE2", "zzz", "content/"};
    po_str bytes = PO_LIT("untouched");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_that(!po_embed_find(po_str_of(names[i]), &bytes), "'%s' was found", names[i]);
    check_eq_str(bytes, "untouched");
}

TEST(embed__licence_is_there)
{
    po_str bytes;
    check_that(po_embed_find(PO_LIT("LICENSE"), &bytes));
    check_that(po_str_find(bytes, PO_LIT("Apache License"), 0) != SIZE_MAX);
}

TEST(build_info__is_filled)
{
    check_that(po_str_of(po_build.version).len >= 5);
    check_eq_u64(po_str_of(po_build.sources_sha256).len, 64);
    check_that(po_str_of(po_build.compiler).len > 0);
    check_that(po_str_of(po_build.commit).len >= 7);
    check_that(po_str_of(po_build.variant).len >= 3);
}

/* The nearest name. */
#include "core/names.h"
#include "lib/test.h"

TEST(name_nearest__finds_slips_and_nothing_far)
{
    static const char *const known[] = {"ORG_NAME", "INTAKE_DIR", "SMTP_URL", "MAIL_TO", "a"};
    static const struct {
        const char *name;
        const char *want; /* NULL: none */
    } rows[] = {
        {"ORG_NAME", "ORG_NAME"},
        {"ORG_NAM", "ORG_NAME"},
        {"ORGNAME", "ORG_NAME"},
        {"org_name", "ORG_NAME"},
        {"ROG_NAME", "ORG_NAME"},
        {"INTAKE_DIRECTORY", NULL},
        {"INTAKE_DRI", "INTAKE_DIR"},
        {"SMPT_URL", "SMTP_URL"},
        {"MAIL_FRO", "MAIL_TO"},
        {"ZZZZZZZZ", NULL},
        {"", NULL},
        {"b", NULL},
    };
    TEST_EACH(row, rows)
    {
        const char *got = po_name_nearest(po_str_of(row->name), known, 5);
        if (row->want == NULL)
            check_that(got == NULL, "got %s", got);
        else
            check_eq_cstr(got != NULL ? got : "none", row->want);
    }
}

TEST(name_nearest__gives_up_on_long_names)
{
    char name[PO_NAME_BYTES_MAX + 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const char *const known[] = {name};
    check_that(po_name_nearest(po_str_n(name, PO_NAME_BYTES_MAX + 1), known, 1) == NULL);
    check_that(po_name_nearest(PO_LIT("x"), known, 1) == NULL);
    check_that(po_name_nearest(PO_LIT("x"), known, 0) == NULL);
    name[PO_NAME_BYTES_MAX] = '\0';
    check_that(po_name_nearest(po_str_n(name, PO_NAME_BYTES_MAX), known, 1) == known[0]);
}

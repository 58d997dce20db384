/*
 * Law of the command table: each row's action is one that can be decided about.
 */
#include "cli/cli_priv.h"
#include "identity/identity.h"
#include "lib/test.h"

#include <stdio.h>

/* @proves CC6.3 */
TEST(commands__have_an_action_that_somebody_holds)
{
    size_t count = 0;
    const struct po_command *table = po_command_table(&count);
    for (size_t i = 0; i < count; i++) {
        test_row(table[i].path);
        const struct po_action *action = po_action_find(po_str_of(table[i].action));
        check_that(action != NULL, "'%s' has no row in identity/roles.def", table[i].action);
        bool writes = table[i].needs == PO_NEEDS_WRITE && action->kind == PO_ACTION_READ;
        /* A pack is written for somebody who reads: an auditor may have it. */
        check_that(!writes || strcmp(table[i].action, "pack.export") == 0,
                   "a command that changes the home is not reading");
    }
    test_row(NULL);
}

TEST(commands__about_identity_are_recorded)
{
    static const char *const nouns[] = {"user ", "role ", "token ", "session ", "access "};
    size_t count = 0;
    size_t found = 0;
    const struct po_command *table = po_command_table(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n < sizeof nouns / sizeof *nouns; n++) {
            if (!po_str_starts(po_str_of(table[i].path), po_str_of(nouns[n]))) continue;
            found++;
            bool is_read = table[i].needs == PO_NEEDS_READ;
            check_eq_int(table[i].read_event,
                         is_read ? PO_EVENT_TYPE_IDENTITY_READ : PO_EVENT_TYPE_NONE);
        }
    check_eq_u64(found, 24);
}

/*
 * Law of the statements: whoever touches a table with tenants binds the tenant as ?1, or says why
 * not.
 */
#include "unit/store/fixture.h"

#include <ctype.h>
#include <stdio.h>

/* What a statement touches, as SQLite's authorizer tells. */
struct touched {
    struct po_store *store;
    bool has_tenant_table;
};

static bool is_tenant_table(struct po_store *store, const char *table)
{
    return sqlite3_table_column_metadata(store->db, NULL, table, "tenant", NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

/* rule: six parameters, as SQLite's authorizer has them */
static int note_table(void *user, int action, const char *one, const char *two, const char *three,
                      const char *four)
{
    (void)two;
    (void)three;
    (void)four;
    struct touched *touched = user;
    bool names_table = action == SQLITE_READ || action == SQLITE_INSERT ||
                       action == SQLITE_UPDATE || action == SQLITE_DELETE;
    if (names_table && one != NULL && is_tenant_table(touched->store, one))
        touched->has_tenant_table = true;
    return SQLITE_OK;
}

static bool contains(const char *text, const char *part)
{
    return po_str_find(po_str_of(text), po_str_of(part), 0) != SIZE_MAX;
}

/* Each SELECT, UPDATE and DELETE is restricted to the tenant; an INSERT writes it first. */
static bool binds_tenant_first(const char *sql)
{
    if (contains(sql, "INSERT")) return contains(sql, "(tenant, ") && contains(sql, "VALUES (?1");
    return contains(sql, "WHERE tenant = ?1");
}

TEST(statements__bind_the_tenant_or_say_why_not)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    size_t tenant_count = 0;
    for (size_t i = 0; i < PO_STATEMENT_COUNT; i++) {
        const struct po_statement_row *row = po_statement_row((enum po_statement)i);
        struct touched touched = {.store = fixture.store};
        test_row(row->name);
        check_eq_int(sqlite3_set_authorizer(fixture.store->db, note_table, &touched), SQLITE_OK);
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(fixture.store->db, row->sql, -1, &stmt, NULL);
        check_that(rc == SQLITE_OK, "%s", sqlite3_errmsg(fixture.store->db));
        (void)sqlite3_finalize(stmt);
        check_eq_int(sqlite3_set_authorizer(fixture.store->db, NULL, NULL), SQLITE_OK);
        if (row->scope == PO_STATEMENT_TENANT) {
            tenant_count++;
            check_that(binds_tenant_first(row->sql));
            check_that(row->reason[0] == '\0');
        } else {
            check_that(row->reason[0] != '\0', "a global statement without a reason");
            check_that(!touched.has_tenant_table || contains(row->reason, "tenant") ||
                       contains(row->reason, "store check"));
        }
        if (touched.has_tenant_table && row->scope == PO_STATEMENT_GLOBAL)
            check_that(contains(row->sql, "SELECT"), "only reading may cross tenants");
    }
    test_row(NULL);
    check_that(tenant_count > 15);
}

TEST(statements__of_a_tenant_refuse_a_tenant_that_cannot_be)
{
    TEST_CX(cx);
    FIXTURE_AUTO fixture = {0};
    fixture_create(cx, &fixture);
    struct po_query query = {0};
    const po_tenant_id none = {0};
    const po_tenant_id negative = {UINT64_MAX};
    check_fails(cx,
                po_query_open_tenant(cx, fixture.store, PO_STATEMENT_REGISTER_LIST, none, &query),
                PO_INVALID);
    check_fails(
        cx, po_query_open_tenant(cx, fixture.store, PO_STATEMENT_REGISTER_LIST, negative, &query),
        PO_INVALID);
}

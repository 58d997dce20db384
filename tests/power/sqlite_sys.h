/*
 * SQLite's own file calls led through core/sys, so that they can fail and be cut like ours.
 *
 * Its replaceable calls are set with xSetSystemCall. fsync and fdatasync are not replaceable there:
 * sqlite_sys.c defines the two functions, and the dynamic linker prefers a program's own.
 */
#ifndef PO_TESTS_POWER_SQLITE_SYS_H
#define PO_TESTS_POWER_SQLITE_SYS_H

/* Before the first sqlite3_open of the process (or its fork's). Fails the case when it cannot. */
void test_sqlite_sys_install(void);

#endif

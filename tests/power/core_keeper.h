/*
 * The keys of a core under test. What the keeper writes (`signed`, the key directory) is part of the
 * promise that a power cut tries, so it is written in the process whose changes are recorded: the keeper's
 * own code answers here, without its process and its link.
 *
 *   core_keeper_begin(home);   in core's process, before its role runs
 *   core_keeper_end();         after it
 */
#ifndef PO_TESTS_POWER_CORE_KEEPER_H
#define PO_TESTS_POWER_CORE_KEEPER_H

void core_keeper_begin(const char *home);
void core_keeper_end(void);

#endif

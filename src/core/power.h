/*
 * Power-cut layer (PO_FAULTS builds): keeps, beside every file written under a root, its content as
 * of the last sync, and names created, renamed or removed since the directory's last sync. After a
 * simulated cut the root is rebuilt as a disk could hold it: synced state plus a random, torn part
 * of what came later.
 *
 * Model    a write not followed by fdatasync may be kept, lost or torn at 512-byte sectors; a file
 *          size change not synced may be lost; a name not followed by fsync of its directory may be
 *          lost or kept, renames are atomic (old or new, never neither)
 * Use      in the child: po_power_start(root, shadow, seed, cut_at); at operation `cut_at` the
 *          child ends at once with status PO_POWER_EXIT; in the parent: po_power_restore(...)
 */
#ifndef PO_CORE_POWER_H
#define PO_CORE_POWER_H

#include "core/err.h"

#ifdef PO_FAULTS
#define PO_POWER_EXIT 99

/* Begin recording below `root` (absolute, no symlinks). cut_at = 0 never cuts, only counts. */
PO_RC po_power_start(const char *root, const char *shadow_dir, uint64_t cut_at);
/* Operations seen so far (writes, truncations, syncs, names). */
uint64_t po_power_op_count(void);
/* Mutation runs: pretend that the sync call with this site hash (fault.h) did nothing. 0 = none. */
void po_power_skip_sync_site(uint64_t site);
/* Rebuild `root` from the shadow as after a cut; `seed` chooses what of the unsynced part survives. */
PO_RC po_power_restore(const char *root, const char *shadow_dir, uint64_t seed);
#endif

#endif

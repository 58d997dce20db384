/*
 * Power-cut layer (PO_FAULTS builds): journals every change below a root, and rebuilds the root as a
 * disk could hold it after a loss of power: synced state plus a random, torn part of what came later.
 * How to: docs/dev/FAULTS.md.
 *
 * Model    a write not followed by fdatasync may be kept, lost or torn at 512-byte sectors (each
 *          sector holds one of the contents it has had since the last sync); a file size change not
 *          synced may be lost, and kept with its data lost (zeros); a mode not followed by fsync may
 *          be lost; a name not followed by fsync of its directory may be lost or kept, renames are
 *          atomic (old or new, never neither); changes of one name are kept in their order, those of
 *          different names independently; what a failed sync did not write is never written later
 * Not      O_DIRECT, mmap, O_TMPFILE, copy_file_range, threads; writes of other processes
 * Use      in the child: po_power_start(root, shadow, cut_at); at operation `cut_at` the child ends
 *          at once with status PO_POWER_EXIT; in the parent: po_power_restore(root, shadow, seed)
 * Limits   PO_POWER_JOURNAL_BYTES_MAX; a child that cannot journal ends with PO_POWER_BROKEN_EXIT
 */
#ifndef PO_CORE_POWER_H
#define PO_CORE_POWER_H

#include "core/err.h"

#ifdef PO_FAULTS
#define PO_POWER_EXIT 99
#define PO_POWER_BROKEN_EXIT 98
#define PO_POWER_JOURNAL_BYTES_MAX ((uint64_t)1 << 30)
#define PO_POWER_SECTOR_BYTES 512
#define PO_POWER_SYNCS_MAX 4096 /* of one recording */
#define PO_POWER_SYNC_NAME_BYTES 32

/* Seeds with one fixed outcome; every other seed draws one. */
#define PO_POWER_SEED_LOSE_ALL 0   /* synced state only */
#define PO_POWER_SEED_KEEP_ALL 1   /* as if everything had been synced */
#define PO_POWER_SEED_NAMES_ONLY 2 /* names kept, contents, sizes and modes lost */
#define PO_POWER_SEED_DATA_ONLY 3  /* contents kept, names lost */
#define PO_POWER_SEED_SIZES_ONLY 4 /* names and sizes kept, contents lost: zeros */

/*
 * Begin recording below `root` (absolute, no symlinks); what is there now counts as synced.
 * `shadow_dir` exists, is empty or holds an earlier journal (replaced), and is outside `root` on the
 * same file system. cut_at = 0 never cuts, only counts. A change counts when it has been made (so
 * at cut_at it may have reached the disk), a sync before it is made (at cut_at it never happened).
 *
 * Errors   PO_INVALID root or shadow;  PO_IO journal cannot be written
 */
PO_RC po_power_start(const char *root, const char *shadow_dir, uint64_t cut_at);
/*
 * The next process after one that was killed (and not restored): its recording goes on, because what it
 * wrote and did not sync is still in memory only. Operations are counted anew.
 *
 * Errors   PO_INVALID root or shadow, or no journal there
 */
PO_RC po_power_go_on(const char *root, const char *shadow_dir, uint64_t cut_at);
/* Stop recording without a cut (syncs are real again). */
void po_power_stop(void);
/* Operations seen so far (writes, truncations, modes, syncs, names). */
uint64_t po_power_op_count(void);
/*
 * Mutation runs: pretend that sync calls with this site hash (fault.h) did nothing. 0 = none. Sites:
 * po_fault_record() in a run with recording on, then the site rows whose call is "fdatasync" or
 * "fsync".
 */
void po_power_skip_sync_site(uint64_t site);
/* A sync call of the recording. */
struct po_power_sync {
    uint64_t op;                         /* which operation it was */
    bool is_skipped;                     /* by po_power_skip_sync_site */
    char name[PO_POWER_SYNC_NAME_BYTES]; /* of the file or directory: its end may be cut off */
};
/* All of them in their order; valid until the next recording. */
const struct po_power_sync *po_power_syncs(size_t *ret_count);
/*
 * Rebuild `root` from the shadow as after a cut; `seed` chooses what of the unsynced part survives.
 * Files and directories that survive keep their inodes. Call it in a process without a recording,
 * once for each run of a child.
 *
 * Errors   PO_CORRUPT journal damaged;  PO_IO;  PO_NOMEM;  PO_LIMIT journal too large
 */
PO_RC po_power_restore(const char *root, const char *shadow_dir, uint64_t seed);
#endif

#endif

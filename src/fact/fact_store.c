/*
 * Facts of the store and of keys: integrity, key ages and states, where the master key stands.
 */
#include "fact_pass_priv.h"

#include "core/sys.h"
#include "store/store.h"

#define FINDINGS_MAX 50

/* ---- store.check --------------------------------------------------------------------------------- */

/* Once for all tenants that share a set: it reads the whole file. */
static PO_RC get_check(struct po_ctx *cx, struct po_fact_set *set,
                       const struct po_store_check **ret_check)
{
    if (set->check == NULL) {
        struct po_store *store = NULL;
        struct po_store_check *check = NULL;
        PO_TRY(cx, po_fact_store(cx, set, &store));
        PO_ARENA_NEW(cx, check, 1);
        PO_TRY_MSG(cx, po_store_check(cx, store, check), "checking the database");
        set->check = check;
    }
    *ret_check = set->check;
    return po_rc_ok();
}

static PO_RC find_check(struct po_ctx *cx, struct po_fact_set *set,
                        const struct po_store_check **ret_check)
{
    struct po_fact_instance instance;
    PO_TRY(cx, po_fact_instance_enter(cx, set, &instance));
    return po_fact_instance_leave(cx, &instance, get_check(instance.cx, instance.set, ret_check));
}

/* Damage of the file is everybody's, that of a row is its tenant's. */
static bool is_told(const struct po_fact_set *set, const struct po_store_finding *finding)
{
    return finding->tenant.value == 0 || finding->tenant.value == set->tenant.value;
}

static void put_findings(struct po_json_out *out, const struct po_fact_set *set,
                         const struct po_store_check *check)
{
    int64_t listed = 0;
    po_fact_put_array(out, "found");
    for (size_t i = 0; i < check->finding_count && listed < FINDINGS_MAX; i++) {
        if (!is_told(set, &check->findings[i])) continue;
        listed++;
        po_json_out_object(out);
        po_fact_put_cstr(out, "check", check->findings[i].check);
        po_fact_put_cstr(out, "table", check->findings[i].table);
        po_fact_put_cstr(out, "text", check->findings[i].text);
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
}

PO_FACT_READER(store_check)
{
    struct po_store *store = NULL;
    const struct po_store_check *check = NULL;
    struct po_store_tally own = {0};
    uint64_t pending = 0;
    int64_t findings = 0;
    int64_t foreign = 0;
    PO_TRY(cx, find_check(cx, set, &check));
    PO_INVARIANT(cx, check != NULL);
    PO_TRY(cx, po_fact_store(cx, set, &store));
    PO_TRY(cx, po_store_pending_count(cx, store, &pending));
    for (size_t i = 0; i < check->tally_count; i++)
        if (check->tallies[i].tenant.value == set->tenant.value) own = check->tallies[i];
    for (size_t i = 0; i < check->finding_count; i++) {
        if (!is_told(set, &check->findings[i])) continue;
        findings++;
        foreign += strcmp(check->findings[i].check, "foreign_key") == 0 ? 1 : 0;
    }
    po_json_out_object(out);
    po_fact_put_int(out, "rows", (int64_t)own.rows);
    po_fact_put_int(out, "findings", findings);
    po_fact_put_int(out, "foreign_key_findings", foreign);
    po_fact_put_int(out, "cells_opened", (int64_t)own.cells_opened);
    po_fact_put_int(out, "cells_without_key", (int64_t)own.cells_unchecked);
    po_fact_put_int(out, "pending_events", (int64_t)pending);
    put_findings(out, set, check);
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- keys.register ------------------------------------------------------------------------------- */

static int64_t age_days(const struct po_fact_set *set, po_time_us time_us)
{
    return time_us == 0 ? -1 : (set->now_us - time_us) / PO_US_PER_DAY;
}

static void put_key(struct po_json_out *out, const struct po_fact_set *set,
                    const struct po_key_info *key)
{
    po_time_us since_us = key->rotated_us > key->created_us ? key->rotated_us : key->created_us;
    po_json_out_object(out);
    po_fact_put_cstr(out, "purpose", key->purpose);
    po_fact_put_cstr(out, "id", key->id);
    po_fact_put_cstr(out, "state", po_key_state_name(key->state));
    po_fact_put_opt(out, "age_days", age_days(set, since_us));
    po_json_out_object_end(out);
}

static PO_RC put_data_keys(struct po_ctx *cx, struct po_fact_set *set, struct po_json_out *out)
{
    struct po_store *store = NULL;
    struct po_store_data_key_info *keys = NULL;
    size_t count = 0;
    int64_t own = 0;
    PO_TRY(cx, po_fact_store(cx, set, &store));
    PO_TRY(cx, po_store_data_key_list(cx, store, &keys, &count));
    po_fact_put_array(out, "data_keys");
    for (size_t i = 0; i < count && own < PO_FACT_LIST_MAX; i++) {
        if (keys[i].tenant.value != set->tenant.value) continue;
        own++;
        po_json_out_object(out);
        po_fact_put_int(out, "tenant", (int64_t)keys[i].tenant.value);
        po_fact_put_int(out, "epoch", keys[i].epoch);
        po_fact_put_bool(out, "current", keys[i].is_current);
        po_fact_put_bool(out, "opens", keys[i].opens);
        po_fact_put_opt(out, "age_days", age_days(set, keys[i].created_us));
        po_fact_put_opt(out, "rewrapped_age_days", age_days(set, keys[i].rewrapped_us));
        po_json_out_object_end(out);
    }
    po_json_out_array_end(out);
    po_fact_put_int(out, "data_key_count", own);
    return po_rc_ok();
}

PO_FACT_READER(keys_register)
{
    struct po_keyring *keyring = NULL;
    struct po_key_info *keys = NULL;
    size_t count = 0;
    PO_TRY(cx, po_fact_keyring(cx, set, &keyring));
    PO_TRY(cx, po_keyring_status(cx, keyring, &keys, &count));
    int64_t recovery_days = -1;
    po_json_out_object(out);
    po_fact_put_array(out, "keys");
    for (size_t i = 0; i < count && i < PO_FACT_LIST_MAX; i++) {
        bool is_recovery = strcmp(keys[i].purpose, "recovery") == 0;
        if (is_recovery && keys[i].state != PO_KEY_ABSENT)
            recovery_days = age_days(set, keys[i].rotated_us);
        put_key(out, set, &keys[i]);
    }
    po_json_out_array_end(out);
    po_fact_put_opt(out, "recovery_age_days", recovery_days);
    po_fact_put_bool(out, "rotation_interrupted", po_keyring_is_rotating(keyring));
    PO_TRY(cx, put_data_keys(cx, set, out));
    po_json_out_object_end(out);
    return po_rc_ok();
}

/* ---- keys.place ------------------------------------------------------------------------------------ */

static dev_t device_of(const char *path)
{
    struct stat info = {0};
    return path != NULL && po_sys_stat(path, &info) == 0 ? info.st_dev : (dev_t)0;
}

/* Is a file of the key directory in the home as well, under its usual names? */
static PO_RC count_copies(struct po_ctx *cx, const char *root, int64_t *ret_copies)
{
    static const char *const names[] = {
        "master.key",      "ledger.key",      "config/master.key",  "config/ledger.key",
        "data/master.key", "data/ledger.key", "Backups/master.key", "Backups/ledger.key"};
    *ret_copies = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        PO_TRY(cx, po_fact_path(cx, root, names[i], &path));
        PO_TRY(cx, po_fs_info(cx, path, &info));
        if (info.exists) (*ret_copies)++;
    }
    return po_rc_ok();
}

PO_FACT_READER(keys_place)
{
    const struct po_fact_places *places = &set->places;
    const char *master = NULL;
    const char *backups = NULL;
    struct po_fs_info dir = {0};
    struct po_fs_info file = {0};
    int64_t copies = 0;
    PO_TRY(cx, po_fact_path(cx, places->state_dir, "master.key", &master));
    PO_TRY(cx, po_fact_path(cx, places->root, "Backups", &backups));
    PO_TRY(cx, po_fs_info(cx, places->state_dir, &dir));
    PO_TRY(cx, po_fs_info(cx, master, &file));
    PO_TRY(cx, count_copies(cx, places->root, &copies));
    dev_t key_device = device_of(places->state_dir);
    bool is_inside = po_str_starts(po_str_of(places->state_dir), po_str_of(places->root)) &&
                     places->state_dir[strlen(places->root)] == '/';
    po_json_out_object(out);
    po_fact_put_bool(out, "directory_present", dir.is_dir);
    po_fact_put_bool(out, "directory_private", dir.is_dir && (dir.mode & 0077) == 0);
    po_fact_put_bool(out, "master_in_file", file.is_file);
    po_fact_put_bool(out, "master_private",
                     file.is_file && (file.mode & 0177) == 0 && file.uid == places->uid);
    po_fact_put_bool(out, "inside_home", is_inside);
    po_fact_put_int(out, "copies_in_home", copies);
    po_fact_put_bool(out, "same_file_system_as_data",
                     key_device != 0 && key_device == device_of(places->root));
    po_fact_put_bool(out, "same_file_system_as_backups",
                     key_device != 0 && key_device == device_of(backups));
    po_json_out_object_end(out);
    return po_rc_ok();
}

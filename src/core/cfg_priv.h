/*
 * Inside the configuration: the option table's row and a value of it.
 */
#ifndef PO_CORE_CFG_PRIV_H
#define PO_CORE_CFG_PRIV_H

#include "core/cfg.h"

struct po_cfg_option {
    const char *name;
    enum po_cfg_type type;
    const char *unit;
    int64_t min;
    int64_t max;
    const char *default_text;
    unsigned flags;
    const char *module;
    const char *controls;
    const char *doc;
};

struct po_cfg_value {
    const char *text; /* in the arena; NULL when not set and for secrets */
    int64_t number;
    struct po_secret *secret; /* owned */
    enum po_cfg_origin origin;
    unsigned line;   /* of the file, for PO_CFG_ORIGIN_FILE */
    const char *why; /* what is wrong with a refused text: "must be ..."; static or in an arena */
};

struct po_cfg {
    struct po_arena *arena;
    const char *file_label;             /* how messages and origins call the file */
    bool is_secret_given[PO_CFG_COUNT]; /* also when secrets are not loaded */
    struct po_cfg_value values[PO_CFG_COUNT];
};

const struct po_cfg_option *po_cfg_option_at(enum po_cfg_id id);
/* Where a value of option `name` stands, for messages: "config/.env line 3". */
void po_cfg_origin_text(const struct po_cfg *cfg, const struct po_cfg_value *value,
                        const char *name, char out[static PO_CFG_ORIGIN_BYTES_MAX]);

/*
 * Check `text` (not empty) against an option that is no secret, and fill `value`; its text is in
 * cx's arena. PO_INVALID with value->why, PO_NOMEM.
 */
PO_RC po_cfg_value_parse(struct po_ctx *cx, const struct po_cfg_option *option, po_str text,
                         const char *home, struct po_cfg_value *value);

/* The environment's value of an option, NULL when unset or empty; the name is PAULYOPS_<name>. */
const char *po_env_option(const char *name);
/* The first variable PAULYOPS_* that is neither an option nor known otherwise; NULL for none. */
const char *po_env_find_unknown(void);

#endif

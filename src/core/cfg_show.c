/*
 * The option table seen from outside: names, rows for `config show`, the sample file.
 */
#include "core/cfg_priv.h"

#include "core/names.h"

#include <stdio.h>

static const struct po_cfg_option options[PO_CFG_COUNT] = {
#define X(name, type, unit, min, max, def, flags, module, controls, doc)                           \
    {#name, PO_CFG_TYPE_##type, unit, min, max, def, flags, module, controls, doc},
#include "core/cfg_options.def"
#undef X
};

const struct po_cfg_option *po_cfg_option_at(enum po_cfg_id id)
{
    return &options[id < PO_CFG_COUNT ? id : 0];
}

po_rc po_cfg_find(po_str name, enum po_cfg_id *ret_id)
{
    for (unsigned i = 0; i < PO_CFG_COUNT; i++) {
        if (!po_str_eq_cstr(name, options[i].name)) continue;
        *ret_id = (enum po_cfg_id)i;
        return po_rc_ok();
    }
    return po_rc_of(PO_NOTFOUND);
}

const char *po_cfg_nearest(po_str name)
{
    const char *names[PO_CFG_COUNT];
    for (unsigned i = 0; i < PO_CFG_COUNT; i++)
        names[i] = options[i].name;
    return po_name_nearest(name, names, PO_CFG_COUNT);
}

const char *po_cfg_origin_name(enum po_cfg_origin origin)
{
    switch (origin) {
    case PO_CFG_ORIGIN_FILE: return "file";
    case PO_CFG_ORIGIN_ENVIRONMENT: return "environment";
    case PO_CFG_ORIGIN_COMMAND_LINE: return "command line";
    case PO_CFG_ORIGIN_SECRET_FILE: return "secret file";
    case PO_CFG_ORIGIN_CREDENTIAL: return "credential";
    case PO_CFG_ORIGIN_DEFAULT:
    default: return "default";
    }
}

static const char *type_name(enum po_cfg_type type)
{
    switch (type) {
    case PO_CFG_TYPE_PATH: return "path";
    case PO_CFG_TYPE_INT: return "number";
    case PO_CFG_TYPE_BOOL: return "true or false";
    case PO_CFG_TYPE_DURATION: return "duration";
    case PO_CFG_TYPE_CLOCK: return "time of day";
    case PO_CFG_TYPE_CHOICE: return "choice";
    case PO_CFG_TYPE_LIST: return "list";
    case PO_CFG_TYPE_URL: return "url";
    case PO_CFG_TYPE_MAIL: return "mail address";
    case PO_CFG_TYPE_SECRET: return "secret";
    case PO_CFG_TYPE_STR:
    default: return "text";
    }
}

void po_cfg_origin_text(const struct po_cfg *cfg, const struct po_cfg_value *value,
                        const char *name, char out[static PO_CFG_ORIGIN_BYTES_MAX])
{
    if (value->origin == PO_CFG_ORIGIN_FILE)
        (void)snprintf(out, PO_CFG_ORIGIN_BYTES_MAX, "%.70s line %u", cfg->file_label, value->line);
    else if (value->origin == PO_CFG_ORIGIN_ENVIRONMENT)
        (void)snprintf(out, PO_CFG_ORIGIN_BYTES_MAX, "environment PAULYOPS_%.64s", name);
    else if (value->origin == PO_CFG_ORIGIN_SECRET_FILE)
        (void)snprintf(out, PO_CFG_ORIGIN_BYTES_MAX, "file in %.64s_FILE", name);
    else
        (void)snprintf(out, PO_CFG_ORIGIN_BYTES_MAX, "%s", po_cfg_origin_name(value->origin));
}

bool po_cfg_row_at(const struct po_cfg *cfg, size_t i, struct po_cfg_row *ret_row)
{
    if (i >= PO_CFG_COUNT) return false;
    const struct po_cfg_option *option = &options[i];
    *ret_row = (struct po_cfg_row){
        .name = option->name,
        .type = type_name(option->type),
        .unit = option->unit,
        .min = option->min,
        .max = option->max,
        .default_text = option->default_text,
        .flags = option->flags,
        .module = option->module,
        .controls = option->controls,
        .doc = option->doc,
        .is_secret = option->type == PO_CFG_TYPE_SECRET,
        .value = po_str_of(option->default_text),
        .origin = PO_CFG_ORIGIN_DEFAULT,
        .origin_text = "default",
    };
    if (cfg != NULL) {
        ret_row->value = po_cfg_str(cfg, (enum po_cfg_id)i);
        ret_row->origin = cfg->values[i].origin;
        po_cfg_origin_text(cfg, &cfg->values[i], option->name, ret_row->origin_text);
    }
    if (ret_row->is_secret) {
        bool is_set = cfg != NULL && cfg->is_secret_given[i];
        ret_row->value = is_set ? PO_LIT("(set)") : PO_LIT("(not set)");
    }
    return true;
}

/* "number of days, 1 to 3650", "one of a|b", ... */
static void sample_range(const struct po_cfg_option *option, struct po_buf *out)
{
    po_buf_append_cstr(out, type_name(option->type));
    if (option->type == PO_CFG_TYPE_INT)
        po_buf_printf(out, " of %s, %ld to %ld", option->unit, (long)option->min,
                      (long)option->max);
    else if (option->type == PO_CFG_TYPE_DURATION)
        po_buf_printf(out, ", %lds to %lds", (long)option->min, (long)option->max);
    else if (option->type == PO_CFG_TYPE_CHOICE)
        po_buf_printf(out, " of %s", option->unit);
}

void po_cfg_sample(struct po_buf *out)
{
    po_buf_append_cstr(out,
                       "# PaulyOps configuration: one NAME=VALUE a line. Keep this file at mode "
                       "0600.\n# A value with blanks at its ends or with ' #' goes in double "
                       "quotes; \\\\ \\\" \\n work there.\n# A commented line shows the "
                       "default; remove the '#' to change it.\n");
    for (size_t i = 0; i < PO_CFG_COUNT; i++) {
        po_buf_printf(out, "\n# %s\n# (", options[i].doc);
        sample_range(&options[i], out);
        po_buf_printf(out, ")\n#%s=%s\n", options[i].name, options[i].default_text);
    }
}

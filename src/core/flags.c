/*
 * Status flags: table, file in, file out.
 *
 * Invariants
 *  1. every value held is of its flag's type and in its range, whatever the file said.
 *  2. what is written is read back as the same values.
 */
#include "core/flags.h"

#include "core/alloc.h"
#include "core/codec.h"
#include "core/fs.h"
#include "core/json.h"
#include "core/names.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_MODE 0640

struct flag_row {
    const char *name;
    enum po_flag_type type;
    int64_t min;
    int64_t max;
    int64_t default_number;
    const char *default_text;
    const char *doc;
};

#define NUMBER_BOOL(def) (def)
#define NUMBER_INT(def) (def)
#define NUMBER_STR(def) 0
#define TEXT_BOOL(def) NULL
#define TEXT_INT(def) NULL
#define TEXT_STR(def) (def)

static const struct flag_row rows[PO_FLAG_COUNT] = {
#define X(id, name, type, min, max, def, doc)                                                      \
    {name, PO_FLAG_TYPE_##type, min, max, NUMBER_##type(def), TEXT_##type(def), doc},
#include "core/flags_table.def"
#undef X
};

struct flag_value {
    int64_t number;
    char *text; /* owned; NULL for the default */
};

struct po_flags {
    struct flag_value values[PO_FLAG_COUNT];
};

void po_flags_free(struct po_flags *flags)
{
    if (flags == NULL) return;
    for (size_t i = 0; i < PO_FLAG_COUNT; i++)
        po_free(flags->values[i].text);
    po_free(flags);
}

void po_flags_freep(struct po_flags **flags)
{
    po_flags_free(*flags);
    *flags = NULL;
}

static po_rc new_flags(struct po_ctx *cx, struct po_flags **ret_flags)
{
    struct po_flags *flags = po_calloc(1, sizeof *flags);
    if (flags == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the status flags");
    for (size_t i = 0; i < PO_FLAG_COUNT; i++)
        flags->values[i].number = rows[i].default_number;
    *ret_flags = flags;
    return po_rc_ok();
}

/* ---- reading values ---- */

bool po_flags_bool(const struct po_flags *flags, enum po_flag_id id)
{
    return po_flags_int(flags, id) != 0;
}

int64_t po_flags_int(const struct po_flags *flags, enum po_flag_id id)
{
    return id < PO_FLAG_COUNT ? flags->values[id].number : 0;
}

po_str po_flags_str(const struct po_flags *flags, enum po_flag_id id)
{
    if (id >= PO_FLAG_COUNT || rows[id].type != PO_FLAG_TYPE_STR) return PO_LIT("");
    const char *text = flags->values[id].text;
    return po_str_of(text != NULL ? text : rows[id].default_text);
}

/* Value of the switch `prefix` + `name`; on when there is no such switch. */
static bool is_on(const struct po_flags *flags, const char *prefix, po_str name)
{
    po_str head = po_str_of(prefix);
    for (size_t i = 0; i < PO_FLAG_COUNT; i++) {
        po_str row = po_str_of(rows[i].name);
        if (rows[i].type == PO_FLAG_TYPE_BOOL && po_str_starts(row, head) &&
            po_str_eq(po_str_slice(row, head.len, row.len), name))
            return flags->values[i].number != 0;
    }
    return true;
}

bool po_flags_check_is_on(const struct po_flags *flags, po_str check_id)
{
    return is_on(flags, "check_", check_id);
}

bool po_flags_repair_is_on(const struct po_flags *flags, po_str repair)
{
    return po_flags_bool(flags, PO_FLAG_DOCTOR_ENABLED) && is_on(flags, "repair_", repair);
}

static const char *type_name(enum po_flag_type type)
{
    switch (type) {
    case PO_FLAG_TYPE_BOOL: return "bool";
    case PO_FLAG_TYPE_INT: return "number";
    case PO_FLAG_TYPE_STR:
    default: return "text";
    }
}

static bool is_default(const struct po_flags *flags, size_t i)
{
    if (rows[i].type != PO_FLAG_TYPE_STR) return flags->values[i].number == rows[i].default_number;
    return po_str_eq_cstr(po_flags_str(flags, (enum po_flag_id)i), rows[i].default_text);
}

bool po_flags_row_at(const struct po_flags *flags, size_t i, struct po_flag_row *ret_row)
{
    if (i >= PO_FLAG_COUNT) return false;
    *ret_row = (struct po_flag_row){.name = rows[i].name,
                                    .type = rows[i].type,
                                    .type_name = type_name(rows[i].type),
                                    .min = rows[i].min,
                                    .max = rows[i].max,
                                    .doc = rows[i].doc,
                                    .is_default = is_default(flags, i)};
    int64_t number = flags->values[i].number;
    if (rows[i].type == PO_FLAG_TYPE_STR) {
        ret_row->value_text = po_flags_str(flags, (enum po_flag_id)i);
        return true;
    }
    if (rows[i].type == PO_FLAG_TYPE_BOOL)
        (void)snprintf(ret_row->value_buf, sizeof ret_row->value_buf, "%s",
                       number != 0 ? "true" : "false");
    else
        (void)snprintf(ret_row->value_buf, sizeof ret_row->value_buf, "%" PRId64, number);
    ret_row->value_text = po_str_of(ret_row->value_buf);
    return true;
}

/* Bytes from outside, fit for a message. */
static void printable(po_str in, char out[static PO_NAME_BYTES_MAX + 1])
{
    size_t len = in.len < PO_NAME_BYTES_MAX ? in.len : PO_NAME_BYTES_MAX;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(in.ptr[i] >= ' ' && in.ptr[i] < 0x7f ? in.ptr[i] : '?');
    out[len] = '\0';
}

po_rc po_flags_find(struct po_ctx *cx, po_str name, enum po_flag_id *ret_id)
{
    const char *names[PO_FLAG_COUNT];
    for (size_t i = 0; i < PO_FLAG_COUNT; i++) {
        names[i] = rows[i].name;
        if (!po_str_eq_cstr(name, rows[i].name)) continue;
        *ret_id = (enum po_flag_id)i;
        return po_rc_ok();
    }
    char shown[PO_NAME_BYTES_MAX + 1];
    printable(name, shown);
    const char *nearest = po_name_nearest(name, names, PO_FLAG_COUNT);
    if (nearest == NULL) return PO_FAIL(cx, PO_NOTFOUND, "unknown status flag '%s'", shown);
    return PO_FAIL(cx, PO_NOTFOUND, "unknown status flag '%s', nearest is '%s'", shown, nearest);
}

/* ---- setting values ---- */

static po_rc set_number(struct po_ctx *cx, struct po_flags *flags, enum po_flag_id id,
                        int64_t number)
{
    if (number < rows[id].min || number > rows[id].max)
        return PO_FAIL(cx, PO_INVALID, "'%s' must be from %" PRId64 " to %" PRId64, rows[id].name,
                       rows[id].min, rows[id].max);
    flags->values[id].number = number;
    return po_rc_ok();
}

static bool is_plain_text(po_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) return false;
    return po_utf8_find_invalid(text) == SIZE_MAX;
}

/* The intake is the one flag that leads somewhere. */
static bool is_good_path(po_str path)
{
    po_str rest = path;
    po_str part = {NULL, 0};
    if (path.len > 0 && path.ptr[0] != '/') return false;
    while (po_str_next_field(&rest, '/', &part))
        if (po_str_eq_cstr(part, "..")) return false;
    return true;
}

static po_rc set_text(struct po_ctx *cx, struct po_flags *flags, enum po_flag_id id, po_str text)
{
    if ((int64_t)text.len < rows[id].min || (int64_t)text.len > rows[id].max)
        return PO_FAIL(cx, PO_INVALID, "'%s' must have %" PRId64 " to %" PRId64 " bytes",
                       rows[id].name, rows[id].min, rows[id].max);
    if (!is_plain_text(text))
        return PO_FAIL(cx, PO_INVALID, "'%s' must be UTF-8 without control characters",
                       rows[id].name);
    if (id == PO_FLAG_INTAKE_PATH && !is_good_path(text))
        return PO_FAIL(cx, PO_INVALID, "'%s' must be an absolute path without '..'", rows[id].name);
    char *copy = po_calloc(text.len + 1, 1);
    if (copy == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for '%s'", rows[id].name);
    if (text.len > 0) memcpy(copy, text.ptr, text.len);
    po_free(flags->values[id].text);
    flags->values[id].text = copy;
    return po_rc_ok();
}

po_rc po_flags_set(struct po_ctx *cx, struct po_flags *flags, enum po_flag_id id, po_str text)
{
    if (id >= PO_FLAG_COUNT) return PO_FAIL(cx, PO_NOTFOUND, "no such status flag");
    if (rows[id].type == PO_FLAG_TYPE_STR) return set_text(cx, flags, id, text);
    if (rows[id].type == PO_FLAG_TYPE_BOOL) {
        if (!po_str_eq_cstr(text, "true") && !po_str_eq_cstr(text, "false"))
            return PO_FAIL(cx, PO_INVALID, "'%s' must be true or false", rows[id].name);
        return set_number(cx, flags, id, text.ptr[0] == 't' ? 1 : 0);
    }
    int64_t number = 0;
    if (!po_is_ok(po_str_to_i64(text, &number)))
        return PO_FAIL(cx, PO_INVALID, "'%s' must be a whole number", rows[id].name);
    return set_number(cx, flags, id, number);
}

po_rc po_flags_copy(struct po_ctx *cx, const struct po_flags *flags, struct po_flags **ret_flags)
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_FLAGS_FILE_BYTES_MAX);
    po_flags_write_text(flags, &text);
    PO_TRY_LEAF(cx, po_buf_check(&text), "copying the status flags");
    return po_flags_parse(cx, po_buf_str(&text), "the status flags", ret_flags);
}

void po_flags_swap(struct po_flags *a, struct po_flags *b, enum po_flag_id id)
{
    struct flag_value value = a->values[id];
    a->values[id] = b->values[id];
    b->values[id] = value;
}

/* ---- the file ---- */

static po_rc set_from_json(struct po_ctx *cx, struct po_flags *flags, const struct po_json *value)
{
    static const enum po_json_type wanted[] = {[PO_FLAG_TYPE_BOOL] = PO_JSON_BOOL,
                                               [PO_FLAG_TYPE_STR] = PO_JSON_STR,
                                               [PO_FLAG_TYPE_INT] = PO_JSON_INT};
    enum po_flag_id id = PO_FLAG_COUNT;
    PO_TRY(cx, po_flags_find(cx, value->key, &id));
    if (value->type != wanted[rows[id].type])
        return PO_FAIL(cx, PO_INVALID, "'%s' must be a %s", rows[id].name,
                       type_name(rows[id].type));
    if (value->type == PO_JSON_STR) return set_text(cx, flags, id, value->str);
    return set_number(cx, flags, id,
                      value->type == PO_JSON_BOOL ? (value->boolean ? 1 : 0) : value->integer);
}

static po_rc set_all(struct po_ctx *cx, struct po_flags *flags, po_str text)
{
    struct po_json *root = NULL;
    PO_TRY(cx, po_json_parse(cx, text, PO_JSON_STRICT, &root));
    if (root->type != PO_JSON_OBJECT) return PO_FAIL(cx, PO_INVALID, "must be a JSON object");
    for (const struct po_json *value = root->first; value != NULL; value = value->next)
        PO_TRY(cx, set_from_json(cx, flags, value));
    return po_rc_ok();
}

po_rc po_flags_parse(struct po_ctx *cx, po_str text, const char *name, struct po_flags **ret_flags)
{
    PO_CLEANUP(po_flags_freep) struct po_flags *flags = NULL;
    PO_TRY(cx, new_flags(cx, &flags));
    if (text.len > PO_FLAGS_FILE_BYTES_MAX)
        return PO_FAIL(cx, PO_CONFIG, "'%s' has %zu bytes, at most %zu", name, text.len,
                       PO_FLAGS_FILE_BYTES_MAX);
    po_rc rc = set_all(cx, flags, text);
    if (rc.code == PO_INVALID || rc.code == PO_LIMIT || rc.code == PO_NOTFOUND) {
        char why[PO_ERR_MSG_BYTES_MAX];
        (void)snprintf(why, sizeof why, "%s", po_err_msg(cx));
        return PO_FAIL(cx, PO_CONFIG, "'%s': %s", name, why);
    }
    PO_TRY(cx, rc);
    *ret_flags = PO_TAKE(flags);
    return po_rc_ok();
}

po_rc po_flags_load(struct po_ctx *cx, const char *path, struct po_flags **ret_flags)
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_FLAGS_FILE_BYTES_MAX);
    po_rc rc = po_fs_read(cx, path, &text);
    if (rc.code == PO_NOTFOUND) {
        po_err_clear(cx);
        return new_flags(cx, ret_flags);
    }
    if (rc.code == PO_LIMIT)
        return PO_FAIL(cx, PO_CONFIG, "'%s' has more than %zu bytes", path,
                       PO_FLAGS_FILE_BYTES_MAX);
    PO_TRY(cx, rc);
    PO_TRY(cx, po_flags_parse(cx, po_buf_str(&text), path, ret_flags));
    return po_rc_ok();
}

void po_flags_write_text(const struct po_flags *flags, struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 2);
    po_json_out_object(&json);
    for (size_t i = 0; i < PO_FLAG_COUNT; i++) {
        po_json_out_key(&json, rows[i].name);
        if (rows[i].type == PO_FLAG_TYPE_STR)
            po_json_out_str(&json, po_flags_str(flags, (enum po_flag_id)i));
        else if (rows[i].type == PO_FLAG_TYPE_BOOL)
            po_json_out_bool(&json, flags->values[i].number != 0);
        else
            po_json_out_int(&json, flags->values[i].number);
    }
    po_json_out_object_end(&json);
    po_buf_append_char(out, '\n');
}

void po_flags_defaults(struct po_buf *out)
{
    struct po_flags flags = {.values = {{0, NULL}}};
    for (size_t i = 0; i < PO_FLAG_COUNT; i++)
        flags.values[i].number = rows[i].default_number;
    po_flags_write_text(&flags, out);
}

po_rc po_flags_save(struct po_ctx *cx, const struct po_flags *flags, const char *path)
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, PO_FLAGS_FILE_BYTES_MAX);
    po_flags_write_text(flags, &text);
    PO_TRY_LEAF(cx, po_buf_check(&text), "out of memory for '%s'", path);
    PO_TRY(cx, po_fs_write_atomic(cx, path, po_buf_str(&text), FILE_MODE));
    return po_rc_ok();
}

po_rc po_flags_digest(struct po_ctx *cx, const struct po_flags *flags, po_flags_hash hash,
                      uint8_t ret_digest[static 32])
{
    PO_BUF_AUTO text = {0};
    PO_BUF_AUTO canonical = {0};
    po_buf_init(&text, PO_FLAGS_FILE_BYTES_MAX);
    po_buf_init(&canonical, PO_FLAGS_FILE_BYTES_MAX);
    po_flags_write_text(flags, &text);
    PO_TRY_LEAF(cx, po_buf_check(&text), "out of memory for the status flags");
    struct po_json *root = NULL;
    PO_TRY(cx, po_json_parse(cx, po_buf_str(&text), PO_JSON_STRICT, &root));
    PO_TRY(cx, po_json_canonical(cx, root, &canonical));
    PO_TRY_LEAF(cx, po_buf_check(&canonical), "out of memory for the status flags");
    uint8_t digest[32];
    PO_TRY_LEAF(cx, hash(po_buf_str(&canonical), digest), "hashing the status flags");
    memcpy(ret_digest, digest, sizeof digest);
    return po_rc_ok();
}

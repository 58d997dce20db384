/*
 * Compiled form: values, instructions, functions and the image that holds them.
 *
 * Values are 16 bytes: a tag, 32 bits of the tag's own and 8 bytes of payload. Strings are slices
 * (bytes and length in the value itself), so cutting one allocates nothing.
 */
#ifndef PO_SCRIPT_CODE_PRIV_H
#define PO_SCRIPT_CODE_PRIV_H

#include "script/lib_priv.h"
#include "script/script.h"

enum po_tag {
    V_UNINIT,
    V_UNIT,
    V_BOOL,
    V_INT,
    V_FLOAT,
    V_STR,
    V_ARRAY,
    V_MAP,
    V_SET,
    V_TUPLE,
    V_STRUCT,
    V_RECORD,
    V_ENUM,
    V_RANGE,
    V_FN,
    V_BUILTIN,
    V_HOST,
    V_CTOR,
    V_FUTURE,
    V_SECRET,
    V_CELL,
    V_COUNT
};

struct po_array;
struct po_map_obj;
struct po_closure;
struct po_range;
struct po_future;
struct po_record;

/*
 * aux   V_STR: length, bit 31 = may hold other than ASCII | V_TUPLE: count | V_STRUCT: type id
 *       V_ENUM, V_CTOR: constructor id | V_HOST: host index
 */
struct po_val {
    uint32_t tag;
    uint32_t aux;
    union {
        int64_t i; /* V_BOOL (0, 1), V_INT, V_SECRET */
        double f;
        const char *s;
        struct po_val *vals; /* tuple, struct, enum payload, cell */
        struct po_array *arr;
        struct po_map_obj *map; /* and set */
        struct po_record *rec;
        struct po_range *range;
        struct po_closure *fn;
        struct po_future *fut;
        const struct po_builtin *bi;
        const void *p;
    } u;
};
_Static_assert(sizeof(struct po_val) == 16, "values are two words");

#define PO_STR_WIDE 0x80000000u
#define PO_STR_LEN_MAX 0x7FFFFFFFu

struct po_ins {
    uint8_t op;
    uint8_t a;
    uint8_t b;
    uint8_t c;
    int32_t k;
};
_Static_assert(sizeof(struct po_ins) == 8, "one word per instruction");

#define PO_REGS_MAX 250
#define PO_CTOR_SOME 0
#define PO_CTOR_NONE 1
#define PO_CTOR_OK 2
#define PO_CTOR_ERR 3
#define PO_TYPE_ERROR 0
#define PO_ID_BITS 24
#define PO_ID_MASK 0xFFFFFF

enum po_op {
#define OP(name, format, text) OP_##name,
#include "script/vm_ops.def"
#undef OP
    OP_COUNT
};

struct po_handler {
    uint32_t from;
    uint32_t to; /* exclusive */
    uint32_t target;
    uint8_t reg;
};

struct po_upval {
    bool is_reg; /* of the enclosing function; else its upvalue */
    uint8_t index;
    uint8_t tag; /* what is known about it; V_CELL for shared variables */
};

struct po_proto {
    struct po_ins *code;
    uint32_t *pos; /* source offset per instruction */
    uint32_t code_count;
    uint32_t reg_count;
    uint32_t param_count;
    uint8_t *param_tags; /* V_INT, V_FLOAT, V_BOOL or 0 */
    uint8_t ret_tag;
    bool is_async;
    bool has_checked_params;
    struct po_upval *upvals;
    uint32_t upval_count;
    struct po_handler *handlers; /* innermost first */
    uint32_t handler_count;
    po_str name;
    uint32_t module;
    uint32_t self_type; /* unused id for functions */
    uint8_t slots;      /* registers a frame reserves */
};

/* Shape of a record: names in order. */
struct po_shape {
    uint32_t count;
    uint32_t hash;
    po_str *names;
    struct po_shape *next; /* run-time shapes of one hash */
};

struct po_ctor {
    po_str name;
    po_str type_name;
    uint32_t type_id;
    uint32_t count;
    po_str *fields; /* NULL: positional */
    bool is_builtin;
    uint16_t i32_mask; /* which of the first 16 parts are i32 places: all that a value call takes */
};

struct po_impl {
    po_str name;
    uint32_t proto;
    struct po_impl *next;
};

/* Types as values need them: structs and enums. */
struct po_type_info {
    po_str name;
    bool is_enum;
    uint32_t count; /* fields, or constructors */
    po_str *fields;
    uint32_t ctor_base;
    struct po_impl *impls;
};

/* Type descriptions for decoding JSON (entry arguments, host answers), flattened. */
enum po_desc_kind {
    DESC_ANY,
    DESC_INT,
    DESC_FLOAT,
    DESC_BOOL,
    DESC_STR,
    DESC_UNIT,
    DESC_ARRAY,
    DESC_MAP,
    DESC_SET,
    DESC_OPTION,
    DESC_RESULT,
    DESC_TUPLE,
    DESC_RECORD,
    DESC_STRUCT,
    DESC_ENUM,
    DESC_SECRET
};
struct po_desc {
    uint8_t kind;
    uint32_t id;    /* struct, enum: type id */
    uint32_t count; /* parts */
    const struct po_desc **parts;
    po_str *names; /* record fields */
};

/* The lines of a text: where each begins. comp.c */
struct po_lines {
    po_str text;
    const uint32_t *starts;
    uint32_t count;
};
uint32_t po_line_at(const struct po_lines *lines, uint32_t pos);  /* from 1 */
po_str po_line_text(const struct po_lines *lines, uint32_t line); /* without its break, 200 bytes */
/* What vsnprintf wrote of `len` bytes into `size`. */
static inline size_t po_printed(int len, size_t size)
{
    return len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
}

struct po_image_module {
    po_str path;
    po_str text;
    uint32_t *line_starts;
    uint32_t line_count;
    int32_t init_proto;
};

struct po_entry_fn {
    po_str name;
    uint32_t proto;
    uint32_t param_count;
    const struct po_desc **params;
    bool is_setup;
    bool is_teardown;
    bool is_test;
    bool should_panic;
    bool is_skipped;
    struct po_script_entry entry; /* kind empty: an ordinary function of the entry file */
};

struct po_script {
    struct po_arena *arena;
    struct po_proto **protos;
    uint32_t proto_count;
    struct po_val *consts;
    uint32_t const_count;
    struct po_type_info *types;
    uint32_t type_count;
    struct po_ctor *ctors;
    uint32_t ctor_count;
    struct po_shape *shapes;
    uint32_t shape_count;
    uint32_t *global_module; /* which module a global belongs to */
    uint32_t global_count;
    struct po_image_module *modules; /* dependencies first, entry last */
    uint32_t module_count;
    struct po_entry_fn *fns; /* functions of the entry file */
    uint32_t fn_count;
    const struct po_script_entry **entries;
    uint32_t entry_count;
    int32_t main_proto; /* -1: none, or the top level calls it */
    uint32_t *host_used;
    uint32_t host_used_count;
    const struct po_desc **host_results; /* per declared host function, NULL when unused */
    bool *host_is_result;
    uint32_t host_count;
    uint32_t *lines; /* coverage slots: lines of the entry file */
    uint32_t line_count;
};

static inline struct po_val po_val_int(int64_t i)
{
    return (struct po_val){.tag = V_INT, .u.i = i};
}
static inline struct po_val po_val_bool(bool b) { return (struct po_val){.tag = V_BOOL, .u.i = b}; }
static inline struct po_val po_val_float(double f)
{
    return (struct po_val){.tag = V_FLOAT, .u.f = f};
}
static inline struct po_val po_val_unit(void) { return (struct po_val){.tag = V_UNIT}; }

/* verify.c: operand ranges, jump targets, register types by abstract interpretation. The first
 * problem is written to `why` (may be NULL); NULL there: out of memory. Trusted by the machine. */
bool po_verify(const struct po_script *script, struct po_arena *scratch, const char **ret_why);
const char *po_op_name(int op);

#endif

#include "fact_fixture.h"

#include "core/codec.h"
#include "core/fs.h"
#include "crypto/crypto.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_parents(const char *path)
{
    char copy[4096];
    check_that(strlen(path) < sizeof copy);
    memcpy(copy, path, strlen(path) + 1);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(copy, 0755);
        *slash = '/';
    }
}

void fixture_bytes(const char *path, const void *bytes, size_t len)
{
    const char *full = test_tmp(path);
    make_parents(full);
    test_write_file(full, bytes, len);
}

void fixture_file(const char *path, const char *text) { fixture_bytes(path, text, strlen(text)); }

void fixture_dir(const char *path)
{
    const char *full = test_tmp(path);
    make_parents(full);
    check_that(mkdir(full, 0700) == 0 || access(full, F_OK) == 0);
}

static int fixture_clock(struct timex *ret_state)
{
    ret_state->offset = -1500;
    ret_state->maxerror = 4000;
    ret_state->esterror = 200;
    ret_state->status = 0;
    return TIME_OK;
}

struct po_fact_set *fixture_set(struct po_ctx *cx)
{
    fixture_dir("home");
    fixture_dir("state");
    fixture_dir("proc");
    struct po_fact_places places = {
        .root = test_tmp("home"),
        .state_dir = test_tmp("state"),
        .proc = test_tmp("proc"),
        .etc = test_tmp("etc"),
        .run = test_tmp("run"),
        .dpkg = test_tmp("dpkg/status"),
        .user_units = test_tmp("units"),
        .stamps = test_tmp("stamps"),
        .program = "/proc/self/exe",
        .uid = geteuid(),
        .clock_state = fixture_clock,
    };
    struct po_fact_set *set = NULL;
    check_ok(cx, po_fact_set_new_at(cx, NULL, &places, &set));
    return set;
}

/* One home a process; the case's end closes it. */
static struct po_home *fixture_home;

__attribute__((destructor)) static void close_fixture_home(void)
{
    po_home_abandonp(&fixture_home);
}

struct po_fact_set *fixture_home_set(struct po_ctx *cx)
{
    struct po_fact_set *set = fixture_set(cx);
    struct po_fact_places places = {0};
    po_home_abandonp(&fixture_home);
    (void)rmdir(test_tmp("home"));
    check_that(setenv("XDG_STATE_HOME", test_tmp("xdg"), 1) == 0);
    check_that(setenv("HOME", test_tmp("user"), 1) == 0);
    check_ok(cx, po_home_init(cx, test_tmp("home"), &fixture_home));
    check_ok(cx, po_home_close(cx, &fixture_home));
    check_ok(cx, po_home_open(cx, test_tmp("home"), PO_HOME_READ_WRITE, &fixture_home));
    check_ok(cx, po_fact_places_find(cx, fixture_home, &places));
    places.proc = set->places.proc;
    places.etc = set->places.etc;
    places.run = set->places.run;
    places.dpkg = set->places.dpkg;
    places.clock_state = set->places.clock_state;
    check_ok(cx, po_fact_set_new_at(cx, fixture_home, &places, &set));
    return set;
}

const struct po_json *fixture_read(struct po_ctx *cx, struct po_fact_set *set, const char *name)
{
    const struct po_fact_value *value = NULL;
    check_ok(cx, po_fact_get(cx, set, name, &value));
    return value->json;
}

static const struct po_json *child_at(const struct po_json *node, po_str name)
{
    uint64_t index = 0;
    if (node->type != PO_JSON_ARRAY) {
        for (const struct po_json *child = node->first; child != NULL; child = child->next)
            if (po_str_eq(child->key, name)) return child;
        return NULL;
    }
    if (!po_is_ok(po_str_to_u64(name, 100000, &index))) return NULL;
    const struct po_json *child = node->first;
    while (child != NULL && index-- > 0)
        child = child->next;
    return child;
}

const struct po_json *fixture_at(const struct po_json *root, const char *path)
{
    po_str rest = po_str_of(path);
    po_str name = {0};
    const struct po_json *node = root;
    while (po_str_next_field(&rest, '.', &name)) {
        node = child_at(node, name);
        if (node == NULL) test_fail(__FILE__, __LINE__, "no member '%s'", path);
    }
    return node;
}

int64_t fixture_int(const struct po_json *root, const char *path)
{
    const struct po_json *node = fixture_at(root, path);
    if (node->type != PO_JSON_INT) test_fail(__FILE__, __LINE__, "'%s' is no integer", path);
    return node->integer;
}

bool fixture_bool(const struct po_json *root, const char *path)
{
    const struct po_json *node = fixture_at(root, path);
    if (node->type != PO_JSON_BOOL) test_fail(__FILE__, __LINE__, "'%s' is no truth value", path);
    return node->boolean;
}

bool fixture_is_null(const struct po_json *root, const char *path)
{
    return fixture_at(root, path)->type == PO_JSON_NULL;
}

po_str fixture_str(const struct po_json *root, const char *path)
{
    const struct po_json *node = fixture_at(root, path);
    if (node->type != PO_JSON_STR) test_fail(__FILE__, __LINE__, "'%s' is no string", path);
    return node->str;
}

static void digest_dir(struct po_ctx *cx, const char *dir, struct po_buf *text, int depth)
{
    po_str *names = NULL;
    size_t count = 0;
    check_that(depth < 20);
    check_ok(cx, po_fs_list(cx, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        struct po_fs_info info = {0};
        check_ok(cx, po_path_join(cx, dir, po_arena_strdup(cx->arena, names[i]), &path));
        check_ok(cx, po_fs_info(cx, path, &info));
        po_buf_printf(text, "%s %o %" PRIu64 " %" PRId64 "\n", path, (unsigned)info.mode,
                      info.is_file ? info.size_bytes : 0, info.mtime_us);
        if (info.is_dir) digest_dir(cx, path, text, depth + 1);
        if (!info.is_file) continue;
        size_t len = 0;
        char *bytes = test_read_file(path, &len);
        po_buf_append(text, po_str_n(bytes, len));
        free(bytes);
    }
}

const char *fixture_tree_digest(struct po_ctx *cx, const char *dir)
{
    PO_BUF_AUTO text = {0};
    po_buf_init(&text, (size_t)256 << 20);
    digest_dir(cx, dir, &text, 0);
    check_ok_leaf(po_buf_check(&text));
    uint8_t digest[32] = {0};
    check_ok_leaf(po_sha256(po_buf_str(&text), digest));
    char *hex = po_arena_alloc(cx->arena, 65, 1);
    check_that(hex != NULL);
    po_hex_encode(digest, 32, hex);
    return hex;
}

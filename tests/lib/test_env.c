/*
 * What a case finds around it: temp dir, clock, context, random numbers, files.
 */
#include "lib/test_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEST_PATHS_KEPT 64

static struct po_clock_fake fake_clock;
static bool has_clock;
static char kept_paths[TEST_PATHS_KEPT][512];
static size_t kept_next;

void test_remove_tree(const char *path)
{
    struct stat st;
    if (path[0] == '\0' || lstat(path, &st) != 0) return;
    if (!S_ISDIR(st.st_mode)) {
        unlink(path);
        return;
    }
    chmod(path, 0700);
    DIR *dir = opendir(path);
    if (dir == NULL) return;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char child[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        test_remove_tree(child);
    }
    closedir(dir);
    rmdir(path);
}

const char *test_tmpdir(void)
{
    if (test_current.has_tmpdir) return test_current.tmpdir;
    if (mkdir(test_current.tmpdir, 0700) != 0)
        test_fail(__FILE__, __LINE__, "%s: %s", test_current.tmpdir, strerror(errno));
    test_current.has_tmpdir = true;
    return test_current.tmpdir;
}

void test_env_fresh(void)
{
    if (test_current.has_tmpdir) test_remove_tree(test_current.tmpdir);
    test_current.has_tmpdir = false;
    has_clock = false;
}

static char *next_kept_path(void)
{
    char *path = kept_paths[kept_next];
    kept_next = (kept_next + 1) % TEST_PATHS_KEPT;
    return path;
}

const char *test_tmp(const char *name)
{
    char *path = next_kept_path();
    snprintf(path, sizeof kept_paths[0], "%s/%s", test_tmpdir(), name);
    return path;
}

const char *test_source_path(const char *relative)
{
    char *path = next_kept_path();
    snprintf(path, sizeof kept_paths[0], "%s/%s", test_options.source_root, relative);
    return path;
}

void test_write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    bool is_written = file != NULL && fwrite(bytes, 1, len, file) == len;
    if (file == NULL || fclose(file) != 0 || !is_written)
        test_fail(__FILE__, __LINE__, "writing '%s': %s", path, strerror(errno));
}

char *test_read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    if (file == NULL || fstat(fileno(file), &st) != 0)
        test_fail(__FILE__, __LINE__, "reading '%s': %s", path, strerror(errno));
    char *bytes = calloc(1, (size_t)st.st_size + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)st.st_size, file) != (size_t)st.st_size)
        test_fail(__FILE__, __LINE__, "reading '%s': short", path);
    fclose(file);
    *ret_len = (size_t)st.st_size;
    return bytes;
}

/* splitmix64 */
uint64_t test_random_u64(void)
{
    uint64_t z = (test_current.random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t test_random_below(uint64_t limit) { return limit == 0 ? 0 : test_random_u64() % limit; }

uint64_t test_rounds(uint64_t normal)
{
    return test_options.rounds != 0 ? test_options.rounds : normal;
}

struct po_clock_fake *test_clock(void)
{
    if (!has_clock) po_clock_fake_init(&fake_clock, TEST_CLOCK_START_US);
    has_clock = true;
    return &fake_clock;
}

void test_cx_init(struct po_ctx *cx, const char *file, int line)
{
    bool was_armed = test_current.fault_armed;
    test_faults_off();
    po_rc rc = po_ctx_init(cx);
    if (rc.code != PO_OK) test_fail(file, line, "no context: %s", po_code_name(rc.code));
    cx->clock = &test_clock()->clock;
    snprintf(cx->session, sizeof cx->session, "run_test");
    if (was_armed) test_faults_arm();
}

/* FNV-1a: each case has its own stream. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

void test_env_begin(const struct test_case *c, struct test_slot *slot)
{
    test_current.test = c;
    test_current.slot = slot;
    has_clock = false;
    test_current.row = NULL;
    test_current.has_tmpdir = false;
    test_current.fault = (struct test_fault){.mode = TEST_FAULT_OFF};
    test_current.fault_seen = false;
    test_current.fault_armed = false;
    test_current.random_state = test_options.seed * 0x2545f4914f6cdd1du ^ hash_name(c->name);
}

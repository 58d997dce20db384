/* Runs the escape table and compares it with docs/escape-table.md. */
#include "unit/program/escape.h"

#include "core/fs.h"
#include "core/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOT_OUT 7
#define WAS_HELD 8
#define NOT_TO_BE_HAD 97 /* what the attempt starts from: a chroot's root is no mount point */
#define HELD_ALWAYS 0x10000u
#define ROWS_MAX 200
#define TRY_SECONDS_MAX 15

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define HAS_SANITIZER true
#else
#define HAS_SANITIZER false
#endif

char escape_secret[16] = ESCAPE_SECRET;

static const char *const fence_names[FENCE_COUNT] = {"landlock", "seccomp",     "privileges",
                                                     "limits",   "descriptors", "gate",
                                                     "parent",   "links",       "environment"};

/* ---- paths and files for the attempts ----------------------------------------------------------- */

static const char *path_of(const char *dir, const char *name)
{
    static char paths[8][512];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}
const char *escape_in(const struct escape_place *place, const char *name)
{
    return path_of(place->in, name);
}
const char *escape_out(const struct escape_place *place, const char *name)
{
    return path_of(place->out, name);
}

bool escape_fd_reads_secret(int fd)
{
    char got[sizeof ESCAPE_SECRET] = {0};
    return pread(fd, got, sizeof got - 1, 0) > 0 && strcmp(got, ESCAPE_SECRET) == 0;
}

bool escape_reads_secret(const char *path)
{
    int fd = open(path, O_RDONLY);
    bool is_read = fd >= 0 && escape_fd_reads_secret(fd);
    if (fd >= 0) close(fd);
    return is_read;
}

static void make_file(const char *path, const char *text)
{
    test_write_file(path, text, strlen(text));
}

static void make_place(struct escape_place *place)
{
    TEST_CX(cx);
    const char *root = test_tmp("place");
    if (access(root, F_OK) == 0) check_ok(cx, po_fs_remove_tree(cx, root, 4));
    snprintf(place->in, sizeof place->in, "%s/in", root);
    snprintf(place->out, sizeof place->out, "%s/out", root);
    check_ok(cx, po_fs_mkdir_all(cx, escape_in(place, "d"), 0755));
    check_ok(cx, po_fs_mkdir_all(cx, escape_out(place, "empty"), 0755));
    make_file(escape_in(place, "x"), "granted");
    make_file(escape_in(place, "d/secret"), "granted");
    make_file(escape_out(place, "secret"), ESCAPE_SECRET);
    check_eq_int(symlink(place->out, escape_in(place, "link")), 0);
}

/* Stands for the parent: not dumpable, with something in its memory. */
static pid_t start_victim(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (;;)
            pause();
    }
    check_that(pid > 0);
    return pid;
}

/* ---- one native attempt ------------------------------------------------------------------------- */

static void grant(const struct escape_row *row, const struct escape_place *place,
                  struct po_sandbox_rule rules[static 5], struct po_sandbox_options *options)
{
    bool can_write = row->given == GIVEN_WRITE || row->given == GIVEN_WRITE_EXEC;
    bool can_exec = row->given == GIVEN_EXEC || row->given == GIVEN_WRITE_EXEC;
    size_t count = 0;
    rules[count++] = (struct po_sandbox_rule){
        place->in, PO_SANDBOX_READ | (can_write ? (unsigned)PO_SANDBOX_WRITE : 0u)};
    if (can_exec) {
        rules[count++] = (struct po_sandbox_rule){"/usr/bin/true", PO_SANDBOX_EXECUTE};
        rules[count++] =
            (struct po_sandbox_rule){"/lib64/ld-linux-x86-64.so.2", PO_SANDBOX_EXECUTE};
        rules[count++] = (struct po_sandbox_rule){"/usr/lib", PO_SANDBOX_READ};
        rules[count++] = (struct po_sandbox_rule){"/dev/null", PO_SANDBOX_DEVICE};
    }
    *options = (struct po_sandbox_options){.rules = rules,
                                           .rule_count = count,
                                           .landlock_abi_max = 2,
                                           .can_write = can_write,
                                           .can_exec = can_exec,
                                           .fd_first_closed = 4,
                                           .cpu_s = 10,
                                           .data_bytes = (uint64_t)512 << 20,
                                           .file_bytes = (uint64_t)64 << 20,
                                           .files = 256};
}

static unsigned core_fences(unsigned left_out)
{
    unsigned fences = PO_SANDBOX_DUMPABLE;
    if (left_out & FENCE_LANDLOCK) fences |= PO_SANDBOX_LANDLOCK;
    if (left_out & FENCE_SECCOMP) fences |= PO_SANDBOX_SECCOMP;
    if (left_out & FENCE_PRIVILEGES) fences |= PO_SANDBOX_PRIVILEGES;
    if (left_out & FENCE_LIMITS) fences |= PO_SANDBOX_LIMITS;
    if (left_out & FENCE_DESCRIPTORS) fences |= PO_SANDBOX_DESCRIPTORS;
    return fences;
}

static int attempt_fenced(const struct escape_row *row, const struct escape_place *place,
                          unsigned left_out)
{
    struct po_ctx *cx = calloc(1, sizeof *cx);
    struct po_sandbox_rule rules[5];
    struct po_sandbox_options options;
    struct po_sandbox_support support;
    if (cx == NULL || !po_is_ok(po_ctx_init(cx))) return 90;
    alarm(TRY_SECONDS_MAX);
    (void)signal(SIGXFSZ, SIG_IGN);
    if (row->prepare != NULL) row->prepare(place);
    grant(row, place, rules, &options);
    po_sandbox_test_leave_out(core_fences(left_out));
    if (!po_is_ok(po_sandbox_enter(cx, &options, &support))) return 91;
    return row->attempt(place) ? GOT_OUT : WAS_HELD;
}

static bool run_native(const struct escape_row *row, const struct escape_place *place,
                       unsigned left_out)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        _exit(attempt_fenced(row, place, left_out));
    }
    check_eq_int(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) return false;
    check_that(WIFEXITED(status), "signal %d, without %x", WTERMSIG(status), left_out);
    bool is_known = WEXITSTATUS(status) == GOT_OUT || WEXITSTATUS(status) == WAS_HELD ||
                    WEXITSTATUS(status) == NOT_TO_BE_HAD;
    check_that(is_known, "status %d, without %x", WEXITSTATUS(status), left_out);
    return WEXITSTATUS(status) == GOT_OUT;
}

/* ---- measuring ---------------------------------------------------------------------------------- */

struct measured {
    bool is_held;       /* with all fences */
    bool is_open;       /* without any: the row measures something here */
    bool is_held_twice; /* with each fence left out in turn */
    unsigned alone;     /* fences that hold it alone */
};

static bool gets_out(const struct escape_row *row, struct escape_place *place, unsigned left_out)
{
    make_place(place);
    return row->run != NULL ? row->run(row, place, left_out) : run_native(row, place, left_out);
}

static struct measured measure(const struct escape_row *row, struct escape_place *place)
{
    struct measured result = {.is_held = !gets_out(row, place, 0)};
    if (row->fences == 0) return result;
    result.is_open = gets_out(row, place, row->fences);
    /* With a sanitizer a fork is slow, and the other builds measure: here, that it is held. */
    if (HAS_SANITIZER) return result;
    result.is_held_twice = result.is_open;
    for (unsigned fence = 1; fence < 1u << FENCE_COUNT && result.is_open; fence <<= 1) {
        if ((row->fences & fence) == 0) continue;
        if (!gets_out(row, place, row->fences & ~fence)) result.alone |= fence;
        if (gets_out(row, place, fence)) result.is_held_twice = false;
    }
    return result;
}

/* ---- the table ---------------------------------------------------------------------------------- */

static void put_row(struct po_buf *out, const struct escape_row *row, const struct measured *m)
{
    size_t count = 0;
    po_buf_printf(out, "| %s | %s | ", row->group, row->name);
    if (row->fixed != NULL) po_buf_append_cstr(out, row->fixed);
    if (row->fixed != NULL) count++;
    if (row->fences != 0 && !m->is_open) po_buf_append_cstr(out, "(not to be had on this machine)");
    for (unsigned i = 0; i < FENCE_COUNT; i++)
        if (m->alone & 1u << i) po_buf_printf(out, "%s%s", count++ > 0 ? ", " : "", fence_names[i]);
    po_buf_printf(out, " | %s |\n", m->is_held_twice ? "yes" : "no");
}

/* The document's line for this row, without its end; NULL when there is none. */
static const char *line_of(const char *document, const struct escape_row *row, size_t *ret_len)
{
    char start[256];
    snprintf(start, sizeof start, "| %s | %s | ", row->group, row->name);
    const char *line = strstr(document, start);
    if (line != NULL) *ret_len = strcspn(line, "\n") + 1;
    return line;
}

struct table {
    struct po_buf text;
    char *document;
    size_t count;
    size_t twice;
    size_t measured;
    size_t documented_twice;
};

static void check_row(struct table *table, const struct escape_row *row, const struct measured *m)
{
    PO_BUF_AUTO got = {0};
    size_t len = 0;
    po_buf_init(&got, 1024);
    put_row(&got, row, m);
    const char *want = line_of(table->document, row, &len);
    check_that(want != NULL, "the row is not in docs/escape-table.md");
    if (po_str_ends(po_str_n(want, len), PO_LIT("| yes |\n"))) table->documented_twice++;
    /* Without privileges there are none to drop. */
    bool is_less =
        geteuid() != 0 && po_str_find(po_str_n(want, len), PO_LIT("privileges"), 0) != SIZE_MAX;
    bool is_other = row->varies || is_less || HAS_SANITIZER;
    if ((row->fences != 0 && !m->is_open) || is_other) return;
    check_eq_postr(po_buf_str(&got), po_str_n(want, len));
}

static void take_rows(struct table *table, struct escape_place *place, struct escape_rows rows,
                      bool is_written)
{
    for (size_t i = 0; i < rows.count; i++) {
        const struct escape_row *row = &rows.at[i];
        test_row(row->name);
        struct measured m = measure(row, place);
        bool has_no_limit = row->is_limit && HAS_SANITIZER;
        check_that(m.is_held || has_no_limit, "it got out");
        table->count++;
        table->twice += m.is_held_twice;
        table->measured += row->fences == 0 || m.is_open;
        put_row(&table->text, row, &m);
        if (!is_written) check_row(table, row, &m);
    }
    test_row(NULL);
}

/* Lines of the document that are rows of the table. */
static size_t count_lines(const char *document)
{
    size_t count = 0;
    po_str rest = po_str_of(document);
    po_str line = {0};
    while (po_str_next_line(&rest, &line))
        count += po_str_starts(line, PO_LIT("| ")) &&
                 (po_str_ends(line, PO_LIT("| yes |")) || po_str_ends(line, PO_LIT("| no |")));
    return count;
}

static void write_table(struct table *table, const char *path)
{
    TEST_CX(cx);
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 1 << 18);
    po_buf_printf(&out, "%zu attempts, %zu measured here, %zu held with any one fence missing.\n\n",
                  table->count, table->measured, table->twice);
    po_buf_append_cstr(&out, "| kind | attempt | held by each of these alone | "
                             "held with any one missing |\n|---|---|---|---|\n");
    po_buf_append(&out, po_buf_str(&table->text));
    check_ok(cx, po_fs_write_atomic(cx, path, po_buf_str(&out), 0644));
}

/* @proves CC6.1 CC6.8 */
TEST_TIMEOUT(escape__every_attempt_is_held_by_the_fences_of_the_table, 240)
{
    const char *path = getenv("PO_ESCAPE_TABLE");
    struct table table = {0};
    struct po_sandbox_support support = {0};
    size_t document_len = 0;
    struct escape_place place = {.victim = start_victim()};
    po_sandbox_support(&support);
    if (!po_sandbox_is_full(&support)) test_skip("this host has: %s", support.text);
    po_buf_init(&table.text, 1 << 18);
    if (path == NULL)
        table.document = test_read_file(test_source_path("docs/escape-table.md"), &document_len);
    take_rows(&table, &place, escape_file_rows(), path != NULL);
    take_rows(&table, &place, escape_call_rows(), path != NULL);
    take_rows(&table, &place, escape_script_rows(), path != NULL);
    take_rows(&table, &place, escape_liar_rows(), path != NULL);
    if (path != NULL) write_table(&table, path);
    check_that(table.count >= 48);
    check_that(path != NULL || table.documented_twice >= 25);
    if (path == NULL) check_eq_u64(count_lines(table.document), table.count);
    check_eq_int(kill(place.victim, SIGKILL), 0);
    check_eq_int(waitpid(place.victim, NULL, 0), place.victim);
    po_buf_done(&table.text);
    free(table.document);
}

/*
 * The filter of system calls (sandbox_calls.def), made with libseccomp.
 *
 * A call of another architecture's table (32-bit, x32) ends the process: libseccomp's default.
 */
#include "core/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define SANDBOX_ALL_BITS UINT64_MAX
#define SANDBOX_CLONE_NEW                                                                          \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET | CLONE_PTRACE)
#define SANDBOX_MODE_BITS (S_ISUID | S_ISGID | S_ISVTX)

enum call_set { ALWAYS, WRITE, EXEC, SERVE, LOCK, ABSENT };

struct call {
    int number;
    enum call_set set;
    unsigned condition_count;
    struct scmp_arg_cmp conditions[2];
};

#define MASKED(arg_index, arg_mask, arg_value)                                                     \
    {                                                                                              \
        .arg = (arg_index), .op = SCMP_CMP_MASKED_EQ, .datum_a = (uint64_t)(arg_mask),             \
        .datum_b = (uint64_t)(arg_value)                                                           \
    }

static const struct call calls[] = {
#define CALL(name, call_set) {.number = SCMP_SYS(name), .set = (call_set)},
#define WHEN(name, call_set, index, mask, value)                                                   \
    {.number = SCMP_SYS(name),                                                                     \
     .set = (call_set),                                                                            \
     .condition_count = 1,                                                                         \
     .conditions = {MASKED(index, mask, value)}},
#define OPEN(name, call_set, index, mask, value)                                                   \
    {.number = SCMP_SYS(name),                                                                     \
     .set = (call_set),                                                                            \
     .condition_count = 2,                                                                         \
     .conditions = {MASKED(index, mask, value), MASKED((index) + 1, SANDBOX_MODE_BITS, 0)}},
#define ABSENT(name) {.number = SCMP_SYS(name), .set = ABSENT},
#include "core/sandbox_calls.def"
#undef CALL
#undef WHEN
#undef OPEN
#undef ABSENT
};

static void filter_done(scmp_filter_ctx *filter)
{
    if (*filter != NULL) seccomp_release(*filter);
}

static bool is_wanted(const struct call *call, const struct po_sandbox_options *options)
{
    switch (call->set) {
    case ALWAYS:
    case ABSENT: return true;
    /* A program that is started may open what landlock lets it write: its /dev/null. */
    case WRITE: return options->can_write || options->can_exec;
    case EXEC: return options->can_exec;
    case SERVE: return options->can_serve;
    case LOCK: return options->locked_bytes > 0;
    }
    return false;
}

static int add_call(scmp_filter_ctx filter, const struct call *call)
{
    uint32_t action = call->set == ABSENT ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW;
    int why = seccomp_rule_add_array(filter, action, call->number, call->condition_count,
                                     call->conditions);
    /* Two sets may name the same call. */
    return why == -EEXIST ? 0 : why;
}

po_rc po_sandbox_seccomp_load(struct po_ctx *cx, const struct po_sandbox_options *options)
{
    PO_CLEANUP(filter_done) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) return PO_FAIL(cx, PO_NOMEM, "out of memory for the system call filter");
    /* Sorted as a tree: a call is judged in a few comparisons. */
    int why = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < sizeof calls / sizeof *calls && why == 0; i++)
        if (is_wanted(&calls[i], options)) why = add_call(filter, &calls[i]);
    if (why == 0) why = seccomp_load(filter);
    if (why != 0)
        return PO_FAIL_SYS(cx, PO_DENIED, -why, "putting the system call filter in force");
    return po_rc_ok();
}

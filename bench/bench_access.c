/*
 * What a decision costs: every shipped role against every action, and names that are none.
 *
 *   make V=release O=… …/bench-access && …/bench-access
 *
 * The bar is 300 ns a decision (DESIGN 3, law 4: it is asked for every request).
 */
#include "identity/identity.h"

#include <stdio.h>
#include <time.h>

#define PARTS 5 /* the best counts: what disturbs only adds */
#define ROUNDS 4000
#define BAR_NS 300.0

static struct po_identity make_identity(const struct po_role_row *role)
{
    struct po_identity identity = {.kind = PO_IDENTITY_USER,
                                   .tenant = PO_TENANT_DEFAULT,
                                   .allowed = po_role_shipped(po_str_of(role->name)),
                                   .is_active = true,
                                   .is_mfa = true,
                                   .is_stepped_up = true};
    memset(&identity.scopes, 0xFF, sizeof identity.scopes);
    (void)snprintf(identity.id, sizeof identity.id, "usr_00000000000000000000000001");
    (void)snprintf(identity.role, sizeof identity.role, "%s", role->name);
    return identity;
}

static double cpu_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds a decision; counts what was decided and allowed. */
static double decide_all(uint64_t *decided, uint64_t *allowed)
{
    size_t action_count = 0;
    size_t role_count = 0;
    uint64_t before = *decided;
    const struct po_action *actions = po_action_table(&action_count);
    const struct po_role_row *roles = po_role_table(&role_count);
    double begin = cpu_ns();
    for (int round = 0; round < ROUNDS; round++) {
        const struct po_identity identity = make_identity(&roles[(size_t)round % role_count]);
        for (size_t i = 0; i < action_count; i++) {
            struct po_decision decision = {0};
            po_access_decide(&identity, po_str_of(actions[i].name),
                             PO_LIT("user:usr_00000000000000000000000002"), PO_TENANT_DEFAULT,
                             &decision);
            *allowed += decision.is_allowed ? 1 : 0;
            ++*decided;
        }
    }
    return (cpu_ns() - begin) / (double)(*decided - before);
}

int main(void)
{
    uint64_t decided = 0;
    uint64_t allowed = 0;
    double ns = 1e9;
    for (int part = 0; part < PARTS; part++) {
        double found = decide_all(&decided, &allowed);
        if (found < ns) ns = found;
    }
    printf("access decision: %.0f ns of processor (%lu decisions, %lu allowed; best of %d)\n", ns,
           (unsigned long)decided, (unsigned long)allowed, PARTS);
    return ns < BAR_NS ? 0 : 1;
}

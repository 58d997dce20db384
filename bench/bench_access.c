/*
 * What a decision costs: every shipped role against every action, and names that are none.
 *
 *   make V=release O=… …/bench-access && …/bench-access
 *
 * The bar is 300 ns a decision (DESIGN 3, law 4: it is asked for every request).
 */
#include "core/clock.h"
#include "identity/identity.h"

#include <stdio.h>

#define ROUNDS 20000
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

int main(void)
{
    size_t action_count = 0;
    size_t role_count = 0;
    uint64_t allowed = 0;
    uint64_t decided = 0;
    const struct po_action *actions = po_action_table(&action_count);
    const struct po_role_row *roles = po_role_table(&role_count);
    po_time_us begin = po_clock_system.monotonic_us(po_clock_system.user);
    for (int round = 0; round < ROUNDS; round++) {
        const struct po_identity identity = make_identity(&roles[(size_t)round % role_count]);
        for (size_t i = 0; i < action_count; i++) {
            struct po_decision decision = {0};
            po_access_decide(&identity, po_str_of(actions[i].name),
                             PO_LIT("user:usr_00000000000000000000000002"), PO_TENANT_DEFAULT,
                             &decision);
            allowed += decision.is_allowed ? 1 : 0;
            decided++;
        }
    }
    po_time_us end = po_clock_system.monotonic_us(po_clock_system.user);
    double ns = (double)(end - begin) * 1000.0 / (double)decided;
    printf(
        "access decision: %.0f ns (%lu decisions, %lu allowed; the making of %d identities is in it)\n",
        ns, (unsigned long)decided, (unsigned long)allowed, ROUNDS);
    return ns < BAR_NS ? 0 : 1;
}

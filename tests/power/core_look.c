/*
 * What is left of a core's lives: see core_load.h.
 */
#include "power/core_load.h"

#include "core/flags.h"
#include "store/store.h"

#include <stdio.h>

#ifdef PO_FAULTS

/* What was found of one promise. */
struct found {
    unsigned rows;
    unsigned changes;  /* events that are the change */
    unsigned events;   /* of its request */
    char resource[64]; /* of the change; "" when it names another */
};

struct look {
    struct core_load *load;
    struct po_ctx *cx;
    struct po_home *home;
    struct found found[CORE_PROMISES_MAX];
    const char *flag; /* the value of the newest change of it */
    uint64_t runs;    /* of controls, since an assessment was told complete */
};

/* The event that is the change; how many a request leaves in all. */
static const struct {
    const char *type;
    unsigned events;
} kinds[CORE_KIND_COUNT] = {
    [CORE_REGISTER] = {"register.changed", 1},
    [CORE_FLAG] = {"flag.changed", 2},
    [CORE_USER] = {"user.invited", 3},
    [CORE_TOKEN] = {"token.created", 1},
    [CORE_READ] = {"identity.read", 1},
    [CORE_DENIED] = {"access.denied", 1},
    [CORE_CONTROL] = {"assessment.completed", 0},
};

static bool fine(struct look *look, po_rc rc, const char *doing)
{
    if (!po_is_ok(rc)) core_load_lost(look->load, "%s: %s", doing, po_err_msg(look->cx));
    return look->load->lost[0] == '\0';
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void note_row(struct look *look, enum core_kind kind, po_str marker, const char *resource)
{
    for (size_t i = 0; i < look->load->promise_count; i++) {
        if (look->load->promises[i].kind != kind ||
            !po_str_eq_cstr(marker, look->load->promises[i].marker))
            continue;
        look->found[i].rows++;
        (void)snprintf(look->found[i].resource, sizeof look->found[i].resource, "%s", resource);
    }
}

static bool find_users(struct look *look)
{
    struct po_store_user *users = NULL;
    size_t count = 0;
    struct po_store *store = po_home_store(look->home);
    if (!fine(look, po_store_user_list(look->cx, store, &users, &count), "users")) return false;
    for (size_t i = 0; i < count; i++) {
        char resource[64];
        struct po_store_role_grant *grants = NULL;
        size_t grant_count = 0;
        (void)snprintf(resource, sizeof resource, "user:%.*s", PO_STR_ARG(users[i].id));
        note_row(look, CORE_USER, users[i].email, resource);
        po_rc rc = po_store_role_grant_list(look->cx, store, users[i].id, &grants, &grant_count);
        if (!fine(look, rc, "grants")) return false;
        if (grant_count != 1) core_load_lost(look->load, "%s has %zu roles", resource, grant_count);
    }
    return true;
}

static bool find_tokens(struct look *look)
{
    struct po_store_api_token *tokens = NULL;
    size_t count = 0;
    po_rc rc =
        po_store_api_token_list(look->cx, po_home_store(look->home), PO_LIT(""), &tokens, &count);
    if (!fine(look, rc, "tokens")) return false;
    for (size_t i = 0; i < count; i++) {
        char resource[64];
        (void)snprintf(resource, sizeof resource, "token:%.*s", PO_STR_ARG(tokens[i].id));
        note_row(look, CORE_TOKEN, tokens[i].name, resource);
    }
    return true;
}

static bool find_figures(struct look *look)
{
    struct po_store_register_entry *rows = NULL;
    size_t count = 0;
    po_rc rc = po_store_register_list(look->cx, po_home_store(look->home), true, &rows, &count);
    if (!fine(look, rc, "register")) return false;
    for (size_t i = 0; i < count; i++)
        note_row(look, CORE_REGISTER, rows[i].value, "");
    return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool is_change(const struct look *look, size_t i, const struct po_event_view *event)
{
    const struct core_promise *made = &look->load->promises[i];
    if (!po_str_eq_cstr(event->event_type, kinds[made->kind].type)) return false;
    if (made->kind == CORE_REGISTER || made->kind == CORE_FLAG) {
        const struct po_json *value = po_json_get(po_json_get(event->json, "detail"), "new");
        return value != NULL && po_str_eq_cstr(value->str, made->marker);
    }
    if (made->kind == CORE_USER || made->kind == CORE_TOKEN)
        return look->found[i].resource[0] != '\0' &&
               po_str_eq_cstr(event->resource, look->found[i].resource);
    return made->request[0] != '\0' && po_str_eq_cstr(event->correlation_id, made->request);
}

/* A run of controls and the event that tells of it are one transaction. */
static void count_runs(struct look *look, const struct po_event_view *event)
{
    if (po_str_eq_cstr(event->event_type, "control.tested")) look->runs++;
    if (!po_str_eq_cstr(event->event_type, "assessment.completed")) return;
    const struct po_json *tested = po_json_get(po_json_get(event->json, "detail"), "tested");
    if (tested == NULL || tested->integer != (int64_t)look->runs)
        core_load_lost(look->load, "%lu runs, and their assessment does not say so", look->runs);
    look->runs = 0;
}

static void take_event(struct look *look, const struct po_event_view *event)
{
    struct core_load *load = look->load;
    count_runs(look, event);
    for (size_t i = 0; i < load->promise_count; i++) {
        struct core_promise *made = &load->promises[i];
        /* that a session was used is noted once in a while, not for each request */
        look->found[i].events += made->request[0] != '\0' &&
                                 po_str_eq_cstr(event->correlation_id, made->request) &&
                                 !po_str_eq_cstr(event->event_type, "session.seen");
        if (!is_change(look, i, event)) continue;
        look->found[i].changes++;
        if (made->kind == CORE_FLAG) look->flag = made->marker;
    }
}

static bool walk(struct look *look)
{
    struct po_ledger *ledger = po_home_ledger(look->home);
    PO_BUF_AUTO bytes;
    po_buf_init(&bytes, PO_EVENT_BYTES_MAX);
    for (uint64_t leaf = 0; leaf < po_ledger_size(ledger); leaf++) {
        struct po_ctx step;
        struct po_event_view event;
        if (!fine(look, po_ctx_child_begin(look->cx, (size_t)1 << 20, &step), "memory"))
            return false;
        po_rc rc = po_ledger_event_at(&step, ledger, leaf, &bytes, NULL);
        if (po_is_ok(rc)) rc = po_event_parse(&step, po_buf_str(&bytes), &event);
        if (po_is_ok(rc)) take_event(look, &event);
        if (!fine(look, po_ctx_child_end(look->cx, &step, rc), "reading an event")) return false;
    }
    if (look->runs != 0) core_load_lost(look->load, "%lu runs, no assessment", look->runs);
    return true;
}

/* ---- judgement ------------------------------------------------------------------------------- */

static void check_promise(struct look *look, size_t i)
{
    struct core_load *load = look->load;
    const struct core_promise *made = &load->promises[i];
    const struct found *found = &look->found[i];
    bool has_row =
        made->kind == CORE_REGISTER || made->kind == CORE_USER || made->kind == CORE_TOKEN;
    if (found->rows > 1) core_load_lost(load, "%s is there %u times", made->marker, found->rows);
    if (found->changes > 1)
        core_load_lost(load, "the event of %s is there %u times", made->marker, found->changes);
    if (made->is_acknowledged && found->changes == 0)
        core_load_lost(load, "%s of kind %d was acknowledged and is gone", made->marker,
                       (int)made->kind);
    if (has_row && found->rows != found->changes)
        core_load_lost(load, "%s: %u rows, %u events", made->marker, found->rows, found->changes);
    /* a key has two more: begun and kept */
    bool has_key = made->key[0] != '\0' && made->kind <= CORE_TOKEN;
    unsigned want = kinds[made->kind].events + (has_key ? 2 : 0);
    if (made->is_acknowledged && made->request[0] != '\0' && made->kind != CORE_CONTROL &&
        found->events != want)
        core_load_lost(load, "request %s of kind %d has %u events, not %u", made->marker,
                       (int)made->kind, found->events, want);
}

/* The file has the newest acknowledged value, or one that was asked for later. */
static void check_flag(struct look *look)
{
    struct core_load *load = look->load;
    struct po_flag_row row = {0};
    size_t from = 0;
    bool is_known = false;
    for (size_t i = 0; i < load->promise_count; i++)
        if (load->promises[i].kind == CORE_FLAG && load->promises[i].is_acknowledged) from = i;
    for (size_t i = 0; po_flags_row_at(po_home_flags(look->home), i, &row); i++)
        if (strcmp(row.name, "company_name") == 0) break;
    for (size_t i = from; i < load->promise_count; i++)
        is_known = is_known || (load->promises[i].kind == CORE_FLAG &&
                                po_str_eq_cstr(row.value_text, load->promises[i].marker));
    if (!is_known && load->promises[from].is_acknowledged && load->promises[from].kind == CORE_FLAG)
        core_load_lost(load, "the flag is '%.*s', %s was acknowledged", PO_STR_ARG(row.value_text),
                       load->promises[from].marker);
}

static void check_seen(struct look *look)
{
    struct core_load *load = look->load;
    for (size_t i = 0; i < load->seen_count && load->lost[0] == '\0'; i++) {
        uint8_t root[PO_SHA256_BYTES];
        po_rc rc =
            po_ledger_root_at(look->cx, po_home_ledger(look->home), load->seen[i].size, root);
        if (!fine(look, rc, "root of a seen checkpoint")) return;
        if (memcmp(root, load->seen[i].root, sizeof root) != 0)
            core_load_lost(load, "the checkpoint of size %lu is no prefix", load->seen[i].size);
    }
}

static bool look_deep(struct look *look)
{
    struct po_ledger_verification found = {0};
    struct po_store_check check = {0};
    po_rc rc = po_ledger_verify(look->cx, po_home_ledger(look->home), NULL, &found);
    if (!fine(look, rc, "verifying")) return false;
    if (!found.is_ok)
        core_load_lost(look->load, "verify: '%s': %s", found.findings[0].file,
                       found.findings[0].why);
    rc = po_store_check(look->cx, po_home_store(look->home), &check);
    if (!fine(look, rc, "checking the database")) return false;
    if (check.finding_count > 0) core_load_lost(look->load, "database: %s", check.findings[0].text);
    return look->load->lost[0] == '\0';
}

static bool go_on(struct look *look)
{
    const struct po_event event = {.type = PO_EVENT_TYPE_CONFIG_CHANGED,
                                   .resource = PO_LIT("figure:look"),
                                   .action = PO_LIT("set"),
                                   .result = PO_EVENT_SUCCESS};
    return fine(look, po_home_record(look->cx, look->home, &event), "going on") &&
           fine(look, po_home_close(look->cx, &look->home), "closing");
}

void core_load_look(struct core_load *load, const char *root)
{
    static struct look look;
    PO_CTX_AUTO cx = {0};
    if (load->lost[0] != '\0') return;
    core_clock_follow();
    check_ok_leaf(po_ctx_init(&cx));
    look = (struct look){.load = load, .cx = &cx, .flag = ""};
    core_load_see(load, root);
    po_rc rc = po_home_open(&cx, core_load_home(root), PO_HOME_READ_WRITE, &look.home);
    if (!fine(&look, rc, "opening")) return;
    const char *reason = po_home_read_only_reason(look.home);
    if (reason != NULL) core_load_lost(load, "read-only: %s", reason);
    if (fine(&look, po_home_flush(&cx, look.home), "flushing") && find_users(&look) &&
        find_tokens(&look) && find_figures(&look) && walk(&look)) {
        for (size_t i = 0; i < load->promise_count; i++)
            check_promise(&look, i);
        check_flag(&look);
        check_seen(&look);
        if (look_deep(&look)) (void)go_on(&look);
    }
    po_home_abandonp(&look.home);
}

#endif

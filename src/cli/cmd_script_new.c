/*
 * script new: a check, its test and its fixtures to begin with, in the home's scripts/.
 */
#include "commands_priv.h"

#include "control/control.h"
#include "core/embed.h"
#include "core/fs.h"
#include "script_priv.h"

#define NAME_BYTES_MAX 64
#define LIBRARY "lib/judge.script"

static const char program_text[] =
    "// %s\n"
    "//\n"
    "// 1. say what must hold            this file\n"
    "// 2. test it without a machine     paulyops script test %s\n"
    "// 3. allow it to read its facts    paulyops script grant %s\n"
    "// 4. have it run and scored        paulyops assess\n"
    "\n"
    "import { Judgement, ratio } from \"./lib/judge\"\n"
    "import * as fact from \"host/fact\"\n"
    "\n"
    "// @needs is all that this program can ever reach. `paulyops script check` prints it; granting\n"
    "// it is a decision that is recorded, and any change of the text ends the grant.\n"
    "@control(id = \"%s\", name = \"site/%s\")\n"
    "@needs(fact = \"home.config\")\n"
    "export fn %s() -> Judgement {\n"
    "    let config = fact.home_config()\n"
    "    // how many hold, of how many, and what is wrong when not all of them do\n"
    "    let valid = [config.options.valid, config.flags.valid].count(|is_valid| is_valid)\n"
    "    ratio(valid, 2, \"a configuration file does not validate\")\n"
    "}\n";

static const char test_text[] =
    "// What the program says in each case; the cases stand in %s_test.json.\n"
    "\n"
    "import { State } from \"./lib/judge\"\n"
    "import { %s } from \"./%s\"\n"
    "\n"
    "@test(fixture = \"pass\")\n"
    "fn passes_when_both_files_validate() {\n"
    "    let judgement = %s()\n"
    "    assert_eq(judgement.state, State::Pass)\n"
    "    assert_eq(judgement.total, 2)\n"
    "}\n"
    "\n"
    "@test(fixture = \"fail\")\n"
    "fn fails_when_one_does_not() {\n"
    "    let judgement = %s()\n"
    "    assert_eq(judgement.state, State::Fail)\n"
    "    assert_eq(judgement.passing, 1)\n"
    "    assert_eq(judgement.reason, \"a configuration file does not validate\")\n"
    "}\n"
    "\n"
    "// a fact that cannot be read is an error, never a pass\n"
    "@test(fixture = \"error\", should_panic)\n"
    "fn does_not_guess() {\n"
    "    %s()\n"
    "}\n";

static const char fixture_text[] =
    "{\n"
    "  \"pass\": {\"facts\": {\"home.config\": {\n"
    "    \"options\": {\"valid\": true, \"why\": null, \"digest\": \"00\"},\n"
    "    \"flags\": {\"valid\": true, \"why\": null, \"digest\": \"00\", \"recorded\": true,\n"
    "              \"recorded_us\": 1, \"equals_recorded\": true, \"checks_off\": []}}}},\n"
    "  \"fail\": {\"facts\": {\"home.config\": {\n"
    "    \"options\": {\"valid\": false, \"why\": \"line 3\", \"digest\": \"00\"},\n"
    "    \"flags\": {\"valid\": true, \"why\": null, \"digest\": \"00\", \"recorded\": true,\n"
    "              \"recorded_us\": 1, \"equals_recorded\": true, \"checks_off\": []}}}},\n"
    "  \"error\": {\"answers\": [\n"
    "    {\"module\": \"fact\", \"name\": \"home_config\", \"error\": \"it could not be read\"}]}\n"
    "}\n";

struct new_file {
    const char *name; /* below scripts/ */
    po_str text;
};
#define FILES_MAX 4

/* "backup_age": a name that is also the function's. */
static PO_RC check_name(struct po_ctx *cx, po_str name)
{
    bool is_good = name.len >= 1 && name.len <= NAME_BYTES_MAX && name.ptr[0] >= 'a' &&
                   name.ptr[0] <= 'z' && !po_str_ends(name, PO_LIT("_test"));
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        is_good = is_good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    }
    if (is_good) return po_rc_ok();
    return PO_FAIL(cx, PO_USAGE,
                   "a program's name is 1 to %d of a-z 0-9 _, begins with a letter and does not "
                   "end in _test",
                   NAME_BYTES_MAX);
}

/* A clause of the catalog that no program of this build tests; none given: the first such. */
static PO_RC find_clause(struct po_ctx *cx, po_str wanted, po_str *ret_clause)
{
    const struct po_catalog *catalog = NULL;
    struct po_bundle *shipped = NULL;
    PO_TRY(cx, po_catalog_load_list(cx, &catalog));
    PO_TRY(cx, po_bundle_open_embedded(cx, &shipped));
    for (size_t i = 0; i < catalog->clause_count; i++) {
        po_str id = catalog->clauses[i].id;
        bool is_taken = false;
        if (wanted.ptr != NULL && !po_str_eq(id, wanted)) continue;
        for (size_t k = 0; k < po_bundle_program_count(shipped); k++)
            if (po_str_eq(po_bundle_program_at(shipped, k)->id, id)) is_taken = true;
        if (is_taken && wanted.ptr != NULL)
            return PO_FAIL(cx, PO_EXISTS, "clause '%.*s' is tested by a program of this build",
                           PO_STR_ARG(id));
        if (is_taken) continue;
        *ret_clause = id;
        return po_rc_ok();
    }
    return PO_FAIL(cx, PO_NOTFOUND, "there is no clause '%.*s' in the catalog", PO_STR_ARG(wanted));
}

static PO_RC check_absent(struct po_ctx *cx, const char *path)
{
    struct po_fs_info info = {0};
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (info.exists) return PO_FAIL(cx, PO_EXISTS, "'%s' is there already", path);
    return po_rc_ok();
}

static PO_RC make_files(struct po_ctx *cx, const char *name, po_str clause,
                        struct new_file files[static FILES_MAX])
{
    const char *id = po_arena_strdup(cx->arena, clause);
    const char *texts[] = {
        id ? po_arena_printf(cx->arena, program_text, name, name, name, id, name, name) : NULL,
        po_arena_printf(cx->arena, test_text, name, name, name, name, name, name),
        fixture_text,
    };
    const char *names[] = {po_arena_printf(cx->arena, "%s.script", name),
                           po_arena_printf(cx->arena, "%s_test.script", name),
                           po_arena_printf(cx->arena, "%s_test.json", name)};
    for (size_t i = 0; i < 3; i++) {
        if (texts[i] == NULL || names[i] == NULL)
            return PO_FAIL(cx, PO_NOMEM, "out of request memory");
        files[i] = (struct new_file){names[i], po_str_of(texts[i])};
    }
    return po_rc_ok();
}

/* The words that shipped checks use come along, once. */
static PO_RC write_library(struct po_ctx *cx, const char *scripts)
{
    const char *dir = NULL;
    const char *path = NULL;
    struct po_fs_info info = {0};
    po_str text = {NULL, 0};
    PO_TRY(cx, po_path_join(cx, scripts, "lib", &dir));
    PO_TRY(cx, po_path_join(cx, scripts, LIBRARY, &path));
    PO_TRY(cx, po_fs_info(cx, path, &info));
    if (info.exists) return po_rc_ok();
    if (!po_embed_find(PO_LIT("content/" LIBRARY), &text))
        return PO_FAIL(cx, PO_BUG, "'content/" LIBRARY "' is not part of this program");
    PO_TRY(cx, po_fs_mkdir_all(cx, dir, 0700));
    return po_fs_write_new(cx, path, text, 0600);
}

static PO_RC write_files(struct po_ctx *cx, const char *scripts, const struct new_file *files)
{
    PO_TRY(cx, write_library(cx, scripts));
    for (size_t i = 0; i < 3; i++) {
        const char *path = NULL;
        PO_TRY(cx, po_path_join(cx, scripts, files[i].name, &path));
        PO_TRY(cx, po_fs_write_new(cx, path, files[i].text, 0600));
    }
    return po_rc_ok();
}

/* The home's files change outside the store: bracketed (law 2). */
static PO_RC write_bracketed(struct po_ctx *cx, struct po_cli *cli, const char *scripts,
                             const struct new_file *files)
{
    const char *resource = po_arena_printf(cx->arena, "file:scripts/%s", files[0].name);
    if (resource == NULL) return PO_FAIL(cx, PO_NOMEM, "out of request memory");
    struct po_intent intent = {.action = "script.new", .resource = po_str_of(resource)};
    PO_TRY(cx, po_intent_begin(cx, cli->home, &intent));
    po_rc rc = write_files(cx, scripts, files);
    struct po_err first = cx->err;
    po_rc ended = po_intent_end(cx, cli->home, &intent,
                                po_is_ok(rc) ? PO_EVENT_SUCCESS : PO_EVENT_FAILURE, PO_LIT("{}"));
    if (po_is_ok(rc)) return ended;
    po_ignore(ended, "what failed before is the error to report");
    cx->err = first;
    return rc;
}

PO_RC po_cmd_script_new(struct po_ctx *cx, struct po_cli *cli)
{
    struct new_file files[FILES_MAX] = {0};
    const char *name = NULL;
    po_str clause = {NULL, 0};
    const char *scripts = po_home_path(cli->home, PO_PLACE_SCRIPTS);
    PO_TRY(cx, check_name(cx, cli->operands[0]));
    PO_TRY(cx, po_cli_operand(cx, cli, 0, &name));
    PO_TRY(cx, find_clause(cx, po_cli_option(cli, "--control"), &clause));
    PO_TRY(cx, make_files(cx, name, clause, files));
    for (size_t i = 0; i < 3; i++) {
        const char *path = NULL;
        PO_TRY(cx, po_path_join(cx, scripts, files[i].name, &path));
        PO_TRY(cx, check_absent(cx, path));
        po_cli_line(cli, "%s%s", cli->is_dry_run ? "would write " : "", path);
    }
    if (cli->is_dry_run) return po_rc_ok();
    PO_TRY(cx, write_bracketed(cx, cli, scripts, files));
    po_cli_line(cli, "it tests clause %.*s; next: paulyops script test %s/%s", PO_STR_ARG(clause),
                scripts, files[0].name);
    return po_rc_ok();
}

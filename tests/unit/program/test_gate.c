/*
 * The gate at every call, the mask of dry runs, and the parent's half.
 */
#include "unit/program/program_fixture.h"

/* ---- the gate at every call ---------------------------------------------------------------------- */

/* Services that note what reaches them. */
struct noted {
    struct po_buf calls;
};

static po_rc serve(void *user, struct po_ctx *cx, const struct po_program_request *request,
                   struct po_buf *ret_json)
{
    struct noted *noted = user;
    const struct po_json *first = request->args->first;
    po_buf_append(&noted->calls, request->module);
    po_buf_append_char(&noted->calls, '.');
    po_buf_append(&noted->calls, request->name);
    if (first != NULL && first->type == PO_JSON_STR) {
        po_buf_append_char(&noted->calls, ' ');
        po_buf_append(&noted->calls, first->str);
    }
    po_buf_append_char(&noted->calls, '\n');
    if (po_str_eq_cstr(request->name, "count")) return PO_FAIL(cx, PO_BUSY, "the store is busy");
    po_buf_append_cstr(ret_json, po_str_eq_cstr(request->name, "emit") ? "\"e1\"" : "null");
    return po_rc_ok();
}

static const struct asked_row {
    const char *name;
    const char *import;
    const char *needs;
    const char *grant;
    enum po_trust trust;
    const char *call; /* a Result or Option */
    const char *fence;
    const char *value;
    const char *reached; /* the services */
} asked_rows[] = {
    {"allowed", "env", "env = \"LANG\"", "{\"env\":\"LANG\"}", PO_TRUST_ORGANISATION,
     "env.get(\"LANG\")", NULL, NULL, "host/env.get LANG\n"},
    {"not in the needs", "env", "env = \"LANG\"", "{\"env\":\"*\"}", PO_TRUST_ORGANISATION,
     "env.get(\"HOME\")", "needs", "HOME", ""},
    {"not in the grant", "env", "env = \"*\"", "{\"env\":\"LANG\"}", PO_TRUST_ORGANISATION,
     "env.get(\"HOME\")", "grant", "HOME", ""},
    {"not in the ceiling", "env", "env = \"*\"", "{\"env\":\"*\"}", PO_TRUST_VENDOR,
     "env.get(\"HOME\")", "ceiling", "HOME", ""},
    {"no prefix", "env", "env = \"LANG\"", "{\"env\":\"*\"}", PO_TRUST_ORGANISATION,
     "env.get(\"LANGUAGE\")", "needs", "LANGUAGE", ""},
    {"empty name", "env", "env = \"*\"", "{\"env\":\"*\"}", PO_TRUST_ORGANISATION, "env.get(\"\")",
     "needs", "", ""},
    {"a query of a table", "store", "store = \"samples\"", "{\"store\":\"samples\"}",
     PO_TRUST_VENDOR, "store.count(\"samples.disk\", \"x\")", NULL, NULL,
     "host/store.count samples.disk\n"},
    {"a query of another", "store", "store = \"samples\"", "{\"store\":\"*\"}", PO_TRUST_VENDOR,
     "store.count(\"users.all\", \"x\")", "needs", "users", ""},
    {"flags by prefix", "flags", "flags = \"review.*\"", "{\"flags\":\"*\"}", PO_TRUST_ORGANISATION,
     "flags.set(\"other.x\", 1)", "needs", "other.x", ""},
    {"emit under a query ceiling", "audit", "audit = true", "{\"audit\":\"*\"}", PO_TRUST_VENDOR,
     "audit.emit(\"a\", \"b\", \"c\", \"d\")", "ceiling", "emit", ""},
    {"a file outside", "fs", "fs_read = \"/etc/ssl/**\"", "{\"fs_read\":\"/**\"}", PO_TRUST_VENDOR,
     "fs.read(\"/etc/passwd\")", "needs", "/etc/passwd", ""},
    {"a file by slashes", "fs", "fs_read = \"/etc/ssl/**\"", "{\"fs_read\":\"/**\"}",
     PO_TRUST_VENDOR, "fs.read(\"//etc/./passwd\")", "needs", "/etc/passwd", ""},
    {"a glob wider than the need", "fs", "fs_read = \"/etc/*\"", "{\"fs_read\":\"/**\"}",
     PO_TRUST_VENDOR, "fs.glob(\"/etc/**\")", "needs", "/etc/**", ""},
    {"reading by a right to write", "fs", "fs_write = \"/srv/**\"", "{\"fs_write\":\"/**\"}",
     PO_TRUST_ORGANISATION, "fs.remove(\"/etc/passwd\")", "needs", "/etc/passwd", ""},
    {"renaming out", "fs", "fs_write = \"/srv/**\"", "{\"fs_write\":\"/**\"}",
     PO_TRUST_ORGANISATION, "fs.rename(\"/srv/a\", \"/etc/a\")", "needs", "/etc/a", ""},
    {"renaming in", "fs", "fs_write = \"/srv/**\"", "{\"fs_write\":\"/**\"}", PO_TRUST_ORGANISATION,
     "fs.rename(\"/etc/a\", \"/srv/a\")", "needs", "/etc/a", ""},
    {"the closest of two kinds", "fs", "fs_read = \"/etc/x\"", "{\"fs_stat\":\"/etc/x\"}",
     PO_TRUST_VENDOR, "fs.stat(\"/etc/x\")", "grant", "/etc/x", ""},
    {"another program", "exec", "exec = \"/bin/ls *\"", "{\"exec\":\"/bin/ls *\"}",
     PO_TRUST_ORGANISATION, "exec.run(\"/bin/cat\", [\"x\"])", "needs", "/bin/cat", ""},
};

TEST(program_run__asks_three_sets_at_every_call)
{
    TEST_EACH(row, asked_rows)
    {
        TEST_CX(cx);
        PO_BUF_AUTO text = {0};
        struct noted noted = {0};
        struct po_caps grant = {0};
        struct po_program_result result = {0};
        po_buf_init(&text, 4096);
        po_buf_init(&noted.calls, 4096);
        po_buf_printf(&text,
                      "import * as %s from \"host/%s\"\n@repair\n@needs(%s)\n"
                      "fn c() -> string { try { let v = %s\n format(\"{:?}\", v) } catch (e) { "
                      "e.kind + \": \" + e.message } }\n",
                      row->import, row->import, row->needs, row->call);
        PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text.ptr, "c");
        po_program_trust_raise(&program, row->trust);
        check_ok(cx, po_caps_parse(cx, po_str_of(row->grant), &grant));
        struct po_program_services services = {.call = serve, .user = &noted};
        struct po_program_job job = {.grant = &grant, .services = &services, .home = "/srv/po"};
        check_ok(cx, program_run(cx, &program, &job, &result));
        check_eq_str(po_buf_str(&noted.calls), row->reached);
        check_eq_u64(result.denial_count, row->fence != NULL ? 1 : 0);
        if (row->fence != NULL) {
            check_eq_cstr(result.denials[0].fence, row->fence);
            size_t shown = strlen(row->value);
            check_that(strncmp(result.denials[0].value.ptr, row->value, shown) == 0);
            check_that(po_str_find(result.outcome.value_json, PO_LIT("does not cover"), 0) !=
                       SIZE_MAX);
            check_that(po_str_find(result.calls_json, PO_LIT("CapabilityDenied"), 0) != SIZE_MAX);
        }
        po_buf_done(&noted.calls);
    }
}

TEST(program_run__refuses_paths_and_commands_that_are_none)
{
    static const struct {
        const char *name;
        const char *import;
        const char *needs;
        const char *call;
        const char *why;
    } table[] = {
        {"dot dot", "fs", "fs_read = \"/etc/**\"", "fs.read(\"/etc/../srv/x\")",
         "'..' in the path"},
        {"dot dot at the end", "fs", "fs_read = \"/etc/**\"", "fs.read(\"/etc/ssl/..\")",
         "'..' in the path"},
        {"relative", "fs", "fs_read = \"/**\"", "fs.read(\"etc/passwd\")", "no absolute path"},
        {"empty", "fs", "fs_read = \"/**\"", "fs.read(\"\")", "no absolute path"},
        {"NUL", "fs", "fs_read = \"/**\"", "fs.read(\"/etc/x\\0y\")", "a path with a NUL"},
        {"too long", "fs", "fs_read = \"/**\"", "fs.read(\"/\" + \"a\".repeat(5000))",
         "a path of more than"},
        {"no home", "fs", "fs_read = \"~/**\"", "fs.read(\"~/x\")", "no home"},
        {"somebody's home", "fs", "fs_read = \"/**\"", "fs.read(\"~root/x\")", "no absolute path"},
        {"dot dot in the second path", "fs", "fs_write = \"/srv/**\"",
         "fs.rename(\"/srv/a\", \"/srv/../b\")", "'..' in the path"},
        {"relative program", "exec", "exec = \"/bin/ls **\"", "exec.run(\"ls\", [])",
         "no absolute program"},
        {"program with dot dot", "exec", "exec = \"/bin/ls **\"",
         "exec.run(\"/bin/../bin/ls\", [])", "'..' in the path"},
        {"forged border", "exec", "exec = \"/bin/ls a b\"", "exec.run(\"/bin/ls\", [\"a\\0b\"])",
         "without NUL"},
        {"forged border in the program", "exec", "exec = \"/bin/ls a\"",
         "exec.run(\"/bin/ls\\0a\", [])", "a path with a NUL"},
        {"a command without end", "exec", "exec = \"/bin/ls **\"",
         "exec.run(\"/bin/ls\", [\"a\".repeat(60000), \"a\".repeat(60000)])", "a command of more"},
        {"not built", "notify", "notify = \"oncall\"", "notify.send(\"oncall\", \"a\", \"b\")",
         "host/notify.send is not built"},
        {"not available", "store", "store = \"users\"", "store.users()", "is not available here"},
        {"in this process", "fs", "fs_read = \"/etc/**\"", "fs.read(\"/etc/x\")", "needs a runner"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        PO_BUF_AUTO text = {0};
        struct po_program_result result = {0};
        struct po_program_job job = {0};
        po_buf_init(&text, 4096);
        po_buf_printf(&text,
                      "import * as %s from \"host/%s\"\n@repair\n@needs(%s)\n"
                      "fn c() -> string { match %s { Ok(v) => \"ok\", Err(e) => e.message } }\n",
                      row->import, row->import, row->needs, row->call);
        PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text.ptr, "c");
        po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
        check_ok(cx, program_run(cx, &program, &job, &result));
        check_that(po_str_find(result.outcome.value_json, po_str_of(row->why), 0) != SIZE_MAX,
                   "%.*s", PO_STR_ARG(result.outcome.value_json));
    }
}

TEST(program_run__keeps_the_reason_that_a_service_gave)
{
    TEST_CX(cx);
    static const char text[] = "import * as store from \"host/store\"\n@repair\n"
                               "@needs(store = \"x\")\n"
                               "fn c() -> Result<int, Error> { store.count(\"x\", \"y\") }\n";
    struct noted noted = {0};
    struct po_program_result result = {0};
    po_buf_init(&noted.calls, 4096);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    struct po_program_services services = {.call = serve, .user = &noted};
    struct po_program_job job = {.services = &services};
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_int(result.outcome.status, PO_SCRIPT_PROGRAM_ERROR);
    check_that(po_str_find(result.outcome.fault_message, PO_LIT("the store is busy"), 0) !=
               SIZE_MAX);
    check_eq_u64(result.denial_count, 0);
    /* and the same from the record */
    struct po_program_job again = {.replay_calls = result.calls_json};
    struct po_program_result second = {0};
    check_ok(cx, program_run(cx, &program, &again, &second));
    check_eq_postr(second.outcome.fault_message, result.outcome.fault_message);
    check_eq_postr(second.calls_json, result.calls_json);
    po_buf_done(&noted.calls);
}

TEST(program_run__keeps_count_of_many_denials)
{
    TEST_CX(cx);
    static const char text[] =
        "import * as fs from \"host/fs\"\n@repair\n@needs(fs_read = \"/a\")\n"
        "fn c() -> int { let mut n = 0\n for i in 0..100 { n = n + (if "
        "fs.read(\"/b\").is_err() { 1 } else { 0 }) }\n n }\n";
    struct po_program_result result = {0};
    struct po_program_job job = {0};
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_str(result.outcome.value_json, "100");
    check_eq_u64(result.denial_count, PO_PROGRAM_DENIALS_MAX);
}

TEST(program_path__is_absolute_and_normal)
{
    static const struct {
        const char *name;
        const char *home;
        const char *path;
        const char *want; /* NULL: refused */
    } table[] = {
        {"itself", NULL, "/etc/ssl", "/etc/ssl"},
        {"slashes and dots", NULL, "//etc/./ssl//", "/etc/ssl"},
        {"root", NULL, "/", "/"},
        {"root by dots", NULL, "/./.", "/"},
        {"home", "/srv/po", "~/x/y", "/srv/po/x/y"},
        {"home with slashes", "/srv//po/", "~//x", "/srv/po/x"},
        {"the home itself", "/srv/po", "~/", "/srv/po"},
        {"two dots in a name", NULL, "/etc/..x", "/etc/..x"},
        {"three dots", NULL, "/etc/...", "/etc/..."},
        {"dot dot", NULL, "/etc/..", NULL},
        {"dot dot below the home", "/srv/po", "~/../x", NULL},
        {"dot dot in the home", "/srv/../po", "~/x", NULL},
        {"home without one", NULL, "~/x", NULL},
        {"tilde alone", "/srv/po", "~", NULL},
        {"relative", "/srv/po", "x", NULL},
        {"empty", "/srv/po", "", NULL},
    };
    TEST_CX(cx);
    TEST_EACH(row, table)
    {
        po_str path = {0};
        po_rc rc = po_program_path(cx, row->home, po_str_of(row->path), &path);
        check_eq_int(rc.code, row->want != NULL ? PO_OK : PO_INVALID);
        if (row->want != NULL) check_eq_postr(path, po_str_of(row->want));
    }
}

/* ---- dry runs ------------------------------------------------------------------------------------ */

TEST(program_run__masks_what_changes_something_in_a_dry_run)
{
    TEST_CX(cx);
    static const char text[] =
        "import * as fs from \"host/fs\"\nimport * as flags from \"host/flags\"\n"
        "import * as exec from \"host/exec\"\nimport * as audit from \"host/audit\"\n"
        "import * as env from \"host/env\"\n"
        "@repair\n@needs(fs_write = \"/srv/**\", flags = \"*\", exec = \"/bin/ls **\", audit = true, "
        "env = \"*\")\n"
        "fn c() -> Result<string, Error> {\n"
        "  fs.write(\"/srv/a\", \"b\")?\n  fs.mkdir(\"/srv/d\")?\n  fs.append(\"/srv/a\", \"b\")?\n"
        "  fs.rename(\"/srv/a\", \"/srv/b\")?\n  fs.remove(\"/srv/a\")?\n  fs.chmod(\"/srv/a\", "
        "384)?\n  flags.set(\"a\", 1)?\n  let r = exec.run(\"/bin/ls\", [])?\n"
        "  env.get(\"LANG\")\n"
        "  Ok(audit.emit(\"a\", \"b\", \"c\", \"d\")? + to_string(r.code))\n}\n";
    struct noted noted = {0};
    struct po_program_result result = {0};
    po_buf_init(&noted.calls, 4096);
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    struct po_program_services services = {.call = serve, .user = &noted};
    struct po_program_job job = {.services = &services, .is_dry_run = true};
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_int(result.outcome.status, PO_SCRIPT_OK);
    check_eq_str(result.outcome.value_json, "{\"Ok\":\"dry-run0\"}");
    check_eq_u64(result.outcome.host_calls, 10);
    check_that(po_str_find(result.calls_json, PO_LIT("\"/srv/d\""), 0) != SIZE_MAX);
    check_eq_str(po_buf_str(&noted.calls), "host/env.get LANG\n");
    po_buf_done(&noted.calls);
}

/* The mask is no way around the gate. */
TEST(program_run__asks_the_gate_in_a_dry_run_too)
{
    TEST_CX(cx);
    static const char text[] = "import * as fs from \"host/fs\"\n@repair\n"
                               "@needs(fs_write = \"/srv/**\")\n"
                               "fn c() -> bool { fs.write(\"/etc/x\", \"\").is_err() }\n";
    struct po_program_job job = {.is_dry_run = true};
    struct po_program_result result = {0};
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    check_ok(cx, program_run(cx, &program, &job, &result));
    check_eq_str(result.outcome.value_json, "true");
    check_eq_u64(result.denial_count, 1);
}

/* ---- the parent's half --------------------------------------------------------------------------- */

struct asking {
    const struct po_program *program;
    struct noted noted;
    struct po_buf json; /* the latest answer */
    bool is_dry_run;
};

static enum po_code parent_answers(struct po_ctx *cx, struct asking *asking,
                                   const struct po_script_host_call *call)
{
    const struct po_program *program = asking->program;
    struct po_gate gate = {.needs = &program->row.needs, .ceiling = &program->ceiling};
    struct po_program_services services = {.call = serve, .user = &asking->noted};
    struct po_program_job job = {.services = &services, .is_dry_run = asking->is_dry_run};
    struct po_parent parent = {&gate, &job, program->fns, program->fn_count};
    const char *kind = "x";
    po_buf_clear(&asking->json);
    return po_parent_answer(cx, &parent, call, &asking->json, &kind).code;
}

TEST(program_parent__trusts_a_child_with_nothing)
{
    static const struct {
        const char *name;
        const char *module;
        const char *fn;
        const char *args;
        enum po_code code;
    } table[] = {
        {"allowed", "host/env", "get", "[\"LANG\"]", PO_OK},
        {"beyond the needs", "host/env", "get", "[\"HOME\"]", PO_DENIED},
        {"half a JSON", "host/env", "get", "[", PO_INVALID},
        {"no list", "host/env", "get", "{}", PO_INVALID},
        {"no argument", "host/env", "get", "[]", PO_INVALID},
        {"a number", "host/env", "get", "[1]", PO_INVALID},
        {"what the child does itself", "host/fs", "read", "[\"/etc/x\"]", PO_DENIED},
        {"a command without a list", "host/exec", "run", "[\"/bin/ls\",1]", PO_INVALID},
        {"a command of numbers", "host/exec", "run", "[\"/bin/ls\",[1]]", PO_INVALID},
        {"what is not built", "host/net", "tcp_check", "[\"a\",1,1]", PO_DENIED},
        {"allowed, too", "host/flags", "set", "[\"a\",1]", PO_OK},
        {"no such function", NULL, NULL, "[]", PO_DENIED},
    };
    TEST_CX(cx);
    static const char text[] = "@repair\n@needs(env = \"LANG\", flags = \"a\", fs_read = "
                               "\"/etc/**\")\nfn c() {}\n";
    PO_CLEANUP(po_program_done) struct po_program program = program_of(cx, text, "c");
    struct asking asking = {.program = &program};
    po_program_trust_raise(&program, PO_TRUST_ORGANISATION);
    po_buf_init(&asking.noted.calls, 4096);
    po_buf_init(&asking.json, 4096);
    for (int dry = 1; dry >= 0; dry--) {
        asking.is_dry_run = dry == 1;
        TEST_EACH(row, table)
        {
            struct po_script_host_call call = {.seq = 1,
                                               .fn_index = program.fn_count,
                                               .module = po_str_of(row->module),
                                               .name = po_str_of(row->fn),
                                               .args_json = po_str_of(row->args)};
            if (row->module != NULL)
                call.fn_index = po_host_find(program.fns, program.fn_count, call.module, call.name);
            check_eq_int(parent_answers(cx, &asking, &call), row->code);
        }
        /* a child that did not mask its dry run reaches nothing all the same */
        check_eq_str(po_buf_str(&asking.noted.calls),
                     dry == 1 ? "host/env.get LANG\n"
                              : "host/env.get LANG\nhost/env.get LANG\nhost/flags.set a\n");
    }
    po_buf_done(&asking.noted.calls);
    po_buf_done(&asking.json);
}

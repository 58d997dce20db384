/* Attempts of a child that lies to its parent, and of what never becomes a program. */
#include "script/code_priv.h"
#include "unit/program/escape.h"
#include "unit/program/runner_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- a lying child ------------------------------------------------------------------------------ */

/* What it says after "ready"; frames end with NULL. */
static const char *const *lies;
static size_t long_frame; /* not 0: only the head of a frame of this length */

static int lying_child(int channel)
{
    char bytes[4096];
    runner_take_job(channel);
    runner_say(channel, "{\"op\":\"ready\"}");
    for (const char *const *frame = lies; *frame != NULL; frame++)
        runner_say(channel, *frame);
    if (long_frame != 0) {
        unsigned char head[4] = {(unsigned char)(long_frame >> 24),
                                 (unsigned char)(long_frame >> 16),
                                 (unsigned char)(long_frame >> 8), (unsigned char)long_frame};
        if (write(channel, head, sizeof head) != sizeof head) return 1;
    }
    while (read(channel, bytes, sizeof bytes) > 0)
        ;
    return 0;
}

static const char honest_text[] = "import * as fact from \"host/fact\"\n"
                                  "@check(id = \"x\")\n"
                                  "@needs(fact = \"machine.disk\", fs_read = \"/nowhere/**\")\n"
                                  "fn e() -> string { \"fine\" }\n";
#define DISK "{\"free\":1}"
#define END                                                                                        \
    "{\"op\":\"end\",\"status\":0,\"fault_kind\":\"\",\"fault_message\":\"\",\"source_line\":"     \
    "\"\",\"trace\":[],\"steps\":1,\"memory_bytes\":1,\"host_calls\":0,\"output_bytes\":0}"
#define VALUE "{\"op\":\"part\",\"of\":\"value\",\"text\":\"\\\"lied\\\"\"}"
#define CALL(seq, module, name, args, rest)                                                        \
    "{\"op\":\"call\",\"entry\":{\"args\":" args ",\"module\":\"" module "\",\"name\":\"" name     \
    "\",\"seq\":" seq "," rest "}}"
#define ASK(seq, module, name, args)                                                               \
    "{\"op\":\"ask\",\"seq\":" seq ",\"module\":\"" module "\",\"name\":\"" name                   \
    "\",\"args\":" args "}"

static bool tell(const char *const *frames, size_t bytes)
{
    static const struct po_program_fact disk = {{"machine.disk", 12}, {DISK, sizeof DISK - 1}};
    TEST_CX(cx);
    struct po_program_result result = {0};
    struct po_program_job job = {.given = &disk, .given_count = 1};
    lies = frames;
    long_frame = bytes;
    runner_use_child(lying_child);
    check_ok(cx, runner_try(cx, honest_text, &job, &result));
    runner_use_forks();
    const char *said = runner_said(cx, &result);
    bool is_caught = strstr(said, "the runner child broke its protocol: ") != NULL;
    return !is_caught;
}

/* The frames of a row stand in its body, separated by newlines. */
static bool run_liar(const struct escape_row *row, const struct escape_place *place,
                     unsigned left_out)
{
    char text[8192];
    const char *frames[16] = {NULL};
    size_t count = 0;
    (void)place;
    (void)left_out;
    snprintf(text, sizeof text, "%s", row->body);
    for (char *rest = text, *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
        if (line[0] != '\0') frames[count++] = line;
    return tell(frames, 0);
}

static bool run_giant(const struct escape_row *row, const struct escape_place *place,
                      unsigned left_out)
{
    static const char *const none[] = {NULL};
    (void)row;
    (void)place;
    (void)left_out;
    return tell(none, PO_FRAME_BYTES_MAX + 1) || tell(none, 0xFFFFFFFFu);
}

static bool run_flood(const struct escape_row *row, const struct escape_place *place,
                      unsigned left_out)
{
    const char *frames[16] = {NULL};
    char *text = calloc(1, (size_t)1 << 20);
    (void)row;
    (void)place;
    (void)left_out;
    check_that(text != NULL);
    int at = snprintf(text, 100, "{\"op\":\"part\",\"of\":\"output\",\"text\":\"");
    memset(text + at, 'x', 1000000);
    snprintf(text + at + 1000000, 10, "\"}");
    for (size_t i = 0; i < 15; i++)
        frames[i] = text;
    bool is_out = tell(frames, 0);
    free(text);
    return is_out;
}

/* ---- what never runs ---------------------------------------------------------------------------- */

static bool run_bytecode(const struct escape_row *row, const struct escape_place *place,
                         unsigned left_out)
{
    TEST_CX(cx);
    PO_CLEANUP(po_program_done)
    struct po_program program = program_of(cx, "@check\nfn e(n: int) -> int { n + 1 }\n", "e");
    const char *why = NULL;
    (void)row;
    (void)place;
    (void)left_out;
    check_that(po_verify(program.script, cx->arena, &why));
    for (uint32_t i = 0; i < program.script->proto_count; i++)
        if (po_str_eq_cstr(program.script->protos[i]->name, "e"))
            program.script->protos[i]->code[0] = (struct po_ins){OP_LOADK, 1, 0, 0, 100000};
    return po_verify(program.script, cx->arena, &why);
}

static po_rc load_edited(struct po_ctx *cx, const char *file, const char *text,
                         struct po_bundle **ret_bundle)
{
    static struct po_script_diags diags;
    struct po_program program = {0};
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = program_key(cx, 7);
    struct po_trust_key trust = program_trust(key, "tests", PO_TRUST_ORGANISATION);
    program_file("edited", "x.script", "@check(id = \"x\")\nfn e() -> int { 1 }\n");
    program_sign(cx, "edited", "tests", key);
    program_file("edited", file, text);
    PO_TRY(cx, po_bundle_open_dir(cx, test_tmp("edited"), &trust, 1, ret_bundle));
    po_rc rc = po_program_load(cx, *ret_bundle, PO_LIT("x.script"), PO_LIT("e"), &diags, &program);
    po_program_done(&program);
    return rc;
}

static bool run_edited_file(const struct escape_row *row, const struct escape_place *place,
                            unsigned left_out)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    (void)row;
    (void)place;
    (void)left_out;
    return load_edited(cx, "x.script", "@check(id = \"x\")\nfn e() -> int { 2 }\n", &bundle).code !=
           PO_CORRUPT;
}

static bool run_added_file(const struct escape_row *row, const struct escape_place *place,
                           unsigned left_out)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    (void)row;
    (void)place;
    (void)left_out;
    return load_edited(cx, "y.script", "export fn f() -> int { 2 }\n", &bundle).code != PO_CORRUPT;
}

static bool compiles(const char *text)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    static struct po_script_diags diags;
    struct po_program program = {0};
    program_file("loose", "x.script", text);
    po_rc rc = po_bundle_open_dir(cx, test_tmp("loose"), NULL, 0, &bundle);
    if (po_is_ok(rc))
        rc = po_program_load(cx, bundle, PO_LIT("x.script"), PO_LIT("e"), &diags, &program);
    po_program_done(&program);
    return po_is_ok(rc);
}

static bool run_compiled(const struct escape_row *row, const struct escape_place *place,
                         unsigned left_out)
{
    (void)place;
    (void)left_out;
    return compiles(row->body);
}

#define LIE(row_name, body_)                                                                       \
    {                                                                                              \
        .group = "lie", .name = (row_name), .run = run_liar, .fixed = "parent", .body = (body_)    \
    }
#define STATIC(row_name, run_, fixed_, body_)                                                      \
    {                                                                                              \
        .group = "program", .name = (row_name), .run = (run_), .fixed = (fixed_), .body = (body_)  \
    }

static const struct escape_row rows[] = {
    LIE("a question of an unknown module", ASK("1", "host/none", "x", "[]")),
    LIE("a question for a fact that is not granted", ASK("1", "host/fact", "ledger_events", "[]")),
    LIE("a question for a file", ASK("1", "host/fs", "read", "[\"/nowhere/x\"]")),
    LIE("a question out of turn", ASK("2", "host/fact", "machine_disk", "[]")),
    LIE("two questions, none reported", ASK("1", "host/fact", "machine_disk",
                                            "[]") "\n" ASK("1", "host/fact", "machine_disk", "[]")),
    LIE("another answer in the record",
        ASK("1", "host/fact", "machine_disk", "[]") "\n" CALL(
            "1", "host/fact", "machine_disk", "[]", "\"value\":{\"free\":9}") "\n" VALUE "\n" END),
    LIE("an answer in the record that was never asked",
        CALL("1", "host/fact", "machine_disk", "[]", "\"value\":{\"free\":1}") "\n" VALUE "\n" END),
    LIE("a call in the record beyond its capabilities",
        CALL("1", "host/fs", "read", "[\"/etc/passwd\"]", "\"value\":\"x\"") "\n" VALUE "\n" END),
    LIE("a gap in the record",
        CALL("2", "host/fs", "read", "[\"/nowhere/x\"]", "\"value\":\"x\"") "\n" VALUE "\n" END),
    LIE("a function that is not built in the record",
        CALL("1", "host/notify", "send", "[\"a\",\"b\",\"c\"]", "\"value\":null")),
    LIE("an end in the middle of a call",
        ASK("1", "host/fact", "machine_disk", "[]") "\n" VALUE "\n" END),
    LIE("a result that is no JSON", "{\"op\":\"part\",\"of\":\"value\",\"text\":\"{\"}\n" END),
    LIE("a frame that is no JSON", "{\"op\":\"end\""),
    LIE("a frame of no kind", "{\"op\":\"trust me\"}"),
    {.group = "lie", .name = "a frame beyond the limit", .run = run_giant, .fixed = "parent"},
    {.group = "lie", .name = "output beyond the limit", .run = run_flood, .fixed = "parent"},
    STATIC("forged bytecode", run_bytecode, "verifier", NULL),
    STATIC("an edited file of a signed bundle", run_edited_file, "digest", NULL),
    STATIC("an added file in a signed bundle", run_added_file, "digest", NULL),
    STATIC("a function without its @needs", run_compiled, "compiler",
           "import * as fs from \"host/fs\"\n@check(id = \"x\")\n@needs(fs_read = \"/x\")\n"
           "fn e() -> bool { fs.write(\"/x\", \"\").is_ok() }\n"),
    STATIC("an import that leaves the bundle", run_compiled, "compiler",
           "import { f } from \"../y\"\n@check(id = \"x\")\nfn e() -> int { f() }\n"),
};

struct escape_rows escape_liar_rows(void)
{
    return (struct escape_rows){rows, sizeof rows / sizeof *rows};
}

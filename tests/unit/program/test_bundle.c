/*
 * Bundles: manifests and notes, what a directory may hold, and what is refused.
 */
#include "unit/program/program_fixture.h"

#include "core/embed.h"
#include "core/fs.h"
#include "core/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char lib_text[] = "export fn twice(n: int) -> int { n * 2 }\n";
static const char check_text[] = "import { twice } from \"../lib/n\"\n"
                                 "import * as fact from \"host/fact\"\n"
                                 "@control(id = \"T-01.1\", name = \"t/first\")\n"
                                 "@needs(fact = \"machine.self,machine.disk\")\n"
                                 "fn first() -> int { twice(4) }\n"
                                 "@check(id = \"t\")\n"
                                 "fn second() -> bool { true }\n";
static const char test_text[] = "import { first } from \"./t\"\n@test\nfn ok() { assert(true) }\n";

static void make_files(const char *dir)
{
    program_file(dir, "lib/n.script", lib_text);
    program_file(dir, "c/t.script", check_text);
    program_file(dir, "c/t_test.json", "{}");
    program_file(dir, "readme.txt", "nobody's");
}

static void open_with(struct po_ctx *cx, const char *dir, const struct po_trust_key *keys,
                      size_t count, struct po_bundle **ret_bundle)
{
    check_ok(cx, po_bundle_open_dir(cx, test_tmp(dir), keys, count, ret_bundle));
}

TEST(bundle_manifest__is_canonical_and_lists_files_and_programs)
{
    TEST_CX(cx);
    PO_BUF_AUTO manifest = {0};
    PO_BUF_AUTO again = {0};
    struct po_script_diags diags;
    struct po_json *root = NULL;
    po_buf_init(&manifest, 1u << 20);
    po_buf_init(&again, 1u << 20);
    make_files("b");
    check_ok(cx, po_bundle_manifest(cx, test_tmp("b"), PO_LIT("tests"), &manifest, &diags));
    check_ok(cx, po_json_parse(cx, po_buf_str(&manifest), PO_JSON_STRICT, &root));
    check_ok(cx, po_json_canonical(cx, root, &again));
    check_eq_postr(po_buf_str(&manifest), po_buf_str(&again));
    check_eq_u64(po_json_get(root, "files")->count, 3);
    const char *rows = strstr(manifest.ptr, "\"programs\":");
    check_that(rows != NULL);
    check_eq_cstr(
        rows,
        "\"programs\":[{\"entry\":\"first\",\"file\":\"c/t.script\",\"id\":\"T-01.1\",\"kind\":"
        "\"control\",\"name\":\"t/first\",\"needs\":{\"fact\":[\"machine.self\","
        "\"machine.disk\"]}},{\"entry\":\"second\",\"file\":\"c/t.script\",\"id\":\"t\","
        "\"kind\":\"check\",\"name\":\"c/t/second\",\"needs\":{}}],\"v\":1}");
}

TEST(bundle_manifest__says_why_a_file_does_not_compile)
{
    static const struct {
        const char *name;
        const char *path;
        const char *text;
        const char *code; /* NULL: no diagnostic */
    } table[] = {
        {"syntax", "a.script", "fn (", "E0200"},
        {"a parameter without a type", "a.script", "fn f(x) -> int { 1 }\n", "E0442"},
        {"a need that is missing", "a.script",
         "import * as fact from \"host/fact\"\n@check\nfn c() -> bool { "
         "fact.machine_self().privileged }\n",
         "E0506"},
        {"a need that does not name the fact", "a.script",
         "import * as fact from \"host/fact\"\n@check\n@needs(fact = \"machine.disk\")\nfn c() -> "
         "bool { fact.machine_self().privileged }\n",
         "E0506"},
        {"a misspelt member", "a.script",
         "import * as fact from \"host/fact\"\n@check\n@needs(fact = \"machine.self\")\nfn c() -> "
         "bool { fact.machine_self().privileg }\n",
         "E0307"},
        {"an import outside", "a.script", "import { x } from \"../x\"\n", "E0504"},
        {"a test file", "a_test.script", "fn (", "E0200"},
        {"an unknown capability", "a.script", "@check\n@needs(fs_raed = \"/a\")\nfn c() {}\n",
         NULL},
        {"a capability that is none", "a.script", "@check\n@needs(fs_read = \"a\")\nfn c() {}\n",
         NULL},
        {"an id of two lines", "a.script", "@check(id = \"a\\nb\")\nfn c() {}\n", NULL},
        {"an id twice", "a.script",
         "@check(id = \"x\")\nfn c() {}\n@check(id = \"x\")\nfn d() {}\n", NULL},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        char dir[32];
        PO_BUF_AUTO manifest = {0};
        struct po_script_diags diags;
        (void)snprintf(dir, sizeof dir, "b%zu", (size_t)(row - table));
        po_buf_init(&manifest, 1u << 20);
        program_file(dir, row->path, row->text);
        check_fails(cx, po_bundle_manifest(cx, test_tmp(dir), PO_LIT("t"), &manifest, &diags),
                    PO_INVALID);
        check_that((diags.error_count > 0) == (row->code != NULL));
        if (row->code != NULL) check_eq_cstr(diags.at[0].code, row->code);
    }
}

TEST(bundle_manifest__wants_a_name)
{
    TEST_CX(cx);
    PO_BUF_AUTO manifest = {0};
    struct po_script_diags diags;
    po_buf_init(&manifest, 1u << 20);
    make_files("b");
    check_fails(cx, po_bundle_manifest(cx, test_tmp("b"), PO_LIT(""), &manifest, &diags),
                PO_INVALID);
    check_fails(cx, po_bundle_manifest(cx, test_tmp("b"), PO_LIT("a\nb"), &manifest, &diags),
                PO_INVALID);
    check_fails(cx, po_bundle_manifest(cx, test_tmp("none"), PO_LIT("a"), &manifest, &diags),
                PO_NOTFOUND);
    struct po_buf small = {0};
    po_buf_init(&small, 64);
    check_fails(cx, po_bundle_manifest(cx, test_tmp("b"), PO_LIT("a"), &small, &diags), PO_LIMIT);
    po_buf_done(&small);
}

TEST(bundle_open_dir__takes_the_trust_of_the_key_that_signed)
{
    static const struct {
        const char *name;
        enum po_trust trust[2]; /* of two keys; COUNT: the key is not in the store */
        enum po_trust want;
        const char *signer;
    } table[] = {
        {"vendor", {PO_TRUST_VENDOR, PO_TRUST_COUNT}, PO_TRUST_VENDOR, "one.example"},
        {"organisation",
         {PO_TRUST_ORGANISATION, PO_TRUST_COUNT},
         PO_TRUST_ORGANISATION,
         "one.example"},
        {"a directory is no system",
         {PO_TRUST_SYSTEM, PO_TRUST_COUNT},
         PO_TRUST_ORGANISATION,
         "one.example"},
        {"unknown key", {PO_TRUST_COUNT, PO_TRUST_COUNT}, PO_TRUST_NONE, ""},
        {"the other's key", {PO_TRUST_COUNT, PO_TRUST_VENDOR}, PO_TRUST_NONE, ""},
    };
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *one = program_key(cx, 'a');
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *two = program_key(cx, 'b');
    make_files("b");
    program_sign(cx, "b", "one.example", one);
    TEST_EACH(row, table)
    {
        struct po_trust_key keys[2];
        size_t count = 0;
        struct po_bundle *bundle = NULL;
        if (row->trust[0] != PO_TRUST_COUNT)
            keys[count++] = program_trust(one, "one.example", row->trust[0]);
        if (row->trust[1] != PO_TRUST_COUNT)
            keys[count++] = program_trust(two, "two.example", row->trust[1]);
        open_with(cx, "b", keys, count, &bundle);
        check_eq_int(po_bundle_trust(bundle), row->want);
        check_eq_str(po_bundle_signer(bundle), row->signer);
        check_eq_str(po_bundle_name(bundle), "tests");
        check_eq_u64(po_bundle_program_count(bundle), 2);
        check_eq_u64(po_bundle_file_count(bundle), 3);
        check_that(po_bundle_program_at(bundle, 2) == NULL);
        check_eq_str(po_bundle_file_path(bundle, 3), "");
    }
}

TEST(bundle_open_dir__takes_the_highest_of_two_signers)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *one = program_key(cx, 'a');
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *two = program_key(cx, 'b');
    PO_BUF_AUTO note = {0};
    PO_BUF_AUTO both = {0};
    size_t len = 0;
    po_buf_init(&note, 1u << 16);
    po_buf_init(&both, 1u << 16);
    make_files("b");
    program_sign(cx, "b", "one.example", one);
    char *first = test_read_file(test_tmp("b/bundle.note"), &len);
    char *manifest = test_read_file(test_tmp("b/bundle.json"), &len);
    check_ok(cx, po_bundle_sign(cx, po_str_n(manifest, len), PO_LIT("two.example"), two, &note));
    po_buf_append_cstr(&both, first);
    po_buf_append_cstr(&both, strstr(note.ptr, "\n\n") + 2);
    program_file("b", "bundle.note", both.ptr);
    for (int order = 0; order < 2; order++) {
        struct po_trust_key keys[2];
        struct po_bundle *bundle = NULL;
        keys[order] = program_trust(one, "one.example", PO_TRUST_VENDOR);
        keys[1 - order] = program_trust(two, "two.example", PO_TRUST_ORGANISATION);
        open_with(cx, "b", keys, 2, &bundle);
        check_eq_int(po_bundle_trust(bundle), PO_TRUST_ORGANISATION);
        check_eq_str(po_bundle_signer(bundle), "two.example");
    }
    free(first);
    free(manifest);
}

TEST(bundle_open_dir__finds_the_programs_of_an_unsigned_directory)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    make_files("b");
    program_file("b", "broken.script", "fn (");
    program_file("b", "odd.script", "@check\n@needs(fs_read = \"x\")\nfn c() {}\n");
    program_file("b", ".hidden/h.script", "fn (");
    program_file("b", ".h.script", "fn (");
    program_file("b", "c/t_test.script", test_text);
    open_with(cx, "b", NULL, 0, &bundle);
    check_eq_int(po_bundle_trust(bundle), PO_TRUST_NONE);
    check_eq_str(po_bundle_signer(bundle), "");
    check_eq_u64(po_bundle_program_count(bundle), 2);
    check_eq_str(po_bundle_program_at(bundle, 0)->name, "t/first");
    check_eq_u64(po_bundle_program_at(bundle, 0)->needs.count, 2);
    check_eq_u64(po_bundle_file_count(bundle), 6);
    for (size_t i = 0; i < po_bundle_file_count(bundle); i++) {
        po_str path = po_bundle_file_path(bundle, i);
        bool is_broken =
            po_str_eq_cstr(path, "broken.script") || po_str_eq_cstr(path, "odd.script");
        check_eq_int(po_bundle_file_is_broken(bundle, i), is_broken);
    }
    po_str text = {0};
    check_ok(cx, po_bundle_file_text(cx, bundle, 4, &text));
    check_eq_str(text, lib_text);
    check_fails(cx, po_bundle_file_text(cx, bundle, 6, &text), PO_NOTFOUND);
}

/* A manifest that nobody signed says nothing: the files count as they are. */
TEST(bundle_open_dir__takes_a_manifest_without_a_note_for_nothing)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    make_files("b");
    program_sign(cx, "b", NULL, NULL);
    program_file("b", "lib/n.script", "export fn twice(n: int) -> int { n + n }\n");
    open_with(cx, "b", NULL, 0, &bundle);
    check_eq_int(po_bundle_trust(bundle), PO_TRUST_NONE);
    check_eq_u64(po_bundle_program_count(bundle), 2);
}

/* ---- what is altered ---------------------------------------------------------------------------- */

static void swap_in(const char *path, const char *from, const char *to)
{
    size_t len = 0;
    PO_BUF_AUTO out = {0};
    char *text = test_read_file(path, &len);
    char *at = strstr(text, from);
    check_that(at != NULL);
    po_buf_init(&out, 1u << 20);
    po_buf_append(&out, po_str_n(text, (size_t)(at - text)));
    po_buf_append_cstr(&out, to);
    po_buf_append_cstr(&out, at + strlen(from));
    test_write_file(path, out.ptr, out.len);
    free(text);
}

static void edit_file(void)
{
    program_file("b", "lib/n.script", "export fn twice(n: int) -> int { 9 }");
}
static void add_file(void) { program_file("b", "lib/more.script", lib_text); }
static void add_fixture(void) { program_file("b", "c/u_test.json", "{}"); }
static void remove_file(void) { check_eq_int(unlink(test_tmp("b/c/t_test.json")), 0); }
static void edit_manifest(void) { swap_in(test_tmp("b/bundle.json"), "t/first", "t/worst"); }
static void remove_manifest(void) { check_eq_int(unlink(test_tmp("b/bundle.json")), 0); }
static void break_manifest(void) { program_file("b", "bundle.json", "{"); }
static void edit_note_name(void) { swap_in(test_tmp("b/bundle.note"), "\ntests\n", "\nother\n"); }
static void break_note(void) { program_file("b", "bundle.note", "paulyops-bundle/v1\n"); }
static void empty_note(void) { program_file("b", "bundle.note", ""); }
static void wrong_signature(void)
{
    TEST_CX(cx);
    PO_BUF_AUTO note = {0};
    PO_BUF_AUTO forged = {0};
    size_t len = 0;
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = program_key(cx, 'a');
    po_buf_init(&note, 1u << 16);
    po_buf_init(&forged, 1u << 16);
    char *good = test_read_file(test_tmp("b/bundle.note"), &len);
    /* the right key's signature of another text under ours */
    check_ok_leaf(po_note_sign(PO_LIT("another\n"), PO_LIT("one.example"), key, &note));
    po_buf_append(&forged, po_str_n(good, (size_t)(strstr(good, "\n\n") + 2 - good)));
    po_buf_append_cstr(&forged, strstr(note.ptr, "\n\n") + 2);
    program_file("b", "bundle.note", forged.ptr);
    free(good);
}
static void link_file(void)
{
    check_eq_int(rename(test_tmp("b/lib/n.script"), test_tmp("n.script")), 0);
    check_eq_int(symlink(test_tmp("n.script"), test_tmp("b/lib/n.script")), 0);
}
static void link_directory(void)
{
    check_eq_int(rename(test_tmp("b/lib"), test_tmp("lib")), 0);
    check_eq_int(symlink(test_tmp("lib"), test_tmp("b/lib")), 0);
}
static void link_manifest(void)
{
    check_eq_int(rename(test_tmp("b/bundle.json"), test_tmp("m.json")), 0);
    check_eq_int(symlink(test_tmp("m.json"), test_tmp("b/bundle.json")), 0);
}
static void directory_as_file(void) { program_file("b", "bundle.script/x", "x"); }
static void fifo_as_file(void) { check_eq_int(mkfifo(test_tmp("b/pipe.script"), 0600), 0); }
static void odd_name(void) { program_file("b", "two words.script", lib_text); }
static void too_deep(void) { program_file("b", "1/2/3/4/5/6/7/8/9/x.script", lib_text); }
static void too_large(void)
{
    size_t len = PO_SCRIPT_SOURCE_BYTES_MAX + 1;
    char *text = calloc(1, len);
    check_that(text != NULL);
    memset(text, '\n', len);
    test_write_file(test_tmp("b/huge.script"), text, len);
    free(text);
}

TEST(bundle_open_dir__refuses_what_was_altered)
{
    static const struct {
        const char *name;
        void (*alter)(void);
        enum po_code code;
        const char *why;
    } table[] = {
        {"edited file", edit_file, PO_CORRUPT, "'lib/n.script' is not what the manifest says"},
        {"extra file", add_file, PO_CORRUPT, "'lib/more.script' is not in the manifest"},
        {"extra fixture", add_fixture, PO_CORRUPT, "'c/u_test.json' is not in the manifest"},
        {"missing file", remove_file, PO_CORRUPT, "'c/t_test.json' of the manifest is missing"},
        {"edited manifest", edit_manifest, PO_CORRUPT, "signs another 'bundle.json'"},
        {"missing manifest", remove_manifest, PO_INVALID, "manifest of a bundle"},
        {"broken manifest", break_manifest, PO_INVALID, "manifest of a bundle"},
        {"note of another name", edit_note_name, PO_CORRUPT, "signs another 'bundle.json'"},
        {"broken note", break_note, PO_INVALID, "no signed note"},
        {"empty note", empty_note, PO_INVALID, "no signed note"},
        {"wrong signature", wrong_signature, PO_TAMPER, "signature of 'one.example'"},
        {"file by symlink", link_file, PO_INVALID, "is a symlink"},
        {"directory by symlink", link_directory, PO_INVALID, "is a symlink"},
        {"manifest by symlink", link_manifest, PO_INVALID, "is a symlink"},
        {"directory with the name of a file", directory_as_file, PO_OK, NULL},
        {"pipe", fifo_as_file, PO_INVALID, "pipe.script"},
        {"odd name", odd_name, PO_INVALID, "no path of a bundle"},
        {"too deep", too_deep, PO_LIMIT, "too deeply"},
        {"too large", too_large, PO_LIMIT, "huge.script"},
    };
    TEST_EACH(row, table)
    {
        TEST_CX(cx);
        PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = program_key(cx, 'a');
        struct po_trust_key known = program_trust(key, "one.example", PO_TRUST_VENDOR);
        struct po_bundle *bundle = NULL;
        po_ignore(po_fs_remove_tree(cx, test_tmp("b"), 20), "the first row has none");
        po_ignore(po_fs_remove_tree(cx, test_tmp("lib"), 20), "few rows have one");
        make_files("b");
        program_sign(cx, "b", "one.example", key);
        open_with(cx, "b", &known, 1, &bundle);
        row->alter();
        if (row->code == PO_OK) {
            open_with(cx, "b", &known, 1, &bundle);
            continue;
        }
        check_fails(cx, po_bundle_open_dir(cx, test_tmp("b"), &known, 1, &bundle), row->code);
        check_contains(po_err_msg(cx), row->why);
    }
}

TEST(bundle_open_dir__wants_a_directory)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    check_fails(cx, po_bundle_open_dir(cx, test_tmp("none"), NULL, 0, &bundle), PO_NOTFOUND);
    program_file("d", "file", "x");
    check_fails(cx, po_bundle_open_dir(cx, test_tmp("d/file"), NULL, 0, &bundle), PO_NOTFOUND);
}

TEST_TIMEOUT(bundle_open_dir__counts_files_and_bytes, 60)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    char name[32];
    for (int i = 0; i < PO_BUNDLE_FILES_MAX + 1; i++) {
        (void)snprintf(name, sizeof name, "f%d_test.json", i);
        program_file("many", name, "{}");
    }
    check_fails(cx, po_bundle_open_dir(cx, test_tmp("many"), NULL, 0, &bundle), PO_LIMIT);
    check_contains(po_err_msg(cx), "1024 files");
    char *text = calloc(1, PO_SCRIPT_SOURCE_BYTES_MAX);
    check_that(text != NULL);
    memset(text, '\n', PO_SCRIPT_SOURCE_BYTES_MAX);
    for (int i = 0; i < 17; i++) {
        (void)snprintf(name, sizeof name, "f%d_test.json", i);
        program_file("large", name, "");
        (void)snprintf(name, sizeof name, "large/f%d_test.json", i);
        test_write_file(test_tmp(name), text, PO_SCRIPT_SOURCE_BYTES_MAX);
    }
    free(text);
    check_fails(cx, po_bundle_open_dir(cx, test_tmp("large"), NULL, 0, &bundle), PO_LIMIT);
    check_contains(po_err_msg(cx), "bytes");
}

/* ---- manifests by hand --------------------------------------------------------------------------- */

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define FILES "\"files\":{\"a.script\":\"" ZERO "\",\"a_test.script\":\"" ZERO "\"}"
#define ROW(file, entry, kind, name, needs)                                                        \
    "{\"entry\":\"" entry "\",\"file\":\"" file "\",\"id\":\"\",\"kind\":\"" kind                  \
    "\",\"name\":\"" name "\",\"needs\":" needs "}"
#define GOOD_ROW ROW("a.script", "c", "check", "a/c", "{}")
#define WHOLE(files, programs)                                                                     \
    "{\"edition\":1," files ",\"name\":\"n\",\"programs\":[" programs "],\"v\":1}"

static const struct manifest_row {
    const char *name;
    const char *text;
    enum po_code code;
} manifest_rows[] = {
    {"good", WHOLE(FILES, GOOD_ROW), PO_OK},
    {"no programs", WHOLE("\"files\":{}", ""), PO_OK},
    {"empty", "", PO_INVALID},
    {"no JSON", "manifest", PO_INVALID},
    {"no object", "[]", PO_INVALID},
    {"bytes after it", WHOLE(FILES, "") "x", PO_INVALID},
    {"no files", "{\"edition\":1,\"name\":\"n\",\"programs\":[],\"v\":1}", PO_INVALID},
    {"a member more", "{\"edition\":1," FILES ",\"more\":1,\"name\":\"n\",\"programs\":[],\"v\":1}",
     PO_INVALID},
    {"version 2", "{\"edition\":1," FILES ",\"name\":\"n\",\"programs\":[],\"v\":2}",
     PO_UNSUPPORTED},
    {"edition 2", "{\"edition\":2," FILES ",\"name\":\"n\",\"programs\":[],\"v\":1}",
     PO_UNSUPPORTED},
    {"version as a text", "{\"edition\":1," FILES ",\"name\":\"n\",\"programs\":[],\"v\":\"1\"}",
     PO_INVALID},
    {"empty name", "{\"edition\":1," FILES ",\"name\":\"\",\"programs\":[],\"v\":1}", PO_INVALID},
    {"name of two lines", "{\"edition\":1," FILES ",\"name\":\"a\\nb\",\"programs\":[],\"v\":1}",
     PO_INVALID},
    {"files as a list", WHOLE("\"files\":[]", ""), PO_INVALID},
    {"absolute path", WHOLE("\"files\":{\"/a.script\":\"" ZERO "\"}", ""), PO_INVALID},
    {"path that leaves", WHOLE("\"files\":{\"../a.script\":\"" ZERO "\"}", ""), PO_INVALID},
    {"path that leaves later", WHOLE("\"files\":{\"a/../../b.script\":\"" ZERO "\"}", ""),
     PO_INVALID},
    {"dot", WHOLE("\"files\":{\"./a.script\":\"" ZERO "\"}", ""), PO_INVALID},
    {"empty part", WHOLE("\"files\":{\"a//b.script\":\"" ZERO "\"}", ""), PO_INVALID},
    {"hidden", WHOLE("\"files\":{\".a.script\":\"" ZERO "\"}", ""), PO_INVALID},
    {"blank", WHOLE("\"files\":{\"a b.script\":\"" ZERO "\"}", ""), PO_INVALID},
    {"NUL", WHOLE("\"files\":{\"a\\u0000.script\":\"" ZERO "\"}", ""), PO_INVALID},
    {"not ASCII", WHOLE("\"files\":{\"\xc3\xa4.script\":\"" ZERO "\"}", ""), PO_INVALID},
    {"another suffix", WHOLE("\"files\":{\"a.txt\":\"" ZERO "\"}", ""), PO_INVALID},
    {"json that is no fixture", WHOLE("\"files\":{\"a.json\":\"" ZERO "\"}", ""), PO_INVALID},
    {"short digest", WHOLE("\"files\":{\"a.script\":\"00\"}", ""), PO_INVALID},
    {"digest as a number", WHOLE("\"files\":{\"a.script\":0}", ""), PO_INVALID},
    {"program of no file", WHOLE(FILES, ROW("b.script", "c", "check", "a/c", "{}")), PO_INVALID},
    {"program of a test file", WHOLE(FILES, ROW("a_test.script", "c", "check", "a/c", "{}")),
     PO_INVALID},
    {"program without entry", WHOLE(FILES, ROW("a.script", "", "check", "a/c", "{}")), PO_INVALID},
    {"program without name", WHOLE(FILES, ROW("a.script", "c", "check", "", "{}")), PO_INVALID},
    {"program of no kind", WHOLE(FILES, ROW("a.script", "c", "", "a/c", "{}")), PO_INVALID},
    {"program of an unknown kind", WHOLE(FILES, ROW("a.script", "c", "test", "a/c", "{}")),
     PO_INVALID},
    {"needs as a list", WHOLE(FILES, ROW("a.script", "c", "check", "a/c", "[]")), PO_INVALID},
    {"needs that are none",
     WHOLE(FILES, ROW("a.script", "c", "check", "a/c", "{\"fs_read\":[\"x\"]}")), PO_INVALID},
    {"program as a text", WHOLE(FILES, "\"c\""), PO_INVALID},
    {"program without needs",
     WHOLE(FILES, "{\"entry\":\"c\",\"file\":\"a.script\",\"id\":\"\",\"kind\":\"check\","
                  "\"name\":\"n\"}"),
     PO_INVALID},
    {"id as a number",
     WHOLE(FILES, "{\"entry\":\"c\",\"file\":\"a.script\",\"id\":1,\"kind\":\"check\","
                  "\"name\":\"n\",\"needs\":{}}"),
     PO_INVALID},
};

TEST(bundle_manifest_read__refuses_what_is_no_manifest)
{
    TEST_CX(cx);
    TEST_EACH(row, manifest_rows)
    {
        struct po_bundle bundle = {0};
        po_rc rc = po_bundle_manifest_read(cx, po_str_of(row->text), &bundle);
        check_eq_int(rc.code, row->code);
        check_eq_u64(bundle.name.len, row->code == PO_OK ? 1 : 0);
    }
}

TEST(bundle_manifest_read__counts_files_and_programs)
{
    TEST_CX(cx);
    PO_BUF_AUTO text = {0};
    struct po_bundle bundle = {0};
    po_buf_init(&text, (size_t)8 << 20);
    po_buf_append_cstr(&text, "{\"edition\":1,\"files\":{");
    for (int i = 0; i <= PO_BUNDLE_FILES_MAX; i++)
        po_buf_printf(&text, "%s\"f%d.script\":\"" ZERO "\"", i > 0 ? "," : "", i);
    po_buf_append_cstr(&text, "},\"name\":\"n\",\"programs\":[],\"v\":1}");
    check_fails(cx, po_bundle_manifest_read(cx, po_buf_str(&text), &bundle), PO_LIMIT);
    po_buf_clear(&text);
    po_buf_append_cstr(&text, "{\"edition\":1," FILES ",\"name\":\"n\",\"programs\":[");
    for (int i = 0; i <= PO_BUNDLE_PROGRAMS_MAX; i++)
        po_buf_printf(&text, "%s" GOOD_ROW, i > 0 ? "," : "");
    po_buf_append_cstr(&text, "],\"v\":1}");
    check_fails(cx, po_bundle_manifest_read(cx, po_buf_str(&text), &bundle), PO_LIMIT);
    po_buf_clear(&text);
    po_buf_append_zeros(&text, PO_BUNDLE_MANIFEST_BYTES_MAX + 1);
    check_fails(cx, po_bundle_manifest_read(cx, po_buf_str(&text), &bundle), PO_LIMIT);
}

TEST(bundle_sign__signs_only_manifests)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = program_key(cx, 'a');
    PO_BUF_AUTO note = {0};
    po_buf_init(&note, 1u << 16);
    check_fails(cx, po_bundle_sign(cx, PO_LIT("{}"), PO_LIT("a.example"), key, &note), PO_INVALID);
    check_fails(cx, po_bundle_sign(cx, PO_LIT(WHOLE(FILES, "")), PO_LIT("a name"), key, &note),
                PO_INVALID);
    check_eq_u64(note.len, 0);
    check_ok(cx, po_bundle_sign(cx, PO_LIT(WHOLE(FILES, "")), PO_LIT("a.example"), key, &note));
    check_that(strncmp(note.ptr, "paulyops-bundle/v1\nn\n", 21) == 0);
}

/* ---- the bundle of this build -------------------------------------------------------------------- */

TEST(bundle_embedded__is_system_and_every_file_is_what_its_manifest_says)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    check_ok(cx, po_bundle_open_embedded(cx, &bundle));
    check_eq_int(po_bundle_trust(bundle), PO_TRUST_SYSTEM);
    check_eq_str(po_bundle_signer(bundle), "");
    check_eq_str(po_bundle_name(bundle), "content");
    for (size_t i = 0; i < po_bundle_file_count(bundle); i++) {
        po_str text = {0};
        check_ok(cx, po_bundle_file_text(cx, bundle, i, &text));
    }
}

/* The manifest and the file come from one build; a build put together wrongly is noticed. */
TEST(bundle_embedded__checks_each_file_when_it_is_read)
{
    TEST_CX(cx);
    po_str text = {0};
    struct po_bundle_file files[] = {{.path = PO_LIT("lib/judge.script")},
                                     {.path = PO_LIT("lib/none.script")}};
    struct po_bundle bundle = {.is_embedded = true, .files = files, .file_count = 2};
    check_fails(cx, po_bundle_file_text(cx, &bundle, 0, &text), PO_CORRUPT);
    check_contains(po_err_msg(cx), "'lib/judge.script' is not what the manifest says");
    check_fails(cx, po_bundle_file_text(cx, &bundle, 1, &text), PO_CORRUPT);
    check_contains(po_err_msg(cx), "'lib/none.script' of the manifest is missing");
}

TEST_FAULTS_SITES(bundle_open_dir__fails_cleanly)
{
    TEST_CX(cx);
    PO_CLEANUP(po_sign_key_freep) struct po_sign_key *key = program_key(cx, 'a');
    struct po_trust_key known = program_trust(key, "one.example", PO_TRUST_VENDOR);
    struct po_bundle *bundle = NULL;
    make_files("b");
    program_sign(cx, "b", "one.example", key);
    test_faults_arm();
    if (!test_survived(po_bundle_open_dir(cx, test_tmp("b"), &known, 1, &bundle))) {
        check_that(bundle == NULL);
        return;
    }
    test_faults_off();
    check_eq_u64(po_bundle_program_count(bundle), 2);
    check_eq_int(po_bundle_trust(bundle), PO_TRUST_VENDOR);
}

TEST_FAULTS_SITES(bundle_manifest__fails_cleanly)
{
    TEST_CX(cx);
    PO_BUF_AUTO manifest = {0};
    struct po_script_diags diags;
    po_buf_init(&manifest, 1u << 20);
    make_files("b");
    test_faults_arm();
    if (!test_survived(po_bundle_manifest(cx, test_tmp("b"), PO_LIT("n"), &manifest, &diags)))
        return;
    test_faults_off();
    check_that(strstr(manifest.ptr, "t/first") != NULL);
}

TEST_FAULTS_SITES(bundle_unsigned__never_loses_programs_to_a_failure)
{
    TEST_CX(cx);
    struct po_bundle *bundle = NULL;
    make_files("b");
    test_faults_arm();
    if (!test_survived(po_bundle_open_dir(cx, test_tmp("b"), NULL, 0, &bundle))) return;
    test_faults_off();
    check_eq_u64(po_bundle_program_count(bundle), 2);
}

#include "unit/program/program_fixture.h"

#include "core/fs.h"

void program_file(const char *dir, const char *path, const char *text)
{
    TEST_CX(cx);
    const char *root = test_tmp(dir);
    const char *full = NULL;
    const char *parent = NULL;
    check_ok(cx, po_path_join(cx, root, path, &full));
    check_ok(cx, po_path_dir(cx, full, &parent));
    check_ok(cx, po_fs_mkdir_all(cx, parent, 0700));
    test_write_file(full, text, strlen(text));
}

struct po_sign_key *program_key(struct po_ctx *cx, char fill)
{
    char bytes[PO_ED25519_SEED_BYTES];
    memset(bytes, fill, sizeof bytes);
    PO_CLEANUP(po_secret_freep) struct po_secret *seed = NULL;
    struct po_sign_key *key = NULL;
    check_ok(cx, po_secret_new(cx, po_str_n(bytes, sizeof bytes), &seed));
    check_ok(cx, po_sign_key_new(cx, seed, &key));
    return key;
}

struct po_trust_key program_trust(const struct po_sign_key *key, const char *name,
                                  enum po_trust trust)
{
    struct po_trust_key result = {.trust = trust};
    check_ok_leaf(
        po_note_vkey_make(po_str_of(name), PO_NOTE_ED25519, po_sign_key_public(key), &result.vkey));
    return result;
}

void program_sign(struct po_ctx *cx, const char *dir, const char *signer,
                  const struct po_sign_key *key)
{
    PO_BUF_AUTO manifest = {0};
    PO_BUF_AUTO note = {0};
    struct po_script_diags diags;
    po_buf_init(&manifest, 1u << 20);
    po_buf_init(&note, 1u << 16);
    check_ok(cx, po_bundle_manifest(cx, test_tmp(dir), PO_LIT("tests"), &manifest, &diags));
    program_file(dir, "bundle.json", manifest.ptr);
    if (signer == NULL) return;
    check_ok(cx, po_bundle_sign(cx, po_buf_str(&manifest), po_str_of(signer), key, &note));
    program_file(dir, "bundle.note", note.ptr);
}

struct po_bundle *program_open(struct po_ctx *cx, const char *dir)
{
    struct po_bundle *bundle = NULL;
    check_ok(cx, po_bundle_open_dir(cx, test_tmp(dir), NULL, 0, &bundle));
    return bundle;
}

struct po_program program_of(struct po_ctx *cx, const char *text, const char *entry)
{
    struct po_script_diags diags;
    struct po_program program = {0};
    program_file("one", "x.script", text);
    struct po_bundle *bundle = program_open(cx, "one");
    po_rc rc = po_program_load(cx, bundle, PO_LIT("x.script"), po_str_of(entry), &diags, &program);
    if (!po_is_ok(rc) && diags.count > 0)
        test_fail(__FILE__, __LINE__, "%u: %.*s", diags.at[0].line,
                  PO_STR_ARG(diags.at[0].message));
    check_ok(cx, rc);
    return program;
}

po_rc program_run(struct po_ctx *cx, const struct po_program *program,
                  const struct po_program_job *job, struct po_program_result *ret_result)
{
    struct po_gate gate = {.needs = &program->row.needs,
                           .grant = job->grant,
                           .ceiling = &program->ceiling,
                           .home = job->home};
    return po_run_in_process(cx, program, job, &gate, ret_result);
}

const struct po_program_fact program_disk = {{"machine.disk", 12},
                                             {PROGRAM_DISK, sizeof PROGRAM_DISK - 1}};

const char program_reader[] = "import * as fact from \"host/fact\"\n"
                              "import * as time from \"host/time\"\n"
                              "@check(id = \"d\")\n"
                              "@needs(fact = \"machine.disk\", time = true)\n"
                              "fn c() -> int {\n"
                              "    let d = fact.machine_disk()\n"
                              "    print(\"free\", d.home.unwrap().free_percent)\n"
                              "    time.now() + d.home.unwrap().free_bytes\n"
                              "}\n";

struct po_program_job program_job(void)
{
    return (struct po_program_job){
        .given = &program_disk, .given_count = 1, .now_us = (po_time_us)1000 * PO_US_PER_S};
}

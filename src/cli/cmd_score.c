/*
 * score: from evidence at a ledger position, or a what-if from given states.
 */
#include "commands_priv.h"

#include "assess/assess.h"
#include "core/fs.h"
#include "evidence_priv.h"

#define STATES_BYTES_MAX ((size_t)1 << 20)

PO_RC po_cli_as_of(struct po_ctx *cx, const struct po_cli *cli, uint64_t *ret_size)
{
    po_str text = po_cli_option(cli, "--as-of");
    *ret_size = 0;
    if (text.ptr == NULL) return po_rc_ok();
    if (!po_is_ok(po_str_to_u64(text, PO_LEDGER_LEAVES_MAX, ret_size)))
        return PO_FAIL(cx, PO_USAGE, "'--as-of %.*s' is not a ledger size", PO_STR_ARG(text));
    if (*ret_size == 0) return PO_FAIL(cx, PO_USAGE, "'--as-of 0': an empty ledger proves nothing");
    return po_rc_ok();
}

PO_RC po_cli_evidence(struct po_ctx *cx, struct po_cli *cli, struct po_evidence *ret_evidence)
{
    const struct po_catalog *catalog = NULL;
    const bool *wanted = NULL;
    uint64_t size = 0;
    PO_TRY(cx, po_cli_as_of(cx, cli, &size));
    PO_TRY(cx, po_catalog_load_embedded(cx, &catalog));
    PO_TRY(cx, po_check_wanted(cx, cli->home, catalog, &wanted));
    struct po_evidence_source source = {cli->home, catalog, wanted};
    return po_evidence_load(cx, &source, size, ret_evidence);
}

static void print_why(struct po_cli *cli, const struct po_criterion_score *score)
{
    size_t shown = score->why_count < 4 ? score->why_count : 4;
    for (size_t i = 0; i < shown; i++)
        po_buf_printf(&cli->out, "%s%.*s", i == 0 ? "" : ", ", PO_STR_ARG(score->why[i]));
    if (score->why_count > shown)
        po_buf_printf(&cli->out, " and %zu more", score->why_count - shown);
}

static void print_category(struct po_cli *cli, const struct po_catalog *catalog,
                           const struct po_category_score *category)
{
    po_buf_printf(&cli->out, "%-22.*s %3ld/100  %-18s %ld of %ld criteria met\n",
                  PO_STR_ARG(catalog->categories[category->category].name), (long)category->score,
                  po_met_name(category->status), (long)category->met, (long)category->of);
}

static void print_table(struct po_cli *cli, const struct po_catalog *catalog,
                        const struct po_scores *scores)
{
    for (size_t i = 0; i < scores->category_count; i++)
        print_category(cli, catalog, &scores->categories[i]);
    po_buf_printf(&cli->out, "%ld of %ld categories met, %ld of %ld criteria met\n\n",
                  (long)scores->categories_met, (long)scores->categories_in_scope,
                  (long)scores->criteria_met, (long)scores->criteria_in_scope);
    for (size_t i = 0; i < scores->category_count; i++)
        for (size_t k = 0; k < scores->categories[i].criterion_count; k++) {
            const struct po_criterion_score *score = &scores->categories[i].criteria[k];
            po_buf_printf(&cli->out, "%-6.*s %3ld  %-18s ",
                          PO_STR_ARG(catalog->criteria[score->criterion].id), (long)score->score,
                          po_met_name(score->status));
            print_why(cli, score);
            po_buf_append_char(&cli->out, '\n');
        }
}

static PO_RC print_scores(struct po_ctx *cx, struct po_cli *cli, const struct po_catalog *catalog,
                          const struct po_scores *scores, const struct po_as_of *as_of)
{
    if (cli->format == PO_CLI_TABLE) {
        print_table(cli, catalog, scores);
        return po_rc_ok();
    }
    PO_TRY(cx, po_scores_json(cx, catalog, scores, as_of, &cli->out));
    po_buf_append_char(&cli->out, '\n');
    return po_rc_ok();
}

static PO_RC score_states(struct po_ctx *cx, struct po_cli *cli, const char *path)
{
    const struct po_catalog *catalog = NULL;
    const struct po_control_result *controls = NULL;
    struct po_scores scores;
    PO_BUF_AUTO text;
    po_buf_init(&text, STATES_BYTES_MAX);
    PO_TRY_MSG(cx, po_fs_read(cx, path, &text), "reading control states");
    PO_TRY(cx, po_catalog_load_embedded(cx, &catalog));
    PO_TRY_MSG(cx, po_states_parse(cx, catalog, po_buf_str(&text), &controls), "'%s'", path);
    PO_TRY(cx, po_scores_compute(cx, catalog, controls, &scores));
    /* Never quiet: what follows is no evidence. */
    struct po_cli loud = *cli;
    loud.is_quiet = false;
    po_cli_note(&loud, "HYPOTHETICAL: computed from '%s', not from evidence", path);
    struct po_as_of as_of = {.is_hypothetical = true};
    return print_scores(cx, cli, catalog, &scores, &as_of);
}

PO_RC po_cmd_score(struct po_ctx *cx, struct po_cli *cli)
{
    const char *states = NULL;
    PO_TRY(cx, po_cli_option_path(cx, cli, "--states", &states));
    if (states != NULL && po_cli_has(cli, "--as-of"))
        return PO_FAIL(cx, PO_USAGE, "'--states' and '--as-of' exclude each other");
    if (states != NULL) return score_states(cx, cli, states);
    struct po_evidence evidence;
    PO_TRY(cx, po_cli_open_home(cx, cli));
    PO_TRY(cx, po_cli_evidence(cx, cli, &evidence));
    struct po_as_of as_of = po_evidence_as_of(&evidence.at);
    if (cli->format == PO_CLI_TABLE)
        po_buf_printf(&cli->out, "readiness, self-assessed, as of ledger size %lu\n\n",
                      (unsigned long)evidence.at.size);
    return print_scores(cx, cli, evidence.catalog, &evidence.scores, &as_of);
}

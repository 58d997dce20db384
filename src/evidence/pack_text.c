/*
 * The texts of a pack: functions of the evidence, so that a verifier can make them again.
 */
#include "pack_priv.h"

#define CSV_HEADER "control,clause,relation,state,passing,total,leaf,received,check,reason\r\n"

/* RFC 4180; a cell that a spreadsheet would take for a formula is made text. */
static void csv_cell(struct po_buf *out, po_str text, bool is_last)
{
    bool is_formula = text.len > 0 && (text.ptr[0] == '=' || text.ptr[0] == '+' ||
                                       text.ptr[0] == '-' || text.ptr[0] == '@');
    po_buf_append_char(out, '"');
    if (is_formula) po_buf_append_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') po_buf_append_char(out, '"');
        po_buf_append_char(out, text.ptr[i]);
    }
    po_buf_append_cstr(out, is_last ? "\"\r\n" : "\",");
}

static void csv_clause(const struct po_evidence *evidence, size_t position, const char *relation,
                       struct po_buf *out)
{
    const struct po_clause *clause = &evidence->catalog->clauses[position];
    const struct po_clause_result *result = &evidence->clauses[position];
    const struct po_clause_run *found = &evidence->runs[position];
    char time[PO_TIME_RFC3339_BYTES] = "";
    bool has_run = result->leaf != PO_LEAF_NONE;
    if (has_run) po_time_format(found->received_us, time);
    csv_cell(out, evidence->catalog->controls[clause->control].id, false);
    csv_cell(out, clause->id, false);
    csv_cell(out, po_str_of(relation), false);
    csv_cell(out, po_str_of(po_clause_state_name(result->state)), false);
    if (has_run)
        po_buf_printf(out, "%ld,%ld,%lu,", (long)found->run.passing, (long)found->run.total,
                      (unsigned long)result->leaf);
    else
        po_buf_append_cstr(out, ",,,");
    csv_cell(out, po_str_of(time), false);
    csv_cell(out, has_run ? found->run.check : PO_LIT(""), false);
    csv_cell(out, has_run ? found->run.reason : PO_LIT("no run"), true);
}

static void csv_controls(const struct po_evidence *evidence, po_id_list controls,
                         const char *relation, struct po_buf *out)
{
    for (size_t i = 0; i < controls.count; i++) {
        const struct po_control *control = &evidence->catalog->controls[controls.at[i]];
        for (size_t k = 0; k < control->clause_count; k++)
            csv_clause(evidence, (size_t)control->clause_first + k, relation, out);
    }
}

static PO_RC render_population(struct po_ctx *cx, const struct po_evidence *evidence,
                               const struct po_criterion *criterion, struct po_buf *out)
{
    po_buf_append_cstr(out, CSV_HEADER);
    csv_controls(evidence, criterion->primary, "primary", out);
    csv_controls(evidence, criterion->supporting, "supporting", out);
    PO_TRY_LEAF(cx, po_buf_check(out), "the population is too large");
    return po_rc_ok();
}

static const struct po_criterion_score *score_of(const struct po_evidence *evidence,
                                                 const struct po_criterion *criterion)
{
    size_t position = (size_t)(criterion - evidence->catalog->criteria);
    const struct po_scores *scores = &evidence->scores;
    for (size_t i = 0; i < scores->category_count; i++)
        for (size_t k = 0; k < scores->categories[i].criterion_count; k++)
            if (scores->categories[i].criteria[k].criterion == position)
                return &scores->categories[i].criteria[k];
    return NULL;
}

static void readme_controls(const struct po_evidence *evidence, po_id_list controls,
                            const char *relation, struct po_buf *out)
{
    for (size_t i = 0; i < controls.count; i++) {
        const struct po_control *control = &evidence->catalog->controls[controls.at[i]];
        const struct po_control_result *result = &evidence->controls[controls.at[i]];
        po_buf_printf(out, "| %.*s | %s | %s | %zu of %d | %.*s |\n", PO_STR_ARG(control->id),
                      relation, po_control_state_name(result->state), result->clauses_passing,
                      (int)control->clause_count, PO_STR_ARG(control->title));
    }
}

static PO_RC render_readme(struct po_ctx *cx, const struct po_evidence *evidence,
                           const struct po_criterion *criterion, struct po_buf *out)
{
    const struct po_criterion_score *score = score_of(evidence, criterion);
    PO_INVARIANT(cx, score != NULL);
    po_buf_printf(out, "# %.*s\n\n%.*s\n\n", PO_STR_ARG(criterion->id),
                  PO_STR_ARG(criterion->summary));
    po_buf_printf(out,
                  "Readiness, self-assessed: **%s**, %ld/100, as of ledger size %lu.\n\n"
                  "| control | relation | state | clauses passing | title |\n"
                  "|---|---|---|---|---|\n",
                  po_met_name(score->status), (long)score->score, (unsigned long)evidence->at.size);
    readme_controls(evidence, criterion->primary, "primary", out);
    readme_controls(evidence, criterion->supporting, "supporting", out);
    po_buf_append_cstr(
        out, "\n`population.csv` lists every clause tested or not; `runs/` holds the newest "
             "run of each with its proof; `gaps.md` says what is missing.\n");
    PO_TRY_LEAF(cx, po_buf_check(out), "the text is too large");
    return po_rc_ok();
}

static void gap_clauses(const struct po_evidence *evidence, po_id_list controls, size_t *gaps,
                        struct po_buf *out)
{
    for (size_t i = 0; i < controls.count; i++) {
        const struct po_control *control = &evidence->catalog->controls[controls.at[i]];
        for (size_t k = 0; k < control->clause_count; k++) {
            size_t position = (size_t)control->clause_first + k;
            const struct po_clause *clause = &evidence->catalog->clauses[position];
            const struct po_clause_result *result = &evidence->clauses[position];
            if (result->state == PO_CLAUSE_PASS) continue;
            (*gaps)++;
            po_buf_printf(out, "- **%.*s** %s: %.*s", PO_STR_ARG(clause->id),
                          po_clause_state_name(result->state), PO_STR_ARG(clause->text));
            if (result->reason.len > 0) po_buf_printf(out, " (%.*s)", PO_STR_ARG(result->reason));
            po_buf_append_char(out, '\n');
        }
    }
}

static PO_RC render_gaps(struct po_ctx *cx, const struct po_evidence *evidence,
                         const struct po_criterion *criterion, struct po_buf *out)
{
    size_t gaps = 0;
    po_buf_printf(out, "# Gaps of %.*s\n\n", PO_STR_ARG(criterion->id));
    gap_clauses(evidence, criterion->primary, &gaps, out);
    gap_clauses(evidence, criterion->supporting, &gaps, out);
    if (gaps == 0) po_buf_append_cstr(out, "Every clause passes at this position.\n");
    PO_TRY_LEAF(cx, po_buf_check(out), "the text is too large");
    return po_rc_ok();
}

static const struct po_pack_text texts[] = {
    {"README.md", render_readme}, {"gaps.md", render_gaps}, {"population.csv", render_population}};

const struct po_pack_text *po_pack_text_table(size_t *ret_count)
{
    *ret_count = sizeof texts / sizeof *texts;
    return texts;
}

PO_RC po_pack_scores(struct po_ctx *cx, const struct po_evidence *evidence, struct po_buf *out)
{
    struct po_as_of as_of = po_evidence_as_of(&evidence->at);
    PO_TRY(cx, po_scores_json(cx, evidence->catalog, &evidence->scores, &as_of, out));
    po_buf_append_char(out, '\n');
    PO_TRY_LEAF(cx, po_buf_check(out), "the scores are too large");
    return po_rc_ok();
}

PO_RC po_pack_readme(struct po_ctx *cx, const struct po_evidence *evidence, po_str origin,
                     struct po_buf *out)
{
    char time[PO_TIME_RFC3339_BYTES];
    po_time_format_s(evidence->at.time_us, time);
    po_buf_append_cstr(out, "# For your auditor\n\n");
    po_buf_printf(
        out,
        "This directory holds the evidence of one organisation's controls as of %s: %ld of "
        "%ld criteria met, self-assessed. It is readiness evidence, not an opinion; only a "
        "licensed firm attests.\n\n",
        time, (long)evidence->scores.criteria_met, (long)evidence->scores.criteria_in_scope);
    po_buf_append_cstr(
        out,
        "## What you are looking at\n\n"
        "Each control is split into clauses. A program tests a clause by machine and writes the "
        "result into a log that can only grow. Each result stands here as it was written, with a "
        "proof that it is in that log. Folders under `criteria/` follow the Trust Services "
        "Criteria; each says what passes, what does not, and what nobody tested.\n\n"
        "## How to check it\n\n"
        "1. Run `paulyops pack verify DIR` on your own machine. It needs no network and nothing "
        "from the organisation. Any changed byte is named.\n"
        "2. Alone, a pack proves only that it agrees with itself. Ask the organisation for the "
        "verifier key over a channel you trust and add `--vkey KEY`; or keep the file "
        "`log/checkpoint` of an earlier visit and add `--against FILE`: a log rewritten since then "
        "cannot agree with it.\n"
        "3. The log is in the C2SP tlog-tiles format (`log/`), so that other tools can verify it "
        "too.\n"
        "4. Pick a clause: its event is plain JSON. Compare what it says with what you see on the "
        "system.\n\n"
        "## What it does not prove\n\n"
        "That the facts were read truthfully on the host; that a control works between two tests; "
        "that a later test would pass. The log is tamper-evident: whoever holds the host can write "
        "a false future, but cannot change a past that you have a checkpoint of.\n\n");
    po_buf_printf(out, "Log origin: `%.*s`, size %lu.\n", PO_STR_ARG(origin),
                  (unsigned long)evidence->at.size);
    PO_TRY_LEAF(cx, po_buf_check(out), "the text is too large");
    return po_rc_ok();
}

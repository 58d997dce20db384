/*
 * Claims versus evidence: each claiming line of a text against the facts recorded beside it.
 *
 * Invariants
 * 1. The overall word follows from the facts alone: one bad fact, or none at all, is NOT READY.
 * 2. A line without a fact about it is unproven, whatever it says.
 */
#include "claims_priv.h"
#include "report_priv.h"

const char *po_claim_verdict_name(enum po_claim_verdict verdict)
{
    static const char *const names[] = {"confirmed", "contradicted", "unproven"};
    return names[verdict];
}

static bool has_recorded(const struct po_claim_fact *fact, int64_t passing, int64_t total)
{
    for (size_t i = 0; i < fact->ratio_count; i++) {
        if (fact->ratios[i][0] == passing && fact->ratios[i][1] == total) return true;
    }
    return false;
}

/* What one fact says about one line: figures against figures, else good or bad against the mark. */
static bool confirms(const struct po_claim_fact *fact, const struct po_claim_line *line)
{
    if (fact->kind == PO_CLAIM_FACT_PERCENT && line->has_permille)
        return line->permille == fact->permille;
    if (fact->kind == PO_CLAIM_FACT_RATIO && line->has_ratio)
        return has_recorded(fact, line->passing, line->total);
    if (fact->kind == PO_CLAIM_FACT_COUNT && line->has_count) return line->count == fact->count;
    return po_claim_fact_is_good(fact) != line->is_negative;
}

static void append_evidence(const struct po_claim_fact *fact, struct po_buf *evidence)
{
    if (evidence->len > 0) po_buf_append(evidence, PO_LIT("; "));
    po_buf_append(evidence, fact->source);
    po_buf_append(evidence, PO_LIT(": "));
    po_buf_append(evidence, fact->says);
}

/* All facts about the line that agree with the verdict. */
static PO_RC collect_evidence(struct po_ctx *cx, const struct po_claim_facts *facts,
                              const struct po_claim_line *line, struct po_claim *claim)
{
    PO_BUF_AUTO evidence;
    po_buf_init(&evidence, PO_CLAIM_EVIDENCE_BYTES_MAX);
    for (size_t i = 0; i < facts->count; i++) {
        const struct po_claim_fact *fact = &facts->facts[i];
        if (po_claim_fact_is_about(fact, line->text) &&
            confirms(fact, line) == (claim->verdict == PO_CLAIM_CONFIRMED))
            append_evidence(fact, &evidence);
    }
    PO_TRY_LEAF(cx, po_buf_check(&evidence), "evidence of line %zu", line->line);
    PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&evidence), &claim->evidence),
                "out of request memory");
    return po_rc_ok();
}

/* One contradicting fact outweighs any number of confirming ones; only the deciding are shown. */
static PO_RC judge_line(struct po_ctx *cx, const struct po_claim_facts *facts,
                        const struct po_claim_line *line, struct po_claim *claim)
{
    size_t for_it = 0;
    size_t against = 0;
    for (size_t i = 0; i < facts->count; i++) {
        if (!po_claim_fact_is_about(&facts->facts[i], line->text)) continue;
        if (confirms(&facts->facts[i], line))
            for_it++;
        else
            against++;
    }
    *claim = (struct po_claim){.line = line->line,
                               .section = line->section,
                               .text = line->text,
                               .verdict = PO_CLAIM_UNPROVEN};
    if (for_it == 0 && against == 0) return po_rc_ok();
    claim->verdict = against > 0 ? PO_CLAIM_CONTRADICTED : PO_CLAIM_CONFIRMED;
    return collect_evidence(cx, facts, line, claim);
}

static PO_RC judge_facts(struct po_ctx *cx, const struct po_claim_facts *facts,
                         struct po_claims *claims)
{
    claims->why = PO_LIT("nothing was recorded");
    for (size_t i = 0; i < facts->count; i++) {
        if (po_claim_fact_is_good(&facts->facts[i])) continue;
        PO_BUF_AUTO why;
        po_buf_init(&why, PO_CLAIM_EVIDENCE_BYTES_MAX);
        append_evidence(&facts->facts[i], &why);
        PO_TRY_LEAF(cx, po_buf_check(&why), "the reason");
        PO_TRY_LEAF(cx, po_arena_copy(cx->arena, po_buf_str(&why), &claims->why),
                    "out of request memory");
        return po_rc_ok();
    }
    claims->is_ready = facts->count > 0;
    if (claims->is_ready) claims->why = PO_LIT("");
    return po_rc_ok();
}

PO_RC po_claims_compare(struct po_ctx *cx, po_str text, po_str facts, struct po_claims *ret_claims)
{
    struct po_claim_facts recorded;
    struct po_claim_line *lines = NULL;
    struct po_claim *rows = NULL;
    struct po_claims claims = {0};
    PO_TRY(cx, po_claim_facts_parse(cx, facts, &recorded));
    PO_TRY(cx, po_claims_read(cx, text, &lines, &claims.count));
    PO_ARENA_NEW(cx, rows, claims.count + 1);
    for (size_t i = 0; i < claims.count; i++) {
        PO_TRY(cx, judge_line(cx, &recorded, &lines[i], &rows[i]));
        if (rows[i].verdict == PO_CLAIM_CONFIRMED) claims.confirmed++;
        if (rows[i].verdict == PO_CLAIM_CONTRADICTED) claims.contradicted++;
        if (rows[i].verdict == PO_CLAIM_UNPROVEN) claims.unproven++;
    }
    claims.claims = rows;
    claims.subject = recorded.subject;
    PO_TRY(cx, judge_facts(cx, &recorded, &claims));
    *ret_claims = claims;
    return po_rc_ok();
}

static const char *verdict_mark(enum po_claim_verdict verdict)
{
    if (verdict == PO_CLAIM_CONFIRMED) return "✅ confirmed";
    return verdict == PO_CLAIM_CONTRADICTED ? "❌ contradicted" : "⏳ unproven";
}

PO_RC po_claims_markdown(struct po_ctx *cx, const struct po_claims *claims, struct po_buf *out)
{
    po_buf_append(out, PO_LIT("# Claims versus evidence — "));
    po_report_append_text(out, claims->subject);
    po_buf_append_cstr(out, claims->is_ready ? "\n\n**From the recorded facts:** ✅ READY"
                                             : "\n\n**From the recorded facts:** ❌ NOT READY");
    if (!claims->is_ready) {
        po_buf_append(out, PO_LIT(" ("));
        po_report_append_text(out, claims->why);
        po_buf_append_char(out, ')');
    }
    po_buf_printf(out, "\n**Claims:** %zu, of them %zu confirmed, %zu contradicted, %zu unproven\n",
                  claims->count, claims->confirmed, claims->contradicted, claims->unproven);
    po_buf_append(out, PO_LIT("\n| Line | Section | Claim | Verdict | Evidence |\n"
                              "|---:|---|---|---|---|\n"));
    for (size_t i = 0; i < claims->count; i++) {
        const struct po_claim *claim = &claims->claims[i];
        po_buf_printf(out, "| %zu | ", claim->line);
        po_report_append_text(out, claim->section);
        po_buf_append(out, PO_LIT(" | "));
        po_report_append_text(out, claim->text);
        po_buf_printf(out, " | %s | ", verdict_mark(claim->verdict));
        po_report_append_text(out, claim->evidence);
        po_buf_append(out, PO_LIT(" |\n"));
    }
    PO_TRY_LEAF(cx, po_buf_check(out), "writing the claims");
    return po_rc_ok();
}

PO_RC po_claims_json(struct po_ctx *cx, const struct po_claims *claims, struct po_buf *out)
{
    struct po_json_out json;
    po_json_out_init(&json, out, 0);
    po_json_out_object(&json);
    po_json_out_field(&json, "subject", claims->subject);
    po_json_out_field(&json, "word", claims->is_ready ? PO_LIT("READY") : PO_LIT("NOT READY"));
    po_json_out_field(&json, "why", claims->why);
    po_json_out_field_int(&json, "confirmed", (int64_t)claims->confirmed);
    po_json_out_field_int(&json, "contradicted", (int64_t)claims->contradicted);
    po_json_out_field_int(&json, "unproven", (int64_t)claims->unproven);
    po_json_out_key(&json, "claims");
    po_json_out_array(&json);
    for (size_t i = 0; i < claims->count; i++) {
        const struct po_claim *claim = &claims->claims[i];
        po_json_out_object(&json);
        po_json_out_field_int(&json, "line", (int64_t)claim->line);
        po_json_out_field(&json, "section", claim->section);
        po_json_out_field(&json, "claim", claim->text);
        po_json_out_field(&json, "verdict", po_str_of(po_claim_verdict_name(claim->verdict)));
        po_json_out_field(&json, "evidence", claim->evidence);
        po_json_out_object_end(&json);
    }
    po_json_out_array_end(&json);
    po_json_out_object_end(&json);
    PO_TRY_LEAF(cx, po_buf_check(out), "writing the claims");
    return po_rc_ok();
}

/*
 * Private to the claims comparison: lines of a text that claim something, and recorded facts.
 */
#ifndef PO_REPORT_CLAIMS_PRIV_H
#define PO_REPORT_CLAIMS_PRIV_H

#include "report/report.h"

#define PO_CLAIM_FACTS_MAX 512
#define PO_CLAIM_ABOUT_MAX 32
#define PO_CLAIM_RATIOS_MAX 64
#define PO_CLAIM_LINE_BYTES_MAX 2048
#define PO_CLAIM_EVIDENCE_BYTES_MAX ((size_t)64 << 10)

/* What one line says, with markup taken off. */
struct po_claim_line {
    size_t line;
    po_str section;
    po_str text;
    bool is_negative; /* the line itself says that it does not hold */
    bool has_permille;
    int64_t permille; /* its first percentage, or n/100 */
    bool has_ratio;
    int64_t passing; /* its first n/m with another m */
    int64_t total;
    bool has_count;
    int64_t count; /* its first other whole number */
};

/*
 * All claiming lines of `text`, in the arena. Plans (sections under a plan mark), code blocks,
 * headings and lines that only give a date or a place are none.
 */
PO_RC po_claims_read(struct po_ctx *cx, po_str text, struct po_claim_line **ret_lines,
                     size_t *ret_count);

enum po_claim_fact_kind {
    PO_CLAIM_FACT_STATE,
    PO_CLAIM_FACT_PERCENT,
    PO_CLAIM_FACT_RATIO,
    PO_CLAIM_FACT_COUNT
};
struct po_claim_fact {
    po_str id;
    po_str source;
    po_str says;
    const po_str *about; /* groups of words; a line is meant when it has all words of one group */
    size_t about_count;
    enum po_claim_fact_kind kind;
    bool holds;       /* state */
    int64_t permille; /* percent */
    int64_t ready_permille;
    int64_t ratios[PO_CLAIM_RATIOS_MAX][2]; /* ratio: every value recorded */
    size_t ratio_count;
    int64_t count; /* count */
    int64_t expect;
};
struct po_claim_facts {
    po_str subject;
    const struct po_claim_fact *facts;
    size_t count;
};
/* docs/spec/report.md 6.2; PO_INVALID names fact and member. */
PO_RC po_claim_facts_parse(struct po_ctx *cx, po_str json, struct po_claim_facts *ret_facts);
/* Whether what it records is good: it holds, reaches the threshold, is whole, is as expected. */
bool po_claim_fact_is_good(const struct po_claim_fact *fact);
/* `word` (not empty) stands at the start of a word of `text`, in any case of ASCII letters. */
bool po_claim_has_word(po_str text, po_str word);
bool po_claim_fact_is_about(const struct po_claim_fact *fact, po_str text);

#endif

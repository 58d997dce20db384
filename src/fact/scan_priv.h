/*
 * Find secrets and personal data in text, by hand-written rules with bounded work.
 *
 * A hit names its rule and line, never the text found. Every rule looks at most
 * PO_SCAN_TOKEN_BYTES_MAX bytes ahead, so cost is linear in the input.
 *
 * Limits   PO_SCAN_FILE_BYTES_MAX of a file, PO_SCAN_NEEDLES_MAX planted or known values
 */
#ifndef PO_FACT_SCAN_PRIV_H
#define PO_FACT_SCAN_PRIV_H

#include "fact_priv.h"

#include "core/secret.h"

#define PO_SCAN_TOKEN_BYTES_MAX 512
#define PO_SCAN_FILE_BYTES_MAX ((uint64_t)64 << 20)
#define PO_SCAN_NEEDLES_MAX 64
#define PO_SCAN_NEEDLE_BYTES_MIN 8
#define PO_SCAN_HITS_MAX 50
#define PO_SCAN_SUBJECT_BYTES_MAX 256

enum po_scan_rule {
    PO_SCAN_PRIVATE_KEY,  /* PEM, OpenSSH or age private key */
    PO_SCAN_CLOUD_KEY,    /* AWS, Google, Stripe, GitHub, Slack forms */
    PO_SCAN_BEARER,       /* "Bearer ..." and JSON web tokens */
    PO_SCAN_PASSWORD,     /* password=..., api_key: ... */
    PO_SCAN_URL_PASSWORD, /* scheme://user:password@host */
    PO_SCAN_EMAIL,
    PO_SCAN_CARD,        /* payment card number, Luhn-correct */
    PO_SCAN_KNOWN_VALUE, /* one of the needles */
    PO_SCAN_RULE_COUNT
};
const char *po_scan_rule_name(enum po_scan_rule rule);

struct po_scan_hit {
    enum po_scan_rule rule;
    const char *subject; /* what was scanned: a relative path; in the arena */
    uint64_t line;       /* 1-based */
};

/* One scan over many texts. Needles are borrowed. */
struct po_scan {
    const po_str *needles;
    size_t needle_count;
    uint64_t counts[PO_SCAN_RULE_COUNT];
    struct po_scan_hit hits[PO_SCAN_HITS_MAX];
    size_t hit_count; /* of `hits`; counts go on */
    uint64_t texts;
    uint64_t bytes;
};

uint64_t po_scan_total(const struct po_scan *scan);
/* Scan lines of a text held in memory. */
void po_scan_text(struct po_scan *scan, const char *subject, po_str text);
/* Scan a file; its state says whether it could be read whole. */
PO_RC po_scan_file(struct po_ctx *cx, struct po_scan *scan, const char *path, const char *subject,
                   enum po_fact_file *ret_state);
/* Does a secret of this kind start (PO_SCAN_EMAIL: have its '@') at byte `i` of the line? */
bool po_scan_can_start(char c); /* false: no rule matches at such a byte */
bool po_scan_rule_matches(enum po_scan_rule rule, po_str line, size_t i);
/* Add to *ret_hits how often the needles occur in a file's raw bytes. Needles are not empty. */
/* six parameters: a file, a list with its length, two results */
PO_RC po_scan_raw(struct po_ctx *cx, const char *path, const po_str *needles, size_t needle_count,
                  uint64_t *ret_hits, enum po_fact_file *ret_state);

/*
 * The values of config/.env that are secrets (by their names), to look for elsewhere. Held in
 * guarded memory; values shorter than PO_SCAN_NEEDLE_BYTES_MIN would match by chance and are left
 * out. No file is no needles.
 */
struct po_scan_needles {
    struct po_secret *secrets[PO_SCAN_NEEDLES_MAX];
    po_str values[PO_SCAN_NEEDLES_MAX];
    size_t count;
};
PO_RC po_scan_needles_read(struct po_ctx *cx, const struct po_fact_places *places,
                           struct po_scan_needles *ret_needles);
void po_scan_needles_done(struct po_scan_needles *needles);
#define PO_SCAN_NEEDLES_AUTO PO_CLEANUP(po_scan_needles_done) struct po_scan_needles

/* {"private_key":0,...} and the list of hits. */
void po_scan_put(struct po_json_out *out, const struct po_scan *scan);

#endif

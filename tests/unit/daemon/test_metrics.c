/* Counting, and the text for Prometheus. */
#include "daemon/metrics.h"

#include "lib/test.h"

static const char *text_of(struct po_buf *out, const struct po_metrics *metrics, po_str core)
{
    struct po_metrics_now now = {.is_ready = true, .flows = 3, .core = core};
    po_buf_init(out, PO_METRICS_TEXT_BYTES_MAX);
    po_metrics_write(metrics, &now, out);
    check_ok_leaf(po_buf_check(out));
    return out->ptr;
}

TEST(metrics__count_by_class_and_status)
{
    static struct po_metrics metrics;
    PO_BUF_AUTO out = {0};
    po_metrics_request(&metrics, PO_FRONT_CLASS_READ, 200, 400);
    po_metrics_request(&metrics, PO_FRONT_CLASS_READ, 200, 600);
    po_metrics_request(&metrics, PO_FRONT_CLASS_READ, 418, 2000001);
    po_metrics_request(&metrics, PO_FRONT_CLASS_AUTH, 429, -5);
    po_metrics_request(&metrics, (enum po_front_class)99, 200, 0);
    const char *text = text_of(&out, &metrics, PO_LIT(""));
    check_contains(text, "paulyops_http_requests_total{class=\"read\",status=\"200\"} 2\n");
    check_contains(text, "paulyops_http_requests_total{class=\"read\",status=\"other\"} 1\n");
    check_contains(text, "paulyops_http_requests_total{class=\"auth\",status=\"429\"} 1\n");
    check_contains(text, "paulyops_http_rate_limited_total{class=\"auth\"} 1\n");
    check_contains(text, "_bucket{class=\"read\",le=\"0.0005\"} 1\n");
    check_contains(text, "_bucket{class=\"read\",le=\"0.001\"} 2\n");
    check_contains(text, "_bucket{class=\"read\",le=\"1\"} 2\n");
    check_contains(text, "_bucket{class=\"read\",le=\"5\"} 3\n");
    check_contains(text, "_bucket{class=\"read\",le=\"+Inf\"} 3\n");
    check_contains(text, "_sum{class=\"read\"} 2.001001\n");
    check_contains(text, "_count{class=\"read\"} 3\n");
    check_contains(text, "\npaulyops_front_requests_waiting 3\n");
    check_that(po_metrics_is_text(po_buf_str(&out)));
}

TEST(metrics__a_bucket_holds_its_bound)
{
    static struct po_metrics metrics;
    PO_BUF_AUTO out = {0};
    po_metrics_request(&metrics, PO_FRONT_CLASS_READ, 200, 500);
    po_metrics_request(&metrics, PO_FRONT_CLASS_READ, 200, 501);
    check_contains(text_of(&out, &metrics, PO_LIT("")), "le=\"0.0005\"} 1\n");
}

TEST(metrics__lines_of_others_are_checked)
{
    static const struct {
        const char *name;
        const char *text;
        bool want;
    } ROWS[] = {
        {"none", "", true},
        {"sample", "paulyops_a 1\n", true},
        {"label", "paulyops_a{b=\"c\"} -1.5e3\n", true},
        {"help and type", "# HELP paulyops_a Words.\n# TYPE paulyops_a gauge\npaulyops_a 1\n",
         true},
        {"no end", "paulyops_a 1", false},
        {"not ours", "other_a 1\n", false},
        {"other comment", "# EOF\n", false},
        {"no value", "paulyops_a\n", false},
        {"no number", "paulyops_a x\n", false},
        {"open braces", "paulyops_a{b=\"c\" 1\n", false},
        {"empty line", "\n", false},
        {"control byte", "paulyops_a\t1\n", false},
        {"not ASCII", "paulyops_\xc3\xa4 1\n", false},
    };
    TEST_EACH(row, ROWS) { check_eq_int(po_metrics_is_text(po_str_of(row->text)), row->want); }
}

/*
 * The scanner for secrets over hostile text: it ends, counts one hit of a rule a line at most, and
 * finds in a line what it finds in the line alone.
 */
#include "fact/scan_priv.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void require(bool cond)
{
    if (!cond) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const po_str needle = PO_LIT("needle-1");
    struct po_scan whole = {.needles = &needle, .needle_count = 1};
    struct po_scan lines = {.needles = &needle, .needle_count = 1};
    if (size == 0 || size > 65536) return 0;
    char *copy = malloc(size);
    if (copy == NULL) return 0;
    memcpy(copy, data, size);
    po_str rest = po_str_n(copy, size);
    po_str line = {0};
    uint64_t count = 0;
    po_scan_text(&whole, "text", rest);
    while (po_str_next_line(&rest, &line)) {
        po_scan_text(&lines, "line", line);
        count++;
    }
    for (size_t i = 0; i < PO_SCAN_RULE_COUNT; i++) {
        require(whole.counts[i] <= count);
        require(whole.counts[i] == lines.counts[i]);
    }
    require(whole.hit_count <= PO_SCAN_HITS_MAX);
    free(copy);
    return 0;
}

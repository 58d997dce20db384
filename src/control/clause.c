/*
 * clauses.json: the pass sentences, split. A control's clauses are neighbours, numbered from 1, and
 * each quotes its part of the sentence; between the quotes only blanks, ',', ';' and "and" remain.
 */
#include "control/catalog_priv.h"

static PO_RC load_parts(struct po_ctx *cx, const struct po_json *root, struct po_catalog *catalog)
{
    static const char *const names[] = {"id", "text", NULL};
    const struct po_json *array = po_json_get(root, "parts");
    if (array->type != PO_JSON_ARRAY || array->count == 0)
        return PO_FAIL(cx, PO_INVALID, "file 'clauses.json': 'parts' is not a list with entries");
    if (array->count > PO_PARTS_MAX)
        return PO_FAIL(cx, PO_LIMIT, "file 'clauses.json': more than %d parts", PO_PARTS_MAX);
    struct po_part *parts = NULL;
    PO_ARENA_NEW(cx, parts, array->count);
    size_t n = 0;
    for (const struct po_json *v = array->first; v != NULL; v = v->next, n++) {
        struct po_ctl_object o = {v, "part", PO_LIT("?")};
        PO_TRY(cx, po_ctl_text(cx, &o, "id", &parts[n].id));
        o.id = parts[n].id;
        PO_TRY(cx, po_ctl_members(cx, &o, names));
        PO_TRY(cx, po_ctl_text(cx, &o, "text", &parts[n].text));
        PO_TRY(cx, po_ctl_index_add(cx, catalog->index->parts, &o, n));
    }
    catalog->parts = parts;
    catalog->part_count = n;
    return po_rc_ok();
}

/* "AUD-03.2" -> control "AUD-03", number 2. */
static PO_RC split_id(struct po_ctx *cx, const struct po_catalog *catalog, struct po_clause *clause)
{
    size_t dot = po_str_find_char(clause->id, '.', 0);
    uint64_t number = 0;
    po_str control = po_str_slice(clause->id, 0, dot);
    size_t position = po_ctl_index_find(catalog->index->controls, control);
    if (dot == SIZE_MAX || position == SIZE_MAX)
        return PO_FAIL(cx, PO_INVALID, "clause '%.*s' belongs to no known control",
                       PO_STR_ARG(clause->id));
    if (!po_is_ok(po_str_to_u64(po_str_slice(clause->id, dot + 1, clause->id.len), 999, &number)) ||
        number == 0)
        return PO_FAIL(cx, PO_INVALID, "clause '%.*s' has no number", PO_STR_ARG(clause->id));
    clause->control = (uint16_t)position;
    clause->number = (uint16_t)number;
    return po_rc_ok();
}

static PO_RC read_clause(struct po_ctx *cx, const struct po_catalog *catalog,
                         const struct po_json *v, struct po_clause *clause)
{
    static const char *const names[] = {"id", "text", "quote", "proof", "needs", NULL};
    struct po_ctl_object o = {v, "clause", PO_LIT("?")};
    PO_TRY(cx, po_ctl_text(cx, &o, "id", &clause->id));
    o.id = clause->id;
    PO_TRY(cx, po_ctl_members(cx, &o, names));
    PO_TRY(cx, po_ctl_text(cx, &o, "text", &clause->text));
    PO_TRY(cx, po_ctl_text(cx, &o, "quote", &clause->quote));
    size_t choice = 0;
    PO_TRY(cx, po_ctl_choice(cx, &o, "proof", po_ctl_proof_names, &choice));
    clause->proof = (enum po_proof_kind)choice;
    PO_TRY(cx, po_ctl_texts(cx, &o, "needs", &clause->needs, &clause->needs_count));
    if (clause->needs_count == 0)
        return PO_FAIL(cx, PO_INVALID, "clause '%.*s' needs nothing", PO_STR_ARG(clause->id));
    for (size_t i = 0; i < clause->needs_count; i++) {
        if (po_ctl_index_find(catalog->index->parts, clause->needs[i]) == SIZE_MAX)
            return PO_FAIL(cx, PO_INVALID, "clause '%.*s' needs unknown part '%.*s'",
                           PO_STR_ARG(clause->id), PO_STR_ARG(clause->needs[i]));
    }
    PO_TRY(cx, split_id(cx, catalog, clause));
    return po_rc_ok();
}

/* Clauses of one control stand together, numbered 1, 2, 3, ... */
static PO_RC attach_clause(struct po_ctx *cx, struct po_control *control,
                           const struct po_clause *clause, size_t position)
{
    if (control->clause_count == 0) control->clause_first = (uint16_t)position;
    if (control->clause_first + control->clause_count != (int)position ||
        clause->number != control->clause_count + 1)
        return PO_FAIL(cx, PO_INVALID, "clause '%.*s' is out of order or one before it is missing",
                       PO_STR_ARG(clause->id));
    control->clause_count++;
    return po_rc_ok();
}

static bool is_separator(po_str gap)
{
    while (gap.len > 0) {
        size_t take = gap.ptr[0] == ' ' || gap.ptr[0] == ',' || gap.ptr[0] == ';' ? 1 : 0;
        if (take == 0 && po_str_starts(gap, PO_LIT("and "))) take = sizeof "and " - 1;
        if (take == 0) return false;
        gap = po_str_slice(gap, take, gap.len);
    }
    return true;
}

/* The quotes, in order, make up the pass sentence. */
static PO_RC check_coverage(struct po_ctx *cx, const struct po_clause *clauses,
                            const struct po_control *control)
{
    if (control->clause_count == 0)
        return PO_FAIL(cx, PO_INVALID, "control '%.*s' has no clauses", PO_STR_ARG(control->id));
    size_t from = 0;
    for (size_t i = 0; i < control->clause_count; i++) {
        const struct po_clause *clause = &clauses[control->clause_first + i];
        size_t at = po_str_find(control->pass, clause->quote, from);
        if (at == SIZE_MAX)
            return PO_FAIL(cx, PO_INVALID,
                           "clause '%.*s' does not quote its control's pass sentence",
                           PO_STR_ARG(clause->id));
        if (!is_separator(po_str_slice(control->pass, from, at)))
            return PO_FAIL(cx, PO_INVALID,
                           "a part of the pass sentence before clause '%.*s' is "
                           "in no clause",
                           PO_STR_ARG(clause->id));
        from = at + clause->quote.len;
    }
    if (from != control->pass.len)
        return PO_FAIL(cx, PO_INVALID, "the end of control '%.*s''s pass sentence is in no clause",
                       PO_STR_ARG(control->id));
    return po_rc_ok();
}

PO_RC po_catalog_load_clauses(struct po_ctx *cx, po_str bytes, struct po_catalog *catalog)
{
    static const char *const file_names[] = {"count", "parts", "clauses", NULL};
    const struct po_json *root = NULL;
    const struct po_json *array = NULL;
    PO_TRY(cx,
           po_ctl_file(cx, bytes,
                       &(struct po_ctl_file){"clauses.json", file_names, "clauses", PO_CLAUSES_MAX},
                       &root, &array));
    PO_TRY(cx, load_parts(cx, root, catalog));
    struct po_clause *clauses = NULL;
    struct po_control *controls = NULL;
    PO_ARENA_NEW(cx, clauses, array->count);
    PO_ARENA_NEW(cx, controls, catalog->control_count);
    memcpy(controls, catalog->controls, catalog->control_count * sizeof *controls);
    size_t n = 0;
    for (const struct po_json *v = array->first; v != NULL; v = v->next, n++) {
        PO_TRY(cx, read_clause(cx, catalog, v, &clauses[n]));
        PO_TRY(cx, po_ctl_index_add(cx, catalog->index->clauses,
                                    &(struct po_ctl_object){v, "clause", clauses[n].id}, n));
        PO_TRY(cx, attach_clause(cx, &controls[clauses[n].control], &clauses[n], n));
    }
    for (size_t i = 0; i < catalog->control_count; i++)
        PO_TRY(cx, check_coverage(cx, clauses, &controls[i]));
    catalog->controls = controls;
    catalog->clauses = clauses;
    catalog->clause_count = n;
    return po_rc_ok();
}

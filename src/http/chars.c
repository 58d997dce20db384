/*
 * Classes of bytes, and the lists of tokens that several fields hold.
 */
#include "http/parse_priv.h"

#define K PO_HTTP_C_TOKEN
#define T PO_HTTP_C_TARGET
#define V PO_HTTP_C_VALUE
#define H PO_HTTP_C_HEX
#define N PO_HTTP_C_HOST
#define O PO_HTTP_C_OUT
#define C PO_HTTP_C_COOKIE

#define PRINT (V | O)

const uint8_t po_http_chars[256] = {
    ['\t'] = PRINT,
    [' '] = PRINT,
    ['!'] = PRINT | K | T | C,
    ['"'] = PRINT,
    ['#'] = PRINT | K | C,
    ['$'] = PRINT | K | T | C,
    ['%'] = PRINT | K | T | C,
    ['&'] = PRINT | K | T | C,
    ['\''] = PRINT | K | T | C,
    ['('] = PRINT | T | C,
    [')'] = PRINT | T | C,
    ['*'] = PRINT | K | T | C,
    ['+'] = PRINT | K | T | C,
    [','] = PRINT | T,
    ['-'] = PRINT | K | T | C | N,
    ['.'] = PRINT | K | T | C | N,
    ['/'] = PRINT | T | C,
    ['0' ... '9'] = PRINT | K | T | C | N | H,
    [':'] = PRINT | T | C,
    [';'] = PRINT | T,
    ['<'] = PRINT | C,
    ['='] = PRINT | T | C,
    ['>'] = PRINT | C,
    ['?'] = PRINT | T | C,
    ['@'] = PRINT | T | C,
    ['A' ... 'F'] = PRINT | K | T | C | N | H,
    ['G' ... 'Z'] = PRINT | K | T | C | N,
    ['['] = PRINT | T | C,
    ['\\'] = PRINT,
    [']'] = PRINT | T | C,
    ['^'] = PRINT | K | C,
    ['_'] = PRINT | K | T | C | N,
    ['`'] = PRINT | K | C,
    ['a' ... 'f'] = PRINT | K | T | C | N | H,
    ['g' ... 'z'] = PRINT | K | T | C | N,
    ['{'] = PRINT | C,
    ['|'] = PRINT | K | C,
    ['}'] = PRINT | C,
    ['~'] = PRINT | K | T | C,
    [0x80 ... 0xff] = V,
};

unsigned po_http_hex_value(char c)
{
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10u;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

bool po_http_eq_nocase(po_str a, const char *lower_text)
{
    if (a.len != strlen(lower_text)) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower_text[i]) return false;
    return true;
}

bool po_http_list_next(po_str *rest, po_str *ret_element)
{
    if (!po_str_next_field(rest, ',', ret_element)) return false;
    *ret_element = po_str_trim(*ret_element);
    return true;
}

bool po_http_list_has(po_str list, const char *lower_text)
{
    po_str element = {0};
    while (po_http_list_next(&list, &element))
        if (po_http_eq_nocase(element, lower_text)) return true;
    return false;
}

/* Library: the std/ modules: JSON, time as data, digests, text, versions, networks, statistics. */
#include "script/lib_fns_priv.h"

#include "core/codec.h"

#include <math.h>

static bool err_value(struct po_vm *vm, const char *kind, const char *message, struct po_val *ret)
{
    struct po_val error;
    return po_val_error(vm, po_str_of(kind), po_str_of(message), &error) &&
           po_val_enum(vm, PO_CTOR_ERR, error, ret);
}

/* ---- std/json --------------------------------------------------------------------------------- */

LIB(std_json_parse)
{
    struct po_val v;
    bool is_valid = false;
    if (!po_json_read(vm, po_text(a[0]), &v, &is_valid)) return false;
    if (!is_valid) return err_value(vm, "ParseError", "invalid JSON", ret);
    return po_val_enum(vm, PO_CTOR_OK, v, ret);
}

LIB(std_json_stringify)
{
    po_text_begin(vm);
    return po_json_write(vm, a[0], &vm->scratch) && po_text_end(vm, ret);
}

/* ---- std/time: seconds since 1970, UTC, no clock ---------------------------------------------- */

/* Civil date from days (Howard Hinnant's algorithm, restated). */
static void civil(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

LIB(std_format_iso)
{
    int64_t t = a[0].u.i;
    if (t < -62135596800 || t > 253402300799) {
        return po_raise(vm, "InvalidArgument", "time outside the years 1 to 9999");
    }
    int64_t days = t / 86400 - (t % 86400 < 0);
    unsigned rest = (unsigned)(t - days * 86400);
    int64_t y = 0;
    unsigned m = 0;
    unsigned d = 0;
    civil(days, &y, &m, &d);
    po_text_begin(vm);
    po_buf_printf(&vm->scratch, "%04d-%02u-%02uT%02u:%02u:%02uZ", (int)y, m, d, rest / 3600,
                  rest / 60 % 60, rest % 60);
    return po_text_end(vm, ret);
}

static bool digits(po_str s, size_t at, size_t n, unsigned *ret)
{
    *ret = 0;
    for (size_t i = at; i < at + n; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
        *ret = *ret * 10 + (unsigned)(s.ptr[i] - '0');
    }
    return true;
}

LIB(std_parse_iso)
{
    static const uint8_t lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    po_str s = po_text(a[0]);
    unsigned v[6] = {0};
    static const uint8_t at[] = {0, 5, 8, 11, 14, 17};
    bool is_good = s.len == 20 && s.ptr[4] == '-' && s.ptr[7] == '-' && s.ptr[10] == 'T' &&
                   s.ptr[13] == ':' && s.ptr[16] == ':' && s.ptr[19] == 'Z';
    for (size_t i = 0; i < 6 && is_good; i++) {
        is_good = digits(s, at[i], i == 0 ? 4 : 2, &v[i]);
    }
    is_good = is_good && v[0] >= 1 && v[1] >= 1 && v[1] <= 12 && v[2] >= 1 && v[3] < 24 &&
              v[4] < 60 && v[5] < 60;
    bool is_leap = v[0] % 4 == 0 && (v[0] % 100 != 0 || v[0] % 400 == 0);
    if (is_good) is_good = v[2] <= (unsigned)(v[1] == 2 && !is_leap ? 28 : lengths[v[1] - 1]);
    if (!is_good) return err_value(vm, "ParseError", "not an ISO 8601 time", ret);
    int64_t t = days_of(v[0], v[1], v[2]) * 86400 + v[3] * 3600 + v[4] * 60 + v[5];
    return po_val_enum(vm, PO_CTOR_OK, po_val_int(t), ret);
}

/* ---- std/crypto: by callback ------------------------------------------------------------------ */

static bool hex(struct po_vm *vm, const uint8_t bytes[static 32], struct po_val *ret)
{
    char text[65];
    po_hex_encode(bytes, 32, text);
    return po_val_str(vm, po_str_n(text, 64), ret);
}

LIB(std_sha256)
{
    uint8_t out[32];
    const struct po_script_crypto *crypto = vm->run->crypto;
    if (!po_charge_bytes(vm, po_len(a[0]) * 4ul)) return false;
    if (crypto == NULL || crypto->sha256 == NULL || !po_is_ok(crypto->sha256(po_text(a[0]), out))) {
        return po_raise(vm, "HostError", "SHA-256 is not available");
    }
    return hex(vm, out, ret);
}

LIB(std_hmac)
{
    uint8_t out[32];
    const struct po_script_crypto *crypto = vm->run->crypto;
    if (!po_charge_bytes(vm, po_len(a[1]) * 4ul)) return false;
    if (crypto == NULL || crypto->hmac_sha256 == NULL ||
        !po_is_ok(crypto->hmac_sha256(po_text(a[0]), po_text(a[1]), out))) {
        return po_raise(vm, "HostError", "HMAC is not available");
    }
    return hex(vm, out, ret);
}

LIB(std_equal)
{
    *ret = po_val_bool(po_str_eq_secret(po_text(a[0]), po_text(a[1])));
    return po_charge_bytes(vm, po_len(a[0]));
}

/* ---- std/text --------------------------------------------------------------------------------- */

LIB(std_matches)
{
    bool matches = false;
    bool is_good = po_glob_matches(vm, po_text(a[0]), po_text(a[1]), &matches);
    *ret = po_val_bool(matches);
    return is_good;
}

LIB(std_levenshtein)
{
    struct po_val x;
    struct po_val y;
    if (!po_val_iter(vm, a[0], &x) || !po_val_iter(vm, a[1], &y)) return false;
    uint32_t m = y.u.arr->count;
    uint32_t *row = po_heap_alloc(vm, (m + 1) * sizeof *row);
    if (row == NULL) return false;
    for (uint32_t j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (uint32_t i = 0; i < x.u.arr->count; i++) {
        uint32_t diagonal = row[0];
        row[0] = i + 1;
        if (!po_charge(vm, 1 + m / 4)) return false;
        for (uint32_t j = 0; j < m; j++) {
            bool is_same = po_str_eq(po_text(x.u.arr->items[i]), po_text(y.u.arr->items[j]));
            uint32_t cost = diagonal + !is_same;
            diagonal = row[j + 1];
            if (row[j + 1] + 1 < cost) cost = row[j + 1] + 1;
            if (row[j] + 1 < cost) cost = row[j] + 1;
            row[j + 1] = cost;
        }
    }
    return po_give(ret, po_val_int(row[m]));
}

/* ---- std/version ------------------------------------------------------------------------------ */

static bool is_number(po_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    }
    return s.len > 0;
}

/* Numbers without leading zeros: the longer is greater. */
static int compare_numbers(po_str x, po_str y)
{
    while (x.len > 1 && x.ptr[0] == '0') {
        x = po_str_slice(x, 1, x.len);
    }
    while (y.len > 1 && y.ptr[0] == '0') {
        y = po_str_slice(y, 1, y.len);
    }
    if (x.len != y.len) return x.len < y.len ? -1 : 1;
    int c = po_str_cmp(x, y);
    return (c > 0) - (c < 0);
}

static bool valid_part(po_str s, bool is_core)
{
    bool number = is_number(s);
    if (is_core || number) return number && !(s.len > 1 && s.ptr[0] == '0');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_good =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        if (!is_good) return false;
    }
    return s.len > 0;
}

/* Dot-separated parts; prerelease numbers are below words. */
static bool compare_parts(po_str x, po_str y, bool is_core, int *ret)
{
    po_str p = {NULL, 0};
    po_str q = {NULL, 0};
    *ret = 0;
    for (unsigned count = 0;; count++) {
        bool has_x = po_str_next_field(&x, '.', &p);
        bool has_y = po_str_next_field(&y, '.', &q);
        if (!has_x && !has_y) return !is_core || count == 3;
        if ((has_x && !valid_part(p, is_core)) || (has_y && !valid_part(q, is_core))) return false;
        if (is_core && has_x != has_y) return false;
        if (*ret != 0) continue;
        if (has_x != has_y) {
            *ret = has_x ? 1 : -1;
        } else if (is_number(p) && is_number(q)) {
            *ret = compare_numbers(p, q);
        } else if (is_number(p) != is_number(q)) {
            *ret = is_number(p) ? -1 : 1;
        } else {
            int c = po_str_cmp(p, q);
            *ret = (c > 0) - (c < 0);
        }
    }
}

static po_str cut_at(po_str *s, char ch)
{
    size_t at = po_str_find_char(*s, ch, 0);
    po_str tail = at == SIZE_MAX ? (po_str){NULL, 0} : po_str_slice(*s, at + 1, s->len);
    if (at != SIZE_MAX) *s = po_str_slice(*s, 0, at);
    return tail;
}

LIB(std_semver)
{
    po_str x = po_text(a[0]);
    po_str y = po_text(a[1]);
    (void)cut_at(&x, '+');
    (void)cut_at(&y, '+');
    po_str pre_x = cut_at(&x, '-');
    po_str pre_y = cut_at(&y, '-');
    int c = 0;
    int pre = 0;
    bool is_good = compare_parts(x, y, true, &c) && compare_parts(pre_x, pre_y, false, &pre);
    if (!is_good || !po_charge_bytes(vm, po_len(a[0]) + po_len(a[1]))) {
        return err_value(vm, "ParseError", "not a semantic version", ret);
    }
    bool has_x = pre_x.len > 0;
    bool has_y = pre_y.len > 0;
    if (has_x != has_y) pre = has_x ? -1 : 1;
    return po_val_enum(vm, PO_CTOR_OK, po_val_int(c != 0 ? c : pre), ret);
}

static bool is_ascii_digit(char ch) { return ch >= '0' && ch <= '9'; }

/* Debian policy 5.6.12: '~' before the end, the end before letters, letters before the rest. */
static int char_weight(po_str s, size_t at)
{
    if (at >= s.len || is_ascii_digit(s.ptr[at])) return 0;
    char ch = s.ptr[at];
    if (ch == '~') return -1;
    bool is_letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
    return is_letter ? (uint8_t)ch : (uint8_t)ch + 256;
}

static int dpkg_part(po_str x, po_str y)
{
    size_t i = 0;
    size_t j = 0;
    while (i < x.len || j < y.len) {
        while ((i < x.len && !is_ascii_digit(x.ptr[i])) ||
               (j < y.len && !is_ascii_digit(y.ptr[j]))) {
            int wx = char_weight(x, i);
            int wy = char_weight(y, j);
            if (wx != wy) return wx < wy ? -1 : 1;
            i++;
            j++;
        }
        size_t from_i = i;
        size_t from_j = j;
        while (i < x.len && is_ascii_digit(x.ptr[i])) {
            i++;
        }
        while (j < y.len && is_ascii_digit(y.ptr[j])) {
            j++;
        }
        po_str nx = i > from_i ? po_str_slice(x, from_i, i) : PO_LIT("0");
        po_str ny = j > from_j ? po_str_slice(y, from_j, j) : PO_LIT("0");
        int c = compare_numbers(nx, ny);
        if (c != 0) return c;
    }
    return 0;
}

static void dpkg_split(po_str v, po_str *epoch, po_str *upstream, po_str *revision)
{
    size_t colon = po_str_find_char(v, ':', 0);
    *epoch = colon == SIZE_MAX ? PO_LIT("0") : po_str_slice(v, 0, colon);
    if (colon != SIZE_MAX) v = po_str_slice(v, colon + 1, v.len);
    size_t dash = v.len;
    while (dash > 0 && v.ptr[dash - 1] != '-') {
        dash--;
    }
    *revision = dash > 0 ? po_str_slice(v, dash, v.len) : PO_LIT("0");
    *upstream = dash > 0 ? po_str_slice(v, 0, dash - 1) : v;
}

LIB(std_dpkg)
{
    po_str x[3];
    po_str y[3];
    int c = 0;
    if (!po_charge_bytes(vm, po_len(a[0]) + po_len(a[1]))) return false;
    dpkg_split(po_text(a[0]), &x[0], &x[1], &x[2]);
    dpkg_split(po_text(a[1]), &y[0], &y[1], &y[2]);
    for (size_t i = 0; i < 3 && c == 0; i++) {
        c = dpkg_part(x[i], y[i]);
    }
    return po_give(ret, po_val_int(c));
}

/* ---- std/net ---------------------------------------------------------------------------------- */

static bool parse_ipv4(po_str s, uint8_t out[static 16], unsigned *bits)
{
    po_str part = {NULL, 0};
    size_t n = 0;
    *bits = 32;
    while (po_str_next_field(&s, '.', &part)) {
        uint64_t v = 0;
        if (n == 4 || !po_is_ok(po_str_to_u64(part, 255, &v))) return false;
        out[n++] = (uint8_t)v;
    }
    return n == 4;
}

static bool parse_group(po_str s, uint16_t *ret)
{
    unsigned v = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return false;
        v = v * 16 + (unsigned)d;
    }
    *ret = (uint16_t)v;
    return s.len > 0 && s.len <= 4;
}

static bool parse_groups(po_str s, uint16_t *groups, size_t max, size_t *n)
{
    po_str part = {NULL, 0};
    *n = 0;
    while (s.len > 0 && po_str_next_field(&s, ':', &part)) {
        if (*n == max || !parse_group(part, &groups[(*n)++])) return false;
    }
    return true;
}

static bool parse_ipv6(po_str s, uint8_t out[static 16], unsigned *bits)
{
    uint16_t groups[8] = {0};
    uint16_t tail[8] = {0};
    size_t n = 0;
    size_t m = 0;
    *bits = 128;
    if (s.len > 39 || (s.len > 0 && s.ptr[s.len - 1] == ':' && !po_str_ends(s, PO_LIT("::"))))
        return false;
    size_t gap = po_str_find(s, PO_LIT("::"), 0);
    po_str head = gap == SIZE_MAX ? s : po_str_slice(s, 0, gap);
    po_str rest = gap == SIZE_MAX ? (po_str){NULL, 0} : po_str_slice(s, gap + 2, s.len);
    if (!parse_groups(head, groups, 8, &n) || !parse_groups(rest, tail, 8, &m)) return false;
    if (gap == SIZE_MAX ? n != 8 : n + m > 7) return false;
    for (size_t i = 0; i < m; i++) {
        groups[8 - m + i] = tail[i];
    }
    for (size_t i = 0; i < 8; i++) {
        out[2 * i] = (uint8_t)(groups[i] >> 8);
        out[2 * i + 1] = (uint8_t)groups[i];
    }
    return true;
}

static bool parse_address(po_str s, uint8_t out[static 16], unsigned *bits)
{
    bool is_v6 = po_str_find_char(s, ':', 0) != SIZE_MAX;
    return is_v6 ? parse_ipv6(s, out, bits) : parse_ipv4(s, out, bits);
}

LIB(std_cidr)
{
    po_str net = po_text(a[0]);
    po_str prefix_text = cut_at(&net, '/');
    uint8_t x[16] = {0};
    uint8_t y[16] = {0};
    unsigned x_bits = 0;
    unsigned y_bits = 0;
    uint64_t prefix = 0;
    bool is_good = parse_address(net, x, &x_bits) && parse_address(po_text(a[1]), y, &y_bits) &&
                   po_is_ok(po_str_to_u64(prefix_text, x_bits, &prefix));
    if (!is_good) return err_value(vm, "ParseError", "not a network and an address", ret);
    bool holds = x_bits == y_bits;
    for (uint64_t i = 0; i < prefix && holds; i++) {
        holds = ((x[i / 8] ^ y[i / 8]) >> (7 - i % 8) & 1) == 0;
    }
    return po_val_enum(vm, PO_CTOR_OK, po_val_bool(holds), ret);
}

/* ---- std/stats -------------------------------------------------------------------------------- */

static bool floats(struct po_vm *vm, const struct po_array *arr)
{
    if (arr->count == 0) return po_raise(vm, "InvalidArgument", "no values");
    for (uint32_t i = 0; i < arr->count; i++) {
        if (arr->items[i].tag != V_FLOAT) return po_vm_mismatch(vm, arr->items[i], V_FLOAT);
    }
    return po_charge(vm, 1 + arr->count / 4);
}

static double mean_of(const struct po_array *arr)
{
    double sum = 0;
    for (uint32_t i = 0; i < arr->count; i++) {
        sum += arr->items[i].u.f;
    }
    return sum / arr->count;
}

LIB(std_mean) { return floats(vm, a[0].u.arr) && po_val_finite(vm, mean_of(a[0].u.arr), ret); }

/* Linear between the two nearest ranks, p in 0..100. */
LIB(std_percentile)
{
    struct po_val sorted;
    double p = a[1].u.f;
    if (!floats(vm, a[0].u.arr)) return false;
    if (p < 0 || p > 100) return po_raise(vm, "InvalidArgument", "percentile outside 0..100");
    if (!po_lib_arr_sort(vm, a, 1, &sorted)) return false;
    const struct po_array *arr = sorted.u.arr;
    double rank = p / 100.0 * (arr->count - 1);
    uint32_t low = (uint32_t)rank;
    uint32_t high = low + 1 < arr->count ? low + 1 : low;
    double at = rank - low;
    return po_val_finite(
        vm, arr->items[low].u.f + (arr->items[high].u.f - arr->items[low].u.f) * at, ret);
}

/* Least squares of ys over xs; 0 when all xs are equal. */
LIB(std_slope)
{
    const struct po_array *x = a[0].u.arr;
    const struct po_array *y = a[1].u.arr;
    if (!floats(vm, x) || !floats(vm, y)) return false;
    if (x->count != y->count) return po_raise(vm, "InvalidArgument", "xs and ys differ in length");
    double mx = mean_of(x);
    double my = mean_of(y);
    double sxy = 0;
    double sxx = 0;
    for (uint32_t i = 0; i < x->count; i++) {
        double dx = x->items[i].u.f - mx;
        sxy += dx * (y->items[i].u.f - my);
        sxx += dx * dx;
    }
    return po_val_finite(vm, sxx == 0 ? 0 : sxy / sxx, ret);
}

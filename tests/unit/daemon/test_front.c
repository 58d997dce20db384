/* The front's judgements: options, classes, clients, credentials in addresses. */
#include "daemon/front_priv.h"

#include "lib/test.h"

#include <stdio.h>

/* ---- options ------------------------------------------------------------------------------------------- */

TEST(front_options__have_defaults)
{
    TEST_CX(cx);
    struct po_front_options options;
    check_ok(cx, po_front_options_read(cx, 0, NULL, &options));
    check_eq_u64(options.listener_count, 2);
    check_eq_cstr(options.listeners[0].text, "127.0.0.1");
    check_eq_int(options.listeners[0].port, 7443);
    check_that(options.listeners[0].is_tls && options.listeners[0].tag == PO_FRONT_PUBLIC);
    check_eq_int(options.listeners[1].port, 7444);
    check_that(!options.listeners[1].is_tls && options.listeners[1].tag == PO_FRONT_MANAGEMENT);
    check_eq_u64(options.rate_percent, 100);
}

TEST(front_options__are_read)
{
    TEST_CX(cx);
    struct po_front_options options;
    static char texts[][40] = {"--home=/h",
                               "--listen=[::]:443",
                               "--listen=0.0.0.0:444",
                               "--plain=/run/s",
                               "--plain=127.9.0.1:80",
                               "--management=none",
                               "--cert=/c",
                               "--key=/k",
                               "--name=a.example",
                               "--state=/s",
                               "--trusted-proxy=unix",
                               "--trusted-proxy=2001:DB8:0::1",
                               "--rate-percent=5"};
    char *argv[sizeof texts / sizeof *texts];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        argv[i] = texts[i];
    check_ok(cx, po_front_options_read(cx, sizeof argv / sizeof *argv, argv, &options));
    check_eq_u64(options.listener_count, 4);
    check_eq_cstr(options.listeners[0].text, "::");
    check_that(options.listeners[2].is_unix && !options.listeners[2].is_tls);
    check_eq_cstr(options.listeners[2].text, "/run/s");
    check_that(!options.listeners[3].is_tls);
    check_eq_cstr(options.tls.key_path, "/k");
    check_eq_cstr(options.state, "/s");
    check_eq_cstr(options.home, "/h");
    check_eq_u64(options.proxy_count, 2);
    check_that(po_front_is_trusted(&options, PO_LIT("2001:db8::1")));
    check_that(po_front_is_trusted(&options, PO_LIT("unix")));
    check_that(!po_front_is_trusted(&options, PO_LIT("")));
    check_that(!po_front_is_trusted(&options, PO_LIT("2001:db8::12")));
    check_eq_str(options.names[0], "a.example");
    check_eq_u64(options.rate_percent, 5);
}

TEST(front_options__refuse_what_would_expose_or_means_nothing)
{
    static const struct {
        const char *name;
        const char *argument;
    } ROWS[] = {
        {"plain to the world", "--plain=0.0.0.0:80"},
        {"plain to a network", "--plain=192.0.2.1:80"},
        {"plain to IPv6", "--plain=[2001:db8::1]:80"},
        {"metrics to the world", "--management=0.0.0.0:7444"},
        {"no port", "--listen=127.0.0.1"},
        {"port too large", "--listen=127.0.0.1:65536"},
        {"port signed", "--listen=127.0.0.1:+1"},
        {"a name", "--listen=localhost:1"},
        {"IPv6 without brackets", "--listen=::1:1"},
        {"IPv4 in brackets", "--listen=[127.0.0.1]:1"},
        {"nothing", "--listen=:1"},
        {"no value", "--listen"},
        {"unknown", "--what=1"},
        {"prefix of one", "--list=127.0.0.1:1"},
        {"proxy by name", "--trusted-proxy=proxy.example"},
        {"no rate", "--rate-percent=0"},
        {"half a certificate", "--cert=/c"},
    };
    TEST_EACH(row, ROWS)
    {
        TEST_CX(cx);
        struct po_front_options options;
        char text[64];
        char *argv[] = {text};
        (void)snprintf(text, sizeof text, "%s", row->argument);
        check_fails(cx, po_front_options_read(cx, 1, argv, &options), PO_USAGE);
    }
}

TEST(front_options__know_this_machine)
{
    check_that(po_front_address_is_loopback("127.0.0.1"));
    check_that(po_front_address_is_loopback("127.255.0.9"));
    check_that(po_front_address_is_loopback("::1"));
    check_that(!po_front_address_is_loopback("128.0.0.1"));
    check_that(!po_front_address_is_loopback("::ffff:127.0.0.1"));
    check_that(!po_front_address_is_loopback("localhost"));
}

/* ---- classes ------------------------------------------------------------------------------------------- */

TEST(front_class__follows_path_and_method)
{
    static const struct {
        const char *name;
        enum po_http_method method;
        const char *path;
        enum po_front_class want;
    } ROWS[] = {
        {"page", PO_HTTP_GET, "/signin", PO_FRONT_CLASS_PAGE},
        {"no api", PO_HTTP_POST, "/apiary", PO_FRONT_CLASS_PAGE},
        {"read", PO_HTTP_GET, "/api/v1/controls", PO_FRONT_CLASS_READ},
        {"own session", PO_HTTP_GET, "/api/v1/auth/session", PO_FRONT_CLASS_READ},
        {"sign in", PO_HTTP_POST, "/api/v1/auth/signin", PO_FRONT_CLASS_AUTH},
        {"not auth", PO_HTTP_POST, "/api/v1/authors", PO_FRONT_CLASS_WRITE},
        {"write", PO_HTTP_DELETE, "/api/v1/users/x", PO_FRONT_CLASS_WRITE},
        {"stream", PO_HTTP_GET, "/api/v1/stream", PO_FRONT_CLASS_STREAM},
    };
    TEST_EACH(row, ROWS)
    {
        check_eq_int(po_front_class_of(row->method, po_str_of(row->path)), row->want);
    }
}

/* ---- who asks ------------------------------------------------------------------------------------------ */

TEST(front_client__is_the_last_that_no_trusted_proxy_vouches_for)
{
    static const struct {
        const char *name;
        const char *peer;
        const char *forwarded;
        const char *want; /* NULL: malformed */
    } ROWS[] = {
        {"no proxy", "192.0.2.7", "203.0.113.1", "192.0.2.7"},
        {"nothing said", "10.0.0.1", "", "10.0.0.1"},
        {"one", "10.0.0.1", "203.0.113.1", "203.0.113.1"},
        {"the client lies", "10.0.0.1", "127.0.0.1, 203.0.113.1", "203.0.113.1"},
        {"two proxies", "10.0.0.1", "203.0.113.1 ,unix,10.0.0.1", NULL},
        {"a chain", "unix", "198.51.100.1, 203.0.113.1, 10.0.0.1", "203.0.113.1"},
        {"all trusted", "unix", "10.0.0.1", "10.0.0.1"},
        {"IPv6", "unix", "2001:db8::1", "2001:db8::1"},
        {"nonsense", "10.0.0.1", "nobody", NULL},
        {"empty element", "10.0.0.1", "203.0.113.1,", NULL},
        {"IPv6 in another spelling", "unix", "2001:DB8:0::1", NULL},
        {"IPv4 in another spelling", "unix", "010.0.0.1", NULL},
        {"with a port", "10.0.0.1", "203.0.113.1:80", NULL},
    };
    struct po_front_options options = {.proxies = {"10.0.0.1", "unix"}, .proxy_count = 2};
    TEST_EACH(row, ROWS)
    {
        po_str client = {0};
        bool is_clear =
            po_front_client_of(&options, po_str_of(row->peer), po_str_of(row->forwarded), &client);
        check_eq_int(is_clear, row->want != NULL);
        if (row->want != NULL) check_eq_str(client, row->want);
    }
}

/* ---- credentials in addresses -------------------------------------------------------------------------- */

TEST(front_query__credentials_are_found_in_every_spelling)
{
    static const struct {
        const char *name;
        const char *query;
        bool want;
    } ROWS[] = {
        {"none", "", false},
        {"ordinary", "limit=10&cursor=abc&state=open", false},
        {"flag", "token", true},
        {"token", "limit=1&token=x", true},
        {"upper case", "ToKeN=x", true},
        {"encoded name", "%74%6f%6b%65%6e=x", true},
        {"our prefix in a value", "q=x%20pot_9", true},
        {"our prefix in a name", "pot_9", true},
        {"a name that only begins so", "tokens=3", false},
        {"bad triplet", "a=%zz", true},
        {"control byte", "a=%0a", true},
        {"not UTF-8", "a=%c3", true},
        {"behind many", "a&b&c&d&e&f&g&h&password=1", true},
    };
    TEST_EACH(row, ROWS)
    {
        TEST_CX(cx);
        check_eq_int(po_front_query_has_secret(cx, po_str_of(row->query)), row->want);
    }
}

/* ---- figures of core ----------------------------------------------------------------------------------- */

TEST(front_figures__are_numbers_and_truth_values_by_name)
{
    TEST_CX(cx);
    PO_BUF_AUTO out = {0};
    po_buf_init(&out, 1 << 16);
    po_front_figures(
        cx,
        PO_LIT("{\"a\":1,\"B-c\":-2,\"d\":{\"e\":true,\"f\":{\"g\":3}},\"t\":\"x\",\"l\":[4],"
               "\"n\":null,\"\":5,\"r\":1.5}"),
        &out);
    check_ok_leaf(po_buf_check(&out));
    check_contains(out.ptr, "\npaulyops_core_a 1\n");
    check_contains(out.ptr, "\npaulyops_core___c -2\n");
    check_contains(out.ptr, "\npaulyops_core_d_e 1\n");
    check_contains(out.ptr, "\npaulyops_core_d_f_g 3\n");
    check_that(po_str_find(po_buf_str(&out), PO_LIT("core_t"), 0) == SIZE_MAX);
    check_that(po_str_find(po_buf_str(&out), PO_LIT("core_l"), 0) == SIZE_MAX);
    check_that(po_metrics_is_text(po_buf_str(&out)));
}

TEST(front_figures__of_a_broken_core_are_none)
{
    static const struct {
        const char *name;
        const char *json;
    } ROWS[] = {{"nothing", ""}, {"half", "{\"a\":"}, {"list", "[1]"}, {"number", "7"}};
    TEST_EACH(row, ROWS)
    {
        TEST_CX(cx);
        PO_BUF_AUTO out = {0};
        po_buf_init(&out, 1 << 16);
        po_front_figures(cx, po_str_of(row->json), &out);
        check_eq_u64(out.len, 0);
    }
}

/* ---- pages --------------------------------------------------------------------------------------------- */

TEST(front_pages__are_all_in_the_build_and_name_nothing_else)
{
    TEST_CX(cx);
    static struct po_pages pages;
    check_ok(cx, po_pages_init(cx, &pages));
    check_that(po_pages_find(&pages, PO_LIT("/signin")) != NULL);
    check_that(po_pages_find(&pages, PO_LIT("/signin/")) == NULL);
    check_that(po_pages_find(&pages, PO_LIT("/web/")) == NULL);
    for (size_t i = 0; i < pages.count; i++) {
        const struct po_page *page = &pages.all[i];
        po_str text = page->asset.identity;
        test_row(page->path.ptr);
        check_that(text.len > 0 && strlen(page->asset.etag) == 32);
        if (!page->is_document) continue;
        check_that(po_str_find(text, PO_LIT("style="), 0) == SIZE_MAX);
        check_that(po_str_find(text, PO_LIT("<style"), 0) == SIZE_MAX);
        check_that(po_str_find(text, PO_LIT("http://"), 0) == SIZE_MAX);
        check_that(po_str_find(text, PO_LIT("https://"), 0) == SIZE_MAX);
        check_that(po_str_find(text, PO_LIT("<script>"), 0) == SIZE_MAX);
        check_that(po_str_find(text, PO_LIT(" onclick"), 0) == SIZE_MAX);
    }
    test_row(NULL);
}

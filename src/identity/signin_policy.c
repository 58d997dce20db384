/*
 * What sign-in goes by: options and flag, and the keyed tokens under which attempts are counted.
 */
#include "core/cfg.h"
#include "core/flags.h"
#include "home/home.h"
#include "identity/credential_priv.h"

#include <arpa/inet.h>
#include <stdio.h>

#define ISSUER_BYTES_MAX 64
#define IPV4_BYTES 4
#define IPV6_BYTES 16
#define IPV4_MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff"
#define IPV4_MAPPED_BYTES 12

/* At most ISSUER_BYTES_MAX bytes, not cut inside a character. */
static po_str cut_issuer(po_str name)
{
    size_t len = name.len < ISSUER_BYTES_MAX ? name.len : ISSUER_BYTES_MAX;
    while (len > 0 && len < name.len && ((unsigned char)name.ptr[len] & 0xc0) == 0x80)
        len--;
    return po_str_slice(name, 0, len);
}

/* ORG_NAME is the organisation that runs the instance: others do not learn it here. */
struct po_credential_policy po_credential_policy_get(const struct po_ctx *cx, struct po_home *home)
{
    const struct po_cfg *cfg = po_home_cfg(home);
    bool is_default = cx->tenant.value == PO_TENANT_DEFAULT.value;
    po_str organisation = is_default ? po_cfg_str(cfg, PO_CFG_ORG_NAME) : PO_LIT("");
    return (struct po_credential_policy){
        .cost = {.memory_kib = (uint32_t)po_cfg_int(cfg, PO_CFG_PASSWORD_MEMORY_MIB) << 10,
                 .passes = (uint32_t)po_cfg_int(cfg, PO_CFG_PASSWORD_PASSES)},
        .chars_min = (size_t)po_cfg_int(cfg, PO_CFG_PASSWORD_CHARS_MIN),
        .is_mfa_required = po_flags_bool(po_home_flags(home), PO_FLAG_MFA_REQUIRED),
        .issuer = organisation.len > 0 ? cut_issuer(organisation) : PO_LIT("PaulyOps"),
        .organisation = organisation};
}

po_rc po_password_check_for(struct po_ctx *cx, struct po_home *home, const struct po_user *user,
                            po_str password)
{
    const struct po_credential_policy policy = po_credential_policy_get(cx, home);
    const po_str words[] = {user->name, user->email, policy.organisation};
    const struct po_password_rules rules = {.chars_min = policy.chars_min,
                                            .words = words,
                                            .word_count = sizeof words / sizeof words[0]};
    return po_password_check(cx, password, &rules);
}

bool po_user_is_active(const struct po_user *user)
{
    return po_str_eq(user->state, PO_LIT("active")) && !user->is_service;
}

/* ---- sources ---------------------------------------------------------------------------------- */

static void write_ipv4(const uint8_t ip[static IPV4_BYTES],
                       char ret_source[static PO_SOURCE_TEXT_BYTES],
                       char ret_class[static PO_SOURCE_TEXT_BYTES])
{
    (void)snprintf(ret_source, PO_SOURCE_TEXT_BYTES, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    (void)snprintf(ret_class, PO_SOURCE_TEXT_BYTES, "%u.%u.%u.0/24", ip[0], ip[1], ip[2]);
}

static void write_ipv6(const uint8_t ip[static IPV6_BYTES],
                       char ret_source[static PO_SOURCE_TEXT_BYTES],
                       char ret_class[static PO_SOURCE_TEXT_BYTES])
{
    (void)snprintf(ret_source, PO_SOURCE_TEXT_BYTES, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64",
                   ip[0], ip[1], ip[2], ip[3], ip[4], ip[5], ip[6], ip[7]);
    (void)snprintf(ret_class, PO_SOURCE_TEXT_BYTES, "%02x%02x:%02x%02x:%02x%02x::/48", ip[0], ip[1],
                   ip[2], ip[3], ip[4], ip[5]);
}

void po_source_texts(po_str ip, char ret_source[static PO_SOURCE_TEXT_BYTES],
                     char ret_class[static PO_SOURCE_TEXT_BYTES])
{
    char text[PO_SOURCE_TEXT_BYTES] = "local";
    uint8_t bytes[IPV6_BYTES] = {0};
    size_t len = ip.len < sizeof text - 1 ? ip.len : sizeof text - 1;
    if (len > 0) {
        memcpy(text, ip.ptr, len);
        text[len] = '\0';
    }
    if (inet_pton(AF_INET, text, bytes) == 1) {
        write_ipv4(bytes, ret_source, ret_class);
        return;
    }
    if (inet_pton(AF_INET6, text, bytes) != 1) {
        memcpy(ret_source, text, sizeof text);
        memcpy(ret_class, text, sizeof text);
        return;
    }
    if (po_str_eq(po_str_n(bytes, IPV4_MAPPED_BYTES), po_str_n(IPV4_MAPPED, IPV4_MAPPED_BYTES)))
        write_ipv4(bytes + IPV4_MAPPED_BYTES, ret_source, ret_class);
    else
        write_ipv6(bytes, ret_source, ret_class);
}

po_str po_email_fold(po_str email, char room[static PO_EMAIL_BYTES_MAX])
{
    size_t len = email.len < PO_EMAIL_BYTES_MAX ? email.len : PO_EMAIL_BYTES_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = email.ptr[i];
        room[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return po_str_n(room, len);
}

static po_rc make_token(struct po_ctx *cx, struct po_home *home, const struct po_store_column *at,
                        po_str value, uint8_t out[static PO_KEY_TOKEN_BYTES])
{
    return po_store_token(cx, po_home_store(home), at, value, out);
}

static struct po_store_column place(po_tenant_id tenant, const char *column)
{
    return (struct po_store_column){.tenant = tenant, .table = "throttle", .column = column};
}

po_rc po_attempt_make(struct po_ctx *cx, struct po_home *home, po_str email,
                      struct po_attempt *ret_attempt)
{
    struct po_attempt attempt = {.has_account = email.len > 0};
    char room[PO_EMAIL_BYTES_MAX];
    char source[PO_SOURCE_TEXT_BYTES];
    char class[PO_SOURCE_TEXT_BYTES];
    const struct po_store_column account_at = place(cx->tenant, "account");
    const struct po_store_column source_at = place(PO_TENANT_DEFAULT, "source");
    const struct po_store_column class_at = place(PO_TENANT_DEFAULT, "class");
    po_source_texts(po_str_of(cx->ip), source, class);
    PO_TRY(cx, make_token(cx, home, &account_at, po_email_fold(email, room), attempt.account));
    PO_TRY(cx, make_token(cx, home, &source_at, po_str_of(source), attempt.source));
    PO_TRY(cx, make_token(cx, home, &class_at, po_str_of(class), attempt.source_class));
    *ret_attempt = attempt;
    return po_rc_ok();
}

/* Counted like an account, and nobody's: neither the tenant's nor the address's of the default one. */
po_rc po_attempt_make_stranger(struct po_ctx *cx, struct po_home *home, po_str tenant, po_str email,
                               struct po_attempt *ret_attempt)
{
    struct po_attempt attempt;
    char room[PO_EMAIL_BYTES_MAX];
    const struct po_store_column at = place(PO_TENANT_DEFAULT, "stranger");
    PO_BUF_AUTO both = {0};
    po_buf_init(&both, (size_t)2 * PO_EMAIL_BYTES_MAX);
    po_buf_append(&both, po_email_fold(tenant, room));
    po_buf_append_char(&both, '\n');
    po_buf_append(&both, po_email_fold(email, room));
    PO_TRY_LEAF(cx, po_buf_check(&both), "out of memory for an attempt");
    PO_TRY(cx, po_attempt_make(cx, home, email, &attempt));
    PO_TRY(cx, make_token(cx, home, &at, po_buf_str(&both), attempt.account));
    *ret_attempt = attempt;
    return po_rc_ok();
}

/*
 * The front: the role that strangers talk to. TLS and HTTP, the sign-in pages, static files, probes and
 * metrics; every other request goes to core as a frame, and its answer comes back as one.
 *
 * It holds no key but that of its certificate, opens no file of the home and no database, and core takes
 * it for hostile: whatever it decides here (rates, sizes, spellings) spares core work and is no access
 * decision.
 *
 * Limits   PO_FRONT_LISTENERS_MAX listeners, PO_FRONT_NAMES_MAX names in a certificate,
 *          PO_FRONT_PROXIES_MAX trusted proxies, PO_FRONT_FLOWS_MAX requests and streams at core
 * Threads  one
 * Source   docs/spec/front.md, docs/spec/daemon.md, docs/spec/http.md
 * Control  CC6.6 CC6.7
 */
#ifndef PO_DAEMON_FRONT_H
#define PO_DAEMON_FRONT_H

#include "core/ctx.h"
#include "http/http.h"

#define PO_FRONT_LISTENERS_MAX 8
#define PO_FRONT_NAMES_MAX 16
#define PO_FRONT_PROXIES_MAX 16
#define PO_FRONT_FLOWS_MAX 4096
#define PO_FRONT_ADDRESS_BYTES_MAX 128
#define PO_FRONT_READY_BYTES_MAX 2048 /* of what the READY frame says */
#define PO_FRONT_PORT 7443
#define PO_FRONT_MANAGEMENT_PORT 7444

/*
 * Options of `paulyops --role=front OPTION...` (po_front_role_run, daemon/daemon.h):
 *
 *   --home=DIR                  the home: used before the sandbox is up to find the state directory
 *   --state=DIR                 directory of the instance's keys, instead
 *   --listen=ADDRESS:PORT       TLS; several. ADDRESS is IPv4 or [IPv6]
 *   --plain=ADDRESS:PORT|/PATH  no TLS: a loopback address, or a unix socket at /PATH; several
 *   --management=ADDRESS:PORT   /livez /readyz /metrics: a loopback address, or "none"
 *   --cert=FILE --key=FILE      PEM; default tls/cert.pem, tls/key.pem of the state directory, made
 *                               when absent. Read again on RELOAD
 *   --name=NAME                 of a certificate that is made; several; default localhost
 *   --trusted-proxy=ADDRESS     whose X-Forwarded-For and -Proto are believed ("unix": the unix
 *                               sockets); several
 *   --rate-percent=N            of docs/spec/front.md's rates, 1 to 1000000; 100
 *
 * Default: TLS on 127.0.0.1:7443, management on 127.0.0.1:7444. Port 0 takes any free one. The READY
 * frame's MESSAGE holds a line for each address ("https://127.0.0.1:7443", "management http://...")
 * and "certificate SHA-256 AB:CD:...".
 */

/*
 * The certificate below `dir` (made when absent): `dir`/tls/cert.pem and key.pem, self-signed for
 * `names`. For the supervisor, before it starts the front.
 *
 * ret_tls          out  paths in cx's arena
 * ret_fingerprint  out  SHA-256, as browsers show it
 *
 * Errors   those of po_http_cert_create but PO_EXISTS; PO_INVALID one of the two files is missing
 */
PO_RC po_front_certificate(struct po_ctx *cx, const char *dir,
                           const struct po_http_cert_names *names, struct po_http_tls *ret_tls,
                           char ret_fingerprint[static PO_HTTP_FINGERPRINT_BYTES]);

#endif

/*
 * Start of the cryptography: what is fetched once and used ever after.
 *
 * Invariants
 *  1. OpenSSL looks an algorithm up by name only here; every use takes the fetched pointer.
 *  2. After po_crypto_init has succeeded once, the pointers never change.
 *
 * States   cold --po_crypto_init ok--> ready;  a failed start leaves it cold, and may be repeated.
 * Threads  the start is under a mutex; readers see `ready` last.
 */
#include "crypto/crypto_priv.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

static struct {
    pthread_mutex_t mutex;
    atomic_bool is_ready;
    EVP_MD *sha256;
    EVP_CIPHER *aes_256_gcm;
} algorithms = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool fetch_all(void)
{
    if (sodium_init() < 0) return false;
    if (algorithms.sha256 == NULL) algorithms.sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    if (algorithms.aes_256_gcm == NULL)
        algorithms.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    return algorithms.sha256 != NULL && algorithms.aes_256_gcm != NULL;
}

po_rc po_crypto_init(void)
{
    if (atomic_load_explicit(&algorithms.is_ready, memory_order_acquire)) return po_rc_ok();
    if (pthread_mutex_lock(&algorithms.mutex) != 0) return po_rc_of(PO_CRYPTO);
    bool is_ready = fetch_all();
    atomic_store_explicit(&algorithms.is_ready, is_ready, memory_order_release);
    (void)pthread_mutex_unlock(&algorithms.mutex);
    return po_rc_of(is_ready ? PO_OK : PO_CRYPTO);
}

const EVP_MD *po_crypto_sha256(void) { return algorithms.sha256; }

const EVP_CIPHER *po_crypto_aes_256_gcm(void) { return algorithms.aes_256_gcm; }

void po_wipe32(uint8_t (*bytes)[32]) { po_wipe(bytes, sizeof *bytes); }

void po_wipe64(uint8_t (*bytes)[64]) { po_wipe(bytes, sizeof *bytes); }

void po_wipe96(uint8_t (*bytes)[96]) { po_wipe(bytes, sizeof *bytes); }

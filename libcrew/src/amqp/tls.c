/* Files are read for each connection, so renewed certificates are used by the next
 * one. */
#include "amqp/tls.h"
#include "amqp/rabbitmq_c.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/time.h>

#define DEFAULT_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

const char *tls_error(void) {
    unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    return code != 0 ? ERR_reason_error_string(code) : NULL;
}

static const char *error_or(const char *fallback) {
    const char *reason = tls_error();
    return reason != NULL ? reason : fallback;
}

/* ---- certificate files ---- */

static bool load_ca(const struct crew_broker *b, amqp_socket_t *tls, char *error,
                    size_t error_bytes) {
    const char *file = b->ca_file != NULL ? b->ca_file : DEFAULT_CA_FILE;
    ERR_clear_error();
    if (amqp_ssl_socket_set_cacert(tls, file) != AMQP_STATUS_OK) {
        snprintf(error, error_bytes, "cannot use the CA file \"%s\": %s", file,
                 error_or("no certificate in it"));
        return false;
    }
    return true;
}

/* A key with a passphrase is refused: there is no way to ask for it. */
static bool load_client(const struct crew_broker *b, amqp_socket_t *tls, char *error,
                        size_t error_bytes) {
    if (b->cert_file == NULL || b->key_file == NULL)
        return true;
    ERR_clear_error();
    amqp_ssl_socket_set_key_passwd(tls, "");
    if (amqp_ssl_socket_set_key(tls, b->cert_file, b->key_file) != AMQP_STATUS_OK) {
        snprintf(error, error_bytes,
                 "cannot use the certificate \"%s\" with the key \"%s\": %s",
                 b->cert_file, b->key_file, error_or("unknown reason"));
        return false;
    }
    return true;
}

static bool load(const struct crew_broker *b, amqp_socket_t *tls, char *error,
                 size_t error_bytes) {
    return load_ca(b, tls, error, error_bytes) && load_client(b, tls, error, error_bytes);
}

static bool has_tls_url(const struct crew_broker *b) {
    for (size_t i = 0; i < b->url_count; i++)
        if (b->urls[i].tls)
            return true;
    return false;
}

int crew_broker_check(const crew_broker *broker, char *error, size_t error_bytes) {
    if (!has_tls_url(broker))
        return CREW_OK;
    amqp_connection_state_t c = amqp_new_connection();
    amqp_socket_t *tls = c != NULL ? amqp_ssl_socket_new(c) : NULL;
    bool usable = tls != NULL && load(broker, tls, error, error_bytes);
    if (c != NULL)
        amqp_destroy_connection(c);
    return usable ? CREW_OK : tls != NULL ? CREW_EMALFORMED : CREW_ENOMEM;
}

/* ---- the broker's certificate ---- */

/* X.509 error of the broker's certificate in the handshake on this thread; 0: none. */
static _Thread_local int peer_error;

static int on_verify(int ok, X509_STORE_CTX *context) {
    if (!ok)
        peer_error = X509_STORE_CTX_get_error(context);
    return ok;
}

/* OpenSSL compares the names: rabbitmq-c's own comparison does not support IP
 * addresses. */
static bool set_expected_host(SSL_CTX *context, const char *host) {
    X509_VERIFY_PARAM *p = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verify);
    return X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1 ||
           X509_VERIFY_PARAM_set1_host(p, host, 0) == 1;
}

static bool set_up(amqp_socket_t *tls, const struct crew_broker *broker, const char *host,
                   char *error, size_t error_bytes) {
    if (!load(broker, tls, error, error_bytes))
        return false;
    amqp_ssl_socket_set_verify_peer(tls, 1);
    amqp_ssl_socket_set_verify_hostname(tls, 0);
    if (!set_expected_host(amqp_ssl_socket_get_context(tls), host) ||
        amqp_ssl_socket_set_ssl_versions(tls, AMQP_TLSv1_2, AMQP_TLSvLATEST) !=
            AMQP_STATUS_OK) {
        snprintf(error, error_bytes, "TLS: cannot be set up");
        return false;
    }
    return true;
}

static void describe(int status, char *error, size_t error_bytes) {
    if (peer_error != 0)
        snprintf(error, error_bytes, "TLS: the broker's certificate is refused: %s",
                 X509_verify_cert_error_string(peer_error));
    else
        snprintf(error, error_bytes, "TLS: %s", error_or(amqp_error_string2(status)));
}

bool tls_open(amqp_connection_state_t c, const struct crew_broker *broker,
              const struct crew_broker_url *url, int timeout_s, char *error,
              size_t error_bytes) {
    struct timeval timeout = {.tv_sec = timeout_s};
    amqp_socket_t *tls = amqp_ssl_socket_new(c);
    if (tls == NULL) {
        snprintf(error, error_bytes, "TLS: out of memory");
        return false;
    }
    if (!set_up(tls, broker, url->host, error, error_bytes))
        return false;
    peer_error = 0;
    ERR_clear_error();
    int status = amqp_socket_open_noblock(tls, url->host, url->port, &timeout);
    if (status != AMQP_STATUS_OK) {
        describe(status, error, error_bytes);
        ERR_clear_error();
    }
    return status == AMQP_STATUS_OK;
}

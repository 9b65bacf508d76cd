/* TLS on the way to a broker. Files are read anew for each connection, so renewed
 * certificates are taken up with the next one. */
#include "amqp/tls.h"

#include <amqp_ssl_socket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/time.h>

#define DEFAULT_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

const char *tls_complaint(void) {
    unsigned long error = ERR_peek_last_error();
    ERR_clear_error();
    return error != 0 ? ERR_reason_error_string(error) : NULL;
}

static const char *complaint_or(const char *otherwise) {
    const char *complaint = tls_complaint();
    return complaint != NULL ? complaint : otherwise;
}

/* ---- files ---- */

static bool load_ca(const struct crew_broker *b, amqp_socket_t *tls, char *why,
                    size_t why_bytes) {
    const char *file = b->ca_file != NULL ? b->ca_file : DEFAULT_CA_FILE;
    ERR_clear_error();
    if (amqp_ssl_socket_set_cacert(tls, file) != AMQP_STATUS_OK) {
        snprintf(why, why_bytes, "cannot use the CA file \"%s\": %s", file,
                 complaint_or("no certificate in it"));
        return false;
    }
    return true;
}

/* A key that wants a passphrase is refused: nobody is there to be asked for it. */
static bool load_own(const struct crew_broker *b, amqp_socket_t *tls, char *why,
                     size_t why_bytes) {
    if (b->cert_file == NULL || b->key_file == NULL)
        return true;
    ERR_clear_error();
    amqp_ssl_socket_set_key_passwd(tls, "");
    if (amqp_ssl_socket_set_key(tls, b->cert_file, b->key_file) != AMQP_STATUS_OK) {
        snprintf(why, why_bytes,
                 "cannot use the certificate \"%s\" with the key \"%s\": %s",
                 b->cert_file, b->key_file, complaint_or("unknown reason"));
        return false;
    }
    return true;
}

static bool load(const struct crew_broker *b, amqp_socket_t *tls, char *why,
                 size_t why_bytes) {
    return load_ca(b, tls, why, why_bytes) && load_own(b, tls, why, why_bytes);
}

static bool wants_tls(const struct crew_broker *b) {
    for (size_t i = 0; i < b->url_count; i++)
        if (b->urls[i].tls)
            return true;
    return false;
}

int crew_broker_check(const crew_broker *broker, char *why, size_t why_bytes) {
    if (!wants_tls(broker))
        return CREW_OK;
    amqp_connection_state_t c = amqp_new_connection();
    amqp_socket_t *tls = c != NULL ? amqp_ssl_socket_new(c) : NULL;
    bool usable = tls != NULL && load(broker, tls, why, why_bytes);
    if (c != NULL)
        amqp_destroy_connection(c);
    return usable ? CREW_OK : tls != NULL ? CREW_EMALFORMED : CREW_ENOMEM;
}

/* ---- the peer ---- */

/* What was wrong with the peer's certificate in the handshake on this thread; 0: nothing.
 */
static _Thread_local int peer_error;

static int on_verify(int ok, X509_STORE_CTX *context) {
    if (!ok)
        peer_error = X509_STORE_CTX_get_error(context);
    return ok;
}

/* OpenSSL compares names, because rabbitmq-c's own comparison knows no IP addresses. */
static bool expect(SSL_CTX *context, const char *host) {
    X509_VERIFY_PARAM *p = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verify);
    return X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1 ||
           X509_VERIFY_PARAM_set1_host(p, host, 0) == 1;
}

static bool set_up(const struct login *l, amqp_socket_t *tls, char *why) {
    if (!load(l->broker, tls, why, LOGIN_WHY_BYTES))
        return false;
    amqp_ssl_socket_set_verify_peer(tls, 1);
    amqp_ssl_socket_set_verify_hostname(tls, 0);
    if (!expect(amqp_ssl_socket_get_context(tls), l->url->host) ||
        amqp_ssl_socket_set_ssl_versions(tls, AMQP_TLSv1_2, AMQP_TLSvLATEST) !=
            AMQP_STATUS_OK) {
        snprintf(why, LOGIN_WHY_BYTES, "TLS: cannot be set up");
        return false;
    }
    return true;
}

static void explain(int status, char *why) {
    if (peer_error != 0) {
        snprintf(why, LOGIN_WHY_BYTES, "TLS: the broker's certificate is refused: %s",
                 X509_verify_cert_error_string(peer_error));
    } else {
        snprintf(why, LOGIN_WHY_BYTES, "TLS: %s",
                 complaint_or(amqp_error_string2(status)));
    }
}

bool tls_open(const struct login *l, amqp_connection_state_t c, int timeout_s,
              char why[LOGIN_WHY_BYTES]) {
    struct timeval timeout = {.tv_sec = timeout_s};
    amqp_socket_t *tls = amqp_ssl_socket_new(c);
    if (tls == NULL) {
        snprintf(why, LOGIN_WHY_BYTES, "TLS: out of memory");
        return false;
    }
    if (!set_up(l, tls, why))
        return false;
    peer_error = 0;
    ERR_clear_error();
    int status = amqp_socket_open_noblock(tls, l->url->host, l->url->port, &timeout);
    if (status != AMQP_STATUS_OK) {
        explain(status, why);
        ERR_clear_error();
    }
    return status == AMQP_STATUS_OK;
}

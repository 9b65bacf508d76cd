/* crew/broker.h - the address of the RabbitMQ broker, and how to log in.
 *
 * A crew_broker is plain data. Any number of clients, workers and subscribers may read it
 * on any thread; each copies what it needs. No function blocks except crew_broker_check,
 * which reads files.
 */
#ifndef CREW_BROKER_H
#define CREW_BROKER_H

#include <crew/error.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One address of a broker. Every string is owned by the crew_broker. */
struct crew_broker_url {
    bool tls;
    char *host;
    int port;
    char *username;
    char *password; /* not part of crew_broker_describe */
    char *vhost;
};

/* A broker. Pointers are owned by the crew_broker, allocated with malloc(3) and freed by
 * crew_broker_fini. */
typedef struct crew_broker {
    struct crew_broker_url
        *urls; /* tried in turn from the first; nodes of a cluster, or a
                                     broker and its standby */
    size_t url_count;
    char *ca_file;   /* null: the system's CA bundle */
    char *cert_file; /* client certificate and key, or null */
    char *key_file;
    int heartbeat_s; /* 0: no heartbeats */
} crew_broker;

/* crew_broker_init - set the default: amqp://guest:guest@localhost:5672/, heartbeat 10 s.
 * The previous contents of BROKER are ignored. Free it with crew_broker_fini. */
CREW_API void crew_broker_init(crew_broker *broker);

/* crew_broker_parse - replace the addresses by those in URLS: comma-separated
 * `amqp[s]://user:pass@host:port/vhost`, percent-encoded. Defaults: user and password
 * guest, port 5672 (amqps: 5671), vhost /. URLS is copied. CREW_EMALFORMED: BROKER is
 * unchanged, and WHY, a buffer of WHY_BYTES bytes or null, gets the reason, without the
 * password. */
CREW_API int crew_broker_parse(crew_broker *broker, const char *urls, char *why,
                               size_t why_bytes);

/* crew_broker_describe - write `host:port/vhost` of each address to TEXT, for a log. The
 * text is cut to TEXT_BYTES. */
CREW_API void crew_broker_describe(const crew_broker *broker, char *text,
                                   size_t text_bytes);

/* crew_broker_check - check that the certificates and the key for amqps can be used. They
 * are read again for each connection. 0 if no address is amqps. CREW_EMALFORMED: WHY, a
 * buffer of WHY_BYTES bytes, gets the file's name and the reason. CREW_ENOMEM. Blocks on
 * the file system. */
CREW_API int crew_broker_check(const crew_broker *broker, char *why, size_t why_bytes);

/* crew_broker_copy - make a deep copy, to be freed with crew_broker_fini. CREW_ENOMEM:
 * COPY is initialised and empty. */
CREW_API int crew_broker_copy(crew_broker *copy, const crew_broker *broker);

/* crew_broker_fini - overwrite the passwords and free what BROKER owns. Call
 * crew_broker_init before it is used again. */
CREW_API void crew_broker_fini(crew_broker *broker);

#ifdef __cplusplus
}
#endif
#endif

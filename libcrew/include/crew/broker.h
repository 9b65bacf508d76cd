/* crew/broker.h - where the RabbitMQ broker is and how to log in.
 *
 * A plain description, made once and shared read-only by any number of clients and
 * workers, on any thread; each copies what it needs. Nothing here blocks, but
 * crew_broker_check, which reads files.
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
    char *password; /* never printed; crew_broker_describe leaves it out */
    char *vhost;
};

/* The broker, as it is handed to clients and workers. What the pointers point to is its
 * own, from malloc(3), and freed by crew_broker_fini. */
typedef struct crew_broker {
    struct crew_broker_url *urls; /* tried in turn, from the first; all of one cluster, or
                                     of a broker and its stand-by */
    size_t url_count;
    char *ca_file;   /* null: the system's bundle */
    char *cert_file; /* client certificate and key, or null */
    char *key_file;
    int heartbeat_s; /* 0: no heartbeats */
} crew_broker;

/* crew_broker_init - the default: amqp://guest:guest@localhost:5672/, heartbeat 10 s. What
 * was in BROKER is not looked at. To be freed with crew_broker_fini. */
CREW_API void crew_broker_init(crew_broker *broker);

/* crew_broker_parse - replace the addresses by those in URLS, which are comma-separated
 * `amqp[s]://user:pass@host:port/vhost`, percent-encoded as usual; what a URL leaves out
 * takes the default (user and password guest, port 5672 or 5671, vhost /). URLS is copied.
 * On CREW_EMALFORMED the broker is unchanged and WHY (if not null, WHY_BYTES large) says
 * what is wrong, without the password. */
CREW_API int crew_broker_parse(crew_broker *broker, const char *urls, char *why,
                               size_t why_bytes);

/* crew_broker_describe - write `host:port/vhost` of each address into TEXT for a log, cut
 * off where TEXT_BYTES are used up. */
CREW_API void crew_broker_describe(const crew_broker *broker, char *text,
                                   size_t text_bytes);

/* crew_broker_check - whether the certificates and the key for amqps can be used; they are
 * read again for each connection. CREW_OK when no address is amqps. CREW_EMALFORMED: WHY
 * (WHY_BYTES large) names the file and says what is wrong. CREW_ENOMEM. Blocks on the file
 * system. */
CREW_API int crew_broker_check(const crew_broker *broker, char *why, size_t why_bytes);

/* crew_broker_copy - a deep copy, to be freed with crew_broker_fini. CREW_ENOMEM leaves
 * COPY initialised and empty. */
CREW_API int crew_broker_copy(crew_broker *copy, const crew_broker *broker);

/* crew_broker_fini - free what BROKER owns, passwords overwritten first. It is empty then:
 * crew_broker_init comes before it is used again. */
CREW_API void crew_broker_fini(crew_broker *broker);

#ifdef __cplusplus
}
#endif
#endif

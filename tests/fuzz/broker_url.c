/* Any text as broker addresses: valid addresses, or an error text and unchanged
 * addresses. The error text never contains SECRET, the password in the corpus. */
#include <crew/broker.h>

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(const crew_broker *broker) {
    assert(broker->url_count > 0);
    for (size_t i = 0; i < broker->url_count; i++) {
        const struct crew_broker_url *url = &broker->urls[i];
        assert(url->port >= 1 && url->port <= 65535);
        assert(url->host[0] != '\0' && strlen(url->vhost) <= 255);
        assert(url->username != NULL && url->password != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    crew_broker broker, copy;
    char why[200] = "", line[300];
    char *text = strndup(bytes > 0 ? (const char *)data : "", bytes);
    crew_broker_init(&broker);
    int error = crew_broker_parse(&broker, text, why, sizeof why);
    assert(error == 0 || (error == CREW_EMALFORMED && why[0] != '\0'));
    check(&broker);
    assert(error == 0 || strcmp(broker.urls[0].host, "localhost") == 0);
    assert(strstr(why, "SECRET") == NULL);
    crew_broker_describe(&broker, line, sizeof line);
    assert(crew_broker_copy(&copy, &broker) == 0);
    check(&copy);
    crew_broker_fini(&copy);
    crew_broker_fini(&broker);
    free(text);
    return 0;
}

#include "wire/publication.h"

#include "wire/channel_name.h"
#include "wire/limits.h"
#include <string.h>

#define CONTENT_TYPE_BYTES 255 /* a short string of AMQP */

int publication_check(const struct crew_publication *p) {
    if (p->channel == NULL || !channel_name_valid(p->channel, strlen(p->channel)))
        return CREW_EINVAL;
    if (p->content_type != NULL && strlen(p->content_type) > CONTENT_TYPE_BYTES)
        return CREW_EINVAL;
    if (p->expiration_ms > LIMIT_EXPIRATION_MS)
        return CREW_EINVAL;
    return p->body_bytes > LIMIT_MESSAGE_BYTES ? CREW_ETOOLARGE : CREW_OK;
}

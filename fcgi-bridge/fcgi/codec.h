/* Codec: FastCGI streams, encoded and decoded by libfcgi in memory. The only module that
 * uses libfcgi.
 *
 * libfcgi blocks on sockets and trusts its peer. Therefore it reads from and writes to
 * memory, through the OS layer that the codec defines (OS_Read, OS_Write, OS_Close), and
 * sees only what the parser has checked. Its streams exist only while parameters are
 * decoded; one writer, made at the start, encodes all responses. A request that waits
 * holds nothing here.
 *
 * For one thread. One decoding and one response may be open at a time. */
#ifndef BRIDGE_CODEC_H
#define BRIDGE_CODEC_H

#include "base/buffer.h"
#include <crew/message.h>

/* codec_init - initialize libfcgi, and check that it uses the codec's OS layer (it would
 * not if it were linked statically). 0 or -1. libfcgi installs handlers for SIGPIPE,
 * SIGUSR1 and SIGTERM: set yours afterwards. */
int codec_init(void);
void codec_fini(void);

/* codec_decode - decode the contents of PARAMS records, which the parser has found to be
 * well-formed. The pairs live until codec_release and may be reordered; each value is
 * followed by a NUL. 0 or -1. */
int codec_decode(const struct buffer *params, struct crew_pair **pairs, size_t *count);
void codec_release(void);

/* Writing a response to TO: codec_open, any number of codec_put, then codec_close, which
 * adds the end of the stream and END_REQUEST; or codec_pause, after which the next part
 * begins with codec_open. TO->failed: out of memory. */
void codec_open(struct buffer *to, uint16_t id);
void codec_put(const void *data, size_t bytes);
void codec_text(const char *text);
void codec_pause(void);
void codec_close(void);

#endif

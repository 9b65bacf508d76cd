/* The codec: libfcgi over memory. The only file that knows libfcgi.
 *
 * libfcgi is a good codec and a bad owner of sockets: it blocks, and it trusts its peer.
 * Here it reads from and writes to memory through the OS layer that this program gives it
 * (OS_Read, OS_Write, OS_Close), and it sees nothing but what the gate has checked. Its
 * streams exist only while parameters are decoded; one writer, made at the start, encodes
 * all answers. So a request that waits costs nothing here.
 *
 * One thread uses the codec. One decoding and one piece of an answer are under way at a
 * time.
 */
#ifndef BRIDGE_CODEC_H
#define BRIDGE_CODEC_H

#include "base/buffer.h"
#include <crew/message.h>

/* codec_init - make ready, and see whether libfcgi really uses our OS layer (it would not
 * if it were linked statically). 0 or -1. libfcgi installs handlers for SIGPIPE, SIGUSR1
 * and SIGTERM here: install yours afterwards. */
int codec_init(void);
void codec_fini(void);

/* codec_decode - take the contents of the PARAMS records apart, which the gate has found
 * to be sound. The pairs live until codec_release and may be rearranged; behind each
 * value stands a zero byte. 0 or -1. */
int codec_decode(const struct buffer *params, struct crew_pair **pairs, size_t *count);
void codec_release(void);

/* An answer on its way into TO: codec_open, codec_put any number of times, codec_close,
 * which adds the end of the stream and END_REQUEST; or codec_pause, and the next piece
 * begins with codec_open. When memory is out TO->failed says so. */
void codec_open(struct buffer *to, uint16_t id);
void codec_put(const void *data, size_t bytes);
void codec_text(const char *text);
void codec_pause(void);
void codec_close(void);

#endif

/* The media type of a file, from the extension of its name. */
#ifndef CREW_APP_MEDIA_TYPE_H
#define CREW_APP_MEDIA_TYPE_H

/* Never null: application/octet-stream for an unknown extension. Text types are in
 * UTF-8. */
const char *media_type(const char *path);

#endif

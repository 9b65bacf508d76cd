/* The media type of a file, by the end of its name. */
#ifndef CREW_APP_MEDIA_TYPE_H
#define CREW_APP_MEDIA_TYPE_H

/* Never null: application/octet-stream for an end that is not known. Texts are taken for
 * UTF-8. */
const char *media_type(const char *path);

#endif

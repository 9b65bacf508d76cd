/* Uploads as files.
 *
 * A handler process has the whole body in memory before the handler runs. An upload is a
 * view of the body, and a file is made only when the handler asks for one: at the path
 * where it is to be kept (crew_upload_save), or without a name until the request ends.
 */
#ifndef CREW_APP_UPLOAD_H
#define CREW_APP_UPLOAD_H

#include "base/buffer.h"
#include <crew/request.h>

/* Descriptors of temporary files. Zeroed memory: none. */
struct upload_files {
    struct buffer fds; /* of int */
};

/* Make a temporary file with the contents of UPLOAD; *FD is at its beginning, and open
 * until upload_files_reset. CREW_ENOMEM; CREW_ESYSTEM: see errno. */
int upload_files_open(struct upload_files *files, const struct crew_upload *upload,
                      int *fd);

/* Close all descriptors. */
void upload_files_reset(struct upload_files *files);
void upload_files_fini(struct upload_files *files);

#endif

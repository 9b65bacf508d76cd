/* Files that the web server sends: X-Accel-Redirect (nginx) and X-Sendfile (lighttpd,
 * Apache's mod_xsendfile, Caddy). A CGI parameter of the location says which files it can
 * send. Clients cannot set it: parameters of their header fields begin with HTTP_. */
#ifndef CREW_APP_SENDFILE_H
#define CREW_APP_SENDFILE_H

#include "base/buffer.h"

/* The CGI parameters; null: not set. */
struct sendfile {
    const char *x_accel_redirect; /* FOLDER=URI: files below FOLDER are below URI */
    const char *x_sendfile;       /* FOLDER: files below it */
};

/* The name of the header field that makes the web server send the file at PATH (absolute,
 * without symbolic links); VALUE gets its value, zero-terminated. Null: the web server
 * cannot send it. */
const char *sendfile_field(const struct sendfile *sendfile, const char *path,
                           struct buffer *value);

#endif

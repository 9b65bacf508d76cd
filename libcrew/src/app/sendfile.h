/* Leaving a file to the web server: X-Accel-Redirect (nginx) and X-Sendfile (lighttpd,
 * Apache's mod_xsendfile, Caddy). A location says with a CGI parameter that it can be done, and
 * for which files. Clients cannot say it: what they send has HTTP_ before it. */
#ifndef CREW_APP_SENDFILE_H
#define CREW_APP_SENDFILE_H

#include "base/buffer.h"

/* What the location says; null: nothing. */
struct sendfile {
    const char *x_accel_redirect; /* FOLDER=URI: files below FOLDER are below URI */
    const char *x_sendfile;       /* FOLDER: files below it */
};

/* sendfile_field - the name of the header field that leaves the file at PATH (absolute,
 * without symbolic links) to the web server, and in VALUE, zero-terminated, its value.
 * Null: the web server does not have it. */
const char *sendfile_field(const struct sendfile *sendfile, const char *path,
                           struct buffer *value);

#endif

/* Functions that all handlers use. */
#ifndef NOTES_APP_H
#define NOTES_APP_H

#include "database.h"
#include <crew/app.h>

/* The database connection of this handler process. */
sqlite3 *app_database(const crew_request *request);

/* The path of the style sheet, which is in the folder of the app. */
const char *app_style(const crew_request *request);

/* Answer for a RESULT of the store that is not RESULT_OK: `return answer_result(response,
 * result)`. */
int answer_result(crew_response *response, enum result result);

/* ---- handlers ---- */

crew_handler page_list;                                   /* list.c */
crew_handler page_new, page_create, page_show, page_edit; /* pages.c */
crew_handler page_update, page_delete;
crew_handler file_attach, file_download, file_remove;     /* files.c */
crew_handler api_session, api_list, api_create, api_show; /* api.c */
crew_handler api_update, api_delete;

#endif

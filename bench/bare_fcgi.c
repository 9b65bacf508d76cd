/* bare_fcgi - the least that a FastCGI responder can do: libfcgi's own loop; GET has a
 * fixed answer, the same as the probe's /hello, and POST gets its body back, as from the
 * probe's /echo. What bench/run compares crew with.
 *
 *     bare_fcgi SOCKET-PATH THREADS
 *
 * libfcgi stays with a connection until it is closed, so a responder whose web server
 * keeps its connections needs as many threads as there are connections.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BACKLOG 4096
#define SOCKET_MODE 0666
#define STACK_BYTES (128 * 1024)

static const char ANSWER[] = "Content-Type: text/plain; charset=utf-8\r\n"
                             "Content-Length: 13\r\n"
                             "\r\n"
                             "Hello, world\n";

/* The request's body, all of it first, as a handler gets it. */
static void echo(FCGX_Request *request) {
    const char *type = FCGX_GetParam("CONTENT_TYPE", request->envp);
    const char *length = FCGX_GetParam("CONTENT_LENGTH", request->envp);
    int bytes = length != NULL ? atoi(length) : 0;
    char *body = malloc((size_t)bytes + 1);
    if (body == NULL)
        abort();
    bytes = FCGX_GetStr(body, bytes, request->in);
    FCGX_FPrintF(request->out, "Content-Type: %s\r\nContent-Length: %d\r\n\r\n",
                 type != NULL ? type : "", bytes);
    FCGX_PutStr(body, bytes, request->out);
    free(body);
}

static void *respond(void *listener) {
    FCGX_Request request;
    if (FCGX_InitRequest(&request, (int)(intptr_t)listener, 0) != 0)
        return NULL;
    while (FCGX_Accept_r(&request) == 0) {
        if (strcmp(FCGX_GetParam("REQUEST_METHOD", request.envp), "POST") == 0)
            echo(&request);
        else
            FCGX_PutStr(ANSWER, sizeof ANSWER - 1, request.out);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

int main(int argc, char **argv) {
    int threads = argc == 3 ? atoi(argv[2]) : 0;
    if (threads < 1) {
        fprintf(stderr, "usage: bare_fcgi SOCKET-PATH THREADS\n");
        return 2;
    }
    FCGX_Init();
    int listener = FCGX_OpenSocket(argv[1], BACKLOG);
    if (listener < 0 || chmod(argv[1], SOCKET_MODE) != 0) {
        perror(argv[1]);
        return 1;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, respond, (void *)(intptr_t)listener) !=
            0) {
            perror("pthread_create");
            return 1;
        }
    }
    respond((void *)(intptr_t)listener);
    return 0;
}

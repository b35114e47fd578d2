/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_server.h - HTTP on a TCP port or a unix socket, served by libmicrohttpd from the event loop, without a thread.
 *
 * Bounded: connections, header bytes, body bytes, idle time. The handler is called with the whole request and answers
 * at once, or, where it has to wait for something, later. One thread (the loop's).
 *
 *     http_server_create(&server, loop, &clock, handler, me, &err);
 *     http_server_listen_unix(server, "/run/biplane/api.socket", &err);
 *     http_server_listen(server, "127.0.0.1", 8080, &err);
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct clock;
struct error;
struct http_later;
struct http_server;
struct loop;

enum { HTTP_BODY_BYTES_MAX = 768 * 1024, HTTP_CONNECTIONS_MAX = 32, HTTP_IDLE_S = 15 };

struct http_request {
    const char *method; /* borrow during the call, like all: "GET" */
    const char *path;   /* decoded, without the query */
    const char *body;   /* terminated; "": none */
    size_t body_bytes;
    bool from_unix_socket;  /* whoever asks may use the box's files anyway */
    const void *connection; /* the server's, as is the next */
    void *state;
};

struct http_answer {
    unsigned status;
    const char *content_type; /* static text */
    char *body;               /* give: free() */
    size_t bytes;
};

typedef void http_handler(void *context, const struct http_request *request, struct http_answer *answer);

/* In the handler, which then leaves its answer alone: that comes with http_answer_later(). Whoever asks waits as long
 * as it takes. give; NULL: no memory. */
struct http_later *http_request_later(const struct http_request *request);
void http_request_now(struct http_later *later); /* in the handler: it answers after all; take */
/* take: later, and the body. Not in the handler. It is in order that nobody waits any more, or the server is gone. */
void http_answer_later(struct http_later *later, const struct http_answer *answer);

int http_server_create(struct http_server **out, struct loop *loop, const struct clock *clock, http_handler *handler,
                       void *context, struct error *err);
/* From now on the handler is not called any more; who asks is told that it ends. NULL is fine. */
void http_server_retire(struct http_server *server);
void http_server_destroy(struct http_server *server); /* who still waits is told that it ends; NULL is fine */
int http_server_listen_unix(struct http_server *server, const char *path, struct error *err); /* mode 0600 */
/* port 0: any. Returns the port. The address need not be there yet: it may come and go. */
int http_server_listen(struct http_server *server, const char *address, unsigned port, struct error *err);

/* Value of a query parameter (borrow during the call), "" if it has none; NULL: not there. */
const char *http_request_query(const struct http_request *request, const char *name);
const char *http_request_header(const struct http_request *request, const char *name); /* NULL: not there */

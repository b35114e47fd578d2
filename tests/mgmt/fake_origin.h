/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_origin.h - an HTTP origin that can be told to misbehave. It lives on the test's own event loop and loopback, and
 * keeps what it was given and in which order.
 *
 *     struct origin *origin = origin_create(loop);
 *     origin->behaviour = ORIGIN_STATUS, origin->status = 503;
 *     ... origin_find(origin, "/live/news.m3u8")->body
 */
#pragma once
#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board/loop.h"

enum origin_behaviour {
    ORIGIN_GOOD,
    ORIGIN_STATUS, /* answers `status` */
    ORIGIN_HANG,   /* reads the request, never answers */
    ORIGIN_DEAF,   /* does not even read */
    ORIGIN_RESET,  /* resets the connection in the middle of the body */
    ORIGIN_EARLY,  /* answers `status` when it has the head, and takes no more of the body */
    ORIGIN_HALF,   /* reads some of the body, then ends the connection without a word */
    ORIGIN_WEBDAV, /* files need their folder (409), MKCOL makes one, MOVE renames unless `status` is set: its answer */
    ORIGIN_DIGEST, /* wants Digest with its newest nonce, used in rising order; does not compute the answer */
};

enum { ORIGIN_REQUESTS_MAX = 4096, ORIGIN_FILES_MAX = 1024, ORIGIN_CONNECTIONS_MAX = 64 };

struct origin_request {
    char method[8], path[256];
    char head[2048];
    size_t body_bytes;
    bool chunked;
    int status; /* answered; 0: none */
    unsigned connection;
};

struct origin_file {
    char path[256];
    char *body;
    size_t bytes;
    bool there;
};

struct origin;

struct origin_connection {
    struct origin *origin;
    int socket;
    unsigned number;
    char *data;
    size_t used, capacity;
};

struct origin {
    struct loop *loop;
    int listener;
    unsigned port;
    enum origin_behaviour behaviour;
    int status;
    const char *only_path;     /* misbehaves only for paths that hold this; NULL: for all */
    const char *answer_header; /* added to answers that are not 2xx, with its line end */
    const char *answer_body;   /* NULL: "ok" */
    void (*stored)(void *context, struct origin *origin, const struct origin_file *file); /* NULL: nobody looks */
    /* Answers instead of us, and sets request->status: the whole answer goes into `answer`. NULL: nobody does. */
    void (*respond)(void *context, struct origin_request *request, const char *body, char *answer, size_t room);
    void *context;
    const char *authorization; /* what the Authorization header must be; else 401. NULL: anything */
    unsigned connections;      /* ever accepted */
    char last_peer[46];        /* from where the last one came */
    unsigned digest_count;     /* last nc that was used with the nonce */
    unsigned digest_uses;      /* a nonce is stale after so many; 0: never */
    bool digest_refuses;       /* whatever the answer */
    bool digest_forgets;       /* stale nonces are refused without saying so */
    bool digest_follows;       /* each answer comes with the next nonce */
    bool digest_stale;         /* the last 401 was about the nonce */
    unsigned request_count, file_count, challenges;
    size_t body_seen; /* bytes of the body that is on its way, as they came */
    struct origin_request requests[ORIGIN_REQUESTS_MAX];
    struct origin_file files[ORIGIN_FILES_MAX];
    struct origin_connection open[ORIGIN_CONNECTIONS_MAX];
};

static inline struct origin_file *origin_find(struct origin *origin, const char *path)
{
    for (unsigned i = 0; i < origin->file_count; i++)
        if (strcmp(origin->files[i].path, path) == 0 && origin->files[i].there)
            return &origin->files[i];
    return NULL;
}

static inline unsigned origin_count(const struct origin *origin, const char *method, const char *part, int status)
{
    unsigned count = 0;
    for (unsigned i = 0; i < origin->request_count; i++)
        count += strcmp(origin->requests[i].method, method) == 0 && strstr(origin->requests[i].path, part) &&
                 (!status || origin->requests[i].status == status);
    return count;
}

/* The value of a header in a head, or NULL; valid until the next call. */
static inline const char *origin_header(const char *head, const char *name)
{
    static char value[512];
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *text = line + 3 + length + strspn(line + 3 + length, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(text, "\r"), text);
            return value;
        }
    return NULL;
}

static inline void origin_store(struct origin *origin, const struct origin_request *request, const char *body)
{
    struct origin_file *file = NULL;
    for (unsigned i = 0; i < origin->file_count; i++)
        if (strcmp(origin->files[i].path, request->path) == 0)
            file = &origin->files[i];
    if (strcmp(request->method, "DELETE") == 0) {
        if (file)
            file->there = false;
        return;
    }
    if (strcmp(request->method, "PUT") != 0 && strcmp(request->method, "POST") != 0 &&
        strcmp(request->method, "MKCOL") != 0)
        return;
    if (!file) {
        assert(origin->file_count < ORIGIN_FILES_MAX);
        file = &origin->files[origin->file_count++];
        strcpy(file->path, request->path);
    }
    free(file->body);
    file->body = malloc(request->body_bytes + 1);
    memcpy(file->body, body, request->body_bytes);
    file->body[request->body_bytes] = '\0';
    file->bytes = request->body_bytes;
    file->there = true;
    if (origin->stored)
        origin->stored(origin->context, origin, file);
}

static inline void origin_close(struct origin_connection *connection, bool reset)
{
    if (connection->socket < 0)
        return;
    if (reset)
        setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    loop_unwatch(connection->origin->loop, connection->socket);
    close(connection->socket);
    connection->socket = -1;
    connection->used = 0;
}

static inline int origin_digest_status(struct origin *origin, const char *head)
{
    char nonce[32];
    const char *given = origin_header(head, "Authorization");
    const char *count = given ? strstr(given, "nc=") : NULL;
    unsigned number = count ? (unsigned)strtoul(count + 3, NULL, 16) : 0;
    snprintf(nonce, sizeof nonce, "nonce=\"n%u\"", origin->challenges);
    origin->digest_stale = false;
    if (!given || strncmp(given, "Digest ", 7) != 0 || !number || origin->digest_refuses)
        return 401;
    origin->digest_stale = !strstr(given, nonce) || (origin->digest_uses && number > origin->digest_uses);
    if (origin->digest_stale)
        return 401;
    assert(number == origin->digest_count + 1 || origin->digest_follows);
    origin->digest_count = number;
    return 201;
}

/* A folder is a file whose name ends in a slash. The folder that this one stands in has to be there. */
static inline bool origin_has_folder_of(struct origin *origin, const char *path)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s", path);
    size_t length = strlen(folder);
    if (length > 1 && folder[length - 1] == '/')
        folder[length - 1] = '\0';
    strrchr(folder, '/')[1] = '\0';
    return strcmp(folder, "/") == 0 || origin_find(origin, folder);
}

static inline int origin_webdav_status(struct origin *origin, const struct origin_request *request)
{
    struct origin_file *file = origin_find(origin, request->path);
    if (strcmp(request->method, "MOVE") == 0) {
        const char *to = origin_header(request->head, "Destination");
        if (origin->status)
            return origin->status;
        assert(file && to && strncmp(to, "http://", 7) == 0);
        strcpy(file->path, strchr(to + 7, '/'));
        return 201;
    }
    if (!origin_has_folder_of(origin, request->path))
        return strcmp(request->method, "DELETE") == 0 ? 404 : 409;
    if (strcmp(request->method, "MKCOL") == 0 && file)
        return 405;
    return strcmp(request->method, "DELETE") == 0 ? 204 : 201;
}

static inline int origin_judge(struct origin *origin, const struct origin_request *request)
{
    const char *given = origin_header(request->head, "Authorization");
    if (origin->authorization && (!given || strcmp(given, origin->authorization) != 0))
        return 401;
    if (origin->behaviour == ORIGIN_DIGEST)
        return origin_digest_status(origin, request->head);
    if (origin->behaviour == ORIGIN_WEBDAV)
        return origin_webdav_status(origin, request);
    if (origin->behaviour == ORIGIN_STATUS && (!origin->only_path || strstr(request->path, origin->only_path)))
        return origin->status;
    return strcmp(request->method, "DELETE") == 0 ? 204 : 201;
}

static inline void origin_answer(struct origin_connection *connection, const char *method, int status)
{
    struct origin *origin = connection->origin;
    char answer[2048], challenge[128] = "";
    bool digest = origin->behaviour == ORIGIN_DIGEST;
    if (digest && (status == 401 || origin->digest_follows)) {
        origin->challenges++;
        origin->digest_count = 0;
    }
    if (digest && status == 401)
        snprintf(challenge, sizeof challenge,
                 "WWW-Authenticate: Basic realm=\"r\"\r\n"
                 "WWW-Authenticate: Digest realm=\"r\", nonce=\"n%u\", qop=\"auth\"%s\r\n",
                 origin->challenges, origin->digest_stale && !origin->digest_forgets ? ", stale=true" : "");
    else if (digest && origin->digest_follows)
        snprintf(challenge, sizeof challenge, "Authentication-Info: nextnonce=\"n%u\"\r\n", origin->challenges);
    const char *body = status == 204 ? "" : origin->answer_body ? origin->answer_body : "ok";
    bool head_only = strcmp(method, "HEAD") == 0;
    int bytes = snprintf(answer, sizeof answer, "HTTP/1.1 %d Words\r\n%s%sContent-Length: %zu\r\n\r\n%s", status,
                         challenge, status >= 300 && origin->answer_header ? origin->answer_header : "", strlen(body),
                         head_only ? "" : body);
    ssize_t sent = send(connection->socket, answer, (size_t)bytes, MSG_NOSIGNAL);
    (void)sent;
}

/* Takes the chunks' sizes out of a body in place. Returns the bytes it took on the wire, 0: it is not complete; the
 * body's own bytes in *bytes. */
static inline size_t origin_unchunk(char *data, size_t available, size_t *bytes)
{
    size_t at = 0;
    *bytes = 0;
    for (int pass = 0; pass < 2; pass++) /* first only looks whether all is there */
        for (at = 0;;) {
            char *line_end = memmem(data + at, available - at, "\r\n", 2);
            if (!line_end)
                return 0;
            size_t size = strtoul(data + at, NULL, 16);
            at = (size_t)(line_end - data) + 2;
            if (at + size + 2 > available)
                return 0;
            if (pass) {
                memmove(data + *bytes, data + at, size);
                *bytes += size;
            }
            at += size + 2;
            if (size == 0)
                break;
        }
    return at;
}

/* Misbehaves at a request whose body is not all there; true: that is how it ended. */
static inline bool origin_interrupts(struct origin_connection *connection, struct origin_request *request, size_t body)
{
    struct origin *origin = connection->origin;
    if (origin->only_path && !strstr(request->path, origin->only_path))
        return false;
    if (origin->behaviour == ORIGIN_EARLY) {
        origin->request_count++;
        request->status = origin->status;
        origin_answer(connection, request->method, origin->status);
        loop_unwatch(origin->loop, connection->socket);
        return true;
    }
    if (body == 0 || (origin->behaviour != ORIGIN_RESET && origin->behaviour != ORIGIN_HALF))
        return false;
    origin->request_count++;
    origin_close(connection, origin->behaviour == ORIGIN_RESET);
    return true;
}

/* Handles one request that is complete; false: there is none. */
static inline bool origin_handle(struct origin_connection *connection)
{
    struct origin *origin = connection->origin;
    connection->data[connection->used] = '\0';
    char *end = strstr(connection->data, "\r\n\r\n");
    if (!end)
        return false;
    struct origin_request *request = &origin->requests[origin->request_count];
    memset(request, 0, sizeof *request);
    size_t head_bytes = (size_t)(end - connection->data) + 4;
    assert(head_bytes < sizeof request->head && origin->request_count < ORIGIN_REQUESTS_MAX - 1);
    memcpy(request->head, connection->data, head_bytes);
    assert(sscanf(request->head, "%7s %255s", request->method, request->path) == 2);
    const char *length = origin_header(request->head, "Content-Length");
    request->body_bytes = length ? strtoul(length, NULL, 10) : 0;
    request->chunked = origin_header(request->head, "Transfer-Encoding") != NULL;
    request->connection = connection->number;
    origin->body_seen = connection->used - head_bytes;
    if (origin_interrupts(connection, request, origin->body_seen))
        return false;
    size_t wire_bytes = request->body_bytes;
    if (request->chunked)
        wire_bytes = origin_unchunk(connection->data + head_bytes, connection->used - head_bytes, &request->body_bytes);
    if (request->chunked ? wire_bytes == 0 : connection->used < head_bytes + wire_bytes)
        return false;
    origin->request_count++;
    if (origin->respond && origin->behaviour == ORIGIN_GOOD) {
        static char answer[65536];
        origin->respond(origin->context, request, connection->data + head_bytes, answer, sizeof answer);
        ssize_t sent = send(connection->socket, answer, strlen(answer), MSG_NOSIGNAL);
        (void)sent;
    } else if (origin->behaviour != ORIGIN_HANG || (origin->only_path && !strstr(request->path, origin->only_path))) {
        request->status = origin_judge(origin, request);
        if (request->status < 300)
            origin_store(origin, request, connection->data + head_bytes);
        origin_answer(connection, request->method, request->status);
    }
    connection->used -= head_bytes + wire_bytes;
    memmove(connection->data, connection->data + head_bytes + wire_bytes, connection->used);
    return true;
}

static inline void origin_readable(void *context, int socket_descriptor, unsigned events)
{
    (void)events;
    struct origin_connection *connection = context;
    if (connection->origin->behaviour == ORIGIN_DEAF) {
        loop_unwatch(connection->origin->loop, socket_descriptor);
        return;
    }
    if (connection->capacity - connection->used < 65537)
        connection->data = realloc(connection->data, connection->capacity += 1 << 20);
    ssize_t got = recv(socket_descriptor, connection->data + connection->used, 65536, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            origin_close(connection, false);
        return;
    }
    connection->used += (size_t)got;
    while (connection->socket >= 0 && origin_handle(connection))
        ;
}

static inline void origin_accept(void *context, int listener, unsigned events)
{
    (void)events;
    struct origin *origin = context;
    struct sockaddr_in peer;
    int accepted =
        accept4(listener, (struct sockaddr *)&peer, &(socklen_t){ sizeof peer }, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0)
        return;
    inet_ntop(AF_INET, &peer.sin_addr, origin->last_peer, sizeof origin->last_peer);
    for (unsigned i = 0; i < ORIGIN_CONNECTIONS_MAX; i++) {
        struct origin_connection *connection = &origin->open[i];
        if (connection->socket >= 0)
            continue;
        connection->socket = accepted;
        connection->number = origin->connections++;
        connection->used = 0;
        loop_watch(origin->loop, accepted, LOOP_READ, origin_readable, connection, NULL);
        return;
    }
    assert(!"room for a connection");
}

/* Opens the door, at the port it had before. */
static inline void origin_listen(struct origin *origin)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((uint16_t)origin->port) };
    socklen_t bytes = sizeof address;
    origin->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(origin->listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    int result = bind(origin->listener, (struct sockaddr *)&address, sizeof address);
    assert(result == 0);
    listen(origin->listener, 64);
    getsockname(origin->listener, (struct sockaddr *)&address, &bytes);
    origin->port = ntohs(address.sin_port);
    loop_watch(origin->loop, origin->listener, LOOP_READ, origin_accept, origin, NULL);
}

/* Refuses connections from now on, and drops those it has. */
static inline void origin_shut(struct origin *origin)
{
    if (origin->listener >= 0) {
        loop_unwatch(origin->loop, origin->listener);
        close(origin->listener);
    }
    origin->listener = -1;
    for (unsigned i = 0; i < ORIGIN_CONNECTIONS_MAX; i++)
        origin_close(&origin->open[i], true);
}

static inline void origin_drop_connections(struct origin *origin)
{
    for (unsigned i = 0; i < ORIGIN_CONNECTIONS_MAX; i++)
        origin_close(&origin->open[i], true);
}

/* One that was deaf reads again, what waits as well. */
static inline void origin_hear(struct origin *origin)
{
    origin->behaviour = ORIGIN_GOOD;
    for (unsigned i = 0; i < ORIGIN_CONNECTIONS_MAX; i++)
        if (origin->open[i].socket >= 0)
            loop_watch(origin->loop, origin->open[i].socket, LOOP_READ, origin_readable, &origin->open[i], NULL);
}

static inline struct origin *origin_create(struct loop *loop)
{
    struct origin *origin = calloc(1, sizeof *origin);
    origin->loop = loop;
    for (unsigned i = 0; i < ORIGIN_CONNECTIONS_MAX; i++)
        origin->open[i] = (struct origin_connection){ .origin = origin, .socket = -1 };
    origin_listen(origin);
    return origin;
}

static inline void origin_destroy(struct origin *origin)
{
    origin_shut(origin);
    for (unsigned i = 0; i < ORIGIN_CONNECTIONS_MAX; i++)
        free(origin->open[i].data);
    for (unsigned i = 0; i < origin->file_count; i++)
        free(origin->files[i].body);
    free(origin);
}

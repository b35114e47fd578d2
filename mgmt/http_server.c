/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http_server.c - each listener is a libmicrohttpd daemon with an epoll descriptor of its own, which is one more
 * descriptor in our loop; its timeouts are a timer there.
 */
#include "mgmt/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"

enum { LISTENERS_MAX = 2, BACKLOG = 32, CONNECTION_MEMORY_BYTES = 32 * 1024 };

/* Who still writes does not read an answer: so much of a body that is too large is read and thrown away, that the
 * answer is heard. Then the connection is cut: what reads here delivers the channels too. */
enum { READ_ON_BYTES_MAX = 4 * 1024 * 1024 };

struct listener {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    int epoll; /* borrow: the daemon's */
    struct loop_timer *timer;
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* of a unix socket; "": none */
};

struct http_server {
    struct loop *loop;
    const struct clock *clock;
    http_handler *handler;
    void *context;
    struct http_later *laters;
    bool retired; /* requests reach the handler no more: what it works with may be gone */
    unsigned count;
    struct listener listeners[LISTENERS_MAX];
};

/* Of one request: what has come of its body, and its answer if that does not come at once. */
struct request_state {
    struct listener *listener;
    char *body;
    size_t bytes, room;
    struct http_later *later; /* somebody has promised an answer */
    struct http_answer answer;
    bool answered;
    bool refused;       /* its body is too large: what comes of it is thrown away */
    size_t thrown_away; /* bytes */
};

struct http_later {
    struct http_later *next;
    struct MHD_Connection *connection;
    struct request_state *state; /* NULL: nobody waits any more */
};

/* There may be a password in it. */
static void drop_body(struct request_state *state)
{
    if (state->body)
        explicit_bzero(state->body, state->room);
    free(state->body);
    state->body = NULL;
}

static bool take_body(struct request_state *state, const char *data, size_t bytes)
{
    if (bytes > HTTP_BODY_BYTES_MAX || state->bytes + bytes > HTTP_BODY_BYTES_MAX)
        return false;
    if (state->bytes + bytes + 1 > state->room) {
        size_t room = 2 * (state->bytes + bytes + 1);
        char *grown = malloc(room);
        if (!grown)
            return false;
        if (state->body)
            memcpy(grown, state->body, state->bytes);
        drop_body(state);
        state->body = grown;
        state->room = room;
    }
    memcpy(state->body + state->bytes, data, bytes);
    state->bytes += bytes;
    state->body[state->bytes] = '\0';
    return true;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, const struct http_answer *answer)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(answer->bytes, answer->body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(answer->body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static struct http_answer that_it_ends(void)
{
    char *body = strdup("biplaned ends\n");
    return (struct http_answer){ MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain", body, body ? strlen(body) : 0 };
}

static struct http_answer that_it_is_too_large(void)
{
    char *body = strdup("{\"error\": \"more than 768 KiB\"}\n");
    return (struct http_answer){ MHD_HTTP_CONTENT_TOO_LARGE, "application/json", body, body ? strlen(body) : 0 };
}

/* Is it not worth to hear any of it? Who asks with "Expect" whether to send waits for the answer, and sends nothing. */
static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool waits = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT) != NULL;
    return length && strtoull(length, NULL, 10) > (waits ? HTTP_BODY_BYTES_MAX : READ_ON_BYTES_MAX);
}

/* First call of a request: only the header is there. */
static enum MHD_Result begin_request(struct listener *listener, struct MHD_Connection *connection, void **context)
{
    struct request_state *state = calloc(1, sizeof *state);
    *context = state;
    if (!state)
        return MHD_NO;
    state->listener = listener;
    if (!announces_too_much(connection))
        return MHD_YES;
    struct http_answer answer = that_it_is_too_large();
    return send_answer(connection, &answer);
}

static enum MHD_Result on_body(struct request_state *state, const char *upload, size_t *upload_bytes)
{
    if (!state->refused)
        state->refused = !take_body(state, upload, *upload_bytes);
    if (state->refused)
        state->thrown_away += *upload_bytes;
    *upload_bytes = 0;
    return state->thrown_away > READ_ON_BYTES_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload, size_t *upload_bytes,
                                  void **request_context)
{
    (void)version;
    struct listener *listener = context;
    const struct http_server *server = listener->server;
    struct request_state *state = *request_context;
    if (!state)
        return begin_request(listener, connection, request_context);
    if (state->answered) { /* it has waited */
        state->answered = false;
        return send_answer(connection, &state->answer);
    }
    if (*upload_bytes)
        return on_body(state, upload, upload_bytes);
    const struct http_request request = { .method = method,
                                          .path = path,
                                          .body = state->body ? state->body : "",
                                          .body_bytes = state->bytes,
                                          .from_unix_socket = listener->path[0] != '\0',
                                          .connection = connection,
                                          .state = state };
    struct http_answer answer = { .status = MHD_HTTP_INTERNAL_SERVER_ERROR, .content_type = "text/plain" };
    if (server->retired)
        answer = that_it_ends();
    else if (state->refused)
        answer = that_it_is_too_large();
    else
        server->handler(server->context, &request, &answer);
    if (state->later) {
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    return send_answer(connection, &answer);
}

/* ---- answers that come later ---- */
struct http_later *http_request_later(const struct http_request *request)
{
    struct request_state *state = request->state;
    struct http_later *later = calloc(1, sizeof *later);
    if (!later)
        return NULL;
    *later = (struct http_later){ .next = state->listener->server->laters,
                                  .connection = (struct MHD_Connection *)request->connection,
                                  .state = state };
    state->listener->server->laters = later;
    state->later = later;
    return later;
}

/* Nobody waits for it any more. */
static void let_go(struct http_later *later)
{
    struct http_later **place = &later->state->listener->server->laters;
    while (*place != later)
        place = &(*place)->next;
    *place = later->next;
    later->state->later = NULL;
    later->state = NULL;
}

void http_request_now(struct http_later *later)
{
    let_go(later);
    free(later);
}

static void wake(struct http_later *later, const struct http_answer *answer)
{
    struct request_state *state = later->state;
    state->answer = *answer;
    state->answered = true;
    let_go(later);
    MHD_resume_connection(later->connection);
}

static void run(struct listener *listener);

void http_answer_later(struct http_later *later, const struct http_answer *answer)
{
    struct listener *listener = later->state ? later->state->listener : NULL;
    if (listener) {
        wake(later, answer);
        run(listener);
    } else {
        free(answer->body);
    }
    free(later);
}

static void tell_that_it_ends(struct http_server *server)
{
    while (server->laters) {
        struct http_answer answer = that_it_ends();
        wake(server->laters, &answer);
    }
    for (unsigned i = 0; i < server->count; i++)
        MHD_run(server->listeners[i].daemon);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode reason)
{
    (void)context, (void)connection, (void)reason;
    struct request_state *state = *request_context;
    if (state && state->later)
        let_go(state->later);
    if (state && state->answered)
        free(state->answer.body);
    if (state)
        drop_body(state);
    free(state);
    *request_context = NULL;
}

static void run(struct listener *listener)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    MHD_run(listener->daemon);
    if (MHD_get_timeout(listener->daemon, &timeout_ms) == MHD_YES)
        loop_timer_set(listener->timer, clock_monotonic_ns(listener->server->clock) + (uint64_t)timeout_ms * NS_PER_MS);
    else
        loop_timer_clear(listener->timer);
}

static void on_ready(void *context, int epoll, unsigned events)
{
    (void)epoll, (void)events;
    run(context);
}

static void on_timer(void *context)
{
    run(context);
}

/* Takes the socket, also when it fails. */
static int add_listener(struct http_server *server, int listening, const char *path, struct error *err)
{
    struct listener *listener = &server->listeners[server->count];
    if (server->count == LISTENERS_MAX) {
        close(listening);
        return error_set(err, -ENOBUFS, "more than %d HTTP listeners", LISTENERS_MAX);
    }
    *listener = (struct listener){ .server = server };
    snprintf(listener->path, sizeof listener->path, "%s", path);
    listener->timer = loop_timer_create(server->loop, on_timer, listener);
    listener->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, listener, MHD_OPTION_LISTEN_SOCKET,
        listening, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (!listener->daemon || !listener->timer) {
        if (listener->daemon)
            MHD_stop_daemon(listener->daemon);
        else
            close(listening);
        loop_timer_destroy(listener->timer);
        return error_set(err, -EIO, "the HTTP server cannot be started");
    }
    listener->epoll = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int result = loop_watch(server->loop, listener->epoll, LOOP_READ, on_ready, listener, err);
    if (result < 0) {
        MHD_stop_daemon(listener->daemon);
        loop_timer_destroy(listener->timer);
        return result;
    }
    server->count++;
    run(listener);
    return 0;
}

int http_server_create(struct http_server **out, struct loop *loop, const struct clock *clock, http_handler *handler,
                       void *context, struct error *err)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return error_set(err, -ENOMEM, "HTTP server");
    *server = (struct http_server){ .loop = loop, .clock = clock, .handler = handler, .context = context };
    *out = server;
    return 0;
}

void http_server_retire(struct http_server *server)
{
    if (server)
        server->retired = true;
}

void http_server_destroy(struct http_server *server)
{
    if (!server)
        return;
    http_server_retire(server);
    tell_that_it_ends(server);
    for (unsigned i = 0; i < server->count; i++) {
        struct listener *listener = &server->listeners[i];
        loop_unwatch(server->loop, listener->epoll);
        MHD_stop_daemon(listener->daemon);
        loop_timer_destroy(listener->timer);
        if (listener->path[0])
            unlink(listener->path);
    }
    free(server);
}

static bool somebody_listens(const struct sockaddr_un *address)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered =
        probe >= 0 && (connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
    if (probe >= 0)
        close(probe);
    return answered;
}

int http_server_listen_unix(struct http_server *server, const char *path, struct error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(err, -ENAMETOOLONG, "socket path %s is too long", path);
    strcpy(address.sun_path, path);
    if (somebody_listens(&address))
        return error_set(err, -EADDRINUSE, "socket %s: another process listens there", path);
    unlink(path);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0177);
    int result = listening >= 0 ? bind(listening, (struct sockaddr *)&address, sizeof address) : -1;
    int code = -errno;
    umask(mask);
    if (result == 0 && listen(listening, BACKLOG) == 0)
        return add_listener(server, listening, path, err);
    if (result == 0)
        code = -errno;
    if (listening >= 0)
        close(listening);
    return error_set_errno(err, code, "socket %s", path);
}

/* Returns the length; 0: not an address. */
static socklen_t parse_address(const char *text, unsigned port, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        return sizeof *v6;
    }
    return 0;
}

int http_server_listen(struct http_server *server, const char *text, unsigned port, struct error *err)
{
    struct sockaddr_storage address;
    socklen_t bytes = parse_address(text, port, &address);
    int on = 1;
    if (!bytes)
        return error_set(err, -EINVAL, "api: \"%s\" is not an address", text);
    int listening = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listening < 0)
        return error_set_errno(err, -errno, "api: socket");
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ss_family == AF_INET)
        setsockopt(listening, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
    else
        setsockopt(listening, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&address, bytes) < 0 || listen(listening, BACKLOG) < 0 ||
        getsockname(listening, (struct sockaddr *)&address, &bytes) < 0) {
        int code = -errno;
        close(listening);
        return error_set_errno(err, code, "api: %s port %u", text, port);
    }
    unsigned got = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                                      : ((struct sockaddr_in6 *)&address)->sin6_port);
    int result = add_listener(server, listening, "", err);
    return result < 0 ? result : (int)got;
}

static const char *lookup(const struct http_request *request, enum MHD_ValueKind kind, const char *name)
{
    return MHD_lookup_connection_value((struct MHD_Connection *)request->connection, kind, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    const char *value = lookup(request, MHD_GET_ARGUMENT_KIND, name);
    /* "?all" has no value, which the lookup answers like "not there" */
    if (!value &&
        MHD_lookup_connection_value_n((struct MHD_Connection *)request->connection, MHD_GET_ARGUMENT_KIND, name,
                                      strlen(name), &value, NULL) == MHD_YES &&
        !value)
        return "";
    return value;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return lookup(request, MHD_HEADER_KIND, name);
}

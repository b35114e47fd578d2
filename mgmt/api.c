/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/api_private.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/box.h"
#include "mgmt/management.h"
#include "mgmt/media_desk.h"
#include "mgmt/metrics.h"

enum { LISTEN_AGAIN_S = 1 };

struct api {
    struct api_config config;
    struct loop_timer *again; /* to listen on TCP */
    struct media_desk *desk;
    struct http_server *server;
};

void api_refuse(struct call *call, unsigned status, const char *sentence)
{
    call->status = status;
    call->json = json_pack("{s:s}", "error", sentence);
    if (!call->json)
        call->json = json_pack("{s:s}", "error", "the reason cannot be shown");
}

unsigned api_status_of(int code)
{
    switch (code) {
    case 0:
        return 202; /* it has begun, not ended */
    case -ENOENT:
        return 404;
    case -EINVAL:
        return 400;
    case -ESHUTDOWN:
        return 503;
    default:
        return 409;
    }
}

void api_answer_action(struct call *call, int result, const struct error *err)
{
    if (result < 0) {
        api_refuse(call, api_status_of(result), err->text);
        return;
    }
    call->status = 202;
    call->json = json_pack("{s:b}", "ok", 1);
}

json_t *api_body(struct call *call)
{
    json_error_t where;
    json_t *json = json_loadb(call->request->body, call->request->body_bytes, JSON_REJECT_DUPLICATES, &where);
    if (!json)
        api_refuse(call, 400, "the body is not JSON");
    return json;
}

/* ---- the routes ---- */
static void get_status(struct call *call)
{
    call->json = management_status(call->api->management);
}
static void get_inputs(struct call *call)
{
    call->json = management_inputs(call->api->management);
}
static void get_channels(struct call *call)
{
    call->json = management_channels(call->api->management);
}
static void get_accelerators(struct call *call)
{
    call->json = management_accelerators(call->api->management);
}
static void get_counters(struct call *call)
{
    call->json = management_counters(call->api->management);
}

static void get_channel(struct call *call)
{
    call->json = management_channel(call->api->management, call->name);
    if (!call->json)
        api_refuse(call, 404, "there is no such channel");
}

static void get_alerts(struct call *call)
{
    const char *all = http_request_query(call->request, "all");
    call->json = management_alerts(call->api->management, all && strcmp(all, "0") != 0);
}

static void get_metrics(struct call *call)
{
    json_t *counters = management_counters(call->api->management);
    call->text = metrics_text(counters);
    json_decref(counters);
}

static void post_start(struct call *call)
{
    struct error err = { 0 };
    api_answer_action(call, management_start(call->api->management, call->name, &err), &err);
}

static void post_stop(struct call *call)
{
    struct error err = { 0 };
    api_answer_action(call, management_stop(call->api->management, call->name, &err), &err);
}

static void post_restart(struct call *call)
{
    struct error err = { 0 };
    const char *pipeline = http_request_query(call->request, "pipeline");
    if (pipeline && strcmp(pipeline, "0") != 0 && strcmp(pipeline, "1") != 0) {
        api_refuse(call, 400, "pipeline must be 0 or 1");
        return;
    }
    int number = pipeline ? *pipeline - '0' : -1;
    api_answer_action(call, management_restart(call->api->management, call->name, number, &err), &err);
}

static void post_reload(struct call *call)
{
    struct problems *problems = problems_create();
    if (!problems) {
        api_refuse(call, 500, "no memory");
        return;
    }
    json_t *changes = NULL;
    int result = management_reload(call->api->management, problems, &changes);
    if (result == 0) {
        call->json = changes;
    } else {
        json_t *list = json_array();
        for (unsigned i = 0; i < problems_count(problems); i++)
            json_array_append_new(list, json_string(problems_text(problems, i)));
        api_refuse(call, result == -ESHUTDOWN ? 503 : 422, "the configuration has problems; nothing was changed");
        json_object_set_new(call->json, "problems", list);
    }
    problems_destroy(problems);
}

static void post_shutdown(struct call *call)
{
    management_shutdown(call->api->management);
    api_answer_action(call, 0, NULL);
}

static const struct route routes[] = {
    { "GET", "/v1/status", get_status, ROUTE_ANYBODY },
    { "GET", "/v1/inputs", get_inputs, ROUTE_ANYBODY },
    { "GET", "/v1/channels", get_channels, ROUTE_ANYBODY },
    { "GET", "/v1/channels/*", get_channel, ROUTE_ANYBODY },
    { "POST", "/v1/channels/*/start", post_start, ROUTE_ANYBODY },
    { "POST", "/v1/channels/*/stop", post_stop, ROUTE_ANYBODY },
    { "POST", "/v1/channels/*/restart", post_restart, ROUTE_ANYBODY },
    { "GET", "/v1/alerts", get_alerts, ROUTE_ANYBODY },
    { "GET", "/v1/accelerators", get_accelerators, ROUTE_ANYBODY },
    { "GET", "/v1/counters", get_counters, ROUTE_ANYBODY },
    { "POST", "/v1/reload", post_reload, ROUTE_ANYBODY },
    { "POST", "/v1/shutdown", post_shutdown, ROUTE_ANYBODY },
    { "GET", "/metrics", get_metrics, ROUTE_ANYBODY },
    { 0 },
};

static const struct route *const tables[] = { routes, api_configuration_routes, api_machine_routes };

/* A "*" stands for one part of the path. */
static bool path_matches(const char *pattern, const char *path, char *name, size_t bytes)
{
    size_t before = strcspn(pattern, "*");
    if (!pattern[before])
        return strcmp(pattern, path) == 0;
    if (strncmp(pattern, path, before) != 0)
        return false;
    size_t length = strcspn(path + before, "/");
    if (length == 0 || length >= bytes || strcmp(pattern + before + 1, path + before + length) != 0)
        return false;
    memcpy(name, path + before, length);
    name[length] = '\0';
    return true;
}

static bool may(struct call *call, const struct route *route)
{
    bool changes = strcmp(route->method, "GET") != 0;
    if (changes && http_request_header(call->request, "Origin"))
        api_refuse(call, 403, "requests of web pages may not change anything");
    else if (route->who == ROUTE_UNIX_SOCKET && !call->request->from_unix_socket)
        api_refuse(call, 403, "this is only taken on the unix socket");
    else
        return true;
    return false;
}

/* NULL: none; path_known: there is one with another method. */
static const struct route *find_route(struct call *call, bool *path_known)
{
    const char *method = strcmp(call->request->method, "HEAD") == 0 ? "GET" : call->request->method;
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct route *route = tables[i]; route->method; route++) {
            if (!path_matches(route->path, call->request->path, call->name, sizeof call->name))
                continue;
            *path_known = true;
            if (strcmp(route->method, method) == 0)
                return route;
        }
    return NULL;
}

static void dispatch(struct call *call)
{
    bool path_known = false;
    const struct route *route = find_route(call, &path_known);
    if (!route)
        api_refuse(call, path_known ? 405 : 404,
                   path_known ? "this path does not take this method" : "there is no such path");
    else if (may(call, route)) {
        call->status = 200;
        route->answer(call);
    }
}

static void write_answer(struct call *call, struct http_answer *answer)
{
    answer->status = call->status;
    if (call->text) {
        answer->content_type = call->content_type ? call->content_type : "text/plain; version=0.0.4";
        answer->body = call->text;
    } else {
        answer->content_type = "application/json";
        answer->body = call->json ? json_dumps(call->json, JSON_INDENT(2)) : NULL;
    }
    if (!answer->body) {
        answer->status = 500;
        answer->body = strdup("{\"error\": \"no memory\"}");
    }
    answer->bytes = call->text && call->bytes ? call->bytes : answer->body ? strlen(answer->body) : 0;
    json_decref(call->json);
}

static void on_request(void *context, const struct http_request *request, struct http_answer *answer)
{
    struct api *api = context;
    struct call call = { .api = &api->config, .desk = api->desk, .request = request };
    dispatch(&call);
    if (!call.later)
        write_answer(&call, answer);
}

/* ---- answers that come later ---- */
struct asked {
    struct call call;
    struct http_later *later;
    void (*then)(struct call *call, const struct media_answer *answer);
};

static void on_media(void *context, const struct media_answer *told)
{
    struct asked *asked = context;
    struct http_answer answer = { 0 };
    if (told->result < 0)
        api_refuse(&asked->call, api_status_of(told->result), told->text);
    else
        asked->then(&asked->call, told);
    write_answer(&asked->call, &answer);
    http_answer_later(asked->later, &answer);
    free(asked);
}

void api_ask_media(struct call *call, const struct media_question *question,
                   void (*then)(struct call *call, const struct media_answer *answer))
{
    struct error err = { 0 };
    struct asked *asked = calloc(1, sizeof *asked);
    struct http_later *later = asked ? http_request_later(call->request) : NULL;
    if (!later) {
        if (question->data)
            explicit_bzero(question->data, question->bytes);
        free(question->data);
        free(asked);
        api_refuse(call, 500, "no memory");
        return;
    }
    *asked = (struct asked){ .call = { .api = call->api, .desk = call->desk, .status = 200 }, later, then };
    int result = media_desk_ask(call->desk, question, on_media, asked, &err);
    if (result == 0) {
        call->later = true;
        return;
    }
    http_request_now(later);
    free(asked);
    api_refuse(call, api_status_of(result), err.text);
}

/* Encoders do not depend on who may look at them: what fails here is told, and tried again. */
static void listen_on_tcp(void *context)
{
    struct api *api = context;
    const struct api_settings *settings = api->config.settings;
    struct error err = { 0 };
    if (http_server_listen(api->server, settings->address, settings->port, &err) < 0) {
        management_alert(api->config.management, ALERT_API_CLOSED, "api", err.text);
        loop_timer_set(api->again, clock_monotonic_ns(api->config.clock) + LISTEN_AGAIN_S * NS_PER_S);
        return;
    }
    management_alert(api->config.management, ALERT_API_CLOSED, "api", NULL);
    bool loopback = strncmp(settings->address, "127.", 4) == 0 || strcmp(settings->address, "::1") == 0;
    log_write(api->config.log, loopback ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "API at http://%s:%u%s",
              settings->address, settings->port,
              loopback ? "" : ": without a password, for everybody who reaches this address");
}

int api_create(struct api **out, const struct api_config *config, struct error *err)
{
    char path[1024];
    struct api *api = calloc(1, sizeof *api);
    if (!api)
        return error_set(err, -ENOMEM, "api");
    api->config = *config;
    snprintf(path, sizeof path, "%s/api.socket", config->run_directory);
    int result = config->media ? media_desk_create(&api->desk, config->loop, config->clock, config->media, err) : 0;
    if (result == 0)
        result = http_server_create(&api->server, config->loop, config->clock, on_request, api, err);
    if (result == 0)
        result = http_server_listen_unix(api->server, path, err);
    if (result == 0 && !(api->again = loop_timer_create(config->loop, listen_on_tcp, api)))
        result = error_set(err, -ENOMEM, "api");
    if (result < 0) {
        api_destroy(api);
        return result;
    }
    if (config->settings->port)
        listen_on_tcp(api);
    *out = api;
    return 0;
}

void api_destroy(struct api *api)
{
    if (!api)
        return;
    loop_timer_destroy(api->again);
    http_server_retire(api->server); /* nobody asks the desk any more */
    media_desk_destroy(api->desk);   /* it has answers for those who wait */
    http_server_destroy(api->server);
    free(api);
}

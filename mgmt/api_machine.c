/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_machine.c - the machine through the API: what it is made of, its log, sticks, updates, power. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/api_private.h"
#include "mgmt/hardware.h"
#include "mgmt/log_tail.h"
#include "mgmt/machine.h"
#include "mgmt/management.h"
#include "mgmt/media_desk.h"
#include "mgmt/staging.h"
#include "mgmt/support_bundle.h"
#include "mgmt/update.h"

static bool has(struct call *call, const void *part)
{
    if (!part)
        api_refuse(call, 404, "this box does not do that");
    return part != NULL;
}

static void get_hardware(struct call *call)
{
    call->json = hardware_json();
}

static void get_log(struct call *call)
{
    const char *lines = http_request_query(call->request, "lines");
    const char *source = http_request_query(call->request, "source");
    if (!has(call, call->api->log_tail))
        return;
    call->json =
        log_tail_json(call->api->log_tail, source, lines ? (unsigned)strtoul(lines, NULL, 10) : LOG_TAIL_LINES_MAX);
    if (!call->json)
        api_refuse(call, 404, "there is no such log");
}

/* ---- sticks ---- */
static void tell_media(struct call *call, const struct media_answer *answer)
{
    call->json = json_pack("{s:b, s:O}", "searching", call->api->machine && machine_is_busy(call->api->machine),
                           "places", answer->places);
}

static void get_media(struct call *call)
{
    if (has(call, call->desk))
        api_ask_media(call, &(struct media_question){ .work = MEDIA_LIST }, tell_media);
}

static void do_machine(struct call *call, int (*what)(struct machine *machine, struct error *err))
{
    struct error err = { 0 };
    if (has(call, call->api->machine))
        api_answer_action(call, what(call->api->machine, &err), &err);
}

static void post_find(struct call *call)
{
    do_machine(call, machine_find_sticks);
}
static void post_release(struct call *call)
{
    do_machine(call, machine_release_sticks);
}

/* ---- power ---- */
static void post_reboot(struct call *call)
{
    do_machine(call, machine_reboot);
}
static void post_power_off(struct call *call)
{
    do_machine(call, machine_power_off);
}
static void post_factory_reset(struct call *call)
{
    do_machine(call, machine_factory_reset);
}

/* ---- updates ---- */
static void get_update(struct call *call)
{
    if (has(call, call->api->update))
        call->json = update_json(call->api->update);
}

/* A file is "stick/name", anything else stands for itself. */
static void inspect(struct call *call, const struct media_answer *found)
{
    struct error err = { 0 };
    api_answer_action(call, update_inspect(call->api->update, found->path, &err), &err);
}

static void install(struct call *call, const struct media_answer *found)
{
    struct error err = { 0 };
    api_answer_action(call, update_install(call->api->update, found->path, &err), &err);
}

static void do_update(struct call *call, void (*what)(struct call *call, const struct media_answer *found))
{
    const char *url = http_request_query(call->request, "url");
    const char *file = http_request_query(call->request, "file");
    if (!has(call, call->api->update))
        return;
    if (url && *url == '/')
        api_refuse(call, 400, "a URL begins with http:// or https://");
    else if (url)
        what(call, &(struct media_answer){ .path = url });
    else if (!file)
        api_refuse(call, 400, "from where? ?url= or ?file=");
    else if (has(call, call->desk))
        api_ask_media(call, &(struct media_question){ .work = MEDIA_FIND, .file = file }, what);
}

static void post_inspect(struct call *call)
{
    do_update(call, inspect);
}
static void post_install(struct call *call)
{
    do_update(call, install);
}

static void post_boot_other(struct call *call)
{
    struct error err = { 0 };
    if (has(call, call->api->update))
        api_answer_action(call, update_boot_other(call->api->update, &err), &err);
}

/* ---- the support bundle ---- */
static void add(struct support_bundle *bundle, const char *name, json_t *json)
{
    if (json)
        support_bundle_add_json(bundle, name, json);
    json_decref(json);
}

static void add_logs(struct support_bundle *bundle, struct log_tail *tail)
{
    json_t *told = log_tail_json(tail, "biplaned", 1);
    const json_t *sources = json_object_get(told, "sources");
    for (size_t i = 0; i < json_array_size(sources); i++) {
        char name[96];
        const char *source = json_string_value(json_array_get(sources, i));
        char *text = log_tail_text(tail, source);
        snprintf(name, sizeof name, "log/%.80s", source);
        if (text)
            support_bundle_add(bundle, name, text, strlen(text));
        free(text);
    }
    json_decref(told);
}

static void add_channels(struct support_bundle *bundle, const struct management *management)
{
    json_t *channels = management_channels(management);
    for (size_t i = 0; i < json_array_size(channels); i++) {
        char file[96];
        const char *name = json_string_value(json_object_get(json_array_get(channels, i), "name"));
        snprintf(file, sizeof file, "channels/%.64s.json", name);
        add(bundle, file, management_channel(management, name));
    }
    json_decref(channels);
}

static char *make_bundle(const struct api_config *api, size_t *bytes)
{
    struct support_bundle bundle = { .time_s = (int64_t)(clock_utc_ns(api->clock) / NS_PER_S) };
    add(&bundle, "status.json", management_status(api->management));
    add(&bundle, "inputs.json", management_inputs(api->management));
    add(&bundle, "alerts.json", management_alerts(api->management, true));
    add(&bundle, "counters.json", management_counters(api->management));
    add(&bundle, "hardware.json", hardware_json());
    add_channels(&bundle, api->management);
    if (api->staging) {
        add(&bundle, "configuration.json", staging_documents(api->staging, false, NULL));
        add(&bundle, "staged.json", staging_report(api->staging));
    }
    if (api->update)
        add(&bundle, "update.json", update_json(api->update));
    if (api->log_tail)
        add_logs(&bundle, api->log_tail);
    return support_bundle_finish(&bundle, bytes);
}

static void get_bundle(struct call *call)
{
    call->text = make_bundle(call->api, &call->bytes);
    call->content_type = "application/gzip";
}

static void post_bundle(struct call *call)
{
    char name[64];
    size_t bytes;
    if (!has(call, call->desk))
        return;
    char *data = make_bundle(call->api, &bytes);
    if (!data) {
        api_refuse(call, 500, "no memory for a support bundle");
        return;
    }
    snprintf(name, sizeof name, "biplane-support-%llu.tar.gz",
             (unsigned long long)(clock_utc_ns(call->api->clock) / NS_PER_S));
    api_ask_media(call,
                  &(struct media_question){ .work = MEDIA_SAVE,
                                            .place = http_request_query(call->request, "place"),
                                            .file = name,
                                            .data = data,
                                            .bytes = bytes },
                  api_tell_path);
}

const struct route api_machine_routes[] = {
    { "GET", "/v1/hardware", get_hardware, ROUTE_ANYBODY },
    { "GET", "/v1/log", get_log, ROUTE_ANYBODY },
    { "GET", "/v1/media", get_media, ROUTE_ANYBODY },
    { "POST", "/v1/media/find", post_find, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/media/release", post_release, ROUTE_UNIX_SOCKET },
    { "GET", "/v1/update", get_update, ROUTE_ANYBODY },
    { "POST", "/v1/update/inspect", post_inspect, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/update/install", post_install, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/update/boot-other", post_boot_other, ROUTE_UNIX_SOCKET },
    { "GET", "/v1/support-bundle", get_bundle, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/support-bundle", post_bundle, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/machine/reboot", post_reboot, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/machine/power-off", post_power_off, ROUTE_UNIX_SOCKET },
    { "POST", "/v1/machine/factory-reset", post_factory_reset, ROUTE_UNIX_SOCKET },
    { 0 },
};

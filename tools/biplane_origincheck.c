/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplane_origincheck.c - follows the destinations of a channel and says what is wrong with what they have.
 *
 * Downstreams read in threads of their own and report to the judge; this thread only ticks, prints and serves the page
 * for a monitor.
 */
#include <curl/curl.h>
#include <errno.h>
#include <libavutil/log.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "board/settings.h"
#include "mgmt/credentials.h"
#include "mgmt/http_server.h"
#include "tools/origincheck/downstream.h"
#include "tools/origincheck/options.h"
#include "tools/origincheck/report.h"
#include "tools/origincheck/unpack.h"

enum { TICK_MS = 250, STATUS_EVERY = 4 };

struct check {
    struct options options;
    struct clock clock;
    struct loop *loop;
    struct loop_timer *timer;
    struct http_server *server;
    struct credentials *credentials;
    struct watch watch;
    atomic_bool stop;
    uint8_t key[UNPACK_KEY_BYTES];
    unsigned started, ticks;
    struct downstream *downstreams[PLAN_PLACES_MAX];
    uint64_t begin_ns;
    bool terminal;
};

static double seconds_so_far(const struct check *check)
{
    return (double)(clock_monotonic_ns(&check->clock) - check->begin_ns) / 1e9;
}

/* ---- while it runs ---- */
static void on_finding(void *context, const struct finding *finding, bool cleared)
{
    struct check *check = context;
    FILE *stream = check->options.json ? stderr : stdout;
    if (!check->options.follow)
        return;
    if (check->terminal)
        fputs("\r\033[K", stream);
    report_finding(stream, &check->options.plan, finding, cleared);
    fflush(stream);
}

static bool all_ended(const struct check *check)
{
    for (unsigned i = 0; i < check->started; i++)
        if (!downstream_ended(check->downstreams[i]))
            return false;
    return true;
}

static void on_tick(void *context)
{
    struct check *check = context;
    double seconds = seconds_so_far(check);
    pthread_mutex_lock(&check->watch.lock);
    judge_tick(check->watch.judge, clock_monotonic_ns(&check->clock), clock_utc_ns(&check->clock));
    if (check->options.follow && check->terminal && check->ticks++ % STATUS_EVERY == 0) {
        fputs("\r\033[K", stdout);
        report_status(stdout, &check->options.plan, check->watch.judge, seconds);
        fflush(stdout);
    }
    pthread_mutex_unlock(&check->watch.lock);
    if ((check->options.seconds > 0 && seconds >= check->options.seconds) || all_ended(check))
        loop_stop(check->loop);
    else
        loop_timer_set(check->timer, clock_monotonic_ns(&check->clock) + TICK_MS * NS_PER_MS);
}

static void on_signal(void *context, int signal_number)
{
    (void)signal_number;
    struct check *check = context;
    loop_stop(check->loop);
}

static void on_request(void *context, const struct http_request *request, struct http_answer *answer)
{
    struct check *check = context;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (strcmp(request->method, "GET") != 0 || strcmp(request->path, "/metrics") != 0) {
        answer->status = 404;
        answer->body = strdup("see /metrics\n");
    } else {
        pthread_mutex_lock(&check->watch.lock);
        answer->body = report_metrics(&check->options.plan, check->watch.judge);
        pthread_mutex_unlock(&check->watch.lock);
        answer->status = answer->body ? 200 : 500;
    }
    answer->bytes = answer->body ? strlen(answer->body) : 0;
}

/* ---- before ---- */
static int open_metrics(struct check *check, struct error *err)
{
    char address[64], *end;
    const char *colon = check->options.metrics ? strrchr(check->options.metrics, ':') : NULL;
    if (!check->options.metrics)
        return 0;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || !port || port > 65535 || *end || (size_t)(colon - check->options.metrics) >= sizeof address)
        return error_set(err, -EINVAL, "--metrics %.60s: want ADDRESS:PORT", check->options.metrics);
    snprintf(address, sizeof address, "%.*s", (int)(colon - check->options.metrics), check->options.metrics);
    int result = http_server_create(&check->server, check->loop, &check->clock, on_request, check, err);
    if (result == 0)
        result = http_server_listen(check->server, address, (unsigned)port, err);
    return result < 0 ? result : 0;
}

static int read_credentials(struct check *check, struct error *err)
{
    int result = 0;
    if (check->options.credentials) {
        struct problems *problems = problems_create();
        result = access(check->options.credentials, R_OK) < 0 ? -errno : 0;
        if (result == 0)
            result = credentials_read(&check->credentials, check->options.credentials, problems);
        problems_print(problems, stderr);
        problems_destroy(problems);
        if (result < 0)
            return error_set_errno(err, result, "credentials file %s", check->options.credentials);
    }
    if (check->options.key)
        result = unpack_read_key(check->options.key, check->key, err);
    return result;
}

static int prepare(struct check *check, struct error *err)
{
    static const int signals[] = { SIGINT, SIGTERM, 0 };
    const struct options *options = &check->options;
    int result = read_credentials(check, err);
    if (result == 0)
        result = plan_complete(&check->options.plan, check->credentials, err);
    if (result == 0)
        result = judge_create(&check->watch.judge,
                              &(struct judge_config){ .groups = options->plan.groups,
                                                      .groups_count = options->plan.groups_count,
                                                      .stale_factor = options->stale_factor,
                                                      .maximum_age_s = options->maximum_age_s,
                                                      .on_finding = on_finding,
                                                      .context = check },
                              err);
    if (result == 0)
        result = loop_create(&check->loop, err);
    if (result == 0)
        result = loop_signals(check->loop, signals, on_signal, check, err);
    if (result == 0)
        result = open_metrics(check, err);
    if (result == 0 && !(check->timer = loop_timer_create(check->loop, on_tick, check)))
        result = error_set(err, -ENOMEM, "a timer");
    return result;
}

static int start(struct check *check, struct error *err)
{
    const struct plan *plan = &check->options.plan;
    int result = 0;
    for (unsigned i = 0; i < plan->places_count && result == 0; i++) {
        const struct plan_place *place = &plan->places[i];
        struct downstream_config config = { .place = place,
                                            .plan = plan,
                                            .copies = plan->groups[place->group].copies,
                                            .watch = &check->watch,
                                            .clock = &check->clock,
                                            .stop = &check->stop,
                                            .depth = check->options.depth,
                                            .key = check->options.key ? check->key : NULL,
                                            .timeout_s = check->options.timeout_s };
        result = downstream_start(&check->downstreams[i], &config, err);
        check->started += result == 0;
    }
    return result;
}

/* ---- after ---- */
static void stop(struct check *check)
{
    atomic_store(&check->stop, true);
    for (unsigned i = 0; i < check->started; i++)
        downstream_join(check->downstreams[i]);
    http_server_destroy(check->server);
    loop_timer_destroy(check->timer);
    loop_destroy(check->loop);
}

static int report(struct check *check)
{
    const struct judge *judge = check->watch.judge;
    double seconds = seconds_so_far(check);
    judge_finish(check->watch.judge);
    if (check->options.follow && check->terminal)
        fputs("\r\033[K", stdout);
    if (check->options.json)
        report_json(stdout, &check->options.plan, judge, seconds);
    else
        report_text(stdout, &check->options.plan, judge, seconds);
    return judge_troubles(judge) ? 1 : 0;
}

static int run(struct check *check)
{
    struct error err = { 0 };
    int result = prepare(check, &err), status = 2;
    check->begin_ns = clock_monotonic_ns(&check->clock);
    if (result == 0)
        result = start(check, &err);
    if (result == 0) {
        on_tick(check);
        result = loop_run(check->loop);
    }
    stop(check);
    if (result < 0)
        fprintf(stderr, "biplane-origincheck: %s\n", *err.text ? err.text : strerror(-result));
    else
        status = report(check);
    judge_destroy(check->watch.judge);
    credentials_destroy(check->credentials);
    OPENSSL_cleanse(check->key, sizeof check->key);
    return status;
}

int main(int argc, char **argv)
{
    struct check *check = calloc(1, sizeof *check);
    int status = 2;
    if (check && options_read(&check->options, argc, argv, stderr) == 0) {
        if (check->options.help) {
            fputs(options_usage, stdout);
            status = 0;
        } else {
            signal(SIGPIPE, SIG_IGN);
            av_log_set_level(AV_LOG_QUIET);
            curl_global_init(CURL_GLOBAL_DEFAULT);
            check->clock = clock_real();
            check->terminal = isatty(STDOUT_FILENO) && !check->options.json;
            pthread_mutex_init(&check->watch.lock, NULL);
            status = run(check);
            pthread_mutex_destroy(&check->watch.lock);
            curl_global_cleanup();
        }
    }
    free(check);
    return status;
}

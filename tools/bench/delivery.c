/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delivery - hands segments to the queues of many destinations at a steady rate, and tells how late each was delivered.
 *
 *     delivery PORT DESTINATIONS SEGMENTS_A_SECOND BYTES SECONDS
 *
 * All destinations are folders of one server, but each has a queue and connections of its own, as in the management
 * process. They take turns: the segments are spread evenly over time. Prints one line of JSON; the process's CPU time
 * is for whoever started it to ask.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/destination.h"
#include "mgmt/transfer.h"

enum { LATE_MS = 200, DRAIN_SECONDS = 20 };

struct segment {
    uint64_t handed_over_ns, delivered_ns; /* 0: not delivered */
};

struct target {
    struct destination destination;
    struct destination_queue *queue;
};

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct connection_settings connection;
    struct loop_timer *pace;
    struct target *targets;
    struct segment *segments;
    unsigned port, target_count, rate;
    unsigned segment_count, handed_over, ended;
    char *body;
    size_t bytes;
    uint64_t began_ns;
};

static void fail(const struct error *err)
{
    fprintf(stderr, "delivery: %s\n", err->text);
    exit(1);
}

static void file_done(void *context, unsigned lane, void *file, enum destination_outcome outcome)
{
    (void)lane;
    struct bench *bench = context;
    struct segment *segment = file;
    if (outcome == DESTINATION_DELIVERED)
        segment->delivered_ns = clock_monotonic_ns(&bench->clock);
    bench->ended++;
}

static void text_done(void *context, unsigned lane, struct destination_text_tag tag)
{
    (void)context, (void)lane, (void)tag;
}

static void delete_done(void *context, unsigned lane, bool deleted)
{
    (void)context, (void)lane, (void)deleted;
}

static void recovered(void *context)
{
    (void)context;
}

static void open_target(struct bench *bench, unsigned number)
{
    struct target *target = &bench->targets[number];
    struct error err = { 0 };
    snprintf(target->destination.url, sizeof target->destination.url, "http://127.0.0.1:%u/live/%u/news", bench->port,
             number);
    const struct destination_queue_config config = {
        .source = "bench/0",
        .subject = "web",
        .destination = &target->destination,
        .connection = &bench->connection,
        .lanes = 1,
        .segment_length_s = 2,
        .loop = bench->loop,
        .engine = bench->engine,
        .clock = &bench->clock,
        .callbacks = { file_done, text_done, delete_done, recovered, NULL },
        .context = bench,
    };
    if (destination_queue_create(&target->queue, &config, &err) < 0)
        fail(&err);
}

static uint64_t due_ns(const struct bench *bench, unsigned number)
{
    return bench->began_ns + number * NS_PER_S / bench->rate;
}

/* The time that counts is when the segment was due: a loop that comes late to hand it over is late as well. */
static void hand_over(struct bench *bench)
{
    unsigned number = bench->handed_over++;
    struct segment *segment = &bench->segments[number];
    char name[32];
    snprintf(name, sizeof name, "news_%08u.ts", number);
    segment->handed_over_ns = due_ns(bench, number);
    destination_put_file(
        bench->targets[number % bench->target_count].queue, 0,
        &(struct destination_file){
            .name = name, .content_type = "video/mp2t", .data = bench->body, .bytes = bench->bytes, .file = segment });
}

static void on_pace(void *context)
{
    struct bench *bench = context;
    while (bench->handed_over < bench->segment_count &&
           due_ns(bench, bench->handed_over) <= clock_monotonic_ns(&bench->clock))
        hand_over(bench);
    if (bench->handed_over < bench->segment_count)
        loop_timer_set(bench->pace, due_ns(bench, bench->handed_over));
}

static void open_bench(struct bench *bench)
{
    struct error err = { 0 };
    bench->clock = clock_real();
    bench->connection = (struct connection_settings){ .cdn = CDN_BASIC_PUT,
                                                      .connection_retry_interval = 1,
                                                      .num_retries = 10,
                                                      .filecache_duration = 300,
                                                      .restart_delay = 15,
                                                      .timeout = 10,
                                                      .connections = 4 };
    bench->targets = calloc(bench->target_count, sizeof *bench->targets);
    bench->segments = calloc(bench->segment_count, sizeof *bench->segments);
    bench->body = malloc(bench->bytes);
    if (!bench->targets || !bench->segments || !bench->body) {
        error_set(&err, -ENOMEM, "no memory");
        fail(&err);
    }
    memset(bench->body, 'x', bench->bytes);
    if (loop_create(&bench->loop, &err) < 0 ||
        transfer_engine_create(&bench->engine, bench->loop, &bench->clock, &err) < 0)
        fail(&err);
    for (unsigned i = 0; i < bench->target_count; i++)
        open_target(bench, i);
    bench->pace = loop_timer_create(bench->loop, on_pace, bench);
}

static void close_bench(struct bench *bench)
{
    for (unsigned i = 0; i < bench->target_count; i++)
        destination_queue_destroy(bench->targets[i].queue);
    loop_timer_destroy(bench->pace);
    transfer_engine_destroy(bench->engine);
    loop_destroy(bench->loop);
    free(bench->targets);
    free(bench->segments);
    free(bench->body);
}

/* ---- figures ---- */

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The most there was. Not getrusage()'s, which is that of whoever started us when that was more. */
static double resident_megabytes(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    long kilobytes = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return (double)kilobytes / 1024;
}

static void print_figures(const struct bench *bench)
{
    double *ms = calloc(bench->segment_count, sizeof *ms);
    unsigned delivered = 0, late = 0, retries = 0, connections = 0;
    for (unsigned i = 0; ms && i < bench->segment_count; i++) {
        const struct segment *segment = &bench->segments[i];
        if (!segment->delivered_ns)
            continue;
        ms[delivered] = (double)(segment->delivered_ns - segment->handed_over_ns) / 1e6;
        late += ms[delivered++] > LATE_MS;
    }
    for (unsigned i = 0; i < bench->target_count; i++) {
        struct destination_counters counters = destination_queue_counters(bench->targets[i].queue);
        retries += (unsigned)counters.retries;
        connections += (unsigned)counters.new_connections;
    }
    if (delivered)
        qsort(ms, delivered, sizeof *ms, compare);
    printf("{\"destinations\": %u, \"segments\": %u, \"delivered\": %u, \"late\": %u, \"retries\": %u, "
           "\"connections\": %u, \"resident_megabytes\": %.1f",
           bench->target_count, bench->segment_count, delivered, late, retries, connections, resident_megabytes());
    static const unsigned per_mille[] = { 500, 900, 990, 999, 1000 };
    for (unsigned i = 0; delivered && i < sizeof per_mille / sizeof per_mille[0]; i++)
        printf(", \"ms_%u\": %.2f", per_mille[i], ms[(delivered - 1) * per_mille[i] / 1000]);
    printf("}\n");
    free(ms);
}

int main(int count, char **arguments)
{
    static struct bench bench;
    if (count != 6 || atoi(arguments[2]) < 1 || atoi(arguments[3]) < 1 || atoi(arguments[5]) < 1) {
        fprintf(stderr, "usage: delivery PORT DESTINATIONS SEGMENTS_A_SECOND BYTES SECONDS\n");
        return 2;
    }
    bench.port = (unsigned)atoi(arguments[1]);
    bench.target_count = (unsigned)atoi(arguments[2]);
    bench.rate = (unsigned)atoi(arguments[3]);
    bench.bytes = strtoul(arguments[4], NULL, 10);
    bench.segment_count = bench.rate * (unsigned)atoi(arguments[5]);
    open_bench(&bench);
    bench.began_ns = clock_monotonic_ns(&bench.clock);
    loop_timer_set(bench.pace, bench.began_ns);
    uint64_t limit_ns = due_ns(&bench, bench.segment_count) + DRAIN_SECONDS * NS_PER_S;
    while (bench.ended < bench.segment_count && clock_monotonic_ns(&bench.clock) < limit_ns)
        loop_turn(bench.loop, 1000);
    print_figures(&bench);
    bool complete = bench.ended == bench.segment_count;
    close_bench(&bench);
    return complete ? 0 : 1;
}

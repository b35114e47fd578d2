/* SPDX-License-Identifier: GPL-2.0-or-later */
/* s3_archive - a large file becomes one S3 object, as an archive does: how long, what CPU, how much memory.
 *
 *     S3_ACCESS_KEY=... S3_SECRET_KEY=... s3_archive http://127.0.0.1:9000 s3://bucket/archive/a FILE
 *
 * The object is called archive/FILE's last part. A try that fails is repeated after 0.2 s, as a destination would.
 * Prints one line of JSON; ends with 0 when the store has the object as a whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/credentials.h"
#include "mgmt/store_s3.h"

enum { TRIES_MAX = 100, PAUSE_US = 200000 };

struct bench {
    struct loop *loop;
    struct clock clock;
    struct transfer_engine *engine;
    struct destination destination;
    struct connection_settings connection;
    struct credential credential;
    struct store *store;
    struct transfer_result result;
    bool done;
};

static void fail(const struct error *err)
{
    fprintf(stderr, "s3_archive: %s\n", err->text);
    exit(1);
}

static void on_done(void *context, const struct transfer_result *result)
{
    struct bench *bench = context;
    bench->result = *result;
    bench->done = true;
}

static void open_store(struct bench *bench, char **arguments)
{
    struct error err = { 0 };
    const char *access_key = getenv("S3_ACCESS_KEY"), *secret_key = getenv("S3_SECRET_KEY");
    bench->clock = clock_real();
    bench->connection = (struct connection_settings){ .cdn = CDN_S3, .timeout = 10, .connections = 4 };
    snprintf(bench->destination.endpoint, sizeof bench->destination.endpoint, "%s", arguments[1]);
    snprintf(bench->destination.url, sizeof bench->destination.url, "%s", arguments[2]);
    snprintf(bench->credential.user, sizeof bench->credential.user, "%s", access_key ? access_key : "");
    snprintf(bench->credential.password, sizeof bench->credential.password, "%s", secret_key ? secret_key : "");
    if (loop_create(&bench->loop, &err) < 0 ||
        transfer_engine_create(&bench->engine, bench->loop, &bench->clock, &err) < 0)
        fail(&err);
    const struct store_config config = { .destination = &bench->destination,
                                         .connection = &bench->connection,
                                         .credential = &bench->credential,
                                         .engine = bench->engine,
                                         .loop = bench->loop,
                                         .clock = &bench->clock };
    if (store_create(&bench->store, &config, &err) < 0)
        fail(&err);
}

static void put(struct bench *bench, const char *path, int file, size_t bytes)
{
    const char *slash = strrchr(path, '/');
    const struct store_request request = { .method = STORE_PUT,
                                           .name = slash ? slash + 1 : path,
                                           .content_type = "video/m2ts",
                                           .descriptor = file,
                                           .bytes = bytes,
                                           .done = on_done,
                                           .context = bench };
    struct store_task *task;
    struct error err = { 0 };
    bench->done = false;
    if (store_start(bench->store, &request, &task, &err) < 0)
        fail(&err);
    while (!bench->done)
        loop_turn(bench->loop, 1000);
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

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int count, char **arguments)
{
    static struct bench bench;
    struct stat status;
    struct rusage usage;
    int file = count == 4 ? open(arguments[3], O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0 || fstat(file, &status) < 0) {
        fprintf(stderr, "usage: s3_archive ENDPOINT s3://BUCKET/PREFIX FILE\n");
        return 2;
    }
    open_store(&bench, arguments);
    uint64_t began_ns = clock_monotonic_ns(&bench.clock);
    unsigned tries = 0;
    do {
        if (tries)
            usleep(PAUSE_US);
        put(&bench, arguments[3], file, (size_t)status.st_size);
    } while (bench.result.outcome != TRANSFER_OK && ++tries < TRIES_MAX);
    double seconds = (double)(clock_monotonic_ns(&bench.clock) - began_ns) / 1e9;
    getrusage(RUSAGE_SELF, &usage);
    printf(
        "{\"bytes\": %lld, \"seconds\": %.2f, \"cpu_seconds\": %.2f, \"resident_megabytes\": %.1f, \"repeated\": %u, "
        "\"complete\": %s, \"text\": \"%s\"}\n",
        (long long)status.st_size, seconds, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
        resident_megabytes(), tries, bench.result.outcome == TRANSFER_OK ? "true" : "false", bench.result.text);
    store_destroy(bench.store);
    transfer_engine_destroy(bench.engine);
    loop_destroy(bench.loop);
    close(file);
    return bench.result.outcome == TRANSFER_OK ? 0 : 1;
}

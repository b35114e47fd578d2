/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/accelerators.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/settings.h"
#include "drivers/gpu.h"
#include "mgmt/configuration.h"

enum { PATH_BYTES = 768, ANSWER_BYTES = 256 * 1024, REASON_BYTES = 256 };

/* ---- asking ---- */
/* Between fork and exec: only what is safe there (see spawn.c). It does not outlive who asks. */
static _Noreturn void become(const char *const *arguments, int output, pid_t parent)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    dup2(nowhere, 0);
    dup2(output, 1);
    dup2(nowhere, 2);
    close_range(3, ~0U, 0);
    execv(arguments[0], (char *const *)arguments);
    _exit(127);
}

static pid_t start(const char *program, const char *runtime_directory, int output)
{
    const char *arguments[] = { program, "--accelerators", runtime_directory ? "--runtime" : NULL, runtime_directory,
                                NULL };
    pid_t parent = getpid(), pid = fork();

    if (pid == 0)
        become(arguments, output, parent);
    return pid;
}

static uint64_t now_ns(void)
{
    struct clock clock = clock_real();
    return clock_monotonic_ns(&clock);
}

/* All that comes until the end, or until the time is over. */
static size_t read_answer(int input, char *answer, unsigned patience_ms)
{
    uint64_t now, until_ns = now_ns() + patience_ms * NS_PER_MS;
    size_t bytes = 0;

    while (bytes < ANSWER_BYTES - 1 && (now = now_ns()) < until_ns) {
        struct pollfd ready = { .fd = input, .events = POLLIN };
        if (poll(&ready, 1, (int)((until_ns - now) / NS_PER_MS) + 1) <= 0)
            continue;
        ssize_t count = read(input, answer + bytes, ANSWER_BYTES - 1 - bytes);
        if (count <= 0)
            break;
        bytes += (size_t)count;
    }
    return bytes;
}

/* Drivers print what they like, before it and after. */
static json_t *find_answer(const char *text, size_t bytes)
{
    static const char begin[] = "{\"accelerators\"";
    const char *answer = memmem(text, bytes, begin, sizeof begin - 1);
    return answer ? json_loadb(answer, bytes - (size_t)(answer - text), JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

static void *reap(void *pid)
{
    waitpid((pid_t)(intptr_t)pid, NULL, 0);
    return NULL;
}

/* A process that cannot even be killed waits in the kernel, for a GPU that hangs: that may be for ever. Who waits for
 * its end is a thread, which does nothing else and takes no signals. */
static void leave(pid_t pid)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, reap, (void *)(intptr_t)pid) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* It has said all, or takes too long. */
static void end(pid_t pid, const char *program, unsigned patience_ms, struct error *err)
{
    uint64_t until_ns = now_ns() + patience_ms * NS_PER_MS;

    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (now_ns() >= until_ns) {
            error_set(err, -ETIMEDOUT, "%s does not end, even killed (a driver hangs): process %d is left", program,
                      pid);
            leave(pid);
            return;
        }
        poll(NULL, 0, 5);
    }
}

json_t *accelerators_ask(const char *programs_directory, const char *runtime_directory, unsigned patience_ms,
                         struct error *err)
{
    char program[PATH_BYTES], *answer = malloc(ANSWER_BYTES);
    json_t *json = NULL;
    int pipes[2];

    snprintf(program, sizeof program, "%s/biplane-encode", programs_directory);
    if (!answer || pipe2(pipes, O_CLOEXEC) < 0) {
        free(answer);
        error_set(err, -ENOMEM, "asking %s for accelerators", program);
        return NULL;
    }
    pid_t pid = start(program, runtime_directory, pipes[1]);
    close(pipes[1]);
    if (pid > 0) {
        size_t bytes = read_answer(pipes[0], answer, patience_ms);
        json = find_answer(answer, bytes);
    }
    close(pipes[0]);
    free(answer);
    if (!json_is_array(json_object_get(json, "accelerators"))) {
        error_set(err, -ENODATA, "%s does not tell what this machine can encode", program);
        json_decref(json);
        json = NULL;
    }
    if (pid > 0)
        end(pid, program, patience_ms / 5, err);
    return json;
}

/* ---- checking ---- */
static const char *codec_word(const struct video_description *video)
{
    static const char *const words[] = {
        [VIDEO_CODEC_H264] = "h264", [VIDEO_CODEC_JPEG] = "jpeg", [VIDEO_CODEC_HEVC] = "hevc", [VIDEO_CODEC_AV1] = "av1"
    };
    return words[video->codec];
}

static unsigned depth_of(const struct video_description *video)
{
    return video->bit_depth ? video->bit_depth : 8;
}

static long long number(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

/* A size of 0 is the source's: not known now. A limit of 0 is not known either. */
static bool fits(long long size, long long least, long long most)
{
    return !size || ((!least || size >= least) && (!most || size <= most));
}

/* A colour space by name takes an accelerator that converts HDR to it, as a source may be HDR. */
static bool converts(const json_t *accelerator, const struct video_description *video)
{
    const char *wanted = video->color_space >= COLOR_SPACE_HDR10 ? "sdr_to_hdr10" : "hdr10_to_sdr";
    const json_t *word;
    size_t i;

    json_array_foreach(json_object_get(accelerator, "converts"), i, word)
    {
        if (strcmp(json_string_value(word) ? json_string_value(word) : "", wanted) == 0)
            return true;
    }
    return video->color_space <= COLOR_SPACE_PASSTHROUGH;
}

/* Adds to `reason` what this accelerator says to it; true: it encodes it. */
static bool encodes(const json_t *accelerator, const struct video_description *video, char *reason)
{
    const char *name = json_string_value(json_object_get(accelerator, "name"));
    const json_t *encoder, *encoders = json_object_get(accelerator, "encoders");
    size_t used = strlen(reason), i;
    bool codec = false;

    if (!converts(accelerator, video)) {
        snprintf(reason + used, REASON_BYTES - used, "%s%.60s: no color_space = \"%s\"", used ? "; " : "",
                 name ? name : "?", color_space_name(video->color_space));
        return false;
    }

    json_array_foreach(encoders, i, encoder)
    {
        const char *word = json_string_value(json_object_get(encoder, "codec"));
        if (!word || strcmp(word, codec_word(video)) != 0)
            continue;
        codec = true;
        if (number(encoder, "bit_depth") != depth_of(video))
            continue;
        if (fits(video->width, number(encoder, "width_min"), number(encoder, "width_max")) &&
            fits(video->height, number(encoder, "height_min"), number(encoder, "height_max")))
            return true;
        snprintf(reason + used, REASON_BYTES - used, "%s%.60s: %lldx%lld to %lldx%lld", used ? "; " : "",
                 name ? name : "?", number(encoder, "width_min"), number(encoder, "height_min"),
                 number(encoder, "width_max"), number(encoder, "height_max"));
        return false;
    }
    snprintf(reason + used, REASON_BYTES - used, "%s%.60s: not %s%s", used ? "; " : "", name ? name : "?",
             codec_word(video), codec ? " of this bit depth" : "");
    return false;
}

static bool is_hardware(const json_t *accelerator)
{
    return json_is_true(json_object_get(accelerator, "hardware"));
}

static bool is_vaapi(const json_t *accelerator)
{
    const char *kind = json_string_value(json_object_get(accelerator, "kind"));
    return kind && strcmp(kind, "VA-API") == 0;
}

/* The GPU is one of a oneVPL runtime's as well: then that is what pipelines run on. */
static bool has_runtime(const json_t *accelerators, const json_t *gpu)
{
    const json_t *other;
    size_t i;

    json_array_foreach(accelerators, i, other)
    {
        if (is_hardware(other) && !is_vaapi(other) &&
            json_equal(json_object_get(other, "device"), json_object_get(gpu, "device")))
            return true;
    }
    return false;
}

/* A GPU that only VA-API reaches: "hardware" is that one then, beside a software runtime. */
static bool has_bare_gpu(const json_t *accelerators)
{
    const json_t *accelerator;
    size_t i;

    json_array_foreach(accelerators, i, accelerator)
    {
        if (is_hardware(accelerator) && is_vaapi(accelerator) && !has_runtime(accelerators, accelerator))
            return true;
    }
    return false;
}

/* What biplane-encode may run for it, of either node (see accelerate() there, and encoder_choice.h). wish and encoder
 * are the channel's words, or the box's. */
static bool is_wanted(const json_t *accelerators, const json_t *accelerator, unsigned wish, unsigned encoder,
                      unsigned codec)
{
    bool hardware = is_hardware(accelerator);
    bool only_vpl = codec == VIDEO_CODEC_JPEG || (codec == VIDEO_CODEC_AV1 && encoder != ENCODER_VAAPI);

    if (wish == ACCELERATOR_SOFTWARE && hardware)
        return false;
    if (is_vaapi(accelerator)) /* its software driver is only for who says "vaapi" */
        return !only_vpl && encoder != ENCODER_VPL &&
               (hardware || (encoder == ENCODER_VAAPI && wish != ACCELERATOR_HARDWARE));
    if (encoder == ENCODER_VAAPI && !only_vpl)
        return false;
    if (hardware || wish != ACCELERATOR_HARDWARE)
        return true;
    return only_vpl && encoder != ENCODER_VPL && has_bare_gpu(accelerators);
}

static void check_video(const json_t *accelerators, unsigned wish, unsigned encoder,
                        const struct video_description *video, struct problems *problems)
{
    char reason[REASON_BYTES] = "", size[32] = "the source's size";
    const json_t *accelerator;
    size_t i;

    json_array_foreach(accelerators, i, accelerator)
    {
        if (is_wanted(accelerators, accelerator, wish, encoder, video->codec) && encodes(accelerator, video, reason))
            return;
    }
    if (video->width)
        snprintf(size, sizeof size, "%ux%u", video->width, video->height);
    problem_at(problems, &video->codec,
               "video description \"%s\": no accelerator of this machine encodes %s of %u bits in %s (%s)", video->name,
               codec_word(video), depth_of(video), size,
               reason[0]                      ? reason
               : encoder == ENCODER_VAAPI     ? "there is no VA-API driver of a GPU"
               : wish == ACCELERATOR_HARDWARE ? "there is no hardware"
                                              : "there is no software runtime");
}

static bool is_same(const struct channel *channel, unsigned wish, const struct configuration *before)
{
    const struct channel *old = before ? configuration_channel(before, channel->name) : NULL;

    if (!old || (old->accelerator == ACCELERATOR_AUTO ? before->box.accelerator : old->accelerator) != wish)
        return false;
    char *text = configuration_text(&channel_settings, channel), *old_text = configuration_text(&channel_settings, old);
    bool same = text && old_text && strcmp(text, old_text) == 0;
    free(text);
    free(old_text);
    return same;
}

static bool knows_gpu(const json_t *list, const struct gpu *gpu)
{
    const json_t *accelerator;
    size_t i;

    json_array_foreach(list, i, accelerator)
    {
        const char *device = json_string_value(json_object_get(accelerator, "device"));
        if (device && strcmp(device, gpu->device) == 0)
            return true;
    }
    return false;
}

bool accelerators_know_gpus(const json_t *accelerators, const struct gpu *gpus, unsigned count)
{
    unsigned known = 0;

    while (known < count && knows_gpu(json_object_get(accelerators, "accelerators"), &gpus[known]))
        known++;
    return known == count;
}

void accelerators_check(const json_t *accelerators, bool complete, const struct configuration *configuration,
                        const struct configuration *before, struct problems *problems)
{
    const json_t *list = json_object_get(accelerators, "accelerators");

    for (unsigned c = 0; json_array_size(list) && c < configuration->channels_count; c++) {
        const struct channel *channel = configuration->channels[c];
        unsigned wish =
            channel->accelerator == ACCELERATOR_AUTO ? configuration->box.accelerator : channel->accelerator;
        if (!complete && wish != ACCELERATOR_SOFTWARE)
            continue;
        for (unsigned i = 0; !is_same(channel, wish, before) && i < channel->encodes.video_count; i++)
            check_video(list, wish, channel->encoder, &channel->encodes.video[i], problems);
    }
}

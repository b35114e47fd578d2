/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/accelerators.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/settings.h"
#include "mgmt/configuration.h"

enum { PATH_BYTES = 768, ANSWER_BYTES = 256 * 1024, REASON_BYTES = 256 };

#define WAIT_NS (5 * NS_PER_S)

extern char **environ;

/* ---- asking ---- */
static pid_t start(const char *program, const char *runtime_directory, int output)
{
    const char *arguments[] = { program, "--accelerators", runtime_directory ? "--runtime" : NULL, runtime_directory,
                                NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int result = posix_spawn(&pid, program, &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return result == 0 ? pid : -1;
}

/* All that comes until the end, or until the time is over. */
static size_t read_answer(int input, char *answer)
{
    struct clock clock = clock_real();
    uint64_t until_ns = clock_monotonic_ns(&clock) + WAIT_NS;
    size_t bytes = 0;

    for (uint64_t now_ns; bytes < ANSWER_BYTES - 1 && (now_ns = clock_monotonic_ns(&clock)) < until_ns;) {
        struct pollfd ready = { .fd = input, .events = POLLIN };
        if (poll(&ready, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0)
            continue;
        ssize_t count = read(input, answer + bytes, ANSWER_BYTES - 1 - bytes);
        if (count <= 0)
            break;
        bytes += (size_t)count;
    }
    return bytes;
}

json_t *accelerators_ask(const char *programs_directory, const char *runtime_directory)
{
    char program[PATH_BYTES], *answer = malloc(ANSWER_BYTES);
    json_t *json = NULL;
    int pipes[2];

    snprintf(program, sizeof program, "%s/biplane-encode", programs_directory);
    if (!answer || pipe2(pipes, O_CLOEXEC) < 0) {
        free(answer);
        return NULL;
    }
    pid_t pid = start(program, runtime_directory, pipes[1]);
    close(pipes[1]);
    if (pid > 0) {
        size_t bytes = read_answer(pipes[0], answer);
        kill(pid, SIGKILL); /* it has said all, or takes too long */
        waitpid(pid, NULL, 0);
        json = json_loadb(answer, bytes, 0, NULL);
    }
    close(pipes[0]);
    free(answer);
    if (json_is_array(json_object_get(json, "accelerators")))
        return json;
    json_decref(json);
    return NULL;
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

/* Adds to `reason` what this accelerator says to it; true: it encodes it. */
static bool encodes(const json_t *accelerator, const struct video_description *video, char *reason)
{
    const char *name = json_string_value(json_object_get(accelerator, "name"));
    const json_t *encoder, *encoders = json_object_get(accelerator, "encoders");
    size_t used = strlen(reason), i;
    bool codec = false;

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

/* What the channel may use: accelerator and encoder are its words, or the box's. */
static bool is_wanted(const json_t *accelerator, unsigned wish, unsigned encoder, unsigned codec)
{
    bool hardware = json_is_true(json_object_get(accelerator, "hardware"));
    const char *kind = json_string_value(json_object_get(accelerator, "kind"));
    bool vaapi = kind && strcmp(kind, "VA-API") == 0;
    bool either = codec == VIDEO_CODEC_H264 || codec == VIDEO_CODEC_HEVC; /* of others oneVPL is the only encoder */

    if ((wish == ACCELERATOR_HARDWARE && !hardware) || (wish == ACCELERATOR_SOFTWARE && hardware))
        return false;
    return encoder == ENCODER_VPL || !either ? !vaapi : encoder != ENCODER_VAAPI || vaapi;
}

static void check_video(const json_t *accelerators, unsigned wish, unsigned encoder,
                        const struct video_description *video, struct problems *problems)
{
    char reason[REASON_BYTES] = "", size[32] = "the source's size";
    const json_t *accelerator;
    size_t i;

    json_array_foreach(accelerators, i, accelerator) if (is_wanted(accelerator, wish, encoder, video->codec) &&
                                                         encodes(accelerator, video, reason)) return;
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

void accelerators_check(const json_t *accelerators, const struct configuration *configuration,
                        const struct configuration *before, struct problems *problems)
{
    const json_t *list = json_object_get(accelerators, "accelerators");

    for (unsigned c = 0; json_array_size(list) && c < configuration->channels_count; c++) {
        const struct channel *channel = configuration->channels[c];
        unsigned wish =
            channel->accelerator == ACCELERATOR_AUTO ? configuration->box.accelerator : channel->accelerator;
        for (unsigned i = 0; !is_same(channel, wish, before) && i < channel->encodes.video_count; i++)
            check_video(list, wish, channel->encoder, &channel->encodes.video[i], problems);
    }
}

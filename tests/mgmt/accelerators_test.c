/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerators_test.c - what no accelerator of the machine encodes is a problem with its line; a program that does not
 * tell is none, and one that hangs keeps nobody. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/error.h"
#include "drivers/gpu.h"
#include "mgmt/accelerators.h"
#include "mgmt/configuration.h"
#include "tests/mgmt/configuration_fixture.h"

static const char software[] =
    "{\"accelerators\": [{\"name\": \"soft\", \"hardware\": false, \"encoders\": ["
    "{\"codec\": \"h264\", \"bit_depth\": 8, \"width_min\": 16, \"width_max\": 4096, \"height_min\": 16,"
    " \"height_max\": 4096}]}]}";
static const char small_gpu[] =
    "{\"accelerators\": [{\"name\": \"tiny\", \"hardware\": true, \"encoders\": ["
    "{\"codec\": \"h264\", \"bit_depth\": 8, \"width_min\": 16, \"width_max\": 320, \"height_min\": 16,"
    " \"height_max\": 240}, {\"codec\": \"hevc\", \"bit_depth\": 10}]}]}";

static const char deep[] = "{\"accelerators\": [{\"name\": \"deep\", \"hardware\": false, \"encoders\": ["
                           "{\"codec\": \"h264\", \"bit_depth\": 10}]}]}";

#define CODER(CODEC, DEPTH) "{\"codec\": \"" CODEC "\", \"bit_depth\": " DEPTH "}"
#define RUNTIME                                                                                                        \
    "{\"name\": \"soft\", \"kind\": \"oneVPL\", \"hardware\": false, \"device\": \"\", \"encoders\": [" CODER(         \
        "h264", "8") "," CODER("jpeg", "8") "," CODER("av1", "8") "]}"
#define GPU                                                                                                            \
    "{\"name\": \"gpu\", \"kind\": \"VA-API\", \"hardware\": true, \"device\": \"/dev/dri/renderD128\","               \
    " \"encoders\": [" CODER("hevc", "8") "]}"
#define GPU_RUNTIME                                                                                                    \
    "{\"name\": \"gpu vpl\", \"kind\": \"oneVPL\", \"hardware\": true, \"device\": \"/dev/dri/renderD128\","           \
    " \"encoders\": [" CODER("hevc", "8") "]}"
static const char amd[] = "{\"accelerators\": [" RUNTIME "," GPU "]}";
static const char intel[] = "{\"accelerators\": [" RUNTIME "," GPU "," GPU_RUNTIME "]}";

/* A channel of one video, as far as accelerators are asked. */
static unsigned misfits_of_video(const char *accelerators, bool complete, unsigned wish, unsigned encoder,
                                 const struct video_description *video)
{
    struct configuration *configuration = calloc(1, sizeof *configuration);
    struct channel *channel = calloc(1, sizeof *channel);
    struct problems *problems = problems_create();
    json_t *json = json_loads(accelerators, 0, NULL);
    assert_non_null(json);
    channel->accelerator = wish;
    channel->encoder = encoder;
    channel->encodes.video_count = 1;
    channel->encodes.video[0] = *video;
    configuration->channels[0] = channel;
    configuration->channels_count = 1;
    accelerators_check(json, complete, configuration, NULL, problems);
    unsigned count = problems_count(problems);
    json_decref(json);
    problems_destroy(problems);
    free(channel);
    free(configuration);
    return count;
}

static unsigned misfits_of(const char *accelerators, bool complete, unsigned wish, unsigned encoder,
                           enum video_codec codec)
{
    return misfits_of_video(accelerators, complete, wish, encoder, &(struct video_description){ .codec = codec });
}

static unsigned misfits(const char *accelerators, unsigned wish, unsigned encoder, enum video_codec codec)
{
    return misfits_of(accelerators, true, wish, encoder, codec);
}

static void a_gpu_that_told_nothing_refuses_nothing(void **state)
{
    (void)state;
    const struct gpu gpus[] = { { .device = "/dev/dri/renderD128" }, { .device = "/dev/dri/renderD129" } };
    json_t *json = json_loads(amd, 0, NULL);
    assert_true(accelerators_know_gpus(json, NULL, 0));
    assert_true(accelerators_know_gpus(json, gpus, 1));
    assert_false(accelerators_know_gpus(json, gpus, 2));
    assert_false(accelerators_know_gpus(NULL, gpus, 1));
    json_decref(json);
    assert_int_equal(misfits_of(amd, false, ACCELERATOR_HARDWARE, ENCODER_AUTO, VIDEO_CODEC_H264), 0);
    assert_int_equal(misfits_of(amd, false, ACCELERATOR_SOFTWARE, ENCODER_AUTO, VIDEO_CODEC_HEVC), 1);
}

/* As biplane-encode does it: H.264 and HEVC on the GPU, the rest in software beside it. */
static void hardware_may_be_a_gpu_beside_a_software_runtime(void **state)
{
    (void)state;
    assert_int_equal(misfits(amd, ACCELERATOR_HARDWARE, ENCODER_AUTO, VIDEO_CODEC_HEVC), 0);
    assert_int_equal(misfits(amd, ACCELERATOR_HARDWARE, ENCODER_AUTO, VIDEO_CODEC_H264), 1);
    assert_int_equal(misfits(amd, ACCELERATOR_HARDWARE, ENCODER_AUTO, VIDEO_CODEC_JPEG), 0);
    assert_int_equal(misfits(amd, ACCELERATOR_HARDWARE, ENCODER_AUTO, VIDEO_CODEC_AV1), 0);
    assert_int_equal(misfits(amd, ACCELERATOR_HARDWARE, ENCODER_VAAPI, VIDEO_CODEC_JPEG), 0);
    assert_int_equal(misfits(amd, ACCELERATOR_HARDWARE, ENCODER_VAAPI, VIDEO_CODEC_AV1), 1);
    assert_int_equal(misfits(amd, ACCELERATOR_HARDWARE, ENCODER_VPL, VIDEO_CODEC_JPEG), 1);
    assert_int_equal(misfits(intel, ACCELERATOR_HARDWARE, ENCODER_AUTO, VIDEO_CODEC_HEVC), 0);
    assert_int_equal(misfits(intel, ACCELERATOR_HARDWARE, ENCODER_AUTO, VIDEO_CODEC_AV1), 1);
    assert_int_equal(misfits(intel, ACCELERATOR_HARDWARE, ENCODER_VAAPI, VIDEO_CODEC_HEVC), 0);
}

/* A colour space by name is refused where no accelerator converts to it; without one nothing is asked. */
static void colours_by_name_want_an_accelerator_that_converts(void **state)
{
    (void)state;
    static const char two[] = "{\"accelerators\": [{\"name\": \"tones\", \"hardware\": false, \"encoders\": ["
                              "{\"codec\": \"h264\", \"bit_depth\": 8}, {\"codec\": \"hevc\", \"bit_depth\": 10}],"
                              " \"converts\": [7, \"hdr10_to_sdr\"]}]}";
    static const struct {
        const char *list;
        struct video_description video;
        unsigned problems;
    } cases[] = {
        { software, { .codec = VIDEO_CODEC_H264, .color_space = COLOR_SPACE_AUTO }, 0 },
        { software, { .codec = VIDEO_CODEC_H264, .color_space = COLOR_SPACE_PASSTHROUGH }, 0 },
        { software, { .codec = VIDEO_CODEC_H264, .color_space = COLOR_SPACE_REC_709 }, 1 },
        { two, { .codec = VIDEO_CODEC_H264, .color_space = COLOR_SPACE_REC_709 }, 0 },
        { two, { .codec = VIDEO_CODEC_HEVC, .bit_depth = 10, .color_space = COLOR_SPACE_HLG_2020 }, 1 },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(misfits_of_video(cases[i].list, true, ACCELERATOR_SOFTWARE, ENCODER_AUTO, &cases[i].video),
                         cases[i].problems);
}

static void what_may_choose_has_all_of_the_machine(void **state)
{
    (void)state;
    const char *lists[] = { amd, intel };
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(misfits(lists[i], ACCELERATOR_AUTO, ENCODER_AUTO, VIDEO_CODEC_H264), 0);
        assert_int_equal(misfits(lists[i], ACCELERATOR_AUTO, ENCODER_AUTO, VIDEO_CODEC_HEVC), 0);
        assert_int_equal(misfits(lists[i], ACCELERATOR_AUTO, ENCODER_AUTO, VIDEO_CODEC_AV1), 0);
        assert_int_equal(misfits(lists[i], ACCELERATOR_SOFTWARE, ENCODER_AUTO, VIDEO_CODEC_HEVC), 1);
        assert_int_equal(misfits(lists[i], ACCELERATOR_SOFTWARE, ENCODER_AUTO, VIDEO_CODEC_JPEG), 0);
    }
}

struct desk {
    struct configuration_fixture fixture;
    struct problems *problems;
    struct configuration *configuration;
};

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    fixture_create(&desk->fixture);
    *state = desk;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    fixture_destroy(&desk->fixture);
    free(desk);
    return 0;
}

/* The channel with this text in the place of another; returns the number of problems and keeps them. */
static unsigned check(struct desk *desk, const char *accelerators, const char *from, const char *to,
                      const struct configuration *before)
{
    char *text = fixture_replace(fixture_channel, from, to);
    json_t *json = json_loads(accelerators, 0, NULL);
    fixture_write(&desk->fixture, "channels.d/news.cfg", text, 0644);
    free(text);
    desk->problems = problems_create();
    assert_int_equal(configuration_read(&desk->configuration, desk->fixture.directory, "board/boards", desk->problems),
                     0);
    accelerators_check(json, true, desk->configuration, before, desk->problems);
    json_decref(json);
    return problems_count(desk->problems);
}

static void forget(struct desk *desk)
{
    configuration_destroy(desk->configuration);
    problems_destroy(desk->problems);
}

static void what_can_be_encoded_is_no_problem(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(check(desk, software, "news", "news", NULL), 0);
    forget(desk);
    assert_int_equal(check(desk, "{\"accelerators\": []}", "news", "news", NULL), 0); /* not known */
    forget(desk);
}

static void what_cannot_is_one_with_its_line_and_reason(void **state)
{
    struct desk *desk = *state;
    const char *file;
    unsigned line;
    assert_true(check(desk, small_gpu, "news", "news", NULL) >= 1);
    const char *message = problems_place(desk->problems, 0, &file, &line);
    assert_non_null(strstr(file, "channels.d/news.cfg"));
    assert_true(line > 1);
    assert_non_null(strstr(message, "no accelerator of this machine encodes h264 of 8 bits in 1280x720"));
    assert_non_null(strstr(message, "tiny: 16x16 to 320x240"));
    forget(desk);
    assert_true(check(desk, deep, "news", "news", NULL) >= 1);
    assert_non_null(strstr(problems_text(desk->problems, 0), "deep: not h264 of this bit depth"));
    forget(desk);
    assert_true(check(desk, software, "input_attachments", "accelerator = \"hardware\";\ninput_attachments", NULL) >=
                1);
    assert_non_null(strstr(problems_text(desk->problems, 0), "there is no hardware"));
    forget(desk);
    assert_true(check(desk, software, "input_attachments", "encoder = \"vaapi\";\ninput_attachments", NULL) >= 1);
    assert_non_null(strstr(problems_text(desk->problems, 0), "there is no VA-API driver of a GPU"));
    forget(desk);
}

static void a_channel_that_did_not_change_is_left_alone(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(check(desk, software, "news", "news", NULL), 0);
    struct configuration *before = desk->configuration;
    problems_destroy(desk->problems);
    assert_int_equal(check(desk, small_gpu, "news", "news", before), 0);
    forget(desk);
    assert_true(check(desk, small_gpu, "width = 640", "width = 642", before) >= 1);
    forget(desk);
    configuration_destroy(before);
}

static json_t *ask(const struct desk *desk, const char *script)
{
    fixture_write(&desk->fixture, "biplane-encode", script, 0755);
    return accelerators_ask(desk->fixture.directory, "/usr/lib/somewhere", 40000, NULL);
}

static void the_program_is_asked(void **state)
{
    struct desk *desk = *state;
    json_t *json = ask(desk, "#!/bin/sh\n[ \"$*\" = \"--accelerators --runtime /usr/lib/somewhere\" ] || exit 1\n"
                             "echo '{\"accelerators\": [{\"name\": \"one\"}]}'\n");
    assert_int_equal(json_array_size(json_object_get(json, "accelerators")), 1);
    json_decref(json);
    json = ask(desk, "#!/bin/sh\necho 'libva: {hello}'\necho '{\"accelerators\": [{\"name\": \"one\"}]}'\necho bye\n");
    assert_int_equal(json_array_size(json_object_get(json, "accelerators")), 1);
    json_decref(json);
    assert_null(ask(desk, "#!/bin/sh\necho nonsense\n"));
    assert_null(ask(desk, "#!/bin/sh\nkill -11 $$\n"));
    assert_null(ask(desk, "#!/bin/sh\necho '{\"accelerators\": 7}'\n"));
    struct error err = { 0 };
    assert_null(accelerators_ask("/nonexistent", NULL, 40000, &err));
    assert_non_null(strstr(err.text, "/nonexistent/biplane-encode does not tell"));
}

/* ---- one that hangs ---- */
#define WAIT_UNTIL(condition)                                                                                          \
    for (unsigned turn = 0; !(condition); turn++) {                                                                    \
        if (turn == 8000)                                                                                              \
            fail_msg("never: %s", #condition);                                                                         \
        poll(NULL, 0, 5);                                                                                              \
    }

/* What the program wrote there of itself; 0: nothing yet. */
static int pid_in(const struct desk *desk, const char *name)
{
    char path[512];
    int pid = 0;
    snprintf(path, sizeof path, "%s/%s", desk->fixture.directory, name);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    return pid;
}

static void one_that_hangs_is_killed(void **state)
{
    struct desk *desk = *state;
    struct error err = { 0 };
    fixture_write(&desk->fixture, "biplane-encode", "#!/bin/sh\nexec sleep 600\n", 0755);
    assert_null(accelerators_ask(desk->fixture.directory, NULL, 2000, &err));
    assert_non_null(strstr(err.text, "does not tell"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left of it */
    fixture_write(&desk->fixture, "biplane-encode", "#!/bin/sh\nexec sleep 600 >/dev/null\n", 0755);
    assert_null(accelerators_ask(desk->fixture.directory, NULL, 40000, &err));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* A process whose tracer does not look after it has died of SIGKILL and yet does not end for who has started it. This
 * is it: the program that is asked, and its tracer; 77: tracing is not allowed here. */
static int hang_unkillably(const char *self)
{
    char path[512];
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return 77;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    pid_t traced = getpid(), tracer = fork();
    if (tracer == 0) {
        bool seized = ptrace(PTRACE_SEIZE, traced, NULL, NULL) == 0;
        close(1);
        if (write(ready[1], &seized, sizeof seized) == sizeof seized && seized)
            sleep(600);
        _exit(0);
    }
    bool seized = false;
    if (read(ready[0], &seized, sizeof seized) != sizeof seized || !seized)
        return 77;
    snprintf(path, sizeof path, "%s.pids", self);
    FILE *file = fopen(path, "we");
    fprintf(file, "%d %d\n", tracer, traced);
    fclose(file);
    close(1); /* has nothing to say any more */
    for (;;)
        pause();
}

static void one_that_cannot_be_killed_is_left(void **state)
{
    struct desk *desk = *state;
    char self[256], path[512];
    struct error err = { 0 };
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    snprintf(path, sizeof path, "%s/biplane-encode", desk->fixture.directory);
    assert_int_equal(symlink(self, path), 0);
    assert_null(accelerators_ask(desk->fixture.directory, NULL, 2000, &err));
    int tracer = 0, traced = 0;
    snprintf(path, sizeof path, "%s/biplane-encode.pids", desk->fixture.directory);
    FILE *file = fopen(path, "re");
    if (!file)
        skip(); /* may not trace */
    assert_int_equal(fscanf(file, "%d %d", &tracer, &traced), 2);
    fclose(file);
    assert_non_null(strstr(err.text, "does not end, even killed"));
    assert_int_equal(kill(traced, 0), 0); /* nobody has waited for it */
    kill(tracer, SIGKILL);
    WAIT_UNTIL(kill(traced, 0) < 0); /* but it is taken leave of when it ends */
}

static void it_does_not_outlive_who_asks(void **state)
{
    struct desk *desk = *state;
    int status, pid;
    fixture_write(&desk->fixture, "biplane-encode", "#!/bin/sh\necho $$ >$0.pid\nexec sleep 600\n", 0755);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t asks = fork();
    if (asks == 0) {
        accelerators_ask(desk->fixture.directory, NULL, 600000, NULL);
        _exit(0);
    }
    WAIT_UNTIL(pid = pid_in(desk, "biplane-encode.pid"));
    kill(asks, SIGKILL);
    assert_int_equal(waitpid(asks, NULL, 0), asks);
    WAIT_UNTIL(waitpid(pid, &status, WNOHANG) == pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--accelerators") == 0)
        return hang_unkillably(argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_can_be_encoded_is_no_problem, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_is_one_with_its_line_and_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_channel_that_did_not_change_is_left_alone, set_up, tear_down),
        cmocka_unit_test(hardware_may_be_a_gpu_beside_a_software_runtime),
        cmocka_unit_test(a_gpu_that_told_nothing_refuses_nothing),
        cmocka_unit_test(colours_by_name_want_an_accelerator_that_converts),
        cmocka_unit_test(what_may_choose_has_all_of_the_machine),
        cmocka_unit_test_setup_teardown(the_program_is_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_hangs_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_cannot_be_killed_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_does_not_outlive_who_asks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

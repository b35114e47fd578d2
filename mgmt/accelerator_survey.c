/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accelerator_survey.c - the thread has copies of all it needs, and gives its answer through a socket: when the other
 * end is gone, the answer is nobody's. */
#include "mgmt/accelerator_survey.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "mgmt/accelerators.h"

struct accelerator_survey {
    struct accelerator_survey_config config;
    json_t *known;
    struct loop_timer *timer;
    unsigned asked;
    int answers; /* where the thread's answer comes out; -1: nobody is being asked */
};

struct question {
    char *programs, *runtime; /* runtime: NULL as in the configuration */
    int answer;
};

static void drop(struct question *question)
{
    if (question->answer >= 0)
        close(question->answer);
    free(question->programs);
    free(question->runtime);
    free(question);
}

static void *ask(void *context)
{
    struct question *question = context;
    struct error untold = { 0 };
    json_t *json = accelerators_ask(question->programs, question->runtime, ACCELERATORS_PATIENCE_MS, &untold);

    if (send(question->answer, &json, sizeof json, MSG_NOSIGNAL) != sizeof json)
        json_decref(json);
    drop(question);
    return NULL;
}

/* give the question. false: it could not be put. */
static bool start(struct question *question)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, ask, question) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

static bool is_complete(const struct accelerator_survey *survey)
{
    return survey->known && (!survey->config.complete || survey->config.complete(survey->known));
}

static void pause_before_next(struct accelerator_survey *survey)
{
    uint64_t pause_ns = survey->config.pause_ns ? survey->config.pause_ns : 30 * NS_PER_S;
    unsigned times = survey->config.times ? survey->config.times : ACCELERATOR_SURVEY_TIMES;

    if (survey->asked < times)
        loop_timer_set(survey->timer, clock_monotonic_ns(survey->config.clock) + pause_ns);
    else if (survey->known)
        log_warning(survey->config.log, "not all of this machine's GPUs tell what they can: asked %u times", times);
    else
        log_warning(survey->config.log, "what this machine can encode is not known: %u times nobody told", times);
}

static void end_question(struct accelerator_survey *survey)
{
    if (survey->answers < 0)
        return;
    loop_unwatch(survey->config.loop, survey->answers);
    close(survey->answers);
    survey->answers = -1;
}

static void on_answer(void *context, int file_descriptor, unsigned events)
{
    struct accelerator_survey *survey = context;
    json_t *json = NULL;

    (void)events;
    if (recv(file_descriptor, &json, sizeof json, MSG_DONTWAIT) != sizeof json)
        json = NULL;
    end_question(survey);
    if (json) {
        json_decref(survey->known);
        survey->known = json;
    }
    if (is_complete(survey))
        log_info(survey->config.log, "what this machine can encode is known now, asked for the %uth time again",
                 survey->asked);
    else
        pause_before_next(survey);
}

static void on_timer(void *context)
{
    struct accelerator_survey *survey = context;
    struct question *question = calloc(1, sizeof *question);
    struct error err = { 0 };
    int ends[2];

    survey->asked++;
    if (!question || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        free(question);
        pause_before_next(survey);
        return;
    }
    survey->answers = ends[0];
    question->answer = ends[1];
    question->programs = strdup(survey->config.programs_directory);
    question->runtime = survey->config.runtime_directory ? strdup(survey->config.runtime_directory) : NULL;
    if (!question->programs || loop_watch(survey->config.loop, ends[0], LOOP_READ, on_answer, survey, &err) < 0 ||
        !start(question)) {
        drop(question);
        end_question(survey);
        pause_before_next(survey);
    }
}

int accelerator_survey_create(struct accelerator_survey **out, const struct accelerator_survey_config *config,
                              struct error *err)
{
    struct accelerator_survey *survey = calloc(1, sizeof *survey);

    if (!survey)
        return error_set(err, -ENOMEM, "survey of accelerators");
    survey->config = *config;
    survey->answers = -1;
    survey->known = config->first ? json_incref(config->first) : NULL;
    survey->config.first = NULL;
    survey->timer = loop_timer_create(config->loop, on_timer, survey);
    if (!survey->timer) {
        accelerator_survey_destroy(survey);
        return error_set(err, -ENOMEM, "survey of accelerators");
    }
    if (!is_complete(survey))
        pause_before_next(survey);
    *out = survey;
    return 0;
}

void accelerator_survey_destroy(struct accelerator_survey *survey)
{
    if (!survey)
        return;
    json_t *late = NULL;
    if (survey->answers >= 0 && recv(survey->answers, &late, sizeof late, MSG_DONTWAIT) == sizeof late)
        json_decref(late);
    end_question(survey);
    loop_timer_destroy(survey->timer);
    json_decref(survey->known);
    free(survey);
}

json_t *accelerator_survey_known(const struct accelerator_survey *survey)
{
    return survey->known;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor_test.c - the real supervisor over small shell programs, with short times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/alerts.h"
#include "mgmt/spawn.h"
#include "mgmt/supervisor.h"

struct fixture {
    char run[64];
    char program[96];
    struct clock clock;
    struct loop *loop;
    struct alerts *alerts;
    struct supervisor *supervisor;
    unsigned changes;
    struct process *watched; /* NULL: none */
    unsigned told_status_3;  /* changes after which it has ended with 3 */
};

static void create_supervisor(struct fixture *f)
{
    struct error err = { 0 };
    const struct supervisor_config config = {
        .loop = f->loop,
        .alerts = f->alerts,
        .clock = &f->clock,
        .run_directory = f->run,
        .log_files = true,
        .good_run_ms = 300,
        .backoff_ms = 20,
        .backoff_max_ms = 60,
        .terminate_ms = 60,
    };
    assert_int_equal(supervisor_create(&f->supervisor, &config, &err), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->run, "/tmp/supervisor-test-XXXXXX");
    assert_non_null(mkdtemp(f->run));
    f->clock = clock_real();
    assert_int_equal(loop_create(&f->loop, NULL), 0);
    f->alerts = alerts_create(&f->clock, NULL);
    create_supervisor(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    supervisor_destroy(f->supervisor);
    alerts_destroy(f->alerts);
    loop_destroy(f->loop);
    snprintf(command, sizeof command, "rm -rf %s", f->run);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static void on_change(void *context)
{
    struct fixture *f = context;
    f->changes++;
    f->told_status_3 += f->watched && process_exit_status(f->watched) == 3;
}

static struct process *make(struct fixture *f, const char *name, const char *script, uint64_t identity)
{
    struct process *process;
    struct error err = { 0 };
    const char *arguments[] = { "/bin/sh", "-c", script, NULL };
    const struct process_config config = { .name = name,
                                           .source = name,
                                           .arguments = arguments,
                                           .identity = identity,
                                           .again_status = 44,
                                           .changed = on_change,
                                           .context = f };
    assert_int_equal(process_create(&process, f->supervisor, &config, &err), 0);
    return process;
}

static uint64_t now_ms(void)
{
    struct clock clock = clock_real();
    return clock_monotonic_ns(&clock) / NS_PER_MS;
}

/* Turns the loop until the condition holds; fails after 5 s. */
#define TURN_UNTIL(f, condition)                                                                                       \
    for (uint64_t end = now_ms() + 5000; !(condition);) {                                                              \
        assert_true(now_ms() < end);                                                                                   \
        loop_turn((f)->loop, 5);                                                                                       \
    }

static void turn_for(struct fixture *f, unsigned ms)
{
    for (uint64_t end = now_ms() + ms; now_ms() < end;)
        loop_turn(f->loop, 5);
}

static bool exists(const struct fixture *f, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", f->run, name);
    return access(path, F_OK) == 0;
}

static bool alert_is_active(const struct fixture *f)
{
    return alerts_active(f->alerts) != 0;
}

static void starts_and_stops(void **state)
{
    struct fixture *f = *state;
    struct process *process = make(f, "a", "exec sleep 100", 1);
    assert_int_equal(process_state(process), PROCESS_STOPPED);
    process_start(process);
    assert_int_equal(process_state(process), PROCESS_RUNNING);
    TURN_UNTIL(f, exists(f, "a.pid"));
    process_stop(process, 0);
    assert_int_equal(process_state(process), PROCESS_STOPPING);
    TURN_UNTIL(f, process_state(process) == PROCESS_STOPPED);
    assert_false(exists(f, "a.pid"));
    assert_int_equal(process_pid(process), 0);
    assert_int_equal(process_restarts(process), 0);
    assert_false(alert_is_active(f));
}

static void kills_what_ignores_termination(void **state)
{
    struct fixture *f = *state;
    struct process *process = make(f, "a", "trap '' TERM; while :; do sleep 1; done", 1);
    process_start(process);
    turn_for(f, 50);
    process_stop(process, 30); /* asked in another way first: that does nothing either */
    uint64_t begin = now_ms();
    TURN_UNTIL(f, process_state(process) == PROCESS_STOPPED);
    assert_true(now_ms() - begin >= 80); /* 30 until SIGTERM, 60 until SIGKILL */
}

static void restarts_at_once_after_a_kill(void **state)
{
    struct fixture *f = *state;
    struct process *process = make(f, "a", "exec sleep 100", 1);
    process_start(process);
    pid_t first = process_pid(process);
    kill(first, SIGKILL);
    TURN_UNTIL(f, process_pid(process) != first);
    assert_int_equal(process_state(process), PROCESS_RUNNING); /* without a wait in between */
    assert_int_equal(process_restarts(process), 1);
    assert_true(alert_is_active(f));
    json_t *status = process_status(process);
    assert_non_null(strstr(json_string_value(json_object_get(status, "last_end")), "signal 9 (SIGKILL)"));
    json_decref(status);
    TURN_UNTIL(f, !alert_is_active(f)); /* a good run clears it */
    process_stop(process, 0);
    TURN_UNTIL(f, process_state(process) == PROCESS_STOPPED);
}

static void backs_off_and_tells_the_last_line(void **state)
{
    struct fixture *f = *state;
    struct process *process = make(f, "a", "echo one; echo port 1 is gone; exit 3", 1);
    uint64_t begin = now_ms();
    process_start(process);
    TURN_UNTIL(f, process_restarts(process) >= 5);
    assert_true(now_ms() - begin >= 20 + 40 + 60); /* at once, then these, the third capped */
    assert_int_equal(process_state(process), PROCESS_WAITING);
    json_t *list = alerts_json(f->alerts, false);
    const char *message = json_string_value(json_object_get(json_array_get(list, 0), "message"));
    assert_non_null(strstr(message, "exited with status 3; its last line: port 1 is gone"));
    json_decref(list);
    process_stop(process, 0);
    assert_int_equal(process_state(process), PROCESS_STOPPED);
    assert_false(alert_is_active(f));
}

static void a_missing_program_is_tried_again_and_named(void **state)
{
    struct fixture *f = *state;
    struct process *process;
    const char *arguments[] = { "/nonexistent/biplane-encode", NULL };
    const struct process_config config = { .name = "a", .source = "a", .arguments = arguments };
    assert_int_equal(process_create(&process, f->supervisor, &config, NULL), 0);
    process_start(process);
    assert_int_equal(process_state(process), PROCESS_WAITING);
    json_t *status = process_status(process);
    assert_string_equal(json_string_value(json_object_get(status, "last_end")),
                        "program /nonexistent/biplane-encode: No such file or directory");
    json_decref(status);
    turn_for(f, 50);
    assert_true(process_restarts(process) > 1);
}

static void an_end_is_told_once(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/vanishing", f->run);
    FILE *file = fopen(path, "we");
    fputs("#!/bin/sh\nrm \"$0\"\nexit 3\n", file);
    fclose(file);
    assert_int_equal(chmod(path, 0700), 0);
    const char *arguments[] = { path, NULL };
    const struct process_config config = {
        .name = "a", .source = "a", .arguments = arguments, .changed = on_change, .context = f
    };
    assert_int_equal(process_create(&f->watched, f->supervisor, &config, NULL), 0);
    process_start(f->watched);
    TURN_UNTIL(f, process_restarts(f->watched) >= 3); /* it cannot be started any more */
    assert_int_equal(f->told_status_3, 1);
    assert_int_equal(process_exit_status(f->watched), -1);
    process_stop(f->watched, 0);
}

static void restart_on_request_is_not_a_failure(void **state)
{
    struct fixture *f = *state;
    struct process *process = make(f, "a", "exec sleep 100", 1);
    process_start(process);
    pid_t first = process_pid(process);
    process_restart(process, 0);
    TURN_UNTIL(f, process_state(process) == PROCESS_RUNNING && process_pid(process) != first);
    assert_int_equal(process_restarts(process), 0);
    process_stop(process, 0);
    TURN_UNTIL(f, process_state(process) == PROCESS_STOPPED);
}

/* What a killed management plane leaves behind: the processes, and their pid files. */
static pid_t leave_running(struct fixture *f, const char *name, uint64_t identity)
{
    struct process *process = make(f, name, "exec sleep 100", identity);
    char file[32];
    process_start(process);
    pid_t pid = process_pid(process);
    snprintf(file, sizeof file, "%s.pid", name);
    TURN_UNTIL(f, exists(f, file));
    turn_for(f, 20);
    supervisor_destroy(f->supervisor);
    create_supervisor(f);
    assert_int_equal(kill(pid, 0), 0);
    return pid;
}

static void who_asks_to_begin_anew_has_not_failed(void **state)
{
    struct fixture *f = *state;
    struct process *process = make(f, "anew", "exit 44", 1);
    process_start(process);
    /* again and again, and not at once, so that it does not spin */
    TURN_UNTIL(f, process_exit_status(process) == 44 && process_state(process) == PROCESS_WAITING);
    assert_false(alert_is_active(f));
    TURN_UNTIL(f, process_state(process) == PROCESS_RUNNING);
    process_destroy(process);
}

static void adopts_the_same_job(void **state)
{
    struct fixture *f = *state;
    pid_t pid = leave_running(f, "a", 7);
    struct process *process = make(f, "a", "exec sleep 100", 7);
    process_start(process);
    supervisor_sweep(f->supervisor);
    turn_for(f, 30);
    assert_int_equal(process_pid(process), pid);
    assert_true(process_adopted(process));
    kill(pid, SIGKILL);
    TURN_UNTIL(f, process_pid(process) && process_pid(process) != pid);
    assert_false(process_adopted(process));
    process_stop(process, 0);
    TURN_UNTIL(f, process_state(process) == PROCESS_STOPPED);
    waitpid(pid, NULL, WNOHANG);
}

static void replaces_another_job(void **state)
{
    struct fixture *f = *state;
    pid_t pid = leave_running(f, "a", 7);
    struct process *process = make(f, "a", "exec sleep 100", 8);
    process_start(process);
    TURN_UNTIL(f, process_state(process) == PROCESS_RUNNING && process_pid(process) != pid);
    assert_false(process_adopted(process));
    process_stop(process, 0);
    TURN_UNTIL(f, process_state(process) == PROCESS_STOPPED);
}

static void ends_what_nobody_wants(void **state)
{
    struct fixture *f = *state;
    pid_t pid = leave_running(f, "removed-0", 7);
    supervisor_sweep(f->supervisor);
    TURN_UNTIL(f, !exists(f, "removed-0.pid"));
    waitpid(pid, NULL, 0);
    assert_int_equal(kill(pid, 0), -1);
}

static void a_process_that_cannot_be_watched_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    char path[96];
    struct error err = { 0 };
    struct rlimit limit, none;
    int pidfd;
    snprintf(path, sizeof path, "%s/a.pid", f->run);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    while (waitpid(-1, NULL, WNOHANG) > 0) /* of other tests */
        ;
    none = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const char *const arguments[] = { "/bin/sleep", "100", NULL };
    pid_t pid = spawn_process(&(struct spawn_config){ .arguments = arguments, .pid_path = path }, &pidfd, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(pid, -EMFILE);
    usleep(20000);
    assert_true(waitpid(-1, NULL, WNOHANG) <= 0); /* not even a zombie */
}

static void a_pid_of_somebody_else_is_left_alone(void **state)
{
    struct fixture *f = *state;
    char path[96];
    struct spawn_found found;
    snprintf(path, sizeof path, "%s/a.pid", f->run);
    FILE *file = fopen(path, "w");
    fprintf(file, "%d 12345 %016x other-boot\n", getppid(), 7);
    fclose(file);
    assert_int_equal(spawn_find(path, &found), -ESRCH);
    assert_false(exists(f, "a.pid"));
}

static void the_environment_is_clean(void **state)
{
    struct fixture *f = *state;
    char path[96], text[256] = "";
    setenv("LD_LIBRARY_PATH", "/tmp", 1);
    setenv("ONEVPL_SEARCH_PATH", "/tmp", 1);
    setenv("BIPLANE_KEPT", "yes", 1);
    struct process *process =
        make(f, "a", "echo \"$LD_LIBRARY_PATH$ONEVPL_SEARCH_PATH-$BIPLANE_KEPT\"; ls /proc/$$/fd; exec sleep 100", 1);
    process_start(process);
    turn_for(f, 200);
    snprintf(path, sizeof path, "%s/log/a.log", f->run);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, "-yes\n0\n1\n2\n");
    unsetenv("LD_LIBRARY_PATH");
    unsetenv("ONEVPL_SEARCH_PATH");
    process_stop(process, 0);
    TURN_UNTIL(f, process_state(process) == PROCESS_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_and_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kills_what_ignores_termination, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restarts_at_once_after_a_kill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(backs_off_and_tells_the_last_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_program_is_tried_again_and_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_is_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restart_on_request_is_not_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_to_begin_anew_has_not_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(adopts_the_same_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replaces_another_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_what_nobody_wants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_that_cannot_be_watched_leaves_nothing_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pid_of_somebody_else_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_environment_is_clean, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

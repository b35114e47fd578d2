/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "board/log.h"

struct written {
    int pipe[2];
    struct log log;
    char text[8192];
};

static void open_log(struct written *written, enum log_format format, enum log_level level)
{
    assert_int_equal(pipe(written->pipe), 0);
    log_open(&written->log,
             &(struct log_config){
                 .name = "biplaned", .level = level, .format = format, .file_descriptor = written->pipe[1] });
}

static const char *finish(struct written *written)
{
    close(written->pipe[1]);
    ssize_t bytes = read(written->pipe[0], written->text, sizeof written->text - 1);
    written->text[bytes > 0 ? bytes : 0] = '\0';
    close(written->pipe[0]);
    return written->text;
}

static void text_lines_name_process_and_level(void **state)
{
    (void)state;
    struct written written;
    open_log(&written, LOG_FORMAT_TEXT, 0);
    log_warning(&written.log, "port %u: link is down", 1U);
    log_debug(&written.log, "not shown at the default level");
    const char *text = finish(&written);
    assert_non_null(strstr(text, "warning biplaned: port 1: link is down\n"));
    assert_null(strstr(text, "not shown"));
}

static void json_lines_are_json_whatever_is_in_them(void **state)
{
    (void)state;
    struct written written;
    open_log(&written, LOG_FORMAT_JSON, LOG_LEVEL_DEBUG);
    log_info(&written.log, "a \"quoted\" \\ thing\nwith a line break");
    json_t *line = json_loads(finish(&written), 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "message")),
                        "a \"quoted\" \\ thing\nwith a line break");
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    json_decref(line);
}

static void long_json_lines_stay_json(void **state)
{
    (void)state;
    for (unsigned length = 1900; length < 2040; length++) {
        struct written written;
        char message[2048];
        memset(message, 'a', length);
        strcpy(message + length, "\n\"\n\"");
        open_log(&written, LOG_FORMAT_JSON, 0);
        log_info(&written.log, "%s", message);
        json_t *line = json_loads(finish(&written), 0, NULL);
        assert_non_null(line);
        json_decref(line);
    }
}

static void journal_lines_start_with_the_level(void **state)
{
    (void)state;
    struct written written;
    open_log(&written, LOG_FORMAT_TEXT, 0);
    written.log.journal = true;
    log_error(&written.log, "x");
    assert_string_equal(finish(&written), "<3>biplaned: x\n");
}

static void levels_have_names(void **state)
{
    (void)state;
    enum log_level level;
    assert_true(log_level_from_name("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_from_name("loud", &level));
    log_info(NULL, "a NULL log drops the line");
}

/* A journald that hangs: whoever logs goes on, and what was written is whole lines. */
static void nobody_waits_for_a_socket_that_is_not_read(void **state)
{
    (void)state;
    int ends[2];
    char text[4096];
    struct log log;
    alarm(20);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    log_open(&log, &(struct log_config){ .name = "biplaned", .file_descriptor = ends[1] });
    for (unsigned i = 0; i < 20000; i++)
        log_info(&log, "line of some length, so that any room is used up in time: %u", i);
    shutdown(ends[1], SHUT_WR);
    char last = 0;
    for (ssize_t got; (got = read(ends[0], text, sizeof text)) > 0;)
        last = text[got - 1];
    assert_int_equal(last, '\n');
    close(ends[0]);
    log_info(&log, "nobody is there");
    close(ends[1]);
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines_name_process_and_level),
        cmocka_unit_test(json_lines_are_json_whatever_is_in_them),
        cmocka_unit_test(long_json_lines_stay_json),
        cmocka_unit_test(journal_lines_start_with_the_level),
        cmocka_unit_test(nobody_waits_for_a_socket_that_is_not_read),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

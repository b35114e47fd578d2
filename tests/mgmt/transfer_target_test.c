/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer_target_test.c - a server whose name takes long to look up. Names are looked up here by a getaddrinfo() that
 * waits until the test lets it go, as that of the C library does when no name server answers. */
#include <dirent.h>
#include <netdb.h>
#include <stdatomic.h>
#include <unistd.h>

#include "mgmt/lookups.h"
#include "tests/mgmt/transfer_fixture.h"

static atomic_uint looking_up;
static atomic_bool may_answer;

/* In libcurl's thread, or instead of the C library's wherever else names are looked up. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    looking_up++;
    for (unsigned i = 0; i < 600 && !may_answer; i++)
        usleep(10000);
    looking_up--;
    return EAI_AGAIN;
}

static unsigned threads(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

/* So that nothing of it is left when memory is looked through at the end. */
static void let_go(unsigned before)
{
    may_answer = true;
    for (unsigned i = 0; i < 1000 && threads() > before; i++)
        usleep(10000);
    assert_int_equal(looking_up, 0);
}

static void begin(struct bench *bench)
{
    may_answer = false;
    set_up(bench);
    strcpy(bench->url, "http://origin.example/live/news");
    open_target(bench, &(struct transfer_target_config){ .connections = 2, .connect_timeout_ms = 100 });
    start(bench, TRANSFER_PUT, "_1.ts", "abc", 3);
    for (unsigned i = 0; i < 500 && !looking_up; i++)
        loop_turn(bench->loop, 10);
    assert_int_equal(looking_up, 1);
}

/* The transfer is over when its time is over, while the name is still being looked up: nobody else waited. */
static void ends_in_time(void **state)
{
    (void)state;
    struct bench bench;
    unsigned before = threads();
    begin(&bench);
    run(&bench, 1, 5000);
    assert_int_equal(bench.done, 1);
    assert_int_equal(bench.failed, 1);
    assert_int_equal(looking_up, 1); /* not waited for */
    tear_down(&bench);
    assert_int_equal(looking_up, 1);
    let_go(before);
}

/* A channel is stopped meanwhile. */
static void goes_without_waiting(void **state)
{
    (void)state;
    struct bench bench;
    unsigned before = threads();
    begin(&bench);
    tear_down(&bench);
    assert_int_equal(looking_up, 1);
    let_go(before);
}

/* Each try leaves a lookup behind, up to a bound; from then on tries fail at once, in words. */
static void lookups_are_bounded(void **state)
{
    (void)state;
    struct bench bench;
    unsigned before = threads();
    begin(&bench);
    run(&bench, 1, 5000);
    for (unsigned i = 2; i <= LOOKUPS_LEFT_EACH_MAX + 3; i++) {
        start(&bench, TRANSFER_PUT, "_1.ts", "abc", 3);
        run(&bench, i, 5000);
    }
    assert_int_equal(bench.failed, LOOKUPS_LEFT_EACH_MAX + 3);
    assert_int_equal(looking_up, LOOKUPS_LEFT_EACH_MAX);
    assert_non_null(strstr(bench.result.text, "lookups are still under way"));
    struct transfer_engine_counters counters = transfer_engine_counters(bench.engine);
    assert_int_equal(counters.lookups_left_behind, LOOKUPS_LEFT_EACH_MAX);
    assert_int_equal(counters.lookups_refused, 3);
    tear_down(&bench);
    let_go(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_in_time),
        cmocka_unit_test(goes_without_waiting),
        cmocka_unit_test(lookups_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

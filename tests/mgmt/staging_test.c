/* SPDX-License-Identifier: GPL-2.0-or-later */
/* staging_test.c - changes that wait: what is seen of them, applied, refused, taken back; across restarts and power
 * cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/loop.h"
#include "mgmt/configuration.h"
#include "mgmt/staging.h"
#include "tests/mgmt/configuration_fixture.h"

struct desk {
    struct configuration_fixture fixture;
    char spool[128];
    struct fake_clock clock;
    struct loop *loop;
    struct staging *staging;
    unsigned reloads, networks;
    bool refuse, full_after;
};

/* The disk: what reaches it for good, and a full one. */
static bool disk_is_full;
static unsigned folder_syncs;

int fsync(int file)
{
    struct stat status;
    if (disk_is_full) {
        errno = ENOSPC;
        return -1;
    }
    folder_syncs += fstat(file, &status) == 0 && S_ISDIR(status.st_mode);
    return (int)syscall(SYS_fsync, file);
}

/* A marker that goes and is not synced is there again after a power cut. */
static unsigned syncs_at_unmark;

int unlinkat(int folder, const char *path, int flags)
{
    if (strcmp(path, "unconfirmed") == 0)
        syncs_at_unmark = folder_syncs;
    return (int)syscall(SYS_unlinkat, folder, path, flags);
}

static int reload(void *context, struct problems *problems, json_t **changes)
{
    struct desk *desk = context;
    struct configuration *configuration;
    desk->reloads++;
    disk_is_full = desk->full_after;
    if (desk->refuse) {
        problem_in_file(problems, NULL, 0, "it is refused");
        return -EINVAL;
    }
    int result = configuration_read(&configuration, desk->fixture.directory, "board/boards", problems);
    if (result == 0)
        configuration_destroy(configuration);
    *changes = json_object();
    return result;
}

static void on_network(void *context)
{
    ((struct desk *)context)->networks++;
}

static void open_desk(struct desk *desk)
{
    const struct staging_config config = { .loop = desk->loop,
                                           .clock = &desk->clock.clock,
                                           .config_directory = desk->fixture.directory,
                                           .spool_directory = desk->spool,
                                           .boards_directory = "board/boards",
                                           .reload = reload,
                                           .network_changed = on_network,
                                           .context = desk };
    assert_int_equal(staging_create(&desk->staging, &config, NULL), 0);
}

static int set_up(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    fixture_create(&desk->fixture);
    snprintf(desk->spool, sizeof desk->spool, "%s/.spool", desk->fixture.directory);
    mkdir(desk->spool, 0700);
    desk->clock = fake_clock_at(NS_PER_S);
    assert_int_equal(loop_create(&desk->loop, NULL), 0);
    open_desk(desk);
    *state = desk;
    return 0;
}

static int tear_down(void **state)
{
    struct desk *desk = *state;
    staging_destroy(desk->staging);
    loop_destroy(desk->loop);
    fixture_destroy(&desk->fixture);
    free(desk);
    return 0;
}

static json_t *document(const struct desk *desk, const char *name, bool staged)
{
    json_t *documents = staging_documents(desk->staging, staged, NULL);
    json_t *one = json_incref(json_object_get(documents, name));
    json_decref(documents);
    return one;
}

static void put(struct desk *desk, const char *name, json_t *changed)
{
    struct error err = { 0 };
    if (staging_put(desk->staging, name, changed, &err) < 0)
        fail_msg("%s", err.text);
    json_decref(changed);
}

static json_t *with_reorder(const struct desk *desk, int msec)
{
    json_t *box = document(desk, "box", true);
    json_object_set_new(json_array_get(json_object_get(box, "inputs"), 0), "reorder_msec", json_integer(msec));
    return box;
}

static json_t *network(const char *host)
{
    return json_pack("{s:s}", "host_name", host);
}

static size_t count(const struct desk *desk, const char *key)
{
    json_t *report = staging_report(desk->staging);
    size_t size = json_array_size(json_object_get(report, key));
    json_decref(report);
    return size;
}

static bool told(const struct desk *desk, const char *key)
{
    json_t *report = staging_report(desk->staging);
    bool is_true = json_is_true(json_object_get(report, key));
    json_decref(report);
    return is_true;
}

static bool file_has(const struct desk *desk, const char *name, const char *text)
{
    char path[DOCUMENT_FILE_BYTES];
    document_file(desk->fixture.directory, name, path);
    json_t *json = document_read(path, NULL);
    char *whole = json ? json_dumps(json, 0) : NULL;
    bool has = whole && strstr(whole, text);
    free(whole);
    json_decref(json);
    return has;
}

static int apply(struct desk *desk)
{
    json_t *changes = NULL;
    int result = staging_apply(desk->staging, 30, &changes, NULL);
    json_decref(changes);
    return result;
}

static void a_change_waits_is_shown_and_applied(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(apply(desk), -ENOENT);
    put(desk, "box", with_reorder(desk, 80));
    assert_true(told(desk, "staged"));
    assert_int_equal(count(desk, "difference"), 1);
    assert_int_equal(count(desk, "problems"), 0);
    assert_false(file_has(desk, "box", "\"reorder_msec\": 80"));
    assert_int_equal(apply(desk), 0);
    assert_true(file_has(desk, "box", "\"reorder_msec\": 80"));
    assert_false(told(desk, "staged"));
    assert_int_equal(desk->reloads, 1);
    assert_int_equal(desk->networks, 0);
    /* and back: what was before is staged, and applied like anything else */
    assert_int_equal(staging_roll_back(desk->staging, NULL), 0);
    assert_int_equal(count(desk, "difference"), 1);
    assert_int_equal(apply(desk), 0);
    assert_false(file_has(desk, "box", "reorder_msec"));
}

static void what_is_as_before_is_not_staged(void **state)
{
    struct desk *desk = *state;
    put(desk, "box", with_reorder(desk, 80));
    put(desk, "box", document(desk, "box", false));
    assert_false(told(desk, "staged"));
    put(desk, "box", with_reorder(desk, 80));
    staging_discard(desk->staging);
    assert_false(told(desk, "staged"));
}

static void problems_lead_to_their_fields(void **state)
{
    struct desk *desk = *state;
    put(desk, "box", with_reorder(desk, 99999));
    json_t *news = document(desk, "channels/news", true);
    json_object_del(json_array_get(json_object_get(news, "output_groups"), 0), "destinations");
    put(desk, "channels/news", news);
    json_t *report = staging_report(desk->staging), *problem;
    size_t i;
    bool range = false, missing = false;
    json_array_foreach(json_object_get(report, "problems"), i, problem)
    {
        const char *name = json_string_value(json_object_get(problem, "document"));
        const char *path = json_string_value(json_object_get(problem, "path"));
        range |= strcmp(name, "box") == 0 && strcmp(path, "inputs[0].reorder_msec") == 0;
        missing |= strcmp(name, "channels/news") == 0 && strcmp(path, "output_groups[0].destinations") == 0;
    }
    assert_true(range);
    assert_true(missing);
    json_decref(report);
    assert_int_equal(apply(desk), -EINVAL);
    assert_int_equal(desk->reloads, 0);
}

static void what_is_staged_outlives_the_process(void **state)
{
    struct desk *desk = *state;
    put(desk, "box", with_reorder(desk, 80));
    staging_destroy(desk->staging);
    open_desk(desk);
    assert_int_equal(count(desk, "difference"), 1);
    assert_int_equal(apply(desk), 0);
}

static void files_that_somebody_else_changed_are_not_overwritten(void **state)
{
    struct desk *desk = *state;
    put(desk, "box", with_reorder(desk, 80));
    char *other = fixture_replace(fixture_box, "10.2.0.10", "10.2.0.99");
    fixture_write(&desk->fixture, "box.cfg", other, 0644);
    free(other);
    assert_true(told(desk, "stale"));
    assert_int_equal(apply(desk), -ESTALE);
}

static void a_change_of_the_network_is_taken_back_unless_confirmed(void **state)
{
    struct desk *desk = *state;
    put(desk, "network", network("alpha"));
    assert_true(told(desk, "network"));
    assert_int_equal(apply(desk), 0);
    assert_int_equal(desk->networks, 1);
    assert_true(file_has(desk, "network", "alpha"));
    assert_int_equal(staging_confirm(desk->staging, NULL), 0);

    put(desk, "network", network("beta"));
    assert_int_equal(apply(desk), 0);
    put(desk, "network", network("gamma"));
    assert_int_equal(apply(desk), -EBUSY);
    assert_int_equal(staging_roll_back(desk->staging, NULL), 0);
    assert_true(file_has(desk, "network", "alpha"));
    assert_int_equal(desk->networks, 3);
    assert_int_equal(staging_confirm(desk->staging, NULL), -ENOENT);
}

/* A port may be the interface that somebody is connected through. */
static void a_change_of_ports_is_taken_back_unless_confirmed(void **state)
{
    struct desk *desk = *state;
    json_t *box = document(desk, "box", true);
    json_t *port = json_array_get(json_object_get(json_array_get(json_object_get(box, "nodes"), 1), "ports"), 0);
    json_object_set_new(port, "device", json_string("net_af_packet1,iface=dummy1"));
    put(desk, "box", box);
    assert_true(told(desk, "network"));
    assert_int_equal(apply(desk), 0);
    assert_true(file_has(desk, "box", "iface=dummy1"));
    assert_int_equal(staging_roll_back(desk->staging, NULL), 0);
    assert_false(file_has(desk, "box", "iface=dummy1"));
    assert_int_equal(desk->networks, 0); /* the kernel's has stayed as it was */

    put(desk, "box", with_reorder(desk, 80));
    assert_false(told(desk, "network"));
}

/* The loop's timers go by the real clock: this one is over at once. */
static void nobody_confirms(void **state)
{
    struct desk *desk = *state;
    json_t *changes = NULL;
    desk->clock.monotonic_ns = 0;
    put(desk, "network", network("delta"));
    assert_int_equal(staging_apply(desk->staging, 1, &changes, NULL), 0);
    json_decref(changes);
    assert_true(file_has(desk, "network", "delta"));
    for (unsigned i = 0; i < 50 && file_has(desk, "network", "delta"); i++)
        loop_turn(desk->loop, 20);
    assert_false(file_has(desk, "network", "delta"));
    assert_int_equal(desk->networks, 2);
}

static void a_power_cut_in_between_leads_back(void **state)
{
    struct desk *desk = *state;
    assert_int_equal(staging_recover(desk->fixture.directory, desk->spool, NULL), 0);
    put(desk, "network", network("alpha"));
    put(desk, "box", with_reorder(desk, 80));
    assert_int_equal(apply(desk), 0);
    staging_destroy(desk->staging);
    assert_int_equal(staging_recover(desk->fixture.directory, desk->spool, NULL), 1);
    open_desk(desk);
    assert_false(file_has(desk, "network", "alpha"));
    assert_false(file_has(desk, "box", "\"reorder_msec\": 80"));
    assert_int_equal(staging_recover(desk->fixture.directory, desk->spool, NULL), 0);
}

static void what_is_not_taken_is_put_back(void **state)
{
    struct desk *desk = *state;
    put(desk, "box", with_reorder(desk, 80));
    desk->refuse = true;
    assert_int_equal(apply(desk), -EINVAL);
    assert_false(file_has(desk, "box", "\"reorder_msec\": 80"));
    assert_true(told(desk, "staged")); /* for another try */
}

static void what_is_confirmed_stays(void **state)
{
    struct desk *desk = *state;
    put(desk, "box", with_reorder(desk, 80));
    assert_int_equal(apply(desk), 0);
    assert_true(folder_syncs > syncs_at_unmark);
    put(desk, "network", network("alpha"));
    assert_int_equal(apply(desk), 0);
    assert_int_equal(staging_confirm(desk->staging, NULL), 0);
    assert_true(folder_syncs > syncs_at_unmark);
}

static void what_cannot_be_put_back_is_put_back_later(void **state)
{
    struct desk *desk = *state;
    put(desk, "box", with_reorder(desk, 80));
    desk->refuse = desk->full_after = true;
    assert_int_equal(apply(desk), -EINVAL);
    assert_true(file_has(desk, "box", "\"reorder_msec\": 80"));
    assert_int_equal(count(desk, "problems"), 1);
    desk->refuse = desk->full_after = false;
    assert_int_equal(apply(desk), -EBUSY);
    assert_true(staging_roll_back(desk->staging, NULL) < 0);
    staging_destroy(desk->staging); /* the next start cannot either; the one after that can */
    assert_true(staging_recover(desk->fixture.directory, desk->spool, NULL) < 0);
    disk_is_full = false;
    assert_int_equal(staging_recover(desk->fixture.directory, desk->spool, NULL), 1);
    open_desk(desk);
    assert_false(file_has(desk, "box", "\"reorder_msec\": 80"));
    assert_int_equal(staging_recover(desk->fixture.directory, desk->spool, NULL), 0);

    put(desk, "box", with_reorder(desk, 80));
    desk->refuse = desk->full_after = true;
    assert_int_equal(apply(desk), -EINVAL);
    desk->refuse = desk->full_after = disk_is_full = false;
    assert_int_equal(staging_roll_back(desk->staging, NULL), 0);
    assert_false(file_has(desk, "box", "\"reorder_msec\": 80"));
    assert_int_equal(count(desk, "problems"), 0);
}

static void going_back_that_fails_forgets_nothing(void **state)
{
    struct desk *desk = *state;
    put(desk, "box", with_reorder(desk, 80));
    assert_int_equal(apply(desk), 0);
    put(desk, "box", with_reorder(desk, 90));
    disk_is_full = true;
    assert_true(staging_roll_back(desk->staging, NULL) < 0);
    disk_is_full = false;
    staging_destroy(desk->staging);
    open_desk(desk);
    assert_int_equal(count(desk, "difference"), 1);
    assert_int_equal(apply(desk), 0);
    assert_true(file_has(desk, "box", "\"reorder_msec\": 90"));

    put(desk, "box", with_reorder(desk, 100)); /* and when it works, only what was before is staged */
    assert_int_equal(staging_roll_back(desk->staging, NULL), 0);
    assert_int_equal(apply(desk), 0);
    assert_true(file_has(desk, "box", "\"reorder_msec\": 80"));
}

static void channels_come_and_go(void **state)
{
    struct desk *desk = *state;
    json_t *sport = document(desk, "channels/news", true);
    json_object_del(sport, "name");
    json_t *group = json_array_get(json_object_get(sport, "output_groups"), 0);
    json_t *destinations = json_object_get(group, "destinations");
    json_object_set_new(json_array_get(destinations, 0), "url", json_string("http://127.0.0.1:9/a/sport"));
    json_object_set_new(json_array_get(destinations, 1), "url", json_string("http://127.0.0.1:9/b/sport"));
    put(desk, "channels/sport", sport);
    assert_int_equal(staging_remove(desk->staging, "channels/news", NULL), 0);
    assert_int_equal(staging_remove(desk->staging, "channels/none", NULL), -ENOENT);
    assert_int_equal(staging_put(desk->staging, "channels/../box", sport, NULL), -ENOENT);
    assert_int_equal(staging_put(desk->staging, "../box", sport, NULL), -ENOENT);
    assert_int_equal(apply(desk), 0);
    assert_true(file_has(desk, "channels/sport", "\"name\": \"sport\""));
    assert_false(file_has(desk, "channels/news", "news"));
}

static void nothing_secret_leaves(void **state)
{
    struct desk *desk = *state;
    json_t *credentials = document(desk, "credentials", true);
    json_array_append_new(json_object_get(credentials, "credentials"),
                          json_pack("{s:s, s:s, s:s}", "name", "other", "user", "u", "password", "b-secret"));
    put(desk, "credentials", credentials);
    json_t *told_all =
        json_pack("[o, o, o]", staging_report(desk->staging), staging_documents(desk->staging, true, NULL),
                  staging_documents(desk->staging, false, NULL));
    char *text = json_dumps(told_all, 0);
    assert_null(strstr(text, "-secret"));
    free(text);
    json_decref(told_all);
    assert_int_equal(apply(desk), 0);
    assert_true(file_has(desk, "credentials", "a-secret")); /* it was shown as null, and stays */
    assert_true(file_has(desk, "credentials", "b-secret"));
}

static unsigned mode_of(const struct desk *desk, const char *name)
{
    struct stat status;
    char path[DOCUMENT_FILE_BYTES];
    document_file(desk->fixture.directory, name, path);
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 0777;
}

static void files_with_secrets_are_their_owner_s(void **state)
{
    struct desk *desk = *state;
    mode_t mask = umask(022);
    json_t *credentials = document(desk, "credentials", true), *news = document(desk, "channels/news", true);
    json_array_append_new(json_object_get(credentials, "credentials"),
                          json_pack("{s:s, s:s, s:s}", "name", "other", "user", "u", "password", "b-secret"));
    put(desk, "credentials", credentials);
    json_object_set_new(json_object_get(news, "input_loss"), "color", json_string("000000"));
    put(desk, "channels/news", news);
    put(desk, "box", with_reorder(desk, 80));
    assert_int_equal(apply(desk), 0);
    umask(mask);
    assert_int_equal(mode_of(desk, "credentials"), 0600);
    assert_int_equal(mode_of(desk, "channels/news"), 0600); /* streams' names, keys */
    assert_int_equal(mode_of(desk, "box"), 0644);
}

/* Written by hand with its whole path: it is the file that the menu writes all the same, and what is staged of it is
 * what a channel that is staged with it finds. Another file is another matter. */
static void the_credentials_file_may_be_named_by_its_path(void **state)
{
    struct desk *desk = *state;
    char path[192];
    json_t *box = document(desk, "box", false), *credentials = document(desk, "credentials", false);
    json_t *news = document(desk, "channels/news", false);
    snprintf(path, sizeof path, "%s/../%s/credentials.cfg", desk->fixture.directory,
             strrchr(desk->fixture.directory, '/') + 1);
    json_object_set_new(box, "credentials", json_string(path));
    json_array_append_new(json_object_get(credentials, "credentials"),
                          json_pack("{s:s, s:s, s:s}", "name", "second", "user", "u", "password", "p"));
    json_t *group = json_array_get(json_object_get(news, "output_groups"), 0);
    json_t *destination = json_array_get(json_object_get(group, "destinations"), 0);
    json_object_set_new(destination, "credentials", json_string("second"));
    put(desk, "box", json_incref(box));
    put(desk, "credentials", credentials);
    put(desk, "channels/news", news);
    assert_int_equal(count(desk, "problems"), 0);
    assert_int_equal(apply(desk), 0);
    assert_true(file_has(desk, "credentials", "second"));
    json_object_set_new(box, "credentials", json_string("/nonexistent/credentials.cfg"));
    put(desk, "box", box);
    assert_true(count(desk, "problems") > 0);
    assert_int_equal(apply(desk), -EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_change_waits_is_shown_and_applied),
        TEST(what_is_as_before_is_not_staged),
        TEST(problems_lead_to_their_fields),
        TEST(what_is_staged_outlives_the_process),
        TEST(files_that_somebody_else_changed_are_not_overwritten),
        TEST(a_change_of_the_network_is_taken_back_unless_confirmed),
        TEST(a_change_of_ports_is_taken_back_unless_confirmed),
        TEST(nobody_confirms),
        TEST(a_power_cut_in_between_leads_back),
        TEST(what_is_not_taken_is_put_back),
        TEST(what_is_confirmed_stays),
        TEST(what_cannot_be_put_back_is_put_back_later),
        TEST(going_back_that_fails_forgets_nothing),
        TEST(channels_come_and_go),
        TEST(nothing_secret_leaves),
        TEST(files_with_secrets_are_their_owner_s),
        TEST(the_credentials_file_may_be_named_by_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine_test.c - requests to the machine, commands that end in every way, updates, sticks, a reset, the network's
 * files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "board/clock.h"
#include "board/error.h"
#include "mgmt/command.h"
#include "mgmt/machine.h"
#include "mgmt/media.h"
#include "mgmt/network.h"
#include "mgmt/network_files.h"
#include "mgmt/update.h"
#include "tests/mgmt/configuration_fixture.h"
#include "tests/mgmt/fake_machine.h"

struct room {
    struct configuration_fixture fixture;
    struct clock clock;
    struct loop *loop;
    struct fake_machine neighbour;
    int status; /* of the last command */
    char text[256];
    bool done;
};

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    fixture_create(&room->fixture);
    room->clock = clock_real();
    assert_int_equal(loop_create(&room->loop, NULL), 0);
    fake_machine_open(&room->neighbour, room->loop, room->fixture.directory);
    *state = room;
    return 0;
}

static int tear_down(void **state)
{
    struct room *room = *state;
    fake_machine_close(&room->neighbour);
    loop_destroy(room->loop);
    fixture_destroy(&room->fixture);
    free(room);
    return 0;
}

#define TURN_UNTIL(room, condition)                                                                                    \
    for (unsigned turns = 0; !(condition); turns++) {                                                                  \
        if (turns > 1000)                                                                                              \
            fail_msg("never: %s", #condition);                                                                         \
        loop_turn((room)->loop, 10);                                                                                   \
    }

static void on_done(void *context, int status, const char *text)
{
    struct room *room = context;
    room->status = status;
    snprintf(room->text, sizeof room->text, "%s", text);
    room->done = true;
}

static void run(struct room *room, const char *const *arguments, unsigned seconds)
{
    struct command *command;
    const struct command_config config = { .loop = room->loop,
                                           .clock = &room->clock,
                                           .arguments = arguments,
                                           .seconds = seconds,
                                           .done = on_done,
                                           .context = room };
    room->done = false;
    assert_int_equal(command_start(&command, &config, NULL), 0);
    TURN_UNTIL(room, room->done);
}

static void programs_end_in_every_way(void **state)
{
    struct room *room = *state;
    static const char *const fine[] = { "sh", "-c", "echo one; echo two >&2; exit 3", NULL };
    static const char *const killed[] = { "sh", "-c", "kill -9 $$", NULL };
    static const char *const late[] = { "sh", "-c", "sleep 100 & sleep 100", NULL };
    static const char *const much[] = { "sh", "-c", "yes | head -c 1000000; exit 4", NULL };
    static const char *const none[] = { "no-such-program-anywhere", NULL };
    run(room, fine, 10);
    assert_int_equal(room->status, 3);
    assert_string_equal(room->text, "one\ntwo\n");
    run(room, killed, 10);
    assert_int_equal(room->status, -1);
    run(room, late, 0);
    assert_int_equal(room->status, -1);
    run(room, much, 10);
    assert_int_equal(room->status, 4);
    struct command *command;
    const struct command_config config = { .loop = room->loop, .clock = &room->clock, .arguments = none };
    assert_int_equal(command_start(&command, &config, NULL), -ENOENT);
}

/* A process that is killed and does not end, as in a driver that waits for a broken stick. */
static bool nothing_ends, would_wait;

pid_t waitpid(pid_t pid, int *status, int options)
{
    if (nothing_ends && options & WNOHANG)
        return 0;
    would_wait |= nothing_ends;
    return (pid_t)syscall(SYS_wait4, pid, status, options, NULL);
}

static void what_does_not_end_is_not_waited_for(void **state)
{
    struct room *room = *state;
    static const char *const program[] = { "sleep", "100", NULL };
    struct command *command;
    const struct command_config config = {
        .loop = room->loop, .clock = &room->clock, .arguments = program, .seconds = 10, .done = on_done
    };
    assert_int_equal(command_start(&command, &config, NULL), 0);
    nothing_ends = true;
    command_destroy(command);
    assert_false(would_wait);
    loop_turn(room->loop, 0);
    nothing_ends = false;
    for (unsigned i = 0; i < 500 && waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT) == 0; i++)
        loop_turn(room->loop, 10);
    assert_int_equal(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT), -1); /* it was seen to its end */
}

static void request(struct room *room, const char *answer)
{
    struct command *command;
    const struct command_config config = { .loop = room->loop,
                                           .clock = &room->clock,
                                           .socket = room->neighbour.path,
                                           .request = "verb\targument",
                                           .seconds = 10,
                                           .done = on_done,
                                           .context = room };
    room->neighbour.answer = answer;
    room->done = false;
    assert_int_equal(command_start(&command, &config, NULL), 0);
    TURN_UNTIL(room, room->done);
}

static void requests_end_in_every_way(void **state)
{
    struct room *room = *state;
    request(room, "a line\nexit 0\n");
    assert_string_equal(room->neighbour.asked[0], "verb\targument");
    assert_int_equal(room->status, 0);
    assert_string_equal(room->text, "a line\n");
    request(room, "exit 7\n");
    assert_int_equal(room->status, 7);
    assert_string_equal(room->text, "");
    request(room, "broken off\n");
    assert_int_equal(room->status, -1);
    request(room, "");
    assert_int_equal(room->status, -1);
}

static struct machine *new_machine(struct room *room, const char *socket)
{
    struct machine *machine;
    const struct machine_config config = { .loop = room->loop,
                                           .clock = &room->clock,
                                           .socket = socket,
                                           .config_directory = room->fixture.directory,
                                           .run_directory = room->fixture.directory,
                                           .spool_directory = room->fixture.directory };
    assert_int_equal(machine_create(&machine, &config, NULL), 0);
    return machine;
}

static void unlink_network(const struct room *room)
{
    char path[128];
    snprintf(path, sizeof path, "%s/network.cfg", room->fixture.directory);
    unlink(path);
}

static void the_machine_is_told(void **state)
{
    struct room *room = *state;
    struct machine *machine = new_machine(room, room->neighbour.path);
    assert_int_equal(machine_reboot(machine, NULL), 0);
    assert_int_equal(machine_power_off(machine, NULL), -EBUSY);
    TURN_UNTIL(room, !machine_is_busy(machine));
    assert_int_equal(machine_find_sticks(machine, NULL), 0);
    TURN_UNTIL(room, !machine_is_busy(machine));
    assert_string_equal(room->neighbour.asked[0], "reboot\t");
    assert_string_equal(room->neighbour.asked[1], "sticks\t");
    machine_apply_network(machine); /* no network.cfg: nothing is asked */
    fixture_write(&room->fixture, "network.cfg", "host_name = \"alpha\";\n", 0644);
    machine_apply_network(machine);
    machine_apply_network(machine); /* once more, when that is done */
    TURN_UNTIL(room, room->neighbour.count == 4 && !machine_is_busy(machine));
    assert_ptr_equal(strstr(room->neighbour.asked[3], "network\t/"), room->neighbour.asked[3]);
    unlink_network(room); /* taken back: what was ours is given back, once it is */
    room->neighbour.answer = "the disk is full\nexit 1\n";
    machine_apply_network(machine);
    TURN_UNTIL(room, room->neighbour.count == 5 && !machine_is_busy(machine));
    room->neighbour.answer = "exit 0\n";
    machine_apply_network(machine);
    TURN_UNTIL(room, room->neighbour.count == 6 && !machine_is_busy(machine));
    machine_apply_network(machine);
    assert_false(machine_is_busy(machine));
    machine_destroy(machine);
    machine = new_machine(room, "/nonexistent.socket");
    struct error err = { 0 };
    assert_int_equal(machine_reboot(machine, &err), -ENOENT);
    assert_non_null(strstr(err.text, "takes no orders"));
    machine_destroy(machine);
}

static bool exists(const struct room *room, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", room->fixture.directory, name);
    return access(path, F_OK) == 0;
}

static void a_reset_is_carried_out_at_the_next_start(void **state)
{
    struct room *room = *state;
    char spool[128], something[160];
    snprintf(spool, sizeof spool, "%s/.spool", room->fixture.directory);
    snprintf(something, sizeof something, "%s/deep", spool);
    mkdir(spool, 0700);
    mkdir(something, 0700);
    fixture_write(&room->fixture, ".spool/deep/segment", "x", 0644);
    assert_int_equal(machine_reset_if_marked(room->fixture.directory, spool, NULL), 0);
    fixture_write(&room->fixture, ".spool/factory-reset", "", 0644);
    assert_int_equal(machine_reset_if_marked(room->fixture.directory, spool, NULL), 1);
    assert_true(exists(room, "box.cfg"));
    assert_false(exists(room, "credentials.cfg"));
    assert_false(exists(room, "channels.d/news.cfg"));
    assert_false(exists(room, ".spool/deep"));
    assert_int_equal(machine_reset_if_marked(room->fixture.directory, spool, NULL), 0);
}

static char *contents(const struct room *room, const char *name)
{
    static char text[1024];
    char path[256];
    snprintf(path, sizeof path, "%s/net/%s", room->fixture.directory, name);
    FILE *file = fopen(path, "r");
    size_t used = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[used] = '\0';
    return text;
}

static const char wide_network[] =
    "host_name = \"box-1\"; ssh = true; management_clients = [ \"10.0.0.0/8\", \"fd00::/16\" ];\n"
    "dns_servers = [ \"10.0.0.53\" ]; ntp_servers = [ \"time.example\" ];\n"
    "interfaces = ( { name = \"eth0\"; method = \"static\"; addresses = [ \"10.0.0.2/24\" ]; gateway = \"10.0.0.1\"; "
    "},\n"
    "  { name = \"bond0\"; kind = \"bond\"; method = \"none\"; members = [ \"eth1\", \"eth2\" ]; bond_mode = \"lacp\"; "
    "},\n"
    "  { name = \"video\"; kind = \"vlan\"; vlan = 7; parent = \"bond0\"; } );\n";

static void a_network_becomes_files(void **state)
{
    struct room *room = *state;
    struct network *network = malloc(sizeof *network);
    struct problems *problems = problems_create();
    char path[128], folder[128];
    fixture_write(&room->fixture, "network.cfg", wide_network, 0644);
    snprintf(path, sizeof path, "%s/network.cfg", room->fixture.directory);
    snprintf(folder, sizeof folder, "%s/net", room->fixture.directory);
    if (network_read(network, path, problems) < 0)
        fail_msg("%s", problems_text(problems, 0));
    assert_int_equal(network_write_files(network, folder, NULL), 0);
    assert_non_null(strstr(contents(room, "network/10-biplane-eth0.network"), "Address=10.0.0.2/24\nGateway=10.0.0.1"));
    assert_non_null(strstr(contents(room, "network/10-biplane-eth1.network"), "Bond=bond0"));
    assert_non_null(strstr(contents(room, "network/10-biplane-bond0.netdev"), "Mode=802.3ad"));
    assert_non_null(strstr(contents(room, "network/10-biplane-bond0.network"), "VLAN=video"));
    assert_non_null(strstr(contents(room, "network/10-biplane-video.netdev"), "Id=7"));
    assert_non_null(strstr(contents(room, "ntp/biplane.sources"), "server time.example iburst"));
    assert_non_null(strstr(contents(room, "ssh-on"), "ip saddr { 10.0.0.0/8 } tcp dport 22 accept\nip6 saddr"));
    assert_string_equal(contents(room, "hostname"), "box-1\n");
    network->interfaces_count = 0; /* what was there before is gone then */
    network->ssh = false;
    assert_int_equal(network_write_files(network, folder, NULL), 0);
    assert_string_equal(contents(room, "network/10-biplane-eth0.network"), "");
    assert_false(exists(room, "net/ssh-on"));
    assert_non_null(
        strstr(contents(room, "network/70-biplane-any.network"), "DHCP=yes\nLinkLocalAddressing=ipv6\nDNS=10.0.0.53"));
    network->dns_servers_count = 0;
    assert_int_equal(network_write_files(network, folder, NULL), 0);
    assert_string_equal(contents(room, "network/70-biplane-any.network"), "");
    problems_destroy(problems);
    free(network);
}

static void networks_that_cannot_work_are_refused(void **state)
{
    struct room *room = *state;
    static const char *const texts[] = {
        "interfaces = ( { name = \"eth0\"; method = \"static\"; } );",
        "interfaces = ( { name = \"eth0\"; addresses = [ \"10.0.0.1/24\" ]; } );",
        "interfaces = ( { name = \"eth0\"; method = \"static\"; addresses = [ \"10.0.0.1\" ]; } );",
        "interfaces = ( { name = \"eth0\"; method = \"static\"; addresses = [ \"10.0.0.1/33\" ]; } );",
        "interfaces = ( { name = \"v\"; kind = \"vlan\"; vlan = 3; parent = \"eth9\"; } );",
        "interfaces = ( { name = \"b\"; kind = \"bond\"; } );",
        "interfaces = ( { name = \"b\"; kind = \"bond\"; members = [ \"../x\" ]; } );",
        "interfaces = ( { name = \"a/b\"; } );",
        "host_name = \"Box_1\";",
        "ntp_servers = [ \"a b\" ];",
        "dns_servers = [ \"name.example\" ];",
        "management_clients = [ \"10.0.0.0\" ];",
        "search_domain = \"a\\nb\";",
        "interfaces = ( { name = \"lo\"; } );",
        "interfaces = ( { name = \"eth0\"; mtu = 20; } );",
        "interfaces = ( { name = \"eth0\"; method = \"static\"; addresses = [ \"10.1.2.3/23\" ]; gateway = "
        "\"10.1.4.1\"; } );",
        "interfaces = ( { name = \"eth0\"; method = \"static\"; addresses = [ \"10.1.2.3/24\" ]; gateway = "
        "\"fd00::1\"; } );",
        "interfaces = ( { name = \"b\"; kind = \"bond\"; members = [ \"eth1\", \"eth1\" ]; } );",
        "interfaces = ( { name = \"b\"; kind = \"bond\"; members = [ \"eth1\", \"eth2\" ]; },"
        "               { name = \"c\"; kind = \"bond\"; members = [ \"eth1\" ]; } );",
        "interfaces = ( { name = \"eth0\"; }, { name = \"v\"; kind = \"vlan\"; vlan = 3; parent = \"eth0\"; },"
        "               { name = \"w\"; kind = \"vlan\"; vlan = 3; parent = \"eth0\"; } );",
    };
    static const char *const good[] = {
        "interfaces = ( { name = \"eth0\"; method = \"static\"; addresses = [ \"10.1.2.3/23\" ]; gateway = "
        "\"10.1.3.1\"; } );",
        "interfaces = ( { name = \"eth0\"; method = \"static\"; gateway = \"fd00::ffff\"; mtu = 9000;"
        "                 addresses = [ \"10.1.2.3/32\", \"fd00::1/64\" ]; } );",
        "interfaces = ( { name = \"eth0\"; method = \"static\"; addresses = [ \"fd00::1/128\" ]; gateway = "
        "\"fe80::1\"; } );",
        "interfaces = ( { name = \"eth0\"; method = \"static\"; addresses = [ \"10.1.2.3/0\" ]; gateway = \"9.9.9.9\"; "
        "} );",
        "interfaces = ( { name = \"b\"; kind = \"bond\"; members = [ \"eth1\", \"eth2\" ]; },"
        "               { name = \"v\"; kind = \"vlan\"; vlan = 3; parent = \"b\"; },"
        "               { name = \"w\"; kind = \"vlan\"; vlan = 4; parent = \"b\"; },"
        "               { name = \"c\"; kind = \"bond\"; members = [ \"eth3\" ]; } );",
    };
    char path[128];
    struct network *network = malloc(sizeof *network);
    snprintf(path, sizeof path, "%s/network.cfg", room->fixture.directory);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct problems *problems = problems_create();
        fixture_write(&room->fixture, "network.cfg", texts[i], 0644);
        if (network_read(network, path, problems) == 0)
            fail_msg("was taken: %s", texts[i]);
        problems_destroy(problems);
    }
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        struct problems *problems = problems_create();
        fixture_write(&room->fixture, "network.cfg", good[i], 0644);
        if (network_read(network, path, problems) < 0)
            fail_msg("was refused: %s", good[i]);
        problems_destroy(problems);
    }
    free(network);
}

static void sticks_are_all_that_can_be_named(void **state)
{
    struct room *room = *state;
    const struct media media = { room->fixture.directory, true }, mounted = { room->fixture.directory, false };
    char path[MEDIA_PATH_BYTES], *text;
    assert_int_equal(media_save(&media, "channels.d", "a.backup", "data", 4, path, NULL), 0);
    assert_int_equal(media_save(&media, "channels.d", "a.backup", "data", 4, path, NULL), -EEXIST);
    text = media_load(&media, "channels.d/a.backup", 100, NULL);
    assert_string_equal(text, "data");
    free(text);
    assert_null(media_load(&media, "channels.d/a.backup", 3, NULL));
    static const char *const wrong[] = { "a.backup",    "../etc/passwd", "channels.d/../box.cfg", "/etc/passwd",
                                         "channels.d/", "none/a.backup", "channels.d/.hidden" };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(media_find(&media, wrong[i], path, NULL), -ENOENT);
    assert_int_equal(media_find(&mounted, "channels.d/a.backup", path, NULL), -ENOENT);
    json_t *places = media_json(&media);
    assert_int_equal(json_array_size(places), 1);
    json_decref(places);
}

static json_t *update_until_idle(struct room *room, struct update *update)
{
    for (unsigned i = 0; i < 1000; i++) {
        json_t *told = update_json(update);
        if (strcmp(json_string_value(json_object_get(told, "state")), "idle") == 0)
            return told;
        json_decref(told);
        loop_turn(room->loop, 10);
    }
    fail_msg("the update never ended");
    return NULL;
}

static void what_is_secret_in_the_url_of_an_update_is_told_nobody(void **state)
{
    struct room *room = *state;
    struct update *update;
    struct error err = { 0 };
    const struct update_config config = { room->loop, &room->clock, NULL, room->neighbour.path };
    assert_int_equal(update_create(&update, &config, NULL), 0);
    room->neighbour.answer = "fetching https://me:very-secret@x/y.raucb?token=abc\n"
                             "curl: https://me:very-secret@x/y.raucb?token=abc\nexit 0\n";
    assert_int_equal(update_inspect(update, "https://me:very-secret@x/y.raucb?token=abc", &err), 0);
    json_t *told = update_until_idle(room, update);
    char *text = json_dumps(told, 0);
    assert_null(strstr(text, "very-secret"));
    assert_null(strstr(text, "abc"));
    free(text);
    const char *source = json_string_value(json_object_get(json_object_get(told, "bundle"), "source"));
    assert_string_equal(source, "https://***@x/y.raucb");
    assert_int_equal(update_install(update, source, &err), 0); /* as it was shown */
    json_decref(told);
    json_decref(update_until_idle(room, update));
    bool asked = false;
    for (unsigned i = 0; i < room->neighbour.count; i++)
        asked |= strcmp(room->neighbour.asked[i], "update-install\thttps://me:very-secret@x/y.raucb?token=abc") == 0;
    assert_true(asked);
    update_destroy(update);
}

static void updates_are_inspected_and_refused_with_the_reason(void **state)
{
    struct room *room = *state;
    struct update *update;
    struct error err = { 0 };
    const struct update_config config = { room->loop, &room->clock, NULL, room->neighbour.path };
    const struct update_config nobody = { room->loop, &room->clock, NULL, "/nonexistent.socket" };
    assert_int_equal(update_create(&update, &config, NULL), 0);
    assert_int_equal(update_install(update, "ftp://x/y", &err), -EINVAL);
    assert_int_equal(update_install(update, "/a\nreboot", &err), -EINVAL);
    assert_int_equal(update_install(update, "http://x/a bundle.raucb", &err), -EINVAL);
    room->neighbour.answer = "board:   dev\nversion: 2\nsigned:  Subject: CN=dev\nexit 0\n";
    assert_int_equal(update_inspect(update, "http://x/y.raucb", &err), 0);
    assert_int_equal(update_install(update, "http://x/y.raucb", &err), -EBUSY);
    json_t *told = update_until_idle(room, update);
    assert_string_equal(room->neighbour.asked[0], "update-info\thttp://x/y.raucb");
    assert_non_null(strstr(json_string_value(json_object_get(json_object_get(told, "bundle"), "text")),
                           "signed:  Subject: CN=dev"));
    json_decref(told);
    room->neighbour.answer = "refused: signature verification failed\nexit 1\n";
    assert_int_equal(update_install(update, "http://x/y.raucb", &err), 0);
    told = update_until_idle(room, update);
    assert_string_equal(json_string_value(json_object_get(told, "result")), "failed");
    assert_string_equal(json_string_value(json_object_get(told, "message")), "refused: signature verification failed");
    json_decref(told);
    update_destroy(update);
    assert_int_equal(update_create(&update, &nobody, NULL), 0);
    assert_int_equal(update_inspect(update, "http://x/y.raucb", &err), -ENOENT);
    told = update_json(update);
    assert_true(json_is_false(json_object_get(told, "available")));
    json_decref(told);
    update_destroy(update);
}

static void a_file_on_a_stick_may_be_called_anything(void **state)
{
    struct room *room = *state;
    struct update *update;
    const struct update_config config = { room->loop, &room->clock, NULL, room->neighbour.path };
    assert_int_equal(update_create(&update, &config, NULL), 0);
    assert_int_equal(update_inspect(update, "/stick/B\303\274ndel 2.raucb", NULL), 0);
    json_decref(update_until_idle(room, update));
    assert_string_equal(room->neighbour.asked[0], "update-info\t/stick/B\303\274ndel 2.raucb");
    update_destroy(update);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(programs_end_in_every_way),
        TEST(what_does_not_end_is_not_waited_for),
        TEST(requests_end_in_every_way),
        TEST(the_machine_is_told),
        TEST(a_reset_is_carried_out_at_the_next_start),
        TEST(a_network_becomes_files),
        TEST(networks_that_cannot_work_are_refused),
        TEST(sticks_are_all_that_can_be_named),
        TEST(updates_are_inspected_and_refused_with_the_reason),
        TEST(a_file_on_a_stick_may_be_called_anything),
        TEST(what_is_secret_in_the_url_of_an_update_is_told_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

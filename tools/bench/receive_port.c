/* SPDX-License-Identifier: GPL-2.0-or-later */
/* receive_port - the data plane itself on one port for some seconds: what came, what was lost, what it cost.
 *
 *     receive_port DEVICE busy|adaptive SECONDS [CORE]       one input: RTP to 10.78.0.1 port 5000
 *
 * Ends before its time when it gets SIGTERM. Prints "ready" on standard error when packets may come, and one line of
 * JSON at the end. The cost of a packet is the time of the turns that brought packets, divided by the packets;
 * cpu_percent is all that the polling thread used.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/topology.h"
#include "dataplane/plane.h"
#include "drivers/port.h"

static void fill_job(struct dataplane_job *job, char **arguments, unsigned core)
{
    struct problems *problems = problems_create();
    static const char text[] =
        "dataplane = { ports = ({ name = \"bench\"; device = \"net_null0\"; queue_descriptors = 4096; }); };"
        "security_groups = ({ name = \"lan\"; cidrs = [\"10.78.0.0/24\"]; });"
        "inputs = ({ name = \"bench\"; security_groups = [\"lan\"]; reorder_packets = 256; reorder_msec = 50;"
        "            endpoints = ({ address = \"10.78.0.1\"; port = 5000; }); });";
    if (settings_read_text(&dataplane_job_settings, "job", text, job, problems) < 0) {
        problems_print(problems, stderr);
        exit(1);
    }
    problems_destroy(problems);
    snprintf(job->dataplane.ports[0].device, PORT_TEXT_BYTES, "%s", arguments[1]);
    job->dataplane.poll = strcmp(arguments[2], "busy") == 0 ? POLL_BUSY : POLL_ADAPTIVE;
    job->dataplane.core = core;
    job->dataplane.memory_megabytes = 128;
}

static void wait_s(double seconds)
{
    struct timespec duration = { .tv_sec = (time_t)seconds,
                                 .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };
    nanosleep(&duration, NULL);
}

static void print(const struct plane *plane, char **arguments, const struct poll_statistics *before, double seconds)
{
    struct poll_statistics after = plane_poll_statistics(plane);
    const struct receive_input *input = plane_input(plane, 0)->hot;
    const struct plane_port *port = plane_port(plane, 0);
    struct port_statistics statistics;
    port_statistics(port->device, &statistics);
    uint64_t packets = port->hot->packets, stored = input->outcomes[PACKET_STORED];
    double of = stored ? (double)stored : 1;
    printf(
        "{\"bench\":\"receive_port\",\"device\":\"%s\",\"poll\":\"%s\",\"packets\":%llu,\"stored\":%llu,\"lost\":%llu,"
        "\"missed\":%llu,\"busy_ns\":%.1f,\"cpu_ns\":%.1f,\"cpu_percent\":%.2f,\"burst\":%.1f}\n",
        port_driver(port->device), arguments[2], (unsigned long long)packets, (unsigned long long)stored,
        (unsigned long long)input->counters.lost, (unsigned long long)statistics.missed,
        (double)(after.busy_ns - before->busy_ns) / of, (double)(after.cpu_ns - before->cpu_ns) / of,
        (double)(after.cpu_ns - before->cpu_ns) / seconds / 1e7,
        (double)packets / (double)(after.turns - after.idle_turns - (before->turns - before->idle_turns) + 1));
}

int main(int count, char **arguments)
{
    static struct dataplane_job job;
    struct clock clock = clock_real();
    struct topology topology;
    struct plane *plane;
    struct error err;
    if (count < 4) {
        fputs("usage: receive_port DEVICE busy|adaptive SECONDS [CORE]\n", stderr);
        return 2;
    }
    double seconds = atof(arguments[3]);
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL); /* before DPDK's threads are there */
    fill_job(&job, arguments, count > 4 ? (unsigned)atoi(arguments[4]) : 65535);
    if (topology_read(&topology, &err) < 0)
        return 1;
    struct placement placement = topology_place(&topology, 0);
    if (plane_create(&plane, &(struct plane_config){ .job = &job, .placement = &placement, .clock = &clock }, &err) <
        0) {
        fprintf(stderr, "receive_port: %s\n", err.text);
        return 1;
    }
    wait_s(0.3);
    struct poll_statistics before = plane_poll_statistics(plane);
    fputs("ready\n", stderr);
    uint64_t begin_ns = clock_monotonic_ns(&clock);
    struct timespec most = { .tv_sec = (time_t)seconds };
    sigtimedwait(&ending, NULL, &most);
    seconds = (double)(clock_monotonic_ns(&clock) - begin_ns) / (double)NS_PER_S;
    print(plane, arguments, &before, seconds);
    plane_destroy(plane);
    return 0;
}

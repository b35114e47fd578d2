/* SPDX-License-Identifier: GPL-2.0-or-later */
/* biplane_rtpsend.c - sends a transport stream file as RTP (RFC 2250), paced by its PCRs, to one or more receivers.
 *
 * All destinations carry the same stream at the same time from one clock: two sources that a twin channel can lock to.
 * Sleeps from slot to slot and sends what is due with one system call a destination.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "tools/rtp_control.h"
#include "tools/rtp_path.h"
#include "tools/ts_restamp.h"

enum { PATHS_MAX = 8, SLOT_NS = 5 * 1000 * 1000 };

struct sender {
    const char *file;
    bool loop;
    double duration_s; /* 0: until the end of the file, or for ever */
    int64_t start_pts_90k;
    unsigned hop_limit;
    const char *interface_name, *control;
    uint64_t seed;
    struct rtp_path *paths;
    unsigned paths_count;
    struct ts_source *source;
    int control_descriptor;
    uint64_t next; /* transport stream packet */
    uint16_t sequence;
    uint64_t packets, latest_ns; /* how late the latest packet was */
};

static const char usage[] =
    "usage: biplane-rtpsend FILE.ts [--loop] [--duration S] [--start-pts TICKS] [--ssrc N] [--seed N] [--ttl N]\n"
    "           [--interface NAME] [--control FIFO] --to ADDRESS:PORT[@SOURCE] [PATH OPTIONS] [--to ...]\n"
    "\n"
    "Sends the file as RTP (7 transport stream packets each), paced by its PCRs. Each --to adds a destination; the "
    "path\n"
    "options behind it are its own:\n"
    "  --ssrc N            SSRC (before the first --to: of all)\n"
    "  --pts-offset TICKS  another timeline: added to PTS, DTS and PCR, 90 kHz\n"
    "  --loss PERCENT      packets that get lost\n"
    "  --reorder N         one packet in 25 comes up to N packets later\n"
    "  --duplicate PERCENT packets that come twice\n"
    "  --corrupt-header PERCENT  packets with a damaged RTP header\n"
    "  --cut FROM:SECONDS  nothing gets through for a while (up to 8 times)\n"
    "  --swap-ssrc AT      another SSRC from this second on\n"
    "  --jump AT:SECONDS   timestamps jump at this second\n"
    "  --bare-udp          no RTP header\n"
    "  --no-pcr            no PCR in the stream\n"
    "While it runs, lines written to the --control FIFO change paths: cut 0, resume 0, loss 1 2.5, ssrc 0 77, stats "
    "...\n"
    "A summary in JSON is printed at the end.\n";

enum option_key {
    OPTION_LOOP = 256,
    OPTION_DURATION,
    OPTION_START_PTS,
    OPTION_SEED,
    OPTION_TTL,
    OPTION_INTERFACE,
    OPTION_CONTROL,
    OPTION_TO,
    OPTION_SSRC,
    OPTION_PTS_OFFSET,
    OPTION_LOSS,
    OPTION_REORDER,
    OPTION_DUPLICATE,
    OPTION_CORRUPT,
    OPTION_CUT,
    OPTION_SWAP_SSRC,
    OPTION_JUMP,
    OPTION_BARE,
    OPTION_NO_PCR,
    OPTION_HELP,
};

static const struct option options[] = { { "loop", no_argument, NULL, OPTION_LOOP },
                                         { "duration", required_argument, NULL, OPTION_DURATION },
                                         { "start-pts", required_argument, NULL, OPTION_START_PTS },
                                         { "seed", required_argument, NULL, OPTION_SEED },
                                         { "ttl", required_argument, NULL, OPTION_TTL },
                                         { "interface", required_argument, NULL, OPTION_INTERFACE },
                                         { "control", required_argument, NULL, OPTION_CONTROL },
                                         { "to", required_argument, NULL, OPTION_TO },
                                         { "ssrc", required_argument, NULL, OPTION_SSRC },
                                         { "pts-offset", required_argument, NULL, OPTION_PTS_OFFSET },
                                         { "loss", required_argument, NULL, OPTION_LOSS },
                                         { "reorder", required_argument, NULL, OPTION_REORDER },
                                         { "duplicate", required_argument, NULL, OPTION_DUPLICATE },
                                         { "corrupt-header", required_argument, NULL, OPTION_CORRUPT },
                                         { "cut", required_argument, NULL, OPTION_CUT },
                                         { "swap-ssrc", required_argument, NULL, OPTION_SWAP_SSRC },
                                         { "jump", required_argument, NULL, OPTION_JUMP },
                                         { "bare-udp", no_argument, NULL, OPTION_BARE },
                                         { "no-pcr", no_argument, NULL, OPTION_NO_PCR },
                                         { "help", no_argument, NULL, OPTION_HELP },
                                         { 0 } };

/* ---- options ---- */
static int number(const char *text, double *value, struct error *err)
{
    char *end;
    *value = strtod(text, &end);
    return end == text || *end ? error_set(err, -EINVAL, "\"%s\" is not a number", text) : 0;
}

static int pair(const char *text, struct rtp_event *event, struct error *err)
{
    char rest;
    *event = (struct rtp_event){ 0 };
    if (sscanf(text, "%lf:%lf%c", &event->at_s, &event->value, &rest) != 2)
        return error_set(err, -EINVAL, "\"%s\": want two numbers of seconds, AT:SECONDS", text);
    return 0;
}

static int add_path(struct sender *sender, uint32_t ssrc, struct error *err)
{
    if (sender->paths_count == PATHS_MAX)
        return error_set(err, -EINVAL, "more than %d destinations", PATHS_MAX);
    struct rtp_path *path = &sender->paths[sender->paths_count];
    rtp_path_init(path, sender->seed + sender->paths_count);
    path->ssrc = ssrc;
    sender->paths_count++;
    return rtp_path_destination(path, optarg, err);
}

static int path_event(struct rtp_path *path, int key, struct error *err)
{
    if (key == OPTION_JUMP)
        return pair(optarg, &path->jump, err);
    if (path->cuts_count == RTP_PATH_CUTS_MAX)
        return error_set(err, -EINVAL, "more than %d cuts", RTP_PATH_CUTS_MAX);
    return pair(optarg, &path->cuts[path->cuts_count++], err);
}

static int path_option(struct rtp_path *path, int key, struct error *err)
{
    double value = 0;
    if (key == OPTION_CUT || key == OPTION_JUMP)
        return path_event(path, key, err);
    int result = optarg ? number(optarg, &value, err) : 0;
    if (result < 0)
        return result;
    switch (key) {
    case OPTION_SSRC:
        path->ssrc = (uint32_t)(int64_t)value;
        break;
    case OPTION_PTS_OFFSET:
        path->stamp.offset_90k = (int64_t)value;
        break;
    case OPTION_LOSS:
        path->impairment.loss_percent = value;
        break;
    case OPTION_REORDER:
        path->impairment.reorder = value > 0 ? (unsigned)value : 0;
        break;
    case OPTION_DUPLICATE:
        path->impairment.duplicate_percent = value;
        break;
    case OPTION_CORRUPT:
        path->impairment.corrupt_percent = value;
        break;
    case OPTION_SWAP_SSRC:
        path->swap_ssrc.at_s = value;
        break;
    case OPTION_BARE:
        path->bare = true;
        break;
    case OPTION_NO_PCR:
        path->stamp.no_pcr = true;
        break;
    }
    return 0;
}

static int common_option(struct sender *sender, int key, struct error *err)
{
    double value = 0;
    int result = 0;
    switch (key) {
    case OPTION_LOOP:
        sender->loop = true;
        break;
    case OPTION_DURATION:
        result = number(optarg, &sender->duration_s, err);
        break;
    case OPTION_START_PTS:
        result = number(optarg, &value, err);
        sender->start_pts_90k = (int64_t)value;
        break;
    case OPTION_SEED:
        result = number(optarg, &value, err);
        sender->seed = (uint64_t)value;
        break;
    case OPTION_TTL:
        result = number(optarg, &value, err);
        sender->hop_limit = (unsigned)value;
        break;
    case OPTION_INTERFACE:
        sender->interface_name = optarg;
        break;
    case OPTION_CONTROL:
        sender->control = optarg;
        break;
    }
    return result;
}

static int read_options(struct sender *sender, int argc, char **argv, struct error *err)
{
    uint32_t ssrc = 0x42495031;
    int key, result = 0;
    while (result == 0 && (key = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        double value = 0;
        if (key == 'h' || key == OPTION_HELP) {
            fputs(usage, stdout);
            exit(0);
        }
        if (key == '?')
            return error_set(err, -EINVAL, "see --help");
        if (key < OPTION_TO)
            result = common_option(sender, key, err);
        else if (key == OPTION_TO)
            result = add_path(sender, ssrc, err);
        else if (sender->paths_count)
            result = path_option(&sender->paths[sender->paths_count - 1], key, err);
        else if (key == OPTION_SSRC)
            result = number(optarg, &value, err), ssrc = (uint32_t)(int64_t)value;
        else
            result = error_set(err, -EINVAL, "%s must stand behind the --to that it is about", argv[optind - 1]);
    }
    if (result == 0 && optind + 1 != argc)
        result = error_set(err, -EINVAL, "want one file; see --help");
    if (result == 0 && !sender->paths_count)
        result = error_set(err, -EINVAL, "want at least one --to ADDRESS:PORT; see --help");
    if (result == 0)
        sender->file = argv[optind];
    return result;
}

/* ---- running ---- */
static int open_all(struct sender *sender, struct error *err)
{
    int result = ts_source_open(&sender->source, sender->file, err);
    for (unsigned i = 0; i < sender->paths_count && result == 0; i++) {
        struct rtp_path *path = &sender->paths[i];
        if (sender->start_pts_90k >= 0)
            path->stamp.offset_90k += sender->start_pts_90k - ts_source_first_pts_90k(sender->source);
        path->hop_limit = sender->hop_limit;
        if (sender->interface_name)
            snprintf(path->interface_name, sizeof path->interface_name, "%s", sender->interface_name);
        result = rtp_path_open(path, err);
        if (result < 0)
            error_wrap(err, "destination %u", i);
    }
    if (result == 0 && sender->control) {
        sender->control_descriptor = rtp_control_open(sender->control, err);
        result = sender->control_descriptor < 0 ? sender->control_descriptor : 0;
    }
    return result;
}

static void print_summary(const struct sender *sender, double seconds)
{
    struct rusage usage_now;
    getrusage(RUSAGE_SELF, &usage_now);
    double cpu = (double)(usage_now.ru_utime.tv_sec + usage_now.ru_stime.tv_sec) +
                 (double)(usage_now.ru_utime.tv_usec + usage_now.ru_stime.tv_usec) / 1e6;
    printf("{\"file\": \"%s\", \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"packets\": %" PRIu64
           ", \"loops\": %.2f, \"loop_seconds\": %.6f, \"latest_ms\": %.1f, \"paths\": [",
           sender->file, seconds, cpu, sender->packets,
           (double)sender->next / (double)ts_source_packets(sender->source),
           (double)ts_source_period_27m(sender->source) / 27e6, (double)sender->latest_ns / 1e6);
    for (unsigned i = 0; i < sender->paths_count; i++) {
        const struct rtp_path *path = &sender->paths[i];
        const struct impairment_counters *counters = &path->impairment.counters;
        printf("%s{\"sent\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"cut\": %" PRIu64
               ", \"delayed\": %" PRIu64 ", \"duplicated\": %" PRIu64 ", \"corrupted\": %" PRIu64
               ", \"send_errors\": %" PRIu64 "}",
               i ? ", " : "", counters->sent, path->bytes_sent, counters->lost, counters->cut, counters->delayed,
               counters->duplicated, counters->corrupted, path->send_errors);
    }
    printf("]}\n");
    fflush(stdout);
}

/* One RTP packet of the common stream, to every path. A packet is complete when its last byte would have arrived. */
static void add_packet(struct sender *sender)
{
    for (unsigned i = 0; i < sender->paths_count; i++)
        rtp_path_add(&sender->paths[i], sender->source, sender->next, sender->sequence);
    sender->next += RTP_TS_PACKETS;
    sender->sequence++;
    sender->packets++;
}

static void send_due(struct sender *sender, uint64_t elapsed_ns, uint64_t end_packet)
{
    for (unsigned i = 0; i < sender->paths_count; i++)
        rtp_path_events(&sender->paths[i], (double)elapsed_ns / 1e9);
    while (sender->next < end_packet) {
        uint64_t due_ns = ts_source_time_27m(sender->source, sender->next + RTP_TS_PACKETS - 1) * 1000 / 27;
        if (due_ns > elapsed_ns)
            break;
        if (elapsed_ns - due_ns > sender->latest_ns)
            sender->latest_ns = elapsed_ns - due_ns;
        add_packet(sender);
    }
    for (unsigned i = 0; i < sender->paths_count; i++)
        rtp_path_send(&sender->paths[i]);
}

static sigset_t ending_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

/* Sleeps that long; true: a signal says that it is time to end. */
static bool sleep_ns(uint64_t duration_ns)
{
    struct timespec duration = { (time_t)(duration_ns / NS_PER_S), (long)(duration_ns % NS_PER_S) };
    sigset_t set = ending_signals();
    return sigtimedwait(&set, NULL, &duration) > 0;
}

static double run(struct sender *sender)
{
    struct clock clock = clock_real();
    uint64_t start_ns = clock_monotonic_ns(&clock), elapsed_ns = 0;
    uint64_t end_packet = sender->loop ? UINT64_MAX : ts_source_packets(sender->source);
    uint64_t end_ns = sender->duration_s > 0 ? (uint64_t)(sender->duration_s * 1e9) : UINT64_MAX;
    while (elapsed_ns < end_ns && sender->next < end_packet && !sleep_ns(SLOT_NS - elapsed_ns % SLOT_NS)) {
        elapsed_ns = clock_monotonic_ns(&clock) - start_ns;
        if (sender->control_descriptor >= 0 &&
            rtp_control_poll(sender->control_descriptor, sender->paths, sender->paths_count))
            print_summary(sender, (double)elapsed_ns / 1e9);
        send_due(sender, elapsed_ns, end_packet);
    }
    return (double)elapsed_ns / 1e9;
}

static void close_all(struct sender *sender)
{
    for (unsigned i = 0; i < sender->paths_count; i++)
        rtp_path_close(&sender->paths[i]);
    if (sender->control_descriptor >= 0) {
        close(sender->control_descriptor);
        unlink(sender->control);
    }
    ts_source_destroy(sender->source);
    free(sender->paths);
}

int main(int argc, char **argv)
{
    struct error err = { 0 };
    struct sender sender = {
        .start_pts_90k = -1, .seed = 1, .control_descriptor = -1, .paths = calloc(PATHS_MAX, sizeof *sender.paths)
    };
    int result = sender.paths ? read_options(&sender, argc, argv, &err) : error_set(&err, -ENOMEM, "no memory");
    if (result == 0)
        result = open_all(&sender, &err);
    if (result == 0) {
        sigset_t set = ending_signals();
        sigprocmask(SIG_BLOCK, &set, NULL);
        prctl(PR_SET_TIMERSLACK, 1000000); /* a millisecond early or late is nothing here, and saves wake-ups */
        print_summary(&sender, run(&sender));
    } else {
        fprintf(stderr, "biplane-rtpsend: %s\n", err.text);
    }
    close_all(&sender);
    return result == 0 ? 0 : 1;
}

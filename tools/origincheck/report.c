/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/report.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "board/clock.h"
#include "tools/origincheck/judge.h"
#include "tools/origincheck/plan.h"

enum { DATE_BYTES = 32, PLACE_BYTES = 320 };

static const char *date_of(char text[DATE_BYTES], uint64_t utc_ns)
{
    time_t seconds = (time_t)(utc_ns / NS_PER_S);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t used = strftime(text, DATE_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + used, DATE_BYTES - used, ".%03uZ", (unsigned)(utc_ns % NS_PER_S / NS_PER_MS));
    return text;
}

static const char *place_of(char text[PLACE_BYTES], const struct plan *plan, unsigned group, unsigned copy,
                            const char *track)
{
    snprintf(text, PLACE_BYTES, "%s/%u%s%s", plan->groups[group].name, copy, *track ? " " : "", track);
    return text;
}

static const struct plan_place *plan_place_of(const struct plan *plan, unsigned group, unsigned copy)
{
    for (unsigned i = 0; i < plan->places_count; i++)
        if (plan->places[i].group == group && plan->places[i].copy == copy)
            return &plan->places[i];
    return NULL;
}

/* The name of an RTMP stream is often its key. */
static const char *shown_place(char shown[ADDRESS_BYTES], const struct plan_place *place)
{
    address_shown(shown, place->address);
    char *slash = place->kind == PLAN_RTMP ? strrchr(shown, '/') : NULL;
    if (slash && slash < shown + ADDRESS_BYTES - 5)
        memcpy(slash + 1, "...", 4);
    return shown;
}

/* Tracks that only stand for a master playlist or a listing have nothing to tell. */
static bool worth_telling(const struct judge_track_view *track)
{
    return *track->track && (track->segments || track->newest_number >= 0);
}

/* ---- for a person ---- */
void report_finding(FILE *stream, const struct plan *plan, const struct finding *finding, bool cleared)
{
    char date[DATE_BYTES], place[PLACE_BYTES];
    fprintf(stream, "%s  %s  %s%s: %s\n", date_of(date, finding->last_utc_ns),
            place_of(place, plan, finding->group, finding->copy, finding->track), finding_name(finding->kind),
            cleared ? " is over" : "", finding->text);
}

void report_status(FILE *stream, const struct plan *plan, const struct judge *judge, double seconds)
{
    fprintf(stream, "%6.0f s", seconds);
    for (unsigned group = 0; group < plan->groups_count; group++) {
        fprintf(stream, "  %s", plan->groups[group].name);
        for (unsigned copy = 0; copy < plan->groups[group].copies; copy++) {
            int64_t newest = -1;
            for (unsigned i = 0; i < judge_tracks(judge); i++) {
                struct judge_track_view track = judge_track(judge, i);
                if (track.group == group && track.copy == copy && track.newest_number > newest)
                    newest = track.newest_number;
            }
            fprintf(stream, "%c%lld", copy ? '|' : ' ', (long long)newest);
        }
    }
    fprintf(stream, "  %llu found", (unsigned long long)judge_troubles(judge));
}

static void print_track(FILE *stream, const struct plan *plan, const struct judge_track_view *track)
{
    char place[PLACE_BYTES], age[16] = "-", newest[24] = "-";
    if (track->age_s > -1e6 && track->age_s != -1)
        snprintf(age, sizeof age, "%.1f", track->age_s);
    if (track->newest_number >= 0)
        snprintf(newest, sizeof newest, "%lld", (long long)track->newest_number);
    fprintf(stream, "  %-28s %10s %8llu %8llu %10.1f %8s %10.2f %10.2f%s\n",
            place_of(place, plan, track->group, track->copy, track->track), newest, (unsigned long long)track->segments,
            (unsigned long long)track->well, (double)track->bytes / 1e6, age, track->behind_s, track->behind_max_s,
            track->ended ? "  ended" : "");
}

void report_text(FILE *stream, const struct plan *plan, const struct judge *judge, double seconds)
{
    char shown[ADDRESS_BYTES], place[PLACE_BYTES], first[DATE_BYTES], last[DATE_BYTES];
    fprintf(stream, "\nwatched for %.0f s\n\n  %-28s %10s %8s %8s %10s %8s %10s %10s\n", seconds, "", "newest",
            "looked at", "well", "MB", "age s", "behind s", "most s");
    for (unsigned i = 0; i < judge_tracks(judge); i++) {
        struct judge_track_view track = judge_track(judge, i);
        if (worth_telling(&track))
            print_track(stream, plan, &track);
    }
    fputs("\n", stream);
    for (unsigned i = 0; i < plan->groups_count; i++) {
        struct judge_tally tally = judge_tally(judge, i);
        if (plan->kinds[i] == PLAN_RTMP || plan->kinds[i] == PLAN_FRAGMENTS) /* nothing in them has a number */
            fprintf(stream, "  %s:\n", plan->groups[i].name);
        else if (plan->groups[i].copies > 1)
            fprintf(stream, "  %s: complete in all copies %llu, in some %llu, in none %llu\n", plan->groups[i].name,
                    (unsigned long long)tally.all, (unsigned long long)tally.some, (unsigned long long)tally.none);
        else
            fprintf(stream, "  %s: complete %llu, not complete %llu\n", plan->groups[i].name,
                    (unsigned long long)tally.all, (unsigned long long)tally.none);
        for (unsigned copy = 0; copy < plan->groups[i].copies; copy++)
            fprintf(stream, "    copy %u: %s\n", copy, shown_place(shown, plan_place_of(plan, i, copy)));
    }
    fprintf(stream, "\n%s\n", judge_troubles(judge) ? "found:" : "nothing is wrong");
    for (unsigned i = 0; i < judge_findings(judge); i++) {
        const struct finding *finding = judge_finding(judge, i);
        bool several = strcmp(finding->first, finding->text) != 0;
        fprintf(stream, "  %s  %s, %llu times from %s to %s%s\n    %s\n%s%s%s",
                place_of(place, plan, finding->group, finding->copy, finding->track), finding_name(finding->kind),
                (unsigned long long)finding->count, date_of(first, finding->first_utc_ns),
                date_of(last, finding->last_utc_ns), finding->open ? ", goes on" : "", finding->first,
                several ? "    ... " : "", several ? finding->text : "", several ? "\n" : "");
    }
}

/* ---- for a program ---- */
static json_t *json_of_track(const struct judge_track_view *track)
{
    json_t *object = json_pack("{s:i,s:s,s:I,s:I,s:I,s:f,s:f,s:f,s:b}", "copy", track->copy, "track", track->track,
                               "segments", (json_int_t)track->segments, "well", (json_int_t)track->well, "bytes",
                               (json_int_t)track->bytes, "since_newest_s", track->since_newest_s, "behind_s",
                               track->behind_s, "behind_max_s", track->behind_max_s, "ended", track->ended);
    if (object && track->newest_number >= 0)
        json_object_set_new(object, "newest", json_integer(track->newest_number));
    if (object && track->age_s != -1)
        json_object_set_new(object, "age_s", json_real(track->age_s));
    if (object && track->target_duration_s)
        json_object_set_new(object, "target_duration_s", json_integer(track->target_duration_s));
    return object;
}

static json_t *json_of_group(const struct plan *plan, const struct judge *judge, unsigned group)
{
    char shown[ADDRESS_BYTES];
    struct judge_tally tally = judge_tally(judge, group);
    json_t *copies = json_array(), *tracks = json_array();
    for (unsigned copy = 0; copy < plan->groups[group].copies; copy++)
        json_array_append_new(copies, json_string(shown_place(shown, plan_place_of(plan, group, copy))));
    for (unsigned i = 0; i < judge_tracks(judge); i++) {
        struct judge_track_view track = judge_track(judge, i);
        if (track.group == group && worth_telling(&track))
            json_array_append_new(tracks, json_of_track(&track));
    }
    return json_pack("{s:s,s:s,s:o,s:o,s:{s:I,s:I,s:I}}", "name", plan->groups[group].name, "type",
                     plan_kind_name(plan->kinds[group]), "copies", copies, "tracks", tracks, "complete", "all",
                     (json_int_t)tally.all, "some", (json_int_t)tally.some, "none", (json_int_t)tally.none);
}

static json_t *json_of_finding(const struct plan *plan, const struct finding *finding)
{
    char first[DATE_BYTES], last[DATE_BYTES];
    return json_pack("{s:s,s:s,s:i,s:s,s:s,s:s,s:I,s:s,s:s,s:b}", "kind", finding_name(finding->kind), "group",
                     plan->groups[finding->group].name, "copy", finding->copy, "track", finding->track, "first_text",
                     finding->first, "text", finding->text, "count", (json_int_t)finding->count, "first",
                     date_of(first, finding->first_utc_ns), "last", date_of(last, finding->last_utc_ns), "open",
                     finding->open);
}

int report_json(FILE *stream, const struct plan *plan, const struct judge *judge, double seconds)
{
    json_t *groups = json_array(), *findings = json_array();
    for (unsigned i = 0; i < plan->groups_count; i++)
        json_array_append_new(groups, json_of_group(plan, judge, i));
    for (unsigned i = 0; i < judge_findings(judge); i++)
        json_array_append_new(findings, json_of_finding(plan, judge_finding(judge, i)));
    json_t *root = json_pack("{s:b,s:f,s:I,s:I,s:o,s:o}", "well", judge_troubles(judge) == 0, "seconds", seconds,
                             "troubles", (json_int_t)judge_troubles(judge), "ignored", (json_int_t)judge_ignored(judge),
                             "groups", groups, "findings", findings);
    if (!root)
        return -ENOMEM;
    int result = json_dumpf(root, stream, JSON_INDENT(2)) == 0 && fputc('\n', stream) != EOF ? 0 : -EIO;
    json_decref(root);
    return result;
}

/* ---- for a monitor ---- */
static void label(FILE *page, const char *name, const char *value)
{
    fprintf(page, "%s=\"", name);
    for (; *value; value++)
        fprintf(page, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value == '\n' ? ' ' : *value);
    fputc('"', page);
}

static void labels(FILE *page, const char *metric, const struct plan *plan, unsigned group, unsigned copy,
                   const char *track)
{
    fprintf(page, "biplane_origincheck_%s{", metric);
    label(page, "group", plan->groups[group].name);
    fprintf(page, ",copy=\"%u\",", copy);
    label(page, "track", track);
}

enum track_metric {
    METRIC_NEWEST,
    METRIC_SINCE,
    METRIC_AGE,
    METRIC_BEHIND,
    METRIC_LOOKED_AT,
    METRIC_WELL,
    METRIC_BYTES
};

static const struct {
    enum track_metric metric;
    const char *name, *type, *help;
} track_metrics[] = {
    { METRIC_NEWEST, "newest_number", "gauge", "Number of the newest segment or object." },
    { METRIC_SINCE, "since_newest_seconds", "gauge", "Seconds since something new was seen." },
    { METRIC_AGE, "age_seconds", "gauge", "Age of the newest media by its programme date time." },
    { METRIC_BEHIND, "behind_seconds", "gauge", "How much later than in another copy the newest one came." },
    { METRIC_LOOKED_AT, "looked_at_total", "counter", "Segments, objects, fragments or pictures looked at." },
    { METRIC_WELL, "well_total", "counter", "Those of them that were complete and without fault." },
    { METRIC_BYTES, "bytes_total", "counter", "Bytes of media read." },
};

static bool metric_value(const struct judge_track_view *track, enum track_metric metric, double *value)
{
    switch (metric) {
    case METRIC_NEWEST:
        *value = (double)track->newest_number;
        return track->newest_number >= 0;
    case METRIC_SINCE:
        *value = track->since_newest_s;
        return true;
    case METRIC_AGE:
        *value = track->age_s;
        return track->age_s != -1;
    case METRIC_BEHIND:
        *value = track->behind_s;
        return true;
    case METRIC_LOOKED_AT:
        *value = (double)track->segments;
        return true;
    case METRIC_WELL:
        *value = (double)track->well;
        return true;
    case METRIC_BYTES:
        *value = (double)track->bytes;
        return true;
    }
    return false;
}

static void heading(FILE *page, const char *name, const char *type, const char *help)
{
    fprintf(page, "# HELP biplane_origincheck_%s %s\n# TYPE biplane_origincheck_%s %s\n", name, help, name, type);
}

static void put_tracks(FILE *page, const struct plan *plan, const struct judge *judge)
{
    for (unsigned m = 0; m < sizeof track_metrics / sizeof *track_metrics; m++) {
        heading(page, track_metrics[m].name, track_metrics[m].type, track_metrics[m].help);
        for (unsigned i = 0; i < judge_tracks(judge); i++) {
            struct judge_track_view track = judge_track(judge, i);
            double value;
            if (!worth_telling(&track) || !metric_value(&track, track_metrics[m].metric, &value))
                continue;
            labels(page, track_metrics[m].name, plan, track.group, track.copy, track.track);
            fprintf(page, "} %.15g\n", value);
        }
    }
}

static void put_findings(FILE *page, const struct plan *plan, const struct judge *judge, bool open)
{
    const char *name = open ? "finding_open" : "findings_total";
    heading(page, name, open ? "gauge" : "counter",
            open ? "1: this trouble goes on." : "Troubles found, by kind and place.");
    for (unsigned i = 0; i < judge_findings(judge); i++) {
        const struct finding *finding = judge_finding(judge, i);
        labels(page, name, plan, finding->group, finding->copy, finding->track);
        fprintf(page, ",kind=\"%s\"} %llu\n", finding_name(finding->kind),
                open ? (unsigned long long)finding->open : (unsigned long long)finding->count);
    }
}

static void put_tallies(FILE *page, const struct plan *plan, const struct judge *judge)
{
    heading(page, "complete_total", "counter", "Segments or objects complete in all, some or none of the copies.");
    for (unsigned i = 0; i < plan->groups_count; i++) {
        struct judge_tally tally = judge_tally(judge, i);
        const struct {
            const char *copies;
            uint64_t count;
        } counts[] = { { "all", tally.all }, { "some", tally.some }, { "none", tally.none } };
        for (unsigned k = 0; k < 3; k++) {
            fputs("biplane_origincheck_complete_total{", page);
            label(page, "group", plan->groups[i].name);
            fprintf(page, ",copies=\"%s\"} %llu\n", counts[k].copies, (unsigned long long)counts[k].count);
        }
    }
}

char *report_metrics(const struct plan *plan, const struct judge *judge)
{
    char *text = NULL;
    size_t bytes;
    FILE *page = open_memstream(&text, &bytes);
    if (!page)
        return NULL;
    heading(page, "troubles_total", "counter", "All troubles found.");
    fprintf(page, "biplane_origincheck_troubles_total %llu\n", (unsigned long long)judge_troubles(judge));
    put_tracks(page, plan, judge);
    put_tallies(page, plan, judge);
    put_findings(page, plan, judge, false);
    put_findings(page, plan, judge, true);
    if (fclose(page) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* staging.c - four folders: the configuration in place; in the spool "staged", "staged.base" (what was in place when
 * staging began, to see whether somebody else changed it meanwhile) and "previous"; and a mark (mgmt/staging_mark.h).
 */
#include "mgmt/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/clock.h"
#include "board/error.h"
#include "board/log.h"
#include "board/loop.h"
#include "board/settings.h"
#include "mgmt/spool.h"
#include "mgmt/staging_mark.h"

enum { PUT_BACK_AGAIN_S = 30 };

struct staging {
    struct staging_config config;
    char staged_path[DOCUMENT_FILE_BYTES], base_path[DOCUMENT_FILE_BYTES], previous_path[DOCUMENT_FILE_BYTES];
    json_t *staged, *base; /* NULL: nothing is staged */
    struct loop_timer *timer;
    uint64_t confirm_until_ns;    /* 0: nothing waits to be confirmed */
    char stuck[ERROR_TEXT_BYTES]; /* why the files of before could not be put back; "": they could */
};

static json_t *in_place(const struct staging *staging, struct error *err)
{
    return document_folder_read(staging->config.config_directory, err);
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
    const json_t *value_a = json_object_get(a, key), *value_b = json_object_get(b, key);
    return value_a && value_b ? json_equal(value_a, value_b) : value_a == value_b;
}

static bool same_network(const json_t *a, const json_t *b)
{
    return same(a, b, "network");
}

static bool same_ports(const json_t *a, const json_t *b)
{
    const json_t *nodes_a = json_object_get(json_object_get(a, "box"), "nodes");
    const json_t *nodes_b = json_object_get(json_object_get(b, "box"), "nodes");
    bool equal = json_array_size(nodes_a) == json_array_size(nodes_b);
    for (size_t i = 0; equal && i < json_array_size(nodes_a); i++)
        equal = same(json_array_get(nodes_a, i), json_array_get(nodes_b, i), "ports");
    return equal;
}

/* What may take away the line that somebody is connected through: the kernel's network, and ports of the data planes,
 * as these may be interfaces of the kernel's too. */
static bool same_lines(const json_t *a, const json_t *b)
{
    return same_network(a, b) && same_ports(a, b);
}

/* ---- staging ---- */
void staging_discard(struct staging *staging)
{
    json_decref(staging->staged);
    json_decref(staging->base);
    staging->staged = staging->base = NULL;
    document_folder_remove(staging->staged_path);
    document_folder_remove(staging->base_path);
}

/* Gives up what was staged where that cannot be kept. */
static int keep(struct staging *staging, struct error *err)
{
    int result = document_folder_write(staging->base_path, staging->base, err);
    if (result == 0)
        result = document_folder_write(staging->staged_path, staging->staged, err);
    document_folder_link(staging->staged_path, staging->config.config_directory);
    return result;
}

static int begin(struct staging *staging, struct error *err)
{
    if (staging->staged)
        return 0;
    json_t *documents = in_place(staging, err);
    if (!documents)
        return err ? err->code : -EINVAL;
    staging->base = documents;
    staging->staged = json_deep_copy(documents);
    return 0;
}

/* What is the same again as in place needs no staging. */
static int end(struct staging *staging, struct error *err)
{
    if (!json_equal(staging->staged, staging->base))
        return keep(staging, err);
    staging_discard(staging);
    return 0;
}

static bool is_text(const json_t *document, const char *name, struct error *err)
{
    FILE *sink = fopen("/dev/null", "we");
    int result = sink ? document_print(document, sink, err) : error_set_errno(err, -errno, "/dev/null");
    if (sink)
        fclose(sink);
    if (result < 0)
        error_wrap(err, "%s", name);
    return result == 0;
}

/* give; NULL: it cannot stand in a file. */
static json_t *prepare(const struct staging *staging, const char *name, const json_t *document, struct error *err)
{
    json_t *copy = json_deep_copy(document);
    if (!json_is_object(copy)) {
        json_decref(copy);
        error_set(err, -EINVAL, "%s: a document is an object", name);
        return NULL;
    }
    document_unmask(copy, json_object_get(staging->staged, name), document_table(name));
    if (strncmp(name, "channels/", 9) == 0 && !json_object_get(copy, "name"))
        json_object_set_new(copy, "name", json_string(name + 9));
    if (is_text(copy, name, err))
        return copy;
    json_decref(copy);
    return NULL;
}

static int known(const char *name, struct error *err)
{
    return document_table(name) ? 0 : error_set(err, -ENOENT, "there is no document \"%.64s\"", name);
}

int staging_put(struct staging *staging, const char *name, const json_t *document, struct error *err)
{
    struct error told = { 0 };
    int result = known(name, &told);
    if (result == 0)
        result = begin(staging, &told);
    json_t *copy = result == 0 ? prepare(staging, name, document, &told) : NULL;
    if (copy) {
        json_object_set_new(staging->staged, name, copy);
        result = end(staging, &told);
    } else if (result == 0) {
        result = told.code;
        end(staging, NULL);
    }
    if (result < 0 && err)
        *err = told;
    return result;
}

int staging_remove(struct staging *staging, const char *name, struct error *err)
{
    struct error told = { 0 };
    int result = known(name, &told);
    if (result == 0)
        result = begin(staging, &told);
    if (result == 0 && json_object_del(staging->staged, name) < 0)
        result = error_set(&told, -ENOENT, "there is no \"%s\"", name);
    if (staging->staged && end(staging, result == 0 ? &told : NULL) < 0 && result == 0)
        result = told.code;
    if (result < 0 && err)
        *err = told;
    return result;
}

int staging_replace(struct staging *staging, const json_t *documents, struct error *err)
{
    const char *name;
    json_t *document, *made = json_object();
    struct error told = { 0 };
    int result =
        json_is_object(documents) ? begin(staging, &told) : error_set(&told, -EINVAL, "documents are an object");
    json_object_foreach((json_t *)documents, name, document)
    {
        if (result == 0)
            result = known(name, &told);
        json_t *copy = result == 0 ? prepare(staging, name, document, &told) : NULL;
        if (copy)
            json_object_set_new(made, name, copy);
        else if (result == 0)
            result = told.code;
    }
    if (result == 0) {
        json_decref(staging->staged);
        staging->staged = json_incref(made);
    }
    json_decref(made);
    if (staging->staged && end(staging, result == 0 ? &told : NULL) < 0 && result == 0)
        result = told.code;
    if (result < 0 && err)
        *err = told;
    return result;
}

/* ---- telling ---- */
json_t *staging_documents(const struct staging *staging, bool staged, struct error *err)
{
    if (staged && staging->staged)
        return documents_masked(staging->staged);
    json_t *documents = in_place(staging, err);
    json_t *masked = documents ? documents_masked(documents) : NULL;
    json_decref(documents);
    return masked;
}

json_t *staging_documents_with_secrets(const struct staging *staging, struct error *err)
{
    return in_place(staging, err);
}

static bool is_stale(const struct staging *staging)
{
    json_t *now = staging->staged ? in_place(staging, NULL) : NULL;
    bool stale = staging->staged && !(now && json_equal(now, staging->base));
    json_decref(now);
    return stale;
}

static unsigned seconds_left(const struct staging *staging)
{
    uint64_t now = clock_monotonic_ns(staging->config.clock);
    return staging->confirm_until_ns > now ? (unsigned)((staging->confirm_until_ns - now + NS_PER_S - 1) / NS_PER_S)
                                           : 0;
}

static json_t *problems_of_staged(const struct staging *staging)
{
    return document_folder_problems(staging->staged_path, staging->config.config_directory,
                                    staging->config.boards_directory);
}

json_t *staging_report(const struct staging *staging)
{
    json_t *report = json_object();
    bool staged = staging->staged != NULL;
    json_object_set_new(report, "staged", json_boolean(staged));
    json_object_set_new(report, "difference",
                        staged ? documents_difference(staging->base, staging->staged) : json_array());
    json_t *problems = staged ? problems_of_staged(staging) : json_array();
    if (!problems)
        problems = json_array();
    if (staging->stuck[0]) {
        char message[ERROR_TEXT_BYTES + 80];
        snprintf(message, sizeof message, "the configuration of before cannot be put back: %s", staging->stuck);
        json_array_append_new(problems, json_pack("{s:s, s:s, s:s}", "document", "", "path", "", "message", message));
    }
    json_object_set_new(report, "problems", problems);
    json_object_set_new(report, "network", json_boolean(staged && !same_lines(staging->base, staging->staged)));
    json_object_set_new(report, "stale", json_boolean(is_stale(staging)));
    json_object_set_new(report, "confirm_seconds",
                        staging->confirm_until_ns ? json_integer(seconds_left(staging)) : json_null());
    json_object_set_new(report, "previous", json_boolean(access(staging->previous_path, F_OK) == 0));
    return report;
}

/* ---- applying ---- */
/* Has the files in place taken. */
static int take(struct staging *staging, json_t **changes, struct error *err)
{
    const struct staging_config *config = &staging->config;
    struct problems *problems = problems_create();
    int result = problems ? config->reload(config->context, problems, changes) : -ENOMEM;
    if (result < 0)
        error_set(err, result, "%s",
                  problems && problems_count(problems) ? problems_text(problems, 0) : "it was not taken");
    problems_destroy(problems);
    return result;
}

static void stop_waiting(struct staging *staging)
{
    struct error told = { 0 };
    staging->confirm_until_ns = 0;
    staging->stuck[0] = '\0';
    loop_timer_clear(staging->timer);
    if (staging_mark_clear(staging->config.spool_directory, &told) < 0)
        log_error(staging->config.log, "a power cut may take back what was applied: %s", told.text);
}

/* The files of before are to come back, and cannot for now: the mark stays for the next start, and it is tried again.
 */
static void stay_stuck(struct staging *staging, const char *reason)
{
    staging->confirm_until_ns = 0;
    snprintf(staging->stuck, sizeof staging->stuck, "%s", reason);
    loop_timer_set(staging->timer, clock_monotonic_ns(staging->config.clock) + PUT_BACK_AGAIN_S * (uint64_t)NS_PER_S);
}

/* The folder of before goes back as it was, and nothing is waited for any more. What does not work is logged: there may
 * be nobody else to tell. */
static int put_back(struct staging *staging, struct error *err)
{
    const struct staging_config *config = &staging->config;
    struct error told = { 0 };
    json_t *changes = NULL, *now = in_place(staging, NULL);
    json_t *previous = document_folder_read(staging->previous_path, &told);
    int result = previous ? document_folder_write(config->config_directory, previous, &told) : told.code;
    if (previous && result < 0)
        stay_stuck(staging, told.text);
    else
        stop_waiting(staging);
    if (result == 0)
        result = take(staging, &changes, &told);
    if (result < 0)
        log_error(config->log, "the configuration of before cannot be put back: %s", told.text);
    else if (!same_network(previous, now))
        config->network_changed(config->context);
    json_decref(previous);
    json_decref(changes);
    json_decref(now);
    if (result < 0 && err)
        *err = told;
    return result;
}

static void on_timer(void *context)
{
    struct staging *staging = context;
    if (staging->confirm_until_ns)
        log_warning(staging->config.log, "the change of the network was not confirmed: it is taken back");
    put_back(staging, NULL);
}

static void wait_for_confirmation(struct staging *staging, unsigned seconds)
{
    if (seconds < 1 || seconds > STAGING_CONFIRM_S_MAX)
        seconds = STAGING_CONFIRM_S;
    staging->confirm_until_ns = clock_monotonic_ns(staging->config.clock) + seconds * (uint64_t)NS_PER_S;
    loop_timer_set(staging->timer, staging->confirm_until_ns);
}

static int may_apply(const struct staging *staging, struct error *err)
{
    if (!staging->staged)
        return error_set(err, -ENOENT, "nothing is staged");
    if (staging->confirm_until_ns)
        return error_set(err, -EBUSY, "a change of the network waits to be confirmed or rolled back first");
    if (staging->stuck[0])
        return error_set(err, -EBUSY, "the configuration of before has to be put back first, which is tried: %s",
                         staging->stuck);
    if (is_stale(staging))
        return error_set(err, -ESTALE,
                         "the files were changed by somebody else since this was staged: discard it and begin again");
    json_t *problems = problems_of_staged(staging);
    const json_t *first = json_array_get(problems, 0);
    int result = !problems ? error_set(err, -ENOMEM, "no memory")
                 : first ? error_set(err, -EINVAL, "it has %zu problems; the first: %s: %s", json_array_size(problems),
                                     json_string_value(json_object_get(first, "document")),
                                     json_string_value(json_object_get(first, "message")))
                         : 0;
    json_decref(problems);
    return result;
}

int staging_apply(struct staging *staging, unsigned confirm_s, json_t **changes, struct error *err)
{
    int result = may_apply(staging, err);
    if (result < 0)
        return result;
    bool network = !same_network(staging->base, staging->staged);
    bool to_confirm = !same_lines(staging->base, staging->staged);
    document_folder_remove(staging->previous_path);
    result = document_folder_write(staging->previous_path, staging->base, err);
    if (result == 0) /* from here on a power cut leads back to what was before */
        result = staging_mark_set(staging->config.spool_directory, err);
    if (result < 0)
        return result;
    result = document_folder_write(staging->config.config_directory, staging->staged, err);
    if (result == 0)
        result = take(staging, changes, err);
    if (result < 0) {
        put_back(staging, NULL);
        return result;
    }
    if (to_confirm)
        wait_for_confirmation(staging, confirm_s);
    else
        stop_waiting(staging);
    if (network)
        staging->config.network_changed(staging->config.context);
    staging_discard(staging);
    log_info(staging->config.log, "staged changes applied%s", to_confirm ? ", to be confirmed" : "");
    return 0;
}

int staging_confirm(struct staging *staging, struct error *err)
{
    if (!staging->confirm_until_ns)
        return error_set(err, -ENOENT, "nothing waits to be confirmed");
    stop_waiting(staging);
    log_info(staging->config.log, "the change of the network was confirmed");
    return 0;
}

/* These documents against what is in place now; what was staged is forgotten only when they are. */
static int stage_instead(struct staging *staging, const json_t *documents, struct error *err)
{
    json_t *staged = staging->staged, *base = staging->base;
    staging->staged = staging->base = NULL;
    int result = staging_replace(staging, documents, err);
    if (result < 0 && staged) {
        json_decref(staging->staged);
        json_decref(staging->base);
        staging->staged = staged;
        staging->base = base;
        keep(staging, NULL); /* as far as that is possible: in memory it is there */
        return result;
    }
    json_decref(staged);
    json_decref(base);
    return result;
}

int staging_roll_back(struct staging *staging, struct error *err)
{
    if (staging->confirm_until_ns || staging->stuck[0])
        return put_back(staging, err);
    struct error told = { 0 };
    if (access(staging->previous_path, F_OK) < 0)
        return error_set(err, -ENOENT, "there is nothing before to go back to");
    json_t *previous = document_folder_read(staging->previous_path, &told);
    int result = previous ? stage_instead(staging, previous, &told) : told.code;
    json_decref(previous);
    if (result < 0 && err)
        *err = told;
    return result;
}

/* ---- a draft ---- */
static const char draft_name[] = "draft.json";

json_t *staging_draft(const struct staging *staging)
{
    struct error err = { 0 };
    return spool_read(staging->config.spool_directory, draft_name, &err);
}

int staging_keep_draft(struct staging *staging, const json_t *draft, struct error *err)
{
    if (draft)
        return spool_write_json(staging->config.spool_directory, draft_name, draft, SPOOL_FAST, err);
    spool_remove(staging->config.spool_directory, draft_name);
    return 0;
}

/* ---- life ---- */
int staging_recover(const char *config_directory, const char *spool_directory, struct error *err)
{
    char previous[DOCUMENT_FILE_BYTES];
    snprintf(previous, sizeof previous, "%s/previous", spool_directory);
    if (!staging_mark_is_set(spool_directory))
        return 0;
    json_t *documents = document_folder_read(previous, err);
    int result = documents ? document_folder_write(config_directory, documents, err) : -EINVAL;
    if (!documents || result == 0) { /* else the next start tries it again */
        int removed = staging_mark_clear(spool_directory, result == 0 ? err : NULL);
        result = result < 0 ? result : removed;
    }
    json_decref(documents);
    return result < 0 ? result : 1;
}

static void path_in_spool(const struct staging *staging, const char *name, char path[DOCUMENT_FILE_BYTES])
{
    snprintf(path, DOCUMENT_FILE_BYTES, "%s/%s", staging->config.spool_directory, name);
}

/* Changes that an earlier process left. */
static void find_left(struct staging *staging)
{
    if (access(staging->staged_path, F_OK) < 0)
        return;
    staging->staged = document_folder_read(staging->staged_path, NULL);
    staging->base = document_folder_read(staging->base_path, NULL);
    if (!staging->staged || !staging->base)
        staging_discard(staging);
}

int staging_create(struct staging **out, const struct staging_config *config, struct error *err)
{
    struct staging *staging = calloc(1, sizeof *staging);
    if (!staging)
        return error_set(err, -ENOMEM, "staging");
    staging->config = *config;
    path_in_spool(staging, "staged", staging->staged_path);
    path_in_spool(staging, "staged.base", staging->base_path);
    path_in_spool(staging, "previous", staging->previous_path);
    staging->timer = loop_timer_create(config->loop, on_timer, staging);
    if (!staging->timer) {
        staging_destroy(staging);
        return error_set(err, -ENOMEM, "staging");
    }
    find_left(staging);
    *out = staging;
    return 0;
}

void staging_destroy(struct staging *staging)
{
    if (!staging)
        return;
    json_decref(staging->staged);
    json_decref(staging->base);
    loop_timer_destroy(staging->timer);
    free(staging);
}

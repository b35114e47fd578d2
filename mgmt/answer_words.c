/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/answer_words.h"

#include <stdio.h>

struct word word_of_duration(double seconds)
{
    struct word word;
    unsigned long long s = seconds > 0 ? (unsigned long long)seconds : 0;
    if (s >= 86400)
        snprintf(word.text, sizeof word.text, "%llud %02lluh", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(word.text, sizeof word.text, "%lluh %02llum", s / 3600, s / 60 % 60);
    else
        snprintf(word.text, sizeof word.text, "%llum %02llus", s / 60, s % 60);
    return word;
}

struct word word_of_drops(const json_t *told)
{
    struct word word = { "-" };
    const char *reason;
    json_t *count, *drops = json_object_get(told, "drops");
    json_int_t sum = 0;
    json_object_foreach(drops, reason, count) sum += json_integer_value(count);
    if (drops)
        snprintf(word.text, sizeof word.text, "%lld", (long long)sum);
    return word;
}

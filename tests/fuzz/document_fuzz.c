/* SPDX-License-Identifier: GPL-2.0-or-later */
/* document_fuzz.c - any JSON as a document: what can be written reads back to the same, in no other file and no more
 * keys than it had; any text as a file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/document_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig forgets the text of a string that does not end: in the library, and bounded by the size of a file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\nleak:config_read_string\n";
}

/* What is left out of a file: null, empty lists. */
static bool is_whole(const json_t *json)
{
    const char *name;
    json_t *value;
    if (json_is_null(json) || (json_is_array(json) && json_array_size(json) == 0) || json_is_real(json))
        return false;
    json_object_foreach((json_t *)json, name, value) if (!is_whole(value)) return false;
    for (size_t i = 0; i < json_array_size(json); i++)
        if (!is_whole(json_array_get(json, i)))
            return false;
    return true;
}

static void must_come_back(const json_t *json)
{
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    int result = document_print(json, stream, NULL);
    fclose(stream);
    json_t *again = result == 0 && !memchr(text, 0, bytes) ? document_parse(text, NULL) : NULL;
    if (result == 0 && is_whole(json) && !(again && json_equal(json, again)))
        abort();
    free(text);
    json_decref(again);
}

static void play(json_t *json)
{
    static const char *const names[] = { "box", "network", "credentials", "channels/news" };
    json_t *copy = json_deep_copy(json), *list = json_array();
    for (unsigned i = 0; i < 4 && json_is_object(json); i++) {
        document_mask(copy, document_table(names[i]));
        document_difference(names[i], json, copy, document_table(names[i]), list);
        document_unmask(copy, json, document_table(names[i]));
    }
    json_decref(copy);
    json_decref(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (json) {
        play(json);
        must_come_back(json);
    }
    json_decref(json);
    json = document_parse(text, NULL);
    if (json) {
        play(json);
        must_come_back(json);
    }
    json_decref(json);
    free(text);
    return 0;
}

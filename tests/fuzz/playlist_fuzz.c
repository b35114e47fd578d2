/* SPDX-License-Identifier: GPL-2.0-or-later */
/* playlist_fuzz.c - any bytes as a playlist: read without a fault, and every string within the text. */
#include <stdlib.h>
#include <string.h>

#include "tools/origincheck/address.h"
#include "tools/origincheck/playlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct playlist *playlist;
    static const char head[] = "#EXTM3U\n";
    uint8_t *text = malloc(size + sizeof head);
    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head - 1, data, size);
    if (playlist_parse(&playlist, text, size + sizeof head - 1, NULL) == 0) {
        char url[ADDRESS_BYTES], shown[ADDRESS_BYTES], name[ADDRESS_BYTES];
        for (unsigned i = 0; i < playlist->entries_count && i < 100; i++) {
            playlist_date_time_ns(playlist, i);
            if (playlist->entries[i].key > playlist->keys_count || playlist->entries[i].map > playlist->maps_count)
                abort();
            if (address_resolve(url, "https://user:word@origin/live/a/news.m3u8?x#y", playlist->entries[i].uri) == 0)
                address_name(name, address_shown(shown, url));
        }
        for (unsigned i = 0; i < playlist->variants_count; i++)
            if (strlen(playlist->variants[i].uri) + strlen(playlist->variants[i].codecs) > size)
                abort();
        playlist_destroy(playlist);
    }
    free(text);
    return 0;
}

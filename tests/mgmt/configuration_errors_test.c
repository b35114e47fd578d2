/* SPDX-License-Identifier: GPL-2.0-or-later */
/* configuration_errors_test.c - a table of broken files: each is the good configuration with one thing changed, and the
 * place and the reason that must be answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "mgmt/configuration.h"
#include "tests/mgmt/configuration_fixture.h"

enum file { BOX, CHANNEL, CREDENTIALS };
static const char *const names[] = { "box.cfg", "channels.d/news.cfg", "credentials.cfg" };
static const char *const texts[] = { fixture_box, fixture_channel, fixture_credentials };

/* libconfig forgets the text of a string that does not end: 64 bytes at every such file, in the library. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

struct broken {
    enum file file;
    const char *from, *to;
    unsigned line; /* that must be named; 0: none */
    const char *reason;
};

static const struct broken table[] = {
    /* ---- what the parser sees ---- */
    { BOX, "nodes = (", "nodes = ", 4, "syntax error" },
    { BOX, "board = \"dev\";", "board = \"dev;", 3, "syntax error" },
    { CHANNEL, "class = \"standard\";", "class = \"standard\"; class = \"standard\";", 1, "duplicate setting name" },
    { BOX, "board = \"dev\";", "@include \"other.cfg\"", 1, "@include is not allowed" },
    { CHANNEL, "} );\n", "} ", 3, "syntax error" },
    /* ---- keys, types, ranges ---- */
    { BOX, "board =", "bord =", 1, "box does not have a key \"bord\"" },
    { CHANNEL, "class =", "clas =", 1, "channel does not have a key \"clas\"" },
    { CHANNEL, "gop_seconds = 2.0; },", "gop_second = 2.0; },", 6, "does not have a key \"gop_second\"" },
    { CHANNEL, "keep_segments = 21", "keep_segment = 21", 13, "hls does not have a key \"keep_segment\"" },
    { CREDENTIALS, "user =", "usr =", 2, "does not have a key \"usr\"" },
    { BOX, "port = 0;", "port = \"8080\";", 13, "port must be an integer, not a string" },
    { BOX, "board = \"dev\"", "board = 7", 1, "board must be a string in quotes" },
    { CHANNEL, "width = 1280", "width = 1280.5", 6, "width must be an integer" },
    { CHANNEL, "name = \"news\";", "name = \"news\"; start = 1;", 1, "start must be true or false" },
    { CHANNEL, "audio = [ \"a128\" ]; },", "audio = \"a128\"; },", 18, "audio must be an array of strings" },
    { CHANNEL, "hls = { segment_length", "hls = ( { segment_length", 13, "syntax error" },
    { BOX, "port = 5000;", "port = 70000;", 9, "port = 70000 is out of range: 1 to 65535" },
    { CHANNEL, "segment_length = 2.0", "segment_length = 0.5", 13, "segment_length = 0.5 is out of range" },
    { CHANNEL, "index_n_segments = 10", "index_n_segments = 2", 13, "index_n_segments = 2 is out of range: 3 to" },
    { CHANNEL, "filecache_duration = 300", "filecache_duration = 601", 14, "out of range: 0 to 600 s" },
    { CHANNEL, "num_retries = 10", "num_retries = -1", 14, "num_retries = -1 must not be negative" },
    { CHANNEL, "repeat_frame_msec = 1000", "repeat_frame_msec = 1000001", 10, "repeat_frame_msec = 1000001 is out of" },
    { CHANNEL, "class = \"standard\"", "class = \"double\"", 1, "class = \"double\" is not known: want \"standard\"" },
    { CHANNEL, "type = \"hls\"", "type = \"dash\"", 12, "type = \"dash\" is not known" },
    { BOX, "type = \"rtp\"", "type = \"udp\"", 8, "want \"rtp\"; a bare UDP transport stream" },
    { CHANNEL, "name = \"v720\";", "name = \"v 720\";", 6, "only letters, digits" },
    { CHANNEL, "name = \"v360\"", "name = \"v720\"", 7, "\"v720\" is there twice in video" },
    { BOX, "name = \"one-rtp\"", "name = \"news-rtp\"", 11, "\"news-rtp\" is there twice in inputs" },
    { CHANNEL, "name = \"news\";", "", 0, "channel needs a key \"name\"" },
    { CHANNEL, "url = \"http://127.0.0.1:9/a/news\"; ", "", 15, "destination needs a key \"url\"" },
    { BOX, " security_groups = [ \"studio\" ];", " security_groups = [ ];", 8, "security_groups needs at least one" },
    /* ---- the box ---- */
    { BOX, "board = \"dev\"", "board = \"nowhere\"", 1, "there is no board \"nowhere\"" },
    { BOX, "[ \"studio\" ]", "[ \"studyo\" ]", 8, "there is no input security group \"studyo\"" },
    { BOX, "10.1.0.0/16", "10.1.0.1/16", 6, "10.1.0.1/16" },
    { BOX, "10.1.0.10", "10.1.0.300", 9, "10.1.0.300" },
    { BOX, "239.1.2.3\"; port = 5002; source = \"10.1.0.7\"", "10.1.0.10\"; port = 5000", 12,
      "is also an endpoint of input \"news-rtp\"" },
    { BOX, "iface=dummy0", "iface=lo", 4, "already belongs to port \"left\" of node 0" },
    { BOX, "address = \"127.0.0.1\"", "address = \"localhost\"", 13, "neither an IPv4 nor an IPv6 address" },
    { BOX, "239.1.2.3", "10.9.9.9", 12, "source" },
    /* ---- the channel against the box ---- */
    { CHANNEL, "input = \"news-rtp\"", "input = \"new-rtp\"", 2, "there is no input \"new-rtp\" in the box" },
    { CHANNEL, "input = \"news-rtp\"", "input = \"one-rtp\"", 2, "needs 2 endpoints: input \"one-rtp\" has 1" },
    { CHANNEL, "name = \"news\";", "name = \"sport\";", 1, "its file must be called sport.cfg" },
    /* ---- encodes ---- */
    { CHANNEL, "width = 1280", "width = 1281", 6, "odd" },
    { CHANNEL, "height = 360; ", "", 7, "width" },
    { CHANNEL, "selector = \"main\"", "selector = \"mane\"", 8, "there is no audio selector \"mane\"" },
    { CHANNEL, "language = \"eng\"", "language = \"en\"", 3, "not an ISO 639-2 code" },
    { CHANNEL, "video = \"v360\"; audio", "video = \"v720\"; audio", 7, "\"v360\" is not used by any output" },
    { CHANNEL, "color = \"102040\"", "color = \"blue\"", 10, "color \"blue\"" },
    { CHANNEL, "color = \"102040\"", "image = \"slate\"; slate = \"none.png\"", 10, "none.png cannot be read" },
    { CHANNEL, "color = \"102040\"", "image = \"slate\"", 10, "slate" },
    { CHANNEL, "name = \"news\";", "name = \"news\"; framerate_numerator = 1000;", 1, "frame rate of 1000/1" },
    /* ---- output groups ---- */
    { CHANNEL, "segment_length = 2.0", "segment_length = 3.0", 13, "not a whole number of GOPs of video" },
    { CHANNEL, "keep_segments = 21", "keep_segments = 10", 13, "keep_segments 10 must be more than index_n_segments" },
    { CHANNEL, "video = \"v720\"; audio", "video = \"v1080\"; audio", 18, "there is no video description \"v1080\"" },
    { CHANNEL, "[ \"a128\" ]; },", "[ \"a128\", \"a64\" ]; },", 18, "there is no audio description \"a64\"" },
    { CHANNEL, "\"_360p\"", "\"_720p\"", 19, "name_modifier \"_720p\" is there twice" },
    { CHANNEL, "name_modifier = \"_360p\"; ", "", 19, "needs a name_modifier" },
    { CHANNEL, "\"_360p\"", "\"/360p\"", 19, "only letters, digits" },
    { CHANNEL, "video = \"v720\"; audio = [ \"a128\" ];", "", 18, "has neither video nor audio" },
    { CHANNEL, ",\n                   { url = \"http://127.0.0.1:9/b/news\"; }", "", 15, "a standard channel needs 2" },
    { CHANNEL, "class = \"standard\"", "class = \"single_pipeline\"", 15, "a single_pipeline channel needs 1" },
    { CHANNEL, "9/b/news", "9/a/news", 16, "destinations 0 and 1 would both write http://127.0.0.1:9/a/news" },
    { CHANNEL, "9/b/news\"", "9/b/news/\"", 16, "must not end in a slash" },
    { CHANNEL, "http://127.0.0.1:9/b/news", "ftp://127.0.0.1/b/news", 16, "must start with http:// or https://" },
    { CHANNEL, "http://127.0.0.1:9/b", "http://me:pw@127.0.0.1/b", 16, "must not hold a user or password" },
    { CHANNEL, "http://127.0.0.1:9/b/news", "http:///b/news", 16, "has no host" },
    { CHANNEL, "http://127.0.0.1:9/b/news", "http://127.0.0.1:99999/b", 16, "port that is not 1 to 65535" },
    { CHANNEL, "http://127.0.0.1:9/b/news", "http://127.0.0.1", 16, "needs a path" },
    { CHANNEL, "9/b/news", "9/b/news?x=1", 16, "must not hold ? or #" },
    { CHANNEL, "9/b/news", "9/b/../news", 16, "must not hold . or .." },
    { CHANNEL, "9/b/news", "9/b/news_$h$", 16, "may not hold the identifier $h$: $dt$, $d$ and $t$ may stand in it" },
    { CHANNEL, "9/b/news", "9/b/news_$dat$", 16, "an identifier that is not known: $dat$" },
    { CHANNEL, "9/b/news", "9/b/news$", 16, "a $ without a second one" },
    { CHANNEL, "\"_360p\"", "\"_$sn$\"", 19, "may not hold the identifier $sn$" },
    { CHANNEL, "\"_360p\"", "\"_$h%p$\"", 19, "an identifier that is not known: $h%p$" },
    { CHANNEL, "\"_360p\"", "\"_$h$/a\"", 19, "only letters, digits" },
    { CHANNEL, "\"_360p\"", "\"_360p\"; segment_modifier = \"$t$/\"", 19, "only letters, digits" },
    { CHANNEL, "\"_360p\"", "\"_$$\"", 19, "only letters, digits" },
    { CHANNEL, "\"_360p\"", "\"_$f$\"", 19, "frame rate is not said" },
    { CHANNEL, "\"_360p\"", "\"_$dt$$dt$$dt$$dt$$dt$\"", 19, "is longer than" },
    { CHANNEL, "\"_720p\"; video = \"v720\"; audio = [ \"a128\" ]; },\n    { name_modifier = \"_360p\"",
      "\"_640\"; video = \"v720\"; audio = [ \"a128\" ]; },\n    { name_modifier = \"_$w$\"", 19,
      "outputs \"640\" and \"output-1\" would both write http://127.0.0.1:9/a/news_640" },
    { CHANNEL, "\"_720p\"; video = \"v720\"; audio = [ \"a128\" ]; },\n    { name_modifier = \"_360p\"",
      "\"_$ra$\"; video = \"v720\"; audio = [ \"a128\" ]; },\n    { name_modifier = \"_$ra$\"", 19,
      "would both write http://127.0.0.1:9/a/news_128" },
    { CHANNEL, "9/a/news\"; credentials = \"origin\"; },\n                   { url = \"http://127.0.0.1:9/b/news",
      "9/a/$dt$\"; },\n                   { url = \"http://127.0.0.1:9/a/$d$T$t$", 16,
      "destinations 0 and 1 would both write http://127.0.0.1:9/a/19700101T000000" },
    { CHANNEL, "9/b/news\"", "9/b/news\"; certificate_authority = \"/x.pem\"", 16, "is not https" },
    { CHANNEL, "http://127.0.0.1:9/b/news\"", "https://127.0.0.1/b/news\"; certificate_authority = \"/none.pem\"", 16,
      "/none.pem of destination 1 cannot be read" },
    /* ---- HLS ---- */
    { CHANNEL, "segment_length = 2.0", "segment_length = 2.0; encryption = { method = \"aes_128\"; key = \"12\"; }", 13,
      "32 hexadecimal digits" },
    { CHANNEL, "segment_length = 2.0",
      "segment_length = 2.0; encryption = { method = \"aes_128\"; key = \"00112233445566778899aabbccddeeff\"; }", 13,
      "needs key_provider_url" },
    { CHANNEL, "segment_length = 2.0",
      "segment_length = 2.0; i_frame_only_playlists = true; key_provider_url = \"https://k/\"; encryption = { method = "
      "\"aes_128\"; key = \"00112233445566778899aabbccddeeff\"; }",
      13, "cannot be decrypted alone" },
    { CHANNEL, "segment_length = 2.0", "segment_length = 2.0; base_url_content = [ \"http://cdn/a\" ]", 13,
      "base_url_content \"http://cdn/a\" must end in a slash" },
    { CHANNEL, "segment_length = 2.0", "segment_length = 2.0; base_url_manifest = [ \"https://cdn/a/\" ]", 13,
      "has another protocol than the destinations" },
    { CHANNEL, "segment_length = 2.0", "segment_length = 2.0; redundant_manifest = true", 16,
      "both destinations must be in one folder" },
    { CHANNEL, "segment_length = 2.0",
      "segment_length = 2.0; redundant_manifest = true; output_selection = \"segments_only\"", 13,
      "without a master playlist does nothing" },
    { CHANNEL, "segment_length = 2.0", "segment_length = 2.0; transport_stream = { video_pid = 480; }", 13,
      "PID 480 is used twice" },
    { CHANNEL, "\"v360\"; audio", "\"v360\"; container = \"fmp4\"; audio", 19, "fmp4 holds one video or one audio" },
    { CHANNEL, "\"v360\"; audio", "\"v360\"; container = \"aac\"; audio", 19, "aac holds one audio and no video" },
    { CHANNEL, "\"v360\"; audio", "\"v360\"; audio_rendition_sets = [ \"stereo\" ]; audio", 19,
      "no output without video has audio_group \"stereo\"" },
    { CHANNEL, "\"v360\"; audio", "\"v360\"; audio_group = \"stereo\"; audio", 19, "it is a variant, no rendition" },
    { CHANNEL, "video = \"v360\"; audio", "audio_group = \"stereo\"; audio", 19, "nobody could play output \"360p\"" },
    { CHANNEL, "keep_segments = 21", "keep_segments = 21; id3_segment_tag = \"part $sn$ of $foo$\"", 13,
      "id3_segment_tag \"part $sn$ of $foo$\" has an identifier that is not known: $foo$" },
    { CHANNEL,
      "keep_segments = 21; };\n  connection = { num_retries = 10; filecache_duration = 300; };\n  destinations = ( { "
      "url "
      "= \"http://127.0.0.1:9/a/news\"; credentials = \"origin\"; },\n                   { url = "
      "\"http://127.0.0.1:9/b/news\"; } );\n  outputs = (\n    { name_modifier = \"_720p\"; video = \"v720\"; audio = "
      "[ "
      "\"a128\" ]; },\n    { name_modifier = \"_360p\"",
      "keep_segments = 21; i_frame_only_playlists = true; };\n  destinations = ( { url = "
      "\"http://127.0.0.1:9/a/news\"; },\n                   { url = \"http://127.0.0.1:9/b/news\"; } );\n  outputs = "
      "(\n"
      "    { name_modifier = \"_q\"; video = \"v720\"; audio = [ \"a128\" ]; },\n    { name_modifier = \"_q_iframe\"",
      18, "outputs \"q\" and \"q_iframe\" would both write http://127.0.0.1:9/a/news_q_iframe.m3u8" },
    { CHANNEL, "input = \"news-rtp\";", "input = \"news-rtp\"; scte35_pid = 10;", 2,
      "scte35_pid 10 is out of range: 32" },
    /* ---- CMAF ingest, MediaPackage ---- */
    { CHANNEL, "type = \"hls\"", "type = \"mediapackage\"", 15,
      "credentials \"origin\" must have scheme = \"digest\" for MediaPackage v1" },
    { CHANNEL, "type = \"hls\"", "type = \"cmaf_ingest\"", 15, "url of destination 0 must end in a slash" },
    { CHANNEL, "type = \"hls\"", "type = \"cmaf_ingest\"", 18, "must hold one video or one audio" },
    { CHANNEL, "type = \"hls\"", "type = \"cmaf_ingest\"; cmaf_ingest = { segment_length = 70; }", 12,
      "a segment of 70 s: want 1 to 60" },
    { CHANNEL, "type = \"hls\"",
      "type = \"cmaf_ingest\"; cmaf_ingest = { segment_length = 3000; segment_length_units = \"milliseconds\"; }", 12,
      "a segment length of 3 s is not a whole number of GOPs" },
    { CHANNEL, "type = \"hls\";", "type = \"cmaf_ingest\"; cmaf_ingest = { send_delay_ms = 2001; };", 12,
      "send_delay_ms = 2001 is out of range" },
    { CHANNEL, "type = \"hls\"", "type = \"mediapackage\"", 15, "ingest URL 0 of MediaPackage must be https" },
    { CHANNEL, "type = \"hls\"", "type = \"mediapackage\"", 15, "must end in /channel" },
    { CHANNEL, "type = \"hls\"", "type = \"mediapackage\"", 16, "needs credentials" },
    { CHANNEL, "type = \"hls\"", "type = \"mediapackage\"", 0, "needs a stated frame rate" },
    { CHANNEL, "type = \"hls\"", "type = \"mediapackage\"; mediapackage = { version = \"v2\"; }", 15,
      "must end in a slash" },
    { CHANNEL, "type = \"hls\";\n  hls = { ",
      "type = \"mediapackage\";\n  hls = { input_loss_action = \"emit_output\"; ", 13, "shows black" },
    { CHANNEL, "type = \"hls\";\n  hls = { ", "type = \"mediapackage\";\n  hls = { program_date_time = false; ", 13,
      "aligns its inputs" },
    { CHANNEL, "type = \"hls\";\n  hls = { ", "type = \"mediapackage\";\n  hls = { mode = \"vod\"; ", 13,
      "live streams" },
    { CHANNEL, "type = \"hls\";\n  hls = { ", "type = \"mediapackage\";\n  hls = { redundant_manifest = true; ", 13,
      "takes one pipeline" },
    { CHANNEL, "type = \"hls\";\n  hls = { ", "type = \"mediapackage\";\n  hls = { ad_markers = [ ]; ", 13,
      "learns of breaks from the playlists" },
    { CHANNEL, "type = \"hls\";\n  hls = { ", "type = \"mediapackage\";\n  hls = { ad_markers = [ \"adobe\" ]; ", 13,
      "learns of breaks from the playlists" },
    { CHANNEL, "hls = { ", "hls = { ad_markers = [ \"adobe\", \"vmap\" ]; ", 13, "ad_markers \"vmap\" is none" },
    { CHANNEL, "hls = { ", "hls = { ad_markers = [ \"adobe\", \"adobe\" ]; ", 13, "stands there twice" },
    { CHANNEL, "hls = { ", "hls = { min_segment_length = 1.5; ", 13, "more than half of segment_length" },
    { CHANNEL, "input_loss = {", "avail_configuration = { ad_avail_offset = -1001; }; input_loss = {", 10,
      "out of range" },
    { CHANNEL, "type = \"hls\";",
      "type = \"mediapackage\"; mediapackage = { version = \"v2\"; }; cmaf_ingest = { input_loss_action = "
      "\"emit_output\"; };",
      12, "shows black" },
    { CHANNEL,
      "type = \"hls\";\n  hls = { segment_length = 2.0; index_n_segments = 10; keep_segments = 21; };\n  connection = "
      "{ ",
      "type = \"mediapackage\";\n\n  connection = { cdn = \"basic_put\"; ", 14, "WebDAV with Digest" },
    { CHANNEL, "type = \"hls\"", "type = \"frame_capture\"", 12, "cannot have frame_capture groups only" },
    { CHANNEL, "type = \"hls\"", "type = \"archive\"; archive = { extension = \"m/2\"; }", 12,
      "letters and digits only" },
    { CHANNEL, "bitrate = 3000000; gop_seconds = 2.0", "codec = \"jpeg\"", 6, "is jpeg, a hls group takes none" },
    { CHANNEL, "connection = {", "connection = { cdn = \"folder\";", 15, "must start with file:// for a folder" },
    /* what only the encoder's own check finds */
    { CHANNEL, "bitrate = 800000;", "bitrate = 800000; codec = \"av1\";", 19,
      "no player takes av1 in transport streams" },
    { CHANNEL,
      "gop_seconds = 2.0; } );\n  audio = ( { name = \"a128\"; bitrate = 128000; selector = \"main\"; } );\n};",
      "codec = \"av1\"; gop_seconds = 2.0; } );\n  audio = ( { name = \"a128\"; selector = \"main\"; } );\n};\nencoder "
      "= "
      "\"vaapi\";",
      10, "has no AV1" },
    /* ---- credentials ---- */
    { CHANNEL, "credentials = \"origin\"", "credentials = \"origen\"", 15, "there are no credentials \"origen\"" },
    { CREDENTIALS, "user = \"live\"; ", "", 2, "user" },
};

static struct problems *read_broken(const struct configuration_fixture *fixture, enum file file, const char *text,
                                    mode_t mode)
{
    struct configuration *configuration = NULL;
    struct problems *problems = problems_create();
    fixture_write(fixture, names[file], text, mode);
    int result = configuration_read(&configuration, fixture->directory, "board/boards", problems);
    if (result == 0)
        configuration_check_files(configuration, problems);
    fixture_write(fixture, names[file], texts[file], file == CREDENTIALS ? 0600 : 0644);
    if (result == 0)
        configuration_destroy(configuration);
    if (problems_count(problems))
        return problems;
    problems_destroy(problems);
    return NULL;
}

static bool answered(const struct configuration_fixture *fixture, const struct broken *broken,
                     const struct problems *problems)
{
    char place[192];
    if (broken->line)
        snprintf(place, sizeof place, "%s/%s:%u: ", fixture->directory, names[broken->file], broken->line);
    else
        snprintf(place, sizeof place, "%s/%s", fixture->directory, names[broken->file]);
    for (unsigned i = 0; i < problems_count(problems); i++)
        if (strncmp(problems_text(problems, i), place, strlen(place)) == 0 &&
            strstr(problems_text(problems, i) + strlen(place), broken->reason))
            return true;
    return false;
}

/* What a publishing point would take for one. */
static void videos_of_a_smooth_group_differ_in_bitrate(void **state)
{
    static const struct broken want = { .file = CHANNEL, .line = 7, .reason = "\"v720\" and \"v360\" have the same" };
    char *smooth = fixture_replace(texts[CHANNEL], "type = \"hls\"", "type = \"smooth\"");
    char *text = fixture_replace(smooth, "bitrate = 800000", "bitrate = 3000400");
    char *hls = fixture_replace(texts[CHANNEL], "bitrate = 800000", "bitrate = 3000000");
    struct problems *problems = read_broken(*state, CHANNEL, text, 0644);
    assert_non_null(problems);
    assert_true(answered(*state, &want, problems));
    problems_destroy(problems);
    problems = read_broken(*state, CHANNEL, smooth, 0644);
    assert_false(problems && answered(*state, &want, problems));
    problems_destroy(problems);
    assert_null(read_broken(*state, CHANNEL, hls, 0644));
    free(smooth);
    free(text);
    free(hls);
}

static void every_broken_file_is_answered_with_line_and_reason(void **state)
{
    const struct configuration_fixture *fixture = *state;
    unsigned missed = 0;
    assert_true(sizeof table / sizeof *table >= 40);
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        char *text = fixture_replace(texts[table[i].file], table[i].from, table[i].to);
        struct problems *problems =
            read_broken(fixture, table[i].file, text, table[i].file == CREDENTIALS ? 0600 : 0644);
        if (!problems || !answered(fixture, &table[i], problems)) {
            fprintf(stderr, "\"%s\" for \"%s\": wanted %s:%u: ...%s..., got%s\n", table[i].to, table[i].from,
                    names[table[i].file], table[i].line, table[i].reason, problems ? ":" : " nothing");
            if (problems)
                problems_print(problems, stderr);
            missed++;
        }
        problems_destroy(problems);
        free(text);
    }
    assert_int_equal(missed, 0);
}

static void the_good_files_are_good(void **state)
{
    const struct configuration_fixture *fixture = *state;
    assert_null(read_broken(fixture, BOX, fixture_box, 0644));
}

static void modifiers_that_become_different_are_good(void **state)
{
    const struct configuration_fixture *fixture = *state;
    char *one = fixture_replace(fixture_channel, "\"_720p\"", "\"_$h$p\"");
    char *two = fixture_replace(one, "\"_360p\"", "\"_$h$p\"");
    assert_null(read_broken(fixture, CHANNEL, two, 0644));
    free(one);
    free(two);
}

/* In transport streams it is the segment's number if nothing else is said, in fMP4 that cannot be. */
static void the_iv_of_sample_aes_depends_on_the_container(void **state)
{
    const struct configuration_fixture *fixture = *state;
    char *one = fixture_replace(fixture_channel, "segment_length = 2.0",
                                "segment_length = 2.0; i_frame_only_playlists = true; key_provider_url = "
                                "\"https://k/\"; encryption = { method = \"sample_aes\"; key = "
                                "\"00112233445566778899aabbccddeeff\"; }");
    char *two = fixture_replace(one, "\"v360\"; audio = [ \"a128\" ];", "\"v360\"; container = \"fmp4\";");
    assert_null(read_broken(fixture, CHANNEL, one, 0644));
    struct problems *problems = read_broken(fixture, CHANNEL, two, 0644);
    assert_non_null(problems);
    assert_non_null(strstr(problems_text(problems, 0), "news.cfg:19: "));
    assert_non_null(strstr(problems_text(problems, 0), "sample_aes in fmp4 has one IV for all"));
    for (unsigned i = 0; i < problems_count(problems); i++)
        assert_null(strstr(problems_text(problems, i), "00112233"));
    problems_destroy(problems);
    free(two);
    two = fixture_replace(one, "ccddeeff\"; }",
                          "ccddeeff\"; iv = \"explicit\"; constant_iv = \"00112233445566778899aabbccddeeff\"; }");
    char *three = fixture_replace(two, "\"v360\"; audio = [ \"a128\" ];", "\"v360\"; container = \"fmp4\";");
    assert_null(read_broken(fixture, CHANNEL, three, 0644));
    free(three);
    free(two);
    free(one);
}

static void all_problems_are_told_at_once(void **state)
{
    const struct configuration_fixture *fixture = *state;
    char *one = fixture_replace(fixture_channel, "width = 1280", "width = 1281");
    char *two = fixture_replace(one, "9/b/news\"", "9/b/news/\"");
    char *three = fixture_replace(two, "input = \"news-rtp\"", "input = \"other\"");
    struct problems *problems = read_broken(fixture, CHANNEL, three, 0644);
    assert_non_null(problems);
    assert_int_equal(problems_count(problems), 3);
    problems_destroy(problems);
    free(one);
    free(two);
    free(three);
}

static void no_message_holds_a_password(void **state)
{
    const struct configuration_fixture *fixture = *state;
    char *text = fixture_replace(fixture_channel, "http://127.0.0.1:9/b", "http://me:hush-hush@127.0.0.1/b");
    struct problems *problems = read_broken(fixture, CHANNEL, text, 0644);
    assert_non_null(problems);
    for (unsigned i = 0; i < problems_count(problems); i++)
        assert_null(strstr(problems_text(problems, i), "hush-hush"));
    problems_destroy(problems);
    free(text);
}

static void a_credentials_file_that_others_can_read_is_refused(void **state)
{
    const struct configuration_fixture *fixture = *state;
    struct problems *problems = read_broken(fixture, CREDENTIALS, fixture_credentials, 0644);
    assert_non_null(problems);
    assert_non_null(strstr(problems_text(problems, 0), "credentials.cfg"));
    assert_null(strstr(problems_text(problems, 0), "a-secret"));
    problems_destroy(problems);
}

static void two_channels_may_not_write_one_file(void **state)
{
    const struct configuration_fixture *fixture = *state;
    char *text = fixture_replace(fixture_channel, "name = \"news\"", "name = \"sport\"");
    struct configuration *configuration;
    struct problems *problems = problems_create();
    fixture_write(fixture, "channels.d/sport.cfg", text, 0644);
    assert_int_equal(configuration_read(&configuration, fixture->directory, "board/boards", problems), -EINVAL);
    fixture_write(fixture, "channels.d/sport.cfg", "", 0644);
    assert_int_equal(problems_count(problems), 2); /* one a destination */
    assert_non_null(
        strstr(problems_text(problems, 0), "sport.cfg:15: channels \"news\" (group \"web\") and \"sport\""));
    problems_destroy(problems);
    free(text);
    char path[160];
    snprintf(path, sizeof path, "%s/channels.d/sport.cfg", fixture->directory);
    unlink(path);
}

/* A logo that somebody tidied away: it is told, and biplaned starts. */
static void a_file_that_is_gone_does_not_make_it_useless(void **state)
{
    const struct configuration_fixture *fixture = *state;
    char *text = fixture_replace(fixture_channel, "color = \"102040\"", "image = \"slate\"; slate = \"none.png\"");
    struct configuration *configuration = NULL;
    struct problems *problems = problems_create();
    fixture_write(fixture, names[CHANNEL], text, 0644);
    assert_int_equal(configuration_read(&configuration, fixture->directory, "board/boards", problems), 0);
    fixture_write(fixture, names[CHANNEL], fixture_channel, 0644);
    assert_int_equal(problems_count(problems), 0);
    configuration_check_files(configuration, problems);
    assert_int_equal(problems_count(problems), 1);
    configuration_destroy(configuration);
    problems_destroy(problems);
    free(text);
}

static void a_missing_folder_is_named(void **state)
{
    (void)state;
    struct configuration *configuration;
    struct problems *problems = problems_create();
    assert_int_equal(configuration_read(&configuration, "/nonexistent", "board/boards", problems), -EINVAL);
    assert_string_equal(problems_text(problems, 0), "/nonexistent/box.cfg: cannot be read: No such file or directory");
    problems_destroy(problems);
}

static int set_up(void **state)
{
    static struct configuration_fixture fixture;
    fixture_create(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_files_are_good),
        cmocka_unit_test(every_broken_file_is_answered_with_line_and_reason),
        cmocka_unit_test(videos_of_a_smooth_group_differ_in_bitrate),
        cmocka_unit_test(modifiers_that_become_different_are_good),
        cmocka_unit_test(the_iv_of_sample_aes_depends_on_the_container),
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(no_message_holds_a_password),
        cmocka_unit_test(a_credentials_file_that_others_can_read_is_refused),
        cmocka_unit_test(two_channels_may_not_write_one_file),
        cmocka_unit_test(a_file_that_is_gone_does_not_make_it_useless),
        cmocka_unit_test(a_missing_folder_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

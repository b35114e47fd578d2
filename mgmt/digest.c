/* SPDX-License-Identifier: GPL-2.0-or-later */
/* digest.c - a challenge is a list of lists, both with commas: a word that is followed by "=" is a parameter, another
 * word begins the next challenge (RFC 7235, 4.1). What cannot be understood is skipped up to the next comma. */
#include "mgmt/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WORD_BYTES = 32, HEX_BYTES = 2 * EVP_MAX_MD_SIZE + 1 };

/* ---- reading ---- */

struct reader {
    const char *at;
    bool is_digest;  /* the scheme of the challenge being read */
    bool impossible; /* it asks for what we cannot do, or says what is no challenge */
    struct digest_challenge challenge;
};

static bool is_word(char c)
{
    return c && !strchr("()<>@,;:\\\"/[]?={} \t", c) && (unsigned char)c > 32 && (unsigned char)c < 127;
}

static void skip_space(struct reader *reader)
{
    reader->at += strspn(reader->at, " \t");
}

/* false: there is none, or it is longer than any that we know (it is skipped then). */
static bool read_word(struct reader *reader, char word[WORD_BYTES])
{
    size_t length = 0;
    while (is_word(reader->at[length]))
        length++;
    snprintf(word, WORD_BYTES, "%.*s", (int)length, reader->at);
    reader->at += length;
    return length > 0 && length < WORD_BYTES;
}

/* A token or a quoted string; false: it is too long, or has no end. */
static bool read_value(struct reader *reader, char *value, size_t bytes)
{
    size_t used = 0;
    bool quoted = *reader->at == '"', whole = true;
    if (quoted)
        reader->at++;
    while (*reader->at && (quoted ? *reader->at != '"' : !strchr(", \t", *reader->at))) {
        if (quoted && *reader->at == '\\' && reader->at[1])
            reader->at++;
        if (used + 1 < bytes)
            value[used++] = *reader->at;
        else
            whole = false;
        reader->at++;
    }
    value[used] = '\0';
    if (quoted && *reader->at != '"')
        return false;
    reader->at += quoted;
    return whole;
}

static bool take_algorithm(struct digest_challenge *challenge, const char *value)
{
    static const struct {
        const char *name;
        enum digest_algorithm algorithm;
        bool session;
    } known[] = {
        { "MD5", DIGEST_MD5, false },
        { "MD5-sess", DIGEST_MD5, true },
        { "SHA-256", DIGEST_SHA_256, false },
        { "SHA-256-sess", DIGEST_SHA_256, true },
        { "SHA-512-256", DIGEST_SHA_512_256, false },
        { "SHA-512-256-sess", DIGEST_SHA_512_256, true },
    };
    challenge->algorithm_given = true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(known[i].name, value) == 0) {
            challenge->algorithm = known[i].algorithm;
            challenge->session = known[i].session;
            return true;
        }
    return false;
}

/* Whether a list of words with commas or blanks between them holds this one. */
static bool list_holds(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (list += strspn(list, ", \t"); *list; list += strspn(list, ", \t")) {
        size_t item = strcspn(list, ", \t");
        if (item == length && strncasecmp(list, word, length) == 0)
            return true;
        list += item;
    }
    return false;
}

/* false: the challenge cannot be answered with this. */
static bool take_parameter(struct digest_challenge *challenge, const char *name, const char *value)
{
    char *text = strcasecmp(name, "realm") == 0    ? challenge->realm
                 : strcasecmp(name, "nonce") == 0  ? challenge->nonce
                 : strcasecmp(name, "opaque") == 0 ? challenge->opaque
                                                   : NULL;
    if (text)
        snprintf(text, DIGEST_TEXT_BYTES, "%s", value);
    else if (strcasecmp(name, "algorithm") == 0)
        return take_algorithm(challenge, value);
    else if (strcasecmp(name, "qop") == 0)
        return challenge->quality = list_holds(value, "auth");
    else if (strcasecmp(name, "stale") == 0)
        challenge->stale = strcasecmp(value, "true") == 0;
    else if (strcasecmp(name, "userhash") == 0)
        challenge->user_hash = strcasecmp(value, "true") == 0;
    else if (strcasecmp(name, "charset") == 0)
        challenge->utf8 = strcasecmp(value, "UTF-8") == 0;
    return true;
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127)
            return false;
    return true;
}

/* The challenge is read to its end: is it the best so far? A -sess without a client nonce cannot be computed. */
static void judge(const struct reader *reader, struct digest_challenge *best)
{
    const struct digest_challenge *challenge = &reader->challenge;
    bool good = reader->is_digest && !reader->impossible && challenge->nonce[0] &&
                !(challenge->session && !challenge->quality) && is_printable(challenge->realm) &&
                is_printable(challenge->nonce) && is_printable(challenge->opaque);
    if (good && (!best->usable || challenge->algorithm > best->algorithm)) {
        *best = *challenge;
        best->usable = true;
    }
}

void digest_read_challenges(struct digest_challenge *best, const char *value)
{
    struct reader reader = { .at = value };
    char word[WORD_BYTES], text[DIGEST_TEXT_BYTES];
    while (*(reader.at += strspn(reader.at, ", \t"))) {
        bool known = read_word(&reader, word);
        skip_space(&reader);
        if (*reader.at == '=') {
            reader.at++;
            skip_space(&reader);
            bool whole = read_value(&reader, text, sizeof text);
            if (known && (!whole || !take_parameter(&reader.challenge, word, text)))
                reader.impossible = true;
        } else if (is_word(*reader.at) || *reader.at == ',' || !*reader.at) {
            judge(&reader, best);
            reader = (struct reader){ .at = reader.at, .is_digest = known && strcasecmp(word, "Digest") == 0 };
        } else {
            reader.at += strcspn(reader.at, ",");
        }
    }
    judge(&reader, best);
}

bool digest_follow(struct digest *digest, const char *authentication_info)
{
    struct reader reader = { .at = authentication_info };
    char word[WORD_BYTES], text[DIGEST_TEXT_BYTES];
    while (*(reader.at += strspn(reader.at, ", \t"))) {
        bool known = read_word(&reader, word);
        skip_space(&reader);
        if (*reader.at != '=') {
            reader.at += strcspn(reader.at, ",");
            continue;
        }
        reader.at++;
        skip_space(&reader);
        if (!read_value(&reader, text, sizeof text) || !known || strcasecmp(word, "nextnonce") != 0)
            continue;
        if (!*text || !is_printable(text) || strcmp(text, digest->challenge.nonce) == 0)
            return false;
        snprintf(digest->challenge.nonce, sizeof digest->challenge.nonce, "%s", text);
        digest->count = 0;
        return true;
    }
    return false;
}

/* ---- answering ---- */

void digest_begin(struct digest *digest, const struct digest_challenge *challenge,
                  const unsigned char random[DIGEST_RANDOM_BYTES])
{
    *digest = (struct digest){ .challenge = *challenge };
    for (unsigned i = 0; i < DIGEST_RANDOM_BYTES; i++)
        snprintf(digest->client_nonce + 2 * i, 3, "%02x", random[i]);
}

/* The hash of the parts with colons between them, in hex; the list ends with NULL. False: no such algorithm here. */
static bool hash(enum digest_algorithm algorithm, const char *const *parts, char hex[HEX_BYTES])
{
    const EVP_MD *type = algorithm == DIGEST_MD5       ? EVP_md5()
                         : algorithm == DIGEST_SHA_256 ? EVP_sha256()
                                                       : EVP_sha512_256();
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, type, NULL);
    for (const char *const *part = parts; good && *part; part++)
        good = (part == parts || EVP_DigestUpdate(context, ":", 1)) && EVP_DigestUpdate(context, *part, strlen(*part));
    good = good && EVP_DigestFinal_ex(context, sum, &bytes);
    for (unsigned i = 0; i < bytes; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", sum[i]);
    EVP_MD_CTX_free(context);
    return good;
}

#define HASH(hex, ...) hash(algorithm, (const char *const[]){ __VA_ARGS__, NULL }, hex)

static bool respond(const struct digest *digest, const char *user, const char *password, const char *method,
                    const char *uri, const char *count, char response[HEX_BYTES])
{
    const struct digest_challenge *challenge = &digest->challenge;
    enum digest_algorithm algorithm = challenge->algorithm;
    char who[HEX_BYTES] = "", session[HEX_BYTES] = "", what[HEX_BYTES] = "";
    bool good = HASH(who, user, challenge->realm, password);
    if (challenge->session) {
        good = good && HASH(session, who, challenge->nonce, digest->client_nonce);
        memcpy(who, session, sizeof who);
    }
    good = good && HASH(what, method, uri);
    if (challenge->quality)
        good = good && HASH(response, who, challenge->nonce, count, digest->client_nonce, "auth", what);
    else
        good = good && HASH(response, who, challenge->nonce, what);
    explicit_bzero(who, sizeof who);
    explicit_bzero(session, sizeof session);
    return good;
}

struct line {
    char *text;
    size_t bytes, used; /* used reaches bytes when it does not fit */
};

static void put(struct line *line, const char *text)
{
    size_t length = strlen(text);
    if (line->used + length >= line->bytes) {
        line->used = line->bytes;
        return;
    }
    memcpy(line->text + line->used, text, length + 1);
    line->used += length;
}

static void put_quoted(struct line *line, const char *name, const char *value)
{
    put(line, name);
    put(line, "=\"");
    for (; *value; value++)
        put(line, (const char[]){ *value == '"' || *value == '\\' ? '\\' : *value,
                                  *value == '"' || *value == '\\' ? *value : '\0', '\0' });
    put(line, "\"");
}

/* RFC 5987: for names that a quoted string cannot hold. */
static void put_encoded_user(struct line *line, const char *user)
{
    char hex[4];
    put(line, "username*=UTF-8''");
    for (; *user; user++) {
        bool plain = is_word(*user) && !strchr("*'%", *user);
        snprintf(hex, sizeof hex, plain ? "%c" : "%%%02X", (unsigned char)*user);
        put(line, hex);
    }
}

static bool put_user(struct line *line, const struct digest_challenge *challenge, const char *user)
{
    enum digest_algorithm algorithm = challenge->algorithm;
    char hashed[HEX_BYTES] = "";
    bool ascii = true;
    for (const char *c = user; *c; c++)
        ascii = ascii && (unsigned char)*c < 128;
    if (challenge->user_hash) {
        if (!HASH(hashed, user, challenge->realm))
            return false;
        put_quoted(line, "username", hashed);
        put(line, ", userhash=true");
    } else if (!ascii && challenge->utf8) {
        put_encoded_user(line, user);
    } else {
        put_quoted(line, "username", user);
    }
    return true;
}

static const char *algorithm_name(const struct digest_challenge *challenge)
{
    static const char *const names[][2] = { { "MD5", "MD5-sess" },
                                            { "SHA-256", "SHA-256-sess" },
                                            { "SHA-512-256", "SHA-512-256-sess" } };
    return names[challenge->algorithm][challenge->session];
}

int digest_answer(struct digest *digest, const char *user, const char *password, const char *method, const char *uri,
                  char *text, size_t bytes)
{
    const struct digest_challenge *challenge = &digest->challenge;
    struct line line = { .text = text, .bytes = bytes };
    char count[9], response[HEX_BYTES] = "";
    snprintf(count, sizeof count, "%08x", ++digest->count);
    put(&line, "Digest ");
    if (!respond(digest, user, password, method, uri, count, response) || !put_user(&line, challenge, user))
        return -ENOTSUP;
    put_quoted(&line, ", realm", challenge->realm);
    put_quoted(&line, ", nonce", challenge->nonce);
    put_quoted(&line, ", uri", uri);
    put_quoted(&line, ", response", response);
    if (challenge->algorithm_given) {
        put(&line, ", algorithm=");
        put(&line, algorithm_name(challenge));
    }
    if (challenge->opaque[0])
        put_quoted(&line, ", opaque", challenge->opaque);
    if (challenge->quality) {
        put(&line, ", qop=auth, nc=");
        put(&line, count);
        put_quoted(&line, ", cnonce", digest->client_nonce);
    }
    return line.used < line.bytes ? 0 : -EMSGSIZE;
}

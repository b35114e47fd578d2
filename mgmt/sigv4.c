/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sigv4.c - canonical request, string to sign, key of the day: in this order, as the specification tells them. */
#include "mgmt/sigv4.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "board/clock.h"
#include "board/error.h"

enum {
    KEY_BYTES = 32, /* of an HMAC with SHA-256 */
    HASH_STEP_BYTES = 128 << 10,
    DAY_BYTES = 9,
    NAME_BYTES = 64, /* of a region, of a service */
    CANONICAL_BYTES = 16 * 1024,
    PARAMETER_BYTES = 3 * 1024 + 64,
    SECRET_BYTES_MAX = 512,
};

struct sigv4_signer {
    char *access_key, *secret_key, *session_token;
    /* what `key` was made for */
    char day[DAY_BYTES], region[NAME_BYTES], service[NAME_BYTES];
    unsigned char key[KEY_BYTES];
    size_t used; /* of canonical */
    char canonical[CANONICAL_BYTES];
};

static void to_hex(const unsigned char *bytes, char out[SIGV4_HASH_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < KEY_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * KEY_BYTES] = '\0';
}

void sigv4_hash(const void *data, size_t bytes, char out[SIGV4_HASH_BYTES])
{
    unsigned char hash[KEY_BYTES];
    EVP_Digest(data, bytes, hash, NULL, EVP_sha256(), NULL);
    to_hex(hash, out);
}

int sigv4_hash_until(const void *data, size_t bytes, const atomic_bool *called_off, char out[SIGV4_HASH_BYTES])
{
    const unsigned char *at = data;
    unsigned char hash[KEY_BYTES];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    bool stopped = false;
    while (good && bytes && !(stopped = atomic_load(called_off))) {
        size_t step = bytes < HASH_STEP_BYTES ? bytes : HASH_STEP_BYTES;
        good = EVP_DigestUpdate(context, at, step);
        at += step;
        bytes -= step;
    }
    good = good && EVP_DigestFinal_ex(context, hash, NULL);
    EVP_MD_CTX_free(context);
    if (good)
        to_hex(hash, out);
    return stopped ? -ECANCELED : good ? 0 : -ENOMEM;
}

static void hmac(const void *key, size_t key_bytes, const char *text, unsigned char out[KEY_BYTES])
{
    HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)text, strlen(text), out, NULL);
}

/* ---- encoding ---- */

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

int sigv4_encode(char *out, size_t room, const char *text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = is_unreserved(*text) || (c == '/' && keep_slash);
        if (used + (plain ? 1 : 3) >= room)
            return -EMSGSIZE;
        if (plain) {
            out[used++] = *text;
        } else {
            out[used++] = '%';
            out[used++] = digits[c >> 4];
            out[used++] = digits[c & 15];
        }
    }
    if (used >= room)
        return -EMSGSIZE;
    out[used] = '\0';
    return 0;
}

struct parameter {
    char text[2 * PARAMETER_BYTES];
    size_t name_bytes;
};

/* By encoded name, then by encoded value; "a=" must come before "a-b=", which plain text order gets wrong. */
static int compare_parameters(const void *left, const void *right)
{
    const struct parameter *a = *(struct parameter *const *)left, *b = *(struct parameter *const *)right;
    size_t shorter = a->name_bytes < b->name_bytes ? a->name_bytes : b->name_bytes;
    int order = memcmp(a->text, b->text, shorter);
    if (order == 0 && a->name_bytes != b->name_bytes)
        return a->name_bytes < b->name_bytes ? -1 : 1;
    return order ? order : strcmp(a->text + a->name_bytes, b->text + b->name_bytes);
}

static int encode_parameter(struct parameter *parameter, const struct sigv4_pair *pair)
{
    if (sigv4_encode(parameter->text, PARAMETER_BYTES, pair->name, false) < 0)
        return -EMSGSIZE;
    parameter->name_bytes = strlen(parameter->text);
    parameter->text[parameter->name_bytes] = '=';
    return sigv4_encode(parameter->text + parameter->name_bytes + 1, PARAMETER_BYTES - 1, pair->value, false);
}

int sigv4_query(char *out, size_t room, const struct sigv4_pair *parameters, unsigned count)
{
    struct parameter encoded[SIGV4_PARAMETERS_MAX], *order[SIGV4_PARAMETERS_MAX];
    if (count > SIGV4_PARAMETERS_MAX || room == 0)
        return -EMSGSIZE;
    for (unsigned i = 0; i < count; i++) {
        order[i] = &encoded[i];
        if (encode_parameter(order[i], &parameters[i]) < 0)
            return -EMSGSIZE;
    }
    qsort(order, count, sizeof order[0], compare_parameters);
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        int length = snprintf(out + used, room - used, "%s%s", i ? "&" : "", order[i]->text);
        if ((size_t)length >= room - used)
            return -EMSGSIZE;
        used += (size_t)length;
    }
    return 0;
}

/* ---- the identity ---- */

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

int sigv4_signer_create(struct sigv4_signer **out, const struct sigv4_identity *identity, struct error *err)
{
    if (!identity->access_key || !identity->access_key[0] || !identity->secret_key || !identity->secret_key[0])
        return error_set(err, -EINVAL, "access key or secret key is empty");
    if (strlen(identity->secret_key) > SECRET_BYTES_MAX)
        return error_set(err, -EMSGSIZE, "secret key is longer than %d", SECRET_BYTES_MAX);
    struct sigv4_signer *signer = calloc(1, sizeof *signer);
    if (!signer)
        return error_set(err, -ENOMEM, "signer");
    signer->access_key = strdup(identity->access_key);
    signer->secret_key = strdup(identity->secret_key);
    signer->session_token = strdup(identity->session_token ? identity->session_token : "");
    if (!signer->access_key || !signer->secret_key || !signer->session_token) {
        sigv4_signer_destroy(signer);
        return error_set(err, -ENOMEM, "signer");
    }
    *out = signer;
    return 0;
}

void sigv4_signer_destroy(struct sigv4_signer *signer)
{
    if (!signer)
        return;
    wipe(signer->access_key);
    wipe(signer->secret_key);
    wipe(signer->session_token);
    explicit_bzero(signer, sizeof *signer);
    free(signer);
}

const char *sigv4_session_token(const struct sigv4_signer *signer)
{
    return signer->session_token;
}

const char *sigv4_canonical_request(const struct sigv4_signer *signer)
{
    return signer->canonical;
}

/* ---- canonical request ---- */

/* Past the end it only counts, and the length tells. */
static void put(struct sigv4_signer *signer, const char *text, size_t bytes)
{
    if (signer->used + bytes < CANONICAL_BYTES)
        memcpy(signer->canonical + signer->used, text, bytes);
    signer->used += bytes;
}

static void put_text(struct sigv4_signer *signer, const char *text)
{
    put(signer, text, strlen(text));
}

static void put_lower(struct sigv4_signer *signer, const char *name)
{
    for (; *name; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
        put(signer, &c, 1);
    }
}

/* Without spaces around it, and with runs of them made one. */
static void put_value(struct sigv4_signer *signer, const char *value)
{
    bool space = false, begun = false;
    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            space = begun;
            continue;
        }
        if (space)
            put(signer, " ", 1);
        put(signer, value, 1);
        space = false;
        begun = true;
    }
}

/* Stable, so that values of one name keep their order. */
static unsigned sort_headers(struct sigv4_pair *sorted, const struct sigv4_request *request, const char *date,
                             const char *token)
{
    unsigned count = 0;
    for (unsigned i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, "x-amz-date") != 0 &&
            strcasecmp(request->headers[i].name, "x-amz-security-token") != 0)
            sorted[count++] = request->headers[i];
    sorted[count++] = (struct sigv4_pair){ "x-amz-date", date };
    if (*token)
        sorted[count++] = (struct sigv4_pair){ "x-amz-security-token", token };
    for (unsigned i = 1; i < count; i++)
        for (unsigned j = i; j > 0 && strcasecmp(sorted[j - 1].name, sorted[j].name) > 0; j--) {
            struct sigv4_pair pair = sorted[j];
            sorted[j] = sorted[j - 1];
            sorted[j - 1] = pair;
        }
    return count;
}

static bool same_name(const struct sigv4_pair *headers, unsigned a, unsigned b)
{
    return strcasecmp(headers[a].name, headers[b].name) == 0;
}

static void put_headers(struct sigv4_signer *signer, const struct sigv4_pair *headers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i > 0 && same_name(headers, i, i - 1)) {
            put_text(signer, ",");
        } else {
            put_lower(signer, headers[i].name);
            put_text(signer, ":");
        }
        put_value(signer, headers[i].value);
        if (i + 1 == count || !same_name(headers, i, i + 1))
            put_text(signer, "\n");
    }
}

static void put_names(struct sigv4_signer *signer, const struct sigv4_pair *headers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (i == 0 || !same_name(headers, i, i - 1)) {
            put_text(signer, i ? ";" : "");
            put_lower(signer, headers[i].name);
        }
}

/* Returns where in it the names of the signed headers begin. */
static size_t write_canonical(struct sigv4_signer *signer, const struct sigv4_request *request, const char *date)
{
    struct sigv4_pair headers[SIGV4_HEADERS_MAX + 2];
    unsigned count = sort_headers(headers, request, date, signer->session_token);
    signer->used = 0;
    put_text(signer, request->method);
    put_text(signer, "\n");
    put_text(signer, request->path);
    put_text(signer, "\n");
    put_text(signer, request->query);
    put_text(signer, "\n");
    put_headers(signer, headers, count);
    put_text(signer, "\n");
    size_t names = signer->used;
    put_names(signer, headers, count);
    put_text(signer, "\n");
    put_text(signer, request->payload);
    return names;
}

/* ---- signature ---- */

static void derive_key(struct sigv4_signer *signer, const char *day, const struct sigv4_request *request)
{
    if (strcmp(signer->day, day) == 0 && strcmp(signer->region, request->region) == 0 &&
        strcmp(signer->service, request->service) == 0)
        return;
    snprintf(signer->day, sizeof signer->day, "%s", day);
    snprintf(signer->region, sizeof signer->region, "%s", request->region);
    snprintf(signer->service, sizeof signer->service, "%s", request->service);
    char first[SECRET_BYTES_MAX + 8];
    snprintf(first, sizeof first, "AWS4%s", signer->secret_key);
    hmac(first, strlen(first), day, signer->key);
    explicit_bzero(first, sizeof first);
    hmac(signer->key, KEY_BYTES, request->region, signer->key);
    hmac(signer->key, KEY_BYTES, request->service, signer->key);
    hmac(signer->key, KEY_BYTES, "aws4_request", signer->key);
}

static void sign_canonical(struct sigv4_signer *signer, const char *date, const char *scope, char out[SIGV4_HASH_BYTES])
{
    char hash[SIGV4_HASH_BYTES], text[32 + SIGV4_DATE_BYTES + 256 + SIGV4_HASH_BYTES];
    unsigned char signature[KEY_BYTES];
    sigv4_hash(signer->canonical, signer->used, hash);
    snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, hash);
    hmac(signer->key, KEY_BYTES, text, signature);
    to_hex(signature, out);
}

static int format_date(uint64_t utc_ns, char date[SIGV4_DATE_BYTES], char day[DAY_BYTES])
{
    time_t seconds = (time_t)(utc_ns / NS_PER_S);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(date, SIGV4_DATE_BYTES, "%Y%m%dT%H%M%SZ", &tm) == 0)
        return -EINVAL;
    memcpy(day, date, DAY_BYTES - 1);
    day[DAY_BYTES - 1] = '\0';
    return 0;
}

int sigv4_sign(struct sigv4_signer *signer, const struct sigv4_request *request, struct sigv4_signature *out,
               struct error *err)
{
    char day[DAY_BYTES], scope[256], signature[SIGV4_HASH_BYTES];
    if (request->header_count > SIGV4_HEADERS_MAX)
        return error_set(err, -EMSGSIZE, "more than %d headers to sign", SIGV4_HEADERS_MAX);
    if (strlen(request->region) >= NAME_BYTES || strlen(request->service) >= NAME_BYTES)
        return error_set(err, -EMSGSIZE, "region or service name is longer than %d", NAME_BYTES - 1);
    if (format_date(request->utc_ns, out->date, day) < 0)
        return error_set(err, -EINVAL, "time cannot be signed");
    size_t names = write_canonical(signer, request, out->date);
    if (signer->used >= CANONICAL_BYTES)
        return error_set(err, -EMSGSIZE, "request is too long to be signed");
    signer->canonical[signer->used] = '\0';
    derive_key(signer, day, request);
    snprintf(scope, sizeof scope, "%s/%s/%s/aws4_request", day, request->region, request->service);
    sign_canonical(signer, out->date, scope, signature);
    int length = snprintf(out->authorization, sizeof out->authorization,
                          "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%.*s, Signature=%s", signer->access_key,
                          scope, (int)strcspn(signer->canonical + names, "\n"), signer->canonical + names, signature);
    if ((size_t)length >= sizeof out->authorization)
        return error_set(err, -EMSGSIZE, "authorization is too long");
    return 0;
}

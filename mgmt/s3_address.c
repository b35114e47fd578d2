/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/s3_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "board/error.h"
#include "mgmt/sigv4.h"

#define DEFAULT_REGION "us-east-1"

/* ---- rules of names ---- */

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

const char *s3_bucket_fault(const char *bucket)
{
    static const char *const starts[] = { "xn--", "sthree-", "amzn-s3-demo-" };
    static const char *const ends[] = { "-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3" };
    size_t length = strlen(bucket);
    struct in_addr address;
    if (length < 3 || length > 63)
        return "has a bucket name that is not 3 to 63 characters long";
    for (const char *c = bucket; *c; c++)
        if (!is_lower_or_digit(*c) && *c != '-' && *c != '.')
            return "has a bucket name with a character that is not a lower case letter, a digit, - or .";
    if (!is_lower_or_digit(bucket[0]) || !is_lower_or_digit(bucket[length - 1]))
        return "has a bucket name that does not begin and end with a letter or a digit";
    if (strstr(bucket, ".."))
        return "has a bucket name with two dots in a row";
    if (inet_pton(AF_INET, bucket, &address) == 1)
        return "has a bucket name that looks like an IP address";
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (strncmp(bucket, starts[i], strlen(starts[i])) == 0)
            return "has a bucket name that begins with reserved letters (xn--, sthree-, amzn-s3-demo-)";
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ends_in(bucket, ends[i]))
            return "has a bucket name that ends in reserved letters (-s3alias, --ol-s3, .mrap, --x-s3, --table-s3)";
    return NULL;
}

const char *mediastore_path_fault(const char *path)
{
    unsigned folders = 0;
    if (!path[0])
        return "needs a path: it is the beginning of file names, as in /live/news";
    if (strlen(path) > MEDIASTORE_PATH_MAX)
        return "has a path longer than 900 bytes, which a container does not take";
    if (path[0] == '/' || strstr(path, "//"))
        return "must not hold an empty folder name (two slashes in a row)";
    for (const char *c = path; *c; c++) {
        folders += *c == '/';
        if (!isalnum((unsigned char)*c) && !strchr("_.-~/", *c))
            return "has a path with a character that a container does not take: letters, digits, _ . - ~ and / only";
    }
    return folders > MEDIASTORE_FOLDERS_MAX ? "has more than 10 folders, which a container does not take" : NULL;
}

static const char *region_fault(const char *region)
{
    if (strlen(region) > 62)
        return "has a region that is longer than 62 characters";
    for (const char *c = region; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            return "has a region that holds more than letters, digits, - and _";
    return NULL;
}

/* ---- hosts ---- */

/* Behind http:// or https://; NULL: neither. */
static const char *skip_scheme(const char *url, bool *secure)
{
    *secure = strncmp(url, "https://", 8) == 0;
    return *secure ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
}

/* The host and port at the beginning of a text that ends in nothing or a path. */
static bool take_host(const char *text, char host[S3_HOST_BYTES])
{
    size_t length = strcspn(text, "/");
    if (length == 0 || length >= S3_HOST_BYTES || text[0] == ':')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(".-_:[]", text[i]))
            return false;
    snprintf(host, S3_HOST_BYTES, "%.*s", (int)length, text);
    return true;
}

/* A host as on the wire: without the port that goes without saying. */
static void drop_default_port(struct s3_address *address)
{
    const char *port = address->secure ? ":443" : ":80";
    if (ends_in(address->host, port))
        address->host[strlen(address->host) - strlen(port)] = '\0';
}

static void set_aws_host(struct s3_address *address)
{
    const char *domain = strncmp(address->region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
    if (address->path_style)
        snprintf(address->host, sizeof address->host, "s3.%s.%s", address->region, domain);
    else
        snprintf(address->host, sizeof address->host, "%s.s3.%s.%s", address->bucket, address->region, domain);
}

/* container.data.mediastore.REGION.amazonaws.com */
static void set_region_of_container(struct s3_address *address)
{
    const char *found = strstr(address->host, ".mediastore.");
    const char *region = found ? found + strlen(".mediastore.") : "";
    size_t length = strcspn(region, ".");
    if (length > 0 && length < sizeof address->region && region[length] == '.')
        snprintf(address->region, sizeof address->region, "%.*s", (int)length, region);
}

/* ---- parsing ---- */

static const char *parse_s3(struct s3_address *address, const struct s3_place *place)
{
    const char *name = strncmp(place->url, "s3://", 5) == 0      ? place->url + 5
                       : strncmp(place->url, "s3ssl://", 8) == 0 ? place->url + 8
                                                                 : NULL;
    if (!name)
        return "must be like s3://bucket/folder/name for an S3 bucket";
    size_t length = strcspn(name, "/");
    if (length >= sizeof address->bucket)
        return "has a bucket name that is longer than 63 characters";
    snprintf(address->bucket, sizeof address->bucket, "%.*s", (int)length, name);
    if (strlen(name + length) > S3_KEY_BYTES - 1)
        return "has a path longer than 1024 bytes";
    strcpy(address->key, name[length] ? name + length + 1 : "");
    const char *fault = s3_bucket_fault(address->bucket);
    if (fault)
        return fault;
    address->own = place->endpoint && place->endpoint[0];
    address->path_style = address->own || strchr(address->bucket, '.');
    if (!address->own) {
        address->secure = true;
        set_aws_host(address);
        return NULL;
    }
    const char *host = skip_scheme(place->endpoint, &address->secure);
    if (!host || !take_host(host, address->host) ||
        (host[strcspn(host, "/")] && strcmp(host + strcspn(host, "/"), "/") != 0))
        return "has an endpoint that is not like http://host:port or https://host";
    return NULL;
}

static const char *parse_mediastore(struct s3_address *address, const struct s3_place *place)
{
    const char *host = skip_scheme(place->url, &address->secure);
    if (!host || !take_host(host, address->host))
        return "must be like https://container.data.mediastore.region.amazonaws.com/folder/name for MediaStore";
    const char *path = host + strcspn(host, "/");
    if (strlen(path) > S3_KEY_BYTES - 1)
        return "has a path longer than 900 bytes, which a container does not take";
    strcpy(address->key, *path ? path + 1 : "");
    address->own = true;
    if (!place->region || !place->region[0])
        set_region_of_container(address);
    return mediastore_path_fault(address->key);
}

static const char *parse(struct s3_address *address, const struct s3_place *place)
{
    memset(address, 0, sizeof *address);
    address->service = place->service;
    const char *region = place->region && place->region[0] ? place->region : DEFAULT_REGION;
    const char *fault = region_fault(region);
    if (fault)
        return fault;
    snprintf(address->region, sizeof address->region, "%s", region);
    fault = place->service == S3_SERVICE_S3 ? parse_s3(address, place) : parse_mediastore(address, place);
    drop_default_port(address);
    return fault;
}

const char *s3_place_fault(const struct s3_place *place)
{
    struct s3_address address;
    return parse(&address, place);
}

int s3_address_parse(struct s3_address *out, const struct s3_place *place, struct error *err)
{
    const char *fault = parse(out, place);
    return fault ? error_set(err, -EINVAL, "destination URL %.200s %s", place->url, fault) : 0;
}

/* ---- using ---- */

const char *s3_address_service(const struct s3_address *address)
{
    return address->service == S3_SERVICE_S3 ? "s3" : "mediastore";
}

int s3_address_path(const struct s3_address *address, const char *key, char *out, size_t room)
{
    char plain[S3_KEY_BYTES + sizeof address->bucket + 2];
    int length = address->path_style ? snprintf(plain, sizeof plain, "/%s/%s", address->bucket, key)
                                     : snprintf(plain, sizeof plain, "/%s", key);
    if (strlen(key) >= S3_KEY_BYTES || (size_t)length >= sizeof plain)
        return -EMSGSIZE;
    return sigv4_encode(out, room, plain, true);
}

int s3_address_url(const struct s3_address *address, const char *path, const char *query, char *out, size_t room)
{
    int length = snprintf(out, room, "http%s://%s%s%s%s", address->secure ? "s" : "", address->host, path,
                          *query ? "?" : "", query);
    return (size_t)length < room ? 0 : -EMSGSIZE;
}

/* Of AWS, when our address is: what we sign and send must not be led anywhere else by one answer. */
static bool is_good_host(const struct s3_address *address)
{
    return address->own || ends_in(address->host, ".amazonaws.com") || ends_in(address->host, ".amazonaws.com.cn");
}

bool s3_address_redirect(struct s3_address *address, const char *region, const char *location)
{
    struct s3_address next = *address;
    bool secure;
    if (region && region[0] && !region_fault(region)) {
        snprintf(next.region, sizeof next.region, "%s", region);
        if (!next.own)
            set_aws_host(&next);
    }
    bool new_region = strcmp(next.region, address->region) != 0;
    if (location && location[0] && (next.own || !new_region)) {
        const char *host = skip_scheme(location, &secure);
        if (!host || !take_host(host, next.host) || !is_good_host(&next) || (address->secure && !secure))
            return false;
        next.secure = secure;
        drop_default_port(&next);
    }
    bool changed = new_region || strcmp(next.host, address->host) != 0 || next.secure != address->secure;
    if (changed)
        *address = next;
    return changed;
}

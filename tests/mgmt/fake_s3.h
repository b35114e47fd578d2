/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_s3.h - an S3 store on a fake origin: one bucket, one identity, a region and a clock of its own, uploads in
 * parts.
 *
 * It recomputes signatures with mgmt/sigv4.h: that finds requests that are not what was signed. Whether the signature
 * itself is right is for published vectors and real servers to say.
 *
 *     struct fake_s3 *s3 = fake_s3_create(loop);
 *     s3->faults[0] = (struct fake_fault){ .times = 2, .status = 503, .code = "SlowDown" };
 */
#pragma once
#include <openssl/evp.h>
#include <time.h>

#include "board/clock.h"
#include "mgmt/sigv4.h"
#include "tests/mgmt/fake_origin.h"

enum { FAKE_FAULTS_MAX = 4, FAKE_OBJECTS_MAX = 64, FAKE_PARTS_MAX = 32, FAKE_VALUE_BYTES = 512 };

struct fake_fault {
    unsigned times; /* how often still; 0: not at all */
    int status;
    const char *code, *more, *headers; /* of the answer's XML; more elements; header lines with their ends */
    const char *only;                  /* requests whose path holds this; NULL: all */
    bool after;                        /* the request is done all the same: only its answer is wrong */
};

struct fake_object {
    char path[256], etag[64], head[2048];
    size_t bytes;
    char *body;
};

struct fake_s3 {
    struct origin *origin;
    const char *region, *service, *access_key, *secret_key;
    const struct clock *clock; /* the store's own; NULL: the real one */
    struct fake_fault faults[FAKE_FAULTS_MAX];
    unsigned object_count, part_count, uploads, aborted;
    struct fake_object objects[FAKE_OBJECTS_MAX];
    struct fake_object parts[FAKE_PARTS_MAX + 1]; /* of the one upload, by number */
    char upload_id[32];                           /* "": there is no upload */
    unsigned refused_signatures, refused_times;
};

static inline uint64_t fake_s3_now(const struct fake_s3 *s3)
{
    struct clock real = clock_real();
    return clock_utc_ns(s3->clock ? s3->clock : &real);
}

static inline void fake_s3_answer(struct fake_s3 *s3, struct origin_request *request, int status, const char *headers,
                                  const char *body, char *answer, size_t room)
{
    time_t now = (time_t)(fake_s3_now(s3) / NS_PER_S);
    char date[64];
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    request->status = status;
    snprintf(answer, room, "HTTP/1.1 %d Words\r\nDate: %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, date, headers,
             strlen(body), strcmp(request->method, "HEAD") == 0 ? "" : body);
}

static inline void fake_s3_refuse(struct fake_s3 *s3, struct origin_request *request, int status, const char *code,
                                  const char *more, const char *headers, char *answer, size_t room)
{
    char body[1024];
    snprintf(body, sizeof body,
             "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>said the fake</Message>%s</Error>", code,
             more ? more : "");
    fake_s3_answer(s3, request, status, headers ? headers : "", code ? body : "", answer, room);
}

/* "GET" -> a header of the request; "" when it has none. Copies: origin_header() has one place only. */
static inline void fake_s3_header(const struct origin_request *request, const char *name, char out[FAKE_VALUE_BYTES])
{
    const char *value = origin_header(request->head, name);
    snprintf(out, FAKE_VALUE_BYTES, "%s", value ? value : "");
}

static inline time_t fake_s3_time(const char *date)
{
    struct tm tm = { 0 };
    return strptime(date, "%Y%m%dT%H%M%SZ", &tm) ? timegm(&tm) : 0;
}

/* NULL: it is signed well. */
static inline const char *fake_s3_judge(struct fake_s3 *s3, const struct origin_request *request, const char *body)
{
    char given[FAKE_VALUE_BYTES], date[FAKE_VALUE_BYTES], payload[FAKE_VALUE_BYTES], names[FAKE_VALUE_BYTES];
    char hash[SIGV4_HASH_BYTES], scope[128], path[256];
    char values[16][FAKE_VALUE_BYTES];
    struct sigv4_pair headers[16];
    fake_s3_header(request, "Authorization", given);
    fake_s3_header(request, "x-amz-date", date);
    fake_s3_header(request, "x-amz-content-sha256", payload);
    const char *signed_names = strstr(given, "SignedHeaders="), *credential = strstr(given, "Credential=");
    if (!signed_names || !credential)
        return "AccessDenied";
    snprintf(names, sizeof names, "%.*s", (int)strcspn(signed_names + 14, ","), signed_names + 14);
    snprintf(scope, sizeof scope, "/%.8s/%s/%s/aws4_request,", date, s3->region, s3->service);
    if (!strstr(credential, scope))
        return "AuthorizationHeaderMalformed";
    int64_t apart = (int64_t)fake_s3_time(date) - (int64_t)(fake_s3_now(s3) / NS_PER_S);
    if (apart > 900 || apart < -900)
        return "RequestTimeTooSkewed";
    sigv4_hash(body, request->body_bytes, hash);
    if (strcmp(payload, SIGV4_UNSIGNED_PAYLOAD) != 0 && strcmp(payload, hash) != 0)
        return "XAmzContentSHA256Mismatch";
    unsigned count = 0;
    for (char *save, *name = strtok_r(names, ";", &save); name && count < 16; name = strtok_r(NULL, ";", &save)) {
        fake_s3_header(request, name, values[count]);
        headers[count] = (struct sigv4_pair){ name, values[count] };
        count++;
    }
    snprintf(path, sizeof path, "%.*s", (int)strcspn(request->path, "?"), request->path);
    const char *query = strchr(request->path, '?');
    struct sigv4_signer *signer = NULL;
    struct sigv4_signature made;
    sigv4_signer_create(&signer, &(struct sigv4_identity){ s3->access_key, s3->secret_key, NULL }, NULL);
    sigv4_sign(signer,
               &(struct sigv4_request){ .method = request->method,
                                        .path = path,
                                        .query = query ? query + 1 : "",
                                        .headers = headers,
                                        .header_count = count,
                                        .payload = payload,
                                        .region = s3->region,
                                        .service = s3->service,
                                        .utc_ns = (uint64_t)fake_s3_time(date) * NS_PER_S },
               &made, NULL);
    sigv4_signer_destroy(signer);
    return strcmp(made.authorization, given) == 0 ? NULL : "SignatureDoesNotMatch";
}

static inline struct fake_object *fake_s3_find(struct fake_s3 *s3, const char *path)
{
    for (unsigned i = 0; i < s3->object_count; i++)
        if (strcmp(s3->objects[i].path, path) == 0)
            return &s3->objects[i];
    return NULL;
}

static inline void fake_s3_keep(struct fake_object *object, const struct origin_request *request, const char *body)
{
    unsigned char md5[16];
    free(object->body);
    memset(object, 0, sizeof *object);
    snprintf(object->path, sizeof object->path, "%.*s", (int)strcspn(request->path, "?"), request->path);
    strcpy(object->head, request->head);
    object->bytes = request->body_bytes;
    object->body = malloc(object->bytes + 1);
    memcpy(object->body, body, object->bytes);
    object->body[object->bytes] = '\0';
    EVP_Digest(body, object->bytes, md5, NULL, EVP_md5(), NULL);
    object->etag[0] = '"';
    for (unsigned i = 0; i < 16; i++)
        sprintf(object->etag + 1 + 2 * i, "%02x", md5[i]);
    strcat(object->etag, "\"");
}

static inline struct fake_object *fake_s3_place(struct fake_s3 *s3, const char *path)
{
    struct fake_object *object = fake_s3_find(s3, path);
    if (object)
        return object;
    assert(s3->object_count < FAKE_OBJECTS_MAX);
    return &s3->objects[s3->object_count++];
}

static inline void fake_s3_list(struct fake_s3 *s3, const char *query, char *body, size_t room)
{
    const char *marker_text = strstr(query, "part-number-marker=");
    unsigned marker = marker_text ? (unsigned)atoi(marker_text + strlen("part-number-marker=")) : 0, shown = 0,
             last = 0;
    size_t used = (size_t)snprintf(body, room, "<ListPartsResult>");
    unsigned number = marker + 1;
    for (; number <= FAKE_PARTS_MAX && shown < 2; number++) /* two an answer: so that there are several */
        if (s3->parts[number].etag[0]) {
            used += (size_t)snprintf(
                body + used, room - used,
                "<Part><PartNumber>%u</PartNumber><ETag>&quot;%.32s&quot;</ETag><Size>%zu</Size></Part>", number,
                s3->parts[number].etag + 1, s3->parts[number].bytes);
            shown++;
            last = number;
        }
    bool more = false;
    for (; number <= FAKE_PARTS_MAX; number++)
        more |= s3->parts[number].etag[0] != '\0';
    snprintf(body + used, room - used,
             "<IsTruncated>%s</IsTruncated><NextPartNumberMarker>%u</NextPartNumberMarker></ListPartsResult>",
             more ? "true" : "false", last);
}

/* Joins the parts; the ETag of the whole is of their MD5s. */
static inline void fake_s3_join(struct fake_s3 *s3, struct origin_request *request, char *etag)
{
    unsigned char md5[16], all[FAKE_PARTS_MAX * 16];
    size_t bytes = 0;
    unsigned count = 0;
    char *joined = malloc(1);
    for (unsigned number = 1; number <= FAKE_PARTS_MAX && s3->parts[number].etag[0]; number++) {
        joined = realloc(joined, bytes + s3->parts[number].bytes + 1);
        memcpy(joined + bytes, s3->parts[number].body, s3->parts[number].bytes);
        bytes += s3->parts[number].bytes;
        for (unsigned i = 0; i < 16; i++)
            sscanf(s3->parts[number].etag + 1 + 2 * i, "%2hhx", &all[count * 16 + i]);
        count++;
    }
    char path[256];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(request->path, "?"), request->path);
    struct fake_object *object = fake_s3_place(s3, path);
    struct origin_request whole = *request;
    whole.body_bytes = bytes;
    fake_s3_keep(object, &whole, joined);
    free(joined);
    EVP_Digest(all, count * 16, md5, NULL, EVP_md5(), NULL);
    for (unsigned i = 0; i < 16; i++)
        sprintf(etag + 2 * i, "%02x", md5[i]);
    sprintf(etag + 32, "-%u", count);
    snprintf(object->etag, sizeof object->etag, "\"%.48s\"", etag);
    s3->upload_id[0] = '\0';
}

static inline void fake_s3_upload(struct fake_s3 *s3, struct origin_request *request, const char *query,
                                  const char *body, char *answer, size_t room)
{
    char text[16384] = "", header[128] = "", etag[64];
    const char *id = strstr(query, "uploadId=");
    const char *part = strstr(query, "partNumber=");
    if (id && (s3->upload_id[0] == '\0' || strncmp(id + 9, s3->upload_id, strlen(s3->upload_id)) != 0)) {
        fake_s3_refuse(s3, request, 404, "NoSuchUpload", NULL, NULL, answer, room);
        return;
    }
    if (!id) { /* ?uploads */
        snprintf(s3->upload_id, sizeof s3->upload_id, "upload-%u", ++s3->uploads);
        snprintf(text, sizeof text,
                 "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>",
                 s3->upload_id);
        for (unsigned i = 0; i <= FAKE_PARTS_MAX; i++)
            s3->parts[i].etag[0] = '\0';
    } else if (part) {
        unsigned number = (unsigned)atoi(part + 11);
        assert(number >= 1 && number <= FAKE_PARTS_MAX);
        fake_s3_keep(&s3->parts[number], request, body);
        snprintf(header, sizeof header, "ETag: %s\r\n", s3->parts[number].etag);
    } else if (strcmp(request->method, "GET") == 0) {
        fake_s3_list(s3, query, text, sizeof text);
    } else if (strcmp(request->method, "POST") == 0) {
        fake_s3_join(s3, request, etag);
        snprintf(text, sizeof text, "<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>",
                 etag);
    } else {
        s3->upload_id[0] = '\0';
        s3->aborted++;
    }
    fake_s3_answer(s3, request, strcmp(request->method, "DELETE") == 0 ? 204 : 200, header, text, answer, room);
}

static inline void fake_s3_serve(struct fake_s3 *s3, struct origin_request *request, const char *body, char *answer,
                                 size_t room)
{
    const char *query = strchr(request->path, '?');
    struct fake_object *object = fake_s3_find(s3, request->path);
    char header[160] = "";
    if (query) {
        fake_s3_upload(s3, request, query + 1, body, answer, room);
        return;
    }
    if (strcmp(request->method, "PUT") == 0) {
        object = fake_s3_place(s3, request->path);
        fake_s3_keep(object, request, body);
    } else if (strcmp(request->method, "DELETE") == 0) {
        if (object)
            object->path[0] = '\0';
        fake_s3_answer(s3, request, 204, "", "", answer, room);
        return;
    } else if (!object) {
        fake_s3_refuse(s3, request, 404, "NoSuchKey", NULL, NULL, answer, room);
        return;
    }
    snprintf(header, sizeof header, "ETag: %s\r\n", object->etag);
    fake_s3_answer(s3, request, 200, header, "", answer, room);
}

static inline void fake_s3_respond(void *context, struct origin_request *request, const char *body, char *answer,
                                   size_t room)
{
    struct fake_s3 *s3 = context;
    const char *wrong = fake_s3_judge(s3, request, body);
    if (wrong) {
        char region[128];
        snprintf(region, sizeof region, "<Region>%s</Region>", s3->region);
        bool about_region = strcmp(wrong, "AuthorizationHeaderMalformed") == 0;
        bool about_time = strcmp(wrong, "RequestTimeTooSkewed") == 0;
        s3->refused_times += about_time;
        s3->refused_signatures += !about_time && !about_region;
        fake_s3_refuse(s3, request, about_region || strstr(wrong, "Mismatch") ? 400 : 403, wrong,
                       about_region ? region : NULL, NULL, answer, room);
        return;
    }
    for (unsigned i = 0; i < FAKE_FAULTS_MAX; i++) {
        struct fake_fault *fault = &s3->faults[i];
        if (fault->times == 0 || (fault->only && !strstr(request->path, fault->only)))
            continue;
        fault->times--;
        if (fault->after)
            fake_s3_serve(s3, request, body, answer, room);
        fake_s3_refuse(s3, request, fault->status, fault->code, fault->more, fault->headers, answer, room);
        return;
    }
    fake_s3_serve(s3, request, body, answer, room);
}

static inline struct fake_s3 *fake_s3_create(struct loop *loop)
{
    struct fake_s3 *s3 = calloc(1, sizeof *s3);
    s3->origin = origin_create(loop);
    s3->origin->respond = fake_s3_respond;
    s3->origin->context = s3;
    s3->region = "us-east-1";
    s3->service = "s3";
    s3->access_key = "AKID";
    s3->secret_key = "very-secret";
    return s3;
}

static inline void fake_s3_destroy(struct fake_s3 *s3)
{
    for (unsigned i = 0; i < FAKE_OBJECTS_MAX; i++)
        free(s3->objects[i].body);
    for (unsigned i = 0; i <= FAKE_PARTS_MAX; i++)
        free(s3->parts[i].body);
    origin_destroy(s3->origin);
    free(s3);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/origincheck/unpack.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "board/error.h"

bool unpack_is_gzip(const uint8_t *data, size_t bytes)
{
    return bytes > 18 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8;
}

int unpack_gzip(const uint8_t *data, size_t bytes, size_t maximum, uint8_t **out, size_t *out_bytes, struct error *err)
{
    z_stream stream = { .next_in = (uint8_t *)(uintptr_t)data, .avail_in = (uInt)bytes };
    uint8_t *text = malloc(maximum + 1);
    if (!text || inflateInit2(&stream, 15 + 16) != Z_OK) {
        free(text);
        return error_set(err, -ENOMEM, "gzip");
    }
    stream.next_out = text;
    stream.avail_out = (uInt)maximum;
    int code = inflate(&stream, Z_FINISH);
    size_t got = maximum - stream.avail_out;
    inflateEnd(&stream);
    if (code != Z_STREAM_END) {
        free(text);
        return code == Z_BUF_ERROR && got == maximum ? error_set(err, -E2BIG, "more than %zu bytes in gzip", maximum)
                                                     : error_set(err, -EINVAL, "damaged gzip");
    }
    text[got] = 0;
    *out = text;
    *out_bytes = got;
    return 0;
}

int unpack_aes_128(uint8_t *data, size_t *bytes, const uint8_t key[UNPACK_KEY_BYTES], const uint8_t iv[16],
                   struct error *err)
{
    int first = 0, rest = 0;
    if (!*bytes || *bytes % 16 || *bytes > INT32_MAX)
        return error_set(err, -EINVAL, "%zu bytes are not a multiple of 16", *bytes);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    bool good = cipher && EVP_DecryptInit_ex(cipher, EVP_aes_128_cbc(), NULL, key, iv) == 1 &&
                EVP_DecryptUpdate(cipher, data, &first, data, (int)*bytes) == 1 &&
                EVP_DecryptFinal_ex(cipher, data + first, &rest) == 1;
    EVP_CIPHER_CTX_free(cipher);
    if (!good)
        return error_set(err, -EINVAL, "cannot be decrypted with this key");
    *bytes = (size_t)(first + rest);
    return 0;
}

static bool read_digits(const uint8_t *text, ssize_t bytes, uint8_t key[UNPACK_KEY_BYTES])
{
    unsigned value;
    while (bytes > 0 && isspace(text[bytes - 1]))
        bytes--;
    if (bytes != 2 * UNPACK_KEY_BYTES)
        return false;
    for (unsigned i = 0; i < UNPACK_KEY_BYTES; i++) {
        const char pair[3] = { (char)text[2 * i], (char)text[2 * i + 1], 0 };
        if (!isxdigit(text[2 * i]) || !isxdigit(text[2 * i + 1]) || sscanf(pair, "%2x", &value) != 1)
            return false;
        key[i] = (uint8_t)value;
    }
    return true;
}

int unpack_read_key(const char *path, uint8_t key[UNPACK_KEY_BYTES], struct error *err)
{
    uint8_t text[64];
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set_errno(err, -errno, "key file %s", path);
    if (fstat(file, &status) < 0 || status.st_mode & 077) {
        close(file);
        return error_set(err, -EPERM, "key file %s: others may read it; chmod 600", path);
    }
    ssize_t bytes = read(file, text, sizeof text);
    close(file);
    bool good = bytes == UNPACK_KEY_BYTES || read_digits(text, bytes, key);
    if (bytes == UNPACK_KEY_BYTES)
        memcpy(key, text, UNPACK_KEY_BYTES);
    OPENSSL_cleanse(text, sizeof text);
    return good ? 0 : error_set(err, -EINVAL, "key file %s: want 16 bytes or 32 hexadecimal digits", path);
}

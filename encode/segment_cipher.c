/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "encode/segment_cipher.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

struct segment_cipher {
    EVP_CIPHER_CTX *context;
    uint8_t key[SEGMENT_CIPHER_BLOCK], constant_iv[SEGMENT_CIPHER_BLOCK];
    bool follows_number;
};

static int digit(char letter)
{
    return letter >= '0' && letter <= '9'   ? letter - '0'
           : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
           : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                            : -1;
}

static bool read_hex(uint8_t bytes[SEGMENT_CIPHER_BLOCK], const char *text)
{
    if (strlen(text) != 2 * SEGMENT_CIPHER_BLOCK)
        return false;
    for (unsigned i = 0; i < SEGMENT_CIPHER_BLOCK; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int segment_cipher_create(struct segment_cipher **out, const struct encryption *encryption, struct error *err)
{
    struct segment_cipher *cipher = calloc(1, sizeof *cipher);

    if (!cipher || !(cipher->context = EVP_CIPHER_CTX_new())) {
        segment_cipher_destroy(cipher);
        return error_set(err, -ENOMEM, "no memory for encryption");
    }
    cipher->follows_number = encryption->iv == ENCRYPTION_IV_FOLLOWS_SEGMENT_NUMBER;
    if (!read_hex(cipher->key, encryption->key) ||
        (!cipher->follows_number && !read_hex(cipher->constant_iv, encryption->constant_iv))) {
        segment_cipher_destroy(cipher);
        return error_set(err, -EINVAL, "encryption wants key and IV of 32 hexadecimal digits");
    }
    *out = cipher;
    return 0;
}

void segment_cipher_destroy(struct segment_cipher *cipher)
{
    if (!cipher)
        return;
    EVP_CIPHER_CTX_free(cipher->context);
    OPENSSL_cleanse(cipher, sizeof *cipher);
    free(cipher);
}

const uint8_t *segment_cipher_constant_iv(const struct segment_cipher *cipher)
{
    return cipher->follows_number ? NULL : cipher->constant_iv;
}

int segment_cipher_begin(struct segment_cipher *cipher, int64_t number)
{
    uint8_t iv[SEGMENT_CIPHER_BLOCK] = { 0 };

    for (unsigned i = 0; i < 8; i++)
        iv[8 + i] = (uint8_t)((uint64_t)number >> 8 * (7 - i));
    return EVP_EncryptInit_ex(cipher->context, EVP_aes_128_cbc(), NULL, cipher->key,
                              cipher->follows_number ? iv : cipher->constant_iv) == 1
               ? 0
               : -EIO;
}

int segment_cipher_update(struct segment_cipher *cipher, const uint8_t *data, size_t count, uint8_t *out)
{
    int bytes = 0;
    return EVP_EncryptUpdate(cipher->context, out, &bytes, data, (int)count) == 1 ? bytes : -EIO;
}

int segment_cipher_finish(struct segment_cipher *cipher, uint8_t *out)
{
    int bytes = 0;
    return EVP_EncryptFinal_ex(cipher->context, out, &bytes) == 1 ? bytes : -EIO;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credentials.c - the file is opened once and judged by its descriptor, so that what was judged is what is read. */
#include "mgmt/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board/settings.h"

enum { FILE_BYTES_MAX = 256 * 1024 };

struct credentials {
    struct credential credentials[CREDENTIALS_MAX];
    unsigned credentials_count;
};

static const char *const scheme_choices[] = { "basic", "digest", NULL };

static const struct setting credential_rows[] = {
    SETTING_STRING(struct credential, name, .flags = SETTING_REQUIRED | SETTING_NAME,
                   .help = "What a destination's `credentials` refers to."),
    SETTING_STRING(struct credential, user, .help = "User name at the origin."),
    SETTING_STRING(struct credential, password, .flags = SETTING_SECRET,
                   .help = "Password at the origin; never shown again."),
    SETTING_CHOICE(struct credential, scheme, .choices = scheme_choices, .default_number = CREDENTIAL_BASIC,
                   .help =
                       "How the origin wants to be told: basic goes with every request, digest answers a challenge."),
    SETTING_STRING(struct credential, salt, .flags = SETTING_SECRET,
                   .help = "akamai: what URL tokens are made with; user and password may be left out then."),
    SETTING_STRING(struct credential, session_token, .flags = SETTING_SECRET,
                   .help = "S3 and MediaStore: the session token that temporary keys come with; empty: none."),
    { 0 },
};
static const struct settings credential_settings = { "credential", sizeof(struct credential), credential_rows,
                                                     .help = "A user name and password for origins." };

static const struct setting credentials_rows[] = {
    SETTING_LIST(struct credentials, credentials, &credential_settings,
                 .help = "User names and passwords by name. The file may be readable by its owner only."),
    { 0 },
};
const struct settings credentials_settings = { "credentials", sizeof(struct credentials), credentials_rows,
                                               .help = "The credentials file." };

static int unreadable(struct problems *problems, const char *path, int code)
{
    problem_in_file(problems, path, 0, "cannot be read: %s", strerrordesc_np(-code));
    return code;
}

static int refuse(struct problems *problems, const char *path, int code, const char *why)
{
    problem_in_file(problems, path, 0, "%s", why);
    return code;
}

static int check_file(int file, const char *path, struct problems *problems)
{
    struct stat status;
    if (fstat(file, &status) < 0)
        return unreadable(problems, path, -errno);
    if (!S_ISREG(status.st_mode))
        return refuse(problems, path, -EPERM, "is not a regular file");
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return refuse(problems, path, -EPERM, "belongs to another user: credentials must belong to who runs this");
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return refuse(problems, path, -EPERM, "can be read by others: set its mode to 0600");
    return 0;
}

/* The text of the file in memory of ours, which can be wiped. */
static int read_text(int file, const char *path, char *text, struct problems *problems)
{
    size_t used = 0;
    ssize_t got;
    while ((got = read(file, text + used, FILE_BYTES_MAX - used)) > 0)
        used += (size_t)got;
    if (got < 0)
        return unreadable(problems, path, -errno);
    if (used == FILE_BYTES_MAX)
        return unreadable(problems, path, -EFBIG);
    if (memchr(text, 0, used))
        return refuse(problems, path, -EINVAL, "is not text: it holds a zero byte");
    text[used] = '\0';
    return 0;
}

static int check(const struct credentials *credentials, struct problems *problems)
{
    int result = 0;
    for (unsigned i = 0; i < credentials->credentials_count; i++) {
        const struct credential *credential = &credentials->credentials[i];
        bool complete = credential->user[0] && credential->password[0];
        bool nothing = !credential->user[0] && !credential->password[0];
        if (complete || (nothing && credential->salt[0]))
            continue;
        problem_at(problems, credential->name, "credential \"%s\" needs a user and a password, or only a salt",
                   credential->name);
        result = -EINVAL;
    }
    return result;
}

static int read_file(struct credentials *credentials, const char *path, struct problems *problems)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return errno == ENOENT ? 0 : unreadable(problems, path, -errno);
    char *text = malloc(FILE_BYTES_MAX);
    int result = text ? check_file(file, path, problems) : -ENOMEM;
    if (result == 0)
        result = read_text(file, path, text, problems);
    if (result == 0)
        result = settings_read_text(&credentials_settings, path, text, credentials, problems);
    if (result == 0)
        result = check(credentials, problems);
    if (text)
        explicit_bzero(text, FILE_BYTES_MAX);
    free(text);
    close(file);
    return result;
}

int credentials_read(struct credentials **out, const char *path, struct problems *problems)
{
    struct credentials *credentials = calloc(1, sizeof *credentials);
    if (!credentials)
        return -ENOMEM;
    int result = read_file(credentials, path, problems);
    if (result < 0) {
        credentials_destroy(credentials);
        return result;
    }
    *out = credentials;
    return 0;
}

void credentials_destroy(struct credentials *credentials)
{
    if (!credentials)
        return;
    explicit_bzero(credentials, sizeof *credentials);
    free(credentials);
}

const struct credential *credentials_find(const struct credentials *credentials, const char *name)
{
    for (unsigned i = 0; credentials && i < credentials->credentials_count; i++)
        if (strcmp(credentials->credentials[i].name, name) == 0)
            return &credentials->credentials[i];
    return NULL;
}

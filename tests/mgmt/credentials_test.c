/* SPDX-License-Identifier: GPL-2.0-or-later */
/* credentials_test.c - the file is read when it is safe, and refused with its reason when it is not. */
#include "mgmt/credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "board/settings.h"

static char path[64];

static void write_file(const char *text, mode_t mode)
{
    strcpy(path, "/tmp/biplane-credentials-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

/* The result, and the first problem's text in `text`. */
static int read_them(struct credentials **out, char text[256])
{
    struct problems *problems = problems_create();
    int result = credentials_read(out, path, problems);
    snprintf(text, 256, "%s", problems_count(problems) ? problems_text(problems, 0) : "");
    problems_destroy(problems);
    return result;
}

static void good_file(void **state)
{
    (void)state;
    struct credentials *credentials = NULL;
    char text[256];
    write_file("credentials = ( { name = \"a\"; user = \"live\"; password = \"p\\\"w\"; },\n"
               "                { name = \"b\"; user = \"u\"; password = \"x\"; scheme = \"digest\"; },\n"
               "                { name = \"cdn\"; salt = \"sesame\"; } );\n",
               0600);
    assert_int_equal(read_them(&credentials, text), 0);
    const struct credential *a = credentials_find(credentials, "a");
    assert_non_null(a);
    assert_string_equal(a->user, "live");
    assert_string_equal(a->password, "p\"w");
    assert_int_equal(a->scheme, CREDENTIAL_BASIC);
    assert_int_equal(credentials_find(credentials, "b")->scheme, CREDENTIAL_DIGEST);
    assert_string_equal(credentials_find(credentials, "cdn")->salt, "sesame");
    assert_null(credentials_find(credentials, "c"));
    credentials_destroy(credentials);
    unlink(path);
}

static void others_may_not_read_it(void **state)
{
    (void)state;
    static const mode_t modes[] = { 0640, 0604, 0620, 0601 };
    struct credentials *credentials = NULL;
    char text[256];
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_file("", modes[i]);
        assert_int_equal(read_them(&credentials, text), -EPERM);
        assert_non_null(strstr(text, "0600"));
        assert_null(credentials);
        unlink(path);
    }
    strcpy(path, "/tmp");
    assert_int_equal(read_them(&credentials, text), -EPERM);
}

static void no_file_is_no_credentials(void **state)
{
    (void)state;
    struct credentials *credentials = NULL;
    char text[256];
    strcpy(path, "/tmp/biplane-there-is-no-such-file");
    assert_int_equal(read_them(&credentials, text), 0);
    assert_null(credentials_find(credentials, "a"));
    assert_string_equal(text, "");
    credentials_destroy(credentials);
    credentials_destroy(NULL);
    assert_null(credentials_find(NULL, "a"));
}

static void problems_name_the_line_and_no_secret(void **state)
{
    (void)state;
    static const char *const files[] = {
        "credentials = ( { name = \"a\"; user = \"live\"; } );\n",
        "credentials = ( { name = \"a\"; user = \"live\"; password = 5; } );\n",
        "credentials = ( { name = \"a\"; user = \"live\"; salt = \"sesame\"; } );\n",
        "credentials = ( { name = \"a\"; } );\n",
        "credentials = ( { name = \"a b\"; user = \"live\"; password = \"sesame\"; } );\n",
        "credentials = ( { name = \"a\"; user = \"live\"; password = \"sesame\"; scheme = \"ntlm\"; } );\n",
        "credentials = ( { name = \"a\"; user = \"live\"; password = \"sesame\"; pin = 1; } );\n",
        "credentials = ( { name = \"a\"; user = \"live\"; password = \"sesame; } );\n",
    };
    struct credentials *credentials = NULL;
    char text[256];
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_file(files[i], 0600);
        assert_int_equal(read_them(&credentials, text), -EINVAL);
        assert_null(credentials);
        assert_non_null(strstr(text, path));
        assert_null(strstr(text, "sesame"));
        unlink(path);
    }
    char long_password[600] = "credentials = ( { name = \"a\"; user = \"u\"; password = \"sesame";
    size_t used = strlen(long_password);
    memset(long_password + used, 'x', 300);
    strcpy(long_password + used + 300, "\"; } );");
    write_file(long_password, 0600);
    assert_int_equal(read_them(&credentials, text), -EINVAL);
    assert_null(strstr(text, "sesame"));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_file),
        cmocka_unit_test(others_may_not_read_it),
        cmocka_unit_test(no_file_is_no_credentials),
        cmocka_unit_test(problems_name_the_line_and_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtmp_progress_test.c - servers that read, stutter, stall, and read too slowly, behind kernels that take what they can
 * hold; with a clock of the test's own. */
#include "mgmt/rtmp_progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "board/clock.h"

enum { BYTES_A_TICK = 10000, HELD_BYTES = 80000 /* by the kernels on both sides: eight ticks of it */ };

/* A session of BYTES_A_TICK every tick; the kernel at the far end confirms until it is full, and says how much room it
 * has; or, if it is dumb, nothing of the kind. */
struct session {
    struct rtmp_progress progress;
    uint64_t now_ns, taken, confirmed, read;
    bool dumb;
};

static void set_up(struct session *session)
{
    *session = (struct session){ .now_ns = 1000 * NS_PER_S };
    rtmp_progress_begin(&session->progress, session->now_ns);
}

static void tick(struct session *session, uint64_t taken, uint64_t read)
{
    session->now_ns += RTMP_TICK_MS * NS_PER_MS;
    session->taken += taken;
    session->read += read;
    if (session->read > session->taken)
        session->read = session->taken;
    session->confirmed = session->read + HELD_BYTES < session->taken ? session->read + HELD_BYTES : session->taken;
    rtmp_progress_note(&session->progress, session->now_ns, session->taken, session->confirmed,
                       session->dumb ? SIZE_MAX : (size_t)(HELD_BYTES - (session->confirmed - session->read)));
}

static bool is_still(const struct session *session)
{
    return rtmp_progress_is_still(&session->progress, session->now_ns);
}

static bool is_well(const struct session *session)
{
    return !session->progress.late && !is_still(session);
}

static void test_nothing_to_send(void **state)
{
    (void)state;
    struct session session;
    set_up(&session);
    for (unsigned i = 0; i < 100; i++) {
        tick(&session, 0, 0);
        assert_true(is_well(&session));
        assert_true(session.progress.lag_ns == 0);
    }
    assert_int_equal(rtmp_progress_certain(&session.progress), 0);
}

/* A live server stands still for a second and a half now and then, and takes it all at once after that. */
static void test_jitter_is_nothing(void **state)
{
    (void)state;
    struct session session;
    set_up(&session);
    for (unsigned i = 0; i < 1000; i++) {
        tick(&session, BYTES_A_TICK, i % 25 >= 16 && i % 25 < 24 ? 0 : session.taken);
        assert_true(is_well(&session));
    }
}

/* The path swallows for a while what is on its way: nothing is held for us, so it shows at once. */
static void test_network_pauses(void **state)
{
    (void)state;
    struct session session;
    set_up(&session);
    tick(&session, BYTES_A_TICK, BYTES_A_TICK);
    uint64_t confirmed = session.confirmed;
    for (unsigned ms = RTMP_TICK_MS; ms <= 1800; ms += RTMP_TICK_MS) {
        session.now_ns += RTMP_TICK_MS * NS_PER_MS;
        session.taken += BYTES_A_TICK;
        rtmp_progress_note(&session.progress, session.now_ns, session.taken, confirmed, HELD_BYTES);
        assert_true(is_well(&session));
    }
    session.read = session.taken;
    tick(&session, BYTES_A_TICK, BYTES_A_TICK);
    assert_true(is_well(&session));
}

/* Until it is noticed. */
static unsigned stall_ms(struct session *session)
{
    unsigned ticks = 0;
    for (unsigned i = 0; i < 20; i++)
        tick(session, BYTES_A_TICK, BYTES_A_TICK);
    for (; !is_still(session); ticks++)
        tick(session, BYTES_A_TICK, 0);
    return ticks * RTMP_TICK_MS;
}

static void test_stall(void **state)
{
    (void)state;
    struct session session;
    unsigned ticks;
    set_up(&session);
    assert_in_range(stall_ms(&session), RTMP_LATE_MS, RTMP_LATE_MS + 2 * RTMP_TICK_MS);
    for (unsigned i = 0; i < 100; i++) { /* and when nothing more can be taken from us: still */
        tick(&session, 0, 0);
        assert_true(is_still(&session) && session.progress.late);
    }
    tick(&session, BYTES_A_TICK, session.taken); /* it reads again, all of it */
    assert_false(is_still(&session));
    assert_true(session.progress.late); /* whether that lasts is to be seen */
    for (ticks = 0; session.progress.late; ticks++)
        tick(&session, BYTES_A_TICK, BYTES_A_TICK);
    assert_int_equal(ticks * RTMP_TICK_MS, RTMP_CALM_MS);
}

/* Without a word of how much room there is it takes until that is full. */
static void test_stall_behind_a_dumb_kernel(void **state)
{
    (void)state;
    struct session session;
    set_up(&session);
    session.dumb = true;
    assert_in_range(stall_ms(&session), 8 * RTMP_TICK_MS + RTMP_STILL_MS, 10 * RTMP_TICK_MS + RTMP_STILL_MS);
}

/* Kernels change how much they offer, whatever their processes read. */
static void test_rooms_that_breathe(void **state)
{
    (void)state;
    static const size_t rooms[] = { 60000, 200000, 110000, 150000, 101000, 400000, 210000, 3000000, 1600000 };
    struct session session;
    set_up(&session);
    for (unsigned i = 0; i < 900; i++) {
        session.now_ns += RTMP_TICK_MS * NS_PER_MS;
        session.taken += BYTES_A_TICK;
        rtmp_progress_note(&session.progress, session.now_ns, session.taken, session.taken, rooms[i / 100]);
        assert_true(is_well(&session));
    }
    for (unsigned i = 0; i < 200; i++) { /* much less for good: that can be a server that is late, but not for long */
        session.now_ns += RTMP_TICK_MS * NS_PER_MS;
        session.taken += BYTES_A_TICK;
        rtmp_progress_note(&session.progress, session.now_ns, session.taken, session.taken, 70000);
    }
    assert_true(is_well(&session));
}

/* A third of what comes: something is confirmed all the time, but later and later. */
static void test_too_slow(void **state)
{
    (void)state;
    struct session session;
    unsigned ticks = 0;
    set_up(&session);
    for (unsigned i = 0; i < 20; i++)
        tick(&session, BYTES_A_TICK, BYTES_A_TICK);
    for (; !session.progress.late; ticks++) {
        tick(&session, BYTES_A_TICK, BYTES_A_TICK / 3);
        assert_false(is_still(&session));
    }
    assert_true(ticks * RTMP_TICK_MS < 4500);
    for (unsigned i = 0; i < 200; i++) {
        tick(&session, BYTES_A_TICK, BYTES_A_TICK / 3);
        assert_true(session.progress.late);
    }
    assert_true(session.progress.lag_ns > 10 * NS_PER_S); /* as far back as is remembered */
}

/* A gulp every three seconds: one alert, not one every three seconds. */
static void test_gulps_do_not_flap(void **state)
{
    (void)state;
    struct session session;
    unsigned changes = 0;
    set_up(&session);
    for (unsigned i = 0; i < 500; i++) {
        bool before = session.progress.late;
        tick(&session, BYTES_A_TICK, i % 15 == 0 ? 12 * BYTES_A_TICK : 0);
        changes += before != session.progress.late;
    }
    assert_int_equal(changes, 1);
    assert_true(session.progress.late);
}

static void test_what_counts_as_read(void **state)
{
    (void)state;
    struct session session;
    set_up(&session);
    for (unsigned i = 0; i < RTMP_READ_MS / RTMP_TICK_MS; i++) {
        assert_int_equal(rtmp_progress_certain(&session.progress), 0);
        tick(&session, BYTES_A_TICK, BYTES_A_TICK);
    }
    for (unsigned i = 1; i < 200; i++) {
        assert_int_equal(rtmp_progress_certain(&session.progress), i * BYTES_A_TICK);
        tick(&session, BYTES_A_TICK, BYTES_A_TICK);
    }
    rtmp_progress_begin(&session.progress, session.now_ns); /* another session */
    assert_int_equal(rtmp_progress_certain(&session.progress), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_send),
        cmocka_unit_test(test_jitter_is_nothing),
        cmocka_unit_test(test_network_pauses),
        cmocka_unit_test(test_stall),
        cmocka_unit_test(test_stall_behind_a_dumb_kernel),
        cmocka_unit_test(test_rooms_that_breathe),
        cmocka_unit_test(test_too_slow),
        cmocka_unit_test(test_gulps_do_not_flap),
        cmocka_unit_test(test_what_counts_as_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

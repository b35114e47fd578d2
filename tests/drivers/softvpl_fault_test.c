/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The software runtime as a GPU that hangs or is lost: what its calls and sync points answer then, and that its
 * sessions can be closed all the same. */
#include "tests/drivers/softvpl/client.h"

enum { WIDTH = 64, HEIGHT = 64, BITSTREAM_BYTES = 100000, AT_ONCE_MS = 20 };

static char path[64];

static void write_fault(const char *line)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(line, file);
    fclose(file);
}

struct bench {
    struct client client;
    struct frame frame;
    uint8_t memory[BITSTREAM_BYTES];
    mfxBitstream bitstream;
};

static void bench_open(struct bench *bench)
{
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);

    par.mfx.GopRefDist = 1;
    client_open(&bench->client);
    assert_int_equal(MFXVideoENCODE_Init(bench->client.session, &par), MFX_ERR_NONE);
    frame_create(&bench->frame, &par.mfx.FrameInfo);
    bench->bitstream = (mfxBitstream){ .Data = bench->memory, .MaxLength = BITSTREAM_BYTES };
}

static void bench_close(struct bench *bench)
{
    assert_int_equal(MFXVideoENCODE_Close(bench->client.session), MFX_ERR_NONE);
    frame_destroy(&bench->frame);
    client_close(&bench->client);
    unlink(path);
}

static mfxStatus submit(struct bench *bench, mfxSyncPoint *point)
{
    *point = NULL;
    bench->bitstream.DataLength = 0;
    return MFXVideoENCODE_EncodeFrameAsync(bench->client.session, NULL, &bench->frame.surface, &bench->bitstream,
                                           point);
}

/* Frames until `count` came out. */
static void encode_well(struct bench *bench, unsigned count)
{
    mfxSyncPoint point;

    for (unsigned i = 0; i < count;) {
        mfxStatus status = submit(bench, &point);
        assert_true(status == MFX_ERR_NONE || status == MFX_ERR_MORE_DATA);
        if (point) {
            assert_int_equal(MFXVideoCORE_SyncOperation(bench->client.session, point, WAIT_MS), MFX_ERR_NONE);
            i++;
        }
    }
}

static void a_hung_device_signals_nothing(void **state)
{
    (void)state;
    struct bench bench;
    mfxSyncPoint point;

    bench_open(&bench);
    encode_well(&bench, 5);
    write_fault("hang component=encode\n");
    assert_int_equal(submit(&bench, &point), MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SyncOperation(bench.client.session, point, AT_ONCE_MS), MFX_WRN_IN_EXECUTION);
    assert_int_equal(MFXVideoCORE_SyncOperation(bench.client.session, point, AT_ONCE_MS), MFX_WRN_IN_EXECUTION);
    bench_close(&bench);
}

static void a_lost_device_answers_so(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        mfxStatus status;
    } kinds[] = { { "lost\n", MFX_ERR_DEVICE_LOST }, { "failed\n", MFX_ERR_DEVICE_FAILED } };

    for (unsigned i = 0; i < 2; i++) {
        struct bench bench;
        mfxSyncPoint point;
        bench_open(&bench);
        encode_well(&bench, 3);
        write_fault(kinds[i].line);
        assert_int_equal(submit(&bench, &point), kinds[i].status);
        assert_null(point);
        unlink(path); /* it lasts */
        assert_int_equal(submit(&bench, &point), kinds[i].status);
        bench_close(&bench);
    }
}

static void faults_are_aimed(void **state)
{
    (void)state;
    struct bench bench;
    mfxSyncPoint point;
    char line[64];

    bench_open(&bench);
    write_fault("lost pid=1\n");
    encode_well(&bench, 2);
    write_fault("lost component=decode\n");
    encode_well(&bench, 2);
    write_fault("nonsense\n");
    encode_well(&bench, 2);
    write_fault("");
    encode_well(&bench, 2);
    snprintf(line, sizeof line, "lost after=200 pid=%d\n", (int)getpid());
    write_fault(line);
    encode_well(&bench, 2);
    snprintf(line, sizeof line, "lost after=1 pid=%d component=encode\n", (int)getpid());
    write_fault(line);
    assert_int_equal(submit(&bench, &point), MFX_ERR_DEVICE_LOST);
    bench_close(&bench);
}

/* With B pictures: surfaces are held until they are coded, and what they say then is what comes out. */
static void take_times(bool late)
{
    struct client client;
    struct frame frames[2];
    uint8_t memory[BITSTREAM_BYTES];
    mfxBitstream bitstream = { .Data = memory, .MaxLength = BITSTREAM_BYTES };
    mfxVideoParam par = encode_par(WIDTH, HEIGHT);
    mfxSyncPoint point;

    write_fault(late ? "late\n" : "");
    par.mfx.GopRefDist = 3;
    client_open(&client);
    assert_int_equal(MFXVideoENCODE_Init(client.session, &par), MFX_ERR_NONE);
    for (unsigned i = 0; i < 2; i++) {
        frame_create(&frames[i], &par.mfx.FrameInfo);
        frames[i].surface.Data.TimeStamp = 1000 + i * 3600;
        assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, &frames[i].surface, &bitstream, &point),
                         MFX_ERR_MORE_DATA);
    }
    for (unsigned waits = 0; !late && frame_locked(&frames[1]) && waits < WAIT_MS; waits++)
        usleep(1000);
    assert_int_equal(frame_locked(&frames[0]), late);
    frames[0].surface.Data.TimeStamp = 500;
    assert_int_equal(MFXVideoENCODE_EncodeFrameAsync(client.session, NULL, NULL, &bitstream, &point), MFX_ERR_NONE);
    assert_int_equal(MFXVideoCORE_SyncOperation(client.session, point, WAIT_MS), MFX_ERR_NONE);
    assert_int_equal(bitstream.TimeStamp, late ? 500 : 1000);
    assert_false(frame_locked(&frames[0]));
    assert_int_equal(MFXVideoENCODE_Close(client.session), MFX_ERR_NONE);
    frame_destroy(&frames[0]); /* both are given back, coded or not */
    frame_destroy(&frames[1]);
    client_close(&client);
    unlink(path);
}

static void times_are_read_late_if_asked_for(void **state)
{
    (void)state;
    take_times(false);
    take_times(true);
}

static int set_up(void **state)
{
    (void)state;
    client_environment();
    snprintf(path, sizeof path, "/tmp/biplane-fault-%d", (int)getpid());
    return setenv("BIPLANE_SOFTVPL_FAULT", path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hung_device_signals_nothing),
        cmocka_unit_test(a_lost_device_answers_so),
        cmocka_unit_test(faults_are_aimed),
        cmocka_unit_test(times_are_read_late_if_asked_for),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

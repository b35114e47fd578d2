/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program_tables.c - sections are put together as ISO/IEC 13818-1, 2.4.4 has them: the first packet of one has a
 * pointer to where it starts, several may follow one another in a packet. */
#include "encode/program_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "board/error.h"

#include "encode/section_bytes.h"

enum {
    TS_BYTES = 188,
    SECTION_BYTES_MAX = 1024, /* of a PAT or PMT */
    SECTION_HEADER_BYTES = 3, /* up to and with the length */
    TABLE_HEADER_BYTES = 8,
    CHECKSUM_BYTES = 4,
    TABLE_PAT = 0,
    TABLE_PMT = 2,
    PID_PAT = 0,
    PID_NULL = 0x1fff,
    DESCRIPTOR_REGISTRATION = 0x05,
    ASSEMBLIES = PROGRAM_TABLES_PROGRAMS_MAX + 1,
};

/* What of a stream decides how a demultiplexer takes it. */
struct stream {
    uint16_t pid;
    uint8_t type;
    uint32_t formats; /* of the descriptors that name a codec */
};

struct program {
    uint16_t number, pmt_pid;
    uint8_t pat_section;
    bool mapped; /* a PMT has been seen */
    uint64_t newest_position;
    unsigned stream_count;
    struct stream streams[PROGRAM_TABLES_STREAMS_MAX];
};

/* A section on its way; one for each PID. */
struct assembly {
    uint16_t pid;
    uint8_t continuity;
    bool begun;
    uint64_t position; /* of the packet in which it begins */
    unsigned used;
    uint8_t bytes[SECTION_BYTES_MAX];
};

struct program_tables {
    uint8_t watched[0x2000 / 8]; /* PIDs, a bit each */
    struct assembly assemblies[ASSEMBLIES];
    unsigned assembly_count;
    struct program programs[PROGRAM_TABLES_PROGRAMS_MAX];
    unsigned program_count;
    uint64_t pat_position;
    /* the newest contradiction */
    struct program changed; /* mapped: a PMT, as it is now; else a PAT */
    uint64_t begin, outdated;
};

int program_tables_create(struct program_tables **out, struct error *err)
{
    struct program_tables *tables = calloc(1, sizeof *tables);

    if (!tables)
        return error_set(err, -ENOMEM, "program tables");
    program_tables_reset(tables);
    *out = tables;
    return 0;
}

void program_tables_destroy(struct program_tables *tables)
{
    free(tables);
}

static void watch(struct program_tables *tables, uint16_t pid)
{
    if (tables->watched[pid / 8] >> pid % 8 & 1 || tables->assembly_count == ASSEMBLIES)
        return;
    tables->watched[pid / 8] |= (uint8_t)(1 << pid % 8);
    struct assembly *assembly = &tables->assemblies[tables->assembly_count++];
    assembly->pid = pid;
    assembly->begun = false;
}

void program_tables_reset(struct program_tables *tables)
{
    memset(tables->watched, 0, sizeof tables->watched);
    tables->assembly_count = tables->program_count = 0;
    tables->pat_position = tables->begin = PROGRAM_TABLES_NOWHERE;
    tables->outdated = 0;
    watch(tables, PID_PAT);
}

static unsigned get16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint16_t get_pid(const uint8_t *bytes)
{
    return (uint16_t)(get16(bytes) & 0x1fff);
}

/* ---- PAT ---- */
/* The PMT's PID that this section has for a program, or 0. */
static uint16_t listed(const uint8_t *entries, const uint8_t *end, unsigned number)
{
    for (; entries + 4 <= end; entries += 4)
        if (get16(entries) == number)
            return get_pid(entries + 2);
    return 0;
}

static void forget_program(struct program_tables *tables, unsigned i)
{
    tables->programs[i] = tables->programs[--tables->program_count];
}

static const struct program *find_program(const struct program_tables *tables, unsigned number)
{
    for (unsigned i = 0; i < tables->program_count; i++)
        if (tables->programs[i].number == number)
            return &tables->programs[i];
    return NULL;
}

static void add_programs(struct program_tables *tables, uint8_t section, const uint8_t *entries, const uint8_t *end)
{
    for (; entries + 4 <= end; entries += 4) {
        uint16_t number = (uint16_t)get16(entries), pid = get_pid(entries + 2);
        if (!number || pid == PID_PAT || pid == PID_NULL || find_program(tables, number) ||
            tables->program_count == PROGRAM_TABLES_PROGRAMS_MAX)
            continue;
        tables->programs[tables->program_count++] =
            (struct program){ .number = number, .pmt_pid = pid, .pat_section = section };
        watch(tables, pid);
    }
}

static bool take_pat(struct program_tables *tables, const uint8_t *section, const uint8_t *end, uint64_t position)
{
    const uint8_t *entries = section + TABLE_HEADER_BYTES;

    for (unsigned i = tables->program_count; i-- > 0;) {
        const struct program *program = &tables->programs[i];
        if (program->pat_section != section[6] || listed(entries, end, program->number) == program->pmt_pid)
            continue;
        if (program->mapped) {
            tables->changed.mapped = false;
            tables->begin = position;
            tables->outdated = program->newest_position;
            return true;
        }
        forget_program(tables, i);
    }
    add_programs(tables, section[6], entries, end);
    if (section[6] == 0)
        tables->pat_position = position;
    return false;
}

/* ---- PMT ---- */
/* Those descriptors, as one number, by which a private stream type becomes a codec. */
static uint32_t formats_of(uint32_t formats, const uint8_t *descriptors, const uint8_t *end)
{
    static const uint8_t naming[] = { DESCRIPTOR_REGISTRATION, 0x56, 0x59, 0x6a, 0x7a, 0x7b, 0x7c, 0x7f };

    while (descriptors + 2 <= end && descriptors + 2 + descriptors[1] <= end) {
        unsigned tag = descriptors[0], bytes = descriptors[1];
        if (memchr(naming, (int)tag, sizeof naming))
            formats = formats * 16777619 ^ tag;
        for (unsigned i = 0; tag == DESCRIPTOR_REGISTRATION && i < 4 && i < bytes; i++)
            formats = formats * 16777619 ^ descriptors[2 + i];
        descriptors += 2 + bytes;
    }
    return formats;
}

static void read_streams(struct program *program, const uint8_t *section, const uint8_t *end)
{
    const uint8_t *at = section + TABLE_HEADER_BYTES + 4;
    uint32_t formats = 0;

    program->stream_count = 0;
    if (at > end)
        return;
    unsigned bytes = get16(at - 2) & 0xfff;
    if (bytes > (unsigned)(end - at))
        return;
    formats = formats_of(formats, at, at + bytes);
    for (at += bytes; at + 5 <= end && program->stream_count < PROGRAM_TABLES_STREAMS_MAX; at += 5 + bytes) {
        bytes = get16(at + 3) & 0xfff;
        if (bytes > (unsigned)(end - at) - 5)
            return;
        program->streams[program->stream_count++] =
            (struct stream){ get_pid(at + 1), at[0], formats_of(formats, at + 5, at + 5 + bytes) };
    }
}

static bool has_stream(const struct program *program, const struct stream *wanted)
{
    for (unsigned i = 0; i < program->stream_count; i++) {
        const struct stream *stream = &program->streams[i];
        if (stream->pid == wanted->pid && stream->type == wanted->type && stream->formats == wanted->formats)
            return true;
    }
    return false;
}

static bool take_pmt(struct program_tables *tables, unsigned pid, const uint8_t *section, const uint8_t *end,
                     uint64_t position)
{
    struct program *program = NULL, *changed = &tables->changed;

    for (unsigned i = 0; i < tables->program_count; i++)
        if (tables->programs[i].number == get16(section + 3) && tables->programs[i].pmt_pid == pid)
            program = &tables->programs[i];
    if (!program)
        return false;
    *changed = *program;
    changed->mapped = true;
    read_streams(changed, section, end);
    for (unsigned i = 0; program->mapped && i < program->stream_count; i++)
        if (!has_stream(changed, &program->streams[i])) {
            bool behind =
                tables->pat_position != PROGRAM_TABLES_NOWHERE && tables->pat_position > program->newest_position;
            tables->begin = behind ? tables->pat_position : PROGRAM_TABLES_NOWHERE;
            tables->outdated = program->newest_position;
            return true;
        }
    changed->newest_position = position;
    *program = *changed;
    return false;
}

/* ---- sections ---- */
static bool take_section(struct program_tables *tables, const struct assembly *assembly, unsigned bytes)
{
    const uint8_t *section = assembly->bytes, *end = section + bytes - CHECKSUM_BYTES;

    if (bytes < TABLE_HEADER_BYTES + CHECKSUM_BYTES || !(section[1] & 0x80) || !(section[5] & 1) ||
        !section_is_intact(section, bytes))
        return false;
    if (assembly->pid == PID_PAT)
        return section[0] == TABLE_PAT && take_pat(tables, section, end, assembly->position);
    return section[0] == TABLE_PMT && take_pmt(tables, assembly->pid, section, end, assembly->position);
}

static unsigned section_bytes(const struct assembly *assembly)
{
    return assembly->used < SECTION_HEADER_BYTES ? SECTION_BYTES_MAX + 1
                                                 : SECTION_HEADER_BYTES + (get16(assembly->bytes + 1) & 0xfff);
}

/* Adds payload; takes what becomes whole. What follows a section in the same payload is another, or stuffing. */
static bool fill(struct program_tables *tables, struct assembly *assembly, const uint8_t *payload, const uint8_t *end)
{
    while (assembly->begun && payload < end) {
        if (assembly->used == 0 && payload[0] == 0xff) {
            assembly->begun = false;
            break;
        }
        unsigned wanted = assembly->used < SECTION_HEADER_BYTES ? SECTION_HEADER_BYTES : section_bytes(assembly);
        unsigned bytes = wanted - assembly->used;
        if (wanted > SECTION_BYTES_MAX) {
            assembly->begun = false;
            break;
        }
        bytes = bytes > (unsigned)(end - payload) ? (unsigned)(end - payload) : bytes;
        memcpy(assembly->bytes + assembly->used, payload, bytes);
        assembly->used += bytes;
        payload += bytes;
        if (assembly->used != section_bytes(assembly))
            continue;
        unsigned whole = assembly->used;
        assembly->used = 0;
        if (take_section(tables, assembly, whole))
            return true;
    }
    return false;
}

static bool push_payload(struct program_tables *tables, struct assembly *assembly, const uint8_t *packet,
                         uint64_t position)
{
    const uint8_t *end = packet + TS_BYTES, *payload = packet + 4 + (packet[3] & 0x20 ? 1 + packet[4] : 0);
    uint8_t continuity = packet[3] & 0x0f;
    bool follows = continuity == ((assembly->continuity + 1) & 0x0f);

    if (payload >= end || (assembly->begun && continuity == assembly->continuity && !(packet[1] & 0x40)))
        return false;
    assembly->continuity = continuity;
    if (!(packet[1] & 0x40)) {
        assembly->begun = assembly->begun && follows;
        return fill(tables, assembly, payload, end);
    }
    const uint8_t *start = payload + 1 + payload[0];
    if (start > end)
        start = end;
    if (assembly->begun && assembly->used && follows && fill(tables, assembly, payload + 1, start))
        return true;
    assembly->begun = true;
    assembly->used = 0;
    assembly->position = position;
    return fill(tables, assembly, start, end);
}

bool program_tables_push(struct program_tables *tables, const uint8_t *packet, uint64_t position)
{
    uint16_t pid = get_pid(packet + 1);

    if (!(tables->watched[pid / 8] >> pid % 8 & 1) || packet[1] & 0x80 || !(packet[3] & 0x10) || packet[3] & 0xc0)
        return false;
    for (unsigned i = 0; i < tables->assembly_count; i++)
        if (tables->assemblies[i].pid == pid)
            return push_payload(tables, &tables->assemblies[i], packet, position);
    return false;
}

/* ---- what has changed ---- */
bool program_tables_keeps(const struct program_tables *tables, unsigned pid)
{
    const struct program *changed = &tables->changed;

    if (!changed->mapped)
        return false;
    for (unsigned i = 0; i < tables->program_count; i++) {
        const struct program *program = &tables->programs[i];
        for (unsigned j = 0; j < program->stream_count; j++)
            if (program->streams[j].pid == pid)
                return program->number != changed->number || has_stream(changed, &program->streams[j]);
    }
    return false;
}

uint64_t program_tables_begin(const struct program_tables *tables)
{
    return tables->begin;
}

uint64_t program_tables_outdated(const struct program_tables *tables)
{
    return tables->outdated;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_load.h"

#include <elf.h>
#include <string.h>

#include "backends/cpu/cpu_reloc.h"
#include "tests/support/elf_object.h"
#include "tests/support/fake_alloc.h"
#include "tests/support/fake_cpu_os.h"
#include "tests/support/test.h"

static uint8_t bytes[TN_ELF_OBJECT_ROOM];

static tn_status
load(tn_fake_cpu_os *os, tn_cpu_machine machine, size_t count, tn_cpu_image *image)
{
    tn_diag diag;
    tn_status status;

    tn_diag_init(&diag, tn_alloc_system());
    status =
        tn_cpu_load(&os->table, tn_alloc_system(), &diag, machine, (tn_span){bytes, count}, image);
    TN_CHECK_EQ(tn_diag_count(&diag), status == TN_OK ? 0 : 1);
    TN_CHECK((status == TN_OK) == (image->base != NULL));
    tn_diag_clear(&diag);
    return status;
}

TN_TEST(runs_what_it_loads)
{
    tn_fake_cpu_os os;
    tn_cpu_image image;
    size_t count = tn_elf_kernel_write(TN_KERNEL_FILL, bytes);
    double out[6] = {9, 9, 9, 9, 9, 9};
    void *buffers[] = {out};
    int64_t sizes[] = {6};
    tn_cpu_args args = {.buffers = buffers, .sizes = sizes};

    if (!count)
        TN_SKIP("the kernel is for x86-64");
    tn_fake_cpu_os_init(&os);
    TN_NEED(load(&os, TN_CPU_X86_64, count, &image) == TN_OK);
    memset(bytes, 0xcc, sizeof bytes); /* the object is no longer needed */
    image.entry(&args, 1, 6);
    TN_CHECK_SAME(out[0], 0);
    TN_CHECK_SAME(out[1], 2.5);
    TN_CHECK_SAME(out[5], 2.5);
    TN_NEED(image.info != NULL);
    TN_CHECK_EQ(image.info->sizes, 1);
    TN_CHECK_EQ(os.executable, 1);
    TN_CHECK(!os.wrong);
    tn_cpu_unload(&image);
    TN_CHECK_EQ(os.maps, os.unmaps);
}

TN_TEST(survives_a_failing_system)
{
    tn_fake_cpu_os os;
    tn_cpu_image image;
    size_t count = tn_elf_kernel_write(TN_KERNEL_FILL, bytes);

    if (!count)
        TN_SKIP("the kernel is for x86-64");
    tn_fake_cpu_os_init(&os);
    os.fail_map = true;
    TN_CHECK_EQ(load(&os, TN_CPU_X86_64, count, &image), TN_NO_MEMORY);
    os.fail_map = false;
    os.fail_protect = true;
    TN_CHECK_EQ(load(&os, TN_CPU_X86_64, count, &image), TN_DEVICE);
    TN_CHECK_EQ(os.maps, os.unmaps);
    TN_CHECK_EQ(os.maps, 1);
    for (size_t n = 1;; n++) {
        tn_fake_alloc mem;
        tn_status status;

        tn_fake_alloc_init(&mem, n);
        os.fail_protect = false;
        status = tn_cpu_load(&os.table, &mem.table, NULL, TN_CPU_X86_64, (tn_span){bytes, count},
            &image);
        TN_CHECK_EQ(mem.live, 0);
        TN_CHECK_EQ(status, mem.failed ? TN_NO_MEMORY : TN_OK);
        tn_cpu_unload(&image);
        if (!mem.failed)
            break;
    }
}

/* An object whose code is one word or two, with one relocation. */
static tn_status
load_relocated(tn_elf_reloc reloc, uint16_t machine, const char *import, tn_cpu_image *image)
{
    static const uint32_t code[8] = {0};
    static const uint64_t constants[4] = {0};
    tn_elf_object object = {.machine = machine,
        .code = code,
        .code_bytes = sizeof code,
        .constants = constants,
        .constant_bytes = sizeof constants,
        .info = {.version = TN_CPU_INFO_VERSION},
        .import = import,
        .relocs = &reloc,
        .reloc_count = 1};
    static tn_fake_cpu_os os; /* the image refers to it */

    tn_fake_cpu_os_init(&os);
    return load(&os, (tn_cpu_machine)machine, tn_elf_object_write(&object, bytes), image);
}

static uint64_t
at(const tn_cpu_image *image, size_t offset)
{
    return (uint64_t)(uintptr_t)image->base + offset;
}

TN_TEST(relocates_x86_64)
{
    tn_cpu_image image;
    uint64_t wide;
    int32_t narrow;

    TN_NEED(load_relocated((tn_elf_reloc){8, R_X86_64_64, TN_OBJECT_CONST, 40}, EM_X86_64, NULL,
                &image) == TN_OK);
    memcpy(&wide, image.base + 8, 8);
    TN_CHECK_EQ(wide, at(&image, image.code_bytes + 40));
    tn_cpu_unload(&image);

    TN_NEED(load_relocated((tn_elf_reloc){8, R_X86_64_PC64, TN_OBJECT_CODE, 3}, EM_X86_64, NULL,
                &image) == TN_OK);
    memcpy(&wide, image.base + 8, 8);
    TN_CHECK_EQ(wide, 3 - 8);
    tn_cpu_unload(&image);

    TN_NEED(load_relocated((tn_elf_reloc){4, R_X86_64_PC32, TN_OBJECT_CONST, -4}, EM_X86_64, NULL,
                &image) == TN_OK);
    memcpy(&narrow, image.base + 4, 4);
    TN_CHECK_EQ(narrow, (int64_t)image.code_bytes - 8);
    tn_cpu_unload(&image);

    /* Through a slot that holds the address. */
    TN_NEED(load_relocated((tn_elf_reloc){4, 42, TN_OBJECT_IMPORT, -4}, EM_X86_64, "memcpy",
                &image) == TN_OK);
    memcpy(&narrow, image.base + 4, 4);
    memcpy(&wide, image.base + 8 + narrow, 8);
    TN_CHECK(wide == (uint64_t)(uintptr_t)memcpy);
    tn_cpu_unload(&image);
}

TN_TEST(relocates_aarch64)
{
    tn_cpu_image image;
    uint32_t word;

    /* add x0, x0, #low: the constant lies 40 bytes into a page. */
    TN_NEED(load_relocated((tn_elf_reloc){4, R_AARCH64_ADD_ABS_LO12_NC, TN_OBJECT_CONST, 40},
                EM_AARCH64, NULL, &image) == TN_OK);
    memcpy(&word, image.base + 4, 4);
    TN_CHECK_EQ(word, 40 << 10);
    tn_cpu_unload(&image);

    /* ldr q, [x0, #low]: in units of 16. */
    TN_NEED(load_relocated((tn_elf_reloc){4, R_AARCH64_LDST128_ABS_LO12_NC, TN_OBJECT_CONST, 48},
                EM_AARCH64, NULL, &image) == TN_OK);
    memcpy(&word, image.base + 4, 4);
    TN_CHECK_EQ(word, 3 << 10);
    tn_cpu_unload(&image);
    TN_CHECK_EQ(load_relocated((tn_elf_reloc){4, R_AARCH64_LDST128_ABS_LO12_NC, TN_OBJECT_CONST,
                                   40},
                    EM_AARCH64, NULL, &image),
        TN_INTEGRITY);

    /* adrp: constants start one page after the code, whatever a page is. */
    TN_NEED(load_relocated((tn_elf_reloc){4, R_AARCH64_ADR_PREL_PG_HI21, TN_OBJECT_CONST, 0},
                EM_AARCH64, NULL, &image) == TN_OK);
    memcpy(&word, image.base + 4, 4);
    TN_CHECK_EQ((word >> 29 & 3) | (word >> 5 & 0x7ffff) << 2, image.code_bytes / 4096);
    tn_cpu_unload(&image);
}

/* A call of what is out of reach goes through a stub with the address. */
TN_TEST(reaches_far)
{
    static const uint32_t arm_jump[] = {0x58000050, 0xd61f0200}; /* ldr x16, 8; br x16 */
    static const uint8_t x86_jump[] = {0xff, 0x25, 0, 0, 0, 0};  /* jmp *0(%rip) */
    _Alignas(16) uint8_t memory[64] = {0};
    tn_cpu_fixup f = {.place = memory + 4,
        .room = 4,
        .type = R_AARCH64_CALL26,
        .stub = memory + 32,
        .slot = memory + 48};
    uint64_t wide;
    uint32_t word;

    f.symbol = (uint64_t)(uintptr_t)memory + ((uint64_t)1 << 40);
    TN_CHECK(tn_cpu_relocate(TN_CPU_AARCH64, &f) == NULL);
    memcpy(&word, memory + 4, 4);
    TN_CHECK_EQ(word, (32 - 4) / 4);
    TN_CHECK(memcmp(memory + 32, arm_jump, sizeof arm_jump) == 0);
    memcpy(&wide, memory + 40, 8);
    TN_CHECK(wide == f.symbol);

    f.type = R_X86_64_PLT32;
    f.addend = -4;
    TN_CHECK(tn_cpu_relocate(TN_CPU_X86_64, &f) == NULL);
    memcpy(&word, memory + 4, 4);
    TN_CHECK_EQ(word, 32 - 8);
    TN_CHECK(memcmp(memory + 32, x86_jump, sizeof x86_jump) == 0);
    memcpy(&wide, memory + 38, 8);
    TN_CHECK(wide == f.symbol);
}

TN_TEST(refuses_what_it_cannot_relocate)
{
    static const struct {
        uint16_t machine;
        const char *import;
        tn_elf_reloc reloc;
    } cases[] = {
        {EM_X86_64, NULL, {29, R_X86_64_PC32, TN_OBJECT_CODE, 0}},   /* half outside */
        {EM_X86_64, NULL, {25, R_X86_64_64, TN_OBJECT_CODE, 0}},     /* half outside */
        {EM_X86_64, NULL, {UINT64_MAX, R_X86_64_64, TN_OBJECT_CODE, 0}},
        {EM_X86_64, NULL, {0, R_X86_64_PC32, TN_OBJECT_CODE, INT64_MAX}},
        {EM_X86_64, NULL, {0, R_X86_64_32S, TN_OBJECT_CODE, 0}},     /* above 2 GiB */
        {EM_X86_64, NULL, {0, R_X86_64_TPOFF32, TN_OBJECT_CODE, 0}},
        {EM_X86_64, NULL, {0, R_X86_64_64, 77, 0}},
        {EM_X86_64, "system", {0, R_X86_64_64, TN_OBJECT_IMPORT, 0}},
        {EM_AARCH64, NULL, {2, R_AARCH64_CALL26, TN_OBJECT_CODE, 0}},
        {EM_AARCH64, NULL, {4, R_AARCH64_CALL26, TN_OBJECT_CODE, (int64_t)1 << 32}},
        {EM_AARCH64, NULL, {4, R_AARCH64_TSTBR14, TN_OBJECT_CODE, 1 << 16}},
        {EM_AARCH64, NULL, {32, R_AARCH64_CONDBR19, TN_OBJECT_CODE, 0}},
        {EM_AARCH64, NULL, {4, 1000, TN_OBJECT_CODE, 0}},
    };
    tn_cpu_image image;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!TN_CHECK_EQ(load_relocated(cases[i].reloc, cases[i].machine, cases[i].import, &image),
                TN_INTEGRITY))
            tn_test_note("case %zu", i);
        tn_cpu_unload(&image);
    }
}

TN_TEST(refuses_other_objects)
{
    tn_fake_cpu_os os;
    tn_cpu_image image;
    tn_elf_object object = {.machine = EM_X86_64, .code = "\xc3", .code_bytes = 1};
    size_t count = tn_elf_object_write(&object, bytes);

    tn_fake_cpu_os_init(&os);
    TN_CHECK_EQ(load(&os, TN_CPU_AARCH64, count, &image), TN_INTEGRITY);
    TN_CHECK_EQ(load(&os, TN_CPU_X86_64, 0, &image), TN_INTEGRITY);
    for (size_t n = 0; n < count; n++) {
        if (!TN_CHECK_EQ(load(&os, TN_CPU_X86_64, n, &image), TN_INTEGRITY))
            tn_test_note("cut to %zu of %zu bytes", n, count);
    }
    TN_CHECK_EQ(load(&os, TN_CPU_X86_64, count, &image), TN_OK);
    tn_cpu_unload(&image);
    TN_CHECK_EQ(os.maps, os.unmaps);
}

/* Section headers are the last SECTIONS * 64 bytes. */
static void
set_flags(size_t count, size_t section, uint64_t flags)
{
    Elf64_Shdr s;
    uint8_t *place = bytes + count - (6 - section) * sizeof s;

    memcpy(&s, place, sizeof s);
    s.sh_flags |= flags;
    memcpy(place, &s, sizeof s);
}

TN_TEST(refuses_memory_that_changes)
{
    tn_fake_cpu_os os;
    tn_cpu_image image;
    tn_elf_object object = {.machine = EM_X86_64, .code = "\xc3", .code_bytes = 1};
    size_t count;

    tn_fake_cpu_os_init(&os);
    for (size_t section = 1; section <= 3; section += 2) {
        count = tn_elf_object_write(&object, bytes);
        set_flags(count, section, SHF_WRITE);
        TN_CHECK_EQ(load(&os, TN_CPU_X86_64, count, &image), TN_INTEGRITY);
        count = tn_elf_object_write(&object, bytes);
        set_flags(count, section, SHF_TLS);
        TN_CHECK_EQ(load(&os, TN_CPU_X86_64, count, &image), TN_INTEGRITY);
    }
    TN_CHECK_EQ(os.executable, 0);
}

static uint32_t
random_below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % limit);
}

/* Damage anywhere, most of it in headers and tables: refused or loaded, never
 * followed out of range, and nothing is left behind. */
TN_TEST(survives_damage)
{
    static uint8_t sound[TN_ELF_OBJECT_ROOM];
    size_t count = tn_elf_kernel_write(TN_KERNEL_FILL, sound);
    tn_fake_cpu_os os;
    tn_cpu_image image;
    uint64_t state = 1;
    int loaded = 0, refused = 0;

    if (!count)
        TN_SKIP("the kernel is for x86-64");
    tn_fake_cpu_os_init(&os);
    for (int round = 0; round < 20000; round++) {
        size_t from = round % 2 ? 0 : count - 6 * 64;
        int flips = 1 + round % 4;

        memcpy(bytes, sound, count);
        while (flips--) {
            size_t where = from + random_below(&state, (uint32_t)(count - from));

            bytes[where] ^= (uint8_t)(1 << random_below(&state, 8));
        }
        if (load(&os, TN_CPU_X86_64, count, &image) == TN_OK)
            loaded++;
        else
            refused++;
        tn_cpu_unload(&image);
    }
    TN_CHECK(loaded > 1000);
    TN_CHECK(refused > 1000);
    TN_CHECK_EQ(os.maps, os.unmaps);
}

TN_MAIN(TN_CASE(runs_what_it_loads), TN_CASE(survives_a_failing_system), TN_CASE(relocates_x86_64),
    TN_CASE(relocates_aarch64), TN_CASE(reaches_far), TN_CASE(refuses_what_it_cannot_relocate),
    TN_CASE(refuses_other_objects), TN_CASE(refuses_memory_that_changes), TN_CASE(survives_damage))

/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_reloc.h"

#include <elf.h>
#include <string.h>

/* Names that older elf.h files lack. */
enum {
    RELOC_X86_GOTPCRELX = 41,
    RELOC_X86_REX_GOTPCRELX = 42,
    RELOC_ARM_PLT32 = 314,
};

static const char OVERFLOW[] = "an address is too far away";
static const char OUTSIDE[] = "outside its section";
static const char UNKNOWN[] = "of an unknown type";

static uint64_t
address_of(const uint8_t *at)
{
    return (uint64_t)(uintptr_t)at;
}

static const char *
put64(const tn_cpu_fixup *f, uint64_t value)
{
    if (f->room < sizeof value)
        return OUTSIDE;
    memcpy(f->place, &value, sizeof value);
    return NULL;
}

static const char *
put32(const tn_cpu_fixup *f, uint64_t value)
{
    int64_t wide = (int64_t)value;
    int32_t narrow = (int32_t)wide;

    if (f->room < sizeof narrow)
        return OUTSIDE;
    if (wide != narrow)
        return OVERFLOW;
    memcpy(f->place, &narrow, sizeof narrow);
    return NULL;
}

static const char *
put_unsigned32(const tn_cpu_fixup *f, uint64_t value)
{
    uint32_t narrow = (uint32_t)value;

    if (f->room < sizeof narrow)
        return OUTSIDE;
    if (value != narrow)
        return OVERFLOW;
    memcpy(f->place, &narrow, sizeof narrow);
    return NULL;
}

static uint64_t
slot_of(const tn_cpu_fixup *f)
{
    memcpy(f->slot, &f->symbol, sizeof f->symbol);
    return address_of(f->slot);
}

/* A call whose target is out of reach goes through `jmp *0(%rip)`. */
static const char *
x86_call(const tn_cpu_fixup *f, uint64_t from)
{
    static const uint8_t jump[6] = {0xff, 0x25, 0, 0, 0, 0};
    const char *wrong = put32(f, f->symbol + (uint64_t)f->addend - from);

    if (wrong != OVERFLOW || !f->stub)
        return wrong;
    memcpy(f->stub, jump, sizeof jump);
    memcpy(f->stub + sizeof jump, &f->symbol, sizeof f->symbol);
    return put32(f, address_of(f->stub) + (uint64_t)f->addend - from);
}

static const char *
x86_relocate(const tn_cpu_fixup *f)
{
    uint64_t from = address_of(f->place);
    uint64_t value = f->symbol + (uint64_t)f->addend;

    switch (f->type) {
    case R_X86_64_NONE: return NULL;
    case R_X86_64_64: return put64(f, value);
    case R_X86_64_PC64: return put64(f, value - from);
    case R_X86_64_32: return put_unsigned32(f, value);
    case R_X86_64_32S: return put32(f, value);
    case R_X86_64_PC32:
    case R_X86_64_PLT32: return x86_call(f, from);
    case R_X86_64_GOTPCREL:
    case RELOC_X86_GOTPCRELX:
    case RELOC_X86_REX_GOTPCRELX: return put32(f, slot_of(f) + (uint64_t)f->addend - from);
    default: return UNKNOWN;
    }
}

/* Replaces `bits` bits of the instruction, from bit `at` on, by those of
 * `value` from bit `shift` on. */
static const char *
arm_field(const tn_cpu_fixup *f, uint64_t value, int shift, int at, int bits)
{
    uint32_t word, mask = ((uint32_t)1 << bits) - 1;

    if (f->room < sizeof word)
        return OUTSIDE;
    memcpy(&word, f->place, sizeof word);
    word = (word & ~(mask << at)) | (((uint32_t)(value >> shift) & mask) << at);
    memcpy(f->place, &word, sizeof word);
    return NULL;
}

/* A signed distance in an instruction: `bits` bits above `shift` zero bits. */
static const char *
arm_distance(const tn_cpu_fixup *f, uint64_t value, int shift, int at, int bits)
{
    int64_t distance = (int64_t)value;
    int64_t reach = (int64_t)1 << (bits + shift - 1);

    if (distance & (((int64_t)1 << shift) - 1))
        return "to an odd address";
    if (distance < -reach || distance >= reach)
        return OVERFLOW;
    return arm_field(f, value, shift, at, bits);
}

/* A call out of reach: ldr x16, 8; br x16; the address. */
static const char *
arm_call(const tn_cpu_fixup *f, uint64_t from)
{
    static const uint32_t jump[2] = {0x58000050, 0xd61f0200};
    const char *wrong = arm_distance(f, f->symbol + (uint64_t)f->addend - from, 2, 0, 26);

    if (wrong != OVERFLOW || !f->stub || f->addend)
        return wrong;
    memcpy(f->stub, jump, sizeof jump);
    memcpy(f->stub + sizeof jump, &f->symbol, sizeof f->symbol);
    return arm_distance(f, address_of(f->stub) - from, 2, 0, 26);
}

/* adr and adrp: the low two bits of the distance stand apart. */
static const char *
arm_adr(const tn_cpu_fixup *f, uint64_t distance)
{
    int64_t far = (int64_t)distance;
    const char *wrong;

    if (far < -((int64_t)1 << 20) || far >= (int64_t)1 << 20)
        return OVERFLOW;
    wrong = arm_field(f, distance & 3, 0, 29, 2);
    return wrong ? wrong : arm_field(f, distance, 2, 5, 19);
}

/* The 4 KiB page of `to`, counted from the page of the instruction. */
static const char *
arm_page(const tn_cpu_fixup *f, uint64_t to, uint64_t from)
{
    int64_t pages = (int64_t)((to & ~(uint64_t)4095) - (from & ~(uint64_t)4095)) / 4096;

    return arm_adr(f, (uint64_t)pages);
}

/* The address within its 4 KiB page, in units of the access. */
static const char *
arm_low(const tn_cpu_fixup *f, uint64_t to, int shift)
{
    uint64_t low = to & 4095;

    if (low & (((uint64_t)1 << shift) - 1))
        return "to an odd address";
    return arm_field(f, low, shift, 10, 12);
}

static const char *
arm_code(const tn_cpu_fixup *f, uint64_t from, uint64_t value)
{
    switch (f->type) {
    case R_AARCH64_ADR_PREL_LO21: return arm_adr(f, value - from);
    case R_AARCH64_ADR_PREL_PG_HI21: return arm_page(f, value, from);
    case R_AARCH64_ADD_ABS_LO12_NC:
    case R_AARCH64_LDST8_ABS_LO12_NC: return arm_low(f, value, 0);
    case R_AARCH64_LDST16_ABS_LO12_NC: return arm_low(f, value, 1);
    case R_AARCH64_LDST32_ABS_LO12_NC: return arm_low(f, value, 2);
    case R_AARCH64_LDST64_ABS_LO12_NC: return arm_low(f, value, 3);
    case R_AARCH64_LDST128_ABS_LO12_NC: return arm_low(f, value, 4);
    case R_AARCH64_ADR_GOT_PAGE: return arm_page(f, slot_of(f), from);
    case R_AARCH64_LD64_GOT_LO12_NC: return arm_low(f, slot_of(f), 3);
    case R_AARCH64_TSTBR14: return arm_distance(f, value - from, 2, 5, 14);
    case R_AARCH64_CONDBR19: return arm_distance(f, value - from, 2, 5, 19);
    case R_AARCH64_JUMP26:
    case R_AARCH64_CALL26: return arm_call(f, from);
    default: return UNKNOWN;
    }
}

static const char *
arm_relocate(const tn_cpu_fixup *f)
{
    uint64_t from = address_of(f->place);
    uint64_t value = f->symbol + (uint64_t)f->addend;

    switch (f->type) {
    case R_AARCH64_NONE: return NULL;
    case R_AARCH64_ABS64: return put64(f, value);
    case R_AARCH64_PREL64: return put64(f, value - from);
    case R_AARCH64_PREL32:
    case RELOC_ARM_PLT32: return put32(f, value - from);
    default: return from & 3 ? "at an odd address" : arm_code(f, from, value);
    }
}

const char *
tn_cpu_relocate(tn_cpu_machine machine, const tn_cpu_fixup *fixup)
{
    return machine == TN_CPU_AARCH64 ? arm_relocate(fixup) : x86_relocate(fixup);
}

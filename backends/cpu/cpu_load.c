/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/cpu/cpu_load.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "backends/cpu/cpu_reloc.h"
#include "ir/base/checked.h"

enum { ALIGN_LIMIT = 4096, NAME_LIMIT = 256 };
enum { SECTION_X86_UNWIND = 0x70000001, SECTION_COMPRESSED = 1 << 11 };

/* The only names that code may ask for. */
static const struct {
    const char *name;
    void (*address)(void);
} imports[] = {
    {"memcpy", (void (*)(void))memcpy},
    {"memmove", (void (*)(void))memmove},
    {"memset", (void (*)(void))memset},
};

typedef struct address {
    uint64_t at;
    bool known;
} address;

/* Everything one load needs; `place` and `symbols` are its only memory. */
typedef struct loader {
    const tn_cpu_os *os;
    const tn_alloc *alloc;
    tn_diag *diag;
    tn_cpu_machine machine;
    tn_span object;
    Elf64_Ehdr head;
    uint64_t *place; /* a section: 1 + offset in the image; 0: left out */
    address *symbols;
    uint64_t symbol_count;
    Elf64_Shdr table, names; /* symbols; their names */
    uint64_t stubs, slots;   /* offsets in the image */
    uint64_t code_bytes, bytes;
    tn_cpu_image *image;
} loader;

#define refuse(l, ...) tn_fail((l)->diag, TN_INTEGRITY, "machine code: " __VA_ARGS__)

tn_cpu_machine
tn_cpu_machine_here(void)
{
#if defined(__aarch64__)
    return TN_CPU_AARCH64;
#else
    return TN_CPU_X86_64;
#endif
}

static bool
within(uint64_t at, uint64_t bytes, uint64_t limit)
{
    return at <= limit && bytes <= limit - at;
}

static Elf64_Shdr
section(const loader *l, uint32_t index)
{
    Elf64_Shdr s;

    memcpy(&s, l->object.at + l->head.e_shoff + (uint64_t)index * sizeof s, sizeof s);
    return s;
}

static Elf64_Sym
symbol(const loader *l, uint64_t index)
{
    Elf64_Sym s;

    memcpy(&s, l->object.at + l->table.sh_offset + index * sizeof s, sizeof s);
    return s;
}

/* Borrowed; NULL if it is out of range, unterminated or long. */
static const char *
name_of(const loader *l, const Elf64_Sym *s)
{
    const char *at = (const char *)l->object.at + l->names.sh_offset;
    uint64_t left;

    if (s->st_name >= l->names.sh_size)
        return NULL;
    left = l->names.sh_size - s->st_name;
    if (!memchr(at + s->st_name, 0, left < NAME_LIMIT ? left : NAME_LIMIT))
        return NULL;
    return at + s->st_name;
}

static tn_status
read_head(loader *l)
{
    Elf64_Ehdr *h = &l->head;

    if (l->object.bytes > TN_CPU_IMAGE_LIMIT)
        return tn_fail(l->diag, TN_LIMIT, "machine code: %zu bytes, at most %d", l->object.bytes,
            (int)TN_CPU_IMAGE_LIMIT);
    if (l->object.bytes < sizeof *h)
        return refuse(l, "%zu bytes are no object", l->object.bytes);
    memcpy(h, l->object.at, sizeof *h);
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 ||
        h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_type != ET_REL)
        return refuse(l, "not a relocatable 64-bit ELF object");
    if (h->e_machine != l->machine)
        return refuse(l, "for machine %u, not %u", h->e_machine, (unsigned)l->machine);
    if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shnum == 0 ||
        !within(h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr), l->object.bytes))
        return refuse(l, "section table out of range");
    return TN_OK;
}

static tn_status
find_symbols(loader *l, uint32_t index, const Elf64_Shdr *s)
{
    if (l->symbol_count)
        return refuse(l, "two symbol tables");
    if (s->sh_entsize != sizeof(Elf64_Sym) || s->sh_size < sizeof(Elf64_Sym) ||
        s->sh_link >= l->head.e_shnum)
        return refuse(l, "symbol table in section %" PRIu32, index);
    l->table = *s;
    l->symbol_count = s->sh_size / sizeof(Elf64_Sym);
    l->names = section(l, s->sh_link);
    if (l->names.sh_type != SHT_STRTAB ||
        !within(l->names.sh_offset, l->names.sh_size, l->object.bytes))
        return refuse(l, "names of symbols out of range");
    return TN_OK;
}

static tn_status
check_section(loader *l, uint32_t index)
{
    Elf64_Shdr s = section(l, index);

    if (s.sh_type != SHT_NOBITS && s.sh_type != SHT_NULL &&
        !within(s.sh_offset, s.sh_size, l->object.bytes))
        return refuse(l, "section %" PRIu32 " out of range", index);
    if (s.sh_type == SHT_SYMTAB)
        return find_symbols(l, index, &s);
    if (!(s.sh_flags & SHF_ALLOC) || s.sh_size == 0)
        return TN_OK;
    if (s.sh_flags & (SHF_WRITE | SHF_TLS | SECTION_COMPRESSED))
        return refuse(l, "section %" PRIu32 " is not constant", index);
    if (s.sh_type != SHT_PROGBITS && s.sh_type != SHT_NOTE && s.sh_type != SECTION_X86_UNWIND)
        return refuse(l, "section %" PRIu32 " of type %" PRIu32, index, (uint32_t)s.sh_type);
    if (s.sh_addralign & (s.sh_addralign - 1) || s.sh_addralign > ALIGN_LIMIT)
        return refuse(l, "section %" PRIu32 " aligned to %" PRIu64, index,
            (uint64_t)s.sh_addralign);
    return TN_OK;
}

static tn_status
check_sections(loader *l)
{
    for (uint32_t i = 0; i < l->head.e_shnum; i++)
        TN_TRY(check_section(l, i));
    return l->symbol_count ? TN_OK : refuse(l, "no symbols");
}

/* Code and constants; tables for unwinding are of no use here. */
static bool
is_placed(const Elf64_Shdr *s, bool code)
{
    return (s->sh_flags & SHF_ALLOC) && s->sh_size > 0 && s->sh_type == SHT_PROGBITS &&
        !!(s->sh_flags & SHF_EXECINSTR) == code;
}

static uint64_t
up(uint64_t value, uint64_t align)
{
    return align > 1 ? (value + align - 1) & ~(align - 1) : value;
}

/* Sums stay far below 2^64: at most 65535 sections inside an object of at
 * most TN_CPU_IMAGE_LIMIT bytes each. */
static uint64_t
place_group(loader *l, uint64_t next, bool code)
{
    for (uint32_t i = 0; i < l->head.e_shnum; i++) {
        Elf64_Shdr s = section(l, i);

        if (!is_placed(&s, code))
            continue;
        next = up(next, s.sh_addralign);
        l->place[i] = next + 1;
        next += s.sh_size;
    }
    return next;
}

/* [code, stubs] [constants, slots], each from a page of its own. */
static tn_status
lay_out(loader *l)
{
    uint64_t page = l->os->page(l->os->self);
    uint64_t next = up(place_group(l, 0, true), TN_CPU_STUB_BYTES);

    l->stubs = next;
    l->code_bytes = up(next + l->symbol_count * TN_CPU_STUB_BYTES, page);
    next = up(place_group(l, l->code_bytes, false), sizeof(uint64_t));
    l->slots = next;
    l->bytes = up(next + l->symbol_count * sizeof(uint64_t), page);
    if (l->bytes > TN_CPU_IMAGE_LIMIT)
        return tn_fail(l->diag, TN_LIMIT, "machine code: %" PRIu64 " bytes of memory, at most %d",
            l->bytes, (int)TN_CPU_IMAGE_LIMIT);
    return TN_OK;
}

static tn_status
copy_sections(loader *l)
{
    uint8_t *base = l->os->map(l->os->self, (size_t)l->bytes);

    if (!base)
        return tn_fail_memory(l->diag, (size_t)l->bytes, "machine code");
    *l->image = (tn_cpu_image){
        .os = l->os, .base = base, .bytes = (size_t)l->bytes, .code_bytes = (size_t)l->code_bytes};
    for (uint32_t i = 0; i < l->head.e_shnum; i++) {
        Elf64_Shdr s = section(l, i);

        if (l->place[i])
            memcpy(base + l->place[i] - 1, l->object.at + s.sh_offset, (size_t)s.sh_size);
    }
    return TN_OK;
}

static bool
import(const char *name, uint64_t *out)
{
    for (size_t i = 0; i < sizeof imports / sizeof *imports; i++) {
        if (strcmp(name, imports[i].name) == 0) {
            *out = (uint64_t)(uintptr_t)imports[i].address;
            return true;
        }
    }
    return false;
}

static tn_status
find_address(loader *l, uint64_t index)
{
    Elf64_Sym s = symbol(l, index);
    const char *name = name_of(l, &s);
    address *a = &l->symbols[index];

    if (!name)
        return refuse(l, "name of symbol %" PRIu64, index);
    if (s.st_shndx == SHN_UNDEF) {
        a->known = import(name, &a->at);
        if (!a->known && index > 0)
            return refuse(l, "unknown name '%s'", name);
    } else if (s.st_shndx < l->head.e_shnum) {
        if (s.st_value > section(l, s.st_shndx).sh_size)
            return refuse(l, "symbol '%s' out of range", name);
        if (l->place[s.st_shndx]) {
            a->at = (uint64_t)(uintptr_t)l->image->base + l->place[s.st_shndx] - 1 + s.st_value;
            a->known = true;
        }
    } else if (s.st_shndx == SHN_COMMON) {
        return refuse(l, "symbol '%s' is not constant", name);
    }
    return TN_OK;
}

static tn_status
find_addresses(loader *l)
{
    for (uint64_t i = 0; i < l->symbol_count; i++)
        TN_TRY(find_address(l, i));
    return TN_OK;
}

static tn_status
relocate(loader *l, uint32_t target, const Elf64_Rela *r)
{
    Elf64_Shdr s = section(l, target);
    uint64_t index = ELF64_R_SYM(r->r_info);
    uint8_t *base = l->image->base;
    const char *wrong = "to an unknown symbol";

    if (ELF64_R_TYPE(r->r_info) == 0)
        return TN_OK;
    if (r->r_offset >= s.sh_size)
        return refuse(l, "relocation out of range");
    if (index < l->symbol_count && l->symbols[index].known) {
        tn_cpu_fixup f = {
            .place = base + l->place[target] - 1 + r->r_offset,
            .room = s.sh_size - r->r_offset,
            .type = (uint32_t)ELF64_R_TYPE(r->r_info),
            .symbol = l->symbols[index].at,
            .addend = r->r_addend,
            .stub = base + l->stubs + index * TN_CPU_STUB_BYTES,
            .slot = base + l->slots + index * sizeof(uint64_t),
        };

        wrong = tn_cpu_relocate(l->machine, &f);
    }
    return wrong ? refuse(l, "relocation %u %s", (unsigned)ELF64_R_TYPE(r->r_info), wrong) : TN_OK;
}

static tn_status
relocate_section(loader *l, const Elf64_Shdr *s)
{
    if (s->sh_info >= l->head.e_shnum || !l->place[s->sh_info])
        return TN_OK;
    if (s->sh_type == SHT_REL || s->sh_entsize != sizeof(Elf64_Rela))
        return refuse(l, "relocations without addends");
    for (uint64_t i = 0; i < s->sh_size / sizeof(Elf64_Rela); i++) {
        Elf64_Rela r;

        memcpy(&r, l->object.at + s->sh_offset + i * sizeof r, sizeof r);
        TN_TRY(relocate(l, s->sh_info, &r));
    }
    return TN_OK;
}

static tn_status
relocate_all(loader *l)
{
    for (uint32_t i = 0; i < l->head.e_shnum; i++) {
        Elf64_Shdr s = section(l, i);

        if (s.sh_type == SHT_RELA || s.sh_type == SHT_REL)
            TN_TRY(relocate_section(l, &s));
    }
    return TN_OK;
}

/* Takes the two symbols of the call convention, wherever they lie within the
 * right part of the image. */
static void
take_symbol(loader *l, uint64_t index)
{
    Elf64_Sym s = symbol(l, index);
    uint64_t base = (uint64_t)(uintptr_t)l->image->base;
    const char *name = name_of(l, &s);
    uint64_t offset;

    if (ELF64_ST_BIND(s.st_info) == STB_LOCAL || s.st_shndx == SHN_UNDEF || !name ||
        !l->symbols[index].known)
        return;
    offset = l->symbols[index].at - base;
    if (strcmp(name, TN_CPU_SYMBOL) == 0 && offset < l->stubs)
        l->image->entry = (tn_cpu_fn)(uintptr_t)(base + offset);
    if (strcmp(name, TN_CPU_INFO_SYMBOL) == 0 && offset >= l->code_bytes && offset % 8 == 0 &&
        within(offset, sizeof(tn_cpu_info), l->slots))
        l->image->info = (const tn_cpu_info *)(const void *)(l->image->base + offset);
}

static tn_status
take_symbols(loader *l)
{
    for (uint64_t i = 1; i < l->symbol_count; i++)
        take_symbol(l, i);
    return l->image->entry ? TN_OK : refuse(l, "no function '%s'", TN_CPU_SYMBOL);
}

static tn_status
protect(loader *l)
{
    tn_cpu_image *image = l->image;
    size_t rest = image->bytes - image->code_bytes;

    if (!l->os->protect(l->os->self, image->base, image->code_bytes, TN_CPU_EXECUTE) ||
        (rest && !l->os->protect(l->os->self, image->base + image->code_bytes, rest, TN_CPU_READ)))
        return tn_fail(l->diag, TN_DEVICE, "machine code: the system keeps it from running");
    return TN_OK;
}

static tn_status
load(loader *l)
{
    TN_TRY(check_sections(l));
    TN_TRY(lay_out(l));
    TN_TRY(copy_sections(l));
    TN_TRY(find_addresses(l));
    TN_TRY(relocate_all(l));
    TN_TRY(take_symbols(l));
    return protect(l);
}

/* The working arrays live as long as the call. */
static tn_status
load_with_memory(loader *l)
{
    size_t place_bytes = (size_t)l->head.e_shnum * sizeof *l->place;
    size_t symbol_bytes = l->object.bytes / sizeof(Elf64_Sym) * sizeof *l->symbols;
    tn_status status = TN_NO_MEMORY;

    l->place = tn_alloc_zero(l->alloc, place_bytes);
    l->symbols = tn_alloc_zero(l->alloc, symbol_bytes);
    if (l->place && l->symbols)
        status = load(l);
    else
        tn_fail_memory(l->diag, place_bytes + symbol_bytes, "loading machine code");
    tn_alloc_free(l->alloc, l->place, place_bytes);
    tn_alloc_free(l->alloc, l->symbols, symbol_bytes);
    return status;
}

tn_status
tn_cpu_load(const tn_cpu_os *os, const tn_alloc *alloc, tn_diag *diag, tn_cpu_machine machine,
    tn_span object, tn_cpu_image *out)
{
    loader l = {
        .os = os, .alloc = alloc, .diag = diag, .machine = machine, .object = object, .image = out};
    tn_status status;

    *out = (tn_cpu_image){0};
    status = read_head(&l);
    if (status == TN_OK)
        status = load_with_memory(&l);
    if (status != TN_OK)
        tn_cpu_unload(out);
    return status;
}

void
tn_cpu_unload(tn_cpu_image *image)
{
    if (image->base)
        image->os->unmap(image->os->self, image->base, image->bytes);
    *image = (tn_cpu_image){0};
}

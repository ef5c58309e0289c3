/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/elf_object.h"

#include <elf.h>
#include <string.h>

enum { TEXT = 1, RELA, RODATA, SYMTAB, STRTAB, SECTIONS };
enum { CONST_AT = 32 };

typedef struct writer {
    uint8_t *out;
    size_t next;
    Elf64_Shdr sections[SECTIONS];
} writer;

static void
put(writer *w, const void *from, size_t bytes)
{
    if (bytes)
        memcpy(w->out + w->next, from, bytes);
    w->next += bytes;
}

static void
open_section(writer *w, int number, Elf64_Shdr s)
{
    w->next = (w->next + 63) & ~(size_t)63;
    s.sh_offset = w->next;
    w->sections[number] = s;
}

static void
close_section(writer *w, int number)
{
    w->sections[number].sh_size = w->next - w->sections[number].sh_offset;
}

static void
put_code(writer *w, const tn_elf_object *o)
{
    open_section(w, TEXT,
        (Elf64_Shdr){
            .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR, .sh_addralign = 16});
    put(w, o->code, o->code_bytes);
    close_section(w, TEXT);
    open_section(w, RELA,
        (Elf64_Shdr){.sh_type = SHT_RELA,
            .sh_link = SYMTAB,
            .sh_info = TEXT,
            .sh_entsize = sizeof(Elf64_Rela)});
    for (size_t i = 0; i < o->reloc_count; i++) {
        const tn_elf_reloc *r = &o->relocs[i];
        Elf64_Rela e = {r->offset, ELF64_R_INFO((uint64_t)r->symbol, r->type), r->addend};

        put(w, &e, sizeof e);
    }
    close_section(w, RELA);
}

static void
put_constants(writer *w, const tn_elf_object *o)
{
    static const uint8_t zeros[CONST_AT - sizeof(tn_cpu_info)];

    open_section(w, RODATA,
        (Elf64_Shdr){.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_addralign = 64});
    put(w, &o->info, sizeof o->info);
    put(w, zeros, sizeof zeros);
    put(w, o->constants, o->constant_bytes);
    close_section(w, RODATA);
}

static void
put_symbols(writer *w, const tn_elf_object *o)
{
    const char names[] = "\0" TN_CPU_SYMBOL "\0" TN_CPU_INFO_SYMBOL;
    const uint32_t info = sizeof TN_CPU_SYMBOL + 1;
    const Elf64_Sym symbols[] = {
        {0},
        {.st_shndx = TEXT, .st_info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION)},
        {.st_shndx = RODATA, .st_info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION)},
        {.st_name = 1, .st_shndx = TEXT, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC)},
        {.st_name = info, .st_shndx = RODATA, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT)},
        {.st_name = sizeof names, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE)},
    };

    open_section(w, SYMTAB,
        (Elf64_Shdr){.sh_type = SHT_SYMTAB,
            .sh_link = STRTAB,
            .sh_info = TN_OBJECT_KERNEL,
            .sh_entsize = sizeof(Elf64_Sym)});
    put(w, symbols, (o->import ? 6 : 5) * sizeof *symbols);
    close_section(w, SYMTAB);
    open_section(w, STRTAB, (Elf64_Shdr){.sh_type = SHT_STRTAB});
    put(w, names, sizeof names);
    if (o->import)
        put(w, o->import, strlen(o->import) + 1);
    close_section(w, STRTAB);
}

size_t
tn_elf_object_write(const tn_elf_object *object, uint8_t out[TN_ELF_OBJECT_ROOM])
{
    writer w = {.out = out, .next = sizeof(Elf64_Ehdr)};
    Elf64_Ehdr head = {.e_type = ET_REL,
        .e_machine = object->machine,
        .e_version = EV_CURRENT,
        .e_ehsize = sizeof head,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = SECTIONS};

    memset(out, 0, TN_ELF_OBJECT_ROOM);
    put_code(&w, object);
    put_constants(&w, object);
    put_symbols(&w, object);
    memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_ident[EI_DATA] = ELFDATA2LSB;
    head.e_ident[EI_VERSION] = EV_CURRENT;
    w.next = (w.next + 63) & ~(size_t)63;
    head.e_shoff = w.next;
    put(&w, w.sections, sizeof w.sections);
    memcpy(out, &head, sizeof head);
    return w.next;
}

/* clang-format off */
static const uint8_t add_code[] = {
    0x48, 0x8b, 0x07, 0x48, 0x8b, 0x08, 0x48, 0x8b, 0x47, 0x08, 0x48, 0x8b, 0x38, 0x48, 0x39,
    0xd6, 0x73, 0x18, 0x48, 0x89, 0xf0, 0x48, 0x0f, 0xaf, 0xc7, 0x48, 0x83, 0xc0, 0x01, 0x48,
    0x01, 0x04, 0xf1, 0x48, 0x83, 0xc6, 0x01, 0x48, 0x39, 0xf2, 0x75, 0xe8, 0xc3,
};
static const uint8_t spin_code[] = {
    0x48, 0x8b, 0x07, 0x48, 0x8b, 0x08, 0x48, 0x39, 0xd6, 0x73, 0x22, 0x48, 0x8b, 0x47, 0x08,
    0x48, 0x8b, 0x00, 0x48, 0x85, 0xc0, 0x7e, 0x08, 0xf3, 0x90, 0x48, 0x83, 0xe8, 0x01, 0x75,
    0xf8, 0x48, 0x83, 0x04, 0xf1, 0x01, 0x48, 0x83, 0xc6, 0x01, 0x48, 0x39, 0xf2, 0x75, 0xde,
    0xc3,
};
static const uint8_t scratch_code[] = {
    0x48, 0x8b, 0x07, 0x4c, 0x8b, 0x00, 0x48, 0x8b, 0x47, 0x10, 0x48, 0x39, 0xd6, 0x73, 0x21,
    0x48, 0x89, 0x30, 0x48, 0x8b, 0x08, 0x48, 0x89, 0x88, 0x40, 0x1f, 0x00, 0x00, 0x48, 0x8b,
    0x88, 0x40, 0x1f, 0x00, 0x00, 0x49, 0x89, 0x0c, 0xf0, 0x48, 0x83, 0xc6, 0x01, 0x48, 0x39,
    0xf2, 0x75, 0xdf, 0xc3,
};
static const uint8_t fill_code[] = {
    0x41, 0x54, 0x55, 0x53, 0x48, 0x89, 0xf3, 0x49, 0x89, 0xd4, 0x48, 0x8b, 0x07, 0x48, 0x8b,
    0x28, 0x48, 0x8b, 0x47, 0x08, 0x48, 0x8b, 0x00, 0x8d, 0x14, 0xc5, 0, 0, 0, 0, 0xbe, 0, 0,
    0, 0, 0x48, 0x89, 0xef, 0xe8, 0, 0, 0, 0, 0x4c, 0x39, 0xe3, 0x73, 0x27, 0x48, 0x8d, 0x15,
    0, 0, 0, 0, 0x48, 0x89, 0xd8, 0x83, 0xe0, 0x03, 0xf2, 0x0f, 0x10, 0x44, 0xdd, 0x00, 0xf2,
    0x0f, 0x58, 0x04, 0xc2, 0xf2, 0x0f, 0x11, 0x44, 0xdd, 0x00, 0x48, 0x83, 0xc3, 0x01, 0x49,
    0x39, 0xdc, 0x75, 0xe0, 0x5b, 0x5d, 0x41, 0x5c, 0xc3,
};
/* clang-format on */

static const double fill_table[] = {1.5, 2.5, 3.5, 4.5};

/* The call of memset and the address of the table. */
static const tn_elf_reloc fill_relocs[] = {
    {0x80 - 0x59, R_X86_64_PLT32, TN_OBJECT_IMPORT, -4},
    {0x8c - 0x59, R_X86_64_PC32, TN_OBJECT_CONST, CONST_AT - 4},
};

size_t
tn_elf_kernel_write(tn_elf_kernel kernel, uint8_t out[TN_ELF_OBJECT_ROOM])
{
    static const struct {
        const uint8_t *at;
        size_t bytes;
    } code[] = {
        [TN_KERNEL_ADD] = {add_code, sizeof add_code},
        [TN_KERNEL_SPIN] = {spin_code, sizeof spin_code},
        [TN_KERNEL_SCRATCH] = {scratch_code, sizeof scratch_code},
        [TN_KERNEL_FILL] = {fill_code, sizeof fill_code},
    };
    tn_elf_object object = {.machine = EM_X86_64,
        .code = code[kernel].at,
        .code_bytes = code[kernel].bytes,
        .info = {TN_CPU_INFO_VERSION, .arch = 1, .level = 2, .buffers = 1, .sizes = 1}};

    if (kernel == TN_KERNEL_FILL) {
        object.import = "memset";
        object.constants = fill_table;
        object.constant_bytes = sizeof fill_table;
        object.relocs = fill_relocs;
        object.reloc_count = sizeof fill_relocs / sizeof *fill_relocs;
    }
#if defined(__x86_64__)
    return tn_elf_object_write(&object, out);
#else
    (void)object, (void)out;
    return 0;
#endif
}

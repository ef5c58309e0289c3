/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

tn_status
tn_tool_operand(tn_tool *tool, const char **out)
{
    if (tool->options->operands.count != 1)
        return tn_fail(tool->diag, TN_USAGE, "expected one file, found %u; see --help",
            tool->options->operands.count);
    *out = tool->options->operands.at[0];
    return TN_OK;
}

void
tn_tool_note(const tn_tool *tool, const char *format, ...)
{
    va_list args;

    if (tn_flag(tool->options, TN_OPT_quiet))
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

tn_status
tn_tool_print(const tn_tool *tool, const tn_text *text)
{
    if (text->length && fwrite(text->at, 1, text->length, stdout) != text->length)
        return tn_fail(tool->diag, TN_IO, "standard output: %s", strerror(errno));
    return TN_OK;
}

tn_status
tn_tool_write(const tn_tool *tool, const char *path, const void *at, size_t bytes)
{
    return tn_file_write(&tool->env, path, (tn_span){at, bytes});
}

uint64_t
tn_tool_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

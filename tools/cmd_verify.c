/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/load.h"
tn_status
tn_cmd_verify(tn_tool *tool)
{
    return tn_fail(tool->diag, TN_UNSUPPORTED, "verify");
}

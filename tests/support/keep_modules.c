/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>

/* In builds with a sanitizer nothing that was opened is closed again. Drivers
 * keep memory in globals of their own that they do not free when they are
 * unloaded (lavapipe: 128 bytes each time); while they stay it is reachable and
 * no leak, and stacks within them have names. What tenon itself forgets is
 * found as before. Weak, because a program may be linked with it twice. */
__attribute__((visibility("default"), weak)) int
dlclose(void *handle)
{
    (void)handle;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TN_IR_BASE_VEC_H
#define TN_IR_BASE_VEC_H

#include "ir/base/arena.h"

/* A growable array in an arena: zero-initialised it is empty.
 *
 *     TN_VEC(int) v = {0};
 *     tn_push(arena, &v, 3);
 *     v.at[0], v.count
 *
 * Growing moves the elements; pointers into `at` die at the next push. */
#define TN_VEC(type)    \
    struct {            \
        type *at;       \
        uint32_t count; \
        uint32_t room;  \
    }

#define tn_push(arena, vec, value)                                               \
    ((vec)->count == (vec)->room                                                 \
            ? (void)((vec)->at = tn_arena_grow((arena), (vec)->at, (vec)->count, \
                         tn_vec_room((vec)->room), sizeof *(vec)->at),           \
                  (vec)->room = tn_vec_room((vec)->room))                        \
            : (void)0,                                                           \
        (void)((vec)->at[(vec)->count++] = (value)))

static inline uint32_t
tn_vec_room(uint32_t room)
{
    return room ? room * 2 : 8;
}

#endif

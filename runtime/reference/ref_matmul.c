/* SPDX-License-Identifier: Apache-2.0
 * The inner product of the oracle: blocked, in double. */
#include <math.h>

#include "runtime/reference/ref.h"

enum { ROWS = 4, COLUMNS = 8, DEPTH = 256, WIDTH = 512 };

static int64_t
smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A tile of ROWS by COLUMNS over `depth` terms. */
static void
tile(double *c, const double *a, const double *b, int64_t n, int64_t k, int64_t depth)
{
    double sum[ROWS][COLUMNS] = {{0}};

    for (int64_t p = 0; p < depth; p++) {
        for (int i = 0; i < ROWS; i++) {
            double x = a[i * k + p];

            for (int j = 0; j < COLUMNS; j++)
                sum[i][j] += x * b[p * n + j];
        }
    }
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++)
            c[i * n + j] += sum[i][j];
    }
}

static void
edge(double *c, const double *a, const double *b, int64_t n, int64_t k, int64_t depth, int64_t rows,
    int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t p = 0; p < depth; p++) {
            double x = a[i * k + p];

            for (int64_t j = 0; j < columns; j++)
                c[i * n + j] += x * b[p * n + j];
        }
    }
}

static void
panel(double *c, const double *a, const double *b, int64_t m, int64_t n, int64_t k, int64_t depth,
    int64_t width)
{
    for (int64_t i = 0; i < m; i += ROWS) {
        int64_t rows = smaller(ROWS, m - i);

        for (int64_t j = 0; j < width; j += COLUMNS) {
            int64_t columns = smaller(COLUMNS, width - j);

            if (rows == ROWS && columns == COLUMNS)
                tile(c + i * n + j, a + i * k, b + j, n, k, depth);
            else
                edge(c + i * n + j, a + i * k, b + j, n, k, depth, rows, columns);
        }
    }
}

void
tn_ref_matmul(double *c, const double *a, const double *b, int64_t m, int64_t n, int64_t k)
{
    for (int64_t p = 0; p < k; p += DEPTH) {
        for (int64_t j = 0; j < n; j += WIDTH)
            panel(c + j, a + p, b + p * n + j, m, n, k, smaller(DEPTH, k - p),
                smaller(WIDTH, n - j));
    }
}

void
tn_ref_q8(double *a, int64_t count)
{
    for (int64_t from = 0; from < count; from += 32) {
        int64_t size = smaller(32, count - from);
        double *x = a + from;
        double most = 0, d, inverse;
        bool finite = true;

        for (int64_t i = 0; i < size; i++) {
            x[i] = tn_round_to(TN_F32, x[i]);
            finite = finite && isfinite(x[i]);
            most = fabs(x[i]) > most ? fabs(x[i]) : most;
        }
        d = tn_round_to(TN_F32, most / 127);
        if (d < 0x1p-126)
            d = 0;
        inverse = d > 0 ? tn_round_to(TN_F32, 1 / d) : 0;
        for (int64_t i = 0; i < size; i++) {
            double q = nearbyint(tn_round_to(TN_F32, x[i] * inverse));

            x[i] = finite ? d * q : NAN;
        }
    }
}

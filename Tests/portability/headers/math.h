/* What the kernels use of <math.h>, for targets whose own headers are not here: see Tests/portability/run. */
double sqrt(double x);

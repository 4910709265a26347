/* What the kernels use of <stdlib.h>, for targets whose own headers are not here: see Tests/portability/run. */
#include <stddef.h>
char *getenv(const char *name);

/* What the kernels use of <string.h>, for targets whose own headers are not here: see Tests/portability/run. */
#include <stddef.h>
void *memcpy(void *destination, const void *source, size_t size);
void *memset(void *destination, int value, size_t size);
int strcmp(const char *left, const char *right);

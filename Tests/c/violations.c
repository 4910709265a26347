#define _GNU_SOURCE
#include "violations.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const violation_names[VIOLATIONS] = {"allocates", "frees", "locks", "opens a file", "makes a system call"};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *volatile block;

__attribute__((constructor)) static void prepare(void) { block = malloc(100); }

void violate(int which) {
  switch (which) {
  case 0:
    block = malloc(1000000);
    break;
  case 1:
    free(block);
    block = NULL;
    break;
  case 2:
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    break;
  case 3:
    open("/dev/null", O_RDONLY);
    break;
  case 4:
    syscall(SYS_getppid);
    break;
  }
}

#define _POSIX_C_SOURCE 200809L

#include "FileReading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static ck_file_result result_of(int error) {
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    return CK_FILE_MISSING;
  case EACCES:
  case EPERM:
    return CK_FILE_DENIED;
  case EISDIR:
    return CK_FILE_DIRECTORY;
  case ENXIO:
  case ENODEV:
    return CK_FILE_NOT_REGULAR;
  case EFBIG:
  case EOVERFLOW:
    return CK_FILE_TOO_LARGE;
  case ENOMEM:
    return CK_FILE_NO_MEMORY;
  case ENAMETOOLONG:
  case ELOOP:
    return CK_FILE_BAD_NAME;
  case EMFILE:
  case ENFILE:
    return CK_FILE_TOO_MANY_OPEN;
  default:
    return CK_FILE_FAILED;
  }
}

/* Reads until `size` bytes are there or the file ends. Returns the count, or -1 with errno set. */
static ssize_t read_fully(int file, unsigned char *bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    size_t wanted = size - done;
    if (wanted > (size_t)1 << 30) wanted = (size_t)1 << 30;
    ssize_t count = read(file, bytes + done, wanted);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += (size_t)count;
  }
  return (ssize_t)done;
}

static ck_file_result read_open_file(int file, size_t limit, void **bytes, size_t *size, int32_t *system_error) {
  struct stat facts;
  if (fstat(file, &facts) != 0) {
    *system_error = errno;
    return result_of(errno);
  }
  if (S_ISDIR(facts.st_mode)) return CK_FILE_DIRECTORY;
  if (!S_ISREG(facts.st_mode)) return CK_FILE_NOT_REGULAR;
  if (facts.st_size < 0) return CK_FILE_FAILED;
  if ((uintmax_t)facts.st_size > limit) {
    *size = (uintmax_t)facts.st_size > SIZE_MAX ? SIZE_MAX : (size_t)facts.st_size;
    return CK_FILE_TOO_LARGE;
  }

  /* One byte more than the file should hold, to see whether it grew. */
  size_t expected = (size_t)facts.st_size;
  unsigned char *memory = malloc(expected + 1);
  if (memory == NULL) return CK_FILE_NO_MEMORY;
  ssize_t count = read_fully(file, memory, expected + 1);
  if (count < 0) {
    *system_error = errno;
    free(memory);
    return result_of(*system_error);
  }
  if ((size_t)count != expected) {
    free(memory);
    return CK_FILE_CHANGED;
  }
  *bytes = memory;
  *size = expected;
  return CK_FILE_OK;
}

ck_file_result ck_file_read(const char *path, size_t limit, void **bytes, size_t *size, int32_t *system_error) {
  *bytes = NULL;
  *size = 0;
  *system_error = 0;
  if (path[0] == '\0') return CK_FILE_BAD_NAME;
  if (limit > SIZE_MAX / 2) limit = SIZE_MAX / 2;

  /* O_NONBLOCK: opening a pipe that nobody writes to must not wait. It means nothing for a regular file. */
  int file;
  do {
    file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (file < 0 && errno == EINTR);
  if (file < 0) {
    *system_error = errno;
    return result_of(errno);
  }
  ck_file_result result = read_open_file(file, limit, bytes, size, system_error);
  close(file);
  return result;
}

void ck_file_release(void *bytes) { free(bytes); }

/* Reading a whole file into memory: the few system calls that the engine needs, and that Embedded Swift cannot make. */
#ifndef CADENZA_FILE_READING_H
#define CADENZA_FILE_READING_H

#include <stddef.h>
#include <stdint.h>

typedef int32_t ck_file_result;
enum {
  CK_FILE_OK = 0,
  CK_FILE_MISSING, /* no such file, or a part of the path is no directory */
  CK_FILE_DENIED,
  CK_FILE_DIRECTORY,
  CK_FILE_NOT_REGULAR, /* a device, a pipe, a socket */
  CK_FILE_TOO_LARGE,
  CK_FILE_NO_MEMORY,
  CK_FILE_BAD_NAME, /* empty, too long, or a loop of links */
  CK_FILE_TOO_MANY_OPEN,
  CK_FILE_CHANGED, /* it shrank or grew while it was read */
  CK_FILE_FAILED   /* anything else the system reports */
};

/* Reads the regular file at `path`, of at most `limit` bytes, into memory that the caller gives back to ck_file_release.
   On failure *bytes is NULL and *size is 0, except after CK_FILE_TOO_LARGE: *size is then the file's size.
   *system_error is the system's error number, or 0. */
ck_file_result ck_file_read(const char *path, size_t limit, void **bytes, size_t *size, int32_t *system_error);

void ck_file_release(void *bytes);

#endif

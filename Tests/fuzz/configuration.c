/*
 * libFuzzer target: every model that a configuration can describe. The input is a configuration's text.
 *
 * A file that holds only the configuration is refused with the name and shape of a tensor that it lacks. This target gives it
 * that tensor and asks again, until the model loads and plays, or is refused for another reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exercise.h"

#define HEADER_ROOM ((size_t)1 << 16)
#define DATA_ROOM ((size_t)1 << 18)
#define MOST_TENSORS 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct writer {
  char header[HEADER_ROOM];
  size_t header_size;
  uint8_t data[DATA_ROOM];
  size_t data_size;
} writer;

static writer model_file;
static uint8_t assembled[8 + HEADER_ROOM + DATA_ROOM];

/* Any bytes as a JSON string; those that are no UTF-8 are for the loader to refuse. */
static int write_configuration(writer *w, const uint8_t *text, size_t size) {
  w->data_size = 0;
  w->header_size = (size_t)snprintf(
      w->header, HEADER_ROOM, "{\"__metadata__\":{\"format\":\"cadenza\",\"cadenza.version\":\"1\",\"cadenza.config\":\"");
  for (size_t i = 0; i < size; i++) {
    if (w->header_size + 16 > HEADER_ROOM) return 0;
    char *const end = w->header + w->header_size;
    if (text[i] < 0x20 || text[i] == '"' || text[i] == '\\') {
      w->header_size += (size_t)snprintf(end, 8, "\\u%04x", text[i]);
    } else {
      *end = (char)text[i];
      w->header_size++;
    }
  }
  memcpy(w->header + w->header_size, "\"}", 2);
  w->header_size += 2;
  return 1;
}

/* Reads the loader's sentence: tensor "NAME" is missing, expected with shape [A, B]. */
static int missing_tensor(const char *sentence, char name[80], char shape[160], size_t *count) {
  static const char before[] = "tensor \"", between[] = "\" is missing, expected with shape [";
  const char *const end = strstr(sentence, between);
  if (strncmp(sentence, before, sizeof before - 1) != 0 || end == NULL) return 0;
  const size_t length = (size_t)(end - sentence) - (sizeof before - 1);
  REQUIRE(length < 80);
  memcpy(name, sentence + sizeof before - 1, length);
  name[length] = '\0';
  if (strstr(name, "...") != NULL) return 0; /* shortened for the sentence */

  const char *position = end + sizeof between - 1;
  const char *const close = strchr(position, ']');
  REQUIRE(close != NULL && (size_t)(close - position) < 160);
  memcpy(shape, position, (size_t)(close - position));
  shape[close - position] = '\0';
  *count = 1;
  while (position < close) {
    char *next;
    const unsigned long long dimension = strtoull(position, &next, 10);
    REQUIRE(dimension > 0);
    if (dimension > DATA_ROOM / *count) return 0;
    *count *= (size_t)dimension;
    position = next + (*next == ',');
  }
  return 1;
}

/* Element types in turn, values that depend on nothing but the tensor's place. */
static int add_tensor(writer *w, const char *name, const char *shape, size_t count, int number) {
  static const char *const types[3] = {"F32", "F16", "BF16"};
  const size_t width = number % 3 == 0 ? 4 : 2;
  if (w->data_size + width * count > DATA_ROOM || w->header_size + 512 > HEADER_ROOM) return 0;
  for (size_t i = 0; i < count; i++) {
    /* 0.25 ... 1 and its negative, in the upper bytes of each type. */
    const uint8_t sign = (i * 7 + (size_t)number) % 3 == 0 ? 0x80 : 0;
    uint8_t *const value = w->data + w->data_size + width * i;
    memset(value, 0, width);
    value[width - 1] = (uint8_t)((number % 3 == 1 ? 0x34 + i % 3 : 0x3E + i % 2) | sign);
  }
  w->header_size +=
      (size_t)snprintf(w->header + w->header_size, 512, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                       name, types[number % 3], shape, w->data_size, w->data_size + width * count);
  w->data_size += width * count;
  return 1;
}

static size_t assemble(const writer *w) {
  const size_t header = w->header_size + 1;
  for (int i = 0; i < 8; i++) assembled[i] = (uint8_t)((uint64_t)header >> (8 * i));
  memcpy(assembled + 8, w->header, w->header_size);
  assembled[8 + w->header_size] = '}';
  memcpy(assembled + 8 + header, w->data, w->data_size);
  return 8 + header + w->data_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!write_configuration(&model_file, data, size)) return 0;
  for (int number = 0; number < MOST_TENSORS; number++) {
    const size_t file_size = assemble(&model_file);
    /* Exactly as large as it is, for the address sanitizer. */
    uint8_t *const file = malloc(file_size);
    REQUIRE(file != NULL);
    memcpy(file, assembled, file_size);
    cadenza_error error;
    cadenza_model *const model = load_checked(file, file_size, &error);
    free(file);
    if (model != NULL) {
      exercise(model);
      cadenza_model_release(model);
      return 0;
    }
    char name[80], shape[160];
    size_t count;
    if (!missing_tensor(error.message, name, shape, &count)) return 0;
    if (!add_tensor(&model_file, name, shape, count, number)) return 0;
  }
  return 0;
}

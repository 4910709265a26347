/*
 * libFuzzer target: a model file from a stranger. The input is the file.
 *
 * The mutator keeps the header's length true, so that changes of the header are not lost behind "the file is cut short", and now
 * and then spoils it after all.
 */
#include <stdlib.h>
#include <string.h>

#include "exercise.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t header_size(const uint8_t *data, size_t size) {
  uint64_t length = 0;
  if (size < 8) return 0;
  for (int i = 0; i < 8; i++) length |= (uint64_t)data[i] << (8 * i);
  return length <= size - 8 ? (size_t)length : 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  const size_t header = header_size(data, size);
  const unsigned choice = seed % 16;
  if (header == 0 || choice == 0 || max_size < size) return LLVMFuzzerMutate(data, size, max_size);

  uint8_t *const tensors = data + 8 + header;
  const size_t tensor_bytes = size - 8 - header;
  if (choice == 1 && tensor_bytes > 0) {
    return 8 + header + LLVMFuzzerMutate(tensors, tensor_bytes, max_size - 8 - header);
  }
  uint8_t *const text = malloc(max_size);
  if (text == NULL) return size;
  memcpy(text, data + 8, header);
  const size_t changed = LLVMFuzzerMutate(text, header, max_size - 8 - tensor_bytes);
  memmove(data + 8 + changed, tensors, tensor_bytes);
  memcpy(data + 8, text, changed);
  for (int i = 0; i < 8; i++) data[i] = (uint8_t)((uint64_t)changed >> (8 * i));
  free(text);
  return 8 + changed + tensor_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cadenza_error error;
  cadenza_model *const model = load_checked(data, size, &error);
  if (model == NULL) return 0;
  exercise(model);
  cadenza_model_release(model);
  return 0;
}

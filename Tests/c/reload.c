/*
 * A host that loads the library, plays, and unloads it, again and again in one process: a hundred times, with streams that render
 * ahead among them, and no memory, no thread and no file is left behind.
 *
 *   reload LIBRARY
 */
#define _GNU_SOURCE
#include "check.h"
#include "tiny_models.h"

#include <cadenza.h>

#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <string.h>
#include <time.h>

#define ROUNDS 100

static const char *library;
static unsigned char *model_bytes;
static size_t model_size;

/* Entries of a folder of this process. */
static int entries(const char *folder) {
  DIR *directory = opendir(folder);
  int count = 0;
  while (directory && readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* Whether any of the library's pages is mapped, and how many mappings there are. */
static int is_mapped(int *mappings) {
  char line[4096];
  int found = 0;
  *mappings = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) {
    found |= strstr(line, "libcadenza.so") != NULL;
    ++*mappings;
  }
  fclose(maps);
  return found;
}

#define FUNCTION(name) __typeof__(&name) function_##name = (__typeof__(&name))dlsym(handle, #name)

static void load_play_and_unload(int round, int forgets) {
  int mappings;
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) note("%s", dlerror());
  CHECK(handle != NULL);
  CHECK(is_mapped(&mappings));
  FUNCTION(cadenza_model_load_memory);
  FUNCTION(cadenza_model_release);
  FUNCTION(cadenza_stream_options_init_64);
  FUNCTION(cadenza_stream_create);
  FUNCTION(cadenza_stream_destroy);
  FUNCTION(cadenza_generate_block);
  FUNCTION(cadenza_stream_reset);
  FUNCTION(cadenza_stream_set_render_mode);
  CHECK(function_cadenza_model_load_memory && function_cadenza_model_release && function_cadenza_stream_options_init_64 &&
        function_cadenza_stream_create && function_cadenza_stream_destroy && function_cadenza_generate_block &&
        function_cadenza_stream_reset && function_cadenza_stream_set_render_mode);
  cadenza_model *model = NULL;
  cadenza_error error;
  CHECK(function_cadenza_model_load_memory(model_bytes, model_size, &model, &error) == CADENZA_OK);
  for (uint32_t ahead = 0; ahead <= 512; ahead += 512) {
    cadenza_stream_options options;
    function_cadenza_stream_options_init_64(&options, model);
    options.render_ahead_frames = ahead;
    options.sample_rate = 48000;
    cadenza_stream *stream = NULL;
    CHECK(function_cadenza_stream_create(model, &options, &stream, &error) == CADENZA_OK);
    if (round % 2) CHECK(function_cadenza_stream_set_render_mode(stream, CADENZA_RENDER_OFFLINE) == CADENZA_OK);
    float block[700];
    cadenza_status status = function_cadenza_generate_block(stream, block, 700);
    CHECK(status == CADENZA_OK || (ahead > 0 && round % 2 == 0 && status == CADENZA_UNDERRUN));
    CHECK(function_cadenza_stream_reset(stream, 1) == CADENZA_OK);
    if (!forgets) function_cadenza_stream_destroy(stream);
  }
  if (!forgets) function_cadenza_model_release(model);
  if (forgets) return;
  CHECK(dlclose(handle) == 0);
  CHECK(!is_mapped(&mappings));
}

static void a_hundred_times_without_a_trace(void) {
  /* What the dynamic linker and the C library keep, whatever library comes and goes, has its size after some rounds. */
  for (int round = 0; round < ROUNDS; round++) load_play_and_unload(round, 0);
  int mappings, now;
  CHECK(!is_mapped(&mappings));
  const size_t before = mallinfo2().uordblks;
  const int threads = entries("/proc/self/task"), files = entries("/proc/self/fd");
  for (int round = 0; round < ROUNDS; round++) {
    note("round %d", round);
    load_play_and_unload(round, 0);
    CHECK_EQUAL(entries("/proc/self/task"), threads);
  }
  CHECK_EQUAL(entries("/proc/self/fd"), files);
  CHECK(!is_mapped(&now));
  note("%zu bytes in use before, %zu after; %d mappings before, %d after", before, mallinfo2().uordblks, mappings, now);
  CHECK(mallinfo2().uordblks < before + 10 * ROUNDS); /* one block a round would be more */
  CHECK(now <= mappings + 4);
}

static void control_what_is_forgotten_is_seen(void) {
  const size_t before = mallinfo2().uordblks;
  const int threads = entries("/proc/self/task");
  int mappings;
  load_play_and_unload(0, 1);
  CHECK(mallinfo2().uordblks > before + 10000);
  CHECK_EQUAL(entries("/proc/self/task"), threads + 1);
  CHECK(is_mapped(&mappings));
}

int main(int argument_count, char **arguments) {
  if (argument_count != 2) return EXIT_FAILURE;
  library = arguments[1];
  model_bytes = tiny_model(TINY_LSTM, &model_size);
  printf("     reload tests\n");
  RUN(a_hundred_times_without_a_trace);
  RUN(control_what_is_forgotten_is_seen);
  free(model_bytes);
  return finish();
}

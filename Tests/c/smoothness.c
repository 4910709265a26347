/*
 * What changes while a stream plays does not click: gains, resets, drops, blocks that were not ready, other notes and instruments.
 *
 *   smoothness MODEL…   models with the conditions "pitch" and "instrument"
 *
 * A click is a jump: it stands out in the second difference of the samples, which for the sounds of these models is small. So the
 * largest one around a change is compared with the largest one elsewhere; a control without smoothing shows what a click is.
 */
#include "host.h"

#include <math.h>

#define RATE 16000
#define FRAMES (2 * RATE)
#define SEEDS 3

static cadenza_model *model;

static double second_difference(const float *samples, size_t begin, size_t end) {
  double largest = 0;
  for (size_t i = begin < 2 ? 2 : begin; i < end; i++) {
    const double difference = fabs((double)samples[i] - 2.0 * samples[i - 1] + samples[i - 2]);
    if (difference > largest) largest = difference;
  }
  return largest;
}

static uint32_t condition_named(const char *name) {
  for (uint32_t index = 0; index < model_info(model).condition_count; index++) {
    if (strcmp(condition_info(model, index).name, name) == 0) return index;
  }
  CHECK(!"the model has the condition");
  return 0;
}

static void set(cadenza_stream *stream, const char *name, float value) {
  CHECK_EQUAL(cadenza_stream_set_condition(stream, condition_named(name), &value, 1), CADENZA_OK);
}

static cadenza_stream *player(uint64_t seed, float smoothing, uint32_t voices) {
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.seed = seed;
  options.temperature = 0.4f; /* as the models' cards advise: less of the noise that would hide a click */
  options.smoothing_seconds = smoothing;
  options.voices = voices;
  cadenza_stream *stream = create_checked(model, &options);
  return stream;
}

typedef enum change { NOTHING, PITCH, INSTRUMENT, NOTE, GAIN, RESET, LOAD } change;
static const char *const change_names[] = {"nothing", "pitch", "instrument", "host's notes", "gain", "reset", "loaded state"};

/* Plays a note of `seed`'s choice and makes a change in the middle. Returns how much larger the second difference is in the
   20 ms after it than elsewhere: before, and after where the sound goes on. */
static double click(change what, uint64_t seed, float smoothing) {
  static float sound[FRAMES];
  cadenza_stream *stream = player(seed, smoothing, what == NOTE ? 1 : 0);
  if (what == NOTE) {
    CHECK_EQUAL(cadenza_stream_note_on(stream, 0, 0, (uint32_t)(40 + seed * 7 % 30), 1), CADENZA_OK);
  } else {
    set(stream, "pitch", (float)(40 + seed * 7 % 30));
  }
  set(stream, "instrument", (float)(seed % 4));
  const size_t moment = FRAMES / 2 + seed * 37 % 100; /* not always at the same place of the wave */
  void *state = NULL;
  size_t size = 0;
  if (what == LOAD) {
    /* Of another moment: the state of what comes later. */
    CHECK_EQUAL(cadenza_generate_block(stream, sound, RATE), CADENZA_OK);
    CHECK_EQUAL(cadenza_stream_save_state(stream, NULL, &size), CADENZA_OK);
    state = malloc(size);
    CHECK_EQUAL(cadenza_stream_save_state(stream, state, &size), CADENZA_OK);
  }
  CHECK_EQUAL(cadenza_generate_block(stream, sound, moment), CADENZA_OK);
  switch (what) {
  case NOTHING:
    break;
  case PITCH:
    set(stream, "pitch", (float)(40 + (seed * 7 + 5) % 30));
    break;
  case INSTRUMENT:
    set(stream, "instrument", (float)((seed + 1) % 4));
    break;
  case NOTE: /* another of its kind, which takes the voice over */
    CHECK_EQUAL(cadenza_stream_note_on(stream, 0, 1, (uint32_t)(41 + seed * 7 % 30), 1), CADENZA_OK);
    break;
  case GAIN:
    CHECK_EQUAL(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_GAIN, 0), CADENZA_OK);
    break;
  case RESET:
    CHECK_EQUAL(cadenza_stream_reset(stream, seed), CADENZA_OK);
    break;
  case LOAD:
    CHECK_EQUAL(cadenza_stream_load_state(stream, state, size), CADENZA_OK);
    free(state);
    break;
  }
  CHECK_EQUAL(cadenza_generate_block(stream, sound + moment, FRAMES - moment), CADENZA_OK);
  cadenza_stream_destroy(stream);
  const double around = second_difference(sound, moment, moment + RATE / 50);
  /* The attack of the first note included: a note that begins there has one, too. */
  double elsewhere = second_difference(sound, 0, moment);
  if (what != GAIN && what != RESET) {
    const double after = second_difference(sound, moment + RATE / 50, FRAMES);
    if (after > elsewhere) elsewhere = after;
  }
  return elsewhere > 1e-6 ? around / elsewhere : 0;
}

static void changes_do_not_click(void) {
  for (change what = NOTHING; what <= LOAD; what++) {
    double worst = 0, sum = 0, stepped = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
      const double smooth = click(what, seed, 0.005f);
      if (smooth > worst) worst = smooth;
      sum += smooth;
      if (what >= GAIN) {
        const double step = click(what, seed, 0);
        if (step > stepped) stepped = step;
      }
    }
    printf("     %-13s second difference around it / elsewhere: largest %.2f, mean %.2f", change_names[what], worst,
           sum / SEEDS);
    if (what >= GAIN) printf("; without smoothing %.2f", stepped);
    printf("\n");
    fflush(stdout);
    note("%s: %.2f", change_names[what], worst);
    CHECK(worst < 2);
    if (what == GAIN) CHECK(stepped > 1.5 * worst); /* the control: a step stands out */
  }
}

static void run_on(const char *path) {
  model = load_file(path);
  changes_do_not_click();
  cadenza_model_release(model);
}

static char **files;
static int file;
static void shipped_models_do_not_click(void) { run_on(files[file]); }

int main(int argument_count, char **arguments) {
  files = arguments;
  for (file = 1; file < argument_count; file++) {
    const char *name = strrchr(arguments[file], '/');
    char title[256];
    snprintf(title, sizeof title, "changes do not click in %s", name ? name + 1 : arguments[file]);
    RUN_NAMED(shipped_models_do_not_click, title);
  }
  return finish();
}

/*
 * Both plugins in a minimal host: notes on their frames, keys and pedal, models that come and go through the worker, state, freezing,
 * hosts that lack features or change their mind.
 *
 *   host INSTRUMENT.lv2 GENERATOR.lv2 OTHER.safetensors COMPOSER.safetensors SCRATCH-FOLDER
 */
#define _GNU_SOURCE
#include "plugin_host.h"
#include "tiny_models.h"

#include <cadenza.h>

#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *instrument, *generator, *other, *composer, *scratch;
static char bundled[4096];

typedef struct midi {
  uint32_t frame;
  unsigned status, first, second;
} midi;

/* The length of block number `block`. */
typedef uint32_t (*blocks)(uint32_t block);
static uint32_t of_64(uint32_t block) { return (void)block, 64; }
static uint32_t of_1024(uint32_t block) { return (void)block, 1024; }
static uint32_t mixed(uint32_t block) { return (block * 2654435761u >> 20) % 700; }

static host hosts[2];

/* A host with the instrument, running, at full gain. */
static host *start(int which, double rate) {
  host *h = &hosts[which];
  host_end(h);
  memset(h, 0, sizeof *h);
  h->rate = rate;
  CHECK(host_instantiate(h, instrument, true));
  host_begin_events(h);
  h->descriptor->activate(h->instance);
  return h;
}

static void play(host *h, const midi *events, uint32_t count, float *output, uint32_t frames, blocks length) {
  uint32_t next = 0;
  for (uint32_t done = 0, block = 0; done < frames; block++) {
    uint32_t size = length(block);
    if (size > frames - done) size = frames - done;
    for (; next < count && events[next].frame < done + size; next++) {
      host_midi(h, events[next].frame - done, events[next].status, events[next].first, events[next].second);
    }
    host_run(h, output + done, size);
    done += size;
  }
}

static double level(const float *samples, uint32_t count) {
  double sum = 0;
  for (uint32_t i = 0; i < count; i++) sum += (double)samples[i] * samples[i];
  return sqrt(sum / count);
}

static float largest(const float *samples, uint32_t count) {
  float most = 0;
  for (uint32_t i = 0; i < count; i++) most = fabsf(samples[i]) > most ? fabsf(samples[i]) : most;
  return most;
}

static float largest_step(const float *samples, uint32_t count) {
  float most = 0;
  for (uint32_t i = 1; i < count; i++)
    most = fabsf(samples[i] - samples[i - 1]) > most ? fabsf(samples[i] - samples[i - 1]) : most;
  return most;
}

static bool same(const float *left, const float *right, uint32_t count) {
  return memcmp(left, right, count * sizeof(float)) == 0;
}

#define SECOND 48000
static float sound[4 * SECOND], expected[4 * SECOND];

static const midi melody[] = {
    {1, 0x90, 60, 100},     {501, 0x90, 64, 80},    {502, 0x91, 64, 127},  {7000, 0x80, 60, 0},  {7001, 0x90, 67, 90},
    {12345, 0x90, 64, 0},   {12346, 0x90, 72, 60},  {20000, 0x81, 64, 0},  {20000, 0x80, 67, 0}, {20000, 0x80, 72, 0},
    {20001, 0x90, 60, 127}, {20002, 0x90, 60, 127}, {30000, 0x80, 60, 64},
};
#define MELODY (uint32_t)(sizeof melody / sizeof *melody)

/* The same notes from the library itself, each moved by `late` frames. */
static void library_plays(float *output, uint32_t frames, double rate, uint32_t late) {
  cadenza_model *model;
  cadenza_stream *stream;
  cadenza_error error;
  CHECK(cadenza_model_load(bundled, &model, &error) == CADENZA_OK);
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.sample_rate = (uint32_t)rate;
  options.voices = 8;
  options.temperature = 0.8f;
  CHECK(cadenza_stream_create(model, &options, &stream, &error) == CADENZA_OK);
  const float electric_piano = 3;
  CHECK(cadenza_stream_set_condition(stream, 0, &electric_piano, 1) == CADENZA_OK);
  for (uint32_t i = 0; i < MELODY; i++) {
    const uint32_t frame = melody[i].frame + late, channel = melody[i].status & 15;
    const bool is_on = (melody[i].status & 0xF0) == 0x90 && melody[i].second > 0;
    CHECK((is_on ? cadenza_stream_note_on(stream, frame, channel, melody[i].first, (float)melody[i].second / 127)
                 : cadenza_stream_note_off(stream, frame, channel, melody[i].first)) == CADENZA_OK);
  }
  CHECK(cadenza_generate_block(stream, output, frames) == CADENZA_OK);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

static void notes_are_the_librarys_on_their_frames(void) {
  for (int i = 0; i < 3; i++) {
    const double rate = (const double[]){16000, 44100, 96000}[i];
    const uint32_t frames = 34000;
    note("%.0f Hz", rate);
    library_plays(expected, frames, rate, 0);
    CHECK(level(expected, frames) > 0.01);
    play(start(0, rate), melody, MELODY, sound, frames, i == 1 ? mixed : of_64);
    CHECK(same(sound, expected, frames));
    /* Control: one frame later is something else. */
    library_plays(expected, frames, rate, 1);
    CHECK(!same(sound, expected, frames));
  }
  printf("     notes: 0 frames late at 16,000, 44,100 and 96,000 Hz: the library's own bits\n");
}

static void blocks_change_nothing(void) {
  play(start(0, 48000), melody, MELODY, expected, SECOND, of_64);
  play(start(0, 48000), melody, MELODY, sound, SECOND, mixed);
  CHECK(same(sound, expected, SECOND));
  play(start(0, 48000), melody, MELODY, sound, SECOND, of_1024);
  CHECK(same(sound, expected, SECOND));
  host *h = start(0, 48000);
  h->values[SEED] = 1;
  play(h, melody, MELODY, sound, SECOND, of_64);
  CHECK(!same(sound, expected, SECOND));
}

static void no_frames_tell_the_latency(void) {
  for (int i = 0; i < 4; i++) {
    const double rate = (const double[]){16000, 44100, 48000, 96000}[i];
    host *h = start(0, rate);
    h->values[LATENCY] = -1;
    host_run(h, NULL, 0);
    /* 40 samples of the model's 16,000 Hz, in whole frames. */
    CHECK_EQUAL(h->values[LATENCY], rate == 16000 ? 0 : (int)ceil(40 * rate / 16000));
  }
}

static void the_pedal_holds(void) {
  const uint32_t end = 2 * SECOND;
  /* An electric piano's note, with a pedal and without. */
  const midi with[] = {{0, 0x90, 64, 110}, {100, 0xB0, 64, 127}, {9000, 0x80, 64, 0}, {60000, 0xB0, 64, 0}};
  const midi without[] = {{0, 0x90, 64, 110}, {9000, 0x80, 64, 0}};
  play(start(0, 48000), without, 2, sound, end, of_64);
  CHECK(level(sound + 20000, 20000) < 1e-6);
  play(start(0, 48000), with, 4, sound, end, of_64);
  CHECK(level(sound + 20000, 39000) > 0.01);
  CHECK(level(sound + 66000, 20000) < 1e-6); /* and lets go */
}

static void all_notes_off_lets_go_and_all_sound_off_silences(void) {
  midi events[] = {{0, 0x90, 60, 110}, {0, 0x91, 67, 110}, {24000, 0xB0, 123, 0}, {24000, 0xB1, 123, 0}};
  play(start(0, 48000), events, 4, sound, SECOND, of_64);
  CHECK(level(sound + 24000, 2000) > 0.005); /* 80 ms of release */
  CHECK(largest(sound + 24000 + 6000, 18000) < 1e-6f);
  events[2].first = events[3].first = 120;
  play(start(0, 48000), events, 4, sound, SECOND, of_64);
  CHECK(level(sound + 22000, 2000) > 0.01);
  CHECK(largest(sound + 24000 + 242, 20000) == 0); /* within the 5 ms that it fades */
  CHECK(largest_step(sound + 23900, 500) <= 1.5f * largest_step(sound, 23900));
}

static void transposes(void) {
  const midi low = {0, 0x90, 60, 100}, high = {0, 0x90, 65, 100};
  play(start(0, 48000), &high, 1, expected, SECOND / 2, of_64);
  host *h = start(0, 48000);
  h->values[TRANSPOSE] = 5;
  play(h, &low, 1, sound, SECOND / 2, of_64);
  CHECK(same(sound, expected, SECOND / 2));
}

static void held_keys_survive_other_voices(void) {
  host *h = start(0, 48000);
  const midi chord[] = {{0, 0x90, 57, 100}, {0, 0x90, 64, 100}};
  play(h, chord, 2, sound, SECOND / 2, of_64);
  h->values[VOICES] = 3;
  play(h, NULL, 0, sound + SECOND / 2, 640, of_64);
  CHECK_EQUAL(host_work(h), 1);
  play(h, NULL, 0, sound + SECOND / 2 + 640, SECOND - 640, of_64);
  CHECK(level(sound + SECOND, SECOND / 2) > 0.01);
  CHECK(largest_step(sound + SECOND / 2, SECOND) <= 1.5f * largest_step(sound, SECOND / 2)); /* no click */
  CHECK_EQUAL(host_work(h), 1);                                                              /* the old voices are freed */
  play(h, NULL, 0, sound, 640, of_64);
  CHECK_EQUAL(h->requests.count, 0);
}

/* The model on its own is frozen and goes on where it stood: after 5 ms of fading in, the bits are those that would have come. */
static void freezing_keeps_the_place(void) {
  const uint32_t fade = 241, at = 12800, pause = 6400;
  host *h = start(0, 48000);
  h->values[PLAY] = 1;
  play(h, NULL, 0, expected, SECOND, of_64);
  h = start(0, 48000);
  h->values[PLAY] = 1;
  play(h, NULL, 0, sound, at, of_64);
  h->values[FREEZE] = 1;
  play(h, NULL, 0, sound + at, pause, of_64);
  h->values[FREEZE] = 0;
  play(h, NULL, 0, sound + at + pause, SECOND - at - pause, of_64);
  CHECK(level(sound, at) > 0.01 && same(sound, expected, at));
  CHECK(largest(sound + at + fade, pause - fade) == 0);
  const uint32_t heard = at + pause + fade, place = at + 2 * fade; /* it ran on while it faded */
  CHECK(level(sound + heard, 10000) > 0.01);
  CHECK(same(sound + heard, expected + place, SECOND - heard));
  CHECK(largest_step(sound, SECOND) <= 1.5f * largest_step(expected, SECOND));
}

static void a_key_that_is_lifted_while_frozen_is_silent_after(void) {
  host *h = start(0, 48000);
  const midi on = {0, 0x90, 64, 100}, off = {10, 0x80, 64, 0}, later = {20, 0x90, 69, 100};
  play(h, &on, 1, sound, 24000, of_64);
  h->values[FREEZE] = 1;
  const midi both[] = {off, later};
  play(h, both, 2, sound, 6400, of_64);
  CHECK(largest(sound + 300, 6000) == 0);
  h->values[FREEZE] = 0;
  play(h, NULL, 0, sound, 24000, of_64);
  CHECK(level(sound + 12000, 12000) > 0.005); /* the key that was pressed meanwhile sounds now */
  const midi end = {0, 0x80, 69, 0};
  play(h, &end, 1, sound, 24000, of_64);
  CHECK(largest(sound + 8000, 16000) < 1e-6f); /* and nothing else */
}

static void a_seed_is_a_sound(void) {
  const midi key = {0, 0x90, 64, 100}, up = {0, 0x80, 64, 0};
  host *h = start(0, 48000);
  play(h, &key, 1, expected, 12800, of_64);
  play(h, &up, 1, sound, 12800, of_64);
  h->values[SEED] = 7;
  play(h, NULL, 0, sound, 640, of_64);
  play(h, &key, 1, sound, 12800, of_64);
  CHECK(!same(sound, expected, 12800));
  play(h, &up, 1, sound, 12800, of_64);
  h->values[SEED] = 0;
  play(h, NULL, 0, sound, 640, of_64);
  play(h, &key, 1, sound, 12800, of_64);
  CHECK(same(sound, expected, 12800));
}

static void an_interval_begins_anew(void) {
  host *h = start(0, 48000);
  h->values[PLAY] = 1;
  h->values[INSTRUMENT] = 2; /* a guitar, which dies away */
  h->values[PITCH] = 62;
  h->values[SEED] = 2;
  play(h, NULL, 0, expected, 4 * SECOND, of_1024);
  h = start(0, 48000);
  h->values[PLAY] = 1;
  h->values[INSTRUMENT] = 2;
  h->values[PITCH] = 62;
  h->values[SEED] = 2;
  h->values[INTERVAL] = 1;
  play(h, NULL, 0, sound, 4 * SECOND, of_1024);
  CHECK(same(sound, expected, SECOND - 300));
  for (int take = 1; take < 4; take++) {
    note("take %d: %g, left alone %g", take, level(sound + take * SECOND, SECOND / 2),
         level(expected + take * SECOND, SECOND / 2));
    CHECK(level(sound + take * SECOND, SECOND / 2) > 0.01);
  }
  CHECK(level(expected + 3 * SECOND, SECOND / 2) < 0.005);
}

/* ---- Models ------------------------------------------------------------------------------------------------------------------------ */

static const midi test_key = {0, 0x90, 64, 110}, test_end = {0, 0x80, 64, 0};

/* Half a second of a key with what plays now. */
static double plays(host *h, float *output) {
  play(h, &test_key, 1, output, SECOND / 2, of_64);
  const double heard = level(output, SECOND / 2);
  play(h, &test_end, 1, sound + 3 * SECOND, SECOND / 2, of_64);
  return heard;
}

/* Asks for a model, lets the worker load it and hands it over. */
static void ask_for(host *h, const char *path) {
  host_patch(h, 3, path);
  float block[640];
  host_run(h, block, 64);
  host_work(h);
  play(h, NULL, 0, block, 640, of_64);
  host_work(h); /* frees the old one */
}

static void a_model_comes_through_the_worker(void) {
  char told[4096];
  float block[640];
  host *h = start(0, 48000);
  host_run(h, block, 64);
  host_told_model(h, told, sizeof told);
  CHECK(strcmp(told, bundled) == 0);
  plays(h, expected);

  host_patch(h, 5, other);
  host_run(h, block, 64);
  CHECK(h->requests.count == 1); /* run() does not load */
  host_told_model(h, told, sizeof told);
  CHECK(told[0] == '\0');
  host_work(h);
  host_run(h, block, 64);
  host_told_model(h, told, sizeof told);
  CHECK(strcmp(told, other) == 0);
  play(h, NULL, 0, block, 640, of_64);
  CHECK_EQUAL(host_work(h), 1); /* frees */
  CHECK(plays(h, sound) > 0.01);
  CHECK(!same(sound, expected, SECOND / 2));
  CHECK(strstr(h->log, "ERROR") == NULL && h->log[0] == '\0');

  host_patch(h, 10, NULL);
  host_run(h, block, 64);
  host_told_model(h, told, sizeof told);
  CHECK(strcmp(told, other) == 0);

  ask_for(h, ""); /* the bundle's own again */
  CHECK(plays(h, sound) > 0.01);
  host_patch(h, 10, NULL);
  host_run(h, block, 64);
  host_told_model(h, told, sizeof told);
  CHECK(strcmp(told, bundled) == 0);
}

static void the_state_remembers_the_model(void) {
  host *h = start(0, 48000);
  CHECK(host_state(h, true) == LV2_STATE_SUCCESS && h->state_value[0] == '\0'); /* the bundle's own needs no memory */
  ask_for(h, other);
  plays(h, expected);
  CHECK(host_state(h, true) == LV2_STATE_SUCCESS);
  CHECK(strncmp(h->state_value, "abstract:", 9) == 0 && strcmp(h->state_value + 9, other) == 0);
  CHECK(h->state_type == host_known(h, LV2_ATOM__Path));
  char saved[4096];
  strcpy(saved, h->state_value);
  const uint32_t type = h->state_type;

  /* Into another one, before it runs. */
  host *second = &hosts[1];
  host_end(second);
  memset(second, 0, sizeof *second);
  second->rate = 48000;
  CHECK(host_instantiate(second, instrument, true));
  host_begin_events(second);
  strcpy(second->state_value, saved);
  second->state_type = host_map(second, LV2_ATOM__Path);
  CHECK(host_state(second, false) == LV2_STATE_SUCCESS);
  second->descriptor->activate(second->instance);
  plays(second, sound);
  CHECK(level(sound, SECOND / 2) > 0.01);
  float *fresh = malloc(SECOND / 2 * sizeof(float));
  memcpy(fresh, sound, SECOND / 2 * sizeof(float));

  /* While it runs: threadSafeRestore, through the worker. An empty state is the bundle's own model. */
  h->restore_worker = &h->schedule;
  h->state_value[0] = '\0';
  CHECK(host_state(h, false) == LV2_STATE_SUCCESS);
  CHECK_EQUAL(h->requests.count, 1);
  CHECK(host_state(h, true) == LV2_STATE_SUCCESS && h->state_value[0] == '\0');
  host_work(h);
  play(h, NULL, 0, sound, 640, of_64);
  host_work(h);
  CHECK(host_state(h, false) == LV2_STATE_SUCCESS);
  CHECK_EQUAL(h->requests.count, 0); /* it plays already */
  strcpy(h->state_value, saved);
  h->state_type = type;
  CHECK(host_state(h, false) == LV2_STATE_SUCCESS);
  host_work(h);
  play(h, NULL, 0, sound, 640, of_64);
  host_work(h);
  h->descriptor->deactivate(h->instance);
  h->descriptor->activate(h->instance);
  plays(h, sound);
  CHECK(same(sound, fresh, SECOND / 2));
  free(fresh);
  CHECK_EQUAL(host_mapped_paths, 0);

  /* What is no path is refused, and changes nothing. */
  h->state_type = h->midi_event;
  strcpy(h->state_value, "1");
  CHECK(host_state(h, false) == LV2_STATE_ERR_BAD_TYPE);
  CHECK(host_state(h, true) == LV2_STATE_SUCCESS && strcmp(h->state_value, saved) == 0);
  host_end(second);
}

static void write_file(const char *path, const char *source, size_t most) {
  FILE *from = fopen(source, "rb"), *to = fopen(path, "wb");
  CHECK(from && to);
  char buffer[4096];
  for (size_t size; most > 0 && (size = fread(buffer, 1, most < sizeof buffer ? most : sizeof buffer, from)) > 0;
       most -= size) {
    fwrite(buffer, 1, size, to);
  }
  fclose(from);
  fclose(to);
}

static void a_bad_file_is_silence_and_a_sentence(void) {
  char cut[4096], text[4096];
  snprintf(cut, sizeof cut, "%s/cut.safetensors", scratch);
  snprintf(text, sizeof text, "%s/text.safetensors", scratch);
  write_file(cut, bundled, 200000);
  write_file(text, "include/cadenza.h", 4000);
  const struct {
    const char *path, *sentence;
  } bad[] = {{"/nonexistent.safetensors", "there is no such file"},
             {cut, "cut.safetensors"},
             {text, "text.safetensors"},
             {scratch, scratch},
             {composer, "composer"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    host *h = start(0, 48000);
    CHECK(plays(h, expected) > 0.01);
    ask_for(h, bad[i].path);
    note("%s: %s", bad[i].path, h->log);
    CHECK(strncmp(h->log, "Cadenza: ", 9) == 0 && strstr(h->log, bad[i].path) && strstr(h->log, bad[i].sentence));
    CHECK(strstr(strstr(h->log, bad[i].path) + 1, bad[i].path) == NULL);                              /* says where, once */
    CHECK(h->log[strlen(h->log) - 1] == '\n' && strchr(h->log, '\n') == h->log + strlen(h->log) - 1); /* one line */
    /* The library's own sentence. */
    cadenza_model *model;
    cadenza_error error;
    if (cadenza_model_load(bad[i].path, &model, &error) != CADENZA_OK) CHECK(strstr(h->log, error.message));
    cadenza_model_release(model);
    plays(h, sound);
    CHECK(largest(sound, SECOND / 2) == 0);
    h->values[PLAY] = 1;
    h->values[VOICES] = 2;
    play(h, NULL, 0, sound, 6400, of_64);
    CHECK(largest(sound, 6400) == 0);
    CHECK_EQUAL(h->requests.count, 0);
    /* The user's choice is remembered: the file may come back. */
    CHECK(host_state(h, true) == LV2_STATE_SUCCESS && strstr(h->state_value, bad[i].path));
    h->values[PLAY] = 0;
    h->values[VOICES] = 8;
    ask_for(h, bundled);
    CHECK(plays(h, sound) > 0.01);
  }
}

static void a_state_may_name_a_missing_file(void) {
  host *h = &hosts[0];
  host_end(h);
  memset(h, 0, sizeof *h);
  h->rate = 44100;
  CHECK(host_instantiate(h, instrument, true));
  host_begin_events(h);
  strcpy(h->state_value, "abstract:/gone/away.safetensors");
  h->state_type = host_map(h, LV2_ATOM__Path);
  CHECK(host_state(h, false) == LV2_STATE_SUCCESS);
  CHECK(strstr(h->log, "/gone/away.safetensors"));
  h->descriptor->activate(h->instance);
  plays(h, sound);
  CHECK(largest(sound, SECOND / 2) == 0);
  CHECK(host_state(h, true) == LV2_STATE_SUCCESS && strcmp(h->state_value, "abstract:/gone/away.safetensors") == 0);
}

/* The file is replaced by something else, then removed, while its model plays: which is in memory. */
static void a_file_may_be_replaced_while_it_plays(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/replaced.safetensors", scratch);
  write_file(path, bundled, SIZE_MAX);
  host *h = start(0, 48000);
  ask_for(h, path);
  play(h, &test_key, 1, sound, SECOND / 2, of_64);
  write_file(path, "include/cadenza.h", 5000);
  play(h, NULL, 0, sound, SECOND / 2, of_64);
  CHECK(level(sound, SECOND / 2) > 0.01);
  CHECK(unlink(path) == 0);
  h->values[VOICES] = 2; /* other voices do not read it again */
  play(h, NULL, 0, sound, 640, of_64);
  host_work(h);
  play(h, NULL, 0, sound, SECOND / 2, of_64);
  CHECK(level(sound, SECOND / 2) > 0.01 && h->log[0] == '\0');
  ask_for(h, path); /* and asking again does */
  play(h, NULL, 0, sound, SECOND / 2, of_64);
  CHECK(largest(sound, SECOND / 2) == 0 && strstr(h->log, path));
}

static void the_last_of_many_requests_counts(void) {
  host *h = start(0, 48000);
  ask_for(h, other);
  h->descriptor->deactivate(h->instance);
  h->descriptor->activate(h->instance);
  plays(h, expected);
  h = start(0, 48000);
  float block[640];
  h->refuses_work = true; /* the worker's queue is full for a while */
  h->values[VOICES] = 5;
  host_patch(h, 0, "/nonexistent.safetensors");
  host_run(h, block, 64);
  host_patch(h, 0, other);
  host_run(h, block, 64);
  CHECK_EQUAL(h->requests.count, 0);
  h->refuses_work = false;
  h->values[VOICES] = 8;
  for (int i = 0; i < 20; i++) {
    host_run(h, block, 64);
    host_work(h);
  }
  CHECK(h->log[0] == '\0'); /* the first was never tried */
  h->descriptor->deactivate(h->instance);
  h->descriptor->activate(h->instance);
  plays(h, sound);
  CHECK(level(sound, SECOND / 2) > 0.01 && same(sound, expected, SECOND / 2));

  /* Other voices of the old model arrive after a new model: they are of no use any more. */
  h->values[VOICES] = 2;
  host_patch(h, 0, "");
  for (int i = 0; i < 20; i++) {
    host_run(h, block, 64);
    host_work(h);
  }
  h->descriptor->deactivate(h->instance);
  h->descriptor->activate(h->instance);
  plays(h, sound);
  CHECK(!same(sound, expected, SECOND / 2) && level(sound, SECOND / 2) > 0.01);
}

static void answers_may_be_lost(void) {
  host *h = start(0, 48000);
  h->refuses_answers = true;
  h->values[VOICES] = 2;
  host_run(h, sound, 64);
  CHECK_EQUAL(host_work(h), 1);
  CHECK(strstr(h->log, "did not take"));
  h->refuses_answers = false;
  play(h, NULL, 0, sound, 128, of_64);
  CHECK_EQUAL(host_work(h), 1); /* it was asked for again */
  play(h, NULL, 0, sound, 640, of_64);
  CHECK_EQUAL(host_work(h), 1); /* and the old one is freed */
  CHECK(plays(h, sound) > 0.01);
}

static void write_tiny(tiny_kind kind, char path[4096]) {
  snprintf(path, 4096, "%s/tiny-%d.safetensors", scratch, (int)kind);
  size_t size;
  unsigned char *bytes = tiny_model(kind, &size);
  FILE *file = fopen(path, "wb");
  CHECK(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
  free(bytes);
}

/* A model without a pitch has no keys, and plays on its own; one without conditions has nothing to set. */
static void models_may_lack_conditions(void) {
  char path[4096];
  for (int i = 0; i < 2; i++) {
    write_tiny(i ? TINY_WAVEFORM : TINY_CAUSAL, path);
    host *h = start(0, 48000);
    ask_for(h, path);
    note("%s", h->log);
    CHECK(strstr(h->log, path) && strstr(h->log, "condition") && strstr(h->log, "keys do not play"));
    plays(h, sound);
    CHECK(largest(sound, SECOND / 2) == 0);
    h->values[PLAY] = 1;
    h->values[INSTRUMENT] = 4;
    play(h, NULL, 0, sound, SECOND / 2, of_64);
    CHECK(largest(sound, SECOND / 2) > 0.001f);
    CHECK_EQUAL(host_work(h), 0);
  }
}

/* A network that goes beyond all numbers is silence and one line, until it begins anew. */
static void a_network_may_fail(void) {
  char path[4096];
  write_tiny(TINY_OVERFLOW, path);
  host *h = start(0, 48000);
  ask_for(h, path);
  CHECK(h->log[0] == '\0');
  plays(h, sound);
  CHECK(largest(sound, SECOND / 2) == 0);
  host_work(h);
  CHECK(strstr(h->log, "not finite"));
  const size_t said = strlen(h->log);
  plays(h, sound);
  host_work(h);
  CHECK_EQUAL(strlen(h->log), said);
  ask_for(h, "");
  CHECK(plays(h, sound) > 0.01);
}

/* ---- Hosts ------------------------------------------------------------------------------------------------------------------------- */

static void hosts_may_lack_features(void) {
  host *h = &hosts[0];
  host_end(h);
  memset(h, 0, sizeof *h);
  h->rate = 48000;
  h->without_worker = true;
  CHECK(host_instantiate(h, instrument, true));
  host_begin_events(h);
  h->descriptor->activate(h->instance);
  h->values[VOICES] = 3;
  CHECK(plays(h, sound) > 0.01);
  host_patch(h, 0, other);
  CHECK(plays(h, sound) > 0.01);
  /* restore() is not on the audio thread. */
  h->descriptor->deactivate(h->instance);
  snprintf(h->state_value, sizeof h->state_value, "abstract:%s", other);
  h->state_type = host_map(h, LV2_ATOM__Path);
  CHECK(host_state(h, false) == LV2_STATE_SUCCESS);
  h->descriptor->activate(h->instance);
  CHECK(plays(h, expected) > 0.01 && !same(sound, expected, SECOND / 2));

  host_end(h);
  memset(h, 0, sizeof *h);
  h->rate = 48000;
  h->without_map = true;
  CHECK(!host_instantiate(h, instrument, true));
  CHECK(strstr(h->log, LV2_URID__map));
  dlclose(h->library);
  memset(h, 0, sizeof *h);

  /* No ports but the sound's. */
  h = start(0, 48000);
  for (uint32_t i = 0; i < PORTS; i++) h->descriptor->connect_port(h->instance, i, NULL);
  h->descriptor->connect_port(h->instance, 1000, NULL);
  h->descriptor->run(h->instance, 64);
  h->descriptor->connect_port(h->instance, OUT, sound);
  h->descriptor->run(h->instance, 64);
}

static void rates_that_are_none_are_silence(void) {
  for (int i = 0; i < 6; i++) {
    host *h = &hosts[0];
    host_end(h);
    memset(h, 0, sizeof *h);
    h->rate = (const double[]){0, -1, 999, 768001, 1e300, NAN}[i];
    note("%g Hz", h->rate);
    CHECK(host_instantiate(h, instrument, true));
    host_begin_events(h);
    h->descriptor->activate(h->instance);
    plays(h, sound);
    CHECK(largest(sound, SECOND / 2) == 0);
    CHECK(strstr(h->log, "sample_rate") || strstr(h->log, "rate"));
  }
}

static void rates_and_blocks_change_again_and_again(void) {
  const double rates[] = {44100, 48000, 96000, 22050, 192000, 16000, 8000};
  for (int turn = 0; turn < 28; turn++) {
    host *h = &hosts[0];
    host_end(h);
    memset(h, 0, sizeof *h);
    h->rate = rates[turn % 7];
    h->max_block = turn % 3 == 0 ? 0 : 1 << turn % 14; /* a hint only: larger blocks work */
    CHECK(host_instantiate(h, instrument, true));
    host_begin_events(h);
    for (int again = 0; again < 3; again++) {
      h->descriptor->activate(h->instance);
      play(h, &test_key, 1, sound, 6000, turn % 2 ? mixed : of_1024);
      note("%g Hz: %g", h->rate, level(sound, 6000));
      CHECK(level(sound, 6000) > 0.01);
      if (again > 0) CHECK(same(sound, expected, 6000)); /* activate begins anew */
      memcpy(expected, sound, 6000 * sizeof(float));
      h->descriptor->deactivate(h->instance);
    }
  }
}

static void two_instances_know_nothing_of_each_other(void) {
  play(start(0, 44100), melody, MELODY, expected, SECOND, of_64);
  host *first = start(0, 44100), *second = start(1, 96000);
  second->values[INSTRUMENT] = 1;
  second->values[SEED] = 3;
  uint32_t next = 0;
  static float ignored[64];
  for (uint32_t done = 0; done < SECOND; done += 64) {
    for (; next < MELODY && melody[next].frame < done + 64; next++) {
      host_midi(first, melody[next].frame - done, melody[next].status, melody[next].first, melody[next].second);
      host_midi(second, 63, melody[next].status, melody[next].first, melody[next].second);
    }
    host_run(first, sound + done, 64);
    host_run(second, ignored, 64);
    if (done == 6400) {
      host_patch(second, 0, other);
    } else if (done == 7680) {
      host_work(second);
    }
  }
  CHECK(same(sound, expected, SECOND));
  host_end(second);
}

/* Nothing stays behind, not even what a host's worker did not deliver. */
static void unloading_leaves_nothing(void) {
  size_t before = 0;
  host_end(&hosts[0]);
  host_end(&hosts[1]);
  for (int turn = 0; turn < 100; turn++) {
    host *h = start(0, 48000);
    if (turn % 10 == 0) play(h, &test_key, 1, sound, 640, of_64);
    if (turn % 10 == 5) {
      h->values[VOICES] = 4;
      host_patch(h, 0, other);
      host_run(h, sound, 64);
      host_work(h); /* and the answers are lost */
    }
    if (turn % 10 == 7) {
      ask_for(h, other);
      host_patch(h, 0, "");
      host_run(h, sound, 64);
      host_work(h);
      host_run(h, sound, 64); /* fading: one plays, one is about to */
    }
    h->descriptor->deactivate(h->instance);
    host_end(h);
    if (turn == 19) before = mallinfo2().uordblks;
  }
  note("%zu bytes, then %zu", before, (size_t)mallinfo2().uordblks);
  CHECK(mallinfo2().uordblks <= before + 4096);
}

static void odd_events_do_no_harm(void) {
  host *h = start(0, 48000);
  for (unsigned i = 0; i < 600; i++) host_midi(h, 5, i % 256, i * 7 % 256, i * 13 % 256);
  host_midi(h, 4, 0x90, 60, 100);   /* before the last one */
  host_midi(h, 5000, 0x90, 62, 99); /* beyond the block */
  LV2_Atom_Forge_Frame object;
  lv2_atom_forge_frame_time(&h->forge, 0);
  lv2_atom_forge_object(&h->forge, &object, 0, host_known(h, LV2_PATCH__Set)); /* says nothing */
  lv2_atom_forge_pop(&h->forge, &object);
  lv2_atom_forge_frame_time(&h->forge, 0);
  lv2_atom_forge_object(&h->forge, &object, 0, host_known(h, LV2_PATCH__Set)); /* a number for a path */
  lv2_atom_forge_key(&h->forge, host_known(h, LV2_PATCH__property));
  lv2_atom_forge_urid(&h->forge, host_known(h, MODEL_URI));
  lv2_atom_forge_key(&h->forge, host_known(h, LV2_PATCH__value));
  lv2_atom_forge_int(&h->forge, 12);
  lv2_atom_forge_pop(&h->forge, &object);
  play(h, NULL, 0, sound, 12800, of_1024);
  CHECK(largest(sound, 12800) > 0.01f && largest(sound, 12800) < 64);
  CHECK_EQUAL(h->requests.count, 0);
  h->values[GAIN] = NAN; /* the least of its range */
  h->values[TEMPERATURE] = -INFINITY;
  h->values[TOP_K] = 1e30f;
  h->values[TOP_P] = NAN;
  h->values[PITCH] = -5;
  h->values[TRANSPOSE] = INFINITY;
  h->values[INSTRUMENT] = 1e9f;
  h->values[SEED] = -1;
  h->values[VOICES] = 1e9f;
  h->values[PLAY] = 1;
  play(h, NULL, 0, sound, 12800, of_64);
  CHECK(largest(sound + 9600, 3200) < 1e-3f);
  host_work(h);
  h->values[GAIN] = 0;
  play(h, &test_key, 1, sound, SECOND, of_64);
  for (uint32_t i = 0; i < SECOND; i++) CHECK(isfinite(sound[i]));
}

/* ---- The generator ------------------------------------------------------------------------------------------------------------------ */

static void the_generator_plays_what_the_library_plays(void) {
  for (int i = 0; i < 3; i++) {
    const double rate = (const double[]){44100, 48000, 96000}[i];
    host *h = &hosts[0];
    host_end(h);
    memset(h, 0, sizeof *h);
    h->rate = rate;
    CHECK(host_instantiate(h, generator, false));
    h->values[G_SEED] = 5;
    h->descriptor->activate(h->instance);
    host_run_generator(h, NULL, 0);
    CHECK_EQUAL(h->values[G_LATENCY], (int)ceil(40 * rate / 16000));
    for (uint32_t done = 0, block = 0; done < SECOND; block++) {
      uint32_t size = mixed(block);
      if (size > SECOND - done) size = SECOND - done;
      host_run_generator(h, sound + done, size);
      done += size;
    }
    cadenza_model *model;
    cadenza_stream *stream;
    cadenza_error error;
    CHECK(cadenza_model_load(bundled, &model, &error) == CADENZA_OK);
    cadenza_stream_options options;
    cadenza_stream_options_init(&options, model);
    options.sample_rate = (uint32_t)rate;
    options.seed = 5;
    CHECK(cadenza_stream_create(model, &options, &stream, &error) == CADENZA_OK);
    const float piano = 3, pitch = 60;
    CHECK(cadenza_stream_set_condition(stream, 0, &piano, 1) == CADENZA_OK);
    CHECK(cadenza_stream_set_condition(stream, 1, &pitch, 1) == CADENZA_OK);
    CHECK(cadenza_generate_block(stream, expected, SECOND) == CADENZA_OK);
    const uint32_t fade = (uint32_t)(0.005 * rate) + 1;
    CHECK(level(sound, SECOND) > 0.01);
    CHECK(same(sound + fade, expected + fade, SECOND - fade)); /* behind the fade at the beginning */
    cadenza_stream_destroy(stream);
    cadenza_model_release(model);
  }
}

static void a_generator_without_its_model_is_silent(void) {
  char bundle[2048], library[4096], copy[4096];
  snprintf(bundle, sizeof bundle, "%s/empty.lv2", scratch);
  snprintf(library, sizeof library, "%s/generator.so", generator);
  snprintf(copy, sizeof copy, "%s/generator.so", bundle);
  CHECK(mkdir(bundle, 0777) == 0);
  write_file(copy, library, SIZE_MAX);
  host *h = &hosts[0];
  host_end(h);
  memset(h, 0, sizeof *h);
  h->rate = 48000;
  CHECK(host_instantiate(h, bundle, false)); /* and a line on stderr, which the script looks for */
  h->descriptor->activate(h->instance);
  host_run_generator(h, sound, SECOND);
  CHECK(largest(sound, SECOND) == 0);
}

int main(int argument_count, char **arguments) {
  if (argument_count != 6) return EXIT_FAILURE;
  instrument = arguments[1];
  generator = arguments[2];
  other = arguments[3];
  composer = arguments[4];
  scratch = arguments[5];
  snprintf(bundled, sizeof bundled, "%s/notes-wavenet.safetensors", instrument);

  RUN(notes_are_the_librarys_on_their_frames);
  RUN(blocks_change_nothing);
  RUN(no_frames_tell_the_latency);
  RUN(the_pedal_holds);
  RUN(all_notes_off_lets_go_and_all_sound_off_silences);
  RUN(transposes);
  RUN(held_keys_survive_other_voices);
  RUN(freezing_keeps_the_place);
  RUN(a_key_that_is_lifted_while_frozen_is_silent_after);
  RUN(a_seed_is_a_sound);
  RUN(an_interval_begins_anew);
  RUN(a_model_comes_through_the_worker);
  RUN(the_state_remembers_the_model);
  RUN(a_bad_file_is_silence_and_a_sentence);
  RUN(a_state_may_name_a_missing_file);
  RUN(a_file_may_be_replaced_while_it_plays);
  RUN(the_last_of_many_requests_counts);
  RUN(answers_may_be_lost);
  RUN(models_may_lack_conditions);
  RUN(a_network_may_fail);
  RUN(hosts_may_lack_features);
  RUN(rates_that_are_none_are_silence);
  RUN(rates_and_blocks_change_again_and_again);
  RUN(two_instances_know_nothing_of_each_other);
  RUN(unloading_leaves_nothing);
  RUN(odd_events_do_no_harm);
  RUN(the_generator_plays_what_the_library_plays);
  RUN(a_generator_without_its_model_is_silent);
  return finish();
}

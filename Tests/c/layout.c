/* The binary layout of the header's structures: these numbers never change. Tests/CadenzaCTests holds Swift to the same. */
#include "host.h"

#define SAME(left, right, name) typedef char name[(left) == (right) ? 1 : -1]
#define OFFSET(type, field, offset) SAME(offsetof(type, field), offset, type##_##field##_moved)
#define SIZE(type, size) SAME(sizeof(type), size, type##_grew)

SIZE(cadenza_status, 4);
SIZE(cadenza_parameter, 4);
SIZE(cadenza_condition_kind, 4);

OFFSET(cadenza_error, status, 0);
OFFSET(cadenza_error, message, 4);
SIZE(cadenza_error, 516);

OFFSET(cadenza_model_info, struct_size, 0);
OFFSET(cadenza_model_info, sample_rate, 4);
OFFSET(cadenza_model_info, name, 8);
OFFSET(cadenza_model_info, description, 16);
OFFSET(cadenza_model_info, license, 24);
OFFSET(cadenza_model_info, network, 32);
OFFSET(cadenza_model_info, codec, 40);
OFFSET(cadenza_model_info, instruction_set, 48);
OFFSET(cadenza_model_info, parameter_count, 56);
OFFSET(cadenza_model_info, weight_bytes, 64);
OFFSET(cadenza_model_info, stream_bytes, 72);
OFFSET(cadenza_model_info, vocabulary_size, 80);
OFFSET(cadenza_model_info, condition_count, 84);
OFFSET(cadenza_model_info, receptive_field, 88);
OFFSET(cadenza_model_info, training_steps, 96);
OFFSET(cadenza_model_info, validation_nats, 104);
OFFSET(cadenza_model_info, temperature, 112);
OFFSET(cadenza_model_info, top_p, 116);
OFFSET(cadenza_model_info, top_k, 120);
OFFSET(cadenza_model_info, reserved, 124); /* the first release ended here */
OFFSET(cadenza_model_info, clip_frames, 128);
OFFSET(cadenza_model_info, decoding, 136);
OFFSET(cadenza_model_info, encoder, 140);
OFFSET(cadenza_model_info, lowest_pitch, 144);
OFFSET(cadenza_model_info, highest_pitch, 148);
SIZE(cadenza_model_info, 152);

OFFSET(cadenza_condition_info, struct_size, 0);
OFFSET(cadenza_condition_info, kind, 4);
OFFSET(cadenza_condition_info, name, 8);
OFFSET(cadenza_condition_info, size, 16);
OFFSET(cadenza_condition_info, frames_per_value, 20);
OFFSET(cadenza_condition_info, labels, 24);
OFFSET(cadenza_condition_info, label_count, 32);
OFFSET(cadenza_condition_info, queue_capacity, 36);
SIZE(cadenza_condition_info, 40);

OFFSET(cadenza_stream_options, struct_size, 0);
OFFSET(cadenza_stream_options, sample_rate, 4);
OFFSET(cadenza_stream_options, max_block_frames, 8);
OFFSET(cadenza_stream_options, top_k, 12);
OFFSET(cadenza_stream_options, seed, 16);
OFFSET(cadenza_stream_options, temperature, 24);
OFFSET(cadenza_stream_options, top_p, 28);
OFFSET(cadenza_stream_options, gain, 32);
OFFSET(cadenza_stream_options, render_ahead_frames, 36);
OFFSET(cadenza_stream_options, input_sample_rate, 40); /* the first release ended here */
OFFSET(cadenza_stream_options, voices, 44);            /* here ended the one of 48 bytes */
OFFSET(cadenza_stream_options, smoothing_seconds, 48);
OFFSET(cadenza_stream_options, output_limit, 52);
OFFSET(cadenza_stream_options, dc_blocker_hertz, 56);
OFFSET(cadenza_stream_options, reserved, 60);
SIZE(cadenza_stream_options, 64);

OFFSET(cadenza_instrument_options, struct_size, 0);
OFFSET(cadenza_instrument_options, voices, 4);
OFFSET(cadenza_instrument_options, top_k, 8);
OFFSET(cadenza_instrument_options, temperature, 12);
OFFSET(cadenza_instrument_options, top_p, 16);
OFFSET(cadenza_instrument_options, gain, 20);
OFFSET(cadenza_instrument_options, attack_seconds, 24);
OFFSET(cadenza_instrument_options, release_seconds, 28);
OFFSET(cadenza_instrument_options, transpose, 32);
OFFSET(cadenza_instrument_options, reserved, 36);
SIZE(cadenza_instrument_options, 40);

SIZE(cadenza_event_kind, 4);
SIZE(cadenza_render_mode, 4);
OFFSET(cadenza_event, frame, 0);
OFFSET(cadenza_event, kind, 8);
OFFSET(cadenza_event, voice, 12);
OFFSET(cadenza_event, pitch, 16);
OFFSET(cadenza_event, velocity, 20);
OFFSET(cadenza_event, beat, 24);
SIZE(cadenza_event, 32);

/* Constants that programs were compiled with. */
SAME(CADENZA_UNDERRUN, 2, underrun_changed);
SAME(CADENZA_EVENTS_LOST, 3, events_lost_changed);
SAME(CADENZA_RENDER_REALTIME, 0, render_realtime_changed);
SAME(CADENZA_RENDER_OFFLINE, 1, render_offline_changed);
SAME(CADENZA_PARAMETER_TEMPO, 4, parameter_tempo_changed);
SAME(CADENZA_EVENT_NOTE_ON, 0, event_note_on_changed);
SAME(CADENZA_EVENT_NOTE_OFF, 1, event_note_off_changed);
SAME(CADENZA_EVENT_END, 2, event_end_changed);
SAME(CADENZA_MAX_EVENTS, 4096, max_events_changed);
SAME(CADENZA_ALL_VOICES, 0xFFFFFFFFu, all_voices_changed);

OFFSET(cadenza_stream_statistics, struct_size, 0);
OFFSET(cadenza_stream_statistics, reserved, 4);
OFFSET(cadenza_stream_statistics, frames, 8);
OFFSET(cadenza_stream_statistics, blocks, 16);
OFFSET(cadenza_stream_statistics, numeric_errors, 24);
OFFSET(cadenza_stream_statistics, underruns, 32);
OFFSET(cadenza_stream_statistics, worst_block_seconds, 40);
OFFSET(cadenza_stream_statistics, mean_block_seconds, 48);
OFFSET(cadenza_stream_statistics, total_seconds, 56); /* the first release ended here */
OFFSET(cadenza_stream_statistics, underrun_frames, 64);
OFFSET(cadenza_stream_statistics, frames_ahead, 72);
SIZE(cadenza_stream_statistics, 80);

/* Filled-in structures: fields arrive where the header says, and not a byte beyond what both sides know is touched. */
static void get_info_fills_its_structure(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  struct {
    cadenza_model_info info;
    unsigned char beyond[64];
  } box;
  for (unsigned extra = 0; extra <= 64; extra += 8) {
    memset(&box, 0xA5, sizeof box);
    box.info.struct_size = sizeof box.info + extra;
    CHECK(cadenza_model_get_info(model, &box.info) == CADENZA_OK);
    CHECK_EQUAL(box.info.struct_size, sizeof box.info + extra);
    for (unsigned i = 0; i < 64; i++) CHECK(box.beyond[i] == 0xA5);
  }
  CHECK_EQUAL(box.info.sample_rate, 16000);
  CHECK(strcmp(box.info.name, "tiny wavenet") == 0);
  CHECK(strcmp(box.info.description, "random weights") == 0);
  CHECK(strcmp(box.info.license, "MIT") == 0);
  CHECK(strcmp(box.info.network, "wavenet") == 0);
  CHECK(strcmp(box.info.codec, "mu_law") == 0);
  CHECK(strlen(box.info.instruction_set) > 0);
  CHECK(box.info.weight_bytes >= 4 * box.info.parameter_count / 2);
  CHECK(box.info.stream_bytes > 0 && box.info.stream_bytes < 1 << 20);
  CHECK_EQUAL(box.info.vocabulary_size, 256);
  CHECK_EQUAL(box.info.condition_count, 5);
  CHECK_EQUAL(box.info.receptive_field, 1 + 1 + 2 + 4 + 8 + 16);
  CHECK(box.info.training_steps == 12 && box.info.validation_nats == 2.5);
  CHECK(box.info.temperature == 0.9f && box.info.top_p == 0.99f);
  CHECK_EQUAL(box.info.top_k, 200);
  CHECK_EQUAL(box.info.reserved, 0);
  CHECK_EQUAL(box.info.clip_frames, 0);
  CHECK_EQUAL(box.info.decoding, CADENZA_DECODING_NONE);
  CHECK_EQUAL(box.info.encoder, CADENZA_ENCODER_NONE);
  /* A program of the first release knows less, and nothing behind that is touched. */
  memset(&box, 0xA5, sizeof box);
  box.info.struct_size = 128;
  CHECK(cadenza_model_get_info(model, &box.info) == CADENZA_OK);
  CHECK_EQUAL(box.info.struct_size, 128);
  CHECK_EQUAL(box.info.top_k, 200);
  for (unsigned i = 128; i < sizeof box; i++) CHECK(((unsigned char *)&box)[i] == 0xA5);
  cadenza_model_release(model);

  /* The pitches that it may be asked for. */
  model = load_tiny(TINY_FLUTE);
  CHECK_EQUAL(model_info(model).lowest_pitch, 48);
  CHECK_EQUAL(model_info(model).highest_pitch, 63);
  cadenza_model_release(model);
}

static void parameter_count_counts_the_file(void) {
  for (int kind = 0; kind < TINY_ALL; kind++) {
    size_t size;
    unsigned char *bytes = tiny_model((tiny_kind)kind, &size);
    size_t header_size = bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16;
    cadenza_model *model = load_tiny((tiny_kind)kind);
    note("%s", tiny_names[kind]);
    CHECK_EQUAL(model_info(model).parameter_count, (size - 8 - header_size) / 4);
    cadenza_model_release(model);
    free(bytes);
  }
}

static void absent_texts_are_empty(void) {
  cadenza_model *model = load_tiny(TINY_WAVEFORM);
  cadenza_model_info info = model_info(model);
  CHECK(info.name[0] == 0 && info.description[0] == 0 && info.license[0] == 0);
  CHECK(strcmp(info.network, "recurrent") == 0);
  CHECK(strcmp(info.codec, "waveform") == 0);
  CHECK_EQUAL(info.sample_rate, 48000);
  CHECK_EQUAL(info.vocabulary_size, 0);
  CHECK_EQUAL(info.receptive_field, 0);
  cadenza_model_release(model);
}

/* What a composer says of itself, and what its events hold. */
static void composers_describe_themselves(void) {
  static const struct {
    const char *network, *codec;
    uint32_t vocabulary_size, condition_count;
  } expected[TINY_COMPOSERS] = {{"recurrent", "chorale_grid", 17, 2}, {"transformer", "performance_events", 52, 2},
                                {"wavenet", "melody_steps", 10, 1},   {"recurrent", "note_tokens", 6, 0},
                                {"recurrent", "note_matrix", 0, 1},   {"wavenet", "melody_steps", 4, 0}};
  for (int number = 0; number < TINY_COMPOSERS; number++) {
    note("%s", tiny_names[TINY_FIRST_COMPOSER + number]);
    cadenza_model *model = load_tiny((tiny_kind)(TINY_FIRST_COMPOSER + number));
    cadenza_model_info info = model_info(model);
    CHECK(strcmp(info.network, expected[number].network) == 0 && strcmp(info.codec, expected[number].codec) == 0);
    CHECK_EQUAL(info.vocabulary_size, expected[number].vocabulary_size);
    CHECK_EQUAL(info.condition_count, expected[number].condition_count);
    CHECK(info.sample_rate >= 1000 && info.sample_rate <= 768000 && info.stream_bytes > 0);
    cadenza_stream *stream = create_at(model, 1, 0, 0);
    float tempo = 0;
    CHECK(cadenza_stream_get_parameter(stream, CADENZA_PARAMETER_TEMPO, &tempo) == CADENZA_OK);
    CHECK(tempo == (number == 0 ? 100 : 120));
    CHECK_EQUAL(latency_of(stream), 0);
    cadenza_stream_destroy(stream);
    cadenza_model_release(model);
  }
  cadenza_model *chorale = load_tiny(TINY_CHORALE);
  CHECK_EQUAL(condition_info(chorale, 0).queue_capacity, 1);
  CHECK_EQUAL(condition_info(chorale, 1).queue_capacity, 0); /* the codec's own */
  CHECK_EQUAL(condition_info(chorale, 1).size, 8);
  cadenza_model_release(chorale);
}

/* Field for field: the first notes of a chorale are its three voices', at one moment, with its velocity. */
static void read_events_fills_its_structure(void) {
  cadenza_model *model = load_tiny(TINY_CHORALE);
  cadenza_stream *stream = create_at(model, 1, 16000, 0);
  static float block[160000];
  static cadenza_event events[CADENZA_MAX_EVENTS];
  CHECK(cadenza_generate_block(stream, block, 160000) == CADENZA_OK);
  size_t count = 0;
  CHECK(cadenza_stream_read_events(stream, events, CADENZA_MAX_EVENTS, &count) == CADENZA_OK);
  unsigned voices = 0, offs = 0;
  for (size_t i = 0; i < count; i++) {
    static const uint32_t lowest[3] = {67, 60, 48}, highest[3] = {72, 64, 60};
    CHECK(events[i].voice < 3);
    CHECK(events[i].pitch >= lowest[events[i].voice] && events[i].pitch <= highest[events[i].voice]);
    CHECK(events[i].kind == CADENZA_EVENT_NOTE_ON || events[i].kind == CADENZA_EVENT_NOTE_OFF);
    CHECK(events[i].velocity == (events[i].kind == CADENZA_EVENT_NOTE_ON ? 90.0f / 127 : 0));
    CHECK(events[i].beat * 4 == (double)(int)(events[i].beat * 4)); /* on the grid */
    /* The first frame at or after the beat: 9,600 frames a beat. */
    CHECK_EQUAL(events[i].frame, (uint64_t)(events[i].beat * 9600));
    voices |= 1u << events[i].voice;
    offs += events[i].kind == CADENZA_EVENT_NOTE_OFF;
  }
  CHECK(voices == 7 && offs > 3 && count > 2 * offs - 4);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

/* More than are kept: the first ones are there, and the status says that others are not. */
static void events_may_be_lost(void) {
  cadenza_model *model = load_tiny(TINY_PERFORMANCE);
  cadenza_stream *stream = create_at(model, 1, 1000, 0);
  CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPO, 1000) == CADENZA_OK);
  static float block[200000];
  static cadenza_event events[CADENZA_MAX_EVENTS + 1];
  CHECK(cadenza_generate_block(stream, block, 200000) == CADENZA_OK);
  size_t count = 0;
  CHECK_EQUAL(cadenza_stream_read_events(stream, events, CADENZA_MAX_EVENTS + 1, &count), CADENZA_EVENTS_LOST);
  CHECK_EQUAL(count, CADENZA_MAX_EVENTS);
  CHECK(cadenza_generate_block(stream, block, 1) == CADENZA_OK);
  CHECK_EQUAL(cadenza_stream_read_events(stream, events, CADENZA_MAX_EVENTS + 1, &count), CADENZA_OK);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

static void get_condition_info_fills_its_structure(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  struct {
    cadenza_condition_info info;
    unsigned char beyond[64];
  } box;
  memset(&box, 0xA5, sizeof box);
  box.info.struct_size = sizeof box;
  CHECK(cadenza_model_get_condition_info(model, 0, &box.info) == CADENZA_OK);
  for (unsigned i = 0; i < 64; i++) CHECK(box.beyond[i] == 0xA5);
  CHECK(strcmp(box.info.name, "instrument") == 0);
  CHECK_EQUAL(box.info.kind, CADENZA_CONDITION_CLASS);
  CHECK_EQUAL(box.info.size, 3);
  CHECK_EQUAL(box.info.label_count, 3);
  CHECK(strcmp(box.info.labels[0], "flute") == 0 && strcmp(box.info.labels[2], "voice") == 0);
  CHECK_EQUAL(box.info.frames_per_value, 0);
  CHECK_EQUAL(box.info.queue_capacity, 1);

  cadenza_condition_info pitch = condition_info(model, 1);
  CHECK(strcmp(pitch.name, "pitch") == 0 && pitch.label_count == 0 && pitch.labels == NULL && pitch.size == 16);
  cadenza_condition_info timbre = condition_info(model, 2);
  CHECK(timbre.kind == CADENZA_CONDITION_VECTOR && timbre.size == 2 && timbre.frames_per_value == 0);
  cadenza_condition_info melody = condition_info(model, 3);
  CHECK(melody.kind == CADENZA_CONDITION_CLASS && melody.frames_per_value == 100 && melody.queue_capacity > 1);
  cadenza_condition_info curve = condition_info(model, 4);
  CHECK(curve.kind == CADENZA_CONDITION_VECTOR && curve.frames_per_value == 33 && curve.queue_capacity > 1);
  cadenza_model_release(model);
}

static void get_statistics_fills_its_structure(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  cadenza_stream *stream = create(model, 1);
  float block[100];
  CHECK(cadenza_generate_block(stream, block, 100) == CADENZA_OK);
  CHECK(cadenza_generate_block(stream, block, 0) == CADENZA_OK);
  CHECK(cadenza_generate_block(stream, block, 28) == CADENZA_OK);
  struct {
    cadenza_stream_statistics statistics;
    unsigned char beyond[64];
  } box;
  memset(&box, 0xA5, sizeof box);
  box.statistics.struct_size = sizeof box;
  CHECK(cadenza_stream_get_statistics(stream, &box.statistics) == CADENZA_OK);
  for (unsigned i = 0; i < 64; i++) CHECK(box.beyond[i] == 0xA5);
  CHECK_EQUAL(box.statistics.frames, 128);
  CHECK_EQUAL(box.statistics.blocks, 2);
  CHECK_EQUAL(box.statistics.numeric_errors, 0);
  CHECK_EQUAL(box.statistics.underruns, 0);
  CHECK_EQUAL(box.statistics.underrun_frames, 0);
  CHECK_EQUAL(box.statistics.frames_ahead, 0);
  CHECK(box.statistics.total_seconds > 0 && box.statistics.total_seconds < 10);
  CHECK(box.statistics.worst_block_seconds >= box.statistics.mean_block_seconds);
  CHECK(box.statistics.worst_block_seconds <= box.statistics.total_seconds);
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

/* A program of the first release gave 64 bytes, and gets no more; one between the releases that there were, what fits. */
static void statistics_of_the_first_release_work(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  cadenza_stream *stream = create(model, 1);
  float block[100];
  CHECK(cadenza_generate_block(stream, block, 100) == CADENZA_OK);
  for (uint32_t size = 64; size <= 80; size += 8) {
    unsigned char box[96];
    memset(box, 0xA5, sizeof box);
    memcpy(box, &size, 4);
    CHECK(cadenza_stream_get_statistics(stream, (cadenza_stream_statistics *)(void *)box) == CADENZA_OK);
    uint64_t frames;
    uint32_t kept;
    memcpy(&kept, box, 4);
    memcpy(&frames, box + offsetof(cadenza_stream_statistics, frames), 8);
    CHECK(kept == size && frames == 100);
    for (uint32_t i = 64; i < sizeof box; i++) CHECK(box[i] == (i < size ? 0 : 0xA5));
  }
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
}

static void options_init_writes_its_structure_only(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  struct {
    cadenza_stream_options options;
    unsigned char beyond[64];
  } box;
  memset(&box, 0xA5, sizeof box);
  cadenza_stream_options_init(&box.options, model);
  for (unsigned i = 0; i < 64; i++) CHECK(box.beyond[i] == 0xA5);
  CHECK_EQUAL(box.options.struct_size, sizeof box.options);
  CHECK_EQUAL(box.options.sample_rate, 0);
  CHECK_EQUAL(box.options.max_block_frames, 4096);
  CHECK_EQUAL(box.options.top_k, 200);
  CHECK_EQUAL(box.options.seed, 0);
  CHECK(box.options.temperature == 0.9f && box.options.top_p == 0.99f && box.options.gain == 1);
  CHECK_EQUAL(box.options.render_ahead_frames, 0);
  CHECK_EQUAL(box.options.input_sample_rate, 0);
  CHECK_EQUAL(box.options.voices, 0);
  CHECK(box.options.smoothing_seconds == 0.005f && box.options.output_limit == 4 && box.options.dc_blocker_hertz == 0);
  CHECK_EQUAL(box.options.reserved, 0);
  cadenza_stream_options_init(&box.options, NULL);
  CHECK(box.options.temperature == 1 && box.options.top_p == 1 && box.options.top_k == 0);
  cadenza_stream_options_init(NULL, model);
  cadenza_model_release(model);
}

static void instrument_options_init_writes_its_structure_only(void) {
  cadenza_model *model = load_tiny(TINY_WAVENET);
  struct {
    cadenza_instrument_options options;
    unsigned char beyond[64];
  } box;
  memset(&box, 0xA5, sizeof box);
  cadenza_instrument_options_init(&box.options, model);
  for (unsigned i = 0; i < 64; i++) CHECK(box.beyond[i] == 0xA5);
  CHECK_EQUAL(box.options.struct_size, sizeof box.options);
  CHECK_EQUAL(box.options.voices, 8);
  CHECK_EQUAL(box.options.top_k, 200);
  CHECK(box.options.temperature == 0.9f && box.options.top_p == 0.99f && box.options.gain == 0.5f);
  CHECK(box.options.attack_seconds == 0.003f && box.options.release_seconds == 0.08f);
  CHECK_EQUAL(box.options.transpose, 0);
  CHECK_EQUAL(box.options.reserved, 0);
  cadenza_instrument_options_init(&box.options, NULL);
  CHECK(box.options.temperature == 1 && box.options.top_p == 1 && box.options.top_k == 0);
  cadenza_instrument_options_init(NULL, model);
  cadenza_model_release(model);
}

/* A program of the first release: its structure has 40 bytes, it calls the symbol of that release, and means what it meant
   then. */
static void options_of_the_first_release_work(void) {
#undef cadenza_stream_options_init
  cadenza_model *model = load_tiny(TINY_WAVENET);
  struct {
    unsigned char options[40];
    unsigned char beyond[64];
  } box;
  memset(&box, 0xA5, sizeof box);
  cadenza_stream_options_init((cadenza_stream_options *)(void *)box.options, model);
  for (unsigned i = 0; i < 64; i++) CHECK(box.beyond[i] == 0xA5);
  uint32_t size, top_k;
  memcpy(&size, box.options, 4);
  memcpy(&top_k, box.options + offsetof(cadenza_stream_options, top_k), 4);
  CHECK_EQUAL(size, 40);
  CHECK_EQUAL(top_k, 200);
  const uint64_t seed = 3;
  memcpy(box.options + offsetof(cadenza_stream_options, seed), &seed, 8);
  cadenza_stream *stream = NULL, *twin = create(model, 3);
  CHECK(cadenza_stream_create(model, (cadenza_stream_options *)(void *)box.options, &stream, NULL) == CADENZA_OK);
  CHECK_EQUAL(latency_of(stream), 0);
  CHECK(same_sound(stream, twin, 300));
  cadenza_stream_destroy(stream);
  /* And it may ask for another rate of the output, which it knew as unsupported. */
  const uint32_t rate = 48000;
  memcpy(box.options + offsetof(cadenza_stream_options, sample_rate), &rate, 4);
  CHECK(cadenza_stream_create(model, (cadenza_stream_options *)(void *)box.options, &stream, NULL) == CADENZA_OK);
  CHECK_EQUAL(latency_of(stream), 120);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
#define cadenza_stream_options_init cadenza_stream_options_init_64
}

/* A program compiled when the structure had 48 bytes: no smoothing, as it was then, and no byte beyond. */
static void options_of_48_bytes_work(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  struct {
    unsigned char options[48];
    unsigned char beyond[64];
  } box;
  memset(&box, 0xA5, sizeof box);
  cadenza_stream_options_init_48((cadenza_stream_options *)(void *)box.options, model);
  for (unsigned i = 0; i < 64; i++) CHECK(box.beyond[i] == 0xA5);
  uint32_t size;
  memcpy(&size, box.options, 4);
  CHECK_EQUAL(size, 48);
  cadenza_stream *stream = NULL, *twin = create(model, 0);
  CHECK(cadenza_stream_create(model, (cadenza_stream_options *)(void *)box.options, &stream, NULL) == CADENZA_OK);
  CHECK(same_sound(stream, twin, 300));
  /* A gain is a step there, and a ramp here. */
  float a[100], b[100];
  CHECK(cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_GAIN, 2) == CADENZA_OK);
  CHECK(cadenza_stream_set_parameter(twin, CADENZA_PARAMETER_GAIN, 2) == CADENZA_OK);
  CHECK(cadenza_generate_block(stream, a, 100) == CADENZA_OK);
  CHECK(cadenza_generate_block(twin, b, 100) == CADENZA_OK);
  CHECK(memcmp(a, b, 40 * 4) != 0 && memcmp(a + 80, b + 80, 20 * 4) == 0);
  cadenza_stream_destroy(stream);
  cadenza_stream_destroy(twin);
  cadenza_model_release(model);
}

/* 40 samples of the lower rate, rounded up to a whole frame. */
static void latency_is_what_the_header_says(void) {
  cadenza_model *model = load_tiny(TINY_LSTM);
  static const struct {
    uint32_t rate, latency;
  } cases[] = {{0, 0},      {16000, 0}, {48000, 120}, {44100, 111}, {22050, 56},   {16001, 41},
               {15999, 40}, {8000, 40}, {1000, 40},   {96000, 240}, {768000, 1920}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    note("%u Hz", (unsigned)cases[i].rate);
    cadenza_stream *stream = create_at(model, 1, cases[i].rate, 44100);
    CHECK_EQUAL(latency_of(stream), cases[i].latency);
    float block[100];
    CHECK(cadenza_generate_block(stream, block, 100) == CADENZA_OK);
    CHECK_EQUAL(latency_of(stream), cases[i].latency);
    cadenza_stream_destroy(stream);
  }
  cadenza_model_release(model);
}

static void versions_agree(void) {
  CHECK_EQUAL(cadenza_version(), CADENZA_VERSION);
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", CADENZA_VERSION_MAJOR, CADENZA_VERSION_MINOR, CADENZA_VERSION_PATCH);
  CHECK(strcmp(cadenza_version_string(), text) == 0);
}

static void every_status_has_its_phrase(void) {
  const char *phrases[32];
  int count = 0;
  for (int status = CADENZA_ERROR_STATE; status <= CADENZA_EVENTS_LOST; status++) {
    const char *phrase = cadenza_status_string(status);
    note("status %d", status);
    CHECK(phrase != NULL && strlen(phrase) > 0);
    for (int i = 0; i < count; i++) CHECK(strcmp(phrase, phrases[i]) != 0);
    phrases[count++] = phrase;
  }
  const char *unknown = cadenza_status_string(INT32_MIN);
  CHECK(unknown != NULL && strlen(unknown) > 0 && unknown == cadenza_status_string(12345));
}

int main(void) {
  RUN(get_info_fills_its_structure);
  RUN(parameter_count_counts_the_file);
  RUN(absent_texts_are_empty);
  RUN(composers_describe_themselves);
  RUN(read_events_fills_its_structure);
  RUN(events_may_be_lost);
  RUN(get_condition_info_fills_its_structure);
  RUN(get_statistics_fills_its_structure);
  RUN(statistics_of_the_first_release_work);
  RUN(options_init_writes_its_structure_only);
  RUN(instrument_options_init_writes_its_structure_only);
  RUN(options_of_the_first_release_work);
  RUN(options_of_48_bytes_work);
  RUN(latency_is_what_the_header_says);
  RUN(versions_agree);
  RUN(every_status_has_its_phrase);
  return finish();
}

/*
 * A minimal LV2 host for the tests: opens a bundle's library, knows the ports by their index, keeps the worker's messages until the test
 * lets the worker work, and the state in memory. What runs in `host_run` is fit for an audio thread, apart from the plugin.
 */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include "check.h"

#include <lv2/atom/atom.h>
#include <lv2/atom/forge.h>
#include <lv2/atom/util.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/core/lv2.h>
#include <lv2/log/log.h>
#include <lv2/midi/midi.h>
#include <lv2/options/options.h>
#include <lv2/patch/patch.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>
#include <lv2/worker/worker.h>

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* clang checks functions so marked, in a build with -fsanitize=realtime; other compilers know nothing of it. */
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(realtime_sanitizer)
#define NONBLOCKING __attribute__((nonblocking))
#endif
#endif
#ifndef NONBLOCKING
#define NONBLOCKING
#endif

/* The ports of the instrument and of the generator, as their Turtle files have them. */
enum {
  CONTROL,
  NOTIFY,
  OUT,
  LATENCY,
  PLAY,
  FREEZE,
  PITCH,
  INTERVAL,
  INSTRUMENT,
  TRANSPOSE,
  VOICES,
  TEMPERATURE,
  TOP_K,
  TOP_P,
  GAIN,
  SEED,
  PORTS
};
enum {
  G_OUT,
  G_LATENCY,
  G_PLAY,
  G_FREEZE,
  G_PITCH,
  G_INTERVAL,
  G_INSTRUMENT,
  G_TEMPERATURE,
  G_TOP_K,
  G_TOP_P,
  G_GAIN,
  G_SEED,
  G_PORTS
};

#define MOST_URIS 64
#define MOST_MESSAGES 64
#define MESSAGE_SIZE 8192
#define EVENTS_SIZE 32768
#define NOTIFY_SIZE 8192
#define MODEL_URI "urn:cadenza:instrument:model"

typedef struct queue {
  uint32_t count;
  struct {
    uint32_t size;
    uint8_t bytes[MESSAGE_SIZE];
  } messages[MOST_MESSAGES];
} queue;

typedef struct host {
  /* What the plugin is given. */
  double rate;
  bool without_worker, without_map;
  bool refuses_work;    /* its queue is full */
  bool refuses_answers; /* likewise, from the worker */
  bool breaks_contract; /* its queue allocates: for controls */
  int32_t max_block;
  pthread_mutex_t *mutex; /* of the queues, where threads share them */

  char uris[MOST_URIS][128];
  uint32_t uri_count;
  queue requests, answers;
  char log[16384];
  char state_value[4096]; /* of the model's property; empty: none was stored */
  uint32_t state_type;
  const LV2_Worker_Schedule *restore_worker; /* restore() while the plugin runs is given this */

  void *library;
  const LV2_Descriptor *descriptor;
  LV2_Handle instance;
  const LV2_Worker_Interface *worker;
  const LV2_State_Interface *state;
  LV2_Worker_Schedule schedule; /* these live as long as the plugin */
  LV2_URID_Map map;
  LV2_Log_Log log_feature;
  LV2_Atom_Forge forge;
  LV2_Atom_Forge_Frame sequence;
  float values[PORTS];
  union {
    LV2_Atom_Sequence sequence;
    uint8_t bytes[EVENTS_SIZE];
  } events;
  union {
    LV2_Atom_Sequence sequence;
    uint8_t bytes[NOTIFY_SIZE];
  } notify;
  uint32_t midi_event;
} host;

static inline LV2_URID host_map(LV2_URID_Map_Handle handle, const char *uri) {
  host *h = handle;
  for (uint32_t i = 0; i < h->uri_count; i++) {
    if (strcmp(h->uris[i], uri) == 0) return i + 1;
  }
  CHECK(h->uri_count < MOST_URIS && strlen(uri) < sizeof h->uris[0]);
  strcpy(h->uris[h->uri_count], uri);
  return ++h->uri_count;
}

static inline int host_vprintf(LV2_Log_Handle handle, LV2_URID type, const char *format, va_list arguments) {
  host *h = handle;
  (void)type;
  const size_t used = strlen(h->log);
  return vsnprintf(h->log + used, sizeof h->log - used, format, arguments);
}

static inline int host_printf(LV2_Log_Handle handle, LV2_URID type, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int written = host_vprintf(handle, type, format, arguments);
  va_end(arguments);
  return written;
}

static inline void host_lock(host *h) {
  if (h->mutex) pthread_mutex_lock(h->mutex);
}

static inline void host_unlock(host *h) {
  if (h->mutex) pthread_mutex_unlock(h->mutex);
}

static inline LV2_Worker_Status host_put(queue *q, uint32_t size, const void *data) {
  if (q->count == MOST_MESSAGES || size > MESSAGE_SIZE) return LV2_WORKER_ERR_NO_SPACE;
  q->messages[q->count].size = size;
  memcpy(q->messages[q->count].bytes, data, size);
  q->count++;
  return LV2_WORKER_SUCCESS;
}

static void *volatile host_waste;

static inline LV2_Worker_Status host_schedule(LV2_Worker_Schedule_Handle handle, uint32_t size, const void *data) {
  host *h = handle;
  if (h->breaks_contract) {
    host_waste = malloc(size);
    free(host_waste);
  }
  if (h->refuses_work) return LV2_WORKER_ERR_NO_SPACE;
  host_lock(h);
  const LV2_Worker_Status status = host_put(&h->requests, size, data);
  host_unlock(h);
  return status;
}

static inline LV2_Worker_Status host_respond(LV2_Worker_Respond_Handle handle, uint32_t size, const void *data) {
  host *h = handle;
  host_lock(h);
  const LV2_Worker_Status status = h->refuses_answers ? LV2_WORKER_ERR_NO_SPACE : host_put(&h->answers, size, data);
  host_unlock(h);
  return status;
}

/* Lets the worker do what waits. Its answers wait for the next block. Returns how many messages there were. */
static inline uint32_t host_work(host *h) {
  static uint8_t message[MESSAGE_SIZE];
  uint32_t count = 0;
  for (;; count++) {
    host_lock(h);
    const bool is_empty = h->requests.count == 0;
    const uint32_t size = h->requests.messages[0].size;
    if (!is_empty) {
      memcpy(message, h->requests.messages[0].bytes, size);
      h->requests.count--;
      memmove(&h->requests.messages[0], &h->requests.messages[1], h->requests.count * sizeof h->requests.messages[0]);
    }
    host_unlock(h);
    if (is_empty) return count;
    h->worker->work(h->instance, host_respond, h, size, message);
  }
}

static inline void host_connect(host *h, bool is_instrument) {
  if (is_instrument) {
    h->descriptor->connect_port(h->instance, CONTROL, &h->events);
    h->descriptor->connect_port(h->instance, NOTIFY, &h->notify);
    for (uint32_t i = LATENCY; i < PORTS; i++) h->descriptor->connect_port(h->instance, i, &h->values[i]);
  } else {
    for (uint32_t i = G_LATENCY; i < G_PORTS; i++) h->descriptor->connect_port(h->instance, i, &h->values[i]);
  }
}

/* Instantiates the plugin of the bundle; false where it refuses. What h says about the host's features counts. */
static inline bool host_instantiate(host *h, const char *bundle, bool is_instrument) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", bundle, is_instrument ? "instrument.so" : "generator.so");
  h->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!h->library) note("%s", dlerror());
  CHECK(h->library != NULL);
  LV2_Descriptor_Function descriptor;
  *(void **)&descriptor = dlsym(h->library, "lv2_descriptor");
  CHECK(descriptor != NULL && descriptor(0) != NULL && descriptor(1) == NULL);
  h->descriptor = descriptor(0);

  h->map = (LV2_URID_Map){h, host_map};
  h->log_feature = (LV2_Log_Log){h, host_printf, host_vprintf};
  h->schedule = (LV2_Worker_Schedule){h, host_schedule};
  const LV2_Options_Option options[] = {
      {LV2_OPTIONS_INSTANCE, 0, host_map(h, LV2_BUF_SIZE__maxBlockLength), 4, host_map(h, LV2_ATOM__Int), &h->max_block},
      {LV2_OPTIONS_INSTANCE, 0, 0, 0, 0, NULL},
  };
  const LV2_Feature map_feature = {LV2_URID__map, &h->map}, log_feature = {LV2_LOG__log, &h->log_feature};
  const LV2_Feature worker_feature = {LV2_WORKER__schedule, &h->schedule},
                    options_feature = {LV2_OPTIONS__options, (void *)options};
  const LV2_Feature *features[8], **next = features;
  if (!h->without_map) *next++ = &map_feature;
  if (!h->without_worker) *next++ = &worker_feature;
  if (h->max_block > 0) *next++ = &options_feature;
  *next++ = &log_feature;
  *next = NULL;
  const LV2_Feature *none[] = {NULL};
  h->instance = h->descriptor->instantiate(h->descriptor, h->rate, bundle, is_instrument ? features : none);
  if (!h->instance) return false;

  if (is_instrument) {
    h->worker = h->descriptor->extension_data(LV2_WORKER__interface);
    h->state = h->descriptor->extension_data(LV2_STATE__interface);
    CHECK(h->worker && h->state && !h->descriptor->extension_data("urn:nothing"));
    lv2_atom_forge_init(&h->forge, &h->map);
    h->midi_event = host_map(h, LV2_MIDI__MidiEvent);
    host_map(h, MODEL_URI);
    const float defaults[] = {[PITCH] = 60, [INSTRUMENT] = 3, [VOICES] = 8, [TEMPERATURE] = 0.8f, [TOP_P] = 1, [SEED] = 0};
    memcpy(h->values, defaults, sizeof defaults);
  } else {
    const float defaults[] = {
        [G_PLAY] = 1, [G_PITCH] = 60, [G_INSTRUMENT] = 3, [G_TEMPERATURE] = 0.8f, [G_TOP_P] = 1, [G_SEED] = 0};
    memcpy(h->values, defaults, sizeof defaults);
  }
  host_connect(h, is_instrument);
  return true;
}

static inline void host_end(host *h) {
  if (h->instance) h->descriptor->cleanup(h->instance);
  if (h->library) dlclose(h->library);
  h->instance = NULL;
  h->library = NULL;
}

/* ---- Events of the next block, in the order of their frames ----------------------------------------------------------------------- */

static inline void host_begin_events(host *h) {
  lv2_atom_forge_set_buffer(&h->forge, h->events.bytes, sizeof h->events.bytes);
  lv2_atom_forge_sequence_head(&h->forge, &h->sequence, 0);
}

static inline void host_midi(host *h, uint32_t frame, unsigned status, unsigned first, unsigned second) {
  const uint8_t bytes[3] = {(uint8_t)status, (uint8_t)first, (uint8_t)second};
  lv2_atom_forge_frame_time(&h->forge, frame);
  lv2_atom_forge_atom(&h->forge, 3, h->midi_event);
  lv2_atom_forge_write(&h->forge, bytes, 3);
}

static inline LV2_URID host_known(host *h, const char *uri) {
  for (uint32_t i = 0; i < h->uri_count; i++) {
    if (strcmp(h->uris[i], uri) == 0) return i + 1;
  }
  return 0;
}

/* A patch message about the model: patch:Set where there is a path, else patch:Get. */
static inline void host_patch(host *h, uint32_t frame, const char *path) {
  LV2_Atom_Forge_Frame object;
  lv2_atom_forge_frame_time(&h->forge, frame);
  lv2_atom_forge_object(&h->forge, &object, 0, host_known(h, path ? LV2_PATCH__Set : LV2_PATCH__Get));
  lv2_atom_forge_key(&h->forge, host_known(h, LV2_PATCH__property));
  lv2_atom_forge_urid(&h->forge, host_known(h, MODEL_URI));
  if (path) {
    lv2_atom_forge_key(&h->forge, host_known(h, LV2_PATCH__value));
    lv2_atom_forge_path(&h->forge, path, (uint32_t)strlen(path));
  }
  lv2_atom_forge_pop(&h->forge, &object);
}

/* Which model the plugin said that it plays, in the last block; empty: it said nothing. */
static inline void host_told_model(host *h, char *path, size_t size) {
  path[0] = '\0';
  LV2_ATOM_SEQUENCE_FOREACH(&h->notify.sequence, event) {
    const LV2_Atom_Object *object = (const LV2_Atom_Object *)&event->body;
    const LV2_Atom *property = NULL, *value = NULL;
    if (object->body.otype != host_known(h, LV2_PATCH__Set)) continue;
    lv2_atom_object_get(object, host_known(h, LV2_PATCH__property), &property, host_known(h, LV2_PATCH__value), &value, 0);
    if (!property || !value || ((const LV2_Atom_URID *)property)->body != host_known(h, MODEL_URI)) continue;
    snprintf(path, size, "%s", (const char *)(value + 1));
  }
}

/* ---- Running ----------------------------------------------------------------------------------------------------------------------- */

/* One block of an instrument: the worker's answers first, then the events that were begun. */
static inline void host_run(host *h, float *output, uint32_t frames) NONBLOCKING {
  host_lock(h);
  for (uint32_t i = 0; i < h->answers.count; i++) {
    h->worker->work_response(h->instance, h->answers.messages[i].size, h->answers.messages[i].bytes);
  }
  h->answers.count = 0;
  host_unlock(h);
  lv2_atom_forge_pop(&h->forge, &h->sequence);
  h->notify.sequence.atom.size = NOTIFY_SIZE - sizeof(LV2_Atom);
  h->notify.sequence.atom.type = 0;
  h->descriptor->connect_port(h->instance, OUT, output);
  h->descriptor->run(h->instance, frames);
  host_begin_events(h);
}

static inline void host_run_generator(host *h, float *output, uint32_t frames) NONBLOCKING {
  h->descriptor->connect_port(h->instance, G_OUT, output);
  h->descriptor->run(h->instance, frames);
}

/* ---- State, in memory. Abstract paths begin with "abstract:". ------------------------------------------------------------------------ */

static inline char *host_joined(const char *left, const char *right) {
  char *text = malloc(strlen(left) + strlen(right) + 1);
  strcpy(text, left);
  return strcat(text, right);
}

static int host_mapped_paths; /* handed out and not yet given back */

static inline char *host_abstract(LV2_State_Map_Path_Handle handle, const char *path) {
  (void)handle;
  host_mapped_paths++;
  return host_joined("abstract:", path);
}

static inline char *host_absolute(LV2_State_Map_Path_Handle handle, const char *path) {
  (void)handle;
  host_mapped_paths++;
  return host_joined("", strncmp(path, "abstract:", 9) == 0 ? path + 9 : path);
}

static inline void host_free_path(LV2_State_Free_Path_Handle handle, char *path) {
  (void)handle;
  host_mapped_paths--;
  free(path);
}

static inline LV2_State_Status host_store(LV2_State_Handle handle, uint32_t key, const void *value, size_t size, uint32_t type,
                                          uint32_t flags) {
  host *h = handle;
  CHECK(key == host_known(h, MODEL_URI) && size > 0 && size <= sizeof h->state_value);
  CHECK((flags & LV2_STATE_IS_POD) && (flags & LV2_STATE_IS_PORTABLE));
  memcpy(h->state_value, value, size);
  h->state_type = type;
  return LV2_STATE_SUCCESS;
}

static inline const void *host_retrieve(LV2_State_Handle handle, uint32_t key, size_t *size, uint32_t *type, uint32_t *flags) {
  host *h = handle;
  if (key != host_known(h, MODEL_URI) || !h->state_value[0]) return NULL;
  *size = strlen(h->state_value) + 1;
  *type = h->state_type;
  *flags = LV2_STATE_IS_POD | LV2_STATE_IS_PORTABLE;
  return h->state_value;
}

static inline LV2_State_Status host_state(host *h, bool saves) {
  LV2_State_Map_Path map = {NULL, host_abstract, host_absolute};
  LV2_State_Free_Path free_path = {NULL, host_free_path};
  const LV2_Feature map_feature = {LV2_STATE__mapPath, &map}, free_feature = {LV2_STATE__freePath, &free_path};
  const LV2_Feature worker_feature = {LV2_WORKER__schedule, (void *)h->restore_worker};
  const LV2_Feature *features[] = {&map_feature, &free_feature, h->restore_worker ? &worker_feature : NULL, NULL};
  if (!saves) return h->state->restore(h->instance, host_retrieve, h, 0, features);
  h->state_value[0] = '\0';
  return h->state->save(h->instance, host_store, h, 0, features);
}

#endif

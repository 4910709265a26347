/*
 * Cadenza: an instrument and a generator. MIDI notes play a model of sound polyphonically; the model can also play on its own. A model
 * file is loaded by the host's worker, and remembered in the plugin's state.
 *
 * Who owns what. The audio thread plays a sound and decides when it has had its day; the worker makes and frees sounds. Both pass
 * pointers in messages of the host's. Every sound is also in a list under a mutex, which the audio thread never takes, so that none is
 * lost with a message that the host did not deliver.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../player.h"
#include "../ports.h"

#include <lv2/atom/atom.h>
#include <lv2/atom/forge.h>
#include <lv2/atom/util.h>
#include <lv2/buf-size/buf-size.h>
#include <lv2/log/logger.h>
#include <lv2/midi/midi.h>
#include <lv2/options/options.h>
#include <lv2/patch/patch.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>
#include <lv2/worker/worker.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define INSTRUMENT_URI "urn:cadenza:instrument"
#define INSTRUMENT__model INSTRUMENT_URI ":model"

#define DEFAULT_VOICES 8

/* The ports, as instrument.ttl has them. */
typedef enum port {
  PORT_CONTROL,
  PORT_NOTIFY,
  PORT_OUTPUT,
  PORT_LATENCY,
  PORT_PLAY,
  PORT_FREEZE,
  PORT_PITCH,
  PORT_INTERVAL,
  PORT_INSTRUMENT,
  PORT_TRANSPOSE,
  PORT_VOICES,
  PORT_TEMPERATURE,
  PORT_TOP_K,
  PORT_TOP_P,
  PORT_GAIN,
  PORT_SEED,
  PORT_COUNT
} port;

typedef struct urids {
  LV2_URID atom_float, atom_int, atom_object, atom_path, atom_string, atom_urid;
  LV2_URID max_block_length;
  LV2_URID midi_event;
  LV2_URID patch_get, patch_set, patch_subject, patch_property, patch_value;
  LV2_URID plugin, model;
} urids;

/* What the worker is asked for. */
typedef enum task {
  TASK_LOAD,   /* the model file at `path`; an empty path is the bundle's own */
  TASK_VOICES, /* an heir of `sound` with `voices` */
  TASK_FREE,   /* `sound` */
  TASK_REPORT, /* that a network failed */
} task;

typedef struct message {
  task task;
  uint32_t voices;
  uint64_t seed;
  uint64_t request;
  sound *sound;
  char path[SOUND_PATH_SIZE]; /* only as much of it is sent as there is */
} message;

typedef struct instrument {
  void *ports[PORT_COUNT];
  urids urids;
  LV2_Log_Logger logger;
  const LV2_Worker_Schedule *schedule; /* NULL: the host has no worker; then the model and the voices stay as they are */
  LV2_Atom_Forge forge;
  double rate;
  uint32_t max_block_frames;
  char bundled[SOUND_PATH_SIZE]; /* the bundle's own model */
  bool active;                   /* between activate and deactivate */
  _Atomic uint64_t requests;     /* counts what was asked for */
  _Atomic bool answer_lost;      /* the audio thread need not wait for one */
  _Atomic uint32_t voices;       /* as the port said in the last block */

  /* The audio thread's. */
  player player;
  bool asked_for_voices; /* and the worker has not answered */
  bool announce;         /* the host shall hear which model plays */
  bool report;           /* the host shall read that a network failed */
  bool waits;            /* a file was asked for, and the worker's queue had no room */
  message waiting;
  sound *retired; /* to be freed, as soon as the queue has room */

  /* Everybody else's. */
  pthread_mutex_t mutex;
  char path[SOUND_PATH_SIZE]; /* the model file that was asked for last; empty: the bundle's own */
  uint64_t path_request;
  sound *known; /* all sounds that there are */
} instrument;

/* ---- Off the audio thread ------------------------------------------------------------------------------------------------------ */

static void know(instrument *self, sound *sound) {
  pthread_mutex_lock(&self->mutex);
  sound->known = self->known;
  self->known = sound;
  pthread_mutex_unlock(&self->mutex);
}

static void forget(instrument *self, sound *gone) {
  bool was_known = false;
  pthread_mutex_lock(&self->mutex);
  for (sound **link = &self->known; *link; link = &(*link)->known) {
    if (*link != gone) continue;
    *link = gone->known;
    was_known = true;
    break;
  }
  pthread_mutex_unlock(&self->mutex);
  if (was_known) sound_free(gone);
}

/* The model of a sound that may be gone, retained, with its path and request; NULL. */
static cadenza_model *model_of(instrument *self, const sound *wanted, char path[SOUND_PATH_SIZE], uint64_t *request) {
  cadenza_model *model = NULL;
  pthread_mutex_lock(&self->mutex);
  for (const sound *sound = self->known; sound; sound = sound->known) {
    if (sound != wanted) continue;
    model = cadenza_model_retain(sound->model);
    *request = sound->request;
    memcpy(path, sound->path, SOUND_PATH_SIZE);
  }
  pthread_mutex_unlock(&self->mutex);
  return model;
}

/* Remembers what was asked for, so that the state has it, whether or not it can be loaded. */
static void remember(instrument *self, const char *path, uint64_t request) {
  pthread_mutex_lock(&self->mutex);
  if (request >= self->path_request) {
    snprintf(self->path, sizeof self->path, "%s", strcmp(path, self->bundled) == 0 ? "" : path);
    self->path_request = request;
  }
  pthread_mutex_unlock(&self->mutex);
}

/* A sound from the file at `path`, or from the bundle's own; NULL where memory ran out. */
static sound *load(instrument *self, const char *path, uint32_t voices, uint64_t seed, uint64_t request) {
  remember(self, path, request);
  const sound_options options = {self->rate, self->max_block_frames, voices, seed};
  sound *loaded = sound_load(path[0] ? path : self->bundled, &options);
  if (!loaded) {
    lv2_log_error(&self->logger, "Cadenza: memory ran out\n");
    return NULL;
  }
  if (loaded->complaint[0] && !loaded->model) lv2_log_error(&self->logger, "Cadenza: %s\n", loaded->complaint);
  if (loaded->complaint[0] && loaded->model)
    lv2_log_warning(&self->logger, "Cadenza: %s; so keys do not play, and Play does\n", loaded->complaint);
  loaded->request = request;
  know(self, loaded);
  return loaded;
}

static sound *change_voices(instrument *self, const sound *from, uint32_t voices, uint64_t seed) {
  char path[SOUND_PATH_SIZE];
  uint64_t request = 0;
  cadenza_model *model = model_of(self, from, path, &request);
  if (!model) return NULL;
  const sound_options options = {self->rate, self->max_block_frames, voices, seed};
  sound *heir = sound_with_voices(model, path, &options);
  cadenza_model_release(model);
  if (!heir) return NULL;
  if (heir->complaint[0]) lv2_log_warning(&self->logger, "Cadenza: %s\n", heir->complaint);
  heir->request = request;
  know(self, heir);
  return heir;
}

static LV2_Worker_Status work(LV2_Handle instance, LV2_Worker_Respond_Function respond, LV2_Worker_Respond_Handle handle,
                              uint32_t size, const void *data) {
  instrument *self = instance;
  if (size < offsetof(message, path) || size > sizeof(message)) return LV2_WORKER_ERR_UNKNOWN;
  message received;
  memset(&received, 0, sizeof received);
  memcpy(&received, data, size);
  received.path[SOUND_PATH_SIZE - 1] = '\0';

  sound *made = NULL;
  switch (received.task) {
  case TASK_FREE:
    forget(self, received.sound);
    return LV2_WORKER_SUCCESS;
  case TASK_REPORT:
    lv2_log_error(&self->logger,
                  "Cadenza: the network produced a value that is not finite; it is silent until the seed changes\n");
    return LV2_WORKER_SUCCESS;
  case TASK_LOAD:
    made = load(self, received.path, received.voices, received.seed, received.request);
    break;
  case TASK_VOICES:
    made = change_voices(self, received.sound, received.voices, received.seed);
    break;
  }
  /* The answer to a task that came to nothing is NULL: the audio thread waits for one. */
  const LV2_Worker_Status status = respond(handle, sizeof made, &made);
  if (status != LV2_WORKER_SUCCESS && made) {
    /* It is kept with the others that there are, in case the host means otherwise; cleanup frees it. */
    lv2_log_error(&self->logger, "Cadenza: %s: the host did not take the model that was loaded\n", made->path);
  }
  if (status != LV2_WORKER_SUCCESS) atomic_store(&self->answer_lost, true);
  return status;
}

static void read_options(instrument *self, const LV2_Options_Option *options) {
  for (; options && options->key; options++) {
    if (options->key == self->urids.max_block_length && options->type == self->urids.atom_int && options->size == 4) {
      const int32_t frames = *(const int32_t *)options->value;
      if (frames > 0) self->max_block_frames = (uint32_t)frames;
    }
  }
}

static void map_uris(urids *urids, const LV2_URID_Map *map) {
  urids->atom_float = map->map(map->handle, LV2_ATOM__Float);
  urids->atom_int = map->map(map->handle, LV2_ATOM__Int);
  urids->atom_object = map->map(map->handle, LV2_ATOM__Object);
  urids->atom_path = map->map(map->handle, LV2_ATOM__Path);
  urids->atom_string = map->map(map->handle, LV2_ATOM__String);
  urids->atom_urid = map->map(map->handle, LV2_ATOM__URID);
  urids->max_block_length = map->map(map->handle, LV2_BUF_SIZE__maxBlockLength);
  urids->midi_event = map->map(map->handle, LV2_MIDI__MidiEvent);
  urids->patch_get = map->map(map->handle, LV2_PATCH__Get);
  urids->patch_set = map->map(map->handle, LV2_PATCH__Set);
  urids->patch_subject = map->map(map->handle, LV2_PATCH__subject);
  urids->patch_property = map->map(map->handle, LV2_PATCH__property);
  urids->patch_value = map->map(map->handle, LV2_PATCH__value);
  urids->plugin = map->map(map->handle, INSTRUMENT_URI);
  urids->model = map->map(map->handle, INSTRUMENT__model);
}

static void cleanup(LV2_Handle instance) {
  instrument *self = instance;
  while (self->known) forget(self, self->known);
  pthread_mutex_destroy(&self->mutex);
  free(self);
}

static LV2_Handle instantiate(const LV2_Descriptor *descriptor, double rate, const char *bundle,
                              const LV2_Feature *const *features) {
  (void)descriptor;
  LV2_URID_Map *map = feature_data(features, LV2_URID__map);
  LV2_Log_Log *log = feature_data(features, LV2_LOG__log);
  instrument *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  lv2_log_logger_init(&self->logger, map, log);
  if (!map) {
    lv2_log_error(&self->logger, "Cadenza: the host has no " LV2_URID__map ", which is needed\n");
    free(self);
    return NULL;
  }
  if (!bundle_model(bundle, self->bundled) || pthread_mutex_init(&self->mutex, NULL) != 0) {
    free(self);
    return NULL;
  }
  map_uris(&self->urids, map);
  lv2_atom_forge_init(&self->forge, map);
  self->schedule = feature_data(features, LV2_WORKER__schedule);
  self->rate = rate;
  read_options(self, feature_data(features, LV2_OPTIONS__options));
  player_init(&self->player, rate);
  atomic_init(&self->voices, DEFAULT_VOICES);

  /* This is not the audio thread: the bundle's model can be there from the first frame on. Another one comes by restore or patch:Set. */
  sound *first = load(self, "", DEFAULT_VOICES, 0, 0);
  if (!first) {
    cleanup(self);
    return NULL;
  }
  player_offer(&self->player, first);
  player_begin(&self->player);
  self->announce = true;
  return self;
}

static void activate(LV2_Handle instance) {
  instrument *self = instance;
  self->active = true;
  self->asked_for_voices = false; /* an answer may have been lost meanwhile */
  player_begin(&self->player);
}

static void deactivate(LV2_Handle instance) {
  instrument *self = instance;
  self->active = false;
}

/* ---- State --------------------------------------------------------------------------------------------------------------------- */

static void free_path(const LV2_State_Free_Path *feature, char *path) {
  if (feature) {
    feature->free_path(feature->handle, path);
  } else {
    free(path); /* as hosts that are older than the feature expect */
  }
}

static LV2_State_Status save(LV2_Handle instance, LV2_State_Store_Function store, LV2_State_Handle handle, uint32_t flags,
                             const LV2_Feature *const *features) {
  (void)flags;
  instrument *self = instance;
  char path[SOUND_PATH_SIZE];
  pthread_mutex_lock(&self->mutex);
  memcpy(path, self->path, sizeof path);
  pthread_mutex_unlock(&self->mutex);
  if (path[0] == '\0') return LV2_STATE_SUCCESS; /* nothing remembered is the bundle's own model, wherever the bundle is then */

  const LV2_State_Map_Path *map_path = feature_data(features, LV2_STATE__mapPath);
  if (!map_path) return LV2_STATE_ERR_NO_FEATURE;
  char *abstract = map_path->abstract_path(map_path->handle, path);
  if (!abstract) return LV2_STATE_ERR_UNKNOWN;
  const LV2_State_Status status = store(handle, self->urids.model, abstract, strlen(abstract) + 1, self->urids.atom_path,
                                        LV2_STATE_IS_POD | LV2_STATE_IS_PORTABLE);
  free_path(feature_data(features, LV2_STATE__freePath), abstract);
  return status;
}

/* Lets the model at `path` play: through the worker that restore was given while the audio thread may be running, else now. */
static LV2_State_Status play_model(instrument *self, const LV2_Worker_Schedule *schedule, const char *path) {
  message request = {
      .task = TASK_LOAD, .voices = atomic_load(&self->voices), .request = atomic_fetch_add(&self->requests, 1) + 1};
  if (self->active && schedule) {
    remember(self, path, request.request);
    snprintf(request.path, sizeof request.path, "%s", path);
    const uint32_t size = (uint32_t)(offsetof(message, path) + strlen(request.path) + 1);
    return schedule->schedule_work(schedule->handle, size, &request) == LV2_WORKER_SUCCESS ? LV2_STATE_SUCCESS
                                                                                           : LV2_STATE_ERR_UNKNOWN;
  }
  sound *loaded = load(self, path, request.voices, self->player.seed, request.request);
  if (!loaded) return LV2_STATE_ERR_UNKNOWN;
  player_offer(&self->player, loaded);
  self->announce = true;
  if (self->active) return LV2_STATE_SUCCESS;
  player_begin(&self->player);
  for (sound *sound = player_take_retired(&self->player), *next; sound; sound = next) {
    next = sound->next;
    forget(self, sound);
  }
  return LV2_STATE_SUCCESS;
}

static LV2_State_Status restore(LV2_Handle instance, LV2_State_Retrieve_Function retrieve, LV2_State_Handle handle,
                                uint32_t flags, const LV2_Feature *const *features) {
  (void)flags;
  instrument *self = instance;
  const LV2_State_Map_Path *map_path = feature_data(features, LV2_STATE__mapPath);
  const LV2_Worker_Schedule *schedule = feature_data(features, LV2_WORKER__schedule);
  size_t size = 0;
  uint32_t type = 0, value_flags = 0;
  const char *value = retrieve(handle, self->urids.model, &size, &type, &value_flags);

  char path[SOUND_PATH_SIZE] = ""; /* nothing to restore: the bundle's own */
  if (value && size > 0 && memchr(value, '\0', size) && (type == self->urids.atom_path || type == self->urids.atom_string)) {
    char *absolute = value[0] && map_path ? map_path->absolute_path(map_path->handle, value) : NULL;
    const int written = snprintf(path, sizeof path, "%s", absolute ? absolute : value);
    if (absolute) free_path(feature_data(features, LV2_STATE__freePath), absolute);
    if (written < 0 || written >= (int)sizeof path) {
      lv2_log_error(&self->logger, "Cadenza: the state names a model file by a path of %d bytes, expected %d at most\n",
                    written, SOUND_PATH_SIZE - 1);
      return LV2_STATE_ERR_UNKNOWN;
    }
  } else if (value) {
    return LV2_STATE_ERR_BAD_TYPE;
  }

  /* A preset has no model: where the bundle's own plays already, it goes on playing. */
  pthread_mutex_lock(&self->mutex);
  const bool same = path[0] == '\0' && self->path[0] == '\0';
  pthread_mutex_unlock(&self->mutex);
  return same ? LV2_STATE_SUCCESS : play_model(self, schedule, path);
}

/* ---- The audio thread ---------------------------------------------------------------------------------------------------------- */

static bool ask(const instrument *self, const message *request) {
  if (!self->schedule) return false;
  const size_t path_size = request->task == TASK_LOAD ? strlen(request->path) + 1 : 0;
  return self->schedule->schedule_work(self->schedule->handle, (uint32_t)(offsetof(message, path) + path_size), request) ==
         LV2_WORKER_SUCCESS;
}

static uint32_t voices_wanted(const instrument *self) {
  const float value = port_value(self->ports[PORT_VOICES], DEFAULT_VOICES);
  if (!(value >= 1)) return 1;
  return value < SOUND_MOST_VOICES ? (uint32_t)(value + 0.5f) : SOUND_MOST_VOICES;
}

/* Asks the worker for what has to be done. What finds no room in its queue is asked for again in the next block. */
static void ask_for_work(instrument *self) {
  for (sound *sound = player_take_retired(&self->player), *next; sound; sound = next) {
    next = sound->next;
    sound->next = self->retired;
    self->retired = sound;
  }
  while (self->retired) {
    sound *next = self->retired->next; /* gone once the worker knows */
    self->waiting.task = TASK_FREE;
    self->waiting.sound = self->retired;
    if (!ask(self, &self->waiting)) break;
    self->retired = next;
  }
  if (self->waits) {
    self->waiting.task = TASK_LOAD;
    self->waiting.voices = voices_wanted(self);
    self->waiting.seed = self->player.seed;
    if (ask(self, &self->waiting)) self->waits = false;
  }
  if (atomic_load(&self->answer_lost)) {
    atomic_store(&self->answer_lost, false);
    self->asked_for_voices = false;
  }
  const sound *latest = player_latest(&self->player);
  const uint32_t voices = voices_wanted(self);
  if (latest && latest->model && latest == self->player.sound && latest->voices != voices && !self->asked_for_voices) {
    self->waiting.task = TASK_VOICES;
    self->waiting.voices = voices;
    self->waiting.seed = self->player.seed;
    self->waiting.sound = self->player.sound;
    if (ask(self, &self->waiting)) self->asked_for_voices = true;
  }
  if (self->report) {
    self->waiting.task = TASK_REPORT;
    if (ask(self, &self->waiting) || !self->schedule) self->report = false;
  }
}

static LV2_Worker_Status work_response(LV2_Handle instance, uint32_t size, const void *data) {
  instrument *self = instance;
  sound *made;
  if (size != sizeof made) return LV2_WORKER_ERR_UNKNOWN;
  memcpy(&made, data, sizeof made);
  if (!made || made->heir) self->asked_for_voices = false;
  if (!made) return LV2_WORKER_SUCCESS;
  const sound *latest = player_latest(&self->player);
  if (latest && made->request < latest->request) { /* another file was asked for since */
    made->next = self->retired;
    self->retired = made;
    return LV2_WORKER_SUCCESS;
  }
  if (!made->heir) self->announce = true;
  player_offer(&self->player, made);
  return LV2_WORKER_SUCCESS;
}

/* Tells the host which model plays, at `frame` of the block. False where there is no room for it. */
static bool tell_model(instrument *self, int64_t frame) {
  const sound *latest = player_latest(&self->player);
  if (!latest) return true;
  LV2_Atom_Forge *forge = &self->forge;
  const uint32_t length = (uint32_t)strlen(latest->path);
  if (forge->size - forge->offset < length + 256) return false;
  LV2_Atom_Forge_Frame object;
  lv2_atom_forge_frame_time(forge, frame);
  lv2_atom_forge_object(forge, &object, 0, self->urids.patch_set);
  lv2_atom_forge_key(forge, self->urids.patch_subject);
  lv2_atom_forge_urid(forge, self->urids.plugin);
  lv2_atom_forge_key(forge, self->urids.patch_property);
  lv2_atom_forge_urid(forge, self->urids.model);
  lv2_atom_forge_key(forge, self->urids.patch_value);
  lv2_atom_forge_path(forge, latest->path, length);
  lv2_atom_forge_pop(forge, &object);
  return true;
}

static void take_patch_message(instrument *self, const LV2_Atom_Object *object, int64_t frame) {
  const urids *urids = &self->urids;
  const LV2_Atom *subject = NULL, *property = NULL, *value = NULL;
  lv2_atom_object_get(object, urids->patch_subject, &subject, urids->patch_property, &property, urids->patch_value, &value, 0);
  if (subject && subject->type == urids->atom_urid && ((const LV2_Atom_URID *)subject)->body != urids->plugin) return;
  const bool is_urid = property && property->type == urids->atom_urid;
  const bool is_model = is_urid && ((const LV2_Atom_URID *)property)->body == urids->model;

  if (object->body.otype == urids->patch_get && (is_model || !property)) {
    if (self->forge.size == 0 || !tell_model(self, frame)) self->announce = true;
  } else if (object->body.otype == urids->patch_set && is_model && value) {
    const char *path = (const char *)(value + 1);
    const bool is_text = value->type == urids->atom_path || value->type == urids->atom_string;
    if (!is_text || value->size == 0 || value->size > SOUND_PATH_SIZE || !memchr(path, '\0', value->size)) return;
    memcpy(self->waiting.path, path, value->size);
    self->waiting.request = atomic_fetch_add(&self->requests, 1) + 1;
    self->waits = true;
  }
}

static void take_midi(player *player, const uint8_t *bytes, uint32_t size) {
  if (size < 3) return;
  const unsigned channel = bytes[0] & 15, number = bytes[1] & 127, value = bytes[2] & 127;
  switch (bytes[0] & 0xF0) {
  case LV2_MIDI_MSG_NOTE_ON:
    if (value > 0) {
      player_note_on(player, channel, number, value);
    } else {
      player_note_off(player, channel, number);
    }
    break;
  case LV2_MIDI_MSG_NOTE_OFF:
    player_note_off(player, channel, number);
    break;
  case LV2_MIDI_MSG_CONTROLLER:
    switch (number) {
    case LV2_MIDI_CTL_SUSTAIN:
      player_pedal(player, channel, value >= 64);
      break;
    case LV2_MIDI_CTL_ALL_SOUNDS_OFF:
      player_all_sound_off(player, channel);
      break;
    case LV2_MIDI_CTL_RESET_CONTROLLERS:
      player_pedal(player, channel, false);
      break;
    case LV2_MIDI_CTL_ALL_NOTES_OFF:
      player_all_notes_off(player, channel);
      break;
    }
    break;
  }
}

static void begin_notify(instrument *self, LV2_Atom_Forge_Frame *sequence) {
  LV2_Atom_Sequence *notify = self->ports[PORT_NOTIFY];
  self->forge.size = 0; /* no room, until there is some */
  if (!notify || notify->atom.size < 2 * sizeof(LV2_Atom_Sequence)) return;
  lv2_atom_forge_set_buffer(&self->forge, (uint8_t *)notify, notify->atom.size);
  lv2_atom_forge_sequence_head(&self->forge, sequence, 0);
  if (self->announce && tell_model(self, 0)) self->announce = false;
}

static void set_controls(instrument *self) {
  void *const *ports = self->ports;
  player_set(&self->player, &(player_controls){
                                .play = port_value(ports[PORT_PLAY], 0),
                                .freeze = port_value(ports[PORT_FREEZE], 0),
                                .pitch = port_value(ports[PORT_PITCH], 60),
                                .interval = port_value(ports[PORT_INTERVAL], 0),
                                .instrument = port_value(ports[PORT_INSTRUMENT], 3),
                                .transpose = port_value(ports[PORT_TRANSPOSE], 0),
                                .temperature = port_value(ports[PORT_TEMPERATURE], 0.8f),
                                .top_k = port_value(ports[PORT_TOP_K], 0),
                                .top_p = port_value(ports[PORT_TOP_P], 1),
                                .gain = port_value(ports[PORT_GAIN], -6),
                                .seed = port_value(ports[PORT_SEED], 0),
                            });
}

static void run(LV2_Handle instance, uint32_t frames) {
  instrument *self = instance;
  float *output = self->ports[PORT_OUTPUT];
  if (!output) frames = 0;
  LV2_Atom_Forge_Frame sequence;
  begin_notify(self, &sequence);
  set_controls(self);
  atomic_store_explicit(&self->voices, voices_wanted(self), memory_order_relaxed);

  /* Between two events the player plays: an event falls on its own frame. */
  const LV2_Atom_Sequence *control = self->ports[PORT_CONTROL];
  uint32_t done = 0;
  if (control) {
    LV2_ATOM_SEQUENCE_FOREACH(control, event) {
      const int64_t frame = event->time.frames;
      if (frame > (int64_t)done && frame <= (int64_t)frames) {
        player_render(&self->player, output + done, (uint32_t)frame - done);
        done = (uint32_t)frame;
      }
      if (event->body.type == self->urids.midi_event) {
        take_midi(&self->player, (const uint8_t *)(event + 1), event->body.size);
      } else if (event->body.type == self->urids.atom_object && event->body.size >= sizeof(LV2_Atom_Object_Body)) {
        take_patch_message(self, (const LV2_Atom_Object *)&event->body, done);
      }
    }
  }
  if (frames > done) player_render(&self->player, output + done, frames - done);

  if (self->forge.size > 0) lv2_atom_forge_pop(&self->forge, &sequence);
  if (self->player.failed) {
    self->player.failed = false;
    self->report = true;
  }
  ask_for_work(self);
  float *latency = self->ports[PORT_LATENCY];
  if (latency) *latency = (float)player_latency(&self->player);
}

static void connect_port(LV2_Handle instance, uint32_t index, void *data) {
  instrument *self = instance;
  if (index < PORT_COUNT) self->ports[index] = data;
}

static const void *extension_data(const char *uri) {
  static const LV2_Worker_Interface worker = {work, work_response, NULL};
  static const LV2_State_Interface state = {save, restore};
  if (strcmp(uri, LV2_WORKER__interface) == 0) return &worker;
  if (strcmp(uri, LV2_STATE__interface) == 0) return &state;
  return NULL;
}

static const LV2_Descriptor descriptor = {
    .URI = INSTRUMENT_URI,
    .instantiate = instantiate,
    .connect_port = connect_port,
    .activate = activate,
    .run = run,
    .deactivate = deactivate,
    .cleanup = cleanup,
    .extension_data = extension_data,
};

LV2_SYMBOL_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index) { return index == 0 ? &descriptor : NULL; }

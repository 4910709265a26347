/*
 * Cadenza Generator: the model that the bundle carries plays on its own. Control ports only, and no features that a host must have.
 *
 * SPDX-License-Identifier: MIT
 */
#include "../player.h"
#include "../ports.h"

#include <stdlib.h>

#define GENERATOR_URI "urn:cadenza:generator"

/* The ports, as generator.ttl has them. */
typedef enum port {
  PORT_OUTPUT,
  PORT_LATENCY,
  PORT_PLAY,
  PORT_FREEZE,
  PORT_PITCH,
  PORT_INTERVAL,
  PORT_INSTRUMENT,
  PORT_TEMPERATURE,
  PORT_TOP_K,
  PORT_TOP_P,
  PORT_GAIN,
  PORT_SEED,
  PORT_COUNT
} port;

typedef struct generator {
  float *ports[PORT_COUNT];
  player player;
} generator;

static LV2_Handle instantiate(const LV2_Descriptor *descriptor, double rate, const char *bundle,
                              const LV2_Feature *const *features) {
  (void)descriptor;
  (void)features;
  generator *self = calloc(1, sizeof *self);
  if (!self) return NULL;
  player_init(&self->player, rate);
  char path[SOUND_PATH_SIZE];
  const sound_options options = {.rate = rate};
  sound *loaded = bundle_model(bundle, path) ? sound_load(path, &options) : NULL;
  if (!loaded) {
    free(self);
    return NULL;
  }
  /* A simple host has no log. Without its model the plugin is there, and silent. */
  if (loaded->complaint[0]) fprintf(stderr, "Cadenza Generator: %s\n", loaded->complaint);
  player_offer(&self->player, loaded);
  player_begin(&self->player);
  return self;
}

static void connect_port(LV2_Handle instance, uint32_t index, void *data) {
  generator *self = instance;
  if (index < PORT_COUNT) self->ports[index] = data;
}

static void activate(LV2_Handle instance) {
  generator *self = instance;
  player_begin(&self->player);
}

static void run(LV2_Handle instance, uint32_t frames) {
  generator *self = instance;
  float *const *ports = self->ports;
  if (ports[PORT_LATENCY]) *ports[PORT_LATENCY] = (float)player_latency(&self->player);
  player_set(&self->player, &(player_controls){
                                .play = port_value(ports[PORT_PLAY], 1),
                                .freeze = port_value(ports[PORT_FREEZE], 0),
                                .pitch = port_value(ports[PORT_PITCH], 60),
                                .interval = port_value(ports[PORT_INTERVAL], 0),
                                .instrument = port_value(ports[PORT_INSTRUMENT], 3),
                                .temperature = port_value(ports[PORT_TEMPERATURE], 0.8f),
                                .top_k = port_value(ports[PORT_TOP_K], 0),
                                .top_p = port_value(ports[PORT_TOP_P], 1),
                                .gain = port_value(ports[PORT_GAIN], 0),
                                .seed = port_value(ports[PORT_SEED], 0),
                            });
  if (frames > 0 && ports[PORT_OUTPUT]) player_render(&self->player, ports[PORT_OUTPUT], frames);
}

static void cleanup(LV2_Handle instance) {
  generator *self = instance;
  sound_free(self->player.sound);
  sound_free(self->player.next);
  for (sound *sound = player_take_retired(&self->player), *next; sound; sound = next) {
    next = sound->next;
    sound_free(sound);
  }
  free(self);
}

static const LV2_Descriptor descriptor = {
    .URI = GENERATOR_URI,
    .instantiate = instantiate,
    .connect_port = connect_port,
    .activate = activate,
    .run = run,
    .cleanup = cleanup,
};

LV2_SYMBOL_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index) { return index == 0 ? &descriptor : NULL; }

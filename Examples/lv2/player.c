/* SPDX-License-Identifier: MIT */
#include "player.h"

#include <math.h>
#include <string.h>

#define FADE_SECONDS 0.005
#define GAIN_SECONDS 0.01 /* time constant of a change of the gain */

static float within(float value, float least, float most) {
  if (!(value >= least)) return least; /* nor is what is not a number */
  return value > most ? most : value;
}

static uint32_t whole(float value) { return (uint32_t)(value + 0.5f); }

void player_init(player *player, double rate) {
  memset(player, 0, sizeof *player);
  player->rate = rate >= 1 ? rate : 1;
  player->fade_frames = (uint32_t)(FADE_SECONDS * player->rate) + 1;
  player->gain_step = (float)(1 - exp(-1 / (GAIN_SECONDS * player->rate)));
}

const sound *player_latest(const player *player) { return player->next ? player->next : player->sound; }

uint32_t player_latency(const player *player) { return player->sound ? player->sound->latency : 0; }

static void retire(player *player, sound *sound) {
  if (!sound) return;
  sound->next = player->retired;
  player->retired = sound;
}

sound *player_take_retired(player *player) {
  sound *list = player->retired;
  player->retired = NULL;
  return list;
}

/* ---- Controls ----------------------------------------------------------------------------------------------------------------- */

static void set_parameters(cadenza_stream *stream, const player_controls *controls) {
  if (!stream) return;
  cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TEMPERATURE, controls->temperature);
  cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TOP_K, controls->top_k);
  cadenza_stream_set_parameter(stream, CADENZA_PARAMETER_TOP_P, controls->top_p);
}

static void set_conditions(const player *player) {
  const sound *sound = player->sound;
  if (!sound) return;
  if (sound->instrument_condition >= 0 && sound->instrument_count > 0) {
    const float most = (float)(sound->instrument_count - 1);
    const float value = player->controls.instrument < most ? player->controls.instrument : most;
    const uint32_t index = (uint32_t)sound->instrument_condition;
    if (sound->notes) cadenza_stream_set_condition(sound->notes, index, &value, 1);
    if (sound->solo) cadenza_stream_set_condition(sound->solo, index, &value, 1);
  }
  if (sound->pitch_condition >= 0 && sound->solo) {
    const float value = (float)sound->pitch_class[whole(player->controls.pitch)];
    cadenza_stream_set_condition(sound->solo, (uint32_t)sound->pitch_condition, &value, 1);
  }
}

static void set_all(const player *player) {
  if (!player->sound) return;
  set_parameters(player->sound->notes, &player->controls);
  set_parameters(player->sound->solo, &player->controls);
  set_conditions(player);
}

void player_set(player *player, const player_controls *controls) {
  const player_controls before = player->controls;
  player_controls *now = &player->controls;
  *now = (player_controls){
      .play = controls->play > 0 ? 1 : 0,
      .freeze = controls->freeze > 0 ? 1 : 0,
      .pitch = roundf(within(controls->pitch, 0, 127)),
      .interval = controls->interval > 0 ? within(controls->interval, 0.05f, 60) : 0,
      .instrument = roundf(within(controls->instrument, 0, 65535)),
      .transpose = roundf(within(controls->transpose, -48, 48)),
      .temperature = within(controls->temperature, 0, 4),
      .top_k = roundf(within(controls->top_k, 0, 65536)),
      .top_p = within(controls->top_p, 0, 1),
      .gain = within(controls->gain, -60, 20),
      .seed = roundf(within(controls->seed, 0, 16777215)),
  };
  const bool first = !player->begun;
  player->begun = true;

  if (first || now->gain != before.gain) player->gain_target = now->gain > -60 ? powf(10, now->gain / 20) : 0;
  if (first) player->gain = player->gain_target;
  /* The fade that ends a take belongs to it. */
  player->interval_frames = now->interval > 0 ? (uint64_t)(now->interval * player->rate) - player->fade_frames : 0;

  const bool seeded = (uint64_t)whole(now->seed) != player->seed;
  player->seed = whole(now->seed);
  if (seeded) player->notes.begin_anew = player->solo.begin_anew = true;
  if (now->play > 0 && (first || before.play <= 0)) player->solo.begin_anew = true;
  if (seeded || player->solo.begin_anew) player->solo.takes = 0;
  player->notes.wanted = now->freeze <= 0;
  player->solo.wanted = now->freeze <= 0 && now->play > 0;

  /* A stream that was just created or replaced has been told already. */
  if (memcmp(&before, now, sizeof before) != 0) set_all(player);
}

/* ---- Keys --------------------------------------------------------------------------------------------------------------------- */

/* Whether a lane may sound: it need not fade out. */
static bool is_active(const player *player, const player_lane *lane) {
  if (!lane->wanted || lane->begin_anew) return false;
  return !player->next || (player->next->heir && lane == &player->solo);
}

static bool hears_keys(const player *player) {
  return player->sound && player->sound->notes && is_active(player, &player->notes);
}

static uint32_t transposed(const player *player, unsigned key) {
  int pitch = (int)key + (int)player->controls.transpose;
  while (pitch > 127) pitch -= 12;
  while (pitch < 0) pitch += 12;
  return (uint32_t)pitch;
}

/* Tells the stream about one key; a note that sounds already begins again only where it is `struck`. What the stream has no room for
   at the moment, it is told later. */
static void tell(player *player, unsigned channel, unsigned number, bool struck) {
  player_key *key = &player->keys[channel][number];
  if (!hears_keys(player)) {
    player->behind = true;
    return;
  }
  cadenza_stream *stream = player->sound->notes;
  const uint32_t pitch = transposed(player, number);
  if (key->told && (key->velocity <= 0 || (struck && key->told_pitch != pitch))) {
    if (cadenza_stream_note_off(stream, 0, channel, key->told_pitch) != CADENZA_OK) {
      player->behind = true;
      return;
    }
    key->told = false;
  }
  if (key->velocity > 0 && (struck || !key->told)) {
    if (cadenza_stream_note_on(stream, 0, channel, pitch, key->velocity) != CADENZA_OK) {
      player->behind = true;
      return;
    }
    key->told = true;
    key->told_pitch = (uint8_t)pitch;
  }
}

/* Tells the stream about all keys of which it does not know. */
static void catch_up(player *player) {
  player->behind = false;
  for (unsigned channel = 0; channel < 16; channel++) {
    for (unsigned number = 0; number < 128; number++) {
      const player_key *key = &player->keys[channel][number];
      if (key->told != (key->velocity > 0)) tell(player, channel, number, false);
    }
  }
}

void player_note_on(player *player, unsigned channel, unsigned key, unsigned velocity) {
  channel &= 15;
  key &= 127;
  player->keys[channel][key].down = true;
  player->keys[channel][key].velocity = (float)(velocity < 127 ? velocity : 127) / 127;
  tell(player, channel, key, true);
}

void player_note_off(player *player, unsigned channel, unsigned key) {
  channel &= 15;
  key &= 127;
  player->keys[channel][key].down = false;
  if (player->pedal[channel]) return;
  player->keys[channel][key].velocity = 0;
  tell(player, channel, key, false);
}

void player_pedal(player *player, unsigned channel, bool down) {
  channel &= 15;
  player->pedal[channel] = down;
  if (down) return;
  for (unsigned key = 0; key < 128; key++) {
    if (!player->keys[channel][key].down && player->keys[channel][key].velocity > 0) player_note_off(player, channel, key);
  }
}

void player_all_notes_off(player *player, unsigned channel) {
  for (unsigned key = 0; key < 128; key++) {
    if (player->keys[channel & 15][key].down) player_note_off(player, channel, key);
  }
}

void player_all_sound_off(player *player, unsigned channel) {
  for (unsigned key = 0; key < 128; key++) {
    player->keys[channel & 15][key].down = false;
    player->keys[channel & 15][key].velocity = 0;
  }
  player->notes.begin_anew = true;
}

/* ---- From one sound to the next ------------------------------------------------------------------------------------------------ */

static void forget_told(player *player) {
  for (unsigned channel = 0; channel < 16; channel++) {
    for (unsigned key = 0; key < 128; key++) player->keys[channel][key].told = false;
  }
  player->behind = true;
}

/* The notes' stream begins in silence and fades each note in: it may be heard at once. The model on its own may not. */
static void begin_notes(player *player) {
  player->notes.begin_anew = player->notes.failed = false;
  player->notes.age = 0;
  player->notes.ramp = is_active(player, &player->notes) ? player->fade_frames : 0;
  forget_told(player);
}

static void begin_solo(player *player) {
  player->solo.begin_anew = player->solo.failed = false;
  player->solo.age = 0;
  player->solo.ramp = 0;
}

static void begin_lane(player *player, player_lane *lane, cadenza_stream *stream) {
  cadenza_stream_reset(stream, player->seed + lane->takes);
  if (lane == &player->notes) {
    begin_notes(player);
  } else {
    begin_solo(player);
  }
}

static void take_next(player *player) {
  sound *old = player->sound, *next = player->next;
  player->next = NULL;
  player->sound = next;
  if (next->heir && old) {
    next->solo = old->solo;
    old->solo = NULL;
    if (!next->notes) next->latency = old->latency;
  } else {
    player->solo.takes = 0;
    begin_solo(player);
  }
  begin_notes(player);
  if (next->seed != player->seed) {
    player->notes.ramp = 0;
    player->notes.begin_anew = true;
    if (!next->heir) player->solo.begin_anew = true;
  }
  next->heir = false;
  retire(player, old);
  set_all(player);
}

static bool may_take_next(const player *player) {
  const sound *sound = player->sound;
  if (!player->next) return false;
  if (!sound) return true;
  return (!sound->notes || player->notes.ramp == 0) && (player->next->heir || !sound->solo || player->solo.ramp == 0);
}

void player_offer(player *player, sound *next) {
  const bool may_inherit = player->sound && player->sound->model == next->model && !(player->next && !player->next->heir);
  if (next->heir && !may_inherit) {
    retire(player, next);
    return;
  }
  retire(player, player->next);
  player->next = next;
}

void player_begin(player *player) {
  player->begun = false;
  player->failed = false;
  memset(player->keys, 0, sizeof player->keys);
  memset(player->pedal, 0, sizeof player->pedal);
  player->notes.takes = player->solo.takes = 0;
  if (player->next) take_next(player);
  /* Silent lanes begin at once, with the seed that is set by then. */
  player->notes.ramp = player->solo.ramp = 0;
  player->notes.begin_anew = player->solo.begin_anew = true;
}

/* ---- Playing ------------------------------------------------------------------------------------------------------------------ */

/* Fades in or out, frame by frame, to where the ramp ends. */
static void fade(player_lane *lane, uint32_t whole_ramp, bool up, float *output, uint32_t frames) {
  if (up && lane->ramp == whole_ramp) return;
  for (uint32_t i = 0; i < frames; i++) {
    if (up && lane->ramp < whole_ramp) lane->ramp++;
    if (!up && lane->ramp > 0) lane->ramp--;
    output[i] *= (float)lane->ramp / (float)whole_ramp;
  }
}

static void play_lane(player *player, player_lane *lane, cadenza_stream *stream, float *output, uint32_t frames) {
  if (!stream) {
    memset(output, 0, frames * sizeof *output);
    lane->begin_anew = false;
    return;
  }
  while (frames > 0) {
    const bool is_solo = lane == &player->solo;
    bool active = is_active(player, lane);
    if (!active && lane->ramp == 0) {
      if (!lane->begin_anew) {
        memset(output, 0, frames * sizeof *output);
        return;
      }
      begin_lane(player, lane, stream);
      continue;
    }
    if (active && is_solo && player->interval_frames > 0 && lane->age >= player->interval_frames) { /* time to fade out */
      lane->takes++;
      lane->begin_anew = true;
      continue;
    }
    if (active && !is_solo && player->behind) catch_up(player);
    uint32_t count = frames;
    if (!active && count > lane->ramp) count = lane->ramp;
    if (active && is_solo && player->interval_frames > 0 && count > player->interval_frames - lane->age) {
      count = (uint32_t)(player->interval_frames - lane->age);
    }
    if (cadenza_generate_block(stream, output, count) < 0 && !lane->failed) lane->failed = player->failed = true;
    fade(lane, player->fade_frames, active, output, count);
    lane->age += count;
    output += count;
    frames -= count;
  }
}

void player_render(player *player, float *output, uint32_t frames) {
  while (frames > 0) {
    const uint32_t count = frames < PLAYER_CHUNK ? frames : PLAYER_CHUNK;
    if (may_take_next(player)) take_next(player);
    play_lane(player, &player->notes, player->sound ? player->sound->notes : NULL, output, count);
    play_lane(player, &player->solo, player->sound ? player->sound->solo : NULL, player->scratch, count);
    for (uint32_t i = 0; i < count; i++) {
      player->gain += (player->gain_target - player->gain) * player->gain_step;
      output[i] = (output[i] + player->scratch[i]) * player->gain;
    }
    output += count;
    frames -= count;
  }
}

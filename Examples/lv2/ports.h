/*
 * What both plugins do alike with what the host gives them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PORTS_H
#define PORTS_H

#include "sound.h"

#include <lv2/core/lv2.h>

#include <stdio.h>
#include <string.h>

/* The model file that each bundle carries. */
#define BUNDLE_MODEL "notes-wavenet.safetensors"

/* Writes the path of the bundle's own model into `path`; false where it is too long. Hosts end a bundle's path in a slash. */
static inline bool bundle_model(const char *bundle, char path[SOUND_PATH_SIZE]) {
  const size_t length = strlen(bundle);
  const char *slash = length > 0 && bundle[length - 1] == '/' ? "" : "/";
  const int written = snprintf(path, SOUND_PATH_SIZE, "%s%s%s", bundle, slash, BUNDLE_MODEL);
  return written >= 0 && written < SOUND_PATH_SIZE;
}

/* What the host gave for the feature `uri`; NULL where it has none. Some hosts (lv2file) list features without a name. */
static inline void *feature_data(const LV2_Feature *const *features, const char *uri) {
  for (; features && *features; features++) {
    if ((*features)->URI && strcmp((*features)->URI, uri) == 0) return (*features)->data;
  }
  return NULL;
}

/* The value of a control port, or `otherwise` where the host has not connected it. */
static inline float port_value(const float *port, float otherwise) { return port ? *port : otherwise; }

#endif

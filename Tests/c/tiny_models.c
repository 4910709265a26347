#include "tiny_models.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tiny_names[TINY_ALL] = {"wavenet",
                                          "causal",
                                          "lstm",
                                          "gru",
                                          "waveform",
                                          "window",
                                          "transformer",
                                          "decoder",
                                          "harmonic",
                                          "spectrum",
                                          "flute",
                                          "overflow",
                                          "chorale composer",
                                          "performance composer",
                                          "melody composer",
                                          "chords composer",
                                          "matrix composer",
                                          "overflowing composer"};
const tiny_kind tiny_instruments[TINY_INSTRUMENTS] = {TINY_LSTM, TINY_HARMONIC, TINY_FLUTE, TINY_OVERFLOW};

typedef struct builder {
  char header[65536];
  size_t header_size;
  float *data;
  size_t count;
  uint64_t random;
} builder;

static void write_header(builder *b, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  b->header_size += (size_t)vsnprintf(b->header + b->header_size, sizeof b->header - b->header_size, format, arguments);
  va_end(arguments);
  if (b->header_size >= sizeof b->header) abort();
}

/* The configuration is written with ' for ", and lies as a JSON text inside a JSON text. */
static void write_metadata(builder *b, const char *configuration) {
  write_header(b, "{\"__metadata__\":{\"format\":\"cadenza\",\"cadenza.version\":\"1\",\"cadenza.config\":\"");
  for (; *configuration; configuration++) {
    if (*configuration == '\'') {
      write_header(b, "\\\"");
    } else {
      write_header(b, "%c", *configuration);
    }
  }
  write_header(b, "\"}");
}

static float uniform(builder *b) {
  b->random = b->random * 6364136223846793005u + 1442695040888963407u;
  return (float)(b->random >> 40) / (float)(1 << 23) - 1;
}

/* A tensor of up to three dimensions (0: none) with values of -scale ... scale around `mean`. */
static void tensor(builder *b, const char *name, size_t d0, size_t d1, size_t d2, float scale, float mean) {
  size_t count = d0 * (d1 ? d1 : 1) * (d2 ? d2 : 1);
  write_header(b, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu", name, d0);
  if (d1) write_header(b, ",%zu", d1);
  if (d2) write_header(b, ",%zu", d2);
  write_header(b, "],\"data_offsets\":[%zu,%zu]}", 4 * b->count, 4 * (b->count + count));
  b->data = realloc(b->data, 4 * (b->count + count));
  for (size_t i = 0; i < count; i++) b->data[b->count++] = mean + scale * uniform(b);
}

static void layer_tensor(builder *b, int layer, const char *part, size_t d0, size_t d1, size_t d2, float scale) {
  char name[64];
  snprintf(name, sizeof name, "layers.%d.%s", layer, part);
  tensor(b, name, d0, d1, d2, scale, 0);
}

static void wavenet(builder *b, int convolution, int layers, size_t V, size_t R, size_t S, size_t K, size_t C, int overflow) {
  if (convolution) {
    tensor(b, "input.convolution.weight", R, V, 3, 1, 0);
  } else {
    tensor(b, "input.embedding.weight", V, R, 0, 1, 0);
  }
  for (int layer = 0; layer < layers; layer++) {
    layer_tensor(b, layer, "gate.weight", 2 * R, R, K, 0.7f);
    if (!convolution) layer_tensor(b, layer, "gate.bias", 2 * R, 0, 0, 0.1f);
    if (C) layer_tensor(b, layer, "condition.weight", 2 * R, C, 0, 0.5f);
    layer_tensor(b, layer, "skip.weight", S, R, 0, 0.7f);
    if (!convolution) layer_tensor(b, layer, "skip.bias", S, 0, 0, 0.1f);
    if (layer == layers - 1) continue;
    layer_tensor(b, layer, "residual.weight", R, R, 0, 0.5f);
    if (!convolution) layer_tensor(b, layer, "residual.bias", R, 0, 0, 0.1f);
  }
  tensor(b, "head.hidden.weight", S, S, 0, 0.7f, 0);
  if (!convolution) tensor(b, "head.hidden.bias", S, 0, 0, 0.1f, overflow ? 1e30f : 0.3f);
  tensor(b, "head.output.weight", V, S, 0, overflow ? 1e28f : 1.5f, overflow ? 1e30f : 0);
  if (!convolution) tensor(b, "head.output.bias", V, 0, 0, 0.1f, 0);
}

/* `way`: "" or "backward.". */
static void recurrent_direction(builder *b, int layer, const char *way, size_t gates, size_t N, size_t I, int initial) {
  static const char *const parts[] = {"input.weight",   "input.bias",     "recurrent.weight",
                                      "recurrent.bias", "initial.hidden", "initial.cell"};
  const int count = !initial ? 4 : gates == 4 ? 6 : 5;
  for (int part = 0; part < count; part++) {
    char name[48];
    snprintf(name, sizeof name, "%s%s", way, parts[part]);
    const size_t columns[] = {I, 0, N, 0, 0, 0};
    const float scale = part >= 4 ? 0.5f : part % 2 ? 0.3f : 0.8f;
    layer_tensor(b, layer, name, part < 4 ? gates * N : N, columns[part], 0, scale);
  }
}

static void recurrent_layer(builder *b, int layer, size_t gates, size_t N, size_t I, int initial) {
  recurrent_direction(b, layer, "", gates, N, I, initial);
}

static void head(builder *b, size_t outputs, size_t N) {
  tensor(b, "head.weight", outputs, N, 0, 1.5f, 0);
  tensor(b, "head.bias", outputs, 0, 0, 0.1f, 0);
}

static void normalization(builder *b, const char *name, size_t D) {
  char weight[64], bias[64];
  snprintf(weight, sizeof weight, "%s.normalization.weight", name);
  snprintf(bias, sizeof bias, "%s.normalization.bias", name);
  tensor(b, weight, D, 0, 0, 0.3f, 1);
  tensor(b, bias, D, 0, 0, 0.2f, 0);
}

static void transformer_layer(builder *b, int layer, size_t D, size_t H, size_t N, size_t F) {
  char name[64];
  snprintf(name, sizeof name, "layers.%d.attention", layer);
  normalization(b, name, D);
  layer_tensor(b, layer, "attention.input.weight", 3 * D, D, 0, 0.5f);
  layer_tensor(b, layer, "attention.input.bias", 3 * D, 0, 0, 0.1f);
  layer_tensor(b, layer, "attention.relative.weight", H, N, D / H, 1);
  layer_tensor(b, layer, "attention.output.weight", D, D, 0, 0.5f);
  layer_tensor(b, layer, "attention.output.bias", D, 0, 0, 0.1f);
  snprintf(name, sizeof name, "layers.%d.feedforward", layer);
  normalization(b, name, D);
  layer_tensor(b, layer, "feedforward.hidden.weight", F, D, 0, 0.5f);
  layer_tensor(b, layer, "feedforward.hidden.bias", F, 0, 0, 0.1f);
  layer_tensor(b, layer, "feedforward.output.weight", D, F, 0, 0.5f);
  layer_tensor(b, layer, "feedforward.output.bias", D, 0, 0, 0.1f);
}

/* A product's weights, and its bias. */
static void weighted(builder *b, const char *name, size_t d0, size_t d1, size_t d2) {
  char weight[64], bias[64];
  snprintf(weight, sizeof weight, "%s.weight", name);
  snprintf(bias, sizeof bias, "%s.bias", name);
  tensor(b, weight, d0, d1, d2, 0.8f, 0);
  tensor(b, bias, d0, 0, 0, 0.2f, 0);
}

unsigned char *tiny_model(tiny_kind kind, size_t *size) {
  static const char mu_law[] = "'codec':{'kind':'mu_law','sample_rate':16000,'levels':%d}";
  char codec[128];
  char configuration[2048];
  builder *b = calloc(1, sizeof *b);
  /* Those behind the decoders have the weights that they had before there were any. */
  b->random = kind < TINY_DECODER ? 1 + (uint64_t)kind : kind <= TINY_HARMONIC ? 100 + (uint64_t)kind : (uint64_t)kind - 1;
  switch (kind) {
  case TINY_WAVENET:
    snprintf(codec, sizeof codec, mu_law, 256);
    snprintf(configuration, sizeof configuration,
             "{'name':'tiny wavenet','description':'random weights','license':'MIT',"
             "'network':{'kind':'wavenet','vocabulary_size':256,'input':{'kind':'embedding'},'kernel_size':2,"
             "'dilations':[1,2,4,8,16],'residual_channels':8,'skip_channels':12},%s,"
             "'conditions':[{'name':'instrument','kind':'class','labels':['flute','guitar','voice']},"
             "{'name':'pitch','kind':'class','size':16,'embedding_channels':3,'default':4},"
             "{'name':'timbre','kind':'vector','size':2},"
             "{'name':'melody','kind':'class','size':5,'frames_per_value':100},"
             "{'name':'curve','kind':'vector','size':2,'frames_per_value':33}],"
             "'sampling':{'temperature':0.9,'top_k':200,'top_p':0.99},"
             "'training':{'steps':12,'validation_nats':2.5}}",
             codec);
    write_metadata(b, configuration);
    tensor(b, "conditions.pitch.embedding.weight", 16, 3, 0, 1, 0);
    wavenet(b, 0, 5, 256, 8, 12, 2, 3 + 3 + 2 + 5 + 2, 0);
    break;
  case TINY_CAUSAL:
    snprintf(codec, sizeof codec, mu_law, 64);
    snprintf(configuration, sizeof configuration,
             "{'network':{'kind':'wavenet','vocabulary_size':64,'input':{'kind':'convolution','kernel_size':3},'kernel_size':3,"
             "'dilations':[1,3,9],'residual_channels':7,'skip_channels':5,'biases':[]},%s}",
             codec);
    write_metadata(b, configuration);
    wavenet(b, 1, 3, 64, 7, 5, 3, 0, 0);
    break;
  case TINY_LSTM:
    snprintf(codec, sizeof codec, mu_law, 256);
    snprintf(configuration, sizeof configuration,
             "{'network':{'kind':'recurrent','vocabulary_size':256,'input':{'kind':'one_hot'},"
             "'layers':[{'kind':'lstm','channels':12}],'head':{'kind':'softmax'}},%s,"
             "'conditions':[{'name':'pitch','kind':'class','size':8}]}",
             codec);
    write_metadata(b, configuration);
    recurrent_layer(b, 0, 4, 12, 256 + 8, 0);
    head(b, 256, 12);
    break;
  case TINY_GRU:
    snprintf(codec, sizeof codec, mu_law, 256);
    snprintf(configuration, sizeof configuration,
             "{'network':{'kind':'recurrent','vocabulary_size':256,'input':{'kind':'embedding','channels':6},"
             "'layers':[{'kind':'gru','channels':9},{'kind':'gru','channels':16}],'head':{'kind':'softmax'},"
             "'initial_states':true},%s}",
             codec);
    write_metadata(b, configuration);
    tensor(b, "input.embedding.weight", 256, 6, 0, 1, 0);
    recurrent_layer(b, 0, 3, 9, 6, 1);
    recurrent_layer(b, 1, 3, 16, 9, 1);
    head(b, 256, 16);
    break;
  case TINY_WAVEFORM:
    write_metadata(b, "{'network':{'kind':'recurrent','input':{'kind':'vector','channels':1},"
                      "'layers':[{'kind':'lstm','channels':10}],'head':{'kind':'linear','channels':1}},"
                      "'codec':{'kind':'waveform','sample_rate':48000},"
                      "'conditions':[{'name':'push','kind':'vector','size':1,'frames_per_value':7}]}");
    recurrent_layer(b, 0, 4, 10, 1 + 1, 0);
    head(b, 1, 10);
    break;
  case TINY_WINDOW:
    snprintf(codec, sizeof codec, mu_law, 64);
    snprintf(configuration, sizeof configuration,
             "{'network':{'kind':'recurrent','vocabulary_size':64,'input':{'kind':'embedding','channels':5},"
             "'layers':[{'kind':'lstm','channels':6,'bidirectional':true},{'kind':'gru','channels':7,'bidirectional':true}],"
             "'window':6,'head':{'kind':'softmax'},'initial_states':true},%s,"
             "'conditions':[{'name':'pitch','kind':'class','size':4}]}",
             codec);
    write_metadata(b, configuration);
    tensor(b, "input.embedding.weight", 64, 5, 0, 1, 0);
    recurrent_direction(b, 0, "", 4, 6, 5 + 4, 1);
    recurrent_direction(b, 0, "backward.", 4, 6, 5 + 4, 1);
    recurrent_direction(b, 1, "", 3, 7, 12, 1);
    recurrent_direction(b, 1, "backward.", 3, 7, 12, 1);
    head(b, 64, 14);
    break;
  case TINY_SPECTRUM:
    write_metadata(b, "{'network':{'kind':'recurrent','input':{'kind':'vector','channels':64},"
                      "'layers':[{'kind':'lstm','channels':7,'bidirectional':true},{'kind':'lstm','channels':5}],"
                      "'window':4,'head':{'kind':'linear','channels':64,'noise':0.3}},"
                      "'codec':{'kind':'spectrogram','sample_rate':16000,'frame_size':32,'hop':8,'magnitude':[-4,2],"
                      "'phase':'instantaneous_frequency','columns':2},"
                      "'conditions':[{'name':'color','kind':'vector','size':3}]}");
    recurrent_direction(b, 0, "", 4, 7, 64 + 3, 0);
    recurrent_direction(b, 0, "backward.", 4, 7, 64 + 3, 0);
    recurrent_direction(b, 1, "", 4, 5, 14, 0);
    head(b, 64, 5);
    break;
  case TINY_TRANSFORMER:
    snprintf(codec, sizeof codec, mu_law, 64);
    snprintf(configuration, sizeof configuration,
             "{'network':{'kind':'transformer','vocabulary_size':64,'channels':15,'layers':2,'heads':3,"
             "'feedforward_channels':20,'window':40,'positions':'relative','activation':'gelu'},%s,"
             "'conditions':[{'name':'key','kind':'class','size':6}]}",
             codec);
    write_metadata(b, configuration);
    tensor(b, "input.embedding.weight", 64, 15, 0, 1, 0);
    tensor(b, "input.condition.weight", 15, 6, 0, 0.5f, 0);
    for (int layer = 0; layer < 2; layer++) transformer_layer(b, layer, 15, 3, 40, 20);
    normalization(b, "head", 15);
    head(b, 64, 15);
    break;
  case TINY_DECODER:
    write_metadata(b, "{'name':'tiny decoder','network':{'kind':'decoder','layers':["
                      "{'kind':'dense','channels':512},{'kind':'activation','function':'leaky_relu'},"
                      "{'kind':'reshape','steps':256,'channels':2},{'kind':'condition'},"
                      "{'kind':'transposed_convolution','channels':5,'kernel_size':8,'stride':4},"
                      "{'kind':'activation','function':'relu'},"
                      "{'kind':'residual','layers':[{'kind':'convolution','channels':5,'kernel_size':3,'dilation':2},"
                      "{'kind':'activation','function':'tanh'}]},{'kind':'normalization','over':'layer'},"
                      "{'kind':'transposed_convolution','channels':3,'kernel_size':9,'stride':4},"
                      "{'kind':'activation','function':'elu'},{'kind':'condition','mode':'concatenate'},"
                      "{'kind':'upsample','factor':4},{'kind':'convolution','channels':4,'kernel_size':5,'padding':'causal'},"
                      "{'kind':'condition','mode':'modulate'},{'kind':'upsample','factor':4,'mode':'linear'},"
                      "{'kind':'convolution','channels':1,'kernel_size':7},{'kind':'activation','function':'tanh'}]},"
                      "'codec':{'kind':'waveform','sample_rate':16000},"
                      "'conditions':[{'name':'z','kind':'latent','size':2},{'name':'pitch','kind':'class','size':4}]}");
    weighted(b, "layers.0", 512, 6, 0);
    weighted(b, "layers.3", 2, 6, 0);
    weighted(b, "layers.4", 5, 2, 8);
    weighted(b, "layers.6.layers.0", 5, 5, 3);
    tensor(b, "layers.7.weight", 5, 0, 0, 0.3f, 1);
    tensor(b, "layers.7.bias", 5, 0, 0, 0.2f, 0);
    weighted(b, "layers.8", 3, 5, 9);
    weighted(b, "layers.12", 4, 9, 5);
    weighted(b, "layers.13", 8, 6, 0);
    weighted(b, "layers.15", 1, 4, 7);
    break;
  case TINY_HARMONIC:
    write_metadata(b, "{'name':'tiny harmonic','network':{'kind':'decoder','layers':["
                      "{'kind':'dense','channels':256},{'kind':'reshape','steps':128,'channels':2},"
                      "{'kind':'transposed_convolution','channels':6,'kernel_size':4,'stride':2},"
                      "{'kind':'activation','function':'relu'},"
                      "{'kind':'convolution','channels':9,'kernel_size':3}]},"
                      "'codec':{'kind':'harmonic','sample_rate':16000,'hop':256,'harmonics':5,'noise_bands':3},"
                      "'conditions':[{'name':'z','kind':'latent','size':2},{'name':'pitch','kind':'class','labels':["
                      "'48','49','50','51','52','53','54','55','56','57','58','59','60','61','62','63']}]}");
    weighted(b, "layers.0", 256, 18, 0);
    weighted(b, "layers.2", 6, 2, 4);
    weighted(b, "layers.4", 9, 6, 3);
    break;
  case TINY_FLUTE:
    snprintf(codec, sizeof codec, mu_law, 256);
    snprintf(configuration, sizeof configuration,
             "{'name':'tiny flute','network':{'kind':'wavenet','vocabulary_size':256,'input':{'kind':'embedding'},"
             "'kernel_size':2,'dilations':[1,2,4],'residual_channels':8,'skip_channels':12},%s,"
             "'conditions':[{'name':'breath','kind':'vector','size':2},"
             "{'name':'pitch','kind':'class','embedding_channels':3,'labels':['48','49','50','51','52','53','54','55',"
             "'56','57','58','59','60','61','62','63']},"
             "{'name':'wood','kind':'class','size':3,'default':1}]}",
             codec);
    write_metadata(b, configuration);
    tensor(b, "conditions.pitch.embedding.weight", 16, 3, 0, 1, 0);
    wavenet(b, 0, 3, 256, 8, 12, 2, 2 + 3 + 3, 0);
    break;
  case TINY_OVERFLOW:
    snprintf(codec, sizeof codec, mu_law, 256);
    snprintf(configuration, sizeof configuration,
             "{'network':{'kind':'wavenet','vocabulary_size':256,'input':{'kind':'embedding'},'kernel_size':2,"
             "'dilations':[1,2],'residual_channels':4,'skip_channels':4},%s,"
             "'conditions':[{'name':'pitch','kind':'class','size':4}]}",
             codec);
    write_metadata(b, configuration);
    wavenet(b, 0, 2, 256, 4, 4, 2, 4, 1);
    break;
  case TINY_CHORALE:
    write_metadata(
        b, "{'name':'tiny chorale','network':{'kind':'recurrent','vocabulary_size':17,"
           "'input':{'kind':'embedding','channels':5},'layers':[{'kind':'lstm','channels':12}],"
           "'head':{'kind':'softmax'}},"
           "'codec':{'kind':'chorale_grid','tempo':100,'maximum_note_beats':2,'steps_per_beat':4,'velocity':90,'voices':["
           "{'name':'soprano','symbols':['hold','off',67,69,71,72]},"
           "{'name':'tenor','symbols':[60,62,64,'off','hold']},"
           "{'name':'bass','symbols':['hold','off',48,50,52,60]}]},"
           "'conditions':[{'name':'key','kind':'class','size':4,'default':2},"
           "{'name':'position','kind':'class','size':8,'follows':'position'}]}");
    tensor(b, "input.embedding.weight", 17, 5, 0, 1, 0);
    recurrent_layer(b, 0, 4, 12, 5 + 4 + 8, 0);
    head(b, 17, 12);
    break;
  case TINY_PERFORMANCE:
    /* 12 pitches on, 12 off, 20 shifts of time, 8 velocities. */
    write_metadata(b,
                   "{'name':'tiny performance','network':{'kind':'transformer','vocabulary_size':52,'channels':15,'layers':2,"
                   "'heads':3,'feedforward_channels':20,'window':40,'positions':'relative'},"
                   "'codec':{'kind':'performance_events','pitches':[50,61],'time_shifts':20,'velocities':8,"
                   "'maximum_note_beats':3},"
                   "'conditions':[{'name':'composer','kind':'class','labels':['one','two','three']},"
                   "{'name':'density','kind':'vector','size':2}],'sampling':{'temperature':0.9,'top_k':40}}");
    tensor(b, "input.embedding.weight", 52, 15, 0, 1, 0);
    tensor(b, "input.condition.weight", 15, 3 + 2, 0, 0.5f, 0);
    for (int layer = 0; layer < 2; layer++) transformer_layer(b, layer, 15, 3, 40, 20);
    normalization(b, "head", 15);
    head(b, 52, 15);
    break;
  case TINY_MELODY:
    write_metadata(b, "{'name':'tiny melody','network':{'kind':'wavenet','vocabulary_size':10,"
                      "'input':{'kind':'embedding'},'kernel_size':2,'dilations':[1,2,4],"
                      "'residual_channels':6,'skip_channels':5},"
                      "'codec':{'kind':'melody_steps','steps_per_beat':4,"
                      "'symbols':['end','hold','off',60,62,64,65,67,69,71]},"
                      "'conditions':[{'name':'mode','kind':'class','size':2,'embedding_channels':3}]}");
    tensor(b, "conditions.mode.embedding.weight", 2, 3, 0, 1, 0);
    wavenet(b, 0, 3, 10, 6, 5, 2, 3, 0);
    b->data[b->count - 10] = -9; /* the end's bias: after a while only */
    break;
  case TINY_CHORDS:
    write_metadata(
        b, "{'name':'tiny chords','network':{'kind':'recurrent','vocabulary_size':6,'input':{'kind':'one_hot'},"
           "'layers':[{'kind':'gru','channels':9}],'head':{'kind':'softmax'}},"
           "'codec':{'kind':'note_tokens','steps_per_beat':2,'tokens':[[60],[60,64,67],[],[48,55],[72],[50,57,62,65]]}}");
    recurrent_layer(b, 0, 3, 9, 6, 0);
    head(b, 6, 9);
    break;
  case TINY_MATRIX:
    write_metadata(b, "{'name':'tiny matrix','network':{'kind':'recurrent',"
                      "'input':{'kind':'fields','fields':[{'kind':'value'},{'kind':'value'},{'kind':'value'}]},"
                      "'layers':[{'kind':'lstm','channels':6,'bidirectional':true}],'window':5,"
                      "'head':{'kind':'fields','fields':[{'kind':'linear','noise':0.2},{'kind':'linear','noise':0.1},"
                      "{'kind':'linear','noise':0.3}]}},"
                      "'codec':{'kind':'note_matrix','pitch':{'range':[40,80]},'velocity':{'range':[1,127]},"
                      "'interval':{'maximum_milliseconds':900}},"
                      "'conditions':[{'name':'mood','kind':'class','size':3}]}");
    recurrent_direction(b, 0, "", 4, 6, 3 + 3, 0);
    recurrent_direction(b, 0, "backward.", 4, 6, 3 + 3, 0);
    head(b, 3, 12);
    break;
  case TINY_NO_COMPOSER:
    write_metadata(b, "{'network':{'kind':'wavenet','vocabulary_size':4,'input':{'kind':'embedding'},'kernel_size':2,"
                      "'dilations':[1,2],'residual_channels':4,'skip_channels':4},"
                      "'codec':{'kind':'melody_steps','steps_per_beat':4,'symbols':['hold','off',60,62]}}");
    wavenet(b, 0, 2, 4, 4, 4, 2, 0, 1);
    break;
  case TINY_ALL:
    abort();
  }
  write_header(b, "}");
  while (b->header_size % 8) write_header(b, " ");

  *size = 8 + b->header_size + 4 * b->count;
  unsigned char *bytes = malloc(*size);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(b->header_size >> (8 * i));
  memcpy(bytes + 8, b->header, b->header_size);
  memcpy(bytes + 8 + b->header_size, b->data, 4 * b->count);
  free(b->data);
  free(b);
  return bytes;
}

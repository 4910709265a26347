/*
 * cadenza.h — the C interface of Cadenza: trained generative music models, streamed block by block.
 *
 *   cadenza_model  *model;                            // off the audio thread
 *   cadenza_stream *stream;
 *   cadenza_model_load("notes.safetensors", &model, &error);
 *   cadenza_stream_create(model, NULL, &stream, &error);
 *   …
 *   cadenza_generate_block(stream, output, frames);   // in the audio callback
 *
 * Conventions
 * -----------
 * Threads. Every function says who may call it:
 *   [any-thread]    any thread, at any time, at once with any other function on the same object;
 *   [main-thread]   any thread but the audio thread (it may allocate, read files, take long), and never at once with
 *                   another function on the same stream, except those marked [any-thread];
 *   [audio-thread]  made for the audio callback: allocates nothing, frees nothing, takes no lock, waits for nothing, makes no
 *                   system call, and costs at most A + B x frames. It may be called from any one thread at a time, never at
 *                   once with a [main-thread] function on the same stream.
 * A model is immutable: any number of streams on any number of threads share it without further care.
 *
 * Status. Functions that can fail return a cadenza_status: 0 is fine, above 0 is information, below 0 an error. After an error
 * the object is as it was before the call (cadenza_generate_block says what NUMERIC leaves), and a handle that should have been
 * handed out is NULL. Functions that load or create also take a cadenza_error, which may be NULL and else receives a sentence:
 * what is wrong, where, and what was expected.
 *
 * Structures that may grow carry their size in the first field, struct_size.
 *   Options: their _init function sets it. A size that this library does not know, smaller or larger, is INVALID_ARGUMENT: an
 *   option that cannot be understood is never ignored.
 *   Structures that the library fills in (…_info, …_statistics): set it to sizeof the structure before the call. A size smaller
 *   than the first release's is INVALID_ARGUMENT; a larger one is fine, and the bytes beyond what this library knows keep their
 *   values. The library reads and writes no byte beyond struct_size, nor beyond what it knows.
 *
 * Strings are UTF-8 and end in a zero byte.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CADENZA_H
#define CADENZA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define CADENZA_API __declspec(dllimport)
#elif defined(__GNUC__)
#define CADENZA_API __attribute__((visibility("default")))
#else
#define CADENZA_API
#endif

/* ---- Version ---------------------------------------------------------------------------------------------------------- */

/* The version that this header is of: major.minor.patch. */
#define CADENZA_VERSION_MAJOR 0
#define CADENZA_VERSION_MINOR 1
#define CADENZA_VERSION_PATCH 0

/* One number that orders versions: 0x00MMmmpp. */
#define CADENZA_VERSION ((uint32_t)((CADENZA_VERSION_MAJOR << 16) | (CADENZA_VERSION_MINOR << 8) | CADENZA_VERSION_PATCH))

/* The version of the library that is loaded, in the form of CADENZA_VERSION; compare with the header's. [any-thread] */
CADENZA_API uint32_t cadenza_version(void);

/* The same as text, "0.1.0". Static storage. [any-thread] */
CADENZA_API const char *cadenza_version_string(void);

/* ---- Status and errors ------------------------------------------------------------------------------------------------ */

/* What became of a call, CADENZA_OK or another of these. */
typedef int32_t cadenza_status;

#define CADENZA_OK 0                        /* done */
#define CADENZA_END 1                       /* done, and the model has declared its piece finished: silence follows */
#define CADENZA_UNDERRUN 2                  /* part of the block was not ready and is silent (render-ahead only) */
#define CADENZA_EVENTS_LOST 3               /* done, and more events happened than are kept: see cadenza_stream_read_events */
#define CADENZA_ERROR_INVALID_ARGUMENT (-1) /* an argument is NULL, out of range, not finite, or of the wrong size */
#define CADENZA_ERROR_IO (-2)               /* a file could not be opened or read */
#define CADENZA_ERROR_FORMAT (-3)           /* the bytes are not a well-formed Cadenza model or state */
#define CADENZA_ERROR_UNSUPPORTED (-4)      /* well-formed, but this version or this model cannot do it */
#define CADENZA_ERROR_OUT_OF_MEMORY (-5)    /* memory ran out, or the request is larger than memory can be */
#define CADENZA_ERROR_NUMERIC (-6)          /* the network produced a value that is not finite; silence was returned */
#define CADENZA_ERROR_STATE (-7)            /* not possible now: see the function */

/* A short English phrase for a status, "invalid argument"; a fallback phrase for unknown numbers, never NULL. Static storage.
   [any-thread] */
CADENZA_API const char *cadenza_status_string(cadenza_status status);

/* Bytes of a sentence, its zero byte included. */
#define CADENZA_ERROR_MESSAGE_SIZE 512

/* Receives the sentence of a failed call. Owned by the caller, no need to initialise it. Its size never changes. */
typedef struct cadenza_error {
  cadenza_status status;                    /* the same value as returned */
  char message[CADENZA_ERROR_MESSAGE_SIZE]; /* a sentence; empty after success; cut, never overrun, when too long */
} cadenza_error;

/* ---- Models ----------------------------------------------------------------------------------------------------------- */

/* A loaded model: network, codec and weights. Immutable and counted: it lives until the last release, and every stream holds
   one reference of its own. */
typedef struct cadenza_model cadenza_model;

/* Loads a model file and hands out one reference to it in *model.
   The file is checked in full before anything is built from it; a hostile file gets an error, never undefined behaviour.
   Errors: INVALID_ARGUMENT (path or model NULL), IO, FORMAT, UNSUPPORTED, OUT_OF_MEMORY; *model is then NULL.
   [main-thread] */
CADENZA_API cadenza_status cadenza_model_load(const char *path, cadenza_model **model, cadenza_error *error);

/* The same from `size` bytes at `bytes`, which are copied: the caller may free them at once. [main-thread] */
CADENZA_API cadenza_status cadenza_model_load_memory(const void *bytes, size_t size, cadenza_model **model,
                                                     cadenza_error *error);

/* Adds a reference and returns `model`. NULL returns NULL. [any-thread] */
CADENZA_API cadenza_model *cadenza_model_retain(cadenza_model *model);

/* Gives back one reference; the last one frees the model. NULL is fine. [any-thread], but not the audio thread: the last release
   frees memory. */
CADENZA_API void cadenza_model_release(cadenza_model *model);

/* How a model's sound comes about. */
typedef int32_t cadenza_decoding;
#define CADENZA_DECODING_NONE 0     /* sample by sample, or note by note: no clip is decoded */
#define CADENZA_DECODING_STREAMED 1 /* a clip, decoded as it is heard: the cost is spread over the blocks in which it sounds */
#define CADENZA_DECODING_WHOLE 2    /* a clip, decoded all at once before it is heard: a stream of the model must render ahead */

/* What a model's encoder takes. */
typedef int32_t cadenza_encoder;
#define CADENZA_ENCODER_NONE 0   /* the model has none */
#define CADENZA_ENCODER_AUDIO 1  /* recordings: cadenza_stream_encode */
#define CADENZA_ENCODER_EVENTS 2 /* melodies: cadenza_stream_encode_events */

/* What a model is. Strings belong to the model and live as long as it does. */
typedef struct cadenza_model_info {
  uint32_t struct_size;    /* in: sizeof(cadenza_model_info) */
  uint32_t sample_rate;    /* Hz; of a composer, the rate at which its streams play where options.sample_rate is 0 */
  const char *name;        /* from the file; "" where absent; so for all the strings */
  const char *description; /* what it is, for people */
  const char *license;     /* under which it may be used */
  const char *network;     /* kind: "wavenet", "recurrent", "transformer", "decoder" */
  const char *codec;       /* kind: "mu_law", "waveform", "spectrogram", "harmonic"; of a composer "performance_events", "melody_steps", "chorale_grid",
                                  "note_tokens", "note_matrix" */
  const char *instruction_set; /* the kernels in use: "portable", "avx2", "avx512", "neon" */
  uint64_t parameter_count;    /* trained numbers in the file */
  uint64_t weight_bytes;       /* bytes of packed weights in memory */
  uint64_t stream_bytes;       /* memory that each stream takes at the model's sample rate, about */
  uint32_t vocabulary_size;    /* size of the softmax, 0 where the network predicts values */
  uint32_t condition_count;    /* see cadenza_model_get_condition_info */
  uint64_t receptive_field;    /* samples of the past that a prediction can depend on; 0: unbounded (recurrent) */
  double training_steps;       /* 0 where the file does not say */
  double validation_nats;      /* mean negative log-likelihood a sample on held-out data; 0 where the file does not say */
  float temperature;           /* the model's sampling defaults */
  float top_p;                 /* likewise; 1: off */
  uint32_t top_k;              /* likewise; 0: off */
  uint32_t reserved;           /* 0; the first release ended behind this field */
  uint64_t clip_frames;        /* samples of the clip that the model decodes, at its own rate; 0: it goes on, or ends when it likes */
  cadenza_decoding decoding;   /* CADENZA_DECODING_... */
  cadenza_encoder encoder;     /* CADENZA_ENCODER_... */
  uint32_t lowest_pitch;       /* MIDI: what the model knows of the pitches that it may be asked for with notes; both 0 where it */
  uint32_t highest_pitch;      /* plays none. Pitches beyond, or between, that it lacks are moved by octaves */
} cadenza_model_info;

/* Fills *info up to info->struct_size. Errors: INVALID_ARGUMENT (NULL, or a struct_size smaller than the first release's 128).
   [any-thread] */
CADENZA_API cadenza_status cadenza_model_get_info(const cadenza_model *model, cadenza_model_info *info);

/* What a condition's value is. */
typedef int32_t cadenza_condition_kind;
#define CADENZA_CONDITION_CLASS 0  /* one number: a whole class index, 0 ... size - 1 */
#define CADENZA_CONDITION_VECTOR 1 /* `size` finite numbers */
#define CADENZA_CONDITION_LATENT 2 /* `size` finite numbers, normally distributed around 0: see Latents */

/* Something that a model is told while it generates: an instrument, a pitch. Strings belong to the model. */
typedef struct cadenza_condition_info {
  uint32_t struct_size;        /* in: sizeof(cadenza_condition_info) */
  cadenza_condition_kind kind; /* CADENZA_CONDITION_... */
  const char *name;            /* "pitch"; belongs to the model */
  uint32_t size;               /* class: number of classes; vector: number of values */
  uint32_t frames_per_value; /* 0: global, a value holds until the next; else local: each lasts so many samples of the model */
  const char *const *labels; /* class: `label_count` names in class order, NULL where the file gives none */
  uint32_t label_count;      /* 0 or size */
  uint32_t queue_capacity;   /* local: values that may wait; global: 1; 0: not the host sets it, but the codec (a
                                position in the bar), or what is encoded (an embedding: see Encoders) */
} cadenza_condition_info;

/* Fills *info for condition `index`, 0 ... condition_count - 1. Errors: INVALID_ARGUMENT. [any-thread] */
CADENZA_API cadenza_status cadenza_model_get_condition_info(const cadenza_model *model, uint32_t index,
                                                            cadenza_condition_info *info);

/* Sets *index to the condition of this name, "latent" or "pitch". Errors: INVALID_ARGUMENT (NULL; the model has none of this
   name): *index keeps its value. [any-thread] */
CADENZA_API cadenza_status cadenza_model_find_condition(const cadenza_model *model, const char *name, uint32_t *index);

/* Sets *class_index to the class of condition `index` with this label, "guitar". Errors: INVALID_ARGUMENT (NULL, unknown index,
   no such label): *class_index keeps its value. [any-thread] */
CADENZA_API cadenza_status cadenza_model_find_class(const cadenza_model *model, uint32_t index, const char *label,
                                                    uint32_t *class_index);

/* ---- Streams ---------------------------------------------------------------------------------------------------------- */

/* One voice: the network's state, the sampler and its random generator. All its memory is taken in cadenza_stream_create. */
typedef struct cadenza_stream cadenza_stream;

/* How a stream begins, and at which sample rates it works.
   What the model generates at its own rate is converted to sample_rate: flat within 0.1 dB to 0.4 of the lower of the two
   rates, 100 dB of signal-to-noise for what lies below 0.45 of it, its images and aliases included. It is done sample by
   sample, so that any split of the frames into blocks gives the same bits, and time is counted in whole numbers, so that
   nothing ever drifts. The output may go beyond -1 ... 1 by what a wave does between its samples, and is late by
   cadenza_stream_get_latency.
   Audio that the stream is given is converted from input_sample_rate in the same way. Each of the two conversions takes memory
   of its own in cadenza_stream_create, 2 MB at most. */
typedef struct cadenza_stream_options {
  uint32_t struct_size;         /* set by cadenza_stream_options_init */
  uint32_t sample_rate;         /* Hz of the output, 1,000 ... 768,000; 0: the model's */
  uint32_t max_block_frames;    /* the host's largest usual block, a hint; larger blocks work too. Default 4,096 */
  uint32_t top_k;               /* draw among the k likeliest only; 0: off */
  uint64_t seed;                /* of the random generator; the same seed gives the same bits. Default 0 */
  float temperature;            /* divides the logits; 0: greedy; 0 ... 100. Default: the model's */
  float top_p;                  /* draw among the smallest set whose probability reaches this; 1: off; 0 ... 1 */
  float gain;                   /* multiplies the output; 0 ... 16. Default 1 */
  uint32_t render_ahead_frames; /* 0: generate inside the callback. 1 ... 16,777,216: a thread of the stream's own generates so
                                   many frames ahead, and cadenza_generate_block copies: see Rendering ahead. Default 0 */
  uint32_t input_sample_rate;   /* Hz of the samples that prime and score take, 1,000 ... 768,000; 0: the model's. Default 0 */
  uint32_t voices;              /* 0: the model plays on its own. 1 ... 64: it plays the notes that cadenza_stream_note_on asks for,
                                   so many at a time; the model is one that plays audio and has a condition "pitch" */
  float smoothing_seconds;      /* how long a change of the gain takes, and the transition after a reset, a loaded state, a drop
                                   or an underrun; 0 ... 1, default 0.005. 0: each change is a step, and a stream that was reset
                                   gives the bits of a new one from its first frame on */
  float output_limit;           /* the output lies in +- this, whatever happens; 0.001 ... 16. Default 4, 12 dB above full scale */
  float dc_blocker_hertz;       /* corner frequency of a filter of the first order that takes away what is constant, below a
                                   tenth of the output's rate; 0: none. Default 0 */
  uint32_t reserved;            /* 0 */
} cadenza_stream_options;

/* Fills *options with the defaults, those of `model` where it is not NULL. NULL options are ignored. The symbol of this name
   writes the 40 bytes of the first release for ever, up to render_ahead_frames, so that old programs stay safe; a program that
   is compiled with this header calls the last one below, which writes 64; one compiled before calls that of 48. cadenza_stream_create
   takes all three; where the structure ends earlier, smoothing_seconds and dc_blocker_hertz are 0, and output_limit is 16.
   [any-thread] */
CADENZA_API void cadenza_stream_options_init(cadenza_stream_options *options, const cadenza_model *model);
CADENZA_API void cadenza_stream_options_init_48(cadenza_stream_options *options, const cadenza_model *model);
CADENZA_API void cadenza_stream_options_init_64(cadenza_stream_options *options, const cadenza_model *model);
#define cadenza_stream_options_init cadenza_stream_options_init_64

/* Creates a stream and hands it out in *stream; it retains the model. `options` may be NULL for the defaults, and is not kept.
   Errors: INVALID_ARGUMENT (NULL model or stream, a value out of range, a sample rate among them, a struct_size this library
   does not know), UNSUPPORTED, OUT_OF_MEMORY, STATE (the thread that is to render ahead cannot be started); *stream is then NULL.
   [main-thread] */
CADENZA_API cadenza_status cadenza_stream_create(cadenza_model *model, const cadenza_stream_options *options,
                                                 cadenza_stream **stream, cadenza_error *error);

/* Frees the stream and its reference to the model; one that renders ahead may do so at any moment, and its thread has ended when this
   returns. NULL is fine. [main-thread] */
CADENZA_API void cadenza_stream_destroy(cadenza_stream *stream);

/* The most frames one call may ask for, 2^30. More is taken for a mistake. */
#define CADENZA_MAX_BLOCK_FRAMES 1073741824

/* Fills `output` with the next `frames` mono samples, at the stream's sample rate. The whole of it is always written: with
   silence where an error is returned, a NULL stream included. `frames` 0 is fine and does nothing; `output` may then be NULL.
   Errors: INVALID_ARGUMENT (NULL; more than CADENZA_MAX_BLOCK_FRAMES: nothing is written), NUMERIC (the network produced a
   value that is not finite: silence from that sample to the end of the block, and in every later block until a reset or a loaded
   state).
   Everything passes, in this order, the filter of options.dc_blocker_hertz, the gain, a transition where one is under way, and the
   limit of options.output_limit.
   A stream that renders ahead copies what is ready. Where that is less than the block, the sound fades out over
   options.smoothing_seconds, the rest is silence, and the answer is UNDERRUN; the music goes on later where it stopped, fading in.
   [audio-thread] */
CADENZA_API cadenza_status cadenza_generate_block(cadenza_stream *stream, float *output, size_t frames);

/* Takes the stream back to its beginning: empty history, also where sample rates are converted, random generator seeded anew,
   statistics zeroed, an earlier NUMERIC error forgotten. Parameters and conditions stay as set; so does a latent that nobody has set
   (cadenza_stream_randomize_latent gives it what a new stream of this seed draws).
   Where something sounded, it fades out over options.smoothing_seconds while the new beginning plays already, which comes in without a
   jump: the bits are those of a new stream from the end of that transition on, or at once where there was silence, or where
   smoothing_seconds is 0.
   A stream that renders ahead forgets what is ahead, and is silent until its thread has begun anew: a quarter of what the ring lasts, 20
   ms at most, and as long as generating takes. That answers UNDERRUN, and counts as one only where it lasts longer than the ring.
   [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_reset(cadenza_stream *stream, uint64_t seed);

/* Feeds `frames` samples at the rate of options.input_sample_rate, by default the model's own, as if the stream had generated
   them: what follows continues them. No random number is used. Calls may be split anyhow. Values beyond -1 ... 1 are clipped.
   Where the output has another rate than the model, its next cadenza_stream_get_latency frames still hold the end of what was
   fed. A stream that plays notes (options.voices) takes no audio, nor does a model that decodes a clip: UNSUPPORTED.
   At another input rate than the model's, audio of n frames becomes n x model's rate / input rate samples, rounded up. The
   last few of them (40 samples of the lower rate) wait for the frames that follow: the next cadenza_generate_block feeds them,
   or, rather than on the audio thread, a call with samples NULL and frames 0, which ends the audio. What is fed next begins
   after silence.
   Where a recurrent network predicts columns of spectra (codec "spectrogram"), what plays is cut off, and the audio is heard from its
   beginning. Only columns that look at given samples alone are fed. They overlap, so what follows, once cadenza_stream_get_latency
   frames have passed in silence, begins `frame_size` - `hop` samples of the model before the audio's end (with several columns an
   element, up to an element more): at first that is still the given sound, which fades into what is generated, without a step. A host
   that has played what it gave leaves as much of its end out.
   Errors: INVALID_ARGUMENT (NULL, a sample that is not finite, more than CADENZA_MAX_BLOCK_FRAMES: nothing is fed), NUMERIC,
   STATE (an earlier NUMERIC error). `frames` 0 is fine, and `samples` may then be NULL.
   Costs as much as generating; meant for another thread than the audio thread, though it allocates nothing. [main-thread] */
CADENZA_API cadenza_status cadenza_stream_prime(cadenza_stream *stream, const float *samples, size_t frames);

/* Like cadenza_stream_prime, and sets *nats to the summed negative log-likelihood, in nats, that the model gave to the samples
   just before it was fed each of them (temperature 1, no top-k or top-p). Divide by frames x ln 2 for bits a sample.
   At another input rate than the model's, divide by the number of the model's samples instead, as cadenza_stream_prime counts
   them, and add the nats of the call that ends the audio.
   Errors: as prime; UNSUPPORTED (a model without a softmax); *nats is then 0. [main-thread] */
CADENZA_API cadenza_status cadenza_stream_score(cadenza_stream *stream, const float *samples, size_t frames, double *nats);

/* What may be changed while a stream plays. */
typedef int32_t cadenza_parameter;
#define CADENZA_PARAMETER_TEMPERATURE 0 /* 0 ... 100; 0: greedy */
#define CADENZA_PARAMETER_TOP_K 1       /* 0 ... 16,777,216, a whole number; 0: off */
#define CADENZA_PARAMETER_TOP_P 2       /* 0 ... 1; 1: off */
#define CADENZA_PARAMETER_GAIN 3        /* 0 ... 16; it moves there in options.smoothing_seconds */
#define CADENZA_PARAMETER_TEMPO 4       /* beats a minute of a composer, 10 ... 1,000; at first the model's. Others: UNSUPPORTED */
#define CADENZA_PARAMETER_MIX 5         /* of what is encoded, 0: slot 0 ... 1: slot 1; at first 0. Models without an encoder:
                                           UNSUPPORTED. See Encoders */

/* Sets a parameter; the next block uses it, or, of a stream that renders ahead, what is generated next (the gain: the next block).
   A gain that is set before the first block applies at once. Errors: INVALID_ARGUMENT (NULL, unknown, out of range, not finite): the parameter
   keeps its value. [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_set_parameter(cadenza_stream *stream, cadenza_parameter parameter, float value);

/* Reads a parameter as last set. Errors: INVALID_ARGUMENT. [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_get_parameter(const cadenza_stream *stream, cadenza_parameter parameter,
                                                        float *value);

/* Sets condition `index`; `values` is copied.
   Global: `count` is 1 for a class, `size` for a vector; the next block uses the latest value set.
   Local: `count` is a whole number of values, 1 or `size` numbers each; they are queued behind those that wait, and each lasts
   frames_per_value samples of the model (at another output rate: frames_per_value x output rate / model's rate frames, on
   average exactly); the last one holds when the queue runs dry.
   A value is heard cadenza_stream_get_latency frames after the frame that it is set before.
   Of a stream that plays notes (options.voices): the value is that of every voice's notes which begin from the next block on;
   notes that sound keep theirs, and "pitch" is the notes' own: INVALID_ARGUMENT.
   Errors: INVALID_ARGUMENT (NULL, unknown index, wrong count, not finite, not a class), STATE (the queue has no room, or
   another thread is setting a condition of this stream at this moment), UNSUPPORTED (the codec sets it, or what is encoded, and
   not the host): nothing is changed.
   [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_set_condition(cadenza_stream *stream, uint32_t index, const float *values,
                                                        size_t count);

/* Saves everything that decides what the stream generates next, what is encoded included. With bytes NULL, sets *size to what is needed. Else *size is
   the room at `bytes`, and is set to what was written. A state belongs to the model, not to the machine: it may be loaded on
   another instruction set and continues with the same bits.
   Errors: INVALID_ARGUMENT (NULL, too little room: *size is set to what is needed, nothing is written). [main-thread] */
CADENZA_API cadenza_status cadenza_stream_save_state(const cadenza_stream *stream, void *bytes, size_t *size);

/* Loads a state saved from a stream of the same model, with the same options.voices, at the same sample rates, of output and
   input, and with the same render_ahead_frames; the stream then continues where that one was, parameters and conditions included.
   Where it was silent, with the same bits; where it sounded, after a transition of options.smoothing_seconds. Statistics are kept as
   they are. The bytes are checked in full first.
   Errors: INVALID_ARGUMENT (NULL), FORMAT (truncated, damaged, another model's, at other sample rates, with another ring): the stream is
   unchanged;
   cadenza_stream_check_state says which. [main-thread] */
CADENZA_API cadenza_status cadenza_stream_load_state(cadenza_stream *stream, const void *bytes, size_t size);

/* What a stream has done. */
typedef struct cadenza_stream_statistics {
  uint32_t struct_size;       /* in: sizeof(cadenza_stream_statistics); 64 or more */
  uint32_t reserved;          /* 0 */
  uint64_t frames;            /* generated since create or reset, at the stream's sample rate */
  uint64_t blocks;            /* calls of cadenza_generate_block with frames > 0 */
  uint64_t numeric_errors;    /* times that the network produced a value that is not finite */
  uint64_t underruns;         /* blocks of a stream that renders ahead that were not ready in whole */
  double worst_block_seconds; /* the longest call */
  double mean_block_seconds;  /* total_seconds / blocks; 0 before the first */
  double total_seconds;       /* spent inside cadenza_generate_block */
  uint64_t underrun_frames;   /* frames that those blocks lacked; the first release ended before this field */
  uint64_t frames_ahead;      /* ready now, of options.render_ahead_frames */
} cadenza_stream_statistics;

/* Fills *statistics up to its struct_size. Each figure is exact; together they may straddle a block that is being generated.
   Errors: INVALID_ARGUMENT. [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_get_statistics(const cadenza_stream *stream, cadenza_stream_statistics *statistics);

/* ---- Sample rates ------------------------------------------------------------------------------------------------------ */

/* Sets *frames to the stream's latency, in frames of its output: by so much the output lags what the model generates. The
   model's sample n sounds at frame n x output rate / model's rate + latency exactly, and what is set before frame f is heard
   from frame f + latency on. 0 at the model's own rate; else 40 samples of the lower of the two rates, rounded up to a whole
   frame. Where a recurrent network predicts columns of spectra, an element and half a column's `frame_size` are added, rounded to a
   frame: while they pass, what follows is made. (The gain works on the frames themselves, at once.) Of a stream with options.voices that renders ahead, its
   render_ahead_frames are part of it: a note sounds so much later. Nothing that other streams play is late for being rendered
   ahead. It never changes while the stream lives: a plugin reports it to
   its host, a program that writes a file leaves out so many frames at the beginning. Errors: INVALID_ARGUMENT (NULL).
   [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_get_latency(const cadenza_stream *stream, uint32_t *frames);

/* Tells whether cadenza_stream_load_state would take `size` bytes at `bytes`, and if not, why: of another model, of other
   sample rates, of another ring, damaged. The stream is not changed. Errors: as cadenza_stream_load_state, with a sentence. [main-thread] */
CADENZA_API cadenza_status cadenza_stream_check_state(const cadenza_stream *stream, const void *bytes, size_t size,
                                                      cadenza_error *error);

/* ---- Rendering ahead ---------------------------------------------------------------------------------------------------- */

/* A stream with options.render_ahead_frames has a thread of its own, which generates so many frames ahead into a ring; the audio
   thread only copies. So a moment in which the model is slower than the music, or the machine is busy, is not heard, and a block
   costs next to nothing.
   The bits are those of a stream that does not render ahead, as long as nothing is missing and nothing changes meanwhile. What is
   set takes effect on what is generated next: temperature, top k, top p, tempo and conditions are heard render_ahead_frames later,
   the gain at once. cadenza_stream_prime and its kin work on what is generated next, too: what is ahead is heard first. The thread
   goes on between two calls of them: give a prompt in one.
   A block longer than the ring always lacks frames in real time. At the beginning the ring is empty: wait for
   cadenza_stream_statistics.frames_ahead, off the audio thread, or have silence for a moment, which counts as an underrun only
   where it lasts longer than the ring. When the ring is full the thread sleeps a quarter of what it lasts, 0.5 ... 20 ms. It takes
   no signals, and asks for the lowest real-time priority (SCHED_RR), which it gets where the system grants it.
   [main-thread] functions stop it for as long as they take; they wait for 128 frames to be generated at most. */

/* What cadenza_generate_block does where a frame is not ready. */
typedef int32_t cadenza_render_mode;
#define CADENZA_RENDER_REALTIME 0 /* what is not ready is silent */
#define CADENZA_RENDER_OFFLINE 1  /* cadenza_generate_block waits for what is not ready, and so is not for an audio callback */

/* Sets what cadenza_generate_block does where a block is not ready; at first CADENZA_RENDER_REALTIME. The bits are the same. Without
   effect on a stream that does not render ahead. Errors: INVALID_ARGUMENT (NULL, an unknown mode). [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_set_render_mode(cadenza_stream *stream, cadenza_render_mode mode);

/* Leaves out what is ahead: what is generated from now on is heard next, after a transition, so that what was set before is heard as
   soon as can be. The model remembers what is left out. Until the thread has generated again there is silence, as after a reset.
   A composer's events of what is left out come with the next block, at its first frame. Notes of the host that wait begin sooner
   by as much. OK and without effect on a stream that does not render ahead. Errors: INVALID_ARGUMENT (NULL). [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_drop_ahead(cadenza_stream *stream);

/* ---- Latents ------------------------------------------------------------------------------------------------------------ */

/* A latent is a condition whose numbers nobody named: where a model's sounds, or melodies, lie beside each other. Its prior is the standard
   normal distribution, so numbers of about -2 ... 2 are what the model knows. Until the host sets it, it is what options.seed draws
   from that. cadenza_stream_set_condition sets it; unlike other conditions it acts on notes that sound, too, and may move while they do.
   A model that decodes a clip hears a new place from the next step of its network on (its hop: some milliseconds). Whatever follows says
   what the model does with one that is local, an embedding: cadenza_stream_encode. */

/* The way from one latent to another. */
typedef int32_t cadenza_interpolation;
#define CADENZA_INTERPOLATION_LINEAR 0    /* straight */
#define CADENZA_INTERPOLATION_SPHERICAL 1 /* along the great circle between the two directions: what lies between is as far from 0 */

/* Copies what condition `index` of the stream was last set to: of a glide, where it leads; where nobody has set it, what it began
   with; after cadenza_stream_load_state, what the state holds. `count` is 1 for a class, `size` for others. Errors: INVALID_ARGUMENT
   (NULL, unknown index, wrong count, "pitch" of a stream that plays notes), STATE (another thread is setting a condition at this
   moment). [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_get_condition(const cadenza_stream *stream, uint32_t index, float *values,
                                                        size_t count);

/* Lets latent `index` go from where it is to `values`, `size` numbers, in `frames` frames of the output, from the next block on; 0: at
   once. A new glide, or a new value, takes over from wherever it is. The place is taken anew every 64 samples of the model.
   Errors: INVALID_ARGUMENT (NULL, unknown index, wrong count, not finite, frames above CADENZA_MAX_BLOCK_FRAMES, an unknown
   interpolation), UNSUPPORTED (the condition is no latent, or a local one), STATE (as cadenza_stream_get_condition): nothing is
   changed. [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_glide_latent(cadenza_stream *stream, uint32_t index, const float *values,
                                                       size_t count, uint32_t frames, cadenza_interpolation interpolation);

/* The same to what `seed` draws from the prior: the same seed gives the same numbers, and those of a stream with this options.seed.
   Errors: as there. [any-thread] [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_randomize_latent(cadenza_stream *stream, uint32_t index, uint64_t seed,
                                                           uint32_t frames, cadenza_interpolation interpolation);

/* As cadenza_stream_glide_latent, of a composer's instrument, for the notes of `voice` or of CADENZA_ALL_VOICES, those that sound among
   them. Errors: as there; STATE (no instrument). [main-thread] */
CADENZA_API cadenza_status cadenza_stream_glide_instrument_latent(cadenza_stream *stream, uint32_t voice, uint32_t index,
                                                                  const float *values, size_t count, uint32_t frames,
                                                                  cadenza_interpolation interpolation);

/* Writes to `values` the point `fraction` of the way, 0 ... 1, from `start` to `end`, `count` numbers each. Errors: INVALID_ARGUMENT
   (NULL, a fraction beyond 0 ... 1, an unknown interpolation). [any-thread] */
CADENZA_API cadenza_status cadenza_interpolate(const float *start, const float *end, size_t count, double fraction,
                                               cadenza_interpolation interpolation, float *values);

/* ---- Notes ------------------------------------------------------------------------------------------------------------- */

/* A composer is a model whose codec speaks of notes (cadenza_model_info.codec). Its stream writes music while it plays:
   cadenza_generate_block moves its time on, cadenza_stream_read_events tells what happened, and an instrument, where one is set,
   plays it. Without an instrument the output is silence.
   A composer works a little ahead of what is heard, 200 ms at most, so that no block has to wait for it: a new temperature or
   condition is heard after so long. Tempo works at once. Time is counted in whole numbers: notes fall on the same frames however
   the frames are split into blocks. */

/* What happens. */
typedef int32_t cadenza_event_kind;
#define CADENZA_EVENT_NOTE_ON 0  /* a note begins */
#define CADENZA_EVENT_NOTE_OFF 1 /* a note ends */
#define CADENZA_EVENT_END 2      /* the piece is over; what else the structure says is 0 */

/* One event. Its size never changes. */
typedef struct cadenza_event {
  uint64_t frame;          /* at the stream's sample rate: see the functions */
  cadenza_event_kind kind; /* CADENZA_EVENT_... */
  uint32_t voice;          /* of a chorale: 0, 1, ... in the order of the model's voices; else 0 */
  uint32_t pitch;          /* MIDI, 0 ... 127; 60 is middle C */
  float velocity;          /* 0 ... 1: MIDI's 0 ... 127, divided by 127; 0 for NOTE_OFF */
  double beat;             /* read: when it happens, in beats since the stream began, those of a piece that was given included;
                              given: ignored */
} cadenza_event;

/* Events of one block that are kept at most. */
#define CADENZA_MAX_EVENTS 4096

/* Copies the events of the last cadenza_generate_block, in the order in which they happened, to `events`, which has room for
   `capacity`, and sets *count to how many it wrote. A second call gives those that found no room in the first. The frame counts
   from the block's first one; it is when the note begins, and sounds cadenza_stream_get_latency frames later. Events that were not
   read are gone with the next block. Notes that the host plays itself (cadenza_stream_note_on) are not among them.
   Returns CADENZA_EVENTS_LOST where the block had more than CADENZA_MAX_EVENTS. Errors: INVALID_ARGUMENT (NULL; `events` may be
   NULL where `capacity` is 0), UNSUPPORTED (not a composer). [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_read_events(cadenza_stream *stream, cadenza_event *events, size_t capacity,
                                                      size_t *count);

/* Gives a composer a piece to continue, as if it had written it: `count` events, whose frames count from the beginning of the
   piece at the present tempo and never fall, and the piece's length in frames. Time is taken to the codec's own steps; what the
   codec has no word for is left out, or replaced by what comes closest. Nothing sounds meanwhile; notes that still sound at the
   end do so from the next block on, as events at its first frame. What the stream had composed and not played yet is not heard;
   what sounded ends at that frame. No random number is used. It may be called again: the next piece continues.
   Errors: INVALID_ARGUMENT (NULL, frames that fall or lie beyond the end, a pitch above 127, a voice above 15, a velocity beyond
   0 ... 1, an unknown kind, a piece whose time alone would take more than 2^22 choices: nothing is fed), UNSUPPORTED (not a composer), NUMERIC, STATE (an earlier NUMERIC error; the piece has ended).
   [main-thread] */
CADENZA_API cadenza_status cadenza_stream_prime_events(cadenza_stream *stream, const cadenza_event *events, size_t count,
                                                       uint64_t frames);

/* Like cadenza_stream_prime_events, and sets *nats to the summed negative log-likelihood, in nats, of the choices that make up the
   piece, each given those before it (temperature 1, no top-k or top-p), and *choices to how many they are; `choices` may be NULL.
   Errors: as there; UNSUPPORTED (a model without a softmax): *nats and *choices are then 0. [main-thread] */
CADENZA_API cadenza_status cadenza_stream_score_events(cadenza_stream *stream, const cadenza_event *events, size_t count,
                                                       uint64_t frames, double *nats, uint64_t *choices);

/* How an instrument plays notes. */
typedef struct cadenza_instrument_options {
  uint32_t struct_size;  /* set by cadenza_instrument_options_init */
  uint32_t voices;       /* notes that sound at once, those that are fading included, 1 ... 64; one more takes over the voice that
                            has faded furthest, or else the oldest. Each costs what a stream of the model costs. Default 8 */
  uint32_t top_k;        /* of the instrument's sampler, as in cadenza_stream_options; default: the model's */
  float temperature;     /* likewise */
  float top_p;           /* likewise */
  float gain;            /* of a note at full velocity; 0 ... 16. Default 0.5 */
  float attack_seconds;  /* a note fades in for so long; 0.001 ... 10. Default 0.003 */
  float release_seconds; /* and out after its end; 0.001 ... 10. Default 0.08. A voice that is taken over fades in 0.005 */
  int32_t transpose;     /* semitones added to every pitch, -127 ... 127; a pitch beyond the model's is moved by octaves. Default 0 */
  uint32_t reserved;     /* 0 */
} cadenza_instrument_options;

/* Fills *options with the defaults, those of `model` where it is not NULL. NULL options are ignored. [any-thread] */
CADENZA_API void cadenza_instrument_options_init(cadenza_instrument_options *options, const cadenza_model *model);

/* Lets `instrument`, a model that plays audio and has a condition "pitch", play what the stream composes; it retains the model.
   The classes of "pitch" are the MIDI pitches 0, 1, ..., or those that their labels say where all of these are whole numbers. What
   the model lacks is moved by octaves to the nearest pitch that it has.
   An instrument that was set before is let go, notes and all; `instrument` NULL leaves the composer silent. `options` may be NULL
   for the defaults, and is not kept. The voices' random generators are seeded from the stream's seed. The stream's latency is from
   now on the instrument's.
   Errors: INVALID_ARGUMENT (NULL stream, a value out of range), UNSUPPORTED (the stream is no composer's; the instrument has no
   condition "pitch" of classes, is a composer itself, or has local conditions), OUT_OF_MEMORY: the stream is unchanged.
   [main-thread] */
CADENZA_API cadenza_status cadenza_stream_set_instrument(cadenza_stream *stream, cadenza_model *instrument,
                                                         const cadenza_instrument_options *options, cadenza_error *error);

/* Every voice of a composer. */
#define CADENZA_ALL_VOICES 0xFFFFFFFFu

/* Sets condition `index` of the instrument's model, "pitch" excepted, for the notes of composer's voice `voice` or of
   CADENZA_ALL_VOICES that begin from now on; `values` is copied. So a chorale's bass may be played by a bass. Of a stream that was
   created with `voices`, the voice is that of cadenza_stream_note_on. Voices count to 16.
   Errors: INVALID_ARGUMENT (NULL, unknown index, wrong count, not finite, not a class), STATE (no instrument).
   [main-thread] */
CADENZA_API cadenza_status cadenza_stream_set_instrument_condition(cadenza_stream *stream, uint32_t voice, uint32_t index,
                                                                   const float *values, size_t count);

/* Begins and ends a note that the host plays: `frame` frames after the beginning of the next block (or of a later one, where that
   block is shorter). The stream is a composer's with an instrument, or was created with `voices`. A note on for a pitch that
   sounds in this voice ends it first; a note off for one that does not is ignored. Velocity is 0 ... 1; `voice` 0 ... 15.
   256 of these may wait. Calls are in the order of their frames.
   Loudness is the gain times the square of the velocity: a tenth of it is 40 dB softer; as in MIDI, a note on of velocity 0 is
   a note off. Where the stream was created with `voices`, that gain is 1, a note fades in for 3 ms and out for 80 ms, chords add
   up, and temperature, top k, top p and gain act on the notes that sound. The same seed and notes give the same bits: each note
   begins its voice's network anew, with random numbers of its own.
   A note that takes over a voice begins 5 ms later, when what sounded there has faded; one that has ended by then is not heard.
   So a block costs what `voices` streams cost, and for each note that begins setting a network's state to zeros once more; a voice
   begins one note for each of the model's samples at most, nothing clicks, and nothing is done in advance.
   A network that produces a value that is not finite silences the whole stream, as cadenza_generate_block says.
   Of a stream that renders ahead, the note begins options.render_ahead_frames later, to the frame, also where a composer's instrument
   plays it; and later by what blocks lacked meanwhile, or sooner by what was dropped.
   Errors: INVALID_ARGUMENT (NULL, pitch above 127, velocity not in 0 ... 1, voice above 15, a frame before one that waits, or above
   CADENZA_MAX_BLOCK_FRAMES), STATE (no instrument; too many wait): nothing is changed. [audio-thread] */
CADENZA_API cadenza_status cadenza_stream_note_on(cadenza_stream *stream, uint32_t frame, uint32_t voice, uint32_t pitch,
                                                  float velocity);
CADENZA_API cadenza_status cadenza_stream_note_off(cadenza_stream *stream, uint32_t frame, uint32_t voice, uint32_t pitch);

/* ---- Encoders ---------------------------------------------------------------------------------------------------------- */

/* A model may have an encoder: it turns a recording, or of a composer a melody, into numbers, the model's latent, from which the model
   plays something like it. A stream holds what is encoded in two slots and plays (1 - m) x slot 0 + m x slot 1, m being
   CADENZA_PARAMETER_MIX; a slot that holds nothing is zeros.
   Where the latent is an embedding (a vector condition with frames_per_value that the host cannot set: a WaveNet autoencoder), a
   recording becomes rows, each of which lasts frames_per_value samples of the model, the last one on and on. A stream plays them from
   its beginning: encode, then cadenza_stream_reset. Notes (options.voices, or a composer's instrument) each begin at the first
   row. Rows change where they end, the mix within 64 samples of the model, also while a note sounds.
   Where it is global, one row: it is set, as cadenza_stream_set_condition sets it, to the mix of the slots when one of them is
   filled and when the mix changes. A composer that begins with it begins anew with cadenza_stream_reset.
   Of a composer whose model has no encoder, all of this means its instrument's. */

/* Slots for what is encoded. */
#define CADENZA_ENCODED_SLOTS 2

/* Encodes a recording of `frames` samples at options.input_sample_rate into `slot`, 0 or 1, instead of what was there. Values beyond
   -1 ... 1 are clipped. Layers of the encoder that know conditions take the stream's present ones.
   Takes as long as the encoder takes; a stream that renders ahead goes on meanwhile.
   Errors: INVALID_ARGUMENT (NULL, an unknown slot, a recording that is too short for the encoder or too long, that is silent, with a
   peak below -80 dB, or not finite), UNSUPPORTED (the model has no encoder, or one of melodies), OUT_OF_MEMORY, NUMERIC: the slot is as
   it was. [main-thread] */
CADENZA_API cadenza_status cadenza_stream_encode(cadenza_stream *stream, uint32_t slot, const float *samples, size_t frames,
                                                 cadenza_error *error);

/* The same of a melody: `count` events as cadenza_stream_prime_events takes them, and its length in frames. The encoder reads as many
   steps as it was made for, from the first on: what lies beyond is left out, and what is missing is rest.
   Errors: INVALID_ARGUMENT (as there; an unknown slot; no note), UNSUPPORTED (the model has no encoder, or one of recordings),
   OUT_OF_MEMORY, NUMERIC: the slot is as it was. [main-thread] */
CADENZA_API cadenza_status cadenza_stream_encode_events(cadenza_stream *stream, uint32_t slot, const cadenza_event *events,
                                                        size_t count, uint64_t frames, cadenza_error *error);

/* Fills `slot` with `count` numbers, rows one after another, which are copied: what cadenza_model_encode gave, or others. 0 of them
   empty the slot; `latent` may then be NULL.
   Errors: INVALID_ARGUMENT (NULL, an unknown slot, not whole rows, more than one row of a global latent, not finite), UNSUPPORTED (the
   model has no encoder), OUT_OF_MEMORY: the slot is as it was. [main-thread] */
CADENZA_API cadenza_status cadenza_stream_set_encoded(cadenza_stream *stream, uint32_t slot, const float *latent, size_t count,
                                                      cadenza_error *error);

/* Encodes a recording of `frames` samples at the model's sample rate, and writes the numbers, rows one after another, to `latent`,
   which has room for `capacity`; *count is set to how many they are. With `latent` NULL and `capacity` 0 *count is all that is set,
   at no cost. Layers of the encoder that know conditions take the defaults.
   Errors: INVALID_ARGUMENT (as cadenza_stream_encode; too little room: *count is set to what is needed, nothing is written),
   UNSUPPORTED, OUT_OF_MEMORY, NUMERIC; *count is otherwise 0. [main-thread], any number of threads at once. */
CADENZA_API cadenza_status cadenza_model_encode(const cadenza_model *model, const float *samples, size_t frames, float *latent,
                                                size_t capacity, size_t *count, cadenza_error *error);

/* The same of a melody, whose events' frames count at the model's sample rate and tempo. [main-thread], any number of threads at
   once. */
CADENZA_API cadenza_status cadenza_model_encode_events(const cadenza_model *model, const cadenza_event *events, size_t event_count,
                                                       uint64_t frames, float *latent, size_t capacity, size_t *count,
                                                       cadenza_error *error);

#ifdef __cplusplus
}
#endif

#endif /* CADENZA_H */

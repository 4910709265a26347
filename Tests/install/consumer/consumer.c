/* Writes the first 1,600 samples of the model in argv[1], with seed 5, to standard output, as floats of this machine. */
#include <cadenza.h>
#include <stdio.h>

int main(int argc, char **argv) {
  cadenza_error error;
  cadenza_model *model = NULL;
  cadenza_stream *stream = NULL;
  cadenza_stream_options options;
  float block[160];
  int i;
  if (argc != 2) return 2;
  if (cadenza_model_load(argv[1], &model, &error) < 0) return fprintf(stderr, "%s\n", error.message), 1;
  cadenza_stream_options_init(&options, model);
  options.seed = 5;
  if (cadenza_stream_create(model, &options, &stream, &error) < 0) return fprintf(stderr, "%s\n", error.message), 1;
  for (i = 0; i < 10; i++) {
    if (cadenza_generate_block(stream, block, 160) != CADENZA_OK) return 1;
    if (fwrite(block, sizeof(float), 160, stdout) != 160) return 1;
  }
  cadenza_stream_destroy(stream);
  cadenza_model_release(model);
  return cadenza_version() == CADENZA_VERSION && fflush(stdout) == 0 ? 0 : 1;
}

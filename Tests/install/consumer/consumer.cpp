// Writes the first 1,600 samples of the model in argv[1], with seed 5, to standard output, as floats of this machine.
#include <cadenza.h>

#include <cstdio>
#include <memory>

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  cadenza_error error;
  cadenza_model *model = nullptr;
  if (cadenza_model_load(argv[1], &model, &error) < 0) return std::fprintf(stderr, "%s\n", error.message), 1;
  std::unique_ptr<cadenza_model, decltype(&cadenza_model_release)> keep_model(model, cadenza_model_release);
  cadenza_stream_options options;
  cadenza_stream_options_init(&options, model);
  options.seed = 5;
  cadenza_stream *stream = nullptr;
  if (cadenza_stream_create(model, &options, &stream, &error) < 0) return std::fprintf(stderr, "%s\n", error.message), 1;
  std::unique_ptr<cadenza_stream, decltype(&cadenza_stream_destroy)> keep_stream(stream, cadenza_stream_destroy);
  for (int i = 0; i < 10; i++) {
    float block[160];
    if (cadenza_generate_block(stream, block, 160) != CADENZA_OK) return 1;
    if (std::fwrite(block, sizeof(float), 160, stdout) != 160) return 1;
  }
  return cadenza_version() == CADENZA_VERSION && std::fflush(stdout) == 0 ? 0 : 1;
}

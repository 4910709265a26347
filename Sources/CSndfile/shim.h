/* libsndfile as a Swift module: reading and writing audio files, for the command only. The engine never links it. */
#include <sndfile.h>

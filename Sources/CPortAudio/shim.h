/* PortAudio as a Swift module: plays to the sound card, for the command only, and only where it was found when that was built. */
#include <portaudio.h>

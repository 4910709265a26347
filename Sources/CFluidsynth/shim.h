/* libfluidsynth as a Swift module: plays a sound font, for the command only, and only where it was found when that was built. */
#include <fluidsynth.h>

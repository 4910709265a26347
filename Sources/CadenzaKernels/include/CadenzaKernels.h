/* The C floor of Cadenza: arithmetic on vectors and matrices, and the little that the engine needs of the platform. */
#ifndef CADENZA_KERNELS_H
#define CADENZA_KERNELS_H

#include "FileReading.h"
#include "FourierTransform.h"
#include "Kernels.h"
#include "Platform.h"
#include "ReadPass.h"

#endif

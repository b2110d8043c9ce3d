// What a CPU needs to compile the kernel's own source: CUDA's keywords, block and thread as
// variables that a loop sets, and the two intrinsics. No line of the kernel is repeated here.
#include <math.h>
#include <string.h>

#define __device__
#define __global__
#define __forceinline__ inline
#define __launch_bounds__(threads)

struct Index {
    unsigned int x, y, z;
};
static thread_local Index blockIdx, threadIdx;

static inline unsigned char read_only(const unsigned char* address) { return *address; }

// IEEE half, to the nearest, ties to even: the compiler's own conversion.
static inline unsigned short half_bits(float value) {
    const _Float16 half = static_cast<_Float16>(value);
    unsigned short bits;
    memcpy(&bits, &half, sizeof bits);
    return bits;
}

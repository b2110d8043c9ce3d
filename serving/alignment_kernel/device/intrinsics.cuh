// The only code that a GPU runs and a CPU cannot: two instructions. The tests put their own
// definitions of these two functions in this file's place.

__device__ __forceinline__ unsigned char read_only(const unsigned char* address) {
    return __ldg(address);
}

// IEEE half, to the nearest, ties to even. Written as PTX because NVRTC carries no cuda_fp16.h.
__device__ __forceinline__ unsigned short half_bits(float value) {
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

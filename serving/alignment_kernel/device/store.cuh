// Two neighbouring values in one store, for each number format and layout.

struct alignas(8) FloatPair {
    float first, second;
};

struct Float32 {
    using Pair = FloatPair;
    static __device__ __forceinline__ Pair pack(float first, float second) {
        return {first, second};
    }
};

struct Float16 {
    using Pair = unsigned int;
    static __device__ __forceinline__ Pair pack(float first, float second) {
        return half_bits(first) | static_cast<unsigned int>(half_bits(second)) << 16;
    }
};

struct BFloat16 {
    using Pair = unsigned int;
    // In integers, to the nearest, ties to even: sm_75 has no instruction for it. No NaN comes here.
    static __device__ __forceinline__ unsigned int round(float value) {
        union {
            float number;
            unsigned int bits;
        } word = {value};
        return (word.bits + 0x7fffu + ((word.bits >> 16) & 1u)) >> 16;
    }
    static __device__ __forceinline__ Pair pack(float first, float second) {
        return round(first) | round(second) << 16;
    }
};

constexpr int CROP_PIXELS = CROP_SIZE_PX * CROP_SIZE_PX;

// `crop` is one face's; `pair` counts pairs of neighbouring pixels along the rows.
struct Nchw {
    template <class Format>
    static __device__ __forceinline__ void store(typename Format::Pair* crop, int pair,
                                                 const Rgb& left, const Rgb& right) {
        crop[pair] = Format::pack(left.red, right.red);
        crop[pair + CROP_PIXELS / 2] = Format::pack(left.green, right.green);
        crop[pair + CROP_PIXELS] = Format::pack(left.blue, right.blue);
    }
};

struct Nhwc {
    template <class Format>
    static __device__ __forceinline__ void store(typename Format::Pair* crop, int pair,
                                                 const Rgb& left, const Rgb& right) {
        crop[3 * pair] = Format::pack(left.red, left.green);
        crop[3 * pair + 1] = Format::pack(left.blue, right.red);
        crop[3 * pair + 2] = Format::pack(right.green, right.blue);
    }
};

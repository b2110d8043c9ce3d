// One launch aligns all faces of a batch: block (tile, face), BLOCKS_PER_FACE tiles to a face.

static_assert(CROP_SIZE_PX % 2 == 0, "a pair of pixels lies in one row");
static_assert(2 * BLOCKS_PER_FACE * THREADS_PER_BLOCK * PAIRS_PER_THREAD == CROP_PIXELS,
              "the blocks of a face cover its crop exactly");

constexpr int FRAME_FIELDS = 4;  // address, height, width, bytes from row to row

__device__ __forceinline__ Frame read_frame(const long long* frames, int index) {
    const long long* fields = frames + static_cast<long long>(index) * FRAME_FIELDS;
    return {reinterpret_cast<const unsigned char*>(fields[0]), static_cast<int>(fields[1]),
            static_cast<int>(fields[2]), fields[3]};
}

__device__ __forceinline__ float normalise(float grey_level) {
    return (grey_level - PIXEL_MEAN) * PIXEL_SCALE_RECIPROCAL;
}

__device__ __forceinline__ Rgb normalise(const Rgb& pixel) {
    return {normalise(pixel.red), normalise(pixel.green), normalise(pixel.blue)};
}

template <class Layout, class Format>
__device__ __forceinline__ void align_face(const long long* frames, const float* landmarks,
                                           const int* frame_index, int num_frames,
                                           int max_taps_per_axis, typename Format::Pair* crops,
                                           unsigned char* is_face) {
    const int face = static_cast<int>(blockIdx.y);
    const int thread = static_cast<int>(blockIdx.x * THREADS_PER_BLOCK + threadIdx.x);
    const int index = frame_index[face];
    const SamplingMap map = estimate(landmarks + 2LL * NUM_LANDMARKS * face);
    const bool valid = map.is_face && index >= 0 && index < num_frames;
    // No face, or no frame: a picture without pixels gives the black crop.
    const Frame frame = valid ? read_frame(frames, index) : Frame{nullptr, 0, 0, 0};
    const int taps = max_taps_per_axis > 1 ? taps_per_axis(map.scale, max_taps_per_axis) : 1;
    typename Format::Pair* crop = crops + 3LL * CROP_PIXELS / 2 * face;
#pragma unroll 1
    for (int i = 0; i < PAIRS_PER_THREAD; ++i) {
        const int pair = thread + i * BLOCKS_PER_FACE * THREADS_PER_BLOCK;
        const int y = 2 * pair / CROP_SIZE_PX, x = 2 * pair % CROP_SIZE_PX;
        const Rgb left = normalise(crop_pixel(frame, map, taps, x, y));
        const Rgb right = normalise(crop_pixel(frame, map, taps, x + 1, y));
        Layout::template store<Format>(crop, pair, left, right);
    }
    if (thread == 0) {
        is_face[face] = valid;
    }
}

// Inputs, then integers, then outputs: the order that a TensorRT AOT plugin hands them over in.
#define ALIGN_KERNEL(NAME, LAYOUT, FORMAT)                                                      \
    extern "C" __global__ void __launch_bounds__(THREADS_PER_BLOCK)                             \
        NAME(const long long* frames, const float* landmarks, const int* frame_index,           \
             int num_frames, int max_taps_per_axis, FORMAT::Pair* crops, unsigned char* is_face) { \
        align_face<LAYOUT, FORMAT>(frames, landmarks, frame_index, num_frames,                  \
                                   max_taps_per_axis, crops, is_face);                          \
    }

ALIGN_KERNEL(align_nchw_f32, Nchw, Float32)
ALIGN_KERNEL(align_nchw_f16, Nchw, Float16)
ALIGN_KERNEL(align_nchw_bf16, Nchw, BFloat16)
ALIGN_KERNEL(align_nhwc_f32, Nhwc, Float32)
ALIGN_KERNEL(align_nhwc_f16, Nhwc, Float16)
ALIGN_KERNEL(align_nhwc_bf16, Nhwc, BFloat16)

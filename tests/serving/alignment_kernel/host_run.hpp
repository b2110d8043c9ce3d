// Runs one entry point over a grid, block by block and thread by thread. Nothing in the kernel
// waits for another thread, so the order does not matter; `backwards` runs them the other way.
template <class Pair>
using Kernel = void (*)(const long long*, const float*, const int*, int, int, Pair*,
                        unsigned char*);

template <class Pair>
static void over_grid(Kernel<Pair> kernel, int num_faces, int backwards, const long long* frames,
                      const float* landmarks, const int* frame_index, int num_frames, int max_taps,
                      void* crops, unsigned char* is_face) {
    const int threads = num_faces * BLOCKS_PER_FACE * THREADS_PER_BLOCK;
    for (int i = 0; i < threads; ++i) {
        const int at = backwards ? threads - 1 - i : i;
        const int block = at / THREADS_PER_BLOCK;
        threadIdx = {static_cast<unsigned>(at % THREADS_PER_BLOCK), 0, 0};
        blockIdx = {static_cast<unsigned>(block % BLOCKS_PER_FACE),
                    static_cast<unsigned>(block / BLOCKS_PER_FACE), 0};
        kernel(frames, landmarks, frame_index, num_frames, max_taps, static_cast<Pair*>(crops),
               is_face);
    }
}

#define HOST_ENTRY(NAME)                                                                        \
    extern "C" void host_##NAME(int num_faces, int backwards, const long long* frames,          \
                                const float* landmarks, const int* frame_index, int num_frames, \
                                int max_taps, void* crops, unsigned char* is_face) {            \
        over_grid(NAME, num_faces, backwards, frames, landmarks, frame_index, num_frames,       \
                  max_taps, crops, is_face);                                                    \
    }

// The last rounding alone, for numbers that no crop is sure to hold.
template <class Format>
static void pack_all(const float* numbers, int num_pairs, void* pairs) {
    for (int i = 0; i < num_pairs; ++i) {
        static_cast<typename Format::Pair*>(pairs)[i] =
            Format::pack(numbers[2 * i], numbers[2 * i + 1]);
    }
}

extern "C" void host_pack_f16(const float* numbers, int num_pairs, void* pairs) {
    pack_all<Float16>(numbers, num_pairs, pairs);
}

extern "C" void host_pack_bf16(const float* numbers, int num_pairs, void* pairs) {
    pack_all<BFloat16>(numbers, num_pairs, pairs);
}

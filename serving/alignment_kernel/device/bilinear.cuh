// One bilinear sample of a frame: black outside, as cv2.warpAffine with BORDER_CONSTANT 0.

struct Frame {
    const unsigned char* pixels;  // RGB, three bytes a pixel
    int height, width;
    long long row_bytes;
};

struct Rgb {
    float red, green, blue;  // grey levels, 0 to 255
};

__device__ __forceinline__ Rgb texel(const Frame& frame, int x, int y) {
    // As unsigned, a negative coordinate is too large as well.
    if (static_cast<unsigned>(x) >= static_cast<unsigned>(frame.width) ||
        static_cast<unsigned>(y) >= static_cast<unsigned>(frame.height)) {
        return {0, 0, 0};
    }
    const unsigned char* at = frame.pixels + y * frame.row_bytes + 3LL * x;
    return {static_cast<float>(read_only(at)), static_cast<float>(read_only(at + 1)),
            static_cast<float>(read_only(at + 2))};
}

// The difference of two grey levels is exact, so an even area keeps its level to the bit.
__device__ __forceinline__ float between(float from, float to, float share) {
    return fmaf(share, to - from, from);
}

__device__ __forceinline__ Rgb between(const Rgb& from, const Rgb& to, float share) {
    return {between(from.red, to.red, share), between(from.green, to.green, share),
            between(from.blue, to.blue, share)};
}

__device__ __forceinline__ Rgb sample(const Frame& frame, float x, float y) {
    // In floats, before anything becomes an int: a far coordinate fits in none. NaN is outside.
    if (!(x > -1 && x < static_cast<float>(frame.width) && y > -1 &&
          y < static_cast<float>(frame.height))) {
        return {0, 0, 0};
    }
    const float left = floorf(x), top = floorf(y);
    const int x0 = static_cast<int>(left), y0 = static_cast<int>(top);
    const float right_share = x - left, lower_share = y - top;
    const Rgb upper = between(texel(frame, x0, y0), texel(frame, x0 + 1, y0), right_share);
    const Rgb lower = between(texel(frame, x0, y0 + 1), texel(frame, x0 + 1, y0 + 1), right_share);
    return between(upper, lower, lower_share);
}

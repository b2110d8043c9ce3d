// The value of one crop pixel: one bilinear sample, or for large faces the mean of several spread
// evenly over the pixel's footprint. A bilinear sample sees two picture pixels across; with
// ceil(scale / 2) samples an axis the footprint has no hole. At an even scale without rotation
// the mean is the area average of cv2.INTER_AREA.

__device__ __forceinline__ int taps_per_axis(float scale, int max_taps_per_axis) {
    // Clamped as a float: the scale of landmarks far apart fits in no int.
    const float wanted = ceilf(fmaf(scale, 0.5f, -TAP_TOLERANCE));
    return static_cast<int>(fmaxf(1.0f, fminf(wanted, static_cast<float>(max_taps_per_axis))));
}

__device__ __forceinline__ Rgb crop_pixel(const Frame& frame, const SamplingMap& map, int taps,
                                          int x, int y) {
    const float step = 1.0f / static_cast<float>(taps);
    Rgb sum = {0, 0, 0};
    for (int row = 0; row < taps; ++row) {
        const float inside_y = fmaf(static_cast<float>(row) + 0.5f, step, -0.5f);
        const float dy = (static_cast<float>(y) - TEMPLATE_MEAN_Y) + inside_y;
        for (int column = 0; column < taps; ++column) {
            const float inside_x = fmaf(static_cast<float>(column) + 0.5f, step, -0.5f);
            const float dx = (static_cast<float>(x) - TEMPLATE_MEAN_X) + inside_x;
            const float source_x = fmaf(map.a, dx, fmaf(map.b, dy, map.mean_x));
            const float source_y = fmaf(-map.b, dx, fmaf(map.a, dy, map.mean_y));
            const Rgb one = sample(frame, source_x, source_y);
            sum = {sum.red + one.red, sum.green + one.green, sum.blue + one.blue};
        }
    }
    const float share = step * step;
    return {sum.red * share, sum.green * share, sum.blue * share};
}

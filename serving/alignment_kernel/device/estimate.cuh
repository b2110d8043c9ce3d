// Umeyama's least-squares similarity (1991) in closed form, inverted for sampling: with p the
// centred landmarks, q the centred template, a = sum(p.q), b = sum(p x q) and D = sum(|p|^2), the
// crop pixel d comes from the picture at R (d - mean q) + mean p,
// R = D / (a^2 + b^2) [[a, b], [-b, a]]. As in serving/graph.py.

struct SamplingMap {
    float a, b;            // R = [[a, b], [-b, a]]
    float mean_x, mean_y;  // of the landmarks, in picture pixels
    float scale;           // picture pixels to a crop pixel
    bool is_face;
};

__device__ __forceinline__ SamplingMap estimate(const float* landmarks) {
    // The first landmark is subtracted before the mean, so that five equal ones cancel exactly.
    const float first_x = landmarks[0], first_y = landmarks[1];
    float x[NUM_LANDMARKS], y[NUM_LANDMARKS], shift_x = 0, shift_y = 0;
#pragma unroll
    for (int i = 0; i < NUM_LANDMARKS; ++i) {
        shift_x += x[i] = landmarks[2 * i] - first_x;
        shift_y += y[i] = landmarks[2 * i + 1] - first_y;
    }
    shift_x *= NUM_LANDMARKS_RECIPROCAL;
    shift_y *= NUM_LANDMARKS_RECIPROCAL;
    float a = 0, b = 0, spread = 0;
#pragma unroll
    for (int i = 0; i < NUM_LANDMARKS; ++i) {
        const float px = x[i] - shift_x, py = y[i] - shift_y;
        a = fmaf(px, template_x(i), fmaf(py, template_y(i), a));
        b = fmaf(px, template_y(i), fmaf(-py, template_x(i), b));
        spread = fmaf(px, px, fmaf(py, py, spread));
    }
    const float correlation = fmaf(a, a, b * b);
    // Written so that a NaN is no face.
    const bool is_face = spread > MIN_SPREAD_PX2 && spread < MAX_SPREAD_PX2 &&
                         correlation > MIN_CORRELATION;
    const float ratio = spread / correlation;
    return {a * ratio,         b * ratio, first_x + shift_x, first_y + shift_y,
            ratio * sqrtf(correlation), is_face};
}

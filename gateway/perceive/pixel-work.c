// What is done with every decoded picture before a network sees it, as WebAssembly: sixteen bytes at a time, which JavaScript
// cannot. Pictures are I420, BT.601, 16..235; results RGB24. The arithmetic is `yuv.ts`'s and `resample.ts`'s; stills are RGB24.
// Made with Debian's clang and lld by `node gateway/perceive/pixel-work.mjs`, which writes `pixel-work-wasm.ts`.
#include <wasm_simd128.h>

typedef unsigned char u8;
typedef unsigned short u16;

enum { fromY = 298, redFromV = 409, greenFromU = 100, greenFromV = 208, blueFromU = 516 };

static inline u8 byteOf(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

static inline void putOne(u8 *out, int light, int u, int v) {
  out[0] = byteOf((light + redFromV * v) >> 8);
  out[1] = byteOf((light - greenFromU * u - greenFromV * v) >> 8);
  out[2] = byteOf((light + blueFromU * u) >> 8);
}

// Four pixels of one colour: (light + a u + b v) >> 8.
static inline v128_t mixed(v128_t light, v128_t u, v128_t v, int a, int b) {
  v128_t sum = wasm_i32x4_add(light, wasm_i32x4_mul(u, wasm_i32x4_splat(a)));
  return wasm_i32x4_shr(wasm_i32x4_add(sum, wasm_i32x4_mul(v, wasm_i32x4_splat(b))), 8);
}

// Eight pixels, given as lights and colours of 4 + 4; narrowing clamps.
static inline void putEight(u8 *out, v128_t l0, v128_t l1, v128_t u, v128_t v) {
  v128_t u0 = wasm_i32x4_extend_low_i16x8(u), u1 = wasm_i32x4_extend_high_i16x8(u);
  v128_t v0 = wasm_i32x4_extend_low_i16x8(v), v1 = wasm_i32x4_extend_high_i16x8(v);
  v128_t red = wasm_i16x8_narrow_i32x4(mixed(l0, u0, v0, 0, redFromV), mixed(l1, u1, v1, 0, redFromV));
  v128_t green = wasm_i16x8_narrow_i32x4(mixed(l0, u0, v0, -greenFromU, -greenFromV), mixed(l1, u1, v1, -greenFromU, -greenFromV));
  v128_t blue = wasm_i16x8_narrow_i32x4(mixed(l0, u0, v0, blueFromU, 0), mixed(l1, u1, v1, blueFromU, 0));
  v128_t rg = wasm_u8x16_narrow_i16x8(red, green), b = wasm_u8x16_narrow_i16x8(blue, blue);
  wasm_v128_store(out, wasm_i8x16_shuffle(rg, b, 0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 4, 12, 20, 5));
  wasm_v128_store64_lane(out + 16, wasm_i8x16_shuffle(rg, b, 13, 21, 6, 14, 22, 7, 15, 23, 0, 0, 0, 0, 0, 0, 0, 0), 0);
}

static inline v128_t lightOf(v128_t y, int black, int shift) {
  v128_t light = wasm_i32x4_mul(wasm_i32x4_sub(y, wasm_i32x4_splat(black)), wasm_i32x4_splat(fromY));
  // Half a level, so that cutting off the fraction rounds.
  return wasm_i32x4_add(wasm_i32x4_shr(light, shift), wasm_i32x4_splat(128));
}

static inline v128_t colors(v128_t bytes) { return wasm_i16x8_sub(wasm_u16x8_extend_low_u8x16(bytes), wasm_i16x8_splat(128)); }

// Half the size: brightness is the mean of two by two, colour has just this size.
__attribute__((export_name("half"))) void half(const u8 *y, int stride, const u8 *u, const u8 *v, int chromaStride, int columns, int rows, u8 *out) {
  for (int row = 0; row < rows; row += 1, y += 2 * stride, u += chromaStride, v += chromaStride) {
    int x = 0;
    for (; x + 8 <= columns; x += 8, out += 24) {
      v128_t four = wasm_i16x8_add(wasm_u16x8_extadd_pairwise_u8x16(wasm_v128_load(y + 2 * x)),
                                   wasm_u16x8_extadd_pairwise_u8x16(wasm_v128_load(y + stride + 2 * x)));
      putEight(out, lightOf(wasm_u32x4_extend_low_u16x8(four), 64, 2), lightOf(wasm_u32x4_extend_high_u16x8(four), 64, 2),
               colors(wasm_v128_load64_zero(u + x)), colors(wasm_v128_load64_zero(v + x)));
    }
    for (; x < columns; x += 1, out += 3) {
      const u8 *at = y + 2 * x;
      putOne(out, (((at[0] + at[1] + at[stride] + at[stride + 1] - 64) * fromY) >> 2) + 128, u[x] - 128, v[x] - 128);
    }
  }
}

// As it is. `left` and `top` are where `y` stands in the picture: colours lie at every second.
__attribute__((export_name("whole"))) void whole(const u8 *y, int stride, const u8 *planeU, const u8 *planeV, int left, int top, int columns, int rows, u8 *out) {
  for (int row = top; row < top + rows; row += 1) {
    const u8 *line = y + row * stride, *u = planeU + (row >> 1) * (stride >> 1), *v = planeV + (row >> 1) * (stride >> 1);
    int x = left, end = left + columns;
    if (x & 1) { putOne(out, (line[x] - 16) * fromY + 128, u[x >> 1] - 128, v[x >> 1] - 128); x += 1; out += 3; }
    for (; x + 8 <= end; x += 8, out += 24) {
      v128_t eight = wasm_u16x8_load8x8(line + x);
      v128_t u4 = wasm_v128_load32_zero(u + (x >> 1)), v4 = wasm_v128_load32_zero(v + (x >> 1));
      u4 = wasm_i8x16_shuffle(u4, u4, 0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0);
      v4 = wasm_i8x16_shuffle(v4, v4, 0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0);
      putEight(out, lightOf(wasm_u32x4_extend_low_u16x8(eight), 16, 0), lightOf(wasm_u32x4_extend_high_u16x8(eight), 16, 0), colors(u4), colors(v4));
    }
    for (; x < end; x += 1, out += 3) putOne(out, (line[x] - 16) * fromY + 128, u[x >> 1] - 128, v[x >> 1] - 128);
  }
}

// Where a target pixel's sources begin and how many there are; their weights, in 256ths, are `stride` apart.
typedef struct { int first, count; } Span;

// Rows first, sixteen bits a byte; then pixels, three colours at once. `sums` has room for a source row and eight more.
__attribute__((export_name("scale"))) void scale(const u8 *rgb, int rowBytes, const Span *down, const u16 *downWeights, int downStride,
                                                 const Span *across, const u16 *acrossWeights, int acrossStride,
                                                 int left, int bytes, int columns, int rows, u16 *sums, u8 *out, int outRowBytes) {
  for (int row = 0; row < rows; row += 1) {
    for (int k = 0; k < down[row].count; k += 1) {
      const u8 *from = rgb + (down[row].first + k) * rowBytes + left;
      v128_t weight = wasm_i16x8_splat(downWeights[row * downStride + k]);
      for (int at = 0; at < bytes; at += 8) {
        v128_t product = wasm_i16x8_mul(wasm_u16x8_load8x8(from + at), weight);
        wasm_v128_store(sums + at, k == 0 ? product : wasm_i16x8_add(wasm_v128_load(sums + at), product));
      }
    }
    u8 *to = out + row * outRowBytes;
    for (int x = 0; x < columns; x += 1, to += 3) {
      const u16 *from = sums + across[x].first * 3 - left;
      v128_t sum = wasm_i32x4_splat(32768);
      for (int k = 0; k < across[x].count; k += 1)
        sum = wasm_i32x4_add(sum, wasm_i32x4_mul(wasm_u32x4_load16x4(from + 3 * k), wasm_i32x4_splat(acrossWeights[x * acrossStride + k])));
      to[0] = (unsigned)wasm_i32x4_extract_lane(sum, 0) >> 16;
      to[1] = (unsigned)wasm_i32x4_extract_lane(sum, 1) >> 16;
      to[2] = (unsigned)wasm_i32x4_extract_lane(sum, 2) >> 16;
    }
  }
}

// The same for stills, in floats: a finder's score of a plate that is hard to see turns on the last bit. Columns first, each source
// row once into a ring of `downStride` rows, `held` says which; then rows.
// One colour triple of the first five at `from`, as floats.
static inline v128_t colorsAt(v128_t five, int k) {
  const signed char o = (signed char)(3 * k);
  return wasm_f32x4_convert_i32x4(wasm_i8x16_swizzle(five, wasm_i8x16_make(o, -1, -1, -1, o + 1, -1, -1, -1, o + 2, -1, -1, -1, -1, -1, -1, -1)));
}

// Of `stride` weights a target pixel those past `count` are 0: with up to five it is cheaper to take them all than to ask.
#define ACROSS(n)                                                                                                                     \
  for (int x = 0; x < columns; x += 1, to += 3, weights += n) {                                                                       \
    v128_t five = wasm_v128_load(rgb + first[x] * 3), sum = wasm_f32x4_mul(colorsAt(five, 0), wasm_v128_load32_splat(weights));          \
    _Pragma("unroll") for (int k = 1; k < n; k += 1)                                                                                    \
      sum = wasm_f32x4_add(sum, wasm_f32x4_mul(colorsAt(five, k), wasm_v128_load32_splat(weights + k)));                                 \
    wasm_v128_store(to, sum);                                                                                                          \
  }

static void acrossRow(const u8 *rgb, const int *first, const int *count, const float *weights, int stride, int columns, float *to) {
  if (stride == 2) { ACROSS(2) return; }
  if (stride == 3) { ACROSS(3) return; }
  if (stride == 4) { ACROSS(4) return; }
  if (stride == 5) { ACROSS(5) return; }
  for (int x = 0; x < columns; x += 1, to += 3) {
    const u8 *from = rgb + first[x] * 3;
    v128_t sum = wasm_f32x4_splat(0);
    for (int k = 0; k < count[x]; k += 1, from += 3)
      sum = wasm_f32x4_add(sum, wasm_f32x4_mul(colorsAt(wasm_v128_load32_zero(from), 0), wasm_f32x4_splat(weights[x * stride + k])));
    wasm_v128_store(to, sum);
  }
}

// Sixteen bytes of a target row: the floats of `count` rows of the ring from `slot` on, weighted.
static inline v128_t downFour(const float *ring, int line, int slot, int stride, const float *weights, int count) {
  // Half a level, so that cutting off the fraction rounds.
  v128_t sum = wasm_f32x4_splat(0.5f);
  for (int k = 0; k < count; k += 1, slot = slot + 1 == stride ? 0 : slot + 1)
    sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(ring + slot * line), wasm_v128_load32_splat(weights + k)));
  return wasm_i32x4_trunc_sat_f32x4(sum);
}

__attribute__((export_name("fine"))) void fine(const u8 *rgb, int rowBytes, const int *downFirst, const int *downCount, const float *downWeights, int downStride,
                                               const int *acrossFirst, const int *acrossCount, const float *acrossWeights, int acrossStride,
                                               int columns, int rows, int *held, float *ring, int line, u8 *out) {
  for (int row = 0; row < rows; row += 1, out += columns * 3) {
    const float *weights = downWeights + row * downStride;
    for (int k = 0; k < downCount[row]; k += 1) {
      int from = downFirst[row] + k, slot = from % downStride;
      if (held[slot] == from) continue;
      held[slot] = from;
      acrossRow(rgb + from * rowBytes, acrossFirst, acrossCount, acrossWeights, acrossStride, columns, ring + slot * line);
    }
    int slot = downFirst[row] % downStride, count = downCount[row], bytes = columns * 3, at = 0;
    for (; at + 16 <= bytes; at += 16) {
      v128_t half = wasm_f32x4_splat(0.5f), a = half, b = half, c = half, d = half;
      for (int k = 0, one = slot; k < count; k += 1, one = one + 1 == downStride ? 0 : one + 1) {
        const float *from = ring + one * line + at;
        v128_t weight = wasm_v128_load32_splat(weights + k);
        a = wasm_f32x4_add(a, wasm_f32x4_mul(wasm_v128_load(from), weight));
        b = wasm_f32x4_add(b, wasm_f32x4_mul(wasm_v128_load(from + 4), weight));
        c = wasm_f32x4_add(c, wasm_f32x4_mul(wasm_v128_load(from + 8), weight));
        d = wasm_f32x4_add(d, wasm_f32x4_mul(wasm_v128_load(from + 12), weight));
      }
      wasm_v128_store(out + at, wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(wasm_i32x4_trunc_sat_f32x4(a), wasm_i32x4_trunc_sat_f32x4(b)),
                                                        wasm_i16x8_narrow_i32x4(wasm_i32x4_trunc_sat_f32x4(c), wasm_i32x4_trunc_sat_f32x4(d))));
    }
    for (; at < bytes; at += 4) {
      v128_t levels = downFour(ring + at, line, slot, downStride, weights, count);
      levels = wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(levels, levels), levels);
      wasm_v128_store32_lane(out + at, levels, 0);
    }
  }
}

// Half the size, the mean of two by two, four pixels of three colours at a time; `out` has room for four bytes more.
static inline v128_t fours(const u8 *above, const u8 *below) {
  v128_t sum = wasm_i16x8_add(wasm_i16x8_add(wasm_u16x8_load8x8(above), wasm_u16x8_load8x8(above + 3)),
                              wasm_i16x8_add(wasm_u16x8_load8x8(below), wasm_u16x8_load8x8(below + 3)));
  return wasm_u16x8_shr(wasm_i16x8_add(sum, wasm_i16x8_splat(2)), 2);
}

__attribute__((export_name("halfRgb"))) void halfRgb(const u8 *rgb, int rowBytes, int columns, int rows, u8 *out) {
  for (int row = 0; row < rows; row += 1, rgb += 2 * rowBytes) {
    const u8 *above = rgb, *below = rgb + rowBytes;
    int x = 0;
    for (; x + 4 <= columns; x += 4, above += 24, below += 24, out += 12) {
      v128_t low = wasm_u8x16_narrow_i16x8(fours(above, below), fours(above + 8, below + 8)), high = fours(above + 16, below + 16);
      high = wasm_u8x16_narrow_i16x8(high, high);
      wasm_v128_store(out, wasm_i8x16_shuffle(low, high, 0, 1, 2, 6, 7, 8, 12, 13, 14, 18, 19, 20, 0, 0, 0, 0));
    }
    for (; x < columns; x += 1, above += 6, below += 6, out += 3)
      for (int c = 0; c < 3; c += 1) out[c] = (above[c] + above[c + 3] + below[c] + below[c + 3] + 2) >> 2;
  }
}

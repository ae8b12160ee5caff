// C shared by the vector uops: lane types, and the WebAssembly operators that no expression and no intrinsic provides.
#pragma once
#include <nmmintrin.h>
#include "uop.h"

// 128 bits, and their interpretations as lanes.
typedef __m128i v128;
typedef int8_t i8x16 __attribute__((vector_size(16)));
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int16_t i16x8 __attribute__((vector_size(16)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef int32_t i32x4 __attribute__((vector_size(16)));
typedef uint32_t u32x4 __attribute__((vector_size(16)));
typedef int64_t i64x2 __attribute__((vector_size(16)));
typedef uint64_t u64x2 __attribute__((vector_size(16)));
typedef __m128 f32x4;
typedef __m128d f64x2;
// 128 bits in memory, with any alignment.
typedef long long v128_anywhere __attribute__((vector_size(16), aligned(1)));

// Vector registers by number, and locations: 0 and 1 are registers, 3 is a slot.
#define V(n) PASTE(v, n)
#define VECTOR_IN(place, slot) ((place) == IN_SLOT ? SLOT(v128_anywhere, slot) : (place) == 1 ? v1 : v0)
#define VECTOR(place) VECTOR_IN(place, slot)

#define ZERO _mm_setzero_si128()
// The upper half, for instructions that read the lower half.
#define HIGH(a) _mm_unpackhi_epi64(a, a)
// Each byte is the upper half of a 16-bit lane that is shifted. Narrowing discards the lower half.
static inline v128 i8x16_shr_s(v128 a, int n) {
    v128 count = _mm_cvtsi32_si128(n + 8);
    return _mm_packs_epi16(_mm_sra_epi16(_mm_unpacklo_epi8(a, a), count), _mm_sra_epi16(_mm_unpackhi_epi8(a, a), count));
}
// The sign bit is shifted along, and then extended.
static inline v128 i64x2_shr_s(v128 a, v128 count) {
    v128 sign = _mm_srl_epi64(_mm_set1_epi64x(INT64_MIN), count);
    return _mm_sub_epi64(_mm_xor_si128(_mm_srl_epi64(a, count), sign), sign);
}
static inline v128 i64x2_abs(v128 a) {
    v128 negative = _mm_cmpgt_epi64(ZERO, a);
    return _mm_sub_epi64(_mm_xor_si128(a, negative), negative);
}
// A table yields the number of bits in each half of a byte.
static inline v128 i8x16_popcnt(v128 a) {
    const v128 counts = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4), low = _mm_set1_epi8(15);
    v128 above = _mm_and_si128(_mm_srli_epi16(a, 4), low);
    return _mm_add_epi8(_mm_shuffle_epi8(counts, _mm_and_si128(a, low)), _mm_shuffle_epi8(counts, above));
}
// The instruction yields zero for an index from 128 on. Saturating addition maps all indices from 16 on to that range.
static inline v128 i8x16_swizzle(v128 a, v128 indices) {
    return _mm_shuffle_epi8(a, _mm_adds_epu8(indices, _mm_set1_epi8(0x70)));
}
// The instruction yields 0x8000 for the only product that does not fit.
static inline v128 i16x8_q15mulr_sat_s(v128 a, v128 b) {
    v128 product = _mm_mulhrs_epi16(a, b);
    return _mm_xor_si128(product, _mm_cmpeq_epi16(product, _mm_set1_epi16(INT16_MIN)));
}
static inline v128 i32x4_extadd_pairwise_u(v128 a) {
    return _mm_add_epi32(_mm_srli_epi32(a, 16), _mm_and_si128(a, _mm_set1_epi32(0xffff)));
}

// Minimum and maximum (4.3.3). The instruction returns its second operand if both are zero or one is NaN. Applying it
// in both orders therefore yields both zeros, whose signs are combined. A NaN result becomes canonical.
static inline f32x4 f32x4_canonical(f32x4 value, f32x4 nan) {
    v128 payload = _mm_srli_epi32((v128)nan, 10);
    return (f32x4)_mm_andnot_si128(payload, _mm_or_si128((v128)value, (v128)nan));
}
static inline f64x2 f64x2_canonical(f64x2 value, f64x2 nan) {
    v128 payload = _mm_srli_epi64((v128)nan, 13);
    return (f64x2)_mm_andnot_si128(payload, _mm_or_si128((v128)value, (v128)nan));
}
static inline f32x4 f32x4_min(f32x4 a, f32x4 b) {
    return f32x4_canonical(_mm_or_ps(_mm_min_ps(a, b), _mm_min_ps(b, a)), _mm_cmpunord_ps(a, b));
}
static inline f32x4 f32x4_max(f32x4 a, f32x4 b) {
    return f32x4_canonical(_mm_and_ps(_mm_max_ps(a, b), _mm_max_ps(b, a)), _mm_cmpunord_ps(a, b));
}
static inline f64x2 f64x2_min(f64x2 a, f64x2 b) {
    return f64x2_canonical(_mm_or_pd(_mm_min_pd(a, b), _mm_min_pd(b, a)), _mm_cmpunord_pd(a, b));
}
static inline f64x2 f64x2_max(f64x2 a, f64x2 b) {
    return f64x2_canonical(_mm_and_pd(_mm_max_pd(a, b), _mm_max_pd(b, a)), _mm_cmpunord_pd(a, b));
}

// Saturating conversions to integers. The instruction returns INT32_MIN for NaN and for every value that does not fit;
// if the value is too large, all bits of the result are flipped.
static inline v128 i32x4_trunc_sat_f32x4_s(f32x4 a) {
    v128 too_great = (v128)_mm_cmpge_ps(a, _mm_set1_ps(2147483648.0f));
    v128 number = (v128)_mm_cmpord_ps(a, a);
    return _mm_xor_si128(_mm_cvttps_epi32((f32x4)_mm_and_si128((v128)a, number)), too_great);
}
// A value of at least 2^31 is converted as INT32_MIN, taken as unsigned, plus the remainder.
static inline v128 i32x4_trunc_sat_f32x4_u(f32x4 a) {
    const f32x4 half = _mm_set1_ps(2147483648.0f);
    f32x4 positive = _mm_max_ps(a, _mm_setzero_ps());
    f32x4 rest = _mm_max_ps(_mm_sub_ps(positive, half), _mm_setzero_ps());
    v128 upper = _mm_xor_si128(_mm_cvttps_epi32(rest), (v128)_mm_cmpge_ps(rest, half));
    return _mm_add_epi32(_mm_cvttps_epi32(positive), upper);
}
static inline v128 i32x4_trunc_sat_f64x2_s_zero(f64x2 a) {
    f64x2 number = _mm_and_pd(a, _mm_cmpord_pd(a, a));
    return _mm_cvttpd_epi32(_mm_min_pd(number, _mm_set1_pd(2147483647.0)));
}
// The sum of 2^52 and an integer below 2^32 has the integer in its lower half.
static inline v128 i32x4_trunc_sat_f64x2_u_zero(f64x2 a) {
    f64x2 positive = _mm_min_pd(_mm_max_pd(a, _mm_setzero_pd()), _mm_set1_pd(4294967295.0));
    f64x2 sum = _mm_add_pd(_mm_round_pd(positive, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC), _mm_set1_pd(0x1p52));
    return (v128)_mm_shuffle_ps((f32x4)sum, _mm_setzero_ps(), 0x88);
}
static inline f64x2 f64x2_convert_low_i32x4_u(v128 a) {
    v128 sum = _mm_unpacklo_epi32(a, _mm_set1_epi32(0x43300000));
    return _mm_sub_pd((f64x2)sum, _mm_set1_pd(0x1p52));
}

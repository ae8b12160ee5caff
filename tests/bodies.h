/* C bodies that are compiled twice: as stencils, by `include` in tests/all/differential.rs, and as ordinary functions, by
   build.rs. Registers: memory (256 bytes, aligned), a, b, c, d. Operands: n, m, k, h, f, g, p. `JUMP(target)` leaves
   immediately. The behaviour of every body is defined for all values, given the flags in build.rs. */

#define AT(index) ((uint64_t *)memory)[(index) & 31]
#define AT32(index) ((uint32_t *)memory)[(index) & 63]
#define AT16(index) ((int16_t *)memory)[(index) & 127]
#define AT8(index) memory[(uint8_t)(index)]
#define FLOAT(index) ((double *)memory)[(index) & 31]

/* integers */
#define BODY_0 a += n;
#define BODY_1 a -= b + n;
#define BODY_2 a = a * n + b * m;
#define BODY_3 a = (uint64_t)((int64_t)a * m) - k;
#define BODY_4 a = (uint32_t)a + (uint32_t)n;
#define BODY_5 a = (int8_t)(a + k);
#define BODY_6 a = (int16_t)(a * h);
#define BODY_7 b = ~a & n; a |= (uint64_t)(int64_t)m;
#define BODY_8 a ^= k; b ^= h; a -= (a ^ b) & m;
#define BODY_9 a = -a + (n ? n : b);
/* shifts, with the count masked */
#define BODY_10 a <<= k & 63;
#define BODY_11 a >>= n & 63;
#define BODY_12 a = (uint64_t)((int64_t)a >> (m & 63));
#define BODY_13 a = a << (b & 63) | b >> (a & 63);
#define BODY_14 a = a << (k & 63) | a >> (-k & 63);
#define BODY_15 a = (uint32_t)b << (h & 31) | (uint32_t)a >> (-h & 31);
#define BODY_16 a = (int32_t)a >> (k & 31); b = (uint8_t)b >> (k & 7);
/* division, guarded */
#define BODY_17 if (n) { a = a / n; b = b % n; }
#define BODY_18 if (m != 0 && m != -1) { a = (uint64_t)((int64_t)a / m); b = (uint64_t)((int64_t)b % m); }
#define BODY_19 if (k) { a = (uint32_t)a / k + (uint32_t)b % k; }
#define BODY_20 a /= 7; b %= 1000003; c = (double)(a % 10);
#define BODY_21 if (b) a = n / b + n % b;
/* comparisons and selection */
#define BODY_22 a = (a < n) + 2 * (a == n) + 4 * ((int64_t)a < m) + 8 * (a > k);
#define BODY_23 a = a < b ? n : h; b = m < 0 ? b : a;
#define BODY_24 a = n > b ? n : b; b = (int64_t)b < m ? (int64_t)b : m;
#define BODY_25 a = p ? a + 1 : b; b = !p;
#define BODY_26 a = (c < f) | (c <= g) << 1 | (c == d) << 2 | (f != f) << 3 | (d > g) << 4 | (f >= c) << 5;
/* bit tricks */
#define BODY_27 a = a ? __builtin_clzll(a) : 64; b = b ? __builtin_ctzll(b) : 64;
#define BODY_28 a = __builtin_bswap64(a) ^ __builtin_bswap32(b); b = __builtin_bswap16(h);
#define BODY_29 uint64_t t = a ^ (a >> 32); t ^= t >> 16; t ^= t >> 8; a = t & 0xff; b = a & (a - 1);
#define BODY_30 for (b = 0; a; b++) a &= a - 1;
#define BODY_31 a = ((a >> 1) & 0x5555555555555555) | ((a & 0x5555555555555555) << 1);
#define BODY_32 unsigned __int128 t = (unsigned __int128)a * n + b; a = (uint64_t)t; b = (uint64_t)(t >> 64);
#define BODY_33 uint64_t t; b = __builtin_add_overflow(a, n, &t); a = t; int32_t u; b += 2 * __builtin_mul_overflow((int32_t)a, m, &u);
/* floats */
#define BODY_34 c = c + f; d = d * g;
#define BODY_35 c = (c - d) / f; d = -d;
#define BODY_36 c = c * 0.1 + f * 1e10; d = (float)d * g + 0.25f;
#define BODY_37 c = (double)a + (double)(int64_t)b; d = (float)m + k;
#define BODY_38 if (c > -9e18 && c < 9e18) a = (int64_t)c; if (d >= 0 && d < 1.8e19) b = (uint64_t)d;
#define BODY_39 c = c < d ? c : d; d = __builtin_fabs(f) + __builtin_sqrt(__builtin_fabs(d));
#define BODY_40 __builtin_memcpy(&a, &f, 8); __builtin_memcpy(&d, &n, 8); float t = g; uint32_t u; __builtin_memcpy(&u, &t, 4); b = u;
/* memory */
#define BODY_41 AT(a) = n; b = AT(k);
#define BODY_42 AT32(k) = m; AT16(h) = m; AT8(n) = k; a = AT32(b) + AT16(a);
#define BODY_43 a = AT8(k) + (int8_t)AT8(b) + AT16(k); AT(h) += a;
#define BODY_44 for (int i = 0; i < 32; i++) AT(i) = AT(i) * n + i;
#define BODY_45 for (int i = 0; i < (k & 31); i++) { a += AT(i); AT(i) ^= b; }
#define BODY_46 FLOAT(k) = c + f; d = FLOAT(a);
#define BODY_47 __builtin_memcpy(memory, memory + 128, 100); __builtin_memset(memory + (k & 127), h, k & 63);
#define BODY_48 struct { uint64_t x, y; uint8_t z[40]; } *s = (void *)memory; s[1] = s[2]; s->x += n; s->z[k % 40]--;
#define BODY_49 memory[m & 255]++; ((uint64_t *)memory)[3] ^= n;
/* branches */
#define BODY_50 if (a < n) JUMP(target); a -= n;
#define BODY_51 if (a & 1) { b += n; JUMP(target); } a = b;
#define BODY_52 if (p && (int64_t)a > m) { a = k; } else if (c < f) { b = 7; JUMP(target); } b++;
#define BODY_53 switch (k & 7) { case 0: a = 1; break; case 1: JUMP(target); case 2: b = n; __attribute__((fallthrough)); case 3: a += b; break; case 6: a = h; JUMP(target); default: b--; }
#define BODY_54 while (a > b) { a = a / 3 - 1; if (a == n) JUMP(target); }
#define BODY_55 a++; JUMP(target);
/* constants */
#define BODY_56 static const uint16_t t[] = { 1, 10, 100, 1000, 10000 }; a = t[a % 5] * t[k % 5] + t[h % 3 + 1];
#define BODY_57 static const char *const t[] = { "zero", "one", "two", "three" }; a = t[b & 3][k & 1] + t[k & 3][2];
#define BODY_58 a += 0x123456789abcdef0; b ^= 0x80000000; b += 0xffffffff;
#define BODY_59 static const double t[] = { 0.5, 1.5, 2.5 }; c *= t[k % 3]; d += t[h % 3] + 3.25;
#define BODIES 60

#define PASTE_(left, right) left##right
#define PASTE(left, right) PASTE_(left, right)
/* Uses every operand, to avoid warnings about those that a body ignores. */
#define BODY(index) (void)n, (void)m, (void)k, (void)h, (void)f, (void)g, (void)p; { PASTE(BODY_, index) }

//! Functions that C compilers call of their own accord, even in freestanding code. Expansions take their addresses, and only
//! compiled code calls them.

unsafe extern "C" {
    /// Copies bytes between objects that do not overlap.
    pub unsafe fn memcpy(to: *mut u8, from: *const u8, size: usize) -> *mut u8;
    /// Copies bytes between objects that may overlap.
    pub unsafe fn memmove(to: *mut u8, from: *const u8, size: usize) -> *mut u8;
    /// Fills an object with one byte.
    pub unsafe fn memset(to: *mut u8, byte: i32, size: usize) -> *mut u8;
    /// Compares bytes.
    pub unsafe fn memcmp(left: *const u8, right: *const u8, size: usize) -> i32;
    /// Compares bytes for equality.
    pub unsafe fn bcmp(left: *const u8, right: *const u8, size: usize) -> i32;
    /// Returns the length of a string.
    pub unsafe fn strlen(string: *const i8) -> usize;
}

/// Declares functions of libgcc and libm, whose types do not matter here.
macro_rules! declare {
    ($($name:ident)*) => {
        #[allow(missing_docs)]
        unsafe extern "C" {
            $(pub unsafe fn $name();)*
        }
    };
}

declare! {
    __divti3 __udivti3 __modti3 __umodti3 __divmodti4 __udivmodti4 __muloti4 __mulodi4 __popcountsi2
    __popcountdi2 __popcountti2 __paritysi2 __paritydi2 __parityti2 __clrsbsi2 __clrsbdi2 __clrsbti2
    __ffsti2 __clzti2 __ctzti2 __addvsi3 __addvdi3 __addvti3 __subvsi3 __subvdi3 __subvti3 __mulvsi3
    __mulvdi3 __mulvti3 __negvsi2 __negvdi2 __negvti2
    __floattisf __floattidf __floattixf __floatuntisf __floatuntidf __floatuntixf __fixsfti
    __fixdfti __fixxfti __fixunssfti __fixunsdfti __fixunsxfti __powisf2 __powidf2 __powixf2
    __mulsc3 __muldc3 __mulxc3 __divsc3 __divdc3 __divxc3
    __extendhfsf2 __extendhfdf2 __truncsfhf2 __truncdfhf2 __truncsfbf2 __truncdfbf2 __addtf3
    __subtf3 __multf3 __divtf3 __powitf2 __eqtf2 __netf2 __lttf2 __letf2 __gttf2 __getf2 __unordtf2
    __extendsftf2 __extenddftf2 __extendxftf2 __trunctfsf2 __trunctfdf2 __trunctfxf2 __fixtfsi
    __fixtfdi __fixtfti __fixunstfsi __fixunstfdi __fixunstfti __floatsitf __floatditf __floattitf
    __floatunsitf __floatunditf __floatuntitf
    acos acosf asin asinf atan atanf atan2 atan2f cbrt cbrtf ceil ceilf copysign copysignf cos cosf
    cosh coshf exp expf exp2 exp2f expm1 expm1f fabs fabsf fdim fdimf floor floorf fma fmaf fmax
    fmaxf fmin fminf fmod fmodf frexp frexpf hypot hypotf ldexp ldexpf llrint llrintf llround
    llroundf log logf log10 log10f log1p log1pf log2 log2f logb logbf lrint lrintf lround lroundf
    modf modff nearbyint nearbyintf nextafter nextafterf pow powf remainder remainderf rint rintf
    round roundf roundeven roundevenf scalbn scalbnf sin sinf sinh sinhf sqrt sqrtf tan tanf tanh
    tanhf tgamma tgammaf trunc truncf
}

"""Exponential and logarithm from + - * /, comparison and the bits of a float: for compilers.

Compilers fuse these steps into one loop, in which they cost less than a call of the library's own
`exp` and `log`, and they give the same digits everywhere. A namespace `xp` has `where`, `abs`,
`bits` (of a float, as a signed integer of its width), `from_bits` (back) and `spec`, the constants
of the dtype. Nothing else is needed, no `exp`, no `log`, no conversion between integer and float.

A result is in two parts, high + low, where one number would lose digits to a sum. The parts come
from sums only, whose rounding error is a number too (Dekker, Knuth): no step needs the exact
value of a product, so that it does not matter which products a compiler contracts to fused
multiply-adds. 1 + x is never subtracted from: XLA rewrites (1 + x) - 1 to x; it leaves
1 - (1 + x) alone. Magic numbers are taken back as bits, for the same reason.

The derivation, with the error term by term, is docs/explanation/kernels.md.
"""

from typing import Any, NamedTuple

Array = Any
Namespace = Any


class Spec(NamedTuple):
    """Constants of a dtype: its format, and polynomials as short as it allows.

    scripts/constants.py computes them all.
    """

    mantissa: int  # bits of a float's fraction, hence the position of its exponent
    one: int  # the bits of 1.0
    half: int  # half the spacing of two exponents, in bits
    exponent: int  # what an integer has left without its fraction's bits
    head: int  # what a float has left without the lower half of its significand
    least: int  # the bits of 3/4
    scale: float  # 2^scale_exponent: subnormal numbers, times this, are normal
    scale_exponent: int
    magic: float  # 1.5 * 2^mantissa + bias + lift: x + magic has round(x) in its lowest bits
    to_count: int  # bits(counter) - bits(magic)
    counter: float  # 1.25 * 2^mantissa: counter + k has k in its lowest bits
    count_bits: int
    drop: float  # 2^-lift
    log2_e: float
    log2: tuple[
        float, float, float
    ]  # few bits, so that its multiples are exact; the rest; its rest
    lowest: float  # exp(lowest) is 0
    negligible: float  # exp(negligible) is, next to 1
    tiny: float  # and this next to 1, and above 1/(the largest float)
    exponential: tuple[float, ...]
    logarithm: tuple[float, ...]
    artanh: tuple[float, ...]


FLOAT32 = Spec(
    mantissa=23,
    one=127 << 23,
    half=1 << 22,
    exponent=-(1 << 23),
    head=-(1 << 12),
    least=0x3F400000,
    scale=2.0**30,
    scale_exponent=30,
    magic=1.5 * 2**23 + 127 + 64,
    to_count=-(1 << 21) - 127 - 64,
    counter=1.25 * 2**23,
    count_bits=0x4B200000,
    drop=2.0**-64,
    log2_e=1.44269504088896,
    log2=(
        float.fromhex("0x1.62e4p-1"),
        float.fromhex("0x1.7f7d1cp-20"),
        float.fromhex("0x1.ef357ap-45"),
    ),
    lowest=-104.5,
    negligible=-20.0,
    tiny=2.0**-100,
    exponential=(  # 2^-31.0
        0.00019666079606395215,
        0.0013935004826635122,
        0.008333642967045307,
        0.04166646674275398,
        0.1666666567325592,
        0.5,
    ),
    logarithm=(  # 2^-28.5
        0.03742508590221405,
        -0.09088452160358429,
        0.11695446074008942,
        -0.12731091678142548,
        0.14277184009552002,
        -0.16655170917510986,
        0.19999565184116364,
        -0.2500016689300537,
        0.33333340287208557,
        -0.5,
    ),
    artanh=(  # 2^-33.2
        0.24725185334682465,
        0.2845920920372009,
        0.4000193178653717,
        0.666666567325592,
    ),
)

FLOAT64 = Spec(
    mantissa=52,
    one=1023 << 52,
    half=1 << 51,
    exponent=-(1 << 52),
    head=-(1 << 27),
    least=0x3FE8000000000000,
    scale=2.0**100,
    scale_exponent=100,
    magic=1.5 * 2.0**52 + 1023 + 128,
    to_count=-(1 << 50) - 1023 - 128,
    counter=1.25 * 2.0**52,
    count_bits=0x4334000000000000,
    drop=2.0**-128,
    log2_e=1.4426950408889634,
    log2=(
        float.fromhex("0x1.62e42fefa3800p-1"),
        float.fromhex("0x1.ef35793c76730p-45"),
        float.fromhex("0x1.f97b57a079a19p-103"),
    ),
    lowest=-746.0,
    negligible=-40.0,
    tiny=2.0**-900,
    exponential=(  # 2^-64.7
        1.7849159697115493e-10,
        2.09272608818969e-09,
        2.504587284304927e-08,
        2.755723425202429e-07,
        2.755732731166296e-06,
        2.4801587368983806e-05,
        0.0001984126983654417,
        0.0013888888888864193,
        0.008333333333334518,
        0.0416666666666667,
        0.16666666666666666,
        0.5,
    ),
    logarithm=(  # 2^-58.5
        -0.007100341640340352,
        0.02662869746189018,
        -0.04725204721685193,
        0.05661147181375919,
        -0.057782663788867365,
        0.058915484456361016,
        -0.06224612467468031,
        0.0666071922426627,
        -0.07143939717175825,
        0.07692822498458035,
        -0.08333329079463019,
        0.09090887829651137,
        -0.09999998843579128,
        0.1111111158630504,
        -0.12500000038326392,
        0.1428571428002928,
        -0.16666666666195468,
        0.20000000000032547,
        -0.25000000000001915,
        0.3333333333333327,
        -0.5,
    ),
    artanh=(  # 2^-64.5
        0.13408924580589288,
        0.11429490480963853,
        0.13354330302304165,
        0.15383832887039856,
        0.18181835970695262,
        0.222222219806835,
        0.28571428573252805,
        0.39999999999993463,
        0.6666666666666667,
    ),
)

# float32 evaluated in float64
WIDE = FLOAT64._replace(
    exponential=(  # 2^-43.0
        2.7545512797136496e-06,
        2.4869684863973677e-05,
        0.0001984138774878804,
        0.0013888836650296004,
        0.00833333323447434,
        0.04166666678714742,
        0.16666666666864255,
        0.5,
    ),
    logarithm=(  # 2^-35.5
        0.026523351043546278,
        -0.07074317494520947,
        0.0959140463687617,
        -0.10324082467407741,
        0.11125760181080196,
        -0.12479617322508331,
        0.14283091691226935,
        -0.1666716328093246,
        0.20000076839936815,
        -0.24999995860097965,
        0.333333327562997,
        -0.5,
    ),
    artanh=(  # 2^-46.2
        0.1809781184145235,
        0.17980398383137403,
        0.2222945638508228,
        0.2857129807707087,
        0.4000000107866788,
        0.666666666637036,
    ),
)


# 2 artanh(s/2) as that of the Specs, but for |s| < 0.93, in float32
ARTANH_WIDE = (  # 2^-27.0
    0.0001588804298080504,
    0.000359997182385996,
    0.002265586517751217,
    0.012493561021983624,
    0.08333373069763184,
)


def exponential(x: Array, xp: Namespace) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Return `power`, `k`, `r`, `r_low`, `m`, `m_low`, for x between `lowest` and 0.

    x = k log 2 + r + r_low, and exp(x) = 2^k (1 + m + m_low), where the error is relative to m.
    2^k is ``power * drop``, in two factors so that what they are multiplied by is rounded once
    where it becomes a subnormal number.
    """
    spec = xp.spec
    n = xp.bits(x * spec.log2_e + spec.magic)
    power = xp.from_bits(n << spec.mantissa)
    k = xp.from_bits(n + spec.to_count) - spec.counter
    u = x - k * spec.log2[0]
    v = k * spec.log2[1]
    r = u - v
    r_low = (u - r) - v
    rest = r_low + r * (r_low + r * polynomial(r, spec.exponential))
    m = r + rest
    return power, k, r, r_low, m, (r - m) + rest


def log1p_rest(f: Array, f_low: Array, xp: Namespace) -> Array:
    """Return log(1 + f + f_low) - f for 1 + f between 3/4 and 3/2."""
    # f_low is half an ULP of f at most: for f_low/(1 + f), two digits do.
    return f_low + f * (f * polynomial(f, xp.spec.logarithm) - 0.75 * f_low)


def exponent(x: Array, xp: Namespace) -> tuple[Array, Array]:
    """Return 2^-k/scale, and k, such that 2^-k x is between 3/4 and 3/2; x may be subnormal."""
    spec = xp.spec
    e = (xp.bits(x * spec.scale) - spec.least) & spec.exponent
    k = xp.from_bits((e >> spec.mantissa) + spec.count_bits) - (spec.counter + spec.scale_exponent)
    return xp.from_bits(spec.one - e), k


def quotient(n: Array, lost: Array, d: Array, d_low: Array, xp: Namespace) -> tuple[Array, Array]:
    """Return (n - lost)/(d + d_low) in two parts.

    The first has half the digits, so that its products with the halves of d are exact.
    """
    head = xp.spec.head
    r = 1.0 / d
    s = xp.from_bits(xp.bits(n * r) & head)
    d_head = xp.from_bits(xp.bits(d) & head)
    return s, (((n - s * d_head) - s * (d - d_head)) - (lost + s * d_low)) * r


def polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Return the value of the polynomial, whose highest coefficient comes first."""
    p = coefficients[0]
    for a in coefficients[1:]:
        p = p * x + a
    return p

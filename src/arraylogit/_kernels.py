"""Exponential and logarithm from + - * /, comparison and the bits of a float: for compilers.

Compilers fuse these steps into one loop, in which they cost less than a call of the library's own
`exp` and `log`, and they give the same digits everywhere. A namespace `xp` has `where`, `abs`,
`minimum`, `at_least` (a bound), `bits` (of a float, as a signed integer of its width), `from_bits`
(back), `shared` (the same value: a hint that it is used more than once) and `spec`, the constants
of the dtype. Nothing else is needed, no `exp`, no `log`.

A result is in two parts, high + low, where one number would lose digits to a sum. The parts come
from sums only, whose rounding error is a number too (Dekker, Knuth): no step needs the exact
value of a product, so that it does not matter which products a compiler contracts to fused
multiply-adds. No form subtracts 1 from 1 + x, because XLA rewrites (1 + x) - 1 to x; it leaves
1 - (1 + x) alone. Magic numbers are taken back as bits, for the same reason. XLA also splits the
loop where a quotient that is used twice, of two arrays, or a sum that such a quotient depends on,
is used again next to it: hence reciprocals, and ``q * -t`` for the t that q depends on.

The derivation, with the error term by term, is docs/explanation/kernels.md.
"""

from typing import Any, NamedTuple

Array = Any
Namespace = Any


class Spec(NamedTuple):
    """Constants of a dtype: its format, and polynomials as short as it allows.

    scripts/constants.py computes the polynomials and the parts of log 2.
    """

    spare: bool  # whether the result is rounded to half the digits, so that one part does
    mantissa: int  # bits of a float's fraction, hence the position of its exponent
    one: int  # the bits of 1.0
    half: int  # half the spacing of two exponents, in bits
    exponent: int  # a mask that clears the bits of the fraction
    head: int  # a mask that clears the lower half of the significand
    least: int  # the bits of 89/128, about 1/sqrt(2)
    scale: float  # 2^scale_exponent: subnormal numbers, times this, are normal
    scale_exponent: int
    magic: float  # 1.5 * 2^mantissa + bias + lift: x + magic has round(x) in its lowest bits
    to_count: int  # bits(counter) - bits(magic)
    counter: float  # 1.25 * 2^mantissa: counter + k has k in its lowest bits
    count_bits: int
    drop: float  # 2^-lift
    log2: tuple[float, float, float]  # a few bits, whose multiples are exact; the rest; its rest
    lowest: float  # from it on down, exp(x) is rounded to 0, or 2^k underflows
    negligible: float  # exp(negligible) is, next to 1
    tiny: float  # and this next to 1, and above 1/(the largest float)
    exp: tuple[float, ...]  # of (exp(r) - 1 - r)/r^2
    log: tuple[float, ...]  # of (log(1 + f) - f)/f^2
    # of (2 artanh(s) - 2s)/s^3 in s^2; in `FLUSHED`, of (2 artanh(s/2) - s)/s^3
    artanh: tuple[float, ...]


_LOG2_E = 1.4426950408889634


def _format(mantissa: int, bias: int, scale_exponent: int = 0, lift: int = 0) -> dict[str, Any]:
    quarter = 1 << (mantissa - 2)  # of the fraction: the bits of 1.25, less those of 1
    return {
        "mantissa": mantissa,
        "one": bias << mantissa,
        "half": 1 << (mantissa - 1),
        "exponent": -(1 << mantissa),
        "head": -(1 << (mantissa + 2) // 2),
        "least": ((bias - 1) << mantissa) + (25 << (mantissa - 6)),  # 89/64 = 1 + 25/64
        "scale": 2.0**scale_exponent,
        "scale_exponent": scale_exponent,
        "magic": 1.5 * 2.0**mantissa + bias + lift,
        "to_count": -quarter - bias - lift,
        "counter": 1.25 * 2.0**mantissa,
        "count_bits": ((bias + mantissa) << mantissa) + quarter,
        "drop": 2.0**-lift,
    }


FLOAT32 = Spec(
    **_format(mantissa=23, bias=127, scale_exponent=30, lift=64),
    spare=False,
    log2=(
        float.fromhex("0x1.62e4p-1"),
        float.fromhex("0x1.7f7d1cp-20"),
        float.fromhex("0x1.ef357ap-45"),
    ),
    lowest=-103.97208404541016,
    negligible=-20.0,
    tiny=2.0**-100,
    exp=(  # 2^-33.2
        0.0001973966573132202,
        0.0013935110764577985,
        0.008333571255207062,
        0.041666463017463684,
        0.1666666567325592,
        0.5,
    ),
    log=(  # 2^-32.6
        -0.0723070576786995,
        0.11280807852745056,
        -0.10603693127632141,
        0.10904388874769211,
        -0.12436437606811523,
        0.1429428607225418,
        -0.16669157147407532,
        0.19999843835830688,
        -0.24999968707561493,
        0.3333333432674408,
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
    **_format(mantissa=52, bias=1023, scale_exponent=100, lift=128),
    spare=False,
    log2=(
        float.fromhex("0x1.62e42fefa3800p-1"),
        float.fromhex("0x1.ef35793c76730p-45"),
        float.fromhex("0x1.f97b57a079a19p-103"),
    ),
    lowest=-745.1332191019412,
    negligible=-40.0,
    tiny=2.0**-900,
    exp=(  # 2^-63.8
        2.0851718099895876e-09,
        2.5111459788756114e-08,
        2.755747460983691e-07,
        2.755723669566761e-06,
        2.4801587099860662e-05,
        0.0001984126989437734,
        0.0013888888888986515,
        0.008333333333317886,
        0.04166666666666652,
        0.16666666666666682,
        0.5,
    ),
    log=(  # 2^-59.3
        -0.034434875036497295,
        0.06753986735336054,
        -0.06187548069942929,
        0.050058850990116824,
        -0.052647297669636474,
        0.058839670780000256,
        -0.06285957213335243,
        0.06669395657042941,
        -0.0714023609980889,
        0.07692005760334988,
        -0.08333451428317247,
        0.09090924812073194,
        -0.09999996720006532,
        0.11111110664101452,
        -0.1250000005357198,
        0.14285714292504645,
        -0.16666666666208962,
        0.19999999999951856,
        -0.25000000000001504,
        0.3333333333333344,
        -0.5,
    ),
    artanh=(  # 2^-66.8
        0.16712991861434026,
        0.09022321065816433,
        0.11917460712971689,
        0.13324393310363358,
        0.1538493656171221,
        0.18181811004110904,
        0.2222222231964035,
        0.28571428570678187,
        0.4000000000000284,
        0.6666666666666666,
    ),
)

# float32 evaluated in float64, where nothing is scaled either
WIDE = FLOAT64._replace(
    **_format(mantissa=52, bias=1023),
    spare=True,
    lowest=-709.0,
    exp=(  # 2^-39.5
        2.4750147880814262e-05,
        0.00019907514835494974,
        0.0013889064788342774,
        0.008333284602350713,
        0.041666665744616735,
        0.1666666677135988,
        0.5,
    ),
    log=(  # 2^-38.1
        -0.06003949242939261,
        0.09851272057695347,
        -0.09078743288434701,
        0.08858820400779087,
        -0.0989845355553997,
        0.11122099358075632,
        -0.125058905735569,
        0.1428549048097716,
        -0.16666515611035218,
        0.20000001478818213,
        -0.25000001338614164,
        0.3333333333317351,
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


# float32 where subnormal numbers are taken for 0: nothing is scaled
FLUSHED = FLOAT32._replace(
    **_format(mantissa=23, bias=127),
    lowest=-88.0,
    artanh=(  # 2^-31.2
        3.775162258534692e-05,
        6.370637129293755e-05,
        0.0004492526641115546,
        0.002227595541626215,
        0.012500614859163761,
        0.08333330601453781,
    ),
)


def exponential(x: Array, xp: Namespace) -> tuple[Array, Array, Array]:
    """Return `power`, `high` and `low`: exp(x) = 2^k (high + low), for x between `lowest` and 0.

    2^k is ``power * drop``, in two factors so that what they are multiplied by is rounded once
    where it becomes a subnormal number. The one error is the rounding of r, where x = k log 2 + r:
    a quarter of an ULP at most.
    """
    spec = xp.spec
    power, k = _power_of_2(x, xp)
    if spec.spare:
        r = x - k * (spec.log2[0] + spec.log2[1])
        return power, polynomial(r, (*spec.exp, 1.0, 1.0)), -0.0
    r = xp.shared((x - k * spec.log2[0]) - k * spec.log2[1])
    rest = r * r * polynomial(r, spec.exp)
    high = xp.shared(1.0 + (r + rest))
    return power, high, ((1.0 - high) + r) + rest


def reduced_exponential(
    x: Array, xp: Namespace
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Return `power`, `k`, `r`, `r_low`, `m`, `m_low`, where 1 + m would lose digits.

    x = k log 2 + r + r_low, and exp(x) = 2^k (1 + m + m_low), where the error is relative to m.
    """
    power, k = _power_of_2(x, xp)
    u = x - k * xp.spec.log2[0]
    v = k * xp.spec.log2[1]
    r = xp.shared(u - v)
    r_low = (u - r) - v
    rest = r_low + r * (r_low + r * polynomial(r, xp.spec.exp))
    m = xp.shared(r + rest)
    return power, k, r, r_low, m, (r - m) + rest


def _power_of_2(x: Array, xp: Namespace) -> tuple[Array, Array]:
    spec = xp.spec
    n = xp.bits(x * _LOG2_E + spec.magic)
    return xp.from_bits(n << spec.mantissa), xp.from_bits(n + spec.to_count) - spec.counter


def log1p_rest(f: Array, f_low: Array, xp: Namespace) -> Array:
    """Return log(1 + f + f_low) - f for 1 + f between 89/128 and 89/64."""
    # f_low is half an ULP of f at most: for f_low/(1 + f), two digits do.
    return f_low + f * (f * log_rest(f, xp) - 0.75 * f_low)


def log_rest(f: Array, xp: Namespace) -> Array:
    """Return (log(1 + f) - f)/f^2 for 1 + f between 89/128 and 89/64."""
    return polynomial(f, xp.spec.log)


def exponent(x: Array, xp: Namespace) -> tuple[Array, Array]:
    """Return 2^-k/scale, and k, such that 2^-k x is between 89/128 and 89/64."""
    spec = xp.spec
    e = (xp.bits(x * spec.scale) - spec.least) & spec.exponent
    k = xp.from_bits((e >> spec.mantissa) + spec.count_bits) - (spec.counter + spec.scale_exponent)
    return xp.from_bits(spec.one - e), k


def compensated_quotient(
    n: Array, lost: Array, d: Array, d_low: Array, xp: Namespace
) -> tuple[Array, Array]:
    """Return (n - lost)/(d + d_low) in two parts.

    The first has half the digits, so that its products with the halves of d are exact.
    """
    if xp.spec.spare:
        return n / d, -0.0  # to add -0 is no step at all: compilers leave it out
    head = xp.spec.head
    r = 1.0 / d
    s = xp.from_bits(xp.bits(n * r) & head)
    d_head = xp.from_bits(xp.bits(d) & head)
    return s, (((n - s * d_head) - s * (d - d_head)) - (lost + s * d_low)) * r


def times_complement(x: Array, xp: Namespace) -> tuple[Array, Array, Array]:
    """Return w, the lesser of x and 1 - x, and x (1 - x) = w - w^2 in two parts."""
    w = xp.minimum(x, 1.0 - x)  # exactly
    square = w * w
    p = xp.shared(w - square)
    return w, p, (w - p) - square


def artanh_rest(s: Array, xp: Namespace) -> Array:
    """Return 2 artanh(s) - 2s; with the constants of `FLUSHED`, 2 artanh(s/2) - s."""
    square = xp.shared(s * s)
    return s * square * polynomial(square, xp.spec.artanh)


def polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Return the value of the polynomial of three coefficients or more, the highest first.

    Even and odd powers are two polynomials of x^2, which a processor evaluates side by side. The
    engine has a `polynomial` of its own, in `_strategies`.
    """
    square = x * x
    even, odd = _horner(square, coefficients[-3::-2]), _horner(square, coefficients[-2::-2])
    return square * even + x * odd + coefficients[-1]


def _horner(x: Array, rising: tuple[float, ...]) -> Array:
    p = rising[-1]
    for a in rising[-2::-1]:
        p = p * x + a
    return p

"""The part that the complex formulas share."""

from arraylogit._record import Array, Namespace


def join(z: Array, real: Array, imag: Array, xp: Namespace) -> Array:
    """Return the complex array of two parts, like `z`; the imaginary one is finite or NaN."""
    # By `where`: torch multiplies a real summand by 1 + 0j, which makes NaN of an infinity. The
    # product with 1j adds 0 to both parts and turns -0 into 0: hence the conjugate.
    number, zero = imag == imag, xp.zeros_like(z)
    w = xp.where(number, real, zero) + 1j * xp.where(number, xp.abs(imag), imag + zero)
    return xp.where(1 / imag < 0, xp.conj(w), w)

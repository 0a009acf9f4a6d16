"""What the complex formulas share."""

from arraylogit._record import Array, Namespace


def join(z: Array, real: Array, imag: Array, xp: Namespace) -> Array:
    """Return the complex array of two parts, like `z`; the imaginary one is finite or NaN."""
    # By `where`, as torch multiplies what it adds by 1 + 0j, of which an infinity makes NaN. The
    # product with 1j adds 0 to the parts, which would be the end of a -0: hence the conjugate.
    number, zero = imag == imag, xp.zeros_like(z)
    w = xp.where(number, real, zero) + 1j * xp.where(number, xp.abs(imag), imag + zero)
    return xp.where(1 / imag < 0, xp.conj(w), w)

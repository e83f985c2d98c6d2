"""Numbers as people read them, one way for all sentences, tables and pictures."""

from __future__ import annotations


def decimals(value: float, places: int = 4, *, sign: bool = False) -> str:
    """Writes a number with a fixed number of decimals: exactly 0 as "0", one that would read 0 with two digits, minus as "−".

    Args:
        value: the number.
        places: how many decimals.
        sign: whether a positive number has a plus sign.

    Example:
        >>> decimals(0.5), decimals(0.0), decimals(-0.003), decimals(0.0000123), decimals(0.0012, sign=True)
        ('0.5000', '0', '−0.0030', '1.2e−5', '+0.0012')
    """
    if value == 0.0:
        return "0"
    plus = "+" if sign else ""
    hardly = abs(value) < 0.5 * 10.0**-places
    return _read(f"{value:{plus}.1e}" if hardly else f"{value:{plus}.{places}f}")


def digits(value: float, many: int = 2, *, sign: bool = False) -> str:
    """Writes a number with at most so many significant digits, exactly 0 as "0", minus as "−".

    Args:
        value: the number.
        many: how many digits.
        sign: whether a positive number has a plus sign.

    Example:
        >>> digits(1.9e-06), digits(0.0), digits(-0.25), digits(0.25, sign=True)
        ('1.9e−6', '0', '−0.25', '+0.25')
    """
    if value == 0.0:
        return "0"
    return _read(f"{value:{'+' if sign else ''}.{many}g}")


def percent(share: float) -> str:
    """Writes a share in whole percent; one that would read 0 or 100 but is not says so.

    Args:
        share: the share, from 0 to 1.

    Example:
        >>> percent(0.412), percent(0.0), percent(0.001), percent(0.999), percent(1.0)
        ('41 %', '0 %', 'below 1 %', 'above 99 %', '100 %')
    """
    if 0.0 < share < 0.005:
        return "below 1 %"
    if 0.995 <= share < 1.0:
        return "above 99 %"
    return f"{100.0 * share:.0f} %"


def _read(text: str) -> str:
    """Returns a number with true minus signs, and an exponent without leading zeros."""
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "−")

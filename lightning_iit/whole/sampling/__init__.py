"""Series of activations: what can be measured of them, how much of them is independent, and surrogates of them."""

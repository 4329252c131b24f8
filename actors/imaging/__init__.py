"""Decoding of untrusted pictures in limited worker processes, and the composition of the input picture."""

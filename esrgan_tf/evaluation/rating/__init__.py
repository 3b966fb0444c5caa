"""Blind rating of outputs by people: mean opinion scores (SRGAN, arXiv:1609.04802, section 3.4)."""

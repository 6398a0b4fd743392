"""Packs: found by path or by name, read whole, and refused with every mistake at once."""

from forestall.packs.load import Pack, load_pack
from forestall.packs.locate import known_packs

__all__ = ["Pack", "known_packs", "load_pack"]

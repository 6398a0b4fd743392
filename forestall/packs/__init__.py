"""Packs and mapping files: found, read whole, and refused with every mistake at once."""

from forestall.packs.load import Pack, load_pack
from forestall.packs.locate import known_packs
from forestall.packs.mapping_file import load_mapping
from forestall.packs.sampling import Sampled, check_sample

__all__ = ["Pack", "Sampled", "check_sample", "known_packs", "load_mapping", "load_pack"]

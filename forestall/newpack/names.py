"""What a column's name tells about it, and what it may be called in a pack."""

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ID = frozenset({"id", "ids", "uuid", "guid", "no", "nr", "number", "num", "ref", "reference", "key", "hash"})
_PERSONAL = frozenset(
    re.split(
        r"\s+",
        "email mail phone mobile telephone fax firstname lastname surname fullname username forename birth birthdate "
        "dob address street iban bic card pan cvv ssn passport ip password secret token login gender latitude "
        "longitude lat lon lng useragent",
    )
)
_NAMED = frozenset({"first", "last", "full", "user", "customer", "client", "patient", "employee", "person", "holder"})
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")
_IP = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
NAME_MAX = 64


def words(path: str) -> list[str]:
    """`customer.firstName` is customer, first, name."""
    return [each.lower() for each in _WORD.findall(path)]


def is_id(path: str) -> bool:
    """Whether it is called like something that names one thing among many."""
    found = words(path)
    return bool(found) and (found[-1] in _ID or (found[-1].endswith("id") and len(found[-1]) > 4))


def is_personal(path: str, values: list[str]) -> bool:
    """Whether name or values look like they tell who a person is."""
    found = set(words(path))
    if found & _PERSONAL or ("name" in found and found & _NAMED):
        return True
    looks = sum(bool(_EMAIL.fullmatch(each) or _IP.fullmatch(each)) for each in values)
    return looks * 2 > len(values)


def slug(text: str, fallback: str) -> str:
    """Small letters, digits and _, a letter first, at most 64."""
    name = "_".join(words(text))
    if not name:
        return fallback
    return (name if name[0].isalpha() else f"{fallback}_{name}")[:NAME_MAX].rstrip("_")


class FieldNames:
    """A field name for each path, none twice."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}

    def of(self, path: str) -> str:
        if path not in self._of:
            wanted = slug(path, "field")
            name, number = wanted, 2
            while name in self._of.values():
                name, number = f"{wanted[: NAME_MAX - 4]}_{number}", number + 1
            self._of[path] = name
        return self._of[path]

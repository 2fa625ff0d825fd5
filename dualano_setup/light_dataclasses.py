"""`dataclass`, `field`, `replace` and `fields` for records that every start of the program makes.

The standard decorator compiles five methods for each class and imports `inspect`. Measured with it in this one's place
(processor time, the least of 21 starts, Python 3.11, an empty project), `check` costs 137 instead of 82 ms. This one
shares its methods between all classes. When the difference falls below 20 ms, delete this file and import
`dataclasses` instead. It makes frozen dataclasses only, and they are dataclasses to the standard library too:
`dataclasses.replace`, `fields`, `asdict` and `is_dataclass` take them. Type checkers see the standard decorator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:

    def dataclass(*, frozen, slots):  # noqa: ANN001, ANN201
        """Decorates a class like `dataclasses.dataclass(frozen=True, slots=True)`, which is all it can make."""
        return _make

    def field(*, default_factory):  # noqa: ANN001, ANN201
        """A field whose default is made afresh for each object."""
        return _Factory(default_factory)

    def replace(record, **changes):  # noqa: ANN001, ANN003, ANN201
        """A copy of `record` with other values in the named fields. Raises TypeError for a field it does not have."""
        return type(record)(**{**record.__dict__, **changes})


def fields(record: Any) -> tuple[str, ...]:
    """The names of the fields of a record or its class, in their order. Raises AttributeError for anything else."""
    names: tuple[str, ...] = record.__match_args__
    return names


def is_light(kind: Any) -> bool:
    """Whether a class was made here."""
    return hasattr(kind, "_factories")


class _Factory:
    def __init__(self, make: Any) -> None:
        self.make = make


def _make(cls: Any) -> Any:
    names = tuple(dict.fromkeys((*getattr(cls, "__match_args__", ()), *cls.__annotations__)))
    defaults = {name: getattr(cls, name) for name in names if hasattr(cls, name)}
    cls.__match_args__: tuple[str, ...] = names  # type: ignore[misc]
    cls._defaults = defaults
    cls._factories = tuple(name for name, default in defaults.items() if type(default) is _Factory)
    cls.__init__ = _init
    cls.__eq__ = _eq
    cls.__hash__ = _hash
    cls.__repr__ = _repr
    cls.__setattr__ = _refuse
    cls.__delattr__ = _refuse
    cls.__replace__ = replace
    cls.__dataclass_fields__ = _OfStandard("__dataclass_fields__")
    cls.__signature__ = _OfStandard("__signature__")
    return cls


def _init(self: Any, *values: Any, **named: Any) -> None:
    names = self.__match_args__
    own = self.__dict__
    own.update(self._defaults)
    for name in self._factories:
        own[name] = own[name].make()
    if values:
        if len(values) > len(names) or not named.keys().isdisjoint(names[: len(values)]):
            raise TypeError(f"{type(self).__name__}: a field is given twice, or too many are given")
        own.update(zip(names, values, strict=False))
    own.update(named)
    if len(own) != len(names) or not named.keys() <= set(names):
        wrong = sorted(own.keys() ^ set(names))
        raise TypeError(f"{type(self).__name__}: missing or unknown fields: {', '.join(wrong)}")


def _eq(self: Any, other: object) -> Any:
    return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    own = self.__dict__
    return hash(tuple(own[name] for name in self.__match_args__))


def _repr(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{n}={getattr(self, n)!r}' for n in self.__match_args__)})"


def _refuse(self: Any, name: str, *_: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot change field {name!r}")


class _OfStandard:
    """An attribute of the same class as the standard decorator makes it; worked out when first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: Any) -> Any:
        import dataclasses
        import inspect
        import typing

        try:
            hints = typing.get_type_hints(owner)
        except NameError:  # a name that only type checkers import; nothing that is asked for here needs what it means
            hints = {name: text for base in reversed(owner.__mro__) for name, text in _written(base).items()}
        rows = [(name, hints[name], *_default_of(owner, name, dataclasses.field)) for name in owner.__match_args__]
        standard = dataclasses.make_dataclass(owner.__name__, rows)
        owner.__dataclass_fields__ = vars(standard)["__dataclass_fields__"]
        owner.__signature__ = inspect.signature(standard)
        return getattr(owner, self._name)


def _written(cls: Any) -> dict[str, Any]:
    """The annotations of one class as they are written."""
    return dict(vars(cls).get("__annotations__", {}))


def _default_of(owner: Any, name: str, field: Any) -> tuple[Any, ...]:
    if name not in owner._defaults:
        return ()
    default = owner._defaults[name]
    return (field(default_factory=default.make) if type(default) is _Factory else field(default=default),)

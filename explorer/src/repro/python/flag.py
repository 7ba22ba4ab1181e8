def flag(kind, value):
    """A combination of flags that has no name."""
    cls = resolve_name(kind)
    assert isinstance(cls, type) and issubclass(cls, enum.Flag), f"{kind} is no enumeration of flags"
    return cls(value)

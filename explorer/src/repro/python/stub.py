class Stub:
    """Stands for a value that was not captured. Whoever needs it is told so."""

    def __init__(self, name, why):
        self.__dict__.update(name=name, why=why)

    def __repr__(self):
        return f"<stub of {self.name}: {self.why}>"

    def missing(self, *args, **kwargs):
        pytest.fail(f"{self.name} is needed here, and only a stub of it is there: {self.why}")

    __getattr__ = __setattr__ = __call__ = __iter__ = __len__ = __bool__ = __contains__ = __str__ = missing
    __getitem__ = __setitem__ = __enter__ = __await__ = __aiter__ = __aenter__ = __int__ = __float__ = __index__ = missing
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __mod__ = __lt__ = __le__ = __gt__ = __ge__ = missing

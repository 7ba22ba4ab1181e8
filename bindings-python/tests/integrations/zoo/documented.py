def area(width, height):
    """The area.

    >>> width = 3
    >>> area(width, None)
    6
    >>> area(2, 2)
    5
    """
    return width * height

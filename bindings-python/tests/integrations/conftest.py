"""Tests beside other people's libraries, each with the real thing.

There are two worlds: ``requirements/*-new.txt`` are the versions that PyPI has now, ``requirements/*-old.txt`` the oldest major versions
that people still run. ``tools/test-integrations`` makes an environment of each and runs these tests in it.
"""

"""What Stillframe has to do with other people's libraries, one module each.

Frameworks need nothing of this by hand: once capturing is on, each is observed when the program imports it. What a program can add by hand
is in the module that is named after its library.
"""

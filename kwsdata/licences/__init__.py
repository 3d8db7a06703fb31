"""Licences of sound: a declared table, how people write their names, and which of two permits more.

    table.py     what each licence permits and asks
    names.py     `licences_of`: the licences that a text names
    compare.py   what one licence permits that another does not
    voices.py    what the makers of synthetic voices ask
    own.py       the sources and licences that a clip's row tells of its own sound

It is not legal advice. A name that is not in the table permits nothing.
"""

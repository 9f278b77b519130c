"""Chapters as pairs: a percent script that people edit, and the same as an executed notebook.

``pairs`` turns the one into the other, ``fingerprint`` says what a notebook was made from, ``execute`` runs
it, ``sanitise`` makes its outputs the same on every machine, ``check`` finds what is stale or unstable,
``anatomy`` what a chapter lacks, ``equations`` flips the signs of checked equations, and ``build`` does
``course notebooks``.
"""

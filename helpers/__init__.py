"""Computing for the executable book *Breaking the ecosystem balance*.

Import the module that knows the subject: ``from helpers.study import load_study``.
"""

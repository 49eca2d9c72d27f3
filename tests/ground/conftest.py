"""How Hypothesis looks for counterexamples here."""

from hypothesis import settings

settings.register_profile("zonehook", deadline=None)  # a busy machine is no counterexample
settings.load_profile("zonehook")

"""GAN training of the generators in ``engines/``. Never installed; run from a checkout as ``python -m train.fit``."""

"""calibwatch keeps a model's stated confidence true.

This package is imported by serving systems: it loads nothing but itself. The parts live in
`calib.client` (serving), `calib.measure` (statistics) and their neighbours.
"""

import logging as _logging

__version__ = "0.2.0"

# Whoever imports the package decides what becomes of its records: without this, Python would print the
# warnings of an application that has not set logging up.
_logging.getLogger(__name__).addHandler(_logging.NullHandler())

"""calibwatch keeps a model's stated confidence true.

This package is imported by serving systems: it loads nothing but itself. The parts live in
`calib.client` (serving), `calib.measure` (statistics) and their neighbours.
"""

__version__ = "0.2.0"

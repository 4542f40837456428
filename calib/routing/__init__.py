"""Acting on confidence: cuts with a proven accuracy."""

from __future__ import annotations

from calib.routing.certificates import Certificate, NoCertificate, certify, start_cut

__all__ = ["Certificate", "NoCertificate", "certify", "start_cut"]

"""The detectors and teachers on frames at hand, see `pipeline.ensemble`."""

from pipeline.ensemble import SILENT, Ensemble, link_models

__all__ = ["SILENT", "Ensemble", "link_models"]

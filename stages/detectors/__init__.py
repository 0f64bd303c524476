"""Person detectors, one file a family. Each turns one frame into scored boxes."""

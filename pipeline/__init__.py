"""Floor 5: what runs, in which order, on which machines. Ray, DVC, the command line. No pixels."""

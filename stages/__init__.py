"""Floor 2: one transformation of frames per file, and the pure mathematics under them."""

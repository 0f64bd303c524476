"""Floor 4: the student. Models, losses, training, evaluation, export, runtime."""

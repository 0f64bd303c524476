"""Losses of the student: one a file, pure functions of tensors; `student.py` adds them up."""

from training.losses.band import boundary_band
from training.losses.dice import soft_dice
from training.losses.mean import weighted_mean
from training.losses.student import student_losses

__all__ = ["boundary_band", "soft_dice", "student_losses", "weighted_mean"]

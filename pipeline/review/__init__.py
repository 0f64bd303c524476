"""People in the loop: doubtful labels go to Label Studio and come back as decisions in `data/reviews/`."""

"""What a study puts in place of samples: noisy corpora, transcripts, and their theory."""

"""Studies: data that replace the model's own samples (noisy corpora, transcripts), and theory."""

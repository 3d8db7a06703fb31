"""Stage `embed_augmented`: augmented clips and dev streams as speech embeddings, for the teacher."""

"""Stage `embed`: every clip of every partition as vectors, and an index of the train negatives."""

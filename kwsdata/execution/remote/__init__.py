"""Workers that do not see the project's disk: their files go through an object store."""

"""`publish`: hand the dataset on as Lhotse Shar, WebDataset and Hugging Face layouts, if its licences allow."""

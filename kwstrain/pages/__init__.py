"""What pages are made of: templates, charts, figures, numbers in words."""

"""Data only: style vectors of Kokoro's voices; see NOTICE here and `scripts/pack_kokoro_voices.py`."""
